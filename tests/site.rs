//! The public pages of all services over time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::evidence::Run;
use common::golden::in_repository;
use common::hostile::{HOSTILE, eventful};
use common::summaries::{changing, hostile_summaries};
use waxseal::history::{RATE, history};
use waxseal::model::{Evidence, History, RunId};
use waxseal::report::{File, Site, site};
use waxseal::store::Store;

fn histories() -> Vec<History> {
    let services = [changing(), hostile_summaries()];
    let told = services.iter().map(|runs| history(runs, RATE).unwrap());
    told.collect()
}

fn files(histories: &[History]) -> BTreeMap<String, String> {
    let runs = histories
        .iter()
        .flat_map(|one| one.runs.iter().rev().take(3));
    let runs: BTreeSet<RunId> = runs.map(|one| one.run).collect();
    let url = Some("https://audit.example/");
    let all = Site {
        histories,
        runs: &runs,
        url,
    };
    let named = |file: File| (file.path, file.text);
    site(&all).unwrap().into_iter().map(named).collect()
}

#[test]
fn a_site_has_a_page_for_each_service_and_says_what_changed() {
    let files = files(&histories());
    let hostile = "service-_3cscript_3e_2e_2e_2f_40";
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "changes.xml".to_owned(),
        "index.html".to_owned(),
        format!("{hostile}/history.json"),
        format!("{hostile}/index.html"),
        "service-example/history.json".to_owned(),
        "service-example/index.html".to_owned(),
    ];
    assert_eq!(paths, expected);
    let index = &files["index.html"];
    for said in [
        "fetched the content",
        "href=\"service-example/index.html\"",
        "appeared",
        "not asked",
        "2026-11-16",
    ] {
        assert!(index.contains(said), "{said} is not in {index}");
    }
    let page = &files["service-example/index.html"];
    for said in [
        "class=\"change\"",
        "../runs/5f3a000f.html",
        "appeared",
        "from there on",
    ] {
        assert!(page.contains(said), "{said} is not in {page}");
    }
    assert!(
        !page.contains("../runs/5f3a0001.html"),
        "a run without a page is not led to"
    );
}

#[test]
fn the_same_histories_give_the_same_bytes() {
    assert_eq!(files(&histories()), files(&histories()));
}

/// Atom (RFC 4287) wants an identifier of each entry that stays, and instants in RFC 3339.
#[test]
fn the_feed_is_well_formed_and_names_each_change_once() {
    let files = files(&histories());
    let feed = &files["changes.xml"];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.xml");
    fs::write(&path, feed).unwrap();
    let lint = Command::new("xmllint")
        .args(["--noout", "--nonet"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        lint.status.success(),
        "{}\n{feed}",
        String::from_utf8_lossy(&lint.stderr)
    );
    assert_eq!(feed.matches("<entry>").count(), 1, "{feed}");
    for part in [
        "<id>urn:waxseal:change:example/default/sent/http//5f3a0008</id>",
        "<updated>2026-11-09T03:00:00Z</updated>",
        "href=\"https://audit.example/service-example/index.html\"",
    ] {
        assert!(feed.contains(part), "{part} is not in {feed}");
    }
}

#[test]
fn hostile_names_are_text_on_every_page() {
    for (path, text) in files(&histories()) {
        let raw: Vec<char> = text
            .chars()
            .filter(|c| c.is_control() && *c != '\n')
            .collect();
        assert!(raw.is_empty(), "{raw:?} in {path}");
        for markup in ["<script", "<img", "<b>"] {
            assert!(
                path.ends_with(".json") || !text.contains(markup),
                "{markup} in {path}"
            );
        }
    }
    assert!(HOSTILE[1].contains("<script"));
}

fn waxseal(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command.current_dir(folder).args(words).output().unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// Evidence as another run has it, so many days later.
fn later(run: &Run, nth: u32) -> Evidence {
    let text = serde_json::to_string(&run.evidence().entries).unwrap();
    let text = text.replace("5f3a0001", &format!("5f3a{nth:04x}"));
    let text = text.replace("2026-11-23T", &format!("2026-11-{:02}T", nth));
    Evidence {
        run: RunId(0x5f3a_0000 + nth),
        entries: serde_json::from_str(&text).unwrap(),
    }
}

#[tokio::test]
async fn a_site_is_made_from_a_store_and_only_what_is_new_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let store = Store::open(&at.join("waxseal.db")).unwrap();
    for nth in 1..5 {
        let evidence = later(&eventful(), nth);
        for entry in &evidence.entries {
            store.append(evidence.run, &entry.record).await.unwrap();
        }
    }
    drop(store);
    let made = waxseal(at, &["site", "public", "--runs", "2"]);
    assert!(made.status.success(), "{}", said(&made));
    assert_eq!(
        said(&made),
        "1 service, 2 pages of runs: 8 files written, 0 as they were\n"
    );
    let page = fs::read_to_string(at.join("public/runs/5f3a0004.html")).unwrap();
    assert!(page.contains("../service-example/index.html"), "{page}");
    assert!(!at.join("public/runs/5f3a0001.html").exists());
    let again = waxseal(at, &["site", "public", "--runs", "2"]);
    assert_eq!(
        said(&again),
        "1 service, 2 pages of runs: 0 files written, 8 as they were\n"
    );
}

#[test]
fn reports_of_every_format_are_written_and_a_wrong_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let case = in_repository("tests/evidence/ars-2013/evidence.jsonl");
    let case = case.to_str().unwrap();
    let formats = ["html", "json", "junit", "markdown"];
    let targets = formats.map(|format| format!("{format}=report.{format}"));
    let mut words = vec!["judge", case];
    for target in &targets {
        words.extend(["--report", target]);
    }
    let judged = waxseal(folder.path(), &words);
    assert!(
        matches!(judged.status.code(), Some(0 | 1 | 3)),
        "{}",
        said(&judged)
    );
    for (format, begins) in formats.iter().zip(["<!DOCTYPE html>", "{", "<?xml", "## "]) {
        let text = fs::read_to_string(folder.path().join(format!("report.{format}"))).unwrap();
        assert!(text.starts_with(begins), "{text}");
        assert!(text.contains("Skype (2013)"), "{format}: {text}");
    }
    let wrong = waxseal(
        folder.path(),
        &["judge", case, "--report", "pdf=report.pdf"],
    );
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        said(&wrong).contains("there are html, json, junit, markdown"),
        "{}",
        said(&wrong)
    );
}

/// A run that cannot be played leaves no report that reads like success.
#[test]
fn a_run_that_could_not_be_played_says_so_in_its_reports() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "run",
        "--chromedriver",
        "/nowhere/chromedriver",
        "--report",
        "junit=report.xml",
        "--report",
        "markdown=report.md",
    ];
    let played = waxseal(folder.path(), &words);
    assert_eq!(played.status.code(), Some(4), "{}", said(&played));
    let junit = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    assert!(
        junit.contains("errors=\"1\"") && junit.contains("could-not-run"),
        "{junit}"
    );
    let markdown = fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(markdown.contains("could not run"), "{markdown}");
}
