//! The verbs that touch a page: click, type, press, save.

use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use tokio::time::sleep;

use super::fault::Fault;
use super::key::{ENTER, RELEASE, SHIFT, chord, one_by_one};
use super::make::Make;
use super::step::{Attempt, argument};
use super::template::is_secret;
use super::text::plain;
use crate::diagnostic::printable;
use crate::scenario::key;
use crate::scenario::{Target, TypeText};

const EDIT: &str = include_str!("page/edit.js");

/// How long a page may take to clear its composer after a message, before what is in it counts as a draft.
const DRAFT: Duration = Duration::from_secs(1);
/// How long a page may take to show what was typed.
const ECHO: Duration = Duration::from_secs(3);
/// How long to wait between two looks at a field.
const POLL: Duration = Duration::from_millis(50);
/// How many keys are asked for in one command.
const PART: usize = 50;
/// How long a saved value may be.
const SAVED: usize = 4096;

impl Attempt<'_> {
    /// Waits until the element can be clicked, and clicks it.
    pub(super) async fn click(&mut self, target: &Target, effect: bool) -> Result<(), Fault> {
        loop {
            let fault = match self.ready(target, false).await {
                Ok(element) => {
                    self.acting();
                    match self.eye.session.ask(element.click()).await {
                        Ok(()) => return Ok(()),
                        // It went out; that it went wrong does not mean that nothing came of it.
                        Err(fault) if effect => return Err(fault),
                        Err(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            self.again(fault).await?;
        }
    }

    /// Puts text into an element, and makes sure that it is there.
    pub(super) async fn type_text(&mut self, typed: &TypeText) -> Result<(), Fault> {
        let text = self.eye.fill.render(&typed.text)?;
        let element = self.approach(typed).await?;
        self.acting();
        // chromedriver's keys know no character beyond the basic plane.
        if typed.paste || text.chars().any(|c| u32::from(c) > 0xffff) {
            self.insert(&element, &text).await?;
        } else {
            self.by_keys(&element, &text).await?;
        }
        match typed.verify {
            true => self.verify(&element, &text, is_secret(&typed.text)).await,
            false => Ok(()),
        }
    }

    /// Key by key. geckodriver's own way leaves a page no time between two keys, and editors that keep a document of their own
    /// then lose all but the first.
    async fn by_keys(&self, element: &Element, text: &str) -> Result<(), Fault> {
        let session = self.eye.session;
        match session.make() {
            Make::Chromium => session.ask(element.send_keys(&keys(text))).await,
            Make::Firefox => {
                for part in parts(text) {
                    let typed = session.client().perform_actions(one_by_one(&part));
                    session.ask(typed).await?;
                }
                Ok(())
            }
        }
    }

    /// Presses keys together, wherever the focus is.
    pub(super) async fn press(&mut self, names: &[String]) -> Result<(), Fault> {
        let keys: Option<Vec<char>> = names.iter().map(|name| key(name)).collect();
        let keys = keys.ok_or_else(|| Fault::lasting("there is no such key"))?;
        self.acting();
        self.press_keys(&keys).await
    }

    /// Reads an attribute, or the text, of an element.
    pub(super) async fn save(
        &mut self,
        from: &Target,
        attr: Option<&str>,
    ) -> Result<String, Fault> {
        let value = loop {
            match self.value(from, attr).await {
                Ok(value) => break value,
                Err(fault) => self.again(fault).await?,
            }
        };
        match value.len() <= SAVED {
            true => Ok(value),
            false => Err(Fault::lasting(format!(
                "the value is longer than {SAVED} bytes"
            ))),
        }
    }

    /// Waits until the element can be edited, and empties it.
    pub(super) async fn clear(&mut self, target: &Target) -> Result<(), Fault> {
        loop {
            let cleared = match self.ready(target, true).await {
                Ok(element) => self.empty(&element).await,
                Err(fault) => Err(fault),
            };
            match cleared {
                Ok(()) => return Ok(()),
                Err(fault) => self.again(fault).await?,
            }
        }
    }

    /// Waits until the element can be typed into, focuses it, and sees to what is in it.
    async fn approach(&mut self, typed: &TypeText) -> Result<Element, Fault> {
        let patience = Instant::now() + DRAFT;
        loop {
            let fault = match self.make_way(typed).await {
                Ok((element, draft)) if draft.is_empty() => return Ok(element),
                Ok((_, draft)) if Instant::now() >= patience => {
                    return Err(self.refusal(typed, &draft));
                }
                Ok(_) => Fault::passing("there is a draft"),
                Err(fault) => fault,
            };
            self.again(fault).await?;
        }
    }

    /// The element in focus, and the draft that is still in it.
    async fn make_way(&self, typed: &TypeText) -> Result<(Element, String), Fault> {
        let element = self.ready(&typed.into, true).await?;
        self.focus(&element).await?;
        let mut draft = plain(&self.read(&element).await?);
        // What an earlier attempt of this very step typed is no draft of anybody's.
        if !draft.is_empty() && (typed.clear || self.repeated) {
            self.empty(&element).await?;
            draft.clear();
        }
        Ok((element, draft))
    }

    fn refusal(&self, typed: &TypeText, draft: &str) -> Fault {
        // What stands in a field for secrets may be a part of one.
        let quote = match is_secret(&typed.text) {
            true => String::new(),
            false => format!(" (`{}`)", printable(&self.eye.fill.cover(draft), 40)),
        };
        Fault::lasting(format!(
            "there is a draft in it already{quote}; say `clear = true` to drop it"
        ))
    }

    /// By a real click, since some editors come to life only then; where something lies over it, without.
    async fn focus(&self, element: &Element) -> Result<(), Fault> {
        match self.eye.session.ask(element.click()).await {
            Err(fault) if fault.is_passing() => self.edit(element, "focus", "").await.map(|_| ()),
            clicked => clicked,
        }
    }

    async fn insert(&self, element: &Element, text: &str) -> Result<(), Fault> {
        match self.edit(element, "insert", text).await? {
            true => Ok(()),
            false => Err(Fault::passing("it takes no text")),
        }
    }

    async fn edit(&self, element: &Element, what: &str, text: &str) -> Result<bool, Fault> {
        let args = vec![argument(element)?, what.into(), text.into()];
        Ok(self
            .eye
            .session
            .run(EDIT, args)
            .await?
            .as_bool()
            .unwrap_or_default())
    }

    async fn empty(&self, element: &Element) -> Result<(), Fault> {
        if plain(&self.read(element).await?).is_empty() {
            return Ok(());
        }
        // As a person does: editors that keep a document of their own may not notice, or break, when it goes in another way.
        self.focus(element).await?;
        self.press_named(&["Control", "a"]).await?;
        self.press_named(&["Backspace"]).await?;
        if self.holds(element, "").await?.is_none() {
            return Ok(());
        }
        self.edit(element, "empty", "").await?;
        match self.holds(element, "").await? {
            None => Ok(()),
            Some(_) => Err(Fault::passing("it does not become empty")),
        }
    }

    async fn press_named(&self, names: &[&str]) -> Result<(), Fault> {
        let keys: Vec<char> = names.iter().filter_map(|name| key(name)).collect();
        self.press_keys(&keys).await
    }

    async fn press_keys(&self, keys: &[char]) -> Result<(), Fault> {
        let session = self.eye.session;
        session
            .ask(session.client().perform_actions(chord(keys)))
            .await
    }

    async fn verify(&self, element: &Element, text: &str, secret: bool) -> Result<(), Fault> {
        let Some(held) = self.holds(element, text).await? else {
            return Ok(());
        };
        let quote = match secret {
            true => "something else".to_owned(),
            false => format!("`{}`", printable(&self.eye.fill.cover(&held), 80)),
        };
        Err(Fault::passing(format!("it then held {quote}")))
    }

    /// None as soon as the element holds the text; what it holds instead, when it never does.
    async fn holds(&self, element: &Element, text: &str) -> Result<Option<String>, Fault> {
        let wanted = plain(text);
        let until = Instant::now() + if text.is_empty() { DRAFT } else { ECHO };
        loop {
            let held = plain(&self.read(element).await?);
            if held == wanted {
                return Ok(None);
            }
            if Instant::now() >= until {
                return Ok(Some(held));
            }
            sleep(POLL).await;
        }
    }

    async fn value(&self, from: &Target, attr: Option<&str>) -> Result<String, Fault> {
        let found = self.eye.find(from).await?;
        let element = found
            .elements
            .into_iter()
            .next()
            .ok_or_else(|| self.unmatched(from))?;
        let Some(attr) = attr else {
            return Ok(plain(&self.read(&element).await?));
        };
        let value = self.eye.session.ask(element.attr(attr)).await?;
        value
            .ok_or_else(|| Fault::passing(format!("it has no attribute `{}`", printable(attr, 40))))
    }
}

/// Text in parts that a browser types well within the time of one command.
fn parts(text: &str) -> Vec<String> {
    let all: Vec<char> = text.replace("\r\n", "\n").chars().collect();
    all.chunks(PART).map(String::from_iter).collect()
}

/// Text as keys. A line break is Shift+Enter: a bare Enter would send the message.
fn keys(text: &str) -> String {
    let line_break: String = [SHIFT, ENTER, SHIFT, RELEASE].iter().collect();
    text.replace("\r\n", "\n").replace('\n', &line_break)
}
