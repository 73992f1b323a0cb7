//! `reliance simplicity`: blocks by themselves, without a model.

use crate::program::{Bench, table};

const WORDS: &str = "reliance simplicity --data t.csv --blocks first=0;others=1,2 --ladder 0,4 \
                     --probe-seeds 2 --probe-steps 150";

#[test]
fn the_column_that_tells_is_learnable_alone() {
    let bench = Bench::new();
    bench.write("t.csv", &table(300));
    bench.succeed(&format!("{WORDS} --code-length --threads 1 --out one"));
    bench.succeed(&format!("{WORDS} --code-length --threads 2 --out two"));
    assert_eq!(bench.read("one/result.json"), bench.read("two/result.json"));
    let result = bench.json("one/result.json");
    assert_eq!(result["metric"], "auc");
    assert!(bench.read("one/report.json").contains("when the bias disappears"));
    let blocks = result["blocks"].as_array().unwrap();
    let best = |block: usize| blocks[block]["simplicity"]["solo_metric"]["value"].as_f64().unwrap();
    assert_eq!((&blocks[0]["name"], &blocks[1]["name"]), (&"first".into(), &"others".into()));
    assert!(best(0) > 0.95 && best(1) < 0.75, "{result:#}");
    // Linear, width 4, and 2 × 128 at the end of every ladder; thresholds only where there is one coordinate.
    assert_eq!(blocks[0]["simplicity"]["probes"].as_array().unwrap().len(), 3);
    assert_eq!(blocks[0]["simplicity"]["pieces"]["n_thresholds"], 1);
    assert!(blocks[1]["simplicity"]["pieces"].is_null());
    assert!(blocks[0]["simplicity"]["code_length_bits"].as_f64().is_some());
}

#[test]
fn what_cannot_be_probed_is_refused() {
    let bench = Bench::new();
    bench.write("t.csv", &table(60));
    bench.refuse("reliance simplicity --data absent.csv --out out", &["absent.csv"]);
    bench.refuse("reliance simplicity --data t.csv --part test --out out", &["parts", "--part"]);
    bench.refuse("reliance simplicity --data t.csv --ladder wide --out out", &["wide", "--ladder"]);
    bench.refuse("reliance simplicity --data t.csv --blocks far=7 --out out", &["far", "0..3"]);
    bench.write("one.csv", &table(60).replace(",1\n", ",0\n"));
    bench.refuse("reliance simplicity --data one.csv --out out", &["AUC undefined"]);
}

#[test]
fn few_rows_of_a_class_are_a_doubt_and_a_part_without_them_is_named() {
    let bench = Bench::new();
    // Rows of class 1 beyond the first `n` left out.
    let with_positives = |n: usize| -> String {
        let mut found = 0;
        table(200)
            .lines()
            .filter(|line| {
                found += usize::from(line.ends_with(",1"));
                !line.ends_with(",1") || found <= n
            })
            .map(|line| format!("{line}\n"))
            .collect()
    };
    bench.write("t.csv", &with_positives(6));
    bench.succeed(&format!("{WORDS} --out few"));
    assert!(bench.read("few/report.json").contains("few-rows"));
    bench.write("t.csv", &with_positives(1));
    bench.refuse(&format!("{WORDS} --out one"), &["part are of class \"0\"", "AUC undefined"]);
}
