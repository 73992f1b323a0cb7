//! `influences.safetensors`: influences as the bytes of a file, so that two results over the same rows can be compared
//! row by row.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::RelianceError;
use crate::influence::{BlockInfluences, Influences};

/// Metadata entry with everything but the values, and its version.
const HEAD: &str = "simbias.influences.v1";
/// Array of the unchanged rows.
const STANDARD: &str = "standard";

#[derive(Serialize, Deserialize)]
struct Head {
    data_fingerprint: String,
    standard_value: f64,
    /// Names of the blocks, in order.
    blocks: Vec<String>,
}

fn randomized(index: usize) -> String {
    format!("block.{index}.randomized")
}

fn complement(index: usize) -> String {
    format!("block.{index}.complement")
}

fn bad(problem: impl Into<String>) -> RelianceError {
    RelianceError::InfluencesFile { problem: problem.into() }
}

impl Influences {
    /// Name of the file beside `result.json`.
    pub const FILE: &str = "influences.safetensors";

    /// The influences as a safetensors file image: `standard` and one or two arrays per block, f32 of shape `[n_rows]`.
    ///
    /// # Errors
    /// [`RelianceError::InfluencesFile`], for more values than the format can hold.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, RelianceError> {
        let bytes = |values: &[f32]| -> Vec<u8> {
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        };
        let mut arrays = vec![(STANDARD.to_string(), bytes(&self.standard))];
        for (index, block) in self.blocks.iter().enumerate() {
            arrays.push((randomized(index), bytes(&block.randomized)));
            let alone = block.complement.as_ref();
            arrays.extend(alone.map(|values| (complement(index), bytes(values))));
        }
        let failed = |error: safetensors::SafeTensorError| bad(error.to_string());
        let mut views = Vec::with_capacity(arrays.len());
        for (name, bytes) in &arrays {
            let shape = vec![bytes.len() / size_of::<f32>()];
            views.push((name, TensorView::new(Dtype::F32, shape, bytes).map_err(failed)?));
        }
        let head = Head {
            data_fingerprint: self.data_fingerprint.clone(),
            standard_value: self.standard_value,
            blocks: self.blocks.iter().map(|block| block.block.clone()).collect(),
        };
        let head = serde_json::to_string(&head).map_err(|error| bad(error.to_string()))?;
        // One entry: several would come in random order.
        let metadata = HashMap::from([(HEAD.to_string(), head)]);
        safetensors::serialize(views, Some(metadata)).map_err(failed)
    }

    /// Reads the file image that [`to_safetensors`](Self::to_safetensors) makes.
    ///
    /// # Errors
    /// [`RelianceError::InfluencesFile`] for anything else.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, RelianceError> {
        let head = SafeTensors::read_metadata(bytes)
            .ok()
            .and_then(|(_, metadata)| metadata.metadata().clone()?.remove(HEAD))
            .and_then(|text| serde_json::from_str::<Head>(&text).ok())
            .ok_or_else(|| bad(format!("the metadata entry {HEAD:?} is missing or damaged")))?;
        let file =
            SafeTensors::deserialize(bytes).map_err(|error| bad(format!("is damaged: {error}")))?;
        let values = |name: &str| -> Option<Vec<f32>> {
            let view = file.tensor(name).ok().filter(|view| view.dtype() == Dtype::F32)?;
            let (values, _) = view.data().as_chunks::<4>();
            Some(values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
        };
        let needed =
            |name: &str| values(name).ok_or_else(|| bad(format!("there is no array {name:?}")));
        let standard = needed(STANDARD)?;
        let blocks = head.blocks.into_iter().enumerate().map(|(index, block)| {
            Ok(BlockInfluences {
                block,
                randomized: needed(&randomized(index))?,
                complement: values(&complement(index)),
            })
        });
        Ok(Self {
            data_fingerprint: head.data_fingerprint,
            standard_value: head.standard_value,
            standard,
            blocks: blocks.collect::<Result<_, RelianceError>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn influences() -> Influences {
        Influences {
            data_fingerprint: "0123".into(),
            standard_value: 0.75,
            standard: vec![0.5, -0.25],
            blocks: vec![
                BlockInfluences {
                    block: "top".into(),
                    randomized: vec![1.0, 2.0],
                    complement: Some(vec![3.0, 4.0]),
                },
                BlockInfluences {
                    block: "bottom".into(),
                    randomized: vec![5.0, 6.0],
                    complement: None,
                },
            ],
        }
    }

    #[test]
    fn influences_come_back_from_their_file() {
        let bytes = influences().to_safetensors().unwrap();
        assert_eq!(Influences::from_safetensors(&bytes).unwrap(), influences());
    }

    #[test]
    fn damaged_files_are_refused() {
        let bytes = influences().to_safetensors().unwrap();
        for damaged in [&bytes[..bytes.len() - 4], b"", b"not a file of arrays"] {
            let error = Influences::from_safetensors(damaged).unwrap_err();
            assert!(matches!(error, RelianceError::InfluencesFile { .. }), "{error}");
        }
    }
}
