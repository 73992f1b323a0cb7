//! Pooling against the definition: every window one by one.

use proptest::prelude::*;
use simbias_kernels::{Largest, Means, Window, max_pool, max_pool_gradient};

use crate::numbers;

/// Pixels of the window that starts at `out · stride - padding`, as indices along one axis.
fn pixels(window: &Window, axis: usize, n: usize, out: usize) -> Vec<usize> {
    (0..window.kernel[axis])
        .filter_map(|k| (out * window.stride[axis] + k).checked_sub(window.padding[axis]))
        .filter(|&pixel| pixel < n)
        .collect()
}

fn window() -> impl Strategy<Value = Window> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    // Windows of 2×2 side by side have code of their own.
    let halves = any::<bool>().prop_map(|rounds_up| Window {
        kernel: [2; 2],
        stride: [2; 2],
        padding: [0; 2],
        rounds_up,
    });
    let any = (pair(1..5), pair(1..4), pair(0..3), any::<bool>()).prop_map(
        |(kernel, stride, padding, rounds_up)| {
            let padding = [padding[0].min(kernel[0] / 2), padding[1].min(kernel[1] / 2)];
            Window { kernel, stride, padding, rounds_up }
        },
    );
    prop_oneof![1 => halves, 3 => any]
}

proptest! {
    #[test]
    fn the_largest_number_of_every_window(
        window in window(),
        size in [1..12_usize, 1..12_usize],
        n_planes in 1..4_usize,
        salt in 0..100_usize,
    ) {
        let [height, width] = window.output_size(size);
        let (plane, n_out) = (size[0] * size[1], height * width);
        // Few different numbers, so that there are ties.
        let x: Vec<f32> = numbers::<f32>(n_planes * plane, salt)
            .into_iter()
            .map(|x| (x * 4.0).round())
            .collect();
        let Largest { values, indices } = max_pool(&x, size, &window);
        prop_assert_eq!(values.len(), n_planes * n_out);
        let mut gradient = vec![0.0; x.len()];
        let slope: Vec<f32> = numbers(values.len(), 17);
        for (out, (&value, &index)) in values.iter().zip(&indices).enumerate() {
            let (which, row, column) = (out / n_out, out % n_out / width, out % width);
            let rows = pixels(&window, 0, size[0], row);
            let columns = pixels(&window, 1, size[1], column);
            let mut best: Option<(f32, usize)> = None;
            for &y in &rows {
                for &x_at in &columns {
                    let candidate = x[which * plane + y * size[1] + x_at];
                    if best.is_none_or(|(best, _)| candidate > best) {
                        best = Some((candidate, y * size[1] + x_at));
                    }
                }
            }
            match best {
                Some((best, at)) => {
                    prop_assert_eq!((value, index as usize), (best, at));
                    gradient[which * plane + at] += slope[out];
                }
                None => prop_assert_eq!(value, f32::NEG_INFINITY),
            }
        }
        let found = max_pool_gradient(&slope, &indices, size, n_out);
        if n_out > 0 && values.iter().all(|value| value.is_finite()) {
            for (found, expected) in found.iter().zip(&gradient) {
                prop_assert!((found - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn the_mean_of_every_window(
        window in window(),
        size in [1..12_usize, 1..12_usize],
        n_planes in 1..4_usize,
        counts_padding in any::<bool>(),
    ) {
        let means = Means::new(size, &window, counts_padding);
        let [height, width] = means.output_size();
        prop_assert_eq!([height, width], window.output_size(size));
        let plane = size[0] * size[1];
        let x: Vec<f64> = numbers(n_planes * plane, 3);
        let found = means.forward(&x);
        let slope: Vec<f64> = numbers(found.len(), 5);
        let mut gradient = vec![0.0; x.len()];
        for (out, found) in found.iter().enumerate() {
            let (row, column) = (out % (height * width) / width, out % width);
            let first = out / (height * width) * plane;
            let rows = pixels(&window, 0, size[0], row);
            let columns = pixels(&window, 1, size[1], column);
            // A window counts what lies within the padded image.
            let counted = |axis: usize, at: usize| {
                let end = size[axis] + 2 * window.padding[axis];
                (at * window.stride[axis]..end).take(window.kernel[axis]).count()
            };
            let divisor = if counts_padding {
                counted(0, row) * counted(1, column)
            } else {
                rows.len() * columns.len()
            } as f64;
            let places = || rows.iter().flat_map(|y| columns.iter().map(move |x| first + y * size[1] + x));
            let sum: f64 = places().map(|at| x[at]).sum();
            if places().next().is_some() {
                prop_assert!((found - sum / divisor).abs() < 1e-12);
            }
            for at in places() {
                gradient[at] += slope[out] / divisor;
            }
        }
        if !found.is_empty() {
            for (found, expected) in means.backward(&slope).iter().zip(&gradient) {
                prop_assert!((found - expected).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn not_a_number_wins() {
    let window = Window { kernel: [2; 2], stride: [2; 2], padding: [0; 2], rounds_up: false };
    let x = [1.0, f32::NAN, 3.0, f32::NAN];
    let Largest { values, indices } = max_pool(&x, [2, 2], &window);
    assert!(values[0].is_nan());
    assert_eq!(indices, [1]);
    let shifted = Window { padding: [1; 2], ..window };
    assert!(max_pool(&x, [2, 2], &shifted).values.iter().filter(|x| x.is_nan()).count() == 2);
}

#[test]
fn adaptive_windows_cover_the_image() {
    // PyTorch's windows of 5 pixels in 3: 0..2, 1..4, 3..5.
    let means = Means::adaptive([1, 5], [1, 3]);
    assert_eq!(means.forward(&[1.0, 2.0, 3.0, 4.0, 5.0]), [1.5, 3.0, 4.5]);
    let thirds: Vec<f64> = means.backward(&[2.0, 3.0, 2.0]);
    assert_eq!(thirds, [1.0, 2.0, 1.0, 2.0, 1.0]);
}
