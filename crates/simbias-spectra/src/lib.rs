//! What the weight spectra of a checkpoint say about its layers, without looking at any data.
//!
//! Every weight matrix has a spectrum, the squares of its singular values. How heavy the upper tail is, an
//! exponent, is read as how well a layer is trained; but the exponent also depends on the shape of the matrix.
//! FARMS cuts every matrix into windows of one aspect ratio and pools their spectra. Source: Hu et al.,
//! *Eigenspectrum Analysis of Neural Networks without Aspect Ratio Bias*, ICML 2025; intervals, references and
//! the stable median rule as default are this crate's own.

mod analysis;
mod bulk;
mod compare;
pub mod document;
mod eigenvalues;
mod error;
pub mod fit;
mod layers;
mod learning_rates;
pub mod marchenko_pastur;
mod matrix;
mod metrics;
pub mod prune;
mod randomness;
mod scan;
mod shared_gram;
mod sparsities;
mod table;
mod track;
mod weights;
mod windows;

pub use analysis::{
    CurvePoint, Drawing, LARGE_AMBIGUITY, LayerAnalysis, RuleOutcome, SpectrumSummary, Tail,
    WindowSummary,
};
pub use bulk::{BulkFit, fit_bulk};
pub use compare::{
    DifferenceFigures, LayerChange, SpectraComparison, compare, have_common_layer, scan_difference,
};
pub use eigenvalues::{Route, eigenvalues};
pub use error::SpectraError;
pub use layers::{BLOCK_CONTAINERS, Layer, LayerOptions, Role, SkippedTensor, block_of, layers_of};
pub use learning_rates::{LearningRates, RATES_SCHEMA, RateGroup, RateMap, RateOptions};
pub use matrix::Matrix;
pub use metrics::{Metrics, log_alpha_norm};
pub use randomness::{Likeness, Randomness};
pub use scan::{Compat, KernelScale, ScanOptions, scan};
pub use sparsities::{
    Allocation, LayerSparsity, Mapping, SPARSITIES_SCHEMA, Sparsities, SparsityOptions,
    SparsityScore, allocate, owl_ratios,
};
pub use table::{BlockMean, ExponentKind, LayerOutcome, LayerRow, LayerTable, TABLE_SCHEMA};
pub use track::{LayerSeries, SERIES_SCHEMA, SpectraSeries, track};
pub use weights::layer_exponent;
pub use windows::{
    KernelWindows, Sampling, WindowOptions, WindowPlan, division_eigenvalues, window_eigenvalues,
};
