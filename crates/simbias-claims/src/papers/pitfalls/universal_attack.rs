//! P2-C13 on a CPU: a universal perturbation of LMS-5 lies in the simplest block and carries over between
//! architectures.

use simbias_data::Scorer;
use simbias_data::synth::Preset;
use simbias_reliance::{Block, BlockSet, budget_shares};
use simbias_report::Caveat;
use simbias_stats::Seed;
use simbias_train::NetScorer;
use simbias_train::attack::{
    BatchOrder, Bounds, Norm, Signing, TransferMatrix, Universal, universal,
};

use super::block_reliance::Worst;
use super::recipe::{Recipe, cnn, fcn, gru};
use super::rows::SlabRows;
use super::universal_image::universal_of_dominoes;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement, Scale};

/// Rows that a perturbation is fitted on, cut from the validation rows.
const N_FIT: usize = 2_560;

/// The attack of notebook 06 on LMS-5: L2 radius 1, steps of .05, 30 on each batch, two epochs.
fn attack(signing: Signing, bounds: Option<Bounds>) -> Universal {
    Universal {
        norm: Norm::L2,
        radius: 1.0,
        step: 0.05,
        inner_steps: 30,
        epochs: 2,
        batch_rows: 256,
        order: BatchOrder::Shuffled,
        signing,
        bounds,
    }
}

/// On a CPU, LMS-5 and three architectures; on an accelerator, images and a ResNet-18.
pub(crate) fn universal_transfer(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    match context.scale {
        Scale::Cpu => universal_of_slabs(context),
        Scale::Gpu | Scale::Full => universal_of_dominoes(context),
    }
}

/// Fits on validation rows and scores on test rows, for an FCN, a CNN and a GRU.
fn universal_of_slabs(context: &MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let nets = [("FCN", fcn(50, 100, 2)), ("CNN", cnn(50, 1)), ("GRU", gru(50, 1))];
    let mut stages = Stages::new("P2-C13", context, nets.len() + 1)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        let rows = SlabRows::of_preset(Preset::Lms5, Preset::Lms5.defaults(), 0..1, &stages, seed)?;
        let mut scorers = Vec::new();
        for (name, architecture) in &nets {
            stages.begin(seed, format!("training of the {name}"))?;
            let trained = Recipe::sgd(architecture.clone(), 5_000).train(
                &rows.train,
                &rows.validation,
                &stages,
                seed,
            )?;
            if let Some(caveat) = trained.caveat(name) {
                measurement.caveat(caveat);
            }
            scorers.push((*name, NetScorer::new(trained.network)));
        }
        stages.begin(seed, "universal perturbations")?;
        let signed = perturb(&scorers, Signing::LabelSigned, &rows, &stages, seed)?;
        let unsigned = perturb(&scorers, Signing::Unsigned, &rows, &stages, seed)?;
        observe(&mut measurement, &signed, seed);
        show(&mut measurement, "signed", &signed, seed);
        show(&mut measurement, "unsigned", &unsigned, seed);
    }
    measurement.caveat(Caveat::note(
        "label-signed",
        "The judged perturbation is added with the sign of the row's label, as in the official code, so \
         the attacker must know the label; the unsigned one stands among the controls and can push a \
         linear block to about one half only.",
    ));
    Ok(measurement)
}

/// Perturbations of all networks, measured on test rows.
struct Perturbed {
    matrix: TransferMatrix,
    /// `|u_S| / ‖u‖` of each network's perturbation.
    ratios: Vec<f64>,
}

fn perturb(
    scorers: &[(&'static str, NetScorer)],
    signing: Signing,
    rows: &SlabRows,
    stages: &Stages<'_>,
    seed: Seed,
) -> Result<Perturbed, ClaimError> {
    let validation = &rows.validation.0;
    let n_fit = validation.n_rows().min(N_FIT) as u32;
    let fit_rows = validation.select(&(0..n_fit).collect::<Vec<u32>>());
    let (Some(fit_labels), Some(test_labels)) =
        (fit_rows.class_labels(), rows.test.0.class_labels())
    else {
        return Err(stages.failure("the rows have no classes"));
    };
    let config = attack(signing, Bounds::of(rows.train.0.rows.view()));
    let blocks = BlockSet::overlapping(
        vec![Block::new("S", rows.simple.clone())],
        rows.transform.n_coefficients(),
    )
    .map_err(|error| stages.failure(error))?;
    let (mut perturbations, mut ratios) = (Vec::new(), Vec::new());
    for (_, scorer) in scorers {
        stages.check_interrupt()?;
        let labels = &fit_labels.indices;
        let seed = seed.child("claims/attack", 0);
        let (rows_to_fit, quiet) = (fit_rows.rows.view(), stages.quiet());
        let perturbation = universal(scorer, rows_to_fit, labels, &config, seed, &quiet)
            .map_err(|error| stages.failure(error))?;
        let shares = budget_shares(perturbation.delta.view(), &blocks, &*rows.transform)
            .map_err(|error| stages.failure(error))?;
        ratios.push(shares[0].norm_ratio);
        perturbations.push(perturbation);
    }
    let models: Vec<(&str, &dyn Scorer)> =
        scorers.iter().map(|(name, scorer)| (*name, scorer as &dyn Scorer)).collect();
    let matrix = TransferMatrix::measure(
        &models,
        &perturbations,
        rows.test.0.rows.view(),
        &test_labels.indices,
        &stages.quiet(),
    )
    .map_err(|error| stages.failure(error))?;
    Ok(Perturbed { matrix, ratios })
}

fn observe(measurement: &mut Measurement, signed: &Perturbed, seed: Seed) {
    let (mut own, mut transferred) = (Worst::largest(), Worst::largest());
    let (mut ratio, mut cosine) = (Worst::smallest(), Worst::smallest());
    for ((fitted_on, scored_on), &accuracy) in signed.matrix.accuracy.indexed_iter() {
        if fitted_on == scored_on {
            own.add(accuracy);
            ratio.add(signed.ratios[fitted_on]);
        } else {
            transferred.add(accuracy);
            cosine.add(signed.matrix.cosine[[fitted_on, scored_on]]);
        }
    }
    measurement.observe("largest accuracy under the own perturbation", seed, own.value());
    measurement.observe("smallest |u_S|/‖u‖", seed, ratio.value());
    measurement.observe("smallest cosine of two perturbations", seed, cosine.value());
    measurement.observe("largest accuracy under another's perturbation", seed, transferred.value());
}

fn show(measurement: &mut Measurement, kind: &str, found: &Perturbed, seed: Seed) {
    let names = &found.matrix.names;
    for ((i, j), &accuracy) in found.matrix.accuracy.indexed_iter() {
        let name = format!("{kind}, fitted on {}: accuracy of {}", names[i], names[j]);
        measurement.control(name, seed, accuracy);
    }
    for (name, &ratio) in names.iter().zip(&found.ratios) {
        measurement.control(format!("{kind}, {name}: |u_S|/‖u‖"), seed, ratio);
        measurement.control(format!("{kind}, {name}: energy share of S"), seed, ratio * ratio);
    }
}
