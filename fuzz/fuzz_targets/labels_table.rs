//! Lists of images with labels.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::read::parse_labels_table;

fuzz_target!(|bytes: &[u8]| {
    let is_image = |cell: &str| cell.ends_with(".png");
    if let Ok(table) = parse_labels_table(Path::new("labels.csv"), bytes, &is_image) {
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    }
});
