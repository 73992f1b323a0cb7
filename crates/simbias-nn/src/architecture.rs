//! Any network as plain data.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::NnError;
use crate::builder::Builder;
use crate::layer::Stack;
use crate::signal::{ImageDims, InputShape, OutputShape};

/// Largest size of a layer, an image side or a vocabulary. A description beyond it is damaged, and products of sizes
/// would not fit into 64 bits.
const MOST_SIZE: usize = 1 << 24;
/// Most columns of an input row.
const MOST_FEATURES: usize = 1 << 31;
/// Most layers of a kind.
const MOST_LAYERS: usize = 10_000;

/// What makes plain data an architecture.
///
/// A type of another crate that implements this runs and trains like those of the [`zoo`](crate::zoo); only the zoo's own
/// can be stored and read by name.
pub trait Describe: fmt::Debug + Any + Send + Sync {
    /// The network in words, with an article: "a ResNet-18".
    fn title(&self) -> String {
        "a network".into()
    }

    /// The shape of an input row.
    fn input(&self) -> InputShape;

    /// What the network makes of a row.
    fn output(&self) -> OutputShape;

    /// Every size of the description with the name of its field, apart from the number of outputs. None may be larger
    /// than 2^24, so that their products stay within 64 bits.
    fn sizes(&self) -> Vec<(&'static str, usize)>;

    /// How often the description repeats a layer, and the name of that field. At most 10 000 times.
    fn repeats(&self) -> (&'static str, usize) {
        ("layers", 1)
    }

    /// Refuses further invalid descriptions. Sizes are within bounds already, features and outputs at least 1.
    ///
    /// # Errors
    ///
    /// [`NnError::Architecture`] with the first offending field.
    fn check(&self) -> Result<(), NnError> {
        Ok(())
    }

    /// The layers of a description that has been checked; their parameters go to `builder` in the order of the
    /// forward pass.
    fn build(&self, builder: &mut Builder) -> Stack;

    /// Other names that checkpoints in circulation give to the parameter `name`, the likeliest first.
    fn foreign_names(&self, name: &str) -> Vec<String> {
        let _ = name;
        Vec::new()
    }

    /// Whether checkpoints in circulation hold a tensor `name` that the network does without.
    fn ignores(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Ways to ask for the architecture by name, given only the shape of the data.
    fn choices() -> &'static [Choice<Self>]
    where
        Self: Sized,
    {
        &[]
    }
}

/// One way to ask for an architecture by name.
pub struct Choice<T: ?Sized> {
    /// Spellings: the first one is shown, the last one is stored.
    pub names: &'static [&'static str],
    /// The architecture for data with that input and number of outputs, or what it needs instead.
    pub make: fn(&InputShape, usize) -> Result<Box<T>, String>,
}

/// [`Describe`] with what a handle needs.
trait Object: Describe {
    fn equals(&self, other: &dyn Any) -> bool;
}

impl<T: Describe + PartialEq> Object for T {
    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>().is_some_and(|other| self == other)
    }
}

/// Any network of the [`zoo`](crate::zoo) or of a user: plain data behind a handle that is cheap to clone.
///
/// As JSON it is the description with its kind: `{"kind":"fcn","d_input":50,…}`.
#[derive(Clone)]
pub struct Architecture(Arc<dyn Object>);

impl<T: Describe + PartialEq> From<T> for Architecture {
    fn from(description: T) -> Self {
        Self(Arc::new(description))
    }
}

impl fmt::Debug for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Architecture {
    fn eq(&self, other: &Self) -> bool {
        let other: &dyn Any = other.0.as_ref();
        self.0.equals(other)
    }
}

impl Architecture {
    /// The description, if it is a `T`.
    pub fn downcast_ref<T: Describe>(&self) -> Option<&T> {
        let description: &dyn Any = self.0.as_ref();
        description.downcast_ref()
    }

    /// The network in words, with an article: "a ResNet-18".
    pub fn title(&self) -> String {
        self.0.title()
    }

    /// What a row of the input is.
    pub fn input(&self) -> InputShape {
        self.0.input()
    }

    /// What the network makes of a row.
    pub fn output(&self) -> OutputShape {
        self.0.output()
    }

    /// Columns of an input row laid out flat.
    pub fn n_features(&self) -> usize {
        self.input().n_features()
    }

    /// Width of an output vector.
    pub fn n_outputs(&self) -> usize {
        self.output().n_outputs()
    }

    /// Other names that checkpoints in circulation give to the parameter `name`, the likeliest first.
    pub fn foreign_names(&self, name: &str) -> Vec<String> {
        self.0.foreign_names(name)
    }

    /// Whether checkpoints in circulation hold a tensor `name` that the network does without.
    pub fn ignores(&self, name: &str) -> bool {
        self.0.ignores(name)
    }

    /// Number of values of all parameters, running statistics included; no memory is allocated.
    ///
    /// # Errors
    ///
    /// [`NnError::Architecture`] for invalid sizes.
    pub fn n_values(&self) -> Result<u64, NnError> {
        let (_, builder) = self.build()?;
        let of_shape = |shape: &[usize]| {
            shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size as u64))
        };
        let mut shapes = builder.blueprints.iter().map(|blueprint| of_shape(&blueprint.shape));
        shapes.try_fold(0_u64, |sum, n| sum.checked_add(n?)).ok_or_else(|| {
            wrong("number of parameters", "beyond 64 bits", "a network that fits into memory")
        })
    }

    /// Floating-point operations of the matrix products and convolutions for one row, forward; a multiply-add counts as
    /// two. No memory is allocated.
    ///
    /// # Errors
    ///
    /// [`NnError::Architecture`] for invalid sizes.
    pub fn flops_per_row(&self) -> Result<u64, NnError> {
        Ok(self.build()?.1.multiply_adds.saturating_mul(2))
    }

    /// Refuses a description whose network has more values than a weight file of `n_bytes` can hold, before any
    /// memory is allocated: one of the two is damaged.
    ///
    /// # Errors
    ///
    /// [`NnError::Architecture`] for invalid sizes, [`NnError::TooFewWeights`].
    pub fn check_weights(&self, n_bytes: usize) -> Result<(), NnError> {
        let n_values = self.n_values()?;
        // A byte is the smallest number that weights are stored in.
        if n_values > n_bytes as u64 {
            return Err(NnError::TooFewWeights { n_values, n_bytes });
        }
        Ok(())
    }

    /// The layers and what they need.
    pub(crate) fn build(&self) -> Result<(Stack, Builder), NnError> {
        self.check()?;
        let mut builder = Builder::default();
        let layers = self.0.build(&mut builder);
        Ok((layers, builder))
    }

    /// Refuses sizes that no network can have.
    fn check(&self) -> Result<(), NnError> {
        let outputs = ("n_outputs", self.n_outputs());
        let mut sizes = self.0.sizes().into_iter().chain([outputs]);
        if let Some((field, found)) = sizes.find(|&(_, size)| size > MOST_SIZE) {
            return Err(wrong(field, found, "at most 2^24"));
        }
        let (field, n_layers) = self.0.repeats();
        if n_layers > MOST_LAYERS {
            return Err(wrong(field, n_layers, "at most 10 000 layers"));
        }
        if let InputShape::Image(ImageDims { channels, height, width }) = self.input() {
            let n_values =
                height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels));
            if n_values.is_none_or(|n| n > MOST_FEATURES) {
                let found = format!("{channels}×{height}×{width}");
                return Err(wrong("image", found, "at most 2^31 values"));
            }
        }
        positive("n_features", self.n_features())?;
        positive("n_outputs", self.n_outputs())?;
        self.0.check()
    }
}

/// The sizes of an image as those of a description.
pub(crate) fn image_sizes(image: &ImageDims) -> [(&'static str, usize); 3] {
    [("channels", image.channels), ("height", image.height), ("width", image.width)]
}

/// Refuses 0.
pub(crate) fn positive(field: &'static str, value: usize) -> Result<(), NnError> {
    match value {
        0 => Err(wrong(field, value, "at least 1")),
        _ => Ok(()),
    }
}

pub(crate) fn wrong(
    field: &'static str,
    found: impl fmt::Display,
    expected: &'static str,
) -> NnError {
    NnError::Architecture { field, found: found.to_string(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::{ConvSequence, Decoder, Fcn, GatedRecurrent, ResNet18, SmallCnn};
    use crate::{Init, Network, Precision};

    fn image(height: usize, width: usize) -> ImageDims {
        ImageDims { channels: 3, height, width }
    }

    fn fcn(d_input: usize, width: usize, n_hidden: usize) -> Architecture {
        Fcn::new(d_input, width, n_hidden, 2).into()
    }

    #[test]
    fn values_are_counted_as_they_are_made() {
        let conv = ConvSequence { d_input: 20, n_filters: 4, kernel: 7, n_conv: 2, n_outputs: 2 };
        let gru =
            GatedRecurrent { d_input: 20, step_width: 10, d_hidden: 5, n_layers: 2, n_outputs: 2 };
        for architecture in [
            Architecture::from(Fcn { batch_norm: true, ..Fcn::new(6, 16, 2, 2) }),
            SmallCnn::new(image(16, 8), 2).into(),
            conv.into(),
            gru.into(),
            ResNet18 { width: 4, ..ResNet18::new(image(8, 8), 3) }.into(),
            Decoder::small(11, 6, 8, 2, 2).into(),
        ] {
            let network = Network::new(
                architecture.clone(),
                Init::default(),
                Precision::F32,
                simbias_stats::Seed::new(0),
                &crate::cpu(),
            )
            .unwrap();
            let made: usize =
                network.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum();
            assert_eq!(architecture.n_values().unwrap(), made as u64);
            let n_bytes = network.to_safetensors().len();
            assert!(architecture.check_weights(n_bytes).is_ok());
            assert!(matches!(
                architecture.check_weights(made - 1),
                Err(NnError::TooFewWeights { .. })
            ));
        }
    }

    #[test]
    fn damaged_sizes_are_refused_before_memory_is_asked_for() {
        let conv = |n_conv, n_filters| {
            let kernel = 3;
            let conv = ConvSequence { d_input: 1 << 24, n_filters, kernel, n_conv, n_outputs: 2 };
            Architecture::from(conv)
        };
        let most = MOST_SIZE;
        let gru = GatedRecurrent {
            d_input: most,
            step_width: 1,
            d_hidden: most,
            n_layers: MOST_LAYERS,
            n_outputs: most,
        };
        let decoder =
            |width, n_blocks| Architecture::from(Decoder::small(most, most, width, n_blocks, 1));
        for architecture in [
            fcn(6, usize::MAX, 1),
            fcn(6, 1_000_000_000_000, 1),
            fcn(usize::MAX, 4, 1),
            fcn(6, 4, 2_000_000_000),
            fcn(most, most, MOST_LAYERS),
            conv(2_000_000_000, 4),
            conv(MOST_LAYERS, most),
            SmallCnn::new(image(usize::MAX, usize::MAX), 2).into(),
            ResNet18::new(image(most, most), 2).into(),
            ResNet18 { width: most, ..ResNet18::new(image(8, 8), 2) }.into(),
            gru.into(),
            decoder(usize::MAX / 4, 1),
            decoder(64, 2_000_000_000),
            decoder(1 << 20, MOST_LAYERS),
        ] {
            let error = architecture.check_weights(1 << 20).unwrap_err();
            assert!(
                matches!(error, NnError::Architecture { .. } | NnError::TooFewWeights { .. }),
                "{error}"
            );
        }
    }
}
