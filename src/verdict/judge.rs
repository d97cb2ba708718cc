use std::time::Duration;

use crate::attribution::Sources;
use crate::model::{
    Actor, ActorSummary, Arm, Cell, Depth, Doubt, Evidence, Failure, Form, Outcome, Phase, Trial,
    Verdict,
};

use super::facts::Facts;
use super::observe::{Observation, observe};
use super::sets::{each_once, first_once, sorted};
use super::{clopper_pearson, control, outcome};

/// Below this, absence is not spoken of: zero of two still allows four in five.
const FEWEST_FOR_ABSENCE: u32 = 3;

/// What can be said about a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Every cell, by variant, arm and form in the scenario's order.
    pub cells: Vec<Cell>,
    /// Every hit with a token of this run, in context.
    pub observations: Vec<Observation>,
}

/// Evidence that cannot be judged. The text completes "failed to …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// The first record says what a run set out to do; without it nothing has a meaning.
    #[error("judge the run: its evidence has no manifest")]
    NoManifest,
}

/// Says what can be said.
///
/// # Errors
/// The evidence has no manifest.
pub fn judge(evidence: &Evidence) -> Result<Judged, JudgeError> {
    judge_knowing(evidence, Sources::built_in())
}

/// Says what can be said, with other knowledge of who is who than what comes with the program.
///
/// # Errors
/// The evidence has no manifest.
pub fn judge_knowing(evidence: &Evidence, sources: Sources<'_>) -> Result<Judged, JudgeError> {
    let facts = Facts::sort(evidence, sources).ok_or(JudgeError::NoManifest)?;
    let observations = observe(&facts);
    let mut cells = Vec::new();
    for variant in &facts.manifest.variants {
        let doubts = control::doubts(&facts, &observations, &variant.name);
        let bench = Bench {
            facts: &facts,
            observations: &observations,
            variant: &variant.name,
            doubts: &doubts,
        };
        cells.extend(bench.cells());
    }
    Ok(Judged {
        cells,
        observations,
    })
}

/// Where the cells of one variant are judged.
struct Bench<'a> {
    facts: &'a Facts<'a>,
    observations: &'a [Observation],
    variant: &'a str,
    doubts: &'a [Doubt],
}

impl Bench<'_> {
    fn cells(&self) -> Vec<Cell> {
        let grid = Arm::ALL
            .iter()
            .flat_map(|&arm| Form::ALL.iter().map(move |&form| (arm, form)));
        grid.filter_map(|(arm, form)| self.cell(arm, form))
            .collect()
    }

    fn cell(&self, arm: Arm, form: Form) -> Option<Cell> {
        let planned: Vec<&Trial> = self.trials(arm, form);
        let played: Vec<&Trial> = planned
            .iter()
            .copied()
            .filter(|trial| self.is_out(trial))
            .collect();
        let hits = count(played.iter().filter(|trial| self.is_hit(trial)));
        let seen = self.seen_in(&planned);
        let mut cell = Cell {
            variant: self.variant.to_owned(),
            arm,
            form,
            verdict: Verdict::Inconclusive,
            depth: None,
            trials: count(played.iter()),
            planned: count(planned.iter()),
            hits,
            late: count(played.iter().filter(|trial| self.visited(trial, true))),
            hearsay: count(played.iter().filter(|trial| self.is_known(trial))),
            interval: clopper_pearson(hits, count(played.iter())),
            first_delay: first_delay(arm, &seen),
            actors: summaries(&seen),
            doubts: self.doubts_of(arm, &planned),
            expected: None,
            outcome: Outcome::NotRun,
        };
        (!planned.is_empty()).then(|| {
            self.speak(&mut cell, &seen);
            cell
        })
    }

    /// The verdict, and what it means for the claim.
    fn speak(&self, cell: &mut Cell, seen: &[&Observation]) {
        if cell.hits + cell.late == 0 && cell.arm != Arm::Reached {
            self.doubt_absence(cell);
        }
        cell.verdict = verdict(cell);
        if cell.verdict == Verdict::Observed {
            cell.depth = depth(cell.arm, seen);
        }
        let claim = outcome::claim(&self.facts.manifest.expectations, cell);
        cell.outcome = outcome::outcome(cell, claim);
        cell.expected = claim.cloned();
    }

    /// What stands against absence and not against presence.
    fn doubt_absence(&self, cell: &mut Cell) {
        if cell.trials < FEWEST_FOR_ABSENCE {
            add(&mut cell.doubts, Doubt::TooFewTrials);
        }
        let shown = matches!(cell.arm, Arm::Sent | Arm::Drafted);
        let known = cell.hearsay > 0;
        if shown && (known || control::came_by_another_link(self.facts, self.variant)) {
            add(&mut cell.doubts, Doubt::LinkRewritten);
        }
        cell.doubts.sort_unstable();
    }

    fn trials(&self, arm: Arm, form: Form) -> Vec<&Trial> {
        let of_this = |trial: &&Trial| {
            trial.variant == self.variant && trial.arm == arm && trial.form == form
        };
        self.facts.manifest.trials.iter().filter(of_this).collect()
    }

    /// Whether a trial's link got where its arm wants it.
    fn is_out(&self, trial: &Trial) -> bool {
        match trial.arm {
            Arm::Unsent => true,
            Arm::Reached => self.facts.probe_of(trial.id).is_some(),
            Arm::Drafted => self.facts.is_exposed(trial.id, Phase::Compose),
            // Typed and not sent is no trial of sending.
            Arm::Sent => self.facts.is_exposed(trial.id, Phase::Send),
        }
    }

    fn is_hit(&self, trial: &Trial) -> bool {
        match trial.arm {
            Arm::Reached => control::heard(self.facts, self.observations, trial),
            Arm::Sent | Arm::Drafted | Arm::Unsent => self.visited(trial, false),
        }
    }

    /// Whether a stranger came, in its window or after.
    fn visited(&self, trial: &Trial, late: bool) -> bool {
        let mut seen = self.observations.iter();
        seen.any(|seen| {
            seen.trial == trial.id && !seen.actor.is_own() && seen.late == late && !seen.hearsay
        })
    }

    /// Whether a stranger had its link, and none came for it.
    fn is_known(&self, trial: &Trial) -> bool {
        let mut seen = self.observations.iter();
        let visited = self.visited(trial, false) || self.visited(trial, true);
        !visited && seen.any(|seen| seen.trial == trial.id && !seen.actor.is_own() && seen.hearsay)
    }

    fn seen_in(&self, trials: &[&Trial]) -> Vec<&Observation> {
        let of_these = |seen: &&Observation| {
            !seen.hearsay && trials.iter().any(|trial| trial.id == seen.trial)
        };
        self.observations.iter().filter(of_these).collect()
    }

    fn doubts_of(&self, arm: Arm, planned: &[&Trial]) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        self.failures(arm, planned)
            .for_each(|failure| add(&mut doubts, failure.doubt));
        for trial in planned {
            self.doubts_of_trial(trial)
                .into_iter()
                .for_each(|doubt| add(&mut doubts, doubt));
        }
        for &doubt in self.doubts {
            add(&mut doubts, doubt);
        }
        let by_browser = matches!(arm, Arm::Sent | Arm::Drafted);
        if by_browser && !control::doors_are_proven(self.facts, self.observations, self.variant) {
            add(&mut doubts, Doubt::Unsealed);
        }
        doubts.sort_unstable();
        doubts
    }

    /// Failures of these trials, and those that kept the whole variant from being played by browsers.
    fn failures(&self, arm: Arm, planned: &[&Trial]) -> impl Iterator<Item = &Failure> {
        let by_browser = matches!(arm, Arm::Sent | Arm::Drafted);
        let concerns = move |failure: &&&Failure| match failure.trial {
            Some(id) => planned.iter().any(|trial| trial.id == id),
            None => by_browser && failure.variant == self.variant,
        };
        self.facts.failures.iter().filter(concerns).copied()
    }

    fn doubts_of_trial(&self, trial: &Trial) -> Vec<Doubt> {
        if !self.is_out(trial) {
            return vec![Doubt::TooFewTrials];
        }
        let unsure = self
            .facts
            .exposures_of(trial.id)
            .any(|exposure| exposure.to.is_none());
        let unproven = |phase| trial.arm == Arm::Sent && !self.facts.noticed(trial.id, phase);
        let found = [
            (
                Doubt::ExposureUnconfirmed,
                unsure || unproven(Phase::Confirm),
            ),
            (Doubt::NotDelivered, unproven(Phase::Receive)),
            (Doubt::HelloOnly, control::hello_only(self.facts, trial)),
        ];
        found
            .into_iter()
            .filter(|(_, holds)| *holds)
            .map(|(doubt, _)| doubt)
            .collect()
    }
}

fn verdict(cell: &Cell) -> Verdict {
    let presence_stands = !cell.doubts.iter().any(|doubt| doubt.unsettles_presence());
    match (cell.arm, cell.hits + cell.late) {
        (Arm::Reached, heard) if heard < cell.planned => Verdict::Inconclusive,
        (_, hits) if hits > 0 && presence_stands => Verdict::Observed,
        (_, 0) if cell.doubts.is_empty() => Verdict::NotObserved,
        _ => Verdict::Inconclusive,
    }
}

fn add(doubts: &mut Vec<Doubt>, doubt: Doubt) {
    if !doubts.contains(&doubt) {
        doubts.push(doubt);
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// Whose coming makes a cell: strangers, except where we came ourselves.
fn counts(arm: Arm, seen: &Observation) -> bool {
    seen.actor.is_own() == (arm == Arm::Reached)
}

fn depth(arm: Arm, seen: &[&Observation]) -> Option<Depth> {
    seen.iter()
        .filter(|seen| counts(arm, seen))
        .map(|seen| seen.depth)
        .max()
}

fn first_delay(arm: Arm, seen: &[&Observation]) -> Option<Duration> {
    seen.iter()
        .filter(|seen| counts(arm, seen))
        .filter_map(|seen| seen.delay)
        .min()
}

fn summaries(seen: &[&Observation]) -> Vec<ActorSummary> {
    let of = |actor: Actor| {
        seen.iter()
            .copied()
            .filter(move |seen| seen.actor == actor)
            .collect::<Vec<_>>()
    };
    Actor::ALL
        .iter()
        .filter_map(|&actor| summary(actor, &of(actor)))
        .collect()
}

fn summary(actor: Actor, seen: &[&Observation]) -> Option<ActorSummary> {
    Some(ActorSummary {
        actor,
        trials: count(each_once(seen.iter().map(|seen| seen.trial)).iter()),
        hits: count(seen.iter()),
        depth: seen.iter().map(|seen| seen.depth).max()?,
        refused: count(seen.iter().filter(|seen| seen.refused)),
        phases: sorted(each_once(seen.iter().filter_map(|seen| seen.phase))),
        methods: first_once(seen.iter().filter_map(|seen| seen.method.clone())),
        parts: sorted(each_once(
            seen.iter().flat_map(|seen| seen.parts.iter().copied()),
        )),
        bytes: seen.iter().map(|seen| seen.bytes).max().unwrap_or_default(),
        agents: first_once(seen.iter().filter_map(|seen| seen.agent.clone())),
        peers: sorted(first_once(seen.iter().map(|seen| seen.peer))),
        factors: first_once(seen.iter().flat_map(|seen| seen.factors.iter()))
            .into_iter()
            .cloned()
            .collect(),
        confidence: seen.iter().filter_map(|seen| seen.confidence).min(),
    })
}
