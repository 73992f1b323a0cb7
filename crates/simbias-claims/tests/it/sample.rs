//! A claim whose measurement is known.

use simbias_claims::{
    Availability, Claim, ClaimError, Criterion, Expectation, MeasureContext, Measurement, Outcome,
    Scale, Stamp, papers::pitfalls, run,
};
use simbias_report::{Caveat, Silent};

/// Reports 0.9, 0.91, 0.92, … and, as a control, the seed.
fn rising(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut measurement = Measurement::default();
    for (index, &seed) in context.seeds.iter().enumerate() {
        context.stage("P2-C1", "training", index, context.seeds.len())?;
        measurement.observe("accuracy", seed, 0.9 + 0.01 * index as f64);
        measurement.control("seed", seed, seed.value() as f64);
        measurement.caveat(Caveat::note("stand-in", "invented | data"));
    }
    Ok(measurement)
}

fn misspelt(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut measurement = Measurement::default();
    measurement.observe("acuracy", context.seeds[0], 1.0);
    Ok(measurement)
}

fn repeated(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut measurement = Measurement::default();
    measurement.observe("accuracy", context.seeds[0], 1.0);
    measurement.observe("accuracy", context.seeds[0], 1.0);
    Ok(measurement)
}

const fn sample(measure: simbias_claims::Measure) -> Claim {
    Claim {
        id: "P2-C1",
        paper: &pitfalls::PAPER,
        title: "a title",
        statement: "a statement",
        paper_figure: ".95",
        reference: "T1",
        cpu: Availability::Runnable { minutes: 1.0 },
        gpu: Availability::Needs("a large machine"),
        full: Availability::NotPlanned,
        criteria: &[Criterion {
            name: "accuracy",
            expectation: Expectation::AtLeast(0.8),
            unit: "",
            note: "invented",
            only_at: None,
        }],
        measure: Some(measure),
    }
}

pub(crate) static RISING: Claim = sample(rising);
pub(crate) static MISSPELT: Claim = sample(misspelt);
pub(crate) static REPEATED: Claim = sample(repeated);

pub(crate) fn outcome(n_seeds: usize) -> Outcome {
    run(&RISING, &mut MeasureContext::new(Scale::Cpu, 5, n_seeds, &Silent))
        .expect("the sample measures")
}

pub(crate) fn stamp(date: &str) -> Stamp {
    Stamp {
        date: date.into(),
        version: "0.1.0".into(),
        device: "cpu".into(),
        threads: 2,
        wall_seconds: 1.5,
    }
}
