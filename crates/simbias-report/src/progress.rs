//! How far long work is, and whether it should stop: the one trait that every method reports to and asks.
//!
//! A method takes `&dyn Progress`, calls [`Progress::advance`] now and then and leaves with [`Interrupted`] as soon as
//! [`Progress::keep_going`] says so; [`Steps`] does both for work of equal pieces. Callers that show bars, write logs
//! or listen for Ctrl-C implement the trait; others pass [`Silent`]. Work that is part of larger work gets a [`Part`]
//! or a [`Piece`] of its progress.
//!
//! ```
//! use simbias_report::{Interrupted, Progress, Silent, Steps};
//!
//! fn sum_of_squares(values: &[f64], progress: &dyn Progress) -> Result<f64, Interrupted> {
//!     let mut steps = Steps::new(progress, values.len());
//!     let mut sum = 0.0;
//!     for value in values {
//!         steps.begin()?;
//!         sum += value * value;
//!     }
//!     Ok(sum)
//! }
//! assert_eq!(sum_of_squares(&[1.0, 2.0], &Silent), Ok(5.0));
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Is told how far long work is, and may end it. Several threads may call it at once.
pub trait Progress: Sync {
    /// A stage begins: its name, and its place among all stages of the work, counted from 1. Work that has no stages
    /// never calls it.
    fn stage(&self, _label: &str, _index: usize, _n_stages: usize) {}

    /// `done` of `total` equal parts of the stage are finished. `remark` says in a few words what is being done or how
    /// it goes, such as the name of a layer or the loss; it may be empty. Threads report out of order.
    fn advance(&self, done: usize, total: usize, remark: &str);

    /// Whether the work should end as soon as possible. Once true it stays true.
    fn wants_stop(&self) -> bool {
        false
    }

    /// An error when the work should end: `progress.keep_going()?` between two pieces of work.
    ///
    /// # Errors
    /// [`Interrupted`] when [`Self::wants_stop`].
    fn keep_going(&self) -> Result<(), Interrupted> {
        if self.wants_stop() { Err(Interrupted) } else { Ok(()) }
    }
}

/// The work was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Ignores all reports and never stops anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn advance(&self, _done: usize, _total: usize, _remark: &str) {}
}

/// Passes on only the wish to stop: for steps that are too small to be shown.
#[derive(Clone, Copy)]
pub struct StopOnly<'a>(pub &'a dyn Progress);

impl Progress for StopOnly<'_> {
    fn advance(&self, _done: usize, _total: usize, _remark: &str) {}

    fn wants_stop(&self) -> bool {
        self.0.wants_stop()
    }
}

/// Work of a known number of equal pieces, one after the other: checks and reports before each of them.
pub struct Steps<'a> {
    progress: &'a dyn Progress,
    done: usize,
    total: usize,
    remark: String,
}

impl<'a> Steps<'a> {
    /// `total` pieces, none of them begun.
    pub const fn new(progress: &'a dyn Progress, total: usize) -> Self {
        Self { progress, done: 0, total, remark: String::new() }
    }

    /// Sets the remark for the pieces that follow.
    pub fn name(&mut self, remark: impl Into<String>) {
        self.remark = remark.into();
    }

    /// Begins the next piece.
    ///
    /// # Errors
    /// [`Interrupted`] when the work should end.
    pub fn begin(&mut self) -> Result<(), Interrupted> {
        self.progress.keep_going()?;
        self.progress.advance(self.done, self.total, &self.remark);
        self.done += 1;
        Ok(())
    }
}

/// Number of parts in which work reports its share of larger work.
const PARTS: usize = 1000;

/// How far the work itself is, in `[0, 1]`, from its stages and counts.
#[derive(Debug)]
struct Share {
    /// The current stage and the number of stages; work without stages is in its only one.
    stage: Mutex<(usize, usize)>,
}

impl Share {
    const fn new() -> Self {
        Self { stage: Mutex::new((1, 1)) }
    }

    fn begin(&self, index: usize, n_stages: usize) {
        let n_stages = n_stages.max(1);
        *locked(&self.stage) = (index.clamp(1, n_stages), n_stages);
    }

    fn at(&self, done: usize, total: usize) -> f64 {
        let (index, n_stages) = *locked(&self.stage);
        let of_stage = done.min(total) as f64 / total.max(1) as f64;
        ((index - 1) as f64 + of_stage) / n_stages as f64
    }
}

/// One part of larger work, which is told of it as a share between the two ends of the span.
pub struct Part<'a> {
    whole: &'a dyn Progress,
    span: (f64, f64),
    name: Option<String>,
    share: Share,
}

impl<'a> Part<'a> {
    /// The part of `whole` between two shares in `[0, 1]`.
    pub const fn new(whole: &'a dyn Progress, span: (f64, f64)) -> Self {
        Self { whole, span, name: None, share: Share::new() }
    }

    /// The part with this index, counted from 0, of `n` equal ones.
    pub fn of(whole: &'a dyn Progress, index: usize, n: usize) -> Self {
        let n = n.max(1) as f64;
        Self::new(whole, (index as f64 / n, (index + 1) as f64 / n))
    }

    /// The same with a name, which takes the place of all remarks.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

impl Progress for Part<'_> {
    fn stage(&self, _label: &str, index: usize, n_stages: usize) {
        self.share.begin(index, n_stages);
    }

    fn advance(&self, done: usize, total: usize, remark: &str) {
        let (from, to) = self.span;
        let now = from + (to - from) * self.share.at(done, total);
        self.whole.advance(parts(now), PARTS, self.name.as_deref().unwrap_or(remark));
    }

    fn wants_stop(&self) -> bool {
        self.whole.wants_stop()
    }
}

/// Work of several equal pieces that go on side by side, on as many threads.
pub struct SideBySide<'a> {
    whole: &'a dyn Progress,
    shares: Mutex<Vec<f64>>,
}

impl<'a> SideBySide<'a> {
    /// The progress of `whole` is the mean of its `n` pieces.
    pub fn new(whole: &'a dyn Progress, n: usize) -> Self {
        Self { whole, shares: Mutex::new(vec![0.0; n]) }
    }

    /// The piece with this index, counted from 0.
    ///
    /// # Panics
    /// When there is no piece with this index.
    pub fn piece(&self, index: usize) -> Piece<'_> {
        let n = locked(&self.shares).len();
        assert!(index < n, "piece {index} of {n}");
        Piece { all: self, index, share: Share::new() }
    }
}

/// One piece of work that goes on [`SideBySide`] with others.
pub struct Piece<'a> {
    all: &'a SideBySide<'a>,
    index: usize,
    share: Share,
}

impl Progress for Piece<'_> {
    fn stage(&self, _label: &str, index: usize, n_stages: usize) {
        self.share.begin(index, n_stages);
    }

    fn advance(&self, done: usize, total: usize, remark: &str) {
        let mean = {
            let mut shares = locked(&self.all.shares);
            shares[self.index] = self.share.at(done, total);
            shares.iter().sum::<f64>() / shares.len() as f64
        };
        self.all.whole.advance(parts(mean), PARTS, remark);
    }

    fn wants_stop(&self) -> bool {
        self.all.whole.wants_stop()
    }
}

/// The nearest number of [`PARTS`].
fn parts(share: f64) -> usize {
    (share * PARTS as f64).round() as usize
}

/// A few numbers, which are whole even if a thread died while it wrote them.
fn locked<T>(numbers: &Mutex<T>) -> MutexGuard<'_, T> {
    numbers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers all reports, and asks to stop after a number of them.
    #[derive(Default)]
    struct Recorder {
        heard: Mutex<Vec<(usize, usize, String)>>,
        stages: Mutex<usize>,
        stop_after: Option<usize>,
    }

    impl Progress for Recorder {
        fn stage(&self, _label: &str, _index: usize, _n_stages: usize) {
            *locked(&self.stages) += 1;
        }

        fn advance(&self, done: usize, total: usize, remark: &str) {
            locked(&self.heard).push((done, total, remark.into()));
        }

        fn wants_stop(&self) -> bool {
            self.stop_after.is_some_and(|most| locked(&self.heard).len() >= most)
        }
    }

    impl Recorder {
        fn heard(&self) -> Vec<(usize, usize, String)> {
            locked(&self.heard).clone()
        }
    }

    fn line(done: usize, remark: &str) -> (usize, usize, String) {
        (done, PARTS, remark.into())
    }

    #[test]
    fn steps_are_told_before_they_begin_and_end_with_the_wish_to_stop() {
        let whole = Recorder { stop_after: Some(2), ..Recorder::default() };
        let mut steps = Steps::new(&whole, 3);
        steps.name("first");
        assert_eq!(steps.begin(), Ok(()));
        steps.name("second");
        assert_eq!(steps.begin(), Ok(()));
        assert_eq!(steps.begin(), Err(Interrupted));
        assert_eq!(whole.heard(), [(0, 3, "first".into()), (1, 3, "second".into())]);
    }

    #[test]
    fn a_part_is_told_within_its_span() {
        let whole = Recorder::default();
        let part = Part::new(&whole, (0.5, 0.75));
        part.advance(0, 4, "begun");
        part.advance(2, 4, "half");
        part.advance(4, 4, "");
        assert_eq!(whole.heard(), [line(500, "begun"), line(625, "half"), line(750, "")]);
    }

    #[test]
    fn stages_of_a_part_are_parts_of_it() {
        let whole = Recorder::default();
        let part = Part::of(&whole, 1, 2).named("second");
        part.stage("first stage", 1, 2);
        part.advance(1, 1, "lost");
        part.stage("last stage", 2, 2);
        part.advance(1, 2, "lost");
        assert_eq!(whole.heard(), [line(750, "second"), line(875, "second")]);
        assert_eq!(*locked(&whole.stages), 0, "the stages of a part are not those of the whole");
    }

    #[test]
    fn empty_work_and_reports_beyond_the_end_stay_inside() {
        let whole = Recorder::default();
        let part = Part::of(&whole, 0, 0);
        part.advance(0, 0, "");
        part.advance(7, 3, "");
        part.stage("odd", 0, 0);
        part.advance(1, 1, "");
        assert_eq!(whole.heard(), [line(0, ""), line(1000, ""), line(1000, "")]);
    }

    #[test]
    fn pieces_side_by_side_count_on_average() {
        let whole = Recorder::default();
        let all = SideBySide::new(&whole, 4);
        std::thread::scope(|scope| {
            for index in 0..4 {
                let all = &all;
                scope.spawn(move || all.piece(index).advance(1, 2, "half"));
            }
        });
        all.piece(3).advance(2, 2, "last");
        let heard = whole.heard();
        assert_eq!(heard.iter().map(|&(done, ..)| done).max(), Some(625));
        assert_eq!(heard[4], line(625, "last"));
    }

    #[test]
    fn the_wish_to_stop_passes_through_all_of_them() {
        let whole = Recorder { stop_after: Some(1), ..Recorder::default() };
        let part = Part::of(&whole, 0, 1);
        let all = SideBySide::new(&part, 2);
        let piece = all.piece(1);
        let quiet = StopOnly(&piece);
        assert_eq!(quiet.keep_going(), Ok(()));
        quiet.advance(1, 1, "unheard");
        assert_eq!(quiet.keep_going(), Ok(()));
        piece.advance(1, 1, "");
        assert_eq!(quiet.keep_going(), Err(Interrupted));
        assert_eq!(whole.heard(), [line(500, "")]);
        assert_eq!(Silent.keep_going(), Ok(()));
    }
}
