//! The personas of the practice messenger, audited by the whole instrument, and held against what is true of them.

use std::sync::Arc;

use crate::audit::{AuditError, Setting, Stop, Teller, conduct};
use crate::model::{Actor, Cell, Depth, Doorway, Evidence, Limit, Outcome, Rehearsed, Verdict};
use crate::store::{EvidenceStore, Store, StoreError};
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
    /// There is no room for it.
    #[error("make a folder for the evidence: {0}")]
    Folder(std::io::Error),
}

/// Conducts runs whose truth is what their scenarios claim, one after the other, each with a store that is gone afterwards.
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
        let folder = tempfile::tempdir().map_err(RehearseError::Folder)?;
        let store: Arc<dyn EvidenceStore> =
            Arc::new(Store::open(&folder.path().join("evidence.db"))?);
        let conducted = conduct(setting, Arc::clone(&store), teller.clone(), stop).await?;
        let Some(run) = conducted.run.filter(|_| !conducted.interrupted) else {
            return Ok(None);
        };
        let evidence = store.evidence(run).await?;
        personas.extend(held(&evidence, &judge(&evidence)?.cells));
    }
    Ok(Some(personas))
}

/// Holds what is said of each variant against what its scenario's author claims: here that is the truth. Where nothing is
/// claimed nothing is right.
#[must_use]
pub fn held(evidence: &Evidence, cells: &[Cell]) -> Vec<Rehearsed> {
    let variants = evidence
        .manifest()
        .into_iter()
        .flat_map(|manifest| &manifest.variants);
    let persona = |name: &String| {
        let own = cells.iter().filter(|cell| cell.variant == *name);
        let claimed: Vec<(&Cell, &Limit)> = own
            .filter_map(|cell| Some((cell, cell.expected.as_ref()?)))
            .collect();
        let all = |words: fn(&Cell, &Limit) -> String| {
            let each = claimed.iter().map(|(cell, limit)| words(cell, limit));
            each.collect::<Vec<_>>().join("; ")
        };
        Rehearsed {
            name: name.clone(),
            expected: all(truth),
            verdict: all(said),
            right: !claimed.is_empty()
                && claimed
                    .iter()
                    .all(|(cell, _)| cell.outcome == Outcome::Pass),
        }
    };
    variants.map(|variant| persona(&variant.name)).collect()
}

fn truth(cell: &Cell, limit: &Limit) -> String {
    words(cell, limit.verdict, limit.depth, limit.actors.as_deref())
}

/// As much as the claim is about, and the doubts.
fn said(cell: &Cell, limit: &Limit) -> String {
    let actors: Vec<Actor> = cell.actors.iter().map(|summary| summary.actor).collect();
    let depth = cell.depth.filter(|_| limit.depth.is_some());
    let actors = limit.actors.as_ref().map(|_| &actors[..]);
    let doubts = cell.doubts.iter().map(|doubt| format!(" ({doubt})"));
    words(cell, cell.verdict, depth, actors) + &doubts.collect::<String>()
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
