use crate::model::{Behaviour, CellSummary, Change, ChangeKind};

use super::exact::{Table, fisher};

/// Neighbouring steps of delay are no difference.
const FAR_APART: u8 = 2;

/// The ways in which somebody came in two runs, each way of one beside the same of the other.
pub(super) struct Ways<'a> {
    pairs: Vec<(Option<&'a Behaviour>, Option<&'a Behaviour>)>,
    trials: (u32, u32),
}

impl<'a> Ways<'a> {
    pub(super) fn of(before: &'a CellSummary, after: &'a CellSummary) -> Self {
        let mut new: Vec<&Behaviour> = after.behaviours.iter().collect();
        let mut pairs = Vec::new();
        for way in &before.behaviours {
            let place = new.iter().position(|other| is_same(way, other));
            let other = place.map(|place| new.remove(place));
            pairs.push((Some(way), other));
        }
        pairs.extend(new.into_iter().map(|way| (None, Some(way))));
        Self {
            pairs,
            trials: (before.trials, after.trials),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.pairs.len()
    }

    /// How likely chance alone makes each as different, and how likely at the least.
    pub(super) fn tests(&self) -> impl Iterator<Item = (f64, f64)> {
        self.pairs.iter().map(|(before, after)| {
            let trials =
                |way: &Option<&Behaviour>, most: u32| way.map_or(0, |way| way.trials.min(most));
            let table = Table {
                before: (self.trials.0, trials(before, self.trials.0)),
                after: (self.trials.1, trials(after, self.trials.1)),
            };
            (fisher(table), table.least_p())
        })
    }

    /// What is new and what is gone, by what the tests came to.
    pub(super) fn change(&self, judged: &[(f64, f64)], rate: f64) -> Option<Change> {
        let told = || {
            let pairs = self.pairs.iter().zip(judged);
            pairs.filter(|((before, after), (_, adjusted))| {
                *adjusted <= rate && (before.is_none() || after.is_none())
            })
        };
        let least =
            |of: fn(&(f64, f64)) -> f64| told().map(|(_, judged)| of(judged)).reduce(f64::min);
        let came = told().filter_map(|((_, after), _)| after.cloned());
        let went = told().filter_map(|((before, _), _)| before.cloned());
        Some(Change {
            kind: ChangeKind::Behaviour,
            p: least(|judged| judged.0)?,
            adjusted: least(|judged| judged.1)?,
            came: came.collect(),
            went: went.collect(),
        })
    }
}

fn is_same(one: &Behaviour, other: &Behaviour) -> bool {
    let far_apart = match (one.latency, other.latency) {
        (Some(one), Some(other)) => one.steps_from(other) >= FAR_APART,
        (one, other) => one != other,
    };
    one.is_like(other) && !far_apart
}
