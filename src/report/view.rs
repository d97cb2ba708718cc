use jiff::tz::TimeZone;

use crate::model::{
    Cell, Evidence, Failure, Manifest, Outcome, Record, RunEnd, RunId, Sighting, Status, VariantRef,
};

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
    /// Elements that were found by another alternative than the first.
    pub drift: Vec<&'a Sighting>,
    /// How it ended; none while it has not.
    pub end: Option<&'a RunEnd>,
}

impl<'a> View<'a> {
    /// Puts evidence and verdicts together; none without a manifest.
    #[must_use]
    pub fn new(evidence: &'a Evidence, cells: &'a [Cell]) -> Option<Self> {
        let (mut failures, mut drift) = (Vec::new(), Vec::new());
        let mut end = None;
        for entry in &evidence.entries {
            match &entry.record {
                Record::Failure(failure) => failures.push(failure),
                Record::Sighting(sighting) if sighting.has_drifted() => drift.push(sighting),
                Record::End(run_end) => end = Some(run_end),
                _ => {}
            }
        }
        Some(Self {
            run: evidence.run,
            manifest: evidence.manifest()?,
            cells,
            failures,
            drift,
            end,
        })
    }

    /// What the scenario's selectors are worth: of which day they are, how old that was when the run began, and what they rest
    /// on.
    #[must_use]
    pub fn selectors(&self) -> String {
        let scenario = &self.manifest.scenario;
        let known = &scenario.provenance;
        let age = match self.selectors_age() {
            Some(1) => "1 day old".to_owned(),
            Some(days @ 2..) => format!("{days} days old"),
            _ => String::new(),
        };
        let client = known.status.filter(|status| *status != Status::Live);
        let parts = [
            age,
            client.map_or_else(String::new, |status| status.name().replace('-', " ")),
            known
                .grade
                .map_or_else(String::new, |grade| format!("grade {grade}")),
            known
                .tried
                .map_or_else(String::new, |tried| tried.words().to_owned()),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let more = if parts.is_empty() {
            String::new()
        } else {
            format!(" ({})", parts.join(", "))
        };
        format!("selectors of {}{more}", scenario.checked)
    }

    /// How many days before the run the selectors were reviewed; none where that is no date, or a later one.
    #[must_use]
    pub fn selectors_age(&self) -> Option<u32> {
        let checked: jiff::civil::Date = self.manifest.scenario.checked.parse().ok()?;
        let began = self.manifest.started.to_zoned(TimeZone::UTC).date();
        u32::try_from(checked.until(began).ok()?.get_days()).ok()
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
