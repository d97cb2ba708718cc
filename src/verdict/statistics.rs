use statrs::distribution::{Beta, ContinuousCDF};

use crate::model::Interval;

/// How often an interval may miss the truth: every interval waxseal states is at 95 %.
pub(super) const ERROR: f64 = 0.05;

/// The exact two-sided interval for the chance behind `hits` of `trials`, that misses it with a chance of `error` at the
/// most.
///
/// Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
/// Biometrika 26 (1934), by way of the quantiles of the beta distribution. Without trials nothing is excluded.
#[must_use]
pub fn clopper_pearson(hits: u32, trials: u32, error: f64) -> Interval {
    let hits = hits.min(trials);
    let (k, n) = (f64::from(hits), f64::from(trials));
    let tail = error / 2.0;
    let low = if hits == 0 {
        0.0
    } else {
        quantile(k, n - k + 1.0, tail)
    };
    let high = if hits == trials {
        1.0
    } else {
        quantile(k + 1.0, n - k, 1.0 - tail)
    };
    Interval { low, high }
}

fn quantile(a: f64, b: f64, p: f64) -> f64 {
    // Both shapes are at least one here, so the distribution exists.
    Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percentages published for these figures, to one digit.
    #[test]
    fn intervals_are_the_published_ones() {
        let cases = [
            (0, 1, 0.0, 97.5),
            (0, 4, 0.0, 60.2),
            (4, 4, 39.8, 100.0),
            (2, 4, 6.8, 93.2),
            (0, 10, 0.0, 30.8),
            (10, 10, 69.2, 100.0),
            (0, 100, 0.0, 3.6),
            (6, 50, 4.5, 24.3),
            (0, 0, 0.0, 100.0),
        ];
        for (hits, trials, low, high) in cases {
            let interval = clopper_pearson(hits, trials, ERROR);
            let near = |value: f64, percent: f64| (value * 100.0 - percent).abs() <= 0.05;
            assert!(
                near(interval.low, low) && near(interval.high, high),
                "{hits} of {trials}: {interval:?}"
            );
        }
    }

    /// What makes the interval exact: at its ends the binomial tails are just 2.5 %.
    #[test]
    fn the_ends_have_the_tails_they_promise() {
        use statrs::distribution::{Binomial, DiscreteCDF};
        for (hits, trials) in [(1_u32, 7_u32), (3, 9), (12, 40)] {
            let Interval { low, high } = clopper_pearson(hits, trials, ERROR);
            let binomial = |p| Binomial::new(p, u64::from(trials)).unwrap();
            let at_least = 1.0 - binomial(low).cdf(u64::from(hits) - 1);
            let at_most = binomial(high).cdf(u64::from(hits));
            assert!(
                (at_least - 0.025).abs() < 1e-6 && (at_most - 0.025).abs() < 1e-6,
                "{at_least} {at_most}"
            );
        }
    }
}
