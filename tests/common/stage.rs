//! Serves stages: pages that stand in for services, each with one conversation, over TLS on a free port of loopback.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::files::built;
use super::golden::in_repository;

/// Pages by host, and what was sent there.
#[derive(Default)]
struct House {
    pages: BTreeMap<String, String>,
    sent: Mutex<BTreeMap<String, Vec<Value>>>,
}

/// A stage for each of some hosts.
pub struct Stages {
    address: SocketAddr,
    house: Arc<House>,
}

impl Stages {
    /// Serves these hosts, each with its page.
    pub fn serve(pages: &[(&str, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let named = pages
            .iter()
            .map(|(host, page)| ((*host).to_owned(), page.clone()));
        let house = Arc::new(House {
            pages: named.collect(),
            ..House::default()
        });
        let (tls, theirs) = (Arc::new(tls()), Arc::clone(&house));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, house) = (Arc::clone(&tls), Arc::clone(&theirs));
                // A browser that goes away is no mistake.
                thread::spawn(move || serve(stream, tls, &house).ok());
            }
        });
        Self { address, house }
    }

    /// What leads a browser there.
    pub fn flag(&self, host: &str) -> String {
        format!("--stage={host}={}", self.address)
    }

    /// The texts that were sent on a stage, in order.
    pub fn sent(&self, host: &str) -> Vec<String> {
        let all = self.house.sent.lock().unwrap();
        let sent = all.get(host).into_iter().flatten();
        sent.map(|message| message["text"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The page of a service.
pub fn page(service: &str) -> String {
    std::fs::read_to_string(in_repository(&format!("tests/stages.d/{service}.html"))).unwrap()
}

/// A certificate that nobody vouches for.
fn tls() -> ServerConfig {
    let made = rcgen::generate_simple_self_signed(vec!["stage.invalid".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap()
}

/// One request after the other, until the browser has no more.
fn serve(stream: TcpStream, tls: Arc<ServerConfig>, house: &House) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let field = |name: &str| {
            let mut fields = head.iter().filter_map(|line| line.split_once(": "));
            fields.find(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        let length = field("content-length").map_or(0, |(_, value)| value.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let host = field("host").map(|(_, host)| host).unwrap_or_default();
        let (kind, text) = house.answer(host, &head[0], &body);
        answer(reader.get_mut(), &kind, &text)?;
    }
}

fn answer(to: &mut impl Write, kind: &str, text: &str) -> std::io::Result<()> {
    let whole = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\r\n{text}",
        text.len()
    );
    to.write_all(whole.as_bytes())?;
    to.flush()
}

impl House {
    /// Whatever address of a stage is asked for, its page comes: it looks at the address itself.
    fn answer(&self, host: &str, line: &str, body: &[u8]) -> (String, String) {
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let script = |text: String| ("text/javascript".to_owned(), text);
        match (method, path) {
            ("POST", "/stage/messages") => json_of(&self.send(host, body)),
            (_, "/stage/messages") => {
                let all = self.sent.lock().unwrap();
                json_of(&json!(all.get(host).cloned().unwrap_or_default()))
            }
            (_, "/stage.js") => script(include_str!("../stages.d/stage.js").to_owned()),
            (_, "/favicon.ico") => ("image/x-icon".to_owned(), String::new()),
            _ => match path.strip_prefix("/built/") {
                Some(file) => script(built(file.trim_end_matches(".js"))),
                None => (
                    "text/html".to_owned(),
                    self.pages.get(host).cloned().unwrap_or_default(),
                ),
            },
        }
    }

    fn send(&self, host: &str, body: &[u8]) -> Value {
        let said: Value = serde_json::from_slice(body).unwrap();
        let mut all = self.sent.lock().unwrap();
        let sent = all.entry(host.to_owned()).or_default();
        // As long as a number that a service would give.
        let id = (1_000_000_000_000_000_001 + sent.len()).to_string();
        let message = json!({ "id": id, "from": said["from"], "text": said["text"] });
        sent.push(message.clone());
        message
    }
}

fn json_of(value: &Value) -> (String, String) {
    ("application/json".to_owned(), value.to_string())
}
