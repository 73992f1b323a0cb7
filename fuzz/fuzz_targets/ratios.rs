//! Files of ratios for pruning: JSON and CSV.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use simbias_language::allocation::parse_ratios;

fuzz_target!(|text: &str| {
    if let Ok(patterns) = parse_ratios(text, Path::new("ratios")) {
        assert!(patterns.values().all(|pattern| (0.0..1.0).contains(&pattern.share())));
    }
});
