//! Lists of examples, and their order in epochs.

use simbias_dynamics::select::{Guard, SamplingMode, Space, separating_epoch};
use simbias_stats::Seed;

use crate::planted::{planted, select_from};

#[test]
fn the_list_has_every_example_and_slow_ones_twice() {
    let planted = planted(203, 3, 8.0, 1);
    let found = select_from(&planted, Guard::Off, Space::Logits);
    let mut counts = vec![0; 203];
    for index in found.indices() {
        counts[index as usize] += 1;
    }
    let weights = found.weights();
    assert!(counts.iter().zip(&weights).all(|(&count, &weight)| f64::from(count) == weight));
    assert_eq!(found.indices().len(), 203 + found.n_slow());
    assert_eq!(found.epoch_length(), 203 + found.n_slow());
    // s = share of slow examples: 2² in the sum of squared weights.
    let s = found.slow_share();
    assert!((found.effective_size() - (1.0 + s).powi(2) / (1.0 + 3.0 * s)).abs() < 1e-15);
    assert!((found.relative_cost(0.04) - (1.04 + s)).abs() < 1e-15);
    assert!((found.speed_up()[1] - 2.0 / (1.0 + s)).abs() < 1e-15);
}

#[test]
fn processes_share_an_epoch_and_epochs_differ() {
    let planted = planted(100, 2, 8.0, 1);
    let found = select_from(&planted, Guard::Off, Space::Logits);
    let shards: Vec<_> =
        (0..3).map(|rank| found.sampler(SamplingMode::Exact, rank, 3, Seed::new(9))).collect();
    let mut seen: Vec<i64> = Vec::new();
    for shard in &shards {
        assert_eq!(shard.epoch(4).len(), shard.epoch_length());
        assert_eq!(shard.epoch(4), shard.epoch(4));
        assert_ne!(shard.epoch(4), shard.epoch(5));
        seen.extend(shard.epoch(4));
    }
    let mut missing = found.indices();
    for index in &seen {
        if let Some(place) = missing.iter().position(|other| other == index) {
            missing.swap_remove(place);
        }
    }
    assert_eq!(missing, Vec::<i64>::new(), "together they show the whole list");
    assert!(seen.len() - found.indices().len() < 3, "padding fills up the last round only");
}

#[test]
fn weighted_draws_hold_on_average() {
    let planted = planted(400, 2, 8.0, 1);
    let found = select_from(&planted, Guard::Off, Space::Logits);
    let sampler = found.sampler(SamplingMode::Weighted, 0, 1, Seed::new(2));
    let (mut n_slow, mut n_all) = (0, 0);
    for epoch in 0..200 {
        for index in sampler.epoch(epoch) {
            n_slow += usize::from(found.slow[index as usize]);
            n_all += 1;
        }
    }
    // Draws of slow examples: 2s/(1+s) = 0.4 for s = 1/4; the standard error is below 0.002.
    let s = found.slow_share();
    let share = n_slow as f64 / n_all as f64;
    assert!((share - 2.0 * s / (1.0 + s)).abs() < 0.01, "{share}");
}

#[test]
fn early_training_ends_where_the_error_stops_falling() {
    // Falls 0.4, 0.2, 0.1, 0.01: the last is the first one below 0.05 · 0.4.
    let errors = [0.9, 0.5, 0.3, 0.2, 0.19, 0.19];
    let found = separating_epoch(&errors, 40).unwrap();
    assert_eq!((found.by_rule, found.epoch), (Some(4), 4));
    let short = separating_epoch(&errors, 20).unwrap();
    assert_eq!((short.allowed, short.epoch), ([1, 3], 3));
    let steady = separating_epoch(&[0.9, 0.8, 0.7], 100).unwrap();
    assert_eq!((steady.by_rule, steady.epoch), (None, 15));
    assert!(separating_epoch(&[0.9], 10).is_err());
    assert!(separating_epoch(&[0.9, f64::NAN], 10).is_err());
}
