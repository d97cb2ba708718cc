use std::sync::Arc;

use super::args::Serve;
use super::authority::credentials;
use super::exit::{Exit, Stopped};
use super::out::say;
use crate::audit::{Stop, listen_alone};
use crate::collector::Collector;
use crate::store::Store;
use crate::verdict::ExitStatus;

pub(super) fn serve(asked: &Serve) -> Result<Exit, Stopped> {
    let credentials = credentials(&asked.tls, &asked.store.path)?;
    let store = Arc::new(Store::open(&asked.store.path).map_err(Stopped::could_not_run)?);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    runtime.block_on(async {
        let stop = Stop::on_signals()
            .map_err(|error| Stopped::could_not_run(format!("listen for signals: {error}")))?;
        let told = |run, collector: &Collector| {
            let dns = collector.dns();
            let dns = dns.map(|at| format!(", asked for names at {at}"));
            say(&format!(
                "listening on {}{} as run {run}, recording to {}\n",
                collector.public(),
                dns.unwrap_or_default(),
                asked.store.path.display()
            ));
        };
        listen_alone(
            asked.listen,
            asked.names.setting(),
            credentials,
            store,
            &stop,
            told,
        )
        .await?;
        Ok(Exit(ExitStatus::Met))
    })
}
