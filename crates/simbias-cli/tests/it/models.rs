//! `reliance run` with ONNX files and with networks that were trained here.

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
        bench.onnx(name);
    }
    bench
}

#[cfg(feature = "onnx")]
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

#[cfg(feature = "onnx")]
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

#[cfg(feature = "onnx")]
#[test]
fn several_models_are_shown_side_by_side() {
    let bench = bench();
    let words = classes(&bench, "mlp_dynamic_batch.onnx --model mlp_softmax.onnx");
    bench.succeed(&format!("{words} --out out"));
    let result = bench.json("out/result.json");
    assert_eq!(result["models"].as_array().unwrap().len(), 2);
    assert!(bench.path("out/csv/models.csv").is_file());
    // A result of several models cannot be compared.
    bench.refuse("reliance compare out/result.json out/result.json --out c", &["result.json"]);
}

/// Columns far from 0 and of different widths, so that a network of standardised rows fails on raw ones.
fn wide_columns() -> String {
    let mut text = String::from("height,weight,y\n");
    for row in 0..300 {
        let noise = |k: f64| (row as f64 * k).sin();
        let class = row % 2;
        let height = 1000.0 + 30.0 * (class as f64 + 0.3 * noise(12.9898));
        text.push_str(&format!("{height},{},{class}\n", 0.01 * noise(78.233)));
    }
    text
}

#[test]
fn a_network_trained_here_takes_the_rows_as_they_are_read() {
    let bench = Bench::new();
    bench.write("t.csv", &wide_columns());
    bench.succeed("train t.csv --max-steps 200 --out net");
    let description = bench.json("net/network.json");
    assert_eq!(description["standardization"]["mean"].as_array().unwrap().len(), 2);
    for model in ["net", "net/network.safetensors"] {
        let out = model.replace('/', "-") + "-out";
        bench.succeed(&format!(
            "reliance run --model {model} --data t.csv --blocks columns --out {out}"
        ));
        let text = bench.read(&format!("{out}/result.json"));
        let outcome = simbias_reliance::RelianceOutcome::from_json(&text).unwrap();
        assert!(outcome.standard.metric.value > 0.99, "{}", outcome.standard.metric.value);
        let necessity = |name: &str| outcome.block(name).unwrap().necessity.as_ref().unwrap().value;
        assert!(necessity("height") > 0.8 && necessity("weight").abs() < 0.1);
    }
    // Other rows, of another mean: the network keeps the standardisation of its training.
    let half: Vec<String> = wide_columns()
        .lines()
        .enumerate()
        .filter(|(line, _)| line % 2 == 1 || line % 10 == 0)
        .map(|(_, row)| row.to_string())
        .collect();
    bench.write("half.csv", &(half.join("\n") + "\n"));
    bench.succeed(
        "reliance attack --model net --data half.csv --eps 0.001 --units data --out attacked",
    );
    let attacked = bench.json("attacked/result.json");
    assert_eq!(attacked["models"][0]["clean_accuracy"]["value"], 1.0);
}

#[test]
fn what_is_no_model_is_refused_alike_everywhere() {
    let bench = bench();
    bench.succeed("train t.csv --max-steps 10 --out net");
    std::fs::create_dir(bench.path("empty")).unwrap();
    std::fs::create_dir(bench.path("torn")).unwrap();
    std::fs::copy(bench.path("net/network.safetensors"), bench.path("torn/network.safetensors"))
        .unwrap();
    bench.write("noise.onnx", "hello");
    for (model, facts) in [
        ("absent.onnx", ["absent.onnx", "No such file"]),
        ("noise.onnx", ["noise.onnx", "ONNX"]),
        ("absent", ["\"absent\"", ".onnx"]),
        ("empty", ["\"empty\"", "network.safetensors"]),
        ("torn", ["network.json", "keep the two files"]),
        ("t.csv", ["t.csv", "is a table or an array, not a model"]),
    ] {
        bench.refuse(&format!("reliance run --model {model} --data t.csv --out out"), &facts);
        bench.refuse(
            &format!("reliance attack --model {model} --data t.csv --eps 1 --out out"),
            &facts,
        );
        bench.refuse(&format!("audit t.csv --model {model} --out out"), &facts);
    }
    let description = bench.read("net/network.json");
    bench.write("net/network.json", &description.replace("\"width\": 100", "\"width\": 99"));
    bench.refuse("reliance run --model net --data t.csv --out out", &["[100, 5]", "[99, 5]"]);
    bench.write("net/network.json", "{}");
    bench.refuse("reliance run --model net --data t.csv --out out", &["network.json", "version"]);
}

#[cfg(feature = "onnx")]
#[test]
fn measuring_training_rows_is_remarked() {
    let bench = bench();
    let words = classes(&bench, "mlp_dynamic_batch.onnx");
    bench.succeed(&format!("{words} --train three.csv --out out"));
    let notes = bench.json("out/result.json")["notes"].to_string();
    assert!(notes.contains("training-rows"), "{notes}");
}

#[cfg(feature = "onnx")]
#[test]
fn models_that_do_not_fit_the_rows_are_refused() {
    let bench = bench();
    let words = classes(&bench, "mlp_dynamic_batch.onnx");
    bench.refuse(&format!("{words} --drop t --out out"), &["4", "data belong to the model"]);
    // Two classes, three outputs; as whole numbers they would be the indices of outputs.
    let named = bench.read("t.csv").replace(",0\n", ",no\n").replace(",1\n", ",yes\n");
    bench.write("named.csv", &named);
    bench.refuse(
        "reliance run --model mlp_dynamic_batch.onnx --data named.csv --out out",
        &["3", "2", "--labels", "--classes"],
    );
    let words = classes(&bench, "mlp_two_outputs.onnx");
    bench.refuse(
        &format!("{words} --model-output absent --out out"),
        &["absent", "rectified", "--model-output"],
    );
    bench.succeed(&format!("{words} --model-output rectified --out out"));
}

#[cfg(not(feature = "onnx"))]
#[test]
fn onnx_models_are_refused_where_they_were_left_out() {
    let bench = bench();
    for words in
        ["reliance run --data t.csv", "reliance attack --data t.csv --eps 1", "audit t.csv"]
    {
        bench.refuse(
            &format!("{words} --model mlp_softmax.onnx --out out"),
            &["mlp_softmax.onnx", "feature `onnx`", "reliance plan"],
        );
    }
}
