//! Runs of known claims at sizes that only show that they run.

use std::sync::Mutex;

use simbias_claims::{MeasureContext, Outcome, Scale, claim, run};
use simbias_report::Progress;

/// Remembers how many stages were announced, and of how many.
#[derive(Default)]
struct Counter {
    stages: Mutex<(usize, usize)>,
}

impl Progress for Counter {
    fn advance(&self, done: usize, total: usize, _stage: &str) {
        *self.stages.lock().expect("no test panics while counting") = (done + 1, total);
    }
}

/// The outcome of one seed, and how many stages were begun of how many.
pub(crate) fn quick_run(id: &str) -> (Outcome, (usize, usize)) {
    let counter = Counter::default();
    let mut context = MeasureContext::new(Scale::Cpu, 3, 1, &counter);
    context.quick = true;
    let outcome = run(claim(id).expect("a known claim"), &mut context).expect("a quick run");
    drop(context);
    (outcome, counter.stages.into_inner().expect("no test panics while counting"))
}

/// All figures of a run.
pub(crate) fn values(outcome: Outcome) -> Vec<Vec<(u64, f64)>> {
    let criteria = outcome.criteria.into_iter().map(|found| found.per_seed);
    criteria.chain(outcome.controls.into_iter().map(|c| vec![(c.seed, c.value)])).collect()
}
