//! Classes of few rows.

use ndarray::{Array2, ArrayView2};
use simbias_data::{ClassLabels, Dataset, Scorer, ScorerError, Target};
use simbias_reliance::RelianceOptions;
use simbias_stats::wilson_interval;

use crate::samples::{Model, classes, dataset, quick, run, split_blocks, uniform};

#[test]
fn few_rows_of_a_class_get_wilsons_interval() {
    for (n_positive, level) in [(1, 0.95), (2, 0.95), (10, 0.9), (29, 0.95)] {
        let rows = uniform(43, 200, 4);
        let mut indices = vec![0; 200];
        indices[..n_positive].fill(1);
        let mut data = Dataset { target: classes(indices), ..dataset(rows, |_| true) };
        for row in 0..n_positive {
            data.rows[[row, 0]] += 1.2;
        }
        let model = Model(|row: &[f32]| row[0]);
        let options = RelianceOptions { level, ..quick() };
        let outcome = run(&model, &data, &split_blocks(4), &options, 1).unwrap();
        let standard = &outcome.standard.metric;
        assert!(standard.value < 1.0 && standard.value > 0.6, "{}", standard.value);
        assert!(!outcome.standard.degenerate || n_positive == 1);
        let wilson = wilson_interval(standard.value, n_positive as f64, level).unwrap();
        assert!(
            (standard.low - wilson.0).abs() < 1e-12 && (standard.high - wilson.1).abs() < 1e-12
        );
        // A drop is no more certain than the rows allow; scores that do not move are still an exact zero.
        let first = outcome.block("first").unwrap();
        let least = 1.0 - wilson_interval(1.0, n_positive as f64, level).unwrap().0;
        assert!(first.drop.high - first.drop.value >= least - 1e-12);
        assert_eq!(outcome.block("second").unwrap().drop.value, 0.0);
        let few = outcome.caveats.iter().find(|caveat| caveat.kind == "few-rows").unwrap();
        assert!(few.message.contains(&format!("\"yes\" has {n_positive} row")), "{}", few.message);
    }
}

#[test]
fn classes_of_one_row_are_left_out_by_name() {
    let rows = uniform(45, 120, 4);
    let indices = (0..120).map(|row| if row == 7 { 2 } else { u32::from(row % 2 == 0) }).collect();
    let names = vec!["a".into(), "b".into(), "rare".into()];
    let data = Dataset {
        target: Target::Classes(ClassLabels { indices, names }),
        ..dataset(rows, |_| true)
    };
    struct Logits;
    impl Scorer for Logits {
        fn n_outputs(&self) -> usize {
            3
        }
        fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
            Ok(rows.slice(ndarray::s![.., ..3]).to_owned())
        }
    }
    let outcome = run(&Logits, &data, &split_blocks(4), &quick(), 1).unwrap();
    let found = outcome.caveats.iter().find(|caveat| caveat.kind == "classes-left-out").unwrap();
    assert!(found.message.contains("\"rare\" (1)"), "{}", found.message);
    assert!(outcome.caveats.iter().all(|caveat| caveat.kind != "few-rows"));
}
