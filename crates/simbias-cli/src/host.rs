//! A program that runs commands inside its own process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use simbias_data::read::{MemoryArrays, MemoryTable, Source};
use simbias_run::{GivenModel, ModelSource};

/// What a host hears from its command, on any thread.
pub trait Events: Send + Sync {
    /// A stage of the work begins.
    fn begin(&self, label: &str);

    /// `done` of `total` pieces of the stage are done; threads may report out of order.
    fn advance(&self, done: usize, total: usize, remark: &str);

    /// Words for the user.
    fn say(&self, words: &str);

    /// What the command line would print on standard output.
    fn print(&self, text: &str);

    /// Whether the command should stop. It stops soon after this becomes true.
    fn wants_stop(&self) -> bool;
}

/// Rows in memory.
#[derive(Debug)]
pub enum GivenData {
    /// A table, or one for each part.
    Tables(Vec<MemoryTable>),
    /// Arrays.
    Arrays(MemoryArrays),
}

/// The program around a command.
pub struct Host {
    /// Rows that commands find under these paths instead of files.
    pub data: HashMap<PathBuf, GivenData>,
    /// Models that commands find under these paths instead of files.
    pub models: HashMap<PathBuf, GivenModel>,
    /// The library of ONNX Runtime or its folder, if the host knows one.
    pub onnx_runtime: Option<PathBuf>,
    /// Threads to compute with; all cores when not given.
    pub threads: Option<usize>,
    /// How the command was called, for the record of its run.
    pub called_as: String,
    /// Who hears of its progress.
    pub events: Arc<dyn Events>,
}

impl Host {
    pub(crate) fn source<'a>(&'a self, path: &'a Path) -> Source<'a> {
        match self.data.get(path) {
            None => Source::Path(path),
            Some(GivenData::Tables(tables)) => Source::Tables(tables),
            Some(GivenData::Arrays(arrays)) => Source::Arrays(arrays),
        }
    }

    pub(crate) fn model(&self, path: &Path) -> ModelSource {
        match self.models.get(path) {
            None => path.into(),
            Some(given) => ModelSource::Given(given.clone()),
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Host").field("called_as", &self.called_as).finish_non_exhaustive()
    }
}
