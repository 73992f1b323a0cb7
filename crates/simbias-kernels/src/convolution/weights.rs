//! The gradient of a convolution's weights: for every filter and every tap the sum of products of the output's gradient
//! and the pixels that the tap reads.

use pulp::{Simd, WithSimd};

use super::plan::{Correlation, Plan};
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
        for (register, numbers) in row.chunks_exact_mut(lanes).enumerate() {
            for piece in plan.pieces(register) {
                let from = filter * filter_step + piece.to;
                numbers[piece.lane..piece.lane + piece.n]
                    .copy_from_slice(&gradient[from..from + piece.n]);
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
                (4.., true) => self.taps::<S, 4, 6>(simd, filter),
                (4.., false) => self.taps::<S, 4, 3>(simd, filter),
                (_, true) => self.taps::<S, 1, 12>(simd, filter),
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
        let place = |column: usize| {
            column / n_taps * self.plan.channel_step + self.plan.offsets[column % n_taps]
        };
        let mut first = 0;
        while first < n_columns {
            let n = TAPS.min(n_columns - first);
            // A tile at the end takes its last tap several times.
            let places: [usize; TAPS] =
                std::array::from_fn(|tap| place(first + tap.min(n - 1)));
            let tile = if 2 * n <= TAPS && TAPS % 2 == 0 {
                let mut wide = [[T::default(); TAPS]; FILTERS];
                // Half a tile is enough.
                match TAPS / 2 {
                    6 => copy(&mut wide, self.tile::<S, FILTERS, 6>(simd, filter, &places)),
                    _ => copy(&mut wide, self.tile::<S, FILTERS, 3>(simd, filter, &places)),
                }
                wide
            } else {
                self.tile::<S, FILTERS, TAPS>(simd, filter, &places)
            };
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
        #[expect(unsafe_code, reason = "checked in `with_simd` for all tiles, and by the slice above")]
        // SAFETY: no pixel lies beyond `reach`; rows hold whole registers, one for every start.
        let (layout, rows) = unsafe { (Unchecked::new(self.layout), Unchecked::new(rows)) };
        let places: [usize; TAPS] = std::array::from_fn(|tap| places[tap]);
        let mut sums = [[T::splat(simd, T::default()); TAPS]; FILTERS];
        for (register, &start) in self.plan.starts.iter().enumerate() {
            let slopes: [T::Register<S>; FILTERS] = std::array::from_fn(|filter| {
                rows.load::<S>(filter * row_length + register * lanes)
            });
            for tap in 0..TAPS {
                let pixels = layout.load::<S>(places[tap] + start);
                for filter in 0..FILTERS {
                    sums[filter][tap] =
                        T::multiply_add(simd, slopes[filter], pixels, sums[filter][tap]);
                }
            }
        }
        sums.map(|row| row.map(|sum| T::sum(simd, sum)))
    }
}

fn copy<T: Copy, const FILTERS: usize, const WIDE: usize, const NARROW: usize>(
    wide: &mut [[T; WIDE]; FILTERS],
    narrow: [[T; NARROW]; FILTERS],
) {
    for (wide, narrow) in wide.iter_mut().zip(narrow) {
        wide[..NARROW].copy_from_slice(&narrow);
    }
}

/// Registers of output pixels over which one tile's sums should run, so that adding up their lanes costs little.
pub(super) const REGISTERS_A_BLOCK: usize = 192;

/// Numbers of a correlation's weights.
pub(super) fn n_weights(correlation: &Correlation, n_filters: usize) -> usize {
    n_filters * correlation.channels * correlation.taps().count()
}
