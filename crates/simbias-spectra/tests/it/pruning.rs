//! Pruning cores against each other and by hand, and pruned checkpoints on disk.

use proptest::prelude::*;
use simbias_checkpoint::Checkpoint;
use simbias_spectra::document::pruning_section;
use simbias_spectra::prune::{
    Export, InputStatistics, Pattern, SparseGptOptions, WeightMatrix, magnitude, outlier_share,
    sparsegpt, wanda, write_pruned,
};
use simbias_spectra::{LayerOptions, SpectraError, layers_of};

use crate::sample::{gaussian, model, random, tensor};

fn weights(n_rows: usize, n_cols: usize, index: u64) -> WeightMatrix {
    let values = gaussian(n_rows * n_cols, index);
    WeightMatrix { layer: "w".into(), n_rows, n_cols, values }
}

fn ones(n: usize) -> InputStatistics {
    let identity: Vec<f64> =
        (0..n * n).map(|index| if index % (n + 1) == 0 { 1.0 } else { 0.0 }).collect();
    InputStatistics::from_parts(vec![1.0; n], Some(&identity)).unwrap()
}

#[test]
fn statistics_of_two_sequences_by_hand() {
    let mut statistics = InputStatistics::new(2, true);
    statistics.add_sequence(&[1.0, 2.0, 3.0, 0.0]);
    statistics.add_sequence(&[0.0, 2.0]);
    assert_eq!(statistics.scales(), [5.0, 4.0]);
    assert_eq!(statistics.n_sequences(), 2);
}

#[test]
fn wanda_by_hand() {
    // Scores of the first row: 3·1, 2·2, 1·4; of the second: 1, 2, 2 (a tie, the first goes).
    let mut matrix = WeightMatrix {
        layer: "w".into(),
        n_rows: 2,
        n_cols: 3,
        values: vec![3.0, -2.0, 1.0, 2.0, -1.0, 0.5],
    };
    let statistics = InputStatistics::from_parts(vec![1.0, 4.0, 16.0], None).unwrap();
    wanda(&mut matrix, &statistics, Pattern::Share(0.4)).unwrap();
    assert_eq!(matrix.values, [0.0, -2.0, 1.0, 0.0, -1.0, 0.5]);
    let share = outlier_share(&[(&matrix, &statistics)], 1.5).unwrap();
    assert!((share - 2.0 / 6.0).abs() < 1e-12);
}

#[test]
fn inputs_that_were_never_active_lose_their_weights() {
    let mut statistics = InputStatistics::new(4, true);
    for index in 0..20 {
        let mut row = gaussian(4, index);
        row[2] = 0.0;
        statistics.add_sequence(&row);
    }
    let mut matrix = weights(6, 4, 1);
    sparsegpt(&mut matrix, &statistics, Pattern::Share(0.3), SparseGptOptions::default()).unwrap();
    assert!(matrix.values.chunks(4).all(|row| row[2] == 0.0));
}

#[test]
fn sparsegpt_loses_less_output_than_magnitude_on_correlated_inputs() {
    let n = 24;
    let mixing = gaussian(n * n, 5);
    let mut statistics = InputStatistics::new(n, true);
    let mut inputs = Vec::new();
    for index in 0..200 {
        let draw = gaussian(n, 1000 + index);
        let row: Vec<f32> = (0..n)
            .map(|i| draw[i] * 0.3 + (0..4).map(|j| mixing[i * n + j] * draw[j]).sum::<f32>())
            .collect();
        statistics.add_sequence(&row);
        inputs.push(row);
    }
    let dense = weights(16, n, 6);
    let error = |pruned: &WeightMatrix| -> f64 {
        inputs
            .iter()
            .flat_map(|x| {
                pruned.values.chunks(n).zip(dense.values.chunks(n)).map(move |(pruned, dense)| {
                    let lost: f32 =
                        x.iter().zip(pruned.iter().zip(dense)).map(|(x, (p, d))| x * (p - d)).sum();
                    f64::from(lost).powi(2)
                })
            })
            .sum()
    };
    let (mut by_magnitude, mut by_sparsegpt) = (dense.clone(), dense.clone());
    magnitude(&mut by_magnitude, Pattern::Share(0.5)).unwrap();
    sparsegpt(&mut by_sparsegpt, &statistics, Pattern::Share(0.5), SparseGptOptions::default())
        .unwrap();
    assert!(error(&by_sparsegpt) < 0.5 * error(&by_magnitude));
}

#[test]
fn products_that_stay_singular_are_refused_and_damping_is_reported() {
    // Without damping, products of rank 2 have no inverse; raising zero stays zero.
    let mut statistics = InputStatistics::new(5, true);
    statistics.add_sequence(&gaussian(10, 1));
    let none = SparseGptOptions { damping: 0.0, ..SparseGptOptions::default() };
    let result = sparsegpt(&mut weights(3, 5, 2), &statistics, Pattern::Share(0.5), none);
    assert!(matches!(result, Err(SpectraError::NotPositiveDefinite { .. })) || result.is_ok());
    let damping = sparsegpt(
        &mut weights(3, 5, 2),
        &statistics,
        Pattern::Share(0.5),
        SparseGptOptions::default(),
    );
    assert_eq!(damping.unwrap(), 0.01);
}

#[test]
fn patterns_and_statistics_that_do_not_fit_are_refused() {
    let refused =
        |result: Result<(), SpectraError>| matches!(result, Err(SpectraError::Mismatch { .. }));
    assert!(refused(magnitude(&mut weights(4, 6, 1), Pattern::Share(1.0))));
    assert!(refused(magnitude(&mut weights(4, 6, 1), Pattern::Share(f64::NAN))));
    assert!(refused(magnitude(&mut weights(4, 6, 1), Pattern::Groups { zeros: 2, of: 4 })));
    assert!(refused(magnitude(&mut weights(4, 6, 1), Pattern::Groups { zeros: 3, of: 3 })));
    assert!(refused(wanda(&mut weights(4, 6, 1), &ones(5), Pattern::Share(0.5))));
    let scales_only = InputStatistics::from_parts(vec![1.0; 6], None).unwrap();
    let options = SparseGptOptions::default();
    assert!(sparsegpt(&mut weights(4, 6, 1), &scales_only, Pattern::Share(0.5), options).is_err());
    assert!(InputStatistics::from_parts(vec![1.0; 3], Some(&[0.0; 4])).is_none());
}

#[test]
fn a_pruned_checkpoint_is_reloaded_with_everything_else_untouched() {
    let model = model(&[
        random("layers.0.up.weight", &[16, 24], 1),
        random("layers.0.norm.weight", &[16], 2),
        random("conv.weight", &[8, 9, 3, 3], 3),
        random("embed_tokens.weight", &[20, 16], 4),
    ]);
    std::fs::write(model.folder.path().join("tokenizer.json"), "{}").unwrap();
    let (layers, _) = layers_of(&model.checkpoint, &LayerOptions::default());
    let chosen: Vec<_> =
        layers.into_iter().filter(|layer| layer.not_recommended.is_none()).collect();
    assert_eq!(chosen.len(), 2);
    let out = model.folder.path().join("out");
    let settings = serde_json::json!({"method": "magnitude", "target": 0.5});
    let report = write_pruned(
        &model.checkpoint,
        &chosen,
        &out,
        settings,
        Export::default(),
        |_, weights| magnitude(weights, Pattern::Share(0.5)),
    )
    .unwrap();
    assert!((report.realised - 0.5).abs() < 0.01);
    assert!(!pruning_section(&report).elements.is_empty());
    let written: simbias_spectra::prune::PruningReport =
        serde_json::from_slice(&std::fs::read(out.join("pruning_report.json")).unwrap()).unwrap();
    assert_eq!(written, report);
    assert!(out.join("tokenizer.json").is_file());
    let pruned = Checkpoint::open(&out).unwrap();
    for (index, tensor) in model.checkpoint.tensors().iter().enumerate() {
        let before = model.checkpoint.read(index).unwrap().into_f32();
        let after = pruned.read(pruned.find(&tensor.name).unwrap().0).unwrap().into_f32();
        if chosen.iter().any(|layer| layer.tensors.contains(&tensor.name)) {
            let zeros = after.iter().filter(|&&value| value == 0.0).count();
            assert_eq!(zeros, after.len() / 2 + 1, "{}", tensor.name);
            assert!(
                before.iter().zip(&after).all(|(before, after)| *after == 0.0 || before == after)
            );
        } else {
            assert_eq!(before, after, "{}", tensor.name);
        }
    }
    // A method that fails leaves nothing behind.
    let failed = model.folder.path().join("failed");
    let result = write_pruned(
        &model.checkpoint,
        &chosen,
        &failed,
        serde_json::Value::Null,
        Export::default(),
        |_, weights| magnitude(weights, Pattern::Share(2.0)),
    );
    assert!(result.is_err() && !failed.exists());
}

#[test]
fn parts_of_a_stored_tensor_are_pruned_in_place() {
    let model = model(&[random("h.0.attn.c_attn.weight", &[12, 36], 0)]);
    std::fs::write(model.folder.path().join("config.json"), r#"{"n_head": 3}"#).unwrap();
    let checkpoint = Checkpoint::open(&model.folder.path().join("model.safetensors")).unwrap();
    let options = LayerOptions { split_fused: true, ..LayerOptions::default() };
    let (layers, _) = layers_of(&checkpoint, &options);
    let keys = vec![layers[1].clone()];
    let out = model.folder.path().join("out");
    write_pruned(
        &checkpoint,
        &keys,
        &out,
        serde_json::Value::Null,
        Export::default(),
        |_, weights| {
            assert_eq!((weights.n_rows, weights.n_cols), (12, 12));
            weights.values.fill(0.0);
            Ok::<_, SpectraError>(())
        },
    )
    .unwrap();
    let after = Checkpoint::open(&out).unwrap().read(0).unwrap().into_f32();
    for row in after.chunks(36) {
        // Stored with inputs as rows: the keys are the middle third of the columns.
        assert!(row[12..24].iter().all(|&value| value == 0.0));
        assert!(row[..12].iter().chain(&row[24..]).all(|&value| value != 0.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn realised_shares_are_within_one_weight(
        rows in 1_usize..20,
        cols in 1_usize..30,
        share in 0.01_f64..0.99,
        index in any::<u64>(),
        has_ties in any::<bool>(),
    ) {
        let mut matrix = weights(rows, cols, index);
        if has_ties {
            matrix.values.iter_mut().for_each(|value| *value = (*value * 2.0).round() / 2.0 + 10.0);
        }
        let n = matrix.values.len() as f64;
        magnitude(&mut matrix, Pattern::Share(share)).unwrap();
        prop_assert!((matrix.n_zeros() as f64 - n * share).abs() <= 1.0);
    }

    #[test]
    fn groups_hold_exactly_their_zeros(rows in 1_usize..8, groups in 1_usize..8, index in any::<u64>()) {
        let pattern = Pattern::Groups { zeros: 2, of: 4 };
        let cols = 4 * groups;
        let statistics = ones(cols);
        for method in 0..3 {
            let mut matrix = weights(rows, cols, index);
            match method {
                0 => magnitude(&mut matrix, pattern).unwrap(),
                1 => wanda(&mut matrix, &statistics, pattern).unwrap(),
                _ => {
                    let options = SparseGptOptions { block: 6, ..SparseGptOptions::default() };
                    sparsegpt(&mut matrix, &statistics, pattern, options).unwrap();
                }
            }
            for group in matrix.values.chunks(4) {
                prop_assert_eq!(group.iter().filter(|&&value| value == 0.0).count(), 2);
            }
        }
    }

    #[test]
    fn without_information_about_inputs_all_methods_are_magnitude(
        rows in 1_usize..12,
        cols in 2_usize..40,
        share in 0.05_f64..0.95,
        index in any::<u64>(),
    ) {
        let statistics = ones(cols);
        let dense = weights(rows, cols, index);
        let (mut by_magnitude, mut by_sparsegpt) = (dense.clone(), dense.clone());
        magnitude(&mut by_magnitude, Pattern::Share(share)).unwrap();
        sparsegpt(&mut by_sparsegpt, &statistics, Pattern::Share(share), SparseGptOptions::default()).unwrap();
        // One block covers all inputs here.
        for (found, expected) in by_sparsegpt.values.iter().zip(&by_magnitude.values) {
            prop_assert!((found - expected).abs() < 1e-5);
            prop_assert_eq!(*found == 0.0, *expected == 0.0);
        }
        let mut by_wanda = dense.clone();
        wanda(&mut by_wanda, &statistics, Pattern::Share(share)).unwrap();
        let n_zeros = (cols as f64 * share) as usize;
        for (row, dense) in by_wanda.values.chunks(cols).zip(dense.values.chunks(cols)) {
            let mut sorted: Vec<f32> = dense.iter().map(|value| value.abs()).collect();
            sorted.sort_by(f32::total_cmp);
            prop_assert_eq!(row.iter().filter(|&&value| value == 0.0).count(), n_zeros);
            let smallest_kept =
                row.iter().filter(|&&value| value != 0.0).map(|value| value.abs()).fold(f32::MAX, f32::min);
            prop_assert!(n_zeros == 0 || smallest_kept >= sorted[n_zeros - 1]);
        }
    }
}

/// A GGUF file whose tensors `names`, all of 8 × 8, lie in the same place.
fn tied(names: &[&str]) -> Vec<u8> {
    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend((names.len() as u64).to_le_bytes());
    file.extend(0_u64.to_le_bytes());
    for name in names {
        file.extend((name.len() as u64).to_le_bytes());
        file.extend(name.as_bytes());
        file.extend(2_u32.to_le_bytes());
        file.extend([8_u64, 8].iter().flat_map(|length| length.to_le_bytes()));
        // 32-bit floats from the first byte of the data on.
        file.extend(0_u32.to_le_bytes());
        file.extend(0_u64.to_le_bytes());
    }
    file.resize(file.len().next_multiple_of(32), 0);
    file.extend(gaussian(64, 9).iter().flat_map(|value| value.to_le_bytes()));
    file
}

#[test]
fn tied_tensors_are_pruned_together_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.gguf");
    std::fs::write(&file, tied(&["layers.0.fc.weight", "layers.1.fc.weight"])).unwrap();
    let checkpoint = Checkpoint::open(&file).unwrap();
    let (layers, _) = layers_of(&checkpoint, &LayerOptions::default());
    assert_eq!(layers.len(), 1, "a tied tensor is one layer");
    let out = folder.path().join("out");
    let report = write_pruned(
        &checkpoint,
        &layers,
        &out,
        serde_json::Value::Null,
        Export::default(),
        |_, weights| magnitude(weights, Pattern::Share(0.5)),
    )
    .unwrap();
    assert_eq!((report.layers.len(), report.layers[0].zeros_after), (1, 33));
    let written = Checkpoint::open(&out).unwrap();
    let read = |name: &str| written.read(written.find(name).unwrap().0).unwrap();
    assert_eq!(read("layers.0.fc.weight"), read("layers.1.fc.weight"));
}

#[test]
fn weights_that_are_not_finite_are_not_pruned() {
    let mut values = gaussian(256, 5);
    values[7] = f32::NAN;
    let model = model(&[tensor("layers.0.fc.weight", &[16, 16], values)]);
    let (layers, _) = layers_of(&model.checkpoint, &LayerOptions::default());
    let out = model.folder.path().join("out");
    let error = write_pruned(
        &model.checkpoint,
        &layers,
        &out,
        serde_json::Value::Null,
        Export::default(),
        |_, weights| magnitude(weights, Pattern::Share(0.5)),
    )
    .unwrap_err();
    assert!(error.to_string().contains("1 of its weights are not finite, the first at index 7"));
    assert!(!out.exists());
}

#[cfg(unix)]
#[test]
fn a_read_only_checkpoint_becomes_one_that_can_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let model = model(&[random("layers.0.fc.weight", &[16, 16], 1)]);
    let source = model.checkpoint.files()[0].clone();
    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o444)).unwrap();
    let (layers, _) = layers_of(&model.checkpoint, &LayerOptions::default());
    let out = model.folder.path().join("out");
    write_pruned(
        &model.checkpoint,
        &layers,
        &out,
        serde_json::Value::Null,
        Export::default(),
        |_, weights| magnitude(weights, Pattern::Share(0.5)),
    )
    .unwrap();
    let written = out.join(source.file_name().unwrap());
    assert_eq!(std::fs::metadata(written).unwrap().permissions().mode() & 0o200, 0o200);
}

/// Outliers are counted against the mean of the whole block, not of each layer.
#[test]
fn outliers_are_those_of_the_block() {
    let matrix = |values: Vec<f32>| WeightMatrix {
        layer: "layer".into(),
        n_rows: 1,
        n_cols: values.len(),
        values,
    };
    let (small, large) = (matrix(vec![1.0; 4]), matrix(vec![10.0; 4]));
    let statistics = InputStatistics::from_parts(vec![1.0; 4], None).unwrap();
    let share = |layers: &[&WeightMatrix]| {
        let scored: Vec<_> = layers.iter().map(|layer| (*layer, &statistics)).collect();
        outlier_share(&scored, 1.5).unwrap()
    };
    assert_eq!((share(&[&small]), share(&[&large])), (0.0, 0.0));
    // The mean score of both is 5.5.
    assert_eq!(share(&[&small, &large]), 0.5);
}
