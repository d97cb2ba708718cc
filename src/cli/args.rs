use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};

use super::exit::Stopped;
use crate::canary::Zone;
use crate::collector::ZoneSetting;
use crate::model::parse_duration;

/// Does your messenger open your mail? Sends canary links through web messengers with a real browser, and says who
/// came to look.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) verb: Verb,
    /// When to use colour; `NO_COLOR` is honoured
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, visible_alias = "colour")]
    color: When,
    /// Show no progress
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Say more (-vv, -vvv: more still)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

const EXIT: &str = "Exit status: 0 every expectation met; 1 an expectation failed; 2 usage or scenario error; \
3 inconclusive; 4 could not run; 130 interrupted.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl Args {
    /// Whether a stream gets colour.
    pub(super) fn colour(&self, stream: &impl anstream::stream::RawStream) -> bool {
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Check scenarios, and show every mistake at its place
    Check(Check),
    /// List every message, link and wait of a run, without contacting anything
    Plan(Plan),
    /// Audit a service: send, listen, judge
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<Run>),
    /// Judge a run again from its evidence
    Judge(Judge),
    /// List the runs in the evidence store
    Runs(Runs),
    /// Check that no record in the evidence store was altered, taken out or moved
    Verify(Verify),
    /// Run the collector alone: record whoever comes, until stopped
    Serve(Box<Serve>),
    /// Make a lab authority that a messenger can be told to trust, and say which file it must be given
    Authority(Authority),
}

const RUN_EXAMPLES: &str = "Examples:
  waxseal run scenarios/lab/thelounge.toml --vars vars.toml
  waxseal run chat.toml --var url=https://chat.example --variant default --report json=report.json
  waxseal run chat.toml --seed 7 --trials 10 --window 15m
  waxseal run chat.toml --zone canary.example --dns-listen 198.51.100.7:53 --listen 198.51.100.7:80";

#[derive(Debug, Group)]
pub(super) struct Check {
    /// Scenario files
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
}

/// What of a scenario is played.
#[derive(Debug, Group)]
pub(super) struct Choice {
    /// Scenario file
    pub(super) file: PathBuf,
    /// Play only this variant (may be repeated)
    #[arg(long = "variant", value_name = "NAME")]
    pub(super) variants: Vec<String>,
    /// The seed for the order of the trials; without it one is drawn
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Trials of each arm and form, in place of the scenario's number
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) trials: Option<u16>,
    /// How long to listen after each exposure, in place of the scenario's window (such as 30s, 15m, 48h)
    #[arg(long, value_parser = duration)]
    pub(super) window: Option<Duration>,
    /// The value of a variable (may be repeated)
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) vars: Vec<(String, String)>,
    /// A TOML file with values of variables: at its top for all variants, in a table for the variant of that name
    #[arg(long = "vars", value_name = "FILE")]
    pub(super) vars_file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct Plan {
    #[command(flatten)]
    pub(super) choice: Choice,
}

#[derive(Debug, Group)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) choice: Choice,
    #[command(flatten)]
    pub(super) store: StorePath,
    /// Write a report: `json=PATH` (`-` for the standard output stream; may be repeated)
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = report)]
    pub(super) reports: Vec<(ReportFormat, PathBuf)>,
    /// Let the browsers fetch: their doors note and serve, instead of noting and refusing
    #[arg(long)]
    pub(super) open_doors: bool,
    /// Where the collector listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// The address in the links, where it is not the one the collector listens on (such as http://198.51.100.7:8080)
    #[arg(long, value_name = "URL")]
    pub(super) public: Option<String>,
    #[command(flatten)]
    pub(super) names: Names,
    #[command(flatten)]
    pub(super) tls: Tls,
    /// Use the WebDriver that answers here, instead of starting chromedriver
    #[arg(long, value_name = "URL")]
    pub(super) webdriver: Option<String>,
    /// Which chromedriver to start
    #[arg(long, value_name = "PATH")]
    pub(super) chromedriver: Option<PathBuf>,
    /// Which Chromium to drive
    #[arg(long, value_name = "PATH")]
    pub(super) browser: Option<PathBuf>,
    /// Show the browsers
    #[arg(long)]
    pub(super) headed: bool,
}

impl Run {
    /// What is a collector's own business cannot be said of one that is elsewhere.
    pub(super) fn must_leave_it_to_the_collector(&self) -> Result<(), Stopped> {
        let given = [
            ("--public", self.public.is_some()),
            ("--zone", self.names.zone.is_some()),
            ("--lab-authority", self.tls.lab_authority.is_some()),
            ("--certificate", self.tls.certificate.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Stopped::usage(format!(
                "use {flag} with a --store elsewhere: it is said where that collector is started"
            ))),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Group)]
pub(super) struct Judge {
    /// The run: the beginning of its name, or `latest`
    #[arg(default_value = "latest")]
    pub(super) run: String,
    #[command(flatten)]
    pub(super) store: StorePath,
    /// Write a report: `json=PATH` (`-` for the standard output stream; may be repeated)
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = report)]
    pub(super) reports: Vec<(ReportFormat, PathBuf)>,
}

#[derive(Debug, Group)]
pub(super) struct Runs {
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
pub(super) struct Verify {
    #[command(flatten)]
    pub(super) store: StorePath,
}

#[derive(Debug, Group)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) store: StorePath,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// The address in the links, where it is not the one the collector listens on (such as http://198.51.100.7:8080)
    #[arg(long, value_name = "URL")]
    pub(super) public: Option<String>,
    #[command(flatten)]
    pub(super) names: Names,
    #[command(flatten)]
    pub(super) tls: Tls,
    /// Answer runs elsewhere here, over HTTPS: they register, write what they did, and read who came
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "plant_secret",
        requires = "read_secret"
    )]
    pub(super) admin: Option<SocketAddr>,
    /// The secret that planting asks for: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REFERENCE", value_parser = secret_ref, requires = "admin")]
    pub(super) plant_secret: Option<SecretRef>,
    /// The secret that reading asks for: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REFERENCE", value_parser = secret_ref, requires = "admin")]
    pub(super) read_secret: Option<SecretRef>,
}

#[derive(Debug, Group)]
pub(super) struct Authority {
    /// Its folder; made where there is none, and left as it is where there is one
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
}

/// What the collector shows over TLS. Without any of these: a certificate that nobody has reason to trust.
#[derive(Debug, Group)]
pub(super) struct Tls {
    /// Take the certificate from the lab authority in this folder (made where there is none; its ca.pem is what a
    /// messenger must trust)
    #[arg(long, value_name = "DIR", conflicts_with = "certificate")]
    pub(super) lab_authority: Option<PathBuf>,
    /// Show this certificate of your own: PEM, the leaf first, then the rest of its chain
    #[arg(long, value_name = "CHAIN.pem", requires = "key")]
    pub(super) certificate: Option<PathBuf>,
    /// The private key of --certificate
    #[arg(long, value_name = "KEY.pem", requires = "certificate")]
    pub(super) key: Option<PathBuf>,
}

/// The zone that the collector answers for.
#[derive(Debug, Group)]
pub(super) struct Names {
    /// Answer DNS queries for this zone, such as canary.example; links get a token in their host as well
    #[arg(long, value_name = "NAME", value_parser = zone)]
    zone: Option<Zone>,
    /// Where to answer them, over UDP and TCP; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS", requires = "zone")]
    dns_listen: Option<SocketAddr>,
    /// An address that the zone's names lead to, where it is not the one the collector listens on (may be repeated)
    #[arg(long = "address", value_name = "IP", requires = "zone")]
    addresses: Vec<IpAddr>,
}

impl Names {
    pub(super) fn setting(&self) -> Option<ZoneSetting> {
        Some(ZoneSetting {
            zone: self.zone.clone()?,
            listen: self
                .dns_listen
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            addresses: self.addresses.clone(),
        })
    }
}

#[derive(Debug, Group)]
pub(super) struct StorePath {
    /// The evidence store: a file, made where there is none, or the https:// address of a collector's interface
    #[arg(
        long = "store",
        value_name = "PATH|URL",
        env = "WAXSEAL_STORE",
        default_value = "waxseal.db"
    )]
    pub(super) path: PathBuf,
    /// A certificate (PEM) to trust for a --store elsewhere, besides the machine's own
    #[arg(long = "store-root", value_name = "FILE", env = "WAXSEAL_STORE_ROOT")]
    pub(super) root: Option<PathBuf>,
}

impl StorePath {
    /// The address of the collector that keeps it, where that is elsewhere.
    pub(super) fn collector(&self) -> Option<&str> {
        let address = self.path.to_str()?;
        let is_address = ["https://", "http://"].iter().any(|scheme| {
            let front = address.get(..scheme.len());
            front.is_some_and(|front| front.eq_ignore_ascii_case(scheme))
        });
        is_address.then_some(address)
    }
}

/// Where a secret is: never on the command line itself, which others can read.
#[derive(Debug, Clone)]
pub(super) enum SecretRef {
    Env(String),
    File(PathBuf),
}

impl SecretRef {
    /// The secret, without a line break at its end.
    pub(super) fn read(&self) -> Result<String, Stopped> {
        let (place, text) = match self {
            Self::Env(name) => (
                format!("environment variable {name}"),
                std::env::var(name).map_err(|error| error.to_string()),
            ),
            Self::File(path) => (
                path.display().to_string(),
                std::fs::read_to_string(path).map_err(|error| error.to_string()),
            ),
        };
        text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| Stopped::usage(format!("read a secret from {place}: {error}")))
    }
}

fn secret_ref(text: &str) -> Result<SecretRef, String> {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(SecretRef::Env(name.to_owned())),
        Some(("file", path)) if !path.is_empty() => Ok(SecretRef::File(path.into())),
        _ => Err("a secret is named, not given: env:NAME or file:PATH".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportFormat {
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .ok_or_else(|| "a duration needs its unit, as in 30s, 15m or 48h".to_owned())
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| {
        "a zone is a host name with room for a token in front, such as canary.example".to_owned()
    })
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn report(text: &str) -> Result<(ReportFormat, PathBuf), String> {
    match text.split_once('=') {
        Some(("json", path)) if !path.is_empty() => Ok((ReportFormat::Json, path.into())),
        Some((format, _)) => Err(format!(
            "no report format named `{format}`; there is `json=PATH`"
        )),
        None => Err("give it as FORMAT=PATH, such as json=report.json".to_owned()),
    }
}
