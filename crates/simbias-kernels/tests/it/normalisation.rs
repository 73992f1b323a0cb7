//! Batch normalisation against the definition, and its gradients against finite differences.

use proptest::prelude::*;
use simbias_kernels::{BatchNormalisation, Moments};

use crate::numbers;

const EPSILON: f64 = 1e-5;

/// Mean and biased variance of one channel.
fn channel_moments(x: &[f64], [channels, positions]: [usize; 2], channel: usize) -> [f64; 2] {
    let values: Vec<f64> = x
        .chunks(positions)
        .enumerate()
        .filter(|(plane, _)| plane % channels == channel)
        .flat_map(|(_, plane)| plane.iter().copied())
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
    [mean, variance]
}

/// `Σ slope · y` of a batch normalised by its own moments, from the definition.
fn loss(x: &[f64], shape: [usize; 2], weight: &[f64], bias: &[f64], slope: &[f64]) -> f64 {
    let [channels, positions] = shape;
    let moments: Vec<[f64; 2]> = (0..channels).map(|c| channel_moments(x, shape, c)).collect();
    x.iter()
        .zip(slope)
        .enumerate()
        .map(|(i, (x, slope))| {
            let c = i / positions % channels;
            let [mean, variance] = moments[c];
            slope * ((x - mean) / (variance + EPSILON).sqrt() * weight[c] + bias[c])
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn gradients_are_those_of_the_definition(
        batch in 1..5_usize,
        channels in 1..5_usize,
        positions in 1..40_usize,
        offset in -3.0..3.0_f64,
    ) {
        prop_assume!(batch * positions > 2);
        let shape = [channels, positions];
        let n = batch * channels * positions;
        let x: Vec<f64> = numbers::<f64>(n, 0).into_iter().map(|x| x + offset).collect();
        let (weight, bias): (Vec<f64>, Vec<f64>) = (numbers(channels, 3), numbers(channels, 7));
        let slope: Vec<f64> = numbers(n, 13);
        let moments = Moments::of(&x, shape);
        for channel in 0..channels {
            let [mean, variance] = channel_moments(&x, shape, channel);
            prop_assert!((moments.means[channel] - mean).abs() < 1e-13);
            prop_assert!((moments.variances[channel] - variance).abs() < 1e-12);
        }
        let norm = BatchNormalisation { shape, moments: &moments, epsilon: EPSILON, weight: &weight };
        let y = norm.forward(&x, &bias);
        let total: f64 = y.iter().zip(&slope).map(|(y, slope)| y * slope).sum();
        prop_assert!((total - loss(&x, shape, &weight, &bias, &slope)).abs() < 1e-9 * n as f64);

        let found = norm.backward(&x, &slope, true);
        let step = 1e-5;
        let by_difference = |change: &dyn Fn(f64) -> f64| (change(step) - change(-step)) / (2.0 * step);
        let moved = |values: &[f64], at: usize, by: f64| {
            let mut values = values.to_vec();
            values[at] += by;
            values
        };
        for i in 0..n {
            let expected = by_difference(&|by| loss(&moved(&x, i, by), shape, &weight, &bias, &slope));
            let size = 1.0 + expected.abs();
            prop_assert!((found.input[i] - expected).abs() < 1e-5 * size, "{i}: {} {expected}", found.input[i]);
        }
        for c in 0..channels {
            let expected = by_difference(&|by| loss(&x, shape, &moved(&weight, c, by), &bias, &slope));
            prop_assert!((found.weight[c] - expected).abs() < 1e-6 * (1.0 + expected.abs()));
            let expected = by_difference(&|by| loss(&x, shape, &weight, &moved(&bias, c, by), &slope));
            prop_assert!((found.bias[c] - expected).abs() < 1e-6 * (1.0 + expected.abs()));
        }

        // By given moments a number's gradient is its own slope, scaled.
        let given = norm.backward(&x, &slope, false);
        for (i, (found, slope)) in given.input.iter().zip(&slope).enumerate() {
            let c = i / positions % channels;
            let expected = slope * weight[c] / (moments.variances[c] + EPSILON).sqrt();
            prop_assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()));
        }
        prop_assert_eq!(given.weight, found.weight);
        prop_assert_eq!(given.bias, found.bias);
    }
}

#[test]
fn a_large_mean_does_not_drown_the_variance() {
    let x: Vec<f32> = numbers::<f32>(4096, 0).into_iter().map(|x| x * 0.01 + 1000.0).collect();
    let moments = Moments::of(&x, [1, 1024]);
    let in_64: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    let [mean, variance] = channel_moments(&in_64, [1, 1024], 0);
    assert!((moments.means[0] - mean).abs() < 1e-7 * mean, "{} {mean}", moments.means[0]);
    assert!((moments.variances[0] - variance).abs() < 1e-3 * variance);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let shape = [6, 50];
    let (x, slope): (Vec<f32>, Vec<f32>) = (numbers(6 * 50 * 9, 0), numbers(6 * 50 * 9, 5));
    let (weight, bias): (Vec<f32>, Vec<f32>) = (numbers(6, 1), numbers(6, 2));
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let moments = Moments::of(&x, shape);
            let norm =
                BatchNormalisation { shape, moments: &moments, epsilon: EPSILON, weight: &weight };
            (norm.forward(&x, &bias), norm.backward(&x, &slope, true), moments.clone())
        })
    };
    let one = all(1);
    for threads in [2, 3, 16] {
        assert_eq!(all(threads), one);
    }
}
