//! Numbers as people write them: decimal points or commas, separated thousands, a percent or currency sign.

use crate::read::DecimalMark;

const CURRENCIES: [char; 4] = ['$', '€', '£', '¥'];
/// Blanks of several widths and apostrophes that separate thousands.
const NEUTRAL_SEPARATORS: [char; 6] = [' ', '\u{a0}', '\u{2009}', '\u{202f}', '\'', '’'];

/// The number that `text` says with this decimal mark.
pub(super) fn parse(text: &str, mark: DecimalMark) -> Option<f64> {
    if mark == DecimalMark::Point
        && let Ok(value) = text.parse()
    {
        return Some(value);
    }
    let text = without_unit(text);
    let (sign, digits) = match text.strip_prefix(['-', '−', '+']) {
        Some(rest) => (if text.starts_with('+') { "" } else { "-" }, rest),
        None => ("", text),
    };
    // The currency may also stand between the sign and the digits.
    let digits = digits.strip_prefix(CURRENCIES).unwrap_or(digits).trim_start();
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.parse::<i32>().ok()?)),
        None => (digits, None),
    };
    let (point, other) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let (whole, decimals) = match mantissa.split_once(point) {
        Some((whole, decimals)) => (whole, decimals),
        None => (mantissa, ""),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(decimals) || (whole.is_empty() && decimals.is_empty()) {
        return None;
    }
    let whole = without_groups(whole, other)?;
    let exponent = exponent.unwrap_or(0);
    format!("{sign}{whole}.{decimals}e{exponent}").parse().ok()
}

/// Without a currency sign on either side, or a percent sign.
fn without_unit(text: &str) -> &str {
    let text = text.strip_prefix(CURRENCIES).unwrap_or(text).trim_start();
    let text = text.strip_suffix(CURRENCIES).or_else(|| text.strip_suffix('%')).unwrap_or(text);
    text.trim_end()
}

/// The digits of a whole number whose thousands may be separated, `0` if there are none.
fn without_groups(whole: &str, other: char) -> Option<String> {
    let Some(separator) = whole.chars().find(|character| !character.is_ascii_digit()) else {
        return Some(if whole.is_empty() { "0".into() } else { whole.into() });
    };
    if separator != other && !NEUTRAL_SEPARATORS.contains(&separator) {
        return None;
    }
    let groups: Vec<&str> = whole.split(separator).collect();
    let (first, rest) = groups.split_first()?;
    let (last, middle) = rest.split_last()?;
    let is_digits = |group: &&str| group.bytes().all(|byte| byte.is_ascii_digit());
    // India separates hundreds above the thousands: 12,34,567.
    let middle_length = middle.first().map_or(3, |group| group.len());
    let fits = groups.iter().all(is_digits)
        && (1..=3).contains(&first.len())
        && !(first.starts_with('0'))
        && last.len() == 3
        && (middle_length == 3 || (middle_length == 2 && separator == ','))
        && middle.iter().all(|group| group.len() == middle_length);
    fits.then(|| groups.concat())
}

/// What the cells of one column say under each decimal mark.
#[derive(Clone, Debug, Default)]
pub(super) struct NumberSurvey {
    /// Cells that hold a value.
    pub(super) n_cells: usize,
    /// Cells that every program reads as a number.
    pub(super) n_plain: usize,
    /// Of these, whole numbers.
    pub(super) n_whole: usize,
    /// Cells that are numbers with a decimal point, and with a decimal comma.
    pub(super) n_point: usize,
    pub(super) n_comma: usize,
    /// Cells that are another number with a point than with a comma.
    n_ambiguous: usize,
    /// The first of them.
    pub(super) ambiguous: Option<String>,
    sum_point: f64,
    sum_comma: f64,
    /// The first cell that is not a number in either way: row, text; and how many there are.
    pub(super) first_text: Option<(usize, String)>,
    pub(super) n_texts: usize,
    /// A number that is not plain, or the first one, for messages.
    pub(super) example: Option<String>,
    has_odd_example: bool,
    /// The first value that is not a finite 32-bit number: row and value.
    pub(super) not_finite: Option<(usize, f64)>,
}

/// What the marks of one column say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// Not all cells are numbers.
    Text,
    /// The same numbers either way.
    Either,
    /// Numbers with a decimal point only, or with a decimal comma only.
    Only(DecimalMark),
    /// Different numbers either way, such as 1.234.
    AmbiguousPoint,
    /// Different numbers either way, such as 1,234.
    AmbiguousComma,
}

impl NumberSurvey {
    /// Adds a cell.
    pub(super) fn add(&mut self, row: usize, text: &str) {
        self.n_cells += 1;
        let plain = text.parse::<f64>().ok();
        self.n_plain += usize::from(plain.is_some());
        self.n_whole += usize::from(text.parse::<i64>().is_ok());
        let has_point = text.contains('.');
        let point = plain.or_else(|| parse(text, DecimalMark::Point));
        let comma = match plain {
            // Both read it alike.
            Some(value) if !has_point => Some(value),
            // Earlier cells have no decimal comma: the column has none.
            Some(_) if self.n_comma + 1 < self.n_cells => None,
            _ => parse(text, DecimalMark::Comma),
        };
        if let Some(value) = point {
            self.n_point += 1;
            self.sum_point += value;
        }
        if let Some(value) = comma {
            self.n_comma += 1;
            self.sum_comma += value;
        }
        match (point, comma) {
            (Some(point), Some(comma)) if point != comma => {
                self.n_ambiguous += 1;
                self.ambiguous.get_or_insert_with(|| text.into());
            }
            (None, None) => {
                self.n_texts += 1;
                if self.first_text.is_none() {
                    self.first_text = Some((row, text.chars().take(40).collect()));
                }
                return;
            }
            _ => {}
        }
        let is_odd = plain.is_none();
        if self.example.is_none() || (is_odd && !self.has_odd_example) {
            self.example = Some(text.chars().take(40).collect());
            self.has_odd_example = is_odd;
        }
        if let Some(value) = point.or(comma).filter(|value| !(*value as f32).is_finite())
            && self.not_finite.is_none()
        {
            self.not_finite = Some((row, value));
        }
    }

    /// Whether all cells are numbers with this mark.
    pub(super) fn fits(&self, mark: DecimalMark) -> bool {
        let n_numbers = match mark {
            DecimalMark::Point => self.n_point,
            DecimalMark::Comma => self.n_comma,
        };
        n_numbers == self.n_cells
    }

    pub(super) fn marks(&self) -> Marks {
        let is_all = |count: usize| count == self.n_cells && count > 0;
        match (is_all(self.n_point), is_all(self.n_comma)) {
            (false, false) => Marks::Text,
            (true, false) => Marks::Only(DecimalMark::Point),
            (false, true) => Marks::Only(DecimalMark::Comma),
            (true, true) if self.n_ambiguous == 0 => Marks::Either,
            (true, true) if self.n_plain == self.n_cells => Marks::AmbiguousPoint,
            (true, true) => Marks::AmbiguousComma,
        }
    }

    /// Mean of the numbers with this mark, 0 without any.
    pub(super) fn mean(&self, mark: DecimalMark) -> f64 {
        let (sum, n) = match mark {
            DecimalMark::Point => (self.sum_point, self.n_point),
            DecimalMark::Comma => (self.sum_comma, self.n_comma),
        };
        sum / n.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_marks_and_all_separators_are_read() {
        let (point, comma) = (DecimalMark::Point, DecimalMark::Comma);
        for (text, mark, value) in [
            ("39,1", comma, 39.1),
            ("-0,5", comma, -0.5),
            ("1.234,5", comma, 1234.5),
            ("1.234.567", comma, 1_234_567.0),
            ("1 234,5", comma, 1234.5),
            ("1\u{202f}234", comma, 1234.0),
            ("1'234.5", point, 1234.5),
            ("1,234.5", point, 1234.5),
            ("12,34,567", point, 1_234_567.0),
            ("$1,200", point, 1200.0),
            ("-$3", point, -3.0),
            ("12,5 %", comma, 12.5),
            ("3,5 €", comma, 3.5),
            ("−2.5", point, -2.5),
            ("1,5e3", comma, 1500.0),
            (",5", comma, 0.5),
            ("01", point, 1.0),
        ] {
            assert_eq!(parse(text, mark), Some(value), "{text}");
        }
        for (text, mark) in [
            ("39,1", point),
            ("1.5", comma),
            ("1,23", point),
            ("0,123", point),
            ("10.0.0.1", comma),
            ("1.234,5,6", comma),
            ("1.23.456", comma),
            ("", comma),
            ("-", comma),
            ("%", point),
            ("abc", comma),
            ("1,234 567", point),
        ] {
            assert_eq!(parse(text, mark), None, "{text}");
        }
    }
}
