//! Rules about how elements are found.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::document::Path;
use crate::scenario::mistakes::{Spot, listed, words};
use crate::scenario::raw;
use crate::scenario::types::{By, Dismiss, Locator, Match, Piece, Target, Template};

use super::Checker;
use super::places::Place;
use super::values::choice;

/// The ways to find an element: exactly one in each locator.
const WAYS: [&str; 9] = [
    "css",
    "xpath",
    "testid",
    "role",
    "text",
    "label",
    "placeholder",
    "path",
    "deep",
];

/// The alias by which a lost session is told from a changed page.
const LOGGED_OUT: &str = "logged_out";

impl Checker<'_> {
    /// The aliases of `[loc]`.
    pub(super) fn aliases(&mut self) {
        let raw = self.raw;
        let table = self.top("loc");
        for (alias, locators) in raw.loc.iter().flatten() {
            let path = table.key(alias);
            let alternatives = match locators {
                raw::Locators::One(one) => self.one(one, &path, Place::Aliases),
                raw::Locators::Many(many) => self.many(many, &path, Place::Aliases),
            };
            self.locators.insert(alias.clone(), alternatives);
        }
        self.circles();
        if !self.by_hand() && !self.document.has(&table.key(LOGGED_OUT)) {
            let said = words(
                format!("no alias `{LOGGED_OUT}` in `[loc]`"),
                "a lost session cannot be told from a changed page",
                format!(
                    "add `{LOGGED_OUT}`: something that is only there when an account is not signed in"
                ),
            );
            self.mistakes
                .warning(Spot::Value(&table), "no-logged-out", said);
        }
    }

    /// The dialogs that may come up at any time.
    pub(super) fn dismiss(&mut self) -> Vec<Dismiss> {
        let raw = self.raw;
        let table = self.top("dismiss");
        let all = raw.dismiss.iter().flatten().enumerate();
        all.filter_map(|(index, dialog)| {
            let path = table.index(index);
            let when = self.target(dialog.when.as_ref(), &path.key("when"), Place::Dialog);
            let click = self.target(dialog.click.as_ref(), &path.key("click"), Place::Dialog);
            Some(Dismiss {
                when: when?,
                click: click?,
            })
        })
        .collect()
    }

    /// An element, by alias or on the spot.
    pub(super) fn target(
        &mut self,
        raw: Option<&raw::Target>,
        path: &Path,
        place: Place,
    ) -> Option<Target> {
        match raw? {
            raw::Target::Alias(alias) => self.alias(alias, path, place),
            raw::Target::One(one) => Some(self.unnamed_one(one, path, place)),
            raw::Target::Many(many) => Some(self.unnamed_many(many, path, place)),
        }
    }

    /// One locator on the spot.
    pub(super) fn unnamed_one(&mut self, one: &raw::Locator, path: &Path, place: Place) -> Target {
        Target {
            alias: None,
            alternatives: self.one(one, path, place),
        }
    }

    /// Alternatives on the spot.
    pub(super) fn unnamed_many(
        &mut self,
        many: &[raw::Locator],
        path: &Path,
        place: Place,
    ) -> Target {
        Target {
            alias: None,
            alternatives: self.many(many, path, place),
        }
    }

    /// An alias that exists, with what it stands for.
    pub(super) fn alias(&mut self, alias: &str, path: &Path, place: Place) -> Option<Target> {
        if !self.known_alias(alias, path) {
            return None;
        }
        self.used_alias(alias, path, place);
        let alternatives = self.locators.get(alias)?.clone();
        Some(Target {
            alias: Some(alias.to_owned()),
            alternatives,
        })
    }

    fn known_alias(&mut self, alias: &str, path: &Path) -> bool {
        let table = self.top("loc");
        if self.document.has(&table.key(alias)) {
            return true;
        }
        let known = self.document.keys(&table);
        let said = words(
            format!("no alias named `{alias}`"),
            "not in `[loc]`",
            choice(alias, &known, "add it to `[loc]`"),
        );
        self.mistakes
            .error(Spot::Value(path), "unknown-alias", said);
        false
    }

    /// One locator alone.
    fn one(&mut self, raw: &raw::Locator, path: &Path, place: Place) -> Vec<Locator> {
        let locators: Vec<_> = self.locator(raw, path, place).into_iter().collect();
        self.language(&locators, path);
        locators
    }

    /// Alternatives.
    fn many(&mut self, raw: &[raw::Locator], path: &Path, place: Place) -> Vec<Locator> {
        if raw.is_empty() {
            self.empty_list(path);
        }
        let all = raw.iter().enumerate();
        let locators: Vec<_> = all
            .filter_map(|(index, one)| self.locator(one, &path.index(index), place))
            .collect();
        if locators.len() == raw.len() {
            self.language(&locators, path);
        }
        locators
    }

    /// Words on a page change with the language of whoever looks.
    fn language(&mut self, locators: &[Locator], path: &Path) {
        if !locators.is_empty() && locators.iter().all(|locator| speaks(&locator.by)) {
            let said = words(
                "this finds nothing in another language",
                "holds only words that people read",
                "add an alternative with `css`, `xpath`, `testid`, `path` or `deep`",
            );
            self.mistakes
                .warning(Spot::Value(path), "language-bound", said);
        }
    }

    fn locator(&mut self, raw: &raw::Locator, path: &Path, place: Place) -> Option<Locator> {
        let by = self.by(raw, path, place);
        self.names_need_a_role(path);
        let has_text = raw.has_text.as_ref();
        let has_text = has_text.map(|text| self.template(text, &path.key("has_text"), place));
        for (key, alias) in [("within", &raw.within), ("frame", &raw.frame)] {
            let Some(alias) = alias else { continue };
            let at = path.key(key);
            if self.known_alias(alias, &at) && place != Place::Aliases {
                self.used_alias(alias, &at, place);
            }
        }
        self.one_way_in(raw, path);
        Some(Locator {
            by: by?,
            within: raw.within.clone(),
            frame: raw.frame.clone(),
            has_text,
            nth: raw.nth,
            visible: raw.visible.unwrap_or(true),
        })
    }

    /// What it is within says in which frame it is.
    fn one_way_in(&mut self, raw: &raw::Locator, path: &Path) {
        if raw.within.is_none() || raw.frame.is_none() {
            return;
        }
        let said = words(
            "`within` and `frame` exclude each other",
            "beside `within`",
            "say `frame` of what this is within",
        );
        let at = path.key("frame");
        self.mistakes.error(Spot::Key(&at), "exclusive", said);
    }

    fn by(&mut self, raw: &raw::Locator, path: &Path, place: Place) -> Option<By> {
        let keys = self.document.keys(path);
        let mut ways = keys.into_iter().filter(|key| WAYS.contains(key));
        match (ways.next(), ways.next()) {
            (Some(way), None) => self.way(way, raw, path, place),
            (Some(first), Some(second)) => {
                let said = words(
                    "a locator has one way to find an element",
                    format!("beside `{first}`"),
                    "make it two locators in a list, of which the first that finds something wins",
                );
                let at = path.key(second);
                self.mistakes.error(Spot::Key(&at), "two-ways", said);
                None
            }
            (None, _) => {
                if !self.mistakes.touch(path) {
                    let said = words(
                        "this locator has no way to find an element",
                        "says only which of those found",
                        format!("add one of {}", listed(WAYS)),
                    );
                    self.mistakes.error(Spot::Value(path), "no-way", said);
                }
                None
            }
        }
    }

    fn way(&mut self, way: &str, raw: &raw::Locator, path: &Path, place: Place) -> Option<By> {
        let at = path.key(way);
        let mut text = |text: &Option<String>| self.way_text(text.as_deref()?, &at, place);
        match way {
            "css" => text(&raw.css).map(By::Css),
            "xpath" => text(&raw.xpath).map(By::Xpath),
            "testid" => text(&raw.testid).map(By::TestId),
            "text" => text(&raw.text).map(By::Text),
            "label" => text(&raw.label).map(By::Label),
            "placeholder" => text(&raw.placeholder).map(By::Placeholder),
            "deep" => text(&raw.deep).map(By::Deep),
            "path" => self.shadow_path(raw.path.as_deref()?, &at, place),
            _ => self.role(raw, path, place),
        }
    }

    fn way_text(&mut self, text: &str, path: &Path, place: Place) -> Option<Template> {
        let text = self.filled(text, path)?;
        Some(self.template(&text, path, place))
    }

    fn shadow_path(&mut self, parts: &[String], path: &Path, place: Place) -> Option<By> {
        if parts.is_empty() {
            self.empty_list(path);
            return None;
        }
        let all = parts.iter().enumerate();
        let parts = all.filter_map(|(index, part)| self.way_text(part, &path.index(index), place));
        Some(By::Path(parts.collect()))
    }

    fn role(&mut self, raw: &raw::Locator, path: &Path, place: Place) -> Option<By> {
        let role = self.filled(raw.role.as_ref()?, &path.key("role"))?;
        let name = match (&raw.name, &raw.name_re) {
            (Some(name), None) => Some(Match::Exactly(self.template(
                name,
                &path.key("name"),
                place,
            ))),
            (None, Some(pattern)) => {
                self.regex(pattern, &path.key("name_re"))?;
                Some(Match::Pattern(pattern.clone()))
            }
            (None, None) => None,
            (Some(_), Some(_)) => {
                let said = words(
                    "`name` and `name_re` exclude each other",
                    "beside `name`",
                    "keep one of the two",
                );
                let at = path.key("name_re");
                self.mistakes.error(Spot::Key(&at), "exclusive", said);
                None
            }
        };
        Some(By::Role { role, name })
    }

    fn names_need_a_role(&mut self, path: &Path) {
        if self.document.has(&path.key("role")) {
            return;
        }
        for key in ["name", "name_re"] {
            let at = path.key(key);
            if self.document.has(&at) {
                let said = words(
                    format!("`{key}` needs a `role`"),
                    "an accessible name alone finds nothing",
                    "add `role`, such as `button`; or use `text` or `label`",
                );
                self.mistakes.error(Spot::Key(&at), "needs-role", said);
            }
        }
    }

    /// Every place to fill in of an alias, and of those that lead to it, each once.
    pub(super) fn alias_pieces(&self, alias: &str) -> Vec<Piece> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![alias];
        let mut pieces = Vec::new();
        while let Some(alias) = waiting.pop() {
            if !seen.insert(alias) {
                continue;
            }
            for locator in self.locators.get(alias).into_iter().flatten() {
                let texts = locator.by.templates().into_iter().chain(&locator.has_text);
                for piece in texts.flat_map(|text| &text.0) {
                    if !matches!(piece, Piece::Literal(_)) && !pieces.contains(piece) {
                        pieces.push(piece.clone());
                    }
                }
                waiting.extend(locator.leads_through());
            }
        }
        pieces
    }

    /// No alias is within itself. Each circle is said once, at the `within` or `frame` that closes it.
    fn circles(&mut self) {
        let mut done = BTreeSet::new();
        let mut closing = Vec::new();
        for alias in self.locators.keys() {
            closing.extend(circles_from(alias, &self.locators, &mut done));
        }
        for (alias, within) in closing {
            let said = words(
                format!("`{alias}` is within itself"),
                format!("leads back to `{alias}`"),
                "drop one `within` or `frame` of the circle",
            );
            let path = self.way_in(&alias, &within);
            self.mistakes
                .error(Spot::Value(&path), "cyclic-alias", said);
        }
    }

    /// Where an alias says that it is within another, or in its frame.
    fn way_in(&self, alias: &str, around: &str) -> Path {
        let path = self.top("loc").key(alias);
        let key = |one: &raw::Locator| {
            let keys = [("within", &one.within), ("frame", &one.frame)];
            let mut named = keys
                .into_iter()
                .filter(|(_, said)| said.as_deref() == Some(around));
            named.next().map(|(key, _)| key)
        };
        let found = match self.raw.loc.as_ref().and_then(|loc| loc.get(alias)) {
            Some(raw::Locators::Many(many)) => {
                let mut all = many.iter().enumerate();
                all.find_map(|(index, one)| Some(path.index(index).key(key(one)?)))
            }
            Some(raw::Locators::One(one)) => key(one).map(|key| path.key(key)),
            None => None,
        };
        found.unwrap_or(path)
    }
}

/// Whether it looks for words that are another in another language.
fn speaks(by: &By) -> bool {
    match by {
        By::Css(_) | By::Xpath(_) | By::TestId(_) | By::Path(_) | By::Deep(_) => false,
        By::Role { name, .. } => name.is_some(),
        By::Text(_) | By::Label(_) | By::Placeholder(_) => true,
    }
}

/// Walks from one alias along `within` and `frame`, depth first and without recursion (a file may have thousands), and returns
/// what leads back to where the walk already stands.
fn circles_from(
    start: &str,
    locators: &BTreeMap<String, Vec<Locator>>,
    done: &mut BTreeSet<String>,
) -> Vec<(String, String)> {
    let nexts = |alias: &str| -> Vec<String> {
        let all = locators.get(alias).into_iter().flatten();
        all.flat_map(Locator::leads_through)
            .map(str::to_owned)
            .collect()
    };
    let mut closing = Vec::new();
    if done.contains(start) {
        return closing;
    }
    let mut trail = vec![(start.to_owned(), nexts(start))];
    let mut on_trail = BTreeSet::from([start.to_owned()]);
    while let Some((alias, waiting)) = trail.last_mut() {
        let Some(next) = waiting.pop() else {
            on_trail.remove(alias);
            done.insert(std::mem::take(alias));
            trail.pop();
            continue;
        };
        if on_trail.contains(&next) {
            closing.push((alias.clone(), next));
        } else if !done.contains(&next) {
            on_trail.insert(next.clone());
            let further = nexts(&next);
            trail.push((next, further));
        }
    }
    closing
}
