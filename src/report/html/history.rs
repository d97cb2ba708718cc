use maud::{Markup, html};

use crate::model::{Point, Series, Verdict};

/// So many runs are drawn: more have no room beside each other.
pub(in crate::report) const DRAWN: usize = 120;

/// The height of the field between 0 and 100 %, in pixels, and the room above it and below.
const FIELD: f64 = 64.0;
const ABOVE: f64 = 18.0;
const BELOW: f64 = 26.0;

/// A question over many runs: in which share of the trials somebody came, with its exact interval, and a line before each
/// run from which on that is another.
pub(in crate::report) fn history(series: &Series) -> Markup {
    let hidden = series.points.len().saturating_sub(DRAWN);
    let points = series.points.get(hidden..).unwrap_or_default();
    let words = words(series, points);
    let place = |nth: f64| {
        format!(
            "{:.2}%",
            4.0 + 94.0 * (nth + 0.5) / (points.len().max(1) as f64)
        )
    };
    let changed = |point: &Point| {
        series
            .changes
            .iter()
            .find(|change| change.first.run == point.run)
    };
    html! {
        svg.history role="img" aria-label=(words) width="100%" height=(FIELD + ABOVE + BELOW) {
            title { (words) }
            @for share in [0.0, 0.5, 1.0] {
                line.grid x1="4%" x2="98%" y1=(height(share)) y2=(height(share)) {}
            }
            text x="0" y=(height(1.0)) { "all" }
            text x="0" y=(height(0.0)) { "none" }
            @for (nth, point) in points.iter().enumerate() {
                @let at = place(nth as f64);
                @if let Some(change) = changed(point) {
                    @let line = place(nth as f64 - 0.5);
                    line.change x1=(line) x2=(line) y1="4" y2=(height(0.0) + 4.0) {
                        title { (change.kind.words()) " with run " (point.run) }
                    }
                }
                (drawn(point, &at))
            }
            @if let (Some(first), Some(last)) = (points.first(), points.last()) {
                text x="4%" y=(FIELD + ABOVE + 20.0) { (day(first)) }
                @if points.len() > 1 {
                    text x="98%" y=(FIELD + ABOVE + 20.0) text-anchor="end" { (day(last)) }
                }
            }
        }
    }
}

fn height(share: f64) -> f64 {
    ABOVE + (1.0 - share) * FIELD
}

fn day(point: &Point) -> String {
    point.started.strftime("%Y-%m-%d").to_string()
}

fn words(series: &Series, points: &[Point]) -> String {
    let last = match series.last_conclusive() {
        Some(point) => format!(
            "{} of {} trials in the last run that says anything",
            point.counted.hits, point.counted.trials
        ),
        None => "no run says anything".to_owned(),
    };
    let changes = series.changes.len();
    format!(
        "{}: the last {} runs, {changes} changes, {last}",
        series.key.question(),
        points.len()
    )
}

/// Filled where somebody came, hollow where nobody did, a cross where nothing can be said.
fn drawn(point: &Point, at: &str) -> Markup {
    let counted = point.counted;
    let share = f64::from(counted.hits) / f64::from(counted.trials.max(1));
    let said = match counted.verdict {
        Verdict::Observed => "observed",
        Verdict::NotObserved => "not observed",
        Verdict::Inconclusive => "inconclusive",
    };
    let title = format!(
        "{}, run {}: {said}, {}/{}",
        day(point),
        point.run,
        counted.hits,
        counted.trials
    );
    html! {
        svg x=(at) y="0" width="1" height=(FIELD + ABOVE + BELOW) overflow="visible" {
            title { (title) }
            @if point.is_conclusive() {
                @let filled = if counted.verdict == Verdict::Observed { "point" } else { "point none" };
                line.whisker x1="0" x2="0" y1=(height(point.interval.high)) y2=(height(point.interval.low)) {}
                circle class=(filled) cx="0" cy=(height(share)) r="4" {}
            } @else {
                path.point.open d={ "M-4," (height(0.5) - 4.0) " l8,8 m0,-8 l-8,8" } {}
            }
        }
    }
}
