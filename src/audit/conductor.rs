use std::collections::HashSet;
use std::time::Duration;

use crate::browser::Driver;
use crate::model::{
    Arm, Evidence, Gap, Omission, Recess, Record, Resumption, RunEnd, RunId, Timestamp, Trial,
    TrialId, Via,
};
use crate::plan::{Round, Step, Task, next, proofs, to_be_opened, written};
use crate::store::{EvidenceStore, StoreError};

use super::clocks::Clock;
use super::conduct::{AuditError, Setting, manifest};
use super::event::Event;
use super::rehearse::Rehearsal;
use super::stage::{House, Stage};
use super::topping;

/// How often drivers are asked what they noted, while nothing else is done.
const LISTEN: Duration = Duration::from_secs(60);

/// Within this time messages count for how many there may be.
const HOUR: Duration = Duration::from_secs(3600);

/// In so many runs before this one it is looked for messages that count.
const OTHERS: usize = 10;

/// What is known of a run while it is played, and still needed when it is stopped in the middle. What is to be done next is
/// not among it: that is read from the evidence.
pub(super) struct Conductor {
    pub(super) clock: Clock,
    /// The manifest is written: from here on the run exists.
    pub(super) begun: bool,
    /// Its end is written.
    pub(super) over: bool,
    /// The rounds of which it was settled which of their trials are left out.
    settled: HashSet<usize>,
    /// The messengers that are started for it.
    pub(super) rehearsal: Rehearsal,
}

/// How far a run was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// To its end.
    End,
    /// Until there was nothing to do but to wait for this instant.
    Until(Timestamp),
}

/// Those who play: the browsers of each variant, opened when they are needed.
struct Cast<'a> {
    setting: &'a Setting,
    house: &'a House,
    driver: Option<&'a Driver>,
    stages: Vec<Stage<'a>>,
    /// The variants whose browsers do not open.
    shut: HashSet<String>,
}

impl Cast<'_> {
    /// Lets time pass. What drivers note of their pages meanwhile is fetched now and then: they keep it until then.
    async fn sit_through(&self, mut left: Duration) {
        while !left.is_zero() {
            let span = left.min(LISTEN);
            tokio::time::sleep(span).await;
            left -= span;
            if span == LISTEN {
                for stage in &self.stages {
                    stage.listen().await;
                }
            }
        }
    }
}

impl Conductor {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::start(),
            begun: false,
            over: false,
            settled: HashSet::new(),
            rehearsal: Rehearsal::default(),
        }
    }

    /// Plays what is still to be done, from wherever the evidence says that the run is.
    pub(super) async fn play(
        &mut self,
        setting: &Setting,
        house: &House,
        driver: Option<&Driver>,
    ) -> Result<Halt, AuditError> {
        let mut cast = Cast {
            setting,
            house,
            driver,
            stages: Vec::new(),
            shut: HashSet::new(),
        };
        if setting.again.is_some() {
            self.take_up(&mut cast).await?;
        } else {
            for (variant, _) in &setting.variants {
                self.stage(&mut cast, &variant.name).await?;
                if self.begun {
                    break;
                }
            }
        }
        let mut plan = setting.plan.clone();
        if plan.per_hour.is_some() {
            plan.earlier = written_lately(setting, house).await?;
        }
        loop {
            let evidence = house.store.evidence(house.run).await?;
            let shut = |variant: &str| cast.shut.contains(variant);
            let task = next(&plan, &evidence, setting.window, !setting.stays, &shut);
            let Some(task) = task else {
                return Err(AuditError::Over(house.run));
            };
            if self.settle(setting, house, &task, &evidence).await? {
                continue;
            }
            if let Some(until) = wait(setting, &cast, task.due).await {
                return Ok(Halt::Until(until));
            }
            pause(&cast, task.not_before).await;
            match task.step {
                Step::Play(trials) => self.opening(&mut cast, &trials).await?,
                Step::Show(sent) => {
                    for stage in &mut cast.stages {
                        let of_this = sent.iter();
                        let of_this = of_this.filter(|sent| sent.trial.variant == stage.variant());
                        let of_this: Vec<_> = of_this.cloned().collect();
                        if !of_this.is_empty() {
                            stage.arrive(of_this).await?;
                        }
                    }
                }
                Step::Follow(trials) => {
                    for stage in &mut cast.stages {
                        let of_this = trials.iter();
                        let of_this = of_this.filter(|trial| trial.variant == stage.variant());
                        stage.follow(of_this.cloned().collect()).await?;
                    }
                }
                Step::Close(trials) => self.closing(house, &trials).await?,
                Step::End => return Ok(Halt::End),
            }
        }
    }

    /// Takes a run up again: opens the browsers that are still needed, and has them and the collector proven anew.
    async fn take_up(&mut self, cast: &mut Cast<'_>) -> Result<(), AuditError> {
        self.begun = true;
        let house = cast.house;
        let evidence = house.store.evidence(house.run).await?;
        let wanted = to_be_opened(&cast.setting.plan, &evidence);
        for variant in &wanted {
            self.stage(cast, variant).await?;
        }
        let there: Vec<&str> = cast.stages.iter().map(Stage::variant).collect();
        let trials = proofs(&evidence, &there);
        self.leave_out_old_proofs(house, &evidence).await?;
        let at = Timestamp::now();
        let resumption = Resumption {
            at,
            trials: trials.clone(),
        };
        house.append(&Record::Resumption(resumption)).await?;
        house.teller.tell(Event::Began {
            run: house.run,
            trials: cast.setting.plan.trials.len(),
            public: house.public.clone(),
            browser: cast.stages.first().map(Stage::browser).unwrap_or_default(),
        });
        self.opening(cast, &trials).await
    }

    /// What was to prove the browsers of a process that is gone, and did not, proves nothing any more.
    async fn leave_out_old_proofs(
        &self,
        house: &House,
        evidence: &Evidence,
    ) -> Result<(), StoreError> {
        let begun = |trial: TrialId| {
            evidence.entries.iter().any(|entry| match &entry.record {
                Record::Intent(intent) => intent.trials.contains(&trial),
                Record::Omission(omission) => omission.trials.contains(&trial),
                _ => false,
            })
        };
        let added = evidence
            .entries
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::Resumption(resumption) => Some(resumption.trials.iter()),
                _ => None,
            });
        let left = added.flatten().map(|trial| trial.id);
        let trials: Vec<TrialId> = left.filter(|trial| !begun(*trial)).collect();
        match trials.is_empty() {
            true => Ok(()),
            false => house.omit(trials).await,
        }
    }

    /// The stage of a variant; none where its browsers do not open.
    async fn stage<'c, 'a>(
        &mut self,
        cast: &'c mut Cast<'a>,
        variant: &str,
    ) -> Result<Option<&'c mut Stage<'a>>, AuditError> {
        let place = cast.stages.iter().position(|one| one.variant() == variant);
        if let Some(place) = place {
            return Ok(cast.stages.get_mut(place));
        }
        let mut variants = cast.setting.variants.iter();
        let values = variants.find(|(one, _)| one.name == variant);
        let (Some((_, values)), Some(driver)) = (values, cast.driver) else {
            return Ok(None);
        };
        if cast.shut.contains(variant) {
            return Ok(None);
        }
        let values = self.rehearsal.fill(variant, values);
        match Stage::open(cast.house, driver, variant, &values).await {
            Ok(stage) => {
                self.begin(cast.setting, cast.house, &stage).await?;
                cast.stages.push(stage);
                Ok(cast.stages.last_mut())
            }
            // One variant's browsers that do not open are no reason to throw the others' evidence away.
            Err(error) if self.begun => {
                cast.shut.insert(variant.to_owned());
                cast.house.no_browser(variant, &error).await?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Plays trials, each on the stage of its variant: all of one variant before those of the next.
    async fn opening(&mut self, cast: &mut Cast<'_>, trials: &[Trial]) -> Result<(), AuditError> {
        let house = cast.house;
        for (variant, _) in &cast.setting.variants {
            let of_this: Vec<&Trial> = trials
                .iter()
                .filter(|trial| trial.variant == variant.name)
                .collect();
            if of_this.is_empty() {
                continue;
            }
            let mut stage = self.stage(cast, &variant.name).await?;
            for trial in of_this {
                match &mut stage {
                    Some(stage) => {
                        house.teller.tell(Event::Trial(trial.clone()));
                        stage.play(trial).await?;
                        self.played(house);
                    }
                    None if trial.via == Some(Via::Auditor) => self.reach(house, trial).await?,
                    None => continue,
                }
                if matches!(trial.arm, Arm::Reached | Arm::Visited) {
                    self.rehearsal
                        .opened(&trial.variant, &house.link(trial).url);
                }
            }
        }
        Ok(())
    }

    /// The last positive controls of a round.
    async fn closing(&mut self, house: &House, trials: &[Trial]) -> Result<(), StoreError> {
        house.teller.tell(Event::Closing);
        for trial in trials {
            self.reach(house, trial).await?;
        }
        Ok(())
    }

    async fn reach(&mut self, house: &House, trial: &Trial) -> Result<(), StoreError> {
        house.teller.tell(Event::Trial(trial.clone()));
        house.reach(trial).await?;
        self.played(house);
        Ok(())
    }

    fn played(&mut self, house: &House) {
        house.teller.tell(Event::Played);
        self.clock.look();
    }

    /// Before a later round begins: judges what there is so far, and leaves out the trials from there on that nothing
    /// hangs on any more. Says whether it did so.
    async fn settle(
        &mut self,
        setting: &Setting,
        house: &House,
        task: &Task,
        evidence: &Evidence,
    ) -> Result<bool, AuditError> {
        let round = setting.plan.rounds().nth(task.round);
        let Some(round) = round.filter(|_| task.round > 0) else {
            return Ok(false);
        };
        if is_begun(round, evidence) || !self.settled.insert(task.round) {
            return Ok(false);
        }
        self.clock.look();
        let so_far = RunEnd {
            at: Timestamp::now(),
            interrupted: false,
            clock_drift_ms: self.clock.drift_ms,
        };
        let mut trials = topping::left_out(evidence, so_far, setting.plan.to_come(round));
        let omitted = omitted(evidence);
        trials.retain(|trial| !omitted.contains(trial));
        if !trials.is_empty() {
            house.omit(trials).await?;
        }
        Ok(true)
    }

    /// Writes the manifest, once, as soon as it is known who drives.
    async fn begin(
        &mut self,
        setting: &Setting,
        house: &House,
        stage: &Stage<'_>,
    ) -> Result<(), StoreError> {
        if self.begun {
            return Ok(());
        }
        let manifest = manifest(setting, house, stage.browser());
        let record = Record::Manifest(Box::new(manifest));
        house.append(&record).await?;
        self.begun = true;
        house.teller.tell(Event::Began {
            run: house.run,
            trials: setting.plan.trials.len(),
            public: house.public.clone(),
            browser: stage.browser(),
        });
        Ok(())
    }

    /// Leaves a run to be taken up again.
    pub(super) async fn leave(
        &mut self,
        store: &dyn EvidenceStore,
        run: RunId,
        gaps: Vec<Gap>,
    ) -> Result<(), StoreError> {
        write_gaps(store, run, gaps).await?;
        self.clock.look();
        let recess = Recess {
            at: Timestamp::now(),
            clock_drift_ms: self.clock.drift_ms,
        };
        store.append(run, &Record::Recess(recess)).await.map(drop)
    }

    /// Writes what is left to be said of a run.
    pub(super) async fn close(
        &mut self,
        store: &dyn EvidenceStore,
        run: RunId,
        gaps: Vec<Gap>,
        interrupted: bool,
    ) -> Result<(), StoreError> {
        write_gaps(store, run, gaps).await?;
        self.clock.look();
        let end = RunEnd {
            at: Timestamp::now(),
            interrupted,
            clock_drift_ms: self.clock.drift_ms,
        };
        store.append(run, &Record::End(end)).await?;
        self.over = true;
        Ok(())
    }
}

async fn write_gaps(
    store: &dyn EvidenceStore,
    run: RunId,
    gaps: Vec<Gap>,
) -> Result<(), StoreError> {
    for gap in gaps {
        store.append(run, &Record::Gap(gap)).await?;
    }
    Ok(())
}

/// Waits until a step is due; or says until when it would have to be waited, where nobody stays for that. The browsers stay
/// as they are meanwhile: a preview that comes late has its viewers still there.
async fn wait(setting: &Setting, cast: &Cast<'_>, due: Timestamp) -> Option<Timestamp> {
    let left = due.duration_since(Timestamp::now());
    let left = Duration::try_from(left).unwrap_or_default();
    match (left.is_zero(), setting.stays) {
        (true, _) => None,
        (false, false) => Some(due),
        (false, true) => {
            cast.house.teller.tell(Event::Listening(left));
            cast.sit_through(left).await;
            None
        }
    }
}

/// The messages that other runs wrote on the same service within the hour: the accounts are the same.
async fn written_lately(setting: &Setting, house: &House) -> Result<Vec<Timestamp>, StoreError> {
    let now = Timestamp::now();
    let since = now.checked_sub(HOUR).unwrap_or(now);
    let mut lately = Vec::new();
    let runs = house.store.runs().await?;
    let others = runs.iter().rev().filter(|row| row.run != house.run);
    for row in others.take(OTHERS) {
        let other = house.store.evidence(row.run).await?;
        let service = other.manifest().map(|one| &one.scenario.service);
        if service == Some(&setting.scenario.service.name) {
            lately.extend(written(&other).into_iter().filter(|at| *at >= since));
        }
    }
    Ok(lately)
}

/// Waits for the next message's turn. Whoever only plants stays for that as well: nobody would come back so soon.
async fn pause(cast: &Cast<'_>, not_before: Option<Timestamp>) {
    let left = not_before.map(|at| at.duration_since(Timestamp::now()));
    let left = left.and_then(|left| Duration::try_from(left).ok());
    if let Some(left) = left.filter(|left| !left.is_zero()) {
        cast.house.teller.tell(Event::Pausing(left));
        cast.sit_through(left).await;
    }
}

/// Whether anything of a round was done.
fn is_begun(round: Round<'_>, evidence: &Evidence) -> bool {
    let is_of = |trial: TrialId| round.opening.iter().any(|one| one.id == trial);
    evidence.entries.iter().any(|entry| match &entry.record {
        Record::Intent(intent) => intent.trials.iter().any(|trial| is_of(*trial)),
        Record::Failure(failure) => failure.trial.is_some_and(is_of),
        _ => false,
    })
}

fn omitted(evidence: &Evidence) -> HashSet<TrialId> {
    let omissions = evidence
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Omission(omission) => Some(&omission.trials),
            _ => None,
        });
    omissions.flatten().copied().collect()
}

impl House {
    /// Writes down that trials are not played.
    async fn omit(&self, trials: Vec<TrialId>) -> Result<(), StoreError> {
        let at = Timestamp::now();
        self.append(&Record::Omission(Omission { at, trials }))
            .await
    }
}
