//! Takes out of texts what nobody may find in them: secrets, however they are written, and live canaries.
//!
//! A secret is looked for sign by sign, each in every way that pages, addresses and programs write it, so that no list of
//! whole spellings has to be complete: `p%40ss`, `p&#64;ss`, `p\u0040ss` and `p%2540ss` are one pattern. Base64 and
//! hexadecimal hide where signs begin, and are looked for as wholes, base64 at each of its three alignments.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use data_encoding::{BASE64_NOPAD, HEXLOWER};
use regex::{Regex, RegexBuilder};

use super::template::Secret;
use crate::canary::without_tokens;
use crate::diagnostic::printable;

/// What stands in a secret's place.
const VEIL: &str = "***";
/// The longest piece of a secret that is looked for as one; a longer one is looked for in pieces.
const PIECE: usize = 128;
/// What is left of a secret in base64 whatever stands beside it must have this length, or everything would look like it.
const LEAST: usize = 6;
/// Room for patterns: a key of some kilobytes takes it.
const ROOM: usize = 256 << 20;

/// Knows secrets, and shows none.
#[derive(Clone, Default)]
pub struct Veil {
    /// None: there are no secrets.
    secrets: Option<Arc<Regex>>,
    /// The secrets' patterns could not be made: nothing may be shown at all.
    blind: bool,
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Veil")
    }
}

impl Veil {
    /// One that hides these.
    #[must_use]
    pub fn over<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let mut pieces: Vec<&str> = secrets.into_iter().flat_map(Secret::pieces).collect();
        // The longest first: a secret may hold another.
        pieces.sort_unstable_by_key(|piece| std::cmp::Reverse(piece.len()));
        pieces.dedup();
        if pieces.is_empty() {
            return Self::default();
        }
        let patterns: Vec<String> = pieces.into_iter().flat_map(patterns).collect();
        let mut builder = RegexBuilder::new(&patterns.join("|"));
        let regex = builder.case_insensitive(true).size_limit(ROOM).build();
        Self {
            blind: regex.is_err(),
            secrets: regex.ok().map(Arc::new),
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn without_secrets(&self, text: &str) -> String {
        match &self.secrets {
            _ if self.blind => VEIL.to_owned(),
            Some(secrets) => secrets.replace_all(text, VEIL).into_owned(),
            None => text.to_owned(),
        }
    }

    /// The text without secrets and without anything that may be a canary's token.
    #[must_use]
    pub fn cover(&self, text: &str) -> String {
        without_tokens(&self.without_secrets(text))
    }

    /// Where secrets stand in a text.
    #[must_use]
    pub fn secrets_in(&self, text: &str) -> Vec<Range<usize>> {
        match &self.secrets {
            _ if self.blind => std::iter::once(0..text.len()).collect(),
            Some(secrets) => secrets.find_iter(text).map(|found| found.range()).collect(),
            None => Vec::new(),
        }
    }
}

impl Secret {
    /// The secret, in pieces short enough to be looked for.
    fn pieces(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.text();
        std::iter::from_fn(move || {
            let end = rest
                .char_indices()
                .nth(PIECE)
                .map_or(rest.len(), |(at, _)| at);
            let (piece, after) = rest.split_at(end);
            rest = after;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

/// Everything that a secret can look like.
fn patterns(secret: &str) -> Vec<String> {
    let signs: String = secret.chars().map(sign).collect();
    let mut all = vec![signs];
    all.extend((0..3).filter_map(|before| base64(secret, before)));
    if secret.len() * 2 >= LEAST {
        all.push(HEXLOWER.encode(secret.as_bytes()));
    }
    all
}

/// One sign in every way of writing it.
fn sign(c: char) -> String {
    let mut bytes = [0; 4];
    let code = u32::from(c);
    let mut ways = vec![regex::escape(&c.to_string())];
    let percent: String = c
        .encode_utf8(&mut bytes)
        .bytes()
        .fold(String::new(), |mut all, byte| {
            let _ = write!(all, "%(?:25)*{byte:02x}");
            all
        });
    ways.push(percent);
    // As the old `escape` writes what is not ASCII.
    match code {
        0x80..=0xff => ways.push(format!("%(?:25)*{code:02x}")),
        0x100.. => ways.push(utf16(c, "%(?:25)*u")),
        _ => {}
    }
    // An entity, and one whose `&` is written as an entity again.
    let mut entity = format!("#0*{code};?|#x0*{code:x};?");
    if let Some(name) = name(c) {
        let _ = write!(entity, "|{name};");
    }
    ways.push(format!("&(?:amp;)*(?:{entity})"));
    ways.push(escaped(c));
    let shown = printable(&c.to_string(), 1);
    if !shown.contains(c) {
        ways.push(regex::escape(&shown));
    }
    match c {
        ' ' => ways.extend(["\\+", "&(?:amp;)*nbsp;", "\u{a0}"].map(str::to_owned)),
        '&' => ways.push("&(?:amp;)+".to_owned()),
        _ => {}
    }
    format!("(?:{})", ways.join("|"))
}

const fn name(c: char) -> Option<&'static str> {
    match c {
        '<' => Some("lt"),
        '>' => Some("gt"),
        '"' => Some("quot"),
        '\'' => Some("apos"),
        _ => None,
    }
}

/// As JSON, scripts and style sheets write it behind a backslash, or behind several.
fn escaped(c: char) -> String {
    let code = u32::from(c);
    let mut ways = vec![
        utf16(c, "\\\\+u"),
        format!("\\\\+u\\{{0*{code:x}\\}}"),
        format!("\\\\+0*{code:x} ?"),
    ];
    if code < 0x100 {
        ways.push(format!("\\\\+x{code:02x}"));
    }
    let letter = match c {
        '\n' => Some("n"),
        '\r' => Some("r"),
        '\t' => Some("t"),
        '\u{8}' => Some("b"),
        '\u{c}' => Some("f"),
        _ => None,
    };
    match letter {
        Some(letter) => ways.push(format!("\\\\+{letter}")),
        None if c.is_alphanumeric() => {}
        None => ways.push(format!("\\\\+{}", regex::escape(&c.to_string()))),
    }
    ways.join("|")
}

/// The units of UTF-16, each with this in front.
fn utf16(c: char, front: &str) -> String {
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units).iter();
    units.map(|unit| format!("{front}{unit:04x}")).collect()
}

/// What is the same in base64 whatever stands beside it, with so many bytes in front modulo three; none where that is too
/// little to be told from anything else.
fn base64(secret: &str, before: usize) -> Option<String> {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret.as_bytes());
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    let text = BASE64_NOPAD.encode(&bytes);
    let inner = text.get(first..last).filter(|inner| inner.len() >= LEAST)?;
    let letter = |c: char| match c {
        '+' => "(?:\\+|-|%(?:25)*2b|\\\\+u002b)".to_owned(),
        '/' => "(?:\\\\*/|_|%(?:25)*2f|\\\\+u002f)".to_owned(),
        c => c.to_string(),
    };
    Some(inner.chars().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::{BASE64, BASE64URL};

    const WILD: &str = "p@ss w/ö&<\"'\\>\n\u{1f511}+1";

    fn veil() -> Veil {
        Veil::over(&[Secret::new(WILD.to_owned())])
    }

    fn assert_veiled(told: &str) {
        let shown = veil().cover(&format!("<{told}>"));
        assert_eq!(shown, "<***>", "{told}");
    }

    #[test]
    fn a_secret_is_found_however_its_signs_are_written() {
        let each = |write: &dyn Fn(char) -> String| -> String { WILD.chars().map(write).collect() };
        assert_veiled(WILD);
        assert_veiled(&WILD.to_uppercase());
        assert_veiled(&each(&|c| format!("&#{};", u32::from(c))));
        assert_veiled(&each(&|c| format!("&amp;#x{:X};", u32::from(c))));
        let json = serde_json::Value::from(WILD).to_string();
        assert_veiled(&json[1..json.len() - 1]);
        let twice = serde_json::Value::from(json.as_str()).to_string();
        assert_veiled(&twice[3..twice.len() - 3]);
        let form: String = url::form_urlencoded::byte_serialize(WILD.as_bytes()).collect();
        assert_veiled(&form);
        assert_veiled(&form.replace('+', "%20"));
        assert_veiled(&form.replace('%', "%25"));
        assert_veiled(&form.to_lowercase().replace('%', "%2525"));
        assert_veiled(&printable(WILD, 1000));
        let utf16: String = WILD
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04X}"))
            .collect();
        assert_veiled(&utf16);
    }

    #[test]
    fn a_secret_is_found_in_what_was_encoded_whole() {
        for before in ["", "a", "ab", "user:"] {
            for after in ["", "z", "zz"] {
                let whole = format!("{before}{WILD}{after}");
                for text in [
                    BASE64.encode(whole.as_bytes()),
                    BASE64URL.encode(whole.as_bytes()),
                ] {
                    assert!(veil().cover(&text).contains("***"), "{text}");
                }
            }
        }
        assert_veiled(&HEXLOWER.encode(WILD.as_bytes()));
    }

    #[test]
    fn a_long_secret_is_found_and_no_secret_is_none() {
        let long: String = (0..3000)
            .map(|n| char::from(b'a' + (n * 7 % 26) as u8))
            .collect();
        let veil = Veil::over(&[Secret::new(long.clone()), Secret::new("pin".to_owned())]);
        let shown = veil.without_secrets(&format!("x{long}y pin"));
        assert!(
            shown.starts_with("x***") && shown.ends_with("***y ***"),
            "{shown}"
        );
        assert!(!shown.contains(&long[..40]));
        let open = Veil::over(&[]);
        assert_eq!(open.cover("as it is"), "as it is");
        let token = "abcdefghijklmnop234567abcdefghijklmnop2345672";
        assert_eq!(open.cover(&format!("/{token}?")), "/abcdef…?");
        assert_eq!(open.without_secrets(token), token);
    }

    #[test]
    fn a_secret_that_holds_another_goes_whole() {
        let both = ["hunter2", "hunter2&more"].map(|one| Secret::new(one.to_owned()));
        assert_eq!(
            Veil::over(&both).cover("hunter2&amp;more hunter2"),
            "*** ***"
        );
        let found = Veil::over(&both).secrets_in("a hunter2");
        assert_eq!(found.first(), Some(&(2..9)));
        assert_eq!(found.len(), 1);
    }
}
