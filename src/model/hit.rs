use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Account, Class, Hello, Place, Recognition, Timestamp, TokenId};

/// The listener a hit came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Door {
    /// The one the world knows. Our own browsers are led elsewhere.
    Public,
    /// The one the browser of this account is led to.
    Browser {
        /// Whose browser.
        account: Account,
        /// A sealed door notes and refuses; an open one notes and serves.
        sealed: bool,
    },
}

/// One inbound protocol event, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// When its head was complete, or when the connection ended without one.
    pub received: Timestamp,
    /// Where it came in.
    pub door: Door,
    /// The socket's peer.
    pub peer: SocketAddr,
    /// What it was.
    pub kind: HitKind,
    /// Which tokens it carried, and how well they were recognised.
    pub recognition: Recognition,
}

/// What kind of event a hit is. Written with its kind first, and read so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum HitKind {
    /// A connection on which no whole request came, or, over HTTP/2, not only whole ones.
    Connection {
        /// The bytes that did come, up to the head's limit; after a handshake those inside TLS.
        sent: Bytes,
    },
    /// One HTTP request.
    Http(Request),
    /// One DNS query. It comes from a resolver, so its peer is seldom the one who wanted to know.
    Dns(Query),
    /// Bytes at the DNS port that are no query.
    Packet(Packet),
    /// The first message of a TLS client.
    Hello(Hello),
}

/// The member that says of what kind the others are, and what it can say.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Said {
    Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Connection,
    Http,
    Dns,
    Packet,
    Hello,
}

#[derive(Deserialize)]
struct Connection {
    sent: Bytes,
}

/// Reads a hit's kind, and then the rest as what it says. Serde's own way keeps the rest in mind until it has found the
/// kind, wherever that stands: an evidence file takes a seventh longer to read, and some have a million hits.
struct KindFirst;

impl<'de> Deserialize<'de> for HitKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KindFirst)
    }
}

impl<'de> Visitor<'de> for KindFirst {
    type Value = HitKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hit that says first of what `kind` it is")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<HitKind, A::Error> {
        let Some((Said::Kind, kind)) = members.next_entry()? else {
            return Err(de::Error::missing_field("kind"));
        };
        let rest = MapAccessDeserializer::new(members);
        match kind {
            Kind::Connection => Connection::deserialize(rest)
                .map(|Connection { sent }| HitKind::Connection { sent }),
            Kind::Http => Request::deserialize(rest).map(HitKind::Http),
            Kind::Dns => Query::deserialize(rest).map(HitKind::Dns),
            Kind::Packet => Packet::deserialize(rest).map(HitKind::Packet),
            Kind::Hello => Hello::deserialize(rest).map(HitKind::Hello),
        }
    }
}

/// An HTTP request's head, as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The method, in the case it was sent.
    pub method: String,
    /// The request target, untouched.
    pub target: Bytes,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub version: String,
    /// Whether it came over TLS.
    #[serde(default)]
    pub tls: bool,
    /// How the client opened the connection; with the first request of an HTTP/2 connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
    /// Whom declared proxies forwarded it for, where the socket's peer is one of them: evidence beside the peer, which is
    /// never changed. The lines that say so are among the headers, whoever wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<IpAddr>,
    /// Name and value of every header line: order, case and duplicates kept. HTTP/2's names are lower case, its lines of
    /// one name stand together, and its `:authority` comes first.
    pub headers: Vec<(String, Bytes)>,
}

/// How a client opened an HTTP/2 connection: each has its own way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Number and value of each of its settings, in order.
    pub settings: Vec<(u16, u32)>,
    /// By how much it widened the connection's window at once; none if it did not.
    pub window: Option<u32>,
    /// The pseudo-headers of its first request, in order.
    pub pseudo: Vec<String>,
}

impl Request {
    /// The first value of a header, its name matched without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// How a DNS message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// In a datagram, whose sender can be forged.
    Udp,
    /// On a connection.
    Tcp,
}

/// A DNS query, as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// How it came.
    pub transport: Transport,
    /// The number its sender gave it.
    pub id: u16,
    /// The header's second word: opcode and flags.
    pub flags: u16,
    /// The name asked for, in the case it was sent (resolvers mix it on purpose), with a dot at its end and with the
    /// escapes of RFC 1035 (`\.`, `\\`, `\DDD`).
    pub name: String,
    /// The class by its number; 1 is the internet's.
    pub class: u16,
    /// The type by its number.
    #[serde(rename = "type")]
    pub type_code: u16,
    /// The type by its name; `TYPE65400` (RFC 3597) where it has none.
    pub type_name: String,
    /// What the extension of RFC 6891 said; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edns: Option<QueryEdns>,
    /// What it is answered with, decided before it is recorded: a pure function of the query, the zone and the pace of
    /// its source. None where it gets no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
}

/// What a query says about its sender in EDNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryEdns {
    /// The version; 0 is the only one there is.
    pub version: u8,
    /// How large a datagram may be.
    pub payload: u16,
    /// The DO bit: signatures are wanted.
    pub dnssec_ok: bool,
    /// The network for which a resolver asks (RFC 7871).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<ipnet::IpNet>,
    /// The codes of all options, in the order sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<u16>,
}

/// The answer to a DNS message, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The response code by its number: 0 all is well, 3 there is no such name, 5 refused.
    pub code: u16,
    /// Cut short, so that whoever it is has to come again by TCP and cannot be a forged address.
    pub truncated: bool,
}

/// Bytes at the DNS port that are no query: broken, a response, or a connection on which no whole message came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// How they came.
    pub transport: Transport,
    /// The bytes, up to a limit.
    pub sent: Bytes,
    /// What they are answered with, if at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
}

/// What became of a hit: written after the answer, so a hit whose answer was cut short by a crash has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The hit's sequence number in the store.
    pub hit: u64,
    /// When the last byte was handed to the socket, or the peer was found gone.
    pub at: Timestamp,
    /// The status code; none where nothing was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How many bytes of the body the socket took. An upper bound of what the peer read.
    pub body_bytes: u64,
    /// How many bytes there are behind the address in all, whatever part was asked for; none where nothing was answered,
    /// and in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
}

impl Hit {
    /// The tokens of ours that it was sent with, whole, each once. One in a `Referer` is not among them: it says where
    /// the visitor came from, not what was asked for.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenId> {
        self.recognition
            .tokens(|one| one.class == Class::Intact && one.place != Place::Referer)
    }

    /// Whether there are any.
    #[must_use]
    pub fn names_a_link(&self) -> bool {
        let mut matches = self.recognition.matches.iter();
        matches.any(|one| {
            one.class == Class::Intact && one.place != Place::Referer && one.token.is_some()
        })
    }

    /// The tokens of ours that its sender must have had without asking for them: whole in a `Referer`, or broken.
    #[must_use]
    pub fn hearsay(&self) -> Vec<TokenId> {
        self.recognition
            .tokens(|one| one.class != Class::Intact || one.place == Place::Referer)
    }
}

/// Bytes from the network. Written as text in which each byte is the character of the same number (the WHATWG's
/// *isomorphic decode*), so that evidence stays readable and nothing is lost.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// The isomorphic decoding. Hostile: may hold any control character.
    #[must_use]
    pub fn text(&self) -> String {
        match std::str::from_utf8(&self.0) {
            // Nearly always, and much faster.
            Ok(text) if text.is_ascii() => return text.to_owned(),
            _ => {}
        }
        self.0.iter().map(|&byte| char::from(byte)).collect()
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if text.is_ascii() => serializer.serialize_str(text),
            _ => serializer.serialize_str(&self.text()),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_ascii() {
            // Nearly always, and much faster.
            return Ok(Self(text.into_bytes()));
        }
        let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
        bytes
            .map(Self)
            .map_err(|_| serde::de::Error::custom("bytes are written as characters up to U+00FF"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_evidence() {
        let all = Bytes((0..=255).collect());
        let written = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Bytes>(&written).unwrap(), all);
    }

    #[test]
    fn a_hit_says_first_of_what_kind_it_is() {
        let packet = HitKind::Packet(Packet {
            transport: Transport::Udp,
            sent: Bytes::from(&b"x"[..]),
            reply: None,
        });
        let sent = Bytes::default();
        for kind in [packet, HitKind::Connection { sent }] {
            let written = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<HitKind>(&written).unwrap(), kind);
        }
        let said = |text| {
            serde_json::from_str::<HitKind>(text)
                .unwrap_err()
                .to_string()
        };
        assert!(said(r#"{"kind":"smoke"}"#).starts_with("unknown variant `smoke`"));
        assert!(said(r#"{"sent":"","kind":"connection"}"#).starts_with("unknown variant `sent`"));
        assert!(said("{}").starts_with("missing field `kind`"));
    }

    #[test]
    fn a_header_is_found_in_any_case() {
        let request = Request {
            method: "GET".into(),
            target: Bytes::from(&b"/"[..]),
            version: "HTTP/1.1".into(),
            tls: false,
            opening: None,
            forwarded: None,
            headers: vec![
                ("uSeR-aGeNt".into(), Bytes::from(&b"one"[..])),
                ("User-Agent".into(), Bytes::default()),
            ],
        };
        assert_eq!(
            request.header("user-agent"),
            Some(&Bytes::from(&b"one"[..]))
        );
    }
}
