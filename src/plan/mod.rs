//! **Plan** (floor 2). Which trials a run plays, and in which order: a pure function of scenario and seed.
//!
//! Arms and forms are shuffled together within each variant, so that no condition has a time of its own. Two things are
//! not left to the dice: each variant begins by proving the doors of its browsers and that the collector hears, and the
//! last word of each variant is a fetch of our own *after* all windows have closed. A collector that went deaf on the way
//! cannot then look like silence.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;

use crate::model::{Arm, Form, Trial, TrialId, Via};
use crate::scenario::{Experiment, Scenario};

/// What a run plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed of the order.
    pub seed: u64,
    /// All trials, in order; a trial's id is its place.
    pub trials: Vec<Trial>,
    /// How many of them are played before the windows close; the others after.
    pub opening: usize,
}

/// A plan that cannot be. Each text completes "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A token has room for so many trials.
    #[error("plan {0} trials: a run holds 65535 at most; ask for fewer trials or variants")]
    TooMany(usize),
}

impl Plan {
    /// The trials played before the windows close.
    #[must_use]
    pub fn before_the_windows_close(&self) -> &[Trial] {
        &self.trials[..self.opening]
    }

    /// The trials played after: the last positive controls.
    #[must_use]
    pub fn after_the_windows_closed(&self) -> &[Trial] {
        &self.trials[self.opening..]
    }
}

/// Plans a run of the named variants.
///
/// # Errors
/// There would be more trials than a token can count.
pub fn plan<'a>(
    scenario: &Scenario,
    variants: impl IntoIterator<Item = &'a str>,
    seed: u64,
) -> Result<Plan, PlanError> {
    let mut dice = ChaCha12Rng::seed_from_u64(seed);
    let (mut opening, mut closing) = (Vec::new(), Vec::new());
    for variant in variants {
        let part = Part {
            variant,
            experiment: &scenario.experiment,
        };
        opening.extend(part.first());
        let mut middle = part.middle();
        middle.shuffle(&mut dice);
        opening.extend(middle);
        closing.extend(part.last());
    }
    let played_before = opening.len();
    let trials = number(opening.into_iter().chain(closing))?;
    Ok(Plan {
        seed,
        trials,
        opening: played_before,
    })
}

/// The part of a plan that belongs to one variant.
struct Part<'a> {
    variant: &'a str,
    experiment: &'a Experiment,
}

impl Part<'_> {
    fn first(&self) -> Vec<Trial> {
        // A browser need not trust the collector's certificate to be led to its door, so doors are proven in the clear,
        // and by a plain page where one is planted.
        let clear = self
            .experiment
            .forms
            .iter()
            .find(|form| matches!(form, Form::Http | Form::QuerySecret));
        let doors = [Via::Sender, Via::Recipient]
            .map(|via| self.reached(std::iter::once(clear.unwrap_or(&Form::Http)), via));
        let heard = self.reached(self.experiment.forms.iter(), Via::Auditor);
        doors.into_iter().flatten().chain(heard).collect()
    }

    fn middle(&self) -> Vec<Trial> {
        let arms = self
            .experiment
            .arms
            .iter()
            .filter(|arm| **arm != Arm::Reached);
        let planted = arms.flat_map(|&arm| {
            self.experiment
                .forms
                .iter()
                .map(move |&form| (arm, form, None))
        });
        let planted =
            planted.flat_map(|cell| std::iter::repeat_n(cell, usize::from(self.experiment.trials)));
        // One of each form has been played first, and one will be last.
        let between = usize::from(self.experiment.trials.saturating_sub(2));
        let heard = self.reached(self.experiment.forms.iter(), Via::Auditor);
        let heard = heard
            .into_iter()
            .flat_map(|trial| std::iter::repeat_n(trial, between));
        planted
            .map(|(arm, form, via)| self.trial(arm, form, via))
            .chain(heard)
            .collect()
    }

    fn last(&self) -> Vec<Trial> {
        self.reached(self.experiment.forms.iter(), Via::Auditor)
    }

    fn reached<'f>(&self, forms: impl Iterator<Item = &'f Form>, via: Via) -> Vec<Trial> {
        let wanted = self.experiment.arms.contains(&Arm::Reached);
        forms
            .filter(|_| wanted)
            .map(|&form| self.trial(Arm::Reached, form, Some(via)))
            .collect()
    }

    fn trial(&self, arm: Arm, form: Form, via: Option<Via>) -> Trial {
        Trial {
            id: TrialId(0),
            variant: self.variant.to_owned(),
            arm,
            form,
            via,
        }
    }
}

fn number(trials: impl Iterator<Item = Trial>) -> Result<Vec<Trial>, PlanError> {
    let trials: Vec<Trial> = trials.collect();
    let count = trials.len();
    let numbered = trials.into_iter().enumerate().map(|(at, trial)| {
        let id = u16::try_from(at)
            .map(TrialId)
            .map_err(|_| PlanError::TooMany(count))?;
        Ok(Trial { id, ..trial })
    });
    numbered.collect()
}
