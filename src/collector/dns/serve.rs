use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::canary::Zone;
use crate::model::{Door, Hit, Timestamp, Transport};

use super::super::door::House;
use super::super::limits;
use super::authority::Authority;
use super::issuance::Issuance;
use super::lost::Lost;
use super::message::consider;
use super::pace::Pace;

/// The zone a collector answers for.
#[derive(Debug, Clone)]
pub struct ZoneSetting {
    /// The zone.
    pub zone: Zone,
    /// Where its questions are answered, over UDP and TCP; port 0 takes one that is free in both.
    pub listen: Vec<SocketAddr>,
    /// Where its names lead; none: to the collector's public door.
    pub addresses: Vec<IpAddr>,
}

/// How often a port that is free for datagrams may turn out to be taken for connections.
const TRIES: usize = 16;

/// Both listeners, on one port.
pub(in super::super) async fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = 0;
    loop {
        let datagrams = UdpSocket::bind(address).await?;
        match TcpListener::bind(datagrams.local_addr()?).await {
            Ok(listener) => {
                // The kernel gives what it may; how much that is shows in what gets lost, which is counted.
                let _ = rustix::net::sockopt::set_socket_recv_buffer_size(
                    &datagrams,
                    limits::DNS_BUFFER,
                );
                return Ok((datagrams, listener));
            }
            Err(error) if address.port() != 0 || tries == TRIES => return Err(error),
            Err(_) => tries += 1,
        }
    }
}

/// Answers questions about the zone.
#[derive(Debug)]
pub(in super::super) struct Nameserver {
    authority: Authority,
    house: Arc<House>,
    pace: Mutex<Pace>,
    datagrams: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

impl Nameserver {
    /// None if the zone cannot be put on the wire.
    pub(in super::super) fn new(
        zone: &Zone,
        addresses: Vec<IpAddr>,
        issuance: Arc<Issuance>,
        house: Arc<House>,
    ) -> Option<Arc<Self>> {
        Some(Arc::new(Self {
            authority: Authority::new(zone, addresses, issuance)?,
            house,
            pace: Mutex::new(Pace::new(Instant::now())),
            datagrams: Arc::new(Semaphore::new(limits::DNS_PENDING)),
            connections: Arc::new(Semaphore::new(limits::DNS_CONNECTIONS)),
        }))
    }

    /// Answers datagrams until the collector stops, and then what is under way.
    pub(in super::super) async fn datagrams(self: Arc<Self>, socket: UdpSocket) {
        let mut lost = Lost::of(&socket);
        let socket = Arc::new(socket);
        let mut looks = interval(limits::DNS_LOST);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut room = [0; limits::DNS_BYTES];
        // One wish for the whole loop: in a flood, one made anew each time would never be granted.
        let stopped = self.house.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                received = socket.recv_from(&mut room) => match received {
                    Ok((length, peer)) => {
                        self.admit(&socket, Datagram::new(&room[..length], peer), &mut room);
                    }
                    // What comes here is about a datagram of ours that found nobody.
                    Err(error) => tracing::debug!(%error, "a datagram was not received"),
                },
                _ = looks.tick() => self.count(&mut lost).await,
                () = &mut stopped => break,
            }
        }
        // What the kernel still holds was in time. Its buffer has room for fewer, so this ends even in a flood.
        for _ in 0..limits::DNS_PENDING {
            match socket.try_recv_from(&mut room) {
                Ok((length, peer)) => {
                    self.admit(&socket, Datagram::new(&room[..length], peer), &mut room);
                }
                Err(_) => break,
            }
        }
        self.count(&mut lost).await;
        self.finish(&self.datagrams, limits::DNS_PENDING).await;
    }

    /// Hands a datagram, with those that wait behind it, to a task of its own: it waits for the store once, and all that
    /// wait share the next commit.
    fn admit(self: &Arc<Self>, socket: &Arc<UdpSocket>, first: Datagram, room: &mut [u8]) {
        let mut datagrams = vec![first];
        while datagrams.len() < limits::DNS_BATCH {
            let Ok((length, peer)) = socket.try_recv_from(room) else {
                break;
            };
            datagrams.push(Datagram::new(&room[..length], peer));
        }
        let places = u32::try_from(datagrams.len()).unwrap_or(u32::MAX);
        let Ok(place) = Arc::clone(&self.datagrams).try_acquire_many_owned(places) else {
            let reason = format!("more than {} queries at once", limits::DNS_PENDING);
            let since = datagrams[0].received;
            let count = datagrams.len() as u64;
            self.house.intake.miss_many(since, count, reason);
            return;
        };
        let (server, socket) = (Arc::clone(self), Arc::clone(socket));
        tokio::spawn(async move {
            server.take_all(&socket, datagrams).await;
            drop(place);
        });
    }

    /// Records datagrams, then answers them; none of them without its record.
    async fn take_all(&self, socket: &UdpSocket, datagrams: Vec<Datagram>) {
        let mut hits = Vec::with_capacity(datagrams.len());
        let mut answers = Vec::with_capacity(datagrams.len());
        for Datagram {
            received,
            bytes,
            peer,
        } in datagrams
        {
            let (hit, answer) = self.consider(received, &bytes, peer, Transport::Udp);
            hits.push(hit);
            answers.extend(answer.map(|answer| (answer, peer)));
        }
        if !self.house.record_all(hits).await {
            return;
        }
        for (answer, peer) in answers {
            // A peer that cannot be reached has asked all the same.
            let _ = socket.send_to(&answer, peer).await;
        }
    }

    async fn count(&self, lost: &mut Lost) {
        if let Some((count, since)) = lost.look().await {
            let reason = "the kernel had no room for more datagrams".to_owned();
            self.house.intake.miss_many(since, count, reason);
        }
    }

    /// Records a message and gives its answer; none without a record.
    async fn take(
        &self,
        received: Timestamp,
        bytes: &[u8],
        peer: SocketAddr,
        transport: Transport,
    ) -> Option<Vec<u8>> {
        let (hit, answer) = self.consider(received, bytes, peer, transport);
        self.house.record(hit).await?;
        answer
    }

    fn consider(
        &self,
        received: Timestamp,
        bytes: &[u8],
        peer: SocketAddr,
        transport: Transport,
    ) -> (Hit, Option<Vec<u8>>) {
        let fast = transport == Transport::Udp && self.is_fast(peer.ip());
        let keyring = &self.house.keyring;
        let considered = consider(&self.authority, keyring, bytes, transport, fast);
        let hit = Hit {
            received,
            door: Door::Public,
            peer,
            kind: considered.kind,
            recognition: considered.recognition,
        };
        (hit, considered.answer)
    }

    fn is_fast(&self, source: IpAddr) -> bool {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.is_over(source, Instant::now())
    }

    /// Waits a bounded time for what is under way.
    async fn finish(&self, places: &Semaphore, all: usize) {
        let all_of_them = places.acquire_many(u32::try_from(all).unwrap_or(u32::MAX));
        if timeout(limits::STOP_TIME, all_of_them).await.is_err() {
            let left = all.saturating_sub(places.available_permits()) as u64;
            let reason = "a query was still under way when the collector stopped".to_owned();
            self.house.intake.miss_many(Timestamp::now(), left, reason);
        }
    }

    /// Answers on connections until the collector stops.
    pub(in super::super) async fn connections(self: Arc<Self>, listener: TcpListener) {
        let stopped = self.house.stopped();
        tokio::pin!(stopped);
        loop {
            let accepted = tokio::select! {
                biased;
                accepted = listener.accept() => accepted,
                () = &mut stopped => break,
            };
            match accepted {
                Ok((stream, peer)) => self.welcome(stream, peer),
                Err(error) => {
                    let reason = format!("a DNS connection could not be accepted: {error}");
                    self.house.intake.miss(Timestamp::now(), reason);
                    // Out of descriptors: the error comes at once and again until some are free.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
        self.finish(&self.connections, limits::DNS_CONNECTIONS)
            .await;
    }

    fn welcome(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() else {
            let reason = format!(
                "more than {} DNS connections at once",
                limits::DNS_CONNECTIONS
            );
            self.house.intake.miss(Timestamp::now(), reason);
            return;
        };
        let talk = Talk::new(Arc::clone(self), stream, peer);
        tokio::spawn(async move {
            talk.run().await;
            drop(place);
        });
    }
}

/// A datagram as it came.
struct Datagram {
    received: Timestamp,
    bytes: Vec<u8>,
    peer: SocketAddr,
}

impl Datagram {
    fn new(bytes: &[u8], peer: SocketAddr) -> Self {
        Self {
            received: Timestamp::now(),
            bytes: bytes.to_vec(),
            peer,
        }
    }
}

/// One DNS connection.
struct Talk {
    server: Arc<Nameserver>,
    reader: OwnedReadHalf,
    writer: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    peer: SocketAddr,
    under_way: Arc<Semaphore>,
}

/// How reading a message ended.
enum Read {
    Whole(Vec<u8>),
    /// The connection ended, was too slow, or said a length that no query has; what had come by then.
    Ended(Vec<u8>),
}

impl Talk {
    fn new(server: Arc<Nameserver>, stream: TcpStream, peer: SocketAddr) -> Self {
        let (reader, writer) = stream.into_split();
        Self {
            server,
            reader,
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            peer,
            under_way: Arc::new(Semaphore::new(limits::DNS_PIPELINE)),
        }
    }

    /// Answers messages, several at once (RFC 7766 section 6.2.1.1), until the connection ends.
    async fn run(mut self) {
        let mut first = true;
        let left = loop {
            match self.read().await {
                Read::Whole(bytes) => {
                    // The semaphore is never closed.
                    let Ok(place) = Arc::clone(&self.under_way).acquire_owned().await else {
                        break Vec::new();
                    };
                    self.answer(bytes, place);
                    first = false;
                }
                Read::Ended(left) => break left,
            }
        };
        if first || !left.is_empty() {
            let (peer, server) = (self.peer, &self.server);
            let _ = server
                .take(Timestamp::now(), &left, peer, Transport::Tcp)
                .await;
        }
        let all = u32::try_from(limits::DNS_PIPELINE).unwrap_or(u32::MAX);
        let _ = self.under_way.acquire_many(all).await;
    }

    fn answer(&self, bytes: Vec<u8>, place: OwnedSemaphorePermit) {
        let (server, writer, peer) = (
            Arc::clone(&self.server),
            Arc::clone(&self.writer),
            self.peer,
        );
        let received = Timestamp::now();
        tokio::spawn(async move {
            let answer = server.take(received, &bytes, peer, Transport::Tcp).await;
            if let Some(framed) = answer.and_then(framed) {
                let mut writer = writer.lock().await;
                let _ = timeout(limits::DNS_IDLE, writer.write_all(&framed)).await;
            }
            drop(place);
        });
    }

    async fn read(&mut self) -> Read {
        let mut bytes = Vec::new();
        let house = Arc::clone(&self.server.house);
        let whole = tokio::select! {
            biased;
            read = timeout(limits::DNS_IDLE, read_into(&mut self.reader, &mut bytes)) => {
                matches!(read, Ok(Ok(true)))
            }
            () = house.stopped() => false,
        };
        if whole {
            bytes.drain(..2);
            Read::Whole(bytes)
        } else {
            Read::Ended(bytes)
        }
    }
}

/// Reads a length and so many bytes; says whether they all came. A length beyond what is kept is read up to there.
async fn read_into(reader: &mut OwnedReadHalf, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut wanted = 2;
    let mut room = [0; limits::DNS_BYTES];
    while bytes.len() < wanted {
        let free = (wanted - bytes.len()).min(limits::DNS_BYTES);
        let count = reader.read(&mut room[..free]).await?;
        if count == 0 {
            return Ok(false);
        }
        bytes.extend_from_slice(&room[..count]);
        if let (2, &[high, low]) = (wanted, bytes.as_slice()) {
            wanted += usize::from(u16::from_be_bytes([high, low])).min(limits::DNS_BYTES);
        }
    }
    let [high, low, ..] = bytes.as_slice() else {
        return Ok(false);
    };
    Ok(usize::from(u16::from_be_bytes([*high, *low])) <= limits::DNS_BYTES)
}

fn framed(answer: Vec<u8>) -> Option<Vec<u8>> {
    let length = u16::try_from(answer.len()).ok()?;
    Some(length.to_be_bytes().into_iter().chain(answer).collect())
}
