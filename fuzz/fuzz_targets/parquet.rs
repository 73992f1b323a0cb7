//! Parquet tables and images in Parquet.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::read::{ReadOptions, parse_parquet};

fuzz_target!(
    // The reader turns the decoder's own panics into errors; only one that escapes may end the run.
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| {
        let _ = parse_parquet(Path::new("fuzz.parquet"), bytes.to_vec(), &ReadOptions::default());
    }
);
