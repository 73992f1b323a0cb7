//! P2-C10 to P2-C12: what the bias costs on the training distribution itself.

use simbias_data::synth::Preset;
use simbias_report::Caveat;
use simbias_stats::Seed;
use simbias_train::{LossGoal, Optimizer};

use super::block_reliance::BlockReliance;
use super::recipe::{Recipe, Trained, fcn, test_accuracy};
use super::rows::SlabRows;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement, Scale};

/// Coordinates of all data sets here.
const DIM: usize = 50;
/// Test rows where corrupted ones are judged by themselves: these are a tenth of all, and 4 000 of them
/// give their accuracy to ±.016.
const N_TEST_NOISY: usize = 40_000;
/// Steps of P2-C11 and its control, as the criterion was written before any run. The control is then still in
/// its flat phase in some repetitions, which leaves the claim inconclusive; by 16 000 steps it had left it in
/// all of eight. The budget stays as it was set.
const STEPS_NOISY: u64 = 6_000;

/// P2-C10: the same networks without the simplest block.
pub(crate) fn without_the_simplest(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    let cells = [
        ("MS-5: test accuracy", Preset::Ms5, Recipe::sgd(fcn(DIM, 100, 2), 14_000)),
        (
            "MS-7: test accuracy",
            Preset::Ms7,
            Recipe { goal: Some(LossGoal::default()), ..notebook(300, 2, 8_000) },
        ),
    ];
    let mut stages = Stages::new("P2-C10", context, cells.len())?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        for (name, preset, recipe) in &cells {
            let rows = SlabRows::of_preset(*preset, preset.defaults(), 0..1, &stages, seed)?;
            stages.begin(seed, preset)?;
            let trained = recipe.train(&rows.train, &rows.validation, &stages, seed)?;
            if let Some(caveat) = trained.caveat(name) {
                measurement.caveat(caveat);
            }
            measurement.observe(name, seed, test_accuracy(&trained.network, &rows.test, &stages)?);
            measurement.control(format!("{preset}: steps"), seed, trained.steps as f64);
        }
    }
    Ok(measurement)
}

/// P2-C11: hatLMS-7, and MS-7 with identical settings as its control.
pub(crate) fn noisy_simplest(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let recipe = notebook(200, 1, STEPS_NOISY);
    let mut stages = Stages::new("P2-C11", context, 2)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        let mut options = Preset::HatLms7.defaults();
        options.n_test = N_TEST_NOISY;
        let rows = SlabRows::of_preset(Preset::HatLms7, options, 0..1, &stages, seed)?;
        stages.begin(seed, "hatLMS-7")?;
        let trained = recipe.train(&rows.train, &rows.validation, &stages, seed)?;
        let found = BlockReliance::of(&trained.network, &rows, &stages, seed)?;
        let on_clean = found.accuracy_where(rows.clean_test.iter().copied());
        let on_corrupted = found.accuracy_where(rows.clean_test.iter().map(|&clean| !clean));
        measurement.observe("test accuracy", seed, found.accuracy);
        measurement.observe(
            "|test accuracy - Sc-rand accuracy|",
            seed,
            (found.accuracy - found.sc_rand.accuracy).abs(),
        );
        measurement.observe("S-rand accuracy", seed, found.s_rand.accuracy);
        measurement.observe("accuracy on corrupted rows", seed, on_corrupted);
        measurement.observe("accuracy on clean rows", seed, on_clean);
        measurement.control("Sc-rand accuracy", seed, found.sc_rand.accuracy);

        let rows = SlabRows::of_preset(Preset::Ms7, Preset::Ms7.defaults(), 0..1, &stages, seed)?;
        stages.begin(seed, "MS-7 control")?;
        let control = recipe.train(&rows.train, &rows.validation, &stages, seed)?;
        let accuracy = test_accuracy(&control.network, &rows.test, &stages)?;
        measurement.observe("MS-7 control: accuracy", seed, accuracy);
        measurement.control(
            "MS-7 control: accuracy on validation rows",
            seed,
            control.validation_accuracy,
        );
        measurement.control(
            "MS-7 control: step of the kept weights",
            seed,
            control.kept_step as f64,
        );
        measurement.control("step of the kept weights", seed, trained.kept_step as f64);
    }
    measurement.caveat(Caveat::note(
        "regime",
        "This is a regime, not a law: with fewer, quickly learnable complex blocks and more noise the \
         network leaves the noisy block; see P2-C19.",
    ));
    Ok(measurement)
}

/// P2-C12: the best of several settings on hatLMS-7, chosen on validation rows.
pub(crate) fn settings_grid(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let grid = match context.scale {
        Scale::Gpu => large_grid(),
        Scale::Cpu | Scale::Full => small_grid(),
    };
    let name = match context.scale {
        Scale::Gpu => "best test accuracy of 60 settings",
        Scale::Cpu | Scale::Full => "best test accuracy of 6 settings",
    };
    let mut stages = Stages::new("P2-C12", context, grid.len())?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        let rows = hatlms7(&stages, seed)?;
        let mut best: Option<Trained> = None;
        for (setting, recipe) in &grid {
            stages.begin(seed, setting)?;
            let trained = recipe.train(&rows.train, &rows.validation, &stages, seed)?;
            let accuracy = test_accuracy(&trained.network, &rows.test, &stages)?;
            measurement.control(format!("{setting}: test accuracy"), seed, accuracy);
            if best
                .as_ref()
                .is_none_or(|best| best.validation_accuracy < trained.validation_accuracy)
            {
                best = Some(trained);
            }
        }
        if let Some(best) = best {
            measurement.observe(name, seed, test_accuracy(&best.network, &rows.test, &stages)?);
        }
    }
    Ok(measurement)
}

fn hatlms7(stages: &Stages<'_>, seed: Seed) -> Result<SlabRows, ClaimError> {
    SlabRows::of_preset(Preset::HatLms7, Preset::HatLms7.defaults(), 0..1, stages, seed)
}

/// The settings of notebook 03: rate .3, momentum .9, weight decay 5e-4, to the last step.
fn notebook(width: usize, n_hidden: usize, max_steps: u64) -> Recipe {
    Recipe {
        optimizer: Optimizer::momentum(0.9, 5e-4),
        learning_rate: 0.3,
        goal: None,
        ..Recipe::sgd(fcn(DIM, width, n_hidden), max_steps)
    }
}

/// Six settings around the best ones of the paper's Table 10 for the (200,1) network, and Adam.
fn small_grid() -> Vec<(String, Recipe)> {
    let sgd = |learning_rate: f64, batch_size: usize, weight_decay: f64, momentum: f64| Recipe {
        learning_rate,
        batch_size,
        optimizer: Optimizer::momentum(momentum, weight_decay),
        ..notebook(200, 1, 4_000)
    };
    let adam =
        Recipe { optimizer: Optimizer::adam(0.0), learning_rate: 1e-3, ..notebook(200, 1, 8_000) };
    vec![
        ("SGD .1, batch 256".into(), sgd(0.1, 256, 0.0, 0.0)),
        ("SGD .3, batch 256, momentum .9, λ 5e-4".into(), sgd(0.3, 256, 5e-4, 0.9)),
        ("SGD .1, batch 256, momentum .9, λ 5e-5".into(), sgd(0.1, 256, 5e-5, 0.9)),
        ("SGD .05, batch 64, momentum .9, λ 5e-4".into(), sgd(0.05, 64, 5e-4, 0.9)),
        ("SGD .01, batch 64, momentum .95".into(), sgd(0.01, 64, 0.0, 0.95)),
        ("Adam .001, batch 256".into(), adam),
    ]
}

/// Sixty settings of the paper's grid (Appendix D.1).
fn large_grid() -> Vec<(String, Recipe)> {
    let mut grid = Vec::new();
    for learning_rate in [0.001, 0.01, 0.05, 0.1, 0.3] {
        for batch_size in [64, 256] {
            for weight_decay in [0.0, 5e-4] {
                for momentum in [0.0, 0.9, 0.95] {
                    let recipe = Recipe {
                        learning_rate,
                        batch_size,
                        optimizer: Optimizer::momentum(momentum, weight_decay),
                        ..notebook(200, 1, 6_000)
                    };
                    let name = format!(
                        "SGD {learning_rate}, batch {batch_size}, momentum {momentum}, λ \
                         {weight_decay}"
                    );
                    grid.push((name, recipe));
                }
            }
        }
    }
    grid
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn grids_have_the_size_that_the_table_names() {
        for (grid, size) in [(small_grid(), 6), (large_grid(), 60)] {
            let names: BTreeSet<_> = grid.iter().map(|(name, _)| name.clone()).collect();
            assert_eq!(names.len(), size, "{names:?}");
        }
    }

    #[test]
    fn the_control_has_no_setting_of_its_own() {
        let recipe = notebook(200, 1, STEPS_NOISY);
        assert_eq!(recipe.optimizer, Optimizer::momentum(0.9, 5e-4));
        assert_eq!((recipe.learning_rate, recipe.batch_size, recipe.goal), (0.3, 256, None));
    }
}
