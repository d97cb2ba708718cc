//! TOML with the place of every key and value.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Severity};

/// A way through a document, from its top.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(Vec<Segment>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Key(String),
    Index(usize),
}

impl Path {
    /// The top of the file.
    pub(crate) fn top() -> Self {
        Self::default()
    }

    /// To this key of the table.
    pub(crate) fn key(&self, key: impl Into<String>) -> Self {
        self.then(Segment::Key(key.into()))
    }

    /// To this element of the array.
    pub(crate) fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    fn then(&self, segment: Segment) -> Self {
        let mut longer = self.clone();
        longer.0.push(segment);
        longer
    }

    /// Whether this leads to `other`, or to something in it.
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    fn parent(&self) -> Option<Self> {
        let (_, before) = self.0.split_last()?;
        Some(Self(before.to_vec()))
    }
}

/// As a header would have it: `login.steps`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        });
        f.write_str(&keys.collect::<Vec<_>>().join("."))
    }
}

/// The most mistakes of syntax that are kept: after so many, one more says nothing new.
const MOST_SYNTAX: usize = 100;

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Document<'s> {
    text: &'s str,
    line_ends: Vec<usize>,
    root: Spanned<DeValue<'s>>,
}

impl<'s> Document<'s> {
    /// Parses what can be parsed, and says what cannot.
    pub(crate) fn parse(text: &'s str) -> (Self, Vec<Diagnostic>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let root = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        let mistakes = errors
            .iter()
            .take(MOST_SYNTAX)
            .map(|error| syntax_mistake(error, text))
            .collect();
        let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
        let document = Self {
            text,
            line_ends,
            root,
        };
        (document, mistakes)
    }

    /// Line of a byte offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        let before = self.line_ends.partition_point(|&end| end < offset);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    /// The whole of it.
    pub(crate) fn root(&self) -> &Spanned<DeValue<'s>> {
        &self.root
    }

    /// Whether there is something at the end of the path.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.find(path).is_some()
    }

    /// The keys of a table in the order in which they are written; none where it is no table.
    pub(crate) fn keys(&self, path: &Path) -> Vec<&str> {
        let table = self.find(path).and_then(|found| found.get_ref().as_table());
        let mut keys: Vec<_> = table
            .into_iter()
            .flat_map(|table| table.keys())
            .map(|key| (key.span().start, key.get_ref().as_ref()))
            .collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Where a value stands. Of a table with a header, the header; of something missing, the table it is missing in.
    pub(crate) fn value_span(&self, path: &Path) -> Range<usize> {
        match (self.find(path), path.parent()) {
            (_, None) => self.first_key(),
            (Some(value), Some(_)) => value.span(),
            (None, Some(parent)) => self.value_span(&parent),
        }
    }

    /// Where the key stands that leads to a value; of an array's element, the element.
    pub(crate) fn key_span(&self, path: &Path) -> Range<usize> {
        let (Some(parent), Some(Segment::Key(key))) = (path.parent(), path.0.last()) else {
            return self.value_span(path);
        };
        self.find(&parent)
            .and_then(|found| found.get_ref().as_table())
            .and_then(|table| table.get_key_value(key.as_str()))
            .map_or_else(|| self.value_span(&parent), |(key, _)| key.span())
    }

    /// Where a part of a string stands; the whole string where escapes hide it.
    pub(crate) fn part_span(&self, path: &Path, part: Range<usize>) -> Range<usize> {
        let whole = self.value_span(path);
        let written = self.text.get(whole.clone()).unwrap_or_default();
        let meant = self.find(path).and_then(|found| found.get_ref().as_str());
        let as_written = meant.is_some_and(|meant| {
            written.len() == meant.len() + 2 && written.get(1..=meant.len()) == Some(meant)
        });
        if as_written {
            whole.start + 1 + part.start..whole.start + 1 + part.end
        } else {
            whole
        }
    }

    /// The first key of the file: what "the top" is, where something has to be pointed at.
    fn first_key(&self) -> Range<usize> {
        let table = self.root.get_ref().as_table();
        table
            .into_iter()
            .flat_map(|table| table.keys())
            .map(Spanned::span)
            .min_by_key(|span| span.start)
            .unwrap_or(0..0)
    }

    fn find(&self, path: &Path) -> Option<&Spanned<DeValue<'s>>> {
        path.0
            .iter()
            .try_fold(&self.root, |value, segment| match segment {
                Segment::Key(key) => value.get_ref().get(key.as_str()),
                Segment::Index(index) => value.get_ref().get(*index),
            })
    }
}

/// What the TOML parser says, in our form.
fn syntax_mistake(error: &toml::de::Error, text: &str) -> Diagnostic {
    let (what, expected) = match error.message().split_once(", expected ") {
        Some((what, expected)) => (what, Some(expected)),
        None => (error.message(), None),
    };
    let duplicate = what.starts_with("duplicate key");
    let help = if duplicate {
        "keep one of the two"
    } else {
        "strings stand in quotes, arrays in brackets, and every key has `=` and a value: see https://toml.io"
    };
    Diagnostic {
        severity: Severity::Error,
        code: if duplicate {
            "duplicate-key"
        } else {
            "bad-toml"
        },
        message: what.to_owned(),
        span: error.span().unwrap_or(text.len()..text.len()),
        label: expected.map_or_else(
            || if duplicate { "already given" } else { "here" }.to_owned(),
            |expected| format!("expected {expected}"),
        ),
        help: Some(help.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "a = 1\n[table]\nb = \"ü{x}\"\n[[list.steps]]\nc = 2\n[[list.steps]]\nd = \"\\u0041\"\n";

    fn at(span: Range<usize>) -> &'static str {
        &TEXT[span]
    }

    #[test]
    fn keys_values_and_what_is_missing_have_a_place() {
        let (document, mistakes) = Document::parse(TEXT);
        assert_eq!(mistakes, []);
        let top = Path::top();
        let step = top.key("list").key("steps").index(1);
        assert_eq!(at(document.key_span(&top.key("a"))), "a");
        assert_eq!(at(document.value_span(&top.key("a"))), "1");
        assert_eq!(
            at(document.value_span(&top.key("table").key("x"))),
            "[table]"
        );
        assert_eq!(at(document.key_span(&step.key("d"))), "d");
        assert_eq!(at(document.value_span(&step)), "[[list.steps]]");
        assert_eq!(at(document.value_span(&top.key("gone").key("x"))), "a");
        assert_eq!(step.to_string(), "list.steps");
    }

    #[test]
    fn a_part_of_a_string_is_pointed_at_unless_escapes_hide_it() {
        let (document, _) = Document::parse(TEXT);
        let b = Path::top().key("table").key("b");
        assert_eq!(at(document.part_span(&b, 2..5)), "{x}");
        let d = Path::top().key("list").key("steps").index(1).key("d");
        assert_eq!(at(document.part_span(&d, 0..1)), "\"\\u0041\"");
    }

    #[test]
    fn every_mistake_of_syntax_is_found() {
        let (document, mistakes) = Document::parse("a = \nb = 2\nb = 3\n");
        assert_eq!(mistakes.len(), 2);
        assert!(document.has(&Path::top().key("b")));
    }
}
