//! **Store** (floor 3). The lake: every record of every run, append-only, each carrying the digest of the one before.
//!
//! The store is the only thing that collector and conductor share. A record is *durable* when
//! [`EvidenceStore::append`] returns: SQLite in WAL mode with `synchronous=FULL` has it on disk. Records that come in
//! while a commit is under way share the next one (group commit), so a burst of hits costs few commits.
//!
//! While the database cannot take records (another process holds it, it is full, it fails), they wait in a *spool*: a
//! file of its own beside it, synced in the same groups. It is drained into the database in order as soon as that works
//! again, after a crash by whoever opens the store next; readers of a run see what still waits in it as well.
//!
//! What judged runs come to is kept beside their evidence ([`Store::keep`]), so that a long history opens at once.
//!
//! A run can be taken out as an evidence file, whose format ([`mod@file`]) is a contract for tools of other people.
//!
//! Which runs are not over, and who has one in hand, is known beside the evidence (`unfinished`, `hold`).
//!
//! There are two stores: a file here ([`Store`]), and a collector elsewhere ([`RemoteStore`]), which keeps a file of its
//! own.

mod chain;
pub mod file;
mod hold;
mod place;
mod remote;
mod spool;
mod sqlite;
mod summaries;
mod unfinished;
mod writer;

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

pub use chain::{Broken, Check, Link};
pub use file::{FileError, read_evidence, write_evidence, write_evidence_packed};
pub use hold::Hold;
pub use place::Place;
pub use remote::{HOLDER, Health, Page, Registered, RemoteStore};
pub use sqlite::{RunRow, Store, StoreError};
pub use summaries::Kept;
pub use unfinished::Unfinished;

use crate::model::{Evidence, Record, RunId};

/// What a store will have done.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where evidence is kept.
pub trait EvidenceStore: Debug + Send + Sync {
    /// Adds a record and gives its number once it is durable: its sequence number, or while it waits in a spool one that
    /// stands for it in [`Record::Endings`].
    ///
    /// # Errors
    /// It could not be made durable, or it is not known whether it was.
    fn append<'a>(&'a self, run: RunId, record: &'a Record) -> Pending<'a, u64>;

    /// The same, and gives up after a while.
    ///
    /// # Errors
    /// As [`EvidenceStore::append`], or it took too long.
    fn append_within<'a>(
        &'a self,
        most: Duration,
        run: RunId,
        record: &'a Record,
    ) -> Pending<'a, u64>;

    /// The same for several records that belong together; the first one's number.
    ///
    /// # Errors
    /// As [`EvidenceStore::append_within`].
    fn append_all_within<'a>(
        &'a self,
        most: Duration,
        run: RunId,
        records: &'a [Record],
    ) -> Pending<'a, u64>;

    /// All records of a run, those of its collector's own that were made meanwhile among them.
    ///
    /// # Errors
    /// The store cannot be read, or holds a record this version does not know.
    fn evidence(&self, run: RunId) -> Pending<'_, Evidence>;

    /// All runs, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    fn runs(&self) -> Pending<'_, Vec<RunRow>>;
}

/// The run with this name: `latest`, or the beginning of its name if no other begins so.
///
/// # Errors
/// The store cannot be read; no run, or several, go by that name.
pub async fn find(store: &dyn EvidenceStore, name: &str) -> Result<RunId, StoreError> {
    let runs = store.runs().await?;
    let named: Vec<RunId> = match name {
        "latest" => runs.last().map(|row| row.run).into_iter().collect(),
        _ => runs
            .iter()
            .map(|row| row.run)
            .filter(|run| !name.is_empty() && run.to_string().starts_with(name))
            .collect(),
    };
    match named.as_slice() {
        [run] => Ok(*run),
        [] => Err(StoreError::NoSuchRun(name.to_owned())),
        _ => Err(StoreError::Ambiguous(name.to_owned())),
    }
}
