use maud::{Markup, html};

use crate::diagnostic::printable;
use crate::model::{Arm, ChangePoint, History, Point, Series, Verdict};
use crate::report::history::shown;
use crate::report::html::{Column, Square, matrix, page, said, said_of_arms, said_of_depths};
use crate::report::view::FOREIGN_CHARS;

use super::{Site, age, day, folder, title};

/// So many of the last changes are shown; the feed has all.
const CHANGES: usize = 20;

pub(super) fn index(site: &Site<'_>) -> String {
    let series = || site.histories.iter().flat_map(|history| &history.series);
    let changes = changes(site.histories);
    let body = html! {
        h1 { "Does your messenger open your mail?" }
        p {
            "Links that nobody else had ever seen were sent through these services, again and again, and whoever came to look \
             was recorded. The table has what the last run that says anything says of each question."
        }
        @if let Some(newest) = site.newest() { p.quiet { "As of " time datetime=(newest) { (day(newest)) } "." } }
        (matrix("What is true of each service: what was done with the link, and its form", "Service", &columns(series()), &rows(site)))
        h2 { "What changed" }
        @if changes.is_empty() { p { "Nothing, beyond what chance explains." } }
        ul.changes { @for (history, series, change) in changes.iter().take(CHANGES) { li { (told(history, series, change)) } } }
        p { a href="changes.xml" { "All changes as a feed (Atom)" } }
        h2 { "Last good measurements" }
        (measured(site))
        h2 { "What the words mean" }
        (said_of_arms(|arm| series().any(|one| one.key.arm == arm)))
        (said_of_depths())
    };
    page(
        "Does your messenger open your mail?",
        &[],
        Some("changes.xml"),
        &body,
    )
}

/// Every change of every service, the last one first.
pub(super) fn changes(histories: &[History]) -> Vec<(&History, &Series, &ChangePoint)> {
    let mut all: Vec<_> = histories
        .iter()
        .flat_map(|history| history.series.iter().map(move |series| (history, series)))
        .flat_map(|(history, series)| {
            series
                .changes
                .iter()
                .map(move |change| (history, series, change))
        })
        .collect();
    all.sort_by_key(|(.., change)| std::cmp::Reverse((change.first.started, change.first.run)));
    all
}

fn told(history: &History, series: &Series, change: &ChangePoint) -> Markup {
    html! {
        time datetime=(change.first.started) { (day(change.first.started)) } " "
        a href={ (folder(&history.service)) "/index.html" } { (title(history)) } " "
        (printable(&series.key.to_string(), FOREIGN_CHARS)) ": " (shown(change))
    }
}

pub(super) fn column(series: &Series) -> Column {
    let question = series.key.question();
    let (arm, form) = question.split_once('/').unwrap_or((&question, ""));
    Column {
        arm: arm.to_owned(),
        form: form.replace('/', " "),
    }
}

pub(super) fn columns<'a>(series: impl Iterator<Item = &'a Series>) -> Vec<Column> {
    let mut series: Vec<&Series> = series.collect();
    let place = |arm| Arm::IN_REPORTS.iter().position(|one| *one == arm);
    series.sort_by_key(|one| (place(one.key.arm), one.key.form, one.key.doorway));
    let mut columns = Vec::new();
    for one in series.into_iter().map(column) {
        if !columns.contains(&one) {
            columns.push(one);
        }
    }
    columns
}

/// A row for each variant of each service and each region that it was asked from.
fn rows(site: &Site<'_>) -> Vec<(Markup, Vec<Option<Square>>)> {
    let of_all = site.histories.iter().flat_map(|history| &history.series);
    let columns = columns(of_all);
    site.histories
        .iter()
        .flat_map(|history| {
            let page = format!("{}/index.html", folder(&history.service));
            let name = title(history);
            of_service(history, &columns, &page, Some(&name))
        })
        .collect()
}

/// The rows of one service. `page` is where more is said of it, `name` what the rows begin with.
pub(super) fn of_service(
    history: &History,
    columns: &[Column],
    page: &str,
    name: Option<&str>,
) -> Vec<(Markup, Vec<Option<Square>>)> {
    let mut groups: Vec<(&str, Option<&str>)> = Vec::new();
    let group = |series: &Series| (series.key.variant.clone(), series.region.clone());
    for series in &history.series {
        let own = (series.key.variant.as_str(), series.region.as_deref());
        if !groups.contains(&own) {
            groups.push(own);
        }
    }
    let row = |(variant, region): (&str, Option<&str>)| {
        let own = (variant.to_owned(), region.map(str::to_owned));
        let series: Vec<&Series> = history
            .series
            .iter()
            .filter(|one| group(one) == own)
            .collect();
        let squares = columns.iter().map(|wanted| {
            let found = series.iter().find(|one| column(one) == *wanted);
            found.map(|one| square(one, page))
        });
        let heading = html! {
            @if let Some(name) = name { a href=(page) { (name) } br; }
            span.form { (printable(variant, FOREIGN_CHARS)) @if let Some(region) = region { ", from " (printable(region, FOREIGN_CHARS)) } }
        };
        (heading, squares.collect::<Vec<_>>())
    };
    groups.into_iter().map(row).collect()
}

/// What the last run that says anything says; else what the last one cannot.
pub(super) fn latest(series: &Series) -> Option<&Point> {
    series.last_conclusive().or_else(|| series.points.last())
}

fn square(series: &Series, page: &str) -> Square {
    let point = latest(series);
    let counted = point.map(|point| point.counted);
    let verdict = counted.map_or(Verdict::Inconclusive, |counted| counted.verdict);
    Square {
        said: said(
            verdict,
            counted.and_then(|counted| counted.depth),
            series.key.arm,
        ),
        below: point.map_or_else(String::new, |point| {
            format!(
                "{}/{}, {}",
                point.counted.hits,
                point.counted.trials,
                day(point.started)
            )
        }),
        link: page.to_owned(),
    }
}

fn measured(site: &Site<'_>) -> Markup {
    let newest = site.newest();
    let last = |history: &History| {
        let points = history.series.iter().filter_map(Series::last_conclusive);
        points.map(|point| point.started).max()
    };
    html! {
        table {
            caption { "When each service was last measured so that something can be said" }
            thead { tr { th scope="col" { "Service" } th scope="col" { "Last good" } th scope="col" { "Runs" } } }
            tbody {
                @for history in site.histories {
                    tr {
                        th scope="row" { a href={ (folder(&history.service)) "/index.html" } { (title(history)) } }
                        td {
                            @match last(history) {
                                Some(at) => { time datetime=(at) { (day(at)) } br; span.below { (age(newest, at)) } }
                                None => { "none yet" }
                            }
                        }
                        td { (history.runs.len()) }
                    }
                }
            }
        }
    }
}
