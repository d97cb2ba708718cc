//! What is found out about visitors' addresses: once, after a run, and written down, so that judging asks nobody.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::event::{Event, Teller};
use super::lookup::{Failed, by_tcp, by_udp};
use crate::attribution::AsnTable;
use crate::model::{Door, Evidence, Hit, HitKind, Looked, LookedName, Record, RunId, Timestamp};
use crate::store::{EvidenceStore, StoreError};

/// So many addresses are asked about: more visitors than that are a crowd, and no resolver is a crowd's.
const MOST_ADDRESSES: usize = 256;
/// So many names of one address: whoever holds it can write as many as they like.
const MOST_NAMES: usize = 4;
/// At once.
const AT_ONCE: usize = 16;
/// For one question; resolvers give up after about as long.
const PATIENCE: Duration = Duration::from_secs(3);
/// For all of them.
const ALTOGETHER: Duration = Duration::from_secs(60);

/// Whom and what to ask about visitors' addresses.
#[derive(Debug, Clone, Default)]
pub struct Inquiry {
    /// The resolver to ask for their names; none: nobody.
    pub resolver: Option<SocketAddr>,
    /// Also about addresses that mean something only here, such as those of loopback and private networks: whoever names
    /// a resolver says that it knows them.
    pub local: bool,
    /// Where their autonomous systems are looked up.
    pub table: Option<Arc<AsnTable>>,
}

impl Inquiry {
    /// Finds out about everybody who came to the public door with a link of this run, and writes it down.
    pub(super) async fn make(
        &self,
        store: &dyn EvidenceStore,
        run: RunId,
        teller: &Teller,
    ) -> Result<(), StoreError> {
        if self.resolver.is_none() && self.table.is_none() {
            return Ok(());
        }
        let visitors = visitors(&store.evidence(run).await?);
        let (few, left) = visitors.split_at(visitors.len().min(MOST_ADDRESSES));
        let asked = few
            .iter()
            .filter(|address| self.whom(**address).is_some())
            .count();
        if asked > 0 {
            teller.tell(Event::Asking(asked));
        }
        let over = Instant::now() + ALTOGETHER;
        for some in few.chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            for (place, &visitor) in some.iter().enumerate() {
                let inquiry = self.clone();
                asked.spawn(async move { (place, inquiry.about(visitor, over).await) });
            }
            let mut found = asked.join_all().await;
            found.sort_by_key(|(place, _)| *place);
            for looked in found.into_iter().filter_map(|(_, looked)| looked) {
                store.append(run, &Record::Looked(looked)).await?;
            }
        }
        if let Some(looked) = crowd(left) {
            store.append(run, &Record::Looked(looked)).await?;
        }
        Ok(())
    }

    /// The resolver to ask about an address.
    fn whom(&self, address: IpAddr) -> Option<SocketAddr> {
        self.resolver
            .filter(|_| self.local || is_of_the_world(address))
    }

    /// None where there is nothing to say.
    async fn about(&self, address: IpAddr, over: Instant) -> Option<Looked> {
        let mut looked = Looked {
            address,
            at: Timestamp::now(),
            names: Vec::new(),
            asn: self.table.as_ref().and_then(|table| table.find(address)),
            error: None,
        };
        let resolver = self.whom(address);
        if let Some(resolver) = resolver {
            match timeout_at(over, names(resolver, address)).await {
                Ok(Ok(names)) => looked.names = names,
                Ok(Err(error)) => looked.error = Some(error.to_string()),
                Err(_) => looked.error = Some("not asked any more: it took too long".to_owned()),
            }
        }
        (resolver.is_some() || looked.asn.is_some()).then_some(looked)
    }
}

/// The addresses of whoever had a link of this run at the public door, each once, in the order in which they came.
fn visitors(evidence: &Evidence) -> Vec<IpAddr> {
    let hits = evidence
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Hit(hit) if hit.door == Door::Public => Some(hit),
            _ => None,
        });
    let mut seen = HashSet::new();
    hits.filter(|hit| names_a_link(hit, evidence.run))
        .flat_map(addresses)
        .filter(|address| seen.insert(*address))
        .collect()
}

/// What is said of the first of those who are too many to be asked about.
fn crowd(left: &[IpAddr]) -> Option<Looked> {
    let error = format!(
        "not asked, nor were {} more after it: at most {MOST_ADDRESSES} addresses are",
        left.len().saturating_sub(1)
    );
    left.first().map(|&address| Looked {
        address,
        at: Timestamp::now(),
        names: Vec::new(),
        asn: None,
        error: Some(error),
    })
}

fn names_a_link(hit: &Hit, run: RunId) -> bool {
    let mut tokens = hit.recognition.matches.iter().filter_map(|one| one.token);
    tokens.any(|token| token.run == run)
}

/// The peer's, and that of whom a declared proxy forwarded for.
fn addresses(hit: &Hit) -> impl Iterator<Item = IpAddr> + use<> {
    let forwarded = match &hit.kind {
        HitKind::Http(request) => request.forwarded,
        _ => None,
    };
    let both = std::iter::once(hit.peer.ip()).chain(forwarded);
    both.map(|address| address.to_canonical())
}

/// Whether an address means the same to everybody (RFC 6890). What stands in a private network is nobody else's business.
fn is_of_the_world(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [first, second, ..] = four.octets();
            let shared = first == 100 && (64..128).contains(&second);
            !(four.is_loopback()
                || four.is_private()
                || four.is_link_local()
                || four.is_unspecified()
                || four.is_multicast()
                || four.is_broadcast()
                || four.is_documentation()
                || shared)
        }
        IpAddr::V6(six) => {
            let documentation = six.segments()[..2] == [0x2001, 0x0db8];
            !(six.is_loopback()
                || six.is_unspecified()
                || six.is_multicast()
                || six.is_unique_local()
                || six.is_unicast_link_local()
                || documentation)
        }
    }
}

/// The names of an address, each with whether it leads back.
async fn names(resolver: SocketAddr, address: IpAddr) -> Result<Vec<LookedName>, Failed> {
    let reverse = Name::from(address);
    let answer = ask(resolver, reverse, RecordType::PTR).await?;
    let names = answer
        .answers
        .into_iter()
        .filter_map(|record| match record.data {
            RData::PTR(name) => Some(name.0),
            _ => None,
        });
    let mut found = Vec::new();
    for name in names.take(MOST_NAMES) {
        let confirmed = leads_back(resolver, &name, address).await;
        let name = name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
        found.push(LookedName { name, confirmed });
    }
    Ok(found)
}

/// A name that cannot be looked up does not lead back.
async fn leads_back(resolver: SocketAddr, name: &Name, address: IpAddr) -> bool {
    let kind = match address {
        IpAddr::V4(_) => RecordType::A,
        IpAddr::V6(_) => RecordType::AAAA,
    };
    let Ok(answer) = ask(resolver, name.clone(), kind).await else {
        return false;
    };
    answer.answers.iter().any(|record| match &record.data {
        RData::A(four) => IpAddr::V4(four.0) == address,
        RData::AAAA(six) => IpAddr::V6(six.0) == address,
        _ => false,
    })
}

/// Asks by UDP, and again by TCP where the answer was cut short.
async fn ask(resolver: SocketAddr, name: Name, kind: RecordType) -> Result<Message, Failed> {
    let mut id = [0; 2];
    getrandom::fill(&mut id)?;
    let mut message = Message::new(u16::from_be_bytes(id), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let query = Query::query(name, kind);
    message.add_query(query.clone());
    let asked = message.to_vec()?;
    let late = |_| format!("no answer within {} s", PATIENCE.as_secs());
    let answer = timeout(PATIENCE, by_udp(resolver, &asked))
        .await
        .map_err(late)??;
    let mut answer = Message::from_vec(&answer)?;
    if answer.metadata.truncation {
        let whole = timeout(PATIENCE, by_tcp(resolver, &asked))
            .await
            .map_err(late)??;
        answer = Message::from_vec(&whole)?;
    }
    let is_to_this = answer.metadata.id == message.metadata.id && answer.queries == [query];
    if is_to_this {
        Ok(answer)
    } else {
        Err("an answer to another question".into())
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{MessageType, ResponseCode};
    use hickory_proto::rr::Record as Answer;
    use hickory_proto::rr::rdata::{A, PTR};
    use tokio::net::UdpSocket;

    use super::*;
    use crate::model::{Arm, Bytes, Form, Part, Place, Recognition, Request, TokenId, TrialId};
    use crate::store::Store;

    const RUN: RunId = RunId(7);

    /// A resolver that knows some names, until it is dropped.
    struct Resolver {
        at: SocketAddr,
        task: tokio::task::JoinHandle<()>,
    }

    impl Drop for Resolver {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    impl Resolver {
        async fn start(records: &'static [(&'static str, &'static str)]) -> Self {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let at = socket.local_addr().unwrap();
            let task = tokio::spawn(async move {
                let mut bytes = [0; 512];
                while let Ok((length, peer)) = socket.recv_from(&mut bytes).await {
                    let asked = Message::from_vec(&bytes[..length]).unwrap();
                    let _ = socket.send_to(&answer(&asked, records), peer).await;
                }
            });
            Self { at, task }
        }

        fn inquiry(&self) -> Inquiry {
            Inquiry {
                resolver: Some(self.at),
                local: true,
                table: None,
            }
        }
    }

    fn answer(asked: &Message, records: &[(&str, &str)]) -> Vec<u8> {
        let query = asked.queries[0].clone();
        let mut said = Message::new(asked.metadata.id, MessageType::Response, OpCode::Query);
        said.metadata.response_code = ResponseCode::NoError;
        let name = query.name().to_ascii();
        for (_, value) in records
            .iter()
            .filter(|(key, _)| name.eq_ignore_ascii_case(key))
        {
            let data = match query.query_type() {
                RecordType::PTR => RData::PTR(PTR(Name::from_ascii(value).unwrap())),
                _ => RData::A(A(value.parse().unwrap())),
            };
            said.add_answer(Answer::from_rdata(query.name().clone(), 60, data));
        }
        said.add_query(query);
        said.to_vec().unwrap()
    }

    fn hit(peer: &str, door: Door, run: RunId, forwarded: Option<&str>) -> Record {
        let token = TokenId {
            run,
            trial: TrialId(0),
            arm: Arm::Sent,
            form: Form::Http,
            part: Part::Link,
        };
        Record::Hit(Hit {
            received: Timestamp::now(),
            door,
            peer: peer.parse().unwrap(),
            kind: HitKind::Http(Request {
                method: "GET".into(),
                target: Bytes::default(),
                version: "HTTP/1.1".into(),
                tls: false,
                opening: None,
                forwarded: forwarded.map(|address| address.parse().unwrap()),
                headers: Vec::new(),
            }),
            recognition: Recognition::intact(Place::Path, &[token]),
        })
    }

    /// What is written down about these visitors.
    async fn made(inquiry: &Inquiry, hits: &[Record]) -> Vec<Looked> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("evidence.db")).unwrap();
        for hit in hits {
            EvidenceStore::append(&store, RUN, hit).await.unwrap();
        }
        inquiry.make(&store, RUN, &Teller::new().0).await.unwrap();
        let evidence = EvidenceStore::evidence(&store, RUN).await.unwrap();
        let looked = evidence
            .entries
            .into_iter()
            .filter_map(|entry| match entry.record {
                Record::Looked(looked) => Some(looked),
                _ => None,
            });
        looked.collect()
    }

    fn named(name: &str, confirmed: bool) -> LookedName {
        LookedName {
            name: name.to_owned(),
            confirmed,
        }
    }

    #[tokio::test]
    async fn a_name_is_confirmed_where_it_leads_back_and_nowhere_else() {
        let resolver = Resolver::start(&[
            ("1.2.0.192.in-addr.arpa.", "Fetch-1.Example.ORG."),
            ("1.2.0.192.in-addr.arpa.", "liar.example.org."),
            ("fetch-1.example.org.", "192.0.2.9"),
            ("fetch-1.example.org.", "192.0.2.1"),
            ("liar.example.org.", "203.0.113.1"),
            ("2.2.0.192.in-addr.arpa.", "nowhere.example.org."),
        ])
        .await;
        let hits = [
            hit("192.0.2.1:5", Door::Public, RUN, None),
            hit("192.0.2.1:6", Door::Public, RUN, None),
            hit("192.0.2.2:7", Door::Public, RUN, None),
            hit("192.0.2.3:7", Door::Public, RUN, Some("192.0.2.1")),
        ];
        let found = made(&resolver.inquiry(), &hits).await;
        let names: Vec<_> = found
            .iter()
            .map(|one| (one.address.to_string(), one.names.clone()))
            .collect();
        let wanted = [
            (
                "192.0.2.1",
                vec![
                    named("fetch-1.example.org", true),
                    named("liar.example.org", false),
                ],
            ),
            ("192.0.2.2", vec![named("nowhere.example.org", false)]),
            ("192.0.2.3", vec![]),
        ];
        assert_eq!(
            names,
            wanted.map(|(address, names)| (address.to_owned(), names))
        );
        assert!(found.iter().all(|one| one.error.is_none()));
    }

    #[tokio::test]
    async fn only_who_had_a_link_of_this_run_at_the_public_door_is_asked_about() {
        let resolver = Resolver::start(&[]).await;
        let own = Door::Browser {
            account: crate::model::Account::Sender,
            sealed: true,
        };
        let hits = [
            hit("192.0.2.1:5", own, RUN, None),
            hit("192.0.2.2:5", Door::Public, RunId(8), None),
            hit("192.0.2.3:5", Door::Public, RUN, Some("192.0.2.4")),
        ];
        let found = made(&resolver.inquiry(), &hits).await;
        let addresses: Vec<_> = found.iter().map(|one| one.address.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.3", "192.0.2.4"]);
    }

    #[tokio::test]
    async fn addresses_of_private_networks_are_not_asked_about_unless_a_resolver_is_named() {
        let resolver = Resolver::start(&[]).await;
        let hits = [
            "127.0.0.1:5",
            "10.1.2.3:5",
            "[::1]:5",
            "100.64.0.1:5",
            "[fd00::1]:5",
        ];
        let hits = hits.map(|peer| hit(peer, Door::Public, RUN, None));
        let shy = Inquiry {
            local: false,
            ..resolver.inquiry()
        };
        assert!(made(&shy, &hits).await.is_empty());
        assert_eq!(made(&resolver.inquiry(), &hits).await.len(), hits.len());
    }

    #[tokio::test]
    async fn who_is_not_at_home_is_an_error_on_the_record_and_the_table_counts_all_the_same() {
        let nobody = std::net::UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let table = AsnTable::read("asn.csv", b"192.0.2.0/24,64500,Example\n".to_vec()).unwrap();
        let inquiry = Inquiry {
            resolver: Some(nobody),
            local: true,
            table: Some(Arc::new(table)),
        };
        let found = made(&inquiry, &[hit("192.0.2.1:5", Door::Public, RUN, None)]).await;
        assert!(found[0].error.is_some());
        assert_eq!(found[0].asn.as_ref().map(|asn| asn.number), Some(64500));
        let offline = Inquiry {
            resolver: None,
            ..inquiry
        };
        let found = made(&offline, &[hit("192.0.2.1:5", Door::Public, RUN, None)]).await;
        assert_eq!(found[0].error, None);
        assert!(
            made(&offline, &[hit("198.51.100.1:5", Door::Public, RUN, None)])
                .await
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_crowd_is_not_asked_about_and_that_is_said() {
        let resolver = Resolver::start(&[]).await;
        let hits = (0..260_u32).map(|number| {
            let peer = SocketAddr::new(IpAddr::V4((0x0b00_0000 + number).into()), 1);
            hit(&peer.to_string(), Door::Public, RUN, None)
        });
        let found = made(&resolver.inquiry(), &hits.collect::<Vec<_>>()).await;
        assert_eq!(found.len(), MOST_ADDRESSES + 1);
        let last = found.last().unwrap();
        assert_eq!(last.address.to_string(), "11.0.1.0");
        let said = "not asked, nor were 3 more after it: at most 256 addresses are";
        assert_eq!(last.error.as_deref(), Some(said));
    }
}
