//! The kernels on tensors of burn's CPU backend.

use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Element, Flex, TensorMetadata};
use burn::tensor::{DType, TensorData};
use simbias_kernels::{
    BatchNormalisation, Convolution, Largest, Means, Moments, NormalisationGradients, Real, Window,
    max_pool, max_pool_gradient, rectify, rectify_gradient,
};

use super::{ImageOps, Normalisation};

/// What [`gradient`](super::gradient) needs of a backend: results together with what their gradients are made of.
pub(super) trait ImageKernels: Backend {
    fn convolve(
        images: &FloatTensor<Self>,
        weight: &FloatTensor<Self>,
        bias: &FloatTensor<Self>,
        sizes: Convolution,
    ) -> FloatTensor<Self>;
    fn convolution_images(
        gradient: &FloatTensor<Self>,
        weight: &FloatTensor<Self>,
        sizes: Convolution,
    ) -> FloatTensor<Self>;
    fn convolution_weight(
        images: &FloatTensor<Self>,
        gradient: &FloatTensor<Self>,
        sizes: Convolution,
    ) -> FloatTensor<Self>;
    fn convolution_bias(gradient: &FloatTensor<Self>, sizes: Convolution) -> FloatTensor<Self>;
    /// The largest numbers, and the index of each within its channel.
    fn largest(images: &FloatTensor<Self>, window: Window) -> (FloatTensor<Self>, Vec<u32>);
    fn largest_images(
        gradient: &FloatTensor<Self>,
        indices: &[u32],
        size: [usize; 2],
    ) -> FloatTensor<Self>;
    fn window_means(images: &FloatTensor<Self>, means: &Means) -> FloatTensor<Self>;
    fn window_means_images(
        gradient: &FloatTensor<Self>,
        means: &Means,
        size: [usize; 2],
    ) -> FloatTensor<Self>;
    fn moments(x: &FloatTensor<Self>) -> FloatTensor<Self>;
    fn normalise(
        x: &FloatTensor<Self>,
        weight: &FloatTensor<Self>,
        bias: &FloatTensor<Self>,
        moments: &FloatTensor<Self>,
        normalisation: Normalisation,
    ) -> FloatTensor<Self>;
    /// Gradients of `x`, `weight` and `bias`.
    fn normalisation_gradients(
        x: &FloatTensor<Self>,
        weight: &FloatTensor<Self>,
        moments: &FloatTensor<Self>,
        gradient: &FloatTensor<Self>,
        normalisation: Normalisation,
    ) -> [FloatTensor<Self>; 3];
    fn rectify(x: &FloatTensor<Self>) -> FloatTensor<Self>;
    /// The gradient of `x` from that of `y = max(0, x)`.
    fn rectify_input(y: &FloatTensor<Self>, gradient: &FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Calls the function for the numbers of `$tensor`.
macro_rules! by_precision {
    ($tensor:expr, $function:ident ( $($argument:expr),* $(,)? )) => {
        match $tensor.dtype() {
            DType::F32 => $function::<f32>($($argument),*),
            DType::F64 => $function::<f64>($($argument),*),
            other => unreachable!("the kernels serve numbers of 32 and 64 bits, not {other:?}"),
        }
    };
}

/// The numbers of a tensor in order.
fn numbers<T: Real + Element>(tensor: &FlexTensor) -> Vec<T> {
    slice::<T>(&tensor.to_contiguous()).to_vec()
}

/// The numbers of a contiguous tensor.
fn slice<T: Real + Element>(tensor: &FlexTensor) -> &[T] {
    match tensor.as_slice::<T>() {
        Some(numbers) => &numbers[..tensor.layout().num_elements()],
        None => unreachable!("a contiguous tensor is a slice"),
    }
}

fn tensor<T: Element>(numbers: Vec<T>, shape: impl Into<burn::tensor::Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// `[batch, channels]`, and the product of all further axes.
fn sizes_of(tensor: &FlexTensor) -> ([usize; 2], usize) {
    let shape = tensor.shape();
    let dims: &[usize] = shape.as_ref();
    ([dims[0], dims[1]], dims[2..].iter().product())
}

fn convolve<T: Real + Element>(
    images: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    sizes: Convolution,
) -> FlexTensor {
    let ([batch, _], _) = sizes_of(images);
    let (images, weight) = (images.to_contiguous(), weight.to_contiguous());
    let bias: Vec<T> = numbers(bias);
    let out = sizes.forward(slice::<T>(&images), slice(&weight), Some(&bias));
    let [height, width] = sizes.output_size();
    tensor(out, [batch, sizes.filters, height, width])
}

fn convolution_images<T: Real + Element>(
    gradient: &FlexTensor,
    weight: &FlexTensor,
    sizes: Convolution,
) -> FlexTensor {
    let ([batch, _], _) = sizes_of(gradient);
    let (gradient, weight) = (gradient.to_contiguous(), weight.to_contiguous());
    let images = sizes.image_gradient(slice::<T>(&gradient), slice(&weight));
    tensor(images, [batch, sizes.channels, sizes.size[0], sizes.size[1]])
}

fn convolution_weight<T: Real + Element>(
    images: &FlexTensor,
    gradient: &FlexTensor,
    sizes: Convolution,
) -> FlexTensor {
    let (images, gradient) = (images.to_contiguous(), gradient.to_contiguous());
    let weight = sizes.weight_gradient(slice::<T>(&images), slice(&gradient));
    let [rows, columns] = sizes.kernel;
    tensor(weight, [sizes.filters, sizes.channels / sizes.groups, rows, columns])
}

fn convolution_bias<T: Real + Element>(gradient: &FlexTensor, sizes: Convolution) -> FlexTensor {
    let gradient = gradient.to_contiguous();
    tensor(sizes.bias_gradient(slice::<T>(&gradient)), [sizes.filters])
}

fn largest<T: Real + Element>(images: &FlexTensor, window: Window) -> (FlexTensor, Vec<u32>) {
    let ([batch, channels], _) = sizes_of(images);
    let size = [images.shape()[2], images.shape()[3]];
    let Largest { values, indices } = max_pool(slice::<T>(&images.to_contiguous()), size, &window);
    let [height, width] = window.output_size(size);
    (tensor(values, [batch, channels, height, width]), indices)
}

fn largest_images<T: Real + Element>(
    gradient: &FlexTensor,
    indices: &[u32],
    size: [usize; 2],
) -> FlexTensor {
    let ([batch, channels], n_out) = sizes_of(gradient);
    let gradient = gradient.to_contiguous();
    let images = max_pool_gradient(slice::<T>(&gradient), indices, size, n_out);
    tensor(images, [batch, channels, size[0], size[1]])
}

fn window_means<T: Real + Element>(images: &FlexTensor, means: &Means) -> FlexTensor {
    let ([batch, channels], _) = sizes_of(images);
    let [height, width] = means.output_size();
    let values = means.forward(slice::<T>(&images.to_contiguous()));
    tensor(values, [batch, channels, height, width])
}

fn window_means_images<T: Real + Element>(
    gradient: &FlexTensor,
    means: &Means,
    size: [usize; 2],
) -> FlexTensor {
    let ([batch, channels], _) = sizes_of(gradient);
    let images = means.backward(slice::<T>(&gradient.to_contiguous()));
    tensor(images, [batch, channels, size[0], size[1]])
}

fn moments<T: Real + Element>(x: &FlexTensor) -> FlexTensor {
    let ([_, channels], positions) = sizes_of(x);
    let Moments { means, variances } =
        Moments::of(slice::<T>(&x.to_contiguous()), [channels, positions]);
    let both: Vec<T> = means.into_iter().chain(variances).map(T::from_f64).collect();
    tensor(both, [2, channels])
}

fn moments_from<T: Real + Element>(moments: &FlexTensor) -> Moments {
    let both: Vec<f64> = numbers::<T>(moments).into_iter().map(Real::to_f64).collect();
    let (means, variances) = both.split_at(both.len() / 2);
    Moments { means: means.to_vec(), variances: variances.to_vec() }
}

fn normalise<T: Real + Element>(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    moments: &FlexTensor,
    Normalisation { epsilon, .. }: Normalisation,
) -> FlexTensor {
    let ([_, channels], positions) = sizes_of(x);
    let moments = moments_from::<T>(moments);
    let (weight, bias) = (numbers::<T>(weight), numbers::<T>(bias));
    let normalisation = BatchNormalisation {
        shape: [channels, positions],
        moments: &moments,
        epsilon,
        weight: &weight,
    };
    tensor(normalisation.forward(slice::<T>(&x.to_contiguous()), &bias), x.shape())
}

fn normalisation_gradients<T: Real + Element>(
    x: &FlexTensor,
    weight: &FlexTensor,
    moments: &FlexTensor,
    gradient: &FlexTensor,
    Normalisation { epsilon, is_by_batch }: Normalisation,
) -> [FlexTensor; 3] {
    let ([_, channels], positions) = sizes_of(x);
    let moments = moments_from::<T>(moments);
    let weight = numbers::<T>(weight);
    let normalisation = BatchNormalisation {
        shape: [channels, positions],
        moments: &moments,
        epsilon,
        weight: &weight,
    };
    let (shape, x, gradient) = (x.shape(), x.to_contiguous(), gradient.to_contiguous());
    let NormalisationGradients { input, weight, bias } =
        normalisation.backward(slice::<T>(&x), slice(&gradient), is_by_batch);
    [tensor(input, shape), tensor(weight, [channels]), tensor(bias, [channels])]
}

fn rectified<T: Real + Element>(x: &FlexTensor) -> FlexTensor {
    tensor(rectify(slice::<T>(&x.to_contiguous())), x.shape())
}

fn rectified_input<T: Real + Element>(y: &FlexTensor, gradient: &FlexTensor) -> FlexTensor {
    let (shape, y, gradient) = (y.shape(), y.to_contiguous(), gradient.to_contiguous());
    tensor(rectify_gradient(slice::<T>(&y), slice(&gradient)), shape)
}

impl ImageKernels for Flex {
    fn rectify(x: &FlexTensor) -> FlexTensor {
        by_precision!(x, rectified(x))
    }

    fn rectify_input(y: &FlexTensor, gradient: &FlexTensor) -> FlexTensor {
        by_precision!(y, rectified_input(y, gradient))
    }

    fn convolve(
        images: &FlexTensor,
        weight: &FlexTensor,
        bias: &FlexTensor,
        sizes: Convolution,
    ) -> FlexTensor {
        by_precision!(images, convolve(images, weight, bias, sizes))
    }

    fn convolution_images(
        gradient: &FlexTensor,
        weight: &FlexTensor,
        sizes: Convolution,
    ) -> FlexTensor {
        by_precision!(gradient, convolution_images(gradient, weight, sizes))
    }

    fn convolution_weight(
        images: &FlexTensor,
        gradient: &FlexTensor,
        sizes: Convolution,
    ) -> FlexTensor {
        by_precision!(images, convolution_weight(images, gradient, sizes))
    }

    fn convolution_bias(gradient: &FlexTensor, sizes: Convolution) -> FlexTensor {
        by_precision!(gradient, convolution_bias(gradient, sizes))
    }

    fn largest(images: &FlexTensor, window: Window) -> (FlexTensor, Vec<u32>) {
        by_precision!(images, largest(images, window))
    }

    fn largest_images(gradient: &FlexTensor, indices: &[u32], size: [usize; 2]) -> FlexTensor {
        by_precision!(gradient, largest_images(gradient, indices, size))
    }

    fn window_means(images: &FlexTensor, means: &Means) -> FlexTensor {
        by_precision!(images, window_means(images, means))
    }

    fn window_means_images(gradient: &FlexTensor, means: &Means, size: [usize; 2]) -> FlexTensor {
        by_precision!(gradient, window_means_images(gradient, means, size))
    }

    fn moments(x: &FlexTensor) -> FlexTensor {
        by_precision!(x, moments(x))
    }

    fn normalise(
        x: &FlexTensor,
        weight: &FlexTensor,
        bias: &FlexTensor,
        moments: &FlexTensor,
        normalisation: Normalisation,
    ) -> FlexTensor {
        by_precision!(x, normalise(x, weight, bias, moments, normalisation))
    }

    fn normalisation_gradients(
        x: &FlexTensor,
        weight: &FlexTensor,
        moments: &FlexTensor,
        gradient: &FlexTensor,
        normalisation: Normalisation,
    ) -> [FlexTensor; 3] {
        by_precision!(x, normalisation_gradients(x, weight, moments, gradient, normalisation))
    }
}

impl ImageOps for Flex {
    fn rectify(x: FlexTensor) -> FlexTensor {
        <Self as ImageKernels>::rectify(&x)
    }

    fn convolve(
        images: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        sizes: Convolution,
    ) -> FlexTensor {
        <Self as ImageKernels>::convolve(&images, &weight, &bias, sizes)
    }

    fn largest(images: FlexTensor, window: Window) -> FlexTensor {
        <Self as ImageKernels>::largest(&images, window).0
    }

    fn window_means(images: FlexTensor, means: Means) -> FlexTensor {
        <Self as ImageKernels>::window_means(&images, &means)
    }

    fn moments(x: FlexTensor) -> FlexTensor {
        <Self as ImageKernels>::moments(&x)
    }

    fn normalise(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        moments: FlexTensor,
        normalisation: Normalisation,
    ) -> FlexTensor {
        <Self as ImageKernels>::normalise(&x, &weight, &bias, &moments, normalisation)
    }
}
