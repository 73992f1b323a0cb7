//! Encoded images.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_data::read::decode_image;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(image) = decode_image(Path::new("fuzz.png"), bytes) {
        assert_eq!(image.values.len(), image.shape.n_features());
        assert!(image.values.iter().all(|value| value.is_finite()));
    }
});
