use std::collections::HashSet;

use crate::model::{
    Arm, Cell, Door, Doorway, Doubt, Entry, Evidence, Hit, HitKind, Intent, Manifest, Phase,
    Record, TrialId, Via,
};

/// The records of a run by what they are about, with their numbers.
pub(super) struct Records<'a> {
    pub(super) entries: Vec<&'a Entry>,
    manifest: Option<&'a Manifest>,
}

impl<'a> Records<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let mut entries: Vec<&Entry> = evidence.entries.iter().collect();
        entries.sort_by_key(|entry| entry.seq);
        Self {
            entries,
            manifest: evidence.manifest(),
        }
    }

    /// The trials of a cell, in order.
    pub(super) fn trials_of(&self, cell: &Cell) -> Vec<TrialId> {
        let of_cell = |arm: Arm, doorway: Option<Doorway>| {
            let always = matches!(arm, Arm::Unsent | Arm::Reached);
            arm == cell.arm && (always || doorway.is_none_or(|doorway| doorway == cell.doorway))
        };
        let trials = self.manifest.iter().flat_map(|manifest| &manifest.trials);
        let of_this = trials.filter(|trial| {
            trial.variant == cell.variant
                && trial.form == cell.form
                && of_cell(trial.arm, trial.doorway)
        });
        let mut ids: Vec<TrialId> = of_this.map(|trial| trial.id).collect();
        ids.sort_unstable();
        ids
    }

    fn numbers(&self, is: impl Fn(&Record) -> bool) -> Vec<u64> {
        let found = self.entries.iter().filter(|entry| is(&entry.record));
        found.map(|entry| entry.seq).collect()
    }

    /// Where the links of a cell went as far as its arm wants them.
    pub(super) fn exposing(&self, cell: &Cell, trials: &[TrialId]) -> Vec<u64> {
        let phase = cell.arm.exposing();
        self.numbers(|record| match record {
            Record::Exposure(exposure) => {
                Some(exposure.phase) == phase && trials.binary_search(&exposure.trial).is_ok()
            }
            Record::Probe(probe) => phase.is_none() && trials.binary_search(&probe.trial).is_ok(),
            _ => false,
        })
    }

    /// Where they were seen at the recipient.
    pub(super) fn received(&self, trials: &[TrialId]) -> Vec<u64> {
        self.numbers(|record| match record {
            Record::Notice(notice) => {
                notice.phase == Phase::Receive && trials.binary_search(&notice.trial).is_ok()
            }
            _ => false,
        })
    }

    /// Our own fetches of a variant's positive controls.
    pub(super) fn controls(&self, variant: &str) -> Vec<u64> {
        let trials = self.manifest.iter().flat_map(|manifest| &manifest.trials);
        let ours =
            trials.filter(|trial| trial.variant == variant && trial.via == Some(Via::Auditor));
        let ours: HashSet<TrialId> = ours.map(|trial| trial.id).collect();
        self.numbers(|record| match record {
            Record::Probe(probe) => ours.contains(&probe.trial),
            _ => false,
        })
    }

    /// The records that a doubt rests on; none where it rests on what is missing.
    pub(super) fn behind(&self, doubt: Doubt, cell: &Cell, trials: &[TrialId]) -> Vec<u64> {
        let concerns = |trial: TrialId| trials.binary_search(&trial).is_ok();
        self.numbers(|record| match record {
            Record::Failure(failure) => {
                let concerned = match failure.trial {
                    Some(trial) => concerns(trial),
                    None => failure.variant == cell.variant,
                };
                failure.doubt == doubt && concerned
            }
            Record::Gap(_) => doubt == Doubt::CoverageGap,
            Record::Jump(_) => doubt == Doubt::ClockSkew,
            Record::End(end) => match doubt {
                Doubt::WindowOpen => true,
                Doubt::ClockSkew => end.clock_drift_ms != 0,
                _ => false,
            },
            Record::Exposure(exposure) => {
                doubt == Doubt::ExposureUnconfirmed
                    && exposure.to.is_none()
                    && concerns(exposure.trial)
            }
            Record::Intent(intent) => {
                let perhaps =
                    |trial: &TrialId| concerns(*trial) && !self.is_settled(intent, *trial);
                doubt == Doubt::ExposureUnconfirmed && intent.trials.iter().any(perhaps)
            }
            Record::Arrival(arrival) => {
                doubt == Doubt::LinkRewritten && !arrival.intact && concerns(arrival.trial)
            }
            Record::Hit(hit) => match doubt {
                Doubt::NoiseInControl => self.is_noise(hit, &cell.variant),
                Doubt::LinkRewritten => hit.hearsay().iter().any(|token| concerns(token.trial)),
                _ => false,
            },
            _ => false,
        })
    }

    /// Whether it is known what became of an intent.
    fn is_settled(&self, intent: &Intent, of: TrialId) -> bool {
        self.entries.iter().any(|entry| match &entry.record {
            Record::Exposure(exposure) => {
                exposure.trial == of && Some(exposure.phase) == intent.phase
            }
            Record::Probe(probe) => probe.trial == of && intent.phase.is_none(),
            Record::Failure(failure) => failure.trial == Some(of) && failure.at >= intent.at,
            _ => false,
        })
    }

    /// Whether a hit is of a link that no service ever had, at the door where none of ours comes.
    fn is_noise(&self, hit: &Hit, variant: &str) -> bool {
        let planned = |id: TrialId| {
            let mut trials = self.manifest.iter().flat_map(|manifest| &manifest.trials);
            trials.find(|trial| trial.id == id && trial.variant == variant)
        };
        let is_control = |id: TrialId| planned(id).is_some_and(|trial| !trial.arm.is_shown());
        let ours = match &hit.kind {
            HitKind::Http(request) => self.manifest.is_some_and(|manifest| {
                request
                    .header("user-agent")
                    .is_some_and(|agent| agent.0 == manifest.auditor.as_bytes())
            }),
            _ => false,
        };
        let mut tokens = hit.tokens().into_iter();
        hit.door == Door::Public && !ours && tokens.any(|token| is_control(token.trial))
    }
}
