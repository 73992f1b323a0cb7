//! What is odd but not an error is reported beside the numbers.

use serde_json::Value;

use crate::program::{Bench, scores_of_first_column, table, write_scores};

/// Scores of a model of the first column, measured.
fn scored(content: &str, n: usize, scores: impl Fn(Vec<Vec<f64>>) -> Vec<Vec<f64>>) -> Bench {
    let bench = Bench::new();
    bench.write("t.csv", content);
    bench.succeed("reliance plan --data t.csv --blocks first=0;others=1,2 --repeats 5 --out plan");
    write_scores(&bench, "s.csv", &scores(scores_of_first_column(&bench, "plan", n)));
    bench.succeed("reliance score --plan plan --scores s.csv --out out");
    bench
}

#[track_caller]
fn assert_noted(bench: &Bench, words: &[&str]) -> Value {
    let result = bench.json("out/result.json");
    let notes = result["notes"].to_string();
    for word in words {
        assert!(notes.contains(word), "{word:?} is not in {notes}");
    }
    result
}

#[test]
fn a_constant_block_is_flagged_and_has_no_effect() {
    let constant: String = table(80)
        .lines()
        .enumerate()
        .map(|(row, line)| {
            let values: Vec<&str> = line.split(',').collect();
            let (b, c) = if row == 0 { ("b", "c") } else { ("7", "8") };
            format!("{},{b},{c},{}\n", values[0], values[3])
        })
        .collect();
    let bench = Bench::new();
    bench.write("t.csv", &constant);
    bench.succeed("train t.csv --max-steps 50 --out net");
    bench.succeed("reliance run --model net --data t.csv --blocks first=0;others=1,2 --out out");
    let result = assert_noted(&bench, &["Constant", "others"]);
    let block = &result["blocks"][1];
    assert_eq!(block["name"], "others");
    assert!(block["flags"].to_string().contains("constant"), "{block:#}");
    assert_eq!(block["necessity"]["value"], 0.0);
}

#[test]
fn few_rows_of_a_class_give_rough_intervals() {
    let bench = scored(&table(40), 40, |scores| scores);
    let result = assert_noted(&bench, &["few-rows", "20 rows", "Wilson"]);
    // A perfect ranking has no variance; its interval is not a point all the same.
    let standard = &result["auc_std"];
    assert_eq!(standard["value"], 1.0);
    assert!(standard["lo"].as_f64().unwrap() < 0.95, "{standard}");
    let enough = scored(&table(80), 80, |scores| scores);
    assert!(!enough.read("out/result.json").contains("few-rows"));
}

#[test]
fn probabilities_with_the_threshold_of_log_odds_are_noticed() {
    let probabilities = |scores: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
        let squash = |score: f64| 1.0 / (1.0 + (-score).exp());
        scores.into_iter().map(|job| job.into_iter().map(squash).collect()).collect()
    };
    let bench = scored(&table(80), 80, probabilities);
    assert_noted(&bench, &["probabilities", "threshold to 0.5"]);
    bench.succeed("reliance score --plan plan --scores s.csv --threshold 0.5 --out half");
    assert!(!bench.read("half/result.json").contains("\"probabilities\""));
    let log_odds = scored(&table(80), 80, |scores| scores);
    assert!(!log_odds.read("out/result.json").contains("\"probabilities\""));
}

#[test]
fn verdicts_are_withheld_without_skill() {
    let constant = |scores: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
        // Scores that tell nothing: they depend on the place of the row and on the job only.
        let blind = |job: usize, row: usize| ((row * 7 + job) as f64 * 1.7).sin();
        let jobs = scores.iter().enumerate();
        jobs.map(|(index, job)| (0..job.len()).map(|row| blind(index, row)).collect()).collect()
    };
    let bench = scored(&table(80), 80, constant);
    let result = assert_noted(&bench, &["no-signal", "withheld"]);
    for block in result["blocks"].as_array().unwrap() {
        assert!(block["necessity"].is_null(), "{block:#}");
        assert!(
            ["none", "no signal", "no-signal"]
                .contains(&block["verdict"].as_str().unwrap_or("none"))
        );
    }
}

#[test]
fn texts_as_labels_become_classes_and_the_map_is_said() {
    let texts = table(80).replace(",0\n", ",healthy\n").replace(",1\n", ",ill\n");
    let bench = Bench::new();
    bench.write("t.csv", &texts);
    bench.succeed("train t.csv --max-steps 50 --out net");
    let ended = bench.succeed("reliance run --model net --data t.csv --out out");
    assert!(ended.stderr.contains("classes: 0 = healthy, 1 = ill"), "{}", ended.stderr);
}

#[test]
fn rows_that_leave_the_manifold_are_remarked() {
    // Two columns that say the same: one without the other is seen in no row.
    let doubled: String = table(300)
        .lines()
        .enumerate()
        .map(|(row, line)| {
            let values: Vec<&str> = line.split(',').collect();
            let twin = if row == 0 { "twin" } else { values[0] };
            format!("{},{twin},{}\n", values[0], values[3])
        })
        .collect();
    let bench = Bench::new();
    bench.write("t.csv", &doubled);
    bench.succeed("train t.csv --max-steps 50 --out net");
    bench.succeed("reliance run --model net --data t.csv --blocks columns --out out");
    assert_noted(&bench, &["off-manifold", "within class"]);
}
