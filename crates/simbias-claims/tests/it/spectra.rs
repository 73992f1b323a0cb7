//! The claims of paper 08: what runs, in which direction its figures point, and what the others need.

use simbias_claims::{Outcome, Scale, all, claim};

use crate::quick::{quick_run, values};

const WITHOUT_TRAINING: [&str; 5] = ["P8-C1", "P8-C2", "P8-C3", "P8-C8", "P8-C12"];

fn judged(outcome: &Outcome, criterion: &str) -> f64 {
    let found = outcome.criteria.iter().find(|found| found.criterion.name == criterion);
    found.unwrap_or_else(|| panic!("no criterion {criterion:?}")).per_seed[0].1
}

fn control(outcome: &Outcome, name: &str) -> f64 {
    let found = outcome.controls.iter().find(|control| control.name == name);
    found.unwrap_or_else(|| panic!("no control {name:?}")).value
}

#[test]
fn all_claims_of_the_paper_are_listed_in_order() {
    let expected: Vec<String> = (1..=12).map(|number| format!("P8-C{number}")).collect();
    let found: Vec<&str> =
        all().filter(|claim| claim.paper.number == "08").map(|claim| claim.id).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_cannot_run_names_its_needs() {
    for (id, word) in [("P8-C4", "13.5 GB"), ("P8-C5", "LLaMA-13B"), ("P8-C7", "PDEBench")] {
        for scale in Scale::ALL {
            let reason = claim(id).unwrap().measure_at(scale).unwrap_err();
            assert!(reason.starts_with("needs ") && reason.contains(word), "{id}: {reason}");
        }
    }
    let reason = claim("P8-C6").unwrap().measure_at(Scale::Cpu).unwrap_err();
    assert!(reason.contains("CIFAR-100"), "{reason}");
}

#[test]
fn plain_exponents_follow_the_shape() {
    let (outcome, _) = quick_run("P8-C1");
    assert!(judged(&outcome, "smallest rise with the aspect ratio") > 0.2);
    assert!(judged(&outcome, "largest distance from Marchenko-Pastur") < 10.0);
    assert!((control(&outcome, "256 × 64: Marchenko-Pastur") - 3.454_59).abs() < 1e-4);
    let drawn = control(&outcome, "256 × 64: mean plain exponent");
    assert!((drawn - 3.45).abs() < 0.3, "{drawn}");
}

#[test]
fn windows_take_the_shape_away() {
    let (outcome, _) = quick_run("P8-C2");
    let plain = judged(&outcome, "spread of plain exponents");
    let farms = judged(&outcome, "spread of FARMS exponents");
    assert!(plain > 1.5 && farms < 0.2, "{plain} and {farms}");
}

#[test]
fn a_thin_heavy_tailed_matrix_is_ranked_wrongly_by_plain_exponents_alone() {
    let (outcome, _) = quick_run("P8-C3");
    assert_eq!(judged(&outcome, "share of pairs that plain exponents rank wrongly"), 1.0);
    assert_eq!(judged(&outcome, "share of pairs that FARMS ranks rightly"), 1.0);
}

#[test]
fn the_first_convolution_stands_out_by_its_plain_exponent() {
    let (outcome, _) = quick_run("P8-C8");
    assert!(judged(&outcome, "rank of the first convolution, plain") <= 2.0);
    let plain = control(&outcome, "Gaussian, plain: first convolution");
    let farms = control(&outcome, "Gaussian, FARMS: first convolution");
    assert!(plain > control(&outcome, "Gaussian, plain: largest between them"), "{plain}");
    assert!(farms < plain - 1.0, "{farms} and {plain}");
}

#[test]
fn the_median_rule_scatters_least() {
    let (outcome, _) = quick_run("P8-C12");
    let median = judged(&outcome, "largest variation, median");
    for other in ["smallest variation, KS", "smallest variation, peak"] {
        assert!(median < judged(&outcome, other), "{other}");
    }
}

#[test]
fn random_matrices_are_those_of_their_seed() {
    for id in WITHOUT_TRAINING {
        let [first, second] = [(), ()].map(|()| values(quick_run(id).0));
        assert!(!first.is_empty());
        assert_eq!(first, second, "{id}");
    }
}
