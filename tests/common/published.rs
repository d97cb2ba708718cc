//! The experiment that would have seen what was published: its evidence, made from a few words.
//!
//! Each step takes as long as a person or a browser takes; the tokens are real, minted with a key of bytes 0x57.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use waxseal::canary::{Key, Mint, dress, dress_of};
use waxseal::model::{
    Account, Answer, Arm, Bytes, Door, Doorway, Endings, Entry, Evidence, Exposure, Form, Hit,
    HitKind, Manifest, Notice, Part, Phase, Place, Probe, Query, Recognition, Record, Reply,
    Request, RunEnd, RunId, Timestamp, TokenId, Transport, Trial, TrialId, VariantRef, Via,
};

/// The name our own fetches go by.
const AUDITOR: &str = "00c0ffee5eed";
const AUDITOR_ADDRESS: &str = "192.0.2.250";
const SENDER_ADDRESS: &str = "192.0.2.10";
const RECIPIENT_ADDRESS: &str = "192.0.2.20";
/// What our own browsers say.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                       Safari/537.36";
const ZONE: &str = "canary.example";
pub const HOUR: f64 = 3600.0;

/// What is behind a link, in bytes, where a case does not say otherwise.
const PAGE_BYTES: u64 = 611;

/// What is audited.
pub struct Subject {
    /// Eight hexadecimal digits.
    pub run: u32,
    pub service: &'static str,
    pub title: &'static str,
    pub networks: &'static [&'static str],
    pub agents: &'static [&'static str],
    pub begins: &'static str,
    pub window: Duration,
}

/// A run as it goes along.
pub struct Audit {
    run: RunId,
    mint: Mint,
    begins: Timestamp,
    window: f64,
    manifest: Manifest,
    /// The variant that is being planted.
    variant: String,
    doorway: Doorway,
    /// Seconds since the run began.
    pub now: f64,
    events: Vec<Event>,
    pub planted: Vec<Planted>,
    /// Nothing is proven, and no control is planted.
    unproven: bool,
    /// The collector records nobody any more.
    deaf: bool,
    ended: bool,
}

/// A record and when it was made; answers come with their hits, whose numbers are not known yet.
struct Event {
    at: f64,
    record: Record,
    answer: Option<Answered>,
}

#[derive(Clone, Copy)]
struct Answered {
    status: u16,
    body_bytes: u64,
    of: Option<u64>,
}

/// A link that was planted, and when it went how far, in seconds since the run began.
#[derive(Debug, Clone)]
pub struct Planted {
    pub id: TrialId,
    pub variant: String,
    pub arm: Arm,
    pub form: Form,
    /// Typed or pasted; opened or fetched by ourselves.
    pub typed: f64,
    pub sent: f64,
    /// Shown to the recipient.
    pub shown: f64,
}

/// Somebody who comes.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    pub address: &'a str,
    pub agent: Option<&'a str>,
    pub method: &'a str,
    pub door: Door,
    /// What it takes of what is there; none: all.
    pub takes: Option<u64>,
}

impl<'a> Visitor<'a> {
    pub const fn new(address: &'a str, agent: Option<&'a str>) -> Self {
        Self {
            address,
            agent,
            method: "GET",
            door: Door::Public,
            takes: None,
        }
    }

    /// The same, and asks for no content.
    pub const fn head(self) -> Self {
        Self {
            method: "HEAD",
            ..self
        }
    }

    /// The same, by the door of one of our own identities, which serves.
    pub const fn by_door_of(self, account: Account) -> Self {
        let sealed = false;
        Self {
            door: Door::Browser { account, sealed },
            ..self
        }
    }
}

impl Audit {
    pub fn of(subject: &Subject) -> Self {
        let run = RunId(subject.run);
        let scenario = json!({
            "path": format!("scenarios/published/{}.toml", subject.service),
            "digest": "00".repeat(32),
            "service": subject.service,
            "title": subject.title,
            "checked": subject.begins.get(..10),
            "networks": subject.networks,
            "agents": subject.agents,
        });
        // Written as it is in evidence, so that a manifest with more in it needs nothing here.
        let manifest = json!({
            "started": subject.begins,
            "tool": {"name": "waxseal", "version": "0.1.0"},
            "scenario": scenario,
            "seed": subject.run,
            "window": {"secs": subject.window.as_secs(), "nanos": 0},
            "sealed": true,
            "public": format!("http://*.{ZONE}"),
            "auditor": AUDITOR,
            "browser": "made by hand",
            "variants": [],
            "trials": [],
            "expectations": [],
        });
        Self {
            run,
            mint: Key::new([0x57; 32]).mint(run),
            begins: subject.begins.parse().unwrap(),
            window: subject.window.as_secs_f64(),
            manifest: serde_json::from_value(manifest).unwrap(),
            variant: String::new(),
            doorway: Doorway::Sealed,
            now: 0.0,
            events: Vec::new(),
            planted: Vec::new(),
            unproven: false,
            deaf: false,
            ended: false,
        }
    }

    /// What follows is planted in this variant.
    pub fn variant(&mut self, name: &str, title: &str, networks: &[&str]) {
        self.variant = name.to_owned();
        self.manifest.variants.push(VariantRef {
            name: name.to_owned(),
            title: title.to_owned(),
            networks: networks.iter().map(|one| one.parse().unwrap()).collect(),
            covariates: BTreeMap::new(),
        });
    }

    /// The doors of our browsers serve.
    pub fn open_doors(&mut self) {
        self.doorway = Doorway::Open;
        self.manifest.sealed = false;
    }

    /// From here on nothing is proven: no fetches of our own, no sight of a message that left or arrived.
    pub const fn leave_unproven(&mut self) {
        self.unproven = true;
    }

    /// From here on nobody is heard.
    pub const fn fall_deaf(&mut self) {
        self.deaf = true;
    }

    /// Both browsers and waxseal itself prove that they would be heard.
    pub fn prove(&mut self, forms: &[Form]) {
        self.reach(Form::Http, Via::Sender);
        self.reach(Form::Http, Via::Recipient);
        self.prove_again(forms);
    }

    /// As before the first link, while links are out, and after the last.
    pub fn prove_again(&mut self, forms: &[Form]) {
        for &form in forms {
            self.reach(form, Via::Auditor);
        }
    }

    /// Plants links in turns, so that no kind has the hour to itself, and ours between them.
    pub fn plant(&mut self, kinds: &[(Arm, Form, u16)]) {
        let most = kinds.iter().map(|(_, _, count)| *count).max().unwrap_or(0);
        for turn in 0..most {
            for &(arm, form, count) in kinds {
                if turn < count {
                    self.plant_one(arm, form);
                }
            }
        }
    }

    fn plant_one(&mut self, arm: Arm, form: Form) {
        let via = (arm == Arm::Visited).then_some(Via::Sender);
        let id = self.trial(arm, form, via);
        let typed = self.now;
        match arm {
            Arm::Unsent => {}
            Arm::Visited => self.fetch(id, Via::Sender),
            Arm::Drafted | Arm::Pasted => {
                self.expose(id, Phase::Compose, typed);
                self.now += 60.0;
            }
            _ => {
                self.expose(id, Phase::Compose, typed);
                self.expose(id, Phase::Send, typed + 4.0);
                self.notice(id, Phase::Confirm, typed + 5.0);
                self.now += 10.0;
            }
        }
        self.now += 5.0;
        self.keep(id, typed);
    }

    fn keep(&mut self, id: TrialId, typed: f64) {
        let trial = &self.manifest.trials[id.0 as usize];
        self.planted.push(Planted {
            id,
            variant: trial.variant.clone(),
            arm: trial.arm,
            form: trial.form,
            typed,
            sent: typed + 4.0,
            shown: f64::NAN,
        });
    }

    /// The window closes, and the recipient, who was away until now, sees everything that was sent; where links are to be
    /// shown for their own sake, it stays open as long again. Then the run is over.
    pub fn close(&mut self, forms: &[Form]) {
        self.now += self.window + 60.0;
        if self.unproven {
            return self.end();
        }
        self.show();
        if self.planted.iter().any(|one| one.arm == Arm::Received) {
            self.now += self.window + 60.0;
        }
        for variant in self.manifest.variants.clone() {
            self.variant = variant.name;
            self.prove_again(forms);
        }
        self.end();
    }

    /// The recipient comes back.
    fn show(&mut self) {
        let sent: Vec<usize> = (0..self.planted.len())
            .filter(|at| self.planted[*at].arm.is_sent())
            .collect();
        for at in sent {
            let (id, shown) = (self.planted[at].id, self.now);
            self.expose(id, Phase::Receive, shown);
            self.notice(id, Phase::Receive, shown + 2.0);
            self.planted[at].shown = shown;
            self.now += 3.0;
        }
    }

    fn end(&mut self) {
        self.now += 1.0;
        let end = RunEnd {
            at: self.at(self.now),
            interrupted: false,
            clock_drift_ms: 2,
        };
        self.push(self.now, Record::End(end));
        self.ended = true;
    }

    /// The links of one kind, in the order planted.
    pub fn of_kind(&self, arm: Arm, form: Form) -> Vec<Planted> {
        let of_kind = |one: &&Planted| one.arm == arm && one.form == form;
        self.planted.iter().filter(of_kind).cloned().collect()
    }

    /// The first link of an arm in a variant.
    pub fn in_variant(&self, variant: &str, arm: Arm) -> Planted {
        let found = |one: &&Planted| one.variant == variant && one.arm == arm;
        self.planted.iter().find(found).cloned().unwrap()
    }

    fn trial(&mut self, arm: Arm, form: Form, via: Option<Via>) -> TrialId {
        let id = TrialId(u32::try_from(self.manifest.trials.len()).unwrap());
        let doorway = match arm {
            Arm::Unsent | Arm::Reached => Doorway::Sealed,
            Arm::Visited => Doorway::Open,
            _ => self.doorway,
        };
        self.manifest.trials.push(Trial {
            id,
            variant: self.variant.clone(),
            arm,
            form,
            via,
            doorway: Some(doorway),
        });
        id
    }

    fn reach(&mut self, form: Form, via: Via) {
        let id = self.trial(Arm::Reached, form, Some(via));
        let typed = self.now;
        self.fetch(id, via);
        self.keep(id, typed);
    }

    /// We fetch a link ourselves, and are heard where we must be.
    fn fetch(&mut self, id: TrialId, via: Via) {
        let from = self.now;
        let probe = Probe {
            trial: id,
            from: self.at(from),
            to: self.at(from + 1.0),
        };
        self.push(from + 1.0, Record::Probe(probe));
        let sealed = self.manifest.trials[id.0 as usize].doorway == Some(Doorway::Sealed);
        let (account, address) = match via {
            Via::Auditor => {
                self.looks_up(id, from + 0.2, AUDITOR_ADDRESS);
                let auditor = Visitor::new(AUDITOR_ADDRESS, Some(AUDITOR));
                self.visit(id, from + 0.5, Part::Link, &auditor);
                self.now += 2.0;
                return;
            }
            Via::Sender => (Account::Sender, SENDER_ADDRESS),
            Via::Recipient => (Account::Recipient, RECIPIENT_ADDRESS),
        };
        let browser = Visitor {
            door: Door::Browser { account, sealed },
            ..Visitor::new(address, Some(BROWSER))
        };
        self.visit(id, from + 0.5, Part::Link, &browser);
        self.now += 2.0;
    }

    fn expose(&mut self, trial: TrialId, phase: Phase, from: f64) {
        let exposure = Exposure {
            trial,
            phase,
            from: self.at(from),
            to: Some(self.at(from + 0.4)),
        };
        self.push(from + 0.4, Record::Exposure(exposure));
    }

    fn notice(&mut self, trial: TrialId, phase: Phase, seen: f64) {
        if self.unproven {
            return;
        }
        let at = self.at(seen);
        self.push(seen, Record::Notice(Notice { trial, phase, at }));
    }

    /// Somebody asks for a part of a link.
    pub fn visit(&mut self, trial: TrialId, at: f64, part: Part, visitor: &Visitor<'_>) {
        let token = self.token(trial, part);
        let target = match part {
            Part::Link => self.target(trial),
            _ => format!("/{}", self.mint.token(token)),
        };
        let of = match (token.form, part) {
            (Form::Large, Part::Link) => waxseal::canary::LARGE_BYTES,
            _ => PAGE_BYTES,
        };
        let status = match (token.form, part) {
            (Form::NotFound, Part::Link) => 404,
            _ => 200,
        };
        let host = self.host(trial);
        let answer = answered(visitor, status, of);
        self.ask(
            at,
            visitor,
            &host,
            &target,
            Some(answer),
            &[
                (Place::Host, self.token(trial, Part::Host)),
                (Place::Path, token),
            ],
        );
    }

    /// Somebody asks only what programs may do at a link's host.
    pub fn robots(&mut self, trial: TrialId, at: f64, visitor: &Visitor<'_>) {
        self.bare(trial, at, "/robots.txt", visitor);
    }

    /// Somebody asks a link's host for something of which the link says nothing.
    pub fn bare(&mut self, trial: TrialId, at: f64, target: &str, visitor: &Visitor<'_>) {
        let host = self.host(trial);
        let found = if target == "/robots.txt" { 200 } else { 404 };
        let answer = answered(visitor, found, 9);
        let token = (Place::Host, self.token(trial, Part::Host));
        self.ask(at, visitor, &host, target, Some(answer), &[token]);
    }

    /// Somebody comes to the collector without any link of ours.
    pub fn stray(&mut self, at: f64, target: &str, visitor: &Visitor<'_>) {
        let answer = answered(visitor, 404, 9);
        self.ask(at, visitor, ZONE, target, Some(answer), &[]);
    }

    fn ask(
        &mut self,
        at: f64,
        visitor: &Visitor<'_>,
        host: &str,
        target: &str,
        answer: Option<Answered>,
        tokens: &[(Place, TokenId)],
    ) {
        let form = tokens.first().map(|(_, token)| token.form);
        let line = |name: &str, value: &str| (name.to_owned(), Bytes::from(value.as_bytes()));
        let agent = visitor.agent.map(|agent| line("User-Agent", agent));
        let request = Request {
            method: visitor.method.to_owned(),
            target: Bytes::from(target.as_bytes()),
            version: "HTTP/1.1".into(),
            tls: form.is_some_and(|form| dress_of(form).link.starts_with("https")),
            opening: None,
            forwarded: None,
            headers: std::iter::once(line("Host", host)).chain(agent).collect(),
        };
        let matches = tokens
            .iter()
            .flat_map(|(place, token)| Recognition::intact(*place, &[*token]).matches);
        let recognition = Recognition {
            matches: matches.collect(),
        };
        self.hit(at, visitor, HitKind::Http(request), recognition, answer);
    }

    /// Somebody's resolver asks for a link's host.
    pub fn looks_up(&mut self, trial: TrialId, at: f64, resolver: &str) {
        let query = Query {
            transport: Transport::Udp,
            id: 7,
            flags: 0,
            name: format!("{}.", self.host(trial)),
            class: 1,
            type_code: 1,
            type_name: "A".into(),
            edns: None,
            reply: Some(Reply {
                code: 0,
                truncated: false,
            }),
        };
        let host = self.token(trial, Part::Host);
        let recognition = Recognition::intact(Place::Host, &[host]);
        let resolver = Visitor::new(resolver, None);
        self.hit(at, &resolver, HitKind::Dns(query), recognition, None);
    }

    fn hit(
        &mut self,
        at: f64,
        visitor: &Visitor<'_>,
        kind: HitKind,
        recognition: Recognition,
        answer: Option<Answered>,
    ) {
        if self.deaf {
            return;
        }
        let hit = Hit {
            received: self.at(at),
            door: visitor.door,
            peer: std::net::SocketAddr::new(visitor.address.parse().unwrap(), 40_000),
            kind,
            recognition,
        };
        let record = Record::Hit(hit);
        self.events.push(Event { at, record, answer });
    }

    fn push(&mut self, at: f64, record: Record) {
        self.events.push(Event {
            at,
            record,
            answer: None,
        });
    }

    fn token(&self, trial: TrialId, part: Part) -> TokenId {
        let planned = &self.manifest.trials[trial.0 as usize];
        TokenId {
            run: self.run,
            trial,
            arm: planned.arm,
            form: planned.form,
            part,
        }
    }

    fn host(&self, trial: TrialId) -> String {
        let token = self.mint.token(self.token(trial, Part::Host));
        format!("{token}.{ZONE}")
    }

    fn target(&self, trial: TrialId) -> String {
        dress(&self.mint, "", self.token(trial, Part::Link)).url
    }

    fn at(&self, seconds: f64) -> Timestamp {
        let millis = jiff::SignedDuration::from_secs_f64((seconds * 1000.0).round() / 1000.0);
        self.begins.checked_add(millis).unwrap()
    }

    /// All records in the order in which they were made.
    pub fn evidence(mut self) -> Evidence {
        assert!(self.ended, "a run has an end");
        self.events
            .sort_by(|one, other| one.at.total_cmp(&other.at));
        let manifest = Record::Manifest(Box::new(self.manifest.clone()));
        let mut log = Log {
            entries: Vec::new(),
            answers: Vec::new(),
        };
        log.add(manifest);
        for event in std::mem::take(&mut self.events) {
            // What became of hits is kept for several at once.
            if !matches!(event.record, Record::Hit(_)) {
                log.tell();
            }
            let hit = log.add(event.record);
            if let Some(answer) = event.answer {
                log.answers.push(Answer {
                    hit,
                    at: self.at(event.at + 0.01),
                    status: Some(answer.status),
                    body_bytes: answer.body_bytes,
                    of: answer.of,
                });
            }
        }
        Evidence {
            run: self.run,
            entries: log.entries,
        }
    }
}

struct Log {
    entries: Vec<Entry>,
    answers: Vec<Answer>,
}

impl Log {
    fn add(&mut self, record: Record) -> u64 {
        let seq = self.entries.len() as u64 + 1;
        self.entries.push(Entry { seq, record });
        seq
    }

    fn tell(&mut self) {
        let answers = std::mem::take(&mut self.answers);
        if !answers.is_empty() {
            let handshakes = Vec::new();
            self.add(Record::Endings(Endings {
                answers,
                handshakes,
            }));
        }
    }
}

/// What somebody is answered; at a sealed door nobody is served.
fn answered(visitor: &Visitor<'_>, status: u16, of: u64) -> Answered {
    let refused = matches!(visitor.door, Door::Browser { sealed: true, .. });
    let taken = match visitor.method {
        "HEAD" => 0,
        _ => visitor.takes.unwrap_or(of).min(of),
    };
    match refused {
        true => Answered {
            status: 403,
            body_bytes: 0,
            of: None,
        },
        false => Answered {
            status,
            body_bytes: taken,
            of: Some(of),
        },
    }
}
