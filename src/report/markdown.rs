use std::fmt::Write as _;

use crate::diagnostic::{counted, printable};
use crate::model::{ActorSummary, Cell, Outcome, VariantRef};

use super::View;
use super::line::{Line, name_of};
use super::view::FOREIGN_CHARS;

/// So many agents, addresses or reasons of one actor are shown.
const SHOWN: usize = 8;

/// A run in GitHub Flavored Markdown, fit for a step summary or a comment on a merge request: a head line, a table for each
/// variant, what else there is to say of its lines, and who came, folded up.
///
/// Nothing that came from elsewhere becomes markup, a link, or a mention of anybody.
#[must_use]
pub fn markdown(view: &View<'_>) -> String {
    let mut out = format!(
        "## {} {}: {}\n\nrun `{}`, begun {:.0}, {} {}\n",
        mark(view.outcome()),
        text(&view.title()),
        text(&view.sum()),
        view.run,
        view.manifest.started,
        text(&printable(&view.manifest.tool.name, FOREIGN_CHARS)),
        text(&printable(&view.manifest.tool.version, FOREIGN_CHARS)),
    );
    for changed in view.changed() {
        let _ = writeln!(out, "\n**{}**", text(&changed));
    }
    for variant in &view.manifest.variants {
        out.push_str(&block(view, variant));
    }
    out
}

fn block(view: &View<'_>, variant: &VariantRef) -> String {
    let lines = view.lines(variant);
    let circumstances: Vec<String> = view
        .circumstances(variant)
        .iter()
        .map(|one| text(one))
        .collect();
    let mut out = format!(
        "\n### {}\n\n{}\n\n",
        text(&view.name_of(variant)),
        circumstances.join(" · ")
    );
    if !lines.is_empty() {
        out.push_str(
            "| | arm | form | verdict | trials | chance of a visit (95 %) | first | who |\n",
        );
        out.push_str("|---|---|---|---|--:|---|--:|---|\n");
    }
    for line in &lines {
        out.push_str(&row(line));
    }
    out.push_str(&list("Doubts and remarks", &remarks(&lines)));
    let failures = view.failures_of(variant);
    let failures = failures
        .iter()
        .map(|(what, times)| format!("{times} × {}", code(what)));
    out.push_str(&list("What went wrong", &failures.collect::<Vec<_>>()));
    out.push_str(&folded("Who came", &visitors(&lines)));
    out
}

fn row(line: &Line<'_>) -> String {
    let who: Vec<String> = line
        .who
        .iter()
        .map(|(actor, deeds)| format!("{actor}: {}", text(deeds)))
        .collect();
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
        mark(line.cell.outcome),
        line.cell.arm,
        line.form,
        line.words,
        line.share,
        line.bound.trim_matches(['(', ')']),
        line.delay.as_deref().unwrap_or_default(),
        who.join("; "),
    )
}

/// A glyph and a word: neither colour nor a picture alone says anything.
pub(super) const fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✅ pass",
        Outcome::Fail => "❌ fail",
        Outcome::Inconclusive => "❔ inconclusive",
        Outcome::NotRun => "➖ not run",
    }
}

fn remarks(lines: &[Line<'_>]) -> Vec<String> {
    let noted = |line: &Line<'_>| {
        let name = format!("{}/{}", line.cell.arm, line.form);
        let notes = line.notes.iter();
        notes
            .map(|note| format!("**{name}** {}", text(note)))
            .collect::<Vec<_>>()
    };
    lines.iter().flat_map(noted).collect()
}

fn visitors(lines: &[Line<'_>]) -> Vec<String> {
    let of_cell = |cell: &Cell| {
        let actors = cell.actors.iter();
        actors.map(|one| visitor(cell, one)).collect::<Vec<_>>()
    };
    lines.iter().flat_map(|line| of_cell(line.cell)).collect()
}

fn visitor(cell: &Cell, one: &ActorSummary) -> String {
    let mut said = format!(
        "**{}** {}: {} in {} of {} trials",
        name_of(cell),
        one.actor,
        counted(one.hits as usize, "hit"),
        one.trials,
        cell.trials
    );
    let addresses = one.peers.iter().map(ToString::to_string);
    let reasons = one.factors.iter().map(ToString::to_string);
    said.push_str(&quoted("said it was", one.agents.iter().cloned()));
    said.push_str(&quoted("from", addresses));
    said.push_str(&quoted("known by", reasons));
    said
}

/// Somebody else's texts, as many as a person reads.
fn quoted(words: &str, texts: impl ExactSizeIterator<Item = String>) -> String {
    let rest = match texts.len().saturating_sub(SHOWN) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    let shown: Vec<String> = texts.take(SHOWN).map(|one| code(&one)).collect();
    match shown.is_empty() {
        true => String::new(),
        false => format!("; {words} {}{rest}", shown.join(", ")),
    }
}

fn list(heading: &str, points: &[String]) -> String {
    if points.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{heading}:\n\n");
    for point in points {
        let _ = writeln!(out, "- {point}");
    }
    out
}

fn folded(heading: &str, points: &[String]) -> String {
    if points.is_empty() {
        return String::new();
    }
    let mut out = format!("\n<details><summary>{heading}</summary>\n\n");
    for point in points {
        let _ = writeln!(out, "- {point}");
    }
    out + "\n</details>\n"
}

/// Punctuation that means nothing inside a line.
const PLAIN: &str = ",;()/-+=?'\".";

/// What GitHub and GitLab read as the beginning of a reference to somebody or something. The empty comment behind it parts
/// it from its name, and shows nowhere.
const SIGILS: &str = "@#!$~&^:%";

/// Printable text as Markdown that shows just that, in a line or in a table (CommonMark, section 2.5: what is written as a
/// character reference is never structure).
fn text(printable: &str) -> String {
    let mut out = String::with_capacity(printable.len());
    let mut last = ' ';
    let mut rest = printable.chars().peekable();
    while let Some(c) = rest.next() {
        let stands_alone = rest.peek().is_none_or(|next| *next == ' ');
        match c {
            // `www.` makes a link by itself.
            '.' if last.eq_ignore_ascii_case(&'w') => out.push_str("&#46;"),
            c if SIGILS.contains(c) && stands_alone => out.push(c),
            c if SIGILS.contains(c) => {
                let _ = write!(out, "&#{};<!-- -->", u32::from(c));
            }
            c if c.is_ascii_punctuation() && !PLAIN.contains(c) => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            '\t' => out.push(' '),
            c => out.push(c),
        }
        last = c;
    }
    out
}

/// Somebody else's text in a code span, in which nothing is markup but its end (CommonMark, section 6.1). Not for tables,
/// which look for `|` first.
pub(super) fn code(foreign: &str) -> String {
    let shown = printable(foreign, FOREIGN_CHARS);
    if shown.trim().is_empty() {
        return "(nothing)".to_owned();
    }
    let runs = shown.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default() + 1);
    // One space on each side is taken off again.
    format!("{fence} {shown} {fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_ends_where_it_should() {
        assert_eq!(code("plain"), "` plain `");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(" "), "(nothing)");
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(text("4/4 (39.8 to 100)"), "4/4 (39.8 to 100)");
        assert_eq!(text("www.x"), "www&#46;x");
        assert_eq!(text("@all"), "&#64;<!-- -->all");
        assert_eq!(text("doubt: 40 %"), "doubt: 40 %");
        assert_eq!(text("a|*b*"), "a&#124;&#42;b&#42;");
    }
}
