//! The GRU against its formula, written out on the host.

use simbias_nn::{Architecture, GatedRecurrent, Precision};

use crate::{network, rows, values};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn one_layer_follows_the_formula_of_torch() {
    let (l, h, n_steps) = (2, 3, 4);
    let gru = GatedRecurrent {
        d_input: l * n_steps,
        step_width: l,
        d_hidden: h,
        n_layers: 1,
        n_outputs: 2,
    };
    let network = network(&Architecture::from(gru), Precision::F64);
    let p: Vec<Vec<f64>> = network.parameters().iter().map(|p| values(&p.value)).collect();
    let row = rows(1, l * n_steps, 2);
    let mut hidden = vec![0.0; h];
    for step in 0..n_steps {
        let x: Vec<f64> = (0..l).map(|i| f64::from(row[[0, step * l + i]])).collect();
        // Row `gate * h + unit` of the stacked weights; gates are reset, update, new.
        let input = |gate: usize, unit: usize| {
            let r = gate * h + unit;
            (0..l).map(|i| p[0][r * l + i] * x[i]).sum::<f64>() + p[2][r]
        };
        let recurrent = |gate: usize, unit: usize, hidden: &[f64]| {
            let r = gate * h + unit;
            (0..h).map(|i| p[1][r * h + i] * hidden[i]).sum::<f64>() + p[3][r]
        };
        hidden = (0..h)
            .map(|unit| {
                let reset = sigmoid(input(0, unit) + recurrent(0, unit, &hidden));
                let update = sigmoid(input(1, unit) + recurrent(1, unit, &hidden));
                let new = (input(2, unit) + reset * recurrent(2, unit, &hidden)).tanh();
                (1.0 - update) * new + update * hidden[unit]
            })
            .collect();
    }
    let found = values(&network.forward(network.upload(row.view())));
    for (output, found) in found.iter().enumerate() {
        let expected = (0..h).map(|i| p[4][output * h + i] * hidden[i]).sum::<f64>() + p[5][output];
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}
