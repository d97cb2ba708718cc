use jiff::tz::TimeZone;

use crate::diagnostic::printable;
use crate::model::{
    Cell, Comparison, Doorway, Evidence, Failure, Manifest, Observation, Outcome, Record, RunEnd,
    RunId, Sighting, Status, TrialId, VariantRef, display_duration,
};

use super::comparison::since_baseline;
use super::line::Line;

/// The longest piece of somebody else's text in a line.
pub(super) const FOREIGN_CHARS: usize = 160;

/// A judged run, ready to be shown.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The run.
    pub run: RunId,
    /// All that is known of it.
    pub evidence: &'a Evidence,
    /// What it set out to do.
    pub manifest: &'a Manifest,
    /// What can be said.
    pub cells: &'a [Cell],
    /// Who came, by trial.
    pub observations: &'a [Observation],
    /// What has changed since its baselines, where it has any.
    pub changes: &'a [Comparison],
    /// What went wrong on the way.
    pub failures: Vec<&'a Failure>,
    /// Elements that were found by another alternative than the first.
    pub drift: Vec<&'a Sighting>,
    /// How it ended; none while it has not.
    pub end: Option<&'a RunEnd>,
}

impl<'a> View<'a> {
    /// Puts evidence and verdicts together; none without a manifest. Observations stand by trial, as a judge leaves them.
    #[must_use]
    pub fn new(
        evidence: &'a Evidence,
        cells: &'a [Cell],
        observations: &'a [Observation],
    ) -> Option<Self> {
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
            evidence,
            observations,
            manifest: evidence.manifest()?,
            cells,
            changes: &[],
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

    /// The same beside what has changed since the run's baselines.
    #[must_use]
    pub const fn beside(mut self, changes: &'a [Comparison]) -> Self {
        self.changes = changes;
        self
    }

    /// What has changed since the run's baselines, a sentence for each of these.
    pub(super) fn changed(&self) -> Vec<String> {
        let told = self.changes.iter();
        told.map(|one| since_baseline(one, false).trim_end().to_owned())
            .collect()
    }

    pub(super) fn cells_of(&self, variant: &VariantRef) -> impl Iterator<Item = &'a Cell> + '_ {
        let name = variant.name.clone();
        self.cells.iter().filter(move |cell| cell.variant == name)
    }

    /// The cells of a variant in words.
    pub(super) fn lines(&self, variant: &VariantRef) -> Vec<Line<'a>> {
        let cells = self.cells_of(variant);
        cells.map(|cell| Line::new(self, cell)).collect()
    }

    /// Whether anybody came for a trial's link, our own browsers among them.
    pub(super) fn was_visited(&self, trial: TrialId) -> bool {
        let found = self
            .observations
            .binary_search_by_key(&trial, |seen| seen.trial);
        found.is_ok()
    }

    pub(super) fn count(&self, outcome: Outcome) -> usize {
        let of_this = self.cells.iter().filter(|cell| cell.outcome == outcome);
        of_this.count()
    }

    /// What became of the whole: the worst of its cells.
    pub(super) fn outcome(&self) -> Outcome {
        let worst_first = [Outcome::Fail, Outcome::Inconclusive, Outcome::Pass];
        let mut found = worst_first.into_iter().filter(|one| self.count(*one) > 0);
        found.next().unwrap_or(Outcome::NotRun)
    }

    /// The service's name.
    pub(super) fn title(&self) -> String {
        printable(&self.manifest.scenario.title, FOREIGN_CHARS)
    }

    /// The variant's name, where the service's own stands above it already.
    pub(super) fn setting(&self, variant: &VariantRef) -> String {
        match variant.title.as_str() {
            "" => self.title(),
            title => printable(title, FOREIGN_CHARS),
        }
    }

    /// The service's name, and the variant's where it has one.
    pub(super) fn name_of(&self, variant: &VariantRef) -> String {
        let title = &self.manifest.scenario.title;
        let name = match variant.title.as_str() {
            "" => title.clone(),
            variant => format!("{title} ({variant})"),
        };
        printable(&name, FOREIGN_CHARS)
    }

    /// How a variant was audited: on a stage or not, its trials, the window, the doors, the scenario's age.
    pub(super) fn circumstances(&self, variant: &VariantRef) -> Vec<String> {
        let stage = (!self.manifest.stage.is_empty())
            .then(|| "played on a stage, not on the service".to_owned());
        let doors = match (self.manifest.sealed, self.opens()) {
            _ if self.manifest.scenario.provenance.by_hand => "by hand",
            (true, true) => "sealed and open browsers",
            (true, false) => "sealed browsers",
            (false, _) => "open browsers",
        };
        let usual = [
            self.played(variant),
            format!("listened {} each", display_duration(self.manifest.window)),
            doors.to_owned(),
            printable(&self.selectors(), FOREIGN_CHARS),
        ];
        stage.into_iter().chain(usual).collect()
    }

    /// Whether some links of the run were planted with open doors, whatever the others were.
    pub(super) fn opens(&self) -> bool {
        let mut planted = self.manifest.trials.iter();
        planted.any(|trial| trial.arm.is_shown() && trial.doorway == Some(Doorway::Open))
    }

    /// How many trials, and of how many where some were left out.
    fn played(&self, variant: &VariantRef) -> String {
        let trials = self.manifest.trials.iter();
        let planned = trials.filter(|trial| trial.variant == variant.name).count();
        let omitted = self.cells_of(variant).map(|cell| cell.omitted as usize);
        match omitted.sum() {
            0 => format!("{planned} trials"),
            omitted => format!("{} of {planned} trials", planned.saturating_sub(omitted)),
        }
    }

    /// What went wrong in a variant, each kind once with its count.
    pub(super) fn failures_of(&self, variant: &VariantRef) -> Vec<(String, usize)> {
        let mut kinds: Vec<(String, usize)> = Vec::new();
        let failures = self.failures.iter();
        for failure in failures.filter(|failure| failure.variant == variant.name) {
            let text = self.failure(failure);
            match kinds.iter_mut().find(|(known, _)| *known == text) {
                Some((_, times)) => *times += 1,
                None => kinds.push((text, 1)),
            }
        }
        kinds
    }

    fn failure(&self, failure: &Failure) -> String {
        let step = failure.step.as_ref();
        let line = step.map_or_else(String::new, |step| format!(":{}", step.line));
        format!(
            "{} at {}: {}  --> {}{line}",
            failure.account,
            failure.phase,
            printable(&failure.message, FOREIGN_CHARS * 2),
            self.path(),
        )
    }

    /// The scenario's file, as it was named.
    pub(super) fn path(&self) -> String {
        printable(&self.manifest.scenario.path, FOREIGN_CHARS)
    }

    /// What became of the claims, in a sentence.
    pub(super) fn sum(&self) -> String {
        let (met, failed, open) = (
            self.count(Outcome::Pass),
            self.count(Outcome::Fail),
            self.count(Outcome::Inconclusive),
        );
        let text = match (failed, open) {
            (0, 0) if met == 0 => "nothing was claimed".to_owned(),
            (0, 0) => format!("every expectation met: {met} of {met}"),
            _ => format!("{met} expectations met, {failed} failed, {open} inconclusive"),
        };
        let stopped = if self.end.is_none_or(|end| end.interrupted) {
            "; the run was stopped early"
        } else {
            ""
        };
        text + stopped
    }
}
