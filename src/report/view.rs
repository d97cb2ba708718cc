use crate::model::{Cell, Evidence, Failure, Manifest, Outcome, Record, RunEnd, RunId, VariantRef};

/// A judged run, ready to be shown.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The run.
    pub run: RunId,
    /// What it set out to do.
    pub manifest: &'a Manifest,
    /// What can be said.
    pub cells: &'a [Cell],
    /// What went wrong on the way.
    pub failures: Vec<&'a Failure>,
    /// How it ended; none while it has not.
    pub end: Option<&'a RunEnd>,
}

impl<'a> View<'a> {
    /// Puts evidence and verdicts together; none without a manifest.
    #[must_use]
    pub fn new(evidence: &'a Evidence, cells: &'a [Cell]) -> Option<Self> {
        let mut failures = Vec::new();
        let mut end = None;
        for entry in &evidence.entries {
            match &entry.record {
                Record::Failure(failure) => failures.push(failure),
                Record::End(run_end) => end = Some(run_end),
                _ => {}
            }
        }
        Some(Self {
            run: evidence.run,
            manifest: evidence.manifest()?,
            cells,
            failures,
            end,
        })
    }

    pub(super) fn cells_of(&self, variant: &VariantRef) -> impl Iterator<Item = &'a Cell> + '_ {
        let name = variant.name.clone();
        self.cells.iter().filter(move |cell| cell.variant == name)
    }

    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.cells
            .iter()
            .filter(|cell| cell.outcome == outcome)
            .count()
    }
}
