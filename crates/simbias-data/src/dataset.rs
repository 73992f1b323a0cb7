//! Rows, what their columns mean, and what is to be predicted.

use ndarray::{Array2, Axis};
use simbias_report::Caveat;

use crate::Layout;

/// Labelled rows.
///
/// Readers check on the way in: all values finite (missing cells may be NaN under
/// [`Missing::Keep`](crate::read::Missing::Keep)), as many targets as rows, at least one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Short name for reports: file stem or generator preset.
    pub name: String,
    /// Values, shape `[n_rows, n_features]`, C order.
    pub rows: Array2<f32>,
    /// What the columns are.
    pub layout: Layout,
    /// What is to be predicted.
    pub target: Target,
    /// Further columns that group the rows (hospital, camera, cell type); never model input.
    pub strata: Vec<Stratum>,
    /// How much every row counts in training, `[n_rows]`, finite and not negative; all alike without.
    pub weights: Option<Vec<f32>>,
    /// What reading decided and the user should know.
    pub notes: Vec<Caveat>,
}

/// What is to be predicted, one entry per row.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Classification.
    Classes(ClassLabels),
    /// Regression.
    Values(Vec<f64>),
}

/// Class of every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassLabels {
    /// Index into `names`, one per row.
    pub indices: Vec<u32>,
    /// Class names in index order, as found in the source.
    pub names: Vec<String>,
}

/// A named grouping of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stratum {
    /// Name of the column.
    pub name: String,
    /// Index into `values`, one per row.
    pub indices: Vec<u32>,
    /// The distinct values, in index order.
    pub values: Vec<String>,
}

impl ClassLabels {
    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.names.len()
    }

    /// Rows of each class, in index order.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        for &index in &self.indices {
            counts[index as usize] += 1;
        }
        counts
    }
}

impl Target {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(labels) => labels.indices.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of `rows`, in that order.
    pub fn select(&self, rows: &[u32]) -> Self {
        match self {
            Self::Classes(labels) => Self::Classes(ClassLabels {
                indices: rows.iter().map(|&row| labels.indices[row as usize]).collect(),
                names: labels.names.clone(),
            }),
            Self::Values(values) => {
                Self::Values(rows.iter().map(|&row| values[row as usize]).collect())
            }
        }
    }
}

impl Dataset {
    /// Rows without strata, weights or notes.
    pub fn new(name: impl Into<String>, rows: Array2<f32>, layout: Layout, target: Target) -> Self {
        let (strata, weights, notes) = (Vec::new(), None, Vec::new());
        Self { name: name.into(), rows, layout, target, strata, weights, notes }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.rows.nrows()
    }

    /// The weights of the rows, scaled to a mean of 1 so that the size of a training step does not change.
    pub fn mean_one_weights(&self) -> Option<Vec<f32>> {
        let weights = self.weights.as_ref()?;
        let sum: f64 = weights.iter().copied().map(f64::from).sum();
        let mean = sum / weights.len().max(1) as f64;
        let scale = if mean > 0.0 { 1.0 / mean } else { 0.0 };
        Some(weights.iter().map(|&weight| (f64::from(weight) * scale) as f32).collect())
    }

    /// Whether some inputs are missing (NaN).
    pub fn has_missing(&self) -> bool {
        self.rows.iter().any(|value| value.is_nan())
    }

    /// Number of columns of a flat row.
    pub fn n_features(&self) -> usize {
        self.rows.ncols()
    }

    /// The class labels, when this is a classification set.
    pub fn class_labels(&self) -> Option<&ClassLabels> {
        match &self.target {
            Target::Classes(labels) => Some(labels),
            Target::Values(_) => None,
        }
    }

    /// The given rows, in that order, with targets and strata.
    pub fn select(&self, rows: &[u32]) -> Self {
        let indices: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
        Self {
            name: self.name.clone(),
            rows: self.rows.select(Axis(0), &indices),
            layout: self.layout.clone(),
            target: self.target.select(rows),
            strata: self
                .strata
                .iter()
                .map(|stratum| Stratum {
                    name: stratum.name.clone(),
                    indices: rows.iter().map(|&row| stratum.indices[row as usize]).collect(),
                    values: stratum.values.clone(),
                })
                .collect(),
            weights: self
                .weights
                .as_ref()
                .map(|weights| rows.iter().map(|&row| weights[row as usize]).collect()),
            notes: self.notes.clone(),
        }
    }

    /// All rows of `parts`, in order, under the name of the first; `None` without parts, and for parts whose layouts,
    /// classes or strata differ.
    pub fn concatenate(parts: Vec<Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut all = parts.next()?;
        for part in parts {
            if part.layout != all.layout || part.strata.len() != all.strata.len() {
                return None;
            }
            match (&mut all.target, part.target) {
                (Target::Classes(labels), Target::Classes(more)) if labels.names == more.names => {
                    labels.indices.extend(more.indices);
                }
                (Target::Values(values), Target::Values(more)) => values.extend(more),
                _ => return None,
            }
            for (stratum, more) in all.strata.iter_mut().zip(part.strata) {
                if (&stratum.name, &stratum.values) != (&more.name, &more.values) {
                    return None;
                }
                stratum.indices.extend(more.indices);
            }
            match (&mut all.weights, part.weights) {
                (Some(weights), Some(more)) => weights.extend(more),
                (None, None) => {}
                _ => return None,
            }
            for note in part.notes {
                if !all.notes.contains(&note) {
                    all.notes.push(note);
                }
            }
            all.rows.append(Axis(0), part.rows.view()).ok()?;
        }
        Some(all)
    }

    /// Content hash over shape, values, targets, strata and weights, 32 hexadecimal digits.
    ///
    /// Two sets have the same fingerprint exactly if a model sees the same numbers and labels; file names,
    /// compression and column names do not enter.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(self.rows.nrows() as u64).to_le_bytes());
        hasher.update(&(self.rows.ncols() as u64).to_le_bytes());
        for row in self.rows.rows() {
            for value in row {
                hasher.update(&value.to_le_bytes());
            }
        }
        match &self.target {
            Target::Classes(labels) => {
                hasher.update(b"classes");
                for index in &labels.indices {
                    hasher.update(&index.to_le_bytes());
                }
            }
            Target::Values(values) => {
                hasher.update(b"values");
                for value in values {
                    hasher.update(&value.to_le_bytes());
                }
            }
        }
        for stratum in &self.strata {
            hasher.update(b"stratum");
            for index in &stratum.indices {
                hasher.update(&index.to_le_bytes());
            }
        }
        if let Some(weights) = &self.weights {
            hasher.update(b"weights");
            for weight in weights {
                hasher.update(&weight.to_le_bytes());
            }
        }
        hasher.finalize().to_hex()[..32].to_string()
    }
}
