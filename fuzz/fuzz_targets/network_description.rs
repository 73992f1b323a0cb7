//! `network.json` beside weights: an architecture that does not fit them must be refused before memory is asked for.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use simbias_audit::TrainedNetwork;
use simbias_nn::{Architecture, Fcn, Init, Network, Precision, cpu};
use simbias_stats::Seed;

/// Weights of a small network; descriptions of others have to be told from it.
static WEIGHTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let architecture = Architecture::from(Fcn::new(4, 16, 1, 2));
    Network::new(architecture, Init::default(), Precision::F32, Seed::new(0), &cpu())
        .expect("a sound architecture")
        .to_safetensors()
});

fuzz_target!(|description: &str| {
    if let Ok(network) = TrainedNetwork::load(description, &WEIGHTS, &cpu()) {
        let again = TrainedNetwork::load(&network.to_json().to_string(), &WEIGHTS, &cpu());
        assert!(again.is_ok(), "what was written must be readable");
    }
});
