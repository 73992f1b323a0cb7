//! Pickles of PyTorch state dicts, alone and as the files before 1.6 have them.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_checkpoint::{parse_legacy_file, parse_state_dict};

fuzz_target!(|bytes: &[u8]| {
    let file = Path::new("fuzz.pkl");
    let _ = parse_state_dict(file, bytes);
    let _ = parse_legacy_file(file, bytes);
});
