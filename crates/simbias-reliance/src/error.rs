//! What can be wrong with a question about reliance.

use simbias_data::ScorerError;
use simbias_report::Interrupted;

/// Why reliance cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelianceError {
    /// No block at all.
    #[error("no block is defined; name at least one group of coordinates")]
    NoBlocks,
    /// A block without coordinates.
    #[error("block {block:?} selects no coordinate; remove it or widen its selection")]
    EmptyBlock {
        /// Name of the block.
        block: String,
    },
    /// Two blocks of one name.
    #[error("two blocks are called {name:?}; give each its own name")]
    RepeatedName {
        /// The name.
        name: String,
    },
    /// A block took the name of the automatic remainder.
    #[error(
        "block name {name:?} is reserved for coordinates that no block claims; rename the block or cover every coordinate"
    )]
    ReservedName {
        /// The name.
        name: String,
    },
    /// A coordinate beyond the row.
    #[error("block {block:?}: coordinate {column} is out of range; expected 0..{n_features}")]
    ColumnOutOfRange {
        /// Name of the block.
        block: String,
        /// The coordinate.
        column: usize,
        /// Number of coordinates of a row.
        n_features: usize,
    },
    /// Two blocks share a coordinate.
    #[error(
        "blocks {first:?} and {second:?} share coordinate {column}; separate them or allow overlap"
    )]
    Overlap {
        /// First block.
        first: String,
        /// Second block.
        second: String,
        /// A shared coordinate.
        column: usize,
    },
    /// A column name that the data does not have.
    #[error("block {block:?}: no column matches {pattern:?}; columns are {available}")]
    UnknownColumn {
        /// Name of the block.
        block: String,
        /// Name or glob.
        pattern: String,
        /// The available columns, shortened.
        available: String,
    },
    /// A selection that does not fit the data's shape.
    #[error("block {block:?}: {problem}")]
    BadSelection {
        /// Name of the block.
        block: String,
        /// What is wrong, what is allowed.
        problem: String,
    },
    /// An invalid block file.
    #[error("block file: {problem}")]
    BlockFile {
        /// What is wrong, with the place.
        problem: String,
    },
    /// A transform that does not fit or does not invert.
    #[error("transform: {problem}")]
    Transform {
        /// What is wrong.
        problem: String,
    },
    /// The transform's inverse does not restore the rows.
    #[error(
        "transform: undoing it leaves an error of {error:.3e} where at most {allowed:.3e} is allowed; give an orthogonal matrix or its inverse"
    )]
    RoundTrip {
        /// Largest absolute difference.
        error: f64,
        /// What is allowed.
        allowed: f64,
    },
    /// Rows have another width than the blocks or the model expect.
    #[error("rows have {found} features, but {expected} are expected by {by}")]
    FeatureCount {
        /// Found.
        found: usize,
        /// Expected.
        expected: usize,
        /// Who expects them.
        by: String,
    },
    /// Too few rows.
    #[error("{found} row(s) are too few: at least 2 are needed to exchange values between rows")]
    TooFewRows {
        /// Found.
        found: usize,
    },
    /// One class only.
    #[error("all {n_rows} rows are of class {class:?}: AUC undefined; add rows of another class")]
    OneClass {
        /// Number of rows.
        n_rows: usize,
        /// The class.
        class: String,
    },
    /// The target does not suit the metric or donor mode.
    #[error("{what} needs {needs}, but the target is {found}")]
    TargetKind {
        /// What was asked for.
        what: String,
        /// What it needs.
        needs: String,
        /// What there is.
        found: String,
    },
    /// The model's outputs do not suit the classes.
    #[error(
        "the model gives {found} output(s) per row, but the target has {n_classes} classes; expected \
         {n_classes}{or_one}"
    )]
    OutputCount {
        /// Found.
        found: usize,
        /// Classes.
        n_classes: usize,
        /// " or 1" for two classes.
        or_one: String,
    },
    /// NaN or infinity in the rows.
    #[error(
        "row {}, column {column:?}: the value is {value}; remove or impute it before measuring", row + 1
    )]
    NotFiniteInput {
        /// Row index from 0; messages count from 1, as those of the readers.
        row: usize,
        /// Column name.
        column: String,
        /// The value.
        value: f32,
    },
    /// NaN or infinity in the scores.
    #[error(
        "{source_name}: output {} of row {} is {value}; a score must be finite", output + 1, row + 1
    )]
    NotFiniteScore {
        /// Which pass or file.
        source_name: String,
        /// Row index from 0; messages count from 1, as those of the readers.
        row: usize,
        /// Output index.
        output: usize,
        /// The value.
        value: f64,
    },
    /// Scores of another shape.
    #[error("scores have shape {found:?}, expected {expected}")]
    ScoreShape {
        /// Found.
        found: Vec<usize>,
        /// Expected, in words.
        expected: String,
    },
    /// A donor map that these data do not allow.
    #[error("donors {mode}: {problem}")]
    Donors {
        /// The mode.
        mode: String,
        /// What is missing.
        problem: String,
    },
    /// A plan and scores that do not belong together.
    #[error(
        "the scores belong to plan {found}, this is plan {expected}; score the inputs of this plan"
    )]
    PlanMismatch {
        /// Hash with the scores.
        found: String,
        /// Hash of the plan.
        expected: String,
    },
    /// Scores that are the same for all jobs of a plan.
    #[error(
        "the scores of all {n_jobs} jobs are the same, those of the unchanged rows included: were the rows exchanged before \
         they were scored? Score the rows of each job, as HOWTO.md of the plan shows"
    )]
    ScoresNeverChanged {
        /// Number of jobs.
        n_jobs: usize,
    },
    /// Two results that cannot be compared.
    #[error("the two results cannot be compared: {problem}")]
    NotComparable {
        /// Why.
        problem: String,
    },
    /// A damaged file of influences, or another kind of file.
    #[error("{problem}")]
    InfluencesFile {
        /// What is wrong.
        problem: String,
    },
    /// An invalid option.
    #[error("option {option}: {problem}")]
    Option {
        /// The option.
        option: String,
        /// What is wrong and allowed.
        problem: String,
    },
    /// The model failed.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// A statistic that is not defined on these numbers.
    #[error("{0}")]
    Statistic(String),
    /// The measurement was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
