use std::sync::Arc;

use crate::collector::{Collector, Setting};
use crate::model::Record;
use crate::store::Store;

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
    let collector = Collector::start(setting, store.clone()).await?;
    told(&collector);
    stop.wished().await;
    if let Some(gap) = collector.stop().await {
        store.append(run, &Record::Gap(gap)).await?;
    }
    Ok(())
}
