use std::collections::HashSet;

use crate::attribution::Sources;
use crate::model::{Arm, Cell, Constancy, Doubt, Evidence, HitKind, Observation, Record, Verdict};

use super::{advised, bound};
use crate::verdict::judge::judge_knowing;

/// What would have changed a verdict. What can be tried is tried on the evidence without the records in question.
pub(super) fn sentences(
    evidence: &Evidence,
    cell: &Cell,
    makers: &[&Observation],
    sources: Sources<'_>,
) -> Vec<String> {
    let again = Again {
        evidence,
        cell,
        sources,
    };
    let mut said = match cell.verdict {
        Verdict::Observed => without_the_visits(&again, makers),
        Verdict::NotObserved => without_the_controls(&again),
        Verdict::Inconclusive => without_a_doubt(cell),
    };
    match cell.advice {
        Some(advice) => said.push(format!("{}.", advised(advice.trials, advice.settles))),
        None if cell.constancy == Some(Constancy::Unsettled) => {
            said.push("These are too few trials to call it repeatable.".to_owned());
        }
        None => {}
    }
    said
}

fn without_the_visits(again: &Again<'_>, makers: &[&Observation]) -> Vec<String> {
    let cell = again.cell;
    let hits: HashSet<u64> = makers.iter().map(|seen| seen.hit).collect();
    let other = again.without(|seq, _| hits.contains(&seq));
    let mut said: Vec<String> = other
        .map(|other| format!("Without these hits it would read {}.", read(&other)))
        .into_iter()
        .collect();
    if cell.arm != Arm::Reached && cell.hits > 1 {
        said.push(
            "Any one of them alone would keep it observed; how often it happens hangs on all."
                .into(),
        );
    }
    said
}

fn without_the_controls(again: &Again<'_>) -> Vec<String> {
    let cell = again.cell;
    let auditor = again
        .evidence
        .manifest()
        .map(|manifest| manifest.auditor.clone());
    let ours = |record: &Record| match record {
        Record::Hit(hit) => match &hit.kind {
            HitKind::Http(request) => request
                .header("user-agent")
                .is_some_and(|agent| Some(agent.text()) == auditor),
            _ => false,
        },
        _ => false,
    };
    let deaf = again.without(|_, record| ours(record));
    let mut said = vec![format!(
        "One visit by whoever may be the service would make it observed. A chance of up to {:.1} % would still look like this.",
        cell.interval.high * 100.0
    )];
    said.extend(deaf.map(|other| {
        format!(
            "Had the collector not heard our own fetches, it would read {}.",
            read(&other)
        )
    }));
    said
}

/// What each doubt alone keeps from being said.
fn without_a_doubt(cell: &Cell) -> Vec<String> {
    let left = |without: Doubt| -> Vec<Doubt> {
        let others = cell.doubts.iter().copied();
        others.filter(|doubt| *doubt != without).collect()
    };
    let reading = |doubts: &[Doubt]| match cell.hits + cell.late {
        0 if doubts.is_empty() => Some(Verdict::NotObserved),
        0 => None,
        _ => (!doubts.iter().any(|doubt| doubt.unsettles_presence())).then_some(Verdict::Observed),
    };
    let alone = cell.doubts.iter().filter_map(|doubt| {
        let verdict = reading(&left(*doubt))?;
        Some(format!(
            "Without {doubt} it would read {verdict} ({}).",
            bound(cell.interval)
        ))
    });
    let alone: Vec<String> = alone.collect();
    match (alone.is_empty(), cell.doubts.len()) {
        (false, _) => alone,
        (true, 0) => vec!["No control of this kind was heard in every trial.".to_owned()],
        (true, _) => vec!["No doubt stands alone: all of them would have to go.".to_owned()],
    }
}

/// A cell that is judged again without some records.
struct Again<'a> {
    evidence: &'a Evidence,
    cell: &'a Cell,
    sources: Sources<'a>,
}

impl Again<'_> {
    fn without(&self, gone: impl Fn(u64, &Record) -> bool) -> Option<Cell> {
        let entries = self.evidence.entries.iter();
        let kept = entries.filter(|entry| !gone(entry.seq, &entry.record));
        let other = Evidence {
            run: self.evidence.run,
            entries: kept.cloned().collect(),
        };
        let cells = judge_knowing(&other, self.sources).ok()?.cells;
        let name = |cell: &Cell| (cell.variant.clone(), cell.arm, cell.form, cell.doorway);
        cells
            .into_iter()
            .find(|other| name(other) == name(self.cell))
    }
}

fn read(cell: &Cell) -> String {
    let doubts: Vec<&str> = cell.doubts.iter().map(|doubt| doubt.name()).collect();
    let doubts = match doubts.is_empty() {
        true => String::new(),
        false => format!(" for {}", doubts.join(", ")),
    };
    format!(
        "{}{doubts} ({} of {}, {})",
        cell.verdict,
        cell.hits,
        cell.trials,
        bound(cell.interval)
    )
}
