//! A report with one of everything, to look at.
//!
//! ```text
//! cargo run -p simbias-html --example gallery -- gallery.html
//! ```
//!
//! Without a file name, the terminal's rendering is printed. All figures are made up.

use std::f64::consts::PI;

use simbias_report::{
    Axis, BarsChart, Caveat, Cell, Chart, Column, Corners, DensityChart, Estimate, ForestChart,
    Heatmap, HistogramChart, HistogramSeries, Image, ImageError, Images, KeyFigure, LineSeries,
    LinesChart, Provenance, Report, ScatterChart, ScatterPoint, Section, Table, Ticks, Tone,
    Verdict,
};

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let report = gallery()?;
    match std::env::args().nth(1) {
        Some(path) => std::fs::write(path, simbias_html::render_html(&report))?,
        None => println!("{}", simbias_html::render_terminal(&report, 100, true)),
    }
    Ok(())
}

fn auc(value: f64, half: f64) -> Estimate {
    Estimate::new(value, value - half, (value + half).min(1.0)).n(30).varied("permutations")
}

fn gallery() -> Result<Report, ImageError> {
    let blocks = [
        ("top half (an easy digit pair)", auc(0.512, 0.014), auc(0.998, 0.001), Verdict::Holds),
        ("bottom half (a harder task)", auc(0.996, 0.002), auc(0.521, 0.02), Verdict::Holds),
        ("low frequencies", auc(0.703, 0.03), auc(0.941, 0.01), Verdict::Inconclusive),
        ("high frequencies", auc(0.981, 0.006), auc(0.55, 0.04), Verdict::DoesNotHold),
        ("border <4 pixels> & corners", auc(0.997, 0.001), auc(0.502, 0.01), Verdict::NotRun),
    ];
    let mut table = Table::new("reliance", "Reliance by block")
        .caption("A value near 0.5 in the first column means that the network is lost without the block.")
        .column("block")
        .column(Column::new("AUC without").help("area under the ROC curve after the block's rows are permuted"))
        .column(Column::new("AUC alone").help("the same after permuting everything else"))
        .column(Column::new("rows"))
        .column(Column::new("logit shift").unit("nats").help("mean absolute change of the logit"))
        .column("flips")
        .column("relied on")
        .column("kind");
    let mut forest = ForestChart::new().reference(0.5, "chance").reference(0.999, "unpermuted");
    for (index, (name, without, alone, verdict)) in blocks.iter().enumerate() {
        forest = forest.item(*name, without.clone());
        table.push([
            Cell::from(*name),
            without.clone().into(),
            alone.clone().into(),
            Cell::Count(12_500 - index as u64 * 431),
            if index == 4 { Cell::Empty } else { Cell::number(3.2 / (index + 1) as f64, 2) },
            Cell::Percent(0.48 / (index * index + 1) as f64),
            (*verdict).into(),
            Cell::tag(["region", "region", "band", "band", "mask"][index], Tone::Accent),
        ]);
    }
    let methods = ["as trained", "block permutation", "last layer", "ensemble"];
    let mut compared = ForestChart::new().reference(0.5, "chance");
    for (index, method) in methods.iter().enumerate() {
        let gain = index as f64 * 0.11;
        compared = compared.item_in("top half", *method, auc(0.52 + gain, 0.03)).item_in(
            "bottom half",
            *method,
            auc(0.97 - gain / 3.0, 0.02),
        );
    }
    let scatter = ScatterChart::new()
        .points(
            [
                (0.02, 0.99, 3000.0, "top half", true),
                (0.35, 0.55, 2000.0, "low frequencies", true),
                (0.4, 0.53, 900.0, "high frequencies", true),
                (0.93, 0.03, 1500.0, "bottom half", true),
                (0.7, 0.02, 600.0, "border", false),
            ]
            .map(|(x, y, size, label, highlight)| {
                let point =
                    ScatterPoint::between(&auc(x, 0.05), &auc(y, 0.04)).label(label).size(size);
                let point = point.group(if y > 0.5 { "used" } else { "ignored" });
                if highlight { point.highlight() } else { point }
            }),
        )
        .x_reference(0.5, "half way")
        .y_reference(0.5, "half of the accuracy")
        .diagonal()
        .corners(Corners {
            top_left: "easy and used".into(),
            top_right: "hard and used".into(),
            bottom_left: "easy and ignored".into(),
            bottom_right: "hard and ignored".into(),
        });
    let steps: Vec<f64> = (0..120).map(|step| 1.0 + f64::from(step) * 8.0).collect();
    let curve = |rate: f64, floor: f64| -> Vec<Estimate> {
        steps
            .iter()
            .map(|step| {
                let loss = floor + 0.69 * (-step / rate).exp();
                Estimate::new(loss, loss * 0.85, loss * 1.17)
            })
            .collect()
    };
    let lines = LinesChart::new()
        .series(LineSeries::through("top half", steps.clone(), &curve(60.0, 0.01)))
        .series(LineSeries::through("bottom half", steps.clone(), &curve(900.0, 0.05)))
        .series(LineSeries::new("chance", vec![1.0, 953.0], vec![0.69, 0.69]).dashed())
        .x_reference(400.0, "early stop")
        .y_reference(0.02, "target");
    let grid: Vec<f64> = (0..200).map(|index| -4.0 + f64::from(index) * 0.05).collect();
    let normal = |mean: f64, deviation: f64| -> Vec<f64> {
        grid.iter()
            .map(|x| {
                (-((x - mean) / deviation).powi(2) / 2.0).exp() / (deviation * (2.0 * PI).sqrt())
            })
            .collect()
    };
    let density = DensityChart::new()
        .series("negative rows", grid.clone(), normal(-1.2, 0.8))
        .series("positive rows", grid.clone(), normal(2.1, 1.1))
        .reference(0.0, "decision");
    let wave = |shift: f64| (0..4000).map(move |i| (f64::from(i) * 0.37 + shift).sin() + shift);
    let histogram = HistogramChart::new()
        .series(HistogramSeries::counting("before", wave(0.0), [-1.5, 2.5], 32))
        .series(HistogramSeries::counting("after", wave(0.8), [-1.5, 2.5], 32));
    let transfer = Heatmap::new(
        Ticks::labels(["top half", "bottom half", "low frequencies", "high frequencies"]),
        Ticks::labels(methods),
        (0..4)
            .map(|row| (0..4).map(|column| f64::from(row - column) / 4.0 + 0.05).collect())
            .collect(),
    )
    .quantity("change of accuracy")
    .diverging(0.0);
    let field = Heatmap::new(
        Ticks::Values((0..40).map(f64::from).collect()),
        Ticks::Values((0..28).map(f64::from).collect()),
        (0..28)
            .map(|y| {
                (0..40)
                    .map(|x| {
                        let (x, y) = (f64::from(x) / 8.0 - 2.5, f64::from(y) / 7.0 - 2.0);
                        if x * x + y * y > 7.5 { f64::NAN } else { (x * 1.5).sin() * y.cos() + 1.0 }
                    })
                    .collect()
            })
            .collect(),
    )
    .quantity("saliency");
    let short = BarsChart::new(["SGD", "Adam", "SAM"])
        .series("clean", [auc(0.97, 0.01), auc(0.98, 0.008), auc(0.99, 0.004)])
        .series("attacked", [auc(0.31, 0.05), auc(0.28, 0.06), auc(0.55, 0.07)])
        .reference(0.5, "chance");
    let long = BarsChart::new(blocks.each_ref().map(|block| block.0))
        .values("share of the attack's budget", [0.71, 0.02, 0.12, 0.1, 0.05]);
    let mut images = Images::new("examples", "Rows that flip")
        .caption("Each picture is a real input with its top half replaced by a donor's.");
    for (index, name) in ["3 over 7, read as 5", "1 over 8, read as 0", "noise"].iter().enumerate()
    {
        let pixels: Vec<u8> = (0..28 * 28)
            .map(|at| {
                let (x, y) = (f64::from(at % 28) - 13.5, f64::from(at / 28) - 13.5);
                let ring = (x.hypot(y) - 5.0 - index as f64 * 2.5).abs();
                (255.0 * (-ring * ring / 4.0).exp()) as u8
            })
            .collect();
        images = images.image(Image::new(*name, 28, 28, 1, pixels)?);
    }
    let rgb: Vec<u8> =
        (0..32 * 32).flat_map(|at| [(at % 32 * 8) as u8, (at / 32 * 8) as u8, 128]).collect();
    images = images.image(Image::new("a colour picture", 32, 32, 3, rgb)?);

    Ok(Report::new("What the digit network looks at")
        .subtitle("Audit of a convolutional network trained on dominoes: two digits, one above the other. All figures here are made up.")
        .summarise("The network decides by the top half alone: without it, it is no better than a coin.")
        .summarise("The bottom half predicts the label just as well, and the network ignores it.")
        .summarise("An ensemble with blocks denied uses both halves and loses 0.3 points of accuracy.")
        .key_figure(KeyFigure::new("AUC on clean rows", auc(0.9991, 0.0004)).note("Looks perfect."))
        .key_figure(KeyFigure::new("AUC without the top half", auc(0.512, 0.014)).note("A coin toss."))
        .key_figure(KeyFigure::new("Attack budget spent on the top half", Cell::Percent(0.712)))
        .key_figure(KeyFigure::new("Relies on the easy block only", Verdict::Holds).note("30 permutations, 3 seeds"))
        .caveat(Caveat::caution("off-manifold", "Permuted rows do not look like real ones; compare with the donors of the same class."))
        .caveat(Caveat::note("one-seed", "One network was trained. Other seeds may rely on other blocks."))
        .section(
            Section::new("reliance", "What the network relies on")
                .prose("Each block is replaced by that of another row, which keeps its distribution and breaks its tie to the label. What the network loses is what it relied on.")
                .chart(Chart::new("reliance-forest", "AUC without a block", forest).x("AUC after permutation").caption("Dots are means, whiskers 95% intervals over permutations."))
                .table(table)
                .caveat(Caveat::warning("few-rows", "The test split has 214 rows of the rare class: intervals of its figures are wide."))
                .chart(Chart::new("map", "Ease and use", scatter).x("difficulty of the block alone").y("share of the accuracy that hangs on it")),
        )
        .section(
            Section::new("training", "How it came to that")
                .prose("The easy block is learned in a few steps; nothing is left to gain from the other one.")
                .chart(Chart::new("loss", "Loss on each block alone", lines).x(Axis::new("step")).y(Axis::new("loss").unit("nats").log()))
                .chart(Chart::new("logits", "Logits", density).x(Axis::new("logit")).y("density"))
                .chart(Chart::new("shift", "Logits before and after permutation", histogram).x("logit").y("rows")),
        )
        .section(
            Section::new("remedies", "What helps")
                .chart(Chart::new("remedies", "AUC without a block, by remedy", compared).x("AUC after permutation"))
                .chart(Chart::new("optimisers", "Accuracy by optimiser", short).x("optimiser").y(Axis::new("accuracy").percent()))
                .chart(Chart::new("budget", "Where attacks go", long).y(Axis::new("share of the budget").percent()))
                .chart(Chart::new("transfer", "Change of accuracy by remedy and block", transfer))
                .chart(Chart::new("saliency", "Mean saliency", field).x(Axis::new("column").unit("px")).y(Axis::new("row").unit("px")))
                .images(images)
                .text("Nothing here says what a human would look at."),
        )
        .provenance(
            Provenance {
                command: "simbias audit --seed 7 --threads 2".into(),
                seed: 7,
                version: "0.1.0".into(),
                device: "cpu (flex)".into(),
                threads: 2,
                wall_seconds: 71.4,
                cpu_seconds: 133.0,
                started: "2026-01-02 03:04:05 UTC".into(),
                ..Provenance::default()
            }
            .input("digits.idx.gz", "blake3:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
            .setting("learning_rate", 0.1)
            .setting("blocks", vec!["top", "bottom"])
            .setting("donors", "other class"),
        ))
}
