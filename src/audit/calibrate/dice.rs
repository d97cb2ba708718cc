use std::ops::RangeInclusive;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Chance from a seed: the same seed, the same throws.
pub(super) struct Dice(ChaCha12Rng);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// Whether something of this chance happens.
    pub(super) fn happens(&mut self, chance: f64) -> bool {
        self.0.random_bool(chance.clamp(0.0, 1.0))
    }

    /// A whole number, each as likely as the others.
    pub(super) fn whole(&mut self, range: RangeInclusive<i64>) -> i64 {
        self.0.random_range(range)
    }

    /// A share of a whole.
    pub(super) fn share(&mut self) -> f64 {
        self.0.random_range(0.0..1.0)
    }

    /// One of several, each as likely as the others.
    pub(super) fn one_of<T: Copy, const N: usize>(&mut self, several: [T; N]) -> T {
        several[self.0.random_range(0..N)]
    }

    /// Those of several that a throw each lets through.
    pub(super) fn some_of<T: Copy>(&mut self, several: &[T], chance: f64) -> Vec<T> {
        let kept = several.iter().filter(|_| self.happens(chance));
        kept.copied().collect()
    }
}
