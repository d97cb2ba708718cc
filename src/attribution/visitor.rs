use std::net::IpAddr;

use super::clue::Trace;
use crate::model::{Class, Door, Hit, HitKind, Part, TokenId};

/// The longest piece of an agent that is looked at. None known is half as long.
const AGENT_BYTES: usize = 1024;

/// What an attribution is made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Visitor {
    pub(super) door: Door,
    pub(super) peer: IpAddr,
    /// Whom a declared proxy forwarded for.
    pub(super) forwarded: Option<IpAddr>,
    pub(super) agent: Option<String>,
    /// It is a resolver, which looks a name up for somebody.
    pub(super) looks_up: bool,
    pub(super) trace: Trace,
}

impl Visitor {
    pub(super) fn of(hit: &Hit) -> Self {
        let (forwarded, agent) = match &hit.kind {
            HitKind::Http(request) => {
                let agent = request.header("user-agent").map(|value| value.text());
                (request.forwarded, agent)
            }
            // The peer of a DNS query is a resolver, which has no agent.
            HitKind::Connection { .. }
            | HitKind::Dns(_)
            | HitKind::Packet(_)
            | HitKind::Hello(_) => (None, None),
        };
        Self {
            door: hit.door,
            peer: hit.peer.ip().to_canonical(),
            forwarded: forwarded.map(|address| address.to_canonical()),
            agent: agent.map(cut),
            looks_up: matches!(hit.kind, HitKind::Dns(_) | HitKind::Packet(_)),
            trace: trace(hit),
        }
    }

    /// From where it came: whom a declared proxy forwarded for, or else the peer.
    pub(super) fn origin(&self) -> IpAddr {
        self.forwarded.unwrap_or(self.peer)
    }
}

fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().find(|(at, _)| *at >= AGENT_BYTES) {
        text.truncate(at);
    }
    text
}

fn trace(hit: &Hit) -> Trace {
    let matches = &hit.recognition.matches;
    let of_host = |token: TokenId| token.part == Part::Host;
    let only_host = matches
        .iter()
        .all(|one| one.class == Class::Intact && one.token.is_some_and(of_host));
    match (matches.is_empty(), only_host) {
        (true, _) => Trace::Nothing,
        (_, true) => Trace::Host,
        _ => Trace::Link,
    }
}
