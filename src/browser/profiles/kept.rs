use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::ProfileError;
use crate::model::{Account, Timestamp};

/// What may stand in the name of a folder as it is: no dots, so that none leads up.
const ODD: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

const RECORD: &str = "session.json";
const LOCK: &str = "lock";
const PROFILE: &str = "profile";

/// Whose profile it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Whose {
    /// The service's short name.
    pub service: String,
    /// The variant.
    pub variant: String,
    /// The account.
    pub account: Account,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.service, self.variant, self.account)
    }
}

impl Whose {
    /// Its place below the folder of all.
    pub(super) fn place(&self) -> PathBuf {
        let name = |text: &str| utf8_percent_encode(text, ODD).to_string();
        [&self.service, &self.variant]
            .into_iter()
            .map(|text| name(text))
            .chain([self.account.name().to_owned()])
            .collect()
    }
}

/// That somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who.
    #[serde(flatten)]
    pub whose: Whose,
    /// Since when.
    pub since: Timestamp,
    /// When that was last seen to be so.
    pub seen: Timestamp,
}

/// The folder of all kept profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profiles {
    folder: PathBuf,
}

impl Profiles {
    /// Those in this folder, which need not be there yet.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// None at all.
    #[must_use]
    pub fn none() -> Self {
        Self::at(PathBuf::new())
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether somebody is signed in there.
    #[must_use]
    pub fn has(&self, whose: &Whose) -> bool {
        self.folder.join(whose.place()).join(RECORD).is_file()
    }

    /// Takes a profile that is kept, for as long as what is given back lives; none where none is.
    ///
    /// # Errors
    /// Another process has it, or the system refuses it.
    pub fn take(&self, whose: &Whose) -> Result<Option<Held>, ProfileError> {
        self.has(whose).then(|| self.make(whose)).transpose()
    }

    /// The same, and makes one where none is kept.
    ///
    /// # Errors
    /// As [`Profiles::take`].
    pub fn make(&self, whose: &Whose) -> Result<Held, ProfileError> {
        let folder = self.folder.join(whose.place());
        private(&folder.join(PROFILE))?;
        let lock = folder.join(LOCK);
        let opened = private_file(&lock).map_err(ProfileError::at(&lock))?;
        match opened.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ProfileError::Busy(whose.clone())),
            Err(TryLockError::Error(source)) => return Err(ProfileError::at(&lock)(source)),
        }
        Ok(Held {
            whose: whose.clone(),
            folder,
            _lock: opened,
        })
    }

    /// Everybody who is signed in, by name.
    ///
    /// # Errors
    /// The folder cannot be read, or what says whose a profile is.
    pub fn all(&self) -> Result<Vec<SignedIn>, ProfileError> {
        let mut found = vec![self.folder.clone()];
        // Service, variant, account.
        for _ in 0..3 {
            let inner = found.iter().map(|folder| folders(folder));
            found = inner.collect::<Result<Vec<_>, _>>()?.concat();
        }
        let records = found.iter().map(|folder| folder.join(RECORD));
        let mut all = records
            .filter(|record| record.is_file())
            .map(|record| read(&record))
            .collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|one, other| one.whose.cmp(&other.whose));
        Ok(all)
    }
}

/// A kept profile that nobody else uses meanwhile.
#[derive(Debug)]
pub struct Held {
    whose: Whose,
    folder: PathBuf,
    _lock: File,
}

impl Held {
    /// What the browser keeps.
    #[must_use]
    pub fn profile(&self) -> PathBuf {
        self.folder.join(PROFILE)
    }

    /// Who is signed in; none where nobody was yet.
    ///
    /// # Errors
    /// What says it cannot be read.
    pub fn signed_in(&self) -> Result<Option<SignedIn>, ProfileError> {
        let record = self.folder.join(RECORD);
        record.is_file().then(|| read(&record)).transpose()
    }

    /// Writes down that who it belongs to is signed in, as was just seen.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn seen(&self, at: Timestamp) -> Result<(), ProfileError> {
        let known = self.signed_in()?;
        self.write(&SignedIn {
            whose: self.whose.clone(),
            since: known.map_or(at, |known| known.since),
            seen: at,
        })
    }

    pub(super) fn write(&self, record: &SignedIn) -> Result<(), ProfileError> {
        let path = self.folder.join(RECORD);
        let text = serde_json::to_vec(record).map_err(io::Error::from);
        let written = text.and_then(|text| {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(&text)?;
            file.persist(&path)?;
            Ok(())
        });
        written.map_err(ProfileError::at(&path))
    }

    /// Takes away what the browser kept, and that anybody is signed in.
    pub(super) fn clear(&self) -> Result<(), ProfileError> {
        let profile = self.profile();
        _ = fs::remove_file(self.folder.join(RECORD));
        fs::remove_dir_all(&profile).map_err(ProfileError::at(&profile))?;
        private(&profile)
    }
}

fn read(path: &Path) -> Result<SignedIn, ProfileError> {
    let text = fs::read(path).map_err(ProfileError::at(path))?;
    serde_json::from_slice(&text).map_err(|error| ProfileError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// The folders in a folder; none where there is no such one.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, ProfileError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ProfileError::at(folder)(error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let paths = paths.collect::<io::Result<Vec<_>>>();
    let paths = paths.map_err(ProfileError::at(folder))?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

/// A folder that nobody else may look into, with all above it that are not there.
pub(super) fn private(folder: &Path) -> Result<(), ProfileError> {
    let mut making = DirBuilder::new();
    making.recursive(true).mode(0o700);
    making.create(folder).map_err(ProfileError::at(folder))
}

/// A file that nobody else may read.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let mut making = OpenOptions::new();
    making.create(true).truncate(false).write(true).mode(0o600);
    making.open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn whose(service: &str, account: Account) -> Whose {
        Whose {
            service: service.to_owned(),
            variant: "default".to_owned(),
            account,
        }
    }

    #[test]
    fn a_profile_is_one_process_s_and_its_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = Profiles::at(folder.path().join("deep/down"));
        let anna = whose("chat", Account::Sender);
        assert!(profiles.take(&anna).unwrap().is_none());
        let held = profiles.make(&anna).unwrap();
        assert!(matches!(profiles.make(&anna), Err(ProfileError::Busy(_))));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        for folder in [profiles.folder(), &held.profile()] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        drop(held);
        assert!(profiles.take(&anna).unwrap().is_none(), "nobody signed in");
        profiles.make(&anna).unwrap();
    }

    #[test]
    fn who_is_signed_in_is_listed_with_since_when() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = Profiles::at(folder.path().to_owned());
        assert_eq!(profiles.all().unwrap(), []);
        let (first, later) = ("2026-11-23T10:00:00Z", "2026-11-24T10:00:00Z");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let odd = whose("../a b", Account::Recipient);
        for whose in [&odd, &whose("chat", Account::Sender)] {
            let held = profiles.make(whose).unwrap();
            held.seen(at(first)).unwrap();
            held.seen(at(later)).unwrap();
        }
        let all = profiles.all().unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].whose, odd, "whatever its name, it is in the folder");
        assert!(
            all.iter()
                .all(|one| (one.since, one.seen) == (at(first), at(later)))
        );
        assert!(profiles.take(&odd).unwrap().is_some());
    }
}
