//! What a seed decides, and what it must not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::evidence::{RUN, Run};
use jiff::SignedDuration;
use proptest::prelude::*;
use waxseal::diagnostic::Source;
use waxseal::model::{
    Arm, Entry, Evidence, Exposure, Form, Intent, Notice, Phase, Probe, Record, Resumption,
    Timestamp, Trial, TrialId, Via,
};
use waxseal::plan::{Pace, Plan, Step, Task, next, plan, proofs, to_be_opened};
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

// ---------------------------------------------------------------- what is to be done next

/// Whoever plays a run as the agenda says, and writes down what a conductor would.
struct Player {
    plan: Plan,
    evidence: Evidence,
    now: Timestamp,
    early: bool,
}

const WINDOW: Duration = Duration::from_secs(60);

impl Player {
    /// A run of two rounds with every arm.
    fn new(early: bool, arms: &[Arm]) -> Self {
        let mut scenario = scenario();
        scenario.experiment.arms = arms.to_vec();
        scenario.experiment.forms = vec![Form::Http];
        scenario.experiment.trials = 1;
        let plan = plan(&scenario, ["prefetch-on", "prefetch-off"], 7, Some(2)).unwrap();
        let mut manifest = Run::quiet(1).manifest;
        manifest.trials.clone_from(&plan.trials);
        manifest.rounds = plan.sizes();
        assert_eq!(Plan::of(&manifest).unwrap().trials, plan.trials);
        let now = manifest.started;
        let entries = vec![Entry {
            seq: 1,
            record: Record::Manifest(Box::new(manifest)),
        }];
        Self {
            plan,
            evidence: Evidence { run: RUN, entries },
            now,
            early,
        }
    }

    fn next(&self) -> Option<Task> {
        next(&self.plan, &self.evidence, WINDOW, self.early, &|_| false)
    }

    fn write(&mut self, record: Record) {
        let seq = self.evidence.entries.len() as u64 + 1;
        self.evidence.entries.push(Entry { seq, record });
        self.now = self.now.checked_add(SignedDuration::from_secs(1)).unwrap();
    }

    fn intend(&mut self, phase: Option<Phase>, trials: Vec<TrialId>) {
        let at = self.now;
        self.write(Record::Intent(Intent { at, phase, trials }));
    }

    fn expose(&mut self, trial: TrialId, phase: Phase) {
        let (from, to) = (self.now, Some(self.now));
        self.write(Record::Exposure(Exposure {
            trial,
            phase,
            from,
            to,
        }));
    }

    fn notice(&mut self, trial: TrialId, phase: Phase) {
        let at = self.now;
        self.write(Record::Notice(Notice { trial, phase, at }));
    }

    fn trial(&mut self, trial: &Trial) {
        let id = trial.id;
        if !trial.arm.is_shown() {
            self.intend(None, vec![id]);
            let (from, to) = (self.now, self.now);
            return self.write(Record::Probe(Probe {
                trial: id,
                from,
                to,
            }));
        }
        self.intend(Some(Phase::Compose), vec![id]);
        self.expose(id, Phase::Compose);
        if trial.arm.is_sent() {
            self.intend(Some(Phase::Send), vec![id]);
            self.expose(id, Phase::Send);
            self.notice(id, Phase::Confirm);
        }
    }

    /// Does one step; says which it was, or that the run is at its end.
    fn step(&mut self) -> &'static str {
        let task = self.next().unwrap();
        self.now = self.now.max(task.due);
        match task.step {
            Step::Play(trials) => {
                self.now = self.now.max(task.not_before.unwrap_or(self.now));
                trials.iter().for_each(|trial| self.trial(trial));
                "play"
            }
            Step::Show(sent) => {
                let ids = sent.iter().map(|sent| sent.trial.id).collect();
                self.intend(Some(Phase::Receive), ids);
                for sent in sent {
                    self.expose(sent.trial.id, Phase::Receive);
                    self.notice(sent.trial.id, Phase::Receive);
                }
                "show"
            }
            Step::Follow(trials) => {
                for trial in trials {
                    self.intend(Some(Phase::Follow), vec![trial.id]);
                    self.expose(trial.id, Phase::Follow);
                }
                "follow"
            }
            Step::Close(trials) => {
                trials.iter().for_each(|trial| self.trial(trial));
                "close"
            }
            Step::End => "end",
        }
    }

    fn all_tasks(&mut self) -> Vec<&'static str> {
        let mut steps = Vec::new();
        while steps.last() != Some(&"end") {
            steps.push(self.step());
            assert!(steps.len() < 20, "it goes nowhere: {steps:?}");
        }
        steps
    }

    /// How often each link was meant to go through a phase.
    fn intents(&self, phase: Phase) -> BTreeMap<TrialId, usize> {
        let mut counts = BTreeMap::new();
        for entry in &self.evidence.entries {
            if let Record::Intent(intent) = &entry.record
                && intent.phase == Some(phase)
            {
                for trial in &intent.trials {
                    *counts.entry(*trial).or_default() += 1;
                }
            }
        }
        counts
    }
}

const ALL: &[Arm] = &[
    Arm::Sent,
    Arm::Received,
    Arm::Opened,
    Arm::Drafted,
    Arm::Unsent,
    Arm::Visited,
    Arm::Reached,
];

#[test]
fn a_run_goes_through_its_steps_in_order() {
    let round = ["play", "show", "follow", "close"];
    let both = [&round[..], &round[..], &["end"]].concat();
    assert_eq!(Player::new(false, ALL).all_tasks(), both);
    // Who stays or not: where it is a question what happens when links are seen, that is not done early.
    assert_eq!(Player::new(true, ALL).all_tasks(), both);
    let few = &[Arm::Sent, Arm::Reached];
    let both = ["play", "show", "close", "play", "show", "close", "end"];
    assert_eq!(Player::new(false, few).all_tasks(), both);
}

#[test]
fn windows_close_before_what_follows_is_due() {
    let mut player = Player::new(false, ALL);
    for (wanted, next) in [("play", "show"), ("show", "follow"), ("follow", "close")] {
        assert_eq!(player.step(), wanted);
        let due = player.next().unwrap().due;
        // The last thing that was done, one second before the next record would be written.
        let listened = due.duration_since(player.now).as_secs();
        assert!((57..=60).contains(&listened), "{next} after {listened} s");
    }
    player.step();
    assert!(
        player.next().unwrap().due <= player.now,
        "nothing to wait for"
    );
}

/// Without an arm that is about it the recipient looks at once, and what comes is heard for a whole window from then on.
#[test]
fn who_does_not_stay_has_the_messages_seen_at_once() {
    let few = &[Arm::Sent, Arm::Reached];
    let (mut early, mut late) = (Player::new(true, few), Player::new(false, few));
    for player in [&mut early, &mut late] {
        player.step();
    }
    assert!(early.next().unwrap().due <= early.now);
    assert!(late.next().unwrap().due > late.now);
    for player in [&mut early, &mut late] {
        player.step();
    }
    assert!(early.next().unwrap().due > early.now);
    assert!(late.next().unwrap().due <= late.now);
}

/// Killed behind any record whatever: what was meant once is never meant again, but for looking, and nothing is forgotten.
#[test]
fn a_run_that_was_killed_anywhere_sends_nothing_twice_and_forgets_nothing() {
    let mut whole = Player::new(false, ALL);
    whole.all_tasks();
    let sent = whole.intents(Phase::Send).len();
    for length in 1..=whole.evidence.entries.len() {
        let mut again = Player::new(false, ALL);
        again.evidence.entries = whole.evidence.entries[..length].to_vec();
        again.now = again.evidence.latest().unwrap();
        let opened = to_be_opened(&again.plan, &again.evidence);
        again.all_tasks();
        for phase in [Phase::Compose, Phase::Send, Phase::Follow] {
            let intents = again.intents(phase);
            assert!(
                intents.values().all(|times| *times == 1),
                "{phase}: {intents:?}"
            );
        }
        // What was cut off between typing and sending is not sent any more.
        let missing = sent - again.intents(Phase::Send).len();
        assert!(
            missing <= 1,
            "{missing} were forgotten behind record {length}"
        );
        let shown = again.intents(Phase::Receive);
        let mut sent = again.intents(Phase::Send).into_keys();
        assert!(sent.all(|trial| shown.contains_key(&trial)));
        let added = again.evidence.entries.len() > length;
        assert!(!opened.is_empty() || !added || only_fetches(&again.evidence, length));
    }
}

/// Whether nothing but fetches of our own was done behind a record.
fn only_fetches(evidence: &Evidence, behind: usize) -> bool {
    evidence.entries[behind..]
        .iter()
        .all(|entry| match &entry.record {
            Record::Intent(intent) => intent.phase.is_none(),
            Record::Probe(_) => true,
            _ => false,
        })
}

#[test]
fn a_run_that_is_taken_up_again_proves_its_doors_by_canaries_of_their_own() {
    let player = Player::new(false, ALL);
    let trials = proofs(&player.evidence, &["prefetch-on"]);
    let count = u32::try_from(player.plan.trials.len()).unwrap();
    let numbers: Vec<u32> = trials.iter().map(|trial| trial.id.0 - count).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let ways: Vec<_> = trials.iter().map(|trial| (trial.via, trial.form)).collect();
    assert_eq!(
        ways,
        [
            (Some(Via::Sender), Form::Http),
            (Some(Via::Recipient), Form::Http),
            (Some(Via::Auditor), Form::Http),
        ]
    );
    assert!(trials.iter().all(|trial| trial.variant == "prefetch-on"));
    let mut again = player;
    again.write(Record::Resumption(Resumption {
        at: Timestamp::UNIX_EPOCH,
        trials,
    }));
    let more = proofs(&again.evidence, &["prefetch-off"]);
    assert_eq!(more[0].id, TrialId(count + 3));
}

// ---------------------------------------------------------------- how messages are spread over time

const HOUR: Duration = Duration::from_secs(3600);

/// When a run wrote its messages, in seconds: the first intent to type each.
fn written(player: &Player) -> Vec<i64> {
    let intents = player.evidence.entries.iter();
    let at = intents.filter_map(|entry| match &entry.record {
        Record::Intent(intent) if intent.phase == Some(Phase::Compose) => Some(intent.at),
        _ => None,
    });
    at.map(|at| at.as_second()).collect()
}

fn most_in_an_hour(at: &[i64]) -> usize {
    let hour = i64::try_from(HOUR.as_secs()).unwrap();
    let in_hour = |from: &i64| {
        at.iter()
            .filter(|at| (0..hour).contains(&(**at - from)))
            .count()
    };
    at.iter().map(in_hour).max().unwrap_or(0)
}

/// Killed behind any record whatever and taken up at once: the hour is full or not by what was recorded.
#[test]
fn messages_keep_their_pace_also_when_a_run_is_taken_up_again() {
    let paced = || {
        let mut player = Player::new(false, &[Arm::Sent, Arm::Drafted, Arm::Reached]);
        player.plan.per_hour = Some(3);
        player
    };
    let all = |player: &mut Player| while player.step() != "end" {};
    let mut whole = paced();
    all(&mut whole);
    let at = written(&whole);
    assert_eq!((at.len(), most_in_an_hour(&at)), (8, 3), "{at:?}");
    for length in (1..=whole.evidence.entries.len()).step_by(3) {
        let mut again = paced();
        again.evidence.entries = whole.evidence.entries[..length].to_vec();
        again.now = again.evidence.latest().unwrap();
        all(&mut again);
        let at = written(&again);
        assert!(most_in_an_hour(&at) <= 3, "cut behind {length}: {at:?}");
    }
    let mut hurried = Player::new(false, &[Arm::Sent, Arm::Drafted, Arm::Reached]);
    all(&mut hurried);
    assert_eq!(most_in_an_hour(&written(&hurried)), 8, "without a pace");
}

/// The accounts are the same: an hour that another run has filled is full.
#[test]
fn what_other_runs_wrote_counts() {
    let mut player = Player::new(false, &[Arm::Sent, Arm::Reached]);
    player.plan.per_hour = Some(2);
    let before = |minutes: i64| {
        let span = SignedDuration::from_mins(minutes);
        player.now.checked_sub(span).unwrap()
    };
    player.plan.earlier = vec![before(1), before(50)];
    let full_until = before(-10);
    while player.next().unwrap().not_before.is_none() {
        player.step();
    }
    let wait = player.next().unwrap().not_before.unwrap();
    assert!(wait >= full_until, "{wait}");
    assert_eq!(written(&player).len(), 0);
    let mut end = 0;
    while player.step() != "end" {
        end += 1;
        assert!(end < 50);
    }
    let own = written(&player).len();
    assert_eq!(
        (own, waxseal::plan::written(&player.evidence).len()),
        (4, 4)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// However long each message takes: no hour whatever has more than so many, and a seed draws the same pauses again.
    #[test]
    fn no_hour_has_more_messages_than_it_may(
        seed: u64,
        per_hour in 1..60_u16,
        takes in prop::collection::vec(0..900_i64, 1..120),
    ) {
        let pace = Pace { per_hour, seed };
        let mut at: Vec<Timestamp> = Vec::new();
        let mut now = Timestamp::UNIX_EPOCH;
        for takes in &takes {
            now = now.max(pace.due(&at).unwrap_or(now));
            now = now.checked_add(SignedDuration::from_secs(*takes)).unwrap();
            at.push(now);
        }
        for (nth, from) in at.iter().enumerate() {
            let until = from.checked_add(HOUR).unwrap();
            let count = at[nth..].iter().filter(|at| **at < until).count();
            prop_assert!(count <= usize::from(per_hour), "{count} from message {nth} on");
        }
        let schedule = pace.schedule(takes.len());
        prop_assert_eq!(&schedule, &pace.schedule(takes.len()));
        prop_assert_eq!(schedule[0], Duration::ZERO);
        // Not as regular as a clock, and not slower than need be.
        let other = Pace { seed: seed.wrapping_add(1), per_hour }.schedule(takes.len());
        prop_assert!(takes.len() == 1 || schedule != other);
        let share = HOUR / u32::from(per_hour);
        let most = share.mul_f64(1.5) * u32::try_from(takes.len()).unwrap() + HOUR;
        prop_assert!(*schedule.last().unwrap() <= most);
    }
}
