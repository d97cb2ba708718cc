//! Link preview cards, made from what a page says about itself (the Open Graph protocol, <https://ogp.me>).

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

/// The longest text on a card, in characters.
const TEXT: usize = 160;

/// What is shown below a message about the link in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) title: String,
    pub(super) description: String,
    /// The picture that the provider keeps, so that no client has a reason to fetch it.
    pub(super) image: Option<Picture>,
}

/// A picture as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Picture {
    /// One of the kinds that browsers show and that cannot do anything.
    pub(super) fn of(bytes: Vec<u8>) -> Option<Self> {
        let media_type = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', ..] => "image/gif",
            _ => return None,
        };
        Some(Self { media_type, bytes })
    }
}

/// What a page says about itself, and where its image is.
pub(super) fn read(page: &[u8], at: &Url) -> (Card, Option<Url>) {
    let text = String::from_utf8_lossy(page);
    let said = |property: &str| meta(&text, property).map(|value| short(&value));
    let card = Card {
        title: said("og:title").unwrap_or_else(|| at.host_str().unwrap_or_default().to_owned()),
        description: said("og:description").unwrap_or_default(),
        image: None,
    };
    let image = meta(&text, "og:image").and_then(|image| at.join(&image).ok());
    (card, image)
}

static META: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)<meta\s+property="(og:[a-z]+)"\s+content="([^"]*)""#).ok());

fn meta(text: &str, property: &str) -> Option<String> {
    let mut found = META.iter().flat_map(|meta| meta.captures_iter(text));
    let (_, [_, content]) = found
        .find(|meta| meta.get(1).is_some_and(|name| name.as_str() == property))?
        .extract();
    let plain = content.replace("&lt;", "<").replace("&gt;", ">");
    Some(plain.replace("&quot;", "\"").replace("&amp;", "&"))
}

fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(TEXT)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_says_what_the_page_says() {
        let page = br#"<meta property="og:title" content="A &amp; B"><meta property="og:image" content="/i.png">"#;
        let (card, image) = read(page, &Url::parse("http://x.test/p").unwrap());
        assert_eq!(
            (card.title.as_str(), card.description.as_str()),
            ("A & B", "")
        );
        assert_eq!(image.unwrap().as_str(), "http://x.test/i.png");
        let (card, image) = read(b"", &Url::parse("http://x.test/p").unwrap());
        assert_eq!((card.title.as_str(), image), ("x.test", None));
    }

    #[test]
    fn only_a_picture_is_a_picture() {
        assert!(Picture::of(b"\x89PNG\r\n".to_vec()).is_some());
        assert!(Picture::of(b"<svg onload=alert(1)>".to_vec()).is_none());
    }
}
