use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use jiff::SignedDuration;

use crate::attribution::{Attributor, Known, Sources};
use crate::model::{
    Answer, Arm, Arrival, Door, Doorway, Evidence, Exposure, Failure, Gap, Hit, HitKind, Intent,
    Jump, Looked, Manifest, Phase, Probe, Record, RunEnd, RunId, Timestamp, TokenId, Trial,
    TrialId, VariantRef, Via,
};

use super::sets::each_once;
use super::shelf::Shelf;

/// How far clocks may be wrong before nothing timed by them is believed: a second, which is more than any slewing does in
/// a run and less than the delays that matter.
pub(super) const CLOCK_DRIFT_MS: u64 = 1000;

/// The records of a run, sorted by what they are about. Nothing here depends on the order in which they came.
pub(super) struct Facts<'a> {
    run: RunId,
    pub(super) manifest: &'a Manifest,
    dossiers: Shelf<Dossier<'a>>,
    pub(super) failures: Vec<&'a Failure>,
    /// By the time they were received, and their number where that is the same.
    pub(super) hits: Vec<(u64, &'a Hit)>,
    answers: Shelf<&'a Answer>,
    /// Whoever asked for something over TLS. The socket's peer stands for the connection: a port is not used again so
    /// soon.
    askers: HashSet<SocketAddr>,
    /// Whoever began TLS.
    greeters: HashSet<SocketAddr>,
    /// From where our own fetches of a trial's link came.
    ours: HashSet<(TrialId, IpAddr)>,
    pub(super) gaps: Vec<&'a Gap>,
    pub(super) jumps: Vec<&'a Jump>,
    pub(super) end: Option<&'a RunEnd>,
    /// By how much the wall clock was seen to be wrong, each time that somebody left the run.
    drifts_ms: Vec<i64>,
    looked: Vec<&'a Looked>,
    /// Says who came, one for each variant, by its name.
    attributors: HashMap<&'a str, Attributor<'a>>,
}

/// What was done in one trial.
pub(super) struct Dossier<'a> {
    trial: &'a Trial,
    /// Left out, because its cell was decided.
    pub(super) omitted: bool,
    /// With those that are only meant, and not known to have been left undone.
    pub(super) exposures: Vec<Exposure>,
    pub(super) probe: Option<&'a Probe>,
    /// When a fetch of our own was begun of which it is not known when it was over.
    fetching: Option<Timestamp>,
    intents: Vec<&'a Intent>,
    /// The last time that something went wrong in it.
    failed: Option<Timestamp>,
    pub(super) arrivals: Vec<&'a Arrival>,
    noticed: HashSet<Phase>,
    /// The instants at which the link went a step further, in order, with the phase each began.
    boundaries: Vec<Boundary>,
}

/// The instant at which a link went a step further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Boundary {
    /// When it may have begun: nothing earlier can be its effect.
    pub(super) from: Timestamp,
    /// When it was done: from here on is listened.
    pub(super) to: Timestamp,
    /// Which phase it began; none for a fetch of our own.
    pub(super) phase: Option<Phase>,
}

impl<'a> Dossier<'a> {
    fn of(trial: &'a Trial) -> Self {
        Self {
            trial,
            omitted: false,
            exposures: Vec::new(),
            probe: None,
            fetching: None,
            intents: Vec::new(),
            failed: None,
            arrivals: Vec::new(),
            noticed: HashSet::new(),
            boundaries: Vec::new(),
        }
    }

    pub(super) fn is_exposed(&self, phase: Phase) -> bool {
        self.exposures
            .iter()
            .any(|exposure| exposure.phase == phase)
    }

    /// Whether anything was begun in it, or was tried and went wrong.
    pub(super) fn is_begun(&self) -> bool {
        self.was_out() || self.has_failed()
    }

    /// Whether anything went wrong in it.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    pub(super) fn is_noticed(&self, phase: Phase) -> bool {
        self.noticed.contains(&phase)
    }

    /// When we fetched it ourselves, and until when, as far as that is known.
    fn fetched(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        match (self.probe, self.fetching) {
            (Some(probe), _) => Some((probe.from, Some(probe.to))),
            (None, begun) => begun.map(|begun| (begun, None)),
        }
    }

    /// Whether the link ever left our hands, or we fetched it.
    pub(super) fn was_out(&self) -> bool {
        !self.boundaries.is_empty()
    }

    /// The first instant at which it was.
    pub(super) fn out_since(&self) -> Option<Timestamp> {
        self.boundaries.first().map(|boundary| boundary.from)
    }

    /// The latest boundary at or before an instant.
    pub(super) fn boundary_before(&self, at: Timestamp) -> Option<Boundary> {
        let before = self
            .boundaries
            .partition_point(|boundary| boundary.from <= at);
        before
            .checked_sub(1)
            .and_then(|last| self.boundaries.get(last))
            .copied()
    }

    /// What was meant and is neither known to be done nor to have failed: whoever meant it was gone in the middle. It may
    /// have been done.
    fn take_intents(&mut self) {
        for intent in std::mem::take(&mut self.intents) {
            if self.failed.is_some_and(|failed| failed >= intent.at) {
                continue;
            }
            match intent.phase {
                Some(phase) if !self.is_exposed(phase) => self.exposures.push(Exposure {
                    trial: self.trial.id,
                    phase,
                    from: intent.at,
                    to: None,
                }),
                None if self.probe.is_none() => self.fetching = Some(intent.at),
                _ => {}
            }
        }
    }

    fn close(&mut self) {
        self.intents.sort_by_key(|intent| intent.at);
        self.take_intents();
        self.exposures.sort_by_key(|exposure| exposure.from);
        self.arrivals.sort_by_key(|arrival| arrival.at);
        let shown = self.exposures.iter().map(|exposure| Boundary {
            from: exposure.from,
            to: exposure.to.unwrap_or(exposure.from),
            phase: Some(exposure.phase),
        });
        let fetched = self.probe.map(|probe| Boundary {
            from: probe.from,
            to: probe.to,
            phase: None,
        });
        let fetching = self.fetching.map(|at| Boundary {
            from: at,
            to: at,
            phase: None,
        });
        self.boundaries = shown.chain(fetched).chain(fetching).collect();
        self.boundaries
            .sort_by_key(|boundary| (boundary.from, boundary.phase));
    }
}

impl<'a> Facts<'a> {
    /// None without a manifest.
    pub(super) fn sort(evidence: &'a Evidence, sources: Sources<'a>) -> Option<Self> {
        let mut facts = Self {
            run: evidence.run,
            manifest: evidence.manifest()?,
            dossiers: Shelf::of(Vec::new()),
            failures: Vec::new(),
            hits: Vec::new(),
            answers: Shelf::of(Vec::new()),
            askers: HashSet::new(),
            greeters: HashSet::new(),
            ours: HashSet::new(),
            gaps: Vec::new(),
            jumps: Vec::new(),
            end: None,
            drifts_ms: Vec::new(),
            looked: Vec::new(),
            attributors: HashMap::new(),
        };
        let added = evidence
            .entries
            .iter()
            .flat_map(|entry| added(&entry.record));
        let trials = facts.manifest.trials.iter().chain(added);
        let planned = trials.map(|trial| (u64::from(trial.id.0), Dossier::of(trial)));
        facts.dossiers = Shelf::of(planned.collect());
        let mut answers = Vec::new();
        for entry in &evidence.entries {
            facts.take(entry.seq, &entry.record, &mut answers);
        }
        facts.answers = Shelf::of(answers);
        facts.close();
        for variant in &facts.manifest.variants {
            let attributor = attributor(facts.manifest, variant, sources, &facts.looked);
            facts.attributors.insert(&variant.name, attributor);
        }
        Some(facts)
    }

    fn take(&mut self, seq: u64, record: &'a Record, answered: &mut Vec<(u64, &'a Answer)>) {
        match record {
            Record::Registration(_)
            | Record::Manifest(_)
            | Record::Resumption(_)
            | Record::Mark(_)
            | Record::Client(_)
            | Record::Sighting(_)
            | Record::Handshake(_) => {}
            Record::Intent(intent) => {
                for trial in &intent.trials {
                    self.note(*trial, |dossier| dossier.intents.push(intent));
                }
            }
            Record::Exposure(exposure) => self.note(exposure.trial, |dossier| {
                dossier.exposures.push(exposure.clone());
            }),
            Record::Notice(notice) => self.note(notice.trial, |dossier| {
                dossier.noticed.insert(notice.phase);
            }),
            Record::Arrival(arrival) => {
                self.note(arrival.trial, |dossier| dossier.arrivals.push(arrival));
            }
            Record::Omission(omission) => {
                for trial in &omission.trials {
                    self.note(*trial, |dossier| dossier.omitted = true);
                }
            }
            Record::Failure(failure) => {
                self.failures.push(failure);
                if let Some(trial) = failure.trial {
                    self.note(trial, |dossier| {
                        dossier.failed = dossier.failed.max(Some(failure.at));
                    });
                }
            }
            Record::Probe(probe) => self.note(probe.trial, |dossier| {
                if dossier.probe.is_none_or(|known| probe.from < known.from) {
                    dossier.probe = Some(probe);
                }
            }),
            Record::Hit(hit) => {
                match &hit.kind {
                    HitKind::Http(request) if request.tls => _ = self.askers.insert(hit.peer),
                    HitKind::Hello(_) => _ = self.greeters.insert(hit.peer),
                    _ => {}
                }
                self.hits.push((seq, hit));
            }
            Record::Answer(answer) => answered.push((answer.hit, answer)),
            Record::Endings(endings) => {
                let answers = endings.answers.iter();
                answered.extend(answers.map(|answer| (answer.hit, answer)));
            }
            Record::Gap(gap) => self.gaps.push(gap),
            Record::Jump(jump) => self.jumps.push(jump),
            Record::Looked(found) => self.looked.push(found),
            Record::Recess(recess) => self.drifts_ms.push(recess.clock_drift_ms),
            Record::End(end) => {
                self.drifts_ms.push(end.clock_drift_ms);
                if self.end.is_none_or(|known| end.at > known.at) {
                    self.end = Some(end);
                }
            }
        }
    }

    /// What is told of a trial that was never planned is nobody's.
    fn note(&mut self, trial: TrialId, note: impl FnOnce(&mut Dossier<'a>)) {
        if let Some(dossier) = self.dossiers.get_mut(trial.0.into()) {
            note(dossier);
        }
    }

    fn close(&mut self) {
        // Cached: to look each hit up for every comparison takes longer than all the rest.
        self.hits
            .sort_by_cached_key(|(seq, hit)| (hit.received, *seq));
        self.failures
            .sort_by_key(|failure| (failure.at, failure.trial));
        self.dossiers.iter_mut().for_each(Dossier::close);
        let mut ours = HashSet::new();
        for (_, hit) in &self.hits {
            if self.has_our_name(hit) {
                let address = hit.peer.ip();
                let trials = self.trials_of(&hit.tokens());
                ours.extend(trials.into_iter().map(|trial| (trial, address)));
            }
        }
        self.ours = ours;
    }

    fn has_our_name(&self, hit: &Hit) -> bool {
        match &hit.kind {
            HitKind::Http(request) => request
                .header("user-agent")
                .is_some_and(|value| value.0 == self.manifest.auditor.as_bytes()),
            _ => false,
        }
    }

    /// Whether it was our own fetch: at the public door, of a canary that only we had, while we were fetching it, and
    /// with the name that was drawn for this run; or the look-up or hello that went before it, from the same address.
    pub(super) fn is_ours(&self, id: TrialId, hit: &Hit) -> bool {
        let by_us = |trial: &Trial| trial.arm == Arm::Reached && trial.via == Some(Via::Auditor);
        let dossier = self.trial(id).filter(|trial| by_us(trial));
        let Some((from, to)) = dossier.and_then(|_| self.dossier(id)?.fetched()) else {
            return false;
        };
        let in_time = self.earliest(from) <= hit.received
            && to.is_none_or(|to| hit.received <= self.latest(to));
        let named = match &hit.kind {
            HitKind::Http(_) => self.has_our_name(hit),
            HitKind::Dns(_) | HitKind::Hello(_) => self.ours.contains(&(id, hit.peer.ip())),
            HitKind::Packet(_) | HitKind::Connection { .. } => false,
        };
        hit.door == Door::Public && in_time && named
    }

    /// The most that the wall clock was seen to be wrong.
    pub(super) fn drift_ms(&self) -> u64 {
        let drifts = self.drifts_ms.iter().map(|drift| drift.unsigned_abs());
        drifts.max().unwrap_or_default()
    }

    /// How far the clocks of conductor and collector may be apart: what was seen of it, as long as they are believed.
    pub(super) fn blur(&self) -> SignedDuration {
        let seen = self.drift_ms().min(CLOCK_DRIFT_MS);
        SignedDuration::from_millis(i64::try_from(seen).unwrap_or_default())
    }

    /// The earliest instant by one clock that may be this one by the other.
    pub(super) fn earliest(&self, at: Timestamp) -> Timestamp {
        at.checked_sub(self.blur()).unwrap_or(at)
    }

    /// The latest.
    pub(super) fn latest(&self, at: Timestamp) -> Timestamp {
        at.checked_add(self.blur()).unwrap_or(at)
    }

    /// Whether a span has something in common with the run's own: from its manifest to its end, where it has one. The span may be
    /// by the collector's clock and the end is by the conductor's. At the beginning that makes no difference: nothing is out yet.
    pub(super) fn touches(&self, from: Timestamp, to: Timestamp) -> bool {
        let over = self.end.map(|end| self.latest(end.at));
        to >= self.manifest.started && over.is_none_or(|over| from <= over)
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

    /// What was answered to a hit.
    pub(super) fn answer(&self, hit: u64) -> Option<&'a Answer> {
        self.answers.get(hit).copied()
    }

    pub(super) fn trial(&self, id: TrialId) -> Option<&'a Trial> {
        Some(self.dossiers.get(id.0.into())?.trial)
    }

    /// What was done in a trial; none of one that is not planned and was never heard of.
    pub(super) fn dossier(&self, id: TrialId) -> Option<&Dossier<'a>> {
        self.dossiers.get(id.0.into())
    }

    /// Every trial with what was done in it.
    pub(super) fn dossiers(&self) -> impl Iterator<Item = (&'a Trial, &Dossier<'a>)> {
        self.dossiers.iter().map(|dossier| (dossier.trial, dossier))
    }

    /// What the doors of our browsers did with a trial's link.
    pub(super) fn doorway(&self, trial: &Trial) -> Doorway {
        let usual = if self.manifest.sealed {
            Doorway::Sealed
        } else {
            Doorway::Open
        };
        match trial.arm {
            Arm::Unsent | Arm::Reached => Doorway::Sealed,
            _ => trial.doorway.unwrap_or(usual),
        }
    }

    /// Whether a trial may still be played: the run is not over, and nothing was begun in it.
    pub(super) fn is_to_come(&self, dossier: &Dossier<'_>) -> bool {
        self.end.is_none() && !dossier.is_begun()
    }

    /// Who says who came when a trial's variant was played.
    pub(super) fn attributor_of(&self, id: TrialId) -> Option<&Attributor<'a>> {
        self.attributor_in(&self.trial(id)?.variant)
    }

    /// Who says who came in a variant.
    pub(super) fn attributor_in(&self, variant: &str) -> Option<&Attributor<'a>> {
        self.attributors.get(variant)
    }

    /// The hellos at the public door that carried no token, and after which no request came on the same connection.
    pub(super) fn unasked(&self) -> impl Iterator<Item = &'a Hit> + '_ {
        let hellos = self.hits.iter().map(|(_, hit)| *hit).filter(|hit| {
            matches!(hit.kind, HitKind::Hello(_)) && hit.door == Door::Public && !hit.names_a_link()
        });
        hellos.filter(|hello| !self.askers.contains(&hello.peer))
    }

    /// Whether this is a connection that had begun with a hello, and on which nothing followed: all that it says stands in
    /// the hello.
    pub(super) fn only_greeted(&self, hit: &Hit) -> bool {
        let silent = matches!(&hit.kind, HitKind::Connection { sent } if sent.0.is_empty());
        silent && self.greeters.contains(&hit.peer)
    }

    /// The first instant at which any link left our hands.
    pub(super) fn first_exposure(&self) -> Option<Timestamp> {
        let all = self.dossiers.iter().flat_map(|dossier| &dossier.exposures);
        all.map(|exposure| exposure.from).min()
    }
}

/// The trials that a run had when it was taken up again, besides those planned.
fn added(record: &Record) -> &[Trial] {
    match record {
        Record::Resumption(resumption) => &resumption.trials,
        _ => &[],
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
        others: scenario.others.clone(),
        registered: scenario.registered.clone(),
    };
    Attributor::new(known, sources, looked.iter().copied())
}
