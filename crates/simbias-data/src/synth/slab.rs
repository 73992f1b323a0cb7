//! Data sets of independent linear, k-slab and nuisance coordinates.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis, s};
use rand::RngExt;
use rayon::prelude::*;
use simbias_stats::{Seed, Stream};

use super::{SlabGeometry, SynthError, haar_rotation, orthogonality_error};
use crate::{ClassLabels, Dataset, Layout, Target};

/// Largest entry of `|QᵀQ − I|` that a rotation may have.
const ORTHOGONALITY_TOLERANCE: f64 = 1e-10;

/// What one coordinate says about the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlabBlock {
    /// Linearly separable: class 1 uniform on `[γB, B)`, class 0 its mirror image.
    Linear,
    /// `k` slabs of alternating class, `k` odd; see [`SlabGeometry`].
    Slab(usize),
    /// Uniform on `[0, B)` regardless of the label; not centred, as in the official code.
    Nuisance,
}

/// Noise on some coordinates: exactly `round(share · n_rows)` rows are hit, drawn without
/// replacement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SlabNoise {
    /// The first linear coordinate of the chosen rows becomes uniform on the margin `[-γB, γB)`.
    ///
    /// Half of those rows still have the right sign, so a linear rule keeps accuracy `1 − share/2`.
    /// (The paper's Appendix B swaps `p` and `1 − p`; this is the official code's
    /// `corrupt_lin_margin`.)
    LinearMargin {
        /// Share of the rows.
        share: f64,
    },
    /// The first linear coordinate of the chosen rows changes sign.
    LinearFlip {
        /// Share of the rows.
        share: f64,
    },
    /// Every coordinate of `n_slabs` slabs, each with rows of its own, gets a value from a gap
    /// between slabs, all gaps equally likely.
    SlabGap {
        /// Which coordinates: those with this many slabs.
        n_slabs: usize,
        /// Share of the rows, per coordinate.
        share: f64,
    },
    /// Every coordinate of `n_slabs` slabs, each with rows of its own, moves into a slab of the
    /// wrong class, all of that class's regions of `|x|` equally likely.
    SlabFlip {
        /// Which coordinates: those with this many slabs.
        n_slabs: usize,
        /// Share of the rows, per coordinate.
        share: f64,
    },
}

impl SlabNoise {
    fn share(self) -> f64 {
        match self {
            Self::LinearMargin { share }
            | Self::LinearFlip { share }
            | Self::SlabGap { share, .. }
            | Self::SlabFlip { share, .. } => share,
        }
    }
}

/// A distribution of labelled rows whose coordinates are independent given the label.
///
/// Labels are fair coins. The informative coordinates come first, in the order of `blocks`; the
/// official order is linear, 3-, 5-, 7-slabs. The remaining `dim − blocks.len()` coordinates are
/// nuisance.
#[derive(Clone, Debug, PartialEq)]
pub struct SlabSpec {
    /// Name of the data set.
    pub name: String,
    /// Number of coordinates.
    pub dim: usize,
    /// Half-width `B`: values lie in `[-B, B]`.
    pub width: f64,
    /// The informative coordinates.
    pub blocks: Vec<SlabBlock>,
    /// Margin share `γ` of each entry of `blocks`.
    pub gamma: Vec<f64>,
    /// Noise; at most one entry may hit a coordinate.
    pub noise: Vec<SlabNoise>,
    /// Whether rows are multiplied by a random orthogonal matrix.
    pub rotate: bool,
    /// Root of all draws.
    pub seed: Seed,
}

/// Rows of one coordinate that noise has hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorruptedRows {
    /// The coordinate, before rotation.
    pub coordinate: usize,
    /// The rows, ascending.
    pub rows: Vec<u32>,
}

/// Rows drawn from a [`SlabSpec`] and what only the generator knows about them.
#[derive(Clone, Debug, PartialEq)]
pub struct SlabSample {
    /// Rows (rotated, if asked for) and labels; classes `"0"` and `"1"`.
    pub dataset: Dataset,
    /// Whether no coordinate of the row was hit by noise, one entry per row.
    pub clean_mask: Vec<bool>,
    /// Which rows noise has hit, one entry for each noisy coordinate.
    pub corrupted: Vec<CorruptedRows>,
    /// `Q`, shape `[dim, dim]`: a row is `z · Q`, so `z = x · Qᵀ` gives back the coordinates.
    pub rotation: Option<Array2<f64>>,
}

/// One coordinate's kind with its derived numbers.
enum Source {
    Linear { margin: f64 },
    Slab(SlabGeometry),
    Nuisance,
}

impl SlabSpec {
    /// Draws `n_rows` independent rows.
    ///
    /// # Errors
    ///
    /// When a setting is invalid: no coordinates, more blocks than coordinates, a margin share
    /// that leaves no room for a slab, noise on a missing coordinate or twice on the same one.
    pub fn sample(&self, n_rows: usize) -> Result<SlabSample, SynthError> {
        if n_rows == 0 || u32::try_from(n_rows).is_err() {
            return Err(SynthError::out_of_range("rows", n_rows as f64, "from 1 to 2³² − 1"));
        }
        let sources = self.sources()?;
        let noise = self.noise_by_coordinate()?;
        let labels = self.draw_labels(n_rows);

        // One contiguous row of `coordinates` is one coordinate, so that each can be drawn by
        // itself.
        let mut coordinates = Array2::<f64>::zeros((self.dim, n_rows));
        let corrupted: Vec<Option<CorruptedRows>> = coordinates
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .enumerate()
            .map(|(coordinate, mut values)| {
                let source = &sources[coordinate];
                let seed = self.seed.child("synth/slab/values", coordinate as u64);
                let mut stream = seed.stream();
                for (value, &label) in values.iter_mut().zip(&labels) {
                    *value = source.draw(label, self.width, &mut stream);
                }
                noise[coordinate].map(|noise| {
                    let seed = self.seed.child("synth/slab/noise", coordinate as u64);
                    let n_hit = (noise.share() * n_rows as f64).round_ties_even() as usize;
                    let mut rows = seed.child("rows", 0).permutation(n_rows);
                    rows.truncate(n_hit);
                    rows.sort_unstable();
                    let mut stream = seed.child("values", 0).stream();
                    for &row in &rows {
                        let value = &mut values[row as usize];
                        *value = source.corrupt(noise, *value, labels[row as usize], &mut stream);
                    }
                    CorruptedRows { coordinate, rows }
                })
            })
            .collect();
        let corrupted: Vec<CorruptedRows> = corrupted.into_iter().flatten().collect();

        let rotation = self.rotate.then(|| haar_rotation(self.dim, self.seed));
        let rows = match &rotation {
            Some(rotation) => {
                let error = orthogonality_error(rotation.view());
                assert!(error < ORTHOGONALITY_TOLERANCE, "a rotation is off by {error}");
                rotate_rows(coordinates.t(), rotation)
            }
            None => coordinates.t().as_standard_layout().mapv(|value| value as f32),
        };
        let layout = match rotation {
            Some(_) => Layout::array(vec![self.dim]),
            None => Layout::table(self.coordinate_names()),
        };
        let names = vec!["0".to_string(), "1".to_string()];
        let target = Target::Classes(ClassLabels { indices: labels, names });
        Ok(SlabSample {
            dataset: Dataset::new(self.name.clone(), rows, layout, target),
            clean_mask: clean_mask(n_rows, &corrupted),
            corrupted,
            rotation,
        })
    }

    /// A name for every coordinate before rotation: `linear_0`, `slab5_1`, …, `nuisance_49`.
    pub fn coordinate_names(&self) -> Vec<String> {
        (0..self.dim)
            .map(|coordinate| match self.block(coordinate) {
                SlabBlock::Linear => format!("linear_{coordinate}"),
                SlabBlock::Slab(n_slabs) => format!("slab{n_slabs}_{coordinate}"),
                SlabBlock::Nuisance => format!("nuisance_{coordinate}"),
            })
            .collect()
    }

    /// The kind of a coordinate, before rotation.
    pub fn block(&self, coordinate: usize) -> SlabBlock {
        self.blocks.get(coordinate).copied().unwrap_or(SlabBlock::Nuisance)
    }

    fn sources(&self) -> Result<Vec<Source>, SynthError> {
        if self.dim == 0 || self.dim < self.blocks.len() {
            let allowed = format!("at least 1 and the {} blocks", self.blocks.len());
            return Err(SynthError::out_of_range("dimension", self.dim as f64, allowed));
        }
        if self.gamma.len() != self.blocks.len() {
            return Err(SynthError::Shape {
                what: "gamma, one margin share per block",
                found: vec![self.gamma.len()],
                expected: vec![self.blocks.len()],
            });
        }
        if !(self.width > 0.0 && self.width.is_finite()) {
            return Err(SynthError::out_of_range("width", self.width, "a positive number"));
        }
        (0..self.dim)
            .map(|coordinate| match self.block(coordinate) {
                SlabBlock::Linear => {
                    let gamma = self.gamma[coordinate];
                    if !(gamma > 0.0 && gamma < 1.0) {
                        return Err(SynthError::out_of_range(
                            "gamma",
                            gamma,
                            "above 0 and below 1",
                        ));
                    }
                    Ok(Source::Linear { margin: gamma * self.width })
                }
                SlabBlock::Slab(n_slabs) => {
                    SlabGeometry::new(n_slabs, self.width, self.gamma[coordinate]).map(Source::Slab)
                }
                SlabBlock::Nuisance => Ok(Source::Nuisance),
            })
            .collect()
    }

    fn noise_by_coordinate(&self) -> Result<Vec<Option<SlabNoise>>, SynthError> {
        let mut by_coordinate = vec![None; self.dim];
        for &noise in &self.noise {
            if !(0.0..=1.0).contains(&noise.share()) {
                return Err(SynthError::out_of_range("noise share", noise.share(), "from 0 to 1"));
            }
            let hit: Vec<usize> = match noise {
                SlabNoise::LinearMargin { .. } | SlabNoise::LinearFlip { .. } => self
                    .blocks
                    .iter()
                    .position(|&block| block == SlabBlock::Linear)
                    .into_iter()
                    .collect(),
                SlabNoise::SlabGap { n_slabs, .. } | SlabNoise::SlabFlip { n_slabs, .. } => (0
                    ..self.dim)
                    .filter(|&coordinate| self.block(coordinate) == SlabBlock::Slab(n_slabs))
                    .collect(),
            };
            if hit.is_empty() {
                return Err(SynthError::out_of_range(
                    format!("coordinates for {noise:?}"),
                    0.0,
                    "at least one coordinate of that kind",
                ));
            }
            for coordinate in hit {
                if by_coordinate[coordinate].replace(noise).is_some() {
                    return Err(SynthError::out_of_range(
                        format!("kinds of noise on coordinate {coordinate}"),
                        2.0,
                        "at most one",
                    ));
                }
            }
        }
        Ok(by_coordinate)
    }

    fn draw_labels(&self, n_rows: usize) -> Vec<u32> {
        let mut stream = self.seed.child("synth/slab/labels", 0).stream();
        (0..n_rows).map(|_| u32::from(stream.random::<bool>())).collect()
    }
}

impl Source {
    fn draw(&self, label: u32, width: f64, stream: &mut Stream) -> f64 {
        match self {
            Self::Linear { margin } => {
                let size = margin + (width - margin) * stream.random::<f64>();
                if label == 1 { size } else { -size }
            }
            Self::Slab(geometry) => geometry.draw(label, stream),
            Self::Nuisance => width * stream.random::<f64>(),
        }
    }

    fn corrupt(&self, noise: SlabNoise, value: f64, label: u32, stream: &mut Stream) -> f64 {
        match (noise, self) {
            (SlabNoise::LinearMargin { .. }, Self::Linear { margin }) => {
                margin * (2.0 * stream.random::<f64>() - 1.0)
            }
            (SlabNoise::LinearFlip { .. }, Self::Linear { .. }) => -value,
            (SlabNoise::SlabGap { .. }, Self::Slab(geometry)) => geometry.draw_gap(stream),
            (SlabNoise::SlabFlip { .. }, Self::Slab(geometry)) => {
                geometry.draw_flipped(label, stream)
            }
            (noise, _) => unreachable!("{noise:?} was given to a coordinate of another kind"),
        }
    }
}

impl SlabSample {
    /// The rows before rotation, shape `[n_rows, dim]`.
    pub fn coordinates(&self) -> Array2<f32> {
        match &self.rotation {
            Some(rotation) => {
                self.dataset.rows.mapv(f64::from).dot(&rotation.t()).mapv(|value| value as f32)
            }
            None => self.dataset.rows.clone(),
        }
    }

    /// Cuts off the first `n_test` rows: `(train, test)`, each with its share of the masks.
    ///
    /// # Errors
    ///
    /// When no row is left for either part.
    pub fn split_test(&self, n_test: usize) -> Result<(Self, Self), SynthError> {
        let n_rows = self.dataset.n_rows();
        if n_test == 0 || n_test >= n_rows {
            let allowed = format!("from 1 to {}, below the number of rows", n_rows - 1);
            return Err(SynthError::out_of_range("test rows", n_test as f64, allowed));
        }
        Ok((self.slice(n_test..n_rows), self.slice(0..n_test)))
    }

    fn slice(&self, range: Range<usize>) -> Self {
        let rows: Vec<u32> = (range.start as u32..range.end as u32).collect();
        let corrupted = self.corrupted.iter().map(|hit| CorruptedRows {
            coordinate: hit.coordinate,
            rows: hit
                .rows
                .iter()
                .filter(|&&row| range.contains(&(row as usize)))
                .map(|row| row - range.start as u32)
                .collect(),
        });
        Self {
            dataset: self.dataset.select(&rows),
            clean_mask: self.clean_mask[range.clone()].to_vec(),
            corrupted: corrupted.collect(),
            rotation: self.rotation.clone(),
        }
    }
}

fn clean_mask(n_rows: usize, corrupted: &[CorruptedRows]) -> Vec<bool> {
    let mut clean = vec![true; n_rows];
    for &row in corrupted.iter().flat_map(|hit| &hit.rows) {
        clean[row as usize] = false;
    }
    clean
}

/// `x · Q` in 64 bits, rounded once. Blocks of fixed size: the result does not depend on the
/// thread count.
pub(super) fn rotate_rows(rows: ArrayView2<'_, f64>, rotation: &Array2<f64>) -> Array2<f32> {
    const BLOCK: usize = 1024;
    let mut rotated = Array2::<f32>::zeros(rows.raw_dim());
    rotated.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter().enumerate().for_each(
        |(block, mut target)| {
            let start = block * BLOCK;
            let part = rows.slice(s![start..start + target.nrows(), ..]);
            target.assign(&part.dot(rotation).mapv(|value| value as f32));
        },
    );
    rotated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> SlabSpec {
        SlabSpec {
            name: "test".into(),
            dim: 5,
            width: 1.0,
            blocks: vec![SlabBlock::Linear, SlabBlock::Slab(5), SlabBlock::Slab(7)],
            gamma: vec![0.1; 3],
            noise: vec![SlabNoise::LinearMargin { share: 0.1 }],
            rotate: false,
            seed: Seed::new(11),
        }
    }

    #[test]
    fn the_test_rows_come_first_and_keep_their_masks() {
        let whole = spec().sample(1000).unwrap();
        let (train, test) = whole.split_test(100).unwrap();
        assert_eq!((train.dataset.n_rows(), test.dataset.n_rows()), (900, 100));
        assert_eq!(test.dataset.rows, whole.dataset.rows.slice(s![..100, ..]));
        assert_eq!(train.dataset.rows, whole.dataset.rows.slice(s![100.., ..]));
        assert_eq!(train.clean_mask, whole.clean_mask[100..]);
        for part in [&train, &test] {
            assert_eq!(part.clean_mask, clean_mask(part.dataset.n_rows(), &part.corrupted));
        }
        assert_eq!(train.corrupted[0].rows.len() + test.corrupted[0].rows.len(), 100);
        assert!(whole.split_test(1000).is_err());
        assert!(whole.split_test(0).is_err());
    }

    #[test]
    fn the_corrupted_share_is_exact() {
        for (n_rows, share) in [(1000, 0.1), (997, 0.1), (333, 0.25), (60, 0.01)] {
            let noise = vec![SlabNoise::LinearMargin { share }];
            let sample = SlabSpec { noise, ..spec() }.sample(n_rows).unwrap();
            let expected = (n_rows as f64 * share).round() as usize;
            assert_eq!(sample.corrupted[0].rows.len(), expected);
            let marked = sample.clean_mask.iter().filter(|&&clean| !clean).count();
            assert_eq!(marked, expected, "{share} of {n_rows}");
        }
    }

    #[test]
    fn undoing_the_rotation_restores_the_slabs() {
        let rotated = SlabSpec { rotate: true, ..spec() }.sample(500).unwrap();
        let plain = spec().sample(500).unwrap();
        let difference = &rotated.coordinates() - &plain.dataset.rows;
        assert!(difference.iter().all(|value| value.abs() < 1e-6));
        assert_eq!(rotated.corrupted, plain.corrupted);
        assert_ne!(rotated.dataset.rows, plain.dataset.rows);
    }

    #[test]
    fn nuisance_is_not_centred() {
        let sample = spec().sample(2000).unwrap();
        let nuisance = sample.dataset.rows.column(4);
        assert!(nuisance.iter().all(|&value| (0.0..1.0).contains(&value)));
        assert!((nuisance.mean().unwrap() - 0.5).abs() < 0.04);
    }

    #[test]
    fn one_more_coordinate_moves_no_other_draw() {
        let few = spec().sample(200).unwrap();
        let many = SlabSpec { dim: 9, ..spec() }.sample(200).unwrap();
        assert_eq!(few.dataset.rows, many.dataset.rows.slice(s![.., ..5]));
    }

    #[test]
    fn impossible_settings_are_refused() {
        assert!(spec().sample(0).is_err());
        assert!(SlabSpec { dim: 2, ..spec() }.sample(10).is_err());
        assert!(SlabSpec { gamma: vec![0.1; 2], ..spec() }.sample(10).is_err());
        assert!(SlabSpec { gamma: vec![0.1, 0.1, 0.2], ..spec() }.sample(10).is_err());
        assert!(SlabSpec { width: -1.0, ..spec() }.sample(10).is_err());
        let share = 0.1;
        for noise in [
            vec![SlabNoise::LinearMargin { share: 1.1 }],
            vec![SlabNoise::SlabFlip { n_slabs: 3, share }],
            vec![SlabNoise::LinearMargin { share }, SlabNoise::LinearFlip { share }],
        ] {
            assert!(SlabSpec { noise, ..spec() }.sample(10).is_err());
        }
    }
}
