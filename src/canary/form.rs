use crate::model::{Form, Part, TokenId};

use super::Mint;

/// A token dressed as a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The whole link, as it is typed.
    pub url: String,
    /// The token that makes it like no other.
    pub token: String,
}

/// What a link of a form looks like, and what it is for. The page behind it is a [`super::Page`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dress {
    /// The link, with `COLLECTOR` for host and port, `TOKEN` for the token and `SECRET` for a second one.
    pub link: &'static str,
    /// What is behind it.
    pub what: &'static str,
    /// The question it asks.
    pub asks: &'static str,
}

/// The one table of forms.
#[must_use]
#[rustfmt::skip]
pub const fn dress_of(form: Form) -> Dress {
    const PLAIN: &str = "http://COLLECTOR/TOKEN";
    let (link, what, asks) = match form {
        Form::Http => (PLAIN, "a page with an image and a style sheet", "is it fetched, and rendered?"),
        // The heise shape of 2013: what a one-time link or a share holds is in the query. A second token there shows
        // whether the whole link was learned or only its path.
        Form::QuerySecret => ("http://COLLECTOR/TOKEN?key=SECRET", "the same", "is the secret in a link's query used?"),
        Form::Https => ("https://COLLECTOR/TOKEN",
            "the same, over TLS", "is a link fetched whose certificate is checked?"),
        // Messengers that show pictures in place go by the ending.
        Form::Image => ("http://COLLECTOR/TOKEN.png", "a PNG", "is a picture fetched to be shown?"),
        Form::Redirect301 => (PLAIN, "301 to another token", "is a redirect followed?"),
        Form::Redirect302 => (PLAIN, "302 to another token", "the same"),
        Form::Redirect307 => (PLAIN, "307 to another token", "the same; and with the same method?"),
        Form::RedirectMeta => (PLAIN, "a page that leads on by `meta refresh`", "is markup followed?"),
        Form::RedirectScript => (PLAIN,
            "a page that leads on by script, to an address written in it", "is it run, or searched for addresses?"),
        Form::Large => (PLAIN, "8 MiB, in ranges if asked for", "how much is taken?"),
        Form::Script => (PLAIN, "a page whose script computes an address that stands nowhere in it", "is it run?"),
        Form::RobotsAllowed => ("http://COLLECTOR/open/TOKEN",
            "the page, where `robots.txt` allows programs", "is `robots.txt` read? The control for the next"),
        Form::RobotsDenied => ("http://COLLECTOR/private/TOKEN",
            "the page, where `robots.txt` forbids programs", "is `robots.txt` obeyed?"),
        Form::NotFound => (PLAIN, "404 with a body", "is it tried again?"),
        Form::Slow => (PLAIN, "a page in five pieces over four seconds", "how long is waited?"),
        Form::Pdf => ("http://COLLECTOR/TOKEN.pdf", "a PDF with a link in it", "are documents fetched, and searched?"),
        Form::Credentials => ("http://reader:SECRET@COLLECTOR/TOKEN",
            "the page; user and password are made up", "are a link's user and password used?"),
    };
    Dress { link, what, asks }
}

/// Dresses the link of a trial: `id` is its `link` token, `public` the collector's address without a closing slash.
/// Where a `*` stands in it, a host token is put: who learned no more than the host has another token than who learned
/// the path. An empty address gives what stands behind it.
#[must_use]
pub fn dress(mint: &Mint, public: &str, id: TokenId) -> Link {
    let of = |part| mint.token(TokenId { part, ..id });
    let token = mint.token(id);
    let link = dress_of(id.form).link;
    let (front, behind) = link.split_once("COLLECTOR").unwrap_or(("", link));
    let front = if public.is_empty() { "" } else { front };
    let authority = public
        .split_once("://")
        .map_or(public, |(_, authority)| authority)
        .replacen('*', &of(Part::Host), 1);
    // A token is in small letters, so no place of the table can stand in one.
    let url = format!("{front}{authority}{behind}")
        .replace("TOKEN", &token)
        .replace("SECRET", &of(Part::Secret));
    Link { url, token }
}

/// The same address over TLS: the collector hears both at one port.
#[must_use]
pub fn over_tls(public: &str) -> String {
    public.replacen("http://", "https://", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canary::Key;
    use crate::model::{Arm, RunId, TrialId};

    #[test]
    fn every_form_makes_a_link_of_its_own_shape() {
        let mint = Key::new([1; 32]).mint(RunId(1));
        for &form in Form::ALL {
            let id = TokenId {
                run: RunId(1),
                trial: TrialId(2),
                arm: Arm::Sent,
                form,
                part: Part::Link,
            };
            let link = dress(&mint, "http://*.canary.example:8080", id);
            let url = url::Url::parse(&link.url).unwrap();
            assert!(url.path().contains(&link.token), "{}", link.url);
            let host = mint.token(TokenId {
                part: Part::Host,
                ..id
            });
            assert_eq!(url.host_str(), Some(&*format!("{host}.canary.example")));
            assert_eq!(url.scheme() == "https", form == Form::Https);
            assert_eq!(url.password().is_some(), form == Form::Credentials);
            let target = dress(&mint, "", id).url;
            assert!(target.starts_with('/') && link.url.ends_with(&target));
        }
    }
}
