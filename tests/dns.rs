//! The collector's name server as resolvers meet it: real `kdig`, `dig` and `unbound-host`, raw sockets, and what is in the store.
//!
//! Needs what `ci/setup tools` installs. Nothing leaves this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::alone::setting;
use common::burst::{assert_none_lost, killed_in_a_burst, rounds};
use common::golden::assert_golden;
use tempfile::TempDir;
use waxseal::canary::{Key, Zone};
use waxseal::collector::{Collector, Setting, ZoneSetting};
use waxseal::model::{
    Arm, Form, Hit, HitKind, Part, Query, Recognition, Record, RunId, TokenId, Transport, TrialId,
};
use waxseal::store::Store;

const RUN: RunId = RunId(0xc0de_0002);

struct House {
    collector: Collector,
    store: Arc<Store>,
    token: String,
    _folder: TempDir,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("evidence.db")).unwrap());
        let mint = Key::new([3; 32]).mint(RUN);
        let setting = Setting {
            zone: Some(ZoneSetting {
                zone: Zone::parse("canary.example").unwrap(),
                listen: vec!["127.0.0.1:0".parse().unwrap()],
                addresses: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
            }),
            ..setting(Key::new([3; 32]), RUN)
        };
        let collector = Collector::start(setting, store.clone()).await.unwrap();
        Self {
            collector,
            store,
            token: mint.token(id()),
            _folder: folder,
        }
    }

    fn dns(&self) -> SocketAddr {
        self.collector.dns().unwrap()
    }

    /// Stops, and gives the hits in the order in which they came, and how many are missing.
    async fn stop(&self) -> (Vec<Hit>, u64) {
        assert_eq!(self.collector.stop().await, None, "the gap can be written");
        let entries = self.store.evidence(RUN).unwrap().entries;
        let mut missed = 0;
        let mut hits = Vec::new();
        for entry in entries {
            match entry.record {
                Record::Hit(hit) => hits.push(hit),
                Record::Gap(gap) => missed += gap.missed,
                other => panic!("{other:?}"),
            }
        }
        hits.sort_by_key(|hit| hit.received);
        (hits, missed)
    }
}

fn id() -> TokenId {
    TokenId {
        run: RUN,
        trial: TrialId(1),
        arm: Arm::Sent,
        form: Form::Http,
        part: Part::Host,
    }
}

fn query(hit: &Hit) -> &Query {
    match &hit.kind {
        HitKind::Dns(query) => query,
        other => panic!("a query was sent, not {other:?}"),
    }
}

/// Asks with a real tool, and gives what it prints.
async fn ask(tool: &'static str, server: SocketAddr, words: String) -> String {
    let asked = tokio::task::spawn_blocking(move || {
        Command::new(tool)
            .arg(format!("@{}", server.ip()))
            .args(["-p", &server.port().to_string()])
            .args(words.split_whitespace())
            .output()
            .unwrap_or_else(|error| panic!("{tool}: {error}; see `ci/setup tools`"))
    });
    let output = asked.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{tool}: {text}");
    text
}

/// The status, flags and records of an answer, without what differs from time to time.
fn gist(tool: &str, words: &str, printed: &str) -> String {
    let header =
        |line: &&str| line.contains("status:") || line.to_lowercase().starts_with(";; flags:");
    let record = |line: &&str| !line.is_empty() && !line.starts_with(';');
    let subnet = |line: &&str| line.contains("CLIENT-SUBNET");
    let lines = printed
        .lines()
        .filter(|line| header(line) || record(line) || subnet(line))
        .map(|line| {
            without_id(line)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        });
    std::iter::once(format!("$ {tool} {words}"))
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
        + "\n"
}

fn without_id(line: &str) -> String {
    let at = line.to_lowercase().find("id: ");
    at.map_or_else(
        || line.to_owned(),
        |at| line[..at].trim_end_matches([';', ' ']).to_owned(),
    )
}

/// A record without what differs from time to time.
fn shape(hit: &Hit) -> String {
    let mut value = serde_json::to_value(hit).unwrap();
    let object = value.as_object_mut().unwrap();
    object.shift_remove("received");
    object.shift_remove("peer");
    object["kind"].as_object_mut().unwrap().shift_remove("id");
    serde_json::to_string(&value).unwrap() + "\n"
}

/// What kdig and dig ask, what they are told, and what is recorded: all three are golden.
#[tokio::test(flavor = "multi_thread")]
async fn real_resolvers_tools_are_answered_and_recorded() {
    let house = House::open().await;
    let token = house.token.clone();
    let mixed: String = token
        .chars()
        .enumerate()
        .map(|(at, c)| {
            if at % 3 == 0 {
                c.to_ascii_uppercase()
            } else {
                c
            }
        })
        .collect();
    let plain = "+noedns";
    let asked = [
        ("kdig", format!("{plain} {token}.canary.example A")),
        ("kdig", format!("{plain} +tcp {token}.canary.example A")),
        ("dig", format!("{plain} {mixed}.cANARY.eXAMPLE. A")),
        ("kdig", format!("{plain} +noidn {mixed}.CANARY.example. A")),
        ("kdig", format!("{plain} {token}.canary.example AAAA")),
        ("kdig", format!("{plain} {token}.canary.example HTTPS")),
        (
            "kdig",
            format!("{plain} _443._tcp.{token}.canary.example SRV"),
        ),
        ("kdig", format!("{plain} {token}.canary.example TYPE65400")),
        ("kdig", format!("{plain} {token}.canary.example ANY")),
        ("kdig", format!("{plain} canary.example NS")),
        ("kdig", format!("{plain} canary.example SOA")),
        ("kdig", format!("{plain} canary.example TXT")),
        ("kdig", format!("{plain} canary.example CAA")),
        ("kdig", format!("{plain} canary.example MX")),
        ("kdig", format!("{plain} www.canary.example A")),
        ("kdig", format!("{plain} \\098\\.\\255.canary.example A")),
        ("kdig", format!("{plain} elsewhere.example A")),
        ("kdig", format!("{plain} CH version.bind TXT")),
        (
            "kdig",
            format!("+bufsize=1232 +dnssec +subnet=192.0.2.0/24 {token}.canary.example A"),
        ),
        (
            "kdig",
            format!("+bufsize=4096 +tcp +subnet=2001:db8::/56 {token}.canary.example A"),
        ),
        ("dig", format!("+noedns {token}.canary.example A")),
        ("dig", format!("+tcp +noedns {token}.canary.example SVCB")),
        (
            "dig",
            "+nocookie +bufsize=1232 canary.example SOA".to_owned(),
        ),
        (
            "dig",
            "+noedns +opcode=notify canary.example SOA".to_owned(),
        ),
        (
            "dig",
            "+nocookie +edns=1 +noednsnegotiation +bufsize=1232 canary.example SOA".to_owned(),
        ),
    ];
    let mut talk = String::new();
    for (tool, words) in &asked {
        talk += &gist(tool, words, &ask(tool, house.dns(), words.clone()).await);
    }
    let (hits, missed) = house.stop().await;
    assert_eq!((hits.len(), missed), (asked.len(), 0));
    assert_golden("tests/golden/dns-answers.txt", &talk);
    let records: String = hits.iter().map(shape).collect();
    assert_golden("tests/golden/dns-records.jsonl", &records);
    let heard = hits.iter().filter(|hit| hit.tokens() == [id()]).count();
    let sent = asked
        .iter()
        .filter(|(_, words)| words.to_lowercase().contains(&token))
        .count();
    assert_eq!(heard, sent);
}

/// A whole resolver that mixes case and asks no more than it must (QNAME minimisation): it finds what is there, and only
/// the queries that hold the token are about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_resolver_that_mixes_case_and_minimises_names_finds_its_way() {
    let house = House::open().await;
    let server = house.dns();
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "server:\n  do-not-query-localhost: no\n  outgoing-interface: 127.0.0.1\n  qname-minimisation: yes\n  use-caps-for-id: yes\n  \
         module-config: iterator\n  local-zone: example. nodefault\n\
         stub-zone:\n  name: canary.example\n  stub-addr: {}@{}\n",
        server.ip(),
        server.port()
    );
    let file = folder.path().join("unbound.conf");
    std::fs::write(&file, settings).unwrap();
    let token = house.token.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let names = [
            format!("{token}.canary.example"),
            format!("_443._tcp.{token}.canary.example"),
        ];
        names.map(|name| {
            let output = Command::new("unbound-host")
                .arg("-C")
                .args([file.as_os_str(), "-t".as_ref(), "A".as_ref(), name.as_ref()])
                .output()
                .unwrap_or_else(|error| panic!("unbound-host: {error}; see `ci/setup tools`"));
            String::from_utf8_lossy(&output.stdout).into_owned()
        })
    });
    let [there, missing] = asked.await.unwrap();
    assert!(there.contains("has address 127.0.0.1"), "{there}");
    assert!(missing.contains("NXDOMAIN"), "{missing}");
    let (hits, _) = house.stop().await;
    let names: Vec<&str> = hits.iter().map(|hit| query(hit).name.as_str()).collect();
    let lower = |name: &str| name.to_lowercase();
    assert!(names.iter().any(|name| lower(name) != *name), "{names:?}");
    let labels = |name: &&str| name.split('.').count();
    assert!(names.iter().map(labels).max() > names.iter().map(labels).min());
    for hit in &hits {
        let holds = lower(&query(hit).name).contains(&house.token);
        assert_eq!(hit.tokens() == [id()], holds, "{hit:?}");
    }
}

/// A zone transfer is refused, and seen.
#[tokio::test(flavor = "multi_thread")]
async fn the_zone_is_given_to_nobody() {
    let house = House::open().await;
    let printed = ask("dig", house.dns(), "canary.example AXFR".to_owned()).await;
    assert!(printed.contains("Transfer failed"), "{printed}");
    let (hits, _) = house.stop().await;
    let seen: Vec<(&str, Transport)> = hits
        .iter()
        .map(|hit| (query(hit).type_name.as_str(), query(hit).transport))
        .collect();
    assert_eq!(seen, [("AXFR", Transport::Tcp)]);
}

/// A query for an address, by hand: id, flags, one question.
fn packet(id: u16, name: &str) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

fn socket(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_query_is_recorded_too() {
    let house = House::open().await;
    let server = house.dns();
    let token = house.token.clone();
    let done = tokio::task::spawn_blocking(move || {
        let udp = socket(server);
        let whole = packet(7, &format!("{token}.canary.example"));
        let mut answer = [0; 1500];
        for broken in [
            &whole[..whole.len() - 1],
            b"\x00\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        ] {
            udp.send(broken).unwrap();
            let length = udp.recv(&mut answer).unwrap();
            assert_eq!((length, answer[3] & 15), (12, 1), "FORMERR");
        }
        udp.send(b"scrap").unwrap();
        // Two queries at once on one connection, byte by byte, and half of a third.
        let mut tcp = TcpStream::connect(server).unwrap();
        let length = u16::try_from(whole.len()).unwrap().to_be_bytes();
        let framed = [&length[..], &whole].concat();
        for byte in framed.iter().chain(&framed) {
            tcp.write_all(&[*byte]).unwrap();
        }
        tcp.write_all(&framed[..20]).unwrap();
        tcp.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answers = Vec::new();
        tcp.read_to_end(&mut answers).unwrap();
        assert_eq!(answers.windows(2).filter(|two| *two == [0, 7]).count(), 2);
        drop(TcpStream::connect(server).unwrap());
    });
    done.await.unwrap();
    let (hits, missed) = house.stop().await;
    let mut kinds: Vec<(&str, usize, bool)> = hits
        .iter()
        .map(|hit| match &hit.kind {
            HitKind::Dns(_) => ("query", 0, hit.tokens() == [id()]),
            HitKind::Packet(packet) => {
                let kind = if packet.transport == Transport::Udp {
                    "udp"
                } else {
                    "tcp"
                };
                (kind, packet.sent.0.len(), hit.tokens() == [id()])
            }
            other => panic!("{other:?}"),
        })
        .collect();
    kinds.sort_unstable();
    let broken = packet(7, &format!("{}.canary.example", house.token)).len() - 1;
    assert_eq!(
        kinds,
        [
            ("query", 0, true),
            ("query", 0, true),
            ("tcp", 0, false),
            ("tcp", 20, false),
            ("udp", 5, false),
            ("udp", 12, false),
            ("udp", broken, true),
        ]
    );
    assert_eq!(missed, 0);
}

/// One source asks as fast as it can: it is told to come by TCP, and every query is in the store or in the gap's count.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_truncated_and_counted_to_the_last_query() {
    const FLOOD: u16 = 6000;
    let house = House::open().await;
    let server = house.dns();
    let flooded = tokio::task::spawn_blocking(move || {
        let asking = socket(server);
        // Answers come many at a time: what finds no room here would look as if it had not been sent.
        rustix::net::sockopt::set_socket_recv_buffer_size(&asking, 4 << 20).unwrap();
        let hearing = asking.try_clone().unwrap();
        let heard = std::thread::spawn(move || {
            let (mut whole, mut cut, mut room) = (0_u32, 0_u32, [0; 1500]);
            hearing
                .set_read_timeout(Some(Duration::from_secs(2)))
                .unwrap();
            while let Ok(length) = hearing.recv(&mut room) {
                let query = packet(0, "00000.canary.example").len();
                if room[2] & 2 == 0 {
                    whole += 1;
                } else {
                    assert!(length <= query, "no longer than the query");
                    cut += 1;
                }
            }
            (whole, cut)
        });
        for id in 0..FLOOD {
            asking
                .send(&packet(id, &format!("{id:05}.canary.example")))
                .unwrap();
        }
        heard.join().unwrap()
    });
    let (whole, cut) = flooded.await.unwrap();
    let (hits, missed) = house.stop().await;
    let recorded = hits.len() as u64;
    assert_eq!(recorded + missed, u64::from(FLOOD));
    assert!((200..2000).contains(&whole), "{whole} whole answers");
    assert!(cut > whole, "{cut} cut");
    let told = hits
        .iter()
        .filter(|hit| query(hit).reply.is_some_and(|reply| reply.truncated));
    assert!(told.count() as u64 >= u64::from(cut));
    assert!(
        hits.iter()
            .all(|hit| hit.recognition == Recognition::none())
    );
}

/// The store is held up, and more comes than can wait for it: what finds no place is counted, in the kernel too.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_wait_for_the_store_is_counted() {
    const FLOOD: u16 = 12_000;
    let house = House::open().await;
    let server = house.dns();
    let holder = rusqlite::Connection::open(house.store.path()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let flooded = tokio::task::spawn_blocking(move || {
        let asking = socket(server);
        for id in 0..FLOOD {
            asking.send(&packet(id, "canary.example")).unwrap();
        }
        asking
    });
    // Held until all is said, so that the answers have somewhere to go.
    let _asking = flooded.await.unwrap();
    holder.execute_batch("ROLLBACK").unwrap();
    let (hits, missed) = house.stop().await;
    assert!(missed > 0, "{} recorded", hits.len());
    assert_eq!(hits.len() as u64 + missed, u64::from(FLOOD));
}

/// A flood that does not end keeps nobody from stopping.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_does_not_hold_up_the_end() {
    let house = House::open().await;
    let server = house.dns();
    let enough = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let flood = {
        let (enough, asked) = (Arc::clone(&enough), Arc::clone(&asked));
        tokio::task::spawn_blocking(move || {
            let asking = socket(server);
            // Bounded, should the test itself fail.
            for id in (0..u16::MAX).cycle().take(2_000_000) {
                if enough.load(Ordering::Relaxed) {
                    break;
                }
                // Nobody listens any more at the end.
                let _ = asking.send(&packet(id, "canary.example"));
                asked.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    while asked.load(Ordering::Relaxed) < 2000 {
        tokio::task::yield_now().await;
    }
    let stopped = tokio::time::timeout(Duration::from_secs(30), house.stop()).await;
    enough.store(true, Ordering::Relaxed);
    flood.await.unwrap();
    let (hits, missed) = stopped.expect("it stops");
    assert!(hits.len() as u64 + missed >= 2000);
}

/// A collector in a process of its own, ended with the test whatever becomes of it.
struct Served {
    process: Child,
    dns: SocketAddr,
}

impl Served {
    fn start(store: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
        command
            .args([
                "serve",
                "--zone",
                "Canary.Example.",
                "--dns-listen",
                "127.0.0.1:0",
                "--store",
            ])
            .arg(store)
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(
            line.starts_with("listening on http://*.canary.example:"),
            "{line}"
        );
        let address = line
            .split("names at ")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        let dns = address.expect("an address").parse().unwrap();
        Self { process, dns }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks by UDP until the server is gone; gives the names that were answered.
fn burst(dns: SocketAddr, name: &str, answered: &AtomicUsize, stop: &AtomicBool) -> Vec<String> {
    let mut heard = Vec::new();
    let udp = socket(dns);
    udp.set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    for nth in 0_u16.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // Several are under way at once, as in a burst.
        let names = ["x", "y", "z"].map(|part| format!("{name}{part}{nth}.canary.example"));
        for (part, asked) in names.iter().enumerate() {
            let id = nth
                .wrapping_mul(3)
                .wrapping_add(u16::try_from(part).unwrap());
            let _ = udp.send(&packet(id, asked));
        }
        let mut room = [0; 1500];
        for _ in &names {
            if udp.recv(&mut room).is_ok() {
                let known = names
                    .iter()
                    .find(|asked| packet(0, asked)[12..] == room[12..packet(0, asked).len()]);
                heard.extend(known.cloned());
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    heard
}

/// `kill -9` in a burst of queries: every one that was answered is in the store.
#[test]
fn no_answered_query_is_lost_when_the_collector_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..rounds() {
        let path = folder.path().join(format!("round-{round}.db"));
        let mut served = Served::start(&path);
        let dns = served.dns;
        let heard = killed_in_a_burst(
            &mut served.process,
            60 * (round % 5 + 1),
            |name, answered, stop| burst(dns, name, answered, stop),
        );
        drop(served);
        assert_none_lost(&heard, &recorded(&path), 60);
    }
}

fn recorded(store: &Path) -> Vec<String> {
    let store = Store::open_existing(store).unwrap();
    assert!(
        matches!(store.verify(), Ok(Ok(_))),
        "the chain holds after a crash"
    );
    let run = store.runs().unwrap().last().unwrap().run;
    let name = |record: &Record| match record {
        Record::Hit(hit) => Some(query(hit).name.trim_end_matches('.').to_owned()),
        _ => None,
    };
    store
        .evidence(run)
        .unwrap()
        .entries
        .iter()
        .filter_map(|entry| name(&entry.record))
        .collect()
}
