//! What must hold before a measurement begins.

use simbias_data::Dataset;
use simbias_data::transform::Transform;

use super::RelianceOptions;
use crate::RelianceError;
use crate::block::BlockSet;

/// Maximum number of donors, one per row and map (4 GiB).
const MOST_DONORS: usize = 1 << 30;

/// Refuses an invalid threshold.
pub(crate) fn check_threshold(threshold: f64) -> Result<(), RelianceError> {
    if threshold.is_finite() {
        return Ok(());
    }
    Err(RelianceError::Option {
        option: "threshold".into(),
        problem: format!("{threshold} is not a finite number"),
    })
}

pub(super) fn check_input(
    data: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    options: &RelianceOptions,
    takes_missing: bool,
) -> Result<(), RelianceError> {
    let option =
        |name: &str, problem: String| RelianceError::Option { option: name.into(), problem };
    if options.repeats == 0 {
        return Err(option("repeats", "0 donor maps measure nothing; use 1 or more".into()));
    }
    if !(options.level > 0.0 && options.level < 1.0) {
        return Err(option("ci", format!("{} is not between 0 and 1", options.level)));
    }
    if !(options.equivalence_margin > 0.0 && options.equivalence_margin.is_finite()) {
        return Err(option("equiv", format!("{} is not above 0", options.equivalence_margin)));
    }
    check_threshold(options.threshold)?;
    let n_donors = options.repeats.saturating_mul(data.n_rows());
    if n_donors > MOST_DONORS {
        return Err(option(
            "repeats",
            format!(
                "{} donor maps of {} rows are more than {MOST_DONORS} donors; use fewer",
                options.repeats,
                data.n_rows()
            ),
        ));
    }
    if data.n_features() != transform.n_features() {
        return Err(RelianceError::FeatureCount {
            found: data.n_features(),
            expected: transform.n_features(),
            by: "the transform".into(),
        });
    }
    if transform.n_coefficients() != blocks.n_features() {
        return Err(RelianceError::FeatureCount {
            found: transform.n_coefficients(),
            expected: blocks.n_features(),
            by: "the blocks".into(),
        });
    }
    if let Some(((row, column), &value)) =
        data.rows.indexed_iter().find(|(_, value)| match value.is_nan() {
            true => !takes_missing,
            false => value.is_infinite(),
        })
    {
        return Err(RelianceError::NotFiniteInput {
            row,
            column: data.layout.column_name(column),
            value,
        });
    }
    if !transform.is_identity() {
        let scale = data.rows.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
        let few = data.rows.slice(ndarray::s![..data.n_rows().min(256), ..]);
        let back = transform.inverse(transform.forward(few).view());
        let error = few.iter().zip(&back).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        let allowed = 1e-4 * f64::from(scale.max(f32::MIN_POSITIVE));
        if f64::from(error) > allowed || error.is_nan() {
            return Err(RelianceError::RoundTrip { error: f64::from(error), allowed });
        }
    }
    Ok(())
}
