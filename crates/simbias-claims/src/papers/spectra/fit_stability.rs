//! P8-C12: how much the rules for the start of the tail scatter over draws of one matrix shape.

use simbias_spectra::fit::{TailRule, fit_tail};
use simbias_spectra::{Route, eigenvalues};
use simbias_stats::{Seed, mean, sample_variance};

use super::matrices::{Entries, RandomMatrix};
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

const SHAPES: [(usize, usize); 3] = [(128, 128), (128, 96), (256, 128)];
/// Matrices of each shape.
const N_DRAWS: u64 = 20;
/// Matrix whose smallest eigenvalue is left out.
const SMALL: (usize, usize) = (64, 64);
const RULES: [TailRule; 3] = [TailRule::Median, TailRule::Ks, TailRule::Peak];

/// Coefficients of variation of three rules over draws of three shapes.
pub(crate) fn fit_stability(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new("P8-C12", context, 1)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        stages.begin(seed, "fits of random matrices")?;
        let mut gaussian = Vec::new();
        for (entries, kind) in
            [(Entries::Gaussian, "Gaussian"), (Entries::HeavyTailed, "Student-t")]
        {
            for (number, shape) in (0..).zip(SHAPES) {
                stages.check_interrupt()?;
                let seed_of_shape = seed.child(kind, number);
                let variations = variations(entries, shape, seed_of_shape, &stages)?;
                for (rule, variation) in RULES.iter().zip(variations) {
                    let (rows, cols) = shape;
                    let name = format!("{kind}, {rows} × {cols}, {}: variation", rule.name());
                    measurement.control(name, seed, variation);
                }
                if matches!(entries, Entries::Gaussian) {
                    gaussian.push(variations);
                }
            }
        }
        let of_rule =
            |rule: usize| gaussian.iter().map(move |variations: &[f64; 3]| variations[rule]);
        let largest_median = of_rule(0).fold(f64::NEG_INFINITY, f64::max);
        let smallest = |rule| of_rule(rule).fold(f64::INFINITY, f64::min);
        measurement.observe("largest variation, median", seed, largest_median);
        measurement.observe("smallest variation, KS", seed, smallest(1));
        measurement.observe("smallest variation, peak", seed, smallest(2));

        for rule in [TailRule::Median, TailRule::Peak] {
            let change = largest_change(rule, seed, &stages)?;
            let name = format!("{}: largest change without the smallest of 64 values", rule.name());
            measurement.control(name, seed, change);
        }
    }
    Ok(measurement)
}

/// Deviation over mean of the exponents of all draws, in percent, one entry per rule.
fn variations(
    entries: Entries,
    shape: (usize, usize),
    seed: Seed,
    stages: &Stages<'_>,
) -> Result<[f64; 3], ClaimError> {
    let spectra = spectra(entries, shape, seed, stages)?;
    let mut variations = [0.0; 3];
    for (variation, &rule) in variations.iter_mut().zip(&RULES) {
        let exponents: Vec<f64> = spectra
            .iter()
            .map(|spectrum| fit_tail(spectrum, rule).map(|fit| fit.exponent))
            .collect::<Result<_, _>>()
            .map_err(|reason| stages.failure(reason))?;
        let variance = sample_variance(&exponents).map_err(|error| stages.failure(error))?;
        *variation = 100.0 * variance.sqrt() / mean(&exponents);
    }
    Ok(variations)
}

/// How far the exponent moves at most, over all draws, when the smallest eigenvalue is dropped.
fn largest_change(rule: TailRule, seed: Seed, stages: &Stages<'_>) -> Result<f64, ClaimError> {
    let exponent = |spectrum: &[f64]| {
        fit_tail(spectrum, rule).map(|fit| fit.exponent).map_err(|reason| stages.failure(reason))
    };
    let mut largest = 0.0_f64;
    for spectrum in spectra(Entries::Gaussian, SMALL, seed.child("claims/small", 0), stages)? {
        largest = largest.max((exponent(&spectrum)? - exponent(&spectrum[1..])?).abs());
    }
    Ok(largest)
}

/// Spectra of independent draws, from singular values, because the searching rules react to the smallest eigenvalues.
fn spectra(
    entries: Entries,
    shape: (usize, usize),
    seed: Seed,
    stages: &Stages<'_>,
) -> Result<Vec<Vec<f64>>, ClaimError> {
    (0..stages.draws(N_DRAWS))
        .map(|draw| {
            let seed = seed.child("claims/draw", draw);
            let matrix = RandomMatrix::draw(entries, shape, seed, stages)?;
            eigenvalues(&matrix.view(), Route::Svd).map_err(|error| stages.failure(error))
        })
        .collect()
}
