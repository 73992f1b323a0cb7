//! A checkpoint as a language model whose blocks are read one at a time.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use simbias_checkpoint::Checkpoint;
use simbias_nn::decoder::{BlockWeights, Decoder, LinearWeights, Norm, NormWeights};
use simbias_nn::{DType, Device, Tensor, TensorData};
use simbias_spectra::prune::WeightMatrix;

use crate::LanguageError;
use crate::family::{Names, StoredMap, recognise};
use crate::tokenizer::Tokenizer;

/// `model_type` in the config.json of networks of `simbias-nn`; `decoder` beside it is the architecture.
pub const OWN_MODEL_TYPE: &str = "simbias-decoder";

/// A decoder with its weights on disk.
#[derive(Debug)]
pub struct LanguageModel {
    checkpoint: Checkpoint,
    decoder: Decoder,
    names: Names,
    device: Device,
}

impl LanguageModel {
    /// Recognises the decoder in `checkpoint` and checks that all its tensors are there in the right shapes; no numbers
    /// are read yet. Forward passes run on `device`.
    ///
    /// # Errors
    /// Models of other families, damaged configurations, missing tensors.
    pub fn new(checkpoint: Checkpoint, device: &Device) -> Result<Self, LanguageError> {
        let (decoder, names) = recognise(&checkpoint)?;
        let model = Self { checkpoint, decoder, names, device: device.clone() };
        model.check_tensors()?;
        Ok(model)
    }

    /// [`new`](Self::new) on the checkpoint at `path`.
    ///
    /// # Errors
    /// As [`new`](Self::new), and files that cannot be read.
    pub fn open(path: &Path, device: &Device) -> Result<Self, LanguageError> {
        Self::new(Checkpoint::open(path)?, device)
    }

    /// The checkpoint behind it.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// How it runs.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Where it runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Its own tokenizer; bytes for a network of this program without one.
    ///
    /// # Errors
    /// As [`Tokenizer::of_checkpoint`].
    pub fn tokenizer(&self) -> Result<Tokenizer, LanguageError> {
        let config = self.checkpoint.config();
        let is_own =
            config.and_then(|config| config.get("model_type")?.as_str()) == Some(OWN_MODEL_TYPE);
        match Tokenizer::of_checkpoint(&self.checkpoint) {
            Err(_) if is_own => Ok(Tokenizer::bytes()),
            found => found,
        }
    }

    /// The stored matrices of a block, all of which can be pruned.
    pub fn maps(&self, block: usize) -> Vec<StoredMap> {
        self.names.maps(&self.decoder, block)
    }

    /// Names of all matrices inside blocks, in the order of the blocks.
    pub fn layer_names(&self) -> Vec<String> {
        (0..self.decoder.n_blocks).flat_map(|block| self.maps(block)).map(|map| map.name).collect()
    }

    /// Names of all the decoder's tensors, and what Hugging Face's LLaMA calls them.
    pub(crate) fn names_as_hugging_face(&self) -> HashMap<String, String> {
        let head = self.names.head.as_ref().map(|_| "lm_head.weight".to_string());
        let new = Names::llama("model.", head);
        let mut names = HashMap::from([(self.names.embedding.clone(), new.embedding.clone())]);
        names.extend(self.names.head.clone().zip(new.head.clone()));
        let mut norms = vec![(self.names.final_norm.clone(), new.final_norm.clone())];
        for block in 0..self.decoder.n_blocks {
            norms.push((self.names.attention_norm(block), new.attention_norm(block)));
            norms.push((self.names.feed_forward_norm(block), new.feed_forward_norm(block)));
            for (old, new) in self.maps(block).into_iter().zip(new.maps(&self.decoder, block)) {
                names.insert(old.name, new.name);
                names.extend(old.bias.zip(new.bias));
            }
        }
        for (old, new) in norms {
            for part in ["weight", "bias"] {
                names.insert(format!("{old}.{part}"), format!("{new}.{part}"));
            }
        }
        names
    }

    /// The matrix behind `map`, outputs as rows.
    ///
    /// # Errors
    /// Read errors, numbers that are not finite.
    pub fn read_matrix(&self, map: &StoredMap) -> Result<WeightMatrix, LanguageError> {
        let (values, shape) = self.read(&map.name)?;
        let (n_rows, n_cols) =
            if map.transposed { (shape[1], shape[0]) } else { (shape[0], shape[1]) };
        let values = if map.transposed { transposed(&values, n_cols, n_rows) } else { values };
        Ok(WeightMatrix { layer: map.name.clone(), n_rows, n_cols, values })
    }

    /// All values of a block, its matrices taken from `matrices` in the order of [`maps`](Self::maps).
    pub(crate) fn block(
        &self,
        block: usize,
        matrices: &[WeightMatrix],
    ) -> Result<BlockWeights, LanguageError> {
        let mut maps = BTreeMap::new();
        for (map, matrix) in self.maps(block).into_iter().zip(matrices) {
            let bias = map.bias.as_ref().map(|name| self.read(name)).transpose()?;
            let mut first = 0;
            for (projection, [n_out, n_in]) in self.decoder.projections() {
                if !map.projections.contains(&projection) {
                    continue;
                }
                let rows = &matrix.values[first * n_in..(first + n_out) * n_in];
                let weight = self.tensor(rows.to_vec(), [n_out, n_in]);
                let bias = bias
                    .as_ref()
                    .map(|(values, _)| self.tensor(values[first..first + n_out].to_vec(), [n_out]));
                maps.insert(projection, LinearWeights { weight, bias });
                first += n_out;
            }
        }
        Ok(BlockWeights {
            attention_norm: self.norm(&self.names.attention_norm(block))?,
            feed_forward_norm: self.norm(&self.names.feed_forward_norm(block))?,
            maps,
        })
    }

    /// The token embedding `[vocabulary, width]` and the learned positions.
    pub(crate) fn embedding(&self) -> Result<(Tensor<2>, Option<Tensor<2>>), LanguageError> {
        let positions = self.names.positions.as_ref().map(|name| self.table(name)).transpose()?;
        Ok((self.table(&self.names.embedding)?, positions))
    }

    /// The last normalisation and the head `[vocabulary, width]`.
    pub(crate) fn head(&self) -> Result<(NormWeights, Tensor<2>), LanguageError> {
        let head = self.names.head.as_ref().unwrap_or(&self.names.embedding);
        Ok((self.norm(&self.names.final_norm)?, self.table(head)?))
    }

    fn table(&self, name: &str) -> Result<Tensor<2>, LanguageError> {
        let (values, shape) = self.read(name)?;
        Ok(self.tensor(values, [shape[0], shape[1]]))
    }

    fn norm(&self, name: &str) -> Result<NormWeights, LanguageError> {
        let vector = |part: &str| -> Result<Tensor<1>, LanguageError> {
            let (values, shape) = self.read(&format!("{name}.{part}"))?;
            Ok(self.tensor(values, [shape[0]]))
        };
        let bias = matches!(self.decoder.norm, Norm::Layer { .. }).then(|| vector("bias"));
        Ok(NormWeights { weight: vector("weight")?, bias: bias.transpose()? })
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), (&self.device, DType::F32))
    }

    fn read(&self, name: &str) -> Result<(Vec<f32>, &[usize]), LanguageError> {
        let (index, tensor) = self.checkpoint.find(name).ok_or_else(|| self.missing(name))?;
        let numbers = self.checkpoint.read(index)?;
        if let Some((count, first)) = numbers.not_finite() {
            let problem = format!(
                "tensor {name:?} has {count} numbers that are not finite, the first at index {first}"
            );
            return Err(LanguageError::Tensor { path: self.checkpoint.path().into(), problem });
        }
        Ok((numbers.into_f32(), &tensor.shape))
    }

    fn missing(&self, name: &str) -> LanguageError {
        let problem = format!("lacks tensor {name:?}, which its configuration requires");
        LanguageError::Tensor { path: self.checkpoint.path().into(), problem }
    }

    fn check_tensors(&self) -> Result<(), LanguageError> {
        let Decoder { vocabulary, width, n_blocks, .. } = self.decoder;
        let mut wanted = vec![(self.names.embedding.clone(), vec![vocabulary, width])];
        wanted.extend(self.names.head.iter().map(|name| (name.clone(), vec![vocabulary, width])));
        let has_bias = matches!(self.decoder.norm, Norm::Layer { .. });
        let mut norms = vec![self.names.final_norm.clone()];
        let shapes: BTreeMap<_, _> = self.decoder.projections().into_iter().collect();
        for block in 0..n_blocks {
            norms.extend([self.names.attention_norm(block), self.names.feed_forward_norm(block)]);
            for map in self.maps(block) {
                let n_out: usize = map.projections.iter().map(|map| shapes[map][0]).sum();
                let n_in = shapes[&map.projections[0]][1];
                let shape = if map.transposed { vec![n_in, n_out] } else { vec![n_out, n_in] };
                wanted.push((map.name, shape));
                wanted.extend(map.bias.map(|name| (name, vec![n_out])));
            }
        }
        for norm in norms {
            wanted.push((format!("{norm}.weight"), vec![width]));
            if has_bias {
                wanted.push((format!("{norm}.bias"), vec![width]));
            }
        }
        for (name, shape) in wanted {
            let (_, tensor) = self.checkpoint.find(&name).ok_or_else(|| self.missing(&name))?;
            if tensor.shape != shape {
                let problem = format!(
                    "tensor {name:?} has shape {:?}, its configuration requires {shape:?}",
                    tensor.shape
                );
                return Err(LanguageError::Tensor { path: self.checkpoint.path().into(), problem });
            }
        }
        if let Some(name) = &self.names.positions {
            let (_, tensor) = self.checkpoint.find(name).ok_or_else(|| self.missing(name))?;
            if tensor.shape.len() != 2
                || tensor.shape[0] < self.decoder.context
                || tensor.shape[1] != width
            {
                let problem = format!(
                    "tensor {name:?} has shape {:?}, too small for {} positions of width {width}",
                    tensor.shape, self.decoder.context
                );
                return Err(LanguageError::Tensor { path: self.checkpoint.path().into(), problem });
            }
        }
        Ok(())
    }
}

/// `[n_rows, n_cols]` in rows to `[n_cols, n_rows]`.
pub(crate) fn transposed(values: &[f32], n_rows: usize, n_cols: usize) -> Vec<f32> {
    let mut turned = vec![0.0; values.len()];
    for row in 0..n_rows {
        for col in 0..n_cols {
            turned[col * n_rows + row] = values[row * n_cols + col];
        }
    }
    turned
}
