//! `waxseal serve` in a process of its own, for as long as this is held.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use waxseal::collector::Authority;
use waxseal::store::RemoteStore;

pub const PLANT: &str = "a secret to plant with";
pub const READ: &str = "a secret to read with";

pub struct Served {
    pub process: Child,
    /// What it said when it was up.
    pub line: String,
}

impl Served {
    /// One that records to `folder` and answers runs elsewhere, on free ports.
    pub fn for_runs_elsewhere(folder: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
        command
            .args(["serve", "--store"])
            .arg(folder.join("collector.db"))
            .arg("--lab-authority")
            .arg(folder.join("authority"))
            .args(["--admin", "127.0.0.1:0"])
            .args(["--plant-secret", "env:PLANT", "--read-secret", "env:READ"])
            .args(more)
            .envs([("PLANT", PLANT), ("READ", READ)]);
        Self::start(command)
    }

    pub fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self { process, line }
    }

    /// The word behind `words` in what it said.
    pub fn word_behind(&self, words: &str) -> String {
        let rest = self.line.split_once(words);
        let (_, rest) = rest.unwrap_or_else(|| panic!("no `{words}` in {}", self.line));
        let word = rest.split([' ', ',', '\n']).next();
        word.unwrap().to_owned()
    }

    /// Where runs elsewhere are answered.
    pub fn admin(&self) -> String {
        self.word_behind("runs elsewhere at ")
    }

    /// Its store, as somebody elsewhere sees it.
    pub fn store(&self, folder: &Path, secret: &str) -> RemoteStore {
        let root = std::fs::read(Authority::root_in(&folder.join("authority"))).unwrap();
        RemoteStore::new(&self.admin(), secret, Some(&root)).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
