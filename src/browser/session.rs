use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fantoccini::error::{CmdError, NewSessionError};
use fantoccini::wd::TimeoutConfiguration;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::driver::DriverError;
use super::fault::Fault;
use super::quiet;
use crate::canary::{Link, TOKEN_CHARS};
use crate::diagnostic::printable;
use crate::model::Account;

/// How long any one command may take before the browser counts as gone.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// How long a page may load after a click: less than a command may take, or a slow page would pass for a dead browser.
const LOAD_LIMIT: Duration = Duration::from_secs(20);
/// How long a script of ours may take: it only looks.
const SCRIPT_LIMIT: Duration = Duration::from_secs(10);
/// How long a browser may take to come up.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to go.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// No service opens more windows than this, unless to annoy.
const WINDOWS: usize = 20;
/// Looks for links that hold a token.
const LINKS: &str = include_str!("page/links.js");
/// What the driver may take on top of what a page may take.
const MARGIN: Duration = Duration::from_secs(10);

/// Leads a browser's requests for the public links to a listener of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorRule {
    /// Host and port of the public links, such as `127.0.0.1:8080`, or a host pattern such as `*.canary.example`.
    pub from: String,
    /// The browser's own door.
    pub to: SocketAddr,
}

/// A browser for one account.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Whose it is; the name of its profile.
    pub account: Account,
    /// A profile that is kept afterwards; none: a fresh one that goes with the run.
    pub profile: Option<PathBuf>,
    /// Its door; none: it asks where everybody asks.
    pub door: Option<DoorRule>,
    /// With a window, for a person to act in.
    pub headed: bool,
}

/// Who drove, as they name themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Browser and version.
    pub browser: String,
    /// Driver and version; may be empty with a Grid.
    pub driver: String,
}

/// The links on a page that have to do with one of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// One of them leads to just it.
    pub intact: bool,
    /// Where the others lead. Hostile text.
    pub others: Vec<String>,
}

/// By which alternative an alias was found last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Which, counted from 0.
    pub alternative: usize,
    /// Of how many.
    pub of: usize,
    /// How many elements it found.
    pub count: usize,
}

/// One browser, signed in as one account or about to be.
#[derive(Debug)]
pub struct Session {
    client: Client,
    account: Account,
    headed: bool,
    versions: Versions,
    /// What was found since somebody asked, by alias.
    seen: Mutex<BTreeMap<String, Seen>>,
}

pub(super) async fn open(
    url: &str,
    browser: Option<&Path>,
    directory: Option<&Path>,
    options: &SessionOptions,
) -> Result<Session, DriverError> {
    let profile = profile(directory, options)?;
    let capabilities = capabilities(browser, profile.as_deref(), options);
    let client = timeout(OPEN_LIMIT, connect(url, capabilities))
        .await
        .map_err(|_| {
            DriverError::Session(format!("no answer within {} s", OPEN_LIMIT.as_secs()))
        })??;
    let versions = client.capabilities().map(versions).unwrap_or_default();
    tracing::debug!(account = %options.account, browser = %versions.browser, driver = %versions.driver, "browser opened");
    Ok(Session {
        client,
        account: options.account,
        headed: options.headed,
        versions,
        seen: Mutex::default(),
    })
}

impl Session {
    /// Browser and driver, as they name themselves.
    #[must_use]
    pub const fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Whose browser it is.
    #[must_use]
    pub const fn account(&self) -> Account {
        self.account
    }

    /// Ends the browser, so that it can write its profile. Takes a bounded time.
    pub async fn close(self) {
        match timeout(CLOSE_LIMIT, self.client.close()).await {
            Ok(Ok(())) => tracing::debug!(account = %self.account, "browser closed"),
            Ok(Err(error)) => {
                tracing::debug!(account = %self.account, %error, "browser was gone already")
            }
            Err(_) => tracing::warn!(account = %self.account, "the browser does not close"),
        }
    }

    /// Goes to an address whatever becomes of it, and leaves again: to show by which door this browser comes.
    ///
    /// # Errors
    ///
    /// When the browser is gone; a page that does not load is none.
    pub async fn visit(&self, url: &str, limit: Duration) -> Result<(), Fault> {
        for url in [url, "about:blank"] {
            match self.go(url, limit).await {
                Err(fault) if fault.is_gone() => return Err(fault),
                Err(fault) => tracing::debug!(%fault, "the page did not load"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Opens an address in a window of its own, and closes that again: what is in this one stays as it is.
    ///
    /// # Errors
    ///
    /// When the browser is gone; a page that does not load is none.
    pub async fn visit_aside(&self, url: &str, limit: Duration) -> Result<(), Fault> {
        let home = self.ask(self.client.window()).await?;
        let aside = self.ask(self.client.new_window(true)).await?.handle;
        self.ask(self.client.switch_to_window(aside)).await?;
        match self.go(url, limit).await {
            Err(fault) if fault.is_gone() => return Err(fault),
            Err(fault) => tracing::debug!(%fault, "the page did not load"),
            Ok(()) => {}
        }
        self.ask(self.client.close_window()).await?;
        self.ask(self.client.switch_to_window(home)).await
    }

    /// Leaves whatever is on the screen, and closes every window but one.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn leave(&self, limit: Duration) -> Result<(), Fault> {
        let mut windows = self.ask(self.client.windows()).await?;
        windows.truncate(WINDOWS);
        while let Some(window) = windows.pop().filter(|_| !windows.is_empty()) {
            self.ask(self.client.switch_to_window(window)).await?;
            self.ask(self.client.close_window()).await?;
        }
        let home = self.ask(self.client.windows()).await?.into_iter().next();
        if let Some(home) = home {
            self.ask(self.client.switch_to_window(home)).await?;
        }
        self.go("about:blank", limit).await
    }

    /// The links on the page that hold the token of one of ours, or show it; or the one in its host, which is left where
    /// its path was altered.
    ///
    /// # Errors
    ///
    /// When the page cannot be looked at.
    pub async fn links(&self, link: &Link) -> Result<Links, Fault> {
        let ours = url::Url::parse(&link.url).ok();
        let label = ours.as_ref().and_then(host_label);
        let marks: Vec<&str> = label.into_iter().chain([link.token.as_str()]).collect();
        let found = self.run(LINKS, vec![json!(marks)]).await?;
        let targets: Vec<String> = serde_json::from_value(found).unwrap_or_default();
        let (exact, others): (Vec<_>, Vec<_>) = targets
            .into_iter()
            .partition(|target| ours.is_some() && url::Url::parse(target).ok() == ours);
        let intact = !exact.is_empty();
        Ok(Links { intact, others })
    }

    /// The aliases that were found since this was asked last, and by which alternative at the last look.
    pub fn take_seen(&self) -> BTreeMap<String, Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(&self, alias: &str, seen: Seen) {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(alias.to_owned(), seen);
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) const fn is_headed(&self) -> bool {
        self.headed
    }

    /// Loads a page, as far as its document goes.
    pub(super) async fn go(&self, url: &str, limit: Duration) -> Result<(), Fault> {
        self.limit_loading(limit).await?;
        let loaded = bounded(limit + MARGIN, self.client.goto(url)).await;
        self.limit_loading(LOAD_LIMIT).await?;
        loaded
    }

    async fn limit_loading(&self, limit: Duration) -> Result<(), Fault> {
        let limits =
            TimeoutConfiguration::new(Some(SCRIPT_LIMIT), Some(limit), Some(Duration::ZERO));
        self.ask(self.client.update_timeouts(limits)).await
    }

    /// Runs one WebDriver command; a browser that does not answer is gone.
    pub(super) async fn ask<T>(
        &self,
        command: impl Future<Output = Result<T, CmdError>>,
    ) -> Result<T, Fault> {
        bounded(COMMAND_LIMIT, command).await
    }

    /// Runs a script in the page.
    pub(super) async fn run(&self, script: &str, args: Vec<Value>) -> Result<Value, Fault> {
        self.ask(self.client.execute(script, args)).await
    }
}

/// The label in front of a link's host, where there is a token in it.
fn host_label(link: &url::Url) -> Option<&str> {
    let (label, _) = link.domain()?.split_once('.')?;
    (label.len() >= TOKEN_CHARS).then_some(label)
}

async fn bounded<T>(
    limit: Duration,
    command: impl Future<Output = Result<T, CmdError>>,
) -> Result<T, Fault> {
    match timeout(limit, command).await {
        Ok(answer) => answer.map_err(Fault::from),
        Err(_) => Err(Fault::silent(limit)),
    }
}

async fn connect(url: &str, capabilities: Map<String, Value>) -> Result<Client, DriverError> {
    let connected = if url.starts_with("https:") {
        let mut builder =
            ClientBuilder::rustls().map_err(|error| DriverError::Session(error.to_string()))?;
        builder.capabilities(capabilities).connect(url).await
    } else {
        // Without TLS, so that a machine without root certificates can still speak with its own loopback.
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(url)
            .await
    };
    connected.map_err(|error| refused(&error))
}

fn refused(error: &NewSessionError) -> DriverError {
    let message = error.to_string();
    if message.contains("cannot find Chrome binary") {
        return DriverError::Missing("a Chromium".to_owned());
    }
    DriverError::Session(printable(message.lines().next().unwrap_or_default(), 300))
}

/// The profile's directory, made if need be. With somebody else's driver and none given: whatever that one does.
fn profile(
    directory: Option<&Path>,
    options: &SessionOptions,
) -> Result<Option<PathBuf>, DriverError> {
    if let Some(kept) = &options.profile {
        std::fs::create_dir_all(kept).map_err(DriverError::Directory)?;
        return std::path::absolute(kept)
            .map(Some)
            .map_err(DriverError::Directory);
    }
    let Some(directory) = directory else {
        return Ok(None);
    };
    let fresh = tempfile::Builder::new()
        .prefix(&format!("{}-", options.account))
        .tempdir_in(directory)
        .map_err(DriverError::Directory)?;
    // It goes with the run's directory, when no browser writes there any more.
    Ok(Some(fresh.keep()))
}

fn capabilities(
    browser: Option<&Path>,
    profile: Option<&Path>,
    options: &SessionOptions,
) -> Map<String, Value> {
    let mut args = quiet::flags(options.headed);
    args.extend(profile.map(|path| format!("--user-data-dir={}", path.display())));
    args.push(quiet::resolver_rules(options.door.as_ref()));
    let mut chrome =
        json!({ "args": args, "prefs": quiet::preferences(), "localState": quiet::local_state() });
    if let Some(browser) = browser {
        chrome["binary"] = json!(browser);
    }
    let mut all = Map::new();
    all.insert("browserName".into(), json!("chrome"));
    // Some messengers never finish loading; whatever matters is waited for by the steps.
    all.insert("pageLoadStrategy".into(), json!("eager"));
    all.insert(
        "timeouts".into(),
        json!({ "script": millis(SCRIPT_LIMIT), "pageLoad": millis(LOAD_LIMIT), "implicit": 0 }),
    );
    all.insert("unhandledPromptBehavior".into(), json!("dismiss"));
    all.insert("goog:chromeOptions".into(), chrome);
    all
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            browser: "unknown browser".to_owned(),
            driver: String::new(),
        }
    }
}

fn versions(capabilities: &Map<String, Value>) -> Versions {
    let text =
        |value: Option<&Value>| printable(value.and_then(Value::as_str).unwrap_or_default(), 60);
    let name = text(capabilities.get("browserName"));
    let version = text(capabilities.get("browserVersion"));
    let driver = capabilities
        .get("chrome")
        .and_then(|chrome| chrome.get("chromedriverVersion"));
    // After the version comes the revision it was built from.
    let driver = text(driver)
        .split_whitespace()
        .next()
        .map(|version| format!("chromedriver {version}"));
    Versions {
        browser: format!("{name} {version}").trim().to_owned(),
        driver: driver.unwrap_or_default(),
    }
}
