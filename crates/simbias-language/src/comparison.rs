//! One model pruned in many ways, each judged by the same text.

use serde::{Deserialize, Serialize};
use simbias_report::{Part, Progress};
use simbias_spectra::ExponentKind;
use simbias_stats::{Estimate, Seed, mean, mean_estimate};

use crate::allocation::{Allocation, BlockScores, Deal, block_ratios, outlier_shares};
use crate::prune::{Method, PruneRequest, prune_blocks};
use crate::{LanguageError, LanguageModel, Perplexity, Text};

/// Name and version of the serialised form.
pub const COMPARISON_SCHEMA: &str = "simbias.pruning-comparison/1";

/// What to compare.
#[derive(Clone, Debug)]
pub struct CompareRequest<'a> {
    /// Methods.
    pub methods: &'a [Method],
    /// Shares of zeros inside the blocks.
    pub sparsities: &'a [f64],
    /// Allocations; the uniform one is what the others are compared with, and is always measured.
    pub allocations: &'a [Allocation],
    /// Number of random permutations behind [`Allocation::Permuted`].
    pub n_permutations: usize,
    /// Half the width of the range of scores.
    pub epsilon: f64,
    /// Whose exponents the controls permute and reverse.
    pub controlled: ExponentKind,
    /// For methods that look at data.
    pub calibration: &'a [Vec<u32>],
    /// What the pruned models predict.
    pub evaluation: &'a Text,
    /// Tokens of a chunk of it.
    pub context: usize,
    /// Maximum number of its chunks.
    pub max_chunks: Option<usize>,
    /// Of the permutations.
    pub seed: Seed,
}

/// One pruned model; for [`Allocation::Permuted`] the mean of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedRun {
    /// How weights were chosen.
    pub method: Method,
    /// Wanted share of zeros.
    pub sparsity: f64,
    /// How it was dealt to the blocks.
    pub allocation: Allocation,
    /// Share of zeros that was reached.
    pub realised: f64,
    /// Mean negative log-likelihood of a token, in nats.
    pub mean_nll: f64,
    /// Its exponential.
    pub perplexity: f64,
    /// Mean negative log-likelihood minus that of the uniform allocation on the same chunks, with the 95 % interval of
    /// the paired differences; absent for the uniform one, and an interval needs two chunks.
    pub minus_uniform: Option<Difference>,
    /// Means of the single permutations, in nats; empty for the others.
    pub permutations: Vec<f64>,
}

/// A mean of paired differences.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The mean, in nats.
    pub mean: f64,
    /// Ends of the 95 % interval over chunks.
    pub interval: Option<(f64, f64)>,
}

/// All runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AllocationComparison {
    /// [`COMPARISON_SCHEMA`].
    pub schema: String,
    /// The model as it is.
    pub dense: Perplexity,
    /// Half the width of the range of scores.
    pub epsilon: f64,
    /// Block means of the exponents of whole matrices.
    pub alpha: Vec<f64>,
    /// Block means of the exponents of windows.
    pub farms: Vec<f64>,
    /// By method, sparsity and allocation.
    pub runs: Vec<ComparedRun>,
}

impl AllocationComparison {
    /// The run of this kind.
    pub fn run(
        &self,
        method: Method,
        sparsity: f64,
        allocation: Allocation,
    ) -> Option<&ComparedRun> {
        self.runs.iter().find(|run| {
            (run.method, run.sparsity, run.allocation) == (method, sparsity, allocation)
        })
    }
}

/// Prunes `model` by every method, to every sparsity, by every allocation, without writing any of it.
///
/// # Errors
/// As [`prune_blocks`] and [`block_ratios`].
pub fn compare_allocations(
    model: &LanguageModel,
    scores: &BlockScores,
    request: &CompareRequest<'_>,
    progress: &dyn Progress,
) -> Result<AllocationComparison, LanguageError> {
    let mut allocations = vec![Allocation::Uniform];
    allocations.extend(request.allocations.iter().filter(|a| **a != Allocation::Uniform));
    let mut scores = scores.clone();
    let needs_outliers = allocations.contains(&Allocation::Owl) && scores.outliers.is_none();
    let repeats = |allocation: Allocation| match allocation {
        Allocation::Permuted => request.n_permutations.max(1),
        _ => 1,
    };
    let per_cell: usize = allocations.iter().map(|&allocation| repeats(allocation)).sum();
    let n = request.methods.len() * request.sparsities.len() * per_cell
        + 1
        + usize::from(needs_outliers);
    let mut index = 0;
    let mut part = |name: String| {
        index += 1;
        Part::of(progress, index - 1, n).named(name)
    };
    let dense = crate::perplexity(
        model,
        request.evaluation,
        request.context,
        request.max_chunks,
        &part("dense".into()),
    )?;
    if needs_outliers {
        let shares = outlier_shares(model, request.calibration, &part("outliers".into()))?;
        scores.outliers = Some(shares);
    }
    let mut runs: Vec<ComparedRun> = Vec::new();
    for &method in request.methods {
        for &sparsity in request.sparsities {
            let mut uniform: Vec<f64> = Vec::new();
            for &allocation in &allocations {
                let mut chunk_nll: Vec<Vec<f64>> = Vec::new();
                let mut realised = 0.0;
                for repeat in 0..repeats(allocation) {
                    let seed = request.seed.child("language/permutation", repeat as u64);
                    let deal = Deal {
                        target: sparsity,
                        epsilon: request.epsilon,
                        controlled: request.controlled,
                        seed,
                    };
                    let patterns = block_ratios(model, &scores, allocation, &|_| true, &deal)?;
                    let one = PruneRequest {
                        method,
                        patterns: &patterns,
                        calibration: request.calibration,
                        evaluation: Some((request.evaluation, request.context, request.max_chunks)),
                    };
                    let name = format!(
                        "{} {:.0} % {}",
                        method.name(),
                        100.0 * sparsity,
                        allocation.name()
                    );
                    let pruned = prune_blocks(model, &one, &mut |_, _| Ok(()), &part(name))?;
                    realised = pruned.realised();
                    chunk_nll.extend(pruned.perplexity.map(|found| found.chunk_nll));
                }
                let single: Vec<f64> = chunk_nll.iter().map(|chunks| mean(chunks)).collect();
                let by_chunk: Vec<f64> = (0..dense.n_chunks)
                    .map(|chunk| mean(&chunk_nll.iter().map(|run| run[chunk]).collect::<Vec<_>>()))
                    .collect();
                let minus_uniform = (allocation != Allocation::Uniform)
                    .then(|| Difference::paired(&by_chunk, &uniform));
                if allocation == Allocation::Uniform {
                    uniform.clone_from(&by_chunk);
                }
                let mean_nll = mean(&single);
                runs.push(ComparedRun {
                    method,
                    sparsity,
                    allocation,
                    realised,
                    mean_nll,
                    perplexity: mean_nll.exp(),
                    minus_uniform,
                    permutations: if allocation == Allocation::Permuted {
                        single
                    } else {
                        Vec::new()
                    },
                });
            }
        }
    }
    Ok(AllocationComparison {
        schema: COMPARISON_SCHEMA.into(),
        dense,
        epsilon: request.epsilon,
        alpha: scores.alpha,
        farms: scores.farms,
        runs,
    })
}

impl Difference {
    /// Mean of `left - right`, chunk by chunk.
    fn paired(left: &[f64], right: &[f64]) -> Self {
        let differences: Vec<f64> = left.iter().zip(right).map(|(l, r)| l - r).collect();
        let interval =
            mean_estimate(&differences, 0.95).ok().map(|Estimate { low, high, .. }| (low, high));
        Self { mean: mean(&differences), interval }
    }
}
