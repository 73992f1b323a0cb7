//! What goes into a network, between its layers, and out of it.

use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};

/// Shape of an input image, channels first; a flat row is its C-order layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageDims {
    /// Number of channels.
    pub channels: usize,
    /// Number of pixel rows.
    pub height: usize,
    /// Number of pixel columns.
    pub width: usize,
}

/// What one row of a network's input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputShape {
    /// `n` numbers without further structure.
    Rows {
        /// Columns of a row.
        n: usize,
    },
    /// An image.
    Image(ImageDims),
    /// Token numbers.
    Tokens {
        /// Largest number of tokens in a row.
        length: usize,
        /// Number of different tokens.
        vocabulary: usize,
    },
    /// Vectors in a sequence.
    Sequence {
        /// Largest number of vectors in a row.
        length: usize,
        /// Width of a vector.
        width: usize,
    },
}

impl InputShape {
    /// Columns of the row laid out flat, in C order.
    pub fn n_features(&self) -> usize {
        match *self {
            Self::Rows { n } => n,
            Self::Image(ImageDims { channels, height, width }) => channels * height * width,
            Self::Tokens { length, .. } => length,
            Self::Sequence { length, width } => length * width,
        }
    }

    /// Whether a row is an image.
    pub fn is_image(&self) -> bool {
        matches!(self, Self::Image(_))
    }
}

/// What a network makes of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputShape {
    /// One output vector.
    Row {
        /// Its width.
        n_outputs: usize,
    },
    /// One output vector at every position of the input.
    Positions {
        /// Width of a vector.
        n_outputs: usize,
    },
}

impl OutputShape {
    /// Width of an output vector: one logit per class, or 1 for a regression or a single score.
    pub fn n_outputs(&self) -> usize {
        match *self {
            Self::Row { n_outputs } | Self::Positions { n_outputs } => n_outputs,
        }
    }
}

/// A batch of input.
///
/// A network takes the kind that its [`InputShape`] names, or flat rows, which it reshapes and casts to that kind.
#[derive(Clone, Debug)]
pub enum Input {
    /// `[batch, n_features]`
    Rows(Tensor<2>),
    /// `[batch, channels, height, width]`
    Images(Tensor<4>),
    /// `[batch, length]`
    Tokens(Tensor<2, Int>),
    /// `[batch, length, width]`
    Sequences(Tensor<3>),
}

impl From<Tensor<2>> for Input {
    fn from(rows: Tensor<2>) -> Self {
        Self::Rows(rows)
    }
}

impl From<Tensor<4>> for Input {
    fn from(images: Tensor<4>) -> Self {
        Self::Images(images)
    }
}

impl From<Tensor<2, Int>> for Input {
    fn from(tokens: Tensor<2, Int>) -> Self {
        Self::Tokens(tokens)
    }
}

impl From<Tensor<3>> for Input {
    fn from(sequences: Tensor<3>) -> Self {
        Self::Sequences(sequences)
    }
}

impl Input {
    /// The input in the form that a network for `shape` takes.
    ///
    /// # Panics
    ///
    /// If it has another kind or other sizes.
    pub(crate) fn enter(self, shape: InputShape) -> Signal {
        match (self, shape) {
            (Self::Rows(rows), shape) => enter_rows(rows, shape),
            (Self::Images(images), InputShape::Image(dims)) => {
                let [_, channels, height, width] = images.dims();
                assert_eq!(ImageDims { channels, height, width }, dims, "size of the images");
                Signal::Image(images)
            }
            (Self::Tokens(tokens), InputShape::Tokens { length, .. }) => {
                assert_fits(tokens.dims()[1], length);
                Signal::Tokens(tokens)
            }
            (Self::Sequences(vectors), InputShape::Sequence { length, width }) => {
                assert_fits(vectors.dims()[1], length);
                assert_eq!(vectors.dims()[2], width, "width of the vectors");
                Signal::Positions(vectors)
            }
            (Self::Images(images), shape @ InputShape::Rows { .. }) => {
                enter_rows(images.flatten(1, 3), shape)
            }
            (Self::Sequences(vectors), shape @ InputShape::Rows { .. }) => {
                enter_rows(vectors.flatten(1, 2), shape)
            }
            (input, shape) => panic!("a network for {shape:?} cannot take {input:?}"),
        }
    }
}

fn enter_rows(rows: Tensor<2>, shape: InputShape) -> Signal {
    let [batch, n] = rows.dims();
    match shape {
        InputShape::Rows { .. } => {
            assert_eq!(n, shape.n_features(), "columns of the rows");
            Signal::Rows(rows)
        }
        InputShape::Image(ImageDims { channels, height, width }) => {
            assert_eq!(n, shape.n_features(), "columns of the rows");
            Signal::Image(rows.reshape([batch, channels, height, width]))
        }
        InputShape::Tokens { length, .. } => {
            assert_fits(n, length);
            Signal::Tokens(rows.without_autodiff().int())
        }
        InputShape::Sequence { length, width } => {
            assert!(n.is_multiple_of(width), "{n} columns are not whole vectors of {width}");
            assert_fits(n / width, length);
            Signal::Positions(rows.reshape([batch, n / width, width]))
        }
    }
}

fn assert_fits(found: usize, most: usize) {
    assert!((1..=most).contains(&found), "a row has {found} positions, expected 1 to {most}");
}

/// What a network returns.
#[derive(Clone, Debug)]
pub enum Output {
    /// `[batch, n_outputs]`
    Rows(Tensor<2>),
    /// `[batch, length, n_outputs]`
    Positions(Tensor<3>),
}

impl Output {
    /// `[batch, n_outputs]`: the output of every row, at the last position where there are several.
    pub fn rows(self) -> Tensor<2> {
        match self {
            Self::Rows(rows) => rows,
            Self::Positions(positions) => last_position(positions),
        }
    }

    /// `[batch, length, n_outputs]`; `None` for a network with one output per row.
    pub fn positions(self) -> Option<Tensor<3>> {
        match self {
            Self::Rows(_) => None,
            Self::Positions(positions) => Some(positions),
        }
    }
}

/// `[batch, length, width] → [batch, width]`
pub(crate) fn last_position(positions: Tensor<3>) -> Tensor<2> {
    let [batch, length, width] = positions.dims();
    positions.narrow(1, length - 1, 1).reshape([batch, width])
}

/// Activations between two layers.
///
/// Its methods panic for a kind that a layer cannot take: the architecture has then been put together wrongly.
#[derive(Clone, Debug)]
pub enum Signal {
    /// `[batch, n]`
    Rows(Tensor<2>),
    /// `[batch, channels, length]`
    Channels(Tensor<3>),
    /// `[batch, channels, height, width]`
    Image(Tensor<4>),
    /// `[batch, length]`
    Tokens(Tensor<2, Int>),
    /// `[batch, length, width]`
    Positions(Tensor<3>),
}

/// A function of a tensor of any rank, for [`Signal::map`].
pub trait AnyRank {
    /// The function; it keeps the shape.
    fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D>;
}

impl Signal {
    /// Every row flattened in C order: `[batch, n]`.
    pub fn flat(self) -> Tensor<2> {
        match self {
            Self::Rows(x) => x,
            Self::Channels(x) | Self::Positions(x) => x.flatten(1, 2),
            Self::Image(x) => x.flatten(1, 3),
            Self::Tokens(_) => misplaced("rows", &self),
        }
    }

    /// `[batch, channels, height, width]`
    pub fn image(self) -> Tensor<4> {
        match self {
            Self::Image(x) => x,
            other => misplaced("images", &other),
        }
    }

    /// `[batch, channels, length]`
    pub fn channels(self) -> Tensor<3> {
        match self {
            Self::Channels(x) => x,
            other => misplaced("channels", &other),
        }
    }

    /// `[batch, length, width]`
    pub fn positions(self) -> Tensor<3> {
        match self {
            Self::Positions(x) => x,
            other => misplaced("sequences of vectors", &other),
        }
    }

    /// `[batch, length]`
    pub fn tokens(self) -> Tensor<2, Int> {
        match self {
            Self::Tokens(x) => x,
            other => misplaced("tokens", &other),
        }
    }

    /// The same function, whatever the rank.
    pub fn map(self, function: impl AnyRank) -> Self {
        match self {
            Self::Rows(x) => Self::Rows(function.apply(x)),
            Self::Channels(x) => Self::Channels(function.apply(x)),
            Self::Image(x) => Self::Image(function.apply(x)),
            Self::Positions(x) => Self::Positions(function.apply(x)),
            Self::Tokens(_) => misplaced("numbers", &self),
        }
    }

    /// A function `[n, width] → [n, width']` of the vector at every position, or of whole rows.
    pub fn map_vectors(self, function: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Self {
        match self {
            Self::Positions(x) => {
                let [batch, length, width] = x.dims();
                let mapped = function(x.reshape([batch * length, width]));
                let width = mapped.dims()[1];
                Self::Positions(mapped.reshape([batch, length, width]))
            }
            other => Self::Rows(function(other.flat())),
        }
    }

    /// Elementwise sum of two signals of one shape.
    pub(crate) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Rows(x), Self::Rows(y)) => Self::Rows(x + y),
            (Self::Channels(x), Self::Channels(y)) => Self::Channels(x + y),
            (Self::Image(x), Self::Image(y)) => Self::Image(x + y),
            (Self::Positions(x), Self::Positions(y)) => Self::Positions(x + y),
            (x, y) => panic!("a sum of different signals {x:?} and {y:?}"),
        }
    }
}

fn misplaced(wanted: &str, found: &Signal) -> ! {
    panic!("a layer on {wanted} was given {found:?}")
}
