//! No secret and no live canary is in any byte of what a run leaves when it goes wrong. A page that spreads what it is given as
//! widely as a page can, a step that fails on it on purpose, every log turned on; then every file, report and stream is searched.
//!
//! That the search finds what is left in is shown by a value that the page spreads just as widely, and that no scenario declares.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use common::served::waxseal;
use data_encoding::{BASE64, BASE64URL, HEXLOWER};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tempfile::TempDir;
use waxseal::canary::TOKEN_CHARS;

/// Declared by the scenario; with signs that every way of writing has to escape.
const SENDER: &str = "S3nd & <er>'s \"w\u{f6}rd\"/+";
const RECIPIENT: &str = "rec1pient's=pa%ss \\ key";
/// Declared by nobody.
const LEFT_IN: &str = "left-in-0n-purpose";

const PAGE: &str = include_str!("common/leaky.html");

const SCENARIO: &str = r##"
schema  = 1
title   = "Leaky"
hosts   = ["127.0.0.1"]
checked = "2026-11-27"
source  = ["written for a test"]

[service]
name = "leaky"

[vars]
url = { ask = "where the page is", example = "http://127.0.0.1:1" }

[accounts.sender]
user    = "anna"
secrets = { password = "env:SENDER_SECRET" }

[accounts.recipient]
user    = "ben"
secrets = { password = "env:RECIPIENT_SECRET" }

[timeouts]
step = "10s"

[experiment]
arms   = ["drafted", "unsent", "reached"]
forms  = ["http"]
trials = 1
window = "500ms"
draft  = "100ms"

[loc]
logged_out = { css = "#sign-in" }
logged_in  = { css = "#composer" }
composer   = { css = "#composer" }
echo       = { css = "#echo" }

[[login.steps]]
goto = "{url}/"

[[login.steps]]
type = "{secret.password}"
into = { css = "#password" }

[[login.steps]]
click = { css = "#submit" }

[[login.steps]]
wait = "logged_in"
else = "session-lost"

[[open.steps]]
wait = "composer"

[[compose.steps]]
type = "{canary}"
into = "composer"
mark = "typed"

# Fails on purpose, and would quote what the page shows.
[[compose.steps]]
wait    = "echo"
text    = "never"
timeout = "1s"
"##;

// ---------------------------------------------------------------- the page

/// A server whose page spreads what was typed.
struct Leaky {
    url: String,
    /// What was typed into the composer.
    typed: Arc<Mutex<Vec<String>>>,
}

impl Leaky {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let typed = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&typed);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || answer(stream, &noted));
            }
        });
        Self { url, typed }
    }
}

fn answer(mut stream: TcpStream, typed: &Mutex<Vec<String>>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let target = first.split(' ').nth(1)?;
    let value = |key: &str| {
        let query = target.split_once('?')?.1.replace('+', "%20");
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == key)?;
        Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())
    };
    typed.lock().unwrap().extend(value("link"));
    let secret = value("password");
    let cookie = secret.as_deref().map(percent).unwrap_or_default();
    let body = match &secret {
        Some(secret) => PAGE
            .replace("SECRET-IN-HTML", &html(secret))
            .replace("SECRET-IN-SCRIPT", &json(secret))
            .replace("RECIPIENT-IN-HTML", &html(RECIPIENT))
            .replace("LEFT-IN", LEFT_IN),
        None if target == "/" => {
            "<form id=sign-in action=/chat><input id=password type=password name=password>\
             <button id=submit>Sign in</button></form>"
                .to_owned()
        }
        None => String::new(),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nSet-Cookie: seen={cookie}\r\n\
         X-Echo: {cookie}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

// ---------------------------------------------------------------- the search

/// Every shape in which a text is looked for: made one by one, and not as the program does it.
fn shapes(text: &str) -> BTreeMap<&'static str, Vec<u8>> {
    let percent = percent(text);
    let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let uri: String = url::Url::parse(&format!("http://x/?{text}"))
        .unwrap()
        .query()
        .unwrap()
        .to_owned();
    let units: String = text
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    let quoted = json(text);
    let unquoted = &quoted[1..quoted.len() - 1];
    let escaped = json(unquoted);
    let mut shapes = BTreeMap::from([
        ("as it is", text.to_owned()),
        ("percent", percent.clone()),
        ("lower percent", percent.to_lowercase()),
        ("percent twice", percent.replace('%', "%25")),
        ("form", form.replace('+', "%20")),
        ("form with plus", form),
        ("address", uri),
        ("HTML", html(text)),
        (
            "HTML without quotes",
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;"),
        ),
        ("HTML twice", html(&html(text))),
        ("JSON", unquoted.to_owned()),
        ("JSON twice", escaped[1..escaped.len() - 1].to_owned()),
        ("script", units),
        ("escape", text.chars().map(old_escape).collect()),
        ("lower case", text.to_lowercase()),
        ("hexadecimal", HEXLOWER.encode(text.as_bytes())),
    ]);
    // Base64 with 0, 1 and 2 bytes before it: what no neighbour changes.
    for (before, name, safe) in [
        (0, "base64", "base64, for addresses"),
        (1, "base64 + 1", "for addresses + 1"),
        (2, "base64 + 2", "for addresses + 2"),
    ] {
        let whole = [vec![b'-'; before].as_slice(), text.as_bytes()].concat();
        let inner = |coded: String| coded[[0, 2, 3][before]..whole.len() * 8 / 6].to_owned();
        shapes.insert(name, inner(BASE64.encode(&whole)));
        shapes.insert(safe, inner(BASE64URL.encode(&whole)));
    }
    shapes
        .into_iter()
        .map(|(name, text)| (name, text.into_bytes()))
        .collect()
}

/// As the old `escape` of browsers writes it.
fn old_escape(c: char) -> String {
    match u32::from(c) {
        _ if c.is_ascii_alphanumeric() || "@*_+-./".contains(c) => c.to_string(),
        code @ ..0x100 => format!("%{code:02X}"),
        code => format!("%u{code:04X}"),
    }
}

/// In which shapes a text is found in bytes.
fn found(text: &str, bytes: &[u8]) -> Vec<&'static str> {
    let shapes = shapes(text);
    let literal = |shape: &Vec<u8>| regex::escape(std::str::from_utf8(shape).unwrap());
    let all = regex::bytes::RegexSet::new(shapes.values().map(literal)).unwrap();
    let names: Vec<&str> = shapes.into_keys().collect();
    all.matches(bytes)
        .into_iter()
        .map(|nth| names[nth])
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    all.collect()
}

// ---------------------------------------------------------------- the run

/// What the one run left.
struct Left {
    folder: TempDir,
    /// Name and bytes of every file and stream.
    everything: BTreeMap<String, Vec<u8>>,
    canaries: Vec<String>,
}

static LEFT: LazyLock<Left> = LazyLock::new(run);

fn at(folder: &Path, words: &[&str]) -> Output {
    let mut command = waxseal();
    command
        .env("SENDER_SECRET", SENDER)
        .env("RECIPIENT_SECRET", RECIPIENT);
    command.current_dir(folder).args(words).output().unwrap()
}

fn run() -> Left {
    let leaky = Leaky::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(folder.path().join("leaky.toml"), SCENARIO).unwrap();
    let url = format!("url={}", leaky.url);
    let mut everything = BTreeMap::new();
    let calls: [&[&str]; 5] = [
        &[
            "run",
            "leaky.toml",
            "--var",
            &url,
            "-vvv",
            "--resolver",
            "none",
            "--report",
            "json=report.json",
            "--report",
            "html=report.html",
            "--report",
            "junit=report.xml",
            "--report",
            "markdown=report.md",
        ],
        &["show", "latest", "-vvv"],
        &["show", "latest", "3", "-vvv"],
        &["explain", "latest", "-vvv"],
        &["export", "latest", "run.jsonl", "-vvv"],
    ];
    for words in calls {
        let output = at(folder.path(), words);
        let name = words.join(" ");
        everything.insert(format!("{name}: stdout"), output.stdout);
        everything.insert(format!("{name}: stderr"), output.stderr);
    }
    for path in files(folder.path()) {
        let name = path
            .strip_prefix(folder.path())
            .unwrap()
            .display()
            .to_string();
        everything.insert(name, fs::read(&path).unwrap());
    }
    let mut canaries = leaky.typed.lock().unwrap().clone();
    let said = everything
        .iter()
        .find(|(name, _)| name.starts_with("run ") && name.ends_with("stderr"));
    let said = String::from_utf8_lossy(said.unwrap().1).into_owned();
    assert!(!canaries.is_empty(), "nothing was typed: {said}");
    assert!(
        said.contains("DEBUG waxseal"),
        "every log is turned on: {said}"
    );
    // And those that came back, which the evidence is about.
    let evidence = String::from_utf8_lossy(&everything["run.jsonl"]).into_owned();
    let is_token = |word: &&str| {
        word.len() == TOKEN_CHARS
            && word
                .bytes()
                .all(|c| c.is_ascii_lowercase() || (b'2'..=b'7').contains(&c))
    };
    let words = evidence.split(|c: char| !c.is_ascii_alphanumeric());
    canaries.extend(words.filter(is_token).map(str::to_owned));
    canaries.sort();
    canaries.dedup();
    assert!(canaries.len() > 3, "{canaries:?}");
    Left {
        folder,
        everything,
        canaries,
    }
}

impl Left {
    /// The files of the scene whose page shows a canary.
    fn scene(&self, name: &str) -> (&String, &Vec<u8>) {
        let mut all = self.everything.iter();
        all.find(|(path, _)| path.ends_with(&format!("-compose/{name}")))
            .unwrap_or_else(|| panic!("{name}: {:?}", self.everything.keys()))
    }
}

// ---------------------------------------------------------------- the tests

#[test]
fn no_secret_and_no_live_canary_is_in_any_byte_of_what_is_left() {
    let mut leaks = Vec::new();
    for (name, bytes) in &LEFT.everything {
        for secret in [SENDER, RECIPIENT] {
            for shape in found(secret, bytes) {
                leaks.push(format!("{name}: {secret:?} ({shape})"));
            }
        }
        // The evidence knows its canaries: what came for them is what it is about.
        let evidence = name.starts_with("waxseal.db") || name == "run.jsonl";
        for link in LEFT.canaries.iter().filter(|_| !evidence) {
            let token = link.rsplit('/').next().unwrap();
            assert!(token.len() > 40, "{link}");
            for shape in found(token, bytes) {
                leaks.push(format!("{name}: the canary ({shape})"));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
    for name in [
        "screenshot.png",
        "page.html",
        "page.txt",
        "console.txt",
        "network.txt",
        "index.html",
    ] {
        assert!(
            !LEFT.scene(name).1.is_empty(),
            "{name} is there, and was searched"
        );
    }
}

#[test]
fn a_secret_that_is_left_in_on_purpose_is_found() {
    for name in [
        "page.html",
        "console.txt",
        "network.txt",
        "page.txt",
        "index.html",
    ] {
        let (path, bytes) = LEFT.scene(name);
        assert!(
            !found(LEFT_IN, bytes).is_empty(),
            "{path}: {}",
            String::from_utf8_lossy(bytes)
        );
    }
    // And so is each shape of the real ones, wherever it stands.
    for (name, shape) in shapes(SENDER) {
        let bytes = [b"\0before ".as_slice(), &shape, b" after\xff"].concat();
        assert!(found(SENDER, &bytes).contains(&name), "{name}");
    }
    assert_eq!(found(SENDER, b"nothing of it"), [""; 0]);
}

#[test]
fn in_the_picture_what_is_secret_is_one_flat_colour_and_what_is_not_is_there() {
    let (path, bytes) = LEFT.scene("screenshot.png");
    let picture = Picture::read(bytes);
    // The places are those of leaky.html.
    for (what, top) in [
        ("text", 100),
        ("parted text", 140),
        ("field", 180),
        ("password", 220),
        ("canvas", 260),
        ("canary", 300),
        ("other's", 340),
    ] {
        let colours = picture.colours(20, top, 300, 20);
        assert_eq!(
            colours.len(),
            1,
            "{path}: {what} is not covered: {} colours",
            colours.len()
        );
    }
    let control = picture.colours(20, 380, 300, 20);
    assert!(control.len() > 5, "{path}: plain text is covered too");
    let text: Vec<&str> = ["tEXt", "zTXt", "iTXt", "eXIf"]
        .into_iter()
        .filter(|chunk| !found(chunk, bytes).is_empty())
        .collect();
    assert!(text.is_empty(), "{text:?}");
}

#[test]
fn what_is_kept_is_its_owners_and_is_shown_at_its_line() {
    let folder = LEFT.folder.path().join("waxseal.failures");
    for path in std::iter::once(folder.clone()).chain(files(&folder)) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
    }
    let line = SCENARIO
        .lines()
        .position(|line| line == "text    = \"never\"")
        .unwrap();
    let out = String::from_utf8_lossy(&LEFT.everything["show latest -vvv: stdout"]).into_owned();
    let trial = out.split_whitespace().next().unwrap().to_owned();
    let shown = at(LEFT.folder.path(), &["show", "latest", &trial]);
    let said = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert_eq!(shown.status.code(), Some(0), "{out}{said}");
    for part in [
        &format!("leaky.toml:{line}:1"),
        "wait    = \"echo\"",
        "error[selector-drift]: wait for `echo`",
        "screenshot.png",
        "network.txt",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(
        at(LEFT.folder.path(), &["show", "latest", "999"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(
        at(LEFT.folder.path(), &["show", "latest", "login"])
            .status
            .code(),
        Some(2)
    );

    // A copy of the folder, in which one byte is another.
    let copy = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for path in files(LEFT.folder.path()) {
        let to = copy
            .path()
            .join(path.strip_prefix(LEFT.folder.path()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&path, to).unwrap();
    }
    let console = files(&copy.path().join("waxseal.failures"));
    let console = console
        .into_iter()
        .find(|path| {
            path.ends_with("console.txt") && path.to_string_lossy().contains(&format!("-{trial}-"))
        })
        .unwrap();
    fs::write(&console, "nothing to see here").unwrap();
    let altered = at(copy.path(), &["show", "latest", &trial]);
    let said = String::from_utf8_lossy(&altered.stdout).into_owned();
    assert_eq!(altered.status.code(), Some(1), "{said}");
    assert!(said.contains("ALTERED"), "{said}");
}

/// A decoded picture.
struct Picture {
    width: usize,
    samples: usize,
    pixels: Vec<u8>,
}

impl Picture {
    fn read(bytes: &[u8]) -> Self {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        Self {
            width: info.width as usize,
            samples: info.color_type.samples(),
            pixels,
        }
    }

    /// The colours in a part of it.
    fn colours(&self, left: usize, top: usize, width: usize, height: usize) -> Vec<&[u8]> {
        let at = |x: usize, y: usize| {
            &self.pixels[(y * self.width + x) * self.samples..][..self.samples]
        };
        let places = (top..top + height).flat_map(|y| (left..left + width).map(move |x| (x, y)));
        let mut colours: Vec<&[u8]> = places.map(|(x, y)| at(x, y)).collect();
        colours.sort_unstable();
        colours.dedup();
        colours
    }
}
