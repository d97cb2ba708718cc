use maud::{Markup, PreEscaped, html};

use crate::diagnostic::printable;
use crate::model::{ChangePoint, History, Series};
use crate::report::history::shown;
use crate::report::junit::xml;
use crate::report::view::FOREIGN_CHARS;

use super::index::changes;
use super::{Site, folder, title};

/// The feed of changes (Atom, RFC 4287). Its entries are named by what changed and with which run, so that a feed reader
/// shows each once however often the site is made.
pub(super) fn feed(site: &Site<'_>) -> String {
    let base = site.url.unwrap_or_default();
    let updated = site.newest().unwrap_or_default();
    let feed = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"))
        feed xmlns="http://www.w3.org/2005/Atom" {
            id { "urn:waxseal:changes" }
            title { "Does your messenger open your mail? What changed" }
            updated { (updated) }
            author { name { "waxseal" } }
            link rel="self" type="application/atom+xml" href={ (base) "changes.xml" } {}
            link rel="alternate" type="text/html" href={ (base) "index.html" } {}
            @for (history, series, change) in changes(site.histories) { (entry(base, history, series, change)) }
        }
    };
    feed.into_string()
}

fn entry(base: &str, history: &History, series: &Series, change: &ChangePoint) -> Markup {
    let question = xml(&printable(&series.key.to_string(), FOREIGN_CHARS));
    let title = xml(&title(history));
    let region = series.region.as_deref().unwrap_or_default();
    let id = format!(
        "{}/{}/{region}/{}",
        history.service, series.key, change.first.run
    );
    html! {
        entry {
            id { "urn:waxseal:change:" (urn(&id)) }
            title { (title) ", " (question) ": " (change.kind.words()) }
            updated { (change.first.started) }
            link rel="alternate" type="text/html" href={ (base) (folder(&history.service)) "/index.html" } {}
            summary { (shown(change)) }
        }
    }
}

/// What may stand in a URN as it is (RFC 8141); everything else percent-encoded.
fn urn(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
