//! Do intervals hold the truth as often as they say?

use rand::RngExt;
use simbias_stats::{Seed, auc_delong, normal_quantile};

/// Property 12 of the method's verification plan: binormal scores with a true AUC of 0.8, 200 rows.
#[test]
fn delong_intervals_cover_the_true_area() {
    const N_SETS: u64 = 2000;
    const TRUE_AUC: f64 = 0.8;
    // AUC = Φ(shift / sqrt 2) for unit variances.
    let shift = std::f64::consts::SQRT_2 * normal_quantile(TRUE_AUC).unwrap();
    let positives: Vec<bool> = (0..200).map(|row| row % 2 == 0).collect();
    let (mut n_logit, mut n_wald, mut sum_auc, mut sum_variance) = (0, 0, 0.0, 0.0);
    let mut sum_square = 0.0;
    for set in 0..N_SETS {
        let mut stream = Seed::new(8).child("test/binormal", set).stream();
        let scores: Vec<f64> = positives
            .iter()
            .map(|&positive| {
                let noise = normal_quantile(stream.random_range(1e-12..1.0)).unwrap();
                noise + if positive { shift } else { 0.0 }
            })
            .collect();
        let estimate = auc_delong(&scores, &positives).unwrap();
        n_logit += u32::from(estimate.interval(0.95).unwrap().estimate.covers(TRUE_AUC));
        n_wald += u32::from(estimate.wald(0.95).unwrap().covers(TRUE_AUC));
        sum_auc += estimate.auc;
        sum_square += (estimate.auc - TRUE_AUC).powi(2);
        sum_variance += estimate.variance;
    }
    for (name, n_covered) in [("logit", n_logit), ("Wald", n_wald)] {
        let share = f64::from(n_covered) / N_SETS as f64;
        assert!((0.93..=0.97).contains(&share), "{name} intervals cover {share}");
    }
    assert!((sum_auc / N_SETS as f64 - TRUE_AUC).abs() < 0.003);
    let ratio = sum_variance / sum_square;
    assert!((0.9..1.1).contains(&ratio), "mean variance over the true one: {ratio}");
}
