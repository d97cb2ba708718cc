use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use super::door::House;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// By how much a clock may differ from a steady one between two looks: slewing moves it by half a millisecond a second.
const SLACK: Duration = Duration::from_secs(1);

/// Tells when the clock is moved while a collector runs: the times of its evidence are read from it.
pub(super) async fn watch(house: Arc<House>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopped = house.stopped();
    tokio::pin!(stopped);
    let mut before = (SystemTime::now(), Instant::now());
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = &mut stopped => break,
        }
        let now = (SystemTime::now(), Instant::now());
        if let Some(by) = moved(before, now) {
            tracing::warn!(
                seconds = by,
                "the clock was moved: times before and after differ by so much"
            );
            house.metrics.note_clock_jump();
        }
        before = now;
    }
}

/// By how many seconds the clock was moved, forwards or back; none if it was not.
fn moved(before: (SystemTime, Instant), now: (SystemTime, Instant)) -> Option<f64> {
    let expected = before.0 + now.1.duration_since(before.1);
    let (by, sign) = match now.0.duration_since(expected) {
        Ok(ahead) => (ahead, 1.0),
        Err(behind) => (behind.duration(), -1.0),
    };
    (by > SLACK).then_some(by.as_secs_f64() * sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_moved_is_told_from_one_that_goes() {
        let before = (SystemTime::now(), Instant::now());
        let later = |wall: f64, steady: u64| {
            let wall = match wall < 0.0 {
                true => before.0 - Duration::from_secs_f64(-wall),
                false => before.0 + Duration::from_secs_f64(wall),
            };
            moved(before, (wall, before.1 + Duration::from_secs(steady)))
        };
        assert_eq!(later(10.0, 10), None);
        assert_eq!(later(10.9, 10), None);
        assert_eq!(later(3610.0, 10), Some(3600.0));
        assert_eq!(later(-50.0, 10), Some(-60.0));
    }
}
