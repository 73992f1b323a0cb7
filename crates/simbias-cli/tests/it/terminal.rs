//! What a busy person sees: few lines, the report's path last, runs that are found again, and help for the shell.

use crate::program::{Bench, scores_of_first_column, table, write_scores};

/// A table of `n_columns` numbers, of which the first tells the label.
fn wide_table(n_columns: usize, n_rows: usize) -> String {
    let mut text =
        (0..n_columns).map(|column| format!("column_{column},")).collect::<String>() + "y\n";
    for row in 0..n_rows {
        for column in 0..n_columns {
            let noise = ((row * 31 + column * 17 + 7) as f64 * 12.9898).sin();
            let signal = if column == 0 { (row % 2) as f64 } else { 0.0 };
            text.push_str(&format!("{},", signal + noise));
        }
        text.push_str(&format!("{}\n", row % 2));
    }
    text
}

/// A plan with scores, ready for `reliance score`.
fn scored_plan(blocks: &str) -> Bench {
    let bench = Bench::new();
    bench.write("t.csv", &table(60));
    bench.succeed(&format!("reliance plan --data t.csv --blocks {blocks} --repeats 5 --out plan"));
    write_scores(&bench, "scores.csv", &scores_of_first_column(&bench, "plan", 60));
    bench
}

#[test]
fn a_summary_has_at_most_25_lines_and_ends_with_the_path() {
    let bench = Bench::new();
    bench.write("t.csv", &wide_table(60, 300));
    let words = "audit t.csv --labels y --blocks columns --quick --max-steps 40 --remedies none";
    let ended = bench.succeed(&format!("{words} --out brief"));
    assert!(ended.stdout.lines().count() <= 24, "{}", ended.stdout);
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 100), "{}", ended.stdout);
    assert!(ended.stdout.contains("--full prints all"), "{}", ended.stdout);
    assert!(ended.stdout.contains("column_0"), "{}", ended.stdout);
    assert_eq!(ended.stderr.lines().last(), Some("report: brief/report.html"));

    let full = bench.succeed(&format!("{words} --full --out full"));
    assert!(full.stdout.lines().count() > 60 && full.stdout.contains("column_59"));
    assert_eq!(bench.read("brief/result.json"), bench.read("full/result.json"));
}

#[test]
fn quiet_leaves_the_path_and_verbose_says_how_long_stages_took() {
    let bench = scored_plan("first=0;others=1,2");
    let words = "reliance score --plan plan --scores scores.csv";
    let ended = bench.succeed(&format!("{words} --quiet --out a"));
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", "report: a/report.html\n"));
    let ended = bench.succeed(&format!("{words} -v --out b"));
    assert!(ended.stderr.contains("simbias open b"), "{}", ended.stderr);
    let ended = bench.succeed("reliance plan --data t.csv --blocks columns -v --out more");
    for words in ["60 rows, 3 inputs, 2 classes", "a (1), b (1), c (1)"] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    bench.refuse("runs -v -q", &["--quiet", "--verbose"]);
    bench.refuse(
        "reliance score --plan plan --scores score.csv --out x",
        &["did you mean \"scores.csv\""],
    );
    let listed = bench.succeed("claims list");
    assert_eq!(listed.stdout.lines().count(), 24);
    assert!(listed.stderr.contains("--full"), "{}", listed.stderr);
}

#[test]
fn runs_are_listed_and_found_again() {
    let bench = scored_plan("first=0;others=1,2");
    assert!(bench.succeed("runs").stderr.contains("no runs in runs"));
    bench.refuse("open", &["holds no run with a report", "simbias runs"]);
    let words = "reliance score --plan plan --scores scores.csv";
    bench.succeed(&format!("{words} --out runs/older"));
    // Starts are told in whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    bench.succeed(&format!("{words} --out runs/newer"));

    let listed = bench.succeed("runs").stdout;
    let [newer, older] = ["runs/newer", "runs/older"].map(|name| listed.find(name).unwrap());
    assert!(newer < older && listed.contains("simbias reliance score --plan plan"), "{listed}");
    let json: serde_json::Value =
        serde_json::from_str(&bench.succeed("runs --json").stdout).unwrap();
    assert_eq!(json["schema"], "simbias.runs/1");
    assert_eq!(json["runs"][0]["path"], "runs/newer");
    assert!(json["runs"][0]["headline"].as_str().is_some_and(|words| words.len() > 10), "{json}");

    for (words, page) in [
        ("open --print", "runs/newer/report.html"),
        ("open old --print", "runs/older/report.html"),
        ("open runs/older/result.json --print", "runs/older/report.html"),
    ] {
        let printed = bench.succeed(words).stdout;
        assert!(printed.starts_with('/') && printed.trim_end().ends_with(page), "{printed}");
    }
    bench.refuse("open plan", &["\"plan\" holds no report.html"]);
    bench.refuse("open er", &["2 runs", "newer", "older"]);
    bench.refuse("open absent", &["there is no \"absent\"", "simbias runs"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_is_opened_where_there_is_a_screen() {
    use std::os::unix::fs::PermissionsExt;

    let bench = scored_plan("first=0;others=1,2");
    bench.succeed("reliance score --plan plan --scores scores.csv --out runs/one");
    for (exit, is_open) in [(0, true), (3, false)] {
        bench.write("bin/xdg-open", &format!("#!/bin/sh\necho \"$1\" > asked\nexit {exit}\n"));
        let program = bench.path("bin/xdg-open");
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let ended = bench.run_with(
            &["open", "--json"],
            &[("PATH", bench.path("bin").to_str().unwrap()), ("DISPLAY", ":7")],
            "",
        );
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(json["opened"], is_open, "{}", ended.stderr);
        assert!(bench.read("asked").trim_end().ends_with("runs/one/report.html"));
    }
    // Without a screen the path is printed, and no program is asked.
    std::fs::remove_file(bench.path("asked")).unwrap();
    let ended =
        bench.run_with(&["open"], &[("DISPLAY", ""), ("WAYLAND_DISPLAY", ""), ("BROWSER", "")], "");
    assert!(ended.stdout.trim_end().ends_with("runs/one/report.html"), "{}", ended.stdout);
    assert!(!bench.path("asked").exists());
}

#[test]
fn shells_complete_commands_flags_and_values() {
    let bench = Bench::new();
    for (shell, begin) in [
        ("bash", "_simbias()"),
        ("zsh", "#compdef simbias"),
        ("fish", "complete"),
        ("powershell", "using"),
    ] {
        let text = bench.succeed(&format!("completions {shell}")).stdout;
        assert!(text.contains(begin), "{shell}");
        for word in ["reliance", "fail-on"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
        assert!(shell == "powershell" || text.contains("not-settled"), "{shell}: values");
    }
    bench.refuse("completions tcsh", &["bash", "fish", "zsh"]);
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let bench = Bench::new();
    let ended = bench.succeed("man --out pages");
    assert!(ended.stderr.contains("pages: pages"), "{}", ended.stderr);
    for page in ["simbias.1", "simbias-audit.1", "simbias-reliance-run.1", "simbias-spectrum-lr.1"]
    {
        let text = bench.read(&format!("pages/{page}"));
        assert!(text.contains(".SH NAME") && text.contains("Examples"), "{page}");
    }
    // Pages of an earlier version are replaced.
    bench.succeed("man --out pages");
    bench.write("file", "");
    bench.refuse("man --out file/pages", &["file/pages", "--out"]);
}

#[test]
fn a_lone_dash_is_standard_input() {
    let bench = scored_plan("first=0;others=1,2");
    let words =
        "reliance plan --data - --labels y --blocks first=0;others=1,2 --repeats 5 --out piped";
    let words: Vec<&str> = words.split(' ').collect();
    let ended = bench.run_with(&words, &[], &bench.read("t.csv"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let [piped, named] = ["piped", "plan"].map(|plan| bench.json(&format!("{plan}/plan.json")));
    assert_eq!(piped["jobs"], named["jobs"]);
    assert_eq!(bench.json("piped/run.json")["inputs"][0]["name"], "-");

    let words = "reliance score --plan plan --scores - --out scored";
    let words: Vec<&str> = words.split(' ').collect();
    let ended = bench.run_with(&words, &[], &bench.read("scores.csv"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    bench.succeed("reliance score --plan plan --scores scores.csv --out named");
    assert_eq!(bench.read("scored/result.json"), bench.read("named/result.json"));

    let words = ["reliance", "compare", "-", "named", "--out", "compared"];
    let ended = bench.run_with(&words, &[], &bench.read("scored/result.json"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    // Messages do not speak of temporary files.
    let words = ["reliance", "plan", "--data", "-", "--labels", "z", "--out", "none"];
    let ended = bench.run_with(&words, &[], &bench.read("t.csv"));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("standard input has no label column"), "{}", ended.stderr);
}

#[test]
fn a_gate_that_cannot_judge_does_not_pass() {
    let bench = Bench::new();
    // Labels that nothing tells.
    let mut text = String::from("a,b,c,y\n");
    for row in 0..60 {
        let noise = |k: f64| (row as f64 * k).sin();
        text.push_str(&format!(
            "{},{},{},{}\n",
            noise(12.9898),
            noise(78.233),
            noise(3.7),
            row % 2
        ));
    }
    bench.write("t.csv", &text);
    bench.succeed("reliance plan --data t.csv --blocks first=0;others=1,2 --repeats 5 --out plan");
    let jobs = bench.json("plan/plan.json")["jobs"].as_array().unwrap().len();
    // Scores that follow the job a little, so that they are not taken for a forgotten exchange.
    let scores: Vec<Vec<f64>> = (0..jobs)
        .map(|job| (0..60).map(|row| ((row * 7 + job * 13) as f64 * 4.1).sin()).collect())
        .collect();
    write_scores(&bench, "scores.csv", &scores);
    let words = "reliance score --plan plan --scores scores.csv";
    bench.succeed(&format!("{words} --out a"));
    let ended = bench.run(&format!("{words} --fail-on exclusive -q --out b"));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("could not judge"), "{}", ended.stderr);
    let ended = bench.run(&format!("{words} --fail-on exclusive,no-signal --out c"));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(bench.succeed("--help").stdout.contains("3    done, but"));
}

#[test]
fn a_region_needs_no_file() {
    let bench = Bench::new();
    bench.succeed("synth stand-in glyph-domino-easy --n-train 20 --n-validation 20 --n-test 20 --out d.safetensors -q");
    let words = "reliance plan --data d.safetensors --part test --repeats 2";
    bench.succeed(&format!("{words} --region corner=0..2,0..3 --region bottom=4..,.. --out plan"));
    let blocks = &bench.json("plan/plan.json")["blocks"];
    assert_eq!(blocks[0]["name"], "corner");
    assert_eq!(blocks[0]["columns"].as_array().unwrap().len() % 6, 0);
    bench.refuse(&format!("{words} --region corner=0..2 --out x"), &["NAME=ROWS,COLUMNS"]);
    bench.refuse(&format!("{words} --region far=0..2,5..999 --out x"), &["far", "columns 5..999"]);
    bench.refuse(
        &format!("{words} --region a=0..2,0..2 --blocks grid:2x2 --out x"),
        &["--region", "--blocks"],
    );
}
