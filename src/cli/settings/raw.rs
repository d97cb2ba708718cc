//! The file as it is written: one type for each table, and the JSON Schema made from them.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::scenario::schema_of;

/// The JSON Schema (draft 2020-12) of the settings of `waxseal serve`: what editors complete from, and what a file is
/// checked against.
#[must_use]
pub fn json_schema() -> Value {
    schema_of::<Serve>()
}

/// How a collector is set up.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "waxseal serve", extend("$id" = "urn:waxseal:serve:1"))]
pub(super) struct Serve {
    /// The version of this format.
    #[schemars(required, extend("const" = 1))]
    #[expect(dead_code, reason = "the structure check holds it to 1")]
    schema: Option<u32>,
    /// Addresses that the public door listens on.
    #[schemars(extend("examples" = [["198.51.100.7:80", "[2001:db8::7]:80"]]))]
    pub(super) listen: Option<Vec<String>>,
    /// The address in links and pages, where it is not the first one listened on.
    #[schemars(extend("examples" = ["http://198.51.100.7"]))]
    pub(super) public: Option<String>,
    /// The evidence store; made where there is none.
    #[schemars(extend("examples" = ["/var/lib/waxseal/waxseal.db"]))]
    pub(super) store: Option<String>,
    /// Networks of proxies of your own, in CIDR notation.
    #[schemars(extend("examples" = [["192.0.2.0/24"]]))]
    pub(super) proxies: Option<Vec<String>>,
    /// The zone that is answered for.
    pub(super) dns: Option<Dns>,
    /// What is shown over TLS.
    pub(super) tls: Option<Tls>,
    /// Where runs are planted and read from afar.
    pub(super) admin: Option<Admin>,
    /// What is logged, and how.
    pub(super) log: Option<Log>,
}

/// The zone that is answered for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dns {
    /// Its name.
    #[schemars(required, extend("examples" = ["canary.example"]))]
    pub(super) zone: Option<String>,
    /// Addresses that its questions are answered on, over UDP and TCP.
    #[schemars(extend("examples" = [["198.51.100.7:53"]]))]
    pub(super) listen: Option<Vec<String>>,
    /// Addresses that its names lead to, where they are not those listened on.
    #[schemars(extend("examples" = [["198.51.100.7", "2001:db8::7"]]))]
    pub(super) addresses: Option<Vec<String>>,
}

/// What is shown over TLS: one's own certificates, or those of a lab authority.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// The folder of a lab authority; made where there is none.
    #[schemars(extend("examples" = ["lab-ca"]))]
    pub(super) lab_authority: Option<String>,
    /// Certificates of one's own.
    pub(super) certificate: Option<Vec<Certificate>>,
    /// An ACME authority that issues one for the zone and all its names.
    pub(super) acme: Option<Acme>,
}

/// An ACME authority (RFC 8555); to name it is to agree to its terms.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acme {
    /// The address of its directory.
    #[schemars(required, extend("examples" = ["https://acme-v02.api.letsencrypt.org/directory"]))]
    pub(super) directory: Option<String>,
    /// Where it may write to you.
    #[schemars(extend("examples" = [["mailto:somebody@example.org"]]))]
    pub(super) contacts: Option<Vec<String>>,
    /// A root (PEM) to trust as well when it is spoken to.
    pub(super) root: Option<String>,
    /// Where the account, the certificate and its key are kept; without this, beside the store.
    pub(super) folder: Option<String>,
    /// Its names in CAA records, where its directory does not say them.
    pub(super) caa: Option<Vec<String>>,
}

/// One certificate, and its key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Certificate {
    /// A PEM file: the leaf first, then the rest of its chain.
    #[schemars(required, extend("examples" = ["/etc/waxseal/chain.pem"]))]
    pub(super) chain: Option<String>,
    /// A PEM file: the private key of the leaf.
    #[schemars(required, extend("examples" = ["/etc/waxseal/key.pem"]))]
    pub(super) key: Option<String>,
}

/// Where runs are planted and read from afar.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    /// The address it listens on, over TLS.
    #[schemars(required, extend("examples" = ["198.51.100.7:8443"]))]
    pub(super) listen: Option<String>,
    /// Where the secret is that lets plant: never the secret itself.
    #[schemars(required, extend("examples" = ["file:/etc/waxseal/plant.secret"]))]
    pub(super) plant_secret: Option<String>,
    /// Where the secret is that lets read: never the secret itself.
    #[schemars(required, extend("examples" = ["env:WAXSEAL_READ_SECRET"]))]
    pub(super) read_secret: Option<String>,
}

/// What is logged, and how.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// How a line is written.
    pub(super) format: Option<LogFormat>,
    /// From which level on.
    pub(super) level: Option<LogLevel>,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// From which level on something is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    /// What ends the program.
    Error,
    /// What loses something.
    Warn,
    /// What one wants to know of a program that runs for months.
    Info,
    /// What one wants to know of each connection.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// As filters name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
