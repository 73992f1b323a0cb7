//! Batch normalisation (Ioffe & Szegedy 2015) of `[batch, channels, positions]`, with its gradients.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::real::{Real, vectorised, written};

/// Lanes of sums over positions: enough for any machine's registers, and the same order on all of them.
const LANES: usize = 16;
/// Numbers that are summed before the sum goes on in 64 bits.
const RUN: usize = 64 * LANES;

/// Mean and biased variance of every channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// One mean a channel.
    pub means: Vec<f64>,
    /// One variance a channel, over all images and positions.
    pub variances: Vec<f64>,
}

/// `y = (x - mean) / √(variance + ε) · weight + bias`, channel by channel, but for the bias.
#[derive(Clone, Debug)]
pub struct BatchNormalisation<'a, T> {
    /// Channels of each image, and positions of each channel.
    pub shape: [usize; 2],
    /// What is taken off and divided by.
    pub moments: &'a Moments,
    /// Added to the variance.
    pub epsilon: f64,
    /// Factor of every channel.
    pub weight: &'a [T],
}

/// Gradients of a batch normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalisationGradients<T> {
    /// Of `x`, as long as it.
    pub input: Vec<T>,
    /// One number a channel.
    pub weight: Vec<T>,
    /// One number a channel.
    pub bias: Vec<T>,
}

impl Moments {
    /// Of `x`, `[batch, channels, positions]`.
    ///
    /// # Panics
    ///
    /// If `x` is not a whole number of images, or holds none.
    pub fn of<T: Real>(x: &[T], [channels, positions]: [usize; 2]) -> Self {
        let batch = batch_of(x.len(), channels * positions);
        // Every channel of every image is read twice, the second time from the cache.
        let of_planes: Vec<[f64; 2]> = x
            .par_chunks_exact(positions)
            .map(|plane| {
                vectorised(
                    #[inline(always)]
                    || centred_sums(plane),
                )
            })
            .collect();
        let n = positions as f64;
        let of_channel = |channel: usize| {
            let planes = || of_planes[channel..].iter().step_by(channels);
            let mean = planes().map(|[mean, _]| mean).sum::<f64>() / batch as f64;
            let squares: f64 = planes()
                .map(|[plane_mean, squares]| squares + n * (plane_mean - mean).powi(2))
                .sum();
            (mean, squares / (n * batch as f64))
        };
        let (means, variances) = (0..channels).map(of_channel).unzip();
        Self { means, variances }
    }
}

/// The mean, and the sum of squared distances from it.
#[inline(always)]
fn centred_sums<T: Real>(plane: &[T]) -> [f64; 2] {
    let mean = lane_sum(plane, |x| x) / plane.len() as f64;
    let middle = T::from_f64(mean);
    let (off, squares) =
        (lane_sum(plane, |x| x - middle), lane_sum(plane, |x| (x - middle) * (x - middle)));
    // The mean was rounded; what is left of it is taken off the squares.
    [
        middle.to_f64() + off / plane.len() as f64,
        (squares - off * off / plane.len() as f64).max(0.0),
    ]
}

/// `Σ f(x)`, in short runs that are summed in 64 bits.
#[inline(always)]
fn lane_sum<T: Real>(numbers: &[T], f: impl Fn(T) -> T) -> f64 {
    let mut total = 0.0;
    for run in numbers.chunks(RUN) {
        let mut sums = [T::default(); LANES];
        let (chunks, rest) = run.as_chunks::<LANES>();
        for chunk in chunks {
            for lane in 0..LANES {
                sums[lane] += f(chunk[lane]);
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *sum += f(*x);
        }
        for sum in sums {
            total += sum.to_f64();
        }
    }
    total
}

impl<T: Real> BatchNormalisation<'_, T> {
    /// Factor and summand of every channel: `y = x · factor + summand`.
    fn line(&self, channel: usize, bias: T) -> [T; 2] {
        let factor = self.weight[channel].to_f64() * self.inverse_deviation(channel);
        let summand = bias.to_f64() - self.moments.means[channel] * factor;
        [T::from_f64(factor), T::from_f64(summand)]
    }

    fn inverse_deviation(&self, channel: usize) -> f64 {
        1.0 / (self.moments.variances[channel] + self.epsilon).sqrt()
    }

    /// The normalised images, with `bias` added to every channel.
    ///
    /// # Panics
    ///
    /// If `x` is not a whole number of images.
    pub fn forward(&self, x: &[T], bias: &[T]) -> Vec<T> {
        let [channels, positions] = self.shape;
        batch_of(x.len(), channels * positions);
        let write = |y: &mut [MaybeUninit<T>]| {
            let planes = y.par_chunks_exact_mut(positions).zip(x.par_chunks_exact(positions));
            planes.enumerate().for_each(|(plane, (y, x))| {
                let channel = plane % channels;
                let [factor, summand] = self.line(channel, bias[channel]);
                vectorised(
                    #[inline(always)]
                    || {
                        for (y, x) in y.iter_mut().zip(x) {
                            y.write(*x * factor + summand);
                        }
                    },
                );
            });
        };
        #[expect(unsafe_code, reason = "every number is written")]
        // SAFETY: whole planes of `x` cover it, and there is a number of `y` for every one of `x`.
        unsafe {
            written(x.len(), write)
        }
    }

    /// Gradients from that of the output, where the moments are those of `x` itself (training) or given
    /// numbers.
    ///
    /// # Panics
    ///
    /// If the slices have different lengths or are not a whole number of images.
    pub fn backward(
        &self,
        x: &[T],
        gradient: &[T],
        moments_are_of_x: bool,
    ) -> NormalisationGradients<T> {
        let [channels, positions] = self.shape;
        let batch = batch_of(x.len(), channels * positions);
        assert_eq!(x.len(), gradient.len(), "as many slopes as numbers");
        // Σ g and Σ g (x - mean) of every channel of every image.
        let of_planes: Vec<[f64; 2]> = gradient
            .par_chunks_exact(positions)
            .zip(x.par_chunks_exact(positions))
            .enumerate()
            .map(|(plane, (gradient, x))| {
                let mean = T::from_f64(self.moments.means[plane % channels]);
                vectorised(
                    #[inline(always)]
                    || products(gradient, x, mean),
                )
            })
            .collect();
        let sums: Vec<[f64; 2]> = (0..channels)
            .map(|channel| {
                let planes = of_planes[channel..].iter().step_by(channels);
                let [slope, product] =
                    planes.fold([0.0; 2], |[a, b], plane| [a + plane[0], b + plane[1]]);
                // The mean was rounded to the numbers' precision above.
                let mean = self.moments.means[channel];
                let rounding = T::from_f64(mean).to_f64() - mean;
                [slope, (product + rounding * slope) * self.inverse_deviation(channel)]
            })
            .collect();
        let n = (batch * positions) as f64;
        let write = |input: &mut [MaybeUninit<T>]| {
            input
                .par_chunks_exact_mut(positions)
                .zip(gradient.par_chunks_exact(positions))
                .zip(x.par_chunks_exact(positions))
                .enumerate()
                .for_each(|(plane, ((input, gradient), x))| {
                    let channel = plane % channels;
                    let [slope, product] = sums[channel];
                    let inverse = self.inverse_deviation(channel);
                    let scale = self.weight[channel].to_f64() * inverse;
                    let mean = T::from_f64(self.moments.means[channel]);
                    // scale · (g - Σg/n - (x - mean) · inverse · Σgx̂/n)
                    let along = if moments_are_of_x { -scale * inverse * product / n } else { 0.0 };
                    let rounding = mean.to_f64() - self.moments.means[channel];
                    let off =
                        if moments_are_of_x { -scale * slope / n + along * rounding } else { 0.0 };
                    let [scale, along, off] = [scale, along, off].map(T::from_f64);
                    vectorised(
                        #[inline(always)]
                        || {
                            for ((input, g), x) in input.iter_mut().zip(gradient).zip(x) {
                                input.write(*g * scale + ((*x - mean) * along + off));
                            }
                        },
                    );
                });
        };
        #[expect(unsafe_code, reason = "every number is written")]
        // SAFETY: whole planes of `x` cover it, and the gradient has as many.
        let input = unsafe { written(x.len(), write) };
        NormalisationGradients {
            input,
            weight: sums.iter().map(|[_, product]| T::from_f64(*product)).collect(),
            bias: sums.iter().map(|[slope, _]| T::from_f64(*slope)).collect(),
        }
    }
}

/// `Σ g` and `Σ g (x - mean)`.
#[inline(always)]
fn products<T: Real>(gradient: &[T], x: &[T], mean: T) -> [f64; 2] {
    let mut totals = [0.0; 2];
    for (gradient, x) in gradient.chunks(RUN).zip(x.chunks(RUN)) {
        let mut slopes = [T::default(); LANES];
        let mut products = [T::default(); LANES];
        let (gradients, last_gradient) = gradient.as_chunks::<LANES>();
        let (xs, last_x) = x.as_chunks::<LANES>();
        for (g, x) in gradients.iter().zip(xs) {
            for lane in 0..LANES {
                slopes[lane] += g[lane];
                products[lane] += g[lane] * (x[lane] - mean);
            }
        }
        for (lane, (g, x)) in last_gradient.iter().zip(last_x).enumerate() {
            slopes[lane] += *g;
            products[lane] += *g * (*x - mean);
        }
        for lane in 0..LANES {
            totals[0] += slopes[lane].to_f64();
            totals[1] += products[lane].to_f64();
        }
    }
    totals
}

fn batch_of(n_numbers: usize, image_size: usize) -> usize {
    assert!(image_size > 0, "no positions to normalise over");
    assert_eq!(n_numbers % image_size, 0, "not a whole number of images");
    n_numbers / image_size
}
