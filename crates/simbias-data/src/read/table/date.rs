//! Dates and times of day as people write them.

use crate::read::DateOrder;

/// How the cells of a column write a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// 2021-12-31, 2021/12/31, 2021-12
    YearFirst,
    /// 31.12.2021, 12/31/2021
    YearLast,
    /// 31 Dec 2021, December 31, 2021
    NamedMonth,
    /// 2021-Q4, Q4 2021, which stand for their first day
    Quarter,
    /// 23:59, 11:59 pm
    TimeOnly,
}

/// One cell, not yet ordered.
struct Written {
    form: Form,
    /// Year, month, day; for [`Form::YearLast`] year, first, second.
    numbers: (i64, u32, u32),
    /// Hour of the day, if it is written.
    hour: Option<f64>,
    /// Whether dots separate the numbers.
    has_dots: bool,
}

/// A moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::read) struct Moment {
    /// Whole days since 1970-01-01; 0 for a time without date.
    pub(in crate::read) days: f64,
    /// Hour of the day with its fraction.
    pub(in crate::read) hour: f64,
}

impl Moment {
    /// As ISO 8601 writes it, to the minute; midnight is left out.
    pub(in crate::read) fn iso(self) -> String {
        // Years begin in March here, so that the leap day is the last one; 719468 days lie before 1970.
        let days = self.days as i64 + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + 400 * era + i64::from(month <= 2);
        let date = format!("{year:04}-{month:02}-{day:02}");
        let minutes = (self.hour * 60.0).round() as i64;
        match minutes {
            0 => date,
            _ => format!("{date}T{:02}:{:02}", minutes / 60, minutes % 60),
        }
    }
}

/// What the cells of one column say about dates.
#[derive(Clone, Debug, Default)]
pub(super) struct DateSurvey {
    form: Option<Form>,
    is_broken: bool,
    has_time: bool,
    has_dots: bool,
    most_first: u32,
    most_second: u32,
    n: usize,
    /// Sums of days: day first, month first; and of hours.
    sum_day_first: f64,
    sum_month_first: f64,
    sum_hours: f64,
    pub(super) example: Option<String>,
}

/// What the dates of one column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    /// Not all cells are dates.
    None,
    /// Dates in a known order.
    Ordered(DateOrder),
    /// Dates such as 3/4/2021.
    Ambiguous,
}

impl DateSurvey {
    /// Adds a cell.
    pub(super) fn add(&mut self, text: &str) {
        if self.is_broken {
            return;
        }
        let written = written(text).filter(|found| self.form.is_none_or(|form| form == found.form));
        let Some(found) = written else {
            self.is_broken = true;
            return;
        };
        self.form = Some(found.form);
        self.has_time |= found.hour.is_some();
        self.has_dots |= found.has_dots;
        if found.form == Form::YearLast {
            self.most_first = self.most_first.max(found.numbers.1);
            self.most_second = self.most_second.max(found.numbers.2);
        }
        self.n += 1;
        let sum = |order| found.moment(order).map_or(0.0, |moment| moment.days);
        self.sum_day_first += sum(DateOrder::DayFirst);
        self.sum_month_first += sum(DateOrder::MonthFirst);
        self.sum_hours += found.hour.unwrap_or(0.0);
        if self.example.is_none() {
            self.example = Some(text.into());
        }
    }

    pub(super) fn dates(&self) -> Dates {
        if self.is_broken || self.n == 0 {
            return Dates::None;
        }
        match (self.form, self.most_first > 12, self.most_second > 12) {
            (Some(Form::YearLast), true, true) => Dates::None,
            (Some(Form::YearLast), false, true) => Dates::Ordered(DateOrder::MonthFirst),
            (Some(Form::YearLast), false, false) if !self.has_dots => Dates::Ambiguous,
            _ => Dates::Ordered(DateOrder::DayFirst),
        }
    }

    /// Whether the year is last and the order of day and month is known from the cells.
    pub(super) fn tells_order(&self) -> Option<DateOrder> {
        match self.dates() {
            Dates::Ordered(order) if self.form == Some(Form::YearLast) => Some(order),
            _ => None,
        }
    }

    pub(super) fn has_date(&self) -> bool {
        self.form != Some(Form::TimeOnly)
    }

    pub(super) fn has_time(&self) -> bool {
        self.has_time
    }

    /// Mean day and mean hour.
    pub(super) fn mean(&self, order: DateOrder) -> Moment {
        let n = self.n.max(1) as f64;
        let days = match order {
            DateOrder::DayFirst => self.sum_day_first,
            DateOrder::MonthFirst => self.sum_month_first,
        };
        Moment { days: days / n, hour: self.sum_hours / n }
    }
}

/// The moment that `text` says, if it is one.
pub(super) fn parse(text: &str, order: DateOrder) -> Option<Moment> {
    written(text)?.moment(order)
}

impl Written {
    fn moment(&self, order: DateOrder) -> Option<Moment> {
        let (year, first, second) = self.numbers;
        let (month, day) = match (self.form, order) {
            (Form::TimeOnly, _) => return Some(Moment { days: 0.0, hour: self.hour? }),
            (Form::YearLast, DateOrder::DayFirst) => (second, first),
            _ => (first, second),
        };
        let is_day = (1..=12).contains(&month) && (1..=31).contains(&day);
        is_day.then(|| Moment {
            days: days_since_1970(year, month, day) as f64,
            hour: self.hour.unwrap_or(0.0),
        })
    }
}

/// Days since 1970-01-01 in the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days_since_1970(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let day_of_year =
        (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn written(text: &str) -> Option<Written> {
    // Most cells that are no dates end here.
    if text.len() < 4
        || text.len() > 40
        || !text.is_ascii()
        || !text.bytes().any(|b| b.is_ascii_digit())
    {
        return None;
    }
    if let Some(hour) = time(text) {
        return Some(Written {
            form: Form::TimeOnly,
            numbers: (0, 0, 0),
            hour: Some(hour),
            has_dots: false,
        });
    }
    if text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && let Some(found) = quarter(text).or_else(|| named_month(text))
    {
        return Some(found);
    }
    let (date, clock) = match text.find([' ', 'T']) {
        Some(end) => (&text[..end], Some(text[end + 1..].trim())),
        None => (text, None),
    };
    let hour = match clock {
        Some(clock) => Some(time(clock)?),
        None => None,
    };
    let separator = date.chars().find(|character| ['-', '/', '.'].contains(character))?;
    let parts: Vec<&str> = date.split(separator).collect();
    let number = |part: &str, lengths: std::ops::RangeInclusive<usize>| -> Option<u32> {
        let fits = lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| part.parse().ok()).flatten()
    };
    let has_dots = separator == '.';
    match *parts.as_slice() {
        [year, month] if year.len() == 4 && separator == '-' => {
            let month = number(month, 2..=2).filter(|month| (1..=12).contains(month))?;
            let numbers = (i64::from(number(year, 4..=4)?), month, 1);
            Some(Written { form: Form::YearFirst, numbers, hour, has_dots: false })
        }
        [year, month, day] if year.len() == 4 => {
            let month = number(month, 1..=2).filter(|month| (1..=12).contains(month))?;
            let day = number(day, 1..=2).filter(|day| (1..=31).contains(day))?;
            let numbers = (i64::from(number(year, 4..=4)?), month, day);
            Some(Written { form: Form::YearFirst, numbers, hour, has_dots: false })
        }
        [first, second, year] => {
            let in_range = |part: &str| number(part, 1..=2).filter(|n| (1..=31).contains(n));
            let (first, second) = (in_range(first)?, in_range(second)?);
            if first > 12 && second > 12 {
                return None;
            }
            let year = match year.len() {
                // A hyphen between pairs of digits is more often a code than a date.
                2 if separator != '-' => full_year(number(year, 2..=2)?),
                _ => i64::from(number(year, 4..=4)?),
            };
            Some(Written { form: Form::YearLast, numbers: (year, first, second), hour, has_dots })
        }
        _ => None,
    }
}

/// As POSIX reads two digits: 69 to 99 are of the last century.
fn full_year(two_digits: u32) -> i64 {
    i64::from(two_digits) + if two_digits >= 69 { 1900 } else { 2000 }
}

/// Year and quarter with a `Q` between or before them, and at most one separator.
fn quarter(text: &str) -> Option<Written> {
    let (before, after) = text.split_once(['q', 'Q'])?;
    let before = before.strip_suffix(['-', '/', ' ', '.', '_']).unwrap_or(before);
    let parts = if before.is_empty() {
        // Q4 2021
        after.split_at_checked(1)
    } else if before.len() == 1 {
        // 4Q2021
        Some((before, after))
    } else {
        // 2021-Q4
        Some((after, before))
    };
    let (number, year) = parts?;
    let year = year.strip_prefix(['-', '/', ' ', '.', '_']).unwrap_or(year);
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = number.parse().ok().filter(|number| (1..=4).contains(number))?;
    let year = year.parse().ok().filter(|_| is_year)?;
    let numbers = (year, 3 * number - 2, 1);
    Some(Written { form: Form::Quarter, numbers, hour: None, has_dots: false })
}

fn named_month(text: &str) -> Option<Written> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let (date, hour) = match text.find(':') {
        Some(colon) => {
            let start = text[..colon].rfind([' ', 'T'])?;
            (&text[..start], Some(time(text[start + 1..].trim())?))
        }
        None => (text, None),
    };
    let words: Vec<String> = date
        .split([' ', '-', ',', '/', '.'])
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let month = |word: &str| {
        let found = (word.len() >= 3).then(|| {
            MONTHS
                .iter()
                .position(|name| name.starts_with(word) || (word == "sept" && *name == "september"))
        });
        found.flatten().map(|index| index as u32 + 1)
    };
    let day = |word: &str| {
        let digits = word.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        let suffix = &word[digits.len()..];
        let fits = digits.len() <= 2 && ["", "st", "nd", "rd", "th"].contains(&suffix);
        fits.then(|| digits.parse::<u32>().ok()).flatten().filter(|day| (1..=31).contains(day))
    };
    let year = |word: &str| {
        let number = word.parse::<u32>().ok()?;
        match word.len() {
            4 => Some(i64::from(number)),
            2 => Some(full_year(number)),
            _ => None,
        }
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let numbers = match *words.as_slice() {
        [first, second, last] => match (month(first), month(second)) {
            (Some(month), _) => (year(last)?, month, day(second)?),
            (None, Some(month)) => (year(last)?, month, day(first)?),
            _ => return None,
        },
        [first, last] if last.len() == 4 => (year(last)?, month(first)?, 1),
        _ => return None,
    };
    Some(Written { form: Form::NamedMonth, numbers, hour, has_dots: false })
}

/// The hour of the day that a time such as `23:59`, `23:59:59.5Z` or `11:59 pm` says.
fn time(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let text = lower.trim_end_matches("utc").trim_end();
    let (text, afternoon) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(rest), _) => (rest.trim_end(), Some(false)),
        (_, Some(rest)) => (rest.trim_end(), Some(true)),
        _ => (text, None),
    };
    let text = text.strip_suffix('z').unwrap_or(text);
    // The zone of a column is the same nearly always; the clock's own time is what a person reads.
    let text = match text.rfind(['+', '-']) {
        Some(sign) if sign > 3 => {
            let zone = &text[sign + 1..];
            let fits = !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_digit() || b == b':');
            if fits { text[..sign].trim_end() } else { return None }
        }
        _ => text,
    };
    let parts: Vec<&str> = text.split(':').collect();
    let whole = |part: &str, most: f64| {
        let fits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| part.parse::<f64>().ok()).flatten().filter(|value| *value <= most)
    };
    let (hour, minute, second) = match *parts.as_slice() {
        [hour, minute] => (whole(hour, 24.0)?, whole(minute, 59.0)?, 0.0),
        [hour, minute, second] => {
            let seconds = second.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            let second = seconds.then(|| second.parse::<f64>().ok()).flatten();
            (whole(hour, 24.0)?, whole(minute, 59.0)?, second.filter(|value| *value < 61.0)?)
        }
        _ => return None,
    };
    let hour = match afternoon {
        Some(is_afternoon) if (1.0..=12.0).contains(&hour) => {
            hour % 12.0 + if is_afternoon { 12.0 } else { 0.0 }
        }
        Some(_) => return None,
        None => hour,
    };
    Some(hour + minute / 60.0 + second / 3600.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_dates_are_read() {
        for (text, order, days, hour) in [
            ("1970-01-01", DateOrder::DayFirst, 0.0, 0.0),
            ("2000-03-01", DateOrder::DayFirst, 11_017.0, 0.0),
            ("1969-12-31T12:30:00Z", DateOrder::DayFirst, -1.0, 12.5),
            ("2000/03/01 6:00 pm", DateOrder::DayFirst, 11_017.0, 18.0),
            ("1.3.2000", DateOrder::DayFirst, 11_017.0, 0.0),
            ("01/03/2000", DateOrder::DayFirst, 11_017.0, 0.0),
            ("03/01/00 0:00", DateOrder::MonthFirst, 11_017.0, 0.0),
            ("Mar 1, 2000", DateOrder::DayFirst, 11_017.0, 0.0),
            ("1-Mar-2000", DateOrder::DayFirst, 11_017.0, 0.0),
            ("1st March 2000 09:15", DateOrder::DayFirst, 11_017.0, 9.25),
            ("March 2000", DateOrder::DayFirst, 11_017.0, 0.0),
            ("2000-03", DateOrder::DayFirst, 11_017.0, 0.0),
            ("1970-Q1", DateOrder::DayFirst, 0.0, 0.0),
            ("Q2 1970", DateOrder::DayFirst, 90.0, 0.0),
            ("1970Q3", DateOrder::DayFirst, 181.0, 0.0),
            ("q4/1970", DateOrder::DayFirst, 273.0, 0.0),
            ("4Q1970", DateOrder::DayFirst, 273.0, 0.0),
            ("1971 Q1", DateOrder::DayFirst, 365.0, 0.0),
            ("12:45", DateOrder::DayFirst, 0.0, 12.75),
            ("12:45 am", DateOrder::DayFirst, 0.0, 0.75),
        ] {
            assert_eq!(parse(text, order), Some(Moment { days, hour }), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_left_alone() {
        for text in [
            "12",
            "1.5",
            "2021",
            "may",
            "10.0.0.1",
            "32.1.2020",
            "2020-13-01",
            "555-12-34",
            "a-b-c",
            "3:4:5:6",
            "25:99",
            "12-05-99",
            "31/31/2020",
            "Bern 12 3",
            "2020-Q5",
            "Q0 2020",
            "Q1",
            "Q12020 a",
            "FAQ 1 2020",
            "2020-Q11",
            "202-Q1",
        ] {
            assert_eq!(parse(text, DateOrder::DayFirst), None, "{text}");
        }
    }

    #[test]
    fn the_order_of_day_and_month_follows_from_the_column() {
        let of = |texts: &[&str]| {
            let mut survey = DateSurvey::default();
            texts.iter().for_each(|text| survey.add(text));
            survey.dates()
        };
        assert_eq!(of(&["1/2/2020", "31/3/2020"]), Dates::Ordered(DateOrder::DayFirst));
        assert_eq!(of(&["1/2/2020", "3/31/2020"]), Dates::Ordered(DateOrder::MonthFirst));
        assert_eq!(of(&["1/2/2020", "3/4/2020"]), Dates::Ambiguous);
        assert_eq!(of(&["1.2.2020", "3.4.2020"]), Dates::Ordered(DateOrder::DayFirst));
        assert_eq!(of(&["1/20/2020", "31/3/2020"]), Dates::None);
        assert_eq!(of(&["2020-01-02", "x"]), Dates::None);
    }
}
