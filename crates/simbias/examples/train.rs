//! How do I train a network, stop, and go on as if nothing had happened?
//!
//! A run that is stopped, saved and continued ends with the same weights, bit for bit, as one without a stop.
//!
//! ```text
//! cargo run --release -p simbias --example train
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use simbias::data::embedded;
use simbias::nn::{Architecture, Fcn, Init, Network, Precision, cpu};
use simbias::stats::Seed;
use simbias::train::{FitConfig, Optimizer, Schedule, TrainState, evaluate, fit_plain};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let digits = embedded::digits();
    let train = digits.select(&(0..4000).collect::<Vec<_>>());
    let test = digits.select(&(4000..5000).collect::<Vec<_>>());
    let seed = Seed::new(0);
    let architecture = Architecture::from(Fcn::new(train.n_features(), 64, 1, 10));
    let fresh = || -> Result<TrainState, simbias::nn::NnError> {
        let network =
            Network::new(architecture.clone(), Init::default(), Precision::F32, seed, &cpu())?;
        Ok(TrainState::new(network, seed))
    };
    let steps = |n| FitConfig::new(Optimizer::adam(0.0), Schedule::constant(1e-3), n);

    let mut whole = fresh()?;
    fit_plain(&mut whole, &train, None, &steps(200))?;

    let mut first = fresh()?;
    fit_plain(&mut first, &train, None, &steps(80))?;
    let file =
        std::env::temp_dir().join(format!("simbias-train-{}.safetensors", std::process::id()));
    first.save(&file, &steps(80), &train)?;
    let mut continued = TrainState::load(&file, &cpu(), &architecture, &steps(200), &train)?;
    fit_plain(&mut continued, &train, None, &steps(200))?;
    std::fs::remove_file(&file)?;

    for (name, state) in [("in one go", &whole), ("stopped at 80", &continued)] {
        let score = evaluate(&state.network, &test, test.n_rows(), steps(0).loss)?;
        println!("{name:<14} step {}: {score:?}", state.step);
    }
    let same = whole.network.to_safetensors() == continued.network.to_safetensors();
    println!("the same weights, bit for bit: {same}");
    Ok(())
}
