//! Scenarios of real services, walked from the mark of who is signed in to the mark of delivery, on stages: local pages that
//! bear the marks which the scenarios look for, with the editors that the services use. That proves that each scenario is
//! coherent, and not that the live site still looks so. No browser that is on a stage gets to a service.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;
use std::thread;

use common::golden::in_repository;
use common::report::{cell, must_have_doubt};
use common::served::waxseal;
use common::stage::{Stages, page};
use serde_json::Value;
use tempfile::TempDir;

/// A service, the host that its stage stands in for, and what a person would be asked for.
struct Act {
    service: &'static str,
    host: &'static str,
    vars: &'static [&'static str],
}

const ACTS: &[Act] = &[
    Act {
        service: "discord",
        host: "discord.com",
        vars: &["channel=112233445566778899", "sender_name=Test One"],
    },
    Act {
        service: "facebook-messenger",
        host: "www.facebook.com",
        vars: &["conversation=1", "conversation_back=2", "e2ee=on"],
    },
    Act {
        service: "instagram-direct",
        host: "www.instagram.com",
        vars: &["conversation=1", "conversation_back=2"],
    },
    Act {
        service: "slack",
        host: "app.slack.com",
        vars: &["team=T1", "channel=D1", "channel_back=D2"],
    },
    Act {
        service: "teams-free",
        host: "teams.live.com",
        vars: &["thread=19:stage@unq.gbl.spaces"],
    },
    Act {
        service: "telegram-web-k",
        host: "web.telegram.org",
        vars: &["peer_id=@test_two", "sender_id=@test_one"],
    },
    Act {
        service: "whatsapp-web",
        host: "web.whatsapp.com",
        vars: &["peer_phone=491701234567", "sender_phone=491707654321"],
    },
    Act {
        service: "x",
        host: "x.com",
        vars: &["conversation=1:2", "conversation_back=1:2", "e2ee=on"],
    },
];

fn act(service: &str) -> &'static Act {
    ACTS.iter().find(|act| act.service == service).unwrap()
}

fn scenario(service: &str) -> PathBuf {
    in_repository(&format!("scenarios/services/{service}.toml"))
}

/// One verb on the stage of an act.
fn played(act: &Act, stages: &Stages, folder: &Path, words: &[&str]) -> Output {
    let mut command = waxseal();
    command
        .current_dir(folder)
        .args(words)
        .arg(stages.flag(act.host));
    for var in act.vars.iter().chain(&["peer_name=Test Two"]) {
        command.args(["--var", var]);
    }
    command.output().unwrap()
}

/// What a run came to.
struct Ran {
    status: i32,
    out: String,
    report: Value,
    html: String,
}

fn ran(act: &Act, stages: &Stages, file: &Path) -> Ran {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut words = vec!["run", file.to_str().unwrap(), "--quiet"];
    for arm in ["sent", "received", "reached", "unsent"] {
        words.extend(["--arm", arm]);
    }
    words.extend(["--form", "http", "--trials", "1", "--window", "1s"]);
    // Nobody is to be spared on a stage.
    words.extend(["--resolver", "none", "--seed", "1", "--per-hour", "60000"]);
    words.extend([
        "--report",
        "json=report.json",
        "--report",
        "html=report.html",
    ]);
    let output = played(act, stages, folder.path(), &words);
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name));
    Ran {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        report: serde_json::from_str(&read("report.json").unwrap_or_else(|_| panic!("{err}")))
            .unwrap(),
        html: read("report.html").unwrap(),
    }
}

fn assert_delivered(act: &Act, ran: &Ran) {
    let Act { service, host, .. } = act;
    let (report, out) = (&ran.report, &ran.out);
    assert_eq!(
        report["failures"],
        Value::Array(Vec::new()),
        "{service}: {out}"
    );
    for arm in ["sent", "received"] {
        let cell = cell(report, arm);
        assert_eq!(cell["trials"], 1, "{service}: {out}");
        // One trial says nothing of the service; that it was only one is all that there is to doubt.
        let doubts = cell["doubts"].as_array().unwrap();
        assert_eq!(*doubts, ["too-few-trials"], "{service} {arm}: {out}");
        assert_ne!(
            cell["verdict"], "observed",
            "{service}: nobody comes on a stage: {out}"
        );
    }
    assert_eq!(ran.status, 3, "{service}: {out}");
    assert_eq!(report["run"]["stage"], serde_json::json!([host]));
    for told in [out, &ran.html] {
        assert!(
            told.contains("played on a stage, not on the service"),
            "{service}: {told}"
        );
    }
}

fn walk(act: &Act) {
    let stages = Stages::serve(&[(act.host, page(act.service))]);
    let ran = ran(act, &stages, &scenario(act.service));
    assert_delivered(act, &ran);
    assert_eq!(ran.report["drift"], Value::Array(Vec::new()), "{}", ran.out);
    let sent = stages.sent(act.host);
    assert_eq!(sent.len(), 2, "{}: {sent:?}", act.service);
    for text in sent {
        assert!(
            url::Url::parse(&text).is_ok(),
            "{}: {text:?} is just a link",
            act.service
        );
    }
}

/// As many at a time as a small machine has room for.
#[test]
fn every_stage_is_walked_from_signing_in_to_delivery() {
    let waiting = Mutex::new(ACTS.iter().collect::<Vec<_>>());
    let failed = Mutex::new(Vec::new());
    let walk_on = || {
        loop {
            let next = waiting.lock().unwrap().pop();
            let Some(act) = next else { return };
            // One that fails is no reason not to see the others.
            if thread::spawn(move || walk(act)).join().is_err() {
                failed.lock().unwrap().push(act.service);
            }
        }
    };
    thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(walk_on))));
    assert_eq!(*failed.lock().unwrap(), [""; 0]);
}

#[test]
fn the_scenarios_say_that_they_were_walked_on_a_stage() {
    let folder = std::fs::read_dir(in_repository("scenarios/services")).unwrap();
    let mut said: Vec<String> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let text: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
            text.get("tried").and_then(toml::Value::as_str) == Some("stage")
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    said.sort();
    let walked: Vec<&str> = ACTS.iter().map(|act| act.service).collect();
    assert_eq!(said, walked);
}

/// A page that changed.
fn changed(service: &str, changes: &[(&str, &str)]) -> Stages {
    let mut text = page(service);
    for (from, to) in changes {
        assert!(text.contains(from), "{service}: {from}");
        text = text.replace(from, to);
    }
    Stages::serve(&[(act(service).host, text)])
}

fn doctor(act: &Act, stages: &Stages) -> (i32, String) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let scenario = scenario(act.service);
    let words = ["doctor", scenario.to_str().unwrap(), "--quiet"];
    let output = played(act, stages, folder.path(), &words);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(
        !out.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code().unwrap(), out)
}

fn line<'o>(out: &'o str, alias: &str) -> &'o str {
    let named = format!("  `{alias}`: ");
    let found = out.lines().find(|line| line.contains(&named));
    found.unwrap_or_else(|| panic!("{alias}: {out}"))
}

/// The service's own word for its editor.
const EDITOR: (&str, &str) = ("'data-tid': 'ckeditor'", "'data-tid': 'another-editor'");
/// And for what is around it.
const FOOTER: (&str, &str) = ("chat-pane-compose-message-footer", "another-footer");

#[test]
fn a_page_that_changed_is_told_and_what_still_matches_is_used() {
    let teams = act("teams-free");
    let stages = changed(teams.service, &[EDITOR]);
    let (status, out) = doctor(teams, &stages);
    assert_eq!(status, 1, "{out}");
    let said = line(&out, "composer");
    assert!(
        said.contains("drifted: alternative 3 of 3, 1 element"),
        "{said}"
    );

    let ran = ran(teams, &stages, &scenario(teams.service));
    assert_delivered(teams, &ran);
    assert!(
        ran.out
            .contains("`composer` (sender, open): alternative 3 of 3"),
        "{}",
        ran.out
    );
    let drifted: Vec<_> = ran.report["drift"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["alias"])
        .collect();
    assert_eq!(drifted, ["composer"], "{}", ran.out);
    assert_eq!(stages.sent(teams.host).len(), 2);
}

/// The scenario as it is, but less patient.
fn impatient(service: &str, folder: &TempDir) -> PathBuf {
    let text = std::fs::read_to_string(scenario(service)).unwrap();
    let usual = "step = \"20s\"";
    assert!(text.contains(usual));
    let file = folder.path().join("impatient.toml");
    std::fs::write(&file, text.replace(usual, "step = \"3s\"")).unwrap();
    file
}

#[test]
fn with_nothing_left_that_matches_nothing_is_sent() {
    let teams = act("teams-free");
    let stages = changed(teams.service, &[EDITOR, FOOTER]);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ran = ran(teams, &stages, &impatient(teams.service, &folder));
    assert_eq!(ran.status, 3, "{}", ran.out);
    let sent = cell(&ran.report, "sent");
    assert_eq!(sent["trials"], 0, "the link was never out: {}", ran.out);
    must_have_doubt(sent, "selector-drift");
    assert_eq!(stages.sent(teams.host), [""; 0]);
}

#[test]
fn only_a_browser_of_our_own_goes_on_a_stage() {
    let discord = act("discord");
    let stages = Stages::serve(&[(discord.host, page(discord.service))]);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = scenario(discord.service);
    let words = [
        "run",
        file.to_str().unwrap(),
        "--webdriver",
        "http://127.0.0.1:9",
    ];
    let output = played(discord, &stages, folder.path(), &words);
    assert_eq!(output.status.code(), Some(4));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        err.contains("only a Chromium that waxseal starts itself"),
        "{err}"
    );
}
