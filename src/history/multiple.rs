/// Makes each p larger for how many there are, so that of those at or below a rate no more than that share is chance, in
/// the long run.
///
/// Benjamini and Hochberg, "Controlling the false discovery rate: a practical and powerful approach to multiple testing",
/// Journal of the Royal Statistical Society B 57 (1995); as the adjusted values that R's `p.adjust` gives. In the order
/// given.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut places: Vec<usize> = (0..p.len()).collect();
    let at = |place: &usize| p.get(*place).copied().unwrap_or(1.0);
    places.sort_by(|one, other| at(other).total_cmp(&at(one)));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (larger, place) in places.iter().enumerate() {
        let rank = p.len() - larger;
        // No smaller than it was, for all that is rounded.
        let larger = at(place) * (p.len() as f64 / rank as f64).max(1.0);
        least = least.min(larger);
        if let Some(one) = adjusted.get_mut(*place) {
            *one = least;
        }
    }
    adjusted
}

/// The same for tests of which some cannot say anything: those whose smallest possible p lies above the rate are left out
/// of the count, and get none. Which they are depends on the sums alone, so nothing is gained by chance.
///
/// Tarone, "A modified Bonferroni method for discrete data", Biometrics 46 (1990); Gilbert, "A modified false discovery
/// rate multiple-comparisons procedure for discrete data, applied to human immunodeficiency virus genetics", Journal of the
/// Royal Statistical Society C 54 (2005).
pub(super) fn adjusted(tests: &[(f64, f64)], rate: f64) -> Vec<f64> {
    let counts = |(_, least): &&(f64, f64)| *least <= rate;
    let told: Vec<f64> = tests.iter().filter(counts).map(|(p, _)| *p).collect();
    let mut told = benjamini_hochberg(&told).into_iter();
    let all = tests.iter().map(|test| match counts(&test) {
        true => told.next().unwrap_or(1.0),
        false => 1.0,
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The fifteen of the paper's example, of which it rejects four at 5 %.
    #[test]
    fn the_papers_own_example_comes_out() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0000,
        ];
        let adjusted = benjamini_hochberg(&p);
        assert_eq!(adjusted.iter().filter(|p| **p <= 0.05).count(), 4);
        assert!((adjusted[3] - 0.0095 * 15.0 / 4.0).abs() < 1e-12);
        assert!(benjamini_hochberg(&[]).is_empty());
    }

    #[test]
    fn what_cannot_say_anything_does_not_count() {
        let told = adjusted(&[(0.03, 0.03), (1.0, 1.0), (1.0, 0.5)], 0.05);
        assert_eq!(told, [0.03, 1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn the_order_of_all_p_stays_and_none_gets_smaller(p in proptest::collection::vec(0.0..=1.0_f64, 0..30)) {
            let adjusted = benjamini_hochberg(&p);
            for (one, larger) in p.iter().zip(&adjusted) {
                prop_assert!(larger >= one && *larger <= 1.0);
                for (other, its) in p.iter().zip(&adjusted) {
                    prop_assert!(one > other || larger <= its);
                }
            }
        }
    }
}
