//! P2-C13 at the accelerator's scale: a universal perturbation of MNIST-CIFAR dominoes lies in the digit.

use simbias_reliance::{Block, BlockSet, budget_shares};
use simbias_report::Caveat;
use simbias_train::NetScorer;
use simbias_train::attack::{BatchOrder, Norm, Signing, Universal, universal};

use super::domino_rows::DominoSource;
use super::dominoes::train;
use super::recipe::test_accuracy;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

/// Rows that a perturbation is fitted on, cut from the validation rows.
const N_FIT: usize = 2_560;
/// L2 radius in pixel values of 0 to 1. The paper gives none for images; half the distance between the mean digits 0
/// and 1 in three channels is about 8.
const RADIUS: f64 = 10.0;

/// Fits on validation rows and scores on test rows, for a ResNet-18 (Shah et al. 2020, figure 4).
pub(super) fn universal_of_dominoes(
    context: &MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new("P2-C13", context, 2)?;
    let mut measurement = Measurement::default();
    let source = DominoSource::open(&stages)?;
    for &seed in stages.seeds() {
        stages.begin(seed, "training of the ResNet-18")?;
        let rows = source.draw(&stages, seed)?;
        let trained = train(&source, &rows, &stages, seed)?;
        if let Some(caveat) = trained.caveat("The ResNet-18") {
            measurement.caveat(caveat);
        }
        let accuracy = test_accuracy(&trained.network, &rows.test, &stages)?;
        measurement.control("accuracy", seed, accuracy);

        stages.begin(seed, "universal perturbations")?;
        let validation = &rows.validation.0;
        let n_fit = stages.rows(validation.n_rows().min(N_FIT)) as u32;
        let fit_rows = validation.select(&(0..n_fit).collect::<Vec<u32>>());
        let (Some(fit_labels), Some(test_labels)) =
            (fit_rows.class_labels(), rows.test.0.class_labels())
        else {
            return Err(stages.failure("the rows have no classes"));
        };
        let upper = Block::new("MNIST half", rows.upper_columns());
        let transform = rows.transform();
        let blocks = BlockSet::overlapping(vec![upper], rows.test.0.n_features())
            .map_err(|error| stages.failure(error))?;
        let scorer = NetScorer::new(trained.network);
        for (kind, signing) in [("signed", Signing::LabelSigned), ("unsigned", Signing::Unsigned)] {
            stages.check_interrupt()?;
            let attack = Universal {
                norm: Norm::L2,
                radius: RADIUS,
                step: RADIUS / 20.0,
                inner_steps: stages.draws(30) as usize,
                epochs: 2,
                batch_rows: 256,
                order: BatchOrder::Shuffled,
                signing,
                bounds: rows.bounds(),
            };
            let (labels, seed_of_attack) = (&fit_labels.indices, seed.child("claims/attack", 0));
            let (rows_to_fit, quiet) = (fit_rows.rows.view(), stages.quiet());
            let found = universal(&scorer, rows_to_fit, labels, &attack, seed_of_attack, &quiet)
                .map_err(|error| stages.failure(error))?;
            let share = &budget_shares(found.delta.view(), &blocks, &transform)
                .map_err(|error| stages.failure(error))?[0];
            let under = found
                .score(&scorer, rows.test.0.rows.view(), &test_labels.indices)
                .map_err(|error| stages.failure(error))?
                .accuracy;
            let (norm, energy) = (share.norm_ratio, share.energy_share);
            if signing == Signing::LabelSigned {
                measurement.observe("MNIST half: |u|/‖u‖", seed, norm);
                measurement.observe("MNIST half: share of the energy", seed, energy);
                measurement.observe("accuracy under the perturbation", seed, under);
            } else {
                measurement.control(format!("{kind}: |u|/‖u‖ of the MNIST half"), seed, norm);
                measurement.control(
                    format!("{kind}: energy share of the MNIST half"),
                    seed,
                    energy,
                );
                measurement.control(format!("{kind}: accuracy"), seed, under);
            }
        }
    }
    measurement.caveat(source.caveat());
    measurement.caveat(Caveat::note(
        "radius",
        format!(
            "The paper gives no radius for images; {RADIUS} in pixel values of 0 to 1 was chosen before the run. \
             The judged perturbation follows the sign of the label."
        ),
    ));
    Ok(measurement)
}
