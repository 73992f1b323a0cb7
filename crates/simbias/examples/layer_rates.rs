//! Which learning rate fits which layer, and how do I train with such rates?
//!
//! A network learns digits; before every epoch the spectra of its weights choose the rate of each layer (FARMS).
//!
//! ```text
//! cargo run --release -p simbias --example layer_rates
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use simbias::data::embedded;
use simbias::nn::{Architecture, Fcn, Init, Network, Precision, cpu};
use simbias::stats::Seed;
use simbias::train::{
    FitConfig, Hooks, NoWatch, Optimizer, Plain, Schedule, ShuffledEpochs, SpectralRates,
    TrainState, evaluate, fit,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let digits = embedded::digits();
    let train = digits.select(&(0..4000).collect::<Vec<_>>());
    let test = digits.select(&(4000..5000).collect::<Vec<_>>());
    let seed = Seed::new(0);
    let architecture = Architecture::from(Fcn::new(train.n_features(), 128, 2, 10));
    let network = Network::new(architecture, Init::default(), Precision::F32, seed, &cpu())?;
    let config = FitConfig::new(Optimizer::momentum(0.9, 1e-4), Schedule::constant(0.05), 100);

    let mut state = TrainState::new(network, seed);
    let mut rates = SpectralRates::FARMS;
    let mut batches = ShuffledEpochs::new(&train, config.batch_size);
    let mut watch = NoWatch;
    let hooks = Hooks { layer_rates: Some(&mut rates), ..Hooks::new(&mut watch) };
    fit(&mut state, &mut batches, &config.loss, &mut Plain, &config, hooks)?;

    // The rates that the next epoch would use.
    println!("{:<20} {:>10}", "parameter", "multiplier");
    for rule in rates.rules(&state.network)? {
        println!("{:<20} {:>10.3}", rule.pattern, rule.multiplier);
    }
    let score = evaluate(&state.network, &test, test.n_rows(), config.loss)?;
    println!("accuracy on {} other digits: {:.3}", test.n_rows(), score.accuracy.unwrap_or(0.0));
    Ok(())
}
