use sha2::{Digest, Sha256};

/// One row of the chain, without its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// Its sequence number.
    pub seq: u64,
    /// The run's name.
    pub run: &'a str,
    /// When it was committed, RFC 3339.
    pub at: &'a str,
    /// The record's text.
    pub body: &'a str,
}

/// The digest a record carries: SHA-256 over the digest of the record before it in the store (none for the first), its
/// sequence number (eight bytes, big-endian), run, time and text, each text followed by a zero byte, which none of them
/// can hold.
pub(super) fn digest(before: &[u8], link: &Link<'_>) -> [u8; 32] {
    let texts = [link.run, link.at, link.body];
    let begun = Sha256::new()
        .chain_update(before)
        .chain_update(link.seq.to_be_bytes());
    let digest = texts.iter().fold(begun, |digest, text| {
        digest.chain_update(text).chain_update([0])
    });
    digest.finalize().into()
}

/// Where a chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Sequence number of the first record that does not carry the right digest.
    pub seq: u64,
}

/// Checks a chain of rows with the digests they carry, one after the other, the oldest first. Whatever was altered, moved
/// or taken out from among them shows at the first record behind it; what was cut off at the end does not show here.
#[derive(Debug, Default)]
pub struct Check {
    before: Option<[u8; 32]>,
    records: u64,
}

impl Check {
    /// Takes the next row.
    ///
    /// # Errors
    /// Its digest is not the one it must be.
    pub fn next(&mut self, link: &Link<'_>, carried: &[u8]) -> Result<(), Broken> {
        let before = self.before.as_ref().map_or(&[][..], |digest| digest);
        let must = digest(before, link);
        if must.as_slice() != carried {
            return Err(Broken { seq: link.seq });
        }
        self.before = Some(must);
        self.records += 1;
        Ok(())
    }

    /// How many rows held.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }
}
