//! The direction that the perturbations of single rows have in common.

use ndarray::{Array1, ArrayView2};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use simbias_data::{LossGradient, Scorer};
use simbias_report::Progress;
use simbias_stats::Seed;

use super::error::{AttackError, check_positive};
use super::per_row::{Pgd, pgd};
use super::universal::{Signing, UniversalPerturbation};

/// Products with the matrix after which the search for its top singular vector ends in any case.
const MAX_ITERATIONS: usize = 1000;

/// The search ends when a product turns the vector by less than this angle in radians.
const SETTLED_ANGLE: f64 = 1e-7;

/// Universal perturbation along the top right singular vector of all rows' perturbations.
///
/// Source: Deshpande et al. 2020; Shah et al. 2020. As in the code of the latter, the singular vectors are those of the
/// perturbations as they are, not of normalised ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectralUniversal {
    /// The attack on single rows; its norm and bounds also hold for the result.
    pub per_row: Pgd,
    /// Norm of the result, in units of the data.
    pub radius: f64,
    /// Whether the label gives the sign.
    pub signing: Signing,
}

/// Attacks every row and takes the common direction, in that orientation which makes `scorer` less accurate on `rows` (at
/// equal accuracy, the one of larger loss). `scorer` and `model` are two views of one model; the other arguments are
/// those of [`pgd`].
///
/// # Errors
///
/// As for [`pgd`] and [`UniversalPerturbation::score`], or no row moved at all.
#[expect(clippy::too_many_arguments, reason = "the arguments of `pgd` and the model as a scorer")]
pub fn svd_universal(
    scorer: &dyn Scorer,
    model: &dyn LossGradient,
    rows: ArrayView2<'_, f32>,
    labels: &[u32],
    config: &SpectralUniversal,
    seed: Seed,
    batch_rows: usize,
    progress: &dyn Progress,
) -> Result<UniversalPerturbation, AttackError> {
    check_positive("radius", config.radius)?;
    config.signing.check(labels)?;
    let outcome = pgd(model, rows, labels, &config.per_row, seed, batch_rows, progress)?;
    let direction = top_right_singular_vector(outcome.delta.view(), seed)?;
    let norm = config.per_row.norm.of(&direction.mapv(|value| value as f32));
    let oriented = |sign: f64| {
        let factor = sign * config.radius / norm;
        let perturbation = UniversalPerturbation {
            delta: direction.mapv(|value| (factor * value) as f32),
            signing: config.signing,
            bounds: config.per_row.bounds,
        };
        perturbation.score(scorer, rows, labels).map(|score| (perturbation, score))
    };
    let (plus, minus) = (oriented(1.0)?, oriented(-1.0)?);
    let minus_is_stronger = minus.1.accuracy < plus.1.accuracy
        || (minus.1.accuracy == plus.1.accuracy && minus.1.loss > plus.1.loss);
    Ok(if minus_is_stronger { minus.0 } else { plus.0 })
}

/// Unit vector `v`, shape `[n_features]`, that maximises `‖P v‖`, by repeated products with `PᵀP` from a
/// random start. If the two largest singular values nearly agree, it is some vector of their plane.
fn top_right_singular_vector(
    matrix: ArrayView2<'_, f32>,
    seed: Seed,
) -> Result<Array1<f64>, AttackError> {
    let mut stream = seed.child("attack/spectral", 0).stream();
    let mut vector = Array1::from_shape_fn(matrix.ncols(), |_| stream.random_range(-1.0..1.0));
    if !normalise(&mut vector) {
        return Err(AttackError::NoDirection);
    }
    for _ in 0..MAX_ITERATIONS {
        let mut product = Array1::zeros(matrix.ncols());
        for row in matrix.rows() {
            let weight: f64 = row.iter().zip(&vector).map(|(&p, v)| f64::from(p) * v).sum();
            product.zip_mut_with(&row, |total, &p| *total += weight * f64::from(p));
        }
        if !normalise(&mut product) {
            return Err(AttackError::NoDirection);
        }
        let turn = (&product - &vector).mapv(|gap| gap * gap).sum().sqrt();
        vector = product;
        if turn < SETTLED_ANGLE {
            break;
        }
    }
    Ok(vector)
}

/// Brings a vector to length 1; false if it is zero.
fn normalise(vector: &mut Array1<f64>) -> bool {
    let length = vector.dot(vector).sqrt();
    if length > 0.0 {
        vector.mapv_inplace(|value| value / length);
    }
    length > 0.0
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn many_small_rows_outweigh_one_large_row() {
        let rows: Array2<f32> =
            array![[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, -2.0, 0.0], [0.0, 2.0, 0.0]];
        let vector = top_right_singular_vector(rows.view(), Seed::new(1)).unwrap();
        assert!((vector[1].abs() - 1.0).abs() < 1e-9, "{vector}");
    }

    #[test]
    fn two_by_two_has_the_closed_form() {
        // PᵀP = [[2, 1], [1, 1]]; tan(2φ) = 2 · 1 / (2 - 1).
        let rows = array![[1.0_f32, 0.0], [1.0, 1.0]];
        let vector = top_right_singular_vector(rows.view(), Seed::new(2)).unwrap();
        let angle = 0.5 * 2.0_f64.atan();
        assert!((vector[0].abs() - angle.cos()).abs() < 1e-7, "{vector}");
        assert!((vector[1].abs() - angle.sin()).abs() < 1e-7, "{vector}");
    }

    #[test]
    fn rows_that_never_moved_have_no_direction() {
        let rows = Array2::<f32>::zeros((4, 3));
        let error = top_right_singular_vector(rows.view(), Seed::new(3)).unwrap_err();
        assert!(matches!(error, AttackError::NoDirection));
    }
}
