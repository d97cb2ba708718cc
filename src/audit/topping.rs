//! Which trials of later rounds nothing hangs on any more.
//!
//! Looking at the evidence and going on only where it is open makes an ordinary interval too narrow. So the looks are
//! planned beforehand and every interval of such a run has its share of the error: with `K` looks each is at
//! `1 - 0.05 / K`. All of them hold at once with 95 % by Bonferroni's inequality, whenever one stops; an equal share is one
//! of the spending functions of K. K. G. Lan and D. L. DeMets, "Discrete sequential boundaries for clinical trials",
//! Biometrika 70 (1983).

use std::collections::HashSet;

use crate::model::{
    Arm, Cell, Doorway, Entry, Evidence, Form, Omission, Record, RunEnd, Trial, TrialId,
};
use crate::verdict::judge;

/// A cell's name.
type Key<'a> = (&'a str, Arm, Form, Doorway);

/// Of the trials that are still to come: those of decided cells, and the controls of variants in which every cell is. What
/// was played is never among them: it counts.
pub(super) fn left_out(evidence: &Evidence, so_far: RunEnd, to_come: &[Trial]) -> Vec<TrialId> {
    let mut evidence = evidence.clone();
    let unplayed = Omission {
        at: so_far.at,
        trials: to_come.iter().map(|trial| trial.id).collect(),
    };
    // As if the run were over: a control that is still to come is not a silent one.
    for record in [Record::Omission(unplayed), Record::End(so_far)] {
        let seq = u64::MAX;
        evidence.entries.push(Entry { seq, record });
    }
    // What cannot be judged is not decided.
    let Ok(judged) = judge(&evidence) else {
        return Vec::new();
    };
    let open: Vec<&Cell> = judged.cells.iter().filter(|cell| is_open(cell)).collect();
    let variants: HashSet<&str> = open.iter().map(|cell| cell.variant.as_str()).collect();
    let cells: HashSet<Key<'_>> = open.iter().map(|cell| key_of(cell)).collect();
    let hangs = |trial: &&Trial| match trial.arm.is_shown() {
        true => cells.contains(&key(trial)),
        false => variants.contains(trial.variant.as_str()),
    };
    let idle = to_come.iter().filter(|trial| !hangs(trial));
    idle.map(|trial| trial.id).collect()
}

/// Whether more trials would say more. Controls are played for the sake of the others.
fn is_open(cell: &Cell) -> bool {
    cell.arm.is_shown() && cell.advice.is_some()
}

fn key_of(cell: &Cell) -> Key<'_> {
    (&cell.variant, cell.arm, cell.form, cell.doorway)
}

fn key(trial: &Trial) -> Key<'_> {
    let doorway = trial.doorway.unwrap_or(Doorway::Sealed);
    (&trial.variant, trial.arm, trial.form, doorway)
}
