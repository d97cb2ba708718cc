//! What has changed, and what only looks so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Command;

use common::evidence::{Run, Visit, at};
use common::golden::{assert_golden, in_repository};
use common::summaries::{cell, doubted, key, reaches, run, way, with};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use waxseal::attribution::Catalogue;
use waxseal::history::{RATE, abridge, beside, compare, history, set};
use waxseal::model::{
    Account, Actor, Arm, Baselines, Behaviour, CellSummary, Change, ChangeKind, Client, Comparison,
    DataVersion, Depth, Doorway, Doubt, Form, History, Latency, Phase, Reason, Record, Side,
    Summary,
};
use waxseal::report::{comparison, history as shown, json, since_baseline};
use waxseal::store::{Store, read_evidence};
use waxseal::verdict::{RULES, judge};

fn told(before: &Summary, after: &Summary) -> Comparison {
    compare(before, after, RATE).unwrap()
}

/// The changes between two runs with one cell each.
fn changes(before: CellSummary, after: CellSummary) -> Vec<Change> {
    let told = told(&with(1, vec![before]), &with(2, vec![after]));
    told.changes().map(|(_, change)| change.clone()).collect()
}

fn kinds(before: CellSummary, after: CellSummary) -> Vec<ChangeKind> {
    let changes = changes(before, after);
    changes.iter().map(|change| change.kind).collect()
}

fn sent(hits: u32, trials: u32) -> CellSummary {
    cell(key(Arm::Sent, Form::Http), hits, trials)
}

fn as_far(depth: Depth, hits: u32, trials: u32) -> CellSummary {
    CellSummary {
        depth: Some(depth),
        reaches: reaches(&[(depth, hits)]),
        ..sent(hits, trials)
    }
}

#[test]
fn a_difference_that_chance_does_not_explain_is_told() {
    use ChangeKind::{Appeared, Deeper, Disappeared, LessOften, MoreOften, Shallower};
    for (before, after, kinds_told) in [
        (sent(0, 4), sent(4, 4), vec![Appeared]),
        (sent(4, 4), sent(0, 4), vec![Disappeared]),
        (sent(0, 4), sent(3, 4), vec![]),
        (sent(0, 1), sent(1, 1), vec![]),
        (sent(2, 20), sent(18, 20), vec![MoreOften]),
        (sent(18, 20), sent(2, 20), vec![LessOften]),
        (
            as_far(Depth::Probed, 8, 8),
            as_far(Depth::Read, 8, 8),
            vec![Deeper],
        ),
        (
            as_far(Depth::Loaded, 8, 8),
            as_far(Depth::Read, 8, 8),
            vec![Shallower],
        ),
        (
            as_far(Depth::Probed, 1, 8),
            as_far(Depth::Read, 2, 8),
            vec![],
        ),
    ] {
        // Rarer ways of the same visitors are told by how often they come.
        let found = kinds(before.clone(), after.clone());
        assert_eq!(found, kinds_told, "{before:?} {after:?}");
    }
    let appeared = &changes(sent(0, 4), sent(4, 4))[0];
    assert!(
        (appeared.p - 0.028_571).abs() < 1e-5 && (appeared.adjusted - appeared.p).abs() < 1e-12
    );
    assert!(Appeared.is_regression() && Deeper.is_regression() && MoreOften.is_regression());
    assert!(
        ![Disappeared, LessOften, Shallower, ChangeKind::Behaviour]
            .iter()
            .any(|kind| kind.is_regression())
    );
}

/// With many questions that may have changed, four trials of one are not enough; eight are (design, section 6).
#[test]
fn the_more_is_asked_the_more_it_takes() {
    let forms = Form::ALL.iter().copied();
    let arms = [Arm::Sent, Arm::Received, Arm::Drafted];
    let keys: Vec<_> = forms
        .flat_map(|form| arms.map(|arm| key(arm, form)))
        .collect();
    assert!(keys.len() >= 50);
    for (trials, changed) in [(4, 0), (8, 1)] {
        // Every other question has sums with which it could have changed, and did not.
        let cells = |first: u32| {
            let cell = |(nth, key): (usize, &waxseal::model::CellKey)| match nth {
                0 => cell(key.clone(), first, trials),
                _ => cell(key.clone(), trials / 2, trials),
            };
            keys.iter().enumerate().map(cell).collect()
        };
        let told = told(&with(1, cells(0)), &with(2, cells(trials)));
        assert_eq!(told.changes().count(), changed, "{trials} trials");
    }
}

#[test]
fn another_way_of_coming_is_told_and_is_no_regression() {
    let ways = |ways: Vec<Behaviour>| CellSummary {
        behaviours: ways,
        ..sent(8, 8)
    };
    let get = || way("GET", "ExampleBot", 8);
    let before = || ways(vec![get()]);
    let other = |change: fn(&mut Behaviour)| {
        let mut way = get();
        change(&mut way);
        changes(before(), ways(vec![way]))
    };
    let found = other(|way| way.method = Some("HEAD".into()));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, ChangeKind::Behaviour);
    assert_eq!(found[0].came, [way("HEAD", "ExampleBot", 8)]);
    assert_eq!(found[0].went, [get()]);
    assert_eq!(
        other(|way| way.from = "address of AS64501 (Other)".into()).len(),
        1
    );
    assert_eq!(other(|way| way.agent = None).len(), 1);
    assert_eq!(other(|way| way.latency = Some(Latency::Hour)).len(), 1);
    // A machine that is a little late.
    assert_eq!(other(|way| way.latency = Some(Latency::TenSeconds)), []);
    // One visitor more may be anybody.
    let once = way("GET", "Somebody", 1);
    assert_eq!(changes(before(), ways(vec![get(), once])), []);
}

/// The only reason for which a cell was not compared.
fn reason(before: &Summary, after: &Summary) -> Reason {
    let told = told(before, after);
    assert_eq!(told.changes().count(), 0);
    assert!(!told.says_anything());
    match told.cells[0].reasons() {
        [reason] => reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_something_else_may_explain_is_not_compared_and_the_reason_is_told() {
    let before = with(1, vec![sent(0, 8)]);
    let other = |change: fn(&mut Summary)| {
        let mut after = with(2, vec![sent(8, 8)]);
        change(&mut after);
        reason(&before, &after).words()
    };
    for (words, change) in [
        (
            "judged by rules 1 before and 2 after",
            (|run| run.rules = 2) as fn(&mut Summary),
        ),
        (
            "made from a place that is not said before and from `eu` after",
            |run| {
                run.circumstances.region = Some("eu".into());
            },
        ),
        (
            "the client was a build that is not said before and build `4.6` after",
            |run| {
                run.variants[0].builds = vec!["4.6".into()];
            },
        ),
        ("phone was not said before and `eu` after", |run| {
            let covariates = &mut run.variants[0].covariates;
            covariates.insert("phone".into(), "eu".into());
        }),
        ("listened 30 s before and 10 s after", |run| {
            run.circumstances.window_ms = 10_000
        }),
        ("the run after has it with the other doors only", |run| {
            run.cells[0].key.doorway = Doorway::Open;
        }),
        ("the run after has no such cell", |run| run.cells.clear()),
        ("inconclusive after: control-silent", |run| {
            run.cells[0] = doubted(run.cells[0].clone(), Doubt::ControlSilent);
        }),
    ] {
        if words.ends_with("only") {
            // It is told from both sides.
            let mut after = with(2, vec![sent(8, 8)]);
            change(&mut after);
            let told = told(&before, &after);
            let reasons: Vec<_> = told
                .cells
                .iter()
                .map(|cell| cell.reasons()[0].clone())
                .collect();
            assert_eq!(
                reasons,
                [
                    Reason::Doors { side: Side::Before },
                    Reason::Doors { side: Side::After }
                ]
            );
            assert_eq!(reasons[1].words(), words);
            continue;
        }
        assert_eq!(other(change), words);
    }
    // Half as long again is not much.
    let mut after = with(2, vec![sent(8, 8)]);
    after.circumstances.window_ms = 45_000;
    assert!(told(&before, &after).is_regression());
}

#[test]
fn silence_that_could_not_be_measured_is_never_a_mend() {
    let before = with(1, vec![sent(8, 8)]);
    let after = with(2, vec![doubted(sent(0, 8), Doubt::CoverageGap)]);
    assert_eq!(
        reason(&before, &after).words(),
        "inconclusive after: coverage-gap"
    );
}

#[test]
fn other_data_matters_only_where_it_said_who_came_on_both_sides() {
    let by = |version: &str, hits| {
        let mut cell = sent(hits, 8);
        cell.data = vec![DataVersion {
            source: "asn.csv".into(),
            version: version.into(),
        }];
        cell
    };
    let before = with(1, vec![by("2026-01", 8)]);
    let words = reason(&before, &with(2, vec![by("2026-02", 8)])).words();
    assert_eq!(
        words,
        "who came was read from asn.csv of 2026-01 before and of 2026-02 after"
    );
    assert!(told(&with(1, vec![sent(0, 8)]), &with(2, vec![by("2026-02", 8)])).is_regression());
}

#[test]
fn runs_of_two_services_are_not_compared() {
    let other = Summary {
        service: "other".into(),
        ..run(2)
    };
    let refused = compare(&run(1), &other, RATE).unwrap_err();
    assert!(refused.to_string().contains("`example`") && refused.to_string().contains("`other`"));
    assert_eq!(history(&[run(1), other], RATE), None);
    assert_eq!(history(&[], RATE), None);
}

fn any_cell() -> impl Strategy<Value = CellSummary> {
    let arm = prop::sample::select(Arm::ALL);
    let form = prop::sample::select(Form::ALL);
    (arm, form, 0_u32..12, 0_u32..12, any::<bool>()).prop_map(
        |(arm, form, hits, trials, doubts)| {
            let told = cell(key(arm, form), hits.min(trials), trials);
            match doubts {
                true => doubted(told, Doubt::WindowOpen),
                false => told,
            }
        },
    )
}

fn any_run(nth: u32) -> impl Strategy<Value = Summary> {
    prop::collection::vec(any_cell(), 0..12).prop_map(move |mut cells| {
        cells.sort_by(|one, other| one.key.cmp(&other.key));
        cells.dedup_by(|one, other| one.key == other.key);
        with(nth, cells)
    })
}

proptest! {
    #[test]
    fn a_run_is_not_different_from_itself(run in any_run(1)) {
        prop_assert_eq!(told(&run, &run).changes().count(), 0);
    }

    #[test]
    fn what_got_worse_one_way_got_better_the_other_way(one in any_run(1), other in any_run(2)) {
        let (there, back) = (told(&one, &other), told(&other, &one));
        prop_assert_eq!(there.changes().count(), back.changes().count());
        for cell in &there.cells {
            let same = back.cells.iter().find(|same| same.key == cell.key).unwrap();
            prop_assert_eq!(cell.is_comparable(), same.is_comparable());
            let p = |cell: &waxseal::model::CellComparison| cell.p.unwrap_or(2.0);
            prop_assert!((p(cell) - p(same)).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_written_is_read_back(one in any_run(1), other in any_run(2)) {
        let read: Summary = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        prop_assert_eq!(&read, &one);
        let told = told(&one, &other);
        let read: Comparison = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
        prop_assert_eq!(read.cells.len(), told.cells.len());
        let all = history(&[one, other], RATE).unwrap();
        let read: History = serde_json::from_str(&serde_json::to_string(&all).unwrap()).unwrap();
        prop_assert_eq!(read, all);
    }
}

/// A question whose chance of a visit is one before a run and another from it on; now and then a run has a day on which
/// all of its trials have a visitor or none, and now and then nothing can be said.
struct World {
    chances: Vec<(f64, f64)>,
    from: usize,
    odd: f64,
}

impl World {
    fn history(&self, runs: usize, seed: u64) -> History {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let forms = Form::ALL.iter().copied();
        let keys: Vec<_> = forms.map(|form| key(Arm::Sent, form)).collect();
        // Made once: intervals take their time.
        let by_hits: Vec<CellSummary> = (0..=4).map(|hits| sent(hits, 4)).collect();
        let runs = (0..runs).map(|nth| {
            let cells = self
                .chances
                .iter()
                .zip(&keys)
                .map(|((before, after), key)| {
                    let usual = if nth < self.from { before } else { after };
                    let chance = match dice.random::<f64>() < self.odd {
                        true => f64::from(u8::from(dice.random::<bool>())),
                        false => *usual,
                    };
                    let hits = (0..4).filter(|_| dice.random::<f64>() < chance).count();
                    let told = CellSummary {
                        key: key.clone(),
                        ..by_hits[hits].clone()
                    };
                    match dice.random::<f64>() < 0.05 {
                        true => doubted(told, Doubt::SessionLost),
                        false => told,
                    }
                });
            with(u32::try_from(nth).unwrap(), cells.collect())
        });
        history(&runs.collect::<Vec<_>>(), RATE).unwrap()
    }
}

/// Never, now and then, every other time, nearly always, always: and odd days.
const STEADY: [f64; 8] = [0.0, 0.0, 0.02, 0.1, 0.5, 0.9, 1.0, 1.0];

#[test]
fn one_real_change_among_noise_is_found_at_its_run_and_nothing_else_is() {
    let mut chances: Vec<(f64, f64)> = STEADY.iter().map(|chance| (*chance, *chance)).collect();
    chances[2] = (0.02, 0.95);
    for seed in 0..20 {
        let world = World {
            chances: chances.clone(),
            from: 30,
            odd: 0.0,
        };
        let found = world.history(60, seed);
        let changes: Vec<_> = found
            .series
            .iter()
            .flat_map(|series| {
                series
                    .changes
                    .iter()
                    .map(move |change| (&series.key, change))
            })
            .collect();
        let [(changed, change)] = changes.as_slice() else {
            panic!("seed {seed}: {changes:?}");
        };
        assert_eq!(**changed, key(Arm::Sent, Form::ALL[2]));
        assert!(
            matches!(change.kind, ChangeKind::Appeared | ChangeKind::MoreOften),
            "{change:?}"
        );
        // The run before or after it may be one of which nothing can be said.
        let run = |nth: u32| run(nth).run;
        assert!(
            (run(28)..=run(29)).contains(&change.last.run),
            "seed {seed}: {change:?}"
        );
        assert!(
            (run(30)..=run(31)).contains(&change.first.run),
            "seed {seed}: {change:?}"
        );
    }
}

#[test]
fn without_a_change_a_thousand_histories_keep_to_the_rate() {
    let chances: Vec<_> = STEADY.iter().map(|chance| (*chance, *chance)).collect();
    for odd in [0.0, 0.03] {
        let world = World {
            chances: chances.clone(),
            from: 0,
            odd,
        };
        let alarms = (0..1000).filter(|seed| {
            let found = world.history(60, *seed);
            found.series.iter().any(|series| !series.changes.is_empty())
        });
        let alarms = alarms.count();
        assert!(alarms <= 50, "odd days {odd}: {alarms} of 1000");
    }
}

#[test]
fn without_a_change_a_thousand_comparisons_keep_to_the_rate() {
    let world = World {
        chances: STEADY.iter().map(|chance| (*chance, *chance)).collect(),
        from: 0,
        odd: 0.0,
    };
    let two = |seed| {
        let found = world.history(2, seed);
        let run = |nth: usize| {
            let cells = found.series.iter().map(|series| {
                let point = &series.points[nth];
                let told = cell(series.key.clone(), point.counted.hits, point.counted.trials);
                match point.is_conclusive() {
                    true => told,
                    false => doubted(told, Doubt::SessionLost),
                }
            });
            with(u32::try_from(nth).unwrap(), cells.collect())
        };
        told(&run(0), &run(1))
    };
    let alarms = (0..1000)
        .filter(|seed| two(*seed).changes().count() > 0)
        .count();
    assert!(alarms <= 50, "{alarms} of 1000");
}

/// There and back again: both are found, and what is between them is pooled.
#[test]
fn a_change_that_is_taken_back_is_two() {
    let runs = (0..60).map(|nth| {
        with(
            nth,
            vec![sent(if (20..45).contains(&nth) { 4 } else { 0 }, 4)],
        )
    });
    let found = history(&runs.collect::<Vec<_>>(), RATE).unwrap();
    let [series] = found.series.as_slice() else {
        panic!("{found:?}");
    };
    let told: Vec<_> = series
        .changes
        .iter()
        .map(|change| {
            (
                change.kind,
                change.first.run,
                change.before.runs,
                change.after.runs,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (ChangeKind::Appeared, run(20).run, 20, 25),
            (ChangeKind::Disappeared, run(45).run, 25, 15),
        ]
    );
    assert_eq!((series.flips.turned, series.flips.of), (2, 59));
}

/// A new build of the client at the same time may be the cause, and is told beside the change.
#[test]
fn what_else_changed_is_told_beside_it() {
    let runs = (0..40).map(|nth| {
        let mut run = with(nth, vec![sent(if nth < 20 { 0 } else { 4 }, 4)]);
        run.variants[0].builds = vec![if nth < 20 { "4.5" } else { "4.6" }.into()];
        run
    });
    let found = history(&runs.collect::<Vec<_>>(), RATE).unwrap();
    let besides = &found.series[0].changes[0].besides;
    assert_eq!(
        besides[0].words(),
        "the client was build `4.5` before and build `4.6` after"
    );
    assert_eq!(besides.len(), 1);
}

/// From elsewhere the same question is another one.
#[test]
fn each_region_has_a_series_of_its_own() {
    let runs = (0..40).map(|nth| {
        let mut run = with(nth, vec![sent(if nth % 2 == 0 { 0 } else { 4 }, 4)]);
        run.circumstances.region = Some(if nth % 2 == 0 { "eu" } else { "us" }.into());
        run
    });
    let found = history(&runs.collect::<Vec<_>>(), RATE).unwrap();
    let regions: Vec<_> = found
        .series
        .iter()
        .map(|series| series.region.as_deref().unwrap())
        .collect();
    assert_eq!(regions, ["us", "eu"]);
    assert!(
        found
            .series
            .iter()
            .all(|series| series.changes.is_empty() && series.flips.turned == 0)
    );
}

#[test]
fn a_judged_run_in_short_says_under_what_it_was_made_and_what_was_done() {
    let mut run = Run::quiet(4);
    run.manifest.region = Some("eu".into());
    for build in ["4.6", "4.5", "4.6"] {
        run.records.push(Record::Client(Client {
            variant: "default".into(),
            account: Account::Sender,
            at: at(5.0),
            build: build.into(),
        }));
    }
    for (nth, trial) in run.of(Arm::Sent).into_iter().enumerate() {
        run.visit(trial, Visit::provider(10.68 + nth as f64));
    }
    let short = |run: &Run| {
        let evidence = run.evidence();
        abridge(&evidence, &judge(&evidence).unwrap().cells, RULES).unwrap()
    };
    let told = short(&run);
    assert_eq!(told.circumstances.region.as_deref(), Some("eu"));
    assert_eq!(told.variants[0].builds, ["4.5", "4.6"]);
    assert_eq!((told.circumstances.window_ms, told.rules), (30_000, RULES));
    assert!(!told.provisional);
    let sent = told
        .cells
        .iter()
        .find(|cell| cell.key.arm == Arm::Sent)
        .unwrap();
    assert_eq!((sent.hits, sent.trials), (4, 4));
    assert_eq!(sent.reaches, reaches(&[(Depth::Read, 4)]));
    let [way] = sent.behaviours.as_slice() else {
        panic!("{:?}", sent.behaviours);
    };
    assert_eq!((way.actor, way.trials), (Actor::Provider, 4));
    assert_eq!(
        (way.phase, way.latency),
        (Some(Phase::Send), Some(Latency::Second))
    );
    assert!(
        way.from.starts_with("address in 198.51.100.0/24"),
        "{}",
        way.from
    );
    run.end = None;
    assert!(short(&run).provisional, "it is not over");
}

/// What is kept goes by the number of the rules, and who is known to be who is part of them: where this fails because data
/// was brought up to date, count `RULES` up before it is blessed.
#[test]
fn newer_data_is_another_number_of_the_rules() {
    let versions = Catalogue::built_in().versions();
    let versions: String = versions.map(|data| format!("{data}\n")).collect();
    assert_golden(
        "tests/golden/rules.txt",
        &format!("rules {RULES}\n{versions}"),
    );
}

/// What nobody's text may hold where it is shown.
const HOSTILE: &str = "a\u{1b}[2J\n<b>|`@x`]]>\0\u{2028}\u{202e}=1+1";

/// Something of everything, some of it hostile.
fn eventful() -> (Summary, Summary) {
    let open = waxseal::model::CellKey {
        doorway: Doorway::Open,
        ..key(Arm::Sent, Form::Http)
    };
    let other = |cell: CellSummary, variant: &str| CellSummary {
        key: waxseal::model::CellKey {
            variant: variant.into(),
            ..cell.key.clone()
        },
        ..cell
    };
    let ways = |ways: Vec<Behaviour>| CellSummary {
        behaviours: ways,
        ..cell(key(Arm::Sent, Form::Image), 8, 8)
    };
    let before = vec![
        sent(0, 8),
        cell(key(Arm::Sent, Form::Https), 7, 8),
        ways(vec![way("GET", "ExampleBot", 8)]),
        cell(key(Arm::Received, Form::Http), 0, 8),
        cell(key(Arm::Opened, Form::Https), 0, 8),
        cell(key(Arm::Drafted, Form::Http), 8, 8),
        cell(key(Arm::Unsent, Form::Http), 0, 8),
        cell(open, 8, 8),
        other(sent(0, 8), HOSTILE),
    ];
    let after = vec![
        sent(8, 8),
        cell(key(Arm::Sent, Form::Https), 8, 8),
        ways(vec![way("HEAD", HOSTILE, 8)]),
        cell(key(Arm::Received, Form::Http), 1, 8),
        doubted(
            cell(key(Arm::Opened, Form::Https), 0, 8),
            Doubt::ControlSilent,
        ),
        cell(key(Arm::Drafted, Form::Http), 0, 8),
        cell(key(Arm::Unsent, Form::Http), 0, 8),
        other(sent(0, 8), HOSTILE),
    ];
    let (mut before, mut after) = (with(1, before), with(9, after));
    for run in [&mut before, &mut after] {
        let mut hostile = run.variants[0].clone();
        hostile.name = HOSTILE.into();
        run.variants.push(hostile);
    }
    after.variants[1].builds = vec![HOSTILE.into()];
    (before, after)
}

/// One question over ninety runs from home, and a few from elsewhere.
fn long() -> History {
    let runs = (0..90).map(|nth| {
        let told = sent(if nth < 60 { 0 } else { 4 }, 4);
        let told = match nth {
            70 => doubted(told, Doubt::SessionLost),
            80 => sent(2, 4),
            _ => told,
        };
        let mut run = with(nth, vec![told, cell(key(Arm::Drafted, Form::Http), 0, 4)]);
        run.variants[0].builds = vec![if nth < 60 { "4.5" } else { HOSTILE }.into()];
        if nth > 86 {
            run.circumstances.region = Some(HOSTILE.into());
        }
        run
    });
    history(&runs.collect::<Vec<_>>(), RATE).unwrap()
}

#[test]
fn a_terminal_shows_what_has_changed() {
    let (before, after) = eventful();
    let told = told(&before, &after);
    let text = format!(
        "{}\n{}",
        comparison(&told, false),
        since_baseline(&told, false)
    );
    assert_golden("tests/golden/compared.txt", &text);
    assert_golden("tests/golden/history.txt", &shown(&long(), false));
    for text in [text, shown(&long(), false)] {
        let tame = |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{2028}' | '\u{202e}'));
        assert!(text.chars().all(tame), "{text}");
    }
    for (coloured, plain) in [
        (comparison(&told, true), comparison(&told, false)),
        (shown(&long(), true), shown(&long(), false)),
        (since_baseline(&told, true), since_baseline(&told, false)),
    ] {
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
    }
}

#[test]
fn the_formats_have_their_published_shapes() {
    let (before, after) = eventful();
    let mut baselines = Baselines::default();
    set(&mut baselines, &before);
    let texts = [
        json::comparisons_1(&[told(&before, &after)]).unwrap(),
        json::history_1(&long()).unwrap(),
        json::baselines_1(&baselines).unwrap(),
    ];
    for ((name, schema), text) in json::schemas_of_change().into_iter().zip(texts) {
        let published = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        assert_golden(&format!("scenarios/schema/{name}.v1.json"), &published);
        assert!(
            text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')),
            "{name}"
        );
        let validator = jsonschema::validator_for(&schema).unwrap();
        let value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0], "{name}");
    }
}

#[test]
fn each_variant_is_held_against_its_own_baseline() {
    let (before, after) = eventful();
    let mut baselines = Baselines::default();
    set(&mut baselines, &before);
    assert_eq!(baselines.baselines.len(), 2, "one for each variant");
    let [(whole, held)] = <[_; 1]>::try_from(beside(&baselines, &after)).unwrap();
    assert_eq!((whole.run, held.run), (before.run, after.run));
    assert_eq!(
        told(&whole, &held).changes().count(),
        told(&before, &after).changes().count()
    );
    // One of them gets another.
    let mut newer = with(5, vec![sent(8, 8)]);
    newer.started = after.started;
    set(&mut baselines, &newer);
    let runs: Vec<_> = beside(&baselines, &after)
        .iter()
        .map(|(one, _)| one.run)
        .collect();
    assert_eq!(baselines.baselines.len(), 2);
    assert_eq!(runs, [newer.run, before.run]);
    let stranger = Summary {
        service: "other".into(),
        ..after
    };
    assert!(beside(&baselines, &stranger).is_empty());
}

/// Runs the program in a folder, and returns the exit status with what it said on both streams.
fn said(folder: &Path, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command.current_dir(folder).args(words).env("NO_COLOR", "1");
    command.env_remove("WAXSEAL_STORE").env_remove("RUST_LOG");
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

#[track_caller]
fn assert_said(folder: &Path, words: &[&str], status: i32, parts: &[&str]) -> String {
    let (code, text) = said(folder, words);
    assert_eq!(code, status, "{words:?}: {text}");
    for part in parts {
        assert!(
            text.contains(part),
            "{words:?} does not say `{part}`: {text}"
        );
    }
    text
}

/// The evidence of a published case, by its file's path.
fn published(case: &str) -> String {
    let path = in_repository("tests/evidence")
        .join(case)
        .join("evidence.jsonl");
    path.to_str().unwrap().to_owned()
}

/// Messenger stopped fetching for Europe. The other way round it would be a regression.
#[test]
fn a_published_change_is_told_and_only_one_for_the_worse_fails() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (on, off) = (
        published("meta-eu-2021/before"),
        published("meta-eu-2021/after"),
    );
    assert_said(
        at,
        &["compare", &on, &off],
        0,
        &["disappeared (p < .0001)", "1 change, none for the worse"],
    );
    assert_said(
        at,
        &["compare", &off, &on],
        1,
        &["appeared (p < .0001)", "1 change, 1 for the worse"],
    );
    assert_said(at, &["compare", &on, &on], 0, &["no change"]);
    let json = assert_said(
        at,
        &["compare", &off, &on, "--json"],
        1,
        &["\"kind\": \"appeared\""],
    );
    assert!(serde_json::from_str::<Vec<Comparison>>(&json).unwrap()[0].is_regression());
    // Nothing can be said of either, so nothing is.
    let deaf = published("collector-down");
    assert_said(
        at,
        &["compare", &deaf, &deaf],
        3,
        &[
            "nothing can be compared",
            "inconclusive before: control-silent",
        ],
    );
    assert_said(
        at,
        &["compare", &on, &deaf],
        2,
        &["one is of service", "name two of one service"],
    );
}

#[test]
fn a_run_is_held_against_its_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (on, off) = (
        published("meta-eu-2021/before"),
        published("meta-eu-2021/after"),
    );
    let missing = "there is no such file; `waxseal baseline set RUN` makes one";
    assert_said(at, &["compare", "baseline", &on], 2, &[missing]);
    assert_said(
        at,
        &["judge", &on, "--baseline", "baselines.json"],
        2,
        &[missing],
    );
    assert_said(
        at,
        &["baseline", "set", &off],
        0,
        &["1 of 1 cells conclusive"],
    );
    let kept = std::fs::read_to_string(at.join("baselines.json")).unwrap();
    assert_said(at, &["baseline", "show"], 0, &["1 of 1 cells conclusive"]);
    assert_said(at, &["compare", "baseline", &on], 1, &["appeared"]);
    // A failure whatever the scenario claims; without the baseline it is none.
    let (status, _) = said(at, &["judge", &on]);
    assert_eq!(status, 0);
    let worse = "1 change since baseline";
    assert_said(
        at,
        &["judge", &on, "--baseline", "baselines.json"],
        1,
        &[worse, "sent/http appeared (p < .0001)"],
    );
    assert_said(
        at,
        &["judge", &off, "--baseline", "baselines.json"],
        0,
        &["no change since baseline"],
    );
    let deaf = published("collector-down");
    assert_said(
        at,
        &["compare", "baseline", &deaf],
        2,
        &["find a baseline of service"],
    );
    let none = "there is no baseline of any of its variants";
    assert_said(
        at,
        &["judge", &deaf, "--baseline", "baselines.json"],
        3,
        &[none],
    );
    // The same run makes the same file.
    assert_said(at, &["baseline", "set", &off], 0, &[]);
    assert_eq!(
        std::fs::read_to_string(at.join("baselines.json")).unwrap(),
        kept
    );
    let later = kept.replacen("\"format\": 1", "\"format\": 2", 1);
    std::fs::write(at.join("later.json"), later).unwrap();
    assert_said(
        at,
        &["baseline", "show", "--file", "later.json"],
        2,
        &["a later waxseal wrote it"],
    );
    assert_said(
        at,
        &["compare", "baseline", "baseline"],
        2,
        &["name the run"],
    );
}

#[tokio::test]
async fn a_store_shows_what_its_runs_came_to_and_judges_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let path = at.join("waxseal.db");
    let store = Store::open(&path).unwrap();
    for case in [
        "meta-eu-2021/before",
        "meta-eu-2021/after",
        "collector-down",
    ] {
        let evidence = read_evidence(Path::new(&published(case))).unwrap();
        for entry in &evidence.entries {
            store.append(evidence.run, &entry.record).await.unwrap();
        }
    }
    let kept = || {
        store
            .kept(RULES, None)
            .unwrap()
            .iter()
            .filter(|one| one.summary.is_some())
            .count()
    };
    assert_eq!(kept(), 0);
    let listed = assert_said(
        at,
        &["runs"],
        0,
        &["1 observed, 0 not observed, 0 inconclusive"],
    );
    assert_eq!(listed.lines().count(), 3);
    assert_eq!(kept(), 3);
    let service = store.kept(RULES, None).unwrap()[0]
        .summary
        .clone()
        .unwrap()
        .service;
    let text = assert_said(
        at,
        &["history", &service],
        0,
        &["2 runs", "turned 1 of 1 times (100 %)"],
    );
    assert_eq!(said(at, &["history", &service]).1, text);
    let json = assert_said(at, &["history", &service, "--json"], 0, &[]);
    assert_eq!(
        serde_json::from_str::<History>(&json).unwrap().runs.len(),
        2
    );
    let near = format!("{service}x");
    assert_said(
        at,
        &["history", &near],
        2,
        &[&format!("did you mean `{service}`?")],
    );
    // What was kept is an opinion: without it the same is said.
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("DROP TABLE summary")
        .unwrap();
    assert_eq!(said(at, &["history", &service]).1, text);
    assert_eq!(kept(), 3, "each had to be judged to know whose it is");
    assert!(store.verify().unwrap().is_ok());
}
