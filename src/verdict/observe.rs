use std::net::IpAddr;
use std::time::Duration;

use crate::attribution::{Known, attribute};
use crate::model::{
    Actor, Answer, Arm, Depth, Door, Hit, HitKind, Part, Phase, Request, Timestamp, Trial, TrialId,
    Via, millis,
};

use super::facts::Facts;
use super::sets::each_once;

/// A hit read in context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Whose canary it touched.
    pub trial: TrialId,
    /// Which parts of the link it asked for or gave away.
    pub parts: Vec<Part>,
    /// Who it was.
    pub actor: Actor,
    /// The factors of the attribution.
    pub factors: Vec<String>,
    /// How far it went.
    pub depth: Depth,
    /// Turned away at a sealed door.
    pub refused: bool,
    /// The method, in the case it was sent; none where no request was understood.
    pub method: Option<String>,
    /// The user agent. Hostile text.
    pub agent: Option<String>,
    /// From where.
    pub peer: IpAddr,
    /// The phase whose beginning it followed; none for our own fetches, and before any exposure.
    pub phase: Option<Phase>,
    /// From that beginning; none if it came before the link was out.
    pub delay: Option<Duration>,
    /// It came after the window had closed: known, and not counted among its trials.
    pub late: bool,
}

/// Reads every hit that carried a token of this run: once for each trial whose link it named.
pub(super) fn observe(facts: &Facts<'_>) -> Vec<Observation> {
    let each = facts.hits.iter().flat_map(|&(seq, hit)| {
        let trials = each_once(hit.tokens().iter().map(|token| token.trial));
        trials.into_iter().map(move |trial| (seq, hit, trial))
    });
    each.map(|(seq, hit, trial)| read(facts, seq, hit, trial))
        .collect()
}

fn read(facts: &Facts<'_>, seq: u64, hit: &Hit, trial: TrialId) -> Observation {
    let parts: Vec<Part> = hit
        .tokens()
        .iter()
        .filter(|token| token.trial == trial)
        .map(|token| token.part)
        .collect();
    let (actor, factors) = who(facts, trial, hit);
    let (phase, delay) = since(facts, trial, hit.received);
    let request = match &hit.kind {
        HitKind::Http(request) => Some(request),
        HitKind::Connection { .. } => None,
    };
    Observation {
        trial,
        actor,
        factors,
        // A link that was named in bytes that are no request has been asked for all the same.
        depth: request.map_or(Depth::Probed, |request| {
            depth(request, &parts, facts.answers.get(&seq).copied())
        }),
        parts,
        refused: matches!(hit.door, Door::Browser { sealed: true, .. }),
        method: request.map(|request| request.method.clone()),
        agent: request
            .and_then(|request| request.header("user-agent"))
            .map(|value| value.text()),
        peer: hit.peer.ip().to_canonical(),
        late: delay.is_some_and(|delay| delay > facts.manifest.window),
        phase,
        delay,
    }
}

fn who(facts: &Facts<'_>, trial: TrialId, hit: &Hit) -> (Actor, Vec<String>) {
    if is_ours(facts, trial, hit) {
        return (Actor::Auditor, vec!["our own fetch".to_owned()]);
    }
    let networks = facts.networks_of(trial);
    let known = Known {
        networks: &networks,
        agents: &facts.manifest.scenario.agents,
    };
    let attribution = attribute(hit, known);
    (attribution.actor, attribution.factors)
}

/// Whether it was our own fetch: at the public door, of a canary that only we had, while we were fetching it, and with
/// the name that was drawn for this run.
fn is_ours(facts: &Facts<'_>, id: TrialId, hit: &Hit) -> bool {
    let by_us = |trial: &&Trial| trial.arm == Arm::Reached && trial.via == Some(Via::Auditor);
    let Some(probe) = facts
        .trial(id)
        .filter(by_us)
        .and_then(|trial| facts.probe_of(trial.id))
    else {
        return false;
    };
    let while_fetching = (probe.from..=probe.to).contains(&hit.received);
    hit.door == Door::Public && while_fetching && named(hit, &facts.manifest.auditor)
}

fn named(hit: &Hit, name: &str) -> bool {
    match &hit.kind {
        HitKind::Http(request) => request
            .header("user-agent")
            .is_some_and(|value| value.text() == name),
        HitKind::Connection { .. } => false,
    }
}

/// How far one request went (design, section 5). A method that takes no content, or content of which the socket took
/// nothing, has only touched the link.
fn depth(request: &Request, parts: &[Part], answer: Option<&Answer>) -> Depth {
    let takes_content = !matches!(request.method.as_str(), "HEAD" | "OPTIONS");
    let took = answer.is_some_and(|answer| answer.body_bytes > 0);
    let child = matches!(parts.first(), Some(Part::Image | Part::Style));
    match (takes_content && took, child) {
        (false, _) => Depth::Probed,
        (true, false) => Depth::Read,
        (true, true) => Depth::Loaded,
    }
}

/// The latest boundary before an instant, and how long before.
fn since(facts: &Facts<'_>, id: TrialId, at: Timestamp) -> (Option<Phase>, Option<Duration>) {
    let boundaries = facts.boundaries(id);
    let before = boundaries
        .into_iter()
        .filter(|(boundary, _)| *boundary <= at)
        .max_by_key(|(boundary, _)| *boundary);
    let Some((boundary, phase)) = before else {
        return (None, None);
    };
    (
        phase,
        u64::try_from(millis(boundary, at))
            .ok()
            .map(Duration::from_millis),
    )
}
