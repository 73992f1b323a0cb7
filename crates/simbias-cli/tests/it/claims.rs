//! The claims commands around the registry and the ledger.

use crate::program::Bench;

#[test]
fn claims_are_listed_and_shown() {
    let bench = Bench::new();
    let listed = bench.succeed("claims list --full").stdout;
    assert!(listed.contains("P2-C1 ") && listed.contains("P2-C19"), "{listed}");
    let listed: serde_json::Value =
        serde_json::from_str(&bench.succeed("claims list --json").stdout).unwrap();
    assert!(listed["claims"].as_array().unwrap().len() >= 19);
    let shown = bench.succeed("claims show p2-c1").stdout;
    assert!(shown.contains("Expected, written before any run"), "{shown}");
    bench.refuse("claims show P9-C9", &["P9-C9", "claims list"]);
}

#[test]
fn bad_requests_are_refused_before_any_run() {
    let bench = Bench::new();
    bench.refuse("claims run P9-C9", &["P9-C9", "\"all\""]);
    bench.refuse("claims run P2-C1 --scale huge", &["huge", "cpu"]);
    bench.refuse("claims run P2-C1 --seeds 0", &["--seeds"]);
    bench.refuse("claims run P2-C5 --scale gpu --data absent", &["\"absent\"", "mnist"]);
    bench.write("ledger.json", "{}");
    bench.refuse(
        "claims run P2-C1 --ledger ledger.json",
        &["ledger.json", "not a claims ledger", "--ledger"],
    );
}

#[test]
fn claims_of_another_scale_are_recorded_as_not_run() {
    let bench = Bench::new();
    let ended = bench.run("claims run P2-C1 --scale full --fail-on not-run --out out");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let entry = &bench.json("claims/ledger.json")["entries"][0];
    assert_eq!(
        (entry["claim"].as_str(), entry["verdict"].as_str()),
        (Some("P2-C1"), Some("not run"))
    );
    assert_eq!(bench.json("out/result.json")["entries"][0]["claim"], "P2-C1");
    bench.succeed("claims run P2-C1 --scale full --no-ledger --ledger other.json --out out2");
    assert!(!bench.path("other.json").exists());
}

#[test]
fn claims_about_files_say_which_files_they_need() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("data")).unwrap();
    bench.succeed("claims run P2-C5 --scale gpu --data data --out out");
    let entry = &bench.json("out/result.json")["entries"][0];
    assert_eq!(entry["verdict"], "not run");
    assert!(entry.to_string().contains("cifar10"), "{entry:#}");
}

#[test]
fn the_table_goes_between_its_markers() {
    let bench = Bench::new();
    bench.write("README.md", "before\n<!-- claims:begin -->\nstale\n<!-- claims:end -->\nafter\n");
    bench.succeed("claims run P2-C1 --scale full --out out");
    bench.succeed("claims table --write README.md");
    let text = bench.read("README.md");
    assert!(text.starts_with("before\n<!-- claims:begin -->\n| claim"), "{text}");
    assert!(text.ends_with("<!-- claims:end -->\nafter\n") && !text.contains("stale"), "{text}");
    bench.write("plain.md", "no markers\n");
    bench.refuse("claims table --write plain.md", &["claims:begin"]);
    assert_eq!(bench.read("plain.md"), "no markers\n");
}

#[test]
fn a_ledger_that_is_named_and_not_there_is_refused() {
    let bench = Bench::new();
    let document = "<!-- claims:begin -->\n| mine |\n<!-- claims:end -->\n";
    bench.write("README.md", document);
    for words in [
        "claims table",
        "claims table --json",
        "claims table --write README.md",
        "claims list",
        "claims show P2-C1",
    ] {
        bench.refuse(&format!("{words} --ledger nofile.json"), &["nofile.json", "--ledger"]);
    }
    assert_eq!(bench.read("README.md"), document);
    // A run starts a new one.
    bench.succeed("claims run P2-C1 --scale full --ledger new.json --out out");
    bench.succeed("claims table --ledger new.json");
}

#[test]
fn what_was_found_is_known_everywhere_and_own_runs_stand_in_front() {
    let bench = Bench::new();
    let scales = |bench: &Bench| -> serde_json::Value {
        let shown = bench.succeed("claims show P2-C1 --json").stdout;
        serde_json::from_str::<serde_json::Value>(&shown).unwrap()["claims"][0]["scales"].clone()
    };
    let committed = scales(&bench)[0].clone();
    assert_eq!(
        (committed["last"]["verdict"].as_str(), &committed["own"]),
        (Some("holds"), &false.into())
    );
    assert!(bench.succeed("claims table").stdout.contains("| cpu | **holds** |"));

    let mut own = serde_json::json!({
        "schema": "simbias.claims-ledger/1",
        "entries": [committed["last"].clone()],
    });
    std::fs::create_dir(bench.path("claims")).unwrap();
    bench.write("claims/ledger.json", &own.to_string());
    assert_eq!(scales(&bench)[0]["own"], false, "the committed entry once more is not an own run");
    own["entries"][0]["date"] = "2030-01-02".into();
    own["entries"][0]["verdict"] = "does not hold".into();
    bench.write("claims/ledger.json", &own.to_string());
    assert_eq!(scales(&bench)[0]["own"], true);
    let listed = bench.succeed("claims list --full").stdout;
    assert!(listed.contains("does not hold (2030-01-02, own run)"), "{listed}");
    let table = bench.succeed("claims table --ledger claims/ledger.json").stdout;
    assert!(table.contains("| cpu | does not hold (own run) |"), "{table}");
    assert!(bench.succeed("claims table").stdout.contains("| cpu | **holds** |"));
}

#[test]
fn the_pages_are_written_into_one_folder() {
    let bench = Bench::new();
    bench.succeed("claims pages --out site/papers");
    let overview = bench.read("site/papers/index.md");
    assert!(overview.contains("](02-pitfalls.md#p2-c1)"), "{overview}");
    assert!(bench.read("site/papers/08-spectra.md").contains("simbias claims run P8-C12"));
    assert!(bench.read("site/papers/verdicts.atom").ends_with("</feed>\n"));
    bench.refuse("claims pages", &["--out"]);
    bench.refuse("claims pages --out other --ledger nofile.json", &["nofile.json", "--ledger"]);
    assert!(!bench.path("other").exists(), "nothing is written before the ledger is read");
    bench.write("file", "");
    bench.refuse("claims pages --out file", &["cannot make the folder", "file"]);
}
