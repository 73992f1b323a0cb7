//! Reliance in the words of a report.

use simbias_data::Dataset;
use simbias_data::transform::Transform;
use simbias_report::{
    Axis, BarsChart, Caveat, Cell, Chart, Column, Corners, DensityChart, Estimate, ForestChart,
    Heatmap, Image, Images, KeyFigure, LineSeries, LinesChart, Report, ScatterChart, ScatterPoint,
    Section, Table, Ticks, Tone,
};
use simbias_stats::gaussian_density;

use crate::block::BlockSet;
use crate::budget::BudgetShare;
use crate::compare::{Change, Comparison};
use crate::decision_map::DecisionMap;
use crate::donors::DonorMode;
use crate::measure::{BlockSample, Measurement, ScoreSamples};
use crate::metric::{Predictions, Truth};
use crate::outcome::{BlockOutcome, RelianceOutcome};
use crate::randomize::{Side, randomized_rows};
use crate::verdict::BlockVerdict;

/// Blocks whose score densities are drawn, the most needed first.
const DENSITY_BLOCKS: usize = 4;

/// A whole report about one measurement.
pub fn reliance_report(measurement: &Measurement) -> Report {
    let outcome = &measurement.outcome;
    let mut report =
        Report::new(format!("Reliance of a model on {}", outcome.data_name)).subtitle(format!(
            "{} rows, {} blocks, donors: {}, {} repeats",
            outcome.n_rows,
            outcome.blocks.len(),
            outcome.mode.name(),
            outcome.repeats
        ));
    for sentence in plain_summary(outcome) {
        report = report.summarise(sentence);
    }
    for figure in key_figures(outcome) {
        report = report.key_figure(figure);
    }
    for caveat in &outcome.caveats {
        report = report.caveat(caveat.clone());
    }
    report
        .section(reliance_section(outcome))
        .section(scores_section(&measurement.samples, outcome))
        .section(method_section(outcome))
}

/// What a manager should take away, a sentence each.
pub fn plain_summary(outcome: &RelianceOutcome) -> Vec<String> {
    let metric = outcome.metric.title();
    let standard = &outcome.standard.metric;
    if !outcome.has_signal() {
        return vec![format!(
            "The model's {metric} is {:.3} [{:.3}, {:.3}], which cannot be told from chance ({:.3}): there is \
             no skill to attribute to any block.",
            standard.value, standard.low, standard.high, outcome.chance
        )];
    }
    let mut sentences = vec![format!(
        "On unchanged rows the model has a {metric} of {:.3} [{:.3}, {:.3}].",
        standard.value, standard.low, standard.high
    )];
    let with = |verdict: BlockVerdict| {
        outcome.blocks.iter().filter(move |block| block.verdict == Some(verdict))
    };
    for block in with(BlockVerdict::Exclusive) {
        let alone = block.sufficiency.as_ref().map_or(f64::NAN, |share| share.value);
        sentences.push(format!(
            "It stands on {:?} alone: without that block the {metric} falls to {:.3}, and with nothing but \
             that block it keeps {} of its skill.",
            block.name,
            block.randomized.metric.value,
            percent(alone)
        ));
    }
    for block in with(BlockVerdict::Dominant) {
        sentences.push(format!(
            "It leans mostly on {:?}: without it the {metric} falls to {:.3}.",
            block.name, block.randomized.metric.value
        ));
    }
    let shared: Vec<&BlockOutcome> = with(BlockVerdict::Shared).collect();
    if !shared.is_empty() {
        sentences.push(format!("It also uses {}.", names(&shared)));
    }
    let redundant: Vec<&BlockOutcome> = with(BlockVerdict::Redundant).collect();
    if !redundant.is_empty() {
        sentences.push(format!(
            "It can do without {} although each carries half of the skill or more alone: other blocks say \
             the same.",
            names(&redundant)
        ));
    }
    let ignored: Vec<&BlockOutcome> = with(BlockVerdict::IgnoredButPredictive).collect();
    if !ignored.is_empty() {
        sentences.push(format!(
            "It ignores {}, which predict nearly as well as the whole input when a model is trained on them \
             alone.",
            names(&ignored)
        ));
    }
    let unused: Vec<&BlockOutcome> = with(BlockVerdict::Unused).collect();
    if !unused.is_empty() && unused.len() <= 12 {
        sentences.push(format!("It does not use {}.", names(&unused)));
    } else if !unused.is_empty() {
        sentences.push(format!("It does not use {} of the blocks.", unused.len()));
    }
    sentences
}

fn names(blocks: &[&BlockOutcome]) -> String {
    blocks.iter().map(|block| format!("{:?}", block.name)).collect::<Vec<_>>().join(", ")
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// The figures at the top.
pub fn key_figures(outcome: &RelianceOutcome) -> Vec<KeyFigure> {
    let mut figures = vec![
        KeyFigure::new(
            format!("{} on unchanged rows", outcome.metric.title()),
            outcome.standard.metric.clone(),
        )
        .note(format!("chance is {:.3}", outcome.chance)),
    ];
    if let Some(most) = most_needed(outcome) {
        figures.push(
            KeyFigure::new(
                format!("{} without {}", outcome.metric.title(), most.name),
                most.randomized.metric.clone(),
            )
            .note("the block that the model needs most"),
        );
        if let Some(complement) = &most.complement {
            figures.push(
                KeyFigure::new(
                    format!("{} with {} alone", outcome.metric.title(), most.name),
                    complement.metric.clone(),
                )
                .note("everything else taken from other rows"),
            );
        }
    }
    let n_ignored = outcome.ignored().count();
    if outcome.blocks.iter().any(|block| block.simplicity.is_some()) {
        figures.push(
            KeyFigure::new("predictive blocks ignored", n_ignored)
                .note(format!("of {}", outcome.blocks.len())),
        );
    }
    figures
}

fn most_needed(outcome: &RelianceOutcome) -> Option<&BlockOutcome> {
    outcome.blocks.iter().max_by(|a, b| a.drop.value.total_cmp(&b.drop.value))
}

/// The block table with forest plot and necessity-sufficiency square.
pub fn reliance_section(outcome: &RelianceOutcome) -> Section {
    let metric = outcome.metric.title();
    let mut section = Section::new("reliance", "What the model relies on")
        .prose(format!(
            "Each block is replaced, all its values together, by the block of another row ({}). \
             Necessity is the share of the model's skill that is lost without the block; sufficiency is the \
             share that remains when everything except the block is replaced.",
            donor_words(outcome.mode)
        ))
        .table(block_table(outcome));
    let mut forest = ForestChart::new()
        .reference(outcome.standard.metric.value, "unchanged rows")
        .reference(outcome.chance, "chance");
    for block in &outcome.blocks {
        forest = forest.item_in("without the block", &block.name, block.randomized.metric.clone());
        if let Some(complement) = &block.complement {
            forest = forest.item_in("with the block alone", &block.name, complement.metric.clone());
        }
    }
    section = section.chart(
        Chart::new("forest", format!("{metric} after randomizing"), forest)
            .caption(format!(
                "{:.0} % intervals over test rows and {} donor maps.",
                100.0 * outcome.level,
                outcome.repeats
            ))
            .x(Axis::new(metric)),
    );
    if let Some(chart) = square(outcome) {
        section = section.chart(chart);
    }
    if outcome.blocks.iter().any(|block| block.simplicity.is_some()) {
        section = section.table(simplicity_table(outcome));
        if let Some(chart) = simplicity_chart(outcome) {
            section = section.chart(chart);
        }
    }
    if !outcome.pairs.is_empty() {
        section = section.table(pair_table(outcome));
    }
    if outcome.blocks.iter().any(|block| !block.strata.is_empty()) {
        section = section.table(strata_table(outcome));
    }
    section
}

fn donor_words(mode: DonorMode) -> &'static str {
    match mode {
        DonorMode::Permute => "a random permutation of the evaluation rows",
        DonorMode::Independent => "a row drawn with replacement",
        DonorMode::Swap => "a row of another class: a cue conflict",
        DonorMode::WithinClass => "a row of the same class, so only interactions are broken",
        DonorMode::WithinStratum => "a row of the same stratum",
    }
}

fn verdict_cell(block: &BlockOutcome) -> Cell {
    match block.verdict {
        None => Cell::from("withheld"),
        Some(verdict) => {
            let tone = match verdict {
                BlockVerdict::Exclusive => Tone::Bad,
                BlockVerdict::IgnoredButPredictive => Tone::Caution,
                BlockVerdict::Dominant => Tone::Accent,
                BlockVerdict::Shared => Tone::Good,
                BlockVerdict::Redundant | BlockVerdict::Unused => Tone::Neutral,
            };
            Cell::Tag { text: verdict.word().into(), tone }
        }
    }
}

fn optional(estimate: Option<&Estimate>) -> Cell {
    estimate.map_or(Cell::Empty, |estimate| Cell::from(estimate.clone()))
}

fn block_table(outcome: &RelianceOutcome) -> Table {
    let metric = outcome.metric.title();
    let mut table = Table::new("blocks", "Blocks")
        .caption(
            "Accuracy after randomizing is to be read against its null: what a perfect model of this block \
             alone would keep by luck.",
        )
        .column(Column::new("block"))
        .column(Column::new("size").help("coordinates in the block"))
        .column(Column::new("verdict").help("thresholds are stated below; the numbers decide"))
        .column(Column::new(format!("{metric} without it")))
        .column(Column::new(format!("{metric} with it alone")))
        .column(Column::new("necessity").help("share of skill lost without the block"))
        .column(Column::new("sufficiency").help("share of skill kept with the block alone"))
        .column(Column::new("shift").help("mean |s' − s| / sd(s) when the block is randomized"))
        .column(Column::new("flips").help("share of changed predictions"))
        .column(Column::new("KS positives").help("distance of positives' scores before and after"))
        .column(Column::new("KS all, positives'").help("all scores before, positives' after"))
        .column(Column::new("accuracy without it"))
        .column(Column::new("null accuracy").help("Σ q² over class shares"))
        .column(Column::new("conflict accuracy").help("block from another class; label of the rest"))
        .column(Column::new("worst class there"))
        .column(Column::new("p (Holm)").help("one-sided: the metric does not drop"))
        .column(Column::new("p (equivalence)").help(format!(
            "TOST, margin {}: small means the block is shown not to matter",
            outcome.equivalence_margin
        )))
        .column(Column::new("mean |corr|").help("between the block and the rest"))
        .column(Column::new("off-manifold AUC").help("real against randomized rows; ≥ .9 is a warning"))
        .column(Column::new("flags"));
    for block in &outcome.blocks {
        let randomized = &block.randomized;
        table = table.row([
            Cell::from(block.name.as_str()),
            Cell::from(block.size),
            verdict_cell(block),
            Cell::from(randomized.metric.clone()),
            optional(block.complement.as_ref().map(|found| &found.metric)),
            optional(block.necessity.as_ref()),
            optional(block.sufficiency.as_ref()),
            Cell::from(randomized.shift.clone()),
            Cell::from(randomized.flips.clone()),
            Cell::from(randomized.ks_positives.clone()),
            Cell::from(randomized.ks_all_positives.clone()),
            optional(randomized.accuracy.as_ref()),
            randomized.accuracy_null.map_or(Cell::Empty, Cell::from),
            optional(block.conflict.as_ref().map(|conflict| &conflict.accuracy)),
            block.conflict.as_ref().map_or(Cell::Empty, |conflict| {
                Cell::from(format!(
                    "{} ({:.3})",
                    conflict.worst_class, conflict.worst_class_accuracy
                ))
            }),
            Cell::number(block.p_value_holm, 4),
            Cell::number(block.p_value_equivalence, 4),
            Cell::number(block.mean_abs_correlation, 3),
            block.off_manifold_auc.map_or(Cell::Empty, Cell::from),
            Cell::from(block.flags.join(", ")),
        ]);
    }
    table
}

fn square(outcome: &RelianceOutcome) -> Option<Chart> {
    let mut scatter = ScatterChart::new().corners(Corners {
        top_left: "redundant".into(),
        top_right: "exclusive".into(),
        bottom_left: "ignored or useless".into(),
        bottom_right: "needed with others".into(),
    });
    let crowded = outcome.blocks.len() > 12;
    for block in &outcome.blocks {
        let (Some(necessity), Some(sufficiency)) = (&block.necessity, &block.sufficiency) else {
            return None;
        };
        let mut point = ScatterPoint::between(necessity, sufficiency).label(&block.name);
        if !crowded || necessity.value >= 0.05 || sufficiency.value >= 0.5 {
            point = point.highlight();
        }
        scatter = scatter.point(point);
    }
    Some(
        Chart::new("square", "Necessity and sufficiency", scatter)
            .caption("Right: the model suffers without the block. Up: the block alone is enough.")
            .x(Axis::new("necessity").range(-0.1, 1.1))
            .y(Axis::new("sufficiency").range(-0.1, 1.1)),
    )
}

fn simplicity_table(outcome: &RelianceOutcome) -> Table {
    let metric = outcome.metric.title();
    let mut table = Table::new("simplicity", "How easy each block is")
        .caption(
            "Four measures, because none alone predicts which block a network prefers. Sorted by solo \
             learning time where it was measured.",
        )
        .column(Column::new("block"))
        .column(Column::new("solo steps").help(
            "steps of the audited architecture, with everything else permuted, to 90 % of its final gain",
        ))
        .column(Column::new(format!("solo {metric}")).help("best probe on this block alone"))
        .column(Column::new("lowest rung").help("simplest probe within .01 of the best"))
        .column(Column::new("thresholds").help("blocks of one coordinate: thresholds of the simplest rule"))
        .column(Column::new("code length").unit("bits/label").help("prequential"))
        .column(Column::new("necessity"))
        .column(Column::new("verdict"));
    let steps = |block: &BlockOutcome| {
        let found = block.simplicity.as_ref().and_then(|found| found.solo_steps.as_ref());
        found.map_or(f64::INFINITY, |steps| steps.value)
    };
    let mut blocks: Vec<&BlockOutcome> = outcome.blocks.iter().collect();
    blocks.sort_by(|a, b| steps(a).total_cmp(&steps(b)));
    for block in blocks {
        let Some(found) = &block.simplicity else { continue };
        table = table.row([
            Cell::from(block.name.as_str()),
            optional(found.solo_steps.as_ref()),
            optional(found.solo_metric.as_ref()),
            found.lowest_rung.as_deref().map_or(Cell::Empty, Cell::from),
            found.pieces.as_ref().map_or(Cell::Empty, |pieces| Cell::from(pieces.n_thresholds)),
            found.code_length_bits.map_or(Cell::Empty, Cell::from),
            optional(block.necessity.as_ref()),
            verdict_cell(block),
        ]);
    }
    table
}

fn simplicity_chart(outcome: &RelianceOutcome) -> Option<Chart> {
    let mut scatter = ScatterChart::new();
    let mut n_points = 0;
    for block in &outcome.blocks {
        let Some(found) = &block.simplicity else { continue };
        let (Some(steps), Some(necessity)) = (&found.solo_steps, &block.necessity) else {
            continue;
        };
        let ignored = block.verdict == Some(BlockVerdict::IgnoredButPredictive);
        let mut point = ScatterPoint::between(steps, necessity)
            .label(&block.name)
            .group(if ignored { "ignored but predictive" } else { "other blocks" })
            .highlight();
        if let Some(solo) = &found.solo_metric {
            point = point.size((solo.value - outcome.chance).max(0.01));
        }
        scatter = scatter.point(point);
        n_points += 1;
    }
    (n_points >= 2).then(|| {
        Chart::new("simplicity-necessity", "Simplicity against necessity", scatter)
            .caption(
                "Left is learned sooner; the larger the dot, the better the block predicts alone.",
            )
            .x(Axis::new("solo learning time").unit("steps").log())
            .y(Axis::new("necessity").range(-0.1, 1.1))
    })
}

fn pair_table(outcome: &RelianceOutcome) -> Table {
    let mut table = Table::new("pairs", "Pairs of blocks")
        .caption(
            "Two interchangeable blocks are each unnecessary; a positive interaction shows that either can \
             stand in for the other.",
        )
        .columns(["first", "second"])
        .column(Column::new(format!("{} without both", outcome.metric.title())))
        .column(Column::new("joint necessity"))
        .column(Column::new("interaction").help("joint necessity minus the sum of the single ones"));
    for pair in &outcome.pairs {
        table = table.row([
            Cell::from(pair.first.as_str()),
            Cell::from(pair.second.as_str()),
            Cell::from(pair.randomized.clone()),
            pair.necessity.map_or(Cell::Empty, Cell::from),
            pair.interaction.map_or(Cell::Empty, Cell::from),
        ]);
    }
    table
}

fn strata_table(outcome: &RelianceOutcome) -> Table {
    let metric = outcome.metric.title();
    let mut table = Table::new("strata", "By stratum")
        .caption("The same donors, evaluated inside each group of rows.")
        .columns(["stratum", "value", "rows", "block"])
        .column(Column::new(format!("{metric}, unchanged")))
        .column(Column::new(format!("{metric} without the block")));
    for block in &outcome.blocks {
        for stratum in &block.strata {
            table = table.row([
                Cell::from(stratum.column.as_str()),
                Cell::from(stratum.value.as_str()),
                Cell::from(stratum.n_rows),
                Cell::from(block.name.as_str()),
                Cell::from(stratum.standard.clone()),
                Cell::from(stratum.randomized.clone()),
            ]);
        }
    }
    table
}

/// Densities of scores before and after randomization, for the most needed blocks.
pub fn scores_section(samples: &ScoreSamples, outcome: &RelianceOutcome) -> Section {
    let mut section = Section::new("scores", "What happens to the scores").prose(
        "An AUC near 1 hides partial use of a block; the distribution of the scores does not. If a block is \
         not used, randomizing it leaves the curve of each class where it is.",
    );
    let mut order: Vec<(f64, &BlockSample)> = samples
        .blocks
        .iter()
        .map(|sample| {
            let drop = outcome.block(&sample.0).map_or(0.0, |block| block.drop.value);
            (drop, sample)
        })
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (index, (_, (name, without, alone))) in order.into_iter().take(DENSITY_BLOCKS).enumerate() {
        let mut curves = by_class(&samples.standard, &samples.truth, "unchanged");
        curves.extend(by_class(without, &samples.truth, "without the block"));
        if let Some(alone) = alone {
            curves.extend(by_class(alone, &samples.truth, "block alone"));
        }
        let at = positions(&curves);
        let mut chart = DensityChart::new();
        for (label, values) in curves {
            let density = gaussian_density(&values, &at);
            chart = chart.series(label, at.clone(), density);
        }
        section = section.chart(
            Chart::new(format!("scores-{}", index + 1), format!("Scores and {name}"), chart)
                .x(Axis::new(match samples.truth {
                    Truth::Binary(_) => "score (logit difference)",
                    Truth::Classes { .. } => "margin of the true class",
                    Truth::Values(_) => "prediction",
                }))
                .y(Axis::new("density")),
        );
    }
    section
}

fn by_class(predictions: &Predictions, truth: &Truth, what: &str) -> Vec<(String, Vec<f64>)> {
    match (predictions, truth) {
        (Predictions::Binary { scores, .. }, Truth::Binary(positive)) => {
            let of = |class: bool| {
                scores.iter().zip(positive).filter(|&(_, &p)| p == class).map(|(&s, _)| s).collect()
            };
            vec![
                (format!("{what}, positives"), of(true)),
                (format!("{what}, negatives"), of(false)),
            ]
        }
        (Predictions::Classes(_), _) => {
            vec![(what.to_string(), crate::displacement::margins(predictions, truth))]
        }
        (Predictions::Binary { scores, .. } | Predictions::Values(scores), _) => {
            vec![(what.to_string(), scores.clone())]
        }
    }
}

/// 160 positions over the central 99 % of all curves.
fn positions(curves: &[(String, Vec<f64>)]) -> Vec<f64> {
    let mut all: Vec<f64> = curves.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    all.sort_unstable_by(f64::total_cmp);
    if all.is_empty() {
        return Vec::new();
    }
    let at = |share: f64| all[((all.len() - 1) as f64 * share).round() as usize];
    let (low, high) = (at(0.005), at(0.995));
    let margin = 0.15 * (high - low) + 1e-9;
    (0..160).map(|i| low - margin + (high - low + 2.0 * margin) * f64::from(i) / 159.0).collect()
}

/// How the numbers were made and when not to believe them; part of every report.
pub fn method_section(outcome: &RelianceOutcome) -> Section {
    let metric = outcome.metric.title();
    let mut words = Table::new("verdict-words", "What the words mean").columns(["word", "meaning"]);
    for verdict in [
        BlockVerdict::Exclusive,
        BlockVerdict::Dominant,
        BlockVerdict::Shared,
        BlockVerdict::Redundant,
        BlockVerdict::IgnoredButPredictive,
        BlockVerdict::Unused,
    ] {
        words = words.row([Cell::from(verdict.word()), Cell::from(verdict.meaning())]);
    }
    Section::new("method", "How to read this, and when the bias disappears")
        .prose(format!(
            "Intervals of the {metric} cover two sources: the choice of test rows (DeLong's variance, mean over \
             repeats) and the finite number of permutations. The repeats share the same rows, so they do \
             not shrink the first part. Differences are paired over rows. Training seeds are a third source \
             and show only when several models are given."
        ))
        .prose(
            "Reliance is a property of this model on these rows. It is not importance of a feature in the \
             world, and two interchangeable blocks are both unnecessary by this measure (see sufficiency and \
             pairs).",
        )
        .prose(
            "Simplicity bias is a regime, not a law. On the paper's noisy-linear data a network escapes the \
             simple block when the complex one is quickly learnable and the simple one is noisy: with 10 \
             dimensions, 5-slabs and 30 % noise it reaches full accuracy, with 50 dimensions, 7-slabs and 10 % \
             noise it stays at 95 %. On real data reliance is graded; an accuracy near one half can hide an \
             AUC of .68. `simbias claims run P2-C19` maps the regime.",
        )
        .table(words)
}

/// Example rows: the original, the block from another row, and everything else from another row.
pub fn example_images(
    data: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    donors: &[u32],
    n_rows: usize,
) -> Option<Images> {
    let shape = data.layout.image_shape()?;
    if shape.channels != 1 && shape.channels != 3 {
        return None;
    }
    let rows: Vec<u32> = (0..n_rows.min(data.n_rows()) as u32).collect();
    // The first rows together with their donors, so that only these are transformed.
    let mut together = rows.clone();
    together.extend(rows.iter().map(|&row| donors[row as usize]));
    let few = data.select(&together);
    let n = rows.len() as u32;
    let local: Vec<u32> = (0..2 * n).map(|row| if row < n { row + n } else { row }).collect();
    let (low, high) = few
        .rows
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    let picture = |caption: String, values: &[f32]| {
        Image::from_planes(caption, shape.width, shape.height, shape.channels, values, [low, high])
            .ok()
    };
    let mut images = Images::new("examples", "Rows with a block from another row")
        .caption("What the model is shown when a block is randomized.");
    for row in 0..n as usize {
        images = images.image(picture("original".into(), &few.rows.row(row).to_vec())?);
        for block in blocks.blocks().iter().take(4) {
            let changed =
                randomized_rows(few.rows.view(), transform, &block.columns, &local, Side::Block);
            let caption = format!("{} from another row", block.name);
            images = images.image(picture(caption, &changed.row(row).to_vec())?);
        }
    }
    Some(images)
}

/// Perturbation budget per block, one group of bars a perturbation.
pub fn budget_chart(shares: &[(String, Vec<BudgetShare>)]) -> Option<Chart> {
    let first = &shares.first()?.1;
    let mut bars = BarsChart::new(first.iter().map(|share| share.block.clone()));
    for (name, shares) in shares {
        bars = bars.values(name.clone(), shares.iter().map(|share| share.energy_share));
    }
    Some(
        Chart::new("budget", "Where adversarial perturbations go", bars)
            .caption(
                "Share of the squared norm on each block; the shares of one perturbation sum to 1.",
            )
            .x(Axis::new("block"))
            .y(Axis::new("energy share").range(0.0, 1.0)),
    )
}

/// Perturbation as a picture of its size per pixel, summed over channels.
pub fn budget_heatmap(delta: &[f32], data: &Dataset, title: &str) -> Option<Chart> {
    let shape = data.layout.image_shape()?;
    let value = |row: usize, column: usize| -> f64 {
        (0..shape.channels)
            .map(|channel| f64::from(delta[shape.column(channel, row, column)]).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let values = (0..shape.height)
        .rev()
        .map(|row| (0..shape.width).map(|column| value(row, column)).collect())
        .collect();
    let axis = |n: usize| Ticks::Values((0..n).map(|i| i as f64).collect());
    Some(
        Chart::new(
            "budget-map",
            title,
            Heatmap::new(axis(shape.width), axis(shape.height), values).quantity("|δ|"),
        )
        .caption("Size of the perturbation at each pixel; the first image row is on top."),
    )
}

/// Reliance over training: necessity of every block at each checkpoint.
pub fn checkpoints_chart(checkpoints: &[(f64, &RelianceOutcome)]) -> Option<Chart> {
    let (_, first) = checkpoints.first()?;
    let mut lines = LinesChart::new();
    for (index, block) in first.blocks.iter().enumerate() {
        let (mut x, mut estimates) = (Vec::new(), Vec::new());
        for (step, outcome) in checkpoints {
            if let Some(necessity) = outcome.blocks.get(index).and_then(|b| b.necessity.clone()) {
                x.push(*step);
                estimates.push(necessity);
            }
        }
        lines = lines.series(LineSeries::through(&block.name, x, &estimates));
    }
    Some(
        Chart::new("checkpoints", "Reliance over training", lines)
            .caption("Checkpoints without signal are left out.")
            .x(Axis::new("step"))
            .y(Axis::new("necessity")),
    )
}

/// Scores over two coordinates, the others taken from sampled rows.
pub fn decision_chart(map: &DecisionMap) -> Chart {
    let heatmap = Heatmap::new(
        Ticks::Values(map.x.clone()),
        Ticks::Values(map.y.clone()),
        map.scores.outer_iter().map(|row| row.to_vec()).collect(),
    )
    .quantity("mean score")
    .diverging(0.0);
    Chart::new("decision-map", "Decision map", heatmap)
        .caption(format!(
            "Mean score over {} while two coordinates vary; zero is the decision boundary.",
            map.others
        ))
        .x(Axis::new(map.x_name.clone()))
        .y(Axis::new(map.y_name.clone()))
}

/// Before and after.
pub fn comparison_section(comparison: &Comparison, title: &str, metric: &str) -> Section {
    let row = |name: &str, change: &Change| {
        [
            Cell::from(name),
            Cell::from(change.before.clone()),
            Cell::from(change.after.clone()),
            Cell::from(change.difference.clone()),
            Cell::number(change.p_value, 4),
        ]
    };
    let columns = ["figure", "before", "after", "after − before", "p"];
    let mut table = Table::new("comparison", "Before and after")
        .columns(columns)
        .row(row(&format!("{metric}, unchanged rows"), &comparison.standard));
    let mut forest = ForestChart::new();
    for block in &comparison.blocks {
        table = table.row(row(&format!("{metric} without {}", block.block), &block.randomized));
        if let Some(change) = &block.necessity {
            table = table.row(row(&format!("necessity of {}", block.block), change));
            forest = forest.item_in("before", &block.block, change.before.clone()).item_in(
                "after",
                &block.block,
                change.after.clone(),
            );
        }
        if let Some(change) = &block.sufficiency {
            table = table.row(row(&format!("sufficiency of {}", block.block), change));
        }
    }
    let (before, after) = comparison.n_sufficient;
    let conclusion = if comparison.is_more_diverse() {
        format!(
            "The model is more diverse: {after} blocks carry at least half of its skill alone, {before} before."
        )
    } else {
        format!(
            "The model may not be called more diverse: {after} block(s) carry at least half of its skill \
             alone, {before} before."
        )
    };
    let mut section = Section::new("comparison", title).prose(conclusion).table(table).chart(
        Chart::new("comparison-forest", "Necessity before and after", forest).x("necessity"),
    );
    if !comparison.paired {
        section = section.caveat(Caveat::note(
            "unpaired",
            "The two results used different donor maps, so permutation noise does not cancel.",
        ));
    }
    section
}
