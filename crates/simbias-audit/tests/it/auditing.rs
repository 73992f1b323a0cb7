//! The audit of a network trained here.

use simbias_audit::document::audit_report;
use simbias_audit::{AuditInput, AuditOptions, AuditOutcome, Remedy, Subject, audit};
use simbias_data::{Dataset, Stratum};
use simbias_reliance::outcome::SoloLearner;
use simbias_reliance::{Block, BlockSet, BlockVerdict};
use simbias_report::Silent;
use simbias_stats::Seed;
use simbias_train::TrainState;

use crate::{StopsAfter, StopsIn, interrupted, options, run, slabs};

#[test]
fn the_simple_block_is_used_and_the_complex_one_ignored() {
    let input = slabs(3);
    let mut options = options(&Remedy::DEFAULT);
    // Enough steps for the plain network to be sure of the linear block, too few to need the slabs.
    options.max_steps = 100;
    options.simplicity.solo_every = 2;
    let outcome = run(&input, &options);
    let base = &outcome.base.outcome;
    let verdict = |name: &str| base.block(name).unwrap().verdict.unwrap();
    assert!(
        matches!(verdict("linear"), BlockVerdict::Exclusive | BlockVerdict::Dominant),
        "{:?}",
        verdict("linear")
    );
    assert_eq!(verdict("slab"), BlockVerdict::IgnoredButPredictive);
    assert_eq!(verdict("noise"), BlockVerdict::Unused);
    // The probes and this very architecture learn the ignored block, and nobody learns noise.
    let simplicity = |name: &str| base.block(name).unwrap().simplicity.as_ref().unwrap();
    assert_eq!(simplicity("slab").solo_learner, Some(SoloLearner::OwnArchitecture));
    assert!(simplicity("slab").solo_training.as_ref().unwrap().metric.value > 0.99);
    assert_eq!(simplicity("noise").solo_learner, None);

    assert_eq!(outcome.remedies.len(), 3);
    for remedied in &outcome.remedies {
        assert_eq!(remedied.measurement.outcome.blocks.len(), 3);
        assert_eq!(remedied.comparison.blocks.len(), 3);
        assert!(remedied.robustness.as_ref().unwrap().leading().is_some());
    }
    // The steps to learn a block follow its complexity.
    let steps =
        |name: &str| outcome.solo.iter().find(|(solo, _)| solo == name).unwrap().1.steps_to_learn;
    assert!(steps("linear").unwrap() < steps("slab").unwrap());
    assert_eq!(steps("noise"), None);

    let report = audit_report(&outcome, &input, Seed::new(1));
    let summary = report.summary.join(" ");
    assert!(summary.contains("although it could learn it"), "{summary}");
}

#[test]
fn a_network_that_does_not_learn_an_ignored_block_is_not_blamed_for_ignoring_it() {
    let input = slabs(3);
    let mut options = options(&[]);
    options.max_steps = 100;
    // Too few for the network, while the probes have hundreds.
    options.simplicity.solo_steps = 3;
    let outcome = run(&input, &options);
    let slab = outcome.base.outcome.block("slab").unwrap();
    assert_eq!(slab.verdict, Some(BlockVerdict::IgnoredButPredictive));
    let simplicity = slab.simplicity.as_ref().unwrap();
    assert_eq!(simplicity.solo_learner, Some(SoloLearner::ProbeOnly));
    assert_eq!(simplicity.solo_training.as_ref().unwrap().steps, 3);
    let report = audit_report(&outcome, &input, Seed::new(1));
    let summary = report.summary.join(" ");
    assert!(summary.contains("A small network trained on it alone"), "{summary}");
    assert!(!summary.contains("although it could learn it"), "{summary}");
    // The result file says the same.
    let result: serde_json::Value = serde_json::from_str(&outcome.base.outcome.to_json()).unwrap();
    let block = &result["blocks"][1];
    assert_eq!(block["solo_learner"], "probe-only");
    assert_eq!(block["solo_training"]["steps"], 3);
}

#[test]
fn threads_change_nothing() {
    let mut options = options(&Remedy::ALL);
    options.max_steps = 60;
    options.simplicity.solo_steps = 80;
    options.simplicity.probe_steps = 60;
    let on = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let outcome = pool.install(|| run(&slabs(3), &options));
        let solo: Vec<f64> = outcome.solo.iter().map(|(_, run)| run.metric.value).collect();
        let remedies: Vec<_> = outcome
            .remedies
            .iter()
            .map(|remedied| {
                (
                    remedied.measurement.outcome.to_json(),
                    remedied.robustness.clone(),
                    remedied.groups.clone(),
                )
            })
            .collect();
        (outcome.base.outcome.to_json(), outcome.robustness, solo, remedies)
    };
    assert_eq!(on(1), on(2));
}

#[test]
fn strata_are_reported() {
    let mut input = slabs(3);
    let stratify = |data: &mut Dataset| {
        data.strata = vec![Stratum {
            name: "site".into(),
            indices: (0..data.n_rows() as u32).map(|row| row % 2).collect(),
            values: vec!["north".into(), "south".into()],
        }];
    };
    stratify(&mut input.split.train.0);
    stratify(&mut input.split.validation.0);
    stratify(&mut input.split.test.0);
    let mut options = options(&[]);
    options.simplicity.solo_steps = 0;
    let outcome = run(&input, &options);
    for block in &outcome.base.outcome.blocks {
        let values: Vec<&str> = block.strata.iter().map(|found| found.value.as_str()).collect();
        assert_eq!(values, ["north", "south"], "{}", block.name);
        assert_eq!(block.strata.iter().map(|found| found.n_rows).sum::<usize>(), 400);
    }
    assert!(outcome.solo.is_empty());
}

#[test]
fn a_resumed_audit_is_the_one_that_was_not_interrupted() {
    let input = slabs(3);
    let mut options = options(&[Remedy::LastLayer]);
    options.simplicity.solo_steps = 0;
    let whole = run(&input, &options);
    let steps = whole.training.as_ref().unwrap().steps;

    // Four columns are looked at before the training.
    let state = interrupted(&input, &options, &StopsAfter::new(24)).unwrap();
    assert_eq!(state.step, 20);
    assert_same(&whole, &resumed(&input, &options, state).0);

    // Reliance, simplicity, attacks, the remedy: the network is trained already.
    let mut trained = None;
    for stage in 3..=6 {
        let state = interrupted(&input, &options, &StopsIn::new(stage)).unwrap();
        assert_eq!(state.step, steps, "stage {stage}");
        trained = Some(state);
    }
    let (again, kept_steps) = resumed(&input, &options, trained.unwrap());
    assert_eq!(kept_steps, [steps]);
    assert_same(&whole, &again);
}

/// Goes on from `state`; also the steps of all states that were kept on the way.
fn resumed(
    input: &AuditInput,
    options: &AuditOptions,
    state: TrainState,
) -> (AuditOutcome, Vec<u64>) {
    let mut steps = Vec::new();
    let mut keep = |state: &TrainState| {
        steps.push(state.step);
        Ok(())
    };
    let subject = Subject::Resume(Box::new(state));
    let outcome = audit(input, subject, options, &Silent, Some(&mut keep)).unwrap();
    (outcome, steps)
}

fn assert_same(whole: &AuditOutcome, resumed: &AuditOutcome) {
    assert_eq!(resumed.training, whole.training);
    assert_eq!(resumed.base.outcome.to_json(), whole.base.outcome.to_json());
    assert_eq!(resumed.robustness, whole.robustness);
    let weights = |outcome: &AuditOutcome| {
        outcome.network.as_ref().unwrap().network.network().to_safetensors()
    };
    assert_eq!(weights(resumed), weights(whole));
    for (resumed, whole) in resumed.remedies.iter().zip(&whole.remedies) {
        assert_eq!(resumed.measurement.outcome.to_json(), whole.measurement.outcome.to_json());
    }
}

#[test]
fn whoever_asks_to_stop_is_heard_at_once() {
    assert!(interrupted(&slabs(3), &options(&Remedy::ALL), &StopsAfter::new(1)).is_none());
    let state = interrupted(&slabs(3), &options(&Remedy::ALL), &StopsAfter::new(5)).unwrap();
    assert_eq!(state.step, 1);
}

#[test]
fn blocks_worth_trying_are_not_only_the_needed_ones() {
    let mut input = slabs(3);
    // A weak copy of the linear coordinate among coordinates that say nothing.
    for part in [&mut input.split.train.0, &mut input.split.validation.0, &mut input.split.test.0] {
        for mut row in part.rows.rows_mut() {
            row[3] += 0.4 * row[0].signum();
        }
    }
    let blocks = (0..4_usize).map(|column| Block::new(format!("x{column}"), [column])).collect();
    input.blocks = BlockSet::partition(blocks, 4).unwrap();
    let mut options = options(&[]);
    options.simplicity.solo_steps = 0;
    options.most_probed = 2;
    let outcome = run(&input, &options);
    let tried: Vec<&str> = outcome
        .base
        .outcome
        .blocks
        .iter()
        .filter(|block| block.simplicity.is_some())
        .map(|block| block.name.as_str())
        .collect();
    assert_eq!(tried, ["x0", "x3"]);
    let notes = outcome.notes.join(" ");
    assert!(notes.contains("Of 4 blocks only 2 were tried alone: the 1 most necessary"), "{notes}");
}

#[test]
fn one_row_of_a_class_is_a_doubt_and_no_error() {
    let mut input = slabs(3);
    let one_positive = |data: &Dataset| {
        let labels = data.class_labels().unwrap();
        let mut n_positive = 0;
        let rows: Vec<u32> = (0..data.n_rows() as u32)
            .filter(|&row| {
                let positive = labels.indices[row as usize] == 1;
                n_positive += usize::from(positive);
                !positive || n_positive == 1
            })
            .collect();
        data.select(&rows)
    };
    input.split.validation.0 = one_positive(&input.split.validation.0);
    input.split.test.0 = one_positive(&input.split.test.0);
    let mut options = options(&[Remedy::LastLayer]);
    options.simplicity.solo_steps = 20;
    let outcome = run(&input, &options);
    let base = &outcome.base.outcome;
    let few = base.caveats.iter().find(|caveat| caveat.kind == "few-rows").unwrap();
    assert!(few.message.contains("has 1 row."), "{}", few.message);
    // One row cannot show skill.
    assert!(!base.has_signal() && base.standard.metric.low < 0.5);
}
