use std::env;
use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fantoccini::Client;
use tokio::process::Command;
use tokio::time::timeout;

use super::keeper::DIRECTORY_PREFIX;
use super::kept::{self, Kept};
use super::make::Make;
use super::profiles::ProfileError;
use super::quiet::chromium;
use super::session::{self, CLOSE_LIMIT, Session, SessionOptions, Source};
use super::stage::StageRule;
use crate::model::Account;

/// How to come by a driver.
#[derive(Debug, Clone, Default)]
pub struct DriverOptions {
    /// The program that knows the keeper's verb; none: this one.
    pub keeper: Option<PathBuf>,
    /// The make of the browsers.
    pub make: Make,
    /// chromedriver; none: looked for.
    pub chromedriver: Option<PathBuf>,
    /// geckodriver; none: looked for.
    pub geckodriver: Option<PathBuf>,
    /// The browser; none: looked for.
    pub browser: Option<PathBuf>,
    /// How many browsers are open at the same time, at the most; one for each account is the least.
    pub browsers: usize,
    /// A WebDriver that runs already, such as a Grid: nothing is started then.
    pub webdriver: Option<String>,
    /// No browser is ever opened: persons act. Nothing is started then.
    pub by_hand: bool,
    /// Hosts that a stage stands in for; none: the service itself is driven. Only a Chromium of our own goes there.
    pub stage: Vec<StageRule>,
    /// Environment variables that browsers must not see: those that hold secrets.
    pub hidden: Vec<String>,
}

impl DriverOptions {
    /// A command that runs under a keeper: it ends, with all that it started, when its standard input is closed.
    ///
    /// # Errors
    ///
    /// When this program does not know where it is, and no keeper is named.
    pub fn kept<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> io::Result<Command> {
        let mut command = self.keeper_command(&[])?;
        command.arg("--").args(words);
        Ok(command)
    }

    /// The Chromium that is driven; one that is looked for, where another make is driven.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn find_chromium(&self) -> Result<PathBuf, DriverError> {
        let given = self.browser.as_deref();
        Make::Chromium.browser(given.filter(|_| self.make == Make::Chromium))
    }

    /// A command with which this Chromium opens a page without a window, by way of a SOCKS proxy and whatever its
    /// certificate, and ends once all that the page loads is there. It keeps nothing, and ends as well when its standard
    /// input is closed.
    ///
    /// # Errors
    ///
    /// When there is no room for its profile, or this program does not know where it is.
    pub fn opening(&self, browser: &Path, proxy: SocketAddr, url: &str) -> io::Result<Command> {
        let profile = tempfile::Builder::new()
            .prefix(DIRECTORY_PREFIX)
            .tempdir()?
            // From here on the keeper removes it, when no browser writes there any more.
            .keep();
        let mut command = self.keeper_command(&["--remove".as_ref(), profile.as_os_str()])?;
        command
            .arg("--")
            .arg(browser)
            .args(chromium::flags(false))
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--proxy-server=socks5://{proxy}"))
            // Loopback too, which no proxy is asked for otherwise.
            .args([
                "--proxy-bypass-list=<-loopback>",
                "--ignore-certificate-errors",
            ])
            .args(["--dump-dom", url])
            .env("TMPDIR", &profile);
        for name in &self.hidden {
            command.env_remove(name);
        }
        Ok(command)
    }

    /// The driver of the make.
    pub(super) fn find_driver(&self) -> Result<PathBuf, DriverError> {
        let given = match self.make {
            Make::Chromium => &self.chromedriver,
            Make::Firefox => &self.geckodriver,
        };
        self.make.driver(given.as_deref())
    }

    pub(super) fn keeper_command(&self, args: &[&OsStr]) -> io::Result<Command> {
        let program = match &self.keeper {
            Some(keeper) => keeper.clone(),
            None => env::current_exe()?,
        };
        let mut command = Command::new(program);
        command
            .arg("keeper")
            .args(args)
            .stdin(Stdio::piped())
            // Ctrl-C at a terminal goes to waxseal's group only; the keeper stays to clear up.
            .process_group(0);
        Ok(command)
    }
}

/// Why there is no driver, or no session.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// A program is not on this machine.
    #[error("find {what}: install it ({install}), or name it")]
    Missing {
        /// Which.
        what: String,
        /// How to come by it.
        install: &'static str,
    },
    /// The directory for profiles could not be made.
    #[error("make a directory for the browsers: {0}")]
    Directory(#[source] io::Error),
    /// A program did not start.
    #[error("start {program}: {reason}")]
    Start {
        /// Which.
        program: String,
        /// Why.
        reason: String,
    },
    /// The profile that is kept for it cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Others than a Chromium of our own might find the service.
    #[error("go on a stage with it: only a Chromium that waxseal starts itself is led to one")]
    Stage,
    /// The driver opened no session.
    #[error("open a browser: {0}")]
    Session(String),
}

impl DriverError {
    /// Whether something has to be installed first.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// A WebDriver, and the browsers it was asked for.
///
/// Dropping it ends everything it started too, only without waiting for it.
#[derive(Debug)]
pub struct Driver {
    /// Where browsers are asked for: at one place for all, or at one for each.
    urls: Vec<String>,
    make: Make,
    browser: Option<PathBuf>,
    kept: Option<Kept>,
    stage: Vec<StageRule>,
    /// Every browser ever opened, so that those nobody closed are closed at the end.
    opened: Mutex<Vec<Opened>>,
}

/// A browser that was opened, or is about to be.
#[derive(Debug)]
struct Opened {
    account: Account,
    /// Two of one account and one profile are not open at the same time.
    profile: Option<PathBuf>,
    client: Option<Client>,
}

impl Driver {
    /// Starts a driver under a keeper, or takes the one that is there.
    ///
    /// # Errors
    ///
    /// When a program is missing, or does not start.
    pub async fn start(options: &DriverOptions) -> Result<Self, DriverError> {
        let make = options.make;
        let strange = make != Make::Chromium || options.webdriver.is_some();
        if strange && !options.stage.is_empty() {
            return Err(DriverError::Stage);
        }
        if options.by_hand {
            return Ok(Self::at(Vec::new(), make, None, None));
        }
        if let Some(url) = &options.webdriver {
            let urls = vec![with_slash(url)];
            return Ok(Self::at(urls, make, options.browser.clone(), None));
        }
        let program = options.find_driver()?;
        let browser = make.browser(options.browser.as_deref())?;
        let (kept, ports) = kept::start(options, &program, &browser).await?;
        let urls: Vec<String> = ports
            .into_iter()
            .map(|port| format!("http://127.0.0.1:{port}/"))
            .collect();
        tracing::debug!(?urls, directory = %kept.directory().display(), "the driver runs");
        Ok(Self {
            stage: options.stage.clone(),
            ..Self::at(urls, make, Some(browser), Some(kept))
        })
    }

    const fn at(
        urls: Vec<String>,
        make: Make,
        browser: Option<PathBuf>,
        kept: Option<Kept>,
    ) -> Self {
        Self {
            urls,
            make,
            browser,
            kept,
            stage: Vec::new(),
            opened: Mutex::new(Vec::new()),
        }
    }

    /// Opens a browser. One of the same account with the same profile is closed first, where a driver has but one.
    ///
    /// # Errors
    ///
    /// When the driver opens none.
    pub async fn open(&self, options: &SessionOptions) -> Result<Session, DriverError> {
        let place = self.place(options).await;
        let url = match self.urls.as_slice() {
            [one] => Some(one),
            several => several.get(place),
        };
        let source = Source {
            url: url.ok_or_else(|| {
                DriverError::Session("there are more than the drivers are for".to_owned())
            })?,
            make: self.make,
            browser: self.browser.as_deref(),
            directory: self.directory(),
            stage: &self.stage,
        };
        let session = session::open(source, options).await?;
        if let Some(opened) = self.opened().get_mut(place) {
            opened.client = Some(session.client().clone());
        }
        Ok(session)
    }

    /// The place of a browser in the order of opening: its own from before, where each has a driver for itself.
    async fn place(&self, options: &SessionOptions) -> usize {
        let alone = self.urls.len() > 1;
        let (place, earlier) = {
            let mut all = self.opened();
            let is_own =
                |one: &Opened| one.account == options.account && one.profile == options.profile;
            match all.iter().position(is_own).filter(|_| alone) {
                Some(place) => (place, all.get_mut(place).and_then(|one| one.client.take())),
                None => {
                    all.push(Opened {
                        account: options.account,
                        profile: options.profile.clone(),
                        client: None,
                    });
                    (all.len() - 1, None)
                }
            }
        };
        close_all(earlier).await;
        place
    }

    fn opened(&self) -> MutexGuard<'_, Vec<Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory that holds the profiles of this run; none where nothing was started.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.kept.as_ref().map(Kept::directory)
    }

    /// Closes every session that is still open, and ends everything that was started. Takes a bounded time.
    pub async fn stop(mut self) {
        let opened = std::mem::take(&mut *self.opened());
        close_all(opened.into_iter().filter_map(|one| one.client)).await;
        if let Some(kept) = self.kept.take() {
            kept.stop().await;
        }
    }
}

async fn close_all(opened: impl IntoIterator<Item = Client>) {
    for client in opened {
        // One that was closed already answers at once that it was.
        let _ = timeout(CLOSE_LIMIT, client.close()).await;
    }
}

fn with_slash(url: &str) -> String {
    // Without it, joining a path would replace the last segment (a Grid's `/wd/hub`).
    format!("{}/", url.trim_end_matches('/'))
}
