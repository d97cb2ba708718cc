use std::io::IsTerminal;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Calibrate, CalibrationFormat, Choice, Tls};
use super::authority::credentials;
use super::exit::{Exit, Stopped};
use super::out::{complain, say};
use super::progress::followed;
use super::report::Targets;
use super::run::practice_zone;
use super::scenario::{choose, validated};
use crate::attribution::Sources;
use crate::audit::calibrate::{Worlds, rehearse};
use crate::audit::{Inquiry, Scenes, Setting};
use crate::browser::{DriverOptions, Profiles};
use crate::diagnostic::Source;
use crate::model::{Calibration, Rehearsed};
use crate::report::{calibration, json};
use crate::store::{Place, Store};
use crate::verdict::ExitStatus;

/// What is played of practice messengers, and is true of them.
const PERSONAS: [(&str, &str); 9] = [
    ("first", include_str!("../../scenarios/practice/first.toml")),
    (
        "providers",
        include_str!("../../scenarios/practice/providers.toml"),
    ),
    (
        "others",
        include_str!("../../scenarios/practice/others.toml"),
    ),
    ("doors", include_str!("../../scenarios/practice/doors.toml")),
    ("parts", include_str!("../../scenarios/practice/parts.toml")),
    (
        "scripts",
        include_str!("../../scenarios/practice/scripts.toml"),
    ),
    (
        "skype-2013",
        include_str!("../../scenarios/practice/skype-2013.toml"),
    ),
    ("flaky", include_str!("../../scenarios/practice/flaky.toml")),
    (
        "doubts",
        include_str!("../../scenarios/practice/doubts.toml"),
    ),
];

pub(super) fn calibrate(
    asked: &Calibrate,
    colour: bool,
    red: bool,
    quiet: bool,
) -> Result<Exit, Stopped> {
    // Before any browser is started: a report that cannot be written would be found out too late.
    let targets = Targets::open(&asked.reports)?;
    let mut found = simulated(asked, quiet)?;
    if !asked.no_browser {
        // What they leave is judged, and gone with it.
        let folder = tempfile::tempdir().map_err(|error| {
            Stopped::could_not_run(format!("make a folder for the evidence: {error}"))
        })?;
        let runs = persona_runs(asked, folder.path(), red)?;
        let Some(personas) = rehearsed(runs, quiet)? else {
            return Ok(Exit(ExitStatus::Interrupted));
        };
        found.personas = personas;
    }
    let shows = !targets.takes_stdout();
    targets.write(|format| match format {
        CalibrationFormat::Json => json::calibration_1(&found).map_err(std::io::Error::from),
    })?;
    if shows {
        say(&calibration(&found, colour));
    }
    let status = if found.is_right() {
        ExitStatus::Met
    } else {
        ExitStatus::Failed
    };
    Ok(Exit(status))
}

fn simulated(asked: &Calibrate, quiet: bool) -> Result<Calibration, Stopped> {
    let bar = bar(asked.worlds, quiet);
    let worlds = Worlds::new().map_err(Stopped::could_not_run)?;
    let tally = worlds.simulate(asked.seed, asked.worlds, || bar.inc(1));
    bar.finish_and_clear();
    Ok(tally.map_err(Stopped::could_not_run)?.close(asked.seed))
}

/// A bar on a terminal, a line elsewhere.
fn bar(worlds: u32, quiet: bool) -> ProgressBar {
    let bars = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
    match (quiet, bars) {
        (true, _) => ProgressBar::hidden(),
        (false, false) => {
            complain(&format!("simulating {worlds} worlds\n"));
            ProgressBar::hidden()
        }
        (false, true) => {
            let style = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {pos}/{len}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(worlds.into())
                .with_style(style)
                .with_prefix("worlds")
        }
    }
}

/// The runs whose every variant is a persona, with what is true of it as its claims.
fn persona_runs(asked: &Calibrate, folder: &Path, red: bool) -> Result<Vec<Setting>, Stopped> {
    let runs = PERSONAS.iter();
    runs.map(|(name, text)| {
        let store = Store::open(&folder.join(name).with_extension("db"));
        let store = store.map_err(Stopped::could_not_run)?;
        persona_run(asked, Place::Here(Arc::new(store)), (name, text), red)
    })
    .collect()
}

fn persona_run(
    asked: &Calibrate,
    place: Place,
    (name, text): (&str, &str),
    red: bool,
) -> Result<Setting, Stopped> {
    let (name, text) = (format!("practice/{name}.toml (built in)"), text.to_owned());
    let scenario = validated(Source { name, text }, red)?;
    let choice = Choice {
        seed: Some(asked.seed),
        ..Choice::default()
    };
    let chosen = choose(scenario, &choice)?;
    let driver = DriverOptions {
        chromedriver: asked.chromedriver.clone(),
        browser: asked.browser.clone(),
        hidden: chosen.scenario.accounts.secret_variables(),
        ..DriverOptions::default()
    };
    Ok(Setting {
        variants: chosen.values().map_err(Stopped::usage)?,
        window: chosen.scenario.experiment.window,
        zone: practice_zone(&chosen),
        scenario: chosen.scenario,
        plan: chosen.plan,
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        public: None,
        credentials: credentials(&Tls::default(), Path::new(""))?,
        place,
        again: None,
        stays: true,
        driver,
        headed: false,
        profiles: Profiles::none(),
        scenes: Scenes::none(),
        people: None,
        // Whoever comes comes from this machine.
        inquiry: Inquiry::default(),
        data: Sources::built_in().versions(),
        region: None,
    })
}

fn rehearsed(runs: Vec<Setting>, quiet: bool) -> Result<Option<Vec<Rehearsed>>, Stopped> {
    let rehearsed = followed(quiet, async |teller, stop| {
        rehearse(runs, &teller, &stop).await
    });
    rehearsed?.map_err(Stopped::could_not_run)
}
