use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{EvidenceStore, Page, Pending, chain};
use crate::model::{Entry, Evidence, Record, RunId, Timestamp};

/// The version of the tables. A newer one is refused rather than guessed at.
const VERSION: i64 = 1;

/// "wxsl" as a big-endian number: marks the file as ours (SQLite's `application_id`).
const APPLICATION: i64 = 0x7778_736c;

/// How many records one commit takes at most: enough that a burst of hits is few commits, few enough that the first in
/// line does not wait for long.
const GROUP: usize = 1024;

/// How long another process may hold the store before we give up.
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
    /// The writer is gone.
    #[error("write to the evidence store: it was closed")]
    Closed,
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

/// Number, then run, time and text, then digest.
type Row = (u64, (String, String, String), Vec<u8>);

struct Append {
    run: RunId,
    body: String,
    done: oneshot::Sender<Result<u64, StoreError>>,
}

/// An open evidence store: one writing thread, any number of readers.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    to_writer: Option<mpsc::Sender<Append>>,
    writer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens a store, or makes one.
    ///
    /// # Errors
    /// The file cannot be opened, is something else, or is newer than this program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = connect(path)?;
        let (to_writer, inbox) = mpsc::channel();
        let writer = std::thread::spawn(move || write(connection, &inbox));
        Ok(Self {
            path: path.to_owned(),
            to_writer: Some(to_writer),
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

    /// Adds a record and returns its sequence number once it is durable.
    ///
    /// # Errors
    /// It could not be made durable: nothing of it is kept.
    pub async fn append(&self, run: RunId, record: &Record) -> Result<u64, StoreError> {
        let body =
            serde_json::to_string(record).map_err(|error| StoreError::Write(error.to_string()))?;
        let (done, outcome) = oneshot::channel();
        let writer = self.to_writer.as_ref().ok_or(StoreError::Closed)?;
        writer
            .send(Append { run, body, done })
            .map_err(|_| StoreError::Closed)?;
        outcome.await.map_err(|_| StoreError::Closed)?
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
    /// the collector's own records too, up to the run's last one: who came without a token, and what was missed.
    ///
    /// # Errors
    /// As [`Store::evidence`].
    pub fn page(&self, run: RunId, after: u64, most: u32) -> Result<Page, StoreError> {
        let connection = connect(&self.path)?;
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

    /// All runs, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let connection = connect(&self.path)?;
        let mut rows =
            connection.prepare("SELECT run, MIN(seq) FROM record GROUP BY run ORDER BY 2")?;
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
    pub fn verify(&self) -> Result<Result<usize, chain::Broken>, StoreError> {
        let connection = connect(&self.path)?;
        let mut rows =
            connection.prepare("SELECT seq, run, at, body, digest FROM record ORDER BY seq")?;
        let rows = rows.query_map([], |row| {
            let texts = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get::<_, u64>(0)?, texts, row.get::<_, Vec<u8>>(4)?))
        })?;
        let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
        let links = rows.iter().map(|(seq, (run, at, body), digest)| {
            (
                chain::Link {
                    seq: *seq,
                    run,
                    at,
                    body,
                },
                digest.as_slice(),
            )
        });
        if let Err(broken) = chain::verify(links) {
            return Ok(Err(broken));
        }
        let last = rows.last().map_or(0, |(seq, ..)| *seq);
        let given = counter(&connection)?;
        Ok(if given > last {
            Err(chain::Broken { seq: last + 1 })
        } else {
            Ok(rows.len())
        })
    }
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

impl Drop for Store {
    /// What is in line is written before the store is gone.
    fn drop(&mut self) {
        drop(self.to_writer.take());
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

fn connect(path: &Path) -> Result<Connection, StoreError> {
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

/// Makes the tables. The triggers hold the law that evidence is append-only, against ourselves.
fn found(connection: &Connection) -> rusqlite::Result<()> {
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

/// The writing thread: takes what is in line, commits it as one group, and tells everybody in it.
fn write(mut connection: Connection, inbox: &mpsc::Receiver<Append>) {
    while let Ok(first) = inbox.recv() {
        let group: Vec<Append> = std::iter::once(first)
            .chain(inbox.try_iter().take(GROUP - 1))
            .collect();
        match commit(&mut connection, &group) {
            Ok(numbers) => group
                .into_iter()
                .zip(numbers)
                .for_each(|(append, seq)| tell(append, Ok(seq))),
            Err(error) => {
                let reason = error.to_string();
                group
                    .into_iter()
                    .for_each(|append| tell(append, Err(StoreError::Write(reason.clone()))));
            }
        }
    }
}

/// Whoever waited may have given up by now; the record is kept all the same.
fn tell(append: Append, outcome: Result<u64, StoreError>) {
    let _ = append.done.send(outcome);
}

fn commit(connection: &mut Connection, group: &[Append]) -> rusqlite::Result<Vec<u64>> {
    // Immediate: the last digest must not change between reading it and writing the next.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut seq, mut before) = last(&transaction)?;
    let mut numbers = Vec::with_capacity(group.len());
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO record (seq, run, at, body, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let at = Timestamp::now().to_string();
        for Append { run, body, .. } in group {
            seq += 1;
            let run = run.to_string();
            let link = chain::Link {
                seq,
                run: &run,
                at: &at,
                body,
            };
            before = chain::digest(&before, &link);
            insert.execute(params![seq, run, at, body, before])?;
            numbers.push(seq);
        }
    }
    transaction.commit()?;
    Ok(numbers)
}

/// Number and digest of the last record.
fn last(transaction: &Transaction<'_>) -> rusqlite::Result<(u64, Vec<u8>)> {
    let last = transaction
        .query_row(
            "SELECT seq, digest FROM record ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(last.unwrap_or_default())
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
        let path = folder.path().join("evidence.db");
        (folder, path)
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
        let (_folder, path) = folder();
        let store = Store::open(&path).unwrap();
        Connection::open(&path)
            .unwrap()
            .execute_batch("DROP TABLE record")
            .unwrap();
        assert!(matches!(
            store.append(RUN, &gap(0)).await,
            Err(StoreError::Write(_))
        ));
    }
}
