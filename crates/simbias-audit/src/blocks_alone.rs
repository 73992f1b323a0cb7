//! What each block can do alone: the probes and solo runs of all blocks, side by side.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use simbias_data::Scorer;
use simbias_data::transform::Transform;
use simbias_nn::{Device, cpu};
use simbias_reliance::metric::{Metric, MetricValue, Truth};
use simbias_reliance::outcome::{ProbeRung, Simplicity, SoloTraining};
use simbias_reliance::{Block, BlockSet, Measurement};
use simbias_report::{Progress, SideBySide, StopOnly};
use simbias_train::Recipe;

use crate::AuditError;
use crate::audit::AuditOptions;
use crate::simplicity::{
    ALONE, Parts, SoloRun, climb, learn_alone, metric_of, most_necessary, over_seeds, quick_probe,
};

/// Rung of the network trained on one block alone, when it has the architecture of the audited model.
const OWN_RUNG: &str = "audited architecture";
/// The same when it does not: the architecture of a given model is unknown.
const OTHER_RUNG: &str = "network of this tool";

/// One experiment: every chosen block is learned by probes and by an architecture, with everything else hidden.
#[derive(Clone, Copy)]
pub(crate) struct BlocksAlone<'a> {
    /// The measured model.
    pub(crate) model: &'a dyn Scorer,
    pub(crate) blocks: &'a BlockSet,
    pub(crate) transform: &'a dyn Transform,
    pub(crate) parts: Parts<'a>,
    pub(crate) recipe: &'a Recipe,
    /// Whether `recipe` is that of the measured model.
    pub(crate) own_architecture: bool,
    pub(crate) metric: Metric,
    pub(crate) options: &'a AuditOptions,
    pub(crate) progress: &'a dyn Progress,
}

/// The whole model on the test rows, with which blocks alone are compared.
struct Whole {
    standard: MetricValue,
    truth: Truth,
}

impl BlocksAlone<'_> {
    /// Fills the outcome with the probes and solo runs of the chosen blocks, and returns the solo runs.
    pub(crate) fn learn(
        &self,
        base: &mut Measurement,
    ) -> Result<Vec<(String, SoloRun)>, AuditError> {
        let probed = self.chosen(base)?;
        let stage = SideBySide::new(self.progress, probed.len());
        let test = self.parts.test;
        let standard = metric_of(self.model, test, self.metric)?;
        let whole = Whole { standard, truth: Truth::of(&test.target)? };
        let study = |place: usize| {
            self.study(&self.blocks.blocks()[probed[place]], &whole, &stage.piece(place))
        };
        let studied = side_by_side(probed.len(), &self.recipe.device, study);
        let mut solo = Vec::new();
        for (&index, studied) in probed.iter().zip(studied) {
            let (simplicity, run) = studied?;
            base.outcome.blocks[index].simplicity = Some(simplicity);
            solo.extend(run.map(|run| (self.blocks.blocks()[index].name.clone(), run)));
        }
        Ok(solo)
    }

    /// The blocks that are probed, in order. Where all would take too long, half of them are the most necessary ones and
    /// half those that a quick linear probe finds most predictive: ignored blocks hide among the least needed.
    fn chosen(&self, base: &Measurement) -> Result<Vec<usize>, AuditError> {
        let blocks = &base.outcome.blocks;
        let most_probed = self.options.most_probed;
        if blocks.len() <= most_probed {
            return Ok((0..blocks.len()).collect());
        }
        let mut chosen = most_necessary(blocks, most_probed.div_ceil(2));
        let others: Vec<usize> =
            (0..blocks.len()).filter(|index| !chosen.contains(index)).collect();
        self.progress.advance(0, 1, "quick probes");
        let quick = side_by_side(others.len(), &self.recipe.device, |place| {
            let block = &self.blocks.blocks()[others[place]];
            let (parts, seed) = (self.parts, self.options.seed);
            quick_probe(block, self.transform, parts, self.metric, seed, self.progress)
        });
        let mut ranked = others
            .iter()
            .zip(quick)
            .map(|(&index, value)| Ok((value?, index)))
            .collect::<Result<Vec<(f64, usize)>, AuditError>>()?;
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let n_more = most_probed - chosen.len();
        chosen.extend(ranked.into_iter().take(n_more).map(|(_, index)| index));
        chosen.sort_unstable();
        Ok(chosen)
    }

    /// Probes and solo runs of one block.
    fn study(
        &self,
        block: &Block,
        whole: &Whole,
        progress: &dyn Progress,
    ) -> Result<(Simplicity, Option<SoloRun>), AuditError> {
        let Self { transform, parts, recipe, metric, options, .. } = *self;
        let level = options.reliance.level;
        progress.advance(0, 1, &format!("probes on {}", block.name));
        let quiet = StopOnly(progress);
        let simplicity = &options.simplicity;
        let mut ladder =
            climb(block, transform, parts, metric, simplicity, options.seed, level, &quiet)?;
        if options.simplicity.solo_steps == 0 {
            ladder.compare(&whole.standard, metric, &whole.truth, level)?;
            return Ok((ladder.simplicity, None));
        }
        let mut runs = Vec::new();
        for run in 0..options.simplicity.solo_seeds.max(1) as u64 {
            progress.advance(0, 1, &format!("{} alone", block.name));
            let seed = options.seed.child("audit/solo", run);
            runs.push(learn_alone(
                block, transform, parts, recipe, metric, simplicity, seed, progress,
            )?);
        }
        let on_test: Vec<MetricValue> = runs.iter().map(|run| run.metric.clone()).collect();
        let reached = metric.estimate(&on_test, &whole.truth, level, ALONE)?;
        ladder.simplicity.solo_training = Some(SoloTraining {
            own_architecture: self.own_architecture,
            metric: reached.clone(),
            steps: runs.iter().map(|run| run.steps).max().unwrap_or(0),
            max_steps: options.simplicity.solo_steps,
        });
        let name = if self.own_architecture { OWN_RUNG } else { OTHER_RUNG };
        let rung = ProbeRung { name: name.into(), metric: reached };
        let on_validation =
            runs.iter().map(|run| run.validation_metric).sum::<f64>() / runs.len() as f64;
        ladder.push(rung, on_validation, on_test, options.simplicity.tolerance);
        let steps: Vec<f64> =
            runs.iter().filter_map(|run| run.steps_to_learn).map(|steps| steps as f64).collect();
        if steps.len() == runs.len() {
            ladder.simplicity.solo_steps =
                Some(over_seeds(&steps, level, (0.0, options.simplicity.solo_steps as f64))?);
        }
        ladder.compare(&whole.standard, metric, &whole.truth, level)?;
        progress.advance(1, 1, &format!("{} alone", block.name));
        Ok((ladder.simplicity, runs.into_iter().next()))
    }
}

/// Results of `job` for 0..`n`, in order. On the CPU as many run side by side as there are threads: a step of a small
/// network keeps only one core busy.
fn side_by_side<T: Send>(
    n: usize,
    device: &Device,
    job: impl Fn(usize) -> Result<T, AuditError> + Sync,
) -> Vec<Result<T, AuditError>> {
    if *device != cpu() {
        return (0..n).map(job).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<T, AuditError>)>> = Mutex::new(Vec::new());
    // Threads of their own: in a pool, a job that waits for its inner loops would begin another one on top.
    std::thread::scope(|scope| {
        for _ in 0..rayon::current_num_threads().min(n) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= n {
                        break;
                    }
                    let result = job(index);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|&(index, _)| index);
    done.into_iter().map(|(_, result)| result).collect()
}
