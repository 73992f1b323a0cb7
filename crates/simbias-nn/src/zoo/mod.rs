//! The architectures, one file each: plain data that describes input and output, valid sizes and layers.
//!
//! A new one is a file here that implements [`Describe`], and one line in the list below.

use serde::de::Deserialize;
use serde::ser::{Error as _, Serialize};
use serde::{Deserializer, Serializer};

use crate::architecture::Describe;
use crate::signal::InputShape;
use crate::{Architecture, NnError};

/// Declares the modules, exports what they name, and registers the first type of each under its kind.
macro_rules! zoo {
    ($($vis:vis $module:ident::{$Type:ident $(, $more:ident)*} = $kind:literal;)*) => {
        $($vis mod $module;)*
        pub use self::types::*;

        /// The types of all architectures.
        pub(crate) mod types {
            $(pub use super::$module::{$Type $(, $more)*};)*
        }

        /// A description with its kind, as it is read.
        #[derive(serde::Deserialize)]
        #[serde(tag = "kind")]
        enum Stored {
            $(#[serde(rename = $kind)] $Type(Box<$Type>),)*
        }

        /// A description with its kind, as it is written.
        #[derive(serde::Serialize)]
        #[serde(tag = "kind")]
        enum StoredRef<'a> {
            $(#[serde(rename = $kind)] $Type(&'a $Type),)*
        }

        impl Serialize for Architecture {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $(
                    if let Some(description) = self.downcast_ref::<$Type>() {
                        return StoredRef::$Type(description).serialize(serializer);
                    }
                )*
                Err(S::Error::custom(format!("{self:?} is not part of the zoo, so it has no kind to be stored under")))
            }
        }

        impl<'de> Deserialize<'de> for Architecture {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(match Stored::deserialize(deserializer)? {
                    $(Stored::$Type(description) => Self::from(*description),)*
                })
            }
        }

        /// All architectures, in the order in which their names are shown.
        const ENTRIES: &[Entry] = &[$(Entry::of::<$Type>()),*];
    };
}

zoo! {
    fcn::{Fcn} = "fcn";
    small_cnn::{SmallCnn} = "small-cnn";
    conv_sequence::{ConvSequence} = "conv1d";
    gated_recurrent::{GatedRecurrent} = "gru";
    resnet18::{ResNet18} = "res-net18";
    pub decoder::{Decoder} = "decoder";
    vgg::{Vgg, VggHead} = "vgg";
    bottleneck_mlp::{BottleneckMlp} = "bottleneck-mlp";
    standard_mlp::{StandardMlp} = "standard-mlp";
    causal_sequence::{CausalSequence} = "causal-sequence";
}

/// What the registry knows of an architecture.
struct Entry {
    /// All spellings of each of its choices.
    names: fn() -> Vec<&'static [&'static str]>,
    /// The choice with that name, if there is one.
    make: fn(&str, &InputShape, usize) -> Option<Result<Architecture, String>>,
}

impl Entry {
    const fn of<T: Describe + PartialEq>() -> Self {
        Self {
            names: || T::choices().iter().map(|choice| choice.names).collect(),
            make: |name, input, n_outputs| {
                let choice = T::choices().iter().find(|choice| choice.names.contains(&name))?;
                Some((choice.make)(input, n_outputs).map(|made| (*made).into()))
            },
        }
    }
}

/// All names that [`by_name`] knows, each in the spelling that is shown to users.
pub fn names() -> Vec<&'static str> {
    spellings().filter_map(|names| names.first().copied()).collect()
}

/// The spelling under which the choice `name` is stored; `None` for an unknown one.
pub fn stored_name(name: &str) -> Option<&'static str> {
    spellings().find(|names| names.contains(&name)).and_then(|names| names.last().copied())
}

fn spellings() -> impl Iterator<Item = &'static [&'static str]> {
    ENTRIES.iter().flat_map(|entry| (entry.names)())
}

/// The architecture called `name` for data of the given input and `n_outputs` logits, or 1 for a regression.
///
/// # Errors
///
/// [`NnError::UnknownNetwork`] for a name that is not one of [`names`], [`NnError::UnsuitableData`] for input that the
/// network cannot take.
pub fn by_name(name: &str, input: &InputShape, n_outputs: usize) -> Result<Architecture, NnError> {
    match ENTRIES.iter().find_map(|entry| (entry.make)(name, input, n_outputs)) {
        Some(made) => made.map_err(|problem| NnError::UnsuitableData { problem }),
        None => Err(NnError::UnknownNetwork { name: name.into(), known: names() }),
    }
}
