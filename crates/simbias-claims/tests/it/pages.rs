//! The pages of the papers and the feed, and the documents in the repository that are made from the ledger.

use std::path::{Path, PathBuf};

use simbias_claims::markdown::{counts, replace_section, table};
use simbias_claims::pages::pages;
use simbias_claims::{Ledger, Outcome, Scale, all, all_papers};

use crate::sample::{RISING, outcome, stamp};

fn page(ledger: &Ledger, name: &str) -> String {
    let found = pages(ledger).into_iter().find(|page| page.name == name);
    found.unwrap_or_else(|| panic!("there is no page {name}")).text
}

/// A file of the repository, by its path from the root.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_documents_in_the_repository_are_those_of_the_ledger() {
    let ledger = Ledger::committed();
    for page in pages(&ledger) {
        let path = format!("docs/papers/{}", page.name);
        assert!(read(&path) == page.text, "{path}: run `simbias claims pages --out docs/papers`");
    }
    let document = read("docs/claims.md");
    let renewed = replace_section(&document, &table(&ledger)).unwrap();
    let remedy = "run `simbias claims table --write docs/claims.md`";
    assert!(document == renewed, "docs/claims.md: {remedy}");
    let counts = counts(all(), &ledger);
    assert!(read("README.md").contains(&counts), "README.md must say: {counts}");
}

#[test]
fn every_claim_has_a_line_a_section_and_a_command() {
    let ledger = Ledger::committed();
    let overview = page(&ledger, "index.md");
    for paper in all_papers() {
        let name = format!("{}-{}.md", paper.number, paper.slug);
        assert!(overview.contains(&format!("[{}]({name})", paper.title)), "{name}");
        let text = page(&ledger, &name);
        for paragraph in paper.summary.iter().chain(paper.notes) {
            assert!(text.contains(paragraph), "{name} lacks {paragraph:?}");
        }
        for claim in all().filter(|claim| claim.paper == paper) {
            let id = claim.id.to_ascii_lowercase();
            assert!(overview.contains(&format!("| [{}]({name}#{id}) | ", claim.id)), "{id}");
            assert_eq!(text.matches(&format!("<a id=\"{id}\"></a>\n\n### ")).count(), 1, "{id}");
            let command = format!("`simbias claims run {}", claim.id);
            let runs = claim.measure.is_some();
            assert_eq!(
                text.contains(&format!("{command}`")) || text.contains(&format!("{command} ")),
                runs,
                "{id}"
            );
        }
    }
}

#[test]
fn a_page_shows_figures_controls_doubts_and_what_repeats_them() {
    let mut ledger = Ledger::default();
    ledger.record(&outcome(4), stamp("2026-01-02")).unwrap();
    ledger
        .record(&Outcome::not_run(&RISING, Scale::Full, "needs it"), stamp("2026-01-02"))
        .unwrap();
    let text = page(&ledger, "02-pitfalls.md");
    let section = text.split("<a id=\"p2-c1\">").nth(1).unwrap();
    let section = section.split("<a id=").next().unwrap();
    for part in [
        "| accuracy | ≥ 0.8 | 0.9150 [0.8945, 0.9355] | 4 | holds |",
        "> invented | data",
        "| seed | 5.0000, 6.0000, 7.0000, 8.0000 |",
        "Measured on 2026-01-02 with version 0.1.0 at scale cpu, on cpu with 2 threads, in 2 s.",
        "`simbias claims run P2-C1 --seeds 4 --seed 5` (two cores; 2 s as recorded above)",
        "--scale gpu --device cuda` (one accelerator; about 2 min for three seeds)",
    ] {
        assert!(section.contains(part), "{part:?} is missing in:\n{section}");
    }
    // Every line of a table has as many cells as its header.
    let mut n_bars = None;
    for line in text.lines() {
        let bars = line.matches('|').count() - line.matches("\\|").count();
        match n_bars {
            _ if !line.starts_with("| ") && !line.starts_with("|-") => n_bars = None,
            None => n_bars = Some(bars),
            Some(header) => assert_eq!(bars, header, "{line}"),
        }
    }
}

#[test]
fn the_feed_lists_changes_from_the_latest_on_with_lasting_ids() {
    let mut ledger = Ledger::default();
    let ids = |ledger: &Ledger| -> Vec<String> {
        let feed = page(ledger, "verdicts.atom");
        let ids =
            feed.lines().filter_map(|line| line.trim().strip_prefix("<id>urn:simbias:verdicts:"));
        ids.map(|id| id.trim_end_matches("</id>").to_string()).collect()
    };
    ledger.record(&outcome(2), stamp("2026-01-02")).unwrap();
    let first = ids(&ledger);
    assert_eq!(first, ["p2-c1:cpu:1"]);
    ledger.record(&outcome(3), stamp("2026-01-04")).unwrap();
    assert_eq!(ids(&ledger), ["p2-c1:cpu:2", "p2-c1:cpu:1"]);
    let feed = page(&ledger, "verdicts.atom");
    assert!(feed.contains("<title>P2-C1: holds, before inconclusive</title>"), "{feed}");
    assert!(feed.contains("<title>P2-C1: inconclusive, first run</title>"), "{feed}");
    assert!(feed.contains("<link href=\"02-pitfalls.html#p2-c1\"/>"), "{feed}");
    // The feed is as old as its latest change.
    let updated: Vec<&str> =
        feed.lines().map(str::trim).filter(|line| line.starts_with("<updated>")).collect();
    let (new, old) =
        ("<updated>2026-01-04T00:00:00Z</updated>", "<updated>2026-01-02T00:00:00Z</updated>");
    assert_eq!(updated, [new, new, old]);
}
