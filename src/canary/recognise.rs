use sha2::{Digest, Sha256};

use crate::model::{Bytes, Part, Recognition, TokenId};

use super::page::{Children, Page, nothing_here, page};
use super::token::{ALPHABET, Key, Mint, TOKEN_CHARS};
use super::zone::Zone;

/// From this length on, a run of letters and digits is taken for a token, whole or broken.
const TOKEN_SHAPED: usize = 16;

/// The tokens a collector knows, and what it needs to give strangers the same look.
#[derive(Debug, Clone)]
pub struct Keyring {
    known: Known,
    decoy: Key,
}

#[derive(Debug, Clone)]
enum Known {
    All(Key),
    One(Mint),
}

impl Keyring {
    /// Knows the tokens of all runs of a collector.
    #[must_use]
    pub fn all(key: Key) -> Self {
        let decoy = key.derive("decoy", &[]);
        let known = Known::All(key);
        Self { known, decoy }
    }

    /// Knows the tokens of one run, where the collector that has the key is elsewhere; `decoy` makes the children of
    /// pages behind tokens that are not ours.
    #[must_use]
    pub const fn one(mint: Mint, decoy: Key) -> Self {
        let known = Known::One(mint);
        Self { known, decoy }
    }

    /// Finds the tokens in a request, and the page to answer it with. `public` is the address in the links, in which a
    /// `*` stands for the host token; `host` is what the request says the host is. The page depends on the path alone:
    /// who knows no more than the host finds nothing.
    #[must_use]
    pub fn answer(
        &self,
        public: &str,
        target: &Bytes,
        host: Option<&Bytes>,
    ) -> (Recognition, Page) {
        let (target, host) = (decoded(target), host.map(Bytes::text).unwrap_or_default());
        let (authority, path) = split(&target);
        let zone = Zone::of(public);
        let fronts = [authority, host.as_str()].map(|host| zone.as_ref()?.inside(host));
        let fronts = || fronts.into_iter().flatten().flat_map(shaped_like_tokens);
        let asked: Vec<&str> = shaped_like_tokens(path).collect();
        let shaped: Vec<&str> = asked.iter().copied().chain(fronts()).collect();
        let place = Place {
            public,
            host: fronts().next(),
        };
        (self.class(&shaped), self.page(path, &asked, &place))
    }

    fn page(&self, path: &str, asked: &[&str], place: &Place<'_>) -> Page {
        match asked.iter().find_map(|word| self.read(word)) {
            Some((mint, first)) => page(
                part(path),
                &place.children(|part| mint.token(TokenId { part, ..first })),
            ),
            None if asked.is_empty() => nothing_here(),
            None => page(part(path), &place.children(|part| self.decoy(part, path))),
        }
    }

    /// Finds the tokens in any other text from the network, such as the labels of a name.
    #[must_use]
    pub fn recognise(&self, text: &str) -> Recognition {
        self.class(&shaped_like_tokens(text).collect::<Vec<_>>())
    }

    fn class(&self, shaped: &[&str]) -> Recognition {
        let ours = shaped.iter().filter_map(|word| self.read(word));
        let tokens = each_once(ours.map(|(_, token)| token));
        match (tokens.is_empty(), shaped.is_empty()) {
            (false, _) => Recognition::Intact { tokens },
            (true, false) => Recognition::Foreign,
            (true, true) => Recognition::None,
        }
    }

    fn read(&self, word: &str) -> Option<(Mint, TokenId)> {
        match &self.known {
            Known::All(key) => key.read(word),
            Known::One(mint) => mint.read(word).map(|token| (mint.clone(), token)),
        }
    }

    /// A child's token for a page behind a token that is not ours: it looks like a real one, is always the same for the
    /// same path, and is nobody's.
    fn decoy(&self, part: Part, path: &str) -> String {
        let digest = Sha256::new()
            .chain_update(self.decoy.bytes())
            .chain_update(part.name())
            .chain_update(path.to_ascii_lowercase())
            .finalize();
        let mut text = ALPHABET.encode(&digest);
        text.truncate(TOKEN_CHARS);
        text
    }
}

/// Where a page is asked for.
struct Place<'a> {
    public: &'a str,
    /// The host token, or what looks like one, by which the visitor came.
    host: Option<&'a str>,
}

impl Place<'_> {
    /// The addresses of a page's children: at the host that the visitor came by, else at the link's own.
    fn children(&self, token: impl Fn(Part) -> String) -> Children {
        let host = self
            .host
            .map_or_else(|| token(Part::Host), str::to_ascii_lowercase);
        let public = self.public.replacen('*', &host, 1);
        Children {
            image: format!("{public}/{}.png", token(Part::Image)),
            style: format!("{public}/{}.css", token(Part::Style)),
        }
    }
}

/// A target's authority and the rest: only what is written for a proxy has one (RFC 9112 section 3.2.2).
fn split(target: &str) -> (&str, &str) {
    let absolute = ["http://", "https://"].into_iter().find_map(|scheme| {
        let (front, rest) = target.split_at_checked(scheme.len())?;
        front.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    match absolute {
        Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        None => ("", target),
    }
}

/// Whether a label looks like a token, whole or broken: the same for a token of ours and for a stranger's.
#[must_use]
pub fn is_token_shaped(label: &[u8]) -> bool {
    label.len() >= TOKEN_SHAPED && label.iter().all(u8::is_ascii_alphanumeric)
}

fn shaped_like_tokens(target: &str) -> impl Iterator<Item = &str> {
    target
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() >= TOKEN_SHAPED)
}

fn each_once(tokens: impl Iterator<Item = TokenId>) -> Vec<TokenId> {
    let mut once = Vec::new();
    for token in tokens {
        if !once.contains(&token) {
            once.push(token);
        }
    }
    once
}

/// What a target is answered with. Its ending is all there is to go by where a token is not ours, so it decides for
/// ours too: nobody can tell them apart.
fn part(target: &str) -> Part {
    let path = target
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    match path.rsplit_once('.') {
        Some((_, "png")) => Part::Image,
        Some((_, "css")) => Part::Style,
        _ => Part::Link,
    }
}

/// A target as text, with `%2F` and the like undone: a token may stand behind one.
fn decoded(target: &Bytes) -> String {
    let bytes: Vec<u8> = percent_encoding::percent_decode(&target.0).collect();
    Bytes(bytes).text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canary::dress;
    use crate::model::{Arm, Form, RunId, TrialId};

    const PUBLIC: &str = "http://127.0.0.1:8080";

    fn keyring() -> Keyring {
        Keyring::all(Key::new([1; 32]))
    }

    fn mint() -> Mint {
        Key::new([1; 32]).mint(RunId(5))
    }

    fn id(form: Form, part: Part) -> TokenId {
        TokenId {
            run: RunId(5),
            trial: TrialId(6),
            arm: Arm::Sent,
            form,
            part,
        }
    }

    fn answer(target: &str) -> (Recognition, Page) {
        keyring().answer(PUBLIC, &Bytes::from(target.as_bytes()), None)
    }

    fn intact(ids: &[TokenId]) -> Recognition {
        Recognition::Intact {
            tokens: ids.to_vec(),
        }
    }

    fn target_of(form: Form) -> String {
        dress(&mint(), PUBLIC, id(form, Part::Link))
            .url
            .replacen(PUBLIC, "", 1)
    }

    #[test]
    fn each_place_of_a_link_is_known_again() {
        let target = target_of(Form::QuerySecret);
        let both = [
            id(Form::QuerySecret, Part::Link),
            id(Form::QuerySecret, Part::Secret),
        ];
        assert_eq!(answer(&target).0, intact(&both));
        assert_eq!(answer(&target.to_uppercase()).0, intact(&both));
        let encoded = format!("/go%2f{}", &target[1..]);
        assert_eq!(answer(&encoded).0, intact(&both));
        let path_only = target.split('?').next().unwrap();
        assert_eq!(answer(path_only).0, intact(&both[..1]));
    }

    #[test]
    fn children_are_known_again_and_answered_in_kind() {
        let (_, page) = answer(&target_of(Form::Http));
        let html = String::from_utf8(page.body).unwrap();
        for (ending, part, media_type) in [
            (".png", Part::Image, "image/png"),
            (".css", Part::Style, "text/css; charset=utf-8"),
        ] {
            let end = html.find(ending).unwrap();
            let start = html[..end].rfind(PUBLIC).unwrap() + PUBLIC.len();
            let (recognition, child) = answer(&html[start..end + ending.len()]);
            assert_eq!(recognition, intact(&[id(Form::Http, part)]));
            assert_eq!(child.media_type, media_type);
        }
    }

    /// Somebody who tries a broken token must not be able to tell it from a real one by the answer.
    #[test]
    fn strangers_get_the_same_look() {
        let real = target_of(Form::Http);
        let broken = real.replace(&real[5..6], if &real[5..6] == "a" { "b" } else { "a" });
        let (recognition, page) = answer(&broken);
        assert_eq!(recognition, Recognition::Foreign);
        let (_, real_page) = answer(&real);
        assert_eq!(
            (page.status, page.media_type, page.body.len()),
            (200, real_page.media_type, real_page.body.len())
        );
        assert_eq!(answer(&format!("{broken}.png")).1.media_type, "image/png");
        assert_eq!(answer("/robots.txt"), (Recognition::None, nothing_here()));
    }

    const ZONED: &str = "http://*.canary.example:8080";

    fn ask(target: &str, host: &str) -> (Recognition, Page) {
        let host = Bytes::from(host.as_bytes());
        keyring().answer(ZONED, &Bytes::from(target.as_bytes()), Some(&host))
    }

    /// Host and target of a link in a zone.
    fn zoned() -> (String, String) {
        let link = dress(&mint(), ZONED, id(Form::Http, Part::Link)).url;
        let rest = link.strip_prefix("http://").unwrap();
        let (host, token) = rest.split_once('/').unwrap();
        (host.to_owned(), format!("/{token}"))
    }

    #[test]
    fn what_was_learned_of_a_link_shows_in_its_tokens() {
        let (host, target) = zoned();
        let (link, label) = (id(Form::Http, Part::Link), id(Form::Http, Part::Host));
        assert!(!host.contains(&target[1..]), "two tokens");
        assert_eq!(ask(&target, &host.to_uppercase()).0, intact(&[link, label]));
        assert_eq!(ask(&target, "192.0.2.1:8080").0, intact(&[link]));
        let (recognition, page) = ask("/robots.txt", &host);
        assert_eq!((recognition, page.status), (intact(&[label]), 404));
        // Each once, wherever they stand.
        let absolute = format!("HTTP://{host}{target}");
        assert_eq!(ask(&absolute, &host).0, intact(&[link, label]));
        assert_eq!(ask(&absolute, &host).1.status, 200);
    }

    #[test]
    fn a_zones_own_labels_are_no_tokens() {
        let public = "http://*.averylongandplainlabel.example:8080";
        let host = Bytes::from(&b"www.averylongandplainlabel.example:8080"[..]);
        let (recognition, _) = keyring().answer(public, &Bytes::from(&b"/"[..]), Some(&host));
        assert_eq!(recognition, Recognition::None);
    }

    /// The children are where the page is, for a token of ours and for a stranger's.
    #[test]
    fn children_stay_at_the_host_the_visitor_came_by() {
        let (host, target) = zoned();
        let stranger = format!("{}.canary.example:8080", "b".repeat(42));
        for (host, target) in [
            (&host, target.as_str()),
            (&stranger, &target),
            (&stranger, &format!("/{}", "c".repeat(42))),
        ] {
            let html = String::from_utf8(ask(target, host).1.body).unwrap();
            assert!(
                html.contains(&format!("content=\"http://{host}/")),
                "{html}"
            );
        }
        let html = String::from_utf8(ask(&target, "192.0.2.1").1.body).unwrap();
        assert!(
            html.contains(&format!("content=\"http://{host}/")),
            "{html}"
        );
    }
}
