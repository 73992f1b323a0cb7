//! Rows in tiles of a register's width, so that sixteen rows are multiplied at once whatever their length.

use pulp::{Arch, Simd, WithSimd};

/// Rows in a tile.
pub(super) const LANES: usize = 16;
/// Directions that a tile is projected on in one go.
pub(super) const DIRECTIONS: usize = 5;

/// Rows of one class: tile after tile; in a tile the numbers of the first column of all its rows, then of the second.
/// Rows that fill up the last tile are zero.
pub(super) struct Tiles {
    numbers: Vec<f32>,
    n_rows: usize,
    n_columns: usize,
}

impl Tiles {
    /// Room for rows, all zero.
    pub(super) fn zeroed(n_rows: usize, n_columns: usize) -> Self {
        let numbers = vec![0.0; n_rows.div_ceil(LANES) * LANES * n_columns];
        Self { numbers, n_rows, n_columns }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    pub(super) fn n_tiles(&self) -> usize {
        self.n_rows.div_ceil(LANES)
    }

    /// The numbers of a tile.
    pub(super) fn tile(&self, tile: usize) -> &[f32] {
        let length = LANES * self.n_columns;
        &self.numbers[tile * length..(tile + 1) * length]
    }

    /// Bits of the rows that a tile holds.
    pub(super) fn lanes_in_use(&self, tile: usize) -> u16 {
        match self.n_rows - tile * LANES {
            LANES.. => u16::MAX,
            n => (1 << n) - 1,
        }
    }

    /// Sets a row.
    pub(super) fn set(&mut self, row: usize, numbers: &[f32]) {
        let start = row / LANES * LANES * self.n_columns + row % LANES;
        for (place, &number) in self.numbers[start..].iter_mut().step_by(LANES).zip(numbers) {
            *place = number;
        }
    }

    /// The numbers of a row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = f32> + '_ {
        let start = row / LANES * LANES * self.n_columns + row % LANES;
        self.numbers[start..].iter().step_by(LANES).take(self.n_columns).copied()
    }

    /// Moves the mean of all rows to zero.
    pub(super) fn centre(&mut self) {
        let mut mean = vec![0.0; self.n_columns];
        for tile in 0..self.n_tiles() {
            add_lanes(self.tile(tile), &[1.0; LANES], &mut mean);
        }
        for sum in &mut mean {
            *sum /= self.n_rows as f64;
        }
        let length = LANES * self.n_columns;
        for tile in 0..self.n_tiles() {
            let n = (self.n_rows - tile * LANES).min(LANES);
            let numbers = &mut self.numbers[tile * length..(tile + 1) * length];
            for (column, mean) in numbers.chunks_exact_mut(LANES).zip(&mean) {
                for number in &mut column[..n] {
                    *number = (f64::from(*number) - mean) as f32;
                }
            }
        }
    }
}

/// Adds up, for every column, the numbers of all rows of a tile times the `factors` of the rows.
pub(super) fn add_lanes(tile: &[f32], factors: &[f32; LANES], sums: &mut [f64]) {
    struct Add<'a>(&'a [f32], &'a [f32; LANES], &'a mut [f64]);
    impl WithSimd for Add<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self(tile, factors, sums) = self;
            let (columns, _) = tile.as_chunks::<LANES>();
            for (column, sum) in columns.iter().zip(sums) {
                let mut products = [0.0_f32; LANES];
                for lane in 0..LANES {
                    products[lane] = column[lane] * factors[lane];
                }
                // Pairs of neighbours half a register apart, so that all machines add in the same order.
                let mut width = LANES / 2;
                while width > 0 {
                    for lane in 0..width {
                        products[lane] += products[lane + width];
                    }
                    width /= 2;
                }
                *sum += f64::from(products[0]);
            }
        }
    }
    Arch::new().dispatch(Add(tile, factors, sums));
}

/// Projections of the rows of a tile on directions, which are interleaved: all their first numbers, then the second.
///
/// Products and sums are rounded one by one, without fused operations, so that the bits do not depend on the machine.
/// Compiled into its caller, which is compiled for this machine's registers by [`vectorised`].
#[inline(always)]
pub(super) fn project(
    tile: &[f32],
    directions: &[[f32; DIRECTIONS]],
) -> [[f32; LANES]; DIRECTIONS] {
    let (columns, _) = tile.as_chunks::<LANES>();
    let mut sums = [[0.0_f32; LANES]; DIRECTIONS];
    for (column, direction) in columns.iter().zip(directions) {
        for (sums, &along) in sums.iter_mut().zip(direction) {
            for (sum, &number) in sums.iter_mut().zip(column) {
                *sum += number * along;
            }
        }
    }
    sums
}

/// The lanes whose numbers are above `threshold`, as bits.
#[inline(always)]
pub(super) fn lanes_above(numbers: &[f32; LANES], threshold: f32) -> u16 {
    let mut bits = [0_u32; LANES];
    for (lane, (bit, &number)) in bits.iter_mut().zip(numbers).enumerate() {
        *bit = u32::from(number > threshold) << lane;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            bits[lane] |= bits[lane + width];
        }
        width /= 2;
    }
    bits[0] as u16
}

/// Runs `work`, a closure marked `#[inline(always)]`, compiled for this machine's registers.
pub(super) fn vectorised<R>(work: impl FnMut() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnMut() -> R> WithSimd for Work<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) -> R {
            (self.0)()
        }
    }
    Arch::new().dispatch(Work(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(n_rows: usize, n_columns: usize) -> Tiles {
        let mut tiles = Tiles::zeroed(n_rows, n_columns);
        for row in 0..n_rows {
            let numbers: Vec<f32> = (0..n_columns).map(|c| (row * n_columns + c) as f32).collect();
            tiles.set(row, &numbers);
        }
        tiles
    }

    #[test]
    fn rows_come_back_and_the_rest_of_the_last_tile_is_unused() {
        let tiles = counted(19, 3);
        assert_eq!(tiles.n_tiles(), 2);
        assert!(tiles.row(18).eq([54.0, 55.0, 56.0]));
        assert_eq!((tiles.lanes_in_use(0), tiles.lanes_in_use(1)), (u16::MAX, 0b111));
    }

    #[test]
    fn projections_are_scalar_products() {
        let tiles = counted(17, 2);
        let directions = [[1.0, 0.0, -1.0, 2.0, 0.5], [0.0, 1.0, 1.0, 2.0, 0.5]];
        let found = project(tiles.tile(1), &directions);
        // Row 16 is (32, 33).
        assert_eq!(found.map(|lanes| lanes[0]), [32.0, 33.0, 1.0, 130.0, 32.5]);
        assert_eq!(lanes_above(&found[1], 32.5), 1);
        assert_eq!(lanes_above(&project(tiles.tile(0), &directions)[0], 5.0), !0b111);
    }

    #[test]
    fn the_mean_of_centred_rows_is_zero() {
        let mut tiles = counted(21, 2);
        tiles.centre();
        let mut sums = [0.0; 2];
        for tile in 0..tiles.n_tiles() {
            add_lanes(tiles.tile(tile), &[1.0; LANES], &mut sums);
        }
        assert_eq!(sums, [0.0; 2]);
        assert!(tiles.row(20).eq([20.0, 20.0]));
    }
}
