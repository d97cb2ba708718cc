use std::time::Duration;

use crate::model::Timestamp;

use super::super::limits::{ACME_LOOK, ACME_PAUSE, ACME_PAUSE_MOST};

/// When a certificate is to be renewed: when two thirds of its life are over.
pub(super) fn due(from: Timestamp, until: Timestamp) -> Timestamp {
    let life = until.duration_since(from);
    from.checked_add(life / 3 * 2).unwrap_or(until)
}

/// How long to wait after so many failures in a row: doubled each time up to a bound, and up to half as long again,
/// so that not all come back at once. `dice` is any number.
pub(super) fn pause(failures: u32, dice: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    let least = ACME_PAUSE.saturating_mul(doubled).min(ACME_PAUSE_MOST);
    least + least.mul_f64(f64::from(dice) / f64::from(u32::MAX) / 2.0)
}

/// How long to wait for the next look at the clock: it may be set while we wait, and a machine may sleep. An authority
/// whose certificates are due as soon as they are issued is not asked without a pause.
pub(super) fn until_look(due: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(due.duration_since(now)).unwrap_or_default();
    left.clamp(ACME_PAUSE, ACME_LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_certificate_is_due_at_two_thirds_of_its_life() {
        assert_eq!(due(at(1000), at(1090)), at(1060));
        assert_eq!(due(at(1000), at(1000)), at(1000));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_are_never_the_same_for_all() {
        let minutes = |failures, dice| pause(failures, dice).as_secs() / 60;
        let least: Vec<u64> = (1..=8).map(|failures| minutes(failures, 0)).collect();
        assert_eq!(least, [5, 10, 20, 40, 80, 160, 240, 240]);
        assert_eq!(minutes(1000, 0), 240);
        assert_eq!((minutes(1, u32::MAX), minutes(1000, u32::MAX)), (7, 360));
    }

    #[test]
    fn the_clock_is_looked_at_now_and_then_and_never_without_a_pause() {
        assert_eq!(until_look(at(0), at(1000)), ACME_PAUSE);
        assert_eq!(until_look(at(2000), at(1000)), Duration::from_secs(1000));
        assert_eq!(until_look(at(1 << 30), at(1000)), ACME_LOOK);
    }
}
