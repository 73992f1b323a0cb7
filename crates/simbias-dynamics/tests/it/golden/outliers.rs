//! The detector of opposing groups against the reference calculation.

use std::collections::BTreeSet;

use ndarray::{Array2, s};
use serde_json::Value;
use simbias_dynamics::outliers::{Driver, OutlierOptions, OutlierOutcome, Regime, find_outliers};
use simbias_report::Silent;
use simbias_stats::{Seed, roc_auc};

const GOLDEN: simbias_golden::Set = simbias_golden::set!("opposing");
const TENSORS: &str = "opposing.safetensors";
const EXPECTED: &str = "expected.json";

/// From the README of the set.
const SCORE_RELATIVE: f64 = 1e-6;
const LAG_ABSOLUTE: f64 = 1e-5;
/// The README has no tolerance for these; they are sums and correlations of the same numbers.
const SHARE_ABSOLUTE: f64 = 1e-6;
/// Smaller changes of a mean, in relation to it, may be rounding.
const SINGLE_ROUNDING: f64 = 1e-7;
/// As the README says, the reference leaves out the first steps of this case.
const LATE: (&str, usize) = ("sample", 100);

fn cases() -> Vec<String> {
    let all: serde_json::Map<String, Value> = GOLDEN.json(EXPECTED);
    all.keys().filter_map(|key| key.strip_suffix("_detection").map(String::from)).collect()
}

fn losses_of(case: &str) -> Array2<f64> {
    let losses = GOLDEN.tensors(TENSORS).matrix(&format!("{case}.losses"));
    let first = if case == LATE.0 { LATE.1 } else { 0 };
    losses.slice(s![first.., ..]).to_owned()
}

fn found_in(losses: &Array2<f64>) -> OutlierOutcome {
    let options = OutlierOptions::default();
    find_outliers(&losses.view(), None, &options, Seed::new(0), &Silent).unwrap()
}

fn set_of(value: &Value) -> BTreeSet<u32> {
    value.as_array().unwrap().iter().map(|row| row.as_u64().unwrap() as u32).collect()
}

#[test]
fn scores_and_correlations_of_neighbouring_changes() {
    for case in cases() {
        let scores = GOLDEN.tensors(TENSORS).values(&format!("{case}.score"));
        let lags = GOLDEN.tensors(TENSORS).values(&format!("{case}.lag1"));
        for (motion, (score, lag)) in
            found_in(&losses_of(&case)).motions.iter().zip(scores.iter().zip(&lags))
        {
            assert!((motion.score - score).abs() <= SCORE_RELATIVE * score, "{case}");
            assert!((motion.lag_one - lag).abs() <= LAG_ABSOLUTE, "{case}: {}", motion.lag_one);
        }
    }
}

#[test]
fn shares_and_the_largest_step() {
    let all: Value = GOLDEN.json(EXPECTED);
    for case in cases() {
        let expected = &all[format!("{case}_detection")];
        let found = found_in(&losses_of(&case));
        for (key, found) in [("top_share", found.top_motion), ("gini", found.gini)] {
            let expected = expected[key].as_f64().unwrap();
            assert!((found - expected).abs() <= SHARE_ABSOLUTE, "{case} {key}: {found}");
        }
        // The reference adds up in single precision, whose rounding decides about steps of hardly any change.
        let share_of = |least: f64| {
            let rises = |pair: &&[f64]| pair[1] - pair[0] > least * pair[0];
            let n = found.mean_losses.windows(2).filter(rises).count();
            n as f64 / (found.n_steps - 1) as f64
        };
        let rising = expected["up_steps"].as_f64().unwrap();
        let possible = share_of(SINGLE_ROUNDING)..=share_of(-SINGLE_ROUNDING);
        assert!(possible.contains(&rising), "{case}: {rising} is not in {possible:?}");
        assert_eq!(found.rising_steps, *possible.start());
        assert_eq!(Some(found.peak_step as u64), expected["peak_step"].as_u64(), "{case}");
        for (key, found) in [
            ("peak_top_positive", &found.rising),
            ("peak_top_negative", &found.falling),
            ("candidates", &found.candidates),
        ] {
            let found: BTreeSet<u32> = found.iter().copied().collect();
            assert_eq!(found, set_of(&expected[key]), "{case} {key}");
        }
    }
}

#[test]
fn pairs_of_groups() {
    let all: Value = GOLDEN.json(EXPECTED);
    for case in cases() {
        let expected = all[format!("{case}_detection")]["pairs"].as_array().unwrap().clone();
        let found = found_in(&losses_of(&case));
        assert_eq!(found.pairs.len(), expected.len());
        for (found, expected) in found.pairs.iter().zip(expected) {
            let number = |key: &str| expected[key].as_f64().unwrap();
            assert!((found.coherence - number("eig_share")).abs() <= SHARE_ABSOLUTE, "{case}");
            let opposition = number("opposing_coefficient");
            assert!((found.opposition - opposition).abs() <= SHARE_ABSOLUTE, "{case}");
            let members = |group: &[u32]| group.iter().copied().collect::<BTreeSet<u32>>();
            assert_eq!(members(&found.first), set_of(&expected["A"]), "{case}");
            assert_eq!(members(&found.second), set_of(&expected["B"]), "{case}");
        }
    }
}

#[test]
fn planted_examples_stand_out_by_motion_more_than_by_loss() {
    let all: Value = GOLDEN.json(EXPECTED);
    for name in GOLDEN.tensors(TENSORS).prefixes(".planted") {
        let planted = GOLDEN.tensors(TENSORS).values(&format!("{name}.planted"));
        let planted: Vec<bool> = planted.iter().map(|&one| one == 1.0).collect();
        let found = found_in(&losses_of(&name));
        let expected = &all[format!("{name}_auc")];
        for (key, numbers) in [
            ("mean_abs_delta", found.motions.iter().map(|motion| motion.score).collect::<Vec<_>>()),
            ("mean_loss", found.motions.iter().map(|motion| motion.mean_loss).collect()),
            ("final_loss", found.motions.iter().map(|motion| motion.final_loss).collect()),
        ] {
            let auc = roc_auc(&numbers, &planted).unwrap();
            assert!((auc - expected[key].as_f64().unwrap()).abs() <= SHARE_ABSOLUTE, "{key}");
        }
        assert_eq!(found.regime, Regime::EdgeOfStability);
        assert_eq!(found.driver, Some(Driver::Outliers));
        assert!(found.pairs[0].is_accepted && !found.pairs[1].is_accepted);
    }
}

/// Traces stored in half precision give the same groups.
#[test]
fn halves_are_enough() {
    for case in cases() {
        let losses = losses_of(&case);
        let halves = losses.mapv(|loss| half::f16::from_f64(loss).to_f64());
        let (full, coarse) = (found_in(&losses), found_in(&halves));
        let members = |group: &[u32]| group.iter().copied().collect::<BTreeSet<u32>>();
        for (one, other) in [
            (&full.pairs[0].first, &coarse.pairs[0].first),
            (&full.pairs[0].second, &coarse.pairs[0].second),
        ] {
            let (one, other) = (members(one), members(other));
            let overlap =
                one.intersection(&other).count() as f64 / one.union(&other).count() as f64;
            assert!(overlap >= 0.95, "{case}: {overlap}");
        }
    }
}
