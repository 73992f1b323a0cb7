//! The JSON that comes back from disk: plans, and results of earlier runs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ndarray::Array2;
use simbias_data::{ClassLabels, Target};
use simbias_reliance::{Plan, PlanDocument, RelianceOutcome, compare};

fuzz_target!(|text: &str| {
    if let Ok(document) = serde_json::from_str::<PlanDocument>(text) {
        let shape = (document.repeats.min(8), document.n_rows.min(64));
        let target = Target::Classes(ClassLabels {
            indices: (0..shape.1 as u32).map(|row| row % 2).collect(),
            names: vec!["a".into(), "b".into()],
        });
        if let Ok(plan) = Plan::from_parts(document, Array2::zeros(shape), target, Vec::new()) {
            let _ = plan.block_set();
        }
    }
    if let Ok(outcome) = RelianceOutcome::from_json(text) {
        let again = RelianceOutcome::from_json(&outcome.to_json());
        assert!(again.is_ok(), "what was written must be readable");
        let _ = compare(&outcome, &outcome, None);
    }
});
