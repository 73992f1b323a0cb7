//! Gradients of the operations, from the kernels.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};
use simbias_kernels::{Convolution, Means, Window};

use super::flex::ImageKernels;
use super::{ImageOps, Normalisation};

#[derive(Debug)]
struct Convolve;

impl<B: ImageKernels> Backward<B, 3> for Convolve {
    type State = (FloatTensor<B>, FloatTensor<B>, Convolution);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let (images, weight, sizes) = ops.state;
        let [of_images, of_weight, of_bias] = ops.parents;
        if let Some(parent) = of_images {
            let images = B::convolution_images(&gradient, &weight, sizes);
            gradients.register::<B>(parent.id, images);
        }
        if let Some(parent) = of_weight {
            let weight = B::convolution_weight(&images, &gradient, sizes);
            gradients.register::<B>(parent.id, weight);
        }
        if let Some(parent) = of_bias {
            gradients.register::<B>(parent.id, B::convolution_bias(&gradient, sizes));
        }
    }
}

#[derive(Debug)]
struct TakeLargest;

impl<B: ImageKernels> Backward<B, 1> for TakeLargest {
    type State = (Arc<Vec<u32>>, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let (indices, size) = ops.state;
        let [of_images] = ops.parents;
        if let Some(parent) = of_images {
            gradients.register::<B>(parent.id, B::largest_images(&gradient, &indices, size));
        }
    }
}

#[derive(Debug)]
struct TakeMeans;

impl<B: ImageKernels> Backward<B, 1> for TakeMeans {
    type State = (Means, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let (means, size) = ops.state;
        let [of_images] = ops.parents;
        if let Some(parent) = of_images {
            gradients.register::<B>(parent.id, B::window_means_images(&gradient, &means, size));
        }
    }
}

#[derive(Debug)]
struct Normalise;

impl<B: ImageKernels> Backward<B, 3> for Normalise {
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, Normalisation);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let (x, weight, moments, normalisation) = ops.state;
        let all = B::normalisation_gradients(&x, &weight, &moments, &gradient, normalisation);
        for (parent, gradient) in ops.parents.into_iter().zip(all) {
            if let Some(parent) = parent {
                gradients.register::<B>(parent.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Rectify;

impl<B: ImageKernels> Backward<B, 1> for Rectify {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [of_x] = ops.parents;
        if let Some(parent) = of_x {
            gradients.register::<B>(parent.id, B::rectify_input(&ops.state, &gradient));
        }
    }
}

/// Pixels of an image.
fn size_of(images: &impl TensorMetadata) -> [usize; 2] {
    let shape = images.shape();
    [shape[2], shape[3]]
}

impl<B: ImageKernels, C: CheckpointStrategy> ImageOps for Autodiff<B, C> {
    fn rectify(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let y = B::rectify(x.primitive());
        match Rectify.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(y.clone(), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn convolve(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        sizes: Convolution,
    ) -> FloatTensor<Self> {
        let parents = [images.node(), weight.node(), bias.node()];
        let out = B::convolve(images.primitive(), weight.primitive(), bias.primitive(), sizes);
        match Convolve.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish((images.into_primitive(), weight.into_primitive(), sizes), out)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn largest(images: FloatTensor<Self>, window: Window) -> FloatTensor<Self> {
        let size = size_of(images.primitive());
        let (values, indices) = B::largest(images.primitive(), window);
        match TakeLargest.prepare::<C>([images.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((Arc::new(indices), size), values),
            OpsKind::UnTracked(prepared) => prepared.finish(values),
        }
    }

    fn window_means(images: FloatTensor<Self>, means: Means) -> FloatTensor<Self> {
        let size = size_of(images.primitive());
        let values = B::window_means(images.primitive(), &means);
        match TakeMeans.prepare::<C>([images.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((means, size), values),
            OpsKind::UnTracked(prepared) => prepared.finish(values),
        }
    }

    fn moments(x: FloatTensor<Self>) -> FloatTensor<Self> {
        FloatTensor::<Self>::new(B::moments(x.primitive()))
    }

    fn normalise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        normalisation: Normalisation,
    ) -> FloatTensor<Self> {
        let parents = [x.node(), weight.node(), bias.node()];
        let [x, weight, bias, moments] =
            [x, weight, bias, moments].map(|tensor| tensor.into_primitive());
        let out = B::normalise(&x, &weight, &bias, &moments, normalisation);
        match Normalise.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((x, weight, moments, normalisation), out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }
}
