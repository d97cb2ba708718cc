use std::collections::BTreeMap;

use crate::model::{
    Actor, Calibration, Cell, Doorway, Flaw, Judgements, Measure, Share, Truth, Verdict,
};
use crate::verdict::clopper_pearson;

use super::truth::{CellTruth, Spot};

/// So many wrong cells are told one by one.
const TOLD: usize = 10;

/// How often a rate may miss: as every interval that waxseal states.
const ERROR: f64 = 0.05;

/// What was true, and what was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    worlds: u32,
    matrix: BTreeMap<Truth, Judgements<Truth>>,
    flaws: BTreeMap<Flaw, Judgements<Flaw>>,
    shares: BTreeMap<Measure, (u32, u32)>,
    wrong: Vec<String>,
}

impl Tally {
    /// Counts one world: what is true of its cells, what was said of them, and whether the run was topped up.
    pub fn take(
        &mut self,
        seed: u64,
        truths: &BTreeMap<Spot, CellTruth>,
        cells: &[Cell],
        topped_up: bool,
    ) {
        self.worlds += 1;
        let mut worst =
            BTreeMap::from([(Measure::FalseClean, false), (Measure::FalseFetched, false)]);
        // What is wrong anywhere keeps every cell of the world from having to say something.
        let sound = truths.values().all(|truth| {
            truth.alone && truth.on_time && truth.flaws.iter().all(|flaw| *flaw == Flaw::TooFew)
        });
        for cell in cells {
            let Some(truth) = truths.get(&(cell.arm, cell.form, cell.doorway)) else {
                continue;
            };
            self.count(cell, truth);
            for (measure, is_so) in findings(cell, truth, sound, topped_up) {
                if is_so && measure.is_about_verdicts() {
                    self.tell(seed, measure, cell, truth);
                }
                match worst.get_mut(&measure) {
                    Some(world) => *world |= is_so,
                    None => self.add(measure, is_so),
                }
            }
        }
        for (measure, is_so) in worst {
            self.add(measure, is_so);
        }
    }

    fn count(&mut self, cell: &Cell, truth: &CellTruth) {
        let kind = truth.kind();
        self.matrix
            .entry(kind)
            .or_insert(Judgements::of(kind))
            .add(cell.verdict);
        for &flaw in &truth.flaws {
            self.flaws
                .entry(flaw)
                .or_insert(Judgements::of(flaw))
                .add(cell.verdict);
        }
    }

    fn add(&mut self, measure: Measure, is_so: bool) {
        let (count, of) = self.shares.entry(measure).or_default();
        *count += u32::from(is_so);
        *of += 1;
    }

    fn tell(&mut self, seed: u64, measure: Measure, cell: &Cell, truth: &CellTruth) {
        if self.wrong.len() < TOLD {
            let flaws: Vec<&str> = truth.flaws.iter().map(|flaw| flaw.name()).collect();
            let doubts: Vec<&str> = cell.doubts.iter().map(|doubt| doubt.name()).collect();
            self.wrong.push(format!(
                "seed {seed}: {} {} {} {}: {measure}; truly {}, depth {:?}, broken [{}]; doubts [{}], {}/{} late {} elsewhere {}",
                cell.arm, cell.form, doorway(cell.doorway), cell.verdict, truth.kind(), truth.depth,
                flaws.join(" "), doubts.join(" "), cell.hits, cell.trials, cell.late, cell.elsewhere,
            ));
        }
    }

    /// Puts another tally to this one.
    pub fn join(&mut self, other: Self) {
        self.worlds += other.worlds;
        for (truth, theirs) in other.matrix {
            self.matrix
                .entry(truth)
                .or_insert(Judgements::of(truth))
                .join(theirs);
        }
        for (flaw, theirs) in other.flaws {
            self.flaws
                .entry(flaw)
                .or_insert(Judgements::of(flaw))
                .join(theirs);
        }
        for (measure, (count, of)) in other.shares {
            let ours = self.shares.entry(measure).or_default();
            *ours = (ours.0 + count, ours.1 + of);
        }
        let room = TOLD.saturating_sub(self.wrong.len());
        self.wrong.extend(other.wrong.into_iter().take(room));
    }

    /// What it comes to.
    #[must_use]
    pub fn close(self, seed: u64) -> Calibration {
        let share = |measure: &Measure| {
            let (count, of) = self.shares.get(measure).copied().unwrap_or_default();
            let interval = clopper_pearson(count, of, ERROR);
            (
                *measure,
                Share {
                    count,
                    of,
                    interval,
                },
            )
        };
        Calibration {
            seed,
            worlds: self.worlds,
            shares: Measure::ALL.iter().map(share).collect(),
            matrix: self.matrix.into_values().collect(),
            flaws: self.flaws.into_values().collect(),
            wrong: self.wrong,
            personas: Vec::new(),
        }
    }
}

const fn doorway(doorway: Doorway) -> &'static str {
    doorway.name()
}

/// What a cell adds to each measure, where it adds anything.
fn findings(cell: &Cell, truth: &CellTruth, sound: bool, topped_up: bool) -> Vec<(Measure, bool)> {
    let says = |verdict| cell.verdict == verdict;
    let seen = |actor| cell.actors.iter().any(|summary| summary.actor == actor);
    let whole = truth.flaws.is_empty();
    let mut found = vec![
        (
            Measure::FalseClean,
            says(Verdict::NotObserved) && (truth.came || !whole),
        ),
        (
            Measure::FalseFetched,
            says(Verdict::Observed) && seen(Actor::Provider) && !truth.provider,
        ),
    ];
    let mut add = |measure, counts: bool, is_so| found.extend(counts.then_some((measure, is_so)));
    add(Measure::NoiseObserved, says(Verdict::Observed), !truth.came);
    add(
        Measure::CarriedOver,
        says(Verdict::Observed),
        truth.carried_over,
    );
    add(
        Measure::Undecided,
        sound && whole,
        says(Verdict::Inconclusive),
    );
    let observed = whole && truth.on_time && says(Verdict::Observed);
    // How far a bystander went is not how far the service did.
    let apart = observed && truth.alone;
    add(Measure::WrongDepth, apart, cell.depth != truth.depth);
    add(
        Measure::WrongActor,
        observed && truth.tells,
        !seen(Actor::Provider),
    );
    if let Some(held) = truth.is_held_by(cell.interval) {
        let measure = if topped_up {
            Measure::ToppedUpCoverage
        } else {
            Measure::IntervalCoverage
        };
        add(measure, cell.trials > 0, held);
    }
    found
}
