//! Which parts of its input does my model rely on?
//!
//! Any model is a `Scorer`: rows in, scores out. This one adds two columns and never looks at the third.
//!
//! ```text
//! cargo run --release -p simbias --example reliance
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use ndarray::{Array2, ArrayView2, Axis};
use simbias::data::transform::Identity;
use simbias::data::{ClassLabels, Dataset, Layout, Scorer, ScorerError, Target};
use simbias::html::render_brief;
use simbias::reliance::document::{plain_summary, reliance_section};
use simbias::reliance::{RelianceOptions, measure, propose_blocks};
use simbias::report::Report;
use simbias::report::Silent;
use simbias::stats::Seed;

/// The model: one score per row, positive for the second class.
struct Sum;

impl Scorer for Sum {
    fn n_outputs(&self) -> usize {
        1
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        let scores = rows.rows().into_iter().map(|row| 3.0 * row[0] + row[1]);
        Ok(scores.collect::<ndarray::Array1<f32>>().insert_axis(Axis(1)))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Four hundred rows; your own come from `simbias::data::read_dataset`.
    let names = ["income", "age", "shoe size"].map(String::from).to_vec();
    let rows = Array2::from_shape_fn((400, 3), |(row, column)| {
        ((row * (2 * column + 3) + row / 7) % 31) as f32 / 15.0 - 1.0
    });
    let indices = rows.rows().into_iter().map(|row| u32::from(row[0] + row[1] > 0.0)).collect();
    let data = Dataset::new(
        "loans",
        rows,
        Layout::table(names),
        Target::Classes(ClassLabels { indices, names: vec!["no".into(), "yes".into()] }),
    );

    // One block per column; a `BlocksFile` can name any other blocks.
    let blocks = propose_blocks(&data)?;
    let identity = Identity::new(data.n_features());
    let options = RelianceOptions::default();
    let found = measure(&Sum, &data, &blocks, &identity, &options, Seed::new(0), &Silent)?;

    let mut report = Report::new("Reliance of the sum");
    for sentence in plain_summary(&found.outcome) {
        report = report.summarise(sentence);
    }
    let report = report.section(reliance_section(&found.outcome));
    println!("{}", render_brief(&report, 100, false, 24).text);
    Ok(())
}
