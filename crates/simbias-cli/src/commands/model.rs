//! Flags that name models.

use std::path::PathBuf;

use simbias_data::{Dataset, Scorer};
use simbias_nn::{Device, device_from_str};
use simbias_onnx::RuntimeChoice;
use simbias_run::{ModelSource, OpenOptions, OpenedModels, is_onnx, open_models};

use super::arguments::ReadingArgs;
use crate::shell::{Failure, Shell, at_least_one};

/// Which models.
#[derive(clap::Args, Debug)]
pub(crate) struct ModelArgs {
    /// ONNX file, or the folder of a run of `simbias train` or `simbias audit` (or its network.safetensors);
    /// repeat for models of several training seeds
    #[arg(long = "model", value_name = "FILE|DIR", required = true)]
    models: Vec<PathBuf>,
    #[command(flatten)]
    opening: OpeningArgs,
}

/// How a model is opened.
#[derive(clap::Args, Debug)]
pub(crate) struct OpeningArgs {
    /// Output of an ONNX model that holds the scores, if it has several outputs
    #[arg(long, value_name = "NAME")]
    model_output: Option<String>,
    /// Rows that the model scores at a time; changes memory, not results
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = OpenOptions::default().batch)]
    batch: usize,
    /// What runs ONNX models: the embedded runtime, or ONNX Runtime, which `pip install onnxruntime` brings
    #[arg(long, value_enum, value_name = "RUNTIME", default_value_t = RuntimeWord::Auto)]
    runtime: RuntimeWord,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum RuntimeWord {
    /// The embedded one; ONNX Runtime for models that it refuses, if it is installed
    Auto,
    /// The embedded one, in pure Rust
    Embedded,
    /// ONNX Runtime, found in Python environments, in folders of libraries, or where ORT_DYLIB_PATH says
    Onnxruntime,
}

impl From<RuntimeWord> for RuntimeChoice {
    fn from(word: RuntimeWord) -> Self {
        match word {
            RuntimeWord::Auto => Self::Auto,
            RuntimeWord::Embedded => Self::Embedded,
            RuntimeWord::Onnxruntime => Self::OnnxRuntime,
        }
    }
}

impl ModelArgs {
    /// Opens every model and brings `data`, read as `reading` says, into their order.
    pub(crate) fn open(
        &self,
        data: Dataset,
        reading: &ReadingArgs,
        shell: &Shell,
    ) -> Result<(OpenedModels, Dataset), Failure> {
        if self.models.iter().all(|path| is_onnx(path)) {
            shell.computes_on_cpu();
        }
        let device = device_from_str(shell.device())?;
        let mut opened = self.opening.open(&self.models, vec![data], reading, &device, shell)?;
        let data = opened.parts.remove(0);
        Ok((opened, data))
    }

    /// Rows that a model scores at a time.
    pub(crate) fn batch(&self) -> usize {
        self.opening.batch
    }
}

impl OpeningArgs {
    /// Opens the models at `paths` and brings the data, read as `reading` says, into their order; networks go to `device`.
    pub(crate) fn open(
        &self,
        paths: &[PathBuf],
        parts: Vec<Dataset>,
        reading: &ReadingArgs,
        device: &Device,
        shell: &Shell,
    ) -> Result<OpenedModels, Failure> {
        let options = OpenOptions {
            output: self.model_output.clone(),
            batch: self.batch,
            runtime: self.runtime.into(),
            library: shell.onnx_runtime_library(),
            classes_are_ordered: reading.has_classes(),
            labels_are_values: reading.wants_values(),
        };
        let sources: Vec<ModelSource> = paths.iter().map(|path| shell.model_source(path)).collect();
        let opened = open_models(&sources, parts, device, &options)?;
        shell.caveats(&opened.notes);
        for model in &opened.models {
            shell.detail(|| format!("{}: {} outputs", model.name, model.n_outputs()));
            if let Some(runtime) = model.runtime() {
                shell.record(&format!("runtime of {}", model.name), &runtime.to_string());
            }
        }
        Ok(opened)
    }
}
