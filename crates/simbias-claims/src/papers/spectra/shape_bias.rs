//! P8-C1 to P8-C3: what the shape of a random matrix does to its exponent, and what windows undo.

use simbias_report::Caveat;
use simbias_spectra::WindowOptions;
use simbias_spectra::marchenko_pastur::median_exponent;
use simbias_stats::{Seed, mean};

use super::exponents::{Exponents, of_matrix, square_windows};
use super::matrices::{Entries, RandomMatrix};
use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

/// Rows and columns, by growing aspect ratio.
const SHAPES: [(usize, usize); 6] =
    [(256, 256), (256, 192), (256, 128), (256, 96), (256, 64), (512, 64)];
/// Matrices of each shape.
const N_DRAWS: u64 = 8;
/// Pairs of a heavy-tailed thin and a Gaussian square matrix.
const N_PAIRS: u64 = 4;
const WINDOWS: WindowOptions = square_windows(64, 5);

/// Exponents of all draws of one shape.
struct ShapeExponents {
    shape: (usize, usize),
    plain: Vec<f64>,
    farms: Vec<f64>,
}

impl ShapeExponents {
    fn aspect_ratio(&self) -> f64 {
        self.shape.0 as f64 / self.shape.1 as f64
    }

    fn name(&self) -> String {
        format!("{} × {}", self.shape.0, self.shape.1)
    }
}

/// Gaussian matrices of all shapes; both claims look at the same ones.
fn by_shape(stages: &Stages<'_>, seed: Seed) -> Result<Vec<ShapeExponents>, ClaimError> {
    let n_draws = stages.draws(N_DRAWS);
    let mut found = Vec::with_capacity(SHAPES.len());
    for (number, shape) in (0..).zip(SHAPES) {
        stages.check_interrupt()?;
        let (mut plain, mut farms) = (Vec::new(), Vec::new());
        for draw in 0..n_draws {
            let seed = seed.child("claims/shape", number).child("matrix", draw);
            let matrix = RandomMatrix::draw(Entries::Gaussian, shape, seed, stages)?;
            let exponents = of_matrix(&matrix.view(), &WINDOWS, stages)?;
            plain.push(exponents.plain);
            farms.push(exponents.farms);
        }
        found.push(ShapeExponents { shape, plain, farms });
    }
    Ok(found)
}

/// P8-C1: plain exponents against the Marchenko-Pastur law.
pub(crate) fn bias_exists(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new("P8-C1", context, 1)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        stages.begin(seed, "Gaussian matrices of six shapes")?;
        let shapes = by_shape(&stages, seed)?;
        let means: Vec<f64> = shapes.iter().map(|found| mean(&found.plain)).collect();
        let smallest_rise =
            means.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let mut largest_distance = 0.0_f64;
        for (found, &mean) in shapes.iter().zip(&means) {
            let expected = median_exponent(found.aspect_ratio());
            largest_distance = largest_distance.max(100.0 * (mean / expected - 1.0).abs());
            let name = found.name();
            measurement.control(format!("{name}: mean plain exponent"), seed, mean);
            measurement.control(format!("{name}: Marchenko-Pastur"), seed, expected);
        }
        measurement.observe("smallest rise with the aspect ratio", seed, smallest_rise);
        measurement.observe("largest distance from Marchenko-Pastur", seed, largest_distance);
    }
    Ok(measurement)
}

/// P8-C2: the same matrices in 5 × 5 windows of 64 × 64.
pub(crate) fn windows_remove_it(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new("P8-C2", context, 1)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        stages.begin(seed, "windows of Gaussian matrices")?;
        let shapes = by_shape(&stages, seed)?;
        let spread = |pick: fn(&ShapeExponents) -> f64| {
            let values: Vec<f64> = shapes.iter().map(pick).collect();
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
                - values.iter().copied().fold(f64::INFINITY, f64::min)
        };
        measurement.observe("spread of FARMS exponents", seed, spread(|found| mean(&found.farms)));
        measurement.observe("spread of plain exponents", seed, spread(|found| mean(&found.plain)));
        measurement.control("spread of FARMS exponents, one draw", seed, spread(|s| s.farms[0]));
        measurement.control("spread of plain exponents, one draw", seed, spread(|s| s.plain[0]));
        for found in &shapes {
            let name = format!("{}: mean FARMS exponent", found.name());
            measurement.control(name, seed, mean(&found.farms));
        }
    }
    Ok(measurement)
}

/// P8-C3: a heavy-tailed thin matrix beside a Gaussian square one.
pub(crate) fn wrong_diagnosis(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new("P8-C3", context, 1)?;
    let mut measurement = Measurement::default();
    for &seed in stages.seeds() {
        stages.begin(seed, "a thin heavy-tailed and a square Gaussian matrix")?;
        let (mut heavy, mut gaussian) = (Vec::new(), Vec::new());
        for pair in 0..stages.draws(N_PAIRS) {
            let seed = seed.child("claims/pair", pair);
            for (exponents, entries, shape, purpose) in [
                (&mut heavy, Entries::HeavyTailed, (512, 100), "heavy"),
                (&mut gaussian, Entries::Gaussian, (256, 256), "gaussian"),
            ] {
                let matrix = RandomMatrix::draw(entries, shape, seed.child(purpose, 0), &stages)?;
                exponents.push(of_matrix(&matrix.view(), &WINDOWS, &stages)?);
            }
        }
        let share = |is_so: fn(&Exponents, &Exponents) -> bool| {
            let n =
                heavy.iter().zip(&gaussian).filter(|(heavy, other)| is_so(heavy, other)).count();
            n as f64 / heavy.len() as f64
        };
        measurement.observe(
            "share of pairs that plain exponents rank wrongly",
            seed,
            share(|heavy, gaussian| heavy.plain > gaussian.plain),
        );
        measurement.observe(
            "share of pairs that FARMS ranks rightly",
            seed,
            share(|heavy, gaussian| heavy.farms < gaussian.farms),
        );
        for (name, exponents) in
            [("heavy-tailed, 512 × 100", &heavy), ("Gaussian, 256 × 256", &gaussian)]
        {
            let average = |pick: fn(&Exponents) -> f64| {
                mean(&exponents.iter().map(pick).collect::<Vec<f64>>())
            };
            measurement.control(format!("{name}: mean plain exponent"), seed, average(|e| e.plain));
            measurement.control(format!("{name}: mean FARMS exponent"), seed, average(|e| e.farms));
        }
    }
    measurement.caveat(Caveat::note(
        "drawn-weights",
        "Heavy-tailed entries stand for training here; no network was trained.",
    ));
    Ok(measurement)
}
