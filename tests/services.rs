//! The scenarios of real services: they are in order, all of them are listed, and the README says the same of them.
//!
//! `WAXSEAL_BLESS=1 cargo test --test services` writes the README's table anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::process::Command;

use common::golden::{assert_golden, in_repository};
use serde_json::Value;
use waxseal::diagnostic::{Source, render_all};
use waxseal::model::Status;
use waxseal::scenario::{By, Locator, Scenario, parse};

/// The scenarios of `scenarios/services`, by the names of their files.
fn scenarios() -> Vec<(String, Scenario)> {
    let folder = std::fs::read_dir(in_repository("scenarios/services")).unwrap();
    let mut all: Vec<_> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let source = Source {
                name: format!("scenarios/services/{name}.toml"),
                text,
            };
            let (scenario, warnings) = parse(source.clone()).unwrap_or_else(|mistakes| {
                panic!("{}", render_all(&[(&source, &mistakes)], false))
            });
            assert!(
                warnings.is_empty(),
                "{}",
                render_all(&[(&source, &warnings)], false)
            );
            (name, scenario)
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn waxseal(words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_waxseal"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(words)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn listed(words: &[&str]) -> Vec<Value> {
    let (status, out, err) = waxseal(words);
    assert_eq!(status, 0, "{err}");
    let listing: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listing["format"], 1);
    listing["services"].as_array().unwrap().clone()
}

#[test]
fn every_scenario_of_the_repository_is_valid_without_a_warning() {
    let (status, out, err) = waxseal(&["check", "scenarios"]);
    assert_eq!((status, err.as_str()), (0, ""));
    for file in ["services/discord", "lab/thelounge", "practice/first"] {
        assert!(
            out.contains(&format!("scenarios/{file}.toml: valid")),
            "{out}"
        );
    }
}

#[test]
fn a_folder_without_scenarios_is_no_success() {
    let (status, _, err) = waxseal(&["check", "scenarios/schema"]);
    assert_eq!(status, 2);
    assert!(err.contains("there is no .toml in it"), "{err}");
}

#[test]
fn each_says_what_it_is_worth_and_what_to_review() {
    for (name, scenario) in scenarios() {
        let known = &scenario.provenance;
        assert!(
            known.status.is_some() && known.grade.is_some() && known.tried.is_some(),
            "{name}"
        );
        assert_eq!(scenario.service.name, name);
        let retired = known.status == Some(Status::Retired);
        assert_eq!(scenario.service.terms.is_none(), retired, "{name}");
        assert!(
            scenario.covariates.contains_key("region") || known.status != Some(Status::Live),
            "{name}"
        );
    }
}

/// Whether it looks for what only some languages have.
fn speaks(locator: &Locator) -> bool {
    matches!(
        &locator.by,
        By::Role { name: Some(_), .. } | By::Text(_) | By::Label(_) | By::Placeholder(_)
    )
}

#[test]
fn what_is_typed_into_is_found_in_any_language_and_the_peer_is_seen_before() {
    for (name, scenario) in scenarios() {
        if scenario.provenance.status != Some(Status::Live) {
            continue;
        }
        let composer = &scenario.locators["composer"];
        assert!(!speaks(&composer[0]), "{name}");
        let last = scenario.script.open.last().unwrap();
        let seen = scenario
            .script
            .open
            .iter()
            .any(|step| format!("{:?}", step.verb).contains("\"peer\""));
        assert!(
            seen && !last.optional,
            "{name}: nothing shows that it is the right conversation"
        );
    }
}

#[test]
fn all_of_them_are_built_in_and_listed() {
    let files: Vec<String> = scenarios()
        .into_iter()
        .map(|(name, _)| format!("{name}.toml"))
        .collect();
    let built_in: Vec<String> = listed(&["services", "--json"])
        .iter()
        .map(|one| one["file"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(built_in, files);
    let (_, out, _) = waxseal(&["services"]);
    assert_eq!(out.lines().count(), files.len() + 1, "{out}");
    let skype = out.lines().find(|line| line.starts_with("skype ")).unwrap();
    assert!(
        skype.contains("retired") && skype.contains("see teams-free"),
        "{skype}"
    );
    let (_, out, _) = waxseal(&["services", "--show", "discord"]);
    let kept = std::fs::read_to_string(in_repository("scenarios/services/discord.toml")).unwrap();
    assert_eq!(out, kept);
}

#[test]
fn one_that_is_not_there_is_said_with_those_that_are() {
    let (status, _, err) = waxseal(&["services", "--show", "icq"]);
    assert_eq!(status, 2);
    assert!(
        err.contains("no scenario of that name") && err.contains("discord, element"),
        "{err}"
    );
}

#[test]
fn a_retired_service_is_not_run() {
    let (status, _, err) = waxseal(&["run", "scenarios/services/skype.toml"]);
    assert_eq!(status, 2);
    assert!(
        err.contains("failed to audit Skype: the service is retired; teams-free took its place"),
        "{err}"
    );
}

#[test]
fn the_plan_of_a_real_service_names_its_terms() {
    let words = ["plan", "scenarios/services/discord.toml", "--seed", "1"];
    let (status, out, err) = waxseal(&words);
    assert_eq!(status, 0, "{err}");
    assert!(
        out.contains("review its terms first: https://discord.com/terms"),
        "{out}"
    );
}

const BEGIN: &str = "<!-- services -->\n";
const END: &str = "<!-- /services -->\n";

#[test]
fn the_readme_says_the_same() {
    let mut table = String::from(
        "| service | scenario | status | selectors of | grade | driven against |\n|---|---|---|---|---|---|\n",
    );
    for one in listed(&["services", "--json"]) {
        let text = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
        let file = text("file");
        let status = match one["successor"].as_str() {
            Some(successor) => format!("{}, see `{successor}`", text("status")),
            None => text("status"),
        };
        let driven = match text("tried").as_str() {
            "not-run" => "nothing yet".to_owned(),
            "stage" => "a stage".to_owned(),
            "software" => "the real software".to_owned(),
            "service" => "the service itself".to_owned(),
            other => other.to_owned(),
        };
        table += &format!(
            "| {} | [{file}](scenarios/services/{file}) | {status} | {} | {} | {driven} |\n",
            text("title"),
            text("checked"),
            text("grade")
        );
    }
    let readme = std::fs::read_to_string(in_repository("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the place of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    assert_golden("README.md", &format!("{before}{BEGIN}{table}{END}{after}"));
}
