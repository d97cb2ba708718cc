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

/// Dresses the link of a trial: `id` is its `link` token, `public` the collector's address without a closing slash.
/// Where a `*` stands in it, a host token is put: who learned no more than the host has another token than who learned
/// the path.
#[must_use]
pub fn dress(mint: &Mint, public: &str, id: TokenId) -> Link {
    let token = mint.token(id);
    let host = TokenId {
        part: Part::Host,
        ..id
    };
    let public = public.replacen('*', &mint.token(host), 1);
    let url = match id.form {
        Form::Http => format!("{public}/{token}"),
        Form::Https => format!("{}/{token}", over_tls(&public)),
        // The heise shape of 2013: what a one-time link or a share holds is in the query. A second token there shows
        // whether the whole link was learned or only its path.
        Form::QuerySecret => {
            let secret = mint.token(TokenId {
                part: Part::Secret,
                ..id
            });
            format!("{public}/{token}?key={secret}")
        }
    };
    Link { url, token }
}

/// The same address over TLS: the collector hears both at one port.
#[must_use]
pub fn over_tls(public: &str) -> String {
    public.replacen("http://", "https://", 1)
}
