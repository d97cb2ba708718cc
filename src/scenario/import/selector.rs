//! How the Recorder names an element, as locators of a scenario. The prefixes are those of puppeteer's query handlers.

use super::recording::Selector;
use super::write::{braced, quoted};

/// What an element is found by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Locators as they stand in a scenario, the most durable first.
    pub(super) locators: Vec<String>,
    /// Whether a password, or the like, belongs into it.
    pub(super) is_secret: bool,
}

impl Place {
    pub(super) fn of(selectors: &[Selector]) -> Self {
        let mut found: Vec<(u8, String)> = selectors.iter().filter_map(locator).collect();
        found.sort_by_key(|(rank, _)| *rank);
        let mut locators: Vec<String> = found.into_iter().map(|(_, locator)| locator).collect();
        locators.dedup();
        Self {
            locators,
            is_secret: selectors.iter().any(names_a_secret),
        }
    }
}

/// A locator, and how soon it is tried: what depends on no language first, what counts elements last.
fn locator(selector: &Selector) -> Option<(u8, String)> {
    match selector {
        Selector::Path(parts) => match parts.as_slice() {
            [only] => single(only),
            parts => path(parts),
        },
        Selector::One(one) => single(one),
    }
}

fn single(selector: &str) -> Option<(u8, String)> {
    let way = |rank, name: &str, value: &str| {
        Some((rank, format!("{name} = {}", quoted(&braced(value)))))
    };
    match selector.split_once('/') {
        Some(("aria", name)) => aria(name),
        Some(("text", text)) => way(3, "text", text),
        Some(("xpath", path)) => way(4, "xpath", path),
        Some(("pierce", css)) => way(1, "deep", css),
        _ if is_css(selector) => way(0, "css", selector),
        _ => None,
    }
}

/// A way through open shadow roots: CSS alone leads through them.
fn path(parts: &[String]) -> Option<(u8, String)> {
    let plain = parts
        .iter()
        .map(|part| part.strip_prefix("pierce/").unwrap_or(part));
    let plain: Vec<&str> = plain.collect();
    let foreign = |part: &&str| {
        !is_css(part)
            || ["aria/", "text/", "xpath/"]
                .iter()
                .any(|way| part.starts_with(way))
    };
    if plain.iter().any(foreign) {
        return None;
    }
    let parts: Vec<String> = plain
        .into_iter()
        .map(|part| quoted(&braced(part)))
        .collect();
    Some((1, format!("path = [{}]", parts.join(", "))))
}

/// `aria/Name`, `aria/Name[role="button"]`, `aria/[role="button"]`.
fn aria(text: &str) -> Option<(u8, String)> {
    let (name, attributes) = match text.find("[role=") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let role = attributes
        .trim_start_matches("[role=")
        .trim_end_matches(']')
        .trim_matches(['"', '\'']);
    let name = quoted(&braced(name));
    Some(match (name.as_str(), role) {
        ("\"\"", "") => return None,
        ("\"\"", role) => (2, format!("role = {}", quoted(role))),
        (name, "") => (2, format!("label = {name}")),
        (name, role) => (2, format!("role = {}, name = {name}", quoted(role))),
    })
}

/// Puppeteer's own additions to CSS are none.
fn is_css(selector: &str) -> bool {
    !selector.is_empty() && !selector.contains("::-p-") && !selector.contains(">>>")
}

/// Words that name what must not be written down, in the languages that were thought of.
const SECRET: &[&str] = &[
    "pass",
    "pwd",
    "pin",
    "otp",
    "secret",
    "passcode",
    "kennwort",
    "senha",
    "contraseña",
    "contrasena",
    "token",
    "passe",
];

fn names_a_secret(selector: &Selector) -> bool {
    let text = match selector {
        Selector::One(one) => one.to_lowercase(),
        Selector::Path(parts) => parts.join(" ").to_lowercase(),
    };
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    text.contains("passw") || words.any(|word| SECRET.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(selector: &str) -> Option<String> {
        single(selector).map(|(_, locator)| locator)
    }

    #[test]
    fn each_prefix_has_its_locator() {
        let cases = [
            ("aria/Send", Some(r#"label = "Send""#)),
            (
                "aria/Send[role=\"button\"]",
                Some(r#"role = "button", name = "Send""#),
            ),
            ("aria/[role=\"textbox\"]", Some(r#"role = "textbox""#)),
            ("aria/", None),
            ("text/Not now", Some(r#"text = "Not now""#)),
            (
                "xpath///*[@id=\"a\"]/div",
                Some(r#"xpath = '//*[@id="a"]/div'"#),
            ),
            ("pierce/#a", Some(r##"deep = "#a""##)),
            ("#a > b", Some(r##"css = "#a > b""##)),
            ("a[href='x/y']", Some(r#"css = "a[href='x/y']""#)),
            ("div::-p-text(x)", None),
        ];
        for (selector, locator) in cases {
            assert_eq!(one(selector).as_deref(), locator, "{selector}");
        }
    }

    #[test]
    fn arrays_are_paths_and_the_durable_comes_first() {
        let selectors = vec![
            Selector::Path(vec!["aria/Send".into()]),
            Selector::Path(vec!["xpath///b".into()]),
            Selector::Path(vec!["rs-app".into(), "pierce/textarea".into()]),
            Selector::Path(vec!["rs-app".into(), "aria/Send".into()]),
            Selector::One("#send".into()),
        ];
        let expected = [
            r##"css = "#send""##,
            r#"path = ["rs-app", "textarea"]"#,
            r#"label = "Send""#,
            r#"xpath = "//b""#,
        ];
        assert_eq!(Place::of(&selectors).locators, expected);
    }

    #[test]
    fn what_names_a_password_is_told_from_what_only_sounds_so() {
        let secret = |text: &str| names_a_secret(&Selector::One(text.into()));
        assert!(secret("#signin-password") && secret("aria/PIN") && secret("input[name='pass']"));
        assert!(!secret("#spinner") && !secret(".compass") && !secret("#message"));
    }
}
