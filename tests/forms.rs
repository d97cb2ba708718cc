//! Every form of link as curl meets it, over HTTP/1.1 and HTTP/2, and what is in the store afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::alone::setting;
use common::evidence::told_apart;
use tempfile::TempDir;
use waxseal::canary::{
    Body, Dress, Key, LARGE_BYTES, Large, Link, Mint, dress, dress_of, over_tls,
};
use waxseal::collector::{Authority, Collector, Credentials, Setting};
use waxseal::model::{
    Answer, Arm, Class, Form, Hit, HitKind, Part, Place, Record, RunId, TokenId, TrialId, millis,
};
use waxseal::store::Store;

const RUN: RunId = RunId(0xc0de_0004);

struct House {
    collector: Collector,
    store: Arc<Store>,
    mint: Mint,
    folder: TempDir,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("evidence.db")).unwrap());
        let key = Key::new([5; 32]);
        let mint = key.mint(RUN);
        let setting = Setting {
            credentials: Credentials::lab(Authority::kept_in(&folder.path().join("lab")).unwrap()),
            ..setting(key, RUN)
        };
        let collector = Collector::start(setting, store.clone()).await.unwrap();
        Self {
            collector,
            store,
            mint,
            folder,
        }
    }

    fn link(&self, form: Form) -> Link {
        dress(&self.mint, self.collector.public(), id(form, Part::Link))
    }

    fn root(&self) -> PathBuf {
        Authority::root_in(&self.folder.path().join("lab"))
    }

    /// Ends all visits, then reads the requests with what was answered, in the order they came.
    async fn visits(&self) -> Vec<(Hit, Answer)> {
        assert_eq!(self.collector.stop().await, None, "nothing may be missing");
        let entries = told_apart(&self.store.evidence(RUN).unwrap().entries);
        let answer = |seq| {
            entries.iter().find_map(|entry| match &entry.record {
                Record::Answer(answer) if answer.hit == seq => Some(answer.clone()),
                _ => None,
            })
        };
        let visit = |entry: &waxseal::model::Entry| match &entry.record {
            Record::Hit(hit) if matches!(hit.kind, HitKind::Http(_)) => {
                Some((hit.clone(), answer(entry.seq).unwrap()))
            }
            _ => None,
        };
        entries.iter().filter_map(visit).collect()
    }
}

fn id(form: Form, part: Part) -> TokenId {
    TokenId {
        run: RUN,
        trial: TrialId(1),
        arm: Arm::Sent,
        form,
        part,
    }
}

/// Asks with curl, and takes what it writes to its standard output.
async fn curl(words: &[&str]) -> Vec<u8> {
    let mut command = Command::new("curl");
    // No file of the machine's owner may change what is asked for.
    command.args(["-q", "-s", "-m", "60", "--noproxy", "*"]);
    command.args(words).stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
    ended.await.unwrap().stdout
}

/// Status and bytes of the body of what was answered to each request.
fn answered(visits: &[(Hit, Answer)]) -> Vec<(Option<u16>, u64)> {
    let answers = visits.iter().map(|(_, answer)| answer);
    answers.map(|one| (one.status, one.body_bytes)).collect()
}

/// A range, a copy that is checked, a validator, a head, and what lies beyond the end.
async fn large(house: &House, plain: &[&str], link: &Link) {
    let body = Body::Large(Large::of(&link.token));
    let ask = async |words: &[&str]| curl(&[plain, words, &[&link.url]].concat()).await;
    assert!(
        ask(&[]).await == body.bytes(0..LARGE_BYTES),
        "the whole is what its token says"
    );
    assert_eq!(ask(&["-r", "1000-1999"]).await, body.bytes(1000..2000));
    assert_eq!(
        ask(&["-r", "-5"]).await,
        body.bytes(LARGE_BYTES - 5..LARGE_BYTES)
    );
    let head = String::from_utf8(ask(&["-I"]).await)
        .unwrap()
        .to_lowercase();
    for line in ["content-length: 8388608\r\n", "accept-ranges: bytes\r\n"] {
        assert!(head.contains(line), "{head}");
    }
    let beyond = ask(&["-i", "-r", "8388608-"]).await;
    let beyond = String::from_utf8(beyond).unwrap().to_lowercase();
    assert!(beyond.contains(" 416") && beyond.contains("content-range: bytes */8388608\r\n"));
    let tag = head.split("etag: ").nth(1).unwrap().lines().next().unwrap();
    let same = format!("If-Range: {tag}");
    assert_eq!(ask(&["-r", "0-9", "-H", &same]).await, body.bytes(0..10));
    let other = ["-r", "0-9", "-H", "If-Range: \"other\""];
    assert_eq!(ask(&other).await.len() as u64, LARGE_BYTES);
    let taken = answered(&house.visits().await);
    let expected = [
        (Some(200), LARGE_BYTES),
        (Some(206), 1000),
        (Some(206), 5),
        (Some(200), 0),
        (Some(416), 0),
        (Some(206), 10),
        (Some(200), LARGE_BYTES),
    ];
    assert_eq!(taken, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_given_whole_and_in_ranges_over_http_1() {
    let house = House::open().await;
    large(&house, &["--http1.1"], &house.link(Form::Large)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_given_whole_and_in_ranges_over_http_2() {
    let house = House::open().await;
    let root = house.root();
    let link = house.link(Form::Large);
    let link = Link {
        url: over_tls(&link.url),
        ..link
    };
    large(
        &house,
        &["--http2", "--cacert", root.to_str().unwrap()],
        &link,
    )
    .await;
}

/// Who goes away in the middle was handed what the socket took, and no more.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_large_body_is_not_counted() {
    let house = House::open().await;
    let (address, link) = (house.collector.address().unwrap(), house.link(Form::Large));
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", link.token);
        stream.write_all(head.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 100_000]).unwrap();
    });
    asked.await.unwrap();
    let visits = house.visits().await;
    let [(Some(200), taken)] = answered(&visits)[..] else {
        panic!("{visits:?}")
    };
    assert!((90_000..LARGE_BYTES).contains(&taken), "{taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_page_comes_whole_in_its_own_time() {
    let house = House::open().await;
    let root = house.root();
    let url = house.link(Form::Slow).url;
    let (over_2, trust) = (over_tls(&url), root.to_str().unwrap());
    let (clear, secure) = ([&*url], ["--http2", "--cacert", trust, &over_2]);
    let (clear, secure) = tokio::join!(curl(&clear), curl(&secure));
    for page in [&clear, &secure] {
        assert!(page.ends_with(b"</html>\n"));
    }
    let visits = house.visits().await;
    assert_eq!(visits.len(), 2);
    for (hit, answer) in visits {
        assert!([clear.len() as u64, secure.len() as u64].contains(&answer.body_bytes));
        assert!(millis(hit.received, answer.at) >= 3999, "five waits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_leads_to_a_token_of_its_own() {
    let house = House::open().await;
    let forms = [
        (Form::Redirect301, "GET"),
        (Form::Redirect302, "GET"),
        (Form::Redirect307, "POST"),
    ];
    for (form, _) in forms {
        let page = curl(&["-L", "-d", "a=1", &house.link(form).url]).await;
        assert!(page.ends_with(b"</html>\n"), "{form}");
    }
    let visits = house.visits().await;
    for ((form, method), pair) in forms.into_iter().zip(visits.chunks(2)) {
        let parts: Vec<TokenId> = pair.iter().flat_map(|(hit, _)| hit.tokens()).collect();
        assert_eq!(parts, [id(form, Part::Link), id(form, Part::Hop)]);
        let HitKind::Http(followed) = &pair[1].0.kind else {
            panic!("{pair:?}")
        };
        assert_eq!(followed.method, method, "{form}");
        let status = form.name().rsplit_once('-').unwrap().1.parse().unwrap();
        assert_eq!(
            (pair[0].1.status, pair[1].1.status),
            (Some(status), Some(200))
        );
    }
}

/// One record for each request, whatever it brings; each match says where it stood.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_says_where_each_token_stood() {
    let house = House::open().await;
    let public = house.collector.public();
    let link = house.link(Form::Credentials);
    curl(&[&link.url]).await;
    curl(&["-e", &link.url, &format!("{public}/favicon.ico")]).await;
    let flipped: String = link.token.chars().rev().collect();
    curl(&[&format!(
        "{public}/{}0?of={flipped}&cut={}",
        link.token,
        &link.token[..20]
    )])
    .await;
    let visits = house.visits().await;
    let found: Vec<Vec<(Place, Class, Option<Part>)>> = visits
        .iter()
        .map(|(hit, _)| {
            let matches = hit.recognition.matches.iter();
            matches
                .map(|one| (one.place, one.class, one.token.map(|token| token.part)))
                .collect()
        })
        .collect();
    let (intact, link, secret) = (Class::Intact, Some(Part::Link), Some(Part::Secret));
    assert_eq!(
        found[..2],
        [
            vec![
                (Place::Path, intact, link),
                (Place::Authorization, intact, secret)
            ],
            // Its link is sent without user and password (RFC 9110 section 10.1.3).
            vec![(Place::Referer, intact, link)],
        ]
    );
    assert_eq!(found[2][0], (Place::Path, Class::Mutated, link));
    assert_eq!(found[2][1], (Place::Query, Class::Forged, None));
    assert!(matches!(
        found[2][2],
        (Place::Query, Class::Truncated | Class::Foreign, None)
    ));
    assert_eq!(visits[1].0.tokens(), []);
    assert_eq!(visits[1].0.hearsay(), [id(Form::Credentials, Part::Link)]);
}

/// Nothing in a head or a text tells who answers, whatever is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_names_the_tool() {
    let house = House::open().await;
    let root = house.root();
    let trusting = ["-i", "-r", "0-2000", "--cacert", root.to_str().unwrap()];
    let forms = Form::ALL.iter().filter(|form| **form != Form::Slow);
    let links: Vec<String> = forms.map(|&form| house.link(form).url).collect();
    let public = house.collector.public();
    let others = ["/", "/robots.txt"].map(|path| format!("{public}{path}"));
    for url in links.iter().chain(&others) {
        for (version, url) in [("--http1.1", url.clone()), ("--http2", over_tls(url))] {
            let answer = curl(&[&trusting[..], &[version, &url]].concat()).await;
            let text = String::from_utf8_lossy(&answer).to_lowercase();
            assert!(text.starts_with("http/"), "{url}: {text}");
            for word in [
                "waxseal", "canary", "token", "audit", "rust", "server:", "hyper",
            ] {
                assert!(!text.contains(word), "{word} in {text}");
            }
        }
    }
}

/// A collector that stops does not wait for a page that is still on its way, and writes down how far it came.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_page_is_cut_when_the_collector_stops() {
    let house = House::open().await;
    let whole = curl(&[&house.link(Form::Http).url]).await.len() as u64;
    let (address, link) = (house.collector.address().unwrap(), house.link(Form::Slow));
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let head = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", link.token);
        stream.write_all(head.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 15]).unwrap();
        stream
    });
    let stream = asked.await.unwrap();
    let [whole_page, (Some(200), cut)] = answered(&house.visits().await)[..] else {
        panic!("two visits")
    };
    assert_eq!(whole_page, (Some(200), whole), "both forms have one page");
    assert!(cut < whole, "{cut} of {whole}");
    drop(stream);
}

/// The README's table is the one in force.
#[test]
fn the_readme_lists_every_form() {
    let readme = include_str!("../README.md");
    for &form in Form::ALL {
        let Dress { link, what, asks } = dress_of(form);
        let row = format!("| `{form}` | `{link}` | {what} | {asks} |\n");
        assert!(readme.contains(&row), "missing in README.md: {row}");
    }
}
