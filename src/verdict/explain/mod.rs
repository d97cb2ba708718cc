//! Why a cell reads as it does, in plain sentences: which records carry the verdict, and what would have changed it.
//!
//! What would have changed it is tried, not told: the evidence is judged again without the records in question.

mod otherwise;
mod records;
mod timeline;

use crate::attribution::Sources;
use crate::diagnostic::printable;
use crate::model::{
    Arm, Cell, Depth, Doorway, Doubt, Evidence, Interval, Observation, Settles, TrialId, Verdict,
    display_duration,
};

use super::judge::Judged;
use records::Records;

/// So many trials are shown one by one; a person reads no more.
const SHOWN: usize = 3;

/// The longest piece of somebody else's text in a sentence.
const FOREIGN_CHARS: usize = 120;

/// One cell's verdict, explained. Every text is fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Which cell, and what is said of it.
    pub verdict: String,
    /// What carries that.
    pub grounds: Vec<String>,
    /// What would have changed it.
    pub otherwise: Vec<String>,
    /// What happened in some of its trials: a heading, and an event a line.
    pub timelines: Vec<Vec<String>>,
}

/// Explains a cell of evidence that was judged with such knowledge of who is who.
#[must_use]
pub fn explain(
    evidence: &Evidence,
    judged: &Judged,
    cell: &Cell,
    sources: Sources<'_>,
) -> Explanation {
    let records = Records::of(evidence);
    let trials = records.trials_of(cell);
    let makers = makers(judged, cell, &trials);
    let telling = telling(&makers, &trials);
    Explanation {
        verdict: headline(cell),
        grounds: grounds(&records, cell, &trials, &makers),
        otherwise: otherwise::sentences(evidence, cell, &makers, sources),
        timelines: telling
            .into_iter()
            .map(|trial| timeline::of(&records, judged, trial))
            // Of a link that nobody ever had there is nothing to tell but its number.
            .filter(|lines| lines.len() > 1)
            .collect(),
    }
}

/// `sent/http`, with the variant and the doorway where these say anything.
#[must_use]
pub fn name_of(cell: &Cell) -> String {
    let name = format!("{}/{}/{}", cell.variant, cell.arm, cell.form);
    match cell.doorway {
        Doorway::Sealed => name,
        Doorway::Open => format!("{name}/{}", cell.doorway),
    }
}

fn headline(cell: &Cell) -> String {
    let said = match (cell.verdict, cell.arm) {
        (Verdict::Observed, Arm::Reached) => "heard".to_owned(),
        (Verdict::Observed, _) => {
            let depth = cell.depth.unwrap_or(Depth::Resolved);
            format!("observed: somebody {} ({depth})", depth.words())
        }
        (Verdict::NotObserved, _) => "not observed".to_owned(),
        (Verdict::Inconclusive, _) => "inconclusive".to_owned(),
    };
    let so_far = if cell.provisional {
        ", so far: its window is still open"
    } else {
        ""
    };
    format!(
        "{}: {said}{so_far}, in {} of {} trials ({})",
        name_of(cell),
        cell.hits,
        cell.trials,
        bound(cell.interval)
    )
}

fn bound(interval: Interval) -> String {
    format!(
        "{:.1} to {:.1} % at 95 %",
        interval.low * 100.0,
        interval.high * 100.0
    )
}

/// The observations that make a cell: those of whoever is not us, or ours where we came ourselves, in its own phases.
fn makers<'j>(judged: &'j Judged, cell: &Cell, trials: &[TrialId]) -> Vec<&'j Observation> {
    let own = cell.arm == Arm::Reached;
    let counted = |seen: &&Observation| {
        let in_phase =
            seen.phase.is_none() || cell.arm.exposing().is_none_or(|_| in_cell(cell, seen));
        seen.actor.is_own() == own && !seen.hearsay && in_phase
    };
    let of_these = |seen: &&Observation| trials.binary_search(&seen.trial).is_ok();
    let seen = judged.observations.iter().filter(of_these);
    seen.filter(counted).collect()
}

/// Whether an observation is among those that the cell's actors are made of.
fn in_cell(cell: &Cell, seen: &Observation) -> bool {
    let mut actors = cell.actors.iter();
    actors.any(|one| {
        one.actor == seen.actor && seen.phase.is_none_or(|phase| one.phases.contains(&phase))
    })
}

/// The trials worth showing: those with a visit first, else the first ones.
fn telling(makers: &[&Observation], trials: &[TrialId]) -> Vec<TrialId> {
    let mut telling: Vec<TrialId> = makers.iter().map(|seen| seen.trial).collect();
    telling.dedup();
    if telling.is_empty() {
        telling = trials.to_vec();
    }
    telling.truncate(SHOWN);
    telling
}

fn grounds(
    records: &Records<'_>,
    cell: &Cell,
    trials: &[TrialId],
    makers: &[&Observation],
) -> Vec<String> {
    let mut grounds = Vec::new();
    match cell.verdict {
        Verdict::Observed => {
            grounds.extend(presence(cell, makers));
            grounds.extend(not_fetched(cell));
        }
        Verdict::NotObserved => grounds.extend(absence(records, cell, trials)),
        Verdict::Inconclusive => {}
    }
    let doubts = cell.doubts.iter();
    grounds.extend(doubts.map(|doubt| reason(records, cell, trials, *doubt)));
    if !cell.wrappers.is_empty() {
        let hosts: Vec<String> = cell
            .wrappers
            .iter()
            .map(|host| printable(host, FOREIGN_CHARS))
            .collect();
        grounds.push(format!(
            "Links arrived leading elsewhere: to {}.",
            hosts.join(", ")
        ));
    }
    grounds
}

/// Who came, by which records, and why we think it was them.
fn presence(cell: &Cell, makers: &[&Observation]) -> Vec<String> {
    let mut said = Vec::new();
    for summary in &cell.actors {
        let of_this: Vec<_> = makers
            .iter()
            .filter(|seen| seen.actor == summary.actor)
            .copied()
            .collect();
        let Some(first) = of_this.first() else {
            continue;
        };
        let numbers = numbers(of_this.iter().map(|seen| seen.hit));
        let delay = first.delay.map_or_else(String::new, |delay| {
            format!(", {} after its phase began", display_duration(delay))
        });
        said.push(format!(
            "It rests on {} by {} in {} ({numbers}). The first came from {}{delay}: {}{}.",
            plural(of_this.len(), "hit"),
            summary.actor,
            plural(summary.trials as usize, "trial"),
            first.address(),
            first
                .method
                .as_deref()
                .map_or_else(|| "no request".to_owned(), |method| printable(method, 16)),
            bytes(first),
        ));
        let factors: Vec<String> = summary
            .factors
            .iter()
            .map(|factor| printable(&factor.to_string(), FOREIGN_CHARS))
            .collect();
        said.push(if factors.is_empty() {
            format!(
                "Nothing says who it was: that is what {} means. It came to the door where none of our own comes.",
                summary.actor
            )
        } else {
            format!("That it was {}: {}.", summary.actor, factors.join("; "))
        });
    }
    said
}

/// Who only touched a link has not read what is behind it.
fn not_fetched(cell: &Cell) -> Option<String> {
    let touched = cell.depth.is_some_and(|depth| depth < Depth::Read);
    touched.then(|| {
        "No byte of what is behind the link was handed out: the content was not fetched.".to_owned()
    })
}

fn bytes(seen: &Observation) -> String {
    match (seen.bytes, seen.whole) {
        (0, _) => String::new(),
        (bytes, Some(true)) => format!(", {bytes} bytes, the whole of it"),
        (bytes, Some(false)) => format!(", {bytes} bytes, a part of it"),
        (bytes, None) => format!(", {bytes} bytes"),
    }
}

/// The proofs that silence needs.
fn absence(records: &Records<'_>, cell: &Cell, trials: &[TrialId]) -> Vec<String> {
    let mut said = vec![format!(
        "Nobody who may be the service came for any of its {} links: {}.",
        trials.len(),
        numbers_of(records.exposing(cell, trials), "they left our hands with")
    )];
    let controls = records.controls(&cell.variant);
    said.push(format!(
        "We would have heard: {} of our own were recorded, the first and the last after all windows ({}).",
        plural(controls.len(), "fetch"),
        numbers(controls.into_iter())
    ));
    if cell.arm.is_sent() {
        said.push(format!(
            "Each arrived: {}.",
            numbers_of(
                records.received(trials),
                "it was seen at the recipient with"
            )
        ));
    }
    said
}

/// Why a doubt holds, with the records that say so.
fn reason(records: &Records<'_>, cell: &Cell, trials: &[TrialId], doubt: Doubt) -> String {
    let found = records.behind(doubt, cell, trials);
    let shown = match found.is_empty() {
        true => String::new(),
        false => format!(" ({})", numbers(found.into_iter())),
    };
    format!("Doubt {doubt}: {}{shown}.", doubt.words())
}

fn numbers_of(found: Vec<u64>, words: &str) -> String {
    format!("{words} {}", numbers(found.into_iter()))
}

/// Record numbers, as many as a person reads.
fn numbers(all: impl Iterator<Item = u64>) -> String {
    const SHOWN: usize = 8;
    let all: Vec<u64> = all.collect();
    let shown: Vec<String> = all.iter().take(SHOWN).map(u64::to_string).collect();
    let rest = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    match all.len() {
        0 => "no record".to_owned(),
        1 => format!("record {}", shown.join("")),
        _ => format!("records {}{rest}", shown.join(", ")),
    }
}

fn plural(count: usize, what: &str) -> String {
    match (count, what) {
        (1, what) => format!("1 {what}"),
        (count, "fetch") => format!("{count} fetches"),
        (count, what) => format!("{count} {what}s"),
    }
}

/// What more trials would settle, in words.
#[must_use]
pub fn advised(trials: u32, settles: Settles) -> String {
    let trials = plural(trials as usize, "more trial");
    match settles {
        Settles::Absence => format!("{trials} like these would allow to speak of absence"),
        Settles::Rarity => {
            format!("{trials} without a visit would bound it at one in ten")
        }
        Settles::Constancy => {
            format!("{trials} going on like these would say whether it is repeatable")
        }
    }
}
