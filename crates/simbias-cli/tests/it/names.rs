//! Names that a model and the data write differently: told or refused, never taken in silence.

use crate::program::Bench;

/// The ROC-AUC on unchanged rows.
fn auc(bench: &Bench, out: &str) -> f64 {
    let text = bench.read(&format!("{out}/result.json"));
    simbias_reliance::RelianceOutcome::from_json(&text).unwrap().standard.metric.value
}

/// Rows of four columns whose class is `classes[0]` for the larger values of the first.
#[cfg(feature = "onnx")]
fn cells(classes: [&str; 2]) -> String {
    let mut text = String::from("mean_radius,mean_texture,mean_smoothness,mean_concavity,y\n");
    for row in 0..80 {
        let wave = |k: f64| (row as f64 * k).sin();
        let radius = 14.0 + 2.0 * wave(1.7) + if row % 2 == 0 { 4.0 } else { -2.0 };
        let texture = 19.0 + 4.0 * wave(2.3);
        text.push_str(&format!("{radius},{texture},0.1,0.09,{}\n", classes[row % 2]));
    }
    text
}

#[cfg(feature = "onnx")]
fn with_model(name: &str) -> Bench {
    let bench = Bench::new();
    let exports = concat!(env!("CARGO_MANIFEST_DIR"), "/../simbias-onnx/tests/fixtures/exports/");
    std::fs::copy(format!("{exports}{name}"), bench.path("m.onnx")).unwrap();
    bench
}

#[cfg(feature = "onnx")]
const RUN: &str = "reliance run --model m.onnx --data t.csv --labels y --repeats 2";

#[cfg(feature = "onnx")]
#[test]
fn classes_of_other_names_are_refused_with_both_lists() {
    // The model knows ben and mal.
    let bench = with_model("forest_text_labels.onnx");
    bench.write("t.csv", &cells(["sick", "healthy"]));
    bench.refuse(
        &format!("{RUN} --out x"),
        &["knows the classes ben, mal", "the labels are healthy, sick", "--classes"],
    );
    bench.succeed(&format!("{RUN} --classes healthy,sick --out given"));
    bench.refuse("audit t.csv --labels y --model m.onnx --out x", &["ben, mal", "healthy, sick"]);
}

#[cfg(feature = "onnx")]
#[test]
fn classes_in_other_capital_letters_are_taken_with_a_caution() {
    let bench = with_model("forest_text_labels.onnx");
    bench.write("t.csv", &cells(["MAL", "Ben"]));
    let ended = bench.succeed(&format!("{RUN} --out out"));
    assert!(ended.stderr.contains("class \"MAL\" for \"mal\""), "{}", ended.stderr);
    assert!(ended.stdout.contains("caution: "), "{}", ended.stdout);
    assert!(auc(&bench, "out") > 0.8);
}

#[cfg(feature = "onnx")]
#[test]
fn classes_that_only_count_are_taken_in_order_with_a_caution() {
    // The model knows 0 and 1.
    let bench = with_model("tree_ok.onnx");
    bench.write("t.csv", &cells(["malignant", "benign"]));
    let ended = bench.succeed(&format!("{RUN} --out out"));
    for words in ["caution: ", "0 = benign, 1 = malignant", "--classes NAMES"] {
        assert!(ended.stderr.contains(words), "{words} is missing in {}", ended.stderr);
    }
    let notes = bench.json("out/result.json")["notes"].to_string();
    assert!(notes.contains("class-names"), "{notes}");
    let ended = bench.succeed(&format!("{RUN} --classes benign,malignant --out given"));
    assert!(!ended.stderr.contains("caution"), "{}", ended.stderr);
}

#[test]
fn our_networks_take_columns_and_categories_in_other_capital_letters_with_a_caution() {
    let bench = Bench::new();
    let mut text = String::from("Size,colour,y\n");
    for row in 0..120 {
        let (colour, class) = if row % 2 == 0 { ("red", "warm") } else { ("blue", "cold") };
        text.push_str(&format!("{},{colour},{class}\n", (row as f64 * 1.7).sin()));
    }
    bench.write("t.csv", &text);
    let other = text.replace("Size,colour", "size,Colour").replace("red", "Red");
    bench.write("other.csv", &other.replace("warm", "WARM"));
    bench.succeed("train t.csv --labels y --max-steps 60 --out net");
    let run = "reliance run --model net --labels y --repeats 2 --data";
    bench.succeed(&format!("{run} t.csv --out a"));
    let ended = bench.succeed(&format!("{run} other.csv --out b"));
    for words in [
        "column \"size\" for \"Size\"",
        "category of \"colour\" \"Red\"",
        "class \"WARM\" for \"warm\"",
    ] {
        assert!(ended.stderr.contains(words), "{words} is missing in {}", ended.stderr);
    }
    assert_eq!(auc(&bench, "a"), auc(&bench, "b"));
    // A remark that classes were put in order is not a warning that they are out of order.
    assert!(!ended.stdout.contains("seem to be in another order"), "{}", ended.stdout);
    assert!(auc(&bench, "a") > 0.9);
}

#[test]
fn models_of_other_tools_are_refused_with_the_lines_that_export_them() {
    let bench = Bench::new();
    bench.write("t.csv", &crate::program::table(60));
    for (name, content, facts) in [
        ("m.pkl", &b"\x80\x04."[..], ["pickled Python object", "skl2onnx"]),
        (
            "m.pt",
            b"PK\x03\x04",
            ["PyTorch", "torch.onnx.export(model.eval(), (torch.zeros(2, 3),)"],
        ),
        ("m.h5", b"\x89HDF\r\n\x1a\n", ["Keras", "format=\"onnx\""]),
        ("m.csv", b"0.1\n0.2\n", ["not a model", "simbias reliance plan"]),
    ] {
        std::fs::write(bench.path(name), content).unwrap();
        bench.refuse(&format!("reliance run --model {name} --data t.csv --out x"), &facts);
        bench.refuse(&format!("audit t.csv --labels y --model {name} --out x"), &facts);
    }
}
