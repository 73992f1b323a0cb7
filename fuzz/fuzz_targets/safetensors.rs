//! Arrays in `.safetensors` files.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::read::parse_safetensors;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_safetensors(Path::new("fuzz.safetensors"), bytes);
});
