//! Words that look like tokens.
//!
//! Nothing of a broken token can be read: the synthetic IV authenticates the whole, and a collector keeps no table of
//! what was planted, so that a look-up costs the same for one canary as for a million. What can be said is this:
//!
//! * *mutated*: one character was changed, lost or added, and the word without the error is a token. To find that out
//!   all such words are tried, about 1400 at the most, so it is done for one word of an HTTP request, and only as often
//!   as the collector can afford; a mutated token therefore always names its canary.
//! * *truncated*: shaped like the beginning of a token, with letters and digits of its alphabet. Whether it was one of
//!   ours cannot be known.
//! * *forged*: shaped like a token and none. What is broken in two places, or was not tried, is among them.
//! * *foreign*: anything else of that length, such as a long word or a hexadecimal digest.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::model::Class;

use super::token::TOKEN_CHARS;

/// From this length on, a run of letters and digits is taken for a token, whole or broken.
const TOKEN_SHAPED: usize = 16;

/// What tokens are written with.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Whether a label looks like a token, whole or broken: the same for a token of ours and for a stranger's.
#[must_use]
pub fn is_token_shaped(label: &[u8]) -> bool {
    label.len() >= TOKEN_SHAPED && label.iter().all(u8::is_ascii_alphanumeric)
}

/// Runs of letters and digits, as tokens are.
static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("[0-9A-Za-z]+").ok());

/// From this length on a word without any digit is taken for a token as well: hardly a name is as long, and one token in a
/// hundred thousand has none.
const LONG: usize = 32;

/// The text with the middle of everything that may be a token taken out; its beginning is left, to tell one from another.
/// What is kept or shipped to others may not open anything, and a live canary is a link that a stranger may open.
#[must_use]
pub fn without_tokens(text: &str) -> String {
    let Some(words) = WORDS.as_ref() else {
        return String::new();
    };
    let cut = |found: &Captures<'_>| {
        let word = &found[0];
        match may_be_token(word) {
            true => format!("{}…", &word[..6]),
            false => word.to_owned(),
        }
    };
    words.replace_all(text, cut).into_owned()
}

/// Whether anything in a text may be a token.
#[must_use]
pub fn holds_token(text: &str) -> bool {
    shaped_like_tokens(text).any(may_be_token)
}

fn may_be_token(word: &str) -> bool {
    let digits = word.bytes().any(|byte| byte.is_ascii_digit());
    is_token_shaped(word.as_bytes()) && (digits || word.len() >= LONG)
}

/// The words of a text that look like tokens.
pub(super) fn shaped_like_tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() >= TOKEN_SHAPED)
}

/// What a word that is no token of ours can be by its shape.
pub(super) fn shape(word: &str) -> Class {
    let letters = word.bytes().all(is_letter);
    let has = |wanted: fn(&u8) -> bool| word.as_bytes().iter().any(wanted);
    // One in thirty beginnings of sixteen characters has no digit; nearly every plain word has none.
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    match word.len() {
        TOKEN_CHARS if letters => Class::Forged,
        length if length < TOKEN_CHARS && letters && mixed => Class::Truncated,
        _ => Class::Foreign,
    }
}

/// Every word that this one can have been before one of its characters was changed, lost or added; none where one error
/// cannot have made it from a token.
pub(super) fn before_one_error(word: &str) -> Vec<String> {
    let word = word.to_ascii_lowercase();
    let strange: Vec<usize> = word
        .bytes()
        .enumerate()
        .filter(|(_, c)| !is_letter(*c))
        .map(|(at, _)| at)
        .collect();
    let places = || 0..word.len();
    match (word.len() + 1).checked_sub(TOKEN_CHARS) {
        Some(0) if strange.is_empty() => (0..TOKEN_CHARS)
            .flat_map(|at| with_each(&word, at, 0))
            .collect(),
        Some(1) => match strange[..] {
            [] => places().flat_map(|at| with_each(&word, at, 1)).collect(),
            [at] => with_each(&word, at, 1).collect(),
            _ => Vec::new(),
        },
        Some(2) => match strange[..] {
            [] => places().map(|at| without(&word, at)).collect(),
            [at] => vec![without(&word, at)],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// With each letter at a place, where it takes that of so many characters.
fn with_each(word: &str, at: usize, replaced: usize) -> impl Iterator<Item = String> + '_ {
    let (front, rest) = word.split_at(at);
    let rest = rest.get(replaced..).unwrap_or_default();
    LETTERS
        .iter()
        .map(move |&letter| format!("{front}{}{rest}", char::from(letter)))
}

fn without(word: &str, at: usize) -> String {
    let (front, rest) = word.split_at(at);
    format!("{front}{}", rest.get(1..).unwrap_or_default())
}

fn is_letter(byte: u8) -> bool {
    LETTERS.contains(&byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_says_no_more_than_it_can() {
        let token = "ab2c".repeat(12)[..45].to_owned();
        assert_eq!(shape(&token), Class::Forged);
        assert_eq!(shape(&token.to_uppercase()), Class::Forged);
        assert_eq!(shape(&token[..16]), Class::Truncated);
        assert_eq!(shape(&token[..41]), Class::Truncated);
        for other in [
            "averylongandplainlabel",
            "2345672345672345",
            "d41d8cd98f00b204e9800998ecf8427e",
            &(token.clone() + "a"),
            &token.replace('b', "1"),
        ] {
            assert_eq!(shape(other), Class::Foreign, "{other}");
        }
    }

    #[test]
    fn what_is_tried_is_bounded() {
        for length in 0..100 {
            for letter in ["a", "1"] {
                let tries = before_one_error(&letter.repeat(length)).len();
                assert!(tries <= 45 * 32, "{tries}");
                assert!((TOKEN_CHARS - 1..=TOKEN_CHARS + 1).contains(&length) || tries == 0);
            }
        }
    }
}
