//! How do I make data of known simplicity?
//!
//! LMS-5: one coordinate separates the classes by one threshold, every other one by the four between its five slabs.
//!
//! ```text
//! cargo run --release -p simbias --example synth
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use simbias::data::synth::{Preset, PresetOptions};
use simbias::reliance::pieces;
use simbias::stats::Seed;

/// Thresholds that a rule on one coordinate may have.
const MOST_THRESHOLDS: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let preset = Preset::Lms5;
    let options = PresetOptions {
        dim: 6,
        n_train: 2000,
        n_test: 1000,
        rotate: false,
        seed: Seed::new(7),
        ..preset.defaults()
    };
    let sample = preset.generate(options)?;
    let (train, test) = sample.clone().into_datasets();
    println!(
        "{}: {} rows to train on, {} to test, {} columns",
        preset.name(),
        train.n_rows(),
        test.n_rows(),
        train.n_features()
    );

    let labels = &train.class_labels().ok_or("a preset has classes")?.indices;
    println!("{:<20} {:>10} {:>10}", "coordinate", "thresholds", "error");
    for (column, name) in train.rows.columns().into_iter().zip(&sample.coordinate_names) {
        let values: Vec<f64> = column.iter().map(|&value| f64::from(value)).collect();
        let rule = pieces(&values, labels, MOST_THRESHOLDS, Seed::new(0)).ok_or("too few rows")?;
        println!("{name:<20} {:>10} {:>10.3}", rule.n_thresholds, rule.error);
    }
    Ok(())
}
