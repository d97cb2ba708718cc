use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::file::{Written, parse};
use super::raw::{LogFormat, LogLevel};
use super::secret::{Reference, Secret};
use crate::canary::Zone;
use crate::cli::args::{Given, Tls};
use crate::cli::exit::Stopped;
use crate::cli::scenario::read_as;
use crate::collector::{Acme, Pair, ZoneSetting};

/// How a collector is set up, whole.
#[derive(Debug)]
pub(in super::super) struct Settings {
    pub(in super::super) store: PathBuf,
    pub(in super::super) listen: Vec<SocketAddr>,
    pub(in super::super) public: Option<String>,
    pub(in super::super) zone: Option<ZoneSetting>,
    pub(in super::super) certificates: Certificates,
    pub(in super::super) admin: Option<Admin>,
    pub(in super::super) proxies: Vec<IpNet>,
    pub(in super::super) log_format: LogFormat,
    /// None: what `RUST_LOG` says.
    pub(in super::super) log_level: Option<LogLevel>,
}

/// What is shown over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Certificates {
    /// What nobody has reason to trust, made on the spot.
    Fresh,
    /// Of the lab authority in this folder.
    Lab(PathBuf),
    /// One's own, the one for hosts that none is for first.
    Own(Pair, Vec<Pair>),
    /// What an ACME authority issues.
    Acme(Acme),
}

impl Certificates {
    /// An ACME authority's files are kept beside the store where no other place was named.
    fn beside(self, store: &Path) -> Self {
        match self {
            Self::Acme(acme) if acme.folder.as_os_str().is_empty() => Self::Acme(Acme {
                folder: store.with_extension("acme"),
                ..acme
            }),
            other => other,
        }
    }
}

/// Where runs are planted and read from afar, and where the secrets for it are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Admin {
    pub(in super::super) listen: SocketAddr,
    pub(in super::super) plant: Reference,
    pub(in super::super) read: Reference,
}

/// The secrets of an interface, read.
#[derive(Debug)]
pub(in super::super) struct Opened {
    pub(in super::super) plant: Secret,
    pub(in super::super) read: Secret,
}

impl Opened {
    /// Their texts, to be kept out of the log.
    pub(in super::super) fn texts(&self) -> impl Iterator<Item = String> + '_ {
        [&self.plant, &self.read]
            .map(|secret| secret.expose().to_owned())
            .into_iter()
    }
}

impl Settings {
    /// Reads the secrets that are in use.
    ///
    /// # Errors
    /// One cannot be read, or would be guessed.
    pub(in super::super) fn secrets(&self) -> Result<Option<Opened>, String> {
        let opened = self.admin.as_ref().map(|admin| {
            let (plant, read) = (admin.plant.read()?, admin.read.read()?);
            Ok(Opened { plant, read })
        });
        opened.transpose()
    }
}

/// Puts together what was typed, what is in the environment, what is in the file, and what nobody said.
pub(in super::super) fn settings(given: &Given, colour: bool) -> Result<Settings, Stopped> {
    let written = match &given.config {
        Some(path) => from_file(path, colour)?,
        None => Written::default(),
    };
    let store = first(given.store.clone(), written.store.clone(), || {
        PathBuf::from("waxseal.db")
    });
    let zone = zone(given, &written)?;
    let public = match &given.public {
        Some(typed) => Some(public(typed).ok_or_else(|| not_public(typed))?),
        None => written.public,
    };
    Ok(Settings {
        certificates: certificates(&given.tls, &store)?
            .or(written.certificates.map(|these| these.beside(&store)))
            .unwrap_or(Certificates::Fresh),
        store,
        listen: list(&given.listen, written.listen, || vec![anywhere()]),
        public: public
            .map(|public| in_zone(public, zone.as_ref()))
            .transpose()?,
        zone,
        admin: admin(given, written.admin)?,
        proxies: list(&given.proxies, written.proxies, Vec::new),
        log_format: first(given.log_format, written.log.format, LogFormat::default),
        log_level: given.log_level.or(written.log.level),
    })
}

/// Each part as it was typed, else as the file has it. All are there, or none.
fn admin(given: &Given, written: Option<Admin>) -> Result<Option<Admin>, Stopped> {
    let (listen, plant, read) = match written {
        Some(admin) => (Some(admin.listen), Some(admin.plant), Some(admin.read)),
        None => (None, None, None),
    };
    let listen = given.admin.or(listen);
    let plant = given.plant_secret.clone().or(plant);
    let read = given.read_secret.clone().or(read);
    match (listen, plant, read) {
        (Some(listen), Some(plant), Some(read)) => Ok(Some(Admin {
            listen,
            plant,
            read,
        })),
        (None, None, None) => Ok(None),
        _ => Err(Stopped::usage(
            "answer runs elsewhere: that needs --admin, --plant-secret and --read-secret, or all three of `[admin]` in the settings",
        )),
    }
}

fn from_file(path: &Path, colour: bool) -> Result<Written, Stopped> {
    let source = read_as("settings", path)?;
    parse(&source, colour).map_err(Stopped::mistakes)
}

fn first<T>(given: Option<T>, written: Option<T>, default: impl FnOnce() -> T) -> T {
    given.or(written).unwrap_or_else(default)
}

/// A list is taken whole: nobody could say that a file's entry does not count.
fn list<T: Clone>(given: &[T], written: Vec<T>, default: impl FnOnce() -> Vec<T>) -> Vec<T> {
    match (given.is_empty(), written.is_empty()) {
        (false, _) => given.to_vec(),
        (true, false) => written,
        (true, true) => default(),
    }
}

/// A free port of loopback.
fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn zone(given: &Given, written: &Written) -> Result<Option<ZoneSetting>, Stopped> {
    let Some(zone) = given.zone.clone().or_else(|| written.zone.clone()) else {
        let idle = !given.dns_listen.is_empty() || !given.addresses.is_empty();
        let said = "answer DNS queries without a zone: --dns-listen and --address need one; name it with --zone";
        return if idle {
            Err(Stopped::usage(said))
        } else {
            Ok(None)
        };
    };
    Ok(Some(ZoneSetting {
        zone,
        listen: list(&given.dns_listen, written.dns_listen.clone(), || {
            vec![anywhere()]
        }),
        addresses: list(&given.addresses, written.addresses.clone(), Vec::new),
    }))
}

/// What was typed about certificates; `store` is what an ACME authority's files are kept beside.
pub(in super::super) fn certificates(
    typed: &Tls,
    store: &Path,
) -> Result<Option<Certificates>, Stopped> {
    if let Some(acme) = typed.acme.setting(store) {
        return Ok(Some(Certificates::Acme(acme)));
    }
    let mut pairs = typed.pairs().map_err(Stopped::usage)?.into_iter();
    Ok(match (pairs.next(), &typed.lab_authority) {
        (Some(first), _) => Some(Certificates::Own(first, pairs.collect())),
        (None, Some(folder)) => Some(Certificates::Lab(folder.clone())),
        (None, None) => None,
    })
}

/// The address in links and pages: `http://`, a host, at most a port, nothing behind.
pub(super) fn public(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let bare = url.scheme() == "http" && url.path() == "/" && !text.ends_with('/');
    let alone = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (bare && alone && url.host_str().is_some()).then(|| text.to_owned())
}

fn not_public(typed: &str) -> Stopped {
    Stopped::usage(format!(
        "use `{typed}` as the address in the links: give it as http://HOST or http://HOST:PORT, without a closing slash"
    ))
}

/// With a zone the host token stands in the host: `http://canary.example:8080` is meant as `http://*.canary.example:8080`.
fn in_zone(public: String, zone: Option<&ZoneSetting>) -> Result<String, Stopped> {
    let Some(ZoneSetting { zone, .. }) = zone else {
        return Ok(public);
    };
    let rest = public.trim_start_matches("http://");
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (rest, String::new()),
    };
    match zone.inside(host) {
        Some("" | "*") => Ok(format!("http://*.{zone}{port}")),
        _ => Err(elsewhere(&public, zone)),
    }
}

fn elsewhere(public: &str, zone: &Zone) -> Stopped {
    Stopped::usage(format!(
        "use `{public}` as the address in the links: with the zone {zone} its host must be {zone}"
    ))
}
