//! Generate, plan, score, compare: the way without a framework.

use crate::program::{Bench, scores_of_first_column, table, write_scores};

#[test]
fn a_model_of_the_first_column_is_found_out() {
    let bench = Bench::new();
    bench.write("t.csv", &table(400));
    bench.succeed("reliance plan --data t.csv --blocks first=0;others=1,2 --repeats 10 --out plan");
    write_scores(&bench, "scores.csv", &scores_of_first_column(&bench, "plan", 400));
    bench.succeed("reliance score --plan plan --scores scores.csv --out out");
    let outcome =
        simbias_reliance::RelianceOutcome::from_json(&bench.read("out/result.json")).unwrap();
    let necessity = |name: &str| outcome.block(name).unwrap().necessity.as_ref().unwrap().value;
    assert!((necessity("first") - 1.0).abs() < 0.15, "{}", necessity("first"));
    assert_eq!(necessity("others"), 0.0);

    bench.succeed("reliance compare out/result.json out/result.json --out same");
    let comparison = bench.json("same/result.json");
    assert_eq!(comparison["more_diverse"], false);
    for run in ["out", "same"] {
        assert!(bench.read(&format!("{run}/report.json")).contains("when the bias disappears"));
    }
    assert_eq!(comparison["paired_over_rows"], true);
    for figure in ["randomized", "necessity", "sufficiency"] {
        let difference = &comparison["blocks"][0][figure]["difference"];
        assert_eq!(*difference, serde_json::json!({ "value": 0.0, "lo": 0.0, "hi": 0.0 }));
    }

    // Without what every row does, or with that of another result, nothing is paired in silence.
    bench.write("alone/result.json", &bench.read("out/result.json"));
    bench.succeed("reliance compare out/result.json alone/result.json --out unpaired");
    let unpaired = bench.json("unpaired/result.json");
    assert_eq!(unpaired["paired_over_rows"], false);
    assert!(bench.read("unpaired/report.json").contains("unpaired-over-rows"));
    let difference = &unpaired["blocks"][0]["randomized"]["difference"];
    assert!(difference["lo"].as_f64().unwrap() < -0.01, "{difference}");
    let other = "reliance score --plan plan --scores scores.csv --metric accuracy --out accuracy";
    bench.succeed(other);
    std::fs::copy(
        bench.path("accuracy/influences.safetensors"),
        bench.path("alone/influences.safetensors"),
    )
    .unwrap();
    bench.refuse(
        "reliance compare out/result.json alone/result.json --out mixed",
        &["influences", "another result"],
    );
}

#[test]
fn generated_data_and_their_blocks_fit_together() {
    let bench = Bench::new();
    bench.succeed("synth slab --preset lms5 --n 600 --dim 6 --out d.safetensors --seed 5");
    bench.succeed(
        "reliance plan --data d.safetensors --blocks d.blocks.toml --repeats 2 --materialize --out plan",
    );
    let plan = bench.json("plan/plan.json");
    // Only the test part, a sixth of the rows as in the preset.
    assert_eq!(plan["n_rows"], 100);
    assert_eq!(plan["blocks"][0]["name"], "linear");
    assert_eq!(plan["blocks"][1]["columns"].as_array().unwrap().len(), 5);
    let array =
        |name: String| simbias_data::read_array(&bench.path(&name)).unwrap().to_f64().unwrap();
    let rotation = array("d.safetensors::rotation".into());
    let undo = |rows: &[f64], row: usize, coordinate: usize| -> f64 {
        (0..6).map(|k| rows[row * 6 + k] * rotation[coordinate * 6 + k]).sum()
    };
    let original = array("d.safetensors::x_test".into());
    let moved = array("plan/inputs/job-00001.npy".into());
    let donors = array("plan/donors.safetensors::donors".into());
    for (row, &donor) in donors.iter().take(100).enumerate() {
        let donor = donor as usize;
        // Job 1 exchanges the linear coordinate and nothing else.
        assert!((undo(&moved, row, 0) - undo(&original, donor, 0)).abs() < 1e-5);
        for coordinate in 1..6 {
            assert!(
                (undo(&moved, row, coordinate) - undo(&original, row, coordinate)).abs() < 1e-5
            );
        }
    }
}

#[test]
fn transformed_blocks_need_materialized_rows() {
    let bench = Bench::new();
    bench.succeed("synth slab --preset ms5 --n 100 --dim 4 --out d.safetensors");
    bench.refuse(
        "reliance plan --data d.safetensors --blocks d.blocks.toml --out plan",
        &["transform", "--materialize"],
    );
}

#[test]
fn the_same_seed_gives_the_same_files_on_any_number_of_threads() {
    let bench = Bench::new();
    bench.write("t.csv", &table(200));
    let synth = "synth slab --preset hatlms7 --n 300 --dim 5 --seed 9 --quiet";
    bench.succeed(&format!("{synth} --threads 1 --out one.safetensors"));
    bench.succeed(&format!("{synth} --threads 3 --out three.safetensors"));
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert!(bytes("one.safetensors") == bytes("three.safetensors"));
    bench.succeed("synth slab --preset hatlms7 --n 300 --dim 5 --seed 10 --out other.safetensors");
    assert!(bytes("one.safetensors") != bytes("other.safetensors"));

    let plan = "reliance plan --data t.csv --blocks columns --seed 2";
    bench.succeed(&format!("{plan} --threads 1 --out p1"));
    bench.succeed(&format!("{plan} --threads 3 --out p3"));
    assert_eq!(bytes("p1/donors.safetensors"), bytes("p3/donors.safetensors"));
}

#[test]
fn stand_ins_are_images_with_two_halves() {
    let bench = Bench::new();
    let size = "--n-train 30 --n-validation 20 --n-test 20";
    bench.succeed(&format!("synth stand-in glyph-xor-domino {size} --out g.safetensors"));
    bench.succeed(
        "reliance plan --data g.safetensors --blocks g.blocks.toml --repeats 1 --out plan",
    );
    let plan = bench.json("plan/plan.json");
    assert_eq!(plan["n_rows"], 20);
    let columns = |block: usize| plan["blocks"][block]["columns"].as_array().unwrap().len();
    assert_eq!((columns(0), columns(1)), (256, 256));
    bench.refuse(
        &format!("synth stand-in chess-domino {size} --out h.safetensors"),
        &["chess-domino", "glyph-XOR-domino"],
    );
}

#[test]
fn dominoes_of_given_images() {
    let bench = Bench::new();
    // Two folders of tiny images: dark and bright squares, as portable grey maps.
    for (set, side) in [("top", 4), ("bottom", 6)] {
        for (class, level) in [("dark", 20), ("bright", 220)] {
            for image in 0..20 {
                let pixels = vec![(level + image).to_string(); side * side].join(" ");
                bench.write(
                    &format!("{set}/{class}/{image}.pgm"),
                    &format!("P2\n{side} {side}\n255\n{pixels}\n"),
                );
            }
        }
    }
    bench.refuse(
        "synth domino --top top --bottom bottom --out d.safetensors",
        &["[1, 4, 4]", "[1, 6, 6]", "--fit"],
    );
    bench.succeed(
        "synth domino --top top --bottom bottom --fit --test-fraction 0.5 --out d.safetensors",
    );
    bench.succeed(
        "reliance plan --data d.safetensors --blocks d.blocks.toml --repeats 1 --out plan",
    );
    assert_eq!(bench.json("plan/plan.json")["n_coordinates"], 72);
    bench.refuse(
        "synth domino --top top --bottom bottom --fit --top-classes dark:white --out e.safetensors",
        &["white", "bright"],
    );
}
