//! The collector as a service: what it is told, how it stops, what it logs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::golden::{assert_golden, in_repository};
use common::served::{Served, waxseal};
use tempfile::TempDir;
use waxseal::canary::Key;
use waxseal::cli::json_schema;
use waxseal::model::{Arm, Form, HitKind, Part, Record, RunId, TokenId, TrialId};
use waxseal::store::Store;

const EXAMPLE: &str = "ci/deploy/serve.toml";

fn written(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("serve.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn serve(config: &Path) -> Command {
    let mut command = waxseal();
    command.arg("serve").arg("--config").arg(config);
    command
}

/// Exit status, and what was said on the standard error stream.
fn refused(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn the_published_schema_is_the_one_in_force() {
    let fresh = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    assert_golden("scenarios/schema/serve.v1.json", &fresh);
}

/// Every line of the example that is commented out is meant to be taken in.
#[test]
fn the_example_follows_the_schema_with_every_comment_taken_in() {
    let text = std::fs::read_to_string(in_repository(EXAMPLE)).unwrap();
    let schema = jsonschema::draft202012::new(&json_schema()).unwrap();
    let taken_in: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if code.contains(" = ") || code.starts_with('[') => format!("{code}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    // The two ways to come by a certificate exclude each other.
    let taken_in = taken_in.replace("[tls]\nlab_authority", "[dns.no]\nlab_authority");
    for (name, text) in [("as it is", text), ("all", taken_in)] {
        let mut value: serde_json::Value = toml::from_str(&text).unwrap();
        if let Some(dns) = value["dns"].as_object_mut() {
            dns.remove("no");
        }
        let errors: Vec<_> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn every_mistake_in_the_settings_is_said_at_once() {
    for name in ["wrong", "acme"] {
        let file = format!("tests/settings/{name}.toml");
        let mut command = waxseal();
        command.current_dir(in_repository("."));
        let (status, said) = refused(command.args(["serve", "--config", &file]));
        assert_eq!(status, 2, "{said}");
        assert_golden(&format!("tests/settings/{name}.txt"), &said);
    }
}

/// A secret that was written straight into the settings is shown nowhere, whatever else is wrong with the line.
#[test]
fn a_secret_in_the_settings_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "plant_secret = \"hunter2hunter2hunter2\"",
        "plant_secrt = \"hunter2hunter2hunter2\"",
        "plant_secret = hunter2hunter2hunter2",
        "plant_secret = [\"hunter2hunter2hunter2\"]",
    ] {
        let text = format!("schema = 1\n[admin]\nlisten = \"[::1]:0\"\n{line}\n");
        let (status, said) = refused(&mut serve(&written(&folder, &text)));
        assert_eq!(status, 2);
        assert!(
            said.contains("plant_secr") && !said.contains("hunter2"),
            "{said}"
        );
    }
}

#[test]
fn one_value_that_is_wrong_is_one_clear_message() {
    for (words, said) in [
        (&["--listen", "example.com:80"][..], "--listen"),
        (&["--public", "http://a/b"], "http://HOST"),
        (
            &["--zone", "canary.example", "--public", "http://b"],
            "must be canary.example",
        ),
        (&["--proxy", "192.0.2.0/33"], "--proxy"),
        (&["--log-level", "loud"], "--log-level"),
        (&["--config", "/nowhere/serve.toml"], "/nowhere/serve.toml"),
    ] {
        let (status, told) = refused(waxseal().arg("serve").args(words));
        assert_eq!(status, 2, "{told}");
        assert!(told.contains(said), "{told}");
    }
    let (status, told) = refused(waxseal().arg("serve").env("WAXSEAL_LISTEN", "nowhere"));
    assert_eq!((status, told.contains("--listen")), (2, true), "{told}");
}

/// What was typed, then the environment, then the file.
#[test]
fn what_was_typed_counts_first_then_the_environment_then_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = written(
        &folder,
        "schema = 1\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\nstore = \"file.db\"\n[dns]\nzone = \"file.example\"\n",
    );
    let at = |name: &str| folder.path().join(name);
    let said = |command: &mut Command| Served::start(command).said.clone();
    let from_file = said(&mut serve(&config));
    assert!(
        from_file.contains("*.file.example") && from_file.contains(" and 127.0.0.1:"),
        "{from_file}"
    );
    assert!(
        from_file
            .trim_end()
            .ends_with(&at("file.db").display().to_string()),
        "{from_file}"
    );
    let from_environment = said(
        serve(&config)
            .env("WAXSEAL_STORE", at("environment.db"))
            .env("WAXSEAL_LISTEN", "127.0.0.1:0"),
    );
    assert!(
        from_environment.contains("environment.db"),
        "{from_environment}"
    );
    assert!(
        !from_environment.contains(" and "),
        "a list is taken whole: {from_environment}"
    );
    let typed = said(
        serve(&config)
            .env("WAXSEAL_STORE", at("environment.db"))
            .env("WAXSEAL_ZONE", "environment.example")
            .args(["--zone", "typed.example", "--store"])
            .arg(at("typed.db")),
    );
    assert!(
        typed.contains("typed.db") && typed.contains("*.typed.example"),
        "{typed}"
    );
    // The file itself can be named in the environment.
    let named = said(waxseal().arg("serve").env("WAXSEAL_CONFIG", &config));
    assert!(named.contains("*.file.example"), "{named}");
}

fn ask(served: &Served, head: &str) -> String {
    let mut stream = TcpStream::connect(served.address()).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Each address is a door of the same house.
#[test]
fn it_listens_at_every_address() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("evidence.db");
    let mut command = waxseal();
    command
        .args(["serve", "--listen", "127.0.0.1:0,[::1]:0", "--store"])
        .arg(&store);
    let mut served = Served::start(&mut command);
    let second = served
        .said
        .split(" and ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let mut stream = TcpStream::connect(second).unwrap();
    stream.write_all(b"GET /second HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(ask(&served, "GET /first HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 404"));
    served.signal("TERM");
    assert_eq!(served.ended().code(), Some(0));
    let peers = hits(&store).into_iter().map(|hit| hit.peer.is_ipv6());
    assert_eq!(peers.collect::<Vec<_>>(), [true, false]);
}

fn hits(store: &Path) -> Vec<waxseal::model::Hit> {
    let store = Store::open_existing(store).unwrap();
    let run = store.runs().unwrap().last().unwrap().run;
    let entries = store.evidence(run).unwrap().entries;
    let hit = |record| match record {
        Record::Hit(hit) => Some(hit),
        _ => None,
    };
    entries
        .into_iter()
        .filter_map(|entry| hit(entry.record))
        .collect()
}

/// A visitor that stalls in its request keeps nobody: what it had sent is recorded.
#[test]
fn the_first_signal_lets_visits_end_but_waits_for_nobody_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("evidence.db");
    let mut served = Served::start(waxseal().args(["serve", "--store"]).arg(&store));
    let mut stalled = TcpStream::connect(served.address()).unwrap();
    stalled.write_all(b"GET /half HTTP/1.1\r\nHost:").unwrap();
    served.signal("TERM");
    let log = served.log_until("stopping");
    assert!(log.contains("a second signal stops at once"), "{log}");
    assert_eq!(served.ended().code(), Some(0));
    assert!(served.rest_of_log().contains("stopped"));
    let kinds: Vec<_> = hits(&store).into_iter().map(|hit| hit.kind).collect();
    assert!(
        matches!(&kinds[..], [HitKind::Connection { sent }] if sent.text().starts_with("GET /half")),
        "{kinds:?}"
    );
}

/// A store that another process holds keeps a visit from ending; a second signal does not wait for it.
#[test]
fn the_second_signal_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("evidence.db");
    let mut served = Served::start(waxseal().args(["serve", "--store"]).arg(&store));
    let holder = rusqlite::Connection::open(&store).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = TcpStream::connect(served.address()).unwrap();
    waiting.write_all(b"GET /held HTTP/1.1\r\n\r\n").unwrap();
    served.signal("INT");
    served.log_until("stopping");
    served.signal("TERM");
    assert_eq!(served.ended().code(), Some(130));
    assert!(served.rest_of_log().contains("stopped at once"));
}

/// Whom a proxy forwarded for is kept beside its address, and only if it was declared.
#[test]
fn whom_a_declared_proxy_forwarded_for_is_kept_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let head = "GET /a HTTP/1.0\r\nX-Forwarded-For: 2001:db8:1:2:3:4:5:6, 192.0.2.1\r\n\r\n";
    for (proxies, forwarded) in [
        (&[][..], None),
        (
            &["--proxy", "127.0.0.0/8,192.0.2.0/24"],
            Some("2001:db8:1:2:3:4:5:6"),
        ),
    ] {
        let store = folder.path().join(format!("{}.db", proxies.len()));
        let mut served = Served::start(
            waxseal()
                .args(["serve", "--store"])
                .arg(&store)
                .args(proxies),
        );
        ask(&served, head);
        served.signal("TERM");
        served.ended();
        let hit = hits(&store).remove(0);
        assert!(hit.peer.ip().is_loopback());
        let HitKind::Http(request) = hit.kind else {
            panic!()
        };
        assert_eq!(
            request.forwarded.map(|ip| ip.to_string()).as_deref(),
            forwarded
        );
        assert!(request.header("x-forwarded-for").is_some());
    }
}

/// Everything that every part of the program has to say about visits in the clear, over TLS and HTTP/2, and by name.
fn whole_log(format: &str, token: &str, bearer: &str, folder: &TempDir) -> String {
    let mut serve = waxseal();
    serve
        .args([
            "serve",
            "--zone",
            "canary.example",
            "--log-format",
            format,
            "--address",
            "127.0.0.1",
        ])
        .args([
            "--public",
            "http://canary.example",
            "--listen",
            "127.0.0.1:0,127.0.0.1:0",
        ])
        .arg("--lab-authority")
        .arg(folder.path().join("ca"))
        .arg("--store")
        .arg(folder.path().join(format!("{format}.db")))
        .env("RUST_LOG", "trace");
    let mut served = Served::start(&mut serve);
    let door = served
        .said
        .split(" and ")
        .nth(1)
        .unwrap()
        .split([' ', ','])
        .next()
        .unwrap()
        .to_owned();
    let port = door.rsplit(':').next().unwrap();
    let host = format!("{token}.canary.example");
    // HTTP/2 knows no such agent.
    for (scheme, agent) in [("http", "x\u{1b}[2J"), ("https", "x")] {
        let asked = Command::new("curl")
            .args([
                "-sk",
                "--http2",
                "-H",
                &format!("Authorization: Bearer {bearer}"),
            ])
            .args([
                "--resolve",
                &format!("{host}:{port}:127.0.0.1"),
                "-A",
                agent,
            ])
            .arg(format!("{scheme}://{host}:{port}/{token}?{token}"))
            .output()
            .unwrap();
        assert!(asked.status.success(), "{asked:?}");
    }
    let dns = served.dns();
    let asked = Command::new("kdig")
        .args([
            &format!("@{}", dns.ip()),
            "-p",
            &dns.port().to_string(),
            &host,
        ])
        .output();
    assert!(
        String::from_utf8(asked.unwrap().stdout)
            .unwrap()
            .contains("NOERROR")
    );
    served.signal("TERM");
    let log = served.rest_of_log();
    assert_eq!(served.ended().code(), Some(0));
    log
}

/// A live canary in a log that is shipped elsewhere would be a leak of ours.
#[test]
fn no_canary_and_no_secret_is_in_the_log_at_its_loudest() {
    let folder = tempfile::tempdir().unwrap();
    let mint = Key::new([7; 32]).mint(RunId(1));
    let token = mint.token(TokenId {
        run: RunId(1),
        trial: TrialId(1),
        arm: Arm::Sent,
        form: Form::Http,
        part: Part::Link,
    });
    let bearer = "0123456789abcdef0123456789abcdef";
    for format in ["text", "json"] {
        let log = whole_log(format, &token, bearer, &folder);
        assert!(
            log.lines().count() > 20,
            "there is something to look through: {log}"
        );
        let lower = log.to_lowercase();
        assert!(!lower.contains(&token), "{log}");
        assert!(!lower.contains(bearer), "{log}");
        let key = std::fs::read_to_string(folder.path().join("ca/ca.key")).unwrap();
        let parts = key.lines().filter(|line| !line.starts_with('-'));
        assert!(parts.into_iter().all(|part| !log.contains(part)), "{log}");
        assert!(
            lower.contains(&format!("{}…", &token[..6])),
            "what was taken out can still be told apart: {log}"
        );
        let raw = log.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(raw, None, "{log}");
        if format == "json" {
            let all = log.lines().map(serde_json::from_str::<serde_json::Value>);
            assert!(
                all.into_iter()
                    .all(|line| line.is_ok_and(|line| line["level"].is_string())),
                "{log}"
            );
        }
    }
}
