//! Ctrl-C, wherever it comes: exit code 130 soon, nothing half-written, what can be resumed kept.

use std::path::Path;
use std::time::{Duration, Instant};

use simbias_data::read::{ArrayValues, NamedArray};

use crate::program::{Bench, table};

/// Longest time from Ctrl-C to the end. Work that checks for it needs far less, but machines are busy at times.
const SOON: Duration = Duration::from_secs(20);

/// What the program says when it did not wait for the work.
const FORCED: &str = "the work did not stop by itself";

/// Interrupts a command as soon as it has said `at`, expects that its work stops by itself and leaves only `left`, and
/// returns what it said.
#[track_caller]
fn interrupted(bench: &Bench, words: &str, at: &str, left: &[&str]) -> String {
    let mut running = bench.begin(words);
    running.says(at).interrupt();
    let since = Instant::now();
    let (code, said) = running.ends();
    assert_eq!(code, Some(130), "{words}\n{said}");
    assert!(since.elapsed() < SOON, "{words}: {:?}\n{said}", since.elapsed());
    assert!(said.ends_with("interrupted\n"), "{words}\n{said}");
    assert_eq!(bench.names(), left, "{words}");
    said
}

/// A table and a measurement of it that takes long.
#[cfg(feature = "onnx")]
fn long_measurement(bench: &Bench, repeats: usize) -> String {
    bench.onnx("mlp_two_outputs.onnx");
    let mut text = String::from("p,q,r,s,t,y\n");
    for row in 0..4000 {
        let value = |k: f64| (row as f64 * k).sin();
        let values = [12.9898, 4.1414, 7.77, 3.33, 9.19].map(|k| value(k).to_string());
        text.push_str(&format!("{},{}\n", values.join(","), row % 3));
    }
    bench.write("t.csv", &text);
    format!(
        "reliance run --model mlp_two_outputs.onnx --model-output rectified --data t.csv --blocks columns \
         --repeats {repeats}"
    )
}

#[cfg(feature = "onnx")]
#[test]
fn a_measurement_ends_between_its_passes() {
    let bench = Bench::new();
    let words = format!("{} --out out", long_measurement(&bench, 2000));
    let mut running = bench.begin(&words);
    running.says("scoring with").interrupt();
    let since = Instant::now();
    let (code, said) = running.ends();
    assert_eq!(code, Some(130), "{said}");
    assert!(since.elapsed() < SOON, "{:?}\n{said}", since.elapsed());
    assert!(said.ends_with("interrupted\n"), "{said}");
    // What was done until then is kept, if there was anything.
    assert!(!bench.path("out").exists());
    assert!(!bench.names().iter().any(|name| name.ends_with(".partial")), "{:?}", bench.names());
}

/// Whether at least `n_bytes` of finished work lie beside the run.
#[cfg(feature = "onnx")]
fn has_work(bench: &Bench, name: &str, n_bytes: u64) -> bool {
    std::fs::metadata(bench.path(name)).is_ok_and(|file| file.len() >= n_bytes)
}

#[cfg(feature = "onnx")]
#[test]
fn a_killed_measurement_goes_on_and_ends_with_the_same_bits() {
    let bench = Bench::new();
    let words = long_measurement(&bench, 50);
    bench.succeed(&format!("{words} --out whole"));
    let cut = format!("{words} --out cut");
    let state = "cut.reliance-state";
    // Killed within the first block, then interrupted within a later one.
    let block = "cut.reliance-state.block";
    let code = bench.signal_when(&cut, "-KILL", || has_work(&bench, block, 200_000));
    assert_eq!(code, None);
    let first = std::fs::metadata(bench.path(state)).unwrap().len();
    let code = bench.signal_when(&cut, "-INT", || has_work(&bench, state, first + 100_000));
    assert_eq!(code, Some(130));
    assert!(!bench.path("cut").exists());
    // Other options are another measurement: the state is set aside, and nothing of it is used.
    let short = words.replace("--repeats 50", "--repeats 2");
    let other = bench.succeed(&format!("{short} --out cut"));
    assert!(other.stderr.contains("cut.reliance-state.set-aside"), "{}", other.stderr);
    std::fs::remove_dir_all(bench.path("cut")).unwrap();
    std::fs::rename(bench.path("cut.reliance-state.set-aside"), bench.path(state)).unwrap();
    let resumed = bench.succeed(&cut);
    assert!(resumed.stderr.contains("is continued from cut.reliance-state"), "{}", resumed.stderr);
    assert_eq!(bench.read("cut/result.json"), bench.read("whole/result.json"));
    let influences = "influences.safetensors";
    let whole = bench.bytes(&format!("whole/{influences}"));
    assert!(bench.bytes(&format!("cut/{influences}")) == whole);
    assert_eq!(bench.names(), ["cut", "mlp_two_outputs.onnx", "t.csv", "whole"]);
}

#[cfg(feature = "onnx")]
#[test]
fn the_same_command_without_a_name_finds_its_state() {
    let bench = Bench::new();
    let words = long_measurement(&bench, 40);
    let found = || {
        let Ok(entries) = std::fs::read_dir(bench.path("runs")) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.metadata().is_ok_and(|file| file.len() > 100_000))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.contains(".reliance-state"))
            .collect();
        names.sort();
        names
    };
    assert_eq!(bench.signal_when(&words, "-KILL", || !found().is_empty()), None);
    let resumed = bench.succeed(&words);
    assert!(resumed.stderr.contains("is continued from runs/reliance-run-"), "{}", resumed.stderr);
    assert!(found().is_empty(), "{:?}", found());
    std::fs::write(bench.path("x.reliance-state"), "mine").unwrap();
    let said = bench.run(&format!("{words} --out x"));
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("is not the state of a reliance run"), "{}", said.stderr);
    assert_eq!(bench.read("x.reliance-state"), "mine");
}

#[test]
fn probes_and_attacks_end_between_their_steps() {
    let bench = Bench::new();
    bench.write("t.csv", &table(400));
    bench.succeed("train t.csv --max-steps 40 --out net");
    let probes =
        "reliance simplicity --data t.csv --blocks columns --probe-steps 1000000 --out out";
    interrupted(&bench, probes, "probing", &["net", "t.csv"]);
    for attack in ["", " --universal unsigned"] {
        let words = format!(
            "reliance attack --model net --data t.csv --eps 1 --steps 1000000{attack} --out out"
        );
        interrupted(&bench, &words, "attacking", &["net", "t.csv"]);
    }
}

#[test]
fn spectra_end_between_layers() {
    let bench = Bench::new();
    let side = 300;
    let layer = |index: usize| NamedArray {
        name: format!("layers.{index}.weight"),
        shape: vec![side, side],
        values: ArrayValues::F32(
            (0..side * side).map(|at| ((at + index) as f32 * 12.9898).sin()).collect(),
        ),
    };
    let layers: Vec<NamedArray> = (0..40).map(layer).collect();
    simbias_data::write_safetensors(&bench.path("net.safetensors"), &layers, &[]).unwrap();
    let words = "spectrum net.safetensors --threads 1 --out out";
    interrupted(&bench, words, "spectra of", &["net.safetensors"]);
}

#[test]
fn ways_to_prune_end_between_batches() {
    let bench = Bench::new();
    bench.write("old.txt", &"the 19 men in the house saw the sea in 1984. ".repeat(4000));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simbias-language/tests/reference");
    let model = folder.join("llama.gguf").display().to_string();
    let words = format!(
        "prune compare {model} --methods magnitude --evaluate old.txt --context 32 --out out"
    );
    interrupted(&bench, &words, "ways to prune", &["old.txt"]);
}

/// Rows whose labels no column tells, so that nothing is learned before its steps are taken.
fn noise() -> String {
    let rows: String = (0..600)
        .map(|row| {
            let value = |k: f64| (row as f64 * k).sin();
            let class = u8::from((row as f64 * row as f64 * 0.7).sin() > 0.0);
            format!("{},{},{},{class}\n", value(12.9898), value(78.233), value(3.7))
        })
        .collect();
    format!("a,b,c,y\n{rows}")
}

#[test]
fn an_audit_interrupted_after_its_training_does_not_train_again() {
    let bench = Bench::new();
    bench.write("t.csv", &noise());
    let words = "audit t.csv --quick --blocks first=0;others=1,2 --remedies none --max-steps 150 \
                 --solo-steps 3000 --threads 1";
    let left = ["cut.checkpoint", "t.csv"];
    let said = interrupted(&bench, &format!("{words} --out cut"), "[4/5]", &left);
    assert!(said.contains("--resume cut.checkpoint"), "{said}");
    let resumed = bench.succeed(&format!("{words} --out cut --resume cut.checkpoint"));
    assert!(resumed.stderr.contains("[4/5]"), "{}", resumed.stderr);
    bench.succeed(&format!("{words} --out whole"));
    assert_eq!(bench.read("cut/result.json"), bench.read("whole/result.json"));
    assert!(bench.bytes("cut/network.safetensors") == bench.bytes("whole/network.safetensors"));
    assert_eq!(bench.names(), ["cut", "t.csv", "whole"]);
}

/// A file that never comes: the program waits for it and checks for nothing else.
fn endless(bench: &Bench) -> String {
    let made = std::process::Command::new("mkfifo").arg(bench.path("t.csv")).status();
    assert!(made.unwrap().success());
    "train t.csv --labels y --out out".into()
}

/// Waits until the run has made its directory.
fn wait_for_run(bench: &Bench) {
    let since = Instant::now();
    while !bench.names().iter().any(|name| name.ends_with(".partial")) {
        assert!(since.elapsed() < Duration::from_secs(60), "no run began");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn work_that_does_not_look_is_ended_for_it() {
    let bench = Bench::new();
    let mut running = bench.begin(&endless(&bench));
    wait_for_run(&bench);
    running.interrupt();
    let since = Instant::now();
    let (code, said) = running.ends();
    assert_eq!(code, Some(130), "{said}");
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert!(said.contains(FORCED), "{said}");
    assert_eq!(bench.names(), ["t.csv"]);
}

#[test]
fn a_second_time_ends_at_once() {
    let bench = Bench::new();
    let mut running = bench.begin(&endless(&bench));
    wait_for_run(&bench);
    running.interrupt().says("press Ctrl-C again").interrupt();
    let (code, said) = running.ends();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.ends_with("interrupted\n") && !said.contains(FORCED), "{said}");
    assert_eq!(bench.names(), ["t.csv"]);
}
