//! What an audit promises, on small data whose simple and complex block are known.

#![allow(clippy::unwrap_used, reason = "a test ends by a panic")]

mod auditing;
mod calibration;
mod given_models;
mod network_names;
mod refusals;
mod remedies;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use simbias_audit::{
    AuditError, AuditInput, AuditOptions, AuditOutcome, NetworkChoice, Remedy, RobustnessOptions,
    SimplicityOptions, Subject, audit,
};
use simbias_data::synth::{SlabBlock, SlabSpec};
use simbias_data::transform::Identity;
use simbias_data::{Dataset, SplitDataset, TestSplit, TrainSplit, ValidationSplit};
use simbias_reliance::{Block, BlockSet, RelianceOptions};
use simbias_report::{Progress, Silent};
use simbias_stats::Seed;
use simbias_train::TrainState;

/// One linear coordinate, one of slabs and two that say nothing: LMS data of the least size.
fn slabs(n_slabs: usize) -> AuditInput {
    let spec = SlabSpec {
        name: format!("one linear, one {n_slabs}-slab"),
        dim: 4,
        width: 1.0,
        blocks: vec![SlabBlock::Linear, SlabBlock::Slab(n_slabs)],
        gamma: vec![0.1, 0.1],
        noise: Vec::new(),
        rotate: false,
        seed: Seed::new(3),
    };
    let all = spec.sample(1900).unwrap().dataset;
    let part = |rows: std::ops::Range<u32>| all.select(&rows.collect::<Vec<u32>>());
    input(part(0..1200), part(1200..1500), part(1500..1900))
}

/// The blocks `linear`, `slab` and, for what says nothing, `noise`.
fn input(train: Dataset, validation: Dataset, test: Dataset) -> AuditInput {
    let n_features = train.n_features();
    let blocks = vec![
        Block::new("linear", 0..1),
        Block::new("slab", 1..2),
        Block::new("noise", 2..n_features),
    ];
    AuditInput {
        split: SplitDataset {
            train: TrainSplit(train),
            validation: ValidationSplit(validation),
            test: TestSplit(test),
        },
        blocks: BlockSet::partition(blocks, n_features).unwrap(),
        transform: Box::new(Identity::new(n_features)),
        whole_images: None,
        notes: Vec::new(),
    }
}

/// An audit that takes seconds, with the given remedies.
fn options(remedies: &[Remedy]) -> AuditOptions {
    AuditOptions {
        seed: Seed::new(1),
        network: NetworkChoice::Named("fcn"),
        remedies: remedies.to_vec(),
        max_steps: 300,
        reliance: RelianceOptions { repeats: 5, ..RelianceOptions::default() },
        simplicity: SimplicityOptions {
            ladder: vec![0, 32],
            probe_seeds: 1,
            probe_steps: 200,
            solo_steps: 400,
            ..SimplicityOptions::default()
        },
        robustness: RobustnessOptions { n_rows: 64, n_steps: 5, ..RobustnessOptions::default() },
        ..AuditOptions::default()
    }
}

fn run(input: &AuditInput, options: &AuditOptions) -> AuditOutcome {
    audit(input, Subject::Train, options, &Silent, None).unwrap()
}

/// Asks to stop after a number of checks; training checks once per step.
struct StopsAfter {
    questions: u64,
    asked: AtomicU64,
}

impl StopsAfter {
    fn new(questions: u64) -> Self {
        Self { questions, asked: 0.into() }
    }
}

impl Progress for StopsAfter {
    fn advance(&self, _done: usize, _total: usize, _remark: &str) {}

    fn wants_stop(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) + 1 >= self.questions
    }
}

/// Asks to stop as soon as a stage begins.
struct StopsIn {
    stage: usize,
    reached: AtomicBool,
}

impl StopsIn {
    fn new(stage: usize) -> Self {
        Self { stage, reached: false.into() }
    }
}

impl Progress for StopsIn {
    fn stage(&self, _label: &str, index: usize, _n_stages: usize) {
        self.reached.fetch_or(index == self.stage, Ordering::Relaxed);
    }

    fn advance(&self, _done: usize, _total: usize, _remark: &str) {}

    fn wants_stop(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }
}

/// Audits until `progress` stops it; the last state that was kept.
fn interrupted(
    input: &AuditInput,
    options: &AuditOptions,
    progress: &dyn Progress,
) -> Option<TrainState> {
    let mut last = None;
    let mut keep = |state: &TrainState| {
        last = Some(state.clone());
        Ok(())
    };
    let found = audit(input, Subject::Train, options, progress, Some(&mut keep));
    assert!(matches!(found, Err(AuditError::Interrupted(_))), "{:?}", found.err());
    last
}
