//! The first pass over the outputs: losses, and what is odd about the outputs.

use rayon::prelude::*;
use simbias_data::RowSource;
use simbias_report::{Progress, StopOnly};

use crate::DynamicsError;
use crate::error::same_length;

/// Bytes of outputs that one task reads.
const TASK_BYTES: usize = 2 << 20;
/// How far from 1 the sum of a row of probabilities may be, by the rounding of halves.
const SUM_TOLERANCE: f64 = 5e-3;

/// What is known of every example.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    /// Cross-entropy in nats; NaN if an output is not finite.
    pub(super) loss: f64,
    /// The same for equal outputs, in whatever order the rows come.
    pub(super) fingerprint: u64,
    /// Whether the largest output is that of the label; the first one wins ties.
    pub(super) is_right: bool,
    looks_like_probabilities: bool,
}

/// What is known of all examples.
pub(super) struct Losses {
    pub(super) rows: Vec<Row>,
    /// Whether every row is made of numbers from 0 up that add up to 1.
    pub(super) look_like_probabilities: bool,
    /// Share of examples whose largest output is that of their label.
    pub(super) accuracy: f64,
    /// Examples with outputs that are not finite.
    pub(super) not_finite: Vec<u32>,
}

/// Cross-entropy in nats of every example, from logits `[examples, classes]`; NaN where an output is not finite.
///
/// # Errors
/// Inputs of different lengths, labels without output, what files say.
pub fn cross_entropies(
    outputs: &dyn RowSource,
    labels: &[u32],
    progress: &dyn Progress,
) -> Result<Vec<f64>, DynamicsError> {
    same_length(("outputs", outputs.n_rows()), ("labels", labels.len()))?;
    let n_classes = outputs.n_columns();
    if let Some(row) = labels.iter().position(|&label| label as usize >= n_classes) {
        return Err(DynamicsError::Label { row, label: labels[row], n_classes });
    }
    Ok(read(outputs, labels, progress)?.rows.iter().map(|row| row.loss).collect())
}

/// Reads all `outputs` once.
pub(super) fn read(
    outputs: &dyn RowSource,
    labels: &[u32],
    progress: &dyn Progress,
) -> Result<Losses, DynamicsError> {
    let n_columns = outputs.n_columns();
    let task_rows = (TASK_BYTES / (n_columns * size_of::<f32>())).max(1);
    let mut rows = vec![Row::default(); labels.len()];
    rows.par_chunks_mut(task_rows).zip(labels.par_chunks(task_rows)).enumerate().try_for_each(
        |(task, (rows, labels))| {
            StopOnly(progress).keep_going()?;
            let mut block = vec![0.0; rows.len() * n_columns];
            outputs.read_rows(task * task_rows, &mut block)?;
            let of_rows = block.chunks_exact(n_columns).zip(labels);
            for (row, (outputs, &label)) in rows.iter_mut().zip(of_rows) {
                *row = look_at(outputs, label as usize);
            }
            Ok::<(), DynamicsError>(())
        },
    )?;
    let not_finite: Vec<u32> =
        (0..rows.len() as u32).filter(|&row| rows[row as usize].loss.is_nan()).collect();
    let n_right = rows.iter().filter(|row| row.is_right).count();
    Ok(Losses {
        look_like_probabilities: rows.iter().all(|row| row.looks_like_probabilities),
        accuracy: n_right as f64 / rows.len() as f64,
        not_finite,
        rows,
    })
}

fn look_at(outputs: &[f32], label: usize) -> Row {
    if !outputs.iter().all(|output| output.is_finite()) {
        return Row { loss: f64::NAN, ..Row::default() };
    }
    let largest = outputs.iter().fold(f32::NEG_INFINITY, |most, &output| most.max(output));
    let lowest = outputs.iter().fold(f32::INFINITY, |least, &output| least.min(output));
    let top = f64::from(largest);
    let sum_of_powers: f64 = outputs.iter().map(|&output| (f64::from(output) - top).exp()).sum();
    let sum: f64 = outputs.iter().map(|&output| f64::from(output)).sum();
    Row {
        loss: sum_of_powers.ln() + (top - f64::from(outputs[label])),
        fingerprint: fingerprint(outputs),
        is_right: outputs.iter().position(|&output| output == largest) == Some(label),
        looks_like_probabilities: lowest >= 0.0 && (sum - 1.0).abs() <= SUM_TOLERANCE,
    }
}

/// Mixes the bits of all numbers, so that different rows hardly ever agree.
fn fingerprint(outputs: &[f32]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    outputs.iter().fold(ODD, |mixed, &output| {
        // -0.0 and 0.0 are equal.
        let bits = u64::from((output + 0.0).to_bits());
        (mixed ^ bits).wrapping_mul(ODD).rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_the_cross_entropy_and_survives_large_outputs() {
        // ln(1 + e) - 1 = 0.31326.
        assert!((look_at(&[1.0, 0.0], 0).loss - 0.313_261_687_518_222_8).abs() < 1e-15);
        assert_eq!(look_at(&[1e30, 0.0], 0).loss, 0.0);
        assert_eq!(look_at(&[1e4, 0.0], 1).loss, 1e4);
        assert!(look_at(&[f32::NAN, 0.0], 1).loss.is_nan());
    }

    #[test]
    fn probabilities_are_told_from_logits() {
        assert!(look_at(&[0.25, 0.75], 0).looks_like_probabilities);
        assert!(!look_at(&[-0.25, 1.25], 0).looks_like_probabilities);
        assert!(!look_at(&[0.25, 0.25], 0).looks_like_probabilities);
    }
}
