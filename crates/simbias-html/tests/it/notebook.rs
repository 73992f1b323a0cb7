//! The fragment for notebooks: small, escaped, without a script.

use simbias_html::notebook;
use simbias_report::{
    Cell, Chart, Estimate, ForestChart, NextStep, Report, Section, Table, Verdict,
};

use crate::fixture;

fn report(n_blocks: usize) -> Report {
    let estimate = Estimate::new(0.512, 0.498, 0.526).n(30).varied("permutations");
    let forest = (0..n_blocks)
        .fold(ForestChart::new(), |forest, i| forest.item(format!("block {i}"), estimate.clone()));
    let mut table = Table::new("t", "Blocks").columns(["block", "AUC", "verdict"]);
    for index in 0..n_blocks {
        let name = format!("block {index}");
        table.push([Cell::from(name.as_str()), estimate.clone().into(), Verdict::Holds.into()]);
    }
    Report::new("Reliance")
        .headline("The model looks at the watermark only.")
        .picture(Chart::new("c", "Need of each block", forest))
        .next_step(NextStep::new("Train without it.").code("simbias audit data.csv"))
        .section(Section::new("s", "S").table(table))
}

#[test]
fn it_shows_sentence_picture_steps_and_a_short_table() {
    let fragment = notebook(&report(20));
    for part in [
        "The model looks at the watermark only.",
        "<svg",
        "Train without it.",
        "simbias audit data.csv",
        "8 of 20 rows",
    ] {
        assert!(fragment.contains(part), "{part} is missing");
    }
    assert!(!fragment.contains("block 8</td>"), "the table ends after eight rows");
}

#[test]
fn it_has_no_script_no_style_sheet_and_no_outside() {
    let fragment = notebook(&fixture::report("<script>alert(1)</script>"));
    for part in ["<script", "<style", "http://", "https://", "class=\""] {
        assert!(!fragment.contains(part), "{part}");
    }
}

#[test]
fn it_stays_small_whatever_the_report_holds() {
    let fragment = notebook(&report(2000));
    assert!(fragment.len() <= 100_000, "{} bytes", fragment.len());
    assert!(fragment.contains("The model looks at the watermark only."));
    assert!(fragment.contains("More is in the report's page"));
}
