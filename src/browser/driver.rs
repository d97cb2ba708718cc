use std::env;
use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fantoccini::Client;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::keeper::DIRECTORY_PREFIX;
use super::quiet;
use super::session::{self, CLOSE_LIMIT, Session, SessionOptions};
use crate::diagnostic::printable;

/// How long chromedriver may take until it names its port.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long the keeper may take to end everything; it bounds itself a little below that.
const STOP_LIMIT: Duration = Duration::from_secs(12);

const DRIVERS: &[&str] = &["chromedriver"];
const DRIVER_PLACES: &[&str] = &[
    "/usr/lib/chromium/chromedriver",
    "/usr/lib/chromium-browser/chromedriver",
    "/usr/local/bin/chromedriver",
    "/snap/bin/chromium.chromedriver",
];
const BROWSERS: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
const BROWSER_PLACES: &[&str] = &[
    "/usr/lib/chromium/chromium",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium",
];

/// How to come by a driver.
#[derive(Debug, Clone, Default)]
pub struct DriverOptions {
    /// The program that knows the keeper's verb; none: this one.
    pub keeper: Option<PathBuf>,
    /// chromedriver; none: looked for.
    pub chromedriver: Option<PathBuf>,
    /// The browser; none: looked for.
    pub browser: Option<PathBuf>,
    /// A WebDriver that runs already, such as a Grid: nothing is started then.
    pub webdriver: Option<String>,
    /// No browser is ever opened: persons act. Nothing is started then.
    pub by_hand: bool,
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

    /// The browser that is driven.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn find_browser(&self) -> Result<PathBuf, DriverError> {
        find(
            "a Chromium",
            self.browser.as_deref(),
            BROWSERS,
            BROWSER_PLACES,
        )
    }

    /// A command with which this browser opens a page without a window, by way of a SOCKS proxy and whatever its
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
            .args(quiet::flags(false))
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

    fn keeper_command(&self, args: &[&OsStr]) -> io::Result<Command> {
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
    #[error(
        "find {0}: install it (Debian: `apt-get install chromium chromium-driver`), or name it"
    )]
    Missing(String),
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
    /// The driver opened no session.
    #[error("open a browser: {0}")]
    Session(String),
}

impl DriverError {
    /// Whether something has to be installed first.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

/// A WebDriver, and the browsers it was asked for.
///
/// Dropping it ends everything it started too, only without waiting for it.
#[derive(Debug)]
pub struct Driver {
    url: String,
    browser: Option<PathBuf>,
    kept: Option<Kept>,
    /// Every session ever opened, so that those nobody closed are closed at the end.
    opened: Mutex<Vec<Client>>,
}

/// What the keeper keeps. Its standard input is held by the child; when that is dropped, the keeper ends everything.
#[derive(Debug)]
struct Kept {
    keeper: Child,
    directory: PathBuf,
}

impl Driver {
    /// Starts chromedriver under a keeper, or takes the one that is there.
    ///
    /// # Errors
    ///
    /// When a program is missing, or does not start.
    pub async fn start(options: &DriverOptions) -> Result<Self, DriverError> {
        if options.by_hand {
            return Ok(Self::at(String::new(), None, None));
        }
        if let Some(url) = &options.webdriver {
            return Ok(Self::at(with_slash(url), options.browser.clone(), None));
        }
        let chromedriver = find(
            "chromedriver",
            options.chromedriver.as_deref(),
            DRIVERS,
            DRIVER_PLACES,
        )?;
        let browser = options.find_browser()?;
        let (kept, port) = start_somewhere(options, &chromedriver).await?;
        let url = format!("http://127.0.0.1:{port}/");
        tracing::debug!(%url, directory = %kept.directory.display(), "chromedriver runs");
        Ok(Self::at(url, Some(browser), Some(kept)))
    }

    const fn at(url: String, browser: Option<PathBuf>, kept: Option<Kept>) -> Self {
        Self {
            url,
            browser,
            kept,
            opened: Mutex::new(Vec::new()),
        }
    }

    /// Opens a browser.
    ///
    /// # Errors
    ///
    /// When the driver opens none.
    pub async fn open(&self, options: &SessionOptions) -> Result<Session, DriverError> {
        let session = session::open(
            &self.url,
            self.browser.as_deref(),
            self.directory(),
            options,
        )
        .await?;
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(session.client().clone());
        Ok(session)
    }

    /// The directory that holds the profiles of this run; none where nothing was started.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.kept.as_ref().map(|kept| kept.directory.as_path())
    }

    /// Closes every session that is still open, and ends everything that was started. Takes a bounded time.
    pub async fn stop(mut self) {
        let opened = std::mem::take(
            self.opened
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for client in opened {
            // One that was closed already answers at once that it was.
            let _ = timeout(CLOSE_LIMIT, client.close()).await;
        }
        if let Some(kept) = self.kept.take() {
            kept.stop().await;
        }
    }
}

impl Kept {
    async fn stop(mut self) {
        drop(self.keeper.stdin.take());
        match timeout(STOP_LIMIT, self.keeper.wait()).await {
            Ok(Ok(code)) => tracing::debug!(%code, "the keeper is done"),
            Ok(Err(error)) => tracing::warn!(%error, "failed to wait for the keeper"),
            Err(_) => return tracing::warn!("the keeper is still busy ending the browsers"),
        }
        // The keeper did that, unless it was killed, or is no keeper at all.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn with_slash(url: &str) -> String {
    // Without it, joining a path would replace the last segment (a Grid's `/wd/hub`).
    format!("{}/", url.trim_end_matches('/'))
}

/// chromedriver takes one free port for IPv4 and then wants the same one for IPv6, which somebody else may have by then.
/// It gives up; we do not, a few times.
async fn start_somewhere(
    options: &DriverOptions,
    chromedriver: &Path,
) -> Result<(Kept, u16), DriverError> {
    const TRIES: usize = 5;
    let mut tries = 1;
    loop {
        match start_kept(options, chromedriver).await {
            Err(DriverError::Start { reason, .. })
                if tries < TRIES && reason.contains("Address already in use") =>
            {
                tracing::debug!(tries, "chromedriver lost its port, and is started again");
                tries += 1;
            }
            started => return started,
        }
    }
}

async fn start_kept(
    options: &DriverOptions,
    chromedriver: &Path,
) -> Result<(Kept, u16), DriverError> {
    let directory = tempfile::Builder::new()
        .prefix(DIRECTORY_PREFIX)
        .tempdir()
        .map_err(DriverError::Directory)?;
    let mut keeper = driver_command(options, directory.path(), chromedriver)
        .and_then(|mut command| command.spawn())
        .map_err(|error| failed_start(Path::new("the keeper"), &error))?;
    // From here on the keeper removes it, when nobody writes there any more.
    let directory = directory.keep();
    let port = announced_port(&mut keeper).await;
    let kept = Kept { keeper, directory };
    match port {
        Ok(port) => Ok((kept, port)),
        Err(reason) => {
            kept.stop().await;
            Err(DriverError::Start {
                program: chromedriver.display().to_string(),
                reason,
            })
        }
    }
}

fn failed_start(program: &Path, error: &io::Error) -> DriverError {
    DriverError::Start {
        program: program.display().to_string(),
        reason: error.to_string(),
    }
}

fn driver_command(
    options: &DriverOptions,
    directory: &Path,
    chromedriver: &Path,
) -> io::Result<Command> {
    let mut command = options.keeper_command(&["--remove".as_ref(), directory.as_os_str()])?;
    command
        .arg("--")
        .arg(chromedriver)
        // Any free port, and on loopback only, which is chromedriver's own rule as long as no address is allowed.
        .args(["--port=0", "--log-level=WARNING"])
        // What they leave behind goes when the directory goes.
        .env("TMPDIR", directory)
        .env("LANGUAGE", "en_US")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in &options.hidden {
        command.env_remove(name);
    }
    Ok(command)
}

/// Reads the port from what chromedriver says, and goes on reading: a full pipe would stop it.
async fn announced_port(keeper: &mut Child) -> Result<u16, String> {
    let complaint = Arc::new(Mutex::new(String::new()));
    if let Some(stderr) = keeper.stderr.take() {
        tokio::spawn(drain(
            BufReader::new(stderr).lines(),
            Arc::clone(&complaint),
        ));
    }
    let stdout = keeper.stdout.take().ok_or("its output is not to be had")?;
    let mut lines = BufReader::new(stdout).lines();
    let port = match timeout(START_LIMIT, port_in(&mut lines)).await {
        Ok(Some(port)) => port,
        Ok(None) => return Err(last_words(&complaint).await),
        Err(_) => {
            return Err(format!(
                "it named no port within {} s",
                START_LIMIT.as_secs()
            ));
        }
    };
    tokio::spawn(drain(lines, Arc::default()));
    Ok(port)
}

async fn port_in(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<u16> {
    while let Ok(Some(line)) = lines.next_line().await {
        let port = line.split_once("started successfully on port ");
        if let Some(port) = port.and_then(|(_, rest)| rest.trim_end_matches('.').parse().ok()) {
            return Some(port);
        }
    }
    None
}

async fn last_words(complaint: &Mutex<String>) -> String {
    // The two pipes break together, but are read by two tasks.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let said = complaint
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if said.is_empty() {
        "it ended without naming a port".to_owned()
    } else {
        said
    }
}

async fn drain(mut lines: Lines<BufReader<impl AsyncRead + Unpin>>, last: Arc<Mutex<String>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let line = printable(&line, 300);
        tracing::trace!(%line, "chromedriver says");
        *last.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }
}

fn find(
    what: &str,
    given: Option<&Path>,
    names: &[&str],
    places: &[&str],
) -> Result<PathBuf, DriverError> {
    if let Some(path) = given {
        return match is_program(path) {
            true => Ok(path.to_owned()),
            false => Err(DriverError::Missing(path.display().to_string())),
        };
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .flat_map(|directory| names.iter().map(move |name| directory.join(name)))
        .chain(places.iter().map(PathBuf::from))
        .find(|candidate| is_program(candidate))
        .ok_or_else(|| DriverError::Missing(what.to_owned()))
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_says_what_to_install() {
        let missing = find(
            "a Chromium",
            None,
            &["no-such-browser"],
            &["/no/such/browser"],
        )
        .unwrap_err();
        assert!(missing.is_missing());
        assert!(
            missing
                .to_string()
                .contains("apt-get install chromium chromium-driver")
        );
        assert!(find("x", Some(Path::new("/etc/passwd")), &["sh"], &[]).is_err());
        assert!(find("a shell", None, &["sh"], &[]).is_ok());
    }
}
