use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::attribution::Attribution;
use crate::model::{
    Actor, Answer, Arm, Class, Confidence, Depth, Door, Factor, FactorKind, Hit, HitKind, Part,
    Phase, Place, Request, Timestamp, Trial, TrialId, Via, millis,
};

use super::facts::Facts;

/// A hit read in context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Whose canary it touched.
    pub trial: TrialId,
    /// Which parts of the link it asked for or gave away.
    pub parts: Vec<Part>,
    /// Who it was.
    pub actor: Actor,
    /// The factors of the attribution, strongest first.
    pub factors: Arc<[Factor]>,
    /// How sure it is who it was; none where nothing tells.
    pub confidence: Option<Confidence>,
    /// How far it went.
    pub depth: Depth,
    /// How many bytes of what is behind the link it was handed.
    pub bytes: u64,
    /// Its sender must have had the link, and did not ask for it: see [`Hit::hearsay`]. It is shown, and stands against
    /// silence; it is no visit, whatever the request that named the link asked for.
    pub hearsay: bool,
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
        let asked = facts.trials_of(&hit.tokens());
        let mut named = facts.trials_of(&hit.hearsay());
        named.retain(|trial| !asked.contains(trial));
        let asked = asked.into_iter().map(|trial| (trial, false));
        let named = named.into_iter().map(|trial| (trial, true));
        asked
            .chain(named)
            .map(move |(trial, hearsay)| read(facts, seq, hit, trial, hearsay))
    });
    each.collect()
}

fn read(facts: &Facts<'_>, seq: u64, hit: &Hit, trial: TrialId, hearsay: bool) -> Observation {
    let tokens = if hearsay { hit.hearsay() } else { hit.tokens() };
    let parts: Vec<Part> = tokens
        .iter()
        .filter(|token| facts.is_of(token, trial))
        .map(|token| token.part)
        .collect();
    let who = who(facts, trial, hit);
    let (phase, delay) = since(facts, trial, hit.received);
    let answer = facts.answers.get(&seq).copied();
    let foremost = foremost(facts, hit, trial);
    let deed = deed(hit, foremost, answer);
    Observation {
        trial,
        actor: who.actor,
        factors: who.factors,
        confidence: who.confidence,
        // Who has a link has learned where it leads.
        depth: if hearsay {
            Depth::Connected
        } else {
            deed.depth
        },
        bytes: answer
            .filter(|_| foremost == Some(Part::Link))
            .map_or(0, |answer| answer.body_bytes),
        hearsay,
        method: deed.method,
        agent: deed.agent,
        parts,
        refused: matches!(hit.door, Door::Browser { sealed: true, .. }),
        peer: hit.peer.ip().to_canonical(),
        late: delay.is_some_and(|delay| delay > facts.manifest.window),
        phase,
        delay,
    }
}

/// What a hit did.
struct Deed {
    /// None where no request was understood.
    method: Option<String>,
    agent: Option<String>,
    depth: Depth,
}

/// A DNS message has only learned the name, whatever else it says.
fn deed(hit: &Hit, foremost: Option<Part>, answer: Option<&Answer>) -> Deed {
    let resolved = |method| Deed {
        method: Some(method),
        agent: None,
        depth: Depth::Resolved,
    };
    match &hit.kind {
        HitKind::Http(request) => Deed {
            method: Some(request.method.clone()),
            agent: request.header("user-agent").map(|value| value.text()),
            depth: depth(request, foremost, answer),
        },
        HitKind::Dns(query) => resolved(format!("DNS {}", query.type_name)),
        HitKind::Packet(_) => resolved("DNS".to_owned()),
        HitKind::Hello(_) => Deed {
            method: None,
            agent: None,
            depth: Depth::Connected,
        },
        // A link that was named in bytes that are no request has been asked for all the same.
        HitKind::Connection { .. } => Deed {
            method: None,
            agent: None,
            depth: Depth::Probed,
        },
    }
}

fn who(facts: &Facts<'_>, trial: TrialId, hit: &Hit) -> Attribution {
    let found = facts.attributor_of(trial).map(|one| one.attribute(hit));
    let found = found.unwrap_or_else(|| Attribution {
        actor: Actor::Unknown,
        factors: Arc::from([]),
        confidence: None,
    });
    if !is_ours(facts, trial, hit) {
        return found;
    }
    let own = Factor::plain(FactorKind::Fetch, "our own fetch");
    Attribution {
        actor: Actor::Auditor,
        factors: std::iter::once(own)
            .chain(found.factors.iter().cloned())
            .collect(),
        confidence: Some(Confidence::High),
    }
}

/// Whether it was our own fetch: at the public door, of a canary that only we had, while we were fetching it, and with
/// the name that was drawn for this run; or the look-up or hello that went before it, from the same
/// address.
fn is_ours(facts: &Facts<'_>, id: TrialId, hit: &Hit) -> bool {
    let by_us = |trial: &&Trial| trial.arm == Arm::Reached && trial.via == Some(Via::Auditor);
    let Some(probe) = facts
        .trial(id)
        .filter(by_us)
        .and_then(|trial| facts.probe_of(trial.id))
    else {
        return false;
    };
    let while_fetching = |hit: &Hit| (probe.from..=probe.to).contains(&hit.received);
    let is_named = |hit: &Hit| named(hit, &facts.manifest.auditor) && while_fetching(hit);
    let same_address = |other: &Hit| other.peer.ip() == hit.peer.ip();
    let ours = match &hit.kind {
        HitKind::Http(_) => is_named(hit),
        HitKind::Dns(_) | HitKind::Hello(_) => {
            let of_this = |other: &Hit| other.tokens().iter().any(|token| facts.is_of(token, id));
            let mut hits = facts.hits.iter().map(|(_, other)| *other);
            while_fetching(hit)
                && hits.any(|other| of_this(other) && is_named(other) && same_address(other))
        }
        HitKind::Packet(_) | HitKind::Connection { .. } => false,
    };
    hit.door == Door::Public && ours
}

fn named(hit: &Hit, name: &str) -> bool {
    match &hit.kind {
        HitKind::Http(request) => request
            .header("user-agent")
            .is_some_and(|value| value.text() == name),
        _ => false,
    }
}

/// The part of a link that a hit asked for: the one of the path says most. Without it a visitor has only learned where
/// the link leads; credentials go to a whole host, and do not say which page was asked for.
fn foremost(facts: &Facts<'_>, hit: &Hit, trial: TrialId) -> Option<Part> {
    let asked = hit.recognition.matches.iter().filter(|one| {
        one.class == Class::Intact && !matches!(one.place, Place::Referer | Place::Authorization)
    });
    let parts = asked
        .filter_map(|one| one.token)
        .filter(|token| facts.is_of(token, trial));
    parts
        .map(|token| token.part)
        .find(|part| *part != Part::Host)
}

/// How far one request went (design, section 5). A method that takes no content, or content of which the socket took
/// nothing, has only touched the link; what only a script can ask for has been computed before it is asked for.
fn depth(request: &Request, foremost: Option<Part>, answer: Option<&Answer>) -> Depth {
    let takes_content = !matches!(request.method.as_str(), "HEAD" | "OPTIONS");
    let took = answer.is_some_and(|answer| answer.body_bytes > 0);
    match (foremost, takes_content && took) {
        (None, _) => Depth::Connected,
        (Some(Part::Script), _) => Depth::Executed,
        (Some(_), false) => Depth::Probed,
        (Some(Part::Image | Part::Style | Part::Hop), true) => Depth::Loaded,
        (Some(_), true) => Depth::Read,
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
