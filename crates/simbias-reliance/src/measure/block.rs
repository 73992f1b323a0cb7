//! One block: every donor map on both sides, from the journal where it was scored before.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use simbias_data::Scorer;
use simbias_report::Progress;

use super::{BlockRuns, BlockSample, PairRuns, RelianceOptions};
use crate::RelianceError;
use crate::block::{Block, BlockSet};
use crate::figures::{Baseline, JobFigures, StratumRows};
use crate::influence::{BlockInfluences, take_mean_influence};
use crate::journal::Journal;
use crate::metric::{Metric, Predictions, Truth};
use crate::randomize::{Randomizer, Side};
use crate::record::Record;

/// Everything that is scored for one block.
#[derive(Clone, Debug)]
pub(crate) struct BlockFound {
    pub(crate) runs: BlockRuns,
    pub(crate) influences: BlockInfluences,
    /// Scores of the first repeat, for plots.
    pub(crate) sample: Option<BlockSample>,
}

/// Figures of one scored condition, with its scores where plots need them.
type Scored = (JobFigures, Option<Predictions>);

/// What all blocks of a measurement share.
pub(super) struct Passes<'a> {
    pub(super) scorer: &'a dyn Scorer,
    pub(super) randomizer: &'a Randomizer<'a>,
    pub(super) truth: &'a Truth,
    pub(super) metric: Metric,
    pub(super) options: &'a RelianceOptions,
    pub(super) strata: &'a [StratumRows],
    /// Donor maps, one a repeat.
    pub(super) donors: &'a [Vec<u32>],
    /// Donor maps of cue conflicts.
    pub(super) conflict_donors: &'a [Vec<u32>],
    /// Every row its own donor.
    pub(super) identity: &'a [u32],
    pub(super) keeps_influences: bool,
    pub(super) journal: &'a dyn Journal,
    pub(super) counter: Counter<'a>,
}

/// Counts passes over the rows.
pub(super) struct Counter<'a> {
    progress: &'a dyn Progress,
    done: AtomicUsize,
    total: usize,
}

impl<'a> Counter<'a> {
    pub(super) fn new(progress: &'a dyn Progress, total: usize) -> Self {
        Self { progress, done: AtomicUsize::new(0), total }
    }

    fn add(&self, n: usize) {
        let before = self.done.fetch_add(n, Ordering::Relaxed);
        self.progress.advance(before + n, self.total, "");
    }
}

impl Passes<'_> {
    /// The sides that are randomized.
    fn sides(&self) -> &'static [Side] {
        if self.options.complement { &[Side::Block, Side::Complement] } else { &[Side::Block] }
    }

    /// Passes over the rows that `n_blocks` blocks and `n_pairs` pairs take.
    pub(super) fn count(
        options: &RelianceOptions,
        n_blocks: usize,
        n_conflicts: usize,
        n_pairs: usize,
    ) -> usize {
        let n_sides = if options.complement { 2 } else { 1 };
        n_blocks * (1 + n_sides * options.repeats + n_conflicts) + n_pairs * (1 + options.repeats)
    }

    fn predictions(
        &self,
        scores: ndarray::Array2<f32>,
        pass: &str,
    ) -> Result<Predictions, RelianceError> {
        Predictions::new(scores.view(), self.truth, self.options.threshold, pass)
    }

    /// Block number `index` of the set.
    pub(super) fn block(&self, index: usize, block: &Block) -> Result<BlockFound, RelianceError> {
        let progress = self.counter.progress;
        progress.keep_going()?;
        let key = index.to_string();
        if let Some(found) =
            self.journal.find(&key).and_then(|bytes| BlockFound::from_bytes(&bytes))
        {
            self.counter.add(Self::count(self.options, 1, self.conflict_donors.len(), 0));
            return Ok(found);
        }
        let prepared = self.randomizer.prepare(&block.columns);
        let reference = self.predictions(
            self.randomizer.score(&prepared, self.identity, Side::Block)?,
            "unchanged rows, split by block",
        )?;
        let baseline = Baseline::new(reference, self.truth, self.metric)?;
        self.counter.add(1);
        // Scores are kept where plots need them, and influences where they enter a mean.
        let run = |job: String,
                   side: Side,
                   donors: &[u32],
                   keeps_scores: bool,
                   keeps_influences: bool|
         -> Result<Scored, RelianceError> {
            progress.keep_going()?;
            let key = format!("{index}/{job}");
            let before = self.journal.find(&key).and_then(|bytes| Scored::from_bytes(&bytes));
            if let Some(scored) = before {
                self.counter.add(1);
                return Ok(scored);
            }
            let scores = self.randomizer.score(&prepared, donors, side)?;
            let randomized =
                self.predictions(scores, &format!("block {:?} randomized", block.name))?;
            let mut figures = baseline.figures(&randomized, self.strata)?;
            if !keeps_influences {
                figures.influence = Vec::new();
            }
            let scored = (figures, keeps_scores.then_some(randomized));
            self.journal.keep(&key, &scored.to_bytes());
            self.counter.add(1);
            Ok(scored)
        };
        let mut per_side = Vec::new();
        let mut sample_of_side = Vec::new();
        for &side in self.sides() {
            let word = match side {
                Side::Block => "block",
                Side::Complement => "rest",
            };
            let results = in_order(self.scorer, self.donors, |repeat, donors| {
                let job = format!("{word} {repeat}");
                run(job, side, donors, repeat == 0, self.keeps_influences)
            })?;
            let (mut figures, scores): (Vec<_>, Vec<_>) = results.into_iter().unzip();
            sample_of_side.push(scores.into_iter().flatten().next());
            per_side.push((take_mean_influence(&mut figures), figures));
        }
        let conflict = in_order(self.scorer, self.conflict_donors, |repeat, donors| {
            let job = format!("conflict {repeat}");
            run(job, Side::Block, donors, false, false).map(|(figures, _)| figures)
        })?;
        let mut sides_found = sample_of_side.into_iter();
        let sample = match sides_found.next() {
            Some(Some(without)) => {
                Some((block.name.clone(), without, sides_found.next().flatten()))
            }
            _ => None,
        };
        let (of_sides, per_side): (Vec<_>, Vec<_>) = per_side.into_iter().unzip();
        let mut of_sides = of_sides.into_iter();
        let influences = BlockInfluences {
            block: block.name.clone(),
            randomized: of_sides.next().unwrap_or_default(),
            complement: of_sides.next(),
        };
        let mut per_side = per_side.into_iter();
        let runs = BlockRuns {
            randomized: per_side.next().unwrap_or_default(),
            complement: per_side.next(),
            conflict,
        };
        let found = BlockFound { runs, influences, sample };
        self.journal.settle(&key, &found.to_bytes());
        Ok(found)
    }

    /// Blocks `first` and `second` of the set randomized together, against the unchanged rows.
    pub(super) fn pair(
        &self,
        blocks: &BlockSet,
        (first, second): (usize, usize),
        standard: &Baseline<'_>,
    ) -> Result<PairRuns, RelianceError> {
        let (a, b) = (&blocks.blocks()[first], &blocks.blocks()[second]);
        let union = Block::new("pair", a.columns.iter().chain(&b.columns).map(|&c| c as usize));
        let prepared = self.randomizer.prepare(&union.columns);
        let randomized = in_order(self.scorer, self.donors, |repeat, donors| {
            self.counter.progress.keep_going()?;
            let key = format!("{first} and {second}/{repeat}");
            let before = self.journal.find(&key).and_then(|bytes| JobFigures::from_bytes(&bytes));
            let figures = match before {
                Some(figures) => figures,
                None => {
                    let scores = self.randomizer.score(&prepared, donors, Side::Block)?;
                    let scores = self.predictions(scores, "pair of blocks")?;
                    let mut figures = standard.figures(&scores, &[])?;
                    figures.influence = Vec::new();
                    self.journal.settle(&key, &figures.to_bytes());
                    figures
                }
            };
            self.counter.add(1);
            Ok(figures)
        })?;
        self.counter.add(1);
        Ok(PairRuns { first, second, randomized })
    }
}

/// One result per donor map, in order, on several threads if the model gains from it.
fn in_order<T: Send>(
    scorer: &dyn Scorer,
    donors: &[Vec<u32>],
    job: impl Fn(usize, &[u32]) -> Result<T, RelianceError> + Sync,
) -> Result<Vec<T>, RelianceError> {
    if scorer.scores_in_parallel() {
        donors.par_iter().enumerate().map(|(repeat, donors)| job(repeat, donors)).collect()
    } else {
        donors.iter().enumerate().map(|(repeat, donors)| job(repeat, donors)).collect()
    }
}
