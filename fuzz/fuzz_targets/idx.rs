//! IDX files, alone and as images with labels.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::read::{ReadOptions, parse_idx, parse_idx_pair};

fuzz_target!(|bytes: &[u8]| {
    let file = Path::new("fuzz-images-idx3-ubyte");
    let _ = parse_idx(file, bytes);
    // The first byte says where images end and labels begin.
    if let Some((&cut, rest)) = bytes.split_first() {
        let (images, labels) = rest.split_at(usize::from(cut).min(rest.len()));
        let _ = parse_idx_pair(file, images, file, labels, &ReadOptions::default());
    }
});
