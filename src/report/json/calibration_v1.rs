//! How wrong the instrument is: format 1.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{self, Flaw, Measure, Truth};

/// A waxseal calibration.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "waxseal calibration, format 1")]
pub struct Calibration {
    /// The format's version.
    #[schemars(range(min = 1, max = 1))]
    format: u8,
    /// The seed of the worlds.
    seed: u64,
    /// How many worlds were simulated.
    worlds: u32,
    /// The share of worlds with a cell that says `not-observed` and must not.
    #[schemars(range(min = 0, max = 1))]
    false_clean: f64,
    /// The share of worlds with a cell that says that the provider came, and it did not.
    #[schemars(range(min = 0, max = 1))]
    false_fetched: f64,
    /// The share of 95 % intervals that hold the true chance.
    #[schemars(range(min = 0, max = 1))]
    interval_coverage: f64,
    /// Whether everything is as it must be.
    right: bool,
    /// Every figure with its interval.
    shares: Vec<Share>,
    /// Cells by what is true of them, and what was said.
    truths: Vec<TruthRow>,
    /// Cells by what was broken, and what was said.
    broken: Vec<FlawRow>,
    /// The first cells that were judged wrong, each with the seed of its world.
    wrong: Vec<String>,
    /// The personas of the practice messenger, audited with a real browser; empty where none was wanted.
    personas: Vec<Persona>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Share {
    measure: Measure,
    count: u32,
    of: u32,
    #[schemars(range(min = 0, max = 1))]
    share: f64,
    /// Exact 95 % interval of the chance behind it.
    #[schemars(length(equal = 2))]
    interval: Vec<f64>,
    /// Whether it is out of its limit; never so for what no instrument can know.
    wrong: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TruthRow {
    truth: Truth,
    observed: u32,
    not_observed: u32,
    inconclusive: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FlawRow {
    flaw: Flaw,
    observed: u32,
    not_observed: u32,
    inconclusive: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Persona {
    name: String,
    /// What is true of its cells.
    expected: String,
    /// What was said of them, in the same words.
    verdict: String,
    right: bool,
}

/// The format's JSON Schema (draft 2020-12).
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Calibration);
    schema.insert("$id".to_owned(), "urn:waxseal:calibration:1".into());
    schema.to_value()
}

/// A calibration in this format.
#[must_use]
pub fn report(found: &model::Calibration) -> Calibration {
    let share = |measure: Measure| found.share(measure).map_or(0.0, |share| share.share());
    Calibration {
        format: 1,
        seed: found.seed,
        worlds: found.worlds,
        false_clean: share(Measure::FalseClean),
        false_fetched: share(Measure::FalseFetched),
        interval_coverage: share(Measure::IntervalCoverage),
        right: found.is_right(),
        shares: found
            .shares
            .iter()
            .map(|(measure, share)| shared(*measure, share))
            .collect(),
        truths: found.matrix.iter().map(truth).collect(),
        broken: found.flaws.iter().map(broken).collect(),
        wrong: found.wrong.clone(),
        personas: found.personas.iter().map(persona).collect(),
    }
}

fn shared(measure: Measure, share: &model::Share) -> Share {
    Share {
        measure,
        count: share.count,
        of: share.of,
        share: share.share(),
        interval: vec![share.interval.low, share.interval.high],
        wrong: measure.is_wrong(share),
    }
}

const fn truth(row: &model::Judgements<Truth>) -> TruthRow {
    TruthRow {
        truth: row.truth,
        observed: row.observed,
        not_observed: row.not_observed,
        inconclusive: row.inconclusive,
    }
}

const fn broken(row: &model::Judgements<Flaw>) -> FlawRow {
    FlawRow {
        flaw: row.truth,
        observed: row.observed,
        not_observed: row.not_observed,
        inconclusive: row.inconclusive,
    }
}

fn persona(one: &model::Rehearsed) -> Persona {
    Persona {
        name: one.name.clone(),
        expected: one.expected.clone(),
        verdict: one.verdict.clone(),
        right: one.right,
    }
}
