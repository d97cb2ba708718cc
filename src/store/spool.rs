use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{Endings, Record, RunId};

/// Marks the number of a record that waits in a spool, where a record in the database has its sequence number. What
/// becomes of a hit is told by this number until the hit has its own.
pub(super) const WAITING: u64 = 1 << 63;

/// Bytes that may wait in a spool: a quarter of a million hits. What comes on top is a gap, before the disk is full.
const MOST: u64 = 256 << 20;

/// A record that waits, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// Its number with [`WAITING`] set, unique in the process that wrote it.
    pub(super) number: u64,
    pub(super) run: RunId,
    pub(super) record: Record,
}

/// A file of waiting records. Each line carries a digest over itself and the one before, so that a torn or altered one
/// shows. Locked by its writer: nobody else drains a spool that is still written.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: File,
    /// What is whole and synced; anything behind it is half a line.
    length: u64,
    before: String,
    /// Half a line stands at its end and could not be taken away: what came behind it would not be found again.
    blocked: bool,
    /// Where draining goes on, the digest before that, and how many lines are drained.
    read: u64,
    read_before: String,
    pub(super) drained: u64,
}

/// Where spools of a store are: beside it, by names that nobody else has.
fn prefix(store: &Path) -> String {
    let name = store.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}-spool-")
}

fn folder(store: &Path) -> &Path {
    match store.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// All spools of a store, the oldest first.
pub(super) fn beside(store: &Path) -> io::Result<Vec<PathBuf>> {
    let prefix = prefix(store);
    let mut found = Vec::new();
    for entry in folder(store).read_dir()? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

impl Spool {
    /// Makes an empty one whose name survives a power cut. `name` must sort behind those of older ones.
    pub(super) fn create(store: &Path, name: &str) -> io::Result<Self> {
        let path = folder(store).join(format!("{}{name}", prefix(store)));
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .append(true)
            .create_new(true)
            .open(&path)?;
        file.lock()?;
        File::open(folder(store))?.sync_all()?;
        Ok(Self::of(path, file))
    }

    /// Takes over one that was left behind; none if its writer still lives.
    pub(super) fn take_over(path: PathBuf) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut spool = Self::of(path, file);
        // Where it was torn by a crash nobody was told that it is kept.
        let mut reader = BufReader::new(&spool.file);
        let (mut whole, mut before) = (0, String::new());
        while let Some((line, length)) = read_line(&mut reader, &before)? {
            whole += length;
            before = line.digest;
        }
        (spool.length, spool.before) = (whole, before);
        Ok(Some(spool))
    }

    const fn of(path: PathBuf, file: File) -> Self {
        Self {
            path,
            file,
            length: 0,
            before: String::new(),
            blocked: false,
            read: 0,
            read_before: String::new(),
            drained: 0,
        }
    }

    /// The name that its drained lines are counted under.
    pub(super) fn name(&self) -> String {
        name(&self.path)
    }

    /// Whether everything in it is drained.
    pub(super) const fn is_drained(&self) -> bool {
        self.read >= self.length
    }

    /// Whether whole lines stand behind the last one that holds. Half a line is what a crash leaves; this is not.
    pub(super) fn is_altered(&self) -> io::Result<bool> {
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(self.length))?;
        Ok(reader.read_until(b'\n', &mut Vec::new())? > 0 && !reader.fill_buf()?.is_empty())
    }

    /// Adds lines and has them on disk; none of them is kept if that fails.
    pub(super) fn append(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut before = self.before.clone();
        let mut bytes = Vec::new();
        for line in lines {
            let text = serde_json::to_string(line)?;
            before = digest(&before, &text);
            writeln!(bytes, "{before} {text}")?;
        }
        let length = self.length + bytes.len() as u64;
        if self.blocked {
            return Err(io::Error::other("half a line could not be taken away"));
        }
        if length > MOST {
            return Err(io::Error::other(format!(
                "more than {} MiB wait for the database",
                MOST >> 20
            )));
        }
        let kept = self
            .file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = kept {
            // Half a line would hide the next ones.
            self.blocked = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        (self.length, self.before) = (length, before);
        Ok(())
    }

    /// The next lines to drain, at most so many. They stay where they are until [`Spool::forget`].
    pub(super) fn next(&self, most: usize) -> io::Result<Chunk> {
        let mut chunk = Chunk {
            lines: Vec::new(),
            read: self.read,
            before: self.read_before.clone(),
        };
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(self.read))?;
        while chunk.lines.len() < most && chunk.read < self.length {
            let Some((line, length)) = read_line(&mut reader, &chunk.before)? else {
                return Err(io::Error::other(format!(
                    "{} was altered at byte {}",
                    self.path.display(),
                    chunk.read
                )));
            };
            chunk.read += length;
            chunk.before = line.digest;
            chunk.lines.push(line.line);
        }
        Ok(chunk)
    }

    /// Goes on behind a chunk that is in the database.
    pub(super) fn forget(&mut self, chunk: Chunk) {
        self.drained += chunk.lines.len() as u64;
        (self.read, self.read_before) = (chunk.read, chunk.before);
    }

    /// Takes a drained spool away.
    pub(super) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    /// Moves one that cannot be drained out of the way, and keeps it for whoever wants to know.
    pub(super) fn set_aside(self) -> io::Result<PathBuf> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let aside = self.path.with_file_name(format!("broken-{name}"));
        std::fs::rename(&self.path, &aside)?;
        Ok(aside)
    }
}

/// Lines to drain, and where the next ones are.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) lines: Vec<Line>,
    read: u64,
    before: String,
}

struct Checked {
    line: Line,
    digest: String,
}

pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What waits in a spool that somebody else may be writing: all lines that hold.
pub(super) fn waiting(path: &Path) -> io::Result<Vec<Line>> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut lines, mut before) = (Vec::new(), String::new());
    while let Some((checked, _)) = read_line(&mut reader, &before)? {
        before = checked.digest;
        lines.push(checked.line);
    }
    Ok(lines)
}

/// The next line and its length; none at the end, or where it does not follow from the one before.
fn read_line(reader: &mut impl BufRead, before: &str) -> io::Result<Option<(Checked, u64)>> {
    let mut bytes = Vec::new();
    let length = reader.take(MOST).read_until(b'\n', &mut bytes)? as u64;
    let whole = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_suffix('\n'));
    let Some((carried, text)) = whole.and_then(|text| text.split_once(' ')) else {
        return Ok(None);
    };
    if digest(before, text) != carried {
        return Ok(None);
    }
    let line = serde_json::from_str(text)?;
    let digest = carried.to_owned();
    Ok(Some((Checked { line, digest }, length)))
}

fn digest(before: &str, text: &str) -> String {
    let digest = Sha256::new().chain_update(before).chain_update(text);
    HEXLOWER.encode(&digest.finalize())
}

/// Where drained records went: consecutive numbers became consecutive sequence numbers, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(u64, u64, u64)>);

impl Places {
    /// So many records from this number on are in the database from this sequence number on.
    pub(super) fn learn(&mut self, number: u64, count: u64, seq: u64) {
        self.0.push((number, count, seq));
    }

    /// Takes the last lesson back.
    pub(super) fn unlearn(&mut self) {
        self.0.pop();
    }

    fn seq(&self, number: u64) -> u64 {
        // Numbers grow, and most are asked for soon after they were given.
        let place = self.0.iter().rev().find_map(|&(first, count, seq)| {
            let nth = number.checked_sub(first)?;
            (nth < count).then_some(seq + nth)
        });
        place.unwrap_or(number)
    }

    /// Gives hits that have waited their own numbers.
    pub(super) fn settle(&self, endings: &mut Endings) {
        if self.0.is_empty() {
            return;
        }
        for answer in &mut endings.answers {
            answer.hit = self.seq(answer.hit);
        }
        for handshake in &mut endings.handshakes {
            handshake.hit = self.seq(handshake.hit);
        }
    }
}
