use maud::{Markup, html};

use crate::model::{Arm, Depth, Outcome, Verdict};

/// What is said of a question: how it looks, and in which word.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Said {
    /// The class of its style.
    pub(in crate::report) class: &'static str,
    /// A mark that is told from the others without colour.
    pub(in crate::report) glyph: &'static str,
    /// The word.
    pub(in crate::report) word: &'static str,
}

impl Said {
    /// The mark and the word.
    pub(in crate::report) fn badge(self) -> Markup {
        html! {
            span class={ "said " (self.class) } {
                span aria-hidden="true" { (self.glyph) } " " (self.word)
            }
        }
    }
}

const fn new(class: &'static str, glyph: &'static str, word: &'static str) -> Said {
    Said { class, glyph, word }
}

/// What is said by a verdict in an arm.
pub(in crate::report) const fn said(verdict: Verdict, depth: Option<Depth>, arm: Arm) -> Said {
    match (verdict, depth, arm) {
        (Verdict::NotObserved, ..) => new("none", "○", "not observed"),
        (Verdict::Inconclusive, ..) => new("open", "?", "inconclusive"),
        (Verdict::Observed, _, Arm::Reached) => new("heard", "✓", "heard"),
        (Verdict::Observed, None, _) => new("learned", "◔", "observed"),
        (Verdict::Observed, Some(depth), _) => {
            let (class, glyph) = match depth {
                Depth::Resolved | Depth::Connected => ("learned", "◔"),
                Depth::Probed => ("touched", "◑"),
                Depth::Read | Depth::Loaded => ("fetched", "●"),
                Depth::Executed => ("ran", "◉"),
            };
            new(class, glyph, depth.words())
        }
    }
}

/// What became of a claim.
pub(super) fn outcome(outcome: Outcome) -> Markup {
    let (class, glyph, word) = match outcome {
        Outcome::Pass => ("pass", "✓", "as claimed"),
        Outcome::Fail => ("fail", "✗", "not as claimed"),
        Outcome::Inconclusive => ("unsure", "?", "claim open"),
        Outcome::NotRun => ("unclaimed", "–", "no claim"),
    };
    html! {
        span class={ "outcome " (class) } { span aria-hidden="true" { (glyph) } " " (word) }
    }
}
