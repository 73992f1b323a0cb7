//! Two-dimensional cosine transform of every channel.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, linalg::general_mat_mul, s};

use super::bands::{check_pixels, image_frequencies};
use super::{RadialBand, Transform, TransformError, check_columns, map_blocks};
use crate::ImageShape;

/// Orthonormal two-dimensional cosine transform (DCT-II) of every channel of an image.
///
/// A transformed row is `[channel, row frequency, column frequency]` in C order, as many columns
/// as the row. Frequency index `u` of an axis of length `n` has `u/(2n)` cycles per pixel. Real
/// and orthogonal, so any exchange of coefficients gives an image.
#[derive(Clone, Debug)]
pub struct Dct2 {
    shape: ImageShape,
    /// `C` of the rows' axis, shape `[height, height]`: frequency by position.
    vertical: Array2<f32>,
    /// `C` of the columns' axis, shape `[width, width]`.
    horizontal: Array2<f32>,
}

impl Dct2 {
    /// Prepares the transform for images of one shape.
    ///
    /// # Errors
    ///
    /// When the images have no pixels.
    pub fn new(shape: ImageShape) -> Result<Self, TransformError> {
        check_pixels(shape)?;
        Ok(Self { shape, vertical: cosines(shape.height), horizontal: cosines(shape.width) })
    }

    /// Shape of the images.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Columns of the transformed rows that belong to a band, of all channels.
    ///
    /// # Errors
    ///
    /// When the band holds no coefficient.
    pub fn band_columns(&self, band: RadialBand) -> Result<Vec<usize>, TransformError> {
        band.select(&self.frequencies())
    }

    /// Frequency of every column of the transformed rows, in cycles per pixel.
    pub fn frequencies(&self) -> Vec<f64> {
        image_frequencies(self.shape, |index, length| index as f64 / (2 * length) as f64).collect()
    }

    /// `left · image · right` for every channel of every row.
    fn apply(
        &self,
        rows: ArrayView2<'_, f32>,
        left: ArrayView2<'_, f32>,
        right: ArrayView2<'_, f32>,
    ) -> Array2<f32> {
        check_columns(rows, self.n_features());
        let ImageShape { channels, height, width } = self.shape;
        map_blocks(rows, self.n_features(), |source, mut target| {
            let mut half = Array2::<f32>::zeros((height, width));
            let n_pixels = height * width;
            for (source, mut target) in source.rows().into_iter().zip(target.rows_mut()) {
                for start in (0..channels).map(|channel| channel * n_pixels) {
                    let image = source.slice(s![start..start + n_pixels]);
                    let image = image.to_shape((height, width)).expect("a channel has its pixels");
                    general_mat_mul(1.0, &image, &right, 0.0, &mut half);
                    let values = target.as_slice_mut().expect("rows of a new array are contiguous");
                    let values = &mut values[start..start + n_pixels];
                    let mut values = ArrayViewMut2::from_shape((height, width), values)
                        .expect("a channel has its pixels");
                    general_mat_mul(1.0, &left, &half, 0.0, &mut values);
                }
            }
        })
    }
}

impl Transform for Dct2 {
    fn n_features(&self) -> usize {
        self.shape.n_features()
    }

    fn forward(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        self.apply(rows, self.vertical.view(), self.horizontal.t())
    }

    fn inverse(&self, coefficients: ArrayView2<'_, f32>) -> Array2<f32> {
        self.apply(coefficients, self.vertical.t(), self.horizontal.view())
    }
}

/// Orthonormal DCT-II matrix, `C[u, x] = √((2 − [u = 0])/n)·cos(π(2x + 1)u/(2n))`.
fn cosines(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, n), |(frequency, position)| {
        let norm = if frequency == 0 { 1.0 } else { 2.0 } / n as f64;
        let angle = std::f64::consts::PI * ((2 * position + 1) * frequency) as f64 / (2 * n) as f64;
        (norm.sqrt() * angle.cos()) as f32
    })
}
