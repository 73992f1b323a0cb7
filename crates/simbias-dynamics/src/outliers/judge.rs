//! What the numbers mean.

use simbias_report::{Caveat, format};
use simbias_stats::quantile;

use super::{Driver, OutlierOutcome, Pair, Regime};

/// A quieter mean loss does not oscillate.
const QUIET_RISING: f64 = 0.02;
const TURNING_LAG: f64 = -0.5;
/// A mean loss beyond this many times its lowest value so far is a spike.
const SPIKE: f64 = 1.5;
const LEAST_OPPOSITION: f64 = -0.5;
/// A smaller group does not count.
const LEAST_GROUP: usize = 3;
const MUCH_MOTION: f64 = 0.5;
const LITTLE_MOTION: f64 = 0.25;
/// Share of one label in a group that is a class.
const PURE: f64 = 0.8;

/// Decides what the losses do, which pairs count, and what the motion is made of.
pub(super) fn judge(outcome: &mut OutlierOutcome, labels: Option<&[u32]>) {
    let has_spike = has_spike(&outcome.mean_losses);
    let is_quiet = !has_spike && outcome.rising_steps < QUIET_RISING && outcome.top_lag_one > 0.0;
    let significance = outcome.options.significance;
    let is_coherent = |pair: &Pair| pair.p_value.is_some_and(|p| p < significance);
    for pair in &mut outcome.pairs {
        pair.is_accepted = !is_quiet
            && pair.opposition <= LEAST_OPPOSITION
            && pair.first.len().min(pair.second.len()) >= LEAST_GROUP
            && is_coherent(pair);
    }
    // Noise alone makes neighbouring changes opposite; at the edge of stability the examples turn in common.
    let turns = outcome.top_lag_one < TURNING_LAG && outcome.pairs.iter().any(is_coherent);
    outcome.regime = if is_quiet {
        Regime::Quiet
    } else if turns {
        Regime::EdgeOfStability
    } else if has_spike {
        Regime::Spike
    } else {
        Regime::Noisy
    };
    let accepted = || outcome.pairs.iter().filter(|pair| pair.is_accepted);
    let are_classes = labels.is_some_and(|labels| {
        accepted().all(|pair| {
            [&pair.first, &pair.second].iter().all(|group| purity(group, labels).1 >= PURE)
        })
    });
    let driver = if outcome.top_motion >= MUCH_MOTION {
        Driver::Outliers
    } else if outcome.top_motion < LITTLE_MOTION && are_classes {
        Driver::Classes
    } else {
        Driver::Mixed
    };
    outcome.driver = accepted().next().map(|_| driver);
}

/// The commonest label of a group, the lowest on ties, and its share; label 0 with share 0 for an empty group.
pub fn purity(group: &[u32], labels: &[u32]) -> (u32, f64) {
    let mut found: Vec<u32> = group.iter().map(|&example| labels[example as usize]).collect();
    found.sort_unstable();
    let most = found.chunk_by(|one, other| one == other).max_by(|one, other| {
        // Of equally common labels the first one counts.
        one.len().cmp(&other.len()).then(other[0].cmp(&one[0]))
    });
    most.map_or((0, 0.0), |most| (most[0], most.len() as f64 / group.len() as f64))
}

/// Whether the mean loss ever exceeds its lowest value so far by half.
fn has_spike(mean_losses: &[f64]) -> bool {
    let mut lowest = f64::INFINITY;
    mean_losses.iter().any(|&loss| {
        let jumps = lowest > 0.0 && loss > SPIKE * lowest;
        lowest = lowest.min(loss);
        jumps
    })
}

/// Median of finite numbers; 0 of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(&values.collect::<Vec<f64>>(), 0.5).unwrap_or(0.0)
}

/// What to keep in mind, the gravest first.
pub(super) fn caveats(
    outcome: &OutlierOutcome,
    n_missing: usize,
    n_empty_steps: usize,
) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    if outcome.regime == Regime::Quiet {
        caveats.push(Caveat::warning(
            "no-oscillation",
            "The mean loss falls at nearly every step and the largest changes keep their direction. Nothing oscillates, \
             so that opposing groups cannot be inferred from this stretch; the examples that move most are those that \
             are being learned.",
        ));
    }
    if outcome.options.n_surrogates == 0 {
        caveats.push(Caveat::caution(
            "no-test",
            "The pairs were not tested against chance, so that none is accepted. Give a number of surrogates.",
        ));
    } else {
        let smallest = 1.0 / (outcome.options.n_surrogates + 1) as f64;
        if smallest >= outcome.options.significance {
            caveats.push(Caveat::caution(
                "few-surrogates",
                format!(
                    "{} surrogates cannot show a p-value below {smallest:.3}, so that no pair is accepted; give more.",
                    outcome.options.n_surrogates
                ),
            ));
        }
    }
    if outcome.mean_losses.iter().any(|&loss| loss < 0.0) {
        caveats.push(Caveat::note(
            "negative-losses",
            "Some mean losses are negative, as those of densities can be; only their changes count here.",
        ));
    }
    if n_missing > 0 {
        caveats.push(Caveat::caution(
            "missing-losses",
            format!(
                "{} losses are missing (NaN). An example that was not evaluated counts as unchanged until its next \
                 evaluation, where the whole change then lies.",
                format::count(n_missing as u64)
            ),
        ));
    }
    if n_empty_steps > 0 {
        caveats.push(Caveat::caution(
            "empty-steps",
            format!(
                "{} recorded steps hold no loss and are left out; changes across them span more than one step.",
                format::count(n_empty_steps as u64)
            ),
        ));
    }
    caveats
}
