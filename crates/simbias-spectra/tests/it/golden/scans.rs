//! Whole scans under the compatibility modes, held to the official tables.

use serde_json::Value;
use simbias_checkpoint::Checkpoint;
use simbias_report::Silent;
use simbias_spectra::fit::TailRule;
use simbias_spectra::{Compat, LayerTable, ScanOptions, SpectrumSummary, WindowOptions, scan};

use super::spectra::window_options;
use super::{EXPONENT_RELATIVE, GOLDEN, KS_ABSOLUTE};
use super::{assert_absolute, assert_relative, number, object, raises};

/// "fits from the weights: xmin_mid relative 1e-4".
const MEDIAN_RELATIVE: f64 = 1e-4;
/// The README states no tolerance for norms; they come from 32-bit arithmetic.
const NORM_RELATIVE: f64 = 1e-4;
/// A median below this share of the largest value is rounding of the 32-bit decomposition.
const NOISE_SHARE: f64 = 1e-9;
/// The spec's tolerance for the peer comparison.
const PEER_RELATIVE: f64 = 1e-4;

fn official(windows: Option<WindowOptions>) -> ScanOptions {
    ScanOptions {
        rules: vec![TailRule::Median, TailRule::Peak, TailRule::Ks],
        windows,
        compat: Compat::Official,
        bulk: false,
        ..ScanOptions::default()
    }
}

fn scanned(name: &str, options: &ScanOptions) -> LayerTable {
    let checkpoint = Checkpoint::open(&GOLDEN.path(name)).unwrap();
    scan(&checkpoint, options, &|_| true, &Silent).unwrap()
}

/// Median fits and norms must agree; searched starts only when the same start was chosen, which the distance shows.
/// Whether an exponent was compared.
#[track_caller]
fn check(what: &str, found: &SpectrumSummary, rule: TailRule, expected: &Value) -> bool {
    let metrics = found.metrics.unwrap();
    for (key, value) in [
        ("spectral_norm", metrics.spectral_norm),
        ("norm", metrics.norm),
        ("stable_rank", metrics.stable_rank),
        ("norm_stable_rank", metrics.norm_stable_rank),
    ] {
        if expected.get(key).is_some() {
            assert_relative(&format!("{what} {key}"), value, number(expected, key), NORM_RELATIVE);
        }
    }
    let tail = found.by_rule(rule).unwrap();
    let (exponent, distance) = (number(expected, "alpha"), number(expected, "D"));
    match rule {
        TailRule::Median => {
            let tail = match tail {
                Ok(tail) if tail.fit.xmin > NOISE_SHARE * metrics.spectral_norm => tail,
                // Half of the values are zeros up to rounding: the official figure is noise, ours says so.
                _ => {
                    assert!(found.rank_loss > 0, "{what}");
                    return false;
                }
            };
            assert_relative(what, tail.fit.exponent, exponent, MEDIAN_RELATIVE);
            assert_absolute(what, tail.fit.ks_distance, distance, KS_ABSOLUTE);
            let weighted = number(expected, "alpha_hat");
            let found = found.weighted_exponent.unwrap();
            assert!(
                (found - weighted).abs() <= MEDIAN_RELATIVE * weighted.abs().max(1.0),
                "{what}"
            );
        }
        _ => {
            let Ok(tail) = tail else { return false };
            if (tail.fit.ks_distance - distance).abs() > KS_ABSOLUTE {
                return false;
            }
            assert_relative(what, tail.fit.exponent, exponent, EXPONENT_RELATIVE);
        }
    }
    true
}

fn rule(mode: &str) -> Option<TailRule> {
    match mode {
        "xmin_mid" => Some(TailRule::Median),
        "xmin_peak" => Some(TailRule::Peak),
        "None" => Some(TailRule::Ks),
        _ => None,
    }
}

#[test]
fn plain_spectra_of_matrices_and_kernels() {
    let expected: Value = GOLDEN.json("expected.json");
    let table = scanned("weights.safetensors", &official(None));
    let (mut n_cases, mut n_compared) = (0, 0);
    for group in ["matrices", "convs"] {
        for (tensor, cases) in object(&expected[group]) {
            let plain = table.layer(tensor).unwrap().analysis().unwrap().plain.as_ref().unwrap();
            for (name, case) in object(cases) {
                let Some(mode) = name.strip_prefix("plain/") else { continue };
                // Filtered values are compared where the stored eigenvalues are fitted.
                if mode.ends_with("filter_zeros=True") || raises(case) {
                    continue;
                }
                let mode = mode.split('/').next().unwrap();
                n_compared += usize::from(check(
                    &format!("{tensor} {name}"),
                    plain,
                    rule(mode).unwrap(),
                    case,
                ));
                n_cases += 1;
            }
        }
    }
    assert!(n_cases > 0 && 2 * n_compared >= n_cases, "{n_compared} of {n_cases} compared");
}

#[test]
fn windows_of_matrices() {
    let expected: Value = GOLDEN.json("expected.json");
    let (mut n_cases, mut n_compared) = (0, 0);
    for (tensor, cases) in object(&expected["matrices"]) {
        for (name, modes) in object(cases) {
            let Some((kind, description)) = name.split_once('/') else { continue };
            if !kind.starts_with("farms") {
                continue;
            }
            let checkpoint = Checkpoint::open(&GOLDEN.path("weights.safetensors")).unwrap();
            let options = official(Some(window_options(description)));
            let table = scan(&checkpoint, &options, &|layer| layer == tensor, &Silent).unwrap();
            let found = table.layers[0].analysis().unwrap().windows.as_ref().unwrap();
            let n_eigenvalues = found.spectrum.metrics.unwrap().n_eigenvalues as u64;
            assert_eq!(n_eigenvalues, modes["num_eigs"].as_u64().unwrap(), "{tensor} {name}");
            for (mode, case) in object(modes) {
                let Some(rule) = rule(mode).filter(|_| !raises(case)) else { continue };
                n_compared += usize::from(check(
                    &format!("{tensor} {name} {mode}"),
                    &found.spectrum,
                    rule,
                    case,
                ));
                n_cases += 1;
            }
        }
    }
    assert!(n_cases > 0 && 2 * n_compared >= n_cases, "{n_compared} of {n_cases} compared");
}

#[test]
fn divisions_of_kernels() {
    let expected: Value = GOLDEN.json("expected.json");
    let (mut n_cases, mut n_compared) = (0, 0);
    for (tensor, cases) in object(&expected["convs"]) {
        for (name, case) in object(cases) {
            let Some(ratio) = name.strip_prefix("farms_conv/median/Q=") else { continue };
            let windows =
                WindowOptions { aspect_ratio: ratio.parse().unwrap(), ..WindowOptions::default() };
            let checkpoint = Checkpoint::open(&GOLDEN.path("weights.safetensors")).unwrap();
            let options = official(Some(windows));
            let table = scan(&checkpoint, &options, &|layer| layer == tensor, &Silent).unwrap();
            let found = table.layers[0].analysis().unwrap().windows.as_ref().unwrap();
            let n_eigenvalues = found.spectrum.metrics.unwrap().n_eigenvalues as u64;
            assert_eq!(n_eigenvalues, case["eigs_num"].as_u64().unwrap(), "{tensor} {name}");
            // The mean of `norm / N` uses the size of one division, not of all.
            n_compared += usize::from(check(
                &format!("{tensor} {name}"),
                &found.spectrum,
                TailRule::Median,
                case,
            ));
            n_cases += 1;
        }
    }
    assert!(n_cases > 0 && 2 * n_compared >= n_cases, "{n_compared} of {n_cases} compared");
}

#[test]
fn weightwatchers_table() {
    let expected: Value = GOLDEN.json("expected.json");
    let table = scanned("weights.safetensors", &ScanOptions::weightwatcher());
    let mut n_cases = 0;
    for group in ["matrices", "convs"] {
        for (tensor, cases) in object(&expected[group]) {
            let row = &cases["weightwatcher"];
            let analysis = table.layer(tensor).unwrap().analysis().unwrap();
            let plain = analysis.plain.as_ref().unwrap();
            let (metrics, tail) = (plain.metrics.unwrap(), plain.leading().unwrap());
            let bulk = analysis.bulk.unwrap();
            for (key, found) in [
                ("alpha", tail.fit.exponent),
                ("D", tail.fit.ks_distance),
                ("xmin", tail.fit.xmin),
                ("num_pl_spikes", tail.fit.n_tail as f64),
                ("alpha_weighted", plain.weighted_exponent.unwrap()),
                ("log_alpha_norm", plain.log_alpha_norm.unwrap()),
                ("norm", metrics.norm),
                ("log_norm", metrics.log_norm),
                ("spectral_norm", metrics.spectral_norm),
                ("log_spectral_norm", metrics.log_spectral_norm),
                ("stable_rank", metrics.stable_rank),
                ("matrix_rank", metrics.matrix_rank as f64),
                ("entropy", metrics.entropy.unwrap()),
                ("num_evals", metrics.n_eigenvalues as f64),
                ("W_scale", bulk.weight_scale),
                ("sigma_mp", bulk.sigma),
                ("bulk_max", bulk.bulk_max),
                ("bulk_min", bulk.bulk_min),
                ("num_spikes", bulk.n_spikes as f64),
                ("mp_softrank", bulk.soft_rank),
            ] {
                let expected = number(row, key);
                assert!(
                    (found - expected).abs() <= PEER_RELATIVE * expected.abs().max(1e-3),
                    "{tensor} {key}: {found} is not {expected}"
                );
            }
            n_cases += 1;
        }
    }
    assert!(n_cases > 0);
}

#[test]
fn a_sharded_checkpoint_and_a_pickle() {
    let expected: Value = GOLDEN.json("tiny_llama/expected.json");
    let (mut n_cases, mut n_compared) = (0, 0);
    for (group, tensors) in object(&expected) {
        let name = match group.as_str() {
            "bf16_sharded" => "tiny_llama".to_string(),
            // Any other group is named after the pickle that holds its tensors.
            other => pickle_of(other),
        };
        for (tensor, fits) in object(tensors) {
            for (fit, case) in object(fits) {
                let (windows, mode) = match fit.split_once('_').unwrap() {
                    ("plain", mode) => (None, mode),
                    ("farms", rest) => {
                        let (mode, rest) = rest.split_once('_').unwrap();
                        let parts: Vec<&str> = rest.split('_').collect();
                        let [rows, ratio, n] = parts[..] else { panic!("{fit}") };
                        let description = format!(
                            "rows={},Q={},ops={}",
                            rows.trim_start_matches('r'),
                            ratio.trim_start_matches('Q'),
                            n.trim_start_matches("ops")
                        );
                        (Some(window_options(&description)), mode)
                    }
                    other => panic!("{other:?}"),
                };
                let checkpoint = Checkpoint::open(&GOLDEN.path(&name)).unwrap();
                let options = official(windows);
                let table = scan(&checkpoint, &options, &|layer| layer == tensor, &Silent).unwrap();
                let analysis = table.layers[0].analysis().unwrap();
                let rule = if mode == "mid" { TailRule::Median } else { TailRule::Peak };
                n_compared += usize::from(check(
                    &format!("{tensor} {fit}"),
                    analysis.leading().unwrap(),
                    rule,
                    case,
                ));
                n_cases += 1;
            }
        }
    }
    assert!(n_cases > 0 && 2 * n_compared >= n_cases, "{n_compared} of {n_cases} compared");
}

fn pickle_of(group: &str) -> String {
    let folder = std::fs::read_dir(GOLDEN.path("tiny_llama")).unwrap();
    let mut names: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".pt"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 1, "one pickle for group {group:?}");
    format!("tiny_llama/{}", names[0])
}
