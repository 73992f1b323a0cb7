//! The ball that a perturbation must stay in, the box of the data, and the step between them.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, Zip};
use serde::{Deserialize, Serialize};

use super::AttackError;

/// Added to the norm of a gradient before dividing by it, so that a vanished gradient moves nothing.
pub const GRADIENT_FLOOR: f64 = 1e-10;

/// How the size of a perturbation is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Euclidean length.
    L2,
    /// Largest absolute value.
    Linf,
}

impl Norm {
    /// Norm of `values`, summed in 64 bits.
    pub fn of<'a>(self, values: impl IntoIterator<Item = &'a f32>) -> f64 {
        let values = values.into_iter().map(|&value| f64::from(value));
        match self {
            Self::L2 => values.map(|value| value * value).sum::<f64>().sqrt(),
            Self::Linf => values.fold(0.0, |largest, value| largest.max(value.abs())),
        }
    }

    /// One step of steepest ascent: `δ + step · g / (‖g‖ + floor)` for L2, `δ + step · sign(g)` for L∞.
    pub(super) fn ascend(
        self,
        delta: ArrayViewMut1<'_, f32>,
        gradient: ArrayView1<'_, f32>,
        step: f64,
        floor: f64,
    ) {
        let rate = step / (self.of(gradient) + floor);
        Zip::from(delta).and(gradient).for_each(|value, &slope| {
            let shift = match self {
                Self::L2 => rate * f64::from(slope),
                // `f32::signum` would give a slope of zero a sign.
                Self::Linf if slope == 0.0 => 0.0,
                Self::Linf => step.copysign(f64::from(slope)),
            };
            *value = (f64::from(*value) + shift) as f32;
        });
    }

    /// Moves to the nearest point with `‖δ‖ ≤ radius`.
    pub(super) fn project(self, mut delta: ArrayViewMut1<'_, f32>, radius: f64) {
        match self {
            Self::L2 => {
                let norm = self.of(&delta);
                if norm > radius {
                    scale(delta, radius / norm);
                }
            }
            Self::Linf => {
                let radius = radius as f32;
                delta.mapv_inplace(|value| value.clamp(-radius, radius));
            }
        }
    }
}

/// Multiplies in 64 bits.
pub(super) fn scale(mut values: ArrayViewMut1<'_, f32>, factor: f64) {
    values.mapv_inplace(|value| (f64::from(value) * factor) as f32);
}

/// Smallest and largest value that the data takes anywhere; one pair for all columns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Smallest value.
    pub low: f32,
    /// Largest value.
    pub high: f32,
}

impl Bounds {
    /// The extremes of `rows`, over all rows and columns; `None` if there are no values.
    pub fn of(rows: ArrayView2<'_, f32>) -> Option<Self> {
        let first = *rows.first()?;
        let start = Self { low: first, high: first };
        Some(rows.iter().fold(start, |bounds, &value| Self {
            low: bounds.low.min(value),
            high: bounds.high.max(value),
        }))
    }

    /// `high - low`.
    pub fn width(self) -> f64 {
        f64::from(self.high) - f64::from(self.low)
    }

    pub(super) fn check(self) -> Result<(), AttackError> {
        if self.low.is_finite() && self.high.is_finite() && self.low <= self.high {
            return Ok(());
        }
        Err(AttackError::Setting {
            field: "bounds",
            found: format!("{} to {}", self.low, self.high),
            expected: "two finite numbers, the smaller one first",
        })
    }
}

/// Where the value `start` of a row may go: the box, widened to hold `start` itself.
pub(super) fn reach(bounds: Option<Bounds>, start: f32) -> (f32, f32) {
    match bounds {
        Some(bounds) => (bounds.low.min(start), bounds.high.max(start)),
        None => (f32::NEG_INFINITY, f32::INFINITY),
    }
}

/// Shortens the perturbation of one row so that row plus perturbation stays in the box.
pub(super) fn clamp_to_box(
    delta: ArrayViewMut1<'_, f32>,
    row: ArrayView1<'_, f32>,
    bounds: Option<Bounds>,
) {
    Zip::from(delta).and(row).for_each(|shift, &start| {
        let (low, high) = reach(bounds, start);
        *shift = shift.clamp(low - start, high - start);
    });
}

/// Adds `sign · delta` to a row and stays in the box.
pub(super) fn shift_row(
    row: ArrayViewMut1<'_, f32>,
    delta: ArrayView1<'_, f32>,
    sign: f32,
    bounds: Option<Bounds>,
) {
    Zip::from(row).and(delta).for_each(|value, &shift| {
        let (low, high) = reach(bounds, *value);
        *value = (*value + sign * shift).clamp(low, high);
    });
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_vanished_gradient_moves_nothing() {
        for norm in [Norm::L2, Norm::Linf] {
            let mut delta = array![0.5, -0.25];
            norm.ascend(delta.view_mut(), array![0.0, -0.0].view(), 1.0, GRADIENT_FLOOR);
            assert_eq!(delta, array![0.5, -0.25]);
        }
    }

    #[test]
    fn a_step_has_the_length_that_was_asked_for() {
        let (mut delta, gradient) = (array![0.0, 0.0], array![3.0, -4.0]);
        Norm::L2.ascend(delta.view_mut(), gradient.view(), 0.5, 0.0);
        assert_eq!(delta, array![0.3, -0.4]);
        Norm::Linf.ascend(delta.view_mut(), gradient.view(), 0.5, 0.0);
        assert_eq!(delta, array![0.8, -0.9]);
    }

    #[test]
    fn a_value_outside_the_box_moves_no_further_out() {
        let bounds = Some(Bounds { low: 0.0, high: 1.0 });
        let mut delta = array![0.5, -0.5, 0.5];
        clamp_to_box(delta.view_mut(), array![2.0, 2.0, 0.75].view(), bounds);
        assert_eq!(delta, array![0.0, -0.5, 0.25]);
    }

    proptest! {
        #[test]
        fn ball_and_box_both_hold(
            pairs in prop::collection::vec((-3.0_f32..3.0, -2.0_f32..2.0), 1..40),
            radius in 1e-3_f64..2.0,
            linf in any::<bool>(),
        ) {
            let norm = if linf { Norm::Linf } else { Norm::L2 };
            let (row, delta): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let (row, mut delta) = (Array1::from(row), Array1::from(delta));
            let bounds = Some(Bounds { low: -1.0, high: 1.5 });
            norm.project(delta.view_mut(), radius);
            clamp_to_box(delta.view_mut(), row.view(), bounds);
            prop_assert!(norm.of(&delta) <= radius * (1.0 + 1e-6));
            let mut there = row.clone();
            shift_row(there.view_mut(), delta.view(), 1.0, bounds);
            for (value, start) in there.iter().zip(&row) {
                prop_assert!(*value >= start.min(-1.0) && *value <= start.max(1.5));
            }
        }
    }
}
