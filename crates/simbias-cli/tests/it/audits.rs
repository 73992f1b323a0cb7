//! `audit` on a user's own rows and models.

use serde_json::Value;

use crate::program::{Bench, table};

/// The smallest possible audit: one block that tells the label and one that does not.
const SMALL: &str = "--quick --blocks first=0;others=1,2 --remedies none";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("t.csv", &table(300));
    bench
}

fn block<'a>(reliance: &'a Value, name: &str) -> &'a Value {
    let blocks = reliance["blocks"].as_array().unwrap();
    blocks.iter().find(|block| block["name"] == name).unwrap()
}

#[test]
fn an_audit_finds_the_column_that_tells_on_any_number_of_threads() {
    let bench = bench();
    bench.succeed(&format!("audit t.csv {SMALL} --threads 1 --out one"));
    bench.succeed(&format!("audit t.csv {SMALL} --threads 2 --out two"));
    assert_eq!(bench.read("one/result.json"), bench.read("two/result.json"));
    assert!(bench.bytes("one/network.safetensors") == bench.bytes("two/network.safetensors"));
    let result = bench.json("one/result.json");
    let necessity = |name| block(&result["reliance"], name)["necessity"]["value"].as_f64().unwrap();
    assert!(necessity("first") > 0.8 && necessity("others").abs() < 0.2, "{result:#}");

    // What an audit measured is compared like any other measurement.
    bench.succeed("reliance compare one/result.json two/result.json --out same");
    let comparison = bench.json("same/result.json");
    assert_eq!(comparison["standard"]["before"]["value"], result["reliance"]["auc_std"]["value"]);
    assert_eq!(comparison["standard"]["difference"]["value"], 0.0);
    assert_eq!(comparison["blocks"].as_array().unwrap().len(), 2);
}

#[test]
fn an_audit_takes_all_parts() {
    let bench = bench();
    for part in ["train", "validation", "test"] {
        bench.refuse(
            &format!("audit t.csv {SMALL} --part {part} --out out"),
            &["an audit takes all parts of a source", "--part"],
        );
        bench.refuse(&format!("train t.csv --part {part} --out out"), &["all parts", "--part"]);
    }
}

#[test]
fn a_network_of_train_or_audit_is_audited_as_it_is() {
    let bench = bench();
    bench.succeed("train t.csv --max-steps 300 --out trained");
    bench.succeed(&format!("audit t.csv {SMALL} --out audited"));
    for model in ["trained", "audited", "audited/network.safetensors"] {
        let out = model.replace('/', "-") + "-again";
        bench.succeed(&format!("audit t.csv {SMALL} --model {model} --out {out}"));
        let result = bench.json(&format!("{out}/result.json"));
        assert_eq!(result["training"], Value::Null);
        assert!(block(&result["reliance"], "first")["necessity"]["value"].as_f64().unwrap() > 0.8);
        // The same standardisation, whatever part of the rows is the training part now.
        assert_eq!(
            bench.json(&format!("{out}/network.json")),
            bench.json(&format!("{}/network.json", model.split('/').next().unwrap()))
        );
    }
    // The network that was audited and the network that was saved are one: what is judged on the test part is equal.
    let figures = |run: &str| {
        let result = bench.json(&format!("{run}/result.json"));
        let alone = |name: &str| block(&result["reliance"], name)["solo_difference"].clone();
        (result["robustness"].clone(), result["solo"].clone(), alone("first"), alone("others"))
    };
    assert_eq!(figures("audited"), figures("audited-again"));
    // A model that is given is measured on all rows.
    let n_rows = |run: &str| bench.json(&format!("{run}/result.json"))["reliance"]["n"].clone();
    assert_eq!((n_rows("audited"), n_rows("audited-again")), (60.into(), 300.into()));
}

#[cfg(feature = "onnx")]
#[test]
fn an_onnx_model_is_audited() {
    let bench = Bench::new();
    let mut text = String::from("p,q,r,s,t,y\n");
    for row in 0..200 {
        let value = |k: f64| (row as f64 * k).sin();
        let values = [12.9898, 4.1414, 7.77, 3.33, 9.19].map(|k| value(k).to_string());
        text.push_str(&format!("{},{}\n", values.join(","), row % 3));
    }
    bench.write("t.csv", &text);
    bench.onnx("mlp_two_outputs.onnx");
    let words = "audit t.csv --quick --blocks first=0,1;others=2..5 --model mlp_two_outputs.onnx";
    bench.refuse(&format!("{words} --model-output absent --out out"), &["absent", "rectified"]);
    bench.succeed(&format!("{words} --model-output rectified --out out"));
    let result = bench.json("out/result.json");
    assert_eq!(result["reliance"]["blocks"].as_array().unwrap().len(), 2);
    assert_eq!(result["remedies"].as_array().unwrap().len(), 0);
    assert!(result["notes"].to_string().contains("retrained"), "{}", result["notes"]);
    assert!(!bench.path("out/network.json").exists());
    assert_eq!(bench.json("out/run.json")["inputs"][1]["name"], "mlp_two_outputs.onnx");
}

#[test]
fn a_numeric_label_becomes_two_classes_and_strata_stay_out_of_the_input() {
    let bench = Bench::new();
    let mut text = String::from("defect,tone,noise,site\n");
    for row in 0..300 {
        let noise = (row as f64 * 12.9898).sin();
        let defect = 0.5 + 0.5 * (row as f64 * 0.37).sin();
        let site = if row % 3 == 0 { "east" } else { "west" };
        text.push_str(&format!("{defect},{},{noise},{site}\n", 10.0 * defect + 0.1 * noise));
    }
    bench.write("t.csv", &text);
    let words = "audit t.csv --labels defect --label-threshold 0.5 --strata site --quick \
                 --remedies none --blocks columns";
    let ended = bench.succeed(&format!("{words} --out out"));
    assert!(ended.stderr.contains("classes: 0 = "), "{}", ended.stderr);
    let result = bench.json("out/result.json");
    let reliance = &result["reliance"];
    let names: Vec<&str> = reliance["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["tone", "noise"]);
    assert!(reliance["blocks"][0]["strata"].to_string().contains("east"), "{reliance:#}");
    bench
        .refuse("audit t.csv --labels defect --strata place --quick --out bad", &["place", "site"]);
}

/// Ctrl-C during the training: a checkpoint, exit code 130, no directory; then the numbers of an undisturbed run.
#[cfg(unix)]
#[test]
fn an_interrupted_audit_goes_on_to_the_same_numbers() {
    let bench = Bench::new();
    // Labels that no column tells, so that training lasts.
    let text: String = (0..600)
        .map(|row| {
            let value = |k: f64| (row as f64 * k).sin();
            let class = u8::from((row as f64 * row as f64 * 0.7).sin() > 0.0);
            format!("{},{},{},{class}\n", value(12.9898), value(78.233), value(3.7))
        })
        .collect();
    bench.write("t.csv", &format!("a,b,c,y\n{text}"));
    let words = format!("audit t.csv {SMALL} --max-steps 6000 --threads 1");
    let checkpoint = bench.path("cut.checkpoint");
    let code = bench.signal_when(&format!("{words} --out cut"), "-INT", || checkpoint.is_file());
    assert_eq!(code, Some(130));
    assert_eq!(bench.names(), ["cut.checkpoint", "t.csv"]);
    bench.succeed(&format!("{words} --out cut --resume cut.checkpoint"));
    bench.succeed(&format!("{words} --out whole"));
    assert_eq!(bench.read("cut/result.json"), bench.read("whole/result.json"));
    assert!(bench.bytes("cut/network.safetensors") == bench.bytes("whole/network.safetensors"));
    assert!(!checkpoint.exists());
}

#[test]
fn audits_that_cannot_be_are_refused() {
    let bench = bench();
    bench.refuse("audit absent.csv --out out", &["absent.csv"]);
    bench.refuse("audit --model net.onnx --out out", &["<DATA>"]);
    bench.write("one.csv", "a,y\n1,0\n2,0\n3,0\n4,0\n5,0\n");
    bench.refuse("audit one.csv --out out", &["AUC undefined", "\"0\""]);
    for (words, facts) in [
        ("--network cnn", ["images", "fcn"]),
        ("--remedies hope", ["hope", "last-layer"]),
        ("--group site", ["site", "stratum"]),
        ("--blocks far=7", ["far", "0..3"]),
        ("--model a.onnx --resume b.checkpoint", ["--model", "--resume"]),
        ("--resume absent.checkpoint", ["absent.checkpoint", "--resume"]),
        ("--mode shuffle", ["shuffle", "within-class"]),
    ] {
        bench.refuse(&format!("audit t.csv {words} --out out"), &facts);
    }
}
