//! `reliance run` with ONNX files.

use crate::program::Bench;

/// A folder with a table of five columns, and two models of five inputs.
fn bench() -> Bench {
    let bench = Bench::new();
    let mut text = String::from("p,q,r,s,t,y\n");
    for row in 0..200 {
        let value = |k: f64| (row as f64 * k).sin();
        let class = u8::from(value(12.9898) + value(4.1414) > 0.0);
        let values = [12.9898, 4.1414, 7.77, 3.33, 9.19].map(|k| value(k).to_string());
        text.push_str(&format!("{},{class}\n", values.join(",")));
    }
    bench.write("t.csv", &text);
    for name in ["mlp_dynamic_batch.onnx", "mlp_softmax.onnx", "mlp_two_outputs.onnx"] {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../simbias-onnx/tests/fixtures/");
        std::fs::copy(format!("{fixtures}{name}"), bench.path(name)).unwrap();
    }
    bench
}

fn classes(bench: &Bench, model: &str) -> String {
    // The fixtures have three classes; the table's two become three by a third value.
    let text = bench.read("t.csv");
    let lines: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(row, line)| match row % 5 {
            4 => format!("{},2", line.rsplit_once(',').unwrap().0),
            _ => line.to_string(),
        })
        .collect();
    bench.write("three.csv", &(lines.join("\n") + "\n"));
    format!("reliance run --model {model} --data three.csv --repeats 3")
}

#[test]
fn a_model_is_measured_alike_on_any_number_of_threads() {
    let bench = bench();
    let words = classes(&bench, "mlp_dynamic_batch.onnx");
    let words = format!("{words} --blocks first=0,1;second=2..5 --pairs --map 0,1");
    bench.succeed(&format!("{words} --threads 1 --out one"));
    bench.succeed(&format!("{words} --threads 3 --out three"));
    assert_eq!(bench.read("one/result.json"), bench.read("three/result.json"));
    let outcome =
        simbias_reliance::RelianceOutcome::from_json(&bench.read("one/result.json")).unwrap();
    assert_eq!(outcome.blocks.len(), 2);
    assert_eq!(outcome.pairs.len(), 1);
    assert_eq!(outcome.classes.len(), 3);
}

#[test]
fn several_models_are_shown_side_by_side() {
    let bench = bench();
    let words = classes(&bench, "mlp_dynamic_batch.onnx --model mlp_softmax.onnx");
    bench.succeed(&format!("{words} --out out"));
    let result = bench.json("out/result.json");
    assert_eq!(result["models"].as_array().unwrap().len(), 2);
    assert!(bench.path("out/csv/models.csv").is_file());
    // A result of several models is no side of a comparison.
    bench.refuse("reliance compare out/result.json out/result.json --out c", &["result.json"]);
}

#[test]
fn measuring_training_rows_is_remarked() {
    let bench = bench();
    let words = classes(&bench, "mlp_dynamic_batch.onnx");
    bench.succeed(&format!("{words} --train three.csv --out out"));
    let notes = bench.json("out/result.json")["notes"].to_string();
    assert!(notes.contains("training-rows"), "{notes}");
}

#[test]
fn models_that_do_not_fit_the_rows_are_refused() {
    let bench = bench();
    let words = classes(&bench, "mlp_dynamic_batch.onnx");
    bench.refuse(&format!("{words} --drop t --out out"), &["4", "--data"]);
    // Two classes, three outputs.
    bench.refuse(
        "reliance run --model mlp_dynamic_batch.onnx --data t.csv --out out",
        &["3", "2", "--labels"],
    );
    let words = classes(&bench, "mlp_two_outputs.onnx");
    bench.refuse(
        &format!("{words} --model-output absent --out out"),
        &["absent", "rectified", "--model-output"],
    );
    bench.succeed(&format!("{words} --model-output rectified --out out"));
}
