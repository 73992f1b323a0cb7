//! The spectrum of a random matrix, in the limit of large sides.
//!
//! For entries of variance `1/N` and `Q = N/M ≥ 1` (longer over shorter side), with `γ = 1/Q` and
//! `a, b = (1 ∓ √γ)²`,
//!
//! ```text
//! f(x) = √((b - x)(x - a)) / (2π γ x),   a ≤ x ≤ b
//! ```
//!
//! Source: Marchenko and Pastur 1967. All integrals substitute `x = a + (b - a) sin² t`, which removes the roots and,
//! at `Q = 1`, the pole.

use std::f64::consts::{FRAC_PI_2, PI};

/// Intervals of the midpoint rule; the integrands are smooth and periodic, so that it converges fast.
const N_INTERVALS: usize = 8192;

/// Ends of the support for entries of variance `1/N`.
pub fn support(aspect_ratio: f64) -> (f64, f64) {
    let root = (1.0 / aspect_ratio).sqrt();
    ((1.0 - root).powi(2), (1.0 + root).powi(2))
}

/// Density at `x` for entries of variance `sigma²/N`; zero outside the support.
pub fn density(x: f64, aspect_ratio: f64, sigma: f64) -> f64 {
    let (a, b) = support(aspect_ratio);
    let scaled = x / (sigma * sigma);
    let product = (b - scaled) * (scaled - a);
    if scaled <= 0.0 || product <= 0.0 {
        return 0.0;
    }
    product.sqrt() * aspect_ratio / (2.0 * PI * scaled * sigma * sigma)
}

/// Positions `x` and masses of the intervals, ascending.
fn masses(aspect_ratio: f64) -> impl Iterator<Item = (f64, f64)> {
    let (a, b) = support(aspect_ratio);
    let width = b - a;
    let step = FRAC_PI_2 / N_INTERVALS as f64;
    (0..N_INTERVALS).map(move |index| {
        let (sine, cosine) = ((index as f64 + 0.5) * step).sin_cos();
        let x = a + width * sine * sine;
        (x, (width * sine * cosine).powi(2) * aspect_ratio / (PI * x) * step)
    })
}

/// The exponent that the median rule finds on a large random matrix of that shape: what "random" looks like.
///
/// `1 + 0.5 / ∫_m^b ln(x/m) f(x) dx` with the median `m`. `aspect_ratio` is the longer side over the shorter.
///
/// ```
/// use simbias_spectra::marchenko_pastur::median_exponent;
/// assert!((median_exponent(1.0) - 2.12168).abs() < 1e-5);
/// assert!((median_exponent(4.0) - 3.45459).abs() < 1e-5);
/// ```
pub fn median_exponent(aspect_ratio: f64) -> f64 {
    let median = median(aspect_ratio);
    let mut integral = 0.0;
    for (x, mass) in masses(aspect_ratio) {
        if x > median {
            integral += (x / median).ln() * mass;
        }
    }
    1.0 + 0.5 / integral
}

/// Median of the law, interpolated inside its interval.
fn median(aspect_ratio: f64) -> f64 {
    let (mut below, mut previous) = (0.0, support(aspect_ratio).0);
    for (x, mass) in masses(aspect_ratio) {
        // The mass of an interval lies around its middle, so half of it is reached at `x`.
        let at_middle = below + 0.5 * mass;
        if at_middle >= 0.5 {
            let before = below - 0.5 * mass;
            let share = ((0.5 - before) / (at_middle - before)).clamp(0.0, 1.0);
            return previous + share * (x - previous);
        }
        below += mass;
        previous = x;
    }
    previous
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_is_normalised_with_mean_one() {
        // Near 1 the lower edge is a sharp bend of the integrand.
        let cases = [(1.0, 1e-9), (1.0001, 1e-4), (1.3, 1e-9), (4.0, 1e-9), (100.0, 1e-9)];
        for (aspect_ratio, tolerance) in cases {
            let mass: f64 = masses(aspect_ratio).map(|(_, mass)| mass).sum();
            let mean: f64 = masses(aspect_ratio).map(|(x, mass)| x * mass).sum();
            assert!((mass - 1.0).abs() < tolerance, "{aspect_ratio}: {mass}");
            assert!((mean - 1.0).abs() < tolerance, "{aspect_ratio}: {mean}");
        }
    }

    #[test]
    fn the_density_integrates_to_one_at_any_scale() {
        for (aspect_ratio, sigma) in [(1.5, 0.5), (3.0, 2.0)] {
            let end = support(aspect_ratio).1 * sigma * sigma;
            let n = 200_000;
            let sum: f64 = (0..n)
                .map(|i| density((i as f64 + 0.5) / n as f64 * end, aspect_ratio, sigma))
                .sum();
            assert!((sum * end / n as f64 - 1.0).abs() < 1e-4);
        }
    }
}
