//! Which part of a scenario each act belongs to, as far as it can be told: a guess that whoever completes it looks over.

use super::act::Act;
use super::selector::Place;

/// The acts of a recording by the phases they seem to belong to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Up to the click or key behind the last password; without one, the first page.
    pub(super) login: Vec<Act>,
    /// From there to the message.
    pub(super) open: Vec<Act>,
    /// Where the message was typed; none where no text can be taken for it.
    pub(super) composer: Option<Place>,
    /// What was typed around the link, as a template with `{canary}` in it.
    pub(super) message: String,
    /// The click or key behind it.
    pub(super) send: Option<Act>,
    /// Between the two, and everything after.
    pub(super) before_sending: Vec<Act>,
    pub(super) rest: Vec<Act>,
    /// Where the first password was typed.
    pub(super) password: Option<Place>,
    /// What was typed before it: the account's name.
    pub(super) user: Option<String>,
}

/// Cuts what was done into parts.
pub(super) fn parts(acts: Vec<Act>) -> Parts {
    let is_password = |act: &Act| matches!(act, Act::Type(place, _) if place.is_secret);
    let secrets: Vec<String> = acts
        .iter()
        .filter(|act| is_password(act))
        .filter_map(text_of)
        .collect();
    let acts: Vec<Act> = acts
        .into_iter()
        .map(|act| redacted(act, &secrets))
        .collect();
    let last_password = acts.iter().rposition(is_password);
    let login_ends = match last_password {
        Some(at) => end_of_login(&acts, at),
        None => acts
            .iter()
            .position(|act| matches!(act, Act::Goto(_)))
            .map_or(0, |at| at + 1),
    };
    let mut parts = Parts {
        password: acts.iter().find(|act| is_password(act)).and_then(place_of),
        user: user(&acts, is_password),
        ..Parts::default()
    };
    let mut acts = acts.into_iter();
    parts.login = acts.by_ref().take(login_ends).collect();
    let rest: Vec<Act> = acts.collect();
    match message_at(&rest) {
        Some(at) => parts.cut_at_message(rest, at),
        None => parts.open = rest,
    }
    parts
}

/// The shortest text that is taken for a password where it stands by chance.
const TELLING: usize = 4;

/// Whatever was typed as a password may also have stood in an address, or have been typed elsewhere.
fn redacted(act: Act, secrets: &[String]) -> Act {
    let clean = |text: String| {
        let telling = secrets
            .iter()
            .filter(|secret| secret.chars().count() >= TELLING);
        telling.fold(text, |text, secret| {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            text.replace(secret.as_str(), "REDACTED")
                .replace(&encoded, "REDACTED")
        })
    };
    match act {
        Act::Goto(address) => Act::Goto(clean(address)),
        Act::Note(text) => Act::Note(clean(text)),
        Act::Type(place, text) if !place.is_secret => Act::Type(place, clean(text)),
        act => act,
    }
}

/// Behind the password the form is sent.
fn end_of_login(acts: &[Act], password: usize) -> usize {
    let mut after = acts.iter().enumerate().skip(password + 1);
    let sends = after.find(|(_, act)| matches!(act, Act::Click(_) | Act::Press(_)));
    sends.map_or(password, |(at, _)| at) + 1
}

/// What was typed last before the first password.
fn user(acts: &[Act], is_password: impl Fn(&Act) -> bool) -> Option<String> {
    let password = acts.iter().position(is_password)?;
    acts.iter().take(password).rev().find_map(text_of)
}

fn place_of(act: &Act) -> Option<Place> {
    match act {
        Act::Type(place, _) => Some(place.clone()),
        _ => None,
    }
}

fn text_of(act: &Act) -> Option<String> {
    match act {
        Act::Type(_, text) => Some(text.clone()),
        _ => None,
    }
}

/// The text that holds a link; or else the last one.
fn message_at(acts: &[Act]) -> Option<usize> {
    let typed = |act: &Act| matches!(act, Act::Type(..));
    let with_link = |act: &Act| matches!(act, Act::Type(_, text) if link(text).is_some());
    acts.iter()
        .position(with_link)
        .or_else(|| acts.iter().rposition(typed))
}

/// The first link in a text.
fn link(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    words.find(|word| word.starts_with("http://") || word.starts_with("https://"))
}

impl Parts {
    fn cut_at_message(&mut self, mut acts: Vec<Act>, at: usize) {
        let after = acts.split_off(at + 1);
        if let Some(Act::Type(place, text)) = acts.pop() {
            self.composer = Some(place);
            self.message = match link(&text) {
                Some(link) => {
                    let (before, behind) = text.split_once(link).unwrap_or_default();
                    format!(
                        "{}{{canary}}{}",
                        super::write::braced(before),
                        super::write::braced(behind)
                    )
                }
                None => "{canary}".to_owned(),
            };
        }
        self.open = acts;
        let mut after = after.into_iter();
        for act in after.by_ref() {
            if matches!(act, Act::Click(_) | Act::Press(_)) {
                self.send = Some(act);
                break;
            }
            self.before_sending.push(act);
        }
        self.rest = after.collect();
    }
}
