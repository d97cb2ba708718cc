use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::args::ReportFormat;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::say;
use super::past::{Past, worst};
use crate::model::Evidence;
use crate::report::{View, json, since_baseline, terminal};
use crate::verdict::{ExitStatus, Judged, judge_knowing};

/// Where reports go, opened and ready.
pub(super) struct Targets {
    reports: Vec<(ReportFormat, Box<dyn Write>)>,
    /// A report goes to the standard output stream, so nothing else may.
    takes_stdout: bool,
}

impl Targets {
    pub(super) fn open(asked: &[(ReportFormat, PathBuf)]) -> Result<Self, Stopped> {
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
    pub(super) fn write(
        self,
        text: impl Fn(ReportFormat) -> serde_json::Result<String>,
    ) -> Result<(), Stopped> {
        for (format, mut target) in self.reports {
            let written = text(format)
                .map_err(io::Error::from)
                .and_then(|text| writeln!(target, "{text}"))
                .and_then(|()| target.flush());
            written.map_err(|error| Stopped::could_not_run(format!("write a report: {error}")))?;
        }
        Ok(())
    }
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
    let shows = !targets.takes_stdout();
    write(evidence, &judged, targets)?;
    if shows {
        say(&terminal(&view(evidence, &judged)?, colour));
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
    write(evidence, &judged, targets)
}

/// Writes the reports: they are what a program waits for.
fn write(evidence: &Evidence, judged: &Judged, targets: Targets) -> Result<(), Stopped> {
    let view = view(evidence, judged)?;
    targets.write(|format| match format {
        ReportFormat::Json => json::format_1(&view),
    })
}

fn view<'a>(evidence: &'a Evidence, judged: &'a Judged) -> Result<View<'a>, Stopped> {
    View::new(evidence, &judged.cells)
        .ok_or_else(|| Stopped::could_not_run("show the run: its evidence has no manifest"))
}
