//! What to keep in mind with a selection.

use simbias_report::{Caveat, format};

use super::{Selection, Space};

/// Of the accuracy by chance.
const TOO_EARLY: f64 = 1.5;
const TOO_LATE: f64 = 0.995;
const LARGE_SHARE: f64 = 0.6;
const SMALL_SHARE: f64 = 0.02;
/// A cluster with a smaller share of its class is made of outliers.
const OUTLIER_SHARE: f64 = 0.01;
/// Share of suspect examples in the slow clusters above which they are no detail.
const MANY_SUSPECTS: f64 = 0.05;
const LOW_OVERLAP: f64 = 0.9;

/// All caveats of `selection`, the gravest first.
pub(super) fn of(selection: &Selection, look_like_probabilities: bool) -> Vec<Caveat> {
    let mut caveats: Vec<Caveat> = [
        probabilities(selection, look_like_probabilities),
        suspects(selection),
        moment(selection),
        share(selection),
        outliers(selection),
        overlap(selection),
        left_alone(selection),
        not_finite(selection),
    ]
    .into_iter()
    .flatten()
    .collect();
    caveats.sort_by_key(|caveat| std::cmp::Reverse(caveat.severity));
    caveats
}

fn probabilities(selection: &Selection, look_like_probabilities: bool) -> Option<Caveat> {
    (look_like_probabilities && selection.space != Space::Embedding).then(|| {
        Caveat::warning(
            "outputs-are-probabilities",
            "The outputs look like probabilities: no number is negative and every row adds up to 1. They were taken as \
             logits, so that the losses are wrong, and clusters of probabilities are other ones than those of logits. \
             Export the logits, or give the logarithms.",
        )
    })
}

fn suspects(selection: &Selection) -> Option<Caveat> {
    let n_cluster = selection.in_slow_cluster.iter().filter(|&&slow| slow).count();
    let pairs = selection.in_slow_cluster.iter().zip(&selection.suspect);
    let n_suspect = pairs.filter(|&(&slow, &suspect)| slow && suspect).count();
    let share = n_suspect as f64 / n_cluster.max(1) as f64;
    (share > MANY_SUSPECTS).then(|| {
        Caveat::warning(
            "suspect-labels",
            format!(
                "{} of the {} examples in the slow clusters ({}) have labels that look wrong. They are not shown more \
                 often, but the check misses some: upsampling may teach the network label errors. Look at these labels \
                 first; the paper's experiment with noisy labels relied on MixUp.",
                format::count(n_suspect as u64),
                format::count(n_cluster as u64),
                format::percent(share)
            ),
        )
    })
}

fn moment(selection: &Selection) -> Option<Caveat> {
    let accuracy = selection.accuracy;
    let n_present = selection.classes.iter().filter(|class| class.n_rows > 0).count();
    let chance = 1.0 / n_present.max(1) as f64;
    if n_present > 1 && accuracy < TOO_EARLY * chance {
        return Some(Caveat::warning(
            "too-early",
            format!(
                "The outputs get {} right, where chance gives {}: the network has hardly begun to learn, so that its \
                 clusters are near random halves; or outputs and labels are not in the same order.",
                format::percent(accuracy),
                format::percent(chance)
            ),
        ));
    }
    (accuracy > TOO_LATE).then(|| {
        Caveat::warning(
            "too-late",
            format!(
                "The outputs get {} right: nearly everything is learned already, and slow examples can no longer be \
                 told from fast ones. Export the outputs of an earlier epoch.",
                format::percent(accuracy)
            ),
        )
    })
}

fn share(selection: &Selection) -> Option<Caveat> {
    let share = selection.slow_share();
    let words = if share > LARGE_SHARE {
        "more than a method for the few should take. An earlier or later epoch may separate them better"
    } else if share < SMALL_SHARE {
        "too few to change a training. An earlier epoch has more, and so have logits in place of probabilities"
    } else {
        return None;
    };
    Some(Caveat::caution(
        "slow-share",
        format!("{} of the examples are slow: {words}.", format::percent(share)),
    ))
}

fn outliers(selection: &Selection) -> Option<Caveat> {
    let of_outliers: Vec<String> = selection
        .classes
        .iter()
        .filter(|class| {
            class.clusters.is_some_and(|clusters| {
                let smaller = clusters.n_slow_cluster.min(class.n_rows - clusters.n_slow_cluster);
                (smaller as f64) < OUTLIER_SHARE * class.n_rows as f64
            })
        })
        .map(|class| class.class.to_string())
        .collect();
    (!of_outliers.is_empty()).then(|| {
        Caveat::caution(
            "outlier-cluster",
            format!(
                "In class {} one of the two clusters has less than 1 % of the examples: a few outliers, not a group \
                 that is learned slowly. Look at them.",
                listed(&of_outliers)
            ),
        )
    })
}

fn overlap(selection: &Selection) -> Option<Caveat> {
    let overlap = selection.overlap_with_centered.filter(|&overlap| overlap < LOW_OVERLAP)?;
    Some(Caveat::caution(
        "logits-and-centered",
        format!(
            "Clusters of logits and of logits less their mean share {} of their slow examples only. A constant added to \
             all logits of an example changes no probability, but it changes the first ones; compare both.",
            format::percent(overlap)
        ),
    ))
}

fn left_alone(selection: &Selection) -> Option<Caveat> {
    let left: Vec<String> = selection
        .classes
        .iter()
        .filter(|class| class.clusters.is_none() && class.n_rows > 0)
        .map(|class| class.class.to_string())
        .collect();
    (!left.is_empty()).then(|| {
        Caveat::note(
            "classes-left-alone",
            format!(
                "Class {} has too few examples, or equal outputs for all of them, and is left alone: every example \
                 once.",
                listed(&left)
            ),
        )
    })
}

fn not_finite(selection: &Selection) -> Option<Caveat> {
    let first = selection.not_finite.first()?;
    Some(Caveat::caution(
        "not-finite",
        format!(
            "{} examples have outputs that are NaN or infinite, the first one is example {first}, counted from 0. They \
             are left alone.",
            format::count(selection.not_finite.len() as u64)
        ),
    ))
}

/// At most eight words, and how many more there are.
fn listed(words: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = words[..words.len().min(SHOWN)].join(", ");
    match words.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
