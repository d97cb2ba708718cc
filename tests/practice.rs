//! The practice messenger: the chat, what each persona does, and whether waxseal finds out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::golden::in_repository;
use common::served::{Served, waxseal};
use reqwest::dns::{Addrs, Resolve, Resolving};
use reqwest::{Client, Response, StatusCode, redirect};
use serde_json::{Value, json};
use waxseal::audit::renderer;
use waxseal::browser::DriverOptions;
use waxseal::collector::client_trusting;
use waxseal::diagnostic::Source;
use waxseal::model::{Actor, Arm, Depth, Form, Persona, Verdict};
use waxseal::practice::{
    ACCOUNTS, LATE, Login, Names, Practice, PracticeError, Renderer, Setting, truth,
};
use waxseal::scenario::{Scenario, parse};

// ---------------------------------------------------------------- a messenger and who uses it

fn setting(persona: Persona) -> Setting {
    Setting {
        listen: "127.0.0.1:0".parse().unwrap(),
        persona,
        names: None,
        renderer: None,
        seed: 7,
        late: Duration::from_millis(100),
    }
}

async fn started(persona: Persona) -> Practice {
    Practice::start(setting(persona)).await.unwrap()
}

/// A client that does as the page's script does, without a browser.
struct Hand {
    client: Client,
    home: String,
    cookie: String,
}

impl Hand {
    fn new(practice: &Practice) -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .tls_backend_preconfigured(client_trusting(&[]).unwrap());
        Self {
            client: client.build().unwrap(),
            home: format!("http://{}", practice.address()),
            cookie: String::new(),
        }
    }

    async fn signed_in(practice: &Practice, account: Login) -> Self {
        let mut hand = Self::new(practice);
        let answer = hand.sign_in(account.user, account.password).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        hand.cookie = cookie.split(';').next().unwrap().to_owned();
        hand
    }

    async fn sign_in(&self, user: &str, password: &str) -> Response {
        let post = self.client.post(format!("{}/sign-in", self.home));
        let form = format!("user={user}&password={password}");
        post.body(form).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        let get = self.client.get(format!("{}{path}", self.home));
        get.header("cookie", &self.cookie).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> StatusCode {
        let post = self.client.post(format!("{}{path}", self.home));
        let post = post.header("cookie", &self.cookie).json(&body);
        post.send().await.unwrap().status()
    }

    async fn write(&self, text: &str) {
        self.post("/api/draft", json!({ "text": text })).await;
    }

    async fn send(&self, text: &str) {
        let status = self.post("/api/messages", json!({ "text": text })).await;
        assert_eq!(status, StatusCode::CREATED);
    }

    async fn news(&self) -> Value {
        self.get("/api/chat?open=true").await.json().await.unwrap()
    }

    async fn messages(&self) -> Vec<Value> {
        self.news().await["messages"].as_array().unwrap().clone()
    }

    /// Looks at the conversation.
    async fn read(&self) {
        let messages = self.messages().await;
        if let Some(last) = messages.last() {
            self.post("/api/read", json!({ "up_to": last["id"] })).await;
        }
    }
}

async fn both(practice: &Practice) -> (Hand, Hand) {
    let [anna, ben] = ACCOUNTS;
    (
        Hand::signed_in(practice, anna).await,
        Hand::signed_in(practice, ben).await,
    )
}

#[tokio::test]
async fn a_message_arrives_and_its_ticks_say_how_far_it_got() {
    let practice = started(Persona::Silent).await;
    let (anna, ben) = both(&practice).await;
    anna.send("hello").await;
    assert_eq!(anna.messages().await[0]["tick"], "sent");
    let news = ben.get("/api/chat").await.json::<Value>().await.unwrap();
    assert_eq!(
        (&news["unread"], &news["peer"]),
        (&json!(1), &json!("anna"))
    );
    assert_eq!(
        news["messages"],
        Value::Null,
        "nothing is handed out before it is looked at"
    );
    assert_eq!(anna.messages().await[0]["tick"], "delivered");
    assert_eq!(ben.messages().await[0]["text"], "hello");
    ben.read().await;
    assert_eq!(anna.messages().await[0]["tick"], "read");
    assert_eq!(ben.news().await["unread"], 0);
    practice.stop().await;
}

#[tokio::test]
async fn news_is_told_at_once_to_who_waits_for_it() {
    let practice = started(Persona::Silent).await;
    let (anna, ben) = both(&practice).await;
    let since = ben.news().await["change"].clone();
    let path = format!("/api/chat?open=true&since={since}");
    let (told, ()) = tokio::join!(ben.get(&path), anna.send("now"));
    let told: Value = told.json().await.unwrap();
    assert_eq!(told["messages"][0]["text"], "now");
    // Who waits is no reason not to stop; whether the answer still comes is another matter.
    let path = format!("{}/api/chat?since=99", ben.home);
    let waiting = ben.client.get(path).header("cookie", &ben.cookie).send();
    let (_, stopped) = tokio::join!(
        waiting,
        tokio::time::timeout(Duration::from_secs(10), practice.stop())
    );
    assert!(stopped.is_ok());
}

#[tokio::test]
async fn nobody_reads_without_signing_in() {
    let practice = started(Persona::Silent).await;
    let hand = Hand::new(&practice);
    assert_eq!(
        hand.get("/api/chat").await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        hand.post("/api/messages", json!({ "text": "x" })).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(hand.get("/chat").await.headers()["location"], "/");
    let wrong = hand.sign_in("anna", "guessed").await;
    assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
    assert!(wrong.text().await.unwrap().contains("no such account"));
    let (anna, _) = both(&practice).await;
    anna.post("/sign-out", json!(null)).await;
    assert_eq!(
        anna.get("/api/chat").await.status(),
        StatusCode::UNAUTHORIZED
    );
}

/// A page elsewhere may have its own name lead here; it must not have the provider fetch for it.
#[tokio::test]
async fn who_asks_for_another_host_is_sent_away() {
    let practice = started(Persona::Previewer).await;
    let (anna, _) = both(&practice).await;
    let asked = async |host: &str| {
        let get = anna.client.get(format!("{}/api/chat", anna.home));
        let get = get.header("cookie", &anna.cookie).header("host", host);
        get.send().await.unwrap().status()
    };
    let port = practice.address().port();
    assert_eq!(asked(&format!("localhost:{port}")).await, StatusCode::OK);
    for other in [
        "rebound.test".to_owned(),
        format!("rebound.test:{port}"),
        "127.0.0.1".to_owned(),
    ] {
        assert_eq!(
            asked(&other).await,
            StatusCode::MISDIRECTED_REQUEST,
            "{other}"
        );
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let practice = started(Persona::Silent).await;
    let (anna, _) = both(&practice).await;
    let said = async |text: String| anna.post("/api/messages", json!({ "text": text })).await;
    assert_eq!(said(" \n ".into()).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        said("x".repeat(4001)).await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        said("x".repeat(1 << 20)).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert!(anna.messages().await.is_empty());
}

/// Only personas whose pages fetch links let a page ask anybody else.
#[tokio::test]
async fn pages_may_do_only_what_they_need() {
    for &persona in Persona::ALL {
        if persona == Persona::ScriptRenderer {
            continue;
        }
        let practice = started(persona).await;
        let hand = Hand::new(&practice);
        let answer = hand.get("/").await;
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        let fetches = matches!(
            persona,
            Persona::SenderSidePreview | Persona::RecipientSidePreview
        );
        assert_eq!(
            policy.contains("connect-src 'self' http:"),
            fetches,
            "{persona}"
        );
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"));
    }
}

#[tokio::test]
async fn a_wrapped_link_leads_on_and_nowhere_else() {
    let practice = started(Persona::Wrapper).await;
    let (anna, ben) = both(&practice).await;
    anna.send("http://x.test/t?a=1").await;
    let text = ben.messages().await[0]["text"].as_str().unwrap().to_owned();
    let path = text
        .strip_prefix(&format!("http://{}", practice.address()))
        .unwrap();
    let led = ben.get(path).await;
    assert_eq!(led.headers()["location"], "http://x.test/t?a=1");
    assert_eq!(
        ben.get("/l?u=javascript%3Aalert(1)").await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(anna.messages().await[0]["text"], "http://x.test/t?a=1");
}

#[tokio::test]
async fn a_taken_address_is_said() {
    let practice = started(Persona::Silent).await;
    let again = Setting {
        listen: practice.address(),
        ..setting(Persona::Silent)
    };
    let error = Practice::start(again).await.unwrap_err().to_string();
    assert!(
        error.contains(&format!("listen on {}", practice.address())),
        "{error}"
    );
    let exposed = Setting {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..setting(Persona::Silent)
    };
    let error = Practice::start(exposed).await.unwrap_err().to_string();
    assert!(error.contains("choose a loopback address"), "{error}");
    let error = Practice::start(setting(Persona::ScriptRenderer))
        .await
        .unwrap_err();
    assert!(matches!(error, PracticeError::NoBrowser(_)), "{error}");
}

// ---------------------------------------------------------------- a listener and a resolver that write down who comes

/// Everything that came, each as `ADDRESS WHAT`.
type Heard = Arc<Mutex<Vec<String>>>;

const PAGE: &str = "<meta property=\"og:title\" content=\"A page\"><meta property=\"og:image\" content=\"/i.png\">\
                    <script>new Image().src = '/' + ['r', 'an'].join('')</script>";

/// A plain web server on a free port, over TLS too.
struct Site {
    address: SocketAddr,
    heard: Heard,
}

impl Site {
    fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            heard: Heard::default(),
        };
        let (heard, tls) = (Arc::clone(&site.heard), tls());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, tls) = (Arc::clone(&heard), Arc::clone(&tls));
                thread::spawn(move || meet(stream, &tls, &heard));
            }
        });
        site
    }

    fn link(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://site.test:{}{path}", self.address.port())
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn tls() -> Arc<rustls::ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["site.test".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key);
    Arc::new(config.unwrap())
}

fn meet(mut stream: TcpStream, tls: &Arc<rustls::ServerConfig>, heard: &Heard) {
    let peer = stream.peer_addr().unwrap().ip();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut first = [0];
    if stream.peek(&mut first).unwrap_or(0) == 0 {
        return;
    }
    if first[0] == 0x16 {
        let connection = rustls::ServerConnection::new(Arc::clone(tls)).unwrap();
        answer(
            &mut rustls::StreamOwned::new(connection, stream),
            peer,
            heard,
        );
    } else {
        answer(&mut stream, peer, heard);
    }
}

fn answer(stream: &mut (impl Read + Write), peer: IpAddr, heard: &Heard) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut asked = head.split(' ');
    let (method, path) = (asked.next().unwrap(), asked.next().unwrap_or_default());
    heard
        .lock()
        .unwrap()
        .push(format!("{peer} {method} {path}{}", told(&head)));
    let body: &[u8] = match path {
        "/i.png" => b"\x89PNG\r\n\x1a\n",
        "/large" => &[b'x'; 1 << 22],
        _ => PAGE.as_bytes(),
    };
    let body = if head.contains("bytes=0-1023") {
        &body[..1024]
    } else {
        body
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let body = if method == "HEAD" { &[] } else { body };
    // Who breaks off is not waited for.
    let _ = stream
        .write_all(answer.as_bytes())
        .and_then(|()| stream.write_all(body));
    let _ = stream.flush();
}

/// What a visitor said of itself and of what it wants.
fn told(head: &str) -> String {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut told = String::new();
    for (name, value) in lines {
        match name.to_ascii_lowercase().as_str() {
            "range" => told += &format!(" {value}"),
            "user-agent" if value.contains("HeadlessChrome") => told += " by a browser",
            "user-agent" => told += &format!(" by {}", value.split('/').next().unwrap()),
            _ => {}
        }
    }
    told
}

/// Leads every name to loopback.
struct Noting {
    from: IpAddr,
    heard: Heard,
}

impl Resolve for Noting {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let asked = format!("{} looks {} up", self.from, name.as_str());
        self.heard.lock().unwrap().push(asked);
        let found: Addrs = Box::new([SocketAddr::from(([127, 0, 0, 1], 0))].into_iter());
        Box::pin(async move { Ok(found) })
    }
}

fn names(heard: &Heard) -> Names {
    let heard = Arc::clone(heard);
    Names::new(move |from| {
        let heard = Arc::clone(&heard);
        Arc::new(Noting { from, heard })
    })
}

/// What came of a link: while it was written, after it was sent, and once it was shown.
struct Visits {
    typed: Vec<String>,
    sent: Vec<String>,
    shown: Vec<String>,
}

/// Writes, sends and shows a message with these links.
async fn visits(persona: Persona, links: &[(&str, &str)], render: Option<Renderer>) -> Visits {
    let site = Site::serve();
    let practice = Practice::start(Setting {
        names: Some(names(&site.heard)),
        renderer: render,
        ..setting(persona)
    });
    let practice = practice.await.unwrap();
    let (anna, ben) = both(&practice).await;
    let links: Vec<String> = links
        .iter()
        .map(|(scheme, path)| site.link(scheme, path))
        .collect();
    let text = format!("look: {}", links.join(" "));
    let told = async || {
        practice.settled().await;
        std::mem::take(&mut *site.heard.lock().unwrap())
    };
    anna.write(&text).await;
    let typed = told().await;
    anna.send(&text).await;
    let sent = told().await;
    ben.read().await;
    let shown = told().await;
    assert_eq!(site.heard(), Vec::<String>::new());
    practice.stop().await;
    Visits { typed, sent, shown }
}

const NOTHING: [&str; 0] = [];
const PLAIN: &[(&str, &str)] = &[("http", "/p")];

#[tokio::test]
async fn who_does_nothing_does_nothing() {
    for persona in [
        Persona::Silent,
        Persona::SenderSidePreview,
        Persona::RecipientSidePreview,
        Persona::Wrapper,
        Persona::Blocker,
    ] {
        let came = visits(persona, PLAIN, None).await;
        assert_eq!(
            [came.typed, came.sent, came.shown].concat(),
            NOTHING,
            "{persona}"
        );
    }
}

#[tokio::test]
async fn a_previewer_fetches_page_and_image_at_sending() {
    let came = visits(Persona::Previewer, PLAIN, None).await;
    assert_eq!((came.typed.len(), came.shown.len()), (0, 0));
    let expected = [
        "127.0.0.2 looks site.test up",
        "127.0.0.2 GET /p by PracticeChat",
        "127.0.0.2 looks site.test up",
        "127.0.0.2 GET /i.png by PracticeChat",
    ];
    assert_eq!(came.sent, expected);
}

#[tokio::test]
async fn a_card_shows_what_the_provider_kept() {
    let site = Site::serve();
    let practice = started(Persona::Previewer).await;
    let (anna, ben) = both(&practice).await;
    anna.send(&format!("http://{}/p", site.address)).await;
    practice.settled().await;
    let message = &ben.messages().await[0];
    assert_eq!(message["card"]["title"], "A page");
    let image = ben.get(message["card"]["image"].as_str().unwrap()).await;
    assert_eq!(image.headers()["content-type"], "image/png");
    assert_eq!(image.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn skype_asks_with_head_for_every_second_https_link() {
    let links = [
        ("https", "/1"),
        ("http", "/2"),
        ("https", "/3"),
        ("https", "/4"),
        ("https", "/5"),
    ];
    let mut came = visits(Persona::Skype2013, &links, None).await;
    assert_eq!((came.typed.len(), came.shown.len()), (0, 0));
    came.sent.retain(|one| !one.contains("looks"));
    came.sent.sort();
    assert_eq!(
        came.sent,
        ["127.0.0.2 HEAD /1", "127.0.0.2 HEAD /4"],
        "and says no agent"
    );
}

#[tokio::test]
async fn a_draft_reader_comes_while_one_writes_and_never_at_sending() {
    let came = visits(Persona::DraftReader, PLAIN, None).await;
    assert_eq!(
        came.typed.last().unwrap(),
        "127.0.0.2 GET /p by PracticeChat"
    );
    assert_eq!([came.sent, came.shown].concat(), NOTHING);
}

#[tokio::test]
async fn who_waits_for_the_recipient_comes_when_it_is_shown() {
    let came = visits(Persona::ViewTriggered, PLAIN, None).await;
    assert_eq!([came.typed, came.sent].concat(), NOTHING);
    assert_eq!(
        came.shown.last().unwrap(),
        "127.0.0.2 GET /p by PracticeChat"
    );
}

#[tokio::test]
async fn a_part_reader_takes_parts() {
    let came = visits(Persona::PartReader, &[("http", "/large")], None).await;
    let asked: Vec<_> = came
        .sent
        .iter()
        .filter(|one| !one.contains("looks"))
        .collect();
    let part = "127.0.0.2 GET /large bytes=0-1023 by PracticeChat";
    assert!(asked.iter().any(|one| *one == part), "{asked:?}");
    assert_eq!(asked[1], "127.0.0.2 GET /large by PracticeChat");
}

#[tokio::test]
async fn one_asks_first_one_comes_late_one_only_looks_up() {
    let came = visits(Persona::HeadThenGet, PLAIN, None).await;
    let asked: Vec<_> = came
        .sent
        .iter()
        .filter(|one| !one.contains("looks"))
        .collect();
    assert_eq!(
        asked,
        [
            "127.0.0.2 HEAD /p by PracticeChat",
            "127.0.0.2 GET /p by PracticeChat"
        ]
    );
    let came = visits(Persona::LateScanner, PLAIN, None).await;
    assert_eq!(
        came.sent.last().unwrap(),
        "127.0.0.2 GET /p by PracticeChat"
    );
    let came = visits(Persona::DnsOnly, PLAIN, None).await;
    assert_eq!(came.sent, ["127.0.0.2 looks site.test up"]);
}

#[tokio::test]
async fn others_come_from_elsewhere() {
    let came = visits(Persona::ThirdPartyLeak, PLAIN, None).await;
    assert_eq!(
        came.sent,
        [
            "127.0.0.3 looks site.test up",
            "127.0.0.3 GET /p by LinkScan"
        ]
    );
    let came = visits(Persona::EchoingResolver, PLAIN, None).await;
    assert_eq!(came.sent, ["127.0.0.4 looks site.test up"]);
}

#[tokio::test]
async fn a_resolver_repeats_what_others_asked_and_nobody_else_does() {
    for (persona, expected) in [
        (
            Persona::EchoingResolver,
            vec!["127.0.0.4 looks opened.test up".to_owned()],
        ),
        (Persona::DnsOnly, vec![]),
    ] {
        let heard = Heard::default();
        let practice = Practice::start(Setting {
            names: Some(names(&heard)),
            ..setting(persona)
        });
        let practice = practice.await.unwrap();
        practice.also_asked("opened.test");
        practice.settled().await;
        assert_eq!(*heard.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_mangler_delivers_and_fetches_another_link() {
    let came = visits(Persona::Mangler, &[("http", "/abcdefg")], None).await;
    assert_eq!(
        came.sent.last().unwrap(),
        "127.0.0.2 GET /abcbefg by PracticeChat"
    );
    let practice = started(Persona::Mangler).await;
    let (anna, ben) = both(&practice).await;
    anna.send("http://127.0.0.1:1/abcdefg").await;
    assert_eq!(
        ben.messages().await[0]["text"],
        "http://127.0.0.1:1/abcbefg"
    );
    assert_eq!(
        anna.messages().await[0]["text"],
        "http://127.0.0.1:1/abcdefg"
    );
}

#[tokio::test]
async fn a_blocker_says_sent_and_delivers_nothing() {
    let practice = started(Persona::Blocker).await;
    let (anna, ben) = both(&practice).await;
    anna.send("see http://x.test/1").await;
    anna.send("no link").await;
    assert_eq!(anna.messages().await[0]["tick"], "sent");
    let arrived = ben.messages().await;
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0]["text"], "no link");
}

#[tokio::test]
async fn who_is_flaky_comes_for_some_and_for_the_same_ones_again() {
    let paths: Vec<String> = (0..5).map(|n| format!("/{n}")).collect();
    let links: Vec<(&str, &str)> = paths.iter().map(|path| ("http", path.as_str())).collect();
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut came = visits(Persona::Flaky30, &links, None).await.sent;
        came.sort();
        runs.push(came);
    }
    assert_eq!(runs[0], runs[1]);
    let fetched = runs[0].iter().filter(|one| one.contains("GET")).count();
    assert!((1..5).contains(&fetched), "{runs:?}");
}

#[tokio::test]
async fn the_providers_browser_runs_what_is_on_the_page_and_comes_from_its_address() {
    let driver = DriverOptions {
        keeper: Some(PathBuf::from(env!("CARGO_BIN_EXE_waxseal"))),
        ..DriverOptions::default()
    };
    let render = renderer(Persona::ScriptRenderer, &driver).unwrap();
    let links = [("http", "/p"), ("https", "/s")];
    let came = visits(Persona::ScriptRenderer, &links, render).await;
    for expected in [
        "127.0.0.2 looks site.test up",
        "127.0.0.2 GET /p by a browser",
        "127.0.0.2 GET /s by a browser",
        "127.0.0.2 GET /ran by a browser",
    ] {
        assert!(
            came.sent.iter().any(|one| one == expected),
            "{expected}: {:?}",
            came.sent
        );
    }
    let elsewhere = came
        .sent
        .iter()
        .filter(|one| !one.starts_with("127.0.0.2 "));
    assert_eq!(elsewhere.count(), 0, "{:?}", came.sent);
    let names: Vec<_> = came
        .sent
        .iter()
        .filter(|one| one.contains("looks"))
        .collect();
    assert!(
        names.iter().all(|one| one.contains("site.test")),
        "it asks for nothing of its own: {names:?}"
    );
    assert_eq!([came.typed, came.shown].concat(), NOTHING);
}

// ---------------------------------------------------------------- the scenarios

/// Every practice scenario, by its file's name.
fn scenarios() -> BTreeMap<String, Scenario> {
    let entries = std::fs::read_dir(in_repository("scenarios/practice")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let source = Source {
            name: name.clone(),
            text,
        };
        let (scenario, warnings) =
            parse(source).unwrap_or_else(|wrong| panic!("{name}: {wrong:?}"));
        assert_eq!(warnings, [], "{name}");
        (name, scenario)
    };
    paths.map(read).collect()
}

#[test]
fn every_persona_is_audited_by_one_scenario() {
    let all = scenarios();
    let variants = all.values().flat_map(|scenario| &scenario.variants);
    let mut personas: Vec<Persona> = variants.filter_map(|one| one.practice).collect();
    personas.sort_unstable();
    assert_eq!(personas, Persona::ALL);
}

#[test]
fn all_of_them_drive_the_messenger_in_the_same_way() {
    let driven = |scenario: &Scenario| {
        let text = scenario.source.text.as_str();
        let (_, rest) = text
            .split_once("how the practice messenger is driven\n")
            .unwrap();
        rest.split_once("# ----").unwrap().0.to_owned()
    };
    let all = scenarios();
    let first = driven(&all["first.toml"]);
    for (name, scenario) in &all {
        assert_eq!(driven(scenario), first, "{name}");
    }
}

/// What the scenarios claim is what the personas' manners lead to, in every arm and form.
#[test]
fn what_is_claimed_is_the_truth() {
    for (name, scenario) in scenarios() {
        for (variant, &form) in pairs(&scenario.variants, &scenario.experiment.forms) {
            for &arm in &scenario.experiment.arms {
                let claim = claimed(&scenario, &variant.name, arm, form);
                let expected = expected(variant.practice.unwrap(), arm, form);
                assert_eq!(claim, expected, "{name}: {} {arm} {form}", variant.name);
            }
        }
    }
}

fn pairs<'a, A, B>(first: &'a [A], second: &'a [B]) -> impl Iterator<Item = (&'a A, &'a B)> {
    first
        .iter()
        .flat_map(move |one| second.iter().map(move |other| (one, other)))
}

type Claim = (Verdict, Option<Depth>, Vec<Actor>);

/// The variant's own claim, or the one about all variants.
fn claimed(scenario: &Scenario, variant: &str, arm: Arm, form: Form) -> Option<Claim> {
    let about = |of: Option<&str>| {
        let mut claims = scenario.expectations.iter();
        claims.find(|one| {
            one.variant.as_deref() == of && one.arms.contains(&arm) && one.forms.contains(&form)
        })
    };
    let limit = &about(Some(variant)).or_else(|| about(None))?.limit;
    Some((limit.verdict, limit.depth, limit.actors.clone().unwrap()))
}

/// What is to be claimed; nothing about the controls that our own browsers take part in, about chance, and where there is
/// a doubt.
fn expected(persona: Persona, arm: Arm, form: Form) -> Option<Claim> {
    let truth = truth(persona);
    let by_chance = persona == Persona::Flaky30 && arm == Arm::Sent;
    if matches!(arm, Arm::Visited | Arm::Reached) || by_chance || truth.doubt.is_some() {
        return None;
    }
    let cares = persona != Persona::Skype2013 || form == Form::Https;
    let who = truth.of(arm).filter(|_| cares);
    let strangers = who.filter(|(actor, _)| !actor.is_own());
    // Who follows a link is our own recipient, whatever the provider does.
    let follower = (arm == Arm::Opened).then_some(Actor::Recipient);
    let actors = who.map(|(actor, _)| actor).into_iter().chain(follower);
    let actors = actors.collect();
    Some(match strangers {
        Some((_, depth)) => (Verdict::Observed, Some(depth), actors),
        None => (Verdict::NotObserved, None, actors),
    })
}

// ---------------------------------------------------------------- the program

fn run(folder: &Path, words: &[&str]) -> Output {
    let mut command = waxseal();
    command.current_dir(folder).arg("run").args(words);
    command.args(["--store", "evidence.db", "--report", "json=report.json"]);
    command.output().unwrap()
}

/// What a new user types first, without the third of its variants.
#[test]
fn a_run_without_a_scenario_finds_out_the_truth_about_practice_messengers() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &[
            "--variant",
            "silent",
            "--variant",
            "previewer",
            "--trials",
            "3",
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let cell = |variant: &str, arm: &str| {
        let cells = report["cells"].as_array().unwrap();
        let mut found = cells
            .iter()
            .filter(|cell| cell["variant"] == variant && cell["arm"] == arm);
        found.next().unwrap()["verdict"].clone()
    };
    assert_eq!(cell("silent", "sent"), "not-observed");
    assert_eq!(cell("previewer", "sent"), "observed");
    assert_eq!(cell("previewer", "drafted"), "not-observed");
}

fn report(folder: &Path) -> Value {
    let report = std::fs::read_to_string(folder.join("report.json")).unwrap();
    serde_json::from_str(&report).unwrap()
}

fn sought<'r>(report: &'r Value, keys: &[(&str, &str)]) -> &'r Value {
    let mut cells = report["cells"].as_array().unwrap().iter();
    cells
        .find(|cell| keys.iter().all(|(key, value)| cell[key] == *value))
        .unwrap()
}

fn in_practice(name: &str) -> String {
    in_repository(&format!("scenarios/practice/{name}"))
        .to_str()
        .unwrap()
        .to_owned()
}

/// A page of our own sender asks for links, and our recipient clicks on them: sealed doors refuse, open ones let them
/// through, both are told, and nobody takes either for the provider. The window that a click opens is in no later trial's
/// way.
#[test]
fn what_our_own_browsers_fetch_is_told_apart_by_their_doors() {
    let folder = tempfile::tempdir().unwrap();
    let doors = in_practice("doors.toml");
    let output = run(folder.path(), &[&doors, "--variant", "sender-side-preview"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = report(folder.path());
    for (arm, actor) in [("sent", "sender"), ("opened", "recipient")] {
        for (doorway, depth, refused) in [("sealed", "probed", 3), ("open", "read", 0)] {
            let cell = sought(&report, &[("arm", arm), ("doorway", doorway)]);
            let visitors = cell["visitors"].as_array().unwrap();
            assert_eq!(cell["verdict"], "not-observed");
            assert_eq!((visitors.len(), &visitors[0]["actor"]), (1, &json!(actor)));
            assert_eq!(visitors[0]["refused"], refused, "{arm} {doorway}");
            let depth = if arm == "opened" && doorway == "open" {
                "loaded"
            } else {
                depth
            };
            assert_eq!(visitors[0]["depth"], depth, "{arm} {doorway}");
        }
    }
}

/// What the first round decides is left out of the second, with the controls of a variant in which nothing is open; what is
/// not decided is topped up. When the store is judged again the report is the same.
#[test]
fn only_what_is_open_is_topped_up() {
    let folder = tempfile::tempdir().unwrap();
    let first = std::fs::read_to_string(in_practice("first.toml")).unwrap();
    let planted = first
        .lines()
        .find(|line| line.starts_with("arms   ="))
        .unwrap();
    let fewer = first.replace(planted, "arms   = [\"sent\", \"unsent\", \"reached\"]");
    let claims = fewer.find("[[expect]]").unwrap();
    let variants = "[[variant]]\nname = \"silent\"\npractice = \"silent\"\n\n\
                    [[variant]]\nname = \"previewer\"\npractice = \"previewer\"\n";
    let text = fewer[..claims].to_owned() + variants;
    std::fs::write(folder.path().join("few.toml"), text).unwrap();
    let rounds = ["--trials", "8", "--until-decided", "--max-trials", "10"];
    let words = [&["few.toml"][..], &rounds].concat();
    let output = run(folder.path(), &words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = report(folder.path());
    let played = |variant, arm| {
        let cell = sought(&report, &[("variant", variant), ("arm", arm)]);
        assert_eq!(cell["doubts"], json!([]), "{variant} {arm}");
        (cell["trials"].clone(), cell["omitted"].clone())
    };
    assert_eq!(played("silent", "sent"), (json!(10), json!(0)));
    assert_eq!(played("silent", "unsent"), (json!(10), json!(0)));
    assert_eq!(played("previewer", "sent"), (json!(8), json!(2)));
    assert_eq!(played("previewer", "unsent"), (json!(8), json!(2)));
    let judged = waxseal()
        .current_dir(folder.path())
        .args(["judge", "--store", "evidence.db"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&judged.stdout),
        String::from_utf8_lossy(&output.stdout)
    );
}

/// Whatever is written is text on the page; and a person may type, key by key, and press Enter.
#[test]
fn hostile_text_is_shown_as_text_and_what_is_typed_is_read_once_it_is_whole() {
    const HOSTILE: &str =
        "<b>&amp;</b><script>document.body.remove()</script><img src=x onerror=alert(1)>";
    let folder = tempfile::tempdir().unwrap();
    let first = std::fs::read_to_string(in_repository("scenarios/practice/first.toml")).unwrap();
    let with = |text: String, old: &str, new: &str| {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text.replace(old, new)
    };
    let text = with(
        first,
        "type = \"{canary}\"",
        &format!("type = \"{HOSTILE} {{canary}}\""),
    );
    let text = with(text, "via  = \"paste\"\n", "");
    let text = with(text, "click  = \"submit\"", "press  = \"Enter\"");
    let text = with(
        text,
        "has_text = \"{canary}\"",
        &format!("has_text = \"{HOSTILE} {{canary}}\""),
    );
    std::fs::write(folder.path().join("hostile.toml"), text).unwrap();
    let output = run(
        folder.path(),
        &["hostile.toml", "--variant", "draft-reader"],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{report}");
    assert!(
        !report.contains("link-rewritten"),
        "it comes for whole links only: {report}"
    );
}

#[test]
fn an_unknown_persona_is_answered_with_those_there_are() {
    let output = waxseal()
        .args(["practice", "--persona", "previewr"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("previewer") && said.contains("echoing-resolver"),
        "{said}"
    );
}

#[test]
fn the_verb_serves_until_it_is_told_to_stop() {
    let mut served = Served::start(waxseal().args(["practice", "--persona", "previewer"]));
    let address = served.address();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.contains("Practice chat") && page.contains(ACCOUNTS[0].password));
    served.signal("TERM");
    assert!(served.ended().success());
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(LATE, Duration::from_millis(1500), "as the help says");
}
