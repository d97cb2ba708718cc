//! The house keeps its plan: imports go down only, rooms on one floor do not know each other, and below the water line
//! there is no I/O, no clock and no dice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first (the picture in `src/lib.rs`).
const FLOORS: &[&[&str]] = &[
    &["model", "diagnostic"],
    &["scenario", "canary", "attribution"],
    &["plan", "verdict", "history", "report"],
    &["store"],
    &["browser", "collector", "practice"],
    &["audit"],
    &["cli"],
];

/// Floors up to this one are pure.
const WATER_LINE: usize = 2;

/// What the world is touched with. `rand` and `rand_chacha` are pure while they are seeded, so only the sources of
/// chance are named.
const WORLDLY: &[&str] = &[
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "tokio",
    "reqwest",
    "fantoccini",
    "rusqlite",
    "rustix",
    "tempfile",
    "getrandom",
    "rand::rng",
    "rand::random",
    "from_os_rng",
    "tracing",
    "indicatif",
    "anstream",
    "clap",
    "include_str!",
    "include_bytes!",
];

/// What is let through all the same: data that is part of the program, and changes with it alone.
const LET_THROUGH: &[(&str, &str)] = &[
    ("src/attribution/catalogue.rs", "include_str!"),
    ("src/report/html/page.rs", "include_str!"),
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|entry| sources(&entry))
        .filter(|file| file.extension().is_some_and(|e| e == "rs"))
        .collect()
}

/// The rooms and the files in them.
fn house() -> Vec<(String, Vec<PathBuf>)> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    let rooms = entries.filter(|path| {
        !matches!(
            path.file_name().unwrap().to_str(),
            Some("lib.rs" | "main.rs")
        )
    });
    rooms
        .map(|path| {
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                sources(&path),
            )
        })
        .collect()
}

/// Code without comments and without its unit tests, which stand last in a file and may touch whatever they like.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// Every room named in a `crate::…` path, groups included.
fn rooms_named(code: &str) -> Vec<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut named = Vec::new();
    for (_, rest) in code
        .match_indices("crate::")
        .map(|(at, found)| (at, &code[at + found.len()..]))
    {
        match rest.strip_prefix('{') {
            Some(group) => {
                // Each member of the outermost level begins a path of its own.
                let mut depth = 0;
                let mut begins = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '}' if depth == 0 => break,
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begins = true,
                        c if begins && !c.is_whitespace() => {
                            named.push(word(&group[at..]));
                            begins = false;
                        }
                        _ => {}
                    }
                }
            }
            None => named.push(word(rest)),
        }
    }
    named
}

/// Every path of a `use` tree, written out: `std::{fs, net::{A, B}}` is `std::fs`, `std::net::A`, `std::net::B`.
fn written_out(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        return vec![tree.to_owned()];
    };
    let mut members = vec![String::new()];
    let mut depth = 0;
    for c in tree[open + 1..].chars() {
        match (c, depth) {
            ('}', 0) => break,
            (',', 0) => members.push(String::new()),
            _ => members.last_mut().unwrap().push(c),
        }
        depth += i32::from(c == '{') - i32::from(c == '}');
    }
    let members = members.iter().filter(|member| !member.trim().is_empty());
    members
        .flat_map(|member| written_out(member))
        .map(|member| format!("{}{member}", &tree[..open]))
        .collect()
}

/// The code with its imports written out behind it, so that a group hides nothing.
fn with_imports_written_out(code: &str) -> String {
    let flat = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let imports = flat
        .split("use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next());
    let written: Vec<String> = imports.flat_map(written_out).collect();
    format!("{code}\n{}", written.join("\n"))
}

/// How many `super::` lead out of the room from a file of it: as many as it lies deep below `src`.
fn leads_out(file: &Path, code: &str) -> bool {
    let below = file
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    let inner = usize::from(below.file_name().unwrap() != "mod.rs");
    let depth = below.components().count() - 1 + inner;
    code.contains(&"super::".repeat(depth.max(1)))
}

/// What breaks the plan, one line each.
fn breaches() -> Vec<String> {
    let mut found = Vec::new();
    for (room, files) in house() {
        let Some(own) = floor(&room) else {
            found.push(format!(
                "src/{room} is on no floor: put it into the picture, and into FLOORS"
            ));
            continue;
        };
        for file in files {
            let code = with_imports_written_out(&code(&file));
            let at = file.display();
            for named in rooms_named(&code).iter().filter(|named| **named != room) {
                if floor(named).is_some_and(|other| other >= own) {
                    found.push(format!("{at}: `{room}` may not know `{named}`"));
                }
            }
            if leads_out(&file, &code) {
                found.push(format!(
                    "{at}: `super::` leads out of the room; say `crate::`"
                ));
            }
            for worldly in WORLDLY.iter().filter(|_| own <= WATER_LINE) {
                let let_through = LET_THROUGH
                    .iter()
                    .any(|(path, what)| file.ends_with(path) && what == worldly);
                if code.contains(worldly) && !let_through {
                    found.push(format!("{at}: `{worldly}` below the water line"));
                }
            }
        }
    }
    found
}

#[test]
fn the_house_keeps_its_plan() {
    let breaches = breaches();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn every_room_of_the_picture_is_there_and_the_other_way_round() {
    let picture =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for (at, rooms) in FLOORS.iter().enumerate() {
        let line = picture
            .lines()
            .find(|line| line.starts_with(&format!("//! {at}  ")))
            .expect("a line for each floor");
        for room in *rooms {
            assert!(
                line.split_whitespace().any(|word| word == *room),
                "{room} is not in: {line}"
            );
            assert!(
                picture.contains(&format!("pub mod {room};")),
                "{room} is not built"
            );
        }
    }
}

/// The checker itself must see what it is there to see.
#[test]
fn a_breach_is_seen() {
    assert_eq!(
        rooms_named("use crate::{model::{A, B}, cli};\nlet x = crate::store::Store;"),
        ["model", "cli", "store"]
    );
    assert_eq!(
        rooms_named("pub(crate) use crate::verdict::judge;"),
        ["verdict"]
    );
    let hidden =
        with_imports_written_out("use std::{env, fs as files, net::{TcpStream, UdpSocket}};");
    for worldly in ["std::env", "std::fs", "std::net::Tcp", "std::net::Udp"] {
        assert!(hidden.contains(worldly), "{worldly} is hidden in {hidden}");
    }
    let in_store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite.rs");
    assert!(leads_out(&in_store, "use super::super::verdict;"));
    assert!(!leads_out(&in_store, "use super::chain;"));
}
