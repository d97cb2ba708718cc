use std::collections::BTreeMap;
use std::thread;

use crate::diagnostic::Source;
use crate::model::{Cell, Evidence, Flaw};
use crate::plan::PlanError;
use crate::scenario::{Scenario, parse};
use crate::verdict::{JudgeError, judge};

use super::play::play;
use super::tally::Tally;
use super::truth::{CellTruth, Spot, truths};
use super::world::World;

/// What all worlds are drawn from.
const MODEL: &str = include_str!("world.toml");

/// What can keep worlds from being simulated. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The built-in scenario.
    #[error("read the scenario that worlds are drawn from: {0} mistakes in it")]
    Model(usize),
    /// A world was drawn too large.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A world left nothing to judge.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A thread came to nothing.
    #[error("simulate worlds: one of the threads that do so broke off")]
    BrokeOff,
}

/// Worlds to simulate.
#[derive(Debug)]
pub struct Worlds {
    model: Scenario,
}

/// A world that was played.
#[derive(Debug)]
pub struct Simulated {
    /// What is in the evidence.
    pub evidence: Evidence,
    /// What is true of each cell that asks about the service.
    pub truths: BTreeMap<Spot, CellTruth>,
    /// What was broken everywhere.
    pub flaws: Vec<Flaw>,
    /// It may have been topped up.
    pub topped_up: bool,
}

impl Worlds {
    /// Ready to draw any.
    ///
    /// # Errors
    /// The built-in scenario is wrong.
    pub fn new() -> Result<Self, SimulateError> {
        let (name, text) = ("a made-up world".to_owned(), MODEL.to_owned());
        let model = parse(Source { name, text });
        let (model, _) = model.map_err(|mistakes| SimulateError::Model(mistakes.len()))?;
        Ok(Self { model })
    }

    /// Plays one world.
    ///
    /// # Errors
    /// It was drawn too large.
    pub fn play(&self, seed: u64) -> Result<Simulated, SimulateError> {
        let world = World::draw(&self.model, seed)?;
        let played = play(&world);
        Ok(Simulated {
            truths: truths(&world, &played),
            flaws: played.flaws.iter().copied().collect(),
            topped_up: played.topped_up,
            evidence: played.evidence,
        })
    }

    /// Plays worlds, judges each, and counts. `judge_by` says what is said of one, and `tell` hears of every world.
    ///
    /// # Errors
    /// A world cannot be played or judged.
    pub fn tally(
        &self,
        seeds: impl Iterator<Item = u64>,
        judge_by: impl Fn(&Evidence) -> Result<Vec<Cell>, JudgeError>,
        tell: impl Fn(),
    ) -> Result<Tally, SimulateError> {
        let mut tally = Tally::default();
        for seed in seeds {
            let world = self.play(seed)?;
            let cells = judge_by(&world.evidence)?;
            tally.take(seed, &world.truths, &cells, world.topped_up);
            tell();
        }
        Ok(tally)
    }

    /// Plays and judges `count` worlds on all processors. The same seed gives the same figures.
    ///
    /// # Errors
    /// A world cannot be played or judged.
    pub fn simulate(
        &self,
        seed: u64,
        count: u32,
        tell: impl Fn() + Sync,
    ) -> Result<Tally, SimulateError> {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let share = (count as usize).div_ceil(workers).max(1);
        let seeds: Vec<u64> = (0..count)
            .map(|nth| seed.wrapping_add(nth.into()))
            .collect();
        let work = |seeds: &[u64]| {
            let judged = |evidence: &Evidence| Ok(judge(evidence)?.cells);
            self.tally(seeds.iter().copied(), judged, &tell)
        };
        thread::scope(|scope| {
            let work = &work;
            let parts: Vec<_> = seeds
                .chunks(share)
                .map(|part| scope.spawn(move || work(part)))
                .collect();
            let mut all = Tally::default();
            for part in parts {
                all.join(part.join().map_err(|_| SimulateError::BrokeOff)??);
            }
            Ok(all)
        })
    }
}
