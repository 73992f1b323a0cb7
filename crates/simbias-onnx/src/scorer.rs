//! The scorer: a model in one of two runtimes.

use std::path::Path;

use ndarray::{Array2, ArrayView2, s};
use simbias_data::{Layout, Scorer, ScorerError};

use crate::embedded::Embedded;
use crate::file::ModelFile;
#[cfg(feature = "onnxruntime")]
use crate::file::SCORES;
use crate::input::{self, InputBinding};
#[cfg(feature = "onnxruntime")]
use crate::onnx_runtime::OnnxRuntime;
use crate::options::{Runtime, RuntimeChoice};
use crate::output::{self, ScoreSource};
use crate::{OnnxError, OnnxOptions, OutputMeaning, classes, lower};

/// An ONNX model that scores rows; any number of threads may use it at once.
#[derive(Debug)]
pub struct OnnxScorer {
    engine: Engine,
    inputs: Vec<InputBinding>,
    output: String,
    source: ScoreSource,
    classes: Option<Vec<String>>,
    batch: usize,
    fixed_batch: bool,
    n_features: usize,
    n_outputs: usize,
}

#[derive(Debug)]
enum Engine {
    Embedded(Box<Embedded>),
    #[cfg(feature = "onnxruntime")]
    OnnxRuntime(Box<OnnxRuntime>),
}

impl Engine {
    /// The scores of `rows`, filled up to `batch` rows, with their shape.
    fn run(
        &self,
        inputs: &[InputBinding],
        rows: ArrayView2<'_, f32>,
        batch: usize,
    ) -> Result<(Vec<usize>, Vec<f32>), String> {
        match self {
            Self::Embedded(engine) => engine.run(inputs, rows, batch),
            #[cfg(feature = "onnxruntime")]
            Self::OnnxRuntime(engine) => engine.run(inputs, rows, batch),
        }
    }
}

/// What is known about a model before a runtime has seen it.
struct Described {
    /// Reduced to the scores.
    file: ModelFile,
    inputs: Vec<InputBinding>,
    output: String,
    source: ScoreSource,
    classes: Option<Vec<String>>,
    /// Batch size that the file prescribes.
    prescribed: Option<usize>,
    n_features: usize,
}

impl Described {
    fn new(bytes: &[u8], layout: &Layout, options: &OnnxOptions) -> Result<Self, OnnxError> {
        let mut file = ModelFile::decode(bytes)?;
        let classes = classes::of_file(&file);
        lower::halves(&mut file);
        let output = output::choose(&file, options.output.as_deref())?;
        let (mut inputs, prescribed) = input::bind(&file.inputs(), layout)?;
        let source = output::reduce_to(&mut file, &output, options.meaning);
        // An input that the chosen output does not need is not fed.
        inputs.retain(|input| file.graph.input.iter().any(|kept| kept.name == input.input));
        if inputs.is_empty() {
            return Err(OnnxError::NotScores {
                output,
                found: "values that depend on no input".into(),
                available: vec![],
            });
        }
        let n_features = layout.n_features();
        Ok(Self { file, inputs, output, source, classes, prescribed, n_features })
    }

    /// The scorer, after it has scored two rows: a graph exported for one row may say that its batch is free and still
    /// reshape to one row, and is then scored row by row.
    fn scorer(
        self,
        engine: Engine,
        source: ScoreSource,
        options: &OnnxOptions,
    ) -> Result<OnnxScorer, OnnxError> {
        let batch = options.batch;
        let mut scorer = OnnxScorer {
            engine,
            inputs: self.inputs,
            output: self.output,
            source,
            classes: self.classes,
            batch: self.prescribed.unwrap_or(batch),
            fixed_batch: self.prescribed.is_some(),
            n_features: self.n_features,
            n_outputs: 0,
        };
        let tried = scorer.try_rows(scorer.batch.min(2));
        if tried.is_err() && self.prescribed.is_none() && batch > 1 && scorer.try_rows(1).is_ok() {
            scorer.batch = 1;
        } else {
            tried?;
        }
        if options.meaning == OutputMeaning::Detect && scorer.breaks_its_promise() {
            scorer.source = ScoreSource::AsGiven;
        }
        let fits = |classes: &Vec<String>| {
            classes.len() == scorer.n_outputs || (scorer.n_outputs == 1 && classes.len() == 2)
        };
        scorer.classes = scorer.classes.take().filter(fits);
        Ok(scorer)
    }

    fn embedded(
        self,
        folder: Option<&str>,
        options: &OnnxOptions,
    ) -> Result<OnnxScorer, OnnxError> {
        let engine = Embedded::new(self.file.clone(), folder, &self.inputs)?;
        let source = self.source;
        self.scorer(Engine::Embedded(Box::new(engine)), source, options)
    }

    /// `bytes` are the file as it is: where rewriting has lost something that the file needs, such as functions of its
    /// own, its output is read as it stands.
    #[cfg(feature = "onnxruntime")]
    fn onnx_runtime(
        self,
        bytes: &[u8],
        folder: Option<&str>,
        options: &OnnxOptions,
        embedded: Option<String>,
    ) -> Result<OnnxScorer, OnnxError> {
        let Some(library) = options.library.as_deref() else {
            return Err(OnnxError::NoOnnxRuntime { problem: "ONNX Runtime was not found".into() });
        };
        let open = |model, output: &str| OnnxRuntime::new(library, model, folder, output);
        let (engine, source) = match open(self.file.encode(), SCORES) {
            Ok(engine) => (engine, self.source),
            Err(message) => match open(bytes.to_vec(), &self.output) {
                Ok(engine) => (engine, self.source.as_the_file_gives_it()),
                Err(_) => return Err(OnnxError::OnnxRuntime { message, embedded }),
            },
        };
        self.scorer(Engine::OnnxRuntime(Box::new(engine)), source, options).map_err(|error| {
            match error {
                OnnxError::Prepare { message } => OnnxError::OnnxRuntime { message, embedded },
                error => error,
            }
        })
    }

    #[cfg(not(feature = "onnxruntime"))]
    fn onnx_runtime(
        self,
        _bytes: &[u8],
        _folder: Option<&str>,
        _options: &OnnxOptions,
        _embedded: Option<String>,
    ) -> Result<OnnxScorer, OnnxError> {
        Err(OnnxError::NoOnnxRuntime { problem: "this build leaves ONNX Runtime out".into() })
    }
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
        let described = Described::new(bytes, layout, options)?;
        match options.runtime {
            RuntimeChoice::Embedded => described.embedded(folder, options),
            RuntimeChoice::OnnxRuntime => described.onnx_runtime(bytes, folder, options, None),
            RuntimeChoice::Auto => match described.embedded(folder, options) {
                Err(error) if error.is_about_the_runtime() && options.library.is_some() => {
                    let described = Described::new(bytes, layout, options)?;
                    described.onnx_runtime(bytes, folder, options, Some(error.to_string()))
                }
                found => found,
            },
        }
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

    /// Most rows that are scored at once.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Whether the file prescribes the batch size; the last batch is then filled up, which it is not otherwise.
    pub fn has_fixed_batch(&self) -> bool {
        self.fixed_batch
    }

    /// Names of the classes in the order of the scores, where the file tells it. For a model of one score, the second
    /// class is the one that a high score means.
    pub fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    /// Which runtime computes.
    pub fn runtime(&self) -> Runtime {
        match &self.engine {
            Engine::Embedded(_) => Runtime::Embedded,
            #[cfg(feature = "onnxruntime")]
            Engine::OnnxRuntime(engine) => {
                Runtime::OnnxRuntime { library: engine.library().to_path_buf() }
            }
        }
    }

    /// Scores `n_rows` plain rows to learn the output's shape and to find the runtime's errors early.
    fn try_rows(&mut self, n_rows: usize) -> Result<(), OnnxError> {
        let mut rows = Array2::zeros((n_rows, self.n_features));
        for column in self.inputs.iter().flat_map(InputBinding::first_categories) {
            rows.column_mut(column).fill(1.0);
        }
        let batch = if self.fixed_batch { self.batch } else { n_rows };
        let (shape, _) = self
            .engine
            .run(&self.inputs, rows.view(), batch)
            .map_err(|message| OnnxError::Prepare { message })?;
        let n_outputs = columns(&shape, batch).ok_or_else(|| OnnxError::OutputShape {
            output: self.output.clone(),
            found: shape,
            batch,
        })?;
        if n_outputs == 1 && self.source == ScoreSource::LogProbabilities {
            self.source = ScoreSource::LogOdds;
        }
        self.n_outputs = n_outputs;
        Ok(())
    }

    /// Whether values that were taken for probabilities, by the name of the output or the kind of the model, are
    /// something else on some simple rows: margins and votes go by the same names.
    fn breaks_its_promise(&self) -> bool {
        // Far rows make rounding errors so large that a probability may pass 1, but never below 0.
        let may_be_probability = |value: &f32| value.is_nan() || *value >= -0.01;
        let keeps_it = |value: f32| {
            let rows = Array2::from_elem((1, self.n_features), value);
            let batch = if self.fixed_batch { self.batch } else { 1 };
            match self.engine.run(&self.inputs, rows.view(), batch) {
                Ok((_, values)) => values.iter().all(may_be_probability),
                // What the runtime refuses says nothing.
                Err(_) => true,
            }
        };
        matches!(self.source, ScoreSource::LogProbabilities | ScoreSource::LogOdds)
            && ![0.0, 1.0, -1.0, 100.0, -100.0].into_iter().all(keeps_it)
    }

    fn score_batch(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        let n_rows = rows.nrows();
        let failed = |message| ScorerError::Model { n_rows, message };
        let batch = if self.fixed_batch { self.batch } else { n_rows };
        let (shape, values) = self.engine.run(&self.inputs, rows, batch).map_err(failed)?;
        if columns(&shape, batch) != Some(self.n_outputs) || values.len() != batch * self.n_outputs
        {
            let expected = vec![batch, self.n_outputs];
            return Err(ScorerError::Shape { found: shape, expected });
        }
        let mut scores = Array2::zeros((n_rows, self.n_outputs));
        for (to, &from) in scores.iter_mut().zip(&values) {
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
    fn scores_in_parallel(&self) -> bool {
        match &self.engine {
            Engine::Embedded(_) => true,
            #[cfg(feature = "onnxruntime")]
            Engine::OnnxRuntime(engine) => engine.scores_in_parallel(),
        }
    }

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
}
