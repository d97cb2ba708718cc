use super::args::Judge;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::report::{Targets, show};
use super::store::named_evidence;

pub(super) fn judge(asked: &Judge, colour: bool) -> Result<Exit, Stopped> {
    let held = Held::read(&asked.knowledge)?;
    let evidence = named_evidence(&asked.store, &asked.run)?;
    let shown = show(&evidence, &held, Targets::open(&asked.reports)?, colour);
    // The program ends here, and takes all of its memory with it: to free a million hits one by one takes a while.
    std::mem::forget(evidence);
    shown
}
