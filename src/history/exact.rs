use statrs::distribution::{Discrete, Hypergeometric};

/// Two counts side by side: so many trials of each run, of which so many had something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Trials and hits before.
    pub before: (u32, u32),
    /// Trials and hits after.
    pub after: (u32, u32),
}

/// Probabilities that differ by less than this share are the same, computed in two ways.
const SAME: f64 = 1e-7;

impl Table {
    const fn trials(self) -> u64 {
        self.before.0 as u64 + self.after.0 as u64
    }

    const fn hits(self) -> u64 {
        self.before.1 as u64 + self.after.1 as u64
    }

    /// How likely each count of hits before is, by chance alone, the sums being what they are: from the lowest count that is
    /// possible. None where there is nothing to count.
    fn chances(self) -> Option<(u64, Vec<f64>)> {
        let (trials, hits, draws) = (self.trials(), self.hits(), u64::from(self.before.0));
        let counts = Hypergeometric::new(trials, hits, draws).ok()?;
        let lowest = (draws + hits).saturating_sub(trials);
        let chances = (lowest..=hits.min(draws)).map(|count| counts.pmf(count));
        Some((lowest, chances.collect()))
    }

    /// The smallest p that any outcome with the same sums would have. Where that is not small, the test cannot say anything,
    /// whatever happens.
    #[must_use]
    pub fn least_p(self) -> f64 {
        let Some((_, chances)) = self.chances() else {
            return 1.0;
        };
        let least = chances.iter().copied().fold(1.0, f64::min);
        tail(&chances, least)
    }
}

/// How likely it is that chance alone makes two shares at least as different: Fisher's exact test, two-sided, which adds up
/// all tables with the same sums that are no more likely than the one seen.
///
/// Fisher, "The logic of inductive inference", Journal of the Royal Statistical Society 98 (1935), by way of the
/// hypergeometric distribution; two-sided as in R's `fisher.test`. Without trials on a side nothing is different.
#[must_use]
pub fn fisher(table: Table) -> f64 {
    let seen = |(lowest, chances): &(u64, Vec<f64>)| {
        let place = u64::from(table.before.1).checked_sub(*lowest)?;
        chances.get(usize::try_from(place).ok()?).copied()
    };
    let chances = table.chances();
    match chances
        .as_ref()
        .and_then(|found| Some((seen(found)?, &found.1)))
    {
        Some((seen, chances)) => tail(chances, seen),
        None => 1.0,
    }
}

fn tail(chances: &[f64], seen: f64) -> f64 {
    let no_likelier = chances
        .iter()
        .filter(|chance| **chance <= seen * (1.0 + SAME));
    no_likelier.sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(before: (u32, u32), after: (u32, u32)) -> Table {
        Table { before, after }
    }

    /// Worked out in whole numbers, by adding up tables.
    #[test]
    fn the_test_is_exact() {
        for (before, after, p) in [
            ((4, 0), (4, 4), 0.028_571_43),
            ((20, 20), (20, 0), 1.450_889e-11),
            ((10, 1), (10, 6), 0.057_275_54),
            // Fisher's lady tasting tea, three of four right.
            ((4, 3), (4, 1), 0.485_714_3),
            ((12, 1), (12, 9), 0.002_759_456),
            ((8, 0), (8, 8), 0.000_155_400_2),
            ((1, 0), (1, 1), 1.0),
            ((0, 0), (4, 4), 1.0),
            ((4, 0), (4, 0), 1.0),
        ] {
            let found = fisher(table(before, after));
            assert!(
                (found - p).abs() <= p * 1e-5,
                "{before:?} {after:?}: {found}"
            );
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_which_comes_first_nor_what_is_called_a_hit(
            n in 0_u32..40, m in 0_u32..40, k in 0_u32..40, l in 0_u32..40,
        ) {
            let (k, l) = (k.min(n), l.min(m));
            let p = fisher(table((n, k), (m, l)));
            prop_assert!((0.0..=1.0).contains(&p));
            for same in [table((m, l), (n, k)), table((n, n - k), (m, m - l))] {
                prop_assert!((fisher(same) - p).abs() < 1e-9);
            }
            prop_assert!(table((n, k), (m, l)).least_p() <= p + 1e-12);
        }

        /// What makes it a test: chance alone gives a p of at most x in at most x of all cases.
        #[test]
        fn chance_alone_is_rarely_called_a_difference(n in 1_u32..25, m in 1_u32..25, hits in 0_u32..50, x in 0.001..0.5) {
            let hits = hits.min(n + m);
            let (lowest, chances) = table((n, 0), (m, hits)).chances().unwrap();
            let told = chances.iter().zip(lowest..).filter(|(_, count)| {
                let count = u32::try_from(*count).unwrap();
                fisher(table((n, count), (m, hits - count))) <= x
            });
            let told: f64 = told.map(|(chance, _)| chance).sum();
            prop_assert!(told <= x + 1e-9, "{told} of {x}");
        }
    }
}
