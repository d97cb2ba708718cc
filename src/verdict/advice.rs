//! How often it would happen again, and what more trials would be worth.

use crate::model::{Advice, Cell, Constancy, Doubt, Interval, Settles, Verdict};

use super::judge::FEWEST_FOR_ABSENCE;
use super::statistics::clopper_pearson;

/// What is called rare: at most one of ten.
const RARE: f64 = 0.1;

/// More trials than this nobody is advised to play.
const MOST_ADVISED: u32 = 200;

/// What an interval says about how often it would happen again. At least every second time is called repeatable, as long
/// as the whole interval says so.
pub(super) fn constancy(interval: Interval) -> Constancy {
    match interval {
        Interval { low, .. } if low >= 0.5 => Constancy::Repeatable,
        Interval { high, .. } if high <= 0.5 => Constancy::Occasional,
        _ => Constancy::Unsettled,
    }
}

/// How many more trials would settle what is open, if they go on as those before; none where nothing is open, where trials
/// would not help, or too many would be needed.
pub(super) fn advice(cell: &Cell, error: f64) -> Option<Advice> {
    let more = |trials: u32, settles| Advice { trials, settles };
    let whole = cell.trials == cell.planned;
    match cell.verdict {
        _ if !cell.arm.is_shown() => None,
        Verdict::Inconclusive if whole && cell.doubts == [Doubt::TooFewTrials] => Some(more(
            FEWEST_FOR_ABSENCE.saturating_sub(cell.trials),
            Settles::Absence,
        )),
        Verdict::Inconclusive => None,
        Verdict::NotObserved => {
            let rare = |more: &u32| clopper_pearson(0, cell.trials + more, error).high <= RARE;
            let trials = (0..=MOST_ADVISED).find(rare).filter(|trials| *trials > 0)?;
            Some(more(trials, Settles::Rarity))
        }
        Verdict::Observed if cell.constancy == Some(Constancy::Unsettled) => {
            let settled =
                |more: &u32| constancy(going_on(cell, *more, error)) != Constancy::Unsettled;
            let trials = (1..=MOST_ADVISED).find(settled)?;
            Some(more(trials, Settles::Constancy))
        }
        Verdict::Observed => None,
    }
}

/// The interval after more trials, of which as many have a visitor as before.
fn going_on(cell: &Cell, more: u32, error: f64) -> Interval {
    let trials = cell.trials.saturating_add(more);
    let hits = (u64::from(cell.hits) * u64::from(trials)).div_ceil(u64::from(cell.trials.max(1)));
    clopper_pearson(u32::try_from(hits).unwrap_or(trials), trials, error)
}
