//! `config.json` beside fixed weights: a configuration that does not fit them must be refused before memory is asked for,
//! one that fits must run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simbias_language::LanguageModel;

const WEIGHTS: &[u8] =
    include_bytes!("../../crates/simbias-language/tests/reference/llama/model.safetensors");

fuzz_target!(|config: &[u8]| {
    let folder = std::env::temp_dir().join(format!("simbias-fuzz-language-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the model");
    let weights = folder.join("model.safetensors");
    if !weights.exists() {
        std::fs::write(&weights, WEIGHTS).expect("room for the weights");
    }
    std::fs::write(folder.join("config.json"), config).expect("room for the configuration");
    if let Ok(model) = LanguageModel::open(&folder, &simbias_nn::cpu()) {
        let _ = model.token_logits(&[1, 2, 3]);
    }
});
