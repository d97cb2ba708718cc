use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::trial::named;
use super::{Account, Timestamp};

named! {
    /// What kind of thing tells who a visitor was, the strongest first.
    FactorKind {
        /// The door it came in by.
        Door = "door",
        /// A fetch that was made by waxseal itself.
        Fetch = "fetch",
        /// An address that was registered as one of our own.
        Registered = "registered",
        /// A published network.
        Network = "network",
        /// A published network of somebody for whom a declared proxy forwarded.
        Forwarded = "forwarded",
        /// The name of its address, confirmed by looking that name up again.
        Name = "name",
        /// The autonomous system that announces its address.
        Asn = "asn",
        /// The same, where a provider's machines and everybody else's stand side by side.
        Cloud = "cloud",
        /// Its user agent: shared, and spoofed on purpose.
        Agent = "agent",
        /// What of our links it had.
        Trace = "trace",
    }
}

named! {
    /// How sure it is who it was; the rule stands in [`crate::attribution`].
    Confidence {
        /// A door or an address of our own, or a published network and one more factor.
        High = "high",
        /// A published network, a confirmed name, or an autonomous system.
        Medium = "medium",
        /// A user agent alone.
        Low = "low",
    }
}

/// Which state of which data a factor was read from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DataVersion {
    /// Where it comes from: a publication, or the name of a file.
    pub source: String,
    /// Its date, or the beginning of its SHA-256 as `sha256:…`.
    pub version: String,
}

impl fmt::Display for DataVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.source, self.version)
    }
}

/// One reason to think that a visitor was somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Factor {
    /// Its kind.
    pub kind: FactorKind,
    /// In plain words. May hold a visitor's own text: hostile.
    pub says: String,
    /// What it was read from; none where it is our own experiment, or the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataVersion>,
}

impl Factor {
    /// One that needs no data.
    #[must_use]
    pub fn plain(kind: FactorKind, says: impl Into<String>) -> Self {
        Self {
            kind,
            says: says.into(),
            data: None,
        }
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

/// Somebody else who is known to come for links of the service under audit, such as a company it hands them to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Who.
    pub name: String,
    /// From where. Who comes from there is not the service.
    pub networks: Vec<IpNet>,
}

/// A network from which one of our own identities goes out, such as its phone's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Whose.
    pub account: Account,
    /// Which.
    pub network: IpNet,
}

/// What was found out about a visitor's address, once, after the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The address.
    pub address: IpAddr,
    /// When.
    pub at: Timestamp,
    /// The names that its reverse zone gives. Hostile: whoever holds the address writes what they like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<LookedName>,
    /// The autonomous system that announces it, by the table the run was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<LookedAsn>,
    /// Why less is known than was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A name of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedName {
    /// The name, lower case, without a dot at its end.
    pub name: String,
    /// Whether the name leads back to the address. Only whoever holds the name can make it do so.
    pub confirmed: bool,
}

/// An autonomous system, as a table has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAsn {
    /// Its number.
    pub number: u32,
    /// Who runs it.
    pub org: String,
    /// The network it announces; none where the table has ranges that are no single network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<IpNet>,
    /// The table.
    pub table: DataVersion,
}
