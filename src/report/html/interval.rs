use maud::{Markup, html};

use crate::model::Interval;

/// Room at both ends, in percent of the width, so that a mark at 0 or 1 is seen whole.
const EDGE: f64 = 3.0;

fn place(share: f64) -> String {
    let share = share.clamp(0.0, 1.0);
    format!("{:.2}%", EDGE + share * (100.0 - 2.0 * EDGE))
}

/// The exact interval for the chance of a visit, and the share that was counted: a bar and a mark between 0 and 100 %.
pub(in crate::report) fn interval(hits: u32, trials: u32, interval: Interval) -> Markup {
    let share = (trials > 0).then(|| f64::from(hits) / f64::from(trials));
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let words = format!(
        "{hits} of {trials} trials; the chance of a visit lies between {} and {} % (95 %)",
        percent(interval.low),
        percent(interval.high)
    );
    html! {
        svg.interval role="img" aria-label=(words) width="100%" height="34" {
            title { (words) }
            line.axis x1=(place(0.0)) x2=(place(1.0)) y1="10" y2="10" {}
            @for at in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line.axis x1=(place(at)) x2=(place(at)) y1="6" y2="14" {}
            }
            line.bar x1=(place(interval.low)) x2=(place(interval.high)) y1="10" y2="10" {}
            @if let Some(share) = share {
                circle.share cx=(place(share)) cy="10" r="5" {}
            }
            text x=(place(0.0)) y="30" text-anchor="start" { "0" }
            text x=(place(0.5)) y="30" text-anchor="middle" { "50 %" }
            text x=(place(1.0)) y="30" text-anchor="end" { "100 %" }
        }
    }
}
