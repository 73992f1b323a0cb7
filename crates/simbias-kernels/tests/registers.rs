//! Machines with narrower registers than this one: the same results up to rounding. A process of its own, since the limit
//! holds for all of it.

use simbias_kernels::{
    BatchNormalisation, Convolution, Moments, RegisterLimit, limit_registers, rectify_gradient,
};

fn numbers(n: usize, salt: usize) -> Vec<f32> {
    (0..n).map(|i| (((i + salt) * 7919) % 1009) as f32 / 500.0 - 1.0).collect()
}

/// Shapes for which every layout is chosen on some machine.
fn convolutions() -> Vec<Convolution> {
    let plain = Convolution {
        channels: 3,
        filters: 8,
        groups: 1,
        size: [12, 10],
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
    };
    vec![
        plain,
        Convolution { stride: [2, 2], ..plain },
        Convolution { kernel: [1, 1], padding: [0, 0], channels: 16, filters: 12, ..plain },
        Convolution { channels: 8, groups: 8, size: [7, 7], ..plain },
        Convolution { channels: 40, filters: 64, size: [4, 4], ..plain },
        Convolution { dilation: [2, 1], kernel: [3, 2], stride: [1, 3], ..plain },
    ]
}

/// All results of one limit, in order.
fn results(limit: RegisterLimit) -> Vec<(String, Vec<f32>)> {
    limit_registers(limit);
    let mut found = Vec::new();
    for c in convolutions() {
        for batch in [1, 2, 5, 33] {
            let plane: usize = c.output_size().iter().product();
            let images = numbers(batch * c.channels * c.size[0] * c.size[1], 0);
            let weights = numbers(c.filters * c.channels / c.groups * c.kernel[0] * c.kernel[1], 1);
            let slope = numbers(batch * c.filters * plane, 2);
            let bias = numbers(c.filters, 3);
            let at = format!("{c:?}, {batch} images");
            found.push((format!("forward {at}"), c.forward(&images, &weights, Some(&bias))));
            found.push((format!("images {at}"), c.image_gradient(&slope, &weights)));
            found.push((format!("weights {at}"), c.weight_gradient(&images, &slope)));
            found.push((format!("bias {at}"), c.bias_gradient(&slope)));
        }
    }
    let x = numbers(2 * 3 * 35, 4);
    let norm = BatchNormalisation {
        shape: [3, 35],
        moments: &Moments::of(&x, [3, 35]),
        weight: &[1.0, -0.5, 2.0],
        epsilon: 1e-5,
    };
    found.push(("norm".into(), norm.forward(&x, &[0.1, 0.2, 0.3])));
    found.push(("norm, gradient".into(), norm.backward(&x, &numbers(210, 5), true).input));
    found.push(("rectified".into(), rectify_gradient(&x, &numbers(210, 6))));
    limit_registers(RegisterLimit::Machine);
    found
}

#[test]
fn narrower_registers_give_the_same_results() {
    let own = results(RegisterLimit::Machine);
    for limit in [RegisterLimit::Avx2, RegisterLimit::Scalar] {
        for ((name, own), (_, other)) in own.iter().zip(results(limit)) {
            assert_eq!(own.len(), other.len(), "{limit:?}: {name}");
            let largest = own.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
            for (a, b) in own.iter().zip(&other) {
                assert!((a - b).abs() <= 2e-5 * largest, "{limit:?}: {name}: {a} and {b}");
            }
        }
    }
}
