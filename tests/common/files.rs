//! A few files, served on a free port of loopback.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::golden::in_repository;

type Shelf = Arc<Mutex<BTreeMap<String, (String, String)>>>;

/// Serves what was put there, until the test ends.
pub struct Files {
    address: SocketAddr,
    shelf: Shelf,
}

impl Files {
    pub fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Shelf::default();
        let theirs = Arc::clone(&shelf);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = Arc::clone(&theirs);
                thread::spawn(move || answer(stream, &shelf));
            }
        });
        Self { address, shelf }
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn put(&self, path: &str, kind: &str, text: &str) {
        let file = (kind.to_owned(), text.to_owned());
        self.shelf.lock().unwrap().insert(path.to_owned(), file);
    }
}

fn answer(mut stream: TcpStream, shelf: &Shelf) {
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    // A connection may be opened in advance and never used.
    let Some(Ok(first)) = lines.next() else {
        return;
    };
    for line in lines {
        match line {
            Ok(line) if !line.is_empty() => {}
            _ => break,
        }
    }
    let target = first.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let found = shelf.lock().unwrap().get(path).cloned();
    let (code, kind, text) = match found {
        Some((kind, text)) => ("200 OK", kind, text),
        None => ("404 Not Found", "text/plain".to_owned(), String::new()),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {code}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
}

/// An editor that messengers are made with, as one file of JavaScript.
pub fn built(editor: &str) -> String {
    let path = in_repository(&format!("target/editors/built/{editor}.js"));
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("read {}: {error}; run `ci/setup tools`", path.display()))
}
