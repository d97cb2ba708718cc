use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::model::Hello;

/// Where no list is, its digest is this.
const NOTHING: &str = "000000000000";

/// Types of the extensions for host name and application protocol. The first part says them already.
const SAID: [u16; 2] = [0x0000, 0x0010];

/// The JA4 fingerprint of a TLS client over TCP, by FoxIO's definition (BSD 3-Clause; only JA4 itself is, not the rest
/// of their suite): <https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md>.
pub(super) fn ja4(hello: &Hello) -> String {
    let (ciphers, extensions) = (plain(&hello.ciphers), plain(&hello.extensions));
    let named = if extensions.contains(&0) { 'd' } else { 'i' };
    let head = format!(
        "t{}{named}{:02}{:02}{}",
        version(hello),
        ciphers.len().min(99),
        extensions.len().min(99),
        protocol(hello)
    );
    let others = extensions.into_iter().filter(|kind| !SAID.contains(kind));
    let mut behind = list(&sorted(others.collect()));
    let signatures = plain(&hello.signatures);
    if !behind.is_empty() && !signatures.is_empty() {
        let _ = write!(behind, "_{}", list(&signatures));
    }
    format!(
        "{head}_{}_{}",
        digest(&list(&sorted(ciphers))),
        digest(&behind)
    )
}

/// Without GREASE (RFC 8701), which says nothing about a client.
fn plain(codes: &[u16]) -> Vec<u16> {
    codes
        .iter()
        .copied()
        .filter(|&code| !is_grease(code))
        .collect()
}

const fn is_grease(code: u16) -> bool {
    let [high, low] = code.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn version(hello: &Hello) -> &'static str {
    let highest = plain(&hello.versions).into_iter().max();
    match highest.unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// First and last character of the first protocol offered; of its hexadecimal digits where they are no letters.
fn protocol(hello: &Hello) -> String {
    let first = hello.protocols.first().map_or(&[][..], |name| &name.0);
    let (&[begin, ..], &[.., end]) = (first, first) else {
        return "00".to_owned();
    };
    if begin.is_ascii_alphanumeric() && end.is_ascii_alphanumeric() {
        return [begin, end].map(char::from).iter().collect();
    }
    let digits = data_encoding::HEXLOWER.encode(first);
    format!("{}{}", &digits[..1], &digits[digits.len() - 1..])
}

fn sorted(mut codes: Vec<u16>) -> Vec<u16> {
    codes.sort_unstable();
    codes
}

fn list(codes: &[u16]) -> String {
    let digits: Vec<String> = codes.iter().map(|code| format!("{code:04x}")).collect();
    digits.join(",")
}

fn digest(list: &str) -> String {
    if list.is_empty() {
        return NOTHING.to_owned();
    }
    let mut digits = data_encoding::HEXLOWER.encode(&Sha256::digest(list));
    digits.truncate(NOTHING.len());
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bytes;

    fn codes(list: &str) -> Vec<u16> {
        let parts = list.split(',').filter(|part| !part.is_empty());
        parts
            .map(|part| u16::from_str_radix(part, 16).unwrap())
            .collect()
    }

    /// The worked example of the definition, with GREASE put in where browsers have it.
    fn example() -> Hello {
        Hello {
            raw: Bytes::default(),
            server_name: None,
            protocols: vec![Bytes::from(&b"h2"[..])],
            version: 0x0303,
            versions: codes("caca,0304,0303"),
            ciphers: codes(
                "1a1a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
            ),
            extensions: codes(
                "2a2a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015",
            ),
            groups: Vec::new(),
            signatures: codes("0403,0804,0401,0503,0805,0501,0806,0601"),
            ja4: String::new(),
        }
    }

    #[test]
    fn the_worked_example_comes_out_right() {
        assert_eq!(ja4(&example()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        let unsigned = Hello {
            signatures: Vec::new(),
            ..example()
        };
        assert_eq!(ja4(&unsigned), "t13d1516h2_8daaf6152771_6d807ffa2a79");
    }

    #[test]
    fn what_is_missing_is_said_plainly() {
        let bare = Hello {
            protocols: Vec::new(),
            version: 0x0301,
            versions: Vec::new(),
            ciphers: Vec::new(),
            extensions: Vec::new(),
            ..example()
        };
        assert_eq!(ja4(&bare), "t10i000000_000000000000_000000000000");
    }

    #[test]
    fn protocols_that_are_no_text_are_told_by_their_digits() {
        for (name, told) in [
            (&b"\xab"[..], "ab"),
            (b"\xab\xcd", "ad"),
            (b"0\xab", "3b"),
            (b"01\xab\xcd", "3d"),
            (b"0\xab\xcd1", "01"),
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (b"", "00"),
        ] {
            let hello = Hello {
                protocols: vec![Bytes::from(name)],
                ..example()
            };
            assert_eq!(protocol(&hello), told);
        }
    }
}
