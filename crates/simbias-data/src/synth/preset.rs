//! Named distributions of the paper with its default settings.

use std::fmt;
use std::str::FromStr;

use simbias_stats::Seed;

use super::lsn::LsnBatch;
use super::{SlabBlock, SlabNoise, SlabSample, SlabSpec, SynthError};
use crate::Dataset;

/// A distribution of Shah et al. 2020 by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// One linear coordinate, the others 5-slabs (LMS-5).
    Lms5,
    /// One linear coordinate, the others 7-slabs (LMS-7).
    Lms7,
    /// 5-slabs only (MS-5).
    Ms5,
    /// 7-slabs only (MS-7): the control of `hatlms7`.
    Ms7,
    /// One 5-slab, the others 7-slabs (MS-(5,7)).
    Ms57,
    /// LMS-7 with noise on the linear coordinate.
    HatLms7,
    /// MS-(5,7) with noise on the 5-slab.
    HatMs57,
    /// Linear, slab and noise: the distribution of Theorem 1; see [`super::lsn`].
    Lsn,
    /// Half 5-slabs with a small margin, half 7-slabs with a large one, for adversarial training.
    AdvMs57,
}

/// How noise moves a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoiseMode {
    /// Into the margin or the gaps, where no class lies. On a linear coordinate, half of the values
    /// stay right by luck.
    Margin,
    /// To where the other class lies.
    Flip,
}

/// What can be chosen about a preset; start from [`Preset::defaults`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PresetOptions {
    /// Number of coordinates.
    pub dim: usize,
    /// Rows for training, validation included.
    pub n_train: usize,
    /// Rows for testing.
    pub n_test: usize,
    /// Half-width `B`.
    pub width: f64,
    /// Margin share `γ`; of the 7-slabs in `advms57`, where the 5-slabs have a third of it.
    pub gamma: f64,
    /// Share of rows whose simplest coordinates are noisy.
    pub noise_share: f64,
    /// What the noise does.
    pub noise_mode: NoiseMode,
    /// Whether rows are multiplied by a random orthogonal matrix.
    pub rotate: bool,
    /// Root of all draws.
    pub seed: Seed,
}

/// The training and test rows of a preset.
#[derive(Clone, Debug, PartialEq)]
pub struct PresetSample {
    /// Rows for training, with the generator's knowledge of them.
    pub train: SlabSample,
    /// Rows for testing, with the generator's knowledge of them.
    pub test: SlabSample,
    /// What each coordinate is, before rotation.
    pub coordinate_names: Vec<String>,
}

/// Ratio of the margins of 7-slabs and 5-slabs in AdvMS-(5,7): .15 and .05.
const ADVERSARIAL_MARGIN_RATIO: f64 = 3.0;

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 9] = [
        Self::Lms5,
        Self::Lms7,
        Self::Ms5,
        Self::Ms7,
        Self::Ms57,
        Self::HatLms7,
        Self::HatMs57,
        Self::Lsn,
        Self::AdvMs57,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lms5 => "lms5",
            Self::Lms7 => "lms7",
            Self::Ms5 => "ms5",
            Self::Ms7 => "ms7",
            Self::Ms57 => "ms57",
            Self::HatLms7 => "hatlms7",
            Self::HatMs57 => "hatms57",
            Self::Lsn => "lsn",
            Self::AdvMs57 => "advms57",
        }
    }

    /// The paper's settings: `B = 1`, `γ = .1`, 50 rotated coordinates, 10 000 test rows.
    ///
    /// Noise is 10 % for the two noisy presets and 0 otherwise. LMS-5 has the 50 000 rows of
    /// Appendix B (the notebooks use 100 000). `lsn` is not rotated, because Theorem 1 speaks of
    /// its coordinates.
    pub fn defaults(self) -> PresetOptions {
        let n_train = match self {
            Self::Ms57 => 100_000,
            Self::Ms7 | Self::HatLms7 | Self::HatMs57 => 40_000,
            Self::AdvMs57 => 6_000,
            Self::Lms5 | Self::Lms7 | Self::Ms5 | Self::Lsn => 50_000,
        };
        PresetOptions {
            dim: if self == Self::AdvMs57 { 20 } else { 50 },
            n_train,
            n_test: 10_000,
            width: 1.0,
            gamma: if self == Self::AdvMs57 { 0.15 } else { 0.1 },
            noise_share: if matches!(self, Self::HatLms7 | Self::HatMs57) { 0.1 } else { 0.0 },
            noise_mode: NoiseMode::Margin,
            rotate: self != Self::Lsn,
            seed: Seed::new(0),
        }
    }

    /// Draws training and test rows; the test rows are the first ones of the whole draw.
    pub fn generate(self, options: PresetOptions) -> Result<PresetSample, SynthError> {
        if self == Self::Lsn {
            return generate_lsn(options);
        }
        let n_rows = options.n_train.saturating_add(options.n_test);
        let spec = self.slab_spec(options)?;
        let (train, test) = spec.sample(n_rows)?.split_test(options.n_test)?;
        Ok(PresetSample { train, test, coordinate_names: spec.coordinate_names() })
    }

    /// The slab distribution behind the preset; `lsn` has none.
    pub fn slab_spec(self, options: PresetOptions) -> Result<SlabSpec, SynthError> {
        let PresetOptions { dim, width, gamma, noise_share: share, rotate, seed, .. } = options;
        if dim < 2 {
            return Err(SynthError::out_of_range("dimension", dim as f64, "at least 2"));
        }
        let simple_first = |simple, other| {
            let mut blocks = vec![SlabBlock::Slab(other); dim];
            blocks[0] = simple;
            blocks
        };
        let blocks = match self {
            Self::Lms5 => simple_first(SlabBlock::Linear, 5),
            Self::Lms7 | Self::HatLms7 => simple_first(SlabBlock::Linear, 7),
            Self::Ms5 => simple_first(SlabBlock::Slab(5), 5),
            Self::Ms7 => simple_first(SlabBlock::Slab(7), 7),
            Self::Ms57 | Self::HatMs57 => simple_first(SlabBlock::Slab(5), 7),
            Self::AdvMs57 => {
                let mut blocks = vec![SlabBlock::Slab(5); dim / 2];
                blocks.resize(dim, SlabBlock::Slab(7));
                blocks
            }
            Self::Lsn => {
                return Err(SynthError::NoSuchSetting {
                    preset: "lsn",
                    setting: "slab specification",
                });
            }
        };
        let gamma = blocks
            .iter()
            .map(|&block| match (self, block) {
                (Self::AdvMs57, SlabBlock::Slab(5)) => gamma / ADVERSARIAL_MARGIN_RATIO,
                _ => gamma,
            })
            .collect();
        let noise = (share != 0.0).then(|| match (blocks[0], options.noise_mode) {
            (SlabBlock::Slab(n_slabs), NoiseMode::Margin) => SlabNoise::SlabGap { n_slabs, share },
            (SlabBlock::Slab(n_slabs), NoiseMode::Flip) => SlabNoise::SlabFlip { n_slabs, share },
            (_, NoiseMode::Margin) => SlabNoise::LinearMargin { share },
            (_, NoiseMode::Flip) => SlabNoise::LinearFlip { share },
        });
        let noise = noise.into_iter().collect();
        Ok(SlabSpec { name: self.name().into(), dim, width, blocks, gamma, noise, rotate, seed })
    }
}

fn generate_lsn(options: PresetOptions) -> Result<PresetSample, SynthError> {
    let PresetOptions { dim, n_train, n_test, rotate, seed, .. } = options;
    let defaults = Preset::Lsn.defaults();
    for (setting, changed) in [
        ("noise share", options.noise_share != 0.0),
        ("width", options.width != defaults.width),
        ("margin share", options.gamma != defaults.gamma),
    ] {
        if changed {
            return Err(SynthError::NoSuchSetting { preset: "lsn", setting });
        }
    }
    let n_rows = n_train.saturating_add(n_test);
    let batch = LsnBatch::draw(dim, n_rows, seed.child("synth/lsn/preset", 0))?;
    let sample = batch.into_sample(rotate.then(|| super::haar_rotation(dim, seed)));
    let (train, test) = sample.split_test(n_test)?;
    Ok(PresetSample { train, test, coordinate_names: super::lsn::coordinate_names(dim) })
}

impl PresetSample {
    /// The rows without the generator's knowledge: `(train, test)`.
    pub fn into_datasets(self) -> (Dataset, Dataset) {
        (self.train.dataset, self.test.dataset)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Preset {
    type Err = SynthError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| {
            SynthError::UnknownPreset {
                name: name.into(),
                known: Self::ALL.iter().map(|preset| preset.name()).collect(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_found_by_its_name_and_generates() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse::<Preset>(), Ok(preset));
            let options = PresetOptions { n_train: 60, n_test: 30, ..preset.defaults() };
            let sample = preset.generate(options).unwrap();
            assert_eq!(sample.coordinate_names.len(), options.dim);
            let (train, test) = sample.into_datasets();
            assert_eq!(train.rows.dim(), (60, options.dim));
            assert_eq!(test.rows.dim(), (30, options.dim));
            assert_eq!(train.name, preset.name());
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = "lms9".parse::<Preset>().unwrap_err().to_string();
        assert!(message.contains("\"lms9\""), "{message}");
        assert!(Preset::ALL.iter().all(|preset| message.contains(preset.name())), "{message}");
    }

    #[test]
    fn the_adversarial_preset_has_two_margins() {
        let spec = Preset::AdvMs57.slab_spec(Preset::AdvMs57.defaults()).unwrap();
        assert_eq!(spec.blocks[9..11], [SlabBlock::Slab(5), SlabBlock::Slab(7)]);
        assert!((spec.gamma[9] - 0.05).abs() < 1e-12);
        assert_eq!(spec.gamma[10], 0.15);
    }

    #[test]
    fn lsn_has_no_noise_share() {
        let options = PresetOptions { noise_share: 0.1, ..Preset::Lsn.defaults() };
        assert!(Preset::Lsn.generate(options).is_err());
    }
}
