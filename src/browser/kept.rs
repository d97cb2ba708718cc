//! Starts a driver under a keeper, and reads from it where it listens.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::driver::{DriverError, DriverOptions};
use super::keeper::DIRECTORY_PREFIX;
use super::make::Make;
use crate::diagnostic::printable;
use crate::model::Account;

/// How long a driver may take until it names its port.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long the keeper may take to end everything; it bounds itself a little below that.
const STOP_LIMIT: Duration = Duration::from_secs(12);

/// What the keeper keeps. Its standard input is held by the child; when that is dropped, the keeper ends everything.
#[derive(Debug)]
pub(super) struct Kept {
    keeper: Child,
    directory: PathBuf,
}

impl Kept {
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) async fn stop(mut self) {
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

/// A driver that is about to be started.
struct Start<'a> {
    options: &'a DriverOptions,
    program: &'a Path,
    browser: &'a Path,
}

/// Starts a driver, and says at which ports of loopback it listens.
///
/// chromedriver takes one free port for IPv4 and then wants the same one for IPv6, which somebody else may have by then.
/// It gives up; we do not, a few times.
pub(super) async fn start(
    options: &DriverOptions,
    program: &Path,
    browser: &Path,
) -> Result<(Kept, Vec<u16>), DriverError> {
    const TRIES: usize = 5;
    let start = Start {
        options,
        program,
        browser,
    };
    let mut tries = 1;
    loop {
        match start.once().await {
            Err(DriverError::Start { reason, .. })
                if tries < TRIES && reason.contains("Address already in use") =>
            {
                tracing::debug!(tries, "the driver lost its port, and is started again");
                tries += 1;
            }
            started => return started,
        }
    }
}

impl Start<'_> {
    async fn once(&self) -> Result<(Kept, Vec<u16>), DriverError> {
        let directory = tempfile::Builder::new()
            .prefix(DIRECTORY_PREFIX)
            .tempdir()
            .map_err(DriverError::Directory)?;
        let mut keeper = self
            .command(directory.path())
            .and_then(|mut command| command.spawn())
            .map_err(|error| failed(Path::new("the keeper"), error.to_string()))?;
        // From here on the keeper removes it, when nobody writes there any more.
        let directory = directory.keep();
        let ports = announced_ports(&mut keeper, self.copies()).await;
        let kept = Kept { keeper, directory };
        match ports {
            Ok(ports) => Ok((kept, ports)),
            Err(reason) => {
                kept.stop().await;
                Err(failed(self.program, reason))
            }
        }
    }

    /// chromedriver drives any number of browsers; geckodriver drives one, so that each needs its own.
    fn copies(&self) -> usize {
        match self.options.make {
            Make::Chromium => 1,
            Make::Firefox => self.options.browsers.max(Account::ALL.len()),
        }
    }

    fn command(&self, directory: &Path) -> io::Result<Command> {
        let copies = self.copies().to_string();
        let mut command = self.options.keeper_command(&[
            "--remove".as_ref(),
            directory.as_os_str(),
            "--copies".as_ref(),
            copies.as_ref(),
        ])?;
        command.arg("--").arg(self.program);
        match self.options.make {
            // Any free port, and on loopback only, which is chromedriver's own rule as long as no address is allowed.
            Make::Chromium => command.args(["--port=0", "--log-level=WARNING"]),
            // The other port is for a protocol of its own, which nobody asks for.
            Make::Firefox => command
                .args(["--port=0", "--websocket-port=0", "--log=info"])
                .args(["--binary".as_ref(), self.browser])
                .args(["--profile-root".as_ref(), directory])
                // As root it runs in no other user's home; and whatever it leaves in one goes with the directory.
                .env("HOME", directory),
        };
        command
            // What they leave behind goes when the directory goes.
            .env("TMPDIR", directory)
            .env("LANGUAGE", "en_US")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in &self.options.hidden {
            command.env_remove(name);
        }
        Ok(command)
    }
}

fn failed(program: &Path, reason: String) -> DriverError {
    DriverError::Start {
        program: program.display().to_string(),
        reason,
    }
}

/// Reads the ports from what drivers say, and goes on reading: a full pipe would stop them.
async fn announced_ports(keeper: &mut Child, copies: usize) -> Result<Vec<u16>, String> {
    let complaint = Arc::new(Mutex::new(String::new()));
    if let Some(stderr) = keeper.stderr.take() {
        tokio::spawn(drain(
            BufReader::new(stderr).lines(),
            Arc::clone(&complaint),
        ));
    }
    let stdout = keeper.stdout.take().ok_or("its output is not to be had")?;
    let mut lines = BufReader::new(stdout).lines();
    let ports = match timeout(START_LIMIT, ports_in(&mut lines, copies)).await {
        Ok(Some(ports)) => ports,
        Ok(None) => return Err(last_words(&complaint).await),
        Err(_) => {
            return Err(format!(
                "it named no port within {} s",
                START_LIMIT.as_secs()
            ));
        }
    };
    tokio::spawn(drain(lines, Arc::default()));
    Ok(ports)
}

/// All of them; none when the output ends before.
async fn ports_in(lines: &mut Lines<BufReader<ChildStdout>>, copies: usize) -> Option<Vec<u16>> {
    let mut ports = Vec::with_capacity(copies);
    while ports.len() < copies {
        ports.extend(port_in(&lines.next_line().await.ok()??));
    }
    Some(ports)
}

/// The port that a driver names in a line, such as `ChromeDriver was started successfully on port 40123.` or
/// `… INFO Listening on 127.0.0.1:40123`.
fn port_in(line: &str) -> Option<u16> {
    ["started successfully on port ", "Listening on 127.0.0.1:"]
        .iter()
        .find_map(|sign| line.split_once(sign))
        .and_then(|(_, rest)| rest.trim_end_matches('.').parse().ok())
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
        tracing::trace!(%line, "the driver says");
        *last.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_name_their_ports_each_in_its_way() {
        let named = |line| port_in(line);
        assert_eq!(
            named("ChromeDriver was started successfully on port 40123."),
            Some(40123)
        );
        let gecko = "1764270000000\tgeckodriver\tINFO\tListening on 127.0.0.1:40124";
        assert_eq!(named(gecko), Some(40124));
        assert_eq!(named("Starting ChromeDriver 156 on port 0"), None);
    }
}
