//! The whole walk on real input: The Lounge in the laboratory, real Chromium, and a truth known from the configuration.
//!
//! Needs what `ci/setup` installs. Nothing leaves this machine, and the laboratory ends with the test that held it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::golden::in_repository;
use common::lab::{Audit, Lab, cells, doubts, waxseal};
use common::served::{PLANT, READ, Served};
use serde_json::Value;
use tempfile::TempDir;
use waxseal::model::{Door, HitKind, Record};

const SCENARIO: &str = "scenarios/lab/thelounge.toml";

fn up(instances: &[&str]) -> Lab {
    up_with(instances, |_| {})
}

fn up_with(instances: &[&str], set: impl FnOnce(&mut Command)) -> Lab {
    Lab::up("thelounge", "thelounge", instances, set)
}

/// The lab's scenario with changes, in a file that goes with the test.
fn changed(changes: &[(&str, &str)]) -> tempfile::NamedTempFile {
    let mut text = fs::read_to_string(in_repository(SCENARIO)).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "the scenario no longer says `{from}`");
        text = text.replace(from, to);
    }
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

/// Fewer forms and shorter waits, for tests about something else.
const BRIEF: &[(&str, &str)] = &[
    (
        "forms  = [\"http\", \"query-secret\"]",
        "forms  = [\"http\"]",
    ),
    ("window = \"10s\"", "window = \"2s\""),
    ("step = \"15s\"", "step = \"5s\""),
];

fn brief(more: &[(&str, &str)]) -> tempfile::NamedTempFile {
    changed(&[BRIEF, more].concat())
}

/// The truth of the three instances, told in one run, and told the same when judged again.
#[test]
fn the_lounge_is_read_rightly() {
    let lab = up(&["on", "stored", "off"]);
    let mut audit = Audit::start(
        &lab,
        Path::new(SCENARIO),
        &["--trials", "3", "--window", "3s"],
    );
    let (status, told) = audit.end();
    assert_eq!(status, Some(0), "{told}");
    let report = audit.report();
    let actors = [
        ("prefetch-on", "provider sender"),
        ("prefetch-stored", "provider"),
    ];
    for (variant, actors) in actors {
        for cell in cells(&report, "sent", variant) {
            assert_eq!(
                (&cell["verdict"], &cell["hits"], &cell["trials"]),
                (&"observed".into(), &3.into(), &3.into())
            );
            let seen: Vec<&str> = cell["actors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one.as_str().unwrap())
                .collect();
            assert_eq!(seen.join(" "), actors, "{told}");
            let provider = &cell["visitors"][0];
            assert_eq!(
                (&provider["methods"][0], &provider["refused"]),
                (&"GET".into(), &0.into())
            );
            assert_ne!(
                provider["addresses"][0], "127.0.0.1",
                "the lab binds its servers to other addresses"
            );
        }
    }
    for cell in cells(&report, "sent", "prefetch-off") {
        assert_eq!(
            (&cell["verdict"], &cell["hits"], &cell["doubts"]),
            (&"not-observed".into(), &0.into(), &serde_json::json!([]))
        );
        assert!((cell["interval"][1].as_f64().unwrap() - 0.708).abs() < 0.001);
    }
    for cell in report["cells"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|cell| cell["arm"] == "drafted" || cell["arm"] == "unsent")
    {
        assert_eq!(
            (&cell["verdict"], &cell["actors"]),
            (&"not-observed".into(), &serde_json::json!([]))
        );
    }
    // What is shown makes nobody fetch again but the recipient's own browser, and that at its own door.
    for (variant, actors) in [
        ("prefetch-on", serde_json::json!(["recipient"])),
        ("prefetch-stored", serde_json::json!([])),
        ("prefetch-off", serde_json::json!([])),
    ] {
        for cell in cells(&report, "received", variant) {
            assert_eq!(
                (&cell["verdict"], &cell["actors"]),
                (&"not-observed".into(), &actors),
                "{variant}: {told}"
            );
        }
    }
    let (status, again) = audit.judged_again();
    assert_eq!(
        (status, again),
        (
            Some(0),
            fs::read_to_string(audit.folder.path().join("report.json")).unwrap()
        )
    );
}

/// Through a collector in a process of its own, which keeps the evidence: the same verdicts, and the same when somebody
/// judges again who may only read.
#[test]
fn the_lounge_is_read_rightly_through_a_collector_elsewhere() {
    let lab = up(&["on", "off"]);
    let folder = tempfile::tempdir().unwrap();
    let served = Served::for_runs_elsewhere(folder.path());
    let root = folder.path().join("authority/ca.pem");
    let elsewhere = |command: &mut Command, secret| {
        command
            .env("WAXSEAL_STORE", served.admin())
            .env("WAXSEAL_STORE_ROOT", &root)
            .env("WAXSEAL_SECRET", secret);
    };
    let scenario = brief(&[]);
    let variants = ["--variant", "prefetch-on", "--variant", "prefetch-off"];
    let words = [&variants[..], &["--trials", "3"]].concat();
    let mut audit = Audit::start_with(&lab, scenario.path(), &words, |command| {
        elsewhere(command, PLANT);
    });
    let (status, told) = audit.end();
    assert_eq!(status, Some(0), "{told}");
    let report = audit.report();
    let sent = cells(&report, "sent", "prefetch-on")[0];
    assert_eq!(
        (&sent["verdict"], &sent["depth"], &sent["hits"]),
        (&"observed".into(), &"loaded".into(), &3.into()),
        "{told}"
    );
    assert_eq!(sent["actors"], serde_json::json!(["provider", "sender"]));
    let silent = cells(&report, "sent", "prefetch-off")[0];
    assert_eq!(
        (&silent["verdict"], &silent["doubts"]),
        (&"not-observed".into(), &serde_json::json!([])),
        "{told}"
    );
    let mut judge = waxseal(audit.folder.path());
    elsewhere(&mut judge, READ);
    let run = report["run"]["id"].as_str().unwrap();
    let again = judge
        .args(["judge", run, "--report", "json=-"])
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(again.stdout).unwrap(),
        fs::read_to_string(audit.folder.path().join("report.json")).unwrap()
    );
}

/// An address that is free for datagrams and connections.
fn free_for_dns() -> String {
    let found = std::iter::repeat_with(|| UdpSocket::bind("127.0.0.1:0").unwrap());
    let mut found = found.map(|socket| socket.local_addr().unwrap());
    let free = found.find(|address| TcpListener::bind(address).is_ok());
    free.unwrap().to_string()
}

/// Links in a zone: the provider's look-ups come in at our own name server, its browsers' do not come at all, and what
/// each visitor learned of the link shows in the tokens it brings.
#[test]
fn links_in_a_zone_show_the_look_ups_too() {
    let dns = free_for_dns();
    let lab = up_with(&["on", "off"], |command| {
        command.env("WAXSEAL_LAB_DNS", &dns);
    });
    let scenario = brief(&[]);
    let zone = ["--zone", "canary.example", "--dns-listen", &dns];
    let variants = ["--variant", "prefetch-on", "--variant", "prefetch-off"];
    let words = [&variants[..], &["--trials", "3"], &zone].concat();
    let mut audit = Audit::start(&lab, scenario.path(), &words);
    let (status, told) = audit.end();
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("links to http://*.canary.example:"), "{told}");
    let report = audit.report();
    let sent = cells(&report, "sent", "prefetch-on")[0];
    assert_eq!(
        (&sent["verdict"], &sent["hits"]),
        (&"observed".into(), &3.into())
    );
    let of = |name: &str| {
        let mut visitors = sent["visitors"].as_array().unwrap().iter();
        visitors
            .find(|one| one["actor"] == name)
            .unwrap_or_else(|| panic!("no {name}: {told}"))
    };
    let provider = of("provider");
    assert_eq!(provider["methods"], serde_json::json!(["DNS A", "GET"]));
    assert_eq!(provider["addresses"], serde_json::json!(["127.0.0.2"]));
    assert_eq!(
        provider["parts"],
        serde_json::json!(["link", "image", "host"])
    );
    assert_eq!(
        of("sender")["methods"],
        serde_json::json!(["GET"]),
        "{told}"
    );
    let silent = cells(&report, "sent", "prefetch-off")[0];
    assert_eq!(silent["verdict"], "not-observed", "{told}");
    for variant in ["prefetch-on", "prefetch-off"] {
        let reached = cells(&report, "reached", variant)[0];
        let methods = |one: &&Value| one["actor"] == "auditor";
        let auditor = reached["visitors"].as_array().unwrap().iter().find(methods);
        assert_eq!(
            auditor.unwrap()["methods"],
            serde_json::json!(["DNS A", "DNS AAAA", "GET"])
        );
    }
}

#[test]
fn expectations_turned_round_fail_and_say_where_they_stand() {
    let lab = up(&["off"]);
    let round = "networks = [\"127.0.0.4/32\", \"198.18.0.4/32\"]\n\n[[variant.expect]]\narms    = [\"sent\", \"received\"]\nverdict = ";
    let scenario = brief(&[(
        &format!("{round}\"not-observed\""),
        &format!("{round}\"observed\""),
    )]);
    let mut audit = Audit::start(
        &lab,
        scenario.path(),
        &["--variant", "prefetch-off", "--trials", "3"],
    );
    let (status, told) = audit.end();
    assert_eq!(status, Some(1), "{told}");
    let text = fs::read_to_string(scenario.path()).unwrap();
    let claim = text.find(round).unwrap() + round.find("[[variant.expect]]").unwrap();
    let line = text[..claim].lines().count() + 1;
    assert!(
        told.contains(&format!(
            "not met: observed, by nobody  --> {}:{line}",
            scenario.path().display()
        )),
        "{told}"
    );
}

/// Plays the silent instance, does something to its laboratory in mid-run, and returns the doubts about `sent`.
fn disturbed(words: &[&str]) -> Vec<String> {
    let lab = up(&["off"]);
    let scenario = brief(&[]);
    let chosen = ["--variant", "prefetch-off", "--trials", "4"];
    let mut audit = Audit::start(&lab, scenario.path(), &chosen);
    audit.wait_for(": sent http", 2);
    lab.ask(words);
    let (status, told) = audit.end();
    assert_eq!(status, Some(3), "{told}");
    let report = audit.report();
    let sent = cells(&report, "sent", "prefetch-off")[0];
    assert_eq!(sent["verdict"], "inconclusive", "{told}");
    doubts(&report, "sent", "prefetch-off")
}

#[test]
fn a_messenger_that_stops_in_mid_run_is_inconclusive() {
    let doubts = disturbed(&["down", "off"]);
    let unproven = ["exposure-unconfirmed", "not-delivered"];
    assert!(
        doubts.iter().any(|one| unproven.contains(&one.as_str())),
        "{doubts:?}"
    );
    assert!(
        !doubts.contains(&"control-silent".to_owned()),
        "the collector was well: {doubts:?}"
    );
}

#[test]
fn a_sender_that_is_logged_out_is_a_lost_session() {
    let doubts = disturbed(&["logout", "off", "alice"]);
    assert!(doubts.contains(&"session-lost".to_owned()), "{doubts:?}");
}

/// Ctrl-C, and the signal that cannot be caught: nothing is left, and nothing is called clean.
#[test]
fn a_run_that_is_stopped_leaves_nothing_and_claims_nothing() {
    let lab = up(&["off"]);
    let scenario = brief(&[]);
    for (signal, status) in [("INT", Some(130)), ("KILL", None)] {
        let mut audit = Audit::start(
            &lab,
            scenario.path(),
            &["--variant", "prefetch-off", "--trials", "3"],
        );
        audit.wait_for(": sent http", 1);
        audit.assert_no_secret_in_browsers(&lab);
        audit.signal(signal);
        let (code, told) = audit.end();
        assert_eq!(code, status, "{signal}: {told}");
        let (judged, report) = audit.judged_again();
        assert_eq!(judged, Some(3), "{signal}: {report}");
        let report: Value = serde_json::from_str(&report).unwrap();
        assert!(
            doubts(&report, "sent", "prefetch-off").contains(&"window-open".to_owned()),
            "{signal}: {report}"
        );
    }
}

/// A new lab authority: its folder, and the file to be trusted.
fn authority() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let made = waxseal(folder.path())
        .arg("authority")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let file = String::from_utf8(made.stdout).unwrap();
    (folder, PathBuf::from(file.trim()))
}

/// The same messenger over https: it reads where it trusts our authority, and only comes to the door where it does not.
#[test]
fn over_https_it_reads_where_it_trusts_us_and_only_knocks_where_it_does_not() {
    let (folder, file) = authority();
    let scenario = brief(&[("forms  = [\"http\"]", "forms  = [\"https\"]")]);
    let play = |lab: &Lab| {
        let words = ["--variant", "prefetch-on", "--trials", "3"];
        let trusted = ["--lab-authority", folder.path().to_str().unwrap()];
        let mut audit = Audit::start(lab, scenario.path(), &[&words[..], &trusted].concat());
        let (status, told) = audit.end();
        (status, told, audit.report(), hellos(&audit))
    };
    let (_, told, report, _) = play(&up_with(&["on"], |command| {
        command.env("WAXSEAL_LAB_CA", &file);
    }));
    let cell = cells(&report, "sent", "prefetch-on")[0];
    assert_eq!(
        (
            &cell["form"],
            &cell["verdict"],
            &cell["depth"],
            &cell["hits"]
        ),
        (
            &"https".into(),
            &"observed".into(),
            &"loaded".into(),
            &3.into()
        ),
        "{told}"
    );
    assert_eq!(cell["doubts"], serde_json::json!([]), "{told}");
    assert_eq!(cell["actors"][0], "provider", "{told}");
    let (status, told, report, hellos) = play(&up(&["on"]));
    assert_eq!(status, Some(3), "{told}");
    let cell = cells(&report, "sent", "prefetch-on")[0];
    assert_eq!(
        (&cell["verdict"], &cell["depth"], &cell["actors"]),
        (&"inconclusive".into(), &Value::Null, &serde_json::json!([])),
        "{told}"
    );
    assert_eq!(cell["doubts"], serde_json::json!(["hello-only"]), "{told}");
    assert_eq!(
        hellos, 6,
        "the provider came for each message of `sent` and `received`: {told}"
    );
}

/// How many hellos the provider left at the public door.
fn hellos(audit: &Audit) -> usize {
    let store = waxseal::store::Store::open(&audit.folder.path().join("evidence.db")).unwrap();
    let run = store.runs().unwrap().last().unwrap().run;
    let provider: std::net::IpAddr = "127.0.0.2".parse().unwrap();
    let is_its_hello = |entry: &waxseal::model::Entry| match &entry.record {
        Record::Hit(hit) => {
            hit.peer.ip() == provider
                && hit.door == Door::Public
                && matches!(hit.kind, HitKind::Hello(_))
        }
        _ => false,
    };
    let entries = store.evidence(run).unwrap().entries;
    entries.iter().filter(|entry| is_its_hello(entry)).count()
}
