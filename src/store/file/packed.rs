//! The same text, packed by Zstandard (RFC 8878).

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read, Write};

use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

/// What a packed file begins with (RFC 8878, section 3.1.1).
const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// How hard is packed: the level at which the library itself sets the balance.
const LEVEL: i32 = zstd::DEFAULT_COMPRESSION_LEVEL;

type Begun = Chain<Cursor<Vec<u8>>, File>;

/// A file, packed or not: what it begins with tells, whatever its name.
pub(super) enum Source {
    Plain(Begun),
    Packed(Decoder<'static, BufReader<Begun>>),
}

impl Source {
    pub(super) fn of(mut file: File) -> io::Result<Self> {
        let mut front = Vec::new();
        Read::by_ref(&mut file)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut front)?;
        let is_packed = front == MAGIC;
        let whole = Cursor::new(front).chain(file);
        match is_packed {
            true => Decoder::new(whole).map(Self::Packed),
            false => Ok(Self::Plain(whole)),
        }
    }
}

impl Read for Source {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(source) => source.read(room),
            Self::Packed(source) => source.read(room),
        }
    }
}

impl Source {
    /// The line behind the last one that unpacks, counted from 1; none where nothing is packed, or all of it unpacks.
    pub(super) fn first_lost(mut self) -> Option<u64> {
        if matches!(self, Self::Plain(_)) {
            return None;
        }
        let (mut line, mut room) = (1, [0; 1 << 16]);
        loop {
            match self.read(&mut room) {
                Ok(0) => return None,
                Ok(length) => {
                    let ended = room.iter().take(length).filter(|byte| **byte == b'\n');
                    line += ended.count() as u64;
                }
                Err(_) => return Some(line),
            }
        }
    }
}

/// Packs what is written to it; the end is written by `finish`.
pub(super) fn packing<'a, W: Write>(target: W) -> io::Result<Encoder<'a, W>> {
    let mut encoder = Encoder::new(target, LEVEL)?;
    // A file that was damaged on its way is then found out even where it unpacks.
    encoder.include_checksum(true)?;
    Ok(encoder)
}
