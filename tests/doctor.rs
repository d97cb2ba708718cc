//! `waxseal doctor` at a collector that is well, and at ones that are not. Nothing leaves this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::Permissions;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::golden::assert_golden;
use common::served::{Served, waxseal};
use tempfile::TempDir;

/// A collector for a zone, with a lab authority, and the words that say the same to the doctor.
struct Patient {
    served: Served,
    words: Vec<String>,
    folder: TempDir,
}

impl Patient {
    fn start() -> Self {
        // Not in the usual folder for such things, which may be in memory; the doctor would say so.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let words = [
            "--store",
            &at("evidence.db"),
            "--lab-authority",
            &at("ca"),
            "--zone",
            "canary.example",
            "--address",
            "127.0.0.1,2001:db8::7",
        ];
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let mut serve = waxseal();
        serve
            .arg("serve")
            .args(&words)
            .args(["--public", "http://canary.example"]);
        serve.args(["--listen", "127.0.0.1:0,127.0.0.1:0"]);
        let served = Served::start(&mut serve);
        Self {
            served,
            words,
            folder,
        }
    }

    /// The second address: the first is hidden behind the address in the links.
    fn door(&self) -> String {
        let after = self.served.said.split(" and ").nth(1).unwrap();
        after.split([' ', ',']).next().unwrap().to_owned()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the doctor says, and its exit status; `more` comes last.
    fn look(&self, more: &[&str]) -> (i32, String) {
        let (door, dns) = (self.door(), self.served.dns().to_string());
        let clock = format!("http://{door}/");
        let mut words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        words.extend(["--at", &door, "--dns-at", &dns]);
        if !more.contains(&"--resolver") {
            words.extend(["--resolver", &dns]);
        }
        words.extend(["--clock-from", &clock]);
        words.extend(more);
        doctor(&words)
    }

    /// The text without what differs from time to time.
    fn settled(&self, text: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let text = text
            .replace(&self.door(), "DOOR")
            .replace(&self.served.dns().to_string(), "DNS")
            .replace(&folder, "FOLDER");
        let rules = [
            (r"[0-9a-f]{32}", "LABEL"),
            (r"\d+ MiB", "N MiB"),
            (r"\d+ µs", "N µs"),
            (r"\d+ where", "N where"),
            (r"most \d+", "most N"),
            (r"\d+ records, and", "N records, and"),
            (r"\d{4}-\d\d-\d\dT[0-9:]+Z \(\d+ days\)", "END"),
        ];
        rules.iter().fold(text, |text, (rule, with)| {
            regex::Regex::new(rule)
                .unwrap()
                .replace_all(&text, *with)
                .into_owned()
        })
    }
}

fn doctor(words: &[&str]) -> (i32, String) {
    let output = waxseal().arg("doctor").args(words).output().unwrap();
    let said =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

/// The line about something, and the advice below it.
fn about<'t>(text: &'t str, what: &str) -> &'t str {
    let from = text
        .find(what)
        .unwrap_or_else(|| panic!("nothing about {what} in:\n{text}"));
    let line = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let advice = text[from..]
        .match_indices('\n')
        .map(|(at, _)| from + at)
        .nth(1);
    &text[line..advice.unwrap_or(text.len())]
}

#[test]
fn a_collector_that_is_well_is_found_to_be() {
    let patient = Patient::start();
    let (status, text) = patient.look(&[]);
    assert_golden("tests/golden/doctor.txt", &patient.settled(&text));
    assert_eq!(status, 0, "{text}");
}

#[test]
fn what_cannot_be_told_is_neither_well_nor_wrong() {
    let patient = Patient::start();
    // A port that was just given back: whoever is asked there is not at home.
    let nobody = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let (status, text) = patient.look(&["--resolver", &nobody]);
    assert_eq!(status, 3, "{text}");
    assert!(
        about(&text, "delegation").starts_with("   ??    delegation"),
        "{text}"
    );
}

/// Who is told other addresses than the server gives, trusts another authority, or lets others read a key, is told so.
#[test]
fn each_thing_that_is_wrong_is_named_with_what_to_do() {
    let patient = Patient::start();
    std::fs::set_permissions(patient.file("ca/ca.key"), Permissions::from_mode(0o644)).unwrap();
    let (status, text) = patient.look(&["--address", "192.0.2.9"]);
    assert_eq!(status, 1, "{text}");
    let key = about(&text, "secret in");
    assert!(
        key.starts_with("  WRONG") && key.contains("mode 644") && key.contains("chmod 600"),
        "{key}"
    );
    assert!(about(&text, " A at").contains("WRONG"), "{text}");
    assert!(about(&text, " AAAA at").contains("ok"), "{text}");
    std::fs::remove_dir_all(patient.file("ca")).unwrap();
    let other = patient.file("other");
    assert!(
        waxseal()
            .arg("authority")
            .arg(&other)
            .status()
            .unwrap()
            .success()
    );
    std::fs::rename(other, patient.file("ca")).unwrap();
    let text = patient.look(&[]).1;
    let certificate = about(&text, "certificate at");
    assert!(
        certificate.contains("WRONG") && certificate.contains("not good for"),
        "{certificate}"
    );
}

#[test]
fn an_altered_store_is_found_out() {
    let patient = Patient::start();
    patient.look(&[]);
    let store = rusqlite::Connection::open(patient.file("evidence.db")).unwrap();
    store
        .execute_batch("DROP TRIGGER record_is_not_altered")
        .unwrap();
    store
        .execute(
            "UPDATE record SET at = '2026-01-01T00:00:00Z' WHERE seq = 2",
            [],
        )
        .unwrap();
    let (status, text) = patient.look(&[]);
    assert_eq!(status, 1);
    assert!(
        about(&text, "evidence store").contains("WRONG  evidence store: record 2"),
        "{text}"
    );
}

#[test]
fn a_collector_that_does_not_run_is_wrong_in_every_way() {
    let free = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("none.db").display().to_string();
    let words = [
        "--listen",
        &free,
        "--zone",
        "canary.example",
        "--dns-listen",
        &free,
        "--resolver",
        &free,
        "--store",
        &store,
    ];
    let (status, text) = doctor(&words);
    assert_eq!(status, 1, "{text}");
    for what in [
        "names over UDP",
        "names over TCP",
        "mixed case",
        "HTTP at",
        "certificate at",
    ] {
        assert!(about(&text, what).starts_with("  WRONG"), "{text}");
    }
    assert!(about(&text, "evidence store").contains("??"), "{text}");
    assert!(!Path::new(&store).exists(), "looking makes nothing");
}

#[test]
fn any_port_is_no_place_to_look_at() {
    let (status, text) = doctor(&[]);
    assert!(status == 2 && text.contains("--at"), "{text}");
}
