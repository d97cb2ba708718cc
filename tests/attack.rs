//! The collector as those meet it who mean it harm. Whatever they do, the visitor next to them is served and recorded, what
//! they did is recorded or counted as missing, and memory stays bounded.
//!
//! What other collectors lose, and where it is held that this one does not:
//!
//! | elsewhere | here |
//! |---|---|
//! | evidence is wiped at a restart | `remote.rs`: a restarted collector knows what was planted before; `collector.rs`: the kill tests |
//! | reading deletes what it returns | `remote.rs`: a run elsewhere registers, writes and reads who came |
//! | anything is accepted behind a known prefix | `canary/token.rs`: no forgery is accepted |
//! | method and path are not kept, so HEAD is GET | `collector.rs`: a request is kept as it was sent; `tls.rs`: the golden records |
//! | only queries of type A, and only in lower case | `dns.rs`: the golden records of kdig, dig and unbound-host |
//! | no more than so many hits a link | `ci/bench`: one canary hit over and over |
//! | `X-Forwarded-For` is believed from anybody; IPv6 is cut | `serve.rs` and `attribution/forwarded.rs` |
//! | a visitor is told that the collector is full | `collector.rs`: a full disk is a gap that is told when there is room again |
//! | no order of header lines, no fingerprints | `collector.rs` and `tls.rs`: the records |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::served::{Served, waxseal};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use waxseal::canary::Key;
use waxseal::model::{Arm, Form, Hit, HitKind, Part, Record, TokenId, TrialId};
use waxseal::store::Store;

/// After this a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same where large bodies are computed: a collector that is built for debugging does that thirty times slower, and what
/// takes one second in a release takes it half a minute.
const MUCH_PATIENCE: Duration = Duration::from_secs(120);

/// What a collector may take at most, in KiB; one that is built for debugging must keep to it too.
const MEMORY: u64 = 128 * 1024;

/// A collector in a process of its own, so that its memory can be told from the attacker's.
struct House {
    served: Served,
    store: PathBuf,
    _folder: TempDir,
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("evidence.db");
        let mut command = waxseal();
        command.args(["serve", "--store"]).arg(&store);
        command.args(["--listen", "127.0.0.1:0"]);
        Self {
            served: Served::start(&mut command),
            store,
            _folder: folder,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.served.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A visitor that means no harm, with a link of ours; it is shown the page while the attack goes on.
    fn neighbour(&self) {
        self.neighbour_within(PATIENCE);
    }

    fn neighbour_within(&self, patience: Duration) {
        let ask = self.asking_for(Form::Http);
        let answer = talk_within(patience, self.served.address(), ask.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// A request for a canary, planted for the collector's own run.
    fn asking_for(&self, form: Form) -> String {
        let path = self.store.with_extension("db.key");
        let key = std::fs::read_to_string(path).unwrap();
        let key = data_encoding::HEXLOWER.decode(key.trim().as_bytes());
        let key = Key::new(key.unwrap().try_into().unwrap());
        let run = key.own_run();
        let token = key.mint(run).token(TokenId {
            run,
            trial: NEIGHBOUR,
            arm: Arm::Sent,
            form,
            part: Part::Link,
        });
        format!("GET /{token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    }

    /// The most memory that it ever had, in KiB.
    fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.served.process.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let figure = line.unwrap().trim().trim_end_matches(" kB");
        figure.parse().unwrap()
    }

    /// Ends it, and gives its hits and how many are missing.
    fn end(mut self) -> (Vec<Hit>, u64) {
        let memory = self.memory();
        assert!(memory < MEMORY, "{memory} KiB");
        self.served.signal("TERM");
        self.served.ended();
        recorded(&self.store)
    }
}

const NEIGHBOUR: TrialId = TrialId(77);

/// Sends bytes and reads until the other side closes.
fn talk(to: SocketAddr, bytes: &[u8]) -> String {
    talk_within(PATIENCE, to, bytes)
}

fn talk_within(patience: Duration, to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    // Who is refused early may be cut off; the record is what counts.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn recorded(store: &Path) -> (Vec<Hit>, u64) {
    let store = Store::open_existing(store).unwrap();
    let run = store.runs().unwrap().last().unwrap().run;
    let (mut hits, mut missed) = (Vec::new(), 0);
    for entry in store.evidence(run).unwrap().entries {
        match entry.record {
            Record::Hit(hit) => hits.push(hit),
            Record::Gap(gap) => missed += gap.missed,
            _ => {}
        }
    }
    (hits, missed)
}

/// The target of a request; none for a connection without one.
fn target(hit: &Hit) -> Option<String> {
    match &hit.kind {
        HitKind::Http(request) => Some(request.target.text()),
        _ => None,
    }
}

fn neighbours(hits: &[Hit]) -> usize {
    let is_whole = |token: &TokenId| token.trial == NEIGHBOUR && token.form == Form::Http;
    let ours = |hit: &&Hit| hit.tokens().iter().any(is_whole);
    hits.iter().filter(ours).count()
}

/// Shapes in which one server sees one request and another sees two: one record each, and nothing behind it is a request.
#[test]
fn nothing_is_smuggled_behind_a_request() {
    let behind = "GET /behind HTTP/1.1\r\nHost: x\r\n\r\n";
    let read = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        "Content-Length: +0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\ngarbage\r\n0\r\n\r\n",
        "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    ];
    let broken = [
        "X: a\r\n folded\r\n\r\n",
        "Content-Length : 40\r\n\r\n",
        "X: a\rContent-Length: 40\r\n\r\n",
        "X: a\0b\r\n\r\n",
    ];
    let house = House::open();
    let ask = |lines: &str| {
        let bytes = format!("POST /first HTTP/1.1\r\nHost: x\r\n{lines}{behind}");
        talk(house.served.address(), bytes.as_bytes())
    };
    for lines in read {
        assert!(ask(lines).starts_with("HTTP/1.1 404"), "{lines:?}");
    }
    for lines in broken {
        assert!(ask(lines).starts_with("HTTP/1.1 400"), "{lines:?}");
    }
    let absolute =
        "GET http://a.example/first HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n";
    talk(
        house.served.address(),
        format!("{absolute}{behind}").as_bytes(),
    );
    house.neighbour();
    let (hits, missed) = house.end();
    let asked: Vec<String> = hits.iter().filter_map(target).collect();
    assert!(!asked.iter().any(|target| target == "/behind"), "{asked:?}");
    assert_eq!(asked.len(), read.len() + 2, "{asked:?}");
    assert_eq!((hits.len() - asked.len(), missed), (broken.len(), 0));
}

/// Many connections on which nothing comes: each is kept as that.
#[test]
fn many_idle_connections_keep_nobody_out() {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let most = limits.maximum.unwrap_or(u64::MAX);
    let many = usize::try_from(most / 2).unwrap().min(2000);
    let house = House::open();
    let idle: Vec<TcpStream> = (0..many).map(|_| house.connect()).collect();
    house.neighbour();
    drop(idle);
    house.neighbour();
    let (hits, missed) = house.end();
    assert_eq!(neighbours(&hits), 2);
    let kept = hits.len() as u64 - 2 + missed;
    assert!(kept >= many as u64, "{kept} of {many}");
}

/// Heads that come byte by byte hold up nobody, and are kept as far as they came.
#[test]
fn slow_heads_keep_nobody_out() {
    let house = House::open();
    let mut slow: Vec<TcpStream> = (0..64).map(|_| house.connect()).collect();
    for byte in b"GET /slow HTTP/1.1\r\nX: " {
        for stream in &mut slow {
            stream.write_all(&[*byte]).unwrap();
        }
    }
    house.neighbour();
    drop(slow);
    let (hits, missed) = house.end();
    assert_eq!((neighbours(&hits), hits.len(), missed), (1, 65, 0));
    assert_eq!(hits.iter().filter_map(target).count(), 1);
}

/// A head without an end is kept up to a limit, and one full of words like tokens costs no more than it may.
#[test]
fn huge_heads_and_heads_full_of_words_like_tokens_are_bounded() {
    let house = House::open();
    let endless = format!("GET /huge HTTP/1.1\r\nX: {}", "a".repeat(1 << 20));
    let words = format!("/{}", "b".repeat(45)).repeat(740);
    let words = format!("GET {words} HTTP/1.1\r\nConnection: close\r\n\r\n");
    for _ in 0..16 {
        talk(house.served.address(), endless.as_bytes());
        talk(house.served.address(), words.as_bytes());
    }
    house.neighbour();
    let (hits, missed) = house.end();
    assert_eq!((neighbours(&hits), hits.len(), missed), (1, 33, 0));
    let longest = hits.iter().map(|hit| match &hit.kind {
        HitKind::Connection { sent } => sent.0.len(),
        _ => 0,
    });
    assert_eq!(longest.max(), Some(32 * 1024));
    let matches = hits.iter().map(|hit| hit.recognition.matches.len());
    let most = matches.max().unwrap();
    assert!((1..=16).contains(&most), "{most} words of 740");
}

/// Header lines of HTTP/2 that never end, in frame after frame (CVE-2024-27316 and its kin).
#[test]
fn an_endless_row_of_continuation_frames_is_cut_off() {
    let house = House::open();
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-alpn", "h2", "-connect"])
        .arg(house.served.address().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut sent = client.stdin.take().unwrap();
    let opening = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        &[0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82],
    ];
    sent.write_all(&opening.concat()).unwrap();
    // A field that is not remembered, `a: ` and 120 letters, again and again.
    let field = [&[0, 1, b'a', 120][..], &[b'a'; 120]].concat().repeat(132);
    let length = u32::try_from(field.len()).unwrap().to_be_bytes();
    let frame = [&length[1..], &[9, 0, 0, 0, 0, 1], &field].concat();
    // 256 MiB, twice what it may take; it hangs up long before.
    let took = (0..16 * 1024).take_while(|_| sent.write_all(&frame).is_ok());
    let took = took.count();
    drop(sent);
    client.wait().unwrap();
    assert!(took < 16 * 1024, "it took all");
    house.neighbour();
    let (hits, missed) = house.end();
    let hello = |hit: &&Hit| matches!(hit.kind, HitKind::Hello(_));
    let begun = |hit: &&Hit| matches!(hit.kind, HitKind::Connection { .. });
    assert_eq!(hits.iter().filter(hello).count(), 1);
    // What came first is kept, and that there was more is told.
    assert_eq!((hits.iter().filter(begun).count(), missed), (1, 1));
    assert_eq!((neighbours(&hits), hits.len()), (1, 3));
}

/// Who asks for much and takes nothing holds a place, and no memory to speak of.
#[test]
fn a_large_body_that_nobody_takes_is_not_held_in_memory() {
    let house = House::open();
    let ask = house.asking_for(Form::Large);
    let mut held: Vec<TcpStream> = (0..200).map(|_| house.connect()).collect();
    for stream in &mut held {
        stream.set_read_timeout(Some(MUCH_PATIENCE)).unwrap();
        stream.write_all(ask.as_bytes()).unwrap();
    }
    house.neighbour_within(MUCH_PATIENCE);
    // Each has begun to be answered, so none is only waiting in line.
    for stream in &mut held {
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200");
    }
    house.neighbour_within(MUCH_PATIENCE);
    drop(held);
    let (hits, missed) = house.end();
    assert_eq!((neighbours(&hits), hits.len(), missed), (2, 202, 0));
}
