use serde::{Deserialize, Serialize};

use super::{Bytes, Timestamp};

/// The first message of a TLS client (RFC 8446, section 4.1.2): what was sent, and what is read from it. Code points are
/// kept in the order they were sent, those of GREASE (RFC 8701) among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The records it came in, untouched.
    pub raw: Bytes,
    /// The host it named. A client that was given an address names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Bytes>,
    /// The application protocols it offered (ALPN).
    pub protocols: Vec<Bytes>,
    /// The version in its head, which is 0x0303 for everything newer than TLS 1.1.
    pub version: u16,
    /// The versions it offered.
    pub versions: Vec<u16>,
    /// The cipher suites.
    pub ciphers: Vec<u16>,
    /// The types of its extensions.
    pub extensions: Vec<u16>,
    /// The groups for the key exchange.
    pub groups: Vec<u16>,
    /// The signature algorithms.
    pub signatures: Vec<u16>,
    /// Its JA4 fingerprint.
    pub ja4: String,
}

/// How a handshake went on after its hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// The hello's sequence number in the store.
    pub hit: u64,
    /// When it was over.
    pub at: Timestamp,
    /// How.
    pub end: HandshakeEnd,
}

/// How a handshake ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end")]
pub enum HandshakeEnd {
    /// We refused at a sealed door, before any certificate was shown.
    Refused,
    /// It was broken off, by either side.
    Failed {
        /// As the TLS library puts it, such as the alert that the client sent.
        reason: String,
    },
    /// The client took our certificate, and could ask.
    Done {
        /// The version agreed upon.
        version: u16,
        /// The cipher suite agreed upon.
        cipher: u16,
        /// The application protocol agreed upon; none where the client offered none of ours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        protocol: Option<Bytes>,
    },
}
