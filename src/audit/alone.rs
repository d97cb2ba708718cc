use std::sync::Arc;

use crate::collector::{Collector, Setting};
use crate::model::{Gap, Record, RunId, Timestamp};
use crate::store::{Store, StoreError};

use super::conduct::AuditError;
use super::stop::Stop;

/// Runs a collector alone until it is wished to stop: what carries a token is recorded under the run it was planted for,
/// everything else under the collector's own. `told` sees the collector once its door is open.
///
/// # Errors
/// An address cannot be listened on, nothing can be shown over TLS, or the last gap cannot be recorded.
pub async fn listen_alone(
    setting: Setting,
    store: Arc<Store>,
    stop: &Stop,
    told: impl FnOnce(&Collector),
) -> Result<(), AuditError> {
    let run = setting.run;
    let before = store.written_last()?;
    let collector = Collector::start(setting, store.clone()).await?;
    if let Some(from) = before {
        closed(&store, run, from, "the collector was not there").await?;
    }
    told(&collector);
    stop.wished().await;
    tracing::info!("stopping: visits that have begun may end; a second signal stops at once");
    if let Some(gap) = collector.stop().await {
        store.append(run, &Record::Gap(gap)).await?;
    }
    // What is not heard begins here, and not with the last visit.
    closed(&store, run, Timestamp::now(), "the collector stops").await?;
    tracing::info!("stopped");
    Ok(())
}

/// Writes down that nobody listened from an instant until now.
async fn closed(store: &Store, run: RunId, from: Timestamp, why: &str) -> Result<(), StoreError> {
    let to = Timestamp::now();
    let gap = Gap {
        from: from.min(to),
        to,
        missed: 0,
        reason: why.to_owned(),
    };
    store.append(run, &Record::Gap(gap)).await.map(drop)
}
