use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::diagnostic::printable;
use crate::model::{Outcome, VariantRef};

use super::View;
use super::line::Line;
use super::view::FOREIGN_CHARS;

/// A run as a terminal shows it: a block for each variant, a line for each cell.
#[must_use]
pub fn terminal(view: &View<'_>, colour: bool) -> String {
    let pen = Pen { colour };
    let variants = view.manifest.variants.iter();
    let lines: Vec<Vec<Line<'_>>> = variants.clone().map(|one| view.lines(one)).collect();
    let forms = lines.iter().flatten().map(|line| line.form.len());
    let wide = forms.max().unwrap_or_default().max(FORM_WIDTH);
    let mut out = String::new();
    for (variant, lines) in variants.zip(&lines) {
        let _ = writeln!(out, "{}\n", heading(view, variant));
        for line in lines {
            out.push_str(&row(line, wide, pen));
        }
        out.push_str(&failures(view, variant, pen));
        out.push_str(&drift(view, variant, pen));
        out.push('\n');
    }
    out + &pen.paint(Style::new().bold(), &view.sum()) + "\n"
}

#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub(super) colour: bool,
}

impl Pen {
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn outcome(self, outcome: Outcome) -> String {
        let (colour, word) = match outcome {
            Outcome::Pass => (AnsiColor::Green, "PASS"),
            Outcome::Fail => (AnsiColor::Red, "FAIL"),
            Outcome::Inconclusive => (AnsiColor::Yellow, " ?? "),
            Outcome::NotRun => (AnsiColor::BrightBlack, " -- "),
        };
        self.paint(colour.on_default().bold(), word)
    }

    pub(super) fn quiet(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }
}

fn heading(view: &View<'_>, variant: &VariantRef) -> String {
    let name = view.name_of(variant);
    let circumstances = view.circumstances(variant).join("   ");
    format!("{name:<40} run {}   {circumstances}", view.run)
}

/// The form's column, where no form is wider.
const FORM_WIDTH: usize = 12;

fn row(line: &Line<'_>, wide: usize, pen: Pen) -> String {
    let cell = line.cell;
    let mut row = format!(
        "  {}  {:<8}  {:<wide$}  {:<19}  {:>5}  {:<16}",
        pen.outcome(cell.outcome),
        cell.arm,
        line.form,
        line.words,
        line.share,
        line.bound,
    );
    if let Some(delay) = &line.delay {
        let _ = write!(row, "  first after {delay:<6}");
    }
    for (actor, deeds) in &line.who {
        let _ = write!(row, "  {actor}  {deeds}");
    }
    let mut out = row.trim_end().to_owned() + "\n";
    for note in &line.notes {
        let _ = writeln!(out, "        {}", pen.quiet(note));
    }
    out
}

fn failures(view: &View<'_>, variant: &VariantRef, pen: Pen) -> String {
    let kinds = view.failures_of(variant);
    let heading = if kinds.is_empty() {
        ""
    } else {
        "\n  what went wrong\n"
    };
    let lines = kinds
        .iter()
        .map(|(text, times)| format!("    {times} x  {}\n", pen.quiet(text)));
    heading.to_owned() + &lines.collect::<String>()
}

/// Where the first alternative of a locator is not what found its element any more: nothing is wrong yet.
fn drift(view: &View<'_>, variant: &VariantRef, pen: Pen) -> String {
    let sightings = view.drift.iter().filter(|one| one.variant == variant.name);
    let lines: String = sightings
        .map(|one| {
            let alias = printable(&one.alias, FOREIGN_CHARS);
            let text = format!(
                "`{alias}` ({}, {}): {}",
                one.account,
                one.phase,
                one.words()
            );
            format!("    {}\n", pen.quiet(&text))
        })
        .collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\n  selectors that drifted\n{lines}")
}
