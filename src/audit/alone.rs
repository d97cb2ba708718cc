use std::net::SocketAddr;
use std::sync::Arc;

use crate::canary::{Key, Keyring};
use crate::collector::{Collector, Credentials, Setting, ZoneSetting};
use crate::model::{Record, RunId};
use crate::store::Store;

use super::conduct::{AuditError, draw};
use super::stop::Stop;

/// Runs a collector alone until it is wished to stop: it has no keys, so every token is a stranger's, and every hit is
/// recorded. `told` hears the run and sees the collector once its door is open.
///
/// # Errors
/// The address cannot be listened on, nothing can be shown over TLS, or the last gap cannot be recorded.
pub async fn listen_alone(
    listen: SocketAddr,
    zone: Option<ZoneSetting>,
    credentials: Credentials,
    store: Arc<Store>,
    stop: &Stop,
    told: impl FnOnce(RunId, &Collector),
) -> Result<(), AuditError> {
    let run = RunId(u32::from_be_bytes(draw()?));
    let keyring = Keyring::all(Key::new(draw()?));
    let setting = Setting {
        listen,
        public: None,
        zone,
        credentials,
        keyring,
        run,
    };
    let collector = Collector::start(setting, Arc::clone(&store)).await?;
    told(run, &collector);
    stop.wished().await;
    if let Some(gap) = collector.stop().await {
        store.append(run, &Record::Gap(gap)).await?;
    }
    Ok(())
}
