use std::time::Instant;

use crate::model::{Timestamp, millis};
use crate::store::{Health, RemoteStore, StoreError};

/// Both clocks at one instant, and the most that the wall clock was seen to move against the steady one since.
pub(super) struct Clock {
    steady: Instant,
    wall: Timestamp,
    pub(super) drift_ms: i64,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            steady: Instant::now(),
            wall: Timestamp::now(),
            drift_ms: 0,
        }
    }

    /// Looks at the clock of a collector elsewhere, which times the visits: as far as it is from ours, before or behind, as
    /// little can be said of what followed what.
    pub(super) async fn compare(&mut self, remote: &RemoteStore) -> Result<Health, StoreError> {
        let (before, health) = (Timestamp::now(), remote.health().await?);
        self.meet(before, health.at, Timestamp::now());
        Ok(health)
    }

    /// Another clock said `theirs` at an instant between two of ours.
    pub(super) fn meet(&mut self, before: Timestamp, theirs: Timestamp, after: Timestamp) {
        let apart = millis(theirs, before).max(millis(after, theirs)).max(0);
        let apart = if theirs < before { -apart } else { apart };
        let is_within = (before..=after).contains(&theirs);
        if !is_within && apart.abs() > self.drift_ms.abs() {
            self.drift_ms = apart;
        }
    }

    /// Looks at both again. Often, because a clock may jump forth and back.
    pub(super) fn look(&mut self) {
        let steady = i64::try_from(self.steady.elapsed().as_millis()).unwrap_or(i64::MAX);
        let drift = millis(self.wall, Timestamp::now()) - steady;
        if drift.abs() > self.drift_ms.abs() {
            self.drift_ms = drift;
        }
    }
}
