//! The tiny models under tests/reference.

use std::path::PathBuf;

use simbias_language::LanguageModel;

pub(crate) fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

pub(crate) fn open(name: &str) -> LanguageModel {
    LanguageModel::open(&reference(name), &simbias_nn::cpu()).unwrap()
}

/// Sequences that look like chance.
pub(crate) fn sequences(n: usize, length: usize, first: u32) -> Vec<Vec<u32>> {
    let mut state = first;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % 300
    };
    (0..n).map(|_| (0..length).map(|_| next()).collect()).collect()
}
