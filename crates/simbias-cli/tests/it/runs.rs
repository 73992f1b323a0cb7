//! Run directories: whole or absent, never overwritten, and complete enough to run again.

use crate::program::{Bench, scores_of_first_column, table, write_scores};

/// A plan with scores, ready for `reliance score`.
fn scored_plan() -> Bench {
    let bench = Bench::new();
    bench.write("t.csv", &table(60));
    bench.succeed("reliance plan --data t.csv --blocks first=0;others=1,2 --repeats 5 --out plan");
    write_scores(&bench, "scores.csv", &scores_of_first_column(&bench, "plan", 60));
    bench
}

#[test]
fn a_run_leaves_everything_that_is_promised() {
    let bench = scored_plan();
    let ended = bench.succeed("reliance score --plan plan --scores scores.csv --out out --seed 4");
    for name in ["run.json", "result.json", "report.html", "report.json"] {
        assert!(bench.path("out").join(name).is_file(), "{name}");
    }
    assert!(std::fs::read_dir(bench.path("out/csv")).unwrap().count() > 0);
    assert!(ended.stdout.contains("first"), "{}", ended.stdout);
    assert!(ended.stderr.contains("report.html"), "{}", ended.stderr);

    let run = bench.json("out/run.json");
    assert_eq!(run["schema"], "simbias.run/1");
    assert_eq!(run["seed"], 4);
    assert_eq!(run["settings"]["ci"], 0.95);
    assert_eq!(run["settings"]["plan"], "plan");
    assert_eq!(run["inputs"][1]["name"], "scores.csv");
    assert!(run["inputs"][1]["fingerprint"].as_str().unwrap().starts_with("blake3:"));
    assert!(run["wall_seconds"].as_f64().unwrap() > 0.0);
    assert!(run["command"].as_str().unwrap().starts_with("simbias reliance score --plan plan"));
    assert_eq!(bench.json("out/result.json")["schema"], simbias_reliance::RELIANCE_SCHEMA);
    simbias_report::Report::from_json(&bench.read("out/report.json")).unwrap();
    simbias_reliance::RelianceOutcome::from_json(&bench.read("out/result.json")).unwrap();
}

#[test]
fn results_that_call_their_schema_a_version_are_still_compared() {
    let bench = scored_plan();
    bench.succeed("reliance score --plan plan --scores scores.csv --out a");
    assert_eq!(bench.json("a/result.json")["schema"], "simbias.reliance/1");
    let old = bench.read("a/result.json").replacen("\"schema\"", "\"version\"", 1);
    bench.write("old.json", &old);
    bench
        .write("audit.json", &format!("{{\"version\": \"simbias.audit/1\", \"reliance\": {old}}}"));
    for (before, after) in [("old.json", "a/result.json"), ("audit.json", "old.json")] {
        let out = format!("{before}-compared");
        bench.succeed(&format!("reliance compare {before} {after} --out {out}"));
        let result = bench.json(&format!("{out}/result.json"));
        assert_eq!(result["schema"], "simbias.reliance-comparison/1");
        assert_eq!(result["standard"]["difference"]["value"], 0.0);
    }
}

#[test]
fn an_existing_directory_is_refused_unless_it_is_empty() {
    let bench = scored_plan();
    bench.write("out/mine.txt", "keep");
    bench.refuse(
        "reliance score --plan plan --scores scores.csv --out out",
        &["\"out\"", "not an empty", "--out"],
    );
    assert_eq!(bench.read("out/mine.txt"), "keep");
    bench.refuse("reliance score --plan plan --scores scores.csv --out t.csv", &["\"t.csv\""]);
    std::fs::create_dir(bench.path("empty")).unwrap();
    bench.succeed("reliance score --plan plan --scores scores.csv --out empty");
    assert!(bench.path("empty/run.json").is_file());
}

#[test]
fn without_a_name_the_run_is_called_after_command_and_time() {
    let bench = scored_plan();
    bench.succeed("reliance score --plan plan --scores scores.csv");
    let runs: Vec<_> = std::fs::read_dir(bench.path("runs")).unwrap().collect();
    assert_eq!(runs.len(), 1);
    let name = runs[0].as_ref().unwrap().file_name().to_string_lossy().into_owned();
    assert!(name.starts_with("reliance-score-20"), "{name}");
}

#[test]
fn json_goes_to_standard_output_alone_and_quiet_says_only_where_the_report_is() {
    let bench = scored_plan();
    let words = "reliance score --plan plan --scores scores.csv";
    let ended = bench.succeed(&format!("{words} --json --out a"));
    let printed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed, bench.json("a/result.json"));
    let ended = bench.succeed(&format!("{words} --quiet --out b"));
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", "report: b/report.html\n"));
}

#[test]
fn a_named_verdict_gives_exit_code_1_and_the_run_is_kept() {
    let bench = scored_plan();
    let words = "reliance score --plan plan --scores scores.csv";
    let ended = bench.run(&format!("{words} --out a --fail-on exclusive,dominant"));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(bench.path("a/result.json").is_file());
    bench.succeed(&format!("{words} --out b --fail-on no-signal"));
}

/// Ctrl-C ends a command that is at work, with the exit code that shells expect, and leaves nothing half-written.
#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing() {
    let bench = Bench::new();
    bench.write("t.csv", &table(2000));
    let words =
        "reliance plan --data t.csv --blocks columns --repeats 3000 --materialize --out plan";
    let partial = || bench.names().iter().any(|name| name.ends_with(".partial"));
    assert_eq!(bench.signal_when(words, "-INT", partial), Some(130));
    assert_eq!(bench.names(), ["t.csv"]);
}
