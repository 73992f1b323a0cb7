//! Tables as people export them: what was decided about them is said, and what cannot be decided is asked.

use std::fmt::Write;

use crate::program::{Bench, Ended};

/// `n` rows of the given cells, under a header.
fn rows(header: &str, n: usize, row: impl Fn(usize) -> String) -> String {
    let mut text = format!("{header}\n");
    for index in 0..n {
        let _ = writeln!(text, "{}", row(index));
    }
    text
}

/// A pseudo-random whole number below `most`.
fn mixed(row: usize, most: usize) -> usize {
    (row * 7919 + 13) % 10_007 % most
}

#[track_caller]
fn says(ended: &Ended, words: &[&str]) {
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in\n{}", ended.stderr);
    }
}

#[test]
fn d07_a_german_export_is_read_as_numbers_and_that_is_said() {
    let bench = Bench::new();
    let german = rows("länge;preis;art", 60, |row| {
        let (length, price) = (mixed(row, 400), mixed(row, 9000));
        format!("{},{};1.{:03},50;{}", length / 10, length % 10, price % 1000, ["a", "b"][row % 2])
    });
    bench.write("g.csv", &german);
    let ended = bench.succeed("train g.csv --labels art --max-steps 5 --out net");
    says(&ended, &["note: Numbers with a decimal comma", "\"länge\"", "\"preis\""]);
    assert!(bench.read("net/report.html").contains("decimal comma"));
    let ended = bench
        .succeed("reliance plan --data g.csv --labels art --blocks columns --repeats 1 --out plan");
    says(&ended, &["decimal comma"]);
    let plan = bench.json("plan/plan.json");
    assert_eq!(plan["blocks"].as_array().map(Vec::len), Some(2), "no column became categories");
    bench.write(
        "t.csv",
        &rows("a;y", 30, |row| format!("{},{:03};{}", 1 + row % 9, 111 + row, row % 2)),
    );
    bench.refuse("train t.csv --out no", &["\"a\"", "comma", "--decimal-mark", "--drop a"]);
    bench.succeed("train t.csv --decimal-mark point --max-steps 5 --out yes");
    bench.write(
        "m.csv",
        &rows("a;y", 30, |row| match row {
            4 => "k.A..;0".into(),
            _ => format!("{},5;{}", row, row % 2),
        }),
    );
    bench.refuse("train m.csv --out no", &["\"k.A..\"", "row 5", "--missing-values", "--as-text"]);
    bench.succeed("train m.csv --missing-values k.A.. --missing mean --max-steps 5 --out words");
}

#[test]
fn d09_none_is_a_class_and_dropped_rows_are_counted_by_class() {
    let bench = Bench::new();
    let birds = rows("damage,phase,speed,y", 90, |row| {
        let class = ["None", "Minor", "Major"][row % 3];
        let speed =
            if row % 3 == 0 && row % 5 != 0 { String::new() } else { mixed(row, 300).to_string() };
        format!("{class},{},{speed},{}", ["Climb", "NA"][row % 2], row % 2)
    });
    bench.write("b.csv", &birds);
    let words = "reliance plan --data b.csv --labels damage --repeats 1";
    bench.refuse(&format!("{words} --out no"), &["\"speed\"", "row 4", "--missing drop"]);
    let ended = bench.succeed(&format!("{words} --missing drop --out plan"));
    says(
        &ended,
        &[
            "1 = Minor, 2 = None",
            "warning: 24 of 90 rows",
            "24 of 30 rows of \"None\"",
            "Missing cells tell the label",
            "\"NA\" in 45 cells",
        ],
    );
    let ended = bench.succeed(&format!("{words} --missing-values None --missing drop --out asked"));
    says(&ended, &["0 = Major, 1 = Minor", "30 of 90 rows", "\"damage\" in 30 rows"]);
    let ended = bench.succeed(
        "audit b.csv --labels y --drop damage --missing mean --quick --remedies none --out audit",
    );
    says(&ended, &["\"NA\" in 45 cells"]);
    let report = bench.read("audit/report.html");
    assert!(report.contains("words such as None and NA are values"));
}

#[test]
fn d11_an_index_column_is_no_input_in_either_spelling() {
    let bench = Bench::new();
    let table = |header: &str| {
        rows(&format!("{header},a,b,y"), 40, |row| {
            format!("{},{},{},{}", row * 20 + 1, mixed(row, 50), mixed(row + 3, 70), row % 2)
        })
    };
    let mut results = Vec::new();
    for (file, header, name) in
        [("u.csv", "Unnamed: 0", "\"Unnamed: 0\""), ("e.csv", "", "\"column1\"")]
    {
        bench.write(file, &table(header));
        let out = format!("net-{file}");
        let ended = bench.succeed(&format!("train {file} --max-steps 5 --out {out}"));
        says(&ended, &["note: Left out", name, "order of the rows"]);
        results.push(bench.bytes(&format!("{out}/network.safetensors")));
    }
    assert_eq!(results[0], results[1]);
    let kept = [
        "reliance",
        "plan",
        "--data",
        "u.csv",
        "--keep",
        "Unnamed: 0",
        "--blocks",
        "columns",
        "--repeats",
        "1",
        "--out",
        "kept",
    ];
    let ended = bench.run_words(kept);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(bench.json("kept/plan.json")["blocks"].as_array().map(Vec::len), Some(3));
}

#[test]
fn d21_a_count_as_label_is_asked_about_before_any_work() {
    let bench = Bench::new();
    let counts = rows("a,b,visits", 600, |row| {
        let count = (row as f64 / 600.0).powi(4) * 30.0;
        format!("{},{},{}", mixed(row, 50), mixed(row + 7, 60), count as usize)
    });
    bench.write("c.csv", &counts);
    for command in [
        "audit c.csv --labels visits --quick --out no",
        "train c.csv --labels visits --out no",
        "reliance plan --data c.csv --labels visits --out no",
        "reliance simplicity --data c.csv --labels visits --out no",
    ] {
        bench.refuse(
            command,
            &["30 different whole numbers", "0 to 29", "--task values", "--task classes"],
        );
    }
    bench.succeed("train c.csv --labels visits --task values --max-steps 5 --out values");
    let few =
        rows("a,stars", 200, |row| format!("{},{}", mixed(row, 50), [5, 5, 5, 4, 3][row % 5]));
    bench.write("f.csv", &few);
    let ended = bench.succeed("train f.csv --labels stars --max-steps 5 --out few");
    says(
        &ended,
        &["note: The labels are 3 different whole numbers", "read as classes", "--task values"],
    );
}

#[test]
fn unusable_columns_are_named_at_once_with_flags_to_copy() {
    let bench = Bench::new();
    let table = rows("full name,a,\"odd, very\",empty,y", 60, |row| {
        format!("person {row},{},text {row},,{}", mixed(row, 50), row % 2)
    });
    bench.write("t.csv", &table);
    bench.refuse(
        "train t.csv --out no",
        &["3 columns", "full name", "--drop-unusable", r#"--drop 'full name,"odd, very",empty'"#],
    );
    let dropped = [
        "train",
        "t.csv",
        "--drop",
        "full name,\"odd, very\",empty",
        "--max-steps",
        "5",
        "--out",
        "dropped",
    ];
    let ended = bench.run_words(dropped);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = bench.succeed("train t.csv --drop-unusable --max-steps 5 --out left");
    says(&ended, &["caution: Unusable columns were left out", "\"full name\"", "\"empty\""]);
    assert_eq!(bench.bytes("left/network.safetensors"), bench.bytes("dropped/network.safetensors"));
}

#[test]
fn missing_cells_stay_only_where_a_model_takes_them() {
    let bench = Bench::new();
    let table = rows("a,b,y", 60, |row| {
        let a = if row % 9 == 0 { String::new() } else { mixed(row, 50).to_string() };
        format!("{a},{},{}", mixed(row + 5, 40), row % 2)
    });
    bench.write("t.csv", &table);
    for command in [
        "train t.csv --missing keep --out no",
        "audit t.csv --missing keep --quick --out no",
        "reliance simplicity --data t.csv --missing keep --out no",
    ] {
        bench.refuse(command, &["--missing mean"]);
    }
    bench.succeed("reliance plan --data t.csv --missing keep --repeats 1 --materialize --out plan");
    bench.succeed(
        "reliance plan --data t.csv --missing indicate --blocks columns --repeats 1 --out marked",
    );
    assert!(bench.read("marked/plan.json").contains("a (missing)"));
}

#[test]
fn weights_of_rows_change_training_and_are_no_input() {
    let bench = Bench::new();
    // Half of the rows say the opposite and weigh nothing.
    let table = rows("a,b,w,y", 400, |row| {
        let a = mixed(row, 100);
        let (is_wrong, truth) = (mixed(row + 11, 2) == 0, a >= 50);
        format!(
            "{a},{},{},{}",
            mixed(row + 5, 40),
            u8::from(!is_wrong),
            u8::from(truth != is_wrong)
        )
    });
    bench.write("t.csv", &table);
    let ended = bench.succeed("train t.csv --weights w --max-steps 200 --out weighted");
    says(&ended, &["note: The weights of the rows count"]);
    assert!(bench.read("weighted/report.html").contains("every row once"));
    bench.succeed("train t.csv --drop w --max-steps 200 --out plain");
    assert_ne!(
        bench.bytes("weighted/network.safetensors"),
        bench.bytes("plain/network.safetensors")
    );
    bench.refuse("train t.csv --weights v --out no", &["weight column", "\"v\""]);
}

#[test]
fn tables_without_header_are_read_when_asked() {
    let bench = Bench::new();
    let table = rows("5.5,3.5,x", 40, |row| {
        format!("{}.5,{}.5,{}", row % 7, mixed(row, 9), ["x", "y"][row % 2])
    });
    bench.write("t.csv", &table);
    bench.refuse("train t.csv --labels column3 --out no", &["column3", "--no-header"]);
    bench.succeed("train t.csv --no-header --labels column3 --max-steps 5 --out net");
}
