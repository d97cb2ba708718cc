//! Evidence made by hand, for rooms that only read it.

use std::collections::BTreeMap;
use std::time::Duration;

use waxseal::model::{
    Account, Actor, Answer, Arm, Bytes, Depth, Door, Doubt, Entry, Evidence, Expectation, Exposure,
    Failure, Form, Gap, Hello, Hit, HitKind, Intent, Limit, Manifest, Notice, Part, Phase, Place,
    Probe, Provenance, Query, Recognition, Record, Reply, Request, RunEnd, RunId, ScenarioRef,
    StepRef, Timestamp, TokenId, ToolRef, Transport, Trial, TrialId, VariantRef, Verdict, Via,
};

pub const RUN: RunId = RunId(0x5f3a_0001);
/// The name our own fetches go by.
pub const AUDITOR: &str = "00c0ffee";
pub const WINDOW: Duration = Duration::from_secs(30);
pub const SEALED: Door = Door::Browser {
    account: Account::Recipient,
    sealed: true,
};

/// Seconds after the run began.
pub fn at(seconds: f64) -> Timestamp {
    let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    start
        .checked_add(jiff::SignedDuration::from_secs_f64(seconds))
        .unwrap()
}

/// A run of one variant whose every step went well and to whose links nobody came; tests add what they are about.
#[derive(Clone)]
pub struct Run {
    pub manifest: Manifest,
    pub records: Vec<Record>,
    pub end: Option<RunEnd>,
}

/// Records with each ending behind the hit that it is about, as if it had been written alone.
pub fn told_apart(entries: &[Entry]) -> Vec<Entry> {
    let alone = |seq| {
        let told = entries.iter().filter_map(|entry| match &entry.record {
            Record::Endings(endings) => Some(endings),
            _ => None,
        });
        let told: Vec<_> = told.collect();
        let shaken = told.iter().flat_map(|told| &told.handshakes);
        let shaken = shaken.filter(move |shaken| shaken.hit == seq);
        let answers = told.iter().flat_map(|told| &told.answers);
        let answers = answers.filter(move |answer| answer.hit == seq);
        let shaken = shaken.map(|shaken| Record::Handshake(shaken.clone()));
        let answers = answers.map(|answer| Record::Answer(answer.clone()));
        shaken.chain(answers).collect::<Vec<_>>()
    };
    let plain = |entry: &&Entry| !matches!(entry.record, Record::Endings(_));
    let with_endings = |entry: &Entry| {
        let endings = alone(entry.seq).into_iter().map(|record| Entry {
            seq: entry.seq,
            record,
        });
        std::iter::once(entry.clone())
            .chain(endings)
            .collect::<Vec<_>>()
    };
    entries
        .iter()
        .filter(plain)
        .flat_map(with_endings)
        .collect()
}

impl Run {
    /// `trials` of `sent`, `drafted` and `unsent`, with all controls: sent at 10 s, 11 s …, drafted likewise.
    pub fn quiet(trials: u16) -> Self {
        let mut run = Self {
            manifest: manifest(),
            records: Vec::new(),
            end: Some(end(200.0)),
        };
        for via in [Via::Sender, Via::Recipient, Via::Auditor] {
            let id = run.trial(Arm::Reached, Some(via));
            run.prove(id, via, 1.0);
        }
        for nth in 0..trials {
            let out = 10.0 + f64::from(nth);
            let sent = run.trial(Arm::Sent, None);
            run.expose(sent, Phase::Compose, out);
            run.expose(sent, Phase::Send, out + 0.5);
            run.notice(sent, Phase::Confirm, out + 0.6);
            run.notice(sent, Phase::Receive, out + 0.7);
            let drafted = run.trial(Arm::Drafted, None);
            run.expose(drafted, Phase::Compose, out);
            run.trial(Arm::Unsent, None);
        }
        let last = run.trial(Arm::Reached, Some(Via::Auditor));
        run.prove(last, Via::Auditor, 150.0);
        run
    }

    pub fn trial(&mut self, arm: Arm, via: Option<Via>) -> TrialId {
        let id = TrialId(u32::try_from(self.manifest.trials.len()).unwrap());
        self.manifest.trials.push(Trial {
            id,
            variant: "default".into(),
            arm,
            form: Form::Http,
            via,
            doorway: None,
        });
        id
    }

    /// The trials of one arm.
    pub fn of(&self, arm: Arm) -> Vec<TrialId> {
        self.manifest
            .trials
            .iter()
            .filter(|trial| trial.arm == arm)
            .map(|trial| trial.id)
            .collect()
    }

    pub fn expose(&mut self, trial: TrialId, phase: Phase, from: f64) {
        let to = Some(at(from + 0.05));
        self.records.push(Record::Exposure(Exposure {
            trial,
            phase,
            from: at(from),
            to,
        }));
    }

    /// What was about to be done, and of which nothing more is known.
    pub fn intend(&mut self, trial: TrialId, phase: Option<Phase>, when: f64) {
        self.records.push(Record::Intent(Intent {
            at: at(when),
            phase,
            trials: vec![trial],
        }));
    }

    pub fn notice(&mut self, trial: TrialId, phase: Phase, seen: f64) {
        self.records.push(Record::Notice(Notice {
            trial,
            phase,
            at: at(seen),
        }));
    }

    pub fn fail(&mut self, trial: Option<TrialId>, phase: Phase, doubt: Doubt) {
        let step = Some(StepRef {
            verb: "wait".into(),
            line: 12,
        });
        let (variant, account, message) =
            ("default".into(), Account::Sender, "no such element".into());
        self.records.push(Record::Failure(Failure {
            variant,
            trial,
            account,
            phase,
            at: at(9.0),
            doubt,
            step,
            message,
            scene: None,
        }));
    }

    pub fn gap(&mut self) {
        let reason = "the store was slow".into();
        self.records.push(Record::Gap(Gap {
            from: at(20.0),
            to: at(21.0),
            missed: 3,
            reason,
        }));
    }

    /// A fetch of our own was made; what was heard of it is another thing.
    pub fn fetched(&mut self, trial: TrialId, from: f64) {
        self.records.push(Record::Probe(Probe {
            trial,
            from: at(from),
            to: at(from + 0.2),
        }));
    }

    /// A fetch of our own, heard where it must be.
    pub fn prove(&mut self, trial: TrialId, via: Via, from: f64) {
        self.fetched(trial, from);
        let door = match via {
            Via::Auditor => Door::Public,
            Via::Sender => Door::Browser {
                account: Account::Sender,
                sealed: true,
            },
            Via::Recipient => SEALED,
        };
        self.visit(
            trial,
            Visit {
                door,
                agent: AUDITOR,
                ..Visit::new(from + 0.1)
            },
        );
    }

    /// The link token of a trial.
    pub fn token(&self, trial: TrialId) -> TokenId {
        let arm = self.manifest.trials[trial.0 as usize].arm;
        TokenId {
            run: RUN,
            trial,
            arm,
            form: Form::Http,
            part: Part::Link,
        }
    }

    pub fn visit(&mut self, trial: TrialId, visit: Visit<'_>) {
        let token = TokenId {
            part: visit.part,
            ..self.token(trial)
        };
        let headers = vec![("User-Agent".to_owned(), Bytes::from(visit.agent.as_bytes()))];
        let (method, version) = (visit.method.to_owned(), "HTTP/1.1".to_owned());
        let request = Request {
            method,
            target: Bytes::default(),
            version,
            tls: false,
            opening: None,
            forwarded: None,
            headers,
        };
        self.records.push(Record::Hit(Hit {
            received: at(visit.at),
            door: visit.door,
            peer: visit.peer.parse().unwrap(),
            kind: HitKind::Http(request),
            recognition: Recognition::intact(Place::Path, &[token]),
        }));
        if let Some(body_bytes) = visit.body_bytes {
            // Records are numbered from 1 in `evidence`, behind the manifest.
            let hit = self.records.len() as u64 + 1;
            self.records.push(Record::Answer(Answer {
                hit,
                at: at(visit.at),
                status: Some(200),
                body_bytes,
                of: Some(900),
            }));
        }
    }

    /// Somebody's resolver asks for the host of a trial's link.
    pub fn resolve(&mut self, trial: TrialId, seen: f64, peer: &str) {
        let token = TokenId {
            part: Part::Host,
            ..self.token(trial)
        };
        let query = Query {
            transport: Transport::Udp,
            id: 7,
            flags: 0,
            name: "token.canary.example.".into(),
            class: 1,
            type_code: 28,
            type_name: "AAAA".into(),
            edns: None,
            reply: Some(Reply {
                code: 0,
                truncated: false,
            }),
        };
        self.records.push(Record::Hit(Hit {
            received: at(seen),
            door: Door::Public,
            peer: peer.parse().unwrap(),
            kind: HitKind::Dns(query),
            recognition: Recognition::intact(Place::Host, &[token]),
        }));
    }

    /// A TLS hello, with the token of a trial in its name or without any.
    pub fn hello(&mut self, trial: Option<TrialId>, visit: Visit<'_>) {
        let token = |trial: TrialId| TokenId {
            run: RUN,
            trial,
            arm: self.manifest.trials[trial.0 as usize].arm,
            form: Form::Https,
            part: visit.part,
        };
        let tokens: Vec<TokenId> = trial.into_iter().map(token).collect();
        let recognition = Recognition::intact(Place::Sni, &tokens);
        let hello = Hello {
            raw: Bytes::default(),
            server_name: None,
            protocols: Vec::new(),
            version: 0x0303,
            versions: Vec::new(),
            ciphers: Vec::new(),
            extensions: Vec::new(),
            groups: Vec::new(),
            signatures: Vec::new(),
            ja4: "t12i000000_000000000000_000000000000".into(),
        };
        self.records.push(Record::Hit(Hit {
            received: at(visit.at),
            door: visit.door,
            peer: visit.peer.parse().unwrap(),
            kind: HitKind::Hello(hello),
            recognition,
        }));
    }

    pub fn expect(
        &mut self,
        arm: Arm,
        verdict: Verdict,
        depth: Option<Depth>,
        actors: Option<Vec<Actor>>,
    ) {
        let limit = Limit {
            verdict,
            depth,
            actors,
            doubts: Vec::new(),
            line: 40,
        };
        let (arms, forms) = (vec![arm], vec![Form::Http]);
        self.manifest.expectations.push(Expectation {
            variant: None,
            arms,
            forms,
            doors: None,
            limit,
        });
    }

    pub fn evidence(&self) -> Evidence {
        let manifest = Record::Manifest(Box::new(self.manifest.clone()));
        let end = self.end.clone().map(Record::End);
        let records = std::iter::once(manifest)
            .chain(self.records.iter().cloned())
            .chain(end);
        let entries = records
            .enumerate()
            .map(|(at, record)| Entry {
                seq: at as u64 + 1,
                record,
            })
            .collect();
        Evidence { run: RUN, entries }
    }
}

/// Somebody who comes.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    pub at: f64,
    pub door: Door,
    pub part: Part,
    pub method: &'a str,
    pub peer: &'a str,
    pub agent: &'a str,
    pub body_bytes: Option<u64>,
}

impl<'a> Visit<'a> {
    /// A GET of the link by a stranger that took the page.
    pub fn new(at: f64) -> Self {
        let (peer, agent) = ("192.0.2.9:4000", "curl/8");
        Self {
            at,
            door: Door::Public,
            part: Part::Link,
            method: "GET",
            peer,
            agent,
            body_bytes: Some(900),
        }
    }

    /// The same by the provider.
    pub fn provider(at: f64) -> Self {
        Self {
            peer: "198.51.100.7:4000",
            ..Self::new(at)
        }
    }
}

pub fn end(seconds: f64) -> RunEnd {
    RunEnd {
        at: at(seconds),
        interrupted: false,
        clock_drift_ms: 2,
    }
}

fn manifest() -> Manifest {
    Manifest {
        started: at(0.0),
        tool: ToolRef {
            name: "waxseal".into(),
            version: "0.1.0".into(),
        },
        rules: None,
        data: Vec::new(),
        region: None,
        scenario: ScenarioRef {
            path: "scenarios/example.toml".into(),
            digest: "00".repeat(32),
            text: None,
            service: "example".into(),
            title: "Example Chat".into(),
            checked: "2026-11-23".into(),
            networks: vec!["198.51.100.0/24".parse().unwrap()],
            agents: vec!["ExampleBot".into()],
            known: Vec::new(),
            others: Vec::new(),
            registered: Vec::new(),
            provenance: Provenance::default(),
        },
        stage: Vec::new(),
        seed: 7,
        window: WINDOW,
        sealed: true,
        looks: 1,
        public: "http://127.0.0.1:8080".into(),
        auditor: AUDITOR.into(),
        browser: "chrome 1, chromedriver 1".into(),
        variants: vec![VariantRef {
            name: "default".into(),
            title: String::new(),
            networks: Vec::new(),
            covariates: BTreeMap::new(),
        }],
        trials: Vec::new(),
        rounds: Vec::new(),
        expectations: Vec::new(),
    }
}
