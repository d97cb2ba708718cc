use super::args::Judge;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::report::{Targets, show};
use super::store::{Named, run_named};

pub(super) fn judge(asked: &Judge, colour: bool) -> Result<Exit, Stopped> {
    let held = Held::read(&asked.knowledge)?;
    let store = Named::open_existing(&asked.store)?.any();
    let run = run_named(&*store, &asked.run)?;
    show(&*store, run, &held, Targets::open(&asked.reports)?, colour)
}
