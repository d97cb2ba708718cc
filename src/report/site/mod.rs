//! The public pages of all services over time: an index that compares them, a page for each, and a feed of what changed.
//!
//! A site is a pure function of the histories: the same store gives the same bytes. So it knows no today, and the age of a
//! measurement is counted from the newest run of all. Pages of single runs are made by [`run_files`]; whoever writes the
//! site says which there are.

mod feed;
mod index;
mod service;

use std::collections::BTreeSet;

use crate::diagnostic::printable;
use crate::model::{History, RunId, Timestamp};

use super::html::{self, Crumb};
use super::view::FOREIGN_CHARS;
use super::{View, json};

/// A file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it stands in the site's folder.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// A site, as far as all of its pages know of it.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The services, each with its runs.
    pub histories: &'a [History],
    /// The runs that have a page of their own.
    pub runs: &'a BTreeSet<RunId>,
    /// Where the site will be found, with a slash at its end; none: the feed leads on by relative addresses.
    pub url: Option<&'a str>,
}

impl Site<'_> {
    /// When the newest run of all began.
    fn newest(&self) -> Option<Timestamp> {
        let last = self
            .histories
            .iter()
            .filter_map(|history| history.runs.last());
        last.map(|run| run.started).max()
    }
}

/// Every file of a site but its runs' pages.
///
/// # Errors
/// None that is known: the format of the data is plain.
pub fn site(site: &Site<'_>) -> serde_json::Result<Vec<File>> {
    let mut files = vec![
        file("index.html", index::index(site)),
        file("changes.xml", feed::feed(site)),
    ];
    for history in site.histories {
        let folder = folder(&history.service);
        files.push(file(
            &format!("{folder}/index.html"),
            service::service(site, history),
        ));
        files.push(file(
            &format!("{folder}/history.json"),
            json::history_1(history)?,
        ));
    }
    Ok(files)
}

/// A run's page, and its data beside it.
///
/// # Errors
/// None that is known: the format of the data is plain.
pub fn run_files(view: &View<'_>) -> serde_json::Result<[File; 2]> {
    let above = format!("../{}/index.html", folder(&view.manifest.scenario.service));
    let title = view.title();
    let crumbs = [
        Crumb {
            path: "../index.html",
            name: "All services",
        },
        Crumb {
            path: &above,
            name: &title,
        },
    ];
    let path = |ending| format!("runs/{}.{ending}", view.run);
    Ok([
        file(&path("html"), html::run_page(view, &crumbs)),
        file(&path("json"), json::format_1(view)?),
    ])
}

fn file(path: &str, text: String) -> File {
    File {
        path: path.to_owned(),
        text,
    }
}

/// Where a service's pages are. Evidence comes from anywhere, and so do its names: nothing but letters, digits and dashes
/// gets into a path, and no two names share one.
fn folder(service: &str) -> String {
    let mut out = "service-".to_owned();
    for byte in service.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => out.push(char::from(byte)),
            _ => out.push_str(&format!("_{byte:02x}")),
        }
    }
    out
}

fn title(history: &History) -> String {
    printable(&history.title, FOREIGN_CHARS)
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// How long before the newest run something was.
fn age(newest: Option<Timestamp>, at: Timestamp) -> String {
    let hours = newest.map_or(0, |newest| newest.duration_since(at).as_hours());
    match hours / 24 {
        0 => "within a day of the newest run".to_owned(),
        1 => "1 day before the newest run".to_owned(),
        days => format!("{days} days before the newest run"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_holds_nothing_but_a_name() {
        assert_eq!(folder("the-lounge"), "service-the-lounge");
        assert_eq!(folder("../X"), "service-_2e_2e_2f_58");
        assert_ne!(folder("_2e"), folder("."));
    }
}
