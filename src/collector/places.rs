use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits;
use super::source::network;

/// The places for connections. One network cannot have them all: whoever comes from elsewhere still finds one.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// How many there are.
    all: usize,
    /// How many each network has; those that have none are not in it.
    taken: Mutex<HashMap<u128, usize>>,
}

/// A place that was taken; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    network: u128,
    places: Arc<Places>,
}

impl Places {
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(all)),
            all,
            taken: Mutex::default(),
        })
    }

    /// A place for somebody from this address.
    ///
    /// # Errors
    /// There is none: why not.
    pub(super) fn take(self: &Arc<Self>, source: IpAddr) -> Result<Place, String> {
        let none = || format!("more than {} connections at once", self.all);
        let place = Arc::clone(&self.free).try_acquire_owned();
        let place = place.map_err(|_| none())?;
        let network = network(source.to_canonical());
        let share = self.all - self.all / limits::FOR_OTHERS;
        let mut taken = self.taken();
        let own = taken.entry(network).or_default();
        if *own >= share {
            return Err(format!(
                "more than {share} connections at once from one network"
            ));
        }
        *own += 1;
        Ok(Place {
            _place: place,
            network,
            places: Arc::clone(self),
        })
    }

    /// How many are taken.
    pub(super) fn open(&self) -> usize {
        self.all.saturating_sub(self.free.available_permits())
    }

    /// Waits until all are free again, for so long; says whether they are.
    pub(super) async fn all_free(&self, most: Duration) -> bool {
        let all = u32::try_from(self.all).unwrap_or(u32::MAX);
        let free = tokio::time::timeout(most, self.free.acquire_many(all)).await;
        free.is_ok()
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<u128, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(own) = taken.get_mut(&self.network) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_network_leaves_places_for_others() {
        let places = Places::new(80);
        let (one, same, other) = ("192.0.2.1", "192.0.2.99", "198.51.100.1");
        let take = |source: &str| places.take(source.parse().unwrap());
        let mut held: Vec<Place> = std::iter::from_fn(|| take(one).ok()).collect();
        assert_eq!(held.len(), 70);
        assert!(take(same).unwrap_err().contains("from one network"));
        held.extend(std::iter::from_fn(|| take(other).ok()));
        assert_eq!((held.len(), places.open()), (80, 80));
        assert!(take("203.0.113.1").unwrap_err().contains("more than 80"));
        assert!(!places.all_free(Duration::ZERO).await);
        drop(held);
        assert!(places.all_free(Duration::ZERO).await);
        assert!(places.taken().is_empty(), "nobody is remembered");
    }
}
