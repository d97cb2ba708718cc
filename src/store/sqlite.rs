use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::chain;
use super::spool::{self, Line};
use super::summaries::RUNS;
use super::writer::{Inbox, What, Writer, known};
use super::{EvidenceStore, Page, Pending};
use crate::model::{Entry, Evidence, Record, RunId, Timestamp};

/// The version of the tables. A newer one is refused rather than guessed at.
const VERSION: i64 = 1;

/// "wxsl" as a big-endian number: marks the file as ours (SQLite's `application_id`).
const APPLICATION: i64 = 0x7778_736c;

/// How long a commit that has begun is waited for. Disks that are asked to sync much take seconds; one that takes longer
/// is as good as gone, and with it whoever waits for an answer.
const HUNG: Duration = Duration::from_secs(30);

/// How long a reader waits for another process that holds the store.
const LOCKED: Duration = Duration::from_secs(5);

/// What can go wrong with a store. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or is no database.
    #[error("open the evidence store {}: {source}; name another with --store, or move this file away", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// There is no such file.
    #[error("open the evidence store {}: there is no such file; `waxseal run` makes one, --store names another", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// The file is a database of something else.
    #[error("open {}: it is a database, but not a waxseal evidence store; name another with --store", path.display())]
    Alien {
        /// Which file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error("open {}: it has version {version} of the tables and this waxseal knows up to {VERSION}; use a newer waxseal", path.display())]
    TooNew {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// A commit failed.
    #[error("write to the evidence store: {0}")]
    Write(String),
    /// A look-up failed.
    #[error("read the evidence store: {0}")]
    Read(#[from] rusqlite::Error),
    /// A record cannot be understood.
    #[error("read record {seq} of the evidence store: {reason}")]
    Record {
        /// Which record.
        seq: u64,
        /// Why.
        reason: String,
    },
    /// A collector elsewhere cannot be used.
    #[error("use the collector at {address}: {reason}")]
    Remote {
        /// Its interface.
        address: String,
        /// Why not.
        reason: String,
    },
    /// A run that a collector was asked for is not there, or not there any more.
    #[error(
        "find run {0}: the collector does not have it (any more): its store was replaced, or the run was never registered there"
    )]
    Gone(String),
    /// The writer had not even begun with it.
    #[error("write to the evidence store: it was busy for {} s", .0.as_secs())]
    Slow(Duration),
    /// The writer had begun with it, and the disk does not come back.
    #[error("write to the evidence store: the disk has not answered for {} s; whether the record was kept is not known", .0.as_secs())]
    Hung(Duration),
    /// The writer is gone.
    #[error("write to the evidence store: it was closed")]
    Closed,
    /// Somebody else has the run in hand.
    #[error("take run {0} in hand: another process has it, and plays it just now")]
    Held(RunId),
    /// No run goes by that name.
    #[error("find a run named `{0}`; `waxseal runs` lists them")]
    NoSuchRun(String),
    /// Several runs go by that name.
    #[error("find one run named `{0}`: several begin so; give more of its name")]
    Ambiguous(String),
}

/// A run in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its name.
    pub run: RunId,
    /// Sequence number of its first record.
    pub first: u64,
}

/// A record's number in line, and what will be said of it.
type Pushed = (u64, oneshot::Receiver<Result<u64, StoreError>>);

/// An open evidence store: one writing thread, any number of readers.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    inbox: Arc<Inbox>,
    writer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens a store, or makes one.
    ///
    /// # Errors
    /// The file cannot be opened, is something else, or is newer than this program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = connect(path)?;
        let inbox = Arc::new(Inbox::default());
        let writer = Writer::new(path, connection, Arc::clone(&inbox));
        let writer = std::thread::spawn(move || writer.run());
        Ok(Self {
            path: path.to_owned(),
            inbox,
            writer: Some(writer),
        })
    }

    /// Opens a store that must be there already.
    ///
    /// # Errors
    /// As [`Store::open`], or there is no such file.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        if path.exists() {
            Self::open(path)
        } else {
            Err(StoreError::Missing {
                path: path.to_owned(),
            })
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a record and returns its number once it is durable: its sequence number, or while it waits in the spool one
    /// that stands for it in [`Record::Endings`].
    ///
    /// # Errors
    /// It could not be made durable: nothing of it is kept.
    pub async fn append(&self, run: RunId, record: &Record) -> Result<u64, StoreError> {
        let (_, outcome) = self.push(run, record)?;
        outcome.await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Store::append`], and takes the record back where the writer has not even begun with it after a while. One
    /// that it has begun with is waited for, so that nothing is both told as missing and kept: but not for ever.
    ///
    /// # Errors
    /// As [`Store::append`], or it took too long: nothing of it is kept, but for [`StoreError::Hung`].
    pub async fn append_within(
        &self,
        most: Duration,
        run: RunId,
        record: &Record,
    ) -> Result<u64, StoreError> {
        let pushed = self.push(run, record)?;
        self.outcome_within(most, pushed).await
    }

    /// As [`Store::append_within`], for several records that are kept together or not at all; the first one's number.
    ///
    /// # Errors
    /// As [`Store::append_within`].
    pub async fn append_all_within(
        &self,
        most: Duration,
        run: RunId,
        records: &[Record],
    ) -> Result<u64, StoreError> {
        let texts = records.iter().map(text).collect::<Result<_, _>>()?;
        let pushed = self.inbox.push(run, What::Texts(texts));
        self.outcome_within(most, pushed).await
    }

    async fn outcome_within(
        &self,
        most: Duration,
        (number, mut outcome): Pushed,
    ) -> Result<u64, StoreError> {
        match tokio::time::timeout(most, &mut outcome).await {
            Ok(outcome) => outcome.map_err(|_| StoreError::Closed)?,
            Err(_) if self.inbox.withdraw(number) => Err(StoreError::Slow(most)),
            Err(_) => match tokio::time::timeout(HUNG, outcome).await {
                Ok(outcome) => outcome.map_err(|_| StoreError::Closed)?,
                Err(_) => Err(StoreError::Hung(HUNG)),
            },
        }
    }

    fn push(&self, run: RunId, record: &Record) -> Result<Pushed, StoreError> {
        let what = match record {
            Record::Endings(_) => What::Record(Box::new(record.clone())),
            // Made ready here: the writer is one for all.
            _ => What::Text(text(record)?),
        };
        Ok(self.inbox.push(run, what))
    }

    /// All records of a run, those of its collector's own that were made meanwhile among them.
    ///
    /// # Errors
    /// The store cannot be read, or holds a record this version does not know.
    pub fn evidence(&self, run: RunId) -> Result<Evidence, StoreError> {
        let page = self.page(run, 0, u32::MAX)?;
        let entries = page.entries;
        Ok(Evidence { run, entries })
    }

    /// So many of a run's records behind number `after`, the oldest first. A run that was registered at a collector has
    /// the collector's own records too, up to the run's last one: who came without a token, and what was missed. What
    /// still waits in a spool comes last of all, under numbers that stand for it; the next page begins before it.
    ///
    /// # Errors
    /// As [`Store::evidence`].
    pub fn page(&self, run: RunId, after: u64, most: u32) -> Result<Page, StoreError> {
        // First, because what is drained in between is in the database by then.
        let waiting = self.waiting()?;
        let mut connection = connect(&self.path)?;
        let connection = connection.transaction()?;
        let (collector, first, last) = collector(&connection, run)?;
        let mut rows = connection.prepare_cached(
            "SELECT seq, body FROM record WHERE run = ?1 AND seq > ?2
             UNION ALL
             SELECT seq, body FROM record WHERE run = ?3 AND seq > MAX(?2, ?4) AND seq < ?5
             ORDER BY seq LIMIT ?6",
        )?;
        let ours = (run.to_string(), collector.map(|run| run.to_string()));
        let asked = params![ours.0, after, ours.1, first, last, u64::from(most) + 1];
        let rows = rows.query_map(asked, |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
        })?;
        let mut entries = rows
            .map(|row| parse(row?))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let more = entries.len() > most as usize;
        entries.truncate(most as usize);
        let next = entries.last().map_or(after, |entry| entry.seq);
        if !more {
            let concerns = |of: RunId| of == run || Some(of) == collector;
            entries.extend(spooled(&connection, waiting, concerns)?);
        }
        Ok(Page {
            entries,
            next,
            more,
        })
    }

    /// Whether a run has any record.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn holds(&self, run: RunId) -> Result<bool, StoreError> {
        let connection = connect(&self.path)?;
        Ok(first(&connection, run)?.is_some())
    }

    /// When a record was written last: the last sure sign of life of whoever writes here.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn written_last(&self) -> Result<Option<Timestamp>, StoreError> {
        let connection = connect(&self.path)?;
        let sql = "SELECT at FROM record ORDER BY seq DESC LIMIT 1";
        let at = connection.query_row(sql, [], |row| row.get::<_, String>(0));
        Ok(at.optional()?.and_then(|at| at.parse().ok()))
    }

    /// What waits in spools, by their names.
    fn waiting(&self) -> Result<Vec<(String, Vec<Line>)>, StoreError> {
        let unreadable = |error: std::io::Error| StoreError::Write(error.to_string());
        let mut waiting = Vec::new();
        for path in spool::beside(&self.path).map_err(unreadable)? {
            match spool::waiting(&path) {
                Ok(lines) => waiting.push((spool::name(&path), lines)),
                // Drained since we looked.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        Ok(waiting)
    }

    /// All runs, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let connection = connect(&self.path)?;
        let mut rows =
            connection.prepare(&format!("SELECT run, first FROM ({RUNS}) ORDER BY first"))?;
        let rows = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        let rows: Vec<(String, u64)> = rows.collect::<Result<_, _>>()?;
        Ok(rows
            .iter()
            .filter_map(|(run, first)| {
                Some(RunRow {
                    run: RunId::parse(run)?,
                    first: *first,
                })
            })
            .collect())
    }

    /// Checks the chain of digests through the whole store, and returns the number of records. Records cut off at the
    /// end show as long as SQLite's own counter was left alone.
    ///
    /// # Errors
    /// The store cannot be read; or, as the inner error, where the chain is broken.
    pub fn verify(&self) -> Result<Result<u64, chain::Broken>, StoreError> {
        let connection = connect(&self.path)?;
        let mut rows =
            connection.prepare("SELECT seq, run, at, body, digest FROM record ORDER BY seq")?;
        let mut rows = rows.query([])?;
        let (mut check, mut last) = (chain::Check::default(), 0);
        // One row at a time: a store may be larger than the memory.
        while let Some(row) = rows.next()? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let link = chain::Link {
                seq: row.get(0)?,
                run: text(1)?,
                at: text(2)?,
                body: text(3)?,
            };
            let digest = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
            if let Err(broken) = check.next(&link, digest) {
                return Ok(Err(broken));
            }
            last = link.seq;
        }
        let given = counter(&connection)?;
        Ok(if given > last {
            Err(chain::Broken { seq: last + 1 })
        } else {
            Ok(check.records())
        })
    }
}

/// A record as it is kept.
fn text(record: &Record) -> Result<String, StoreError> {
    // A hit has some 600 bytes: with room for them from the start the text is not moved as it grows.
    let mut bytes = Vec::with_capacity(1024);
    let unwritable = |error: String| StoreError::Write(error);
    serde_json::to_writer(&mut bytes, record).map_err(|error| unwritable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| unwritable(error.to_string()))
}

/// The last sequence number that SQLite gave out.
fn counter(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'record'";
    let given = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(given.unwrap_or(0))
}

impl EvidenceStore for Store {
    fn append<'a>(&'a self, run: RunId, record: &'a Record) -> Pending<'a, u64> {
        Box::pin(Self::append(self, run, record))
    }

    fn append_within<'a>(
        &'a self,
        most: Duration,
        run: RunId,
        record: &'a Record,
    ) -> Pending<'a, u64> {
        Box::pin(Self::append_within(self, most, run, record))
    }

    fn append_all_within<'a>(
        &'a self,
        most: Duration,
        run: RunId,
        records: &'a [Record],
    ) -> Pending<'a, u64> {
        Box::pin(Self::append_all_within(self, most, run, records))
    }

    fn evidence(&self, run: RunId) -> Pending<'_, Evidence> {
        Box::pin(async move { Self::evidence(self, run) })
    }

    fn runs(&self) -> Pending<'_, Vec<RunRow>> {
        Box::pin(async move { Self::runs(self) })
    }
}

/// A run's first record.
fn first(connection: &Connection, run: RunId) -> Result<Option<Entry>, StoreError> {
    let sql = "SELECT seq, body FROM record WHERE run = ?1 ORDER BY seq LIMIT 1";
    let row = connection.query_row(sql, [run.to_string()], |row| Ok((row.get(0)?, row.get(1)?)));
    row.optional()?.map(parse).transpose()
}

/// Under which run the collector keeps its own records that a run was registered at, with the numbers of the run's first
/// and last record.
fn collector(connection: &Connection, run: RunId) -> Result<(Option<RunId>, u64, u64), StoreError> {
    let Some(Entry {
        seq,
        record: Record::Registration(registration),
    }) = first(connection, run)?
    else {
        return Ok((None, 0, 0));
    };
    let sql = "SELECT MAX(seq) FROM record WHERE run = ?1";
    let last = connection.query_row(sql, [run.to_string()], |row| row.get(0))?;
    Ok((Some(registration.collector), seq, last))
}

/// What waits in spools and is not in the database yet, of the runs that it is asked for.
fn spooled(
    connection: &Connection,
    waiting: Vec<(String, Vec<Line>)>,
    concerns: impl Fn(RunId) -> bool,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for (name, lines) in waiting {
        let known = usize::try_from(known(connection, &name)?).unwrap_or(usize::MAX);
        let lines = lines.into_iter().skip(known);
        let lines = lines.filter(|line| concerns(line.run));
        entries.extend(lines.map(|line| Entry {
            seq: line.number,
            record: line.record,
        }));
    }
    Ok(entries)
}

impl Drop for Store {
    /// What is in line is written before the store is gone.
    fn drop(&mut self) {
        self.inbox.close();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn parse((seq, body): (u64, String)) -> Result<Entry, StoreError> {
    match serde_json::from_str(&body) {
        Ok(record) => Ok(Entry { seq, record }),
        Err(error) => Err(StoreError::Record {
            seq,
            reason: error.to_string(),
        }),
    }
}

pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::Open {
        path: path.to_owned(),
        source,
    };
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(LOCKED).map_err(failed)?;
    let version = identify(&connection, path)?;
    if version == 0 {
        found(&connection).map_err(failed)?;
    }
    if let Err(error) = extend(&connection) {
        // It is only needed where something waits in a spool; one that is held or cannot be written can still be read.
        tracing::debug!(%error, "the table of spools is not made yet");
    }
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    Ok(connection)
}

/// The version of the tables, 0 for an empty file. Anything that is not ours is left as it is.
fn identify(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let failed = |source| StoreError::Open {
        path: path.to_owned(),
        source,
    };
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 = connection
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    let (application, version) = (
        number("application_id").map_err(failed)?,
        number("user_version").map_err(failed)?,
    );
    match (application, tables) {
        (APPLICATION, _) if version > VERSION => Err(StoreError::TooNew {
            path: path.to_owned(),
            version,
        }),
        (APPLICATION, _) | (0, 0) => Ok(version),
        _ => Err(StoreError::Alien {
            path: path.to_owned(),
        }),
    }
}

/// Makes the table of what came by a spool, where an earlier version made the store. It is no evidence: it keeps a crash
/// from draining a spool twice.
pub(super) fn extend(connection: &Connection) -> rusqlite::Result<()> {
    if is_extended(connection)? {
        return Ok(());
    }
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS spooled (
             name   TEXT NOT NULL,
             number INTEGER NOT NULL,
             count  INTEGER NOT NULL,
             seq    INTEGER NOT NULL,
             PRIMARY KEY (name, number)
         ) STRICT",
    )
}

pub(super) fn is_extended(connection: &Connection) -> rusqlite::Result<bool> {
    let there = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'spooled'";
    connection.query_row(there, [], |row| Ok(row.get::<_, u64>(0)? > 0))
}

/// Makes the tables. The triggers hold the law that evidence is append-only, against ourselves.
fn found(connection: &Connection) -> rusqlite::Result<()> {
    // A commit of many hits is some pages, and each page is two writes.
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS record (
             seq    INTEGER PRIMARY KEY AUTOINCREMENT,
             run    TEXT NOT NULL,
             at     TEXT NOT NULL,
             body   TEXT NOT NULL,
             digest BLOB NOT NULL
         ) STRICT;
         CREATE INDEX IF NOT EXISTS record_run ON record (run, seq);
         CREATE TRIGGER IF NOT EXISTS record_is_not_altered BEFORE UPDATE ON record
             BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END;
         CREATE TRIGGER IF NOT EXISTS record_is_not_removed BEFORE DELETE ON record
             BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END;
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {VERSION};
         COMMIT;"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Gap, Registration};
    use crate::store::find;

    const RUN: RunId = RunId(0xabcd_0001);

    fn gap(missed: u64) -> Record {
        let at: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        Record::Gap(Gap {
            from: at,
            to: at,
            missed,
            reason: "test".into(),
        })
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        (folder, inner.join("evidence.db"))
    }

    #[tokio::test]
    async fn what_was_appended_is_there_after_reopening() {
        let (_folder, path) = folder();
        let store = Store::open(&path).unwrap();
        for missed in 0..3 {
            store.append(RUN, &gap(missed)).await.unwrap();
        }
        store.append(RunId(2), &gap(9)).await.unwrap();
        drop(store);
        let store = Store::open(&path).unwrap();
        let records: Vec<Record> = store
            .evidence(RUN)
            .unwrap()
            .entries
            .into_iter()
            .map(|e| e.record)
            .collect();
        assert_eq!(records, [gap(0), gap(1), gap(2)]);
        assert_eq!(
            store
                .runs()
                .unwrap()
                .iter()
                .map(|row| row.run)
                .collect::<Vec<_>>(),
            [RUN, RunId(2)]
        );
        assert_eq!(store.verify().unwrap(), Ok(4));
    }

    #[tokio::test]
    async fn runs_go_by_the_beginning_of_their_name() {
        let (_folder, path) = folder();
        let store = Store::open(&path).unwrap();
        for run in [RUN, RunId(0xabcd_0002), RunId(0x1234_0000)] {
            store.append(run, &gap(0)).await.unwrap();
        }
        let found = async |name| find(&store, name).await;
        assert_eq!(found("abcd0001").await.unwrap(), RUN);
        assert_eq!(found("1").await.unwrap(), RunId(0x1234_0000));
        assert_eq!(found("latest").await.unwrap(), RunId(0x1234_0000));
        assert!(matches!(found("abcd").await, Err(StoreError::Ambiguous(_))));
        for none in ["ff", ""] {
            assert!(matches!(found(none).await, Err(StoreError::NoSuchRun(_))));
        }
    }

    /// Who came without a token while a run was on may have come for it, and what was missed then was missed for it too.
    #[tokio::test]
    async fn a_registered_run_has_its_collectors_own_records_of_its_time() {
        let (_folder, path) = folder();
        let store = Store::open(&path).unwrap();
        let (own, other) = (RunId(7), RunId(8));
        let registration = Record::Registration(Registration {
            at: Timestamp::UNIX_EPOCH,
            collector: own,
        });
        for (run, record) in [
            (own, gap(1)),
            (RUN, registration),
            (own, gap(3)),
            (other, gap(4)),
            (RUN, gap(5)),
            (own, gap(6)),
        ] {
            store.append(run, &record).await.unwrap();
        }
        let numbers = |page: &Page| {
            page.entries
                .iter()
                .map(|entry| entry.seq)
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(&store.page(RUN, 0, 9).unwrap()), [2, 3, 5]);
        let first = store.page(RUN, 0, 2).unwrap();
        assert_eq!(
            (numbers(&first), first.next, first.more),
            (vec![2, 3], 3, true)
        );
        let rest = store.page(RUN, first.next, 2).unwrap();
        assert_eq!((numbers(&rest), rest.next, rest.more), (vec![5], 5, false));
        // A reader comes back: what has come since is there, and nothing was taken away by reading.
        store.append(RUN, &gap(7)).await.unwrap();
        assert_eq!(numbers(&store.page(RUN, rest.next, 2).unwrap()), [6, 7]);
        assert_eq!(store.evidence(RUN).unwrap().entries.len(), 5);
        assert!(store.holds(RUN).unwrap() && !store.holds(RunId(9)).unwrap());
    }

    #[tokio::test]
    async fn evidence_cannot_be_altered_and_an_altered_file_is_found_out() {
        let (_folder, path) = folder();
        let store = Store::open(&path).unwrap();
        for missed in 0..3 {
            store.append(RUN, &gap(missed)).await.unwrap();
        }
        let intruder = Connection::open(&path).unwrap();
        let alter = "UPDATE record SET body = replace(body, '1', '7') WHERE seq = 2";
        assert!(intruder.execute(alter, []).is_err());
        assert!(intruder.execute("DELETE FROM record", []).is_err());
        intruder
            .execute_batch("DROP TRIGGER record_is_not_altered")
            .unwrap();
        intruder.execute(alter, []).unwrap();
        assert_eq!(store.verify().unwrap(), Err(chain::Broken { seq: 2 }));
    }

    #[tokio::test]
    async fn a_cut_end_and_a_changed_time_are_found_out() {
        let (_folder, path) = folder();
        let store = Store::open(&path).unwrap();
        for missed in 0..3 {
            store.append(RUN, &gap(missed)).await.unwrap();
        }
        let intruder = Connection::open(&path).unwrap();
        intruder
            .execute_batch("DROP TRIGGER record_is_not_removed; DROP TRIGGER record_is_not_altered")
            .unwrap();
        intruder
            .execute("DELETE FROM record WHERE seq = 3", [])
            .unwrap();
        assert_eq!(store.verify().unwrap(), Err(chain::Broken { seq: 3 }));
        intruder
            .execute("UPDATE record SET at = '2013' WHERE seq = 1", [])
            .unwrap();
        assert_eq!(store.verify().unwrap(), Err(chain::Broken { seq: 1 }));
    }

    #[test]
    fn a_file_of_something_else_is_left_as_it_is() {
        let (_folder, path) = folder();
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE x (y)")
            .unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Alien { .. })));
        std::fs::write(&path, "not a database at all, but long enough to look at").unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Open { .. })));
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .starts_with("not a database")
        );
    }

    #[test]
    fn a_newer_store_is_refused() {
        let (_folder, path) = folder();
        drop(Store::open(&path).unwrap());
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", VERSION + 1)
            .unwrap();
        assert!(matches!(
            Store::open(&path),
            Err(StoreError::TooNew { version: 2, .. })
        ));
    }

    #[tokio::test]
    async fn a_failed_commit_tells_everybody_and_keeps_nothing() {
        let (folder, path) = folder();
        let store = Store::open(&path).unwrap();
        Connection::open(&path)
            .unwrap()
            .execute_batch("DROP TABLE record")
            .unwrap();
        // The spool has no place either.
        std::fs::rename(path.parent().unwrap(), folder.path().join("moved")).unwrap();
        assert!(matches!(
            store.append(RUN, &gap(0)).await,
            Err(StoreError::Write(_))
        ));
    }
}
