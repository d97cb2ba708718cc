use std::collections::BTreeMap;

use crate::model::{
    Actor, Arm, Depth, Door, Doubt, Form, Hit, HitKind, Observation, Phase, Timestamp, Trial, Via,
    millis,
};

use super::facts::{CLOCK_DRIFT_MS, Dossier, Facts};
use super::seen::Seen;

/// What the controls of a variant, and the run as a whole, say about believing it.
pub(super) struct Controls {
    /// What stands against every cell of the variant.
    pub(super) doubts: Vec<Doubt>,
    /// Who came to links that were fetched by ourselves or opened, and never sent, and how far: what follows our own
    /// steps about does so for any link.
    pub(super) replays: BTreeMap<Actor, Depth>,
    /// A link that nobody else ever had was visited: then nobody's visit proves anything.
    pub(super) leaked: bool,
    /// Both browsers were proven to come in by their own doors, and there only.
    pub(super) doors_are_proven: bool,
    /// The service came to the public door without a token of ours, after the first link was out.
    pub(super) came_by_another_link: bool,
    /// The latest hello without a request that may be the service's.
    last_hello: Option<Timestamp>,
}

impl Controls {
    pub(super) fn of(facts: &Facts<'_>, seen: &Seen<'_>, variant: &str) -> Self {
        let trials: Vec<_> = facts
            .dossiers()
            .filter(|(trial, _)| trial.variant == variant)
            .collect();
        let leaked = trials
            .iter()
            .any(|(trial, dossier)| has_leaked(seen, trial, dossier));
        let replays = replays(seen, &trials);
        // Any other follower adds visits and hides none: see `Controls::are_followed`.
        let noise = leaked || replays.contains_key(&Actor::Provider);
        let skewed = clock_moved(facts)
            || trials
                .iter()
                .any(|(trial, dossier)| before_its_cause(seen, trial, dossier));
        let found = [
            (
                Doubt::ControlSilent,
                control_is_silent(facts, seen, &trials),
            ),
            (Doubt::NoiseInControl, noise),
            (Doubt::CoverageGap, may_have_missed(facts)),
            (Doubt::ClockSkew, skewed),
            (Doubt::WindowOpen, window_is_open(facts)),
        ];
        let doubts = found.into_iter().filter(|(_, holds)| *holds);
        Self {
            doubts: doubts.map(|(doubt, _)| doubt).collect(),
            replays,
            leaked,
            doors_are_proven: doors_are_proven(facts, seen, &trials),
            came_by_another_link: came_by_another_link(facts, variant),
            last_hello: last_hello(facts, variant),
        }
    }

    /// Whether somebody who may be the provider came over TLS while this link was out, and asked for nothing. A client
    /// that does not trust our certificate goes away like this; where its hello carries no token, nobody can say what it
    /// came for, and nobody may say that it did not come for this.
    pub(super) fn hello_only(&self, trial: &Trial, dossier: &Dossier<'_>) -> bool {
        let planted = trial.form == Form::Https && trial.arm.is_shown();
        let out = dossier.out_since();
        planted && out.is_some_and(|out| self.last_hello.is_some_and(|hello| hello >= out))
    }

    /// Whether somebody who may be the provider follows our own steps about, as a carrier does who asks again for what its
    /// customers ask for. That stands against visits, which it may have made, and not against absence, which it cannot.
    pub(super) fn are_followed(&self) -> bool {
        self.replays.keys().any(|actor| actor.may_be_provider())
    }

    /// Whether a visit goes beyond what follows our own steps about.
    pub(super) fn exceeds_replays(&self, seen: &Observation) -> bool {
        self.replays
            .get(&seen.actor)
            .is_none_or(|depth| seen.depth > *depth)
    }
}

type Trials<'t, 'a> = [(&'a Trial, &'t Dossier<'a>)];

/// Whether a `reached` canary was fetched and heard where it must be. Links in a zone are looked up by waxseal itself, so
/// that must have been heard too; its browsers are led to their doors without a look-up.
pub(super) fn heard(facts: &Facts<'_>, seen: &Seen<'_>, trial: &Trial) -> bool {
    let by = match trial.via {
        Some(Via::Auditor) | None => Actor::Auditor,
        Some(Via::Sender) => Actor::Sender,
        Some(Via::Recipient) => Actor::Recipient,
    };
    // A hello that names the canary's host is not the request that was made.
    let asked = seen
        .visits(trial.id)
        .any(|seen| seen.actor == by && seen.depth > Depth::Connected);
    let looks_up = by == Actor::Auditor && facts.manifest.public.contains('*');
    let looked_up = seen
        .visits(trial.id)
        .any(|seen| seen.actor == by && seen.depth == Depth::Resolved);
    asked && (!looks_up || looked_up)
}

/// Also where a control was planned and not played, or none was planned: silence must be earned.
fn control_is_silent(facts: &Facts<'_>, seen: &Seen<'_>, trials: &Trials<'_, '_>) -> bool {
    let mut controls = trials
        .iter()
        .filter(|(trial, dossier)| trial.via == Some(Via::Auditor) && !dossier.omitted)
        .peekable();
    controls.peek().is_none()
        || controls.any(|(trial, dossier)| match dossier.probe {
            // One that is still to come is not silent yet; until then the window is open.
            None => !facts.is_to_come(dossier),
            Some(_) => !heard(facts, seen, trial),
        })
}

/// Whether a canary that nobody else ever had was visited, or known to somebody: `unsent`, or one that was never out.
fn has_leaked(seen: &Seen<'_>, trial: &Trial, dossier: &Dossier<'_>) -> bool {
    match trial.arm {
        Arm::Unsent => seen.named(trial.id).any(|seen| !seen.actor.is_own()),
        Arm::Reached | Arm::Visited => {
            !dossier.was_out() && seen.named(trial.id).any(|seen| !seen.actor.is_own())
        }
        _ => !dossier.was_out() && seen.named(trial.id).next().is_some(),
    }
}

/// Strangers at links that only we had, and had asked for.
fn replays(seen: &Seen<'_>, trials: &Trials<'_, '_>) -> BTreeMap<Actor, Depth> {
    let ours = trials
        .iter()
        .filter(|(trial, _)| matches!(trial.arm, Arm::Reached | Arm::Visited));
    let strangers = ours
        .flat_map(|(trial, _)| seen.named(trial.id))
        .filter(|seen| !seen.actor.is_own());
    let mut replays = BTreeMap::new();
    for stranger in strangers {
        let depth = replays.entry(stranger.actor).or_insert(stranger.depth);
        *depth = stranger.depth.max(*depth);
    }
    replays
}

fn before_its_cause(seen: &Seen<'_>, trial: &Trial, dossier: &Dossier<'_>) -> bool {
    dossier.was_out() && seen.visits(trial.id).any(|seen| seen.delay.is_none())
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
    jumped || facts.drift_ms() > CLOCK_DRIFT_MS
}

/// Whether the run ended before the last window did: that of the phase which each trial is about.
fn window_is_open(facts: &Facts<'_>) -> bool {
    let Some(end) = facts.end.filter(|end| !end.interrupted) else {
        return true;
    };
    let window = i64::try_from(facts.manifest.window.as_millis()).unwrap_or(i64::MAX);
    facts.dossiers().any(|(trial, dossier)| {
        let of_its_phase = |phase: Phase| trial.arm.exposing() == Some(phase);
        let mut exposures = dossier.exposures.iter();
        exposures.any(|exposure| {
            let closes = exposure.to.unwrap_or(exposure.from);
            of_its_phase(exposure.phase) && millis(closes, end.at) < window
        })
    })
}

fn doors_are_proven(facts: &Facts<'_>, seen: &Seen<'_>, trials: &Trials<'_, '_>) -> bool {
    [Via::Sender, Via::Recipient].into_iter().all(|via| {
        let mut of_this = trials
            .iter()
            .filter(|(trial, dossier)| {
                trial.arm == Arm::Reached && trial.via == Some(via) && !dossier.omitted
            })
            .peekable();
        of_this.peek().is_some()
            && of_this.all(|(trial, _)| heard(facts, seen, trial) && !came_in_public(seen, trial))
    })
}

fn came_in_public(seen: &Seen<'_>, trial: &Trial) -> bool {
    seen.visits(trial.id).any(|seen| seen.door == Door::Public)
}

/// Whether the service came to the public door without a token of ours, after the first link was out: it may have
/// learned a link and come by another.
fn came_by_another_link(facts: &Facts<'_>, variant: &str) -> bool {
    let Some(first) = facts.first_exposure().map(|first| facts.earliest(first)) else {
        return false;
    };
    let Some(attributor) = facts.attributor_in(variant) else {
        return false;
    };
    // A look-up comes from a resolver, and asks for parents of the name on its way (RFC 9156): it says nothing here. A
    // hello without a request has a doubt of its own where it names nothing, also if the handshake then came to an end: with
    // TLS 1.3 a client looks at the certificate after that, and goes away in silence.
    let asks = |kind: &HitKind| matches!(kind, HitKind::Http(_) | HitKind::Connection { .. });
    facts.hits.iter().any(|(_, hit)| {
        hit.received >= first
            && asks(&hit.kind)
            && !hit.names_a_link()
            && !facts.only_greeted(hit)
            && attributor.attribute(hit).actor == Actor::Provider
    })
}

fn last_hello(facts: &Facts<'_>, variant: &str) -> Option<Timestamp> {
    let attributor = facts.attributor_in(variant);
    let may_be_provider =
        |hit: &Hit| attributor.is_none_or(|one| one.may_be_provider(hit.peer.ip().to_canonical()));
    let hellos = facts.unasked().filter(|hit| may_be_provider(hit));
    hellos.map(|hit| facts.latest(hit.received)).max()
}
