use data_encoding::BASE64;
use maud::html;

use super::page::page;
use crate::diagnostic::printable;
use crate::model::Failure;

/// A file of a scene, as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// What a page looked like when a step failed, in one page: everything in it is text, but for the picture, and no link of
/// the messenger's leads anywhere.
#[must_use]
pub fn scene(failure: &Failure, excerpt: &str, parts: &[Part<'_>], missing: &[String]) -> String {
    let trial = match failure.trial {
        Some(trial) => format!("Trial {trial}"),
        None => "Before any trial".to_owned(),
    };
    let heading = format!("{trial}: {} at {}", failure.account, failure.phase);
    let is_picture = |part: &&Part<'_>| part.name.ends_with(".png");
    let pictures = parts.iter().filter(is_picture);
    let texts = parts.iter().filter(|part| !is_picture(part));
    let body = html! {
        h1 { (heading) }
        p { (failure.doubt.to_string()) ", " (failure.variant) ", " (format!("{:.0}", failure.at)) }
        p { (printable(&failure.message, 2_000)) }
        @if !excerpt.is_empty() { pre tabindex="0" style="overflow: auto" { (excerpt) } }
        @for why in missing { p { (printable(why, 500)) } }
        @for picture in pictures {
            h2 { (picture.name) }
            p { "What is secret, may be a canary, or cannot be read, is covered." }
            img alt="the page" style="max-width: 100%" src=(format!("data:image/png;base64,{}", BASE64.encode(picture.bytes)));
        }
        @for text in texts {
            h2 { (text.name) }
            @if text.bytes.is_empty() { p { "Nothing." } }
            @else { pre tabindex="0" style="overflow: auto; max-height: 40em" { (String::from_utf8_lossy(text.bytes)) } }
        }
    };
    page(&heading, &[], None, &body)
}
