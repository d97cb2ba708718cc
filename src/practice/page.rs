//! The pages, which are files in the binary, and what every answer says about itself.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

use super::chat::ACCOUNTS;
use super::persona::Manners;

const SIGN_IN: &str = include_str!("page/sign-in.html");
const CHAT: &str = include_str!("page/chat.html");

/// A file of a page.
pub(super) struct File {
    media_type: &'static str,
    text: &'static str,
}

pub(super) const STYLE: File = File {
    media_type: "text/css; charset=utf-8",
    text: include_str!("page/style.css"),
};
pub(super) const ICON: File = File {
    media_type: "image/svg+xml",
    text: include_str!("page/icon.svg"),
};
pub(super) const SIGN_IN_SCRIPT: File = File {
    media_type: "text/javascript; charset=utf-8",
    text: include_str!("page/sign-in.js"),
};
pub(super) const CHAT_SCRIPT: File = File {
    media_type: "text/javascript; charset=utf-8",
    text: include_str!("page/chat.js"),
};

impl IntoResponse for File {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.media_type)], self.text).into_response()
    }
}

/// The page to sign in on; `said` is what was wrong the last time.
pub(super) fn sign_in(said: &'static str) -> Html<String> {
    let accounts: String = ACCOUNTS
        .iter()
        .map(|one| {
            let (user, password) = (one.user, one.password);
            format!(
                "<button type=\"button\" class=\"quiet\" data-testid=\"fill-{user}\" data-user=\"{user}\" \
                 data-password=\"{password}\">Fill in <span>{user}</span></button>\n"
            )
        })
        .collect();
    Html(
        SIGN_IN
            .replace("{accounts}", &accounts)
            .replace("{said}", said),
    )
}

/// The page of the chat. Everything that anybody wrote is put in by its script, as text.
pub(super) fn chat() -> Html<&'static str> {
    Html(CHAT)
}

/// What every answer carries. Only a messenger whose pages fetch links lets them ask elsewhere.
pub(super) fn headers(manners: Manners) -> HeaderMap {
    let policy = match manners.page_of {
        None => HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        Some(_) => HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http: https:; \
             connect-src 'self' http: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    };
    let fixed: [(HeaderName, &'static str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let fixed = fixed.map(|(name, value)| (name, HeaderValue::from_static(value)));
    HeaderMap::from_iter(
        [(header::CONTENT_SECURITY_POLICY, policy)]
            .into_iter()
            .chain(fixed),
    )
}
