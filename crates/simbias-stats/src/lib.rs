//! Intervals, paired tests, ROC-AUC, distribution distances, eigenvalues of operators and named random streams.
//!
//! Everything here is pure: numbers in, numbers out. No file, no clock, no thread count changes a result.

mod accuracy;
mod density;
mod equivalence;
mod error;
mod interval;
mod ks;
mod lanczos;
mod multiclass;
mod multiplicity;
mod null;
mod paired;
mod radix;
mod rank;
mod regression;
mod roc;
mod seed;
mod variance;

pub use accuracy::{accuracy, argmax, binary_accuracy};
pub use density::gaussian_density;
pub use equivalence::{Equivalence, equivalence_test};
pub use error::StatsError;
pub use interval::{
    DEFAULT_LEVEL, Estimate, bootstrap, logit_interval, mean, mean_estimate, normal_cdf,
    normal_quantile, quantile, sample_variance, share_estimate, wald_interval, wilson_interval,
};
pub use ks::{KsTest, ks_statistic_sorted, ks_test};
pub use lanczos::{Eigenpairs, LanczosOptions, dot, largest_eigenpairs, largest_eigenpairs_from};
pub use multiclass::{one_vs_one_auc, one_vs_rest_auc};
pub use multiplicity::holm;
pub use null::{null_auc_standard_error, permuted_accuracy};
pub use paired::{PairedTest, paired_test};
pub use rank::{mid_ranks, pearson, spearman};
pub use regression::r_squared;
pub use roc::{
    AucDifference, AucEstimate, AucInterval, Placements, RocScratch, auc_delong, average_precision,
    paired_difference, roc_auc,
};
pub use seed::{Seed, Stream};
pub use variance::{RepeatVariance, repeat_variance};
