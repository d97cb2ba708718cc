use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BufMut as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::attribution::forwarded;
use crate::canary::{Asked, Page};
use crate::model::{Answer, Door, Hit, HitKind, Recognition, Request, Timestamp};

use super::door::House;
use super::http::Visit;
use super::intake::Kept;
use super::{hello, limits, socks, tls};

/// Whoever opened a connection: what is known of them before the first byte, and what is written down about them.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) peer: SocketAddr,
    pub(super) door: Door,
    pub(super) house: Arc<House>,
}

/// What a connection waits for besides bytes. Made once for all its reads: made for each, it costs as much as the read.
pub(super) struct Wait {
    deadline: Pin<Box<Sleep>>,
    silence: Pin<Box<dyn Future<Output = ()> + Send>>,
    silenced: bool,
}

impl Wait {
    fn until(deadline: Instant, house: &Arc<House>) -> Self {
        let house = Arc::clone(house);
        Self {
            deadline: Box::pin(sleep_until(deadline)),
            silence: Box::pin(async move { house.silenced().await }),
            silenced: false,
        }
    }

    /// Gives the visitor until then.
    pub(super) fn set(&mut self, deadline: Instant) {
        self.deadline.as_mut().reset(deadline);
    }

    /// Resolves at the deadline, or when the collector has stopped; from then on at once.
    async fn over(&mut self) {
        poll_fn(|context| {
            self.silenced = self.silenced || self.silence.as_mut().poll(context).is_ready();
            match self.silenced {
                true => Poll::Ready(()),
                false => self.deadline.as_mut().poll(context),
            }
        })
        .await;
    }
}

impl Visitor {
    pub(super) const fn new(peer: SocketAddr, door: Door, house: Arc<House>) -> Self {
        Self { peer, door, house }
    }

    /// Serves a connection to its end, in the language that its first byte is of. At a browser's own door that comes after
    /// the words by which the browser was led there, if there are any.
    pub(super) async fn receive(self, mut stream: TcpStream) {
        let mut wait = Wait::until(Instant::now() + limits::HEAD_TIME, &self.house);
        let mut sent = Vec::new();
        let _ = self.read_more(&mut stream, &mut sent, &mut wait).await;
        if self.door != Door::Public && sent.first() == Some(&socks::VERSION) {
            sent = socks::lead(&mut stream, sent, &self, &mut wait).await;
        }
        match sent.first() {
            // In a room of its own: it takes much, and most connections that wait are not there yet.
            Some(&hello::HANDSHAKE) => Box::pin(tls::greet(stream, sent, self, wait)).await,
            _ => Visit::new(stream, sent, self, wait, false).run().await,
        }
    }

    /// Reads once, up to the limit of a head; none at a timeout, an error, or when the collector stops.
    pub(super) async fn read_more(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        buffer: &mut Vec<u8>,
        wait: &mut Wait,
    ) -> Option<usize> {
        let room = limits::HEAD_BYTES.saturating_sub(buffer.len()).max(1);
        if buffer.len() == buffer.capacity() {
            buffer.reserve(limits::READ_BYTES.max(buffer.len()));
        }
        let mut buffer = buffer.limit(room);
        tokio::select! {
            biased;
            read = stream.read_buf(&mut buffer) => read.ok(),
            () = wait.over() => None,
        }
    }

    /// The tokens that a request brings, and the page for it, whose children are where the page is.
    pub(super) fn answer(&self, request: &Request) -> (Recognition, Page) {
        let house = &self.house;
        let public = if request.tls {
            &house.public_tls
        } else {
            &house.public
        };
        let asked = Asked {
            public,
            target: &request.target,
            // HTTP/2's name for it stands first there, and is none that a client of HTTP/1 can send.
            host: request
                .header(":authority")
                .or_else(|| request.header("host")),
            referer: request.header("referer"),
            authorization: request.header("authorization"),
        };
        let may_try = || house.effort.spend(Instant::now());
        house.keyring.answer(&asked, may_try)
    }

    /// Lets time pass; whether it did, and the collector was not stopped in it.
    pub(super) async fn waits(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.house.silenced() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// The door they came by, as it is for what they ask for: a sealed one opens for the links that are to be served.
    pub(super) fn door_to(&self, asked: &Recognition) -> Door {
        match self.door {
            Door::Browser {
                account,
                sealed: true,
            } => Door::Browser {
                account,
                sealed: !self.house.serves(asked),
            },
            door => door,
        }
    }

    /// Whether the door they came by notes and refuses what they ask for.
    pub(super) fn is_refused(&self, asked: &Recognition) -> bool {
        matches!(self.door_to(asked), Door::Browser { sealed: true, .. })
    }

    /// The same for a hello: where it does not name a link and some are served, the request behind it decides.
    pub(super) fn is_hello_refused(&self, named: &Recognition) -> bool {
        let undecided = named.tokens_of_ours().is_empty() && self.house.serves_some();
        !undecided && self.is_refused(named)
    }

    /// Makes a hit durable; its number, or none if that failed.
    pub(super) async fn record(
        &self,
        received: Timestamp,
        kind: HitKind,
        recognition: Recognition,
    ) -> Option<Kept> {
        let kind = self.with_forwarded(kind);
        let hit = Hit {
            received,
            door: self.door_to(&recognition),
            peer: self.peer,
            kind,
            recognition,
        };
        self.house.record(hit).await
    }

    /// A request with whom declared proxies forwarded it for.
    fn with_forwarded(&self, mut kind: HitKind) -> HitKind {
        if let HitKind::Http(request) = &mut kind {
            request.forwarded = forwarded(self.peer.ip(), request, &self.house.proxies);
        }
        kind
    }

    /// Notes what was answered: how many bytes of how many in all.
    pub(super) fn answered(
        &self,
        hit: Kept,
        status: Option<u16>,
        (body_bytes, of): (u64, Option<u64>),
    ) {
        self.house.metrics.note_answer(status);
        let answer = Answer {
            hit: hit.seq,
            at: Timestamp::now(),
            status,
            body_bytes,
            of,
        };
        self.house.intake.answer(hit.run, answer);
    }
}
