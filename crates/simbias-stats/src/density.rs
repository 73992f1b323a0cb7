//! Smooth densities for plots.

/// Maximum number of values that a density is computed from, evenly spread over the sorted sample.
const MOST_VALUES: usize = 2000;

/// Gaussian kernel density of `values` at the ascending positions `at`, with Silverman's bandwidth
/// `0.9 · min(σ, IQR / 1.34) · n^(-1/5)`, at least a thousandth of the range of `at`.
///
/// Zero everywhere for no values. Source: Silverman (1986), equation 3.31.
pub fn gaussian_density(values: &[f64], at: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let stride = sorted.len().div_ceil(MOST_VALUES).max(1);
    let sample: Vec<f64> = sorted.into_iter().step_by(stride).collect();
    let (Some(first), Some(last)) = (at.first(), at.last()) else { return Vec::new() };
    if sample.is_empty() {
        return vec![0.0; at.len()];
    }
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let deviation = (sample.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let quartile = |share: f64| sample[((n - 1.0) * share).round() as usize];
    let spread = (quartile(0.75) - quartile(0.25)) / 1.34;
    let narrower = if spread > 0.0 { deviation.min(spread) } else { deviation };
    let bandwidth = (0.9 * narrower * n.powf(-0.2)).max((last - first) / 1000.0);
    let scale = 1.0 / (n * bandwidth * (2.0 * std::f64::consts::PI).sqrt());
    at.iter()
        .map(|&position| {
            let sum: f64 = sample
                .iter()
                .map(|&value| (-0.5 * ((position - value) / bandwidth).powi(2)).exp())
                .sum();
            scale * sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_density_integrates_to_one_and_peaks_at_the_centre() {
        let values: Vec<f64> = (1..200).map(|i| f64::from(i) / 100.0 - 1.0).collect();
        let at: Vec<f64> = (0..401).map(|i| f64::from(i) / 100.0 - 2.0).collect();
        let density = gaussian_density(&values, &at);
        let integral: f64 = density.iter().sum::<f64>() / 100.0;
        assert!((integral - 1.0).abs() < 1e-3, "{integral}");
        assert!((density[200] - 0.5).abs() < 0.01, "{}", density[200]);
    }
}
