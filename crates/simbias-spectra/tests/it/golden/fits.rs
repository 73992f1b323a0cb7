//! Fits of stored eigenvalues.

use serde_json::Value;
use simbias_spectra::fit::{NoFit, TailRule, fit_tail};

use super::{EXPONENT_RELATIVE, KS_ABSOLUTE};
use super::{GOLDEN, assert_absolute, assert_relative, number, object, raises};

/// The official filter of zeros.
const OFFICIAL_FLOOR: f64 = 1e-5;

fn rule(mode: &str) -> TailRule {
    match mode {
        "xmin_mid" => TailRule::Median,
        "xmin_peak" => TailRule::Peak,
        "None" => TailRule::Ks,
        other => panic!("unknown mode {other:?}"),
    }
}

/// The official code crashes where ours must say why there is no fit.
#[track_caller]
fn check(what: &str, eigenvalues: &[f64], mode: &str, expected: &Value) {
    let mut sorted = eigenvalues.to_vec();
    sorted.sort_by(f64::total_cmp);
    let found = fit_tail(&sorted, rule(mode));
    if raises(expected) {
        assert_eq!(found, Err(NoFit::Zeros), "{what}");
        return;
    }
    let found = found.unwrap_or_else(|reason| panic!("{what}: {reason}"));
    assert_relative(what, found.exponent, number(expected, "alpha"), EXPONENT_RELATIVE);
    assert_absolute(what, found.ks_distance, number(expected, "D"), KS_ABSOLUTE);
}

#[test]
fn whole_matrices() {
    let (expected, arrays) = (GOLDEN.json::<Value>("expected.json"), GOLDEN.arrays("eigs.npz"));
    let mut n_cases = 0;
    for (matrix, cases) in object(&expected["matrices"]) {
        let eigenvalues = arrays.get(&format!("{matrix}|eigs_f32_torch")).unwrap();
        for (name, case) in object(cases) {
            let Some(rest) = name.strip_prefix("plain/") else { continue };
            let (mode, filter) = rest.split_once("/filter_zeros=").unwrap();
            let floor = if filter == "True" { OFFICIAL_FLOOR } else { f64::NEG_INFINITY };
            let kept: Vec<f64> = eigenvalues.iter().copied().filter(|&v| v > floor).collect();
            check(&format!("{matrix} {name}"), &kept, mode, case);
            n_cases += 1;
        }
    }
    assert!(n_cases > 0);
}

#[test]
fn pooled_windows() {
    let (expected, arrays) = (GOLDEN.json::<Value>("expected.json"), GOLDEN.arrays("eigs.npz"));
    let mut n_cases = 0;
    for (matrix, cases) in object(&expected["matrices"]) {
        for (name, modes) in object(cases) {
            let Some(windows) = name.strip_prefix("farms/") else { continue };
            let pooled = arrays.get(&format!("{matrix}|farms|{windows}|eigs_f32")).unwrap();
            assert_eq!(pooled.len() as u64, modes["num_eigs"].as_u64().unwrap());
            for (mode, case) in object(modes).iter().filter(|(key, _)| key.starts_with("xmin_")) {
                check(&format!("{matrix} {name} {mode}"), pooled, mode, case);
                n_cases += 1;
            }
        }
    }
    assert!(n_cases > 0);
}
