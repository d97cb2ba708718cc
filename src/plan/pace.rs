use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::model::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);

/// How messages are spread over time: never more than so many in any hour, and pauses between them that the seed draws. A
/// service that others use as well is not to be flooded, nor to be written to as regularly as only a machine would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The most in any hour.
    pub per_hour: u16,
    /// What the pauses are drawn from.
    pub seed: u64,
}

impl Pace {
    /// From when on the next message may be written, after those that were, in the order of time; the first waits for none.
    #[must_use]
    pub fn due(&self, written: &[Timestamp]) -> Option<Timestamp> {
        let rested = after(*written.last()?, self.pause(written.len()));
        let most = usize::from(self.per_hour.max(1));
        let oldest = written.len().checked_sub(most);
        let oldest = oldest.and_then(|at| written.get(at));
        Some(oldest.map_or(rested, |oldest| rested.max(after(*oldest, HOUR))))
    }

    /// When messages are written that take no time themselves, counted from the first.
    #[must_use]
    pub fn schedule(&self, messages: usize) -> Vec<Duration> {
        let mut written: Vec<Timestamp> = Vec::new();
        for _ in 0..messages {
            written.push(self.due(&written).unwrap_or(Timestamp::UNIX_EPOCH));
        }
        let since = |at: &Timestamp| at.duration_since(Timestamp::UNIX_EPOCH).unsigned_abs();
        written.iter().map(since).collect()
    }

    /// Before the message of that number, counted from 0: between half of its even share of an hour and one and a half.
    fn pause(&self, nth: usize) -> Duration {
        let mut dice = ChaCha12Rng::seed_from_u64(self.seed);
        // The order of the trials comes out of the first stream.
        dice.set_stream(1 + nth as u64);
        let share = HOUR / u32::from(self.per_hour.max(1));
        share.mul_f64(dice.random_range(0.5..1.5))
    }
}

fn after(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}
