//! Answers in the words of a report.

mod answers;

pub use answers::{
    ComparisonAnswer, PERPLEXITY_SCHEMA, PRUNE_SCHEMA, Passes, PerplexityAnswer, PruningAnswer,
};

use simbias_report::{
    Axis, BarsChart, Caveat, Cell, Chart, Column, Estimate, ForestChart, KeyFigure, LineSeries,
    LinesChart, NextStep, Report, Section, Table,
};
use simbias_spectra::document::pruning_section;
use simbias_spectra::prune::PruningReport;

use crate::Perplexity;
use crate::allocation::Allocation;
use crate::comparison::{AllocationComparison, ComparedRun};
use crate::prune::{Method, Pruned};

/// Maximum number of layers drawn as bars.
const MOST_BARS: usize = 48;

/// The protocol of a perplexity.
fn protocol(found: &Perplexity) -> String {
    format!(
        "Context {} tokens, {} chunks, {} predicted of {} tokens. The text was turned into tokens once, its shorter \
         tail was dropped, and in every chunk all tokens but the first were predicted. Another context, split or \
         tokenizer gives another perplexity.",
        found.context, found.n_chunks, found.n_predicted, found.n_tokens
    )
}

fn perplexity_cell(found: &Perplexity) -> Cell {
    match found.interval() {
        Some((low, high)) => Cell::from(
            Estimate::new(found.perplexity, low, high).n(found.n_chunks as u64).varied("chunks"),
        ),
        None => Cell::number(found.perplexity, 4),
    }
}

fn perplexity_section(found: &Perplexity, title: &str) -> Section {
    let mut table =
        Table::new("perplexity", title).columns([Column::new("quantity"), Column::new("value")]);
    let mut row = |name: &str, cell: Cell| table.push([Cell::text(name), cell]);
    row("perplexity", perplexity_cell(found));
    row("mean negative log-likelihood, nats per token", Cell::number(found.mean_nll, 5));
    row("bits per byte", found.bits_per_byte.map_or(Cell::Empty, |bits| Cell::number(bits, 4)));
    row("context, tokens", Cell::from(found.context));
    row("chunks", Cell::from(found.n_chunks));
    row("predicted tokens", Cell::from(found.n_predicted));
    row("tokens of the text", Cell::from(found.n_tokens));
    let x: Vec<f64> = (1..=found.n_chunks).map(|chunk| chunk as f64).collect();
    let line = LineSeries::new("chunk", x, found.chunk_nll.clone());
    Section::new("perplexity", title).prose(protocol(found)).table(table).chart(
        Chart::new("chunks", "Chunk by chunk", LinesChart::new().series(line))
            .x(Axis::new("chunk"))
            .y(Axis::new("mean negative log-likelihood").unit("nats")),
    )
}

/// The report of a perplexity; `tokenizer` says where the tokens came from and what a text begins with.
pub fn perplexity_report(model: &str, text: &str, tokenizer: &str, found: &Perplexity) -> Report {
    let mut report = Report::new(format!("Perplexity of {model}"))
        .headline(format!(
            "{model} is as unsure about the next token of {text} as if it had to choose among {:.3} equally likely \
             ones (its perplexity, at a context of {} tokens).",
            found.perplexity, found.context
        ))
        .next_step(
            "Compare perplexities only with the same text, context and tokenizer; bits per byte compare between \
             tokenizers.",
        )
        .key_figure(KeyFigure::new("perplexity", perplexity_cell(found)).note("95 % over chunks"));
    if let Some(bits) = found.bits_per_byte {
        report = report.key_figure(
            KeyFigure::new("bits per byte", Cell::number(bits, 4))
                .note("comparable between tokenizers"),
        );
    }
    report
        .section(perplexity_section(found, "Perplexity").prose(format!("Tokens: {tokenizer}.")))
        .caveat(Caveat::note(
            "chunks-are-neighbours",
            "The interval treats chunks as independent; neighbouring chunks of one text are not quite.",
        ))
}

/// The report of a pruning: what was asked for, and the result.
pub fn pruning_report(
    model: &str,
    asked: &str,
    report: &PruningReport,
    pruned: Option<&Pruned>,
    dense: Option<&Perplexity>,
) -> Report {
    let mut page = Report::new(format!("{model}, pruned"))
        .headline(headline(report, pruned, dense))
        .summarise(format!("{asked}."))
        .picture(by_layer(report))
        .key_figure(KeyFigure::new("realised sparsity", Cell::Percent(report.realised)));
    let after = pruned.and_then(|pruned| pruned.perplexity.as_ref());
    if let (Some(before), Some(after)) = (dense, after) {
        page = page
            .key_figure(KeyFigure::new("perplexity before", perplexity_cell(before)))
            .key_figure(KeyFigure::new("perplexity after", perplexity_cell(after)));
    }
    page = match after {
        Some(_) => page.next_step(
            "Try the pruned model on your own task: perplexity on one text does not say what it still can do.",
        ),
        None => page.next_step(NextStep::new(
            "Nothing was measured yet: see how well the pruned model still predicts a text of yours.",
        ).code("simbias perplexity PRUNED TEXT")),
    };
    page = page.next_step(
        NextStep::new(
            "Other methods and ways to spread the zeros may lose less; compare them on this model.",
        )
        .code(format!("simbias prune compare {model} --calibration TEXT --evaluate OTHER_TEXT")),
    );
    page = page.section(pruning_section(report));
    if let Some(after) = after {
        page = page.section(perplexity_section(after, "Perplexity of the pruned model"));
    }
    if let Some(remark) = &report.remark {
        page = page.caveat(Caveat::caution("names-kept", remark.clone()));
    }
    for (layer, damping) in pruned.into_iter().flat_map(|pruned| &pruned.raised_damping) {
        page = page.caveat(Caveat::caution(
            "raised-damping",
            format!(
                "Layer {layer:?}: the products of its inputs could be factorised only with {damping} of their mean \
                 diagonal added; give more calibration sequences."
            ),
        ));
    }
    page
}

/// What was done and what it cost.
fn headline(report: &PruningReport, pruned: Option<&Pruned>, dense: Option<&Perplexity>) -> String {
    let done = format!(
        "{:.2} % of the weights of {} layers are zero now",
        100.0 * report.realised,
        report.layers.len()
    );
    match (dense, pruned.and_then(|pruned| pruned.perplexity.as_ref())) {
        (Some(before), Some(after)) => format!(
            "{done}; the perplexity went from {:.3} to {:.3}.",
            before.perplexity, after.perplexity
        ),
        _ => format!("{done}."),
    }
}

/// Zeros along the checkpoint: bars with names, or a line when there are too many.
fn by_layer(report: &PruningReport) -> Chart {
    let title = "Zeros by layer";
    let axis = Axis::new("share of zeros").percent();
    let shares = report.layers.iter().map(|layer| layer.realised);
    if report.layers.len() <= MOST_BARS {
        let bars = BarsChart::new(report.layers.iter().map(|layer| layer.layer.clone()))
            .values("sparsity", shares)
            .reference(report.realised, "all layers");
        return Chart::new("zeros", title, bars).y(axis);
    }
    let x = (0..report.layers.len()).map(|index| index as f64).collect();
    let line = LinesChart::new().series(LineSeries::new("sparsity", x, shares.collect()));
    Chart::new("zeros", title, line).x(Axis::new("layer, in the order of the checkpoint")).y(axis)
}

/// The report of a comparison of allocations.
pub fn comparison_report(model: &str, found: &AllocationComparison) -> Report {
    let mut report = Report::new(format!("Ways to prune {model}"))
        .headline(verdict(found))
        .summarise(best_runs(found))
        .key_figure(KeyFigure::new("dense perplexity", perplexity_cell(&found.dense)));
    if let Some(best) = found.runs.iter().min_by(|a, b| a.mean_nll.total_cmp(&b.mean_nll)) {
        let words = format!(
            "{} at {:.0} %, {}",
            best.method.name(),
            100.0 * best.sparsity,
            allocation_words(best)
        );
        report = report.key_figure(
            KeyFigure::new("lowest perplexity", Cell::number(best.perplexity, 3)).note(words),
        );
    }
    if let Some(chart) = against_uniform(found) {
        report = report.picture(chart);
    }
    report = report.next_step(
        "Take the allocation only where it beats the uniform one and the controls beyond its interval; otherwise the \
         even share is the simpler choice.",
    );
    report = report.next_step("Confirm the choice on a second text: it was made on this one.");
    let mut table = Table::new("runs", "Perplexity by method, sparsity and allocation")
        .caption(
            "Differences to uniform are paired over the chunks of the same text. Controls: the block scores of FARMS dealt \
             at random or in reverse, and the first block spared regardless of scores.",
        )
        .columns([
            Column::new("method"),
            Column::new("sparsity"),
            Column::new("allocation"),
            Column::new("realised"),
            Column::new("perplexity"),
            Column::new("nats − uniform").help("mean negative log-likelihood minus uniform's"),
            Column::new("permutations").help("nats of each"),
        ]);
    for run in &found.runs {
        let difference =
            run.minus_uniform.map_or(Cell::Empty, |difference| match difference.interval {
                Some((low, high)) => Cell::from(
                    Estimate::new(difference.mean, low, high)
                        .n(found.dense.n_chunks as u64)
                        .varied("chunks"),
                ),
                None => Cell::number(difference.mean, 4),
            });
        let single: Vec<String> = run.permutations.iter().map(|nll| format!("{nll:.3}")).collect();
        table.push([
            Cell::text(run.method.name()),
            Cell::Percent(run.sparsity),
            Cell::text(allocation_words(run)),
            Cell::Percent(run.realised),
            Cell::number(run.perplexity, 3),
            difference,
            if single.is_empty() { Cell::Empty } else { Cell::text(single.join(" ")) },
        ]);
    }
    let mut section = Section::new("runs", "All runs").prose(protocol(&found.dense)).table(table);
    let mut methods: Vec<Method> = found.runs.iter().map(|run| run.method).collect();
    methods.dedup();
    for method in methods {
        let runs = || found.runs.iter().filter(move |run| run.method == method);
        let mut sparsities: Vec<f64> = runs().map(|run| run.sparsity).collect();
        sparsities.dedup();
        let mut chart = BarsChart::new(sparsities.iter().map(|s| format!("{:.0} %", 100.0 * s)));
        let mut allocations: Vec<_> = runs().map(|run| run.allocation).collect();
        allocations.sort();
        allocations.dedup();
        for allocation in allocations {
            let values = sparsities.iter().map(|&sparsity| {
                found.run(method, sparsity, allocation).map_or(f64::NAN, |run| run.mean_nll)
            });
            chart = chart.values(allocation.name(), values);
        }
        chart = chart.reference(found.dense.mean_nll, "dense");
        section = section.chart(
            Chart::new(
                format!("nll-{}", method.name().to_lowercase()),
                format!("{}: loss by sparsity and allocation", method.name()),
                chart,
            )
            .y(Axis::new("mean negative log-likelihood").unit("nats")),
        );
    }
    let blocks: Vec<f64> = (0..found.alpha.len()).map(|block| block as f64).collect();
    let scores = LinesChart::new()
        .series(LineSeries::new("alpha", blocks.clone(), found.alpha.clone()))
        .series(LineSeries::new("FARMS", blocks, found.farms.clone()));
    report = report.section(section).section(
        Section::new("scores", "Scores of the blocks")
            .prose(format!(
                "A block with a larger exponent is pruned more. Scores are mapped to ratios within ± {} of the target.",
                found.epsilon
            ))
            .chart(
                Chart::new("block-scores", "Mean exponent by block", scores)
                    .x(Axis::new("block"))
                    .y(Axis::new("exponent")),
            ),
    );
    report.caveat(Caveat::caution(
        "one-text",
        "Intervals are over chunks of one text and one calibration; they do not say how another text or another draw of \
         calibration sequences would come out. Judge an epsilon that was chosen by these figures on another text.",
    ))
}

fn allocation_words(run: &ComparedRun) -> String {
    match run.permutations.len() {
        0 if run.allocation.is_control() => format!("{} (control)", run.allocation.name()),
        0 => run.allocation.name().into(),
        n => format!("{} (control, mean of {n})", run.allocation.name()),
    }
}

/// The best run of every method and sparsity.
fn best_runs(found: &AllocationComparison) -> String {
    let best: Vec<String> = cells(found)
        .iter()
        .filter_map(|&(method, sparsity)| {
            let of_cell =
                found.runs.iter().filter(|run| run.method == method && run.sparsity == sparsity);
            let best = of_cell.min_by(|left, right| left.mean_nll.total_cmp(&right.mean_nll))?;
            Some(format!(
                "{} at {:.0} %: {} ({:.2})",
                method.name(),
                100.0 * sparsity,
                allocation_words(best),
                best.perplexity
            ))
        })
        .collect();
    format!("Lowest perplexity by method and sparsity: {}.", best.join("; "))
}

/// Methods and sparsities that were tried.
fn cells(found: &AllocationComparison) -> Vec<(Method, f64)> {
    let mut cells: Vec<(Method, f64)> =
        found.runs.iter().map(|run| (run.method, run.sparsity)).collect();
    cells.dedup();
    cells
}

/// Who won how often, controls included.
fn verdict(found: &AllocationComparison) -> String {
    let cells = cells(found);
    let beats = |left: &ComparedRun, right: &ComparedRun| left.mean_nll < right.mean_nll;
    let n_better = |others: fn(Allocation) -> bool| {
        let by_exponents =
            |run: &&ComparedRun| matches!(run.allocation, Allocation::Alpha | Allocation::Farms);
        cells
            .iter()
            .filter(|&&(method, sparsity)| {
                let of_cell: Vec<&ComparedRun> = found
                    .runs
                    .iter()
                    .filter(|run| run.method == method && run.sparsity == sparsity)
                    .collect();
                let mut others = of_cell.iter().filter(|run| others(run.allocation)).peekable();
                others.peek().is_some()
                    && of_cell
                        .iter()
                        .copied()
                        .filter(|run| by_exponents(run))
                        .any(|run| others.clone().all(|other| beats(run, other)))
            })
            .count()
    };
    format!(
        "An allocation by exponents beats the even one in {} of {} cases, and all controls in {}.",
        n_better(|allocation| allocation == Allocation::Uniform),
        cells.len(),
        n_better(Allocation::is_control),
    )
}

/// Losses against the uniform allocation, at the largest sparsity of every method.
fn against_uniform(found: &AllocationComparison) -> Option<Chart> {
    let largest = found.runs.iter().map(|run| run.sparsity).reduce(f64::max)?;
    let mut forest = ForestChart::new().reference(0.0, "uniform");
    for run in found.runs.iter().filter(|run| run.sparsity == largest) {
        let Some(difference) = run.minus_uniform else { continue };
        let (low, high) = difference.interval.unwrap_or((f64::NAN, f64::NAN));
        let estimate = Estimate::new(difference.mean, low, high)
            .n(found.dense.n_chunks as u64)
            .varied("chunks");
        forest = forest.item_in(run.method.name(), allocation_words(run), estimate);
    }
    (!forest.items.is_empty()).then(|| {
        Chart::new(
            "against-uniform",
            format!("Loss at {:.0} % zeros against an even share", 100.0 * largest),
            forest,
        )
        .caption("Left of the line is better. Intervals are over the chunks of the text.")
        .x(Axis::new("mean negative log-likelihood minus uniform").unit("nats"))
    })
}
