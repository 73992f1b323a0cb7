//! Models of other frameworks, for rows of an image and of a table.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simbias_data::{ImageShape, Layout};
use simbias_onnx::{OnnxOptions, OnnxScorer};

fuzz_target!(
    // The runtime's own panics are caught and become errors; only those that get out count.
    init: { std::panic::set_hook(Box::new(|_| ())) },
    |bytes: &[u8]| {
        let options = OnnxOptions { batch: 2, ..OnnxOptions::default() };
        for layout in [
            Layout::image(ImageShape { channels: 1, height: 8, width: 8 }),
            Layout::array(vec![10]),
        ] {
            let _ = OnnxScorer::from_bytes(bytes, &layout, &options);
        }
    }
);
