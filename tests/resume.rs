//! Runs that are not played in one piece: sent by one process and judged by another, or killed and taken up again. With a
//! real browser, against a practice messenger that lives on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::served::{PLANT, READ, Served, waxseal};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use waxseal::collector::{Authority, client_trusting};
use waxseal::model::{Arm, Doubt, Evidence, Phase, Record, RunId, Timestamp, TrialId, Verdict};
use waxseal::practice::ACCOUNTS;
use waxseal::store::Store;
use waxseal::verdict::judge;

/// A practice messenger in a process of its own, which whatever becomes of a run does not end.
struct Messenger {
    _process: Served,
    home: String,
}

impl Messenger {
    fn start(words: &[&str]) -> Self {
        let process = Served::start(waxseal().arg("practice").args(words));
        let home = process.said.split("messenger on ").nth(1).unwrap();
        let home = home.split(',').next().unwrap().to_owned();
        Self {
            _process: process,
            home,
        }
    }

    /// Every message that the recipient has, as the page's own script asks for them.
    fn messages(&self) -> Vec<String> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .tls_backend_preconfigured(client_trusting(&[]).unwrap())
                .build()
                .unwrap();
            let [_, ben] = ACCOUNTS;
            let form = format!("user={}&password={}", ben.user, ben.password);
            let signed_in = client.post(format!("{}/sign-in", self.home)).body(form);
            let signed_in = signed_in.send().await.unwrap();
            let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
            let cookie = cookie.split(';').next().unwrap().to_owned();
            let asked = client.get(format!("{}/api/chat?open=true", self.home));
            let news = asked.header("cookie", cookie).send().await.unwrap();
            let news: Value = news.json().await.unwrap();
            let messages = news["messages"].as_array().unwrap().iter();
            messages
                .filter(|message| message["own"] != true)
                .map(|message| message["text"].as_str().unwrap().to_owned())
                .collect()
        })
    }

    fn must_hold_no_link_twice(&self) {
        let messages = self.messages();
        let different: BTreeSet<&String> = messages.iter().collect();
        assert_eq!(different.len(), messages.len(), "{messages:?}");
    }
}

/// The first practice scenario's way about the page, with an experiment and claims of one's own.
fn scenario(folder: &Path, experiment: &str, claims: &str) -> PathBuf {
    let whole = include_str!("../scenarios/practice/first.toml");
    let whole = whole.replace("url = {}", "url = { ask = \"where it is\" }");
    let (front, rest) = whole.split_once("[experiment]").unwrap();
    let (_, rest) = rest.split_once("# -----").unwrap();
    let (way, _) = rest
        .split_once(
            "# ---------------------------------------------------------------- what is true",
        )
        .unwrap();
    let variant = "[[variant]]\nname  = \"default\"\ntitle = \"a practice messenger elsewhere\"\n";
    let text = format!("{front}[experiment]\n{experiment}\n# -----{way}\n{claims}\n{variant}");
    let path = folder.join("scenario.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output, told)
}

/// A command whose store is the collector's of that folder.
fn at(collector: &Served, folder: &Path, mut command: Command, secret: &str) -> Command {
    let root = Authority::root_in(&folder.join("authority"));
    command
        .env("WAXSEAL_STORE", collector.admin())
        .env("WAXSEAL_STORE_ROOT", root)
        .env("WAXSEAL_SECRET", secret);
    command
}

/// Sent by one process; hits arrive after it is gone; judged by others, who need no browser for it.
#[test]
fn what_was_sent_by_one_process_is_judged_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let collector = Served::for_runs_elsewhere(folder);
    let messenger = Messenger::start(&["--persona", "late-scanner", "--late", "8s"]);
    let scenario = scenario(
        folder,
        "arms = [\"sent\", \"unsent\", \"reached\"]\nforms = [\"http\"]\ntrials = 3\nwindow = \"14s\"\n",
        "[[expect]]\narms = [\"sent\"]\nverdict = \"observed\"\ndepth = \"read\"\nactors = [\"provider\"]\n",
    );
    let elsewhere = |secret| at(&collector, folder, waxseal(), secret);
    let url = format!("url={}", messenger.home);
    let sending = || {
        let mut command = elsewhere(PLANT);
        command.arg("send").arg(&scenario).args(["--var", &url]);
        command
    };
    let (output, told) = run(&mut sending());
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("due at"), "{told}");
    let sent_until = Timestamp::now();

    // Nothing is to be done yet, and what can be said already is provisional.
    let (output, told) = run(elsewhere(READ).arg("due"));
    assert_eq!((output.status.code(), &*told), (Some(0), ""));
    let (output, told) = run(elsewhere(READ).args(["due", "--all", "--json"]));
    assert_eq!(output.status.code(), Some(0), "{told}");
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{told}");
    assert_eq!(
        (&rows[0]["next"], &rows[0]["due"]),
        (&"close".into(), &false.into())
    );
    let (output, told) = run(elsewhere(READ).args(["judge", "latest"]));
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("window-open"), "{told}");
    // Another one cannot go on with what a first one has in hand.
    let resuming = || {
        let mut command = elsewhere(PLANT);
        let nowhere = ["--chromedriver", "/nowhere", "--browser", "/nowhere"];
        command
            .args(["resume", "latest", "--var", &url])
            .args(nowhere);
        command
    };
    let first = resuming()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("held", &mut || elsewhere(READ));
    let (output, told) = run(&mut resuming());
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("another process has it"), "{told}");

    let first = first.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&first.stdout) + String::from_utf8_lossy(&first.stderr);
    assert_eq!(first.status.code(), Some(0), "{told}");
    assert!(told.contains("fetched the content"), "{told}");
    let (_, told) = run(elsewhere(READ).args(["due", "--all"]));
    assert_eq!(told, "");
    let (output, _) = run(elsewhere(READ).args(["judge", "latest"]));
    assert_eq!(output.status.code(), Some(0), "the same from anywhere");
    let (output, told) = run(&mut resuming());
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("it is over"), "{told}");
    drop(collector);
    let evidence = latest(&folder.join("collector.db"));
    let late = hits(&evidence).filter(|at| *at > sent_until).count();
    assert!(late > 0, "nobody came after the sender was gone");
    messenger.must_hold_no_link_twice();
}

/// What GitHub, GitLab, systemd and cron run: each night judges what was sent in the one before.
#[test]
fn a_night_judges_what_the_night_before_sent() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let collector = Served::for_runs_elsewhere(folder);
    let messenger = Messenger::start(&["--persona", "previewer"]);
    let scenario = scenario(
        folder,
        "arms = [\"sent\", \"unsent\", \"reached\"]\nforms = [\"http\"]\ntrials = 3\nwindow = \"8s\"\n",
        "[[expect]]\narms = [\"sent\"]\nverdict = \"observed\"\n",
    );
    let (reports, values) = (folder.join("reports"), folder.join("vars.toml"));
    std::fs::write(&values, format!("url = \"{}\"\n", messenger.home)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_waxseal"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let night = || {
        let script = Command::new(common::golden::in_repository("ci/templates/nightly"));
        let mut command = at(&collector, folder, script, PLANT);
        command
            .args([&reports, &scenario])
            .env("PATH", &path)
            .env("WAXSEAL_VARS", &values);
        run(&mut command)
    };
    let written = || {
        let files = std::fs::read_dir(&reports).unwrap();
        let kinds = files.map(|file| {
            let name = file.unwrap().file_name();
            let name = name.to_string_lossy().into_owned();
            name.split_once('.').unwrap().1.to_owned()
        });
        let mut kinds: Vec<String> = kinds.collect();
        kinds.sort();
        kinds
    };
    let (output, told) = night();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(written().is_empty(), "nothing was sent before: {told}");
    wait_until("due", &mut || at(&collector, folder, waxseal(), READ));
    let (output, told) = night();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("every expectation met"), "{told}");
    assert_eq!(written(), ["html", "json", "md", "xml"]);
    messenger.must_hold_no_link_twice();
}

/// Waits until the first unfinished run is `held`, or `due`.
fn wait_until(what: &str, command: &mut impl FnMut() -> Command) {
    let since = Instant::now();
    loop {
        let (output, told) = run(command().args(["due", "--all", "--json"]));
        let rows: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if rows[0][what] == true {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{told}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The latest run in a store that has a manifest.
fn latest(store: &Path) -> Evidence {
    let store = Store::open_existing(store).unwrap();
    let runs = store.runs().unwrap();
    let evidence = runs.iter().map(|row| store.evidence(row.run).unwrap());
    let mut audits = evidence.filter(|evidence| evidence.manifest().is_some());
    audits.next_back().unwrap()
}

/// When anybody came to a sent link.
fn hits(evidence: &Evidence) -> impl Iterator<Item = Timestamp> + '_ {
    evidence
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Hit(hit) if hit.tokens().iter().any(|token| token.arm == Arm::Sent) => {
                Some(hit.received)
            }
            _ => None,
        })
}

// ---------------------------------------------------------------- kill -9

/// A process that is killed with the test, if not before.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Killed at a moment that its number decides: taken up again, each run comes to an end, nothing is sent twice, and no
/// canary is forgotten. `WAXSEAL_KILLS` says how often.
#[test]
fn a_run_that_is_killed_is_taken_up_again_and_sends_nothing_twice() {
    let kills = std::env::var("WAXSEAL_KILLS").ok();
    let kills: u64 = kills.map_or(3, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let messenger = Messenger::start(&["--persona", "previewer"]);
    let scenario = scenario(
        folder,
        "arms = [\"sent\", \"received\", \"drafted\", \"unsent\", \"reached\"]\nforms = [\"http\"]\ntrials = 1\nwindow = \"1s\"\ndraft = \"200ms\"\n",
        "",
    );
    let mut ends = Vec::new();
    for nth in 0..kills {
        let store = folder.join(format!("{nth}.db"));
        let ended = killed_and_taken_up(&messenger, &scenario, &store, nth);
        ends.push(ended);
        messenger.must_hold_no_link_twice();
    }
    assert!(
        ends.iter().any(|end| end.contains("resumed")),
        "none was killed in the middle: {ends:?}"
    );
}

fn killed_and_taken_up(messenger: &Messenger, scenario: &Path, store: &Path, nth: u64) -> String {
    let with = |verb: &str| {
        let mut command = waxseal();
        command.arg(verb).arg("--store").arg(store);
        let url = format!("url={}", messenger.home);
        match verb {
            "run" => command
                .arg(scenario)
                .args(["--var", &url, "--resolver", "none"]),
            "resume" => command.args(["latest", "--resolver", "none"]),
            _ => &mut command,
        };
        command
    };
    let mut dice = ChaCha8Rng::seed_from_u64(nth);
    let after = kill_point(store, &mut with("run"), &mut dice);
    if !store.exists() || !is_begun(store) {
        return format!("{after}, before anything was planted");
    }
    let killed = latest(store);
    if killed.is_over() {
        return format!("{after}, when all was over");
    }
    let (output, told) = run(&mut with("resume"));
    let status = output.status.code();
    assert!(
        matches!(status, Some(0 | 1 | 3)),
        "kill {nth}, {after}: {told}"
    );
    let (_, left) = run(with("due").arg("--all"));
    assert_eq!(left, "", "kill {nth}, {after}");
    must_be_whole(&latest(store));
    format!("{after}, resumed: {}", status.unwrap())
}

/// Kills it at some moment after it began to plant, which the dice decide.
fn kill_point(store: &Path, command: &mut Command, dice: &mut ChaCha8Rng) -> String {
    let piped = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Killed(piped.spawn().unwrap());
    let since = Instant::now();
    let is_running = |process: &mut Killed| process.0.try_wait().unwrap().is_none();
    while !(store.exists() && is_begun(store)) && is_running(&mut process) {
        assert!(
            since.elapsed() < Duration::from_secs(120),
            "it does not begin"
        );
        thread::sleep(Duration::from_millis(20));
    }
    let records: usize = dice.random_range(1..40);
    let more = Duration::from_millis(dice.random_range(0..60));
    while is_running(&mut process) && latest(store).entries.len() < records {
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(more);
    // SIGKILL: it is told nothing.
    let _ = process.0.kill();
    let _ = process.0.wait();
    format!("killed {} ms behind record {records}", more.as_millis())
}

fn is_begun(store: &Path) -> bool {
    let Ok(store) = Store::open_existing(store) else {
        return false;
    };
    let runs = store.runs().unwrap_or_default();
    let begun = |run: RunId| {
        store
            .evidence(run)
            .is_ok_and(|run| run.manifest().is_some())
    };
    runs.iter().any(|row| begun(row.run))
}

/// It is over; what was missed is a gap; whatever was meant has its verdict, and nobody is said to have stayed away.
fn must_be_whole(evidence: &Evidence) {
    assert!(evidence.is_over());
    let all = || evidence.entries.iter().map(|entry| &entry.record);
    assert!(all().any(|record| matches!(record, Record::Gap(_))));
    let cells = judge(evidence).unwrap().cells;
    for cell in cells.iter().filter(|cell| cell.arm.is_shown()) {
        assert_ne!(cell.verdict, Verdict::NotObserved, "{cell:?}");
        if cell.verdict == Verdict::Inconclusive {
            assert!(!cell.doubts.is_empty(), "{cell:?}");
        }
    }
    let manifest = evidence.manifest().unwrap();
    let mut meant: Vec<(TrialId, Option<Phase>)> = Vec::new();
    for record in all() {
        if let Record::Intent(intent) = record {
            meant.extend(intent.trials.iter().map(|trial| (*trial, intent.phase)));
        }
    }
    let planned = |id: TrialId| manifest.trials.iter().find(|trial| trial.id == id);
    for trial in meant.iter().filter_map(|(id, _)| planned(*id)) {
        let judged = cells
            .iter()
            .any(|cell| (cell.arm, cell.form) == (trial.arm, trial.form));
        assert!(judged, "{trial:?} was forgotten");
    }
    let sends = meant
        .iter()
        .filter(|(_, phase)| *phase == Some(Phase::Send));
    let sends: Vec<TrialId> = sends.map(|(id, _)| *id).collect();
    let once: BTreeSet<TrialId> = sends.iter().copied().collect();
    assert_eq!(once.len(), sends.len());
    let unsettled = |id: &TrialId| {
        !all().any(|record| match record {
            Record::Exposure(exposure) => exposure.trial == *id && exposure.phase == Phase::Send,
            Record::Failure(failure) => failure.trial == Some(*id),
            _ => false,
        })
    };
    for id in sends.iter().filter(|id| unsettled(id)) {
        let trial = planned(*id).unwrap();
        let cell = cells.iter().find(|cell| cell.arm == trial.arm).unwrap();
        assert!(
            cell.doubts.contains(&Doubt::ExposureUnconfirmed),
            "{cell:?}"
        );
    }
}

/// A run whose links lead where somebody else listens by now is ended, with a gap and a word about it.
#[test]
fn a_run_whose_address_is_taken_is_ended_with_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let messenger = Messenger::start(&["--persona", "silent"]);
    let scenario = scenario(
        folder,
        "arms = [\"sent\", \"reached\"]\nforms = [\"http\"]\ntrials = 1\nwindow = \"1h\"\n",
        "",
    );
    let store = folder.join("evidence.db");
    let url = format!("url={}", messenger.home);
    let mut running = waxseal();
    running
        .arg("run")
        .arg(&scenario)
        .args(["--var", &url])
        .arg("--store")
        .arg(&store);
    let running = running.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Killed(running.spawn().unwrap());
    let since = Instant::now();
    let sent = |evidence: &Evidence| {
        let mut entries = evidence.entries.iter();
        entries.any(|entry| matches!(&entry.record, Record::Notice(_)))
    };
    while !(store.exists() && is_begun(&store) && sent(&latest(&store))) {
        assert!(
            since.elapsed() < Duration::from_secs(120),
            "it does not send"
        );
        assert!(process.0.try_wait().unwrap().is_none(), "it ended");
        thread::sleep(Duration::from_millis(50));
    }
    let again = |words: &[&str]| {
        let mut command = waxseal();
        command.args(words).arg("--store").arg(&store);
        run(&mut command)
    };
    // As long as it lives it is in its own hands.
    let (output, told) = again(&["resume", "latest"]);
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("another process has it"), "{told}");
    let _ = process.0.kill();
    let _ = process.0.wait();
    let public = latest(&store).manifest().unwrap().public.clone();
    let taken = std::net::TcpListener::bind(public.strip_prefix("http://").unwrap()).unwrap();
    let (_, told) = again(&["due"]);
    assert_eq!(told, "", "its window is open for an hour");
    let (output, told) = again(&["resume", "latest"]);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("is ended with a gap"), "{told}");
    drop(taken);
    let evidence = latest(&store);
    let all = || evidence.entries.iter().map(|entry| &entry.record);
    assert!(all().any(|record| matches!(record, Record::Gap(_))));
    assert!(all().any(|record| matches!(record, Record::End(end) if end.interrupted)));
    let (output, told) = again(&["resume", "latest", "--close"]);
    assert_eq!(output.status.code(), Some(4), "{told}");
}

#[test]
fn sending_needs_a_collector_that_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("evidence.db");
    let (output, told) = run(waxseal().arg("send").arg("--store").arg(&store));
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--store https://HOST:PORT"), "{told}");
    assert!(!store.exists());
    let elsewhere = ["send", "--store", "https://127.0.0.1:1"];
    let (output, told) = run(waxseal().args(elsewhere).env("WAXSEAL_SECRET", "x"));
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("waxseal practice"), "{told}");
}
