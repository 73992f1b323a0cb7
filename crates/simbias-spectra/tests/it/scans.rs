//! Whole checkpoints: which layers are found, what is flagged, and what does not change the table.

use serde_json::json;
use simbias_checkpoint::Checkpoint;
use simbias_report::{Progress, Silent};
use simbias_spectra::document::{comparison_section, spectrum_report};
use simbias_spectra::fit::{NoFit, TailRule};
use simbias_spectra::{
    Compat, KernelScale, LayerOptions, LayerOutcome, LayerTable, Role, Route, Sampling,
    ScanOptions, SpectraError, WindowOptions, block_of, compare, layers_of, scan, scan_difference,
};

use crate::sample::{gaussian, heavy, model, model_with, random, tensor};

fn scanned(checkpoint: &Checkpoint, options: &ScanOptions) -> LayerTable {
    scan(checkpoint, options, &|_| true, &Silent).unwrap()
}

fn names(checkpoint: &Checkpoint, options: &LayerOptions) -> Vec<String> {
    layers_of(checkpoint, options).0.into_iter().map(|layer| layer.name).collect()
}

#[test]
fn layers_of_a_transformer_with_reasons_for_the_rest() {
    let model = model(&[
        random("model.embed_tokens.weight", &[40, 16], 0),
        random("model.layers.0.self_attn.q_proj.weight", &[16, 16], 1),
        random("model.layers.0.mlp.down_proj.weight", &[16, 24], 2),
        random("model.layers.0.input_layernorm.weight", &[16], 3),
        random("model.layers.0.attn.mask", &[4, 4], 4),
        random("model.layers.1.self_attn.q_proj.weight", &[16, 16], 5),
        random("model.layers.1.small.weight", &[4, 16], 6),
        random("lm_head.weight", &[40, 16], 7),
    ]);
    let table = scanned(&model.checkpoint, &ScanOptions::default());
    let role = |name: &str| table.layer(name).unwrap().role;
    assert_eq!(role("model.layers.0.self_attn.q_proj.weight"), Role::Query);
    assert_eq!(role("model.layers.0.mlp.down_proj.weight"), Role::Down);
    assert_eq!(role("lm_head.weight"), Role::Head);
    let recommended: Vec<&str> = table.recommended().map(|layer| layer.name.as_str()).collect();
    assert_eq!(
        recommended,
        [
            "model.layers.0.self_attn.q_proj.weight",
            "model.layers.0.mlp.down_proj.weight",
            "model.layers.1.self_attn.q_proj.weight",
        ]
    );
    let skipped: Vec<&str> = table.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(skipped, ["model.layers.0.input_layernorm.weight", "model.layers.0.attn.mask"]);
    assert_eq!(table.blocks.len(), 2);
    assert_eq!(table.blocks[0].n_layers, 2);
}

#[test]
fn layers_stored_in_the_order_of_letters_come_in_that_of_numbers() {
    let all = |stored: &[&'static str]| {
        let tensors: Vec<_> = stored.iter().map(|name| random(name, &[8, 8], 0)).collect();
        names(&model(&tensors).checkpoint, &LayerOptions::default())
    };
    let sorted = all(&["f.0.weight", "f.10.weight", "f.2.weight", "head.weight"]);
    assert_eq!(sorted, ["f.0.weight", "f.2.weight", "f.10.weight", "head.weight"]);
    // The embedding before the blocks shows another order, but blocks are numbered.
    let of_blocks = all(&[
        "token_embd.weight",
        "blk.0.a.weight",
        "blk.10.a.weight",
        "blk.2.a.weight",
        "blk.2.b.weight",
    ]);
    assert_eq!(
        of_blocks,
        [
            "token_embd.weight",
            "blk.0.a.weight",
            "blk.2.a.weight",
            "blk.2.b.weight",
            "blk.10.a.weight"
        ]
    );
    // Nothing says that numbers are the order here.
    let own = ["f.3.weight", "a.1.weight", "f.0.weight"];
    assert_eq!(all(&own), own);
}

#[test]
fn blocks_are_the_innermost_numbered_container() {
    let containers = LayerOptions::default().block_containers;
    for (name, block) in [
        ("model.layers.3.mlp.up_proj.weight", Some("model.layers.3")),
        ("transformer.h.11.attn.c_attn.weight", Some("transformer.h.11")),
        ("bert.encoder.layer.0.output.dense.weight", Some("bert.encoder.layer.0")),
        ("blk.7.ffn_up.weight", Some("blk.7")),
        ("layer1.0.conv1.weight", Some("layer1.0")),
        ("model.layers.2.moe.experts.5.w1.weight", Some("model.layers.2")),
        ("fc.weight", None),
        ("layers.weight", None),
    ] {
        assert_eq!(block_of(name, &containers).as_deref(), block, "{name}");
    }
}

#[test]
fn gpt2_is_read_transposed_and_split_when_asked() {
    let tensors = [
        random("h.0.attn.c_attn.weight", &[12, 36], 0),
        random("h.0.attn.c_proj.weight", &[12, 12], 1),
    ];
    let model = model_with(&tensors, Some(json!({"n_head": 3})));
    let (layers, _) = layers_of(&model.checkpoint, &LayerOptions::default());
    assert_eq!(layers[0].shape, (36, 12));
    assert_eq!(layers[1].whole_matrix(), Some(true));
    let split = LayerOptions { split_fused: true, ..LayerOptions::default() };
    assert_eq!(
        names(&model.checkpoint, &split)[..3],
        [
            "h.0.attn.c_attn.weight[query]",
            "h.0.attn.c_attn.weight[key]",
            "h.0.attn.c_attn.weight[value]",
        ]
    );
    // The parts are columns of the stored tensor: their squared norms add up to the whole.
    let options = ScanOptions { layers: split, ..ScanOptions::default() };
    let norm = |table: &LayerTable, name: &str| {
        table.layer(name).unwrap().analysis().unwrap().plain.as_ref().unwrap().metrics.unwrap().norm
    };
    let (whole, parts) =
        (scanned(&model.checkpoint, &ScanOptions::default()), scanned(&model.checkpoint, &options));
    let sum: f64 = ["query", "key", "value"]
        .iter()
        .map(|part| norm(&parts, &format!("h.0.attn.c_attn.weight[{part}]")))
        .sum();
    assert!((sum / norm(&whole, "h.0.attn.c_attn.weight") - 1.0).abs() < 1e-12);
    // Linear layers under the same names are not transposed.
    let nano = crate::sample::model(&[random("h.0.attn.c_attn.weight", &[36, 12], 0)]);
    assert_eq!(layers_of(&nano.checkpoint, &LayerOptions::default()).0[0].shape, (36, 12));
}

#[test]
fn experts_tied_heads_and_low_rank_pairs() {
    let tensors = [
        random("model.layers.0.experts.weight", &[3, 10, 12], 0),
        random("model.embed_tokens.weight", &[30, 12], 1),
        random("lm_head.weight", &[30, 12], 2),
        random("model.layers.0.q_proj.lora_A.weight", &[4, 20], 3),
        random("model.layers.0.q_proj.lora_B.weight", &[15, 4], 4),
    ];
    let config = json!({"num_experts": 3, "tie_word_embeddings": true, "lora_alpha": 8});
    let model = model_with(&tensors, Some(config));
    let table = scanned(&model.checkpoint, &ScanOptions::default());
    assert!(table.layer("model.layers.0.experts.weight[2]").is_some());
    assert!(table.skipped.iter().any(|skipped| skipped.reason.contains("tied")));
    let lora = table.layer("model.layers.0.q_proj[B·A]").unwrap();
    let metrics = lora.analysis().unwrap().plain.as_ref().unwrap().metrics.unwrap();
    // ‖2·B·A‖² directly.
    let (a, b) = (&tensors[3].values, &tensors[4].values);
    let mut norm = 0.0;
    for row in 0..15 {
        for col in 0..20 {
            let value: f64 =
                (0..4).map(|k| f64::from(b[row * 4 + k]) * f64::from(a[k * 20 + col])).sum();
            norm += (2.0 * value).powi(2);
        }
    }
    assert!((metrics.norm / norm - 1.0).abs() < 1e-6);
    assert_eq!(metrics.n_eigenvalues, 4);
}

#[test]
fn odd_matrices_are_listed_with_a_reason_and_the_rest_is_measured() {
    let mut broken = gaussian(100, 1);
    broken[37] = f32::NAN;
    broken[38] = f32::INFINITY;
    let identity: Vec<f32> =
        (0..400).map(|index| if index % 21 == 0 { 1.0 } else { 0.0 }).collect();
    let model = model(&[
        tensor("broken.weight", &[10, 10], broken),
        tensor("zero.weight", &[10, 20], vec![0.0; 200]),
        tensor("orthogonal.weight", &[20, 20], identity),
        random("row.weight", &[1, 50], 2),
        random("one.weight", &[1, 1], 3),
        random("good.weight", &[30, 20], 4),
    ]);
    let table = scanned(&model.checkpoint, &ScanOptions::default());
    let LayerOutcome::Flagged(reason) = &table.layer("broken.weight").unwrap().outcome else {
        panic!("NaN weights must be flagged");
    };
    assert!(reason.contains("2 of") && reason.contains("37"), "{reason}");
    let leading = |name: &str| {
        table.layer(name).unwrap().analysis().unwrap().leading().unwrap().leading().copied()
    };
    assert_eq!(leading("zero.weight"), Err(NoFit::TooFew));
    assert_eq!(leading("orthogonal.weight"), Err(NoFit::Flat));
    assert_eq!(leading("row.weight"), Err(NoFit::TooFew));
    assert_eq!(leading("one.weight"), Err(NoFit::TooFew));
    assert!(leading("good.weight").is_ok());
    let zero = table.layer("zero.weight").unwrap().analysis().unwrap().plain.as_ref().unwrap();
    assert_eq!((zero.rank, zero.rank_loss, zero.metrics), (0, 10, None));
    // All of it can be written down.
    let report = spectrum_report(&table);
    assert!(report.to_json().contains("flat spectrum"));
    assert_eq!(simbias_report::Report::from_json(&report.to_json()).unwrap().title, report.title);
}

#[test]
fn a_low_rank_matrix_loses_rank_and_keeps_its_exponent() {
    let (a, b) = (heavy(60 * 12, 1), gaussian(12 * 40, 2));
    let product: Vec<f32> = (0..60 * 40)
        .map(|index| (0..12).map(|k| a[index / 40 * 12 + k] * b[k * 40 + index % 40]).sum())
        .collect();
    let model = model(&[tensor("w.weight", &[60, 40], product)]);
    let table =
        scanned(&model.checkpoint, &ScanOptions { windows: None, ..ScanOptions::default() });
    let plain = table.layers[0].analysis().unwrap().plain.as_ref().unwrap();
    assert_eq!((plain.rank, plain.rank_loss), (12, 28));
    assert_eq!(plain.leading().unwrap().fit.n_tail, 6);
    // The official code fits the zeros.
    let official =
        ScanOptions { windows: None, compat: Compat::Official, ..ScanOptions::default() };
    let plain = scanned(&model.checkpoint, &official).layers[0].analysis().unwrap().plain.clone();
    let fit = plain.unwrap().leading().unwrap().fit;
    assert_eq!(fit.n_tail, 20);
    assert!(fit.exponent < 1.1, "{}", fit.exponent);
}

/// 32 bits lose most of such a spectrum, so it is computed in 64 after all; its zeros must then not be counted.
#[test]
fn a_low_rank_matrix_has_the_same_rank_in_thirty_two_bits() {
    let (rows, cols, rank) = (260, 200, 40);
    let (a, b) = (gaussian(rows * rank, 1), gaussian(rank * cols, 2));
    let product: Vec<f32> = (0..rows * cols)
        .map(|at| (0..rank).map(|k| a[at / cols * rank + k] * b[k * cols + at % cols]).sum())
        .collect();
    let model = model(&[tensor("w.weight", &[rows, cols], product)]);
    for windows in
        [WindowOptions::default(), WindowOptions { n_rows: Some(90), ..WindowOptions::default() }]
    {
        let by = |route| {
            let options = ScanOptions {
                windows: Some(windows),
                route,
                rules: vec![TailRule::Median],
                ..ScanOptions::default()
            };
            scanned(&model.checkpoint, &options).layers[0].analysis().unwrap().clone()
        };
        let (double, single) = (by(Route::Gram), by(Route::GramSingle));
        let pairs = [
            (double.plain.unwrap(), single.plain.unwrap()),
            (double.windows.unwrap().spectrum, single.windows.unwrap().spectrum),
        ];
        for (double, single) in pairs {
            assert_eq!(single.rank, double.rank);
            let (found, expected) =
                (single.leading().unwrap().fit.exponent, double.leading().unwrap().fit.exponent);
            assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}");
        }
    }
}

#[test]
fn weights_whose_squares_leave_the_range_of_numbers_are_flagged() {
    let weights = gaussian(64, 4);
    for (scale, is_flagged) in [(1e300, true), (1e-300, true), (1e100, false), (1e-100, false)] {
        let header = r#"{"w.weight":{"dtype":"F64","shape":[8,8],"data_offsets":[0,512]}}"#;
        let data = weights.iter().flat_map(|&weight| (f64::from(weight) * scale).to_le_bytes());
        let bytes = (header.len() as u64).to_le_bytes().into_iter();
        let bytes: Vec<u8> = bytes.chain(header.bytes()).chain(data).collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.safetensors");
        std::fs::write(&file, bytes).unwrap();
        let table = scanned(&Checkpoint::open(&file).unwrap(), &ScanOptions::default());
        match &table.layers[0].outcome {
            LayerOutcome::Flagged(reason) => assert!(is_flagged && reason.contains("square")),
            LayerOutcome::Analysed(analysis) => {
                assert!(!is_flagged);
                assert_eq!(analysis.plain.as_ref().unwrap().rank, 8);
            }
        }
    }
}

#[test]
fn windows_far_below_the_largest_weight_are_measured_too() {
    let mut weights = gaussian(64 * 192, 3);
    weights.iter_mut().for_each(|weight| *weight *= 1e-37);
    weights[5] = 3e38;
    let model = model(&[tensor("w.weight", &[64, 192], weights)]);
    let windows = WindowOptions { n_rows: Some(64), ..WindowOptions::default() };
    let by = |route| {
        let options = ScanOptions { windows: Some(windows), route, ..ScanOptions::default() };
        let table = scanned(&model.checkpoint, &options);
        table.layers[0].analysis().unwrap().windows.clone().unwrap().map
    };
    let (double, expected) = (by(Route::Gram), by(Route::Svd));
    for (found, expected) in double[0][1..].iter().zip(&expected[0][1..]) {
        assert!((found.unwrap() / expected.unwrap() - 1.0).abs() < 1e-9, "{found:?} {expected:?}");
    }
}

#[test]
fn threads_and_the_order_of_shards_do_not_change_the_table() {
    let tensors: Vec<_> = (0..6)
        .map(|index| {
            let names = ["a.weight", "b.weight", "c.weight", "d.weight", "e.weight", "f.weight"];
            random(names[index], &[20 + 7 * index, 31], index as u64)
        })
        .collect();
    let model = model(&tensors);
    let with = |n| ScanOptions { n_threads: Some(n), ..ScanOptions::default() };
    let mut tables: Vec<LayerTable> =
        [1, 2, 5].iter().map(|&n| scanned(&model.checkpoint, &with(n))).collect();
    for table in &mut tables {
        table.options.n_threads = None;
    }
    assert_eq!(tables[0], tables[1]);
    assert_eq!(tables[0], tables[2]);
    // The same tensors stored in another order: every row stays the same except for its place.
    let mut reversed = tensors;
    reversed.reverse();
    let other = crate::sample::model(&reversed);
    let table = scanned(&other.checkpoint, &with(2));
    for layer in &tables[0].layers {
        assert_eq!(table.layer(&layer.name).unwrap().outcome, layer.outcome);
    }
}

#[test]
fn kernels_are_scaled_as_asked_without_moving_the_exponent() {
    let model = model(&[random("conv1.weight", &[16, 12, 3, 3], 0)]);
    let with = |kernel_scale| ScanOptions { kernel_scale, ..ScanOptions::default() };
    let measured = |kernel_scale| {
        let table = scanned(&model.checkpoint, &with(kernel_scale));
        assert_eq!(table.layers[0].role, Role::Conv);
        let plain = table.layers[0].analysis().unwrap().plain.clone().unwrap();
        (plain.leading().unwrap().fit.exponent, plain.metrics.unwrap().norm)
    };
    let (exponent, norm) = measured(KernelScale::Auto);
    let (scaled_exponent, scaled_norm) = measured(KernelScale::WeightWatcher);
    assert!((exponent - scaled_exponent).abs() < 1e-9);
    assert!((scaled_norm / norm - 4.5).abs() < 1e-9);
}

#[test]
fn a_side_beyond_the_limit_is_measured_by_windows_only() {
    let model = model(&[random("w.weight", &[40, 40], 0)]);
    let windows = WindowOptions { n_rows: Some(10), ..WindowOptions::default() };
    let options = ScanOptions { max_side: 20, windows: Some(windows), ..ScanOptions::default() };
    let table = scanned(&model.checkpoint, &options);
    let analysis = table.layers[0].analysis().unwrap();
    assert!(analysis.plain.is_none());
    let windows = analysis.windows.as_ref().unwrap();
    assert_eq!((windows.n_windows, windows.n_disjoint), (16, 16));
    assert!((windows.coverage - 1.0).abs() < 1e-12);
    assert_eq!(windows.map.len(), 4);
    let tail = windows.spectrum.leading().unwrap();
    assert!(tail.jackknife_error.unwrap() > 0.0 && tail.window_deviation.unwrap() > 0.0);
}

#[test]
fn options_out_of_range_and_empty_selections_are_refused() {
    let model = model(&[random("w.weight", &[10, 10], 0)]);
    let ask = |options: ScanOptions| scan(&model.checkpoint, &options, &|_| true, &Silent);
    let no_rule = ScanOptions { rules: Vec::new(), ..ScanOptions::default() };
    assert!(matches!(ask(no_rule), Err(SpectraError::Option { .. })));
    let windows = WindowOptions { aspect_ratio: -1.0, ..WindowOptions::default() };
    let bad_ratio = ScanOptions { windows: Some(windows), ..ScanOptions::default() };
    assert!(matches!(ask(bad_ratio), Err(SpectraError::Option { .. })));
    let none = scan(&model.checkpoint, &ScanOptions::default(), &|_| false, &Silent);
    assert!(none.unwrap_err().to_string().contains("not selected"));
}

#[test]
fn a_stop_leaves_what_was_measured() {
    struct StopAtOnce;
    impl Progress for StopAtOnce {
        fn advance(&self, _done: usize, _total: usize, _remark: &str) {}

        fn wants_stop(&self) -> bool {
            true
        }
    }
    let model = model(&[random("w.weight", &[10, 10], 0)]);
    let table = scan(&model.checkpoint, &ScanOptions::default(), &|_| true, &StopAtOnce).unwrap();
    assert!(table.layers.is_empty());
}

#[test]
fn a_thin_heavy_layer_is_ranked_right_by_windows_only() {
    // P8-C3 in small: heavy-tailed 256×50 against Gaussian 128×128.
    let model = model(&[
        tensor("heavy.weight", &[256, 50], heavy(256 * 50, 3)),
        random("random.weight", &[128, 128], 4),
    ]);
    let windows = WindowOptions {
        n_rows: Some(50),
        sampling: Sampling::PerAxis(5),
        ..WindowOptions::default()
    };
    let table = scanned(
        &model.checkpoint,
        &ScanOptions { windows: Some(windows), ..ScanOptions::default() },
    );
    let exponent = |name: &str| table.layer(name).unwrap().exponent().unwrap();
    assert!(exponent("heavy.weight") < exponent("random.weight"));
    let plain = |name: &str| {
        let plain = table.layer(name).unwrap().analysis().unwrap().plain.clone().unwrap();
        plain.by_rule(TailRule::Median).unwrap().unwrap().fit.exponent
    };
    assert!(plain("heavy.weight") > plain("random.weight"));
}

#[test]
fn two_checkpoints_are_compared_layer_by_layer() {
    let before = gaussian(40 * 30, 1);
    let step = gaussian(40 * 30, 2);
    let after: Vec<f32> = before.iter().zip(&step).map(|(w, d)| w + 0.1 * d).collect();
    let one = model(&[
        tensor("a.weight", &[40, 30], before.clone()),
        tensor("same.weight", &[30, 40], before),
        random("gone.weight", &[10, 10], 3),
    ]);
    let two = model(&[
        tensor("a.weight", &[40, 30], after),
        tensor("same.weight", &[30, 40], gaussian(40 * 30, 1)),
        random("new.weight", &[10, 10], 3),
    ]);
    let options = ScanOptions::default();
    let (before, after) = (scanned(&one.checkpoint, &options), scanned(&two.checkpoint, &options));
    let difference =
        scan_difference(&one.checkpoint, &two.checkpoint, &options, &|_| true, &Silent).unwrap();
    let found = compare(&before, &after).unwrap().with_difference(&before, &difference);
    assert_eq!(
        (found.only_before[0].as_str(), found.only_after[0].as_str()),
        ("gone.weight", "new.weight")
    );
    let change = |name: &str| found.layers.iter().find(|change| change.layer == name).unwrap();
    assert!((change("a.weight").difference.unwrap().relative_norm - 0.1).abs() < 0.01);
    assert_eq!(change("same.weight").shift, Some(0.0));
    assert!(change("same.weight").difference.is_none());
    assert_eq!(found.movers()[0].layer, "a.weight");
    assert!(!comparison_section(&found).elements.is_empty());
    let other = ScanOptions { windows: None, ..options };
    assert!(compare(&before, &scanned(&two.checkpoint, &other)).is_err());
}

#[test]
fn a_table_survives_being_written_and_read() {
    let model = model(&[random("w.weight", &[30, 20], 0), random("c.weight", &[8, 8, 3, 3], 1)]);
    let table = scanned(&model.checkpoint, &ScanOptions::default());
    let text = serde_json::to_string(&table).unwrap();
    assert_eq!(serde_json::from_str::<LayerTable>(&text).unwrap(), table);
}

#[test]
fn sums_of_gram_matrices_give_the_spectra_of_every_window_and_of_the_whole() {
    // Wide with overlapping strips, tall, windows along both axes, many overlapping strips, and another aspect ratio.
    let cases = [
        ((40, 110), None, 1.0, Sampling::Cover),
        ((110, 40), None, 1.0, Sampling::Cover),
        ((60, 90), Some(30), 1.0, Sampling::Cover),
        ((60, 90), Some(30), 1.0, Sampling::PerAxis(9)),
        ((60, 90), Some(20), 2.0, Sampling::PerAxis(3)),
        ((90, 60), Some(40), 0.5, Sampling::Step(7)),
    ];
    for ((rows, cols), n_rows, aspect_ratio, sampling) in cases {
        let model = model(&[random("blocks.0.fc.weight", &[rows, cols], 21)]);
        let windows = WindowOptions { n_rows, aspect_ratio, sampling, ..WindowOptions::default() };
        let by = |route| {
            let options = ScanOptions { windows: Some(windows), route, ..ScanOptions::default() };
            let table = scanned(&model.checkpoint, &options);
            table.layers[0].analysis().unwrap().clone()
        };
        let (svd, gram) = (by(Route::Svd), by(Route::Gram));
        let pairs = [
            (svd.plain.unwrap(), gram.plain.unwrap()),
            (svd.windows.unwrap().spectrum, gram.windows.unwrap().spectrum),
        ];
        for (svd, gram) in pairs {
            let (a, b) =
                (svd.leading().unwrap().fit.exponent, gram.leading().unwrap().fit.exponent);
            assert!((a - b).abs() < 1e-8, "{rows}x{cols}: {a} {b}");
            let (a, b) = (svd.metrics.unwrap(), gram.metrics.unwrap());
            assert!((a.norm / b.norm - 1.0).abs() < 1e-12 && a.n_eigenvalues == b.n_eigenvalues);
        }
    }
}
