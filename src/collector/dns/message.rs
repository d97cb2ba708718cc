use hickory_proto::op::{
    Edns, Message, MessageType, Metadata, OpCode, Query as Question, ResponseCode,
};
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
use ipnet::IpNet;

use crate::canary::Keyring;
use crate::model::{
    Bytes, HitKind, Packet, Place, Query, QueryEdns, Recognition, Reply, Transport,
};

use super::super::limits;
use super::authority::Authority;
use super::name::written;

/// Octets of a header.
const HEADER: usize = 12;

/// What is recorded of a message, and what is sent back once it is.
#[derive(Debug)]
pub(super) struct Considered {
    pub(super) kind: HitKind,
    pub(super) recognition: Recognition,
    pub(super) answer: Option<Vec<u8>>,
}

/// Reads a message and decides on its answer. `fast`: its source asks faster than it is given whole answers.
pub(super) fn consider(
    authority: &Authority,
    keyring: &Keyring,
    bytes: &[u8],
    transport: Transport,
    fast: bool,
) -> Considered {
    match question(bytes) {
        Some((message, asked)) => {
            let answer = Reader {
                authority,
                transport,
                fast,
            }
            .answer(&message, &asked);
            let query = query(bytes, transport, &message, &asked, answer.1);
            Considered {
                recognition: recognise(authority, keyring, &asked),
                kind: HitKind::Dns(query),
                answer: answer.0,
            }
        }
        None => broken(keyring, bytes, transport),
    }
}

/// A message that asks exactly one thing.
fn question(bytes: &[u8]) -> Option<(Message, Question)> {
    let message = Message::from_vec(bytes).ok()?;
    let [asked] = message.queries.as_slice() else {
        return None;
    };
    let asked = asked.clone();
    (message.metadata.message_type == MessageType::Query).then_some((message, asked))
}

/// Only what stands in front of the zone may be a token: the zone's own labels may be as long.
fn recognise(authority: &Authority, keyring: &Keyring, asked: &Question) -> Recognition {
    match authority.front(&asked.name) {
        Some(front) => {
            let labels: Vec<String> = front
                .into_iter()
                .map(|label| Bytes::from(label).text())
                .collect();
            keyring.recognise(Place::Host, &labels.join("."))
        }
        None => keyring.recognise(Place::Host, &written(&asked.name)),
    }
}

fn broken(keyring: &Keyring, bytes: &[u8], transport: Transport) -> Considered {
    let sent = Bytes::from(&bytes[..bytes.len().min(limits::DNS_BYTES)]);
    let answer = refusal(bytes);
    let reply = answer.as_ref().map(|_| Reply {
        code: ResponseCode::FormErr.into(),
        truncated: false,
    });
    Considered {
        recognition: keyring.recognise(Place::Bytes, &sent.text()),
        kind: HitKind::Packet(Packet {
            transport,
            sent,
            reply,
        }),
        answer,
    }
}

/// A bare header that says the message was not understood; none for what has no header, or is a response itself: two
/// servers must not talk to each other for ever.
fn refusal(bytes: &[u8]) -> Option<Vec<u8>> {
    let &[high, low, flags, ..] = bytes.get(..HEADER)? else {
        return None;
    };
    let asks = flags & 0x80 == 0;
    let op_code = OpCode::from_u8(flags >> 3 & 0x0f);
    let id = u16::from_be_bytes([high, low]);
    let mut message = Message::new(id, MessageType::Response, op_code);
    message.metadata.response_code = ResponseCode::FormErr;
    asks.then(|| message.to_vec().ok()).flatten()
}

fn query(
    bytes: &[u8],
    transport: Transport,
    message: &Message,
    asked: &Question,
    reply: Option<Reply>,
) -> Query {
    let flags = bytes
        .get(2..4)
        .map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
    let type_code = u16::from(asked.query_type);
    Query {
        transport,
        id: message.metadata.id,
        flags,
        name: written(&asked.name),
        class: asked.query_class.into(),
        type_code,
        type_name: type_name(asked, type_code),
        edns: message.edns.as_ref().map(edns),
        reply,
    }
}

fn type_name(asked: &Question, code: u16) -> String {
    use hickory_proto::rr::RecordType::{Unknown, ZERO};
    match asked.query_type {
        Unknown(_) | ZERO => format!("TYPE{code}"),
        named => named.to_string(),
    }
}

fn edns(said: &Edns) -> QueryEdns {
    QueryEdns {
        version: said.version(),
        payload: said.max_payload(),
        dnssec_ok: said.flags().dnssec_ok,
        subnet: subnet(said).and_then(|subnet| network(&subnet)),
        options: said
            .options()
            .as_ref()
            .iter()
            .map(|(code, _)| u16::from(*code))
            .collect(),
    }
}

fn subnet(said: &Edns) -> Option<ClientSubnet> {
    match said.option(EdnsCode::Subnet) {
        Some(EdnsOption::Subnet(subnet)) => Some(*subnet),
        _ => None,
    }
}

fn network(subnet: &ClientSubnet) -> Option<IpNet> {
    IpNet::new(subnet.addr(), subnet.source_prefix()).ok()
}

/// What an answer depends on besides its query.
struct Reader<'a> {
    authority: &'a Authority,
    transport: Transport,
    fast: bool,
}

impl Reader<'_> {
    fn answer(&self, message: &Message, asked: &Question) -> (Option<Vec<u8>>, Option<Reply>) {
        let mut answer = self.whole(message, asked);
        if self.fast && self.transport == Transport::Udp {
            answer = answer.truncate();
        }
        let mut bytes = answer.to_vec().ok();
        if bytes
            .as_ref()
            .is_some_and(|bytes| bytes.len() > self.room(message))
        {
            answer = answer.truncate();
            bytes = answer.to_vec().ok();
        }
        let reply = Reply {
            code: answer.metadata.response_code.into(),
            truncated: answer.metadata.truncation,
        };
        let reply = bytes.as_ref().map(|_| reply);
        (bytes, reply)
    }

    /// How long an answer may be. Above the limit datagrams are cut into pieces on the way, and those get lost.
    fn room(&self, message: &Message) -> usize {
        match self.transport {
            Transport::Tcp => usize::from(u16::MAX),
            Transport::Udp => usize::from(message.max_payload().min(limits::DNS_PAYLOAD)),
        }
    }

    fn whole(&self, message: &Message, asked: &Question) -> Message {
        let mut answer = Message::new(
            message.metadata.id,
            MessageType::Response,
            message.metadata.op_code,
        );
        answer.metadata = Metadata::response_from_request(&message.metadata);
        answer.add_query(asked.clone());
        if let Some(said) = &message.edns {
            answer.set_edns(edns_of_answer(said));
        }
        if let Some(code) = objection(message) {
            answer.metadata.response_code = code;
            return answer;
        }
        let said = self.authority.answer(asked);
        answer.metadata.response_code = said.code;
        answer.metadata.authoritative = said.code != ResponseCode::Refused;
        answer.add_answers(said.answers);
        answer.add_authorities(said.denial);
        answer
    }
}

/// Why a message that was understood is not looked up.
fn objection(message: &Message) -> Option<ResponseCode> {
    let said = message.edns.as_ref();
    if message.metadata.op_code != OpCode::Query {
        return Some(ResponseCode::NotImp);
    }
    if said.is_some_and(|said| said.version() > 0) {
        return Some(ResponseCode::BADVERS);
    }
    // Bits behind the prefix show a broken implementation (RFC 7871 section 6).
    let subnet = said.and_then(subnet);
    let broken = subnet
        .is_some_and(|subnet| network(&subnet).is_none_or(|network| network.trunc() != network));
    broken.then_some(ResponseCode::FormErr)
}

/// The client's subnet is said back with scope 0: the answer is the same for everybody.
fn edns_of_answer(asked: &Edns) -> Edns {
    let mut answer = Edns::new();
    answer.set_max_payload(limits::DNS_PAYLOAD);
    answer.set_dnssec_ok(asked.flags().dnssec_ok);
    if let Some(mut subnet) = subnet(asked) {
        subnet.set_scope_prefix(0);
        answer.options_mut().insert(EdnsOption::Subnet(subnet));
    }
    answer
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::{DNSClass, Name, RecordType};
    use proptest::prelude::*;

    use super::*;
    use crate::canary::{Key, Mint, Zone};
    use crate::model::{Arm, Form, Part, RunId, TokenId, TrialId};

    const ID: TokenId = TokenId {
        run: RunId(1),
        trial: TrialId(2),
        arm: Arm::Sent,
        form: Form::Http,
        part: Part::Link,
    };

    fn mint() -> Mint {
        Key::new([1; 32]).mint(ID.run)
    }

    fn considered(bytes: &[u8], transport: Transport, fast: bool) -> Considered {
        let zone = Zone::parse("canary.example").unwrap();
        let authority = Authority::new(
            &zone,
            vec!["192.0.2.1".parse().unwrap()],
            std::sync::Arc::default(),
        )
        .unwrap();
        let keyring = Keyring::all(Key::new([1; 32]));
        consider(&authority, &keyring, bytes, transport, fast)
    }

    fn asking(name: &str, kind: RecordType) -> Message {
        let mut message = Message::new(77, MessageType::Query, OpCode::Query);
        message.add_query(Question::query(Name::from_ascii(name).unwrap(), kind));
        message
    }

    fn mixed(text: &str) -> String {
        let mix = |(at, c): (usize, char)| {
            if at % 2 == 0 {
                c.to_ascii_uppercase()
            } else {
                c
            }
        };
        text.chars().enumerate().map(mix).collect()
    }

    #[test]
    fn a_name_is_echoed_as_it_was_sent_and_known_all_the_same() {
        let name = mixed(&format!("{}.canary.example.", mint().token(ID)));
        let bytes = asking(&name, RecordType::A).to_vec().unwrap();
        let found = considered(&bytes, Transport::Udp, false);
        assert_eq!(found.recognition, Recognition::intact(Place::Host, &[ID]));
        let HitKind::Dns(query) = found.kind else {
            panic!("a query")
        };
        assert_eq!(
            (query.id, query.name.as_str(), query.type_code),
            (77, name.as_str(), 1)
        );
        let answer = Message::from_vec(&found.answer.unwrap()).unwrap();
        assert_eq!(written(&answer.queries[0].name), name);
        assert_eq!(written(&answer.answers[0].name), name);
        assert!(answer.metadata.authoritative && !answer.metadata.recursion_available);
    }

    #[test]
    fn what_cannot_be_served_is_said_so() {
        let code = |message: &Message| {
            let found = considered(&message.to_vec().unwrap(), Transport::Udp, false);
            Message::from_vec(&found.answer.unwrap())
                .unwrap()
                .metadata
                .response_code
        };
        let mut notify = asking("canary.example.", RecordType::SOA);
        notify.metadata.op_code = OpCode::Notify;
        assert_eq!(code(&notify), ResponseCode::NotImp);
        let mut later = asking("canary.example.", RecordType::SOA);
        later.set_edns(Edns::new().set_version(1).clone());
        // 16 has two names.
        assert_eq!(u16::from(code(&later)), u16::from(ResponseCode::BADVERS));
        let mut chaos = asking("version.bind.", RecordType::TXT);
        chaos.queries[0].query_class = DNSClass::CH;
        assert_eq!(code(&chaos), ResponseCode::Refused);
        let mut twice = asking("canary.example.", RecordType::A);
        twice.add_query(twice.queries[0].clone());
        assert_eq!(code(&twice), ResponseCode::FormErr);
        assert_eq!(
            code(&Message::new(1, MessageType::Query, OpCode::Query)),
            ResponseCode::FormErr
        );
    }

    #[test]
    fn responses_and_scraps_are_recorded_and_get_no_answer() {
        let mut response = asking("canary.example.", RecordType::A);
        response.metadata.message_type = MessageType::Response;
        for bytes in [response.to_vec().unwrap(), b"\x00\x01".to_vec(), Vec::new()] {
            let found = considered(&bytes, Transport::Udp, false);
            assert!(matches!(&found.kind, HitKind::Packet(packet) if packet.sent.0 == bytes));
            assert_eq!(found.answer, None);
        }
    }

    #[test]
    fn a_token_in_a_broken_message_is_known() {
        let name = format!("{}.canary.example.", mint().token(ID));
        let mut bytes = asking(&name, RecordType::A).to_vec().unwrap();
        bytes.truncate(bytes.len() - 1);
        let found = considered(&bytes, Transport::Udp, false);
        assert_eq!(found.recognition, Recognition::intact(Place::Bytes, &[ID]));
        assert_eq!(found.answer.map(|answer| answer.len()), Some(HEADER));
    }

    /// The longest question there is, with all that may be asked for: nothing is worth being aimed at somebody.
    #[test]
    fn a_fast_source_gets_no_more_than_it_sent() {
        let name = format!("{}.canary.example.", "b".repeat(45));
        for kind in [
            RecordType::A,
            RecordType::ANY,
            RecordType::TXT,
            RecordType::SOA,
        ] {
            let bytes = asking(&name, kind).to_vec().unwrap();
            let slow = considered(&bytes, Transport::Udp, false).answer.unwrap();
            assert!(
                slow.len() <= bytes.len() + 80,
                "{kind}: {} for {}",
                slow.len(),
                bytes.len()
            );
            let fast = considered(&bytes, Transport::Udp, true).answer.unwrap();
            assert_eq!(fast.len(), bytes.len());
            assert!(Message::from_vec(&fast).unwrap().metadata.truncation);
            assert_eq!(
                considered(&bytes, Transport::Tcp, true).answer.unwrap(),
                slow
            );
        }
    }

    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let change = (any::<prop::sample::Index>(), any::<u8>());
        let whole = (
            prop::sample::select(vec![
                "canary.example.",
                "bbbbbbbbbbbbbbbbbbbb.canary.example.",
            ]),
            any::<u16>(),
            any::<bool>(),
        );
        (
            whole,
            prop::collection::vec(change, 0..6),
            any::<prop::sample::Index>(),
        )
            .prop_map(|((name, kind, extended), changes, end)| {
                let mut message = asking(name, RecordType::from(kind));
                if extended {
                    let mut said = Edns::new();
                    let subnet = ClientSubnet::new([192, 0, 2, 0].into(), 24, 0);
                    said.options_mut().insert(EdnsOption::Subnet(subnet));
                    message.set_edns(said);
                }
                let mut bytes = message.to_vec().unwrap();
                for (at, to) in changes {
                    let at = at.index(bytes.len());
                    bytes[at] = to;
                }
                // Every fourth is cut.
                if end.index(4) == 0 {
                    bytes.truncate(end.index(bytes.len()));
                }
                bytes
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn nothing_sent_at_random_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            check(&bytes)?;
        }

        #[test]
        fn no_change_to_a_query_does_harm(bytes in mutated()) {
            check(&bytes)?;
        }
    }

    /// Every message is recorded, can be written down, and is answered shortly or not at all.
    fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
        let found = considered(bytes, Transport::Udp, false);
        let written = serde_json::to_string(&found.kind).unwrap();
        prop_assert_eq!(
            &serde_json::from_str::<HitKind>(&written).unwrap(),
            &found.kind
        );
        if let Some(answer) = found.answer {
            prop_assert!(
                answer.len() <= bytes.len() + 140,
                "{} for {}",
                answer.len(),
                bytes.len()
            );
            prop_assert!(answer[2] & 0x80 != 0 && answer[..2] == bytes[..2]);
        }
        Ok(())
    }
}
