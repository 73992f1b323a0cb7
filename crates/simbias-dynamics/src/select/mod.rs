//! USEFUL: which examples a network learns slowly, so that they are worth showing more often.
//!
//! Source: Nguyen, Haddad, Gan, Mirzasoleiman, *Changing the training data distribution to reduce simplicity bias improves
//! in-distribution generalization*, NeurIPS 2024 (arXiv 2404.17768). A network is trained for a few epochs; the outputs of
//! every class are put into two clusters; the cluster of higher mean loss is the slow one; its examples are shown `factor`
//! times in a training from scratch.
//!
//! Ours, not the paper's: outputs are clustered as logits unless another [`Space`] is asked for; examples whose labels look
//! wrong ([`Guard`]) are not shown more often, because upsampling label errors does damage.

mod binary;
mod caveats;
mod classes;
mod epoch;
mod guard;
mod losses;
mod sampler;
mod silhouette;
mod tiles;
mod two_means;

use serde::{Deserialize, Serialize};
use simbias_data::RowSource;
use simbias_report::{Caveat, Progress};
use simbias_stats::Seed;

pub use binary::BinaryLogits;
pub use epoch::{EpochChoice, separating_epoch};
pub use guard::Guard;
pub use losses::cross_entropies;
pub use sampler::{Sampler, SamplingMode};

use self::classes::{FoundClass, Job};
use self::guard::Thresholds;
use crate::DynamicsError;
use crate::error::same_length;

/// Most numbers for which the clusters of logits are compared with those of centred logits.
const COMPARED_NUMBERS: usize = 5_000_000;

/// What is clustered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// The outputs as they are.
    #[default]
    Logits,
    /// The outputs less the mean of their row, which the loss does not see.
    Centered,
    /// Probabilities. They saturate: the slow cluster becomes the set of misclassified examples, another method.
    Softmax,
    /// Embeddings beside the outputs.
    Embedding,
}

impl Space {
    /// Turns outputs into what is clustered.
    fn transform(self, row: &mut [f32]) {
        match self {
            Self::Logits | Self::Embedding => {}
            Self::Centered => {
                let mean = row.iter().map(|&output| f64::from(output)).sum::<f64>();
                let mean = mean / row.len() as f64;
                for output in row {
                    *output = (f64::from(*output) - mean) as f32;
                }
            }
            Self::Softmax => {
                let top = row.iter().fold(f32::NEG_INFINITY, |most, &output| most.max(output));
                let powers = |output: f32| (f64::from(output) - f64::from(top)).exp();
                let sum: f64 = row.iter().map(|&output| powers(output)).sum();
                for output in row {
                    *output = (powers(*output) / sum) as f32;
                }
            }
        }
    }
}

/// How to select.
#[derive(Clone, Debug)]
pub struct SelectOptions {
    /// How often slow examples are shown in an epoch; at least 1. The paper's choice is 2.
    pub factor: u32,
    /// What is clustered.
    pub space: Space,
    /// Starts of the clustering of every class, the best of which counts. `None`: 10, as is usual, and up to 100 for
    /// classes so small that they cost nothing.
    pub restarts: Option<usize>,
    /// Classes with fewer examples are left alone.
    pub min_class: usize,
    /// Leaves examples whose outputs are not finite alone, with weight 1, instead of refusing them.
    pub keep_not_finite: bool,
    /// Bytes of rows that may be in memory at a time. A class larger than this is read as a whole all the same.
    pub memory_bytes: usize,
}

impl Default for SelectOptions {
    fn default() -> Self {
        Self {
            factor: 2,
            space: Space::Logits,
            restarts: None,
            min_class: 10,
            keep_not_finite: false,
            memory_bytes: 256 << 20,
        }
    }
}

/// What a network put out for every example, in the order of the labels.
#[derive(Clone, Copy)]
pub struct Outputs<'a> {
    /// Logits early in training, `[examples, classes]`.
    pub logits: &'a dyn RowSource,
    /// Embeddings, `[examples, n]`, for [`Space::Embedding`].
    pub embeddings: Option<&'a dyn RowSource>,
}

/// The two clusters of a class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clusters {
    /// Examples in the cluster of higher mean loss, suspect labels included.
    pub n_slow_cluster: usize,
    /// Its mean loss in nats.
    pub mean_loss_slow: f64,
    /// Mean loss of the other cluster in nats.
    pub mean_loss_fast: f64,
    /// Sum of squared distances from the means of the clusters.
    pub inertia: f64,
    /// Mean silhouette in `[-1, 1]`; `None` if the rows looked at are in one cluster.
    pub silhouette: Option<f64>,
    /// Rows behind the silhouette.
    pub n_silhouette: usize,
}

/// What was found in one class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassSelection {
    /// The class.
    pub class: usize,
    /// Its examples with finite outputs.
    pub n_rows: usize,
    /// Its clusters; `None` if it is too small or all its rows are equal, in which case it is left alone.
    pub clusters: Option<Clusters>,
}

/// Which examples to show more often.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// How often slow examples are shown.
    pub factor: u32,
    /// What was clustered.
    pub space: Space,
    /// Number of outputs.
    pub n_classes: usize,
    /// Class of every example.
    pub labels: Vec<u32>,
    /// Cross-entropy of every example in nats; NaN if its outputs are not finite.
    pub losses: Vec<f64>,
    /// Whether an example is in the cluster of higher loss of its class.
    pub in_slow_cluster: Vec<bool>,
    /// Whether the label of an example looks wrong.
    pub suspect: Vec<bool>,
    /// Whether an example is shown `factor` times: in the slow cluster, and not suspect.
    pub slow: Vec<bool>,
    /// What was found by class.
    pub classes: Vec<ClassSelection>,
    /// Share of examples whose largest output is that of their label.
    pub accuracy: f64,
    /// Examples with outputs that are not finite.
    pub not_finite: Vec<u32>,
    /// Overlap (Jaccard) of the slow clusters with those of centred logits; `None` if they were not compared.
    pub overlap_with_centered: Option<f64>,
    /// What to keep in mind.
    pub caveats: Vec<Caveat>,
}

/// Selects the examples to show more often, from outputs early in training (evaluation mode, no augmentation).
///
/// Outputs are read twice, a few rows at a time; only the rows of the classes at work are in memory. The selection does
/// not depend on the order of the examples or the number of threads.
///
/// # Errors
/// Inputs of different lengths, labels without output, outputs that are not finite, invalid settings, what files say.
pub fn select(
    outputs: Outputs<'_>,
    labels: &[u32],
    guard: Guard<'_>,
    options: &SelectOptions,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Selection, DynamicsError> {
    check(outputs, labels, guard, options)?;
    let n_classes = outputs.logits.n_columns();
    progress.advance(0, n_classes, "reading the outputs");
    let read = losses::read(outputs.logits, labels, progress)?;
    if let [first, ..] = *read.not_finite.as_slice()
        && !options.keep_not_finite
    {
        return Err(DynamicsError::NotFinite {
            what: "the outputs",
            row: first as usize,
            n_rows: read.not_finite.len(),
        });
    }
    let thresholds = matches!(guard, Guard::Outputs)
        .then(|| Thresholds::of_losses(&read.rows, labels, n_classes));
    let job = Job {
        outputs: outputs.logits,
        clustered: clustered(outputs, options.space),
        space: options.space,
        labels,
        rows: &read.rows,
        thresholds: thresholds.as_ref(),
        restarts: options.restarts,
        min_class: options.min_class,
        with_silhouettes: true,
        memory_bytes: options.memory_bytes,
        seed,
    };
    let found = job.run(n_classes, progress)?;
    let in_slow_cluster = marks(labels.len(), &found, |class| &class.in_slow_cluster);
    let is_comparable = options.space == Space::Logits
        && labels.len().saturating_mul(n_classes) <= COMPARED_NUMBERS;
    let overlap_with_centered = if is_comparable {
        let job = Job { space: Space::Centered, thresholds: None, with_silhouettes: false, ..job };
        let centered =
            marks(labels.len(), &job.run(n_classes, progress)?, |class| &class.in_slow_cluster);
        Some(jaccard(&in_slow_cluster, &centered))
    } else {
        None
    };
    let suspect = match guard {
        Guard::Off => vec![false; labels.len()],
        Guard::Outputs => marks(labels.len(), &found, |class| &class.is_suspect),
        Guard::Mask(mask) => mask.to_vec(),
        Guard::Probabilities(source) => guard::by_probabilities(source, labels, progress)?,
    };
    let slow = in_slow_cluster.iter().zip(&suspect).map(|(&slow, &suspect)| slow && !suspect);
    let mut selection = Selection {
        factor: options.factor,
        space: options.space,
        n_classes,
        labels: labels.to_vec(),
        losses: read.rows.iter().map(|row| row.loss).collect(),
        slow: slow.collect(),
        in_slow_cluster,
        suspect,
        classes: found.iter().map(|class| class.selection).collect(),
        accuracy: read.accuracy,
        not_finite: read.not_finite,
        overlap_with_centered,
        caveats: Vec::new(),
    };
    selection.caveats = caveats::of(&selection, read.look_like_probabilities);
    Ok(selection)
}

fn clustered<'a>(outputs: Outputs<'a>, space: Space) -> &'a dyn RowSource {
    match (space, outputs.embeddings) {
        (Space::Embedding, Some(embeddings)) => embeddings,
        _ => outputs.logits,
    }
}

fn check(
    outputs: Outputs<'_>,
    labels: &[u32],
    guard: Guard<'_>,
    options: &SelectOptions,
) -> Result<(), DynamicsError> {
    let setting = |name, found: usize, expected| {
        Err(DynamicsError::Setting { name, found: found.to_string(), expected })
    };
    if options.factor == 0 {
        return setting("the factor", 0, "a whole number, 1 or more");
    }
    if options.restarts == Some(0) {
        return setting("the number of restarts", 0, "a whole number, 1 or more");
    }
    let n_rows = outputs.logits.n_rows();
    same_length(("outputs", n_rows), ("labels", labels.len()))?;
    if labels.is_empty() {
        return Err(DynamicsError::TooFew { what: "examples", found: 0, needed: 2, hint: "" });
    }
    match (options.space, outputs.embeddings) {
        (Space::Embedding, Some(embeddings)) => {
            same_length(("embeddings", embeddings.n_rows()), ("labels", labels.len()))?;
        }
        (Space::Embedding, None) => {
            return Err(DynamicsError::Setting {
                name: "the space",
                found: "embedding".into(),
                expected: "embeddings beside the outputs, or another space",
            });
        }
        _ => {}
    }
    let n_classes = outputs.logits.n_columns();
    let n_labels = labels.iter().max().map_or(0, |&most| most as usize + 1);
    if n_classes == 1 && n_labels > 1 {
        return Err(DynamicsError::OneColumn { n_classes: n_labels });
    }
    if let Some(row) = labels.iter().position(|&label| label as usize >= n_classes) {
        return Err(DynamicsError::Label { row, label: labels[row], n_classes });
    }
    match guard {
        Guard::Mask(mask) => same_length(("the mask", mask.len()), ("labels", labels.len())),
        Guard::Probabilities(source) => {
            let first = "the out-of-fold probabilities";
            same_length((first, source.n_rows()), ("labels", labels.len()))?;
            if source.n_columns() != n_classes {
                return Err(DynamicsError::Unusable {
                    problem: format!(
                        "the out-of-fold probabilities have {} columns, the outputs {n_classes}",
                        source.n_columns()
                    ),
                });
            }
            Ok(())
        }
        Guard::Off | Guard::Outputs => Ok(()),
    }
}

/// Spreads marks of the members of classes over all examples.
fn marks(
    n_rows: usize,
    classes: &[FoundClass],
    of_class: impl Fn(&FoundClass) -> &Vec<bool>,
) -> Vec<bool> {
    let mut marks = vec![false; n_rows];
    for class in classes {
        for (&row, &mark) in class.members.iter().zip(of_class(class)) {
            marks[row as usize] = mark;
        }
    }
    marks
}

/// Examples in both sets as a share of those in either; 1 for two empty sets.
pub fn jaccard(one: &[bool], other: &[bool]) -> f64 {
    let pairs = || one.iter().zip(other);
    let both = pairs().filter(|&(&one, &other)| one && other).count();
    let either = pairs().filter(|&(&one, &other)| one || other).count();
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

impl Selection {
    /// Number of examples.
    pub fn n_rows(&self) -> usize {
        self.labels.len()
    }

    /// Number of examples that are shown more often.
    pub fn n_slow(&self) -> usize {
        self.slow.iter().filter(|&&slow| slow).count()
    }

    /// Their share of all examples, `s`.
    pub fn slow_share(&self) -> f64 {
        self.n_slow() as f64 / self.n_rows() as f64
    }

    /// How often every example is shown in an epoch.
    pub fn weights(&self) -> Vec<f64> {
        let weight = |slow: &bool| if *slow { f64::from(self.factor) } else { 1.0 };
        self.slow.iter().map(weight).collect()
    }

    /// The list of an epoch: every example once, then the slow ones `factor - 1` times more. Shuffle it anew in every
    /// epoch; the list itself never changes.
    pub fn indices(&self) -> Vec<i64> {
        let slow = || (0..self.n_rows() as i64).filter(|&row| self.slow[row as usize]);
        let again = (1..self.factor).flat_map(|_| slow());
        (0..self.n_rows() as i64).chain(again).collect()
    }

    /// Examples that an epoch shows, repeats included.
    pub fn epoch_length(&self) -> usize {
        self.n_rows() + (self.factor as usize - 1) * self.n_slow()
    }

    /// Work of the whole method in trainings without it: the early epochs, and a training with longer epochs.
    /// `early_share` is the share of the epochs that the early training takes.
    pub fn relative_cost(&self, early_share: f64) -> f64 {
        early_share + self.epoch_length() as f64 / self.n_rows() as f64
    }

    /// Kish's effective sample size as a share of the number of examples.
    pub fn effective_size(&self) -> f64 {
        let (factor, share) = (f64::from(self.factor), self.slow_share());
        let weight = 1.0 + (factor - 1.0) * share;
        weight * weight / (1.0 + (factor * factor - 1.0) * share)
    }

    /// How much faster the slow examples are learned per step, before and after the others are fitted.
    pub fn speed_up(&self) -> [f64; 2] {
        let (factor, share) = (f64::from(self.factor), self.slow_share());
        let longer = 1.0 + (factor - 1.0) * share;
        [1.0 / longer, factor / longer]
    }
}
