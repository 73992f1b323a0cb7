//! How a table is written: single quotes, any delimiter, a first line that counts, quarters.

use simbias_data::read::{Delimiter, ReadOptions, parse_csv, read_source_table};
use simbias_data::{Dataset, read_dataset};
use tempfile::tempdir;

use super::{classes, write};

#[track_caller]
fn good(text: &str, options: &ReadOptions) -> Dataset {
    parse_csv("f.csv".as_ref(), text.as_bytes(), options).expect("readable")
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.layout.column_names().expect("a table").iter().map(String::as_str).collect()
}

#[test]
fn single_quotes_around_cells_are_no_part_of_them() {
    let auto = ReadOptions::default();
    let quoted = good("'size','town','y'\n'1.5','Bern, CH','no'\n'2.5','Ulm','yes'\n", &auto);
    assert_eq!(names(&quoted), ["size", "town=Bern, CH", "town=Ulm"]);
    assert_eq!(classes(&quoted).0, ["no", "yes"]);
    assert_eq!(quoted.rows[[1, 0]], 2.5);
    // Texts only, as database tools write them.
    let texts = good("size,town,y\n1.5,'Bern','no'\n2.5,'Ulm','it''s'\n", &auto);
    assert_eq!(names(&texts), ["size", "town=Bern", "town=Ulm"]);
    assert_eq!(classes(&texts).0, ["it's", "no"]);
    // An apostrophe is a letter.
    let apostrophes = good("size,town,y\n1.5,'s-Hertogenbosch,no\n2.5,Ulm,yes\n", &auto);
    assert_eq!(names(&apostrophes)[1], "town='s-Hertogenbosch");
}

#[test]
fn a_delimiter_can_be_given() {
    let with = |byte| ReadOptions { delimiter: Some(byte), ..ReadOptions::default() };
    // Two candidates, both regular: a semicolon is taken unless the user says otherwise.
    let text = "a;b,y\n1;2,0\n3;4,1\n";
    assert_eq!(names(&good(text, &with(Delimiter::Byte(b','))))[0], "a;b=1;2");
    let tilde = good("a~y\n1~no\n2~yes\n", &with(Delimiter::Byte(b'~')));
    assert_eq!((names(&tilde), classes(&tilde).0), (vec!["a"], vec!["no", "yes"]));
    let blanks = good("a y\nx  no\nz  yes\n", &with(Delimiter::Blanks));
    assert_eq!(names(&blanks), ["a=x", "a=z"]);
}

#[test]
fn a_first_line_that_counts_names_the_classes() {
    let text = "4,2,setosa,versicolor\n5.1,3.5,0\n4.9,3.0,0\n6.2,2.9,1\n5.9,3.2,1\n";
    let dataset = good(text, &ReadOptions::default());
    assert_eq!(names(&dataset), ["column1", "column2"]);
    assert_eq!((dataset.n_rows(), dataset.rows[[0, 0]]), (4, 5.1));
    assert_eq!(classes(&dataset).0, ["setosa", "versicolor"]);
    let note = dataset.notes.iter().find(|note| note.kind == "counting-line").expect("told");
    assert!(note.message.contains("scikit-learn") && note.message.contains("4 rows of 2 inputs"));
    // Fewer names than cells, as for data of two classes and many columns.
    let wide = "2,3,benign\n1,2,3,0\n4,5,6,0\n";
    assert_eq!(good(wide, &ReadOptions::default()).n_features(), 3);
    // With another number of lines it is a header like any other.
    let odd = "9,2,setosa,y\n5.1,3.5,0,a\n4.9,3.0,1,b\n";
    assert_eq!(names(&good(odd, &ReadOptions::default()))[0], "9");

    // A plan gives the table back under the names that were made for it.
    let folder = tempdir().unwrap();
    let path = write(&folder, "iris.csv", text.as_bytes());
    assert_eq!(read_dataset(&path, &ReadOptions::default()).unwrap().n_rows(), 4);
    let source = read_source_table(&path, &ReadOptions::default()).unwrap().unwrap();
    assert_eq!(source.columns, ["column1", "column2", "target"]);
    assert_eq!(source.rows[3], ["5.9", "3.2", "1"]);
}

#[test]
fn quarters_are_dates() {
    for cells in [["2024-Q1", "2024-Q3"], ["Q1 2024", "Q3 2024"], ["2024q1", "2024q3"]] {
        let text = format!("when,y\n{},no\n{},yes\n", cells[0], cells[1]);
        let dataset = good(&text, &ReadOptions::default());
        // 1 January and 1 July 2024.
        assert_eq!(dataset.rows.column(0).to_vec(), [19_723.0, 19_905.0], "{cells:?}");
        assert!(dataset.notes.iter().any(|note| note.kind == "dates"));
    }
    // A fifth quarter is a text.
    let texts = good("when,y\n2024-Q1,no\n2024-Q5,yes\n", &ReadOptions::default());
    assert_eq!(names(&texts), ["when=2024-Q1", "when=2024-Q5"]);
}
