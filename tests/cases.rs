//! What was published about messengers that come for links, as the experiment that would have seen it, and what is to be
//! concluded from each: `tests/evidence/<case>/`, with a README that says what is known and what is assumed.
//!
//! Each stage is a file that can be read, and is derived here from the one before, byte for byte; `WAXSEAL_BLESS=1` writes
//! them anew. What must hold of each case stands below in code as well, so that a wrong conclusion cannot be blessed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/published.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used)]
mod published;
#[path = "common/worlds.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used)]
mod worlds;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::golden::{compare, in_repository, is_blessing};
use serde_json::{Value, json};
use waxseal::model::{
    Actor, Arm, Cell, Constancy, Depth, Doubt, Evidence, Form, Observation, Settles, Trial, Verdict,
};
use waxseal::report::{View, terminal};
use waxseal::store::{read_evidence, write_evidence};
use waxseal::verdict::{Judged, judge};
use worlds::{HTB_CAME, WORLDS, World};

impl World {
    fn folder(&self) -> PathBuf {
        in_repository("tests/evidence")
            .join(self.case)
            .join(self.run)
    }

    fn name(&self) -> String {
        format!("{} {}", self.case, self.run)
    }

    fn judged(&self) -> (Evidence, Judged) {
        let evidence = (self.make)();
        let judged = judge(&evidence).unwrap();
        (evidence, judged)
    }
}

fn world(case: &str, run: &str) -> &'static World {
    let found = WORLDS.iter().find(|one| one.case == case && one.run == run);
    found.unwrap_or_else(|| panic!("no run `{run}` of `{case}`"))
}

#[test]
fn each_stage_follows_from_the_one_before() {
    let wrong: Vec<String> = WORLDS.iter().flat_map(differences).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn differences(world: &World) -> Vec<String> {
    let folder = world.folder();
    if is_blessing() {
        fs::create_dir_all(&folder).unwrap();
    }
    let mut made = Vec::new();
    write_evidence(&(world.make)(), &mut made).unwrap();
    let path = folder.join("evidence.jsonl");
    let mut found = vec![compare(&path, &String::from_utf8(made).unwrap())];
    // From here on from what is kept.
    let evidence = read_evidence(&path).unwrap();
    assert!(
        evidence == (world.make)(),
        "{}: read as it was made",
        world.name()
    );
    let judged = judge(&evidence).unwrap();
    let view = View::new(&evidence, &judged.cells, &judged.observations).unwrap();
    let stages = [
        ("observations.json", observations(&evidence, &judged)),
        ("verdict.txt", terminal(&view, false)),
        ("verdict.json", verdicts(&judged)),
    ];
    found.extend(stages.map(|(name, fresh)| compare(&folder.join(name), &fresh)));
    found.into_iter().filter_map(Result::err).collect()
}

/// Whoever has the file and the program gets the verdict that is kept beside it.
#[test]
fn the_program_says_the_same() {
    for (case, run, status) in [
        ("ars-2013", "", 0),
        ("ars-2013", "as-it-was", 3),
        ("collector-down", "", 3),
    ] {
        let folder = world(case, run).folder();
        let mut program = Command::new(env!("CARGO_BIN_EXE_waxseal"));
        program.arg("judge").arg(folder.join("evidence.jsonl"));
        let output = program.env("NO_COLOR", "1").output().unwrap();
        let kept = fs::read_to_string(folder.join("verdict.txt")).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), kept);
        assert_eq!(output.status.code(), Some(status), "{case} {run}");
    }
}

/// One line for each item.
fn list(items: impl Iterator<Item = Value>) -> String {
    let lines: Vec<String> = items.map(|item| format!("  {item}")).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn observations(evidence: &Evidence, judged: &Judged) -> String {
    let trials = &evidence.manifest().unwrap().trials;
    let line = |seen: &Observation| observation(seen, &trials[seen.trial.0 as usize]);
    list(judged.observations.iter().map(line))
}

fn observation(seen: &Observation, trial: &Trial) -> Value {
    json!({
        "time": seen.at,
        "trial": seen.trial,
        "arm": trial.arm,
        "form": trial.form,
        "actor": seen.actor,
        "depth": seen.depth,
        "method": seen.method.as_deref(),
        "address": seen.address(),
        "phase": seen.phase,
        "delay": seen.delay.map(|delay| delay.as_secs_f64()),
        "late": seen.late,
        "again": seen.again,
    })
}

fn verdicts(judged: &Judged) -> String {
    list(judged.cells.iter().map(verdict))
}

fn verdict(cell: &Cell) -> Value {
    let rounded = |share: f64| (share * 10_000.0).round() / 10_000.0;
    json!({
        "variant": cell.variant,
        "arm": cell.arm,
        "form": cell.form,
        "verdict": cell.verdict,
        "depth": cell.depth,
        "hits": cell.hits,
        "trials": cell.trials,
        "late": cell.late,
        "elsewhere": cell.elsewhere,
        "interval": [rounded(cell.interval.low), rounded(cell.interval.high)],
        "actors": cell.actors.iter().map(|one| one.actor).collect::<Vec<_>>(),
        "doubts": cell.doubts,
        "constancy": cell.constancy,
        "advice": cell.advice,
    })
}

/// What must be concluded about a cell.
#[derive(Clone)]
struct Must {
    case: &'static str,
    run: &'static str,
    variant: &'static str,
    arm: Arm,
    form: Form,
    verdict: Verdict,
    depth: Option<Depth>,
    /// Visited, and planted.
    hits: (u32, u32),
    /// The interval in percent, to one digit.
    percent: (f64, f64),
    /// Everybody who came in the phases that it is about, our own included.
    who: &'static [Actor],
    doubts: &'static [Doubt],
    constancy: Option<Constancy>,
    elsewhere: u32,
    late: u32,
}

/// A run of a case, about which something must be concluded.
const fn of(case: &'static str, run: &'static str) -> Must {
    Must {
        case,
        run,
        variant: "default",
        arm: Arm::Sent,
        form: Form::Http,
        verdict: Verdict::Inconclusive,
        depth: None,
        hits: (0, 0),
        percent: (0.0, 100.0),
        who: &[],
        doubts: &[],
        constancy: None,
        elsewhere: 0,
        late: 0,
    }
}

impl Must {
    const fn at(self, arm: Arm, form: Form) -> Self {
        Self { arm, form, ..self }
    }

    const fn in_variant(self, variant: &'static str) -> Self {
        Self { variant, ..self }
    }

    const fn counted(self, hits: (u32, u32), percent: (f64, f64)) -> Self {
        Self {
            hits,
            percent,
            ..self
        }
    }

    const fn observed(self, depth: Depth, constancy: Constancy) -> Self {
        Self {
            verdict: Verdict::Observed,
            depth: Some(depth),
            constancy: Some(constancy),
            ..self
        }
    }

    const fn not_observed(self) -> Self {
        Self {
            verdict: Verdict::NotObserved,
            ..self
        }
    }

    const fn doubted(self, doubts: &'static [Doubt]) -> Self {
        Self { doubts, ..self }
    }

    const fn by(self, who: &'static [Actor]) -> Self {
        Self { who, ..self }
    }

    const fn elsewhere(self, elsewhere: u32) -> Self {
        Self { elsewhere, ..self }
    }

    const fn late(self, late: u32) -> Self {
        Self { late, ..self }
    }

    fn is_about(&self, cell: &Cell) -> bool {
        let place = (cell.variant.as_str(), cell.arm, cell.form);
        place == (self.variant, self.arm, self.form)
    }

    #[track_caller]
    fn holds(&self, cell: &Cell) {
        let name = format!(
            "{} {} {} {} {}",
            self.case, self.run, self.variant, self.arm, self.form
        );
        assert_eq!(cell.verdict, self.verdict, "{name}: {:?}", cell.doubts);
        assert_eq!(cell.depth, self.depth, "{name}");
        assert_eq!((cell.hits, cell.trials), self.hits, "{name}");
        let percent = |share: f64| (share * 1000.0).round() / 10.0;
        let interval = (percent(cell.interval.low), percent(cell.interval.high));
        assert_eq!(interval, self.percent, "{name}");
        let who: Vec<Actor> = cell.actors.iter().map(|one| one.actor).collect();
        assert_eq!(who, self.who, "{name}");
        assert_eq!(cell.doubts, self.doubts, "{name}");
        assert_eq!(cell.constancy, self.constancy, "{name}");
        assert_eq!(
            (cell.elsewhere, cell.late),
            (self.elsewhere, self.late),
            "{name}"
        );
    }
}

/// Intervals in percent, as published (Clopper and Pearson, 95 %).
const ONE_OF_ONE: (f64, f64) = (2.5, 100.0);
const NONE_OF_ONE: (f64, f64) = (0.0, 97.5);
const ONE_OF_TWO: (f64, f64) = (1.3, 98.7);
const TWO_OF_TWO: (f64, f64) = (15.8, 100.0);
const NONE_OF_TWO: (f64, f64) = (0.0, 84.2);
const TWO_OF_FOUR: (f64, f64) = (6.8, 93.2);
const SIX_OF_SIX: (f64, f64) = (54.1, 100.0);
const NONE_OF_SIX: (f64, f64) = (0.0, 45.9);
const ALL_OF_TWENTY: (f64, f64) = (83.2, 100.0);
const NONE_OF_TWENTY: (f64, f64) = (0.0, 16.8);

const PROVIDER: &[Actor] = &[Actor::Provider];
/// What nobody who had only a web server and a log could rule out.
const UNPROVEN: &[Doubt] = &[
    Doubt::ControlSilent,
    Doubt::ExposureUnconfirmed,
    Doubt::NotDelivered,
    Doubt::Unsealed,
];
const UNPROVEN_AND_FEW: &[Doubt] = &[
    Doubt::ControlSilent,
    Doubt::ExposureUnconfirmed,
    Doubt::NotDelivered,
    Doubt::TooFewTrials,
    Doubt::Unsealed,
];

fn musts() -> Vec<Must> {
    let mut all = skype_in_2013();
    all.extend(fifty_services());
    all.extend(providers());
    all.extend(clients());
    all.extend(bystanders());
    all
}

fn skype_in_2013() -> Vec<Must> {
    use Constancy::Unsettled;
    use Depth::Probed;
    let once = |must: Must| must.observed(Probed, Unsettled).by(PROVIDER);
    let heise = of("heise-2013", "");
    let heise_then = of("heise-2013", "as-it-was");
    let schemes = of("ars-2013", "by-scheme");
    let ars_then = of("ars-2013", "as-it-was");
    let guan = of("guan-2013", "").at(Arm::Sent, Form::NotFound);
    let guan_then = of("guan-2013", "as-it-was").at(Arm::Sent, Form::NotFound);
    vec![
        once(heise.clone().at(Arm::Sent, Form::Https)).counted((2, 2), TWO_OF_TWO),
        heise
            .counted((0, 2), NONE_OF_TWO)
            .doubted(&[Doubt::TooFewTrials]),
        heise_then
            .clone()
            .at(Arm::Sent, Form::Https)
            .counted((2, 2), TWO_OF_TWO)
            .by(PROVIDER)
            .doubted(UNPROVEN),
        heise_then
            .counted((0, 2), NONE_OF_TWO)
            .doubted(UNPROVEN_AND_FEW),
        once(of("ars-2013", "")).counted((2, 4), TWO_OF_FOUR),
        once(schemes.clone().at(Arm::Sent, Form::Https)).counted((1, 2), ONE_OF_TWO),
        once(schemes).counted((1, 2), ONE_OF_TWO),
        ars_then
            .clone()
            .at(Arm::Sent, Form::Https)
            .counted((1, 2), ONE_OF_TWO)
            .by(PROVIDER)
            .doubted(UNPROVEN),
        ars_then
            .counted((1, 2), ONE_OF_TWO)
            .by(PROVIDER)
            .doubted(UNPROVEN),
        once(guan).counted((1, 1), ONE_OF_ONE),
        guan_then
            .counted((1, 1), ONE_OF_ONE)
            .by(PROVIDER)
            .doubted(UNPROVEN),
    ]
}

/// Five fetched, one asked only what it may do, and of forty-four nothing can be said.
fn fifty_services() -> Vec<Must> {
    let htb = of("htb-2013", "").at(Arm::Sent, Form::RobotsDenied);
    let came = HTB_CAME.map(|(name, _, _)| {
        let depth = match name {
            "twitter" => Depth::Connected,
            _ => Depth::Read,
        };
        let once = htb
            .clone()
            .in_variant(name)
            .observed(depth, Constancy::Unsettled);
        once.counted((1, 1), ONE_OF_ONE).by(PROVIDER)
    });
    let variants = world("htb-2013", "")
        .judged()
        .0
        .manifest()
        .unwrap()
        .variants
        .clone();
    let silent = variants.into_iter().skip(came.len()).map(|variant| {
        let name = String::leak(variant.name);
        let silent = htb.clone().in_variant(name).counted((0, 1), NONE_OF_ONE);
        silent.doubted(&[Doubt::TooFewTrials])
    });
    let all: Vec<Must> = came.into_iter().chain(silent).collect();
    assert_eq!(all.len(), 50);
    all
}

fn providers() -> Vec<Must> {
    use Constancy::Repeatable;
    use Depth::{Executed, Loaded, Read};
    let six = |must: Must| must.counted((6, 6), SIX_OF_SIX).by(PROVIDER);
    let none = |must: Must| must.not_observed().counted((0, 6), NONE_OF_SIX);
    let mysk = of("mysk-2020-ig", "");
    let skype = of("skype-web-recv", "");
    let telegram = of("telegram-type", "");
    let (off, on) = (
        of("matrix-optin", "").in_variant("previews-off"),
        of("matrix-optin", "").in_variant("previews-on"),
    );
    let received = |must: &Must| must.clone().at(Arm::Received, Form::Http);
    vec![
        six(mysk.clone().at(Arm::Sent, Form::Large)).observed(Read, Repeatable),
        six(mysk.at(Arm::Sent, Form::Script)).observed(Executed, Repeatable),
        of("meta-eu-2021", "before")
            .counted((20, 20), ALL_OF_TWENTY)
            .observed(Loaded, Repeatable)
            .by(PROVIDER),
        of("meta-eu-2021", "after")
            .counted((0, 20), NONE_OF_TWENTY)
            .not_observed(),
        six(received(&skype)).observed(Read, Repeatable),
        none(skype).elsewhere(6),
        six(telegram.clone().at(Arm::Drafted, Form::Http)).observed(Read, Repeatable),
        six(telegram.clone().at(Arm::Pasted, Form::Http)).observed(Read, Repeatable),
        none(telegram).elsewhere(6),
        six(of("lounge-spoof", "")).observed(Read, Repeatable),
        six(of("line-e2ee", "")).observed(Read, Repeatable),
        none(received(&off)),
        none(off),
        six(received(&on)).observed(Read, Repeatable),
        none(on).elsewhere(6),
        six(of("teams-rescan", "")).observed(Read, Repeatable),
        six(of("teams-rescan", "listened-half-a-day"))
            .observed(Read, Repeatable)
            .late(6),
    ]
}

/// Previews that a client of our own made: the provider was not seen.
fn clients() -> Vec<Must> {
    let drafted = |must: &Must| must.clone().at(Arm::Drafted, must.form);
    let own = |must: Must| must.not_observed().counted((0, 6), NONE_OF_SIX);
    let mut all = Vec::new();
    for (case, form) in [
        ("wa-phone", Form::Http),
        ("signal-desktop", Form::Https),
        ("imessage-spoof", Form::Http),
    ] {
        let sent = own(of(case, "").at(Arm::Sent, form));
        all.push(drafted(&sent).by(&[Actor::Sender]));
        all.push(sent);
    }
    // A phone that nobody registered is somebody, and not Meta for saying `WhatsApp`.
    let stranger = of("wa-phone", "unregistered");
    let seen = drafted(&stranger).observed(Depth::Read, Constancy::Repeatable);
    all.push(seen.counted((6, 6), SIX_OF_SIX).by(&[Actor::Unknown]));
    all.push(own(stranger).elsewhere(6));
    all
}

/// Others than the provider, and a collector that was not there.
fn bystanders() -> Vec<Must> {
    const BOTH: &[Actor] = &[Actor::Provider, Actor::Unknown];
    const STRANGER: &[Actor] = &[Actor::Unknown];
    const SCANNER: &[Actor] = &[Actor::Provider, Actor::ThirdParty, Actor::Unknown];
    const NOISE: &[Doubt] = &[Doubt::NoiseInControl];
    let both = |must: Must| {
        let seen = must.observed(Depth::Read, Constancy::Repeatable);
        seen.counted((6, 6), SIX_OF_SIX).by(BOTH)
    };
    let none = |must: Must| must.counted((0, 6), NONE_OF_SIX);
    let everywhere = of("ct-bots", "a-certificate-each").by(&[Actor::Background]);
    vec![
        both(of("mastodon-fanout", "")),
        both(of("scanner-secondary", "")).by(SCANNER),
        none(of("talktalk", "")).not_observed(),
        none(of("dns-zombie", ""))
            .late(6)
            .by(STRANGER)
            .doubted(NOISE),
        none(of("ct-bots", "")).not_observed(),
        none(everywhere).doubted(NOISE),
        none(of("collector-down", "")).doubted(&[Doubt::ControlSilent]),
    ]
}

#[test]
fn what_is_published_is_concluded() {
    let musts = musts();
    for world in WORLDS {
        let (_, judged) = world.judged();
        let of_world = |must: &&Must| must.case == world.case && must.run == world.run;
        let mut concluded = 0;
        for must in musts.iter().filter(of_world) {
            let cell = judged.cells.iter().find(|cell| must.is_about(cell));
            must.holds(cell.unwrap_or_else(|| panic!("{}: no such cell", world.name())));
            concluded += 1;
        }
        let shown = judged.cells.iter().filter(|cell| cell.arm.is_shown());
        assert_eq!(
            concluded,
            shown.count(),
            "{}: a conclusion for every cell",
            world.name()
        );
    }
}

/// Where nothing of ours was done wrong, nothing of ours is doubted: every control was heard, and no `unsent` link visited.
#[test]
fn controls_are_as_they_must_be() {
    let broken = ["as-it-was", "a-certificate-each"];
    let sound = |world: &&World| !broken.contains(&world.run) && world.case != "collector-down";
    for world in WORLDS.iter().filter(sound) {
        for cell in world.judged().1.cells {
            match cell.arm {
                Arm::Reached => assert_eq!(cell.hits, cell.planned, "{}", world.name()),
                Arm::Unsent => assert_eq!(cell.hits, 0, "{}", world.name()),
                _ => {}
            }
        }
    }
}

fn cell(case: &str, run: &str, arm: Arm, form: Form) -> Cell {
    let cells = world(case, run).judged().1.cells;
    let found = cells
        .into_iter()
        .find(|cell| (cell.arm, cell.form) == (arm, form));
    found.unwrap()
}

/// Nobody took a byte, so nobody fetched the content: neither a cell nor a word of the report says so.
#[test]
fn whoever_only_asks_for_the_head_has_not_fetched_the_content() {
    for world in WORLDS
        .iter()
        .filter(|world| ["heise-2013", "ars-2013", "guan-2013"].contains(&world.case))
    {
        let (evidence, judged) = world.judged();
        let view = View::new(&evidence, &judged.cells, &judged.observations).unwrap();
        let text = terminal(&view, false);
        assert!(!text.contains("fetched the content"), "{text}");
        let strangers = judged
            .observations
            .iter()
            .filter(|seen| !seen.actor.is_own());
        for seen in strangers {
            assert_eq!(
                (seen.depth, seen.bytes),
                (Depth::Probed, 0),
                "{}",
                world.name()
            );
        }
    }
    let text = fs::read_to_string(world("ars-2013", "").folder().join("verdict.txt")).unwrap();
    assert!(
        text.contains("touched the link       2/4  (6.8 to 93.2 %)"),
        "{text}"
    );
}

/// Two of two against none of two is no difference.
#[test]
fn heise_does_not_tell_the_schemes_apart() {
    let https = cell("heise-2013", "", Arm::Sent, Form::Https).interval;
    let http = cell("heise-2013", "", Arm::Sent, Form::Http).interval;
    assert!(https.low < http.high, "{https:?} {http:?}");
}

#[test]
fn what_was_too_little_says_how_much_more_it_takes() {
    let advice = |case, form| cell(case, "", Arm::Sent, form).advice;
    let settles = |case, form| advice(case, form).map(|advice| (advice.trials, advice.settles));
    let constancy = |trials| Some((trials, Settles::Constancy));
    assert_eq!(settles("guan-2013", Form::NotFound), constancy(5));
    assert_eq!(settles("heise-2013", Form::Https), constancy(4));
    let absence = Some((1, Settles::Absence));
    assert_eq!(settles("heise-2013", Form::Http), absence);
    // Every second one: more of the same never shows on which side of one half it lies.
    assert_eq!(settles("ars-2013", Form::Http), None);
}

/// Not one of the silent forty-four is called clean, in any form.
#[test]
fn one_trial_makes_nobody_clean() {
    let (evidence, judged) = world("htb-2013", "").judged();
    let sent = judged.cells.iter().filter(|cell| cell.arm == Arm::Sent);
    assert!(
        sent.clone()
            .all(|cell| cell.verdict != Verdict::NotObserved)
    );
    let silent = sent.filter(|cell| cell.hits == 0).count();
    assert_eq!(silent, 44);
    let text = terminal(
        &View::new(&evidence, &judged.cells, &judged.observations).unwrap(),
        false,
    );
    let rows = text
        .lines()
        .filter(|line| line.contains("sent      robots-denied"));
    let bounded = rows.filter(|row| row.contains("inconclusive           0/1  (at most 97.5 %)"));
    assert_eq!(bounded.count(), 44);
}

/// The whole of what was offered was taken, and the script ran.
#[test]
fn instagram_took_all_there_was() {
    let large = cell("mysk-2020-ig", "", Arm::Sent, Form::Large);
    assert_eq!(large.actors[0].whole, Some(true));
    assert_eq!(large.actors[0].bytes, waxseal::canary::LARGE_BYTES);
}

/// A second wave nearly two days later is seen as one, by another agent.
#[test]
fn teams_came_twice() {
    let teams = cell("teams-rescan", "", Arm::Sent, Form::Http);
    assert_eq!(
        (teams.actors[0].hits, teams.actors[0].agents.len()),
        (12, 2)
    );
    let waves: HashSet<u64> = world("teams-rescan", "")
        .judged()
        .1
        .observations
        .iter()
        .filter(|seen| seen.actor == Actor::Provider)
        .map(|seen| seen.delay.unwrap().as_secs() / 3600)
        .collect();
    assert_eq!(waves, HashSet::from([0, 47]));
}

/// Each instance is told from the others, and only the one that we post on is the provider.
#[test]
fn instances_are_told_apart() {
    let seen = cell("mastodon-fanout", "", Arm::Sent, Form::Http);
    let addresses: Vec<usize> = seen.actors.iter().map(|one| one.peers.len()).collect();
    assert_eq!(addresses, [1, 5]);
}

/// A scanner that the provider asked is not the provider, and takes nothing of its depth, hits or time.
#[test]
fn a_scanner_is_kept_apart_from_who_asked_it() {
    let seen = cell("scanner-secondary", "", Arm::Sent, Form::Http);
    let of = |actor| seen.actors.iter().find(|one| one.actor == actor).unwrap();
    let hits = [Actor::Provider, Actor::ThirdParty, Actor::Unknown].map(|actor| of(actor).hits);
    assert_eq!(
        hits,
        [6, 6, 6],
        "the scanner is known, and who reads its results is not"
    );
    assert_eq!(seen.first_delay.unwrap().as_secs(), 2);
}

/// The link that only we opened had the follower, and the one that was sent had none.
#[test]
fn a_carrier_follows_our_browser_and_not_the_messenger() {
    assert_eq!(cell("talktalk", "", Arm::Visited, Form::Http).hits, 6);
    for case in ["talktalk", "dns-zombie", "ct-bots"] {
        for cell in world(case, "").judged().1.cells {
            let provider = cell.actors.iter().any(|one| one.actor == Actor::Provider);
            assert!(!provider, "{case}: nothing is laid at the provider's door");
        }
    }
}

/// A run whose collector was deaf says nothing, of anything.
#[test]
fn a_deaf_collector_proves_no_absence() {
    for cell in world("collector-down", "").judged().1.cells {
        assert_eq!(
            cell.verdict,
            Verdict::Inconclusive,
            "{} {}",
            cell.arm,
            cell.form
        );
    }
}

/// What is known, what is assumed, and what follows, for a reader without code.
#[test]
fn every_case_says_what_it_assumes() {
    let cases: HashSet<&str> = WORLDS.iter().map(|world| world.case).collect();
    assert_eq!(cases.len(), 21);
    for case in &cases {
        let path = in_repository("tests/evidence").join(case).join("README.md");
        let text = fs::read_to_string(&path).unwrap_or_default();
        for part in ["# ", "Source: ", "Seen: ", "Assumed: ", "To conclude: "] {
            assert!(
                text.lines().any(|line| line.starts_with(part)),
                "{}: `{part}`",
                path.display()
            );
        }
    }
    let there = fs::read_dir(in_repository("tests/evidence")).unwrap();
    let there = there
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    assert_eq!(there.count(), cases.len(), "no folder without its case");
}
