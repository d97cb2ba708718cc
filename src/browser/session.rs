use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fantoccini::error::{CmdError, NewSessionError};
use fantoccini::wd::TimeoutConfiguration;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::capabilities::{Limits, Versions, Wanted, versions};
use super::door::DoorRule;
use super::driver::DriverError;
use super::fault::Fault;
use super::logs::Logs;
use super::make::Make;
use super::stage::StageRule;
use super::template::Fill;
use crate::canary::{Link, TOKEN_CHARS};
use crate::diagnostic::printable;
use crate::model::Account;
use crate::scenario::is_on_hosts;

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
    make: Make,
    /// What was found since somebody asked, by alias.
    seen: Mutex<BTreeMap<String, Seen>>,
    /// Whether commands go to a page that a frame shows, rather than to the window's own.
    pub(super) in_frame: AtomicBool,
    logs: Mutex<Logs>,
}

/// Where browsers are asked for, and which.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) url: &'a str,
    pub(super) make: Make,
    pub(super) browser: Option<&'a Path>,
    /// Where fresh profiles are made; none: whoever drives makes them.
    pub(super) directory: Option<&'a Path>,
    /// Hosts that a stage stands in for.
    pub(super) stage: &'a [StageRule],
}

pub(super) async fn open(
    source: Source<'_>,
    options: &SessionOptions,
) -> Result<Session, DriverError> {
    let profile = profile(source.directory, options)?;
    let wanted = Wanted {
        make: source.make,
        browser: source.browser,
        profile: profile.as_deref(),
        options,
        stage: source.stage,
    };
    let capabilities = wanted.capabilities(Limits {
        script: SCRIPT_LIMIT,
        load: LOAD_LIMIT,
    });
    let client = timeout(OPEN_LIMIT, connect(&source, capabilities))
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
        make: source.make,
        seen: Mutex::default(),
        in_frame: AtomicBool::new(false),
        logs: Mutex::default(),
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

    /// The address of the page, where it is one of the web and on none of these hosts; redacted, and cut to a length.
    ///
    /// # Errors
    ///
    /// When the page cannot be looked at.
    pub async fn strayed(&self, hosts: &[String], fill: &Fill) -> Result<Option<String>, Fault> {
        let url = self.ask(self.client.current_url()).await?;
        let strayed = matches!(url.scheme(), "http" | "https") && !is_on_hosts(url.as_str(), hosts);
        Ok(strayed.then(|| printable(&fill.cover(url.as_str()), 200)))
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

    pub(super) const fn make(&self) -> Make {
        self.make
    }

    pub(super) const fn logs(&self) -> &Mutex<Logs> {
        &self.logs
    }

    pub(super) const fn is_headed(&self) -> bool {
        self.headed
    }

    /// Loads a page, as far as its document goes.
    pub(super) async fn go(&self, url: &str, limit: Duration) -> Result<(), Fault> {
        self.limit_loading(limit).await?;
        let loaded = bounded(limit + MARGIN, false, self.client.goto(url)).await;
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
        let in_frame = self.in_frame.load(Ordering::Relaxed);
        bounded(COMMAND_LIMIT, in_frame, command).await
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
    in_frame: bool,
    command: impl Future<Output = Result<T, CmdError>>,
) -> Result<T, Fault> {
    match timeout(limit, command).await {
        Ok(answer) => answer.map_err(|error| Fault::of(&error, in_frame)),
        Err(_) => Err(Fault::silent(limit)),
    }
}

async fn connect(
    source: &Source<'_>,
    capabilities: Map<String, Value>,
) -> Result<Client, DriverError> {
    let connected = if source.url.starts_with("https:") {
        let mut builder =
            ClientBuilder::rustls().map_err(|error| DriverError::Session(error.to_string()))?;
        builder.capabilities(capabilities).connect(source.url).await
    } else {
        // Without TLS, so that a machine without root certificates can still speak with its own loopback.
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(source.url)
            .await
    };
    connected.map_err(|error| refused(source.make, &error))
}

fn refused(make: Make, error: &NewSessionError) -> DriverError {
    let message = error.to_string();
    let no_browser = ["cannot find Chrome binary", "unable to find binary"];
    if no_browser.iter().any(|sign| message.contains(sign)) {
        return make.missing();
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
        // A Firefox that was killed leaves it behind, and geckodriver would take it for the new one's.
        let _ = std::fs::remove_file(kept.join("MarionetteActivePort"));
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
