//! The table of all claims and the report of a run.

use simbias_claims::markdown::{BEGIN, END, replace_section, table};
use simbias_claims::{Ledger, Outcome, Scale, all, document};
use simbias_report::Report;

use crate::sample::{RISING, outcome, stamp};

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.record(&outcome(3), stamp("2026-01-02")).expect("a full run is kept");
    ledger
}

#[test]
fn the_table_has_a_line_for_every_claim() {
    let table = table(&ledger());
    for claim in all() {
        let line = table.lines().find(|line| line.starts_with(&format!("| {} |", claim.id)));
        let line = line.unwrap_or_else(|| panic!("{} is missing", claim.id));
        let n_bars = line.matches('|').count() - line.matches("\\|").count();
        assert_eq!(n_bars, 7, "{line}");
    }
    let measured = table.lines().find(|line| line.starts_with("| P2-C1 |")).unwrap();
    assert!(measured.contains("0.9100 [0.8852, 0.9348] (expected ≥ 0.8)"), "{measured}");
    assert!(measured.ends_with("| cpu | **holds** |"), "{measured}");
    let counts = format!(
        "At scale cpu: holds 1, inconclusive 0, does not hold 0, not run {}. ",
        all().count() - 1
    );
    assert!(table.contains(&counts), "{table}");
}

#[test]
fn replacing_twice_changes_nothing_more() {
    let document = format!("# Title\n\n{BEGIN}\nwhat was there\n{END}\n\ntail without newline");
    let once = replace_section(&document, &table(&ledger())).unwrap();
    let twice = replace_section(&once, &table(&ledger())).unwrap();
    assert_eq!(once, twice);
    assert!(once.starts_with(&format!("# Title\n\n{BEGIN}\n| claim |")));
    assert!(once.ends_with(&format!("\n{END}\n\ntail without newline")));
    assert!(!once.contains("what was there"));
    assert_eq!(
        replace_section(&format!("{BEGIN}{END}"), "x").unwrap(),
        format!("{BEGIN}\nx\n{END}")
    );
}

#[test]
fn documents_without_one_pair_of_markers_are_refused() {
    for document in [
        String::new(),
        BEGIN.to_string(),
        format!("{END}\n{BEGIN}"),
        format!("{BEGIN}\n{END}\n{BEGIN}\n{END}"),
    ] {
        let message = replace_section(&document, "x").unwrap_err().to_string();
        assert!(message.contains(BEGIN) && message.contains(END), "{message}");
    }
}

#[test]
fn the_report_shows_every_seed_and_comes_back_from_json() {
    let outcomes =
        [outcome(3), outcome(2), Outcome::not_run(&RISING, Scale::Gpu, "needs a large machine")];
    let report = document(&outcomes);
    // Bars without intervals hold NaN, which equals nothing.
    assert_eq!(Report::from_json(&report.to_json()).unwrap().to_json(), report.to_json());
    let files = report.csv_files();
    let seeds: Vec<&str> = files
        .iter()
        .filter(|(name, _)| name.contains("seeds"))
        .flat_map(|(_, content)| content.lines().filter(|line| line.contains("judged")))
        .collect();
    assert_eq!(seeds.len(), 5, "three and two judged values: {seeds:?}");
    let json = report.to_json();
    for part in ["needs a large machine", "few-seeds", "stand-in", "does not hold"] {
        assert!(json.contains(part), "{part:?} is missing");
    }
}
