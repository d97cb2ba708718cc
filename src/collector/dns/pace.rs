use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Instant;

use super::super::limits;
use super::super::source::network;

/// Who asks how fast. The table has a fixed size: two sources that share a place share its tokens too, which costs them
/// a second way by TCP and nothing else. The hash is seeded, so that nobody can choose whom to share with.
#[derive(Debug)]
pub(super) struct Pace {
    hash: RandomState,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    left: f32,
    at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        let place = Place {
            left: limits::DNS_BURST,
            at: now,
        };
        Self {
            hash: RandomState::new(),
            places: vec![place; limits::DNS_SOURCES],
        }
    }

    /// Whether a source asks faster than it is given whole answers.
    pub(super) fn is_over(&mut self, source: IpAddr, now: Instant) -> bool {
        let hash = self.hash.hash_one(network(source.to_canonical()));
        let at = usize::try_from(hash % limits::DNS_SOURCES as u64).unwrap_or_default();
        let Some(place) = self.places.get_mut(at) else {
            return false;
        };
        let since = now.saturating_duration_since(place.at).as_secs_f32();
        let left = (place.left + since * limits::DNS_RATE).min(limits::DNS_BURST);
        let over = left < 1.0;
        *place = Place {
            left: if over { left } else { left - 1.0 },
            at: now,
        };
        over
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_fast_source_is_slowed_down_and_forgiven() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let source = "192.0.2.7".parse().unwrap();
        let whole = (0..1000).filter(|_| !pace.is_over(source, start)).count();
        assert_eq!(whole as f32, limits::DNS_BURST);
        assert!(
            pace.is_over("192.0.2.8".parse().unwrap(), start),
            "one network"
        );
        let later = start + Duration::from_secs(1);
        let whole = (0..1000).filter(|_| !pace.is_over(source, later)).count();
        assert_eq!(whole as f32, limits::DNS_RATE);
    }
}
