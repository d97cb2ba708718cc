use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::authority::read;
use super::certificate::{CertificateError, Identity};
use super::shown::Identities;

/// Where a certificate of one's own and its key are: PEM, the leaf first, then the rest of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The file with the chain.
    pub chain: PathBuf,
    /// The file with the leaf's key; it may be the same one.
    pub key: PathBuf,
}

/// One's own certificates, as their files were when they were last good.
#[derive(Debug, Clone)]
pub struct Pairs {
    first: Kept,
    others: Vec<Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    pair: Pair,
    /// What was found in the files when they were last looked at.
    seen: Found,
    identity: Identity,
}

/// What is in two files: a digest of it, or why they cannot be read. No key is kept twice.
type Found = Result<[u8; 32], String>;

impl Pairs {
    /// Reads them for the first time. The first is shown to those for whose host there is none.
    ///
    /// # Errors
    /// A file is not what it should be, or a key is not that of its certificate.
    pub fn read(
        first: Pair,
        others: impl IntoIterator<Item = Pair>,
    ) -> Result<Self, CertificateError> {
        let first = Kept::read(first)?;
        let others: Result<_, _> = others.into_iter().map(Kept::read).collect();
        Ok(Self {
            first,
            others: others?,
        })
    }

    pub(super) fn identities(&self) -> Identities {
        let others = self.others.iter();
        Identities {
            first: self.first.identity.clone(),
            others: others.map(|kept| kept.identity.clone()).collect(),
        }
    }

    /// Looks at the files again. Those that have changed and are good take their place; of those that are not good the
    /// last good ones stay, and what is wrong is told once for each change.
    pub(super) fn look_again(&mut self) -> Looked {
        let mut looked = Looked::default();
        for kept in std::iter::once(&mut self.first).chain(&mut self.others) {
            match kept.look_again() {
                Ok(is_new) => looked.is_new |= is_new,
                Err(error) => looked.wrong.push(error),
            }
        }
        looked
    }
}

/// What came of looking again.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) is_new: bool,
    pub(super) wrong: Vec<CertificateError>,
}

impl Kept {
    fn read(pair: Pair) -> Result<Self, CertificateError> {
        // Looked at first: what is written between the two is then seen as a change.
        let seen = found(&pair);
        let identity = Identity::from_files(&pair.chain, &pair.key)?;
        Ok(Self {
            pair,
            seen,
            identity,
        })
    }

    /// Whether there is a new one.
    fn look_again(&mut self) -> Result<bool, CertificateError> {
        let seen = found(&self.pair);
        if seen == self.seen {
            return Ok(false);
        }
        self.seen = seen;
        self.identity = Identity::from_files(&self.pair.chain, &self.pair.key)?;
        Ok(true)
    }
}

fn found(pair: &Pair) -> Found {
    let mut digest = Sha256::new();
    for path in [&pair.chain, &pair.key] {
        let text = read(path).map_err(|error| error.to_string())?;
        digest.update(text.len().to_be_bytes());
        digest.update(text);
    }
    Ok(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Writes a pair made with rcgen, and gives its leaf.
    fn write(pair: &Pair, host: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        fs::write(&pair.chain, &chain).unwrap();
        fs::write(&pair.key, &key).unwrap();
        (chain, key)
    }

    fn pair(folder: &Path) -> Pair {
        Pair {
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
        }
    }

    fn names(pairs: &Pairs) -> Vec<String> {
        pairs.identities().first.names().to_vec()
    }

    #[test]
    fn a_changed_pair_is_taken_and_a_half_written_one_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let pair = pair(folder.path());
        write(&pair, "old.example");
        let old_key = fs::read(&pair.key).unwrap();
        let mut pairs = Pairs::read(pair.clone(), []).unwrap();
        let looked = pairs.look_again();
        assert!(!looked.is_new && looked.wrong.is_empty(), "{looked:?}");

        let (_, new_key) = write(&pair, "new.example");
        fs::write(&pair.key, old_key).unwrap();
        let told = &pairs.look_again().wrong;
        assert!(
            told[0].to_string().contains("it is not the key of"),
            "{told:?}"
        );
        assert!(pairs.look_again().wrong.is_empty(), "told once");
        assert_eq!(names(&pairs), ["old.example"]);

        fs::write(&pair.key, new_key).unwrap();
        assert!(pairs.look_again().is_new);
        assert_eq!(names(&pairs), ["new.example"]);
    }

    #[test]
    fn a_pair_that_is_taken_away_stays_shown() {
        let folder = tempfile::tempdir().unwrap();
        let pair = pair(folder.path());
        let (chain, _) = write(&pair, "old.example");
        let mut pairs = Pairs::read(pair.clone(), []).unwrap();
        fs::remove_file(&pair.chain).unwrap();
        assert_eq!(pairs.look_again().wrong.len(), 1);
        assert!(pairs.look_again().wrong.is_empty(), "told once");
        assert_eq!(names(&pairs), ["old.example"]);
        fs::write(&pair.chain, chain).unwrap();
        assert!(pairs.look_again().wrong.is_empty(), "as good as before");
    }
}
