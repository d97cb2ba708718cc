//! Gathers everything that is known of a visitor, each factor with whom it speaks for.

use std::net::IpAddr;

use ipnet::IpNet;

use super::attributor::Attributor;
use super::catalogue::{Kind, Pointer};
use super::clue::{Clue, Speaks, Trace, Who};
use super::visitor::Visitor;
use crate::model::{
    DataVersion, Door, Factor, FactorKind, LookedAsn, LookedName, Other, Registered,
};

impl Attributor<'_> {
    /// Everything, in no order.
    pub(super) fn clues(&self, visitor: &Visitor) -> Vec<Clue> {
        let mut clues = self.addresses(visitor);
        if visitor.looks_up {
            let by_everybody = clues
                .iter_mut()
                .filter(|clue| self.is_of_public_resolver(clue));
            by_everybody.for_each(|clue| clue.speaks = Speaks::Nobody);
        }
        if let Some(agent) = &visitor.agent {
            clues.extend(self.agents(agent, visitor.origin()));
        }
        if let Door::Browser { account, .. } = visitor.door {
            let factor = Factor::plain(FactorKind::Door, format!("the {account}'s own door"));
            clues.push(Clue::new(factor, Speaks::Own(account)));
        }
        if visitor.trace == Trace::Nothing {
            let says = "had nothing of any link of ours";
            clues.push(Clue::note(Factor::plain(FactorKind::Trace, says)));
        }
        clues
    }

    /// The proxies are the auditor's own: their word counts for the visitor, and their own address for nobody.
    fn addresses(&self, visitor: &Visitor) -> Vec<Clue> {
        let of_peer = self.at(visitor.peer, FactorKind::Network);
        let Some(address) = visitor.forwarded else {
            return of_peer;
        };
        let of_proxy = of_peer.into_iter().map(|clue| Clue::note(clue.factor));
        let through = self.at(address, FactorKind::Forwarded);
        of_proxy.chain(through).collect()
    }

    /// What an address says.
    pub(super) fn at(&self, address: IpAddr, kind: FactorKind) -> Vec<Clue> {
        let networks = self.networks(address, kind);
        let systems = self.systems(address);
        let all = self.registered(address).chain(networks);
        let mut all: Vec<Clue> = all.chain(self.names(address)).chain(systems).collect();
        if self.others(address).next().is_some() {
            // The scenario says whose address it is: nothing else that it has makes the service out of it.
            let of_service = all.iter_mut().filter(|clue| clue.is_of_provider());
            of_service.for_each(|clue| clue.speaks = Speaks::Nobody);
        }
        all
    }

    /// Whom the scenario names at an address, each with its place and the network.
    pub(super) fn others(&self, address: IpAddr) -> impl Iterator<Item = (usize, &Other, IpNet)> {
        let all = self.known.others.iter().enumerate();
        all.filter_map(move |(place, other)| {
            let mut networks = other.networks.iter();
            let network = networks.find(|network| network.contains(&address))?;
            Some((place, other, *network))
        })
    }

    fn registered(&self, address: IpAddr) -> impl Iterator<Item = Clue> {
        let registered = self.known.registered.iter();
        let around = registered.filter(move |one| one.network.contains(&address));
        around.map(|Registered { account, network }| {
            let says = format!("registered address of the {account}, in {network}");
            let factor = Factor::plain(FactorKind::Registered, says);
            Clue::new(factor, Speaks::Own(*account))
        })
    }

    fn networks(&self, address: IpAddr, kind: FactorKind) -> impl Iterator<Item = Clue> {
        let words = match kind {
            FactorKind::Forwarded => "forwarded for an address in",
            _ => "address in",
        };
        let own = self.known.networks.iter();
        let own = own.filter(move |one| one.contains(&address));
        let own = own.map(move |network| {
            let factor = Factor::plain(kind, format!("{words} {network}"));
            Clue::new(factor, Speaks::Provider { alone: true })
        });
        let others = self.others(address).map(move |(place, other, network)| {
            let says = format!("{words} {network} ({})", other.name);
            Clue {
                factor: Factor::plain(kind, says),
                speaks: Speaks::Other {
                    kind: Kind::Crawler,
                    alone: true,
                },
                who: Some(Who::Named(place)),
            }
        });
        let published = self.sources.catalogue.networks(address);
        let published = published.map(move |&(network, points)| {
            let says = format!("{words} {network} ({})", self.title(points));
            self.pointing(kind, says, points, true)
        });
        own.chain(others).chain(published)
    }

    fn names(&self, address: IpAddr) -> impl Iterator<Item = Clue> {
        let looked = self.looked.get(&address).into_iter();
        looked
            .flat_map(|looked| &looked.names)
            .flat_map(|one| self.name(one))
    }

    fn name(&self, LookedName { name, confirmed }: &LookedName) -> Vec<Clue> {
        if !confirmed {
            let says = format!("named {name}, which does not lead back to it");
            return vec![Clue::note(Factor::plain(FactorKind::Name, says))];
        }
        let says = format!("named {name}, which leads back to it");
        let known = self.sources.catalogue.named(name);
        let mut clues: Vec<Clue> = known
            .map(|points| {
                let says = format!("{says} ({})", self.title(points));
                self.pointing(FactorKind::Name, says, points, true)
            })
            .collect();
        if clues.is_empty() {
            clues.push(Clue::note(Factor::plain(FactorKind::Name, says)));
        }
        clues
    }

    /// What a table in use says, or else what the run wrote down; and what comes with the program.
    fn systems_of(&self, address: IpAddr) -> Vec<LookedAsn> {
        let now = self.sources.table.and_then(|table| table.find(address));
        let then = || self.looked.get(&address)?.asn.clone();
        let mut found: Vec<LookedAsn> = now.or_else(then).into_iter().collect();
        let built_in = self.sources.catalogue.system(address);
        found.extend(built_in.filter(|system| found.iter().all(|one| one.number != system.number)));
        found
    }

    fn systems(&self, address: IpAddr) -> impl Iterator<Item = Clue> {
        let systems = self.systems_of(address).into_iter();
        systems.flat_map(|system| self.system(&system))
    }

    /// Who announces an address is read from a table; whose system that is, from the catalogue.
    fn system(
        &self,
        LookedAsn {
            number, org, table, ..
        }: &LookedAsn,
    ) -> Vec<Clue> {
        let clue = |points: Pointer, kind, says: String| Clue {
            factor: factor(kind, says, table),
            speaks: self.speaks(points, true),
            who: Some(Who::Listed(points.who)),
        };
        let (owners, tenants) = (
            self.sources.catalogue.owners(*number),
            self.sources.catalogue.tenants(*number),
        );
        let owned = owners.iter().map(|&points| {
            let says = format!("address of AS{number} ({})", self.title(points));
            clue(points, FactorKind::Asn, says)
        });
        let tenants = tenants
            .iter()
            .filter(|points| self.places.contains(&points.who));
        let shared = tenants.map(|&points| {
            let title = self.title(points);
            let says =
                format!("address of AS{number}, where {title} stands, and others do ({org})");
            clue(points, FactorKind::Cloud, says)
        });
        let says = format!("address of AS{number} ({org})");
        let note = owners
            .is_empty()
            .then(|| Clue::note(factor(FactorKind::Asn, says, table)));
        owned.chain(shared).chain(note).collect()
    }

    fn agents(&self, agent: &str, address: IpAddr) -> Vec<Clue> {
        let own = self.known.agents.iter();
        let own = own.filter(|part| agent.contains(part.as_str()));
        let alone = self.known.networks.is_empty() && self.under_audit().all(|one| one.agent_alone);
        let own = own.map(|part| {
            let factor = Factor::plain(FactorKind::Agent, format!("agent says `{part}`"));
            Clue::new(factor, Speaks::Provider { alone })
        });
        let patterns = self.sources.catalogue.agents(agent).into_iter();
        let known = patterns.map(|pattern| {
            let (who, data) = (pattern.who, pattern.data);
            let points = Pointer { who, data };
            let says = format!("agent says `{}` ({})", pattern.words(), self.title(points));
            let alone = self.agent_alone(who, address);
            self.pointing(FactorKind::Agent, says, points, alone)
        });
        own.chain(known).collect()
    }

    /// Whether an agent counts where nothing else speaks for whom it names. Of others, it never makes out a service:
    /// agents of services are what is spoofed.
    fn agent_alone(&self, who: usize, address: IpAddr) -> bool {
        let Some(known) = self.sources.catalogue.known(who) else {
            return false;
        };
        if !self.places.contains(&who) {
            return known.kind != Kind::Service;
        }
        let elsewhere = known.has_clouds && self.is_elsewhere(who, address);
        self.known.networks.is_empty() && known.agent_alone && !elsewhere
    }

    /// Whether it is known who announces an address, and that is no system of somebody's.
    fn is_elsewhere(&self, who: usize, address: IpAddr) -> bool {
        let catalogue = self.sources.catalogue;
        let systems = self.systems_of(address);
        let is_there = |system: &LookedAsn| {
            let owners = catalogue.owners(system.number).iter();
            let mut all = owners.chain(catalogue.tenants(system.number));
            all.any(|points| points.who == who)
        };
        !systems.is_empty() && !systems.iter().any(is_there)
    }

    /// Whether it speaks for somebody whose machines look names up for everybody.
    fn is_of_public_resolver(&self, clue: &Clue) -> bool {
        let Some(Who::Listed(who)) = clue.who else {
            return false;
        };
        let known = self.sources.catalogue.known(who);
        known.is_some_and(|known| known.public_resolver)
    }

    fn pointing(&self, kind: FactorKind, says: String, points: Pointer, alone: bool) -> Clue {
        let data = self.sources.catalogue.data(points.data);
        Clue {
            factor: Factor { kind, says, data },
            speaks: self.speaks(points, alone),
            who: Some(Who::Listed(points.who)),
        }
    }

    fn speaks(&self, points: Pointer, alone: bool) -> Speaks {
        let whose = self.sources.catalogue.known(points.who);
        match whose {
            _ if self.places.contains(&points.who) => Speaks::Provider { alone },
            Some(known) => Speaks::Other {
                kind: known.kind,
                alone,
            },
            None => Speaks::Nobody,
        }
    }

    fn title(&self, points: Pointer) -> &str {
        let known = self.sources.catalogue.known(points.who);
        known.map_or("somebody", |known| known.title.as_str())
    }
}

fn factor(kind: FactorKind, says: String, table: &DataVersion) -> Factor {
    let data = Some(table.clone());
    Factor { kind, says, data }
}
