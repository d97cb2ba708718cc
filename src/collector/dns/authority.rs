use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::op::{Query as Question, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, HINFO, NS, SOA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::canary::{Zone, is_token_shaped};

use super::super::limits::{DNS_TTL, DNS_ZONE_TTL};
use super::issuance::Issuance;

/// The label of the zone's name server.
const SERVER: &[u8] = b"ns";

/// The label below which the proofs for an order of certificates are (RFC 8555 section 8.4).
const PROOFS: &str = "_acme-challenge";

/// What there is in the zone, and what is said about it.
#[derive(Debug)]
pub(super) struct Authority {
    zone: Name,
    addresses: Vec<IpAddr>,
    texts: Vec<(Name, &'static str)>,
    /// Where the proofs are, and what they are. The name exists only as long as there are any.
    proofs: Name,
    issuance: Arc<Issuance>,
}

/// What a question is answered with.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: ResponseCode,
    pub(super) answers: Vec<Record>,
    /// The zone's SOA, where the answer is that there is none.
    pub(super) denial: Option<Record>,
}

/// What is at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The zone itself.
    Apex,
    /// A token, or the name server.
    Host,
    /// Nothing but texts at it, or names below it.
    Bare,
}

impl Authority {
    /// None if the zone is no name for the wire, which [`Zone`] rules out.
    pub(super) fn new(
        zone: &Zone,
        addresses: Vec<IpAddr>,
        issuance: Arc<Issuance>,
    ) -> Option<Self> {
        let mut zone = Name::from_ascii(zone.name()).ok()?;
        zone.set_fqdn(true);
        // A zone without mail says so, as well-kept ones do.
        let policy = zone.prepend_label("_dmarc").ok()?;
        let texts = vec![
            (zone.clone(), "v=spf1 -all"),
            (policy, "v=DMARC1; p=reject"),
        ];
        Some(Self {
            proofs: zone.prepend_label(PROOFS).ok()?,
            zone,
            addresses,
            texts,
            issuance,
        })
    }

    /// The labels in front of the zone; none for a name outside.
    pub(super) fn front<'a>(&self, name: &'a Name) -> Option<Vec<&'a [u8]>> {
        let labels = usize::from(name.num_labels().checked_sub(self.zone.num_labels())?);
        self.zone
            .zone_of(name)
            .then(|| name.iter().take(labels).collect())
    }

    pub(super) fn answer(&self, asked: &Question) -> Said {
        let transfer = matches!(asked.query_type, RecordType::AXFR | RecordType::IXFR);
        let front = self.front(&asked.name);
        let Some(front) = front.filter(|_| asked.query_class == DNSClass::IN && !transfer) else {
            return Said {
                code: ResponseCode::Refused,
                answers: Vec::new(),
                denial: None,
            };
        };
        // The case of the question is kept, so that the answer's names are those asked for.
        let apex = asked.name.trim_to(usize::from(self.zone.num_labels()));
        let Some(place) = self.place(&asked.name, &front) else {
            return Said {
                code: ResponseCode::NXDomain,
                answers: Vec::new(),
                denial: Some(self.soa(apex)),
            };
        };
        let answers = self.records(place, asked, &apex);
        let denial = answers.is_empty().then(|| self.soa(apex));
        Said {
            code: ResponseCode::NoError,
            answers,
            denial,
        }
    }

    fn place(&self, name: &Name, front: &[&[u8]]) -> Option<Place> {
        match front {
            [] => Some(Place::Apex),
            [label] if is_token_shaped(label) || label.eq_ignore_ascii_case(SERVER) => {
                Some(Place::Host)
            }
            // An empty non-terminal is there too: resolvers that minimise their questions ask for it (RFC 9156).
            _ => self
                .with_texts()
                .any(|at| name.zone_of(at))
                .then_some(Place::Bare),
        }
    }

    /// The names that texts are at just now.
    fn with_texts(&self) -> impl Iterator<Item = &Name> {
        let proofs = self.issuance.is_proving().then_some(&self.proofs);
        self.texts.iter().map(|(at, _)| at).chain(proofs)
    }

    fn records(&self, place: Place, asked: &Question, apex: &Name) -> Vec<Record> {
        let lasting = |data| Record::from_rdata(asked.name.clone(), DNS_ZONE_TTL, data);
        match (asked.query_type, place) {
            (RecordType::ANY, _) => vec![lasting(minimal())],
            (RecordType::TXT, Place::Bare) if asked.name == self.proofs => self.proofs(&asked.name),
            (RecordType::TXT, _) => self.texts_at(&asked.name).map(lasting).collect(),
            (RecordType::A | RecordType::AAAA, Place::Apex | Place::Host) => {
                self.addresses(&asked.name, asked.query_type)
            }
            (RecordType::SOA, Place::Apex) => vec![self.soa(apex.clone())],
            (RecordType::NS, Place::Apex) => server(apex)
                .map(|name| lasting(RData::NS(NS(name))))
                .into_iter()
                .collect(),
            (RecordType::CAA, Place::Apex) => {
                let policy = self.issuance.policy().into_iter();
                policy.map(|said| lasting(RData::CAA(said))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn addresses(&self, name: &Name, kind: RecordType) -> Vec<Record> {
        let data = self.addresses.iter().filter_map(|address| match address {
            IpAddr::V4(four) if kind == RecordType::A => Some(RData::A(A(*four))),
            IpAddr::V6(six) if kind == RecordType::AAAA => Some(RData::AAAA(AAAA(*six))),
            _ => None,
        });
        data.map(|data| Record::from_rdata(name.clone(), DNS_TTL, data))
            .collect()
    }

    /// The proofs of the next order are others, so they are not kept for long.
    fn proofs(&self, name: &Name) -> Vec<Record> {
        let texts = self.issuance.proofs().into_iter();
        texts
            .map(|text| RData::TXT(TXT::new(vec![text])))
            .map(|data| Record::from_rdata(name.clone(), DNS_TTL, data))
            .collect()
    }

    fn texts_at(&self, name: &Name) -> impl Iterator<Item = RData> {
        let here = self.texts.iter().filter(move |(at, _)| at == name);
        here.map(|(_, text)| RData::TXT(TXT::new(vec![(*text).to_owned()])))
    }

    /// The zone's SOA under the name it was asked by. Its last number is how long a denial is kept.
    fn soa(&self, apex: Name) -> Record {
        let within = |label: &str| apex.prepend_label(label).unwrap_or_else(|_| apex.clone());
        let (mname, rname) = (within("ns"), within("hostmaster"));
        let data = SOA::new(mname, rname, 1, 3600, 600, 86_400, DNS_TTL);
        Record::from_rdata(apex, DNS_TTL, RData::SOA(data))
    }
}

fn server(apex: &Name) -> Option<Name> {
    apex.prepend_label(SERVER).ok()
}

/// What is said to a question for everything (RFC 8482 section 4.2).
fn minimal() -> RData {
    RData::HINFO(HINFO::new("RFC8482".to_owned(), String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Authority {
        let zone = Zone::parse("canary.example").unwrap();
        let addresses = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        Authority::new(&zone, addresses, Arc::default()).unwrap()
    }

    fn ask(authority: &Authority, name: &str, kind: RecordType) -> (ResponseCode, usize, bool) {
        let said = authority.answer(&Question::query(Name::from_ascii(name).unwrap(), kind));
        (said.code, said.answers.len(), said.denial.is_some())
    }

    #[test]
    fn what_is_there_is_answered_and_what_is_not_is_denied() {
        use RecordType::{A, AAAA, ANY, AXFR, CAA, HTTPS, MX, NS, SOA, SRV, TXT};
        use ResponseCode::{NXDomain, NoError, Refused};
        let authority = authority();
        let token = "b".repeat(45);
        let host = format!("{token}.cAnArY.example.");
        let below = format!("_443._tcp.{token}.canary.example.");
        for (name, kind, code, answers, denied) in [
            (host.as_str(), A, NoError, 1, false),
            (&host, AAAA, NoError, 1, false),
            (&host, HTTPS, NoError, 0, true),
            (&host, NS, NoError, 0, true),
            (&host, SOA, NoError, 0, true),
            (&host, ANY, NoError, 1, false),
            (&below, SRV, NXDomain, 0, true),
            ("canary.example.", A, NoError, 1, false),
            ("canary.example.", NS, NoError, 1, false),
            ("canary.example.", SOA, NoError, 1, false),
            ("canary.example.", TXT, NoError, 1, false),
            ("canary.example.", CAA, NoError, 1, false),
            ("canary.example.", MX, NoError, 0, true),
            ("canary.example.", AXFR, Refused, 0, false),
            ("NS.canary.example.", A, NoError, 1, false),
            ("_dmarc.canary.example.", TXT, NoError, 1, false),
            ("_dmarc.canary.example.", A, NoError, 0, true),
            ("www.canary.example.", A, NXDomain, 0, true),
            ("xcanary.example.", A, Refused, 0, false),
            ("example.", NS, Refused, 0, false),
            (".", NS, Refused, 0, false),
        ] {
            assert_eq!(
                ask(&authority, name, kind),
                (code, answers, denied),
                "{name} {kind}"
            );
        }
    }

    #[test]
    fn an_empty_non_terminal_is_there() {
        let mut authority = authority();
        let deep = Name::from_ascii("x.y.canary.example.").unwrap();
        authority.texts.push((deep, "deep"));
        let asked = |name| ask(&authority, name, RecordType::A);
        assert_eq!(asked("Y.canary.example."), (ResponseCode::NoError, 0, true));
        assert_eq!(
            asked("z.y.canary.example."),
            (ResponseCode::NXDomain, 0, true)
        );
    }

    #[test]
    fn the_proofs_of_an_order_are_there_while_it_is_open() {
        use RecordType::{A, TXT};
        use ResponseCode::{NXDomain, NoError};
        let authority = authority();
        let at = "_ACME-challenge.canary.example.";
        let below = "x._acme-challenge.canary.example.";
        let asked = |name, kind| ask(&authority, name, kind);
        assert_eq!(asked(at, TXT), (NXDomain, 0, true));
        let proving = authority.issuance.prove(vec!["one".into(), "two".into()]);
        assert_eq!(asked(at, TXT), (NoError, 2, false));
        assert_eq!(asked(at, A), (NoError, 0, true));
        assert_eq!(asked(below, TXT), (NXDomain, 0, true));
        drop(proving);
        assert_eq!(asked(at, TXT), (NXDomain, 0, true));
    }

    #[test]
    fn only_the_authority_in_use_may_issue() {
        let authority = authority();
        let said = || {
            let zone = Name::from_ascii("canary.example.").unwrap();
            let said = authority.answer(&Question::query(zone, RecordType::CAA));
            let texts = said.answers.iter().map(|record| record.data.to_string());
            texts.collect::<Vec<_>>()
        };
        assert_eq!(said(), ["0 issue \";\""]);
        authority.issuance.allow(["pki.example"]);
        assert_eq!(
            said(),
            ["0 issue \"pki.example\"", "0 issuewild \"pki.example\""]
        );
    }

    #[test]
    fn an_escaped_dot_makes_no_label() {
        let authority = authority();
        let mut labels: Vec<&[u8]> = vec![b"x.canary", b"example"];
        let name = Name::from_labels(labels.clone()).unwrap();
        assert_eq!(authority.front(&name), None);
        labels = vec![b"a.b", b"canary", b"EXAMPLE"];
        let name = Name::from_labels(labels).unwrap();
        assert_eq!(authority.front(&name), Some(vec![&b"a.b"[..]]));
    }
}
