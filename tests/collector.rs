//! The collector as a visitor meets it: raw bytes over a socket, and what is in the store afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::alone::setting;
use common::blocked::blocked;
use common::burst::{assert_none_lost, killed_in_a_burst, rounds};
use common::evidence::told_apart;
use tempfile::TempDir;
use waxseal::canary::{Key, Mint, Zone, dress};
use waxseal::collector::{Collector, Setting, ZoneSetting};
use waxseal::model::{
    Account, Answer, Arm, Class, Door, Form, Hit, HitKind, Part, Record, RunId, TokenId, TrialId,
};
use waxseal::store::Store;

const RUN: RunId = RunId(0xc0de_0001);

struct House {
    collector: Collector,
    store: Arc<Store>,
    mint: Mint,
    _folder: TempDir,
}

impl House {
    async fn open() -> Self {
        Self::open_with(None).await
    }

    async fn open_with(zone: Option<ZoneSetting>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("evidence.db")).unwrap());
        let key = Key::new([3; 32]);
        let mint = key.mint(RUN);
        let setting = Setting {
            zone,
            ..setting(key, RUN)
        };
        let collector = Collector::start(setting, store.clone()).await.unwrap();
        Self {
            collector,
            store,
            mint,
            _folder: folder,
        }
    }

    /// The request target of a trial's link.
    fn target(&self, form: Form) -> String {
        let id = TokenId {
            run: RUN,
            trial: TrialId(1),
            arm: Arm::Sent,
            form,
            part: Part::Link,
        };
        dress(&self.mint, "", id).url
    }

    /// Ends all visits, then reads the hits with what was answered.
    async fn hits(&self) -> Vec<(Hit, Option<Answer>)> {
        assert_eq!(self.collector.stop().await, None, "nothing may be missing");
        let entries = told_apart(&self.store.evidence(RUN).unwrap().entries);
        let answer = |seq| {
            entries.iter().find_map(|entry| match &entry.record {
                Record::Answer(answer) if answer.hit == seq => Some(answer.clone()),
                _ => None,
            })
        };
        let hit = |entry: &waxseal::model::Entry| match &entry.record {
            Record::Hit(hit) => Some((hit.clone(), answer(entry.seq))),
            _ => None,
        };
        entries.iter().filter_map(hit).collect()
    }
}

/// Sends bytes and reads until the other side closes.
async fn talk(to: SocketAddr, bytes: impl Into<Vec<u8>>) -> String {
    let bytes = bytes.into();
    let talked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(to).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    });
    talked.await.unwrap()
}

fn request(hit: &Hit) -> &waxseal::model::Request {
    match &hit.kind {
        HitKind::Http(request) => request,
        other => panic!("a request was sent, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_kept_as_it_was_sent() {
    let house = House::open().await;
    let target = house.target(Form::Http);
    let head = format!(
        "GET {target} HTTP/1.1\r\nhOsT: x\r\nX-B: 2\r\nX-A: \u{ff}\r\nx-b: 1\r\nConnection: close\r\n\r\n"
    );
    let head: Vec<u8> = head.chars().map(|c| u8::try_from(c).unwrap()).collect();
    let answer = talk(house.collector.address().unwrap(), head).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1.len() as u64;
    let hits = house.hits().await;
    let [(hit, Some(answered))] = &hits[..] else {
        panic!("{hits:?}")
    };
    let lines: Vec<(&str, Vec<u8>)> = request(hit)
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.0.clone()))
        .collect();
    let sent: [(&str, &[u8]); 5] = [
        ("hOsT", b"x"),
        ("X-B", b"2"),
        ("X-A", b"\xff"),
        ("x-b", b"1"),
        ("Connection", b"close"),
    ];
    assert_eq!(lines, sent.map(|(name, value)| (name, value.to_vec())));
    assert_eq!(
        (request(hit).method.as_str(), request(hit).version.as_str()),
        ("GET", "HTTP/1.1")
    );
    assert_eq!(
        (request(hit).target.text(), hit.door),
        (target, Door::Public)
    );
    assert!(hit.peer.ip().is_loopback() && hit.peer.port() > 0);
    assert_eq!((answered.status, answered.body_bytes), (Some(200), body));
    assert!(answered.at >= hit.received);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_may_ask_many_times_and_pipeline() {
    let house = House::open().await;
    let target = house.target(Form::QuerySecret);
    let posted = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    let head = format!("HEAD {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    let last = "GET /favicon.ico HTTP/1.0\r\n\r\n";
    let answer = talk(
        house.collector.address().unwrap(),
        format!("{posted}{head}{last}"),
    )
    .await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2);
    assert_eq!(answer.matches("HTTP/1.1 404 Not Found").count(), 1);
    let hits = house.hits().await;
    let seen: Vec<(&str, usize, u64)> = hits
        .iter()
        .map(|(hit, answer)| {
            (
                request(hit).method.as_str(),
                hit.tokens().len(),
                answer.as_ref().unwrap().body_bytes,
            )
        })
        .collect();
    assert_eq!(seen[1], ("HEAD", 2, 0));
    assert_eq!(
        (seen[0].0, seen[0].1, seen[2].0, seen[2].1),
        ("POST", 2, "GET", 0)
    );
}

/// The host's token and the path's, from the `Host` line or from a target in absolute form: one record, each token once.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_a_zone_brings_both_its_tokens() {
    let zone = ZoneSetting {
        zone: Zone::parse("canary.example").unwrap(),
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        addresses: Vec::new(),
    };
    let house = House::open_with(Some(zone)).await;
    let address = house.collector.address().unwrap();
    let id = |part| TokenId {
        run: RUN,
        trial: TrialId(1),
        arm: Arm::Sent,
        form: Form::Http,
        part,
    };
    let link = dress(&house.mint, house.collector.public(), id(Part::Link)).url;
    let (host, path) = link["http://".len()..].split_once('/').unwrap();
    let mixed = host.replace('a', "A");
    let heads = [
        format!("GET /{path} HTTP/1.1\r\nHost: {mixed}\r\n"),
        format!("GET {link} HTTP/1.1\r\nHost: {host}\r\n"),
        format!("GET {link} HTTP/1.1\r\nHost: elsewhere.example\r\n"),
        format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\n"),
        format!("GET /robots.txt HTTP/1.1\r\nHost: {host}\r\n"),
    ];
    let mut statuses = Vec::new();
    for head in heads {
        let answer = talk(address, format!("{head}Connection: close\r\n\r\n")).await;
        statuses.push(answer["HTTP/1.1 ".len()..][..3].to_owned());
    }
    assert_eq!(statuses, ["200", "200", "200", "200", "200"]);
    let mut hits = house.hits().await;
    hits.sort_by_key(|(hit, _)| hit.received);
    let both = vec![id(Part::Link), id(Part::Host)];
    let seen: Vec<Vec<TokenId>> = hits.iter().map(|(hit, _)| hit.tokens()).collect();
    assert_eq!(
        seen,
        [&both[..], &both, &both, &both[..1], &both[1..]].map(<[TokenId]>::to_vec),
        "one record each"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_door_notes_and_refuses_and_an_open_one_notes_and_serves() {
    let house = House::open().await;
    let ask = format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        house.target(Form::Http)
    );
    let sealed = house
        .collector
        .open_door(Account::Sender, true)
        .await
        .unwrap();
    let open = house
        .collector
        .open_door(Account::Recipient, false)
        .await
        .unwrap();
    assert_eq!(talk(sealed, ask.clone()).await, "");
    assert!(talk(open, ask).await.starts_with("HTTP/1.1 200"));
    let hits = house.hits().await;
    let seen: Vec<(Door, Option<u16>)> = hits
        .iter()
        .map(|(hit, answer)| (hit.door, answer.as_ref().unwrap().status))
        .collect();
    let door = |account, sealed| Door::Browser { account, sealed };
    assert_eq!(
        seen,
        [
            (door(Account::Sender, true), None),
            (door(Account::Recipient, false), Some(200))
        ]
    );
}

/// A browser that is led to its door as to a SOCKS proxy is heard as if it had come there by itself; nobody else is led.
#[tokio::test(flavor = "multi_thread")]
async fn a_door_may_be_come_to_by_socks() {
    let house = House::open().await;
    let to_a_name = b"\x05\x01\x00\x05\x01\x00\x03\x06canary\x00\x50";
    let to_an_address = b"\x05\x02\x00\x02\x05\x01\x00\x01\x7f\x00\x00\x01\x1f\x90";
    let ask = format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        house.target(Form::Http)
    );
    let led = |leading: &[u8]| [leading, ask.as_bytes()].concat();
    let granted = "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    let door = |account, sealed| house.collector.open_door(account, sealed);
    let sealed = door(Account::Sender, true).await.unwrap();
    let open = door(Account::Recipient, false).await.unwrap();
    assert_eq!(talk(sealed, led(to_a_name)).await, granted);
    let answer = talk(open, led(to_an_address)).await;
    assert!(answer.starts_with(&format!("{granted}HTTP/1.1 200")));
    // Somebody who wants to show who they are, and somebody at the public door.
    assert_eq!(talk(open, *b"\x05\x01\x02\r\n\r\n").await, "");
    let public = house.collector.address().unwrap();
    assert!(
        talk(public, led(to_a_name))
            .await
            .starts_with("HTTP/1.1 400")
    );

    let hits = house.hits().await;
    let requests = hits
        .iter()
        .filter(|(hit, _)| matches!(hit.kind, HitKind::Http(_)));
    let doors: Vec<Door> = requests.map(|(hit, _)| hit.door).collect();
    let browser = |account, sealed| Door::Browser { account, sealed };
    assert_eq!(
        doors,
        [
            browser(Account::Sender, true),
            browser(Account::Recipient, false)
        ]
    );
    let others = hits.iter().filter_map(|(hit, _)| match &hit.kind {
        HitKind::Connection { sent } => Some((hit.door, sent.0.len())),
        _ => None,
    });
    let others: Vec<_> = others.collect();
    assert_eq!(
        others,
        [
            (browser(Account::Recipient, false), 7),
            (Door::Public, led(to_a_name).len())
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_those_who_ask_for_nothing_are_recorded_too() {
    let house = House::open().await;
    let address = house.collector.address().unwrap();
    let forged = "b".repeat(45);
    talk(
        address,
        format!("GET /{forged} HTTP/1.1\r\nConnection: close\r\n\r\n"),
    )
    .await;
    talk(address, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert!(
        talk(address, "\x15\x03\x01 not http\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 400")
    );
    drop(TcpStream::connect(address).unwrap());
    let too_long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(64 * 1024));
    // The answer may be lost when so much is left unread; the record is what counts.
    let _ = tokio::task::spawn_blocking(move || {
        TcpStream::connect(address)
            .unwrap()
            .write_all(too_long.as_bytes())
    })
    .await;
    let mut hits = house.hits().await;
    hits.sort_by_key(|(hit, _)| hit.received);
    let classes: Vec<Class> = hits
        .iter()
        .map(|(hit, _)| hit.recognition.class())
        .collect();
    assert_eq!(classes[..3], [Class::Forged, Class::None, Class::None]);
    let sent = |hit: &Hit| match &hit.kind {
        HitKind::Connection { sent } => Some(sent.0.len()),
        _ => None,
    };
    let mut lengths: Vec<usize> = hits.iter().filter_map(|(hit, _)| sent(hit)).collect();
    lengths.sort_unstable();
    assert_eq!(
        lengths,
        [0, 16, 32 * 1024],
        "nothing, nonsense, and a head up to its limit"
    );
}

/// What cannot be recorded is not answered, and is told as a gap.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_record_there_is_no_answer() {
    let house = House::open().await;
    let blocked = blocked(house.store.path());
    assert_eq!(
        talk(house.collector.address().unwrap(), "GET / HTTP/1.1\r\n\r\n").await,
        ""
    );
    blocked.end();
    assert_eq!(house.collector.stop().await, None);
    let entries = house.store.evidence(RUN).unwrap().entries;
    assert!(
        matches!(&entries[..], [entry] if matches!(&entry.record, Record::Gap(gap) if gap.missed == 1)),
        "{entries:?}"
    );
}

/// A collector in a process of its own, ended with the test whatever becomes of it.
struct Served {
    process: Child,
    address: SocketAddr,
}

impl Served {
    fn start(store: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
        command.args(["serve", "--store"]).arg(store);
        Self::with(command)
    }

    fn with(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next())
            .expect("an address");
        Self {
            process,
            address: address.parse().unwrap(),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks again and again until the collector is gone; counts the answers that came to their last byte.
fn burst(
    address: SocketAddr,
    name: &str,
    answered: &AtomicUsize,
    stop: &AtomicBool,
) -> Vec<String> {
    let mut heard = Vec::new();
    for nth in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let target = format!("/{name}x{nth}");
        let Ok(mut stream) = TcpStream::connect(address) else {
            break;
        };
        let asked = stream
            .write_all(format!("GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n").as_bytes());
        let mut answer = Vec::new();
        let read = asked.and_then(|()| stream.read_to_end(&mut answer));
        if read.is_ok() && answer.starts_with(b"HTTP/1.1 404") && answer.ends_with(b"</h1>\n") {
            heard.push(target);
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    heard
}

fn recorded(store: &Path) -> Vec<String> {
    let store = Store::open_existing(store).unwrap();
    assert!(
        matches!(store.verify(), Ok(Ok(_))),
        "the chain holds after a crash"
    );
    let run = store.runs().unwrap().last().unwrap().run;
    let target = |record: &Record| match record {
        Record::Hit(hit) => Some(request(hit).target.text()),
        _ => None,
    };
    store
        .evidence(run)
        .unwrap()
        .entries
        .iter()
        .filter_map(|entry| target(&entry.record))
        .collect()
}

/// `kill -9` in a burst of hits: every hit that was answered is in the store.
#[test]
fn no_answered_hit_is_lost_when_the_collector_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..rounds() {
        let path: PathBuf = folder.path().join(format!("round-{round}.db"));
        let mut served = Served::start(&path);
        let address = served.address;
        let heard = killed_in_a_burst(
            &mut served.process,
            40 * (round % 5 + 1),
            |name, answered, stop| burst(address, name, answered, stop),
        );
        drop(served);
        assert_none_lost(&heard, &recorded(&path), 40);
    }
}

/// What a visit leaves in the collector's own figures.
#[tokio::test]
async fn a_visit_is_counted() {
    let house = House::open().await;
    talk(
        house.collector.address().unwrap(),
        "GET /a HTTP/1.0\r\n\r\n",
    )
    .await;
    house.collector.stop().await;
    let text = house.collector.metrics();
    for line in [
        "waxseal_hits_total{kind=\"http\",door=\"public\"} 1",
        "waxseal_answers_total{status=\"4xx\"} 1",
        "waxseal_commit_seconds_count 1",
        "waxseal_records_waiting 0",
        "waxseal_connections_open 0",
        "waxseal_missed_total 0",
    ] {
        assert!(
            text.contains(&format!("{line}\n")),
            "{line} is not in\n{text}"
        );
    }
    let expiry = text
        .lines()
        .find_map(|line| line.strip_prefix("waxseal_certificate_expiry_timestamp_seconds "));
    assert!(expiry.unwrap().parse::<i64>().unwrap() > 1_700_000_000);
}

/// As the store is left by a collector that was killed while another process held the database: what it answered waits in
/// a spool, and is read there, then drained by whoever opens the store next.
#[test]
fn what_was_answered_from_a_spool_outlives_the_collector() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.db");
    let mut served = Served::start(&path);
    let holder = rusqlite::Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let address = served.address;
    let heard = killed_in_a_burst(&mut served.process, 40, |name, answered, stop| {
        burst(address, name, answered, stop)
    });
    drop(served);
    let held: u64 = holder
        .query_row("SELECT COUNT(*) FROM record", [], |row| row.get(0))
        .unwrap();
    assert_eq!(held, 0, "the database took nothing");
    holder.execute_batch("ROLLBACK").unwrap();
    drop(Store::open(&path).unwrap());
    assert_none_lost(&heard, &recorded(&path), 40);
    let recorded = recorded(&path);
    let once: std::collections::HashSet<&String> = recorded.iter().collect();
    assert_eq!(once.len(), recorded.len(), "each of them once");
}

/// A disk without room, as far as a process can be shown one: files may not grow. What cannot be kept is not answered, and
/// as soon as there is room again the gap is written, while the collector runs on.
#[test]
fn a_full_disk_is_a_gap_that_is_told_when_there_is_room_again() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.db");
    let mut command = Command::new("sh");
    // Ignored, the signal becomes an error that is told to whoever writes.
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" serve --store \"$1\""])
        .arg(env!("CARGO_BIN_EXE_waxseal"))
        .arg(&path);
    let served = Served::with(command);
    let pid = Pid::from_child(&served.process);
    let allow = |bytes| {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(Some(pid), Resource::Fsize, limit).unwrap();
    };
    let ask = |nth: usize| {
        let mut stream = TcpStream::connect(served.address).unwrap();
        let ask = format!("GET /x{nth} HTTP/1.1\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.write_all(ask.as_bytes());
        let _ = stream.read_to_string(&mut answer);
        !answer.is_empty()
    };
    let mut heard: Vec<String> = Vec::new();
    allow(Some(160 * 1024));
    let mut refused = 0;
    for nth in 0.. {
        match ask(nth) {
            true => heard.push(format!("/x{nth}")),
            false => refused += 1,
        }
        if refused == 3 {
            break;
        }
    }
    allow(None);
    let store = Store::open_existing(&path).unwrap();
    let run = store.runs().unwrap().last().unwrap().run;
    let since = std::time::Instant::now();
    let missed = || -> u64 {
        let entries = store.evidence(run).unwrap().entries;
        let missed = entries.iter().filter_map(|entry| match &entry.record {
            Record::Gap(gap) => Some(gap.missed),
            _ => None,
        });
        missed.sum()
    };
    while missed() < refused {
        assert!(since.elapsed() < Duration::from_secs(30), "never told");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_none_lost(&heard, &recorded(&path), 1);
}
