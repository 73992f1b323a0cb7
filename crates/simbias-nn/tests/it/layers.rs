//! Layers by themselves, against their definitions written out on the host. Each stands in an architecture that is not part
//! of the zoo, as a user's own would.

use proptest::prelude::*;
use simbias_nn::layer::{BatchNorm, Conv2d, Conv2dShape, Flatten, MaxPool2d, Stack};
use simbias_nn::{
    Activation, Architecture, Builder, Describe, Fcn, ImageDims, InputShape, Mode, Network,
    OutputShape, Pass, Precision,
};
use simbias_stats::Seed;

use crate::{network, rows, values};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Only {
    Conv(Conv2dShape),
    Pool(MaxPool2d),
    Norm { epsilon: f64, momentum: f64 },
}

/// One layer on images, and its flattened output.
#[derive(Clone, Debug, PartialEq)]
struct OneLayer {
    image: ImageDims,
    only: Only,
}

impl OneLayer {
    /// Channels, rows and columns of the output.
    fn output_dims(&self) -> [usize; 3] {
        let ImageDims { channels, height, width } = self.image;
        let (channels, [height, width]) = match self.only {
            Only::Conv(shape) => (shape.n_out, shape.output_size([height, width])),
            Only::Pool(pool) => (channels, pool.output_size([height, width])),
            Only::Norm { .. } => (channels, [height, width]),
        };
        [channels, height, width]
    }
}

impl Describe for OneLayer {
    fn input(&self) -> InputShape {
        InputShape::Image(self.image)
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: self.output_dims().iter().product() }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        Vec::new()
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let size = [self.image.height, self.image.width];
        let mut stack = Stack::root();
        match self.only {
            Only::Conv(shape) => stack.add("only", |name| Conv2d::new(name, shape, size, builder)),
            Only::Pool(pool) => stack.add("only", |_| pool),
            Only::Norm { epsilon, momentum } => stack.add("only", |name| {
                BatchNorm::new(name, self.image.channels, builder).with(epsilon, momentum)
            }),
        };
        stack.then(Flatten);
        stack
    }
}

/// The layer, its input and its output for two images.
fn run(layer: &OneLayer, mode: Mode) -> (Network, Vec<f64>, Vec<f64>, Pass) {
    let network = network(&Architecture::from(layer.clone()), Precision::F64);
    let input = rows(2, network.n_features(), 0);
    let mut pass = Pass::new(mode);
    let output = network.forward_rows(&network.values(), network.upload(input.view()), &mut pass);
    (network, input.iter().map(|&x| f64::from(x)).collect(), values(&output), pass)
}

/// The pixel at `row` and `column` of a plane, counted from `padding` before its start.
fn pixel(plane: &[f64], image: &ImageDims, at: [usize; 2], padding: usize) -> Option<f64> {
    let [row, column] = [at[0].checked_sub(padding)?, at[1].checked_sub(padding)?];
    (row < image.height && column < image.width).then(|| plane[row * image.width + column])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_convolution_is_its_sum(
        groups in 1_usize..3,
        (per_group_in, per_group_out) in (1_usize..3, 1_usize..3),
        (rows, columns) in (1_usize..4, 1_usize..4),
        (stride, dilation, padding) in (1_usize..4, 1_usize..3, 0_usize..3),
        (height, width) in (5_usize..9, 5_usize..9),
        bias: bool,
    ) {
        let (n_in, n_out) = (groups * per_group_in, groups * per_group_out);
        let kernel = [rows, columns];
        let shape = Conv2dShape { n_in, n_out, kernel, stride, padding, dilation, groups, bias };
        let image = ImageDims { channels: n_in, height, width };
        let layer = OneLayer { image, only: Only::Conv(shape) };
        let (network, input, found, _) = run(&layer, Mode::Eval);
        let weights: Vec<Vec<f64>> = network.parameters().iter().map(|p| values(&p.value)).collect();
        let [_, out_height, out_width] = layer.output_dims();
        let plane = height * width;
        let mut expected = Vec::new();
        for one in input.chunks(n_in * plane) {
            for out in 0..n_out {
                for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
                    let mut sum = if bias { weights[1][out] } else { 0.0 };
                    for channel in 0..per_group_in {
                        let source = out / per_group_out * per_group_in + channel;
                        let source = &one[source * plane..(source + 1) * plane];
                        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                            let at = [y * stride + row * dilation, x * stride + column * dilation];
                            let weight = ((out * per_group_in + channel) * rows + row) * columns + column;
                            sum += weights[0][weight] * pixel(source, &image, at, padding).unwrap_or(0.0);
                        }
                    }
                    expected.push(sum);
                }
            }
        }
        prop_assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert!((found - expected).abs() < 1e-9, "{} and {}", found, expected);
        }
    }

    #[test]
    fn a_max_pool_is_its_maximum(
        (kernel, stride, padding) in (1_usize..4, 1_usize..4, 0_usize..2),
        (height, width) in (1_usize..8, 1_usize..8),
        rounds_up: bool,
    ) {
        let pool = MaxPool2d { kernel, stride, padding: padding.min(kernel / 2), rounds_up };
        let image = ImageDims { channels: 2, height, width };
        let layer = OneLayer { image, only: Only::Pool(pool) };
        let [_, out_height, out_width] = layer.output_dims();
        prop_assume!(out_height * out_width > 0);
        let (_, input, found, _) = run(&layer, Mode::Eval);
        let mut expected = Vec::new();
        for plane in input.chunks(height * width) {
            for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
                let window = (0..kernel).flat_map(|row| (0..kernel).map(move |column| (row, column)));
                let pixels = window.filter_map(|(row, column)| {
                    pixel(plane, &image, [y * stride + row, x * stride + column], pool.padding)
                });
                expected.push(pixels.fold(f64::NEG_INFINITY, f64::max));
            }
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn batch_norm_takes_its_epsilon_and_momentum() {
    let image = ImageDims { channels: 1, height: 2, width: 3 };
    let layer = OneLayer { image, only: Only::Norm { epsilon: 0.5, momentum: 0.25 } };
    let (_, input, found, pass) = run(&layer, Mode::Train { seed: Seed::new(0) });
    let n = input.len() as f64;
    let mean = input.iter().sum::<f64>() / n;
    let sum_of_squares = input.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    for (x, found) in input.iter().zip(found) {
        let expected = (x - mean) / (sum_of_squares / n + 0.5).sqrt();
        assert!((found - expected).abs() < 1e-12);
    }
    let blended = values(&pass.statistics[1].1)[0];
    assert!((blended - (0.75 + 0.25 * sum_of_squares / (n - 1.0))).abs() < 1e-12);
}

#[test]
fn activations_are_those_of_torch() {
    for (activation, expected) in [
        (Activation::Gelu, [0.841_344_746_068_542_9, -0.154_268_769_362_993_44]),
        (Activation::GeluTanh, [0.841_191_990_608_276_8, -0.154_285_988_017_544_6]),
        (Activation::Silu, [0.731_058_578_630_004_9, -0.188_770_334_399_083_26]),
    ] {
        let mut network =
            network(&Fcn { activation, ..Fcn::new(1, 1, 1, 1) }.into(), Precision::F64);
        // The function alone between two identities.
        let ones = network.values().into_iter().zip([1.0, 0.0, 1.0, 0.0]);
        network.set_values(ones.map(|(value, to)| value.zeros_like().add_scalar(to)).collect());
        let rows = ndarray::array![[1.0], [-0.5]];
        let found = values(&network.forward(network.upload(rows.view())));
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{activation:?}: {found} and {expected}");
        }
    }
}

#[test]
fn an_architecture_outside_the_zoo_cannot_be_stored() {
    let image = ImageDims { channels: 1, height: 2, width: 3 };
    let own = Architecture::from(OneLayer { image, only: Only::Pool(MaxPool2d::halving()) });
    let error = serde_json::to_string(&own).unwrap_err().to_string();
    assert!(error.contains("OneLayer") && error.contains("zoo"), "{error}");
}
