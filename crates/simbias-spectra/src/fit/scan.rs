//! The search for the start of a tail: exponents of all starts by suffix sums, distances only where needed.

/// Number of evenly spread starts that are tried first, for a small distance to measure the others by.
const N_FIRST_STARTS: usize = 128;

/// Number of parts that a tail is cut into to find its distance.
const N_PARTS: usize = 16;
/// How much larger rounding may make a fitted share than that of a larger eigenvalue.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// Factor on the smallest distance up to which a start counts as an equally good fit.
pub(super) const NEAR_BEST: f64 = 1.1;

/// One start of a tail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailPoint {
    /// Index of the first eigenvalue of the tail.
    pub start: usize,
    /// Exponent of the density.
    pub exponent: f64,
    /// Largest gap between fitted and empirical tail, in `[0, 1]`.
    pub ks_distance: f64,
}

/// Logarithms and their sums from every index to the end.
pub(super) struct Tails<'a> {
    eigenvalues: &'a [f64],
    logs: Vec<f64>,
    /// `log_sums[i] = Σ_{j≥i} ln z[j]`.
    log_sums: Vec<f64>,
}

impl<'a> Tails<'a> {
    /// `eigenvalues` ascending.
    pub(super) fn new(eigenvalues: &'a [f64]) -> Self {
        let logs: Vec<f64> = eigenvalues.iter().map(|value| value.ln()).collect();
        let mut log_sums = logs.clone();
        for index in (0..log_sums.len().saturating_sub(1)).rev() {
            log_sums[index] += log_sums[index + 1];
        }
        Self { eigenvalues, logs, log_sums }
    }

    pub(super) fn len(&self) -> usize {
        self.eigenvalues.len()
    }

    /// Exponent of the tail from `start`; infinite for a flat tail, NaN when it starts at zero.
    pub(super) fn exponent(&self, start: usize) -> f64 {
        // The sum of equal logarithms is a multiple of one of them only up to rounding.
        if self.eigenvalues[start] == self.eigenvalues[self.len() - 1] {
            return f64::INFINITY;
        }
        let n = (self.len() - start) as f64;
        1.0 + n / (self.log_sums[start] - n * self.logs[start])
    }

    /// Share of the fitted tail from `start` that lies below the eigenvalue at index `at`.
    fn fitted(&self, start: usize, exponent: f64, at: usize) -> f64 {
        1.0 - ((1.0 - exponent) * (self.logs[at] - self.logs[start])).exp()
    }

    /// Largest gap of the tail from `start`.
    pub(super) fn ks_distance(&self, start: usize, exponent: f64) -> f64 {
        let mut gaps = Gaps::new(self, start, exponent, f64::INFINITY);
        gaps.look();
        gaps.largest
    }

    /// [`Self::ks_distance`] by its definition.
    fn ks_distance_of_all(&self, start: usize, exponent: f64) -> f64 {
        let n = (self.len() - start) as f64;
        let gap = |at| (self.fitted(start, exponent, at) - (at - start) as f64 / n).abs();
        (start..self.len()).map(gap).fold(0.0, f64::max)
    }

    pub(super) fn point(&self, start: usize) -> TailPoint {
        let exponent = self.exponent(start);
        TailPoint { start, exponent, ks_distance: self.ks_distance(start, exponent) }
    }

    /// The best start among `candidates`, and the range of exponents of all starts whose distance is at
    /// most [`NEAR_BEST`] times the smallest, or of the tried ones without `with_ambiguity`.
    ///
    /// Exactly the start, and with `with_ambiguity` the range, that [`naive_scan`] finds.
    pub(super) fn best(
        &self,
        candidates: std::ops::Range<usize>,
        with_ambiguity: bool,
    ) -> Option<(TailPoint, [f64; 2])> {
        let slack = if with_ambiguity { NEAR_BEST } else { 1.0 };
        let mut search = Search { tails: self, slack, best: None, visited: Vec::new(), widest: 0 };
        let stride = candidates.len().div_ceil(N_FIRST_STARTS).max(1);
        for start in candidates.clone().step_by(stride) {
            search.visit(start);
        }
        for start in candidates.clone() {
            if !(start - candidates.start).is_multiple_of(stride) {
                search.visit(start);
            }
        }
        let best = search.best?;
        let range = search
            .visited
            .iter()
            .filter(|point| point.ks_distance <= NEAR_BEST * best.ks_distance)
            .fold([best.exponent; 2], |[low, high], point| {
                [low.min(point.exponent), high.max(point.exponent)]
            });
        Some((best, range))
    }
}

/// A search for the best start.
struct Search<'a> {
    tails: &'a Tails<'a>,
    /// Starts matter up to this multiple of the smallest distance.
    slack: f64,
    best: Option<TailPoint>,
    /// All starts that mattered when they were tried.
    visited: Vec<TailPoint>,
    /// Where the last tail had its largest gap: that of the next tail is near, and mostly shows that its start does not
    /// matter.
    widest: usize,
}

impl Search<'_> {
    fn visit(&mut self, start: usize) {
        let exponent = self.tails.exponent(start);
        if !is_decaying(exponent) {
            return;
        }
        let limit = self.best.map_or(f64::INFINITY, |best| self.slack * best.ks_distance);
        let mut gaps = Gaps::new(self.tails, start, exponent, limit);
        gaps.look_at(self.widest.max(start));
        gaps.look();
        self.widest = gaps.widest;
        if gaps.is_over() {
            return;
        }
        let point = TailPoint { start, exponent, ks_distance: gaps.largest };
        if self.best.is_none_or(|best| is_better(&point, &best)) {
            self.best = Some(point);
        }
        self.visited.push(point);
    }
}

/// The examined gaps of one tail. Both shares grow along the tail, so that the ends of a part bound the gaps
/// within, and few parts need a closer look.
struct Gaps<'a> {
    tails: &'a Tails<'a>,
    start: usize,
    exponent: f64,
    /// The search stops when a gap is larger than this.
    limit: f64,
    largest: f64,
    /// Where the largest gap is.
    widest: usize,
}

/// Where a part of a tail ends.
#[derive(Clone, Copy)]
struct End {
    at: usize,
    fitted: f64,
}

impl<'a> Gaps<'a> {
    fn new(tails: &'a Tails<'a>, start: usize, exponent: f64, limit: f64) -> Self {
        Self { tails, start, exponent, limit, largest: 0.0, widest: start }
    }

    fn is_over(&self) -> bool {
        self.largest > self.limit
    }

    fn empirical(&self, at: usize) -> f64 {
        (at - self.start) as f64 / (self.tails.len() - self.start) as f64
    }

    fn look_at(&mut self, at: usize) -> End {
        let fitted = self.tails.fitted(self.start, self.exponent, at);
        let gap = (fitted - self.empirical(at)).abs();
        if gap > self.largest {
            (self.largest, self.widest) = (gap, at);
        }
        End { at, fitted }
    }

    /// Finds the largest gap, or one over the limit.
    fn look(&mut self) {
        let last = self.tails.len() - 1;
        let step = (last - self.start).div_ceil(N_PARTS).max(1);
        let mut ends = [End { at: self.start, fitted: 0.0 }; N_PARTS + 1];
        let mut n_ends = 0;
        for at in (self.start..last).step_by(step).chain([last]) {
            if self.is_over() {
                return;
            }
            ends[n_ends] = self.look_at(at);
            n_ends += 1;
        }
        for pair in ends[..n_ends].windows(2) {
            self.look_between(pair[0], pair[1]);
        }
    }

    /// Finds every gap between two ends that is larger than the largest so far.
    fn look_between(&mut self, first: End, last: End) {
        if last.at - first.at < 2 || self.is_over() {
            return;
        }
        let above = last.fitted - self.empirical(first.at + 1);
        let below = self.empirical(last.at - 1) - first.fitted;
        if above.max(below) + ROUNDING > self.largest {
            let middle = self.look_at(first.at.midpoint(last.at));
            self.look_between(first, middle);
            self.look_between(middle, last);
        }
    }
}

/// Whether the exponent belongs to a density that can be normalised.
pub(super) fn is_decaying(exponent: f64) -> bool {
    exponent.is_finite() && exponent > 1.0
}

/// Smaller distance, then earlier start.
fn is_better(point: &TailPoint, best: &TailPoint) -> bool {
    (point.ks_distance, point.start) < (best.ks_distance, best.start)
}

/// The best start among `candidates` by evaluating all of them: `O(N²)`, the definition that the
/// accelerated search must agree with.
pub fn naive_scan(
    eigenvalues: &[f64],
    candidates: std::ops::Range<usize>,
) -> Option<(TailPoint, [f64; 2])> {
    let tails = Tails::new(eigenvalues);
    let points: Vec<TailPoint> = candidates
        .filter(|&start| is_decaying(tails.exponent(start)))
        .map(|start| {
            let exponent = tails.exponent(start);
            let ks_distance = tails.ks_distance_of_all(start, exponent);
            TailPoint { start, exponent, ks_distance }
        })
        .collect();
    let mut best = *points.first()?;
    for point in &points {
        if is_better(point, &best) {
            best = *point;
        }
    }
    let range = points
        .iter()
        .filter(|point| point.ks_distance <= NEAR_BEST * best.ks_distance)
        .fold([best.exponent; 2], |[low, high], point| {
            [low.min(point.exponent), high.max(point.exponent)]
        });
    Some((best, range))
}

/// Exponent and distance at about `n_points` starts, for drawing. Starts without a decaying fit are left out.
pub fn tail_curve(eigenvalues: &[f64], n_points: usize) -> Vec<TailPoint> {
    let tails = Tails::new(eigenvalues);
    let n_starts = tails.len().saturating_sub(1);
    let step = n_starts.div_ceil(n_points.max(1)).max(1);
    (0..n_starts)
        .step_by(step)
        .map(|start| tails.point(start))
        .filter(|point| is_decaying(point.exponent))
        .collect()
}
