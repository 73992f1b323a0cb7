//! Learning rates and sparsities.

use proptest::prelude::*;
use simbias_report::Silent;
use simbias_spectra::document::{rates_section, sparsities_section};
use simbias_spectra::{
    ExponentKind, LayerTable, Mapping, RateMap, RateOptions, ScanOptions, SparsityOptions,
    SparsityScore, SpectraError, allocate, owl_ratios, scan,
};

use crate::sample::{heavy, model, random, tensor};

/// Two blocks, the first heavy-tailed, and a convolution with its batch normalisation.
fn table() -> LayerTable {
    let model = model(&[
        random("conv1.weight", &[16, 12, 3, 3], 1),
        random("bn1.weight", &[16], 2),
        random("bn1.bias", &[16], 3),
        tensor("layers.0.up.weight", &[40, 40], heavy(1600, 1)),
        tensor("layers.0.down.weight", &[40, 20], heavy(800, 2)),
        random("layers.1.up.weight", &[40, 40], 4),
        random("layers.1.down.weight", &[40, 20], 5),
        random("embed_tokens.weight", &[50, 40], 6),
    ]);
    scan(&model.checkpoint, &ScanOptions::default(), &|_| true, &Silent).unwrap()
}

#[test]
fn linear_rates_span_their_range_and_normalisations_follow() {
    let rates = table().learning_rates(&RateOptions::new(0.1)).unwrap();
    let with: Vec<_> = rates.groups.iter().filter(|group| group.exponent.is_some()).collect();
    assert_eq!(with.len(), 5);
    let extreme =
        |pick: fn(f64, f64) -> f64| with.iter().map(|g| g.learning_rate).reduce(pick).unwrap();
    assert!((extreme(f64::min) - 0.05).abs() < 1e-12 && (extreme(f64::max) - 0.15).abs() < 1e-12);
    let by_exponent = |larger: bool| {
        with.iter()
            .max_by(|a, b| {
                let order = a.exponent.unwrap().total_cmp(&b.exponent.unwrap());
                if larger { order } else { order.reverse() }
            })
            .unwrap()
    };
    assert_eq!(by_exponent(true).learning_rate, extreme(f64::max));
    assert_eq!(by_exponent(false).learning_rate, extreme(f64::min));
    let conv = rates.groups.iter().find(|group| group.layer == "conv1.weight").unwrap();
    assert_eq!(conv.parameters, ["conv1.weight", "bn1.weight", "bn1.bias"]);
    let embedding = rates.groups.iter().find(|group| group.layer.starts_with("embed")).unwrap();
    assert_eq!(embedding.learning_rate, 0.1);
    assert!(embedding.keeps_base.is_some());
    assert!(!rates_section(&rates).elements.is_empty());
    let json = serde_json::to_string(&rates).unwrap();
    assert_eq!(serde_json::from_str::<simbias_spectra::LearningRates>(&json).unwrap(), rates);
}

#[test]
fn first_last_and_small_layers_keep_the_base_rate_when_asked() {
    let options = RateOptions { skip_first: true, skip_last: true, ..RateOptions::new(1.0) };
    let rates = table().learning_rates(&options).unwrap();
    assert!(rates.groups[0].keeps_base.is_some());
    let strict = RateOptions { min_eigenvalues: 30, ..RateOptions::new(1.0) };
    let rates = table().learning_rates(&strict).unwrap();
    let kept: Vec<&str> =
        rates.groups.iter().filter(|g| g.exponent.is_some()).map(|g| g.layer.as_str()).collect();
    assert_eq!(kept, ["conv1.weight", "layers.0.up.weight", "layers.1.up.weight"]);
    let bad = RateOptions { base: -1.0, ..options };
    assert!(matches!(table().learning_rates(&bad), Err(SpectraError::Option { .. })));
}

#[test]
fn every_map_by_hand() {
    let exponents = [2.0, 4.0, 3.0];
    let near = |found: Vec<f64>, expected: [f64; 3]| {
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{found:?}");
    };
    near(RateMap::Linear { low: 0.5, high: 1.5 }.rates(&exponents, 2.0), [1.0, 3.0, 2.0]);
    near(RateMap::Step { low: 0.5, high: 2.0 }.rates(&exponents, 2.0), [1.0, 3.0, 2.0]);
    let roots = 2.0_f64.sqrt() + 2.0 + 3.0_f64.sqrt();
    near(
        RateMap::Sqrt.rates(&exponents, 1.0),
        [2.0_f64.sqrt(), 2.0, 3.0_f64.sqrt()].map(|root| 3.0 * root / roots),
    );
    let logs = 1.0 + 2.0 + 3.0_f64.log2();
    near(
        RateMap::Log2.rates(&exponents, 1.0),
        [1.0, 2.0, 3.0_f64.log2()].map(|log| 3.0 * log / logs),
    );
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    near(
        RateMap::Sigmoid { steepness: 2.0, below: 0.5, above: 1.0 }.rates(&exponents, 1.0),
        [10.0_f64.powf(0.5 * (sigmoid(-2.0) - 0.5)), 10.0_f64.powf(sigmoid(2.0) - 0.5), 1.0],
    );
    for map in [RateMap::TEMP_BALANCE, RateMap::Sqrt, RateMap::Log2, RateMap::SIGMOID] {
        assert_eq!(map.rates(&[3.0; 4], 0.3), [0.3; 4]);
        assert_eq!(map.rates(&[], 0.3), [0.0; 0]);
    }
}

#[test]
fn sparsities_of_a_table_meet_the_target_and_spare_heavy_tails() {
    let table = table();
    let found = table.sparsities(&SparsityOptions::new(0.6)).unwrap();
    assert!((found.realised - 0.6).abs() < 1e-9);
    let ratio = |name: &str| found.layers.iter().find(|layer| layer.layer == name).unwrap().ratio;
    // A block shares its mean.
    assert_eq!(ratio("layers.0.up.weight"), ratio("layers.0.down.weight"));
    assert!(ratio("layers.0.up.weight") < ratio("layers.1.up.weight"));
    assert!(found.layers.iter().all(|layer| !layer.layer.starts_with("embed")));
    let by_layer = SparsityOptions { mapping: Mapping::Layer, ..SparsityOptions::new(0.6) };
    let own = table.sparsities(&by_layer).unwrap();
    assert_ne!(own.layers[1].ratio, own.layers[2].ratio);
    let uniform = SparsityOptions { score: SparsityScore::Uniform, ..SparsityOptions::new(0.6) };
    assert!(
        table.sparsities(&uniform).unwrap().layers.iter().all(|l| (l.ratio - 0.6).abs() < 1e-12)
    );
    let plain = SparsityScore::Exponent(ExponentKind::Plain);
    let plain = SparsityOptions { score: plain, ..SparsityOptions::new(0.6) };
    assert!((table.sparsities(&plain).unwrap().realised - 0.6).abs() < 1e-9);
    assert!(!sparsities_section(&found).elements.is_empty());
}

#[test]
fn given_scores_must_name_the_layers_that_there_are() {
    let table = table();
    let given = |scores: Vec<(String, f64)>| {
        let options =
            SparsityOptions { score: SparsityScore::Given(scores), ..SparsityOptions::new(0.5) };
        table.sparsities(&options)
    };
    let all: Vec<(String, f64)> =
        table.recommended().map(|layer| (layer.name.clone(), layer.depth as f64)).collect();
    assert!(given(all.clone()).is_ok());
    let unknown = [all.clone(), vec![("no.such.weight".into(), 1.0)]].concat();
    assert!(given(unknown).unwrap_err().to_string().contains("no.such.weight"));
    let missing = all[1..].to_vec();
    assert!(given(missing).unwrap_err().to_string().contains(&all[0].0));
}

#[test]
fn targets_out_of_range_are_refused() {
    for (target, epsilon, largest) in [
        (1.0, 0.2, 0.998),
        (-0.1, 0.2, 0.998),
        (0.5, 1.0, 0.998),
        (0.5, 0.2, 0.0),
        (f64::NAN, 0.2, 0.9),
    ] {
        assert!(allocate(&[1.0, 2.0], &[10, 10], target, epsilon, largest).is_err());
    }
    let infeasible = allocate(&[1.0, 2.0], &[10, 10], 0.95, 0.2, 0.9);
    assert!(matches!(infeasible, Err(SpectraError::Infeasible { .. })));
}

#[test]
fn owl_gives_fewer_zeros_to_more_outliers() {
    let ratios = owl_ratios(&[0.1, 0.3, 0.2], 0.7, 0.08);
    assert!((ratios.iter().sum::<f64>() / 3.0 - 0.7).abs() < 1e-12);
    assert!(ratios[1] < ratios[2] && ratios[2] < ratios[0]);
    assert!((ratios[0] - ratios[1] - 0.16).abs() < 1e-12);
    assert_eq!(owl_ratios(&[0.2, 0.2], 0.7, 0.08), [0.7, 0.7]);
}

proptest! {
    #[test]
    fn allocations_meet_the_target_and_follow_the_scores(
        layers in prop::collection::vec((1.0_f64..8.0, 1_usize..100_000), 1..40),
        target in 0.0_f64..0.99,
        epsilon in 0.0_f64..0.99,
    ) {
        let (scores, n_weights): (Vec<f64>, Vec<usize>) = layers.into_iter().unzip();
        let found = allocate(&scores, &n_weights, target, epsilon, 0.998).unwrap();
        let total: f64 = n_weights.iter().map(|&n| n as f64).sum();
        let realised: f64 =
            found.ratios.iter().zip(&n_weights).map(|(ratio, &n)| ratio * n as f64).sum();
        prop_assert!((realised / total - target).abs() < 1e-9);
        prop_assert!(found.ratios.iter().all(|ratio| (0.0..=0.998).contains(ratio)));
        for (i, left) in scores.iter().enumerate() {
            for (j, right) in scores.iter().enumerate() {
                if left <= right {
                    prop_assert!(found.ratios[i] <= found.ratios[j] + 1e-12);
                }
            }
        }
        let flat = allocate(&scores, &n_weights, target, 0.0, 0.998).unwrap();
        prop_assert!(flat.ratios.iter().all(|ratio| (ratio - target).abs() < 1e-9));
        let equal = allocate(&vec![3.0; scores.len()], &n_weights, target, epsilon, 0.998).unwrap();
        prop_assert!(equal.ratios.iter().all(|ratio| (ratio - target).abs() < 1e-9));
    }
}
