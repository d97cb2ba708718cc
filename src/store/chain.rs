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
pub(super) fn digest(before: &[u8], link: &Link<'_>) -> Vec<u8> {
    let texts = [link.run, link.at, link.body];
    let begun = Sha256::new()
        .chain_update(before)
        .chain_update(link.seq.to_be_bytes());
    let digest = texts.iter().fold(begun, |digest, text| {
        digest.chain_update(text).chain_update([0])
    });
    digest.finalize().to_vec()
}

/// Where a chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Sequence number of the first record that does not carry the right digest.
    pub seq: u64,
}

/// Checks a chain of rows with the digests they carry, the oldest first. Whatever was altered, moved or taken out from
/// among them shows at the first record behind it; what was cut off at the end does not show here.
///
/// # Errors
/// The first record whose digest is not the one it must be.
pub fn verify<'a>(rows: impl IntoIterator<Item = (Link<'a>, &'a [u8])>) -> Result<(), Broken> {
    let mut before: Vec<u8> = Vec::new();
    for (link, carried) in rows {
        before = digest(&before, &link);
        if before != carried {
            return Err(Broken { seq: link.seq });
        }
    }
    Ok(())
}
