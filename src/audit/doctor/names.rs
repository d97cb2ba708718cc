use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::NS as NsOf;
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::time::timeout;

use super::super::lookup::{by_tcp, by_udp};
use super::{Finding, PATIENCE};
use crate::canary::Zone;
use crate::model::Transport;

/// The zone, where it is answered for, and whom to ask for it as a stranger would.
#[derive(Debug)]
pub struct Names {
    /// The zone.
    pub zone: Zone,
    /// Where the collector answers for it.
    pub servers: Vec<SocketAddr>,
    /// Where its names are to lead; empty: not known.
    pub addresses: Vec<IpAddr>,
    /// A resolver that knows nothing of the collector but what the parent zone says.
    pub resolver: Option<SocketAddr>,
    /// A label that nobody has asked for: shaped like a token, and of both letters and digits.
    pub label: String,
}

impl Names {
    pub(super) async fn look(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for &server in &self.servers {
            found.push(self.authority(server, Transport::Udp).await);
            found.push(self.authority(server, Transport::Tcp).await);
            found.push(self.case(server).await);
            for kind in [RecordType::A, RecordType::AAAA] {
                found.push(self.leads(server, kind).await);
            }
            found.push(
                self.denial(server, "no-such-name", ResponseCode::NXDomain)
                    .await,
            );
            found.push(self.denial(server, "", ResponseCode::NoError).await);
        }
        found.push(self.delegation().await);
        found
    }

    /// Whether the server says, with authority, that the zone begins here.
    async fn authority(&self, server: SocketAddr, transport: Transport) -> Finding {
        let way = match transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let what = format!("names over {way} at {server}");
        let zone = self.zone.name();
        match ask(server, zone, RecordType::SOA, transport).await {
            Ok(said) => Finding::of(
                said.metadata.authoritative && begins_at(&said, zone),
                what,
                format!("{} to the SOA of {zone}", in_words(&said)),
                "check that waxseal answers there, with this --zone, and not another name server",
            ),
            Err(reason) => Finding::wrong(
                what,
                reason,
                format!(
                    "start `waxseal serve`, and let {way} through to port {}",
                    server.port()
                ),
            ),
        }
    }

    /// Resolvers mix the case of what they ask, and drop an answer that does not.
    async fn case(&self, server: SocketAddr) -> Finding {
        let what = format!("mixed case at {server}");
        let asked = mixed(&self.host());
        match ask(server, &asked, RecordType::A, Transport::Udp).await {
            Ok(said) => {
                let echoed = said.queries.first().map(|query| query.name.to_ascii());
                let echoed = echoed.unwrap_or_default();
                Finding::of(
                    echoed.trim_end_matches('.') == asked,
                    what,
                    "a name comes back in the case that it was asked in",
                    "something between here and waxseal rewrites DNS messages: take it out of the way",
                )
            }
            Err(reason) => Finding::wrong(what, reason, "let UDP through"),
        }
    }

    /// Whether a name in links leads where it should, in one family of addresses.
    async fn leads(&self, server: SocketAddr, kind: RecordType) -> Finding {
        let what = format!("{kind} at {server}");
        let said = match ask(server, &self.host(), kind, Transport::Udp).await {
            Ok(said) => said,
            Err(reason) => return Finding::wrong(what, reason, "let UDP through"),
        };
        let is_kind = |ip: &&IpAddr| ip.is_ipv4() == (kind == RecordType::A);
        let mut wanted: Vec<IpAddr> = self.addresses.iter().filter(is_kind).copied().collect();
        let mut got: Vec<IpAddr> = said
            .answers
            .iter()
            .filter_map(|one| address(&one.data))
            .collect();
        wanted.sort_unstable();
        got.sort_unstable();
        let listed: Vec<String> = got.iter().map(ToString::to_string).collect();
        if got.is_empty() {
            let denied = said.authorities.iter().any(is_soa);
            let seen = "there is none, and the answer says so with the zone's SOA";
            let advice = "name the address with --address, or check which zone is answered for";
            return Finding::of(denied && wanted.is_empty(), what, seen, advice);
        }
        Finding::of(
            self.addresses.is_empty() || got == wanted,
            what,
            format!("names in links lead to {}", listed.join(", ")),
            "the settings say otherwise: start waxseal again with them",
        )
    }

    /// What is not there must be denied with the SOA, or resolvers keep no denial and ask again.
    async fn denial(&self, server: SocketAddr, label: &str, code: ResponseCode) -> Finding {
        let (name, kind) = match label {
            "" => (self.zone.name().to_owned(), RecordType::MX),
            label => (format!("{label}.{}", self.zone.name()), RecordType::A),
        };
        let what = format!("denial of {kind} at {server}");
        match ask(server, &name, kind, Transport::Udp).await {
            Ok(said) => Finding::of(
                said.metadata.response_code == code
                    && said.answers.is_empty()
                    && said.authorities.iter().any(is_soa),
                what,
                format!("{} to {kind} of {name}", in_words(&said)),
                "check that waxseal answers there and not another name server",
            ),
            Err(reason) => Finding::wrong(what, reason, "let UDP through"),
        }
    }

    /// Whether somebody who knows only the parent zone comes to us: asked of a resolver, by a name that it cannot have
    /// kept.
    async fn delegation(&self) -> Finding {
        let (what, host) = ("delegation", self.host());
        let Some(resolver) = self.resolver else {
            let advice = "name a resolver with --resolver, such as a public one";
            return Finding::unsure(what, "this machine names no resolver", advice);
        };
        let advice = format!(
            "the parent of {zone} must say `{zone}. NS ns.{zone}.` and, as glue, where ns.{zone} is; after a change resolvers may take hours to forget",
            zone = self.zone
        );
        let zone = self.zone.name();
        let servers = ask_recursive(resolver, zone, RecordType::NS).await;
        let host = ask_recursive(resolver, &host, RecordType::A).await;
        match (servers, host) {
            (Ok(servers), Ok(host)) => {
                let ours = servers.answers.iter().any(|one| {
                    matches!(&one.data, RData::NS(NsOf(name)) if is_name(name, &format!("ns.{zone}")))
                });
                let leads = host.metadata.response_code == ResponseCode::NoError;
                let seen = format!(
                    "{resolver} says {} to the NS of {zone}, and {} to a fresh name in it",
                    in_words(&servers),
                    in_words(&host)
                );
                Finding::of(ours && leads, what, seen, advice)
            }
            (Err(reason), _) | (_, Err(reason)) => Finding::unsure(
                what,
                format!("{resolver}: {reason}"),
                "name another with --resolver",
            ),
        }
    }

    fn host(&self) -> String {
        format!("{}.{}", self.label, self.zone)
    }
}

/// Every other letter of a name in upper case.
fn mixed(name: &str) -> String {
    let turn = |(at, c): (usize, char)| match at % 2 {
        0 => c.to_ascii_uppercase(),
        _ => c,
    };
    name.chars().enumerate().map(turn).collect()
}

fn begins_at(said: &Message, zone: &str) -> bool {
    said.answers
        .iter()
        .any(|one| is_soa(one) && is_name(&one.name, zone))
}

fn is_soa(record: &hickory_proto::rr::Record) -> bool {
    matches!(record.data, RData::SOA(_))
}

fn is_name(name: &Name, text: &str) -> bool {
    name.to_ascii()
        .trim_end_matches('.')
        .eq_ignore_ascii_case(text)
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(four) => Some(IpAddr::V4(four.0)),
        RData::AAAA(six) => Some(IpAddr::V6(six.0)),
        _ => None,
    }
}

fn in_words(said: &Message) -> String {
    let (code, count) = (said.metadata.response_code, said.answers.len());
    match (code, count) {
        (ResponseCode::NoError, 1) => "one record".to_owned(),
        (ResponseCode::NoError, 0) => "no record".to_owned(),
        (ResponseCode::NoError, count) => format!("{count} records"),
        (code, _) => format!("\"{code}\""),
    }
}

async fn ask(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    transport: Transport,
) -> Result<Message, String> {
    answer(server, question(name, kind, false)?, transport).await
}

async fn ask_recursive(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
) -> Result<Message, String> {
    answer(server, question(name, kind, true)?, Transport::Udp).await
}

fn question(name: &str, kind: RecordType, recursive: bool) -> Result<Vec<u8>, String> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(|error| error.to_string())?;
    let mut name = Name::from_ascii(name).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    let mut message = Message::new(u16::from_be_bytes(id), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = recursive;
    message.add_query(Query::query(name, kind));
    message.to_vec().map_err(|error| error.to_string())
}

async fn answer(
    server: SocketAddr,
    asked: Vec<u8>,
    transport: Transport,
) -> Result<Message, String> {
    let answer = async {
        match transport {
            Transport::Udp => by_udp(server, &asked).await,
            Transport::Tcp => by_tcp(server, &asked).await,
        }
    };
    let bytes = timeout(PATIENCE, answer)
        .await
        .map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?
        .map_err(|error| error.to_string())?;
    match asked.get(..2) == bytes.get(..2) {
        true => Message::from_vec(&bytes).map_err(|error| error.to_string()),
        false => Err("an answer to another question".to_owned()),
    }
}
