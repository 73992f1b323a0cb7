//! Area under the ROC curve, its DeLong variance, and paired differences of two areas.
//!
//! A positive row *wins* against a negative row that scores lower, and half wins a tie; the AUC is the
//! share of wins. All sums of wins are exact integers (each win counts 2, each tie 1), so results do
//! not depend on the order of summation or on the number of threads.
//!
//! Source: DeLong, DeLong & Clarke-Pearson (1988), in the linear-time rank form of Sun & Xu (2014).

use rayon::prelude::*;

use crate::error::{StatsError, at_least, same_length};
use crate::interval::{Estimate, logit_interval, wald_interval, wilson_interval};
use crate::radix::{order_key, sort_by_key};

/// Above this many rows the sums of squared wins could leave 128 bits.
const MAX_ROWS: usize = 1 << 31;
/// From here on the free functions share the work between the threads of the current rayon pool.
const MIN_ROWS_FOR_THREADS: usize = 1 << 17;
/// More ranges than this read the scores more often than they save.
const MAX_RANGES: usize = 8;
const SAMPLE_SIZE: usize = 1024;

/// An AUC with the variance that comes from the choice of test rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AucEstimate {
    /// Area under the ROC curve, 0 to 1.
    pub auc: f64,
    /// Variance of `auc` over samples of rows (DeLong, denominators n-1).
    pub variance: f64,
    /// Number of positive rows.
    pub n_positives: usize,
    /// Number of negative rows.
    pub n_negatives: usize,
}

/// An interval for an AUC, and whether the usual formula could be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AucInterval {
    /// AUC with its bounds; `n` counts all rows.
    pub estimate: Estimate,
    /// The DeLong variance is zero or the AUC is exactly 0 or 1, so the bounds are Wilson's with the
    /// rarer class as the number of trials.
    pub degenerate: bool,
}

impl AucEstimate {
    /// Interval on the scale of logit(AUC) by the delta method, so that it stays inside 0 to 1.
    ///
    /// Falls back to Wilson's interval with `min(n_positives, n_negatives)` trials where the variance
    /// is zero or the AUC is exactly 0 or 1, and says so in [`AucInterval::degenerate`].
    pub fn interval(&self, level: f64) -> Result<AucInterval, StatsError> {
        let degenerate = self.auc <= 0.0 || self.auc >= 1.0 || self.variance <= 0.0;
        let (low, high) = if degenerate {
            wilson_interval(self.auc, self.n_positives.min(self.n_negatives) as f64, level)?
        } else {
            logit_interval(self.auc, self.variance, level)?
        };
        Ok(AucInterval { estimate: self.bounded(low, high, level), degenerate })
    }

    /// The plain symmetric interval `auc ± z·sqrt(variance)`; its bounds can leave 0 to 1.
    pub fn wald(&self, level: f64) -> Result<Estimate, StatsError> {
        let (low, high) = wald_interval(self.auc, self.variance, level)?;
        Ok(self.bounded(low, high, level))
    }

    fn bounded(&self, low: f64, high: f64, level: f64) -> Estimate {
        Estimate { value: self.auc, low, high, level, n: self.n_positives + self.n_negatives }
    }
}

/// ROC-AUC of `scores` (`[rows]`), ties counted half.
///
/// Errors: a score is not finite, lengths differ, or all rows are of one class.
pub fn roc_auc<S>(scores: &[S], positives: &[bool]) -> Result<f64, StatsError>
where
    S: Copy + Into<f64> + Sync,
{
    Ok(summarize(scores, positives)?.auc())
}

/// ROC-AUC of `scores` (`[rows]`) with its DeLong variance, in O(rows).
///
/// Errors: as [`roc_auc`], and when a class has fewer than two rows.
pub fn auc_delong<S>(scores: &[S], positives: &[bool]) -> Result<AucEstimate, StatsError>
where
    S: Copy + Into<f64> + Sync,
{
    summarize(scores, positives)?.estimate()
}

/// Average precision `Σ (R_n - R_{n-1}) P_n` over the distinct scores, highest first.
///
/// Errors: as [`roc_auc`].
pub fn average_precision<S>(scores: &[S], positives: &[bool]) -> Result<f64, StatsError>
where
    S: Copy + Into<f64>,
{
    let census = Census::take(scores, positives)?;
    let mut scratch = RocScratch::default();
    let (mut n_above, mut positives_above, mut sum) = (0_u64, 0_u64, 0.0);
    for range in census.by_sign().into_iter().rev() {
        scratch.sort_range(scores, positives, range);
        for tied in scratch.items.chunk_by(|a, b| a >> 1 == b >> 1).rev() {
            let hits: u64 = tied.iter().map(|item| item & 1).sum();
            n_above += tied.len() as u64;
            positives_above += hits;
            sum += hits as f64 * positives_above as f64 / n_above as f64;
        }
    }
    Ok(sum / census.n_positives as f64)
}

/// Buffers to reuse between AUC computations on one thread. Its methods never start other threads, so
/// they suit loops that are parallel already.
#[derive(Clone, Debug, Default)]
pub struct RocScratch {
    /// Score order in the upper 63 bits, the label in the lowest.
    items: Vec<u64>,
    spare: Vec<u64>,
}

impl RocScratch {
    /// [`roc_auc`] on the calling thread only.
    pub fn roc_auc<S>(&mut self, scores: &[S], positives: &[bool]) -> Result<f64, StatsError>
    where
        S: Copy + Into<f64>,
    {
        Ok(self.summarize(scores, positives)?.auc())
    }

    /// [`auc_delong`] on the calling thread only.
    pub fn auc_delong<S>(
        &mut self,
        scores: &[S],
        positives: &[bool],
    ) -> Result<AucEstimate, StatsError>
    where
        S: Copy + Into<f64>,
    {
        self.summarize(scores, positives)?.estimate()
    }

    fn summarize<S>(&mut self, scores: &[S], positives: &[bool]) -> Result<Stretch, StatsError>
    where
        S: Copy + Into<f64>,
    {
        let census = Census::take(scores, positives)?;
        let stretches = census.by_sign().into_iter().map(|range| {
            self.sort_range(scores, positives, range);
            Stretch::scan(&self.items)
        });
        Ok(stretches.fold(Stretch::default(), Stretch::followed_by))
    }

    /// Leaves the rows of one range in `self.items`, sorted by score.
    fn sort_range<S>(&mut self, scores: &[S], positives: &[bool], range: ScoreRange)
    where
        S: Copy + Into<f64>,
    {
        let n_inside =
            scores.iter().map(|&score| usize::from(range.contains(score.into()))).sum::<usize>();
        // One more than needed: rows outside are written too, then overwritten, which saves a branch.
        self.items.resize(n_inside + 1, 0);
        let mut n_kept = 0;
        for (&score, &positive) in scores.iter().zip(positives) {
            let score: f64 = score.into();
            self.items[n_kept] = order_key(score) << 1 | u64::from(positive);
            n_kept += usize::from(range.contains(score));
        }
        self.items.truncate(n_inside);
        sort_by_key(&mut self.items, &mut self.spare, |item| item >> 1);
    }
}

/// Scores `low <= score < high`. A range never holds both signs, so that the key's sign bit is free to
/// make room for the label.
#[derive(Clone, Copy, Debug)]
struct ScoreRange {
    low: f64,
    high: f64,
}

impl ScoreRange {
    fn contains(self, score: f64) -> bool {
        (self.low <= score) & (score < self.high)
    }

    /// The ranges between ascending `cuts`.
    fn between(cuts: &[f64]) -> Vec<Self> {
        let lows = std::iter::once(f64::NEG_INFINITY).chain(cuts.iter().copied());
        let highs = cuts.iter().copied().chain(std::iter::once(f64::INFINITY));
        lows.zip(highs).map(|(low, high)| Self { low, high }).collect()
    }
}

/// Counts of checked input.
struct Census {
    n_positives: usize,
    /// Rows with a score below zero.
    n_below_zero: usize,
    n_rows: usize,
}

impl Census {
    fn take<S>(scores: &[S], positives: &[bool]) -> Result<Self, StatsError>
    where
        S: Copy + Into<f64>,
    {
        let n_rows = scores.len();
        same_length(("scores", n_rows), ("labels", positives.len()))?;
        if n_rows > MAX_ROWS {
            return Err(StatsError::TooMany { found: n_rows, allowed: MAX_ROWS });
        }
        let (mut all_finite, mut n_below_zero) = (true, 0);
        for &score in scores {
            let score: f64 = score.into();
            all_finite &= score.is_finite();
            n_below_zero += usize::from(score < 0.0);
        }
        if !all_finite {
            let values: Vec<f64> = scores.iter().map(|&score| score.into()).collect();
            crate::error::all_finite("scores", &values)?;
        }
        let n_positives = positives.iter().map(|&positive| usize::from(positive)).sum();
        let n_negatives = n_rows - n_positives;
        if n_positives == 0 || n_negatives == 0 {
            return Err(StatsError::OneClass { n_positives, n_negatives });
        }
        Ok(Self { n_positives, n_below_zero, n_rows })
    }

    fn has_both_signs(&self) -> bool {
        0 < self.n_below_zero && self.n_below_zero < self.n_rows
    }

    /// The fewest ranges that are allowed: one per sign that occurs.
    fn by_sign(&self) -> Vec<ScoreRange> {
        ScoreRange::between(if self.has_both_signs() { &[0.0] } else { &[] })
    }

    /// About `n_ranges` ranges with about equally many rows, cut at quantiles of a regular sample.
    fn by_quantile<S>(&self, scores: &[S], n_ranges: usize) -> Vec<ScoreRange>
    where
        S: Copy + Into<f64>,
    {
        let stride = (self.n_rows / SAMPLE_SIZE).max(1);
        let mut sample: Vec<f64> =
            scores.iter().step_by(stride).map(|&score| score.into()).collect();
        sample.sort_unstable_by(f64::total_cmp);
        let share_below_zero = self.n_below_zero as f64 / self.n_rows as f64;
        let cut_near = |share: f64| {
            let is_near_zero = (share - share_below_zero).abs() < 0.25 / n_ranges as f64;
            let index = (share * sample.len() as f64) as usize;
            if self.has_both_signs() && is_near_zero { 0.0 } else { sample[index] }
        };
        let mut cuts: Vec<f64> =
            (1..n_ranges).map(|i| cut_near(i as f64 / n_ranges as f64)).collect();
        if self.has_both_signs() {
            cuts.push(0.0);
        }
        cuts.sort_unstable_by(f64::total_cmp);
        cuts.dedup_by(|a, b| a == b);
        ScoreRange::between(&cuts)
    }
}

fn summarize<S>(scores: &[S], positives: &[bool]) -> Result<Stretch, StatsError>
where
    S: Copy + Into<f64> + Sync,
{
    let n_threads = rayon::current_num_threads();
    if scores.len() < MIN_ROWS_FOR_THREADS || n_threads == 1 {
        return RocScratch::default().summarize(scores, positives);
    }
    let ranges = Census::take(scores, positives)?.by_quantile(scores, n_threads.min(MAX_RANGES));
    let stretches: Vec<Stretch> = ranges
        .into_par_iter()
        .map_init(RocScratch::default, |scratch, range| {
            scratch.sort_range(scores, positives, range);
            Stretch::scan(&scratch.items)
        })
        .collect();
    Ok(stretches.into_iter().fold(Stretch::default(), Stretch::followed_by))
}

/// Exact sums over a stretch of the rows in score order. Wins count 2 and ties 1, and only rows of the
/// same stretch meet each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stretch {
    n_positives: u64,
    n_negatives: u64,
    /// Sum over the positives of what each wins against the negatives.
    wins: u128,
    wins_squared: u128,
    /// Sum over the negatives of what each wins against the positives.
    losses: u128,
    losses_squared: u128,
}

impl Stretch {
    /// `items`: sorted, the label in the lowest bit.
    fn scan(items: &[u64]) -> Self {
        let mut sums = Self::default();
        let mut start = 0;
        while start < items.len() {
            let score = items[start] >> 1;
            let mut end = start;
            let mut n_positives = 0;
            while end < items.len() && items[end] >> 1 == score {
                n_positives += items[end] & 1;
                end += 1;
            }
            let n_negatives = (end - start) as u64 - n_positives;
            let win = 2 * sums.n_negatives + n_negatives;
            let loss = 2 * sums.n_positives + n_positives;
            sums.add(n_positives, win, n_negatives, loss);
            start = end;
        }
        sums
    }

    /// Adds tied rows: `n_positives` that win `win` each, `n_negatives` that win `loss` each.
    fn add(&mut self, n_positives: u64, win: u64, n_negatives: u64, loss: u64) {
        self.n_positives += n_positives;
        self.n_negatives += n_negatives;
        let (wins, losses) = (n_positives * win, n_negatives * loss);
        self.wins += u128::from(wins);
        self.losses += u128::from(losses);
        self.wins_squared += u128::from(wins) * u128::from(win);
        self.losses_squared += u128::from(losses) * u128::from(loss);
    }

    /// The sums of this stretch and a `later` one together: each later row also wins 2 against every
    /// earlier row of the other class.
    fn followed_by(self, later: Self) -> Self {
        let (wins, wins_squared) =
            raised(later.n_positives, later.wins, later.wins_squared, self.n_negatives);
        let (losses, losses_squared) =
            raised(later.n_negatives, later.losses, later.losses_squared, self.n_positives);
        Self {
            n_positives: self.n_positives + later.n_positives,
            n_negatives: self.n_negatives + later.n_negatives,
            wins: self.wins + wins,
            wins_squared: self.wins_squared + wins_squared,
            losses: self.losses + losses,
            losses_squared: self.losses_squared + losses_squared,
        }
    }

    fn auc(&self) -> f64 {
        self.wins as f64 / (2 * u128::from(self.n_positives) * u128::from(self.n_negatives)) as f64
    }

    fn estimate(&self) -> Result<AucEstimate, StatsError> {
        let (n_positives, n_negatives) = (self.n_positives as usize, self.n_negatives as usize);
        two_of_each(n_positives, n_negatives)?;
        let spread = |n: u64, sum: u128, sum_of_squares: u128| {
            (u128::from(n) * sum_of_squares - sum * sum) as f64
        };
        let among_positives = spread(self.n_positives, self.wins, self.wins_squared);
        let among_negatives = spread(self.n_negatives, self.losses, self.losses_squared);
        let variance = variance_of_mean_placement(among_positives, n_positives, n_negatives)
            + variance_of_mean_placement(among_negatives, n_negatives, n_positives);
        Ok(AucEstimate { auc: self.auc(), variance, n_positives, n_negatives })
    }
}

/// `(Σ (w + 2e), Σ (w + 2e)²)` from `n`, `Σ w` and `Σ w²`, for `e` more opponents beaten.
fn raised(n: u64, sum: u128, sum_of_squares: u128, extra: u64) -> (u128, u128) {
    let (n, raise) = (u128::from(n), 2 * u128::from(extra));
    (sum + n * raise, sum_of_squares + 2 * raise * sum + n * raise * raise)
}

fn two_of_each(n_positives: usize, n_negatives: usize) -> Result<(), StatsError> {
    at_least("positive rows for a DeLong variance", n_positives, 2)?;
    at_least("negative rows for a DeLong variance", n_negatives, 2)
}

/// `var(v)/n` with denominator n-1, where `v = wins / (2·n_opponents)` and
/// `spread = n·Σ wins² - (Σ wins)²` (or the same with a product in place of the square).
fn variance_of_mean_placement(spread: f64, n: usize, n_opponents: usize) -> f64 {
    let (n, twice) = (n as f64, 2.0 * n_opponents as f64);
    spread / (n * n * (n - 1.0) * twice * twice)
}

/// What each row wins against the rows of the other class, in row order: DeLong's placement values.
/// Two of them over the same rows give the paired difference of their AUCs.
#[derive(Clone, Debug, PartialEq)]
pub struct Placements {
    positives: Vec<bool>,
    /// Per row: 2 for every row of the other class that is ranked on the right side, 1 for a tie.
    doubled: Vec<u64>,
    n_positives: usize,
}

impl Placements {
    /// Ranks `scores` (`[rows]`).
    ///
    /// Errors: as [`auc_delong`].
    pub fn new<S>(scores: &[S], positives: &[bool]) -> Result<Self, StatsError>
    where
        S: Copy + Into<f64>,
    {
        let Census { n_positives, n_rows, .. } = Census::take(scores, positives)?;
        two_of_each(n_positives, n_rows - n_positives)?;
        let mut order: Vec<(u64, u32)> =
            scores.iter().zip(0..).map(|(&score, row)| (order_key(score.into()), row)).collect();
        sort_by_key(&mut order, &mut Vec::new(), |&(key, _)| key);

        let mut doubled = vec![0; n_rows];
        let (mut positives_below, mut negatives_below) = (0_u64, 0_u64);
        for tied in order.chunk_by(|a, b| a.0 == b.0) {
            let tied_positives =
                tied.iter().map(|&(_, row)| u64::from(positives[row as usize])).sum::<u64>();
            let tied_negatives = tied.len() as u64 - tied_positives;
            for &(_, row) in tied {
                let row = row as usize;
                doubled[row] = if positives[row] {
                    2 * negatives_below + tied_negatives
                } else {
                    2 * (n_positives as u64 - positives_below) - tied_positives
                };
            }
            positives_below += tied_positives;
            negatives_below += tied_negatives;
        }
        Ok(Self { positives: positives.to_vec(), doubled, n_positives })
    }

    /// Per positive row, in row order: share of the negatives that it outranks, ties half (`v10`).
    pub fn of_positives(&self) -> impl Iterator<Item = f64> {
        let scale = 2.0 * self.n_negatives() as f64;
        self.class(true).map(move |doubled| doubled as f64 / scale)
    }

    /// Per negative row, in row order: share of the positives that outrank it, ties half (`v01`).
    pub fn of_negatives(&self) -> impl Iterator<Item = f64> {
        let scale = 2.0 * self.n_positives as f64;
        self.class(false).map(move |doubled| doubled as f64 / scale)
    }

    /// Influence of every row on the AUC, in row order, scaled so that the sum of squares is the DeLong
    /// variance; the sum of squared differences of two rankings' influences is the variance of the paired
    /// difference.
    pub fn influence(&self) -> Vec<f64> {
        let auc = self.estimate().auc;
        let scale = |n: usize| 1.0 / (n as f64 * (n as f64 - 1.0)).sqrt();
        let of_positive = (scale(self.n_positives), 2.0 * self.n_negatives() as f64);
        let of_negative = (scale(self.n_negatives()), 2.0 * self.n_positives as f64);
        self.positives
            .iter()
            .zip(&self.doubled)
            .map(|(&positive, &doubled)| {
                let (scale, doubled_opponents) = if positive { of_positive } else { of_negative };
                scale * (doubled as f64 / doubled_opponents - auc)
            })
            .collect()
    }

    /// AUC and DeLong variance of this ranking.
    pub fn estimate(&self) -> AucEstimate {
        AucEstimate {
            auc: self.doubled_wins() as f64 / self.doubled_pairs(),
            variance: self.covariance(|row| i128::from(self.doubled[row])),
            n_positives: self.n_positives,
            n_negatives: self.n_negatives(),
        }
    }

    fn n_negatives(&self) -> usize {
        self.positives.len() - self.n_positives
    }

    fn doubled_pairs(&self) -> f64 {
        2.0 * self.n_positives as f64 * self.n_negatives() as f64
    }

    fn doubled_wins(&self) -> i128 {
        self.class(true).map(i128::from).sum()
    }

    fn class(&self, positive: bool) -> impl Iterator<Item = u64> {
        let rows = self.positives.iter().zip(&self.doubled);
        rows.filter(move |row| *row.0 == positive).map(|row| *row.1)
    }

    /// DeLong's variance for the placements `doubled_at(row) / 2n` over this object's classes.
    fn covariance(&self, doubled_at: impl Fn(usize) -> i128) -> f64 {
        let variance_of = |positive: bool, n: usize, n_opponents: usize| {
            let (mut sum, mut sum_of_squares) = (0_i128, 0_i128);
            for row in (0..self.positives.len()).filter(|&row| self.positives[row] == positive) {
                let doubled = doubled_at(row);
                sum += doubled;
                sum_of_squares += doubled * doubled;
            }
            let spread = (n as i128 * sum_of_squares - sum * sum) as f64;
            variance_of_mean_placement(spread, n, n_opponents)
        };
        variance_of(true, self.n_positives, self.n_negatives())
            + variance_of(false, self.n_negatives(), self.n_positives)
    }
}

/// The difference of two AUCs over the same rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AucDifference {
    /// First AUC minus second.
    pub difference: f64,
    /// DeLong variance of the difference, the covariance of the two AUCs taken into account.
    pub variance: f64,
    /// DeLong covariance of the two AUCs.
    pub covariance: f64,
    /// Number of rows.
    pub n: usize,
}

impl AucDifference {
    /// The standard error of the difference.
    pub fn standard_error(&self) -> f64 {
        self.variance.sqrt()
    }

    /// `difference ± z·sqrt(variance)`.
    pub fn interval(&self, level: f64) -> Result<Estimate, StatsError> {
        let (low, high) = wald_interval(self.difference, self.variance, level)?;
        Ok(Estimate { value: self.difference, low, high, level, n: self.n })
    }
}

/// AUC of `first` minus AUC of `second`, both over the same rows in the same order.
///
/// Errors: the two rankings have different labels.
pub fn paired_difference(
    first: &Placements,
    second: &Placements,
) -> Result<AucDifference, StatsError> {
    let n = first.positives.len();
    same_length(("the first ranking", n), ("the second ranking", second.positives.len()))?;
    if let Some(row) = (0..n).find(|&row| first.positives[row] != second.positives[row]) {
        return Err(StatsError::DifferentRows { row });
    }
    let at = |ranking: &Placements, row: usize| i128::from(ranking.doubled[row]);
    let variance = first.covariance(|row| at(first, row) - at(second, row));
    let variance_of_sum = first.covariance(|row| at(first, row) + at(second, row));
    Ok(AucDifference {
        difference: (first.doubled_wins() - second.doubled_wins()) as f64 / first.doubled_pairs(),
        variance,
        covariance: (variance_of_sum - variance) / 4.0,
        n,
    })
}
