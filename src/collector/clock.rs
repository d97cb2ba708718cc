use std::sync::Arc;
use std::time::Instant;

use crate::model::{Jump, Timestamp, millis};

use super::door::House;
use super::limits;

/// How far the wall clock may move between two looks: a second, which no slewing does in so short a time.
const JUMP_MS: u64 = 1000;

/// Both clocks as they were last seen.
#[derive(Debug, Clone, Copy)]
struct Clock {
    wall: Timestamp,
    steady: Instant,
}

impl Clock {
    /// Looks at both again; the jump between them, if there was one.
    fn look(&mut self, wall: Timestamp, steady: Instant) -> Option<Jump> {
        let passed = steady.saturating_duration_since(self.steady).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        let moved_ms = millis(self.wall, wall).saturating_sub(passed);
        let from = self.wall;
        *self = Self { wall, steady };
        (moved_ms.unsigned_abs() > JUMP_MS).then_some(Jump {
            from,
            to: wall,
            moved_ms,
        })
    }
}

/// Watches the clocks until the collector stops. What is timed across a jump is in doubt, so a jump is evidence.
pub(super) async fn watch(house: Arc<House>) {
    let now = || (Timestamp::now(), Instant::now());
    let (wall, steady) = now();
    let mut clock = Clock { wall, steady };
    let stopped = house.stopped();
    tokio::pin!(stopped);
    let mut is_over = false;
    while !is_over {
        tokio::select! {
            () = tokio::time::sleep(limits::CLOCK_TIME) => {}
            () = &mut stopped => is_over = true,
        }
        let (wall, steady) = now();
        if let Some(jump) = clock.look(wall, steady) {
            house.metrics.note_clock_jump();
            house.intake.jump(jump).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_jump_shows_both_ways_and_slewing_does_not() {
        let (wall, steady) = (Timestamp::now(), Instant::now());
        let mut clock = Clock { wall, steady };
        let mut look = |wall_ms: i64, steady_ms: u64| {
            let wall = wall + jiff::SignedDuration::from_millis(wall_ms);
            let jump = clock.look(wall, steady + Duration::from_millis(steady_ms));
            jump.map(|jump| jump.moved_ms)
        };
        assert_eq!(look(1000, 1000), None);
        assert_eq!(look(2300, 2000), None);
        assert_eq!(look(5800, 3000), Some(2500));
        assert_eq!(look(6800, 4000), None, "each jump is told once");
        assert_eq!(look(1800, 5000), Some(-6000));
    }
}
