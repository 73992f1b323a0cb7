//! Which labels look wrong: upsampling them would teach the network its own errors.

use rayon::prelude::*;
use simbias_data::RowSource;
use simbias_report::{Progress, StopOnly};

use super::losses::Row;
use crate::DynamicsError;

/// Bytes of probabilities that one task reads.
const TASK_BYTES: usize = 2 << 20;

/// What labels are held against.
#[derive(Clone, Copy)]
pub enum Guard<'a> {
    /// Nothing: no label is suspect.
    Off,
    /// The outputs themselves. The network has seen the labels, so that errors which it has learned already are missed.
    Outputs,
    /// Probabilities of the classes, `[examples, classes]`, from networks that have not seen the example (out of fold).
    Probabilities(&'a dyn RowSource),
    /// The user's own judgement of every example.
    Mask(&'a [bool]),
}

impl std::fmt::Debug for Guard<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Off => "Off",
            Self::Outputs => "Outputs",
            Self::Probabilities(_) => "Probabilities",
            Self::Mask(_) => "Mask",
        })
    }
}

/// How much the scores of classes must reach, by class, for an example to look like one of them.
///
/// Source: Northcutt, Jiang, Chuang, *Confident learning: estimating uncertainty in dataset labels*, JAIR 2021: a class's
/// threshold is the mean probability of that class over the examples that carry its label. An example is suspect if some
/// class reaches its threshold and the most probable such class is not its label.
pub(super) struct Thresholds(Vec<f64>);

impl Thresholds {
    /// Thresholds of logarithms of probabilities, from the losses of the examples. Classes without examples have none.
    pub(super) fn of_losses(rows: &[Row], labels: &[u32], n_classes: usize) -> Self {
        let probabilities = rows.iter().map(|row| (-row.loss).exp());
        Self(means(probabilities, labels, n_classes).into_iter().map(f64::ln).collect())
    }

    /// Whether outputs look like another class than `label`. `offset` is what is taken from every output before it is
    /// compared: the logarithm of the sum of powers for logits, 0 for probabilities.
    pub(super) fn is_suspect(&self, outputs: &[f32], offset: f64, label: usize) -> bool {
        let mut best: Option<(f32, usize)> = None;
        for (class, (&output, threshold)) in outputs.iter().zip(&self.0).enumerate() {
            if f64::from(output) - offset >= *threshold && best.is_none_or(|(top, _)| output > top)
            {
                best = Some((output, class));
            }
        }
        best.is_some_and(|(_, class)| class != label)
    }
}

/// Mean value of every class, infinite for classes without examples. Values that are NaN do not count.
fn means(values: impl Iterator<Item = f64>, labels: &[u32], n_classes: usize) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0; n_classes], vec![0_u64; n_classes]);
    for (value, &label) in values.zip(labels).filter(|(value, _)| !value.is_nan()) {
        sums[label as usize] += value;
        counts[label as usize] += 1;
    }
    let mean = |(sum, n): (f64, u64)| if n == 0 { f64::INFINITY } else { sum / n as f64 };
    sums.into_iter().zip(counts).map(mean).collect()
}

/// Which examples are suspect by probabilities of other networks.
pub(super) fn by_probabilities(
    probabilities: &dyn RowSource,
    labels: &[u32],
    progress: &dyn Progress,
) -> Result<Vec<bool>, DynamicsError> {
    let n_classes = probabilities.n_columns();
    let task_rows = (TASK_BYTES / (n_classes * size_of::<f32>())).max(1);
    let mut of_label = vec![0.0; labels.len()];
    let read = |task: usize, n_rows: usize| {
        StopOnly(progress).keep_going()?;
        let mut block = vec![0.0_f32; n_rows * n_classes];
        probabilities.read_rows(task * task_rows, &mut block)?;
        Ok::<_, DynamicsError>(block)
    };
    of_label.par_chunks_mut(task_rows).zip(labels.par_chunks(task_rows)).enumerate().try_for_each(
        |(task, (of_label, labels))| {
            let block = read(task, labels.len())?;
            let rows = block.chunks_exact(n_classes).zip(labels);
            for (row, (place, (numbers, &label))) in of_label.iter_mut().zip(rows).enumerate() {
                let is_probability = |number: &f32| (0.0..=1.0).contains(number);
                if !numbers.iter().all(is_probability) {
                    return Err(DynamicsError::Unusable {
                        problem: format!(
                            "row {} of the out-of-fold probabilities, counted from 0, holds numbers outside 0 to 1; \
                             give probabilities, not logits",
                            task * task_rows + row
                        ),
                    });
                }
                *place = f64::from(numbers[label as usize]);
            }
            Ok(())
        },
    )?;
    let thresholds = Thresholds(means(of_label.into_iter(), labels, n_classes));
    let mut suspect = vec![false; labels.len()];
    suspect.par_chunks_mut(task_rows).zip(labels.par_chunks(task_rows)).enumerate().try_for_each(
        |(task, (suspect, labels))| {
            let block = read(task, labels.len())?;
            let rows = block.chunks_exact(n_classes).zip(labels);
            for (place, (numbers, &label)) in suspect.iter_mut().zip(rows) {
                *place = thresholds.is_suspect(numbers, 0.0, label as usize);
            }
            Ok::<(), DynamicsError>(())
        },
    )?;
    Ok(suspect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_suspect_if_another_class_reaches_its_threshold_and_is_more_probable() {
        let thresholds = Thresholds(vec![0.8, 0.6, f64::INFINITY]);
        assert!(thresholds.is_suspect(&[0.1, 0.7, 0.2], 0.0, 0));
        assert!(!thresholds.is_suspect(&[0.1, 0.7, 0.2], 0.0, 1));
        assert!(
            !thresholds.is_suspect(&[0.45, 0.55, 0.0], 0.0, 0),
            "no class reaches its threshold"
        );
        assert!(thresholds.is_suspect(&[0.9, 0.7, 0.0], 0.0, 1), "the more probable of two");
    }

    #[test]
    fn a_class_without_examples_is_nobodys() {
        assert_eq!(means([0.5, 0.7, f64::NAN].into_iter(), &[1, 1, 1], 2), [f64::INFINITY, 0.6]);
    }
}
