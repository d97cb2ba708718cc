//! Rules about what the steps of a phase do together: the link is typed before it is sent, sent once, and proven.

use std::collections::BTreeSet;

use crate::model::{Arm, Phase};
use crate::scenario::document::Path;
use crate::scenario::mistakes::{Spot, words};
use crate::scenario::raw;
use crate::scenario::template::cut;
use crate::scenario::types::{Piece, Script, Step};

use super::Checker;

impl Checker<'_> {
    /// The steps of every phase, in the order in which they are played.
    pub(super) fn script(&mut self) -> Script {
        Script {
            login: self.steps(Phase::Login),
            open: self.steps(Phase::Open),
            compose: self.steps(Phase::Compose),
            send: self.steps(Phase::Send),
            confirm: self.steps(Phase::Confirm),
            receive: self.steps(Phase::Receive),
            follow: self.steps(Phase::Follow),
        }
    }

    fn steps(&mut self, phase: Phase) -> Vec<Step> {
        let path = steps_path(phase);
        let all = raw_steps(self.raw, phase).iter().enumerate();
        all.filter_map(|(index, raw)| self.step(raw, &path.index(index), phase))
            .collect()
    }

    /// The rules across steps.
    pub(super) fn phase_rules(&mut self) {
        for &phase in Phase::ALL {
            if phase != Phase::Send {
                self.no_effect_in(phase);
            }
        }
        self.one_effect();
        self.typed_mark();
        self.arms_have_their_phases();
    }

    fn no_effect_in(&mut self, phase: Phase) {
        for index in effects(self.raw, phase) {
            let said = words(
                format!("`{phase}` has no effect of its own"),
                "belongs to `send`",
                "move the step that cannot be taken back to `[[send.steps]]`",
            );
            let at = steps_path(phase).index(index).key("effect");
            self.mistakes
                .error(Spot::Key(&at), "effect-misplaced", said);
        }
    }

    /// Exactly one step sends; it is marked, and nothing from there on is tried twice.
    fn one_effect(&mut self) {
        let path = steps_path(Phase::Send);
        let found = effects(self.raw, Phase::Send);
        let Some((&first, more)) = found.split_first() else {
            return self.no_effect();
        };
        for &index in more {
            let said = words(
                "a message is sent once",
                "the second effect",
                "keep `effect = true` on the one step after which the message is out",
            );
            let at = path.index(index).key("effect");
            self.mistakes.error(Spot::Key(&at), "two-effects", said);
        }
        self.sent_mark(first, &path.index(first));
        if let Some(step) = raw_steps(self.raw, Phase::Send).get(first) {
            self.sure_step(step, &path.index(first), "sends");
        }
        self.no_retry_from(Phase::Send, first);
        self.no_retry_from(Phase::Confirm, 0);
    }

    fn no_effect(&mut self) {
        let path = Path::top().key("send");
        if self.is_played(Phase::Send) && !self.mistakes.touch(&path) {
            let said = words(
                "no step in `send` is the effect",
                "nothing here is sent",
                "add `effect = true` to the one step after which the message is out",
            );
            self.mistakes.error(Spot::Value(&path), "no-effect", said);
        }
    }

    fn sent_mark(&mut self, index: usize, path: &Path) {
        let step = raw_steps(self.raw, Phase::Send).get(index);
        let marked = step.is_some_and(|step| step.mark.as_deref() == Some("sent"));
        if !marked && !self.mistakes.touch(path) {
            let said = words(
                "the effect is not marked as `sent`",
                "the instant of sending would not be known",
                "add `mark = \"sent\"` to this step",
            );
            let at = path.key("effect");
            self.mistakes.error(Spot::Key(&at), "no-sent-mark", said);
        }
    }

    fn no_retry_from(&mut self, phase: Phase, from: usize) {
        let all = raw_steps(self.raw, phase).iter().enumerate().skip(from);
        let retried = all.filter(|(_, step)| step.retry.is_some_and(|retry| retry > 0));
        for (index, _) in retried {
            let said = words(
                "nothing is tried again on or after the effect",
                "could send or count the message twice",
                "drop `retry`; a longer `timeout` waits longer",
            );
            let at = steps_path(phase).index(index).key("retry");
            self.mistakes
                .error(Spot::Key(&at), "retry-after-effect", said);
        }
    }

    fn typed_mark(&mut self) {
        let path = Path::top().key("compose");
        let mut steps = raw_steps(self.raw, Phase::Compose).iter().enumerate();
        if let Some((index, step)) = steps.find(|(_, step)| types_the_link(step)) {
            let at = steps_path(Phase::Compose).index(index);
            self.sure_step(step, &at, "types the link");
        } else if self.is_played(Phase::Compose) && !self.mistakes.touch(&path) {
            let said = words(
                "no step in `compose` types the link and is marked as `typed`",
                "the instant of typing would not be known",
                "add `mark = \"typed\"` to the step that types `{canary}`",
            );
            self.mistakes
                .error(Spot::Value(&path), "no-typed-mark", said);
        }
    }

    fn arms_have_their_phases(&mut self) {
        let raw = self.raw;
        let arms = raw
            .experiment
            .iter()
            .flat_map(|plan| plan.arms.iter().flatten());
        for (index, arm) in arms.enumerate() {
            let missing: Vec<_> = phases_of(*arm)
                .iter()
                .filter(|phase| !self.is_played(**phase))
                .map(|phase| format!("`[[{phase}.steps]]`"))
                .collect();
            if !missing.is_empty() {
                let said = words(
                    format!("`{arm}` cannot be played"),
                    format!("has no {}", missing.join(", ")),
                    format!("add the steps, or drop `{arm}` from the arms"),
                );
                let at = self.top("experiment").key("arms").index(index);
                self.mistakes.error(Spot::Value(&at), "missing-phase", said);
            }
        }
    }

    /// Whether a phase has steps, in order or not.
    fn is_played(&self, phase: Phase) -> bool {
        !raw_steps(self.raw, phase).is_empty() || self.mistakes.touch(&self.top(phase.name()))
    }
}

/// The names of everything that any step saves.
pub(super) fn saves(raw: &raw::Scenario) -> BTreeSet<String> {
    let phases = Phase::ALL.iter();
    phases
        .flat_map(|phase| raw_steps(raw, *phase))
        .filter_map(|step| step.save.clone())
        .collect()
}

fn raw_steps(raw: &raw::Scenario, phase: Phase) -> &[raw::Step] {
    let phase = match phase {
        Phase::Login => &raw.login,
        Phase::Open => &raw.open,
        Phase::Compose => &raw.compose,
        Phase::Send => &raw.send,
        Phase::Confirm => &raw.confirm,
        Phase::Receive => &raw.receive,
        Phase::Follow => &raw.follow,
    };
    phase
        .as_ref()
        .and_then(|phase| phase.steps.as_deref())
        .unwrap_or_default()
}

fn steps_path(phase: Phase) -> Path {
    Path::top().key(phase.name()).key("steps")
}

fn effects(raw: &raw::Scenario, phase: Phase) -> Vec<usize> {
    let all = raw_steps(raw, phase).iter().enumerate();
    all.filter(|(_, step)| step.effect == Some(true))
        .map(|(index, _)| index)
        .collect()
}

fn types_the_link(step: &raw::Step) -> bool {
    // By hand a person types it.
    let told = step.manual.as_deref().filter(|_| step.until.is_none());
    let typed = step.r#type.as_deref().or(told).map(cut);
    let link =
        typed.is_some_and(|(pieces, _)| pieces.iter().any(|(piece, _)| *piece == Piece::Canary));
    link && step.mark.as_deref() == Some("typed")
}

/// The phases that an arm cannot be played without.
fn phases_of(arm: Arm) -> &'static [Phase] {
    match arm {
        Arm::Opened => &[
            Phase::Open,
            Phase::Compose,
            Phase::Send,
            Phase::Confirm,
            Phase::Receive,
            Phase::Follow,
        ],
        Arm::Sent | Arm::Received => &[
            Phase::Open,
            Phase::Compose,
            Phase::Send,
            Phase::Confirm,
            Phase::Receive,
        ],
        Arm::Drafted | Arm::Pasted => &[Phase::Open, Phase::Compose],
        Arm::Unsent | Arm::Visited | Arm::Reached => &[],
    }
}
