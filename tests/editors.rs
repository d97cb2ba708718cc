//! Typing into the editors that web messengers are made with: the real libraries, in a real Chromium and a real Firefox, on
//! pages without a network. Whichever way a link goes in, the editor's own model then holds just it, and it is sent once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::files::Files;
use waxseal::browser::{Course, Driver, Fill, Make, Session, SessionOptions, Setting, StepError};
use waxseal::canary::Link;
use waxseal::model::Account;
use waxseal::scenario::{
    By, Locator, Piece, Step, Target, Template, Timeouts, TypeText, Verb, Wait,
};

/// A link with all that a form may put into one.
const LINK: &str = "https://ab2c3d4e5f6g7.canary.example/t0ken_-~?k=Se%20cret&b=2";

/// How an editor's page is made.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In the window's own page.
    Page,
    /// Behind two open shadow roots.
    Shadow,
    /// In a page that a frame shows.
    Frame,
    /// The same, of another site: browsers keep those in a process of their own.
    Abroad,
}

/// Where an editor is, and which; who is known to have such a one.
const EDITORS: &[(&str, Place, &str)] = &[
    ("textarea", Place::Page, "X"),
    ("contenteditable", Place::Page, "Telegram Web K"),
    ("lexical", Place::Page, "WhatsApp, Messenger, Instagram"),
    ("draft", Place::Page, "X, formerly"),
    ("slate", Place::Page, "Discord"),
    ("quill", Place::Page, "Slack"),
    ("prosemirror", Place::Page, "Telegram Web A"),
    ("tiptap", Place::Page, "Zoom"),
    ("ckeditor", Place::Page, "Teams"),
    ("textarea", Place::Shadow, "Reddit, LINE"),
    ("contenteditable", Place::Shadow, "nobody yet"),
    ("prosemirror", Place::Frame, "nobody yet"),
    ("lexical", Place::Abroad, "nobody yet"),
];

fn page(editor: &str, place: Place) -> String {
    let shadow = match place {
        Place::Shadow => " data-shadow",
        _ => "",
    };
    format!(
        "<!doctype html><meta charset=utf-8><title>{editor}</title><div id=host{shadow}></div>\
         <pre id=held></pre><pre id=sent></pre>\
         <script src=/built/{editor}.js></script><script src=/page.js></script>"
    )
}

fn around(url: &str) -> String {
    format!(
        "<!doctype html><title>around</title><iframe src='{url}' width=800 height=600></iframe>"
    )
}

fn serve() -> Files {
    let files = Files::serve();
    files.put(
        "/page.js",
        "text/javascript",
        include_str!("editors.d/page.js"),
    );
    for (editor, place, _) in EDITORS {
        let script = common::files::built(editor);
        files.put(&format!("/built/{editor}.js"), "text/javascript", &script);
        let own = format!("/{editor}");
        files.put(&own, "text/html", &page(editor, Place::Page));
        let port = files.address().port();
        let whole = match place {
            Place::Page => continue,
            Place::Shadow => page(editor, Place::Shadow),
            Place::Frame => around(&own),
            Place::Abroad => around(&format!("http://localhost:{port}{own}")),
        };
        files.put(&path(editor, *place), "text/html", &whole);
    }
    files
}

fn path(editor: &str, place: Place) -> String {
    match place {
        Place::Page => format!("/{editor}"),
        Place::Shadow => format!("/shadow/{editor}"),
        Place::Frame => format!("/frame/{editor}"),
        Place::Abroad => format!("/abroad/{editor}"),
    }
}

fn text(literal: &str) -> Template {
    Template(vec![Piece::Literal(literal.to_owned())])
}

fn locator(by: By, place: Place) -> Locator {
    let is_framed = matches!(place, Place::Frame | Place::Abroad);
    Locator {
        by,
        within: None,
        frame: is_framed.then(|| "frame".to_owned()),
        has_text: None,
        nth: None,
        visible: true,
    }
}

fn target(by: By, place: Place) -> Target {
    Target {
        alias: None,
        alternatives: vec![locator(by, place)],
    }
}

fn step(verb: Verb) -> Step {
    Step {
        verb,
        line: 1,
        optional: false,
        guard: None,
        timeout: Some(Duration::from_secs(5)),
        retry: 0,
        effect: false,
        otherwise: None,
        mark: None,
    }
}

/// One browser, and the page that it is on.
struct Room<'a> {
    session: &'a Session,
    files: &'a Files,
    locators: BTreeMap<String, Vec<Locator>>,
    fill: Fill,
    place: Place,
}

impl<'a> Room<'a> {
    fn new(session: &'a Session, files: &'a Files, place: Place) -> Self {
        let frame = locator(By::Css(text("iframe")), Place::Page);
        Self {
            session,
            files,
            locators: [("frame".to_owned(), vec![frame])].into(),
            fill: Fill {
                user: None,
                peer: None,
                vars: BTreeMap::new(),
                secrets: BTreeMap::new(),
                link: Some(Link {
                    url: LINK.to_owned(),
                    token: "t0ken".to_owned(),
                }),
                veil: None,
            },
            place,
        }
    }

    async fn play(&mut self, verb: Verb) -> Result<(), StepError> {
        let hosts = ["127.0.0.1".to_owned()];
        let setting = setting(&self.locators, &hosts);
        let step = step(verb);
        let played = self.session.play(&step, &mut self.fill, &setting).await?;
        assert_eq!(played.course, Course::Done);
        Ok(())
    }

    fn composer(&self) -> Target {
        let css = text("[data-composer]");
        let by = match self.place {
            Place::Shadow => By::Deep(css),
            _ => By::Css(css),
        };
        target(by, self.place)
    }

    async fn goto(&mut self, path: &str) -> Result<(), StepError> {
        let url = text(&format!("http://{}{path}", self.files.address()));
        self.play(Verb::Goto { url, fresh: false }).await
    }

    async fn put_in(&mut self, paste: bool) -> Result<(), StepError> {
        let typed = TypeText {
            text: Template(vec![Piece::Canary]),
            into: self.composer(),
            paste,
            verify: true,
            clear: false,
        };
        self.play(Verb::Type(typed)).await?;
        self.is("#held", &format!("{LINK:?}")).await
    }

    async fn clear(&mut self) -> Result<(), StepError> {
        let hosts = ["127.0.0.1".to_owned()];
        let composer = self.composer();
        let setting = setting(&self.locators, &hosts);
        let cleared = self.session.clear(&composer, &self.fill, &setting).await;
        cleared.map_err(|fault| StepError::new(&step(Verb::Mark), fault, None))?;
        self.is("#held", "\"\"").await
    }

    async fn send(&mut self, so_far: usize) -> Result<(), StepError> {
        self.play(Verb::Press(vec!["Enter".to_owned()])).await?;
        let all = serde_json::to_string(&vec![LINK; so_far]).unwrap();
        self.is("#sent", &all).await?;
        self.is("#held", "\"\"").await
    }

    async fn is(&mut self, css: &str, wanted: &str) -> Result<(), StepError> {
        self.play(Verb::Wait(Wait::Element {
            target: target(By::Css(text(css)), self.place),
            count: None,
            text: Some(text(wanted)),
        }))
        .await
    }
}

fn setting<'a>(locators: &'a BTreeMap<String, Vec<Locator>>, hosts: &'a [String]) -> Setting<'a> {
    Setting {
        locators,
        dismiss: &[],
        timeouts: Timeouts {
            step: Duration::from_secs(5),
            page: Duration::from_secs(20),
        },
        hosts,
        testid_attr: "data-testid",
    }
}

/// All that is done with a composer in an audit.
async fn drive(room: &mut Room<'_>, path: &str) -> Result<(), (&'static str, StepError)> {
    let at = |what| move |error| (what, error);
    room.goto(path).await.map_err(at("goto"))?;
    room.put_in(false).await.map_err(at("keys"))?;
    room.send(1).await.map_err(at("send after keys"))?;
    room.put_in(true).await.map_err(at("paste"))?;
    room.clear().await.map_err(at("clear after paste"))?;
    room.put_in(false).await.map_err(at("keys again"))?;
    room.clear().await.map_err(at("clear after keys"))?;
    room.put_in(true).await.map_err(at("paste again"))?;
    room.send(2).await.map_err(at("send after paste"))
}

async fn every_editor_takes_a_link_just_once(make: Make) {
    let files = serve();
    let driver = Driver::start(&common::browsers::driver_options(make))
        .await
        .unwrap();
    let options = SessionOptions {
        account: Account::Sender,
        profile: None,
        door: None,
        headed: false,
    };
    let session = driver.open(&options).await.unwrap();
    let mut failures = Vec::new();
    for (editor, place, _) in EDITORS {
        let path = path(editor, *place);
        let mut room = Room::new(&session, &files, *place);
        let driven = drive(&mut room, &path).await;
        failures.extend(
            driven
                .err()
                .map(|(at, error)| format!("{path}: {at}: {error}")),
        );
    }
    session.close().await;
    driver.stop().await;
    assert!(failures.is_empty(), "{make:?}: {failures:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_chromium_every_editor_takes_a_link_just_once() {
    every_editor_takes_a_link_just_once(Make::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_firefox_every_editor_takes_a_link_just_once() {
    every_editor_takes_a_link_just_once(Make::Firefox).await;
}
