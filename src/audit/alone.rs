use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::canary::{Key, Keyring};
use crate::collector::{Collector, Credentials, Setting, ZoneSetting};
use crate::model::{Record, RunId};
use crate::store::Store;

use super::conduct::{AuditError, draw};
use super::stop::Stop;

/// How a collector that runs alone is set up.
#[derive(Debug)]
pub struct Alone {
    /// Where the public door listens; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The address in links and pages; none: the first one listened on.
    pub public: Option<String>,
    /// The zone to answer for.
    pub zone: Option<ZoneSetting>,
    /// Networks of proxies of one's own, whose word on whom they forward for is kept.
    pub proxies: Vec<IpNet>,
    /// What is shown over TLS.
    pub credentials: Credentials,
}

/// Runs a collector alone until it is wished to stop: it has no keys, so every token is a stranger's, and every hit is
/// recorded. `told` hears the run and sees the collector once its door is open.
///
/// # Errors
/// The address cannot be listened on, nothing can be shown over TLS, or the last gap cannot be recorded.
pub async fn listen_alone(
    alone: Alone,
    store: Arc<Store>,
    stop: &Stop,
    told: impl FnOnce(RunId, &Collector),
) -> Result<(), AuditError> {
    let run = RunId(u32::from_be_bytes(draw()?));
    let keyring = Keyring::new(Vec::new(), Key::new(draw()?));
    let setting = Setting {
        listen: alone.listen,
        public: alone.public,
        zone: alone.zone,
        credentials: alone.credentials,
        keyring,
        proxies: alone.proxies,
        run,
    };
    let collector = Collector::start(setting, Arc::clone(&store)).await?;
    told(run, &collector);
    stop.wished().await;
    tracing::info!("stopping: visits that have begun may end; a second signal stops at once");
    if let Some(gap) = collector.stop().await {
        store.append(run, &Record::Gap(gap)).await?;
    }
    tracing::info!("stopped");
    Ok(())
}
