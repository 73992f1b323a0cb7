//! Dominoes of real handwritten digits and drawn glyphs: stand-ins for MNIST-CIFAR that need no
//! download.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array2, ArrayViewMut2, ArrayViewMut3, Axis, s};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use simbias_stats::{Seed, Stream};

use super::super::SynthError;
use super::Domino;
use super::images::{image_mut, image_shape, mean_pool_2x2, paste_centred, rows_of_classes};
use crate::{
    ClassLabels, Dataset, ImageShape, Layout, SplitDataset, Target, TestSplit, TrainSplit,
    ValidationSplit,
};

/// Side of a tile with a glyph, in pixels.
const GLYPH_TILE: usize = 16;
/// Side of a plus or a cross, in pixels.
const GLYPH: usize = 5;
/// Pixel noise behind the glyphs.
const GLYPH_NOISE_DEVIATION: f32 = 0.15;
/// Glyph columns of the XOR task: the left glyph starts in the first range, the right one in the
/// second, so that they never touch.
const XOR_COLUMNS: [std::ops::RangeInclusive<usize>; 2] = [0..=3, 8..=11];
/// Parts of the source digits for training, validation and test.
const SOURCE_SHARES: [f64; 3] = [0.6, 0.2, 0.2];

/// What lies under the easy digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StandInKind {
    /// Noise and one 5×5 plus (class 0) or cross (class 1), of random sign and position: learned
    /// alone in about 100 steps, so a network uses it in part.
    GlyphEasy,
    /// Noise and two glyphs; the class is the XOR of their types: learned alone, but much later
    /// than the top, and then ignored.
    GlyphXor,
    /// Another real digit of one of two groups.
    Digits,
    /// Two real digits side by side; the class is the XOR of their groups.
    DigitsXor,
}

/// A domino distribution: the upper half is a digit that tells the class at a glance; the lower half
/// tells it as surely but is harder to learn.
///
/// Source digits are divided into training, validation and test images *before* any pair is made;
/// a domino then draws its digits from its part, with replacement. Digits are mean-pooled to half
/// their side.
#[derive(Clone, Debug, PartialEq)]
pub struct StandIn {
    /// What lies below.
    pub kind: StandInKind,
    /// Upper digits of class 0 and of class 1.
    pub top: [Vec<u8>; 2],
    /// Lower digits of group 0 and of group 1; the glyph kinds do not use them.
    pub bottom: [Vec<u8>; 2],
    /// Dominoes for training.
    pub n_train: usize,
    /// Dominoes for validation.
    pub n_validation: usize,
    /// Dominoes for testing.
    pub n_test: usize,
    /// Root of all draws.
    pub seed: Seed,
}

/// Dominoes whose parts share no source digit.
#[derive(Clone, Debug, PartialEq)]
pub struct StandInSplits {
    /// For training.
    pub train: Domino,
    /// For choosing when to stop.
    pub validation: Domino,
    /// For measuring.
    pub test: Domino,
}

impl StandInSplits {
    /// The three parts as a split data set.
    pub fn into_split(self) -> SplitDataset {
        SplitDataset {
            train: TrainSplit(self.train.dataset),
            validation: ValidationSplit(self.validation.dataset),
            test: TestSplit(self.test.dataset),
        }
    }
}

impl StandInKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::GlyphEasy, Self::GlyphXor, Self::Digits, Self::DigitsXor];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::GlyphEasy => "glyph-domino-easy",
            Self::GlyphXor => "glyph-XOR-domino",
            Self::Digits => "digits-domino",
            Self::DigitsXor => "digits-XOR-domino",
        }
    }

    /// Shapes `[height, width]` of the upper and the lower half, for pooled digits of this side.
    fn half_shapes(self, digit_side: usize) -> [[usize; 2]; 2] {
        match self {
            Self::GlyphEasy | Self::GlyphXor => [[GLYPH_TILE; 2]; 2],
            Self::Digits => [[digit_side; 2]; 2],
            Self::DigitsXor => [[digit_side, 2 * digit_side]; 2],
        }
    }

    fn lower_digits_per_image(self) -> usize {
        match self {
            Self::GlyphEasy | Self::GlyphXor => 0,
            Self::Digits => 1,
            Self::DigitsXor => 2,
        }
    }
}

impl fmt::Display for StandInKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for StandInKind {
    type Err = SynthError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            SynthError::UnknownPreset {
                name: name.into(),
                known: Self::ALL.iter().map(|kind| kind.name()).collect(),
            }
        })
    }
}

/// Source digits of one part: upper and lower, each by class or group, as rows of the pooled
/// digits.
struct Sources {
    top: [Vec<u32>; 2],
    bottom: [Vec<u32>; 2],
}

impl StandIn {
    /// The kind with zeros and ones on top, threes and eights below, and 4000, 2000 and 2000
    /// dominoes.
    pub fn new(kind: StandInKind, seed: Seed) -> Self {
        Self {
            kind,
            top: [vec![0], vec![1]],
            bottom: [vec![3], vec![8]],
            n_train: 4000,
            n_validation: 2000,
            n_test: 2000,
            seed,
        }
    }

    /// Draws the dominoes from `digits`, a set of square single-channel images whose classes are
    /// named `"0"` …
    /// `"9"`, such as [`crate::embedded::digits`].
    ///
    /// # Errors
    ///
    /// When `digits` is not such a set, a digit has fewer than 10 images, a digit is used twice, a
    /// tile is too small for a pooled digit, or a part has no rows.
    pub fn generate(&self, digits: &Dataset) -> Result<StandInSplits, SynthError> {
        for (what, n_rows) in [
            ("training rows", self.n_train),
            ("validation rows", self.n_validation),
            ("test rows", self.n_test),
        ] {
            if n_rows == 0 {
                return Err(SynthError::out_of_range(what, 0.0, "at least 1"));
            }
        }
        let pooled = mean_pool_2x2(digits)?;
        let side = self.check_tiles(&pooled)?;
        let [train, validation, test] = self.split_sources(&pooled)?;
        let draw = |purpose, n_rows, sources: &Sources| {
            self.draw(&pooled, side, sources, n_rows, self.seed.child(purpose, 0))
        };
        Ok(StandInSplits {
            train: draw("synth/stand-in/train", self.n_train, &train),
            validation: draw("synth/stand-in/validation", self.n_validation, &validation),
            test: draw("synth/stand-in/test", self.n_test, &test),
        })
    }

    /// The pooled digits' side.
    fn check_tiles(&self, pooled: &Dataset) -> Result<usize, SynthError> {
        let shape = image_shape(pooled)?;
        let fits_glyph_tile = self.kind.lower_digits_per_image() > 0 || shape.height <= GLYPH_TILE;
        if shape.channels != 1 || shape.height != shape.width || !fits_glyph_tile {
            return Err(SynthError::WrongSource {
                dataset: pooled.name.clone(),
                found: format!("images of {shape:?} after pooling"),
                needed: format!(
                    "one channel, square, and at most {GLYPH_TILE} pixels beside glyphs"
                ),
            });
        }
        Ok(shape.height)
    }

    /// Divides every group's digits by [`SOURCE_SHARES`].
    fn split_sources(&self, pooled: &Dataset) -> Result<[Sources; 3], SynthError> {
        let uses_bottom = self.kind.lower_digits_per_image() > 0;
        let mut used: Vec<u8> = self.top.concat();
        if uses_bottom {
            used.extend(self.bottom.concat());
        }
        used.sort_unstable();
        if let Some(pair) = used.windows(2).find(|pair| pair[0] == pair[1]) {
            let what = format!("uses of the digit {}", pair[0]);
            return Err(SynthError::out_of_range(what, 2.0, "at most 1"));
        }
        let parts_of = |purpose, groups: &[Vec<u8>; 2]| -> Result<[[Vec<u32>; 3]; 2], SynthError> {
            let mut parts = [const { [const { Vec::new() }; 3] }; 2];
            for (group, digits) in groups.iter().enumerate() {
                // Digit by digit, so that every part holds every digit in the same proportion.
                for &digit in digits {
                    let rows = rows_of_classes(pooled, &[digit.to_string()])?;
                    let seed = self.seed.child(purpose, u64::from(digit));
                    for (part, rows) in divide(&rows, seed, digit)?.into_iter().enumerate() {
                        parts[group][part].extend(rows);
                    }
                }
                if digits.is_empty() {
                    return Err(SynthError::out_of_range("digits of a group", 0.0, "at least 1"));
                }
            }
            Ok(parts)
        };
        let top = parts_of("synth/stand-in/top", &self.top)?;
        let bottom = if uses_bottom {
            parts_of("synth/stand-in/bottom", &self.bottom)?
        } else {
            [const { [const { Vec::new() }; 3] }; 2]
        };
        Ok([0, 1, 2].map(|part| Sources {
            top: [0, 1].map(|group: usize| top[group][part].clone()),
            bottom: [0, 1].map(|group: usize| bottom[group][part].clone()),
        }))
    }

    fn draw(
        &self,
        pooled: &Dataset,
        side: usize,
        sources: &Sources,
        n_rows: usize,
        seed: Seed,
    ) -> Domino {
        let [[top_height, width], [bottom_height, _]] = self.kind.half_shapes(side);
        let shape = ImageShape { channels: 1, height: top_height + bottom_height, width };
        let mut rows = Array2::<f32>::zeros((n_rows, shape.n_features()));
        let mut indices = Vec::with_capacity(n_rows);
        let mut stream = seed.stream();
        for mut row in rows.rows_mut() {
            let class = usize::from(stream.random::<bool>());
            indices.push(class as u32);
            let row = row.as_slice_mut().expect("rows of a new array are contiguous");
            let image = image_mut(row, shape);
            let (top, bottom) = image.split_at(Axis(1), top_height);
            paste_digit(pooled, side, &sources.top[class], top, &mut stream);
            self.draw_bottom(pooled, side, &sources.bottom, class, bottom, &mut stream);
        }
        let names = self
            .top
            .each_ref()
            .map(|digits| digits.iter().map(u8::to_string).collect::<Vec<_>>().join("/"));
        let target = Target::Classes(ClassLabels { indices, names: names.to_vec() });
        let layout = Layout::image(shape);
        let name = self.kind.name().to_string();
        Domino { dataset: Dataset::new(name, rows, layout, target), top_height }
    }

    fn draw_bottom(
        &self,
        pooled: &Dataset,
        side: usize,
        sources: &[Vec<u32>; 2],
        class: usize,
        mut tile: ArrayViewMut3<'_, f32>,
        stream: &mut Stream,
    ) {
        // Two types with a given XOR: one is free, the other follows.
        let xor_types = |stream: &mut Stream| {
            let left = usize::from(stream.random::<bool>());
            [left, left ^ class]
        };
        match self.kind {
            StandInKind::GlyphEasy => {
                let mut tile = tile.index_axis_mut(Axis(0), 0);
                add_noise(&mut tile, stream);
                let column = stream.random_range(0..=GLYPH_TILE - GLYPH);
                add_glyph(class, column, &mut tile, stream);
            }
            StandInKind::GlyphXor => {
                let mut tile = tile.index_axis_mut(Axis(0), 0);
                add_noise(&mut tile, stream);
                for (glyph, columns) in xor_types(stream).into_iter().zip(XOR_COLUMNS) {
                    let column = stream.random_range(columns);
                    add_glyph(glyph, column, &mut tile, stream);
                }
            }
            StandInKind::Digits => paste_digit(pooled, side, &sources[class], tile, stream),
            StandInKind::DigitsXor => {
                let groups = xor_types(stream);
                let (left, right) = tile.split_at(Axis(2), side);
                for (group, half) in groups.into_iter().zip([left, right]) {
                    paste_digit(pooled, side, &sources[group], half, stream);
                }
            }
        }
    }
}

/// Shuffles the rows and cuts them by [`SOURCE_SHARES`].
fn divide(rows: &[u32], seed: Seed, digit: u8) -> Result<[Vec<u32>; 3], SynthError> {
    const FEWEST: usize = 10;
    if rows.len() < FEWEST {
        let what = format!("images of the digit {digit}");
        return Err(SynthError::out_of_range(
            what,
            rows.len() as f64,
            format!("at least {FEWEST}"),
        ));
    }
    let shuffled: Vec<u32> =
        seed.permutation(rows.len()).into_iter().map(|index| rows[index as usize]).collect();
    let n = rows.len() as f64;
    let first = (SOURCE_SHARES[0] * n).round() as usize;
    let second = ((SOURCE_SHARES[0] + SOURCE_SHARES[1]) * n).round() as usize;
    Ok([shuffled[..first].to_vec(), shuffled[first..second].to_vec(), shuffled[second..].to_vec()])
}

fn paste_digit(
    pooled: &Dataset,
    side: usize,
    sources: &[u32],
    tile: ArrayViewMut3<'_, f32>,
    stream: &mut Stream,
) {
    let row = sources[stream.random_range(0..sources.len())];
    let digit = pooled.rows.row(row as usize);
    let digit = digit.to_shape((1, side, side)).expect("a pooled digit is square");
    paste_centred(digit.view(), tile);
}

fn add_noise(tile: &mut ArrayViewMut2<'_, f32>, stream: &mut Stream) {
    tile.map_inplace(|pixel| {
        let normal: f32 = StandardNormal.sample(stream);
        *pixel = GLYPH_NOISE_DEVIATION * normal;
    });
}

/// Adds a plus (0) or a cross (1) of random sign in a random row; both have nine pixels.
fn add_glyph(glyph: usize, column: usize, tile: &mut ArrayViewMut2<'_, f32>, stream: &mut Stream) {
    let row = stream.random_range(0..=GLYPH_TILE - GLYPH);
    let sign: f32 = if stream.random() { 1.0 } else { -1.0 };
    let mut window = tile.slice_mut(s![row..row + GLYPH, column..column + GLYPH]);
    for ((down, right), pixel) in window.indexed_iter_mut() {
        let drawn = match glyph {
            0 => down == GLYPH / 2 || right == GLYPH / 2,
            _ => down == right || down + right == GLYPH - 1,
        };
        if drawn {
            *pixel += sign;
        }
    }
}
