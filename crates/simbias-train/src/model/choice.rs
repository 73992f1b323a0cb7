//! Which network suits some data.

use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, Target};
use simbias_nn::{Architecture, Fcn, ImageDims, ResNet18, SmallCnn};

use crate::TrainError;

/// Which network is trained when the user brings none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkChoice {
    /// The small CNN for images, a (100,2)-FCN for everything else.
    #[default]
    Auto,
    /// Fully connected, two hidden layers of 100.
    Fcn,
    /// Two convolutions and two linear layers.
    SmallCnn,
    /// ResNet-18 for small images.
    ResNet18,
}

impl std::str::FromStr for NetworkChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "fcn" => Ok(Self::Fcn),
            "cnn" | "small-cnn" => Ok(Self::SmallCnn),
            "resnet18" => Ok(Self::ResNet18),
            _ => Err(format!("unknown network {text:?}; known are auto, fcn, cnn, resnet18")),
        }
    }
}

/// The architecture of `choice` for the shape of `data`.
///
/// # Errors
/// An image network for data that are not images.
pub fn architecture(choice: NetworkChoice, data: &Dataset) -> Result<Architecture, TrainError> {
    let n_outputs = match &data.target {
        Target::Classes(labels) => labels.n_classes(),
        Target::Values(_) => 1,
    };
    let image = data.layout.image_shape().map(|shape| ImageDims {
        channels: shape.channels,
        height: shape.height,
        width: shape.width,
    });
    let fcn = || Architecture::Fcn(Fcn::new(data.n_features(), 100, 2, n_outputs));
    // The small CNN halves its input once and pools to height/8.
    let fits = image.is_some_and(|image| image.height >= 8 && image.width >= 4);
    match (choice, image) {
        (NetworkChoice::Auto, Some(image)) if fits => {
            Ok(Architecture::SmallCnn(SmallCnn::new(image, n_outputs)))
        }
        (NetworkChoice::Auto | NetworkChoice::Fcn, _) => Ok(fcn()),
        (NetworkChoice::SmallCnn, Some(image)) if fits => {
            Ok(Architecture::SmallCnn(SmallCnn::new(image, n_outputs)))
        }
        (NetworkChoice::ResNet18, Some(image)) => {
            Ok(Architecture::ResNet18(ResNet18::new(image, n_outputs)))
        }
        _ => Err(TrainError::Data {
            name: data.name.clone(),
            problem:
                "an image network needs images of shape [channels, height ≥ 8, width ≥ 4]; use the \
                      network fcn"
                    .into(),
        }),
    }
}
