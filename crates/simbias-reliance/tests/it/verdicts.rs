//! When a verdict is given, which, and when it is withheld.

use rand::RngExt;
use simbias_data::transform::Identity;
use simbias_data::{Dataset, Stratum};
use simbias_reliance::document::plain_summary;
use simbias_reliance::{
    Block, BlockSet, BlockVerdict, DonorMode, RelianceOptions, RelianceOutcome, compare, measure,
};
use simbias_report::Silent;
use simbias_stats::Seed;

use crate::samples::{Model, classes, dataset, quick, run, split_blocks, uniform};

#[test]
fn a_model_of_one_block_is_exclusive_and_swapping_it_reverses_its_accuracy() {
    let data = dataset(uniform(17, 2000, 4), |row| row[0] > 0.0);
    let model = Model(|row: &[f32]| 5.0 * row[0]);
    let outcome = run(&model, &data, &split_blocks(4), &quick(), 7).unwrap();
    let first = outcome.block("first").unwrap();
    assert_eq!(first.verdict, Some(BlockVerdict::Exclusive));
    assert!(first.necessity.as_ref().unwrap().value > 0.9);
    assert_eq!(outcome.block("second").unwrap().verdict, Some(BlockVerdict::Unused));
    assert_eq!(outcome.block("second").unwrap().randomized.shift.value, 0.0);
    // Its predictions follow the block, so on swapped rows it is right as often as it was wrong.
    assert_eq!(first.conflict.as_ref().unwrap().accuracy.value, 0.0);
    assert_eq!(outcome.block("second").unwrap().conflict.as_ref().unwrap().accuracy.value, 1.0);
}

#[test]
fn swap_accuracy_is_the_error_on_the_other_class() {
    // Errors of 10 % on class 0 and 30 % on class 1, decided by the first block.
    let rows = uniform(19, 6000, 2);
    let data = dataset(rows, |row| row[0] > 0.0);
    let model = Model(|row: &[f32]| {
        let wrong = if row[0] > 0.0 { row[0] < 0.3 } else { row[0] > -0.1 };
        if (row[0] > 0.0) != wrong { 1.0 } else { -1.0 }
    });
    let options = RelianceOptions { mode: DonorMode::Swap, ..quick() };
    let blocks = BlockSet::partition(vec![Block::new("first", [0])], 2).unwrap();
    let outcome = run(&model, &data, &blocks, &options, 8).unwrap();
    let accuracy = outcome.block("first").unwrap().randomized.accuracy.as_ref().unwrap().value;
    // Class 0 rows (share .5) get class 1 blocks, called 0 with probability .3, and the reverse.
    assert!((accuracy - 0.5 * (0.3 + 0.1)).abs() < 0.015, "{accuracy}");
}

#[test]
fn two_interchangeable_blocks_are_redundant_and_needed_as_a_pair() {
    let rows = uniform(21, 3000, 2);
    let mut copied = rows.clone();
    for mut row in copied.rows_mut() {
        row[1] = row[0];
    }
    let data = dataset(copied, |row| row[0] > 0.0);
    let model = Model(|row: &[f32]| row[0].signum().max(row[1].signum()) + 0.1 * (row[0] + row[1]));
    let blocks = BlockSet::partition(vec![Block::new("a", [0]), Block::new("b", [1])], 2).unwrap();
    let options = RelianceOptions { pairs: true, ..quick() };
    let outcome = run(&model, &data, &blocks, &options, 9).unwrap();
    let pair = &outcome.pairs[0];
    assert!((pair.necessity.unwrap() - 1.0).abs() < 0.05, "{pair:?}");
    assert!(outcome.block("a").unwrap().mean_abs_correlation > 0.999);
    let off_manifold = outcome.block("a").unwrap().off_manifold_auc.unwrap();
    assert!(off_manifold > 0.95, "{off_manifold}");
    assert!(outcome.caveats.iter().any(|caveat| caveat.kind == "off-manifold"));
}

#[test]
fn a_shuffled_model_is_rarely_flagged() {
    let mut n_flags = 0;
    for trial in 0..100 {
        let data = dataset(uniform(1000 + trial, 400, 4), |row| row[3] > 0.0);
        // The score has nothing to do with the label.
        let model = Model(|row: &[f32]| row[0] + row[1]);
        let outcome = run(&model, &data, &split_blocks(4), &quick(), trial).unwrap();
        n_flags += usize::from(
            outcome.blocks.iter().any(|block| block.flags.iter().any(|flag| flag == "significant")),
        );
    }
    // α = .05 over the family of both blocks; 11 of 100 has probability .01 at .05.
    assert!(n_flags <= 11, "{n_flags} of 100 null models flagged");
}

/// Labels that lean on both columns; the model leans on the second with weight β.
fn power_trial(n_rows: usize, weight: f32, trial: u64, repeats: usize) -> RelianceOutcome {
    let rows = uniform(2000 + trial, n_rows, 2);
    let mut stream = Seed::new(trial).child("test/noise", 0).stream();
    let indices = rows
        .rows()
        .into_iter()
        .map(|row| {
            let noise = 2.0 * stream.random::<f32>() - 1.0;
            u32::from(row[0] + 0.5 * row[1] + 0.5 * noise > 0.0)
        })
        .collect();
    let data = Dataset { target: classes(indices), ..dataset(rows, |_| true) };
    let model = Model(|row: &[f32]| row[0] + weight * row[1]);
    let blocks = BlockSet::partition(vec![Block::new("a", [0]), Block::new("b", [1])], 2).unwrap();
    let options =
        RelianceOptions { repeats, complement: false, manifold: false, conflict: false, ..quick() };
    run(&model, &data, &blocks, &options, trial).unwrap()
}

#[test]
fn a_drop_of_two_points_is_found() {
    const N_TRIALS: u64 = 50;
    let mut n_to_find = 0;
    for weight in [0.0, 0.15, 0.3, 0.6, 1.0] {
        let of_b = |outcome: &RelianceOutcome| outcome.block("b").unwrap().clone();
        // Rows enough that the drop is known to about .002.
        let true_drop = of_b(&power_trial(40_000, weight, 9_000, 3)).drop.value;
        let n_found = (0..N_TRIALS)
            .map(|trial| of_b(&power_trial(2000, weight, trial, 30)))
            .filter(|block| block.flags.iter().any(|flag| flag == "significant"))
            .count();
        if weight == 0.0 {
            assert_eq!((true_drop, n_found), (0.0, 0));
        }
        if true_drop >= 0.02 {
            n_to_find += 1;
            assert!(n_found >= 45, "β {weight}, drop {true_drop:.4}: {n_found} of {N_TRIALS}");
        }
    }
    assert!(n_to_find >= 2, "the weights reach a drop of .02");
}

#[test]
fn no_signal_withholds_verdicts_and_constant_blocks_are_marked() {
    let mut rows = uniform(31, 300, 4);
    rows.column_mut(3).fill(0.25);
    let data = dataset(rows, |row| row[0] > 0.0);
    let blind = Model(|row: &[f32]| row[1]);
    let blocks =
        BlockSet::partition(vec![Block::new("used", [0, 1, 2]), Block::new("fixed", [3])], 4)
            .unwrap();
    let outcome = run(&blind, &data, &blocks, &quick(), 2).unwrap();
    assert!(!outcome.has_signal());
    assert!(
        outcome.blocks.iter().all(|block| block.verdict.is_none() && block.necessity.is_none())
    );
    assert!(outcome.caveats.iter().any(|caveat| caveat.kind == "no-signal"));
    let fixed = outcome.block("fixed").unwrap();
    assert!(fixed.flags.contains(&"constant".to_string()));
    assert_eq!(fixed.drop.value, 0.0);
}

#[test]
fn a_stochastic_model_is_noticed() {
    let data = dataset(uniform(33, 100, 2), |row| row[0] > 0.0);
    let calls = std::sync::atomic::AtomicU32::new(0);
    let model = Model(|row: &[f32]| {
        row[0] + 1e-3 * calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) as f32
    });
    let blocks = BlockSet::partition(vec![Block::new("a", [0]), Block::new("b", [1])], 2).unwrap();
    let outcome = run(&model, &data, &blocks, &quick(), 3).unwrap();
    assert!(outcome.caveats.iter().any(|caveat| caveat.kind == "stochastic-model"));
}

#[test]
fn donors_that_know_the_class_get_no_verdicts() {
    let data = dataset(uniform(47, 400, 4), |row| row[0] > 0.0);
    let model = Model(|row: &[f32]| row[0]);
    for mode in DonorMode::ALL {
        let mut data = data.clone();
        data.strata.push(Stratum {
            name: "site".into(),
            indices: (0..400).map(|row| row % 2).collect(),
            values: vec!["a".into(), "b".into()],
        });
        let options = RelianceOptions { mode, ..quick() };
        let identity = Identity::new(4);
        let measured =
            measure(&model, &data, &split_blocks(4), &identity, &options, Seed::new(1), &Silent)
                .unwrap();
        let outcome = &measured.outcome;
        let verdicts: Vec<_> = outcome.blocks.iter().map(|block| block.verdict).collect();
        let summary = plain_summary(outcome).join(" ");
        match mode {
            DonorMode::Permute | DonorMode::Independent => {
                let expected = [BlockVerdict::Exclusive, BlockVerdict::Unused];
                assert_eq!(verdicts, expected.map(Some), "{mode:?}");
            }
            DonorMode::WithinStratum => {
                let expected = [BlockVerdict::Dominant, BlockVerdict::Unused];
                assert_eq!(verdicts, expected.map(Some));
            }
            DonorMode::Swap | DonorMode::WithinClass => {
                // The noise block "keeps" all of the skill with donors of the same class.
                let noise = outcome.block("second").unwrap().sufficiency.as_ref().unwrap();
                assert!((noise.value > 0.9) == (mode == DonorMode::WithinClass), "{noise:?}");
                assert_eq!(verdicts, [None, None], "{mode:?}");
                assert!(summary.contains("Verdicts are withheld"), "{summary}");
                assert!(!summary.contains("half of the skill") && !summary.contains("leans"));
                let comparison = compare(outcome, outcome, None).unwrap();
                assert_eq!(comparison.n_sufficient, None);
                assert!(!comparison.is_more_diverse());
            }
        }
    }
}
