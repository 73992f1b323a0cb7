//! P8-C8: how the first and the last layer of a CNN rank among its layers before any training.

use simbias_report::Caveat;
use simbias_stats::Seed;

use super::exponents::of_layer;
use super::matrices::Entries;
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

/// Width of the first stage of a ResNet-18, and of the small one of quick runs.
const WIDTH: usize = 64;
const QUICK_WIDTH: usize = 16;
const N_CLASSES: usize = 100;

const OUTSIDE: &str = "FARMS exponent of the first convolution outside the others' range";

/// Shapes of the weights of a ResNet-18 for 32 × 32 images, in the order of the network, `[out, in, height, width]`;
/// stages are `width` to `8·width` wide.
fn resnet18_shapes(width: usize) -> Vec<Vec<usize>> {
    let mut shapes = vec![vec![width, 3, 3, 3]];
    let mut n_inputs = width;
    for stage in 0..4 {
        let n_outputs = width << stage;
        shapes.push(vec![n_outputs, n_inputs, 3, 3]);
        shapes.push(vec![n_outputs, n_outputs, 3, 3]);
        if n_outputs != n_inputs {
            shapes.push(vec![n_outputs, n_inputs, 1, 1]);
        }
        shapes.extend([vec![n_outputs, n_outputs, 3, 3], vec![n_outputs, n_outputs, 3, 3]]);
        n_inputs = n_outputs;
    }
    shapes.push(vec![N_CLASSES, n_inputs]);
    shapes
}

/// Exponents of all layers in the order of the network.
struct Layers {
    plain: Vec<f64>,
    farms: Vec<f64>,
}

impl Layers {
    fn draw(
        entries: Entries,
        shapes: &[Vec<usize>],
        seed: Seed,
        stages: &Stages<'_>,
    ) -> Result<Self, ClaimError> {
        let mut layers = Self { plain: Vec::new(), farms: Vec::new() };
        for (number, shape) in (0..).zip(shapes) {
            stages.check_interrupt()?;
            let seed = seed.child("claims/layer", number);
            let weights = entries.draw(shape.iter().product(), seed, stages)?;
            let exponents = of_layer(&weights, shape, stages)?;
            layers.plain.push(exponents.plain);
            layers.farms.push(exponents.farms);
        }
        Ok(layers)
    }

    fn show(&self, name: &str, measurement: &mut Measurement, seed: Seed) {
        for (kind, exponents) in [("plain", &self.plain), ("FARMS", &self.farms)] {
            let last = exponents.len() - 1;
            let [low, high] = range(exponents[1..last].iter().copied());
            for (what, value) in [
                ("first convolution", exponents[0]),
                ("rank of the first convolution", rank(exponents, 0) as f64),
                ("last linear layer", exponents[last]),
                ("rank of the last linear layer", rank(exponents, last) as f64),
                ("smallest between them", low),
                ("largest between them", high),
            ] {
                measurement.control(format!("{name}, {kind}: {what}"), seed, value);
            }
        }
    }
}

/// Draws the weights of a ResNet-18 and ranks its layers.
///
/// Gaussian weights are judged, as in the other claims; uniform ones, PyTorch's default, are only shown.
pub(crate) fn first_and_last(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new("P8-C8", context, 1)?;
    let mut measurement = Measurement::default();
    let width = if stages.is_quick() { QUICK_WIDTH } else { WIDTH };
    let shapes = resnet18_shapes(width);
    for &seed in stages.seeds() {
        stages.begin(seed, "exponents of a random ResNet-18")?;
        let gaussian = Layers::draw(Entries::Gaussian, &shapes, seed, &stages)?;
        let plain_rank = rank(&gaussian.plain, 0) as f64;
        measurement.observe("rank of the first convolution, plain", seed, plain_rank);
        let distance = distance_from_others(&gaussian.farms, 0);
        measurement.observe(OUTSIDE, seed, distance);
        let plain_distance = distance_from_others(&gaussian.plain, 0);
        measurement.control("Gaussian: the same for plain exponents", seed, plain_distance);
        gaussian.show("Gaussian", &mut measurement, seed);

        let uniform = Layers::draw(Entries::Uniform, &shapes, seed, &stages)?;
        let distance = distance_from_others(&uniform.farms, 0);
        measurement.control(format!("uniform weights: {OUTSIDE}"), seed, distance);
        uniform.show("uniform", &mut measurement, seed);
    }
    measurement.caveat(Caveat::note(
        "small-windows",
        "Windows of a convolution with three input channels are 3 × 3. At that size an exponent still depends on the \
            distribution of the weights: Gaussian ones lie a little below the other layers, uniform ones above.",
    ));
    measurement.caveat(Caveat::note(
        "random-weights",
        "Weights are random, so that exponents differ by shape alone; in a trained network the first and the \
            last layer may differ from the others for better reasons.",
    ));
    Ok(measurement)
}

/// Place of an entry, 1 for the largest.
fn rank(values: &[f64], index: usize) -> usize {
    1 + values.iter().filter(|&&value| value > values[index]).count()
}

/// How far an entry lies outside the range of all others; 0 inside.
fn distance_from_others(values: &[f64], index: usize) -> f64 {
    let others = values.iter().enumerate().filter(|&(other, _)| other != index);
    let [low, high] = range(others.map(|(_, &value)| value));
    (low - values[index]).max(values[index] - high).max(0.0)
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
        [low.min(value), high.max(value)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_are_those_of_a_resnet_18() {
        let shapes = resnet18_shapes(64);
        // 20 convolutions, three of them projections of shortcuts, and a linear layer.
        assert_eq!(shapes.len(), 21);
        let n_weights: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        assert_eq!(n_weights, 11_159_232 + 51_200);
        assert_eq!(shapes.iter().filter(|shape| shape[2..] == [1, 1]).count(), 3);
    }

    #[test]
    fn ranks_and_distances_worked_out_by_hand() {
        let values = [5.0, 1.0, 2.0, 3.0];
        assert_eq!([0, 1, 2, 3].map(|index| rank(&values, index)), [1, 4, 3, 2]);
        assert_eq!([0, 1, 2].map(|index| distance_from_others(&values, index)), [2.0, 1.0, 0.0]);
    }
}
