//! Tables in text, with every policy for missing cells, and as matrices.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::read::{Missing, ReadOptions, parse_csv, parse_matrix};

fuzz_target!(|bytes: &[u8]| {
    let file = Path::new("fuzz.csv");
    let _ = parse_matrix(file, bytes);
    for missing in [Missing::Error, Missing::Mean, Missing::Drop] {
        let options = ReadOptions { missing, max_rows: Some(50), ..ReadOptions::default() };
        let _ = parse_csv(file, bytes, &options);
    }
});
