//! One way to write each kind of number, shared by all renderers.

use crate::Estimate;

/// What is shown where there is nothing to show.
pub const ABSENT: &str = "–";

/// `value` with `digits` decimals.
///
/// Scientific where decimals would show nothing (`0.00002` with three digits is `2.0e-5`) or too much
/// (from `1e7`); negative zero loses its sign; NaN and infinities are `NaN`, `∞`, `-∞`.
pub fn number(value: f64, digits: usize) -> String {
    if let Some(word) = non_finite(value) {
        return word.into();
    }
    let fixed = fixed(value, digits);
    let vanished = value != 0.0 && fixed.chars().all(|symbol| !('1'..='9').contains(&symbol));
    if vanished || value.abs() >= 1e7 { format!("{value:.1e}") } else { fixed }
}

/// An integer with thousands separators: `12,345`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A fraction of one as a percentage with one decimal: `0.512` is `51.2%`.
pub fn percent(fraction: f64) -> String {
    match non_finite(fraction) {
        Some(word) => word.into(),
        None => format!("{}%", fixed(fraction * 100.0, 1)),
    }
}

/// A value and its interval: `0.512 [0.498, 0.526]`.
///
/// All three numbers share their decimals: three for values below ten, up to six of them where the
/// interval is too narrow to be seen otherwise, and fewer for larger values. Without an interval, the value alone.
pub fn estimate(estimate: &Estimate) -> String {
    let digits = estimate_digits(estimate);
    let show = |value: f64| match non_finite(value) {
        Some(word) => word.to_owned(),
        None if value.abs() >= 1e7 => format!("{value:.1e}"),
        None => fixed(value, digits),
    };
    if !estimate.has_interval() {
        return if estimate.value.is_finite() {
            number(estimate.value, digits)
        } else {
            show(estimate.value)
        };
    }
    format!("{} [{}, {}]", show(estimate.value), show(estimate.low), show(estimate.high))
}

/// Seconds as people say them: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return ABSENT.into();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A number as programs want it: as short as possible, and parsing it gives the same number back.
pub fn shortest(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "inf".into() } else { "-inf".into() }
    } else if magnitude == 0.0 || (1e-5..1e16).contains(&magnitude) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

/// Decimals in which value and interval are worth showing.
fn estimate_digits(estimate: &Estimate) -> usize {
    let largest = [estimate.value, estimate.low, estimate.high]
        .into_iter()
        .filter(|value| value.is_finite())
        .fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let by_size = match largest {
        size if size < 10.0 => 3,
        size if size < 100.0 => 2,
        size if size < 1000.0 => 1,
        _ => 0,
    };
    let half_width = (estimate.high - estimate.low) / 2.0;
    if by_size == 3 && half_width.is_finite() && half_width > 0.0 {
        // One figure of the half width, so that a narrow interval does not look like a point.
        (-half_width.log10().floor()).clamp(3.0, 6.0) as usize
    } else {
        by_size
    }
}

fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|symbol| matches!(symbol, '0' | '.')) => rest.into(),
        _ => text,
    }
}

fn non_finite(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("∞")
    } else if value == f64::NEG_INFINITY {
        Some("-∞")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_expect() {
        for (value, digits, expected) in [
            (0.5, 3, "0.500"),
            (-0.0001, 3, "-1.0e-4"),
            (0.0, 2, "0.00"),
            (-0.0, 2, "0.00"),
            (2e-5, 3, "2.0e-5"),
            (123_456_789.0, 0, "1.2e8"),
            (f64::NAN, 3, "NaN"),
            (f64::NEG_INFINITY, 3, "-∞"),
        ] {
            assert_eq!(number(value, digits), expected);
        }
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(percent(0.5124), "51.2%");
        assert_eq!(percent(-0.00001), "0.0%");
    }

    #[test]
    fn estimates_share_their_decimals() {
        for ((value, low, high), expected) in [
            ((0.512, 0.498, 0.526), "0.512 [0.498, 0.526]"),
            ((0.5, 0.1, 0.9), "0.500 [0.100, 0.900]"),
            ((0.99991, 0.99985, 0.99997), "0.99991 [0.99985, 0.99997]"),
            ((1.0, 1.0, 1.0), "1.000 [1.000, 1.000]"),
            ((42.125, 40.0, 44.25), "42.12 [40.00, 44.25]"),
            ((51_234.4, 50_000.0, 52_000.0), "51234 [50000, 52000]"),
            ((-1e-9, -0.01, 0.01), "0.000 [-0.010, 0.010]"),
            ((3.0, f64::NEG_INFINITY, 4.0), "3.000 [-∞, 4.000]"),
            ((0.25, f64::NAN, f64::NAN), "0.250"),
            ((f64::NAN, f64::NAN, f64::NAN), "NaN"),
        ] {
            assert_eq!(estimate(&Estimate::new(value, low, high)), expected);
        }
    }

    #[test]
    fn durations_grow_their_units() {
        for (seconds, expected) in [
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.6, "1 min 00 s"),
            (185.0, "3 min 05 s"),
            (7620.0, "2 h 07 min"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
