//! Scores against the reference evaluator of the `onnx` package, for every model in `expected.json`.

use ndarray::Array2;
use serde::Deserialize;
use simbias_data::{Layout, Scorer};
use simbias_onnx::{OnnxOptions, OnnxScorer, OutputMeaning, ScoreSource};

use crate::fixture;

#[derive(Deserialize)]
struct Expected {
    batch: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    tensors: Vec<(String, Vec<usize>)>,
    rows: Vec<Vec<f64>>,
    scores: Vec<Vec<f64>>,
    /// Expected [`ScoreSource`]; null where the exporter's version decides.
    source: Option<String>,
    output: Option<String>,
    #[serde(default)]
    channels_last: bool,
    /// Scores equal up to a constant a row: logits against log-probabilities.
    #[serde(default)]
    up_to_row_constant: bool,
    #[serde(default = "single_precision")]
    tolerance: f64,
}

/// Two f32 runtimes sum in different orders; the half-precision case brings its own.
fn single_precision() -> f64 {
    1e-5
}

impl Case {
    fn layout(&self) -> Layout {
        match self.tensors.as_slice() {
            [(_, shape)] => Layout::array(shape.clone()),
            several => Layout::named_tensors(several.to_vec()),
        }
    }

    fn rows(&self) -> Array2<f32> {
        let n_columns = self.rows[0].len();
        let values = self.rows.iter().flatten().map(|&value| value as f32).collect();
        Array2::from_shape_vec((self.rows.len(), n_columns), values).expect("rows of one length")
    }

    fn open(&self, batch: usize) -> OnnxScorer {
        let options = OnnxOptions { batch, output: self.output.clone(), ..OnnxOptions::default() };
        OnnxScorer::open_with(&fixture(&self.name), &self.layout(), &options)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

fn expected() -> Expected {
    let path = fixture("x").with_file_name("expected.json");
    let json = std::fs::read_to_string(path).expect("the fixtures are in the repository");
    serde_json::from_str(&json).expect("make.py wrote this form")
}

fn case(name: &str) -> Case {
    expected().cases.into_iter().find(|case| case.name == name).expect("a case of that name")
}

fn centred(row: &[f64]) -> Vec<f64> {
    let mean = row.iter().sum::<f64>() / row.len() as f64;
    row.iter().map(|value| value - mean).collect()
}

#[test]
fn every_model_scores_as_the_reference_evaluator() {
    let Expected { batch, cases } = expected();
    assert!(!cases.is_empty());
    for case in &cases {
        let scorer = case.open(batch);
        assert_eq!(scorer.n_outputs(), case.scores[0].len(), "{}", case.name);
        assert_eq!(scorer.inputs()[0].channels_last, case.channels_last, "{}", case.name);
        if let Some(source) = &case.source {
            let found = match scorer.source() {
                ScoreSource::AsGiven => "as_given",
                ScoreSource::BeforeSoftmax => "before_softmax",
                ScoreSource::BeforeSigmoid => "before_sigmoid",
                ScoreSource::LogProbabilities => "log_probabilities",
                other => panic!("{}: unexpected source {other:?}", case.name),
            };
            assert_eq!(found, source, "{}", case.name);
        }
        let scores = scorer.score(case.rows().view()).unwrap();
        for (row, expected) in case.scores.iter().enumerate() {
            let mut expected = expected.clone();
            let mut found: Vec<f64> = scores.row(row).iter().map(|&value| value.into()).collect();
            if case.up_to_row_constant {
                (expected, found) = (centred(&expected), centred(&found));
            }
            for (found, expected) in found.iter().zip(&expected) {
                let scale = 1.0 + expected.abs();
                assert!(
                    (found - expected).abs() <= case.tolerance * scale,
                    "{}, row {row}: {found} instead of {expected}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn scores_do_not_depend_on_the_batch_size() {
    for case in expected().cases {
        let one = case.open(1).score(case.rows().view()).unwrap();
        let four = case.open(4).score(case.rows().view()).unwrap();
        for (one, four) in one.iter().zip(&four) {
            assert!((one - four).abs() <= 2e-6 * (1.0 + one.abs()), "{}", case.name);
        }
    }
}

#[test]
fn threads_share_a_scorer() {
    let case = case("cnn_fixed_batch");
    let scorer = case.open(3);
    assert!(scorer.scores_in_parallel());
    assert!(scorer.has_fixed_batch());
    assert_eq!(scorer.batch(), 4);
    let rows = case.rows();
    let alone = scorer.score(rows.view()).unwrap();
    std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| scorer.score(rows.view()).unwrap())).collect();
        for run in runs {
            assert_eq!(run.join().unwrap(), alone);
        }
    });
}

#[test]
fn confident_rows_keep_their_ranking_through_a_softmax() {
    let case = case("mlp_softmax");
    let far = &case.rows() * 1e4;
    let scores = case.open(8).score(far.view()).unwrap();
    let mut margins: Vec<f32> = scores.rows().into_iter().map(|row| row[1] - row[0]).collect();
    margins.sort_by(f32::total_cmp);
    margins.dedup();
    assert_eq!(margins.len(), far.nrows(), "no two rows tie");
}

#[test]
fn a_caller_may_insist_on_the_values_as_they_are() {
    let case = case("mlp_softmax");
    let options =
        OnnxOptions { batch: 4, meaning: OutputMeaning::Logits, ..OnnxOptions::default() };
    let scorer = OnnxScorer::open_with(&fixture(&case.name), &case.layout(), &options).unwrap();
    assert_eq!(scorer.source(), ScoreSource::AsGiven);
    for row in scorer.score(case.rows().view()).unwrap().rows() {
        assert!((row.sum() - 1.0).abs() < 1e-6, "a softmax row sums to one");
    }
}

#[test]
fn no_rows_give_no_scores() {
    let case = case("mlp_dynamic_batch");
    let scores = case.open(4).score(Array2::zeros((0, 5)).view()).unwrap();
    assert_eq!(scores.dim(), (0, 3));
}
