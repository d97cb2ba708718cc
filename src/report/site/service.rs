use maud::{Markup, html};

use crate::diagnostic::printable;
use crate::model::{ChangePoint, History, RunRef, Series};
use crate::report::html::{
    Crumb, history as drawn, interval, matrix, page, said, said_of_arms, said_of_depths,
    said_of_doubts,
};
use crate::report::view::FOREIGN_CHARS;

use super::index::{columns, latest, of_service};
use super::{Site, age, day, title};

pub(super) fn service(site: &Site<'_>, history: &History) -> String {
    let columns = columns(history.series.iter());
    let crumbs = [Crumb {
        path: "../index.html",
        name: "All services",
    }];
    let occurs = |doubt| {
        let mut points = history.series.iter().flat_map(|series| &series.points);
        points.any(|point| point.doubts.contains(&doubt))
    };
    let body = html! {
        h1 { (title(history)) }
        p { (history.runs.len()) " runs" (span(history)) ". " a href="history.json" { "All of it as data (JSON)" } "." }
        (matrix("What the last run that says anything says", "Variant", &columns, &of_service(history, &columns, "#questions", None)))
        h2 id="questions" { "Each question over time" }
        p.quiet {
            "Each mark is a run: in which share of its trials somebody came, with the exact 95 % interval. Filled: somebody \
             came. Hollow: nobody did. A cross: nothing can be said. A dashed line: from there on it is another chance, beyond \
             what chance explains."
        }
        @for series in &history.series { (question(site, series)) }
        h2 { "Runs" }
        (runs(site, history))
        h2 { "What the words mean" }
        (said_of_arms(|arm| history.series.iter().any(|one| one.key.arm == arm)))
        (said_of_depths())
        (said_of_doubts(occurs))
    };
    page(&title(history), &crumbs, Some("../changes.xml"), &body)
}

fn span(history: &History) -> String {
    match (history.runs.first(), history.runs.last()) {
        (Some(first), Some(last)) => format!(", {} to {}", day(first.started), day(last.started)),
        _ => String::new(),
    }
}

fn name(series: &Series) -> String {
    let key = printable(&series.key.to_string(), FOREIGN_CHARS);
    match &series.region {
        Some(region) => format!("{key}, from {}", printable(region, FOREIGN_CHARS)),
        None => key,
    }
}

fn question(site: &Site<'_>, series: &Series) -> Markup {
    html! {
        section {
            h3 { (name(series)) }
            @if let Some(point) = latest(series) {
                p {
                    (said(point.counted.verdict, point.counted.depth, series.key.arm).badge()) " "
                    (point.counted.hits) "/" (point.counted.trials) " on " (run(site, RunRef { run: point.run, started: point.started }))
                    ", " (age(site.newest(), point.started))
                }
                (interval(point.counted.hits, point.counted.trials, point.interval))
            }
            figure {
                figcaption { (name(series)) ", run by run" (flips(series)) }
                (drawn(series))
            }
            @if !series.changes.is_empty() {
                ul.changes { @for change in &series.changes { li { (changed(site, change)) } } }
            }
        }
    }
}

fn flips(series: &Series) -> String {
    match series.flips.of {
        0 => String::new(),
        of => format!("; the verdict turned {} of {of} times", series.flips.turned),
    }
}

fn changed(site: &Site<'_>, change: &ChangePoint) -> Markup {
    html! {
        strong { (change.kind.words()) } " with run " (run(site, change.first)) ": "
        (change.before.hits) "/" (change.before.trials) " before, " (change.after.hits) "/" (change.after.trials)
        " since; the last before was run " (run(site, change.last)) "."
        @for reason in &change.besides { " At the same time: " (printable(&reason.words(), 2 * FOREIGN_CHARS)) "." }
    }
}

/// A run by its date, which leads to its page where it has one.
fn run(site: &Site<'_>, run: RunRef) -> Markup {
    let date = day(run.started);
    html! {
        time datetime=(run.started) { (date) } " ("
        @if site.runs.contains(&run.run) { a href={ "../runs/" (run.run) ".html" } { (run.run) } } @else { (run.run) }
        ")"
    }
}

fn runs(site: &Site<'_>, history: &History) -> Markup {
    let with_page = history
        .runs
        .iter()
        .rev()
        .filter(|one| site.runs.contains(&one.run));
    let shown: Vec<&RunRef> = with_page.collect();
    html! {
        @match shown.is_empty() {
            true => { p { "None of them has a page of its own here." } }
            false => { ul { @for one in shown { li { (run(site, *one)) } } } }
        }
    }
}
