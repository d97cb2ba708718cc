use std::io::{self, Read};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::line::{self, Line};
use super::{DIGITS, Fault, LONGEST_LINE};

/// How much is read at once: enough that starting a thread for it costs nothing beside it, and so little that its memory
/// is used again for the next.
const BATCH: usize = 1 << 20;

/// Whole lines of a file.
pub(super) struct Batch {
    /// Each with its line feed.
    text: Vec<u8>,
    /// The number of its first line.
    first: u64,
    /// How many there are.
    count: usize,
}

/// Cuts a file into batches.
pub(super) struct Batches<R> {
    source: R,
    /// What was read of a line that is not whole yet.
    rest: Vec<u8>,
    /// The number of the next line.
    next: u64,
}

impl<R: Read> Batches<R> {
    pub(super) const fn of(source: R) -> Self {
        Self {
            source,
            rest: Vec::new(),
            next: 1,
        }
    }

    /// The next whole lines; none at the end of the file.
    pub(super) fn read(&mut self) -> Result<Option<Batch>, Fault> {
        let mut text = std::mem::take(&mut self.rest);
        loop {
            let fresh = text.len();
            let read = self.more(&mut text)?;
            if let Some(end) = text[fresh..].iter().rposition(|byte| *byte == b'\n') {
                self.rest = text.split_off(fresh + end + 1);
                return Ok(Some(self.batch(text)));
            }
            if text.len() > LONGEST_LINE {
                return Err(Fault::TooLong { line: self.next });
            }
            if read == 0 {
                return match text.is_empty() {
                    true => Ok(None),
                    false => Err(Fault::Truncated { line: self.next }),
                };
            }
        }
    }

    /// The next ones, as many as there are up to a number.
    pub(super) fn read_many(&mut self, most: usize) -> Result<Vec<Batch>, Fault> {
        let mut many = Vec::new();
        while many.len() < most {
            match self.read()? {
                Some(batch) => many.push(batch),
                None => break,
            }
        }
        Ok(many)
    }

    fn more(&mut self, text: &mut Vec<u8>) -> io::Result<usize> {
        text.reserve(BATCH);
        self.source.by_ref().take(BATCH as u64).read_to_end(text)
    }

    fn batch(&mut self, text: Vec<u8>) -> Batch {
        let first = self.next;
        let count = text.iter().filter(|byte| **byte == b'\n').count();
        self.next += count as u64;
        Batch { text, first, count }
    }
}

type Digits = [u8; DIGITS];

/// A batch whose lines were read.
pub(super) struct Done {
    /// The number of its first line.
    pub(super) first: u64,
    /// How many bytes it has.
    pub(super) bytes: u64,
    /// The digest that its first line carries.
    pub(super) before: Option<Digits>,
    /// The digest of its last line.
    pub(super) last: Digits,
    /// What its lines say, up to the first that is wrong; of the file's first line nothing.
    pub(super) lines: Vec<Line>,
    /// What is wrong with that one.
    pub(super) fault: Option<Fault>,
    /// It is the last one. Whether it was altered or written so, only the line behind it says.
    pub(super) is_open: bool,
}

impl Batch {
    /// Its first line.
    pub(super) fn front(&self) -> &[u8] {
        self.lines().next().map_or(&[], |(_, line)| line)
    }

    /// The lines with their numbers, without their line feeds.
    fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        (self.first..).zip(text.split(|byte| *byte == b'\n'))
    }

    /// Holds every line against the one before it in this batch, and reads it.
    pub(super) fn done(&self) -> Done {
        let (last, broken) = self.chain();
        let before = line::before(self.front()).and_then(|digits| digits.try_into().ok());
        let mut done = Done {
            first: self.first,
            bytes: self.text.len() as u64,
            before,
            last,
            lines: Vec::with_capacity(self.count),
            fault: None,
            is_open: false,
        };
        // What the line before a broken link says is worth nothing either.
        let sound = broken.map_or(u64::MAX, |line| line.saturating_sub(1));
        for (number, line) in self.lines().skip_while(|(number, _)| *number == 1) {
            if number >= sound {
                break;
            }
            match line::read(line, number) {
                Ok(read) => done.lines.push(read),
                Err(fault) => {
                    done.is_open = broken.is_none() && self.is_last(number);
                    done.fault = Some(fault);
                    return done;
                }
            }
        }
        done.fault = broken.map(|line| self.altered(line));
        done
    }

    /// The digest of its last line, and which line first carries a wrong one.
    fn chain(&self) -> (Digits, Option<u64>) {
        let (mut digest, mut broken) = ([0; DIGITS], None);
        for (number, line) in self.lines() {
            let holds = number == self.first || line::before(line) == Some(&digest);
            if !holds && broken.is_none() {
                broken = Some(number);
            }
            HEXLOWER.encode_mut(&Sha256::digest(line), &mut digest);
        }
        (digest, broken)
    }

    const fn is_last(&self, number: u64) -> bool {
        number + 1 == self.first + self.count as u64
    }

    fn altered(&self, number: u64) -> Fault {
        let seq = self.lines().find(|(line, _)| *line == number);
        Fault::Altered {
            line: number,
            seq: seq.and_then(|(_, line)| line::seq(line)),
            culprit: None,
        }
    }
}
