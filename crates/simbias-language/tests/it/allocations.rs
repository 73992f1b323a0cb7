//! Shares of blocks, and the comparison of allocations.

use std::path::Path;

use simbias_language::allocation::{
    Allocation, BlockScores, Deal, block_ratios, outlier_shares, read_ratios, scan_blocks,
};
use simbias_language::comparison::{CompareRequest, compare_allocations};
use simbias_language::document::comparison_report;
use simbias_language::prune::{Method, Patterns, PruneRequest, prune_blocks};
use simbias_language::{LanguageModel, Text, Tokenizer, perplexity};
use simbias_report::Silent;
use simbias_spectra::prune::Pattern;
use simbias_spectra::{ExponentKind, ScanOptions};
use simbias_stats::Seed;

use crate::sample::{open, sequences};

const DEAL: Deal =
    Deal { target: 0.6, epsilon: 0.2, controlled: ExponentKind::Windows, seed: Seed::new(0) };

fn scores(model: &LanguageModel) -> BlockScores {
    let table = scan_blocks(model, &ScanOptions::default(), &Silent).unwrap();
    assert_eq!(table.layers.len(), model.layer_names().len());
    BlockScores::from_table(model, &table, &|_| true).unwrap()
}

/// The ratio of each block, which all its layers share.
fn by_block(model: &LanguageModel, patterns: &Patterns) -> Vec<f64> {
    (0..model.decoder().n_blocks)
        .map(|block| {
            let ratios: Vec<f64> =
                model.maps(block).iter().map(|map| patterns[&map.name].share()).collect();
            assert!(ratios.iter().all(|ratio| *ratio == ratios[0]));
            ratios[0]
        })
        .collect()
}

#[test]
fn every_allocation_meets_the_target() {
    let model = open("llama");
    let mut scores = scores(&model);
    scores.outliers = Some(outlier_shares(&model, &sequences(4, 32, 5), &Silent).unwrap());
    for allocation in Allocation::ALL {
        let patterns = block_ratios(&model, &scores, allocation, &|_| true, &DEAL).unwrap();
        let ratios = by_block(&model, &patterns);
        // Blocks have equally many weights.
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        assert!((mean - 0.6).abs() < 1e-9, "{}: {ratios:?}", allocation.name());
        match allocation {
            Allocation::Uniform => assert_eq!(ratios, [0.6, 0.6]),
            Allocation::FirstBlock => assert!(ratios[0] < ratios[1]),
            Allocation::Farms => {
                assert_eq!(ratios[0] < ratios[1], scores.farms[0] < scores.farms[1]);
            }
            Allocation::Reversed => {
                assert_eq!(ratios[0] > ratios[1], scores.farms[0] < scores.farms[1]);
            }
            Allocation::Permuted | Allocation::Alpha | Allocation::Owl => {}
        }
    }
}

/// What is not to be pruned must not be counted as if it were.
#[test]
fn the_target_is_met_over_the_layers_that_are_wanted() {
    let model = open("llama");
    let wanted = |name: &str| name.contains("layers.0.") || name.contains("mlp");
    let table = scan_blocks(&model, &ScanOptions::default(), &Silent).unwrap();
    let scores = BlockScores::from_table(&model, &table, &wanted).unwrap();
    let patterns = block_ratios(&model, &scores, Allocation::FirstBlock, &wanted, &DEAL).unwrap();
    assert_eq!(patterns.len(), 7 + 3);
    let (mut zeros, mut weights) = (0.0, 0.0);
    for map in (0..2).flat_map(|block| model.maps(block)) {
        let Some(pattern) = patterns.get(&map.name) else { continue };
        let n = model.read_matrix(&map).unwrap().values.len() as f64;
        (zeros, weights) = (zeros + pattern.share() * n, weights + n);
    }
    assert!((zeros / weights - 0.6).abs() < 1e-9, "{}", zeros / weights);
    let one = |name: &str| name.contains("layers.1.");
    let scores = BlockScores::from_table(&model, &table, &one).unwrap();
    let patterns = block_ratios(&model, &scores, Allocation::Farms, &one, &DEAL).unwrap();
    assert!(patterns.len() == 7 && patterns.values().all(|p| (p.share() - 0.6).abs() < 1e-9));
}

#[test]
fn targets_and_files_out_of_range_are_refused() {
    let model = open("llama");
    let scores = scores(&model);
    let refused =
        |deal: Deal| block_ratios(&model, &scores, Allocation::Farms, &|_| true, &deal).is_err();
    assert!(refused(Deal { target: 1.0, ..DEAL }) && refused(Deal { target: -0.1, ..DEAL }));
    assert!(refused(Deal { epsilon: 1.0, ..DEAL }));
    assert!(block_ratios(&model, &scores, Allocation::Owl, &|_| true, &DEAL).is_err());

    let folder = tempfile::tempdir().unwrap();
    let read = |content: &str| {
        let file = folder.path().join("ratios");
        std::fs::write(&file, content).unwrap();
        read_ratios(&file)
    };
    let expected = Patterns::from([("a".to_string(), Pattern::Share(0.25))]);
    assert_eq!(read("layer,ratio\na,0.25\n").unwrap(), expected);
    assert_eq!(read("ratio, block, layer\n0.25,x,a\n").unwrap(), expected);
    assert_eq!(read(r#"{"layers": [{"layer": "a", "ratio": 0.25}]}"#).unwrap(), expected);
    for (content, word) in [
        ("layer,share\na,0.25\n", "columns layer and ratio"),
        ("layer,ratio\na,x\n", "line 2"),
        ("layer,ratio\na,1.0\n", "below 1"),
        ("layer,ratio\n", "names no layer"),
        ("{", "sparsities"),
    ] {
        let message = read(content).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_comparison_holds_what_single_prunings_give() {
    let model = open("gpt2");
    let scores = scores(&model);
    let text = "the comparison of allocations on a small text. ".repeat(12);
    let text = Text::encode(Path::new("text"), &text, &Tokenizer::bytes()).unwrap();
    let calibration = sequences(4, 32, 7);
    let request = CompareRequest {
        methods: &[Method::Magnitude, Method::Wanda],
        sparsities: &[0.6],
        allocations: &[Allocation::Farms, Allocation::Permuted, Allocation::FirstBlock],
        n_permutations: 2,
        epsilon: 0.2,
        controlled: ExponentKind::Windows,
        calibration: &calibration,
        evaluation: &text,
        context: 32,
        max_chunks: None,
        seed: Seed::new(0),
    };
    let found = compare_allocations(&model, &scores, &request, &Silent).unwrap();
    assert_eq!(found.dense, perplexity(&model, &text, 32, None, &Silent).unwrap());
    assert_eq!(found.runs.len(), 2 * 4);
    let run = found.run(Method::Wanda, 0.6, Allocation::Farms).unwrap();
    let patterns = block_ratios(&model, &scores, Allocation::Farms, &|_| true, &DEAL).unwrap();
    let one = PruneRequest {
        method: Method::Wanda,
        patterns: &patterns,
        calibration: &calibration,
        evaluation: Some((&text, 32, None)),
    };
    let single = prune_blocks(&model, &one, &mut |_, _| Ok(()), &Silent).unwrap();
    let single = single.perplexity.unwrap();
    assert_eq!(run.mean_nll, single.mean_nll);
    let uniform = found.run(Method::Wanda, 0.6, Allocation::Uniform).unwrap();
    assert!(uniform.minus_uniform.is_none());
    let difference = run.minus_uniform.unwrap();
    assert!((difference.mean - (run.mean_nll - uniform.mean_nll)).abs() < 1e-12);
    let permuted = found.run(Method::Magnitude, 0.6, Allocation::Permuted).unwrap();
    assert_eq!(permuted.permutations.len(), 2);

    let report = comparison_report("gpt2", &found);
    let csv = report.csv_files();
    let (_, table) = csv.iter().find(|(name, _)| name.contains("runs")).unwrap();
    assert_eq!(table.lines().count(), 1 + 8);
    assert!(report.to_json().contains("first-block (control)"));
}
