//! The search for the start of a tail: exponents of all starts by suffix sums, distances only where needed.

/// Places of a tail at which its distance is looked at first. The largest gap among them is a lower bound
/// of the distance, so that most starts need no full pass.
const N_PROBES: usize = 32;

/// Into so many parts a tail is cut when its distance is sought.
const N_PARTS: usize = 128;
/// By how much rounding may make a fitted share larger than that of a larger eigenvalue.
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
        let n = (self.len() - start) as f64;
        1.0 + n / (self.log_sums[start] - n * self.logs[start])
    }

    /// Share of the fitted tail from `start` that lies below the eigenvalue at index `at`.
    fn fitted(&self, start: usize, exponent: f64, at: usize) -> f64 {
        1.0 - ((1.0 - exponent) * (self.logs[at] - self.logs[start])).exp()
    }

    /// `|fitted - empirical|` at index `at` of the tail from `start`.
    fn gap(&self, start: usize, exponent: f64, at: usize) -> f64 {
        let n = (self.len() - start) as f64;
        (self.fitted(start, exponent, at) - (at - start) as f64 / n).abs()
    }

    /// Largest gap of the tail from `start`. Both shares grow along the tail, so that the ends of a part bound
    /// the gaps within, and few parts need a closer look.
    pub(super) fn ks_distance(&self, start: usize, exponent: f64) -> f64 {
        let mut distance = Distance { tails: self, start, exponent, largest: 0.0 };
        let last = self.len() - 1;
        let step = (last - start).div_ceil(N_PARTS).max(1);
        let mut ends: Vec<End> =
            (start..last).step_by(step).map(|at| distance.look_at(at)).collect();
        ends.push(distance.look_at(last));
        for pair in ends.windows(2) {
            distance.look_between(pair[0], pair[1]);
        }
        distance.largest
    }

    /// [`Self::ks_distance`] by all gaps.
    fn ks_distance_of_all(&self, start: usize, exponent: f64) -> f64 {
        (start..self.len()).map(|at| self.gap(start, exponent, at)).fold(0.0, f64::max)
    }

    /// At most [`Self::ks_distance`]: the same gaps at a few places.
    fn ks_bound(&self, start: usize, exponent: f64) -> f64 {
        let n = self.len() - start;
        let probes = N_PROBES.min(n);
        (0..probes)
            .map(|probe| self.gap(start, exponent, start + (2 * probe + 1) * n / (2 * probes)))
            .fold(0.0, f64::max)
    }

    pub(super) fn point(&self, start: usize) -> TailPoint {
        let exponent = self.exponent(start);
        TailPoint { start, exponent, ks_distance: self.ks_distance(start, exponent) }
    }

    /// The best start among `candidates`, and the range of exponents of all starts whose distance is at
    /// most [`NEAR_BEST`] times the smallest.
    ///
    /// Exactly what [`naive_scan`] finds: starts are visited in the order of their bounds, and those whose
    /// bound exceeds what could still matter are never evaluated.
    pub(super) fn best(
        &self,
        candidates: std::ops::Range<usize>,
        with_ambiguity: bool,
    ) -> Option<(TailPoint, [f64; 2])> {
        let mut bounds: Vec<(f64, usize)> = candidates
            .filter_map(|start| {
                let exponent = self.exponent(start);
                is_decaying(exponent).then(|| (self.ks_bound(start, exponent), start))
            })
            .collect();
        bounds.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        let slack = if with_ambiguity { NEAR_BEST } else { 1.0 };
        let mut best: Option<TailPoint> = None;
        let mut visited = Vec::new();
        for (bound, start) in bounds {
            if best.is_some_and(|best| bound > slack * best.ks_distance) {
                break;
            }
            let point = self.point(start);
            if best.is_none_or(|best| is_better(&point, &best)) {
                best = Some(point);
            }
            visited.push(point);
        }
        let best = best?;
        let range = visited
            .iter()
            .filter(|point| point.ks_distance <= NEAR_BEST * best.ks_distance)
            .fold([best.exponent; 2], |[low, high], point| {
                [low.min(point.exponent), high.max(point.exponent)]
            });
        Some((best, range))
    }
}

/// The largest gap found so far of one tail.
struct Distance<'a> {
    tails: &'a Tails<'a>,
    start: usize,
    exponent: f64,
    largest: f64,
}

/// Where a part of a tail ends.
#[derive(Clone, Copy)]
struct End {
    at: usize,
    fitted: f64,
}

impl Distance<'_> {
    fn empirical(&self, at: usize) -> f64 {
        (at - self.start) as f64 / (self.tails.len() - self.start) as f64
    }

    fn look_at(&mut self, at: usize) -> End {
        let fitted = self.tails.fitted(self.start, self.exponent, at);
        self.largest = self.largest.max((fitted - self.empirical(at)).abs());
        End { at, fitted }
    }

    /// Finds every gap between two ends that is larger than the largest so far.
    fn look_between(&mut self, first: End, last: End) {
        if last.at - first.at < 2 {
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
