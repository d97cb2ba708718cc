use super::args::Judge;
use super::due;
use super::exit::{Exit, Stopped};
use super::knowledge::Held;
use super::out::complain;
use super::past::Past;
use super::report::{Targets, show};
use super::store::named_run;

pub(super) fn judge(asked: &Judge, colour: bool) -> Result<Exit, Stopped> {
    let held = Held::read(&asked.knowledge)?;
    let (evidence, store) = named_run(&asked.store, &asked.run)?;
    let past = Past::read(asked.telling.baseline.as_deref(), store)?;
    let targets = Targets::open(&asked.telling.reports)?;
    let shown = show(&evidence, &held, &past, targets, colour);
    // Of a run that is not over this is not the last word.
    complain(&due::line(&evidence));
    // The program ends here, and takes all of its memory with it: to free a million hits one by one takes a while.
    std::mem::forget(evidence);
    shown
}
