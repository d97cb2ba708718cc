//! **Store** (floor 3). The lake: every record of every run, append-only, each carrying the digest of the one before.
//!
//! The store is the only thing that collector and conductor share. A record is *durable* when [`Store::append`]
//! returns: SQLite in WAL mode with `synchronous=FULL` has it on disk. Records that come in while a commit is under
//! way share the next one (group commit), so a burst of hits costs few commits.

mod chain;
mod sqlite;

pub use chain::{Broken, Link, verify};
pub use sqlite::{RunRow, Store, StoreError};
