//! Sparsities from the exponents that FARMS published for LLaMA.

use serde_json::Value;
use simbias_golden::Arrays;
use simbias_spectra::allocate;

use super::{GOLDEN, assert_absolute, number};

/// "allocation: absolute 1e-6".
const RATIO_ABSOLUTE: f64 = 1e-6;
/// Layers of a block in the order of the file: q, k, v, o, gate, up, down.
const LAYERS_OF_A_BLOCK: usize = 7;

/// Hidden and feed-forward widths of the model that the file names.
fn widths(model: &str) -> (usize, usize) {
    if model.contains("13b") { (5120, 13824) } else { (4096, 11008) }
}

fn exponents<'a>(arrays: &'a Arrays, model: &str, metric: &str) -> &'a [f64] {
    let exact = format!("{model}|{metric}");
    // "alpha_peak_farms" stands for the 15 × 15 windows.
    arrays.get(&exact).or_else(|| arrays.get(&format!("{exact}_2000_15"))).unwrap()
}

#[test]
fn published_ratios_and_what_they_realise() {
    let (expected, arrays) =
        (GOLDEN.json::<Value>("prune_expected.json"), GOLDEN.arrays("llama_alphas.npz"));
    let cases = expected["allocation"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let text = |key: &str| case[key].as_str().unwrap();
        let (model, metric) = (text("model"), text("metric"));
        let exponents = exponents(&arrays, model, metric);
        let (hidden, wide) = widths(model);
        let sizes = [hidden, hidden, hidden, hidden, wide, wide, wide].map(|cols| hidden * cols);
        let mut scores = Vec::new();
        let mut n_weights = Vec::new();
        for block in exponents.chunks(LAYERS_OF_A_BLOCK) {
            let mean = block.iter().sum::<f64>() / block.len() as f64;
            scores.extend([mean; LAYERS_OF_A_BLOCK]);
            n_weights.extend(sizes);
        }
        let (target, epsilon) = (number(case, "sparsity"), number(case, "epsilon"));
        let found = allocate(&scores, &n_weights, target, epsilon, 0.998).unwrap();
        let what = format!("{model} {metric} S={target} ε={epsilon}");
        let first_of_blocks = found.published.iter().step_by(LAYERS_OF_A_BLOCK);
        let expected: &Vec<Value> = case["per_block_ratio"].as_array().unwrap();
        assert_eq!(found.published.len() / LAYERS_OF_A_BLOCK, expected.len());
        for (found, expected) in first_of_blocks.zip(expected) {
            assert_absolute(&what, *found, expected.as_f64().unwrap(), RATIO_ABSOLUTE);
        }
        let realised = number(case, "realised_weighted_sparsity");
        assert_absolute(&what, found.published_realised, realised, RATIO_ABSOLUTE);
        // Where the published ratios miss the target, ours meet it.
        let total: f64 = n_weights.iter().map(|&n| n as f64).sum();
        let ours: f64 = found.ratios.iter().zip(&n_weights).map(|(r, &n)| r * n as f64).sum();
        assert_absolute(&what, ours / total, target, 1e-9);
    }
}
