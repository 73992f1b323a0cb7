//! From the figures of all jobs to estimates, tests and shares.

use simbias_data::{Dataset, Target};
use simbias_report::{Caveat, Estimate};
use simbias_stats::{Seed, equivalence_test, holm, normal_cdf, permuted_accuracy};

use super::RelianceOptions;
use super::class_order::class_order;
use crate::RelianceError;
use crate::block::{Block, BlockSet};
use crate::donors::DonorMode;
use crate::figures::{
    ClassRows, JobFigures, StratumRows, accuracies, condition, discordance_variance, edge_variance,
    metric_interval, over_permutations, statistic, variance_parts,
};
use crate::metric::{Metric, Predictions, Truth, cross_entropy};
use crate::outcome::{
    BlockOutcome, Condition, Conflict, PairOutcome, RelianceOutcome, Standard, StratumOutcome,
    UnmeasuredStratum,
};

/// Figures of all jobs of one block.
#[derive(Clone, Debug)]
pub(crate) struct BlockRuns {
    pub(crate) randomized: Vec<JobFigures>,
    pub(crate) complement: Option<Vec<JobFigures>>,
    pub(crate) conflict: Vec<JobFigures>,
}

/// Figures of two blocks randomized together.
pub(crate) struct PairRuns {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) randomized: Vec<JobFigures>,
}

/// What a result says about its data, without the rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DataFacts {
    pub(crate) name: String,
    pub(crate) fingerprint: String,
    /// Class names with the rows of each; empty for numbers.
    pub(crate) classes: Vec<(String, usize)>,
}

impl DataFacts {
    pub(crate) fn of(data: &Dataset) -> Self {
        Self {
            name: data.name.clone(),
            fingerprint: data.fingerprint(),
            classes: Self::classes(&data.target),
        }
    }

    pub(crate) fn classes(target: &Target) -> Vec<(String, usize)> {
        match target {
            Target::Classes(labels) => labels.names.iter().cloned().zip(labels.counts()).collect(),
            Target::Values(_) => Vec::new(),
        }
    }
}

/// The unchanged rows, scored.
#[derive(Clone, Copy)]
pub(crate) struct StandardRun<'a> {
    pub(crate) predictions: &'a Predictions,
    pub(crate) figures: &'a JobFigures,
}

/// What every summary needs to know.
pub(crate) struct Context<'a> {
    pub(crate) facts: &'a DataFacts,
    pub(crate) truth: &'a Truth,
    pub(crate) metric: Metric,
    pub(crate) options: &'a RelianceOptions,
    pub(crate) strata: &'a [StratumRows],
    pub(crate) seed: Seed,
}

impl Context<'_> {
    pub(crate) fn summarise(
        &self,
        blocks: &BlockSet,
        standard: StandardRun<'_>,
        runs: &[BlockRuns],
        joint: &[PairRuns],
        mut caveats: Vec<Caveat>,
    ) -> Result<RelianceOutcome, RelianceError> {
        let StandardRun { predictions: standard, figures: standard_figures } = standard;
        let level = self.options.level;
        let found = metric_interval(
            self.metric,
            self.truth,
            &[standard_figures.value],
            &[standard_figures.variance],
            level,
            "test rows",
        )?;
        let chance = self.metric.chance(self.truth);
        let has_signal = found.estimate.low > chance;
        let accuracy = match accuracies(standard, self.truth).0 {
            Some(accuracy) => {
                let n = self.truth.n_rows() as f64;
                let (low, high) =
                    simbias_stats::wilson_interval(accuracy, n, level).map_err(statistic)?;
                Some(
                    Estimate::new(accuracy, low, high)
                        .level(level)
                        .n(self.truth.n_rows() as u64)
                        .varied("test rows"),
                )
            }
            None => None,
        };
        let is_reversed = !has_signal && self.is_reversed(standard)?;
        caveats.extend(self.caveats(
            blocks,
            has_signal,
            is_reversed,
            &found.estimate,
            chance,
            standard_figures,
        ));
        let order = class_order(standard, self.truth, &self.facts.classes);
        caveats.splice(0..0, order);

        let mut outcomes = Vec::new();
        for (block, runs) in blocks.blocks().iter().zip(runs) {
            outcomes.push(self.block(block, standard_figures, runs, chance, has_signal)?);
        }
        let p_values: Vec<f64> = outcomes.iter().map(|block| block.p_value).collect();
        for (block, adjusted) in outcomes.iter_mut().zip(holm(&p_values).map_err(statistic)?) {
            block.p_value_holm = adjusted;
            if adjusted < 1.0 - level {
                block.flags.push("significant".into());
            }
        }
        let pairs = joint
            .iter()
            .map(|pair| self.pair(&outcomes, pair, standard_figures, chance, has_signal))
            .collect::<Result<_, _>>()?;
        Ok(RelianceOutcome {
            data_name: self.facts.name.clone(),
            data_fingerprint: self.facts.fingerprint.clone(),
            n_rows: self.truth.n_rows(),
            classes: self.facts.classes.clone(),
            metric: self.metric,
            chance,
            mode: self.options.mode,
            repeats: self.options.repeats,
            seed: self.seed.value(),
            level,
            equivalence_margin: self.options.equivalence_margin,
            standard: Standard {
                metric: found.estimate,
                degenerate: found.degenerate,
                accuracy,
                cross_entropy_nats: cross_entropy(standard, self.truth),
            },
            blocks: outcomes,
            pairs,
            unmeasured_strata: self.unmeasured_strata(standard_figures),
            caveats,
        })
    }

    /// Whether the scores order the classes the wrong way round. Only the AUC shows that: an accuracy below the share of
    /// the largest class has many causes.
    fn is_reversed(&self, standard: &Predictions) -> Result<bool, RelianceError> {
        if matches!(self.truth, Truth::Values(_)) {
            return Ok(false);
        }
        let auc = Metric::Auc.evaluate(standard, self.truth)?;
        let variance = auc.variance();
        let found = metric_interval(
            Metric::Auc,
            self.truth,
            &[auc.value],
            &[variance],
            self.options.level,
            "test rows",
        )?;
        Ok(found.estimate.high < Metric::Auc.chance(self.truth))
    }

    fn block(
        &self,
        block: &Block,
        standard: &JobFigures,
        runs: &BlockRuns,
        chance: f64,
        has_signal: bool,
    ) -> Result<BlockOutcome, RelianceError> {
        let level = self.options.level;
        let null = match self.options.mode {
            DonorMode::Permute | DonorMode::Independent => {
                permuted_accuracy(&self.truth.class_counts()).ok()
            }
            DonorMode::Swap => Some(0.0),
            DonorMode::WithinClass | DonorMode::WithinStratum => None,
        }
        .filter(|_| !matches!(self.truth, Truth::Values(_)));
        let (randomized, degenerate) =
            condition(&runs.randomized, self.metric, self.truth, level, null)?;
        let complement = match &runs.complement {
            Some(jobs) => Some(condition(jobs, self.metric, self.truth, level, null)?.0),
            None => None,
        };
        let (drop, variance) = self.drop(standard, &runs.randomized)?;
        let standard_error = variance.sqrt();
        let p_value = 1.0 - normal_cdf(drop.value / standard_error);
        let equivalence =
            equivalence_test(drop.value, standard_error, self.options.equivalence_margin)
                .map_err(statistic)?;
        let necessity = has_signal
            .then(|| self.kept_share(standard, &runs.randomized, chance))
            .transpose()?
            .map(|kept| {
                Estimate::new(1.0 - kept.value, 1.0 - kept.high, 1.0 - kept.low)
                    .level(level)
                    .n(kept.n)
                    .varied(kept.varied)
            });
        let sufficiency = match (&runs.complement, has_signal) {
            (Some(jobs), true) => Some(self.kept_share(standard, jobs, chance)?),
            _ => None,
        };
        let flags = if degenerate { vec!["degenerate".to_string()] } else { Vec::new() };
        Ok(BlockOutcome {
            name: block.name.clone(),
            size: block.columns.len(),
            members: Vec::new(),
            strata: self.strata_of(standard, &runs.randomized)?,
            conflict: self.conflict(&runs.conflict)?,
            randomized,
            complement,
            drop,
            p_value,
            p_value_holm: p_value,
            p_value_equivalence: equivalence.p_value,
            necessity,
            sufficiency,
            mean_abs_correlation: 0.0,
            off_manifold_auc: None,
            simplicity: None,
            verdict: None,
            flags,
        })
    }

    /// Standard minus randomized, with the paired variance.
    fn drop(
        &self,
        standard: &JobFigures,
        jobs: &[JobFigures],
    ) -> Result<(Estimate, f64), RelianceError> {
        let level = self.options.level;
        let drops: Vec<f64> = jobs.iter().map(|job| standard.value - job.value).collect();
        let paired: Vec<f64> = jobs.iter().map(|job| job.paired_variance).collect();
        let (rows, permutations) = variance_parts(&drops, &paired)?;
        let variance = self.variance_or_bound(rows, permutations, standard, jobs)?;
        let value = simbias_stats::mean(&drops);
        let (low, high) =
            simbias_stats::wald_interval(value, variance, level).map_err(statistic)?;
        let estimate = Estimate::new(value, low, high)
            .level(level)
            .n(self.truth.n_rows() as u64)
            .varied("test rows and permutations");
        Ok((estimate, variance))
    }

    /// The variance, or the least variance of a difference whose own formula says zero or rests on few rows. Scores
    /// that did not move at all are an exact zero; otherwise a metric at its limit, or one of few rows, gets at least
    /// the variance of Wilson's bound.
    fn variance_or_bound(
        &self,
        rows: f64,
        permutations: f64,
        standard: &JobFigures,
        jobs: &[JobFigures],
    ) -> Result<f64, RelianceError> {
        let moved = jobs.iter().any(|job| job.displacement.moves());
        let rows = rows + discordance_variance(self.metric, self.truth.n_rows());
        let variance = rows + permutations;
        if self.metric == Metric::R2 || !moved {
            return Ok(variance.max(f64::MIN_POSITIVE));
        }
        let class_rows = ClassRows::of(self.truth);
        let bound = || edge_variance(class_rows.trials(self.metric), self.options.level);
        let at_its_end = standard.value <= 0.0 || standard.value >= 1.0;
        if class_rows.are_few() {
            Ok(rows.max(bound()?) + permutations)
        } else if variance <= 0.0 && at_its_end {
            bound()
        } else {
            Ok(variance.max(f64::MIN_POSITIVE))
        }
    }

    /// `(m − c) / (m₀ − c)` for the metric `m` of the jobs, by the delta method:
    /// `ψ = ψ_m / d − (m − c) / d² · ψ₀` with `d = m₀ − c`.
    pub(crate) fn kept_share(
        &self,
        standard: &JobFigures,
        jobs: &[JobFigures],
        chance: f64,
    ) -> Result<Estimate, RelianceError> {
        let d = standard.value - chance;
        let kept: Vec<f64> = jobs.iter().map(|job| (job.value - chance) / d).collect();
        let row_variances: Vec<f64> = jobs
            .iter()
            .zip(&kept)
            .map(|(job, kept)| {
                let covariance = (job.variance + standard.variance - job.paired_variance) / 2.0;
                let variance =
                    job.variance - 2.0 * kept * covariance + kept * kept * standard.variance;
                (variance / (d * d)).max(0.0)
            })
            .collect();
        let (rows, permutations) = variance_parts(&kept, &row_variances)?;
        let value = simbias_stats::mean(&kept);
        // In units of the share; the bound is one of the metric.
        let variance =
            self.variance_or_bound(rows * d * d, permutations * d * d, standard, jobs)?;
        let (low, high) =
            simbias_stats::wald_interval(value, variance / (d * d), self.options.level)
                .map_err(statistic)?;
        Ok(Estimate::new(value, low, high)
            .level(self.options.level)
            .n(self.truth.n_rows() as u64)
            .varied("test rows and permutations"))
    }

    fn conflict(&self, jobs: &[JobFigures]) -> Result<Option<Conflict>, RelianceError> {
        let accuracies: Vec<f64> = jobs.iter().filter_map(|job| job.accuracy).collect();
        if accuracies.is_empty() {
            return Ok(None);
        }
        let n_classes = self.truth.n_classes();
        let mut worst = (0, f64::INFINITY);
        for class in 0..n_classes {
            let mean =
                jobs.iter().map(|job| job.class_accuracies[class]).sum::<f64>() / jobs.len() as f64;
            if mean < worst.1 {
                worst = (class, mean);
            }
        }
        Ok(Some(Conflict {
            accuracy: over_permutations(&accuracies, self.options.level, (0.0, 1.0))?,
            worst_class_accuracy: worst.1,
            worst_class: self.facts.classes[worst.0].0.clone(),
        }))
    }

    /// Strata in which the metric is not defined on the unchanged rows.
    pub(super) fn unmeasured_strata(&self, standard: &JobFigures) -> Vec<UnmeasuredStratum> {
        let mut found = Vec::new();
        for (stratum, figures) in self.strata.iter().zip(&standard.strata) {
            if figures.is_some() {
                continue;
            }
            let n_rows = stratum.rows.len();
            let class = |&row: &u32| self.truth.class(row as usize);
            let mut classes = stratum.rows.iter().map(class);
            let first = classes.next();
            let reason = match self.truth {
                Truth::Values(_) if n_rows == 1 => "one row",
                Truth::Values(_) => "equal values",
                _ if classes.all(|class| Some(class) == first) => "one class",
                _ => "too few rows of a class",
            };
            found.push(UnmeasuredStratum {
                column: stratum.column.clone(),
                value: stratum.value.clone(),
                n_rows,
                reason: reason.into(),
            });
        }
        found
    }

    fn strata_of(
        &self,
        standard: &JobFigures,
        jobs: &[JobFigures],
    ) -> Result<Vec<StratumOutcome>, RelianceError> {
        let level = self.options.level;
        let mut found = Vec::new();
        for (index, stratum) in self.strata.iter().enumerate() {
            let Some(before) = standard.strata[index] else { continue };
            let after: Vec<(f64, f64)> = jobs.iter().filter_map(|job| job.strata[index]).collect();
            if after.len() < jobs.len() {
                continue;
            }
            let Some(truth) = self.truth.select(&stratum.rows) else { continue };
            let (values, variances): (Vec<f64>, Vec<f64>) = after.into_iter().unzip();
            let interval = |values: &[f64], variances: &[f64], varied: &str| {
                metric_interval(self.metric, &truth, values, variances, level, varied)
                    .map(|found| found.estimate)
            };
            found.push(StratumOutcome {
                column: stratum.column.clone(),
                value: stratum.value.clone(),
                n_rows: stratum.rows.len(),
                standard: interval(&[before.0], &[before.1], "test rows")?,
                randomized: interval(&values, &variances, "test rows and permutations")?,
            });
        }
        Ok(found)
    }

    fn pair(
        &self,
        blocks: &[BlockOutcome],
        pair: &PairRuns,
        standard: &JobFigures,
        chance: f64,
        has_signal: bool,
    ) -> Result<PairOutcome, RelianceError> {
        let level = self.options.level;
        let (found, _): (Condition, bool) =
            condition(&pair.randomized, self.metric, self.truth, level, None)?;
        let necessity =
            has_signal.then(|| (standard.value - found.metric.value) / (standard.value - chance));
        let alone = |index: usize| blocks[index].necessity.as_ref().map(|found| found.value);
        let interaction = match (necessity, alone(pair.first), alone(pair.second)) {
            (Some(joint), Some(first), Some(second)) => Some(joint - first - second),
            _ => None,
        };
        Ok(PairOutcome {
            first: blocks[pair.first].name.clone(),
            second: blocks[pair.second].name.clone(),
            randomized: found.metric,
            necessity,
            interaction,
        })
    }
}
