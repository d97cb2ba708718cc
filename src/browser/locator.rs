//! Finds elements. The alternatives of a target are tried in order, and the first that matches wins.

use std::future::Future;
use std::pin::Pin;

use fantoccini::elements::{Element, ElementRef};
use fantoccini::wd::WebDriverCompatibleCommand;
use regex::Regex;
use serde_json::{Value, json};

use super::Session;
use super::fault::Fault;
use super::session::Seen;
use super::step::Setting;
use super::template::{Fill, shown};
use crate::diagnostic::printable;
use crate::scenario::{By, Locator, Match, Target};

const LOCATE: &str = include_str!("page/locate.js");

/// How many elements are looked at in a page; more are only counted.
const LIMIT: usize = 50;
/// How many elements may be asked for their role: each costs a round trip or two.
const CANDIDATES: usize = 200;
/// How deep `within` may nest; a scenario cannot mean more, and an alias may name itself.
const DEPTH: u8 = 8;
/// The key of an element's reference in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The elements, at most [`LIMIT`].
    pub(super) elements: Vec<Element>,
    /// How many there are.
    pub(super) count: usize,
    /// Which alternative found them; none: nothing was found.
    pub(super) winner: Option<usize>,
}

/// Looks at the page of one session, with everything a look depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eye<'a> {
    pub(super) session: &'a Session,
    pub(super) fill: &'a Fill,
    pub(super) setting: &'a Setting<'a>,
}

impl<'a> Eye<'a> {
    /// One immediate look.
    pub(super) async fn find(&self, target: &Target) -> Result<Found, Fault> {
        let found = self.first_match(self.alternatives(target)?, 0).await?;
        if let Some(alias) = &target.alias {
            self.note(alias, target.alternatives.len(), &found);
        }
        Ok(found)
    }

    /// Remembers by which alternative an alias was found.
    fn note(&self, alias: &str, of: usize, found: &Found) {
        let Some(alternative) = found.winner else {
            return;
        };
        tracing::debug!(alias, alternative, count = found.count, "found");
        let of = self.setting.locators.get(alias).map_or(of, Vec::len);
        let count = found.count;
        self.session.note(
            alias,
            Seen {
                alternative,
                of,
                count,
            },
        );
    }

    fn alternatives<'t>(&self, target: &'t Target) -> Result<&'t [Locator], Fault>
    where
        'a: 't,
    {
        match &target.alias {
            Some(alias) if target.alternatives.is_empty() => self.named(alias),
            _ => Ok(&target.alternatives),
        }
    }

    fn named(&self, alias: &str) -> Result<&'a [Locator], Fault> {
        let locators = self.setting.locators.get(alias).map(Vec::as_slice);
        locators.ok_or_else(|| Fault::lasting(format!("there is no locator `{alias}`")))
    }

    /// Boxed, since `within` leads back here.
    fn first_match<'f>(
        &'f self,
        alternatives: &'f [Locator],
        depth: u8,
    ) -> Pin<Box<dyn Future<Output = Result<Found, Fault>> + Send + 'f>> {
        Box::pin(async move {
            for (index, locator) in alternatives.iter().enumerate() {
                let (elements, count) = self.matches(locator, depth).await?;
                if count > 0 {
                    return Ok(Found {
                        elements,
                        count,
                        winner: Some(index),
                    });
                }
            }
            Ok(Found::default())
        })
    }

    async fn matches(&self, locator: &Locator, depth: u8) -> Result<(Vec<Element>, usize), Fault> {
        let roots = match &locator.within {
            Some(alias) => Some(self.around(alias, depth).await?.elements),
            None if self.enter(locator.frame.as_deref(), depth).await? => None,
            None => return Ok((Vec::new(), 0)),
        };
        if roots.as_ref().is_some_and(Vec::is_empty) {
            return Ok((Vec::new(), 0));
        }
        match &locator.by {
            By::Role { role, name } => self.by_role(locator, role, name.as_ref(), roots).await,
            _ => self.locate(self.question(locator, roots, LIMIT)?).await,
        }
    }

    /// What an alias finds that another is in.
    async fn around(&self, alias: &str, depth: u8) -> Result<Found, Fault> {
        if depth == DEPTH {
            return Err(Fault::lasting("`within` and `frame` are nested too deep"));
        }
        let around = self.named(alias)?;
        let found = self.first_match(around, depth + 1).await?;
        self.note(alias, around.len(), &found);
        Ok(found)
    }

    /// Goes to the window's own page, or on to the one that a frame shows, and stays there: what is found there can be
    /// used from there only. Whether there is such a frame.
    async fn enter(&self, frame: Option<&str>, depth: u8) -> Result<bool, Fault> {
        self.session.leave_frame().await?;
        let Some(alias) = frame else { return Ok(true) };
        let found = self.around(alias, depth).await?;
        match found.elements.into_iter().next() {
            Some(element) => self.session.enter_frame(&element).await.map(|()| true),
            None => Ok(false),
        }
    }

    fn question(
        &self,
        locator: &Locator,
        roots: Option<Vec<Element>>,
        limit: usize,
    ) -> Result<Value, Fault> {
        let (by, value) = self.by(&locator.by)?;
        let text = locator
            .has_text
            .as_ref()
            .map(|text| self.fill.render(text))
            .transpose()?;
        Ok(json!({
            "by": by,
            "value": value,
            "attr": self.setting.testid_attr,
            "roots": roots,
            "text": text,
            "nth": locator.nth,
            "visible": locator.visible,
            "limit": limit,
        }))
    }

    fn by(&self, by: &By) -> Result<(&'static str, Value), Fault> {
        let fill = self.fill;
        Ok(match by {
            By::Css(css) => ("css", fill.render_css(css)?.into()),
            By::Xpath(xpath) => ("xpath", fill.render_xpath(xpath)?.into()),
            By::TestId(id) => ("testid", fill.render(id)?.into()),
            By::Role { role, .. } => ("role", role.as_str().into()),
            By::Text(text) => ("text", fill.render(text)?.into()),
            By::Label(text) => ("label", fill.render(text)?.into()),
            By::Placeholder(text) => ("placeholder", fill.render(text)?.into()),
            By::Path(path) => {
                let path: Result<Vec<String>, Fault> =
                    path.iter().map(|css| fill.render_css(css)).collect();
                ("path", path?.into())
            }
            By::Deep(css) => ("deep", fill.render_css(css)?.into()),
        })
    }

    async fn locate(&self, question: Value) -> Result<(Vec<Element>, usize), Fault> {
        let answer = self.session.run(LOCATE, vec![question]).await?;
        if let Some(error) = answer.get("error").and_then(Value::as_str) {
            return Err(Fault::lasting(printable(error, 200)));
        }
        let count = answer
            .get("count")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        let elements = answer.get("elements").and_then(Value::as_array);
        let elements = elements
            .into_iter()
            .flatten()
            .filter_map(|value| self.element(value))
            .collect();
        Ok((elements, usize::try_from(count).unwrap_or(usize::MAX)))
    }

    fn element(&self, value: &Value) -> Option<Element> {
        let id = value.get(ELEMENT)?.as_str()?.to_owned();
        Some(Element::from_element_id(
            self.session.client().clone(),
            ElementRef::from(id),
        ))
    }

    /// Roles and names are the browser's own: the script only gathers who may have them.
    async fn by_role(
        &self,
        locator: &Locator,
        role: &str,
        name: Option<&Match>,
        roots: Option<Vec<Element>>,
    ) -> Result<(Vec<Element>, usize), Fault> {
        let every = Locator {
            nth: None,
            ..locator.clone()
        };
        let (candidates, _) = self
            .locate(self.question(&every, roots, CANDIDATES)?)
            .await?;
        let name = name.map(|name| self.name(name)).transpose()?;
        let mut matching = Vec::new();
        for candidate in candidates {
            if self.computes(&candidate, role, name.as_ref()).await? {
                matching.push(candidate);
            }
        }
        let mut matching = pick(matching, locator.nth);
        let count = matching.len();
        matching.truncate(LIMIT);
        Ok((matching, count))
    }

    fn name(&self, name: &Match) -> Result<Name, Fault> {
        match name {
            Match::Exactly(template) => Ok(Name::Exactly(fold(&self.fill.render(template)?))),
            Match::Pattern(pattern) => Regex::new(pattern).map(Name::Pattern).map_err(|_| {
                Fault::lasting(format!(
                    "`{}` is no regular expression",
                    printable(pattern, 80)
                ))
            }),
        }
    }

    async fn computes(
        &self,
        element: &Element,
        role: &str,
        name: Option<&Name>,
    ) -> Result<bool, Fault> {
        let computed = self.computed(element, "computedrole").await?;
        if canonical(&computed) != canonical(role) {
            return Ok(false);
        }
        let Some(name) = name else { return Ok(true) };
        let label = fold(&self.computed(element, "computedlabel").await?);
        Ok(match name {
            Name::Exactly(wanted) => label == *wanted,
            Name::Pattern(pattern) => pattern.is_match(&label),
        })
    }

    async fn computed(&self, element: &Element, what: &'static str) -> Result<String, Fault> {
        let command = Computed {
            element: element.element_id().to_string(),
            what,
        };
        let answer = self
            .session
            .ask(self.session.client().issue_cmd(command))
            .await?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }
}

enum Name {
    Exactly(String),
    Pattern(Regex),
}

/// `GET .../element/ID/computedrole` and `computedlabel`, for which fantoccini has no method.
#[derive(Debug)]
struct Computed {
    element: String,
    what: &'static str,
}

impl WebDriverCompatibleCommand for Computed {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!(
            "session/{session}/element/{}/{}",
            self.element, self.what
        ))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::GET, None)
    }
}

/// ARIA 1.3 renamed `img`, and browsers answer with either.
fn canonical(role: &str) -> &str {
    if role == "img" { "image" } else { role }
}

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn pick<T>(mut all: Vec<T>, nth: Option<i32>) -> Vec<T> {
    let Some(nth) = nth else { return all };
    let length = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let index = if nth < 0 {
        length + i64::from(nth)
    } else {
        i64::from(nth)
    };
    match usize::try_from(index) {
        Ok(index) if index < all.len() => vec![all.swap_remove(index)],
        _ => Vec::new(),
    }
}

/// A target for messages: its alias, or its first alternative.
pub(super) fn name(target: &Target) -> String {
    match (&target.alias, target.alternatives.first()) {
        (Some(alias), _) => format!("`{alias}`"),
        (None, Some(first)) => describe(first),
        (None, None) => "nothing".to_owned(),
    }
}

/// All alternatives for messages, as their author wrote them.
pub(super) fn list(target: &Target, setting: &Setting<'_>) -> String {
    let aliased = target
        .alias
        .as_ref()
        .and_then(|alias| setting.locators.get(alias));
    let alternatives = match aliased {
        Some(aliased) if target.alternatives.is_empty() => aliased,
        _ => &target.alternatives,
    };
    alternatives
        .iter()
        .map(describe)
        .collect::<Vec<_>>()
        .join(", ")
}

fn describe(locator: &Locator) -> String {
    let how = match &locator.by {
        By::Css(css) => format!("css `{}`", shown(css)),
        By::Xpath(xpath) => format!("xpath `{}`", shown(xpath)),
        By::TestId(id) => format!("testid `{}`", shown(id)),
        By::Role { role, name: None } => format!("role {role}"),
        By::Role {
            role,
            name: Some(Match::Exactly(name)),
        } => format!("role {role} `{}`", shown(name)),
        By::Role {
            role,
            name: Some(Match::Pattern(name)),
        } => format!("role {role} /{}/", printable(name, 80)),
        By::Text(text) => format!("text `{}`", shown(text)),
        By::Label(text) => format!("label `{}`", shown(text)),
        By::Placeholder(text) => format!("placeholder `{}`", shown(text)),
        By::Path(path) => format!(
            "path `{}`",
            path.iter().map(shown).collect::<Vec<_>>().join(" > ")
        ),
        By::Deep(css) => format!("deep `{}`", shown(css)),
    };
    let within = locator
        .within
        .as_ref()
        .map(|alias| format!(" within `{alias}`"));
    let text = locator
        .has_text
        .as_ref()
        .map(|text| format!(" with text `{}`", shown(text)));
    let frame = locator
        .frame
        .as_ref()
        .map(|alias| format!(" in frame `{alias}`"));
    let narrowed = [within, frame, text].into_iter().flatten();
    how + &narrowed.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_is_counted_from_either_end() {
        let all = || vec!['a', 'b', 'c'];
        assert_eq!(pick(all(), None), all());
        assert_eq!(pick(all(), Some(0)), ['a']);
        assert_eq!(pick(all(), Some(-1)), ['c']);
        assert!(pick(all(), Some(3)).is_empty());
        assert!(pick(all(), Some(-4)).is_empty());
    }
}
