use std::fmt::Write as _;
use std::path::Path;

use jiff::civil::Date;
use serde::Serialize;

use super::args::Services;
use super::exit::{Exit, Stopped};
use super::out::say;
use super::scenario::{files_of, read};
use crate::diagnostic::{Source, printable};
use crate::model::{Arm, Grade, Operator, Status, Tried};
use crate::scenario::{Scenario, parse};
use crate::verdict::ExitStatus;

/// The scenarios of `scenarios/services` with the names of their files; a test holds that none is missing.
macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/services/", $name, ".toml")))),+]
    };
}

const BUILT_IN: &[(&str, &str)] = built_in!(
    "by-hand",
    "discord",
    "element",
    "facebook-messenger",
    "google-chat",
    "google-messages",
    "instagram-direct",
    "line",
    "linkedin",
    "mattermost",
    "reddit-chat",
    "rocket-chat",
    "skype",
    "slack",
    "snapchat",
    "teams-free",
    "teams-work",
    "telegram-web-a",
    "telegram-web-k",
    "threema-web",
    "vk",
    "whatsapp-web",
    "wire",
    "x",
    "zulip",
);

/// What is written as JSON.
#[derive(Debug, Serialize)]
struct Listing {
    /// The format's version.
    format: u8,
    services: Vec<Known>,
}

/// What a scenario says of itself.
#[derive(Debug, Serialize)]
struct Known {
    service: String,
    title: String,
    /// The file, or its name among those that are built in.
    file: String,
    /// Null where it does not say.
    status: Option<Status>,
    successor: Option<String>,
    /// A date.
    checked: String,
    /// How many days ago that is; null where it lies ahead.
    age_days: Option<u32>,
    /// Null where it does not say.
    grade: Option<Grade>,
    /// Null where it does not say.
    tried: Option<Tried>,
    terms: Option<String>,
    known: Vec<Operator>,
    arms: Vec<Arm>,
    sources: Vec<String>,
}

/// Lists the services that there are scenarios for, or writes one of them out.
pub(super) fn services(asked: &Services) -> Result<Exit, Stopped> {
    if let Some(name) = &asked.show {
        say(built_in(name)?);
        return Ok(Exit(ExitStatus::Met));
    }
    let sources = match &asked.folder {
        Some(folder) => files(folder)?,
        None => BUILT_IN
            .iter()
            .map(|(name, text)| source(name, text))
            .collect(),
    };
    let today = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::UTC)
        .date();
    let services = sources.into_iter().map(|source| known(source, today));
    let services: Vec<Known> = services.collect::<Result<_, _>>()?;
    if asked.json {
        let listing = Listing {
            format: 1,
            services,
        };
        let text = serde_json::to_string_pretty(&listing);
        let text = text.map_err(|error| Stopped::could_not_run(format!("write JSON: {error}")))?;
        say(&(text + "\n"));
    } else {
        say(&table(&services));
    }
    Ok(Exit(ExitStatus::Met))
}

fn built_in(name: &str) -> Result<&'static str, Stopped> {
    let found = BUILT_IN.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let names: Vec<_> = BUILT_IN.iter().map(|(known, _)| *known).collect();
        let names = names.join(", ");
        Stopped::usage(format!(
            "show `{name}`: there is no scenario of that name built in; there are {names}"
        ))
    })
}

fn source(name: &str, text: &str) -> Source {
    Source {
        name: format!("{name}.toml"),
        text: text.to_owned(),
    }
}

fn files(folder: &Path) -> Result<Vec<Source>, Stopped> {
    files_of(folder)?.iter().map(|file| read(file)).collect()
}

fn known(source: Source, today: Date) -> Result<Known, Stopped> {
    let file = source.name.clone();
    let wrong = |_| {
        let name = printable(&file, 400);
        Stopped::usage(format!(
            "read {name}: it has mistakes; `waxseal check` shows them"
        ))
    };
    let (scenario, _) = parse(source).map_err(wrong)?;
    let Scenario {
        service,
        provenance,
        checked,
        experiment,
        ..
    } = scenario;
    Ok(Known {
        service: service.name,
        title: service.title,
        file,
        status: provenance.status,
        successor: service.successor,
        age_days: age(&checked, today),
        checked,
        grade: provenance.grade,
        tried: provenance.tried,
        terms: service.terms,
        known: service.known,
        arms: experiment.arms,
        sources: provenance.sources,
    })
}

fn age(checked: &str, today: Date) -> Option<u32> {
    let checked: Date = checked.parse().ok()?;
    u32::try_from(checked.until(today).ok()?.get_days()).ok()
}

fn table(services: &[Known]) -> String {
    let mut out = format!(
        "{:<19} {:<25} {:<13} {:<10} {:>8}  {:<5} {}\n",
        "service", "title", "status", "selectors", "age", "grade", "driven against"
    );
    for one in services {
        let word = |word: Option<&'static str>| word.unwrap_or("-");
        let age = one
            .age_days
            .map_or_else(|| "-".to_owned(), |days| format!("{days} d"));
        let line = format!(
            "{:<19} {:<25} {:<13} {:<10} {age:>8}  {:<5} {}",
            printable(&one.service, 60),
            printable(&one.title, 80),
            word(one.status.map(Status::name)),
            one.checked,
            word(one.grade.map(Grade::name)),
            word(one.tried.map(Tried::name)),
        );
        let _ = write!(out, "{line}");
        if let Some(successor) = &one.successor {
            let _ = write!(out, "; see {}", printable(successor, 60));
        }
        out.push('\n');
    }
    out
}
