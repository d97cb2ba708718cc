use std::io;
use std::path::{Path, PathBuf};

use super::Whose;

/// Why a kept profile cannot be used. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The system does not do what was asked.
    #[error("keep a profile in {}: {source}", path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "use the profile of {0}: another waxseal has it open; wait until that is done, or name another folder with --profiles"
    )]
    Busy(Whose),
    /// What says whose it is does not say it.
    #[error("read {}: {reason}; sign in again with `waxseal login`", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is one already, and it would be lost.
    #[error("unpack the profile of {0}: there is one already; take it away, or give --force")]
    Taken(Whose),
    /// There is nothing to pack.
    #[error("pack profiles: nobody is signed in there; sign in with `waxseal login`")]
    Nobody,
    /// An archive cannot be opened.
    #[error("open the archive: {0}")]
    Sealed(String),
    /// An archive holds something that no waxseal packs.
    #[error(
        "unpack `{0}`: no waxseal packs such a file; get the archive anew from where it was packed"
    )]
    Foreign(String),
    /// An archive cannot be read, or not be written.
    #[error("{doing} the archive: {source}")]
    Archive {
        /// Reading or writing.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl ProfileError {
    /// What failed with a file.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::System { path, source }
    }

    pub(super) const fn archive(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Archive { doing, source }
    }
}
