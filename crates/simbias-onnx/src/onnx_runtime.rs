//! ONNX Runtime, loaded from the library of an installation.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ndarray::ArrayView2;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

use crate::input::{Element, InputBinding, Packed};
use crate::message::guarded;

/// Models above this size are kept in memory once, and score on one thread at a time.
const SHARED_BYTES: usize = 64 << 20;

/// The library that this process has loaded, or why it could not.
static LOADED: OnceLock<Result<Loaded, String>> = OnceLock::new();

struct Loaded {
    environment: Environment,
    library: PathBuf,
}

/// Loads the library, once for the process.
fn load(library: &Path) -> Result<&'static Loaded, String> {
    let loaded = LOADED.get_or_init(|| {
        guarded(|| {
            // The loader takes relative paths to be relative to the program.
            let library = std::path::absolute(library).map_err(|error| error.to_string())?;
            let builder = ort::init_from(&library).map_err(|error| error.to_string())?;
            let environment = builder
                .with_name("simbias")
                .with_telemetry(false)
                .build()
                .map_err(|error| error.to_string())?;
            environment.set_log_level(LogLevel::Fatal);
            Ok(Loaded { environment, library })
        })
    });
    loaded.as_ref().map_err(Clone::clone)
}

/// A model in ONNX Runtime: as many sessions as threads score at once, each on one thread, so that scores do not
/// depend on the number of threads.
pub(crate) struct OnnxRuntime {
    model: Vec<u8>,
    folder: Option<String>,
    output: String,
    loaded: &'static Loaded,
    idle: Mutex<Vec<Session>>,
}

impl std::fmt::Debug for OnnxRuntime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OnnxRuntime").field("output", &self.output).finish_non_exhaustive()
    }
}

impl OnnxRuntime {
    /// Opens the bytes of a model.
    ///
    /// # Errors
    /// A library that cannot be loaded, and what ONNX Runtime says about the model.
    pub(crate) fn new(
        library: &Path,
        model: Vec<u8>,
        folder: Option<&str>,
        output: &str,
    ) -> Result<Self, String> {
        let loaded = load(library)?;
        let runtime = Self {
            model,
            folder: folder.map(Into::into),
            output: output.into(),
            loaded,
            idle: Mutex::default(),
        };
        let first = runtime.session()?;
        runtime.give_back(first);
        Ok(runtime)
    }

    /// The library that computes.
    pub(crate) fn library(&self) -> &Path {
        &self.loaded.library
    }

    /// Whether several threads may score at once and gain from it.
    pub(crate) fn scores_in_parallel(&self) -> bool {
        self.model.len() < SHARED_BYTES
    }

    /// An idle session, or a new one.
    fn session(&self) -> Result<Session, String> {
        if let Some(session) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(session);
        }
        guarded(|| self.new_session().map_err(|error| error.to_string()))
    }

    fn new_session(&self) -> ort::Result<Session> {
        let mut builder = Session::builder(&self.loaded.environment)?
            .with_log_level(LogLevel::Fatal)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?;
        if let Some(folder) = self.folder.as_deref() {
            let folder = if folder.is_empty() { "." } else { folder };
            builder = builder.with_config_entry(
                "session.model_external_initializers_file_folder_path",
                folder,
            )?;
        }
        builder.commit_from_memory(&self.model)
    }

    fn give_back(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    /// The scores of `rows` with their shape; `batch` is at least the number of rows.
    ///
    /// # Errors
    /// What ONNX Runtime says.
    pub(crate) fn run(
        &self,
        inputs: &[InputBinding],
        rows: ArrayView2<'_, f32>,
        batch: usize,
    ) -> Result<(Vec<usize>, Vec<f32>), String> {
        let mut values: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for input in inputs {
            let packed = input.pack(rows, batch)?;
            values.push((&input.input, value(input, packed, batch)?));
        }
        let mut session = self.session()?;
        let found = guarded(|| {
            let outputs = session.run(values).map_err(|error| error.to_string())?;
            let scores = outputs.get(&self.output).ok_or("the scores are not among the outputs")?;
            if let Ok((shape, values)) = scores.try_extract_tensor::<f32>() {
                return Ok((lengths(shape), values.to_vec()));
            }
            let (shape, values) =
                scores.try_extract_tensor::<f64>().map_err(|error| error.to_string())?;
            Ok((lengths(shape), values.iter().map(|&value| value as f32).collect()))
        });
        self.give_back(session);
        found
    }
}

fn lengths(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect()
}

/// The values of one input as ONNX Runtime takes them.
fn value(
    input: &InputBinding,
    packed: Packed,
    batch: usize,
) -> Result<SessionInputValue<'static>, String> {
    let shape = input.batch_shape(batch);
    let numbers = match packed {
        Packed::Numbers(numbers) => numbers,
        Packed::Texts(texts) => {
            return Tensor::from_string_array((shape, texts.as_slice()))
                .map(SessionInputValue::from)
                .map_err(|error| error.to_string());
        }
    };
    let made = match input.element {
        Element::F32 | Element::Text => Tensor::from_array((shape, numbers)).map(Into::into),
        Element::F64 => {
            let wide: Vec<f64> = numbers.into_iter().map(f64::from).collect();
            Tensor::from_array((shape, wide)).map(Into::into)
        }
        Element::I64 => {
            let whole: Vec<i64> = numbers.into_iter().map(|value| value as i64).collect();
            Tensor::from_array((shape, whole)).map(Into::into)
        }
        Element::I32 => {
            let whole: Vec<i32> = numbers.into_iter().map(|value| value as i32).collect();
            Tensor::from_array((shape, whole)).map(Into::into)
        }
        Element::Bool => {
            let flags: Vec<bool> = numbers.into_iter().map(|value| value != 0.0).collect();
            Tensor::from_array((shape, flags)).map(Into::into)
        }
        Element::F16 => {
            return Err(format!(
                "input {:?} takes half precision with weights in another file; export it in single precision",
                input.input
            ));
        }
    };
    made.map_err(|error: ort::Error| error.to_string())
}
