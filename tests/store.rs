//! The store when the world is against it: locked, full, killed, cut off in the middle of a write.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::evidence::{Run, Visit};
use rusqlite::Connection;
use waxseal::model::{Answer, Arm, Endings, Record, RunId};
use waxseal::store::Store;

const RUN: RunId = RunId(0xab);

fn hits(count: u16) -> Vec<Record> {
    let mut run = Run::quiet(1);
    run.records.clear();
    let trial = run.of(Arm::Sent)[0];
    for nth in 0..count {
        let visit = Visit {
            body_bytes: None,
            ..Visit::new(f64::from(nth))
        };
        run.visit(trial, visit);
    }
    run.records
}

fn records(store: &Store) -> Vec<Record> {
    let entries = store.evidence(RUN).unwrap().entries;
    entries.into_iter().map(|entry| entry.record).collect()
}

/// What stands beside a store besides SQLite's own files.
fn spools(store: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(store.parent().unwrap()).unwrap();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("-spool-"))
        .collect()
}

/// Another process that holds the database.
fn holder(store: &Path) -> Connection {
    let holder = Connection::open(store).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    holder
}

fn wait_until_drained(store: &Path) {
    let since = Instant::now();
    while !spools(store).is_empty() {
        assert!(since.elapsed() < Duration::from_secs(30), "never drained");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Appends hits while another process holds the store, one of them with its ending; the records as they must be kept.
async fn keep_while_held(store: &Store, hits: &[Record]) -> Vec<Record> {
    let mut numbers = Vec::new();
    for hit in hits {
        numbers.push(store.append(RUN, hit).await.unwrap());
    }
    let mut endings = Endings::default();
    endings.answers.push(Answer {
        hit: numbers[1],
        at: common::evidence::at(1.0),
        status: Some(200),
        body_bytes: 9,
        of: None,
    });
    let ending = Record::Endings(endings);
    store.append(RUN, &ending).await.unwrap();
    let waiting = [hits, &[ending][..]].concat();
    let seen = records(store);
    assert!(seen.ends_with(&waiting), "readers see what waits: {seen:?}");
    waiting
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_holds_the_store_records_wait_in_a_spool_and_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.db");
    let store = Store::open(&path).unwrap();
    let all = hits(6);
    store.append(RUN, &all[0]).await.unwrap();
    let holder = holder(&path);
    keep_while_held(&store, &all[1..5]).await;
    assert_eq!(spools(&path).len(), 1);
    holder.execute_batch("ROLLBACK").unwrap();
    wait_until_drained(&path);
    store.append(RUN, &all[5]).await.unwrap();
    let entries = store.evidence(RUN).unwrap().entries;
    let kept: Vec<&Record> = entries.iter().map(|entry| &entry.record).collect();
    let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(kept[..5], all[..5].iter().collect::<Vec<_>>());
    assert_eq!(kept[6], &all[5]);
    assert!(
        matches!(kept[5], Record::Endings(told) if told.answers[0].hit == 3),
        "an ending is about the hit's own number: {:?}",
        kept[5]
    );
    assert_eq!(store.verify().unwrap(), Ok(7));
}

/// A spool that was left behind is drained by whoever comes next, and only once, wherever the draining was cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_spool_left_behind_is_drained_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.db");
    let store = Store::open(&path).unwrap();
    let holder = holder(&path);
    let mut kept = keep_while_held(&store, &hits(4)).await;
    // As a crash would leave it: the spool as it is now, with half a line that nobody was promised.
    let left = spools(&path).remove(0);
    let mut bytes = fs::read(&left).unwrap();
    bytes.extend_from_slice(b"00ff half a li");
    holder.execute_batch("ROLLBACK").unwrap();
    wait_until_drained(&path);
    drop(store);
    let Record::Endings(endings) = &mut kept[4] else {
        panic!("{kept:?}")
    };
    endings.answers[0].hit = 2;
    // Once as if the crash had come before the database had it, once as if after it.
    let other = folder.path().join("other.db");
    for (path, name) in [
        (&path, left.clone()),
        (&other, folder.path().join("other.db-spool-1")),
    ] {
        fs::write(&name, &bytes).unwrap();
        let store = Store::open(path).unwrap();
        wait_until_drained(path);
        assert_eq!(records(&store), kept, "{}", path.display());
        assert_eq!(store.verify().unwrap(), Ok(5));
    }
}

/// A store that an earlier version made, with its records of one answer each, is read, written, and drained into.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_an_earlier_version_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.db");
    let all = hits(5);
    let answer = Record::Answer(Answer {
        hit: 1,
        at: common::evidence::at(1.0),
        status: Some(200),
        body_bytes: 9,
        of: None,
    });
    let store = Store::open(&path).unwrap();
    store.append(RUN, &all[0]).await.unwrap();
    store.append(RUN, &answer).await.unwrap();
    drop(store);
    let earlier = Connection::open(&path).unwrap();
    earlier.execute_batch("DROP TABLE spooled").unwrap();
    drop(earlier);
    let store = Store::open(&path).unwrap();
    let holder = holder(&path);
    keep_while_held(&store, &all[1..]).await;
    holder.execute_batch("ROLLBACK").unwrap();
    wait_until_drained(&path);
    assert_eq!(records(&store)[..2], [all[0].clone(), answer]);
    assert_eq!(store.verify().unwrap(), Ok(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_spool_is_set_aside_and_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.db");
    let store = Store::open(&path).unwrap();
    let holder = holder(&path);
    keep_while_held(&store, &hits(4)).await;
    let left = spools(&path).remove(0);
    let text = fs::read_to_string(&left).unwrap();
    holder.execute_batch("ROLLBACK").unwrap();
    wait_until_drained(&path);
    drop(store);
    let other = folder.path().join("other.db");
    let lines: Vec<&str> = text.lines().collect();
    let moved = [lines[0], lines[2], lines[1], lines[3], lines[4], ""].join("\n");
    fs::write(folder.path().join("other.db-spool-1"), &moved).unwrap();
    let store = Store::open(&other).unwrap();
    let aside = folder.path().join("broken-other.db-spool-1");
    let since = Instant::now();
    while !aside.exists() {
        assert!(since.elapsed() < Duration::from_secs(30), "never set aside");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(records(&store).len(), 1, "what holds is taken");
    assert_eq!(fs::read_to_string(&aside).unwrap(), moved);
}

/// A power cut leaves any beginning of what was being written. Each is a chain that holds, with every record that was
/// told to be durable by then.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_power_cut_leaves_holds_all_that_was_promised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.db");
    let store = Store::open(&path).unwrap();
    let log = folder.path().join("evidence.db-wal");
    let length = |path: &Path| fs::metadata(path).unwrap().len();
    let mut promised = vec![(length(&log), 0)];
    for (count, hit) in (1..).zip(&hits(12)) {
        store.append(RUN, hit).await.unwrap();
        promised.push((length(&log), count));
    }
    let (database, bytes) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    let cut = folder.path().join("cut.db");
    // A header of 32 bytes, then frames of one page and 24 bytes each; the header tells how large a page is.
    let page = u32::from_be_bytes(bytes[8..12].try_into().unwrap());
    let frame = u64::from(page) + 24;
    let boundaries = (promised[0].0..=length(&log)).filter(|at| (at - 32) % frame == 0);
    for at in boundaries.flat_map(|at| [at - 1, at, at + 1, at + frame / 2]) {
        let at = at.min(length(&log));
        let _ = fs::remove_file(folder.path().join("cut.db-shm"));
        fs::write(&cut, &database).unwrap();
        fs::write(
            folder.path().join("cut.db-wal"),
            &bytes[..usize::try_from(at).unwrap()],
        )
        .unwrap();
        let found = Store::open(&cut).unwrap().verify().unwrap().unwrap();
        let least = promised.iter().filter(|(length, _)| *length <= at);
        let least = least.map(|(_, count)| *count).max().unwrap_or_default();
        assert!(found >= least, "cut at {at}: {found} of {least}");
    }
}
