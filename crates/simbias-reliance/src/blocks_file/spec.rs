//! Kinds of transforms and blocks, as they are written.

use serde::Deserialize;

use super::indices::{Indices, Span};

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum TransformSpec {
    Identity,
    Linear { matrix: String, inverse: Option<String> },
    Fft2,
    Dct2,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum BlockSpec {
    /// Columns by index, by name or glob, or one-hot groups by prefix.
    Columns {
        name: String,
        #[serde(default)]
        index: Option<Indices>,
        #[serde(default)]
        names: Vec<String>,
        #[serde(default)]
        prefix: Option<String>,
    },
    /// A rectangle of an image.
    Region {
        name: String,
        #[serde(default)]
        rows: Option<Span>,
        #[serde(default, alias = "columns")]
        cols: Option<Span>,
        #[serde(default)]
        channels: Option<Channels>,
    },
    /// An image cut into `rows` × `cols` rectangles.
    Grid {
        #[serde(default = "grid_name")]
        name: String,
        rows: usize,
        cols: usize,
    },
    /// Non-zero entries of an array of the image's or row's shape; several values give several blocks.
    Mask { name: String, file: String },
    /// A radial band of spatial frequency, in cycles per pixel.
    Band { name: String, low: f64, high: f64 },
    /// `n` bands of equal width.
    Bands {
        #[serde(default = "band_name")]
        name: String,
        n: usize,
    },
    /// Coordinates of `z = x · Wᵀ`.
    Linear { name: String, matrix: String, coordinates: Indices },
    /// All values of some named input tensors.
    Modality { name: String, tensors: Vec<String> },
    /// Columns clustered by absolute correlation.
    AutoCorrelation {
        #[serde(default = "default_correlation")]
        threshold: f64,
    },
    /// Every column a block of its own; one-hot columns of one source stay together.
    EachColumn,
}

pub(super) fn grid_name() -> String {
    String::new()
}

pub(super) fn band_name() -> String {
    "band".into()
}

pub(super) fn default_correlation() -> f64 {
    0.7
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Channels {
    List(Vec<usize>),
    Text(String),
}
