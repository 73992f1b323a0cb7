//! What each block can do alone: the probes and solo runs of all blocks, side by side.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use simbias_data::transform::Transform;
use simbias_nn::{Device, cpu};
use simbias_reliance::metric::Metric;
use simbias_reliance::outcome::{ProbeRung, Simplicity, SoloTraining};
use simbias_reliance::{Block, Measurement};
use simbias_report::{Progress, SideBySide, StopOnly};
use simbias_train::Recipe;

use crate::AuditError;
use crate::audit::{AuditInput, AuditOptions};
use crate::simplicity::{
    Parts, SoloRun, climb, learn_alone, most_necessary, over_seeds, quick_probe, range,
};

/// Rung of the network trained on one block alone, when it has the architecture of the audited model.
const OWN_RUNG: &str = "audited architecture";
/// The same when it does not: the architecture of a given model is unknown.
const OTHER_RUNG: &str = "network of this tool";

/// Probes and solo runs of the chosen blocks; fills the outcome and returns the solo runs.
#[expect(clippy::too_many_arguments, reason = "the parts of one experiment, each used once")]
pub(crate) fn simplicity_of_blocks(
    base: &mut Measurement,
    input: &AuditInput,
    parts: Parts<'_>,
    recipe: &Recipe,
    own_architecture: bool,
    metric: Metric,
    options: &AuditOptions,
    progress: &dyn Progress,
) -> Result<Vec<(String, SoloRun)>, AuditError> {
    let probed = blocks_to_probe(base, input, parts, recipe, metric, options, progress)?;
    let stage = SideBySide::new(progress, probed.len());
    let study = |place: usize| {
        let block = &input.blocks.blocks()[probed[place]];
        let transform: &dyn Transform = input.transform.as_ref();
        let progress = stage.piece(place);
        simplicity_of_block(
            block,
            transform,
            parts,
            recipe,
            own_architecture,
            metric,
            options,
            &progress,
        )
    };
    let mut solo = Vec::new();
    for (&index, studied) in probed.iter().zip(side_by_side(probed.len(), &recipe.device, study)) {
        let (simplicity, run) = studied?;
        base.outcome.blocks[index].simplicity = Some(simplicity);
        solo.extend(run.map(|run| (input.blocks.blocks()[index].name.clone(), run)));
    }
    Ok(solo)
}

/// The blocks that are probed, in order. Where all would take too long, half of them are the most necessary ones and
/// half those that a quick linear probe finds most predictive: ignored blocks hide among the least needed.
fn blocks_to_probe(
    base: &Measurement,
    input: &AuditInput,
    parts: Parts<'_>,
    recipe: &Recipe,
    metric: Metric,
    options: &AuditOptions,
    progress: &dyn Progress,
) -> Result<Vec<usize>, AuditError> {
    let blocks = &base.outcome.blocks;
    if blocks.len() <= options.most_probed {
        return Ok((0..blocks.len()).collect());
    }
    let mut chosen = most_necessary(blocks, options.most_probed.div_ceil(2));
    let others: Vec<usize> = (0..blocks.len()).filter(|index| !chosen.contains(index)).collect();
    progress.advance(0, 1, "quick probes");
    let quick = side_by_side(others.len(), &recipe.device, |place| {
        let block = &input.blocks.blocks()[others[place]];
        quick_probe(block, input.transform.as_ref(), parts, metric, options.seed, progress)
    });
    let mut ranked = others
        .iter()
        .zip(quick)
        .map(|(&index, value)| Ok((value?, index)))
        .collect::<Result<Vec<(f64, usize)>, AuditError>>()?;
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let n_more = options.most_probed - chosen.len();
    chosen.extend(ranked.into_iter().take(n_more).map(|(_, index)| index));
    chosen.sort_unstable();
    Ok(chosen)
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

/// Probes and solo runs of one block.
#[expect(clippy::too_many_arguments, reason = "the parts of one experiment, each used once")]
fn simplicity_of_block(
    block: &Block,
    transform: &dyn Transform,
    parts: Parts<'_>,
    recipe: &Recipe,
    own_architecture: bool,
    metric: Metric,
    options: &AuditOptions,
    progress: &dyn Progress,
) -> Result<(Simplicity, Option<SoloRun>), AuditError> {
    let level = options.reliance.level;
    progress.advance(0, 1, &format!("probes on {}", block.name));
    let quiet = StopOnly(progress);
    let mut ladder =
        climb(block, transform, parts, metric, &options.simplicity, options.seed, level, &quiet)?;
    if options.simplicity.solo_steps == 0 {
        return Ok((ladder.simplicity, None));
    }
    let mut runs = Vec::new();
    for run in 0..options.simplicity.solo_seeds.max(1) as u64 {
        progress.advance(0, 1, &format!("{} alone", block.name));
        runs.push(learn_alone(
            block,
            transform,
            parts,
            recipe,
            metric,
            &options.simplicity,
            options.seed.child("audit/solo", run),
            progress,
        )?);
    }
    let metrics: Vec<f64> = runs.iter().map(|run| run.metric).collect();
    let metric = over_seeds(&metrics, level, range(metric))?;
    ladder.simplicity.solo_training = Some(SoloTraining {
        own_architecture,
        metric: metric.clone(),
        steps: runs.iter().map(|run| run.steps).max().unwrap_or(0),
        max_steps: options.simplicity.solo_steps,
    });
    let name = if own_architecture { OWN_RUNG } else { OTHER_RUNG };
    let rung = ProbeRung { name: name.into(), metric };
    let on_validation =
        runs.iter().map(|run| run.validation_metric).sum::<f64>() / runs.len() as f64;
    ladder.push(rung, on_validation, options.simplicity.tolerance);
    let steps: Vec<f64> =
        runs.iter().filter_map(|run| run.steps_to_learn).map(|steps| steps as f64).collect();
    if steps.len() == runs.len() {
        ladder.simplicity.solo_steps =
            Some(over_seeds(&steps, level, (0.0, options.simplicity.solo_steps as f64))?);
    }
    progress.advance(1, 1, &format!("{} alone", block.name));
    Ok((ladder.simplicity, runs.into_iter().next()))
}
