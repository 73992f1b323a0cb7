//! Calibrated pruning by several routes that must agree.

use std::collections::BTreeMap;
use std::path::Path;

use simbias_checkpoint::Checkpoint;
use simbias_language::allocation::same_everywhere;
use simbias_language::prune::{
    Method, Patterns, PruneRequest, prune_blocks, prune_by_data, prune_by_statistics,
};
use simbias_language::{LanguageError, LanguageModel, StatisticsFile, Text, Tokenizer, perplexity};
use simbias_report::{Progress, Silent};
use simbias_spectra::prune::{Pattern, PruningReport};

use crate::sample::{open, reference, sequences};

const HALF: Pattern = Pattern::Share(0.5);

fn weights(path: &Path) -> BTreeMap<String, Vec<f32>> {
    let checkpoint = Checkpoint::open(path).unwrap();
    let tensors = checkpoint.tensors().iter().enumerate();
    tensors
        .map(|(index, tensor)| (tensor.name.clone(), checkpoint.read(index).unwrap().into_f32()))
        .collect()
}

fn prune(
    model: &LanguageModel,
    method: Method,
    patterns: &Patterns,
    calibration: &[Vec<u32>],
    out: &Path,
) {
    let request = PruneRequest { method, patterns, calibration, evaluation: None };
    prune_by_data(model, &request, out, serde_json::Value::Null, &Silent).unwrap();
}

fn prune_by_size(checkpoint: &Checkpoint, patterns: &Patterns, out: &Path) -> PruningReport {
    let (method, settings) = (Method::Magnitude, serde_json::Value::Null);
    prune_by_statistics(checkpoint, method, patterns, None, out, settings, &Silent).unwrap()
}

fn of_block(model: &LanguageModel, block: usize) -> Patterns {
    model.maps(block).into_iter().map(|map| (map.name, HALF)).collect()
}

/// The statistics of a block must be those behind the pruned blocks before it (trap 15 of the method).
#[test]
fn a_block_is_calibrated_on_what_pruned_blocks_put_out() {
    let calibration = sequences(6, 48, 1);
    for (family, method) in
        [("llama", Method::Wanda), ("gpt2", Method::SparseGpt), ("qwen2", Method::SparseGpt)]
    {
        let model = open(family);
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        prune(&model, method, &same_everywhere(&model, HALF), &calibration, &at("at-once"));
        prune(&model, method, &of_block(&model, 0), &calibration, &at("first"));
        let first = LanguageModel::open(&at("first"), &simbias_nn::cpu()).unwrap();
        prune(&first, method, &of_block(&first, 1), &calibration, &at("second"));
        assert_eq!(weights(&at("at-once")), weights(&at("second")), "{family}");
        // And not those of the dense model.
        prune(&model, method, &of_block(&model, 1), &calibration, &at("dense"));
        let last = &model.maps(1)[0].name;
        assert_ne!(weights(&at("dense"))[last], weights(&at("second"))[last], "{family}");
    }
}

#[test]
fn the_perplexity_on_the_way_is_that_of_the_written_checkpoint() {
    let model = open("llama");
    let text =
        Text::encode(Path::new("text"), &"the same text again. ".repeat(30), &Tokenizer::bytes());
    let text = text.unwrap();
    let calibration = sequences(4, 32, 2);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pruned");
    let patterns = same_everywhere(&model, Pattern::Groups { zeros: 2, of: 4 });
    let request = PruneRequest {
        method: Method::Wanda,
        patterns: &patterns,
        calibration: &calibration,
        evaluation: Some((&text, 48, Some(5))),
    };
    let (pruned, report) =
        prune_by_data(&model, &request, &out, serde_json::Value::Null, &Silent).unwrap();
    let written = LanguageModel::open(&out, &simbias_nn::cpu()).unwrap();
    let again = perplexity(&written, &text, 48, Some(5), &Silent).unwrap();
    assert_eq!(pruned.perplexity, Some(again));
    assert_eq!((pruned.realised(), report.realised), (0.5, 0.5));
    assert_eq!(pruned.layers.len(), 14);
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["pruned"], "the scratch file is gone");
}

#[test]
fn magnitude_needs_no_forward_pass() {
    let model = open("qwen2");
    let folder = tempfile::tempdir().unwrap();
    let patterns = same_everywhere(&model, HALF);
    let (flown, plain) = (folder.path().join("flown"), folder.path().join("plain"));
    prune(&model, Method::Magnitude, &patterns, &[], &flown);
    let (checkpoint, null) = (model.checkpoint(), serde_json::Value::Null);
    prune_by_statistics(checkpoint, Method::Magnitude, &patterns, None, &plain, null, &Silent)
        .unwrap();
    assert_eq!(weights(&flown), weights(&plain));
}

/// With all inputs alike Wanda is magnitude in every row.
#[test]
fn statistics_of_another_program_are_used() {
    let model = open("llama");
    let map = &model.maps(1)[6];
    let matrix = model.read_matrix(map).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("statistics.safetensors");
    let bytes: Vec<u8> =
        vec![2.0_f32; matrix.n_cols].iter().flat_map(|s| s.to_le_bytes()).collect();
    let stem = map.name.strip_suffix(".weight").unwrap();
    let view =
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![matrix.n_cols], &bytes);
    let image = safetensors::serialize([(format!("{stem}.scales"), view.unwrap())], None).unwrap();
    std::fs::write(&file, image).unwrap();
    let statistics = StatisticsFile::open(&file).unwrap();
    let out = folder.path().join("out");
    let patterns = Patterns::from([(map.name.clone(), HALF)]);
    prune_by_statistics(
        model.checkpoint(),
        Method::Wanda,
        &patterns,
        Some(&statistics),
        &out,
        serde_json::Value::Null,
        &Silent,
    )
    .unwrap();
    let pruned = &weights(&out)[&map.name];
    for (row, before) in pruned.chunks(matrix.n_cols).zip(matrix.values.chunks(matrix.n_cols)) {
        let mut sizes: Vec<f32> = before.iter().map(|w| w.abs()).collect();
        sizes.sort_by(f32::total_cmp);
        let median = sizes[matrix.n_cols / 2];
        for (after, before) in row.iter().zip(before) {
            assert_eq!(*after, if before.abs() < median { 0.0 } else { *before });
        }
    }
    // Of another layer there are none, and nothing is left behind.
    let patterns = same_everywhere(&model, HALF);
    let failed = folder.path().join("failed");
    let error = prune_by_statistics(
        model.checkpoint(),
        Method::Wanda,
        &patterns,
        Some(&statistics),
        &failed,
        serde_json::Value::Null,
        &Silent,
    )
    .unwrap_err();
    assert!(error.to_string().contains("has neither"), "{error}");
    assert!(!failed.exists());
}

#[test]
fn what_does_not_fit_is_refused() {
    let model = open("llama");
    let none = Patterns::from([("model.layers.9.mlp.up_proj.weight".to_string(), HALF)]);
    let all = same_everywhere(&model, HALF);
    let odd = same_everywhere(&model, Pattern::Groups { zeros: 1, of: 7 });
    for (method, patterns, word) in [
        (Method::Magnitude, &none, "model.layers.9"),
        (Method::Wanda, &all, "calibrate"),
        (Method::Magnitude, &odd, "multiple"),
    ] {
        let request = PruneRequest { method, patterns, calibration: &[], evaluation: None };
        let error =
            prune_blocks(&model, &request, &mut |_, _| Ok(()), &Silent).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn an_interrupted_pruning_leaves_nothing() {
    struct Stops;
    impl Progress for Stops {
        fn advance(&self, _: usize, _: usize, _: &str) {}
        fn wants_stop(&self) -> bool {
            true
        }
    }
    let model = open("llama");
    let folder = tempfile::tempdir().unwrap();
    let patterns = same_everywhere(&model, HALF);
    let request = PruneRequest {
        method: Method::Magnitude,
        patterns: &patterns,
        calibration: &[],
        evaluation: None,
    };
    let out = folder.path().join("out");
    let found = prune_by_data(&model, &request, &out, serde_json::Value::Null, &Stops);
    assert!(matches!(found, Err(LanguageError::Interrupted(_))));
    let found = prune_by_statistics(
        model.checkpoint(),
        Method::Magnitude,
        &patterns,
        None,
        &out,
        serde_json::Value::Null,
        &Stops,
    );
    assert!(matches!(found, Err(LanguageError::Interrupted(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Pruned or not, what is written from a GGUF file is the model of Hugging Face's form.
#[test]
fn a_gguf_file_becomes_a_folder_that_other_programs_load() {
    becomes_a_folder("llama.gguf");
}

#[test]
fn factors_of_rotary_frequencies_become_a_law_in_the_configuration() {
    let out = becomes_a_folder("llama-stretched.gguf");
    let config = std::fs::read(out.path().join("data/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["rope_scaling"]["rope_type"], "llama3");
    assert_eq!(config["rope_scaling"]["factor"], 8.0);
    let written = LanguageModel::open(&out.path().join("data"), &simbias_nn::cpu()).unwrap();
    assert!(written.checkpoint().find("rope_freqs.weight").is_none());
    // The change is one that shows.
    let tokens: Vec<u32> = (5..45).collect();
    let plain = open("llama.gguf").token_logits(&tokens).unwrap();
    let stretched = written.token_logits(&tokens).unwrap();
    assert!(plain.iter().zip(&stretched).any(|(plain, other)| (plain - other).abs() > 1e-2));
}

#[test]
fn a_gguf_file_that_keeps_its_names_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(reference("llama.gguf")).unwrap();
    // Another name of the same length, which is not known.
    let at = bytes.windows(15).position(|part| part == b"blk.1.ffn_norm.").unwrap();
    bytes[at + 6..at + 14].copy_from_slice(b"ffn_mine");
    let path = folder.path().join("odd.gguf");
    std::fs::write(&path, bytes).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    let patterns = Patterns::from([("blk.1.ffn_down.weight".to_string(), Pattern::Share(0.5))]);
    let out = folder.path().join("out");
    let report = prune_by_size(&checkpoint, &patterns, &out);
    assert!(report.remark.unwrap().contains("keeps the names"));
    assert!(Checkpoint::open(&out).unwrap().find("blk.1.ffn_down.weight").is_some());
}

fn becomes_a_folder(file: &str) -> tempfile::TempDir {
    let model = open(file);
    let folder = tempfile::tempdir().unwrap();
    let tokens: Vec<u32> = (5..45).collect();
    for (name, method) in [("data", Method::Wanda), ("plain", Method::Magnitude)] {
        let out = folder.path().join(name);
        // Only one layer is touched; queries and keys are turned all the same.
        let last = model.layer_names().pop().unwrap();
        let patterns = Patterns::from([(last, Pattern::Share(0.0))]);
        if method == Method::Wanda {
            prune(&model, method, &patterns, &sequences(2, 16, 3), &out);
        } else {
            prune_by_size(model.checkpoint(), &patterns, &out);
        }
        let written = LanguageModel::open(&out, &simbias_nn::cpu()).unwrap();
        assert!(written.checkpoint().find("model.layers.1.self_attn.q_proj.weight").is_some());
        let original = weights(&reference("llama"));
        assert_eq!(weights(&out), original, "{name}: the weights that the GGUF file was made of");
        let text = "the 19 in the year";
        let (own, new) = (model.tokenizer().unwrap(), written.tokenizer().unwrap());
        assert_eq!(own.encode(text).unwrap(), new.encode(text).unwrap());
        let (before, after) =
            (model.token_logits(&tokens).unwrap(), written.token_logits(&tokens).unwrap());
        let worst = before.iter().zip(&after).fold(0.0_f32, |most, (b, a)| most.max((b - a).abs()));
        assert!(worst < 1e-3, "{worst}");
    }
    folder
}
