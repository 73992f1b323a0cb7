//! Rings of spatial frequency.

use serde::{Deserialize, Serialize};

use super::TransformError;

/// Frequencies `low ≤ f < high` in cycles per pixel, whatever their direction.
///
/// `f = √(f_row² + f_column²)`; one axis ends at ½ (Nyquist), the corner at `√½ ≈ .707`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RadialBand {
    /// Lower bound, part of the band.
    pub low: f64,
    /// Upper bound, not part of the band.
    pub high: f64,
}

impl RadialBand {
    /// `n` bands of equal width that together hold every frequency an image can have.
    pub fn partition(n: usize) -> Vec<Self> {
        // A little above √½, so that the corner lies inside the half-open last band.
        let end = std::f64::consts::FRAC_1_SQRT_2 + 1e-9;
        let bound = |index: usize| end * index as f64 / n as f64;
        (0..n).map(|index| Self { low: bound(index), high: bound(index + 1) }).collect()
    }

    /// Whether a frequency lies in the band.
    pub fn contains(self, frequency: f64) -> bool {
        self.low <= frequency && frequency < self.high
    }

    /// Positions of `frequencies` that lie in the band, ascending.
    pub(super) fn select(self, frequencies: &[f64]) -> Result<Vec<usize>, TransformError> {
        let columns: Vec<usize> =
            (0..frequencies.len()).filter(|&column| self.contains(frequencies[column])).collect();
        if columns.is_empty() {
            let largest = frequencies.iter().copied().fold(0.0, f64::max);
            return Err(TransformError::EmptyBand { low: self.low, high: self.high, largest });
        }
        Ok(columns)
    }
}
