//! CSV files.

use proptest::prelude::*;
use simbias_report::{
    BarsChart, Cell, Chart, Column, Estimate, ForestChart, Heatmap, LineSeries, LinesChart, Report,
    Section, Table, Ticks, Verdict, format,
};

#[test]
fn names_are_safe_and_unique() {
    let table = |id: &str| Table::new(id, "x").column("a");
    let report = Report::new("x").section(
        Section::new("s", "s")
            .table(table("../etc/Passwd"))
            .table(table("a b"))
            .chart(Chart::new("a-b", "x", ForestChart::new()))
            .table(table("…")),
    );
    let names: Vec<String> = report.csv_files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["etc-passwd.csv", "a-b.csv", "a-b-2.csv", "data.csv"]);
}

#[test]
fn a_table_keeps_full_precision() {
    let table = Table::new("t", "t")
        .column("block")
        .column(Column::new("time").unit("s"))
        .column("verdict")
        .row([
            "a, b".into(),
            Estimate::new(1.0 / 3.0, 0.25, f64::INFINITY).n(5).into(),
            Verdict::NotRun.into(),
        ])
        .row(["c".into(), Cell::Empty, Cell::Percent(0.125)]);
    insta::assert_snapshot!(table.to_csv(), @r#"
    block,time (s),time (s) low,time (s) high,time (s) n,verdict
    "a, b",0.3333333333333333,0.25,inf,5,not run
    c,,,,,0.125
    "#);
}

#[test]
fn charts_give_one_record_a_mark() {
    let estimate = Estimate::new(0.5, 0.25, 0.75).n(9).varied("seeds");
    let forest = ForestChart::new().item_in("g", "l", estimate.clone());
    let lines = LinesChart::new()
        .series(LineSeries::new("a", vec![1.0, 2.0], vec![3.0, f64::NAN]))
        .series(LineSeries::through("b", vec![1.0], std::slice::from_ref(&estimate)));
    let heat =
        Heatmap::new(Ticks::labels(["p", "q"]), Ticks::Values(vec![0.5]), vec![vec![1.0, 2.0]]);
    let bars = BarsChart::new(["p", "q"]).values("v", [1.0, 2.0]);
    let all = [
        Chart::new("f", "f", forest).x("AUC").to_csv(),
        Chart::new("l", "l", lines).x("step").y("loss").to_csv(),
        Chart::new("h", "h", heat).to_csv(),
        Chart::new("b", "b", bars).to_csv(),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    label,group,AUC,low,high,n,level,varied
    l,g,0.5,0.25,0.75,9,0.95,seeds

    series,step,loss,low,high
    a,1,3,,
    a,2,NaN,,
    b,1,0.5,0.25,0.75

    y,x,value
    0.5,p,1
    0.5,q,2

    category,series,value,low,high,n
    p,v,1,,,
    q,v,2,,,
    ");
}

proptest! {
    #[test]
    fn shortest_text_is_the_same_number(value in proptest::num::f64::ANY) {
        let back: f64 = format::shortest(value).parse().unwrap();
        prop_assert!(back == value || (back.is_nan() && value.is_nan()));
    }

    #[test]
    fn a_shown_interval_encloses_its_shown_value(
        value in -1e5_f64..1e5, below in 0.0_f64..10.0, above in 0.0_f64..10.0,
    ) {
        let text = format::estimate(&Estimate::new(value, value - below, value + above));
        let numbers: Vec<f64> = text
            .split([' ', '[', ']', ','])
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().unwrap())
            .collect();
        prop_assert_eq!(numbers.len(), 3, "{}", text);
        prop_assert!(numbers[1] <= numbers[0] && numbers[0] <= numbers[2], "{}", text);
    }
}
