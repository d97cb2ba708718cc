use std::ops::Range;

use crate::model::{Observation, TrialId};

use super::shelf::Shelf;

/// All observations, to be had by trial.
pub(super) struct Seen<'a> {
    all: &'a [Observation],
    of: Shelf<Range<usize>>,
}

impl<'a> Seen<'a> {
    /// Of observations that stand by trial.
    pub(super) fn new(all: &'a [Observation]) -> Self {
        let mut of = Vec::new();
        let mut from = 0;
        for trial in all.chunk_by(|one, next| one.trial == next.trial) {
            let to = from + trial.len();
            if let Some(first) = trial.first() {
                of.push((u64::from(first.trial.0), from..to));
            }
            from = to;
        }
        Self {
            all,
            of: Shelf::of(of),
        }
    }

    /// The visits to a trial's link, and those whose senders had it.
    pub(super) fn named(&self, trial: TrialId) -> impl Iterator<Item = &'a Observation> + use<'a> {
        let span = self.of.get(trial.0.into()).cloned().unwrap_or_default();
        self.all.get(span).unwrap_or_default().iter()
    }

    /// The visits to a trial's link.
    pub(super) fn visits(&self, trial: TrialId) -> impl Iterator<Item = &'a Observation> + use<'a> {
        self.named(trial).filter(|seen| !seen.hearsay)
    }
}
