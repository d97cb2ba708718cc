//! The personas of the practice messenger, audited by the whole instrument, and held against what is true of them.

use crate::audit::{AuditError, Setting, Stop, Teller, conduct};
use crate::model::{
    Actor, Arm, Cell, Depth, Doorway, Doubt, Evidence, Limit, Outcome, Persona, Rehearsed, Verdict,
};
use crate::store::StoreError;
use crate::verdict::{JudgeError, judge};

/// What can keep personas from being audited. Each text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// A run cannot be conducted.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Its evidence cannot be kept, or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Or not judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

/// Conducts runs whose truth is what their scenarios claim, one after the other.
/// Every variant of every run is a persona. None where it was stopped before the last was over.
///
/// # Errors
/// A run cannot be conducted, kept or judged.
pub async fn rehearse(
    runs: Vec<Setting>,
    teller: &Teller,
    stop: &Stop,
) -> Result<Option<Vec<Rehearsed>>, RehearseError> {
    let mut personas = Vec::new();
    for setting in runs {
        let store = setting.place.store();
        let conducted = conduct(setting, teller.clone(), stop).await?;
        let Some(run) = conducted.run.filter(|_| !conducted.interrupted) else {
            return Ok(None);
        };
        let evidence = store.evidence(run).await?;
        personas.extend(held(&evidence, &judge(&evidence)?.cells));
    }
    Ok(Some(personas))
}

/// Holds what is said of each variant against what its scenario's author claims: here that is the truth, with what no
/// scenario can claim beside it. Where nothing is claimed nothing is right.
#[must_use]
pub fn held(evidence: &Evidence, cells: &[Cell]) -> Vec<Rehearsed> {
    let manifest = evidence.manifest().into_iter();
    let variants = manifest.flat_map(|manifest| &manifest.variants);
    let persona = |name: &String| {
        let own = cells.iter().filter(|cell| cell.variant == *name);
        let held: Vec<Held> = own.filter_map(|cell| held_cell(name, cell)).collect();
        let all = |words: fn(&Held) -> &str| {
            let each = held.iter().map(words);
            each.collect::<Vec<_>>().join("; ")
        };
        Rehearsed {
            name: name.clone(),
            expected: all(|held| &held.expected),
            verdict: all(|held| &held.verdict),
            right: !held.is_empty() && held.iter().all(|held| held.right),
        }
    };
    variants.map(|variant| persona(&variant.name)).collect()
}

/// A cell held against the truth.
struct Held {
    expected: String,
    verdict: String,
    right: bool,
}

/// None where nothing is known to be true of it.
fn held_cell(name: &str, cell: &Cell) -> Option<Held> {
    let beyond = Persona::from_name(name).and_then(beyond_claims);
    match (beyond, &cell.expected) {
        (Some(beyond), None) if cell.arm == Arm::Sent => Some(beyond.held(cell)),
        (_, Some(limit)) => Some(Held {
            expected: truth(cell, limit),
            verdict: said(cell, limit),
            right: cell.outcome == Outcome::Pass,
        }),
        _ => None,
    }
}

/// What is true of a persona's sent links, and no scenario can claim.
#[derive(Clone, Copy)]
enum Beyond {
    /// Nothing can be said, for this reason.
    Doubtful(Doubt),
    /// It comes to the link's host, with a link that is nearly ours.
    HostAlone,
    /// It comes with this chance.
    Chance(f64),
}

const fn beyond_claims(persona: Persona) -> Option<Beyond> {
    match persona {
        Persona::Wrapper => Some(Beyond::Doubtful(Doubt::LinkRewritten)),
        Persona::Mangler => Some(Beyond::HostAlone),
        Persona::Blocker => Some(Beyond::Doubtful(Doubt::NotDelivered)),
        Persona::EchoingResolver => Some(Beyond::Doubtful(Doubt::NoiseInControl)),
        Persona::Flaky30 => Some(Beyond::Chance(0.3)),
        _ => None,
    }
}

impl Beyond {
    fn held(self, cell: &Cell) -> Held {
        let name = words(cell, cell.verdict, None, None);
        let doubts = doubts(cell);
        match self {
            Self::Doubtful(doubt) => Held {
                expected: format!(
                    "{} ({doubt})",
                    words(cell, Verdict::Inconclusive, None, None)
                ),
                verdict: name + &doubts,
                right: cell.verdict == Verdict::Inconclusive && cell.doubts.contains(&doubt),
            },
            Self::HostAlone => Held {
                expected: words(cell, Verdict::Observed, Some(Depth::Connected), None)
                    + " (link-rewritten)",
                verdict: words(cell, cell.verdict, cell.depth, None) + &doubts,
                right: cell.depth == Some(Depth::Connected)
                    && cell.doubts.contains(&Doubt::LinkRewritten),
            },
            Self::Chance(chance) => Held {
                expected: format!(
                    "{}, with a chance of {chance}",
                    words(cell, Verdict::Observed, None, None)
                ),
                verdict: format!(
                    "{name}, with a chance of {:.2} to {:.2}{doubts}",
                    cell.interval.low, cell.interval.high
                ),
                right: cell.verdict == Verdict::Observed
                    && cell.doubts.is_empty()
                    && (cell.interval.low..=cell.interval.high).contains(&chance),
            },
        }
    }
}

fn doubts(cell: &Cell) -> String {
    let doubts = cell.doubts.iter().map(|doubt| format!(" ({doubt})"));
    doubts.collect()
}

fn truth(cell: &Cell, limit: &Limit) -> String {
    words(cell, limit.verdict, limit.depth, limit.actors.as_deref())
}

/// As much as the claim is about, and the doubts.
fn said(cell: &Cell, limit: &Limit) -> String {
    let actors: Vec<Actor> = cell.actors.iter().map(|summary| summary.actor).collect();
    let depth = cell.depth.filter(|_| limit.depth.is_some());
    let actors = limit.actors.as_ref().map(|_| &actors[..]);
    words(cell, cell.verdict, depth, actors) + &doubts(cell)
}

fn words(cell: &Cell, verdict: Verdict, depth: Option<Depth>, actors: Option<&[Actor]>) -> String {
    let doorway = if cell.doorway == Doorway::Open {
        "/open"
    } else {
        ""
    };
    let depth = depth.map(|depth| format!(", {depth}")).unwrap_or_default();
    let mut names: Vec<&str> = actors
        .unwrap_or_default()
        .iter()
        .map(|actor| actor.name())
        .collect();
    names.sort_unstable();
    let actors = match actors {
        None => String::new(),
        Some([]) => " by nobody".to_owned(),
        Some(_) => format!(" by {}", names.join(" and ")),
    };
    format!(
        "{}/{}{doorway} {verdict}{depth}{actors}",
        cell.arm, cell.form
    )
}
