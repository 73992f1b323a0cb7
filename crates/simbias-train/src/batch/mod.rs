//! Mini-batches: on the host, where hooks may rewrite them, and on the device, where steps use them.

mod device;

use ndarray::{Array2, ArrayView2, Axis};
use simbias_data::{Dataset, Target};
use simbias_nn::{InputShape, Network};

pub use self::device::{DeviceBatch, DeviceTarget};
use crate::TrainError;

/// Targets of a batch on the host.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BatchTarget {
    /// Class indices, `[batch]`.
    Classes(Vec<u32>),
    /// Values, `[batch]`.
    Values(Vec<f32>),
    /// A share of every class, `[batch, n_classes]`; each row sums to 1.
    Shares(Array2<f32>),
    /// A value for every position that a sequence model is judged at, `[batch, n_positions]`.
    Positions(Array2<f32>),
}

/// What kind of targets a source of batches has; an objective checks it before training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetKind {
    /// One class per row.
    Classes {
        /// Number of classes.
        n_classes: usize,
    },
    /// One value per row.
    Values,
    /// A share of every class per row.
    Shares {
        /// Number of classes.
        n_classes: usize,
    },
    /// A value for each position of a row.
    Positions {
        /// Largest number of positions per row.
        n_positions: usize,
    },
}

impl TargetKind {
    /// The kind of a data set's targets.
    pub fn of(target: &Target) -> Self {
        match target {
            Target::Classes(labels) => Self::Classes { n_classes: labels.n_classes() },
            Target::Values(_) => Self::Values,
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classes { .. } => "classes",
            Self::Values => "values",
            Self::Shares { .. } => "shares of classes",
            Self::Positions { .. } => "values by position",
        }
    }
}

impl BatchTarget {
    /// Rows that have a target.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values(values) => values.len(),
            Self::Shares(shares) => shares.nrows(),
            Self::Positions(values) => values.nrows(),
        }
    }

    /// Whether these are targets of `kind`.
    fn is(&self, kind: TargetKind) -> bool {
        match (self, kind) {
            (Self::Classes(classes), TargetKind::Classes { n_classes }) => {
                classes.iter().all(|&class| (class as usize) < n_classes)
            }
            (Self::Values(_), TargetKind::Values) => true,
            (Self::Shares(shares), TargetKind::Shares { n_classes }) => shares.ncols() == n_classes,
            (Self::Positions(values), TargetKind::Positions { n_positions }) => {
                (1..=n_positions).contains(&values.ncols())
            }
            _ => false,
        }
    }
}

/// Some rows with their targets, before they go to the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Step that will use it, counted from 0.
    pub step: u64,
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Indices of the rows in the data set, in batch order; empty if the rows belong to no data set.
    pub indices: Vec<u32>,
    /// Values, `[batch, n_features]`; a hook may replace them.
    pub rows: Array2<f32>,
    /// Targets, one per row.
    pub target: BatchTarget,
    /// Factor on each row's loss; `None` is 1 throughout.
    pub weights: Option<Vec<f32>>,
}

impl Batch {
    /// A batch without indices and weights, as a generator makes it.
    pub fn fresh(rows: Array2<f32>, target: BatchTarget) -> Self {
        Self { step: 0, epoch: 0, indices: Vec::new(), rows, target, weights: None }
    }

    /// Refuses a batch that `network` cannot take, or whose parts do not belong together.
    ///
    /// # Errors
    ///
    /// [`TrainError::Mismatch`].
    pub fn check(&self, network: &Network, kind: TargetKind) -> Result<(), TrainError> {
        let mismatch = |what, found: String, expected: String| {
            Err(TrainError::Mismatch { what, found, expected })
        };
        let (n_rows, n_columns) = self.rows.dim();
        if n_rows == 0 {
            return mismatch("rows of a batch", "0".into(), "at least 1".into());
        }
        let (fits, expected) = columns_fit(n_columns, network.architecture().input());
        if !fits {
            return mismatch("columns of a batch", n_columns.to_string(), expected);
        }
        check_tokens(self.rows.view(), network)?;
        let n_targets = self.target.n_rows();
        if n_targets != n_rows {
            return mismatch("targets of a batch", n_targets.to_string(), format!("{n_rows}"));
        }
        if !self.target.is(kind) {
            let found = format!("other targets than {kind:?}");
            return mismatch("targets of a batch", found, "those that the source announces".into());
        }
        match &self.weights {
            Some(weights) if weights.len() != n_rows => {
                mismatch("weights of a batch", weights.len().to_string(), format!("{n_rows}"))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses rows for a network of tokens that hold anything else than its token numbers.
pub(crate) fn check_tokens(rows: ArrayView2<'_, f32>, network: &Network) -> Result<(), TrainError> {
    let InputShape::Tokens { vocabulary, .. } = network.architecture().input() else {
        return Ok(());
    };
    let is_token = |value: f32| value >= 0.0 && value < vocabulary as f32 && value.fract() == 0.0;
    match rows.indexed_iter().find(|&(_, &value)| !is_token(value)) {
        Some(((row, position), value)) => Err(TrainError::Mismatch {
            what: "tokens of the rows",
            found: format!("{value} in row {row} at position {position}"),
            expected: format!("whole numbers from 0 to {}", vocabulary - 1),
        }),
        None => Ok(()),
    }
}

/// Whether a network with the input `shape` takes rows of `n_columns`, and what it takes. Sequences may be shorter.
fn columns_fit(n_columns: usize, shape: InputShape) -> (bool, String) {
    let most = shape.n_features();
    match shape {
        InputShape::Tokens { .. } => {
            ((1..=most).contains(&n_columns), format!("1 to {most} tokens"))
        }
        InputShape::Sequence { width, .. } => (
            (1..=most).contains(&n_columns) && n_columns.is_multiple_of(width),
            format!("whole vectors of {width}, {most} columns at most"),
        ),
        InputShape::Rows { .. } | InputShape::Image(_) => (n_columns == most, most.to_string()),
    }
}

/// The rows `indices` of `data` as a batch.
pub(crate) fn gather(
    data: &Dataset,
    weights: Option<&[f32]>,
    indices: &[u32],
    step: u64,
    epoch: u64,
) -> Batch {
    Batch {
        step,
        epoch,
        indices: indices.to_vec(),
        rows: select_rows(data.rows.view(), indices),
        target: select_target(&data.target, indices),
        weights: weights.map(|all| indices.iter().map(|&row| all[row as usize]).collect()),
    }
}

fn select_rows(rows: ArrayView2<'_, f32>, indices: &[u32]) -> Array2<f32> {
    let n_features = rows.ncols();
    let Some(all) = rows.as_slice() else {
        let indices: Vec<usize> = indices.iter().map(|&row| row as usize).collect();
        return rows.select(Axis(0), &indices);
    };
    let mut values = Vec::with_capacity(indices.len() * n_features);
    for &row in indices {
        values.extend_from_slice(&all[row as usize * n_features..][..n_features]);
    }
    match Array2::from_shape_vec((indices.len(), n_features), values) {
        Ok(selected) => selected,
        Err(error) => unreachable!("one row per index: {error}"),
    }
}

pub(crate) fn select_target(target: &Target, indices: &[u32]) -> BatchTarget {
    match target {
        Target::Classes(labels) => {
            BatchTarget::Classes(indices.iter().map(|&row| labels.indices[row as usize]).collect())
        }
        Target::Values(values) => {
            BatchTarget::Values(indices.iter().map(|&row| values[row as usize] as f32).collect())
        }
    }
}
