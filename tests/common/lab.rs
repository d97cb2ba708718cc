//! A laboratory that is held, and a run of waxseal in it: neither leaves anything behind, also when the test dies.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::golden::in_repository;

/// A laboratory that is up for as long as this is held: it ends when its standard input does, also when the test dies.
pub struct Lab {
    name: &'static str,
    scenario: &'static str,
    process: Child,
    hold: Option<ChildStdin>,
    folder: TempDir,
    passwords: Vec<(String, String)>,
}

impl Lab {
    /// Holds these instances of `ci/lab/NAME`, for a scenario of it; `set` may say more in its environment.
    pub fn up(
        name: &'static str,
        scenario: &'static str,
        instances: &[&str],
        set: impl FnOnce(&mut Command),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = lab_command(name, folder.path());
        set(&mut command);
        command
            .arg("hold")
            .args(instances)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let hold = process.stdin.take();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(
            line.trim(),
            "ready",
            "the laboratory did not come up: see above, and `ci/setup`"
        );
        let mut lab = Self {
            name,
            scenario,
            process,
            hold,
            folder,
            passwords: Vec::new(),
        };
        lab.passwords = lab.exports();
        lab
    }

    fn exports(&self) -> Vec<(String, String)> {
        let text = String::from_utf8(self.ask(&["env"]).stdout).unwrap();
        let pair = |line: &str| {
            line.strip_prefix("export ")
                .and_then(|rest| rest.split_once('='))
                .map(owned)
        };
        text.lines().filter_map(pair).collect()
    }

    /// Says one of the laboratory's words.
    pub fn ask(&self, words: &[&str]) -> Output {
        let output = lab_command(self.name, self.folder.path())
            .args(words)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    fn vars(&self) -> PathBuf {
        let file = format!("state/{}.toml", self.scenario);
        self.folder.path().join(file)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.hold.take());
        let _ = self.process.wait();
    }
}

fn lab_command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(in_repository("ci/lab").join(name));
    command
        .env("WAXSEAL_LAB_STATE", folder.join("state"))
        .env_remove("WAXSEAL_LAB_CA");
    command
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.trim_matches(['\'', '"']).to_owned())
}

/// A run of waxseal in a folder of its own, where all that it makes must be.
pub struct Audit {
    pub folder: TempDir,
    process: Child,
    lines: BufReader<ChildStderr>,
    told: String,
}

impl Audit {
    /// Starts it with the laboratory's addresses and passwords.
    pub fn start(lab: &Lab, scenario: &Path, words: &[&str]) -> Self {
        Self::start_with(lab, scenario, words, |_| {})
    }

    /// The same; `set` may say more in its environment.
    pub fn start_with(
        lab: &Lab,
        scenario: &Path,
        words: &[&str],
        set: impl FnOnce(&mut Command),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let mut command = waxseal(folder.path());
        command
            .arg("run")
            .arg(scenario)
            .arg("--vars")
            .arg(lab.vars())
            .args(words);
        command.args([
            "--report",
            &format!("json={}", folder.path().join("report.json").display()),
        ]);
        command
            .envs(lab.passwords.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        set(&mut command);
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap());
        Self {
            folder,
            process,
            lines,
            told: String::new(),
        }
    }

    /// Reads on until the `nth` line that holds `part`.
    pub fn wait_for(&mut self, part: &str, nth: usize) {
        for _ in 0..nth {
            loop {
                let mut line = String::new();
                let read = self.lines.read_line(&mut line).unwrap();
                assert!(
                    read > 0,
                    "the run ended before it said `{part}`: {}",
                    self.told
                );
                self.told.push_str(&line);
                if line.contains(part) {
                    break;
                }
            }
        }
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end, and sees that nothing is left. Returns the exit status and all that was said.
    pub fn end(&mut self) -> (Option<i32>, String) {
        self.lines.read_to_string(&mut self.told).unwrap();
        let mut shown = String::new();
        self.process
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut shown)
            .unwrap();
        let status = self.process.wait().unwrap();
        self.assert_nothing_left();
        (status.code(), self.told.clone() + &shown)
    }

    /// Everything the run started names its folder, in its command line or its environment.
    fn assert_nothing_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let temporary = self.folder.path().join("tmp");
        loop {
            let processes = processes_naming(&temporary);
            let files: Vec<PathBuf> = fs::read_dir(&temporary)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            if processes.is_empty() && files.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "left behind: {processes:?} {files:?}"
            );
            std::thread::yield_now();
        }
    }

    /// What browsers were started with, they can be made to tell.
    pub fn assert_no_secret_in_browsers(&self, lab: &Lab) {
        let browsers = process_texts("chrom", &self.folder.path().join("tmp"));
        assert!(!browsers.is_empty());
        for (name, password) in lab
            .passwords
            .iter()
            .filter(|(name, _)| name.contains("PASSWORD"))
        {
            assert!(
                browsers.iter().all(|text| !text.contains(password)),
                "{name} is known to a browser"
            );
        }
    }

    /// What it wrote down.
    pub fn report(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.path().join("report.json")).unwrap()).unwrap()
    }

    /// Exit status and report of judging it once more.
    pub fn judged_again(&self) -> (Option<i32>, String) {
        let output = waxseal(self.folder.path())
            .args(["judge", "latest", "--report", "json=-"])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, with everything it makes in this folder.
pub fn waxseal(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
        .env("WAXSEAL_STORE", folder.join("evidence.db"))
        .env("TMPDIR", folder.join("tmp"));
    command
        .env("NO_COLOR", "1")
        .env("CI", "true")
        .env_remove("RUST_LOG");
    command
}

/// Command line and environment of the processes of this name that name a folder.
fn process_texts(program: &str, folder: &Path) -> Vec<String> {
    let read =
        |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let processes = fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let texts =
        processes.map(|process| read(process.join("cmdline")) + &read(process.join("environ")));
    texts
        .filter(|text| text.contains(program) && text.contains(folder.to_str().unwrap()))
        .collect()
}

fn processes_naming(folder: &Path) -> Vec<String> {
    let name = folder.to_str().unwrap();
    let read =
        |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let processes = fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let ours = processes.filter(|process| {
        read(process.join("cmdline")).contains(name) || read(process.join("environ")).contains(name)
    });
    ours.map(|process| read(process.join("cmdline"))).collect()
}

/// The cells of an arm in a variant.
pub fn cells<'a>(report: &'a Value, arm: &str, variant: &str) -> Vec<&'a Value> {
    let all = report["cells"].as_array().unwrap().iter();
    all.filter(|cell| cell["arm"] == arm && cell["variant"] == variant)
        .collect()
}

/// The doubts about them.
pub fn doubts(report: &Value, arm: &str, variant: &str) -> Vec<String> {
    let cells = cells(report, arm, variant);
    let all = cells
        .iter()
        .flat_map(|cell| cell["doubts"].as_array().unwrap());
    all.map(|doubt| doubt.as_str().unwrap().to_owned())
        .collect()
}
