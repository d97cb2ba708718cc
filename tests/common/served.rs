//! `waxseal serve` in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use waxseal::collector::Authority;
use waxseal::store::RemoteStore;

pub const PLANT: &str = "a-secret-to-plant-with";
pub const READ: &str = "a-secret-to-read-with-only";

/// A collector that ends with the test whatever becomes of it.
pub struct Served {
    pub process: Child,
    /// What it said when it began to listen.
    pub said: String,
    log: BufReader<ChildStderr>,
}

/// The program, with nothing of the test's own environment that it would listen to.
pub fn waxseal() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    for (name, _) in std::env::vars_os() {
        let ours = name.to_string_lossy().starts_with("WAXSEAL_");
        if ours || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

impl Served {
    /// Starts it, and waits until it listens.
    pub fn start(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = piped.spawn().unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let log = BufReader::new(process.stderr.take().unwrap());
        let mut served = Self {
            process,
            said: String::new(),
            log,
        };
        out.read_line(&mut said).unwrap();
        if said.is_empty() {
            panic!("it did not listen: {}", served.rest_of_log());
        }
        served.said = said;
        served
    }

    /// One that records to `folder` and answers runs elsewhere, on free ports.
    pub fn for_runs_elsewhere(folder: &Path) -> Self {
        let mut command = waxseal();
        command
            .args(["serve", "--store"])
            .arg(folder.join("collector.db"))
            .arg("--lab-authority")
            .arg(folder.join("authority"))
            .args(["--admin", "127.0.0.1:0"])
            .args(["--plant-secret", "env:PLANT", "--read-secret", "env:READ"])
            .envs([("PLANT", PLANT), ("READ", READ)]);
        Self::start(&mut command)
    }

    /// Where runs elsewhere are answered.
    pub fn admin(&self) -> String {
        let after = self.said.split("runs elsewhere at ").nth(1).unwrap();
        after.split([' ', ',']).next().unwrap().to_owned()
    }

    /// Its store, as somebody elsewhere sees it.
    pub fn store(&self, folder: &Path, secret: &str) -> RemoteStore {
        let root = std::fs::read(Authority::root_in(&folder.join("authority"))).unwrap();
        RemoteStore::new(&self.admin(), secret, Some(&root)).unwrap()
    }

    /// Where it listens: the address in its links.
    pub fn address(&self) -> SocketAddr {
        let after = self.said.split("http://").nth(1).unwrap();
        after.split([' ', ',']).next().unwrap().parse().unwrap()
    }

    /// Where it answers questions about its zone.
    pub fn dns(&self) -> SocketAddr {
        let after = self.said.split("asked for names at ").nth(1).unwrap();
        after.split([' ', ',']).next().unwrap().parse().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let id = self.process.id().to_string();
        assert!(kill.args(["-s", name, &id]).status().unwrap().success());
    }

    /// Reads the log up to the line that holds this.
    pub fn log_until(&mut self, part: &str) -> String {
        let mut read = String::new();
        while !read.contains(part) {
            let count = self.log.read_line(&mut read).unwrap();
            assert!(count > 0, "`{part}` is not in the log: {read}");
        }
        read
    }

    pub fn rest_of_log(&mut self) -> String {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        rest
    }

    pub fn ended(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
