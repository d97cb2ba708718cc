//! The runs that are not over, and what only those need who take them up again. It stands in a table of its own, apart from
//! the evidence: it is no fact about the run, holds the key that its tokens are made with, and goes when the run is over.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};

use super::hold;
use super::sqlite::{Store, StoreError, connect};
use crate::model::RunId;

/// A run that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Its name.
    pub run: RunId,
    /// Whether somebody has it in hand just now.
    pub held: bool,
}

impl Store {
    /// Notes that a run was begun. `kept` is what is needed to take it up again, where this store is the only place for it;
    /// from then on nobody but the store's owner may read its file.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn begin(&self, run: RunId, kept: Option<&str>) -> Result<(), StoreError> {
        let failed = |error: io::Error| StoreError::Write(error.to_string());
        if kept.is_some() {
            make_private(self.path()).map_err(failed)?;
        }
        let connection = connect(self.path())?;
        extend(&connection).map_err(write)?;
        let sql = "INSERT OR REPLACE INTO unfinished (run, kept) VALUES (?1, ?2)";
        let added = connection.execute(sql, (run.to_string(), kept));
        added.map(drop).map_err(write)
    }

    /// What was kept of a run that is not over.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn begun_with(&self, run: RunId) -> Result<Option<String>, StoreError> {
        let connection = connect(self.path())?;
        if !is_extended(&connection)? {
            return Ok(None);
        }
        let sql = "SELECT kept FROM unfinished WHERE run = ?1";
        let kept = connection.query_row(sql, [run.to_string()], |row| row.get(0));
        Ok(kept.optional()?.flatten())
    }

    /// Notes that a run is over, and forgets what was kept of it.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn finish(&self, run: RunId) -> Result<(), StoreError> {
        let connection = connect(self.path())?;
        if !is_extended(&connection)? {
            return Ok(());
        }
        // Overwritten, not only unlinked: a store may be handed on.
        connection
            .pragma_update(None, "secure_delete", true)
            .map_err(write)?;
        let sql = "DELETE FROM unfinished WHERE run = ?1";
        let gone = connection.execute(sql, [run.to_string()]);
        gone.map(drop).map_err(write)
    }

    /// The runs that are not over, the oldest first. One that was killed before its first record is none: nothing was
    /// planted in it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        let connection = connect(self.path())?;
        if !is_extended(&connection)? {
            return Ok(Vec::new());
        }
        let mut rows = connection.prepare(
            "SELECT run FROM unfinished WHERE EXISTS (
                 SELECT 1 FROM record
                 WHERE record.run = unfinished.run AND body LIKE '{\"record\":\"manifest\"%'
             ) ORDER BY rowid",
        )?;
        let rows = rows.query_map([], |row| row.get::<_, String>(0))?;
        let names: Vec<String> = rows.collect::<Result<_, _>>()?;
        let runs = names.iter().filter_map(|name| RunId::parse(name));
        Ok(runs
            .map(|run| Unfinished {
                run,
                held: hold::is_held(self.path(), run),
            })
            .collect())
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is handed to `map_err` by its name"
)]
fn write(error: rusqlite::Error) -> StoreError {
    StoreError::Write(error.to_string())
}

fn is_extended(connection: &Connection) -> rusqlite::Result<bool> {
    let there = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'unfinished'";
    connection.query_row(there, [], |row| Ok(row.get::<_, u64>(0)? > 0))
}

fn extend(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS unfinished (
             run  TEXT PRIMARY KEY,
             kept TEXT
         ) STRICT",
    )
}

/// The database with what SQLite keeps beside it.
fn make_private(store: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = OsString::from(store);
        path.push(suffix);
        let path = PathBuf::from(path);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_run_is_its_owners_and_goes_with_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.db");
        let store = Store::open(&path).unwrap();
        let (one, two) = (RunId(1), RunId(2));
        assert_eq!(store.unfinished().unwrap(), []);
        assert_eq!(store.begun_with(one).unwrap(), None);
        store.finish(one).unwrap();
        store.begin(one, Some("a-secret-of-this-run")).unwrap();
        store.begin(two, None).unwrap();
        assert_eq!(
            store.begun_with(one).unwrap().as_deref(),
            Some("a-secret-of-this-run")
        );
        assert_eq!(store.begun_with(two).unwrap(), None);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(store.unfinished().unwrap(), [], "nothing is planted yet");
        let connection = Connection::open(&path).unwrap();
        for run in [one, two] {
            let sql = "INSERT INTO record (run, at, body, digest) VALUES (?1, '', ?2, x'00')";
            let manifest = r#"{"record":"manifest"}"#;
            connection
                .execute(sql, (run.to_string(), manifest))
                .unwrap();
        }
        drop(connection);
        let free = |run| Unfinished { run, held: false };
        assert_eq!(store.unfinished().unwrap(), [free(one), free(two)]);
        store.finish(one).unwrap();
        assert_eq!(store.unfinished().unwrap(), [free(two)]);
        assert_eq!(store.begun_with(one).unwrap(), None);
        drop(store);
        let bytes = fs::read(&path).unwrap();
        let secret = b"a-secret-of-this-run";
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
}
