use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{DIGITS, Fault, LONGEST_LINE, VERSION};
use crate::model::{Entry, Record, RunId};

/// What comes before the digest in every line but the first, and right behind it.
const FRONT: &[u8] = b"{\"before\":\"";
const BEHIND: &[u8] = b"\",";

/// What a line says.
#[expect(
    clippy::large_enum_variant,
    reason = "all but one are records, and a million of them need no box each"
)]
pub(super) enum Line {
    Record(Entry),
    End { records: u64 },
}

impl Line {
    pub(super) const fn seq(&self) -> Option<u64> {
        match self {
            Self::Record(entry) => Some(entry.seq),
            Self::End { .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct Kept<T> {
    seq: u64,
    record: T,
}

#[derive(Deserialize)]
struct End {
    records: u64,
}

#[derive(Deserialize)]
struct Head {
    waxseal_evidence: u64,
}

#[derive(Deserialize)]
struct HeadOfRun {
    run: RunId,
}

/// The run that the first line names.
pub(super) fn head(line: &[u8]) -> Result<RunId, Fault> {
    let Head { waxseal_evidence } = serde_json::from_slice(line).map_err(|_| Fault::Alien)?;
    match waxseal_evidence {
        0 => Err(Fault::Alien),
        VERSION => serde_json::from_slice(line)
            .map(|HeadOfRun { run }| run)
            .map_err(|_| Fault::Alien),
        version => Err(Fault::TooNew { version }),
    }
}

/// The digest of the line before, as a line carries it.
pub(super) fn before(line: &[u8]) -> Option<&[u8]> {
    let (digest, rest) = line.strip_prefix(FRONT)?.split_at_checked(DIGITS)?;
    rest.starts_with(BEHIND).then_some(digest)
}

/// The number of a line's record, as far as it is to be made out.
pub(super) fn seq(line: &[u8]) -> Option<u64> {
    let rest = line.get(FRONT.len() + DIGITS + BEHIND.len()..)?;
    let rest = rest.strip_prefix(b"\"seq\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

/// Reads a line whose place in the chain holds.
pub(super) fn read(line: &[u8], number: u64) -> Result<Line, Fault> {
    if line.len() > LONGEST_LINE {
        return Err(Fault::TooLong { line: number });
    }
    let rest = line.get(FRONT.len() + DIGITS + BEHIND.len()..);
    let rest = rest.unwrap_or_default();
    if rest.starts_with(b"\"records\":") {
        let read = serde_json::from_slice(line);
        return read
            .map(|End { records }| Line::End { records })
            .map_err(|why| Fault::Unreadable { line: number, why });
    }
    record(line, rest).map(Line::Record).map_err(|why| {
        // Serde says in words what it does not know.
        let unknown = kind(rest).filter(|kind| {
            let says = format!("unknown variant `{kind}`");
            why.to_string().starts_with(&says)
        });
        match unknown {
            Some(kind) => Fault::UnknownKind {
                line: number,
                kind: kind.to_owned(),
            },
            None => Fault::Unreadable { line: number, why },
        }
    })
}

/// What nearly all lines hold is read as what it is. To find the kind among the members of any record, serde keeps them in
/// mind first, and the whole file takes a seventh longer.
fn record(line: &[u8], rest: &[u8]) -> serde_json::Result<Entry> {
    match kind(rest) {
        Some("hit") => kept(line, Record::Hit),
        Some("endings") => kept(line, Record::Endings),
        _ => kept(line, |record| record),
    }
}

fn kept<T: DeserializeOwned>(
    line: &[u8],
    record: impl FnOnce(T) -> Record,
) -> serde_json::Result<Entry> {
    let kept: Kept<T> = serde_json::from_slice(line)?;
    Ok(Entry {
        seq: kept.seq,
        record: record(kept.record),
    })
}

/// The kind of the record in a line, from what comes behind its digest.
fn kind(rest: &[u8]) -> Option<&str> {
    let rest = rest.strip_prefix(b"\"seq\":")?;
    let number = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let rest = rest.get(number..)?;
    let rest = rest.strip_prefix(b",\"record\":{\"record\":\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}
