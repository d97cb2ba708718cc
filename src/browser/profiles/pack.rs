//! Profiles in an archive that can go through hands that must not read it, such as a CI system's store of secrets: a tar
//! file, packed by Zstandard, encrypted in the age format (age-encryption.org/v1). `age -d | zstd -d | tar -x` opens it
//! too.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr as _;

use age::secrecy::SecretString;
use age::{Decryptor, Encryptor, Identity, Recipient, scrypt, x25519};
use tar::{Archive, Builder, EntryType, Header};

use super::kept::{private, private_file};
use super::{Held, ProfileError, Profiles, SignedIn};

/// What of a profile makes somebody signed in: cookies, storage, keys, and the settings that they are read by. The rest is
/// what a browser fetches anew: caches, models, lists.
const NEEDED: &[&str] = &[
    "Local State",
    "Default/Preferences",
    "Default/Secure Preferences",
    "Default/Cookies",
    "Default/Cookies-journal",
    "Default/Network",
    "Default/Local Storage",
    "Default/Session Storage",
    "Default/IndexedDB",
    "Default/WebStorage",
    "Default/File System",
    "Default/databases",
    "Default/Service Worker/Database",
];

/// What an archive holds of each: whose it is, behind that what the browser keeps.
const RECORD: &str = "session.json";
/// The longest record, in bytes.
const LONGEST_RECORD: u64 = 1 << 16;

/// For whom an archive is sealed.
pub enum Seal {
    /// For whoever has the identity of one of these.
    Recipients(Vec<x25519::Recipient>),
    /// For whoever knows it.
    Passphrase(SecretString),
}

impl Seal {
    /// For these recipients, such as `age1…`.
    ///
    /// # Errors
    /// One of them is none; why.
    pub fn recipients(texts: &[String]) -> Result<Self, String> {
        let read = |text: &String| {
            x25519::Recipient::from_str(text)
                .map_err(|why| format!("`{text}` is no recipient such as age1…: {why}"))
        };
        texts
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self::Recipients)
    }

    /// By a passphrase.
    #[must_use]
    pub fn passphrase(text: &str) -> Self {
        Self::Passphrase(text.to_owned().into())
    }

    fn encryptor(self) -> Result<Encryptor, String> {
        match self {
            Self::Passphrase(passphrase) => Ok(Encryptor::with_user_passphrase(passphrase)),
            Self::Recipients(all) => {
                let all = all.iter().map(|one| one as &dyn Recipient);
                Encryptor::with_recipients(all).map_err(|error| error.to_string())
            }
        }
    }
}

/// What opens an archive.
pub struct Key(Box<dyn Identity>);

impl Key {
    /// An identity, such as `AGE-SECRET-KEY-1…`.
    ///
    /// # Errors
    /// It is none; why, and nothing of it.
    pub fn identity(text: &str) -> Result<Self, String> {
        let read = x25519::Identity::from_str(text.trim());
        read.map(|identity| Self(Box::new(identity)))
            .map_err(|_| "it is no identity such as AGE-SECRET-KEY-1…".to_owned())
    }

    /// A passphrase.
    #[must_use]
    pub fn passphrase(text: &str) -> Self {
        Self(Box::new(scrypt::Identity::new(text.to_owned().into())))
    }
}

/// Packs kept profiles, each held while it is read.
///
/// # Errors
/// There is none, one is in use, or cannot be read; the target does not take it.
pub fn pack(
    profiles: &Profiles,
    seal: Seal,
    target: impl Write,
) -> Result<Vec<SignedIn>, ProfileError> {
    let all = profiles.all()?;
    if all.is_empty() {
        return Err(ProfileError::Nobody);
    }
    let writing = ProfileError::archive("write");
    let encryptor = seal.encryptor().map_err(ProfileError::Sealed)?;
    let sealed = encryptor.wrap_output(target).map_err(&writing)?;
    let packed = zstd::Encoder::new(sealed, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(&writing)?;
    let mut archive = Builder::new(packed);
    for one in &all {
        let held = profiles.make(&one.whose)?;
        add(&mut archive, one, &held).map_err(&writing)?;
    }
    let sealed = archive.into_inner().and_then(zstd::Encoder::finish);
    let mut target = sealed
        .and_then(|sealed| sealed.finish())
        .map_err(&writing)?;
    target.flush().map_err(&writing)?;
    Ok(all)
}

fn add(archive: &mut Builder<impl Write>, one: &SignedIn, held: &Held) -> io::Result<()> {
    let place = one.whose.place();
    let record = serde_json::to_vec(one)?;
    let mut header = Header::new_gnu();
    header.set_size(record.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, place.join(RECORD), record.as_slice())?;
    for needed in NEEDED {
        add_all(archive, &held.profile(), Path::new(needed), &place)?;
    }
    Ok(())
}

/// Adds a file, or all files of a folder, by name. What is neither is left out: a browser's locks are links.
fn add_all(
    archive: &mut Builder<impl Write>,
    profile: &Path,
    inner: &Path,
    place: &Path,
) -> io::Result<()> {
    let path = profile.join(inner);
    let Ok(kind) = path.symlink_metadata() else {
        return Ok(());
    };
    if kind.is_file() {
        return archive.append_file(place.join(inner), &mut File::open(&path)?);
    }
    if !kind.is_dir() {
        return Ok(());
    }
    let entries = fs::read_dir(&path)?.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names = entries.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        add_all(archive, profile, &inner.join(name), place)?;
    }
    Ok(())
}

/// Unpacks an archive beside what is kept there. Where somebody of it is signed in already, nothing is, unless by `force`.
///
/// # Errors
/// The key does not open it, it holds what no waxseal packs, or a profile is there already or in use.
pub fn unpack(
    profiles: &Profiles,
    key: &Key,
    source: impl Read,
    force: bool,
) -> Result<Vec<SignedIn>, ProfileError> {
    let reading = ProfileError::archive("read");
    let opened = Decryptor::new_buffered(io::BufReader::new(source))
        .and_then(|sealed| sealed.decrypt(std::iter::once(&*key.0)));
    let opened = opened.map_err(|error| ProfileError::Sealed(error.to_string()))?;
    let mut archive = Archive::new(zstd::Decoder::new(opened).map_err(&reading)?);
    let mut unpacking = Unpacking {
        profiles,
        force,
        done: Vec::new(),
        current: None,
    };
    for entry in archive.entries().map_err(&reading)? {
        unpacking.take(entry.map_err(&reading)?)?;
    }
    unpacking.close()?;
    Ok(unpacking.done)
}

/// An archive while it is unpacked.
struct Unpacking<'a> {
    profiles: &'a Profiles,
    force: bool,
    done: Vec<SignedIn>,
    /// Whose files come now.
    current: Option<(SignedIn, Held)>,
}

impl Unpacking<'_> {
    fn take(&mut self, mut entry: tar::Entry<'_, impl Read>) -> Result<(), ProfileError> {
        let reading = ProfileError::archive("read");
        let path = entry.path().map_err(&reading)?.into_owned();
        let foreign = || ProfileError::Foreign(path.display().to_string());
        if entry.header().entry_type() != EntryType::Regular {
            return Err(foreign());
        }
        if path.ends_with(RECORD) && path.components().count() == 4 {
            let mut text = Vec::new();
            let read = entry.take(LONGEST_RECORD).read_to_end(&mut text);
            read.map_err(&reading)?;
            let one: SignedIn = serde_json::from_slice(&text).map_err(|_| foreign())?;
            return match path == one.whose.place().join(RECORD) {
                true => self.begin(one),
                false => Err(foreign()),
            };
        }
        let (one, held) = self.current.as_ref().ok_or_else(foreign)?;
        let inner = path
            .strip_prefix(one.whose.place())
            .map_err(|_| foreign())?;
        if !is_needed(inner) {
            return Err(foreign());
        }
        write(&held.profile(), inner, &mut entry)
    }

    fn begin(&mut self, one: SignedIn) -> Result<(), ProfileError> {
        self.close()?;
        if self.profiles.has(&one.whose) && !self.force {
            return Err(ProfileError::Taken(one.whose));
        }
        let held = self.profiles.make(&one.whose)?;
        held.clear()?;
        self.current = Some((one, held));
        Ok(())
    }

    /// Whoever is unpacked whole is signed in.
    fn close(&mut self) -> Result<(), ProfileError> {
        if let Some((one, held)) = self.current.take() {
            held.write(&one)?;
            self.done.push(one);
        }
        Ok(())
    }
}

/// Whether it is one of those that are packed, and leads nowhere else.
fn is_needed(inner: &Path) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    inner.components().all(plain) && NEEDED.iter().any(|needed| inner.starts_with(needed))
}

fn write(profile: &Path, inner: &Path, source: &mut impl Read) -> Result<(), ProfileError> {
    let path: PathBuf = profile.join(inner);
    if let Some(folder) = path.parent() {
        private(folder)?;
    }
    let copied = private_file(&path).and_then(|mut file| io::copy(source, &mut file));
    copied.map(drop).map_err(ProfileError::at(&path))
}
