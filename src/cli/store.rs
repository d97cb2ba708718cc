use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::args::StorePath;
use super::exit::Stopped;
use crate::model::{Evidence, RunId};
use crate::store::{EvidenceStore, Place, RemoteStore, Store, find, read_evidence};

/// The variable that holds the secret of a collector elsewhere: on a command line anybody could read it.
pub(super) const SECRET: &str = "WAXSEAL_SECRET";

/// The store that was named: a file here, or a collector elsewhere.
pub(super) enum Named {
    File(Arc<Store>),
    Collector(Arc<RemoteStore>),
}

impl Named {
    /// Opens it; a file is made where there is none.
    pub(super) fn open(asked: &StorePath) -> Result<Self, Stopped> {
        Self::with(asked, |asked| Store::open(&asked.path))
    }

    /// Opens one that must be there already.
    pub(super) fn open_existing(asked: &StorePath) -> Result<Self, Stopped> {
        Self::with(asked, |asked| Store::open_existing(&asked.path))
    }

    fn with(
        asked: &StorePath,
        file: impl FnOnce(&StorePath) -> Result<Store, crate::store::StoreError>,
    ) -> Result<Self, Stopped> {
        match asked.collector() {
            Some(address) => remote(asked, address).map(|remote| Self::Collector(Arc::new(remote))),
            None => file(asked)
                .map(|store| Self::File(Arc::new(store)))
                .map_err(Stopped::could_not_run),
        }
    }

    /// Where runs are planted, and their evidence is kept.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::File(store) => Place::Here(Arc::clone(store)),
            Self::Collector(remote) => Place::Elsewhere(Arc::clone(remote)),
        }
    }

    pub(super) fn any(&self) -> Arc<dyn EvidenceStore> {
        self.place().store()
    }
}

/// The store in a file of its own: what is asked for cannot be had from elsewhere.
pub(super) fn file(asked: &StorePath, verb: &str) -> Result<(), Stopped> {
    match asked.collector() {
        Some(_) => Err(Stopped::usage(format!(
            "{verb} {}: that is done where the collector's store is; name its file with --store",
            asked.path.display()
        ))),
        None => Ok(()),
    }
}

fn remote(asked: &StorePath, address: &str) -> Result<RemoteStore, Stopped> {
    let secret = std::env::var(SECRET).map_err(|_| {
        Stopped::usage(format!(
            "use the collector named with --store: set {SECRET} to the secret that it asks for"
        ))
    })?;
    let root = asked.store_root.as_ref().map(|path| {
        fs::read(path).map_err(|error| Stopped::usage(format!("read {}: {error}", path.display())))
    });
    RemoteStore::new(address, secret.trim_end(), root.transpose()?.as_deref())
        .map_err(Stopped::usage)
}

/// Does what waits for others, on this thread.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> Result<T, Stopped> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    Ok(runtime.block_on(work))
}

/// The run of that name.
pub(super) fn run_named(store: &dyn EvidenceStore, name: &str) -> Result<RunId, Stopped> {
    wait(find(store, name))?.map_err(Stopped::usage)
}

/// All that is known of a run.
pub(super) fn evidence(store: &dyn EvidenceStore, run: RunId) -> Result<Evidence, Stopped> {
    wait(store.evidence(run))?.map_err(Stopped::could_not_run)
}

/// The evidence in a file, or of a run in the store.
pub(super) fn named_evidence(store: &StorePath, name: &str) -> Result<Evidence, Stopped> {
    Ok(named_run(store, name)?.0)
}

/// The same, and the store it is from, where that was looked into.
pub(super) fn named_run(
    store: &StorePath,
    name: &str,
) -> Result<(Evidence, Option<Named>), Stopped> {
    let path = Path::new(name);
    if names_a_file(path) {
        return Ok((read_evidence(path).map_err(Stopped::usage)?, None));
    }
    let named = Named::open_existing(store)?;
    let store = named.any();
    let run = run_named(&*store, name)?;
    Ok((evidence(&*store, run)?, Some(named)))
}

/// No run has a name with a folder in it, or one that ends like this.
pub(super) fn names_a_file(path: &Path) -> bool {
    let ends = ["jsonl", "zst"].map(OsStr::new).map(Some);
    let ends = ends.contains(&path.extension());
    ends || path.components().count() > 1 || path.is_file()
}
