use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use ipnet::IpNet;
use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::canary::{Key, Keyring, Zone, over_tls};
use crate::model::{Account, Door, Gap, Hit, Recognition, RunId, Timestamp, TrialId};
use crate::store::{EvidenceStore, Store};

use super::api::{self, Desk, Secrets};
use super::authority::Authority;
use super::certificate::{CertificateError, Credentials, Identity};
use super::clock;
use super::dns::{self, Issuance, Nameserver, ZoneSetting};
use super::effort::Effort;
use super::holds::Holds;
use super::intake::{Intake, Kept};
use super::limits;
use super::metrics::Metrics;
use super::places::Places;
use super::shown::Shown;
use super::upkeep::{Hosts, Upkeep};
use super::visitor::Visitor;

/// What can keep a collector from listening. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The address is taken, or not ours.
    #[error("listen on {address}: {source}; free it, or name another with --listen")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The address for DNS is taken, or not ours.
    #[error(
        "answer DNS queries on {address}: {source}; free it, or name another with --dns-listen"
    )]
    Dns {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The address for the interface is taken, or not ours.
    #[error("answer runs elsewhere on {address}: {source}; free it, or name another with --admin")]
    Admin {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A collector that listens nowhere hears nobody.
    #[error("listen: there is no address to listen on; name one with --listen")]
    Deaf,
    /// Names that lead nowhere would bring nobody.
    #[error(
        "say where the names of {0} lead: the collector listens everywhere; name its address with --address"
    )]
    Nowhere(Zone),
    /// Nothing can be shown over TLS.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// How a collector is set up.
#[derive(Debug)]
pub struct Setting {
    /// Where the public door listens: at least one address; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The address in the links, without a closing slash; a `*` in it stands for the host token. None: the public
    /// door's own over HTTP, or with a zone any host of it at that door's port.
    pub public: Option<String>,
    /// The zone to answer for; none: no DNS.
    pub zone: Option<ZoneSetting>,
    /// What is shown over TLS.
    pub credentials: Credentials,
    /// The keys it answers for.
    pub keyring: Keyring,
    /// Networks of proxies of one's own, whose word on whom they forward for is kept.
    pub proxies: Vec<IpNet>,
    /// The run that hits without a token are recorded under.
    pub run: RunId,
    /// How many hits are recorded at the most; none: as many as the disk holds.
    pub most: Option<u64>,
    /// The interface for runs elsewhere; none: a collector of one run.
    pub admin: Option<Admin>,
}

/// The interface by which runs elsewhere register at a collector and read what it recorded.
#[derive(Debug)]
pub struct Admin {
    /// Where it listens, over TLS with the collector's own certificate; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What it asks for.
    pub secrets: Secrets,
    /// The key whose runs it gives out.
    pub key: Key,
    /// The store it reads.
    pub store: Arc<Store>,
}

/// How the doors of browsers are set up whose collector is elsewhere.
#[derive(Debug)]
pub struct Apart {
    /// The address in the links.
    pub public: String,
    /// The keys the doors answer for.
    pub keyring: Keyring,
    /// The run that their hits are recorded under.
    pub run: RunId,
}

/// A listening collector.
#[derive(Debug)]
pub struct Collector {
    addresses: Vec<SocketAddr>,
    dns: Vec<SocketAddr>,
    admin: Option<Interface>,
    upkeep: Arc<Upkeep>,
    house: Arc<House>,
    stop: watch::Sender<Option<Instant>>,
    /// One task for each door.
    doors: Mutex<JoinSet<()>>,
}

/// The interface while it answers.
#[derive(Debug)]
struct Interface {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
}

/// What every connection shares.
#[derive(Debug)]
pub(super) struct House {
    pub(super) public: String,
    /// The same over TLS.
    pub(super) public_tls: String,
    pub(super) tls: Arc<ServerConfig>,
    pub(super) keyring: Keyring,
    /// For tokens that are nearly ours.
    pub(super) effort: Effort,
    pub(super) intake: Arc<Intake>,
    pub(super) metrics: Arc<Metrics>,
    /// What is shown over TLS.
    shown: Arc<Shown>,
    pub(super) proxies: Vec<IpNet>,
    /// The links that sealed doors serve.
    served: OnceLock<HashSet<(RunId, TrialId)>>,
    places: Arc<Places>,
    stopping: watch::Receiver<Option<Instant>>,
}

impl House {
    /// Whether sealed doors serve what somebody asks for.
    pub(super) fn serves(&self, asked: &Recognition) -> bool {
        let is_served = |served: &HashSet<_>| {
            let tokens = asked.tokens_of_ours();
            !tokens.is_empty()
                && tokens
                    .iter()
                    .all(|token| served.contains(&(token.run, token.trial)))
        };
        self.served.get().is_some_and(is_served)
    }

    /// Whether there is anything that they serve.
    pub(super) fn serves_some(&self) -> bool {
        self.served.get().is_some_and(|served| !served.is_empty())
    }

    /// What the collector counts about itself, in the OpenMetrics text format.
    pub(super) fn counted(&self) -> String {
        self.metrics.note_connections(self.places.open());
        let expiry = self.shown.expiry();
        self.metrics.note_certificate_expiry(expiry.as_second());
        self.metrics.text()
    }

    /// The certificates (PEM) that what is shown to a host leads up to.
    pub(super) fn roots_pem(&self) -> Vec<String> {
        self.identity().roots_pem()
    }

    /// What is shown over TLS just now to who follows a link.
    fn identity(&self) -> Identity {
        let url = url::Url::parse(&self.public.replace('*', "any")).ok();
        self.shown.to(url.as_ref().and_then(url::Url::domain))
    }

    /// Makes a hit durable and returns its number; none if that failed.
    pub(super) async fn record(&self, hit: Hit) -> Option<Kept> {
        let since = Instant::now();
        let _waiting = self.metrics.note_hit(&hit);
        let kept = self.intake.hit(hit).await?;
        self.metrics.note_durable(since.elapsed());
        Some(kept)
    }

    /// The same for several at once; says whether all of them are.
    pub(super) async fn record_all(&self, hits: Vec<Hit>) -> bool {
        let since = Instant::now();
        let _waiting: Vec<_> = hits.iter().map(|hit| self.metrics.note_hit(hit)).collect();
        let kept = self.intake.hits(hits).await;
        if kept {
            self.metrics.note_durable(since.elapsed());
        }
        kept
    }

    /// Resolves when the collector stops, and all that had come in by then is known.
    pub(super) async fn stopped(&self) {
        // The sender is only ever dropped with the collector, which is a stop as well.
        let _ = self.stopping.clone().wait_for(Option::is_some).await;
        // What the kernel holds is known only once the reactor has looked, and it looks before any timer goes off.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }

    /// Resolves when the collector stops, and what was on its way before has had the time to be noticed.
    pub(super) async fn silenced(&self) {
        self.stopped().await;
        let since = *self.stopping.borrow();
        tokio::time::sleep_until(since.unwrap_or_else(Instant::now) + limits::LAST_TIME).await;
    }
}

impl Collector {
    /// Opens the public door.
    ///
    /// # Errors
    /// The address cannot be listened on, or no certificate can be made for it.
    pub async fn start(
        setting: Setting,
        store: Arc<dyn EvidenceStore>,
    ) -> Result<Self, CollectorError> {
        let (listeners, addresses) = bind_all(&setting.listen)?;
        let address = *addresses.first().ok_or(CollectorError::Deaf)?;
        let (stop, stopping) = watch::channel(None);
        let public = setting
            .public
            .unwrap_or_else(|| public(address, setting.zone.as_ref()));
        let hosts = Hosts {
            public: &public,
            address: address.ip(),
            zone: setting.zone.as_ref().map(|setting| &setting.zone),
        };
        let upkeep = Arc::new(Upkeep::begin(setting.credentials, &hosts)?);
        let intake = Intake::new(setting.run, store, setting.most);
        let house = Arc::new(House {
            public_tls: over_tls(&public),
            public,
            tls: Arc::new(upkeep.shown.server()?),
            shown: Arc::clone(&upkeep.shown),
            keyring: setting.keyring,
            proxies: setting.proxies,
            metrics: Arc::clone(&intake.metrics),
            intake: Arc::new(intake),
            effort: Effort::new(Instant::now()),
            served: OnceLock::new(),
            places: Places::new(connections()),
            stopping,
        });
        let mut doors = JoinSet::new();
        doors.spawn(clock::watch(Arc::clone(&house)));
        for listener in listeners {
            doors.spawn(accept(listener, Door::Public, Arc::clone(&house)));
        }
        let dns = match setting.zone {
            Some(zone) => {
                let issuance = Arc::clone(&upkeep.issuance);
                open_dns(zone, &addresses, &issuance, &house, &mut doors).await?
            }
            None => Vec::new(),
        };
        let admin = match setting.admin {
            Some(admin) => Some(open_admin(admin, &house, dns.first().copied())?),
            None => None,
        };
        doors.spawn(Arc::clone(&upkeep).watch(Arc::clone(&house)));
        Ok(Self {
            addresses,
            dns,
            admin,
            upkeep,
            house,
            stop,
            doors: Mutex::new(doors),
        })
    }

    /// Stands beside browsers whose collector is elsewhere: it has their doors, and no public one.
    ///
    /// # Errors
    /// No certificate can be made for the doors.
    pub fn apart(apart: Apart, store: Arc<dyn EvidenceStore>) -> Result<Self, CollectorError> {
        let (stop, stopping) = watch::channel(None);
        let credentials = Credentials::lab(Authority::new()?);
        let hosts = Hosts {
            public: &apart.public,
            address: Ipv4Addr::LOCALHOST.into(),
            zone: None,
        };
        let upkeep = Arc::new(Upkeep::begin(credentials, &hosts)?);
        let intake = Arc::new(Intake::new(apart.run, store, Some(limits::HITS)));
        let house = Arc::new(House {
            public_tls: over_tls(&apart.public),
            public: apart.public,
            tls: Arc::new(upkeep.shown.server()?),
            shown: Arc::clone(&upkeep.shown),
            keyring: apart.keyring,
            proxies: Vec::new(),
            metrics: Arc::clone(&intake.metrics),
            intake,
            effort: Effort::new(Instant::now()),
            served: OnceLock::new(),
            places: Places::new(connections()),
            stopping,
        });
        Ok(Self {
            addresses: Vec::new(),
            dns: Vec::new(),
            admin: None,
            upkeep,
            house,
            stop,
            doors: Mutex::new(JoinSet::new()),
        })
    }

    /// Where runs elsewhere are answered, if they are.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.address)
    }

    /// Where the public door listens: the first of its addresses, which is the one in the links. None where the
    /// collector has no such door.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// Everywhere that the public door listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where questions about the zone are answered: the first of its addresses; none without a zone.
    #[must_use]
    pub fn dns(&self) -> Option<SocketAddr> {
        self.dns.first().copied()
    }

    /// Everywhere that questions about the zone are answered.
    #[must_use]
    pub fn dns_addresses(&self) -> &[SocketAddr] {
        &self.dns
    }

    /// The address in the links.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.house.public
    }

    /// What it shows over TLS just now to who follows a link.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.house.identity()
    }

    /// When the certificate that is shown ends; the first to end, where there are several.
    #[must_use]
    pub fn certificate_expiry(&self) -> Timestamp {
        self.upkeep.shown.expiry()
    }

    /// Looks at once for a newer certificate, which it otherwise does in time, and shows it from the next handshake on.
    ///
    /// # Errors
    /// What there is is not good; the one from before is still shown.
    pub async fn renew_certificate(&self) -> Result<(), CertificateError> {
        self.upkeep.renew().await
    }

    /// What it counts about itself, in the OpenMetrics text format; the media type is [`super::METRICS_TYPE`].
    #[must_use]
    pub fn metrics(&self) -> String {
        self.house.counted()
    }

    /// Names the links that sealed doors serve all the same: whether a door is open is a matter of each trial. Said once,
    /// before the first browser opens.
    pub fn serve_at_sealed_doors(&self, run: RunId, trials: impl IntoIterator<Item = TrialId>) {
        let served = trials.into_iter().map(|trial| (run, trial)).collect();
        if self.house.served.set(served).is_err() {
            tracing::warn!("which links are served at sealed doors was said before");
        }
    }

    /// Opens the door of one account's browser, on loopback, and says where it is.
    ///
    /// # Errors
    /// No port is free.
    pub async fn open_door(
        &self,
        account: Account,
        sealed: bool,
    ) -> Result<SocketAddr, CollectorError> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = bind(address)?;
        let address = local(&listener, address)?;
        let door = Door::Browser { account, sealed };
        self.doors
            .lock()
            .await
            .spawn(accept(listener, door, Arc::clone(&self.house)));
        Ok(address)
    }

    /// Closes all doors, lets visits end, and returns the gap that could not be recorded, if there is one.
    pub async fn stop(&self) -> Option<Gap> {
        let _ = self.stop.send(Some(Instant::now()));
        if let Some(admin) = &self.admin {
            admin.handle.graceful_shutdown(Some(limits::STOP_TIME));
        }
        while self.doors.lock().await.join_next().await.is_some() {}
        if !self.house.places.all_free(limits::STOP_TIME).await {
            self.house.intake.miss(
                Timestamp::now(),
                "a visit was still going on when the collector stopped".into(),
            );
        }
        self.house.intake.write_endings().await;
        self.house.intake.close_gap().await
    }
}

/// How many connections there may be at once: as many as we want, or as the system has descriptors for.
fn connections() -> usize {
    let mut allowed = getrlimit(Resource::Nofile);
    // The usual limit of a process is 1024, for the sake of programs that cannot count further; it may be raised by
    // whoever can.
    allowed.current = allowed.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, allowed) {
        tracing::warn!(%error, "the limit of open files was not raised");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let room = files.saturating_sub(limits::OTHER_FILES).max(files / 2);
    if room < limits::CONNECTIONS {
        tracing::warn!(
            "only {room} connections at once instead of {}: raise the limit of open files (ulimit -Hn, LimitNOFILE=)",
            limits::CONNECTIONS
        );
    }
    room.min(limits::CONNECTIONS)
}

/// The address in the links where none was given.
fn public(address: SocketAddr, zone: Option<&ZoneSetting>) -> String {
    match zone {
        Some(ZoneSetting { zone, .. }) => format!("http://*.{zone}:{}", address.port()),
        None => format!("http://{address}"),
    }
}

/// Begins to answer for the zone, and says where.
async fn open_dns(
    setting: ZoneSetting,
    public_door: &[SocketAddr],
    issuance: &Arc<Issuance>,
    house: &Arc<House>,
    doors: &mut JoinSet<()>,
) -> Result<Vec<SocketAddr>, CollectorError> {
    let leads = leads_to(&setting, public_door);
    if leads.is_empty() {
        return Err(CollectorError::Nowhere(setting.zone));
    }
    let mut open = Vec::new();
    for &listen in &setting.listen {
        let failed = |source| CollectorError::Dns {
            address: listen,
            source,
        };
        let (datagrams, listener) = dns::bind(listen).await.map_err(failed)?;
        open.push(datagrams.local_addr().map_err(failed)?);
        let server = Nameserver::new(
            &setting.zone,
            leads.clone(),
            Arc::clone(issuance),
            Arc::clone(house),
        )
        .ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
        doors.spawn(Arc::clone(&server).datagrams(datagrams));
        doors.spawn(server.connections(listener));
    }
    Ok(open)
}

/// Where the zone's names lead: as it was set, or to the public door where that has addresses of its own.
fn leads_to(setting: &ZoneSetting, public_door: &[SocketAddr]) -> Vec<IpAddr> {
    if !setting.addresses.is_empty() {
        return setting.addresses.clone();
    }
    let own = public_door.iter().map(SocketAddr::ip);
    let mut leads: Vec<IpAddr> = Vec::new();
    for address in own.filter(|ip| !ip.is_unspecified()) {
        if !leads.contains(&address) {
            leads.push(address);
        }
    }
    leads
}

/// Opens all of them before anybody is let in by one.
fn bind_all(wanted: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), CollectorError> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for &address in wanted {
        let listener = bind(address)?;
        addresses.push(local(&listener, address)?);
        listeners.push(listener);
    }
    Ok((listeners, addresses))
}

/// Begins to answer runs elsewhere, and says where.
fn open_admin(
    admin: Admin,
    house: &Arc<House>,
    dns: Option<SocketAddr>,
) -> Result<Interface, CollectorError> {
    let failed = |source| CollectorError::Admin {
        address: admin.listen,
        source,
    };
    let listener = std::net::TcpListener::bind(admin.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let desk = Desk {
        secrets: admin.secrets,
        key: admin.key,
        store: admin.store,
        house: Arc::clone(house),
        // One that listens everywhere has no address that is right from everywhere.
        dns: dns.filter(|at| !at.ip().is_unspecified()),
        holds: Holds::default(),
    };
    let handle = Handle::new();
    let tls = RustlsConfig::from_config(Arc::clone(&house.tls));
    let mut server = axum_server::from_tcp_rustls(listener, tls)
        .map_err(failed)?
        .handle(handle.clone());
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::API_HEAD_TIME);
    let routes = api::routes(Arc::new(desk)).into_make_service();
    tokio::spawn(async move {
        if let Err(error) = server.serve(routes).await {
            tracing::error!(%error, "runs elsewhere are not answered any more");
        }
    });
    Ok(Interface { address, handle })
}

fn bind(address: SocketAddr) -> Result<TcpListener, CollectorError> {
    let bound = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // As a listener usually is: one that was there a moment ago does not keep its port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(limits::BACKLOG)
    };
    bound().map_err(|source| CollectorError::Listen { address, source })
}

fn local(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, CollectorError> {
    listener
        .local_addr()
        .map_err(|source| CollectorError::Listen { address, source })
}

async fn accept(listener: TcpListener, door: Door, house: Arc<House>) {
    let stopped = house.stopped();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, door, &house),
            Err(error) => {
                house.intake.miss(
                    Timestamp::now(),
                    format!("a connection could not be accepted: {error}"),
                );
                // Out of descriptors: the error comes at once and again until some are free.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    last_call(listener, door, &house);
}

/// Whoever stands at the door when it closes is still let in. Asked of the system itself, because the runtime may not
/// have heard of them yet.
fn last_call(listener: TcpListener, door: Door, house: &Arc<House>) {
    let Ok(listener) = listener.into_std() else {
        return;
    };
    while let Ok((stream, peer)) = listener.accept() {
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(stream));
        match stream {
            Ok(stream) => admit(stream, peer, door, house),
            Err(error) => house.intake.miss(Timestamp::now(), error.to_string()),
        }
    }
}

fn admit(stream: TcpStream, peer: SocketAddr, door: Door, house: &Arc<House>) {
    let place = match house.places.take(peer.ip()) {
        Ok(place) => place,
        Err(reason) => return house.intake.miss(Timestamp::now(), reason),
    };
    let house = Arc::clone(house);
    tokio::spawn(async move {
        Visitor::new(peer, door, house).receive(stream).await;
        drop(place);
    });
}
