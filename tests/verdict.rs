//! What may be said of evidence, and what may not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::evidence::{Run, SEALED, Visit, end};
use waxseal::model::{
    Account, Actor, Arm, Bytes, Cell, Class, Depth, Door, Doubt, Form, HitKind, Jump, Match,
    Outcome, Part, Phase, Place, Recess, Recognition, Record, Resumption, RunEnd, Trial, TrialId,
    Verdict, Via,
};
use waxseal::verdict::{ExitStatus, judge};

fn cells(run: &Run) -> Vec<Cell> {
    judge(&run.evidence()).unwrap().cells
}

fn cell(run: &Run, arm: Arm) -> Cell {
    cells(run)
        .into_iter()
        .find(|cell| cell.arm == arm)
        .expect("the arm was planned")
}

/// The verdict on `sent`, with its doubts.
fn sent(run: &Run) -> (Verdict, Vec<Doubt>) {
    let cell = cell(run, Arm::Sent);
    (cell.verdict, cell.doubts)
}

fn without(run: &Run, unwanted: impl Fn(&Record) -> bool) -> Run {
    let mut run = run.clone();
    run.records.retain(|record| !unwanted(record));
    run
}

#[test]
fn silence_with_all_its_proofs_is_not_observed_and_states_its_bound() {
    let run = Run::quiet(4);
    for arm in [Arm::Sent, Arm::Drafted, Arm::Unsent] {
        let cell = cell(&run, arm);
        assert_eq!(
            (cell.verdict, cell.hits, cell.trials, &cell.doubts[..]),
            (Verdict::NotObserved, 0, 4, &[][..])
        );
        assert!((cell.interval.high - 0.602).abs() < 0.001);
    }
    let reached = cell(&run, Arm::Reached);
    assert_eq!((reached.verdict, reached.hits), (Verdict::Observed, 4));
}

#[test]
fn a_provider_that_reads_is_observed() {
    let mut run = Run::quiet(4);
    for (nth, trial) in run.of(Arm::Sent).into_iter().enumerate() {
        run.visit(trial, Visit::provider(10.7 + nth as f64));
    }
    let cell = cell(&run, Arm::Sent);
    assert_eq!(
        (cell.verdict, cell.depth, cell.hits),
        (Verdict::Observed, Some(Depth::Read), 4)
    );
    assert_eq!(
        cell.first_delay.unwrap().as_millis(),
        200,
        "counted from sending, not from typing"
    );
    assert_eq!(cell.actors[0].actor, Actor::Provider);
    let factors: Vec<String> = cell.actors[0]
        .factors
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(factors, ["address in 198.51.100.0/24"]);
}

/// The Skype story of 2013: four links, two of them asked for with HEAD.
#[test]
fn a_head_has_touched_the_link_and_not_read_it() {
    let mut run = Run::quiet(4);
    for trial in run.of(Arm::Sent).into_iter().take(2) {
        run.visit(
            trial,
            Visit {
                method: "HEAD",
                body_bytes: Some(0),
                ..Visit::provider(20.0)
            },
        );
    }
    let cell = cell(&run, Arm::Sent);
    assert_eq!(
        (cell.verdict, cell.depth, cell.hits, cell.trials),
        (Verdict::Observed, Some(Depth::Probed), 2, 4)
    );
    assert!(
        (cell.interval.low - 0.068).abs() < 0.001 && (cell.interval.high - 0.932).abs() < 0.001
    );
}

#[test]
fn a_get_that_took_nothing_has_only_touched_the_link() {
    for body_bytes in [Some(0), None] {
        let mut run = Run::quiet(3);
        let trial = run.of(Arm::Sent)[0];
        run.visit(
            trial,
            Visit {
                body_bytes,
                ..Visit::provider(20.0)
            },
        );
        assert_eq!(cell(&run, Arm::Sent).depth, Some(Depth::Probed));
    }
}

#[test]
fn the_pages_own_image_is_a_step_deeper() {
    let mut run = Run::quiet(3);
    let trial = run.of(Arm::Sent)[0];
    run.visit(trial, Visit::provider(20.0));
    run.visit(
        trial,
        Visit {
            part: Part::Image,
            ..Visit::provider(20.1)
        },
    );
    assert_eq!(cell(&run, Arm::Sent).depth, Some(Depth::Loaded));
}

/// The trap: our own browsers ask for the thumbnail.
#[test]
fn our_own_browsers_are_never_the_provider() {
    let mut run = Run::quiet(4);
    let trial = run.of(Arm::Sent)[0];
    run.visit(
        trial,
        Visit {
            door: SEALED,
            peer: "198.51.100.7:1",
            body_bytes: Some(0),
            ..Visit::new(20.0)
        },
    );
    let open = Door::Browser {
        account: Account::Sender,
        sealed: false,
    };
    run.visit(
        trial,
        Visit {
            door: open,
            agent: "ExampleBot",
            ..Visit::new(20.0)
        },
    );
    let cell = cell(&run, Arm::Sent);
    assert_eq!((cell.verdict, cell.hits), (Verdict::NotObserved, 0));
    let actors: Vec<(Actor, u32)> = cell
        .actors
        .iter()
        .map(|one| (one.actor, one.refused))
        .collect();
    assert_eq!(actors, [(Actor::Sender, 0), (Actor::Recipient, 1)]);
}

#[test]
fn a_stranger_with_the_providers_agent_is_unknown() {
    let mut run = Run::quiet(3);
    let trial = run.of(Arm::Sent)[0];
    run.visit(
        trial,
        Visit {
            agent: "ExampleBot/1",
            ..Visit::new(20.0)
        },
    );
    let cell = cell(&run, Arm::Sent);
    assert_eq!(
        (cell.verdict, cell.actors[0].actor),
        (Verdict::Observed, Actor::Unknown)
    );
}

#[test]
fn silence_of_a_deaf_collector_says_nothing() {
    let run = Run::quiet(4);
    let last_control = *run.of(Arm::Reached).last().unwrap();
    let hears = |record: &Record| matches!(record, Record::Hit(hit) if hit.tokens()[0].trial == last_control);
    assert_eq!(
        sent(&without(&run, hears)),
        (Verdict::Inconclusive, vec![Doubt::ControlSilent])
    );
    let fetches =
        |record: &Record| matches!(record, Record::Probe(probe) if probe.trial == last_control);
    assert_eq!(
        sent(&without(&run, fetches)).1,
        [Doubt::ControlSilent, Doubt::NoiseInControl]
    );
    let mut uncontrolled = run.clone();
    uncontrolled
        .manifest
        .trials
        .retain(|trial| trial.arm != Arm::Reached);
    assert!(sent(&uncontrolled).1.contains(&Doubt::ControlSilent));
}

#[test]
fn each_missing_proof_has_its_doubt() {
    let run = Run::quiet(4);
    let first = run.of(Arm::Sent)[0];
    let lacks = |phase| {
        without(
            &run,
            move |r| matches!(r, Record::Notice(n) if n.trial == first && n.phase == phase),
        )
    };
    assert_eq!(
        sent(&lacks(Phase::Receive)),
        (Verdict::Inconclusive, vec![Doubt::NotDelivered])
    );
    assert_eq!(
        sent(&lacks(Phase::Confirm)),
        (Verdict::Inconclusive, vec![Doubt::ExposureUnconfirmed])
    );
    let unplayed = without(
        &run,
        |r| matches!(r, Record::Exposure(e) if e.trial == first),
    );
    assert!(sent(&unplayed).1.contains(&Doubt::TooFewTrials));
    let mut gap = run.clone();
    gap.gap();
    assert_eq!(
        sent(&gap),
        (Verdict::Inconclusive, vec![Doubt::CoverageGap])
    );
    assert_eq!(
        sent(&Run::quiet(2)),
        (Verdict::Inconclusive, vec![Doubt::TooFewTrials])
    );
}

#[test]
fn a_failure_leaves_its_doubt_where_it_happened() {
    let mut run = Run::quiet(4);
    let drafted = run.of(Arm::Drafted)[0];
    run.fail(Some(drafted), Phase::Compose, Doubt::SelectorDrift);
    assert_eq!(cell(&run, Arm::Drafted).doubts, [Doubt::SelectorDrift]);
    assert_eq!(cell(&run, Arm::Sent).doubts, []);
    run.fail(None, Phase::Login, Doubt::SessionLost);
    assert_eq!(cell(&run, Arm::Sent).doubts, [Doubt::SessionLost]);
    assert_eq!(cell(&run, Arm::Unsent).doubts, []);
}

#[test]
fn an_unfinished_run_is_never_clean() {
    let mut run = Run::quiet(4);
    for unfinished in [
        None,
        Some(RunEnd {
            interrupted: true,
            ..end(200.0)
        }),
        Some(end(25.0)),
    ] {
        run.end = unfinished;
        assert_eq!(sent(&run), (Verdict::Inconclusive, vec![Doubt::WindowOpen]));
    }
}

/// Whoever conducted it was killed between what was meant and what would have been written of it.
#[test]
fn what_was_meant_and_is_not_known_to_be_done_may_have_been_done() {
    let quiet = Run::quiet(4);
    let trial = quiet.of(Arm::Sent)[1];
    let mut killed = without(&quiet, |record| match record {
        Record::Exposure(exposure) => exposure.trial == trial && exposure.phase == Phase::Send,
        Record::Notice(notice) => notice.trial == trial,
        _ => false,
    });
    killed.intend(trial, Some(Phase::Compose), 10.9);
    killed.intend(trial, Some(Phase::Send), 11.4);
    let (verdict, doubts) = sent(&killed);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert_eq!(
        doubts,
        [Doubt::ExposureUnconfirmed, Doubt::NotDelivered],
        "it counts as one that is out"
    );
    // One visit proves that it was sent.
    killed.visit(trial, Visit::provider(12.0));
    assert_eq!(sent(&killed).0, Verdict::Observed);
    // And where the step is known to have failed before it did anything, it is not out.
    let mut failed = without(&quiet, |record| match record {
        Record::Exposure(exposure) => exposure.trial == trial && exposure.phase == Phase::Send,
        Record::Notice(notice) => notice.trial == trial,
        _ => false,
    });
    failed.intend(trial, Some(Phase::Send), 8.5);
    failed.fail(Some(trial), Phase::Send, Doubt::SelectorDrift);
    assert_eq!(cell(&failed, Arm::Sent).trials, 3);
}

/// A fetch of our own that was cut short is ours, proves nothing, and is no stranger's.
#[test]
fn a_fetch_of_our_own_that_was_cut_short_is_a_silent_control_and_no_noise() {
    let mut run = Run::quiet(4);
    let last = run.of(Arm::Reached)[3];
    run = without(
        &run,
        |record| matches!(record, Record::Probe(probe) if probe.trial == last),
    );
    run.intend(last, None, 150.0);
    assert_eq!(
        sent(&run),
        (Verdict::Inconclusive, vec![Doubt::ControlSilent])
    );
}

/// What is still to be done is no failing: until then the window is open, and nothing else.
#[test]
fn a_run_that_was_left_says_that_its_window_is_open() {
    let last = Run::quiet(4).of(Arm::Reached)[3];
    let mut left = without(&Run::quiet(4), |record| match record {
        Record::Probe(probe) => probe.trial == last,
        Record::Hit(hit) => hit.tokens().iter().any(|token| token.trial == last),
        Record::Notice(notice) => notice.phase == Phase::Receive,
        _ => false,
    });
    left.end = None;
    assert_eq!(
        sent(&left),
        (Verdict::Inconclusive, vec![Doubt::WindowOpen])
    );
    assert!(cell(&left, Arm::Sent).provisional);
    let trial = left.of(Arm::Sent)[0];
    left.visit(trial, Visit::provider(12.0));
    assert_eq!(sent(&left).0, Verdict::Observed);
    // Ended like this it lacks all of that.
    left.end = Some(end(200.0));
    assert_eq!(sent(&left).1, [Doubt::ControlSilent, Doubt::NotDelivered]);
}

/// A browser that came later was proven later, or nothing it did proves anything.
#[test]
fn a_run_that_was_taken_up_again_has_controls_of_its_own() {
    let mut run = Run::quiet(4);
    let id = TrialId(u32::try_from(run.manifest.trials.len()).unwrap());
    let door = Trial {
        id,
        variant: "default".into(),
        arm: Arm::Reached,
        form: Form::Http,
        via: Some(Via::Recipient),
        doorway: None,
    };
    run.records.push(Record::Resumption(Resumption {
        at: common::evidence::at(100.0),
        trials: vec![door.clone()],
    }));
    assert_eq!(sent(&run), (Verdict::Inconclusive, vec![Doubt::Unsealed]));
    run.manifest.trials.push(door);
    run.prove(id, Via::Recipient, 101.0);
    run.manifest.trials.pop();
    assert_eq!(sent(&run).0, Verdict::NotObserved);
    assert_eq!(cell(&run, Arm::Reached).planned, 5);
}

/// Whoever sent it and went away saw how the clocks were until then.
#[test]
fn a_clock_that_jumped_before_a_recess_is_not_believed_either() {
    let mut run = Run::quiet(4);
    run.records.push(Record::Recess(Recess {
        at: common::evidence::at(30.0),
        clock_drift_ms: 5000,
    }));
    assert_eq!(sent(&run), (Verdict::Inconclusive, vec![Doubt::ClockSkew]));
}

#[test]
fn a_clock_that_jumped_is_not_believed() {
    let mut run = Run::quiet(4);
    run.end = Some(RunEnd {
        clock_drift_ms: -3_600_000,
        ..end(200.0)
    });
    assert_eq!(sent(&run), (Verdict::Inconclusive, vec![Doubt::ClockSkew]));
}

/// A collector's watch may see what the run's own does not: a clock that went forth and back.
#[test]
fn a_jump_of_the_clock_counts_where_it_touches_the_run() {
    let jumped = |from: f64, to: f64, moved_ms| {
        let mut run = Run::quiet(4);
        let (from, to) = (common::evidence::at(from), common::evidence::at(to));
        run.records.push(Record::Jump(Jump { from, to, moved_ms }));
        sent(&run).1
    };
    assert_eq!(jumped(50.0, 55.0, 5000), [Doubt::ClockSkew]);
    assert_eq!(jumped(50.0, -3000.0, -3_050_000), [Doubt::ClockSkew]);
    assert_eq!(jumped(50.0, 50.9, 900), [], "slewing");
    assert_eq!(jumped(-90.0, -80.0, 5000), [], "before the run");
    assert_eq!(jumped(201.0, 300.0, 5000), [], "after its end");
}

/// The doubts about a run in which nobody listened for a while.
fn deaf(mut run: Run, from: f64, to: f64) -> Vec<Doubt> {
    run.gap();
    let Some(Record::Gap(gap)) = run.records.last_mut() else {
        panic!("a gap was put in")
    };
    (gap.from, gap.to) = (common::evidence::at(from), common::evidence::at(to));
    sent(&run).1
}

#[test]
fn a_gap_counts_where_it_touches_the_run() {
    let with = |from, to| deaf(Run::quiet(4), from, to);
    assert_eq!(with(-5.0, 0.0), [Doubt::CoverageGap]);
    assert_eq!(with(200.0, 300.0), [Doubt::CoverageGap]);
    assert_eq!(with(-5.0, -1.0), [], "before the run");
    assert_eq!(with(200.1, 300.0), [], "after its end");
}

/// By the collector's clock it began after the run had ended, and by the conductor's before that.
#[test]
fn a_gap_at_the_end_counts_though_the_clocks_are_a_little_apart() {
    assert_eq!(deaf(skewed(400), 200.3, 300.0), [Doubt::CoverageGap]);
    assert_eq!(deaf(skewed(200), 200.3, 300.0), []);
}

#[test]
fn an_effect_before_its_cause_unsettles_everything() {
    let mut run = Run::quiet(4);
    let trial = run.of(Arm::Sent)[0];
    run.visit(trial, Visit::provider(9.0));
    assert_eq!(sent(&run), (Verdict::Inconclusive, vec![Doubt::ClockSkew]));
}

#[test]
fn a_visitor_to_a_canary_nobody_had_unsettles_everything() {
    let mut run = Run::quiet(4);
    let (sent_trial, unsent) = (run.of(Arm::Sent)[0], run.of(Arm::Unsent)[0]);
    run.visit(sent_trial, Visit::provider(20.0));
    run.visit(unsent, Visit::new(20.0));
    assert_eq!(
        sent(&run),
        (Verdict::Inconclusive, vec![Doubt::NoiseInControl])
    );
}

#[test]
fn a_browser_at_the_public_door_unsettles_everything() {
    let mut run = Run::quiet(4);
    let (sent_trial, door_control) = (run.of(Arm::Sent)[0], run.of(Arm::Reached)[0]);
    run.visit(sent_trial, Visit::provider(20.0));
    run.visit(
        door_control,
        Visit {
            peer: "127.0.0.1:9",
            ..Visit::new(1.15)
        },
    );
    let (verdict, doubts) = sent(&run);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(doubts.contains(&Doubt::Unsealed), "{doubts:?}");
}

/// Law 4: one attributed hit proves presence, whatever else went wrong.
#[test]
fn presence_stands_where_absence_would_not() {
    let mut run = Run::quiet(4);
    let trials = run.of(Arm::Sent);
    run.visit(trials[0], Visit::provider(20.0));
    run.gap();
    let received = |r: &Record| matches!(r, Record::Notice(n) if n.trial == trials[1]);
    let run = without(&run, received);
    let (verdict, doubts) = sent(&run);
    assert_eq!(verdict, Verdict::Observed);
    assert_eq!(
        doubts,
        [
            Doubt::CoverageGap,
            Doubt::ExposureUnconfirmed,
            Doubt::NotDelivered
        ]
    );
}

#[test]
fn outcomes_hold_the_verdict_against_the_claim() {
    let outcome =
        |claim: Verdict, depth, actors: Option<Vec<Actor>>, doubtful: bool, visited: bool| {
            let mut run = Run::quiet(4);
            run.expect(Arm::Sent, claim, depth, actors);
            let trial = run.of(Arm::Sent)[0];
            if visited {
                run.visit(trial, Visit::provider(20.0));
            }
            if doubtful {
                run.gap();
            }
            (cell(&run, Arm::Sent).outcome, ExitStatus::of(&cells(&run)))
        };
    use ExitStatus::{Failed, Inconclusive, Met};
    let (yes, no) = (Verdict::Observed, Verdict::NotObserved);
    assert_eq!(outcome(yes, None, None, false, true), (Outcome::Pass, Met));
    assert_eq!(
        outcome(
            yes,
            Some(Depth::Read),
            Some(vec![Actor::Provider]),
            false,
            true
        ),
        (Outcome::Pass, Met)
    );
    assert_eq!(
        outcome(yes, Some(Depth::Probed), None, false, true),
        (Outcome::Fail, Failed)
    );
    assert_eq!(
        outcome(yes, None, Some(vec![Actor::Unknown]), false, true),
        (Outcome::Fail, Failed)
    );
    assert_eq!(
        outcome(yes, None, Some(vec![]), false, true),
        (Outcome::Fail, Failed)
    );
    assert_eq!(
        outcome(yes, None, None, false, false),
        (Outcome::Fail, Failed)
    );
    assert_eq!(outcome(no, None, None, false, false), (Outcome::Pass, Met));
    assert_eq!(
        outcome(no, None, None, false, true),
        (Outcome::Fail, Failed)
    );
    // A leak is a leak, gap or not; a claim of silence is neither met nor failed by a run that may have been deaf.
    assert_eq!(outcome(no, None, None, true, true), (Outcome::Fail, Failed));
    assert_eq!(
        outcome(no, None, None, true, false),
        (Outcome::Inconclusive, Inconclusive)
    );
    assert_eq!(
        outcome(yes, None, None, true, true),
        (Outcome::Inconclusive, Inconclusive)
    );
}

/// A service that swallows messages is not delivered whenever it is played: that may be claimed, and no other doubt is
/// excused by it.
#[test]
fn a_claim_may_name_the_doubts_that_remain() {
    let outcome = |claimed: &[Doubt], delivered: bool, doubtful: bool| {
        let mut run = Run::quiet(4);
        run.expect(Arm::Sent, Verdict::Observed, None, None);
        run.manifest.expectations[0].limit.doubts = claimed.to_vec();
        let trials = run.of(Arm::Sent);
        run.visit(trials[0], Visit::provider(20.0));
        if doubtful {
            run.gap();
        }
        let arrived = |record: &Record| {
            matches!(record, Record::Notice(notice)
                if notice.phase == Phase::Receive && trials.contains(&notice.trial))
        };
        let run = if delivered {
            run.clone()
        } else {
            without(&run, arrived)
        };
        cell(&run, Arm::Sent).outcome
    };
    let lost = [Doubt::NotDelivered];
    assert_eq!(outcome(&lost, false, false), Outcome::Pass);
    assert_eq!(outcome(&[], false, false), Outcome::Inconclusive);
    assert_eq!(outcome(&lost, true, false), Outcome::Fail, "it arrived");
    assert_eq!(outcome(&lost, false, true), Outcome::Inconclusive);
}

#[test]
fn the_same_evidence_gives_the_same_verdict() {
    let mut run = Run::quiet(4);
    let trial = run.of(Arm::Sent)[2];
    run.visit(trial, Visit::provider(20.0));
    assert_eq!(
        judge(&run.evidence()).unwrap(),
        judge(&run.evidence()).unwrap()
    );
}

/// Turns the last hit into bytes that are no request.
fn break_last_request(run: &mut Run) {
    leave_of_last(run, b"GET /TOKEN HTTP/9");
}

/// Turns the last hit into a connection with no more than these bytes.
fn leave_of_last(run: &mut Run, sent: &[u8]) {
    let hits = run.records.iter_mut().rev();
    let mut hits = hits.filter_map(|record| match record {
        Record::Hit(hit) => Some(hit),
        _ => None,
    });
    hits.next().unwrap().kind = HitKind::Connection {
        sent: Bytes(sent.to_vec()),
    };
}

/// Makes the last hit one without a token of ours.
fn take_tokens_of_last(run: &mut Run, recognition: Recognition) {
    let hits = run.records.iter_mut().rev();
    let mut hits = hits.filter_map(|record| match record {
        Record::Hit(hit) => Some(hit),
        _ => None,
    });
    hits.next().unwrap().recognition = recognition;
}

#[test]
fn a_link_named_in_bytes_that_are_no_request_was_touched() {
    let mut run = Run::quiet(4);
    let (sent_trial, unsent) = (run.of(Arm::Sent)[0], run.of(Arm::Unsent)[0]);
    run.visit(sent_trial, Visit::provider(20.0));
    break_last_request(&mut run);
    let seen = cell(&run, Arm::Sent);
    assert_eq!(
        (seen.verdict, seen.depth, seen.hits),
        (Verdict::Observed, Some(Depth::Probed), 1)
    );
    run.visit(unsent, Visit::provider(20.0));
    break_last_request(&mut run);
    assert_eq!(
        sent(&run),
        (Verdict::Inconclusive, vec![Doubt::NoiseInControl])
    );
}

/// A provider that follows a rewritten or cut link has no token to show, and silence is then no silence.
#[test]
fn a_provider_that_comes_by_another_link_leaves_no_silence() {
    let foreign = Match {
        place: Place::Path,
        class: Class::Foreign,
        token: None,
    };
    let foreign = Recognition {
        matches: vec![foreign],
    };
    for recognition in [foreign, Recognition::none()] {
        let mut run = Run::quiet(4);
        let trial = run.of(Arm::Sent)[0];
        run.visit(trial, Visit::provider(20.0));
        take_tokens_of_last(&mut run, recognition.clone());
        assert_eq!(
            sent(&run),
            (Verdict::Inconclusive, vec![Doubt::LinkRewritten])
        );
        assert_eq!(cell(&run, Arm::Unsent).verdict, Verdict::NotObserved);
        // A stranger from elsewhere, or the provider before anything was out, says nothing about our links.
        let mut run = Run::quiet(4);
        run.visit(trial, Visit::new(20.0));
        take_tokens_of_last(&mut run, recognition.clone());
        run.visit(trial, Visit::provider(2.0));
        take_tokens_of_last(&mut run, recognition);
        assert_eq!(sent(&run), (Verdict::NotObserved, vec![]));
    }
}

/// A client that does not trust us may end the handshake before it goes away: the connection is then told by its hello,
/// whatever that names, and is no visit by another link.
#[test]
fn a_connection_that_only_began_tls_is_told_by_its_hello() {
    let play = |hello_from: &str, sent: &[u8]| {
        let mut run = Run::quiet(4);
        let trial = run.of(Arm::Sent)[0];
        let mut hello = Visit::provider(20.0);
        hello.peer = hello_from;
        run.hello(None, hello);
        run.visit(trial, Visit::provider(20.1));
        take_tokens_of_last(&mut run, Recognition::none());
        leave_of_last(&mut run, sent);
        self::sent(&run)
    };
    let itself = Visit::provider(20.0).peer;
    assert_eq!(play(itself, b""), (Verdict::NotObserved, vec![]));
    let rewritten = (Verdict::Inconclusive, vec![Doubt::LinkRewritten]);
    assert_eq!(play(itself, b"GET /"), rewritten, "it asked for something");
    assert_eq!(play("127.0.0.2:9", b""), rewritten, "another connection");
}

/// Makes the last hit one whose sender only had the link it names.
fn only_had(run: &mut Run, trial: waxseal::model::TrialId, place: Place, class: Class) {
    let token = Some(Run::token(run, trial));
    let one = Match {
        place,
        class,
        token,
    };
    take_tokens_of_last(run, Recognition { matches: vec![one] });
}

/// A link in a `Referer`, or asked for with an error in it, was had by whoever sent it. That is no visit, and no silence.
#[test]
fn who_had_a_link_and_did_not_ask_for_it_is_told_and_not_counted() {
    for (place, class) in [
        (Place::Referer, Class::Intact),
        (Place::Path, Class::Mutated),
        (Place::Referer, Class::Mutated),
    ] {
        let mut run = Run::quiet(4);
        let (planted, unsent) = (run.of(Arm::Sent)[0], run.of(Arm::Unsent)[0]);
        run.visit(planted, Visit::new(20.0));
        only_had(&mut run, planted, place, class);
        let seen = cell(&run, Arm::Sent);
        assert_eq!((seen.hits, seen.hearsay, seen.depth), (0, 1, None));
        assert_eq!(
            sent(&run),
            (Verdict::Inconclusive, vec![Doubt::LinkRewritten])
        );
        // Beside a visit it says nothing more: whoever fetches a page with a browser asks for its icon as well.
        run.visit(planted, Visit::provider(21.0));
        let seen = cell(&run, Arm::Sent);
        assert_eq!(
            (seen.verdict, seen.hits, seen.hearsay),
            (Verdict::Observed, 1, 0)
        );
        // Nobody can have had a link that was shown to nobody.
        run.visit(unsent, Visit::new(22.0));
        only_had(&mut run, unsent, place, class);
        let doubts = cell(&run, Arm::Unsent).doubts;
        assert!(doubts.contains(&Doubt::NoiseInControl), "{doubts:?}");
    }
}

#[test]
fn a_control_that_is_only_named_was_not_heard() {
    let mut run = Run::quiet(4);
    let control = run.of(Arm::Reached)[0];
    for record in &mut run.records {
        if let Record::Hit(hit) = record
            && hit.tokens().iter().any(|token| token.trial == control)
        {
            hit.recognition.matches[0].place = Place::Referer;
        }
    }
    assert_ne!(sent(&run).0, Verdict::NotObserved);
}

#[test]
fn how_far_a_visitor_went_shows_in_what_it_asked_for() {
    for (part, method, taken, depth) in [
        (Part::Hop, "GET", 900, Depth::Loaded),
        (Part::Hop, "HEAD", 0, Depth::Probed),
        (Part::Script, "GET", 900, Depth::Executed),
        // Who asks for what only a script can compute has run it, whatever became of the answer.
        (Part::Script, "GET", 0, Depth::Executed),
    ] {
        let mut run = Run::quiet(4);
        let trial = run.of(Arm::Sent)[0];
        run.visit(
            trial,
            Visit {
                part,
                method,
                body_bytes: Some(taken),
                ..Visit::provider(20.0)
            },
        );
        assert_eq!(cell(&run, Arm::Sent).depth, Some(depth), "{part} {method}");
    }
}

/// Credentials go to a whole host: they say that the link was used, and not which page was asked for.
#[test]
fn credentials_alone_ask_for_no_page() {
    let mut run = Run::quiet(4);
    let trial = run.of(Arm::Sent)[0];
    run.visit(
        trial,
        Visit {
            part: Part::Secret,
            ..Visit::provider(20.0)
        },
    );
    assert_eq!(cell(&run, Arm::Sent).depth, Some(Depth::Read));
    for record in run.records.iter_mut().rev() {
        if let Record::Hit(hit) = record {
            hit.recognition.matches[0].place = Place::Authorization;
            break;
        }
    }
    assert_eq!(cell(&run, Arm::Sent).depth, Some(Depth::Connected));
}

#[test]
fn every_link_that_a_request_names_is_counted() {
    let mut run = Run::quiet(4);
    let trials = run.of(Arm::Sent);
    run.visit(trials[0], Visit::provider(20.0));
    let second = Run::token(&run, trials[1]);
    if let Some(Record::Hit(hit)) = run
        .records
        .iter_mut()
        .rev()
        .find(|r| matches!(r, Record::Hit(_)))
    {
        let both = [hit.tokens(), vec![second]].concat();
        hit.recognition = Recognition::intact(Place::Path, &both);
    }
    assert_eq!(cell(&run, Arm::Sent).hits, 2);
}

#[test]
fn doors_that_were_never_proven_prove_nothing() {
    let mut run = Run::quiet(4);
    let trial = run.of(Arm::Sent)[0];
    run.visit(trial, Visit::provider(20.0));
    run.manifest
        .trials
        .retain(|trial| trial.arm != Arm::Reached);
    let (verdict, doubts) = sent(&run);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(doubts.contains(&Doubt::Unsealed), "{doubts:?}");
}

/// Every trial gets the same time: who comes later is told and not counted.
#[test]
fn a_visit_after_the_window_is_late() {
    let mut run = Run::quiet(4);
    let trials = run.of(Arm::Sent);
    run.visit(trials[0], Visit::provider(20.0));
    run.visit(trials[1], Visit::provider(120.0));
    let seen = cell(&run, Arm::Sent);
    assert_eq!(
        (seen.verdict, seen.hits, seen.late),
        (Verdict::Observed, 1, 1)
    );
    let mut only_late = Run::quiet(4);
    only_late.visit(trials[1], Visit::provider(120.0));
    let seen = cell(&only_late, Arm::Sent);
    assert_eq!(
        (seen.verdict, seen.hits, seen.late),
        (Verdict::Observed, 0, 1),
        "presence is presence"
    );
}

#[test]
fn what_was_typed_and_never_sent_is_no_trial_of_sending() {
    let mut run = Run::quiet(4);
    let trials = run.of(Arm::Sent);
    run.visit(trials[0], Visit::provider(20.0));
    let sending = |r: &Record| matches!(r, Record::Exposure(e) if e.phase == Phase::Send && e.trial != trials[0]);
    let seen = cell(&without(&run, sending), Arm::Sent);
    assert_eq!((seen.hits, seen.trials, seen.planned), (1, 1, 4));
}

#[test]
fn who_comes_before_the_sending_is_told_apart() {
    let mut run = Run::quiet(4);
    let trial = run.of(Arm::Sent)[0];
    run.visit(trial, Visit::provider(10.3));
    let seen = cell(&run, Arm::Sent);
    assert_eq!(
        (seen.hits, seen.elsewhere),
        (0, 1),
        "that is what `drafted` is for"
    );
    assert_eq!(seen.actors, []);
    // Where nothing is planned for what typing causes, it is told with the sending.
    run.manifest
        .trials
        .retain(|trial| trial.arm != Arm::Drafted);
    let seen = cell(&run, Arm::Sent);
    assert_eq!((seen.hits, seen.elsewhere), (1, 0));
    assert_eq!(seen.actors[0].phases, [Phase::Compose]);
    assert_eq!(
        seen.first_delay.unwrap().as_millis(),
        300,
        "counted from typing"
    );
}

/// Only we know the name that our own fetches go by.
#[test]
fn a_stranger_who_comes_while_we_fetch_is_no_auditor() {
    let mut run = Run::quiet(4);
    let control = *run.of(Arm::Reached).last().unwrap();
    run.visit(control, Visit::provider(150.1));
    assert_eq!(
        sent(&run),
        (Verdict::Inconclusive, vec![Doubt::NoiseInControl])
    );
}

/// A query comes from a resolver, so its address is all there is to say who it was.
#[test]
fn a_look_up_alone_has_only_learned_the_host() {
    let mut run = Run::quiet(4);
    let trials = run.of(Arm::Sent);
    run.resolve(trials[0], 20.0, "198.51.100.53:53");
    run.resolve(trials[1], 21.0, "192.0.2.53:53");
    let cell = cell(&run, Arm::Sent);
    assert_eq!(
        (cell.verdict, cell.depth, cell.hits, cell.trials),
        (Verdict::Observed, Some(Depth::Resolved), 2, 4)
    );
    let who: Vec<(Actor, &[String])> = cell
        .actors
        .iter()
        .map(|one| (one.actor, &one.methods[..]))
        .collect();
    let method = ["DNS AAAA".to_owned()];
    assert_eq!(
        who,
        [
            (Actor::Provider, &method[..]),
            (Actor::Unknown, &method[..])
        ]
    );
}

#[test]
fn a_look_up_of_what_nobody_was_shown_is_noise() {
    let mut run = Run::quiet(4);
    let unsent = run.of(Arm::Unsent)[0];
    run.resolve(unsent, 20.0, "192.0.2.53:53");
    assert_eq!(
        sent(&run),
        (Verdict::Inconclusive, vec![Doubt::NoiseInControl])
    );
}

#[test]
fn whoever_asks_the_host_for_something_else_has_not_touched_the_link() {
    let mut run = Run::quiet(4);
    let trial = run.of(Arm::Sent)[0];
    run.visit(
        trial,
        Visit {
            part: Part::Host,
            ..Visit::provider(20.0)
        },
    );
    assert_eq!(cell(&run, Arm::Sent).depth, Some(Depth::Connected));
}

/// With links in a zone the collector must be heard over DNS as well as over HTTP, before and after.
#[test]
fn a_zone_is_proven_by_look_ups_of_our_own() {
    let mut run = Run::quiet(4);
    run.manifest.public = "http://*.canary.example:8080".into();
    let deaf = (Verdict::Inconclusive, vec![Doubt::ControlSilent]);
    assert_eq!(sent(&run), deaf);
    let probes = run.records.iter().filter_map(|record| match record {
        Record::Probe(probe) => Some((probe.trial, probe.from)),
        _ => None,
    });
    let probes: Vec<_> = probes.collect();
    for (trial, from) in probes {
        let seen = from.duration_since(common::evidence::at(0.0)).as_secs_f64() + 0.05;
        if run.manifest.trials[trial.0 as usize].via == Some(Via::Auditor) {
            run.resolve(trial, seen, "192.0.2.9:4001");
        }
    }
    assert_eq!(sent(&run), (Verdict::NotObserved, Vec::new()));
    let no_http = |record: &Record| matches!(record, Record::Hit(hit) if hit.door == Door::Public && matches!(hit.kind, HitKind::Http(_)));
    let (verdict, doubts) = sent(&without(&run, no_http));
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(doubts.contains(&Doubt::ControlSilent), "{doubts:?}");
}

/// A run whose every link is over https.
fn https(trials: u16) -> Run {
    let mut run = Run::quiet(trials);
    for trial in &mut run.manifest.trials {
        trial.form = Form::Https;
    }
    run
}

#[test]
fn a_hello_that_names_the_canarys_host_has_connected() {
    let mut run = https(3);
    let trial = run.of(Arm::Sent)[0];
    run.hello(Some(trial), Visit::provider(20.0));
    let cell = cell(&run, Arm::Sent);
    assert_eq!(
        (cell.verdict, cell.depth, cell.hits),
        (Verdict::Observed, Some(Depth::Connected), 1)
    );
    assert_eq!(cell.actors[0].methods, Vec::<String>::new());
}

/// Without a token in it, a hello is nobody's: it proves no visit, and leaves no silence to speak of either.
#[test]
fn a_hello_without_a_token_is_no_visit_and_no_silence() {
    let mut run = https(3);
    run.hello(None, Visit::provider(20.0));
    let doubts = vec![Doubt::HelloOnly];
    assert_eq!(sent(&run), (Verdict::Inconclusive, doubts));
    assert_eq!(cell(&run, Arm::Unsent).verdict, Verdict::NotObserved);
}

#[test]
fn a_hello_that_cannot_be_the_services_raises_no_doubt() {
    let clear = (Verdict::NotObserved, Vec::new());
    let mut stranger = https(3);
    stranger.hello(None, Visit::new(20.0));
    assert_eq!(sent(&stranger), clear, "not from the service's networks");
    let mut early = https(3);
    early.hello(None, Visit::provider(5.0));
    assert_eq!(sent(&early), clear, "before any link was out");
    let mut plain = Run::quiet(3);
    plain.hello(None, Visit::provider(20.0));
    assert_eq!(sent(&plain), clear, "no link was over https");
    let mut asked = https(3);
    asked.hello(None, Visit::provider(20.0));
    let trial = asked.of(Arm::Sent)[0];
    asked.visit(trial, Visit::provider(20.1));
    over_tls(&mut asked);
    assert_eq!(sent(&asked).0, Verdict::Observed);
    assert_eq!(sent(&asked).1, [], "it asked on the same connection");
}

fn over_tls(run: &mut Run) {
    for record in &mut run.records {
        if let Record::Hit(hit) = record
            && let HitKind::Http(request) = &mut hit.kind
        {
            request.tls = true;
        }
    }
}

/// A control is a request that was heard. That our client said hello is not enough.
#[test]
fn a_control_whose_request_was_not_heard_is_silent() {
    let run = https(3);
    let control = run.of(Arm::Reached)[2];
    let mut deaf = without(
        &run,
        |record| matches!(record, Record::Hit(hit) if hit.tokens().iter().any(|token| token.trial == control)),
    );
    assert_eq!(sent(&deaf).1, [Doubt::ControlSilent]);
    deaf.hello(Some(control), Visit::new(1.1));
    assert_eq!(sent(&deaf).1, [Doubt::ControlSilent]);
    // And as nothing shows that the hello was our own, somebody else had the canary.
    let doubts = cell(&deaf, Arm::Reached).doubts;
    assert_eq!(doubts, [Doubt::ControlSilent, Doubt::NoiseInControl]);
}

/// Whoever follows our own browsers about adds visits, and hides none: silence elsewhere is still silence.
#[test]
fn a_follower_of_our_browsers_stands_against_visits_and_not_against_silence() {
    let mut run = Run::quiet(4);
    let carrier = Visit::new(150.15);
    let (sent_trial, control) = (run.of(Arm::Sent)[0], *run.of(Arm::Reached).last().unwrap());
    run.visit(control, carrier);
    assert_eq!(sent(&run), (Verdict::NotObserved, vec![]));
    run.visit(sent_trial, Visit::new(20.0));
    assert_eq!(
        sent(&run),
        (Verdict::Inconclusive, vec![Doubt::NoiseInControl]),
        "the same may have come for it"
    );
    run.visit(sent_trial, Visit::provider(21.0));
    assert_eq!(
        sent(&run),
        (Verdict::Observed, vec![Doubt::NoiseInControl]),
        "and nobody like this one"
    );
}

/// A run whose collector's clock is this far ahead of the conductor's: known, and not much.
fn skewed(milliseconds: i64) -> Run {
    let mut run = Run::quiet(4);
    run.end.as_mut().unwrap().clock_drift_ms = milliseconds;
    for record in &mut run.records {
        if let Record::Hit(hit) = record {
            let by = jiff::SignedDuration::from_millis(milliseconds);
            hit.received = hit.received.checked_add(by).unwrap();
        }
    }
    run
}

/// Clocks on two machines are never quite together; our own fetches are known by their name.
#[test]
fn clocks_that_are_a_little_apart_silence_no_control() {
    for apart in [-900, -150, 150, 900] {
        assert_eq!(
            sent(&skewed(apart)),
            (Verdict::NotObserved, vec![]),
            "{apart} ms"
        );
    }
}

/// Whoever comes at once after the sending seems to have come while it was typed, by a clock that is behind.
#[test]
fn what_hangs_on_the_clocks_is_not_said() {
    let mut run = skewed(-400);
    let out = run.of(Arm::Sent)[0];
    run.visit(out, Visit::provider(10.55 - 0.4));
    for arm in [Arm::Sent, Arm::Drafted] {
        let cell = cell(&run, arm);
        let expected = if arm == Arm::Sent {
            (Verdict::Inconclusive, vec![Doubt::ClockSkew])
        } else {
            (Verdict::NotObserved, vec![])
        };
        assert_eq!((cell.verdict, cell.doubts), expected, "{arm}");
    }
    run.visit(out, Visit::provider(12.0));
    assert_eq!(
        sent(&run).0,
        Verdict::Observed,
        "one that is well behind settles it"
    );
}

/// Somebody in the provider's network follows whatever our browsers open. A stranger who comes because of the message does
/// not make the follower its cause.
#[test]
fn who_would_have_come_anyway_is_not_said_to_be_the_one() {
    let mut run = Run::quiet(4);
    let (opened, sent) = (run.of(Arm::Reached)[2], run.of(Arm::Sent)[0]);
    run.visit(opened, Visit::provider(5.0));
    run.visit(sent, Visit::provider(12.0));
    assert_eq!(self::sent(&run).0, Verdict::Inconclusive);
    run.visit(
        sent,
        Visit {
            method: "HEAD",
            body_bytes: Some(0),
            ..Visit::new(13.0)
        },
    );
    let cell = cell(&run, Arm::Sent);
    let actors: Vec<Actor> = cell.actors.iter().map(|one| one.actor).collect();
    assert_eq!(
        (cell.verdict, cell.depth, &actors[..]),
        (
            Verdict::Observed,
            Some(Depth::Probed),
            &[Actor::Unknown][..]
        )
    );
}
