//! Pickles of PyTorch state dicts.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::checkpoint::parse_state_dict;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_state_dict(Path::new("fuzz.pkl"), bytes);
});
