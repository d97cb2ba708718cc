use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::Knowledge;
use super::exit::Stopped;
use crate::attribution::{AsnTable, Catalogue, Sources};

/// The largest file of known services that is read, in bytes: a hundred times the largest that comes with the program.
const LARGEST_KNOWN: u64 = 1 << 20;
/// The largest table of autonomous systems, in bytes: ten times the largest known one.
const LARGEST_TABLE: u64 = 512 << 20;

/// What is known of who is who: what comes with the program, and what was named.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// None where what comes with the program is all.
    catalogue: Option<Catalogue>,
    pub(super) table: Option<Arc<AsnTable>>,
}

impl Held {
    /// Reads what was named.
    pub(super) fn read(asked: &Knowledge) -> Result<Self, Stopped> {
        let mut files = Vec::new();
        for path in &asked.known {
            for file in files_at(path)? {
                let text = String::from_utf8(bytes(&file, LARGEST_KNOWN)?).map_err(|_| {
                    Stopped::usage(format!("read {}: it is not UTF-8 text", file.display()))
                })?;
                files.push((name_of(&file), text));
            }
        }
        let catalogue = (!files.is_empty()).then(|| Catalogue::with(&files));
        let table = asked.asn.as_deref().map(|path| {
            AsnTable::read(&name_of(path), bytes(path, LARGEST_TABLE)?).map_err(Stopped::usage)
        });
        Ok(Self {
            catalogue: catalogue.transpose().map_err(Stopped::usage)?,
            table: table.transpose()?.map(Arc::new),
        })
    }

    /// Whether nothing was named: what is said with it is said by everybody.
    pub(super) const fn is_built_in(&self) -> bool {
        self.catalogue.is_none() && self.table.is_none()
    }

    pub(super) fn sources(&self) -> Sources<'_> {
        Sources {
            catalogue: self.catalogue.as_ref().unwrap_or(Catalogue::built_in()),
            table: self.table.as_deref(),
        }
    }
}

/// A file, or the `*.toml` of a folder by name.
fn files_at(path: &Path) -> Result<Vec<PathBuf>, Stopped> {
    let failed = |error| Stopped::usage(format!("read {}: {error}", path.display()));
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let paths = entries
        .map_err(failed)?
        .into_iter()
        .map(|entry| entry.path());
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|end| end == "toml");
    let mut files: Vec<PathBuf> = paths.filter(is_toml).collect();
    files.sort();
    if files.is_empty() {
        let none = format!(
            "read what is known from {}: there is no .toml file in it",
            path.display()
        );
        return Err(Stopped::usage(none));
    }
    Ok(files)
}

fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Stopped> {
    let failed = |error| Stopped::usage(format!("read {}: {error}", path.display()));
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > most {
        let large = format!(
            "read {}: it is larger than {} MiB",
            path.display(),
            most >> 20
        );
        return Err(Stopped::usage(large));
    }
    fs::read(path).map_err(failed)
}

/// Evidence and reports hold the name of a file, and not where it lay.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
