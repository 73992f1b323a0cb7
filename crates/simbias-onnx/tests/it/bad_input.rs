//! Files and rows that cannot work end in one message that says what to do.

use ndarray::Array2;
use proptest::prelude::*;
use simbias_data::{Layout, Scorer};
use simbias_onnx::{OnnxError, OnnxOptions, OnnxScorer, OutputMeaning};

use crate::fixture;

fn open(name: &str, layout: &Layout) -> Result<OnnxScorer, OnnxError> {
    OnnxScorer::open(&fixture(name), layout, 4)
}

fn from_bytes(bytes: &[u8]) -> Result<OnnxScorer, OnnxError> {
    OnnxScorer::from_bytes(bytes, &Layout::array(vec![5]), &OnnxOptions::default())
}

#[track_caller]
fn assert_says(error: &OnnxError, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = open("no_such_model", &Layout::array(vec![5])).unwrap_err();
    assert_says(&error, &["no_such_model.onnx"]);
}

#[test]
fn other_files_are_not_onnx() {
    for bytes in [&b""[..], b"PK\x03\x04 a zip archive", b"not a model\n", &[0xff; 64]] {
        let error = from_bytes(bytes).unwrap_err();
        assert!(matches!(error, OnnxError::NotOnnx { .. }), "{error}");
    }
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let bytes = std::fs::read(fixture("mlp_dynamic_batch")).unwrap();
    // The operator set comes last; without it the graph is whole.
    for n_bytes in 0..bytes.len() - 8 {
        let error = from_bytes(&bytes[..n_bytes]).err();
        assert!(
            matches!(error, Some(OnnxError::Damaged { .. } | OnnxError::NotOnnx { .. })),
            "{n_bytes} of {} bytes: {error:?}",
            bytes.len()
        );
    }
}

#[test]
fn an_unknown_operator_is_named_with_a_way_out() {
    let error = open("unsupported_operator", &Layout::array(vec![5])).unwrap_err();
    assert_says(&error, &["com.example.WaveletPacket", "reliance plan", "reliance score"]);
}

#[test]
fn wrong_feature_counts_say_expected_and_found() {
    let error = open("mlp_dynamic_batch", &Layout::array(vec![7])).unwrap_err();
    assert_says(&error, &["\"x\"", "[?, 5]", "[7]", "7 values"]);
    let error = open("cnn_fixed_batch", &Layout::array(vec![2, 5, 5])).unwrap_err();
    assert_says(&error, &["[4, 2, 4, 6]", "[2, 5, 5]"]);

    let scorer = open("mlp_dynamic_batch", &Layout::array(vec![5])).unwrap();
    let error = scorer.score(Array2::zeros((2, 6)).view()).unwrap_err();
    assert!(error.to_string().contains("6 columns"), "{error}");
}

#[test]
fn inputs_and_tensors_are_matched_by_name() {
    let layout = Layout::named_tensors(vec![("image".into(), vec![4]), ("text".into(), vec![3])]);
    let error = open("two_inputs", &layout).unwrap_err();
    assert_says(&error, &["the inputs text, picture", "the tensors image, text"]);
    let layout = Layout::named_tensors(vec![
        ("text".into(), vec![3]),
        ("picture".into(), vec![4]),
        ("sound".into(), vec![2]),
    ]);
    assert_says(&open("two_inputs", &layout).unwrap_err(), &["sound"]);
    assert!(open("two_inputs", &Layout::array(vec![7])).is_err());
}

#[test]
fn outputs_are_chosen_by_name_when_several_could_be_meant() {
    let layout = Layout::array(vec![5]);
    // One is called "logits", which settles it.
    assert_eq!(open("mlp_two_outputs", &layout).unwrap().output(), "logits");
    let asked = |output: &str| {
        let options = OnnxOptions { output: Some(output.into()), ..OnnxOptions::default() };
        OnnxScorer::open_with(&fixture("mlp_two_outputs"), &layout, &options)
    };
    assert_eq!(asked("rectified").unwrap().output(), "rectified");
    assert_says(&asked("scores").unwrap_err(), &["\"scores\"", "logits, rectified"]);
}

#[test]
fn class_labels_are_not_scores() {
    let error = open("labels_only", &Layout::array(vec![5])).unwrap_err();
    assert_says(&error, &["\"label\"", "int64"]);
    let options = OnnxOptions { output: Some("label".into()), ..OnnxOptions::default() };
    let error =
        OnnxScorer::open_with(&fixture("sklearn_logistic"), &Layout::array(vec![4]), &options)
            .unwrap_err();
    assert_says(&error, &["\"label\"", "probabilities"]);
}

#[test]
fn token_inputs_take_whole_numbers_only() {
    let scorer = open("token_input", &Layout::array(vec![1])).unwrap();
    assert_eq!(scorer.score(ndarray::array![[0.0], [1.0]].view()).unwrap().nrows(), 2);
    let error = scorer.score(ndarray::array![[0.5]].view()).unwrap_err().to_string();
    assert!(error.contains("\"ids\"") && error.contains("whole numbers"), "{error}");
}

#[test]
fn logits_taken_for_probabilities_are_noticed() {
    let options = OnnxOptions { meaning: OutputMeaning::Probabilities, ..OnnxOptions::default() };
    let layout = Layout::array(vec![5]);
    let scorer = OnnxScorer::open_with(&fixture("mlp_dynamic_batch"), &layout, &options).unwrap();
    let error = scorer.score(Array2::from_elem((1, 5), 100.0).view()).unwrap_err();
    assert!(error.to_string().contains("logits"), "{error}");
}

#[test]
fn a_batch_of_no_rows_is_refused() {
    let error =
        OnnxScorer::open(&fixture("mlp_dynamic_batch"), &Layout::array(vec![5]), 0).unwrap_err();
    assert!(matches!(error, OnnxError::EmptyBatch));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a bit flip does to a model, opening it ends in a scorer or an error.
    #[test]
    fn damaged_bytes_never_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        model in 0_usize..5,
    ) {
        let (name, shape) = [
            ("cnn_free_sizes", vec![2, 4, 6]),
            ("mlp_softmax", vec![5]),
            ("exports/gradient_boosting", vec![4]),
            ("exports/calibrated", vec![4]),
            ("exports/forest_regressor", vec![3]),
        ][model].clone();
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        for (index, value) in flips {
            let index = index.index(bytes.len());
            bytes[index] ^= value;
        }
        let options = OnnxOptions { batch: 2, ..OnnxOptions::default() };
        let n_features = shape.iter().product();
        if let Ok(scorer) = OnnxScorer::from_bytes(&bytes, &Layout::array(shape), &options) {
            let _ = scorer.score(Array2::zeros((3, n_features)).view());
            let _ = scorer.classes();
        }
    }
}
