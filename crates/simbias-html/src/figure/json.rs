//! Values as the chart library's JSON.

use serde_json::{Value, json};

/// A value JSON can carry; numbers that are not finite become gaps.
pub(super) fn real(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}

pub(super) fn reals(values: &[f64]) -> Value {
    values.iter().map(|&value| real(value)).collect()
}
