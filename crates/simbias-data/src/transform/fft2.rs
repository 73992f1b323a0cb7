//! Two-dimensional Fourier transform of every channel.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use super::bands::{check_pixels, image_frequencies};
use super::{RadialBand, Transform, TransformError, check_columns, worse};
use crate::ImageShape;

/// Unitary two-dimensional discrete Fourier transform of every channel of an image.
///
/// A transformed row is `[channel, row frequency, column frequency, (re, im)]` in C order:
/// `2·n_features` columns. The full spectrum is kept, with its conjugate symmetry; a
/// [`RadialBand`] holds a coefficient together with its conjugate, so exchanging bands between
/// images keeps the symmetry and the result real. [`Transform::dropped_share`] measures the
/// imaginary rest of any other change.
pub struct Fft2 {
    shape: ImageShape,
    along_row: Direction,
    along_column: Direction,
}

/// Both directions of one axis.
struct Direction {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

/// Buffers of one thread.
struct Workspace {
    image: Vec<Complex32>,
    transposed: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Fft2 {
    /// Plans the transform for images of one shape.
    ///
    /// # Errors
    ///
    /// When the images have no pixels.
    pub fn new(shape: ImageShape) -> Result<Self, TransformError> {
        check_pixels(shape)?;
        let mut planner = FftPlanner::new();
        let mut plan = |length| Direction {
            forward: planner.plan_fft_forward(length),
            inverse: planner.plan_fft_inverse(length),
        };
        Ok(Self { shape, along_row: plan(shape.width), along_column: plan(shape.height) })
    }

    /// Shape of the images.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Columns of the transformed rows that belong to a band, real and imaginary parts of all
    /// channels.
    ///
    /// # Errors
    ///
    /// When the band holds no coefficient.
    pub fn band_columns(&self, band: RadialBand) -> Result<Vec<usize>, TransformError> {
        band.select(&self.frequencies())
    }

    /// Frequency of every column of the transformed rows, in cycles per pixel.
    pub fn frequencies(&self) -> Vec<f64> {
        let cycles = |index: usize, length: usize| index.min(length - index) as f64 / length as f64;
        let of_pairs = image_frequencies(self.shape, cycles);
        of_pairs.flat_map(|frequency| [frequency, frequency]).collect()
    }

    fn workspace(&self) -> Workspace {
        let n_pixels = self.shape.height * self.shape.width;
        let plans = [&self.along_row, &self.along_column];
        let scratch = plans.iter().flat_map(|plan| [&plan.forward, &plan.inverse]);
        let n_scratch = scratch.map(|fft| fft.get_inplace_scratch_len()).max().unwrap_or(0);
        Workspace {
            image: vec![Complex32::ZERO; n_pixels],
            transposed: vec![Complex32::ZERO; n_pixels],
            scratch: vec![Complex32::ZERO; n_scratch],
        }
    }

    /// Transforms `workspace.image` in place, without scaling.
    fn transform(
        &self,
        workspace: &mut Workspace,
        direction: impl Fn(&Direction) -> &dyn Fft<f32>,
    ) {
        let ImageShape { height, width, .. } = self.shape;
        let Workspace { image, transposed, scratch } = workspace;
        direction(&self.along_row).process_with_scratch(image, scratch);
        transpose(image, transposed, width);
        direction(&self.along_column).process_with_scratch(transposed, scratch);
        transpose(transposed, image, height);
    }

    /// One over the root of the number of pixels: the same scale in both directions makes it
    /// unitary.
    fn scale(&self) -> f32 {
        (1.0 / ((self.shape.height * self.shape.width) as f64).sqrt()) as f32
    }

    /// Writes the complex image of one channel's coefficients into `workspace.image`, without
    /// scaling.
    fn invert_channel(&self, coefficients: &[f32], workspace: &mut Workspace) {
        for (pixel, pair) in workspace.image.iter_mut().zip(coefficients.chunks_exact(2)) {
            *pixel = Complex32::new(pair[0], pair[1]);
        }
        self.transform(workspace, |axis| axis.inverse.as_ref());
    }
}

impl Transform for Fft2 {
    fn n_features(&self) -> usize {
        self.shape.n_features()
    }

    fn n_coefficients(&self) -> usize {
        2 * self.shape.n_features()
    }

    fn forward(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        check_columns(rows, self.n_features());
        let n_pixels = self.shape.height * self.shape.width;
        let scale = self.scale();
        let rows = rows.as_standard_layout();
        let mut result = Array2::zeros((rows.nrows(), self.n_coefficients()));
        result.axis_iter_mut(Axis(0)).into_par_iter().zip(rows.axis_iter(Axis(0))).for_each_init(
            || self.workspace(),
            |workspace, (mut target, source)| {
                let target = target.as_slice_mut().expect("rows of a new array are contiguous");
                let source = source.as_slice().expect("rows in C order are contiguous");
                for (target, source) in
                    target.chunks_exact_mut(2 * n_pixels).zip(source.chunks_exact(n_pixels))
                {
                    for (pixel, &value) in workspace.image.iter_mut().zip(source) {
                        *pixel = Complex32::new(value, 0.0);
                    }
                    self.transform(workspace, |axis| axis.forward.as_ref());
                    for (pair, value) in target.chunks_exact_mut(2).zip(&workspace.image) {
                        pair.copy_from_slice(&[scale * value.re, scale * value.im]);
                    }
                }
            },
        );
        result
    }

    fn inverse(&self, coefficients: ArrayView2<'_, f32>) -> Array2<f32> {
        check_columns(coefficients, self.n_coefficients());
        let n_pixels = self.shape.height * self.shape.width;
        let scale = self.scale();
        let coefficients = coefficients.as_standard_layout();
        let mut result = Array2::zeros((coefficients.nrows(), self.n_features()));
        result
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(coefficients.axis_iter(Axis(0)))
            .for_each_init(
                || self.workspace(),
                |workspace, (mut target, source)| {
                    let target = target.as_slice_mut().expect("rows of a new array are contiguous");
                    let source = source.as_slice().expect("rows in C order are contiguous");
                    for (target, source) in
                        target.chunks_exact_mut(n_pixels).zip(source.chunks_exact(2 * n_pixels))
                    {
                        self.invert_channel(source, workspace);
                        for (value, pixel) in target.iter_mut().zip(&workspace.image) {
                            *value = scale * pixel.re;
                        }
                    }
                },
            );
        result
    }

    fn dropped_share(&self, coefficients: ArrayView2<'_, f32>) -> f32 {
        check_columns(coefficients, self.n_coefficients());
        let n_pixels = self.shape.height * self.shape.width;
        let coefficients = coefficients.as_standard_layout();
        let largest: Vec<(f32, f32)> = coefficients
            .axis_iter(Axis(0))
            .into_par_iter()
            .map_init(
                || self.workspace(),
                |workspace, source| {
                    let source = source.as_slice().expect("rows in C order are contiguous");
                    let mut largest = (0.0_f32, 0.0_f32);
                    for source in source.chunks_exact(2 * n_pixels) {
                        self.invert_channel(source, workspace);
                        for pixel in &workspace.image {
                            largest.0 = worse(largest.0, pixel.re.abs());
                            largest.1 = worse(largest.1, pixel.im.abs());
                        }
                    }
                    largest
                },
            )
            .collect();
        let kept = largest.iter().fold(0.0, |most, &(real, _)| worse(most, real));
        let dropped = largest.iter().fold(0.0, |most, &(_, imaginary)| worse(most, imaginary));
        if dropped == 0.0 { 0.0 } else { dropped / kept }
    }
}

impl fmt::Debug for Fft2 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fft2").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// Writes the transpose of a matrix of `n_columns` columns.
fn transpose(from: &[Complex32], to: &mut [Complex32], n_columns: usize) {
    let n_rows = from.len() / n_columns;
    for (row, values) in from.chunks_exact(n_columns).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            to[column * n_rows + row] = value;
        }
    }
}
