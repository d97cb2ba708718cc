//! The collector as TLS clients meet it: curl, openssl, and bytes by hand; and what is in the store afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::alone::setting;
use common::blocked::blocked;
use common::browsers::driver_options;
use common::evidence::told_apart;
use common::golden::assert_golden;
use tempfile::TempDir;
use waxseal::browser::{DoorRule, Driver, Make, SessionOptions};
use waxseal::canary::{Key, Mint, dress};
use waxseal::collector::{Authority, Collector, Credentials, Pair, Pairs, Setting};
use waxseal::model::{
    Account, Arm, Door, Entry, Form, HandshakeEnd, Hello, Hit, HitKind, Part, Place, Recognition,
    Record, Request, RunId, TokenId, TrialId,
};
use waxseal::store::Store;

const RUN: RunId = RunId(0xc0de_0002);

struct House {
    collector: Collector,
    store: Arc<Store>,
    mint: Mint,
    folder: TempDir,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::kept_in(&folder.path().join("lab")).unwrap();
        Self::showing(Credentials::lab(authority), folder).await
    }

    async fn showing(credentials: Credentials, folder: TempDir) -> Self {
        let store = Arc::new(Store::open(&folder.path().join("evidence.db")).unwrap());
        let mint = Key::new([3; 32]).mint(RUN);
        let setting = Setting {
            credentials,
            ..setting(Key::new([3; 32]), RUN)
        };
        let collector = Collector::start(setting, store.clone()).await.unwrap();
        Self {
            collector,
            store,
            mint,
            folder,
        }
    }

    fn root(&self) -> PathBuf {
        Authority::root_in(&self.folder.path().join("lab"))
    }

    fn id(&self) -> TokenId {
        TokenId {
            run: RUN,
            trial: TrialId(1),
            arm: Arm::Sent,
            form: Form::Https,
            part: Part::Link,
        }
    }

    fn target(&self) -> String {
        format!("/{}", self.mint.token(self.id()))
    }

    fn link(&self) -> String {
        dress(&self.mint, self.collector.public(), self.id()).url
    }

    /// Ends all visits, then reads what is there, in order.
    async fn records(&self) -> Vec<Record> {
        let entries = self.entries().await;
        entries.into_iter().map(|entry| entry.record).collect()
    }

    async fn entries(&self) -> Vec<Entry> {
        assert_eq!(self.collector.stop().await, None, "nothing may be missing");
        told_apart(&self.store.evidence(RUN).unwrap().entries)
    }
}

/// Runs a client to its end, with nothing on its standard input.
async fn run(program: &str, words: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

async fn curl(words: &[&str]) -> Output {
    // No file of the machine's owner may change what is asked for.
    let plain = ["-q", "-s", "-m", "10", "--noproxy", "*"];
    run("curl", &[&plain, words].concat()).await
}

async fn s_client(to: SocketAddr, words: &[&str]) -> Output {
    let to = to.to_string();
    run("openssl", &[&["s_client", "-connect", &to], words].concat()).await
}

/// Sends each piece for itself, and reads until the other side closes.
async fn talk(to: SocketAddr, pieces: Vec<Vec<u8>>) -> Vec<u8> {
    let talked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        for piece in pieces {
            stream.write_all(&piece).unwrap();
        }
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is one way to close.
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    talked.await.unwrap()
}

fn hello(record: &Record) -> (&Hello, &Recognition) {
    match record {
        Record::Hit(hit) => match &hit.kind {
            HitKind::Hello(hello) => (hello, &hit.recognition),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn end(record: &Record) -> &HandshakeEnd {
    match record {
        Record::Handshake(handshake) => &handshake.end,
        other => panic!("{other:?}"),
    }
}

fn request(record: &Record) -> &Request {
    match record {
        Record::Hit(hit) => match &hit.kind {
            HitKind::Http(request) => request,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// What came on a connection that never asked.
fn sent(record: &Record) -> &[u8] {
    match record {
        Record::Hit(hit) => match &hit.kind {
            HitKind::Connection { sent } => &sent.0,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn text(bytes: &[waxseal::model::Bytes]) -> Vec<String> {
    bytes.iter().map(waxseal::model::Bytes::text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_over_http_1_leaves_its_hello_and_its_request() {
    let house = House::open().await;
    let (root, link) = (house.root(), house.link());
    let got = curl(&["--http1.1", "--cacert", root.to_str().unwrap(), &link]).await;
    assert!(got.status.success(), "{got:?}");
    let body = String::from_utf8(got.stdout).unwrap();
    let child = format!("content=\"https://{}/", house.collector.address().unwrap());
    assert!(body.contains(&child), "children stay on https: {body}");
    let records = house.records().await;
    let [first, shaken, asked, Record::Answer(answer)] = &records[..] else {
        panic!("{records:?}")
    };
    let (hello, recognition) = hello(first);
    assert_eq!(recognition, &Recognition::none());
    assert_eq!((hello.server_name.as_ref(), hello.version), (None, 0x0303));
    assert_eq!(text(&hello.protocols), ["http/1.1"]);
    assert_eq!(hello.versions[..2], [0x0304, 0x0303]);
    for (list, must) in [
        (&hello.ciphers, 0x1301),
        (&hello.extensions, 51),
        (&hello.groups, 0x001d),
        (&hello.signatures, 0x0403),
    ] {
        assert!(list.contains(&must), "{hello:?}");
    }
    let counts = format!(
        "t13i{:02}{:02}h1_",
        hello.ciphers.len(),
        hello.extensions.len()
    );
    assert!(hello.ja4.starts_with(&counts), "{}", hello.ja4);
    assert!(
        matches!(end(shaken), HandshakeEnd::Done { version: 0x0304, protocol: Some(name), .. } if name.text() == "http/1.1"),
        "{shaken:?}"
    );
    let asked = request(asked);
    let lines: Vec<&str> = asked
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(lines, ["Host", "User-Agent", "Accept"]);
    assert_eq!(
        (asked.method.as_str(), asked.version.as_str(), asked.tls),
        ("GET", "HTTP/1.1", true)
    );
    assert_eq!(
        (answer.status, answer.body_bytes),
        (Some(200), body.len() as u64)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_over_http_2_leaves_how_it_opened_and_each_request() {
    let house = House::open().await;
    let (root, link) = (house.root(), house.link());
    let trusting = ["--http2", "--cacert", root.to_str().unwrap()];
    let words = ["-w", "%{http_version} ", &link, &link, "-H", "X-A: 1"];
    let got = curl(&[&trusting[..], &words].concat()).await;
    let body = String::from_utf8(got.stdout).unwrap();
    assert_eq!(body.matches("</html>\n2 ").count(), 2, "{body}");
    let posted = curl(&[&trusting[..], &["-d", "hello", &link]].concat()).await;
    assert!(posted.status.success(), "{posted:?}");
    let head = curl(&[&trusting[..], &["-I", &link]].concat()).await;
    let head = String::from_utf8(head.stdout).unwrap();
    assert!(head.starts_with("HTTP/2 200 \r\n"), "{head}");
    assert!(!head.contains("server:"), "{head}");
    let records = house.records().await;
    let requests: Vec<&Request> = records
        .iter()
        .filter_map(|record| match record {
            Record::Hit(hit) => match &hit.kind {
                HitKind::Http(request) => Some(request),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let [first, second, third, last] = &requests[..] else {
        panic!("{records:?}")
    };
    let names = |request: &Request| -> Vec<String> {
        request
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    };
    assert_eq!(names(first), [":authority", "user-agent", "accept", "x-a"]);
    assert_eq!((first.version.as_str(), first.tls), ("HTTP/2", true));
    assert_eq!(first.target.text(), link[link.rfind('/').unwrap()..]);
    let opening = first.opening.as_ref().unwrap();
    assert_eq!(
        opening.pseudo,
        [":method", ":path", ":scheme", ":authority"]
    );
    assert!(
        opening.settings.iter().any(|(name, _)| *name == 4),
        "{opening:?}"
    );
    assert!(opening.window.is_some(), "{opening:?}");
    assert_eq!(second.opening, None, "the connection was opened once");
    let methods = [third, last].map(|request| request.method.as_str());
    assert_eq!(methods, ["POST", "HEAD"]);
    let taken: Vec<u64> = records
        .iter()
        .filter_map(|record| match record {
            Record::Answer(answer) => Some(answer.body_bytes),
            _ => None,
        })
        .collect();
    assert!(
        taken[0] > 0 && taken[..3] == [taken[0]; 3] && taken[3] == 0,
        "{taken:?}"
    );
    let over_2 = |record: &&Record| matches!(record, Record::Handshake(shaken) if matches!(&shaken.end, HandshakeEnd::Done { protocol: Some(name), .. } if name.text() == "h2"));
    assert_eq!(records.iter().filter(over_2).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_agrees_on_http_2_and_asks_nothing_is_kept_as_that() {
    let house = House::open().await;
    let words = ["-alpn", "h2"];
    assert!(
        s_client(house.collector.address().unwrap(), &words)
            .await
            .status
            .success()
    );
    let records = house.records().await;
    let [first, shaken, rest] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(text(&hello(first).0.protocols), ["h2"]);
    assert!(
        matches!(end(shaken), HandshakeEnd::Done { .. }),
        "{shaken:?}"
    );
    assert_eq!(sent(rest), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_trust_us_leaves_its_hello_and_its_alert() {
    let house = House::open().await;
    let got = curl(&[&house.link()]).await;
    assert_eq!(got.status.code(), Some(60), "{got:?}");
    let records = house.records().await;
    let [first, shaken] = &records[..] else {
        panic!("{records:?}")
    };
    hello(first);
    let HandshakeEnd::Failed { reason } = end(shaken) else {
        panic!("{shaken:?}")
    };
    assert!(reason.contains("UnknownCA"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_that_shakes_hands_and_asks_nothing_is_kept_as_that() {
    let house = House::open().await;
    let token = house.mint.token(house.id());
    let name = format!("{}.example.org", token.to_uppercase());
    let words = ["-tls1_2", "-servername", &name];
    assert!(
        s_client(house.collector.address().unwrap(), &words)
            .await
            .status
            .success()
    );
    let records = house.records().await;
    let [first, shaken, rest] = &records[..] else {
        panic!("{records:?}")
    };
    let (hello, recognition) = hello(first);
    assert_eq!(hello.server_name.as_ref().unwrap().text(), name);
    assert_eq!(recognition, &Recognition::intact(Place::Sni, &[house.id()]));
    assert!(hello.ja4.starts_with("t12d"), "{}", hello.ja4);
    assert!(hello.protocols.is_empty());
    assert!(
        matches!(
            end(shaken),
            HandshakeEnd::Done {
                version: 0x0303,
                protocol: None,
                ..
            }
        ),
        "{shaken:?}"
    );
    assert_eq!(sent(rest), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_is_the_same_hello_in_single_bytes_and_single_byte_records() {
    let house = House::open().await;
    let words = [
        "-tls1_3",
        "-servername",
        "a-name-as-long-as-a-token.example.org",
    ];
    assert!(
        s_client(house.collector.address().unwrap(), &words)
            .await
            .status
            .success()
    );
    let entries = house.store.evidence(RUN).unwrap().entries;
    let (whole, recognition) = hello(&entries[0].record);
    assert_eq!(
        recognition,
        &Recognition::none(),
        "a host is no stranger's token"
    );
    let raw = whole.raw.0.clone();
    let shredded: Vec<u8> = raw[5..]
        .iter()
        .flat_map(|&byte| [0x16, 3, 1, 0, 1, byte])
        .collect();
    for bytes in [&raw, &shredded] {
        let pieces = bytes.iter().map(|&byte| vec![byte]).collect();
        let answer = talk(house.collector.address().unwrap(), pieces).await;
        assert_eq!(answer.first(), Some(&0x16), "the handshake goes on");
    }
    let records = house.records().await;
    let hellos: Vec<&Record> = records
        .iter()
        .filter(
            |record| matches!(record, Record::Hit(hit) if matches!(hit.kind, HitKind::Hello(_))),
        )
        .collect();
    let seen: Vec<(&[u8], &str)> = hellos
        .iter()
        .map(|record| hello(record).0)
        .map(|hello| (&hello.raw.0[..], hello.ja4.as_str()))
        .collect();
    let ja4 = whole.ja4.as_str();
    assert_eq!(seen, [(&raw[..], ja4), (&raw, ja4), (&shredded, ja4)]);
    let failed = |record: &&Record| matches!(record, Record::Handshake(shaken) if matches!(shaken.end, HandshakeEnd::Failed { .. }));
    assert_eq!(records.iter().filter(failed).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_looks_like_a_hello_is_kept_and_gets_an_alert() {
    let house = House::open().await;
    let address = house.collector.address().unwrap();
    let garbage = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00".to_vec();
    let answer = talk(address, vec![garbage.clone()]).await;
    assert_eq!(answer.first(), Some(&0x15), "an alert: {answer:?}");
    let endless = [&b"\x16\x03\x01\x00\x04\x01\x00\x40\x00"[..], &[0; 9]].concat();
    assert_eq!(
        talk(address, vec![endless.clone()]).await.first(),
        Some(&0x15)
    );
    let cut = b"\x16\x03\x01\x02\x00\x01".to_vec();
    assert_eq!(talk(address, vec![cut.clone()]).await, b"");
    drop(TcpStream::connect(address).unwrap());
    let records = house.records().await;
    let seen: Vec<&[u8]> = records.iter().map(sent).collect();
    assert_eq!(seen, [&garbage[..], &endless, &cut, b""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_door_notes_the_hello_and_shows_no_certificate() {
    let house = House::open().await;
    let door = house
        .collector
        .open_door(Account::Sender, true)
        .await
        .unwrap();
    let got = curl(&["-k", &format!("https://{door}/")]).await;
    assert_eq!(got.status.code(), Some(35), "{got:?}");
    let records = house.records().await;
    let [first, shaken] = &records[..] else {
        panic!("{records:?}")
    };
    hello(first);
    let Record::Hit(hit) = first else {
        panic!("{first:?}")
    };
    let account = Account::Sender;
    assert_eq!(
        hit.door,
        Door::Browser {
            account,
            sealed: true
        }
    );
    assert_eq!(end(shaken), &HandshakeEnd::Refused);
}

/// What cannot be recorded is not answered: not one byte of a handshake.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_record_there_is_no_handshake() {
    let house = House::open().await;
    let blocked = blocked(house.store.path());
    let got = curl(&["-k", &house.link()]).await;
    assert_eq!(got.status.code(), Some(35), "{got:?}");
    blocked.end();
    let records = house.records().await;
    assert!(
        matches!(&records[..], [Record::Gap(gap)] if gap.missed == 1),
        "{records:?}"
    );
}

/// Our own fetches trust the authority, and nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_goes_through_our_own_door_only() {
    let (house, other) = (House::open().await, House::open().await);
    let config = house.collector.identity().client().unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(config)
        .build()
        .unwrap();
    let got = client.get(house.link()).send().await.unwrap();
    assert_eq!(got.status(), 200);
    drop(got);
    assert!(client.get(other.link()).send().await.is_err());
    drop(client);
    assert_eq!(house.records().await.len(), 4);
    assert_eq!(other.records().await.len(), 2);
}

/// Requests that are begun and taken back (CVE-2023-44487): each is in the evidence, or it is told that more came; and the
/// visitor next to them is served.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_taken_back_are_recorded_or_told_as_missing() {
    for most in [8, 2000] {
        let house = House::open().await;
        let asked = flood(&house, most).await;
        let (root, link) = (house.root(), house.link());
        let got = curl(&["--http2", "--cacert", root.to_str().unwrap(), &link]).await;
        assert!(got.status.success(), "{got:?}");
        let records = house.records().await;
        let kept = |of: fn(&HitKind) -> bool| {
            let is_such = |record: &&Record| matches!(record, Record::Hit(hit) if of(&hit.kind));
            records.iter().filter(is_such).count()
        };
        let requests = kept(|kind| matches!(kind, HitKind::Http(_)));
        let beginnings = kept(|kind| matches!(kind, HitKind::Connection { .. }));
        if most == 8 {
            assert_eq!((asked, requests, beginnings), (9, 10, 0));
        } else {
            assert!(requests > asked || beginnings == 1, "{requests} of {asked}");
        }
    }
}

/// A client that asks and hangs up at once is heard all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_http_2_request_is_heard_though_its_client_hangs_up_at_once() {
    let house = House::open().await;
    let block = [
        &[0x82, 0x87, 0x41, 1, b'h', 0x44, 46][..],
        house.target().as_bytes(),
    ]
    .concat();
    let length = u8::try_from(block.len()).unwrap();
    let head = [0, 0, length, 1, 5, 0, 0, 0, 1];
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let bytes = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &settings[..],
        &head,
        &block,
    ]
    .concat();
    let mut stream = connect(&house).await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes)
        .await
        .unwrap();
    drop(stream);
    let records = house.records().await;
    let [_, shaken, asked, ..] = &records[..] else {
        panic!("{records:?}")
    };
    assert!(
        matches!(end(shaken), HandshakeEnd::Done { .. }),
        "{shaken:?}"
    );
    assert_eq!(request(asked).target.text(), house.target());
    assert_eq!(
        request(asked).opening.as_ref().unwrap().pseudo,
        [":method", ":scheme", ":authority", ":path"]
    );
}

/// A connection that has agreed on HTTP/2.
async fn connect(house: &House) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let mut config = house.collector.identity().client().unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = tokio::net::TcpStream::connect(house.collector.address().unwrap())
        .await
        .unwrap();
    let name = "127.0.0.1".try_into().unwrap();
    connector.connect(name, stream).await.unwrap()
}

/// Begins requests and takes each back at once, until it is cut off, or asks once more; how many there were.
async fn flood(house: &House, most: usize) -> usize {
    let stream = connect(house).await;
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut asked = 0;
    while asked < most
        && std::future::poll_fn(|context| client.poll_ready(context))
            .await
            .is_ok()
    {
        let request = http::Request::get(house.link()).body(()).unwrap();
        let Ok((response, mut body)) = client.send_request(request, false) else {
            break;
        };
        body.send_reset(h2::Reason::CANCEL);
        drop(response);
        asked += 1;
    }
    // What is answered last comes after all that was asked before; to hang up earlier would be to leave that to chance.
    let last = http::Request::get(house.link()).body(()).unwrap();
    if let Ok((response, _)) = client.send_request(last, true)
        && response.await.is_ok()
    {
        asked += 1;
    }
    drop(client);
    let _ = connection.await.unwrap();
    asked
}

/// A browser that is led to its sealed door over https leaves its hello there, nothing at the public one, and gets no
/// answer; at an open door it does not trust us.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_over_https_meets_its_own_door() {
    a_browser_over_https_meets_its_own_door(Make::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_over_https_meets_its_own_door() {
    a_browser_over_https_meets_its_own_door(Make::Firefox).await;
}

async fn a_browser_over_https_meets_its_own_door(make: Make) {
    let house = House::open().await;
    let driver = Driver::start(&driver_options(make)).await.unwrap();
    for (account, sealed) in [(Account::Sender, true), (Account::Recipient, false)] {
        let to = house.collector.open_door(account, sealed).await.unwrap();
        let from = house.collector.address().unwrap().to_string();
        let options = SessionOptions {
            account,
            profile: None,
            door: Some(DoorRule { from, to }),
            headed: false,
        };
        let session = driver.open(&options).await.unwrap();
        // What the browser makes of it is its own business: what came in is ours.
        let _ = session.visit(&house.link(), Duration::from_secs(20)).await;
        session.close().await;
    }
    driver.stop().await;
    let entries = house.entries().await;
    let hellos: Vec<(u64, &Hit, &Hello)> = entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Hit(hit) => match &hit.kind {
                HitKind::Hello(hello) => Some((entry.seq, hit, hello)),
                other => panic!("{other:?}"),
            },
            _ => None,
        })
        .collect();
    let how = |hit: u64| {
        let end = |record: &Record| match record {
            Record::Handshake(shaken) if shaken.hit == hit => Some(shaken.end.clone()),
            _ => None,
        };
        entries.iter().map(|entry| &entry.record).find_map(end)
    };
    let (ciphers, distrust) = match make {
        Make::Chromium => ("t13i15", "CertificateUnknown"),
        // It gives its reason in one way or another.
        Make::Firefox => ("t13i1", ""),
    };
    for (seq, hit, hello) in &hellos {
        assert_eq!(text(&hello.protocols), ["h2", "http/1.1"]);
        assert!(hello.ja4.starts_with(ciphers), "{}", hello.ja4);
        match hit.door {
            Door::Browser { sealed: true, .. } => {
                assert_eq!(how(*seq), Some(HandshakeEnd::Refused))
            }
            Door::Browser { sealed: false, .. } => assert!(
                matches!(how(*seq), Some(HandshakeEnd::Failed { reason }) if reason.contains(distrust)),
                "{hit:?} {:?}",
                how(*seq)
            ),
            Door::Public => panic!("a browser at the public door: {hit:?}"),
        }
    }
    let by = |account| {
        let own = |hit: &Hit| matches!(hit.door, Door::Browser { account: owner, .. } if owner == account);
        hellos.iter().filter(|(_, hit, _)| own(hit)).count()
    };
    assert!(by(Account::Sender) > 0 && by(Account::Recipient) > 0);
}

/// A certificate for a host and its key, in files of their own.
fn pair(folder: &TempDir, name: &str, host: &str) -> Pair {
    let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let at = |end: &str| folder.path().join(format!("{name}.{end}"));
    std::fs::write(at("pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key"), made.signing_key.serialize_pem()).unwrap();
    Pair {
        chain: at("pem"),
        key: at("key"),
    }
}

/// A collector may be up for longer than a leaf is good: its authority issues another, and no handshake in between fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_lab_authority_issues_anew_without_a_restart() {
    let house = House::open().await;
    let before = house.collector.identity();
    house.collector.renew_certificate().await.unwrap();
    let after = house.collector.identity();
    assert_ne!(before.chain()[0], after.chain()[0], "another leaf");
    assert_eq!(before.chain()[1], after.chain()[1], "of the same authority");
    let got = s_client(house.collector.address().unwrap(), &[]).await;
    assert!(got.status.success(), "{got:?}");
}

/// Whether what openssl is shown when it asks for a host is what is in a file.
async fn is_shown(house: &House, words: &[&str], pair: &Pair) -> bool {
    let got = s_client(house.collector.address().unwrap(), words).await;
    assert!(got.status.success(), "{got:?}");
    let printed = String::from_utf8_lossy(&got.stdout).into_owned();
    printed.contains(std::fs::read_to_string(&pair.chain).unwrap().trim())
}

/// The host decides, in every version and for every protocol; who names none that we have is shown the first.
#[tokio::test(flavor = "multi_thread")]
async fn the_host_in_the_hello_decides_which_certificate_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let first = pair(&folder, "first", "first.example");
    let wild = pair(&folder, "wild", "*.zone.example");
    let exact = pair(&folder, "exact", "www.zone.example");
    let pairs = Pairs::read(first.clone(), [wild.clone(), exact.clone()]).unwrap();
    let house = House::showing(Credentials::Own(pairs), folder).await;
    for version in ["-tls1_2", "-tls1_3"] {
        for (words, pair) in [
            (&["-servername", "first.example"][..], &first),
            (&["-servername", "token.zone.example", "-alpn", "h2"], &wild),
            (&["-servername", "WWW.zone.example"], &exact),
            (&["-servername", "zone.example"], &first),
            (&["-noservername", "-alpn", "http/1.1"], &first),
        ] {
            let words = [&[version], words].concat();
            assert!(is_shown(&house, &words, pair).await, "{words:?}");
        }
    }
    house.records().await;
}

/// A renewed pair is shown from the next handshake on; half of one is told, and the one from before stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_changes_is_shown_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let shown = pair(&folder, "shown", "old.example");
    let old = pair(&folder, "old", "old.example");
    std::fs::copy(&shown.chain, &old.chain).unwrap();
    let pairs = Pairs::read(shown.clone(), []).unwrap();
    let house = House::showing(Credentials::Own(pairs), folder).await;
    let words = ["-servername", "old.example"];
    assert!(is_shown(&house, &words, &old).await);
    let new = pair(&house.folder, "new", "new.example");
    std::fs::copy(&new.chain, &shown.chain).unwrap();
    // Either we or the collector itself sees the half first; whoever is second has nothing new to tell.
    let _ = house.collector.renew_certificate().await;
    assert!(is_shown(&house, &words, &old).await);
    std::fs::copy(&new.key, &shown.key).unwrap();
    house.collector.renew_certificate().await.unwrap();
    assert!(is_shown(&house, &words, &new).await);
    assert_eq!(house.collector.identity().names(), ["new.example"]);
    house.records().await;
}

/// No handshake is shortened: a client that comes again is offered nothing to come again with.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_again_shakes_hands_anew() {
    let house = House::open().await;
    for version in ["-tls1_2", "-tls1_3"] {
        let got = s_client(house.collector.address().unwrap(), &[version, "-reconnect"]).await;
        let printed = String::from_utf8(got.stdout).unwrap();
        let new = printed
            .lines()
            .filter(|line| line.starts_with("New, TLSv1"))
            .count();
        assert_eq!(new, 6, "{printed}");
        assert!(!printed.contains("\nReused, "), "{printed}");
    }
    house.records().await;
}

fn waxseal(folder: &TempDir, words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_waxseal"))
        .args(words)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(told).unwrap())
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let say = |words: &[&str]| waxseal(&folder, &[&["serve"], words].concat());
    assert_eq!(
        waxseal(&folder, &["authority", "lab"]),
        (Some(0), "lab/ca.pem\n".to_owned())
    );
    assert_eq!(waxseal(&folder, &["authority", "other"]).0, Some(0));
    for (words, told) in [
        (
            &["--certificate", "none.pem", "--key", "lab/ca.key"][..],
            "failed to use none.pem for TLS: No such file",
        ),
        (
            &["--certificate", "lab/ca.key", "--key", "lab/ca.key"],
            "lab/ca.key for TLS: it holds no certificate in PEM",
        ),
        (
            &["--certificate", "lab/ca.pem", "--key", "lab/ca.pem"],
            "lab/ca.pem for TLS: it holds no private key in PEM",
        ),
        (
            &["--certificate", "lab/ca.pem", "--key", "other/ca.key"],
            "it is not the key of the first certificate in lab/ca.pem",
        ),
        (&["--certificate", "lab/ca.pem"], "--key <KEY.pem>"),
        (
            &["--certificate", "a", "--key", "b", "--certificate", "c"],
            "there are 2 --certificate and 1 --key",
        ),
        (
            &["--acme", "https://ca.example/dir"],
            "there is no zone to prove; name it with --zone",
        ),
        (
            &["--zone", "a.example", "--acme", "http://ca.example/dir"],
            "an address over https",
        ),
        (
            &[
                "--zone",
                "a.example",
                "--acme",
                "https://ca.example/dir",
                "--acme-root",
                "lab/ca.key",
            ],
            "lab/ca.key for TLS: it holds no certificate in PEM",
        ),
        (&["--lab-authority", "lab/ca.pem"], "lab/ca.pem"),
    ] {
        let (status, said) = say(words);
        assert_eq!(status, Some(2), "{words:?}: {said}");
        assert!(said.contains(told), "{words:?}: {said}");
    }
}

/// What differs by the version of a tool, by time or by port.
const VARYING: [&str; 18] = [
    "received",
    "at",
    "peer",
    "raw",
    "ja4",
    "ciphers",
    "cipher",
    "extensions",
    "groups",
    "group",
    "signatures",
    "versions",
    "version_sent",
    "session",
    "settings",
    "window",
    "body_bytes",
    "random",
];

fn without_varying(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            for name in VARYING {
                members.shift_remove(name);
            }
            members.values_mut().for_each(without_varying);
        }
        serde_json::Value::Array(members) => {
            if let [name, said] = &mut members[..]
                && name
                    .as_str()
                    .is_some_and(|name| name.eq_ignore_ascii_case("user-agent"))
            {
                *said = "varies".into();
            }
            members.iter_mut().for_each(without_varying);
        }
        _ => {}
    }
}

/// The records of one client, each on its line. What became of a hit names it by its place among the hits: its number in
/// the store depends on what was written together.
async fn shapes(client: &str, house: House) -> String {
    let here = house.collector.address().unwrap().to_string();
    let mut lines = format!("{{\"client\":\"{client}\"}}\n");
    let entries = house.entries().await;
    let is_hit = |entry: &&Entry| matches!(entry.record, Record::Hit(_));
    let hits: Vec<u64> = entries.iter().filter(is_hit).map(|hit| hit.seq).collect();
    for entry in &entries {
        let mut value = serde_json::to_value(&entry.record).unwrap();
        without_varying(&mut value);
        if let Some(seq) = value.get("hit").and_then(serde_json::Value::as_u64) {
            value["hit"] = hits.iter().position(|hit| *hit == seq).unwrap().into();
        }
        lines += &serde_json::to_string(&value)
            .unwrap()
            .replace(&here, "here");
        lines.push('\n');
    }
    lines
}

/// What real clients leave is golden.
#[tokio::test(flavor = "multi_thread")]
async fn real_clients_leave_the_records_they_should() {
    let mut all = String::new();
    for (name, words) in [
        ("curl over HTTP/1.1", &["--http1.1"][..]),
        ("curl over HTTP/2", &["--http2"]),
        (
            "curl with a Referer",
            &["--http1.1", "-e", "https://from.example/a?b=c"],
        ),
    ] {
        let house = House::open().await;
        let (root, link) = (house.root(), house.link());
        let trusting = ["--cacert", root.to_str().unwrap(), &link];
        let got = curl(&[words, &trusting].concat()).await;
        assert!(got.status.success(), "{got:?}");
        all += &shapes(name, house).await;
    }
    let house = House::open().await;
    let address = house.collector.address().unwrap();
    assert!(s_client(address, &["-tls1_3"]).await.status.success());
    all += &shapes("openssl that asks nothing", house).await;
    let house = House::open().await;
    drop(TcpStream::connect(house.collector.address().unwrap()).unwrap());
    all += &shapes("one that only connects", house).await;
    assert_golden("tests/golden/http-records.jsonl", &all);
}
