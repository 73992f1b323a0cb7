//! The terminal's text: its look, its width, its safety.

use simbias_html::{Brief, render_brief, render_terminal};
use simbias_report::{
    Caveat, Cell, Chart, Column, Estimate, ForestChart, KeyFigure, Report, Section, Table, Verdict,
};
use unicode_width::UnicodeWidthStr;

use crate::fixture;

fn small() -> Report {
    let top = Estimate::new(0.512, 0.498, 0.526).n(30).varied("permutations");
    let bottom = Estimate::new(0.962, 0.94, 0.98).n(30).varied("permutations");
    let table = Table::new("reliance", "Reliance by block")
        .column("block")
        .column("AUC without")
        .column(Column::new("shift").unit("nats"))
        .column("relied on")
        .row(["top half".into(), top.clone().into(), Cell::number(3.2, 2), Verdict::Holds.into()])
        .row([
            "bottom half".into(),
            bottom.clone().into(),
            Cell::Empty,
            Verdict::DoesNotHold.into(),
        ]);
    let forest = ForestChart::new()
        .item("top half", top.clone())
        .item("bottom half", bottom)
        .reference(0.5, "chance");
    Report::new("Audit of digits")
        .summarise("The network decides by the top half alone: without it, it is no better than a coin that is tossed.")
        .key_figure(KeyFigure::new("AUC without the top half", top).note("A coin toss."))
        .section(
            Section::new("reliance", "What it relies on")
                .table(table)
                .chart(Chart::new("forest", "AUC without a block", forest)),
        )
}

#[test]
fn plain_text_reads_well() {
    insta::assert_snapshot!(render_terminal(&small(), 72, false), @"
    Audit of digits
    ========================================================================
     * The network decides by the top half alone: without it, it is no
       better than a coin that is tossed.

      AUC without the top half  0.512 [0.498, 0.526]
                                A coin toss.
                                95% interval, 30 permutations

    What it relies on
    ------------------------------------------------------------------------

    Reliance by block
    block                 AUC without  shift (nats)  relied on
    -----------  --------------------  ------------  -------------
    top half     0.512 [0.498, 0.526]          3.20  holds
    bottom half  0.962 [0.940, 0.980]             -  does not hold

    AUC without a block
      top half     |o|                                  0.512 [0.498, 0.526]
      bottom half  :                              |-o|  0.962 [0.940, 0.980]
                   0.498                         0.980
                   : chance 0.500
    ");
}

#[test]
fn narrow_terminals_get_records() {
    insta::assert_snapshot!(render_terminal(&small(), 44, false), @"
    Audit of digits
    ============================================
     * The network decides by the top half
       alone: without it, it is no better than a
       coin that is tossed.

      AUC without the top
      half                  0.512 [0.498, 0.526]
                            A coin toss.
                            95% interval, 30
                            permutations

    What it relies on
    --------------------------------------------

    Reliance by block
    top half
      AUC without   0.512 [0.498, 0.526]
      shift (nats)  3.20
      relied on     holds
    bottom half
      AUC without   0.962 [0.940, 0.980]
      shift (nats)  -
      relied on     does not hold

    AUC without a block
      top half    o         0.512 [0.498, 0.526]
      bottom h..  :     |o  0.962 [0.940, 0.980]
                  : chance 0.500
    ");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let word = "a label of some length, with words";
    for width in [40, 60, 80, 100, 140] {
        for line in render_terminal(&fixture::report(word), width, false).lines() {
            assert!(line.width() <= width, "{} columns of {width}: {line:?}", line.width());
        }
    }
}

#[test]
fn without_colour_the_text_is_ascii() {
    let text = render_terminal(&fixture::report("plain words"), 80, false);
    assert!(text.is_ascii(), "{:?}", text.chars().find(|symbol| !symbol.is_ascii()));
}

#[test]
fn labels_cannot_steer_the_terminal() {
    let word = "\u{1b}[2Jgone\u{7}\r";
    let plain = render_terminal(&fixture::report(word), 80, false);
    assert!(!plain.contains(['\u{1b}', '\u{7}', '\r']));
    let coloured = render_terminal(&fixture::report(word), 80, true);
    assert!(coloured.contains("\u{1b}[36m"), "colours are on");
    assert!(!coloured.contains("\u{1b}[2J"));
}

/// A report with `n` of everything.
fn large(n: usize) -> Report {
    let sentence =
        "A sentence of the answer that is long enough to need more than one line of a terminal. ";
    let mut table =
        Table::new("blocks", "Blocks").columns(["block", "verdict"]).column("necessity");
    for row in 0..n {
        let name = format!("a block with quite a long name, number {row}");
        table.push([name.into(), "unused".into(), Estimate::new(0.1, 0.0, 0.2).into()]);
    }
    let mut report =
        Report::new("A large report").section(Section::new("blocks", "Blocks").table(table));
    for index in 0..n {
        report = report
            .summarise(sentence.repeat(3 + index))
            .key_figure(KeyFigure::new(format!("figure {index}"), Estimate::new(0.5, 0.4, 0.6)))
            .caveat(Caveat::note("n", "A note."))
            .caveat(Caveat::caution("c", sentence.repeat(2)))
            .caveat(Caveat::warning("w", format!("Warning number {index}.")));
    }
    report
}

#[test]
fn a_brief_keeps_to_its_lines_whatever_the_size() {
    for n in [1, 3, 50] {
        for (width, most_lines) in [(100, 24), (60, 24), (40, 12), (140, 40)] {
            let brief = render_brief(&large(n), width, false, most_lines);
            assert!(brief.text.lines().count() <= most_lines, "{}", brief.text);
            assert!(brief.text.lines().all(|line| line.width() <= width), "{}", brief.text);
            assert!(brief.text.starts_with("A large report\n==="), "{}", brief.text);
        }
    }
}

#[test]
fn a_brief_shows_every_kind_and_counts_the_rest() {
    let Brief { text, left_out } = render_brief(&large(50), 100, false, 24);
    // Warnings stand before cautions, notes are counted only.
    assert!(text.contains("warning: Warning number 0.") && !text.contains("A note."), "{text}");
    assert!(text.contains("figure 2") && text.contains("number 0"), "{text}");
    assert!(text.lines().any(|line| line.ends_with("..")), "{text}");
    let left_out = left_out.unwrap();
    for words in ["sentences", "figures", "cautions", "50 notes", "rows", "ends of sentences"] {
        assert!(left_out.contains(words), "{left_out}");
    }
}

#[test]
fn a_brief_of_a_small_report_leaves_nothing_out() {
    insta::assert_snapshot!(render_brief(&small(), 72, false, 24).text, @"
    Audit of digits
    ========================================================================
     * The network decides by the top half alone: without it, it is no
       better than a coin that is tossed.

      AUC without the top half  0.512 [0.498, 0.526]

    Reliance by block
    block                 AUC without  shift (nats)  relied on
    -----------  --------------------  ------------  -------------
    top half     0.512 [0.498, 0.526]          3.20  holds
    bottom half  0.962 [0.940, 0.980]             -  does not hold
    ");
    assert_eq!(render_brief(&small(), 72, false, 24).left_out, None);
}

#[test]
fn a_brief_prefers_the_overview() {
    let table = Table::new("o", "What matters").column("block").row(["the watermark".into()]);
    let report = small().overview(Section::new("overview", "Overview").table(table));
    let text = render_brief(&report, 72, false, 24).text;
    assert!(text.contains("the watermark") && !text.contains("Reliance by block"), "{text}");
}
