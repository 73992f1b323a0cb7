//! What an audit costs, and how it keeps to a budget.
//!
//! The cost is counted, not timed: products of numbers at the rate of a nominal machine of two cores, and a fixed price of
//! every step. The same audit therefore does the same work on every machine, and gives the same result.

use simbias_reliance::HeatMap;
use simbias_train::Recipe;

use crate::AuditError;
use crate::audit::{AuditInput, AuditOptions, training_settings};
use crate::remedy::Remedy;
use crate::simplicity::SimplicityOptions;

/// Floating-point operations per second of the nominal machine, in the products of small networks.
const RATE: f64 = 8.0e10;
/// Seconds that a step of training takes beside its products: many small operations.
const STEP: f64 = 5e-4;
/// The same for a probe on one block.
const PROBE_STEP: f64 = 1.5e-4;
/// A step reads the rows forwards and backwards.
const PASSES_A_STEP: f64 = 3.0;
/// Rows of the learning curves of blocks alone.
const CURVE_ROWS: f64 = 500.0;
/// Radii and universal perturbations that a model is attacked with.
const ATTACKS: f64 = 5.0;

/// Seconds of the parts of an audit on the nominal machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Training the network.
    pub training: f64,
    /// Measuring reliance, with the heat map of images.
    pub reliance: f64,
    /// Learning blocks alone.
    pub alone: f64,
    /// Attacks.
    pub attacks: f64,
    /// Remedies, with their own measurements and attacks.
    pub remedies: f64,
}

impl Cost {
    /// All of it.
    pub fn seconds(&self) -> f64 {
        self.training + self.reliance + self.alone + self.attacks + self.remedies
    }

    /// Of an audit that trains its own network.
    ///
    /// # Errors
    /// As [`training_settings`].
    pub fn of(input: &AuditInput, options: &AuditOptions) -> Result<Self, AuditError> {
        let (recipe, _) = training_settings(&input.split.train.0, options)?;
        Self::with(&recipe, input, options)
    }

    fn with(
        recipe: &Recipe,
        input: &AuditInput,
        options: &AuditOptions,
    ) -> Result<Self, AuditError> {
        let rows = |part: &simbias_data::Dataset| part.n_rows() as f64;
        let (n_validation, n_test) = (rows(&input.split.validation.0), rows(&input.split.test.0));
        let row = recipe.architecture.flops_per_row()? as f64 / RATE;
        let step = STEP + PASSES_A_STEP * recipe.fit.batch_size as f64 * row;
        let n_views = input.whole_images.as_ref().map_or(0, |view| view.blocks.blocks().len());
        let n_blocks = input.blocks.blocks().len();
        let n_probed = n_blocks.min(options.most_probed);

        let evaluations = options.max_steps as f64 / recipe.fit.evaluate_every as f64;
        let training = options.max_steps as f64 * step + evaluations * n_validation * row;
        let passes = 6.0 + 2.0 * options.reliance.repeats as f64;
        let is_image = input.split.test.0.layout.image_shape().is_some();
        let map_cells = if is_image { options.reliance.heat_map_cells } else { 0 };
        let map = HeatMap::n_passes(map_cells, options.reliance.repeats) as f64 * n_test * row;
        let blocks = passes * n_blocks as f64 * n_test * row;
        let reliance = blocks + passes * n_views as f64 * n_test * row + map;

        let simplicity = &options.simplicity;
        let curve = n_validation.min(CURVE_ROWS) / simplicity.solo_every.max(1) as f64 * row;
        // Blocks are learned side by side, one on each core, which hides half of a step's price.
        let solo = simplicity.solo_steps as f64
            * simplicity.solo_seeds.max(1) as f64
            * (step - STEP / 2.0 + curve);
        let n_features = input.split.train.0.n_features();
        let probes = probing(simplicity, n_features / n_blocks.max(1));
        let of_images = SimplicityOptions::of_whole_images(simplicity);
        let views = n_views as f64 * probing(&of_images, 2 * n_features / n_views.max(1));
        let alone = n_probed as f64 * (solo + probes) + views;

        let robustness = &options.robustness;
        let attacks =
            ATTACKS * PASSES_A_STEP * (robustness.n_rows * robustness.n_steps) as f64 * row;
        let again = blocks + attacks;
        let remedies = options.remedies.iter().map(|remedy| match remedy {
            Remedy::RotatingPermutation | Remedy::GroupDro => training + again,
            Remedy::LastLayer => training / 3.0 + again,
            // Every row passes through all members.
            Remedy::DeniedEnsemble => again * n_probed as f64,
        });
        Ok(Self { training, reliance, alone, attacks, remedies: remedies.sum() })
    }
}

/// Rows of a probe's step.
const PROBE_ROWS: f64 = 128.0;

/// Seconds of the probes of one block of `n_features` coordinates.
fn probing(options: &SimplicityOptions, n_features: usize) -> f64 {
    // The widest probe, 2 × 128, ends every ladder; the linear one counts as a unit for each class.
    let widths = options.ladder.iter().map(|&width| width.max(2) as f64).chain([128.0]);
    let products: f64 = widths
        .map(|width| 2.0 * PASSES_A_STEP * PROBE_ROWS * n_features as f64 * width / RATE)
        .sum();
    let n_rungs = (options.ladder.len() + 1) as f64;
    let runs = options.probe_seeds.max(1) as f64 * options.probe_steps as f64;
    runs * (n_rungs * PROBE_STEP / 2.0 + products)
}

/// An audit that keeps to a budget.
#[derive(Clone, Debug)]
pub struct Budgeted {
    /// The settings that fit.
    pub options: AuditOptions,
    /// Their cost.
    pub cost: Cost,
    /// What was reduced, in words.
    pub reduced: Vec<String>,
}

/// A reduction: its words, and the change; false if there is nothing left to reduce.
type Reduction = (&'static str, fn(&mut AuditOptions) -> bool);

/// The least important work goes first: remedies, then what blocks do alone, then donor maps, and last the training of the
/// network itself.
const REDUCTIONS: [Reduction; 11] = [
    ("the denied ensemble was left out", |options| {
        let before = options.remedies.len();
        options.remedies.retain(|remedy| *remedy != Remedy::DeniedEnsemble);
        options.remedies.len() < before
    }),
    ("fewer donor maps", |options| lower(&mut options.reliance.repeats, 12)),
    ("a coarser heat map", |options| lower(&mut options.reliance.heat_map_cells, 28)),
    ("fewer steps on each block alone", |options| lower(&mut options.simplicity.solo_steps, 700)),
    ("remedies were left out", |options| {
        let had = !options.remedies.is_empty();
        options.remedies.clear();
        had
    }),
    ("a shorter ladder of probes", |options| {
        let simplicity = &mut options.simplicity;
        let is_long = simplicity.ladder.len() > 3;
        if is_long {
            simplicity.ladder = vec![0, 8, 128];
        }
        lower(&mut simplicity.probe_seeds, 2) | is_long
    }),
    ("fewer blocks tried alone", |options| lower(&mut options.most_probed, 6)),
    ("fewer steps on each block alone", |options| lower(&mut options.simplicity.solo_steps, 300)),
    ("a coarser heat map", |options| lower(&mut options.reliance.heat_map_cells, 16)),
    ("fewer donor maps", |options| lower(&mut options.reliance.repeats, 5)),
    ("fewer training steps", |options| lower(&mut options.max_steps, 400)),
];

/// Lowers `value` to `to`; whether that changed it.
fn lower<T: PartialOrd + Copy>(value: &mut T, to: T) -> bool {
    let is_higher = *value > to;
    if is_higher {
        *value = to;
    }
    is_higher
}

/// Reduces `options` until their cost on the nominal machine is at most `seconds`, or nothing is left to reduce.
///
/// # Errors
/// As [`Cost::of`].
pub fn within_budget(
    input: &AuditInput,
    options: &AuditOptions,
    seconds: f64,
) -> Result<Budgeted, AuditError> {
    let mut options = options.clone();
    let mut reduced: Vec<String> = Vec::new();
    for (words, reduce) in REDUCTIONS {
        if Cost::of(input, &options)?.seconds() <= seconds {
            break;
        }
        if reduce(&mut options) && !reduced.iter().any(|before| before == words) {
            reduced.push(words.into());
        }
    }
    let cost = Cost::of(input, &options)?;
    Ok(Budgeted { options, cost, reduced })
}
