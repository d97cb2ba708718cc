use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::browser::{Driver, DriverError, DriverOptions, Profiles, Whose};
use crate::canary::Zone;
use crate::collector::{CertificateError, CollectorError, Credentials, ZoneSetting};
use crate::model::{
    Account, DataVersion, Doorway, Gap, Manifest, RunId, ScenarioRef, Timestamp, ToolRef, TrialId,
    VariantRef,
};
use crate::plan::{Plan, to_be_opened};
use crate::practice::PracticeError;
use crate::scenario::Scenario;
use crate::store::{EvidenceStore, Place, StoreError};
use crate::verdict::RULES;

use super::conductor::{Conductor, Halt};
use super::event::Teller;
use super::given::{GivenError, Secrets, Values, folder_of, secrets};
use super::inquiry::Inquiry;
use super::person::People;
use super::post::{self, Post, unheard};
use super::rehearse::Rehearsal;
use super::scenes::Scenes;
use super::stage::House;
use super::stop::Stop;

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
    /// Where the evidence is kept. With a collector elsewhere the five above are its business.
    pub place: Place,
    /// The run that is taken up again, with its own plan and window; none: a new one.
    pub again: Option<RunId>,
    /// Whether it is waited for windows to close, or the run is left to be taken up again.
    pub stays: bool,
    /// How browsers are had.
    pub driver: DriverOptions,
    /// Whether they show a window.
    pub headed: bool,
    /// Where the profiles are of accounts that are signed in already.
    pub profiles: Profiles,
    /// Where it is kept what pages looked like when something went wrong.
    pub scenes: Scenes,
    /// Who acts in their place, where the scenario is played by hand.
    pub people: Option<People>,
    /// Whom to ask about visitors' addresses afterwards.
    pub inquiry: Inquiry,
    /// What is known of who is who, by its versions.
    pub data: Vec<DataVersion>,
    /// From where in the world the run is made, if that was said.
    pub region: Option<String>,
}

impl Setting {
    /// Whether a profile is kept of this account in every variant.
    fn keeps(&self, account: Account) -> bool {
        self.variants.iter().all(|(variant, _)| {
            self.profiles.has(&Whose {
                service: self.scenario.service.name.clone(),
                variant: variant.name.clone(),
                account,
            })
        })
    }

    /// Whether any trial wants the browsers' doors to refuse.
    fn sealed(&self) -> bool {
        let doors = &self.scenario.experiment.doors;
        doors.contains(&Doorway::Sealed)
    }

    /// The trials whose links the browsers' doors serve.
    pub(super) fn served(&self) -> impl Iterator<Item = TrialId> + '_ {
        let trials = self.plan.trials.iter();
        trials
            .filter(|trial| trial.doorway == Some(Doorway::Open))
            .map(|trial| trial.id)
    }
}

impl Setting {
    /// Whether any variant is played on a practice messenger of the run's own.
    fn practises(&self) -> bool {
        let mut variants = self.scenario.variants.iter();
        variants.any(|variant| {
            let mut played = self.variants.iter();
            variant.practice.is_some() && played.any(|(one, _)| one.name == variant.name)
        })
    }

    /// Browsers, where any are needed for what is to be done by now.
    async fn driver_wanted(&self, store: &dyn EvidenceStore) -> Result<Option<Driver>, AuditError> {
        if let Some(run) = self.again {
            let so_far = store.evidence(run).await?;
            if to_be_opened(&self.plan, &so_far).is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(Driver::start(&self.driver).await?))
    }
}

/// A run that was conducted, to its end or until it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conducted {
    /// Its name in the store; none where it was stopped before anything was recorded.
    pub run: Option<RunId>,
    /// Stopped before its end.
    pub interrupted: bool,
    /// It was left: from then on there is something to be done again.
    pub left_until: Option<Timestamp>,
}

impl Conducted {
    const STOPPED_BEFORE_IT_BEGAN: Self = Self {
        run: None,
        interrupted: true,
        left_until: None,
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
    /// A run that cannot be taken up again, since there is nothing to be done.
    #[error("take up run {0} again: it is over, or nothing was planted in it")]
    Over(RunId),
    /// Nobody can be asked for what the recipient was sent.
    #[error(
        "take up run {0} again: its practice messengers ended with the process that played it; `waxseal resume {0} --close` ends it"
    )]
    NoMessenger(RunId),
    /// No practice messenger.
    #[error(transparent)]
    Practice(#[from] PracticeError),
    /// They cannot be had over TLS.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Plays a plan: all of it, or what is still to be done of a run that was left or killed. Whatever happens, nothing that it
/// started is left running.
///
/// # Errors
/// Something that is needed before the first trial is not there, or evidence cannot be kept any more.
pub async fn conduct(
    setting: Setting,
    teller: Teller,
    stop: &Stop,
) -> Result<Conducted, AuditError> {
    // What can be wrong before anything is opened comes first.
    let public = public(&setting)?;
    if let Some(run) = setting.again.filter(|_| setting.practises()) {
        return Err(AuditError::NoMessenger(run));
    }
    let Some(secrets) = stop.or(all_secrets(&setting)).await else {
        return Ok(Conducted::STOPPED_BEFORE_IT_BEGAN);
    };
    let secrets = secrets?;
    let mut conductor = Conductor::new();
    let post = Post::open(&setting, public, &mut conductor.clock).await?;
    let conducted = conducted(&setting, &post, &mut conductor, secrets, teller, stop).await;
    let run = post.run;
    if conductor.over || (setting.again.is_none() && !conductor.begun) {
        setting.place.finish(run)?;
    }
    post.hold.release().await;
    conducted
}

async fn conducted(
    setting: &Setting,
    post: &Post,
    conductor: &mut Conductor,
    secrets: Secrets,
    teller: Teller,
    stop: &Stop,
) -> Result<Conducted, AuditError> {
    let (run, collector, store) = (post.run, &post.collector, setting.place.store());
    conductor.rehearsal = Rehearsal::start(setting, post.dns).await?;
    let driver = async {
        // What is shown is settled before the first link leaves. Where an authority does not issue, the collector tells
        // so, and goes on with what it has.
        let _ = collector.renew_certificate().await;
        setting.driver_wanted(&*store).await
    };
    let Some(driver) = stop.or(driver).await else {
        collector.stop().await;
        return Ok(Conducted::STOPPED_BEFORE_IT_BEGAN);
    };
    let driver = driver?;
    let afterwards = teller.clone();
    let house = house(setting, post, secrets, teller).await;
    let played = match &house {
        Ok(house) => {
            stop.or(conductor.play(setting, house, driver.as_ref()))
                .await
        }
        Err(_) => Some(Ok(Halt::End)),
    };
    // The browsers go first: what they still ask for while they live is heard.
    if let Some(driver) = driver {
        driver.stop().await;
    }
    conductor.rehearsal.stop().await;
    let mut gaps: Vec<Gap> = collector.stop().await.into_iter().collect();
    house?;
    let left_until = match &played {
        Some(Ok(Halt::Until(until))) => Some(*until),
        _ => None,
    };
    let interrupted = !matches!(played, Some(Ok(_)));
    // Whoever lost the run to somebody else has nothing more to say in it.
    let is_ours = !matches!(&played, Some(Err(AuditError::Store(StoreError::Held(_)))));
    if conductor.begun && is_ours {
        if let Some(remote) = setting.place.elsewhere() {
            let health = conductor.clock.compare(remote).await?;
            gaps.extend(health.gap);
        }
        if left_until.is_some() {
            conductor.leave(&*store, run, gaps).await?;
        } else {
            conductor.close(&*store, run, gaps, interrupted).await?;
            // Behind the end, which says until when was listened.
            let inquiry = setting.inquiry.make(&*store, run, &afterwards);
            let asked = stop.or(inquiry).await;
            asked.transpose()?;
        }
    }
    played.transpose()?;
    Ok(Conducted {
        run: conductor.begun.then_some(run),
        interrupted,
        left_until,
    })
}

/// What the stages of a run share. Our own fetches go by one name as long as it lasts.
async fn house(
    setting: &Setting,
    post: &Post,
    secrets: Secrets,
    teller: Teller,
) -> Result<House, AuditError> {
    let name = match setting.again {
        Some(run) => {
            let so_far = setting.place.store().evidence(run).await?;
            let manifest = so_far.manifest().ok_or(AuditError::Over(run))?;
            manifest.auditor.clone()
        }
        None => post::name()?,
    };
    post.house(setting, name, secrets, teller).await
}

/// Ends a run that is not taken up again: what was still to be done stays undone, and where nobody listened is a gap.
///
/// # Errors
/// It is over already, somebody has it in hand, or the store cannot be used.
pub async fn close(place: &Place, run: RunId) -> Result<(), AuditError> {
    let hold = place.hold(run).await?;
    let store = place.store();
    let so_far = store.evidence(run).await?;
    if so_far.manifest().is_none() || so_far.is_over() {
        place.finish(run)?;
        hold.release().await;
        return Err(AuditError::Over(run));
    }
    let gap = match place {
        // One elsewhere went on listening, or says itself when it did not.
        Place::Elsewhere(_) => None,
        Place::Here(_) => Some(unheard(&so_far, "the process that listened was gone")),
    };
    let gaps = gap.into_iter().collect();
    Conductor::new().close(&*store, run, gaps, true).await?;
    place.finish(run)?;
    hold.release().await;
    Ok(())
}

/// Reads both accounts' secrets, files from the scenario's folder. An account that is signed in already may do without.
async fn all_secrets(setting: &Setting) -> Result<Secrets, AuditError> {
    let scenario = &setting.scenario;
    let folder = folder_of(scenario);
    let mut all = BTreeMap::new();
    for &account in Account::ALL {
        let identity = scenario.accounts.get(account);
        let read = match secrets(identity, folder, &setting.driver).await {
            Err(error) if setting.keeps(account) => {
                tracing::debug!(%account, %error, "not needed, as long as the kept profile is good");
                continue;
            }
            read => read?,
        };
        all.insert(account, read);
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
pub(super) fn authority(public: &str) -> Result<String, AuditError> {
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

pub(super) fn manifest(setting: &Setting, house: &House, browser: String) -> Manifest {
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
        stage: setting
            .driver
            .stage
            .iter()
            .map(|one| one.host().to_owned())
            .collect(),
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
        rounds: setting.plan.sizes(),
        expectations: scenario.expectations.clone(),
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

pub(super) fn draw<const N: usize>() -> Result<[u8; N], AuditError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(AuditError::Dice)?;
    Ok(bytes)
}
