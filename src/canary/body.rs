use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// How long a `large` page is: more than any preview needs, and little enough for a run of a hundred trials.
pub const LARGE_BYTES: u64 = 8 << 20;

/// Bytes of a large body that are computed at once: what a connection holds of it.
const PIECE_BYTES: u64 = 64 << 10;

/// In how many pieces a slow body comes.
const SLOW_PIECES: usize = 5;

/// What comes after an answer's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// All at once.
    Whole(Vec<u8>),
    /// In a few pieces, with a wait before each.
    Slow(Vec<u8>),
    /// Computed where it is needed, and given in ranges.
    Large(Large),
}

impl Body {
    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) | Self::Slow(bytes) => bytes.len() as u64,
            Self::Large(_) => LARGE_BYTES,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the piece that starts at `from` ends, at the latest at `end`.
    #[must_use]
    pub fn piece_end(&self, from: u64, end: u64) -> u64 {
        let length = match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Slow(bytes) => bytes.len().div_ceil(SLOW_PIECES) as u64,
            Self::Large(_) => PIECE_BYTES,
        };
        end.min(from.saturating_add(length))
    }

    /// Some of its bytes; none beyond its end.
    #[must_use]
    pub fn bytes(&self, span: Range<u64>) -> Vec<u8> {
        let held = |bytes: &[u8]| {
            let at = |place| usize::try_from(place).unwrap_or(usize::MAX);
            let end = at(span.end).min(bytes.len());
            bytes.get(at(span.start)..end).unwrap_or_default().to_vec()
        };
        match self {
            Self::Whole(bytes) | Self::Slow(bytes) => held(bytes),
            Self::Large(large) => large.bytes(span),
        }
    }
}

/// A body of [`LARGE_BYTES`] that nobody stores: the key stream of `ChaCha8` under the SHA-256 of its link's token in
/// small letters, so that whoever has the link can check a copy, or any part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Large {
    seed: [u8; 32],
}

impl Large {
    /// The body behind a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self {
            seed: Sha256::digest(token.to_ascii_lowercase()).into(),
        }
    }

    /// A strong validator (RFC 9110 section 8.8.3): the bytes never change.
    #[must_use]
    pub fn tag(&self) -> String {
        let digest = Sha256::digest(self.seed);
        let short = digest.get(..8).unwrap_or_default();
        format!("\"{}\"", data_encoding::HEXLOWER.encode(short))
    }

    fn bytes(&self, span: Range<u64>) -> Vec<u8> {
        let end = span.end.min(LARGE_BYTES);
        let Ok(wanted) = usize::try_from(end.saturating_sub(span.start)) else {
            return Vec::new();
        };
        // The stream is placed by words of four bytes.
        let before = usize::try_from(span.start % 4).unwrap_or_default();
        let mut stream = ChaCha8Rng::from_seed(self.seed);
        stream.set_word_pos(u128::from(span.start / 4));
        let mut bytes = vec![0; before + wanted];
        stream.fill_bytes(&mut bytes);
        bytes.drain(..before);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(body: &Body) -> Vec<u8> {
        let (mut all, mut from) = (Vec::new(), 0);
        while from < body.len() {
            let end = body.piece_end(from, body.len());
            assert!(end > from && end - from <= PIECE_BYTES);
            all.extend(body.bytes(from..end));
            from = end;
        }
        all
    }

    #[test]
    fn pieces_make_the_whole() {
        for length in [0, 1, 4, 5, 6, 1000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            assert_eq!(whole(&Body::Whole(bytes.clone())), bytes);
            assert_eq!(whole(&Body::Slow(bytes.clone())), bytes);
        }
        let large = Body::Large(Large::of("token"));
        assert_eq!(whole(&large).len() as u64, LARGE_BYTES);
        assert_ne!(
            large.bytes(0..64),
            Body::Large(Large::of("other")).bytes(0..64)
        );
        assert_eq!(large, Body::Large(Large::of("TOKEN")));
    }

    proptest! {
        #[test]
        fn a_range_is_the_same_bytes(start in 0..300_u64, length in 0..300_u64) {
            let large = Body::Large(Large::of("token"));
            let all = large.bytes(0..600);
            let (from, to) = (start as usize, (start + length) as usize);
            prop_assert_eq!(large.bytes(start..start + length), &all[from..to]);
        }
    }

    #[test]
    fn there_is_nothing_beyond_the_end() {
        let large = Body::Large(Large::of("token"));
        assert_eq!(large.bytes(LARGE_BYTES - 3..LARGE_BYTES + 9).len(), 3);
        assert!(large.bytes(LARGE_BYTES + 1..LARGE_BYTES + 2).is_empty());
        assert!(Body::Whole(vec![1]).bytes(4..9).is_empty());
    }
}
