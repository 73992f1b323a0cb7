//! The scorer: a prepared graph for one batch size.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, s};
use simbias_data::{Layout, Scorer, ScorerError};
use tract_onnx::prelude::*;

use crate::file::ModelFile;
use crate::input::{self, InputBinding};
use crate::output::{self, ScoreSource};
use crate::{OnnxError, OnnxOptions, lower};

/// An ONNX model that scores rows; any number of threads may use it at once.
#[derive(Debug)]
pub struct OnnxScorer {
    plan: Arc<TypedRunnableModel>,
    inputs: Vec<InputBinding>,
    output: String,
    source: ScoreSource,
    batch: usize,
    fixed_batch: bool,
    n_features: usize,
    n_outputs: usize,
}

impl OnnxScorer {
    /// Opens a file with default options and the given batch size, for rows of the given layout.
    ///
    /// Weights that the exporter put into a separate file are found beside the model.
    ///
    /// # Errors
    /// See [`OnnxError`]; all of them are found before any row is scored.
    pub fn open(path: &Path, layout: &Layout, batch: usize) -> Result<Self, OnnxError> {
        Self::open_with(path, layout, &OnnxOptions { batch, ..OnnxOptions::default() })
    }

    /// Opens a file. Errors as [`open`](Self::open).
    pub fn open_with(
        path: &Path,
        layout: &Layout,
        options: &OnnxOptions,
    ) -> Result<Self, OnnxError> {
        let bytes = std::fs::read(path)
            .map_err(|cause| OnnxError::Read { path: path.to_path_buf(), cause })?;
        let folder = path.parent().and_then(Path::to_str);
        Self::build(&bytes, folder, layout, options)
    }

    /// Opens a model held in memory; it cannot refer to weights in another file. Never panics, whatever
    /// the bytes. Errors as [`open`](Self::open).
    pub fn from_bytes(
        bytes: &[u8],
        layout: &Layout,
        options: &OnnxOptions,
    ) -> Result<Self, OnnxError> {
        Self::build(bytes, None, layout, options)
    }

    fn build(
        bytes: &[u8],
        folder: Option<&str>,
        layout: &Layout,
        options: &OnnxOptions,
    ) -> Result<Self, OnnxError> {
        if options.batch == 0 {
            return Err(OnnxError::EmptyBatch);
        }
        let mut file = ModelFile::decode(bytes)?;
        let output = output::choose(&file, options.output.as_deref())?;
        let (mut inputs, prescribed) = input::bind(&file.inputs(), layout)?;
        let source = output::reduce_to(&mut file, &output, options.meaning);
        lower::scalers(&mut file);
        if inputs.iter().any(|input| input.datum_type != f32::datum_type()) {
            lower::gemms(&mut file);
        }
        file.check_operators()?;
        // An input that the chosen output does not need is not fed.
        inputs.retain(|input| file.graph.input.iter().any(|kept| kept.name == input.input));
        if inputs.is_empty() {
            return Err(OnnxError::NotScores {
                output,
                found: "values that depend on no input".into(),
                available: vec![],
            });
        }

        // A graph exported for one row may say that its batch is free and still reshape to one row.
        let batches = match prescribed {
            Some(batch) => vec![batch],
            None if options.batch == 1 => vec![1],
            None => vec![options.batch, 1],
        };
        let mut first_error = None;
        for batch in batches {
            let mut scorer = match prepare(&file, folder, &inputs, batch) {
                Ok(plan) => Self {
                    plan,
                    inputs: inputs.clone(),
                    output: output.clone(),
                    source,
                    batch,
                    fixed_batch: prescribed.is_some(),
                    n_features: layout.n_features(),
                    n_outputs: 0,
                },
                Err(message) => {
                    first_error.get_or_insert(OnnxError::Prepare { message });
                    continue;
                }
            };
            match scorer.dry_run() {
                Ok(()) => return Ok(scorer),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or(OnnxError::EmptyBatch))
    }

    /// Name of the output that is read.
    pub fn output(&self) -> &str {
        &self.output
    }

    /// How its values become logits.
    pub fn source(&self) -> ScoreSource {
        self.source
    }

    /// Which columns feed which input, in the file's order.
    pub fn inputs(&self) -> &[InputBinding] {
        &self.inputs
    }

    /// Rows that are scored at once.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Whether the file prescribes the batch size; the last batch is then filled up.
    pub fn has_fixed_batch(&self) -> bool {
        self.fixed_batch
    }

    /// Scores one batch of zeros to learn the output's shape and to find the runtime's errors early.
    fn dry_run(&mut self) -> Result<(), OnnxError> {
        let rows = Array2::zeros((1, self.n_features));
        let found =
            guarded(|| self.run(rows.view())).map_err(|message| OnnxError::Prepare { message })?;
        let shape = found.shape().to_vec();
        let n_outputs = columns(&shape, self.batch).ok_or_else(|| OnnxError::OutputShape {
            output: self.output.clone(),
            found: shape,
            batch: self.batch,
        })?;
        if n_outputs == 1 && self.source == ScoreSource::LogProbabilities {
            self.source = ScoreSource::LogOdds;
        }
        self.n_outputs = n_outputs;
        Ok(())
    }

    /// At most one batch of rows.
    fn run(&self, rows: ArrayView2<'_, f32>) -> TractResult<Tensor> {
        let values = self
            .inputs
            .iter()
            .map(|input| Ok(input.pack(rows, self.batch)?.into_tvalue()))
            .collect::<TractResult<TVec<TValue>>>()?;
        let outputs = self.plan.run(values)?;
        Ok(outputs[0].cast_to::<f32>()?.into_owned())
    }

    fn score_batch(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        let n_rows = rows.nrows();
        let failed = |message| ScorerError::Model { n_rows, message };
        let scores = guarded(|| self.run(rows)).map_err(failed)?;
        if columns(scores.shape(), self.batch) != Some(self.n_outputs) {
            return Err(ScorerError::Shape {
                found: scores.shape().to_vec(),
                expected: vec![self.batch, self.n_outputs],
            });
        }
        let view =
            scores.to_plain_array_view::<f32>().map_err(|error| failed(error.to_string()))?;
        let mut scores = Array2::zeros((n_rows, self.n_outputs));
        for (to, &from) in scores.iter_mut().zip(view.iter()) {
            if !self.source.admits(from) {
                return Err(failed(format!(
                    "output {:?} was taken for probabilities and holds {from}; say that it holds \
                     logits",
                    self.output
                )));
            }
            *to = from;
        }
        for mut row in scores.rows_mut() {
            if let Some(row) = row.as_slice_mut() {
                self.source.convert(row);
            }
        }
        Ok(scores)
    }
}

impl Scorer for OnnxScorer {
    fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// The graph decides what NaN means; scores that are not finite are refused afterwards.
    fn takes_missing(&self) -> bool {
        true
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        if rows.ncols() != self.n_features {
            return Err(ScorerError::Model {
                n_rows: rows.nrows(),
                message: format!(
                    "rows have {} columns, the model was opened for {}",
                    rows.ncols(),
                    self.n_features
                ),
            });
        }
        let mut scores = Array2::zeros((rows.nrows(), self.n_outputs));
        for start in (0..rows.nrows()).step_by(self.batch) {
            let end = rows.nrows().min(start + self.batch);
            let part = self.score_batch(rows.slice(s![start..end, ..]))?;
            scores.slice_mut(s![start..end, ..]).assign(&part);
        }
        Ok(scores)
    }
}

/// Number of scores per row if `shape` is `[batch]` or `[batch, n]`, ignoring further axes of size 1.
fn columns(shape: &[usize], batch: usize) -> Option<usize> {
    let (&first, rest) = shape.split_first()?;
    let mut wide = rest.iter().filter(|&&size| size != 1);
    let n_columns = wide.next().copied().unwrap_or(1);
    (first == batch && n_columns > 0 && wide.next().is_none()).then_some(n_columns)
}

/// Fixes every shape, optimises the graph and plans its execution.
fn prepare(
    file: &ModelFile,
    folder: Option<&str>,
    inputs: &[InputBinding],
    batch: usize,
) -> Result<Arc<TypedRunnableModel>, String> {
    guarded(|| {
        let mut proto = file.proto.clone();
        proto.graph = Some(file.graph.clone());
        let parsed = tract_onnx::onnx().parse(&proto, folder)?;
        let mut model = parsed.model;
        for (index, outlet) in model.input_outlets()?.to_vec().into_iter().enumerate() {
            let name = model.node(outlet.node).name.clone();
            let Some(input) = inputs.iter().find(|input| input.input == name) else {
                return Err(TractError::msg(format!("nothing feeds the input {name:?}")));
            };
            let fact = InferenceFact::dt_shape(input.datum_type, input.batch_shape(batch));
            model.set_input_fact(index, fact)?;
        }
        let order: Vec<OutletId> = inputs
            .iter()
            .map(|input| Ok(OutletId::new(model.node_id_by_name(&input.input)?, 0)))
            .collect::<TractResult<_>>()?;
        model.set_input_outlets(&order)?;
        model.into_optimized()?.into_runnable()
    })
}

/// Calls the runtime; a panic becomes a message like any other error.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(one_line(&format!("{error:#}"))),
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("the runtime gave up");
            Err(one_line(said))
        }
    }
}

/// The runtime's messages can hold whole tensors.
fn one_line(message: &str) -> String {
    const MAX_CHARS: usize = 400;
    let mut line: String = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_shapes_with_one_wide_axis_are_scores() {
        assert_eq!(columns(&[8], 8), Some(1));
        assert_eq!(columns(&[8, 1], 8), Some(1));
        assert_eq!(columns(&[8, 3], 8), Some(3));
        assert_eq!(columns(&[8, 3, 1, 1], 8), Some(3));
        assert_eq!(columns(&[8, 3, 5], 8), None);
        assert_eq!(columns(&[1, 3], 8), None);
        assert_eq!(columns(&[], 8), None);
        assert_eq!(columns(&[8, 0], 8), None);
    }

    #[test]
    fn a_panic_becomes_a_message() {
        let message = guarded::<()>(|| panic!("no such\n  axis {}", 3)).unwrap_err();
        assert_eq!(message, "no such axis 3");
    }
}
