//! Who signed in once stays so: kept profiles, carried elsewhere and used by runs, and the session that is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::served::{Served, waxseal};
use serde_json::Value;
use tempfile::TempDir;
use waxseal::browser::Profiles;
use waxseal::model::{Account, Record};
use waxseal::store::Store;
use waxseal::verdict::RULES;

/// A messenger, a scenario for it, and the program beside it. Nothing of it outlives the test.
struct Desk {
    _practice: Served,
    url: String,
    folder: TempDir,
}

/// The steps by which one signs in: without them one is signed in already, or the session is lost.
const SIGN_IN: &str = r#"
[[login.steps]]
click = { testid = "fill-{account.user}" }
if    = "logged_out"

[[login.steps]]
click = { testid = "submit" }
if    = "logged_out"
"#;

const REST: &str = r#"
[[login.steps]]
wait    = "logged_in"
timeout = "2s"
else    = "session-lost"

[[login.steps]]
save = "client_build"
from = { css = "body" }
attr = "data-testid"

[[open.steps]]
click  = "logged_in"
unless = "room"

[[compose.steps]]
type = "{canary}"
into = "composer"
mark = "typed"

[[send.steps]]
click  = { testid = "send" }
effect = true
mark   = "sent"

[[confirm.steps]]
wait = { css = "[data-testid=own]", has_text = "{canary_token}" }
mark = "confirmed"

[[receive.steps]]
click  = "logged_in"
unless = "room"

[[receive.steps]]
wait = { css = "[data-testid=theirs] .text", has_text = "{canary}" }
mark = "received"
"#;

const HEAD: &str = r#"
schema  = 1
title   = "Practice messenger"
hosts   = ["127.0.0.1"]
checked = "2026-11-27"
source  = ["driven against the practice messenger of waxseal 0.1 on 2026-11-27"]

[service]
name = "practice"

[vars]
url = { ask = "its address", example = "http://127.0.0.1:8000" }

[accounts.sender]
user    = "anna"
secrets = { password = "env:NOBODY_HAS_SET_THIS_1" }

[accounts.recipient]
user    = "ben"
secrets = { password = "env:NOBODY_HAS_SET_THIS_2" }

[experiment]
arms   = ["sent", "unsent", "reached"]
forms  = ["http"]
trials = 3
window = "300ms"

[loc]
logged_out = { testid = "sign-in" }
logged_in  = { testid = "conversation" }
room       = { testid = "room" }
composer   = { testid = "composer" }

[[login.steps]]
goto = "{url}/"
"#;

impl Desk {
    fn new() -> Self {
        let mut command = waxseal();
        command.args(["practice", "--persona", "silent"]);
        let practice = Served::start(&mut command);
        let url = practice
            .said
            .split(' ')
            .find(|word| word.starts_with("http://"));
        let url = url.unwrap().trim_end_matches(',').to_owned();
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("chat.toml"),
            [HEAD, SIGN_IN, REST].concat(),
        )
        .unwrap();
        fs::write(folder.path().join("kept.toml"), [HEAD, REST].concat()).unwrap();
        Self {
            _practice: practice,
            url,
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = waxseal();
        command.current_dir(self.folder.path()).args(words);
        command
    }

    #[track_caller]
    fn says(&self, words: &[&str], status: i32) -> String {
        let mut command = self.command(words);
        command
            .env("NOBODY_HAS_SET_THIS_1", "x")
            .env("NOBODY_HAS_SET_THIS_2", "x");
        told(&command.output().unwrap(), status)
    }

    fn login(&self) {
        let var = format!("url={}", self.url);
        let said = self.says(&["login", "chat.toml", "--headless", "--var", &var], 0);
        for account in ["sender", "recipient"] {
            let whose =
                format!("practice/default/{account}: signed in, and kept in waxseal.profiles");
            assert!(said.contains(&whose), "{said}");
        }
    }

    /// A run without any password, on what is kept.
    #[track_caller]
    fn run(&self, profiles: &str, status: i32) -> String {
        let var = format!("url={}", self.url);
        let words = [
            "run",
            "kept.toml",
            "-q",
            "--var",
            &var,
            "--profiles",
            profiles,
            "--region",
            "here",
        ];
        told(&self.command(&words).output().unwrap(), status)
    }
}

impl Desk {
    /// Whoever has the evidence has all that the run was made from.
    fn shows_what_it_was_made_with(&self) {
        let store = Store::open_existing(&self.path("waxseal.db")).unwrap();
        let run = store.runs().unwrap().pop().unwrap().run;
        let evidence = store.evidence(run).unwrap();
        let manifest = evidence.manifest().unwrap();
        let scenario = fs::read_to_string(self.path("kept.toml")).unwrap();
        assert_eq!(manifest.scenario.text, Some(scenario));
        assert_eq!(
            (manifest.rules, manifest.region.as_deref()),
            (Some(RULES), Some("here"))
        );
        assert!(
            manifest
                .data
                .iter()
                .any(|data| data.source.contains("as-ip-blocks"))
        );
        let builds = evidence
            .entries
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::Client(client) => Some((client.account, client.build.as_str())),
                _ => None,
            });
        let builds: Vec<_> = builds.collect();
        assert_eq!(
            builds,
            [(Account::Sender, "chat"), (Account::Recipient, "chat")]
        );
    }
}

#[track_caller]
fn told(output: &Output, status: i32) -> String {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    said
}

/// How many files there are, and whether anybody else may read any of them or look into a folder.
fn private_files(folder: &Path) -> usize {
    let mode = folder.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{}: {mode:o}", folder.display());
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.fold(0, |files, path| match path.is_dir() {
        true => files + private_files(&path),
        false => files + 1,
    })
}

#[test]
fn who_signed_in_once_is_signed_in_for_runs_and_elsewhere() {
    let desk = Desk::new();
    desk.login();
    let listed: Value = serde_json::from_str(&desk.says(&["sessions", "--json"], 0)).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["account"], "sender");
    assert!(desk.says(&["sessions"], 0).contains("last seen good 20"));
    assert!(private_files(&desk.path("waxseal.profiles/practice")) > 4);

    // Elsewhere, by way of an archive that says nothing to who has no key.
    let key = [("KEY", "correct horse battery staple")];
    let with_key =
        |words: &[&str], status| told(&desk.command(words).envs(key).output().unwrap(), status);
    with_key(
        &["sessions", "pack", "all.age", "--passphrase", "env:KEY"],
        0,
    );
    let archive = fs::read(desk.path("all.age")).unwrap();
    assert!(archive.starts_with(b"age-encryption.org/v1\n"));
    assert!(!archive.windows(8).any(|part| part == b"practice"));
    assert!(
        archive.len() < 4 << 20,
        "no caches: {} bytes",
        archive.len()
    );
    let unpack = ["sessions", "unpack", "all.age", "--passphrase", "env:KEY"];
    let elsewhere = [&unpack[..], &["--profiles", "elsewhere"]].concat();
    with_key(&elsewhere, 0);
    assert!(with_key(&elsewhere, 2).contains("--force"));
    with_key(&[&elsewhere[..], &["--force"]].concat(), 0);
    let wrong = desk
        .command(&unpack)
        .env("KEY", "another")
        .output()
        .unwrap();
    assert!(told(&wrong, 2).contains("open the archive"));

    desk.run("elsewhere", 0);
    let before = Profiles::at(desk.path("waxseal.profiles")).all().unwrap();
    let after = Profiles::at(desk.path("elsewhere")).all().unwrap();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.since, after.since);
        assert!(before.seen < after.seen, "a run saw that it is good");
    }
    desk.shows_what_it_was_made_with();
}

#[test]
fn nothing_is_begun_while_there_is_a_stop_file() {
    let desk = Desk::new();
    desk.login();
    fs::write(desk.path("stop"), "").unwrap();
    let var = format!("url={}", desk.url);
    let words = [
        "run",
        "kept.toml",
        "-q",
        "--var",
        &var,
        "--stop-file",
        "stop",
    ];
    told(&desk.command(&words).output().unwrap(), 130);
    let store = Store::open_existing(&desk.path("waxseal.db")).unwrap();
    assert!(store.runs().unwrap().is_empty());
}

#[test]
fn a_lost_session_is_found_before_anything_is_sent() {
    let desk = Desk::new();
    desk.login();
    let profiles = Profiles::at(desk.path("waxseal.profiles"));
    let recipient = profiles.all().unwrap().pop().unwrap().whose;
    assert_eq!(recipient.account, Account::Recipient);
    // What the browser kept is gone, and nobody knows.
    let held = profiles.take(&recipient).unwrap().unwrap();
    let profile = held.profile();
    fs::remove_dir_all(&profile).unwrap();
    fs::create_dir(&profile).unwrap();
    let busy = desk.run("waxseal.profiles", 4);
    assert!(busy.contains("another waxseal has it open"), "{busy}");
    drop(held);
    let said = desk.run("waxseal.profiles", 4);
    assert!(said.contains("session-lost"), "{said}");
    let store = Store::open_existing(&desk.path("waxseal.db")).unwrap();
    for row in store.runs().unwrap() {
        let evidence = store.evidence(row.run).unwrap();
        let exposed = evidence.entries.iter();
        let exposed = exposed.filter(|entry| matches!(entry.record, Record::Exposure(_)));
        assert_eq!(exposed.count(), 0);
    }
}
