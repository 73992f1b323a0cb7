//! P2-C6 to P2-C9: neither optimizer, activation, dropout, weight decay, dimension nor initial scale changes
//! what the network uses.

use simbias_data::synth::{Preset, SlabBlock, SlabSpec};
use simbias_nn::{Activation, Fcn, Init, Scheme};
use simbias_stats::Seed;
use simbias_train::Optimizer;

use super::block_reliance::{BlockReliance, Worst};
use super::exclusive_use::show;
use super::recipe::{Recipe, WEIGHT_DECAY, fcn};
use super::rows::SlabRows;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement, Scale};

/// Coordinates of LMS-7 and MS-(5,7).
const DIM: usize = 50;
/// Most steps on LMS-7, which takes a few hundred.
const STEPS_LMS7: u64 = 4_000;
/// Most steps on MS-(5,7) without momentum, whose flat phase takes 8 500.
const STEPS_MS57: u64 = 40_000;
/// Steps under the large weight decay, whose penalty keeps the loss above the goal.
const STEPS_DECAYED: u64 = 1_500;
/// Rate of Adam and RMSProp.
const ADAPTIVE_RATE: f64 = 1e-3;

const LARGEST_S_RAND: &str = "largest S-rand AUC";
const SMALLEST_SC_RAND: &str = "smallest Sc-rand AUC";

/// P2-C6: four activations under three optimizers, a (100,2)-FCN on LMS-7; on MS-(5,7) on an accelerator.
pub(crate) fn optimizers_and_activations(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    let (preset, max_steps, names) = match context.scale {
        Scale::Gpu => (
            Preset::Ms57,
            STEPS_MS57,
            [
                "largest S-rand AUC of the 12 MS-(5,7) cells",
                "smallest Sc-rand AUC of the 12 MS-(5,7) cells",
            ],
        ),
        Scale::Cpu | Scale::Full => (
            Preset::Lms7,
            STEPS_LMS7,
            [
                "largest S-rand AUC of the 12 LMS-7 cells",
                "smallest Sc-rand AUC of the 12 LMS-7 cells",
            ],
        ),
    };
    let optimizers = [
        ("SGD", Optimizer::sgd(WEIGHT_DECAY), 0.1),
        ("Adam", Optimizer::adam(WEIGHT_DECAY), ADAPTIVE_RATE),
        ("RMSProp", Optimizer::rmsprop(WEIGHT_DECAY), ADAPTIVE_RATE),
    ];
    let activations = [
        ("ReLU", Activation::Relu),
        ("LeakyReLU", Activation::LeakyRelu),
        ("PReLU", Activation::PRelu),
        ("Tanh", Activation::Tanh),
    ];
    let mut cells = Vec::new();
    for (activation_name, activation) in activations {
        for (optimizer_name, optimizer, learning_rate) in optimizers {
            let architecture = Fcn { activation, ..Fcn::new(DIM, 100, 2, 2) }.into();
            let recipe =
                Recipe { optimizer, learning_rate, ..Recipe::sgd(architecture, max_steps) };
            cells.push((format!("{activation_name}, {optimizer_name}"), recipe));
        }
    }
    worst_of("P2-C6", context, names, preset, &cells)
}

/// P2-C7: dropout and weight decay, (100,1)- and (100,2)-FCNs on LMS-7.
pub(crate) fn dropout_and_weight_decay(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    let mut cells = Vec::new();
    for n_hidden in [1, 2] {
        for dropout in [0.0, 0.05, 0.10] {
            for (decay_name, weight_decay) in [("1e-2", 1e-2), ("1e-4", 1e-4)] {
                let architecture = Fcn { dropout, ..Fcn::new(DIM, 100, n_hidden, 2) }.into();
                let mut recipe = Recipe::sgd(architecture, STEPS_LMS7);
                recipe.optimizer = Optimizer::sgd(weight_decay);
                if weight_decay == 1e-2 {
                    recipe.max_steps = STEPS_DECAYED;
                    recipe.goal = None;
                }
                let name = format!("(100,{n_hidden}), p = {dropout}, λ = {decay_name}");
                cells.push((name, recipe));
            }
        }
    }
    worst_of("P2-C7", context, [LARGEST_S_RAND, SMALLEST_SC_RAND], Preset::Lms7, &cells)
}

/// P2-C8: few dimensions. One is linear, some are 7-slabs, the others are nuisance coordinates.
pub(crate) fn few_dimensions(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let cells = [(2, 1), (5, 1), (5, 3), (10, 1), (10, 3), (10, 6)];
    let mut stages = Stages::new("P2-C8", context, cells.len())?;
    let mut measurement = Measurement::default();
    let defaults = Preset::Lms7.defaults();
    for &seed in stages.seeds() {
        let mut worst = WorstCell::new([LARGEST_S_RAND, SMALLEST_SC_RAND]);
        for (dim, n_complex) in cells {
            let mut blocks = vec![SlabBlock::Slab(7); 1 + n_complex];
            blocks[0] = SlabBlock::Linear;
            let spec = SlabSpec {
                name: "lms7".into(),
                dim,
                width: defaults.width,
                gamma: vec![defaults.gamma; blocks.len()],
                blocks,
                noise: Vec::new(),
                rotate: true,
                seed,
            };
            let n_rows = (defaults.n_train, defaults.n_test);
            let rows = SlabRows::of_spec(spec, n_rows, 0..1, &stages, seed)?;
            let recipe = Recipe::sgd(fcn(dim, 100, 2), STEPS_LMS7);
            let name = format!("d = {dim}, {n_complex} complex");
            worst.add_cell(&mut measurement, &name, &recipe, &rows, &mut stages, seed)?;
        }
        worst.observe(&mut measurement, seed);
    }
    Ok(measurement)
}

/// P2-C9: initial weights of two schemes at three scales, a (100,2)-FCN on LMS-7.
pub(crate) fn initial_scale(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let schemes = [("Kaiming", Scheme::KaimingNormal), ("Xavier", Scheme::XavierNormal)];
    let mut cells = Vec::new();
    for (scheme_name, scheme) in schemes {
        for scale in [0.1, 1.0, 10.0] {
            let mut recipe = Recipe::sgd(fcn(DIM, 100, 2), STEPS_LMS7);
            recipe.init = Init { scheme, scale };
            cells.push((format!("{scheme_name} × {scale}"), recipe));
        }
    }
    worst_of("P2-C9", context, [LARGEST_S_RAND, SMALLEST_SC_RAND], Preset::Lms7, &cells)
}

/// Trains every setting on the rows of `preset` in every repetition, and judges the worst of them.
fn worst_of(
    claim: &'static str,
    context: &mut MeasureContext<'_>,
    names: [&'static str; 2],
    preset: Preset,
    cells: &[(String, Recipe)],
) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new(claim, context, cells.len())?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        let rows = SlabRows::of_preset(preset, preset.defaults(), 0..1, &stages, seed)?;
        let mut worst = WorstCell::new(names);
        for (name, recipe) in cells {
            worst.add_cell(&mut measurement, name, recipe, &rows, &mut stages, seed)?;
        }
        worst.observe(&mut measurement, seed);
    }
    Ok(measurement)
}

/// The worst of many settings of one repetition.
struct WorstCell {
    names: [&'static str; 2],
    s_rand: Worst,
    sc_rand: Worst,
}

impl WorstCell {
    /// Names of the criteria for the largest S-rand and the smallest Sc-rand AUC.
    fn new(names: [&'static str; 2]) -> Self {
        Self { names, s_rand: Worst::largest(), sc_rand: Worst::smallest() }
    }

    /// Trains one setting and shows its figures as controls.
    fn add_cell(
        &mut self,
        measurement: &mut Measurement,
        name: &str,
        recipe: &Recipe,
        rows: &SlabRows,
        stages: &mut Stages<'_>,
        seed: Seed,
    ) -> Result<(), ClaimError> {
        stages.begin(seed, name)?;
        let trained = recipe.train(&rows.train, &rows.validation, stages, seed)?;
        if let Some(caveat) = trained.caveat(name) {
            measurement.caveat(caveat);
        }
        let found = BlockReliance::of(&trained.network, rows, stages, seed)?;
        show(measurement, name, &found, seed);
        self.s_rand.add(found.s_rand.auc);
        self.sc_rand.add(found.sc_rand.auc);
        Ok(())
    }

    fn observe(self, measurement: &mut Measurement, seed: Seed) {
        measurement.observe(self.names[0], seed, self.s_rand.value());
        measurement.observe(self.names[1], seed, self.sc_rand.value());
    }
}
