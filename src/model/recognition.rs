use serde::{Deserialize, Serialize};

use super::TokenId;
use super::trial::named;

named! {
    /// Where in a hit a token stood.
    Place {
        /// In the host asked for: a `Host` line, `:authority`, a target for a proxy, or the name in a DNS query.
        Host = "host",
        /// In the host that a TLS hello names.
        Sni = "sni",
        /// In the target's path.
        Path = "path",
        /// In the target's query.
        Query = "query",
        /// In the address that a visitor says it comes from.
        Referer = "referer",
        /// In the user or password of basic authentication (RFC 7617).
        Authorization = "authorization",
        /// In bytes that are no request.
        Bytes = "bytes",
        /// Somewhere: records from before places were kept do not say.
        Unsaid = "unsaid",
    }
}

named! {
    /// How well a word that looks like a token was recognised, the best first.
    Class {
        /// Ours and whole.
        Intact = "intact",
        /// One character away from one of ours.
        Mutated = "mutated",
        /// Shaped like the beginning of a token. Whose it was, nobody can say.
        Truncated = "truncated",
        /// Shaped like a token, and not made by us; or ours and broken beyond what is tried.
        Forged = "forged",
        /// As long as a token, and of another shape.
        Foreign = "foreign",
        /// Nothing looks like a token.
        None = "none",
    }
}

/// A word that looks like a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Where it stood.
    pub place: Place,
    /// How well it was recognised.
    pub class: Class,
    /// What it says; for a mutated one, what the token next to it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenId>,
}

/// Which tokens a hit carried, and how well they were recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Recognition {
    /// Each once, in the order found.
    pub matches: Vec<Match>,
}

impl Recognition {
    /// Nothing looks like a token.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            matches: Vec::new(),
        }
    }

    /// Whole tokens of ours in one place.
    #[must_use]
    pub fn intact(place: Place, tokens: &[TokenId]) -> Self {
        let intact = |token: &TokenId| Match {
            place,
            class: Class::Intact,
            token: Some(*token),
        };
        Self {
            matches: tokens.iter().map(intact).collect(),
        }
    }

    /// The best class of all.
    #[must_use]
    pub fn class(&self) -> Class {
        let classes = self.matches.iter().map(|one| one.class);
        classes.min().unwrap_or(Class::None)
    }

    /// The whole tokens of ours, each once, wherever they stood.
    #[must_use]
    pub fn tokens_of_ours(&self) -> Vec<TokenId> {
        self.tokens(|one| one.class == Class::Intact)
    }

    pub(super) fn tokens(&self, wanted: impl Fn(&Match) -> bool) -> Vec<TokenId> {
        let mut once = Vec::new();
        let found = self.matches.iter().filter(|one| wanted(one));
        for token in found.filter_map(|one| one.token) {
            if !once.contains(&token) {
                once.push(token);
            }
        }
        once
    }
}

/// How it is written. The class is said for readers, and read only in records that hold no matches: those from before
/// places were kept have the whole tokens in a list.
#[derive(Serialize, Deserialize)]
struct Written {
    class: Class,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    matches: Vec<Match>,
    #[serde(default, skip_serializing)]
    tokens: Vec<TokenId>,
}

impl From<Recognition> for Written {
    fn from(recognition: Recognition) -> Self {
        Self {
            class: recognition.class(),
            matches: recognition.matches,
            tokens: Vec::new(),
        }
    }
}

impl From<Written> for Recognition {
    fn from(written: Written) -> Self {
        if !written.matches.is_empty() || written.class == Class::None {
            return Self {
                matches: written.matches,
            };
        }
        if written.class == Class::Intact {
            return Self::intact(Place::Unsaid, &written.tokens);
        }
        Self {
            matches: vec![Match {
                place: Place::Unsaid,
                class: written.class,
                token: None,
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arm, Form, Part, RunId, TrialId};

    const TOKEN: TokenId = TokenId {
        run: RunId(5),
        trial: TrialId(6),
        arm: Arm::Sent,
        form: Form::Http,
        part: Part::Link,
    };

    fn read(text: &str) -> Recognition {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut all = Recognition::intact(Place::Path, &[TOKEN]);
        for (place, class, token) in [
            (Place::Referer, Class::Mutated, Some(TOKEN)),
            (Place::Query, Class::Forged, None),
        ] {
            all.matches.push(Match {
                place,
                class,
                token,
            });
        }
        for recognition in [all, Recognition::none()] {
            let written = serde_json::to_string(&recognition).unwrap();
            assert_eq!(read(&written), recognition, "{written}");
        }
    }

    #[test]
    fn records_from_before_places_were_kept_are_read() {
        let token = serde_json::to_string(&TOKEN).unwrap();
        let old = format!(r#"{{"class":"intact","tokens":[{token}]}}"#);
        assert_eq!(read(&old), Recognition::intact(Place::Unsaid, &[TOKEN]));
        let foreign = read(r#"{"class":"foreign"}"#);
        assert_eq!(foreign.class(), Class::Foreign);
        assert_eq!(foreign.matches.len(), 1);
        assert_eq!(read(r#"{"class":"none"}"#), Recognition::none());
    }
}
