//! Files that come back as they went out.

use safetensors::SafeTensors;
use simbias_data::{
    ReadOptions, Target,
    read::{ArrayValues, Missing, NamedArray, parse_safetensors},
    read_array, read_dataset, write_csv, write_npy, write_parquet, write_safetensors, write_whole,
};
use tempfile::tempdir;

use super::assert_says;

fn array(name: &str, shape: &[usize], values: ArrayValues) -> NamedArray {
    NamedArray { name: name.into(), shape: shape.to_vec(), values }
}

#[test]
fn arrays_come_back() {
    let folder = tempdir().unwrap();
    for values in [
        ArrayValues::F32(vec![0.5, -1.0, 2.0, 3.0, 4.0, 5.0]),
        ArrayValues::F64(vec![0.1, 1.0, 2.0, 3.0, 4.0, 1e300]),
        ArrayValues::I64(vec![i64::MIN, 1, 2, 3, 4, i64::MAX]),
        ArrayValues::U8(vec![0, 1, 2, 3, 4, 255]),
        ArrayValues::Bool(vec![0, 1, 1, 0, 0, 1]),
    ] {
        let one = array("one", &[2, 3], values);
        let path = folder.path().join("one.npy");
        write_npy(&path, &one).unwrap();
        assert_eq!(read_array(&path).unwrap(), one);
        assert_eq!(std::fs::read(&path).unwrap().windows(1).count() % 64, (one_len(&one)) % 64);
        let path = folder.path().join("one.safetensors");
        write_safetensors(&path, std::slice::from_ref(&one), &[("k".into(), "v".into())]).unwrap();
        assert_eq!(parse_safetensors(&path, &std::fs::read(&path).unwrap()).unwrap(), [one]);
    }
}

/// Bytes of the values.
fn one_len(array: &NamedArray) -> usize {
    let size = match array.values {
        ArrayValues::F32(_) => 4,
        ArrayValues::F64(_) | ArrayValues::I64(_) => 8,
        _ => 1,
    };
    array.values.len() * size
}

#[test]
fn scalars_and_empty_arrays_come_back() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("one.npy");
    for (shape, values) in [(&[][..], vec![7.0]), (&[0, 3][..], vec![]), (&[1][..], vec![2.0])] {
        let one = array("one", shape, ArrayValues::F32(values));
        write_npy(&path, &one).unwrap();
        assert_eq!(read_array(&path).unwrap(), one);
    }
}

#[test]
fn a_failed_write_leaves_the_old_file_and_no_litter() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("kept.csv");
    write_csv(&path, &["a".into(), "b".into()], &[vec!["1, 2".into(), "x".into()]]).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n\"1, 2\",x\n");
    let failed = write_whole(&path, |writer| {
        writer.write_all(b"half")?;
        Err(std::io::Error::other("out of ink"))
    });
    assert_says(&failed.unwrap_err().to_string(), &["kept.csv", "out of ink"]);
    assert!(write_csv(&path, &["a".into()], &[vec![]]).is_err());
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("a,b"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn metadata_are_kept_and_equal_input_gives_equal_bytes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("one.safetensors");
    let arrays = [
        array("ä", &[1], ArrayValues::U8(vec![7])),
        array("b", &[2], ArrayValues::F64(vec![1.0, 2.0])),
    ];
    let entries: Vec<(String, String)> =
        (0..8).map(|index| (format!("key \"{index}\""), format!("größe {{{index}}},\n"))).collect();
    let reversed: Vec<_> = entries.iter().rev().cloned().collect();
    for arrays in [&arrays[..], &[]] {
        for metadata in [&entries[..], &entries[..1], &[]] {
            write_safetensors(&path, arrays, metadata).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            let (start, header) = SafeTensors::read_metadata(&bytes).unwrap();
            assert_eq!(start % 8, 0, "values are aligned");
            let found = header.metadata().clone().unwrap_or_default();
            assert_eq!(found, metadata.iter().cloned().collect());
            assert_eq!(parse_safetensors(&path, &bytes).unwrap().len(), arrays.len());
        }
        write_safetensors(&path, arrays, &entries).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        // Hash maps of eight entries agree in order once in 40 320 times.
        for metadata in [&entries, &reversed] {
            write_safetensors(&path, arrays, metadata).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let path = std::path::Path::new("never-written.npy");
    let wrong = array("w", &[3], ArrayValues::U8(vec![1]));
    assert_says(&write_npy(path, &wrong).unwrap_err().to_string(), &["1 values", "[3]"]);
    let texts = array("t", &[1], ArrayValues::Texts(vec!["x".into()]));
    assert_says(&write_npy(path, &texts).unwrap_err().to_string(), &["texts"]);
}

#[test]
fn csv_text_becomes_typed_parquet_columns() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    write_parquet(&path, "name,x,y,empty\na,1.5,0,\n\"b, c\",,1,\nd,-2e3,0,\n", &["name"]).unwrap();
    let options = super::labelled_by("y");
    let message = read_dataset(&path, &options).unwrap_err().to_string();
    // An empty field is not a number.
    assert!(message.contains("\"empty\" holds no value"), "{message}");
    write_parquet(&path, "x,y\n1.5,0\n2.5,1\n-2e3,0\n,1\nmany words,1\n", &[]).unwrap();
    let mean = ReadOptions { missing: Missing::Mean, ..options.clone() };
    assert_eq!(read_dataset(&path, &mean).unwrap().n_rows(), 5, "words and nothing are null");
    write_parquet(&path, "x,y\n1.5,0\n2.5,1\n-2e3,0\n", &[]).unwrap();
    let data = read_dataset(&path, &options).unwrap();
    assert_eq!(data.rows.iter().copied().collect::<Vec<f32>>(), [1.5, 2.5, -2e3]);
    // Words that look like numbers are words.
    write_parquet(&path, "name,y\n1e5,0\n2,1\nhead,1\n", &["name"]).unwrap();
    let labelled = super::labelled_by("name");
    let names = read_dataset(&path, &labelled).unwrap().target;
    let Target::Classes(names) = names else { panic!("{names:?}") };
    assert_eq!(names.names, ["1e5", "2", "head"]);
    write_parquet(&path, "x,y\n1.5,0\n2.5,1\n-2e3,0\n", &[]).unwrap();
    assert!(write_parquet(&path, "a,b\n1\n", &[]).is_err());
    assert_eq!(read_dataset(&path, &options).unwrap().n_rows(), 3, "the old file stays");
}
