use serde::{Deserialize, Serialize};

use super::trial::named;

named! {
    /// Whether a service can be audited, and how.
    Status {
        /// It runs, and has a web client.
        Live = "live",
        /// It is no more: what is known of it is kept as history.
        Retired = "retired",
        /// It runs, and has no web client that a browser could drive: audited by hand.
        NoWebClient = "no-web-client",
    }
}

named! {
    /// How well grounded the selectors of a scenario are.
    Grade {
        /// The service's own maintained source, or a look at the live page that its authors dated; two sources or more agree.
        A = "A",
        /// Several undated scripts of others agree.
        B = "B",
        /// One script, or an old one.
        C = "C",
        /// From memory, or guessed.
        D = "D",
    }
}

impl Grade {
    /// What it rests on, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::A => "maintained source, or a dated look at the live page",
            Self::B => "several undated scripts agree",
            Self::C => "one script, or an old one",
            Self::D => "memory, or a guess",
        }
    }
}

named! {
    /// What a scenario has been driven against.
    Tried {
        /// The service itself.
        Service = "service",
        /// The real software, in a laboratory.
        Software = "software",
        /// A page that bears the service's marks: it proves that the scenario is coherent, not that the service looks so.
        Stage = "stage",
        /// Nothing yet.
        NotRun = "not-run",
    }
}

impl Tried {
    /// The same in words that follow the scenario's name.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Service => "driven against the service itself",
            Self::Software => "driven against the real software",
            Self::Stage => "driven against a stage only",
            Self::NotRun => "never driven yet",
        }
    }
}

/// Where a scenario's knowledge comes from, and what it is worth. None of it enters a verdict; every report shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Whether the service can be audited, where the scenario says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// How well grounded the selectors are, where the scenario says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// What it has been driven against, where the scenario says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Tried>,
    /// Persons do it all: there is no browser of ours, and no door that one could be led to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// Where the selectors come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

impl Provenance {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
