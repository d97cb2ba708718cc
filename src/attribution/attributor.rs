use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use super::asn::AsnTable;
use super::catalogue::{Catalogue, Known as CatalogueEntry};
use super::clue::{Speaks, decide};
use super::visitor::Visitor;
use crate::model::{
    Actor, Confidence, DataVersion, Factor, FactorKind, Hit, Looked, Operator, Other, Registered,
};

/// How many visitors are remembered: they come again, with the same agent from the same address.
const REMEMBERED: usize = 1 << 16;

/// What a run knows of the service it audits, and of its own identities.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Networks that the service fetches from, by the scenario.
    pub networks: Vec<IpNet>,
    /// What its user agents hold, by the scenario.
    pub agents: Vec<String>,
    /// Whose machines it fetches with.
    pub operators: Vec<Operator>,
    /// Who else comes for its links, by the scenario: never the service itself.
    pub others: Vec<Other>,
    /// Networks that our own identities go out from.
    pub registered: Vec<Registered>,
}

/// What is known of everybody: it stays the same for all variants of a run.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// Known companies.
    pub catalogue: &'a Catalogue,
    /// A table of autonomous systems that counts before what a run wrote down.
    pub table: Option<&'a AsnTable>,
}

impl Sources<'static> {
    /// What comes with the program.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            catalogue: Catalogue::built_in(),
            table: None,
        }
    }
}

impl Sources<'_> {
    /// Which state of which data they are.
    #[must_use]
    pub fn versions(&self) -> Vec<DataVersion> {
        let table = self.table.map(AsnTable::version);
        self.catalogue.versions().chain(table).cloned().collect()
    }
}

/// Who it was, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// Who.
    pub actor: Actor,
    /// The factors, strongest first; none hides another.
    pub factors: Arc<[Factor]>,
    /// How sure that is; none where nothing tells who it was.
    pub confidence: Option<Confidence>,
}

/// Says of every hit of one variant who it was. It is made once, and may be asked from several threads.
#[derive(Debug)]
pub struct Attributor<'a> {
    pub(super) sources: Sources<'a>,
    pub(super) known: Known,
    /// Places in the catalogue of those whose machines the service fetches with.
    pub(super) places: Vec<usize>,
    pub(super) looked: HashMap<IpAddr, &'a Looked>,
    remembered: Mutex<HashMap<Visitor, Attribution>>,
}

impl<'a> Attributor<'a> {
    /// For a service, with what was found out about its visitors' addresses.
    #[must_use]
    pub fn new(
        known: Known,
        sources: Sources<'a>,
        looked: impl IntoIterator<Item = &'a Looked>,
    ) -> Self {
        let places = known.operators.iter();
        let places = places.filter_map(|&operator| sources.catalogue.place(operator));
        // What was found out last counts, in whatever order it was written down.
        let mut looked: Vec<&Looked> = looked.into_iter().collect();
        looked.sort_by_key(|one| one.at);
        let looked = looked.into_iter();
        Self {
            places: places.collect(),
            looked: looked
                .map(|one| (one.address.to_canonical(), one))
                .collect(),
            remembered: Mutex::default(),
            sources,
            known,
        }
    }

    /// Says who a hit came from.
    #[must_use]
    pub fn attribute(&self, hit: &Hit) -> Attribution {
        let visitor = Visitor::of(hit);
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered.get(&visitor) {
            return known.clone();
        }
        let found = self.find(&visitor);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(visitor, found.clone());
        found
    }

    /// Whether the service may be behind an address: always, unless it is known from where it comes, and not from there, or
    /// who else does.
    #[must_use]
    pub fn may_be_provider(&self, address: IpAddr) -> bool {
        let mut known = self.under_audit();
        let is_listed = !self.known.networks.is_empty()
            || (!self.places.is_empty() && known.all(|one| one.has_networks && !one.agent_alone));
        let mut clues = self.at(address, FactorKind::Network).into_iter();
        let is_anybody = !is_listed && self.others(address).next().is_none();
        is_anybody || clues.any(|clue| matches!(clue.speaks, Speaks::Provider { .. }))
    }

    fn find(&self, visitor: &Visitor) -> Attribution {
        let mut clues = self.clues(visitor);
        let (actor, confidence) = decide(&clues, visitor.trace);
        clues.sort_by_key(|clue| (clue.factor.kind, matches!(clue.speaks, Speaks::Nobody)));
        Attribution {
            actor,
            confidence,
            factors: clues.into_iter().map(|clue| clue.factor).collect(),
        }
    }

    /// Those whose machines the service fetches with.
    pub(super) fn under_audit(&self) -> impl Iterator<Item = &CatalogueEntry> {
        let catalogue = self.sources.catalogue;
        self.places.iter().filter_map(|&who| catalogue.known(who))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        Account, Arm, Bytes, DataVersion, Door, Form, HitKind, LookedAsn, LookedName, Part, Place,
        Query, Recognition, Request, RunId, TokenId, Transport, TrialId,
    };

    const LINK: TokenId = TokenId {
        run: RunId(1),
        trial: TrialId(1),
        arm: Arm::Sent,
        form: Form::Http,
        part: Part::Link,
    };

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
            recognition: Recognition::intact(Place::Path, &[LINK]),
        }
    }

    fn at(address: &str, agent: &str) -> Hit {
        let address: IpAddr = address.parse().unwrap();
        hit(
            Door::Public,
            &std::net::SocketAddr::new(address, 4).to_string(),
            agent,
        )
    }

    fn dns(address: &str) -> Hit {
        let mut hit = at(address, "");
        hit.kind = HitKind::Dns(Query {
            transport: Transport::Udp,
            id: 1,
            flags: 0,
            name: "token.canary.example.".into(),
            class: 1,
            type_code: 1,
            type_name: "A".into(),
            edns: None,
            reply: None,
        });
        hit
    }

    fn forwarded(mut hit: Hit, address: &str) -> Hit {
        if let HitKind::Http(request) = &mut hit.kind {
            request.forwarded = Some(address.parse().unwrap());
        }
        hit
    }

    fn known(networks: &[&str]) -> Known {
        Known {
            networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
            agents: vec!["LabBot".to_owned()],
            ..Known::default()
        }
    }

    fn service(operator: Operator) -> Known {
        Known {
            operators: vec![operator],
            ..Known::default()
        }
    }

    fn with_phone(operator: Operator) -> Known {
        let network = "203.0.113.7/32".parse().unwrap();
        Known {
            registered: vec![Registered {
                account: Account::Sender,
                network,
            }],
            ..service(operator)
        }
    }

    fn looked(address: &str, names: &[(&str, bool)], asn: Option<(u32, &str)>) -> Looked {
        let name = |(name, confirmed): &(&str, bool)| LookedName {
            name: (*name).to_owned(),
            confirmed: *confirmed,
        };
        let table = DataVersion {
            source: "asn.csv".to_owned(),
            version: "sha256:00".to_owned(),
        };
        Looked {
            address: address.parse().unwrap(),
            at: "2026-11-23T11:00:00Z".parse().unwrap(),
            names: names.iter().map(name).collect(),
            asn: asn.map(|(number, org)| LookedAsn {
                number,
                org: org.to_owned(),
                prefix: None,
                table,
            }),
            error: None,
        }
    }

    fn who(known: Known, looked: &[Looked], hit: &Hit) -> (Actor, Option<Confidence>) {
        let found = Attributor::new(known, Sources::built_in(), looked).attribute(hit);
        (found.actor, found.confidence)
    }

    fn says(known: Known, looked: &[Looked], hit: &Hit) -> Vec<String> {
        let found = Attributor::new(known, Sources::built_in(), looked).attribute(hit);
        found.factors.iter().map(ToString::to_string).collect()
    }

    const HIGH: Option<Confidence> = Some(Confidence::High);
    const MEDIUM: Option<Confidence> = Some(Confidence::Medium);
    const LOW: Option<Confidence> = Some(Confidence::Low);

    #[test]
    fn an_own_door_outranks_everything() {
        let door = Door::Browser {
            account: Account::Recipient,
            sealed: true,
        };
        let hit = hit(door, "127.0.0.1:4", "LabBot/1");
        assert_eq!(
            who(known(&["127.0.0.0/8"]), &[], &hit),
            (Actor::Recipient, HIGH)
        );
        assert_eq!(
            says(known(&["127.0.0.0/8"]), &[], &hit),
            [
                "the recipient's own door",
                "address in 127.0.0.0/8",
                "agent says `LabBot`"
            ]
        );
    }

    #[test]
    fn an_address_outranks_an_agent() {
        let lab = || known(&["10.0.0.0/8"]);
        assert_eq!(
            who(lab(), &[], &at("10.1.2.3", "curl")),
            (Actor::Provider, MEDIUM)
        );
        assert_eq!(
            who(lab(), &[], &at("10.1.2.3", "LabBot/1")),
            (Actor::Provider, HIGH)
        );
        assert_eq!(
            who(lab(), &[], &at("::ffff:10.1.2.3", "curl")).0,
            Actor::Provider
        );
        assert_eq!(
            who(lab(), &[], &at("192.0.2.1", "LabBot/1")),
            (Actor::Unknown, None)
        );
    }

    /// Whom one's own proxies forwarded for is a factor of its own, and the peer stays what it is.
    #[test]
    fn whom_a_proxy_forwarded_for_counts_where_it_is_known() {
        let lab = || known(&["192.0.2.0/24"]);
        assert_eq!(who(lab(), &[], &at("10.0.0.1", "curl")).0, Actor::Unknown);
        let hit = forwarded(at("10.0.0.1", "curl"), "192.0.2.7");
        assert_eq!(who(lab(), &[], &hit).0, Actor::Provider);
        assert_eq!(
            says(lab(), &[], &hit),
            ["forwarded for an address in 192.0.2.0/24"]
        );
    }

    #[test]
    fn without_networks_an_agent_is_all_there_is() {
        assert_eq!(
            who(known(&[]), &[], &at("192.0.2.1", "LabBot/1")),
            (Actor::Provider, LOW)
        );
        assert_eq!(
            who(known(&[]), &[], &at("192.0.2.1", "curl")),
            (Actor::Unknown, None)
        );
    }

    #[test]
    fn a_phone_that_is_registered_is_no_provider() {
        let hit = at("203.0.113.7", "WhatsApp/2.23.20.0 A");
        assert_eq!(
            who(with_phone(Operator::WhatsApp), &[], &hit),
            (Actor::Sender, HIGH)
        );
        assert_eq!(
            says(with_phone(Operator::WhatsApp), &[], &hit),
            [
                "registered address of the sender, in 203.0.113.7/32",
                "agent says `WhatsApp/d+.` (WhatsApp)"
            ]
        );
        // Not registered, it is still not WhatsApp: anybody's phone says so.
        assert_eq!(
            who(service(Operator::WhatsApp), &[], &hit),
            (Actor::Unknown, None)
        );
        let own = at("157.240.1.1", "WhatsApp/2.23.20.0 N");
        assert_eq!(
            who(service(Operator::WhatsApp), &[], &own),
            (Actor::Provider, MEDIUM)
        );
    }

    /// Where the scenario names who it is, neither a wider network of the service nor its agent makes the service of it; nor
    /// is a look-up from there anybody's.
    #[test]
    fn whom_the_scenario_names_is_a_third_party_and_never_the_service() {
        let scanner = || Known {
            others: vec![Other {
                name: "LinkScan".to_owned(),
                networks: vec!["10.9.0.0/16".parse().unwrap()],
            }],
            ..known(&["10.0.0.0/8"])
        };
        let hit = at("10.9.0.1", "LabBot/1");
        assert_eq!(who(scanner(), &[], &hit), (Actor::ThirdParty, MEDIUM));
        assert_eq!(
            says(scanner(), &[], &hit),
            [
                "address in 10.9.0.0/16 (LinkScan)",
                "address in 10.0.0.0/8",
                "agent says `LabBot`"
            ]
        );
        let look_up = dns("10.9.0.1");
        assert_eq!(who(scanner(), &[], &look_up), (Actor::ThirdParty, MEDIUM));
        assert_eq!(
            who(scanner(), &[], &at("10.8.0.1", "curl")).0,
            Actor::Provider
        );
        let anywhere = Known {
            networks: Vec::new(),
            ..scanner()
        };
        let attributor = Attributor::new(anywhere, Sources::built_in(), &[]);
        assert!(attributor.may_be_provider("10.8.0.1".parse().unwrap()));
        assert!(!attributor.may_be_provider("10.9.0.1".parse().unwrap()));
    }

    /// Signal Desktop says `WhatsApp/2`.
    #[test]
    fn signal_desktop_is_not_whatsapp() {
        let hit = at("203.0.113.7", "WhatsApp/2");
        assert_eq!(
            who(with_phone(Operator::Signal), &[], &hit).0,
            Actor::Sender
        );
        assert_eq!(who(service(Operator::Signal), &[], &hit).0, Actor::Unknown);
        assert_eq!(
            who(service(Operator::WhatsApp), &[], &hit).0,
            Actor::Unknown
        );
        assert_eq!(
            says(service(Operator::WhatsApp), &[], &hit),
            ["agent says `^WhatsApp/2$` (Signal)"]
        );
    }

    #[test]
    fn imessage_is_neither_facebook_nor_x() {
        let agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) \
                     Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0";
        let hit = at("198.51.100.9", agent);
        for operator in [Operator::Meta, Operator::X, Operator::Apple] {
            let names = says(service(operator), &[], &hit);
            assert_eq!(
                names,
                ["agent says `facebookexternalhit/1.1 Facebot Twitterbot/1.0` (Apple)"]
            );
            assert_eq!(
                who(service(operator), &[], &hit).0,
                Actor::Unknown,
                "{operator}"
            );
        }
    }

    #[test]
    fn the_lounge_is_neither_facebook_nor_x() {
        let agent = "Mozilla/5.0 (compatible; The Lounge IRC Client; +https://github.com/thelounge/thelounge) \
                     facebookexternalhit/1.1 Twitterbot/1.0";
        let hit = at("198.51.100.9", agent);
        assert_eq!(
            says(service(Operator::Meta), &[], &hit),
            ["agent says `The Lounge IRC Client` (The Lounge)"]
        );
        assert_eq!(who(service(Operator::Meta), &[], &hit).0, Actor::Unknown);
        assert_eq!(who(service(Operator::X), &[], &hit).0, Actor::Unknown);
        assert_eq!(
            who(service(Operator::TheLounge), &[], &hit),
            (Actor::Provider, LOW)
        );
        let lab = Known {
            networks: vec!["198.51.100.0/24".parse().unwrap()],
            ..service(Operator::TheLounge)
        };
        assert_eq!(who(lab, &[], &hit), (Actor::Provider, HIGH));
    }

    #[test]
    fn line_is_known_by_its_system_and_not_by_the_agent_it_borrows() {
        let agent = "facebookexternalhit/1.1;line-poker/1.0";
        assert_eq!(
            who(service(Operator::Line), &[], &at("147.92.150.1", agent)),
            (Actor::Provider, MEDIUM)
        );
        assert_eq!(
            says(service(Operator::Line), &[], &at("147.92.150.1", agent)),
            [
                "address of AS38631 (LINE)",
                "agent says `line-poker/` (LINE)"
            ]
        );
        assert_eq!(
            who(service(Operator::Meta), &[], &at("147.92.150.1", agent)),
            (Actor::ThirdParty, MEDIUM)
        );
        assert_eq!(
            who(service(Operator::Line), &[], &at("198.51.100.9", agent)),
            (Actor::Unknown, None)
        );
        // A table of today knows a network that the program does not.
        let new = [looked("198.51.100.9", &[], Some((38631, "LY Corporation")))];
        assert_eq!(
            who(service(Operator::Line), &new, &at("198.51.100.9", agent)),
            (Actor::Provider, MEDIUM)
        );
    }

    #[test]
    fn a_homeserver_is_known_by_its_networks_and_else_by_its_agent() {
        let hit = at(
            "198.51.100.9",
            "Synapse (bot; +https://github.com/matrix-org/synapse)",
        );
        assert_eq!(
            who(service(Operator::Synapse), &[], &hit),
            (Actor::Provider, LOW)
        );
        let lab = |network: &str| Known {
            networks: vec![network.parse().unwrap()],
            ..service(Operator::Synapse)
        };
        assert_eq!(
            who(lab("198.51.100.9/32"), &[], &hit),
            (Actor::Provider, HIGH)
        );
        assert_eq!(who(lab("192.0.2.9/32"), &[], &hit), (Actor::Unknown, None));
    }

    #[test]
    fn a_tenant_of_the_cloud_is_not_whose_cloud_it_is() {
        let azure = [looked(
            "20.1.2.3",
            &[],
            Some((8075, "MICROSOFT-CORP-MSN-AS-BLOCK")),
        )];
        let teams = || service(Operator::MicrosoftTeams);
        assert_eq!(
            who(teams(), &azure, &at("20.1.2.3", "curl/8")),
            (Actor::Unknown, None)
        );
        assert_eq!(
            says(teams(), &azure, &at("20.1.2.3", "curl/8")),
            [
                "address of AS8075 (MICROSOFT-CORP-MSN-AS-BLOCK)",
                "address of AS8075, where Microsoft Teams stands, and others do (MICROSOFT-CORP-MSN-AS-BLOCK)"
            ]
        );
        let agent = "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5";
        assert_eq!(
            who(teams(), &azure, &at("20.1.2.3", agent)),
            (Actor::Provider, MEDIUM)
        );
        assert_eq!(
            who(teams(), &[], &at("20.1.2.3", agent)),
            (Actor::Provider, LOW)
        );
        let elsewhere = [looked("20.1.2.3", &[], Some((3320, "DTAG")))];
        assert_eq!(
            who(teams(), &elsewhere, &at("20.1.2.3", agent)),
            (Actor::Unknown, None)
        );
        assert_eq!(
            who(teams(), &[], &at("52.113.1.1", "curl/8")),
            (Actor::Provider, MEDIUM)
        );
    }

    #[test]
    fn a_name_counts_only_where_it_leads_back() {
        let meta = || service(Operator::Meta);
        let name = "fwdproxy-ash-116.fbsv.net";
        let hit = at("198.51.100.9", "curl/8");
        let confirmed = [looked("198.51.100.9", &[(name, true)], None)];
        assert_eq!(who(meta(), &confirmed, &hit), (Actor::Provider, MEDIUM));
        let lying = [looked("198.51.100.9", &[(name, false)], None)];
        assert_eq!(who(meta(), &lying, &hit), (Actor::Unknown, None));
        assert_eq!(
            says(meta(), &lying, &hit),
            ["named fwdproxy-ash-116.fbsv.net, which does not lead back to it"]
        );
        let longer = [looked(
            "198.51.100.9",
            &[("fwdproxy-1.fbsv.net.example.org", true)],
            None,
        )];
        assert_eq!(who(meta(), &longer, &hit), (Actor::Unknown, None));
    }

    #[test]
    fn others_who_are_known_are_third_parties_and_scanners_without_the_link_are_background() {
        let slack = || service(Operator::Slack);
        assert_eq!(
            who(slack(), &[], &at("149.154.161.9", "curl/8")),
            (Actor::ThirdParty, HIGH)
        );
        assert_eq!(
            who(slack(), &[], &at("198.51.100.9", "virustotalcloud")),
            (Actor::ThirdParty, LOW)
        );
        assert_eq!(
            who(
                slack(),
                &[],
                &at("198.51.100.9", "TelegramBot (like TwitterBot)")
            ),
            (Actor::Unknown, None)
        );
        let mut censys = at(
            "162.142.125.7",
            "Mozilla/5.0 (compatible; CensysInspect/1.1)",
        );
        assert_eq!(
            who(slack(), &[], &censys),
            (Actor::ThirdParty, HIGH),
            "it had the link"
        );
        let host = TokenId {
            part: Part::Host,
            ..LINK
        };
        censys.recognition = Recognition::intact(Place::Host, &[host]);
        assert_eq!(who(slack(), &[], &censys), (Actor::Background, HIGH));
        let mut bot = at("198.51.100.9", "");
        bot.recognition = Recognition::none();
        assert_eq!(who(slack(), &[], &bot), (Actor::Background, None));
    }

    /// Google looks names up for everybody, and for itself.
    #[test]
    fn a_look_up_by_a_public_resolver_is_nobodys() {
        let hit = dns("198.51.100.9");
        let google = [looked("198.51.100.9", &[], Some((15169, "GOOGLE")))];
        let line = [looked("198.51.100.9", &[], Some((38631, "LY Corporation")))];
        assert_eq!(
            who(service(Operator::Google), &google, &hit),
            (Actor::Unknown, None)
        );
        assert_eq!(
            who(service(Operator::Slack), &google, &hit),
            (Actor::Unknown, None)
        );
        assert_eq!(
            who(service(Operator::Line), &line, &hit),
            (Actor::Provider, MEDIUM)
        );
        assert_eq!(
            says(service(Operator::Google), &google, &hit),
            ["address of AS15169 (Google)"]
        );
    }

    /// A proxy of our own that stands beside our phone, or at somebody who is known, says nothing of whom it forwards for.
    #[test]
    fn a_proxys_own_address_speaks_for_nobody() {
        let through = |peer: &str| forwarded(at(peer, "curl/8"), "192.0.2.7");
        assert_eq!(
            who(with_phone(Operator::Slack), &[], &through("203.0.113.7")),
            (Actor::Unknown, None)
        );
        assert_eq!(
            who(service(Operator::Slack), &[], &through("149.154.161.9")),
            (Actor::Unknown, None)
        );
        assert_eq!(
            who(service(Operator::Telegram), &[], &through("149.154.161.9")),
            (Actor::Unknown, None)
        );
        let phone = forwarded(at("149.154.161.9", "curl/8"), "203.0.113.7");
        assert_eq!(
            who(with_phone(Operator::Telegram), &[], &phone),
            (Actor::Sender, HIGH)
        );
    }

    /// Slack's agent from Telegram's network is not Slack.
    #[test]
    fn another_companys_network_outranks_an_agent() {
        let hit = at(
            "149.154.161.9",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        );
        assert_eq!(
            who(service(Operator::Slack), &[], &hit),
            (Actor::ThirdParty, HIGH)
        );
        assert_eq!(
            who(service(Operator::Telegram), &[], &hit),
            (Actor::Provider, HIGH)
        );
    }

    #[test]
    fn a_table_of_today_counts_before_what_the_run_wrote_down() {
        let csv = b"198.51.100.0,198.51.100.255,38631,\"LY Corporation\"\n".to_vec();
        let table = AsnTable::read("today.csv", csv).unwrap();
        let then = [looked("198.51.100.9", &[], Some((3320, "DTAG")))];
        let sources = Sources {
            table: Some(&table),
            ..Sources::built_in()
        };
        let attributor = Attributor::new(service(Operator::Line), sources, &then);
        let found = attributor.attribute(&at("198.51.100.9", "curl/8"));
        assert_eq!(found.actor, Actor::Provider);
        assert_eq!(found.factors[0].data.as_ref(), Some(table.version()));
    }

    #[test]
    fn the_service_may_be_anywhere_unless_all_its_networks_are_known() {
        let may = |known: Known, address: &str| {
            Attributor::new(known, Sources::built_in(), &[])
                .may_be_provider(address.parse().unwrap())
        };
        assert!(may(Known::default(), "192.0.2.1"));
        assert!(!may(known(&["10.0.0.0/8"]), "192.0.2.1"));
        assert!(may(known(&["10.0.0.0/8"]), "10.0.0.1"));
        assert!(may(service(Operator::Slack), "192.0.2.1"));
        assert!(!may(service(Operator::Telegram), "192.0.2.1"));
        assert!(may(service(Operator::Telegram), "149.154.161.1"));
    }

    /// What a visitor may have about it.
    fn visits() -> impl Strategy<Value = (Option<usize>, Option<usize>, Option<usize>, bool, bool)>
    {
        let some = |count: usize| prop::option::of(0..count);
        (some(4), some(3), some(3), any::<bool>(), any::<bool>())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A factor never disappears because another is there.
        #[test]
        fn no_factor_hides_another(
            (agent, name, asn, through, own) in visits(),
            dropped in 0..5_usize,
            address in prop::sample::select(vec!["149.154.161.9", "157.240.1.1", "192.0.2.1", "203.0.113.7"]),
        ) {
            let factors = |agent: Option<usize>, name: Option<usize>, asn: Option<usize>, through, own| {
                let agents = ["Slackbot 1.0", "facebookexternalhit/1.1", "LabBot", "zgrab/0.x"];
                let names = ["fwdproxy-1.fbsv.net", "x.search.msn.com", "host.example.org"];
                let asns = [(32934, "Facebook"), (14618, "Amazon"), (3320, "DTAG")];
                let door = if own {
                    Door::Browser { account: Account::Sender, sealed: true }
                } else {
                    Door::Public
                };
                let mut visit = at(address, agent.map_or("", |one| agents[one]));
                visit.door = door;
                let visit = if through { forwarded(visit, "91.108.4.1") } else { visit };
                let name: Vec<_> = name.map(|one| (names[one], one != 1)).into_iter().collect();
                let looked = [looked(address, &name, asn.map(|one| asns[one]))];
                let known = Known { agents: vec!["LabBot".to_owned()], ..with_phone(Operator::Slack) };
                says(known, &looked, &visit)
            };
            let all = factors(agent, name, asn, through, own);
            let fewer = match dropped {
                0 => factors(None, name, asn, through, own),
                1 => factors(agent, None, asn, through, own),
                2 => factors(agent, name, None, through, own),
                3 => factors(agent, name, asn, false, own),
                _ => factors(agent, name, asn, through, false),
            };
            for factor in fewer {
                prop_assert!(all.contains(&factor), "{factor} is not among {all:?}");
            }
        }
    }
}
