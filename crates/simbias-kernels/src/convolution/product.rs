//! The product of filters and laid-out images, in tiles that fill the processor's registers.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use super::plan::{Correlation, Piece, Plan};
use crate::real::{Real, Unchecked, lanes_of, store};

/// Filters in panels: within a panel the weights of all its filters for one tap stand side by side.
#[derive(Debug)]
pub(super) struct Panels<T> {
    weights: Vec<T>,
    /// Filters in each panel: as many as possible in the widest ones.
    heights: Vec<usize>,
    /// Each panel's first filter.
    firsts: Vec<usize>,
    n_taps: usize,
}

/// Filters of the tallest tile, for machines with many and with few registers.
const fn most_filters<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 4 }
}

pub(super) fn panel_heights(mut n_filters: usize, tallest: usize) -> Vec<usize> {
    let mut heights = Vec::new();
    let mut height = tallest;
    while n_filters > 0 {
        while height > n_filters {
            height /= 2;
        }
        heights.push(height);
        n_filters -= height;
    }
    heights
}

/// The tallest panel on this machine.
pub(super) fn tallest_panel() -> usize {
    struct Tallest;
    impl WithSimd for Tallest {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            most_filters::<S>()
        }
    }
    crate::real::arch().dispatch(Tallest)
}

impl<T: Real> Panels<T> {
    /// `weight(filter, channel, row, column)` is the weight of a tap.
    pub(super) fn new(
        correlation: &Correlation,
        n_filters: usize,
        weight: impl Fn(usize, usize, usize, usize) -> T,
    ) -> Self {
        let heights = panel_heights(n_filters, tallest_panel());
        let taps: Vec<[usize; 2]> =
            correlation.taps().map(|(row, column)| [row.index, column.index]).collect();
        let mut weights = Vec::with_capacity(n_filters * correlation.channels * taps.len());
        let mut first = 0;
        let mut firsts = Vec::new();
        for &height in &heights {
            firsts.push(first);
            for channel in 0..correlation.channels {
                for &[row, column] in &taps {
                    weights
                        .extend((first..first + height).map(|f| weight(f, channel, row, column)));
                }
            }
            first += height;
        }
        Self { weights, heights, firsts, n_taps: correlation.channels * taps.len() }
    }
}

/// One block of images under some filters.
pub(super) struct Product<'a, T> {
    pub(super) plan: &'a Plan,
    pub(super) channels: usize,
    /// The images, laid out by the plan.
    pub(super) layout: &'a [T],
    pub(super) panels: &'a Panels<T>,
    /// Panels to use, and the first filter of the first one.
    pub(super) range: std::ops::Range<usize>,
    /// One number a filter of the range, or none.
    pub(super) bias: Option<&'a [T]>,
    /// Where pieces go; filters of the range are `filter_step` apart.
    pub(super) out: &'a mut [MaybeUninit<T>],
    pub(super) filter_step: usize,
}

impl<T: Real> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.run::<S, 8>(simd);
        } else {
            self.run::<S, 4>(simd);
        }
    }
}

impl<T: Real> Product<'_, T> {
    /// Registers of pixels are the outer loop: a tile of pixels stays in the first cache while all filters pass over it.
    #[inline(always)]
    fn run<S: Simd, const TALLEST: usize>(&mut self, simd: S) {
        let lanes = lanes_of::<T, S>();
        // The loads below are not checked one by one.
        assert!(self.plan.reach(self.channels, lanes) <= self.layout.len());
        let heights = &self.panels.heights[self.range.clone()];
        let n_registers = self.plan.starts.len();
        // Panels of one height stand together, the tallest first.
        let mut panel = self.range.start;
        let mut filter = 0;
        while panel < self.range.end {
            let height = self.panels.heights[panel];
            let n_alike =
                heights[panel - self.range.start..].iter().take_while(|&&h| h == height).count();
            let mut register = 0;
            while register < n_registers {
                let n = tile_width(height, TALLEST, n_registers - register);
                for nth in 0..n_alike {
                    let tile = Tile { panel: panel + nth, filter: filter + nth * height, register };
                    match (height, n) {
                        (8, 3) => self.tile::<S, 8, 3>(simd, tile),
                        (8, 2) => self.tile::<S, 8, 2>(simd, tile),
                        (8, _) => self.tile::<S, 8, 1>(simd, tile),
                        (4, 6) => self.tile::<S, 4, 6>(simd, tile),
                        (4, 3) => self.tile::<S, 4, 3>(simd, tile),
                        (4, _) => self.tile::<S, 4, 1>(simd, tile),
                        (2, 8) => self.tile::<S, 2, 8>(simd, tile),
                        (2, 4) => self.tile::<S, 2, 4>(simd, tile),
                        (2, _) => self.tile::<S, 2, 1>(simd, tile),
                        (_, 8) => self.tile::<S, 1, 8>(simd, tile),
                        (_, 4) => self.tile::<S, 1, 4>(simd, tile),
                        _ => self.tile::<S, 1, 1>(simd, tile),
                    }
                }
                register += n;
            }
            panel += n_alike;
            filter += n_alike * height;
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const FILTERS: usize, const REGISTERS: usize>(&mut self, simd: S, at: Tile) {
        let lanes = lanes_of::<T, S>();
        let n_weights = FILTERS * self.panels.n_taps;
        let weights = &self.panels.weights[self.panels.firsts[at.panel] * self.panels.n_taps..];
        let weights = &weights[..n_weights];
        let mut weights = weights.chunks_exact(FILTERS);
        // Loops instead of closures, which would not be compiled for this processor's registers.
        let mut starts = [0; REGISTERS];
        starts.copy_from_slice(&self.plan.starts[at.register..at.register + REGISTERS]);
        #[expect(unsafe_code, reason = "checked in `run` for all tiles")]
        // SAFETY: no load begins beyond `reach`, which `run` compared with the length.
        let layout = unsafe { Unchecked::new(self.layout) };
        let mut sums = [[T::splat(simd, T::default()); REGISTERS]; FILTERS];
        if let Some(bias) = self.bias {
            for filter in 0..FILTERS {
                sums[filter] = [T::splat(simd, bias[at.filter + filter]); REGISTERS];
            }
        }
        for channel in 0..self.channels {
            let base = channel * self.plan.channel_step;
            for &offset in &self.plan.offsets {
                let Some(weights) = weights.next() else { break };
                let mut pixels = [T::splat(simd, T::default()); REGISTERS];
                for register in 0..REGISTERS {
                    pixels[register] = layout.load::<S>(base + offset + starts[register]);
                }
                for filter in 0..FILTERS {
                    let weight = T::splat(simd, weights[filter]);
                    for register in 0..REGISTERS {
                        sums[filter][register] =
                            T::multiply_add(simd, weight, pixels[register], sums[filter][register]);
                    }
                }
            }
        }
        // What follows is too long to be unrolled. It works on a copy, so that the sums above never need an address.
        let mut columns = [[T::splat(simd, T::default()); FILTERS]; REGISTERS];
        for filter in 0..FILTERS {
            for register in 0..REGISTERS {
                columns[register][filter] = sums[filter][register];
            }
        }
        let first = at.filter * self.filter_step;
        for (register, column) in columns.iter().enumerate() {
            match self.plan.pieces(at.register + register) {
                [piece] if piece.n == lanes && self.plan.lane_step == 1 => {
                    for (filter, numbers) in column.iter().enumerate() {
                        let to = first + filter * self.filter_step + piece.to;
                        store::<T, S>(self.out, to, *numbers);
                    }
                }
                pieces => {
                    let numbers = bytemuck::cast_slice(column);
                    let [lane_step, filter_step] = [self.plan.lane_step, self.filter_step];
                    let out = &mut self.out[first..];
                    scatter(numbers, lanes, pieces, out, [lane_step, filter_step]);
                }
            }
        }
    }
}

/// Writes what the pieces of a register hold, for as many filters as there are registers.
#[inline(never)]
fn scatter<T: Real>(
    registers: &[T],
    lanes: usize,
    pieces: &[Piece],
    out: &mut [MaybeUninit<T>],
    [lane_step, filter_step]: [usize; 2],
) {
    for (filter, numbers) in registers.chunks_exact(lanes).enumerate() {
        for &Piece { lane, to, n } in pieces {
            let numbers = &numbers[lane..lane + n];
            let out = &mut out[filter * filter_step + to..];
            if lane_step == 1 {
                // Too short for a call of `memcpy` to pay.
                for (out, number) in out.iter_mut().zip(numbers) {
                    out.write(*number);
                }
            } else {
                for (out, number) in out.iter_mut().step_by(lane_step).zip(numbers) {
                    out.write(*number);
                }
            }
        }
    }
}

/// Which part of the output a tile computes.
#[derive(Clone, Copy)]
struct Tile {
    panel: usize,
    /// Its first filter, counted in the range.
    filter: usize,
    /// Its first register of output pixels.
    register: usize,
}

/// Registers of the next tile, when `left` of them are left.
fn tile_width(height: usize, tallest: usize, left: usize) -> usize {
    let widths: [usize; 3] = match (height, tallest) {
        // Two tiles of two are better than one of three and one of one.
        (8, _) | (4, 4) if left == 4 && height == 8 => [2, 2, 1],
        (8, _) => [3, 2, 1],
        (4, 8) => [6, 3, 1],
        (4, _) => [3, 3, 1],
        (_, 8) => [8, 4, 1],
        _ => [4, 4, 1],
    };
    widths.into_iter().find(|&width| width <= left).unwrap_or(1)
}
