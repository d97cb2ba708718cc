use std::path::Path;

use super::args::Verify;
use super::exit::{Exit, Stopped};
use super::out::{complain, say};
use super::store::{file, names_a_file, run_named};
use crate::store::file::Fault;
use crate::store::{Store, read_evidence};
use crate::verdict::ExitStatus;

pub(super) fn verify(asked: &Verify) -> Result<Exit, Stopped> {
    match &asked.run {
        Some(name) if names_a_file(Path::new(name)) => verify_file(Path::new(name)),
        name => verify_store(asked, name.as_deref()),
    }
}

/// Whether an evidence file is as it was written.
fn verify_file(path: &Path) -> Result<Exit, Stopped> {
    let evidence = match read_evidence(path) {
        Ok(evidence) => evidence,
        Err(error) if !path.is_file() => return Err(Stopped::usage(error)),
        Err(error) => {
            return match error.fault {
                Fault::Alien | Fault::TooNew { .. } => Err(Stopped::usage(error)),
                fault => {
                    complain(&format!("{}: {fault}\n", path.display()));
                    Ok(Exit(ExitStatus::Failed))
                }
            };
        }
    };
    let (path, run, records) = (path.display(), evidence.run, evidence.entries.len());
    say(&format!(
        "{path}: run {run}, {records} records, none altered, moved or missing\n"
    ));
    Ok(Exit(ExitStatus::Met))
}

/// Whether a store is: every record in it hangs on all before it, so a run is as it was where the whole store is.
fn verify_store(asked: &Verify, name: Option<&str>) -> Result<Exit, Stopped> {
    file(&asked.store, "verify")?;
    let store = Store::open_existing(&asked.store.path).map_err(Stopped::could_not_run)?;
    let run = name.map(|name| run_named(&store, name)).transpose()?;
    let path = store.path().display();
    match store.verify().map_err(Stopped::could_not_run)? {
        Ok(records) => {
            let of_run = match run {
                Some(run) => {
                    let evidence = store.evidence(run).map_err(Stopped::could_not_run)?;
                    format!("run {run}, {} of ", evidence.entries.len())
                }
                None => String::new(),
            };
            say(&format!(
                "{path}: {of_run}{records} records, none altered, moved or missing\n"
            ));
            Ok(Exit(ExitStatus::Met))
        }
        Err(broken) => {
            let seq = broken.seq;
            complain(&format!(
                "{path}: record {seq} is missing, or does not follow from the one before it\n"
            ));
            Ok(Exit(ExitStatus::Failed))
        }
    }
}
