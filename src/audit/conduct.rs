use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use sha2::{Digest, Sha256};

use crate::browser::{DoorRule, Driver, DriverError, DriverOptions};
use crate::canary::{Key, Keyring, Mint, Zone};
use crate::collector::{
    Apart, CertificateError, Collector, CollectorError, Credentials, HITS,
    Setting as CollectorSetting, ZoneSetting, client_trusting,
};
use crate::model::{
    Account, Arm, DataVersion, Doorway, Gap, Manifest, Omission, Record, RunEnd, RunId,
    ScenarioRef, Timestamp, ToolRef, TrialId, VariantRef, millis,
};
use crate::plan::{Plan, Round};
use crate::practice::PracticeError;
use crate::scenario::Scenario;
use crate::store::{EvidenceStore, Health, RemoteStore, StoreError};
use crate::verdict::RULES;

use super::event::{Event, Teller};
use super::given::{GivenError, Secrets, Values, secrets};
use super::inquiry::Inquiry;
use super::lookup::OwnNames;
use super::rehearse::Rehearsal;
use super::stage::{House, Stage};
use super::stop::Stop;
use super::topping;

/// What a run needs to be conducted.
#[derive(Debug)]
pub struct Setting {
    /// The scenario.
    pub scenario: Scenario,
    /// What is played.
    pub plan: Plan,
    /// The variants to play with their variables' values, in order.
    pub variants: Vec<(VariantRef, Values)>,
    /// How long to listen after each exposure.
    pub window: Duration,
    /// Where the collector's public door listens.
    pub listen: SocketAddr,
    /// The address in the links; none: where the public door listens.
    pub public: Option<String>,
    /// The zone that host tokens are labels of; none: links without them.
    pub zone: Option<ZoneSetting>,
    /// What is shown over TLS.
    pub credentials: Credentials,
    /// The collector to plant for, where it is not one of our own: the five above are then its business.
    pub collector: Option<Arc<RemoteStore>>,
    /// How browsers are had.
    pub driver: DriverOptions,
    /// Whether they show a window.
    pub headed: bool,
    /// Whom to ask about visitors' addresses afterwards.
    pub inquiry: Inquiry,
    /// What is known of who is who, by its versions.
    pub data: Vec<DataVersion>,
    /// From where in the world the run is made, if that was said.
    pub region: Option<String>,
}

impl Setting {
    /// Whether any trial wants the browsers' doors to refuse.
    fn sealed(&self) -> bool {
        let doors = &self.scenario.experiment.doors;
        doors.contains(&Doorway::Sealed)
    }

    /// The trials whose links the browsers' doors serve.
    fn served(&self) -> impl Iterator<Item = TrialId> + '_ {
        let trials = self.plan.trials.iter();
        trials
            .filter(|trial| trial.doorway == Some(Doorway::Open))
            .map(|trial| trial.id)
    }
}

/// A run that was conducted, to its end or until it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conducted {
    /// Its name in the store; none where it was stopped before anything was recorded.
    pub run: Option<RunId>,
    /// Stopped before its end.
    pub interrupted: bool,
}

impl Conducted {
    const STOPPED_BEFORE_IT_BEGAN: Self = Self {
        run: None,
        interrupted: true,
    };
}

/// What can keep a run from being conducted. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// No browser.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// No collector.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// No evidence can be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret cannot be had.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// The address in the links is none.
    #[error("use `{0}` as the address in the links: it must look like http://host:port")]
    Public(String),
    /// The address in the links is elsewhere.
    #[error(
        "use `{public}` as the address in the links: with --zone {zone} its host must be {zone}"
    )]
    Elsewhere {
        /// The address.
        public: String,
        /// The zone.
        zone: Zone,
    },
    /// A collector elsewhere speaks another language.
    #[error(
        "plant for the collector: what it gave for making tokens is not understood; is it of the same version?"
    )]
    Mint,
    /// The system has no dice.
    #[error("draw a key: {0}")]
    Dice(getrandom::Error),
    /// Nothing can be fetched by ourselves.
    #[error("set up fetches of our own: {0}")]
    Auditor(reqwest::Error),
    /// No practice messenger.
    #[error(transparent)]
    Practice(#[from] PracticeError),
    /// They cannot be had over TLS.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Plays a plan. Whatever happens, nothing that it started is left running.
///
/// # Errors
/// Something that is needed before the first trial is not there, or evidence cannot be kept any more.
pub async fn conduct(
    setting: Setting,
    store: Arc<dyn EvidenceStore>,
    teller: Teller,
    stop: &Stop,
) -> Result<Conducted, AuditError> {
    // What can be wrong before anything is opened comes first.
    let public = public(&setting)?;
    let Some(secrets) = stop.or(all_secrets(&setting)).await else {
        return Ok(Conducted::STOPPED_BEFORE_IT_BEGAN);
    };
    let secrets = secrets?;
    let mut conductor = Conductor::new();
    let post = match &setting.collector {
        Some(remote) => Post::elsewhere(remote, &store, &mut conductor.clock).await?,
        None => Post::here(&setting, public, &store).await?,
    };
    let (run, collector) = (post.run, &post.collector);
    conductor.rehearsal = Rehearsal::start(&setting, post.dns).await?;
    let started = async {
        // What is shown is settled before the first link leaves. Where an authority does not issue, the collector tells
        // so, and goes on with what it has.
        let _ = collector.renew_certificate().await;
        Driver::start(&setting.driver).await
    };
    let Some(driver) = stop.or(started).await else {
        collector.stop().await;
        return Ok(Conducted::STOPPED_BEFORE_IT_BEGAN);
    };
    let driver = driver?;
    let afterwards = teller.clone();
    let house = house(&setting, &post, secrets, &store, teller).await;
    let played = match &house {
        Ok(house) => stop.or(conductor.play(&setting, house, &driver)).await,
        Err(_) => Some(Ok(())),
    };
    // The browsers go first: what they still ask for while they live is heard.
    driver.stop().await;
    conductor.rehearsal.stop().await;
    let mut gaps: Vec<Gap> = collector.stop().await.into_iter().collect();
    house?;
    let interrupted = !matches!(played, Some(Ok(())));
    if conductor.begun {
        if let Some(remote) = &setting.collector {
            let health = conductor.clock.compare(remote).await?;
            gaps.extend(health.gap);
        }
        conductor.close(&*store, run, gaps, interrupted).await?;
        // Behind the end, which says until when was listened.
        let inquiry = setting.inquiry.make(&*store, run, &afterwards);
        let asked = stop.or(inquiry).await;
        asked.transpose()?;
    }
    played.transpose()?;
    let run = conductor.begun.then_some(run);
    Ok(Conducted { run, interrupted })
}

/// Both clocks at one instant, and the most that the wall clock was seen to move against the steady one since.
struct Clock {
    steady: Instant,
    wall: Timestamp,
    drift_ms: i64,
}

impl Clock {
    fn start() -> Self {
        Self {
            steady: Instant::now(),
            wall: Timestamp::now(),
            drift_ms: 0,
        }
    }

    /// Looks at the clock of a collector elsewhere, which times the visits: as far as it is from ours, before or behind, as
    /// little can be said of what followed what.
    async fn compare(&mut self, remote: &RemoteStore) -> Result<Health, StoreError> {
        let (before, health) = (Timestamp::now(), remote.health().await?);
        self.meet(before, health.at, Timestamp::now());
        Ok(health)
    }

    /// Another clock said `theirs` at an instant between two of ours.
    fn meet(&mut self, before: Timestamp, theirs: Timestamp, after: Timestamp) {
        let apart = millis(theirs, before).max(millis(after, theirs)).max(0);
        let apart = if theirs < before { -apart } else { apart };
        let is_within = (before..=after).contains(&theirs);
        if !is_within && apart.abs() > self.drift_ms.abs() {
            self.drift_ms = apart;
        }
    }

    /// Looks at both again. Often, because a clock may jump forth and back.
    fn look(&mut self) {
        let steady = i64::try_from(self.steady.elapsed().as_millis()).unwrap_or(i64::MAX);
        let drift = millis(self.wall, Timestamp::now()) - steady;
        if drift.abs() > self.drift_ms.abs() {
            self.drift_ms = drift;
        }
    }
}

/// Where a run's links lead: a collector of our own, or one elsewhere with our browsers' doors here.
struct Post {
    run: RunId,
    mint: Mint,
    /// The public door too, where it is our own.
    collector: Collector,
    /// Who answers for the links' names, if that is to be asked directly.
    dns: Option<SocketAddr>,
    /// How our own fetches are made over TLS.
    client: ClientConfig,
}

impl Post {
    async fn here(
        setting: &Setting,
        public: Option<String>,
        store: &Arc<dyn EvidenceStore>,
    ) -> Result<Self, AuditError> {
        let (run, key) = (RunId(u32::from_be_bytes(draw()?)), Key::new(draw()?));
        let mint = key.mint(run);
        let of_its_own = CollectorSetting {
            listen: vec![setting.listen],
            public,
            zone: setting.zone.clone(),
            credentials: setting.credentials.clone(),
            keyring: Keyring::all(key),
            proxies: Vec::new(),
            run,
            most: Some(HITS),
            admin: None,
        };
        let collector = Collector::start(of_its_own, Arc::clone(store)).await?;
        Ok(Self {
            run,
            mint,
            dns: collector.dns(),
            client: collector.identity().client()?,
            collector,
        })
    }

    async fn elsewhere(
        remote: &RemoteStore,
        store: &Arc<dyn EvidenceStore>,
        clock: &mut Clock,
    ) -> Result<Self, AuditError> {
        let before = Timestamp::now();
        let registered = remote.register().await?;
        clock.meet(before, registered.at, Timestamp::now());
        let mint = Mint::from_secret(&registered.mint).ok_or(AuditError::Mint)?;
        let apart = Apart {
            public: registered.public,
            keyring: Keyring::one(mint.clone(), Key::new(draw()?)),
            run: registered.run,
        };
        Ok(Self {
            run: registered.run,
            mint,
            collector: Collector::apart(apart, Arc::clone(store))?,
            dns: registered.dns,
            client: client_trusting(&registered.roots)?,
        })
    }
}

async fn house(
    setting: &Setting,
    post: &Post,
    secrets: Secrets,
    store: &Arc<dyn EvidenceStore>,
    teller: Teller,
) -> Result<House, AuditError> {
    let collector = &post.collector;
    let from = match Zone::of(collector.public()) {
        // Whatever the port: nothing that a browser of ours wants from the zone may come in elsewhere.
        Some(zone) => format!("*.{zone}"),
        None => authority(collector.public())?,
    };
    let mut doors = BTreeMap::new();
    collector.serve_at_sealed_doors(post.run, setting.served());
    for &account in Account::ALL {
        let to = collector.open_door(account, true).await?;
        doors.insert(
            account,
            DoorRule {
                from: from.clone(),
                to,
            },
        );
    }
    // Our own fetches go by a name that nobody else has, and take the straight way, whatever proxies the environment
    // names.
    let name = hexadecimal(&draw::<16>()?);
    let auditor = reqwest::Client::builder()
        .user_agent(&name)
        .no_proxy()
        .tls_backend_preconfigured(post.client.clone())
        .pool_max_idle_per_host(0);
    let auditor = match post.dns {
        Some(server) => auditor.dns_resolver(OwnNames::at(server)),
        None => auditor,
    };
    Ok(House {
        run: post.run,
        scenario: setting.scenario.clone(),
        mint: post.mint.clone(),
        public: collector.public().to_owned(),
        store: Arc::clone(store),
        teller,
        name,
        auditor: auditor.build().map_err(AuditError::Auditor)?,
        secrets,
        doors,
        headed: setting.headed,
    })
}

/// Reads both accounts' secrets, files from the scenario's folder.
async fn all_secrets(setting: &Setting) -> Result<Secrets, AuditError> {
    let scenario = &setting.scenario;
    let folder = Path::new(&scenario.source.name)
        .parent()
        .unwrap_or_else(|| Path::new(""));
    let mut all = BTreeMap::new();
    for &account in Account::ALL {
        let identity = scenario.accounts.get(account);
        all.insert(account, secrets(identity, folder, &setting.driver).await?);
    }
    Ok(all)
}

/// The address in the links as it was given; with a zone a `*` stands where the host token goes.
fn public(setting: &Setting) -> Result<Option<String>, AuditError> {
    let Some(public) = &setting.public else {
        return Ok(None);
    };
    let authority = authority(public)?;
    let Some(ZoneSetting { zone, .. }) = &setting.zone else {
        return if public.contains('*') {
            Err(AuditError::Public(public.clone()))
        } else {
            Ok(Some(public.clone()))
        };
    };
    // Without a port it is the usual one.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (authority.as_str(), String::new()),
    };
    match zone.inside(host) {
        Some("" | "*") => Ok(Some(format!("http://*.{zone}{port}"))),
        _ => Err(AuditError::Elsewhere {
            public: public.clone(),
            zone: zone.clone(),
        }),
    }
}

/// Host and port of the links: what the browsers' doors stand in for. Without a port it is the host at any, since http
/// and https then differ in it.
fn authority(public: &str) -> Result<String, AuditError> {
    let wrong = || AuditError::Public(public.to_owned());
    let url = url::Url::parse(public).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    let plain = url.scheme() == "http" && matches!(url.path(), "" | "/") && !public.ends_with('/');
    match url.port() {
        _ if !plain => Err(wrong()),
        Some(port) => Ok(format!("{host}:{port}")),
        None => Ok(host.to_owned()),
    }
}

/// What is known of a run while it is played, and still needed when it is stopped in the middle.
struct Conductor {
    clock: Clock,
    /// The manifest is written: from here on the run exists.
    begun: bool,
    /// The trials that are not played because their cells are decided.
    left_out: HashSet<TrialId>,
    /// The messengers that are started for it.
    rehearsal: Rehearsal,
}

impl Conductor {
    fn new() -> Self {
        Self {
            clock: Clock::start(),
            begun: false,
            left_out: HashSet::new(),
            rehearsal: Rehearsal::default(),
        }
    }

    /// Plays every round, or as many as it takes.
    async fn play(
        &mut self,
        setting: &Setting,
        house: &House,
        driver: &Driver,
    ) -> Result<(), AuditError> {
        let mut stages = Vec::new();
        let mut rounds = setting.plan.rounds();
        if let Some(first) = rounds.next() {
            for (variant, values) in &setting.variants {
                let values = self.rehearsal.fill(&variant.name, values);
                match Stage::open(house, driver, &variant.name, &values).await {
                    Ok(mut stage) => {
                        self.begin(setting, house, &stage).await?;
                        self.opening(house, &mut stage, first).await?;
                        stages.push(stage);
                    }
                    // One variant's browsers that do not open are no reason to throw the others' evidence away.
                    Err(error) if self.begun => house.no_browser(&variant.name, &error).await?,
                    Err(error) => return Err(error.into()),
                }
            }
            self.after_the_sending(setting, house, &mut stages, first)
                .await?;
        }
        for round in rounds {
            self.leave_out_what_is_decided(setting, house, round)
                .await?;
            if round
                .opening
                .iter()
                .all(|trial| self.left_out.contains(&trial.id))
            {
                break;
            }
            for stage in &mut stages {
                self.opening(house, stage, round).await?;
            }
            self.after_the_sending(setting, house, &mut stages, round)
                .await?;
        }
        Ok(())
    }

    /// What follows when all of a round is sent: it is listened, the recipient comes back, and it is listened again as often
    /// as something new was done; then the last controls.
    async fn after_the_sending(
        &mut self,
        setting: &Setting,
        house: &House,
        stages: &mut [Stage<'_>],
        round: Round<'_>,
    ) -> Result<(), AuditError> {
        let played = |arms: &[Arm]| {
            let mut trials = round.opening.iter();
            trials.any(|trial| arms.contains(&trial.arm) && !self.left_out.contains(&trial.id))
        };
        let shows = played(&[Arm::Received, Arm::Opened]);
        let follows = played(&[Arm::Opened]);
        // The browsers stay as they are while we listen: a preview that comes late has its viewers still there.
        listen(setting, house).await;
        for stage in &mut *stages {
            stage.arrive().await?;
        }
        if shows {
            listen(setting, house).await;
        }
        if follows {
            for stage in &mut *stages {
                stage.follow().await?;
            }
            listen(setting, house).await;
        }
        house.teller.tell(Event::Closing);
        for trial in round.closing {
            if self.left_out.contains(&trial.id) {
                continue;
            }
            house.teller.tell(Event::Trial(trial.clone()));
            house.reach(trial).await?;
            house.teller.tell(Event::Played);
            self.clock.look();
        }
        Ok(())
    }

    /// Plays what of a round belongs to one stage.
    async fn opening(
        &mut self,
        house: &House,
        stage: &mut Stage<'_>,
        round: Round<'_>,
    ) -> Result<(), StoreError> {
        let variant = stage.variant().to_owned();
        let trials = round
            .opening
            .iter()
            .filter(|trial| trial.variant == variant);
        for trial in trials {
            if self.left_out.contains(&trial.id) {
                continue;
            }
            house.teller.tell(Event::Trial(trial.clone()));
            stage.play(trial).await?;
            if matches!(trial.arm, Arm::Reached | Arm::Visited) {
                self.rehearsal.opened(&variant, &house.link(trial).url);
            }
            house.teller.tell(Event::Played);
            self.clock.look();
        }
        Ok(())
    }

    /// Judges what there is so far, and leaves out the trials from the next round on that nothing hangs on any more.
    async fn leave_out_what_is_decided(
        &mut self,
        setting: &Setting,
        house: &House,
        next: Round<'_>,
    ) -> Result<(), AuditError> {
        self.clock.look();
        let evidence = house.store.evidence(house.run).await?;
        let so_far = RunEnd {
            at: Timestamp::now(),
            interrupted: false,
            clock_drift_ms: self.clock.drift_ms,
        };
        let trials = topping::left_out(&evidence, so_far, setting.plan.to_come(next));
        let trials: Vec<TrialId> = trials
            .into_iter()
            .filter(|trial| self.left_out.insert(*trial))
            .collect();
        if !trials.is_empty() {
            let at = Timestamp::now();
            house
                .append(&Record::Omission(Omission { at, trials }))
                .await?;
        }
        Ok(())
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

    /// Writes what is left to be said of a run.
    async fn close(
        &mut self,
        store: &dyn EvidenceStore,
        run: RunId,
        gaps: Vec<Gap>,
        interrupted: bool,
    ) -> Result<(), StoreError> {
        for gap in gaps {
            store.append(run, &Record::Gap(gap)).await?;
        }
        self.clock.look();
        let end = RunEnd {
            at: Timestamp::now(),
            interrupted,
            clock_drift_ms: self.clock.drift_ms,
        };
        store.append(run, &Record::End(end)).await.map(drop)
    }
}

async fn listen(setting: &Setting, house: &House) {
    house.teller.tell(Event::Listening(setting.window));
    tokio::time::sleep(setting.window).await;
}

fn manifest(setting: &Setting, house: &House, browser: String) -> Manifest {
    let scenario = &setting.scenario;
    Manifest {
        started: Timestamp::now(),
        tool: ToolRef {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        rules: Some(RULES),
        data: setting.data.clone(),
        region: setting.region.clone(),
        scenario: ScenarioRef {
            path: scenario.source.name.clone(),
            digest: hexadecimal(&Sha256::digest(scenario.source.text.as_bytes())),
            text: Some(scenario.source.text.clone()),
            service: scenario.service.name.clone(),
            title: scenario.service.title.clone(),
            checked: scenario.checked.clone(),
            provenance: scenario.provenance.clone(),
            networks: scenario.service.networks.clone(),
            agents: scenario.service.agents.clone(),
            known: scenario.service.known.clone(),
            others: scenario.service.others.clone(),
            registered: scenario.accounts.registered(),
        },
        seed: setting.plan.seed,
        window: setting.window,
        sealed: setting.sealed(),
        looks: u32::try_from(setting.plan.rounds().len()).unwrap_or(u32::MAX),
        public: house.public.clone(),
        auditor: house.name.clone(),
        browser,
        variants: setting
            .variants
            .iter()
            .map(|(variant, _)| variant.clone())
            .collect(),
        trials: setting.plan.trials.clone(),
        expectations: scenario.expectations.clone(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

pub(super) fn draw<const N: usize>() -> Result<[u8; N], AuditError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(AuditError::Dice)?;
    Ok(bytes)
}
