//! The answer of a scan: a row per layer, block means, and what was left out.

use serde::{Deserialize, Serialize};
use simbias_checkpoint::Checkpoint;

use crate::analysis::LayerAnalysis;
use crate::fit::TailRule;
use crate::layers::{Layer, Role, SkippedTensor};
use crate::scan::ScanOptions;

/// Name and version of the table's serialised form.
pub const TABLE_SCHEMA: &str = "simbias.spectra/1";

/// The result for a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerOutcome {
    /// Measured.
    Analysed(Box<LayerAnalysis>),
    /// Not measurable, with the reason.
    Flagged(String),
}

/// A layer and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRow {
    /// Name of the layer.
    pub name: String,
    /// Stored tensors behind it.
    pub tensors: Vec<String>,
    /// What it does.
    pub role: Role,
    /// Its block.
    pub block: Option<String>,
    /// Position among the layers.
    pub depth: usize,
    /// Rows (outputs) and columns (inputs).
    pub shape: (usize, usize),
    /// Kernel positions, else 1.
    pub n_matrices: usize,
    /// Number of weights.
    pub n_weights: usize,
    /// Stored type.
    pub stored: String,
    /// Whether block-quantised.
    pub is_quantised: bool,
    /// Why it gets no rate or sparsity of its own.
    pub not_recommended: Option<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Measured, or why not.
    pub outcome: LayerOutcome,
}

impl LayerRow {
    pub(crate) fn new(layer: Layer, depth: usize, outcome: LayerOutcome) -> Self {
        let Layer { name, tensors, role, block, shape, n_matrices, n_weights, element, .. } = layer;
        Self {
            name,
            tensors,
            role,
            block,
            depth,
            shape,
            n_matrices,
            n_weights,
            stored: element.name().into(),
            is_quantised: element.is_quantised(),
            not_recommended: layer.not_recommended,
            notes: layer.notes,
            outcome,
        }
    }

    /// The measurement, if there is one.
    pub fn analysis(&self) -> Option<&LayerAnalysis> {
        match &self.outcome {
            LayerOutcome::Analysed(analysis) => Some(analysis),
            LayerOutcome::Flagged(_) => None,
        }
    }

    /// Leading exponent.
    pub fn exponent(&self) -> Option<f64> {
        self.analysis()?.exponent().map(|(exponent, ..)| exponent)
    }

    /// Exponent by `score` with the leading rule.
    pub fn score(&self, score: ExponentKind) -> Option<f64> {
        let analysis = self.analysis()?;
        let spectrum = match score {
            ExponentKind::Windows => &analysis.windows.as_ref()?.spectrum,
            ExponentKind::Plain => analysis.plain.as_ref()?,
        };
        spectrum.leading().ok().map(|tail| tail.fit.exponent)
    }

    /// Eigenvalues of the whole layer, whatever windows it was cut into.
    pub fn n_eigenvalues(&self) -> usize {
        self.shape.0.min(self.shape.1) * self.n_matrices
    }
}

/// Whose exponent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExponentKind {
    /// Of windows of one aspect ratio: FARMS.
    #[default]
    Windows,
    /// Of whole matrices, which depends on their shapes.
    Plain,
}

/// Mean exponents of a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockMean {
    /// Name of the block.
    pub block: String,
    /// Layers that count.
    pub n_layers: usize,
    /// Mean exponent of whole matrices.
    pub plain: Option<f64>,
    /// Mean exponent of windows.
    pub windows: Option<f64>,
    /// Weights of the layers that count.
    pub n_weights: usize,
}

/// The answer of a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerTable {
    /// [`TABLE_SCHEMA`].
    pub schema: String,
    /// File or folder name of the checkpoint.
    pub checkpoint: String,
    /// Its format.
    pub format: String,
    /// How it was scanned.
    pub options: ScanOptions,
    /// Layers in the order of the checkpoint.
    pub layers: Vec<LayerRow>,
    /// Means over the recommended layers of every block, in the order of first appearance.
    pub blocks: Vec<BlockMean>,
    /// Tensors that are not layers.
    pub skipped: Vec<SkippedTensor>,
}

impl LayerTable {
    pub(crate) fn new(
        checkpoint: &Checkpoint,
        options: ScanOptions,
        layers: Vec<LayerRow>,
        skipped: Vec<SkippedTensor>,
    ) -> Self {
        let path = checkpoint.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self {
            schema: TABLE_SCHEMA.into(),
            checkpoint: name.unwrap_or_else(|| path.display().to_string()),
            format: checkpoint.format().name().into(),
            options,
            blocks: block_means(&layers),
            layers,
            skipped,
        }
    }

    /// The row of that name.
    pub fn layer(&self, name: &str) -> Option<&LayerRow> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    /// Rule behind the leading exponents.
    pub fn leading_rule(&self) -> TailRule {
        self.options.leading_rule()
    }

    /// Layers that take part in recommendations.
    pub fn recommended(&self) -> impl Iterator<Item = &LayerRow> {
        self.layers.iter().filter(|layer| layer.not_recommended.is_none())
    }

    /// Layers that could not be measured.
    pub fn flagged(&self) -> impl Iterator<Item = (&LayerRow, &str)> {
        self.layers.iter().filter_map(|layer| match &layer.outcome {
            LayerOutcome::Flagged(reason) => Some((layer, reason.as_str())),
            LayerOutcome::Analysed(_) => None,
        })
    }
}

fn block_means(layers: &[LayerRow]) -> Vec<BlockMean> {
    let mut names: Vec<&String> = Vec::new();
    for layer in layers.iter().filter(|layer| layer.not_recommended.is_none()) {
        if let Some(block) = &layer.block
            && !names.contains(&block)
        {
            names.push(block);
        }
    }
    names
        .into_iter()
        .map(|block| {
            let members: Vec<&LayerRow> = layers
                .iter()
                .filter(|layer| layer.block.as_ref() == Some(block))
                .filter(|layer| layer.not_recommended.is_none())
                .collect();
            let mean = |kind| {
                let scores: Vec<f64> =
                    members.iter().filter_map(|layer| layer.score(kind)).collect();
                (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
            };
            BlockMean {
                block: block.clone(),
                n_layers: members.len(),
                plain: mean(ExponentKind::Plain),
                windows: mean(ExponentKind::Windows),
                n_weights: members.iter().map(|layer| layer.n_weights).sum(),
            }
        })
        .collect()
}
