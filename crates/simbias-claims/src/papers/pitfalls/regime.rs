//! P2-C19: for which dimensions, slabs and noise a network leaves the noisy linear block.

use simbias_data::synth::{Preset, PresetOptions, SlabBlock, SlabSpec};
use simbias_report::Caveat;
use simbias_stats::Seed;

use super::recipe::{Recipe, fcn, test_accuracy};
use super::rows::SlabRows;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

const CLAIM: &str = "P2-C19";
const N_TRAIN: usize = 20_000;
const N_TEST: usize = 10_000;
const MAX_STEPS: u64 = 3_000;

/// One cell of the phase diagram.
#[derive(Clone, Copy, Debug)]
struct Cell {
    dim: usize,
    n_slabs: usize,
    noise_share: f64,
    /// Name of the criterion, for the cells that are judged.
    judged: Option<&'static str>,
}

const fn shown(dim: usize, n_slabs: usize, noise_share: f64) -> Cell {
    Cell { dim, n_slabs, noise_share, judged: None }
}

/// The judged cells come first; the others show where the border runs.
const CELLS: [Cell; 8] = [
    Cell { judged: Some("(10,5,.3): test accuracy"), ..shown(10, 5, 0.3) },
    Cell { judged: Some("(50,7,.1): test accuracy"), ..shown(50, 7, 0.1) },
    shown(10, 5, 0.1),
    shown(10, 7, 0.1),
    shown(10, 7, 0.3),
    shown(50, 5, 0.1),
    shown(50, 5, 0.3),
    shown(50, 7, 0.3),
];

impl Cell {
    fn name(self) -> String {
        format!("(d, k, p) = ({}, {}, {})", self.dim, self.n_slabs, self.noise_share)
    }

    /// One noisy linear coordinate, the others slabs.
    fn rows(self, stages: &Stages<'_>, seed: Seed) -> Result<SlabRows, ClaimError> {
        let options = PresetOptions {
            dim: self.dim,
            noise_share: self.noise_share,
            ..Preset::HatLms7.defaults()
        };
        let spec = Preset::HatLms7.slab_spec(options).map_err(|error| stages.failure(error))?;
        let blocks = spec.blocks.iter().map(|&block| match block {
            SlabBlock::Slab(_) => SlabBlock::Slab(self.n_slabs),
            other => other,
        });
        let blocks = blocks.collect();
        let name = format!("hatlms{}", self.n_slabs);
        SlabRows::of_spec(SlabSpec { name, blocks, ..spec }, (N_TRAIN, N_TEST), 0..1, stages, seed)
    }
}

/// Test accuracy of a (100,2) network on every cell, beside `1 - p/2`, which the linear block alone gives.
///
/// 20 000 rows, rate .1, momentum .9, at most 3000 steps: a longer or luckier run may escape from a cell
/// where this one is stuck.
pub(crate) fn phase_diagram(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new(CLAIM, context, CELLS.len())?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        for cell in CELLS {
            stages.begin(seed, cell.name())?;
            let rows = cell.rows(&stages, seed)?;
            let recipe = Recipe::momentum(fcn(cell.dim, 100, 2), MAX_STEPS);
            let trained = recipe.train(&rows.train, &rows.validation, &stages, seed)?;
            let accuracy = test_accuracy(&trained.network, &rows.test, &stages)?;
            match cell.judged {
                Some(criterion) => measurement.observe(criterion, seed, accuracy),
                None => {
                    measurement.control(format!("{}: test accuracy", cell.name()), seed, accuracy);
                }
            }
            let gain = accuracy - (1.0 - cell.noise_share / 2.0);
            measurement.control(format!("{}: gain over the linear block", cell.name()), seed, gain);
            measurement.control(format!("{}: steps", cell.name()), seed, trained.steps as f64);
        }
    }
    measurement.caveat(Caveat::note(
        "budget",
        format!(
            "Stuck means: within {MAX_STEPS} steps of a (100,2) network on {N_TRAIN} rows. A cell near the \
                border may go either way with another seed, rate or budget."
        ),
    ));
    Ok(measurement)
}
