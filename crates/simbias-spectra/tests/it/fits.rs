//! Fits by hand, by closed form and by comparison with the definition.

use proptest::prelude::*;
use rand::RngExt;
use simbias_spectra::fit::{
    NoFit, TailRule, fit_tail, fit_tail_with_ambiguity, jackknife, naive_scan, standard_error,
    tail_curve,
};
use simbias_stats::Seed;

/// `n` values of `p(λ) ∝ λ^-exponent` on `[1, ∞)`, ascending.
fn pareto(exponent: f64, n: usize, index: u64) -> Vec<f64> {
    let mut stream = Seed::new(5).child("pareto", index).stream();
    let mut values: Vec<f64> =
        (0..n).map(|_| (1.0 - stream.random::<f64>()).powf(-1.0 / (exponent - 1.0))).collect();
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn the_median_fit_of_four_values_by_hand() {
    // Tail 2, 8: 1 + 2/(ln 1 + ln 4); its largest gap is at 8: |1 - 4^(1-a) - 1/2|.
    let fit = fit_tail(&[0.5, 1.0, 2.0, 8.0], TailRule::Median).unwrap();
    let exponent = 1.0 + 2.0 / 4.0_f64.ln();
    assert!((fit.exponent - exponent).abs() < 1e-12);
    assert!((fit.ks_distance - (0.5 - 4.0_f64.powf(1.0 - exponent)).abs()).abs() < 1e-12);
    assert_eq!((fit.n_tail, fit.xmin), (2, 2.0));
    assert_eq!(fit.ambiguity(), 0.0);
}

#[test]
fn planted_power_laws_are_recovered_within_three_standard_errors() {
    for (index, exponent) in [1.6, 2.0, 2.5, 4.0].into_iter().enumerate() {
        let n_repeats = 40;
        let fits: Vec<f64> = (0..n_repeats)
            .map(|repeat| {
                let values = pareto(exponent, 4000, index as u64 * 1000 + repeat);
                fit_tail(&values, TailRule::Median).unwrap().exponent
            })
            .collect();
        let mean = fits.iter().sum::<f64>() / n_repeats as f64;
        let error = standard_error(exponent, 2000.0 * n_repeats as f64);
        // The upper half of a Pareto sample is a Pareto sample; the estimate is biased by 1/n.
        assert!(
            (mean - exponent).abs() < 3.0 * error + 2.0 * exponent / 2000.0,
            "{mean} {exponent}"
        );
    }
}

#[test]
fn spectra_without_a_tail_say_why() {
    for rule in TailRule::ALL {
        assert_eq!(fit_tail(&[], rule), Err(NoFit::TooFew));
        assert_eq!(fit_tail(&[3.0], rule), Err(NoFit::TooFew));
        assert_eq!(fit_tail(&[1.0; 30], rule), Err(NoFit::Flat), "{rule:?}");
        assert_eq!(fit_tail(&[0.0; 30], rule), Err(NoFit::Zeros), "{rule:?}");
    }
    let half_zero: Vec<f64> = (0..30).map(|i| if i < 20 { 0.0 } else { f64::from(i) }).collect();
    assert_eq!(fit_tail(&half_zero, TailRule::Median), Err(NoFit::Zeros));
    assert_eq!(fit_tail(&half_zero, TailRule::Peak), Err(NoFit::Zeros));
    // The search may start at the first positive value.
    assert!(fit_tail(&half_zero, TailRule::Ks).is_ok());
}

#[test]
fn the_peak_rule_depends_on_the_smallest_value_and_the_fixed_one_less() {
    // One tiny value widens the histogram; the published rule then searches elsewhere (trap T1).
    let mut values = pareto(2.5, 300, 9);
    let before = fit_tail(&values, TailRule::Peak).unwrap();
    values[0] = 1e-9;
    let after = fit_tail(&values, TailRule::Peak).unwrap();
    assert!(before.xmin >= 1.0);
    assert_ne!(before.near_best, after.near_best);
    let median = fit_tail(&values, TailRule::Median).unwrap();
    assert!((median.exponent - 2.5).abs() < 0.6);
}

#[test]
fn fewer_than_twenty_values_follow_weightwatchers_small_rule() {
    let values = pareto(2.5, 15, 3);
    let small = fit_tail(&values, TailRule::WeightWatcher).unwrap();
    assert!(small.n_tail >= 8);
    let start = 15 - small.n_tail;
    let logs: f64 = values[start..].iter().map(|value| (value / values[start]).ln()).sum();
    assert!((small.exponent - (1.0 + (small.n_tail as f64 - 1.0) / logs)).abs() < 1e-12);
    let many = pareto(2.5, 60, 3);
    let (ww, ks) = (fit_tail(&many, TailRule::WeightWatcher), fit_tail(&many, TailRule::Ks));
    assert_eq!(ww.unwrap().exponent, ks.unwrap().exponent);
}

#[test]
fn the_jackknife_of_independent_windows_matches_the_standard_error() {
    let windows: Vec<Vec<f64>> = (0..16).map(|index| pareto(2.5, 400, 50 + index)).collect();
    let found = jackknife(&windows, TailRule::Median, 16).unwrap();
    let expected = standard_error(2.5, 16.0 * 200.0);
    assert!(found.standard_error > 0.4 * expected && found.standard_error < 2.5 * expected);
    // Sixteen windows of which only four are disjoint know a quarter as much.
    let overlapping = jackknife(&windows, TailRule::Median, 4).unwrap();
    assert!((overlapping.standard_error / found.standard_error - 2.0).abs() < 1e-12);
    assert_eq!(jackknife(&windows[..1], TailRule::Median, 1), None);
}

#[test]
fn the_curve_for_drawing_holds_points_of_the_scan() {
    let values = pareto(2.0, 500, 1);
    let curve = tail_curve(&values, 50);
    assert!(curve.len() >= 40 && curve.len() <= 51);
    let best = fit_tail(&values, TailRule::Ks).unwrap();
    assert!(curve.iter().all(|point| point.ks_distance >= best.ks_distance));
}

/// Spectra of many shapes: planted tails, mixtures, ties, runs of one value, zeros.
fn spectrum() -> impl Strategy<Value = Vec<f64>> {
    (prop_oneof![2_usize..120, 120_usize..900], 1.2_f64..6.0, 0_u8..4, any::<u32>()).prop_map(
        |(n, exponent, kind, index)| {
            let mut values = pareto(exponent, n, u64::from(index));
            match kind {
                1 => values.iter_mut().for_each(|value| *value = (*value * 4.0).round() / 4.0),
                2 => values.iter_mut().step_by(3).for_each(|value| *value = 1.5),
                3 => values.iter_mut().step_by(5).for_each(|value| *value *= 1e-8),
                _ => {}
            }
            values.sort_by(f64::total_cmp);
            values
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_accelerated_search_finds_what_the_definition_finds(values in spectrum()) {
        let naive = naive_scan(&values, 0..values.len() - 1);
        match fit_tail(&values, TailRule::Ks) {
            Ok(fit) => {
                let (best, _) = naive.unwrap();
                prop_assert_eq!(values.len() - fit.n_tail, best.start);
                prop_assert_eq!(fit.exponent, best.exponent);
                prop_assert_eq!(fit.ks_distance, best.ks_distance);
                let (best, range) = naive_scan(&values, 0..values.len() - 1).unwrap();
                let full = fit_tail_with_ambiguity(&values, TailRule::Ks).unwrap();
                prop_assert_eq!(full.exponent, best.exponent);
                prop_assert_eq!(full.near_best, range);
            }
            Err(NoFit::Flat) => prop_assert_eq!(values[0], values[values.len() - 1]),
            Err(reason) => {
                prop_assert!(naive.is_none(), "{reason}");
            }
        }
    }

    #[test]
    fn rescaling_all_weights_changes_no_exponent(values in spectrum(), power in -6_i32..6) {
        // Powers of two keep every ratio exact; the published peak rule is left out, whose lower bound
        // depends on the scale.
        let scaled: Vec<f64> = values.iter().map(|value| value * 4.0_f64.powi(power)).collect();
        for rule in [TailRule::Median, TailRule::Ks] {
            match (fit_tail(&values, rule), fit_tail(&scaled, rule)) {
                (Ok(before), Ok(after)) => {
                    let near = (before.exponent - after.exponent).abs() < 1e-6 * before.exponent;
                    prop_assert!(near || before.ks_distance - after.ks_distance < 1e-9);
                    if rule == TailRule::Median {
                        prop_assert!(near, "{} {}", before.exponent, after.exponent);
                    }
                }
                (before, after) => prop_assert_eq!(before.err(), after.err()),
            }
        }
    }
}

/// Orthogonal weights in 32 bits: eigenvalues of 1 up to rounding have no tail.
#[test]
fn a_spectrum_of_rounding_errors_is_flat() {
    let flat: Vec<f64> = (0..64).map(|index| 1.0 + f64::from(index) * 1e-6).collect();
    for rule in TailRule::ALL {
        assert_eq!(fit_tail(&flat, rule).map(|fit| fit.exponent), Err(NoFit::Flat), "{rule:?}");
    }
}

/// Eleven values whose upper half is one value: rounding of its logarithms does not make a tail, at any scale.
#[test]
fn an_upper_half_of_one_value_is_flat() {
    for scale in [1.0, 0.25, 3.0, 1e-8] {
        let values = [1.0, 1.25, 1.25, 1.25, 1.25, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5];
        let values = values.map(|value| value * scale);
        assert_eq!(fit_tail(&values, TailRule::Median), Err(NoFit::Flat), "{scale}");
        let searched = fit_tail(&values, TailRule::Ks).unwrap();
        assert!(searched.n_tail > 6 && searched.exponent < 100.0, "{searched:?}");
    }
}

#[test]
fn a_tail_of_one_value_is_too_few() {
    assert_eq!(fit_tail(&[1.0, 5.0], TailRule::Median), Err(NoFit::TooFew));
    assert!(fit_tail(&[1.0, 5.0, 9.0], TailRule::Median).is_ok());
}
