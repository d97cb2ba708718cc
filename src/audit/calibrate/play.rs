//! Plays a world's plan as a run is conducted, and writes down what conductor and collector would.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;

use crate::audit::topping;
use crate::model::{
    Account, Answer, Arm, Arrival, Depth, Door, Doorway, Doubt, Endings, Entry, Evidence, Exposure,
    Failure, Flaw, Form, Gap, HitKind, Jump, Manifest, Notice, Omission, Part, Phase, Probe,
    Record, RunEnd, RunId, ScenarioRef, Timestamp, TokenId, ToolRef, Trial, TrialId, VariantRef,
    Via,
};
use crate::plan::Round;

use super::course::{Came, Course, Taken};
use super::dice::Dice;
use super::paper::{Asked, Asker, PAGE};
use super::visitor::{Cause, Habit, Manner, OWN, Visitor, Who, stranger};
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
        let from = self.now;
        self.pass(STEP)?;
        self.shown(trial, phase, from, done);
        self.brings(trial, cause, self.now);
        self.previews(trial, cause);
        Ok(())
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
        };
        self.write(Record::Failure(failure));
    }

    fn flaw(&mut self, trial: &Trial, flaw: Flaw) {
        if let Some(course) = self.courses.get_mut(&trial.id) {
            course.flaws.insert(flaw);
        }
    }

    /// Our own browsers fetch what is on their pages.
    fn previews(&mut self, trial: &Trial, cause: Cause) {
        let world = self.world;
        for preview in world
            .previews
            .iter()
            .filter(|preview| preview.cause == cause)
        {
            if self.dice.happens(preview.rate) {
                let at = self.now + self.dice.whole(0..=300);
                self.own_browser(trial, preview.account, preview.part, at);
            }
        }
    }

    /// Whoever is brought by something comes in time.
    fn brings(&mut self, trial: &Trial, cause: Cause, since: i64) {
        let world = self.world;
        for (nth, visitor) in world.visitors.iter().enumerate() {
            for habit in visitor.habits.iter().filter(|habit| habit.cause == cause) {
                if applies(visitor, habit, trial) && self.dice.happens(habit.rate) {
                    let at = since + self.dice.whole(habit.delay.clone());
                    self.comes(trial, (nth, visitor), habit, (since, at));
                }
            }
        }
    }

    fn comes(
        &mut self,
        trial: &Trial,
        (nth, visitor): (usize, &Visitor),
        habit: &Habit,
        (since, at): (i64, i64),
    ) {
        let asker = Asker {
            agent: visitor.agent.to_owned(),
            resolver: visitor.resolver,
            ..self.asker(trial, at, Door::Public, visitor.address)
        };
        let asked = match habit.manner {
            Manner::Plain => asker.visit(habit.depth),
            odd => asker.visit_oddly(odd),
        };
        let cause = self
            .courses
            .get(&trial.id)
            .and_then(|course| course.step_before(since)?.phase);
        self.came.push(Came {
            trial: trial.id,
            visitor: nth,
            at,
            depth: if habit.manner == Manner::HelloOnly {
                Depth::Connected
            } else {
                habit.depth
            },
            is_hello: habit.manner == Manner::HelloOnly,
            is_visit: habit.names_the_link(self.world.zoned),
            odd: habit.manner.flaw(self.world.zoned),
            cause,
            heard: false,
        });
        self.receive(at, asked);
    }

    /// Visitors with nothing of ours.
    fn in_the_background(&mut self) {
        let Some(trial) = self.world.plan.trials.first().cloned() else {
            return;
        };
        for _ in 0..self.world.background {
            let at = self.dice.whole(0..=100_000);
            let asked = self
                .asker(&trial, at, Door::Public, stranger(99))
                .without_token("GET");
            self.receive(at, vec![asked]);
        }
    }

    fn asker(&mut self, trial: &Trial, at: i64, door: Door, address: IpAddr) -> Asker {
        self.connections = self.connections.wrapping_add(1);
        let token = TokenId {
            run: RUN,
            trial: trial.id,
            arm: trial.arm,
            form: trial.form,
            part: Part::Link,
        };
        Asker {
            at: self.collector_clock(at),
            door,
            address,
            resolver: address,
            port: self.connections,
            agent: "curl/8".to_owned(),
            token,
            zoned: self.world.zoned,
        }
    }

    /// The collector writes down who came, if it can.
    fn receive(&mut self, at: i64, asked: Vec<Asked>) {
        for (hit, took) in asked {
            let tls = match &hit.kind {
                HitKind::Http(request) => request.tls,
                HitKind::Hello(_) => true,
                _ => false,
            };
            let form = if tls { Form::Https } else { Form::Http };
            if self.is_heard(form, at) {
                self.written.push(Written {
                    at,
                    record: Record::Hit(hit),
                    took,
                });
            }
        }
    }

    fn is_heard(&self, form: Form, at: i64) -> bool {
        let mishaps = &self.world.mishaps;
        let within = |span: &Option<RangeInclusive<i64>>| {
            span.as_ref().is_some_and(|span| span.contains(&at))
        };
        !within(&mishaps.gap) && !within(&mishaps.deaf) && mishaps.deaf_to != Some(form)
    }

    fn write(&mut self, record: Record) {
        self.written.push(Written {
            at: self.now,
            record,
            took: None,
        });
    }

    /// What the wall clock of this machine says.
    fn clock(&self, at: i64) -> Timestamp {
        let moved = self
            .world
            .mishaps
            .jump
            .filter(|(when, _)| *when <= at)
            .map_or(0, |(_, by)| by);
        let since = SignedDuration::from_millis(at + moved);
        started().checked_add(since).unwrap_or(Timestamp::MAX)
    }

    fn collector_clock(&self, at: i64) -> Timestamp {
        let skew = SignedDuration::from_millis(self.world.mishaps.skew);
        self.clock(at).checked_add(skew).unwrap_or(Timestamp::MAX)
    }

    /// How far a clock was seen to be wrong by now.
    fn drift(&self) -> i64 {
        let jumped = self.world.mishaps.jump.filter(|(at, _)| *at <= self.now);
        let jumped = jumped.map_or(0, |(_, by)| by);
        let skew = self.world.mishaps.skew;
        if jumped.abs() > skew.abs() {
            jumped
        } else {
            skew
        }
    }

    fn ended(&self, interrupted: bool) -> RunEnd {
        RunEnd {
            at: self.clock(self.now),
            interrupted,
            clock_drift_ms: self.drift(),
        }
    }

    /// Everything that was written down by an instant.
    fn evidence(&self, until: i64) -> Evidence {
        let mut kept: Vec<&Written> = self.written.iter().filter(|one| one.at <= until).collect();
        kept.sort_by_key(|one| one.at);
        let mut entries = vec![Entry {
            seq: 1,
            record: Record::Manifest(Box::new(self.manifest())),
        }];
        for one in kept {
            let seq = entries.len() as u64 + 1;
            entries.push(Entry {
                seq,
                record: one.record.clone(),
            });
            if let Some(body_bytes) = one.took {
                entries.push(Entry {
                    seq: seq + 1,
                    record: self.answer(seq, one.at, body_bytes),
                });
            }
        }
        Evidence { run: RUN, entries }
    }

    fn answer(&self, hit: u64, at: i64, body_bytes: u64) -> Record {
        let answer = Answer {
            hit,
            at: self.collector_clock(at),
            status: Some(200),
            body_bytes,
            of: Some(PAGE),
        };
        Record::Endings(Endings {
            answers: vec![answer],
            handshakes: Vec::new(),
        })
    }

    fn close(mut self) -> Played {
        self.settle_clocks_and_gaps();
        let cut = self.flaws.contains(&Flaw::Cut);
        // Killed: in the middle, or when all was played and its end not yet written.
        let killed = self.world.mishaps.cut.is_some_and(|(_, written)| !written);
        if killed {
            self.flaws.insert(Flaw::Cut);
        } else {
            self.write(Record::End(self.ended(cut)));
        }
        // A collector that goes on hears who comes when the run is over.
        let end = if self.world.stays { i64::MAX } else { self.now };
        let mut came = std::mem::take(&mut self.came);
        for one in &mut came {
            let form = self
                .courses
                .get(&one.trial)
                .map_or(Form::Http, |course| course.trial.form);
            one.heard = one.at <= end && self.visit_is_heard(one, form);
        }
        for one in came.iter().filter(|one| one.heard) {
            let course = self.courses.get_mut(&one.trial);
            course
                .into_iter()
                .for_each(|course| course.flaws.extend(one.odd));
        }
        self.settle_leak_and_doors(&came);
        Played {
            evidence: self.evidence(end),
            topped_up: self.world.plan.rounds().len() > 1,
            courses: self.courses,
            flaws: self.flaws,
            came,
            end,
        }
    }

    /// A look-up is heard even where the form's own protocol is not.
    fn visit_is_heard(&self, one: &Came, form: Form) -> bool {
        let form = if self.world.zoned && one.is_visit {
            Form::Http
        } else {
            form
        };
        self.is_heard(form, one.at)
    }

    fn settle_clocks_and_gaps(&mut self) {
        let mishaps = &self.world.mishaps;
        let jumped = mishaps.jump.filter(|(at, _)| *at <= self.now);
        let wrong = |by: i64| by.unsigned_abs() > CLOCK_MS;
        if jumped.is_some_and(|(_, by)| wrong(by)) || wrong(mishaps.skew) {
            self.flaws.insert(Flaw::Clock);
        }
        if let Some((at, moved_ms)) = jumped.filter(|(_, by)| wrong(*by)) {
            let (from, to) = (self.clock(at - 1), self.clock(at));
            self.write(Record::Jump(Jump { from, to, moved_ms }));
        }
        if let Some(gap) = mishaps.gap.clone().filter(|gap| *gap.start() <= self.now) {
            let (from, to) = (
                self.collector_clock(*gap.start()),
                self.collector_clock(*gap.end()),
            );
            self.flaws.insert(Flaw::Gap);
            self.write(Record::Gap(Gap {
                from,
                to,
                missed: 0,
                reason: "it was drawn so".to_owned(),
            }));
        }
    }

    fn settle_leak_and_doors(&mut self, came: &[Came]) {
        let controls = self.courses.values().filter(|course| !course.omitted);
        let played =
            |course: &&Course| course.trial.via == Some(Via::Auditor) && !course.steps.is_empty();
        let planned = controls
            .clone()
            .filter(|course| course.trial.via == Some(Via::Auditor))
            .count();
        if planned == 0 || controls.filter(played).count() < planned {
            self.flaws.insert(Flaw::DeadControl);
        }
        if self.world.mishaps.not_led.is_some() || !self.world.plants(Arm::Reached) {
            self.flaws.insert(Flaw::Door);
        }
        let leaked = |one: &&Came| {
            let arm = self.courses.get(&one.trial).map(|course| course.trial.arm);
            one.heard && arm == Some(Arm::Unsent)
        };
        if came.iter().any(|one| leaked(&one)) {
            self.flaws.insert(Flaw::Leak);
        }
    }

    fn manifest(&self) -> Manifest {
        let scenario = &self.world.scenario;
        let experiment = &scenario.experiment;
        Manifest {
            started: started(),
            tool: ToolRef {
                name: "waxseal".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            scenario: ScenarioRef {
                path: scenario.source.name.clone(),
                digest: "00".repeat(32),
                service: scenario.service.name.clone(),
                title: scenario.service.title.clone(),
                checked: scenario.checked.clone(),
                networks: scenario.service.networks.clone(),
                agents: scenario.service.agents.clone(),
                known: Vec::new(),
                others: Vec::new(),
                registered: Vec::new(),
            },
            seed: self.world.plan.seed,
            window: experiment.window,
            sealed: experiment.doors.contains(&Doorway::Sealed),
            looks: u32::try_from(self.world.plan.rounds().len()).unwrap_or(u32::MAX),
            public: if self.world.zoned {
                "http://*.canary.example"
            } else {
                "http://203.0.113.1"
            }
            .to_owned(),
            auditor: AUDITOR.to_owned(),
            browser: "made up".to_owned(),
            variants: vec![VariantRef {
                name: VARIANT.to_owned(),
                title: String::new(),
                networks: Vec::new(),
            }],
            trials: self.world.plan.trials.clone(),
            expectations: Vec::new(),
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
