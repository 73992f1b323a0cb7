//! A small report with every kind of element.

use simbias_report::{
    Axis, BarsChart, Caveat, Cell, Chart, ChartKind, Charts, Column, Corners, DensityChart,
    Estimate, ForestChart, Heatmap, HistogramChart, HistogramSeries, Image, Images, KeyFigure,
    LineSeries, LinesChart, NextStep, Overlay, PictureGrid, Provenance, Region, Report,
    ScatterChart, ScatterPoint, Section, Table, Ticks, Tone, Verdict,
};

/// A report in which `word` is every label, title, caption and message.
pub(crate) fn report(word: &str) -> Report {
    let estimate = Estimate::new(0.512, 0.498, 0.526).n(30).varied(word);
    let gap = Estimate::new(f64::NAN, f64::NEG_INFINITY, f64::INFINITY);
    let table = Table::new("table", word)
        .caption(word)
        .column(Column::new(word).help(word).unit(word))
        .columns(["estimate", "verdict", "tag", "count", "share", "number"])
        .row([
            Cell::text(word),
            estimate.clone().into(),
            Verdict::Inconclusive.into(),
            Cell::tag(word, Tone::Good),
            Cell::Count(12_345),
            Cell::Percent(0.25),
            Cell::number(f64::NAN, 2),
        ])
        .row([
            Cell::text("plain"),
            gap.clone().into(),
            Verdict::Holds.into(),
            Cell::Empty,
            Cell::Count(7),
            Cell::Percent(1.0),
            Cell::number(-0.5, 2),
        ]);
    let mut section = Section::new("section", word).prose(word).text(word).table(table);
    for (index, kind) in kinds(word, &estimate, &gap).into_iter().enumerate() {
        let chart = Chart::new(format!("chart {index}"), word, kind).caption(word);
        section = section.chart(chart.x(Axis::new(word).unit(word)).y(word));
    }
    let image =
        Image::new(word, 2, 2, 1, vec![0, 90, 180, 255]).expect("four bytes are 2x2 grey pixels");
    let choice = ["one", "two"].map(|name| {
        Chart::new(name, word, ForestChart::new().item(word, estimate.clone())).x(word)
    });
    let section = section.charts(Charts::new("charts", word, word).caption(word).charts(choice));
    Report::new(word)
        .subtitle(word)
        .headline(word)
        .next_step(NextStep::new(word).code(word))
        .summarise(word)
        .key_figure(KeyFigure::new(word, estimate).note(word))
        .caveat(Caveat::caution(word, word))
        .section(
            section
                .images(Images::new("images", word).caption(word).image(image.clone()))
                .pictures(pictures(word, image))
                .caveat(Caveat::warning(word, word)),
        )
        .provenance(
            Provenance { command: word.into(), device: word.into(), ..Provenance::default() }
                .input(word, word)
                .setting(word, word),
        )
}

/// A picture under a value.
fn pictures(word: &str, image: Image) -> PictureGrid {
    let region = Region {
        name: word.into(),
        rows: [0, 2],
        columns: [0, 1],
        value: Estimate::new(0.5, 0.4, 0.6),
        is_shown: true,
    };
    PictureGrid::new("pictures", word)
        .caption(word)
        .overlay(Overlay { quantity: word.into(), regions: vec![region] })
        .overlaid_row(word, vec![image])
}

/// One chart of each kind, and one without marks.
fn kinds(word: &str, estimate: &Estimate, gap: &Estimate) -> Vec<ChartKind> {
    let scatter = ScatterChart::new()
        .point(ScatterPoint::between(estimate, gap).label(word).group(word).highlight())
        .point(ScatterPoint::new(1.0, 2.0).size(3.0))
        .x_reference(0.5, word)
        .y_reference(0.5, word)
        .diagonal()
        .corners(Corners { top_left: word.into(), ..Corners::default() });
    let lines = LinesChart::new()
        .series(LineSeries::through(word, vec![0.0, 1.0], &[estimate.clone(), gap.clone()]))
        .series(LineSeries::new("flat", vec![0.0, 1.0], vec![0.5, 0.5]).dashed());
    vec![
        ForestChart::new()
            .item_in(word, word, estimate.clone())
            .item("gap", gap.clone())
            .reference(0.5, word)
            .into(),
        scatter.into(),
        lines.into(),
        DensityChart::new().series(word, vec![0.0, 1.0, 2.0], vec![0.1, 0.8, 0.1]).into(),
        HistogramChart::new()
            .series(HistogramSeries::counting(word, [0.1, 0.2, 0.9], [0.0, 1.0], 4))
            .into(),
        Heatmap::new(
            Ticks::labels([word, "other"]),
            Ticks::Values(vec![1.0, 2.0]),
            vec![vec![1.0, 2.0], vec![f64::NAN, 4.0]],
        )
        .quantity(word)
        .into(),
        BarsChart::new([word, "other"]).series(word, [estimate.clone(), gap.clone()]).into(),
        ForestChart::new().into(),
    ]
}
