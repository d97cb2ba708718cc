use std::collections::BTreeSet;

use crate::model::{
    CellKey, CellSummary, Comparability, Doorway, Reason, Side, Summary, VariantSummary, Verdict,
};

/// A window this many times as long hears what the other one may have missed.
const MUCH_LONGER: u64 = 2;

/// Two runs and their cells of one question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) key: &'a CellKey,
    pub(super) before: Option<&'a CellSummary>,
    pub(super) after: Option<&'a CellSummary>,
}

/// Whether they may be compared.
pub(super) fn comparability(before: &Summary, after: &Summary, pair: Pair<'_>) -> Comparability {
    let missing = [
        (Side::Before, before, pair.before),
        (Side::After, after, pair.after),
    ];
    let missing = missing
        .into_iter()
        .filter(|(.., cell)| cell.is_none())
        .map(|(side, run, _)| absence(side, run, pair.key));
    let silent = [(Side::Before, pair.before), (Side::After, pair.after)];
    let silent = silent
        .into_iter()
        .filter_map(|(side, cell)| silence(side, cell?));
    let of_cells = pair.before.zip(pair.after);
    let data = of_cells
        .into_iter()
        .flat_map(|(before, after)| data(before, after));
    let reasons: Vec<Reason> = missing
        .chain(silent)
        .chain(circumstances(before, after, &pair.key.variant))
        .chain(data)
        .collect();
    match reasons.is_empty() {
        true => Comparability::Comparable,
        false => Comparability::NotComparable { reasons },
    }
}

/// What of the two runs may make a difference in a variant.
pub(super) fn circumstances(before: &Summary, after: &Summary, variant: &str) -> Vec<Reason> {
    let rules = || Reason::Rules {
        before: before.rules,
        after: after.rules,
    };
    let (from, to) = (&before.circumstances, &after.circumstances);
    let region = || Reason::Region {
        before: from.region.clone(),
        after: to.region.clone(),
    };
    let (was, is) = (variant_of(before, variant), variant_of(after, variant));
    let builds = |of: Option<&VariantSummary>| of.map_or_else(Vec::new, |one| one.builds.clone());
    let build = || Reason::Build {
        before: builds(was),
        after: builds(is),
    };
    let window = || Reason::Window {
        before_ms: from.window_ms,
        after_ms: to.window_ms,
    };
    let (shorter, longer) = (
        from.window_ms.min(to.window_ms),
        from.window_ms.max(to.window_ms),
    );
    [
        (before.rules != after.rules).then(rules),
        (from.region != to.region).then(region),
        (builds(was) != builds(is)).then(build),
        (longer >= shorter.saturating_mul(MUCH_LONGER) && longer > shorter).then(window),
    ]
    .into_iter()
    .flatten()
    .chain(covariates(was, is))
    .collect()
}

fn variant_of<'a>(run: &'a Summary, name: &str) -> Option<&'a VariantSummary> {
    run.variants.iter().find(|one| one.name == name)
}

/// What the scenario says must be the same, and is not.
fn covariates(was: Option<&VariantSummary>, is: Option<&VariantSummary>) -> Vec<Reason> {
    let said =
        |of: Option<&VariantSummary>| of.map(|one| one.covariates.clone()).unwrap_or_default();
    let (was, is) = (said(was), said(is));
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| was.get(*name) != is.get(*name));
    let reasons = differ.map(|name| Reason::Covariate {
        name: name.clone(),
        before: was.get(name).cloned(),
        after: is.get(name).cloned(),
    });
    reasons.collect()
}

fn absence(side: Side, run: &Summary, key: &CellKey) -> Reason {
    let other = CellKey {
        doorway: match key.doorway {
            Doorway::Sealed => Doorway::Open,
            Doorway::Open => Doorway::Sealed,
        },
        ..key.clone()
    };
    match run.cells.iter().any(|cell| cell.key == other) {
        true => Reason::Doors { side },
        false => Reason::Missing { side },
    }
}

/// Nothing follows from what could not be measured: nobody is said to have gone.
fn silence(side: Side, cell: &CellSummary) -> Option<Reason> {
    (cell.verdict == Verdict::Inconclusive).then(|| Reason::Inconclusive {
        side,
        doubts: cell.doubts.clone(),
    })
}

/// Other states of the data that said who came on both sides. Where nobody came on one of them, nobody was to be told.
fn data(before: &CellSummary, after: &CellSummary) -> Vec<Reason> {
    let known = before.data.iter().filter(|one| !after.data.contains(one));
    let differs = known.filter_map(|one| {
        let mut others = after
            .data
            .iter()
            .filter(|other| !before.data.contains(other));
        let other = others.find(|other| other.source == one.source)?;
        Some(Reason::Data {
            before: one.clone(),
            after: other.clone(),
        })
    });
    differs.collect()
}
