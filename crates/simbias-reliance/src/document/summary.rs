//! The sentences and figures at the top of a report.

use simbias_report::{Estimate, KeyFigure};

use crate::donors::DonorMode;
use crate::measure::{CLASS_ORDER, REVERSED};
use crate::metric::Metric;
use crate::outcome::{Alone, BlockOutcome, RelianceOutcome, SoloLearner};
use crate::verdict::{BlockVerdict, is_shown_above};

/// The classes with their positions.
fn class_order(outcome: &RelianceOutcome) -> String {
    let named = outcome.classes.iter().enumerate();
    named.map(|(index, (name, _))| format!("{index} = {name:?}")).collect::<Vec<_>>().join(", ")
}

/// What a manager should take away, one sentence each.
pub fn plain_summary(outcome: &RelianceOutcome) -> Vec<String> {
    let is_doubtful = outcome.caveats.iter().any(|caveat| caveat.kind == CLASS_ORDER);
    let doubt = is_doubtful.then(|| {
        "The model's outputs seem to be in another order than the classes: put that right first, as the warning below says."
            .to_string()
    });
    doubt.into_iter().chain(findings(outcome)).collect()
}

/// The sentences about the model and its blocks.
fn findings(outcome: &RelianceOutcome) -> Vec<String> {
    let (metric, article) = (outcome.metric.title(), outcome.metric.article());
    let standard = &outcome.standard.metric;
    if !outcome.has_signal() {
        if outcome.caveats.iter().any(|caveat| caveat.kind == REVERSED) {
            return vec![format!(
                "The model's {metric} is {:.3} [{:.3}, {:.3}] (chance is {:.3}): it predicts, but the wrong way round. Are the classes in the model's order? The order here is {}.",
                standard.value,
                standard.low,
                standard.high,
                outcome.chance,
                class_order(outcome)
            )];
        }
        return vec![format!(
            "The model is not shown to predict better than chance: its {metric} is {:.3} [{:.3}, {:.3}], and chance is {:.3}. \
             So nothing can be said about what it relies on.",
            standard.value, standard.low, standard.high, outcome.chance
        )];
    }
    let mut sentences = vec![format!(
        "The model predicts with {article} {metric} of {:.3} [{:.3}, {:.3}]; chance is {:.3}.",
        standard.value, standard.low, standard.high, outcome.chance
    )];
    if !outcome.mode.shows_what_is_needed() {
        sentences.extend(mode_sentence(outcome));
        return sentences;
    }
    let with = |verdict: BlockVerdict| {
        outcome.blocks.iter().filter(move |block| block.verdict == Some(verdict))
    };
    sentences.extend(alone_sentences(outcome));
    for block in with(BlockVerdict::Exclusive) {
        let alone = block.sufficiency.as_ref().map_or(f64::NAN, |share| share.value);
        sentences.push(format!(
            "It relies on {:?} and on nothing else: without it the {metric} falls to {:.3}, and with {0:?} alone the model \
             keeps {} of its skill.",
            block.name,
            block.randomized.metric.value,
            percent(alone)
        ));
    }
    for block in with(BlockVerdict::Dominant) {
        sentences.push(format!(
            "It leans mostly on {:?}: without it, it loses {} of its skill ({metric} {:.3}).",
            block.name,
            percent(block.necessity.as_ref().map_or(f64::NAN, |share| share.value)),
            block.randomized.metric.value
        ));
    }
    let all = |verdict| with(verdict).collect::<Vec<&BlockOutcome>>();
    if let shared @ [_, ..] = &all(BlockVerdict::Shared)[..] {
        let has_leader = with(BlockVerdict::Dominant).next().is_some();
        let also = if has_leader { "also uses" } else { "uses" };
        sentences.push(format!("It {also} {}.", names(shared)));
    }
    if let redundant @ [_, ..] = &all(BlockVerdict::Redundant)[..] {
        sentences.push(format!(
            "It can do without {}, because other blocks tell it the same: {} alone would be enough for half of its skill or \
             more.",
            names(redundant),
            if redundant.len() == 1 { "this block" } else { "each of them" }
        ));
    }
    if let [first, others @ ..] = &all(BlockVerdict::IgnoredButPredictive)[..] {
        let more = match others {
            [] => String::new(),
            others => format!(" It ignores {} in the same way.", names(others)),
        };
        sentences.push(ignored_sentence(first, outcome.metric) + &more);
    }
    if let backup @ [_, ..] = &all(BlockVerdict::Backup)[..] {
        sentences.push(match backup {
            [_] => format!(
                "It does not need {} as long as the rest is there, although that block alone predicts something.",
                names(backup)
            ),
            _ => format!(
                "It does not need {} as long as the rest is there, although each of them alone predicts something.",
                names(backup)
            ),
        });
    }
    if let open @ [_, ..] = &all(BlockVerdict::NotSettled)[..] {
        let predicts = |block: &&&BlockOutcome| {
            let solo = block.simplicity.as_ref().and_then(|found| found.solo_metric.as_ref());
            solo.is_some_and(|solo| is_shown_above(solo, outcome.chance, outcome.blocks.len()))
        };
        let alone: Vec<&BlockOutcome> = open.iter().filter(predicts).copied().collect();
        let also = match alone.len() {
            0 => String::new(),
            1 if open.len() == 1 => " That block alone predicts something.".into(),
            n if n == open.len() => " Each of them alone predicts something.".into(),
            1 => format!(" Of these, {} alone predicts something.", names(&alone)),
            _ => format!(" Of these, {} each predict something alone.", names(&alone)),
        };
        sentences
            .push(format!("There are too few rows to say whether it needs {}.{also}", names(open)));
    }
    if let unused @ [_, ..] = &all(BlockVerdict::Unused)[..] {
        sentences.push(unused_sentence(unused));
    }
    sentences
}

/// Blocks that do alone what the model does with everything, whatever its need of them.
fn alone_sentences(outcome: &RelianceOutcome) -> Vec<String> {
    let (metric, article) = (outcome.metric.title(), outcome.metric.article());
    let standard = outcome.standard.metric.value;
    let leads = |block: &BlockOutcome| {
        matches!(block.verdict, Some(BlockVerdict::Exclusive | BlockVerdict::Dominant))
    };
    let solo = |block: &BlockOutcome| {
        let simplicity = block.simplicity.as_ref();
        simplicity
            .and_then(|found| found.solo_metric.as_ref())
            .map_or(f64::NAN, |found| found.value)
    };
    let mut sentences = Vec::new();
    for (wanted, words) in [(Alone::Better, "better than"), (Alone::AsGood, "as well as")] {
        // The block on which the model leans is expected to be as good as the model.
        let mut found: Vec<&BlockOutcome> = outcome
            .blocks
            .iter()
            .filter(|block| outcome.alone(block) == Some(wanted))
            .filter(|block| wanted == Alone::Better || !leads(block))
            .collect();
        found.sort_by(|a, b| solo(b).total_cmp(&solo(a)));
        let Some(best) = found.first() else { continue };
        let rest = match found.len() {
            1 => String::new(),
            n => format!(" So do{} {}.", if n == 2 { "es" } else { "" }, names(&found[1..])),
        };
        sentences.push(format!(
            "{:?} alone predicts {words} the model does from everything: {article} {metric} of {:.3} against \
             {standard:.3}.{rest}",
            best.name,
            solo(best),
        ));
    }
    sentences
}

/// What to say about donors that depend on the class; words of need and sufficiency would be wrong.
fn mode_sentence(outcome: &RelianceOutcome) -> Vec<String> {
    let most = most_needed(outcome)
        .map(|block| {
            format!(
                " The {} moves most with {:?}: from {:.3} to {:.3}.",
                outcome.metric.title(),
                block.name,
                outcome.standard.metric.value,
                block.randomized.metric.value
            )
        })
        .unwrap_or_default();
    let measured = match outcome.mode {
        DonorMode::WithinClass => {
            "Blocks were exchanged between rows of the same class, so a block still told the class and lost only its match \
             with the rest of its row. This shows whether the model combines blocks, not which it needs. Verdicts are withheld."
        }
        _ => {
            "Blocks came from rows of another class, so that each contradicted the rest of its row. This shows which side the \
             model follows when they disagree, not which it needs. Verdicts are withheld."
        }
    };
    vec![
        format!("{measured}{most}"),
        "To see what the model needs, measure with the donor mode \"permute\".".into(),
    ]
}

/// Blocks that a sentence names; the rest is counted, and in the table.
const MOST_NAMED: usize = 6;

fn names(blocks: &[&BlockOutcome]) -> String {
    let named = blocks.iter().take(MOST_NAMED).map(|block| format!("{:?}", block.name));
    let named = named.collect::<Vec<_>>().join(", ");
    match blocks.len().saturating_sub(MOST_NAMED) {
        0 => named,
        n => format!("{named} and {n} more"),
    }
}

/// What can be said about blocks without necessity: the test takes one block at a time.
fn unused_sentence(blocks: &[&BlockOutcome]) -> String {
    match blocks {
        [_] => format!("It does not need {} as long as the rest is there.", names(blocks)),
        _ => format!(
            "It needs none of {} as long as the rest is there. Each was taken away alone, so blocks that can replace each \
             other look like this too.",
            names(blocks)
        ),
    }
}

/// What the model ignores, and who could have learned it.
fn ignored_sentence(block: &BlockOutcome, metric: Metric) -> String {
    let (metric, article) = (metric.title(), metric.article());
    let simplicity = block.simplicity.as_ref();
    let number = |estimate: Option<&Estimate>| {
        estimate.map_or(String::from("unknown"), |estimate| format!("{:.3}", estimate.value))
    };
    let probe = number(simplicity.and_then(|found| found.solo_metric.as_ref()));
    let training = simplicity.and_then(|found| found.solo_training.as_ref());
    let own = number(training.map(|training| &training.metric));
    let steps = training.map_or(0, |training| training.steps);
    let ignores = format!("It ignores {:?}", block.name);
    match simplicity.and_then(|found| found.solo_learner) {
        Some(SoloLearner::OwnArchitecture) => format!(
            "{ignores}, although it could learn it: a network of the same kind, trained on {:?} alone, reaches {article} \
             {metric} of {own} within {steps} steps.",
            block.name
        ),
        Some(SoloLearner::ProbeOnly) => format!(
            "{ignores}. A small network trained on it alone reaches {article} {metric} of {probe}; one of the model's own kind \
             reaches {own} within {steps} steps, so it may be unable to learn the block, or need more steps."
        ),
        Some(SoloLearner::ProbeOwnUntried) | None => format!(
            "{ignores}, although a small network trained on it alone reaches {article} {metric} of {probe}. Whether one of the \
             model's own kind could learn it was not tried."
        ),
    }
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
    if let Some(most) = most_needed(outcome).filter(|_| outcome.has_signal()) {
        let (note, rest) = match outcome.mode {
            DonorMode::WithinClass => {
                ("the block whose interaction moves it most", "everything else from the same class")
            }
            DonorMode::Swap => {
                ("the block that leads most in a conflict", "everything else from another class")
            }
            _ => (
                "the block whose loss costs the model most",
                "everything else taken from other rows",
            ),
        };
        figures.push(
            KeyFigure::new(
                format!("{} without {}", outcome.metric.title(), most.name),
                most.randomized.metric.clone(),
            )
            .note(note),
        );
        if let Some(complement) = &most.complement {
            figures.push(
                KeyFigure::new(
                    format!("{} with {} alone", outcome.metric.title(), most.name),
                    complement.metric.clone(),
                )
                .note(rest),
            );
        }
    }
    let n_ignored = outcome.ignored().count();
    let (n, n_tried) = (
        outcome.blocks.len(),
        outcome.blocks.iter().filter(|block| block.simplicity.is_some()).count(),
    );
    let has_verdicts = outcome.has_signal() && outcome.mode.shows_what_is_needed();
    if n_tried > 0 && has_verdicts {
        let of = if n_tried < n {
            format!("of {n_tried} tried alone, of {n}")
        } else {
            format!("of {n}")
        };
        figures.push(KeyFigure::new("predictive blocks ignored", n_ignored).note(of));
    }
    figures
}

fn most_needed(outcome: &RelianceOutcome) -> Option<&BlockOutcome> {
    outcome.blocks.iter().max_by(|a, b| a.drop.value.total_cmp(&b.drop.value))
}
