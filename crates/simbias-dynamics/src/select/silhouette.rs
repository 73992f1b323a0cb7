//! How well two clusters are separated.

use rayon::prelude::*;

use super::tiles::{Tiles, vectorised};

/// Most rows that are compared with one another.
const MOST_ROWS: usize = 2000;
/// Most multiplications for the distances of all pairs of them.
const MOST_PRODUCTS: usize = 1 << 28;

/// Mean silhouette of a partition, in `[-1, 1]`, and the number of rows behind it. Of large classes evenly spaced rows
/// are taken. `None` if one of the clusters has none of them.
///
/// Source: Rousseeuw, *Silhouettes: a graphical aid to the interpretation and validation of cluster analysis*, 1987.
pub(super) fn silhouette(tiles: &Tiles, in_second: &[bool]) -> Option<(f64, usize)> {
    let n_rows = tiles.n_rows();
    let affordable = ((MOST_PRODUCTS / tiles.n_columns()) as f64).sqrt() as usize;
    let n = n_rows.min(MOST_ROWS).min(affordable.max(2));
    let chosen: Vec<usize> = (0..n).map(|index| index * n_rows / n).collect();
    let rows: Vec<Vec<f32>> = chosen.iter().map(|&row| tiles.row(row).collect()).collect();
    let sides: Vec<bool> = chosen.iter().map(|&row| in_second[row]).collect();
    let n_second = sides.iter().filter(|&&side| side).count();
    let sizes = [n - n_second, n_second];
    if sizes.contains(&0) {
        return None;
    }
    let widths: Vec<f64> = (0..n)
        .into_par_iter()
        .map(|row| {
            let own = usize::from(sides[row]);
            if sizes[own] == 1 {
                return 0.0;
            }
            let sums = vectorised(
                #[inline(always)]
                || {
                    let mut sums = [0.0; 2];
                    for (other, &side) in rows.iter().zip(&sides) {
                        sums[usize::from(side)] += distance(&rows[row], other);
                    }
                    sums
                },
            );
            let within = sums[own] / (sizes[own] - 1) as f64;
            let across = sums[1 - own] / sizes[1 - own] as f64;
            let widest = within.max(across);
            if widest > 0.0 { (across - within) / widest } else { 0.0 }
        })
        .collect();
    Some((widths.iter().sum::<f64>() / n as f64, n))
}

#[inline(always)]
fn distance(one: &[f32], other: &[f32]) -> f64 {
    const LANES: usize = 16;
    let (ones, ends) = one.as_chunks::<LANES>();
    let (others, other_ends) = other.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..LANES {
            let difference = one[lane] - other[lane];
            sums[lane] += difference * difference;
        }
    }
    let rest: f32 = ends.iter().zip(other_ends).map(|(a, b)| (a - b) * (a - b)).sum();
    f64::from(sums.iter().sum::<f32>() + rest).sqrt()
}
