//! Reading, by format. Fixtures come from the formats' own libraries: `tests/fixtures/make_fixtures.py`.

mod arrays;
mod binary;
mod dialects;
mod garbage;
mod images;
mod matrices;
mod ordinary;
mod tables;
mod writers;

use std::path::{Path, PathBuf};

use simbias_data::{
    DataError, Dataset,
    read::{LabelSource, ReadOptions},
    read_dataset,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn write(folder: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
        .and_then(|()| std::fs::write(&path, bytes))
        .expect("the temporary folder is writable");
    path
}

fn labelled_by(name: &str) -> ReadOptions {
    ReadOptions { labels: Some(LabelSource::Named(name.into())), ..ReadOptions::default() }
}

#[track_caller]
fn read(path: &Path, options: &ReadOptions) -> Dataset {
    let dataset = read_dataset(path, options).expect("readable");
    assert_eq!(dataset.n_features(), dataset.layout.n_features());
    assert_eq!(dataset.n_rows(), dataset.target.len());
    dataset
}

/// The message of a refusal, which must name the file.
#[track_caller]
fn refusal(path: &Path, options: &ReadOptions) -> String {
    let error: DataError = read_dataset(path, options).expect_err("unreadable");
    let message = error.to_string();
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(message.contains(&name), "{message} does not name {name}");
    message
}

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

fn classes(dataset: &Dataset) -> (Vec<&str>, &[u32]) {
    let labels = dataset.class_labels().expect("a classification set");
    (labels.names.iter().map(String::as_str).collect(), &labels.indices)
}
