use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Calibrate, ReportFormat};
use super::exit::{Exit, Stopped};
use super::out::{complain, say};
use super::progress::Progress;
use super::report::Targets;
use crate::audit::calibrate::{Worlds, rehearse};
use crate::audit::{Setting, Stop, Teller};
use crate::model::{Calibration, Rehearsed};
use crate::report::{calibration, json};
use crate::verdict::ExitStatus;

pub(super) fn calibrate(asked: &Calibrate, colour: bool, quiet: bool) -> Result<Exit, Stopped> {
    // Before any browser is started: a report that cannot be written would be found out too late.
    let targets = Targets::open(&asked.reports)?;
    let mut found = simulated(asked, quiet)?;
    if !asked.no_browser {
        let Some(personas) = rehearsed(persona_runs(asked)?, quiet)? else {
            return Ok(Exit(ExitStatus::Interrupted));
        };
        found.personas = personas;
    }
    let shows = !targets.takes_stdout();
    targets.write(|format| match format {
        ReportFormat::Json => json::calibration_1(&found),
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
fn persona_runs(_asked: &Calibrate) -> Result<Vec<Setting>, Stopped> {
    Ok(Vec::new())
}

fn rehearsed(runs: Vec<Setting>, quiet: bool) -> Result<Option<Vec<Rehearsed>>, Stopped> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Stopped::could_not_run(format!("start: {error}")))?;
    runtime.block_on(async {
        let stop = Stop::on_signals()
            .map_err(|error| Stopped::could_not_run(format!("listen for signals: {error}")))?;
        let (teller, told) = Teller::new();
        let progress = tokio::spawn(Progress::new(quiet).follow(told));
        let rehearsed = rehearse(runs, &teller, &stop).await;
        // With its teller gone it ends.
        drop(teller);
        let _ = progress.await;
        rehearsed.map_err(Stopped::could_not_run)
    })
}
