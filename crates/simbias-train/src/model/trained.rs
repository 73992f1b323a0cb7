//! A trained network together with the standardisation of its rows.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, Layout, LossGradient, Objective, Scorer, ScorerError};
use simbias_nn::{Architecture, Device, Init, Network, Precision};
use simbias_stats::Seed;

use super::Standardization;
use crate::TrainError;
use crate::predict::NetScorer;

/// Version of the description that [`TrainedNetwork::to_json`] writes.
const VERSION: &str = "simbias.network/1";

/// A network of this tool as a model of rows as they were read.
#[derive(Clone, Debug)]
pub struct TrainedNetwork {
    /// The network, which takes prepared rows.
    pub network: NetScorer,
    /// Applied to rows first; `None` if the network takes them as they are.
    pub standardization: Option<Standardization>,
    /// What it was trained on; `None` for networks of older versions.
    pub learned_from: Option<LearnedFrom>,
}

/// What a network was trained on, so that other data can be matched by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedFrom {
    /// Its columns and their categories, or the shape of its inputs.
    pub layout: Layout,
    /// The classes in the order of the outputs; `None` for numbers.
    pub classes: Option<Vec<String>>,
}

impl LearnedFrom {
    /// The description of `data`.
    pub fn new(data: &Dataset) -> Self {
        let classes = data.class_labels().map(|labels| labels.names.clone());
        Self { layout: data.layout.clone(), classes }
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    version: String,
    architecture: Architecture,
    standardization: Option<Standardization>,
    #[serde(default)]
    learned_from: Option<LearnedFrom>,
}

impl TrainedNetwork {
    /// Rows that pass through the network at once; limits memory and never changes a result.
    pub fn with_batch(self, rows_at_once: usize) -> Self {
        let network = NetScorer::with_batch(self.network.network().clone(), rows_at_once);
        Self { network, ..self }
    }

    /// Everything but the weights (for those see [`Network::to_safetensors`]): version, architecture,
    /// standardisation, and the columns and classes that it was trained on.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "version": VERSION,
            "architecture": self.network.network().architecture(),
            "standardization": self.standardization,
            "learned_from": self.learned_from,
        })
    }

    /// The network that [`to_json`](Self::to_json) describes, with the weights of a safetensors file image.
    ///
    /// # Errors
    /// [`TrainError::NetworkFile`] for another description, [`TrainError::Network`] for weights that are not
    /// those of the described network.
    pub fn load(description: &str, weights: &[u8], device: &Device) -> Result<Self, TrainError> {
        let wrong = |problem: String| TrainError::NetworkFile { problem };
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
        if let Some(learned_from) = &head.learned_from
            && (learned_from.layout.n_features() != network.n_features()
                || learned_from.classes.as_ref().is_some_and(|c| c.len() != network.n_outputs()))
        {
            return Err(wrong("its columns or classes are not those of the network".into()));
        }
        network.load_safetensors(weights)?;
        Ok(Self {
            network: NetScorer::new(network),
            standardization: head.standardization,
            learned_from: head.learned_from,
        })
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
