use std::fs::Permissions;
use std::io::{self, BufWriter};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::args::Export;
use super::exit::{Exit, Stopped};
use super::out::say;
use super::store::{Named, evidence, run_named};
use crate::model::Evidence;
use crate::store::write_evidence;
use crate::verdict::ExitStatus;

pub(super) fn export(asked: &Export) -> Result<Exit, Stopped> {
    let path = asked.file.as_path();
    let is_stream = path == Path::new("-");
    if !is_stream {
        may_write(path, asked.force)?;
    }
    let store = Named::open_existing(&asked.store)?.any();
    let run = run_named(&*store, &asked.run)?;
    let evidence = evidence(&*store, run)?;
    if evidence.manifest().is_none() {
        return Err(Stopped::usage(format!(
            "export {run}: its evidence has no manifest, so there is nothing to judge in it"
        )));
    }
    if is_stream {
        let stdout = BufWriter::new(io::stdout().lock());
        write_evidence(&evidence, stdout).map_err(|error| failed(path, &error))?;
    } else {
        write(path, asked.force, &evidence).map_err(|error| failed(path, &error))?;
        let (path, records) = (path.display(), evidence.entries.len());
        say(&format!("{path}: run {run}, {records} records\n"));
    }
    Ok(Exit(ExitStatus::Met))
}

/// What is there already is somebody's, and evidence more than anything.
fn may_write(path: &Path, force: bool) -> Result<(), Stopped> {
    let refused = |why: &str| Err(Stopped::usage(format!("write {}: {why}", path.display())));
    if !folder(path).is_dir() {
        return refused("there is no such folder");
    }
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(there) if !there.is_file() => refused("it is there, and no file; name another"),
        Ok(_) if !force => refused("it is there already; name another file, or give --force"),
        Ok(_) => Ok(()),
    }
}

/// Written beside its place and moved there whole, so that no half of a file ever has its name.
fn write(path: &Path, force: bool, evidence: &Evidence) -> io::Result<()> {
    // As any file that is made: the system's mask says who may read it.
    let mut making = tempfile::Builder::new();
    making.permissions(Permissions::from_mode(0o666));
    let file = making.tempfile_in(folder(path))?;
    write_evidence(evidence, BufWriter::new(file.as_file()))?;
    file.as_file().sync_all()?;
    let moved = match force {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    };
    moved.map(drop).map_err(|error| error.error)
}

fn folder(path: &Path) -> &Path {
    let named = path.parent();
    let named = named.filter(|folder| !folder.as_os_str().is_empty());
    named.unwrap_or(Path::new("."))
}

fn failed(path: &Path, error: &io::Error) -> Stopped {
    Stopped::could_not_run(format!("write {}: {error}", path.display()))
}
