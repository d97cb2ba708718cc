//! **Attribution** (floor 1). Who it was, from what is known of the service; every factor is kept apart.
//!
//! Strongest first: the door it came in by; the networks that the service fetches from; its user agent. Agents are
//! shared and spoofed on purpose (Signal says `WhatsApp/2`; The Lounge says `facebookexternalhit`), so where networks
//! are known an agent from elsewhere proves nothing.

mod forwarded;

use std::net::IpAddr;

use ipnet::IpNet;

pub use forwarded::forwarded;

use crate::model::{Account, Actor, Door, Hit, HitKind};

/// What a service is known by.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Networks that it fetches from.
    pub networks: &'a [IpNet],
    /// What its user agents hold.
    pub agents: &'a [String],
}

/// Who it was, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// Who.
    pub actor: Actor,
    /// The factors, strongest first.
    pub factors: Vec<String>,
}

/// Says who a hit came from.
#[must_use]
pub fn attribute(hit: &Hit, known: Known<'_>) -> Attribution {
    match hit.door {
        Door::Browser { account, .. } => own(account),
        Door::Public => at_the_public_door(hit, known),
    }
}

fn own(account: Account) -> Attribution {
    let actor = match account {
        Account::Sender => Actor::Sender,
        Account::Recipient => Actor::Recipient,
    };
    Attribution {
        actor,
        factors: vec![format!("the {account}'s own door")],
    }
}

fn at_the_public_door(hit: &Hit, known: Known<'_>) -> Attribution {
    let network = |address: IpAddr| {
        let address = address.to_canonical();
        known.networks.iter().find(|one| one.contains(&address))
    };
    let agent = agent(hit).and_then(|text| {
        known
            .agents
            .iter()
            .find(|part| text.contains(part.as_str()))
    });
    let from = network(hit.peer.ip()).map(|network| format!("address in {network}"));
    // The proxies are the auditor's own, so their word is as good as the peer; it stays a factor of its own.
    let through = forwarded_for(hit).and_then(network);
    let through = through.map(|network| format!("forwarded for an address in {network}"));
    let says = agent.map(|part| format!("agent says `{part}`"));
    let provider =
        from.is_some() || through.is_some() || (known.networks.is_empty() && says.is_some());
    Attribution {
        actor: if provider {
            Actor::Provider
        } else {
            Actor::Unknown
        },
        factors: from.into_iter().chain(through).chain(says).collect(),
    }
}

/// Whom declared proxies forwarded it for.
const fn forwarded_for(hit: &Hit) -> Option<IpAddr> {
    match &hit.kind {
        HitKind::Http(request) => request.forwarded,
        _ => None,
    }
}

fn agent(hit: &Hit) -> Option<String> {
    match &hit.kind {
        HitKind::Http(request) => request.header("user-agent").map(|value| value.text()),
        // The peer of a DNS query is a resolver, which has no agent.
        HitKind::Connection { .. } | HitKind::Dns(_) | HitKind::Packet(_) | HitKind::Hello(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, Recognition, Request};

    fn hit(door: Door, peer: &str, agent: &str) -> Hit {
        let headers = vec![("user-agent".to_owned(), Bytes::from(agent.as_bytes()))];
        let request = Request {
            method: "GET".into(),
            target: Bytes::default(),
            version: "HTTP/1.1".into(),
            tls: false,
            opening: None,
            forwarded: None,
            headers,
        };
        Hit {
            received: "2026-11-23T10:00:00Z".parse().unwrap(),
            door,
            peer: peer.parse().unwrap(),
            kind: HitKind::Http(request),
            recognition: Recognition::none(),
        }
    }

    fn actor(hit: &Hit, networks: &[IpNet]) -> Actor {
        attribute(
            hit,
            Known {
                networks,
                agents: &["LabBot".to_owned()],
            },
        )
        .actor
    }

    #[test]
    fn an_own_door_outranks_everything() {
        let door = Door::Browser {
            account: Account::Recipient,
            sealed: true,
        };
        let networks = ["127.0.0.0/8".parse().unwrap()];
        assert_eq!(
            actor(&hit(door, "127.0.0.1:4", "LabBot/1"), &networks),
            Actor::Recipient
        );
    }

    #[test]
    fn an_address_outranks_an_agent() {
        let networks = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(
            actor(&hit(Door::Public, "10.1.2.3:4", "curl"), &networks),
            Actor::Provider
        );
        assert_eq!(
            actor(&hit(Door::Public, "[::ffff:10.1.2.3]:4", "curl"), &networks),
            Actor::Provider
        );
        assert_eq!(
            actor(&hit(Door::Public, "192.0.2.1:4", "LabBot/1"), &networks),
            Actor::Unknown
        );
    }

    /// Whom one's own proxies forwarded for is a factor of its own, and the peer stays what it is.
    #[test]
    fn whom_a_proxy_forwarded_for_counts_where_it_is_known() {
        let networks = ["192.0.2.0/24".parse().unwrap()];
        let known = Known {
            networks: &networks,
            agents: &[],
        };
        let mut hit = hit(Door::Public, "10.0.0.1:4", "curl");
        assert_eq!(attribute(&hit, known).actor, Actor::Unknown);
        let HitKind::Http(request) = &mut hit.kind else {
            unreachable!()
        };
        request.forwarded = Some("192.0.2.7".parse().unwrap());
        let found = attribute(&hit, known);
        assert_eq!(found.actor, Actor::Provider);
        assert_eq!(found.factors, ["forwarded for an address in 192.0.2.0/24"]);
    }

    #[test]
    fn without_networks_an_agent_is_all_there_is() {
        assert_eq!(
            actor(&hit(Door::Public, "192.0.2.1:4", "LabBot/1"), &[]),
            Actor::Provider
        );
        assert_eq!(
            actor(&hit(Door::Public, "192.0.2.1:4", "curl"), &[]),
            Actor::Unknown
        );
    }
}
