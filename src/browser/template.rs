//! What the templates of a scenario are filled with.

use std::collections::BTreeMap;
use std::fmt;

use super::fault::Fault;
use super::veil::Veil;
use crate::canary::Link;
use crate::diagnostic::printable;
use crate::model::Account;
use crate::scenario::{Accounts, Piece, Template};

/// A value that is shown to nobody: its `Debug` is `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value into custody.
    #[must_use]
    pub const fn new(value: String) -> Self {
        Self(value)
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What templates are filled with, for one acting account.
#[derive(Debug, Clone, Default)]
pub struct Fill {
    /// The acting account's name.
    pub user: Option<String>,
    /// The other account's name.
    pub peer: Option<String>,
    /// The variables, by name; `save` adds to them.
    pub vars: BTreeMap<String, String>,
    /// The acting account's secrets, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// The trial's link; none outside a trial.
    pub link: Option<Link>,
    /// What hides secrets; none: one over the acting account's.
    pub veil: Option<Veil>,
}

impl Fill {
    /// The names as one of the two accounts sees them; everything else is still empty.
    #[must_use]
    pub fn acting(accounts: &Accounts, account: Account) -> Self {
        let other = match account {
            Account::Sender => Account::Recipient,
            Account::Recipient => Account::Sender,
        };
        Self {
            user: accounts.get(account).user.clone(),
            peer: accounts.get(other).user.clone(),
            ..Self::default()
        }
    }

    /// Replaces every secret in a text with `***`, however it is written.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.veil().without_secrets(text)
    }

    /// The same, and without anything that may be a canary's token: for what people are shown.
    #[must_use]
    pub fn cover(&self, text: &str) -> String {
        self.veil().cover(text)
    }

    /// What hides the secrets.
    #[must_use]
    pub fn veil(&self) -> Veil {
        let own = || Veil::over(self.secrets.values());
        self.veil.clone().unwrap_or_else(own)
    }

    /// The text, filled in.
    ///
    /// # Errors
    ///
    /// When something in it has no value.
    pub fn render(&self, template: &Template) -> Result<String, Fault> {
        self.render_with(template, |value| Ok(value.to_owned()))
    }

    /// For a CSS selector: what is filled in cannot end the string or name it stands in.
    pub(super) fn render_css(&self, template: &Template) -> Result<String, Fault> {
        self.render_with(template, |value| Ok(css_escape(value)))
    }

    /// For an XPath expression, whose strings know no escapes.
    pub(super) fn render_xpath(&self, template: &Template) -> Result<String, Fault> {
        self.render_with(template, |value| match value.contains(['"', '\'']) {
            true => Err(Fault::lasting(
                "a value with a quotation mark cannot stand in an XPath",
            )),
            false => Ok(value.to_owned()),
        })
    }

    fn render_with(
        &self,
        template: &Template,
        escape: impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<String, Fault> {
        let mut rendered = String::new();
        for piece in &template.0 {
            match piece {
                Piece::Literal(text) => rendered.push_str(text),
                piece => rendered.push_str(&escape(self.value(piece)?)?),
            }
        }
        Ok(rendered)
    }

    fn value<'a>(&'a self, piece: &'a Piece) -> Result<&'a str, Fault> {
        let link = self.link.as_ref();
        let value = match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Canary => link.map(|link| link.url.as_str()),
            Piece::CanaryToken => link.map(|link| link.token.as_str()),
            Piece::User => self.user.as_deref(),
            Piece::Peer => self.peer.as_deref(),
            Piece::Secret(name) => self.secrets.get(name).map(|secret| secret.0.as_str()),
            Piece::Var(name) => self.vars.get(name).map(String::as_str),
        };
        value.ok_or_else(|| Fault::lasting(format!("{} has no value", shown_piece(piece))))
    }
}

/// Whether a template holds a secret: then not even a part of what became of it may be shown.
pub(super) fn is_secret(template: &Template) -> bool {
    template
        .0
        .iter()
        .any(|piece| matches!(piece, Piece::Secret(_)))
}

/// A template as its author wrote it, for messages: nothing is filled in, so nothing leaks.
pub(super) fn shown(template: &Template) -> String {
    let text: String = template.0.iter().map(shown_piece).collect();
    printable(&text, 120)
}

fn shown_piece(piece: &Piece) -> String {
    match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Canary => "{canary}".to_owned(),
        Piece::CanaryToken => "{canary_token}".to_owned(),
        Piece::User => "{account.user}".to_owned(),
        Piece::Peer => "{peer.user}".to_owned(),
        Piece::Secret(name) => format!("{{secret.{name}}}"),
        Piece::Var(name) => format!("{{{name}}}"),
    }
}

/// Writes every character that could mean something to CSS as its number: right inside strings and names alike.
fn css_escape(value: &str) -> String {
    value
        .char_indices()
        .map(|(index, c)| {
            let plain = c.is_ascii_alphabetic()
                || (c.is_ascii_digit() && index > 0)
                || matches!(c, '_' | '\u{80}'..);
            if plain {
                c.to_string()
            } else {
                format!("\\{:x} ", u32::from(c))
            }
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fill() -> Fill {
        Fill {
            user: Some("alice".into()),
            vars: [("name".into(), "a\"] b".into())].into(),
            secrets: [("password".into(), Secret::new("p w&\"\n1".into()))].into(),
            ..Fill::default()
        }
    }

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let fill = fill();
        for told in [
            "p w&\"\n1",
            "p w&amp;\"\n1",
            "p w&amp;&quot;\n1",
            "p+w%26%22%0A1",
            "p%20w%26%22%0A1",
            "p w&\\\"\\n1",
        ] {
            assert_eq!(fill.redact(&format!("<{told}>")), "<***>");
        }
        assert!(!format!("{fill:?}").contains("p w"));
    }

    #[test]
    fn what_is_filled_in_stays_inside_its_selector() {
        let template = Template(vec![
            Piece::Literal("[n=\"".into()),
            Piece::Var("name".into()),
        ]);
        assert_eq!(
            fill().render_css(&template),
            Ok("[n=\"a\\22 \\5d \\20 b".into())
        );
        assert!(fill().render_xpath(&template).is_err());
        assert_eq!(shown(&template), "[n=\"{name}");
    }

    #[test]
    fn what_has_no_value_is_named() {
        let template = Template(vec![Piece::Canary]);
        let fault = fill().render(&template).unwrap_err();
        assert_eq!(fault.to_string(), "{canary} has no value");
    }
}
