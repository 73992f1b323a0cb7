//! Exports of scikit-learn and XGBoost against what ONNX Runtime gives for them.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use ndarray::Array2;
use serde::Deserialize;
use simbias_data::{Layout, Scorer};
use simbias_onnx::{OnnxError, OnnxOptions, OnnxScorer, Runtime, RuntimeChoice, ScoreSource};

use crate::fixture;

#[derive(Deserialize)]
struct Export {
    columns: Vec<String>,
    rows: Vec<Vec<Option<f32>>>,
    outputs: Vec<Vec<f64>>,
}

impl Export {
    fn rows(&self) -> Array2<f32> {
        let values = self.rows.iter().flatten().map(|value| value.unwrap_or(f32::NAN)).collect();
        Array2::from_shape_vec((self.rows.len(), self.columns.len()), values).unwrap()
    }

    fn layout(&self) -> Layout {
        Layout::table(self.columns.clone())
    }
}

fn exports() -> BTreeMap<String, Export> {
    let path = fixture("exports/x").with_file_name("expected.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn open(name: &str, layout: &Layout, options: &OnnxOptions) -> Result<OnnxScorer, OnnxError> {
    let path = fixture(&format!("exports/{}", name.trim_end_matches(".onnx")));
    OnnxScorer::open_with(&path, layout, options)
}

/// An installed ONNX Runtime, if the caller names one.
fn library() -> Option<PathBuf> {
    std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from)
}

#[track_caller]
fn assert_agree(name: &str, export: &Export, scorer: &OnnxScorer) {
    let scores = scorer.score(export.rows().view()).unwrap();
    for (row, expected) in export.outputs.iter().enumerate() {
        // The file's margins of two classes have the wrong sign: its own label goes to the lower one.
        let sign = if name == "svc.onnx" { -1.0 } else { 1.0 };
        let found: Vec<f64> = scores.row(row).iter().map(|&score| f64::from(score)).collect();
        // Scores of classifiers are logits: a softmax or sigmoid gives the file's probabilities back.
        let found = match scorer.source() {
            ScoreSource::AsGiven => found,
            ScoreSource::LogProbabilities | ScoreSource::BeforeSoftmax => {
                let total: f64 = found.iter().map(|score| score.exp()).sum();
                found.iter().map(|score| score.exp() / total).collect()
            }
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(expected.iter().map(|value| sign * value)) {
            let close = (found - expected).abs() <= 2e-5 * (1.0 + expected.abs());
            assert!(close, "{name}, row {row}: {found} instead of {expected}");
        }
    }
}

#[test]
fn d17_the_embedded_runtime_runs_every_export_but_support_vectors() {
    let embedded =
        OnnxOptions { runtime: RuntimeChoice::Embedded, batch: 5, ..OnnxOptions::default() };
    let exports = exports();
    assert_eq!(exports.len(), 13);
    for (name, export) in &exports {
        let opened = open(name, &export.layout(), &embedded);
        if name == "svc.onnx" {
            let message = opened.unwrap_err().to_string();
            assert!(message.contains("SVMClassifier"), "{message}");
            assert!(message.contains("pip install onnxruntime"), "{message}");
            continue;
        }
        let scorer = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(scorer.runtime(), Runtime::Embedded);
        assert_agree(name, export, &scorer);
    }
}

#[test]
fn d17_onnx_runtime_runs_every_export() {
    let Some(library) = library() else {
        println!("skipped: ORT_DYLIB_PATH names no ONNX Runtime");
        return;
    };
    for runtime in [RuntimeChoice::OnnxRuntime, RuntimeChoice::Auto] {
        let options =
            OnnxOptions { runtime, library: Some(library.clone()), ..OnnxOptions::default() };
        for (name, export) in &exports() {
            let scorer = open(name, &export.layout(), &options)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let is_embedded = scorer.runtime() == Runtime::Embedded;
            let expected = runtime == RuntimeChoice::Auto && name != "svc.onnx";
            assert_eq!(is_embedded, expected, "{name}");
            assert_agree(name, export, &scorer);
        }
    }
}

#[test]
fn d17_a_runtime_that_is_not_there_is_told() {
    let exports = exports();
    let layout = exports["svc.onnx"].layout();
    let without = OnnxOptions { runtime: RuntimeChoice::OnnxRuntime, ..OnnxOptions::default() };
    let message = open("svc", &layout, &without).unwrap_err().to_string();
    assert!(message.contains("pip install onnxruntime"), "{message}");
}

#[test]
fn d17_columns_are_found_by_name_in_any_order() {
    let exports = exports();
    let export = &exports["named_columns.onnx"];
    let options = OnnxOptions { runtime: RuntimeChoice::Embedded, ..OnnxOptions::default() };
    let scorer = open("named_columns", &export.layout(), &options).unwrap();
    let expected = scorer.score(export.rows().view()).unwrap();
    // A further column, another order, and names as they were before the export replaced blanks.
    let names = ["age", "mean smoothness", "Mean Concavity", "mean radius", "mean texture"];
    let layout = Layout::table(names.map(String::from).to_vec());
    let mut rows = Array2::from_elem((export.rows.len(), 5), 77.0);
    for (to, from) in [(1, 2), (2, 3), (3, 0), (4, 1)] {
        rows.column_mut(to).assign(&export.rows().column(from));
    }
    let scorer = open("named_columns", &layout, &options).unwrap();
    assert_eq!(scorer.score(rows.view()).unwrap(), expected);
    let other = Layout::table(["a", "b", "c", "d"].map(String::from).to_vec());
    let message = open("named_columns", &other, &options).unwrap_err().to_string();
    assert!(
        message.contains("the columns a, b, c, d") && message.contains("mean_radius"),
        "{message}"
    );
}

#[test]
fn d17_fractions_are_no_whole_numbers() {
    let exports = exports();
    let export = &exports["int64.onnx"];
    let scorer = open("int64", &export.layout(), &OnnxOptions::default()).unwrap();
    let error = scorer.score((export.rows() + 0.5).view()).unwrap_err().to_string();
    assert!(error.contains("whole numbers"), "{error}");
}

#[test]
fn d14_files_tell_the_order_of_their_classes() {
    let exports = exports();
    let classes = |name: &str, layout: &Layout| {
        let options = OnnxOptions { library: library(), ..OnnxOptions::default() };
        open(name, layout, &options).unwrap().classes().map(<[String]>::to_vec)
    };
    let layout = exports["tree_ok.onnx"].layout();
    let two = |names: [&str; 2]| Some(names.map(String::from).to_vec());
    assert_eq!(classes("forest_text_labels", &layout), two(["ben", "mal"]));
    assert_eq!(classes("logistic_text_labels", &layout), two(["ben", "mal"]));
    for name in ["calibrated", "naive_bayes", "xgboost"] {
        assert_eq!(classes(name, &layout), two(["0", "1"]), "{name}");
    }
    let twelve: Vec<String> = (0..12).map(|class| class.to_string()).collect();
    assert_eq!(classes("cls12", &Layout::array(vec![8])), Some(twelve));
    assert_eq!(classes("forest_regressor", &exports["forest_regressor.onnx"].layout()), None);
}
