//! P2-C1 to P2-C4: whatever the architecture and the number of complex blocks, only the simplest block is used.

use simbias_data::synth::Preset;
use simbias_nn::Architecture;
use simbias_report::Caveat;
use simbias_stats::Seed;

use super::block_reliance::{BlockReliance, Worst};
use super::recipe::{Recipe, cnn, fcn, gru};
use super::rows::SlabRows;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement, Scale};

/// Step limit on LMS-5, which every network of the paper learns in a few hundred.
const STEPS_LMS5: u64 = 5_000;
/// Step limit on MS-(5,7), whose flat phase is long; the runs usually end after 2 000.
const STEPS_MS57: u64 = 12_000;
/// Step limit of the CNN and the GRU on MS-(5,7), on an accelerator.
const STEPS_MS57_SEQUENCE: u64 = 60_000;

/// A network with its name in the paper and its training.
struct Named {
    name: &'static str,
    recipe: Recipe,
}

/// P2-C1: FCNs on LMS-5 and MS-(5,7). On an accelerator also the widest network of the paper.
pub(crate) fn fully_connected(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut nets = vec![("(100,1)", fcn(50, 100, 1)), ("(100,2)", fcn(50, 100, 2))];
    if context.scale == Scale::Gpu {
        nets.push(("(2000,1)", fcn(50, 2000, 1)));
    }
    let mut stages = Stages::new("P2-C1", context, 2 * nets.len())?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        for (preset, names) in [
            (Preset::Lms5, ["LMS-5: AUC", "LMS-5: |S-rand AUC - 0.5|", "LMS-5: Sc-rand AUC"]),
            (
                Preset::Ms57,
                ["MS-(5,7): AUC", "MS-(5,7): |S-rand AUC - 0.5|", "MS-(5,7): Sc-rand AUC"],
            ),
        ] {
            let rows = preset_rows(preset, 50, &stages, seed)?;
            let nets: Vec<Named> = nets
                .iter()
                .map(|(name, net)| Named { name, recipe: recipe_for(preset, net.clone()) })
                .collect();
            observe_worst(&mut measurement, names, &rows, &nets, &mut stages, seed)?;
        }
    }
    Ok(measurement)
}

/// P2-C2: 1-D CNN and GRU, on LMS-5 and, on an accelerator, on MS-(5,7).
///
/// A repetition with the two-layer GRU takes minutes on two cores, so it is left to the accelerator.
pub(crate) fn cnn_and_gru(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let on_accelerator = context.scale == Scale::Gpu;
    let preset = if on_accelerator { Preset::Ms57 } else { Preset::Lms5 };
    let named = |name, architecture| {
        let mut recipe = recipe_for(preset, architecture);
        if preset == Preset::Ms57 {
            recipe.max_steps = STEPS_MS57_SEQUENCE;
        }
        Named { name, recipe }
    };
    let mut grus = vec![named("(100,10,1)-GRU", gru(50, 1))];
    if on_accelerator {
        grus.push(named("(100,10,2)-GRU", gru(50, 2)));
    }
    let families = [
        (
            ["CNN: AUC", "CNN: |S-rand AUC - 0.5|", "CNN: Sc-rand AUC"],
            vec![named("(32,7,1)-CNN", cnn(50, 1)), named("(32,7,2)-CNN", cnn(50, 2))],
        ),
        (["GRU: AUC", "GRU: |S-rand AUC - 0.5|", "GRU: Sc-rand AUC"], grus),
    ];
    let n_nets = families.iter().map(|(_, nets)| nets.len()).sum();
    let mut stages = Stages::new("P2-C2", context, n_nets)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        let rows = preset_rows(preset, 50, &stages, seed)?;
        for (names, nets) in &families {
            observe_worst(&mut measurement, *names, &rows, nets, &mut stages, seed)?;
        }
    }
    if !on_accelerator {
        measurement.caveat(Caveat::note(
            "one-layer-gru",
            "The two-layer GRU of the paper is measured at scale gpu only.",
        ));
    }
    Ok(measurement)
}

/// P2-C3: 249 complex blocks beside the simplest one.
pub(crate) fn many_complex_blocks(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    const DIM: usize = 250;
    let (preset, name, width) = match context.scale {
        Scale::Gpu => (Preset::Ms57, "MS-(5,7), (2000,1)", 2000),
        Scale::Cpu | Scale::Full => (Preset::Lms5, "LMS-5, (500,1)", 500),
    };
    let mut stages = Stages::new("P2-C3", context, 1)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        let rows = preset_rows(preset, DIM, &stages, seed)?;
        let mut recipe = recipe_for(preset, fcn(DIM, width, 1));
        if preset == Preset::Ms57 {
            recipe.max_steps = STEPS_MS57_SEQUENCE;
        }
        let names = ["AUC", "|S-rand AUC - 0.5|", "Sc-rand AUC"];
        observe_worst(
            &mut measurement,
            names,
            &rows,
            &[Named { name, recipe }],
            &mut stages,
            seed,
        )?;
    }
    Ok(measurement)
}

/// P2-C4: what randomization does to the logits of a (100,2)-FCN.
pub(crate) fn logits(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new("P2-C4", context, 2)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        for (preset, names) in [
            (
                Preset::Lms5,
                [
                    "LMS-5: KS(positives, Sc-rand positives)",
                    "LMS-5: KS(positives, S-rand positives)",
                    "LMS-5: KS(all, S-rand positives)",
                    "LMS-5: logit shift, Sc-rand",
                    "LMS-5: logit shift, S-rand",
                ],
            ),
            (
                Preset::Ms57,
                [
                    "MS-(5,7): KS(positives, Sc-rand positives)",
                    "MS-(5,7): KS(positives, S-rand positives)",
                    "MS-(5,7): KS(all, S-rand positives)",
                    "MS-(5,7): logit shift, Sc-rand",
                    "MS-(5,7): logit shift, S-rand",
                ],
            ),
        ] {
            let rows = preset_rows(preset, 50, &stages, seed)?;
            let net = Named { name: "(100,2)", recipe: recipe_for(preset, fcn(50, 100, 2)) };
            let found = reliance(&mut measurement, &rows, &net, &mut stages, seed)?;
            let values = [
                found.sc_rand.ks_positives,
                found.s_rand.ks_positives,
                found.s_rand.ks_all_positives,
                found.sc_rand.shift,
                found.s_rand.shift,
            ];
            for (name, value) in names.into_iter().zip(values) {
                measurement.observe(name, seed, value);
            }
        }
    }
    Ok(measurement)
}

/// Rows of a preset in `dim` coordinates, of which the first is the simplest block.
fn preset_rows(
    preset: Preset,
    dim: usize,
    stages: &Stages<'_>,
    seed: Seed,
) -> Result<SlabRows, ClaimError> {
    let mut options = preset.defaults();
    options.dim = dim;
    SlabRows::of_preset(preset, options, 0..1, stages, seed)
}

/// Plain SGD where a linear block makes it fast; elsewhere with momentum, which shortens the flat phase.
fn recipe_for(preset: Preset, architecture: Architecture) -> Recipe {
    match preset {
        Preset::Ms57 => Recipe::momentum(architecture, STEPS_MS57),
        _ => Recipe::sgd(architecture, STEPS_LMS5),
    }
}

/// Trains every network and judges the worst: AUC, |S-rand AUC - .5| and Sc-rand AUC under `names`.
fn observe_worst(
    measurement: &mut Measurement,
    names: [&'static str; 3],
    rows: &SlabRows,
    nets: &[Named],
    stages: &mut Stages<'_>,
    seed: Seed,
) -> Result<(), ClaimError> {
    let mut worst = [Worst::smallest(), Worst::largest(), Worst::smallest()];
    for net in nets {
        let found = reliance(measurement, rows, net, stages, seed)?;
        worst[0].add(found.auc);
        worst[1].add((found.s_rand.auc - 0.5).abs());
        worst[2].add(found.sc_rand.auc);
    }
    for (name, worst) in names.into_iter().zip(worst) {
        measurement.observe(name, seed, worst.value());
    }
    Ok(())
}

/// Trains one network and shows its figures as controls.
fn reliance(
    measurement: &mut Measurement,
    rows: &SlabRows,
    net: &Named,
    stages: &mut Stages<'_>,
    seed: Seed,
) -> Result<BlockReliance, ClaimError> {
    let what = format!("{} on {}", net.name, rows.train.0.name);
    stages.begin(seed, &what)?;
    let trained = net.recipe.train(&rows.train, &rows.validation, stages, seed)?;
    if let Some(caveat) = trained.caveat(&what) {
        measurement.caveat(caveat);
    }
    let found = BlockReliance::of(&trained.network, rows, stages, seed)?;
    measurement.control(format!("{what}: steps"), seed, trained.steps as f64);
    show(measurement, &what, &found, seed);
    Ok(found)
}

/// Above this logit shift an Sc-rand AUC of 1 no longer means that the complex blocks have no effect.
pub(super) const SHIFT_TO_MENTION: f64 = 0.15;

/// Figures of one network beside the judged ones, and a caveat where the AUC hides an effect.
pub(super) fn show(measurement: &mut Measurement, what: &str, found: &BlockReliance, seed: Seed) {
    for (name, value) in [
        ("AUC", found.auc),
        ("accuracy", found.accuracy),
        ("S-rand AUC", found.s_rand.auc),
        ("Sc-rand AUC", found.sc_rand.auc),
        ("Sc-rand logit shift", found.sc_rand.shift),
    ] {
        measurement.control(format!("{what}: {name}"), seed, value);
    }
    if SHIFT_TO_MENTION < found.sc_rand.shift {
        measurement.caveat(Caveat::note(
            "partial-use",
            format!(
                "{what}: the complex blocks move the logits although the AUC hardly shows it; see \
                 the logit shifts among the controls."
            ),
        ));
    }
}
