use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::canary::Page;
use crate::model::{Answer, Bytes, Door, Hit, HitKind, Recognition, Timestamp};

use super::door::House;
use super::http::Visit;
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

    /// The tokens in what was asked for and of which host, and the page for it, whose children are where the page is.
    pub(super) fn answer(
        &self,
        target: &Bytes,
        host: Option<&Bytes>,
        tls: bool,
    ) -> (Recognition, Page) {
        let public = if tls {
            &self.house.public_tls
        } else {
            &self.house.public
        };
        self.house.keyring.answer(public, target, host)
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
    ) -> Option<u64> {
        let hit = Hit {
            received,
            door: self.door,
            peer: self.peer,
            kind,
            recognition,
        };
        self.house.intake.hit(hit).await
    }

    /// Notes what was answered.
    pub(super) fn answered(&self, hit: u64, status: Option<u16>, body_bytes: u64) {
        let answer = Answer {
            hit,
            at: Timestamp::now(),
            status,
            body_bytes,
        };
        self.house.intake.answer(answer);
    }
}
