//! How to measure.

use crate::donors::DonorMode;
use crate::metric::Metric;
use crate::verdict::VerdictThresholds;

/// How to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct RelianceOptions {
    /// How donors are drawn.
    pub mode: DonorMode,
    /// Number of donor maps; 10 for a look, 30 for a report.
    pub repeats: usize,
    /// Whether the complement of every block is randomized too.
    pub complement: bool,
    /// Leading metric; ROC-AUC for classes and R² for numbers when not given.
    pub metric: Option<Metric>,
    /// Nominal coverage of the intervals.
    pub level: f64,
    /// Margin of the equivalence test, in units of the metric.
    pub equivalence_margin: f64,
    /// Whether pairs of blocks are randomized together.
    pub pairs: bool,
    /// Whether cue-conflict accuracies are measured (two classes or more).
    pub conflict: bool,
    /// Whether the distance of randomized rows from real ones is measured.
    pub manifold: bool,
    /// Stratum column for [`DonorMode::WithinStratum`]; the first one when not given.
    pub donor_stratum: Option<String>,
    /// Score above which a single-output binary model predicts the second class.
    pub threshold: f64,
    /// Rows that a model without an affine first layer sees at a time.
    pub batch_rows: usize,
    /// Most cells of the heat map over images, which is measured beside the blocks; 0 for none.
    pub heat_map_cells: usize,
    /// Thresholds of the verdict words.
    pub thresholds: VerdictThresholds,
}

impl Default for RelianceOptions {
    fn default() -> Self {
        Self {
            mode: DonorMode::Permute,
            repeats: 10,
            complement: true,
            metric: None,
            level: 0.95,
            equivalence_margin: 0.02,
            pairs: false,
            conflict: true,
            manifold: true,
            donor_stratum: None,
            threshold: 0.0,
            // 512 rows of a 3×64×32 image are 12 MB; larger batches gain nothing on the CPU.
            batch_rows: 512,
            heat_map_cells: 48,
            thresholds: VerdictThresholds::default(),
        }
    }
}
