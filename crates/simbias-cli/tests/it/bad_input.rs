//! Every kind of bad input ends in one helpful message, exit code 2, and nothing written.

use crate::program::{Bench, scores_of_first_column, table, write_scores};

/// A folder with a good table and four tiny images of two classes.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("t.csv", &table(60));
    for (class, level) in [("dark", 10), ("bright", 200)] {
        for image in 0..4 {
            let pixels = vec![(level + image).to_string(); 64].join(" ");
            bench.write(
                &format!("images/{class}/{image}.pgm"),
                &format!("P2\n8 8\n255\n{pixels}\n"),
            );
        }
    }
    bench
}

/// Refuses a plan over the table with the given block file.
#[track_caller]
fn refuse_blocks(data: &str, blocks: &str, facts: &[&str]) {
    let bench = bench();
    bench.write("b.toml", blocks);
    bench.refuse(&format!("reliance plan --data {data} --blocks b.toml --out plan"), facts);
}

#[test]
fn an_unknown_column_is_named_with_those_that_exist() {
    refuse_blocks(
        "t.csv",
        "[[block]]\nname = 'ages'\nkind = 'columns'\nnames = ['age']\n",
        &["ages", "age", "a, b, c", "--blocks"],
    );
    bench().refuse(
        "reliance plan --data t.csv --labels outcom --out plan",
        &["t.csv", "outcom", "\"y\"", "--labels"],
    );
    bench().refuse("reliance plan --data t.csv --strata site --out plan", &["site", "--strata"]);
}

#[test]
fn a_region_outside_the_image_is_named_with_the_valid_range() {
    refuse_blocks(
        "images",
        "[[block]]\nname = 'corner'\nkind = 'region'\nrows = [0, 9]\n",
        &["corner", "0..9", "0..8"],
    );
    refuse_blocks(
        "t.csv",
        "[[block]]\nname = 'r'\nkind = 'region'\nrows = [0, 2]\n",
        &["not images"],
    );
    bench().refuse("reliance plan --data images --blocks grid:9x9 --out plan", &["9x9", "8x8"]);
    bench().refuse("reliance plan --data t.csv --blocks far=2,3 --out plan", &["far", "3", "0..3"]);
}

#[test]
fn overlapping_blocks_are_refused_unless_allowed() {
    let bench = bench();
    bench.refuse(
        "reliance plan --data t.csv --blocks one=0,1;two=1,2 --out plan",
        &["one", "two", "--allow-overlap"],
    );
    bench.succeed("reliance plan --data t.csv --blocks one=0,1;two=1,2 --allow-overlap --out plan");
}

#[test]
fn a_mask_of_another_shape_is_refused() {
    let bench = bench();
    bench.write("mask.csv", "1,0\n0,1\n");
    bench.write("b.toml", "[[block]]\nname = 'm'\nkind = 'mask'\nfile = 'mask.csv'\n");
    bench.refuse(
        "reliance plan --data images --blocks b.toml --out plan",
        &["mask.csv", "[2, 2]", "[8, 8]"],
    );
    // One value fewer than the table has columns: this must not become a block of zeros.
    bench.write("mask.csv", "1,0\n");
    bench.refuse(
        "reliance plan --data t.csv --blocks b.toml --out plan",
        &["mask.csv", "[1, 2]", "3 entries"],
    );
}

#[test]
fn tensors_that_the_data_lack_are_named() {
    refuse_blocks(
        "t.csv",
        "[[block]]\nname = 'scan'\nkind = 'modality'\ntensors = ['image']\n",
        &["scan", "image"],
    );
}

#[test]
fn one_class_only_has_no_auc() {
    let bench = bench();
    bench.write("one.csv", "a,y\n1,0\n2,0\n3,0\n");
    bench.refuse("reliance plan --data one.csv --out plan", &["AUC undefined", "--labels"]);
}

#[test]
fn values_that_are_not_finite_are_named_by_row_and_column() {
    let bench = bench();
    bench.write("inf.csv", "a,b,y\n1,2,0\n3,inf,1\n5,6,0\n");
    bench.refuse("reliance plan --data inf.csv --out plan", &["row 2", "\"b\"", "inf", "--drop"]);
    bench.write("nan.csv", "a,b,y\n1,2,0\n3,nan,1\n5,6,0\n");
    bench.refuse("reliance plan --data nan.csv --out plan", &["row 2", "\"b\"", "--missing"]);
    bench.succeed("reliance plan --data nan.csv --missing mean --repeats 1 --out plan");
}

#[test]
fn fewer_than_two_rows_are_refused() {
    let bench = bench();
    bench.write("short.csv", "a,y\n1,0\n");
    bench.refuse("reliance plan --data short.csv --out plan", &["short.csv", "at least 2"]);
}

#[test]
fn a_transform_that_does_not_fit_or_undo_itself_is_refused() {
    let bench = bench();
    let with = |matrix: &str| {
        bench.write("w.csv", matrix);
        bench.write(
            "b.toml",
            "[transform]\nkind = 'linear'\nmatrix = 'w.csv'\n[[block]]\nname = 'z'\nkind = 'columns'\nindex = [0]\n",
        );
    };
    let words = "reliance plan --data t.csv --blocks b.toml --materialize --out plan";
    with("1,0\n0,1\n");
    bench.refuse(words, &["w.csv", "2", "3"]);
    with("1,0,0\n0,1,0\n1,1,0\n");
    bench.refuse(words, &["w.csv", "[transform]"]);
    // A matrix that is not the inverse.
    with("2,0,0\n0,2,0\n0,0,2\n");
    bench.write("inverse.csv", "1,0,0\n0,1,0\n0,0,1\n");
    let blocks = bench.read("b.toml").replace("[[", "inverse = 'inverse.csv'\n[[");
    bench.write("b.toml", &blocks);
    bench.refuse(words, &["[transform]"]);
    bench.succeed("train t.csv --max-steps 10 --out net");
    bench.refuse(
        "reliance run --model net --data t.csv --blocks b.toml --out out",
        &["[transform]"],
    );
}

#[test]
fn broken_block_files_say_where() {
    refuse_blocks("t.csv", "[[block]]\nname = 'x'\nkind = 'colums'\n", &["colums", "columns"]);
    refuse_blocks("t.csv", "", &["no block"]);
    refuse_blocks("t.csv", "[[block]\n", &["block file"]);
    bench().refuse(
        "reliance plan --data t.csv --blocks absent.toml --out plan",
        &["absent.toml", "grid:3x3"],
    );
}

#[test]
fn files_that_are_not_there_or_not_data_are_named() {
    bench().refuse("reliance plan --data absent.csv --out plan", &["absent.csv", "check the path"]);
    let bench = bench();
    bench.write("noise.bin2", "hello");
    bench.refuse("reliance plan --data noise.bin2 --out plan", &["noise.bin2", ".safetensors"]);
    bench.write("noise.onnx", "hello");
    bench.refuse("reliance run --model noise.onnx --data t.csv --out out", &["ONNX"]);
    bench.refuse(
        "reliance run --model absent.onnx --data t.csv --out out",
        &["absent.onnx", "check the path"],
    );
}

#[test]
fn a_column_of_identifiers_is_named_with_the_flag_that_drops_it() {
    let bench = bench();
    let rows: Vec<String> = (0..2000).map(|row| format!("id-{row},{row},{}", row % 2)).collect();
    bench.write("ids.csv", &format!("id,a,y\n{}\n", rows.join("\n")));
    bench.refuse("reliance plan --data ids.csv --out plan", &["\"id\"", "--drop"]);
    bench.succeed("reliance plan --data ids.csv --drop id --repeats 1 --out plan");
}

/// A plan over the table, and its scores.
fn plan() -> (Bench, Vec<Vec<f64>>) {
    let bench = bench();
    bench.succeed("reliance plan --data t.csv --blocks first=0;others=1,2 --repeats 3 --out plan");
    let scores = scores_of_first_column(&bench, "plan", 60);
    (bench, scores)
}

#[test]
fn scores_of_another_shape_are_refused() {
    let (bench, mut scores) = plan();
    scores.pop();
    write_scores(&bench, "s.csv", &scores);
    bench.refuse(
        "reliance score --plan plan --scores s.csv --out out",
        &["[12, 60, 1]", "13 jobs, 60 rows"],
    );
    let short: Vec<Vec<f64>> = plan().1.into_iter().map(|job| job[1..].to_vec()).collect();
    write_scores(&bench, "short.csv", &short);
    bench.refuse(
        "reliance score --plan plan --scores short.csv --out out",
        &["[13, 59, 1]", "60 rows"],
    );
    bench.write("flat.csv", "1\n2\n");
    bench
        .refuse("reliance score --plan plan --scores flat.csv --out out", &["[2]", "[jobs, rows]"]);
}

#[test]
fn scores_that_are_not_finite_are_named() {
    let (bench, scores) = plan();
    let array = simbias_data::read::NamedArray {
        name: "scores".into(),
        shape: vec![13, 60],
        values: simbias_data::read::ArrayValues::F64(
            scores
                .iter()
                .enumerate()
                .flat_map(|(job, row)| {
                    let spoil = move |(index, &score)| {
                        if (job, index) == (4, 7) { f64::NAN } else { score }
                    };
                    row.iter().enumerate().map(spoil)
                })
                .collect(),
        ),
    };
    simbias_data::write_npy(&bench.path("s.npy"), &array).unwrap();
    bench.refuse("reliance score --plan plan --scores s.npy --out out", &["job 4", "row 8", "NaN"]);
}

#[test]
fn scores_of_another_plan_are_refused() {
    let (bench, scores) = plan();
    let hash = bench.json("plan/plan.json")["hash"].as_str().unwrap().to_string();
    let array = simbias_data::read::NamedArray {
        name: "scores".into(),
        shape: vec![13, 60],
        values: simbias_data::read::ArrayValues::F64(scores.concat()),
    };
    let write = |hash: &str| {
        let entry = ("plan_hash".to_string(), hash.to_string());
        let path = bench.path("s.safetensors");
        simbias_data::write_safetensors(&path, std::slice::from_ref(&array), &[entry]).unwrap();
    };
    write("0123456789abcdef0123456789abcdef");
    bench.refuse(
        "reliance score --plan plan --scores s.safetensors --out out",
        &["0123456789abcdef0123456789abcdef", &hash],
    );
    write(&hash);
    bench.succeed("reliance score --plan plan --scores s.safetensors --out out");
}

#[test]
fn a_plan_that_was_edited_is_refused() {
    let (bench, scores) = plan();
    write_scores(&bench, "s.csv", &scores);
    let edited = bench.read("plan/plan.json").replace("\"seed\": 0", "\"seed\": 1");
    bench.write("plan/plan.json", &edited);
    bench.refuse("reliance score --plan plan --scores s.csv --out out", &["plan"]);
    bench.refuse("reliance score --plan images --scores s.csv --out out", &["plan.json", "--plan"]);
}

#[test]
fn results_over_other_rows_are_not_compared() {
    let (bench, scores) = plan();
    write_scores(&bench, "s.csv", &scores);
    bench.succeed("reliance score --plan plan --scores s.csv --out a");
    let other =
        bench.read("a/result.json").replacen("\"fingerprint\": \"", "\"fingerprint\": \"0", 1);
    bench.write("b.json", &other);
    bench.refuse("reliance compare a/result.json b.json --out c", &["different rows"]);
    bench.write("n.json", "{}");
    bench.refuse("reliance compare a/result.json n.json --out c", &["n.json", "result.json"]);
}

#[test]
fn numbers_out_of_range_are_refused() {
    let bench = bench();
    bench.refuse("reliance plan --data t.csv --repeats 0 --out plan", &["repeats", "1 or more"]);
    bench.refuse("reliance plan --data t.csv --threads 0 --out plan", &["--threads", "1 or more"]);
    bench.refuse(
        "reliance plan --data t.csv --mode shuffle --out plan",
        &["shuffle", "within-class"],
    );
    bench.refuse("reliance plan --data images --image-size 3 --out plan", &["HEIGHTxWIDTH"]);
    bench.refuse(
        "synth slab --n 10 --test-fraction 1.5 --out d.safetensors",
        &["1.5", "--test-fraction"],
    );
    bench.refuse("synth slab --dim 1 --out d.safetensors", &["dimension", "at least 2"]);
    bench.refuse("synth slab --preset lms9 --out d.safetensors", &["lms9", "lms5"]);
    bench.refuse("synth slab --out d.csv", &["d.csv", ".safetensors"]);
}

#[test]
fn generated_files_never_replace_others() {
    let bench = bench();
    bench.write("d.blocks.toml", "mine");
    bench.refuse("synth slab --n 50 --dim 3 --out d.safetensors", &["d.blocks.toml", "--out"]);
    assert_eq!(bench.read("d.blocks.toml"), "mine");
}

#[test]
fn verdicts_that_cannot_come_are_not_waited_for() {
    let bench = bench();
    let run = "reliance run --model absent.onnx --data t.csv --blocks columns --out out";
    bench.succeed("train t.csv --max-steps 20 --out net");
    let run = run.replace("absent.onnx", "net");
    for (words, facts) in [
        ("--fail-on ignored-but-predictive", ["ignored-but-predictive", "simbias audit"]),
        ("--fail-on dominant --mode within-class", ["dominant", "--mode permute"]),
        ("--fail-on exclusive --mode swap", ["exclusive", "--mode permute"]),
        ("--fail-on redundant --no-complement", ["redundant", "--no-complement"]),
    ] {
        bench.refuse(&format!("{run} {words}"), &facts);
    }
    bench.refuse("audit --quick --mode swap --fail-on exclusive --out out", &["exclusive", "swap"]);
    bench.succeed(&format!("{run} --mode swap --fail-on no-signal"));
}

#[test]
fn sizes_beyond_sense_are_refused() {
    let bench = bench();
    for (words, facts) in [
        ("reliance plan --data t.csv --threads 99999 --out plan", ["--threads", "1024"]),
        ("reliance plan --data t.csv --repeats 1000000000 --out plan", ["--repeats", "10000"]),
        ("reliance simplicity --data t.csv --ladder 0,1000000000 --out out", ["--ladder", "8192"]),
        ("audit --max-steps 0 --out out", ["--max-steps", "0"]),
        ("audit --repeats 99999999 --out out", ["--repeats", "10000"]),
    ] {
        bench.refuse(words, &facts);
    }
}

#[test]
fn a_threshold_is_a_number() {
    let bench = bench();
    bench.succeed("reliance plan --data t.csv --blocks first=0;others=1,2 --repeats 2 --out plan");
    write_scores(&bench, "s.csv", &scores_of_first_column(&bench, "plan", 60));
    bench.refuse(
        "reliance score --plan plan --scores s.csv --threshold nan --out out",
        &["threshold", "NaN"],
    );
}
