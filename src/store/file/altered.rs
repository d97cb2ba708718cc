//! Which line of a file was altered: the links around the first broken one tell.

use std::io::{self, BufRead, BufReader, Read};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{LONGEST_LINE, line};

/// A line that was altered, as far as the lines around it say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Culprit {
    /// Which, counted from 1.
    pub line: u64,
    /// The number of its record; none of the first and the last line, and where it is not to be made out.
    pub seq: Option<u64>,
}

impl Culprit {
    fn of((line, text): (u64, &[u8])) -> Self {
        let seq = line::seq(text);
        Self { line, seq }
    }
}

/// Finds the altered line of a file whose line `broken` does not follow from the one before. Where the line behind it
/// follows from it, it is as it was written, and the one before is not; where that one does not either, it is itself the
/// altered one. None where no line behind it tells.
pub(super) fn culprit(source: impl Read, broken: u64) -> io::Result<Option<Culprit>> {
    let mut lines = Lines(BufReader::new(source));
    let mut before = Vec::new();
    for _ in 1..broken {
        before = lines.line()?;
    }
    let (this, next) = (lines.line()?, lines.line()?);
    if next.is_empty() {
        return Ok(None);
    }
    let digest = HEXLOWER.encode(&Sha256::digest(&this));
    let follows = line::before(&next) == Some(digest.as_bytes());
    let altered = match follows {
        true => (broken.saturating_sub(1), before.as_slice()),
        false => (broken, this.as_slice()),
    };
    Ok(Some(Culprit::of(altered)))
}

/// Lines without their line feeds.
struct Lines<R>(BufReader<R>);

impl<R: Read> Lines<R> {
    /// The next one; an empty one at the end.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let most = LONGEST_LINE as u64 + 1;
        self.0.by_ref().take(most).read_until(b'\n', &mut text)?;
        if text.ends_with(b"\n") {
            text.pop();
        }
        Ok(text)
    }
}
