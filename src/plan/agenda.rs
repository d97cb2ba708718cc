//! What is to be done next in a run, read from what was done: a pure function of plan and evidence.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{Arm, Evidence, Exposure, Form, Phase, Record, Timestamp, Trial, TrialId, Via};

use super::{Plan, Round};

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// In which round, counted from 0.
    pub round: usize,
    /// What.
    pub step: Step,
    /// From when on: windows have to close first.
    pub due: Timestamp,
    /// Not before this either, so that messages keep their pace: a pause, through which whoever plays stays.
    pub not_before: Option<Timestamp>,
}

/// A part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These trials are played.
    Play(Vec<Trial>),
    /// The recipient comes back, and looks for these messages.
    Show(Vec<Sent>),
    /// The recipient follows these links.
    Follow(Vec<Trial>),
    /// The last positive controls of the round are fetched.
    Close(Vec<Trial>),
    /// The run ends.
    End,
}

/// A message that left, or may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its trial.
    pub trial: Trial,
    /// Whether there is reason to look for it: it was seen to leave, or nothing is known of it. What went wrong is not
    /// looked for.
    pub sought: bool,
    /// Since when it may have been seen, where the recipient came back before and it is not known what became of that.
    pub since: Option<Timestamp>,
}

/// What is to be done next; none where the run is over. Trials of variants that are `shut`, because their browsers do not
/// open, are passed over. `early` is for whoever does not stay: where no arm is about what happens when links are seen,
/// the recipient looks right after the sending, so that nobody has to come back for it.
#[must_use]
pub fn next(
    plan: &Plan,
    evidence: &Evidence,
    window: Duration,
    early: bool,
    shut: &dyn Fn(&str) -> bool,
) -> Option<Task> {
    let manifest = evidence.manifest()?;
    if evidence.is_over() {
        return None;
    }
    let ledger = Ledger::of(evidence);
    let mut due = manifest.started;
    for (nth, round) in plan.rounds().enumerate() {
        let course = Course {
            round,
            ledger: &ledger,
            window,
            early,
            shut,
        };
        match course.next(due) {
            Ok((step, due)) => {
                let (step, not_before) = ledger.paced(step, plan);
                return Some(Task {
                    round: nth,
                    step,
                    due,
                    not_before,
                });
            }
            Err(heard) => due = heard,
        }
    }
    Some(Task {
        round: plan.rounds().len(),
        step: Step::End,
        due,
        not_before: None,
    })
}

/// When a run wrote its messages, or may have, in no order.
#[must_use]
pub fn written(evidence: &Evidence) -> Vec<Timestamp> {
    Ledger::of(evidence).written()
}

/// More positive controls for the variants of a run that is taken up again: its doors and the public one, as in the plan.
/// Their numbers go on behind those of all trials so far.
#[must_use]
pub fn proofs(evidence: &Evidence, variants: &[&str]) -> Vec<Trial> {
    let Some(manifest) = evidence.manifest() else {
        return Vec::new();
    };
    let added = evidence
        .entries
        .iter()
        .flat_map(|entry| match &entry.record {
            Record::Resumption(resumption) => resumption.trials.as_slice(),
            _ => &[],
        });
    let count = manifest.trials.len() + added.count();
    let mut proofs: Vec<Trial> = Vec::new();
    for variant in variants {
        let is_control = |trial: &&Trial| trial.variant == *variant && trial.arm == Arm::Reached;
        let mut seen: Vec<(Option<Via>, Form)> = Vec::new();
        for trial in manifest.trials.iter().filter(is_control) {
            let way = (trial.via, trial.form);
            if !seen.contains(&way) {
                seen.push(way);
                let id = u32::try_from(count + proofs.len()).unwrap_or(u32::MAX);
                let id = TrialId(id);
                proofs.push(Trial {
                    id,
                    ..trial.clone()
                });
            }
        }
    }
    proofs
}

/// The variants whose browsers are needed for what is still to be done, in the order of the plan.
#[must_use]
pub fn to_be_opened(plan: &Plan, evidence: &Evidence) -> Vec<String> {
    let ledger = Ledger::of(evidence);
    let mut variants: Vec<String> = Vec::new();
    for trial in &plan.trials {
        let deeds = ledger.0.get(&trial.id);
        if needs_a_browser(trial, deeds) && !variants.contains(&trial.variant) {
            variants.push(trial.variant.clone());
        }
    }
    variants
}

fn needs_a_browser(trial: &Trial, deeds: Option<&Deeds>) -> bool {
    let by_hand = trial.via == Some(Via::Auditor) || trial.arm == Arm::Unsent;
    let Some(deeds) = deeds else {
        return !by_hand;
    };
    let has = |phase: Phase| deeds.phases.contains_key(&phase);
    let to_show = has(Phase::Send) && !deeds.looked_for;
    let to_follow = trial.arm == Arm::Opened && deeds.received && !has(Phase::Follow);
    !by_hand && !deeds.omitted && (!deeds.begun || to_show || to_follow)
}

/// What was done in each trial.
struct Ledger(HashMap<TrialId, Deeds>);

#[derive(Default)]
struct Deeds {
    /// Something was begun, or was tried and went wrong: it is not played again.
    begun: bool,
    failed: bool,
    omitted: bool,
    confirmed: bool,
    received: bool,
    /// The recipient looked for it, whatever came of it.
    looked_for: bool,
    /// The first instant at which the recipient meant to.
    meant_to_look: Option<Timestamp>,
    /// The last instant of each phase that its link went through, or may have.
    phases: HashMap<Phase, Timestamp>,
    /// The last instant at which anything was done.
    last: Option<Timestamp>,
}

impl Deeds {
    fn did(&mut self, phase: Option<Phase>, at: Timestamp) {
        self.begun = true;
        self.last = self.last.max(Some(at));
        if let Some(phase) = phase {
            let known = self.phases.entry(phase).or_insert(at);
            *known = at.max(*known);
        }
    }
}

impl Ledger {
    fn of(evidence: &Evidence) -> Self {
        let mut ledger = Self(HashMap::new());
        for entry in &evidence.entries {
            ledger.take(&entry.record);
        }
        ledger
    }

    fn take(&mut self, record: &Record) {
        match record {
            Record::Intent(intent) => {
                for trial in &intent.trials {
                    let deeds = self.of_trial(*trial);
                    deeds.did(intent.phase, intent.at);
                    if intent.phase == Some(Phase::Receive) {
                        let known = deeds.meant_to_look.unwrap_or(intent.at);
                        deeds.meant_to_look = Some(known.min(intent.at));
                    }
                }
            }
            Record::Exposure(Exposure {
                trial,
                phase,
                from,
                to,
            }) => {
                let deeds = self.of_trial(*trial);
                deeds.did(Some(*phase), to.unwrap_or(*from));
                deeds.looked_for |= *phase == Phase::Receive;
            }
            Record::Probe(probe) => self.of_trial(probe.trial).did(None, probe.to),
            Record::Failure(failure) => {
                if let Some(trial) = failure.trial {
                    let deeds = self.of_trial(trial);
                    (deeds.begun, deeds.failed) = (true, true);
                }
            }
            Record::Notice(notice) => match notice.phase {
                Phase::Confirm => self.of_trial(notice.trial).confirmed = true,
                Phase::Receive => self.of_trial(notice.trial).received = true,
                _ => {}
            },
            Record::Omission(omission) => {
                for trial in &omission.trials {
                    self.of_trial(*trial).omitted = true;
                }
            }
            _ => {}
        }
    }

    fn of_trial(&mut self, trial: TrialId) -> &mut Deeds {
        self.0.entry(trial).or_default()
    }

    /// What of a step may be done at once, where messages have a pace: what comes before the next message, or that one
    /// alone, and from when on.
    fn paced(&self, step: Step, plan: &Plan) -> (Step, Option<Timestamp>) {
        let (Step::Play(trials), Some(pace)) = (&step, plan.pace()) else {
            return (step, None);
        };
        let mut trials = trials.clone();
        match trials.iter().position(|trial| trial.arm.is_shown()) {
            Some(0) => {
                trials.truncate(1);
                let mut written = [self.written(), plan.earlier.clone()].concat();
                written.sort_unstable();
                (Step::Play(trials), pace.due(&written))
            }
            Some(before) => {
                trials.truncate(before);
                (Step::Play(trials), None)
            }
            None => (Step::Play(trials), None),
        }
    }

    /// When each message was written, or may have been.
    fn written(&self) -> Vec<Timestamp> {
        let writing = [Phase::Compose, Phase::Send];
        let of = |deeds: &Deeds| {
            let at = writing.iter().filter_map(|phase| deeds.phases.get(phase));
            at.max().copied()
        };
        self.0.values().filter_map(of).collect()
    }
}

/// One round, as far as it got.
struct Course<'a> {
    round: Round<'a>,
    ledger: &'a Ledger,
    window: Duration,
    early: bool,
    shut: &'a dyn Fn(&str) -> bool,
}

impl<'a> Course<'a> {
    /// The next step of the round and when it is due; or, where nothing of it is left, when its windows have closed.
    fn next(&self, since: Timestamp) -> Result<(Step, Timestamp), Timestamp> {
        let unplayed = self.unplayed(self.round.opening);
        if !unplayed.is_empty() {
            return Ok((Step::Play(unplayed), since));
        }
        let Some(opened) = self.last(|deeds| deeds.last_before_the_show()) else {
            // Nothing of it was out, so there is nothing to listen to.
            return self.close(since);
        };
        let listened = self.after(opened);
        let to_show = self.to_show();
        if !to_show.is_empty() {
            let due = if self.early && !self.shows() {
                opened
            } else {
                listened
            };
            return Ok((Step::Show(to_show), due));
        }
        let Some(shown) = self.last(|deeds| deeds.phases.get(&Phase::Receive).copied()) else {
            return self.close(listened);
        };
        // What was shown before the window had closed is listened to as if it had been sent then.
        let listened = match self.shows() || shown < listened {
            true => self.after(shown).max(listened),
            false => listened,
        };
        let to_follow = self.to_follow();
        if !to_follow.is_empty() {
            return Ok((Step::Follow(to_follow), listened));
        }
        let followed = self.last(|deeds| deeds.phases.get(&Phase::Follow).copied());
        self.close(followed.map_or(listened, |at| self.after(at)))
    }

    fn close(&self, due: Timestamp) -> Result<(Step, Timestamp), Timestamp> {
        match self.unplayed(self.round.closing) {
            left if left.is_empty() => Err(due),
            left => Ok((Step::Close(left), due)),
        }
    }

    fn after(&self, at: Timestamp) -> Timestamp {
        at.checked_add(self.window).unwrap_or(Timestamp::MAX)
    }

    fn deeds(&self, trial: &Trial) -> Option<&'a Deeds> {
        self.ledger.0.get(&trial.id)
    }

    /// The trials that are neither played nor left out. Links that nobody is shown need no playing.
    fn unplayed(&self, trials: &[Trial]) -> Vec<Trial> {
        let is_left = |trial: &&Trial| {
            let done = self
                .deeds(trial)
                .is_some_and(|deeds| deeds.begun || deeds.omitted);
            // A fetch of our own needs no browser.
            let shut = trial.via != Some(Via::Auditor) && (self.shut)(&trial.variant);
            !done && !shut && trial.arm != Arm::Unsent
        };
        trials.iter().filter(is_left).cloned().collect()
    }

    /// The latest of what was done in any trial of the opening.
    fn last(&self, of: impl Fn(&Deeds) -> Option<Timestamp>) -> Option<Timestamp> {
        let trials = self.round.opening.iter();
        trials.filter_map(|trial| of(self.deeds(trial)?)).max()
    }

    /// Whether it is a question what happens when links are seen.
    fn shows(&self) -> bool {
        let mut trials = self.round.opening.iter();
        trials.any(|trial| {
            let omitted = self.deeds(trial).is_some_and(|deeds| deeds.omitted);
            matches!(trial.arm, Arm::Received | Arm::Opened) && !omitted
        })
    }

    fn to_show(&self) -> Vec<Sent> {
        let sent = self.round.opening.iter().filter_map(|trial| {
            let deeds = self.deeds(trial)?;
            let is_out = deeds.phases.contains_key(&Phase::Send);
            (is_out && !deeds.looked_for && !(self.shut)(&trial.variant)).then(|| Sent {
                trial: trial.clone(),
                sought: deeds.confirmed || !deeds.failed,
                since: deeds.meant_to_look,
            })
        });
        sent.collect()
    }

    fn to_follow(&self) -> Vec<Trial> {
        let is_left = |trial: &&Trial| {
            self.deeds(trial)
                .is_some_and(|deeds| deeds.received && !deeds.phases.contains_key(&Phase::Follow))
        };
        let opened = self
            .round
            .opening
            .iter()
            .filter(|trial| trial.arm == Arm::Opened);
        let opened = opened.filter(|trial| !(self.shut)(&trial.variant));
        opened.filter(is_left).cloned().collect()
    }
}

impl Deeds {
    fn last_before_the_show(&self) -> Option<Timestamp> {
        let later = [Phase::Receive, Phase::Follow];
        let phases = self.phases.iter();
        let before = phases.filter(|(phase, _)| !later.contains(phase));
        let fetched = self.last.filter(|_| self.phases.is_empty());
        before.map(|(_, at)| *at).max().or(fetched)
    }
}
