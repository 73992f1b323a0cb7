//! P2-C17: what one hidden layer learns of linear, slab and noise coordinates.

use simbias_data::synth::lsn::LsnTraining;
use simbias_report::Caveat;

use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

const CLAIM: &str = "P2-C17";

/// Runs the SGD of Theorem 1 (Shah et al. 2020, §4.1 and Appendix F) at `d = 400`, `k = 50`, `η = .5`.
///
/// The theorem's closed forms hold while every row has a positive loss, so the shares of active rows are
/// shown beside the weights, and the weights are those of an actual run.
pub(crate) fn theorem(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new(CLAIM, context, 1)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        stages.begin(seed, "SGD on linear, slab and noise")?;
        let defaults = LsnTraining::default();
        let training = LsnTraining {
            batch_size: stages.rows(defaults.batch_size),
            n_test: stages.rows(defaults.n_test),
            seed: seed.child("claims/lsn", 0),
            ..defaults
        };
        let outcome = training.run().map_err(|error| stages.failure(error))?;
        let (initial, trained) = (outcome.initial, outcome.trained);
        let predicted = 2.0 / (training.n_hidden as f64).sqrt();
        measurement.observe("mean |w1| over 2/√k", seed, trained.linear / predicted);
        measurement.observe("mean |w1| over mean |w2|", seed, trained.linear / trained.slab);
        measurement.observe("test error", seed, outcome.test_error);

        measurement.control("mean |w1|", seed, trained.linear);
        measurement.control("mean |w2|", seed, trained.slab);
        measurement.control("mean |w2| over its start", seed, trained.slab / initial.slab);
        measurement.control("mean ‖w3:‖", seed, trained.noise_norm);
        let active = &outcome.active_fractions;
        let all_active = active.iter().take_while(|&&share| share == 1.0).count();
        measurement.control("steps with all rows active", seed, all_active as f64);
        let last = active.last().copied().unwrap_or(f64::NAN);
        measurement.control("share of active rows at the last step", seed, last);
    }
    measurement.caveat(Caveat::note(
        "finite-dimension",
        "The theorem's constants ask for an astronomically large dimension. At 400 dimensions the \
            behaviour matches; that is not a proof. The slab weights grow from their start as well, they \
            are only much smaller than the linear ones.",
    ));
    Ok(measurement)
}
