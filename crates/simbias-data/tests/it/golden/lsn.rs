//! `lsn.safetensors`: closed forms, the hinge gradient and a trajectory of fresh batches.

use ndarray::{Axis, Ix3};
use simbias_data::synth::lsn::{LsnBatch, LsnNetwork};

use super::{GOLDEN, assert_close};

/// README: `lsn.safetensors`.
const TOLERANCE: f64 = 1e-10;

#[test]
fn gradients_agree() {
    let golden = GOLDEN.tensors("lsn.safetensors");
    let network = LsnNetwork::from_parts(golden.matrix("w"), golden.vector("v")).unwrap();

    let population = network.population_gradient();
    for (name, found) in [
        ("pop_grad_linear", population.linear.into_dyn()),
        ("pop_grad_slab", population.slab.into_dyn()),
        ("pop_grad_noise", population.noise.into_dyn()),
    ] {
        assert_close(name, &found, &golden.array(name), TOLERANCE);
    }

    let batch = LsnBatch { rows: golden.matrix("x"), labels: golden.vector("y") };
    let step = network.hinge(&batch).unwrap();
    let name = "empirical_hinge_grad";
    assert_close(name, &step.gradient.into_dyn(), &golden.array(name), TOLERANCE);
    assert!((step.active_fraction - golden.vector("active_fraction")[0]).abs() <= TOLERANCE);
}

#[test]
fn the_trajectory_agrees() {
    let golden = GOLDEN.tensors("lsn.safetensors");
    let mut network =
        LsnNetwork::from_parts(golden.matrix("traj.w0"), golden.vector("traj.v")).unwrap();
    let learning_rate = golden.vector("traj.eta")[0];
    let batches = golden.array("traj.x").into_dimensionality::<Ix3>().unwrap();
    let labels = golden.matrix("traj.y");
    assert!(batches.len_of(Axis(0)) > 0);
    for (rows, labels) in batches.outer_iter().zip(labels.outer_iter()) {
        let batch = LsnBatch { rows: rows.to_owned(), labels: labels.to_owned() };
        network.step(&batch, learning_rate).unwrap();
    }
    let found = network.weights().to_owned().into_dyn();
    assert_close("traj.w_final", &found, &golden.array("traj.w_final"), TOLERANCE);
}
