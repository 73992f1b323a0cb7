//! Random matrices with independent entries.

use rand_distr::{Distribution, StandardNormal, StudentT, Uniform};
use simbias_checkpoint::Numbers;
use simbias_spectra::Matrix;
use simbias_stats::Seed;

use crate::ClaimError;
use crate::stages::Stages;

/// Degrees of freedom of the heavy-tailed entries: finite variance, infinite fourth moment.
const HEAVY_FREEDOM: f64 = 2.5;

/// How entries are distributed. Exponents do not depend on their scale.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entries {
    /// Standard normal.
    Gaussian,
    /// Between -1 and 1.
    Uniform,
    /// Student's t with 2.5 degrees of freedom.
    HeavyTailed,
}

impl Entries {
    /// `n` independent entries.
    pub(super) fn draw(
        self,
        n: usize,
        seed: Seed,
        stages: &Stages<'_>,
    ) -> Result<Numbers, ClaimError> {
        let stream = seed.stream();
        let values = match self {
            Self::Gaussian => StandardNormal.sample_iter(stream).take(n).collect(),
            Self::Uniform => {
                let uniform = Uniform::new(-1.0, 1.0).map_err(|error| stages.failure(error))?;
                uniform.sample_iter(stream).take(n).collect()
            }
            Self::HeavyTailed => {
                let student =
                    StudentT::new(HEAVY_FREEDOM).map_err(|error| stages.failure(error))?;
                student.sample_iter(stream).take(n).collect()
            }
        };
        Ok(Numbers::F64(values))
    }
}

/// A matrix that owns its numbers.
pub(super) struct RandomMatrix {
    numbers: Numbers,
    shape: (usize, usize),
}

impl RandomMatrix {
    /// Rows and columns by `shape`.
    pub(super) fn draw(
        entries: Entries,
        shape: (usize, usize),
        seed: Seed,
        stages: &Stages<'_>,
    ) -> Result<Self, ClaimError> {
        Ok(Self { numbers: entries.draw(shape.0 * shape.1, seed, stages)?, shape })
    }

    /// The whole matrix.
    pub(super) fn view(&self) -> Matrix<'_> {
        Matrix::new(&self.numbers, self.shape.0, self.shape.1)
    }
}
