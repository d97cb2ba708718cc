use std::fmt;
use std::sync::LazyLock;

use aes_siv::KeyInit;
use aes_siv::siv::Aes128Siv;
use data_encoding::{BASE32_NOPAD, Encoding, Specification};

use crate::model::{Arm, Form, Part, RunId, TokenId, TrialId};

/// Length of a token in characters.
pub const TOKEN_CHARS: usize = 42;

/// Bytes of a token's plain text: layout 1, run 4, trial 2, arm 1, form 1, part 1, all big-endian.
const PLAIN_BYTES: usize = 10;

/// Bytes of the synthetic IV in front of it (RFC 5297).
const MAC_BYTES: usize = 16;

/// The first plain byte. Another layout gets another number, so that no token is ever read in two ways.
const LAYOUT: u8 = 1;

/// The key of one run: whoever has it can mint.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// Wraps 32 bytes, which must come from the system's random source.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// Makes the tokens of a run, and knows them again.
#[derive(Debug, Clone)]
pub struct Mint {
    key: Key,
}

impl Mint {
    /// The mint of one key.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self { key }
    }

    /// The token that says `id`. The same id gives the same token: a canary is used once, so ids are not repeated.
    #[must_use]
    pub fn token(&self, id: TokenId) -> String {
        // SIV refuses only plain texts beyond the cipher's limits, and ten bytes are none.
        let sealed = self
            .cipher()
            .encrypt([[0_u8; 0]; 0], &plain(id))
            .unwrap_or_default();
        ALPHABET.encode(&sealed)
    }

    /// What `text` says, if it is a token of this mint in any case of letters.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<TokenId> {
        let sealed = unarmour(text)?;
        let plain = self.cipher().decrypt([[0_u8; 0]; 0], &sealed).ok()?;
        parse(&plain)
    }

    fn cipher(&self) -> Aes128Siv {
        Aes128Siv::new(self.key.bytes().into())
    }
}

/// RFC 4648 base32 in lower case. Decoding refuses set bits behind the last byte, so every token has one spelling.
pub(super) static ALPHABET: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec: Specification = BASE32_NOPAD.specification();
    spec.symbols = spec.symbols.to_lowercase();
    // The specification is constant and sound; the fallback differs only in case, and would fail every test.
    spec.encoding().unwrap_or(BASE32_NOPAD)
});

fn unarmour(text: &str) -> Option<Vec<u8>> {
    (text.len() == TOKEN_CHARS)
        .then(|| ALPHABET.decode(text.to_ascii_lowercase().as_bytes()).ok())
        .flatten()
        .filter(|bytes| bytes.len() == MAC_BYTES + PLAIN_BYTES)
}

fn plain(id: TokenId) -> [u8; PLAIN_BYTES] {
    let [r0, r1, r2, r3] = id.run.0.to_be_bytes();
    let [t0, t1] = id.trial.0.to_be_bytes();
    let (arm, form, part) = (
        code(Arm::ALL, id.arm),
        code(Form::ALL, id.form),
        code(Part::ALL, id.part),
    );
    [LAYOUT, r0, r1, r2, r3, t0, t1, arm, form, part]
}

fn parse(plain: &[u8]) -> Option<TokenId> {
    let &[LAYOUT, r0, r1, r2, r3, t0, t1, arm, form, part] = plain else {
        return None;
    };
    Some(TokenId {
        run: RunId(u32::from_be_bytes([r0, r1, r2, r3])),
        trial: TrialId(u16::from_be_bytes([t0, t1])),
        arm: decode(Arm::ALL, arm)?,
        form: decode(Form::ALL, form)?,
        part: decode(Part::ALL, part)?,
    })
}

/// A name's number in a token is its place in the list of all names; none there is more than 255.
fn code<T: PartialEq>(all: &[T], one: T) -> u8 {
    all.iter()
        .position(|known| *known == one)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

fn decode<T: Copy>(all: &[T], code: u8) -> Option<T> {
    all.get(usize::from(code)).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mint(key: u8) -> Mint {
        Mint::new(Key::new([key; 32]))
    }

    fn any_id() -> impl Strategy<Value = TokenId> {
        let of = |all: usize| 0..all;
        (
            any::<u32>(),
            any::<u16>(),
            of(Arm::ALL.len()),
            of(Form::ALL.len()),
            of(Part::ALL.len()),
        )
            .prop_map(|(run, trial, arm, form, part)| TokenId {
                run: RunId(run),
                trial: TrialId(trial),
                arm: Arm::ALL[arm],
                form: Form::ALL[form],
                part: Part::ALL[part],
            })
    }

    /// Letters whose bit in `mask` is set are written large, as resolvers do (draft-vixie-dnsext-dns0x20).
    fn mangle_case(token: &str, mask: u64) -> String {
        let large = |at: usize| mask >> (at % 64) & 1 == 1;
        token
            .chars()
            .enumerate()
            .map(|(at, c)| if large(at) { c.to_ascii_uppercase() } else { c })
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_minted_is_read_in_any_case(id in any_id(), mask in any::<u64>()) {
            let token = mint(1).token(id);
            prop_assert_eq!(mint(1).read(&mangle_case(&token, mask)), Some(id));
        }

        #[test]
        fn a_token_is_one_dns_label(id in any_id()) {
            let token = mint(1).token(id);
            prop_assert_eq!(token.len(), TOKEN_CHARS);
            prop_assert!(token.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b)));
        }

        #[test]
        fn another_key_reads_nothing(id in any_id()) {
            prop_assert_eq!(mint(2).read(&mint(1).token(id)), None);
        }
    }

    /// A million forgeries: half random tokens, half real ones with a character or a bit changed.
    #[test]
    fn no_forgery_is_accepted() {
        use rand::{RngExt, SeedableRng};
        let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(2013);
        let (mint, letters) = (mint(7), b"abcdefghijklmnopqrstuvwxyz234567");
        let genuine = TokenId {
            run: RunId(1),
            trial: TrialId(2),
            arm: Arm::Sent,
            form: Form::Http,
            part: Part::Link,
        };
        let real = mint.token(genuine).into_bytes();
        for round in 0..1_000_000_u32 {
            let mut forged = real.clone();
            if round % 2 == 0 {
                forged.fill_with(|| letters[dice.random_range(0..32)]);
            } else {
                let (at, to) = (
                    dice.random_range(0..TOKEN_CHARS),
                    letters[dice.random_range(0..32)],
                );
                forged[at] = if forged[at] == to { b'1' } else { to };
            }
            let text = String::from_utf8(forged).unwrap();
            assert_eq!(mint.read(&text), None, "{text} was accepted");
        }
    }

    #[test]
    fn kinship_of_tokens_cannot_be_seen() {
        let id = |trial| TokenId {
            run: RunId(9),
            trial: TrialId(trial),
            arm: Arm::Sent,
            form: Form::Http,
            part: Part::Link,
        };
        let (one, two) = (mint(1).token(id(1)), mint(1).token(id(2)));
        let shared = one.chars().zip(two.chars()).filter(|(a, b)| a == b).count();
        assert!(shared < 10, "{one} and {two} share {shared} characters");
    }
}
