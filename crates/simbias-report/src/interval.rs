//! An estimate as results store it.

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// A number with the ends of its interval, as `result.json` has it: `{"value": …, "lo": …, "hi": …}`. Numbers that are
/// not finite are `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The number.
    pub value: Option<f64>,
    /// Lower end.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
}

impl From<&Estimate> for Interval {
    fn from(estimate: &Estimate) -> Self {
        let finite = |value: f64| value.is_finite().then_some(value);
        Self { value: finite(estimate.value), lo: finite(estimate.low), hi: finite(estimate.high) }
    }
}

impl From<Interval> for Estimate {
    /// Absent numbers are NaN; what varied is not known here.
    fn from(interval: Interval) -> Self {
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        Self::new(number(interval.value), number(interval.lo), number(interval.hi))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_null() {
        let estimate = Estimate::new(0.5, f64::NEG_INFINITY, f64::NAN);
        let text = serde_json::to_string(&Interval::from(&estimate)).unwrap();
        assert_eq!(text, r#"{"value":0.5,"lo":null,"hi":null}"#);
        let back: Interval = serde_json::from_str(&text).unwrap();
        let back = Estimate::from(back);
        assert!(back.value == 0.5 && !back.has_interval());
    }
}
