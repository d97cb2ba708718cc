use std::time::Duration;

use crate::model::display_duration;

/// Below this a time line is straight and beyond it logarithmic, in milliseconds: no clock here is better.
const GRAIN: f64 = 10.0;

/// Where the axis begins, in percent of the width: before it stands the number of a trial.
pub(super) const FIRST: f64 = 8.0;
/// Where it ends.
const LAST: f64 = 97.0;

/// What gets a tick, in milliseconds.
const TICKS: &[u64] = &[
    100,
    1_000,
    10_000,
    60_000,
    600_000,
    3_600_000,
    36_000_000,
    86_400_000,
    864_000_000,
];

/// A logarithmic axis of time in both directions from an instant that is its zero (a *symmetric log* axis).
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    first: f64,
    last: f64,
}

impl Scale {
    /// An axis on which all of these lie, in milliseconds from zero; zero itself does.
    pub(super) fn over(millis: impl IntoIterator<Item = i64>) -> Self {
        let (mut first, mut last) = (0.0_f64, bend(1000));
        for at in millis.into_iter().map(bend) {
            first = first.min(at);
            last = last.max(at);
        }
        Self { first, last }
    }

    /// Where an instant lies, in percent of the width.
    pub(super) fn percent(self, millis: i64) -> f64 {
        let share = (bend(millis) - self.first) / (self.last - self.first);
        FIRST + share.clamp(0.0, 1.0) * (LAST - FIRST)
    }

    /// The same, as SVG has it.
    pub(super) fn place(self, millis: i64) -> String {
        format!("{:.2}%", self.percent(millis))
    }

    /// Ticks with their words that do not come too near to each other, zero first.
    pub(super) fn ticks(self) -> Vec<(i64, String)> {
        let mut ticks = vec![(0, "0".to_owned())];
        for &tick in TICKS {
            let words = display_duration(Duration::from_millis(tick));
            let signed = i64::try_from(tick).unwrap_or(i64::MAX);
            for (at, words) in [(signed, words.clone()), (-signed, format!("−{words}"))] {
                let inside = (self.first..=self.last).contains(&bend(at));
                let apart = |(other, _): &(i64, String)| self.are_apart(at, *other);
                if inside && ticks.iter().all(apart) {
                    ticks.push((at, words));
                }
            }
        }
        ticks
    }

    /// Whether words at both places have room.
    pub(super) fn are_apart(self, one: i64, other: i64) -> bool {
        (self.percent(one) - self.percent(other)).abs() > 12.0
    }
}

fn bend(millis: i64) -> f64 {
    let millis = millis as f64;
    millis.signum() * (1.0 + millis.abs() / GRAIN).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_is_further_left_on_both_sides_of_zero() {
        let scale = Scale::over([-31_000, 0, 45, 60_000]);
        let places: Vec<f64> = [-31_000, -1_000, 0, 45, 46, 60_000]
            .iter()
            .map(|at| scale.percent(*at))
            .collect();
        assert!(places.is_sorted_by(|one, next| one < next), "{places:?}");
        assert!((places[0] - FIRST).abs() < 1e-9);
        assert!((places[5] - LAST).abs() < 1e-9);
    }

    #[test]
    fn ticks_have_room() {
        let scale = Scale::over([-2_000, 172_800_000]);
        let ticks = scale.ticks();
        for (nth, (at, _)) in ticks.iter().enumerate() {
            let mut others = ticks.iter().skip(nth + 1);
            assert!(others.all(|(other, _)| scale.are_apart(*at, *other)));
        }
        assert!(ticks.iter().any(|(_, words)| words == "60 s"), "{ticks:?}");
        assert!(ticks.iter().any(|(_, words)| words == "−1 s"), "{ticks:?}");
    }
}
