//! Which network suits some data.

use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, Target};
use simbias_nn::{Architecture, ImageDims, InputShape, NnError, zoo};

use crate::TrainError;

/// Which network is trained when the user brings none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkChoice {
    /// The small CNN for images, a (100,2)-FCN for everything else.
    #[default]
    Auto,
    /// The network that [`zoo::by_name`] knows under this name.
    Named(&'static str),
}

impl NetworkChoice {
    /// Networks for [`Auto`](Self::Auto): the first one that suits the data is taken.
    const AUTOMATIC: [&'static str; 2] = ["cnn", "fcn"];

    /// All names, separated by commas.
    pub fn known() -> String {
        std::iter::once("auto").chain(zoo::names()).collect::<Vec<_>>().join(", ")
    }
}

impl std::str::FromStr for NetworkChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, zoo::stored_name(text)) {
            ("auto", _) => Ok(Self::Auto),
            (_, Some(name)) => Ok(Self::Named(name)),
            _ => Err(format!("unknown network {text:?}; known are {}", Self::known())),
        }
    }
}

impl Serialize for NetworkChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Auto => "auto",
            Self::Named(name) => name,
        })
    }
}

impl<'de> Deserialize<'de> for NetworkChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The architecture of `choice` for the shape of `data`.
///
/// # Errors
/// An image network is chosen and the data are not images.
pub fn architecture(choice: NetworkChoice, data: &Dataset) -> Result<Architecture, TrainError> {
    let n_outputs = match &data.target {
        Target::Classes(labels) => labels.n_classes(),
        Target::Values(_) => 1,
    };
    let input = match data.layout.image_shape() {
        Some(shape) => InputShape::Image(ImageDims {
            channels: shape.channels,
            height: shape.height,
            width: shape.width,
        }),
        None => InputShape::Rows { n: data.n_features() },
    };
    let made = match choice {
        NetworkChoice::Named(name) => zoo::by_name(name, &input, n_outputs),
        NetworkChoice::Auto => {
            let [first, other] = NetworkChoice::AUTOMATIC;
            zoo::by_name(first, &input, n_outputs)
                .or_else(|_| zoo::by_name(other, &input, n_outputs))
        }
    };
    made.map_err(|error| match error {
        NnError::UnsuitableData { problem } => {
            TrainError::Data { name: data.name.clone(), problem }
        }
        other => TrainError::Network(other),
    })
}
