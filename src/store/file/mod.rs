//! A run in a file of its own, for whoever wants to check a verdict with tools of their own.
//!
//! # The format, version 1
//!
//! UTF-8 text, one JSON object a line, each line ended by one line feed (LF); no empty lines, and nothing behind the last
//! one. The members of these objects come in the order, and without spaces, as shown here:
//!
//! ```text
//! {"waxseal_evidence":1,"run":"5f3a0001"}
//! {"before":"<digest>","seq":17,"record":{"record":"manifest",...}}
//! {"before":"<digest>","seq":18,"record":{"record":"hit",...}}
//! {"before":"<digest>","records":2}
//! ```
//!
//! * The first line says what the file is, in which version, and which run it holds.
//! * Each record stands on a line of its own, in the order in which it became durable. `seq` is its number in the store it
//!   comes from: unique and growing, with holes where that store holds other runs too. Answers and handshakes name the hit
//!   that they are about by it. `record` is the fact, as [`crate::model::Record`] is serialised.
//! * The last line says how many records there are: a file that was cut at the end of a line lacks it.
//! * `before` is the SHA-256 digest (FIPS 180-4), in lower-case hexadecimal, of the line before, without its line feed. So
//!   whatever was altered, moved or taken out shows at the line behind it, and the digest of the last line stands for the
//!   whole file.
//!
//! What line 4 says about line 3 is checked by hand like this; both print the same digest:
//!
//! ```sh
//! sed -n 3p evidence.jsonl | tr -d '\n' | sha256sum
//! sed -n 4p evidence.jsonl | cut -c 12-75
//! ```
//!
//! A chain shows that a file is the one that was written, not who wrote it: whoever alters a record can chain the rest anew.
//! Keep the digest of the last line elsewhere where that matters.
//!
//! The same text may be packed by Zstandard (RFC 8878), whatever the name of the file: the digests are those of the text
//! within, so `zstd -d` gives the file that was not packed.
//!
//! A reader refuses a version that it does not know, and a record of a kind that it does not know: what is left out might
//! be what a verdict hangs on. Members that it does not know are left aside.

mod altered;
mod batch;
mod error;
mod line;
mod packed;
mod read;
mod write;

pub use altered::Culprit;
pub use error::{Fault, FileError};
pub use read::read_evidence;
pub use write::{write_evidence, write_evidence_packed};

/// The version that is written, and the newest that is read.
const VERSION: u64 = 1;

/// The longest line that is read, in bytes. Records are held far below it by the limits of whoever makes them.
const LONGEST_LINE: usize = 16 << 20;

/// How many hexadecimal digits a digest has.
const DIGITS: usize = 64;
