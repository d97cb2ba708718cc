use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::model::{Bytes, Class, Match, Part, Place, Recognition, TokenId};

use super::page::{Look, Page, Surroundings, nothing_here, page, robots};
use super::token::{ALPHABET, Key, Mint, Reader, TOKEN_CHARS};
use super::word::{before_one_error, shape, shaped_like_tokens};
use super::zone::Zone;

/// Words of one hit that look like tokens and are none, of which it is noted what they are. More of them say nothing
/// more, and must not make a record longer than what was sent; whole tokens of ours are all noted.
const BROKEN: usize = 16;

/// The tokens a collector knows, and what it needs to give strangers the same look.
#[derive(Debug, Clone)]
pub struct Keyring {
    known: Known,
    decoy: Key,
}

#[derive(Debug, Clone)]
enum Known {
    All(Reader),
    One(Mint),
}

impl Keyring {
    /// Knows the tokens of all runs of a collector.
    #[must_use]
    pub fn all(key: Key) -> Self {
        let decoy = key.derive("decoy", &[]);
        let known = Known::All(Reader::new(key));
        Self { known, decoy }
    }

    /// Knows the tokens of one run, where the collector that has the key is elsewhere; `decoy` makes the children of
    /// pages behind tokens that are not ours.
    #[must_use]
    pub const fn one(mint: Mint, decoy: Key) -> Self {
        let known = Known::One(mint);
        Self { known, decoy }
    }

    /// Finds the tokens in a request, and the page to answer it with. The page depends on the path alone: who knows no
    /// more than the host finds nothing. `may_try` is asked before a broken token is tried against ours, once at the
    /// most: it says whether there is time for it.
    #[must_use]
    pub fn answer(&self, asked: &Asked<'_>, may_try: impl FnOnce() -> bool) -> (Recognition, Page) {
        let target = decoded(asked.target);
        let host = text(asked.host);
        let (authority, behind) = split(&target);
        let (path, query) = behind.split_at(behind.find('?').unwrap_or(behind.len()));
        let zone = Zone::of(asked.public);
        let in_zone = |host| {
            zone.as_ref()
                .and_then(|zone| zone.inside(host))
                .unwrap_or_default()
        };
        let (referer, authorization) = (
            asked.referer.map(decoded).unwrap_or_default(),
            password(asked.authorization),
        );
        let (from, page_before) = split(&referer);
        let recognition = self.class(
            [
                (Place::Path, path),
                (Place::Query, query),
                (Place::Host, in_zone(authority)),
                (Place::Host, in_zone(&host)),
                (Place::Authorization, &authorization),
                (Place::Referer, in_zone(from)),
                (Place::Referer, page_before),
            ],
            may_try,
        );
        let hosts = [authority, &host].map(in_zone);
        let place = Spot {
            public: asked.public,
            host: hosts.into_iter().flat_map(shaped_like_tokens).next(),
        };
        (recognition, self.page(behind, &place))
    }

    fn page(&self, path: &str, place: &Spot<'_>) -> Page {
        let mut words = shaped_like_tokens(path).peekable();
        if words.peek().is_none() {
            return match path {
                "/robots.txt" => robots(),
                _ => nothing_here(),
            };
        }
        match words.find_map(|word| self.read(word)) {
            Some((mint, first)) => {
                let token = |part| mint.token(TokenId { part, ..first });
                page(Look::of(path, Some(first)), &place.with(token))
            }
            None => page(
                Look::of(path, None),
                &place.with(|part| self.decoy(part, path)),
            ),
        }
    }

    /// Finds the tokens in any other text from the network, such as the labels of a name.
    #[must_use]
    pub fn recognise(&self, place: Place, text: &str) -> Recognition {
        self.class([(place, text)], || false)
    }

    /// Finds the tokens in the host that a TLS hello names. One that is not in the zone is just a host, and no
    /// stranger's canary.
    #[must_use]
    pub fn recognise_name(&self, public: &str, name: &str) -> Recognition {
        if let Some(front) = Zone::of(public).as_ref().and_then(|zone| zone.inside(name)) {
            return self.recognise(Place::Sni, front);
        }
        let mut recognition = self.recognise(Place::Sni, name);
        recognition.matches.retain(|one| one.class == Class::Intact);
        recognition
    }

    fn class<'t>(
        &self,
        texts: impl IntoIterator<Item = (Place, &'t str)>,
        may_try: impl FnOnce() -> bool,
    ) -> Recognition {
        let (mut found, mut broken) = (Recognition::none(), 0);
        let mut may_try = Some(may_try);
        for (place, text) in texts {
            for word in shaped_like_tokens(text) {
                let one = self.find(place, word, &mut may_try);
                broken += usize::from(one.class != Class::Intact);
                let counts = one.class == Class::Intact || broken <= BROKEN;
                if counts && !found.matches.contains(&one) {
                    found.matches.push(one);
                }
            }
        }
        found
    }

    fn find(&self, place: Place, word: &str, may_try: &mut Option<impl FnOnce() -> bool>) -> Match {
        let of = |class, token| Match {
            place,
            class,
            token,
        };
        if let Some((_, token)) = self.read(word) {
            return of(Class::Intact, Some(token));
        }
        let near = word.len().abs_diff(TOKEN_CHARS) <= 1;
        let tried = near && may_try.take().is_some_and(|may| may());
        let tries = if tried {
            before_one_error(word)
        } else {
            Vec::new()
        };
        match tries.iter().find_map(|word| self.read(word)) {
            Some((_, token)) => of(Class::Mutated, Some(token)),
            None => of(shape(word), None),
        }
    }

    fn read(&self, word: &str) -> Option<(Mint, TokenId)> {
        match &self.known {
            Known::All(reader) => reader.read(word),
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

/// What of a request may hold a token.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The address in the links, in which a `*` stands for the host token.
    pub public: &'a str,
    /// The target.
    pub target: &'a Bytes,
    /// What the request says the host is.
    pub host: Option<&'a Bytes>,
    /// Where it says it comes from.
    pub referer: Option<&'a Bytes>,
    /// The credentials that it brings.
    pub authorization: Option<&'a Bytes>,
}

/// Where a page is asked for.
#[derive(Clone, Copy)]
struct Spot<'a> {
    public: &'a str,
    /// The host token, or what looks like one, by which the visitor came.
    host: Option<&'a str>,
}

impl<'a> Spot<'a> {
    const fn with<T: Fn(Part) -> String>(self, token: T) -> Around<'a, T> {
        Around { spot: self, token }
    }
}

/// A spot, with the tokens of what is there.
struct Around<'a, T> {
    spot: Spot<'a>,
    token: T,
}

impl<T: Fn(Part) -> String> Surroundings for Around<'_, T> {
    /// At the host that the visitor came by, else at the link's own.
    fn child(&self, part: Part) -> String {
        let host = self
            .spot
            .host
            .map_or_else(|| self.token(Part::Host), str::to_ascii_lowercase);
        let public = self.spot.public.replacen('*', &host, 1);
        let ending = match part {
            Part::Image => ".png",
            Part::Style => ".css",
            Part::Link | Part::Secret | Part::Host | Part::Hop | Part::Script => "",
        };
        format!("{public}/{}{ending}", self.token(part))
    }

    fn token(&self, part: Part) -> String {
        (self.token)(part)
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

/// User and password of basic authentication (RFC 7617), with a colon between them; nothing where there are none.
fn password(authorization: Option<&Bytes>) -> String {
    let text = text(authorization);
    let (scheme, rest) = text.split_once(' ').unwrap_or_default();
    let sealed = Some(rest.trim()).filter(|_| scheme.eq_ignore_ascii_case("basic"));
    let bytes = sealed.and_then(|sealed| BASE64.decode(sealed.as_bytes()).ok());
    Bytes(bytes.unwrap_or_default()).text()
}

fn text(value: Option<&Bytes>) -> String {
    value.map(Bytes::text).unwrap_or_default()
}

/// A target as text, with `%2F` and the like undone: a token may stand behind one.
fn decoded(target: &Bytes) -> String {
    let bytes: Vec<u8> = percent_encoding::percent_decode(&target.0).collect();
    Bytes(bytes).text()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canary::{Body, dress};
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

    fn asked<'a>(public: &'a str, target: &'a Bytes) -> Asked<'a> {
        Asked {
            public,
            target,
            host: None,
            referer: None,
            authorization: None,
        }
    }

    fn answer(target: &str) -> (Recognition, Page) {
        let target = Bytes::from(target.as_bytes());
        keyring().answer(&asked(PUBLIC, &target), || true)
    }

    fn found(recognition: &Recognition) -> Vec<(Place, Class, Option<TokenId>)> {
        let matches = recognition.matches.iter();
        matches
            .map(|one| (one.place, one.class, one.token))
            .collect()
    }

    fn whole(ids: &[(Place, TokenId)]) -> Recognition {
        let matches = ids.iter().map(|&(place, token)| Match {
            place,
            class: Class::Intact,
            token: Some(token),
        });
        Recognition {
            matches: matches.collect(),
        }
    }

    fn text_of(page: &Page) -> String {
        String::from_utf8(page.body.bytes(0..page.body.len())).unwrap()
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
            (Place::Path, id(Form::QuerySecret, Part::Link)),
            (Place::Query, id(Form::QuerySecret, Part::Secret)),
        ];
        assert_eq!(answer(&target).0, whole(&both));
        assert_eq!(answer(&target.to_uppercase()).0, whole(&both));
        let encoded = format!("/go%2f{}", &target[1..]);
        assert_eq!(answer(&encoded).0, whole(&both));
        let path_only = target.split('?').next().unwrap();
        assert_eq!(answer(path_only).0, whole(&both[..1]));
    }

    #[test]
    fn children_are_known_again_and_answered_in_kind() {
        let (_, page) = answer(&target_of(Form::Http));
        let html = text_of(&page);
        for (ending, part, media_type) in [
            (".png", Part::Image, "image/png"),
            (".css", Part::Style, "text/css; charset=utf-8"),
        ] {
            let end = html.find(ending).unwrap();
            let start = html[..end].rfind(PUBLIC).unwrap() + PUBLIC.len();
            let (recognition, child) = answer(&html[start..end + ending.len()]);
            assert_eq!(recognition, whole(&[(Place::Path, id(Form::Http, part))]));
            assert_eq!(child.media_type, media_type);
        }
    }

    /// Somebody who tries a broken token must not be able to tell it from a real one by the answer.
    #[test]
    fn strangers_get_the_same_look() {
        let real = target_of(Form::Http);
        let other = if &real[5..6] == "a" { "b" } else { "a" };
        let broken = format!("{}{other}{}", &real[..5], &real[6..]);
        let (recognition, page) = answer(&broken);
        assert_eq!(recognition.class(), Class::Mutated);
        let (_, real_page) = answer(&real);
        assert_eq!(
            (page.status, page.media_type, page.body.len()),
            (200, real_page.media_type, real_page.body.len())
        );
        assert_eq!(
            answer(&format!("{broken}.pdf")).1.media_type,
            "application/pdf"
        );
        assert_eq!(answer(&format!("{broken}.png")).1.media_type, "image/png");
        assert_eq!(answer("/robots.txt"), (Recognition::none(), robots()));
        assert_eq!(answer("/"), (Recognition::none(), nothing_here()));
    }

    const ZONED: &str = "http://*.canary.example:8080";

    fn ask(target: &str, host: &str) -> (Recognition, Page) {
        let host = Bytes::from(host.as_bytes());
        let target = Bytes::from(target.as_bytes());
        let asked = Asked {
            host: Some(&host),
            ..asked(ZONED, &target)
        };
        keyring().answer(&asked, || true)
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
        let link = (Place::Path, id(Form::Http, Part::Link));
        let label = (Place::Host, id(Form::Http, Part::Host));
        assert!(!host.contains(&target[1..]), "two tokens");
        assert_eq!(ask(&target, &host.to_uppercase()).0, whole(&[link, label]));
        assert_eq!(ask(&target, "192.0.2.1:8080").0, whole(&[link]));
        let (recognition, page) = ask("/robots.txt", &host);
        assert_eq!((recognition, page), (whole(&[label]), robots()));
        // Each once in each place.
        let absolute = format!("HTTP://{host}{target}");
        assert_eq!(ask(&absolute, &host).0, whole(&[link, label]));
        assert_eq!(ask(&absolute, &host).1.status, 200);
    }

    #[test]
    fn what_a_visitor_brings_along_is_known_again() {
        let (host, path) = zoned();
        let (referer, target) = (
            format!("http://{host}{path}?a=1"),
            Bytes::from(&b"/favicon.ico"[..]),
        );
        let secret = mint().token(id(Form::Credentials, Part::Secret));
        let basic = format!(
            "basic {}",
            BASE64.encode(format!("reader:{secret}").as_bytes())
        );
        let (referer, basic) = (
            Bytes::from(referer.as_bytes()),
            Bytes::from(basic.as_bytes()),
        );
        let asked = Asked {
            referer: Some(&referer),
            authorization: Some(&basic),
            ..asked(ZONED, &target)
        };
        let (recognition, page) = keyring().answer(&asked, || true);
        let brought = [
            (Place::Authorization, id(Form::Credentials, Part::Secret)),
            (Place::Referer, id(Form::Http, Part::Host)),
            (Place::Referer, id(Form::Http, Part::Link)),
        ];
        assert_eq!(recognition, whole(&brought));
        assert_eq!(page, nothing_here(), "the page depends on the path alone");
    }

    #[test]
    fn a_name_outside_the_zone_is_no_strangers_canary() {
        let token = mint().token(id(Form::Http, Part::Host));
        let of = |public, name: &str| found(&keyring().recognise_name(public, name));
        let ours = (Place::Sni, Class::Intact, Some(id(Form::Http, Part::Host)));
        assert_eq!(of(ZONED, &format!("{token}.canary.example")), [ours]);
        assert_eq!(of(PUBLIC, &format!("{token}.example")), [ours]);
        let strange = "b".repeat(45);
        let forged = (Place::Sni, Class::Forged, None);
        assert_eq!(of(ZONED, &format!("{strange}.canary.example")), [forged]);
        assert_eq!(of(ZONED, &format!("{strange}.example")), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever one error does to a token, it still names its canary; and it is tried only when there is time.
        #[test]
        fn one_error_is_undone(at in 0..TOKEN_CHARS, letter in "[a-z0-9]", kind in 0..3) {
            let link = id(Form::Large, Part::Link);
            let token = mint().token(link);
            let (front, rest) = token.split_at(at);
            let broken = match kind {
                0 => format!("{front}{letter}{}", &rest[1..]),
                1 => format!("{front}{letter}{rest}"),
                _ => format!("{front}{}", &rest[1..]),
            };
            prop_assume!(broken != token);
            let target = Bytes::from(format!("/{broken}").as_bytes());
            let (recognition, page) = keyring().answer(&asked(PUBLIC, &target), || true);
            prop_assert_eq!(found(&recognition), [(Place::Path, Class::Mutated, Some(link))]);
            prop_assert!(matches!(page.body, Body::Whole(_)), "no form is given away");
            let (untried, same) = keyring().answer(&asked(PUBLIC, &target), || false);
            prop_assert_eq!(found(&untried)[0].2, None);
            prop_assert_eq!(same, page);
        }

        /// A beginning names nobody, and neither does anything a stranger makes up.
        #[test]
        fn nothing_else_names_a_canary(length in 16..41_usize, made_up in "[a-z2-7]{41,43}") {
            let token = mint().token(id(Form::Http, Part::Link));
            let cut = answer(&format!("/{}", &token[..length])).0;
            prop_assert!(matches!(cut.class(), Class::Truncated | Class::Foreign));
            prop_assert_eq!(cut.matches[0].token, None);
            prop_assert_eq!(answer(&format!("/{made_up}")).0.matches[0].token, None);
        }
    }

    #[test]
    fn a_request_costs_one_try_and_a_short_record() {
        let words: Vec<String> = (0..500_u32)
            .map(|nth| format!("{:a>45}", nth * 16))
            .collect();
        let target = Bytes::from(format!("/{}", words.join("/")).as_bytes());
        let asks = std::cell::Cell::new(0);
        let may_try = || {
            asks.set(asks.get() + 1);
            true
        };
        let (recognition, _) = keyring().answer(&asked(PUBLIC, &target), may_try);
        assert_eq!(asks.get(), 1);
        assert!(recognition.matches.len() <= BROKEN);
    }

    #[test]
    fn each_form_has_its_page() {
        let look = |form| {
            let page = answer(&target_of(form)).1;
            let kind = match page.body {
                Body::Whole(_) => "whole",
                Body::Slow(_) => "slow",
                Body::Large(_) => "large",
            };
            let followed = page
                .location
                .map(|location| location.replacen(PUBLIC, "", 1));
            (page.status, page.media_type, kind, followed.is_some())
        };
        let html = "text/html; charset=utf-8";
        for &form in Form::ALL {
            let expected = match form {
                Form::Image => (200, "image/png", "whole", false),
                Form::Redirect301 => (301, html, "whole", true),
                Form::Redirect302 => (302, html, "whole", true),
                Form::Redirect307 => (307, html, "whole", true),
                Form::Large => (200, "application/octet-stream", "large", false),
                Form::NotFound => (404, html, "whole", false),
                Form::Slow => (200, html, "slow", false),
                Form::Pdf => (200, "application/pdf", "whole", false),
                _ => (200, html, "whole", false),
            };
            assert_eq!(look(form), expected, "{form}");
        }
    }

    /// Each form that leads on does so to a token of its own, behind which is a plain page and no way back.
    #[test]
    fn a_hop_is_known_again_and_leads_no_further() {
        for form in [
            Form::Redirect301,
            Form::Redirect302,
            Form::Redirect307,
            Form::RedirectMeta,
            Form::RedirectScript,
            Form::Pdf,
        ] {
            let page = answer(&target_of(form)).1;
            let text = page.location.clone().unwrap_or_else(|| text_of(&page));
            let start = text.rfind(&format!("{PUBLIC}/")).unwrap() + PUBLIC.len();
            let target = &text[start..start + 1 + TOKEN_CHARS];
            let (recognition, hop) = answer(target);
            assert_eq!(recognition, whole(&[(Place::Path, id(form, Part::Hop))]));
            assert_eq!((hop.status, hop.location), (200, None));
        }
    }

    #[test]
    fn a_zones_own_labels_are_no_tokens() {
        let public = "http://*.averylongandplainlabel.example:8080";
        let host = Bytes::from(&b"www.averylongandplainlabel.example:8080"[..]);
        let root = Bytes::from(&b"/"[..]);
        let asked = Asked {
            host: Some(&host),
            ..asked(public, &root)
        };
        assert_eq!(keyring().answer(&asked, || true).0, Recognition::none());
    }

    /// The children are where the page is, for a token of ours and for a stranger's.
    #[test]
    fn children_stay_at_the_host_the_visitor_came_by() {
        let (host, target) = zoned();
        let stranger = format!("{}.canary.example:8080", "b".repeat(45));
        for (host, target) in [
            (&host, target.as_str()),
            (&stranger, &target),
            (&stranger, &format!("/{}", "c".repeat(45))),
        ] {
            let html = text_of(&ask(target, host).1);
            assert!(
                html.contains(&format!("content=\"http://{host}/")),
                "{html}"
            );
        }
        let html = text_of(&ask(&target, "192.0.2.1").1);
        assert!(
            html.contains(&format!("content=\"http://{host}/")),
            "{html}"
        );
    }
}
