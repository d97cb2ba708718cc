//! The instrument's own error; and that its figures are bad where the instrument is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::process::Command;
use std::sync::LazyLock;

use common::evidence::{Run, Visit};
use common::golden::assert_golden;
use serde_json::Value;
use waxseal::audit::calibrate::{Simulated, Tally, Worlds, held};
use waxseal::model::{
    Actor, Arm, Calibration, Cell, Depth, Door, Doubt, Evidence, Flaw, HitKind, Interval, Measure,
    Record, Rehearsed, Share, Verdict,
};
use waxseal::report::{calibration, json};
use waxseal::verdict::judge;

/// As many worlds as show what a wrong judge does.
const FEW: u64 = 1200;

fn judged(evidence: &Evidence) -> Vec<Cell> {
    judge(evidence).unwrap().cells
}

/// The worlds, and what our judge says of each: found out once, for all the judges who are not ours.
static WORLDS: LazyLock<Vec<(Simulated, Vec<Cell>)>> = LazyLock::new(|| {
    let worlds = Worlds::new().unwrap();
    let known = |seed| {
        let world = worlds.play(seed).unwrap();
        let ours = judged(&world.evidence);
        (world, ours)
    };
    (0..FEW).map(known).collect()
});

/// What a judge comes to, who knows a world and what ours said of it.
fn tallied(judge_by: impl Fn(&Simulated, &[Cell]) -> Vec<Cell>) -> Calibration {
    let mut tally = Tally::default();
    for (seed, (world, ours)) in (0..).zip(WORLDS.iter()) {
        let cells = judge_by(world, ours);
        tally.take(seed, &world.truths, &cells, world.topped_up);
    }
    tally.close(0)
}

/// What a judge comes to who is not ours.
fn by(judge_by: impl Fn(&Evidence) -> Vec<Cell>) -> Calibration {
    tallied(|world, _| judge_by(&world.evidence))
}

fn share(found: &Calibration, measure: Measure) -> Share {
    *found.share(measure).unwrap()
}

/// Ours, told about every record but some.
fn without(unwanted: impl Fn(&Record) -> bool) -> Calibration {
    by(|evidence| {
        let mut evidence = evidence.clone();
        evidence.entries.retain(|entry| !unwanted(&entry.record));
        judged(&evidence)
    })
}

/// Ours, and each cell changed afterwards.
fn changed(change: impl Fn(&mut Cell)) -> Calibration {
    tallied(|_, ours| {
        let mut cells = ours.to_vec();
        cells.iter_mut().for_each(&change);
        cells
    })
}

#[test]
fn simulated_worlds_are_judged_right() {
    let found = Worlds::new()
        .unwrap()
        .simulate(1, 2000, || {})
        .unwrap()
        .close(1);
    assert!(found.is_right(), "{found:#?}");
    assert_eq!(found.worlds, 2000);
    for measure in Measure::ALL {
        assert!(
            share(&found, *measure).of > 200,
            "{measure} is hardly ever asked for"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_figures_on_any_machine() {
    let worlds = Worlds::new().unwrap();
    let alone = worlds
        .tally(7..107, |evidence| Ok(judged(evidence)), || {})
        .unwrap();
    assert_eq!(worlds.simulate(7, 100, || {}).unwrap(), alone);
}

/// Somebody who takes every silence for innocence is found out by each thing that can be broken.
#[test]
fn a_judge_without_doubts_is_found_out_by_every_flaw() {
    let found = changed(|cell| {
        if cell.verdict == Verdict::Inconclusive && cell.hits + cell.late == 0 {
            cell.verdict = Verdict::NotObserved;
        }
    });
    assert!(share(&found, Measure::FalseClean).share() > 0.2 && !found.is_right());
    for flaw in Flaw::ALL {
        let row = found.flaws.iter().find(|row| row.truth == *flaw);
        assert!(
            row.is_some_and(|row| row.not_observed > 0),
            "no world is broken by {flaw}"
        );
    }
}

/// A doubt that the judge forgets is missed.
#[test]
fn a_judge_without_one_of_the_doubts_is_found_out() {
    for forgotten in [
        Doubt::ControlSilent,
        Doubt::CoverageGap,
        Doubt::ClockSkew,
        Doubt::WindowOpen,
        Doubt::Unsealed,
        Doubt::NotDelivered,
        Doubt::LinkRewritten,
        Doubt::HelloOnly,
        Doubt::TooFewTrials,
    ] {
        let found = changed(|cell| {
            if cell.doubts == [forgotten] && cell.hits + cell.late == 0 {
                cell.verdict = Verdict::NotObserved;
            }
        });
        assert!(
            share(&found, Measure::FalseClean).count > 0,
            "without {forgotten} all is well"
        );
    }
}

/// Evidence in which something bad is missing makes the same judge wrong.
#[test]
fn a_judge_who_is_not_told_everything_is_found_out() {
    let unheard = |found: &Calibration| share(found, Measure::FalseClean).count;
    assert!(unheard(&without(|record| matches!(record, Record::Gap(_)))) > 0);
    assert!(
        unheard(&without(|record| matches!(
            record,
            Record::Failure(_) | Record::Arrival(_)
        ))) > 0
    );
    let hearsay = |record: &Record| match record {
        Record::Hit(hit) => !hit.hearsay().is_empty(),
        _ => false,
    };
    assert!(unheard(&without(hearsay)) > 0);
    let hello = |record: &Record| matches!(record, Record::Hit(hit) if matches!(hit.kind, HitKind::Hello(_)));
    assert!(unheard(&without(hello)) > 0);
    let looked_up =
        |record: &Record| matches!(record, Record::Hit(hit) if matches!(hit.kind, HitKind::Dns(_)));
    let deaf = without(looked_up);
    assert!(
        share(&deaf, Measure::Undecided).count > 0,
        "a zone without look-ups has dead controls"
    );
}

/// Whoever comes in by our own doors is one of ours, and a stranger is not the provider.
#[test]
fn a_judge_who_takes_others_for_the_provider_is_found_out() {
    let doors = by(|evidence| {
        let mut evidence = evidence.clone();
        for entry in &mut evidence.entries {
            if let Record::Hit(hit) = &mut entry.record {
                hit.door = Door::Public;
            }
        }
        judged(&evidence)
    });
    assert!(share(&doors, Measure::Undecided).count > 0);
    let strangers = changed(|cell| {
        for summary in &mut cell.actors {
            summary.actor = Actor::Provider;
        }
    });
    assert!(share(&strangers, Measure::FalseFetched).count > 0);
    let sure = changed(|cell| {
        if cell.hits > 0 && cell.arm != Arm::Reached {
            cell.verdict = Verdict::Observed;
        }
    });
    assert!(share(&sure, Measure::NoiseObserved).count > 20);
}

/// The usual interval for a share, which is known to miss more often than it says.
#[test]
fn intervals_that_are_too_narrow_are_found_out() {
    let wald = changed(|cell| {
        let (n, k) = (f64::from(cell.trials.max(1)), f64::from(cell.hits));
        let half = 1.96 * (k / n * (1.0 - k / n) / n).sqrt();
        cell.interval = Interval {
            low: k / n - half,
            high: k / n + half,
        };
    });
    for measure in [Measure::IntervalCoverage, Measure::ToppedUpCoverage] {
        assert!(share(&wald, measure).share() < 0.95 && measure.is_wrong(&share(&wald, measure)));
    }
}

/// A run of the lab scenario's kind, whose claims are what is true of a provider that reads what is sent.
fn of_a_reader() -> Run {
    let mut run = Run::quiet(3);
    for (nth, trial) in run.of(Arm::Sent).into_iter().enumerate() {
        run.visit(trial, Visit::provider(10.7 + nth as f64));
    }
    run.expect(
        Arm::Sent,
        Verdict::Observed,
        Some(Depth::Read),
        Some(vec![Actor::Provider]),
    );
    run.expect(Arm::Drafted, Verdict::NotObserved, None, Some(vec![]));
    run
}

fn persona(run: &Run) -> Rehearsed {
    let evidence = run.evidence();
    held(&evidence, &judged(&evidence)).remove(0)
}

#[test]
fn a_persona_is_right_when_all_that_is_said_is_true() {
    let right = persona(&of_a_reader());
    let truth = "sent/http observed, read by provider; drafted/http not-observed by nobody";
    assert_eq!(
        (right.expected.as_str(), right.verdict.as_str()),
        (truth, truth)
    );
    assert!(right.right);
}

#[test]
fn a_persona_is_wrong_when_anything_else_is_said() {
    let mut run = of_a_reader();
    let drafted = run.of(Arm::Drafted)[0];
    run.visit(drafted, Visit::new(12.0));
    run.gap();
    let wrong = persona(&run);
    assert!(!wrong.right);
    assert_eq!(
        wrong.verdict,
        "sent/http observed, read by provider (coverage-gap); drafted/http observed by unknown (coverage-gap)"
    );
    assert!(
        !persona(&Run::quiet(3)).right,
        "nothing is claimed, so nothing is shown"
    );
}

/// Some of everything, and one that is wrong.
fn with_personas() -> Calibration {
    let mut found = Worlds::new()
        .unwrap()
        .simulate(1, 200, || {})
        .unwrap()
        .close(1);
    found.personas = vec![persona(&of_a_reader())];
    found
}

#[test]
fn a_calibration_is_shown_like_a_run() {
    let mut found = with_personas();
    let text = calibration(&found, false);
    assert!(text.contains("PASS  false-clean"), "{text}");
    assert!(text.contains("1 of 1 personas judged right"), "{text}");
    assert!(calibration(&found, true).contains('\u{1b}'));
    found.personas[0].right = false;
    found.personas[0].name = "\u{1b}[2Jnobody".into();
    let text = calibration(&found, false);
    assert!(text.contains("truly: sent/http observed"), "{text}");
    assert!(!text.contains('\u{1b}') && !found.is_right(), "{text}");
}

#[test]
fn json_format_1_of_a_calibration_has_its_published_shape() {
    let schema = json::calibration_v1::json_schema();
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    assert_golden("scenarios/schema/calibration.v1.json", &text);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let written = json::calibration_1(&with_personas()).unwrap();
    let report: Value = serde_json::from_str(&written).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, [""; 0]);
    assert_eq!(
        (&report["worlds"], &report["false_clean"]),
        (&200.into(), &0.0.into())
    );
    assert_eq!(report["personas"][0]["right"], true);
}

#[test]
fn the_verb_prints_its_figures_and_ends_well_when_nothing_is_wrong() {
    let run = |more: &[&str]| {
        let mut waxseal = Command::new(env!("CARGO_BIN_EXE_waxseal"));
        waxseal
            .args(["calibrate", "--worlds", "300", "--no-browser"])
            .args(more)
            .output()
            .unwrap()
    };
    let shown = run(&[]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(0), "{text}");
    assert!(
        text.contains("300 worlds   seed 1") && text.contains("within their limits"),
        "{text}"
    );
    assert_eq!(
        String::from_utf8(shown.stderr).unwrap(),
        "simulating 300 worlds\n"
    );
    let report = run(&["--quiet", "--report", "json=-", "--seed", "9"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(
        (&report["seed"], &report["right"]),
        (&9.into(), &true.into())
    );
    assert_eq!(
        run(&["--report", "json=/nowhere/at/all"]).status.code(),
        Some(2)
    );
}
