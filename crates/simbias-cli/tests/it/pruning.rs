//! `prune` and `perplexity`: checkpoints in, pruned checkpoints and figures out.

use std::path::{Path, PathBuf};

use crate::program::Bench;

/// Tiny models of the language crate.
fn reference(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simbias-language/tests/reference");
    let path: PathBuf = folder.join(name);
    path.to_str().unwrap().to_string()
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("old.txt", &"the 19 men in the house saw the sea in 1984. ".repeat(40));
    bench.write("new.txt", &"in the year 2019 the sea saw the 7 men. ".repeat(40));
    bench
}

#[test]
fn a_perplexity_says_how_it_was_obtained() {
    let bench = bench();
    let model = reference("llama.gguf");
    let shown =
        bench.succeed(&format!("perplexity {model} new.txt --context 32 --full --out p")).stdout;
    for word in
        ["perplexity", "bits per byte", "context, tokens", "chunks", "GGUF metadata (smollm)"]
    {
        assert!(shown.contains(word), "{word} is not in {shown}");
    }
    let result = bench.json("p/result.json");
    assert_eq!(result["perplexity"]["context"], 32);
    let again = bench.succeed(&format!("perplexity {model} new.txt --context 32 --json --out q"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again.stdout).unwrap(), result);
}

#[test]
fn a_pruned_model_is_written_and_can_be_measured_and_pruned_again() {
    let bench = bench();
    let model = reference("llama.gguf");
    bench.succeed(&format!(
        "prune {model} --method wanda --sparsity 0.5 --allocation farms --calibration old.txt --sequences 4 --length 32 \
         --evaluate new.txt --context 32 --out pruned"
    ));
    let result = bench.json("pruned/result.json");
    let realised = result["pruning"]["realised"].as_f64().unwrap();
    assert!((realised - 0.5).abs() < 0.03, "{realised}");
    assert!(result["dense"]["perplexity"].as_f64() != result["pruned"]["perplexity"].as_f64());
    assert_eq!(bench.json("pruned/checkpoint/pruning_report.json")["settings"]["method"], "wanda");
    assert!(bench.read("pruned/report.html").contains("perplexity before"));
    bench.succeed("perplexity pruned/checkpoint new.txt --context 32 --out after");
    let after = bench.json("after/result.json")["perplexity"].clone();
    assert_eq!(after["n_tokens"], result["pruned"]["n_tokens"]);
    let nll = |found: &serde_json::Value| found["mean_nll"].as_f64().unwrap();
    assert!((nll(&after) - nll(&result["pruned"])).abs() < 1e-5, "{after}");
    bench.succeed("prune pruned/checkpoint --sparsity 0.7 --out more");
    let realised = bench.json("more/result.json")["pruning"]["realised"].as_f64().unwrap();
    assert!((realised - 0.7).abs() < 0.01, "{realised}");
}

#[test]
fn any_checkpoint_is_pruned_by_size_and_ratios_may_come_from_a_file() {
    let bench = bench();
    let model = reference("qwen2");
    bench.succeed(&format!("prune {model} --pattern 2:4 --out groups"));
    assert_eq!(bench.json("groups/result.json")["pruning"]["realised"], 0.5);
    assert!(bench.path("groups/checkpoint/config.json").is_file());
    bench.succeed(&format!("spectrum sparsity {model} --target 0.6 --out zeros"));
    bench.succeed(&format!("prune {model} --allocation zeros/sparsities.json --out dealt"));
    let realised = bench.json("dealt/result.json")["pruning"]["realised"].as_f64().unwrap();
    assert!((realised - 0.6).abs() < 0.01, "{realised}");
    bench.succeed(&format!("prune {model} --sparsity 0.6 --allocation farms --out same"));
    let layers = |run: &str| bench.json(&format!("{run}/result.json"))["pruning"]["layers"].clone();
    assert_eq!(layers("dealt"), layers("same"));
}

#[test]
fn allocations_are_compared_beside_their_controls() {
    let bench = bench();
    let model = reference("gpt2");
    // GPT-2's folder has no tokenizer: tokens are given.
    let tokens: Vec<u8> = (0..600_u32).flat_map(|i| ((i * i % 251) as u16).to_le_bytes()).collect();
    let mut file = b"\x93NUMPY\x01\x00v\x00".to_vec();
    let header = "{'descr': '<u2', 'fortran_order': False, 'shape': (600,), }";
    file.extend(format!("{header:117}\n").into_bytes());
    file.extend(tokens);
    std::fs::write(bench.path("tokens.npy"), file).unwrap();
    for threads in [1, 2] {
        bench.succeed(&format!(
            "prune compare {model} --calibration tokens.npy --sequences 3 --length 32 --evaluate tokens.npy --context 32 \
             --sparsities 0.5 --allocations uniform,farms,owl,permuted,reversed,first-block --threads {threads} --out t{threads}"
        ));
    }
    let result = bench.json("t1/result.json");
    assert_eq!(result, bench.json("t2/result.json"));
    assert_eq!(result["runs"].as_array().unwrap().len(), 12);
    assert!(bench.read("t1/report.html").contains("first-block (control)"));
}

#[test]
fn what_cannot_be_pruned_is_refused_and_leaves_nothing() {
    let bench = bench();
    let (llama, gguf) = (reference("llama"), reference("llama.gguf"));
    bench.write("ratios.csv", "layer,ratio\nmodel.layers.9.mlp.up_proj.weight,0.5\n");
    bench.write("bad.csv", "layer,ratio\na,1.5\n");
    bench.write("short.txt", "too short");
    let before = bench.names();
    for (words, facts) in [
        ("prune".to_string(), ["no model is named", "simbias prune MODEL"]),
        (format!("prune {llama} --out o"), ["the share to prune is missing", "--sparsity 0.5"]),
        (format!("prune {llama} --sparsity 1 --out o"), ["--sparsity 1", "below 1"]),
        (format!("prune {llama} --sparsity=-0.1 --out o"), ["--sparsity -0.1", "at least 0"]),
        (format!("prune {llama} --sparsity 0.5 --epsilon 1 --out o"), ["--epsilon 1", "[0, 1)"]),
        (format!("prune {llama} --pattern 4:4 --out o"), ["4:4", "N < M"]),
        (format!("prune {llama} --pattern 1:7 --out o"), ["multiple", "7"]),
        (
            format!("prune {llama} --method wanda --sparsity 0.5 --out o"),
            ["Wanda", "--calibration"],
        ),
        (
            format!("prune {llama} --allocation nothing --sparsity 0.5 --out o"),
            ["\"nothing\"", "file"],
        ),
        (format!("prune {llama} --allocation ratios.csv --out o"), ["model.layers.9", "no layer"]),
        (format!("prune {llama} --allocation bad.csv --out o"), ["1.5", "below 1"]),
        (
            format!("prune {llama} --method wanda --sparsity 0.5 --calibration old.txt --out o"),
            ["tokenizer.json", "--tokenizer"],
        ),
        (
            format!("prune {gguf} --method wanda --sparsity 0.5 --calibration short.txt --out o"),
            ["short.txt", "fewer than one sequence"],
        ),
        (
            format!("prune {gguf} --method wanda --sparsity 0.5 --statistics old.txt --out o"),
            ["old.txt", "begins like none"],
        ),
        (
            format!("prune {llama} --sparsity 0.5 --include nothing --out o"),
            ["none is left", "--include"],
        ),
        (format!("perplexity {gguf} new.txt --context 65 --out o"), ["65", "2 to 64"]),
        (format!("perplexity {gguf} short.txt --out o"), ["short.txt", "fewer than one chunk"]),
        ("perplexity absent.gguf new.txt --out o".into(), ["absent.gguf", "No such file"]),
        (
            format!("prune compare {gguf} --evaluate new.txt --context 32 --out o"),
            ["none are given", "--calibration"],
        ),
        ("spectrum".into(), ["no checkpoint is named", "simbias spectrum MODEL"]),
    ] {
        bench.refuse(&words, &facts);
        assert_eq!(bench.names(), before, "{words}");
    }
}

#[test]
fn an_existing_folder_is_not_overwritten() {
    let bench = bench();
    let llama = reference("llama");
    bench.succeed(&format!("prune {llama} --sparsity 0.5 --out o"));
    let before = bench.bytes("o/checkpoint/model.safetensors");
    bench.refuse(&format!("prune {llama} --sparsity 0.9 --out o"), &["\"o\"", "never overwritten"]);
    assert_eq!(bench.bytes("o/checkpoint/model.safetensors"), before);
}
