//! Large matrices that stay on disk, and single columns.

use std::path::PathBuf;

use simbias_data::read::{ArrayValues, NamedArray};
use simbias_data::{
    Column, MatrixFile, ParquetColumn, RowSource, parquet_to, write_npy, write_safetensors,
};

use super::fixture;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn parquet(&self, name: &str, columns: &[(&str, ParquetColumn)]) -> PathBuf {
        let mut bytes = Vec::new();
        parquet_to(&mut bytes, columns).unwrap();
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }
}

fn counted(name: &str, shape: &[usize]) -> NamedArray {
    let n: usize = shape.iter().product();
    let values = ArrayValues::F32((0..n).map(|value| value as f32 * 0.5).collect());
    NamedArray { name: name.into(), shape: shape.to_vec(), values }
}

#[test]
fn rows_of_files_are_read_where_they_lie() {
    let folder = Folder::new();
    let array = counted("logits", &[5, 3]);
    write_npy(&folder.path("m.npy"), &array).unwrap();
    write_safetensors(&folder.path("m.safetensors"), &[array, counted("other", &[2])], &[])
        .unwrap();
    for file in ["m.npy", "m.safetensors::logits"] {
        let matrix = MatrixFile::open(&folder.path(file), &[]).unwrap();
        assert!(matrix.is_on_disk());
        assert_eq!((matrix.n_rows(), matrix.n_columns(), matrix.n_stacked()), (5, 3, None));
        let mut rows = [0.0_f32; 6];
        matrix.read_rows(2, &mut rows).unwrap();
        assert_eq!(rows, [3.0, 3.5, 4.0, 4.5, 5.0, 5.5]);
        let mut double = [0.0_f64; 3];
        matrix.read_rows_f64(4, &mut double).unwrap();
        assert_eq!(double, [6.0, 6.5, 7.0]);
        let mut gathered = [0.0_f32; 6];
        matrix.gather(&[0, 4], &mut gathered).unwrap();
        assert_eq!(gathered, [0.0, 0.5, 1.0, 6.0, 6.5, 7.0]);
    }
    let error = MatrixFile::open(&folder.path("m.safetensors"), &[]).unwrap_err().to_string();
    assert!(error.contains("::NAME"), "{error}");
    let vector = MatrixFile::open(&folder.path("m.safetensors::other"), &[]).unwrap();
    assert_eq!((vector.n_rows(), vector.n_columns()), (2, 1));
}

#[test]
fn stacked_matrices_are_told_apart() {
    let folder = Folder::new();
    write_npy(&folder.path("m.npy"), &counted("m", &[4, 3, 2])).unwrap();
    let all = MatrixFile::open(&folder.path("m.npy"), &[]).unwrap();
    assert_eq!((all.n_stacked(), all.n_rows(), all.n_columns()), (Some(4), 3, 2));
    let mut rows = [0.0_f32; 2];
    all.of_stack(2).read_rows(1, &mut rows).unwrap();
    assert_eq!(rows, [7.0, 7.5]);
    write_npy(&folder.path("deep.npy"), &counted("m", &[1, 2, 3, 4])).unwrap();
    let error = MatrixFile::open(&folder.path("deep.npy"), &[]).unwrap_err().to_string();
    assert!(error.contains("[matrices, rows, columns]"), "{error}");
    write_npy(&folder.path("empty.npy"), &counted("m", &[0, 3])).unwrap();
    let error = MatrixFile::open(&folder.path("empty.npy"), &[]).unwrap_err().to_string();
    assert!(error.contains("no numbers"), "{error}");
}

#[test]
fn tables_are_matrices_without_the_columns_set_aside() {
    let folder = Folder::new();
    let numbers = |from: i64| ParquetColumn::Integers((from..from + 3).collect());
    let names = ParquetColumn::Texts(["x", "y", "z"].map(String::from).to_vec());
    let file = folder.parquet(
        "t.parquet",
        &[("a", numbers(0)), ("id", names), ("b", ParquetColumn::Numbers(vec![0.5, 1.5, 2.5]))],
    );
    let matrix = MatrixFile::open(&file, &["id"]).unwrap();
    assert_eq!((matrix.n_rows(), matrix.n_columns()), (3, 2));
    let mut rows = [0.0_f64; 6];
    matrix.read_rows_f64(0, &mut rows).unwrap();
    assert_eq!(rows, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
    let error = MatrixFile::open(&file, &[]).unwrap_err().to_string();
    assert!(error.contains("\"id\"") && error.contains("does not hold numbers"), "{error}");
    let one = MatrixFile::open(&folder.path("t.parquet::b"), &[]).unwrap();
    assert_eq!((one.n_rows(), one.n_columns()), (3, 1));
    let error = MatrixFile::open(&folder.path("t.parquet::c"), &[]).unwrap_err().to_string();
    assert!(error.contains("no column named \"c\""), "{error}");
    let csv = MatrixFile::open(&folder.text("m.csv", "1,2\n3,4\n5,6\n"), &[]).unwrap();
    assert_eq!((csv.n_rows(), csv.n_columns()), (3, 2));
}

#[test]
fn a_column_of_lists_is_a_matrix() {
    let matrix = MatrixFile::open(&fixture("vectors.parquet"), &[]).unwrap();
    assert_eq!((matrix.n_rows(), matrix.n_columns()), (3, 2));
    let mut rows = [0.0_f32; 6];
    matrix.read_rows(0, &mut rows).unwrap();
    assert_eq!(rows, [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
    let error = MatrixFile::open(&fixture("lists.parquet"), &[]).unwrap_err().to_string();
    assert!(error.contains("row 1") && error.contains("has 1 numbers"), "{error}");
}

#[test]
fn columns_become_classes() {
    let folder = Folder::new();
    let table = folder.text("t.csv", "file,species,n\na.png,bee,2\nb.png,ant,0\nc.png,bee,1\n");
    let column = |name: &str| Column::open(&PathBuf::from(format!("{}::{name}", table.display())));
    let classes = column("species").unwrap().into_classes(2, None).unwrap();
    assert_eq!((classes.indices, classes.names), (vec![1, 0, 1], vec!["ant".into(), "bee".into()]));
    let order = ["bee".to_string(), "ant".into()];
    let classes = column("species").unwrap().into_classes(2, Some(&order)).unwrap();
    assert_eq!(classes.indices, [0, 1, 0]);
    assert_eq!(column("n").unwrap().into_classes(3, None).unwrap().indices, [2, 0, 1]);
    assert_eq!(column("file").unwrap().into_texts(), ["a.png", "b.png", "c.png"]);
    let groups = column("species").unwrap().into_groups();
    assert_eq!(groups.indices, [1, 0, 1]);

    let told = |found: Result<simbias_data::ClassLabels, simbias_data::DataError>,
                words: &[&str]| {
        let error = found.unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    told(column("species").unwrap().into_classes(3, None), &["2 names", "3 outputs"]);
    let strange = ["bee".to_string(), "cat".into()];
    told(column("species").unwrap().into_classes(2, Some(&strange)), &["\"ant\""]);
    told(column("n").unwrap().into_classes(2, None), &["label 2", "0 to 1"]);
    let parquet = folder.parquet("t.parquet", &[("y", ParquetColumn::Numbers(vec![0.5, 1.0]))]);
    told(Column::open(&parquet).unwrap().into_classes(2, None), &["0.5", "not a class"]);
    assert!(Column::open(&table).unwrap_err().to_string().contains("holds the labels"));
}
