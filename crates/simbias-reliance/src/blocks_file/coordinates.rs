//! The coordinates in which blocks select: the transform that a definition names or implies.

use simbias_data::Dataset;
use simbias_data::transform::{Dct2, Fft2, Identity, InverseOrigin, LinearTransform, Transform};

use super::spec::{BlockSpec, TransformSpec};
use super::{BlocksFile, MatrixLoader};
use crate::RelianceError;

impl BlocksFile {
    pub(super) fn transform(
        &self,
        data: &Dataset,
        load: MatrixLoader<'_>,
        notes: &mut Vec<String>,
    ) -> Result<AnyTransform, RelianceError> {
        let bad = |problem: String| RelianceError::Transform { problem };
        let has_band = self
            .blocks
            .iter()
            .any(|block| matches!(block, BlockSpec::Band { .. } | BlockSpec::Bands { .. }));
        let mut matrices: Vec<&String> = self
            .blocks
            .iter()
            .filter_map(|block| match block {
                BlockSpec::Linear { matrix, .. } => Some(matrix),
                _ => None,
            })
            .collect();
        matrices.dedup();
        let implied = match (has_band, matrices.as_slice()) {
            (true, []) => Some(TransformSpec::Fft2),
            (false, [one]) => Some(TransformSpec::Linear { matrix: (*one).clone(), inverse: None }),
            (false, []) => None,
            _ => {
                return Err(bad(
                    "blocks of one measurement share one transform; measure bands and different matrices \
                     in separate runs"
                        .into(),
                ));
            }
        };
        let spec = match (&self.transform, implied) {
            (Some(named), Some(implied)) if *named != implied => {
                let both_frequencies = has_band && *named == TransformSpec::Dct2;
                if !both_frequencies {
                    return Err(bad("[transform] and the blocks' own transform differ".into()));
                }
                named.clone()
            }
            (Some(named), _) => named.clone(),
            (None, Some(implied)) => implied,
            (None, None) => TransformSpec::Identity,
        };
        let image = || {
            data.layout.image_shape().ok_or_else(|| {
                bad("frequencies need images of shape [channels, height, width]".into())
            })
        };
        match spec {
            TransformSpec::Identity => Ok(AnyTransform::Identity(Identity::new(data.n_features()))),
            TransformSpec::Fft2 => {
                Fft2::new(image()?).map(AnyTransform::Fft2).map_err(|error| bad(error.to_string()))
            }
            TransformSpec::Dct2 => {
                Dct2::new(image()?).map(AnyTransform::Dct2).map_err(|error| bad(error.to_string()))
            }
            TransformSpec::Linear { matrix, inverse } => {
                let load = |name: &str| load(name).map_err(bad);
                let forward = load(&matrix)?;
                if forward.nrows() != data.n_features() {
                    return Err(bad(format!(
                        "matrix {matrix:?} is for {} features, the data have {}",
                        forward.nrows(),
                        data.n_features()
                    )));
                }
                let transform = match inverse {
                    Some(inverse) => {
                        LinearTransform::with_inverse(forward.view(), load(&inverse)?.view())
                    }
                    None => LinearTransform::new(forward.view()),
                }
                .map_err(|error| bad(format!("matrix {matrix:?}: {error}")))?;
                if let InverseOrigin::Computed { condition } = transform.inverse_origin() {
                    notes.push(format!(
                        "Matrix {matrix:?} is not orthogonal (condition number {condition:.1}), so blocks \
                         overlap in the rows; its inverse was computed."
                    ));
                }
                Ok(AnyTransform::Linear(transform))
            }
        }
    }
}

/// The transforms that a definition can name, kept apart because bands ask them for frequencies.
pub(super) enum AnyTransform {
    Identity(Identity),
    Linear(LinearTransform),
    Fft2(Fft2),
    Dct2(Dct2),
}

impl AnyTransform {
    pub(super) fn transform(&self) -> &dyn Transform {
        match self {
            Self::Identity(transform) => transform,
            Self::Linear(transform) => transform,
            Self::Fft2(transform) => transform,
            Self::Dct2(transform) => transform,
        }
    }

    pub(super) fn boxed(self) -> Box<dyn Transform + Send> {
        match self {
            Self::Identity(transform) => Box::new(transform),
            Self::Linear(transform) => Box::new(transform),
            Self::Fft2(transform) => Box::new(transform),
            Self::Dct2(transform) => Box::new(transform),
        }
    }
}
