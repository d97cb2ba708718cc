use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::limits;

/// What is left of the time for trying broken tokens against ours: about 1400 decryptions each, and whoever likes can
/// send any number. One for all visitors, so that many addresses buy nothing.
#[derive(Debug)]
pub(super) struct Effort(Mutex<(Instant, f32)>);

impl Effort {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new((now, limits::TRIES)))
    }

    /// Whether there is time for one more.
    pub(super) fn spend(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, left) = *state;
        let since = now.saturating_duration_since(at).as_secs_f32();
        let left = (left + since * limits::TRIES).min(limits::TRIES);
        let enough = left >= 1.0;
        *state = (at.max(now), if enough { left - 1.0 } else { left });
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_gets_no_more_than_its_share() {
        let start = Instant::now();
        let effort = Effort::new(start);
        let spent = |millis: u64| {
            let now = start + Duration::from_millis(millis);
            (0..1000).filter(|_| effort.spend(now)).count()
        };
        let all = limits::TRIES as usize;
        assert_eq!(spent(0), all);
        assert_eq!(spent(0), 0);
        assert_eq!(spent(500), all / 2);
        assert_eq!(spent(60_000), all);
    }
}
