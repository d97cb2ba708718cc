use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::args::ReportFormat;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::say;
use super::past::{Past, worst};
use crate::model::Evidence;
use crate::report::{View, html, json, junit, markdown, of_failure, since_baseline, terminal};
use crate::verdict::{ExitStatus, Judged, judge_knowing};

/// Where reports go, in formats of a kind, opened and ready.
pub(super) struct Targets<F = ReportFormat> {
    reports: Vec<(F, Box<dyn Write>)>,
    /// A report goes to the standard output stream, so nothing else may.
    takes_stdout: bool,
}

impl<F: Copy> Targets<F> {
    pub(super) fn open(asked: &[(F, PathBuf)]) -> Result<Self, Stopped> {
        let reports = asked
            .iter()
            .map(|(format, path)| open(path).map(|target| (*format, target)));
        let takes_stdout = asked.iter().any(|(_, path)| path == Path::new("-"));
        Ok(Self {
            reports: reports.collect::<Result<_, _>>()?,
            takes_stdout,
        })
    }

    /// Whether the terminal's report has to make way.
    pub(super) const fn takes_stdout(&self) -> bool {
        self.takes_stdout
    }

    /// Writes each report, as `text` has it in that format.
    pub(super) fn write(self, text: impl Fn(F) -> io::Result<String>) -> Result<(), Stopped> {
        for (format, mut target) in self.reports {
            let written = text(format)
                .and_then(|text| writeln!(target, "{}", text.trim_end()))
                .and_then(|()| target.flush());
            written.map_err(|error| Stopped::could_not_run(format!("write a report: {error}")))?;
        }
        Ok(())
    }
}

/// Says in each report that nothing can be said, and why. Programs that wait for one would read an empty file as a mistake
/// of their own, or worse, as success. JSON format 1 has no word for it: that file stays empty.
pub(super) fn tell_failure(targets: Targets, stopped: &Stopped) -> Result<(), Stopped> {
    let message = stopped.message();
    targets.write(|format| match format {
        ReportFormat::Html => Ok(of_failure::html(message)),
        ReportFormat::Json => Ok(String::new()),
        ReportFormat::Junit => of_failure::junit(message).map_err(io::Error::other),
        ReportFormat::Markdown => Ok(of_failure::markdown(message)),
    })
}

fn open(path: &Path) -> Result<Box<dyn Write>, Stopped> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    let failed = |error| Stopped::usage(format!("write a report to {}: {error}", path.display()));
    Ok(Box::new(File::create(path).map_err(failed)?))
}

/// Judges a run from its evidence, shows it, and writes its reports. The terminal's report makes way when another one
/// takes the standard output stream.
pub(super) fn show(
    evidence: &Evidence,
    held: &Held,
    past: &Past,
    targets: Targets,
    colour: bool,
) -> Result<Exit, Stopped> {
    let judged = judge_knowing(evidence, held.sources()).map_err(Stopped::could_not_run)?;
    let changes = past.look(evidence, &judged.cells, held)?;
    let view = view(evidence, &judged)?.beside(&changes);
    let shows = !targets.takes_stdout();
    write(&view, targets)?;
    if shows {
        say(&terminal(&view, colour));
        if past.baselines.is_some() && changes.is_empty() {
            say("there is no baseline of any of its variants\n");
        }
        for told in &changes {
            say(&since_baseline(told, colour));
        }
    }
    let status = ExitStatus::of_run(evidence, &judged.cells);
    Ok(Exit(worst(status, &changes)))
}

/// Judges a run that is not over, and writes its reports.
pub(super) fn write_provisional(
    evidence: &Evidence,
    held: &Held,
    targets: Targets,
) -> Result<(), Stopped> {
    let judged = judge_knowing(evidence, held.sources()).map_err(Stopped::could_not_run)?;
    write(&view(evidence, &judged)?, targets)
}

/// Writes the reports: they are what a program waits for.
fn write(view: &View<'_>, targets: Targets) -> Result<(), Stopped> {
    targets.write(|format| match format {
        ReportFormat::Html => Ok(html(view)),
        ReportFormat::Json => json::format_1(view).map_err(io::Error::from),
        ReportFormat::Junit => junit(view).map_err(io::Error::other),
        ReportFormat::Markdown => Ok(markdown(view)),
    })
}

fn view<'a>(evidence: &'a Evidence, judged: &'a Judged) -> Result<View<'a>, Stopped> {
    View::new(evidence, &judged.cells, &judged.observations)
        .ok_or_else(|| Stopped::could_not_run("show the run: its evidence has no manifest"))
}
