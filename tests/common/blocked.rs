//! A store that can keep nothing.

use std::path::{Path, PathBuf};

/// Keeps a store from being written until it is told otherwise: its table goes by another name, and there is no folder
/// for a spool.
pub struct Blocked {
    database: rusqlite::Connection,
    folder: PathBuf,
    moved: PathBuf,
}

pub fn blocked(store: &Path) -> Blocked {
    let database = rusqlite::Connection::open(store).unwrap();
    database
        .execute_batch("ALTER TABLE record RENAME TO gone")
        .unwrap();
    let folder = store.parent().unwrap().to_owned();
    let moved = folder.with_extension("moved");
    std::fs::rename(&folder, &moved).unwrap();
    Blocked {
        database,
        folder,
        moved,
    }
}

impl Blocked {
    pub fn end(self) {
        std::fs::rename(&self.moved, &self.folder).unwrap();
        self.database
            .execute_batch("ALTER TABLE gone RENAME TO record")
            .unwrap();
    }
}
