//! `reliance attack` on networks and on ONNX files.

use crate::program::{Bench, table};

/// A table, a network trained on it and two ONNX models of its five columns.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("t.csv", &table(200));
    bench.succeed("train t.csv --max-steps 300 --out net");
    bench.succeed("train t.csv --max-steps 300 --seed 1 --out other");
    bench
}

/// Accuracies without and under attack, by model.
fn accuracies(bench: &Bench, out: &str) -> Vec<(f64, f64)> {
    let result = bench.json(&format!("{out}/result.json"));
    let models = result["models"].as_array().unwrap();
    models
        .iter()
        .map(|model| {
            assert!(model["n_rows"].as_u64().unwrap() > 1, "{model:#}");
            let value = |name: &str| {
                let number = |key: &str| model[name][key].as_f64().unwrap();
                let (value, low, high) = (number("value"), number("lo"), number("hi"));
                assert!(low <= value && value <= high && low < high, "{model:#}");
                assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high), "{model:#}");
                value
            };
            (value("clean_accuracy"), value("attacked_accuracy"))
        })
        .collect()
}

#[test]
fn an_attack_by_row_lands_on_the_column_that_tells() {
    let bench = bench();
    let words = "reliance attack --data t.csv --blocks first=0;others=1,2 --eps 0.6 --units data";
    bench.succeed(&format!("{words} --model net --threads 1 --out one"));
    bench.succeed(&format!("{words} --model net --threads 2 --out two"));
    assert_eq!(bench.read("one/result.json"), bench.read("two/result.json"));
    let [(clean, attacked)] = accuracies(&bench, "one")[..] else { panic!("one model") };
    assert!(clean > 0.95 && attacked < clean - 0.2, "{clean} {attacked}");
    let result = bench.json("one/result.json");
    let shares = result["models"][0]["shares"].as_array().unwrap();
    let share = |block: usize| shares[block]["energy_share"].as_f64().unwrap();
    assert_eq!(shares[0]["block"], "first");
    assert!(share(0) > share(1), "{result:#}");
    assert!((share(0) + share(1) - 1.0).abs() < 1e-9, "{result:#}");
    assert!(result["transfer"].is_null());
    assert_eq!(result["models"][0]["n_rows"], 200);
    assert!(bench.read("one/report.json").contains("when the bias disappears"));
}

#[test]
fn two_models_give_a_transfer_matrix_with_their_own_attacks_on_the_diagonal() {
    let bench = bench();
    for sign in ["signed", "unsigned"] {
        bench.succeed(&format!(
            "reliance attack --model net --model other --data t.csv --eps 0.6 --universal {sign} \
             --out {sign}"
        ));
        let result = bench.json(&format!("{sign}/result.json"));
        let cell =
            |matrix: &str, i: usize, j: usize| result["transfer"][matrix][i][j].as_f64().unwrap();
        for (index, (clean, attacked)) in accuracies(&bench, sign).into_iter().enumerate() {
            assert_eq!(cell("accuracy", index, index), attacked);
            assert!((cell("cosine", index, index) - 1.0).abs() < 1e-6);
            assert!(attacked < clean, "{sign}: {clean} {attacked}");
        }
        assert_eq!(cell("cosine", 0, 1), cell("cosine", 1, 0));
        assert!(bench.path(&format!("{sign}/csv/transfer.csv")).is_file());
    }
    // Whoever knows the label does more harm.
    let (signed, unsigned) = (accuracies(&bench, "signed"), accuracies(&bench, "unsigned"));
    assert!(signed[0].1 < unsigned[0].1, "{signed:?} {unsigned:?}");
}

#[cfg(feature = "onnx")]
#[test]
fn onnx_models_are_attacked_by_finite_differences() {
    let bench = Bench::new();
    let mut text = String::from("p,q,r,s,t,y\n");
    for row in 0..90 {
        let values =
            [12.9898, 4.1414, 7.77, 3.33, 9.19].map(|k| (row as f64 * k).sin().to_string());
        text.push_str(&format!("{},{}\n", values.join(","), row % 3));
    }
    bench.write("t.csv", &text);
    bench.onnx("mlp_dynamic_batch.onnx");
    bench.onnx("mlp_softmax.onnx");
    bench.succeed("train t.csv --max-steps 20 --out net");
    let models = "--model mlp_dynamic_batch.onnx --model mlp_softmax.onnx --model net";
    let words = format!("reliance attack {models} --data t.csv --eps 1 --norm linf --steps 5");
    bench.succeed(&format!("{words} --out rows"));
    bench.succeed(&format!("{words} --universal unsigned --out all"));
    for (clean, attacked) in accuracies(&bench, "rows") {
        assert!(attacked < clean, "{clean} {attacked}");
    }
    let transfer = &bench.json("all/result.json")["transfer"]["accuracy"];
    assert_eq!(transfer.as_array().unwrap().len(), 3);
    // Three classes have no sign.
    bench.refuse(&format!("{words} --universal signed --out no"), &["two classes", "unsigned"]);
}

#[test]
fn attacks_that_cannot_be_are_refused() {
    let bench = bench();
    let words = "reliance attack --model net --data t.csv";
    bench.refuse(&format!("{words} --eps 0 --out out"), &["--eps 0", "above 0"]);
    bench.refuse(&format!("{words} --eps -1 --out out"), &["--eps -1", "above 0"]);
    bench.refuse(&format!("{words} --eps 1 --steps 0 --out out"), &["0 steps", "--steps"]);
    bench.refuse(&format!("{words} --eps 1 --task values --out out"), &["--label-threshold"]);
    bench.refuse(&format!("{words} --eps 1 --max-rows 3 --out out"), &["3 rows", "4"]);
    // Another number of classes than the network knows.
    let three: Vec<String> = table(60)
        .lines()
        .enumerate()
        .map(|(row, line)| match (row % 5, line.rsplit_once(',')) {
            (4, Some((values, _))) => format!("{values},2"),
            _ => line.to_string(),
        })
        .collect();
    bench.write("three.csv", &(three.join("\n") + "\n"));
    bench.refuse(
        "reliance attack --model net --data three.csv --eps 1 --out out",
        &["\"2\"", "among the classes", "--classes"],
    );
}
