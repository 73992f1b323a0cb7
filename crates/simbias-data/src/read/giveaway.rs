//! What tells the class without being an input: the order of the rows, the type and the size of image files.

use std::collections::BTreeMap;

use simbias_report::Caveat;

use crate::{ClassLabels, Target};

/// Kind of the caveats.
pub const GIVEAWAY: &str = "giveaway";

/// Rows from which anything is said.
const LEAST_ROWS: usize = 20;
/// Share of rows whose class the others of their category must tell.
const TELLS: f64 = 0.95;
/// The same beyond the share of the largest class.
const GAIN: f64 = 0.15;

/// A remark if the rows lie in the order of their classes.
pub(super) fn order(target: &Target) -> Option<Caveat> {
    let Target::Classes(labels) = target else { return None };
    let n_present = labels.counts().iter().filter(|&&count| count > 0).count();
    let n_changes = labels.indices.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let is_sorted =
        labels.indices.len() >= LEAST_ROWS && n_present > 1 && n_changes + 1 == n_present;
    is_sorted.then(|| {
        Caveat::caution(
            GIVEAWAY,
            "The rows lie in the order of their classes, so the place in the file tells the class. Check that no column \
             follows that order, such as a number that counts the rows.",
        )
    })
}

/// A remark if a category of the rows tells their class; `what` is its name in the plural or singular, such as "file type".
pub(super) fn category(what: &str, categories: &[String], target: &Target) -> Option<Caveat> {
    let Target::Classes(labels) = target else { return None };
    let n = labels.indices.len();
    if n < LEAST_ROWS || categories.len() != n {
        return None;
    }
    let largest = labels.counts().into_iter().max().unwrap_or(0) as f64 / n as f64;
    let told = told_by_the_others(categories, labels);
    (told >= TELLS && told >= largest + GAIN).then(|| {
        let mut shown: Vec<&str> = categories.iter().map(String::as_str).collect();
        shown.sort_unstable();
        shown.dedup();
        let named = shown.iter().take(4).copied().collect::<Vec<_>>().join(", ");
        Caveat::warning(
            GIVEAWAY,
            format!(
                "The {what} tells the class of {:.0} % of the images ({named}{}). A network can learn its traces in place of \
                 what the images show: give all classes the same.",
                100.0 * told,
                if shown.len() > 4 { ", …" } else { "" }
            ),
        )
    })
}

/// Share of rows whose class is the most frequent one among the other rows of their category.
fn told_by_the_others(categories: &[String], labels: &ClassLabels) -> f64 {
    let mut counts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (category, &class) in categories.iter().zip(&labels.indices) {
        let counts = counts.entry(category).or_insert_with(|| vec![0; labels.n_classes()]);
        counts[class as usize] += 1;
    }
    let hits = categories
        .iter()
        .zip(&labels.indices)
        .filter(|(category, class)| {
            let class = **class as usize;
            let counts = &counts[category.as_str()];
            let others = |index: usize| counts[index] - usize::from(index == class);
            let most = (0..counts.len()).filter(|&index| index != class).map(others).max();
            others(class) > most.unwrap_or(0)
        })
        .count();
    hits as f64 / categories.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(indices: Vec<u32>) -> Target {
        Target::Classes(ClassLabels { indices, names: vec!["a".into(), "b".into()] })
    }

    #[test]
    fn the_order_of_the_file_is_remarked_only_if_it_tells_the_class() {
        assert!(order(&target((0..40).map(|row| row / 20).collect())).is_some());
        assert!(order(&target((0..40).map(|row| row % 2).collect())).is_none());
        assert!(order(&target(vec![0, 1])).is_none());
    }

    #[test]
    fn a_file_type_is_remarked_only_if_it_tells_the_class() {
        let classes = target((0..40).map(|row| row % 2).collect());
        let types = |f: &dyn Fn(usize) -> &'static str| {
            (0..40).map(|row| f(row).to_string()).collect::<Vec<_>>()
        };
        let telling = types(&|row| if row % 2 == 0 { "png" } else { "bmp" });
        let said = category("file type", &telling, &classes).unwrap();
        assert!(said.message.contains("100 %") && said.message.contains("bmp, png"), "{said:?}");
        assert!(
            category("file type", &types(&|row| if row < 20 { "png" } else { "bmp" }), &classes)
                .is_none()
        );
        // Names that are all different tell nothing.
        let names: Vec<String> = (0..40).map(|row| row.to_string()).collect();
        assert!(category("name", &names, &classes).is_none());
    }
}
