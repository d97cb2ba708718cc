use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::diagnostic::{counted, printable};
use crate::model::{ChangePoint, History, Point, Pooled, Series, Verdict};

use super::comparison::probability;
use super::terminal::Pen;
use super::view::FOREIGN_CHARS;

/// Runs shown as marks: what fits into a line beside the question.
const MARKS: usize = 60;

/// A service over time as a terminal shows it: a line of marks for each question, the oldest run first, and below it when
/// it changed.
#[must_use]
pub fn history(told: &History, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = format!(
        "{:<40} {}{}\n",
        printable(&told.title, FOREIGN_CHARS),
        counted(told.runs.len(), "run"),
        span(told),
    );
    let mut block = None;
    for series in &told.series {
        let own = (series.key.variant.as_str(), series.region.as_deref());
        if block != Some(own) {
            block = Some(own);
            let _ = writeln!(out, "\n  {}", heading(series));
        }
        out.push_str(&row(series, pen));
    }
    let _ = writeln!(
        out,
        "\n{}\n{}",
        pen.quiet("# observed   + in some trials   . not observed   ? inconclusive   | changed"),
        pen.paint(Style::new().bold(), &sum(told))
    );
    out
}

fn span(told: &History) -> String {
    match (told.runs.first(), told.runs.last()) {
        (Some(first), Some(last)) => format!(
            ", {:.10} to {:.10}",
            first.started.to_string(),
            last.started.to_string()
        ),
        _ => String::new(),
    }
}

fn heading(series: &Series) -> String {
    let variant = printable(&series.key.variant, FOREIGN_CHARS);
    match &series.region {
        Some(region) => format!("{variant}, from {}", printable(region, FOREIGN_CHARS)),
        None => variant,
    }
}

fn row(series: &Series, pen: Pen) -> String {
    let mut out = format!("    {:<22}  {}", series.key.question(), marks(series, pen));
    if let Some(flips) = flips(series) {
        let _ = write!(out, "   {}", pen.quiet(&flips));
    }
    out.push('\n');
    for change in &series.changes {
        let _ = writeln!(out, "        {}", shown(change));
        for reason in &change.besides {
            let words = printable(&reason.words(), 2 * FOREIGN_CHARS);
            let _ = writeln!(
                out,
                "            {}",
                pen.quiet(&format!("at the same time: {words}"))
            );
        }
    }
    out
}

/// The last runs, with a line before each that begins a change.
fn marks(series: &Series, pen: Pen) -> String {
    let hidden = series.points.len().saturating_sub(MARKS);
    let mut out = match hidden {
        0 => String::new(),
        _ => "… ".to_owned(),
    };
    for point in series.points.iter().skip(hidden) {
        if series
            .changes
            .iter()
            .any(|change| change.first.run == point.run)
        {
            out.push('|');
        }
        out.push_str(&mark(point, pen));
    }
    out
}

fn mark(point: &Point, pen: Pen) -> String {
    let counted = point.counted;
    let (colour, sign) = match counted.verdict {
        Verdict::Observed if counted.hits < counted.trials => (AnsiColor::Red, "+"),
        Verdict::Observed => (AnsiColor::Red, "#"),
        Verdict::NotObserved => (AnsiColor::Green, "."),
        Verdict::Inconclusive => (AnsiColor::Yellow, "?"),
    };
    pen.paint(colour.on_default(), sign)
}

fn flips(series: &Series) -> Option<String> {
    let rate = series.flips.rate()?;
    Some(match series.flips.turned {
        0 => "never turned".to_owned(),
        turned => format!(
            "turned {turned} of {} times ({:.0} %)",
            series.flips.of,
            rate * 100.0
        ),
    })
}

/// A change in a sentence.
pub(super) fn shown(change: &ChangePoint) -> String {
    let pooled = |side: Pooled| {
        format!(
            "{}/{} in {}",
            side.hits,
            side.trials,
            counted(side.runs as usize, "run")
        )
    };
    format!(
        "{} with run {} of {:.10}: {}, then {} (p {}; last before: run {} of {:.10})",
        change.kind.words(),
        change.first.run,
        change.first.started.to_string(),
        pooled(change.before),
        pooled(change.after),
        probability(change.p),
        change.last.run,
        change.last.started.to_string(),
    )
}

fn sum(told: &History) -> String {
    match told.series.iter().map(|series| series.changes.len()).sum() {
        0 => "no change".to_owned(),
        some => counted(some, "change"),
    }
}
