use crate::model::{
    Actor, Cell, Doubt, Evidence, Expectation, Limit, Outcome, Phase, Record, Verdict,
};

/// What a run's end means for whoever started it (design, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitStatus {
    /// Every expectation met.
    Met = 0,
    /// An expectation failed.
    Failed = 1,
    /// The command line or a scenario is wrong.
    Usage = 2,
    /// Something could not be said.
    Inconclusive = 3,
    /// Nothing could be run.
    CouldNotRun = 4,
    /// Stopped by hand.
    Interrupted = 130,
}

impl ExitStatus {
    /// The status of a judged run: that of its cells, but where nobody could sign in and so nothing was planted, it could
    /// not run.
    #[must_use]
    pub fn of_run(evidence: &Evidence, cells: &[Cell]) -> Self {
        match Self::of(cells) {
            Self::Inconclusive if nobody_signed_in(evidence) => Self::CouldNotRun,
            status => status,
        }
    }

    /// The status of judged cells. A failure outranks a doubt: it is proven.
    #[must_use]
    pub fn of(cells: &[Cell]) -> Self {
        let any = |outcome| cells.iter().any(|cell| cell.outcome == outcome);
        match (any(Outcome::Fail), any(Outcome::Inconclusive)) {
            (true, _) => Self::Failed,
            (false, true) => Self::Inconclusive,
            (false, false) => Self::Met,
        }
    }
}

/// Whether an account was found to be signed out before any link left our hands, and none did afterwards.
fn nobody_signed_in(evidence: &Evidence) -> bool {
    let any = |is: fn(&Record) -> bool| evidence.entries.iter().any(|entry| is(&entry.record));
    let lost = any(|record| {
        matches!(record, Record::Failure(failure)
            if failure.phase == Phase::Login && failure.doubt == Doubt::SessionLost)
    });
    lost && !any(|record| matches!(record, Record::Exposure(_)))
}

/// The claim that a cell is held against: its variant's own before the general one.
pub(super) fn claim<'a>(expectations: &'a [Expectation], cell: &Cell) -> Option<&'a Limit> {
    let about = |one: &&Expectation| {
        let doors = one.doors.as_ref();
        one.arms.contains(&cell.arm)
            && one.forms.contains(&cell.form)
            && doors.is_none_or(|doors| doors.contains(&cell.doorway))
    };
    let own = expectations
        .iter()
        .filter(about)
        .find(|one| one.variant.as_ref() == Some(&cell.variant));
    own.or_else(|| {
        expectations
            .iter()
            .filter(about)
            .find(|one| one.variant.is_none())
    })
    .map(|one| &one.limit)
}

/// Holds a cell against its claim. A cell with a doubt that was not claimed never passes; it fails only where what was seen
/// contradicts the claim whatever the doubt may be.
pub(super) fn outcome(cell: &Cell, claim: Option<&Limit>) -> Outcome {
    let Some(claim) = claim else {
        return if cell.verdict == Verdict::Inconclusive {
            Outcome::Inconclusive
        } else {
            Outcome::NotRun
        };
    };
    let contradicted = claim.verdict == Verdict::NotObserved && cell.verdict == Verdict::Observed;
    let settled = cell.doubts.iter().all(|doubt| claim.doubts.contains(doubt));
    match (contradicted, settled, holds(cell, claim)) {
        (true, _, _) => Outcome::Fail,
        (false, false, _) => Outcome::Inconclusive,
        (false, true, true) => Outcome::Pass,
        (false, true, false) => Outcome::Fail,
    }
}

fn holds(cell: &Cell, claim: &Limit) -> bool {
    let depth = claim.depth.is_none_or(|depth| cell.depth == Some(depth));
    let actors = claim
        .actors
        .as_ref()
        .is_none_or(|claimed| same(claimed, cell));
    let doubts = claim.doubts.iter().all(|doubt| cell.doubts.contains(doubt));
    cell.verdict == claim.verdict && depth && actors && doubts
}

fn same(claimed: &[Actor], cell: &Cell) -> bool {
    let seen = |actor: &Actor| cell.actors.iter().any(|summary| summary.actor == *actor);
    claimed.iter().all(seen) && cell.actors.len() == claimed.len()
}
