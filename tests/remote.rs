//! A collector that serves runs elsewhere, asked over its own interface, as a run and a reader would.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use common::evidence::Run;
use common::served::{PLANT, READ, Served};
use waxseal::canary::{Mint, dress};
use waxseal::collector::Authority;
use waxseal::model::{
    Arm, Form, Gap, HitKind, Intent, Part, Phase, Record, RunEnd, RunId, Timestamp, TokenId,
    TrialId,
};
use waxseal::store::{EvidenceStore, Place, Registered, StoreError, Unfinished};

fn gap(missed: u64) -> Record {
    let at = Timestamp::UNIX_EPOCH;
    let reason = "test".to_owned();
    Record::Gap(Gap {
        from: at,
        to: at,
        missed,
        reason,
    })
}

fn end() -> Record {
    Record::End(RunEnd {
        at: Timestamp::UNIX_EPOCH,
        interrupted: false,
        clock_drift_ms: 0,
    })
}

/// What asking the interface with curl brings: the status, and what was said.
fn curl(served: &Served, folder: &Path, path: &str, words: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--write-out",
            "\n%{http_code}",
            "--cacert",
        ])
        .arg(Authority::root_in(&folder.join("authority")))
        .args(words)
        .arg(format!("{}{path}", served.admin()))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (said, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), said.to_owned())
}

fn id(run: RunId) -> TokenId {
    TokenId {
        run,
        trial: TrialId(0),
        arm: Arm::Sent,
        form: Form::Http,
        part: Part::Link,
    }
}

fn visit(url: &str) {
    let visited = Command::new("curl")
        .args(["--silent", "--output", "/dev/null", url])
        .status();
    assert!(visited.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_elsewhere_registers_writes_and_reads_who_came() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::for_runs_elsewhere(folder.path());
    let store = served.store(folder.path(), PLANT);
    let (one, two) = (
        store.register().await.unwrap(),
        store.register().await.unwrap(),
    );
    assert_ne!(one.run, two.run);
    store.append(one.run, &gap(1)).await.unwrap();
    for registered in [&one, &two] {
        let mint = Mint::from_secret(&registered.mint).unwrap();
        visit(&dress(&mint, &registered.public, id(registered.run)).url);
    }
    // One run's mint makes nothing that passes for another's.
    let forged = dress(
        &Mint::from_secret(&one.mint).unwrap(),
        &two.public,
        id(two.run),
    );
    visit(&forged.url);
    store.append(one.run, &end()).await.unwrap();

    // Any number may read, and reading takes nothing away.
    for secret in [PLANT, READ, READ] {
        let reader = served.store(folder.path(), secret);
        let evidence = reader.evidence(one.run).await.unwrap();
        let hits: Vec<_> = evidence
            .entries
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::Hit(hit) => Some((hit.tokens().first().copied(), &hit.kind)),
                _ => None,
            })
            .collect();
        assert!(
            matches!(hits[..], [(Some(token), HitKind::Http(_)), (None, HitKind::Http(_))] if token == id(one.run)),
            "its own visitor, and the stranger: {hits:?}"
        );
        assert!(matches!(
            evidence.entries[0].record,
            Record::Registration(_)
        ));
        assert_eq!(evidence.entries.last().unwrap().record, end());
    }
    // By pages, too.
    let reader = served.store(folder.path(), READ);
    let whole = reader.page(one.run, 0).await.unwrap();
    let rest = reader.page(one.run, whole.entries[1].seq).await.unwrap();
    assert_eq!(rest.entries, whole.entries[2..]);
    assert_eq!(reader.health().await.unwrap().gap, None);
    let runs = reader.runs().await.unwrap();
    assert!(
        [one.run, two.run]
            .iter()
            .all(|run| runs.iter().any(|row| row.run == *run))
    );
}

/// One request with the tokens of two runs is one record, and both runs have it.
#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_of_two_runs_is_recorded_once_and_seen_by_both() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::for_runs_elsewhere(folder.path());
    let store = served.store(folder.path(), PLANT);
    let (one, two) = (
        store.register().await.unwrap(),
        store.register().await.unwrap(),
    );
    let token = |registered: &Registered| {
        let mint = Mint::from_secret(&registered.mint).unwrap();
        mint.token(id(registered.run))
    };
    visit(&format!(
        "{}/{}?next={}",
        one.public,
        token(&one),
        token(&two)
    ));
    let mut seen = Vec::new();
    for run in [one.run, two.run] {
        store.append(run, &end()).await.unwrap();
        let entries = store.evidence(run).await.unwrap().entries;
        let hit = entries.into_iter().find_map(|entry| match entry.record {
            Record::Hit(hit) => Some((entry.seq, hit.tokens())),
            _ => None,
        });
        seen.push(hit.unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].1, [id(one.run), id(two.run)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_run_is_gone_and_never_empty() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::for_runs_elsewhere(folder.path());
    let store = served.store(folder.path(), PLANT);
    let nowhere = RunId(0xdead_beef);
    assert!(matches!(
        store.evidence(nowhere).await,
        Err(StoreError::Gone(_))
    ));
    assert!(matches!(
        store.append(nowhere, &gap(1)).await,
        Err(StoreError::Gone(_))
    ));
    let (status, said) = curl(
        &served,
        folder.path(),
        "/v1/runs/deadbeef/records",
        &["--header", &format!("Authorization: Bearer {READ}")],
    );
    assert_eq!(status, "410");
    assert!(said.contains("the collector does not have it"), "{said}");
}

#[test]
fn each_secret_gives_its_leave_and_strangers_see_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::for_runs_elsewhere(folder.path());
    let ask = |path: &str, secret: &str, words: &[&str]| {
        let header = format!("Authorization: Bearer {secret}");
        let words = [&["--header", &header][..], words].concat();
        curl(&served, folder.path(), path, &words)
    };
    let post = ["--request", "POST"];
    assert_eq!(ask("/v1/runs", PLANT, &post).0, "201");
    assert_eq!(ask("/v1/runs", READ, &post).0, "403");
    assert_eq!(ask("/v1/runs", READ, &[]).0, "200");
    // In an address a secret would be in every log on the way: there it opens nothing.
    let in_address = format!("/v1/runs?token={PLANT}");
    let nothing = ask("/nowhere", "", &[]);
    assert_eq!(nothing.0, "404");
    for (path, secret, words) in [
        ("/v1/runs", "", &[][..]),
        ("/v1/runs", "wrong", &post),
        ("/v1/health", "wrong", &[]),
        (&in_address, "", &[]),
        ("/v1/nothing", PLANT, &[]),
        ("/v1/health", PLANT, &["--request", "DELETE"]),
    ] {
        assert_eq!(ask(path, secret, words), nothing, "{path} {words:?}");
    }
    let wrong = ask("/v1/runs/x/records", READ, &[]);
    assert_eq!(wrong.0, "400", "{wrong:?}");
}

fn waxseal(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_waxseal"))
        .args(words)
        .env_remove("WAXSEAL_SECRET")
        .output()
        .unwrap()
}

#[test]
fn what_is_wrong_with_a_store_elsewhere_is_said() {
    let elsewhere = ["--store", "https://127.0.0.1:1"];
    for (words, status, said) in [
        (&["judge"][..], 2, "set WAXSEAL_SECRET to the secret"),
        (
            &["verify"],
            2,
            "that is done where the collector's store is",
        ),
    ] {
        let output = waxseal(&[words, &elsewhere].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{told}");
        assert!(told.contains(said), "{told}");
    }
    for (words, said) in [
        (&["--admin", "127.0.0.1:0"][..], "--plant-secret"),
        (
            &[
                "--admin",
                "127.0.0.1:0",
                "--plant-secret",
                "letmein",
                "--read-secret",
                "env:B",
            ],
            "a secret is named, not given",
        ),
        (
            &[
                "--admin",
                "127.0.0.1:0",
                "--plant-secret",
                "env:NO_SUCH_VARIABLE",
                "--read-secret",
                "env:NO_SUCH_VARIABLE",
            ],
            "environment variable NO_SUCH_VARIABLE",
        ),
        (
            &[
                "--admin",
                "127.0.0.1:0",
                "--plant-secret",
                "env:SHORT",
                "--read-secret",
                "env:SHORT",
            ],
            "at least 20",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_waxseal"))
            .arg("serve")
            .arg("--store")
            .arg(folder.path().join("x.db"))
            .args(words)
            .env("SHORT", "short")
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(said), "{told}");
    }
}

/// Whoever goes on with a run has it alone: of two only one plants.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_in_one_hand_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::for_runs_elsewhere(folder.path());
    let store = || Arc::new(served.store(folder.path(), PLANT));
    let (one, two) = (store(), store());
    let registered = one.register().await.unwrap();
    let run = registered.run;
    let intent = Record::Intent(Intent {
        at: Timestamp::UNIX_EPOCH,
        phase: Some(Phase::Send),
        trials: vec![TrialId(0)],
    });
    one.append(run, &intent).await.unwrap();
    let (ours, theirs) = (
        Place::Elsewhere(Arc::clone(&one)),
        Place::Elsewhere(Arc::clone(&two)),
    );
    assert!(matches!(theirs.hold(run).await, Err(StoreError::Held(held)) if held == run));
    assert!(matches!(
        two.append(run, &intent).await,
        Err(StoreError::Held(_))
    ));
    two.append(run, &gap(1)).await.unwrap();
    // Whoever takes it up again is given what the first one was.
    let again = two.registered(run).await.unwrap();
    assert_eq!(
        (&again.mint, &again.public),
        (&registered.mint, &registered.public)
    );
    ours.hold(run).await.unwrap().release().await;
    let held = theirs.hold(run).await.unwrap();
    two.append(run, &intent).await.unwrap();
    held.release().await;
    assert!(
        matches!(one.append(run, &intent).await, Err(StoreError::Held(_))),
        "somebody else was there since"
    );
    // Nothing was planted in it, so nothing is unfinished.
    assert_eq!(ours.unfinished().await.unwrap(), []);
    let manifest = Run::quiet(1).manifest;
    two.append(run, &Record::Manifest(Box::new(manifest)))
        .await
        .unwrap();
    let reader = Place::Elsewhere(Arc::new(served.store(folder.path(), READ)));
    assert_eq!(
        reader.unfinished().await.unwrap(),
        [Unfinished { run, held: false }]
    );
    assert!(reader.hold(run).await.is_err(), "who may only read");
    two.append(run, &end()).await.unwrap();
    assert_eq!(reader.unfinished().await.unwrap(), []);
}

/// While it was not there nobody listened, and it says so itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_collector_tells_of_the_time_between() {
    let folder = tempfile::tempdir().unwrap();
    let first = Served::for_runs_elsewhere(folder.path());
    let run = first
        .store(folder.path(), PLANT)
        .register()
        .await
        .unwrap()
        .run;
    drop(first);
    let second = Served::for_runs_elsewhere(folder.path());
    let store = second.store(folder.path(), PLANT);
    store.append(run, &end()).await.unwrap();
    let evidence = store.evidence(run).await.unwrap();
    let Record::Registration(registration) = &evidence.entries[0].record else {
        panic!("{:?}", evidence.entries);
    };
    let gaps: Vec<_> = evidence
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Gap(gap) => Some(gap),
            _ => None,
        })
        .collect();
    assert!(
        matches!(gaps[..], [gap] if gap.from >= registration.at && gap.from < gap.to),
        "{gaps:?}"
    );
}

/// The key lasts: what was planted before a restart is known after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_collector_knows_what_was_planted_before() {
    let folder = tempfile::tempdir().unwrap();
    let first = Served::for_runs_elsewhere(folder.path());
    let registered = first.store(folder.path(), PLANT).register().await.unwrap();
    drop(first);
    let second = Served::for_runs_elsewhere(folder.path());
    let public = format!("http://{}", second.address());
    let id = id(registered.run);
    visit(&dress(&Mint::from_secret(&registered.mint).unwrap(), &public, id).url);
    let reader = second.store(folder.path(), READ);
    let evidence = reader.evidence(registered.run).await.unwrap();
    assert!(
        evidence
            .entries
            .iter()
            .any(|entry| matches!(&entry.record, Record::Hit(hit) if hit.tokens() == [id]))
    );
}
