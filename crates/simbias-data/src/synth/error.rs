//! Why a generator failed.

/// Why a generator failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// No preset of that name.
    #[error("preset {name:?}: there is no such preset; the presets are {}", known.join(", "))]
    UnknownPreset {
        /// The name that was asked for.
        name: String,
        /// Every preset.
        known: Vec<&'static str>,
    },
    /// A number lies outside its range.
    #[error("{what}: found {found}, allowed {allowed}")]
    OutOfRange {
        /// The setting.
        what: String,
        /// Its value.
        found: f64,
        /// The allowed range, in words.
        allowed: String,
    },
    /// The preset has no such setting.
    #[error("preset {preset:?} has no {setting}; leave it at its default")]
    NoSuchSetting {
        /// The preset.
        preset: &'static str,
        /// The setting that was changed.
        setting: &'static str,
    },
    /// A data set is not what the generator needs.
    #[error("data set {dataset:?}: {found}; needed {needed}")]
    WrongSource {
        /// Name of the data set.
        dataset: String,
        /// What it is.
        found: String,
        /// What it should be.
        needed: String,
    },
    /// Two image sets do not fit on top of one another.
    #[error(
        "images {top:?} of shape {top_shape:?} do not fit on images {bottom:?} of shape \
         {bottom_shape:?} ([channels, height, width]); channels and width must agree: pad or copy \
         channels first"
    )]
    ShapeMismatch {
        /// Name of the upper set.
        top: String,
        /// Its image shape.
        top_shape: [usize; 3],
        /// Name of the lower set.
        bottom: String,
        /// Its image shape.
        bottom_shape: [usize; 3],
    },
    /// A supplied list of rows is not a permutation of the expected length.
    #[error("{what}: not a permutation of 0..{expected}")]
    NotAPermutation {
        /// Which list.
        what: &'static str,
        /// Expected length.
        expected: usize,
    },
    /// Two arrays disagree.
    #[error("{what}: found shape {found:?}, expected {expected:?}")]
    Shape {
        /// Which array.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
}

impl SynthError {
    pub(crate) fn out_of_range(
        what: impl Into<String>,
        found: f64,
        allowed: impl Into<String>,
    ) -> Self {
        Self::OutOfRange { what: what.into(), found, allowed: allowed.into() }
    }
}
