//! What is said with variables, once they have their values: where a `goto` leads, and what must be equal in two runs.

use std::collections::BTreeMap;

use super::types::{Piece, Scenario, Template, Variant, Verb};
use crate::model::Phase;

/// A `goto` that would lead away from the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Astray {
    /// The address.
    pub address: String,
    /// The step's line in the scenario, counted from 1.
    pub line: u32,
}

/// Whether addresses of this scheme are pages; an extension's host is its id.
pub(super) fn has_pages(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "chrome-extension")
}

/// Whether an address is a page on one of these hosts.
#[must_use]
pub fn is_on_hosts(address: &str, hosts: &[String]) -> bool {
    url::Url::parse(address).is_ok_and(|url| {
        let known = hosts.iter().any(|host| url.host_str() == Some(host));
        known && has_pages(url.scheme())
    })
}

impl Scenario {
    /// A variant's covariates: its own before the scenario's. One with a variable that has no value yet is left out.
    #[must_use]
    pub fn covariates(
        &self,
        variant: &Variant,
        values: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let all = self.covariates.iter().chain(&variant.covariates);
        all.filter_map(|(name, text)| Some((name.clone(), filled(text, values)?)))
            .collect()
    }

    /// The first `goto` that these values would lead astray. One that holds more than variables, such as an account's
    /// name, is left to the browser.
    #[must_use]
    pub fn astray(&self, values: &BTreeMap<String, String>) -> Option<Astray> {
        let steps = Phase::ALL
            .iter()
            .flat_map(|phase| self.script.phase(*phase));
        let addresses = steps.filter_map(|step| match &step.verb {
            Verb::Goto { url, .. } => Some((filled(url, values)?, step.line)),
            _ => None,
        });
        let mut astray = addresses.filter(|(address, _)| !is_on_hosts(address, &self.hosts));
        astray
            .next()
            .map(|(address, line)| Astray { address, line })
    }
}

fn filled(template: &Template, values: &BTreeMap<String, String>) -> Option<String> {
    let piece = |piece: &Piece| match piece {
        Piece::Literal(text) => Some(text.clone()),
        Piece::Var(name) => values.get(name).cloned(),
        _ => None,
    };
    template.0.iter().map(piece).collect()
}
