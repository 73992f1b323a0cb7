//! What missing cells say about the labels, and which rows fell because of them.

use simbias_report::Caveat;

use crate::{ClassLabels, Target};

/// Fewer missing or present rows than this say nothing.
const LEAST_ROWS: usize = 5;
/// Standard deviations beyond which missing cells tell the label: one false alarm in a thousand columns.
const ALARM: f64 = 3.1;
/// Classes named in one remark.
const SHOWN: usize = 12;

/// Whether rows that lack a cell have other labels than the rest: Pearson's chi-square test for classes, turned into a
/// normal deviate by Wilson and Hilferty's cube root; Welch's t for values.
pub(super) fn tells_label(missing: &[bool], target: &Target) -> bool {
    let n_missing = missing.iter().filter(|&&is_missing| is_missing).count();
    if n_missing < LEAST_ROWS || missing.len() - n_missing < LEAST_ROWS {
        return false;
    }
    match target {
        Target::Classes(labels) => chi_square_deviate(missing, labels) > ALARM,
        Target::Values(values) => welch(missing, values).abs() > ALARM,
    }
}

/// Rows and missing rows of each class.
fn by_class(missing: &[bool], labels: &ClassLabels) -> Vec<(usize, usize)> {
    let mut counts = vec![(0, 0); labels.n_classes()];
    for (&class, &is_missing) in labels.indices.iter().zip(missing) {
        let (all, lacking) = &mut counts[class as usize];
        *all += 1;
        *lacking += usize::from(is_missing);
    }
    counts
}

fn chi_square_deviate(missing: &[bool], labels: &ClassLabels) -> f64 {
    let counts = by_class(missing, labels);
    let present: Vec<(f64, f64)> = counts
        .iter()
        .filter(|(all, _)| *all > 0)
        .map(|&(all, lacking)| (all as f64, lacking as f64))
        .collect();
    let freedom = present.len() as f64 - 1.0;
    if freedom < 1.0 {
        return 0.0;
    }
    let share = present.iter().map(|(_, lacking)| lacking).sum::<f64>() / missing.len() as f64;
    let statistic: f64 = present
        .iter()
        .map(|(all, lacking)| (lacking - all * share).powi(2) / (all * share * (1.0 - share)))
        .sum();
    let spread = 2.0 / (9.0 * freedom);
    ((statistic / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

fn welch(missing: &[bool], values: &[f64]) -> f64 {
    let moments = |wanted: bool| {
        let chosen: Vec<f64> = values
            .iter()
            .zip(missing)
            .filter(|&(_, &is_missing)| is_missing == wanted)
            .map(|(value, _)| *value)
            .collect();
        let n = chosen.len() as f64;
        let mean = chosen.iter().sum::<f64>() / n;
        let variance = chosen.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    };
    let ((with, with_variance), (without, without_variance)) = (moments(true), moments(false));
    let error = (with_variance + without_variance).sqrt();
    if error > 0.0 { (with - without) / error } else { 0.0 }
}

/// The remark on missing cells of one column that stay in the data.
pub(super) fn telling_column(name: &str, missing: &[bool], target: &Target) -> Option<Caveat> {
    tells_label(missing, target).then(|| {
        Caveat::warning(
            "missing-tells-label",
            format!(
                "Whether {name:?} is missing tells the label: missing in {}. A model can use that; ask why the cells \
                 are missing.",
                shares(missing, target)
            ),
        )
    })
}

/// The remark on rows that were left out. `dropped` and `target` are about all rows with a label.
pub(super) fn dropped_rows(
    n_dropped: usize,
    n_rows: usize,
    columns: &[(String, usize)],
    dropped: &[bool],
    target: &Target,
) -> Caveat {
    let causes: Vec<String> = columns
        .iter()
        .take(SHOWN)
        .map(|(name, count)| format!("{name:?} in {count} rows"))
        .collect();
    let mut message = format!(
        "{n_dropped} of {n_rows} rows with missing cells were left out (missing: {}). Left out: {}.",
        causes.join(", "),
        shares(dropped, target)
    );
    let vanished: Vec<String> = match target {
        Target::Classes(labels) => by_class(dropped, labels)
            .iter()
            .zip(&labels.names)
            .filter(|((all, lacking), _)| *all > 0 && all == lacking)
            .map(|(_, name)| format!("{name:?}"))
            .collect(),
        Target::Values(_) => Vec::new(),
    };
    if !vanished.is_empty() {
        message += &format!(
            " No row of {} is left: the rest answers another question.",
            vanished.join(", ")
        );
        return Caveat::warning("dropped-rows", message);
    }
    if tells_label(dropped, target) {
        message +=
            " Missing cells tell the label: the rows that are left are no fair sample of all.";
        return Caveat::warning("dropped-rows", message);
    }
    if n_dropped * 4 >= n_rows {
        return Caveat::caution("dropped-rows", message);
    }
    Caveat::note("dropped-rows", message)
}

/// How many rows of each class, or the means of the values.
fn shares(missing: &[bool], target: &Target) -> String {
    match target {
        Target::Classes(labels) => {
            let counts = by_class(missing, labels);
            let words: Vec<String> = counts
                .iter()
                .zip(&labels.names)
                .filter(|((all, _), _)| *all > 0)
                .map(|((all, lacking), name)| format!("{lacking} of {all} rows of {name:?}"))
                .collect();
            let more = words.len().saturating_sub(SHOWN);
            let text = words[..words.len() - more].join(", ");
            if more > 0 { format!("{text} and {more} more classes") } else { text }
        }
        Target::Values(values) => {
            let mean = |wanted: bool| {
                let chosen = || {
                    values.iter().zip(missing).filter(move |&(_, &is_missing)| is_missing == wanted)
                };
                chosen().map(|(value, _)| value).sum::<f64>() / chosen().count().max(1) as f64
            };
            let n_missing = missing.iter().filter(|&&is_missing| is_missing).count();
            format!(
                "{n_missing} rows whose label is {:.4} on average, against {:.4} of the others",
                mean(true),
                mean(false)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(indices: Vec<u32>) -> Target {
        Target::Classes(ClassLabels { indices, names: vec!["a".into(), "b".into()] })
    }

    #[test]
    fn missing_cells_that_follow_the_label_are_noticed_and_others_are_not() {
        let target = classes((0..200).map(|row| row % 2).collect());
        let follows: Vec<bool> = (0..200).map(|row| row % 2 == 0 && row % 10 < 4).collect();
        let ignores: Vec<bool> = (0..200).map(|row| row % 10 < 2).collect();
        assert!(tells_label(&follows, &target));
        assert!(!tells_label(&ignores, &target));
        let values = Target::Values((0..200).map(f64::from).collect());
        let late: Vec<bool> = (0..200).map(|row| row > 150).collect();
        assert!(tells_label(&late, &values));
        assert!(!tells_label(&ignores, &values));
        let few: Vec<bool> = (0..200).map(|row| row < 3).collect();
        assert!(!tells_label(&few, &target));
    }
}
