use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::attribution::forwarded;
use crate::canary::{Asked, Page};
use crate::model::{Answer, Door, Hit, HitKind, Recognition, Request, Timestamp};

use super::door::House;
use super::http::Visit;
use super::intake::Kept;
use super::{hello, limits, tls};

/// Whoever opened a connection: what is known of them before the first byte, and what is written down about them.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) peer: SocketAddr,
    pub(super) door: Door,
    pub(super) house: Arc<House>,
}

impl Visitor {
    pub(super) const fn new(peer: SocketAddr, door: Door, house: Arc<House>) -> Self {
        Self { peer, door, house }
    }

    /// Serves a connection to its end, in the language that its first byte is of.
    pub(super) async fn receive(self, stream: TcpStream) {
        let deadline = Instant::now() + limits::HEAD_TIME;
        match self.first_byte(&stream, deadline).await {
            Some(hello::HANDSHAKE) => tls::greet(stream, self, deadline).await,
            _ => Visit::new(stream, self, false).run(deadline).await,
        }
    }

    /// Looks at the first byte and leaves it where it is; none if none came.
    async fn first_byte(&self, stream: &TcpStream, deadline: Instant) -> Option<u8> {
        let mut first = [0];
        let peeked = tokio::select! {
            biased;
            peeked = timeout_at(deadline, stream.peek(&mut first)) => peeked.ok()?.ok()?,
            () = self.house.silenced() => return None,
        };
        (peeked == 1).then_some(first[0])
    }

    /// Reads once, up to the limit of a head; none at a timeout, an error, or when the collector stops.
    pub(super) async fn read_more(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        buffer: &mut Vec<u8>,
        deadline: Instant,
    ) -> Option<usize> {
        let room = limits::HEAD_BYTES.saturating_sub(buffer.len()).max(1);
        let mut chunk = [0; 4096];
        let chunk = &mut chunk[..room.min(4096)];
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, stream.read(chunk)) => read.ok()?.ok()?,
            () = self.house.silenced() => return None,
        };
        buffer.extend_from_slice(&chunk[..read]);
        Some(read)
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

    /// Whether the door they came by notes and refuses.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.door, Door::Browser { sealed: true, .. })
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
            door: self.door,
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

    /// Notes what was answered.
    pub(super) async fn answered(&self, hit: Kept, status: Option<u16>, body_bytes: u64) {
        self.house.metrics.note_answer(status);
        let answer = Answer {
            hit: hit.seq,
            at: Timestamp::now(),
            status,
            body_bytes,
        };
        self.house.intake.answer(hit.run, answer).await;
    }
}
