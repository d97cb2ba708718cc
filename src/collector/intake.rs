use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Answer, Gap, Handshake, Hit, Record, RunId, Timestamp};
use crate::store::{EvidenceStore, StoreError};

use super::limits;
use super::metrics::Metrics;

/// A hit that is durable: its number, and the run it was recorded under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) run: RunId,
    pub(super) seq: u64,
}

/// Where hits become records, or part of a gap.
#[derive(Debug)]
pub(super) struct Intake {
    run: RunId,
    store: Arc<dyn EvidenceStore>,
    pub(super) metrics: Arc<Metrics>,
    gap: Mutex<Option<Gap>>,
    hits: AtomicU64,
}

impl Intake {
    pub(super) fn new(run: RunId, store: Arc<dyn EvidenceStore>) -> Self {
        Self {
            run,
            store,
            metrics: Arc::default(),
            gap: Mutex::new(None),
            hits: AtomicU64::new(0),
        }
    }

    /// Makes a hit durable and returns its number; none if that failed or took too long, which is noted as a gap.
    pub(super) async fn hit(&self, hit: Hit) -> Option<Kept> {
        let since = hit.received;
        // A collector that serves many runs gives each its own; who has no token belongs to the collector.
        let named = hit.tokens().into_iter().chain(hit.hearsay()).next();
        let run = named.map_or(self.run, |token| token.run);
        if self.hits.fetch_add(1, Ordering::Relaxed) >= limits::HITS {
            self.miss(since, format!("more than {} hits in one run", limits::HITS));
            return None;
        }
        match self.append(run, &Record::Hit(hit)).await {
            Ok(seq) => Some(Kept { run, seq }),
            Err(reason) => {
                self.miss(since, reason);
                None
            }
        }
    }

    /// Makes durable what was answered. Losing it makes the depth uncertain, so that is a gap too.
    pub(super) async fn answer(&self, run: RunId, answer: Answer) {
        let since = answer.at;
        if let Err(reason) = self.append(run, &Record::Answer(answer)).await {
            self.miss(since, reason);
        }
    }

    /// Makes durable how a handshake went on. Losing it hides what the visitor may have wanted, so that is a gap too.
    pub(super) async fn handshake(&self, run: RunId, handshake: Handshake) {
        let since = handshake.at;
        if let Err(reason) = self.append(run, &Record::Handshake(handshake)).await {
            self.miss(since, reason);
        }
    }

    /// Notes that a visitor was not recorded.
    pub(super) fn miss(&self, since: Timestamp, reason: String) {
        self.miss_many(since, 1, reason);
    }

    /// Notes that so many visitors were not recorded.
    pub(super) fn miss_many(&self, since: Timestamp, count: u64, reason: String) {
        let now = Timestamp::now();
        let mut gap = self.gap.lock().unwrap_or_else(PoisonError::into_inner);
        self.metrics.note_missed(count, gap.is_none());
        match gap.is_none() {
            true => tracing::warn!(reason, count, "a visitor was not recorded"),
            // In a flood there are thousands; the gap counts them.
            false => tracing::debug!(reason, count, "a visitor was not recorded"),
        }
        let open = gap.get_or_insert(Gap {
            from: since,
            to: now,
            missed: 0,
            reason: String::new(),
        });
        open.from = open.from.min(since);
        open.to = now;
        open.missed += count;
        open.reason = reason;
    }

    /// Writes the open gap, if there is one. What cannot be written is kept open and returned.
    pub(super) async fn close_gap(&self) -> Option<Gap> {
        let gap = self
            .gap
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        match self.append(self.run, &Record::Gap(gap.clone())).await {
            Ok(_) => self
                .gap
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .filter(|now| *now != gap),
            Err(_) => Some(gap),
        }
    }

    async fn append(&self, run: RunId, record: &Record) -> Result<u64, String> {
        let late = || {
            StoreError::Write(format!(
                "not durable within {} s",
                limits::RECORD_TIME.as_secs()
            ))
        };
        let appended =
            tokio::time::timeout(limits::RECORD_TIME, self.store.append(run, record)).await;
        appended
            .unwrap_or_else(|_| Err(late()))
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Door, HitKind, Recognition};
    use crate::store::Store;

    fn hit() -> Hit {
        Hit {
            received: Timestamp::now(),
            door: Door::Public,
            peer: "127.0.0.1:1".parse().unwrap(),
            kind: HitKind::Connection {
                sent: crate::model::Bytes::default(),
            },
            recognition: Recognition::none(),
        }
    }

    #[tokio::test]
    async fn what_cannot_be_kept_becomes_a_gap_with_its_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.db");
        let intake = Intake::new(RunId(1), Arc::new(Store::open(&path).unwrap()));
        let blocker = rusqlite::Connection::open(&path).unwrap();
        blocker.execute_batch("DROP TABLE record").unwrap();
        assert_eq!(intake.hit(hit()).await, None);
        assert_eq!(intake.hit(hit()).await, None);
        let gap = intake.close_gap().await.expect("nothing can be written");
        assert_eq!(gap.missed, 2);
        assert!(gap.reason.contains("no such table"), "{}", gap.reason);
    }

    #[tokio::test]
    async fn a_closed_gap_is_in_the_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("evidence.db")).unwrap());
        let intake = Intake::new(RunId(1), store.clone());
        intake.miss(Timestamp::now(), "too many connections".into());
        assert_eq!(intake.close_gap().await, None);
        assert_eq!(intake.close_gap().await, None);
        assert!(
            matches!(&store.evidence(RunId(1)).unwrap().entries[..], [entry] if matches!(&entry.record, Record::Gap(gap) if gap.missed == 1))
        );
    }
}
