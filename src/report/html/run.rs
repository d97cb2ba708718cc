use std::collections::BTreeMap;

use maud::{Markup, html as markup};

use crate::diagnostic::printable;
use crate::model::{Actor, ActorSummary, Arm, Cell, TrialId, VariantRef};
use crate::report::View;
use crate::report::course::{Course, Spoke, courses};
use crate::report::line::{Line, name_of};
use crate::report::view::FOREIGN_CHARS;

use super::legend::{said_of_arms, said_of_depths, said_of_doubts};
use super::mark;
use super::timeline::{self, timeline};
use super::{Column, Crumb, Square, interval, matrix, page, said};

/// So many agents, addresses or reasons of one actor are shown.
const SHOWN: usize = 12;

/// A run as one web page that needs nothing else.
#[must_use]
pub fn html(view: &View<'_>) -> String {
    run_page(view, &[])
}

/// The same with the way to the pages above it.
pub(in crate::report) fn run_page(view: &View<'_>, crumbs: &[Crumb<'_>]) -> String {
    let drawn = Drawn::of(view);
    let variants = view.manifest.variants.iter().enumerate();
    let body = markup! {
        h1 { (view.title()) }
        p.sum { (mark::outcome(view.outcome())) " " (view.sum()) }
        p {
            "Run " code { (view.run) } ", begun " (date(view)) ". Links that nobody else had ever seen went through the \
             service; this is who came to look."
        }
        @for changed in view.changed() { p.changes { (changed) } }
        @if !view.cells.is_empty() { h2 { "At a glance" } (glance(view)) }
        @for (nth, variant) in variants { (block(view, nth, variant, &drawn)) }
        h2 { "What the words mean" }
        (said_of_arms(|arm| view.cells.iter().any(|cell| cell.arm == arm)))
        (said_of_depths())
        (said_of_doubts(|doubt| view.cells.iter().any(|cell| cell.doubts.contains(&doubt))))
        h2 { "How it was made" }
        (facts(view))
    };
    page(
        &format!("{}: run {}", view.title(), view.run),
        crumbs,
        None,
        &body,
    )
}

fn date(view: &View<'_>) -> Markup {
    let started = view.manifest.started;
    markup! { time datetime=(started) { (format!("{started:.0}").replace('T', " ").replace('Z', " UTC")) } }
}

/// Where a cell is told of.
fn anchor(nth: usize, cell: &Cell) -> String {
    format!("v{nth}-{}", name_of(cell).replace('/', "-"))
}

fn glance(view: &View<'_>) -> Markup {
    let mut columns: Vec<Column> = Vec::new();
    let named = |cell: &Cell| Column {
        arm: cell.arm.to_string(),
        form: name_of(cell)
            .split('/')
            .skip(1)
            .collect::<Vec<_>>()
            .join(" "),
    };
    for cell in view.cells.iter().map(named) {
        if !columns.contains(&cell) {
            columns.push(cell);
        }
    }
    let square = |nth: usize, cell: &Cell| Square {
        said: said(cell.verdict, cell.depth, cell.arm),
        below: format!("{}/{}", cell.hits, cell.trials),
        link: format!("#{}", anchor(nth, cell)),
    };
    let variants = view.manifest.variants.iter().enumerate();
    let rows: Vec<_> = variants
        .map(|(nth, variant)| {
            let cells: Vec<&Cell> = view.cells_of(variant).collect();
            let find = |column: &Column| cells.iter().find(|cell| named(cell) == *column);
            let squares = columns
                .iter()
                .map(|column| find(column).map(|cell| square(nth, cell)));
            let name = markup! { a href={ "#v" (nth) } { (view.setting(variant)) } };
            (name, squares.collect::<Vec<_>>())
        })
        .collect();
    matrix(
        "What is true of each question: what was done with the link, and its form",
        "Setting",
        &columns,
        &rows,
    )
}

fn block(view: &View<'_>, nth: usize, variant: &VariantRef, drawn: &Drawn<'_>) -> Markup {
    let lines = view.lines(variant);
    let failures = view.failures_of(variant);
    markup! {
        section id={ "v" (nth) } {
            h2 { (view.name_of(variant)) }
            p.quiet { (view.circumstances(variant).join(" · ")) }
            @if !lines.is_empty() { (cells(nth, &lines)) }
            @if !failures.is_empty() {
                h3 { "What went wrong" }
                ul { @for (what, times) in &failures { li { (times) " × " code { (what) } } } }
            }
            (drawn.figures(&lines, view))
            (visitors(&lines))
        }
    }
}

fn cells(nth: usize, lines: &[Line<'_>]) -> Markup {
    markup! {
        table.cells {
            caption {
                "Each question: how it was answered, in how many trials, and the exact 95 % interval for the chance of a visit"
            }
            thead { tr { th scope="col" { "Question" } th scope="col" { "Answer" } } }
            tbody { @for line in lines { (row(nth, line)) } }
        }
    }
}

fn row(nth: usize, line: &Line<'_>) -> Markup {
    let cell = line.cell;
    markup! {
        tr id=(anchor(nth, cell)) {
            th scope="row" { (cell.arm) br; span.form { (line.form) } }
            td {
                p { (said(cell.verdict, cell.depth, cell.arm).badge()) " " (mark::outcome(cell.outcome)) }
                p { strong { (line.share) } " " (line.bound)
                    @if let Some(delay) = &line.delay { ", first after " (delay) } }
                (interval(cell.hits, cell.trials, cell.interval))
                @for (actor, deeds) in &line.who { p { strong { (actor) } " " (deeds) } }
                @if !line.notes.is_empty() { ul.notes { @for note in &line.notes { li { (note) } } } }
            }
        }
    }
}

/// The courses of those trials that are drawn, by the cell that they belong to.
struct Drawn<'a> {
    of_cell: Vec<(&'a Cell, Vec<TrialId>)>,
    courses: BTreeMap<TrialId, Course>,
}

impl<'a> Drawn<'a> {
    /// Those with a visitor, of every cell whose visitors are of interest: our own fetches of `reached` links are not.
    fn of(view: &View<'a>) -> Self {
        let told = view.cells.iter().filter(|cell| cell.arm != Arm::Reached);
        let of_cell: Vec<_> = told.map(|cell| (cell, visited(view, cell))).collect();
        let shown: Vec<TrialId> = of_cell
            .iter()
            .flat_map(|(_, trials)| trials)
            .copied()
            .collect();
        let courses = courses(view.evidence, view.observations, &shown);
        Self { of_cell, courses }
    }

    fn courses_of(&self, cell: &Cell) -> Vec<Course> {
        let of_this = self
            .of_cell
            .iter()
            .find(|(one, _)| std::ptr::eq(*one, cell));
        let trials = of_this
            .map(|(_, trials)| trials.as_slice())
            .unwrap_or_default();
        let courses = trials.iter().filter_map(|trial| self.courses.get(trial));
        courses.cloned().collect()
    }

    fn figures(&self, lines: &[Line<'_>], view: &View<'_>) -> Markup {
        let window = i64::try_from(view.manifest.window.as_millis()).unwrap_or(i64::MAX);
        let told = lines
            .iter()
            .map(|line| (line.cell, self.courses_of(line.cell)));
        let figures: Vec<_> = told.filter(|(_, courses)| !courses.is_empty()).collect();
        markup! {
            @if !figures.is_empty() {
                h3 { "When they came" }
                (marks(figures.iter().flat_map(|(_, courses)| courses)))
                @for (cell, courses) in &figures { (figure(cell, courses, window)) }
            }
        }
    }
}

/// The first trials of a cell that had any visitor, our own browsers among them.
fn visited(view: &View<'_>, cell: &Cell) -> Vec<TrialId> {
    let planned = view.manifest.trials.iter().filter(|trial| {
        let doorway = trial.doorway.is_none_or(|doorway| doorway == cell.doorway);
        (trial.arm, trial.form) == (cell.arm, cell.form) && trial.variant == cell.variant && doorway
    });
    let had_visitor = |trial: &TrialId| view.was_visited(*trial);
    planned
        .map(|trial| trial.id)
        .filter(had_visitor)
        .take(timeline::SHOWN)
        .collect()
}

fn figure(cell: &Cell, courses: &[Course], window_ms: i64) -> Markup {
    let all = if courses.len() < timeline::SHOWN {
        ""
    } else {
        "the first of the "
    };
    markup! {
        figure {
            figcaption {
                strong { (name_of(cell)) } ": " (all) "trials with a visitor, each a line with its number. Zero is when "
                (timeline::zero_words(cell.arm)) "; the axis is logarithmic both ways, and the dotted line is where the window \
                 closed."
            }
            (timeline(cell, courses, window_ms))
        }
    }
}

/// What the marks mean that occur.
fn marks<'c>(courses: impl Iterator<Item = &'c Course>) -> Markup {
    let events: Vec<_> = courses.flat_map(|course| &course.events).collect();
    let actors = Actor::ALL
        .iter()
        .filter(|actor| events.iter().any(|event| event.actor == **actor));
    let spoken = [
        (Spoke::Dns, "look-up (DNS)"),
        (Spoke::Connection, "connection (TCP, TLS) without a request"),
        (Spoke::Request, "request (HTTP)"),
    ];
    let spoken = spoken
        .iter()
        .filter(|(spoke, _)| events.iter().any(|event| event.spoke == *spoke));
    markup! {
        p.key {
            @for (spoke, words) in spoken {
                span { svg width="20" height="18" aria-hidden="true" {
                    svg x="10" y="1" overflow="visible" { (timeline::shape(*spoke, "event plain")) }
                } " " (words) } " "
            }
            @for actor in actors { span { b.actor { (timeline::letter(*actor)) } " " (actor) } " " }
            @if events.iter().any(|event| event.refused) { span { "hollow: refused at our own door" } }
        }
    }
}

fn visitors(lines: &[Line<'_>]) -> Markup {
    let visited: Vec<&Line<'_>> = lines
        .iter()
        .filter(|line| !line.cell.actors.is_empty())
        .collect();
    markup! {
        @if !visited.is_empty() {
            h3 { "Who came" }
            @for line in visited {
                details {
                    summary { (name_of(line.cell)) }
                    @for one in &line.cell.actors { (visitor(line.cell, one)) }
                }
            }
        }
    }
}

fn visitor(cell: &Cell, one: &ActorSummary) -> Markup {
    let sure = one
        .confidence
        .map(|confidence| format!(", confidence {confidence}"));
    markup! {
        p { strong { (one.actor) } (sure.unwrap_or_default()) ": " (one.hits) " hits in " (one.trials) " of " (cell.trials)
            " trials, at most " em { (one.depth) } }
        dl {
            (quoted("Said it was", one.agents.iter().cloned()))
            (quoted("From", one.peers.iter().map(ToString::to_string)))
            (quoted("Known by", one.factors.iter().map(ToString::to_string)))
        }
    }
}

/// Somebody else's texts, as many as a person reads.
fn quoted(words: &str, texts: impl ExactSizeIterator<Item = String>) -> Markup {
    let rest = texts.len().saturating_sub(SHOWN);
    markup! {
        @if texts.len() > 0 {
            dt { (words) }
            @for text in texts.take(SHOWN) { dd { code { (printable(&text, FOREIGN_CHARS)) } } }
            @if rest > 0 { dd { "and " (rest) " more" } }
        }
    }
}

fn facts(view: &View<'_>) -> Markup {
    let manifest = view.manifest;
    let ended = view
        .end
        .map_or_else(|| "not yet".to_owned(), |end| format!("{:.0}", end.at));
    let facts = [
        ("Run", view.run.to_string()),
        ("Begun", format!("{:.0}", manifest.started)),
        ("Ended", ended),
        (
            "Made by",
            format!("{} {}", manifest.tool.name, manifest.tool.version),
        ),
        ("Scenario", manifest.scenario.path.clone()),
        ("Its SHA-256", manifest.scenario.digest.clone()),
        ("Seed of the order", manifest.seed.to_string()),
        ("Links led to", manifest.public.clone()),
        ("Browser", manifest.browser.clone()),
    ];
    markup! {
        dl { @for (what, text) in facts { dt { (what) } dd { code { (printable(&text, FOREIGN_CHARS)) } } } }
    }
}
