//! What people and programs are shown of a run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::evidence::{RUN, Run, SEALED, Visit};
use common::golden::assert_golden;
use serde_json::Value;
use waxseal::model::{
    Actor, Arm, Depth, Doubt, Evidence, Form, Part, Phase, Place, Record, Verdict,
};
use waxseal::report::{View, json, terminal};
use waxseal::verdict::judge;

/// A run with something of everything: a leak that was expected, one that was not, a doubt, our own browsers.
fn eventful() -> Run {
    let mut run = Run::quiet(4);
    run.manifest.variants[0].title = "previews on".into();
    for (nth, trial) in run.of(Arm::Sent).into_iter().enumerate() {
        run.visit(trial, Visit::provider(10.68 + nth as f64));
        run.visit(
            trial,
            Visit {
                part: Part::Image,
                ..Visit::provider(10.8 + nth as f64)
            },
        );
        run.visit(
            trial,
            Visit {
                door: SEALED,
                part: Part::Image,
                body_bytes: Some(0),
                ..Visit::new(10.9 + nth as f64)
            },
        );
    }
    let drafted = run.of(Arm::Drafted);
    run.visit(
        drafted[0],
        Visit {
            method: "HEAD",
            body_bytes: Some(0),
            ..Visit::new(12.5)
        },
    );
    run.expect(
        Arm::Sent,
        Verdict::Observed,
        Some(Depth::Loaded),
        Some(vec![Actor::Provider, Actor::Recipient]),
    );
    run.expect(Arm::Drafted, Verdict::NotObserved, None, Some(vec![]));
    run.expect(Arm::Unsent, Verdict::NotObserved, None, None);
    run
}

/// The same with a session that was lost on the way.
fn doubtful() -> Run {
    let mut run = Run::quiet(4);
    let sent = run.of(Arm::Sent);
    run.fail(Some(sent[2]), Phase::Receive, Doubt::SessionLost);
    run.fail(Some(sent[3]), Phase::Receive, Doubt::SessionLost);
    run.expect(Arm::Sent, Verdict::NotObserved, None, None);
    run
}

fn shown<T>(evidence: &Evidence, show: impl Fn(&View<'_>) -> T) -> T {
    let judged = judge(evidence).unwrap();
    show(&View::new(evidence, &judged.cells).unwrap())
}

fn as_json(run: &Run) -> Value {
    shown(&run.evidence(), |view| {
        serde_json::to_value(json::v1::report(view)).unwrap()
    })
}

/// How much was taken of a large body, that a script ran, and that somebody had a link and stayed away.
#[test]
fn a_terminal_says_what_each_form_is_for() {
    for (bytes, said) in [
        (1, "took 1 KiB of 8.0 MiB"),
        (3 << 19, "took 1.5 MiB of 8.0 MiB"),
        (8 << 20, "took the whole 8.0 MiB"),
    ] {
        let mut run = Run::quiet(4);
        for trial in &mut run.manifest.trials {
            trial.form = Form::Large;
        }
        let trials = run.of(Arm::Sent);
        for part in [Part::Link, Part::Hop, Part::Script] {
            let body_bytes = Some(if part == Part::Link { bytes } else { 8 << 20 });
            run.visit(
                trials[0],
                Visit {
                    part,
                    body_bytes,
                    ..Visit::provider(20.0)
                },
            );
        }
        run.visit(trials[1], Visit::new(21.0));
        for record in run.records.iter_mut().rev() {
            if let Record::Hit(hit) = record {
                hit.recognition.matches[0].place = Place::Referer;
                break;
            }
        }
        let text = shown(&run.evidence(), |view| terminal(view, false));
        let line = format!("GET, followed on, script ran, {said}\n");
        assert!(text.contains(&line), "{text}");
        let note = "somebody had the link and did not come for it, in 1 trial\n";
        assert!(text.contains(note), "{text}");
        let report = as_json(&run);
        let cells = report["cells"].as_array().unwrap();
        let sent = cells.iter().find(|cell| cell["arm"] == "sent").unwrap();
        assert_eq!(sent["hearsay"], 1);
        assert_eq!(sent["visitors"][0]["bytes"], bytes);
    }
}

#[test]
fn a_terminal_shows_what_is_true_and_what_is_not_met() {
    assert_golden(
        "tests/golden/eventful.txt",
        &shown(&eventful().evidence(), |view| terminal(view, false)),
    );
    assert_golden(
        "tests/golden/doubtful.txt",
        &shown(&doubtful().evidence(), |view| terminal(view, false)),
    );
}

#[test]
fn colour_adds_nothing_but_colour() {
    let evidence = eventful().evidence();
    let coloured = shown(&evidence, |view| terminal(view, true));
    assert!(coloured.contains('\u{1b}'));
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(stripped, shown(&evidence, |view| terminal(view, false)));
}

#[test]
fn json_format_1_has_its_published_shape() {
    let schema = json::v1::json_schema();
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    assert_golden("scenarios/schema/report.v1.json", &text);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for run in [eventful(), doubtful(), Run::quiet(1)] {
        let errors: Vec<String> = validator
            .iter_errors(&as_json(&run))
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0]);
    }
    let eventful = as_json(&eventful());
    assert_golden(
        "tests/golden/eventful.json",
        &(serde_json::to_string_pretty(&eventful).unwrap() + "\n"),
    );
    assert_eq!(eventful["run"]["id"], RUN.to_string());
}

/// Everything a visitor can write, and a service can answer, is hostile.
#[test]
fn a_hostile_visitor_moves_no_cursor() {
    let mut run = Run::quiet(3);
    let trial = run.of(Arm::Sent)[0];
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\nPASS \u{202e}";
    run.visit(
        trial,
        Visit {
            agent: hostile,
            method: "\u{1b}[31mGET",
            ..Visit::new(20.0)
        },
    );
    run.manifest.scenario.title = hostile.into();
    run.manifest.scenario.path = hostile.into();
    run.fail(Some(trial), Phase::Confirm, Doubt::ExposureUnconfirmed);
    let evidence = run.evidence();
    let text = shown(&evidence, |view| terminal(view, false));
    let forbidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(forbidden), "{text:?}");
    let json = shown(&evidence, |view| json::format_1(view).unwrap());
    assert!(
        json.chars().all(|c| c == '\n' || (' '..='~').contains(&c)),
        "{json:?}"
    );
    let agents = &as_json(&run)["cells"][0]["visitors"][0]["agents"];
    assert!(
        agents[0].as_str().unwrap().starts_with("\u{1b}]0;owned"),
        "JSON keeps what was sent, escaped: {agents}"
    );
}
