//! The terminal's text: its look, its width, its safety.

use simbias_html::render_terminal;
use simbias_report::{
    Cell, Chart, Column, Estimate, ForestChart, KeyFigure, Report, Section, Table, Verdict,
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
