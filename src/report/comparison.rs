use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::diagnostic::{counted, printable};
use crate::model::{
    Behaviour, CellComparison, Change, ChangeKind, Comparison, Counted, Depth, Verdict,
};

use super::terminal::Pen;
use super::view::FOREIGN_CHARS;

/// Two runs side by side as a terminal shows them: a line for each cell, and below it what is different or why that cannot
/// be said.
#[must_use]
pub fn comparison(told: &Comparison, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = format!(
        "{:<40} run {} of {:.10} against {} of {:.10}\n",
        printable(&told.title, FOREIGN_CHARS),
        told.after.run,
        told.after.started.to_string(),
        told.before.run,
        told.before.started.to_string(),
    );
    let mut variant = None;
    for cell in &told.cells {
        if variant != Some(&cell.key.variant) {
            variant = Some(&cell.key.variant);
            let _ = writeln!(out, "\n  {}", printable(&cell.key.variant, FOREIGN_CHARS));
        }
        out.push_str(&row(cell, pen));
    }
    let _ = writeln!(out, "\n{}", pen.paint(Style::new().bold(), &sum(told)));
    out
}

/// The same in one line, for the end of a run's report.
#[must_use]
pub fn since_baseline(told: &Comparison, colour: bool) -> String {
    let pen = Pen { colour };
    let changed: Vec<String> = told
        .changes()
        .map(|(key, change)| format!("{} {}", name(told, key), shown(change)))
        .collect();
    let count = match changed.len() {
        0 => "no change".to_owned(),
        count => counted(count, "change"),
    };
    let silent = told.cells.iter().filter(|cell| !cell.is_comparable());
    let silent: Vec<String> = silent.map(|cell| name(told, &cell.key)).collect();
    let silent = match silent.as_slice() {
        [] => None,
        [one] => Some(format!("{one} not comparable")),
        many => Some(format!(
            "{} of {} cells not comparable",
            many.len(),
            told.cells.len()
        )),
    };
    let parts: Vec<String> = changed.into_iter().chain(silent).collect();
    let head = format!("{count} since baseline {}", told.before.run);
    let line = match parts.is_empty() {
        true => head,
        false => format!("{head}:  {}", parts.join(",  ")),
    };
    let style = match told.is_regression() {
        true => AnsiColor::Red.on_default().bold(),
        false => Style::new(),
    };
    pen.paint(style, &line) + "\n"
}

/// A cell's name, with its variant where there are several.
fn name(told: &Comparison, key: &crate::model::CellKey) -> String {
    let several = told
        .cells
        .iter()
        .any(|cell| cell.key.variant != key.variant);
    match several {
        true => format!(
            "{}/{}",
            printable(&key.variant, FOREIGN_CHARS),
            key.question()
        ),
        false => key.question(),
    }
}

fn row(cell: &CellComparison, pen: Pen) -> String {
    let mut out = format!(
        "  {}  {:<22}  {:<24}  {}",
        mark(cell, pen),
        cell.key.question(),
        side(cell.before),
        side(cell.after),
    );
    if let Some(note) = cell.p.and_then(|p| unchanged(cell, p)) {
        let _ = write!(out, "   {}", pen.quiet(&note));
    }
    out.push('\n');
    let changes = cell.changes.iter().flat_map(told_at_length);
    let reasons = cell.reasons().iter();
    let reasons = reasons.map(|reason| printable(&reason.words(), 2 * FOREIGN_CHARS));
    for note in changes.chain(reasons) {
        let _ = writeln!(out, "        {}", pen.quiet(&note));
    }
    out
}

fn mark(cell: &CellComparison, pen: Pen) -> String {
    let kinds = || cell.changes.iter().map(|change| change.kind);
    let (colour, word) = match cell.is_comparable() {
        false => (AnsiColor::Yellow, " ?? "),
        true if kinds().any(ChangeKind::is_regression) => (AnsiColor::Red, "MORE"),
        true if kinds().any(|kind| kind == ChangeKind::Behaviour) && kinds().count() == 1 => {
            (AnsiColor::Cyan, "ELSE")
        }
        true if kinds().count() > 0 => (AnsiColor::Green, "LESS"),
        true => (AnsiColor::BrightBlack, " == "),
    };
    pen.paint(colour.on_default().bold(), word)
}

fn side(counted: Option<Counted>) -> String {
    let Some(counted) = counted else {
        return "not asked".to_owned();
    };
    let words = match counted.verdict {
        Verdict::Observed => counted.depth.map_or("observed", Depth::words),
        Verdict::NotObserved => "not observed",
        Verdict::Inconclusive => "inconclusive",
    };
    format!("{words} {}/{}", counted.hits, counted.trials)
}

/// What looks different and may be chance is said to be so.
fn unchanged(cell: &CellComparison, p: f64) -> Option<String> {
    let seen = |side: Option<Counted>| side.map(|side| (side.hits, side.trials, side.depth));
    let differs = cell.changes.is_empty() && seen(cell.before) != seen(cell.after);
    differs.then(|| match p {
        p if p < 1.0 => format!("may be chance (p {})", probability(p)),
        _ => "may be chance".to_owned(),
    })
}

fn told_at_length(change: &Change) -> Vec<String> {
    let came = change
        .came
        .iter()
        .map(|way| format!("new: {}", shown_way(way)));
    let went = change
        .went
        .iter()
        .map(|way| format!("gone: {}", shown_way(way)));
    std::iter::once(shown(change))
        .chain(came)
        .chain(went)
        .collect()
}

fn shown(change: &Change) -> String {
    format!(
        "{} (p {})",
        change.kind.words(),
        probability(change.adjusted)
    )
}

fn shown_way(way: &Behaviour) -> String {
    let parts = [
        Some(way.actor.to_string()),
        Some(way.protocol.to_string()),
        way.method.as_ref().map(|method| printable(method, 16)),
        way.agent
            .as_ref()
            .map(|agent| format!("`{}`", printable(agent, FOREIGN_CHARS))),
        Some(printable(&way.from, FOREIGN_CHARS)).filter(|from| !from.is_empty()),
        way.phase.map(|phase| format!("in {phase}")),
        way.latency.map(|latency| match latency {
            crate::model::Latency::Later => "after more than 1d".to_owned(),
            within => format!("within {within}"),
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Two digits, as papers have it: `= .029`, `< .0001`.
pub(super) fn probability(p: f64) -> String {
    let text = match p {
        p if p < 1e-4 => return "< .0001".to_owned(),
        p if p < 0.01 => format!("{p:.4}"),
        p if p < 0.0995 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    };
    format!("= {}", text.strip_prefix('0').unwrap_or(&text))
}

fn sum(told: &Comparison) -> String {
    let changes = told.changes().count();
    let worse = told
        .changes()
        .filter(|(_, change)| change.kind.is_regression());
    let silent = told
        .cells
        .iter()
        .filter(|cell| !cell.is_comparable())
        .count();
    let all = told.cells.len();
    let changed = match (changes, worse.count()) {
        (_, _) if silent == all => "nothing can be compared".to_owned(),
        (0, _) => "no change".to_owned(),
        (some, 0) => counted(some, "change") + ", none for the worse",
        (some, worse) => format!("{}, {worse} for the worse", counted(some, "change")),
    };
    match silent {
        0 => changed,
        _ if silent == all => changed,
        some => format!(
            "{changed}; {some} of {} not comparable",
            counted(all, "cell")
        ),
    }
}
