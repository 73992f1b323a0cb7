//! `spectrum`: a checkpoint in, tables and recommendations out.

use crate::program::{Bench, table};

/// A trained network of three linear layers, as `train` saves it.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("t.csv", &table(200));
    bench.succeed("train t.csv --max-steps 40 --out net");
    bench
}

const MODEL: &str = "net/network.safetensors";

#[test]
fn every_layer_is_in_the_table_on_any_number_of_threads() {
    let bench = bench();
    bench.succeed(&format!("spectrum scan {MODEL} --threads 1 --out one"));
    bench.succeed(&format!("spectrum scan {MODEL} --threads 2 --out two"));
    let rows = |run: &str| bench.json(&format!("{run}/result.json"))["layers"].clone();
    assert_eq!(rows("one"), rows("two"));
    let rows = rows("one");
    let names: Vec<&str> =
        rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(bench.read("one/report.html").contains("model.2"), "the page names its layers");
    bench.succeed(&format!("spectrum scan {MODEL} --exclude model.0 --out fewer"));
    assert_eq!(bench.json("fewer/result.json")["layers"].as_array().unwrap().len(), 2);
    bench.succeed(&format!("spectrum scan {MODEL} --include ^model.[24] --parquet --out chosen"));
    assert_eq!(bench.json("chosen/result.json")["layers"].as_array().unwrap().len(), 2);
    assert!(bench.bytes("chosen/layers.parquet").starts_with(b"PAR1"));
    bench.refuse(
        &format!("spectrum scan {MODEL} --include ( --out o"),
        &["unclosed group", "--include"],
    );
    bench.succeed(&format!("spectrum scan {MODEL} --compat weightwatcher --out ww"));
    bench.succeed(&format!("spectrum {MODEL} --dtype f32 --out single"));
    let exponent = |run: &str, layer: usize| {
        let row = bench.json(&format!("{run}/result.json"))["layers"][layer].clone();
        let tail = row["outcome"]["analysed"]["plain"]["tails"][0]["tail"].clone();
        tail["Ok"]["fit"]["exponent"].as_f64().unwrap()
    };
    let (single, double) = (exponent("single", 1), exponent("one", 1));
    assert!((single - double).abs() < 0.01, "{single} and {double}");
    bench.refuse(&format!("spectrum {MODEL} --dtype f32 --fit ks --out o"), &["median", "--dtype"]);
    bench.succeed(&format!("spectrum scan {MODEL} --farms 50x3 --fit ks --q 0.5 --split-fused --block-name model --out windows"));
}

#[test]
fn a_checkpoint_does_not_differ_from_itself() {
    let bench = bench();
    bench.succeed(&format!("spectrum compare {MODEL} {MODEL} --out same"));
    let layers = bench.json("same/result.json")["comparison"]["layers"].clone();
    let layers = layers.as_array().unwrap();
    assert_eq!(layers.len(), 3);
    let shifts: Vec<f64> = layers.iter().filter_map(|layer| layer["shift"].as_f64()).collect();
    assert!(!shifts.is_empty() && shifts.iter().all(|&shift| shift == 0.0), "{shifts:?}");
}

#[test]
fn checkpoints_without_a_common_layer_are_not_compared() {
    let bench = bench();
    let header = r#"{"other.weight":{"dtype":"F32","shape":[8,9],"data_offsets":[0,288]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..72).flat_map(|i| (i as f32).sin().to_le_bytes()));
    std::fs::write(bench.path("other.safetensors"), bytes).unwrap();
    bench.refuse(
        &format!("spectrum compare {MODEL} other.safetensors --out o"),
        &["no layer of the same name and shape"],
    );
}

#[test]
fn strict_scans_end_with_another_code_when_a_layer_is_left_out() {
    let bench = bench();
    let plain = bench.run(&format!("spectrum {MODEL} --strict --out whole"));
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    // A NaN in the last weight of the file.
    let mut bytes = bench.bytes(MODEL);
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(bench.path("nan.safetensors"), bytes).unwrap();
    bench.succeed("spectrum nan.safetensors --out lenient");
    let strict = bench.run("spectrum nan.safetensors --strict --out strict");
    assert_eq!(strict.code, Some(3), "{}", strict.stderr);
    assert!(bench.read("strict/report.html").contains("NaN or infinite"));
}

#[test]
fn a_training_is_followed_checkpoint_by_checkpoint() {
    let bench = bench();
    bench.succeed("train t.csv --max-steps 80 --out later");
    let later = "later/network.safetensors";
    bench.succeed(&format!("spectrum track {MODEL} {later} {MODEL} --base-lr 0.1 --out series"));
    let series = bench.json("series/result.json");
    let layers = series["layers"].as_array().unwrap();
    assert_eq!((layers.len(), series["checkpoints"].as_array().unwrap().len()), (3, 3));
    for layer in layers {
        let exponents = layer["exponents"].as_array().unwrap();
        assert_eq!(exponents[0], exponents[2]);
        assert_eq!(layer["learning_rates"].as_array().unwrap().len(), 3);
    }
    assert!(layers.iter().any(|layer| layer["exponents"][0] != layer["exponents"][1]));
    bench.refuse(&format!("spectrum track {MODEL} --out one"), &["2 values", "MODEL"]);
}

#[test]
fn scores_may_come_from_a_file() {
    let bench = bench();
    bench
        .write("scores.csv", "layer,score\nmodel.0.weight,1\nmodel.2.weight,2\nmodel.4.weight,3\n");
    bench.write("few.csv", "layer,score\nmodel.0.weight,1\n");
    bench.write("bad.csv", "layer,score\nmodel.0.weight,x\n");
    let words = format!("spectrum sparsity {MODEL} --target 0.5 --mapping layer --score");
    bench.succeed(&format!("{words} scores.csv --out given"));
    let csv = bench.read("given/sparsities.csv");
    assert!(csv.starts_with("layer,ratio\n") && csv.contains("model.2.weight,0."), "{csv}");
    bench.refuse(&format!("{words} few.csv --out o"), &["no score is given", "model.2"]);
    bench.refuse(&format!("{words} bad.csv --out o"), &["bad.csv", "line 2"]);
    bench.refuse(&format!("{words} none --out o"), &["\"none\"", "alpha"]);
}

#[test]
fn recommendations_are_files() {
    let bench = bench();
    bench.succeed(&format!("spectrum lr {MODEL} --base-lr 0.1 --range 0.5,1.5 --out rates"));
    bench.refuse(
        &format!("spectrum lr {MODEL} --base-lr 0.1 --range 2,1 --out o"),
        &["2,1", "LOW,HIGH"],
    );
    let rates = bench.json("rates/rates.json");
    let groups = rates["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    // The first and the last layer have fewer eigenvalues than a fit needs; one layer alone has no neighbours.
    let kept = |index: usize| groups[index]["keeps_base"].as_str().is_some();
    assert!(kept(0) && !kept(1) && kept(2), "{rates:#}");
    assert!(groups.iter().all(|group| group["learning_rate"].as_f64() == Some(0.1)), "{rates:#}");
    bench.succeed(&format!("spectrum sparsity {MODEL} --target 0.6 --mapping layer --out zeros"));
    let zeros = bench.json("zeros/sparsities.json");
    assert!((zeros["realised"].as_f64().unwrap() - 0.6).abs() < 1e-9, "{zeros:#}");
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let bench = bench();
    bench.write("noise.safetensors", "hello");
    for (words, facts) in [
        (
            "spectrum scan absent.safetensors --out out".to_string(),
            ["absent.safetensors", "No such file"],
        ),
        ("spectrum scan noise.safetensors --out out".into(), ["noise.safetensors", "damaged"]),
        (
            format!("spectrum scan {MODEL} --include nothing --out out"),
            ["not selected", "--include"],
        ),
        (format!("spectrum scan {MODEL} --farms 0 --out out"), ["auto, off", "--farms"]),
        (format!("spectrum lr {MODEL} --base-lr=-1 --out out"), ["--base-lr -1", "above 0"]),
        (format!("spectrum sparsity {MODEL} --target 1.5 --out out"), ["target", "1.5"]),
    ] {
        bench.refuse(&words, &facts);
    }
}
