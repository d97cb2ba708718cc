use super::args::Judge;
use super::exit::{Exit, Stopped};
use super::report::{Targets, show};
use crate::store::Store;

pub(super) fn judge(asked: &Judge, colour: bool) -> Result<Exit, Stopped> {
    let store = Store::open_existing(&asked.store.path).map_err(Stopped::could_not_run)?;
    let run = store.find(&asked.run).map_err(Stopped::usage)?;
    show(&store, run, Targets::open(&asked.reports)?, colour)
}
