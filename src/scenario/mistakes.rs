//! The mistakes found so far, each with the way to its place.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, Severity};

use super::document::{Document, Path};

/// What a mistake points at.
#[derive(Debug, Clone)]
pub(crate) enum Spot<'p> {
    /// The key that leads to a value.
    Key(&'p Path),
    /// The value; the table's header where it is missing.
    Value(&'p Path),
    /// A part of a string.
    Part(&'p Path, Range<usize>),
}

impl Spot<'_> {
    fn path(&self) -> &Path {
        match self {
            Self::Key(path) | Self::Value(path) | Self::Part(path, _) => path,
        }
    }
}

/// What a mistake says: what is wrong, what stands under the caret, and what to do.
#[derive(Debug)]
pub(crate) struct Words {
    /// What is wrong.
    pub(crate) message: String,
    /// What stands under the caret.
    pub(crate) label: String,
    /// What to do.
    pub(crate) help: String,
}

/// Says it.
pub(crate) fn words(
    message: impl Into<String>,
    label: impl Into<String>,
    help: impl Into<String>,
) -> Words {
    Words {
        message: message.into(),
        label: label.into(),
        help: help.into(),
    }
}

/// Names in backticks, with commas: what can be chosen from.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// All mistakes of one file.
#[derive(Debug)]
pub(crate) struct Mistakes<'d> {
    document: &'d Document<'d>,
    found: Vec<Diagnostic>,
    places: BTreeSet<Path>,
}

impl<'d> Mistakes<'d> {
    /// None yet.
    pub(crate) fn new(document: &'d Document<'d>) -> Self {
        Self {
            document,
            found: Vec::new(),
            places: BTreeSet::new(),
        }
    }

    /// Something is wrong.
    pub(crate) fn error(&mut self, spot: Spot<'_>, code: &'static str, words: Words) {
        self.places.insert(spot.path().clone());
        self.add(Severity::Error, &spot, code, words);
    }

    /// Something may not mean what its author thinks.
    pub(crate) fn warning(&mut self, spot: Spot<'_>, code: &'static str, words: Words) {
        self.add(Severity::Warning, &spot, code, words);
    }

    fn add(&mut self, severity: Severity, spot: &Spot<'_>, code: &'static str, words: Words) {
        let span = match spot {
            Spot::Key(path) => self.document.key_span(path),
            Spot::Value(path) => self.document.value_span(path),
            Spot::Part(path, part) => self.document.part_span(path, part.clone()),
        };
        self.found.push(Diagnostic {
            severity,
            code,
            message: words.message,
            span,
            label: words.label,
            help: Some(words.help),
        });
    }

    /// Whether something at this place, or in it, is wrong: then its absence is no second mistake.
    pub(crate) fn touch(&self, path: &Path) -> bool {
        self.places
            .range(path.clone()..)
            .next()
            .is_some_and(|place| place.is_in(path))
    }

    /// All of them, in the order of the file.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|mistake| (mistake.span.start, mistake.severity));
        self.found
    }
}
