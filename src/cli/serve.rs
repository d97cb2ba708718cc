use std::path::PathBuf;
use std::sync::Arc;

use super::args::Serve;
use super::authority::credentials;
use super::exit::{Exit, Stopped};
use super::out::say;
use super::store::file;
use crate::audit::{Stop, listen_alone};
use crate::canary::Keyring;
use crate::collector::{Admin, Collector, Secrets, Setting, kept_key};
use crate::store::Store;
use crate::verdict::ExitStatus;

pub(super) fn serve(asked: &Serve) -> Result<Exit, Stopped> {
    file(&asked.store, "serve")?;
    let secrets = secrets(asked)?;
    let credentials = credentials(&asked.tls)?;
    let store = Arc::new(Store::open(&asked.store.path).map_err(Stopped::could_not_run)?);
    let key = kept_key(&beside(&asked.store.path)).map_err(Stopped::could_not_run)?;
    let setting = Setting {
        listen: asked.listen,
        public: asked.public.clone(),
        zone: asked.names.setting(),
        credentials,
        run: key.own_run(),
        admin: secrets.map(|(listen, secrets)| Admin {
            listen,
            secrets,
            key: key.clone(),
            store: Arc::clone(&store),
        }),
        keyring: Keyring::all(key),
    };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    runtime.block_on(async {
        let stop = Stop::on_signals()
            .map_err(|error| Stopped::could_not_run(format!("listen for signals: {error}")))?;
        let run = setting.run;
        let told = |collector: &Collector| {
            let dns = collector
                .dns()
                .map(|at| format!(", asked for names at {at}"));
            let admin = collector
                .admin()
                .map(|at| format!(", runs elsewhere at https://{at}"));
            say(&format!(
                "listening on {}{}{} as run {run}, recording to {}\n",
                collector.public(),
                dns.unwrap_or_default(),
                admin.unwrap_or_default(),
                asked.store.path.display()
            ));
        };
        listen_alone(setting, store, &stop, told).await?;
        Ok(Exit(ExitStatus::Met))
    })
}

/// The key's file: beside the store, and never in it, since a store is handed on.
fn beside(store: &std::path::Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".key");
    path.into()
}

/// Where runs elsewhere are answered and what they are asked for.
fn secrets(asked: &Serve) -> Result<Option<(std::net::SocketAddr, Secrets)>, Stopped> {
    let (Some(listen), Some(plant), Some(read)) =
        (asked.admin, &asked.plant_secret, &asked.read_secret)
    else {
        return Ok(None);
    };
    let (plant, read) = (plant.read()?, read.read()?);
    match Secrets::new(&plant, &read) {
        Some(secrets) => Ok(Some((listen, secrets))),
        None => Err(Stopped::usage(
            "use the secrets for --admin: both need 16 characters or more, and they must differ; `openssl rand -hex 32` makes one",
        )),
    }
}
