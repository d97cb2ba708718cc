use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::args::Choice;
use super::exit::Stopped;
use super::out::complain;
use crate::audit::{GivenError, Values, values};
use crate::diagnostic::{Diagnostic, Source, did_you_mean, render, render_all};
use crate::model::{Manifest, Status, VariantRef};
use crate::plan::{Plan, plan};
use crate::scenario::{Scenario, Variant, parse};

/// What a new user runs first.
const FIRST: &str = include_str!("../../scenarios/practice/first.toml");

/// A scenario with what was chosen of it on the command line.
pub(super) struct Chosen {
    pub(super) scenario: Scenario,
    pub(super) plan: Plan,
    pub(super) variants: Vec<Variant>,
    given: Given,
}

/// Values of variables from the command line: for all variants, and for one.
#[derive(Default)]
struct Given {
    all: Values,
    own: BTreeMap<String, Values>,
    typed: Values,
}

impl Chosen {
    /// Each chosen variant with the values of its variables.
    pub(super) fn values(&self) -> Result<Vec<(VariantRef, Values)>, GivenError> {
        self.variants
            .iter()
            .map(|variant| {
                let values = self.values_of(variant)?;
                let covariates = self.scenario.covariates(variant, &values);
                Ok((reference(variant, covariates), values))
            })
            .collect()
    }

    fn values_of(&self, variant: &Variant) -> Result<Values, GivenError> {
        let own = self
            .given
            .own
            .get(&variant.name)
            .cloned()
            .unwrap_or_default();
        values(
            &self.scenario,
            variant,
            &[self.given.all.clone(), own, self.given.typed.clone()],
        )
    }
}

fn reference(variant: &Variant, covariates: BTreeMap<String, String>) -> VariantRef {
    VariantRef {
        name: variant.name.clone(),
        title: variant.title.clone(),
        networks: variant.networks.clone(),
        covariates,
    }
}

/// A file itself; of a folder every `.toml` in it and below, in order.
pub(super) fn files_of(path: &Path) -> Result<Vec<PathBuf>, Stopped> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for found in entries(&folder)? {
            // A link to a folder may lead back to where it stands.
            if found.is_dir() && !found.is_symlink() {
                folders.push(found);
            } else if found.extension().is_some_and(|ending| ending == "toml") {
                files.push(found);
            }
        }
    }
    files.sort();
    if files.is_empty() {
        let name = path.display();
        return Err(Stopped::usage(format!(
            "find a scenario in {name}: there is no .toml in it"
        )));
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Stopped> {
    let failed = |error| Stopped::usage(format!("look into {}: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<Result<_, _>>().map_err(failed)
}

pub(super) fn read(file: &Path) -> Result<Source, Stopped> {
    read_as("scenario", file)
}

/// Reads a text file; `what` says in the error what it should have been.
pub(super) fn read_as(what: &str, file: &Path) -> Result<Source, Stopped> {
    let name = file.display().to_string();
    match std::fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(Source { name, text }),
        Ok(Err(_)) => Err(Stopped::usage(format!(
            "read {what} {name}: it is not UTF-8 text"
        ))),
        Err(error) => Err(Stopped::usage(format!("read {what} {name}: {error}"))),
    }
}

/// Reads and validates a scenario; where no file is named, the one that is built in.
pub(super) fn load(file: Option<&Path>, colour: bool) -> Result<Scenario, Stopped> {
    let source = match file {
        Some(file) => read(file)?,
        None => Source {
            name: "practice/first.toml (built in)".to_owned(),
            text: FIRST.to_owned(),
        },
    };
    validated(source, colour)
}

/// A scenario that is already read.
pub(super) fn validated(source: Source, colour: bool) -> Result<Scenario, Stopped> {
    match parse(source.clone()) {
        Ok((scenario, warnings)) => {
            warn(&source, &warnings, colour);
            Ok(scenario)
        }
        Err(mistakes) => Err(Stopped::mistakes(render_all(
            &[(&source, mistakes.as_slice())],
            colour,
        ))),
    }
}

fn warn(source: &Source, warnings: &[Diagnostic], colour: bool) {
    if !warnings.is_empty() {
        complain(&render(source, warnings, colour));
    }
}

/// Of what the scenario plants only what was named, if anything was.
fn keep_only<T: PartialEq + Display>(
    what: &str,
    all: &mut Vec<T>,
    named: &[T],
) -> Result<(), Stopped> {
    if let Some(strange) = named.iter().find(|one| !all.contains(one)) {
        let all: Vec<String> = all.iter().map(|one| format!("`{one}`")).collect();
        let all = all.join(", ");
        return Err(Stopped::usage(format!(
            "plant in {what} `{strange}`: the scenario has only {all}"
        )));
    }
    if !named.is_empty() {
        all.retain(|one| named.contains(one));
    }
    Ok(())
}

/// A variant's own choice holds among what is left.
fn narrow<T: PartialEq>(own: &mut Option<Vec<T>>, left: &[T]) {
    if let Some(own) = own {
        own.retain(|one| left.contains(one));
    }
}

/// Makes a plan from what was chosen.
pub(super) fn choose(mut scenario: Scenario, choice: &Choice) -> Result<Chosen, Stopped> {
    must_be_alive(&scenario)?;
    if let Some(trials) = choice.trials {
        scenario.experiment.trials = trials;
    }
    if let Some(window) = choice.window {
        scenario.experiment.window = window;
    }
    if choice.per_hour.is_some() {
        scenario.experiment.per_hour = choice.per_hour;
    }
    keep_only("arm", &mut scenario.experiment.arms, &choice.arms)?;
    keep_only("form", &mut scenario.experiment.forms, &choice.forms)?;
    for variant in &mut scenario.variants {
        narrow(&mut variant.arms, &scenario.experiment.arms);
        narrow(&mut variant.forms, &scenario.experiment.forms);
    }
    let seed = choice.seed.map_or_else(draw_seed, Ok)?;
    let variants = variants(&scenario, &choice.variants)?;
    let plan = plan(
        &scenario,
        variants.iter().map(|variant| variant.name.as_str()),
        seed,
        choice.max_trials,
    );
    let plan = plan.map_err(Stopped::usage)?;
    let given = given(choice, &scenario)?;
    Ok(Chosen {
        scenario,
        plan,
        variants,
        given,
    })
}

/// Of a retired service nothing can be measured.
fn must_be_alive(scenario: &Scenario) -> Result<(), Stopped> {
    let service = &scenario.service;
    if scenario.provenance.status != Some(Status::Retired) {
        return Ok(());
    }
    let instead = match &service.successor {
        Some(name) => format!("; {name} took its place"),
        None => String::new(),
    };
    let title = &service.title;
    Err(Stopped::usage(format!(
        "audit {title}: the service is retired{instead}"
    )))
}

/// The variants of a run that is taken up again, each with the values of its variables: what is typed counts before what
/// was `kept` from when it was begun, and that before what the scenario says.
pub(super) fn values_again(
    scenario: &Scenario,
    manifest: &Manifest,
    typed: &Choice,
    kept: &BTreeMap<String, Values>,
) -> Result<Vec<(VariantRef, Values)>, Stopped> {
    let given = given(typed, scenario)?;
    let nothing = Values::new();
    let mut all = Vec::new();
    for played in &manifest.variants {
        let known = scenario.variants.iter().find(|one| one.name == played.name);
        let variant = known.ok_or_else(|| unknown_variant(scenario, &played.name))?;
        let kept = kept.get(&played.name).unwrap_or(&nothing);
        let own = given.own.get(&played.name).unwrap_or(&nothing);
        let given = [kept, &given.all, own, &given.typed].map(Values::clone);
        let values = values(scenario, variant, &given).map_err(Stopped::usage)?;
        all.push((played.clone(), values));
    }
    Ok(all)
}

/// A seed that a person can type again.
fn draw_seed() -> Result<u64, Stopped> {
    let drawn = getrandom::u32()
        .map_err(|error| Stopped::could_not_run(format!("draw a seed: {error}")))?;
    Ok(u64::from(drawn))
}

fn variants(scenario: &Scenario, names: &[String]) -> Result<Vec<Variant>, Stopped> {
    if names.is_empty() {
        return Ok(scenario.variants.clone());
    }
    let known = |name: &String| {
        scenario
            .variants
            .iter()
            .find(|variant| variant.name == *name)
            .cloned()
    };
    names
        .iter()
        .map(|name| known(name).ok_or_else(|| unknown_variant(scenario, name)))
        .collect()
}

fn unknown_variant(scenario: &Scenario, name: &str) -> Stopped {
    let known: Vec<&str> = scenario
        .variants
        .iter()
        .map(|variant| variant.name.as_str())
        .collect();
    unknown("play variant", name, &known, "the scenario has")
}

fn unknown(what: &str, name: &str, known: &[&str], has: &str) -> Stopped {
    let advice = match did_you_mean(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => format!("{has} none"),
        None => format!("{has} {}", known.join(", ")),
    };
    Stopped::usage(format!(
        "{what} `{name}`: there is none of that name; {advice}"
    ))
}

fn given(choice: &Choice, scenario: &Scenario) -> Result<Given, Stopped> {
    let mut given = match &choice.vars_file {
        Some(path) => from_file(path, scenario)?,
        None => Given::default(),
    };
    given.typed = choice.vars.iter().cloned().collect();
    let names = given
        .all
        .keys()
        .chain(given.typed.keys())
        .chain(given.own.values().flat_map(BTreeMap::keys));
    let known: Vec<&str> = scenario.vars.keys().map(String::as_str).collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            return Err(unknown(
                "fill in variable",
                name,
                &known,
                "the scenario has",
            ));
        }
    }
    Ok(given)
}

fn from_file(path: &Path, scenario: &Scenario) -> Result<Given, Stopped> {
    let failed = |reason: String| {
        Stopped::usage(format!("read variables from {}: {reason}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| failed(error.message().to_owned()))?;
    let mut given = Given::default();
    for (name, value) in table {
        match value {
            toml::Value::String(value) => _ = given.all.insert(name, value),
            toml::Value::Table(own)
                if scenario.variants.iter().any(|variant| variant.name == name) =>
            {
                let own = own.into_iter().map(|(key, value)| match value {
                    toml::Value::String(value) => Ok((key, value)),
                    _ => Err(failed(format!("`{name}.{key}` must be a string"))),
                });
                given
                    .own
                    .insert(name.clone(), own.collect::<Result<_, _>>()?);
            }
            toml::Value::Table(_) => return Err(unknown_variant(scenario, &name)),
            _ => {
                return Err(failed(format!(
                    "`{name}` must be a string, or a table named like a variant"
                )));
            }
        }
    }
    Ok(given)
}
