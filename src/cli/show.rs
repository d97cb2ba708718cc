use std::fmt::Write as _;
use std::path::PathBuf;

use super::args::{Show, StorePath};
use super::exit::{Exit, Stopped};
use super::out::say;
use super::store::named_evidence;
use crate::audit::{SceneState, Scenes, excerpt};
use crate::diagnostic::{Source, printable};
use crate::model::{Evidence, Failure, Manifest, Record, TrialId};
use crate::verdict::ExitStatus;

/// What went wrong before any trial goes by this name.
const LOGIN: &str = "login";
/// Where scenes are kept when the store is elsewhere.
const BESIDE: &str = "waxseal.failures";

/// Where it is kept what pages looked like: beside the store.
pub(super) fn scenes(store: &StorePath) -> Scenes {
    Scenes::at(match store.collector() {
        Some(_) => PathBuf::from(BESIDE),
        None => store.path.with_extension("failures"),
    })
}

pub(super) fn show(asked: &Show, colour: bool) -> Result<Exit, Stopped> {
    let evidence = named_evidence(&asked.store, &asked.run)?;
    let manifest = evidence.manifest().ok_or_else(|| {
        Stopped::could_not_run(format!(
            "show run {}: nothing was planted in it",
            evidence.run
        ))
    })?;
    let all = failures(&evidence);
    let Some(trial) = &asked.trial else {
        say(&in_short(&evidence, &all));
        return Ok(Exit(ExitStatus::Met));
    };
    let failed = of_trial(&evidence, manifest, &all, trial)?;
    let source = Source {
        name: manifest.scenario.path.clone(),
        text: manifest.scenario.text.clone().unwrap_or_default(),
    };
    let scenes = scenes(&asked.store);
    let mut whole = true;
    for failure in failed {
        say(&told(manifest, &source, failure, colour));
        let (text, kept) = files(&scenes, &evidence, failure);
        say(&text);
        whole &= kept;
    }
    Ok(Exit(match whole {
        true => ExitStatus::Met,
        false => ExitStatus::Failed,
    }))
}

fn failures(evidence: &Evidence) -> Vec<&Failure> {
    let entries = evidence.entries.iter();
    let failed = entries.filter_map(|entry| match &entry.record {
        Record::Failure(failure) => Some(failure),
        _ => None,
    });
    failed.collect()
}

/// One line for each failure.
fn in_short(evidence: &Evidence, all: &[&Failure]) -> String {
    if all.is_empty() {
        return format!("nothing went wrong in run {}\n", evidence.run);
    }
    let lines = all.iter().map(|failure| {
        let kept = match &failure.scene {
            Some(scene) => format!("  ({} files)", scene.files.len()),
            None => String::new(),
        };
        format!(
            "{:>5}  {}  {} at {}: {}{kept}\n",
            name(failure),
            failure.doubt,
            failure.account,
            failure.phase,
            printable(&failure.message, 120)
        )
    });
    lines.collect()
}

fn name(failure: &Failure) -> String {
    let trial = failure.trial.map(|trial| trial.to_string());
    trial.unwrap_or_else(|| LOGIN.to_owned())
}

fn of_trial<'e>(
    evidence: &Evidence,
    manifest: &Manifest,
    all: &[&'e Failure],
    asked: &str,
) -> Result<Vec<&'e Failure>, Stopped> {
    let trial = match asked {
        LOGIN => None,
        number => Some(number.parse().map(TrialId).map_err(|_| {
            Stopped::usage(format!(
                "show trial `{number}`: give its number, or `{LOGIN}`"
            ))
        })?),
    };
    let failed = all.iter().filter(|failure| failure.trial == trial);
    let failed: Vec<&Failure> = failed.copied().collect();
    if !failed.is_empty() {
        return Ok(failed);
    }
    let known = trial.is_none_or(|trial| manifest.trials.iter().any(|one| one.id == trial));
    let why = match known {
        true => "nothing went wrong in it",
        false => "the run has no such trial",
    };
    let mut names: Vec<String> = all.iter().map(|failure| name(failure)).collect();
    names.dedup();
    names.truncate(20);
    let advice = match names.is_empty() {
        true => "nor in any other".to_owned(),
        false => format!("something did in {}", names.join(", ")),
    };
    Err(Stopped::usage(format!(
        "show trial {asked} of run {}: {why}; {advice}",
        evidence.run
    )))
}

/// The failure at its line; in plain words where no step failed, or the evidence does not hold the scenario.
fn told(manifest: &Manifest, source: &Source, failure: &Failure, colour: bool) -> String {
    let trial = manifest
        .trials
        .iter()
        .find(|one| Some(one.id) == failure.trial);
    let what = match trial {
        Some(trial) => format!("trial {} ({} {})", trial.id, trial.arm, trial.form),
        None => "before any trial".to_owned(),
    };
    let heading = format!(
        "{what}, variant {}, {:.0}\n",
        printable(&failure.variant, 60),
        failure.at
    );
    let shown = excerpt(source, failure, colour);
    if !shown.is_empty() && !source.text.is_empty() {
        return format!("{heading}\n{shown}");
    }
    let line = failure.step.as_ref();
    let line = line.map(|step| format!(" (line {})", step.line));
    format!(
        "{heading}\n{}: the {} at {}{}: {}\n\n",
        failure.doubt,
        failure.account,
        failure.phase,
        line.unwrap_or_default(),
        printable(&failure.message, 700)
    )
}

/// What was kept, and whether it still is what it was.
fn files(scenes: &Scenes, evidence: &Evidence, failure: &Failure) -> (String, bool) {
    let place = failure
        .scene
        .as_ref()
        .and_then(|scene| Some((scene, scenes.folder(evidence.run, scene)?)));
    let Some((scene, folder)) = place else {
        return ("nothing of the page was kept\n\n".to_owned(), true);
    };
    let (mut text, mut whole) = (String::new(), true);
    for file in &scene.files {
        let state = match Scenes::state(&folder, file) {
            SceneState::Whole => "",
            SceneState::Altered => "  ALTERED since it was kept",
            SceneState::Gone => "  is not there any more",
        };
        whole &= state.is_empty();
        let path = folder.join(printable(&file.name, 80));
        let path = printable(&path.display().to_string(), 400);
        let _ = writeln!(text, "  {path}  {} bytes{state}", file.bytes);
    }
    (text + "\n", whole)
}
