//! Recordings of Chromium's Recorder, made into scenarios. `tests/recordings` holds some in its format (written by hand after the
//! examples of `@puppeteer/replay`), and what becomes of them; `WAXSEAL_BLESS=1 cargo test --test import` writes that anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Output;

use common::golden::{assert_golden, in_repository};
use common::report::cell;
use common::served::waxseal;
use serde_json::Value;
use waxseal::diagnostic::{Source, render_all};
use waxseal::practice::ACCOUNTS;
use waxseal::scenario::{ImportError, import, parse};

fn recording(name: &str) -> String {
    std::fs::read_to_string(in_repository(&format!("tests/recordings/{name}.json"))).unwrap()
}

fn imported(name: &str) -> String {
    import(&recording(name), "2026-11-27".parse().unwrap()).unwrap()
}

/// Whether a scenario is in order, warnings apart.
fn assert_valid(text: &str) {
    let source = Source {
        name: "imported.toml".into(),
        text: text.into(),
    };
    if let Err(mistakes) = parse(source.clone()) {
        panic!("{}\n{text}", render_all(&[(&source, &mistakes)], false));
    }
}

#[test]
fn every_recording_becomes_a_scenario_that_is_valid_as_it_stands() {
    for name in ["practice", "kinds", "no-message"] {
        let text = imported(name);
        assert_golden(&format!("tests/recordings/{name}.toml"), &text);
        assert_valid(&text);
        assert!(
            !text.contains('\u{1b}'),
            "{name}: what steers a terminal is escaped"
        );
    }
}

#[test]
fn no_password_is_written_wherever_it_stood() {
    assert!(recording("kinds").matches("tr0ub4dor").count() == 3);
    let text = imported("kinds");
    assert!(!text.contains("tr0ub4dor"), "{text}");
    assert!(text.contains("{secret.password}"), "{text}");
    assert!(!imported("practice").contains("correct horse"));
}

#[test]
fn what_is_no_recording_is_said() {
    let today = "2026-11-27".parse().unwrap();
    for text in [
        "",
        "[]",
        "{\"title\": \"x\"}",
        "{\"title\": \"x\", \"steps\": [{\"url\": \"http://x/\"}]}",
    ] {
        assert!(
            matches!(import(text, today), Err(ImportError::Foreign(_))),
            "{text}"
        );
    }
    let nothing =
        "{\"title\": \"x\", \"steps\": [{\"type\": \"close\"}, {\"type\": \"newer\", \"a\": 1}]}";
    assert_eq!(import(nothing, today), Err(ImportError::Empty));
    assert_eq!(
        import(&" ".repeat(5 << 20), today),
        Err(ImportError::TooLarge)
    );
}

fn at(folder: &Path, words: &[&str]) -> Output {
    let mut command = waxseal();
    for account in ACCOUNTS {
        let who = if account.user == ACCOUNTS[0].user {
            "SENDER"
        } else {
            "RECIPIENT"
        };
        command.env(format!("{who}_PASSWORD"), account.password);
    }
    command.current_dir(folder).args(words).output().unwrap()
}

fn completed(text: &str) -> String {
    let changes = [
        ("\"FILL IN\"", "\"ben\""),
        ("\"http://127.0.0.1:8000/\"", "\"{url}/\""),
        ("[accounts.sender]", "[vars]\nurl = {}\n\n[accounts.sender]"),
        (
            "[\"drafted\", \"pasted\", ",
            "[\"sent\", \"received\", \"drafted\", ",
        ),
        (
            "trials = 3\nwindow = \"5m\"\ndraft  = \"10s\"",
            "trials = 1\nwindow = \"2s\"\ndraft  = \"500ms\"",
        ),
        (
            "[service]\nname = \"practice-messenger\"",
            "[service]\nname = \"practice-messenger\"\nnetworks = [\"127.0.0.2/32\"]",
        ),
    ];
    let mut text = text.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}: {text}");
        text = text.replacen(old, new, 1);
    }
    text + r#"
[[login.steps]]
wait = { testid = "conversation" }
else = "session-lost"

[[confirm.steps]]
wait = { testid = "own", has_text = "{canary_token}" }
mark = "confirmed"

[[receive.steps]]
click  = { testid = "conversation" }
unless = { testid = "room" }

[[receive.steps]]
wait = { css = "[data-testid=theirs] .text", has_text = "{canary}" }
mark = "received"

[[variant]]
name     = "previewer"
practice = "previewer"

[[expect]]
arms    = ["sent"]
verdict = "observed"
depth   = "loaded"
actors  = ["provider"]

[[expect]]
arms    = ["received", "drafted", "unsent"]
verdict = "not-observed"
actors  = []
"#
}

#[test]
fn a_recording_of_the_practice_messenger_is_imported_completed_and_run() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let recording = in_repository("tests/recordings/practice.json");
    let words = [
        "import",
        recording.to_str().unwrap(),
        "--output",
        "mine.toml",
    ];
    let output = at(folder.path(), &words);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("places to look at"),
        "{output:?}"
    );
    let again = at(folder.path(), &words);
    assert_eq!(again.status.code(), Some(2), "it is not written over");
    assert_eq!(
        at(folder.path(), &["check", "mine.toml"]).status.code(),
        Some(0)
    );

    let file = folder.path().join("mine.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, completed(&text)).unwrap();
    let run = [
        "run",
        "mine.toml",
        "--resolver",
        "none",
        "--report",
        "json=report.json",
    ];
    let output = at(folder.path(), &run);
    let told = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let report =
        std::fs::read(folder.path().join("report.json")).unwrap_or_else(|_| panic!("{told}"));
    let report: Value = serde_json::from_slice(&report).unwrap();
    let cell = |arm| cell(&report, arm);
    assert_eq!(
        (&cell("sent")["outcome"], &cell("sent")["depth"]),
        (&"pass".into(), &"loaded".into()),
        "{told}"
    );
}
