//! `.npy`, `.npz` and `.safetensors`.

use simbias_data::{
    SplitOptions, Target,
    read::{ArrayValues, Features, LabelSource, Part, PartChoice, ReadOptions, Task, parse_npy},
    read_array, read_splits,
};
use tempfile::tempdir;

use super::{assert_says, classes, fixture, labelled_by, read, refusal, write};

/// Fixtures of numbers count up in C order.
#[track_caller]
fn check_counted(name: &str, shape: &[usize], step: f64) {
    let array = read_array(&fixture(name)).unwrap();
    assert_eq!(array.shape, shape);
    let expected: Vec<f64> = (0..array.values.len()).map(|i| i as f64 * step).collect();
    assert_eq!(array.to_f64().unwrap(), expected);
}

#[test]
fn npy_of_every_kind_that_numpy_writes() {
    check_counted("f4_fortran.npy", &[3, 4, 2], 0.5);
    check_counted("f8_big_endian.npy", &[3, 2], 0.5);
    check_counted("f2.npy", &[4], 0.5);
    check_counted("i2.npy", &[2, 3], 1.0);
    check_counted("u1.npy", &[4, 2, 2], 1.0);
    assert_eq!(read_array(&fixture("bool.npy")).unwrap().values, ArrayValues::Bool(vec![1, 0, 1]));
    let texts = read_array(&fixture("texts.npy")).unwrap().values;
    assert_eq!(texts, ArrayValues::Texts(["cat", "horse", "cät"].map(String::from).to_vec()));
}

#[test]
fn double_precision_is_kept() {
    let array = read_array(&fixture("f8_big_endian.npy")).unwrap();
    assert!(matches!(array.values, ArrayValues::F64(_)));
}

#[test]
fn pickled_and_complex_values_are_refused_by_name() {
    for (name, word) in [("objects.npy", "|O"), ("complex.npy", "<c16")] {
        assert_says(
            &read_array(&fixture(name)).unwrap_err().to_string(),
            &[name, word, "readable"],
        );
    }
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn absurd_shapes_are_refused_before_memory_is_taken() {
    for shape in [
        "(1099511627776,)",
        "(1099511627776, 1099511627776)",
        "(18446744073709551615, 2)",
        "(0, 9223372036854775807, 9223372036854775807)",
    ] {
        let error = parse_npy("f.npy".as_ref(), &npy("<f4", shape, &[0; 64])).unwrap_err();
        assert_says(&error.to_string(), &["f.npy", "announces", "64 bytes"]);
    }
    let error =
        parse_npy("f.npy".as_ref(), &npy("<f4", "(99999999999999999999999,)", &[])).unwrap_err();
    assert_says(&error.to_string(), &["f.npy", "shape"]);
    let many_axes = format!("({})", "1,".repeat(1000));
    let error = parse_npy("f.npy".as_ref(), &npy("<f4", &many_axes, &[0; 4])).unwrap_err();
    assert_says(&error.to_string(), &["1000 axes"]);
}

#[test]
fn inputs_and_labels_are_found_in_an_npz() {
    let dataset = read(&fixture("plain.npz"), &ReadOptions::default());
    assert_eq!(dataset.rows.as_slice().unwrap()[..4], [0.0, 0.5, 1.0, 1.5]);
    assert_eq!(classes(&dataset), (vec!["0", "1"], &[0, 1, 0, 1][..]));
    let reversed = ReadOptions {
        features: Features::Only(vec!["y".into()]),
        task: Task::Values,
        ..labelled_by("y")
    };
    let dataset = read(&fixture("plain.npz"), &reversed);
    assert_eq!(dataset.target, Target::Values(vec![0.0, 1.0, 0.0, 1.0]));
    assert_eq!(dataset.layout.tensors()[0].shape, [1]);
    assert_says(
        &refusal(&fixture("plain.npz"), &labelled_by("Y_")),
        &["no label array", "\"X\"", "\"y\"", "did you mean"],
    );
}

#[test]
fn bytes_become_images_and_parts_share_their_classes() {
    let path = fixture("parts.npz");
    let train = ReadOptions { parts: PartChoice::Only(Part::Train), ..ReadOptions::default() };
    let dataset = read(&path, &train);
    assert_eq!(dataset.layout.image_shape().unwrap().n_features(), 4);
    assert_eq!(dataset.rows[[1, 3]], 7.0 / 255.0);
    let all = read(&path, &ReadOptions::default());
    assert_eq!(classes(&all), (vec!["a", "b", "c"], &[1, 0, 1, 0, 2, 0][..]));
    let options = SplitOptions { validation: 0.5, ..SplitOptions::default() };
    let split = read_splits(&path, &ReadOptions::default(), &options).unwrap();
    assert_eq!(classes(&split.test.0), (vec!["a", "b", "c"], &[2, 0][..]));
    assert_eq!(split.train.0.n_rows() + split.validation.0.n_rows(), 4);
}

#[test]
fn several_tensors_lie_side_by_side() {
    let dataset = read(&fixture("modalities.safetensors"), &ReadOptions::default());
    let tensors = dataset.layout.tensors();
    assert_eq!((tensors[0].name.as_str(), &*tensors[0].shape), ("image", &[1, 2, 2][..]));
    assert_eq!((tensors[1].name.as_str(), tensors[1].offset), ("text", 4));
    assert_eq!(dataset.rows.row(1).to_vec(), [2.0, 2.5, 3.0, 3.5, 1.5, 2.0, 2.5]);
    let text = ReadOptions {
        features: Features::AllBut(vec!["image".into()]),
        max_rows: Some(2),
        ..ReadOptions::default()
    };
    let dataset = read(&fixture("modalities.safetensors"), &text);
    assert_eq!(dataset.rows.as_slice().unwrap(), [1.5, 2.0, 2.5, 4.5, 5.0, 5.5]);
    assert_eq!(classes(&dataset).1, [0, 0]);
}

#[test]
fn one_array_of_a_file_is_chosen_by_name() {
    let path = fixture("plain.npz");
    let named = |name: &str| format!("{}::{name}", path.display());
    assert_eq!(read_array(named("y").as_ref()).unwrap().shape, [4]);
    assert_says(&read_array(named("z").as_ref()).unwrap_err().to_string(), &["\"X\"", "\"z\""]);
    assert_says(&read_array(&path).unwrap_err().to_string(), &["2 arrays", "::NAME"]);
}

#[test]
fn labels_may_have_their_own_file_given_or_guessed() {
    let folder = tempdir().unwrap();
    let values: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let x = write(&folder, "x_small.npy", npy("<f4", "(3, 2)", &values));
    assert_says(&refusal(&x, &ReadOptions::default()), &["which of", "holds the labels"]);
    let y = write(&folder, "y_small.npy", npy("|u1", "(3,)", &[4, 2, 4]));
    let guessed = read(&x, &ReadOptions::default());
    assert_eq!(classes(&guessed), (vec!["2", "4"], &[1, 0, 1][..]));
    let given =
        ReadOptions { labels: Some(LabelSource::File(y.clone())), ..ReadOptions::default() };
    assert_eq!(read(&x, &given), guessed);
    write(&folder, "y_small.npy", npy("|u1", "(2,)", &[4, 2]));
    assert_says(&refusal(&x, &given), &["2 labels for 3 rows"]);
    write(&folder, "y_small.npy", npy("|u1", "(3, 2)", &[0, 1, 1, 0, 0, 1]));
    assert_eq!(classes(&read(&x, &given)).1, [1, 0, 1]);
    write(&folder, "y_small.npy", npy("|u1", "(3, 2)", &[0, 1, 1, 1, 0, 1]));
    assert_says(&read_error(&x, &given), &["y_small", "[3, 2]", "one-hot"]);
}

fn read_error(path: &std::path::Path, options: &ReadOptions) -> String {
    simbias_data::read_dataset(path, options).unwrap_err().to_string()
}

/// Found by fuzzing: memory was taken for as many labels as the first axis says.
#[test]
fn labels_without_values_are_refused() {
    let folder = tempdir().unwrap();
    let x = write(&folder, "x.npy", npy("|u1", "(1099511627776, 0)", &[]));
    write(&folder, "y.npy", npy("|u1", "(1099511627776, 0)", &[]));
    assert_says(&read_error(&x, &ReadOptions::default()), &["y.npy", "[1099511627776, 0]"]);
}

#[test]
fn channels_last_are_turned() {
    let folder = tempdir().unwrap();
    let x = write(&folder, "x.npy", npy("|u1", "(2, 2, 2, 3)", &(0..24).collect::<Vec<u8>>()));
    write(&folder, "y.npy", npy("|u1", "(2,)", &[0, 1]));
    let dataset = read(&x, &ReadOptions::default());
    assert_eq!(dataset.layout.tensors()[0].shape, [3, 2, 2]);
    let levels: Vec<u8> = dataset.rows.row(1).iter().map(|v| (v * 255.0).round() as u8).collect();
    assert_eq!(levels, [12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23]);
}

#[test]
fn values_that_are_not_finite_are_named() {
    let folder = tempdir().unwrap();
    let values = [0.0, 1.0, 2.0, f32::INFINITY].map(f32::to_le_bytes).concat();
    let x = write(&folder, "x.npy", npy("<f4", "(2, 2)", &values));
    write(&folder, "y.npy", npy("|u1", "(2,)", &[0, 1]));
    assert_says(&refusal(&x, &ReadOptions::default()), &["row 2", "x[1]", "inf"]);
}

#[test]
fn one_row_is_too_few() {
    let folder = tempdir().unwrap();
    let x = write(&folder, "x.npy", npy("<f4", "(1, 1)", &1_f32.to_le_bytes()));
    write(&folder, "y.npy", npy("|u1", "(1,)", &[0]));
    assert_says(&refusal(&x, &ReadOptions::default()), &["1 usable row", "at least 2"]);
}
