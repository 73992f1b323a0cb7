//! Where in an image a model's skill lies: a quadtree of rectangles, refined where rectangles are shown to be needed.
//!
//! A coarse grid is measured first. Then, again and again, the rectangle with the strongest evidence is divided into four,
//! which are measured in turn, until the given number of cells is used up. A division counts only if its parts that are
//! shown to be needed carry half of what the whole carries; otherwise the parts stand in for each other, and the rectangle
//! stays whole.
//!
//! **Why the intervals are honest.** Which cells are looked at depends on the data, and a map of many cells is read for its
//! largest ones. The intervals therefore hold for all cells of the whole tree at once, looked at or not (Bonferroni): where
//! no cell is needed, about one map in forty shows one, whatever was refined. The error is shared equally between the depths
//! of the tree, so that the few coarse cells pay little for the many fine ones. Donor maps are others than those of the
//! blocks.

mod backdrop;
mod tree;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use simbias_data::transform::Identity;
use simbias_data::{Dataset, ImageShape, Scorer};
use simbias_report::{Estimate, Progress};
use simbias_stats::Seed;

use crate::RelianceError;
use crate::block::Block;
use crate::donors::DonorSource;
use crate::figures::{Baseline, JobFigures};
use crate::journal::Journal;
use crate::measure::{Context, DataFacts, RelianceOptions};
use crate::metric::{Predictions, Truth};
use crate::outcome::RelianceOutcome;
use crate::randomize::{Randomizer, Side};
use crate::record::Record;
use tree::{Rectangle, Tree};

pub use backdrop::{Backdrop, Example};

/// Donor maps of every cell.
const REPEATS: usize = 5;
/// Share of a rectangle's necessity that its parts must carry, together, for the division to count.
const CARRIED: f64 = 0.5;

/// A rectangle of the image, over all channels.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatCell {
    /// First pixel row, and the one after the last.
    pub rows: [usize; 2],
    /// First pixel column, and the one after the last.
    pub columns: [usize; 2],
    /// Where it lies, such as "lower right corner".
    pub place: String,
    /// Share of the model's skill that is lost when the rectangle comes from other rows. Its level is that of the single
    /// interval; those of all cells hold together at the level of the map.
    pub necessity: Estimate,
    /// Whether that is shown to be above zero.
    pub is_shown: bool,
    /// Whether its parts were measured too, and carry less than half of it: they stand in for each other.
    pub is_only_whole: bool,
}

/// Which parts of images a model needs.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Shape of the images.
    pub shape: ImageShape,
    /// Rectangles that cover the image without overlap, row by row.
    pub cells: Vec<HeatCell>,
    /// Rectangles measured on the way, those that were divided included.
    pub n_measured: usize,
    /// Most rectangles that could have been measured.
    pub most_cells: usize,
    /// Cells of the complete tree, for all of which the intervals hold together.
    pub n_candidates: usize,
    /// Rows measured.
    pub n_rows: usize,
    /// Donor maps.
    pub repeats: usize,
    /// Coverage of all intervals together.
    pub level: f64,
    /// What the map is shown over.
    pub backdrop: Backdrop,
}

impl HeatMap {
    /// Cells that are shown to be needed, the most needed first.
    pub fn shown(&self) -> Vec<&HeatCell> {
        let mut shown: Vec<&HeatCell> = self.cells.iter().filter(|cell| cell.is_shown).collect();
        shown.sort_by(|a, b| b.necessity.value.total_cmp(&a.necessity.value));
        shown
    }

    /// Passes over the rows that a map of `most_cells` cells takes at most, with `repeats` donor maps for blocks.
    pub fn n_passes(most_cells: usize, repeats: usize) -> usize {
        if most_cells == 0 { 0 } else { 1 + most_cells * (1 + repeats.min(REPEATS)) }
    }
}

/// Draws the heat map of a model that was measured as `measured`; `None` for data that are not images, where no cells are
/// asked for, and where necessity says nothing (no skill, or donors that tell the class).
///
/// Costs at most [`HeatMap::n_passes`] passes over the rows. The result depends neither on threads nor on interrupts;
/// finished cells come from and go to `journal`.
///
/// # Errors
/// As [`crate::measure`].
pub fn heat_map(
    scorer: &dyn Scorer,
    data: &Dataset,
    measured: &RelianceOutcome,
    options: &RelianceOptions,
    seed: Seed,
    progress: &dyn Progress,
    journal: &dyn Journal,
) -> Result<Option<HeatMap>, RelianceError> {
    let Some(shape) = data.layout.image_shape() else { return Ok(None) };
    if options.heat_map_cells == 0
        || !measured.has_signal()
        || !measured.mode.shows_what_is_needed()
    {
        return Ok(None);
    }
    let tree = Tree::new(shape, options.heat_map_cells);
    let cells = Cells::new(scorer, data, shape, measured, options, seed)?;
    let transform = Identity::new(data.n_features());
    let randomizer = Randomizer::new(scorer, data.rows.view(), &transform, options.batch_rows);
    let runner = Runner {
        cells: &cells,
        tree: &tree,
        randomizer: &randomizer,
        standard: cells.reference(randomizer.standard()?)?,
        journal,
        progress,
        n_done: AtomicUsize::new(0),
    };
    let mut nodes: Vec<Node> = tree.coarse().map(|cell| Node::new(cell, 0)).collect();
    runner.measure(&mut nodes)?;
    while let Some(index) = next_to_divide(&nodes, &tree) {
        let depth = nodes[index].depth + 1;
        let parts = tree.divided(&nodes[index].rectangle);
        let first = nodes.len();
        nodes.extend(parts.into_iter().map(|rectangle| Node::new(rectangle, depth)));
        runner.measure(&mut nodes[first..])?;
        let carried: f64 =
            nodes[first..].iter().filter(|part| part.is_shown()).map(Node::necessity).sum();
        let is_counted = carried >= CARRIED * nodes[index].necessity();
        nodes[index].state = if is_counted { State::Divided } else { State::OnlyWhole };
        for part in &mut nodes[first..] {
            part.state = if is_counted { State::Whole } else { State::Dropped };
        }
    }
    progress.advance(tree.most_cells(), tree.most_cells(), "");
    let n_measured = nodes.len();
    let mut found: Vec<HeatCell> =
        nodes.into_iter().filter_map(|node| node.into_cell(shape)).collect();
    found.sort_by_key(|cell| (cell.rows[0], cell.columns[0]));
    Ok(Some(HeatMap {
        shape,
        cells: found,
        n_measured,
        most_cells: tree.most_cells(),
        n_candidates: tree.n_candidates(),
        n_rows: data.n_rows(),
        repeats: cells.donors.len(),
        level: options.level,
        backdrop: Backdrop::of(data),
    }))
}

/// What became of a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not divided so far.
    Whole,
    /// Its parts stand in its place.
    Divided,
    /// Its parts carry too little.
    OnlyWhole,
    /// A part of such a rectangle.
    Dropped,
}

struct Node {
    rectangle: Rectangle,
    depth: usize,
    state: State,
    necessity: Option<Estimate>,
}

impl Node {
    fn new(rectangle: Rectangle, depth: usize) -> Self {
        Self { rectangle, depth, state: State::Whole, necessity: None }
    }

    fn necessity(&self) -> f64 {
        self.necessity.as_ref().map_or(0.0, |found| found.value)
    }

    /// Lower end of its interval.
    fn low(&self) -> f64 {
        self.necessity.as_ref().map_or(f64::NEG_INFINITY, |found| found.low)
    }

    fn is_shown(&self) -> bool {
        self.low() > 0.0
    }

    fn into_cell(self, shape: ImageShape) -> Option<HeatCell> {
        let is_shown = self.is_shown();
        let is_only_whole = match self.state {
            State::Whole => false,
            State::OnlyWhole => true,
            State::Divided | State::Dropped => return None,
        };
        Some(HeatCell {
            place: self.rectangle.place(shape),
            rows: [self.rectangle.rows.start, self.rectangle.rows.end],
            columns: [self.rectangle.columns.start, self.rectangle.columns.end],
            necessity: self.necessity?,
            is_shown,
            is_only_whole,
        })
    }
}

/// The undivided rectangle with the strongest evidence, if there is one and cells are left for its parts.
fn next_to_divide(nodes: &[Node], tree: &Tree) -> Option<usize> {
    let left = tree.most_cells() - nodes.len();
    let can_be_divided = |node: &Node| {
        node.state == State::Whole
            && node.is_shown()
            && node.depth + 1 < tree.n_depths()
            && (2..=left).contains(&tree.divided(&node.rectangle).len())
    };
    let candidates = (0..nodes.len()).filter(|&index| can_be_divided(&nodes[index]));
    // Of equals the first.
    candidates
        .reduce(|best, index| if nodes[index].low() > nodes[best].low() { index } else { best })
}

/// What all cells share.
struct Cells<'a> {
    scorer: &'a dyn Scorer,
    shape: ImageShape,
    truth: Truth,
    measured: &'a RelianceOutcome,
    options: &'a RelianceOptions,
    facts: DataFacts,
    seed: Seed,
    donors: Vec<Vec<u32>>,
    identity: Vec<u32>,
}

impl<'a> Cells<'a> {
    fn new(
        scorer: &'a dyn Scorer,
        data: &Dataset,
        shape: ImageShape,
        measured: &'a RelianceOutcome,
        options: &'a RelianceOptions,
        seed: Seed,
    ) -> Result<Self, RelianceError> {
        let seed = seed.child("reliance/heat-map", 0);
        let source = DonorSource::new(options.mode, data, options.donor_stratum.as_deref(), seed)?;
        let donors = (0..options.repeats.min(REPEATS)).map(|repeat| source.draw(repeat)).collect();
        Ok(Self {
            scorer,
            shape,
            truth: Truth::of(&data.target)?,
            measured,
            options,
            facts: DataFacts::of(data),
            seed,
            donors,
            identity: (0..data.n_rows() as u32).collect(),
        })
    }

    /// Unchanged rows, as one arithmetic path scores them.
    fn reference(&self, scores: ndarray::Array2<f32>) -> Result<Reference<'_>, RelianceError> {
        let predictions = self.predictions(scores)?;
        let baseline = Baseline::new(predictions.clone(), &self.truth, self.measured.metric)?;
        let figures = figures_against(&baseline, &predictions)?;
        Ok(Reference { baseline, figures })
    }

    fn predictions(&self, scores: ndarray::Array2<f32>) -> Result<Predictions, RelianceError> {
        Predictions::new(scores.view(), &self.truth, self.options.threshold, "a cell of the map")
    }
}

struct Reference<'a> {
    baseline: Baseline<'a>,
    figures: JobFigures,
}

/// Figures without the influences of rows, which a map does not need.
fn figures_against(
    baseline: &Baseline<'_>,
    predictions: &Predictions,
) -> Result<JobFigures, RelianceError> {
    Ok(JobFigures { influence: Vec::new(), ..baseline.figures(predictions, &[])? })
}

struct Runner<'a> {
    cells: &'a Cells<'a>,
    tree: &'a Tree,
    randomizer: &'a Randomizer<'a>,
    /// Whole rows, unchanged.
    standard: Reference<'a>,
    journal: &'a dyn Journal,
    progress: &'a dyn Progress,
    n_done: AtomicUsize,
}

impl Runner<'_> {
    /// Measures the rectangles of `nodes`.
    fn measure(&self, nodes: &mut [Node]) -> Result<(), RelianceError> {
        let measure = |node: &mut Node| -> Result<(), RelianceError> {
            self.progress.keep_going()?;
            node.necessity = Some(self.cell(&node.rectangle, node.depth)?);
            let done = self.n_done.fetch_add(1, Ordering::Relaxed) + 1;
            self.progress.advance(done, self.tree.most_cells(), "");
            Ok(())
        };
        if self.cells.scorer.scores_in_parallel() {
            nodes.par_iter_mut().try_for_each(measure)
        } else {
            nodes.iter_mut().try_for_each(measure)
        }
    }

    /// Necessity of a rectangle, with the interval of its depth.
    fn cell(&self, rectangle: &Rectangle, depth: usize) -> Result<Estimate, RelianceError> {
        let cells = self.cells;
        let key = rectangle.key();
        let before = self.journal.find(&key);
        let (standard, jobs) = match before.and_then(|bytes| Measured::from_bytes(&bytes)) {
            Some(found) => found,
            None => {
                let found = self.score(rectangle)?;
                self.journal.settle(&key, &found.to_bytes());
                found
            }
        };
        let level = self.tree.level(depth, cells.options.level);
        let options = RelianceOptions { level, ..cells.options.clone() };
        let context = Context {
            facts: &cells.facts,
            truth: &cells.truth,
            metric: cells.measured.metric,
            options: &options,
            strata: &[],
            seed: cells.seed,
        };
        let kept = context.kept_share(&standard, &jobs, cells.measured.chance)?;
        Ok(Estimate::new(1.0 - kept.value, 1.0 - kept.high, 1.0 - kept.low)
            .level(level)
            .n(kept.n)
            .varied(kept.varied))
    }

    /// The unchanged rows, and the rectangle from every donor map.
    fn score(&self, rectangle: &Rectangle) -> Result<Measured, RelianceError> {
        let cells = self.cells;
        let block = Block::new("cell", rectangle.pixels(cells.shape));
        let prepared = self.randomizer.prepare(&block.columns);
        let own = prepared
            .has_own_path()
            .then(|| {
                let scores = self.randomizer.score(&prepared, &cells.identity, Side::Block)?;
                cells.reference(scores)
            })
            .transpose()?;
        let reference = own.as_ref().unwrap_or(&self.standard);
        let job = |donors: &Vec<u32>| -> Result<JobFigures, RelianceError> {
            self.progress.keep_going()?;
            let scores = self.randomizer.score(&prepared, donors, Side::Block)?;
            figures_against(&reference.baseline, &cells.predictions(scores)?)
        };
        let jobs = if cells.scorer.scores_in_parallel() {
            cells.donors.par_iter().map(job).collect::<Result<Vec<_>, _>>()?
        } else {
            cells.donors.iter().map(job).collect::<Result<Vec<_>, _>>()?
        };
        Ok((reference.figures.clone(), jobs))
    }
}

/// Figures of the unchanged rows and of every donor map.
type Measured = (JobFigures, Vec<JobFigures>);
