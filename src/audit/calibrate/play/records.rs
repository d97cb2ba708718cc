//! How a simulated run writes down what was done, by whose clock.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{AUDITOR, RUN, Stage, VARIANT, Written, started};
use crate::audit::calibrate::paper::PAGE;
use crate::model::{
    Answer, Doorway, Endings, Entry, Evidence, Manifest, Provenance, Record, RunEnd, ScenarioRef,
    Timestamp, ToolRef, VariantRef,
};

impl Stage<'_> {
    pub(super) fn write(&mut self, record: Record) {
        self.written.push(Written {
            at: self.now,
            record,
            took: None,
        });
    }

    /// What the wall clock of this machine says.
    pub(super) fn clock(&self, at: i64) -> Timestamp {
        let moved = self
            .world
            .mishaps
            .jump
            .filter(|(when, _)| *when <= at)
            .map_or(0, |(_, by)| by);
        let since = SignedDuration::from_millis(at + moved);
        started().checked_add(since).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn collector_clock(&self, at: i64) -> Timestamp {
        let skew = SignedDuration::from_millis(self.world.mishaps.skew);
        self.clock(at).checked_add(skew).unwrap_or(Timestamp::MAX)
    }

    /// How far a clock was seen to be wrong by now.
    pub(super) fn drift(&self) -> i64 {
        let jumped = self.world.mishaps.jump.filter(|(at, _)| *at <= self.now);
        let jumped = jumped.map_or(0, |(_, by)| by);
        let skew = self.world.mishaps.skew;
        if jumped.abs() > skew.abs() {
            jumped
        } else {
            skew
        }
    }

    pub(super) fn ended(&self, interrupted: bool) -> RunEnd {
        RunEnd {
            at: self.clock(self.now),
            interrupted,
            clock_drift_ms: self.drift(),
        }
    }

    /// Everything that was written down by an instant.
    pub(super) fn evidence(&self, until: i64) -> Evidence {
        let mut kept: Vec<&Written> = self.written.iter().filter(|one| one.at <= until).collect();
        kept.sort_by_key(|one| one.at);
        let mut entries = vec![Entry {
            seq: 1,
            record: Record::Manifest(Box::new(self.manifest())),
        }];
        for one in kept {
            let seq = entries.len() as u64 + 1;
            entries.push(Entry {
                seq,
                record: one.record.clone(),
            });
            if let Some(body_bytes) = one.took {
                entries.push(Entry {
                    seq: seq + 1,
                    record: self.answer(seq, one.at, body_bytes),
                });
            }
        }
        Evidence { run: RUN, entries }
    }

    pub(super) fn answer(&self, hit: u64, at: i64, body_bytes: u64) -> Record {
        let answer = Answer {
            hit,
            at: self.collector_clock(at),
            status: Some(200),
            body_bytes,
            of: Some(PAGE),
        };
        Record::Endings(Endings {
            answers: vec![answer],
            handshakes: Vec::new(),
        })
    }

    pub(super) fn manifest(&self) -> Manifest {
        let scenario = &self.world.scenario;
        let experiment = &scenario.experiment;
        Manifest {
            started: started(),
            tool: ToolRef {
                name: "waxseal".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            rules: None,
            data: Vec::new(),
            region: None,
            scenario: ScenarioRef {
                path: scenario.source.name.clone(),
                digest: "00".repeat(32),
                text: None,
                service: scenario.service.name.clone(),
                title: scenario.service.title.clone(),
                checked: scenario.checked.clone(),
                networks: scenario.service.networks.clone(),
                agents: scenario.service.agents.clone(),
                known: Vec::new(),
                others: Vec::new(),
                registered: Vec::new(),
                provenance: Provenance::default(),
            },
            stage: Vec::new(),
            seed: self.world.plan.seed,
            window: experiment.window,
            sealed: experiment.doors.contains(&Doorway::Sealed),
            looks: u32::try_from(self.world.plan.rounds().len()).unwrap_or(u32::MAX),
            public: if self.world.zoned {
                "http://*.canary.example"
            } else {
                "http://203.0.113.1"
            }
            .to_owned(),
            auditor: AUDITOR.to_owned(),
            browser: "made up".to_owned(),
            variants: vec![VariantRef {
                name: VARIANT.to_owned(),
                title: String::new(),
                networks: Vec::new(),
                covariates: BTreeMap::new(),
            }],
            trials: self.world.plan.trials.clone(),
            rounds: self.world.plan.sizes(),
            expectations: Vec::new(),
        }
    }
}
