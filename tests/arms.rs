//! What each arm is about: which phase a visit belongs to, what follows our own steps about, and what more trials would say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::evidence::{Run, SEALED, Visit, at};
use common::golden::assert_golden;
use waxseal::attribution::Sources;
use waxseal::model::{
    Account, Actor, Advice, Arm, Arrival, Cell, Constancy, Door, Doorway, Doubt, Omission, Phase,
    Record, Settles, TrialId, Verdict, Via,
};
use waxseal::verdict::{explain, judge};

fn cell(run: &Run, arm: Arm) -> Cell {
    let cells = judge(&run.evidence()).unwrap().cells;
    let found = cells.into_iter().find(|cell| cell.arm == arm);
    found.expect("the arm was planned")
}

fn read(run: &Run, arm: Arm) -> (Verdict, u32, Vec<Doubt>) {
    let cell = cell(run, arm);
    (cell.verdict, cell.hits, cell.doubts)
}

/// A run whose links are sent, and shown to the recipient at 80 s; half of them belong to `received`.
fn shown(trials: u16) -> Run {
    let mut run = Run::quiet(trials);
    for sent in run.of(Arm::Sent) {
        run.expose(sent, Phase::Receive, 80.0);
    }
    for nth in 0..trials {
        let id = run.trial(Arm::Received, None);
        let out = 20.0 + f64::from(nth);
        run.expose(id, Phase::Compose, out);
        run.expose(id, Phase::Send, out + 0.5);
        run.notice(id, Phase::Confirm, out + 0.6);
        run.expose(id, Phase::Receive, 80.0);
        run.notice(id, Phase::Receive, 80.0 + f64::from(nth));
    }
    run
}

#[test]
fn what_looking_causes_is_not_what_sending_causes() {
    let mut run = shown(4);
    let silent = (Verdict::NotObserved, 0, Vec::new());
    assert_eq!(read(&run, Arm::Sent), silent);
    assert_eq!(read(&run, Arm::Received), silent);
    for arm in [Arm::Sent, Arm::Received] {
        for id in run.of(arm) {
            run.visit(id, Visit::provider(81.0));
        }
    }
    assert_eq!(read(&run, Arm::Sent), silent);
    assert_eq!(cell(&run, Arm::Sent).elsewhere, 4);
    let received = cell(&run, Arm::Received);
    assert_eq!((received.verdict, received.hits), (Verdict::Observed, 4));
    assert_eq!(received.first_delay.unwrap().as_millis(), 1000);
}

#[test]
fn what_sending_causes_is_not_what_looking_causes() {
    let mut run = shown(4);
    for id in run.of(Arm::Received) {
        run.visit(id, Visit::provider(26.0));
    }
    let received = cell(&run, Arm::Received);
    assert_eq!(
        (received.verdict, received.hits, received.elsewhere),
        (Verdict::NotObserved, 0, 4)
    );
}

/// Where nobody asks what looking causes, it is told with the sending, and not lost.
#[test]
fn without_an_arm_of_its_own_a_phase_is_told_with_the_sending() {
    let mut run = Run::quiet(4);
    let sent = run.of(Arm::Sent)[0];
    run.expose(sent, Phase::Receive, 30.0);
    run.visit(sent, Visit::provider(31.0));
    assert_eq!(cell(&run, Arm::Sent).verdict, Verdict::Observed);
}

/// Our own browser opens links that are never sent: whoever comes for those follows our browser about.
fn visited(run: &mut Run, trials: u16) -> Vec<TrialId> {
    let opened = (0..trials).map(|nth| {
        let id = run.trial(Arm::Visited, Some(Via::Sender));
        run.fetched(id, 60.0 + f64::from(nth));
        let door = Door::Browser {
            account: Account::Sender,
            sealed: false,
        };
        run.visit(
            id,
            Visit {
                door,
                ..Visit::new(60.1 + f64::from(nth))
            },
        );
        id
    });
    opened.collect()
}

#[test]
fn who_follows_our_browser_about_proves_nothing_by_coming_for_what_was_sent() {
    let mut run = Run::quiet(4);
    let opened = visited(&mut run, 4);
    let sent = run.of(Arm::Sent);
    run.visit(sent[0], Visit::new(15.0));
    assert_eq!(cell(&run, Arm::Sent).verdict, Verdict::Observed);
    run.visit(opened[0], Visit::new(61.0));
    assert_eq!(
        read(&run, Arm::Sent),
        (Verdict::Inconclusive, 1, vec![Doubt::NoiseInControl])
    );
    // The service itself does not follow our browser about.
    run.visit(sent[1], Visit::provider(15.0));
    assert_eq!(cell(&run, Arm::Sent).verdict, Verdict::Observed);
    // Unless it does.
    run.visit(opened[0], Visit::provider(61.0));
    assert_eq!(cell(&run, Arm::Sent).verdict, Verdict::Inconclusive);
}

/// Somebody who is known, and is not the service, is no doubt and no visit where it follows our browser about; where only
/// sending brought it, it is a visit.
#[test]
fn somebody_else_counts_where_sending_brought_them() {
    let scanner = |at| Visit {
        agent: "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
        ..Visit::new(at)
    };
    let mut run = Run::quiet(4);
    let opened = visited(&mut run, 4);
    let sent = run.of(Arm::Sent);
    run.visit(sent[0], scanner(15.0));
    let seen = cell(&run, Arm::Sent);
    assert_eq!((seen.verdict, seen.hits), (Verdict::Observed, 1));
    assert_eq!(seen.actors[0].actor, Actor::ThirdParty);
    run.visit(opened[0], scanner(61.0));
    assert_eq!(read(&run, Arm::Sent), (Verdict::NotObserved, 0, Vec::new()));
}

/// A resolver that repeats names leaves look-ups everywhere; who reads has done more than that.
#[test]
fn a_visit_that_goes_further_than_the_noise_stands() {
    let mut run = Run::quiet(4);
    let opened = visited(&mut run, 4);
    let sent = run.of(Arm::Sent);
    for id in [opened[0], sent[0]] {
        run.resolve(id, 100.0, "192.0.2.53:53");
    }
    assert_eq!(cell(&run, Arm::Sent).verdict, Verdict::Inconclusive);
    run.visit(sent[1], Visit::new(15.0));
    assert_eq!(cell(&run, Arm::Sent).verdict, Verdict::Observed);
}

#[test]
fn a_link_that_arrives_as_another_is_rewritten_and_not_lost() {
    let mut run = Run::quiet(4);
    let sent = run.of(Arm::Sent)[0];
    run.records.retain(|record| match record {
        Record::Notice(notice) => (notice.trial, notice.phase) != (sent, Phase::Receive),
        _ => true,
    });
    assert_eq!(read(&run, Arm::Sent).2, [Doubt::NotDelivered]);
    run.records.push(Record::Arrival(Arrival {
        trial: sent,
        at: at(12.0),
        intact: false,
        others: vec!["https://l.facebook.com/l.php?u=x".into()],
    }));
    let cell = cell(&run, Arm::Sent);
    assert_eq!(
        (cell.verdict, &cell.doubts[..]),
        (Verdict::Inconclusive, &[Doubt::LinkRewritten][..])
    );
    assert_eq!(cell.wrappers, ["l.facebook.com (Meta's link shim)"]);
}

#[test]
fn doors_are_cells_of_their_own() {
    let mut run = Run::quiet(3);
    for (nth, trial) in run.manifest.trials.iter_mut().enumerate() {
        if trial.arm == Arm::Sent {
            trial.doorway = Some([Doorway::Sealed, Doorway::Open][nth % 2]);
        }
    }
    let cells = judge(&run.evidence()).unwrap().cells;
    let sent = cells.iter().filter(|cell| cell.arm == Arm::Sent);
    let doors: Vec<(Doorway, u32)> = sent.map(|cell| (cell.doorway, cell.trials)).collect();
    assert_eq!(doors, [(Doorway::Sealed, 1), (Doorway::Open, 2)]);
}

#[test]
fn advice_says_how_many_more_would_decide() {
    let advice = |trials, hits: usize| {
        let mut run = Run::quiet(trials);
        for id in run.of(Arm::Sent).into_iter().take(hits) {
            run.visit(id, Visit::provider(40.0));
        }
        let cell = cell(&run, Arm::Sent);
        (cell.constancy, cell.advice)
    };
    let more = |trials, settles| Some(Advice { trials, settles });
    assert_eq!(advice(2, 0), (None, more(1, Settles::Absence)));
    // 0 of 36 is the first whose upper end is at most 10 %, two-sided.
    assert_eq!(advice(4, 0), (None, more(32, Settles::Rarity)));
    assert_eq!(advice(36, 0), (None, None));
    let unsettled = Some(Constancy::Unsettled);
    assert_eq!(advice(4, 4), (unsettled, more(2, Settles::Constancy)));
    assert_eq!(advice(6, 6), (Some(Constancy::Repeatable), None));
    assert_eq!(advice(20, 2), (Some(Constancy::Occasional), None));
    // What happens every second time is never settled by going on.
    assert_eq!(advice(4, 2), (unsettled, None));
}

/// With more looks each interval is wider, and what was left out is no lack.
#[test]
fn looking_more_often_widens_what_is_said() {
    let mut run = Run::quiet(6);
    for id in run.of(Arm::Sent) {
        run.visit(id, Visit::provider(20.0));
    }
    let once = cell(&run, Arm::Sent);
    assert_eq!(once.constancy, Some(Constancy::Repeatable));
    run.manifest.looks = 4;
    let more = run.trial(Arm::Sent, None);
    run.records.push(Record::Omission(Omission {
        at: at(99.0),
        trials: vec![more],
    }));
    let often = cell(&run, Arm::Sent);
    assert_eq!((often.trials, often.planned, often.omitted), (6, 6, 1));
    assert_eq!(
        (often.verdict, &often.doubts[..]),
        (Verdict::Observed, &[][..])
    );
    assert!(often.interval.low < once.interval.low);
    assert_eq!(
        often.constancy,
        Some(Constancy::Unsettled),
        "{:?}",
        often.interval
    );
}

#[test]
fn a_verdict_is_provisional_while_its_window_is_open() {
    let mut run = Run::quiet(4);
    for id in run.of(Arm::Sent) {
        run.visit(id, Visit::provider(20.0));
    }
    assert!(!cell(&run, Arm::Sent).provisional);
    run.end.as_mut().unwrap().at = at(35.0);
    let open = cell(&run, Arm::Sent);
    assert_eq!((open.verdict, open.provisional), (Verdict::Observed, true));
    assert_eq!(cell(&run, Arm::Drafted).verdict, Verdict::Inconclusive);
}

/// What is explained of an observed, a silent and a doubtful cell is golden.
#[test]
fn an_explanation_names_its_records_and_what_would_have_changed_it() {
    let mut run = shown(4);
    for id in run.of(Arm::Sent).into_iter().take(2) {
        run.visit(id, Visit::provider(15.0));
        run.visit(id, Visit::provider(15.5));
        run.visit(
            id,
            Visit {
                door: SEALED,
                ..Visit::new(82.0)
            },
        );
    }
    let drafted = run.of(Arm::Drafted)[0];
    run.fail(Some(drafted), Phase::Compose, Doubt::SelectorDrift);
    run.gap();
    let evidence = run.evidence();
    let judged = judge(&evidence).unwrap();
    let mut text = String::new();
    for cell in &judged.cells {
        let one = explain(&evidence, &judged, cell, Sources::built_in());
        text += &format!("{}\n", one.verdict);
        for (mark, sentences) in [("+", &one.grounds), ("-", &one.otherwise)] {
            sentences
                .iter()
                .for_each(|sentence| text += &format!("{mark} {sentence}\n"));
        }
        let lines = one.timelines.iter().flatten();
        lines.for_each(|line| text += &format!("  {line}\n"));
    }
    assert_golden("tests/golden/explained.txt", &text);
}
