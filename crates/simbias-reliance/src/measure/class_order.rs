//! Whether a model's outputs are in another order than the classes.

use simbias_report::Caveat;

use crate::metric::{Predictions, Truth};

/// Kind of the caveat.
pub(crate) const CLASS_ORDER: &str = "class-order";
/// Least gain in accuracy that is worth a warning.
const LEAST_GAIN: f64 = 0.1;
/// Least gain in standard deviations of the rows that change sides.
const LEAST_Z: f64 = 4.0;
/// With more classes the search takes longer than the measurement.
const MOST_CLASSES: usize = 1000;

/// A warning if some other order of the outputs fits the labels far better. The order is sought on one half of the rows
/// and judged on the other, both ways: the best of all orders always fits the rows it was chosen on.
pub(super) fn class_order(
    predictions: &Predictions,
    truth: &Truth,
    classes: &[(String, usize)],
) -> Option<Caveat> {
    let Truth::Classes { indices, n_classes } = truth else { return None };
    let n_classes = *n_classes;
    if n_classes > MOST_CLASSES || classes.len() != n_classes {
        return None;
    }
    let predicted: Vec<usize> =
        (0..indices.len()).map(|row| predictions.predicted(row) as usize).collect();
    let hits = |order: &[usize], row: usize| order[predicted[row]] == indices[row] as usize;
    // Each class is dealt to the halves in turn, so that a file sorted by class has both in each.
    let mut seen = vec![false; n_classes];
    let half_of: Vec<bool> = indices
        .iter()
        .map(|&class| {
            let seen = &mut seen[class as usize];
            *seen = !*seen;
            *seen
        })
        .collect();
    let identity: Vec<usize> = (0..n_classes).collect();
    let order_of = |rows: &dyn Fn(usize) -> bool| {
        let mut counts = vec![vec![0_u32; n_classes]; n_classes];
        for row in (0..indices.len()).filter(|&row| rows(row)) {
            counts[predicted[row]][indices[row] as usize] += 1;
        }
        best_order(&counts)
    };
    let all = order_of(&|_| true);
    if all == identity {
        return None;
    }
    let halves = [order_of(&|row| half_of[row]), order_of(&|row| !half_of[row])];
    let (mut gained, mut lost, mut right) = (0_u32, 0_u32, 0_u32);
    for row in 0..indices.len() {
        // The order that the other half chose.
        let other = &halves[usize::from(half_of[row])];
        let (before, after) = (hits(&identity, row), hits(other, row));
        right += u32::from(before);
        gained += u32::from(after && !before);
        lost += u32::from(before && !after);
    }
    let n_rows = indices.len() as f64;
    let gain = (f64::from(gained) - f64::from(lost)) / n_rows;
    let z = (f64::from(gained) - f64::from(lost)) / f64::from(gained + lost).max(1.0).sqrt();
    if gain < LEAST_GAIN || z < LEAST_Z {
        return None;
    }
    let accuracy = f64::from(right) / n_rows;
    let best = (0..indices.len()).filter(|&row| hits(&all, row)).count() as f64 / n_rows;
    let names: Vec<&str> = all.iter().map(|&class| classes[class].0.as_str()).collect();
    Some(Caveat::warning(
        CLASS_ORDER,
        format!(
            "The model's outputs seem to be in another order than the classes, which are sorted by name unless an order \
             is given: with the order below {:.1} % of the rows are predicted right instead of {:.1} %. Nothing else in \
             this report can be trusted before the order is right. Give it with --classes {}",
            100.0 * best,
            100.0 * accuracy,
            names.join(",")
        ),
    ))
}

/// The class of each output for which most rows are predicted right, one class for each output; the identity among equals.
///
/// `counts[output][class]` are rows. Kuhn and Munkres' method with potentials, `O(n³)`.
fn best_order(counts: &[Vec<u32>]) -> Vec<usize> {
    let n = counts.len();
    // Rows weigh more than all preferences for the identity together.
    let cost = |output: usize, class: usize| {
        -(f64::from(counts[output][class]) * (n + 1) as f64) - f64::from(u8::from(output == class))
    };
    // Index 0 stands for "none", as is usual for this method.
    let (mut of_output, mut of_class) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    let mut output_of = vec![0; n + 1];
    for output in 1..=n {
        let mut least = vec![f64::INFINITY; n + 1];
        let mut before = vec![0; n + 1];
        let mut is_done = vec![false; n + 1];
        output_of[0] = output;
        let mut class = 0;
        while output_of[class] != 0 {
            is_done[class] = true;
            let current = output_of[class];
            let (mut step, mut next) = (f64::INFINITY, 0);
            for other in (1..=n).filter(|&other| !is_done[other]) {
                let reduced = cost(current - 1, other - 1) - of_output[current] - of_class[other];
                if reduced < least[other] {
                    least[other] = reduced;
                    before[other] = class;
                }
                if least[other] < step {
                    step = least[other];
                    next = other;
                }
            }
            for other in 0..=n {
                if is_done[other] {
                    of_output[output_of[other]] += step;
                    of_class[other] -= step;
                } else {
                    least[other] -= step;
                }
            }
            class = next;
        }
        while class != 0 {
            output_of[class] = output_of[before[class]];
            class = before[class];
        }
    }
    let mut order = vec![0; n];
    for class in 1..=n {
        order[output_of[class] - 1] = class - 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn d14_the_best_order_is_found() {
        let counts = [vec![1, 5, 0], vec![4, 0, 0], vec![0, 3, 2]];
        // 5 + 4 + 2 = 11; no other order has more.
        assert_eq!(best_order(&counts), [1, 0, 2]);
        assert_eq!(best_order(&vec![vec![0; 5]; 5]), [0, 1, 2, 3, 4]);
    }

    fn found(shift: usize, n_right: usize) -> Option<Caveat> {
        const K: usize = 4;
        let indices: Vec<u32> = (0..200).map(|row| (row % K) as u32).collect();
        let logits = Array2::from_shape_fn((200, K), |(row, output)| {
            let target = if row < n_right { row % K } else { (row / K) % K };
            f64::from(u8::from(output == (target + shift) % K))
        });
        let classes: Vec<(String, usize)> = (0..K).map(|k| (format!("c{k}"), 50)).collect();
        let truth = Truth::Classes { indices, n_classes: K };
        class_order(&Predictions::Classes(logits), &truth, &classes)
    }

    #[test]
    fn d14_another_order_is_told_and_noise_is_not() {
        let caveat = found(1, 180).unwrap();
        assert!(caveat.message.ends_with("--classes c3,c0,c1,c2"), "{}", caveat.message);
        assert_eq!(found(0, 180), None);
        assert_eq!(found(1, 0), None);
    }
}
