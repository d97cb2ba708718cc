//! What holds of every judgement, whatever the world: over worlds that are made up, each with its records.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::SignedDuration;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;
use waxseal::audit::calibrate::{Simulated, Worlds};
use waxseal::diagnostic::Source;
use waxseal::model::{
    Answer, Arm, Bytes, Cell, Door, Endings, Entry, Evidence, Gap, Hit, HitKind, Part, Phase,
    Place, Recognition, Record, Request, RunEnd, Timestamp, TokenId, Trial, TrialId, Verdict, Via,
};
use waxseal::plan::plan;
use waxseal::scenario::parse;
use waxseal::verdict::judge;

/// An address in the network that made-up worlds know the provider by.
const PROVIDER: &str = "198.51.100.99:4000";
const STRANGER: &str = "192.0.2.99:4000";

fn world(seed: u64) -> Simulated {
    Worlds::new().unwrap().play(seed).unwrap()
}

fn cells(evidence: &Evidence) -> Vec<Cell> {
    judge(evidence).unwrap().cells
}

fn trials(evidence: &Evidence) -> &[Trial] {
    &evidence.manifest().unwrap().trials
}

/// Somebody who takes the page behind a trial's link.
fn visit(evidence: &mut Evidence, trial: TrialId, at: Timestamp, peer: &str) {
    let planned = trials(evidence).iter().find(|one| one.id == trial).unwrap();
    let token = TokenId {
        run: evidence.run,
        trial,
        arm: planned.arm,
        form: planned.form,
        part: Part::Link,
    };
    let request = Request {
        method: "GET".into(),
        target: Bytes::default(),
        version: "HTTP/1.1".into(),
        tls: false,
        opening: None,
        forwarded: None,
        headers: Vec::new(),
    };
    let hit = Record::Hit(Hit {
        received: at,
        door: Door::Public,
        peer: peer.parse().unwrap(),
        kind: HitKind::Http(request),
        recognition: Recognition::intact(Place::Path, &[token]),
    });
    let seq = evidence.entries.last().unwrap().seq + 1;
    let answer = Answer {
        hit: seq,
        at,
        status: Some(200),
        body_bytes: 900,
        of: Some(900),
    };
    let endings = Record::Endings(Endings {
        answers: vec![answer],
        handshakes: Vec::new(),
    });
    evidence.entries.push(Entry { seq, record: hit });
    evidence.entries.push(Entry {
        seq: seq + 1,
        record: endings,
    });
}

/// The end of the step that puts a cell's links where its arm wants them, for each of its trials.
fn exposed(evidence: &Evidence, cell: &Cell) -> Vec<(TrialId, Timestamp)> {
    let of_cell = |id: TrialId| {
        let mut all = trials(evidence).iter();
        all.any(|trial| {
            trial.id == id
                && (trial.arm, trial.form, trial.doorway)
                    == (cell.arm, cell.form, Some(cell.doorway))
        })
    };
    let exposures = evidence
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Exposure(exposure) => Some(exposure),
            _ => None,
        });
    let own = exposures.filter(|one| Some(one.phase) == cell.arm.exposing() && of_cell(one.trial));
    own.map(|one| (one.trial, one.to.unwrap_or(one.from)))
        .collect()
}

fn verdict_on(cells: &[Cell], like: &Cell) -> Verdict {
    let spot = |cell: &Cell| (cell.arm, cell.form, cell.doorway);
    cells
        .iter()
        .find(|cell| spot(cell) == spot(like))
        .unwrap()
        .verdict
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judging_does_not_depend_on_the_order_of_records(seed: u64, order: u64) {
        let evidence = world(seed).evidence;
        let mut shuffled = evidence.clone();
        shuffled.entries.shuffle(&mut ChaCha12Rng::seed_from_u64(order));
        prop_assert_eq!(judge(&shuffled), judge(&evidence));
    }

    #[test]
    fn judging_twice_gives_the_same(seed: u64) {
        let (one, other) = (world(seed), world(seed));
        prop_assert_eq!(&one.evidence, &other.evidence);
        prop_assert_eq!(judge(&one.evidence), judge(&other.evidence));
    }

    /// Where it came, and where it did not: a visit is never taken for silence.
    #[test]
    fn one_more_visit_of_the_provider_makes_nothing_less_observed(seed: u64, which: prop::sample::Index, after in 0_i64..30_000) {
        let evidence = world(seed).evidence;
        for cell in cells(&evidence).into_iter().filter(|cell| cell.arm.is_shown()) {
            let out = exposed(&evidence, &cell);
            if out.is_empty() {
                continue;
            }
            let (trial, since) = out[which.index(out.len())];
            let mut visited = evidence.clone();
            let at = since.checked_add(SignedDuration::from_millis(after)).unwrap();
            visit(&mut visited, trial, at, PROVIDER);
            let verdict = verdict_on(&cells(&visited), &cell);
            if cell.verdict == Verdict::Observed {
                prop_assert_eq!(verdict, Verdict::Observed);
            }
            if cell.arm.exposing() == Some(Phase::Follow) {
                // Nothing comes after this phase, so the visit is in it.
                prop_assert_ne!(verdict, Verdict::NotObserved);
            }
        }
    }

    #[test]
    fn a_failed_control_leaves_no_silence(seed: u64, which: prop::sample::Index) {
        let mut evidence = world(seed).evidence;
        let ours: Vec<TrialId> = trials(&evidence)
            .iter()
            .filter(|trial| trial.via == Some(Via::Auditor))
            .map(|trial| trial.id)
            .collect();
        let probed: Vec<TrialId> = evidence.entries.iter().filter_map(|entry| match &entry.record {
            Record::Probe(probe) if ours.contains(&probe.trial) => Some(probe.trial),
            _ => None,
        }).collect();
        prop_assume!(!probed.is_empty());
        let failed = probed[which.index(probed.len())];
        evidence.entries.retain(|entry| match &entry.record {
            Record::Hit(hit) => hit.tokens().iter().all(|token| token.trial != failed),
            _ => true,
        });
        for cell in cells(&evidence).iter().filter(|cell| cell.arm != Arm::Reached) {
            prop_assert_ne!(cell.verdict, Verdict::NotObserved, "{:?}", cell);
        }
    }

    #[test]
    fn who_visits_what_nobody_was_shown_makes_everything_doubtful(seed: u64, which: prop::sample::Index, after in 0_i64..60_000) {
        let mut evidence = world(seed).evidence;
        let unsent: Vec<TrialId> = trials(&evidence)
            .iter()
            .filter(|trial| trial.arm == Arm::Unsent)
            .map(|trial| trial.id)
            .collect();
        prop_assume!(!unsent.is_empty());
        let started = evidence.manifest().unwrap().started;
        let at = started.checked_add(SignedDuration::from_millis(after)).unwrap();
        let visited = unsent[which.index(unsent.len())];
        visit(&mut evidence, visited, at, STRANGER);
        for cell in cells(&evidence).iter().filter(|cell| cell.arm != Arm::Reached) {
            prop_assert_eq!(cell.verdict, Verdict::Inconclusive, "{:?}", cell);
        }
    }

    /// Wherever it is killed, and whatever becomes of it then: as it is, ended as it is, or taken up again after nobody
    /// listened for a while.
    #[test]
    fn a_run_that_was_killed_is_silent_about_nothing(seed: u64, at: prop::sample::Index) {
        let evidence = world(seed).evidence;
        // The manifest is the first record.
        let length = 1 + at.index(evidence.entries.len());
        let mut killed = evidence.clone();
        killed.entries.truncate(length);
        if killed.is_over() {
            return Ok(());
        }
        let since = killed.latest().unwrap();
        let now = since.checked_add(SignedDuration::from_secs(10)).unwrap();
        let gap = Record::Gap(Gap { from: since, to: now, missed: 0, reason: "killed".into() });
        let end = Record::End(RunEnd { at: now, interrupted: true, clock_drift_ms: 0 });
        let mut ended = killed.clone();
        ended.entries.extend([gap.clone(), end].map(|record| Entry { seq: u64::MAX, record }));
        let mut taken_up = evidence.clone();
        taken_up.entries.insert(length, Entry { seq: u64::MAX, record: gap });
        for after in [&killed, &ended, &taken_up] {
            for cell in cells(after).iter().filter(|cell| cell.arm != Arm::Reached) {
                prop_assert_ne!(cell.verdict, Verdict::NotObserved, "{:?}", cell);
            }
        }
    }

    #[test]
    fn every_interval_holds_what_was_seen(seed: u64) {
        for cell in cells(&world(seed).evidence) {
            let (low, high) = (cell.interval.low, cell.interval.high);
            prop_assert!(0.0 <= low && low <= high && high <= 1.0);
            if cell.trials > 0 {
                let share = f64::from(cell.hits) / f64::from(cell.trials);
                prop_assert!((low..=high).contains(&share), "{:?}", cell);
            }
        }
    }

    #[test]
    fn hits_are_never_more_than_trials_nor_trials_than_planned(seed: u64) {
        for cell in cells(&world(seed).evidence) {
            prop_assert!(cell.hits <= cell.trials && cell.trials <= cell.planned, "{:?}", cell);
            prop_assert!(cell.verdict != Verdict::NotObserved || cell.doubts.is_empty(), "{:?}", cell);
        }
    }

    #[test]
    fn the_plan_is_a_function_of_scenario_and_seed(seed: u64, most in prop::option::of(1_u16..40)) {
        let (name, text) = ("thelounge.toml".to_owned(), include_str!("../scenarios/lab/thelounge.toml").to_owned());
        let scenario = parse(Source { name, text }).unwrap().0;
        let variants = ["prefetch-on", "prefetch-off"];
        let planned = plan(&scenario, variants, seed, most).unwrap();
        prop_assert_eq!(&plan(&scenario.clone(), variants, seed, most).unwrap(), &planned);
        let rounds: Vec<_> = planned.rounds().collect();
        let played: Vec<Trial> = rounds.iter().flat_map(|round| [round.opening, round.closing].concat()).collect();
        prop_assert_eq!(&played, &planned.trials, "every trial is in one round, in its place");
        prop_assert_eq!(planned.to_come(rounds[0]), &planned.trials[..]);
    }
}
