//! Arrays in `.npy` files.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_checkpoint::parse_npy;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_npy(Path::new("fuzz.npy"), bytes);
});
