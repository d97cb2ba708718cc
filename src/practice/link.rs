//! Links in a message: where they are, and what a provider may make of them.

use std::sync::LazyLock;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::{Captures, Regex};
use url::Url;

/// More links than these nobody previews.
const MOST: usize = 5;

/// Punctuation at a link's end belongs to the sentence. The page's script says the same.
static LINK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s<>"]*[^\s<>".,;:!?)'\]]"#).ok());

/// The links in a text, in order.
pub(super) fn links(text: &str) -> Vec<Url> {
    let found = LINK.iter().flat_map(|link| link.find_iter(text));
    found
        .filter_map(|link| Url::parse(link.as_str()).ok())
        .take(MOST)
        .collect()
}

/// A text whose links lead to `home`, which leads on.
pub(super) fn wrapped(text: &str, home: &str) -> String {
    let wrap = |link: &str| {
        let encoded = utf8_percent_encode(link, NON_ALPHANUMERIC);
        format!("{home}/l?u={encoded}")
    };
    replaced(text, wrap)
}

/// A text each of whose links has one character changed: one in the middle of what stands last in its path.
pub(super) fn mangled(text: &str) -> String {
    replaced(text, mangle)
}

fn mangle(link: &str) -> String {
    let path_ends = link.find(['?', '#']).unwrap_or(link.len());
    let (path, rest) = link.split_at(path_ends);
    let has_path = path.splitn(4, '/').nth(3).is_some();
    let Some((front, last)) = path.rsplit_once('/').filter(|_| has_path) else {
        return link.to_owned();
    };
    let name = last.split('.').next().unwrap_or_default().chars().count();
    let changed = |(at, c): (usize, char)| match (at == name / 2, c) {
        (true, 'b') => 'a',
        (true, _) => 'b',
        (false, c) => c,
    };
    let last: String = last.chars().enumerate().map(changed).collect();
    format!("{front}/{last}{rest}")
}

fn replaced(text: &str, by: impl Fn(&str) -> String) -> String {
    match &*LINK {
        Some(link) => link
            .replace_all(text, |found: &Captures<'_>| {
                found
                    .get(0)
                    .map(|link| by(link.as_str()))
                    .unwrap_or_default()
            })
            .into_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends_where_the_sentence_goes_on() {
        let found = links("see (http://a.test/x?y=1), or https://b.test:8443/z.png! ftp://c.test/");
        let found: Vec<&str> = found.iter().map(Url::as_str).collect();
        assert_eq!(found, ["http://a.test/x?y=1", "https://b.test:8443/z.png"]);
        assert!(links("no link, http:// alone, <b>").is_empty());
        assert_eq!(links(&"http://a.test/x ".repeat(9)).len(), MOST);
    }

    #[test]
    fn a_wrapped_link_leads_home() {
        assert_eq!(
            wrapped("a http://x.test/t?k=1.", "http://h:1"),
            "a http://h:1/l?u=http%3A%2F%2Fx%2Etest%2Ft%3Fk%3D1."
        );
    }

    #[test]
    fn a_mangled_link_differs_in_one_character_of_its_path() {
        for link in [
            "http://x.test/abcdefgh",
            "http://x.test/bbbbbb.png?k=1",
            "http://h/\u{e9}\u{e9}\u{e9}",
        ] {
            let other = mangled(link);
            let pairs = link.chars().zip(other.chars());
            assert_eq!(link.chars().count(), other.chars().count());
            assert_eq!(pairs.filter(|(a, b)| a != b).count(), 1, "{other}");
            assert_eq!(mangled("http://x.test"), "http://x.test");
            assert_eq!(
                Url::parse(&other).unwrap().host_str(),
                Url::parse(link).unwrap().host_str()
            );
        }
    }
}
