//! Tables as people export them: decimal commas, words for nothing, row numbers, counts, dates, encodings.

use std::fmt::Write;

use proptest::prelude::*;
use simbias_data::{
    DataError, Dataset, Target, UnusableKind,
    read::{
        DateOrder, DecimalMark, Features, Missing, ReadOptions, Task, decode_image, parse_csv,
        parse_matrix, parse_parquet,
    },
    read_dataset, read_splits,
};
use tempfile::tempdir;

use super::{assert_says, classes, fixture, labelled_by, read, write};

fn parse(text: &str, options: &ReadOptions) -> Result<Dataset, DataError> {
    parse_csv("f.csv".as_ref(), text.as_bytes(), options)
}

#[track_caller]
fn good(text: &str, options: &ReadOptions) -> Dataset {
    parse(text, options).expect("readable")
}

#[track_caller]
fn refused(text: &str, options: &ReadOptions) -> String {
    parse(text, options).expect_err("unreadable").to_string()
}

fn column(dataset: &Dataset, name: &str) -> Vec<f32> {
    let names = dataset.layout.column_names().expect("a table");
    let place = names.iter().position(|other| other == name);
    let place = place.unwrap_or_else(|| panic!("{name} is not in {names:?}"));
    dataset.rows.column(place).to_vec()
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.layout.column_names().expect("a table").iter().map(String::as_str).collect()
}

fn note<'d>(dataset: &'d Dataset, kind: &str) -> &'d str {
    let found = dataset.notes.iter().find(|note| note.kind == kind);
    found.map_or_else(|| panic!("no {kind} in {:?}", dataset.notes), |note| &note.message)
}

fn auto() -> ReadOptions {
    ReadOptions::default()
}

fn with_missing(missing: Missing) -> ReadOptions {
    ReadOptions { missing, ..auto() }
}

#[test]
fn d07_decimal_commas_and_separated_thousands_are_numbers() {
    let text = "a;b;c;d;y\n39,1;1.234,5;1.234;7;x\n-40,5;2.000,0;12.500;8;y\n,5;999,9;999;9;x\n";
    let dataset = good(text, &auto());
    assert_eq!(names(&dataset), ["a", "b", "c", "d"]);
    assert_eq!(column(&dataset, "a"), [39.1, -40.5, 0.5]);
    assert_eq!(column(&dataset, "b"), [1234.5, 2000.0, 999.9]);
    assert_eq!(column(&dataset, "c"), [1234.0, 12_500.0, 999.0], "as the other columns write them");
    assert_eq!(column(&dataset, "d"), [7.0, 8.0, 9.0]);
    assert_says(note(&dataset, "decimal-comma"), &["\"a\"", "39,1", "\"b\"", "\"c\""]);
    let american = "a,b,y\n\"1,234.5\",\"1,234\",0\n\"12,000.0\",\"22,500\",1\n1.5,999,0\n";
    let dataset = good(american, &auto());
    assert_eq!(column(&dataset, "a"), [1234.5, 12_000.0, 1.5]);
    assert_eq!(column(&dataset, "b"), [1234.0, 22_500.0, 999.0]);
    assert_says(note(&dataset, "number-format"), &["\"a\"", "\"b\""]);
    let french = "a;y\n1 234,5;0\n12\u{202f}000;1\n3;0\n";
    assert_eq!(column(&good(french, &auto()), "a"), [1234.5, 12_000.0, 3.0]);
    let swiss = "a;y\n1'234.5;0\n12'000;1\n3;0\n";
    assert_eq!(column(&good(swiss, &auto()), "a"), [1234.5, 12_000.0, 3.0]);
    let units = "a,b,y\n$5,12 %,0\n\"$1,200.50\",3.5%,1\n-$2,4%,0\n";
    let dataset = good(units, &auto());
    assert_eq!(column(&dataset, "a"), [5.0, 1200.5, -2.0]);
    assert_eq!(column(&dataset, "b"), [12.0, 3.5, 4.0]);
}

#[test]
fn d07_what_a_comma_means_is_asked_where_nothing_tells() {
    let text = "a;y\n1,234;0\n2,345;1\n3,456;0\n";
    let error = parse(text, &auto()).unwrap_err();
    let DataError::Unusable { columns, .. } = &error else { panic!("{error}") };
    assert_eq!((columns[0].name.as_str(), columns[0].kind), ("a", UnusableKind::DecimalMark));
    let with = |mark| good(text, &ReadOptions { decimal_mark: Some(mark), ..auto() });
    assert_eq!(column(&with(DecimalMark::Point), "a"), [1234.0, 2345.0, 3456.0]);
    assert_eq!(column(&with(DecimalMark::Comma), "a"), [1.234, 2.345, 3.456]);
    // A point alone is a decimal point, as it always was, unless the user says otherwise.
    // Between semicolons it may as well separate thousands.
    let points = "a,y\n1.234,0\n2.345,1\n";
    assert_eq!(column(&good(points, &auto()), "a"), [1.234, 2.345]);
    assert_says(&refused(&points.replace(',', ";"), &auto()), &["\"a\"", "1.234", "thousands"]);
    let comma = ReadOptions { decimal_mark: Some(DecimalMark::Comma), ..auto() };
    assert_eq!(column(&good(points, &comma), "a"), [1234.0, 2345.0]);
}

#[test]
fn d07_numbers_with_odd_cells_are_never_categories_in_silence() {
    let text = "a;y\n1,5;0\n2,5;1\nk.A;0\n4,5;1\n";
    assert_says(&refused(text, &auto()), &["\"a\"", "numbers", "\"k.A\"", "row 3", "1 of 4"]);
    let words =
        ReadOptions { missing_values: Some(vec!["k.A".into()]), ..with_missing(Missing::Mean) };
    assert_eq!(column(&good(text, &words), "a")[3], 4.5);
    let as_text = ReadOptions { as_text: vec!["a".into()], ..auto() };
    assert_eq!(names(&good(text, &as_text)), ["a=1,5", "a=2,5", "a=4,5", "a=k.A"]);
    let both = "a;y\n1,5;0\n2.25;1\n3,5;0\n";
    assert_says(&refused(both, &auto()), &["\"a\"", "points", "commas"]);
    let mut ages = "age,y\n".to_string();
    for row in 0..100 {
        let _ = writeln!(ages, "{}{},{}", 20 + row % 50, if row == 7 { "+" } else { "" }, row % 2);
    }
    assert_says(&refused(&ages, &auto()), &["\"age\"", "\"27+\""]);
    // The label is a number as well.
    let label = "a;y\n1;0,5\n2;1,5\n3;2,25\n";
    assert_eq!(good(label, &auto()).target, Target::Values(vec![0.5, 1.5, 2.25]));
}

#[test]
fn d09_words_for_nothing_are_values_among_texts_and_missing_among_numbers() {
    let text = "kind,size,y\nNone,1,None\nNA,NA,Minor\nred,3,None\nred,None,Minor\n";
    assert_says(&refused(text, &auto()), &["\"size\"", "row 2"]);
    let dataset = good(text, &with_missing(Missing::Mean));
    assert_eq!(names(&dataset), ["kind=NA", "kind=None", "kind=red", "size"]);
    assert_eq!(column(&dataset, "size"), [1.0, 2.0, 3.0, 2.0]);
    assert_eq!(classes(&dataset), (vec!["Minor", "None"], &[1, 0, 1, 0][..]));
    assert_says(note(&dataset, "words-as-values"), &["\"kind\"", "\"None\" in 1", "\"y\""]);
    // The user's own words are missing everywhere, and only they.
    let words = ReadOptions {
        missing_values: Some(vec!["NA".into(), "None".into()]),
        ..with_missing(Missing::Mean)
    };
    assert_says(&refused(text, &words), &["\"y\"", "row 1"]);
    let other =
        ReadOptions { missing_values: Some(vec!["NA".into()]), ..with_missing(Missing::Mean) };
    assert_eq!(names(&good(text, &other))[..2], ["kind=None", "kind=red"]);
    // A label of numbers has missing labels.
    let label = "a,y\n1,0\n2,NA\n3,1\n4,0\n";
    assert_says(&refused(label, &auto()), &["\"y\"", "row 2"]);
    assert_eq!(classes(&good(label, &with_missing(Missing::Drop))).1, [0, 1, 0]);
}

#[test]
fn d09_dropping_says_how_many_rows_of_which_class_and_warns() {
    // The cost is missing for all "None" and for a few others.
    let mut text = "cost,speed,y\n".to_string();
    for row in 0..60 {
        let (class, cost) = match row % 3 {
            0 => ("None", String::new()),
            1 => ("Minor", row.to_string()),
            _ => ("Major", row.to_string()),
        };
        let _ = writeln!(text, "{cost},{},{class}", row / 2 + row % 7);
    }
    let dataset = good(&text, &with_missing(Missing::Drop));
    let said = note(&dataset, "dropped-rows");
    assert_says(
        said,
        &[
            "20 of 60 rows",
            "\"cost\" in 20 rows",
            "20 of 20 rows of \"None\"",
            "0 of 20 rows of \"Minor\"",
        ],
    );
    assert_says(said, &["No row of \"None\" is left"]);
    let severity = |dataset: &Dataset, kind: &str| {
        dataset.notes.iter().find(|note| note.kind == kind).map(|note| note.severity.word())
    };
    assert_eq!(severity(&dataset, "dropped-rows"), Some("warning"));
    assert_eq!(classes(&dataset).0, ["Major", "Minor"]);
    // Filled in, missingness still tells the label.
    let filled = good(&text, &with_missing(Missing::Mean));
    assert_says(note(&filled, "missing-tells-label"), &["\"cost\"", "20 of 20 rows of \"None\""]);
    // Cells that are missing by chance are no alarm.
    let mut fair = "cost,y\n".to_string();
    for row in 0..100 {
        let cost = if row % 10 < 2 { String::new() } else { (row * 7 % 31).to_string() };
        let _ = writeln!(fair, "{cost},{}", row % 2);
    }
    let dropped = good(&fair, &with_missing(Missing::Drop));
    assert_eq!(severity(&dropped, "dropped-rows"), Some("note"));
    assert_says(note(&dropped, "dropped-rows"), &["20 of 100", "10 of 50 rows of \"0\""]);
    let filled = good(&fair, &with_missing(Missing::Mean));
    assert!(filled.notes.iter().all(|note| note.kind != "missing-tells-label"));
}

/// Twenty rows with a first column called `header`, whose cell in row `i` is `cell(i)`.
fn indexed(header: &str, cell: impl Fn(usize) -> String) -> String {
    let rows = (0..20).map(|row| format!("{},{},{}\n", cell(row), row * 7 % 11, row % 2));
    format!("{header},a,y\n{}", rows.collect::<String>())
}

#[test]
fn d11_a_row_index_is_left_out_and_said_however_it_is_spelt() {
    for (header, cell) in [
        ("Unnamed: 0", "i"),
        ("", "i"),
        ("Unnamed: 0", "thinned"),
        ("", "thinned"),
        ("", "name"),
        ("Unnamed: 0.1", "thinned"),
        ("anything", "i"),
        ("anything", "from one"),
        ("rownames", "thinned"),
        ("Row ID", "thinned"),
    ] {
        let text = indexed(header, |row| match cell {
            "i" => row.to_string(),
            "from one" => (row + 1).to_string(),
            "thinned" => (1 + 20 * row).to_string(),
            _ => format!("Mazda {row}"),
        });
        let dataset = good(&text, &auto());
        assert_eq!(names(&dataset), ["a"], "{header:?} {cell}");
        let name = if header.is_empty() { "column1" } else { header };
        assert_says(note(&dataset, "row-index"), &[name, "Left out"]);
    }
    // Both spellings say the same of the same rows.
    let rows = |header| good(&indexed(header, |row| row.to_string()), &auto()).rows;
    assert_eq!(rows("Unnamed: 0"), rows(""));
}

#[test]
fn d11_an_index_can_be_kept_and_what_is_none_stays() {
    let counted = |header: &str| indexed(header, |row| row.to_string());
    for (header, name) in [("Unnamed: 0", "Unnamed: 0"), ("", "column1"), ("step", "step")] {
        let keep = ReadOptions { keep: vec![name.into()], ..auto() };
        assert_eq!(names(&good(&counted(header), &keep)), [name, "a"]);
        let only = ReadOptions { features: Features::Only(vec![name.into()]), ..auto() };
        assert_eq!(names(&good(&counted(header), &only)), [name]);
    }
    assert_says(
        &refused(&counted("step"), &ReadOptions { keep: vec!["stepp".into()], ..auto() }),
        &["\"stepp\"", "did you mean \"step\""],
    );
    for cell in [
        (|row| (row * 3 % 20).to_string()) as fn(usize) -> String,
        |row| (1900 + row).to_string(),
        |row| (row / 2).to_string(),
        |row| (row as f64 * 0.5).to_string(),
    ] {
        let dataset = good(&indexed("year", cell), &auto());
        assert_eq!(names(&dataset), ["year", "a"], "{}", cell(3));
    }
    // The only input is kept, with a caution.
    let alone: String = (0..20).map(|row| format!("{row},{}\n", row % 2)).collect();
    let dataset = good(&format!("a,y\n{alone}"), &auto());
    assert_eq!(names(&dataset), ["a"]);
    assert_says(note(&dataset, "row-index"), &["no other input"]);
}

/// A table whose label in row `i` is `label(i)`.
fn labelled(n_rows: usize, label: impl Fn(usize) -> String) -> String {
    let rows = (0..n_rows).map(|row| format!("{},{}\n", (row * 37) % 101, label(row)));
    format!("a,y\n{}", rows.collect::<String>())
}

#[test]
fn d21_counts_and_many_whole_numbers_are_asked_about() {
    // A long tail of counts: 0 half of the time, then ever fewer.
    let count = |row: usize| (row as f64 / 1000.0).powi(4) * 20.0;
    let counts = labelled(1000, |row| (count(row) as usize).to_string());
    let error = parse(&counts, &auto()).unwrap_err();
    assert!(matches!(error, DataError::ClassesOrValues { n_distinct: 20, .. }), "{error}");
    assert_says(&error.to_string(), &["20 different whole numbers", "0 to 19", "classes or"]);
    let task = |task| good(&counts, &ReadOptions { task, ..auto() });
    assert_eq!(task(Task::Classes).class_labels().unwrap().n_classes(), 20);
    assert!(matches!(task(Task::Values).target, Target::Values(_)));
    let threshold = ReadOptions { label_threshold: Some(1.0), ..auto() };
    assert_eq!(classes(&good(&counts, &threshold)).0, ["<1", ">=1"]);
    // Ages: even, but no count of classes.
    let ages = labelled(600, |row| (20 + row % 40).to_string());
    assert!(matches!(parse(&ages, &auto()), Err(DataError::ClassesOrValues { .. })));
    // Classes numbered from 0 or 1 without gaps are classes, and that is said.
    for first in [0, 1] {
        let codes = good(&labelled(600, |row| (first + row % 20).to_string()), &auto());
        assert_eq!(codes.class_labels().unwrap().n_classes(), 20);
        assert_says(note(&codes, "task"), &["20 different", "classes"]);
    }
    // Few counts are classes, and that is said; the usual classes need no remark.
    let few = good(
        &labelled(300, |row| ((row as f64 / 300.0).powi(5) * 6.0).floor().to_string()),
        &auto(),
    );
    assert_says(note(&few, "task"), &["6 different", "read as classes"]);
    let usual = good(&labelled(300, |row| (row % 3).to_string()), &auto());
    assert!(usual.notes.iter().all(|note| note.kind != "task"), "{:?}", usual.notes);
    // Numbers that hardly repeat are values, and that is said.
    let values = good(&labelled(200, |row| (row * 13 % 997).to_string()), &auto());
    assert!(matches!(values.target, Target::Values(_)));
    assert_says(note(&values, "task"), &["200 different", "values"]);
}

#[test]
fn d21_parts_decide_together() {
    let folder = tempdir().unwrap();
    write(&folder, "train.csv", labelled(900, |row| (row % 30).to_string()));
    write(&folder, "test.csv", labelled(60, |row| (row % 30).to_string()));
    let split =
        read_splits(folder.path(), &auto(), &simbias_data::SplitOptions::default()).unwrap();
    assert_eq!(split.test.0.class_labels().unwrap().n_classes(), 30);
    assert_eq!(split.notes().iter().filter(|note| note.kind == "task").count(), 1);
}

#[test]
fn dates_become_days_and_hours_with_a_note() {
    let text = "when,day,at,named,y\n1970-01-02T06:00:00Z,31.12.1970,12:30,Jan 2 1970,0\n\
                1970-01-03 12:00,1.2.1970,23:00,Feb 1 1970,1\n1970-01-01,3.1.1970,0:15,3 Mar 1970,0\n";
    let dataset = good(text, &auto());
    assert_eq!(names(&dataset), ["when", "when (hour)", "day", "at", "named"]);
    assert_eq!(column(&dataset, "when"), [1.0, 2.0, 0.0]);
    assert_eq!(column(&dataset, "when (hour)"), [6.0, 12.0, 0.0]);
    assert_eq!(column(&dataset, "day"), [364.0, 31.0, 2.0]);
    assert_eq!(column(&dataset, "at"), [12.5, 23.0, 0.25]);
    assert_eq!(column(&dataset, "named"), [1.0, 31.0, 61.0]);
    assert_says(note(&dataset, "dates"), &["\"when\"", "days and hours", "\"at\"", "hours"]);
    let groups = dataset.layout.column_groups();
    assert!(groups.iter().all(|group| group.columns.len() == 1), "{groups:?}");
    // A missing date is filled with the mean day.
    let gap = "day,y\n1970-01-02,0\n,1\n1970-01-04,0\n";
    assert_eq!(column(&good(gap, &with_missing(Missing::Mean)), "day"), [1.0, 2.0, 3.0]);
    // The order of day and month is asked for when no cell tells it, and found otherwise.
    let unclear = "d,y\n1/2/1970,0\n3/4/1970,1\n";
    assert_says(&refused(unclear, &auto()), &["\"d\"", "1/2/1970", "day or the month"]);
    let with = |order| good(unclear, &ReadOptions { date_order: Some(order), ..auto() });
    assert_eq!(column(&with(DateOrder::DayFirst), "d"), [31.0, 92.0]);
    assert_eq!(column(&with(DateOrder::MonthFirst), "d"), [1.0, 62.0]);
    let other = "d,e,y\n1/2/1970,1/31/1970,0\n3/4/1970,2/2/1970,1\n";
    assert_eq!(column(&good(other, &auto()), "d"), [1.0, 62.0]);
}

#[test]
fn tables_without_header_and_with_any_delimiter_are_read() {
    let headerless = ReadOptions { has_header: false, ..labelled_by("column3") };
    let dataset = good("5.1,3.5,setosa\n4.9,3.0,virginica\n", &headerless);
    assert_eq!(names(&dataset), ["column1", "column2"]);
    assert_eq!(column(&dataset, "column1"), [5.1, 4.9]);
    // A row that was taken for the header is remarked.
    let lost = good("5.1,3.5,y\n4.9,3.0,a\n4.7,3.2,b\n", &labelled_by("y"));
    assert_says(note(&lost, "header"), &["5.1", "no header"]);
    for text in [
        "a|b|y\n1|2|0\n3|4|1\n",
        "a\tb\ty\n1\t2\t0\n3\t4\t1\n",
        "a b y\n1 2 0\n3 4 1\n",
        "  a   b  y\n  1   2  0\n 3   4  1\n",
        "sep=;\na;b;y\n1;2;0\n3;4;1\n",
        "\u{feff}a;b;y\r\n1;2;0\r\n3;4;1\r\n",
    ] {
        let dataset = good(text, &auto());
        assert_eq!(names(&dataset), ["a", "b"], "{text}");
        assert_eq!(dataset.rows.as_slice().unwrap(), [1.0, 2.0, 3.0, 4.0], "{text}");
    }
    // Unquoted decimal commas between semicolons or blanks.
    for text in ["a;b;y\n1,5;2,5;0\n3,5;4,5;1\n", "a b y\n1,5 2,5 0\n3,5 4,5 1\n"] {
        assert_eq!(column(&good(text, &auto()), "b"), [2.5, 4.5], "{text}");
    }
    // R leaves out the name of the column with the names of the rows.
    let r = "\"mpg\" \"y\"\n\"Mazda RX4\" 21.5 0\n\"Hornet 4\" 18.7 1\n";
    let dataset = good(r, &auto());
    assert_eq!(names(&dataset), ["mpg"]);
    assert_eq!(column(&dataset, "mpg"), [21.5, 18.7]);
    // A delimiter at the end of every line.
    let trailing = good("a,b,y,\n1,2,0,\n3,4,1,\n", &auto());
    assert_eq!(names(&trailing), ["a", "b"]);
    assert_says(note(&trailing, "unusable-columns"), &["column4", "no value"]);
}

#[test]
fn latin_1_and_utf_16_are_read() {
    let text = "größe,y\n1,grün\n2,blau\n";
    let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
    let utf16 = |little: bool, mark: bool| -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units
            .flat_map(|unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    };
    let expected = good(text, &auto());
    assert!(expected.notes.is_empty());
    let read = |bytes: &[u8]| parse_csv("f.csv".as_ref(), bytes, &auto()).unwrap();
    let from_latin = read(&latin);
    assert_eq!((&from_latin.rows, &from_latin.layout), (&expected.rows, &expected.layout));
    assert_eq!(classes(&from_latin).0, ["blau", "grün"]);
    assert_says(note(&from_latin, "encoding"), &["Latin-1", "Windows-1252"]);
    for (little, mark) in [(true, true), (false, true), (true, false), (false, false)] {
        assert_eq!(read(&utf16(little, mark)), expected, "{little} {mark}");
    }
    // A damaged place in UTF-8 does not make it another encoding.
    let mut damaged = text.as_bytes().to_vec();
    damaged.extend(b"3,\xff\n");
    let error = parse_csv("f.csv".as_ref(), &damaged, &auto()).unwrap_err().to_string();
    assert_says(&error, &["line 4", "UTF-8"]);
    assert!(parse_matrix("f.csv".as_ref(), &utf16(true, true)[..2]).is_err());
}

#[test]
fn all_unusable_columns_are_named_at_once_or_left_out() {
    let mut text = "id,a,empty,note,bad,y\n".to_string();
    for row in 0..400 {
        let bad = if row == 5 { "inf".into() } else { row.to_string() };
        let _ = writeln!(text, "n{row},{},,{row} is a text,{bad},{}", row % 9, row % 2);
    }
    let error = parse(&text, &auto()).unwrap_err();
    let DataError::Unusable { columns, .. } = &error else { panic!("{error}") };
    let found: Vec<(&str, UnusableKind)> =
        columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    assert_eq!(
        found,
        [
            ("id", UnusableKind::Identifier),
            ("empty", UnusableKind::Empty),
            ("note", UnusableKind::Identifier),
            ("bad", UnusableKind::NotFinite),
        ]
    );
    assert_says(
        &error.to_string(),
        &["4 columns", "\"id\"", "\"note\"", "row 6", "leave them out"],
    );
    let drops = ReadOptions { drop_unusable: true, ..auto() };
    let dataset = good(&text, &drops);
    assert_eq!(names(&dataset), ["a"]);
    assert_says(
        note(&dataset, "unusable-columns"),
        &["\"id\"", "\"empty\"", "\"note\"", "\"bad\""],
    );
    // Fewer rows than categories allowed: another text in every row is an identifier all the same.
    let ids: String = (0..60).map(|row| format!("n{row},{row},{}\n", row % 2)).collect();
    let who = format!("who,a,y\n{ids}");
    assert_says(&refused(&who, &auto()), &["\"who\"", "every row"]);
    let as_text = ReadOptions { as_text: vec!["who".into()], ..auto() };
    assert_eq!(good(&who, &as_text).n_features(), 60, "the second column counts the rows");
    let few = ReadOptions { max_categories: 50, ..as_text };
    assert_says(&refused(&who, &few), &["more than 50 distinct"]);
    // All columns with missing cells are named, too.
    let gaps = "a,b,c,y\n1,,3,0\n,2,,1\n4,5,,0\n";
    assert_says(&refused(gaps, &auto()), &["row 1", "\"b\" (1)", "\"a\" (1)", "\"c\" (2)"]);
}

#[test]
fn missing_cells_can_stay_or_be_marked() {
    let text = "a,b,c,y\n1,u,5,0\n,v,6,1\n3,,7,0\n5,u,8,1\n";
    let kept = good(text, &with_missing(Missing::Keep));
    assert_eq!(names(&kept), ["a", "b=u", "b=v", "c"]);
    assert!(kept.rows[[1, 0]].is_nan() && kept.has_missing());
    assert_eq!(kept.rows.iter().filter(|value| value.is_nan()).count(), 1);
    let marked = good(text, &with_missing(Missing::Indicate));
    assert_eq!(names(&marked), ["a", "a (missing)", "b=u", "b=v", "b (missing)", "c"]);
    assert_eq!(column(&marked, "a"), [1.0, 3.0, 3.0, 5.0]);
    assert_eq!(column(&marked, "a (missing)"), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(column(&marked, "b (missing)"), [0.0, 0.0, 1.0, 0.0]);
    assert!(!marked.has_missing());
    let groups: Vec<&str> =
        marked.layout.column_groups().iter().map(|group| group.name.as_str()).collect();
    assert_eq!(groups, ["a", "a (missing)", "b", "b (missing)", "c"]);
    // Arrays keep NaN as well.
    let folder = tempdir().unwrap();
    let path = write(&folder, "t.csv", text);
    assert_eq!(
        read_dataset(&path, &with_missing(Missing::Keep)).unwrap().fingerprint(),
        kept.fingerprint()
    );
}

#[test]
fn weights_are_read_and_are_no_input() {
    let text = "a,w,y\n1,2,0\n2,0,1\n3,4,0\n4,2,1\n";
    let weighted = ReadOptions { weights: Some("w".into()), ..auto() };
    let dataset = good(text, &weighted);
    assert_eq!(names(&dataset), ["a"]);
    assert_eq!(dataset.weights.as_deref(), Some(&[2.0, 0.0, 4.0, 2.0][..]));
    assert_eq!(dataset.mean_one_weights(), Some(vec![1.0, 0.0, 2.0, 1.0]));
    assert_eq!(dataset.select(&[2, 0]).weights, Some(vec![4.0, 2.0]));
    assert_ne!(
        dataset.fingerprint(),
        good(text, &ReadOptions { features: Features::Only(vec!["a".into()]), ..auto() })
            .fingerprint()
    );
    assert_says(note(&dataset, "weights"), &["train", "once"]);
    assert_says(&refused(&text.replace("4,0", "-4,0"), &weighted), &["\"w\"", "negative"]);
    assert_says(&refused(&text.replace("3,4,0", "3,x,0"), &weighted), &["\"w\"", "no numbers"]);
    assert_says(
        &refused(text, &ReadOptions { weights: Some("ww".into()), ..auto() }),
        &["weight column", "\"ww\""],
    );
}

#[test]
fn parquet_types_dates_and_bytes() {
    let error = read_dataset(&fixture("typed.parquet"), &with_missing(Missing::Mean)).unwrap_err();
    let DataError::Unusable { columns, .. } = &error else { panic!("{error}") };
    assert_eq!((columns.len(), columns[0].name.as_str()), (1, "embedding"));
    assert_says(&error.to_string(), &["neither images nor texts"]);
    let options = ReadOptions { drop_unusable: true, ..with_missing(Missing::Mean) };
    let dataset = read(&fixture("typed.parquet"), &options);
    assert_eq!(
        names(&dataset),
        [
            "day",
            "moment",
            "moment (hour)",
            "price",
            "word=blue",
            "word=red",
            "comma",
            "code=10",
            "code=20"
        ]
    );
    assert_eq!(column(&dataset, "day"), [0.0, 1.0, 31.0, 30.2, 59.0, 60.0]);
    assert_eq!(column(&dataset, "moment"), [0.0, 0.0, 0.2, 1.0, 0.0, 0.0]);
    assert_eq!(column(&dataset, "moment (hour)")[1], 1.0);
    assert_eq!(column(&dataset, "price"), [2.4, 1.5, -2.25, 3.0, 4.75, 5.0]);
    assert_eq!(column(&dataset, "comma"), [1.5, 2.5, 3.25, 4.5, 1005.5, 6.5]);
    assert_says(note(&dataset, "bytes-as-text"), &["\"word\""]);
    assert_says(note(&dataset, "dates"), &["\"day\"", "\"moment\""]);
    let image = ReadOptions { image_column: Some("embedding".into()), ..auto() };
    let error = read_dataset(&fixture("typed.parquet"), &image).unwrap_err().to_string();
    assert_says(&error, &["\"embedding\"", "no images"]);
}

#[test]
fn checksums_of_parquet_pages_are_verified() {
    let bytes = std::fs::read(fixture("typed.parquet")).unwrap();
    let options = ReadOptions { drop_unusable: true, ..with_missing(Missing::Mean) };
    // A text in the middle of a page: nothing but the checksum notices.
    let place = bytes.windows(5).position(|window| window == b"3,25\x03" || window == b"3,25\x05");
    let place = place.or_else(|| bytes.windows(4).position(|window| window == b"3,25")).unwrap();
    let mut damaged = bytes;
    damaged[place] = b'9';
    let error = parse_parquet("p.parquet".as_ref(), damaged, &options).unwrap_err().to_string();
    assert_says(&error, &["p.parquet", "checksum"]);
}

#[test]
fn bytes_of_another_kind_are_no_broken_images() {
    let says = |bytes: &[u8]| decode_image("photo.png".as_ref(), bytes).unwrap_err().to_string();
    assert_says(&says(b"%PDF-1.7 ..."), &["is not an image", "PDF"]);
    assert_says(&says(b"<!DOCTYPE html><html></html>"), &["is not an image", "HTML"]);
    assert_says(&says(b"version https://git-lfs.github.com/spec/v1\n"), &["LFS", "fetch"]);
    assert_says(&says(&[0, 1, 2, 3]), &["is not an image", "begins with"]);
    assert_says(&says(b""), &["is not an image", "empty"]);
    // An image that is cut short is broken.
    let png = std::fs::read(fixture("tiny.png")).unwrap();
    assert!(!says(&png[..40]).contains("is not an image"));
}

proptest! {
    #[test]
    fn any_cells_are_read_or_refused_without_a_panic(
        cells in prop::collection::vec("[-+0-9.,:/ '%$eETZamNA?;|\t]{0,12}", 1..40),
        missing in 0..5_usize,
        header in any::<bool>(),
    ) {
        let missing = [Missing::Error, Missing::Mean, Missing::Drop, Missing::Keep, Missing::Indicate][missing];
        let rows: String = cells.iter().enumerate().map(|(row, cell)| format!("{cell};{}\n", row % 2)).collect();
        let options = ReadOptions { has_header: header, drop_unusable: true, ..with_missing(missing) };
        if let Ok(dataset) = parse(&format!("a;y\n{rows}"), &options) {
            prop_assert!(dataset.rows.iter().all(|value| value.is_finite() || missing == Missing::Keep));
            prop_assert_eq!(dataset.n_features(), dataset.layout.n_features());
        }
    }

    #[test]
    fn any_bytes_as_text_are_read_or_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        mark in 0..3_usize,
    ) {
        let mut text = [vec![], vec![0xff, 0xfe], vec![0xfe, 0xff]][mark].clone();
        text.extend(&bytes);
        let _ = parse_csv("f.csv".as_ref(), &text, &auto());
        let mut latin = b"a,y\n1,".to_vec();
        latin.extend(&bytes);
        let _ = parse_csv("f.csv".as_ref(), &latin, &auto());
    }
}
