use std::fmt::Write as _;

use anstyle::Style;

use crate::diagnostic::printable;
use crate::model::{Calibration, Judgements, Measure, Outcome, Rehearsed, Share};

use super::terminal::Pen;

/// The longest piece of text in a line.
const CHARS: usize = 400;

/// How wrong the instrument is, as a terminal shows it.
#[must_use]
pub fn calibration(found: &Calibration, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = format!(
        "How wrong can it be?                     {} worlds   seed {}\n\n",
        found.worlds, found.seed
    );
    let truths = found.matrix.iter();
    let truths = truths.map(|row| line(row, row.truth.words()));
    out.push_str(&table("cells, by what is true of them", truths));
    let flaws = found.flaws.iter();
    let flaws = flaws.map(|row| line(row, row.truth.name()));
    out.push_str(&table("cells, by what was broken", flaws));
    for (measure, share) in &found.shares {
        out.push_str(&measured(*measure, share, pen));
    }
    out.push_str(&wrong(found, pen));
    out.push_str(&personas(found, pen));
    out + "\n" + &pen.paint(Style::new().bold(), &sum(found)) + "\n"
}

fn table(heading: &str, lines: impl Iterator<Item = String>) -> String {
    let columns = ["observed", "not observed", "inconclusive"];
    let [observed, not_observed, inconclusive] = columns;
    let lines: String = lines.collect();
    format!("  {heading:<40}{observed:>12}{not_observed:>15}{inconclusive:>15}\n{lines}\n")
}

fn line<T>(row: &Judgements<T>, name: &str) -> String {
    let (observed, not_observed, inconclusive) = (row.observed, row.not_observed, row.inconclusive);
    format!("    {name:<38}{observed:>12}{not_observed:>15}{inconclusive:>15}\n")
}

fn measured(measure: Measure, share: &Share, pen: Pen) -> String {
    let outcome = match (measure.is_limited(), measure.is_wrong(share)) {
        (false, _) => Outcome::NotRun,
        (true, true) => Outcome::Fail,
        (true, false) => Outcome::Pass,
    };
    format!(
        "  {}  {:<19} {:>15}  {:<22}  {}\n",
        pen.outcome(outcome),
        measure.name(),
        format!("{} of {}", share.count, share.of),
        bound(share),
        pen.quiet(measure.words()),
    )
}

/// Small shares are what this is about, so they get their digits.
fn bound(share: &Share) -> String {
    let percent = |part: f64| format!("{:.2}", part * 100.0);
    match share.count {
        _ if share.of == 0 => "(nothing known)".to_owned(),
        0 => format!("(at most {} %)", percent(share.interval.high)),
        _ => format!(
            "({} to {} %)",
            percent(share.interval.low),
            percent(share.interval.high)
        ),
    }
}

fn wrong(found: &Calibration, pen: Pen) -> String {
    let mut out = String::new();
    for cell in &found.wrong {
        let _ = writeln!(out, "        {}", pen.quiet(&printable(cell, CHARS)));
    }
    out
}

fn personas(found: &Calibration, pen: Pen) -> String {
    if found.personas.is_empty() {
        return String::new();
    }
    let lines: String = found.personas.iter().map(|one| persona(one, pen)).collect();
    format!("\n  personas of the practice messenger, audited by a browser\n{lines}")
}

fn persona(one: &Rehearsed, pen: Pen) -> String {
    let outcome = if one.right {
        Outcome::Pass
    } else {
        Outcome::Fail
    };
    let mut line = format!(
        "  {}  {:<23} {}\n",
        pen.outcome(outcome),
        printable(&one.name, 40),
        printable(&one.verdict, CHARS)
    );
    if !one.right {
        let truth = format!("truly: {}", printable(&one.expected, CHARS));
        let _ = writeln!(line, "        {}", pen.quiet(&truth));
    }
    line
}

fn sum(found: &Calibration) -> String {
    let limited = found
        .shares
        .iter()
        .filter(|(measure, _)| measure.is_limited());
    let measures = limited.clone().count();
    let held = limited
        .filter(|(measure, share)| !measure.is_wrong(share))
        .count();
    let right = found.personas.iter().filter(|one| one.right).count();
    let figures = format!("{held} of {measures} figures within their limits");
    match found.personas.len() {
        0 => figures,
        all => format!("{figures}; {right} of {all} personas judged right"),
    }
}
