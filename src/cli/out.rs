use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Writes to the standard output stream. A reader that has gone away (`| head`) has had what it wanted, and is no reason
/// to lose a report or an exit status.
pub(super) fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// The same for what is wrong, on the standard error stream.
pub(super) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a file beside its place and moves it there whole, so that no half of a file ever has its name. With `force` it
/// takes the place of one that is there.
pub(super) fn place(
    path: &Path,
    force: bool,
    fill: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    // As any file that is made: the system's mask says who may read it.
    let mut making = tempfile::Builder::new();
    making.permissions(Permissions::from_mode(0o666));
    let file = making.tempfile_in(folder(path))?;
    fill(file.as_file())?;
    file.as_file().sync_all()?;
    let moved = match force {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    };
    moved.map(drop).map_err(|error| error.error)
}

/// The folder that a path is in.
pub(super) fn folder(path: &Path) -> &Path {
    let named = path.parent();
    let named = named.filter(|folder| !folder.as_os_str().is_empty());
    named.unwrap_or(Path::new("."))
}
