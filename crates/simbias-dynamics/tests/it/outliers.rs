//! Opposing groups: planted ones are found, noise has none, and what must not change them.

use ndarray::{Array2, Axis, s};
use rand_distr::{Distribution, StandardNormal};
use simbias_dynamics::outliers::{Driver, OutlierOptions, OutlierOutcome, Regime, find_outliers};
use simbias_report::Silent;
use simbias_stats::Seed;

/// Running sums of normal changes, with two groups of `n_group` examples whose changes are a common one, up and down, of
/// `amplitude` standard deviations beside their own noise.
fn losses(
    n_steps: usize,
    n_examples: usize,
    n_group: usize,
    amplitude: f64,
    seed: u64,
) -> Array2<f64> {
    let mut stream = Seed::new(seed).child("test/outliers", 0).stream();
    let mut draw = || -> f64 { StandardNormal.sample(&mut stream) };
    let mut losses = Array2::from_elem((n_steps, n_examples), 1000.0);
    for step in 1..n_steps {
        let common = draw();
        for example in 0..n_examples {
            let side = match example {
                _ if example < n_group => amplitude,
                _ if example < 2 * n_group => -amplitude,
                _ => 0.0,
            };
            losses[[step, example]] = losses[[step - 1, example]] + draw() + side * common;
        }
    }
    losses
}

fn find(losses: &Array2<f64>, labels: Option<&[u32]>, options: &OutlierOptions) -> OutlierOutcome {
    find_outliers(&losses.view(), labels, options, Seed::new(11), &Silent).unwrap()
}

#[test]
fn a_planted_pair_is_found() {
    // The same numbers as in the test of noise, in fewer repetitions: an unlucky draw is as rare here.
    let options = OutlierOptions::default();
    for seed in 0..4 {
        let found = find(&losses(200, 2000, 10, 3.0, seed), None, &options);
        let pair = &found.pairs[0];
        assert!(pair.is_accepted, "p {:?}", pair.p_value);
        let (first, second): (Vec<u32>, Vec<u32>) = ((0..10).collect(), (10..20).collect());
        let groups = [&pair.first, &pair.second];
        for planted in [&first, &second] {
            let has = |group: &Vec<u32>| planted.iter().all(|example| group.contains(example));
            assert!(groups.iter().any(|group| has(group)), "{groups:?}");
        }
        assert!(pair.opposition < -0.9);
    }
}

#[test]
fn noise_has_no_pair() {
    let options = OutlierOptions { n_surrogates: 120, ..OutlierOptions::default() };
    let n_found = (100..112)
        .filter(|&seed| {
            let found = find(&losses(120, 400, 0, 0.0, seed), None, &options);
            found.pairs.iter().any(|pair| pair.is_accepted)
        })
        .count();
    // Expected: 12 · 0.01.
    assert!(n_found <= 1, "{n_found} of 12");
}

#[test]
fn a_stretch_without_oscillation_is_called_quiet() {
    // All losses fall, at paces of their own; two groups drift apart, one of them slower and slower.
    let losses = Array2::from_shape_fn((60, 100), |(step, example)| {
        let pace = 0.02 + 0.001 * example as f64;
        (-pace * step as f64).exp() * (1.0 + example as f64)
    });
    let found = find(&losses, None, &OutlierOptions::default());
    assert_eq!((found.regime, found.driver), (Regime::Quiet, None));
    assert!(found.pairs.iter().all(|pair| !pair.is_accepted));
    assert_eq!(found.caveats[0].kind, "no-oscillation");
}

/// Two groups that swing from step to step over `n` further examples that fall slowly.
fn swinging(n_group: usize, n: usize, noise: f64) -> Array2<f64> {
    let mut stream = Seed::new(3).child("test/swinging", 0).stream();
    let mut draw = || -> f64 { StandardNormal.sample(&mut stream) };
    // Swings of changing size, since a swing of constant size looks the same whatever its offset.
    let sizes: Vec<f64> = (0..100).map(|_| 1.0 + 0.4 * draw()).collect();
    Array2::from_shape_fn((100, 2 * n_group + n), |(step, example)| {
        let turn = if step % 2 == 0 { sizes[step] } else { -sizes[step] };
        let side = match example {
            _ if example < n_group => turn,
            _ if example < 2 * n_group => -turn,
            _ => 0.0,
        };
        5.0 - 0.001 * step as f64 + side + noise * draw()
    })
}

#[test]
fn groups_at_the_edge_of_stability() {
    let losses = swinging(5, 190, 1e-3);
    let found = find(&losses, None, &OutlierOptions::default());
    assert_eq!(found.regime, Regime::EdgeOfStability);
    assert_eq!(found.driver, Some(Driver::Outliers));
    let mut groups = [found.pairs[0].first.clone(), found.pairs[0].second.clone()];
    groups.sort();
    for (group, first) in groups.iter().zip([0, 5]) {
        assert!((first..first + 5).all(|example| group.contains(&example)), "{groups:?}");
        // Noise of a candidate may lie along the swing by chance.
        assert!(group.len() <= 7, "{groups:?}");
    }
    assert!(found.pairs[0].outlierness(200) > 10.0);

    // The same swing in two classes that make up all examples.
    let losses = swinging(100, 0, 0.2);
    let labels: Vec<u32> = (0..200).map(|example| u32::from(example >= 100)).collect();
    let found = find(&losses, Some(&labels), &OutlierOptions::default());
    assert_eq!(found.driver, Some(Driver::Classes));
}

#[test]
fn a_jump_of_the_mean_loss_is_a_spike() {
    // It jumps after step 29 and comes back slowly.
    let losses = Array2::from_shape_fn((60, 60), |(step, example)| {
        let jump = if step < 30 { 0.0 } else { 3.0 * (-0.1 * (step - 30) as f64).exp() };
        1.0 + jump + 0.01 * ((step * 7 + example * 13) % 5) as f64
    });
    let found = find(&losses, None, &OutlierOptions::default());
    assert_eq!((found.regime, found.peak_step), (Regime::Spike, 29));
}

#[test]
fn scale_offset_and_order() {
    let losses = losses(80, 120, 6, 3.0, 2);
    let options = OutlierOptions { n_surrogates: 120, ..OutlierOptions::default() };
    let found = find(&losses, None, &options);
    let scaled = find(&(&losses * 4.0), None, &options);
    for (motion, other) in found.motions.iter().zip(&scaled.motions) {
        assert_eq!(motion.score * 4.0, other.score);
        assert!((motion.lag_one - other.lag_one).abs() < 1e-12);
    }
    assert_eq!(found.pairs[0].first, scaled.pairs[0].first);

    let offsets = Array2::from_shape_fn((1, 120), |(_, example)| (example * 8) as f64);
    let moved = find(&(&losses + &offsets), None, &options);
    assert_eq!(found.pairs[0].first, moved.pairs[0].first);
    assert!((found.top_motion - moved.top_motion).abs() < 1e-9);

    let order: Vec<usize> = (0..120).map(|place| (place * 7 + 3) % 120).collect();
    let permuted = find(&losses.select(Axis(1), &order), None, &options);
    let mut first: Vec<u32> =
        permuted.pairs[0].first.iter().map(|&place| order[place as usize] as u32).collect();
    first.sort_unstable();
    assert!(first == found.pairs[0].first || first == found.pairs[0].second);

    let reversed = find(&losses.slice(s![..;-1, ..]).to_owned(), None, &options);
    assert!((reversed.pairs[0].opposition - found.pairs[0].opposition).abs() < 1e-9);
    assert!((reversed.top_motion - found.top_motion).abs() < 1e-12);
}

#[test]
fn the_number_of_threads() {
    let losses = losses(60, 3000, 40, 3.0, 5);
    let options = OutlierOptions { n_surrogates: 20, ..OutlierOptions::default() };
    let found = find(&losses, None, &options);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(found, pool.install(|| find(&losses, None, &options)));
    }
}

#[test]
fn missing_losses_count_as_unchanged() {
    let mut losses = losses(60, 60, 5, 3.0, 5);
    losses.row_mut(7).fill(f64::NAN);
    losses[[20, 3]] = f64::NAN;
    losses[[0, 9]] = f64::NAN;
    let found = find(&losses, None, &OutlierOptions::default());
    assert_eq!(found.n_steps, 59);
    let kinds: Vec<&str> = found.caveats.iter().map(|caveat| caveat.kind.as_str()).collect();
    assert!(kinds.contains(&"missing-losses") && kinds.contains(&"empty-steps"));
    // The sum of the changes of example 3 is that without the gap but for the turn at step 20.
    let series: Vec<f64> =
        (0..60).filter(|step| ![7, 20].contains(step)).map(|step| losses[[step, 3]]).collect();
    let expected: f64 = series.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    assert!((found.motions[3].score - expected / 58.0).abs() < 1e-9);
}

#[track_caller]
fn refused(losses: &Array2<f64>, labels: Option<&[u32]>, options: &OutlierOptions, words: &[&str]) {
    let error = find_outliers(&losses.view(), labels, options, Seed::new(0), &Silent);
    let error = error.unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error:?}");
    }
}

#[test]
fn what_is_refused() {
    let usual = OutlierOptions::default();
    let good = losses(40, 60, 5, 3.0, 5);
    refused(&good.slice(s![..5, ..]).to_owned(), None, &usual, &["5 recorded steps", "10"]);
    refused(&good.slice(s![.., ..30]).to_owned(), None, &usual, &["30 examples", "40"]);
    refused(&Array2::from_elem((40, 60), 0.7), None, &usual, &["no loss changes"]);
    refused(&good, Some(&[0; 59]), &usual, &["60 rows", "59 of labels"]);
    let mut broken = good.clone();
    broken[[13, 2]] = f64::INFINITY;
    refused(&broken, None, &usual, &["example 2", "step 13", "infinite"]);
    let mut holes = good.clone();
    holes.slice_mut(s![.., ..40]).fill(f64::NAN);
    refused(&holes, None, &usual, &["67 %", "missing"]);
    holes.slice_mut(s![5.., ..]).fill(f64::NAN);
    refused(&holes, None, &usual, &["5 recorded steps with losses"]);
    refused(&good, None, &OutlierOptions { top_share: 0.0, ..usual }, &["share of top", "above 0"]);
    refused(&good, None, &OutlierOptions { n_listed: 0, ..usual }, &["listed", "1 or more"]);
}
