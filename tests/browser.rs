//! The browser room against a real Chromium and a real Firefox, on pages that the tests serve themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use waxseal::browser::{
    Course, DoorRule, Driver, DriverError, DriverOptions, Fill, Make, Played, Secret, Session,
    SessionOptions, Setting, StepError,
};
use waxseal::canary::{Key, Link, dress};
use waxseal::collector::Collector;
use waxseal::model::{Account, Arm, Form, Part, Record, RunId, TokenId, TrialId};
use waxseal::scenario::{
    By, Count, Dismiss, Guard, Locator, Match, Piece, Step, Target, Template, Timeouts, TypeText,
    Verb, Wait,
};
use waxseal::store::Store;

/// Each of these is played in both makes of browser. One that is not installed is no reason to leave them out.
macro_rules! in_each_make {
    ($($test:ident)+) => {
        mod chromium {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(waxseal::browser::Make::Chromium).await;
            })+
        }
        mod firefox {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(waxseal::browser::Make::Firefox).await;
            })+
        }
    };
}

in_each_make! {
    verbs_do_what_they_say
    elements_are_found_in_every_way
    guards_effects_and_dialogs
    a_browser_goes_by_its_own_door_and_nowhere_else
    a_browser_follows_every_redirect_and_runs_scripts
    a_browser_asks_for_nothing_by_itself
    a_page_that_was_left_is_gone
    what_is_dropped_is_ended_and_a_given_profile_is_kept
    profiles_of_one_account_are_browsers_side_by_side
    killing_us_ends_everything
}

// ---------------------------------------------------------------- a site of our own

/// Serves fixed pages on a free port of loopback, and keeps the first line of whatever comes.
struct Site {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn serve(pages: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let pages: BTreeMap<String, String> = pages
            .iter()
            .map(|(path, page)| ((*path).to_owned(), (*page).to_owned()))
            .collect();
        let (pages, log) = (Arc::new(pages), Arc::clone(&heard));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, log) = (Arc::clone(&pages), Arc::clone(&log));
                thread::spawn(move || answer(stream, &pages, &log));
            }
        });
        Self { address, heard }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, pages: &BTreeMap<String, String>, log: &Mutex<Vec<String>>) {
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut buffer = [0; 8192];
    let Ok(length) = stream.read(&mut buffer) else {
        return;
    };
    if length == 0 {
        return; // a connection opened in advance and never used
    }
    if buffer[0] == 5 {
        return lead(stream, pages, log);
    }
    if buffer[0] == 0x16 {
        log.lock().unwrap().push(tls_names(&buffer[..length]));
        return;
    }
    let head = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    let path = line
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    log.lock().unwrap().push(line);
    let (code, body) = match pages.get(&path) {
        Some(page) => ("200 OK", page.as_str()),
        None => ("404 Not Found", ""),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {code}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// Whoever is led here as to a SOCKS proxy is granted what it asks for, and answered.
fn lead(mut stream: TcpStream, pages: &BTreeMap<String, String>, log: &Mutex<Vec<String>>) {
    stream.write_all(&[5, 0]).unwrap();
    if stream.read(&mut [0; 512]).is_ok() {
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        answer(stream, pages, log);
    }
}

/// What looks like a host name in a TLS hello: enough for a message.
fn tls_names(hello: &[u8]) -> String {
    let is_name =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(byte);
    let runs = hello
        .split(|byte| !is_name(byte))
        .filter(|run| run.len() > 6 && run.contains(&b'.'));
    let names: Vec<_> = runs.map(String::from_utf8_lossy).collect();
    format!("TLS to {}", names.join(" "))
}

// ---------------------------------------------------------------- a scenario in short

fn text(literal: &str) -> Template {
    Template(vec![Piece::Literal(literal.to_owned())])
}

fn locator(by: By) -> Locator {
    Locator {
        by,
        within: None,
        frame: None,
        has_text: None,
        nth: None,
        visible: true,
    }
}

fn target(by: By) -> Target {
    Target {
        alias: None,
        alternatives: vec![locator(by)],
    }
}

fn css(selector: &str) -> Target {
    target(By::Css(text(selector)))
}

fn step(verb: Verb) -> Step {
    Step {
        verb,
        line: 7,
        optional: false,
        guard: None,
        timeout: None,
        retry: 0,
        effect: false,
        otherwise: None,
        mark: None,
    }
}

fn goto(url: &str) -> Step {
    step(Verb::Goto {
        url: text(url),
        fresh: false,
    })
}

fn click(selector: &str) -> Step {
    step(Verb::Click(css(selector)))
}

fn press(keys: &[&str]) -> Step {
    step(Verb::Press(
        keys.iter().map(|key| (*key).to_owned()).collect(),
    ))
}

fn typing(what: Template, selector: &str) -> TypeText {
    TypeText {
        text: what,
        into: css(selector),
        paste: false,
        verify: true,
        clear: false,
    }
}

fn wait(selector: &str) -> Step {
    wait_for(css(selector), None, None)
}

fn wait_for(target: Target, count: Option<Count>, text: Option<Template>) -> Step {
    step(Verb::Wait(Wait::Element {
        target,
        count,
        text,
    }))
}

fn within(mut step: Step, limit: Duration) -> Step {
    step.timeout = Some(limit);
    step
}

fn guarded(mut step: Step, selector: &str, present: bool, probe: Duration) -> Step {
    step.guard = Some(Guard {
        target: css(selector),
        present,
        probe,
    });
    step
}

const SOON: Duration = Duration::from_millis(400);

/// Aliases, dialogs and hosts, owned.
struct Stage {
    locators: BTreeMap<String, Vec<Locator>>,
    dismiss: Vec<Dismiss>,
    hosts: Vec<String>,
}

impl Stage {
    fn new() -> Self {
        Self {
            locators: BTreeMap::new(),
            dismiss: Vec::new(),
            hosts: vec!["127.0.0.1".to_owned()],
        }
    }

    fn setting(&self) -> Setting<'_> {
        Setting {
            locators: &self.locators,
            dismiss: &self.dismiss,
            timeouts: Timeouts {
                step: Duration::from_secs(10),
                page: Duration::from_secs(20),
            },
            hosts: &self.hosts,
            testid_attr: "data-testid",
        }
    }
}

fn fill() -> Fill {
    Fill {
        user: Some("alice".to_owned()),
        peer: Some("bob \"the builder\"".to_owned()),
        vars: BTreeMap::new(),
        secrets: [(
            "password".to_owned(),
            Secret::new("hunter2&more".to_owned()),
        )]
        .into(),
        link: Some(Link {
            url: "http://127.0.0.1:1/tok3n".to_owned(),
            token: "tok3n".to_owned(),
        }),
        veil: None,
    }
}

/// One browser with everything a step needs.
struct Room {
    driver: Driver,
    session: Session,
    stage: Stage,
    fill: Fill,
}

impl Room {
    async fn open(make: Make, door: Option<DoorRule>) -> Self {
        let driver = Driver::start(&options(make)).await.unwrap();
        let session = driver.open(&session_options(door)).await.unwrap();
        Self {
            driver,
            session,
            stage: Stage::new(),
            fill: fill(),
        }
    }

    async fn play(&mut self, step: &Step) -> Result<Played, StepError> {
        self.session
            .play(step, &mut self.fill, &self.stage.setting())
            .await
    }

    async fn done(&mut self, step: Step) -> Played {
        let played = self.play(&step).await.unwrap();
        assert_eq!(played.course, Course::Done, "{step:?}");
        assert!(played.from <= played.to);
        played
    }

    async fn fails(&mut self, step: Step) -> StepError {
        let error = self.play(&step).await.unwrap_err();
        assert!(!error.is_gone(), "{error}");
        assert!(!error.to_string().contains('\n'));
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
        error
    }

    async fn sees(&self, target: &Target) -> bool {
        self.session
            .sees(target, &self.fill, &self.stage.setting())
            .await
            .unwrap()
    }

    /// The text of `#log`, which the pages write what happened to them into.
    async fn log_is(&mut self, wanted: &str) {
        self.done(wait_for(css("#log"), None, Some(text(wanted))))
            .await;
    }

    async fn close(self) {
        let directory = self.driver.directory().unwrap().to_owned();
        self.session.close().await;
        self.driver.stop().await;
        assert_gone(&directory);
    }
}

fn options(make: Make) -> DriverOptions {
    common::browsers::driver_options(make)
}

const fn session_options(door: Option<DoorRule>) -> SessionOptions {
    SessionOptions {
        account: Account::Sender,
        profile: None,
        door,
        headed: false,
    }
}

// ---------------------------------------------------------------- processes

/// Processes that were started for a run's directory: each has it in its environment or its command line.
fn alive(directory: &Path) -> Vec<String> {
    let needle = directory.to_str().unwrap();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| fs::read(process.path().join(name)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        if command.contains(needle) || String::from_utf8_lossy(&read("environ")).contains(needle) {
            found.push(command);
        }
    }
    found
}

fn assert_gone(directory: &Path) {
    assert_eq!(alive(directory), Vec::<String>::new());
    assert!(
        !directory.exists(),
        "{} is still there",
        directory.display()
    );
}

fn eventually_gone(directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while (!alive(directory).is_empty() || directory.exists()) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
    }
    assert_gone(directory);
}

// ---------------------------------------------------------------- verbs

const FORM: &str = r#"<!doctype html><title>form</title>
<input id=name value=""><input id=password type=password><textarea id=box></textarea>
<div id=rich contenteditable style="min-height:1em"></div>
<button id=late disabled onclick="log('clicked')">Go</button>
<input id=stubborn oninput="this.value=this.value.slice(0,3)">
<p id=log></p><a id=here href="/other" data-x="42">there</a>
<script>
const log = (what) => document.querySelector('#log').textContent = what;
document.querySelector('#box').onkeydown = (e) => {
  if (e.key === 'Enter' && !e.shiftKey) { e.preventDefault(); log('sent ' + e.target.value.replace('\n', '|')); e.target.value = ''; }
};
document.onkeydown = (e) => { if (e.key === 'k' && e.ctrlKey && e.altKey) log('chord'); };
setTimeout(() => document.querySelector('#late').disabled = false, 300);
</script>"#;

async fn verbs_do_what_they_say(make: Make) {
    let site = Site::serve(&[("/", FORM), ("/other", "<title>other</title><p id=end>end")]);
    let mut room = Room::open(make, None).await;
    let versions = room.session.versions().clone();
    assert!(
        versions.browser.contains(|c: char| c.is_ascii_digit()),
        "{versions:?}"
    );
    let driver = match make {
        Make::Chromium => "chromedriver ",
        Make::Firefox => "geckodriver ",
    };
    assert!(versions.driver.starts_with(driver), "{versions:?}");

    room.done(goto(&site.url("/"))).await;
    // A click waits until the button is enabled.
    room.done(click("#late")).await;
    room.log_is("clicked").await;
    type_and_send(&mut room).await;
    drafts_are_refused(&mut room).await;
    secrets_stay_secret(&mut room).await;

    room.done(press(&["Control", "Alt", "k"])).await;
    room.log_is("chord").await;
    let save = |name: &str, attr: Option<&str>| {
        step(Verb::Save {
            name: name.to_owned(),
            from: css("#here"),
            attr: attr.map(str::to_owned),
        })
    };
    room.done(save("text", None)).await;
    room.done(save("x", Some("data-x"))).await;
    assert_eq!(
        room.fill.vars,
        [("text".into(), "there".into()), ("x".into(), "42".into())].into()
    );

    let held = Instant::now();
    room.done(step(Verb::Hold(Duration::from_millis(150))))
        .await;
    assert!(held.elapsed() >= Duration::from_millis(150));
    room.done(step(Verb::Mark)).await;
    room.done(click("#here")).await;
    room.done(step(Verb::Wait(Wait::Url(
        regex::Regex::new("/other$").unwrap(),
    ))))
    .await;
    room.done(wait("#end")).await;
    persons_need_a_window(&mut room).await;
    only_known_hosts(&mut room).await;
    whoever_strays_is_seen(&mut room, &site).await;
    room.close().await;
}

async fn type_and_send(room: &mut Room) {
    // A line break is no Enter; Enter is pressed for itself.
    room.done(step(Verb::Type(typing(text("one\ntwo"), "#box"))))
        .await;
    room.done(press(&["Enter"])).await;
    room.log_is("sent one|two").await;
    for selector in ["#box", "#rich"] {
        let paste = TypeText {
            paste: true,
            ..typing(
                Template(vec![Piece::Canary, Piece::Literal(" 🦭".into())]),
                selector,
            )
        };
        room.done(step(Verb::Type(paste))).await;
        room.session
            .clear(&css(selector), &room.fill, &room.stage.setting())
            .await
            .unwrap();
        room.done(wait_for(css(selector), None, Some(Template::default())))
            .await;
    }
    let keys = typing(Template(vec![Piece::User]), "#rich");
    room.done(step(Verb::Type(keys))).await;
    room.done(wait_for(css("#rich"), None, Some(text("alice"))))
        .await;
}

async fn drafts_are_refused(room: &mut Room) {
    room.done(step(Verb::Type(typing(text("first"), "#name"))))
        .await;
    let refused = room
        .fails(step(Verb::Type(typing(text("second"), "#name"))))
        .await;
    assert!(refused.to_string().contains("draft"), "{refused}");
    assert_eq!(refused.acted, None);
    room.done(step(Verb::Type(TypeText {
        clear: true,
        ..typing(text("third"), "#name")
    })))
    .await;
    room.done(wait_for(css("#name"), None, Some(text("third"))))
        .await;
    let short = room
        .fails(step(Verb::Type(typing(text("abcdef"), "#stubborn"))))
        .await;
    assert!(short.to_string().contains("it then held `abc`"), "{short}");
    assert!(short.acted.is_some());
}

async fn secrets_stay_secret(room: &mut Room) {
    let secret = Template(vec![Piece::Secret("password".into())]);
    room.done(step(Verb::Type(typing(secret.clone(), "#password"))))
        .await;
    // `fails` looks for the secret; a part of one is as bad.
    let refused = room
        .fails(step(Verb::Type(typing(secret.clone(), "#password"))))
        .await;
    assert!(!refused.to_string().contains("hun"), "{refused}");
    let cut = TypeText {
        clear: true,
        ..typing(secret, "#stubborn")
    };
    let cut = room.fails(step(Verb::Type(cut))).await;
    assert!(!cut.to_string().contains("hun"), "{cut}");
}

async fn persons_need_a_window(room: &mut Room) {
    let manual = |until: &str| {
        step(Verb::Manual {
            message: text("sign in"),
            until: Some(css(until)),
        })
    };
    assert_eq!(
        room.play(&manual("#end")).await.unwrap().course,
        Course::Skipped
    );
    let error = room.fails(manual("#never")).await;
    assert!(error.to_string().contains("window"), "{error}");
}

async fn only_known_hosts(room: &mut Room) {
    let error = room.fails(goto("http://localhost:9/")).await;
    assert!(error.to_string().contains("hosts"), "{error}");
    room.fails(goto("file:///etc/passwd")).await;
    let closed = format!("http://{}/", free_address());
    let refused = room.fails(goto(&closed)).await.to_string();
    assert!(
        refused.starts_with(&format!("go to `{closed}` (line 7): ")),
        "{refused}"
    );
    room.session
        .visit(&closed, Duration::from_secs(5))
        .await
        .unwrap();
}

/// Whoever is led away from the service is known to be.
async fn whoever_strays_is_seen(room: &mut Room, site: &Site) {
    let home = site.url("/");
    room.done(goto(&home)).await;
    let hosts = room.stage.hosts.clone();
    assert_eq!(
        room.session.strayed(&hosts, &room.fill).await.unwrap(),
        None
    );
    let away = home.replace("127.0.0.1", "localhost");
    room.stage.hosts.push("localhost".to_owned());
    room.done(goto(&away)).await;
    room.stage.hosts.pop();
    let strayed = room.session.strayed(&hosts, &room.fill).await.unwrap();
    assert_eq!(strayed.as_deref(), Some(away.as_str()));
    room.done(goto(&home)).await;
}

/// Where nobody listens.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

// ---------------------------------------------------------------- locators

const MANY: &str = r##"<!doctype html><title>many</title><meta charset=utf-8>
<ul id=list><li class=m>one</li><li class=m>two tok3n</li><li class=m>three</li><li class=m hidden>four</li></ul>
<div data-testid="send-it">by test id</div>
<div role=button aria-label="Not now" id=rolled>x</div><button id=implied>Send <b>it</b></button><img alt=cat width=20 height=20 src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">
<p><span>Some  plain
text</span></p><label for=mail>E-mail address</label><input id=mail placeholder="you@example.org">
<input aria-label="Other"><div id=q data-name='bob "the builder"'>peer</div>
<section id=one><i class=in>first</i></section><section id=two><i class=in>second</i></section>
<x-app></x-app>
<script>
const app = document.querySelector('x-app').attachShadow({ mode: 'open' });
app.innerHTML = '<x-room></x-room>';
app.querySelector('x-room').attachShadow({ mode: 'open' }).innerHTML = '<textarea name=message></textarea><button name=zero onclick="this.textContent=1">0</button>';
</script>"##;

async fn elements_are_found_in_every_way(make: Make) {
    let site = Site::serve(&[("/", MANY)]);
    let mut room = Room::open(make, None).await;
    room.stage
        .locators
        .insert("second".into(), vec![locator(By::Css(text("#two")))]);
    room.stage
        .locators
        .insert("app".into(), vec![locator(By::Css(text("x-app")))]);
    room.done(goto(&site.url("/"))).await;

    let role = |role: &str, name: Option<Match>| By::Role {
        role: role.into(),
        name,
    };
    let exactly = |name: &str| Some(Match::Exactly(text(name)));
    let peer = Template(vec![
        Piece::Literal("[data-name=\"".into()),
        Piece::Peer,
        Piece::Literal("\"]".into()),
    ]);
    let ways = [
        By::Css(text("#list li")),
        By::Css(peer),
        By::Xpath(text("//section[@id='one']/i")),
        By::TestId(text("send-it")),
        role("button", exactly("Not now")),
        role("button", exactly("Send it")),
        role("button", Some(Match::Pattern("^Send".into()))),
        role("listitem", None),
        role("img", exactly("cat")),
        By::Text(text("Some plain text")),
        By::Label(text("E-mail address")),
        By::Label(text("Other")),
        By::Placeholder(text("you@example.org")),
        By::Path(vec![text("x-app"), text("x-room"), text("textarea")]),
        By::Deep(text("textarea[name=message]")),
    ];
    for by in ways {
        assert!(room.sees(&target(by.clone())).await, "{by:?}");
    }
    let absent = [
        By::Css(text("li[hidden]")),
        By::Css(text("textarea")),
        By::Text(text("Some plain")),
        By::Label(text("E-mail")),
        role("button", exactly("Not")),
        role("link", None),
        By::Path(vec![text("x-app"), text("textarea")]),
    ];
    for by in absent {
        assert!(!room.sees(&target(by.clone())).await, "{by:?}");
    }
    refinements(&mut room).await;
    alternatives(&mut room).await;
    shadow_roots_can_be_used(&mut room).await;
    room.close().await;
}

async fn refinements(room: &mut Room) {
    let items = || locator(By::Css(text("#list li")));
    let alone = |locator: Locator| Target {
        alias: None,
        alternatives: vec![locator],
    };
    let has_text = |locator: Locator, wanted: &str| {
        wait_for(alone(locator), Some(Count::Exactly(1)), Some(text(wanted)))
    };
    room.done(wait_for(alone(items()), Some(Count::Exactly(3)), None))
        .await;
    room.done(wait_for(alone(items()), Some(Count::AtLeast(2)), None))
        .await;
    room.done(wait_for(
        alone(Locator {
            visible: false,
            ..items()
        }),
        Some(Count::Exactly(4)),
        None,
    ))
    .await;
    let token = Locator {
        has_text: Some(Template(vec![Piece::CanaryToken])),
        ..items()
    };
    room.done(has_text(token, "two tok3n")).await;
    room.done(has_text(
        Locator {
            nth: Some(-1),
            ..items()
        },
        "three",
    ))
    .await;
    room.done(has_text(
        Locator {
            nth: Some(0),
            ..items()
        },
        "one",
    ))
    .await;
    room.done(wait_for(
        alone(Locator {
            nth: Some(9),
            ..items()
        }),
        Some(Count::Exactly(0)),
        None,
    ))
    .await;
    let inner = Locator {
        within: Some("second".into()),
        ..locator(By::Css(text("i")))
    };
    room.done(has_text(inner, "second")).await;
    let deep = Locator {
        within: Some("app".into()),
        ..locator(By::Deep(text("button")))
    };
    room.done(has_text(deep, "0")).await;
    let third = Locator {
        nth: Some(2),
        ..locator(By::Role {
            role: "listitem".into(),
            name: None,
        })
    };
    room.done(has_text(third, "three")).await;
    let many = room
        .fails(within(
            wait_for(alone(items()), Some(Count::Exactly(2)), None),
            SOON,
        ))
        .await;
    assert!(many.to_string().contains("there were 3"), "{many}");
}

async fn alternatives(room: &mut Room) {
    let both = Target {
        alias: None,
        alternatives: vec![
            locator(By::Css(text("#nowhere"))),
            locator(By::Css(text("#mail"))),
        ],
    };
    room.done(step(Verb::Click(both))).await;
    let none = Target {
        alias: None,
        alternatives: vec![
            locator(By::Css(text("#nowhere"))),
            locator(By::Text(text("Nothing"))),
        ],
    };
    let error = room
        .fails(within(step(Verb::Click(none)), SOON))
        .await
        .to_string();
    assert!(error.starts_with("click css `#nowhere` (line 7): nothing matched (css `#nowhere`, text `Nothing`); gave up after 0.4 s at http://127.0.0.1:"), "{error}");
    // A mistake in a selector is not waited for.
    let began = Instant::now();
    let error = room.fails(click("li[")).await;
    assert!(
        error.to_string().contains("not a valid selector"),
        "{error}"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
}

async fn shadow_roots_can_be_used(room: &mut Room) {
    let inside = |selector: &str| target(By::Deep(text(selector)));
    for paste in [true, false] {
        let typed = TypeText {
            text: text("hello"),
            into: inside("textarea"),
            paste,
            verify: true,
            clear: true,
        };
        room.done(step(Verb::Type(typed))).await;
    }
    room.done(step(Verb::Click(inside("[name=zero]")))).await;
    room.done(wait_for(inside("[name=zero]"), None, Some(text("1"))))
        .await;
}

// ---------------------------------------------------------------- guards, effects, dialogs

const TRICKY: &str = r#"<!doctype html><title>tricky</title>
<button id=add onclick="log('+')">add</button><p id=log></p>
<button id=once onclick="log('!'); this.remove()">once</button>
<input id=deaf oninput="log('i'); this.value=''">
<div id=evil></div>
<div id=dialog style="position:fixed;inset:0;background:#fff" hidden>A dialog <button id=no onclick="dialog.hidden=true">Not now</button></div>
<script>
const dialog = document.querySelector('#dialog');
const log = (what) => document.querySelector('#log').textContent += what;
document.querySelector('#evil').textContent = 'x\u001b[31m\nhunter2&more' + 'y'.repeat(5000);
setTimeout(() => document.querySelector('#evil').insertAdjacentHTML('afterend', '<i id=slow>slow</i>'), 400);
</script>"#;

async fn guards_effects_and_dialogs(make: Make) {
    let site = Site::serve(&[("/", TRICKY)]);
    let mut room = Room::open(make, None).await;
    room.done(goto(&site.url("/"))).await;
    // `if` probes for a while; `unless` looks once.
    room.done(guarded(
        click("#add"),
        "#slow",
        true,
        Duration::from_secs(5),
    ))
    .await;
    room.done(guarded(click("#add"), "#never", false, Duration::ZERO))
        .await;
    for skipped in [
        guarded(click("#add"), "#slow", false, Duration::ZERO),
        guarded(click("#add"), "#never", true, Duration::from_millis(200)),
    ] {
        assert_eq!(room.play(&skipped).await.unwrap().course, Course::Skipped);
    }
    room.log_is("++").await;
    optional_and_retry(&mut room).await;
    effects_are_done_once(&mut room).await;
    hostile_text(&mut room).await;
    dialogs(&mut room, &site).await;
    addresses_are_redacted(&mut room, &site).await;
    gone_is_told_apart(room).await;
}

async fn optional_and_retry(room: &mut Room) {
    let absent = within(click("#never"), SOON);
    let excused = room
        .play(&Step {
            optional: true,
            ..absent.clone()
        })
        .await
        .unwrap()
        .course;
    assert!(matches!(excused, Course::Excused(why) if why.contains("nothing matched")));
    let began = Instant::now();
    room.fails(Step { retry: 1, ..absent }).await;
    assert!(began.elapsed() >= SOON * 2);
}

async fn effects_are_done_once(room: &mut Room) {
    // An absent element: nothing was done, and the error says so.
    let effect = |selector: &str| Step {
        effect: true,
        retry: 2,
        ..within(click(selector), SOON)
    };
    assert_eq!(room.fails(effect("#never")).await.acted, None);
    // Done, though the button is gone afterwards.
    assert!(
        room.done(effect("#once")).await.from
            > room.done(step(Verb::Mark)).await.from - Duration::from_secs(10)
    );
    room.log_is("++!").await;
    // A failure after the first key, with an effect: not once more, however many retries are allowed.
    let odd = typing(text("x"), "#deaf");
    let effect = Step {
        effect: true,
        retry: 3,
        optional: true,
        ..step(Verb::Type(odd.clone()))
    };
    let failed = room.fails(effect).await;
    assert!(failed.acted.is_some());
    assert!(failed.to_string().contains("not tried again"), "{failed}");
    room.log_is("++!i").await;
    // Without one, each retry tries again.
    room.fails(Step {
        retry: 1,
        ..step(Verb::Type(odd))
    })
    .await;
    room.log_is("++!iii").await;
}

async fn hostile_text(room: &mut Room) {
    let error = room
        .fails(within(wait_for(css("#evil"), None, Some(text("z"))), SOON))
        .await
        .to_string();
    assert!(error.contains("x␛[31m ***y"), "{error}");
    assert!(error.len() < 900 && !error.contains('\u{1b}'), "{error}");
}

async fn addresses_are_redacted(room: &mut Room, site: &Site) {
    let url = site.url("/?password=hunter2%26more#fresh");
    room.done(step(Verb::Goto {
        url: text(&url),
        fresh: true,
    }))
    .await;
    let error = room.fails(within(wait("#never"), SOON)).await.to_string();
    assert!(error.ends_with("/?password=***#fresh"), "{error}");
}

async fn dialogs(room: &mut Room, site: &Site) {
    room.done(goto(&site.url("/"))).await;
    let open = "document.querySelector('#dialog').hidden = false";
    room.done(goto(&format!("{}#x", site.url("/")))).await;
    room.stage.dismiss.push(Dismiss {
        when: css("#dialog"),
        click: target(By::Text(text("Not now"))),
    });
    // The page itself opens the dialog: by a button of its own, while a step already waits.
    let page = TRICKY.replace("setTimeout(", &format!("{open}; setTimeout("));
    let covered = Site::serve(&[("/", &page)]);
    room.done(goto(&covered.url("/"))).await;
    room.done(click("#add")).await;
    room.log_is("+").await;
    // Without the rule it is in the way, and the error says what is.
    room.stage.dismiss.clear();
    room.done(goto(&covered.url("/"))).await;
    let error = room.fails(within(click("#add"), SOON)).await;
    assert!(error.to_string().contains("covered by <div>"), "{error}");
}

async fn gone_is_told_apart(mut room: Room) {
    let directory = room.driver.directory().unwrap().to_owned();
    room.driver.stop().await;
    assert_gone(&directory);
    let optional = Step {
        optional: true,
        ..click("#add")
    };
    let error = room
        .session
        .play(&optional, &mut room.fill, &room.stage.setting())
        .await
        .unwrap_err();
    assert!(error.is_gone(), "{error}");
    assert!(
        room.session
            .sees(&css("p"), &room.fill, &room.stage.setting())
            .await
            .unwrap_err()
            .is_gone()
    );
}

// ---------------------------------------------------------------- doors and quiet

async fn a_browser_goes_by_its_own_door_and_nowhere_else(make: Make) {
    let public = Site::serve(&[]);
    let door = Site::serve(&[]);
    let page = format!(
        "<!doctype html><title>t</title><p id=p>x</p><img src='{}'>",
        public.url("/x.png")
    );
    let site = Site::serve(&[("/", &page)]);
    let rule = DoorRule {
        from: public.address.to_string(),
        to: door.address,
    };
    let mut room = Room::open(make, Some(rule)).await;
    room.done(goto(&site.url("/"))).await;
    wait_until(|| {
        door.heard()
            .iter()
            .any(|line| line.starts_with("GET /x.png"))
    });
    room.session
        .visit(&public.url("/visited"), Duration::from_secs(5))
        .await
        .unwrap();
    assert!(
        door.heard()
            .iter()
            .any(|line| line.starts_with("GET /visited")),
        "{:?}",
        door.heard()
    );
    assert_eq!(public.heard(), Vec::<String>::new());
    room.close().await;
}

fn wait_until(mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(Instant::now() < deadline, "it never came to pass");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a browser does with a link shows in the parts of it that it asks for: the hop of a redirect, and what only a
/// script could compute.
async fn a_browser_follows_every_redirect_and_runs_scripts(make: Make) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("evidence.db")).unwrap());
    let (key, run) = (Key::new([7; 32]), RunId(0xc0de_0005));
    let mint = key.mint(run);
    let setting = common::alone::setting(key, run);
    let collector = Collector::start(setting, store.clone()).await.unwrap();
    let mut room = Room::open(make, None).await;
    for (form, part) in [
        (Form::Redirect301, Part::Hop),
        (Form::Redirect302, Part::Hop),
        (Form::Redirect307, Part::Hop),
        (Form::RedirectMeta, Part::Hop),
        (Form::RedirectScript, Part::Hop),
        (Form::Script, Part::Script),
    ] {
        let link = TokenId {
            run,
            trial: TrialId(1),
            arm: Arm::Sent,
            form,
            part: Part::Link,
        };
        room.done(goto(&dress(&mint, collector.public(), link).url))
            .await;
        let sought = TokenId { part, ..link };
        wait_until(|| {
            let entries = store.evidence(run).unwrap().entries;
            entries.iter().any(
                |entry| matches!(&entry.record, Record::Hit(hit) if hit.tokens().contains(&sought)),
            )
        });
    }
    room.close().await;
    assert_eq!(collector.stop().await, None);
}

async fn a_browser_asks_for_nothing_by_itself(make: Make) {
    let page =
        "<!doctype html><title>t</title><link rel=icon href='data:,'><textarea id=box></textarea>
        <a href='http://linked.example/'>a link</a>";
    let site = Site::serve(&[("/", page)]);
    // Whatever host it asks for, it is led here: by name, by address, on any port.
    let mut room = Room::open(
        make,
        Some(DoorRule {
            from: "*".into(),
            to: site.address,
        }),
    )
    .await;
    room.done(goto(&site.url("/"))).await;
    room.done(step(Verb::Type(typing(
        text("http://typed.example/ misspeld wrods"),
        "#box",
    ))))
    .await;
    // Not for luck: the longer the window, the more it proves.
    room.done(step(Verb::Hold(Duration::from_secs(3)))).await;
    assert_eq!(site.heard(), ["GET / HTTP/1.1"]);
    room.close().await;
}

/// One that is kept for going back goes on being its account's: a server hands it what it should have kept for later.
async fn a_page_that_was_left_is_gone(make: Make) {
    let page = "<!doctype html><title>t</title><p id=log></p><script>
        const log = (what) => document.querySelector('#log').textContent = what;
        onpageshow = (e) => log(e.persisted ? 'kept' : 'fresh');
        onpagehide = () => log('left');</script>";
    let back = "<!doctype html><title>t</title><script>onload = () => setTimeout(() => history.go(-2))</script>";
    let site = Site::serve(&[("/", page), ("/back", back)]);
    let mut room = Room::open(make, None).await;
    room.done(goto(&site.url("/"))).await;
    room.log_is("fresh").await;
    room.session.leave(Duration::from_secs(10)).await.unwrap();
    room.done(goto(&site.url("/back"))).await;
    room.log_is("fresh").await;
    room.close().await;
}

// ---------------------------------------------------------------- nothing is left

async fn what_is_dropped_is_ended_and_a_given_profile_is_kept(make: Make) {
    let profile = tempfile::tempdir().unwrap();
    let driver = Driver::start(&options(make)).await.unwrap();
    let directory = driver.directory().unwrap().to_owned();
    let kept = SessionOptions {
        profile: Some(profile.path().to_owned()),
        ..session_options(None)
    };
    let session = driver.open(&kept).await.unwrap();
    assert!(alive(&directory).len() > 3, "{:?}", alive(&directory));
    assert!(leads_its_own_group(&directory));
    drop(driver);
    drop(session);
    eventually_gone(&directory);
    let written = match make {
        Make::Chromium => "Default",
        Make::Firefox => "prefs.js",
    };
    assert!(profile.path().join(written).exists());
}

/// A run plays its variants side by side, and leaves none of them for another.
async fn profiles_of_one_account_are_browsers_side_by_side(make: Make) {
    let driver = Driver::start(&DriverOptions {
        browsers: 3,
        ..options(make)
    })
    .await
    .unwrap();
    let directory = driver.directory().unwrap().to_owned();
    let with = |name: &str| SessionOptions {
        profile: Some(directory.join(name)),
        ..session_options(None)
    };
    let limit = Duration::from_secs(10);
    let one = driver.open(&with("one")).await.unwrap();
    let other = driver.open(&with("other")).await.unwrap();
    one.leave(limit).await.unwrap();
    one.close().await;
    let again = driver.open(&with("one")).await.unwrap();
    again.leave(limit).await.unwrap();
    other.leave(limit).await.unwrap();
    driver.stop().await;
    assert_gone(&directory);
}

/// The process id of a directory's keeper.
fn keeper_of(directory: &Path) -> Option<String> {
    let needle = directory.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .find_map(|process| {
            let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            let found = command.contains("\0keeper\0") && command.contains(needle);
            found.then(|| process.file_name().to_string_lossy().into_owned())
        })
}

/// Whether the keeper is in a process group of its own, where the terminal's Ctrl-C does not reach it.
fn leads_its_own_group(directory: &Path) -> bool {
    let keeper = keeper_of(directory).unwrap();
    let stat = fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap();
    let group = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(2));
    group == Some(keeper.as_str())
}

const PARENT: &str = "WAXSEAL_TEST_PARENT";

/// Not a test: what the next test starts, to be killed. Does nothing on its own.
#[tokio::test(flavor = "multi_thread")]
async fn parent() {
    let make = match std::env::var(PARENT).as_deref() {
        Ok("Chromium") => Make::Chromium,
        Ok("Firefox") => Make::Firefox,
        _ => return,
    };
    let driver = Driver::start(&options(make)).await.unwrap();
    let _session = driver.open(&session_options(None)).await.unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\ndirectory={}", driver.directory().unwrap().display()).unwrap();
    out.flush().unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn killing_us_ends_everything(make: Make) {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parent", "--nocapture"])
        .env(PARENT, format!("{make:?}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let directory = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("directory=").map(PathBuf::from));
    let running = directory.as_deref().map(alive);
    // SIGKILL: the parent gets no chance to clear up.
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(running.is_some_and(|running| running.len() > 3));
    eventually_gone(&directory.unwrap());
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let missing = Driver::start(&DriverOptions {
        chromedriver: Some("/no/such/driver".into()),
        ..options(Make::Chromium)
    })
    .await;
    assert!(
        matches!(&missing, Err(error) if error.is_missing()),
        "{missing:?}"
    );
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("apt-get install chromium chromium-driver")
    );
    let broken = Driver::start(&DriverOptions {
        chromedriver: Some("/bin/false".into()),
        ..options(Make::Chromium)
    })
    .await;
    assert!(
        matches!(broken, Err(DriverError::Start { .. })),
        "{broken:?}"
    );
    // A program that is no keeper: nothing is left of that mistake either.
    let odd = Driver::start(&DriverOptions {
        keeper: Some("/bin/true".into()),
        ..options(Make::Chromium)
    })
    .await;
    assert!(matches!(odd, Err(DriverError::Start { .. })), "{odd:?}");
    let nobody = DriverOptions {
        webdriver: Some("http://127.0.0.1:9".into()),
        ..options(Make::Chromium)
    };
    let nobody = Driver::start(&nobody).await.unwrap();
    assert!(matches!(
        nobody.open(&session_options(None)).await,
        Err(DriverError::Session(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_runs_already_is_only_used() {
    let kept = Driver::start(&options(Make::Chromium)).await.unwrap();
    let directory = kept.directory().unwrap().to_owned();
    let port = listening_port(&directory);
    let webdriver = Some(format!("http://127.0.0.1:{port}"));
    let borrowed = Driver::start(&DriverOptions {
        webdriver,
        ..DriverOptions::default()
    })
    .await
    .unwrap();
    assert_eq!(borrowed.directory(), None);
    let session = borrowed.open(&session_options(None)).await.unwrap();
    let browsers = || {
        alive(&directory)
            .iter()
            .filter(|command| command.contains("--type=renderer"))
            .count()
    };
    assert!(browsers() > 0);
    // Nobody closes the session; stopping does.
    drop(session);
    borrowed.stop().await;
    wait_until(|| browsers() == 0);
    assert!(
        !alive(&directory).is_empty(),
        "chromedriver is not ours to end"
    );
    // A keeper that is told to stop does so too.
    let keeper = keeper_of(&directory).unwrap();
    assert!(
        Command::new("kill")
            .args(["-TERM", &keeper])
            .status()
            .unwrap()
            .success()
    );
    kept.stop().await;
    assert_gone(&directory);
}

/// The loopback port on which the chromedriver of this directory listens.
fn listening_port(directory: &Path) -> u16 {
    let sockets: Vec<String> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|process| {
            let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            let has = |bytes: &[u8], needle: &str| String::from_utf8_lossy(bytes).contains(needle);
            has(&command, "--port=0")
                && !has(&command, "keeper")
                && has(&environment, directory.to_str().unwrap())
        })
        .flat_map(|process| fs::read_dir(process.path().join("fd")).unwrap().flatten())
        .filter_map(|fd| {
            Some(
                fs::read_link(fd.path())
                    .ok()?
                    .to_string_lossy()
                    .into_owned(),
            )
        })
        .collect();
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields[3] == "0A" && fields[1].starts_with("0100007F:"))
        .find(|fields| sockets.contains(&format!("socket:[{}]", fields[9])))
        .map(|fields| u16::from_str_radix(&fields[1][9..], 16).unwrap())
        .expect("chromedriver listens on loopback")
}
