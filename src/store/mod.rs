//! **Store** (floor 3). The lake: every record of every run, append-only, each carrying the digest of the one before.
//!
//! The store is the only thing that collector and conductor share. A record is *durable* when [`Store::append`]
//! returns: SQLite in WAL mode with `synchronous=FULL` has it on disk. Records that come in while a commit is under
//! way share the next one (group commit), so a burst of hits costs few commits.
//!
//! While the database cannot take records (another process holds it, it is full, it fails), they wait in a *spool*: a
//! file of its own beside it, synced in the same groups. It is drained into the database in order as soon as that works
//! again, after a crash by whoever opens the store next; readers of a run see what still waits in it as well.

mod chain;
mod spool;
mod sqlite;
mod writer;

pub use chain::{Broken, Check, Link};
pub use sqlite::{RunRow, Store, StoreError};
