//! The gradient of a convolution's weights: for every filter and every tap the sum of products of the output's gradient
//! and the pixels that the tap reads.

use pulp::{Simd, WithSimd};

use super::plan::{Correlation, Piece, Plan, copy_run, interleave};
use crate::real::{Real, Unchecked, lanes_of};

/// One block of images: `sums[filter][channel][tap] += Σ gradient · pixel`.
pub(super) struct WeightSums<'a, T> {
    pub(super) plan: &'a Plan,
    pub(super) channels: usize,
    /// The images, laid out by the plan.
    pub(super) layout: &'a [T],
    /// A row of whole registers for every filter, in the plan's order, with zeros where there is no output pixel.
    pub(super) gradient: &'a [T],
    pub(super) sums: &'a mut [T],
}

/// Copies an output's gradient into rows of whole registers, whose other numbers are zero already.
pub(super) fn lay_out_gradient<T: Real>(
    plan: &Plan,
    lanes: usize,
    gradient: &[T],
    filter_step: usize,
    rows: &mut [T],
) {
    let row_length = plan.starts.len() * lanes;
    if row_length == 0 {
        return;
    }
    for (filter, row) in rows.chunks_exact_mut(row_length).enumerate() {
        let gradient = &gradient[filter * filter_step..];
        if let Some((pixels, image_step)) = &plan.pixels {
            // The gradient of an output image is a row of its own.
            for image in 0..plan.n_images {
                let slopes = &gradient[image * image_step..][..pixels.len()];
                interleave(slopes, lanes, &mut row[image..]);
            }
            continue;
        }
        for (register, numbers) in row.chunks_exact_mut(lanes).enumerate() {
            for &Piece { lane, to, n } in plan.pieces(register) {
                copy_run(&gradient[to..to + n], &mut numbers[lane..lane + n]);
            }
        }
    }
}

impl<T: Real> WithSimd for WeightSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = lanes_of::<T, S>();
        let row_length = self.plan.starts.len() * lanes;
        if row_length == 0 {
            return;
        }
        assert!(self.plan.reach(self.channels, lanes) <= self.layout.len());
        let n_filters = self.gradient.len() / row_length;
        let mut filter = 0;
        while filter < n_filters {
            filter += match (n_filters - filter, S::REGISTER_COUNT >= 32) {
                (8.., true) => self.taps::<S, 8, 3>(simd, filter),
                (4.., true) => self.taps::<S, 4, 5>(simd, filter),
                (4.., false) => self.taps::<S, 4, 3>(simd, filter),
                (_, true) => self.taps::<S, 1, 10>(simd, filter),
                (_, false) => self.taps::<S, 1, 6>(simd, filter),
            };
        }
    }
}

impl<T: Real> WeightSums<'_, T> {
    /// All taps of `FILTERS` filters, `TAPS` at a time.
    #[inline(always)]
    fn taps<S: Simd, const FILTERS: usize, const TAPS: usize>(
        &mut self,
        simd: S,
        filter: usize,
    ) -> usize {
        let n_taps = self.plan.offsets.len();
        let n_columns = self.channels * n_taps;
        let mut first = 0;
        while first < n_columns {
            let n = TAPS.min(n_columns - first);
            // A tile at the end takes its last tap several times.
            let mut places = [0; TAPS];
            for (tap, place_of_tap) in places.iter_mut().enumerate() {
                let column = first + tap.min(n - 1);
                *place_of_tap =
                    column / n_taps * self.plan.channel_step + self.plan.offsets[column % n_taps];
            }
            let tile = self.tile::<S, FILTERS, TAPS>(simd, filter, &places);
            for (row, sums) in tile.iter().enumerate() {
                let at = (filter + row) * n_columns + first;
                for (total, sum) in self.sums[at..at + n].iter_mut().zip(sums) {
                    *total += *sum;
                }
            }
            first += n;
        }
        FILTERS
    }

    #[inline(always)]
    fn tile<S: Simd, const FILTERS: usize, const TAPS: usize>(
        &self,
        simd: S,
        filter: usize,
        places: &[usize],
    ) -> [[T; TAPS]; FILTERS] {
        let lanes = lanes_of::<T, S>();
        let row_length = self.plan.starts.len() * lanes;
        let rows = &self.gradient[filter * row_length..(filter + FILTERS) * row_length];
        #[expect(
            unsafe_code,
            reason = "checked in `with_simd` for all tiles, and by the slice above"
        )]
        // SAFETY: no pixel lies beyond `reach`; rows hold whole registers, one for every start.
        let (layout, rows) = unsafe { (Unchecked::new(self.layout), Unchecked::new(rows)) };
        // Loops instead of closures, which would not be compiled for this processor's registers.
        let mut offsets = [0; TAPS];
        offsets.copy_from_slice(&places[..TAPS]);
        let mut sums = [[T::splat(simd, T::default()); TAPS]; FILTERS];
        for (register, &start) in self.plan.starts.iter().enumerate() {
            let mut pixels = [T::splat(simd, T::default()); TAPS];
            for tap in 0..TAPS {
                pixels[tap] = layout.load::<S>(offsets[tap] + start);
            }
            for (filter, sums) in sums.iter_mut().enumerate() {
                let slope = rows.load::<S>(filter * row_length + register * lanes);
                for tap in 0..TAPS {
                    sums[tap] = T::multiply_add(simd, slope, pixels[tap], sums[tap]);
                }
            }
        }
        // What follows is too long to be unrolled. It works on a copy, so that the sums above never need an address.
        let mut registers = [[T::splat(simd, T::default()); TAPS]; FILTERS];
        for filter in 0..FILTERS {
            for tap in 0..TAPS {
                registers[filter][tap] = sums[filter][tap];
            }
        }
        let mut totals = [[T::default(); TAPS]; FILTERS];
        for (totals, registers) in totals.iter_mut().zip(&registers) {
            for (total, register) in totals.iter_mut().zip(registers) {
                #[expect(unsafe_code, reason = "the registers are those of this dispatch")]
                // SAFETY: `simd` stands for registers that were found on this machine.
                let sum = unsafe { T::sum::<S>(*register) };
                *total = sum;
            }
        }
        totals
    }
}

/// Registers of output pixels over which one tile's sums should run, so that adding up their lanes costs little.
pub(super) const REGISTERS_A_BLOCK: usize = 96;

/// Numbers of a correlation's weights.
pub(super) fn n_weights(correlation: &Correlation, n_filters: usize) -> usize {
    n_filters * correlation.channels * correlation.taps().count()
}
