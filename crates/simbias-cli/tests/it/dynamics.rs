//! `upsample` and `outliers`: exports in, lists and groups out.

use simbias_data::read::{ArrayValues, NamedArray};
use simbias_data::{ParquetColumn, parquet_to, write_npy, write_safetensors};

use crate::program::Bench;

const N: usize = 120;
const CLASSES: usize = 3;

/// Slow: every fourth example of a class.
fn is_slow(example: usize) -> bool {
    (example / CLASSES).is_multiple_of(4)
}

fn logit(example: usize, class: usize, epoch: usize) -> f32 {
    let jitter = ((example * 7 + class * 3) % 11) as f32 * 0.02;
    let own = match (example % CLASSES == class, is_slow(example)) {
        (true, false) => 2.0 + epoch as f32,
        (true, true) => 0.4,
        (false, _) => 0.0,
    };
    own + jitter
}

fn logits(n_epochs: usize) -> Vec<f32> {
    (0..n_epochs)
        .flat_map(|epoch| {
            (0..N).flat_map(move |row| (0..CLASSES).map(move |class| logit(row, class, epoch)))
        })
        .collect()
}

fn array(name: &str, shape: &[usize], values: ArrayValues) -> NamedArray {
    NamedArray { name: name.into(), shape: shape.to_vec(), values }
}

/// Early outputs in three formats, labels as numbers and names, names of examples.
fn exports() -> Bench {
    let bench = Bench::new();
    let outputs = array("logits", &[N, CLASSES], ArrayValues::F32(logits(1)));
    write_npy(&bench.path("early.npy"), &outputs).unwrap();
    write_safetensors(&bench.path("early.safetensors"), &[outputs], &[]).unwrap();
    let epochs = array("logits", &[4, N, CLASSES], ArrayValues::F32(logits(4)));
    write_npy(&bench.path("epochs.npy"), &epochs).unwrap();
    let labels = (0..N).map(|row| (row % CLASSES) as i64).collect();
    write_npy(&bench.path("labels.npy"), &array("y", &[N], ArrayValues::I64(labels))).unwrap();
    let lines =
        (0..N).map(|row| format!("img{row:03}.png,{}", ["ant", "bee", "cat"][row % CLASSES]));
    bench.write("names.csv", &format!("file,species\n{}\n", lines.collect::<Vec<_>>().join("\n")));
    let column = |class: usize| {
        let values = (0..N).map(|row| f64::from(logit(row, class, 0))).collect();
        ParquetColumn::Numbers(values)
    };
    let mut bytes = Vec::new();
    let columns = [
        ("a", column(0)),
        ("b", column(1)),
        ("c", column(2)),
        ("label", ParquetColumn::Integers((0..N).map(|row| (row % CLASSES) as i64).collect())),
    ];
    parquet_to(&mut bytes, &columns).unwrap();
    std::fs::write(bench.path("early.parquet"), bytes).unwrap();
    bench
}

/// The numbers of an `.npy` file that the program wrote.
fn numbers(bench: &Bench, name: &str) -> Vec<f64> {
    simbias_data::read_array(&bench.path(name)).unwrap().to_f64().unwrap()
}

#[test]
fn the_list_has_slow_examples_twice_whatever_the_format() {
    let bench = exports();
    let slow: Vec<f64> = (0..N).filter(|&row| is_slow(row)).map(|row| row as f64).collect();
    let expected: Vec<f64> = (0..N).map(|row| row as f64).chain(slow.iter().copied()).collect();
    for (index, outputs) in [
        "--outputs early.npy --labels labels.npy",
        "--outputs early.safetensors --labels names.csv::species --ids names.csv::file",
        "--outputs early.parquet --labels early.parquet::label",
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("s{index}");
        bench.succeed(&format!("upsample select {outputs} --guard none --out {out}"));
        assert_eq!(numbers(&bench, &format!("{out}/indices.npy")), expected, "{outputs}");
        let weights = numbers(&bench, &format!("{out}/weights.npy"));
        assert!(
            weights.iter().enumerate().all(|(row, &w)| w == if is_slow(row) { 2.0 } else { 1.0 })
        );
        assert!(bench.bytes(&format!("{out}/selection.parquet")).starts_with(b"PAR1"));
        let manifest = bench.json(&format!("{out}/manifest.json"));
        assert_eq!(manifest["schema"], "simbias.selection/1");
        assert_eq!(manifest["n_slow"], slow.len());
        assert_eq!(manifest["epoch_length"], expected.len());
    }
    let names = bench.json("s1/manifest.json")["classes"].clone();
    assert_eq!(names[1]["name"], "bee");
    // Names of the examples answer the question whether the order is right.
    let kinds = |run: &str| bench.json(&format!("{run}/result.json"))["caveats"].to_string();
    assert!(kinds("s0").contains("order") && !kinds("s1").contains("order"));
    assert!(bench.read("s0/report.html").contains("learned slowly"));
}

#[test]
fn one_of_several_epochs_is_clustered() {
    let bench = exports();
    bench.succeed(
        "upsample select --outputs epochs.npy --labels labels.npy --planned-epochs 40 --out auto",
    );
    let found = bench.json("auto/result.json");
    assert_eq!(found["epoch"]["errors"].as_array().unwrap().len(), 4);
    assert!(found["epoch"]["rule"].is_object());
    bench.succeed("upsample select --outputs epochs.npy --labels labels.npy --epoch 2 --out third");
    assert_eq!(bench.json("third/result.json")["epoch"]["index"], 2);
    bench.refuse(
        "upsample select --outputs epochs.npy --labels labels.npy --epoch 4 --out o",
        &["--epoch 4", "4 epochs"],
    );
}

#[test]
fn exports_that_do_not_fit_are_refused_with_a_way_out() {
    let bench = exports();
    let few = array("y", &[5], ArrayValues::I64(vec![0; 5]));
    write_npy(&bench.path("few.npy"), &few).unwrap();
    bench.refuse(
        "upsample select --outputs early.npy --labels few.npy --out o",
        &["120", "5 labels"],
    );
    let high = array("y", &[N], ArrayValues::I64((0..N as i64).map(|row| row % 4).collect()));
    write_npy(&bench.path("high.npy"), &high).unwrap();
    bench.refuse(
        "upsample select --outputs early.npy --labels high.npy --out o",
        &["label 3", "0 to 2"],
    );
    let real = array("y", &[N], ArrayValues::F64((0..N).map(|row| row as f64 / 3.0).collect()));
    write_npy(&bench.path("real.npy"), &real).unwrap();
    bench.refuse(
        "upsample select --outputs early.npy --labels real.npy --out o",
        &["is not a class"],
    );
    let several = array("y", &[N, 3], ArrayValues::I64(vec![1; 3 * N]));
    write_npy(&bench.path("several.npy"), &several).unwrap();
    bench.refuse(
        "upsample select --outputs early.npy --labels several.npy --out o",
        &["one label per row"],
    );
    let mut broken = logits(1);
    broken[7] = f32::NAN;
    let broken = array("z", &[N, CLASSES], ArrayValues::F32(broken));
    write_npy(&bench.path("broken.npy"), &broken).unwrap();
    bench.refuse(
        "upsample select --outputs broken.npy --labels labels.npy --out o",
        &["row 2", "--drop-nonfinite"],
    );
    bench.succeed(
        "upsample select --outputs broken.npy --labels labels.npy --drop-nonfinite --out kept",
    );
    let single = array("z", &[N], ArrayValues::F32(logits(1)[..N].to_vec()));
    write_npy(&bench.path("single.npy"), &single).unwrap();
    let two = array("y", &[N], ArrayValues::I64((0..N as i64).map(|row| row % 2).collect()));
    write_npy(&bench.path("two.npy"), &two).unwrap();
    bench.refuse(
        "upsample select --outputs single.npy --labels two.npy --out o",
        &["one column", "--binary"],
    );
    bench.succeed("upsample select --outputs single.npy --labels two.npy --binary --out binary");
    bench.refuse(
        "upsample select --outputs early.npy --labels two.npy --binary --out o",
        &["--binary", "3 columns"],
    );
    bench.refuse("upsample select --outputs names.csv --labels labels.npy --out o", &["names.csv"]);
    bench.refuse(
        "upsample select --outputs early.npy --labels labels.npy --epoch 1 --out o",
        &["--epoch 1", "one epoch"],
    );
    bench.refuse("upsample select --outputs no.npy --labels labels.npy --out o", &["no.npy"]);
    bench.refuse(
        "upsample select --outputs early.npy --labels names.csv::kind --out o",
        &["\"kind\"", "species"],
    );
}

/// Losses in which the first five examples swing against the next five.
fn losses() -> Bench {
    let bench = Bench::new();
    let (n_steps, n) = (80, 200);
    // Swings of very different sizes: shifted in time, such a series is no longer like itself.
    let size = |step: usize| 0.1 + 2.0 * ((step * 7919 + step * step * 31) % 97) as f32 / 97.0;
    let value = |step: usize, example: usize| {
        let turn = if step.is_multiple_of(2) { size(step) } else { -size(step) };
        let side = match example {
            0..5 => turn,
            5..10 => -turn,
            _ => 0.0,
        };
        // Noise of every example's own: a pattern in common would be a finding too.
        let mixed = (step as u32 + 1).wrapping_mul(2_654_435_761)
            ^ (example as u32 + 1).wrapping_mul(0x85eb_ca6b);
        let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0x5bd1_e995);
        let jitter = ((mixed ^ (mixed >> 15)) % 1000) as f32 * 2e-5;
        3.0 - 0.002 * step as f32 + side + jitter
    };
    let values = (0..n_steps).flat_map(|step| (0..n).map(move |example| value(step, example)));
    let losses = array("losses", &[n_steps, n], ArrayValues::F32(values.collect()));
    write_npy(&bench.path("losses.npy"), &losses).unwrap();
    let labels = (0..n).map(|row| if row < 5 { "plane" } else { "bird" });
    let lines = labels.enumerate().map(|(row, label)| format!("e{row},{label}"));
    bench.write("examples.csv", &format!("id,label\n{}\n", lines.collect::<Vec<_>>().join("\n")));
    bench
}

#[test]
fn opposing_groups_are_found_and_named() {
    let bench = losses();
    bench.succeed(
        "outliers losses.npy --labels examples.csv::label --ids examples.csv::id --out found",
    );
    let groups = bench.json("found/groups.json");
    assert_eq!(groups["regime"], "edge-of-stability");
    assert_eq!(groups["driver"], "outliers");
    let pair = &groups["pairs"][0];
    assert_eq!(pair["is_accepted"], true);
    let labels: Vec<&str> = pair["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["commonest_label"].as_str().unwrap())
        .collect();
    assert!(labels.contains(&"plane") && labels.contains(&"bird"), "{labels:?}");
    assert!(pair["groups"][0]["ids"].to_string().contains("\"e"));
    assert!(bench.bytes("found/examples.parquet").starts_with(b"PAR1"));
    assert!(bench.read("found/report.html").contains("pull in opposite directions"));
    bench.succeed("outliers losses.npy --steps 20: --surrogates 0 --threads 1 --out late");
    assert_eq!(bench.json("late/result.json")["n_steps"], 60);
}

#[test]
fn losses_that_do_not_fit_are_refused_with_a_way_out() {
    let bench = losses();
    bench.refuse("outliers losses.npy --steps 100: --out o", &["--steps", "80 recorded steps"]);
    bench.refuse("outliers losses.npy --steps 5:3 --out o", &["--steps", "after the first"]);
    bench.refuse("outliers losses.npy --steps 0:5 --out o", &["5 recorded steps", "10"]);
    bench.refuse("outliers losses.npy --top 101 --out o", &["200 examples", "202", "--top"]);
    bench.refuse("outliers losses.npy --share 0 --out o", &["share"]);
    let stacked =
        array("z", &[12, 50, 2], ArrayValues::F32((0..1200).map(|i| (i % 17) as f32).collect()));
    write_npy(&bench.path("logits.npy"), &stacked).unwrap();
    bench.refuse("outliers logits.npy --out o", &["[steps, examples]", "--labels"]);
    let labels = array("y", &[50], ArrayValues::I64((0..50).map(|row| row % 2).collect()));
    write_npy(&bench.path("y.npy"), &labels).unwrap();
    bench.succeed("outliers logits.npy --labels y.npy --out of-logits");
}
