use super::args::Judge;
use super::exit::{Exit, Stopped};
use super::report::{Targets, show};
use super::store::named_evidence;

pub(super) fn judge(asked: &Judge, colour: bool) -> Result<Exit, Stopped> {
    let evidence = named_evidence(&asked.store, &asked.run)?;
    show(&evidence, Targets::open(&asked.reports)?, colour)
}
