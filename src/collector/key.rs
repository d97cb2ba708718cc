use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use crate::canary::Key;

/// A key that cannot be kept or found. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read, written, or is something else.
    #[error("use the collector's key in {}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The system has no dice.
    #[error("draw a key: {0}")]
    Dice(#[from] getrandom::Error),
}

/// The key of a collector that serves many runs, from a file beside its store; made where there is none. Without it,
/// canaries that were planted before would be strangers.
///
/// # Errors
/// The file cannot be read or written, is something else, or can be read by others.
pub fn kept_key(path: &Path) -> Result<Key, KeyError> {
    let wrong = |reason: String| KeyError::File {
        path: path.to_owned(),
        reason,
    };
    if !path.exists() {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        write(path, &HEXLOWER.encode(&bytes)).map_err(|error| wrong(error.to_string()))?;
        return Ok(Key::new(bytes));
    }
    let metadata = fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(wrong(
            "others may read it, and whoever has it can forge visits; `chmod 600` it".to_owned(),
        ));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let bytes = HEXLOWER.decode(text.trim_end().as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    let broken = || {
        "it is not 64 hexadecimal digits; put the right file back, or name another store".to_owned()
    };
    bytes.map(Key::new).ok_or_else(|| wrong(broken()))
}

/// Whole or not at all: half a key would be taken for a broken one.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    writeln!(file, "{text}")?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waxseal.db.key");
        let key = kept_key(&path).unwrap();
        assert!(kept_key(&path).unwrap() == key);
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        mode(0o644);
        assert!(
            kept_key(&path)
                .unwrap_err()
                .to_string()
                .contains("others may read it")
        );
        mode(0o600);
        fs::write(&path, "nothing").unwrap();
        assert!(
            kept_key(&path)
                .unwrap_err()
                .to_string()
                .contains("64 hexadecimal digits")
        );
    }
}
