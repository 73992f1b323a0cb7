//! ReLU and its gradient, value by value.

use simbias_kernels::{rectify, rectify_gradient};

#[test]
fn special_numbers_are_those_of_pytorch() {
    let x = [1.5_f32, 0.0, -0.0, -2.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let y = rectify(&x);
    assert_eq!(y[..6], [1.5, 0.0, 0.0, 0.0, f32::INFINITY, 0.0]);
    assert!(y[6].is_nan());
    // A unit that diverged passes its slope on, so that it is seen.
    assert_eq!(rectify_gradient(&y, &[3.0; 7]), [3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 3.0]);
}

#[test]
fn long_slices_are_covered_whole() {
    let n = (1 << 16) + 3;
    let x: Vec<f64> = (0..n).map(|i| (i % 7) as f64 - 3.0).collect();
    let expected: Vec<f64> = x.iter().map(|x| x.max(0.0)).collect();
    assert_eq!(rectify(&x), expected);
    let slopes: Vec<f64> = expected.iter().map(|&y| if y > 0.0 { 2.0 } else { 0.0 }).collect();
    assert_eq!(rectify_gradient(&expected, &vec![2.0; n]), slopes);
}
