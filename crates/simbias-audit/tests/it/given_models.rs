//! Models that were trained elsewhere.

use ndarray::{Array2, ArrayView2};
use simbias_audit::{Remedy, Subject, TrainedNetwork, audit};
use simbias_data::{Scorer, ScorerError};
use simbias_nn::{Architecture, Fcn, Init, Kind, Network, Precision, cpu};
use simbias_reliance::BlockVerdict;
use simbias_reliance::outcome::SoloLearner;
use simbias_report::Silent;
use simbias_stats::Seed;
use simbias_train::NetScorer;

use crate::{options, slabs};

/// Any function from a row to a score.
struct Closure<F>(F);

impl<F: Fn(&[f32]) -> f32 + Sync> Scorer for Closure<F> {
    fn n_outputs(&self) -> usize {
        1
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        Ok(Array2::from_shape_fn((rows.nrows(), 1), |(row, _)| (self.0)(&rows.row(row).to_vec())))
    }
}

#[test]
fn a_function_is_measured_on_the_rows_as_they_are() {
    // Knows only the linear coordinate, in the units of the file.
    let model = Closure(|row: &[f32]| row[0]);
    let mut options = options(&[Remedy::LastLayer]);
    options.max_steps = 50;
    let outcome = audit(&slabs(3), Subject::Foreign(&model), &options, &Silent, None).unwrap();
    let base = &outcome.base.outcome;
    assert_eq!(base.standard.metric.value, 1.0);
    // All given rows judge it.
    assert_eq!(base.n_rows, 1900);
    assert_eq!(base.block("linear").unwrap().verdict, Some(BlockVerdict::Exclusive));
    assert_eq!(base.block("slab").unwrap().randomized.shift.value, 0.0);
    assert_eq!(base.block("slab").unwrap().verdict, Some(BlockVerdict::IgnoredButPredictive));
    // A network of this tool learned the slabs; that says nothing about the architecture of the function.
    let simplicity = base.block("slab").unwrap().simplicity.as_ref().unwrap();
    assert_eq!(simplicity.solo_learner, Some(SoloLearner::ProbeOwnUntried));
    assert!(!simplicity.solo_training.as_ref().unwrap().own_architecture);
    // No gradients, no attack; no weights, no remedy: the notes say both.
    assert!(outcome.robustness.is_none() && outcome.remedies.is_empty());
    assert!(outcome.training.is_none() && outcome.network.is_none());
    let notes = outcome.notes.join(" ");
    assert!(notes.contains("Remedies need a network"), "{notes}");
    assert!(notes.contains("unknown which rows it was trained on"), "{notes}");
}

#[test]
fn a_network_is_retrained_in_its_last_layer_and_nowhere_else() {
    // Dropout and batch norm: neither masks nor running statistics may touch the features.
    let fcn = Fcn { dropout: 0.2, batch_norm: true, ..Fcn::new(4, 16, 1, 2) };
    let architecture = Architecture::from(fcn);
    let network =
        Network::new(architecture.clone(), Init::default(), Precision::F32, Seed::new(5), &cpu())
            .unwrap();
    let given = TrainedNetwork {
        network: NetScorer::new(network.clone()),
        standardization: None,
        learned_from: None,
    };
    let mut options = options(&[Remedy::LastLayer]);
    options.simplicity.solo_steps = 0;
    let outcome =
        audit(&slabs(3), Subject::Network(Box::new(given)), &options, &Silent, None).unwrap();
    assert_eq!(outcome.recipe.architecture, architecture);
    let simbias_audit::RemediedModel::Network(after) = &outcome.remedies[0].model else {
        panic!("the last layer of one network")
    };
    let names: Vec<&str> =
        network.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    let last = names.last().unwrap().rsplit_once('.').unwrap().0;
    assert!(network.parameters().iter().any(|parameter| parameter.kind == Kind::Statistic));
    for (old, new) in network.parameters().iter().zip(after.network().parameters()) {
        let same = old.value.to_data() == new.value.to_data();
        assert_eq!(same, !new.name.starts_with(last), "{}", new.name);
    }
}

#[test]
fn a_damaged_description_of_a_network_is_refused_before_memory_is_asked_for() {
    let network =
        Network::new(Fcn::new(4, 16, 1, 2), Init::default(), Precision::F32, Seed::new(5), &cpu())
            .unwrap();
    let weights = network.to_safetensors();
    let whole = TrainedNetwork {
        network: NetScorer::new(network),
        standardization: None,
        learned_from: None,
    };
    let description = whole.to_json().to_string();
    TrainedNetwork::load(&description, &weights, &cpu()).unwrap();
    for (sound, damaged) in [
        (r#""width":16"#, r#""width":18446744073709551615"#),
        (r#""width":16"#, r#""width":1000000000000"#),
        (r#""width":16"#, r#""width":1000000"#),
        (r#""d_input":4"#, r#""d_input":16777216"#),
        (r#""n_hidden":1"#, r#""n_hidden":2000000000"#),
    ] {
        assert!(description.contains(sound), "{description}");
        let error =
            TrainedNetwork::load(&description.replacen(sound, damaged, 1), &weights, &cpu())
                .unwrap_err()
                .to_string();
        assert!(error.contains("architecture"), "{error}");
    }
}
