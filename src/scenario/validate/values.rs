//! Rules about single values: durations, dates, networks, names, regular expressions.

use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;

use crate::diagnostic::did_you_mean;
use crate::model::parse_duration;
use crate::scenario::document::Path;
use crate::scenario::mistakes::{Spot, listed, words};
use crate::scenario::template::{BUILT_IN, is_name};

use super::Checker;

impl Checker<'_> {
    /// A duration with its unit.
    pub(super) fn duration(&mut self, text: &str, path: &Path) -> Option<Duration> {
        let read = parse_duration(text);
        if read.is_none() {
            let help = match text.trim() {
                bare if !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()) => {
                    format!("did you mean `{bare}s`?")
                }
                _ => "write it like `20s`, `1m 30s` or `48h`".to_owned(),
            };
            let said = words(
                format!("`{text}` is not a duration"),
                "expected a number and its unit",
                help,
            );
            self.mistakes.error(Spot::Value(path), "bad-duration", said);
        }
        read
    }

    /// A duration that is longer than nothing.
    pub(super) fn some_duration(&mut self, text: &str, path: &Path) -> Option<Duration> {
        let read = self.duration(text, path)?;
        if read.is_zero() {
            let said = words(
                format!("`{path}` cannot be zero"),
                "expected longer than nothing",
                "write how long it may take, such as `20s`",
            );
            self.mistakes.error(Spot::Value(path), "bad-duration", said);
            return None;
        }
        Some(read)
    }

    /// A regular expression that compiles.
    pub(super) fn regex(&mut self, pattern: &str, path: &Path) -> Option<Regex> {
        match Regex::new(pattern) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let said = words(
                    "this is not a regular expression",
                    regex_words(&error),
                    "mend it, or put a backslash before a sign that is meant as such; \
                     single quotes keep TOML from reading backslashes",
                );
                self.mistakes.error(Spot::Value(path), "bad-regex", said);
                None
            }
        }
    }

    /// Networks in CIDR notation.
    pub(super) fn networks(&mut self, texts: Option<&Vec<String>>, path: &Path) -> Vec<IpNet> {
        let texts = texts.map(Vec::as_slice).unwrap_or_default();
        let all = texts.iter().enumerate();
        all.filter_map(|(index, text)| self.network(text, &path.index(index)))
            .collect()
    }

    fn network(&mut self, text: &str, path: &Path) -> Option<IpNet> {
        let read = text.parse().ok();
        if read.is_none() {
            let help = match text.parse::<std::net::IpAddr>() {
                Ok(address) => format!("did you mean `{}`?", IpNet::from(address)),
                Err(_) => "write it like `192.0.2.0/24` or `2001:db8::/32`".to_owned(),
            };
            let said = words(
                format!("`{text}` is not a network"),
                "expected an address, a slash and a length",
                help,
            );
            self.mistakes.error(Spot::Value(path), "bad-network", said);
        }
        read
    }

    /// A text that is more than white space.
    pub(super) fn filled(&mut self, text: &str, path: &Path) -> Option<String> {
        if text.trim().is_empty() {
            let said = words(
                format!("`{path}` is empty"),
                "expected some text",
                "write it out, or leave the key away if it need not be there",
            );
            self.mistakes.error(Spot::Value(path), "empty", said);
            return None;
        }
        Some(text.to_owned())
    }

    /// A list of at least one text, each more than white space.
    pub(super) fn filled_list(&mut self, texts: Option<&Vec<String>>, path: &Path) -> Vec<String> {
        let Some(texts) = texts else {
            return Vec::new();
        };
        if texts.is_empty() {
            self.empty_list(path);
        }
        let all = texts.iter().enumerate();
        all.filter_map(|(index, text)| self.filled(text, &path.index(index)))
            .collect()
    }

    /// A list that should not be empty is.
    pub(super) fn empty_list(&mut self, path: &Path) {
        let said = words(
            format!("`{path}` is empty"),
            "expected at least one",
            "name at least one",
        );
        self.mistakes.error(Spot::Value(path), "empty", said);
    }

    /// A name that templates can hold, and that means nothing else yet.
    pub(super) fn name(&mut self, name: &str, spot: Spot<'_>) {
        let taken = BUILT_IN.contains(&name);
        if taken || !is_name(name) {
            let label = if taken {
                "this name has a meaning of its own"
            } else {
                "expected letters, digits, `_` and `-`, a letter first"
            };
            let said = words(
                format!("`{name}` cannot name a value"),
                label,
                "choose another name",
            );
            self.mistakes.error(spot, "bad-name", said);
        }
    }
}

/// The most names that are looked through for a suggestion: nobody has more, and each takes time for each mistake.
const MOST_NAMES: usize = 200;

/// "did you mean" for one of these, or else what there is to choose from.
pub(super) fn choice(typed: &str, known: &[&str], none: &str) -> String {
    let known = &known[..known.len().min(MOST_NAMES)];
    match did_you_mean(typed, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => none.to_owned(),
        None => format!("known are {}", listed(known.iter().copied())),
    }
}

/// The last line of what the compiler of regular expressions says: the lines before draw what our own caret draws.
fn regex_words(error: &regex::Error) -> String {
    let said = error.to_string();
    let last = said.lines().last().unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}
