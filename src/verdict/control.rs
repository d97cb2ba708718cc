use crate::model::{
    Actor, Arm, Depth, Door, Doubt, Form, Hit, HitKind, TokenId, Trial, Via, millis,
};

use super::facts::Facts;
use super::observe::Observation;

/// How far the wall clock may move against the steady one before nothing timed by it is believed: a second, which is
/// more than any slewing does in a run and less than the delays that matter.
const CLOCK_DRIFT_MS: u64 = 1000;

/// What stands against believing a variant as a whole: its controls, the collector's coverage, the clock, the doors.
pub(super) fn doubts(facts: &Facts<'_>, observations: &[Observation], variant: &str) -> Vec<Doubt> {
    let trials = || {
        facts
            .manifest
            .trials
            .iter()
            .filter(|trial| trial.variant == variant)
    };
    let found = [
        (
            Doubt::ControlSilent,
            control_is_silent(facts, observations, trials()),
        ),
        (
            Doubt::NoiseInControl,
            trials().any(|trial| is_noise(facts, observations, trial)),
        ),
        (Doubt::CoverageGap, may_have_missed(facts)),
        (
            Doubt::ClockSkew,
            clock_moved(facts)
                || trials().any(|trial| before_its_cause(facts, observations, trial)),
        ),
        (Doubt::WindowOpen, window_is_open(facts)),
    ];
    found
        .into_iter()
        .filter(|(_, holds)| *holds)
        .map(|(doubt, _)| doubt)
        .collect()
}

/// Whether a `reached` canary was fetched and heard where it must be. Links in a zone are looked up by waxseal itself, so
/// that must have been heard too; its browsers are led to their doors without a look-up.
pub(super) fn heard(facts: &Facts<'_>, observations: &[Observation], trial: &Trial) -> bool {
    let by = match trial.via {
        Some(Via::Auditor) | None => Actor::Auditor,
        Some(Via::Sender) => Actor::Sender,
        Some(Via::Recipient) => Actor::Recipient,
    };
    // A hello that names the canary's host is not the request that was made.
    let asked =
        of(observations, trial).any(|seen| seen.actor == by && seen.depth > Depth::Connected);
    let looks_up = by == Actor::Auditor && facts.manifest.public.contains('*');
    let looked_up =
        of(observations, trial).any(|seen| seen.actor == by && seen.depth == Depth::Resolved);
    asked && (!looks_up || looked_up)
}

/// Whether somebody who may be the provider came over TLS while this link was out, and asked for nothing. A client that
/// does not trust our certificate goes away like this; where its hello carries no token, nobody can say what it came for,
/// and nobody may say that it did not come for this.
pub(super) fn hello_only(facts: &Facts<'_>, trial: &Trial) -> bool {
    let planted = trial.form == Form::Https && matches!(trial.arm, Arm::Sent | Arm::Drafted);
    let boundaries = facts.boundaries(trial.id);
    let out = boundaries.iter().map(|(at, _)| *at).min();
    let attributor = facts.attributor_of(trial.id);
    let may_be_provider =
        |hit: &Hit| attributor.is_none_or(|one| one.may_be_provider(hit.peer.ip().to_canonical()));
    planted
        && out.is_some_and(|out| {
            facts
                .unasked()
                .any(|hit| hit.received >= out && may_be_provider(hit))
        })
}

/// The visits to a trial's link.
fn of<'a>(observations: &'a [Observation], trial: &Trial) -> impl Iterator<Item = &'a Observation> {
    named(observations, trial).filter(|seen| !seen.hearsay)
}

/// The visits to a trial's link, and those whose senders had it.
fn named<'a>(
    observations: &'a [Observation],
    trial: &Trial,
) -> impl Iterator<Item = &'a Observation> {
    let id = trial.id;
    observations.iter().filter(move |seen| seen.trial == id)
}

/// Also where a control was planned and not played, or none was planned: silence must be earned.
fn control_is_silent<'a>(
    facts: &Facts<'_>,
    observations: &[Observation],
    trials: impl Iterator<Item = &'a Trial>,
) -> bool {
    let mut controls = trials
        .filter(|trial| trial.via == Some(Via::Auditor))
        .peekable();
    controls.peek().is_none()
        || controls
            .any(|trial| facts.probe_of(trial.id).is_none() || !heard(facts, observations, trial))
}

/// Whether a canary that nobody else ever had was visited, or known to somebody: `unsent`, or any whose link was never out.
fn is_noise(facts: &Facts<'_>, observations: &[Observation], trial: &Trial) -> bool {
    let strangers = || named(observations, trial).any(|seen| !seen.actor.is_own());
    match trial.arm {
        Arm::Unsent | Arm::Reached => strangers(),
        Arm::Sent | Arm::Drafted => {
            facts.boundaries(trial.id).is_empty() && named(observations, trial).next().is_some()
        }
    }
}

fn before_its_cause(facts: &Facts<'_>, observations: &[Observation], trial: &Trial) -> bool {
    !facts.boundaries(trial.id).is_empty()
        && of(observations, trial).any(|seen| seen.delay.is_none())
}

/// A gap before the run began or after it ended hid nothing of it. One with a clock that went back in between counts.
fn may_have_missed(facts: &Facts<'_>) -> bool {
    facts
        .gaps
        .iter()
        .any(|gap| facts.touches(gap.from.min(gap.to), gap.to.max(gap.from)))
}

fn clock_moved(facts: &Facts<'_>) -> bool {
    let jumped = facts.jumps.iter().any(|jump| {
        jump.moved_ms.unsigned_abs() > CLOCK_DRIFT_MS
            && facts.touches(jump.from.min(jump.to), jump.to.max(jump.from))
    });
    let drifted = facts
        .end
        .is_some_and(|end| end.clock_drift_ms.unsigned_abs() > CLOCK_DRIFT_MS);
    jumped || drifted
}

/// Whether the run ended before the last exposure's window did.
fn window_is_open(facts: &Facts<'_>) -> bool {
    let Some(end) = facts.end.filter(|end| !end.interrupted) else {
        return true;
    };
    let window = i64::try_from(facts.manifest.window.as_millis()).unwrap_or(i64::MAX);
    facts
        .exposures
        .iter()
        .any(|exposure| millis(exposure.to.unwrap_or(exposure.from), end.at) < window)
}

/// Whether both browsers were proven to come in by their own doors, and there only.
pub(super) fn doors_are_proven(
    facts: &Facts<'_>,
    observations: &[Observation],
    variant: &str,
) -> bool {
    [Via::Sender, Via::Recipient].into_iter().all(|via| {
        let of_this = |trial: &&Trial| trial.variant == variant && trial.via == Some(via);
        let mut trials = facts.manifest.trials.iter().filter(of_this).peekable();
        trials.peek().is_some()
            && trials
                .all(|trial| heard(facts, observations, trial) && !came_in_public(facts, trial))
    })
}

fn came_in_public(facts: &Facts<'_>, trial: &Trial) -> bool {
    let carries = |token: &TokenId| facts.is_of(token, trial.id);
    facts
        .hits
        .iter()
        .any(|(_, hit)| hit.door == Door::Public && hit.tokens().iter().any(carries))
}

/// Whether the service came to the public door without a token of ours, after the first link was out: it may have
/// learned a link and come by another.
pub(super) fn came_by_another_link(facts: &Facts<'_>, variant: &str) -> bool {
    let Some(first) = facts.exposures.iter().map(|exposure| exposure.from).min() else {
        return false;
    };
    let Some(attributor) = facts.attributor_in(variant) else {
        return false;
    };
    // A look-up comes from a resolver, and asks for parents of the name on its way (RFC 9156): it says nothing here. A
    // hello without a request has a doubt of its own.
    let asks = |kind: &HitKind| matches!(kind, HitKind::Http(_) | HitKind::Connection { .. });
    facts.hits.iter().any(|(_, hit)| {
        hit.tokens().is_empty()
            && hit.received >= first
            && asks(&hit.kind)
            && attributor.attribute(hit).actor == Actor::Provider
    })
}
