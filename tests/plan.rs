//! What a seed decides, and what it must not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use waxseal::diagnostic::Source;
use waxseal::model::{Arm, Form, Trial, TrialId, Via};
use waxseal::plan::{Plan, plan};
use waxseal::scenario::{Scenario, parse};

fn scenario() -> Scenario {
    let (name, text) = (
        "thelounge.toml".to_owned(),
        include_str!("../scenarios/lab/thelounge.toml").to_owned(),
    );
    parse(Source { name, text }).unwrap().0
}

fn of_seed(seed: u64) -> Plan {
    plan(&scenario(), ["prefetch-on", "prefetch-off"], seed, None).unwrap()
}

#[test]
fn one_seed_is_one_plan_and_another_is_another() {
    assert_eq!(of_seed(7), of_seed(7));
    assert_ne!(of_seed(7).trials, of_seed(8).trials);
}

#[test]
fn every_cell_has_its_trials_and_every_trial_its_number() {
    let plan = of_seed(1);
    let mut cells: BTreeMap<(&str, Arm, Form), usize> = BTreeMap::new();
    for (nth, trial) in plan.trials.iter().enumerate() {
        assert_eq!(trial.id, TrialId(u32::try_from(nth).unwrap()));
        *cells
            .entry((trial.variant.as_str(), trial.arm, trial.form))
            .or_default() += 1;
    }
    for variant in ["prefetch-on", "prefetch-off"] {
        for arm in [Arm::Sent, Arm::Drafted, Arm::Unsent] {
            assert_eq!(
                [
                    cells[&(variant, arm, Form::Http)],
                    cells[&(variant, arm, Form::QuerySecret)]
                ],
                [4, 4]
            );
        }
        // Two more in the first form: each browser proves its own door.
        assert_eq!(
            [
                cells[&(variant, Arm::Reached, Form::Http)],
                cells[&(variant, Arm::Reached, Form::QuerySecret)]
            ],
            [6, 4]
        );
    }
}

/// What a variant plants is its own affair, controls included; the others keep to the experiment.
#[test]
fn a_variant_may_have_fewer_forms() {
    let mut scenario = scenario();
    scenario.variants[0].forms = Some(vec![Form::QuerySecret]);
    let names = [0, 1].map(|nth| scenario.variants[nth].name.clone());
    let plan = plan(&scenario, names.iter().map(String::as_str), 1, None).unwrap();
    let forms = names.map(|name| {
        let own = plan.trials.iter().filter(|trial| trial.variant == name);
        own.map(|trial| trial.form).collect::<BTreeSet<_>>()
    });
    assert_eq!(
        forms,
        [
            BTreeSet::from([Form::QuerySecret]),
            BTreeSet::from([Form::Http, Form::QuerySecret])
        ]
    );
}

#[test]
fn controls_come_first_and_last() {
    let plan = of_seed(3);
    let via: Vec<Option<Via>> = plan.trials[..4].iter().map(|trial| trial.via).collect();
    assert_eq!(
        via,
        [
            Some(Via::Sender),
            Some(Via::Recipient),
            Some(Via::Auditor),
            Some(Via::Auditor)
        ]
    );
    let is_control = |trial: &Trial| trial.arm == Arm::Reached && trial.via == Some(Via::Auditor);
    let round = plan.rounds().next().unwrap();
    assert!(round.closing.iter().all(is_control));
    assert_eq!(round.closing.len(), 4, "one for each form of each variant");
}

/// The order is shuffled: over many seeds, each arm is as often early as late.
#[test]
fn no_arm_has_a_time_of_its_own() {
    let mut early: BTreeMap<Arm, usize> = BTreeMap::new();
    for seed in 0..400 {
        let plan = of_seed(seed);
        let middle: Vec<&Trial> = plan.rounds().next().unwrap().opening[4..]
            .iter()
            .filter(|t| t.variant == "prefetch-on")
            .collect();
        for trial in &middle[..middle.len() / 2] {
            *early.entry(trial.arm).or_default() += 1;
        }
    }
    // 400 seeds x 8 trials of an arm, half of them in the first half: 1600, with a standard deviation below 29.
    for arm in [Arm::Sent, Arm::Drafted, Arm::Unsent] {
        assert!(early[&arm].abs_diff(1600) < 150, "{arm}: {early:?}");
    }
}

#[test]
fn a_plan_too_large_for_its_tokens_is_refused() {
    let mut scenario = scenario();
    scenario.experiment.trials = u16::MAX;
    let variants = ["prefetch-on", "prefetch-off", "prefetch-stored"];
    assert!(
        plan(&scenario, variants, 1, None)
            .unwrap_err()
            .to_string()
            .contains("1000000")
    );
}

/// A browser need not trust our certificate, so its door is proven in the clear, whatever the links are.
#[test]
fn doors_are_proven_without_tls() {
    for (forms, first) in [
        (vec![Form::Https, Form::QuerySecret], Form::QuerySecret),
        (vec![Form::Https], Form::Http),
    ] {
        let mut scenario = scenario();
        scenario.experiment.forms = forms;
        let plan = plan(&scenario, ["prefetch-on"], 1, None).unwrap();
        let doors = plan
            .trials
            .iter()
            .filter(|trial| trial.arm == Arm::Reached)
            .filter(|trial| matches!(trial.via, Some(Via::Sender | Via::Recipient)));
        let doors: Vec<Form> = doors.map(|trial| trial.form).collect();
        assert_eq!(doors, [first, first]);
        let ours = |trial: &&Trial| trial.via == Some(Via::Auditor);
        assert!(
            plan.trials
                .iter()
                .filter(ours)
                .any(|trial| trial.form == Form::Https)
        );
    }
}
