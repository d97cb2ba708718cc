use std::sync::Arc;

use super::hold::{self, Hold};
use super::{EvidenceStore, RemoteStore, Store, StoreError, Unfinished};
use crate::model::RunId;

/// Where the evidence of runs is kept, and so who listens for them: this process, or a collector elsewhere.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file here.
    Here(Arc<Store>),
    /// At a collector elsewhere.
    Elsewhere(Arc<RemoteStore>),
}

impl Place {
    /// The evidence.
    #[must_use]
    pub fn store(&self) -> Arc<dyn EvidenceStore> {
        match self {
            Self::Here(store) => store.clone(),
            Self::Elsewhere(remote) => remote.clone(),
        }
    }

    /// The collector, where it is elsewhere.
    #[must_use]
    pub const fn elsewhere(&self) -> Option<&Arc<RemoteStore>> {
        match self {
            Self::Here(_) => None,
            Self::Elsewhere(remote) => Some(remote),
        }
    }

    /// Takes a run in hand: nobody else can until it is let go.
    ///
    /// # Errors
    /// Somebody has it, or that cannot be found out.
    pub async fn hold(&self, run: RunId) -> Result<Hold, StoreError> {
        match self {
            Self::Here(store) => hold::take(store.path(), run),
            Self::Elsewhere(remote) => hold::lease(remote, run).await,
        }
    }

    /// The runs that are not over, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        match self {
            Self::Here(store) => store.unfinished(),
            Self::Elsewhere(remote) => remote.unfinished().await,
        }
    }

    /// Notes that a run is over. A collector elsewhere does that by itself.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn finish(&self, run: RunId) -> Result<(), StoreError> {
        match self {
            Self::Here(store) => store.finish(run),
            Self::Elsewhere(_) => Ok(()),
        }
    }
}
