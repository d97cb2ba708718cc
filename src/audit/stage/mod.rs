mod arrive;
mod hands;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::browser::{
    self, Course, DoorRule, Driver, DriverError, Fill, Held, Played, Profiles, Seen,
    SessionOptions, StepError, Veil, Whose,
};
use crate::canary::{Link, Mint, dress};
use crate::model::{
    Account, Arm, Client, Doubt, Exposure, Failure, Intent, Mark, Notice, Part, Phase, Probe,
    Record, RunId, Sighting, StepRef, Timestamp, TokenId, Trial, TrialId, Via,
};
use crate::scenario::{CLIENT_BUILD, Scenario, Step, Target, TypeText, Verb};
use crate::store::{EvidenceStore, StoreError};

use self::hands::Hands;
use super::event::{Event, Teller};
use super::given::{Secrets, Values};
use super::person::People;
use super::scenes::Scenes;

/// After so many failed trials in a row a variant is given up: what follows would only wait for the same.
const PATIENCE: u32 = 2;

/// For a fetch of our own.
const PROBE_TIME: Duration = Duration::from_secs(10);

/// The longest build that is kept, in characters: a page may say anything.
const BUILD: usize = 200;

/// The locator alias that shows that somebody is signed in.
pub(super) const LOGGED_IN: &str = "logged_in";

/// The locator alias that shows that nobody is signed in.
const LOGGED_OUT: &str = "logged_out";

/// What all stages of a run share.
pub(super) struct House {
    pub(super) run: RunId,
    pub(super) scenario: Scenario,
    pub(super) mint: Mint,
    pub(super) public: String,
    pub(super) store: Arc<dyn EvidenceStore>,
    pub(super) teller: Teller,
    /// What our own fetches call themselves.
    pub(super) name: String,
    pub(super) auditor: reqwest::Client,
    pub(super) secrets: Secrets,
    pub(super) doors: BTreeMap<Account, DoorRule>,
    pub(super) headed: bool,
    /// Profiles that outlive the run.
    pub(super) profiles: Profiles,
    /// Who acts where there is no browser.
    pub(super) people: Option<People>,
    /// Where it is kept what pages looked like when something went wrong.
    pub(super) scenes: Scenes,
    /// Hides the secrets of both accounts.
    pub(super) veil: Veil,
}

impl House {
    pub(super) async fn append(&self, record: &Record) -> Result<(), StoreError> {
        self.store.append(self.run, record).await.map(drop)
    }

    /// A variant whose browsers did not open: nothing of it that needs one is played.
    pub(super) async fn no_browser(
        &self,
        variant: &str,
        error: &DriverError,
    ) -> Result<(), StoreError> {
        self.fail(Failure {
            variant: variant.to_owned(),
            trial: None,
            account: Account::Sender,
            phase: Phase::Login,
            at: Timestamp::now(),
            doubt: Doubt::SessionLost,
            step: None,
            message: error.to_string(),
            scene: None,
        })
        .await
    }

    /// Writes a failure down, and tells it.
    async fn fail(&self, failure: Failure) -> Result<(), StoreError> {
        self.append(&Record::Failure(failure.clone())).await?;
        self.teller.tell(Event::Failed(failure));
        Ok(())
    }

    pub(super) fn link(&self, trial: &Trial) -> Link {
        let id = TokenId {
            run: self.run,
            trial: trial.id,
            arm: trial.arm,
            form: trial.form,
            part: Part::Link,
        };
        dress(&self.mint, &self.public, id)
    }

    /// Writes down what is about to be done: once that is durable, a run that is killed in the middle says that it may have
    /// been done, and nobody does it again.
    async fn intend(&self, phase: Option<Phase>, trials: Vec<TrialId>) -> Result<(), StoreError> {
        let at = Timestamp::now();
        let intent = Intent { at, phase, trials };
        self.append(&Record::Intent(intent)).await
    }

    /// Writes down that a link left our hands, or may have. A step that was not done exposes nothing.
    async fn expose(
        &self,
        trial: &Trial,
        phase: Phase,
        played: &Result<Played, StepError>,
    ) -> Result<(), StoreError> {
        let span = match played {
            Ok(played) => (played.course == Course::Done).then_some((played.from, Some(played.to))),
            Err(error) => error.acted.map(|from| (from, None)),
        };
        match span {
            Some((from, to)) => self.shown(trial, phase, from, to).await,
            None => Ok(()),
        }
    }

    /// Writes down that a link went a step further.
    async fn shown(
        &self,
        trial: &Trial,
        phase: Phase,
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let trial = trial.id;
        self.append(&Record::Exposure(Exposure {
            trial,
            phase,
            from,
            to,
        }))
        .await
    }

    /// Fetches a `reached` canary ourselves. That it failed is no record: not having been heard says it.
    pub(super) async fn reach(&self, trial: &Trial) -> Result<(), StoreError> {
        self.intend(None, vec![trial.id]).await?;
        let from = Timestamp::now();
        let fetched = async {
            self.auditor
                .get(self.link(trial).url)
                .send()
                .await?
                .bytes()
                .await
        };
        match tokio::time::timeout(PROBE_TIME, fetched).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a fetch of our own failed"),
            Err(_) => tracing::warn!("a fetch of our own was not answered in time"),
        }
        self.fetched(trial, from).await
    }

    /// Writes down that we fetched a link ourselves, from an instant until now.
    async fn fetched(&self, trial: &Trial, from: Timestamp) -> Result<(), StoreError> {
        let (trial, to) = (trial.id, Timestamp::now());
        self.append(&Record::Probe(Probe { trial, from, to })).await
    }
}

/// One account's browser.
struct Player {
    session: Hands,
    fill: Fill,
    /// Its profile, where that is kept: nobody else may use it meanwhile.
    kept: Option<Held>,
}

/// Two browsers on one variant of the service.
pub(super) struct Stage<'a> {
    house: &'a House,
    variant: String,
    sender: Player,
    recipient: Player,
    signed_in: bool,
    /// What each account's page said last of its build.
    builds: BTreeMap<Account, String>,
    /// By which alternative each alias was found last.
    seen: BTreeMap<(Account, String), usize>,
    /// Why no more trials are played here.
    given_up: Option<Failure>,
    failed_in_a_row: u32,
}

/// What kept a trial from being played to its end.
enum Trouble {
    /// The page, or the browser. In the evidence as a failure.
    Page(Box<Failure>, Gone),
    /// The store: nothing may go on that cannot be recorded.
    Store(StoreError),
}

/// Whether the browser itself is gone.
type Gone = bool;

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<'a> Stage<'a> {
    /// Opens both browsers.
    pub(super) async fn open(
        house: &'a House,
        driver: &Driver,
        variant: &str,
        values: &Values,
    ) -> Result<Self, DriverError> {
        let player = async |account| Player::open(house, driver, account, variant, values).await;
        Ok(Self {
            house,
            variant: variant.to_owned(),
            sender: player(Account::Sender).await?,
            recipient: player(Account::Recipient).await?,
            signed_in: false,
            builds: BTreeMap::new(),
            seen: BTreeMap::new(),
            given_up: None,
            failed_in_a_row: 0,
        })
    }

    /// Which variant.
    pub(super) fn variant(&self) -> &str {
        &self.variant
    }

    /// The browser and driver, as they name themselves.
    pub(super) fn browser(&self) -> String {
        self.sender.session.named()
    }

    /// Plays one trial. What goes wrong on a page goes into the evidence; only the store's own errors come back.
    pub(super) async fn play(&mut self, trial: &Trial) -> Result<(), StoreError> {
        let played = match (trial.arm, trial.via) {
            (Arm::Unsent, _) => return Ok(()),
            (Arm::Reached, Some(Via::Sender)) => {
                return self.prove_door(Account::Sender, trial).await;
            }
            (Arm::Reached, Some(Via::Recipient)) => {
                return self.prove_door(Account::Recipient, trial).await;
            }
            (Arm::Reached, _) => return self.house.reach(trial).await,
            (Arm::Visited, _) => return self.open_aside(trial).await,
            (Arm::Sent | Arm::Received | Arm::Opened, _) => self.message(trial).await,
            (Arm::Drafted | Arm::Pasted, _) => self.draft(trial).await,
        };
        match played {
            Ok(()) => {
                self.failed_in_a_row = 0;
                Ok(())
            }
            Err(Trouble::Page(failure, gone)) => self.after(*failure, gone).await,
            Err(Trouble::Store(error)) => Err(error),
        }
    }

    /// Writes a failure down, and decides whether to go on.
    async fn after(&mut self, failure: Failure, gone: Gone) -> Result<(), StoreError> {
        self.failed_in_a_row += 1;
        let hopeless =
            gone || failure.doubt == Doubt::SessionLost || self.failed_in_a_row >= PATIENCE;
        if hopeless && self.given_up.is_none() {
            self.given_up = Some(failure.clone());
        }
        self.house.fail(failure).await
    }

    /// Has a browser fetch a canary of its own: it must come in by its own door. Before signing in, so that nothing of
    /// the service is on the screen.
    async fn prove_door(&mut self, account: Account, trial: &Trial) -> Result<(), StoreError> {
        self.house.intend(None, vec![trial.id]).await?;
        let from = Timestamp::now();
        let url = self.house.link(trial).url;
        let page = self.house.scenario.timeouts.page;
        if let Err(fault) = self.player(account).session.visit(&url, page).await {
            tracing::warn!(%account, %fault, "the browser could not visit its door");
        }
        self.house.fetched(trial, from).await
    }

    /// `visited`: the sender's browser opens the link beside the conversation, and closes it again.
    async fn open_aside(&mut self, trial: &Trial) -> Result<(), StoreError> {
        self.house.intend(None, vec![trial.id]).await?;
        let from = Timestamp::now();
        let url = self.house.link(trial).url;
        let page = self.house.scenario.timeouts.page;
        if let Err(fault) = self.sender.session.visit_aside(&url, page).await {
            tracing::warn!(%fault, "the browser could not open a link aside");
        }
        self.house.fetched(trial, from).await
    }

    /// `sent`, `received`, `opened`: to the proof that the message left. The recipient is away.
    async fn message(&mut self, trial: &Trial) -> Result<(), Trouble> {
        self.begin(trial).await?;
        let sent = self.send(trial).await;
        if sent.is_err() {
            self.clear_composer().await;
        }
        sent?;
        Ok(self.notice(trial, Phase::Confirm).await?)
    }

    async fn send(&mut self, trial: &Trial) -> Result<(), Trouble> {
        for phase in [Phase::Open, Phase::Compose] {
            self.phase(Account::Sender, phase, Some(trial)).await?;
        }
        // What typing causes must have come before sending can be thought to have caused it.
        let experiment = &self.house.scenario.experiment;
        let drafts = [Arm::Drafted, Arm::Pasted];
        if drafts.iter().any(|arm| experiment.arms.contains(arm)) {
            tokio::time::sleep(experiment.draft).await;
        }
        for phase in [Phase::Send, Phase::Confirm] {
            self.phase(Account::Sender, phase, Some(trial)).await?;
        }
        Ok(())
    }

    /// `drafted`, `pasted`: put into the composer, left standing, and taken away again.
    async fn draft(&mut self, trial: &Trial) -> Result<(), Trouble> {
        self.begin(trial).await?;
        for phase in [Phase::Open, Phase::Compose] {
            self.phase(Account::Sender, phase, Some(trial)).await?;
        }
        tokio::time::sleep(self.house.scenario.experiment.draft).await;
        if self.clear_composer().await {
            return Ok(());
        }
        let message = "the draft could not be taken out of the composer".to_owned();
        let failure = self.failure(
            Account::Sender,
            Phase::Compose,
            Some(trial),
            Doubt::SelectorDrift,
            message,
        );
        Err(self.seen_failing(failure, false).await)
    }

    /// What comes before every trial that needs a browser: nobody may have given up, and both must be signed in.
    async fn begin(&mut self, trial: &Trial) -> Result<(), Trouble> {
        if self.given_up.is_none() && !self.signed_in {
            self.sign_in().await?;
        }
        if let Some(earlier) = &self.given_up {
            let (failure, gone) = not_played(trial, earlier);
            return Err(Trouble::Page(Box::new(failure), gone));
        }
        self.sender.fill.link = Some(self.house.link(trial));
        Ok(())
    }

    async fn sign_in(&mut self) -> Result<(), Trouble> {
        for account in [Account::Sender, Account::Recipient] {
            match self.phase(account, Phase::Login, None).await {
                Ok(()) => {}
                Err(Trouble::Page(failure, gone)) => {
                    self.given_up = Some((*failure).clone());
                    return Ok(self.after(*failure, gone).await?);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        self.signed_in = true;
        for player in [&self.sender, &self.recipient] {
            player.note_signed_in();
        }
        self.leave().await;
        Ok(())
    }

    /// Plays the steps of a phase, and writes down each instant at which the link went a step further.
    async fn phase(
        &mut self,
        account: Account,
        phase: Phase,
        trial: Option<&Trial>,
    ) -> Result<(), Trouble> {
        let house = self.house;
        for step in house.scenario.script.phase(phase) {
            let step = &*as_the_arm_types(step, trial);
            let setting = browser::Setting::from(&house.scenario);
            let exposed = trial.filter(|_| exposes(step));
            if let Some(trial) = exposed {
                house.intend(Some(phase), vec![trial.id]).await?;
            }
            let player = self.player(account);
            let played = player.session.play(step, &mut player.fill, &setting).await;
            self.note_sightings(account, phase).await?;
            if let Some(trial) = exposed {
                house.expose(trial, phase, &played).await?;
            }
            if played.is_ok() && phase != Phase::Follow {
                self.stay(account, phase, trial, step).await?;
            }
            match (played, &step.mark) {
                (Err(error), _) => {
                    return Err(self.trouble(account, phase, trial, step, &error).await);
                }
                (Ok(played), Some(name)) if played.course == Course::Done => {
                    let (trial, name) = (trial.map(|trial| trial.id), name.clone());
                    let mark = Mark {
                        trial,
                        account,
                        phase,
                        name,
                        at: played.to,
                    };
                    house.append(&Record::Mark(mark)).await?;
                }
                (Ok(_), _) => {}
            }
        }
        if phase == Phase::Login {
            self.note_build(account).await?;
        }
        self.player(account).session.listen().await;
        Ok(())
    }

    /// Has the browsers' drivers hand over what they noted, so that they need not keep it.
    pub(super) async fn listen(&self) {
        for player in [&self.sender, &self.recipient] {
            player.session.listen().await;
        }
    }

    /// Where a page leads elsewhere than to the scenario's hosts, nothing more is played: nobody knows what would be
    /// typed there.
    async fn stay(
        &mut self,
        account: Account,
        phase: Phase,
        trial: Option<&Trial>,
        step: &Step,
    ) -> Result<(), Trouble> {
        let house = self.house;
        let player = self.player(account);
        // A page that cannot be looked at just now is found out by the next step.
        let hosts = &house.scenario.hosts;
        let Ok(Some(address)) = player.session.strayed(hosts, &player.fill).await else {
            return Ok(());
        };
        let message = format!(
            "the page became `{address}`, which is on none of the scenario's `hosts`; nothing more is played here"
        );
        let mut failure = self.failure(account, phase, trial, Doubt::SelectorDrift, message);
        failure.step = Some(StepRef {
            verb: step.verb.name().to_owned(),
            line: step.line,
        });
        Err(self.seen_failing(failure, true).await)
    }

    /// Writes down which build of the client signed in, where the scenario reads it and it is not the one of before.
    async fn note_build(&mut self, account: Account) -> Result<(), StoreError> {
        let fill = &self.player(account).fill;
        let Some(said) = fill.vars.get(CLIENT_BUILD) else {
            return Ok(());
        };
        let build: String = fill.redact(said.trim()).chars().take(BUILD).collect();
        if self.builds.get(&account) == Some(&build) {
            return Ok(());
        }
        self.builds.insert(account, build.clone());
        let client = Client {
            variant: self.variant.clone(),
            account,
            at: Timestamp::now(),
            build,
        };
        self.house.append(&Record::Client(client)).await
    }

    /// Writes down by which alternative each alias was found, where that is new.
    async fn note_sightings(&mut self, account: Account, phase: Phase) -> Result<(), StoreError> {
        for (alias, seen) in self.player(account).session.take_seen() {
            let known = self.seen.insert((account, alias.clone()), seen.alternative);
            if known == Some(seen.alternative) {
                continue;
            }
            let sighting = sighting(&self.variant, account, phase, alias, seen);
            self.house.teller.tell(Event::Seen(sighting.clone()));
            self.house.append(&Record::Sighting(sighting)).await?;
        }
        Ok(())
    }

    /// What a failed step means. A sign-in form where the conversation should be outranks what the step was about.
    async fn trouble(
        &mut self,
        account: Account,
        phase: Phase,
        trial: Option<&Trial>,
        step: &Step,
        error: &StepError,
    ) -> Trouble {
        let lost = !error.is_gone() && self.is_logged_out(account).await;
        let doubt = if lost {
            Doubt::SessionLost
        } else {
            step.otherwise.unwrap_or_else(|| usual_doubt(phase))
        };
        let mut failure = self.failure(account, phase, trial, doubt, error.to_string());
        failure.step = Some(error.at.clone());
        if error.is_gone() {
            return Trouble::Page(Box::new(failure), true);
        }
        self.seen_failing(failure, false).await
    }

    /// Keeps what the page looks like on which something went wrong. That it cannot be kept is no reason to stop.
    async fn seen_failing(&mut self, mut failure: Failure, gone: Gone) -> Trouble {
        let house = self.house;
        if !house.scenes.are_kept() {
            return Trouble::Page(Box::new(failure), gone);
        }
        if let Some(scene) = self
            .player(failure.account)
            .session
            .scene(&house.veil)
            .await
        {
            let kept = house
                .scenes
                .keep(house.run, &house.scenario.source, &failure, scene);
            failure.scene = kept
                .inspect_err(
                    |error| tracing::warn!(%error, "what the page looked like is not kept"),
                )
                .unwrap_or_default();
        }
        Trouble::Page(Box::new(failure), gone)
    }

    fn failure(
        &self,
        account: Account,
        phase: Phase,
        trial: Option<&Trial>,
        doubt: Doubt,
        message: String,
    ) -> Failure {
        let (variant, trial) = (self.variant.clone(), trial.map(|trial| trial.id));
        Failure {
            variant,
            trial,
            account,
            phase,
            at: Timestamp::now(),
            doubt,
            step: None::<StepRef>,
            message,
            scene: None,
        }
    }

    async fn is_logged_out(&mut self, account: Account) -> bool {
        let house = self.house;
        let Some(target) = alias(&house.scenario, LOGGED_OUT) else {
            return false;
        };
        let player = self.player(account);
        let setting = browser::Setting::from(&house.scenario);
        player
            .session
            .sees(&target, &player.fill, &setting)
            .await
            .unwrap_or(false)
    }

    /// Empties the composer, so that no link of this trial is in the next one's message; says whether it is empty.
    async fn clear_composer(&mut self) -> bool {
        let house = self.house;
        let typed = house
            .scenario
            .script
            .compose
            .iter()
            .find(|step| exposes(step));
        let into = match typed.map(|step| &step.verb) {
            Some(Verb::Type(text)) => Some(&text.into),
            Some(_) => None,
            None => return false,
        };
        let setting = browser::Setting::from(&house.scenario);
        let cleared = self
            .sender
            .session
            .clear(into, &self.sender.fill, &setting)
            .await;
        cleared
            .inspect_err(|fault| tracing::debug!(%fault, "the composer was not cleared"))
            .is_ok()
    }

    async fn notice(&self, trial: &Trial, phase: Phase) -> Result<(), StoreError> {
        self.house
            .append(&Record::Notice(Notice {
                trial: trial.id,
                phase,
                at: Timestamp::now(),
            }))
            .await
    }

    const fn player(&mut self, account: Account) -> &mut Player {
        match account {
            Account::Sender => &mut self.sender,
            Account::Recipient => &mut self.recipient,
        }
    }
}

impl Player {
    async fn open(
        house: &House,
        driver: &Driver,
        account: Account,
        variant: &str,
        values: &Values,
    ) -> Result<Self, DriverError> {
        let mut fill = Fill::acting(&house.scenario.accounts, account);
        fill.vars = values.clone();
        fill.secrets = house.secrets.get(&account).cloned().unwrap_or_default();
        fill.veil = Some(house.veil.clone());
        if let Some(people) = &house.people {
            let session = Hands::person(people.clone(), account);
            return Ok(Self {
                session,
                fill,
                kept: None,
            });
        }
        let whose = Whose {
            service: house.scenario.service.name.clone(),
            variant: variant.to_owned(),
            account,
        };
        let kept = house.profiles.take(&whose)?;
        // One profile for each account of each variant: two browsers on one profile would be one browser.
        let fresh = |folder: &Path| folder.join(format!("{variant}-{account}"));
        let profile = kept.as_ref().map(Held::profile);
        let options = SessionOptions {
            account,
            profile: profile.or_else(|| driver.directory().map(fresh)),
            door: house.doors.get(&account).cloned(),
            headed: house.headed,
        };
        let session = Hands::Browser(Box::new(driver.open(&options).await?));
        Ok(Self {
            session,
            fill,
            kept,
        })
    }

    /// That a profile is still good is worth knowing before the next run.
    fn note_signed_in(&self) {
        let seen = self.kept.as_ref().map(|kept| kept.seen(Timestamp::now()));
        if let Some(Err(error)) = seen {
            tracing::warn!("{error}");
        }
    }
}

/// What is written down of an alias that was found.
pub(in crate::audit) fn sighting(
    variant: &str,
    account: Account,
    phase: Phase,
    alias: String,
    seen: Seen,
) -> Sighting {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Sighting {
        variant: variant.to_owned(),
        account,
        phase,
        alias,
        alternative: small(seen.alternative),
        of: small(seen.of),
        count: small(seen.count),
        at: Timestamp::now(),
    }
}

/// Whether a step takes the link out of our hands: the one that types it, and the one that sends it.
fn exposes(step: &Step) -> bool {
    let puts = matches!(step.verb, Verb::Type(_) | Verb::Manual { until: None, .. });
    let types = puts && step.mark.as_deref() == Some("typed");
    step.effect || types
}

/// What it means when a step of a phase fails and does not say itself.
const fn usual_doubt(phase: Phase) -> Doubt {
    match phase {
        Phase::Login => Doubt::SessionLost,
        Phase::Open | Phase::Compose => Doubt::SelectorDrift,
        Phase::Send | Phase::Confirm => Doubt::ExposureUnconfirmed,
        Phase::Receive | Phase::Follow => Doubt::NotDelivered,
    }
}

/// What is written down of a trial that is not tried after what happened before.
fn not_played(trial: &Trial, earlier: &Failure) -> (Failure, Gone) {
    let failure = Failure {
        trial: Some(trial.id),
        at: Timestamp::now(),
        step: None,
        message: format!("not played after: {}", earlier.message),
        scene: None,
        ..earlier.clone()
    };
    (failure, false)
}

/// `drafted` is typed and `pasted` is pasted, whatever the scenario prefers for what it sends.
fn as_the_arm_types<'s>(step: &'s Step, trial: Option<&Trial>) -> Cow<'s, Step> {
    let paste = match trial.map(|trial| trial.arm) {
        Some(Arm::Drafted) => false,
        Some(Arm::Pasted) => true,
        _ => return Cow::Borrowed(step),
    };
    let Verb::Type(text) = &step.verb else {
        return Cow::Borrowed(step);
    };
    if step.mark.as_deref() != Some("typed") {
        return Cow::Borrowed(step);
    }
    Cow::Owned(Step {
        verb: Verb::Type(TypeText {
            paste,
            ..text.clone()
        }),
        ..step.clone()
    })
}

pub(super) fn alias(scenario: &Scenario, name: &str) -> Option<Target> {
    let alternatives = scenario.locators.get(name)?.clone();
    Some(Target {
        alias: Some(name.to_owned()),
        alternatives,
    })
}
