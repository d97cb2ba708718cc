//! **Plan** (floor 2). Which trials a run plays, and in which order: a pure function of scenario and seed.
//!
//! Arms, forms and doorways are shuffled together within each variant, so that no condition has a time of its own. Two
//! things are not left to the dice: each variant begins by proving the doors of its browsers and that the collector hears,
//! and the last word of each round is a fetch of our own *after* all windows have closed. A collector that went deaf on
//! the way cannot then look like silence.
//!
//! A run has one round. Where it may be topped up (`most` of [`plan`]) it has several, all of them planned beforehand: what a
//! look at the evidence decides is only which cells' later trials are left out.
//!
//! Where a service is not on this machine its messages are spread over time ([`Pace`]): that too is read from what was
//! recorded, so a run that is taken up again keeps to it.
//!
//! What of a plan is still to be done is read from the evidence ([`next`]), never remembered: a run that was left, or whose
//! process was killed, goes on from what was recorded.

mod agenda;
mod pace;

pub use agenda::{Sent, Step, Task, next, proofs, to_be_opened, written};
pub use pace::Pace;

use std::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;

use crate::model::{Arm, Doorway, Form, Manifest, RoundSize, Timestamp, Trial, TrialId, Via};
use crate::scenario::{Experiment, Scenario, Variant};

/// More trials than any run plays in its windows; what a report and a plan can still show.
const MOST_TRIALS: usize = 1_000_000;

/// What a run plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed of the order.
    pub seed: u64,
    /// All trials, in order; a trial's id is its place.
    pub trials: Vec<Trial>,
    /// How many messages are written in an hour at the most; none: as many as come.
    pub per_hour: Option<u16>,
    /// When messages were written lately that count as well: by other runs with the same accounts.
    pub earlier: Vec<Timestamp>,
    rounds: Vec<Span>,
}

/// Where a round's trials stand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    opening: Range<usize>,
    closing: Range<usize>,
}

/// One round of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round<'a> {
    /// The trials played before the windows close.
    pub opening: &'a [Trial],
    /// The trials played after: the last positive controls.
    pub closing: &'a [Trial],
}

/// A plan that cannot be. Each text completes "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is a limit.
    #[error("plan {0} trials: a run holds {MOST_TRIALS} at most; ask for fewer trials or variants")]
    TooMany(usize),
}

impl Plan {
    /// The plan of a run that was begun, without its pace; none where its rounds were not written down.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Option<Self> {
        let place = |count: u32| usize::try_from(count).ok();
        let (mut rounds, mut at) = (Vec::new(), 0_usize);
        for size in &manifest.rounds {
            let middle = at.checked_add(place(size.opening)?)?;
            let end = middle.checked_add(place(size.closing)?)?;
            rounds.push(Span {
                opening: at..middle,
                closing: middle..end,
            });
            at = end;
        }
        (!rounds.is_empty() && at == manifest.trials.len()).then(|| Self {
            seed: manifest.seed,
            trials: manifest.trials.clone(),
            per_hour: None,
            earlier: Vec::new(),
            rounds,
        })
    }

    /// How its messages are spread over time; none: not at all.
    #[must_use]
    pub fn pace(&self) -> Option<Pace> {
        let seed = self.seed;
        self.per_hour.map(|per_hour| Pace { per_hour, seed })
    }

    /// How many trials each round has.
    #[must_use]
    pub fn sizes(&self) -> Vec<RoundSize> {
        let count = |span: &Range<usize>| u32::try_from(span.len()).unwrap_or(u32::MAX);
        let rounds = self.rounds.iter().map(|round| RoundSize {
            opening: count(&round.opening),
            closing: count(&round.closing),
        });
        rounds.collect()
    }

    /// The rounds, in order; at least one.
    pub fn rounds(&self) -> impl ExactSizeIterator<Item = Round<'_>> {
        let of = |span: &Range<usize>| self.trials.get(span.clone()).unwrap_or_default();
        self.rounds.iter().map(move |span| Round {
            opening: of(&span.opening),
            closing: of(&span.closing),
        })
    }

    /// The trials of a round and of all that come after it.
    #[must_use]
    pub fn to_come(&self, round: Round<'_>) -> &[Trial] {
        let first = round.opening.first().map(|trial| trial.id);
        let from = self.trials.iter().position(|trial| Some(trial.id) == first);
        from.and_then(|from| self.trials.get(from..))
            .unwrap_or_default()
    }
}

/// Plans a run of the named variants. `most` is how many trials each cell may have in all its rounds, each round as many
/// as the scenario says; none: one round.
///
/// # Errors
/// There would be more trials than a run can hold.
pub fn plan<'a>(
    scenario: &Scenario,
    variants: impl IntoIterator<Item = &'a str>,
    seed: u64,
    most: Option<u16>,
) -> Result<Plan, PlanError> {
    let experiment = &scenario.experiment;
    let variants: Vec<&str> = variants.into_iter().collect();
    let sizes = sizes(experiment.trials, most.unwrap_or(experiment.trials));
    let of_all = |size: &u16| per_round(experiment, *size) * variants.len();
    let count = sizes.iter().map(of_all).sum();
    if count > MOST_TRIALS {
        return Err(PlanError::TooMany(count));
    }
    let mut dice = ChaCha12Rng::seed_from_u64(seed);
    let (mut trials, mut rounds) = (Vec::new(), Vec::new());
    for (nth, &size) in sizes.iter().enumerate() {
        let (mut opening, mut closing) = (Vec::new(), Vec::new());
        for variant in &variants {
            let part = Part {
                variant,
                experiment,
                arms: arms(scenario, variant),
                forms: forms(scenario, variant),
                trials: size,
            };
            // Persons have no doors.
            if nth == 0 && !scenario.provenance.by_hand {
                opening.extend(part.doors());
            }
            opening.extend(part.heard());
            let mut middle = part.middle();
            middle.shuffle(&mut dice);
            opening.extend(middle);
            closing.extend(part.heard());
        }
        rounds.push(Span {
            opening: append(&mut trials, opening),
            closing: append(&mut trials, closing),
        });
    }
    Ok(Plan {
        seed,
        trials,
        per_hour: experiment.per_hour,
        earlier: Vec::new(),
        rounds,
    })
}

/// What is played in a variant.
fn arms<'a>(scenario: &'a Scenario, variant: &str) -> &'a [Arm] {
    let own = variant_of(scenario, variant).and_then(|variant| variant.arms.as_ref());
    own.unwrap_or(&scenario.experiment.arms)
}

/// What is planted in a variant.
fn forms<'a>(scenario: &'a Scenario, variant: &str) -> &'a [Form] {
    let own = variant_of(scenario, variant).and_then(|variant| variant.forms.as_ref());
    own.unwrap_or(&scenario.experiment.forms)
}

fn variant_of<'a>(scenario: &'a Scenario, name: &str) -> Option<&'a Variant> {
    scenario.variants.iter().find(|one| one.name == name)
}

/// How many trials of each cell a round has.
fn sizes(each: u16, most: u16) -> Vec<u16> {
    let (each, most) = (each.max(1), most.max(each));
    let whole = std::iter::repeat_n(each, usize::from(most / each));
    let rest = Some(most % each).filter(|rest| *rest > 0);
    whole.chain(rest).collect()
}

/// An upper bound of the trials that a round of a variant takes, so that nothing too large is made first.
fn per_round(experiment: &Experiment, size: u16) -> usize {
    let (arms, forms, doors) = (
        experiment.arms.len() + 1,
        experiment.forms.len(),
        experiment.doors.len(),
    );
    usize::from(size) * arms * forms * doors + 2
}

/// Numbers trials by their place.
fn append(all: &mut Vec<Trial>, more: Vec<Trial>) -> Range<usize> {
    let from = all.len();
    for trial in more {
        let id = TrialId(u32::try_from(all.len()).unwrap_or(u32::MAX));
        all.push(Trial { id, ..trial });
    }
    from..all.len()
}

/// The part of a round that belongs to one variant.
struct Part<'a> {
    variant: &'a str,
    experiment: &'a Experiment,
    arms: &'a [Arm],
    forms: &'a [Form],
    trials: u16,
}

impl Part<'_> {
    /// The proof that each browser comes by its own door.
    fn doors(&self) -> Vec<Trial> {
        // A browser need not trust the collector's certificate to be led to its door, so doors are proven in the clear,
        // and by a plain page where one is planted.
        let clear = self
            .forms
            .iter()
            .find(|form| matches!(form, Form::Http | Form::QuerySecret));
        let form = *clear.unwrap_or(&Form::Http);
        let doors = [Via::Sender, Via::Recipient];
        doors
            .into_iter()
            .flat_map(|via| self.reached(&[form], via))
            .collect()
    }

    /// A fetch of our own of each form.
    fn heard(&self) -> Vec<Trial> {
        self.reached(self.forms, Via::Auditor)
    }

    fn middle(&self) -> Vec<Trial> {
        let mut trials = Vec::new();
        for &arm in self.arms.iter().filter(|arm| **arm != Arm::Reached) {
            for &form in self.forms {
                for &doorway in self.doorways(arm) {
                    let trial = self.trial(arm, form, doorway);
                    trials.extend(std::iter::repeat_n(trial, usize::from(self.trials)));
                }
            }
        }
        // One of each form has been played first, and one will be last.
        let between = usize::from(self.trials.saturating_sub(2));
        for trial in self.heard() {
            trials.extend(std::iter::repeat_n(trial, between));
        }
        trials
    }

    /// Doors are a factor where a link leaves by a browser. Whoever only opens a link must be served it.
    fn doorways(&self, arm: Arm) -> &[Doorway] {
        match arm {
            Arm::Visited => &[Doorway::Open],
            Arm::Unsent | Arm::Reached => &[Doorway::Sealed],
            _ => &self.experiment.doors,
        }
    }

    fn reached(&self, forms: &[Form], via: Via) -> Vec<Trial> {
        let wanted = self.arms.contains(&Arm::Reached);
        let forms = forms.iter().filter(|_| wanted);
        forms
            .map(|&form| Trial {
                via: Some(via),
                ..self.trial(Arm::Reached, form, Doorway::Sealed)
            })
            .collect()
    }

    fn trial(&self, arm: Arm, form: Form, doorway: Doorway) -> Trial {
        Trial {
            id: TrialId(0),
            variant: self.variant.to_owned(),
            arm,
            form,
            via: (arm == Arm::Visited).then_some(Via::Sender),
            doorway: Some(doorway),
        }
    }
}
