//! A trained network together with what rows go through before it sees them.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use simbias_data::{
    Dataset, LossGradient, Objective, Scorer, ScorerError, SplitDataset, TestSplit, TrainSplit,
    ValidationSplit,
};
use simbias_nn::{Architecture, Device, Init, Network, Precision};
use simbias_stats::Seed;
use simbias_train::NetScorer;

use crate::AuditError;

/// Variance below which a column counts as constant.
const CONSTANT: f64 = 1e-12;
/// Version of the description that [`TrainedNetwork::to_json`] writes.
const VERSION: &str = "simbias.network/1";

/// `x ↦ (x − mean) · scale` by column: mean 0 and variance 1 on the rows that it was taken from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardization {
    mean: Vec<f32>,
    /// One over the standard deviation; 0 for constant columns, which become 0.
    scale: Vec<f32>,
}

impl Standardization {
    /// That of the rows of `train`.
    pub fn of(train: &Dataset) -> Self {
        let n = train.n_rows() as f64;
        let moments = train.rows.columns().into_iter().map(|column| {
            let values = || column.iter().map(|&value| f64::from(value));
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
            let scale = if variance > CONSTANT { 1.0 / variance.sqrt() } else { 0.0 };
            (mean as f32, scale as f32)
        });
        let (mean, scale) = moments.unzip();
        Self { mean, scale }
    }

    /// What this tool's networks do to the columns of tables: [`of`](Self::of) for them, `None` for images.
    pub fn of_table(train: &Dataset) -> Option<Self> {
        train.layout.image_shape().is_none().then(|| Self::of(train))
    }

    /// Columns of a row.
    pub fn n_features(&self) -> usize {
        self.mean.len()
    }

    /// Standardised `rows`, shape `[n_rows, n_features]`.
    pub fn rows(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut rows = rows.to_owned();
        for (column, mut values) in rows.columns_mut().into_iter().enumerate() {
            let (mean, scale) = (self.mean[column], self.scale[column]);
            values.mapv_inplace(|value| (value - mean) * scale);
        }
        rows
    }

    /// `data` with standardised rows.
    pub fn dataset(&self, data: &Dataset) -> Dataset {
        Dataset { rows: self.rows(data.rows.view()), ..data.clone() }
    }

    /// All parts with standardised rows.
    pub fn split(&self, split: &SplitDataset) -> SplitDataset {
        SplitDataset {
            train: TrainSplit(self.dataset(&split.train.0)),
            validation: ValidationSplit(self.dataset(&split.validation.0)),
            test: TestSplit(self.dataset(&split.test.0)),
        }
    }
}

/// A network of this tool as a model of rows as they were read.
#[derive(Clone, Debug)]
pub struct TrainedNetwork {
    /// The network, which takes prepared rows.
    pub network: NetScorer,
    /// What rows go through first; `None` if the network took them as they are.
    pub standardization: Option<Standardization>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    version: String,
    architecture: Architecture,
    standardization: Option<Standardization>,
}

impl TrainedNetwork {
    /// Rows that pass through the network at once; bounds memory, never changes a result.
    pub fn with_batch(self, rows_at_once: usize) -> Self {
        let network = NetScorer::with_batch(self.network.network().clone(), rows_at_once);
        Self { network, ..self }
    }

    /// Everything but the weights (for those see [`Network::to_safetensors`]): version, architecture and
    /// standardisation.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "version": VERSION,
            "architecture": self.network.network().architecture(),
            "standardization": self.standardization,
        })
    }

    /// The network that [`to_json`](Self::to_json) describes, with the values of a safetensors file image.
    ///
    /// # Errors
    /// [`AuditError::NetworkFile`] for another description, [`AuditError::Network`] for weights that are not
    /// those of the described network.
    pub fn load(description: &str, weights: &[u8], device: &Device) -> Result<Self, AuditError> {
        let wrong = |problem: String| AuditError::NetworkFile { problem };
        let head: Head =
            serde_json::from_str(description).map_err(|error| wrong(error.to_string()))?;
        if head.version != VERSION {
            return Err(wrong(format!("version {:?}, expected {VERSION:?}", head.version)));
        }
        head.architecture.check_weights(weights.len())?;
        let mut network = Network::new(
            head.architecture,
            Init::default(),
            Precision::F32,
            // Every value is replaced.
            Seed::new(0),
            device,
        )?;
        if let Some(standardization) = &head.standardization {
            let (mean, scale) = (standardization.mean.len(), standardization.scale.len());
            if mean != network.n_features() || scale != mean {
                return Err(wrong(format!(
                    "{mean} means and {scale} scales for a network of {} features",
                    network.n_features()
                )));
            }
        }
        network.load_safetensors(weights)?;
        Ok(Self { network: NetScorer::new(network), standardization: head.standardization })
    }

    fn prepared(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        match &self.standardization {
            Some(standardization) if standardization.n_features() == rows.ncols() => {
                standardization.rows(rows)
            }
            // Rows of another width: the network says what it takes.
            _ => rows.to_owned(),
        }
    }
}

impl Scorer for TrainedNetwork {
    fn n_outputs(&self) -> usize {
        self.network.n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.network.score(self.prepared(rows).view())
    }

    fn gradients(&self) -> Option<&dyn LossGradient> {
        Some(self)
    }

    fn scores_in_parallel(&self) -> bool {
        self.network.scores_in_parallel()
    }
}

impl LossGradient for TrainedNetwork {
    /// `∂L/∂x = ∂L/∂x̂ · scale` with the standardised `x̂`.
    fn loss_gradient(
        &self,
        rows: ArrayView2<'_, f32>,
        objective: Objective<'_>,
    ) -> Result<(Vec<f32>, Array2<f32>), ScorerError> {
        let (losses, mut gradient) =
            self.network.loss_gradient(self.prepared(rows).view(), objective)?;
        if let Some(standardization) = &self.standardization {
            for (mut column, scale) in
                gradient.columns_mut().into_iter().zip(&standardization.scale)
            {
                column *= *scale;
            }
        }
        Ok((losses, gradient))
    }
}
