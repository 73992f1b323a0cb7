//! Models and data that know columns, categories and classes in orders of their own.

use simbias_reliance::RelianceOutcome;

use crate::program::Bench;

fn outcome(bench: &Bench, out: &str) -> RelianceOutcome {
    RelianceOutcome::from_json(&bench.read(&format!("{out}/result.json"))).unwrap()
}

fn auc(bench: &Bench, out: &str) -> f64 {
    outcome(bench, out).standard.metric.value
}

fn notes(bench: &Bench, out: &str) -> String {
    bench.json(&format!("{out}/result.json"))["notes"].to_string()
}

#[cfg(feature = "onnx")]
fn fixture(bench: &Bench, name: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
    std::fs::copy(format!("{folder}{name}"), bench.path(name)).unwrap();
}

#[cfg(feature = "onnx")]
fn export(bench: &Bench, name: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../simbias-onnx/tests/fixtures/exports/");
    std::fs::copy(format!("{folder}{name}"), bench.path(name)).unwrap();
}

/// Rows whose class follows the colour; `colours` gives the name of each of the four.
fn colours(n: usize, colours: [&str; 4]) -> Vec<[String; 3]> {
    (0..n)
        .map(|row| {
            let colour = (row * 7 + row / 5) % 4;
            let class = if colour < 2 { "warm" } else { "cold" };
            let noise = (row as f64 * 12.9898).sin();
            [colours[colour].to_string(), format!("{noise:.3}"), class.to_string()]
        })
        .collect()
}

fn csv(order: [usize; 3], rows: &[[String; 3]]) -> String {
    let line = |row: &[String; 3]| order.map(|place| row[place].clone()).join(",") + "\n";
    let header = ["colour", "v", "y"].map(String::from);
    std::iter::once(&header).chain(rows).map(line).collect()
}

#[test]
fn d12_a_network_finds_columns_categories_and_classes_by_name() {
    let bench = Bench::new();
    let known = ["red", "amber", "green", "blue"];
    bench.write("train.csv", &csv([0, 1, 2], &colours(240, known)));
    bench.succeed("train train.csv --labels y --max-steps 300 --out net");
    let learned = &bench.json("net/network.json")["learned_from"];
    assert_eq!(learned["classes"], serde_json::json!(["cold", "warm"]));
    assert!(learned["layout"].to_string().contains("colour=amber"), "{learned}");

    let words = "reliance run --model net --labels y --blocks columns --repeats 3 --data";
    bench.write("same.csv", &csv([0, 1, 2], &colours(120, known)));
    bench.succeed(&format!("{words} same.csv --out same"));
    assert!(auc(&bench, "same") > 0.99);
    // Another order of the columns, and one more of them.
    bench.write("order.csv", &csv([2, 1, 0], &colours(120, known)));
    bench.succeed(&format!("{words} order.csv --out order"));
    assert_eq!(auc(&bench, "order"), auc(&bench, "same"));
    let more: Vec<String> = csv([0, 1, 2], &colours(120, known))
        .lines()
        .enumerate()
        .map(|(row, line)| {
            format!("{},{line}", if row == 0 { "extra".into() } else { (row * 7 % 13).to_string() })
        })
        .collect();
    bench.write("more.csv", &more.join("\n"));
    bench.succeed(&format!("{words} more.csv --out more"));
    assert_eq!(auc(&bench, "more"), auc(&bench, "same"));
    assert!(notes(&bench, "more").contains("columns-left-out"));

    // A category that sorts elsewhere: it is named, and no other category moves into its place.
    let swapped = ["red", "amber", "zinc", "blue"];
    bench.write("swapped.csv", &csv([0, 1, 2], &colours(120, swapped)));
    bench.succeed(&format!("{words} swapped.csv --out swapped"));
    assert!(notes(&bench, "swapped").contains("colour = \\\"zinc\\\" (24 rows)"));
    let outcome = outcome(&bench, "swapped");
    assert!(outcome.standard.metric.value > 0.8, "{}", outcome.standard.metric.value);
    let necessity = |name: &str| outcome.block(name).unwrap().necessity.as_ref().unwrap().value;
    assert!(necessity("colour") > 0.5, "{}", necessity("colour"));

    // Fewer categories, more categories.
    let few: Vec<[String; 3]> =
        colours(120, known).into_iter().filter(|row| row[0] != "amber").collect();
    bench.write("few.csv", &csv([0, 1, 2], &few));
    bench.succeed(&format!("{words} few.csv --out few"));
    assert!(auc(&bench, "few") > 0.99);
    bench.succeed("audit few.csv --labels y --model net --quick --remedies none --out audit");

    let lacking: Vec<String> = csv([0, 1, 2], &colours(120, known))
        .lines()
        .map(|line| line.split_once(',').unwrap().1.to_string())
        .collect();
    bench.write("lacking.csv", &lacking.join("\n"));
    bench.refuse(&format!("{words} lacking.csv --out x"), &["the column colour", "lack"]);
    let other = csv([0, 1, 2], &colours(120, known)).replace("warm", "hot");
    bench.write("other.csv", &other);
    bench.refuse(&format!("{words} other.csv --out x"), &["\"hot\"", "warm"]);
}

#[test]
fn d23_a_network_takes_rows_that_lack_a_class() {
    let bench = Bench::new();
    let mut rows = String::from("a,b,y\n");
    let mut lacking = rows.clone();
    for row in 0..300 {
        let noise = (row as f64 * 12.9898).sin();
        let class = row % 3;
        let line = format!("{},{noise:.3},k{class}\n", class as f64 + 0.2 * noise);
        rows.push_str(&line);
        if class != 1 {
            lacking.push_str(&line);
        }
    }
    bench.write("t.csv", &rows);
    bench.write("lacking.csv", &lacking);
    bench.succeed("train t.csv --labels y --max-steps 300 --out net");
    bench.succeed("reliance run --model net --data lacking.csv --labels y --repeats 3 --out out");
    assert!(auc(&bench, "out") > 0.95, "{}", auc(&bench, "out"));
    let classes = outcome(&bench, "out").classes;
    assert_eq!(classes, [("k0".into(), 100), ("k1".into(), 0), ("k2".into(), 100)]);
    assert!(notes(&bench, "out").contains("absent-classes"));
    // A plan for other frameworks says the order of all classes.
    bench.succeed(
        "reliance plan --data lacking.csv --labels y --classes k2,k1,k0 --repeats 1 --out plan",
    );
    let plan = bench.json("plan/plan.json");
    assert_eq!(plan["classes"], serde_json::json!(["k2", "k1", "k0"]));
    assert!(bench.read("plan/HOWTO.md").contains("k2, k1, k0"));
    bench.refuse(
        "reliance plan --data t.csv --labels y --classes k0,k2 --out x",
        &["\"k1\"", "--classes"],
    );
}

#[cfg(feature = "onnx")]
#[test]
fn d23_an_onnx_model_takes_rows_that_lack_a_class() {
    let bench = Bench::new();
    export(&bench, "wine_lr.onnx");
    fixture(&bench, "wine_lack.csv");
    let words =
        "reliance run --model wine_lr.onnx --data wine_lack.csv --labels target --repeats 3";
    // The file tells its classes; the user may too.
    bench.succeed(&format!("{words} --out told"));
    bench.succeed(&format!("{words} --classes 0,1,2 --out given"));
    assert!(auc(&bench, "told") > 0.99);
    assert_eq!(auc(&bench, "given"), auc(&bench, "told"));
    assert_eq!(outcome(&bench, "told").classes[1], ("1".into(), 0));
}

#[cfg(feature = "onnx")]
#[test]
fn d23_whole_numbers_are_the_indices_of_outputs() {
    let bench = Bench::new();
    bench.onnx("mlp_dynamic_batch.onnx");
    let mut text = String::from("p,q,r,s,t,y\n");
    for row in 0..60 {
        let values =
            [12.9898, 4.1414, 7.77, 3.33, 9.19].map(|k| (row as f64 * k).sin().to_string());
        text.push_str(&format!("{},{}\n", values.join(","), 2 * (row % 2)));
    }
    bench.write("t.csv", &text);
    bench.succeed("reliance run --model mlp_dynamic_batch.onnx --data t.csv --repeats 2 --out out");
    let classes = outcome(&bench, "out").classes;
    assert_eq!(classes, [("0".into(), 30), ("1".into(), 0), ("2".into(), 30)]);
    // Names say nothing about outputs: the way out is named.
    bench.write("named.csv", &text.replace(",0\n", ",no\n").replace(",2\n", ",yes\n"));
    bench.refuse(
        "reliance run --model mlp_dynamic_batch.onnx --data named.csv --out x",
        &["--classes"],
    );
}

#[cfg(feature = "onnx")]
#[test]
fn d14_another_order_of_the_outputs_is_told_and_can_be_given() {
    let bench = Bench::new();
    export(&bench, "cls12.onnx");
    fixture(&bench, "cls12_str.csv");
    let words = "reliance run --model cls12.onnx --data cls12_str.csv --labels y --repeats 2";
    let ended = bench.succeed(&format!("{words} --out sorted"));
    let order: Vec<String> = (0..12).map(|class| format!("c{class}")).collect();
    let order = order.join(",");
    assert!(ended.stdout.contains("another order than the classes"), "{}", ended.stdout);
    let first = &bench.json("sorted/result.json")["notes"][0];
    assert_eq!(first["kind"], "class-order");
    assert!(first["message"].as_str().unwrap().ends_with(&format!("--classes {order}")), "{first}");
    assert!(auc(&bench, "sorted") < 0.6);
    let ended = bench.succeed(&format!("{words} --classes {order} --out given"));
    assert!(auc(&bench, "given") > 0.95, "{}", auc(&bench, "given"));
    assert!(!ended.stdout.contains("another order"), "{}", ended.stdout);
    bench.refuse(&format!("{words} --classes c0,c0 --out x"), &["twice"]);
}

#[cfg(feature = "onnx")]
#[test]
fn d16_strata_of_one_class_are_listed() {
    let bench = Bench::new();
    export(&bench, "pureS.onnx");
    let mut text = String::from("s,sc,y,site\n");
    for row in 0..200 {
        let class = row % 2;
        let s = (row as f64 * 12.9898).sin() + if class == 1 { 2.0 } else { -2.0 };
        let sc = (row as f64 * 78.233).cos();
        let site = match row {
            0 => "Z",
            _ if class == 1 && row > 120 => "C",
            _ if row % 4 < 2 => "A",
            _ => "B",
        };
        text.push_str(&format!("{s:.3},{sc:.3},{class},{site}\n"));
    }
    bench.write("t.csv", &text);
    let words = "reliance run --model pureS.onnx --data t.csv --labels y --blocks columns --strata site --repeats 3";
    for (mode, out) in [("permute", "a"), ("within-stratum", "b")] {
        let ended = bench.succeed(&format!("{words} --mode {mode} --full --out {out}"));
        let listed: Vec<&str> =
            ended.stdout.lines().filter(|line| line.contains("one class")).collect();
        let row = |value: &str, n: &str| {
            listed.iter().any(|line| {
                let cells: Vec<&str> = line.split_whitespace().collect();
                cells.starts_with(&["site", value, n])
            })
        };
        assert!(row("C", "40") && row("Z", "1"), "{}", ended.stdout);
        let strata = bench.json(&format!("{out}/result.json"))["unmeasured_strata"].clone();
        assert_eq!(strata[0]["value"], "C");
        assert_eq!(strata[0]["n"], 40);
        assert_eq!(strata[0]["reason"], "one class");
        assert!(notes(&bench, out).contains("strata-left-out"));
    }
    assert!(notes(&bench, "b").contains("says nothing about that class"));
}

#[cfg(feature = "onnx")]
#[test]
fn d17_the_runtime_is_recorded_and_can_be_chosen() {
    let bench = Bench::new();
    export(&bench, "forest_text_labels.onnx");
    let mut text = String::from("mean_radius,mean_texture,mean_smoothness,mean_concavity,y\n");
    for row in 0..80 {
        let wave = |k: f64| (row as f64 * k).sin();
        let name = if row % 2 == 0 { "mal" } else { "ben" };
        let radius = 14.0 + 2.0 * wave(1.7) + if row % 2 == 0 { 4.0 } else { -2.0 };
        text.push_str(&format!("{radius},{},{},{},{name}\n", 19.0 + 4.0 * wave(2.3), 0.1, 0.09));
    }
    bench.write("t.csv", &text);
    let words = "reliance run --model forest_text_labels.onnx --data t.csv --labels y --repeats 2";
    bench.succeed(&format!("{words} --runtime embedded --out out"));
    let run = bench.json("out/run.json");
    assert_eq!(run["settings"]["runtime of forest_text_labels.onnx"], "the embedded runtime");
    assert!(auc(&bench, "out") > 0.8);
    let ended = bench.run(&format!("{words} --runtime onnxruntime --out second"));
    match ended.code {
        Some(0) => {
            assert!((auc(&bench, "second") - auc(&bench, "out")).abs() < 1e-6);
            assert!(notes(&bench, "second").contains("ONNX Runtime"));
        }
        _ => {
            println!("ONNX Runtime is not installed: only its absence is checked");
            assert_eq!(ended.code, Some(2));
            assert!(ended.stderr.contains("pip install onnxruntime"), "{}", ended.stderr);
        }
    }
}

/// A table with texts, a semicolon between the cells, a column to leave out and a missing cell.
fn birds() -> String {
    let mut text = String::from("species;island;bill;sex;year\n");
    for row in 0..60 {
        let species = ["Adelie", "Gentoo"][row % 2];
        let island = ["Biscoe", "Dream", "Torgersen"][(row / 2) % 3];
        let bill =
            if row == 7 { String::new() } else { format!("{:.1}", 38.0 + (row % 13) as f64) };
        let sex = ["female", "male"][(row / 3) % 2];
        text.push_str(&format!("{species};{island};{bill};{sex};{}\n", 2007 + row % 3));
    }
    text
}

#[test]
fn d24_a_plan_speaks_of_the_users_own_columns() {
    let bench = Bench::new();
    bench.write("t.csv", &birds());
    let words = "reliance plan --data t.csv --labels species --drop year --missing drop --blocks columns --repeats 2";
    bench.succeed(&format!("{words} --materialize --out plan"));
    let plan = bench.json("plan/plan.json");
    let columns = |block: &str| {
        let blocks = plan["blocks"].as_array().unwrap();
        blocks.iter().find(|found| found["name"] == block).unwrap()["source_columns"].clone()
    };
    assert_eq!(columns("island"), serde_json::json!(["island"]));
    assert_eq!(columns("sex"), serde_json::json!(["sex"]));
    let island = &plan["source_columns"][0];
    assert_eq!(island["name"], "island");
    assert_eq!(island["categories"], serde_json::json!(["Biscoe", "Dream", "Torgersen"]));
    assert_eq!(plan["source_columns"][1], serde_json::json!({ "name": "bill", "columns": [3] }));

    // The user's own table, without the row that was dropped, with exchanged cells.
    let source: Vec<Vec<String>> = birds()
        .lines()
        .skip(1)
        .map(|line| line.split(';').map(String::from).collect())
        .enumerate()
        .filter_map(|(row, cells)| (row != 7).then_some(cells))
        .collect();
    let donors = simbias_data::read_array(&bench.path("plan/donors.safetensors::donors")).unwrap();
    let donors = donors.to_f64().unwrap();
    let jobs = plan["jobs"].as_array().unwrap();
    for job in jobs {
        let text = bench.read(&format!("plan/inputs/job-{:05}.csv", job["id"].as_u64().unwrap()));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("species;island;bill;sex;year"));
        for (row, line) in lines.enumerate() {
            let mut expected = source[row].clone();
            if let (Some(block), Some(repeat)) = (job["block"].as_str(), job["repeat"].as_u64()) {
                let donor = &source[donors[repeat as usize * 59 + row] as usize];
                for (place, name) in [(1, "island"), (2, "bill"), (3, "sex")] {
                    if (name == block) != job["complement"].as_bool().unwrap() {
                        expected[place].clone_from(&donor[place]);
                    }
                }
            }
            assert_eq!(line.split(';').collect::<Vec<_>>(), expected, "{job} row {row}");
        }
    }
    let howto = bench.read("plan/HOWTO.md");
    assert!(howto.contains("pd.read_csv") && howto.contains("sep=\";\""), "{howto}");

    // Without the rows the plan says which ones are in use, and how to exchange cells.
    bench.succeed(&format!("{words} --out lean"));
    let used = simbias_data::read_array(&bench.path("lean/donors.safetensors::rows")).unwrap();
    let used = used.to_f64().unwrap();
    assert_eq!((used.len(), used[6], used[7]), (59, 6.0, 8.0));
    assert!(bench.read("lean/HOWTO.md").contains("source_columns"));

    // Scores of rows that nobody exchanged.
    let n_jobs = jobs.len();
    let line: Vec<String> = (0..59).map(|row| (row as f64 * 0.37).sin().to_string()).collect();
    bench.write("scores.csv", &(vec![line.join(","); n_jobs].join("\n") + "\n"));
    bench.refuse(
        "reliance score --plan plan --scores scores.csv --out x",
        &["are the same", "HOWTO.md"],
    );
}

#[test]
fn d24_a_parquet_table_comes_back_as_parquet() {
    let bench = Bench::new();
    let text = birds().replace(';', ",");
    simbias_data::write_parquet(&bench.path("t.parquet"), &text, &["species", "island", "sex"])
        .unwrap();
    bench.succeed(
        "reliance plan --data t.parquet --labels species --missing drop --repeats 1 --materialize --out plan",
    );
    // What was written reads as the source does.
    bench.succeed(
        "reliance plan --data plan/inputs/job-00000.parquet --labels species --repeats 1 --out again",
    );
    let fingerprint =
        |plan: &str| bench.json(&format!("{plan}/plan.json"))["data_fingerprint"].clone();
    assert_eq!(fingerprint("again"), fingerprint("plan"));
}

#[test]
fn attacks_on_tables_count_in_deviations() {
    let bench = Bench::new();
    // The wide column tells nothing, the narrow one everything.
    let mut text = String::from("narrow,wide,y\n");
    for row in 0..200 {
        let class = row % 2;
        let noise = |k: f64| (row as f64 * k).sin();
        let narrow = 0.001 * (class as f64 + 0.2 * noise(12.9898));
        text.push_str(&format!("{narrow},{},{class}\n", 1000.0 * noise(78.233)));
    }
    bench.write("t.csv", &text);
    bench.succeed("train t.csv --max-steps 200 --out net");
    let words = "reliance attack --model net --data t.csv --blocks columns --eps 2";
    let ended = bench.succeed(&format!("{words} --out deviations"));
    assert!(ended.stdout.contains("standard deviations"), "{}", ended.stdout);
    let result = bench.json("deviations/result.json");
    assert_eq!(result["units"], "deviations");
    let attacked = result["models"][0]["attacked_accuracy"]["value"].as_f64().unwrap();
    assert!(attacked < 0.5, "{attacked}");
    let share = result["models"][0]["shares"][0]["energy_share"].as_f64().unwrap();
    assert!(share > 0.5, "{share}");
    let ended = bench.succeed(&format!("{words} --units data --out data"));
    assert!(ended.stdout.contains("units of the data"), "{}", ended.stdout);
    assert_eq!(bench.json("data/result.json")["units"], "data");
}
