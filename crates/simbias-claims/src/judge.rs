//! Turns numbers into verdicts; no other module does.

use simbias_report::{Estimate, Verdict};
use simbias_stats::{DEFAULT_LEVEL, mean, mean_estimate};

use crate::Criterion;

/// Fewer repetitions than this never give a verdict.
pub const MIN_SEEDS: usize = 3;

/// A criterion with what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct CriterionVerdict {
    /// The criterion.
    pub criterion: Criterion,
    /// The word.
    pub verdict: Verdict,
    /// Mean over seeds with Student's 95% interval; a single seed has no interval, no seed has no mean.
    pub estimate: Option<Estimate>,
    /// Seed and value of every repetition, in the order measured.
    pub per_seed: Vec<(u64, f64)>,
    /// Why the verdict is not clear; empty otherwise.
    pub reason: String,
}

/// Judges one criterion from one value per seed.
///
/// The effect is the mean over seeds with its two-sided 95% Student interval. The criterion **holds** when
/// the whole interval meets the expectation, **does not hold** when no part of it does, and is
/// **inconclusive** when the interval straddles a bound. Seeds that all gave the same number (a saturated
/// AUC of 1) make an interval of width zero, which is judged like any other. Fewer than [`MIN_SEEDS`]
/// seeds, or a seed without a finite number, are inconclusive whatever the values.
pub fn judge(criterion: Criterion, per_seed: &[(u64, f64)]) -> CriterionVerdict {
    let values: Vec<f64> = per_seed.iter().map(|&(_, value)| value).collect();
    let n = values.len();
    let estimate = match mean_estimate(&values, DEFAULT_LEVEL) {
        Ok(found) => Some(Estimate::new(found.value, found.low, found.high)),
        Err(_) if n == 0 => None,
        Err(_) => Some(Estimate::without_interval(mean(&values))),
    }
    .map(|estimate| estimate.n(n as u64).varied("seeds"));

    let not_finite = per_seed.iter().find(|(_, value)| !value.is_finite());
    let (verdict, reason) = match (&estimate, not_finite) {
        (None, _) => (Verdict::Inconclusive, "not measured".into()),
        (_, Some((seed, _))) => {
            (Verdict::Inconclusive, format!("seed {seed} gave no finite number"))
        }
        _ if n < MIN_SEEDS => (Verdict::Inconclusive, format!("{n} of at least {MIN_SEEDS} seeds")),
        (Some(effect), None) if criterion.expectation.contains(effect.low, effect.high) => {
            (Verdict::Holds, String::new())
        }
        (Some(effect), None) if criterion.expectation.excludes(effect.low, effect.high) => {
            (Verdict::DoesNotHold, String::new())
        }
        _ => {
            let expected = criterion.expectation;
            (Verdict::Inconclusive, format!("the interval over seeds straddles {expected}"))
        }
    };
    CriterionVerdict { criterion, verdict, estimate, per_seed: per_seed.to_vec(), reason }
}

/// A claim holds if all its criteria hold, and does not hold if any of them does not. Otherwise it is inconclusive;
/// without criteria it was not run.
pub fn judge_claim(criteria: &[CriterionVerdict]) -> Verdict {
    let any = |verdict| criteria.iter().any(|criterion| criterion.verdict == verdict);
    if criteria.is_empty() {
        Verdict::NotRun
    } else if any(Verdict::DoesNotHold) {
        Verdict::DoesNotHold
    } else if criteria.iter().all(|criterion| criterion.verdict == Verdict::Holds) {
        Verdict::Holds
    } else {
        Verdict::Inconclusive
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expectation::{Above, AtLeast, AtMost, Below, Between};

    fn verdict(expectation: crate::Expectation, values: &[f64]) -> Verdict {
        let criterion = Criterion { name: "x", expectation, unit: "", note: "", only_at: None };
        let per_seed: Vec<(u64, f64)> = (0..).zip(values.iter().copied()).collect();
        judge(criterion, &per_seed).verdict
    }

    #[test]
    fn verdicts_worked_out_by_hand() {
        use Verdict::{DoesNotHold, Holds, Inconclusive};
        // Three values m-s, m, m+s: deviation s, interval m ± 4.3027·s/√3 = m ± 2.484·s.
        let around = |mean: f64, s: f64| vec![mean - s, mean, mean + s];
        let cases = [
            (AtLeast(0.9), around(0.95, 0.02), Holds), // 0.9003 to 0.9997
            (AtLeast(0.9), around(0.95, 0.021), Inconclusive), // 0.8978 to 1.0022
            (AtLeast(0.9), around(0.85, 0.02), DoesNotHold), // 0.8003 to 0.8997
            (AtMost(0.02), around(0.01, 0.004), Holds), // 0.0001 to 0.0199
            (AtMost(0.02), around(0.01, 0.005), Inconclusive),
            (AtMost(0.02), around(0.05, 0.01), DoesNotHold),
            (Between(0.48, 0.52), around(0.5, 0.008), Holds), // 0.4801 to 0.5199
            (Between(0.48, 0.52), around(0.5, 0.009), Inconclusive),
            (Between(0.48, 0.52), around(0.6, 0.01), DoesNotHold),
            (Between(0.48, 0.52), around(0.4, 0.01), DoesNotHold),
            (Above(0.0), around(0.1, 0.04), Holds),
            (Above(0.0), around(0.1, 0.05), Inconclusive),
            (Above(0.0), around(-0.1, 0.04), DoesNotHold),
            (Below(0.6), around(0.5, 0.04), Holds),
            (Below(0.6), around(0.7, 0.04), DoesNotHold),
        ];
        for (expectation, values, expected) in cases {
            assert_eq!(verdict(expectation, &values), expected, "{expectation} for {values:?}");
        }
    }

    #[test]
    fn saturated_seeds_are_judged_on_the_number_itself() {
        assert_eq!(verdict(AtLeast(1.0), &[1.0; 3]), Verdict::Holds);
        assert_eq!(verdict(AtMost(1.0), &[1.0; 3]), Verdict::Holds);
        assert_eq!(verdict(Above(1.0), &[1.0; 3]), Verdict::DoesNotHold);
        assert_eq!(verdict(Below(0.0), &[0.0; 5]), Verdict::DoesNotHold);
        assert_eq!(verdict(AtLeast(0.999), &[0.998; 3]), Verdict::DoesNotHold);
    }

    #[test]
    fn too_few_seeds_never_decide() {
        for values in [&[][..], &[1.0], &[1.0, 1.0]] {
            assert_eq!(verdict(AtLeast(0.5), values), Verdict::Inconclusive, "{values:?}");
            assert_eq!(verdict(AtMost(0.5), values), Verdict::Inconclusive, "{values:?}");
        }
    }

    #[test]
    fn a_seed_without_a_number_never_decides() {
        for bad in [f64::NAN, f64::INFINITY] {
            assert_eq!(verdict(AtLeast(0.5), &[1.0, 1.0, bad, 1.0]), Verdict::Inconclusive);
        }
    }

    #[test]
    fn the_worst_criterion_decides_the_claim() {
        use Verdict::{DoesNotHold, Holds, Inconclusive, NotRun};
        let criterion =
            Criterion { name: "x", expectation: AtLeast(0.0), unit: "", note: "", only_at: None };
        let of = |verdicts: &[Verdict]| {
            let all: Vec<_> = verdicts
                .iter()
                .map(|&verdict| CriterionVerdict { verdict, ..judge(criterion, &[]) })
                .collect();
            judge_claim(&all)
        };
        assert_eq!(of(&[]), NotRun);
        assert_eq!(of(&[Holds, Holds]), Holds);
        assert_eq!(of(&[Holds, Inconclusive]), Inconclusive);
        assert_eq!(of(&[Inconclusive, DoesNotHold, Holds]), DoesNotHold);
    }
}
