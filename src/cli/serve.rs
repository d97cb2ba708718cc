use std::path::Path;
use std::sync::Arc;

use super::args::Serve;
use super::authority::shown;
use super::exit::{Exit, Stopped};
use super::log::{self, Wish};
use super::out::say;
use super::settings::{Settings, settings};
use crate::audit::{Alone, Stop, listen_alone};
use crate::collector::Collector;
use crate::model::RunId;
use crate::store::Store;
use crate::verdict::ExitStatus;

pub(super) fn serve(asked: &Serve, wish: Wish) -> Result<Exit, Stopped> {
    let settings = settings(&asked.given, wish.colour)?;
    log::start(&Wish {
        format: settings.log_format,
        level: settings.log_level,
        usual: "info",
        secrets: secrets(&settings)?,
        ..wish
    });
    let alone = alone(&settings)?;
    let store = Arc::new(Store::open(&settings.store).map_err(Stopped::could_not_run)?);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    runtime.block_on(async {
        let stop = Stop::on_signals()
            .map_err(|error| Stopped::could_not_run(format!("listen for signals: {error}")))?;
        let told = |run, collector: &Collector| tell(run, collector, &settings.store);
        tokio::select! {
            ended = listen_alone(alone, store, &stop, told) => ended?,
            () = stop.insisted() => at_once(),
        }
        Ok(Exit(ExitStatus::Met))
    })
}

/// Ends the process where it stands: what is answered is durable already, and anything tidier could wait for a disk.
fn at_once() {
    tracing::warn!("stopped at once: a visit that was going on may not be recorded");
    std::process::exit(ExitStatus::Interrupted as i32);
}

/// The secrets in use: read before anything listens, so that one that is missing is found out at the start.
fn secrets(settings: &Settings) -> Result<Vec<String>, Stopped> {
    let admin = settings.admin.iter();
    let references = admin.flat_map(|admin| [&admin.plant, &admin.read]);
    let read = references.map(|one| one.read().map(|secret| secret.expose().to_owned()));
    read.collect::<Result<_, _>>().map_err(Stopped::usage)
}

fn alone(settings: &Settings) -> Result<Alone, Stopped> {
    if let Some(admin) = &settings.admin {
        return Err(Stopped::usage(format!(
            "serve an admin address at {}: this waxseal cannot yet; take `[admin]` out of the settings",
            admin.listen
        )));
    }
    Ok(Alone {
        listen: settings.listen.clone(),
        public: settings.public.clone(),
        zone: settings.zone.clone(),
        proxies: settings.proxies.clone(),
        credentials: shown(&settings.certificates)?,
    })
}

/// Says where it can be reached: the address in the links first, then whatever else it listens on.
fn tell(run: RunId, collector: &Collector, store: &Path) {
    let also = collector.addresses().iter().skip(1);
    let also: String = also.map(|at| format!(" and {at}")).collect();
    let dns = collector.dns_addresses().iter().map(ToString::to_string);
    let dns = dns.collect::<Vec<_>>().join(" and ");
    let asked = match dns.is_empty() {
        true => String::new(),
        false => format!(", asked for names at {dns}"),
    };
    say(&format!(
        "listening on {}{also}{asked} as run {run}, recording to {}\n",
        collector.public(),
        store.display()
    ));
}
