//! A page that changes: the doctor names what has drifted, a run goes on with what still matches and says so, and with nothing
//! left it stops before anything is sent. On the practice messenger, with locators broken on purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::PathBuf;
use std::process::Output;

use common::golden::in_repository;
use common::report::{cell, must_have_doubt};
use common::served::waxseal;
use serde_json::Value;
use tempfile::TempDir;

const FIRST: &str = include_str!("../scenarios/practice/first.toml");

/// The practice scenario with other locators for its composer, in a folder of its own.
struct Changed {
    folder: TempDir,
    scenario: PathBuf,
}

impl Changed {
    fn new(composer: &str) -> Self {
        let whole = "composer     = { testid = \"composer\" }";
        assert!(FIRST.contains(whole));
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let scenario = folder.path().join("changed.toml");
        std::fs::write(
            &scenario,
            FIRST.replace(whole, &format!("composer = {composer}")),
        )
        .unwrap();
        Self { folder, scenario }
    }

    fn waxseal(&self, words: &[&str]) -> Output {
        let mut command = waxseal();
        command
            .current_dir(self.folder.path())
            .arg(words[0])
            .arg(&self.scenario)
            .args(&words[1..]);
        command.output().unwrap()
    }

    fn doctor(&self) -> (i32, String) {
        let output = self.waxseal(&["doctor", "--variant", "silent"]);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(!out.is_empty(), "{err}");
        (output.status.code().unwrap(), out)
    }

    fn run(&self) -> (i32, String, Value) {
        let words = [
            "run",
            "--variant",
            "silent",
            "--trials",
            "3",
            "--window",
            "1s",
            "--resolver",
            "none",
            "--report",
            "json=report.json",
        ];
        let output = self.waxseal(&words);
        let out = String::from_utf8(output.stdout).unwrap();
        let report = std::fs::read(self.folder.path().join("report.json")).unwrap();
        (
            output.status.code().unwrap(),
            out,
            serde_json::from_slice(&report).unwrap(),
        )
    }
}

fn line<'o>(out: &'o str, alias: &str) -> &'o str {
    let named = format!("  `{alias}`: ");
    out.lines()
        .find(|line| line.contains(&named))
        .unwrap_or_else(|| panic!("{alias}: {out}"))
}

#[test]
fn the_doctor_finds_nothing_wrong_with_a_scenario_that_is_right() {
    let (status, out) = Changed::new("{ testid = \"composer\" }").doctor();
    assert_eq!(status, 0, "{out}");
    assert!(
        line(&out, "composer").contains("ok")
            && line(&out, "composer").contains("alternative 1 of 1, 1 element (sender, open)")
    );
    assert!(line(&out, "own").contains("comes with a message"));
    assert!(
        line(&out, "logged_out").contains("(sender, login)")
            || line(&out, "logged_out").contains("(recipient, login)")
    );
    assert!(out.contains("0 wrong"), "{out}");
}

#[test]
fn a_first_alternative_that_finds_nothing_any_more_is_told_and_the_next_is_used() {
    let changed =
        Changed::new("[{ testid = \"gone\" }, { css = \"textarea\" }, { css = \"#composer\" }]");
    let (status, out) = changed.doctor();
    assert_eq!(status, 1, "{out}");
    let said = line(&out, "composer");
    assert!(
        said.contains("WRONG") && said.contains("drifted: alternative 2 of 3, 1 element"),
        "{said}"
    );

    let (status, out, report) = changed.run();
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("selectors that drifted\n    `composer` (sender, compose): alternative 2 of 3, 1 element"), "{out}");
    let drift = report["drift"].as_array().unwrap();
    assert_eq!(drift.len(), 1, "told once, not for each trial: {drift:?}");
    assert_eq!(
        (&drift[0]["alias"], &drift[0]["alternative"]),
        (&"composer".into(), &2.into())
    );
}

#[test]
fn with_no_alternative_left_nothing_is_sent() {
    let changed = Changed::new("[{ testid = \"gone\" }, { css = \"#gone-too\" }]");
    let (status, out) = changed.doctor();
    assert_eq!(status, 1, "{out}");
    assert!(
        line(&out, "composer").contains("none of its 2 alternatives found anything"),
        "{out}"
    );

    let text = std::fs::read_to_string(&changed.scenario)
        .unwrap()
        .replace("step = \"15s\"", "step = \"5s\"");
    std::fs::write(&changed.scenario, text).unwrap();
    let (status, out, report) = changed.run();
    assert_eq!(status, 3, "{out}");
    assert!(
        out.contains("nothing matched (testid `gone`, css `#gone-too`)"),
        "{out}"
    );
    let sent = cell(&report, "sent");
    assert_eq!(sent["trials"], 0, "the link was never out");
    must_have_doubt(sent, "selector-drift");
}

#[test]
fn a_browser_is_asked_for_with_a_scenario_only() {
    let output = waxseal()
        .args(["doctor", "--headed"])
        .current_dir(in_repository(""))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
