use tls_parser::{
    TlsClientHelloContents, TlsExtension, TlsMessage, TlsMessageHandshake,
    parse_tls_client_hello_extension, parse_tls_message_handshake,
};

use crate::model::{Bytes, Hello};

use super::ja4::ja4;
use super::limits;

/// Content type and first byte of every TLS record that a client may begin with (RFC 8446, section 5.1).
pub(super) const HANDSHAKE: u8 = 0x16;

/// Bytes of a record's head: type 1, version 2, length 2.
const RECORD_HEAD: usize = 5;

/// Bytes of a handshake message's head: type 1, length 3.
const MESSAGE_HEAD: usize = 4;

/// How much of a hello has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More must come.
    More,
    /// All of it.
    Whole,
    /// This is no hello, or one beyond the limit.
    Broken,
}

/// A hello on its way in, in as many pieces as its sender likes.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// The handshake bytes of the records so far.
    message: Vec<u8>,
    /// How many bytes of the connection these records took.
    read: usize,
}

impl Gathering {
    /// Looks at what is new in `buffer`, which holds all that came since the first byte.
    pub(super) fn look(&mut self, buffer: &[u8]) -> Progress {
        loop {
            match self.progress() {
                Progress::More => {}
                end => return end,
            }
            match record(&buffer[self.read..]) {
                Some(Some(piece)) => {
                    self.message.extend_from_slice(piece);
                    self.read += RECORD_HEAD + piece.len();
                }
                Some(None) => return Progress::More,
                None => return Progress::Broken,
            }
        }
    }

    fn progress(&self) -> Progress {
        match self.message.get(..MESSAGE_HEAD) {
            Some(&[1, high, middle, low]) => {
                let length = u32::from_be_bytes([0, high, middle, low]) as usize;
                match self.message.len() {
                    _ if length > limits::HELLO_BYTES => Progress::Broken,
                    so_far if so_far >= MESSAGE_HEAD + length => Progress::Whole,
                    _ => Progress::More,
                }
            }
            Some(_) => Progress::Broken,
            None => Progress::More,
        }
    }

    /// Reads a whole hello; none if its inside is not what its outside says.
    pub(super) fn parse(&self, buffer: &[u8]) -> Option<Hello> {
        let Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ClientHello(client)))) =
            parse_tls_message_handshake(&self.message)
        else {
            return None;
        };
        let mut hello = beginning(&buffer[..self.read], &client);
        let mut rest = client.ext.unwrap_or_default();
        while !rest.is_empty() {
            let (one, behind) = split_extension(rest)?;
            hello.extensions.push(u16::from_be_bytes([one[0], one[1]]));
            // One that is malformed inside is still named in the order; its content stays in the raw bytes.
            if let Ok((_, extension)) = parse_tls_client_hello_extension(one) {
                note(&mut hello, extension);
            }
            rest = behind;
        }
        hello.ja4 = ja4(&hello);
        Some(hello)
    }
}

/// The content of the first record; nothing in it while it has not come whole, and none where it is no handshake's.
fn record(bytes: &[u8]) -> Option<Option<&[u8]>> {
    if bytes.first().is_some_and(|&kind| kind != HANDSHAKE) {
        return None;
    }
    let Some(&[_, major, _, high, low]) = bytes.get(..RECORD_HEAD) else {
        return Some(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    // Empty handshake records are forbidden (RFC 8446, section 5.1), and would let a sender go on for ever.
    let sound = major == 3 && (1..=limits::HELLO_BYTES).contains(&length);
    sound.then(|| bytes.get(RECORD_HEAD..RECORD_HEAD + length))
}

fn beginning(records: &[u8], client: &TlsClientHelloContents<'_>) -> Hello {
    Hello {
        raw: Bytes::from(records),
        server_name: None,
        protocols: Vec::new(),
        version: client.version.0,
        versions: Vec::new(),
        ciphers: client.ciphers.iter().map(|suite| suite.0).collect(),
        extensions: Vec::new(),
        groups: Vec::new(),
        signatures: Vec::new(),
        ja4: String::new(),
    }
}

/// Splits the first extension off: type 2, length 2, content.
fn split_extension(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
    rest.split_at_checked(4 + usize::from(length))
}

fn note(hello: &mut Hello, extension: TlsExtension<'_>) {
    match extension {
        TlsExtension::SNI(names) => {
            hello.server_name = names.first().map(|(_, name)| Bytes::from(*name));
        }
        TlsExtension::ALPN(names) => {
            hello.protocols = names.into_iter().map(Bytes::from).collect();
        }
        TlsExtension::SupportedVersions(versions) => {
            hello.versions = versions.into_iter().map(|version| version.0).collect();
        }
        TlsExtension::EllipticCurves(groups) => {
            hello.groups = groups.into_iter().map(|group| group.0).collect();
        }
        TlsExtension::SignatureAlgorithms(signatures) => hello.signatures = signatures,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello that names `name`, in one record.
    fn hello(name: &str) -> Vec<u8> {
        let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
        let sni = [
            &[0, 0][..],
            &sized(&sized(&[&[0][..], &sized(name.as_bytes())].concat())),
        ]
        .concat();
        let alpn = [&[0, 16][..], &sized(&sized(b"\x02h2\x08http/1.1"))].concat();
        let versions = [&[0, 43][..], &sized(&[4, 0x0a, 0x0a, 3, 4])].concat();
        let grease = [0x1a, 0x1a, 0, 0];
        let extensions = [&grease[..], &sni, &alpn, &versions].concat();
        let body = [
            &[3, 3][..],
            &[7; 32],
            &[0],
            &sized(&[0x0a, 0x0a, 0x13, 1, 0x13, 2]),
            &[1, 0],
            &sized(&extensions),
        ]
        .concat();
        let message = [&[1, 0][..], &sized(&body)].concat();
        [&[HANDSHAKE, 3, 1][..], &sized(&message)].concat()
    }

    /// The same with each byte in a record of its own.
    fn shredded(record: &[u8]) -> Vec<u8> {
        record[RECORD_HEAD..]
            .iter()
            .flat_map(|&byte| [HANDSHAKE, 3, 1, 0, 1, byte])
            .collect()
    }

    fn parse(bytes: &[u8]) -> Option<Hello> {
        let mut gathering = Gathering::default();
        assert_eq!(gathering.look(bytes), Progress::Whole);
        gathering.parse(bytes)
    }

    #[test]
    fn what_is_said_is_read() {
        let read = parse(&hello("a.example")).unwrap();
        assert_eq!(read.server_name, Some(Bytes::from(&b"a.example"[..])));
        assert_eq!(read.protocols, [&b"h2"[..], b"http/1.1"].map(Bytes::from));
        assert_eq!(
            (read.version, read.versions),
            (0x0303, vec![0x0a0a, 0x0304])
        );
        assert_eq!(read.ciphers, [0x0a0a, 0x1301, 0x1302]);
        assert_eq!(read.extensions, [0x1a1a, 0, 16, 43]);
        assert!(read.ja4.starts_with("t13d0203h2_"), "{}", read.ja4);
    }

    #[test]
    fn a_hello_in_pieces_is_the_same_hello() {
        let whole = hello("a.example");
        for bytes in [whole.clone(), shredded(&whole)] {
            let mut gathering = Gathering::default();
            for cut in 0..bytes.len() {
                assert_eq!(gathering.look(&bytes[..cut]), Progress::More, "{cut}");
            }
            assert_eq!(gathering.look(&bytes), Progress::Whole);
            let read = gathering.parse(&bytes).unwrap();
            assert_eq!(read.raw.0, bytes);
            assert_eq!(read.ja4, parse(&whole).unwrap().ja4);
        }
    }

    #[test]
    fn what_is_no_hello_is_found_out_early() {
        for wrong in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01\x00\x00",
            b"\x16\x02\x00\x00\x05",
            b"\x16\x03\x01\xff\xff",
            b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
            b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        ] {
            let found = Gathering::default().look(wrong);
            assert_eq!(found, Progress::Broken, "{}", wrong.escape_ascii());
        }
        let mut cut = hello("a.example");
        let versions = cut.len() - 7;
        cut[versions] = 0xff;
        assert_eq!(parse(&cut), None, "an extension beyond the end");
    }
}
