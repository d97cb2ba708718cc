use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::args::Export;
use super::exit::{Exit, Stopped};
use super::out::{folder, place, say};
use super::store::{Named, evidence, run_named};
use crate::model::Evidence;
use crate::store::{write_evidence, write_evidence_packed};
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
        write(&evidence, asked, stdout).map_err(|error| failed(path, &error))?;
    } else {
        let fill = |file: &File| write(&evidence, asked, BufWriter::new(file));
        place(path, asked.force, fill).map_err(|error| failed(path, &error))?;
        let (path, records) = (path.display(), evidence.entries.len());
        say(&format!("{path}: run {run}, {records} records\n"));
    }
    Ok(Exit(ExitStatus::Met))
}

/// Packed where that was asked for, or where the name of the file says so.
fn write(evidence: &Evidence, asked: &Export, target: impl Write) -> io::Result<()> {
    let packs = asked.zstd || asked.file.extension().is_some_and(|end| end == "zst");
    match packs {
        true => write_evidence_packed(evidence, target),
        false => write_evidence(evidence, target),
    }
}

/// What is there already is somebody's, and evidence more than anything.
pub(super) fn may_write(path: &Path, force: bool) -> Result<(), Stopped> {
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

fn failed(path: &Path, error: &io::Error) -> Stopped {
    Stopped::could_not_run(format!("write {}: {error}", path.display()))
}
