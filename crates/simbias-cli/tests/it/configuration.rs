//! `--config`: flags win over the file, the file over defaults.

use crate::program::Bench;

fn rows(ended: &crate::program::Ended) -> (i64, i64) {
    let printed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let n = |part: usize| printed["parts"][part]["n_rows"].as_i64().unwrap();
    (n(0), n(1))
}

#[test]
fn the_file_replaces_defaults_and_flags_replace_the_file() {
    let bench = Bench::new();
    bench.write(
        "s.toml",
        "n = 60\ntest-fraction = 0.5\nout = 'a.safetensors'\njson = true\nno_rotation = true\n",
    );
    assert_eq!(rows(&bench.succeed("synth slab --config s.toml")), (30, 30));
    assert!(!bench.read("a.blocks.toml").contains("[transform]"));
    let ended =
        bench.succeed("synth slab --config s.toml --out b.safetensors --test-fraction 0.25");
    assert_eq!(rows(&ended), (45, 15));
}

#[test]
fn an_unknown_key_names_the_known_ones() {
    let bench = Bench::new();
    bench.write("s.toml", "nn = 60\n");
    bench.refuse(
        "synth slab --config s.toml --out a.safetensors",
        &["s.toml", "\"nn\"", "test-fraction", "--config"],
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    let bench = Bench::new();
    bench.write("table.toml", "[n]\na = 1\n");
    bench.refuse(
        "synth slab --config table.toml --out a.safetensors",
        &["\"n\"", "neither text nor number"],
    );
    bench.write("switch.toml", "no-rotation = 3\n");
    bench.refuse(
        "synth slab --config switch.toml --out a.safetensors",
        &["\"no-rotation\"", "switch"],
    );
    bench.write("number.toml", "n = 'many'\n");
    bench.refuse("synth slab --config number.toml --out a.safetensors", &["many", "--n"]);
    bench.write("broken.toml", "n = = 1\n");
    bench.refuse(
        "synth slab --config broken.toml --out a.safetensors",
        &["broken.toml", "not TOML"],
    );
    bench.refuse(
        "synth slab --config absent.toml --out a.safetensors",
        &["absent.toml", "--config"],
    );
}

#[test]
fn a_switch_can_be_turned_around() {
    let bench = Bench::new();
    bench.write("t.csv", &crate::program::table(40));
    bench.write("s.toml", "complement = false\nrepeats = 2\n");
    let jobs = |words: &str| -> serde_json::Value {
        serde_json::from_str(&bench.succeed(words).stdout).unwrap()
    };
    let plan = "reliance plan --data t.csv --blocks first=0 --json --config s.toml";
    // Two blocks (first, rest), two repeats, and the unchanged rows.
    assert_eq!(jobs(&format!("{plan} --out a"))["n_jobs"], 5);
    assert_eq!(jobs(&format!("{plan} --out b --complement"))["n_jobs"], 9);
}
