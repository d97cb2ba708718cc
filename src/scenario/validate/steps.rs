//! Rules about single steps.

use std::time::Duration;

use crate::diagnostic::did_you_mean;
use crate::model::Phase;
use crate::scenario::address::has_pages;
use crate::scenario::document::Path;
use crate::scenario::key::KEYS;
use crate::scenario::mistakes::{Spot, listed, words};
use crate::scenario::raw;
use crate::scenario::types::{Count, Guard, Piece, Step, Template, TypeText, Verb, Wait};

use super::Checker;
use super::places::Place;

/// The verbs; `mark` is one as well where it stands alone.
const VERBS: [&str; 8] = [
    "goto", "click", "type", "press", "wait", "hold", "manual", "save",
];

/// What does something on the page, and so can be tried again or be the effect.
const ACTS: &[&str] = &["goto", "click", "type", "press", "manual"];

/// What can take longer than nothing, and so can be limited.
const LASTS: &[&str] = &["goto", "click", "type", "press", "wait", "manual", "save"];

/// The modifiers that belong to some verbs only.
const BELONGS: &[(&str, &[&str])] = &[
    ("fresh", &["goto"]),
    ("into", &["type"]),
    ("via", &["type"]),
    ("verify", &["type"]),
    ("clear", &["type"]),
    ("gone", &["wait"]),
    ("count", &["wait"]),
    ("text", &["wait"]),
    ("until", &["manual"]),
    ("from", &["save"]),
    ("attr", &["save"]),
    ("effect", ACTS),
    ("timeout", LASTS),
    ("retry", LASTS),
];

/// The modifiers that a verb cannot do without.
const NEEDS: &[(&str, &str)] = &[("type", "into"), ("manual", "until"), ("save", "from")];

impl Checker<'_> {
    /// One step; none when it has no verb in order.
    pub(super) fn step(&mut self, raw: &raw::Step, path: &Path, phase: Phase) -> Option<Step> {
        let name = self.verb_name(path)?;
        self.modifiers(&name, path);
        if self.by_hand() {
            self.no_browser_here(&name, path);
        }
        let verb = self.verb(&name, raw, path, phase);
        let guard = self.guard(raw, path, phase);
        let timeout = raw.timeout.as_ref();
        let timeout = timeout.and_then(|text| self.some_duration(text, &path.key("timeout")));
        let mark = raw.mark.as_ref();
        let mark = mark.and_then(|mark| self.filled(mark, &path.key("mark")));
        // Only what follows can use what a step saves.
        self.saved.extend(raw.save.clone());
        Some(Step {
            verb: verb?,
            line: self
                .document
                .line(self.document.key_span(&path.key(&name)).start),
            optional: raw.optional.unwrap_or(false),
            guard,
            timeout,
            retry: raw.retry.unwrap_or(0),
            effect: raw.effect.unwrap_or(false),
            otherwise: raw.r#else.map(Into::into),
            mark,
        })
    }

    /// The one verb of a step.
    fn verb_name(&mut self, path: &Path) -> Option<String> {
        let keys = self.document.keys(path);
        let mut verbs = keys.iter().copied().filter(|key| VERBS.contains(key));
        match (verbs.next(), verbs.next()) {
            (Some(verb), None) => Some(verb.to_owned()),
            (None, _) if keys.contains(&"mark") => Some("mark".to_owned()),
            (Some(first), Some(second)) => {
                let said = words(
                    "a step has one verb",
                    format!("beside `{first}`"),
                    "make it two steps",
                );
                let at = path.key(second);
                self.mistakes.error(Spot::Key(&at), "two-verbs", said);
                None
            }
            (None, _) => {
                if !self.mistakes.touch(path) {
                    let said = words(
                        "this step does nothing",
                        "has no verb",
                        format!("add one of {}, `mark`", listed(VERBS)),
                    );
                    self.mistakes.error(Spot::Value(path), "no-verb", said);
                }
                None
            }
        }
    }

    /// Every modifier belongs to the verb, and none that it needs is missing.
    fn modifiers(&mut self, verb: &str, path: &Path) {
        // An unknown key may be the one that is needed.
        let torn = self.mistakes.touch(path);
        for key in self.document.keys(path) {
            let belongs = BELONGS.iter().find(|(modifier, _)| *modifier == key);
            if let Some((_, verbs)) = belongs.filter(|(_, verbs)| !verbs.contains(&verb)) {
                let said = words(
                    format!("`{verb}` has no `{key}`"),
                    format!("belongs to {}", listed(verbs.iter().copied())),
                    "drop it, or move it to the step it was meant for",
                );
                let at = path.key(key);
                self.mistakes
                    .error(Spot::Key(&at), "foreign-modifier", said);
            }
        }
        let by_hand = self.by_hand();
        let needed = NEEDS.iter().filter(|(needing, _)| *needing == verb);
        for (_, needed) in needed.filter(|(_, key)| *key != "until" || !by_hand) {
            let at = path.key(*needed);
            if !torn && !self.document.has(&at) {
                let said = words(
                    format!("`{verb}` needs `{needed}`"),
                    format!("has no `{needed}`"),
                    format!("add `{needed}`: an alias of `[loc]`, or a locator"),
                );
                let verb = path.key(verb);
                self.mistakes.error(Spot::Key(&verb), "missing-key", said);
            }
        }
    }

    fn verb(&mut self, name: &str, raw: &raw::Step, path: &Path, phase: Phase) -> Option<Verb> {
        let at = path.key(name);
        let place = Place::Step(phase);
        match name {
            "goto" => self.goto(raw, &at, phase),
            "click" => self.target(raw.click.as_ref(), &at, place).map(Verb::Click),
            "type" => self.type_text(raw, path, phase).map(Verb::Type),
            "press" => self.press(raw.press.as_ref()?, &at).map(Verb::Press),
            "wait" => self.wait(raw, path, place).map(Verb::Wait),
            "hold" => self.duration(raw.hold.as_ref()?, &at).map(Verb::Hold),
            "manual" => self.manual(raw, path, place),
            "save" => self.save(raw, path, place),
            _ => Some(Verb::Mark),
        }
    }

    fn goto(&mut self, raw: &raw::Step, path: &Path, phase: Phase) -> Option<Verb> {
        let text = self.filled(raw.goto.as_ref()?, path)?;
        let url = self.template(&text, path, Place::Address(phase));
        if !self.mistakes.touch(path) {
            self.addresses(&url, path);
        }
        let fresh = raw.fresh.unwrap_or(false);
        Some(Verb::Goto { url, fresh })
    }

    /// As far as an address is known before anybody gives values, it leads to one of the hosts.
    fn addresses(&mut self, url: &Template, path: &Path) {
        let mut seen = Vec::new();
        for (address, whole) in self.known_addresses(url) {
            if !whole && !host_is_whole(&address) || seen.contains(&address) {
                continue;
            }
            self.address(&address, path);
            seen.push(address);
        }
    }

    fn address(&mut self, address: &str, path: &Path) {
        let read = url::Url::parse(address).ok();
        let read = read.filter(|read| has_pages(read.scheme()));
        let Some(host) = read.as_ref().and_then(url::Url::host_str) else {
            let said = words(
                format!("`{address}` is not the address of a page"),
                "expected `http://` or `https://` and a host",
                "write the whole address, such as `https://chat.example.org/`",
            );
            self.mistakes.error(Spot::Value(path), "bad-address", said);
            return;
        };
        let known = &self.hosts;
        if known.is_empty() || known.iter().any(|known| known == host) {
            return;
        }
        let said = words(
            format!("`{host}` is not among the hosts"),
            format!("leads to `{host}`"),
            format!(
                "add it to `hosts` if it belongs to the service; known are {}",
                listed(known.iter().map(String::as_str))
            ),
        );
        self.mistakes.error(Spot::Value(path), "foreign-host", said);
    }

    /// What an address is with the values that the file knows: each variant's, or the defaults. As far as the first
    /// value that nobody knows yet; and whether that is all of it.
    fn known_addresses(&self, url: &Template) -> Vec<(String, bool)> {
        let none = raw::Variant::default();
        let variants = self.raw.variant.as_deref().unwrap_or_default();
        let variants = if variants.is_empty() {
            std::slice::from_ref(&none)
        } else {
            variants
        };
        let all = variants.iter();
        all.map(|variant| self.known_address(url, variant))
            .collect()
    }

    fn known_address(&self, url: &Template, variant: &raw::Variant) -> (String, bool) {
        let mut address = String::new();
        for piece in &url.0 {
            let known = match piece {
                Piece::Literal(text) => Some(text),
                Piece::Var(name) => self.known_value(name, variant),
                _ => None,
            };
            match known {
                Some(text) => address.push_str(text),
                None => return (address, false),
            }
        }
        (address, true)
    }

    fn known_value<'v>(&'v self, name: &str, variant: &'v raw::Variant) -> Option<&'v String> {
        let own = variant.vars.as_ref().and_then(|vars| vars.get(name));
        own.or_else(|| self.raw.vars.as_ref()?.get(name)?.default.as_ref())
    }

    fn type_text(&mut self, raw: &raw::Step, path: &Path, phase: Phase) -> Option<TypeText> {
        let text = raw.r#type.as_ref()?;
        let text = self.template(text, &path.key("type"), Place::Typed(phase));
        let into = self.target(raw.into.as_ref(), &path.key("into"), Place::Step(phase));
        // A secret that is read back would be in our hands a second time, and password boxes often hide it anyway.
        let verify = raw.verify.unwrap_or(!text.holds_secret());
        Some(TypeText {
            text,
            into: into?,
            paste: raw.via == Some(raw::Way::Paste),
            verify,
            clear: raw.clear.unwrap_or(false),
        })
    }

    fn press(&mut self, chord: &str, path: &Path) -> Option<Vec<String>> {
        let keys = split_chord(chord);
        let odd = keys.iter().find(|key| !is_key(key));
        let Some(odd) = odd else {
            return Some(keys);
        };
        let help = match did_you_mean_key(odd) {
            Some(key) => format!("did you mean `{key}`?"),
            None => "keys are single characters, or `Enter`, `Escape`, `Tab`, `Backspace`, `Delete`, `Home`, `End`, \
                     `PageUp`, `PageDown`, `ArrowUp`, `F1`, `Shift`, `Control`, `Alt`, `Meta` and the like"
                .to_owned(),
        };
        let said = words(
            format!("no key named `{odd}`"),
            "expected keys, with `+` between them",
            help,
        );
        self.mistakes
            .error(Spot::Value(path), "unknown-key-name", said);
        None
    }

    fn wait(&mut self, raw: &raw::Step, path: &Path, place: Place) -> Option<Wait> {
        self.exclude(path, "gone", "count");
        let at = path.key("wait");
        let target = match raw.wait.as_ref()? {
            raw::Wait::Address(address) => return self.wait_address(address, path),
            raw::Wait::Alias(alias) => self.alias(alias, &at, place),
            raw::Wait::One(one) => Some(self.unnamed_one(one, &at, place)),
            raw::Wait::Many(many) => Some(self.unnamed_many(many, &at, place)),
        };
        let count = raw.count.as_ref();
        let count = count.and_then(|text| self.count(text, &path.key("count")));
        let gone = raw.gone.unwrap_or(false).then_some(Count::Exactly(0));
        let text = raw.text.as_ref();
        let text = text.map(|text| self.template(text, &path.key("text"), place));
        Some(Wait::Element {
            target: target?,
            count: gone.or(count),
            text,
        })
    }

    fn wait_address(&mut self, raw: &raw::Address, path: &Path) -> Option<Wait> {
        for key in ["gone", "count", "text"] {
            let at = path.key(key);
            if self.document.has(&at) {
                let said = words(
                    format!("a wait for an address has no `{key}`"),
                    "belongs to a wait for an element",
                    "drop it, or wait for an element",
                );
                self.mistakes
                    .error(Spot::Key(&at), "foreign-modifier", said);
            }
        }
        let at = path.key("wait").key("url");
        self.regex(raw.url.as_ref()?, &at).map(Wait::Url)
    }

    fn count(&mut self, text: &str, path: &Path) -> Option<Count> {
        let read = match text.strip_prefix(">=") {
            Some(number) => number.trim().parse().ok().map(Count::AtLeast),
            None => text.parse().ok().map(Count::Exactly),
        };
        if read.is_none() {
            let said = words(
                format!("`{text}` is not a count"),
                "expected a number, or `>=` and a number",
                "write `2` for exactly two, or `>=2` for two or more",
            );
            self.mistakes.error(Spot::Value(path), "bad-count", said);
        }
        read
    }

    fn manual(&mut self, raw: &raw::Step, path: &Path, place: Place) -> Option<Verb> {
        let at = path.key("manual");
        let message = self.filled(raw.manual.as_ref()?, &at);
        let message = message.map(|text| self.template(&text, &at, place));
        let until = self.target(raw.until.as_ref(), &path.key("until"), place);
        if until.is_none() && !self.by_hand() {
            return None;
        }
        Some(Verb::Manual {
            message: message?,
            until,
        })
    }

    fn save(&mut self, raw: &raw::Step, path: &Path, place: Place) -> Option<Verb> {
        let name = raw.save.as_ref()?;
        let at = path.key("save");
        self.name(name, Spot::Value(&at));
        if self.document.has(&self.top("vars").key(name)) {
            let said = words(
                format!("`{name}` is a variable already"),
                "also in `[vars]`",
                "save it under another name",
            );
            self.mistakes.error(Spot::Value(&at), "bad-name", said);
        }
        let from = self.target(raw.from.as_ref(), &path.key("from"), place);
        Some(Verb::Save {
            name: name.clone(),
            from: from?,
            attr: raw.attr.clone(),
        })
    }

    fn guard(&mut self, raw: &raw::Step, path: &Path, phase: Phase) -> Option<Guard> {
        self.exclude(path, "if", "unless");
        let place = Place::Step(phase);
        let present = self.target(raw.r#if.as_ref(), &path.key("if"), place);
        let absent = self.target(raw.unless.as_ref(), &path.key("unless"), place);
        let probe = raw.probe.as_ref();
        let probe = probe.and_then(|text| self.duration(text, &path.key("probe")));
        let guarded = ["if", "unless"].map(|key| self.document.has(&path.key(key)));
        let at = path.key("probe");
        if self.document.has(&at) && guarded == [false, false] {
            let said = words(
                "`probe` needs `if` or `unless`",
                "nothing to look for",
                "add the condition, or use `timeout` for how long the step may take",
            );
            self.mistakes.error(Spot::Key(&at), "idle-probe", said);
        }
        let is_if = present.is_some();
        Some(Guard {
            target: present.or(absent)?,
            present: is_if,
            probe: probe.unwrap_or(Duration::ZERO),
        })
    }

    /// Of two keys a step has one at most.
    fn exclude(&mut self, path: &Path, one: &str, other: &str) {
        let (one_at, other_at) = (path.key(one), path.key(other));
        if self.document.has(&one_at) && self.document.has(&other_at) {
            let said = words(
                format!("`{one}` and `{other}` exclude each other"),
                format!("beside `{one}`"),
                "keep one of the two",
            );
            self.mistakes.error(Spot::Key(&other_at), "exclusive", said);
        }
    }
}

/// Whether the host in this beginning of an address is there to its end.
fn host_is_whole(beginning: &str) -> bool {
    beginning
        .split_once("://")
        .is_some_and(|(_, rest)| rest.trim_start_matches('/').contains(['/', '?', '#', ':']))
}

/// The keys of a chord; a `+` at the end is the key itself.
fn split_chord(chord: &str) -> Vec<String> {
    if chord == "+" {
        return vec!["+".to_owned()];
    }
    let (rest, plus) = match chord.strip_suffix("++") {
        Some(rest) => (rest, Some("+")),
        None => (chord, None),
    };
    rest.split('+').chain(plus).map(str::to_owned).collect()
}

fn is_key(key: &str) -> bool {
    let mut characters = key.chars();
    let single =
        matches!((characters.next(), characters.next()), (Some(c), None) if !c.is_control());
    names().any(|known| known == key) || single
}

/// The suggestions are looked for without regard to case, so `enter` and `ESCAPE` find their keys too.
fn did_you_mean_key(typed: &str) -> Option<&'static str> {
    let short = match typed.to_ascii_lowercase().as_str() {
        "ctrl" => Some("Control"),
        "esc" => Some("Escape"),
        "del" => Some("Delete"),
        "cmd" | "command" | "super" | "win" => Some("Meta"),
        "option" => Some("Alt"),
        "return" => Some("Enter"),
        "up" | "down" | "left" | "right" => names()
            .find(|key| key.to_ascii_lowercase() == format!("arrow{}", typed.to_ascii_lowercase())),
        _ => None,
    };
    let lower: Vec<String> = names().map(str::to_ascii_lowercase).collect();
    short.or_else(|| {
        let near = did_you_mean(typed, lower.iter().map(String::as_str))?;
        names().find(|key| key.eq_ignore_ascii_case(near))
    })
}

fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_cut_at_plus_signs_and_may_hold_one() {
        assert_eq!(split_chord("Enter"), ["Enter"]);
        assert_eq!(split_chord("Control+Shift+k"), ["Control", "Shift", "k"]);
        assert_eq!(split_chord("+"), ["+"]);
        assert_eq!(split_chord("Control++"), ["Control", "+"]);
    }

    #[test]
    fn keys_are_found_by_their_other_names() {
        assert_eq!(did_you_mean_key("ctrl"), Some("Control"));
        assert_eq!(did_you_mean_key("enter"), Some("Enter"));
        assert_eq!(did_you_mean_key("Up"), Some("ArrowUp"));
        assert_eq!(did_you_mean_key("carrot"), None);
        assert!(is_key("ü") && is_key(" ") && !is_key("\u{1b}") && !is_key(""));
    }
}
