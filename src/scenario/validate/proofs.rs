//! Rules that make proofs prove: what a run writes down as typed, sent, confirmed or received must have been so.

use crate::model::Phase;
use crate::scenario::document::Path;
use crate::scenario::mistakes::{Spot, words};
use crate::scenario::raw;
use crate::scenario::types::{Count, Piece, Script, Step, Target, Template, Verb, Wait};

use super::Checker;

impl Checker<'_> {
    /// A message counts as confirmed or received only when a page was seen to show its link.
    pub(super) fn proofs(&mut self, script: &Script) {
        for phase in [Phase::Confirm, Phase::Receive] {
            let steps = script.phase(phase);
            let path = Path::top().key(phase.name());
            let proven = steps.iter().any(|step| self.proves(step));
            // An alias that is wrong may be the one that would show the link.
            let wrong = self.mistakes.touch(&path) || self.mistakes.touch(&Path::top().key("loc"));
            if !steps.is_empty() && !proven && !wrong {
                let said = words(
                    format!("`{phase}` proves nothing"),
                    "no step here waits for the link",
                    "add a `wait` for an element whose `has_text` holds `{canary}` or `{canary_token}`, without `optional`, `if` or `unless`",
                );
                self.mistakes.error(Spot::Value(&path), "no-proof", said);
            }
        }
    }

    /// Whether a step can only be passed by a page that shows the link.
    fn proves(&self, step: &Step) -> bool {
        let sure = !step.optional && step.guard.is_none();
        // By hand it is a person who looks for the link.
        if let Verb::Manual {
            message,
            until: None,
        } = &step.verb
        {
            return sure && holds_link(message);
        }
        let Verb::Wait(Wait::Element {
            target,
            count,
            text,
        }) = &step.verb
        else {
            return false;
        };
        let absent = matches!(count, Some(Count::Exactly(0) | Count::AtLeast(0)));
        let shows = self.shows_link(target) || text.as_ref().is_some_and(holds_link);
        sure && !absent && shows
    }

    fn shows_link(&self, target: &Target) -> bool {
        let alias = target
            .alias
            .iter()
            .flat_map(|alias| self.alias_pieces(alias));
        let mut own = target.alternatives.iter();
        alias.into_iter().any(|piece| is_link(&piece))
            || own.any(|one| {
                let texts = one.by.templates().into_iter().chain(&one.has_text);
                texts.into_iter().any(holds_link)
            })
    }

    /// Whether the link was typed, or the message sent, must never hang on what happened to be on the page.
    pub(super) fn sure_step(&mut self, step: &raw::Step, path: &Path, what: &str) {
        let unsure = [
            ("optional", step.optional == Some(true)),
            ("if", step.r#if.is_some()),
            ("unless", step.unless.is_some()),
        ];
        for (key, _) in unsure.into_iter().filter(|(_, found)| *found) {
            let said = words(
                format!("the step that {what} may not be left out, and `{key}` would leave it out"),
                "the run would go on as if it had been done",
                format!("drop `{key}`; steps before this one may have it"),
            );
            let at = path.key(key);
            self.mistakes.error(Spot::Key(&at), "unsure-step", said);
        }
    }
}

fn holds_link(template: &Template) -> bool {
    template.0.iter().any(is_link)
}

fn is_link(piece: &Piece) -> bool {
    matches!(piece, Piece::Canary | Piece::CanaryToken)
}
