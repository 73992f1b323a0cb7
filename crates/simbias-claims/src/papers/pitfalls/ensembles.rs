//! P2-C14: what ensembles gain with and without a simplest block.

use ndarray::Array2;
use simbias_data::Scorer;
use simbias_data::synth::{Preset, PresetOptions};
use simbias_stats::{Seed, accuracy, mean};
use simbias_train::NetScorer;

use super::recipe::{Recipe, fcn};
use super::rows::SlabRows;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

const CLAIM: &str = "P2-C14";
const N_MEMBERS: usize = 5;
const MAX_STEPS: u64 = 2_000;

/// Accuracies of the members and of their mean logits.
struct Ensemble {
    members: Vec<f64>,
    together: f64,
}

impl Ensemble {
    /// Ensemble accuracy minus the members' mean.
    fn gain(&self) -> f64 {
        self.together - mean(&self.members)
    }
}

/// Trains five (100,2) networks on hatLMS-7 with 50 % noise (10 000 rows) and five on MS-5 (4000 rows, few
/// enough that single networks fall short) and averages their logits. Members of an ensemble learn the same rows from
/// different starts (Shah et al. 2020, §E.1; sample sizes are ours, the paper's are not published).
pub(crate) fn ensembles(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new(CLAIM, context, 2 * N_MEMBERS)?;
    let mut measurement = Measurement::default();
    let hat = PresetOptions { n_train: 10_000, noise_share: 0.5, ..Preset::HatLms7.defaults() };
    let equal = PresetOptions { n_train: 4_000, ..Preset::Ms5.defaults() };
    for &seed in stages.seeds() {
        let mut gains = Vec::new();
        for (name, preset, options) in
            [("hatLMS-7", Preset::HatLms7, hat), ("MS-5", Preset::Ms5, equal)]
        {
            let rows = SlabRows::of_preset(preset, options, 0..1, &stages, seed)?;
            let ensemble = train_ensemble(name, &rows, &mut stages, seed)?;
            for (member, accuracy) in ensemble.members.iter().enumerate() {
                let control = format!("{name}: accuracy of member {}", member + 1);
                measurement.control(control, seed, *accuracy);
            }
            measurement.control(format!("{name}: accuracy of all"), seed, ensemble.together);
            gains.push(ensemble.gain());
        }
        let [hat_gain, equal_gain] = gains[..] else { unreachable!("two data sets") };
        measurement.observe("hatLMS-7: gain of 5 members", seed, hat_gain);
        measurement.observe("MS-5 gain minus 3 × hatLMS-7 gain", seed, equal_gain - 3.0 * hat_gain);
        measurement.observe("MS-5: gain of 5 members", seed, equal_gain);
    }
    Ok(measurement)
}

fn train_ensemble(
    name: &str,
    rows: &SlabRows,
    stages: &mut Stages<'_>,
    seed: Seed,
) -> Result<Ensemble, ClaimError> {
    let recipe = Recipe::momentum(fcn(rows.test.0.n_features(), 100, 2), MAX_STEPS);
    let Some(labels) = rows.test.0.class_labels() else {
        return Err(stages.failure("the test rows have no classes"));
    };
    let accuracy_of = |logits: &Array2<f32>| {
        let values: Vec<f32> = logits.iter().copied().collect();
        accuracy(&values, logits.ncols(), &labels.indices)
    };
    let mut members = Vec::new();
    let mut sum: Option<Array2<f32>> = None;
    for member in 0..N_MEMBERS {
        stages.begin(seed, format!("{name}, member {} of {N_MEMBERS}", member + 1))?;
        let seed = seed.child("claims/member", member as u64);
        let trained = recipe.train(&rows.train, &rows.validation, stages, seed)?;
        let scores = NetScorer::new(trained.network).score(rows.test.0.rows.view());
        let scores = scores.map_err(|error| stages.failure(error))?;
        members.push(accuracy_of(&scores).map_err(|error| stages.failure(error))?);
        sum = Some(match sum {
            Some(sum) => sum + &scores,
            None => scores,
        });
    }
    // The sum of logits decides as their mean does.
    let Some(sum) = sum else { unreachable!("an ensemble has members") };
    let together = accuracy_of(&sum).map_err(|error| stages.failure(error))?;
    Ok(Ensemble { members, together })
}
