//! An app that no browser can drive, audited by hand: the same links, windows and judgement, and a person at the terminal. Here the
//! person is a script, and the app's provider a fetch, or none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::golden::in_repository;
use common::report::{cell, must_have_doubt};
use common::served::waxseal;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// The scenario of the repository, quicker.
fn scenario(folder: &Path, networks: &str) -> PathBuf {
    let text = std::fs::read_to_string(in_repository("scenarios/services/by-hand.toml")).unwrap();
    let changes = [
        ("window = \"15m\"", "window = \"1s\""),
        ("draft  = \"20s\"", "draft  = \"100ms\""),
        ("trials = 5", "trials = 3"),
        ("name   = \"by-hand\"", networks),
    ];
    let text = changes.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    });
    let file = folder.join("app.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// What the run asked, and the report. `answers` says what a person does with each request.
fn run(
    networks: &str,
    mut answers: impl FnMut(&str) -> Option<&'static str>,
) -> (Vec<String>, i32, Value) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = scenario(folder.path(), networks);
    let mut command = waxseal();
    command.arg("run").arg(&file).args([
        "--var",
        "app=Example",
        "--var",
        "peer=Test Two",
        "--resolver",
        "none",
        "--report",
        "json=report.json",
        // Where there is no browser, none may be looked for.
        "--chromedriver",
        "/nowhere",
    ]);
    command.current_dir(folder.path());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take();
    let mut asked = Vec::new();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    // A question ends without a line break: what was asked stands in the line before.
    let mut line = String::new();
    let mut before = String::new();
    while told.read_line_or_prompt(&mut line) {
        if line.ends_with("cannot be: ") {
            asked.push(before.trim().to_owned());
            match answers(&before) {
                Some(answer) => writeln!(stdin.as_mut().unwrap(), "{answer}").unwrap(),
                None => drop(stdin.take()),
            }
        }
        before = std::mem::take(&mut line);
    }
    let status = child.wait().unwrap().code().unwrap();
    let report =
        std::fs::read(folder.path().join("report.json")).unwrap_or_else(|_| panic!("{asked:?}"));
    (asked, status, serde_json::from_slice(&report).unwrap())
}

trait Prompted {
    fn read_line_or_prompt(&mut self, line: &mut String) -> bool;
}

impl<R: Read> Prompted for BufReader<R> {
    /// A line, or a question that waits for its answer; false at the end.
    fn read_line_or_prompt(&mut self, line: &mut String) -> bool {
        let mut bytes = Vec::new();
        let mut one = [0];
        while self.read(&mut one).unwrap() == 1 {
            bytes.push(one[0]);
            if one[0] == b'\n' || bytes.ends_with(b"cannot be: ") {
                break;
            }
        }
        line.push_str(&String::from_utf8_lossy(&bytes));
        !line.is_empty()
    }
}

fn link_in(text: &str) -> Option<String> {
    let link = text
        .split_whitespace()
        .find(|word| word.starts_with("http://"))?;
    Some(link.to_owned())
}

/// Opens a link from this address.
fn fetched_from(ip: [u8; 4], link: &str) {
    let url = url::Url::parse(link).unwrap();
    let to = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let to: SocketAddr = to.parse().unwrap();
    let asked = format!(
        "GET {} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n",
        url.path()
    );
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        let mut stream = socket.connect(to).await.unwrap();
        stream.write_all(asked.as_bytes()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
}

#[test]
fn silence_that_a_person_witnessed_is_silence() {
    let (asked, status, report) = run("name   = \"by-hand\"", |_| Some(""));
    assert_eq!(status, 0, "{report:#}");
    for arm in ["sent", "received", "pasted", "unsent"] {
        let cell = cell(&report, arm);
        assert_eq!(
            (&cell["verdict"], &cell["doubts"]),
            (&"not-observed".into(), &Value::Array(vec![])),
            "{arm}: {cell}"
        );
    }
    assert_eq!(report["run"]["browser"], "by hand");
    let known = &report["scenario"];
    assert_eq!(
        (&known["status"], &known["grade"], &known["tried"]),
        (&"no-web-client".into(), &"A".into(), &"not-run".into())
    );
    assert!(
        report["cells"]
            .as_array()
            .unwrap()
            .iter()
            .all(|cell| cell["arm"] != "visited")
    );
    let said = |words: &str| asked.iter().filter(|text| text.contains(words)).count();
    assert_eq!(
        (
            said("paste this"),
            said("send it"),
            said("take the link out")
        ),
        (9, 6 + 9, 3),
        "{asked:#?}"
    );
    assert!(
        asked.iter().any(|text| text
            .starts_with("recipient: open the conversation, and see that http://127.0.0.1:")),
        "{asked:#?}"
    );
}

#[test]
fn a_provider_that_comes_is_seen() {
    let networks = "name   = \"by-hand\"\nnetworks = [\"127.0.0.2/32\"]";
    let (_, status, report) = run(networks, |text| {
        if text.contains("has left") {
            fetched_from([127, 0, 0, 2], &link_in(text).unwrap());
        }
        Some("")
    });
    assert_eq!(status, 0);
    let sent = cell(&report, "sent");
    assert_eq!(
        (&sent["verdict"], &sent["depth"], &sent["actors"][0]),
        (&"observed".into(), &"read".into(), &"provider".into()),
        "{sent}"
    );
}

#[test]
fn a_stranger_may_be_a_device_of_our_own() {
    let (_, _, report) = run("name   = \"by-hand\"", |text| {
        if text.contains("has left") {
            fetched_from([127, 0, 0, 3], &link_in(text).unwrap());
        }
        Some("")
    });
    let sent = cell(&report, "sent");
    must_have_doubt(sent, "unsealed");
    assert_eq!(sent["verdict"], "inconclusive");
}

#[test]
fn what_a_person_did_not_see_is_not_proven() {
    let (_, status, report) = run("name   = \"by-hand\"", |text| {
        Some(if text.contains("recipient: open the conversation") {
            "n"
        } else {
            ""
        })
    });
    let sent = cell(&report, "sent");
    assert_eq!(sent["verdict"], "inconclusive");
    must_have_doubt(sent, "not-delivered");
    assert_eq!(status, 3, "what cannot be said is no success");
}

#[test]
fn when_nobody_answers_any_more_the_run_ends() {
    let mut answered = 0;
    let (_, _, report) = run("name   = \"by-hand\"", |_| {
        answered += 1;
        (answered < 6).then_some("")
    });
    let failures = report["failures"].as_array().unwrap();
    assert!(
        failures.iter().any(|failure| failure["message"]
            .as_str()
            .unwrap()
            .contains("nobody answers at the terminal")),
        "{failures:#?}"
    );
    assert_eq!(cell(&report, "sent")["verdict"], "inconclusive");
}
