use std::collections::BTreeSet;

use crate::model::{
    Cell, CellKey, CellSummary, Circumstances, DataVersion, Evidence, Manifest, Record, RunEnd,
    SUMMARY_FORMAT, Summary, VariantRef, VariantSummary,
};

/// A judged run in short; none without a manifest. `rules` is the number of the rules that gave the cells.
#[must_use]
pub fn abridge(evidence: &Evidence, cells: &[Cell], rules: u32) -> Option<Summary> {
    let manifest = evidence.manifest()?;
    let scenario = &manifest.scenario;
    let variants = manifest.variants.iter();
    Some(Summary {
        format: SUMMARY_FORMAT,
        run: evidence.run,
        started: manifest.started,
        service: scenario.service.clone(),
        title: scenario.title.clone(),
        rules,
        provisional: !is_over(evidence) || cells.iter().any(|cell| cell.provisional),
        circumstances: circumstances(manifest),
        variants: variants.map(|one| variant(evidence, one)).collect(),
        cells: cells.iter().map(cell).collect(),
    })
}

fn is_over(evidence: &Evidence) -> bool {
    let mut records = evidence.entries.iter().map(|entry| &entry.record);
    records.any(|record| matches!(record, Record::End(RunEnd { .. })))
}

fn circumstances(manifest: &Manifest) -> Circumstances {
    Circumstances {
        scenario: manifest.scenario.digest.clone(),
        tool: manifest.tool.version.clone(),
        region: manifest.region.clone(),
        browser: manifest.browser.clone(),
        window_ms: u64::try_from(manifest.window.as_millis()).unwrap_or(u64::MAX),
    }
}

fn variant(evidence: &Evidence, variant: &VariantRef) -> VariantSummary {
    let clients = evidence
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Client(client) if client.variant == variant.name => Some(client.build.clone()),
            _ => None,
        });
    let builds: BTreeSet<String> = clients.collect();
    VariantSummary {
        name: variant.name.clone(),
        title: variant.title.clone(),
        builds: builds.into_iter().collect(),
        covariates: variant.covariates.clone(),
    }
}

fn cell(cell: &Cell) -> CellSummary {
    CellSummary {
        key: CellKey {
            variant: cell.variant.clone(),
            arm: cell.arm,
            form: cell.form,
            doorway: cell.doorway,
        },
        trials: cell.trials,
        hits: cell.hits,
        verdict: cell.verdict,
        depth: cell.depth,
        reaches: cell.reaches.clone(),
        doubts: cell.doubts.clone(),
        interval: cell.interval.rounded(),
        outcome: cell.outcome,
        behaviours: cell.behaviours.clone(),
        data: data(cell),
    }
}

/// Which data said who came; of our own nothing is read from any.
fn data(cell: &Cell) -> Vec<DataVersion> {
    let others = cell.actors.iter().filter(|one| !one.actor.is_own());
    let factors = others.flat_map(|one| &one.factors);
    let data = factors.filter_map(|factor| factor.data.as_ref());
    let once: BTreeSet<(&str, &str)> = data
        .map(|data| (data.source.as_str(), data.version.as_str()))
        .collect();
    let owned = once.into_iter().map(|(source, version)| DataVersion {
        source: source.to_owned(),
        version: version.to_owned(),
    });
    owned.collect()
}
