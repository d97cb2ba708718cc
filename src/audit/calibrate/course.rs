use std::collections::BTreeSet;

use crate::model::{Arm, Depth, Flaw, Phase, Trial, TrialId};

/// What truly happened in one trial.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub(super) trial: Trial,
    /// In order, by a clock that is always right.
    pub(super) steps: Vec<Taken>,
    pub(super) flaws: BTreeSet<Flaw>,
    pub(super) omitted: bool,
}

/// The link went a step further.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// None for a fetch of our own.
    pub(super) phase: Option<Phase>,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Somebody came to a trial's link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came {
    pub(super) trial: TrialId,
    /// Which of the world's visitors.
    pub(super) visitor: usize,
    pub(super) at: i64,
    pub(super) depth: Depth,
    /// They asked for the link, or at least for its host.
    pub(super) is_visit: bool,
    /// They began TLS, and no more.
    pub(super) is_hello: bool,
    /// What of it stands against silence, where it is no visit.
    pub(super) odd: Option<Flaw>,
    /// The step that brought them.
    pub(super) cause: Option<Phase>,
    /// The collector wrote it down.
    pub(super) heard: bool,
}

impl Course {
    pub(super) const fn of(trial: Trial) -> Self {
        Self {
            trial,
            steps: Vec::new(),
            flaws: BTreeSet::new(),
            omitted: false,
        }
    }

    /// Whether the link got where its arm wants it.
    pub(super) fn is_out(&self) -> bool {
        match self.trial.arm.exposing() {
            Some(phase) => self.steps.iter().any(|step| step.phase == Some(phase)),
            None => self.trial.arm == Arm::Unsent || !self.steps.is_empty(),
        }
    }

    /// The step that an instant follows.
    pub(super) fn step_before(&self, at: i64) -> Option<&Taken> {
        self.steps.iter().rev().find(|step| step.from <= at)
    }

    /// The spans in which a visit counts: from each step that the cell asks about to the next, or to its window's end.
    pub(super) fn listened(
        &self,
        asks: impl Fn(Phase) -> bool,
        window: i64,
        end: i64,
    ) -> Vec<(i64, i64)> {
        let next = self.steps.iter().skip(1).map(|step| step.from - 1);
        let until = next.chain(std::iter::once(i64::MAX));
        let spans = self.steps.iter().zip(until);
        let asked = spans.filter(|(step, _)| step.phase.is_some_and(&asks));
        asked
            .map(|(step, until)| (step.from, until.min(step.to + window).min(end)))
            .collect()
    }
}

/// Whether an instrument that listens can be wrong about the chance of a visit because of it: visits are lost,
/// misplaced, or nobody's.
pub(super) const fn hides_the_rate(flaw: Flaw) -> bool {
    matches!(
        flaw,
        Flaw::DeadControl | Flaw::Gap | Flaw::Clock | Flaw::Cut | Flaw::Leak | Flaw::Door
    )
}
