//! Our pages in a real browser: nothing is fetched but the page, nothing is complained of, and whoever cannot see them well
//! can read them too, light and dark, on a wide screen and on a telephone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/window.rs"]
#[allow(unreachable_pub)]
mod window;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::evidence::Run;
use common::golden::in_repository;
use common::hostile::{HOSTILE, eventful, hostile};
use common::summaries::{changing, hostile_summaries};
use serde_json::Value;
use waxseal::history::{RATE, history};
use waxseal::model::History;
use waxseal::report::{Site, View, html, of_failure, site};
use waxseal::verdict::judge;
use window::Window;

fn page(run: &Run) -> String {
    let evidence = run.evidence();
    let judged = judge(&evidence).unwrap();
    html(&View::new(&evidence, &judged.cells, &judged.observations).unwrap())
}

/// Looks for what keeps people from reading a page: contrast, labels, headings, landmarks (axe-core, by Deque).
fn axe() -> String {
    let path = in_repository("target/pages/node_modules/axe-core/axe.min.js");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("read {}: {error}; run `ci/setup tools`", path.display()))
}

const RUN_AXE: &str = "const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'] }).then(
    found => done(found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html + ' ' + node.failureSummary).join(' | '))),
    error => done(['axe failed: ' + error]));";

fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().unwrap().iter();
    all.map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Looks at a page in every way in which people do.
fn assert_fit_for_people(window: &Window, axe: &str, file: &Path) {
    let url = format!("file://{}", file.display());
    for (scheme, width) in [
        ("light", 1200),
        ("dark", 1200),
        ("light", 360),
        ("dark", 360),
    ] {
        window.as_seen(scheme, width);
        let _ = window.requests();
        window.look_at(&url);
        let at = format!("{} {scheme} {width}", file.display());
        window.script("for (const one of document.querySelectorAll('details')) one.open = true;");
        window.script(axe);
        let found = strings(&window.slow_script(RUN_AXE));
        assert!(found.is_empty(), "{at}: {found:#?}");
        let wide = window.script("return document.documentElement.scrollWidth;");
        assert!(
            wide.as_u64().unwrap() <= u64::from(width),
            "{at}: {wide} wide"
        );
        assert_eq!(window.complaints(), [""; 0], "{at}");
        let asked: Vec<String> = window
            .requests()
            .into_iter()
            .filter(|asked| *asked != url && !asked.starts_with("data:"))
            .collect();
        assert_eq!(asked, [""; 0], "{at}");
    }
}

#[test]
fn reports_are_fit_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let pages = [
        ("eventful", page(&eventful())),
        ("hostile", page(&hostile())),
        ("quiet", page(&Run::quiet(2))),
        ("failed", of_failure::html(&HOSTILE.join(" "))),
    ];
    let (window, axe) = (Window::open(), axe());
    for (name, text) in &pages {
        let file = folder.path().join(format!("{name}.html"));
        fs::write(&file, text).unwrap();
        assert_fit_for_people(&window, &axe, &file);
    }
    window.look_at(&format!(
        "file://{}",
        folder.path().join("hostile.html").display()
    ));
    assert_eq!(
        window.script("return document.scripts.length + document.images.length;"),
        0
    );
    let text = window.script("return document.body.textContent;");
    let text = text.as_str().unwrap();
    for shown in [
        "<script>alert(1)</script>",
        "]]></failure>",
        "=HYPERLINK(\"http://evil.example\")",
        "@SUM(1)",
    ] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
}

#[test]
fn a_site_is_fit_for_people() {
    let services = [changing(), hostile_summaries()];
    let histories: Vec<History> = services
        .iter()
        .map(|runs| history(runs, RATE).unwrap())
        .collect();
    let runs = BTreeSet::from([histories[0].runs[15].run]);
    let all = Site {
        histories: &histories,
        runs: &runs,
        url: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let (window, axe) = (Window::open(), axe());
    for file in site(&all).unwrap() {
        let path = folder.path().join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &file.text).unwrap();
        if file.path.ends_with(".html") {
            assert_fit_for_people(&window, &axe, &path);
        }
    }
}

/// The check itself sees what it is there to see.
#[test]
fn what_is_wrong_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.html");
    let wrong = "<!DOCTYPE html><title>x</title><p style='color:#999;background:#aaa'>pale</p><img src='gone.png'>";
    fs::write(&file, wrong).unwrap();
    let window = Window::open();
    window.as_seen("light", 1200);
    window.look_at(&format!("file://{}", file.display()));
    window.script(&axe());
    let found = strings(&window.slow_script(RUN_AXE)).join("\n");
    for rule in ["color-contrast", "image-alt", "html-has-lang"] {
        assert!(found.contains(rule), "{rule} is not in {found}");
    }
    assert!(
        window
            .requests()
            .iter()
            .any(|asked| asked.ends_with("gone.png"))
    );
    assert!(!window.complaints().is_empty());
}
