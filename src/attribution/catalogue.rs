use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use serde::Deserialize;

use super::agent::{AgentPattern, Agents};
use super::asn::AsnTable;
use super::span::{Span, Spans};
use crate::model::{DataVersion, LookedAsn, Operator};

/// What comes with the program. Several files may speak of one company: each fact keeps the version of its own file.
const BUILT_IN: &[(&str, &str)] = &[
    ("services.toml", include_str!("data/services.toml")),
    ("telegram.toml", include_str!("data/telegram.toml")),
    ("google.toml", include_str!("data/google.toml")),
    ("scanners.toml", include_str!("data/scanners.toml")),
    ("bitsight.toml", include_str!("data/bitsight.toml")),
    ("agents.toml", include_str!("data/agents.toml")),
];
const ASNS: &str = include_str!("data/asns.csv");
/// The date of most of it; beside each system stands its own.
const ASNS_VERSION: (&str, &str) = ("ipverse/as-ip-blocks", "2026-01-05");

/// A file of known companies that cannot be used. Each text completes "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnownError {
    /// It is not shaped like one.
    #[error("read what is known from {name}: {reason}")]
    Shape {
        /// The file.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A company is named and nothing says what it is.
    #[error(
        "read what is known from {name}: `{known}` has no title and kind, and no other file gives it one; add `title` and `kind` (`service`, `crawler`, `security` or `scanner`)"
    )]
    Nameless {
        /// The file.
        name: String,
        /// Which.
        known: String,
    },
    /// A pattern is none.
    #[error("read what is known from {name}: {reason}")]
    Pattern {
        /// The file.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// What a known company is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// It runs a messenger.
    Service,
    /// It fetches for itself, or for its customers.
    Crawler,
    /// It looks at links to tell good ones from bad.
    Security,
    /// It looks at the whole net.
    Scanner,
}

/// A file of known companies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownFile {
    data: Head,
    #[serde(default)]
    known: Vec<RawKnown>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    source: String,
    date: String,
    #[serde(rename = "licence")]
    _licence: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKnown {
    name: String,
    title: Option<String>,
    kind: Option<Kind>,
    #[serde(default)]
    networks: Vec<IpNet>,
    #[serde(default)]
    asns: Vec<u32>,
    #[serde(default)]
    clouds: Vec<u32>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    agent_alone: bool,
    #[serde(default)]
    public_resolver: bool,
    #[serde(default)]
    agents: Vec<RawAgent>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgent {
    says: String,
    #[serde(default)]
    without: Vec<String>,
}

/// A known company.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) kind: Kind,
    /// An agent of its own from anywhere is taken for it, weakly.
    pub(super) agent_alone: bool,
    /// Its machines look names up for everybody.
    pub(super) public_resolver: bool,
    /// It has networks that it publishes as its own.
    pub(super) has_networks: bool,
    /// It stands beside tenants of all kinds.
    pub(super) has_clouds: bool,
}

/// That something points at a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    /// At which: a place in the catalogue.
    pub(super) who: usize,
    /// Which data says so.
    pub(super) data: usize,
}

#[derive(Debug, Clone)]
struct NameMask {
    before: String,
    after: String,
    points: Pointer,
}

impl NameMask {
    fn new(mask: &str, points: Pointer) -> Self {
        let (before, after) = mask.split_once('*').unwrap_or((mask, ""));
        Self {
            before: before.to_ascii_lowercase(),
            after: after.to_ascii_lowercase(),
            points,
        }
    }

    fn fits(&self, name: &str) -> bool {
        let inner = name.strip_prefix(&self.before);
        inner.is_some_and(|rest| match self.after.as_str() {
            "" => rest.is_empty(),
            after => rest.len() > after.len() && rest.ends_with(after),
        })
    }
}

/// Everybody who is known beyond a scenario, ready to be looked up. What comes with the program is
/// [`Catalogue::built_in`].
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    known: Vec<Known>,
    data: Vec<DataVersion>,
    networks: Spans<(IpNet, Pointer)>,
    asns: HashMap<u32, Vec<Pointer>>,
    clouds: HashMap<u32, Vec<Pointer>>,
    names: Vec<NameMask>,
    agents: Agents,
    /// Which networks some of the systems announce.
    systems: Option<AsnTable>,
}

static COMPILED: LazyLock<Catalogue> = LazyLock::new(|| {
    // A test holds that what comes with the program is in order.
    Catalogue::with(&[]).unwrap_or_default()
});

impl Catalogue {
    /// What comes with the program, compiled once.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &COMPILED
    }

    /// What comes with the program, and files (name, text) that are newer or know more: of a company that one of them
    /// names, only what these files say is taken.
    ///
    /// # Errors
    /// A file is not in order.
    pub fn with(files: &[(String, String)]) -> Result<Self, KnownError> {
        let built_in = BUILT_IN.iter().map(|(name, text)| read(name, text));
        let mut built_in = built_in.collect::<Result<Vec<_>, _>>()?;
        let newer = files.iter().map(|(name, text)| read(name, text));
        let newer = newer.collect::<Result<Vec<_>, _>>()?;
        for (_, file) in &mut built_in {
            let replaced = |known: &RawKnown| {
                let mut all = newer.iter().flat_map(|(_, file)| &file.known);
                all.any(|other| other.name == known.name)
            };
            file.known.retain(|known| !replaced(known));
        }
        built_in.extend(newer);
        let systems = AsnTable::read(ASNS_VERSION.0, ASNS.as_bytes().to_vec()).ok();
        let (source, version) = ASNS_VERSION;
        let version = DataVersion {
            source: source.to_owned(),
            version: version.to_owned(),
        };
        let systems = systems.map(|table| table.of_version(version));
        Building::default().build(&built_in, systems)
    }

    /// Which state of which data it is made of.
    pub fn versions(&self) -> impl Iterator<Item = &DataVersion> {
        let systems = self.systems.as_ref().map(AsnTable::version);
        self.data.iter().chain(systems)
    }

    /// A company's place.
    pub(super) fn place(&self, operator: Operator) -> Option<usize> {
        self.known
            .iter()
            .position(|known| known.name == operator.name())
    }

    pub(super) fn known(&self, who: usize) -> Option<&Known> {
        self.known.get(who)
    }

    pub(super) fn data(&self, data: usize) -> Option<DataVersion> {
        self.data.get(data).cloned()
    }

    /// The published networks around an address, the narrowest first.
    pub(super) fn networks(&self, address: IpAddr) -> impl Iterator<Item = &(IpNet, Pointer)> {
        self.networks.at(address)
    }

    /// Who alone uses a system.
    pub(super) fn owners(&self, asn: u32) -> &[Pointer] {
        self.asns.get(&asn).map(Vec::as_slice).unwrap_or_default()
    }

    /// Who shares a system with its tenants.
    pub(super) fn tenants(&self, asn: u32) -> &[Pointer] {
        self.clouds.get(&asn).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whose machines have names like this one.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Pointer> + 'a {
        let fitting = self.names.iter().filter(move |mask| mask.fits(name));
        fitting.map(|mask| mask.points)
    }

    /// What is found in a user agent.
    pub(super) fn agents(&self, agent: &str) -> Vec<&AgentPattern> {
        self.agents.found(agent)
    }

    /// The system that announces an address, where it is one of those that come with the program.
    pub(super) fn system(&self, address: IpAddr) -> Option<LookedAsn> {
        self.systems.as_ref()?.find(address)
    }
}

fn read<'a>(name: &'a str, text: &str) -> Result<(&'a str, KnownFile), KnownError> {
    let file = toml::from_str(text).map_err(|error: toml::de::Error| KnownError::Shape {
        name: name.to_owned(),
        reason: shape(text, &error),
    })?;
    Ok((name, file))
}

/// What is wrong, with its line.
fn shape(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or_default();
        before.matches('\n').count() + 1
    });
    match line {
        Some(line) => format!("line {line}: {}", error.message().replace('\n', " ")),
        None => error.message().replace('\n', " "),
    }
}

/// A catalogue while it is put together.
#[derive(Default)]
struct Building {
    done: Catalogue,
    networks: Vec<(Span, (IpNet, Pointer))>,
    patterns: Vec<AgentPattern>,
}

impl Building {
    fn build(
        mut self,
        files: &[(&str, KnownFile)],
        systems: Option<AsnTable>,
    ) -> Result<Catalogue, KnownError> {
        for (name, file) in files {
            self.file(name, file, files)?;
        }
        self.done.networks = Spans::new(self.networks);
        self.done.agents = Agents::new(self.patterns).map_err(|error| KnownError::Pattern {
            name: "all files together".to_owned(),
            reason: error.to_string(),
        })?;
        self.done.systems = systems;
        Ok(self.done)
    }

    fn file(
        &mut self,
        name: &str,
        file: &KnownFile,
        files: &[(&str, KnownFile)],
    ) -> Result<(), KnownError> {
        self.done.data.push(DataVersion {
            source: file.data.source.clone(),
            version: file.data.date.clone(),
        });
        let data = self.done.data.len() - 1;
        for raw in &file.known {
            let who = self.who(raw, files).ok_or_else(|| KnownError::Nameless {
                name: name.to_owned(),
                known: raw.name.clone(),
            })?;
            let points = Pointer { who, data };
            self.facts(raw, points);
            for agent in &raw.agents {
                check(name, agent)?;
                self.patterns.push(AgentPattern {
                    says: agent.says.clone(),
                    without: agent.without.clone(),
                    who,
                    data,
                });
            }
        }
        Ok(())
    }

    /// The place of a company; it is made with the first mention, from whichever file has its title.
    fn who(&mut self, raw: &RawKnown, files: &[(&str, KnownFile)]) -> Option<usize> {
        let made = self
            .done
            .known
            .iter()
            .position(|known| known.name == raw.name);
        made.or_else(|| {
            let mut all = files.iter().flat_map(|(_, file)| &file.known);
            let told = all.find_map(|other| {
                let named = other.name == raw.name;
                named.then_some((other.title.clone()?, other.kind?))
            });
            let (title, kind) = told?;
            self.done.known.push(Known {
                name: raw.name.clone(),
                title,
                kind,
                agent_alone: false,
                public_resolver: false,
                has_networks: false,
                has_clouds: false,
            });
            Some(self.done.known.len() - 1)
        })
    }

    fn facts(&mut self, raw: &RawKnown, points: Pointer) {
        if let Some(known) = self.done.known.get_mut(points.who) {
            known.agent_alone |= raw.agent_alone;
            known.public_resolver |= raw.public_resolver;
            known.has_networks |= !raw.networks.is_empty();
            known.has_clouds |= !raw.clouds.is_empty();
        }
        let networks = raw.networks.iter().map(|network| network.trunc());
        self.networks
            .extend(networks.map(|network| (Span::of(network), (network, points))));
        for &asn in &raw.asns {
            self.done.asns.entry(asn).or_default().push(points);
        }
        for &asn in &raw.clouds {
            self.done.clouds.entry(asn).or_default().push(points);
        }
        let masks = raw.names.iter().map(|mask| NameMask::new(mask, points));
        self.done.names.extend(masks);
    }
}

fn check(name: &str, agent: &RawAgent) -> Result<(), KnownError> {
    let all = std::iter::once(&agent.says).chain(&agent.without);
    for pattern in all {
        let wrong = |reason: String| KnownError::Pattern {
            name: name.to_owned(),
            reason: format!("`{pattern}` is no pattern for agents: {reason}"),
        };
        if pattern.trim().is_empty() {
            return Err(wrong(
                "it is empty, and would be found in every agent".to_owned(),
            ));
        }
        regex::Regex::new(pattern).map_err(|error| {
            let said = error.to_string();
            wrong(said.lines().last().unwrap_or_default().trim().to_owned())
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_program_is_in_order() {
        let catalogue = Catalogue::with(&[]).unwrap();
        for &operator in Operator::ALL {
            assert!(catalogue.place(operator).is_some(), "{operator}");
        }
        assert!(catalogue.systems.is_some());
        assert_eq!(
            catalogue.networks("149.154.161.1".parse().unwrap()).count(),
            1
        );
    }

    /// A system that two do not share is one of theirs, and what the program knows of systems belongs to somebody.
    #[test]
    fn every_system_that_comes_with_the_program_is_somebodys() {
        let catalogue = Catalogue::built_in();
        for line in ASNS.lines().filter(|line| !line.starts_with('#')) {
            let number = line.split(',').nth(1).unwrap().parse().unwrap();
            assert!(!catalogue.owners(number).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_newer_file_takes_the_place_of_what_was_known() {
        let text = "[data]\nsource = \"mine\"\ndate = \"2027\"\nlicence = \"CC0-1.0\"\n[[known]]\nname = \"telegram\"\n\
                    title = \"Telegram\"\nkind = \"service\"\nnetworks = [\"192.0.2.0/24\"]\n";
        let newer = Catalogue::with(&[("mine.toml".to_owned(), text.to_owned())]).unwrap();
        let at = |address: &str| newer.networks(address.parse().unwrap()).count();
        assert_eq!((at("192.0.2.7"), at("149.154.161.1")), (1, 0));
        assert!(newer.agents("TelegramBot (like TwitterBot)").is_empty());
        assert!(!newer.agents("Slackbot 1.0").is_empty());
    }

    #[test]
    fn a_file_that_is_none_is_told_with_its_place() {
        let wrong = |text: &str| {
            let file = ("mine.toml".to_owned(), text.to_owned());
            Catalogue::with(&[file]).unwrap_err().to_string()
        };
        let head = "[data]\nsource = \"mine\"\ndate = \"2027\"\nlicence = \"CC0-1.0\"\n";
        assert_eq!(
            wrong("x = 1"),
            "read what is known from mine.toml: line 1: unknown field `x`, expected `data` or `known`"
        );
        let nameless = wrong(&format!("{head}[[known]]\nname = \"acme\"\n"));
        assert!(
            nameless.contains("`acme` has no title and kind"),
            "{nameless}"
        );
        let known =
            format!("{head}[[known]]\nname = \"acme\"\ntitle = \"A\"\nkind = \"crawler\"\n");
        let pattern = wrong(&format!("{known}agents = [{{ says = 'a(' }}]\n"));
        assert!(
            pattern.contains("`a(` is no pattern for agents: "),
            "{pattern}"
        );
        let empty = wrong(&format!("{known}agents = [{{ says = ' ' }}]\n"));
        assert!(empty.contains("would be found in every agent"), "{empty}");
        let network = wrong(&format!("{known}networks = [\"10.0.0.0\"]\n"));
        assert!(network.contains("line 9"), "{network}");
    }

    #[test]
    fn names_fit_masks_by_whole_labels_and_not_by_what_they_begin_with() {
        let named = |name: &str| Catalogue::built_in().named(name).count();
        assert_eq!(named("fwdproxy-ash-116.fbsv.net"), 1);
        assert_eq!(named("fwdproxy-ash-116.fbsv.net.example.org"), 0);
        assert_eq!(named("evilfbsv.net"), 0);
        assert_eq!(named("google-proxy-66-249-80-1.google.com"), 1);
        assert_eq!(named("msnbot-40-77-167-1.search.msn.com"), 1);
        assert_eq!(named("www.google.com"), 0);
    }
}
