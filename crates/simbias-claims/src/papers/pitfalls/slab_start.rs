//! P2-C18: training that starts between a slab model and a random one.

use simbias_data::synth::Preset;
use simbias_data::{Dataset, TrainSplit, ValidationSplit};
use simbias_nn::Network;
use simbias_reliance::{Side, randomized_rows};
use simbias_report::Caveat;
use simbias_stats::{Seed, spearman};

use super::block_reliance::{BlockReliance, Worst};
use super::recipe::{Recipe, fcn};
use super::rows::SlabRows;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

const CLAIM: &str = "P2-C18";
/// Shares of the slab model in the start.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Largest share that ends on the linear block only, by the paper's figure 5.
const LARGEST_LINEAR_SHARE: f64 = 0.5;
const SLAB_STEPS: u64 = 6_000;
const LINEAR_STEPS: u64 = 3_000;

/// Trains on LMS-5 from `α·M_slab + (1-α)·M_rand` (Shah et al. 2020, figure 5 and §C.7).
///
/// `M_slab` has learned the slabs from the same rows, with their linear coordinate taken from other rows.
/// `M_rand` is not the draw of initial weights that `M_slab` began with, but another one.
pub(crate) fn interpolated_start(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new(CLAIM, context, 1 + SHARES.len())?;
    let mut measurement = Measurement::default();
    let options = Preset::Lms5.defaults();
    let architecture = fcn(options.dim, 100, 2);
    for &seed in stages.seeds() {
        stages.begin(seed, "the slab model")?;
        let rows = SlabRows::of_preset(Preset::Lms5, options, 0..1, &stages, seed)?;
        let slab_seed = seed.child("claims/slab-model", 0);
        let slab = Recipe::momentum(architecture.clone(), SLAB_STEPS).train(
            &TrainSplit(without_simple(&rows, &rows.train.0, slab_seed.child("train", 0))),
            &ValidationSplit(without_simple(
                &rows,
                &rows.validation.0,
                slab_seed.child("validation", 0),
            )),
            &stages,
            slab_seed,
        )?;
        measurement.control("slab model: validation accuracy", seed, slab.validation_accuracy);
        measurement.control("slab model: steps", seed, slab.steps as f64);
        if let Some(caveat) = slab.caveat("The slab model") {
            measurement.caveat(caveat);
        }

        let recipe = Recipe::sgd(architecture.clone(), LINEAR_STEPS);
        let random = recipe.network(&stages, seed.child("claims/random-model", 0))?;
        let mut reliances = Vec::new();
        let mut largest = Worst::largest();
        for share in SHARES {
            stages.begin(seed, format!("α = {share}"))?;
            let start = interpolated(&slab.network, &random, share);
            let trained =
                recipe.train_from(start, &rows.train, &rows.validation, None, &stages, seed)?;
            let found = BlockReliance::of(&trained.network, &rows, &stages, seed)?;
            measurement.control(format!("α = {share}: S-rand AUC"), seed, found.s_rand.auc);
            measurement.control(format!("α = {share}: Sc-rand AUC"), seed, found.sc_rand.auc);
            measurement.control(format!("α = {share}: steps"), seed, trained.steps as f64);
            reliances.push(found.s_rand.auc);
            if share <= LARGEST_LINEAR_SHARE {
                largest.add(found.s_rand.auc);
            }
        }
        let correlation = spearman(&SHARES, &reliances).map_err(|error| stages.failure(error))?;
        measurement.observe("rank correlation of α and S-rand AUC", seed, correlation);
        measurement.observe("largest S-rand AUC for α ≤ .5", seed, largest.value());
    }
    measurement.caveat(Caveat::note(
        "own-setting",
        "The paper prints curves only; the distribution, the network and the five shares are ours.",
    ));
    Ok(measurement)
}

/// The rows of `part`, each with the simplest block of another row.
fn without_simple(rows: &SlabRows, part: &Dataset, seed: Seed) -> Dataset {
    let columns: Vec<u32> = rows.simple.clone().map(|column| column as u32).collect();
    let donors = seed.permutation(part.n_rows());
    let moved = randomized_rows(part.rows.view(), &*rows.transform, &columns, &donors, Side::Block);
    Dataset { rows: moved, ..part.clone() }
}

/// `share · slab + (1 - share) · random`, parameter by parameter.
fn interpolated(slab: &Network, random: &Network, share: f64) -> Network {
    let values = slab.values().into_iter().zip(random.values());
    let values = values
        .map(|(slab, random)| slab.mul_scalar(share) + random.mul_scalar(1.0 - share))
        .collect();
    let mut start = random.clone();
    start.set_values(values);
    start
}
