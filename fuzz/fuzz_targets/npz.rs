//! Arrays in `.npz` files.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_checkpoint::parse_npz;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_npz(Path::new("fuzz.npz"), bytes);
});
