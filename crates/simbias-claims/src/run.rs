//! Measures a claim and judges what came back.

use std::collections::BTreeSet;

use simbias_report::{Caveat, Verdict};

use crate::{
    Claim, ClaimError, Control, CriterionVerdict, MeasureContext, Measurement, Scale, judge,
    judge_claim,
};

/// The outcome of a claim at one scale.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The claim.
    pub claim: &'static Claim,
    /// The scale.
    pub scale: Scale,
    /// The word.
    pub verdict: Verdict,
    /// Why the verdict is not clear; empty otherwise.
    pub reason: String,
    /// One entry per criterion, in the table's order; empty if not run.
    pub criteria: Vec<CriterionVerdict>,
    /// Numbers that are shown and not judged.
    pub controls: Vec<Control>,
    /// Doubts.
    pub caveats: Vec<Caveat>,
    /// Whether sizes were reduced.
    pub quick: bool,
}

impl Outcome {
    /// A claim that was not measured.
    pub fn not_run(claim: &'static Claim, scale: Scale, reason: impl Into<String>) -> Self {
        Self {
            claim,
            scale,
            verdict: Verdict::NotRun,
            reason: reason.into(),
            criteria: Vec::new(),
            controls: Vec::new(),
            caveats: Vec::new(),
            quick: false,
        }
    }

    fn judged(
        claim: &'static Claim,
        context: &MeasureContext<'_>,
        measurement: Measurement,
    ) -> Result<Self, ClaimError> {
        let judged = || claim.criteria.iter().filter(|found| found.is_for(context.scale));
        let mut seen = BTreeSet::new();
        for observation in &measurement.observations {
            let (name, seed) = (observation.criterion, observation.seed);
            if !judged().any(|criterion| criterion.name == name) {
                let allowed = judged().map(|criterion| criterion.name).collect();
                return Err(ClaimError::UnknownCriterion {
                    claim: claim.id,
                    found: name.into(),
                    allowed,
                });
            }
            if !seen.insert((name, seed)) {
                return Err(ClaimError::RepeatedSeed {
                    claim: claim.id,
                    criterion: name.into(),
                    seed,
                });
            }
        }
        let criteria: Vec<CriterionVerdict> = judged()
            .map(|&criterion| {
                let per_seed: Vec<(u64, f64)> = measurement
                    .observations
                    .iter()
                    .filter(|observation| observation.criterion == criterion.name)
                    .map(|observation| (observation.seed, observation.value))
                    .collect();
                judge(criterion, &per_seed)
            })
            .collect();
        let (verdict, reason) = if context.quick {
            (Verdict::Inconclusive, "quick run with reduced sizes".into())
        } else {
            (judge_claim(&criteria), open_points(&criteria))
        };
        Ok(Self {
            claim,
            scale: context.scale,
            verdict,
            reason,
            criteria,
            controls: measurement.controls,
            caveats: measurement.caveats,
            quick: context.quick,
        })
    }
}

/// Measures `claim` in `context`. A claim that cannot be checked at this scale, or that lacks the user's files, is
/// an outcome, not an error.
///
/// # Errors
/// A failure of the measurement, or a measurement that does not fit the table.
pub fn run(claim: &'static Claim, context: &mut MeasureContext<'_>) -> Result<Outcome, ClaimError> {
    match claim.measure_at(context.scale) {
        Err(reason) => Ok(Outcome::not_run(claim, context.scale, reason)),
        Ok(measure) => match measure(context) {
            Ok(measurement) => Outcome::judged(claim, context, measurement),
            Err(ClaimError::Needs { what, .. }) => {
                Ok(Outcome::not_run(claim, context.scale, format!("needs {what}")))
            }
            Err(error) => Err(error),
        },
    }
}

/// The criteria that kept the claim from holding, in words.
fn open_points(criteria: &[CriterionVerdict]) -> String {
    let points: Vec<String> = criteria
        .iter()
        .filter_map(|found| {
            let (name, expected) = (found.criterion.name, found.criterion.expectation);
            match found.verdict {
                Verdict::Holds | Verdict::NotRun => None,
                Verdict::DoesNotHold => Some(format!("{name}: expected {expected}")),
                Verdict::Inconclusive => Some(format!("{name}: {}", found.reason)),
            }
        })
        .collect();
    points.join("; ")
}
