//! What people and programs are shown of a run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::evidence::{RUN, Run, Visit};
use common::golden::{assert_golden, in_repository};
use common::hostile::{HOSTILE, eventful, hostile};
use serde_json::Value;
use waxseal::diagnostic::printable;
use waxseal::model::{Arm, Doubt, Evidence, Form, Part, Phase, Place, Record, Verdict};
use waxseal::report::{View, html, json, junit, markdown, of_failure, terminal};
use waxseal::verdict::judge;

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
    show(&View::new(evidence, &judged.cells, &judged.observations).unwrap())
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

#[test]
fn markdown_and_junit_say_what_the_terminal_says() {
    let evidence = eventful().evidence();
    assert_golden("tests/golden/eventful.md", &shown(&evidence, markdown));
    let junit = shown(&evidence, |view| junit(view).unwrap());
    assert_golden("tests/golden/eventful.junit.xml", &junit);
}

/// Checks a document against the schema that Jenkins' xUnit plugin publishes; pytest carries it as well.
fn assert_jenkins_takes(junit: &str) {
    let mut lint = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(in_repository("tests/schema/junit-10.xsd"))
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xmllint is there; else `ci/setup tools`");
    let mut stdin = lint.stdin.take().unwrap();
    stdin.write_all(junit.as_bytes()).unwrap();
    drop(stdin);
    let output = lint.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{junit}");
}

#[test]
fn junit_fits_the_schema_of_who_reads_it() {
    for run in [eventful(), doubtful(), hostile(), Run::quiet(1)] {
        assert_jenkins_takes(&shown(&run.evidence(), |view| junit(view).unwrap()));
    }
    assert_jenkins_takes(&of_failure::junit(&HOSTILE.join(" ")).unwrap());
}

/// The outcome of each case, as a program reads it.
#[test]
fn junit_tells_failures_from_errors_and_from_what_was_not_asked() {
    let mut run = eventful();
    let text = |run: &Run| shown(&run.evidence(), |view| junit(view).unwrap());
    let eventful = text(&run);
    let head = r#"<testsuites name="waxseal" tests="4" failures="1" errors="0">"#;
    assert!(eventful.contains(head), "{eventful}");
    let sent = run.of(Arm::Sent);
    run.records.clear();
    run.fail(Some(sent[2]), Phase::Receive, Doubt::SessionLost);
    let doubtful = text(&run);
    let head = r#"<testsuites name="waxseal" tests="4" failures="0" errors="4">"#;
    assert!(doubtful.contains(head), "{doubtful}");
}

fn is_forbidden(c: char) -> bool {
    c != '\n' && (c.is_control() || printable(&c.to_string(), 1) != c.to_string())
}

/// Whatever a visitor, a service or a scenario says is shown as text: it moves no cursor, and is no markup of any kind.
#[test]
fn hostile_text_stays_text_in_every_format() {
    let evidence = hostile().evidence();
    let texts = [
        shown(&evidence, |view| terminal(view, false)),
        shown(&evidence, markdown),
        shown(&evidence, |view| junit(view).unwrap()),
        shown(&evidence, html),
        of_failure::html(&HOSTILE.join(" ")),
        of_failure::markdown(&HOSTILE.join(" ")),
    ];
    for text in &texts {
        let raw: Vec<char> = text.chars().filter(|c| is_forbidden(*c)).collect();
        assert!(raw.is_empty(), "{raw:?} in {text}");
    }
    let json = shown(&evidence, |view| json::format_1(view).unwrap());
    assert!(json.chars().all(|c| c == '\n' || (' '..='~').contains(&c)));
}

/// The names of the elements in a document, and whatever else stands between angle brackets.
fn elements(html: &str) -> Vec<String> {
    let pieces = html.split('<').skip(1);
    let name = |piece: &str| {
        let piece = piece.trim_start_matches('/');
        piece
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '!' && c != '-')
            .next()
            .unwrap()
            .to_owned()
    };
    let mut names: Vec<String> = pieces.map(name).collect();
    names.sort();
    names.dedup();
    names
}

/// As GitHub renders it: nothing that came from elsewhere is a link, a picture, an element or a mention.
#[test]
fn hostile_text_does_not_break_out_of_markdown() {
    let evidence = hostile().evidence();
    let mut options = comrak::Options::default();
    options.extension.autolink = true;
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.render.r#unsafe = true;
    let documents = [
        (shown(&evidence, markdown), 1),
        (of_failure::markdown(&HOSTILE.join(" ")), 0),
    ];
    for (text, tables) in documents {
        let rendered = comrak::markdown_to_html(&text, &options);
        let ours = [
            "!--", "code", "details", "h2", "h3", "li", "p", "strong", "summary", "table", "tbody",
            "td", "th", "thead", "tr", "ul",
        ];
        let others: Vec<String> = elements(&rendered)
            .into_iter()
            .filter(|name| !ours.contains(&name.as_str()))
            .collect();
        assert!(others.is_empty(), "{others:?} in {rendered}");
        assert_eq!(rendered.matches("<table>").count(), tables, "{rendered}");
        // A sign that calls somebody stands alone, or in code where nobody looks for it.
        let outside = without_code(&rendered);
        for sigil in ["@everyone", "#1", "!2"] {
            assert!(!outside.contains(sigil), "{sigil} in {outside}");
        }
    }
}

fn without_code(html: &str) -> String {
    let pieces = html.split("<code>");
    pieces
        .map(|piece| piece.split_once("</code>").map_or(piece, |(_, rest)| rest))
        .collect()
}

#[test]
fn a_web_page_holds_nothing_that_runs_or_fetches() {
    for run in [eventful(), doubtful(), hostile()] {
        let page = shown(&run.evidence(), html);
        let found = elements(&page);
        for wrong in [
            "script", "img", "iframe", "object", "form", "base", "use", "image",
        ] {
            assert!(!found.iter().any(|name| name == wrong), "{wrong} in {page}");
        }
        assert!(page.contains("default-src 'none'"));
        let addresses = page.split("href=\"").skip(1);
        let led: Vec<&str> = addresses
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        let outward: Vec<_> = led
            .iter()
            .filter(|at| !at.starts_with('#') && **at != "data:,")
            .collect();
        assert!(outward.is_empty(), "{outward:?}");
    }
}
