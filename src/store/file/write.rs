use std::io::{self, Write};

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{VERSION, packed::packing};
use crate::model::{Evidence, Record, RunId};

#[derive(Serialize)]
struct Head {
    waxseal_evidence: u64,
    run: RunId,
}

#[derive(Serialize)]
struct Kept<'a> {
    before: &'a str,
    seq: u64,
    record: &'a Record,
}

#[derive(Serialize)]
struct End<'a> {
    before: &'a str,
    records: usize,
}

/// Writes a run as an evidence file ([the format](super)).
///
/// # Errors
/// Its target does not take it.
pub fn write_evidence(evidence: &Evidence, target: impl Write) -> io::Result<()> {
    let mut chain = Chain {
        target,
        line: Vec::new(),
        before: String::new(),
    };
    chain.write(&Head {
        waxseal_evidence: VERSION,
        run: evidence.run,
    })?;
    for entry in &evidence.entries {
        let before = std::mem::take(&mut chain.before);
        chain.write(&Kept {
            before: &before,
            seq: entry.seq,
            record: &entry.record,
        })?;
    }
    let before = std::mem::take(&mut chain.before);
    chain.write(&End {
        before: &before,
        records: evidence.entries.len(),
    })?;
    chain.target.flush()
}

/// The same, packed by Zstandard.
///
/// # Errors
/// As [`write_evidence`].
pub fn write_evidence_packed(evidence: &Evidence, target: impl Write) -> io::Result<()> {
    let mut packed = packing(target)?;
    write_evidence(evidence, &mut packed)?;
    packed.finish()?.flush()
}

/// Lines, each to be told the digest of the one before.
struct Chain<W> {
    target: W,
    line: Vec<u8>,
    before: String,
}

impl<W: Write> Chain<W> {
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.before = HEXLOWER.encode(&Sha256::digest(&self.line));
        self.line.push(b'\n');
        self.target.write_all(&self.line)
    }
}
