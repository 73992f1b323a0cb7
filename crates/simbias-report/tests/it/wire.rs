//! The versioned JSON form.

use proptest::prelude::*;
use simbias_report::{
    Axis, BarsChart, Caveat, Cell, Chart, Charts, ColourScale, DensityChart, Estimate, ForestChart,
    Heatmap, HistogramChart, HistogramSeries, Image, Images, KeyFigure, LineSeries, LinesChart,
    NextStep, Provenance, Report, ScatterChart, ScatterPoint, Section, Table, Ticks, Tone, Verdict,
};

/// A report with every kind of element, in which every number is `value`.
fn everything(value: f64) -> Report {
    let estimate = Estimate::new(value, value, value).level(value).n(3).varied("seeds");
    let table = Table::new("t", "T").columns(["a", "b", "c", "d", "e", "f", "g"]).row([
        Cell::Empty,
        Cell::text("x"),
        Cell::Count(u64::MAX),
        Cell::number(value, 3),
        Cell::Percent(value),
        estimate.clone().into(),
        Cell::tag("x", Tone::Bad),
    ]);
    let point = ScatterPoint::between(&estimate, &estimate).size(value).label("p").highlight();
    let mut heat =
        Heatmap::new(Ticks::Values(vec![value]), Ticks::labels(["r"]), vec![vec![value]]);
    heat.scale = ColourScale::Diverging { centre: value };
    heat.range = Some([value, value]);
    let heat = heat.mark(0, 0, "m");
    let charts = [
        Chart::new("f", "F", ForestChart::new().item("a", estimate.clone()).reference(value, "r")),
        Chart::new("s", "S", ScatterChart::new().point(point).diagonal()),
        Chart::new(
            "l",
            "L",
            LinesChart::new().series(LineSeries::through(
                "a",
                vec![value],
                std::slice::from_ref(&estimate),
            )),
        ),
        Chart::new("d", "D", DensityChart::new().series("a", vec![value], vec![value])),
        Chart::new(
            "h",
            "H",
            HistogramChart::new().series(HistogramSeries {
                name: "a".into(),
                edges: vec![value, value],
                counts: vec![2],
            }),
        ),
        Chart::new("m", "M", heat),
        Chart::new("b", "B", BarsChart::new(["c"]).series("a", [estimate.clone()])),
    ];
    let mut section = Section::new("s", "S").prose("p").text("t").table(table);
    let lead = charts[0].clone();
    let choice = Charts::new("c", "C", "layer").caption("c").charts(charts.clone());
    for chart in charts {
        section = section.chart(chart.x(Axis::new("x").unit("s").log().range(value, value)));
    }
    section = section.charts(choice);
    let image = Image::new("i", 1, 1, 3, vec![1, 2, 3]).expect("three bytes are one RGB pixel");
    Report::new("R")
        .subtitle("s")
        .headline("h")
        .picture(lead)
        .next_step(NextStep::new("n").code("c"))
        .summarise("a")
        .key_figure(KeyFigure::new("k", Verdict::DoesNotHold).note("n"))
        .caveat(Caveat::note("k", "m"))
        .section(
            section.images(Images::new("i", "I").image(image)).caveat(Caveat::warning("k", "m")),
        )
        .provenance(
            Provenance {
                seed: u64::MAX,
                wall_seconds: value,
                cpu_seconds: value,
                ..Provenance::default()
            }
            .input("a", "blake3:0")
            .setting("z", 1)
            .setting("a", vec!["x"]),
        )
}

#[test]
fn numbers_that_json_lacks_survive() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, 0.1] {
        let json = everything(value).to_json();
        let back = Report::from_json(&json).unwrap();
        assert_eq!(back.to_json(), json);
        if !value.is_nan() {
            assert_eq!(back, everything(value));
        }
    }
}

#[test]
fn the_wire_form_is_stable() {
    let report = Report::new("R")
        .key_figure(KeyFigure::new("AUC", Estimate::without_interval(0.5)))
        .section(Section::new("s", "S").table(
            Table::new("t", "T").columns(["a", "b"]).row([Cell::Count(3), Verdict::NotRun.into()]),
        ));
    insta::assert_snapshot!(report.to_json(), @r#"
    {
      "schema": "simbias.report/1.1",
      "title": "R",
      "subtitle": "",
      "summary": [],
      "key_figures": [
        {
          "label": "AUC",
          "value": {
            "estimate": {
              "value": 0.5,
              "low": "NaN",
              "high": "NaN",
              "level": 0.95,
              "n": 0,
              "varied": ""
            }
          },
          "note": ""
        }
      ],
      "sections": [
        {
          "id": "s",
          "title": "S",
          "prose": [],
          "elements": [
            {
              "table": {
                "id": "t",
                "title": "T",
                "caption": "",
                "columns": [
                  {
                    "name": "a",
                    "help": "",
                    "unit": ""
                  },
                  {
                    "name": "b",
                    "help": "",
                    "unit": ""
                  }
                ],
                "rows": [
                  [
                    {
                      "count": 3
                    },
                    {
                      "verdict": "not run"
                    }
                  ]
                ]
              }
            }
          ]
        }
      ],
      "caveats": [],
      "provenance": null
    }
    "#);
}

#[test]
fn other_versions_are_refused_by_name() {
    let json = Report::new("R").to_json().replace("report/1.1", "report/2");
    let message = Report::from_json(&json).unwrap_err().to_string();
    assert!(
        message.contains("simbias.report/2") && message.contains("simbias.report/1"),
        "{message}"
    );
}

#[test]
fn reports_of_the_first_version_are_still_read() {
    let report = Report::new("R").summarise("a").section(Section::new("s", "S"));
    let json = report.to_json().replace("report/1.1", "report/1");
    assert_eq!(Report::from_json(&json).unwrap(), report);
}

#[test]
fn the_first_screen_falls_back_on_findings_and_charts() {
    let chart = Chart::new("c", "C", ForestChart::new().item("a", Estimate::new(0.5, 0.4, 0.6)));
    let empty = Chart::new("e", "E", ForestChart::new());
    let report = Report::new("R")
        .summarise("first")
        .summarise("second")
        .section(Section::new("s", "S").chart(empty).chart(chart.clone()));
    assert_eq!(report.first_sentence(), "first");
    assert_eq!(report.further_findings(), ["second"]);
    assert_eq!(report.first_picture(), Some(&chart.into()));
    let report = report.headline("in one sentence").picture(Table::new("t", "T"));
    assert_eq!(report.first_sentence(), "in one sentence");
    assert_eq!(report.further_findings(), ["first", "second"]);
    assert_eq!(report.first_picture(), Some(&Table::new("t", "T").into()));
}

#[test]
fn settings_keep_their_order() {
    let report = everything(1.0);
    let back = Report::from_json(&report.to_json()).unwrap();
    let names: Vec<String> = back.provenance.unwrap().settings.keys().cloned().collect();
    assert_eq!(names, ["z", "a"]);
}

proptest! {
    #[test]
    fn any_number_comes_back(value in proptest::num::f64::ANY.prop_filter("equal to itself", |v| !v.is_nan())) {
        prop_assert_eq!(Report::from_json(&everything(value).to_json()).unwrap(), everything(value));
    }
}
