//! The program as it is typed: one clear message, and the right exit status.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

const LAB: &str = "scenarios/lab/thelounge.toml";

fn waxseal(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(words);
    command
        .env("WAXSEAL_STORE", folder.join("evidence.db"))
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1");
    command
        .env("THELOUNGE_ALICE_PASSWORD", "a")
        .env("THELOUNGE_BOB_PASSWORD", "b");
    command.output().unwrap()
}

/// Runs it, and returns the exit status with what it said on both streams.
fn said(words: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = waxseal(folder.path(), words);
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

#[track_caller]
fn assert_said(words: &[&str], status: i32, parts: &[&str]) {
    let (code, text) = said(words);
    assert_eq!(code, status, "{words:?}: {text}");
    for part in parts {
        assert!(
            text.contains(part),
            "{words:?} does not say `{part}`: {text}"
        );
    }
}

#[test]
fn a_valid_scenario_is_said_to_be() {
    assert_said(&["check", LAB], 0, &["scenarios/lab/thelounge.toml: valid"]);
}

/// On a service that others use as well.
#[test]
fn a_plan_says_when_each_message_may_be_written() {
    let plan = ["plan", "scenarios/services/discord.toml", "--seed", "7"];
    let usual = [
        "at most 20 messages in any hour",
        "not before +0 s\n",
        " min\n",
    ];
    assert_said(&plan, 0, &usual);
    let own = [&plan[..], &["--per-hour", "2"]].concat();
    assert_said(&own, 0, &["at most 2 messages in any hour"]);
    let none = [&plan[..], &["--per-hour", "0"]].concat();
    assert_said(&none, 2, &["--per-hour"]);
}

#[test]
fn five_mistakes_are_shown_in_one_go() {
    let places = [
        "five.toml:4:11",
        "five.toml:23:19",
        "five.toml:26:10",
        "five.toml:41:8",
        "five.toml:47:1",
    ];
    assert_said(&["check", "tests/invalid/five.toml"], 2, &places);
    assert_said(
        &["check", LAB, "tests/invalid/five.toml"],
        2,
        &["nothing was run: 5 mistakes in 1 scenario"],
    );
    assert_said(
        &["run", "tests/invalid/five.toml"],
        2,
        &["nothing was run: 5 mistakes in 1 scenario"],
    );
    assert_said(
        &["plan", "tests/invalid/five.toml"],
        2,
        &["nothing was run: 5 mistakes in 1 scenario"],
    );
}

#[test]
fn what_is_wrong_on_the_command_line_is_named_with_advice() {
    assert_said(&["chekc", LAB], 2, &["chekc", "check"]);
    assert_said(
        &["check", "no-such.toml"],
        2,
        &["failed to read scenario no-such.toml"],
    );
    assert_said(
        &["plan", LAB, "--variant", "prefetch-offf"],
        2,
        &["did you mean `prefetch-off`?"],
    );
    assert_said(
        &["plan", LAB, "--window", "30"],
        2,
        &["a duration needs its unit"],
    );
    assert_said(&["plan", LAB, "--trials", "0"], 2, &["--trials"]);
    assert_said(
        &["run", LAB, "--var", "ulr=x"],
        2,
        &["no", "`ulr`", "did you mean `url`?"],
    );
    assert_said(&["run", LAB, "--var", "url"], 2, &["give it as NAME=VALUE"]);
    let astray = ["http://chat.example/", "scenario's `hosts` (line "];
    assert_said(
        &["run", LAB, "--var", "url=http://chat.example"],
        2,
        &astray,
    );
    assert_said(
        &["run", LAB],
        2,
        &[
            "variable `url`",
            "address of the instance",
            "--var url=http://127.0.0.1:9000",
        ],
    );
    assert_said(
        &[
            "run",
            LAB,
            "--var",
            "url=http://127.0.0.1:1",
            "--report",
            "xml=r",
        ],
        2,
        &["no report format named `xml`"],
    );
    assert_said(
        &[
            "run",
            LAB,
            "--var",
            "url=http://127.0.0.1:1",
            "--report",
            "json=/no/such/folder/r",
        ],
        2,
        &["/no/such/folder/r"],
    );
    assert_said(
        &[
            "run",
            LAB,
            "--vars",
            "no-such.toml",
            "--var",
            "url=http://127.0.0.1:1",
        ],
        2,
        &["read variables from no-such.toml"],
    );
    assert_said(
        &[
            "run",
            LAB,
            "--var",
            "url=http://127.0.0.1:1",
            "--public",
            "ftp://x/",
        ],
        2,
        &["http://host:port"],
    );
}

#[test]
fn what_is_missing_on_the_machine_is_named_with_advice() {
    let run = ["run", LAB, "--var", "url=http://127.0.0.1:1"];
    let with = |more: [&'static str; 2]| [&run[..], &more[..]].concat();
    let install = "apt-get install chromium chromium-driver";
    assert_said(
        &with(["--chromedriver", "/no/such/driver"]),
        4,
        &["/no/such/driver", install],
    );
    assert_said(
        &with(["--browser", "/no/such/browser"]),
        4,
        &["/no/such/browser", install],
    );
    assert_said(
        &with(["--webdriver", "http://127.0.0.1:1"]),
        4,
        &["open a browser"],
    );
    assert_said(
        &with(["--listen", "192.0.2.1:80"]),
        4,
        &["listen on 192.0.2.1:80"],
    );
    assert_said(
        &with(["--store", "/no/such/folder/e.db"]),
        4,
        &["/no/such/folder/e.db"],
    );
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_looking() {
    for verb in ["judge", "runs", "verify"] {
        let folder = tempfile::tempdir().unwrap();
        let output = waxseal(folder.path(), &[verb]);
        assert_eq!(output.status.code(), Some(4));
        assert!(String::from_utf8_lossy(&output.stderr).contains("there is no such file"));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn a_plan_lists_everything_and_contacts_nothing() {
    let words = [
        "plan",
        LAB,
        "--seed",
        "5",
        "--variant",
        "prefetch-off",
        "--trials",
        "3",
    ];
    let (code, text) = said(&words);
    assert_eq!(code, 0, "{text}");
    let count = |part: &str| text.matches(part).count();
    assert_eq!(
        [
            count("typed, sent, confirmed"),
            count("shown to the recipient after the window"),
            count("taken away"),
            count("shown to nobody")
        ],
        [6, 6, 6, 6],
        "{text}"
    );
    assert!(
        text.contains("http://COLLECTOR/TOKEN?key=TOKEN") && text.contains("listen for 10 s"),
        "{text}"
    );
    assert!(text.ends_with("nothing was contacted\n"), "{text}");
    assert_eq!(text, said(&words).1, "the same seed gives the same plan");
}

#[test]
fn only_what_is_asked_for_is_planted() {
    let words = ["plan", LAB, "--seed", "5", "--form", "http"];
    let (code, text) = said(&[&words[..], &["--arm", "drafted"]].concat());
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("12 trials") && !text.contains("TOKEN?key=TOKEN"),
        "{text}"
    );
    assert!(!text.contains("typed, sent, confirmed"), "{text}");
    let strange = [&words[..], &["--arm", "opened"]].concat();
    assert_said(
        &strange,
        2,
        &["plant in arm `opened`: the scenario has only `sent`"],
    );
}

#[test]
fn a_stage_is_on_this_machine() {
    let stage = "--stage=chat.example.org=192.0.2.1:443";
    assert_said(&["run", LAB, stage], 2, &["a stage is on this machine"]);
}

/// What is wrong with a zone is said before anything is opened.
#[test]
fn a_zone_must_be_a_name_that_leads_somewhere() {
    assert_said(
        &["serve", "--zone", "no_host"],
        2,
        &["a zone is a host name"],
    );
    assert_said(&["serve", "--dns-listen", "127.0.0.1:0"], 2, &["--zone"]);
    assert_said(
        &["serve", "--zone", "canary.example", "--listen", "0.0.0.0:0"],
        4,
        &["say where the names of canary.example lead", "--address"],
    );
    let run = ["run", LAB, "--var", "url=http://127.0.0.1:9", "--public"];
    let elsewhere = [
        &run[..],
        &["http://198.51.100.7", "--zone", "canary.example"],
    ]
    .concat();
    assert_said(&elsewhere, 2, &["its host must be canary.example"]);
    let starred = [&run[..], &["http://*.canary.example"]].concat();
    assert_said(&starred, 2, &["as the address in the links"]);
}

#[test]
fn help_and_version_are_no_mistakes() {
    assert_said(&["--help"], 0, &["check", "plan", "run", "Exit status: 0"]);
    assert_said(&["run", "--help"], 0, &["--open-doors", "Examples:"]);
    assert_said(&["--version"], 0, &["waxseal 0.1.0"]);
}

/// A secret's command is waited for, and given up, with all that it started, when the run is stopped.
#[test]
fn a_run_that_is_stopped_before_it_began_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(LAB)).unwrap();
    let marker = folder.path().join("begun");
    let command = format!("command:touch {}; sleep 1000", marker.display());
    let scenario = folder.path().join("slow.toml");
    std::fs::write(
        &scenario,
        text.replace("env:THELOUNGE_ALICE_PASSWORD", &command),
    )
    .unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    program
        .arg("run")
        .arg(&scenario)
        .args(["--var", "url=http://127.0.0.1:1"]);
    program.env("WAXSEAL_STORE", folder.path().join("evidence.db"));
    let mut process = program.spawn().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !marker.exists() {
        assert!(std::time::Instant::now() < deadline && process.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    let pid = process.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-s", "TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(process.wait().unwrap().code(), Some(130));
    while names_anywhere(marker.to_str().unwrap()) {
        assert!(std::time::Instant::now() < deadline, "the command goes on");
        std::thread::yield_now();
    }
}

fn names_anywhere(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut lines =
        processes.map(|process| std::fs::read(process.join("cmdline")).unwrap_or_default());
    lines.any(|line| String::from_utf8_lossy(&line).contains(text))
}

/// `waxseal judge --report json=FILE | head -1`: who stops reading loses no report, and no exit status.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    program
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["plan", LAB, "--seed", "1"]);
    let mut process = program
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stdout.take());
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

/// A file that is no table, or nothing that is known, is found out before a run begins, and before one is judged.
#[test]
fn what_is_known_of_who_is_who_is_read_before_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let table = write("page.html", "<!doctype html>\n");
    let line =
        "failed to read the table page.html, line 1: `<!doctype html>` is no address or network";
    assert_said(&["judge", "--asn", &table], 2, &[line]);
    let run = ["run", LAB, "--var", "url=http://127.0.0.1:1"];
    assert_said(&[&run[..], &["--asn", &table]].concat(), 2, &[line]);
    let known = write("known.toml", "[data]\nsource = \"mine\"\n");
    let missing = "failed to read what is known from known.toml: line 1: missing field `date`";
    assert_said(&["judge", "--known", &known], 2, &[missing]);
    let here = folder.path().to_str().unwrap();
    assert_said(&["judge", "--known", here], 2, &["known.toml"]);
    assert_said(
        &["judge", "--known", "no-such"],
        2,
        &["failed to read no-such"],
    );
    assert_said(
        &["judge", "--asn", "no-such"],
        2,
        &["failed to read no-such"],
    );
    assert_said(
        &[&run[..], &["--resolver", "dns.example"]].concat(),
        2,
        &["a resolver is an address"],
    );
}

/// Whoever types `--help` wants to be shown how.
#[test]
fn every_verb_shows_examples() {
    let (_, help) = said(&["--help"]);
    let verbs = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"));
    let verbs = verbs.skip(1).take_while(|line| !line.is_empty());
    let verbs = verbs.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let verbs: Vec<&str> = verbs
        .filter(|verb| !verb.is_empty() && *verb != "help")
        .collect();
    assert!(verbs.len() > 12, "{help}");
    for verb in verbs {
        let (_, shown) = said(&[verb, "--help"]);
        let example = format!("  waxseal {verb}");
        assert!(shown.contains("Examples:\n"), "{verb}: {shown}");
        assert!(shown.contains(&example), "{verb}: {shown}");
    }
}

#[test]
fn a_new_scenario_is_valid_and_nobodys_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.toml");
    let path = path.to_str().unwrap();
    assert_said(&["new", "chat", path], 0, &["waxseal check"]);
    let (code, text) = said(&["check", path]);
    assert_eq!(
        (code, text.as_str()),
        (0, format!("{path}: valid\n").as_str())
    );
    let planned = ["plan", path, "--var", "url=https://chat.example"];
    assert_said(&planned, 0, &["nothing was contacted"]);
    assert_said(&["new", "chat", path], 2, &["chat.toml: File exists"]);
    assert_said(&["new", "no such"], 2, &["letters, digits"]);
}

#[test]
fn shells_and_man_get_what_they_need() {
    for shell in ["bash", "zsh", "fish"] {
        assert_said(&["completions", shell], 0, &["calibrate"]);
    }
    let folder = tempfile::tempdir().unwrap();
    assert_said(&["man", folder.path().to_str().unwrap()], 0, &["waxseal.1"]);
    for page in ["waxseal.1", "waxseal-run.1", "waxseal-sessions-pack.1"] {
        let page = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(page.contains(".TH "), "{page}");
    }
    assert_said(&["man"], 0, &["Exit status"]);
}
