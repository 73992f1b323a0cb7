//! Where the environment of the process says that ONNX Runtime lies.

use std::env::{split_paths, var_os};
use std::path::PathBuf;

use simbias_run::{RuntimePlaces, find_onnx_runtime};

/// The library of an installed ONNX Runtime.
pub(crate) fn onnx_runtime_library() -> Option<PathBuf> {
    let folder = |name: &str| var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folders =
        |name: &str| var_os(name).map(|list| split_paths(&list).collect()).unwrap_or_default();
    find_onnx_runtime(&RuntimePlaces {
        library: folder("ORT_DYLIB_PATH"),
        environments: ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(folder).collect(),
        programs: folders("PATH"),
        libraries: folders(if cfg!(target_os = "macos") {
            "DYLD_LIBRARY_PATH"
        } else {
            "LD_LIBRARY_PATH"
        }),
        home: folder("HOME"),
    })
}
