use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Answer, Endings, Gap, Handshake, Hit, Jump, Record, RunId, Timestamp};
use crate::store::EvidenceStore;

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
    open: Mutex<Open>,
    /// Held while endings are written, so that the last ones are not overtaken by the collector's stop.
    writes: tokio::sync::Mutex<()>,
    hits: AtomicU64,
    /// How many are recorded at the most; none: as many as the disk holds.
    most: Option<u64>,
}

/// What is to be written soon. Whoever puts the first thing in has it written a moment later, with all that came since.
#[derive(Debug, Default)]
struct Open {
    endings: BTreeMap<RunId, Endings>,
    gap: Option<Gap>,
    gap_is_due: bool,
}

impl Intake {
    pub(super) fn new(run: RunId, store: Arc<dyn EvidenceStore>, most: Option<u64>) -> Self {
        Self {
            run,
            store,
            metrics: Arc::new(Metrics::new()),
            open: Mutex::default(),
            writes: tokio::sync::Mutex::default(),
            hits: AtomicU64::new(0),
            most,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a hit durable and returns its number; none if that failed or took too long, which is noted as a gap.
    pub(super) async fn hit(self: &Arc<Self>, hit: Hit) -> Option<Kept> {
        let (since, run) = (hit.received, self.run_of(&hit));
        if let Err(reason) = self.count(1) {
            self.miss(since, reason);
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

    fn count(&self, hits: u64) -> Result<(), String> {
        let all = self.hits.fetch_add(hits, Ordering::Relaxed) + hits;
        match self.most {
            Some(most) if all > most => Err(format!("more than {most} hits in one run")),
            _ => Ok(()),
        }
    }

    /// A collector that serves many runs gives each its own visitors; who has no token belongs to the collector.
    fn run_of(&self, hit: &Hit) -> RunId {
        let named = hit.tokens().into_iter().chain(hit.hearsay());
        let mut runs = named.map(|token| token.run);
        let first = runs.next().unwrap_or(self.run);
        // One that brings tokens of several runs is recorded once, and where all of them see it.
        if runs.all(|run| run == first) {
            first
        } else {
            self.run
        }
    }

    /// Makes several hits durable at once; says whether all are. Those of one run are kept together or not at all.
    pub(super) async fn hits(self: &Arc<Self>, hits: Vec<Hit>) -> bool {
        let mut by_run: BTreeMap<RunId, Vec<Hit>> = BTreeMap::new();
        for hit in hits {
            by_run.entry(self.run_of(&hit)).or_default().push(hit);
        }
        let mut all = true;
        for (run, hits) in by_run {
            all &= self.hits_of(run, hits).await;
        }
        all
    }

    async fn hits_of(self: &Arc<Self>, run: RunId, hits: Vec<Hit>) -> bool {
        let Some(since) = hits.iter().map(|hit| hit.received).min() else {
            return true;
        };
        let count = hits.len() as u64;
        let kept = match self.count(count) {
            Err(reason) => Err(reason),
            Ok(()) => {
                let records: Vec<Record> = hits.into_iter().map(Record::Hit).collect();
                let appended = self
                    .store
                    .append_all_within(limits::RECORD_TIME, run, &records);
                appended.await.map_err(|error| error.to_string())
            }
        };
        match kept {
            Ok(_) => true,
            Err(reason) => {
                self.miss_many(since, count, reason);
                false
            }
        }
    }

    /// Notes what was answered.
    pub(super) fn answer(self: &Arc<Self>, run: RunId, answer: Answer) {
        self.end(run, |endings| endings.answers.push(answer));
    }

    /// Notes how a handshake went on.
    pub(super) fn handshake(self: &Arc<Self>, run: RunId, handshake: Handshake) {
        self.end(run, |endings| endings.handshakes.push(handshake));
    }

    /// Nobody waits for an ending, so many become one record.
    fn end(self: &Arc<Self>, run: RunId, note: impl FnOnce(&mut Endings)) {
        let endings = &mut self.lock().endings;
        let first = endings.is_empty();
        note(endings.entry(run).or_default());
        if first {
            let intake = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(limits::ENDINGS_TIME).await;
                intake.write_endings().await;
            });
        }
    }

    /// Makes durable what became of hits. Losing it makes their depth uncertain, so that is a gap too.
    pub(super) async fn write_endings(self: &Arc<Self>) {
        let _writes = self.writes.lock().await;
        let endings = std::mem::take(&mut self.lock().endings);
        for (run, endings) in endings {
            self.write(run, endings).await;
        }
    }

    async fn write(self: &Arc<Self>, run: RunId, endings: Endings) {
        let answered = endings.answers.iter().map(|answer| answer.at);
        let shaken = endings.handshakes.iter().map(|handshake| handshake.at);
        let Some(since) = answered.chain(shaken).min() else {
            return;
        };
        let count = endings.len() as u64;
        if let Err(reason) = self.append(run, &Record::Endings(endings)).await {
            let reason = format!("what became of hits is lost: {reason}");
            self.miss_many(since, count, reason);
        }
    }

    /// Notes that the clock jumped. What cannot be written then is told by the run's own look at both clocks.
    pub(super) async fn jump(&self, jump: Jump) {
        tracing::warn!(jump.moved_ms, "the clock jumped");
        if let Err(reason) = self.append(self.run, &Record::Jump(jump)).await {
            tracing::warn!(reason, "a jump of the clock was not recorded");
        }
    }

    /// Notes that a visitor was not recorded.
    pub(super) fn miss(self: &Arc<Self>, since: Timestamp, reason: String) {
        self.miss_many(since, 1, reason);
    }

    /// Notes that so many visitors were not recorded.
    pub(super) fn miss_many(self: &Arc<Self>, since: Timestamp, count: u64, reason: String) {
        let now = Timestamp::now();
        let gap = Gap {
            from: since,
            to: now,
            missed: count,
            reason,
        };
        self.metrics.note_missed(count, self.lock().gap.is_none());
        let mut open = self.lock();
        match open.gap.is_none() {
            true => tracing::warn!(gap.reason, count, "a visitor was not recorded"),
            // In a flood there are thousands; the gap counts them.
            false => tracing::debug!(gap.reason, count, "a visitor was not recorded"),
        }
        widen(&mut open.gap, gap);
        if !std::mem::replace(&mut open.gap_is_due, true) {
            let intake = Arc::clone(self);
            tokio::spawn(async move { intake.write_gaps().await });
        }
    }

    /// Writes the open gap as soon as writing works again: a collector that runs for months must not tell of it only at
    /// its end.
    async fn write_gaps(self: &Arc<Self>) {
        loop {
            tokio::time::sleep(limits::GAP_TIME).await;
            self.close_gap().await;
            let mut open = self.lock();
            if open.gap.is_none() {
                open.gap_is_due = false;
                return;
            }
        }
    }

    /// Writes the open gap, if there is one. What cannot be written is kept open and returned.
    pub(super) async fn close_gap(&self) -> Option<Gap> {
        let gap = self.lock().gap.take()?;
        if self
            .append(self.run, &Record::Gap(gap.clone()))
            .await
            .is_err()
        {
            widen(&mut self.lock().gap, gap);
        }
        self.lock().gap.clone()
    }

    async fn append(&self, run: RunId, record: &Record) -> Result<u64, String> {
        let appended = self.store.append_within(limits::RECORD_TIME, run, record);
        appended.await.map_err(|error| error.to_string())
    }
}

/// Makes one gap of two.
fn widen(open: &mut Option<Gap>, gap: Gap) {
    match open {
        None => *open = Some(gap),
        Some(open) => {
            open.from = open.from.min(gap.from);
            open.to = open.to.max(gap.to);
            open.missed += gap.missed;
            open.reason = gap.reason;
        }
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
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let path = inner.join("evidence.db");
        let intake = Arc::new(Intake::new(
            RunId(1),
            Arc::new(Store::open(&path).unwrap()),
            None,
        ));
        let blocker = rusqlite::Connection::open(&path).unwrap();
        blocker.execute_batch("DROP TABLE record").unwrap();
        // Nor is there a place for a spool.
        std::fs::rename(&inner, folder.path().join("moved")).unwrap();
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
        let intake = Arc::new(Intake::new(RunId(1), store.clone(), None));
        intake.miss(Timestamp::now(), "too many connections".into());
        assert_eq!(intake.close_gap().await, None);
        assert_eq!(intake.close_gap().await, None);
        assert!(
            matches!(&store.evidence(RunId(1)).unwrap().entries[..], [entry] if matches!(&entry.record, Record::Gap(gap) if gap.missed == 1))
        );
    }
}
