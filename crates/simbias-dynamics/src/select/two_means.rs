//! The best partition of rows into two clusters, by Lloyd's iterations from several starts.

use rand::RngExt;
use rayon::prelude::*;
use simbias_stats::Seed;

use super::tiles::{DIRECTIONS, LANES, Tiles, add_lanes, lanes_above, project, vectorised};

/// Lloyd's iterations stop here if assignments still change.
const MOST_ITERATIONS: usize = 300;
/// Tiles of one task. Sums are formed task by task, so that they do not depend on the number of threads.
const TASK_TILES: usize = 64;
/// Moving rows between clusters one by one pays up to this many in a tile.
const FEW_LANES: u32 = 3;

/// Rows in two clusters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Partition {
    /// Whether a row is in the second cluster. Which of the two is the second one has no meaning.
    pub(super) in_second: Vec<bool>,
    /// Sum of squared distances from the means of the clusters.
    pub(super) inertia: f64,
}

/// The partition of least inertia that `restarts` starts lead to, each with two centres of k-means++; `None` if all rows
/// are equal. The rows must be [centred](Tiles::centre).
///
/// Source: Arthur & Vassilvitskii, *k-means++: the advantages of careful seeding*, SODA 2007.
pub(super) fn two_means(tiles: &Tiles, restarts: usize, seed: Seed) -> Option<Partition> {
    if (1..tiles.n_rows()).all(|row| tiles.row(row).eq(tiles.row(0))) {
        return None;
    }
    let norms = squared_norms(tiles);
    let spread = norms.iter().sum::<f64>();
    let mut total = vec![0.0; tiles.n_columns()];
    for tile in 0..tiles.n_tiles() {
        add_lanes(tiles.tile(tile), &[1.0; LANES], &mut total);
    }
    let rows = Rows { tiles, norms, spread, total };
    let restarts: Vec<u64> = (0..restarts as u64).collect();
    let mut best: Option<Partition> = None;
    for together in restarts.chunks(DIRECTIONS) {
        for found in rows.lloyd(together, seed) {
            if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
                best = Some(found);
            }
        }
    }
    best
}

/// Squared distance of every row from zero.
fn squared_norms(tiles: &Tiles) -> Vec<f64> {
    let mut norms = vec![0.0; tiles.n_tiles() * LANES];
    norms.par_chunks_exact_mut(LANES).enumerate().for_each(|(tile, norms)| {
        for column in tiles.tile(tile).chunks_exact(LANES) {
            for (norm, &number) in norms.iter_mut().zip(column) {
                *norm += f64::from(number) * f64::from(number);
            }
        }
    });
    norms.truncate(tiles.n_rows());
    norms
}

/// Rows and what is known of all of them.
struct Rows<'a> {
    tiles: &'a Tiles,
    norms: Vec<f64>,
    /// Sum of the norms.
    spread: f64,
    /// Sum of the rows, which is zero up to rounding.
    total: Vec<f64>,
}

/// The second cluster of one start.
struct Start {
    sum: Vec<f64>,
    n_rows: usize,
    is_done: bool,
}

/// Which rows of a tile are in the second cluster of each start.
type Masks = [u16; DIRECTIONS];

/// How one task changes the second cluster of a start.
#[derive(Clone)]
struct Change {
    sum: Vec<f64>,
    joined: usize,
    left: usize,
}

impl Rows<'_> {
    /// Runs at most [`DIRECTIONS`] starts side by side, so that every row is loaded once for all of them.
    fn lloyd(&self, restarts: &[u64], seed: Seed) -> Vec<Partition> {
        let mut planes = self.first_planes(restarts, seed);
        let n_columns = self.tiles.n_columns();
        let mut masks: Vec<Masks> = vec![[0; DIRECTIONS]; self.tiles.n_tiles()];
        let mut starts: Vec<Start> = restarts
            .iter()
            .map(|_| Start { sum: vec![0.0; n_columns], n_rows: 0, is_done: false })
            .collect();
        for _ in 0..MOST_ITERATIONS {
            let changes = self.assign(&planes, &starts, &mut masks);
            for (start, change) in starts.iter_mut().zip(&changes) {
                start.is_done |= change.joined + change.left == 0;
                start.n_rows = start.n_rows + change.joined - change.left;
                for (sum, change) in start.sum.iter_mut().zip(&change.sum) {
                    *sum += change;
                }
            }
            if starts.iter().all(|start| start.is_done) {
                break;
            }
            planes = self.planes_between_means(&starts);
        }
        let partition = |(index, start): (usize, &Start)| Partition {
            in_second: (0..self.tiles.n_rows())
                .map(|row| masks[row / LANES][index] >> (row % LANES) & 1 == 1)
                .collect(),
            inertia: self.inertia(start),
        };
        starts.iter().enumerate().map(partition).collect()
    }

    /// Centres by k-means++: a uniform row, and one drawn with chances in proportion to its squared distance from it.
    fn first_planes(&self, restarts: &[u64], seed: Seed) -> Planes {
        let n_rows = self.tiles.n_rows();
        // The same stream for all classes: classes are independent of one another, and of the order of the labels.
        let mut streams: Vec<_> = restarts
            .iter()
            .map(|&restart| seed.child("select/restart", restart).stream())
            .collect();
        let firsts: Vec<usize> =
            streams.iter_mut().map(|stream| stream.random_range(0..n_rows)).collect();
        let mut planes = Planes::zeroed(self.tiles.n_columns());
        for (index, &first) in firsts.iter().enumerate() {
            planes.set(index, self.tiles.row(first), 0.0);
        }
        let mut distances = vec![[0.0_f64; DIRECTIONS]; n_rows];
        distances.par_chunks_mut(TASK_TILES * LANES).enumerate().for_each(|(task, distances)| {
            vectorised(
                #[inline(always)]
                || {
                    for (tile, distances) in (task * TASK_TILES..).zip(distances.chunks_mut(LANES))
                    {
                        let products = project(self.tiles.tile(tile), &planes.directions);
                        for (lane, distances) in distances.iter_mut().enumerate() {
                            let norm = self.norms[tile * LANES + lane];
                            for (index, &first) in firsts.iter().enumerate() {
                                let product = f64::from(products[index][lane]);
                                let squared = norm + self.norms[first] - 2.0 * product;
                                distances[index] = squared.max(0.0);
                            }
                        }
                    }
                },
            );
        });
        for (index, stream) in streams.iter_mut().enumerate() {
            let all: f64 = distances.iter().map(|distances| distances[index]).sum();
            let mut left = stream.random::<f64>() * all;
            let second = distances.iter().position(|distances| {
                left -= distances[index];
                left < 0.0
            });
            // Rounding may leave a little of the last row's share.
            let second = second.unwrap_or_else(|| self.farthest_from(&distances, index));
            let (first, second) = (self.means_of(firsts[index]), self.means_of(second));
            planes.between(index, &first, &second);
        }
        planes
    }

    fn farthest_from(&self, distances: &[[f64; DIRECTIONS]], index: usize) -> usize {
        let all = distances.iter().map(|distances| distances[index]);
        all.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(row, _)| row)
    }

    fn means_of(&self, row: usize) -> Vec<f64> {
        self.tiles.row(row).map(f64::from).collect()
    }

    /// The planes halfway between the means of the two clusters.
    fn planes_between_means(&self, starts: &[Start]) -> Planes {
        let n_rows = self.tiles.n_rows();
        let mut planes = Planes::zeroed(self.tiles.n_columns());
        for (index, start) in starts.iter().enumerate().filter(|(_, start)| !start.is_done) {
            let (first, second) = if start.n_rows == 0 || start.n_rows == n_rows {
                // An empty cluster begins again at the row farthest from the mean, which is zero.
                let farthest = self.norms.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                let farthest = farthest.map_or(0, |(row, _)| row);
                (vec![0.0; self.total.len()], self.means_of(farthest))
            } else {
                let rest = self.total.iter().zip(&start.sum).map(|(total, sum)| total - sum);
                let first = rest.map(|sum| sum / (n_rows - start.n_rows) as f64).collect();
                let second = start.sum.iter().map(|sum| sum / start.n_rows as f64).collect();
                (first, second)
            };
            planes.between(index, &first, &second);
        }
        planes
    }

    /// Puts every row on its side of the planes; returns what that changes, by start.
    fn assign(&self, planes: &Planes, starts: &[Start], masks: &mut [Masks]) -> Vec<Change> {
        let changes: Vec<Vec<Change>> = masks
            .par_chunks_mut(TASK_TILES)
            .enumerate()
            .map(|(task, masks)| self.assign_tiles(task * TASK_TILES, planes, starts, masks))
            .collect();
        let none = Change { sum: vec![0.0; self.tiles.n_columns()], joined: 0, left: 0 };
        let mut all = vec![none; starts.len()];
        for changes in &changes {
            for (all, change) in all.iter_mut().zip(changes) {
                all.joined += change.joined;
                all.left += change.left;
                for (sum, change) in all.sum.iter_mut().zip(&change.sum) {
                    *sum += change;
                }
            }
        }
        all
    }

    fn assign_tiles(
        &self,
        first_tile: usize,
        planes: &Planes,
        starts: &[Start],
        masks: &mut [Masks],
    ) -> Vec<Change> {
        let none = Change { sum: Vec::new(), joined: 0, left: 0 };
        let mut changes = vec![none; starts.len()];
        vectorised(
            #[inline(always)]
            || {
                for (tile, masks) in (first_tile..).zip(masks.iter_mut()) {
                    let products = project(self.tiles.tile(tile), &planes.directions);
                    let in_use = self.tiles.lanes_in_use(tile);
                    for (index, change) in changes.iter_mut().enumerate() {
                        if starts[index].is_done {
                            continue;
                        }
                        let mask = lanes_above(&products[index], planes.offsets[index]) & in_use;
                        let before = std::mem::replace(&mut masks[index], mask);
                        if mask != before {
                            self.move_rows(tile, before, mask, change);
                        }
                    }
                }
            },
        );
        changes
    }

    /// Enters the rows of a tile that change sides.
    fn move_rows(&self, tile: usize, before: u16, after: u16, change: &mut Change) {
        let n_columns = self.tiles.n_columns();
        change.sum.resize(n_columns, 0.0);
        change.joined += (after & !before).count_ones() as usize;
        change.left += (before & !after).count_ones() as usize;
        let moved = before ^ after;
        let sign = |lane: usize| match (before >> lane & 1, after >> lane & 1) {
            (0, 1) => 1.0,
            (1, 0) => -1.0,
            _ => 0.0,
        };
        if moved.count_ones() > FEW_LANES {
            let factors = std::array::from_fn(sign);
            add_lanes(self.tiles.tile(tile), &factors, &mut change.sum);
            return;
        }
        for lane in (0..LANES).filter(|lane| moved >> lane & 1 == 1) {
            let row = self.tiles.row(tile * LANES + lane);
            for (sum, number) in change.sum.iter_mut().zip(row) {
                *sum += f64::from(sign(lane) * number);
            }
        }
    }

    fn inertia(&self, start: &Start) -> f64 {
        let square = |sum: f64| sum * sum;
        let second: f64 = start.sum.iter().map(|&sum| square(sum)).sum();
        let first: f64 =
            self.total.iter().zip(&start.sum).map(|(total, sum)| square(total - sum)).sum();
        let of_means = |squares: f64, n: usize| if n == 0 { 0.0 } else { squares / n as f64 };
        let n_first = self.tiles.n_rows() - start.n_rows;
        (self.spread - of_means(first, n_first) - of_means(second, start.n_rows)).max(0.0)
    }
}

/// For every start, the plane that separates its clusters.
struct Planes {
    directions: Vec<[f32; DIRECTIONS]>,
    /// Projections above this are on the side of the second cluster.
    offsets: [f32; DIRECTIONS],
}

impl Planes {
    fn zeroed(n_columns: usize) -> Self {
        Self { directions: vec![[0.0; DIRECTIONS]; n_columns], offsets: [0.0; DIRECTIONS] }
    }

    fn set(&mut self, index: usize, direction: impl Iterator<Item = f32>, offset: f32) {
        for (place, number) in self.directions.iter_mut().zip(direction) {
            place[index] = number;
        }
        self.offsets[index] = offset;
    }

    /// The plane whose points are as far from `first` as from `second`.
    fn between(&mut self, index: usize, first: &[f64], second: &[f64]) {
        let square = |mean: &[f64]| mean.iter().map(|number| number * number).sum::<f64>();
        let offset = (square(second) - square(first)) / 2.0;
        let direction = first.iter().zip(second).map(|(first, second)| (second - first) as f32);
        self.set(index, direction, offset as f32);
    }
}
