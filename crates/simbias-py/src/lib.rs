//! The module `simbias._native`: commands of the command line with data and models of a Python interpreter. What users
//! see is the package around it, in `python/simbias`.

mod data;
mod model;
mod task;

use pyo3::prelude::*;

// As in the program `simbias`: training allocates and frees megabytes of tensors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule]
mod _native {
    use super::{PyResult, pyfunction};
    use simbias_report::Report;

    #[pymodule_export]
    use super::task::{Task, start};

    /// Version of the library.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "a name of Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Runs the command line with these words, the name of the program first; returns its exit code.
    #[pyfunction]
    fn main(py: pyo3::Python<'_>, words: Vec<String>) -> u8 {
        py.detach(|| simbias_cli::main(words.into_iter().map(Into::into).collect()))
    }

    /// A report (the text of `report.json`) as a piece of HTML for notebooks.
    #[pyfunction]
    fn notebook(report: &str) -> PyResult<String> {
        Ok(simbias_html::notebook(&read(report)?))
    }

    /// A report (the text of `report.json`) as text of this width.
    #[pyfunction]
    fn text(report: &str, width: usize) -> PyResult<String> {
        Ok(simbias_html::render_terminal(&read(report)?, width, false))
    }

    fn read(report: &str) -> PyResult<Report> {
        Report::from_json(report)
            .map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))
    }
}
