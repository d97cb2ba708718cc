//! Judged runs in short: kept beside the evidence, and held against each other.

use std::io::Write as _;
use std::path::Path;

use super::exit::Stopped;
use super::knowledge::Held;
use super::out::place;
use super::store::{Named, evidence, wait};
use crate::history::{CompareError, RATE, abridge, beside, compare};
use crate::model::{Baselines, Cell, Comparison, Evidence, Summary};
use crate::report::json;
use crate::store::Store;
use crate::verdict::{ExitStatus, RULES, judge_knowing};

/// What a judged run is held against, and where what it comes to is kept.
#[derive(Default)]
pub(super) struct Past {
    pub(super) baselines: Option<Baselines>,
    pub(super) store: Option<Named>,
}

impl Past {
    /// Reads the baselines in a file, where one is named.
    pub(super) fn read(baselines: Option<&Path>, store: Option<Named>) -> Result<Self, Stopped> {
        let baselines = baselines.map(read_baselines).transpose()?;
        Ok(Self { baselines, store })
    }

    /// Keeps what a judged run comes to, and says what has changed since its baselines.
    pub(super) fn look(
        &self,
        evidence: &Evidence,
        cells: &[Cell],
        held: &Held,
    ) -> Result<Vec<Comparison>, Stopped> {
        let Some(summary) = abridge(evidence, cells, RULES) else {
            return Ok(Vec::new());
        };
        if let Some(Named::File(store)) = &self.store
            && is_lasting(held, &summary)
        {
            keep(store, [(last(evidence), &summary)]);
        }
        match &self.baselines {
            Some(baselines) => since(baselines, &summary).map_err(Stopped::usage),
            None => Ok(Vec::new()),
        }
    }
}

/// What has changed since a run's baselines.
pub(super) fn since(baselines: &Baselines, run: &Summary) -> Result<Vec<Comparison>, CompareError> {
    let pairs = beside(baselines, run).into_iter();
    pairs
        .map(|(baseline, own)| compare(&baseline, &own, RATE))
        .collect()
}

/// Whatever else is said, a change for the worse is a failure.
pub(super) fn worst(status: ExitStatus, changes: &[Comparison]) -> ExitStatus {
    match changes.iter().any(Comparison::is_regression) {
        true => ExitStatus::Failed,
        false => status,
    }
}

/// Whether what a run comes to would come out the same for everybody and for good: with the knowledge that comes with the
/// program, and when no window is open any more.
const fn is_lasting(held: &Held, summary: &Summary) -> bool {
    held.is_built_in() && !summary.provisional
}

/// Keeps what runs come to, each with the last record it was judged from. It is an opinion, so a store that does not take it
/// is no failure.
fn keep<'a>(store: &Store, judged: impl IntoIterator<Item = (u64, &'a Summary)>) {
    if let Err(error) = store.keep(judged) {
        tracing::debug!(%error, "the judgement is not kept");
    }
}

fn last(evidence: &Evidence) -> u64 {
    evidence.entries.last().map_or(0, |entry| entry.seq)
}

/// Judges a run, in short.
pub(super) fn abridged(evidence: &Evidence, held: &Held) -> Result<Summary, Stopped> {
    let judged = judge_knowing(evidence, held.sources()).map_err(Stopped::could_not_run)?;
    let summary = abridge(evidence, &judged.cells, RULES);
    summary.ok_or_else(|| Stopped::could_not_run("judge the run: its evidence has no manifest"))
}

/// Every run of the store in short, the oldest first; of one service where one is named. What is not kept is judged.
pub(super) fn summaries(
    named: &Named,
    held: &Held,
    service: Option<&str>,
) -> Result<Vec<Summary>, Stopped> {
    let mut all = match named {
        Named::File(store) if held.is_built_in() => kept_or_judged(store, held, service)?,
        _ => judged(named, held)?,
    };
    all.retain(|run| service.is_none_or(|service| run.service == service));
    Ok(all)
}

/// Judged runs that are kept in one go: each go waits for the disk.
const TOGETHER: usize = 256;

fn kept_or_judged(
    store: &Store,
    held: &Held,
    service: Option<&str>,
) -> Result<Vec<Summary>, Stopped> {
    let mut all = Vec::new();
    // The last records and the places of those that are judged now.
    let mut fresh: Vec<(u64, usize)> = Vec::new();
    let keep_fresh = |fresh: &mut Vec<(u64, usize)>, all: &[Summary]| {
        let judged = fresh.drain(..);
        keep(
            store,
            judged.filter_map(|(last, place)| Some((last, all.get(place)?))),
        );
    };
    for kept in store.kept(RULES, service).map_err(Stopped::could_not_run)? {
        if let Some(summary) = kept.summary {
            all.push(summary);
            continue;
        }
        let evidence = store.evidence(kept.run).map_err(Stopped::could_not_run)?;
        let summary = abridged(&evidence, held)?;
        if is_lasting(held, &summary) {
            fresh.push((last(&evidence), all.len()));
        }
        all.push(summary);
        if fresh.len() == TOGETHER {
            keep_fresh(&mut fresh, &all);
        }
    }
    keep_fresh(&mut fresh, &all);
    Ok(all)
}

fn judged(named: &Named, held: &Held) -> Result<Vec<Summary>, Stopped> {
    let store = named.any();
    let mut all = Vec::new();
    for row in wait(store.runs())?.map_err(Stopped::could_not_run)? {
        let evidence = evidence(&*store, row.run)?;
        if evidence.manifest().is_some() {
            all.push(abridged(&evidence, held)?);
        }
    }
    Ok(all)
}

/// The baselines in a file.
pub(super) fn read_baselines(path: &Path) -> Result<Baselines, Stopped> {
    let failed =
        |why: &str| Stopped::usage(format!("read the baselines in {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            failed("there is no such file; `waxseal baseline set RUN` makes one")
        }
        _ => failed(&error.to_string()),
    })?;
    // Told apart from a mistake in the file: what a later version wrote is none.
    let format = serde_json::from_str::<serde_json::Value>(&text)
        .map_err(|error| failed(&error.to_string()))?
        .get("format")
        .and_then(serde_json::Value::as_u64);
    if format.is_some_and(|format| format > u64::from(crate::model::SUMMARY_FORMAT)) {
        return Err(failed("a later waxseal wrote it; use that one"));
    }
    serde_json::from_str(&text).map_err(|error| failed(&error.to_string()))
}

/// Writes baselines to their file: beside its place, and moved there whole.
pub(super) fn write_baselines(path: &Path, baselines: &Baselines) -> Result<(), Stopped> {
    let failed = |error: std::io::Error| {
        Stopped::could_not_run(format!(
            "write the baselines to {}: {error}",
            path.display()
        ))
    };
    let text = json::baselines_1(baselines).map_err(|error| failed(error.into()))? + "\n";
    place(path, true, |mut file| file.write_all(text.as_bytes())).map_err(failed)
}
