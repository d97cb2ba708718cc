use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::{Actor, Confidence, Depth, Door, Factor, Part, Phase, Protocol, Timestamp, TrialId};

/// A hit read in context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The hit's number in the evidence.
    pub hit: u64,
    /// When it came.
    pub at: Timestamp,
    /// Whose canary it touched.
    pub trial: TrialId,
    /// Which parts of the link it asked for or gave away.
    pub parts: Vec<Part>,
    /// The part of the link that was asked for; none where only its host was.
    pub asked: Option<Part>,
    /// Who it was.
    pub actor: Actor,
    /// The factors of the attribution, strongest first.
    pub factors: Arc<[Factor]>,
    /// How sure the attribution is; none where nothing tells who it was.
    pub confidence: Option<Confidence>,
    /// How far it went.
    pub depth: Depth,
    /// How many bytes of what is behind the link it was handed.
    pub bytes: u64,
    /// Whether these were all there are; none where no content was taken, or the evidence does not say.
    pub whole: Option<bool>,
    /// Its sender must have had the link, and did not ask for it: see [`super::Hit::hearsay`]. It is shown, and stands against
    /// silence; it is no visit, whatever the request that named the link asked for.
    pub hearsay: bool,
    /// Where it came in.
    pub door: Door,
    /// The same actor had asked for the same part in the same way before: it came back.
    pub again: bool,
    /// The method, in the case it was sent; none where no request was understood.
    pub method: Option<Arc<str>>,
    /// What it spoke.
    pub protocol: Protocol,
    /// The user agent. Hostile text.
    pub agent: Option<Arc<str>>,
    /// From where. Hits of one connection have it in common.
    pub peer: SocketAddr,
    /// The phase whose beginning it followed; none for our own fetches, and before any exposure.
    pub phase: Option<Phase>,
    /// From that beginning; none if it came before the link was out.
    pub delay: Option<Duration>,
    /// It came after the window had closed: known, and not counted among its trials.
    pub late: bool,
}

impl Observation {
    /// Whether it was turned away at a sealed door.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.door, Door::Browser { sealed: true, .. })
    }

    /// From which address, as IPv4 where it is that.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }
}
