//! Ends of axes and places between them.

use simbias_report::{Axis, AxisScale};

/// Where `value` lies between the ends of an axis, in `[0, 1]`.
pub(super) fn fraction(axis: &Axis, [low, high]: [f64; 2], value: f64) -> f64 {
    let place = |value: f64| if axis.scale == AxisScale::Log { value.log10() } else { value };
    (place(value) - place(low)) / (place(high) - place(low))
}

/// The axis' own ends, or ends that show all finite `values` with some air; `None` without values.
pub(super) fn ends(axis: &Axis, values: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    if let Some([low, high]) = axis.range
        && low.is_finite()
        && high.is_finite()
        && low != high
        && (axis.scale != AxisScale::Log || low.min(high) > 0.0)
    {
        return Some([low, high]);
    }
    let log = axis.scale == AxisScale::Log;
    let place = |value: f64| if log { value.log10() } else { value };
    let (low, high) = values
        .into_iter()
        .map(place)
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return None;
    }
    let air = if high > low { 0.06 * (high - low) } else { 0.1 * low.abs().max(0.5) };
    let back = |value: f64| if log { 10_f64.powf(value) } else { value };
    Some([back(low - air), back(high + air)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_leave_air_and_ignore_gaps() {
        let axis = Axis::default();
        assert_eq!(ends(&axis, [f64::NAN]), None);
        let [low, high] = ends(&axis, [0.0, 1.0, f64::INFINITY]).unwrap();
        assert!(low < 0.0 && high > 1.0 && high < 1.2);
        let [low, high] = ends(&axis, [3.0]).unwrap();
        assert!(low < 3.0 && high > 3.0);
        let [low, high] = ends(&Axis::default().log(), [0.0, 1.0, 100.0]).unwrap();
        assert!(low > 0.1 && low < 1.0 && high > 100.0);
    }
}
