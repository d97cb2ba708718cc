use std::net::SocketAddr;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::canary::{Keyring, Zone, over_tls};
use crate::model::{Account, Door, Gap, RunId, Timestamp};
use crate::store::Store;

use super::certificate::{CertificateError, Credentials, Identity};
use super::clock;
use super::dns::{self, Nameserver, ZoneSetting};
use super::intake::Intake;
use super::limits;
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
    /// Where the public door listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address in the links, without a closing slash; a `*` in it stands for the host token. None: the public
    /// door's own over HTTP, or with a zone any host of it at that door's port.
    pub public: Option<String>,
    /// The zone to answer for; none: no DNS.
    pub zone: Option<ZoneSetting>,
    /// What is shown over TLS.
    pub credentials: Credentials,
    /// The keys it answers for.
    pub keyring: Keyring,
    /// The run that hits are recorded under.
    pub run: RunId,
}

/// A listening collector.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    dns: Option<SocketAddr>,
    identity: Identity,
    house: Arc<House>,
    stop: watch::Sender<Option<Instant>>,
    /// One task for each door.
    doors: Mutex<JoinSet<()>>,
}

/// What every connection shares.
#[derive(Debug)]
pub(super) struct House {
    pub(super) public: String,
    /// The same over TLS.
    pub(super) public_tls: String,
    pub(super) tls: Arc<ServerConfig>,
    pub(super) keyring: Keyring,
    pub(super) intake: Arc<Intake>,
    places: Arc<Semaphore>,
    /// How many places there are.
    connections: usize,
    stopping: watch::Receiver<Option<Instant>>,
}

impl House {
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
    pub async fn start(setting: Setting, store: Arc<Store>) -> Result<Self, CollectorError> {
        let listener = bind(setting.listen)?;
        let address = local(&listener, setting.listen)?;
        let (stop, stopping) = watch::channel(None);
        let public = setting
            .public
            .unwrap_or_else(|| public(address, setting.zone.as_ref()));
        let identity = setting.credentials.identity(&public, address.ip())?;
        let connections = connections();
        let house = Arc::new(House {
            public_tls: over_tls(&public),
            public,
            tls: Arc::new(identity.server()?),
            keyring: setting.keyring,
            intake: Arc::new(Intake::new(setting.run, store)),
            places: Arc::new(Semaphore::new(connections)),
            connections,
            stopping,
        });
        let mut doors = JoinSet::new();
        doors.spawn(accept(listener, Door::Public, Arc::clone(&house)));
        doors.spawn(clock::watch(Arc::clone(&house)));
        let dns = match setting.zone {
            Some(zone) => Some(open_dns(zone, address, &house, &mut doors).await?),
            None => None,
        };
        Ok(Self {
            address,
            dns,
            identity,
            house,
            stop,
            doors: Mutex::new(doors),
        })
    }

    /// Where the public door listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where questions about the zone are answered; none without one.
    #[must_use]
    pub const fn dns(&self) -> Option<SocketAddr> {
        self.dns
    }

    /// The address in the links.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.house.public
    }

    /// What it shows over TLS.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
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
        while self.doors.lock().await.join_next().await.is_some() {}
        let all = u32::try_from(self.house.connections).unwrap_or(u32::MAX);
        if tokio::time::timeout(limits::STOP_TIME, self.house.places.acquire_many(all))
            .await
            .is_err()
        {
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
    public_door: SocketAddr,
    house: &Arc<House>,
    doors: &mut JoinSet<()>,
) -> Result<SocketAddr, CollectorError> {
    let listen = setting.listen;
    let failed = |source| CollectorError::Dns {
        address: listen,
        source,
    };
    let (datagrams, listener) = dns::bind(listen).await.map_err(failed)?;
    let address = datagrams.local_addr().map_err(failed)?;
    let mut addresses = setting.addresses;
    if addresses.is_empty() && !public_door.ip().is_unspecified() {
        addresses.push(public_door.ip());
    }
    if addresses.is_empty() {
        return Err(CollectorError::Nowhere(setting.zone));
    }
    let server = Nameserver::new(&setting.zone, addresses, Arc::clone(house))
        .ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
    doors.spawn(Arc::clone(&server).datagrams(datagrams));
    doors.spawn(server.connections(listener));
    Ok(address)
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
    let Ok(place) = Arc::clone(&house.places).try_acquire_owned() else {
        let reason = format!("more than {} connections at once", house.connections);
        house.intake.miss(Timestamp::now(), reason);
        return;
    };
    let house = Arc::clone(house);
    tokio::spawn(async move {
        Visitor::new(peer, door, house).receive(stream).await;
        drop(place);
    });
}
