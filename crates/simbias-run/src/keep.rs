//! An answer kept in the directory of a run.

use std::path::PathBuf;

use simbias_report::{Answer, Provenance, Report};

use crate::provenance::RunRecord;
use crate::{RunDirectory, RunError};

/// An answer that was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The directory under its final name.
    pub path: PathBuf,
    /// The report with its provenance, as it lies there.
    pub report: Report,
}

impl RunDirectory {
    /// Writes `run.json`, `result.json`, `report.json`, `report.html`, the data of every table and chart under `csv/`
    /// and the answer's own files, and gives the directory its name.
    ///
    /// # Errors
    /// [`RunError::Taken`], [`RunError::Write`], [`RunError::Interrupted`]; nothing is left behind then.
    pub fn keep(self, answer: &dyn Answer, provenance: Provenance) -> Result<Kept, RunError> {
        self.write_json("run.json", &RunRecord::new(&provenance))?;
        let report = answer.report().provenance(provenance);
        self.fill("result.json", |out| answer.write_result(out))?;
        self.write_json("report.json", &report)?;
        self.write("report.html", simbias_html::render_html(&report).as_bytes())?;
        for (name, content) in report.csv_files() {
            self.write(&format!("csv/{name}"), content.as_bytes())?;
        }
        for file in answer.files() {
            self.write_file(&file)?;
        }
        Ok(Kept { path: self.finish()?, report })
    }

    /// As [`keep`](Self::keep) for a run whose answer is files that are already written: adds `run.json`.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub fn keep_files(self, provenance: &Provenance) -> Result<PathBuf, RunError> {
        self.write_json("run.json", &RunRecord::new(provenance))?;
        self.finish()
    }
}
