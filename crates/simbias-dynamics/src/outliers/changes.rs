//! The first pass over the losses: how much every example moves.

use std::cmp::Ordering;

use rayon::prelude::*;
use simbias_data::RowSource;
use simbias_report::{Progress, StopOnly};

use super::{LEAST_STEPS, Motion};
use crate::DynamicsError;

/// Numbers that are read together.
const BLOCK_NUMBERS: usize = 4 << 20;
/// Examples of one task. Sums are formed task by task, so that they do not depend on the number of threads.
const TASK_EXAMPLES: usize = 1024;

/// What the first pass found.
pub(super) struct Changes {
    pub(super) motions: Vec<Motion>,
    /// By recorded step.
    pub(super) mean_losses: Vec<f64>,
    /// The recorded steps of the file that hold a loss.
    pub(super) steps: Vec<usize>,
    pub(super) peak_step: usize,
    pub(super) rising: Vec<u32>,
    pub(super) falling: Vec<u32>,
    pub(super) n_missing: usize,
    pub(super) n_empty_steps: usize,
}

/// Blocks of steps, without those that hold no loss, gaps filled with the last loss of the example.
pub(super) struct Blocks<'a> {
    losses: &'a dyn RowSource,
    next_step: usize,
    block_steps: usize,
    /// The last loss of every example; NaN before its first one.
    last: Vec<f64>,
}

/// Some steps one after another.
pub(super) struct Block {
    /// Row after row; NaN before the first loss of an example.
    pub(super) losses: Vec<f64>,
    /// Steps of the file that the rows are.
    pub(super) steps: Vec<usize>,
    /// Gaps that were filled, and losses before the first one.
    pub(super) n_missing: usize,
    pub(super) n_empty_steps: usize,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(losses: &'a dyn RowSource) -> Self {
        let n_examples = losses.n_columns();
        Self {
            losses,
            next_step: 0,
            block_steps: (BLOCK_NUMBERS / n_examples.max(1)).max(1),
            last: vec![f64::NAN; n_examples],
        }
    }

    /// The next steps; `None` after the last one.
    pub(super) fn next(&mut self) -> Result<Option<Block>, DynamicsError> {
        let n_steps = self.losses.n_rows().saturating_sub(self.next_step).min(self.block_steps);
        if n_steps == 0 {
            return Ok(None);
        }
        let n_examples = self.last.len();
        let first = self.next_step;
        self.next_step += n_steps;
        let mut losses = vec![0.0; n_steps * n_examples];
        losses
            .par_chunks_mut(n_examples)
            .enumerate()
            .try_for_each(|(row, losses)| self.losses.read_rows_f64(first + row, losses))?;
        let (mut steps, mut n_missing) = (Vec::with_capacity(n_steps), 0);
        for row in 0..n_steps {
            let found = &losses[row * n_examples..(row + 1) * n_examples];
            let n_gaps = found.iter().filter(|loss| loss.is_nan()).count();
            if let Some(example) = found.iter().position(|loss| loss.is_infinite()) {
                return Err(DynamicsError::Unusable {
                    problem: format!(
                        "the loss of example {example} at recorded step {} is infinite, both counted from 0; look for \
                         the step at which the training broke, and give the steps before it",
                        first + row
                    ),
                });
            }
            if n_gaps == n_examples {
                continue;
            }
            n_missing += n_gaps;
            // Rows move up over those that are left out.
            let place = steps.len();
            losses.copy_within(row * n_examples..(row + 1) * n_examples, place * n_examples);
            for (loss, last) in
                losses[place * n_examples..(place + 1) * n_examples].iter_mut().zip(&mut self.last)
            {
                if loss.is_nan() {
                    *loss = *last;
                } else {
                    *last = *loss;
                }
            }
            steps.push(first + row);
        }
        losses.truncate(steps.len() * n_examples);
        let n_empty_steps = n_steps - steps.len();
        Ok(Some(Block { losses, steps, n_missing, n_empty_steps }))
    }
}

/// The change from one loss to the next; none while there is no loss yet.
pub(super) fn change(from: f64, to: f64) -> f64 {
    if from.is_nan() { 0.0 } else { to - from }
}

/// Sums over the changes of one example so far. Changes are counted from the first one, which hardly alters the
/// correlation of neighbours but saves its digits when all changes are alike.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: usize,
    absolute: f64,
    first: f64,
    previous: f64,
    sum: f64,
    squares: f64,
    products: f64,
    loss: f64,
    n_losses: usize,
    final_loss: f64,
}

impl Sums {
    fn see_loss(&mut self, loss: f64) {
        if !loss.is_nan() {
            self.loss += loss;
            self.n_losses += 1;
            self.final_loss = loss;
        }
    }

    fn see_change(&mut self, change: f64) {
        if self.n == 0 {
            self.first = change;
        }
        let beyond = change - self.first;
        self.absolute += change.abs();
        self.sum += beyond;
        self.squares += beyond * beyond;
        self.products += beyond * self.previous;
        self.previous = beyond;
        self.n += 1;
    }

    fn motion(&self) -> Motion {
        Motion {
            score: self.absolute / self.n as f64,
            lag_one: self.lag_one(),
            mean_loss: self.loss / self.n_losses.max(1) as f64,
            final_loss: self.final_loss,
        }
    }

    /// Pearson's correlation of all changes but the last with all but the first.
    fn lag_one(&self) -> f64 {
        let n = (self.n - 1) as f64;
        // The first of the shifted changes is zero.
        let (earlier, later) = (self.sum - self.previous, self.sum);
        let earlier_squares = self.squares - self.previous * self.previous;
        let covariance = self.products - earlier * later / n;
        let variance = |squares: f64, sum: f64| (squares - sum * sum / n).max(0.0);
        let spread = (variance(earlier_squares, earlier) * variance(self.squares, later)).sqrt();
        if spread > 0.0 { (covariance / spread).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

/// Reads all losses once.
pub(super) fn read(
    losses: &dyn RowSource,
    n_listed: usize,
    progress: &dyn Progress,
) -> Result<Changes, DynamicsError> {
    let n_examples = losses.n_columns();
    let mut sums = vec![Sums::default(); n_examples];
    let mut blocks = Blocks::new(losses);
    let mut before: Option<Vec<f64>> = None;
    let (mut mean_losses, mut steps, mut motion_of_steps) = (Vec::new(), Vec::new(), Vec::new());
    let (mut n_missing, mut n_empty_steps) = (0, 0);
    let mut peak: Option<(usize, Vec<f64>)> = None;
    while let Some(block) = blocks.next()? {
        StopOnly(progress).keep_going()?;
        n_missing += block.n_missing;
        n_empty_steps += block.n_empty_steps;
        let rows: Vec<&[f64]> = block.losses.chunks_exact(n_examples).collect();
        let totals: Vec<Vec<[f64; 3]>> = sums
            .par_chunks_mut(TASK_EXAMPLES)
            .enumerate()
            .map(|(task, sums)| {
                let first = task * TASK_EXAMPLES;
                let columns = first..first + sums.len();
                let previous = before.as_ref().map(|row| &row[columns.clone()]);
                see(sums, previous, &rows, columns)
            })
            .collect();
        for (row, step) in block.steps.iter().enumerate() {
            let [loss, n, motion] = totals.iter().fold([0.0; 3], |all, totals| {
                std::array::from_fn(|index| all[index] + totals[row][index])
            });
            mean_losses.push(loss / n);
            steps.push(*step);
            let previous = if row == 0 { before.as_deref() } else { Some(rows[row - 1]) };
            let Some(previous) = previous else { continue };
            motion_of_steps.push(motion);
            if peak.as_ref().is_none_or(|&(at, _)| motion > motion_of_steps[at]) {
                let changes = previous.iter().zip(rows[row]).map(|(&from, &to)| change(from, to));
                peak = Some((motion_of_steps.len() - 1, changes.collect()));
            }
        }
        before = rows.last().map(|row| row.to_vec()).or(before);
    }
    let n_numbers = steps.len() * n_examples;
    let Some((peak_step, changes)) = peak.filter(|_| steps.len() >= LEAST_STEPS) else {
        return Err(DynamicsError::TooFew {
            what: "recorded steps with losses",
            found: steps.len(),
            needed: LEAST_STEPS,
            hint: "",
        });
    };
    if n_missing * 2 > n_numbers {
        return Err(DynamicsError::Unusable {
            problem: format!(
                "{} % of the losses are missing; evaluate all examples at the same steps, such as at the end of every \
                 epoch",
                (100.0 * n_missing as f64 / n_numbers as f64).round()
            ),
        });
    }
    let (rising, falling) = extremes(&changes, n_listed);
    Ok(Changes {
        motions: sums.iter().map(Sums::motion).collect(),
        mean_losses,
        steps,
        peak_step,
        rising,
        falling,
        n_missing,
        n_empty_steps,
    })
}

/// Enters the losses of some examples; returns for every step the sum of the losses, their number, and the motion.
fn see(
    sums: &mut [Sums],
    before: Option<&[f64]>,
    rows: &[&[f64]],
    columns: std::ops::Range<usize>,
) -> Vec<[f64; 3]> {
    let mut previous = before;
    rows.iter()
        .map(|row| {
            let row = &row[columns.clone()];
            let mut totals = [0.0; 3];
            for (sums, &loss) in sums.iter_mut().zip(row) {
                sums.see_loss(loss);
                if !loss.is_nan() {
                    totals[0] += loss;
                    totals[1] += 1.0;
                }
            }
            if let Some(previous) = previous {
                for (sums, (&from, &to)) in sums.iter_mut().zip(previous.iter().zip(row)) {
                    let change = change(from, to);
                    sums.see_change(change);
                    totals[2] += change.abs();
                }
            }
            previous = Some(row);
            totals
        })
        .collect()
}

/// The `n` examples that rise most, and the `n` that fall most, the largest change first.
fn extremes(changes: &[f64], n: usize) -> (Vec<u32>, Vec<u32>) {
    let by = |compare: fn(f64, f64) -> Ordering| {
        let mut order: Vec<u32> = (0..changes.len() as u32).collect();
        let compare = |one: &u32, other: &u32| {
            compare(changes[*one as usize], changes[*other as usize]).then(one.cmp(other))
        };
        if n < order.len() {
            order.select_nth_unstable_by(n, compare);
            order.truncate(n);
        }
        order.sort_by(compare);
        order
    };
    (by(|one, other| other.total_cmp(&one)), by(|one, other| one.total_cmp(&other)))
}
