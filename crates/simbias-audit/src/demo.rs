//! The audit without arguments: real digits assembled into dominoes.

use simbias_data::embedded;
use simbias_data::synth::SynthError;
use simbias_data::synth::domino::{StandIn, StandInKind};
use simbias_data::transform::Identity;
use simbias_reliance::{Block, BlockSet, RelianceOptions};
use simbias_stats::Seed;

use crate::audit::{AuditInput, AuditOptions};
use crate::robustness::RobustnessOptions;
use crate::simplicity::SimplicityOptions;
use crate::{AuditError, NetworkChoice};

/// Side of a pooled digit.
const TILE: usize = 14;

/// Dominoes of real handwritten digits. Above: a 0 or a 1. Below: two digits whose types are XOR-ed, which
/// determines the class as well but is harder to learn.
///
/// # Errors
/// Only if the embedded digits are damaged.
pub fn demo_input(seed: Seed, quick: bool) -> Result<AuditInput, AuditError> {
    let mut stand_in = StandIn::new(StandInKind::DigitsXor, seed.child("audit/demo", 0));
    stand_in.top = [vec![0], vec![1]];
    stand_in.bottom = [vec![7], vec![8]];
    stand_in.n_train = if quick { 2000 } else { 4000 };
    stand_in.n_validation = 500;
    stand_in.n_test = 1000;
    let fail = |error: SynthError| AuditError::Data {
        name: StandInKind::DigitsXor.name().into(),
        problem: error.to_string(),
    };
    let split = stand_in.generate(&embedded::digits()).map_err(fail)?.into_split();
    let n_features = split.train.0.n_features();
    let half = TILE * 2 * TILE;
    let blocks = BlockSet::partition(
        vec![Block::new("top digit", 0..half), Block::new("bottom pair", half..n_features)],
        n_features,
    )?;
    Ok(AuditInput {
        whole_images: None,
        split,
        blocks,
        transform: Box::new(Identity::new(n_features)),
        notes: vec![
            "The images are real handwritten digits (a subset of MNIST), halved in size and assembled: a 0 or \
             a 1 above, two digits below whose types are XOR-ed. Each half alone determines the class. It \
             is a stand-in for the paper's MNIST-CIFAR dominoes, not that data set."
                .into(),
        ],
    })
}

/// Options of the demo; `quick` for a look in half a minute.
pub fn demo_options(seed: Seed, quick: bool) -> AuditOptions {
    let defaults = AuditOptions::default();
    if !quick {
        return AuditOptions {
            seed,
            network: NetworkChoice::Named("small-cnn"),
            // A minute and a half on two cores: ten donor maps, half of the rungs, a thousand steps alone, of
            // which the lower half needs about half.
            reliance: RelianceOptions { repeats: 10, ..RelianceOptions::default() },
            robustness: RobustnessOptions { n_rows: 128, ..RobustnessOptions::default() },
            simplicity: SimplicityOptions {
                ladder: vec![0, 4, 32, 128],
                probe_steps: 250,
                solo_steps: 1000,
                ..SimplicityOptions::default()
            },
            max_steps: 400,
            ..defaults
        };
    }
    AuditOptions {
        seed,
        network: NetworkChoice::Named("small-cnn"),
        reliance: RelianceOptions { repeats: 3, heat_map_cells: 16, ..RelianceOptions::default() },
        simplicity: SimplicityOptions {
            ladder: vec![0, 32],
            probe_seeds: 1,
            probe_steps: 150,
            solo_steps: 120,
            ..SimplicityOptions::default()
        },
        robustness: RobustnessOptions { n_rows: 64, n_steps: 5, ..RobustnessOptions::default() },
        max_steps: 80,
        ..defaults
    }
}
