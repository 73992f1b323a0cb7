//! From values to pixels: ends of axes, and the numbers along them.

use simbias_report::{Axis, AxisScale, format};

/// An axis with its ends in values and in pixels.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    kind: AxisScale,
    /// Ends as the axis spaces them: logarithms on a logarithmic one.
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// A number along an axis.
pub(super) struct Tick {
    /// Pixels.
    pub(super) at: f64,
    pub(super) label: String,
}

impl Scale {
    /// `ends` in values are at the pixels `from` and `to`.
    pub(super) fn new(kind: AxisScale, ends: [f64; 2], from: f64, to: f64) -> Self {
        let [low, high] = ends.map(|end| placed(kind, end));
        Self { kind, low, high, from, to }
    }

    /// The pixel of `value`; not finite where the axis has no place for it.
    pub(super) fn at(&self, value: f64) -> f64 {
        let place = placed(self.kind, value);
        self.from + (place - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The pixel of `value`, moved to the next end of the axis if it lies outside.
    pub(super) fn clamped(&self, value: f64) -> f64 {
        let (low, high) = (self.from.min(self.to), self.from.max(self.to));
        let at = self.at(value);
        if at.is_nan() { self.from } else { at.clamp(low, high) }
    }

    /// Whether `value` lies between the ends.
    pub(super) fn holds(&self, value: f64) -> bool {
        let place = placed(self.kind, value);
        (self.low.min(self.high)..=self.low.max(self.high)).contains(&place)
    }

    /// What a script needs to read values off the drawing: kind, ends as spaced, pixels.
    pub(super) fn data(&self) -> String {
        let kind = if self.kind == AxisScale::Log { "log" } else { "lin" };
        format!("{kind} {} {} {} {}", self.low, self.high, self.from, self.to)
    }

    /// Round numbers at least `spacing` pixels apart.
    pub(super) fn ticks(&self, spacing: f64) -> Vec<Tick> {
        let room = ((self.to - self.from).abs() / spacing).floor().max(2.0);
        let values = match self.kind {
            AxisScale::Log => self.log_values(room),
            AxisScale::Linear => round_values(self.low, self.high, room),
            AxisScale::Percent => round_values(100.0 * self.low, 100.0 * self.high, room)
                .into_iter()
                .map(|(value, label)| (value / 100.0, format!("{label}%")))
                .collect(),
        };
        values.into_iter().map(|(value, label)| Tick { at: self.at(value), label }).collect()
    }

    /// Decades, or 1, 2 and 5 of each, or round numbers, as there is room for.
    fn log_values(&self, room: f64) -> Vec<(f64, String)> {
        let (low, high) = (self.low.min(self.high), self.low.max(self.high));
        let (first, last) = ((low - 1e-9).ceil() as i32, (high + 1e-9).floor() as i32);
        let n_decades = last - first + 1;
        if high - low < 0.9 {
            let round = round_values(10_f64.powf(low), 10_f64.powf(high), room);
            return round.into_iter().filter(|(value, _)| *value > 0.0).collect();
        }
        if n_decades >= 3 || f64::from(n_decades) * 3.0 > room {
            let every = (f64::from(n_decades) / room).ceil().max(1.0) as i32;
            let is_plain = first >= -3 && last <= 4;
            return (first..=last)
                .filter(|decade| decade.rem_euclid(every) == 0 || n_decades == 1)
                .map(|decade| {
                    let value = 10_f64.powi(decade);
                    let label = if is_plain { plain(value) } else { power(decade) };
                    (value, label)
                })
                .collect();
        }
        (first - 1..=last)
            .flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)))
            .filter(|value| (low - 1e-9..=high + 1e-9).contains(&value.log10()))
            .map(|value| (value, plain(value)))
            .collect()
    }
}

fn placed(kind: AxisScale, value: f64) -> f64 {
    if kind == AxisScale::Log { value.log10() } else { value }
}

/// Multiples of 1, 2 or 5 times a power of ten between the ends, at most about `room` of them.
fn round_values(low: f64, high: f64, room: f64) -> Vec<(f64, String)> {
    let (low, high) = (low.min(high), low.max(high));
    let width = high - low;
    if width.is_nan() || width <= 0.0 || !width.is_finite() {
        return Vec::new();
    }
    let raw = width / room;
    let decade = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * decade)
        .into_iter()
        .find(|step| *step >= raw * (1.0 - 1e-9))
        .unwrap_or(10.0 * decade);
    let decimals = (-(step * 1.000_001).log10().floor()).max(0.0) as usize;
    let largest = low.abs().max(high.abs());
    let first = (low / step - 1e-9).ceil();
    let last = (high / step + 1e-9).floor();
    (0..=(last - first) as usize)
        .map(|index| {
            let value = (first + index as f64) * step;
            let label = if largest >= 1e6 || decimals > 5 {
                scientific(value)
            } else if decimals == 0 && value.abs() >= 1e4 {
                let sign = if value < 0.0 { "−" } else { "" };
                format!("{sign}{}", format::count(value.abs().round() as u64))
            } else {
                signed(&format!("{:.decimals$}", value + 0.0))
            };
            (value, label)
        })
        .collect()
}

/// A number without needless zeros.
fn plain(value: f64) -> String {
    if value >= 1e4 { format::count(value.round() as u64) } else { format::shortest(value) }
}

/// With a minus sign in place of a hyphen.
fn signed(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|symbol| matches!(symbol, '0' | '.')) => rest.into(),
        Some(rest) => format!("−{rest}"),
        None => text.into(),
    }
}

/// A power of ten.
fn power(exponent: i32) -> String {
    let digits = exponent.to_string();
    let raised: String = digits
        .chars()
        .map(|symbol| match symbol {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
        })
        .collect();
    format!("10{raised}")
}

fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let exponent = (value.abs() * 1.000_000_1).log10().floor() as i32;
    let digits = (value / 10_f64.powi(exponent) * 100.0).round() / 100.0;
    signed(&format!("{}×{}", format::shortest(digits), power(exponent)))
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

    fn labels(kind: AxisScale, ends: [f64; 2]) -> Vec<String> {
        let ticks = Scale::new(kind, ends, 0.0, 500.0).ticks(80.0);
        ticks.into_iter().map(|tick| tick.label).collect()
    }

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

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            labels(AxisScale::Linear, [-0.07, 1.1]),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(labels(AxisScale::Linear, [-2.0, 2.0]), ["−2", "−1", "0", "1", "2"]);
        assert_eq!(
            labels(AxisScale::Percent, [0.0, 0.5]),
            ["0%", "10%", "20%", "30%", "40%", "50%"]
        );
        assert_eq!(labels(AxisScale::Linear, [0.0, 3e7])[1], "5×10⁶");
        assert_eq!(
            labels(AxisScale::Linear, [0.0, 40_000.0]),
            ["0", "10,000", "20,000", "30,000", "40,000"]
        );
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_whatever_its_length() {
        assert_eq!(
            labels(AxisScale::Log, [0.01, 1000.0]),
            ["0.01", "0.1", "1", "10", "100", "1000"]
        );
        assert_eq!(labels(AxisScale::Log, [1e-9, 10.0]), ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        assert_eq!(labels(AxisScale::Log, [0.7, 12.0]), ["1", "2", "5", "10"]);
        assert_eq!(labels(AxisScale::Log, [2.1, 2.9]), ["2.2", "2.4", "2.6", "2.8"]);
        for ends in [[1.0, 9.0], [3.0, 40.0], [0.5, 200.0], [1e-4, 1e4], [1.0, 1.01]] {
            assert!(labels(AxisScale::Log, ends).len() >= 2, "{ends:?}");
        }
    }

    #[test]
    fn an_axis_runs_either_way() {
        let scale = Scale::new(AxisScale::Linear, [0.0, 10.0], 100.0, 0.0);
        assert_eq!(scale.at(2.5), 75.0);
        assert!(scale.holds(10.0) && !scale.holds(10.1));
        assert_eq!(scale.clamped(f64::INFINITY), 0.0);
    }
}
