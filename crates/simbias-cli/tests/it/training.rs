//! `train`: the same bits however often it was ended, and nothing half-written.

use crate::program::{Bench, table};

/// Slow learning, so that no goal ends it before it can be interrupted.
const WORDS: &str = "train t.csv --max-steps 8000 --learning-rate 0.000001 --evaluate-every 500 \
                     --checkpoint-every 100 --threads 1 --seed 3";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("t.csv", &table(300));
    bench
}

/// Ends a training by `signal` after its first checkpoint, goes on, and compares with a run that was never ended.
#[cfg(unix)]
fn ended_by(signal: &str, code: Option<i32>) {
    let bench = bench();
    let checkpoint = bench.path("cut.checkpoint");
    let ended = bench.signal_when(&format!("{WORDS} --out cut"), signal, || checkpoint.is_file());
    assert_eq!(ended, code);
    let left: Vec<String> =
        bench.names().into_iter().filter(|name| !name.starts_with('.')).collect();
    assert_eq!(left, ["cut.checkpoint", "cut.checkpoint.traces", "t.csv"]);

    bench.succeed(&format!("{WORDS} --out cut --resume cut.checkpoint"));
    bench.succeed(&format!("{WORDS} --out whole"));
    for file in ["network.safetensors", "network.json", "traces.safetensors", "result.json"] {
        assert!(
            bench.bytes(&format!("cut/{file}")) == bench.bytes(&format!("whole/{file}")),
            "{file} differs"
        );
    }
    let steps = simbias_data::read_array(&bench.path("cut/traces.safetensors::step")).unwrap();
    let expected: Vec<f64> = (1..=16).map(|record| f64::from(record * 500)).collect();
    assert_eq!(steps.to_f64().unwrap(), expected);
    assert!(!checkpoint.exists() && !bench.path("cut.checkpoint.traces").exists());
}

#[cfg(unix)]
#[test]
fn a_killed_training_goes_on_to_the_same_bits() {
    ended_by("-KILL", None);
}

#[cfg(unix)]
#[test]
fn an_interrupted_training_goes_on_to_the_same_bits() {
    ended_by("-INT", Some(130));
}

#[cfg(unix)]
#[test]
fn a_checkpoint_belongs_to_its_rows_and_settings() {
    let bench = bench();
    let checkpoint = bench.path("cut.checkpoint");
    bench.signal_when(&format!("{WORDS} --out cut"), "-INT", || checkpoint.is_file());
    let resume = "--out again --resume cut.checkpoint";
    bench.refuse(&format!("{WORDS} --batch-size 7 {resume}"), &["settings", "--resume"]);
    bench.refuse(&format!("{WORDS} --drop c {resume}"), &["training data", "--resume"]);
    bench.refuse(&format!("audit t.csv --max-steps 8000 {resume}"), &["settings", "--resume"]);
    bench.write("cut.checkpoint.traces", "noise");
    bench.refuse(&format!("{WORDS} {resume}"), &["cut.checkpoint.traces", "not a trace"]);
    // Traces are not part of the state.
    std::fs::remove_file(bench.path("cut.checkpoint.traces")).unwrap();
    let ended = bench.succeed(&format!("{WORDS} {resume}"));
    assert!(ended.stderr.contains("cut.checkpoint.traces"), "{}", ended.stderr);
    assert!(checkpoint.is_file(), "the checkpoint of another run was removed");
}

#[test]
fn trainings_that_cannot_be_are_refused() {
    let bench = bench();
    bench.refuse("train absent.csv --out out", &["absent.csv"]);
    bench.write("one.csv", "a,y\n1,0\n2,0\n3,0\n4,0\n5,0\n");
    bench.refuse("train one.csv --out out", &["AUC undefined", "--labels"]);
    for (words, facts) in [
        ("--network cnn", ["images", "fcn"]),
        ("--network rnn", ["rnn", "resnet18"]),
        ("--batch-size 0", ["batch size", "at least 1"]),
        ("--evaluate-every 0", ["evaluation interval", "at least 1"]),
        ("--learning-rate -1", ["learning rate", "-1"]),
        ("--weight-decay -0.1", ["--weight-decay", "from 0 up"]),
        ("--weight-decay nan", ["--weight-decay", "from 0 up"]),
        ("--max-steps 0", ["--max-steps", "0"]),
        ("--learning-rate 1e30 --max-steps 50", ["lower the learning rate", "--learning-rate"]),
        ("--validation-share 1.5", ["1.5", "between 0 and 1"]),
        ("--device abacus", ["abacus", "cpu"]),
        ("--resume absent.checkpoint", ["absent.checkpoint", "--resume"]),
        ("--resume t.csv", ["t.csv", "--resume"]),
    ] {
        bench.refuse(&format!("train t.csv {words} --out out"), &facts);
    }
}

#[test]
fn weight_decay_reaches_the_recipe() {
    let bench = bench();
    let words = "train t.csv --max-steps 60 --evaluate-every 60 --seed 3";
    bench.succeed(&format!("{words} --out own"));
    bench.succeed(&format!("{words} --weight-decay 0.5 --out decayed"));
    let norm = |run: &str| {
        let weights = format!("{run}/network.safetensors::model.0.weight");
        let values = simbias_data::read_array(&bench.path(&weights)).unwrap().to_f64().unwrap();
        values.iter().map(|value| value * value).sum::<f64>()
    };
    assert!(norm("decayed") < 0.8 * norm("own"), "{} {}", norm("decayed"), norm("own"));
}

#[cfg(unix)]
#[test]
fn a_checkpoint_belongs_to_its_network() {
    let bench = Bench::new();
    for (class, level) in [("dark", 10), ("bright", 200)] {
        for image in 0..12 {
            let pixels: Vec<String> =
                (0..64).map(|pixel| (level + (image * 7 + pixel * 3) % 40).to_string()).collect();
            bench.write(
                &format!("images/{class}/{image}.pgm"),
                &format!("P2\n8 8\n255\n{}\n", pixels.join(" ")),
            );
        }
    }
    let words = "train images --max-steps 8000 --learning-rate 0.000001 --checkpoint-every 20 \
                 --optimizer sgd --batch-size 8 --threads 1";
    let checkpoint = bench.path("cut.checkpoint");
    bench.signal_when(&format!("{words} --network cnn --out cut"), "-INT", || checkpoint.is_file());
    bench.refuse(
        &format!("{words} --network resnet18 --out again --resume cut.checkpoint"),
        &["network is kind small-cnn", "this run has kind res-net18", "--resume"],
    );
}

#[test]
fn rates_of_layers_follow_their_spectra() {
    let bench = Bench::new();
    bench.write("t.csv", &table(200));
    bench.succeed("train t.csv --max-steps 40 --out uniform");
    for rule in ["farms", "tempbalance"] {
        let words = format!("train t.csv --max-steps 40 --layer-rates {rule} --out");
        bench.succeed(&format!("{words} {rule} --threads 1"));
        bench.succeed(&format!("{words} {rule}-again --threads 2"));
        let weights = |run: &str| bench.bytes(&format!("{run}/network.safetensors"));
        assert_eq!(weights(rule), weights(&format!("{rule}-again")));
    }
    bench.refuse("train t.csv --layer-rates other --out o", &["other", "tempbalance"]);
}
