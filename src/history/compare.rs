use crate::model::{
    CellComparison, CellKey, CellSummary, Change, ChangeKind, Comparison, Counted, Depth, RunRef,
    SUMMARY_FORMAT, Summary, Verdict,
};

use super::behaviour::Ways;
use super::comparability::{Pair, comparability};
use super::exact::{Table, fisher};
use super::multiple::adjusted;

/// Which share of the changes told may be chance: the usual one.
pub const RATE: f64 = 0.05;

/// Runs that cannot be compared. The text completes "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// They are of different services.
    #[error(
        "compare the runs: one is of service `{before}`, the other of `{after}`; name two of one service"
    )]
    Services {
        /// Of the first.
        before: String,
        /// Of the second.
        after: String,
    },
}

/// Says what is different between two judged runs of one service, beyond what chance explains.
///
/// Each cell that can be compared is tested for how often somebody came, and where somebody did in both runs, for how often
/// somebody went as far as the furthest of all and for the ways in which they came. Of all changes told, at most `rate` are
/// chance in the long run ([`super::benjamini_hochberg`]); ways of coming are a family of their own.
///
/// # Errors
/// The runs are of different services.
pub fn compare(before: &Summary, after: &Summary, rate: f64) -> Result<Comparison, CompareError> {
    if before.service != after.service {
        return Err(CompareError::Services {
            before: before.service.clone(),
            after: after.service.clone(),
        });
    }
    let mut cells: Vec<Sides<'_>> = pairs(before, after)
        .into_iter()
        .map(|pair| Sides::of(before, after, pair))
        .collect();
    tell_counts(&mut cells, rate);
    tell_behaviour(&mut cells, rate);
    Ok(Comparison {
        format: SUMMARY_FORMAT,
        service: after.service.clone(),
        title: after.title.clone(),
        before: run_ref(before),
        after: run_ref(after),
        rate,
        cells: cells.into_iter().map(|cell| cell.told).collect(),
    })
}

pub(super) const fn run_ref(run: &Summary) -> RunRef {
    RunRef {
        run: run.run,
        started: run.started,
    }
}

/// Every question that one of the runs asks of the service, those of the later one first.
fn pairs<'a>(before: &'a Summary, after: &'a Summary) -> Vec<Pair<'a>> {
    fn asked(run: &Summary) -> impl Iterator<Item = &CellSummary> {
        run.cells.iter().filter(|cell| cell.key.arm.is_shown())
    }
    let in_both = asked(after).map(|cell| Pair {
        key: &cell.key,
        before: find(before, &cell.key),
        after: Some(cell),
    });
    let gone = asked(before).filter(|cell| find(after, &cell.key).is_none());
    let gone = gone.map(|cell| Pair {
        key: &cell.key,
        before: Some(cell),
        after: None,
    });
    let mut all: Vec<Pair<'_>> = in_both.chain(gone).collect();
    // What only the earlier one asks stands with its variant.
    all.sort_by_key(|pair| {
        let mut variants = after.variants.iter();
        let place = variants.position(|one| one.name == pair.key.variant);
        place.unwrap_or(after.variants.len())
    });
    all
}

fn find<'a>(run: &'a Summary, key: &CellKey) -> Option<&'a CellSummary> {
    run.cells.iter().find(|cell| cell.key == *key)
}

/// A question with what is told of it so far.
struct Sides<'a> {
    /// Both cells, where they can be compared.
    both: Option<(&'a CellSummary, &'a CellSummary)>,
    told: CellComparison,
}

impl<'a> Sides<'a> {
    fn of(before: &Summary, after: &Summary, pair: Pair<'a>) -> Self {
        let mut told = CellComparison {
            key: pair.key.clone(),
            before: pair.before.map(counted),
            after: pair.after.map(counted),
            comparability: comparability(before, after, pair),
            p: None,
            changes: Vec::new(),
        };
        let both = pair.before.zip(pair.after).filter(|_| told.is_comparable());
        told.p = both.map(|(before, after)| fisher(visited(before, after)));
        Self { both, told }
    }

    /// The cells, where somebody came in both runs.
    fn observed(&self) -> Option<(&'a CellSummary, &'a CellSummary)> {
        let observed = |cell: &CellSummary| cell.verdict == Verdict::Observed;
        self.both
            .filter(|(before, after)| observed(before) && observed(after))
    }
}

pub(super) const fn counted(cell: &CellSummary) -> Counted {
    Counted {
        trials: cell.trials,
        hits: cell.hits,
        verdict: cell.verdict,
        depth: cell.depth,
    }
}

fn visited(before: &CellSummary, after: &CellSummary) -> Table {
    Table {
        before: (before.trials, before.hits),
        after: (after.trials, after.hits),
    }
}

/// In how many trials somebody went as far as the furthest of both runs. How far that is depends on both taken together, so
/// chance alone favours neither.
fn furthest(before: &CellSummary, after: &CellSummary) -> Option<Table> {
    let reaches = || before.reaches.iter().chain(&after.reaches);
    let depth = reaches().map(|reach| reach.depth).max()?;
    let least = reaches().map(|reach| reach.depth).min()?;
    let so_far = |cell: &CellSummary| trials_at(cell, depth);
    (depth > least).then(|| Table {
        before: (before.trials, so_far(before)),
        after: (after.trials, so_far(after)),
    })
}

fn trials_at(cell: &CellSummary, depth: Depth) -> u32 {
    let reaches = cell.reaches.iter().filter(|reach| reach.depth >= depth);
    reaches.map(|reach| reach.trials).sum()
}

/// Tells how often, and how far: one family of tests over all cells.
fn tell_counts(cells: &mut [Sides<'_>], rate: f64) {
    let mut tests: Vec<(usize, ChangeKind, Table)> = Vec::new();
    for (place, cell) in cells.iter().enumerate() {
        if let Some((before, after)) = cell.both {
            let table = visited(before, after);
            tests.push((place, often(before, after, table), table));
        }
        let furthest = cell
            .observed()
            .and_then(|(before, after)| furthest(before, after));
        if let Some(table) = furthest {
            tests.push((place, far(table), table));
        }
    }
    let found: Vec<(f64, f64)> = tests
        .iter()
        .map(|(.., table)| (fisher(*table), table.least_p()))
        .collect();
    let judged = adjusted(&found, rate);
    for (((place, kind, _), (p, _)), adjusted) in tests.into_iter().zip(found).zip(judged) {
        if let Some(cell) = cells.get_mut(place).filter(|_| adjusted <= rate) {
            cell.told.changes.push(Change {
                kind,
                p,
                adjusted,
                came: Vec::new(),
                went: Vec::new(),
            });
        }
    }
}

fn often(before: &CellSummary, after: &CellSummary, table: Table) -> ChangeKind {
    match (before.verdict, after.verdict) {
        (Verdict::NotObserved, _) => ChangeKind::Appeared,
        (_, Verdict::NotObserved) => ChangeKind::Disappeared,
        _ if is_more(table) => ChangeKind::MoreOften,
        _ => ChangeKind::LessOften,
    }
}

fn far(table: Table) -> ChangeKind {
    match is_more(table) {
        true => ChangeKind::Deeper,
        false => ChangeKind::Shallower,
    }
}

/// Whether the share is larger after than before.
pub(super) fn is_more(table: Table) -> bool {
    let ((trials_before, before), (trials_after, after)) = (table.before, table.after);
    u64::from(after) * u64::from(trials_before) > u64::from(before) * u64::from(trials_after)
}

/// Tells in which ways: another family, because one difference shows in several of them.
fn tell_behaviour(cells: &mut [Sides<'_>], rate: f64) {
    let ways: Vec<(usize, Ways<'_>)> = cells
        .iter()
        .enumerate()
        .filter_map(|(place, cell)| {
            let (before, after) = cell.observed()?;
            Some((place, Ways::of(before, after)))
        })
        .collect();
    let found: Vec<(f64, f64)> = ways.iter().flat_map(|(_, ways)| ways.tests()).collect();
    let judged = adjusted(&found, rate);
    let mut tests = found.iter().map(|(p, _)| *p).zip(judged);
    for (place, ways) in ways {
        let own: Vec<(f64, f64)> = tests.by_ref().take(ways.len()).collect();
        if let Some(cell) = cells.get_mut(place) {
            cell.told.changes.extend(ways.change(&own, rate));
        }
    }
}
