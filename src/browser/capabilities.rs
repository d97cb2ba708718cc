//! What a driver is asked for, make by make, and what it says it gave.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::make::Make;
use super::quiet::{chromium, firefox};
use super::session::SessionOptions;
use super::stage::{self, StageRule};
use crate::diagnostic::printable;

/// Who drove, as they name themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Browser and version.
    pub browser: String,
    /// Driver and version; may be empty with a Grid.
    pub driver: String,
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            browser: "unknown browser".to_owned(),
            driver: String::new(),
        }
    }
}

/// How long a page, and a script of ours, may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) script: Duration,
    pub(super) load: Duration,
}

/// The browser that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) make: Make,
    pub(super) browser: Option<&'a Path>,
    pub(super) profile: Option<&'a Path>,
    pub(super) options: &'a SessionOptions,
    /// Only where a Chromium is wanted.
    pub(super) stage: &'a [StageRule],
}

impl Wanted<'_> {
    pub(super) fn capabilities(self, limits: Limits) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("browserName".into(), json!(self.make.browser_name()));
        // Some messengers never finish loading; whatever matters is waited for by the steps.
        all.insert("pageLoadStrategy".into(), json!("eager"));
        all.insert(
            "timeouts".into(),
            json!({ "script": millis(limits.script), "pageLoad": millis(limits.load), "implicit": 0 }),
        );
        all.insert("unhandledPromptBehavior".into(), json!("dismiss"));
        let (name, mut own) = match self.make {
            Make::Chromium => ("goog:chromeOptions", self.chromium()),
            Make::Firefox => ("moz:firefoxOptions", self.firefox()),
        };
        if self.make == Make::Chromium {
            all.insert(
                "goog:loggingPrefs".into(),
                json!({ "browser": "ALL", "performance": "ALL" }),
            );
        }
        if let Some(browser) = self.browser {
            own["binary"] = json!(browser);
        }
        all.insert(name.into(), own);
        all
    }

    fn chromium(&self) -> Value {
        let mut args = chromium::flags(self.options.headed);
        args.extend(
            self.profile
                .map(|path| format!("--user-data-dir={}", path.display())),
        );
        args.extend(
            stage::flags(self.stage)
                .iter()
                .map(|flag| (*flag).to_owned()),
        );
        let door = self.options.door.as_ref();
        args.push(chromium::resolver_rules(door, self.stage));
        json!({
            "args": args,
            "prefs": chromium::preferences(),
            "localState": chromium::local_state(),
            // Of what a page does only what it asks the network for is noted.
            "perfLoggingPrefs": { "enableNetwork": true, "enablePage": false },
        })
    }

    fn firefox(&self) -> Value {
        let mut args = firefox::arguments(self.options.headed);
        if let Some(path) = self.profile {
            args.extend(["--profile".to_owned(), path.display().to_string()]);
        }
        json!({ "args": args, "prefs": firefox::preferences(self.options.door.as_ref()) })
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Who drives, as a session's capabilities say.
pub(super) fn versions(capabilities: &Map<String, Value>) -> Versions {
    let text =
        |value: Option<&Value>| printable(value.and_then(Value::as_str).unwrap_or_default(), 60);
    let name = text(capabilities.get("browserName"));
    let version = text(capabilities.get("browserVersion"));
    let chromedriver = capabilities
        .get("chrome")
        .and_then(|chrome| chrome.get("chromedriverVersion"));
    let drivers = [
        ("chromedriver", chromedriver),
        ("geckodriver", capabilities.get("moz:geckodriverVersion")),
    ];
    let named = drivers.into_iter().find_map(|(driver, version)| {
        // After the version may come the revision it was built from.
        let version = text(version).split_whitespace().next()?.to_owned();
        Some(format!("{driver} {version}"))
    });
    Versions {
        browser: format!("{name} {version}").trim().to_owned(),
        driver: named.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browser_and_driver_are_named_as_they_name_themselves() {
        let of = |value: Value| versions(value.as_object().unwrap());
        let chromium = of(json!({
            "browserName": "chrome", "browserVersion": "156.0",
            "chrome": { "chromedriverVersion": "156.0 (abcdef)" },
        }));
        assert_eq!(chromium.driver, "chromedriver 156.0");
        let firefox = of(json!({
            "browserName": "firefox", "browserVersion": "153.8.0", "moz:geckodriverVersion": "0.37.1",
        }));
        assert_eq!(firefox.browser, "firefox 153.8.0");
        assert_eq!(firefox.driver, "geckodriver 0.37.1");
        assert_eq!(of(json!({})).driver, "");
    }
}
