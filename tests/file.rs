//! The evidence file: what is written is read back, whatever was done to it is said, and it is judged like the store it
//! came from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::evidence::{RUN, Run, SEALED, Visit};
use data_encoding::HEXLOWER;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use sha2::{Digest, Sha256};
use waxseal::model::{
    Account, Answer, Arm, Doubt, Endings, Evidence, Mark, Phase, Record, TrialId,
};
use waxseal::store::file::Fault;
use waxseal::store::{Store, read_evidence, write_evidence, write_evidence_packed};

/// A run with a record of nearly every kind.
fn eventful() -> Run {
    let mut run = Run::quiet(4);
    let sent = run.of(Arm::Sent);
    run.visit(sent[0], Visit::provider(20.0));
    run.visit(
        sent[1],
        Visit {
            door: SEALED,
            agent: "\u{1b}[2J\u{e9}\u{ff}",
            ..Visit::new(21.0)
        },
    );
    run.resolve(sent[2], 22.0, "[2001:db8::53]:53");
    run.hello(None, Visit::provider(23.0));
    run.fail(Some(sent[3]), Phase::Receive, Doubt::SessionLost);
    run.gap();
    run.records.push(Record::Mark(Mark {
        trial: None,
        account: Account::Sender,
        phase: Phase::Login,
        name: "signed in".into(),
        at: common::evidence::at(0.5),
    }));
    run
}

fn text(evidence: &Evidence) -> String {
    let mut text = Vec::new();
    write_evidence(evidence, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// What a reader says of a file with this text.
fn read(text: &[u8]) -> Result<Evidence, (Fault, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    fs::write(&path, text).unwrap();
    read_evidence(&path).map_err(|error| {
        let text = error.to_string();
        assert!(text.starts_with("read the evidence file /"), "{text}");
        assert!(text.contains("run.jsonl: "), "{text}");
        (error.fault, text)
    })
}

#[track_caller]
fn refused(text: &str) -> Fault {
    read(text.as_bytes()).expect_err("it is refused").0
}

/// The lines with the digests that belong into them: what somebody writes who knows the format.
fn chained(lines: &[&str]) -> String {
    let mut text = String::new();
    let mut before = String::new();
    for line in lines {
        let line = match line.split_once("\"before\":\"") {
            Some((front, rest)) => format!("{front}\"before\":\"{before}{}", &rest[64..]),
            None => (*line).to_owned(),
        };
        before = HEXLOWER.encode(&Sha256::digest(&line));
        text += &(line + "\n");
    }
    text
}

#[test]
fn what_is_written_is_read_back() {
    let evidence = eventful().evidence();
    let text = text(&evidence);
    assert_eq!(read(text.as_bytes()).unwrap(), evidence);
    assert_eq!(text.lines().count(), evidence.entries.len() + 2);
    assert!(text.starts_with("{\"waxseal_evidence\":1,\"run\":\"5f3a0001\"}\n{\"before\":\""));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(chained(&lines), text, "the format is as its page says");
    let end = format!("\"records\":{}}}\n", evidence.entries.len());
    assert!(text.ends_with(&end));
}

/// More than a batch: the chain holds, and breaks, across their borders as well.
#[test]
fn a_long_file_is_read_in_order_and_held_line_by_line() {
    let mut run = Run::quiet(2);
    let sent = run.of(Arm::Sent)[0];
    let agent = "x".repeat(100_000);
    for nth in 0..150_u16 {
        let visit = Visit {
            agent: &agent,
            ..Visit::new(20.0 + f64::from(nth))
        };
        run.visit(sent, visit);
    }
    let evidence = run.evidence();
    let text = text(&evidence);
    assert!(text.len() > 3 * (4 << 20));
    assert_eq!(read(text.as_bytes()).unwrap(), evidence);
    let lines = text.lines().count();
    for line in (1..lines - 1).step_by(37) {
        let altered = altered(&text, line);
        match refused(&altered) {
            Fault::Altered { line: said, .. } => assert_eq!(said as usize, line + 2),
            other => panic!("line {line}: {other:?}"),
        }
    }
}

/// The text with one digit of the time in a line (counted from 0) made another.
fn altered(text: &str, line: usize) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = lines[line].find("2026-").unwrap();
    lines[line].replace_range(at..at + 4, "2025");
    lines.join("\n") + "\n"
}

#[test]
fn wherever_a_file_is_cut_it_is_said() {
    let text = text(&Run::quiet(1).evidence()).into_bytes();
    let is_end = |at: usize| text[at] == b'\n';
    let head = (0..text.len()).find(|at| is_end(*at)).unwrap();
    // In the middle of lines here and there, and beside every end of one.
    let at_ends = (1..text.len()).filter(|at| is_end(*at) || is_end(at - 1));
    for cut in (0..text.len()).step_by(31).chain(at_ends) {
        let (fault, said) = read(&text[..cut]).expect_err("it is refused");
        let begun = text[..cut].split_inclusive(|byte| *byte == b'\n').count() as u64;
        match fault {
            Fault::Alien if cut <= head => {}
            Fault::Truncated { line } if line == begun => {}
            _ => panic!("cut at {cut}: {said}"),
        }
    }
}

/// A byte that was altered shows wherever it is: no verdict rests on it.
#[test]
fn no_altered_byte_is_overlooked() {
    let text = text(&Run::quiet(1).evidence());
    for at in (0..text.len()).step_by(13) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(read(&bytes).is_err(), "byte {at} of {text}");
    }
}

#[test]
fn lines_that_were_moved_taken_out_or_added_are_found() {
    let text = text(&eventful().evidence());
    let lines: Vec<&str> = text.lines().collect();
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    let mut moved = lines.clone();
    moved.swap(5, 6);
    let mut missing = lines.clone();
    missing.remove(5);
    let mut blank = lines.clone();
    blank.insert(5, "");
    for wrong in [&moved, &missing, &blank] {
        let Fault::Altered { line: 6, .. } = refused(&join(wrong)) else {
            panic!("{:?}", refused(&join(wrong)));
        };
    }
    let chained = |lines: &[&str]| refused(&chained(lines));
    let mut more = lines.clone();
    more.push(lines[2]);
    assert!(matches!(chained(&more), Fault::Overlong { .. }));
    let (said, found) = (lines.len() as u64 - 2, lines.len() as u64 - 3);
    match chained(&missing) {
        Fault::Miscounted {
            said: s, found: f, ..
        } => assert_eq!((s, f), (said, found)),
        other => panic!("{other:?}"),
    }
    let bare: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| !line.contains("manifest"))
        .collect();
    let end = bare[bare.len() - 1].replace(&said.to_string(), &found.to_string());
    let bare: Vec<&str> = bare[..bare.len() - 1]
        .iter()
        .copied()
        .chain([end.as_str()])
        .collect();
    assert!(matches!(chained(&bare), Fault::NoManifest));
}

/// What is wrong, where, and what to do about it.
#[test]
fn each_refusal_names_what_it_is_about() {
    let text = text(&eventful().evidence());
    let lines: Vec<&str> = text.lines().collect();
    let says = |text: &str, parts: &[&str]| {
        let said = read(text.as_bytes()).expect_err("it is refused").1;
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(!said.contains(|c: char| c.is_control()), "{said:?}");
    };
    let newer = text.replacen("_evidence\":1", "_evidence\":2", 1);
    says(
        &newer,
        &["written by a newer waxseal: version 2, this one knows 1"],
    );
    for alien in [
        "",
        "\n",
        "hello\n",
        "{}\n",
        "\u{0}\u{1}",
        "{\"waxseal_evidence\":0,\"run\":\"5f3a0001\"}\n",
    ] {
        says(alien, &["not that of an evidence file", "`waxseal export`"]);
    }
    says(
        &altered(&text, 4),
        &["line 6 (record 5)", "altered", "get the file anew"],
    );
    let tidings = lines[5].replacen("{\"record\":\"", "{\"record\":\"tidings\u{9b}", 1);
    let mut unknown = lines.clone();
    unknown[5] = &tidings;
    says(
        &chained(&unknown),
        &["line 6", "`tidings", "use a newer waxseal"],
    );
    let broken = lines[5].replacen("\"record\":{", "\"record\":{\"nonsense\":1},\"rest\":{", 1);
    let mut unreadable = lines.clone();
    unreadable[5] = &broken;
    says(
        &chained(&unreadable),
        &["line 6 is no record that this waxseal can read"],
    );
    let long = lines[3].to_owned() + &" ".repeat(16 << 20);
    let mut too_long = lines.clone();
    too_long[3] = &long;
    for wrong in [chained(&too_long), chained(&too_long[..4])] {
        says(&wrong, &["line 4 is longer than 16 MiB"]);
    }
    let endless = chained(&lines[..3]) + &" ".repeat(21 << 20);
    says(&endless, &["line 4 is longer than 16 MiB"]);
    let missing = read_evidence(Path::new("/no/such/run.jsonl")).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("/no/such/run.jsonl: No such file")
    );
}

/// The program in a folder of its own, with a run in its store.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn with(run: &Run) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let store = Store::open(&desk.path("waxseal.db")).unwrap();
        let entries = run.evidence().entries;
        let records: Vec<Record> = entries.into_iter().map(|entry| entry.record).collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let appended = store.append_all_within(Duration::from_secs(30), RUN, &records);
        assert_eq!(runtime.block_on(appended).unwrap(), 1);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn waxseal(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
        command.current_dir(self.folder.path()).args(words);
        command.env_remove("WAXSEAL_STORE").env_remove("RUST_LOG");
        command.output().unwrap()
    }

    #[track_caller]
    fn refuses(&self, words: &[&str], parts: &[&str]) {
        let output = self.waxseal(words);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.starts_with("waxseal: failed to "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(output.stdout.is_empty());
    }
}

/// Numbers in the store begin at 1 as they do in evidence made by hand, so that answers are about the right hits.
#[test]
fn a_file_is_judged_like_the_store_it_came_from() {
    let desk = Desk::with(&eventful());
    let exported = desk.waxseal(&["export", "latest", "run.jsonl"]);
    let said = String::from_utf8(exported.stdout).unwrap();
    assert_eq!(exported.status.code(), Some(0), "{said}");
    assert!(said.starts_with("run.jsonl: run 5f3a0001, "), "{said}");
    assert_eq!(
        read_evidence(&desk.path("run.jsonl")).unwrap(),
        eventful().evidence()
    );
    for more in [&[][..], &["--report", "json=-"]] {
        let judge = |what| desk.waxseal(&[&["judge", what], more].concat());
        let (store, file) = (judge("latest"), judge("run.jsonl"));
        assert!(!store.stdout.is_empty());
        assert_eq!(store, file);
        assert_eq!(store.status.code(), Some(3));
    }
    let streamed = desk.waxseal(&["export", "5f3a", "-"]);
    assert_eq!(streamed.stdout, fs::read(desk.path("run.jsonl")).unwrap());
    fs::copy(desk.path("run.jsonl"), desk.path("plainly")).unwrap();
    let (by_name, by_folder) = (
        desk.waxseal(&["judge", "plainly"]),
        desk.waxseal(&["judge", "./plainly"]),
    );
    assert_eq!(by_name, by_folder);
    assert_eq!(by_name.status.code(), Some(3));
}

#[test]
fn what_is_there_is_not_written_over() {
    let desk = Desk::with(&Run::quiet(3));
    fs::write(desk.path("run.jsonl"), "mine").unwrap();
    desk.refuses(
        &["export", "latest", "run.jsonl"],
        &["run.jsonl: it is there already", "--force"],
    );
    assert_eq!(fs::read(desk.path("run.jsonl")).unwrap(), b"mine");
    desk.refuses(&["export", "latest", ".", "--force"], &["no file"]);
    desk.refuses(
        &["export", "latest", "no/run.jsonl"],
        &["no/run.jsonl: there is no such folder"],
    );
    desk.refuses(&["export", "0bad", "other.jsonl"], &["a run named `0bad`"]);
    assert!(!desk.path("other.jsonl").exists());
    let forced = desk.waxseal(&["export", "latest", "run.jsonl", "--force"]);
    assert_eq!(forced.status.code(), Some(0));
    read_evidence(&desk.path("run.jsonl")).unwrap();
    let left: Vec<_> = fs::read_dir(desk.folder.path()).unwrap().collect();
    assert!(
        left.iter().all(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with("waxseal.db") || name == "run.jsonl"
        }),
        "nothing half is left: {left:?}"
    );
}

#[test]
fn a_bad_file_is_one_clear_message_and_nothing_changes() {
    let desk = Desk::with(&Run::quiet(3));
    let text = text(&Run::quiet(3).evidence());
    fs::write(desk.path("cut.jsonl"), &text[..text.len() / 2]).unwrap();
    fs::write(desk.path("report.json"), "before").unwrap();
    desk.refuses(
        &["judge", "cut.jsonl", "--report", "json=report.json"],
        &[
            "failed to read the evidence file cut.jsonl: it ends at line ",
            "missing or cut",
        ],
    );
    assert_eq!(fs::read(desk.path("report.json")).unwrap(), b"before");
    desk.refuses(&["judge", "gone.jsonl"], &["gone.jsonl: No such file"]);
    desk.refuses(&["judge", "no/such/run"], &["no/such/run: No such file"]);
    desk.refuses(&["judge", "."], &[]);
    assert_eq!(
        fs::read(desk.path("cut.jsonl")).unwrap(),
        &text.as_bytes()[..text.len() / 2]
    );
}

/// The number of the line that a byte is in, counted from 1.
fn line_of(text: &[u8], at: usize) -> u64 {
    1 + text[..at].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// One bit of every byte, drawn: it is found, and the line is named that it is in, whatever it does to it.
#[test]
fn whichever_bit_is_flipped_its_line_is_named() {
    let mut evidence = Run::quiet(1).evidence();
    evidence.entries.truncate(6);
    let text = text(&evidence).into_bytes();
    let mut dice = ChaCha12Rng::seed_from_u64(7);
    for at in 0..text.len() {
        let mut bytes = text.clone();
        bytes[at] ^= 1 << dice.random_range(0..8);
        let (fault, said) = read(&bytes).expect_err("it is refused");
        let line = line_of(&text, at);
        let named = match fault {
            Fault::Alien | Fault::TooNew { .. } => vec![1],
            Fault::Altered {
                culprit: Some(culprit),
                ..
            } => vec![culprit.line],
            // With no line behind it nothing tells which of the two it was.
            Fault::Altered { line, .. } => vec![line - 1, line],
            Fault::Truncated { line } | Fault::Unreadable { line, .. } => vec![line],
            Fault::Miscounted { line, .. } | Fault::UnknownKind { line, .. } => vec![line],
            _ => panic!("byte {at}: {said}"),
        };
        assert!(named.contains(&line), "byte {at} of line {line}: {said}");
    }
}

/// The same in a packed file; a bit that changes nothing of what is packed alters no evidence.
#[test]
fn a_packed_file_is_read_like_any_other_and_as_safe() {
    let mut evidence = Run::quiet(1).evidence();
    evidence.entries.truncate(12);
    let mut packed = Vec::new();
    write_evidence_packed(&evidence, &mut packed).unwrap();
    assert!(packed.len() * 3 < text(&evidence).len());
    assert_eq!(read(&packed).unwrap(), evidence);
    let mut dice = ChaCha12Rng::seed_from_u64(7);
    let mut harmless = 0;
    for at in 0..packed.len() {
        let mut bytes = packed.clone();
        bytes[at] ^= 1 << dice.random_range(0..8);
        match read(&bytes) {
            Ok(read) => {
                assert_eq!(read, evidence, "byte {at}");
                harmless += 1;
            }
            Err((_, said)) => assert!(said.contains("line "), "byte {at}: {said}"),
        }
    }
    assert!(
        harmless * 20 < packed.len(),
        "{harmless} of {}",
        packed.len()
    );
    for cut in (0..packed.len()).step_by(7) {
        assert!(read(&packed[..cut]).is_err(), "cut at {cut}");
    }
    assert!(read(&[&packed[..], b"more"].concat()).is_err());
}

#[test]
fn what_was_altered_is_named_by_verify_and_never_judged() {
    let desk = Desk::with(&Run::quiet(3));
    for name in ["run.jsonl", "run.jsonl.zst"] {
        desk.waxseal(&["export", "latest", name]);
        let sound = desk.waxseal(&["verify", name]);
        assert_eq!(sound.status.code(), Some(0), "{name}");
        assert!(
            String::from_utf8(sound.stdout)
                .unwrap()
                .contains("none altered")
        );
    }
    let (plain, packed) = (desk.path("run.jsonl"), desk.path("run.jsonl.zst"));
    assert!(fs::metadata(packed).unwrap().len() * 3 < fs::metadata(&plain).unwrap().len());
    let judged = |name| desk.waxseal(&["judge", name]).stdout;
    assert_eq!(judged("run.jsonl"), judged("run.jsonl.zst"));
    let altered = altered(&fs::read_to_string(&plain).unwrap(), 4);
    fs::write(&plain, altered).unwrap();
    let found = desk.waxseal(&["verify", "run.jsonl"]);
    let said = String::from_utf8(found.stderr).unwrap();
    assert_eq!(found.status.code(), Some(1), "{said}");
    assert!(said.contains("line 5 (record 4) was altered"), "{said}");
    desk.refuses(&["judge", "run.jsonl"], &["line 5 (record 4) was altered"]);
    let whole = desk.waxseal(&["verify", "latest"]);
    let said = String::from_utf8(whole.stdout).unwrap();
    assert!(
        said.contains(": run 5f3a0001, ") && said.contains(" of "),
        "{said}"
    );
}

/// How fast it is; by hand, in a release build: `cargo test --release --test file -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, for a release build"]
#[expect(clippy::print_stderr, reason = "the figures are what it is for")]
fn reading_is_measured_against_a_digest_tool() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.jsonl");
    write_evidence(
        &many(100_000),
        fs::File::create(&path)
            .map(std::io::BufWriter::new)
            .unwrap(),
    )
    .unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    let rate = |since: Instant| bytes as f64 / 1e6 / since.elapsed().as_secs_f64();
    let since = Instant::now();
    let tool = Command::new("sha256sum").arg(&path).output().unwrap();
    assert!(tool.status.success());
    let tool = rate(since);
    let since = Instant::now();
    let evidence = read_evidence(&path).unwrap();
    let read = rate(since);
    let since = Instant::now();
    waxseal::verdict::judge(&evidence).unwrap();
    let judged = rate(since);
    eprintln!(
        "{bytes} bytes: digest tool {tool:.0} MB/s, reading {read:.0} MB/s, judging {judged:.0} MB/s"
    );
    assert!(read * 5.0 > tool);
}

/// Ten hits to a link, each with headers as browsers send them.
fn many(hits: u32) -> Evidence {
    let mut run = Run::quiet(1);
    for nth in 0..hits / 10 {
        let trial = run.trial(Arm::Sent, None);
        run.expose(trial, Phase::Send, 10.0);
        for again in 0..10 {
            visit_at_length(
                &mut run,
                trial,
                10.5 + f64::from(nth % 100) / 10.0 + f64::from(again),
            );
        }
    }
    let mut evidence = run.evidence();
    let mut answers = Vec::new();
    for entry in &evidence.entries {
        if matches!(entry.record, Record::Hit(_)) {
            answers.push(Answer {
                hit: entry.seq,
                at: common::evidence::at(11.0),
                status: Some(200),
                body_bytes: 900,
                of: Some(900),
            });
        }
    }
    let last = evidence.entries.len() as u64;
    for (seq, answers) in (last + 1..).zip(answers.chunks(64)) {
        let (answers, handshakes) = (answers.to_vec(), Vec::new());
        let record = Record::Endings(Endings {
            answers,
            handshakes,
        });
        evidence.entries.push(waxseal::model::Entry { seq, record });
    }
    evidence
}

fn visit_at_length(run: &mut Run, trial: TrialId, at: f64) {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
    let visit = Visit {
        agent,
        body_bytes: None,
        ..Visit::provider(at)
    };
    run.visit(trial, visit);
    let Some(Record::Hit(hit)) = run.records.last_mut() else {
        unreachable!()
    };
    let waxseal::model::HitKind::Http(request) = &mut hit.kind else {
        unreachable!()
    };
    request.target = b"/xj2zhirivd5uh2mjxqplbjgkowqzrt5q3wgj27vom4"[..].into();
    for (name, value) in [
        ("Host", "canary.example:8080"),
        (
            "Accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        ),
        ("Accept-Language", "en-US,en;q=0.5"),
        ("Accept-Encoding", "gzip, deflate"),
        ("Connection", "keep-alive"),
    ] {
        request.headers.push((name.into(), value.as_bytes().into()));
    }
}
