use std::collections::HashMap;

use crate::model::{
    CellKey, CellSummary, ChangeKind, ChangePoint, Flips, History, Point, Pooled, SUMMARY_FORMAT,
    Series, Summary, Verdict,
};

use super::comparability::circumstances;
use super::compare::{counted, is_more, run_ref};
use super::exact::{Table, fisher};

/// A service's runs over time; none where there is none, or they are of several services. A series without any change is
/// said to have one in at most `rate` of all histories, over all its series.
///
/// **Changes.** A series is split where its trials change most: where the likelihood of two chances, one before and one
/// after, exceeds that of one chance by the largest factor. The split is believed where the *runs* on both sides differ, each
/// taken as one that shows more than the mean or does not: trials of one run have a day, a session and an outage in common,
/// and a single odd run is no change. Their difference is tested by Fisher's exact test, and its p made larger by the number
/// of all places in all series at which one could have been split (Bonferroni). Both parts are then split likewise (binary
/// segmentation: Scott and Knott, "A cluster analysis method for grouping means in the analysis of variance", Biometrics 30,
/// 1974), and a change that does not stand between its neighbours is dropped again. Series in which every run says the same
/// have no place to be split at.
#[must_use]
pub fn history(runs: &[Summary], rate: f64) -> Option<History> {
    let mut runs: Vec<&Summary> = runs.iter().collect();
    runs.sort_by_key(|run| (run.started, run.run));
    let last = runs.last()?;
    if runs.iter().any(|run| run.service != last.service) {
        return None;
    }
    let rows = rows(&runs);
    let splits: usize = rows.iter().map(Row::splits).sum();
    let series = rows.iter().map(|row| row.close(splits as f64, rate));
    Some(History {
        format: SUMMARY_FORMAT,
        service: last.service.clone(),
        title: last.title.clone(),
        rate,
        series: series.collect(),
        runs: runs.iter().map(|run| run_ref(run)).collect(),
    })
}

/// A question that is asked of the service, with the cells about it.
struct Row<'a> {
    key: &'a CellKey,
    region: Option<&'a str>,
    cells: Vec<(&'a Summary, &'a CellSummary)>,
    /// Those that say something.
    told: Vec<(&'a Summary, &'a CellSummary)>,
}

/// The rows in the order of the latest run that has them.
fn rows<'a>(runs: &[&'a Summary]) -> Vec<Row<'a>> {
    let mut places: HashMap<(&CellKey, Option<&str>), usize> = HashMap::new();
    let mut rows: Vec<Row<'a>> = Vec::new();
    for run in runs.iter().rev() {
        let region = run.circumstances.region.as_deref();
        for cell in run.cells.iter().filter(|cell| cell.key.arm.is_shown()) {
            let place = *places.entry((&cell.key, region)).or_insert_with(|| {
                rows.push(Row {
                    key: &cell.key,
                    region,
                    cells: Vec::new(),
                    told: Vec::new(),
                });
                rows.len() - 1
            });
            if let Some(row) = rows.get_mut(place) {
                row.cells.push((run, cell));
            }
        }
    }
    for row in &mut rows {
        row.cells.reverse();
        let told = row
            .cells
            .iter()
            .filter(|(_, cell)| cell.verdict != Verdict::Inconclusive);
        row.told = told.copied().collect();
    }
    rows
}

/// Part of a row, from one of its conclusive runs up to another.
type Part = std::ops::Range<usize>;

impl Row<'_> {
    /// At how many places it could be split.
    fn splits(&self) -> usize {
        let whole = self.pooled(0..self.told.len());
        match whole.hits {
            0 => 0,
            hits if hits == whole.trials => 0,
            _ => self.told.len() - 1,
        }
    }

    fn close(&self, splits: f64, rate: f64) -> Series {
        let mut changes = Vec::new();
        if self.splits() > 0 {
            self.split(0..self.told.len(), splits, rate, &mut changes);
            changes.sort_unstable();
            self.drop_weak(&mut changes, splits, rate);
        }
        Series {
            key: self.key.clone(),
            region: self.region.map(str::to_owned),
            points: self
                .cells
                .iter()
                .map(|(run, cell)| point(run, cell))
                .collect(),
            flips: self.flips(),
            changes: self.told_changes(&changes, splits),
        }
    }

    fn flips(&self) -> Flips {
        let neighbours = self.told.windows(2);
        let turned = neighbours.clone().filter(|pair| match pair {
            [(_, one), (_, next)] => one.verdict != next.verdict,
            _ => false,
        });
        Flips {
            turned: count(turned.count()),
            of: count(neighbours.count()),
        }
    }

    fn part(&self, part: Part) -> &[(&Summary, &CellSummary)] {
        self.told.get(part).unwrap_or_default()
    }

    fn pooled(&self, part: Part) -> Pooled {
        let cells = self.part(part);
        Pooled {
            runs: count(cells.len()),
            trials: cells.iter().map(|(_, cell)| cell.trials).sum(),
            hits: cells.iter().map(|(_, cell)| cell.hits).sum(),
        }
    }

    /// Splits a part where it changes, and its parts likewise.
    fn split(&self, part: Part, splits: f64, rate: f64, found: &mut Vec<usize>) {
        let mut parts = vec![part];
        while let Some(part) = parts.pop() {
            let Some(at) = self.sharpest(part.clone()) else {
                continue;
            };
            if self.chance(part.start, at, part.end) * splits <= rate {
                found.push(at);
                parts.extend([part.start..at, at..part.end]);
            }
        }
    }

    /// Where two chances explain a part most better than one: the first run of the second half. None where none do.
    fn sharpest(&self, part: Part) -> Option<usize> {
        let whole = self.pooled(part.clone());
        let mut before = Pooled::default();
        let mut best: Option<(usize, f64)> = None;
        for (at, (_, cell)) in (part.start + 1..part.end).zip(self.part(part.clone())) {
            before.trials += cell.trials;
            before.hits += cell.hits;
            let rest = (whole.trials - before.trials, whole.hits - before.hits);
            let likelihood =
                log_likelihood(before.trials, before.hits) + log_likelihood(rest.0, rest.1);
            if best.is_none_or(|(_, most)| likelihood > most) {
                best = Some((at, likelihood));
            }
        }
        best.map(|(at, _)| at)
    }

    /// How likely chance alone makes the runs of two neighbouring parts as different, each run taken as one.
    fn chance(&self, from: usize, at: usize, to: usize) -> f64 {
        let whole = self.pooled(from..to);
        // More than the mean of both, in whole numbers.
        let shows = |cell: &CellSummary| {
            u64::from(cell.hits) * u64::from(whole.trials)
                > u64::from(whole.hits) * u64::from(cell.trials)
        };
        let side = |part: Part| {
            let cells = self.part(part);
            let showing = cells.iter().filter(|(_, cell)| shows(cell));
            (count(cells.len()), count(showing.count()))
        };
        fisher(Table {
            before: side(from..at),
            after: side(at..to),
        })
    }

    /// The neighbours of each change: where the one before it was, and where the one after it is.
    fn neighbours(&self, changes: &[usize]) -> Vec<(usize, usize, usize)> {
        let starts = std::iter::once(0).chain(changes.iter().copied());
        let ends = changes.iter().copied().skip(1);
        let ends = ends.chain(std::iter::once(self.told.len()));
        let all = starts.zip(changes.iter().copied()).zip(ends);
        all.map(|((from, at), to)| (from, at, to)).collect()
    }

    /// Drops the weakest change for as long as it does not stand between its neighbours.
    fn drop_weak(&self, changes: &mut Vec<usize>, splits: f64, rate: f64) {
        loop {
            let stands = self.neighbours(changes).into_iter();
            let stands = stands.map(|(from, at, to)| (self.chance(from, at, to) * splits, at));
            match stands.max_by(|one, other| one.0.total_cmp(&other.0)) {
                Some((p, at)) if p > rate => changes.retain(|other| *other != at),
                _ => return,
            }
        }
    }

    fn told_changes(&self, changes: &[usize], splits: f64) -> Vec<ChangePoint> {
        let all = self.neighbours(changes).into_iter();
        let told = all.filter_map(|(from, at, to)| {
            let (last, _) = self.told.get(at - 1)?;
            let (first, _) = self.told.get(at)?;
            let (before, after) = (self.pooled(from..at), self.pooled(at..to));
            Some(ChangePoint {
                kind: kind(before, after),
                last: run_ref(last),
                first: run_ref(first),
                before,
                after,
                p: (self.chance(from, at, to) * splits).min(1.0),
                besides: circumstances(last, first, &self.key.variant),
            })
        });
        told.collect()
    }
}

fn kind(before: Pooled, after: Pooled) -> ChangeKind {
    let table = Table {
        before: (before.trials, before.hits),
        after: (after.trials, after.hits),
    };
    match (before.hits, after.hits, is_more(table)) {
        (0, _, _) => ChangeKind::Appeared,
        (_, 0, _) => ChangeKind::Disappeared,
        (_, _, true) => ChangeKind::MoreOften,
        (_, _, false) => ChangeKind::LessOften,
    }
}

fn point(run: &Summary, cell: &CellSummary) -> Point {
    Point {
        run: run.run,
        started: run.started,
        counted: counted(cell),
        interval: cell.interval,
        doubts: cell.doubts.clone(),
    }
}

/// Of so many hits in so many trials, under the chance that makes them likeliest.
fn log_likelihood(trials: u32, hits: u32) -> f64 {
    let part = |count: u32| match count {
        0 => 0.0,
        count => f64::from(count) * (f64::from(count) / f64::from(trials)).ln(),
    };
    part(hits) + part(trials - hits)
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}
