//! Rings of spatial frequency.

use serde::{Deserialize, Serialize};

use super::TransformError;
use crate::ImageShape;

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

/// Refuses images without pixels.
pub(super) fn check_pixels(shape: ImageShape) -> Result<(), TransformError> {
    let ImageShape { channels, height, width } = shape;
    if shape.n_features() == 0 {
        return Err(TransformError::NoPixel { shape: [channels, height, width] });
    }
    Ok(())
}

/// Radial frequency of every coefficient `[channel, row frequency, column frequency]`, in C order.
///
/// `cycles` gives the cycles per pixel of a frequency index on an axis of some length.
pub(super) fn image_frequencies(
    shape: ImageShape,
    cycles: impl Fn(usize, usize) -> f64,
) -> impl Iterator<Item = f64> {
    let ImageShape { channels, height, width } = shape;
    let n_pixels = height * width;
    (0..channels * n_pixels).map(move |coefficient| {
        let pixel = coefficient % n_pixels;
        cycles(pixel / width, height).hypot(cycles(pixel % width, width))
    })
}
