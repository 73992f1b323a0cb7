//! Pooling of images: the largest number, or the mean, of every window.

use std::ops::Range;

use rayon::prelude::*;

use crate::real::{Real, vectorised};

/// Windows along one axis, in order.
type Windows = Vec<Range<usize>>;

/// Windows of one size at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Distance between neighbouring windows.
    pub stride: [usize; 2],
    /// Rows and columns on every side that belong to no image, at most half the kernel.
    pub padding: [usize; 2],
    /// Whether a window that hangs over the end counts.
    pub rounds_up: bool,
}

impl Window {
    /// Rows and columns of the output for an image of `size`.
    pub fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let (n, stride, padding) = (size[axis], self.stride[axis], self.padding[axis]);
            let Some(beyond_first) = (n + 2 * padding).checked_sub(self.kernel[axis]) else {
                // A window that hangs over the end by less than a step still counts.
                let overhang = self.kernel[axis] - (n + 2 * padding);
                return usize::from(self.rounds_up && n > 0 && overhang < stride);
            };
            if !self.rounds_up {
                return beyond_first / stride + 1;
            }
            // A window must start within the image or the padding before it.
            let last_start = (n + padding).saturating_sub(1) / stride;
            beyond_first.div_ceil(stride).min(last_start) + 1
        })
    }

    /// The part of every window that lies in the image.
    fn windows(&self, axis: usize, n: usize, n_out: usize) -> Windows {
        let (kernel, padding) = (self.kernel[axis], self.padding[axis]);
        assert!(
            2 * padding <= kernel,
            "a padding of {padding} is more than half a window of {kernel}"
        );
        (0..n_out)
            .map(|window| {
                let start = window * self.stride[axis];
                let end = (start + self.kernel[axis]).saturating_sub(self.padding[axis]).min(n);
                start.saturating_sub(self.padding[axis]).min(end)..end
            })
            .collect()
    }
}

/// The largest number of every window, and which it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Largest<T> {
    /// One number a window, `[batch, channels, rows, columns]`; `-∞` for a window without pixels.
    pub values: Vec<T>,
    /// The index within its channel of each, the first among equals; not-a-number wins over all.
    pub indices: Vec<u32>,
}

/// `torch.nn.MaxPool2d` over `planes`: channels of images of `size`, one after the other.
///
/// # Panics
///
/// If `planes` is not a whole number of channels, a channel has 2³² pixels or more, or the padding is more than half the
/// window.
pub fn max_pool<T: Real>(planes: &[T], size: [usize; 2], window: &Window) -> Largest<T> {
    let [height, width] = window.output_size(size);
    let rows = window.windows(0, size[0], height);
    let columns = window.windows(1, size[1], width);
    let (plane, n_out) = (size[0] * size[1], height * width);
    assert!(u32::try_from(plane).is_ok(), "a channel of {plane} pixels");
    let n_planes = n_planes(planes.len(), plane);
    let lowest = T::from_f64(f64::NEG_INFINITY);
    let mut values = vec![lowest; n_planes * n_out];
    let mut indices = vec![0_u32; n_planes * n_out];
    if values.is_empty() {
        return Largest { values, indices };
    }
    let halves = *window
        == (Window {
            kernel: [2; 2],
            stride: [2; 2],
            padding: [0; 2],
            rounds_up: window.rounds_up,
        })
        && size.iter().all(|n| n % 2 == 0);
    let outputs = values.par_chunks_exact_mut(n_out).zip(indices.par_chunks_exact_mut(n_out));
    outputs.zip(planes.par_chunks_exact(plane)).for_each(|((values, indices), pixels)| {
        vectorised(
            #[inline(always)]
            || {
                if halves {
                    halve(pixels, size[1], values, indices);
                } else {
                    largest(pixels, size[1], [&rows, &columns], values, indices);
                }
            },
        );
    });
    Largest { values, indices }
}

/// Windows of 2×2 side by side.
#[inline(always)]
fn halve<T: Real>(pixels: &[T], width: usize, values: &mut [T], indices: &mut [u32]) {
    let out_width = width / 2;
    let outputs = values.chunks_exact_mut(out_width).zip(indices.chunks_exact_mut(out_width));
    for (row, (two_rows, (values, indices))) in
        pixels.chunks_exact(2 * width).zip(outputs).enumerate()
    {
        let (upper, lower) = two_rows.split_at(width);
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        let outputs = values.iter_mut().zip(indices);
        for (column, ((value, index), ([a, b], [c, d]))) in outputs.zip(pairs).enumerate() {
            let first = (2 * row * width + 2 * column) as u32;
            let (mut best, mut at) = (*a, first);
            for (x, place) in
                [(*b, first + 1), (*c, first + width as u32), (*d, first + width as u32 + 1)]
            {
                let wins = is_larger(x, best);
                best = if wins { x } else { best };
                at = if wins { place } else { at };
            }
            *value = best;
            *index = at;
        }
    }
}

/// Not-a-number is larger than all numbers, the first one stays.
#[inline(always)]
#[expect(clippy::eq_op, reason = "not-a-number differs from itself")]
fn is_larger<T: Real>(x: T, best: T) -> bool {
    x > best || (x != x && best == best)
}

#[inline(always)]
fn largest<T: Real>(
    pixels: &[T],
    width: usize,
    [rows, columns]: [&Windows; 2],
    values: &mut [T],
    indices: &mut [u32],
) {
    let mut outputs = values.iter_mut().zip(indices);
    for rows in rows {
        for columns in columns {
            let Some((value, index)) = outputs.next() else { return };
            let mut best: Option<(T, u32)> = None;
            for row in rows.clone() {
                let first = row * width + columns.start;
                for (at, x) in (first..).zip(&pixels[first..first + columns.len()]) {
                    if best.is_none_or(|(best, _)| is_larger(*x, best)) {
                        best = Some((*x, at as u32));
                    }
                }
            }
            if let Some((best, at)) = best {
                (*value, *index) = (best, at);
            }
        }
    }
}

/// The gradient of the images, from that of their largest numbers.
///
/// # Panics
///
/// If there are not as many indices as numbers, or one is not in a channel of `size`.
pub fn max_pool_gradient<T: Real>(
    gradient: &[T],
    indices: &[u32],
    size: [usize; 2],
    n_out: usize,
) -> Vec<T> {
    assert_eq!(gradient.len(), indices.len());
    let plane = size[0] * size[1];
    let n_planes = n_planes(gradient.len(), n_out);
    let mut images = vec![T::default(); n_planes * plane];
    if n_out == 0 || plane == 0 {
        return images;
    }
    images
        .par_chunks_exact_mut(plane)
        .zip(gradient.par_chunks_exact(n_out).zip(indices.par_chunks_exact(n_out)))
        .for_each(|(pixels, (gradient, indices))| {
            for (slope, index) in gradient.iter().zip(indices) {
                pixels[*index as usize] += *slope;
            }
        });
    images
}

/// Means over windows, each with the number that its sum is divided by.
#[derive(Clone, Debug, PartialEq)]
pub struct Means {
    size: [usize; 2],
    rows: Windows,
    columns: Windows,
    divisors: Vec<f64>,
}

impl Means {
    /// `torch.nn.AvgPool2d` on images of `size`; `counts_padding` says whether pixels of the padding count as zeros.
    ///
    /// # Panics
    ///
    /// If the padding is more than half the window.
    pub fn new(size: [usize; 2], window: &Window, counts_padding: bool) -> Self {
        let [height, width] = window.output_size(size);
        let rows = window.windows(0, size[0], height);
        let columns = window.windows(1, size[1], width);
        let counted = |axis: usize, nth: usize, within: usize| {
            if !counts_padding {
                return within;
            }
            // A window that hangs over the padding itself is shorter.
            let start = nth * window.stride[axis];
            window.kernel[axis].min(size[axis] + 2 * window.padding[axis] - start)
        };
        let divisors = (0..height)
            .flat_map(|row| (0..width).map(move |column| (row, column)))
            .map(|(row, column)| {
                let n_rows = counted(0, row, rows[row].len());
                (n_rows * counted(1, column, columns[column].len())) as f64
            })
            .collect();
        Self { size, rows, columns, divisors }
    }

    /// `torch.nn.AdaptiveAvgPool2d` to `output` rows and columns on images of `size`.
    pub fn adaptive(size: [usize; 2], output: [usize; 2]) -> Self {
        let windows = |axis: usize| -> Windows {
            let (n, n_out) = (size[axis], output[axis]);
            (0..n_out).map(|i| i * n / n_out..((i + 1) * n).div_ceil(n_out)).collect()
        };
        let (rows, columns) = (windows(0), windows(1));
        let divisors = rows
            .iter()
            .flat_map(|row| columns.iter().map(move |column| (row.len() * column.len()) as f64))
            .collect();
        Self { size, rows, columns, divisors }
    }

    /// Rows and columns of the output.
    pub fn output_size(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    /// The mean of every window of `planes`, channels of images one after the other.
    ///
    /// # Panics
    ///
    /// If `planes` is not a whole number of channels.
    pub fn forward<T: Real>(&self, planes: &[T]) -> Vec<T> {
        let plane = self.size[0] * self.size[1];
        let n_out = self.divisors.len();
        let mut means = vec![T::default(); n_planes(planes.len(), plane) * n_out];
        if means.is_empty() {
            return means;
        }
        means.par_chunks_exact_mut(n_out).zip(planes.par_chunks_exact(plane)).for_each(
            |(means, pixels)| {
                for (mean, (divisor, (rows, columns))) in means.iter_mut().zip(self.windows()) {
                    let mut sum = 0.0;
                    for row in rows.clone() {
                        let pixels = &pixels[row * self.size[1]..][columns.clone()];
                        sum += pixels.iter().map(|x| x.to_f64()).sum::<f64>();
                    }
                    *mean = T::from_f64(sum / divisor);
                }
            },
        );
        means
    }

    /// The gradient of the images, from that of the means.
    ///
    /// # Panics
    ///
    /// If `gradient` is not a whole number of channels.
    pub fn backward<T: Real>(&self, gradient: &[T]) -> Vec<T> {
        let plane = self.size[0] * self.size[1];
        let n_out = self.divisors.len();
        let mut images = vec![T::default(); n_planes(gradient.len(), n_out) * plane];
        if images.is_empty() {
            return images;
        }
        images.par_chunks_exact_mut(plane).zip(gradient.par_chunks_exact(n_out)).for_each(
            |(pixels, gradient)| {
                for (slope, (divisor, (rows, columns))) in gradient.iter().zip(self.windows()) {
                    let share = T::from_f64(slope.to_f64() / divisor);
                    for row in rows.clone() {
                        let pixels = &mut pixels[row * self.size[1]..][columns.clone()];
                        pixels.iter_mut().for_each(|pixel| *pixel += share);
                    }
                }
            },
        );
        images
    }

    fn windows(&self) -> impl Iterator<Item = (f64, (&Range<usize>, &Range<usize>))> {
        let pairs =
            self.rows.iter().flat_map(|row| self.columns.iter().map(move |column| (row, column)));
        self.divisors.iter().copied().zip(pairs)
    }
}

fn n_planes(n_numbers: usize, plane: usize) -> usize {
    if plane == 0 {
        return 0;
    }
    assert_eq!(n_numbers % plane, 0, "not a whole number of channels");
    n_numbers / plane
}
