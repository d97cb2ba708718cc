use maud::{Markup, html};

use crate::model::{Arm, Depth, Doubt};

/// Words and what they mean, folded up.
fn glossary(heading: &str, words: &[(String, &'static str)]) -> Markup {
    html! {
        @if !words.is_empty() {
            details {
                summary { (heading) }
                dl { @for (word, meaning) in words { dt { (word) } dd { (meaning) } } }
            }
        }
    }
}

/// What was done with the links, of the arms that occur.
pub(in crate::report) fn said_of_arms(occur: impl Fn(Arm) -> bool) -> Markup {
    let arms = Arm::IN_REPORTS.into_iter().filter(|arm| occur(*arm));
    let words: Vec<_> = arms.map(|arm| (arm.to_string(), arm.words())).collect();
    glossary("What was done with the links", &words)
}

/// How far somebody can go.
pub(in crate::report) fn said_of_depths() -> Markup {
    let depths = Depth::ALL.iter();
    let words: Vec<_> = depths
        .map(|depth| (format!("{} ({depth})", depth.words()), depth.meaning()))
        .chain([
            (
                "not observed".to_owned(),
                "nobody came, everything that could have hidden a visit was ruled out, and the bound is stated",
            ),
            ("inconclusive".to_owned(), "nothing can be said; the doubts say why"),
        ])
        .collect();
    glossary("How far somebody went", &words)
}

/// The doubts that occur.
pub(in crate::report) fn said_of_doubts(occur: impl Fn(Doubt) -> bool) -> Markup {
    let doubts = Doubt::ALL.iter().copied().filter(|doubt| occur(*doubt));
    let words: Vec<_> = doubts
        .map(|doubt| (doubt.to_string(), doubt.words()))
        .collect();
    glossary("Doubts", &words)
}
