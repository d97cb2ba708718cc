//! Scenario files: what is valid, and how every mistake looks.
//!
//! `tests/invalid/NAME.toml` holds a mistake, `tests/invalid/NAME.txt` is what `waxseal check` prints about it. After a
//! change of words, look at the difference that `WAXSEAL_BLESS=1 cargo test --test scenario` makes; the same command
//! writes `scenarios/schema/scenario.v1.json` anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::golden::{compare, in_repository, is_blessing};
use proptest::prelude::*;
use waxseal::diagnostic::{Diagnostic, Severity, Source, render_all};
use waxseal::model::Phase;
use waxseal::scenario::{Piece, Scenario, Verb, json_schema, parse};

const LAB: &str = include_str!("../scenarios/lab/thelounge.toml");

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.into(),
        text: text.into(),
    }
}

/// What `waxseal check` prints about a file.
fn shown(name: &str, text: &str) -> String {
    let source = source(name, text);
    let found = match parse(source.clone()) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    };
    render_all(&[(&source, &found)], false)
}

fn valid(text: &str) -> (Scenario, Vec<Diagnostic>) {
    parse(source("valid.toml", text)).unwrap_or_else(|_| panic!("{}", shown("valid.toml", text)))
}

#[test]
fn the_lab_scenario_has_no_mistake_and_no_warning() {
    let (scenario, warnings) = valid(LAB);
    assert_eq!(warnings, []);
    assert_eq!(scenario.service.name, "thelounge");
    assert_eq!(scenario.service.title, "The Lounge 4.5");
    assert_eq!(scenario.service.testid_attr, "data-testid");
    assert_eq!(scenario.timeouts.page, Duration::from_secs(30));
    assert_eq!(scenario.experiment.draft, Duration::from_secs(1));
    assert_eq!(scenario.variants.len(), 3);
    assert_eq!(scenario.expectations.len(), 6);
    assert_eq!(scenario.expectations[0].variant, None);
    assert_eq!(scenario.expectations[0].forms, scenario.experiment.forms);
    assert_eq!(scenario.expectations[0].limit.actors, Some(vec![]));
    let variant = scenario.expectations[1].variant.as_deref();
    assert_eq!(variant, Some("prefetch-on"));
    let send = &scenario.script.phase(Phase::Send)[0];
    assert!(send.effect && send.mark.as_deref() == Some("sent"));
    assert_eq!(
        LAB.lines().nth(send.line as usize - 1),
        Some("click  = \"submit\"")
    );
}

#[test]
fn the_schema_beside_the_scenarios_is_the_one_in_force() {
    let fresh = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    let path = in_repository("scenarios/schema/scenario.v1.json");
    compare(&path, &fresh).unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn the_lab_scenario_follows_the_schema() {
    let scenario: serde_json::Value = toml::from_str(LAB).unwrap();
    let schema = jsonschema::draft202012::new(&json_schema()).unwrap();
    let errors: Vec<_> = schema
        .iter_errors(&scenario)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut wrong = scenario;
    wrong["experiment"]["arms"][0] = "draft".into();
    assert!(!schema.is_valid(&wrong));
}

/// Names of all `tests/invalid/*.EXTENSION`.
fn invalid(extension: &str) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(in_repository("tests/invalid"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_mistake_looks_as_it_should() {
    let mut differences = String::new();
    for name in invalid("toml") {
        let path = format!("tests/invalid/{name}.toml");
        let text = std::fs::read_to_string(in_repository(&path)).unwrap();
        let fresh = shown(&path, &text);
        let golden = in_repository(&format!("tests/invalid/{name}.txt"));
        if let Err(difference) = compare(&golden, &fresh) {
            differences += &difference;
        }
    }
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(invalid("toml"), invalid("txt"), "every text has its file");
}

/// A rule without a golden text is one whose words nobody has read.
#[test]
fn every_code_is_in_some_golden_text() {
    if is_blessing() {
        return;
    }
    let mut texts = String::new();
    for name in invalid("txt") {
        let path = in_repository(&format!("tests/invalid/{name}.txt"));
        texts += &std::fs::read_to_string(path).unwrap();
    }
    let shown = |code: &str| texts.contains(&format!("[{code}]"));
    let missing: Vec<_> = codes().into_iter().filter(|code| !shown(code)).collect();
    assert!(missing.is_empty(), "no golden text for {missing:?}");
}

/// Every code in the room's own text: a quoted word after what reports a mistake.
fn codes() -> Vec<String> {
    let found = regex::Regex::new(
        r#"(?s)\.(?:error|warning)\(\s*Spot::[^;]*?,\s*"([a-z-]+)",\s*said|Some\(\("([a-z-]+)", said\)\)|=> \("(unknown-[a-z-]+)", "#,
    )
    .unwrap();
    let folder = in_repository("src/scenario");
    let files = [
        "validate/claims.rs",
        "validate/locators.rs",
        "validate/phases.rs",
        "validate/places.rs",
        "validate/provenance.rs",
        "validate/rails.rs",
        "validate/settings.rs",
        "validate/steps.rs",
        "validate/values.rs",
        "structure.rs",
    ];
    let texts = files.map(|file| std::fs::read_to_string(folder.join(file)).unwrap());
    let mut codes: Vec<_> = texts
        .iter()
        .flat_map(|text| found.captures_iter(text))
        .map(|captures| {
            (1..=3)
                .find_map(|group| captures.get(group))
                .unwrap()
                .as_str()
                .to_owned()
        })
        .filter(|code| code != "unknown-word")
        .collect();
    codes.sort();
    codes.dedup();
    assert!(codes.len() > 30, "{codes:?}");
    codes
}

#[test]
fn a_plain_secret_is_not_shown() {
    let text = std::fs::read_to_string(in_repository("tests/invalid/bad-reference.toml")).unwrap();
    assert!(text.contains("horse") && !shown("x.toml", &text).contains("horse"));
}

/// The lab scenario with one piece of text for another.
fn lab_with(old: &str, new: &str) -> String {
    assert_eq!(LAB.matches(old).count(), 1, "{old}");
    LAB.replace(old, new)
}

#[test]
fn what_is_typed_is_read_back_unless_it_is_a_secret() {
    let text = lab_with("clear  = true\nverify = false\n", "");
    let verified: Vec<_> = valid(&text)
        .0
        .script
        .login
        .iter()
        .filter_map(|step| match &step.verb {
            Verb::Type(typed) => Some((typed.text.holds_secret(), typed.verify)),
            _ => None,
        })
        .collect();
    assert_eq!(verified, [(false, true), (true, false)]);
}

#[test]
fn without_variants_there_is_one() {
    let end = LAB.find("[[variant]]").unwrap();
    let (scenario, _) = valid(&LAB[..end]);
    assert_eq!(scenario.variants.len(), 1);
    assert_eq!(
        (
            scenario.variants[0].name.as_str(),
            scenario.variants[0].title.as_str()
        ),
        ("default", "")
    );
}

#[test]
fn doubled_braces_and_names_become_pieces() {
    let (scenario, _) = valid(&lab_with(
        "\"/query {peer.user}\"",
        "\"{{x}} {url} {peer.user}\"",
    ));
    let Verb::Type(typed) = &scenario.script.open[1].verb else {
        panic!("no type");
    };
    let literal = |text: &str| Piece::Literal(text.into());
    let url = Piece::Var("url".into());
    assert_eq!(
        typed.text.pieces(),
        [literal("{x} "), url, literal(" "), Piece::Peer]
    );
}

#[test]
fn what_is_saved_can_be_used_later_also_by_way_of_an_alias() {
    let saved = "[[open.steps]]\nsave = \"peer_id\"\nfrom = \"open_query\"\nattr = \"data-id\"\n\n[[compose.steps]]\n";
    let text = lab_with("[[compose.steps]]\n", saved);
    let text = text.replace("textarea#input", "textarea#input-{peer_id}");
    // `open` itself types into the composer before the value is there.
    let Err(mistakes) = parse(source("x", &text)) else {
        panic!("the first use comes too early");
    };
    assert_eq!(mistakes.len(), 1, "{}", shown("x", &text));
    assert_eq!(mistakes[0].code, "saved-later");
    let early = "type   = \"/query {peer.user}\"\ninto   = \"composer\"";
    assert!(text.contains(early));
    valid(&text.replace(
        early,
        "type   = \"/query {peer.user}\"\ninto   = \"joined\"",
    ));
}

#[test]
fn addresses_are_held_to_the_hosts_as_far_as_they_are_known() {
    let goto = "goto = \"{url}/\"";
    for fine in [
        "http://127.0.0.1:9000/{url}",
        "http://{url}/",
        "HTTP://127.0.0.1",
        "{url}",
    ] {
        valid(&lab_with(goto, &format!("goto = \"{fine}\"")));
    }
    for foreign in [
        "http://127.0.0.2/{url}",
        "http://127.0.0.1@evil.example/",
        "http://evil.example:{url}",
        "https:evil.example",
    ] {
        let text = lab_with(goto, &format!("goto = \"{foreign}\""));
        assert!(
            shown("x", &text).contains("error[foreign-host]"),
            "{foreign}"
        );
    }
}

/// Everything that must hold of any text, however wild.
fn assert_answered(text: &str) {
    let source = source("wild.toml", text);
    let found = match parse(source.clone()) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => {
            assert!(mistakes.iter().any(|one| one.severity == Severity::Error));
            assert!(
                mistakes.iter().all(|one| one.code != "unreadable"),
                "{mistakes:?}"
            );
            mistakes
        }
    };
    for one in &found {
        assert!(text.get(one.span.clone()).is_some(), "{one:?}");
        assert!(one.help.is_some(), "{one:?}");
    }
    let shown = render_all(&[(&source, &found)], false);
    assert!(
        shown.chars().all(|c| c == '\n' || !c.is_control()),
        "{shown:?}"
    );
}

#[test]
fn wild_files_are_answered() {
    let large = |piece: &str| piece.repeat(250_000 / piece.len());
    assert_answered(&"=\u{1b}ü\n".repeat(200_000));
    assert_answered("");
    assert_answered("\u{feff}");
    assert_answered("\0");
    for piece in [
        "=\n",
        "[",
        "[[a]]\n",
        "a",
        "\"",
        "{",
        "\u{1b}ü\n",
        "x.",
        "a = [1, 2]\n",
        "[[login.steps]]\n",
        "[[login.steps]]\nx = 1\n",
        "loc = { a = ",
        "\r",
        "[[open.steps]]\nsave = 'a'\nfrom = 'b'\n",
    ] {
        assert_answered(&large(piece));
    }
    assert_answered(&(LAB.to_owned() + &"#\n".repeat(100_000)));
    let circles: String = (0..5_000)
        .map(|n| format!("a{n} = {{ css = 'x', within = 'a{}' }}\n", (n + 1) % 5_000))
        .collect();
    assert_answered(&lab_with("[loc]\n", &format!("[loc]\n{circles}")));
}

/// One change to a text.
#[derive(Debug, Clone)]
enum Change {
    Cut(prop::sample::Index, usize),
    Put(prop::sample::Index, String),
    Double(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Drop(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let wild = prop_oneof![
        "[\\[\\]{}=\"'.,#\n a-z0-9_-]{1,6}",
        Just("ü\u{1b}".to_owned()),
        Just("{canary}".to_owned()),
        Just("{secret.password}".to_owned()),
        Just("within = \"own\"".to_owned()),
        Just("\neffect = true\n".to_owned()),
        Just("\nmark = \"typed\"\n".to_owned()),
        Just("\n[loc.x]\n".to_owned()),
    ];
    prop_oneof![
        (at(), 1..12_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (at(), wild).prop_map(|(at, text)| Change::Put(at, text)),
        at().prop_map(Change::Double),
        (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        at().prop_map(Change::Drop),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let mut lines: Vec<&str> = text.lines().collect();
    if letters.is_empty() {
        return String::new();
    }
    match change {
        Change::Cut(at, length) => {
            let at = at.index(letters.len());
            letters.drain(at..letters.len().min(at + length));
            return letters.into_iter().collect();
        }
        Change::Put(at, text) => {
            let at = at.index(letters.len());
            letters.splice(at..at, text.chars());
            return letters.into_iter().collect();
        }
        Change::Double(at) => {
            let at = at.index(lines.len());
            lines.insert(at, lines[at]);
        }
        Change::Swap(one, other) => {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
        }
        Change::Drop(at) => {
            lines.remove(at.index(lines.len()));
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_to_a_valid_file_is_unanswerable(changes in prop::collection::vec(change(), 1..6)) {
        let text = changes.iter().fold(LAB.to_owned(), |text, change| changed(&text, change));
        assert_answered(&text);
    }

    #[test]
    fn no_text_is_unanswerable(text in "\\PC{0,200}") {
        assert_answered(&text);
    }
}
