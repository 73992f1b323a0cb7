//! A run that was interrupted ends like one that was not.

use simbias_nn::{Architecture, Fcn, Init, Network, Precision, cpu};
use simbias_stats::Seed;
use simbias_train::{
    FitConfig, Hooks, LayerRates, Optimizer, Outcome, Plain, RateRule, Schedule, ShuffledEpochs,
    StopReason, TrainError, TrainState, fit, fit_plain,
};

use crate::{StopAt, config, two_classes, weights};

fn fresh(fcn: &Fcn) -> TrainState {
    let network = Network::new(
        Architecture::from(fcn.clone()),
        Init::default(),
        Precision::F32,
        Seed::new(1),
        &cpu(),
    )
    .unwrap();
    TrainState::new(network, Seed::new(8))
}

fn check_resume(optimizer: Optimizer) {
    // Dropout and batch norm: masks and running statistics must resume as well.
    let fcn = Fcn { dropout: 0.2, batch_norm: true, ..Fcn::new(6, 16, 2, 2) };
    let (train, validation) = (two_classes(150, 6, 0), two_classes(80, 6, 1));
    let config = FitConfig { optimizer, ..config(60) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");

    let mut whole = fresh(&fcn);
    let outcome = fit_plain(&mut whole, &train, Some(&validation), &config).unwrap();
    for stop in [1, 7, 10, 33, 59] {
        let mut part = fresh(&fcn);
        let mut batches = ShuffledEpochs::new(&train, config.batch_size);
        let mut watch = StopAt(stop);
        let hooks = Hooks::new(&mut watch).validated(Some(&validation));
        let stopped =
            fit(&mut part, &mut batches, &config.loss, &mut Plain, &config, hooks).unwrap();
        assert_eq!((stopped.reason, stopped.steps), (StopReason::Watcher, stop));
        part.save(&path, &config, &train).unwrap();
        let mut resumed =
            TrainState::load(&path, &cpu(), part.network.architecture(), &config, &train).unwrap();
        let end: Outcome = fit_plain(&mut resumed, &train, Some(&validation), &config).unwrap();
        assert_eq!(end, outcome);
        assert_eq!(resumed.evaluations, whole.evaluations);
        assert_eq!(weights(&resumed.network), weights(&whole.network), "stopped at {stop}");
    }
}

/// Rates that depend on the weights, so that they must not be chosen anew in the middle of an epoch.
struct ByNorm(&'static str);

impl LayerRates for ByNorm {
    fn name(&self) -> String {
        self.0.into()
    }

    fn renew(&mut self, network: &Network, epoch: u64) -> Result<Vec<RateRule>, TrainError> {
        let first = &network.parameters()[0];
        let norm: f64 = first.value.to_data().iter::<f64>().map(|weight| weight * weight).sum();
        let multiplier = 0.1 * epoch as f64 + norm.sqrt() / 10.0;
        Ok(vec![RateRule { pattern: first.name.clone(), multiplier }])
    }
}

#[test]
fn with_rates_of_layers_that_are_renewed_every_epoch() {
    let fcn = Fcn::new(6, 16, 2, 2);
    let train = two_classes(150, 6, 0);
    let config = config(60);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let run = |state: &mut TrainState, mut rates: Option<ByNorm>, stop| {
        let mut batches = ShuffledEpochs::new(&train, config.batch_size);
        let mut watch = StopAt(stop);
        let hooks = Hooks {
            layer_rates: rates.as_mut().map(|rates| rates as &mut dyn LayerRates),
            ..Hooks::new(&mut watch)
        };
        fit(state, &mut batches, &config.loss, &mut Plain, &config, hooks)
    };
    let mut whole = fresh(&fcn);
    run(&mut whole, Some(ByNorm("a")), u64::MAX).unwrap();
    let mut uniform = fresh(&fcn);
    run(&mut uniform, None, u64::MAX).unwrap();
    assert_ne!(weights(&whole.network), weights(&uniform.network));
    for stop in [1, 7, 33] {
        let mut part = fresh(&fcn);
        run(&mut part, Some(ByNorm("a")), stop).unwrap();
        part.save(&path, &config, &train).unwrap();
        let load = || {
            TrainState::load(&path, &cpu(), part.network.architecture(), &config, &train).unwrap()
        };
        let mut resumed = load();
        run(&mut resumed, Some(ByNorm("a")), u64::MAX).unwrap();
        assert_eq!(weights(&resumed.network), weights(&whole.network), "stopped at {stop}");
        for other in [None, Some(ByNorm("b"))] {
            let refused = run(&mut load(), other, u64::MAX);
            assert!(matches!(refused, Err(TrainError::OtherRun { what: "layer-wise rates", .. })));
        }
    }
}

#[test]
fn with_momentum() {
    check_resume(Optimizer::momentum(0.9, 5e-4));
}

#[test]
fn with_adam() {
    check_resume(Optimizer::adam(1e-4));
}

#[test]
fn other_networks_settings_or_data_are_refused() {
    let (train, other) = (two_classes(50, 6, 0), two_classes(50, 6, 1));
    let config = config(5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut state = fresh(&Fcn::new(6, 4, 1, 2));
    fit_plain(&mut state, &train, None, &config).unwrap();
    state.save(&path, &config, &train).unwrap();
    let own = state.network.architecture();
    let load = |architecture, config: &FitConfig, train| {
        TrainState::load(&path, &cpu(), architecture, config, train)
    };
    assert!(load(own, &FitConfig { max_steps: 9, ..config.clone() }, &train).is_ok());
    let slower = FitConfig { schedule: Schedule::constant(0.01), ..config.clone() };
    let wider = Architecture::from(Fcn::new(6, 5, 1, 2));
    for (error, expected) in [
        (load(own, &slower, &train), "settings"),
        (load(own, &config, &other), "training data"),
        (load(&wider, &config, &train), "network"),
    ] {
        match error {
            Err(TrainError::OtherRun { what, found, expected: own }) => {
                assert_eq!(what, expected);
                // Only what differs is said.
                let network = ("width 4".to_string(), "width 5".to_string());
                assert!(what != "network" || (found, own) == network);
            }
            other => panic!("{expected}: {:?}", other.err()),
        }
    }
    std::fs::write(&path, b"not a checkpoint").unwrap();
    assert!(matches!(load(own, &config, &train), Err(TrainError::File { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn damaged_heads_are_refused() {
    let train = two_classes(50, 6, 0);
    let config = config(5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut state = fresh(&Fcn::new(6, 4, 1, 2));
    fit_plain(&mut state, &train, None, &config).unwrap();
    state.save(&path, &config, &train).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for (sound, damaged) in [
        (r#"\"width\":4"#, r#"\"width\":18446744073709551615"#),
        (r#"\"width\":4"#, r#"\"width\":1000000000000"#),
        (r#"\"n_hidden\":1"#, r#"\"n_hidden\":2000000000"#),
        (r#"\"step\":5"#, r#"\"step\":1000000000000000000"#),
        (r#"\"optimizer_steps\":5"#, r#"\"optimizer_steps\":6"#),
    ] {
        let bytes = with_header(&bytes, |header| {
            assert!(header.contains(sound), "{header}");
            header.replacen(sound, damaged, 1)
        });
        // Even if the damaged network were the one asked for.
        let architectures = [
            state.network.architecture().clone(),
            Architecture::from(Fcn::new(6, usize::MAX, 1, 2)),
            Architecture::from(Fcn::new(6, 1_000_000_000_000, 1, 2)),
            Architecture::from(Fcn::new(6, 4, 2_000_000_000, 2)),
        ];
        for architecture in &architectures {
            let found =
                TrainState::from_bytes(&path, &bytes, &cpu(), architecture, &config, &train);
            assert!(found.is_err(), "{damaged}");
        }
    }
}

/// A safetensors file image with a changed header.
fn with_header(bytes: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, values) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header = change(std::str::from_utf8(header).unwrap());
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), values].concat()
}
