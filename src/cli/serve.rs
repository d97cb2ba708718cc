use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::Serve;
use super::authority::shown;
use super::exit::{Exit, Stopped};
use super::log::{self, Wish};
use super::out::say;
use super::settings::{Opened, Settings, settings};
use crate::audit::{Stop, listen_alone};
use crate::canary::Keyring;
use crate::collector::{Admin, Collector, Secrets, Setting, kept_key};
use crate::model::RunId;
use crate::store::Store;
use crate::verdict::ExitStatus;

pub(super) fn serve(asked: &Serve, wish: Wish) -> Result<Exit, Stopped> {
    let settings = settings(&asked.given, wish.colour)?;
    // Before anything listens, so that one that is missing is found out at the start.
    let secrets = settings.secrets().map_err(Stopped::usage)?;
    log::start(&Wish {
        format: settings.log_format,
        level: settings.log_level,
        usual: "info",
        secrets: secrets.iter().flat_map(Opened::texts).collect(),
        ..wish
    });
    let (setting, store) = set_up(&settings, secrets)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    runtime.block_on(async {
        let stop = Stop::on_signals()
            .map_err(|error| Stopped::could_not_run(format!("listen for signals: {error}")))?;
        let run = setting.run;
        let told = |collector: &Collector| tell(run, collector, &settings.store);
        tokio::select! {
            ended = listen_alone(setting, store, &stop, told) => ended?,
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

fn set_up(settings: &Settings, secrets: Option<Opened>) -> Result<(Setting, Arc<Store>), Stopped> {
    let credentials = shown(&settings.certificates)?;
    let secrets = secrets.map(|opened| both(&opened)).transpose()?;
    let store = Arc::new(Store::open(&settings.store).map_err(Stopped::could_not_run)?);
    let key = kept_key(&beside(&settings.store)).map_err(Stopped::could_not_run)?;
    let admin = settings.admin.as_ref().zip(secrets);
    let setting = Setting {
        listen: settings.listen.clone(),
        public: settings.public.clone(),
        zone: settings.zone.clone(),
        credentials,
        proxies: settings.proxies.clone(),
        run: key.own_run(),
        // It is there for months: what limits it is its disk, which `waxseal doctor` looks at.
        most: None,
        admin: admin.map(|(admin, secrets)| Admin {
            listen: admin.listen,
            secrets,
            key: key.clone(),
            store: Arc::clone(&store),
        }),
        keyring: Keyring::all(key),
    };
    Ok((setting, store))
}

fn both(opened: &Opened) -> Result<Secrets, Stopped> {
    Secrets::new(opened.plant.expose(), opened.read.expose()).ok_or_else(|| {
        Stopped::usage("use the secrets for planting and reading: they must differ; `openssl rand -hex 32` makes one")
    })
}

/// The key's file: beside the store, and never in it, since a store is handed on.
pub(super) fn beside(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".key");
    path.into()
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
    let admin = collector.admin();
    let admin = admin.map(|at| format!(", runs elsewhere at https://{at}"));
    say(&format!(
        "listening on {}{also}{asked}{} as run {run}, recording to {}\n",
        collector.public(),
        admin.unwrap_or_default(),
        store.display()
    ));
}
