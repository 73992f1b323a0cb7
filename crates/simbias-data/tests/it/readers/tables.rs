//! CSV and Parquet.

use std::path::Path;

use simbias_data::{
    SplitOptions, Target,
    read::{ArrayValues, Features, Missing, ReadOptions, Task, parse_csv},
    read_array, read_dataset, read_splits,
};
use tempfile::tempdir;

use super::{assert_says, classes, fixture, labelled_by, read, refusal, write};

const PEOPLE: &str = "age;town;label\n20;Bern;yes\n30;Bonn;no\n40;Bern;no\n";

fn csv_error(text: &str, options: &ReadOptions) -> String {
    parse_csv(Path::new("f.csv"), text.as_bytes(), options).unwrap_err().to_string()
}

#[test]
fn numbers_are_kept_and_texts_become_one_column_a_value() {
    let dataset = parse_csv("f.csv".as_ref(), PEOPLE.as_bytes(), &ReadOptions::default()).unwrap();
    assert_eq!(dataset.layout.column_names().unwrap(), ["age", "town=Bern", "town=Bonn"]);
    assert_eq!(dataset.rows.row(0).to_vec(), [20.0, 1.0, 0.0]);
    assert_eq!(dataset.rows.row(1).to_vec(), [30.0, 0.0, 1.0]);
    assert_eq!(classes(&dataset), (vec!["no", "yes"], &[1, 0, 0][..]));
    let groups = dataset.layout.column_groups();
    assert_eq!((groups[1].name.as_str(), groups[1].columns.clone()), ("town", 1..3));
}

#[test]
fn the_delimiter_does_not_matter() {
    let with = |delimiter: &str| {
        let text = PEOPLE.replace(';', delimiter);
        parse_csv("f.csv".as_ref(), text.as_bytes(), &ReadOptions::default()).unwrap()
    };
    assert_eq!(with(","), with(";"));
    assert_eq!(with("\t"), with(";"));
    let quoted = "\"a;b\",label\r\n1,x\r\n2,\"y, z\"\r\n";
    let dataset = parse_csv("f.csv".as_ref(), quoted.as_bytes(), &ReadOptions::default()).unwrap();
    assert_eq!(dataset.layout.column_name(0), "a;b");
    assert_eq!(classes(&dataset).0, ["x", "y, z"]);
}

#[test]
fn names_of_columns_may_hold_blanks() {
    let folder = tempdir().unwrap();
    let path = write(&folder, "f.csv", "mean radius,mean area,y\n1,2,0\n3,4,1\n");
    let dataset = read_dataset(&path, &labelled_by("y")).unwrap();
    assert_eq!(dataset.layout.column_names().unwrap(), ["mean radius", "mean area"]);
}

#[test]
fn a_column_that_turns_into_text_late_keeps_its_early_numbers_as_written() {
    let text = "code,y\n01,0\n7,1\nx,0\n";
    let dataset = parse_csv("f.csv".as_ref(), text.as_bytes(), &ReadOptions::default()).unwrap();
    assert_eq!(dataset.layout.column_names().unwrap(), ["code=01", "code=7", "code=x"]);
    assert_eq!(dataset.rows.as_slice().unwrap(), [1., 0., 0., 0., 1., 0., 0., 0., 1.]);
}

#[test]
fn missing_cells_stop_are_filled_or_dropped() {
    let text = "a,b,y\n1,u,0\n,u,1\n4,,0\n4,v,1\n";
    assert_says(&csv_error(text, &ReadOptions::default()), &["row 2", "\"a\"", "mean", "drop"]);
    let with = |missing| {
        let options = ReadOptions { missing, ..ReadOptions::default() };
        parse_csv("f.csv".as_ref(), text.as_bytes(), &options).unwrap()
    };
    let mean = with(Missing::Mean);
    assert_eq!(mean.rows.column(0).to_vec(), [1.0, 3.0, 4.0, 4.0]);
    assert_eq!(mean.rows.row(2).to_vec(), [4.0, 0.0, 0.0]);
    let dropped = with(Missing::Drop);
    assert_eq!(dropped.rows.column(0).to_vec(), [1.0, 4.0]);
    assert_eq!(classes(&dropped).1, [0, 1]);
    let mean = ReadOptions { missing: Missing::Mean, ..ReadOptions::default() };
    assert_says(&csv_error("a,y\n1,0\n2,\n3,1\n", &mean), &["row 2", "\"y\""]);
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    for word in ["inf", "-Infinity", "1e39"] {
        let text = format!("a,y\n1,0\n{word},1\n");
        assert_says(&csv_error(&text, &ReadOptions::default()), &["row 2", "\"a\""]);
    }
}

#[test]
fn tables_that_cannot_be_used_say_why() {
    let default = ReadOptions::default();
    assert_says(&csv_error("a,a,y\n1,2,0\n", &default), &["columns 1 and 2", "\"a\"", "rename"]);
    assert_says(&csv_error("a,b\n1,2\n", &default), &["which of", "\"a\", \"b\""]);
    assert_says(
        &csv_error("a,lable\n1,2\n", &labelled_by("label")),
        &["\"a\", \"lable\"", "did you mean \"lable\""],
    );
    assert_says(&csv_error("a,y\n1,2\n", &default), &["1 usable row"]);
    assert_says(&csv_error("a,y\n", &default), &["0 usable row"]);
    assert_says(&csv_error("", &default), &["empty"]);
    assert_says(&csv_error("y\n1\n2\n", &default), &["no input column"]);
    assert_says(&csv_error("a,y\n1,2\n3\n", &default), &["f.csv", "fields"]);
    assert_says(&csv_error("a\u{0},y\n1,2\n", &default), &["byte 1 is not text"]);
    let ids: String = (0..400).map(|i| format!("n{i},{}\n", i % 2)).collect();
    assert_says(&csv_error(&format!("id,y\n{ids}"), &default), &["\"id\"", "identifier"]);
    let both = ReadOptions { features: Features::Only(vec!["y".into()]), ..ReadOptions::default() };
    assert_says(&csv_error("a,y\n1,2\n3,4\n", &both), &["label and input at once"]);
}

#[test]
fn binary_bytes_under_a_table_name_are_refused() {
    let folder = tempdir().unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    assert_says(&refusal(&write(&folder, "x.csv", &bytes), &ReadOptions::default()), &["not text"]);
    assert_says(
        &refusal(&write(&folder, "x.csv", [0xff, 0xfe, 97]), &ReadOptions::default()),
        &["UTF-16"],
    );
    assert_says(&refusal(&write(&folder, "empty.csv", b""), &ReadOptions::default()), &["empty"]);
    assert_says(
        &refusal(&write(&folder, "odd.xyz", &bytes), &ReadOptions::default()),
        &["unknown", "readable are"],
    );
    assert_says(&refusal(&folder.path().join("no.csv"), &ReadOptions::default()), &["cannot read"]);
}

#[test]
fn strata_and_choice_of_columns() {
    let text = "a,b,site,y\n1,2,east,0\n3,4,west,1\n5,6,east,0\n";
    let options = ReadOptions {
        strata: vec!["site".into()],
        features: Features::Only(vec!["b".into()]),
        ..ReadOptions::default()
    };
    let dataset = parse_csv("f.csv".as_ref(), text.as_bytes(), &options).unwrap();
    assert_eq!(dataset.rows.as_slice().unwrap(), [2.0, 4.0, 6.0]);
    assert_eq!(dataset.strata[0].values, ["east", "west"]);
    assert_eq!(dataset.strata[0].indices, [0, 1, 0]);
    let but = ReadOptions { features: Features::AllBut(vec!["b".into()]), ..options.clone() };
    let dataset = parse_csv("f.csv".as_ref(), text.as_bytes(), &but).unwrap();
    assert_eq!(dataset.rows.as_slice().unwrap(), [1.0, 3.0, 5.0]);
    let wrong = ReadOptions { strata: vec!["sight".into()], ..ReadOptions::default() };
    assert_says(&csv_error(text, &wrong), &["stratum column", "\"sight\"", "\"site\""]);
}

#[test]
fn a_label_threshold_and_the_two_tasks() {
    let text = "a,y\n1,0.2\n2,0.5\n3,0.9\n";
    let read =
        |options: &ReadOptions| parse_csv("f.csv".as_ref(), text.as_bytes(), options).unwrap();
    assert_eq!(read(&ReadOptions::default()).target, Target::Values(vec![0.2, 0.5, 0.9]));
    let threshold = ReadOptions { label_threshold: Some(0.5), ..ReadOptions::default() };
    assert_eq!(classes(&read(&threshold)), (vec!["<0.5", ">=0.5"], &[0, 1, 1][..]));
    let as_classes = ReadOptions { task: Task::Classes, ..ReadOptions::default() };
    assert_eq!(classes(&read(&as_classes)).0, ["0.2", "0.5", "0.9"]);
    let values = ReadOptions { task: Task::Values, ..ReadOptions::default() };
    assert_says(&csv_error(PEOPLE, &values), &["\"yes\"", "values"]);
}

#[test]
fn the_row_index_of_pandas_is_no_input() {
    let options = ReadOptions { missing: Missing::Drop, ..ReadOptions::default() };
    let dataset = read(&fixture("people.csv"), &options);
    let names = dataset.layout.column_names().unwrap();
    assert_eq!(names, ["age", "height", "smoker=False", "smoker=True", "town=Bern", "town=Bonn"]);
    assert_eq!(dataset.n_rows(), 2);
}

#[test]
fn parquet_agrees_with_what_pandas_wrote() {
    assert_says(
        &refusal(&fixture("people.parquet"), &ReadOptions::default()),
        &["row 3", "\"height\""],
    );
    let options = ReadOptions { missing: Missing::Mean, ..ReadOptions::default() };
    let dataset = read(&fixture("people.parquet"), &options);
    let names = dataset.layout.column_names().unwrap();
    assert_eq!(names, ["age", "height", "smoker", "town=Bern", "town=Bonn"]);
    assert_eq!(dataset.rows.row(0).to_vec(), [20.0, 1.5, 1.0, 1.0, 0.0]);
    assert_eq!(dataset.rows.row(1).to_vec(), [31.0, 1.75, 0.0, 0.0, 1.0]);
    assert_eq!(dataset.rows.row(2).to_vec(), [42.0, 1.75, 1.0, 1.0, 0.0]);
    assert_eq!(dataset.rows.row(3).to_vec(), [53.0, 2.0, 1.0, 0.0, 0.0]);
    assert_eq!(classes(&dataset), (vec!["ill", "well"], &[1, 0, 0, 1][..]));
    assert_says(
        &refusal(&fixture("lists.parquet"), &ReadOptions::default()),
        &["lists", "leave it out"],
    );
}

#[test]
fn tables_named_after_parts_share_columns_and_classes() {
    let folder = tempdir().unwrap();
    write(&folder, "train.csv", "c,y\nu,0\nv,1\nu,0\nv,1\n");
    write(&folder, "test.csv", "c,y\nw,2\nu,0\n");
    let all = read(folder.path(), &ReadOptions::default());
    assert_eq!(all.layout.column_names().unwrap(), ["c=u", "c=v", "c=w"]);
    assert_eq!(classes(&all), (vec!["0", "1", "2"], &[0, 1, 0, 1, 2, 0][..]));
    let options = SplitOptions { validation: 0.5, ..SplitOptions::default() };
    let split = read_splits(folder.path(), &ReadOptions::default(), &options).unwrap();
    assert_eq!(split.test.0.rows.as_slice().unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    write(&folder, "test.csv", "d,y\nw,2\nu,0\n");
    let error = read_dataset(folder.path(), &ReadOptions::default()).unwrap_err().to_string();
    assert_says(&error, &["test.csv", "columns differ"]);
}

#[test]
fn a_table_of_numbers_is_also_a_matrix() {
    let folder = tempdir().unwrap();
    let array = read_array(&write(&folder, "m.csv", "1,2\n3,4.5\n")).unwrap();
    assert_eq!(
        (array.shape, array.values),
        (vec![2, 2], ArrayValues::F64(vec![1.0, 2.0, 3.0, 4.5]))
    );
    let array = read_array(&write(&folder, "m.csv", "a,b\n1,2\n")).unwrap();
    assert_eq!(array.shape, [1, 2]);
    let array = read_array(&write(&folder, "names.txt", "name\ncat\ndog\n")).unwrap();
    assert_eq!(array.values, ArrayValues::Texts(vec!["cat".into(), "dog".into()]));
    let error = read_array(&write(&folder, "m.csv", "a,b\n1,x\n")).unwrap_err().to_string();
    assert_says(&error, &["\"x\"", "row 1", "column 2"]);
}

#[test]
fn limited_rows_are_spread_over_the_file() {
    let text: String = (0..100).map(|i| format!("{i},{}\n", i / 50)).collect();
    let options = ReadOptions { max_rows: Some(4), ..ReadOptions::default() };
    let dataset = parse_csv("f.csv".as_ref(), format!("a,y\n{text}").as_bytes(), &options).unwrap();
    assert_eq!(dataset.rows.as_slice().unwrap(), [24.0, 49.0, 74.0, 99.0]);
    assert_eq!(classes(&dataset).1, [0, 0, 1, 1]);
}
