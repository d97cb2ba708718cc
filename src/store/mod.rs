//! **Store** (floor 3). The lake: every record of every run, append-only, each carrying the digest of the one before.
//!
//! The store is the only thing that collector and conductor share. A record is *durable* when
//! [`EvidenceStore::append`] returns: SQLite in WAL mode with `synchronous=FULL` has it on disk. Records that come in
//! while a commit is under way share the next one (group commit), so a burst of hits costs few commits.
//!
//! There are two: a file here ([`Store`]), and a collector elsewhere ([`RemoteStore`]), which keeps a file of its own.

mod chain;
mod remote;
mod sqlite;

use std::fmt::Debug;
use std::pin::Pin;

pub use chain::{Broken, Link, verify};
pub use remote::{Health, Page, Registered, RemoteStore};
pub use sqlite::{RunRow, Store, StoreError};

use crate::model::{Evidence, Record, RunId};

/// What a store will have done.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where evidence is kept.
pub trait EvidenceStore: Debug + Send + Sync {
    /// Adds a record and gives its sequence number once it is durable.
    ///
    /// # Errors
    /// It could not be made durable, or it is not known whether it was.
    fn append<'a>(&'a self, run: RunId, record: &'a Record) -> Pending<'a, u64>;

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
