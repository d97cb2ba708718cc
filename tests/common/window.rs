//! A browser that only looks: for pages of our own, which must fetch nothing and say nothing wrong.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use waxseal::browser::DriverOptions;

/// A driver and one browser, which end with it.
pub struct Window {
    keeper: Child,
    /// Held, because a driver whose words nobody takes ends.
    _said: BufReader<ChildStdout>,
    /// Everything that the two leave behind.
    _folder: tempfile::TempDir,
    port: u16,
    /// The path of all that the browser is told.
    session: String,
}

impl Drop for Window {
    fn drop(&mut self) {
        // The keeper ends all that it started once nobody holds its standard input.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

impl Window {
    pub fn open() -> Self {
        let options = DriverOptions {
            keeper: Some(env!("CARGO_BIN_EXE_waxseal").into()),
            ..DriverOptions::default()
        };
        let words = ["chromedriver", "--port=0"];
        let mut keeper: Command = options.kept(words).unwrap().into_std();
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(keeper.stdout.take().unwrap());
        let port = announced_port(&mut said);
        let mut window = Self {
            keeper,
            _said: said,
            _folder: folder,
            port,
            session: "/session".to_owned(),
        };
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": flags, "binary": options.find_chromium().unwrap() },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }}});
        let opened = window.post("", &wanted);
        let id = opened["sessionId"].as_str().unwrap().to_owned();
        window.session = format!("{}/{id}", window.session);
        window
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let head = format!(
            "POST {}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.session,
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all((head + &body).as_bytes()).unwrap();
        let answer = body_of(BufReader::new(stream));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }

    pub fn look_at(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    pub fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// A script that calls its last argument when it is done.
    pub fn slow_script(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    fn tell_browser(&self, cmd: &str, params: &Value) {
        self.post(
            "/goog/cdp/execute",
            &json!({ "cmd": cmd, "params": params }),
        );
    }

    /// As somebody sees it who likes it dark, or has a telephone.
    pub fn as_seen(&self, scheme: &str, width: u32) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.tell_browser(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        );
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.tell_browser("Emulation.setDeviceMetricsOverride", &size);
    }

    /// What the page complained of since this was last asked.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let lines = log.as_array().unwrap().iter();
        lines.map(|line| line["message"].to_string()).collect()
    }

    /// Every address that was asked for since this was last asked.
    pub fn requests(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "performance" }));
        let lines = log.as_array().unwrap().iter();
        let events = lines.map(|line| {
            let text = line["message"].as_str().unwrap();
            serde_json::from_str::<Value>(text).unwrap()["message"].take()
        });
        let asked = events.filter(|event| event["method"] == "Network.requestWillBeSent");
        asked
            .map(|event| {
                event["params"]["request"]["url"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }
}

fn announced_port(said: &mut BufReader<ChildStdout>) -> u16 {
    for line in said.by_ref().lines().map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once("started successfully on port ") {
            return rest.trim_end_matches('.').parse().unwrap();
        }
    }
    panic!("chromedriver ended without naming its port");
}

/// The body of an answer, which has a length: the connection may stay.
fn body_of(mut answer: BufReader<TcpStream>) -> Vec<u8> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).unwrap();
    body
}
