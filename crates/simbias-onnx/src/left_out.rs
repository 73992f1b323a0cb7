//! What stands in for ONNX models where the runtime is left out of the build.

use std::path::Path;

use ndarray::{Array2, ArrayView2};
use simbias_data::{Layout, Scorer, ScorerError};

use crate::{OnnxError, OnnxOptions, Runtime};

/// An ONNX model in a build without the feature `tract`: none can be opened, so there is no value of this type.
#[derive(Debug)]
pub enum OnnxScorer {}

impl OnnxScorer {
    /// Refuses every file.
    ///
    /// # Errors
    /// [`OnnxError::Read`] for files that cannot be read, [`OnnxError::LeftOut`] for all others.
    pub fn open(path: &Path, layout: &Layout, batch: usize) -> Result<Self, OnnxError> {
        Self::open_with(path, layout, &OnnxOptions { batch, ..OnnxOptions::default() })
    }

    /// Refuses every file. Errors as [`open`](Self::open).
    pub fn open_with(
        path: &Path,
        _layout: &Layout,
        _options: &OnnxOptions,
    ) -> Result<Self, OnnxError> {
        // A wrong path is the first thing to mend, whatever this build can read.
        std::fs::File::open(path)
            .map_err(|cause| OnnxError::Read { path: path.to_path_buf(), cause })?;
        Err(OnnxError::LeftOut)
    }

    /// Refuses all bytes.
    ///
    /// # Errors
    /// Always [`OnnxError::LeftOut`].
    pub fn from_bytes(
        _bytes: &[u8],
        _layout: &Layout,
        _options: &OnnxOptions,
    ) -> Result<Self, OnnxError> {
        Err(OnnxError::LeftOut)
    }

    /// The class names of the file: there is no file.
    pub fn classes(&self) -> Option<&[String]> {
        match *self {}
    }

    /// Which runtime computes: none.
    pub fn runtime(&self) -> Runtime {
        match *self {}
    }
}

impl Scorer for OnnxScorer {
    fn n_outputs(&self) -> usize {
        match *self {}
    }

    fn score(&self, _rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_refused_with_the_way_to_read_it() {
        let layout = Layout::array(vec![3]);
        let refused = OnnxScorer::from_bytes(b"", &layout, &OnnxOptions::default()).unwrap_err();
        assert!(refused.to_string().contains("feature"), "{refused}");
    }

    #[test]
    fn a_wrong_path_is_told_first() {
        let layout = Layout::array(vec![3]);
        let refused = OnnxScorer::open(Path::new("absent.onnx"), &layout, 8).unwrap_err();
        assert!(matches!(refused, OnnxError::Read { .. }), "{refused}");
    }
}
