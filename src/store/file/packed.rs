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

/// As much of a packed file as unpacks, as if it ended there.
pub(super) struct Unpacked(Source);

impl Unpacked {
    /// None where nothing is packed.
    pub(super) fn of(source: Source) -> Option<Self> {
        matches!(source, Source::Packed(_)).then_some(Self(source))
    }
}

impl Read for Unpacked {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        // Little at once: what unpacks in one go with what does not is not handed out.
        let little = room.len().min(64);
        let room = room.get_mut(..little).unwrap_or_default();
        Ok(self.0.read(room).unwrap_or(0))
    }
}

/// Packs what is written to it; the end is written by `finish`.
pub(super) fn packing<'a, W: Write>(target: W) -> io::Result<Encoder<'a, W>> {
    let mut encoder = Encoder::new(target, LEVEL)?;
    // A file that was damaged on its way is then found out even where it unpacks.
    encoder.include_checksum(true)?;
    Ok(encoder)
}
