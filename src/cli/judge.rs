use std::ffi::OsStr;
use std::path::Path;

use super::args::Judge;
use super::exit::{Exit, Stopped};
use super::report::{Targets, show};
use super::store::{Named, evidence, run_named};
use crate::model::Evidence;
use crate::store::read_evidence;

pub(super) fn judge(asked: &Judge, colour: bool) -> Result<Exit, Stopped> {
    let evidence = named(asked)?;
    show(&evidence, Targets::open(&asked.reports)?, colour)
}

/// The evidence in a file, or of a run in the store.
fn named(asked: &Judge) -> Result<Evidence, Stopped> {
    let path = Path::new(&asked.run);
    if names_a_file(path) {
        return read_evidence(path).map_err(Stopped::usage);
    }
    let store = Named::open_existing(&asked.store)?.any();
    let run = run_named(&*store, &asked.run)?;
    evidence(&*store, run)
}

/// No run has a name with a folder in it, or one that ends like this.
fn names_a_file(path: &Path) -> bool {
    let ends = path.extension() == Some(OsStr::new("jsonl"));
    ends || path.components().count() > 1 || path.is_file()
}
