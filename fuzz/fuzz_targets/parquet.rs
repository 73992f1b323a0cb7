//! Parquet tables and images in Parquet.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::read::{ReadOptions, parse_parquet};

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_parquet(Path::new("fuzz.parquet"), bytes.to_vec(), &ReadOptions::default());
});
