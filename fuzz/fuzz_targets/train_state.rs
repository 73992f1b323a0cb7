//! Checkpoints of trainings that `--resume` reads.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ndarray::Array2;
use simbias_data::{ClassLabels, Dataset, Layout, Target};
use simbias_nn::{Architecture, Fcn, cpu};
use simbias_train::{FitConfig, Optimizer, Schedule, TrainState};

/// Rows that the checkpoint is said to belong to.
static ROWS: LazyLock<Dataset> = LazyLock::new(|| Dataset::new("rows", Array2::zeros((4, 4)), Layout::array(vec![4]), Target::Classes(ClassLabels {
        indices: vec![0, 1, 0, 1],
        names: vec!["a".into(), "b".into()],
    })));

fuzz_target!(|bytes: &[u8]| {
    let architecture = Architecture::from(Fcn::new(4, 16, 1, 2));
    let config = FitConfig::new(Optimizer::momentum(0.9, 5e-5), Schedule::constant(0.1), 10);
    let path = Path::new("state");
    let _ = TrainState::from_bytes(path, bytes, &cpu(), &architecture, &config, &*ROWS);
});
