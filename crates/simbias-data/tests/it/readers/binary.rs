//! IDX and CIFAR.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use simbias_data::{
    SplitOptions,
    read::{CifarKind, LabelSource, ReadOptions, parse_cifar, parse_idx},
    read_dataset, read_splits,
};
use tempfile::tempdir;

use super::{assert_says, classes, labelled_by, read, refusal, write};

fn idx(type_code: u8, shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, type_code, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_mnist_folder_is_split_by_its_files() {
    let folder = tempdir().unwrap();
    let images: Vec<u8> = (0..40).map(|i| i * 5).collect();
    let labels: Vec<u8> = (0..10).map(|i| i % 2).collect();
    write(&folder, "train-images-idx3-ubyte.gz", gzip(&idx(8, &[10, 2, 2], &images)));
    write(&folder, "train-labels-idx1-ubyte.gz", gzip(&idx(8, &[10], &labels)));
    write(&folder, "t10k-images-idx3-ubyte", idx(8, &[2, 2, 2], &[255; 8]));
    write(&folder, "t10k-labels-idx1-ubyte", idx(8, &[2], &[7, 0]));
    let one = read(&folder.path().join("train-images-idx3-ubyte.gz"), &ReadOptions::default());
    assert_eq!(one.layout.image_shape().unwrap().width, 2);
    assert_eq!(one.rows[[1, 0]], 20.0 / 255.0);
    assert_eq!(classes(&one), (vec!["0", "1"], &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1][..]));
    let options = SplitOptions { validation: 0.2, ..SplitOptions::default() };
    let split = read_splits(folder.path(), &ReadOptions::default(), &options).unwrap();
    assert_eq!(classes(&split.test.0), (vec!["0", "1", "7"], &[2, 0][..]));
    assert_eq!((split.train.0.n_rows(), split.validation.0.n_rows()), (8, 2));
    assert_eq!(split.test.0.rows[[0, 0]], 1.0);
}

#[test]
fn damaged_idx_files_say_what_is_wrong() {
    let error = |bytes: &[u8]| parse_idx("f".as_ref(), bytes).unwrap_err().to_string();
    assert_says(&error(b""), &["two zero bytes"]);
    assert_says(&error(&idx(0x0a, &[1], &[0])), &["type code 0x0a"]);
    assert_says(&error(&idx(8, &[4], &[1, 2])), &["4 bytes", "2 bytes"]);
    assert_says(&error(&idx(8, &[1], &[1, 2])), &["2 bytes", "needs 1"]);
    assert_says(&error(&[0, 0, 8, 3, 0, 0]), &["inside the header"]);
    assert_says(&error(&idx(8, &[], &[])), &["no axes"]);
    assert_says(&error(&idx(0x0e, &[u32::MAX; 8], &[])), &["more data than memory"]);
    let folder = tempdir().unwrap();
    let mut cut = gzip(&idx(8, &[2, 2, 2], &[1; 8]));
    cut.truncate(20);
    let path = write(&folder, "train-images-idx3-ubyte.gz", cut);
    assert_says(&refusal(&path, &ReadOptions::default()), &["gzip"]);
    let path = write(&folder, "train-images-idx3-ubyte", idx(8, &[2, 2, 2], &[1; 8]));
    assert_says(&refusal(&path, &ReadOptions::default()), &["no label file"]);
    let labels = write(&folder, "other", idx(8, &[3], &[1, 0, 1]));
    let options = ReadOptions { labels: Some(LabelSource::File(labels)), ..ReadOptions::default() };
    assert_says(&refusal(&path, &options), &["3 labels for 2 rows"]);
}

#[test]
fn wider_idx_values_are_big_endian() {
    let values = [1.5_f32, -2.0].map(f32::to_be_bytes).concat();
    let array = parse_idx("f".as_ref(), &idx(0x0d, &[2], &values)).unwrap();
    assert_eq!(array.values, simbias_data::read::ArrayValues::F32(vec![1.5, -2.0]));
    let array = parse_idx("f".as_ref(), &idx(0x0b, &[1], &[1, 0])).unwrap();
    assert_eq!(array.values, simbias_data::read::ArrayValues::I64(vec![256]));
}

fn cifar(labels: &[&[u8]], levels: &[u8]) -> Vec<u8> {
    labels
        .iter()
        .zip(levels)
        .flat_map(|(label, &level)| {
            let mut record = label.to_vec();
            record.extend((0..3072).map(|i| if i == 1024 { 255 } else { level }));
            record
        })
        .collect()
}

#[test]
fn cifar_10_folder_with_names() {
    let folder = tempdir().unwrap();
    write(&folder, "data_batch_1.bin", cifar(&[&[3], &[9]], &[0, 51]));
    write(&folder, "data_batch_2.bin", cifar(&[&[3], &[9]], &[102, 255]));
    write(&folder, "test_batch.bin", cifar(&[&[0], &[1]], &[0, 0]));
    let names = "plane\ncar\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    write(&folder, "batches.meta.txt", names);
    let options = SplitOptions { validation: 0.5, ..SplitOptions::default() };
    let split = read_splits(folder.path(), &ReadOptions::default(), &options).unwrap();
    assert_eq!(classes(&split.test.0).1, [0, 1]);
    let all = read(folder.path(), &ReadOptions::default());
    assert_eq!(classes(&all).0[9], "truck");
    assert_eq!(classes(&all).1, [3, 9, 3, 9, 0, 1]);
    let shape = all.layout.image_shape().unwrap();
    assert_eq!(all.rows[[1, 0]], 0.2);
    assert_eq!(all.rows[[1, shape.column(1, 0, 0)]], 1.0);
}

#[test]
fn cifar_100_has_fine_and_coarse_labels() {
    let folder = tempdir().unwrap();
    let path = write(&folder, "train.bin", cifar(&[&[19, 99], &[4, 7]], &[0, 51]));
    let options = ReadOptions { strata: vec!["coarse".into()], ..ReadOptions::default() };
    let dataset = read(&path, &options);
    assert_eq!(classes(&dataset).1, [99, 7]);
    assert_eq!(dataset.strata[0].indices, [19, 4]);
    assert_eq!(classes(&read(&path, &labelled_by("coarse"))).1, [19, 4]);
    assert_says(&refusal(&path, &labelled_by("course")), &["\"fine\", \"coarse\"", "did you mean"]);
}

#[test]
fn damaged_cifar_files_are_refused() {
    let kind = CifarKind::Cifar10;
    let error = |bytes: &[u8]| {
        parse_cifar("f.bin".as_ref(), bytes, kind, &ReadOptions::default()).unwrap_err().to_string()
    };
    assert_says(&error(&[0; 3072]), &["3072 bytes", "3073"]);
    assert_says(&error(&cifar(&[&[10], &[0]], &[0, 0])), &["label byte 10 of record 1"]);
    assert_says(&error(&cifar(&[&[1]], &[0])), &["1 usable row"]);
    assert_says(&error(&[]), &["0 bytes"]);
}

#[test]
fn the_fingerprint_follows_the_content_and_not_the_packing() {
    let folder = tempdir().unwrap();
    write(&folder, "a-labels-idx1-ubyte", idx(8, &[2], &[1, 0]));
    let plain = write(&folder, "a-images-idx3-ubyte", idx(8, &[2, 1, 2], &[1, 2, 3, 4]));
    let first = read(&plain, &ReadOptions::default()).fingerprint();
    let packed = write(&folder, "a-images-idx3-ubyte.gz", gzip(&idx(8, &[2, 1, 2], &[1, 2, 3, 4])));
    assert_eq!(read_dataset(&packed, &ReadOptions::default()).unwrap().fingerprint(), first);
    write(&folder, "a-images-idx3-ubyte", idx(8, &[2, 1, 2], &[1, 2, 3, 5]));
    assert_ne!(read(&plain, &ReadOptions::default()).fingerprint(), first);
}
