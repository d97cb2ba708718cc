//! Sees to it that nothing is left running: not after Ctrl-C, a panic, or `kill -9` of waxseal.
//!
//! chromedriver leaves its browsers running when it is ended without ado, and a process that was killed ends nobody.
//! So waxseal starts itself again as a keeper, with a pipe for its standard input. The pipe breaks when waxseal is gone,
//! however it went; then the keeper ends everything below itself. As *child subreaper* it is the parent of every
//! orphan, so that no process gets away by forking twice.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How the name of a directory must begin that a keeper removes: a mistyped `--remove` must not cost anybody a home.
pub(super) const DIRECTORY_PREFIX: &str = "waxseal-";

/// How long processes may take to end by themselves: long enough for a browser to write its profile.
const GRACE: Duration = Duration::from_secs(3);
/// How long to go on killing; only a process stuck in the kernel takes that long.
const KILLING: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// What a keeper was asked to keep.
struct Charge {
    remove: Option<PathBuf>,
    /// How often the program is started.
    copies: usize,
    program: OsString,
    args: Vec<OsString>,
}

/// The keeper: `[--remove DIR] [--copies N] -- PROGRAM ARGS...`.
///
/// Runs the program, so many of it, until one ends, until standard input ends, or until a signal comes; then ends every
/// process below itself and removes the directory. Exits as the program did, or with 0 when it was told to stop.
#[must_use]
pub fn keep(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Some(charge) = parse(args) else {
        complain("usage: keeper [--remove DIR] [--copies N] -- PROGRAM ARGS...");
        return ExitCode::from(2);
    };
    let code = run(&charge).unwrap_or_else(|error| {
        complain(&format!(
            "failed to keep {}: {error}",
            charge.program.display()
        ));
        127
    });
    end_all();
    if let Some(directory) = &charge.remove {
        remove(directory);
    }
    ExitCode::from(code)
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Charge> {
    let mut args = args.into_iter();
    let (mut remove, mut copies) = (None, 1);
    loop {
        match args.next()?.to_str() {
            Some("--remove") => remove = Some(PathBuf::from(args.next()?)),
            Some("--copies") => copies = args.next()?.to_str()?.parse().ok()?,
            Some("--") => break,
            _ => return None,
        }
    }
    if remove.as_deref().is_some_and(|path| !is_ours(path)) {
        return None;
    }
    Some(Charge {
        remove,
        copies,
        program: args.next()?,
        args: args.collect(),
    })
}

fn is_ours(directory: &Path) -> bool {
    directory.is_absolute()
        && directory
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(DIRECTORY_PREFIX))
}

fn run(charge: &Charge) -> io::Result<u8> {
    set_child_subreaper(Some(getpid()))?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(watch(charge))
}

/// Starts the program, and returns when there is a reason to stop.
async fn watch(charge: &Charge) -> io::Result<u8> {
    // Listened for before the program starts: from then on no signal may end the keeper before its work is done.
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut child = signal(SignalKind::child())?;
    let mut gone = parent_gone();
    let programs = start(charge)?;
    loop {
        tokio::select! {
            _ = &mut gone => return Ok(0),
            _ = term.recv() => return Ok(0),
            _ = interrupt.recv() => return Ok(0),
            _ = hangup.recv() => return Ok(0),
            _ = child.recv() => if let Some(code) = reap(&programs) { return Ok(code) },
        }
    }
}

fn start(charge: &Charge) -> io::Result<Vec<Pid>> {
    let mut started = Vec::with_capacity(charge.copies);
    for _ in 0..charge.copies {
        let child = Command::new(&charge.program)
            .args(&charge.args)
            .stdin(Stdio::null())
            .spawn()?;
        started.extend(i32::try_from(child.id()).ok().and_then(Pid::from_raw));
    }
    Ok(started)
}

/// Tells when standard input ends. A thread, since a blocking read cannot be given up; it ends with the process.
fn parent_gone() -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = tell.send(());
    });
    told
}

/// Reaps whoever has ended; the exit code of the last of the programs among them.
fn reap(programs: &[Pid]) -> Option<u8> {
    let mut code = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if programs.contains(&pid) {
            code = Some(
                status
                    .exit_status()
                    .map_or(1, |code| u8::try_from(code).unwrap_or(1)),
            );
        }
    }
    code
}

/// Ends every process below this one: politely, then not.
fn end_all() {
    signal_all(Signal::TERM);
    if all_gone_within(GRACE) {
        return;
    }
    let deadline = Instant::now() + KILLING;
    while Instant::now() < deadline {
        // Again and again: a process may have forked between the look and the signal.
        signal_all(Signal::KILL);
        if all_gone_within(PAUSE * 5) {
            return;
        }
    }
    complain("failed to end every process below the keeper");
}

/// Whether no child is left. Then nobody is: every descendant hangs from a child, or has become one.
fn all_gone_within(limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return true,
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(PAUSE);
    }
}

fn signal_all(signal: Signal) {
    for pid in descendants(getpid()) {
        // It may have ended meanwhile, and that is what was wanted.
        let _ = kill_process(pid, signal);
    }
}

/// Every process below `root`, as /proc shows them now.
fn descendants(root: Pid) -> Vec<Pid> {
    let everybody = processes();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            everybody
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found.split_off(1)
}

/// All processes with their parents.
fn processes() -> Vec<(Pid, Pid)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| relation(&entry.path()))
        .collect()
}

fn relation(process: &Path) -> Option<(Pid, Pid)> {
    let pid = process.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // The name, in parentheses, may hold anything; after it come the state and the parent.
    let parent = stat
        .rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()?;
    Some((Pid::from_raw(pid)?, Pid::from_raw(parent)?))
}

fn remove(directory: &Path) {
    for _ in 0..20 {
        match fs::remove_dir_all(directory) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(_) => thread::sleep(PAUSE * 5),
        }
    }
    complain(&format!("failed to remove {}", directory.display()));
}

/// The keeper is a process of its own whose standard error is read by waxseal, so this is its log.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "waxseal keeper: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Option<Charge> {
        parse(args.iter().map(OsString::from))
    }

    #[test]
    fn a_keeper_removes_only_directories_of_ours() {
        assert!(parsed(&["--remove", "/tmp/waxseal-x", "--", "true"]).is_some());
        for wrong in ["/", "/home/me", "waxseal-x", "/tmp/waxseal-x/.."] {
            assert!(
                parsed(&["--remove", wrong, "--", "true"]).is_none(),
                "{wrong}"
            );
        }
        assert!(parsed(&["--"]).is_none());
        assert!(parsed(&["true"]).is_none());
        assert!(parsed(&["--copies", "some", "--", "true"]).is_none());
    }

    #[test]
    fn everybody_has_a_parent_and_we_are_somebodys_child() {
        let me = getpid();
        let parent = rustix::process::getppid();
        assert!(
            processes()
                .iter()
                .any(|(pid, of)| *pid == me && Some(*of) == parent)
        );
    }
}
