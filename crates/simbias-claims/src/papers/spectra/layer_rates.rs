//! P8-C6: ResNet-18 on CIFAR-100 under a uniform rate and under layer-wise rates from plain and FARMS exponents.

use std::f64::consts::PI;

use simbias_data::read::{Part, PartChoice};
use simbias_data::{Dataset, ReadOptions, read_dataset};
use simbias_nn::{Architecture, ImageDims, Init, Network, ResNet18};
use simbias_report::Caveat;
use simbias_stats::Seed;
use simbias_train::{
    FitConfig, Keep, Loss, Optimizer, Prepared, RateRule, Schedule, ShuffledEpochs, SpectralRates,
    evaluate,
};

use super::augmentation::{CHANNEL_DEVIATIONS, CHANNEL_MEANS, CropAndFlip};
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

/// The official code takes 200; these are enough to see the mechanism at work.
const N_EPOCHS: u64 = 30;
const QUICK_EPOCHS: u64 = 1;
const BATCH_SIZE: usize = 128;
const BASE_RATE: f64 = 0.1;
const IMAGE: ImageDims = ImageDims { channels: 3, height: 32, width: 32 };

/// Where the rates of layers come from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    /// One rate for all.
    Uniform,
    /// Plain exponents, between .6 and 1.4 times the scheduled rate; layers of fewer than 50 eigenvalues keep it.
    TempBalance,
    /// Exponents of windows, between .1 and 1.9 times; fewer than 5 eigenvalues.
    Farms,
}

impl Method {
    const ALL: [Self; 3] = [Self::Uniform, Self::TempBalance, Self::Farms];

    const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::TempBalance => "TempBalance",
            Self::Farms => "FARMS",
        }
    }

    /// First and last layer included.
    const fn spectral(self) -> Option<SpectralRates> {
        match self {
            Self::Uniform => None,
            Self::TempBalance => Some(SpectralRates::TEMP_BALANCE),
            Self::Farms => Some(SpectralRates::FARMS),
        }
    }

    /// Multipliers of the scheduled rate for the weights of `network` as they are now.
    fn rules(self, network: &Network, stages: &Stages<'_>) -> Result<Vec<RateRule>, ClaimError> {
        self.spectral()
            .map_or(Ok(Vec::new()), |rates| rates.rules(network))
            .map_err(|error| stages.failure(error))
    }
}

/// Trains with the settings of the official code, except for the number of epochs, and reports the accuracy after the
/// last one; the official code reports the best epoch on the test set.
pub(crate) fn layer_rates(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new("P8-C6", context, Method::ALL.len())?;
    let mut measurement = Measurement::default();
    let [train, test] = read(&stages)?;
    let n_epochs = if stages.is_quick() { QUICK_EPOCHS } else { N_EPOCHS };
    for &seed in stages.seeds() {
        let mut accuracies = [0.0; 3];
        for (accuracy, method) in accuracies.iter_mut().zip(Method::ALL) {
            stages.begin(seed, format!("{} epochs, rates: {}", n_epochs, method.name()))?;
            let architecture = ResNet18::new(IMAGE, n_classes(&train));
            let network = trained(architecture, method, &train, n_epochs, &stages, seed)?;
            let score = evaluate(&network, &test, test.n_rows(), Loss::CrossEntropy)
                .map_err(|error| stages.failure(error))?;
            *accuracy = 100.0 * score.accuracy.unwrap_or(f64::NAN);
            measurement.control(format!("{}: test accuracy, %", method.name()), seed, *accuracy);
        }
        let [uniform, temp_balance, farms] = accuracies;
        measurement.observe("FARMS minus uniform", seed, farms - uniform);
        measurement.observe("FARMS minus TempBalance", seed, farms - temp_balance);
    }
    measurement.caveat(Caveat::caution(
        "short-training",
        "30 of 200 epochs: this shows the mechanism at work and settles no gain in accuracy. Differences of this family \
            are smaller than the scatter of three short runs.",
    ));
    Ok(measurement)
}

fn n_classes(dataset: &Dataset) -> usize {
    dataset.class_labels().map_or(0, |labels| labels.n_classes())
}

/// Normalised training and test rows of the user's CIFAR-100.
fn read(stages: &Stages<'_>) -> Result<[Dataset; 2], ClaimError> {
    let folder = stages.data_folder().map(|folder| folder.join("cifar100"));
    let Some(folder) = folder.filter(|folder| folder.exists()) else {
        return Err(stages.needs(
            "the CIFAR-100 files (binary version, train.bin and test.bin) in the folder cifar100 of the claims' \
             data folder",
        ));
    };
    let part = |part| {
        let options = ReadOptions { parts: PartChoice::Only(part), ..ReadOptions::default() };
        read_dataset(&folder, &options).map(normalised).map_err(|error| stages.failure(error))
    };
    Ok([part(Part::Train)?, part(Part::Test)?])
}

/// Brings the levels of each channel, in [0, 1], to mean 0 and deviation 1 over the training images.
fn normalised(mut dataset: Dataset) -> Dataset {
    let n_pixels = IMAGE.height * IMAGE.width;
    for mut row in dataset.rows.rows_mut() {
        for (index, value) in row.iter_mut().enumerate() {
            let channel = index / n_pixels;
            *value = (*value - CHANNEL_MEANS[channel]) / CHANNEL_DEVIATIONS[channel];
        }
    }
    dataset
}

/// SGD with momentum and a cosine schedule by epoch; the rates of layers are renewed before every epoch.
fn trained(
    architecture: ResNet18,
    method: Method,
    train: &Dataset,
    n_epochs: u64,
    stages: &Stages<'_>,
    seed: Seed,
) -> Result<Network, ClaimError> {
    let mut augment = CropAndFlip { image: architecture.image };
    let architecture = Architecture::from(architecture);
    let mut state = stages.fresh(&architecture, Init::default(), seed)?;
    let mut epochs = ShuffledEpochs::new(train, BATCH_SIZE);
    let steps_per_epoch = train.n_rows().div_ceil(BATCH_SIZE) as u64;
    for epoch in 0..n_epochs {
        let rate = BASE_RATE * 0.5 * (1.0 + (PI * epoch as f64 / n_epochs as f64).cos());
        let last_step = (epoch + 1) * steps_per_epoch;
        let config = FitConfig {
            rates: method.rules(&state.network, stages)?,
            evaluate_every: steps_per_epoch,
            keep: Keep::Last,
            ..FitConfig::new(Optimizer::momentum(0.9, 5e-4), Schedule::constant(rate), last_step)
        };
        let mut batches = Prepared::new(&mut epochs, &mut augment);
        stages.fit(&mut state, &mut batches, &config.loss, None, &config)?;
    }
    Ok(state.network)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use simbias_data::{ClassLabels, ImageShape, Layout, Target};
    use simbias_nn::{Kind, Precision};
    use simbias_report::Silent;

    use super::*;
    use crate::Scale;

    fn with_stages<T>(run: impl FnOnce(&Stages<'_>) -> T) -> T {
        let context = MeasureContext::new(Scale::Cpu, 0, 1, &Silent);
        run(&Stages::new("P8-C6", &context, 1).unwrap())
    }

    fn small() -> ResNet18 {
        ResNet18 { width: 8, ..ResNet18::new(ImageDims { height: 8, width: 8, ..IMAGE }, 6) }
    }

    fn network() -> Network {
        let (precision, seed) = (Precision::F32, Seed::new(1));
        Network::new(small(), Init::default(), precision, seed, &simbias_nn::cpu()).unwrap()
    }

    #[test]
    fn every_trained_parameter_has_a_rate_within_the_range() {
        let network = network();
        let rules = with_stages(|stages| Method::Farms.rules(&network, stages)).unwrap();
        let by_name: BTreeMap<&str, f64> =
            rules.iter().map(|rule| (rule.pattern.as_str(), rule.multiplier)).collect();
        let trained = network.parameters().iter().filter(|p| p.kind == Kind::Trainable);
        for parameter in trained {
            let multiplier = by_name.get(parameter.name.as_str());
            let multiplier = multiplier.unwrap_or_else(|| panic!("{} has none", parameter.name));
            assert!((0.1..=1.9).contains(multiplier), "{}: {multiplier}", parameter.name);
        }
        let ends = rules.iter().map(|rule| rule.multiplier);
        assert_eq!(ends.clone().fold(f64::INFINITY, f64::min), 0.1);
        assert_eq!(ends.fold(0.0, f64::max), 1.9);
        for (weight, follower) in [
            ("conv1.weight", "bn1.bias"),
            ("layer2.0.conv2.weight", "layer2.0.bn2.weight"),
            ("layer2.0.downsample.0.weight", "layer2.0.downsample.1.weight"),
            ("fc.weight", "fc.bias"),
        ] {
            assert_eq!(by_name[weight], by_name[follower], "{weight}");
        }
        assert!(RateRule::multipliers(&rules, &network).is_ok());
    }

    #[test]
    fn layers_of_few_eigenvalues_keep_the_scheduled_rate() {
        let network = network();
        let rules = with_stages(|stages| Method::TempBalance.rules(&network, stages)).unwrap();
        // 27 and 6 eigenvalues.
        assert!(rules.iter().all(|rule| rule.pattern != "conv1.weight"));
        assert!(rules.iter().all(|rule| !rule.pattern.starts_with("fc.")));
        assert!(rules.iter().any(|rule| rule.pattern == "layer1.0.conv1.weight"));
        assert!(with_stages(|stages| Method::Uniform.rules(&network, stages)).unwrap().is_empty());
    }

    #[test]
    fn layer_wise_rates_change_the_training_and_repeat_themselves() {
        let rows = ndarray::Array2::from_shape_fn((12, 3 * 8 * 8), |(row, column)| {
            ((row * 31 + column * 7) % 17) as f32 / 17.0
        });
        let labels = ClassLabels {
            indices: (0..12).map(|row| row % 6).collect(),
            names: (0..6).map(|class| class.to_string()).collect(),
        };
        let train = Dataset::new(
            "images",
            rows,
            Layout::image(ImageShape { channels: 3, height: 8, width: 8 }),
            Target::Classes(labels),
        );
        let weights = |method| -> Vec<f32> {
            let run =
                |stages: &Stages<'_>| trained(small(), method, &train, 2, stages, Seed::new(0));
            let network = with_stages(run).unwrap();
            network.parameters()[0].value.to_data().iter::<f32>().collect()
        };
        let farms = weights(Method::Farms);
        assert_eq!(farms, weights(Method::Farms));
        assert_ne!(farms, weights(Method::Uniform));
    }
}
