//! What a browser says of its pages: their console, and what they asked the network for. Kept in memory, the newest only,
//! and written out when a step fails; bodies and frames are never asked for.
//!
//! A Chromium tells its driver both (`goog:loggingPrefs`), and the driver keeps them until it is asked, so it is asked often.
//! Of headers only those are kept that say how something was loaded: what says who one is (`Authorization`, `Cookie`) is not
//! among them.

use std::collections::VecDeque;

use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};

use super::veil::Veil;
use crate::diagnostic::printable;
use crate::model::Timestamp;

/// So many lines of each log are kept.
const LINES: usize = 400;
/// How long a line is kept; it is shorter where it is shown.
const RAW: usize = 16_000;
/// How long a line is shown: cut after secrets were taken out, so that no cut goes through one.
const SHOWN: usize = 1_500;
/// A value in an address that is longer may be somebody's session.
const VALUE: usize = 12;

/// The headers of a request, and of its answer, that are kept.
const OF_REQUESTS: &[&str] = &["accept", "content-type", "origin", "referer"];
const OF_ANSWERS: &[&str] = &[
    "cache-control",
    "content-length",
    "content-security-policy",
    "content-type",
    "location",
    "retry-after",
    "server",
    "x-frame-options",
];

/// Which of a driver's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What pages wrote to the console, and what the browser has to say of them.
    Console,
    /// What pages asked the network for.
    Network,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Console, Self::Network];

    const fn name(self) -> &'static str {
        match self {
            Self::Console => "browser",
            Self::Network => "performance",
        }
    }
}

/// `POST .../se/log`, which is no part of WebDriver but of Selenium: what came since it was asked for last.
#[derive(Debug)]
pub(super) struct Log(pub(super) Kind);

impl WebDriverCompatibleCommand for Log {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "type": self.0.name() });
        (http::Method::POST, Some(body.to_string()))
    }
}

/// The newest lines of both logs, as they came: nothing is taken out yet, so they are shown to nobody.
#[derive(Default)]
pub(super) struct Logs {
    console: VecDeque<String>,
    network: VecDeque<String>,
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logs({}, {})", self.console.len(), self.network.len())
    }
}

impl Logs {
    /// Takes what a driver answered.
    pub(super) fn take(&mut self, kind: Kind, answer: &Value) {
        let entries = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let lines = entries.iter().filter_map(|entry| line(kind, entry));
        let kept = match kind {
            Kind::Console => &mut self.console,
            Kind::Network => &mut self.network,
        };
        for line in lines {
            kept.push_back(line.chars().take(RAW).collect());
            if kept.len() > LINES {
                kept.pop_front();
            }
        }
    }

    /// The lines of one log, fit to be kept.
    pub(super) fn shown(&self, kind: Kind, veil: &Veil) -> String {
        let lines = match kind {
            Kind::Console => &self.console,
            Kind::Network => &self.network,
        };
        shown(lines.iter().map(String::as_str), veil)
    }
}

/// Lines of anybody's text, without what may not be in them.
pub(super) fn shown<'l>(lines: impl IntoIterator<Item = &'l str>, veil: &Veil) -> String {
    let lines = lines.into_iter();
    lines
        .map(|line| printable(&veil.cover(line), SHOWN) + "\n")
        .collect()
}

fn line(kind: Kind, entry: &Value) -> Option<String> {
    let at = entry.get("timestamp").and_then(Value::as_i64);
    let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    let at = at.map_or_else(String::new, |at| format!("{at:.3}"));
    let message = text(entry, "message");
    let said = match kind {
        Kind::Console => format!("{:<8}{message}", text(entry, "level").to_lowercase()),
        Kind::Network => event(message)?,
    };
    Some(format!("{at}  {said}"))
}

/// What one event of the network is about; none of those that say nothing new.
fn event(message: &str) -> Option<String> {
    let event: Value = serde_json::from_str(message).ok()?;
    let event = event.get("message")?;
    let of = event.get("params")?;
    let id = text(of, "requestId");
    let said = match text(event, "method") {
        "Network.requestWillBeSent" => asked(of),
        "Network.responseReceived" => answered(of.get("response")?),
        "Network.loadingFailed" => format!(
            "failed   {} {}",
            text(of, "errorText"),
            text(of, "blockedReason")
        ),
        "Network.webSocketCreated" => format!("socket   {}", address(text(of, "url"))),
        "Network.webSocketHandshakeResponseReceived" => answered(of.get("response")?),
        "Network.webSocketClosed" => "closed".to_owned(),
        _ => return None,
    };
    Some(format!("{id:<14}  {said}"))
}

fn asked(of: &Value) -> String {
    let nothing = Value::Null;
    let request = of.get("request").unwrap_or(&nothing);
    let redirected = of.get("redirectResponse").map(|answer| {
        let status = answer.get("status").and_then(Value::as_u64);
        format!("  (redirected with {})", status.unwrap_or_default())
    });
    format!(
        "{:<8} {}  for {}{}{}",
        text(request, "method"),
        address(text(request, "url")),
        text(of, "type").to_lowercase(),
        redirected.unwrap_or_default(),
        headers(request, OF_REQUESTS),
    )
}

fn answered(answer: &Value) -> String {
    let status = answer.get("status").and_then(Value::as_u64);
    format!(
        "{:<8} {}  {}{}",
        status.unwrap_or_default(),
        address(text(answer, "url")),
        text(answer, "protocol"),
        headers(answer, OF_ANSWERS),
    )
}

fn headers(of: &Value, kept: &[&str]) -> String {
    let all = of.get("headers").and_then(Value::as_object);
    let all = all.into_iter().flatten();
    let is_said = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let kept =
        all.filter(|(name, value)| kept.contains(&name.to_lowercase().as_str()) && is_said(value));
    let lines = kept.map(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        let value = match name.to_lowercase().as_str() {
            "location" | "referer" => address(value),
            _ => value.to_owned(),
        };
        format!("  {name}: {value}")
    });
    lines.collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// An address without what is carried in it: long values may be somebody's session, and data is no address.
pub(super) fn address(address: &str) -> String {
    if let Some(data) = address.strip_prefix("data:") {
        let kind = data.split([',', ';']).next().unwrap_or_default();
        return format!("data:{kind} ({} characters)", data.len());
    }
    let Some((front, rest)) = address.split_once('?') else {
        return address.to_owned();
    };
    let (query, fragment) = match rest.split_once('#') {
        Some((query, fragment)) => (query, format!("#{fragment}")),
        None => (rest, String::new()),
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if value.len() > VALUE => format!("{name}=…"),
        None if pair.len() > VALUE * 2 => "…".to_owned(),
        _ => pair.to_owned(),
    });
    format!("{front}?{}{fragment}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::Secret;

    fn logs(method: &str, params: &Value) -> Logs {
        let message = json!({ "message": { "method": method, "params": params } });
        let entry = json!({ "timestamp": 1_700_000_000_123_i64, "message": message.to_string() });
        let mut logs = Logs::default();
        logs.take(Kind::Network, &json!([entry]));
        logs
    }

    #[test]
    fn of_a_request_is_kept_what_says_how_it_was_loaded_and_not_who_one_is() {
        let params = json!({ "requestId": "12.3", "type": "Document", "request": {
            "url": "https://chat.example/a?v=2&session=abcdefghijklmnop&code#top", "method": "GET",
            "headers": { "Cookie": "a=b", "Authorization": "Bearer x", "Accept": "text/html", "X-Token": "y" } } });
        let shown =
            logs("Network.requestWillBeSent", &params).shown(Kind::Network, &Veil::default());
        assert_eq!(
            shown,
            "2023-11-14T22:13:20.123Z  12.3            GET      https://chat.example/a?v=2&session=…&code#top  for document  \
             Accept: text/html\n"
        );
        assert_eq!(
            logs("Network.webSocketFrameReceived", &params)
                .network
                .len(),
            0
        );
    }

    #[test]
    fn only_the_newest_lines_are_kept_and_secrets_go_before_lines_are_cut() {
        let mut logs = Logs::default();
        let entry = |n: usize| json!({ "level": "INFO", "message": format!("{n} {}hunter2", "x".repeat(SHOWN - 36)) });
        let entries: Vec<Value> = (0..LINES + 5).map(entry).collect();
        logs.take(Kind::Console, &json!(entries));
        let veil = Veil::over(&[Secret::new("hunter2".to_owned())]);
        let shown = logs.shown(Kind::Console, &veil);
        assert_eq!(shown.lines().count(), LINES);
        assert!(shown.starts_with("  info    5 x"), "{}", &shown[..40]);
        assert!(!shown.contains("hunt"));
    }

    #[test]
    fn data_is_no_address() {
        assert_eq!(
            address("data:image/png;base64,AAAA"),
            "data:image/png (21 characters)"
        );
        assert_eq!(address("https://a.example/b"), "https://a.example/b");
    }
}
