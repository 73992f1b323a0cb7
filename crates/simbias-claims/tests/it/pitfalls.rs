//! The measurements of paper 02 at sizes that only show that they run.

use std::sync::Mutex;

use simbias_claims::{MeasureContext, Outcome, Progress, Scale, claim, run};

/// Remembers how many stages were announced, and of how many.
#[derive(Default)]
struct Counter {
    stages: Mutex<(usize, usize)>,
}

impl Progress for Counter {
    fn stage(&self, _stage: &str, done: usize, total: usize) {
        *self.stages.lock().expect("no test panics while counting") = (done + 1, total);
    }
}

fn quick_run(id: &str) -> (Outcome, (usize, usize)) {
    let counter = Counter::default();
    let mut context = MeasureContext::new(Scale::Cpu, 3, 1, &counter);
    context.quick = true;
    let outcome = run(claim(id).expect("a known claim"), &mut context).expect("a quick run");
    drop(context);
    (outcome, counter.stages.into_inner().expect("no test panics while counting"))
}

#[test]
fn every_stage_of_every_seed_is_announced() {
    for id in ["P2-C1", "P2-C8", "P2-C11"] {
        let (_, (begun, total)) = quick_run(id);
        assert!(0 < begun && begun == total, "{id}: {begun} of {total}");
    }
}

#[test]
fn a_measurement_repeats_itself() {
    let values = |outcome: Outcome| -> Vec<_> {
        let criteria = outcome.criteria.into_iter().map(|found| found.per_seed);
        criteria.chain(outcome.controls.into_iter().map(|c| vec![(c.seed, c.value)])).collect()
    };
    let [first, second] = [(), ()].map(|()| values(quick_run("P2-C11").0));
    assert!(!first.is_empty());
    assert_eq!(first, second);
}
