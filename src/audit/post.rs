use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::browser::{DoorRule, Veil};
use crate::canary::{Key, Keyring, Mint, Zone};
use crate::collector::{
    Apart, Collector, HITS, Setting as CollectorSetting, ZoneSetting, client_trusting,
};
use crate::model::{Account, Evidence, Gap, Record, RunId, Timestamp};
use crate::store::{Hold, Place, Registered, RemoteStore, Store};

use super::clocks::Clock;
use super::conduct::{AuditError, Setting, authority, draw, hexadecimal};
use super::event::Teller;
use super::given::Secrets;
use super::kept::Kept;
use super::lookup::OwnNames;
use super::stage::House;

/// Where a run's links lead: a collector of our own, or one elsewhere with our browsers' doors here.
pub(super) struct Post {
    pub(super) run: RunId,
    mint: Mint,
    /// The public door too, where it is our own.
    pub(super) collector: Collector,
    /// Who answers for the links' names, if that is to be asked directly.
    pub(super) dns: Option<SocketAddr>,
    /// How our own fetches are made over TLS.
    client: ClientConfig,
    /// As long as we have it nobody else plays the run.
    pub(super) hold: Hold,
}

impl Post {
    /// Opens it for a new run, or again for the one that is taken up.
    pub(super) async fn open(
        setting: &Setting,
        public: Option<String>,
        clock: &mut Clock,
    ) -> Result<Self, AuditError> {
        match (&setting.place, setting.again) {
            (Place::Here(store), None) => Self::here(setting, public, store).await,
            (Place::Here(store), Some(run)) => Self::here_again(setting, store, run).await,
            (Place::Elsewhere(remote), again) => {
                Self::elsewhere(setting, remote, again, clock).await
            }
        }
    }

    async fn here(
        setting: &Setting,
        public: Option<String>,
        store: &Arc<Store>,
    ) -> Result<Self, AuditError> {
        let (run, key) = (RunId(u32::from_be_bytes(draw()?)), Key::new(draw()?));
        let hold = setting.place.hold(run).await?;
        let ours = Ours {
            listen: vec![setting.listen],
            public,
            zone: setting.zone.clone(),
        };
        let post = Self::with(setting, store, hold, run, key.clone(), ours).await?;
        // Before anything is planted: without the key nobody would know the links again.
        Kept::of(setting, &key, &post.collector).write(store, run)?;
        Ok(post)
    }

    /// Listens again where it was listened before. What came meanwhile stood before a closed door.
    async fn here_again(
        setting: &Setting,
        store: &Arc<Store>,
        run: RunId,
    ) -> Result<Self, AuditError> {
        let hold = setting.place.hold(run).await?;
        let so_far = store.evidence(run)?;
        let kept = Kept::read(store, run)?.filter(|_| !so_far.is_over());
        let kept = kept.ok_or(AuditError::Over(run))?;
        let (key, manifest) = kept
            .key()
            .zip(so_far.manifest())
            .ok_or(AuditError::Over(run))?;
        let ours = Ours {
            listen: kept.listen.clone(),
            public: Some(manifest.public.clone()),
            zone: kept.zone(),
        };
        let post = Self::with(setting, store, hold, run, key, ours).await?;
        let gap = unheard(&so_far, "the process that listened was gone");
        store.append(run, &Record::Gap(gap)).await?;
        Ok(post)
    }

    async fn with(
        setting: &Setting,
        store: &Arc<Store>,
        hold: Hold,
        run: RunId,
        key: Key,
        ours: Ours,
    ) -> Result<Self, AuditError> {
        let mint = key.mint(run);
        let of_its_own = CollectorSetting {
            listen: ours.listen,
            public: ours.public,
            zone: ours.zone,
            credentials: setting.credentials.clone(),
            keyring: Keyring::all(key),
            proxies: Vec::new(),
            run,
            most: Some(HITS),
            admin: None,
        };
        let collector = Collector::start(of_its_own, store.clone()).await?;
        Ok(Self {
            run,
            mint,
            dns: collector.dns(),
            client: collector.identity().client()?,
            collector,
            hold,
        })
    }

    async fn elsewhere(
        setting: &Setting,
        remote: &Arc<RemoteStore>,
        again: Option<RunId>,
        clock: &mut Clock,
    ) -> Result<Self, AuditError> {
        let before = Timestamp::now();
        let registered = match again {
            Some(run) => remote.registered(run).await?,
            None => remote.register().await?,
        };
        clock.meet(before, registered.at, Timestamp::now());
        let hold = setting.place.hold(registered.run).await?;
        let mint = Mint::from_secret(&registered.mint).ok_or(AuditError::Mint)?;
        let Registered {
            run,
            public,
            dns,
            roots,
            ..
        } = registered;
        let apart = Apart {
            public,
            keyring: Keyring::one(mint.clone(), Key::new(draw()?)),
            run,
        };
        Ok(Self {
            run,
            mint,
            collector: Collector::apart(apart, setting.place.store())?,
            dns,
            client: client_trusting(&roots)?,
            hold,
        })
    }

    /// What the stages of a run share. Our own fetches go by `name`, which nobody else has, and take the straight way,
    /// whatever proxies the environment names.
    pub(super) async fn house(
        &self,
        setting: &Setting,
        name: String,
        secrets: Secrets,
        teller: Teller,
    ) -> Result<House, AuditError> {
        let collector = &self.collector;
        let from = match Zone::of(collector.public()) {
            // Whatever the port: nothing that a browser of ours wants from the zone may come in elsewhere.
            Some(zone) => format!("*.{zone}"),
            None => authority(collector.public())?,
        };
        let mut doors = BTreeMap::new();
        collector.serve_at_sealed_doors(self.run, setting.served());
        for &account in Account::ALL {
            let to = collector.open_door(account, true).await?;
            let from = from.clone();
            doors.insert(account, DoorRule { from, to });
        }
        let auditor = reqwest::Client::builder()
            .user_agent(&name)
            .no_proxy()
            .tls_backend_preconfigured(self.client.clone())
            .pool_max_idle_per_host(0);
        let auditor = match self.dns {
            Some(server) => auditor.dns_resolver(OwnNames::at(server)),
            None => auditor,
        };
        Ok(House {
            run: self.run,
            scenario: setting.scenario.clone(),
            mint: self.mint.clone(),
            public: collector.public().to_owned(),
            store: setting.place.store(),
            teller,
            name,
            auditor: auditor.build().map_err(AuditError::Auditor)?,
            veil: Veil::over(secrets.values().flat_map(BTreeMap::values)),
            secrets,
            doors,
            headed: setting.headed,
            profiles: setting.profiles.clone(),
            people: setting.people.clone(),
            scenes: setting.scenes.clone(),
        })
    }
}

/// Where a collector of our own listens, and for what.
struct Ours {
    listen: Vec<SocketAddr>,
    public: Option<String>,
    zone: Option<ZoneSetting>,
}

/// The time in which nobody listened: from the last sure sign of life until now.
pub(super) fn unheard(so_far: &Evidence, reason: &str) -> Gap {
    let now = Timestamp::now();
    Gap {
        from: so_far.latest().unwrap_or(now).min(now),
        to: now,
        missed: 0,
        reason: reason.to_owned(),
    }
}

/// A name that nobody else has.
pub(super) fn name() -> Result<String, AuditError> {
    Ok(hexadecimal(&draw::<16>()?))
}
