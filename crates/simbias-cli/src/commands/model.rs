//! Flags that name models.

use std::path::{Path, PathBuf};

use simbias_data::Dataset;
use simbias_nn::{Device, device_from_str};
use simbias_run::{Model, OpenOptions, is_onnx};

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
}

impl ModelArgs {
    /// Opens every model for rows like those of `data`.
    pub(crate) fn open(&self, data: &Dataset, shell: &Shell) -> Result<Vec<Model>, Failure> {
        if self.models.iter().all(|path| is_onnx(path)) {
            shell.computes_on_cpu();
        }
        let device = device_from_str(shell.device())?;
        self.models.iter().map(|path| self.opening.open(path, data, &device)).collect()
    }

    /// Rows that a model scores at a time.
    pub(crate) fn batch(&self) -> usize {
        self.opening.batch
    }
}

impl OpeningArgs {
    /// Opens the model at `path` for rows like those of `data`; networks go to `device`.
    pub(crate) fn open(
        &self,
        path: &Path,
        data: &Dataset,
        device: &Device,
    ) -> Result<Model, Failure> {
        let options = OpenOptions { output: self.model_output.clone(), batch: self.batch };
        Ok(Model::open(path, data, device, &options)?)
    }
}
