use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::trial::named;
use super::{
    Actor, Arm, DataVersion, Depth, Doorway, Doubt, Form, Interval, Outcome, Phase, RunId,
    Timestamp, Verdict,
};

/// The version of the written form of [`Summary`], [`super::Comparison`] and [`super::History`]. It grows with every change
/// that a reader of the one before could not take.
pub const SUMMARY_FORMAT: u32 = 1;

/// A judged run in short, for whoever compares it with others. An opinion, under one number of the rules: it may be thrown
/// away, and is made anew from the evidence. Holds hostile text, in what its visitors did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// [`SUMMARY_FORMAT`].
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started: Timestamp,
    /// The service's short name.
    pub service: String,
    /// The service's name for people.
    pub title: String,
    /// The number of the rules it was judged by.
    pub rules: u32,
    /// A window is still open, or the run is not over: more may be said later.
    pub provisional: bool,
    /// Under what it was made.
    pub circumstances: Circumstances,
    /// The variants, in the scenario's order.
    pub variants: Vec<VariantSummary>,
    /// Every cell, in the order of reports.
    pub cells: Vec<CellSummary>,
}

/// The runs that later ones are held against: a small file that is kept beside the scenarios, so that whoever compares needs
/// no store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "waxseal baselines, format 1")]
pub struct Baselines {
    /// [`SUMMARY_FORMAT`].
    pub format: u32,
    /// One for each variant of each service: the run in short, with this variant alone.
    pub baselines: Vec<Summary>,
}

impl Default for Baselines {
    fn default() -> Self {
        Self {
            format: SUMMARY_FORMAT,
            baselines: Vec::new(),
        }
    }
}

/// Under what a run was made: what a difference may be due to, where it is not the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Circumstances {
    /// SHA-256 of the scenario's text, hexadecimal.
    pub scenario: String,
    /// The version of the program that made the run.
    pub tool: String,
    /// From where in the world, in the words of whoever made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Browser and driver, as they name themselves.
    pub browser: String,
    /// How long was listened after each exposure, in milliseconds.
    pub window_ms: u64,
}

/// A variant in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariantSummary {
    /// Its name.
    pub name: String,
    /// Its name for people; empty where there is only one.
    pub title: String,
    /// Which builds of the service's client its pages said they are, each once. Hostile text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<String>,
    /// What else the scenario says must be the same for two runs to be compared, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub covariates: BTreeMap<String, String>,
}

/// Which question a cell is about: the same in every run of a scenario.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct CellKey {
    /// The variant's name.
    pub variant: String,
    /// The arm.
    pub arm: Arm,
    /// The form.
    pub form: Form,
    /// What the doors of our own browsers did with its links.
    pub doorway: Doorway,
}

impl CellKey {
    /// The question alone, without its variant: `sent/http`, or `sent/http/open` where the doors were.
    #[must_use]
    pub fn question(&self) -> String {
        match self.doorway {
            Doorway::Sealed => format!("{}/{}", self.arm, self.form),
            Doorway::Open => format!("{}/{}/{}", self.arm, self.form, self.doorway),
        }
    }
}

impl fmt::Display for CellKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.variant, self.question())
    }
}

/// A cell in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellSummary {
    /// Which.
    pub key: CellKey,
    /// Trials in which the link was out.
    pub trials: u32,
    /// Trials with a visitor who is not us (for `reached`: that we were heard in).
    pub hits: u32,
    /// What is true.
    pub verdict: Verdict,
    /// How far whoever came went; only with `observed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
    /// The hits by how far the furthest of their visitors went, shallow first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<Reach>,
    /// Why less can be said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// Exact interval for the chance of a visit, to six digits.
    pub interval: Interval,
    /// What became of the claim about it.
    pub outcome: Outcome,
    /// What visitors did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behaviours: Vec<Behaviour>,
    /// Which data said who came, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataVersion>,
}

/// How many trials had a visitor who went just so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reach {
    /// How far the furthest went.
    pub depth: Depth,
    /// In how many trials.
    pub trials: u32,
}

named! {
    /// What a visitor spoke.
    Protocol {
        /// A look-up.
        Dns = "dns",
        /// The beginning of TLS, and nothing behind it.
        Tls = "tls",
        /// HTTP in the clear.
        Http = "http",
        /// HTTP over TLS.
        Https = "https",
        /// Bytes that are no request.
        Bytes = "bytes",
    }
}

named! {
    /// How long after the beginning of its phase somebody came, on a scale whose steps are further apart than a machine is
    /// late by chance.
    Latency {
        /// Within a second.
        Second = "1s",
        /// Within ten seconds.
        TenSeconds = "10s",
        /// Within a minute.
        Minute = "1min",
        /// Within ten minutes.
        TenMinutes = "10min",
        /// Within an hour.
        Hour = "1h",
        /// Within a day.
        Day = "1d",
        /// Later.
        Later = "later",
    }
}

impl Latency {
    /// The step that a delay lies in.
    #[must_use]
    pub const fn of(delay: std::time::Duration) -> Self {
        match delay.as_secs() {
            0 => Self::Second,
            1..10 => Self::TenSeconds,
            10..60 => Self::Minute,
            60..600 => Self::TenMinutes,
            600..3600 => Self::Hour,
            3600..86_400 => Self::Day,
            _ => Self::Later,
        }
    }

    /// How many steps apart two are. A delay near a boundary falls to either side of it, so neighbours are no difference.
    #[must_use]
    pub const fn steps_from(self, other: Self) -> u8 {
        (self as u8).abs_diff(other as u8)
    }
}

/// One way in which a visitor came: what a service does, as far as it can be told from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Behaviour {
    /// Who.
    pub actor: Actor,
    /// The method, or the type of the look-up; none where nothing was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The user agent without its version numbers, cut; none where it gave none. Hostile text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// From where: who announces or publishes the network, or a wide network around the address where neither is known.
    pub from: String,
    /// What it spoke.
    pub protocol: Protocol,
    /// The phase it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// How soon after the phase's beginning, at the median of its first visits; none where no phase had begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// In how many of the cell's trials.
    pub trials: u32,
}

impl Behaviour {
    /// Whether another is the same but for how soon and how often.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let way = |one: &Self| (one.actor, one.protocol, one.phase);
        way(self) == way(other)
            && self.method == other.method
            && self.agent == other.agent
            && self.from == other.from
    }
}
