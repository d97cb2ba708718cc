use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread;

use super::altered;
use super::batch::{Batch, Batches, Done};
use super::line::{self, Line};
use super::packed::{Source, Unpacked};
use super::{DIGITS, Fault, FileError};
use crate::model::{Evidence, RunId};

/// More threads than this do not make it faster: one alone reads what they work on.
const MOST_THREADS: usize = 8;

/// Reads a run from an evidence file ([the format](super)), on several threads: the digest of a line does not hang
/// on that of any other.
///
/// # Errors
/// The file cannot be read, is something else, or is not whole and unaltered.
pub fn read_evidence(path: &Path) -> Result<Evidence, FileError> {
    let read = File::open(path).map_err(Fault::from).and_then(|file| {
        let length = file.metadata()?.len();
        read_from(Source::of(file)?, length)
    });
    read.map_err(|fault| FileError {
        path: path.to_owned(),
        fault: named(path, fault),
    })
}

/// Which line it is that was altered is looked for only where one was: that takes another reading.
fn named(path: &Path, fault: Fault) -> Fault {
    let again = || File::open(path).and_then(Source::of);
    match fault {
        Fault::Altered { line, seq, .. } => culprit(again(), line, seq),
        Fault::System(error) => {
            let unpacked = || again().ok().and_then(Unpacked::of);
            match unpacked().map(|rest| read_from(rest, 0)) {
                None => Fault::System(error),
                Some(Err(Fault::Altered { line, seq, .. })) => {
                    culprit(unpacked().ok_or(error), line, seq)
                }
                Some(Err(Fault::Truncated { line })) => Fault::Damaged { line, error },
                Some(_) => Fault::Damaged { line: 1, error },
            }
        }
        fault => fault,
    }
}

fn culprit(source: io::Result<impl Read>, line: u64, seq: Option<u64>) -> Fault {
    let culprit = source.and_then(|source| altered::culprit(source, line));
    Fault::Altered {
        line,
        seq,
        culprit: culprit.ok().flatten(),
    }
}

/// The length may be wrong: it only says how much room to make.
fn read_from(source: impl Read, length: u64) -> Result<Evidence, Fault> {
    let mut batches = Batches::of(source);
    // What is wrong with the first line is that it is another file's.
    let first = match batches.read() {
        Ok(first) => first.ok_or(Fault::Alien)?,
        Err(fault @ Fault::System(_)) => return Err(fault),
        Err(_) => return Err(Fault::Alien),
    };
    let mut whole = Whole::of(line::head(first.front())?, length);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let most = threads.min(MOST_THREADS);
    let (mut ready, mut done) = (vec![first], Vec::new());
    while !ready.is_empty() {
        let round = work(&ready, || (whole.take_all(done), batches.read_many(most)));
        let (taken, next) = round.meanwhile;
        taken?;
        done = round.done;
        ready = match next {
            Ok(next) => next,
            // What is wrong with earlier lines comes first.
            Err(fault) => return whole.take_all(done).and(Err(fault)),
        };
    }
    whole.take_all(done)?;
    whole.close()
}

/// What was done at the same time.
struct Round<T> {
    done: Vec<Done>,
    meanwhile: T,
}

/// Works on batches, each on a thread of its own, while this one does something else.
fn work<T>(ready: &[Batch], meanwhile: impl FnOnce() -> T) -> Round<T> {
    thread::scope(|scope| {
        let working: Vec<_> = ready
            .iter()
            .map(|batch| scope.spawn(|| batch.done()))
            .collect();
        let meanwhile = meanwhile();
        // Nothing there panics; if it did, so would this.
        let done = working.into_iter().map(|one| {
            one.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        Round {
            done: done.collect(),
            meanwhile,
        }
    })
}

/// What was read so far.
struct Whole {
    evidence: Evidence,
    /// The digest of the last line.
    last: Option<[u8; DIGITS]>,
    /// Its number.
    lines: u64,
    /// How many bytes are to come, as far as is known.
    left: u64,
    /// What is wrong with it, if it was written so.
    suspect: Option<Fault>,
    /// The line that ends the file was there.
    is_ended: bool,
}

impl Whole {
    const fn of(run: RunId, length: u64) -> Self {
        let entries = Vec::new();
        Self {
            evidence: Evidence { run, entries },
            last: None,
            lines: 1,
            left: length,
            suspect: None,
            is_ended: false,
        }
    }

    /// Takes the next batches.
    fn take_all(&mut self, done: Vec<Done>) -> Result<(), Fault> {
        done.into_iter().try_for_each(|one| self.take(one))
    }

    /// Takes the next batch.
    fn take(&mut self, done: Done) -> Result<(), Fault> {
        if self.last.is_some() && self.last != done.before {
            let seq = done.lines.first().and_then(Line::seq);
            let line = done.first;
            return Err(Fault::Altered {
                line,
                seq,
                culprit: None,
            });
        }
        if let Some(fault) = self.suspect.take() {
            return Err(fault);
        }
        self.last = Some(done.last);
        self.left = self.left.saturating_sub(done.bytes);
        self.make_room(&done);
        for line in done.lines {
            self.take_line(line)?;
        }
        match done.fault {
            Some(fault) if !done.is_open => Err(fault),
            fault => {
                self.suspect = fault;
                Ok(())
            }
        }
    }

    /// Makes room for this batch and for all that is to come, as if it were like this one. A list that grows as it goes
    /// is copied again and again, and fresh memory is what reading a large file waits for most. Where there is not that
    /// much, it grows all the same.
    fn make_room(&mut self, done: &Done) {
        let entries = &mut self.evidence.entries;
        let count = done.lines.len();
        if entries.capacity() - entries.len() >= count {
            return;
        }
        let rest = self.left.saturating_mul(count as u64) / done.bytes.max(1);
        let rest = usize::try_from(rest.saturating_add(rest / 16)).unwrap_or(usize::MAX);
        _ = entries.try_reserve(count.saturating_add(rest));
    }

    fn take_line(&mut self, line: Line) -> Result<(), Fault> {
        self.lines += 1;
        if self.is_ended {
            return Err(Fault::Overlong { line: self.lines });
        }
        match line {
            Line::Record(entry) => self.evidence.entries.push(entry),
            Line::End { records } => {
                let found = self.evidence.entries.len() as u64;
                if records != found {
                    return Err(Fault::Miscounted {
                        line: self.lines,
                        said: records,
                        found,
                    });
                }
                self.is_ended = true;
            }
        }
        Ok(())
    }

    fn close(self) -> Result<Evidence, Fault> {
        if let Some(fault) = self.suspect {
            return Err(fault);
        }
        if !self.is_ended {
            return Err(Fault::Truncated { line: self.lines });
        }
        match self.evidence.manifest() {
            Some(_) => Ok(self.evidence),
            None => Err(Fault::NoManifest),
        }
    }
}
