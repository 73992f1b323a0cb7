//! Whiskers and hover texts of estimates.

use serde_json::{Value, json};
use simbias_report::{Estimate, format};

use super::json::real;
use crate::escape;

/// Asymmetric whiskers as the chart library wants them: distances from the values.
pub(super) fn whiskers(values: &[f64], intervals: &[Option<[f64; 2]>], colour: &str) -> Value {
    let distance = |end: fn(f64, [f64; 2]) -> f64| -> Value {
        values
            .iter()
            .zip(intervals)
            .map(|(&value, interval)| {
                interval.map_or(json!(0), |ends| real(end(value, ends).max(0.0)))
            })
            .collect()
    };
    json!({
        "type": "data", "symmetric": false, "visible": intervals.iter().any(Option::is_some),
        "array": distance(|value, [_, high]| high - value),
        "arrayminus": distance(|value, [low, _]| value - low),
        "color": colour, "thickness": 1.6, "width": 4,
    })
}

pub(super) fn interval(estimate: &Estimate) -> Option<[f64; 2]> {
    estimate.has_interval().then_some([estimate.low, estimate.high])
}

/// Hover text of an estimate under its name.
pub(super) fn estimate_hover(names: &[&str], estimate: &Estimate) -> String {
    let names: Vec<String> =
        names.iter().filter(|name| !name.is_empty()).map(|name| escape::chart(name)).collect();
    let mut text = format!("<b>{}</b><br>{}", names.join(" · "), format::estimate(estimate));
    let basis = estimate.basis();
    if !basis.is_empty() {
        text.push_str("<br>");
        text.push_str(&escape::chart(&basis));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiskers_are_distances() {
        let bars = whiskers(&[1.0, 2.0], &[Some([0.5, 1.25]), None], "@s0");
        assert_eq!(bars["array"], json!([0.25, 0]));
        assert_eq!(bars["arrayminus"], json!([0.5, 0]));
    }
}
