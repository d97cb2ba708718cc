use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The style of all pages.
const STYLE: &str = include_str!("style.css");

/// Nothing is fetched, nothing runs, nothing is sent (CSP 3). The style in the page is all there is to allow.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A page above this one.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Crumb<'a> {
    /// Where it is, seen from here.
    pub(in crate::report) path: &'a str,
    /// What it is called.
    pub(in crate::report) name: &'a str,
}

/// A whole page. `feed` is where its changes can be followed.
pub(in crate::report) fn page(
    title: &str,
    crumbs: &[Crumb<'_>],
    feed: Option<&str>,
    body: &Markup,
) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                // Without it a browser asks for one.
                link rel="icon" href="data:,";
                title { (title) }
                @if let Some(feed) = feed {
                    link rel="alternate" type="application/atom+xml" title="Changes" href=(feed);
                }
                style { (PreEscaped(STYLE)) }
            }
            body {
                @if !crumbs.is_empty() {
                    nav aria-label="Where this is" {
                        @for crumb in crumbs { a href=(crumb.path) { (crumb.name) } " › " }
                        span aria-current="page" { (title) }
                    }
                }
                main { (body) }
                footer {
                    p { "Made by waxseal: does your messenger open your mail? A verdict says what is true, and nothing about \
                         good or bad." }
                }
            }
        }
    };
    page.into_string()
}
