//! Plays a world's plan as a run is conducted, and writes down what conductor and collector would.

mod close;
mod records;
mod visits;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::audit::topping;
use crate::model::{
    Account, Arm, Arrival, Door, Doorway, Doubt, Evidence, Exposure, Failure, Flaw, Intent, Notice,
    Omission, Part, Phase, Probe, Record, RunId, Timestamp, Trial, TrialId, Via,
};
use crate::plan::Round;

use super::course::{Came, Course, Taken};
use super::dice::Dice;
use super::paper::{Asker, PAGE};
use super::visitor::{Cause, Habit, OWN, Visitor, Who};
use super::world::{Fate, World};

const RUN: RunId = RunId(0x00ca_11b8);
const VARIANT: &str = "default";

/// The name that our own fetches go by.
const AUDITOR: &str = "00c0ffee";

/// How far a clock may be wrong before the run says so, in milliseconds.
const CLOCK_MS: u64 = 1000;

/// A step of a browser, in milliseconds.
const STEP: i64 = 50;

/// A world that was played: what is in the evidence, and what truly happened.
pub(super) struct Played {
    pub(super) evidence: Evidence,
    pub(super) courses: BTreeMap<TrialId, Course>,
    pub(super) came: Vec<Came>,
    /// What was broken everywhere.
    pub(super) flaws: BTreeSet<Flaw>,
    /// The last instant at which anybody was heard.
    pub(super) end: i64,
    /// More rounds were planned than one.
    pub(super) topped_up: bool,
}

pub(super) fn play(world: &World) -> Played {
    let mut stage = Stage::of(world);
    stage.run();
    stage.close()
}

/// A record, and when it was written by a clock that is always right.
struct Written {
    at: i64,
    record: Record,
    /// For a hit: how much was handed over.
    took: Option<u64>,
}

/// The run was stopped.
struct Stopped;

struct Stage<'w> {
    world: &'w World,
    dice: Dice,
    now: i64,
    written: Vec<Written>,
    courses: BTreeMap<TrialId, Course>,
    came: Vec<Came>,
    flaws: BTreeSet<Flaw>,
    /// What was sent and not yet looked for, and what befell it.
    on_the_way: Vec<(Trial, Option<Fate>)>,
    to_follow: Vec<(Trial, Option<Fate>)>,
    left_out: BTreeSet<TrialId>,
    connections: u16,
}

impl<'w> Stage<'w> {
    fn of(world: &'w World) -> Self {
        let trials = world.plan.trials.iter();
        Self {
            world,
            dice: Dice::of(world.dice_seed),
            now: 0,
            written: Vec::new(),
            courses: trials
                .map(|trial| (trial.id, Course::of(trial.clone())))
                .collect(),
            came: Vec::new(),
            flaws: BTreeSet::new(),
            on_the_way: Vec::new(),
            to_follow: Vec::new(),
            left_out: BTreeSet::new(),
            connections: 1024,
        }
    }

    fn run(&mut self) {
        self.in_the_background();
        if self.all_rounds().is_err() {
            self.flaws.insert(Flaw::Cut);
        }
    }

    fn all_rounds(&mut self) -> Result<(), Stopped> {
        for (nth, round) in self.world.plan.rounds().enumerate() {
            if nth > 0 {
                self.look(round);
                if round
                    .opening
                    .iter()
                    .all(|trial| self.left_out.contains(&trial.id))
                {
                    break;
                }
            }
            self.round(round)?;
        }
        Ok(())
    }

    fn round(&mut self, round: Round<'_>) -> Result<(), Stopped> {
        let played = self.still_in(round.opening);
        for trial in &played {
            self.pass(20)?;
            self.trial(trial)?;
        }
        self.pass(self.world.window())?;
        self.arrive()?;
        let plays = |arms: &[Arm]| played.iter().any(|trial| arms.contains(&trial.arm));
        if plays(&[Arm::Received, Arm::Opened]) {
            self.pass(self.world.window())?;
        }
        if plays(&[Arm::Opened]) {
            self.follow()?;
            self.pass(self.world.window())?;
        }
        for trial in self.still_in(round.closing) {
            self.trial(&trial)?;
        }
        Ok(())
    }

    fn still_in(&self, trials: &[Trial]) -> Vec<Trial> {
        let left = trials
            .iter()
            .filter(|trial| !self.left_out.contains(&trial.id));
        left.cloned().collect()
    }

    /// Leaves out what is decided, as a run does that is topped up.
    fn look(&mut self, next: Round<'_>) {
        let evidence = self.evidence(self.now);
        let to_come = self.world.plan.to_come(next);
        let trials = topping::left_out(&evidence, self.ended(false), to_come);
        self.left_out.extend(&trials);
        for trial in &trials {
            if let Some(course) = self.courses.get_mut(trial) {
                course.omitted = true;
            }
        }
        if !trials.is_empty() {
            let at = self.clock(self.now);
            self.write(Record::Omission(Omission { at, trials }));
        }
    }

    /// Lets time pass, unless the run is stopped meanwhile.
    fn pass(&mut self, span: i64) -> Result<(), Stopped> {
        match self.world.mishaps.cut {
            Some((at, _)) if at <= self.now + span => {
                self.now = self.now.max(at);
                Err(Stopped)
            }
            _ => {
                self.now += span;
                Ok(())
            }
        }
    }

    fn trial(&mut self, trial: &Trial) -> Result<(), Stopped> {
        self.brings(trial, Cause::Minted, self.now);
        match trial.arm {
            Arm::Unsent => Ok(()),
            Arm::Reached | Arm::Visited => self.fetch(trial),
            Arm::Drafted | Arm::Pasted | Arm::Sent | Arm::Received | Arm::Opened => {
                self.message(trial)
            }
        }
    }

    /// A fetch of our own: by waxseal, or by a browser at its own door.
    fn fetch(&mut self, trial: &Trial) -> Result<(), Stopped> {
        self.intend(None, vec![trial.id]);
        let from = self.now;
        let at = from + 10;
        match trial.via {
            Some(Via::Sender) => self.own_browser(trial, Account::Sender, Part::Link, at),
            Some(Via::Recipient) => self.own_browser(trial, Account::Recipient, Part::Link, at),
            Some(Via::Auditor) | None => self.auditor(trial, at),
        }
        self.now += STEP;
        self.step(trial, None, from, self.now);
        let (id, wall) = (trial.id, (self.clock(from), self.clock(self.now)));
        let (from, to) = wall;
        self.write(Record::Probe(Probe {
            trial: id,
            from,
            to,
        }));
        let cause = if trial.arm == Arm::Visited {
            Cause::Opened
        } else {
            Cause::Fetched
        };
        if trial.arm == Arm::Visited || trial.via == Some(Via::Auditor) {
            self.brings(trial, cause, self.now);
        }
        self.pass(20)
    }

    fn auditor(&mut self, trial: &Trial, at: i64) {
        let asker = Asker {
            agent: AUDITOR.to_owned(),
            ..self.asker(trial, at, Door::Public, OWN)
        };
        let look_up = asker.zoned.then(|| asker.look_up());
        let hello = asker.hello(asker.zoned);
        let page = asker.part("GET", Part::Link, Some(PAGE));
        self.receive(at, look_up.into_iter().chain(hello).chain([page]).collect());
        if !self.is_heard(trial.form, at) {
            self.flaws.insert(Flaw::DeadControl);
        }
    }

    /// A browser of ours fetches something by its own door, if it is led there.
    fn own_browser(&mut self, trial: &Trial, account: Account, part: Part, at: i64) {
        let sealed = trial.doorway != Some(Doorway::Open);
        let (door, took) = match self.world.mishaps.not_led {
            Some((lost, false)) if lost == account => return,
            Some((lost, true)) if lost == account => (Door::Public, Some(PAGE)),
            _ => (Door::Browser { account, sealed }, (!sealed).then_some(PAGE)),
        };
        let asker = Asker {
            agent: "Mozilla/5.0".to_owned(),
            ..self.asker(trial, at, door, OWN)
        };
        let asked = asker.part("GET", part, took);
        self.receive(at, vec![asked]);
    }

    fn message(&mut self, trial: &Trial) -> Result<(), Stopped> {
        if self
            .world
            .mishaps
            .session_lost
            .is_some_and(|at| at <= self.now)
        {
            self.fail(trial, Phase::Login, Doubt::SessionLost);
            return self.not_played(trial);
        }
        let fate = self.fate();
        if fate == Some(Fate::NotPlayed) {
            self.fail(trial, Phase::Compose, Doubt::SelectorDrift);
            return self.not_played(trial);
        }
        let typed = if trial.arm == Arm::Pasted {
            Cause::Pasted
        } else {
            Cause::Typed
        };
        self.expose(trial, Phase::Compose, typed, true)?;
        let drafts = self.world.plants(Arm::Drafted) || self.world.plants(Arm::Pasted);
        if drafts {
            self.pass(millis(self.world.scenario.experiment.draft))?;
        }
        if !trial.arm.is_sent() {
            return Ok(());
        }
        self.pass(100)?;
        self.expose(trial, Phase::Send, Cause::Sent, fate != Some(Fate::Unsure))?;
        self.on_the_way.push((trial.clone(), fate));
        self.confirm(trial, fate)
    }

    fn confirm(&mut self, trial: &Trial, fate: Option<Fate>) -> Result<(), Stopped> {
        if matches!(fate, Some(Fate::Unsure | Fate::Unconfirmed)) {
            self.flaw(trial, Flaw::Unconfirmed);
            self.fail(trial, Phase::Confirm, Doubt::ExposureUnconfirmed);
        } else {
            self.pass(30)?;
            self.notice(trial, Phase::Confirm);
        }
        Ok(())
    }

    fn not_played(&mut self, trial: &Trial) -> Result<(), Stopped> {
        self.flaw(trial, Flaw::NotPlayed);
        self.pass(200)
    }

    /// What befalls the next trial.
    fn fate(&mut self) -> Option<Fate> {
        let world = self.world;
        let mut fates = world.mishaps.fates.iter();
        fates
            .find(|(_, chance)| self.dice.happens(*chance))
            .map(|(fate, _)| *fate)
    }

    /// The recipient comes back, and looks for everything that was sent.
    fn arrive(&mut self) -> Result<(), Stopped> {
        let back = self.now;
        if !self.on_the_way.is_empty() {
            let sent = self.on_the_way.iter();
            let sent = sent.map(|(trial, _)| trial.id).collect();
            self.intend(Some(Phase::Receive), sent);
        }
        for (trial, fate) in std::mem::take(&mut self.on_the_way) {
            self.pass(STEP)?;
            let seen = match fate {
                Some(Fate::Unsure | Fate::Unconfirmed) => false,
                Some(Fate::Undelivered) => {
                    self.fail(&trial, Phase::Receive, Doubt::NotDelivered);
                    false
                }
                _ => true,
            };
            self.arrival(&trial, fate, seen);
            self.shown(&trial, Phase::Receive, back, seen);
            self.brings(&trial, Cause::Shown, self.now);
            self.previews(&trial, Cause::Shown);
            if seen {
                self.notice(&trial, Phase::Receive);
            } else {
                self.flaw(&trial, Flaw::Undelivered);
            }
            if seen && trial.arm == Arm::Opened {
                self.to_follow.push((trial, fate));
            }
        }
        Ok(())
    }

    /// What the link has become at the recipient.
    fn arrival(&mut self, trial: &Trial, fate: Option<Fate>, seen: bool) {
        let rewritten = fate == Some(Fate::Rewritten);
        if rewritten {
            self.flaw(trial, Flaw::Rewritten);
        }
        if seen {
            let others = if rewritten {
                vec!["http://l.example.net/?u=x".to_owned()]
            } else {
                Vec::new()
            };
            let (trial, at, intact) = (trial.id, self.clock(self.now), !rewritten);
            self.write(Record::Arrival(Arrival {
                trial,
                at,
                intact,
                others,
            }));
        }
    }

    fn follow(&mut self) -> Result<(), Stopped> {
        for (trial, fate) in std::mem::take(&mut self.to_follow) {
            if fate == Some(Fate::NotFollowed) {
                self.flaw(&trial, Flaw::Unconfirmed);
                self.intend(Some(Phase::Follow), vec![trial.id]);
                self.shown(&trial, Phase::Follow, self.now, false);
                self.fail(&trial, Phase::Follow, Doubt::NotDelivered);
            } else {
                self.own_browser(&trial, Account::Recipient, Part::Link, self.now + STEP);
                self.expose(&trial, Phase::Follow, Cause::Followed, true)?;
            }
            self.pass(100)?;
        }
        Ok(())
    }

    /// The link goes a step further, and whoever looks out for that comes.
    fn expose(
        &mut self,
        trial: &Trial,
        phase: Phase,
        cause: Cause,
        done: bool,
    ) -> Result<(), Stopped> {
        self.intend(Some(phase), vec![trial.id]);
        let from = self.now;
        self.pass(STEP)?;
        self.shown(trial, phase, from, done);
        self.brings(trial, cause, self.now);
        self.previews(trial, cause);
        Ok(())
    }

    /// What is about to be done is written down before.
    fn intend(&mut self, phase: Option<Phase>, trials: Vec<TrialId>) {
        let at = self.clock(self.now);
        self.write(Record::Intent(Intent { at, phase, trials }));
    }

    fn shown(&mut self, trial: &Trial, phase: Phase, from: i64, done: bool) {
        // What is not known to be done is listened to from its beginning.
        let to = if done { self.now } else { from };
        self.step(trial, Some(phase), from, to);
        let exposure = Exposure {
            trial: trial.id,
            phase,
            from: self.clock(from),
            to: done.then(|| self.clock(to)),
        };
        self.write(Record::Exposure(exposure));
    }

    fn step(&mut self, trial: &Trial, phase: Option<Phase>, from: i64, to: i64) {
        if let Some(course) = self.courses.get_mut(&trial.id) {
            course.steps.push(Taken { phase, from, to });
        }
    }

    fn notice(&mut self, trial: &Trial, phase: Phase) {
        let (trial, at) = (trial.id, self.clock(self.now));
        self.write(Record::Notice(Notice { trial, phase, at }));
    }

    fn fail(&mut self, trial: &Trial, phase: Phase, doubt: Doubt) {
        let failure = Failure {
            variant: VARIANT.to_owned(),
            trial: Some(trial.id),
            account: Account::Sender,
            phase,
            at: self.clock(self.now),
            doubt,
            step: None,
            message: "it was drawn so".to_owned(),
            scene: None,
        };
        self.write(Record::Failure(failure));
    }

    fn flaw(&mut self, trial: &Trial, flaw: Flaw) {
        if let Some(course) = self.courses.get_mut(&trial.id) {
            course.flaws.insert(flaw);
        }
    }
}

/// Whether a habit has to do with a trial's link. Whoever follows our browsers sees nothing of what was refused to them.
pub(super) fn applies(visitor: &Visitor, habit: &Habit, trial: &Trial) -> bool {
    let fits = habit.form.is_none_or(|form| form == trial.form);
    let behind = visitor.who == Who::Follower && habit.cause == Cause::Followed;
    fits && (!behind || trial.doorway == Some(Doorway::Open))
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn started() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap_or(Timestamp::UNIX_EPOCH)
}
