//! Convolution and its gradients against the definition, over random shapes.

use proptest::prelude::*;
use simbias_kernels::{Convolution, Real};

use crate::numbers;

fn in_64_bits<T: Real>(numbers: &[T]) -> Vec<f64> {
    numbers.iter().map(|x| x.to_f64()).collect()
}

/// Calls `each(output, input, weight, filter)` with the index of every product of the definition.
fn products(c: &Convolution, batch: usize, mut each: impl FnMut(usize, usize, usize)) {
    let [height, width] = c.output_size();
    let (channels, filters) = (c.channels / c.groups, c.filters / c.groups);
    for image in 0..batch {
        for filter in 0..c.filters {
            for channel in 0..channels {
                let from = image * c.channels + filter / filters * channels + channel;
                for y in 0..height {
                    for x in 0..width {
                        for row in 0..c.kernel[0] {
                            for column in 0..c.kernel[1] {
                                let iy = (y * c.stride[0] + row * c.dilation[0])
                                    .checked_sub(c.padding[0])
                                    .filter(|&iy| iy < c.size[0]);
                                let ix = (x * c.stride[1] + column * c.dilation[1])
                                    .checked_sub(c.padding[1])
                                    .filter(|&ix| ix < c.size[1]);
                                let (Some(iy), Some(ix)) = (iy, ix) else { continue };
                                each(
                                    ((image * c.filters + filter) * height + y) * width + x,
                                    (from * c.size[0] + iy) * c.size[1] + ix,
                                    ((filter * channels + channel) * c.kernel[0] + row)
                                        * c.kernel[1]
                                        + column,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

fn close(
    found: &[f64],
    expected: &[f64],
    sizes: &[f64],
    epsilon: f64,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (i, ((found, expected), size)) in found.iter().zip(expected).zip(sizes).enumerate() {
        let error = (found - expected).abs();
        prop_assert!(error <= epsilon * (size + 1e-9), "{i}: {found} for {expected}");
    }
    Ok(())
}

/// All four results against the definition, within `n · ε` of the sum of the products' sizes.
fn check<T: Real>(c: &Convolution, batch: usize, epsilon: f64) -> Result<(), TestCaseError> {
    let out_plane: usize = c.output_size().iter().product();
    let n_out = batch * c.filters * out_plane;
    let images: Vec<T> = numbers(batch * c.channels * c.size[0] * c.size[1], 0);
    let weights: Vec<T> = numbers(c.filters * c.channels / c.groups * c.kernel[0] * c.kernel[1], 5);
    let bias: Vec<T> = numbers(c.filters, 11);
    let slope: Vec<T> = numbers(n_out, 3);

    let mut sums = [vec![0.0; n_out], vec![0.0; images.len()], vec![0.0; weights.len()]];
    let mut sizes = sums.clone();
    products(c, batch, |o, i, w| {
        let (x, weight, slope) = (images[i].to_f64(), weights[w].to_f64(), slope[o].to_f64());
        for (k, (at, product)) in
            [(o, x * weight), (i, slope * weight), (w, slope * x)].into_iter().enumerate()
        {
            sums[k][at] += product;
            sizes[k][at] += product.abs();
        }
    });
    let [mut out, image_gradient, weight_gradient] = sums;
    let mut bias_gradient = vec![0.0; c.filters];
    for (i, out) in out.iter_mut().enumerate() {
        *out += bias[i / out_plane % c.filters].to_f64();
        sizes[0][i] += 2.0;
        bias_gradient[i / out_plane % c.filters] += slope[i].to_f64();
    }
    close(&in_64_bits(&c.forward(&images, &weights, Some(&bias))), &out, &sizes[0], epsilon)?;
    // Without an output pixel the number of images is unknown.
    if out_plane > 0 {
        let found = in_64_bits(&c.image_gradient(&slope, &weights));
        if images.is_empty() || n_out == 0 {
            prop_assert!(found.iter().all(|&x| x == 0.0));
        } else {
            close(&found, &image_gradient, &sizes[1], epsilon)?;
        }
    }
    close(&in_64_bits(&c.weight_gradient(&images, &slope)), &weight_gradient, &sizes[2], epsilon)?;
    let size = vec![(batch * out_plane) as f64; c.filters];
    close(&in_64_bits(&c.bias_gradient(&slope)), &bias_gradient, &size, epsilon)
}

fn pair(range: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

fn convolution() -> impl Strategy<Value = (Convolution, usize)> {
    let channels = prop_oneof![(1..=5_usize).prop_map(|n| (1, n)), (1..=4_usize, 1..=3_usize)];
    let sizes = (pair(1..8), pair(1..4), pair(0..4), pair(1..4));
    let size = prop_oneof![pair(1..12), (1..4_usize, 12..70_usize).prop_map(|(y, x)| [y, x])];
    (channels, 1..=13_usize, size, sizes, 1..6_usize).prop_map(
        |((groups, channels), filters, size, (kernel, stride, padding, dilation), batch)| {
            let (channels, filters) = (groups * channels, groups * filters);
            (
                Convolution { channels, filters, groups, size, kernel, stride, padding, dilation },
                batch,
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn results_are_the_definition((c, batch) in convolution()) {
        check::<f32>(&c, batch, 40.0 * f64::from(f32::EPSILON))?;
        check::<f64>(&c, batch, 40.0 * f64::EPSILON)?;
    }
}

#[test]
fn common_layers_are_the_definition() {
    let of = |channels, filters, groups, size: usize, kernel: usize, stride: usize, padding| {
        Convolution {
            channels,
            filters,
            groups,
            size: [size; 2],
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1; 2],
        }
    };
    // Small images are unfolded, several at a time, or interleaved, where a batch fills registers; no block divides
    // these batches.
    for (c, batch) in [
        (of(64, 64, 1, 4, 3, 1, 1), 13),
        (of(32, 64, 1, 8, 3, 2, 1), 7),
        (of(24, 20, 1, 5, 3, 1, 1), 133),
        (of(8, 16, 2, 6, 3, 2, 1), 70),
        (of(6, 5, 1, 4, 2, 3, 2), 97),
        (of(40, 24, 1, 2, 3, 1, 1), 33),
        (of(64, 32, 1, 14, 1, 1, 0), 3),
        (of(32, 32, 1, 7, 1, 2, 0), 5),
        (of(3, 16, 1, 28, 5, 1, 2), 3),
        (of(12, 12, 12, 28, 7, 1, 3), 2),
        (of(3, 10, 1, 33, 7, 2, 3), 2),
        (of(16, 20, 4, 9, 3, 1, 1), 5),
    ] {
        check::<f32>(&c, batch, 40.0 * f64::from(f32::EPSILON)).unwrap();
        check::<f64>(&c, batch, 40.0 * f64::EPSILON).unwrap();
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let plain = Convolution {
        channels: 24,
        filters: 48,
        groups: 1,
        size: [9, 11],
        kernel: [3, 3],
        stride: [2, 1],
        padding: [1, 1],
        dilation: [1, 1],
    };
    let depthwise = Convolution { filters: 24, groups: 24, ..plain };
    for c in [plain, depthwise, Convolution { groups: 4, ..plain }] {
        same_on_all_threads::<f32>(c);
        same_on_all_threads::<f64>(c);
    }
}

fn same_on_all_threads<T: Real>(c: Convolution) {
    for batch in [1, 2, 3, 37] {
        let plane: usize = c.output_size().iter().product();
        let images: Vec<T> = numbers(batch * c.channels * 99, 0);
        let weights: Vec<T> = numbers(c.filters * c.channels / c.groups * 9, 1);
        let slope: Vec<T> = numbers(batch * c.filters * plane, 2);
        let all = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("a pool of a few threads");
            pool.install(|| {
                [
                    c.forward(&images, &weights, None),
                    c.image_gradient(&slope, &weights),
                    c.weight_gradient(&images, &slope),
                    c.bias_gradient(&slope),
                ]
            })
        };
        let one = all(1);
        for threads in [2, 3, 5, 16] {
            assert_eq!(all(threads), one, "{c:?}: {threads} threads, {batch} images");
        }
    }
}

#[test]
#[should_panic(expected = "do not divide")]
fn groups_that_do_not_divide_the_channels_are_refused() {
    let c = Convolution {
        channels: 3,
        filters: 4,
        groups: 2,
        size: [4, 4],
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
    };
    c.forward(&[0.0_f32; 48], &[0.0; 8], None);
}
