//! What the page holds without showing it: CSV files and charts that are drawn when they are chosen.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

/// Kept as JSON, packed with gzip and written in base64, which the browser unpacks when it is asked for the first time.
#[derive(Serialize)]
pub(super) struct Packed {
    /// Names and contents of CSV files.
    files: Vec<(String, String)>,
    /// For each group of charts, the drawings of each chart: wide and narrow.
    charts: Vec<Vec<[String; 2]>>,
}

impl Packed {
    pub(super) fn new(files: Vec<(String, String)>) -> Self {
        Self { files, charts: Vec::new() }
    }

    /// The name of file `index`.
    pub(super) fn file_name(&self, index: usize) -> &str {
        &self.files[index].0
    }

    /// Adds the drawings of a group of charts and gives its number.
    pub(super) fn add_charts(&mut self, drawings: Vec<[String; 2]>) -> usize {
        self.charts.push(drawings);
        self.charts.len() - 1
    }

    /// The text for the page; base64 has no letter that could end an element.
    pub(super) fn finish(self) -> String {
        let json = serde_json::to_vec(&self).expect("texts have a form in JSON");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&json).expect("memory can be written");
        STANDARD.encode(encoder.finish().expect("memory can be written"))
    }
}
