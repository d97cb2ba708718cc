//! Who has which run in hand, where runs are elsewhere and their processes may vanish: a lease that has to be renewed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::model::RunId;

use super::limits::LEASE;

/// The leases of all runs.
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<HashMap<RunId, Held>>);

/// Who had a run last, and until when. One that was let go is remembered, so that whoever had it before does not take it
/// for theirs when they wake up.
#[derive(Debug)]
struct Held {
    holder: Vec<u8>,
    until: Instant,
}

impl Holds {
    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a run in hand, unless somebody else has it; says whether it is.
    pub(super) fn take(&self, run: RunId, holder: &[u8]) -> bool {
        let mut all = self.lock();
        let taken = all.get(&run).is_some_and(|held| held.is_of_another(holder));
        if !taken {
            all.insert(run, Held::by(holder));
        }
        !taken
    }

    /// Keeps a run in hand: also one that ran out, as long as nobody else took it meanwhile.
    pub(super) fn renew(&self, run: RunId, holder: &[u8]) -> bool {
        let mut all = self.lock();
        let ours = all.get(&run).is_none_or(|held| held.holder == holder);
        if ours {
            all.insert(run, Held::by(holder));
        }
        ours
    }

    pub(super) fn let_go(&self, run: RunId, holder: &[u8]) {
        if let Some(held) = self.lock().get_mut(&run)
            && held.holder == holder
        {
            held.until = Instant::now();
        }
    }

    pub(super) fn is_held(&self, run: RunId) -> bool {
        let all = self.lock();
        all.get(&run)
            .is_some_and(|held| held.until > Instant::now())
    }
}

impl Held {
    fn by(holder: &[u8]) -> Self {
        Self {
            holder: holder.to_owned(),
            until: Instant::now() + LEASE,
        }
    }

    fn is_of_another(&self, holder: &[u8]) -> bool {
        self.holder != holder && self.until > Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId(7);

    #[test]
    fn a_run_is_in_one_hand_and_who_lost_it_does_not_get_it_back_by_renewing() {
        let holds = Holds::default();
        assert!(holds.take(RUN, b"a") && holds.take(RUN, b"a"));
        assert!(!holds.take(RUN, b"b") && !holds.renew(RUN, b"b"));
        assert!(holds.is_held(RUN) && !holds.is_held(RunId(8)));
        holds.let_go(RUN, b"b");
        assert!(holds.is_held(RUN));
        holds.let_go(RUN, b"a");
        assert!(!holds.is_held(RUN) && holds.take(RUN, b"b"));
        holds.let_go(RUN, b"b");
        assert!(!holds.renew(RUN, b"a"), "another one was there since");
        assert!(holds.renew(RUN, b"b"));
    }
}
