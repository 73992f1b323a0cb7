//! What does my ONNX model rely on?
//!
//! Without arguments a small CNN of the test fixtures scores random images, so that the example always runs in the
//! repository. With arguments it does what `simbias reliance run` does, through the library.
//!
//! ```text
//! cargo run --release -p simbias --example onnx -- [MODEL.onnx DATA.csv LABEL_COLUMN]
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use std::path::{Path, PathBuf};

use ndarray::Array2;
use simbias::data::read::LabelSource;
use simbias::data::transform::Identity;
use simbias::data::{
    ClassLabels, Dataset, ImageShape, Layout, ReadOptions, Scorer, Target, read_dataset,
};
use simbias::onnx::OnnxScorer;
use simbias::reliance::document::plain_summary;
use simbias::reliance::{RelianceOptions, measure, propose_blocks};
use simbias::report::Silent;
use simbias::stats::Seed;

/// Rows that a model scores at once.
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (model, data) = match arguments.as_slice() {
        [model, table, label] => {
            let options = ReadOptions {
                labels: Some(LabelSource::from_words(label)),
                ..ReadOptions::default()
            };
            (PathBuf::from(model), read_dataset(Path::new(table), &options)?)
        }
        _ => stand_in()?,
    };
    let scorer = OnnxScorer::open(&model, &data.layout, BATCH)?;
    println!("{}: scores from {:?}", model.display(), scorer.output());

    let blocks = propose_blocks(&data)?;
    let identity = Identity::new(data.n_features());
    let options = RelianceOptions { repeats: 10, ..RelianceOptions::default() };
    let found = measure(&scorer, &data, &blocks, &identity, &options, Seed::new(0), &Silent)?;
    for sentence in plain_summary(&found.outcome) {
        println!("{sentence}");
    }
    for block in &found.outcome.blocks {
        let necessity = block.necessity.as_ref().map_or(f64::NAN, |estimate| estimate.value);
        println!("  {:<20} necessity {necessity:.2}", block.name);
    }
    Ok(())
}

/// The CNN of the fixtures, and images whose second class is the half that it finds more like it: it ranks all of them
/// right.
fn stand_in() -> Result<(PathBuf, Dataset), Box<dyn std::error::Error>> {
    let model = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../simbias-onnx/tests/fixtures/cnn_free_sizes.onnx");
    let layout = Layout::image(ImageShape { channels: 2, height: 4, width: 6 });
    let rows = Array2::from_shape_fn((300, layout.n_features()), |(row, column)| {
        ((row * 7919 + column * 104_729) % 1009) as f32 / 504.0 - 1.0
    });
    let scores = OnnxScorer::open(&model, &layout, BATCH)?.score(rows.view())?;
    let margins: Vec<f64> =
        scores.rows().into_iter().map(|row| f64::from(row[1]) - f64::from(row[0])).collect();
    let mut sorted = margins.clone();
    sorted.sort_by(f64::total_cmp);
    let indices = margins.iter().map(|&margin| u32::from(margin >= sorted[150])).collect();
    let target =
        Target::Classes(ClassLabels { indices, names: vec!["first".into(), "second".into()] });
    Ok((model, Dataset::new("images", rows, layout, target)))
}
