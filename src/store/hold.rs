//! Who has a run in hand: one process at a time, so that no message is sent by two.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::remote::RemoteStore;
use super::sqlite::StoreError;
use crate::model::RunId;

/// How often a lease at a collector elsewhere is renewed.
const RENEWAL: Duration = Duration::from_secs(5);

/// How often a lock that somebody has is tried again, and after how long.
const TRIES: u32 = 5;
const MOMENT: Duration = Duration::from_millis(10);

/// A run in hand; whoever drops it lets it go.
#[derive(Debug)]
pub struct Hold(Grip);

#[derive(Debug)]
enum Grip {
    File(#[expect(dead_code, reason = "it is there to be dropped")] Lock),
    Lease(Lease),
}

impl Hold {
    /// Lets the run go. A lease that is only dropped lasts for some seconds more.
    pub async fn release(self) {
        let Grip::Lease(lease) = self.0 else { return };
        lease.renewing.abort();
        if let Err(error) = lease.store.let_go(lease.run).await {
            tracing::debug!(%error, "the collector was not told that the run is let go");
        }
    }
}

/// A lease at a collector elsewhere, renewed until this is dropped.
#[derive(Debug)]
struct Lease {
    store: Arc<RemoteStore>,
    run: RunId,
    renewing: JoinHandle<()>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Takes a run of a collector elsewhere in hand.
pub(super) async fn lease(store: &Arc<RemoteStore>, run: RunId) -> Result<Hold, StoreError> {
    store.take(run).await?;
    let renewed = Arc::clone(store);
    let renewing = tokio::spawn(async move {
        loop {
            tokio::time::sleep(RENEWAL).await;
            // One that was lost shows where it matters: nothing is planted without it.
            if let Err(error) = renewed.renew(run).await {
                tracing::warn!(%error, "the run's lease was not renewed");
            }
        }
    });
    Ok(Hold(Grip::Lease(Lease {
        store: Arc::clone(store),
        run,
        renewing,
    })))
}

/// A locked file beside the store. The system unlocks it whatever becomes of the process.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    /// Open as long as it is locked.
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked: who waits for the next one opens a file of its own.
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "a run's lock was not removed");
        }
    }
}

fn beside(store: &Path, run: RunId) -> PathBuf {
    let name = store.file_name().unwrap_or_default().to_string_lossy();
    store.with_file_name(format!("{name}-run-{run}"))
}

/// Takes a run of a store here in hand.
pub(super) fn take(store: &Path, run: RunId) -> Result<Hold, StoreError> {
    let path = beside(store, run);
    let failed = |error: io::Error| StoreError::Write(format!("{}: {error}", path.display()));
    let mut tries = 0;
    loop {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            // Who only looks whether it is held is gone in a moment.
            Err(TryLockError::WouldBlock) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(MOMENT);
            }
            Ok(()) if is_at(&file, &path) => {
                let path = path.clone();
                return Ok(Hold(Grip::File(Lock { path, _file: file })));
            }
            // Whoever had it removed it in between.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Held(run)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Whether somebody has a run of a store here in hand.
pub(super) fn is_held(store: &Path, run: RunId) -> bool {
    let file = File::open(beside(store, run));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_in_one_hand_at_a_time_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("evidence.db");
        let run = RunId(7);
        assert!(!is_held(&store, run));
        let hold = take(&store, run).unwrap();
        assert!(is_held(&store, run) && !is_held(&store, RunId(8)));
        assert!(matches!(take(&store, run), Err(StoreError::Held(held)) if held == run));
        drop(hold);
        assert!(!is_held(&store, run));
        // One that was left behind by a process that was killed holds nobody up.
        fs::write(beside(&store, run), "").unwrap();
        drop(take(&store, run).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
