//! Two-dimensional convolution (`torch.nn.functional.conv2d`) and its gradients.
//!
//! No batch is unfolded: a task lays out one image, or a few small ones, ([`plan`]) and multiplies it by
//! filters in tiles that fill the processor's registers ([`product`], [`weights`]).

mod plan;
mod product;
mod weights;

use std::mem::MaybeUninit;

use rayon::prelude::*;

use self::plan::{Axis, Correlation, Destination, Plan, Tap, Wanted};
use self::product::{Panels, Product, panel_heights, tallest_panel};
use self::weights::{REGISTERS_A_BLOCK, WeightSums, lay_out_gradient, n_weights};
use crate::real::{AlignedZeros, Real, arch, lanes, written};

/// Registers of output pixels that a block should have, so that tiles are full.
const REGISTERS_A_PRODUCT: usize = 12;
/// Bytes that the weight gradients of all parts of a batch take together at most, unless two of them take more.
const PARTIAL_BYTES: usize = 64 << 20;
/// Parts of a batch whose weight gradients are summed by themselves.
const MOST_PARTS: usize = 16;

/// Sizes of a convolution with zero padding; pairs are rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub filters: usize,
    /// Independent groups of channels, a divisor of `channels` and `filters`.
    pub groups: usize,
    /// Pixels of an input image.
    pub size: [usize; 2],
    /// Taps of a filter.
    pub kernel: [usize; 2],
    /// Distance between the pixels that filters are applied to.
    pub stride: [usize; 2],
    /// Zeros on every side.
    pub padding: [usize; 2],
    /// Distance between the taps of a filter.
    pub dilation: [usize; 2],
}

impl Convolution {
    /// Pixels of an output image: none where the filter does not fit.
    pub fn output_size(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let Some(reach) = self.kernel[axis].checked_sub(1).map(|n| n * self.dilation[axis])
            else {
                return 0;
            };
            let padded = self.size[axis] + 2 * self.padding[axis];
            padded.checked_sub(reach + 1).map_or(0, |n| n / self.stride[axis] + 1)
        })
    }

    /// Images `[batch, filters, rows, columns]` from `images` `[batch, channels, rows, columns]`, `weights`
    /// `[filters, channels / groups, rows, columns]` and `bias` `[filters]`.
    ///
    /// # Panics
    ///
    /// If a slice has another length, a stride or a dilation is zero, or `groups` does not divide the channels.
    pub fn forward<T: Real>(&self, images: &[T], weights: &[T], bias: Option<&[T]>) -> Vec<T> {
        let [batch, plane] = self.check(images, weights, bias);
        let [channels, filters] = self.of_group();
        let [rows, columns] = self.kernel;
        let correlation =
            Correlation { channels, axes: self.forward_axes(), destination: self.rows() };
        let panels: Vec<Panels<T>> = (0..self.groups)
            .map(|group| {
                Panels::new(&correlation, filters, |filter, channel, row, column| {
                    let filter = group * filters + filter;
                    weights[((filter * channels + channel) * rows + row) * columns + column]
                })
            })
            .collect();
        let source = Source { images, channels: self.channels, size: self.size };
        let correlations = [(correlation, panels)];
        #[expect(unsafe_code, reason = "every output pixel is written")]
        // SAFETY: `correlate` writes every pixel of the one correlation's output.
        unsafe {
            written(batch * self.filters * plane, |out| {
                correlate(&correlations, self.groups, source, bias, plane, out);
            })
        }
    }

    /// The gradient of the images from that of the output.
    ///
    /// # Panics
    ///
    /// As [`Self::forward`], and if a filter does not fit the images: the batch is then unknown.
    pub fn image_gradient<T: Real>(&self, gradient: &[T], weights: &[T]) -> Vec<T> {
        let [channels, filters] = self.of_group();
        let plane = self.size[0] * self.size[1];
        let out_size = self.output_size();
        let out_plane = out_size[0] * out_size[1];
        assert!(out_plane > 0, "filters of {:?} do not fit images of {:?}", self.kernel, self.size);
        let batch = batch_of(gradient.len(), self.filters * out_plane);
        assert_eq!(weights.len(), self.filters * channels * self.kernel[0] * self.kernel[1]);
        let [rows, columns] = self.kernel;
        let mut phases = Vec::new();
        for row_phase in self.gradient_phases(0) {
            for column_phase in self.gradient_phases(1) {
                let destination = Destination {
                    origin: row_phase.0 * self.size[1] + column_phase.0,
                    row_step: self.stride[0] * self.size[1],
                    column_step: self.stride[1],
                    image_step: self.channels * plane,
                };
                let axes = [row_phase.1.clone(), column_phase.1.clone()];
                let correlation = Correlation { channels: filters, axes, destination };
                let panels = (0..self.groups)
                    .map(|group| {
                        // The roles of filters and channels are exchanged.
                        Panels::new(&correlation, channels, |channel, filter, row, column| {
                            let filter = group * filters + filter;
                            weights[((filter * channels + channel) * rows + row) * columns + column]
                        })
                    })
                    .collect();
                phases.push((correlation, panels));
            }
        }
        let source = Source { images: gradient, channels: self.filters, size: out_size };
        #[expect(unsafe_code, reason = "every input pixel is written")]
        // SAFETY: `correlate` writes every pixel of all phases, and every pixel has its phase.
        unsafe {
            written(batch * self.channels * plane, |out| {
                correlate(&phases, self.groups, source, None, plane, out);
            })
        }
    }

    /// The gradient of the weights, `[filters, channels / groups, rows, columns]`.
    ///
    /// Pixels that are not finite may spoil weights of the same channel that do not read them.
    ///
    /// # Panics
    ///
    /// As [`Self::forward`].
    pub fn weight_gradient<T: Real>(&self, images: &[T], gradient: &[T]) -> Vec<T> {
        let [channels, filters] = self.of_group();
        let lanes = lanes::<T>();
        let image_size = self.channels * self.size[0] * self.size[1];
        let out_plane = self.output_size().iter().product::<usize>();
        let batch = batch_of(images.len(), image_size);
        assert_eq!(gradient.len(), batch * self.filters * out_plane);
        let correlation =
            Correlation { channels, axes: self.forward_axes(), destination: self.rows() };
        let n_weights = n_weights(&correlation, filters);
        if batch * out_plane * n_weights == 0 {
            return vec![T::default(); self.groups * n_weights];
        }
        let bytes = size_of::<T>();
        let wanted = Wanted {
            n_filters: filters,
            lanes,
            bytes,
            n_registers: REGISTERS_A_BLOCK,
            // Parts of a batch are the same for every number of threads.
            most_images: batch.div_ceil(4),
        };
        let plan = Plan::new(&correlation, wanted);
        let n_blocks = batch.div_ceil(plan.n_images);
        let most_parts = (PARTIAL_BYTES / (n_weights * bytes)).clamp(2, MOST_PARTS);
        let per_part = n_blocks.div_ceil(most_parts) * plan.n_images;
        let n_left = batch % plan.n_images;
        let shorter = (n_left > 0).then(|| plan.shortened(&correlation, n_left, lanes));
        let plane = self.size[0] * self.size[1];
        let part = |group: usize, images: &[T], gradient: &[T]| {
            let mut sums = vec![T::default(); n_weights];
            let n_images = images.len() / image_size;
            let mut buffers: Option<(usize, AlignedZeros<T>, AlignedZeros<T>)> = None;
            let mut image = 0;
            while image < n_images {
                let plan = match &shorter {
                    Some(shorter) if n_images - image < plan.n_images => shorter,
                    _ => &plan,
                };
                let (layout, rows) = match &mut buffers {
                    Some((n, layout, rows)) if *n == plan.n_images => (layout, rows),
                    other => {
                        let layout = AlignedZeros::new(plan.length);
                        let rows = AlignedZeros::new(filters * plan.starts.len() * lanes);
                        let made = other.insert((plan.n_images, layout, rows));
                        (&mut made.1, &mut made.2)
                    }
                };
                let n_rows = filters * plan.starts.len() * lanes;
                let (layout, rows) = (layout.as_mut_slice(), &mut rows.as_mut_slice()[..n_rows]);
                let first_channel = image * image_size + group * channels * plane;
                plan.lay_out(&correlation, &images[first_channel..], [image_size, plane], layout);
                let first_filter = (image * self.filters + group * filters) * out_plane;
                lay_out_gradient(plan, lanes, &gradient[first_filter..], out_plane, rows);
                let sums = &mut sums;
                arch().dispatch(WeightSums { plan, channels, layout, gradient: rows, sums });
                image += plan.n_images;
            }
            sums
        };
        let per_group = |group: usize| {
            let parts: Vec<Vec<T>> = images
                .par_chunks(per_part * image_size)
                .zip(gradient.par_chunks(per_part * self.filters * out_plane))
                .map(|(images, gradient)| part(group, images, gradient))
                .collect();
            let mut parts = parts.into_iter();
            let mut total = parts.next().unwrap_or_default();
            for part in parts {
                total.iter_mut().zip(part).for_each(|(total, sum)| *total += sum);
            }
            total
        };
        let groups: Vec<Vec<T>> = (0..self.groups).into_par_iter().map(per_group).collect();
        groups.concat()
    }

    /// The gradient of the bias, `[filters]`.
    ///
    /// # Panics
    ///
    /// If `gradient` is not a whole number of output images.
    pub fn bias_gradient<T: Real>(&self, gradient: &[T]) -> Vec<T> {
        let plane = self.output_size().iter().product::<usize>();
        let batch = batch_of(gradient.len(), self.filters * plane);
        (0..self.filters)
            .into_par_iter()
            .map(|filter| {
                let mut total = T::default();
                for image in 0..batch {
                    let pixels = &gradient[(image * self.filters + filter) * plane..][..plane];
                    total += sum(pixels);
                }
                total
            })
            .collect()
    }

    fn of_group(&self) -> [usize; 2] {
        assert!(
            self.groups > 0
                && self.channels.is_multiple_of(self.groups)
                && self.filters.is_multiple_of(self.groups),
            "{} groups do not divide {} channels and {} filters",
            self.groups,
            self.channels,
            self.filters
        );
        assert!(self.stride.iter().chain(&self.dilation).all(|&step| step > 0), "a step of zero");
        [self.channels / self.groups, self.filters / self.groups]
    }

    /// Images of the batch and pixels of an output channel.
    fn check<T>(&self, images: &[T], weights: &[T], bias: Option<&[T]>) -> [usize; 2] {
        let [channels, _] = self.of_group();
        assert_eq!(weights.len(), self.filters * channels * self.kernel[0] * self.kernel[1]);
        assert!(bias.is_none_or(|bias| bias.len() == self.filters), "a bias for every filter");
        let batch = batch_of(images.len(), self.channels * self.size[0] * self.size[1]);
        [batch, self.output_size().iter().product()]
    }

    fn forward_axes(&self) -> [Axis; 2] {
        let out = self.output_size();
        std::array::from_fn(|axis| Axis {
            n_in: self.size[axis],
            n_out: out[axis],
            stride: self.stride[axis],
            taps: (0..self.kernel[axis])
                .map(|index| Tap { index, shift: self.shift(axis, index) })
                .collect(),
        })
    }

    fn shift(&self, axis: usize, index: usize) -> isize {
        (index * self.dilation[axis]) as isize - self.padding[axis] as isize
    }

    /// Output pixels in their own order.
    fn rows(&self) -> Destination {
        let [height, width] = self.output_size();
        let image_step = self.filters * height * width;
        Destination { origin: 0, row_step: width, column_step: 1, image_step }
    }

    /// Pixels with the same remainder by the stride get their gradient through the same taps.
    fn gradient_phases(&self, axis: usize) -> Vec<(usize, Axis)> {
        let stride = self.stride[axis];
        let n_out = self.output_size()[axis];
        (0..stride.min(self.size[axis]))
            .map(|remainder| {
                let taps = (0..self.kernel[axis])
                    .map(|index| (index, self.shift(axis, index) - remainder as isize))
                    .filter(|(_, shift)| shift.rem_euclid(stride as isize) == 0)
                    .map(|(index, shift)| Tap { index, shift: -shift.div_euclid(stride as isize) })
                    .collect();
                let n_pixels = (self.size[axis] - remainder).div_ceil(stride);
                (remainder, Axis { n_in: n_out, n_out: n_pixels, stride: 1, taps })
            })
            .collect()
    }
}

/// Images that are correlated.
#[derive(Clone, Copy)]
struct Source<'a, T> {
    images: &'a [T],
    channels: usize,
    size: [usize; 2],
}

/// Every correlation of a group of channels with its filters, into `out`, in planes of `plane` pixels.
fn correlate<T: Real>(
    correlations: &[(Correlation, Vec<Panels<T>>)],
    groups: usize,
    source: Source<'_, T>,
    bias: Option<&[T]>,
    plane: usize,
    out: &mut [MaybeUninit<T>],
) {
    let source_plane = source.size[0] * source.size[1];
    let image_size = source.channels * source_plane;
    if out.is_empty() || image_size == 0 {
        // Without pixels to read the output is the bias.
        out.fill(MaybeUninit::new(T::default()));
        if let (Some(bias), false) = (bias, out.is_empty()) {
            for (pixels, bias) in out.chunks_exact_mut(plane).zip(bias.iter().cycle()) {
                pixels.fill(MaybeUninit::new(*bias));
            }
        }
        return;
    }
    let batch = source.images.len() / image_size;
    let n_filters = out.len() / (batch * plane) / groups;
    let lanes = lanes::<T>();
    let n_threads = rayon::current_num_threads();
    let plans: Vec<Plan> = correlations
        .iter()
        .map(|(correlation, _)| {
            Plan::new(
                correlation,
                Wanted {
                    n_filters,
                    lanes,
                    bytes: size_of::<T>(),
                    n_registers: REGISTERS_A_PRODUCT,
                    most_images: batch.div_ceil(n_threads),
                },
            )
        })
        .collect();
    // All phases run over the same images.
    let n_images = plans.iter().map(|plan| plan.n_images).min().unwrap_or(1);
    let fitted = |n_images: usize| -> Vec<Plan> {
        plans
            .iter()
            .zip(correlations)
            .map(|(plan, (correlation, _))| plan.shortened(correlation, n_images, lanes))
            .collect()
    };
    let whole = fitted(n_images);
    let rest = (!batch.is_multiple_of(n_images)).then(|| fitted(batch % n_images));
    // Single images can be shared between threads, some panels of filters each.
    let heights = panel_heights(n_filters, tallest_panel());
    let is_shared = n_images == 1 && batch * groups < 2 * n_threads;
    let per_task = if is_shared && n_filters.is_multiple_of(tallest_panel()) {
        let n_panels = heights.len();
        let wanted = n_panels.div_ceil((2 * n_threads).div_ceil(batch * groups));
        (wanted..=n_panels).find(|&n| n_panels.is_multiple_of(n)).unwrap_or(n_panels)
    } else {
        heights.len()
    };
    let n_shares = heights.len() / per_task;
    let share_filters = n_filters / n_shares;
    let share = if n_images == 1 { share_filters } else { groups * n_filters } * plane;
    let tasks_an_image = if n_images == 1 { groups * n_shares } else { 1 };
    out.par_chunks_mut(share * n_images).enumerate().for_each_init(
        || Scratch { layouts: Vec::new(), block: Vec::new(), n_images: 0 },
        |scratch, (task, out)| {
            let first_image = task / tasks_an_image * n_images;
            let n_here = (batch - first_image).min(n_images);
            let plans = match &rest {
                Some(rest) if n_here < n_images => rest,
                _ => &whole,
            };
            let (layouts, block) = scratch.of(plans, n_here);
            let within = task % tasks_an_image;
            // Groups and panels of this task.
            let (task_groups, panels) = if n_images == 1 {
                let (group, nth) = (within / n_shares, within % n_shares);
                (group..group + 1, nth * per_task..(nth + 1) * per_task)
            } else {
                (0..groups, 0..heights.len())
            };
            let first_group = task_groups.start;
            for group in task_groups {
                let channels = source.channels / groups;
                let images =
                    &source.images[first_image * image_size + group * channels * source_plane..];
                let out = &mut out[(group - first_group) * n_filters * plane..];
                let first_filter = group * n_filters + within % n_shares * share_filters;
                for ((plan, layout), (correlation, all_panels)) in
                    plans.iter().zip(&mut *layouts).zip(correlations)
                {
                    let layout = layout.as_mut_slice();
                    plan.lay_out(correlation, images, [image_size, source_plane], layout);
                    let bias = bias.map(|bias| &bias[first_filter..first_filter + share_filters]);
                    let (panels, range) = (&all_panels[group], panels.clone());
                    if plan.pixels.is_none() {
                        let filter_step = plane;
                        arch().dispatch(Product {
                            plan,
                            channels,
                            layout,
                            panels,
                            range,
                            bias,
                            out,
                            filter_step,
                        });
                        continue;
                    }
                    let filter_step = plan.starts.len() * lanes;
                    block.resize(n_filters * filter_step, MaybeUninit::uninit());
                    arch().dispatch(Product {
                        plan,
                        channels,
                        layout,
                        panels,
                        range,
                        bias,
                        out: block,
                        filter_step,
                    });
                    plan.take_apart(block, plane, out);
                }
            }
        },
    );
}

/// Zeroed layouts of a task, used again by the next.
struct Scratch<T> {
    layouts: Vec<AlignedZeros<T>>,
    /// Output of interleaved images.
    block: Vec<MaybeUninit<T>>,
    n_images: usize,
}

impl<T: Real> Scratch<T> {
    fn of(
        &mut self,
        plans: &[Plan],
        n_images: usize,
    ) -> (&mut [AlignedZeros<T>], &mut Vec<MaybeUninit<T>>) {
        if self.n_images != n_images {
            self.layouts = plans.iter().map(|plan| AlignedZeros::new(plan.length)).collect();
            self.n_images = n_images;
        }
        (&mut self.layouts, &mut self.block)
    }
}

fn batch_of(n_numbers: usize, image_size: usize) -> usize {
    if image_size == 0 {
        return 0;
    }
    assert_eq!(n_numbers % image_size, 0, "not a whole number of images");
    n_numbers / image_size
}

/// A sum in sixteen lanes, in the same order on every machine.
fn sum<T: Real>(numbers: &[T]) -> T {
    const LANES: usize = 16;
    let mut sums = [T::default(); LANES];
    let mut chunks = numbers.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum += *number;
        }
    }
    for (sum, number) in sums.iter_mut().zip(chunks.remainder()) {
        *sum += *number;
    }
    let mut total = T::default();
    for sum in sums {
        total += sum;
    }
    total
}
