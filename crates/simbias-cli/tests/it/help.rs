//! Help: every command explains itself with examples.

use crate::program::Bench;

const COMMANDS: [&str; 31] = [
    "audit",
    "train",
    "reliance run",
    "reliance plan",
    "reliance score",
    "reliance compare",
    "reliance simplicity",
    "reliance attack",
    "spectrum",
    "spectrum scan",
    "spectrum compare",
    "spectrum lr",
    "spectrum track",
    "spectrum sparsity",
    "prune",
    "prune compare",
    "perplexity",
    "upsample select",
    "outliers",
    "synth slab",
    "synth domino",
    "synth stand-in",
    "claims list",
    "claims pages",
    "claims show",
    "claims run",
    "claims table",
    "open",
    "runs",
    "completions",
    "man",
];

#[test]
fn every_command_shows_examples_and_the_common_flags() {
    let bench = Bench::new();
    for command in COMMANDS {
        let help = bench.succeed(&format!("{command} --help")).stdout;
        assert!(help.contains("Examples:\n  simbias "), "{command}\n{help}");
        for flag in [
            "--seed",
            "--device",
            "--threads",
            "--json",
            "--full",
            "--quiet",
            "--verbose",
            "--config",
        ] {
            assert!(help.contains(flag), "{command} lacks {flag}\n{help}");
        }
    }
}

#[test]
fn every_command_is_listed_here() {
    let bench = Bench::new();
    let names = |help: &str| -> Vec<String> {
        let section = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
        section
            .lines()
            .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
            .filter_map(|line| line.split_whitespace().next().map(String::from))
            .filter(|name| name != "help")
            .collect()
    };
    let mut found = Vec::new();
    for group in names(&bench.succeed("--help").stdout) {
        let help = bench.succeed(&format!("{group} --help")).stdout;
        if !help.contains("Commands:\n") {
            found.push(group);
            continue;
        }
        // `spectrum MODEL` and `prune MODEL` are commands as well as groups.
        if help.contains("[MODEL]") {
            found.push(group.clone());
        }
        for name in names(&help) {
            found.push(format!("{group} {name}"));
        }
    }
    found.sort_unstable();
    let mut expected = COMMANDS.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn without_a_command_help_is_shown_and_the_exit_code_is_that_of_usage() {
    let ended = Bench::new().run("");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("Usage: simbias"), "{}", ended.stderr);
}

#[test]
fn a_misspelt_flag_is_a_usage_error() {
    let bench = Bench::new();
    bench.refuse("synth slab --presett lms5 --out d.safetensors", &["--presett", "--preset"]);
}

#[test]
fn the_version_is_printed() {
    let ended = Bench::new().succeed("--version");
    assert_eq!(ended.stdout, format!("simbias {}\n", env!("CARGO_PKG_VERSION")));
}
