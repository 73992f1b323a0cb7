//! How coherent the candidates would be by chance.

use std::convert::Infallible;

use pulp::{Arch, Simd, WithSimd};
use rand::RngExt;
use rayon::prelude::*;
use simbias_report::{Progress, StopOnly};
use simbias_stats::{LanczosOptions, Seed, largest_eigenpairs};

use super::Pair;
use super::candidates::{Series, standardised, without_trend};
use crate::DynamicsError;

/// Numbers side by side: two registers of the widest kind, so that no sum waits for another.
const LANES: usize = 32;
/// The largest eigenvalue from below, after as many products for the series themselves as for surrogates, so that the two
/// can be compared although neither is precise.
const ROUGH: LanczosOptions =
    LanczosOptions { n_wanted: 1, most_products: 8, relative_residual: 1e-4 };

/// Compares the coherence of pairs with that of surrogates, in which every series is shifted in a circle by an offset of
/// its own: each keeps its course, but what they have in common is lost. A straight trend is taken out first, because
/// series that only drift are coherent whatever their offsets.
pub(super) struct Test {
    pub(super) n_surrogates: usize,
    pub(super) seed: Seed,
}

impl Test {
    /// Sets the p-values of `pairs`. All of them are held against the largest coherence of every surrogate.
    pub(super) fn run(
        &self,
        series: &Series,
        pairs: &mut [Pair],
        progress: &dyn Progress,
    ) -> Result<(), DynamicsError> {
        if self.n_surrogates == 0 || pairs.is_empty() {
            return Ok(());
        }
        let shiftable = Shiftable::new(series);
        let none = vec![0; shiftable.n_series()];
        let observed = shiftable.eigenvalue(&none, self.seed);
        let surrogates: Result<Vec<f64>, DynamicsError> = (0..self.n_surrogates as u64)
            .into_par_iter()
            .map(|index| {
                StopOnly(progress).keep_going()?;
                let seed = self.seed.child("outliers/surrogate", index);
                let mut stream = seed.stream();
                let offsets: Vec<usize> = (0..shiftable.n_series())
                    .map(|_| stream.random_range(1..shiftable.n_steps))
                    .collect();
                Ok(shiftable.eigenvalue(&offsets, seed))
            })
            .collect();
        let surrogates = surrogates?;
        // The others in the same proportion to the first as they are with their trend.
        let largest = pairs[0].coherence;
        for pair in pairs {
            let value = observed * if largest > 0.0 { pair.coherence / largest } else { 0.0 };
            let n_coherent = surrogates.iter().filter(|&&other| other >= value).count();
            pair.p_value = Some((n_coherent + 1) as f64 / (surrogates.len() + 1) as f64);
        }
        Ok(())
    }
}

/// Standardised series without trend, in single precision.
struct Shiftable {
    /// Series after series, each filled up with zeros to whole registers.
    numbers: Vec<f32>,
    n_steps: usize,
    /// Numbers from one series to the next.
    stride: usize,
    arch: Arch,
}

impl Shiftable {
    fn new(series: &Series) -> Self {
        let n_steps = series.n_changes();
        let stride = n_steps.next_multiple_of(LANES);
        let mut numbers = vec![0.0_f32; stride * series.changes.len()];
        numbers.par_chunks_exact_mut(stride).zip(&series.changes).for_each(|(places, changes)| {
            for (place, value) in places.iter_mut().zip(standardised(&without_trend(changes))) {
                *place = value as f32;
            }
        });
        Self { numbers, n_steps, stride, arch: Arch::new() }
    }

    fn n_series(&self) -> usize {
        self.numbers.len() / self.stride
    }

    /// Largest eigenvalue of the series, each shifted by its offset.
    fn eigenvalue(&self, offsets: &[usize], seed: Seed) -> f64 {
        let product = |vector: &[f64]| Ok::<_, Infallible>(self.product(offsets, vector));
        let Ok(found) = largest_eigenpairs(self.n_steps, ROUGH, seed, product);
        found.values[0]
    }

    /// `Z Zᵀ v` for the shifted series. Instead of the series, the vector is shifted: it is laid out twice, so that every
    /// shift is a window of it.
    fn product(&self, offsets: &[usize], vector: &[f64]) -> Vec<f64> {
        let length = self.n_steps + self.stride;
        let mut twice = vec![0.0_f32; length];
        for (at, place) in twice.iter_mut().enumerate().take(2 * self.n_steps) {
            *place = vector[at % self.n_steps] as f32;
        }
        let mut sums = vec![0.0_f32; length];
        self.arch.dispatch(Product { series: self, offsets, twice: &twice, sums: &mut sums });
        let mut folded = vec![0.0; self.n_steps];
        for (at, &sum) in sums.iter().enumerate().take(2 * self.n_steps) {
            folded[at % self.n_steps] += f64::from(sum);
        }
        folded
    }
}

struct Product<'a> {
    series: &'a Shiftable,
    offsets: &'a [usize],
    twice: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { series, offsets, twice, sums } = self;
        let stride = series.stride;
        for (numbers, &offset) in series.numbers.chunks_exact(stride).zip(offsets) {
            let (numbers, _) = numbers.as_chunks::<LANES>();
            let (window, _) = twice[offset..offset + stride].as_chunks::<LANES>();
            let mut products = [0.0_f32; LANES];
            for (numbers, window) in numbers.iter().zip(window) {
                for lane in 0..LANES {
                    products[lane] += numbers[lane] * window[lane];
                }
            }
            let along: f32 = products.iter().sum();
            let (window, _) = sums[offset..offset + stride].as_chunks_mut::<LANES>();
            for (sums, numbers) in window.iter_mut().zip(numbers) {
                for lane in 0..LANES {
                    sums[lane] += along * numbers[lane];
                }
            }
        }
    }
}
