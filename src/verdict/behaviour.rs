//! In which ways visitors came: what is told of a service's behaviour when runs are compared.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::model::{
    Actor, Behaviour, Factor, FactorKind, Latency, Observation, Phase, Protocol, TrialId,
};

/// As many as a report can show, and a visitor who comes with another name every time cannot use up our memory.
const SHOWN: usize = 60;

/// The longest piece of an agent that is compared.
const AGENT_CHARS: usize = 120;

/// Prefix lengths of the network that stands for an address of which nothing is known: about what one holder is given.
const WIDE: (u8, u8) = (16, 32);

/// What is the same for many hits, and cheap to look up: an attribution is made once for each kind of visitor.
type Trait<'a> = (
    Actor,
    Option<&'a str>,
    Option<&'a str>,
    *const Factor,
    Option<IpNet>,
    Protocol,
    Option<Phase>,
);

/// In how many trials, and how soon, a way was gone. The observations of a trial stand together.
#[derive(Debug, Default)]
struct Times {
    last: Option<TrialId>,
    trials: u32,
    first: Vec<Duration>,
}

impl Times {
    fn add(&mut self, seen: &Observation) {
        if self.last != Some(seen.trial) {
            self.last = Some(seen.trial);
            self.trials += 1;
            self.first.extend(seen.delay);
        }
    }

    fn median(&mut self) -> Option<Latency> {
        self.first.sort_unstable();
        let middle = self.first.len().checked_sub(1)? / 2;
        self.first.get(middle).copied().map(Latency::of)
    }
}

/// The ways in which visitors came, the first seen first.
pub(super) fn behaviours(seen: &[&Observation]) -> Vec<Behaviour> {
    let mut places: HashMap<Trait<'_>, usize> = HashMap::new();
    let mut ways: Vec<(Behaviour, Times)> = Vec::new();
    for seen in seen.iter().filter(|seen| seen.actor != Actor::Auditor) {
        let place = match places.get(&traits(seen)) {
            Some(place) => *place,
            None if ways.len() < SHOWN => {
                let place = place_of(way(seen), &mut ways);
                places.insert(traits(seen), place);
                place
            }
            None => continue,
        };
        if let Some((_, times)) = ways.get_mut(place) {
            times.add(seen);
        }
    }
    let closed = ways.into_iter().map(|(way, mut times)| Behaviour {
        latency: times.median(),
        trials: times.trials,
        ..way
    });
    closed.collect()
}

/// Where a way stands: several agents, or several places, may come down to one.
fn place_of(way: Behaviour, ways: &mut Vec<(Behaviour, Times)>) -> usize {
    let known = ways.iter().position(|(known, _)| known.is_like(&way));
    known.unwrap_or_else(|| {
        ways.push((way, Times::default()));
        ways.len() - 1
    })
}

fn traits(seen: &Observation) -> Trait<'_> {
    let unknown = place(&seen.factors).is_none();
    (
        seen.actor,
        seen.method.as_deref(),
        seen.agent.as_deref(),
        Arc::as_ptr(&seen.factors).cast(),
        unknown.then(|| around(seen.address())).flatten(),
        seen.protocol,
        seen.phase,
    )
}

fn way(seen: &Observation) -> Behaviour {
    let place = place(&seen.factors).map(|factor| factor.says.clone());
    Behaviour {
        actor: seen.actor,
        method: seen.method.as_deref().map(str::to_owned),
        agent: seen.agent.as_deref().map(family),
        from: place.unwrap_or_else(|| {
            around(seen.address()).map_or_else(String::new, |net| format!("address in {net}"))
        }),
        protocol: seen.protocol,
        phase: seen.phase,
        latency: None,
        trials: 0,
    }
}

/// The factor that says best whose network it was: who announces it is known longest, and changes least.
fn place(factors: &[Factor]) -> Option<&Factor> {
    let kinds = [
        FactorKind::Asn,
        FactorKind::Cloud,
        FactorKind::Network,
        FactorKind::Forwarded,
    ];
    let mut of_kind = kinds
        .iter()
        .filter_map(|kind| factors.iter().find(|factor| factor.kind == *kind));
    of_kind.next()
}

fn around(address: IpAddr) -> Option<IpNet> {
    let length = if address.is_ipv4() { WIDE.0 } else { WIDE.1 };
    IpNet::new(address, length).ok().map(|net| net.trunc())
}

/// An agent without what changes with every release: each number that has a point in it or follows a slash.
fn family(agent: &str) -> String {
    let mut family = String::new();
    let mut rest = agent.chars().take(2 * AGENT_CHARS).peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() && !before.is_ascii_alphanumeric() {
            let more = std::iter::from_fn(|| {
                rest.next_if(|c| c.is_ascii_digit() || matches!(c, '.' | '_'))
            });
            let number: String = std::iter::once(c).chain(more).collect();
            if before != '/' && !number.contains(['.', '_']) {
                family.push_str(&number);
            } else if before == '/' {
                family.pop();
            }
            before = '0';
        } else {
            family.push(c);
            before = c;
        }
    }
    family.chars().take(AGENT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_makes_no_other_agent() {
        for (agent, is) in [
            ("TheLounge/4.5.2", "TheLounge"),
            ("WhatsApp/2", "WhatsApp"),
            (
                "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
                "facebookexternalhit (+http://www.facebook.com/externalhit_uatext.php)",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/156.0.0.0 Safari/537.36",
                "Mozilla (Windows NT ; Win64; x64) Chrome Safari",
            ),
            ("a\u{1b}[2Jb", "a\u{1b}[2Jb"),
            ("", ""),
        ] {
            assert_eq!(family(agent), is);
        }
        assert_eq!(family(&"é".repeat(5000)).chars().count(), AGENT_CHARS);
    }
}
