//! When every example was learned and forgotten, from the outputs of several epochs.
//!
//! Sources: Toneva et al., *An empirical study of example forgetting during deep neural network learning*, ICLR 2019;
//! Swayamdipta et al., *Dataset cartography*, EMNLP 2020. The counts are of evaluations after each epoch; those of Toneva
//! et al. are of presentations during training, which are more.

use rayon::prelude::*;
use serde::Serialize;
use simbias_data::RowSource;
use simbias_report::{Progress, Steps};

use crate::DynamicsError;
use crate::error::same_length;

/// Bytes of outputs that one task reads.
const TASK_BYTES: usize = 1 << 20;

/// The history of all examples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// Number of epochs.
    pub n_epochs: usize,
    /// The history of every example.
    pub examples: Vec<ExampleHistory>,
    /// Share of examples that each epoch gets wrong.
    pub errors: Vec<f64>,
}

/// The history of one example.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExampleHistory {
    /// Epochs that got it right.
    pub n_correct: usize,
    /// How often it was right in an epoch and wrong in the next.
    pub forgetting_events: usize,
    /// First epoch that got it right, counted from 0; `None` if none did.
    pub first_learned: Option<usize>,
    /// First epoch from which on it was right to the end; the number of epochs if the last one is wrong.
    pub learned_for_good: usize,
    /// Mean probability of its class.
    pub confidence: f64,
    /// Standard deviation of that probability over the epochs (of the population).
    pub variability: f64,
}

impl ExampleHistory {
    /// Whether no epoch got it right.
    pub fn is_never_learned(&self) -> bool {
        self.first_learned.is_none()
    }

    /// By which examples are sorted from forgettable to unforgettable: the number of forgetting events, `never` for an
    /// example that was never learned.
    pub fn forgetting_score(&self, never: usize) -> usize {
        if self.is_never_learned() { never } else { self.forgetting_events }
    }

    /// The variability without the bias of few epochs, `√(v² + v⁴/(E-1))` for `E` epochs, as some readers of dataset
    /// cartography expect it.
    pub fn corrected_variability(&self, n_epochs: usize) -> f64 {
        let variance = self.variability * self.variability;
        (variance + variance * variance / (n_epochs.max(2) - 1) as f64).sqrt()
    }
}

/// What one example's state is while epochs are read.
#[derive(Clone, Copy, Default)]
struct Running {
    n_correct: usize,
    forgetting_events: usize,
    first_learned: Option<usize>,
    learned_for_good: usize,
    was_right: bool,
    mean: f64,
    /// Sum of squared deviations from the mean.
    deviations: f64,
}

impl Running {
    fn see(&mut self, epoch: usize, is_right: bool, probability: f64) {
        self.n_correct += usize::from(is_right);
        self.forgetting_events += usize::from(self.was_right && !is_right);
        if is_right && self.first_learned.is_none() {
            self.first_learned = Some(epoch);
        }
        if !is_right {
            self.learned_for_good = epoch + 1;
        }
        self.was_right = is_right;
        let step = probability - self.mean;
        self.mean += step / (epoch + 1) as f64;
        self.deviations += step * (probability - self.mean);
    }
}

/// Reads the outputs of all `epochs`, each `[examples, classes]`, one epoch after another.
///
/// # Errors
/// No epochs, epochs of different shapes, labels without output, outputs that are not finite, what files say.
pub fn history(
    epochs: &[&dyn RowSource],
    labels: &[u32],
    progress: &dyn Progress,
) -> Result<History, DynamicsError> {
    let Some(first) = epochs.first() else {
        return Err(DynamicsError::TooFew { what: "epochs", found: 0, needed: 1, hint: "" });
    };
    let n_classes = first.n_columns();
    if let Some(row) = labels.iter().position(|&label| label as usize >= n_classes) {
        return Err(DynamicsError::Label { row, label: labels[row], n_classes });
    }
    let task_rows = (TASK_BYTES / (n_classes * size_of::<f32>())).max(1);
    let mut running = vec![Running::default(); labels.len()];
    let mut errors = Vec::with_capacity(epochs.len());
    let mut steps = Steps::new(progress, epochs.len());
    for (epoch, outputs) in epochs.iter().enumerate() {
        steps.begin()?;
        same_length(("outputs of an epoch", outputs.n_rows()), ("labels", labels.len()))?;
        same_length(
            ("outputs of an epoch (columns)", outputs.n_columns()),
            ("the first epoch (columns)", n_classes),
        )?;
        let chunks = running.par_chunks_mut(task_rows).zip(labels.par_chunks(task_rows));
        chunks.enumerate().try_for_each(|(task, (running, labels))| {
            let mut block = vec![0.0; labels.len() * n_classes];
            outputs.read_rows(task * task_rows, &mut block)?;
            let rows = block.chunks_exact(n_classes).zip(labels).enumerate();
            for (state, (row, (outputs, &label))) in running.iter_mut().zip(rows) {
                if !outputs.iter().all(|output| output.is_finite()) {
                    return Err(DynamicsError::NotFinite {
                        what: "the outputs of an epoch",
                        row: task * task_rows + row,
                        n_rows: 1,
                    });
                }
                let (is_right, probability) = judge(outputs, label as usize);
                state.see(epoch, is_right, probability);
            }
            Ok(())
        })?;
        let n_wrong = running.iter().filter(|state| !state.was_right).count();
        errors.push(n_wrong as f64 / labels.len().max(1) as f64);
    }
    let n_epochs = epochs.len();
    let examples = running
        .into_iter()
        .map(|state| ExampleHistory {
            n_correct: state.n_correct,
            forgetting_events: state.forgetting_events,
            first_learned: state.first_learned,
            learned_for_good: state.learned_for_good,
            confidence: state.mean,
            variability: (state.deviations / n_epochs as f64).sqrt(),
        })
        .collect();
    Ok(History { n_epochs, examples, errors })
}

/// Whether the first of the largest outputs is that of `label`, and the probability of `label`.
fn judge(outputs: &[f32], label: usize) -> (bool, f64) {
    let top = outputs.iter().fold(f32::NEG_INFINITY, |most, &output| most.max(output));
    let power = |output: f32| (f64::from(output) - f64::from(top)).exp();
    let sum: f64 = outputs.iter().map(|&output| power(output)).sum();
    let is_right = outputs.iter().position(|&output| output == top) == Some(label);
    (is_right, power(outputs[label]) / sum)
}
