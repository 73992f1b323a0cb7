//! Two-dimensional convolution: the library's own, or one matrix product for inputs of few channels.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module};

use crate::cpu;

/// Largest `channels · height · width` of a filter that is unfolded on the CPU. On two cores the step of a first layer of
/// one channel takes half the time of the library's, at 16 channels of 3×3 the library is as fast.
const LARGEST_UNFOLDED: usize = 32;

/// `x` is `[batch, channels, height, width]`, `filters` `[out, channels, k, k]`, `bias` `[out]`; zero padding on
/// every side.
pub(crate) fn conv2d(
    x: Tensor<4>,
    filters: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: usize,
) -> Tensor<4> {
    let window: usize = filters.dims()[1..].iter().product();
    let is_on_cpu = x.device().without_autodiff() == cpu();
    if is_on_cpu && stride == 1 && window <= LARGEST_UNFOLDED {
        return unfolded(x, filters, bias, padding);
    }
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    module::conv2d(x, filters, bias, options)
}

/// Every pixel with its neighbourhood in a column, times the filters as rows.
fn unfolded(
    x: Tensor<4>,
    filters: Tensor<4>,
    bias: Option<Tensor<1>>,
    padding: usize,
) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let [n_filters, _, rows, columns] = filters.dims();
    let (height, width) = (height + 2 * padding + 1 - rows, width + 2 * padding + 1 - columns);
    let padded = x.pad((padding, padding, padding, padding), 0.0);
    let shifted = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).map(
        |(row, column)| {
            padded.clone().slice([0..batch, 0..channels, row..row + height, column..column + width])
        },
    );
    let n_window = rows * columns * channels;
    let neighbourhoods =
        Tensor::cat(shifted.collect(), 1).reshape([batch, n_window, height * width]);
    // The shifts run over the window first and over the channels within.
    let filters = filters.permute([0, 2, 3, 1]).reshape([1, n_filters, n_window]);
    let mut product = filters.matmul(neighbourhoods);
    if let Some(bias) = bias {
        product = product + bias.reshape([1, n_filters, 1]);
    }
    product.reshape([batch, n_filters, height, width])
}

#[cfg(test)]
mod tests {
    use burn::tensor::{TensorData, Tolerance};
    use proptest::prelude::*;

    use super::*;

    fn tensor<const D: usize>(shape: [usize; D], salt: usize) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|i: usize| (((i + salt) * 7919) % 101) as f32 / 50.0 - 1.0)
            .collect();
        let device = crate::cpu().autodiff();
        Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_product_is_the_convolution(
            batch in 1_usize..4,
            channels in 1_usize..4,
            n_filters in 1_usize..4,
            (rows, columns) in (1_usize..4, 1_usize..4),
            (height, width) in (3_usize..7, 3_usize..7),
            padding in 0_usize..3,
        ) {
            let x = tensor([batch, channels, height, width], 0);
            let filters = tensor([n_filters, channels, rows, columns], 5);
            let bias = tensor([n_filters], 11);
            let options = ConvOptions::new([1; 2], [padding; 2], [1; 2], 1);
            let expected = module::conv2d(x.clone(), filters.clone(), Some(bias.clone()), options);
            let found = unfolded(x.clone(), filters.clone(), Some(bias.clone()), padding);
            // Weights that differ by place tell a transposed gradient from the right one.
            let slope = tensor(found.dims(), 3).without_autodiff();
            let of = |output: Tensor<4>| {
                let gradients = (output * slope.clone()).sum().backward();
                [
                    x.grad(&gradients).unwrap().into_data(),
                    filters.grad(&gradients).unwrap().into_data(),
                    bias.grad(&gradients).unwrap().into_data(),
                ]
            };
            let tolerance = Tolerance::<f32>::absolute(1e-3);
            found.clone().into_data().assert_approx_eq(&expected.clone().into_data(), tolerance);
            for (ours, theirs) in of(found).iter().zip(of(expected)) {
                ours.assert_approx_eq(&theirs, tolerance);
            }
        }
    }
}
