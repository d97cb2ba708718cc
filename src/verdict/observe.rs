use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::attribution::Attribution;
use crate::model::{
    Actor, Answer, Class, Confidence, Depth, Factor, FactorKind, Hit, HitKind, Observation, Part,
    Phase, Place, Protocol, Request, Timestamp, TokenId, TrialId, millis,
};

use super::facts::Facts;

/// Reads every hit that carried a token of this run: once for each trial whose link it named. By trial, and by time
/// within.
pub(super) fn observe(facts: &Facts<'_>) -> Vec<Observation> {
    let mut reader = Reader::new(facts);
    let mut all = Vec::with_capacity(facts.hits.len());
    for &(seq, hit) in &facts.hits {
        reader.read_all(seq, hit, &mut all);
    }
    // Stable: within a trial they stay in the order of time. Cached, so that small keys are sorted and each observation is
    // moved once.
    all.sort_by_cached_key(|seen: &Observation| seen.trial);
    for trial in all.chunk_by_mut(|one, next| one.trial == next.trial) {
        mark_those_again(trial);
    }
    all
}

/// Marks what the same actor had asked for before, in the same way. Resolvers ask as often as they like.
fn mark_those_again(trial: &mut [Observation]) {
    let mut before = HashSet::new();
    for seen in trial {
        let asks = !seen.hearsay && seen.depth >= Depth::Probed;
        let key = (seen.actor, seen.asked, seen.method.clone());
        seen.again = asks && !before.insert(key);
    }
}

/// Reads hits, and remembers what many of them have in common, so that a million hits cost no million texts.
struct Reader<'a> {
    facts: &'a Facts<'a>,
    texts: HashSet<Arc<str>>,
}

impl<'a> Reader<'a> {
    fn new(facts: &'a Facts<'a>) -> Self {
        Self {
            facts,
            texts: HashSet::new(),
        }
    }

    fn read_all(&mut self, seq: u64, hit: &Hit, all: &mut Vec<Observation>) {
        let facts = self.facts;
        let tokens = hit.tokens();
        let asked = facts.trials_of(&tokens);
        for &trial in &asked {
            all.push(self.read(seq, hit, trial, &tokens, false));
        }
        // Few requests have anything else.
        if hit.recognition.matches.len() > tokens.len() {
            let tokens = hit.hearsay();
            let mut named = facts.trials_of(&tokens);
            named.retain(|trial| !asked.contains(trial));
            for trial in named {
                all.push(self.read(seq, hit, trial, &tokens, true));
            }
        }
    }

    fn read(
        &mut self,
        seq: u64,
        hit: &Hit,
        trial: TrialId,
        tokens: &[TokenId],
        hearsay: bool,
    ) -> Observation {
        let facts = self.facts;
        let tokens = tokens.iter().filter(|token| facts.is_of(token, trial));
        let parts: Vec<Part> = tokens.map(|token| token.part).collect();
        let answer = facts.answer(seq);
        let foremost = foremost(facts, hit, trial);
        let deed = self.deed(hit, foremost, answer);
        let who = who(facts, trial, hit);
        let (phase, delay, late) = since(facts, trial, hit.received);
        let handed = answer.filter(|answer| answer.body_bytes > 0);
        Observation {
            hit: seq,
            at: hit.received,
            trial,
            parts,
            actor: who.actor,
            factors: who.factors,
            confidence: who.confidence,
            // Who has a link has learned where it leads.
            depth: if hearsay {
                Depth::Connected
            } else {
                deed.depth
            },
            bytes: handed
                .filter(|_| foremost == Some(Part::Link))
                .map_or(0, |answer| answer.body_bytes),
            whole: handed.and_then(|answer| Some(answer.body_bytes >= answer.of?)),
            asked: foremost.filter(|_| !hearsay),
            hearsay,
            door: hit.door,
            again: false,
            method: deed.method,
            protocol: protocol(&hit.kind),
            agent: deed.agent,
            peer: hit.peer,
            phase,
            delay,
            late,
        }
    }

    /// A text that others may have in common.
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    /// A DNS message has only learned the name, whatever else it says.
    fn deed(&mut self, hit: &Hit, foremost: Option<Part>, answer: Option<&Answer>) -> Deed {
        let without_method = |depth| Deed {
            method: None,
            agent: None,
            depth,
        };
        match &hit.kind {
            HitKind::Http(request) => {
                let agent = request.header("user-agent").map(|value| value.text());
                Deed {
                    method: Some(self.text(&request.method)),
                    agent: agent.map(|agent| self.text(&agent)),
                    depth: depth(request, foremost, answer),
                }
            }
            HitKind::Dns(query) => Deed {
                method: Some(self.text(&format!("DNS {}", query.type_name))),
                ..without_method(Depth::Resolved)
            },
            HitKind::Packet(_) => Deed {
                method: Some(self.text("DNS")),
                ..without_method(Depth::Resolved)
            },
            HitKind::Hello(_) => without_method(Depth::Connected),
            // A link that was named in bytes that are no request has been asked for all the same.
            HitKind::Connection { .. } => without_method(Depth::Probed),
        }
    }
}

fn who(facts: &Facts<'_>, trial: TrialId, hit: &Hit) -> Attribution {
    let found = facts.attributor_of(trial).map(|one| one.attribute(hit));
    let found = found.unwrap_or_else(|| Attribution {
        actor: Actor::Unknown,
        factors: Arc::from([]),
        confidence: None,
    });
    if !facts.is_ours(trial, hit) {
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

const fn protocol(kind: &HitKind) -> Protocol {
    match kind {
        HitKind::Http(request) if request.tls => Protocol::Https,
        HitKind::Http(_) => Protocol::Http,
        HitKind::Dns(_) | HitKind::Packet(_) => Protocol::Dns,
        HitKind::Hello(_) => Protocol::Tls,
        HitKind::Connection { .. } => Protocol::Bytes,
    }
}

/// What a hit did.
struct Deed {
    /// None where no request was understood.
    method: Option<Arc<str>>,
    agent: Option<Arc<str>>,
    depth: Depth,
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

/// The phase that an instant lies in, how long after its beginning, and whether after the end of its window: that is
/// counted from when the phase's step was done. What comes before everything by less than the clocks may be apart came
/// with it.
fn since(facts: &Facts<'_>, id: TrialId, at: Timestamp) -> (Option<Phase>, Option<Duration>, bool) {
    let boundary = facts.dossier(id).and_then(|dossier| {
        let boundary = dossier.boundary_before(at);
        boundary.or_else(|| dossier.boundary_before(facts.latest(at)))
    });
    let Some(boundary) = boundary else {
        return (None, None, false);
    };
    let span = |from| u64::try_from(millis(from, at)).unwrap_or_default();
    let delay = Duration::from_millis(span(boundary.from));
    let late = Duration::from_millis(span(boundary.to)) > facts.manifest.window;
    (boundary.phase, Some(delay), late)
}
