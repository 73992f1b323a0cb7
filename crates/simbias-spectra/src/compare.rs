//! Two checkpoints of one network: before and after fine-tuning, dense and pruned, two epochs.

use serde::{Deserialize, Serialize};
use simbias_checkpoint::Checkpoint;
use simbias_report::Progress;

use crate::SpectraError;
use crate::layers::{Layer, LayerOptions, SkippedTensor, layers_of};
use crate::scan::{ScanOptions, scan_with};
use crate::table::{LayerRow, LayerTable};

/// What changed in one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerChange {
    /// Name of the layer.
    pub layer: String,
    /// Leading exponents before and after.
    pub exponent: Option<(f64, f64)>,
    /// `after - before`.
    pub shift: Option<f64>,
    /// Standard error of the shift, from the errors of both as if independent; fine-tuning keeps most of a matrix,
    /// so the true error is smaller.
    pub shift_error: Option<f64>,
    /// Change of `log10` of the squared Frobenius norm.
    pub log_norm: Option<f64>,
    /// Change of `log10` of the largest eigenvalue.
    pub log_spectral_norm: Option<f64>,
    /// Stable rank after over before.
    pub stable_rank_ratio: Option<f64>,
    /// Spectrum of the difference of weights: its stable rank, and its norm over that before. Absent without
    /// [`SpectraComparison::with_difference`].
    pub difference: Option<DifferenceFigures>,
}

/// Figures of `W_after - W_before`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DifferenceFigures {
    /// Frobenius norm over that of the weights before.
    pub relative_norm: f64,
    /// Stable rank: how many directions the change has.
    pub stable_rank: f64,
    /// Leading exponent of the whole difference; absent without a tail.
    pub exponent: Option<f64>,
}

impl LayerChange {
    /// Whether the shift is more than two standard errors.
    pub fn is_clear(&self) -> bool {
        match (self.shift, self.shift_error) {
            (Some(shift), Some(error)) => shift.abs() > 2.0 * error,
            _ => false,
        }
    }
}

/// All changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectraComparison {
    /// The first checkpoint.
    pub before: String,
    /// The second checkpoint.
    pub after: String,
    /// Layers of both, in the order of the first.
    pub layers: Vec<LayerChange>,
    /// Layers that only the first has.
    pub only_before: Vec<String>,
    /// Layers that only the second has.
    pub only_after: Vec<String>,
}

/// Compares two tables layer by layer.
///
/// # Errors
/// Tables of different rules or windows, whose exponents mean different things, and tables without a common layer.
pub fn compare(before: &LayerTable, after: &LayerTable) -> Result<SpectraComparison, SpectraError> {
    if before.leading_rule() != after.leading_rule()
        || before.options.windows != after.options.windows
    {
        return Err(SpectraError::Option {
            option: "compare",
            problem: "the tables used different rules or windows; scan both in the same way".into(),
        });
    }
    let partner = |row: &LayerRow| after.layer(&row.name).filter(|other| other.shape == row.shape);
    let layers: Vec<LayerChange> =
        before.layers.iter().filter_map(|row| Some(change(row, partner(row)?))).collect();
    if layers.is_empty() {
        return Err(SpectraError::Option {
            option: "compare",
            problem: "the two checkpoints have no layer of the same name and shape".into(),
        });
    }
    let missing = |from: &LayerTable, other: &LayerTable| -> Vec<String> {
        from.layers
            .iter()
            .filter(|row| other.layer(&row.name).is_none_or(|found| found.shape != row.shape))
            .map(|row| row.name.clone())
            .collect()
    };
    Ok(SpectraComparison {
        before: before.checkpoint.clone(),
        after: after.checkpoint.clone(),
        layers,
        only_before: missing(before, after),
        only_after: missing(after, before),
    })
}

fn change(before: &LayerRow, after: &LayerRow) -> LayerChange {
    let both = before.analysis().zip(after.analysis());
    let exponents = both.and_then(|(before, after)| before.exponent().zip(after.exponent()));
    let metrics =
        both.and_then(|(before, after)| before.leading()?.metrics.zip(after.leading()?.metrics));
    LayerChange {
        layer: before.name.clone(),
        exponent: exponents.map(|(before, after)| (before.0, after.0)),
        shift: exponents.map(|(before, after)| after.0 - before.0),
        shift_error: exponents.map(|(before, after)| before.1.hypot(after.1)),
        log_norm: metrics.map(|(before, after)| after.log_norm - before.log_norm),
        log_spectral_norm: metrics
            .map(|(before, after)| after.log_spectral_norm - before.log_spectral_norm),
        stable_rank_ratio: metrics.map(|(before, after)| after.stable_rank / before.stable_rank),
        difference: None,
    }
}

impl SpectraComparison {
    /// Adds figures of the differences that [`scan_difference`] measured, against the norms of `before`.
    #[must_use]
    pub fn with_difference(mut self, before: &LayerTable, difference: &LayerTable) -> Self {
        for change in &mut self.layers {
            let norm = |table: &LayerTable| {
                table.layer(&change.layer)?.analysis()?.plain.as_ref()?.metrics.map(|m| m.norm)
            };
            let figures = (|| {
                let plain = difference.layer(&change.layer)?.analysis()?.plain.as_ref()?;
                Some(DifferenceFigures {
                    relative_norm: (norm(difference)? / norm(before)?).sqrt(),
                    stable_rank: plain.metrics?.stable_rank,
                    exponent: plain.leading().ok().map(|tail| tail.fit.exponent),
                })
            })();
            change.difference = figures;
        }
        self
    }

    /// Layers by the size of their shift, the largest first.
    pub fn movers(&self) -> Vec<&LayerChange> {
        let mut movers: Vec<&LayerChange> =
            self.layers.iter().filter(|change| change.shift.is_some()).collect();
        let size = |change: &LayerChange| change.shift.unwrap_or(0.0).abs();
        movers.sort_by(|left, right| size(right).total_cmp(&size(left)));
        movers
    }
}

/// Whether the checkpoints have a layer in common, judged by their headers.
pub fn have_common_layer(before: &Checkpoint, after: &Checkpoint, options: &LayerOptions) -> bool {
    let (own, _) = layers_of(before, options);
    let (others, _) = layers_of(after, options);
    own.iter().any(|layer| {
        others.iter().any(|other| layer.name == other.name && layer.shape == other.shape)
    })
}

/// Scans `after - before`, layer by layer. Layers without a partner of the same shape are listed as skipped; those
/// without any change come out as matrices of zeros.
///
/// # Errors
/// As [`crate::scan`], which also says what `progress` is told.
pub fn scan_difference(
    before: &Checkpoint,
    after: &Checkpoint,
    options: &ScanOptions,
    select: &(dyn Fn(&str) -> bool + Sync),
    progress: &dyn Progress,
) -> Result<LayerTable, SpectraError> {
    let keep = |layer: &Layer| -> Result<(), SkippedTensor> {
        let shape = before.tensors()[layer.tensor_index()].shape.clone();
        let fits = layer.tensors.iter().all(|name| {
            after.find(name).is_some_and(|(_, other)| {
                before.find(name).is_some_and(|(_, own)| own.shape == other.shape)
            })
        });
        if fits {
            return Ok(());
        }
        let reason = "the other checkpoint has no tensor of that name and shape".into();
        Err(SkippedTensor { name: layer.name.clone(), shape, reason })
    };
    scan_with(before, options, select, &keep, Some(after), progress)
}
