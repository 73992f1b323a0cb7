//! Logits beside those of transformers, for every family.

use std::path::Path;

use simbias_checkpoint::Checkpoint;
use simbias_language::{LanguageError, LanguageModel};

use crate::sample::{open, reference};

fn expected(family: &str) -> (Vec<u32>, Vec<f32>) {
    let file = Checkpoint::open(&reference(family).join("expected.safetensors")).unwrap();
    let read = |name: &str| file.read(file.find(name).unwrap().0).unwrap().into_f32();
    (read("tokens").into_iter().map(|token| token as u32).collect(), read("logits"))
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0_f32, |most, logit| most.max(logit.abs()));
    let worst = found.iter().zip(expected).fold(0.0_f32, |most, (f, e)| most.max((f - e).abs()));
    assert!(scale > 1.0 && worst < 2e-5 * scale, "{what}: {worst} at logits up to {scale}");
}

#[test]
fn every_family_runs_as_in_transformers() {
    for family in ["llama", "llama3", "mistral", "qwen2", "gpt2"] {
        let (tokens, logits) = expected(family);
        assert_close(&open(family).token_logits(&tokens).unwrap(), &logits, family);
    }
}

#[test]
fn a_gguf_file_of_the_same_weights_runs_alike() {
    let (tokens, logits) = expected("llama");
    assert_close(&open("llama.gguf").token_logits(&tokens).unwrap(), &logits, "GGUF");
}

#[test]
fn later_tokens_do_not_reach_back() {
    let (mut tokens, _) = expected("qwen2");
    let model = open("qwen2");
    let n_kept = 20 * model.decoder().vocabulary;
    let before = model.token_logits(&tokens).unwrap();
    tokens[20] = (tokens[20] + 1) % 300;
    let after = model.token_logits(&tokens).unwrap();
    assert_eq!(before[..n_kept], after[..n_kept]);
    assert_ne!(before[n_kept..], after[n_kept..]);
}

/// A copy of a reference folder with its configuration changed.
fn with_config(family: &str, change: impl FnOnce(&mut serde_json::Value)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(reference(family).join("config.json")).unwrap();
    let mut config = serde_json::from_str(&text).unwrap();
    change(&mut config);
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let weights = reference(family).join("model.safetensors");
    std::fs::copy(weights, folder.path().join("model.safetensors")).unwrap();
    folder
}

fn refusal(path: &Path) -> String {
    LanguageModel::open(path, &simbias_nn::cpu()).unwrap_err().to_string()
}

#[test]
fn models_that_cannot_be_run_are_refused_with_what_was_found() {
    let changed = |key: &'static str, value: serde_json::Value| {
        with_config("llama", move |config| config[key] = value)
    };
    for (folder, word) in [
        (changed("model_type", "mamba".into()), "\"mamba\""),
        (changed("hidden_act", "gelu".into()), "\"gelu\""),
        (changed("hidden_size", 0.into()), "hidden_size"),
        (changed("intermediate_size", 41.into()), "gate_proj"),
        (changed("num_hidden_layers", 3.into()), "model.layers.2"),
        (changed("num_key_value_heads", 3.into()), "n_key_heads"),
        (changed("num_hidden_layers", u64::MAX.into()), "num_hidden_layers"),
        (changed("num_hidden_layers", 16_000_000.into()), "n_blocks"),
        (changed("num_hidden_layers", 9_000.into()), "9000 blocks"),
        (changed("rms_norm_eps", "x".into()), "rms_norm_eps"),
        (changed("rope_theta", 0.into()), "rope_theta"),
        (changed("rope_parameters", serde_json::json!({"rope_type": "yarn"})), "\"yarn\""),
    ] {
        let message = refusal(folder.path());
        assert!(message.contains(word), "{message}");
    }
    let bare = tempfile::tempdir().unwrap();
    let weights = reference("llama").join("model.safetensors");
    std::fs::copy(weights, bare.path().join("model.safetensors")).unwrap();
    assert!(refusal(bare.path()).contains("config.json"));
}

#[test]
fn tokens_outside_the_model_are_refused() {
    let model = open("llama");
    for tokens in [vec![], vec![300], vec![1; 65]] {
        let found = model.token_logits(&tokens);
        assert!(matches!(found, Err(LanguageError::Option { .. })), "{} tokens", tokens.len());
    }
}

#[test]
fn weights_that_are_not_finite_are_named() {
    let folder = with_config("llama", |_| {});
    let file = folder.path().join("model.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    let n = bytes.len();
    bytes[n - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let model = LanguageModel::open(folder.path(), &simbias_nn::cpu()).unwrap();
    let message = model.token_logits(&[1, 2, 3]).unwrap_err().to_string();
    assert!(message.contains("not finite") && message.contains("norm"), "{message}");
}

#[test]
fn an_absurd_description_of_our_own_is_refused_before_memory_is_asked_for() {
    let decoder = simbias_nn::Decoder::small(300, 64, 24, 2, 4);
    for field in ["n_blocks", "width", "head_width", "vocabulary", "inner"] {
        let mut decoder = serde_json::to_value(&decoder).unwrap();
        decoder[field] = u64::MAX.into();
        let folder = with_config("llama", |config| {
            *config = serde_json::json!({"model_type": "simbias-decoder", "decoder": decoder});
        });
        let message = refusal(folder.path());
        assert!(message.contains(field), "{message}");
    }
}
