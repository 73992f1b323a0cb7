//! Headers of `.safetensors` checkpoints; the first eight bytes stand for the length of the data.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_checkpoint::parse_safetensors_header;

fuzz_target!(|bytes: &[u8]| {
    if let Some((length, header)) = bytes.split_first_chunk() {
        let file = Path::new("fuzz.safetensors");
        let _ = parse_safetensors_header(file, header, u64::from_le_bytes(*length));
    }
});
