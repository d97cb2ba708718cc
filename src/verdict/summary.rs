use std::collections::BTreeMap;

use crate::model::{Actor, ActorSummary, Factor, Observation, TrialId};

use super::sets::{add_once, add_shown, sorted};

/// What each actor did, in the order of [`Actor::ALL`]. The observations of a trial stand together; each is looked at once.
pub(super) fn summaries(seen: &[&Observation]) -> Vec<ActorSummary> {
    let mut deeds: BTreeMap<Actor, Deeds<'_>> = BTreeMap::new();
    for seen in seen {
        deeds
            .entry(seen.actor)
            .or_insert_with(|| Deeds::of(seen))
            .add(seen);
    }
    let actors = Actor::ALL.iter();
    actors
        .filter_map(|actor| Some(deeds.remove(actor)?.close()))
        .collect()
}

/// What an actor did so far.
struct Deeds<'a> {
    summary: ActorSummary,
    last: Option<TrialId>,
    methods: Vec<&'a str>,
    agents: Vec<&'a str>,
    factors: Vec<&'a Factor>,
}

impl<'a> Deeds<'a> {
    /// Nothing yet, of whoever made this observation.
    fn of(seen: &Observation) -> Self {
        Self {
            summary: ActorSummary {
                actor: seen.actor,
                trials: 0,
                hits: 0,
                again: 0,
                whole: None,
                depth: seen.depth,
                refused: 0,
                phases: Vec::new(),
                methods: Vec::new(),
                parts: Vec::new(),
                bytes: 0,
                agents: Vec::new(),
                peers: Vec::new(),
                factors: Vec::new(),
                confidence: None,
            },
            last: None,
            methods: Vec::new(),
            agents: Vec::new(),
            factors: Vec::new(),
        }
    }

    fn add(&mut self, seen: &'a Observation) {
        let sum = &mut self.summary;
        if self.last != Some(seen.trial) {
            self.last = Some(seen.trial);
            sum.trials += 1;
        }
        sum.hits = sum.hits.saturating_add(1);
        sum.again += u32::from(seen.again);
        sum.refused += u32::from(seen.is_refused());
        sum.depth = sum.depth.max(seen.depth);
        sum.bytes = sum.bytes.max(seen.bytes);
        if seen.bytes > 0 {
            sum.whole = sum.whole.max(seen.whole);
        }
        sum.confidence = [sum.confidence, seen.confidence]
            .into_iter()
            .flatten()
            .min();
        seen.phase
            .into_iter()
            .for_each(|phase| add_once(&mut sum.phases, phase));
        for part in &seen.parts {
            add_once(&mut sum.parts, *part);
        }
        add_shown(&mut sum.peers, seen.address());
        if let Some(method) = seen.method.as_deref() {
            add_shown(&mut self.methods, method);
        }
        if let Some(agent) = seen.agent.as_deref() {
            add_shown(&mut self.agents, agent);
        }
        for factor in seen.factors.iter() {
            add_shown(&mut self.factors, factor);
        }
    }

    fn close(self) -> ActorSummary {
        let texts = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        ActorSummary {
            phases: sorted(self.summary.phases),
            parts: sorted(self.summary.parts),
            peers: sorted(self.summary.peers),
            methods: texts(self.methods),
            agents: texts(self.agents),
            factors: self.factors.into_iter().cloned().collect(),
            ..self.summary
        }
    }
}
