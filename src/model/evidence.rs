use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Account, Actor, Answer, Arm, DataVersion, Depth, Doorway, Doubt, Form, Handshake, Hit, Intent,
    Looked, Operator, Other, Phase, Provenance, Recess, Registered, Resumption, RoundSize, RunId,
    Timestamp, Trial, TrialId, Verdict,
};

/// All records of one run, in the order in which they became durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The run.
    pub run: RunId,
    /// Its records.
    pub entries: Vec<Entry>,
}

impl Evidence {
    /// The manifest: the first record of every run, but for its registration at a collector elsewhere.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.entries.iter().find_map(|entry| match &entry.record {
            Record::Manifest(manifest) => Some(manifest.as_ref()),
            _ => None,
        })
    }

    /// The last sure sign of life: the latest instant that any record tells of.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.entries
            .iter()
            .filter_map(|entry| entry.record.latest())
            .max()
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(entry.record, Record::End(_)))
    }
}

impl Record {
    /// The latest instant that it tells of; none of a record that tells of none, or of another time.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        match self {
            Self::Registration(registration) => Some(registration.at),
            Self::Manifest(manifest) => Some(manifest.started),
            Self::Intent(intent) => Some(intent.at),
            Self::Exposure(exposure) => Some(exposure.to.unwrap_or(exposure.from)),
            Self::Notice(notice) => Some(notice.at),
            Self::Arrival(arrival) => Some(arrival.at),
            Self::Omission(omission) => Some(omission.at),
            Self::Failure(failure) => Some(failure.at),
            Self::Mark(mark) => Some(mark.at),
            Self::Sighting(sighting) => Some(sighting.at),
            Self::Probe(probe) => Some(probe.to),
            Self::Client(client) => Some(client.at),
            Self::Hit(hit) => Some(hit.received),
            Self::Answer(answer) => Some(answer.at),
            Self::Endings(endings) => endings.answers.iter().map(|answer| answer.at).max(),
            Self::Jump(jump) => Some(jump.to),
            Self::Gap(gap) => Some(gap.to),
            Self::Recess(recess) => Some(recess.at),
            Self::Resumption(resumption) => Some(resumption.at),
            Self::End(end) => Some(end.at),
            Self::Handshake(_) | Self::Looked(_) => None,
        }
    }
}

/// One record with its place in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its sequence number, unique in the store and growing.
    pub seq: u64,
    /// The fact.
    pub record: Record,
}

/// One fact. Nothing here is an opinion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
pub enum Record {
    /// The run was registered at a collector that stands elsewhere; the first record of such a run.
    Registration(Registration),
    /// What the run set out to do.
    Manifest(Box<Manifest>),
    /// A link is about to leave our hands.
    Intent(Intent),
    /// A link left our hands.
    Exposure(Exposure),
    /// Proof that a message left (`confirm`) or arrived (`receive`).
    Notice(Notice),
    /// What a message held when it was seen at the recipient.
    Arrival(Arrival),
    /// Trials that are not played, because what they are for is decided.
    Omission(Omission),
    /// A step went wrong.
    Failure(Failure),
    /// An instant that the scenario names.
    Mark(Mark),
    /// Which build of the service's client a page said it is.
    Client(Client),
    /// Which alternative of a locator found its element.
    Sighting(Sighting),
    /// A fetch of our own.
    Probe(Probe),
    /// Somebody came.
    Hit(Hit),
    /// What we answered. Written by earlier versions, one for each hit; now in [`Record::Endings`].
    Answer(Answer),
    /// How a TLS handshake went on. Written by earlier versions; now in [`Record::Endings`].
    Handshake(Handshake),
    /// What became of several hits.
    Endings(Endings),
    /// The wall clock jumped.
    Jump(Jump),
    /// The collector may have missed something.
    Gap(Gap),
    /// What was found out about a visitor's address.
    Looked(Looked),
    /// Whoever conducts the run leaves it to be taken up again.
    Recess(Recess),
    /// The run was taken up again.
    Resumption(Resumption),
    /// The run is over.
    End(RunEnd),
}

/// A run's registration at a collector that serves many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// When, by the collector's clock.
    pub at: Timestamp,
    /// The run under which the collector keeps what belongs to none: visitors without a token, gaps.
    pub collector: RunId,
}

/// What a run set out to do: enough to judge it, and to repeat it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// When the run began.
    pub started: Timestamp,
    /// By which program.
    pub tool: ToolRef,
    /// The judgement rules of that program; none in runs from before they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<u32>,
    /// The data that came with it, or was given to it, about who is who.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataVersion>,
    /// From where in the world it was made, in the words of whoever made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// From which scenario.
    pub scenario: ScenarioRef,
    /// The hosts that a stage stood in for: nothing here is about the service then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stage: Vec<String>,
    /// The seed the order of the trials was drawn from.
    pub seed: u64,
    /// How long is listened after each exposure.
    pub window: Duration,
    /// Whether the browsers' doors refuse, where a trial does not say otherwise.
    pub sealed: bool,
    /// How often the evidence may be looked at before the run ends: with each look more trials may be left out, so every
    /// interval is made that much wider.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub looks: u32,
    /// The public address in the links, such as `http://127.0.0.1:8080`; a `*` in it stands for a host token, as in
    /// `http://*.canary.example:8080`.
    pub public: String,
    /// The name our own fetches go by: drawn for the run, so that nobody else can have it.
    pub auditor: String,
    /// The browser and its driver, as they name themselves.
    pub browser: String,
    /// The variants, in the scenario's order.
    pub variants: Vec<VariantRef>,
    /// The trials, in the order planned.
    pub trials: Vec<Trial>,
    /// How they are parted into rounds; empty in records from before a run could be taken up again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<RoundSize>,
    /// What the author claims.
    pub expectations: Vec<Expectation>,
}

/// The program that made a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The scenario of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRef {
    /// The file as it was named.
    pub path: String,
    /// SHA-256 of its text, hexadecimal.
    pub digest: String,
    /// The text itself. Of secrets it holds references only: validation refuses a file in which one stands itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The service's short name.
    pub service: String,
    /// The service's name for people.
    pub title: String,
    /// When its selectors were last reviewed (a date).
    pub checked: String,
    /// Where its knowledge comes from, and what that is worth.
    #[serde(default, skip_serializing_if = "Provenance::is_empty")]
    pub provenance: Provenance,
    /// Networks the service is known to fetch from.
    pub networks: Vec<ipnet::IpNet>,
    /// What its user agent holds.
    pub agents: Vec<String>,
    /// Whose machines it fetches with, where they are known beyond this scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Operator>,
    /// Who else is known to come for its links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Other>,
    /// Networks that our own identities go out from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registered: Vec<Registered>,
}

/// A variant of a run's scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantRef {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Networks the service fetches from in this variant, besides its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<ipnet::IpNet>,
    /// What must be the same in two runs for them to be compared, by name, such as the region, as the scenario says it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub covariates: BTreeMap<String, String>,
}

/// A claim of the scenario's author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The variant it is about; none: all.
    pub variant: Option<String>,
    /// The arms it is about.
    pub arms: Vec<Arm>,
    /// The forms it is about.
    pub forms: Vec<Form>,
    /// The doorways it is about; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doors: Option<Vec<Doorway>>,
    /// What is claimed.
    pub limit: Limit,
}

/// What is claimed about a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The verdict.
    pub verdict: Verdict,
    /// The depth reached by whoever was not us, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
    /// Exactly these actors were seen, attempts at sealed doors included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actors: Option<Vec<Actor>>,
    /// Exactly these doubts remain all the same: what is true of the service raises them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// Line of the claim in the scenario, counted from 1.
    pub line: u32,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_one(looks: &u32) -> bool {
    *looks == 1
}

/// A span in which a link left our hands. Causal zero is its beginning: nothing earlier can be its effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// The trial.
    pub trial: TrialId,
    /// `compose`: it was typed; `send`: it was sent; `receive`: the recipient, who was away until then, may see it;
    /// `follow`: the recipient follows it.
    pub phase: Phase,
    /// Just before the step.
    pub from: Timestamp,
    /// Just after it; none when it is not known that the step was done.
    pub to: Option<Timestamp>,
}

/// Proof, seen on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The trial.
    pub trial: TrialId,
    /// `confirm`, or `receive`.
    pub phase: Phase,
    /// When it was seen.
    pub at: Timestamp,
}

/// Links on the recipient's page that hold the canary's token, or show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The trial.
    pub trial: TrialId,
    /// When they were looked for.
    pub at: Timestamp,
    /// Whether one of them leads to just the canary.
    pub intact: bool,
    /// Where the others lead. Hostile text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}

/// Trials that are left out: see [`Manifest::looks`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omission {
    /// When it was decided.
    pub at: Timestamp,
    /// Which.
    pub trials: Vec<TrialId>,
}

/// An instant that the scenario names with `mark`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The trial; none in `login`.
    pub trial: Option<TrialId>,
    /// Whose browser it was.
    pub account: Account,
    /// The phase.
    pub phase: Phase,
    /// The scenario's name for it.
    pub name: String,
    /// Just after the step.
    pub at: Timestamp,
}

/// Which alternative of a locator found its element, written down the first time and whenever it is another one: what tells
/// that a page changes before that breaks a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The variant.
    pub variant: String,
    /// Whose browser it was.
    pub account: Account,
    /// The phase.
    pub phase: Phase,
    /// The scenario's name for the element.
    pub alias: String,
    /// Which alternative, counted from 0.
    pub alternative: u32,
    /// Of how many.
    pub of: u32,
    /// How many elements it found.
    pub count: u32,
    /// When.
    pub at: Timestamp,
}

impl Sighting {
    /// Whether it was another than the first: what the author trusts most is not there any more.
    #[must_use]
    pub const fn has_drifted(&self) -> bool {
        self.alternative > 0
    }

    /// What was seen, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let plural = if self.count == 1 { "" } else { "s" };
        let (nth, of, count) = (self.alternative + 1, self.of, self.count);
        format!("alternative {nth} of {of}, {count} element{plural}")
    }
}

/// What a page said of itself: another build may do other things with links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The variant.
    pub variant: String,
    /// Whose browser it was in.
    pub account: Account,
    /// When it was read.
    pub at: Timestamp,
    /// What it said. Hostile text, cut to what a build needs.
    pub build: String,
}

/// A step that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The variant.
    pub variant: String,
    /// The trial; none when it stood before all trials of the variant.
    pub trial: Option<TrialId>,
    /// The account.
    pub account: Account,
    /// The phase.
    pub phase: Phase,
    /// When.
    pub at: Timestamp,
    /// What it means for the verdict.
    pub doubt: Doubt,
    /// Which step; none when the trial was not begun.
    pub step: Option<StepRef>,
    /// What happened, redacted.
    pub message: String,
    /// What was kept of the page; none where there was none, or it could not be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<SceneRef>,
}

/// What was kept of the page on which a step went wrong: files beside the store, of which the evidence says only what they
/// were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneRef {
    /// The folder they are in, within the run's own.
    pub folder: String,
    /// The files.
    pub files: Vec<FileRef>,
}

/// A file, as it was when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A step's place in its scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRef {
    /// The verb.
    pub verb: String,
    /// Its line, counted from 1.
    pub line: u32,
}

/// A fetch of our own of a `reached` canary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The trial.
    pub trial: TrialId,
    /// Before the fetch.
    pub from: Timestamp,
    /// After it.
    pub to: Timestamp,
}

/// What became of hits that were recorded before: nobody waits for it, so it is kept for many at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endings {
    /// What was answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// How TLS handshakes went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handshakes: Vec<Handshake>,
}

impl Endings {
    /// How many hits it is about; a hello and the request behind it are two.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.answers.len() + self.handshakes.len()
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The wall clock jumped against the steady one: what is timed by it across this instant is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// When it was last seen right, by itself.
    pub from: Timestamp,
    /// When it was found out, by the clock as it is now.
    pub to: Timestamp,
    /// By how many milliseconds it moved; negative when it went back.
    pub moved_ms: i64,
}

/// A span in which the collector may have missed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// From.
    pub from: Timestamp,
    /// To.
    pub to: Timestamp,
    /// How many visitors are known to be missing.
    pub missed: u64,
    /// Why.
    pub reason: String,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// Stopped before its plan was done or its windows had closed.
    pub interrupted: bool,
    /// How much the wall clock moved against the steady one, in milliseconds.
    pub clock_drift_ms: i64,
}
