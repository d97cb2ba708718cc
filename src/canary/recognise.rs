use sha2::{Digest, Sha256};

use crate::model::{Bytes, Part, Recognition, TokenId};

use super::page::{Children, Page, nothing_here, page};
use super::token::{ALPHABET, Key, Mint, TOKEN_CHARS};

/// From this length on, a run of letters and digits is taken for a token, whole or broken.
const TOKEN_SHAPED: usize = 16;

/// The keys a collector answers for, and what it needs to give strangers the same look.
#[derive(Debug, Clone)]
pub struct Keyring {
    mints: Vec<Mint>,
    decoy: Key,
}

impl Keyring {
    /// Answers for `mints`; `decoy` makes the children of pages behind tokens that are not ours.
    #[must_use]
    pub const fn new(mints: Vec<Mint>, decoy: Key) -> Self {
        Self { mints, decoy }
    }

    /// Finds the tokens in a request target, and the page to answer it with. `public` is the address in the links.
    #[must_use]
    pub fn answer(&self, public: &str, target: &Bytes) -> (Recognition, Page) {
        let target = decoded(target);
        let shaped: Vec<&str> = shaped_like_tokens(&target).collect();
        let ours: Vec<(&Mint, TokenId)> =
            shaped.iter().filter_map(|word| self.read(word)).collect();
        match ours.first() {
            Some(&(mint, first)) => {
                let tokens = each_once(ours.iter().map(|&(_, token)| token));
                (
                    Recognition::Intact { tokens },
                    page(part(&target), &children_of(mint, public, first)),
                )
            }
            None if shaped.is_empty() => (Recognition::None, nothing_here()),
            None => (
                Recognition::Foreign,
                page(part(&target), &self.decoys(public, &target)),
            ),
        }
    }

    fn read(&self, word: &str) -> Option<(&Mint, TokenId)> {
        self.mints
            .iter()
            .find_map(|mint| mint.read(word).map(|token| (mint, token)))
    }

    /// Children for a page behind a token that is not ours: they look like real ones, always the same for the same
    /// target, and are nobody's.
    fn decoys(&self, public: &str, target: &str) -> Children {
        let token = |part: Part| {
            let digest = Sha256::new()
                .chain_update(self.decoy.bytes())
                .chain_update(part.name())
                .chain_update(target.to_ascii_lowercase())
                .finalize();
            let mut text = ALPHABET.encode(&digest);
            text.truncate(TOKEN_CHARS);
            text
        };
        children(public, &token(Part::Image), &token(Part::Style))
    }
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

fn children_of(mint: &Mint, public: &str, id: TokenId) -> Children {
    let token = |part| mint.token(TokenId { part, ..id });
    children(public, &token(Part::Image), &token(Part::Style))
}

fn children(public: &str, image: &str, style: &str) -> Children {
    Children {
        image: format!("{public}/{image}.png"),
        style: format!("{public}/{style}.css"),
    }
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
        Keyring::new(vec![Mint::new(Key::new([1; 32]))], Key::new([2; 32]))
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
        keyring().answer(PUBLIC, &Bytes::from(target.as_bytes()))
    }

    fn intact(ids: &[TokenId]) -> Recognition {
        Recognition::Intact {
            tokens: ids.to_vec(),
        }
    }

    fn target_of(form: Form) -> String {
        dress(&keyring().mints[0], PUBLIC, id(form, Part::Link))
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
}
