use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::attribution::{Attributor, Known, Sources};
use crate::model::{
    Answer, Door, Evidence, Exposure, Failure, Gap, Hit, HitKind, Jump, Looked, Manifest, Notice,
    Phase, Probe, Record, RunEnd, RunId, Timestamp, TokenId, Trial, TrialId, VariantRef,
};

use super::sets::each_once;

/// The records of a run, sorted by what they are.
pub(super) struct Facts<'a> {
    run: RunId,
    pub(super) manifest: &'a Manifest,
    pub(super) exposures: Vec<&'a Exposure>,
    pub(super) notices: Vec<&'a Notice>,
    pub(super) failures: Vec<&'a Failure>,
    pub(super) probes: Vec<&'a Probe>,
    pub(super) hits: Vec<(u64, &'a Hit)>,
    pub(super) answers: HashMap<u64, &'a Answer>,
    /// Whoever asked for something over TLS. The socket's peer stands for the connection: a port is not used again so
    /// soon.
    askers: HashSet<SocketAddr>,
    pub(super) gaps: Vec<&'a Gap>,
    pub(super) jumps: Vec<&'a Jump>,
    pub(super) end: Option<&'a RunEnd>,
    /// Says who came, one for each variant, in the manifest's order.
    attributors: Vec<Attributor<'a>>,
}

impl<'a> Facts<'a> {
    /// None without a manifest.
    pub(super) fn sort(evidence: &'a Evidence, sources: Sources<'a>) -> Option<Self> {
        let mut looked = Vec::new();
        let mut facts = Self {
            run: evidence.run,
            manifest: evidence.manifest()?,
            exposures: Vec::new(),
            notices: Vec::new(),
            failures: Vec::new(),
            probes: Vec::new(),
            hits: Vec::new(),
            answers: HashMap::new(),
            askers: HashSet::new(),
            gaps: Vec::new(),
            jumps: Vec::new(),
            end: None,
            attributors: Vec::new(),
        };
        for entry in &evidence.entries {
            match &entry.record {
                Record::Registration(_)
                | Record::Manifest(_)
                | Record::Mark(_)
                | Record::Handshake(_) => {}
                Record::Exposure(exposure) => facts.exposures.push(exposure),
                Record::Notice(notice) => facts.notices.push(notice),
                Record::Failure(failure) => facts.failures.push(failure),
                Record::Probe(probe) => facts.probes.push(probe),
                Record::Hit(hit) => {
                    if matches!(&hit.kind, HitKind::Http(request) if request.tls) {
                        facts.askers.insert(hit.peer);
                    }
                    facts.hits.push((entry.seq, hit));
                }
                Record::Answer(answer) => _ = facts.answers.insert(answer.hit, answer),
                Record::Endings(endings) => {
                    let answers = endings.answers.iter();
                    facts
                        .answers
                        .extend(answers.map(|answer| (answer.hit, answer)));
                }
                Record::Gap(gap) => facts.gaps.push(gap),
                Record::Jump(jump) => facts.jumps.push(jump),
                Record::Looked(found) => looked.push(found),
                Record::End(end) => facts.end = Some(end),
            }
        }
        let variants = facts.manifest.variants.iter();
        facts.attributors = variants
            .map(|variant| attributor(facts.manifest, variant, sources, &looked))
            .collect();
        Some(facts)
    }

    /// Whether a span has something in common with the run's own: from its manifest to its end, where it has one.
    pub(super) fn touches(&self, from: Timestamp, to: Timestamp) -> bool {
        to >= self.manifest.started && self.end.is_none_or(|end| from <= end.at)
    }

    /// Whether a token is one of a trial's: a request may bring those of other runs along, whose trials have the same
    /// numbers.
    pub(super) fn is_of(&self, token: &TokenId, trial: TrialId) -> bool {
        token.run == self.run && token.trial == trial
    }

    /// The trials that tokens of this run stand for, each once.
    pub(super) fn trials_of(&self, tokens: &[TokenId]) -> Vec<TrialId> {
        let ours = tokens.iter().filter(|token| token.run == self.run);
        each_once(ours.map(|token| token.trial))
    }

    pub(super) fn trial(&self, id: TrialId) -> Option<&'a Trial> {
        self.manifest.trials.iter().find(|trial| trial.id == id)
    }

    /// Who says who came when a trial's variant was played.
    pub(super) fn attributor_of(&self, id: TrialId) -> Option<&Attributor<'a>> {
        self.attributor_in(&self.trial(id)?.variant)
    }

    /// Who says who came in a variant.
    pub(super) fn attributor_in(&self, variant: &str) -> Option<&Attributor<'a>> {
        let mut variants = self.manifest.variants.iter();
        let place = variants.position(|known| known.name == variant)?;
        self.attributors.get(place)
    }

    pub(super) fn exposures_of(&self, id: TrialId) -> impl Iterator<Item = &'a Exposure> + '_ {
        self.exposures
            .iter()
            .copied()
            .filter(move |exposure| exposure.trial == id)
    }

    pub(super) fn is_exposed(&self, id: TrialId, phase: Phase) -> bool {
        self.exposures_of(id)
            .any(|exposure| exposure.phase == phase)
    }

    /// The hellos at the public door that carried no token, and after which no request came on the same connection.
    pub(super) fn unasked(&self) -> impl Iterator<Item = &'a Hit> + '_ {
        let hellos = self.hits.iter().map(|(_, hit)| *hit).filter(|hit| {
            matches!(hit.kind, HitKind::Hello(_))
                && hit.door == Door::Public
                && hit.tokens().is_empty()
        });
        hellos.filter(|hello| !self.askers.contains(&hello.peer))
    }

    pub(super) fn probe_of(&self, id: TrialId) -> Option<&'a Probe> {
        self.probes.iter().copied().find(|probe| probe.trial == id)
    }

    pub(super) fn noticed(&self, id: TrialId, phase: Phase) -> bool {
        self.notices
            .iter()
            .any(|notice| notice.trial == id && notice.phase == phase)
    }

    /// The instants at which a trial's link went a step further, with the phase each began.
    pub(super) fn boundaries(&self, id: TrialId) -> Vec<(Timestamp, Option<Phase>)> {
        let exposed = self
            .exposures_of(id)
            .map(|exposure| (exposure.from, Some(exposure.phase)));
        exposed
            .chain(self.probe_of(id).map(|probe| (probe.from, None)))
            .collect()
    }
}

fn attributor<'a>(
    manifest: &Manifest,
    variant: &VariantRef,
    sources: Sources<'a>,
    looked: &[&'a Looked],
) -> Attributor<'a> {
    let scenario = &manifest.scenario;
    let networks = scenario.networks.iter().chain(&variant.networks);
    let known = Known {
        networks: networks.copied().collect(),
        agents: scenario.agents.clone(),
        operators: scenario.known.clone(),
        registered: scenario.registered.clone(),
    };
    Attributor::new(known, sources, looked.iter().copied())
}
