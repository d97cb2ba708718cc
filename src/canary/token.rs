use std::fmt;
use std::sync::LazyLock;

use aes_siv::KeyInit;
use aes_siv::siv::Aes128Siv;
use data_encoding::{BASE32_NOPAD, Encoding, Specification};
use sha2::{Digest, Sha256};

use crate::model::{Arm, Form, Part, RunId, TokenId, TrialId};

/// Length of a token in characters.
pub const TOKEN_CHARS: usize = 45;

/// Bytes of the run's number in front. It is masked, so that tokens of one run do not begin alike.
const RUN_BYTES: usize = 4;

/// Bytes of the synthetic IV behind it (RFC 5297).
const MAC_BYTES: usize = 16;

/// Bytes of a token's plain text: layout 1, trial 4, arm 1, form 1, part 1, all big-endian.
const PLAIN_BYTES: usize = 8;

/// The first plain byte. Another layout gets another number, so that no token is ever read in two ways.
const LAYOUT: u8 = 3;

/// A collector's key: it knows the tokens of every run, and makes each run's [`Mint`].
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// Wraps 32 bytes, which must come from the system's random source.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for keeping.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The mint of one run. Whoever has it can mint for that run, and for no other.
    #[must_use]
    pub fn mint(&self, run: RunId) -> Mint {
        Mint {
            run: self.derive("run", &run.0.to_be_bytes()),
            mask: self.derive("mask", &[]),
        }
    }

    /// The number that stands for whatever has no run, such as visitors without a token. It lasts as long as the key.
    #[must_use]
    pub fn own_run(&self) -> RunId {
        let Self([a, b, c, d, ..]) = self.derive("collector", &[]);
        RunId(u32::from_be_bytes([a, b, c, d]))
    }

    /// A key for one purpose: SHA-256 over this key, the purpose, and what it is for. All are of known length or end the
    /// input, so no two purposes share one.
    pub(super) fn derive(&self, purpose: &str, of: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(self.0).chain_update(purpose);
        Self(digest.chain_update([0]).chain_update(of).finalize().into())
    }
}

/// Reads the tokens of all runs of a collector.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    key: Key,
    /// Derived once, because every token is looked at with it.
    mask: Key,
}

impl Reader {
    pub(super) fn new(key: Key) -> Self {
        let mask = key.derive("mask", &[]);
        Self { key, mask }
    }

    /// Whose token this is, if it is one. Which mint can tell stands in its front, so this costs the same however many
    /// runs and canaries there are.
    pub(super) fn read(&self, text: &str) -> Option<(Mint, TokenId)> {
        let sealed = unarmour(text)?;
        let run = unmask(&self.mask, &sealed)?;
        let mint = Mint {
            run: self.key.derive("run", &run.0.to_be_bytes()),
            mask: self.mask.clone(),
        };
        let token = mint.open(run, &sealed)?;
        Some((mint, token))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// Makes the tokens of a run, and knows them again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mint {
    run: Key,
    mask: Key,
}

impl Mint {
    /// The token that says `id`. The same id gives the same token: a canary is used once, so ids are not repeated.
    #[must_use]
    pub fn token(&self, id: TokenId) -> String {
        // SIV refuses only plain texts beyond the cipher's limits, and eight bytes are none.
        let sealed = self
            .cipher()
            .encrypt([[0_u8; 0]; 0], &plain(id))
            .unwrap_or_default();
        let front = mask(&self.mask, id.run, &sealed);
        ALPHABET.encode(&[&front, sealed.as_slice()].concat())
    }

    /// What `text` says, if it is a token of this mint in any case of letters.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<TokenId> {
        let sealed = unarmour(text)?;
        self.open(unmask(&self.mask, &sealed)?, &sealed)
    }

    fn open(&self, run: RunId, sealed: &[u8]) -> Option<TokenId> {
        let sealed = sealed.get(RUN_BYTES..)?;
        let plain = self.cipher().decrypt([[0_u8; 0]; 0], sealed).ok()?;
        parse(run, &plain)
    }

    fn cipher(&self) -> Aes128Siv {
        Aes128Siv::new(self.run.bytes().into())
    }

    /// Written for handing over: 128 hexadecimal digits. A secret as long as its run's windows are open.
    #[must_use]
    pub fn secret(&self) -> String {
        data_encoding::HEXLOWER.encode(&[self.run.0, self.mask.0].concat())
    }

    /// Reads what [`Mint::secret`] wrote.
    #[must_use]
    pub fn from_secret(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        let (run, mask) = bytes.split_at_checked(32)?;
        Some(Self {
            run: Key(run.try_into().ok()?),
            mask: Key(mask.try_into().ok()?),
        })
    }
}

/// The run's number under a pad that is another one for each token: it comes from the MAC behind it.
fn mask(key: &Key, run: RunId, sealed: &[u8]) -> [u8; RUN_BYTES] {
    let mac = sealed.get(..MAC_BYTES).unwrap_or_default();
    let Key([a, b, c, d, ..]) = key.derive("pad", mac);
    (run.0 ^ u32::from_be_bytes([a, b, c, d])).to_be_bytes()
}

/// The other way round.
fn unmask(key: &Key, token: &[u8]) -> Option<RunId> {
    let (front, sealed) = token.split_at_checked(RUN_BYTES)?;
    let masked = RunId(u32::from_be_bytes(front.try_into().ok()?));
    Some(RunId(u32::from_be_bytes(mask(key, masked, sealed))))
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
        .filter(|bytes| bytes.len() == RUN_BYTES + MAC_BYTES + PLAIN_BYTES)
}

fn plain(id: TokenId) -> [u8; PLAIN_BYTES] {
    let [t0, t1, t2, t3] = id.trial.0.to_be_bytes();
    let (arm, form, part) = (
        code(Arm::ALL, id.arm),
        code(Form::ALL, id.form),
        code(Part::ALL, id.part),
    );
    [LAYOUT, t0, t1, t2, t3, arm, form, part]
}

fn parse(run: RunId, plain: &[u8]) -> Option<TokenId> {
    let &[LAYOUT, t0, t1, t2, t3, arm, form, part] = plain else {
        return None;
    };
    Some(TokenId {
        run,
        trial: TrialId(u32::from_be_bytes([t0, t1, t2, t3])),
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

    fn key(key: u8) -> Key {
        Key::new([key; 32])
    }

    fn any_id() -> impl Strategy<Value = TokenId> {
        let of = |all: usize| 0..all;
        (
            any::<u32>(),
            any::<u32>(),
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
            let mint = key(1).mint(id.run);
            let token = mangle_case(&mint.token(id), mask);
            prop_assert_eq!(mint.read(&token), Some(id));
            prop_assert_eq!(Reader::new(key(1)).read(&token), Some((mint, id)));
        }

        #[test]
        fn a_token_is_one_dns_label(id in any_id()) {
            let token = key(1).mint(id.run).token(id);
            prop_assert_eq!(token.len(), TOKEN_CHARS);
            prop_assert!(token.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b)));
        }

        #[test]
        fn another_key_reads_nothing(id in any_id()) {
            let token = key(1).mint(id.run).token(id);
            prop_assert_eq!(Reader::new(key(2)).read(&token), None);
            prop_assert_eq!(key(2).mint(id.run).read(&token), None);
            prop_assert_eq!(key(1).mint(RunId(id.run.0 ^ 1)).read(&token), None);
        }

        #[test]
        fn a_mint_is_handed_over_whole(run in any::<u32>()) {
            let mint = key(1).mint(RunId(run));
            prop_assert_eq!(Mint::from_secret(&mint.secret()), Some(mint));
        }
    }

    /// A million forgeries: half random tokens, half real ones with a character or a bit changed. On all processors, because
    /// no other test here takes as long.
    #[test]
    fn no_forgery_is_accepted() {
        const SHARES: u32 = 4;
        let genuine = TokenId {
            run: RunId(1),
            trial: TrialId(2),
            arm: Arm::Sent,
            form: Form::Http,
            part: Part::Link,
        };
        let real = key(7).mint(RunId(1)).token(genuine).into_bytes();
        let reader = Reader::new(key(7));
        std::thread::scope(|scope| {
            for share in 0..SHARES {
                let (real, reader) = (&real, &reader);
                scope.spawn(move || none_is_accepted(reader, real, share, 1_000_000 / SHARES));
            }
        });
    }

    fn none_is_accepted(reader: &Reader, real: &[u8], seed: u32, forgeries: u32) {
        use rand::{RngExt, SeedableRng};
        let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(2013 + u64::from(seed));
        let letters = b"abcdefghijklmnopqrstuvwxyz234567";
        for round in 0..forgeries {
            let mut forged = real.to_vec();
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
            assert_eq!(reader.read(&text), None, "{text} was accepted");
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
        let mint = key(1).mint(RunId(9));
        let (one, two) = (mint.token(id(1)), mint.token(id(2)));
        let shared = one.chars().zip(two.chars()).filter(|(a, b)| a == b).count();
        assert!(shared < 10, "{one} and {two} share {shared} characters");
    }
}
