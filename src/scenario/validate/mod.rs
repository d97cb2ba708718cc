//! From the file as it is written to a scenario that means something: what a schema cannot say.
//!
//! No rule stops another: whatever one rule finds wrong is reported and left out, and a rule that would need it keeps
//! quiet. So every mistake is said once, at its own place, and all of them at the first reading.

mod claims;
mod locators;
mod phases;
mod places;
mod proofs;
mod provenance;
mod rails;
mod settings;
mod steps;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Severity, Source};

use super::document::{Document, Path};
use super::mistakes::{Mistakes, Spot, Words, words};
use super::types::{Locator, Scenario};
use super::{raw, structure};

/// The largest scenario that is read, in bytes: fifty times the largest known one. What is larger is something else, and
/// some rules look at every pair of things.
const LARGEST: usize = 256 << 10;

/// Reads a scenario: a valid one with the warnings about it, or every mistake in it, in the order of the file.
///
/// # Errors
///
/// When there is any mistake. Warnings are among them then.
pub fn parse(source: Source) -> Result<(Scenario, Vec<Diagnostic>), Vec<Diagnostic>> {
    if source.text.len() > LARGEST {
        return Err(vec![too_large()]);
    }
    let (document, syntax) = Document::parse(&source.text);
    let mut mistakes = Mistakes::new(&document);
    let clean = structure::check(&raw::json_schema(), &document, &mut mistakes);
    if !syntax.is_empty() {
        return Err(with_syntax(&document, syntax, mistakes.into_sorted()));
    }
    let raw = serde_json::from_value(clean).unwrap_or_else(|error| {
        mistakes.error(Spot::Value(&Path::top()), "unreadable", unreadable(&error));
        raw::Scenario::default()
    });
    let mut checker = Checker::new(&source, &document, &raw, mistakes);
    let scenario = checker.scenario();
    let mistakes = checker.mistakes.into_sorted();
    match scenario {
        Some(scenario) if !mistakes.iter().any(is_error) => Ok((scenario, mistakes)),
        _ => Err(mistakes),
    }
}

fn is_error(mistake: &Diagnostic) -> bool {
    mistake.severity == Severity::Error
}

/// The structure check leaves only what the types take, so this is a mistake of ours.
fn unreadable(error: &serde_json::Error) -> Words {
    words(
        "this scenario cannot be read",
        error.to_string(),
        "this is a mistake in waxseal and not in the file: please report it",
    )
}

fn too_large() -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "too-large",
        message: "this is too large for a scenario".to_owned(),
        span: 0..0,
        label: format!("more than {LARGEST} bytes"),
        help: Some("check that this is the file you mean".to_owned()),
    }
}

/// In a file whose TOML is broken, what is missing may only have been lost, and what stands in a broken line may be
/// something else: both are left out.
pub(crate) fn with_syntax(
    document: &Document<'_>,
    mut syntax: Vec<Diagnostic>,
    structure: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let broken: BTreeSet<_> = syntax
        .iter()
        .map(|mistake| document.line(mistake.span.start))
        .collect();
    let trusted = structure.into_iter().filter(|mistake| {
        mistake.code != "missing-key" && !broken.contains(&document.line(mistake.span.start))
    });
    syntax.extend(trusted);
    syntax.sort_by_key(|mistake| mistake.span.start);
    syntax
}

/// The rules, and what they know.
struct Checker<'c> {
    source: &'c Source,
    document: &'c Document<'c>,
    raw: &'c raw::Scenario,
    mistakes: Mistakes<'c>,
    /// The hosts, as browsers write them.
    hosts: Vec<String>,
    /// The aliases of `[loc]` that are in order.
    locators: BTreeMap<String, Vec<Locator>>,
    /// What any step saves.
    saves: BTreeSet<String>,
    /// What the steps read so far have saved.
    saved: BTreeSet<String>,
}

impl<'c> Checker<'c> {
    fn new(
        source: &'c Source,
        document: &'c Document<'c>,
        raw: &'c raw::Scenario,
        mistakes: Mistakes<'c>,
    ) -> Self {
        Self {
            source,
            document,
            raw,
            mistakes,
            hosts: Vec::new(),
            locators: BTreeMap::new(),
            saves: phases::saves(raw),
            saved: BTreeSet::new(),
        }
    }

    /// The scenario; none when something in it is missing. The order matters: steps use hosts and aliases, and each
    /// step what earlier ones saved.
    fn scenario(&mut self) -> Option<Scenario> {
        let service = self.service();
        self.hosts = self.hosts();
        let checked = self.checked();
        let provenance = self.provenance();
        let vars = self.vars();
        let covariates = self.covariates(self.raw.covariates.as_ref(), &self.top("covariates"));
        let accounts = self.accounts();
        let timeouts = self.timeouts();
        self.aliases();
        let dismiss = self.dismiss();
        let script = self.script();
        self.phase_rules();
        self.proofs(&script);
        self.recipient(&script);
        let experiment = self.experiment();
        let variants = self.variants();
        let expectations = self.expectations();
        Some(Scenario {
            source: self.source.clone(),
            service: service?,
            hosts: self.hosts.clone(),
            checked: checked?,
            provenance,
            covariates,
            vars,
            accounts: accounts?,
            timeouts,
            locators: std::mem::take(&mut self.locators),
            dismiss,
            script,
            experiment: experiment?,
            variants,
            expectations,
        })
    }

    /// The place of something at the top of the file.
    fn top(&self, key: &str) -> Path {
        Path::top().key(key)
    }
}
