//! Text with places to fill in: `{canary}`, `{account.user}`, `{secret.NAME}`, `{NAME}`; `{{` and `}}` are braces.

use std::ops::Range;

use super::types::{Piece, Template};

/// What can stand in braces besides variables.
pub(super) const BUILT_IN: [&str; 4] = ["canary", "canary_token", "account.user", "peer.user"];

/// A piece and where in the text it stands.
pub(super) type Placed = (Piece, Range<usize>);

/// Why a text is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A brace is opened and never closed.
    Open,
    /// A brace is closed and was never opened.
    Close,
    /// What stands in the braces is no name.
    Name,
}

impl Template {
    /// Its pieces, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Whether a secret is in it, so that it must not be shown anywhere.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Secret(_)))
    }
}

/// Cuts a text into its pieces, and says what is wrong with it and where.
pub(super) fn cut(text: &str) -> (Vec<Placed>, Vec<(Flaw, Range<usize>)>) {
    let mut pieces: Vec<Placed> = Vec::new();
    let mut flaws = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (length, piece) = next(rest);
        let range = at..at + length;
        at += length;
        match (piece, pieces.last_mut()) {
            (Err(flaw), _) => flaws.push((flaw, range)),
            (Ok(Piece::Literal(more)), Some((Piece::Literal(before), _))) => before.push_str(&more),
            (Ok(piece), _) => pieces.push((piece, range)),
        }
    }
    (pieces, flaws)
}

/// The first piece of a text, and how many bytes it takes. The text is not empty.
fn next(text: &str) -> (usize, Result<Piece, Flaw>) {
    let literal = |length: usize, meant: &str| (length, Ok(Piece::Literal(meant.to_owned())));
    if text.starts_with("{{") {
        return literal(2, "{");
    }
    if text.starts_with("}}") {
        return literal(2, "}");
    }
    if text.starts_with('}') {
        return (1, Err(Flaw::Close));
    }
    let Some(inside) = text.strip_prefix('{') else {
        let length = text.find(['{', '}']).unwrap_or(text.len());
        return literal(length, text.get(..length).unwrap_or_default());
    };
    match inside.find(['{', '}']) {
        Some(end) if inside[end..].starts_with('}') => (end + 2, named(&inside[..end])),
        Some(end) => (end + 1, Err(Flaw::Open)),
        None => (text.len(), Err(Flaw::Open)),
    }
}

/// What a name in braces stands for.
fn named(name: &str) -> Result<Piece, Flaw> {
    Ok(match name {
        "canary" => Piece::Canary,
        "canary_token" => Piece::CanaryToken,
        "account.user" => Piece::User,
        "peer.user" => Piece::Peer,
        _ => match name.strip_prefix("secret.") {
            Some(secret) if is_name(secret) => Piece::Secret(secret.to_owned()),
            None if is_name(name) => Piece::Var(name.to_owned()),
            _ => return Err(Flaw::Name),
        },
    })
}

/// Whether this can name a variable or a secret: ASCII letters, digits, `_` and `-`, a letter first.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<Piece> {
        let (pieces, flaws) = cut(text);
        assert_eq!(flaws, [], "{text}");
        pieces.into_iter().map(|(piece, _)| piece).collect()
    }

    #[test]
    fn names_in_braces_are_places_to_fill_in() {
        assert_eq!(
            pieces("ü{canary} {secret.pin}{url}"),
            [
                Piece::Literal("ü".into()),
                Piece::Canary,
                Piece::Literal(" ".into()),
                Piece::Secret("pin".into()),
                Piece::Var("url".into()),
            ]
        );
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(pieces("a{{b}}c"), [Piece::Literal("a{b}c".into())]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn every_flaw_has_its_place() {
        let (_, flaws) = cut("{a b} {open } x} {un");
        assert_eq!(
            flaws,
            [
                (Flaw::Name, 0..5),
                (Flaw::Name, 6..13),
                (Flaw::Close, 15..16),
                (Flaw::Open, 17..20)
            ]
        );
    }
}
