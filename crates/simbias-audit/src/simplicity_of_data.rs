//! How easy the blocks of a data set are, without any model.

use simbias_data::transform::Transform;
use simbias_data::{Dataset, SplitDataset};
use simbias_reliance::metric::{Metric, Truth};
use simbias_reliance::outcome::Simplicity;
use simbias_reliance::{BlockSet, FEW_ROWS, RelianceOptions};
use simbias_report::{Caveat, Part, Progress};
use simbias_stats::Seed;

use crate::AuditError;
use crate::check::check_split;
use crate::simplicity::{Parts, SimplicityOptions, probe_block};

/// How easy every block of a data set is.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSimplicity {
    /// Name of the test part.
    pub data_name: String,
    /// The metric of the probes.
    pub metric: Metric,
    /// One entry a block, by name.
    pub blocks: Vec<(String, Simplicity)>,
    /// A doubt about a test part with few rows of a class, which intervals over seeds do not show.
    pub few_rows: Option<Caveat>,
}

/// Probes every block alone, in the order of `blocks`; see [`probe_block`].
///
/// # Errors
/// What [`check_split`] refuses, before any probe; a probe that diverges; [`AuditError::Interrupted`].
pub fn simplicity_of_data(
    split: &SplitDataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    options: &SimplicityOptions,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<DataSimplicity, AuditError> {
    // A part with one class has no metric; better known before an hour of probes.
    check_split(split)?;
    let test = &split.test.0;
    let metric = Truth::of(&test.target)?.default_metric();
    let parts = Parts { train: &split.train.0, validation: &split.validation.0, test };
    let level = RelianceOptions::default().level;
    let n_blocks = blocks.blocks().len();
    let mut found = Vec::with_capacity(n_blocks);
    for (index, block) in blocks.blocks().iter().enumerate() {
        let part = Part::of(progress, index, n_blocks).named(&block.name);
        let simplicity = probe_block(block, transform, parts, metric, options, seed, level, &part)?;
        found.push((block.name.clone(), simplicity));
    }
    Ok(DataSimplicity {
        data_name: test.name.clone(),
        metric,
        blocks: found,
        few_rows: few_rows(test),
    })
}

fn few_rows(test: &Dataset) -> Option<Caveat> {
    let labels = test.class_labels()?;
    let counts = labels.counts();
    let rarest = (0..counts.len()).filter(|&class| counts[class] > 0);
    let rarest = rarest.min_by_key(|&class| counts[class])?;
    let (name, count) = (&labels.names[rarest], counts[rarest]);
    (count < FEW_ROWS).then(|| {
        Caveat::caution(
            "few-rows",
            format!(
                "The test part has {count} rows of class {name:?}. What blocks reach alone is rough below \
                 {FEW_ROWS}, and the intervals, which are over training seeds, do not show it."
            ),
        )
    })
}
