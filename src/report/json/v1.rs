//! Format 1.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    Actor, ActorSummary, Arm, Cell, Confidence, Constancy, Depth, Doorway, Doubt, Factor,
    FactorKind, Form, Grade, Limit, Manifest, Outcome, Part, Phase, Record, Settles, Status, Tried,
    Verdict,
};
use crate::report::View;

/// A waxseal report.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "waxseal report, format 1")]
pub struct Report {
    /// The format's version.
    #[schemars(range(min = 1, max = 1))]
    format: u8,
    /// The run.
    run: Run,
    /// The program that made it.
    tool: Tool,
    /// The scenario it played.
    scenario: Scenario,
    /// What can be said, one for each variant, arm and form.
    cells: Vec<CellReport>,
    /// Steps that went wrong.
    failures: Vec<FailureReport>,
    /// Elements that were found by another alternative than the first.
    drift: Vec<DriftReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Run {
    /// Eight hexadecimal digits.
    id: String,
    /// RFC 3339, UTC.
    started: String,
    /// RFC 3339, UTC; null while it has not ended.
    ended: Option<String>,
    /// Stopped by hand, or killed.
    interrupted: bool,
    /// The seed of the order of its trials.
    seed: u64,
    /// How long was listened after each exposure, in milliseconds.
    window_ms: u64,
    /// Whether the doors of our own browsers refused.
    sealed: bool,
    /// The address in the links.
    public: String,
    /// Browser and driver.
    browser: String,
    /// From where in the world it was made, in the words of whoever made it; null where nobody said.
    region: Option<String>,
    /// The builds of the service's client, as its pages named them. Hostile: escape them wherever they are shown.
    builds: Vec<Build>,
    /// The hosts that a stage stood in for: nothing here is about the service then. Empty where the service itself was played.
    stage: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Build {
    variant: String,
    account: String,
    build: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Tool {
    name: String,
    version: String,
    /// The judgement rules of that program; null in runs from before they were counted.
    rules: Option<u32>,
    /// The data about who is who that came with it, or was given to it.
    data: Vec<DataReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DataReport {
    /// Where it comes from.
    source: String,
    /// Which state of it: its date, or the beginning of its SHA-256.
    version: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Scenario {
    /// The file, as it was named.
    path: String,
    /// SHA-256 of its text, hexadecimal.
    digest: String,
    service: String,
    title: String,
    /// When its selectors were last reviewed.
    checked: String,
    /// How many days that was before the run; null where that cannot be told.
    age_days: Option<u32>,
    /// Whether the service can be audited, and how; null where the scenario does not say.
    status: Option<Status>,
    /// How well grounded the selectors are; null where the scenario does not say.
    grade: Option<Grade>,
    /// What the scenario had been driven against; null where it does not say.
    tried: Option<Tried>,
    /// Where the selectors come from.
    sources: Vec<String>,
    /// What must be the same in two runs for them to be compared, such as the region, by variant and name.
    covariates: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CellReport {
    service: String,
    variant: String,
    arm: Arm,
    form: Form,
    /// What the doors of our own browsers did with its links.
    doorway: Doorway,
    verdict: Verdict,
    /// The window is still open: the verdict may be amended.
    provisional: bool,
    /// How far whoever came went; null unless observed.
    depth: Option<Depth>,
    /// Who came, attempts at the doors of our own browsers included.
    actors: Vec<Actor>,
    /// What each of them did.
    visitors: Vec<Visitor>,
    /// Trials planned.
    planned: u32,
    /// Trials in which the link was out.
    trials: u32,
    /// Trials with a visitor who is not us; for `reached`, those we were heard in.
    hits: u32,
    /// Trials that had one after their window had closed: known, and not among the hits.
    late: u32,
    /// Trials that had no visitor, and whose link somebody who is not us had all the same.
    hearsay: u32,
    /// Trials that had no visitor in the phase that this cell is about, and one in another.
    elsewhere: u32,
    /// Trials that were planned and left out, because more would have said no more.
    omitted: u32,
    /// Hosts that links led to when they arrived as others. Hostile: escape them wherever they are shown.
    wrappers: Vec<String>,
    /// How often it would happen again, as far as can be said; null unless observed.
    constancy: Option<Constancy>,
    /// What more trials would settle; null where nothing is open, or trials would not help.
    advice: Option<AdviceReport>,
    /// Exact 95 % interval of the chance of a visit, over all looks.
    #[schemars(length(equal = 2))]
    interval: Vec<f64>,
    /// From typing or sending, whichever came last, to the first visit.
    first_delay_ms: Option<u64>,
    doubts: Vec<Doubt>,
    /// The verdict that the scenario claims; null where it claims none.
    expected: Option<Verdict>,
    /// The whole claim.
    claim: Option<Claim>,
    outcome: Outcome,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AdviceReport {
    /// How many more, if they go on as those before.
    trials: u32,
    settles: Settles,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Visitor {
    actor: Actor,
    trials: u32,
    hits: u32,
    /// Hits that asked again for what had been asked for before.
    again: u32,
    /// Turned away at a sealed door: attempts, not fetches.
    refused: u32,
    depth: Depth,
    /// `compose`: while the link was typed; `send`: after it was sent; `receive`: after it was shown; `follow`: after it was
    /// followed.
    phases: Vec<Phase>,
    methods: Vec<String>,
    parts: Vec<Part>,
    /// The most bytes of what is behind the link that one answer handed over.
    bytes: u64,
    /// Whether content was taken whole in any of them; null where none was taken, or it is not known.
    whole: Option<bool>,
    /// As sent. Hostile: escape it wherever it is shown.
    agents: Vec<String>,
    addresses: Vec<String>,
    /// Why we think it was this actor, each reason apart, the strongest first.
    factors: Vec<FactorReport>,
    /// How sure that is at best; null where nothing tells who it was.
    confidence: Option<Confidence>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FactorReport {
    kind: FactorKind,
    /// In plain words. May hold a visitor's own text: escape it wherever it is shown.
    says: String,
    /// The data it was read from; null where it is our own experiment, or the scenario.
    source: Option<String>,
    /// Which state of that data: its date, or the beginning of its SHA-256.
    version: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Claim {
    verdict: Verdict,
    depth: Option<Depth>,
    actors: Option<Vec<Actor>>,
    /// Doubts that are claimed to remain.
    doubts: Vec<Doubt>,
    /// Its line in the scenario, counted from 1.
    line: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FailureReport {
    variant: String,
    /// The trial's number in the run; null where it stood before all of them.
    trial: Option<u32>,
    account: String,
    phase: String,
    doubt: Doubt,
    /// The step's line in the scenario, counted from 1.
    line: Option<u32>,
    message: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DriftReport {
    variant: String,
    account: String,
    phase: String,
    /// The scenario's name for the element.
    alias: String,
    /// Which alternative found it, counted from 1.
    alternative: u32,
    /// Of how many.
    of: u32,
    /// How many elements it found.
    count: u32,
}

/// The report of a run.
#[must_use]
pub fn report(view: &View<'_>) -> Report {
    Report {
        format: 1,
        run: run(view),
        tool: tool(view.manifest),
        scenario: scenario(view),
        cells: view
            .cells
            .iter()
            .map(|one| cell(&view.manifest.scenario.service, one))
            .collect(),
        failures: view.failures.iter().map(|one| failure(one)).collect(),
        drift: view.drift.iter().map(|one| drift(one)).collect(),
    }
}

/// The format's JSON Schema (draft 2020-12).
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Report);
    schema.insert("$id".to_owned(), "urn:waxseal:report:1".into());
    schema.to_value()
}

fn tool(manifest: &Manifest) -> Tool {
    let data = manifest.data.iter().map(|data| DataReport {
        source: data.source.clone(),
        version: data.version.clone(),
    });
    Tool {
        name: manifest.tool.name.clone(),
        version: manifest.tool.version.clone(),
        rules: manifest.rules,
        data: data.collect(),
    }
}

fn covariates(manifest: &Manifest) -> BTreeMap<String, BTreeMap<String, String>> {
    let variants = manifest.variants.iter();
    let told = variants.filter(|variant| !variant.covariates.is_empty());
    told.map(|variant| (variant.name.clone(), variant.covariates.clone()))
        .collect()
}

/// Each build once: it is read as often as somebody signs in.
fn builds(view: &View<'_>) -> Vec<Build> {
    let entries = view.evidence.entries.iter();
    let clients = entries.filter_map(|entry| match &entry.record {
        Record::Client(client) => Some((&client.variant, client.account, &client.build)),
        _ => None,
    });
    let once: BTreeSet<_> = clients.collect();
    let builds = once.into_iter().map(|(variant, account, build)| Build {
        variant: variant.clone(),
        account: account.to_string(),
        build: build.clone(),
    });
    builds.collect()
}

fn run(view: &View<'_>) -> Run {
    let manifest = view.manifest;
    Run {
        id: view.run.to_string(),
        started: manifest.started.to_string(),
        ended: view.end.map(|end| end.at.to_string()),
        interrupted: view.end.is_none_or(|end| end.interrupted),
        seed: manifest.seed,
        window_ms: u64::try_from(manifest.window.as_millis()).unwrap_or(u64::MAX),
        sealed: manifest.sealed,
        public: manifest.public.clone(),
        browser: manifest.browser.clone(),
        region: manifest.region.clone(),
        builds: builds(view),
        stage: manifest.stage.clone(),
    }
}

fn scenario(view: &View<'_>) -> Scenario {
    let scenario = &view.manifest.scenario;
    Scenario {
        path: scenario.path.clone(),
        digest: scenario.digest.clone(),
        service: scenario.service.clone(),
        title: scenario.title.clone(),
        checked: scenario.checked.clone(),
        age_days: view.selectors_age(),
        status: scenario.provenance.status,
        grade: scenario.provenance.grade,
        tried: scenario.provenance.tried,
        sources: scenario.provenance.sources.clone(),
        covariates: covariates(view.manifest),
    }
}

fn cell(service: &str, cell: &Cell) -> CellReport {
    CellReport {
        service: service.to_owned(),
        variant: cell.variant.clone(),
        arm: cell.arm,
        form: cell.form,
        doorway: cell.doorway,
        verdict: cell.verdict,
        provisional: cell.provisional,
        depth: cell.depth,
        actors: cell.actors.iter().map(|summary| summary.actor).collect(),
        visitors: cell.actors.iter().map(visitor).collect(),
        planned: cell.planned,
        trials: cell.trials,
        hits: cell.hits,
        late: cell.late,
        hearsay: cell.hearsay,
        elsewhere: cell.elsewhere,
        omitted: cell.omitted,
        wrappers: cell.wrappers.clone(),
        constancy: cell.constancy,
        advice: cell.advice.map(|advice| AdviceReport {
            trials: advice.trials,
            settles: advice.settles,
        }),
        interval: vec![cell.interval.low, cell.interval.high],
        first_delay_ms: cell
            .first_delay
            .and_then(|delay| u64::try_from(delay.as_millis()).ok()),
        doubts: cell.doubts.clone(),
        expected: cell.expected.as_ref().map(|claim| claim.verdict),
        claim: cell.expected.as_ref().map(claim),
        outcome: cell.outcome,
    }
}

fn visitor(summary: &ActorSummary) -> Visitor {
    Visitor {
        actor: summary.actor,
        trials: summary.trials,
        hits: summary.hits,
        again: summary.again,
        refused: summary.refused,
        depth: summary.depth,
        phases: summary.phases.clone(),
        methods: summary.methods.clone(),
        parts: summary.parts.clone(),
        bytes: summary.bytes,
        whole: summary.whole,
        agents: summary.agents.clone(),
        addresses: summary.peers.iter().map(ToString::to_string).collect(),
        factors: summary.factors.iter().map(factor).collect(),
        confidence: summary.confidence,
    }
}

fn factor(factor: &Factor) -> FactorReport {
    let data = factor.data.as_ref();
    FactorReport {
        kind: factor.kind,
        says: factor.says.clone(),
        source: data.map(|data| data.source.clone()),
        version: data.map(|data| data.version.clone()),
    }
}

fn claim(limit: &Limit) -> Claim {
    Claim {
        verdict: limit.verdict,
        depth: limit.depth,
        actors: limit.actors.clone(),
        doubts: limit.doubts.clone(),
        line: limit.line,
    }
}

fn failure(failure: &crate::model::Failure) -> FailureReport {
    FailureReport {
        variant: failure.variant.clone(),
        trial: failure.trial.map(|id| id.0),
        account: failure.account.to_string(),
        phase: failure.phase.to_string(),
        doubt: failure.doubt,
        line: failure.step.as_ref().map(|step| step.line),
        message: failure.message.clone(),
    }
}

fn drift(sighting: &crate::model::Sighting) -> DriftReport {
    DriftReport {
        variant: sighting.variant.clone(),
        account: sighting.account.to_string(),
        phase: sighting.phase.to_string(),
        alias: sighting.alias.clone(),
        alternative: sighting.alternative.saturating_add(1),
        of: sighting.of,
        count: sighting.count,
    }
}
