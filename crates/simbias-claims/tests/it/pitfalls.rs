//! The measurements of paper 02 at sizes that only show that they run.

use crate::quick::{quick_run, values};

#[test]
fn every_stage_of_every_seed_is_announced() {
    for id in ["P2-C1", "P2-C8", "P2-C11"] {
        let (_, (begun, total)) = quick_run(id);
        assert!(0 < begun && begun == total, "{id}: {begun} of {total}");
    }
}

#[test]
fn a_measurement_repeats_itself() {
    let [first, second] = [(), ()].map(|()| values(quick_run("P2-C11").0));
    assert!(!first.is_empty());
    assert_eq!(first, second);
}
