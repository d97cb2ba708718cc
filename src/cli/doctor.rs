use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::args::Doctor;
use super::exit::{Exit, Stopped};
use super::out::say;
use super::serve::beside;
use super::settings::{Certificates, Settings, settings};
use super::walk::walk;
use crate::audit::{Checkup, Finding, Names, State, examine};
use crate::collector::Authority;
use crate::diagnostic::printable;
use crate::verdict::ExitStatus;

/// Looks at the collector that is set up like this; or walks through a scenario.
pub(super) fn doctor(asked: &Doctor, red: bool) -> Result<Exit, Stopped> {
    if asked.walk.scenario.is_some() {
        return walk(&asked.walk, red);
    }
    let settings = settings(&asked.given, red)?;
    let checkup = checkup(asked, &settings)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    let found = runtime.block_on(examine(&checkup));
    say(&shown(&found));
    Ok(Exit(status(&found)))
}

fn checkup(asked: &Doctor, settings: &Settings) -> Result<Checkup, Stopped> {
    let doors = reachable(&asked.at, &settings.listen);
    if doors.is_empty() {
        return Err(Stopped::usage(
            "find the collector: port 0 is any port; say where it is with --at, or where it listens with --listen",
        ));
    }
    let label = label()?;
    let zone = settings.zone.as_ref();
    let host = match (zone, &settings.public) {
        (Some(zone), _) => Some(format!("{label}.{}", zone.zone)),
        (None, Some(public)) => host_of(public),
        (None, None) => None,
    };
    let names = zone.map(|zone| Names {
        zone: zone.zone.clone(),
        servers: reachable(&asked.dns_at, &zone.listen),
        addresses: zone.addresses.clone(),
        resolver: asked.resolver.or_else(system_resolver),
        label,
    });
    if names.as_ref().is_some_and(|names| names.servers.is_empty()) {
        return Err(Stopped::usage(
            "find where the collector answers DNS queries: port 0 is any port; name it with --dns-at or --dns-listen",
        ));
    }
    Ok(Checkup {
        doors,
        host,
        trusted: trusted(&settings.certificates),
        names,
        clock_from: asked.clock_from.clone(),
        store: settings.store.clone(),
        secrets: secrets(settings),
    })
}

/// Where to knock: as it was typed, or where the collector listens. One that listens everywhere is found on loopback.
fn reachable(typed: &[SocketAddr], listen: &[SocketAddr]) -> Vec<SocketAddr> {
    let all = if typed.is_empty() { listen } else { typed };
    let near = |mut at: SocketAddr| {
        match at.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => at.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => at.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        at
    };
    all.iter()
        .copied()
        .filter(|at| at.port() != 0)
        .map(near)
        .collect()
}

/// A label like a token's, which nobody has asked for before.
fn label() -> Result<String, Stopped> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Stopped::could_not_run(format!("draw a name: {error}")))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

fn host_of(public: &str) -> Option<String> {
    let url = url::Url::parse(public).ok()?;
    let host = url.host_str()?;
    Some(host.trim_matches(['[', ']']).to_owned())
}

/// The first of `/etc/resolv.conf` (resolv.conf(5)).
pub(super) fn system_resolver() -> Option<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
    let servers = text
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver"));
    let mut addresses = servers.filter_map(|rest| rest.trim().parse::<IpAddr>().ok());
    addresses.next().map(|ip| SocketAddr::new(ip, 53))
}

/// Whom visitors are told to trust: the lab authority where there is one.
fn trusted(certificates: &Certificates) -> Option<PathBuf> {
    match certificates {
        Certificates::Lab(folder) => Some(Authority::root_in(folder)),
        Certificates::Fresh | Certificates::Own(..) | Certificates::Acme(_) => None,
    }
}

/// Every file that only its owner may read.
fn secrets(settings: &Settings) -> Vec<PathBuf> {
    let keys = match &settings.certificates {
        Certificates::Own(first, more) => {
            let all = std::iter::once(first).chain(more);
            all.map(|pair| pair.key.clone()).collect()
        }
        Certificates::Lab(folder) => vec![Authority::key_in(folder)],
        Certificates::Fresh | Certificates::Acme(_) => Vec::new(),
    };
    let admin = settings.admin.iter();
    let references = admin.flat_map(|admin| [&admin.plant, &admin.read]);
    let own = beside(&settings.store);
    keys.into_iter()
        .chain(own.exists().then_some(own))
        .chain(references.filter_map(|one| one.file()))
        .collect()
}

/// One line each, and below it what to do.
pub(super) fn shown(found: &[Finding]) -> String {
    let mut out = String::new();
    for one in found {
        let mark = match one.state {
            State::Fine => "ok   ",
            State::Wrong => "WRONG",
            State::Unsure => " ??  ",
        };
        let (what, seen) = (printable(&one.what, 100), printable(&one.seen, 400));
        let _ = writeln!(out, "  {mark}  {what}: {seen}");
        if let Some(advice) = &one.advice {
            let _ = writeln!(out, "         {}", printable(advice, 400));
        }
    }
    let count = |state| found.iter().filter(|one| one.state == state).count();
    let (fine, wrong, unsure) = (
        count(State::Fine),
        count(State::Wrong),
        count(State::Unsure),
    );
    let _ = writeln!(
        out,
        "\n{fine} well, {wrong} wrong, {unsure} that cannot be told from here"
    );
    out
}

/// What is wrong outranks what cannot be told: it is proven.
pub(super) fn status(found: &[Finding]) -> ExitStatus {
    let any = |state| found.iter().any(|one| one.state == state);
    match (any(State::Wrong), any(State::Unsure)) {
        (true, _) => ExitStatus::Failed,
        (false, true) => ExitStatus::Inconclusive,
        (false, false) => ExitStatus::Met,
    }
}
