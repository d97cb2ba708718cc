use std::io;
use std::path::PathBuf;

use super::{Culprit, LONGEST_LINE, VERSION};
use crate::diagnostic::printable;

/// An evidence file that cannot be read. The text completes "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("read the evidence file {}: {fault}", path.display())]
pub struct FileError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with an evidence file. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system does not hand it out.
    #[error("{0}")]
    System(#[from] io::Error),
    /// It is packed, and does not unpack any further.
    #[error(
        "what is packed in it was altered or cut at line {line} or behind it ({error}); get the file anew from where it was exported"
    )]
    Damaged {
        /// The last line that unpacks, whole or in part.
        line: u64,
        /// What the unpacker says.
        error: io::Error,
    },
    /// It is something else.
    #[error("its first line is not that of an evidence file; `waxseal export` writes one")]
    Alien,
    /// A later version wrote it.
    #[error(
        "written by a newer waxseal: version {version}, this one knows {VERSION}; use that one"
    )]
    TooNew {
        /// Its version.
        version: u64,
    },
    /// A line does not follow from the one before it.
    #[error(
        "line {line} (record {}) does not follow from the line before: {}; get the file anew from where it was exported",
        named(*.seq), altered(*.line, *.culprit)
    )]
    Altered {
        /// Which.
        line: u64,
        /// The number of its record; none of the last line, and where it is not to be made out.
        seq: Option<u64>,
        /// The line that was altered, as far as the lines around it say; none: it is that one or the one before.
        culprit: Option<Culprit>,
    },
    /// The end is missing.
    #[error(
        "it ends at line {line}, and the line that ends the file is missing or cut; get the file anew from where it was exported"
    )]
    Truncated {
        /// The last line there is.
        line: u64,
    },
    /// It holds more, or less, than it says.
    #[error(
        "line {line} ends the file after {said} records, and there are {found}; get it anew from where it was exported"
    )]
    Miscounted {
        /// Which line says so.
        line: u64,
        /// How many it says there are.
        said: u64,
        /// How many there are.
        found: u64,
    },
    /// Something stands behind its end.
    #[error("line {line} stands behind the line that ends the file; take out what was added")]
    Overlong {
        /// Which.
        line: u64,
    },
    /// A line is longer than any that is written.
    #[error("line {line} is longer than {} MiB, and no waxseal writes such a one", LONGEST_LINE >> 20)]
    TooLong {
        /// Which.
        line: u64,
    },
    /// A record of a kind that this version does not know.
    #[error(
        "line {line} is a record of a kind this waxseal does not know, `{}`; use a newer waxseal",
        printable(kind, 60)
    )]
    UnknownKind {
        /// Which.
        line: u64,
        /// Its kind. Hostile text.
        kind: String,
    },
    /// A line that is no record, though the chain holds: whoever wrote it wrote it wrong.
    #[error(
        "line {line} is no record that this waxseal can read: {why}; use the waxseal that wrote it"
    )]
    Unreadable {
        /// Which.
        line: u64,
        /// What is wrong with it.
        why: serde_json::Error,
    },
    /// It does not say what the run set out to do.
    #[error(
        "none of its records is a manifest, and without one nothing has a meaning; export a run that was begun"
    )]
    NoManifest,
}

fn altered(line: u64, culprit: Option<Culprit>) -> String {
    match culprit {
        Some(Culprit { line: this, .. }) if this == line => {
            "it was altered or moved, for the line behind it does not follow from it either"
                .to_owned()
        }
        Some(Culprit { line, seq }) => format!(
            "line {line} (record {}) was altered, or lines behind it were moved or taken out",
            named(seq)
        ),
        None => {
            "one of the two was altered, or lines between them were moved or taken out".to_owned()
        }
    }
}

fn named(seq: Option<u64>) -> String {
    seq.map_or_else(|| "none".to_owned(), |seq| seq.to_string())
}
