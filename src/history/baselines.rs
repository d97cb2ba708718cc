use crate::model::{Baselines, RunId, Summary};

/// Makes a run the baseline of every variant that it has.
pub fn set(baselines: &mut Baselines, run: &Summary) {
    for variant in &run.variants {
        let own = only(run, &[&variant.name]);
        let same = |one: &Summary| {
            let mut variants = one.variants.iter();
            one.service == run.service && variants.any(|other| other.name == variant.name)
        };
        match baselines.baselines.iter().position(same) {
            Some(place) => baselines
                .baselines
                .splice(place..=place, [own])
                .for_each(drop),
            None => baselines.baselines.push(own),
        }
    }
    baselines
        .baselines
        .sort_by(|one, other| order(one).cmp(&order(other)));
}

/// What makes no needless difference between two versions of the file.
fn order(one: &Summary) -> (&str, Option<&str>) {
    let variant = one.variants.first().map(|variant| variant.name.as_str());
    (&one.service, variant)
}

/// The baselines of a run's variants, each with what of the run is held against it: one pair for each run that is a baseline
/// of any of them.
#[must_use]
pub fn beside(baselines: &Baselines, run: &Summary) -> Vec<(Summary, Summary)> {
    let mut found: Vec<(Summary, Vec<&str>)> = Vec::new();
    for variant in &run.variants {
        let is_about = |one: &&Summary| {
            let mut variants = one.variants.iter();
            one.service == run.service && variants.any(|other| other.name == variant.name)
        };
        let Some(own) = baselines.baselines.iter().find(is_about) else {
            continue;
        };
        let own = only(own, &[&variant.name]);
        let same = |(one, _): &&mut (Summary, Vec<&str>)| key(one) == key(&own);
        match found.iter_mut().find(same) {
            Some((together, names)) => {
                together.variants.extend(own.variants);
                together.cells.extend(own.cells);
                names.push(&variant.name);
            }
            None => found.push((own, vec![&variant.name])),
        }
    }
    let pairs = found.into_iter();
    pairs
        .map(|(baseline, names)| (baseline, only(run, &names)))
        .collect()
}

/// A run may be judged by other rules since.
const fn key(one: &Summary) -> (RunId, u32) {
    (one.run, one.rules)
}

/// A run with these variants alone.
fn only(run: &Summary, names: &[&str]) -> Summary {
    let mut own = run.clone();
    own.variants
        .retain(|variant| names.contains(&variant.name.as_str()));
    own.cells
        .retain(|cell| names.contains(&cell.key.variant.as_str()));
    own
}
