//! What the cells of a column mean: numbers, dates or texts, and which are missing. Decided after the first pass, for
//! all columns together.

use std::path::Path;

use simbias_report::Caveat;

use super::{
    Cell, Roles, TableSource, date,
    date::{Dates, Moment},
    index::row_index,
    number::{self, Marks},
    survey::Survey,
};
use crate::{
    DataError, UnusableColumn, UnusableKind,
    read::{DateOrder, DecimalMark, MISSING_WORDS, Missing, ReadOptions},
};

/// A column whose cells are numbers in this share or more, with more different ones than [`FEW_CATEGORIES`], holds
/// numbers with a few odd cells; as categories it would swamp the other inputs.
const MOSTLY: f64 = 0.8;
const FEW_CATEGORIES: usize = 20;
/// The same for numbers with marks of their own, which nobody writes for categories.
const HALF: f64 = 0.5;
/// Texts that differ in this share of the rows are names of the rows.
const NEARLY_ALL: f64 = 0.95;
/// Columns named in one remark.
const SHOWN: usize = 8;

/// How the cells of one column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::read) enum Reading {
    Number(DecimalMark),
    Date(DateOrder),
    Text,
}

/// The meaning of all cells of a table.
#[derive(Clone, Debug)]
pub(in crate::read) struct Meaning {
    readings: Vec<Reading>,
    missing_values: Option<Vec<String>>,
}

/// What a written cell is before its column is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Missing,
    /// A word that means missing among numbers.
    Word,
    Value,
}

/// `words` are those of the user, if any.
pub(super) fn look(words: Option<&[String]>, text: &str) -> Look {
    match words {
        _ if text.is_empty() => Look::Missing,
        Some(words) if words.iter().any(|word| word == text) => Look::Missing,
        None if MISSING_WORDS.contains(&text) => Look::Word,
        _ => Look::Value,
    }
}

impl Meaning {
    pub(in crate::read) fn reading(&self, column: usize) -> Reading {
        self.readings[column]
    }

    /// A cell of `column` as missing, number, moment, text or bytes.
    pub(in crate::read) fn read<'a>(&self, column: usize, cell: Cell<'a>) -> Cell<'a> {
        let reading = self.readings[column];
        let text = match cell {
            Cell::Number(value) if value.is_nan() => return Cell::Missing,
            Cell::Raw(text) => text,
            // Only text files have no other way to write a missing cell.
            Cell::Text("") if reading == Reading::Text => return cell,
            Cell::Text(text) => text,
            other => return other,
        };
        match (look(self.missing_values.as_deref(), text), reading) {
            (Look::Missing, _) => Cell::Missing,
            (_, Reading::Text) => Cell::Text(text),
            (Look::Word, _) => Cell::Missing,
            (Look::Value, Reading::Number(mark)) => {
                number::parse(text, mark).map_or(Cell::Missing, Cell::Number)
            }
            (Look::Value, Reading::Date(order)) => {
                date::parse(text, order).map_or(Cell::Missing, Cell::Moment)
            }
        }
    }
}

/// What was decided about the columns.
pub(in crate::read) struct Decided {
    pub(in crate::read) meaning: Meaning,
    /// The columns that remain inputs.
    pub(in crate::read) features: Vec<usize>,
    pub(in crate::read) notes: Vec<Caveat>,
}

/// Decides what the columns of `n_rows` rows mean and which of them are inputs.
pub(in crate::read) fn decide(
    source: &dyn TableSource,
    roles: &Roles,
    surveys: &[Survey],
    n_rows: usize,
    options: &ReadOptions,
) -> Result<Decided, DataError> {
    let (file, columns) = (source.file(), source.columns());
    let mut notes = source.notes().to_vec();
    let habits = Habits::of(source, roles, surveys, options);
    let mut readings = vec![Reading::Text; columns.len()];
    let mut unusable: Vec<(usize, UnusableColumn)> = Vec::new();
    for column in roles.all() {
        let is_feature = roles.features.contains(&column);
        let is_text = options.as_text.contains(&columns[column]);
        let found = match (is_text, source.unreadable(column).filter(|_| is_feature)) {
            (true, None) => Ok(Reading::Text),
            (_, Some(problem)) => Err((UnusableKind::Type, problem.to_string())),
            (false, None) => habits.reading(&surveys[column], is_feature),
        };
        // Where nothing is to be read, or cells may stay missing, an empty column is as good as any.
        let may_be_empty = n_rows == 0 || options.missing == Missing::Keep;
        let found = match found {
            Err((UnusableKind::Empty, _)) if may_be_empty => {
                Ok(Reading::Number(DecimalMark::Point))
            }
            other => other,
        };
        let found = match found {
            Ok(Reading::Text) if is_feature => {
                check_categories(&surveys[column], is_text, options).map(|()| Reading::Text)
            }
            other => other,
        };
        match found {
            Ok(reading) => readings[column] = reading,
            Err((kind, problem)) if is_feature => {
                let name = columns[column].clone();
                unusable.push((column, UnusableColumn { name, problem, kind }));
            }
            // Labels and groups that nobody can read as numbers are names.
            Err((UnusableKind::DecimalMark, problem)) => {
                return Err(DataError::option(
                    file,
                    format!("column {:?} {problem}", columns[column]),
                ));
            }
            Err(_) => {}
        }
    }
    let (indices, remarks) = row_index(source, roles, surveys, options);
    notes.extend(remarks);
    unusable.retain(|(column, _)| !indices.contains(column));
    // A column of an export that has neither name nor cells is an artefact of its delimiters.
    let is_artefact = |(column, found): &(usize, UnusableColumn)| {
        let has_no_name = source.is_unnamed(*column) || found.name.starts_with("Unnamed: ");
        found.kind == UnusableKind::Empty && has_no_name && !roles.are_named
    };
    let (artefacts, unusable): (Vec<_>, Vec<_>) = unusable.into_iter().partition(is_artefact);
    let mut left_out: Vec<usize> = indices;
    left_out.extend(artefacts.iter().map(|(column, _)| *column));
    if !unusable.is_empty() {
        if !options.drop_unusable {
            let columns = unusable.into_iter().map(|(_, found)| found).collect();
            return Err(DataError::Unusable { file: file.into(), columns });
        }
        left_out.extend(unusable.iter().map(|(column, _)| *column));
    }
    let reasons: Vec<String> = artefacts
        .iter()
        .chain(&unusable)
        .map(|(_, found)| format!("{:?} {}", found.name, found.problem))
        .collect();
    if !reasons.is_empty() {
        notes.push(Caveat::caution(
            "unusable-columns",
            format!("Unusable columns were left out: {}.", reasons.join("; ")),
        ));
    }
    let features: Vec<usize> =
        roles.features.iter().copied().filter(|column| !left_out.contains(column)).collect();
    let in_use = |column: &usize| !left_out.contains(column);
    let used: Vec<usize> = roles.all().into_iter().filter(in_use).collect();
    notes.extend(remarks_on_numbers(file, columns, &used, &readings, surveys));
    notes.extend(remarks_on_words(columns, &used, &readings, surveys));
    let meaning = Meaning { readings, missing_values: options.missing_values.clone() };
    Ok(Decided { meaning, features, notes })
}

/// How this file writes decimals and dates, from the columns that leave no choice.
struct Habits {
    decimal_mark: Option<DecimalMark>,
    /// Whether the mark is the user's word.
    is_given: bool,
    /// Whether a point may well separate thousands, as in files between semicolons.
    suggests_comma: bool,
    date_order: Option<DateOrder>,
}

impl Habits {
    fn of(
        source: &dyn TableSource,
        roles: &Roles,
        surveys: &[Survey],
        options: &ReadOptions,
    ) -> Self {
        let has = |wanted: Marks| {
            roles.all().iter().any(|&column| surveys[column].numbers.marks() == wanted)
        };
        let marks = (has(Marks::Only(DecimalMark::Point)), has(Marks::Only(DecimalMark::Comma)));
        let from_columns = match marks {
            (true, false) => Some(DecimalMark::Point),
            (false, true) => Some(DecimalMark::Comma),
            _ => None,
        };
        let mut orders = roles.all().into_iter().filter_map(|column| {
            let dates = &surveys[column].dates;
            dates.tells_order()
        });
        let first_order = orders.next();
        let date_order = first_order.filter(|order| orders.all(|other| other == *order));
        Self {
            decimal_mark: options.decimal_mark.or(from_columns),
            is_given: options.decimal_mark.is_some(),
            suggests_comma: source.suggests_comma(),
            date_order: options.date_order.or(date_order),
        }
    }

    /// How a column is read, or why it cannot be.
    fn reading(
        &self,
        survey: &Survey,
        is_feature: bool,
    ) -> Result<Reading, (UnusableKind, String)> {
        let numbers = &survey.numbers;
        if survey.has_bytes {
            return Err((UnusableKind::Type, "holds bytes".into()));
        }
        if survey.n_typed > 0 {
            return match survey.not_finite {
                Some((row, value)) if is_feature => Err(not_finite(row, value)),
                _ => Ok(Reading::Number(DecimalMark::Point)),
            };
        }
        if survey.n_moments > 0 {
            return Ok(Reading::Date(DateOrder::DayFirst));
        }
        if numbers.n_cells == 0 {
            let words: Vec<&str> = survey.words.keys().map(String::as_str).collect();
            return match words.as_slice() {
                [] => Err((UnusableKind::Empty, "holds no value".into())),
                // A column of nothing but such words is empty, unless they differ.
                [word] if is_feature => {
                    Err((UnusableKind::Empty, format!("holds no value but {word:?}")))
                }
                _ => Ok(Reading::Text),
            };
        }
        // Texts of a file with types are numbers only if they hold decimals or separators.
        let are_codes = survey.are_typed_texts && numbers.n_whole == numbers.n_cells;
        let mark = match numbers.marks() {
            _ if are_codes => None,
            Marks::Text => None,
            Marks::Only(mark) => Some(mark),
            Marks::Either => Some(DecimalMark::Point),
            Marks::AmbiguousPoint if self.decimal_mark.is_none() && !self.suggests_comma => {
                Some(DecimalMark::Point)
            }
            Marks::AmbiguousPoint | Marks::AmbiguousComma => match self.decimal_mark {
                Some(mark) => Some(mark),
                None => {
                    let example = numbers.ambiguous.as_deref().unwrap_or_default();
                    return Err((
                        UnusableKind::DecimalMark,
                        format!(
                            "holds numbers such as {example:?}, whose mark may separate decimals or thousands; say which"
                        ),
                    ));
                }
            },
        };
        // The user's mark wins wherever the column allows it.
        let mark = match (mark, self.decimal_mark) {
            (Some(_), Some(given)) if self.is_given && numbers.fits(given) => Some(given),
            (mark, _) => mark,
        };
        if let Some(mark) = mark {
            return match numbers.not_finite {
                Some((row, value)) if is_feature => Err(not_finite(row, value)),
                _ => Ok(Reading::Number(mark)),
            };
        }
        match survey.dates.dates() {
            // Labels and groups stay as they are written.
            _ if !is_feature => Ok(Reading::Text),
            Dates::Ordered(order) => Ok(Reading::Date(order)),
            Dates::Ambiguous => match self.date_order {
                Some(order) => Ok(Reading::Date(order)),
                None => Err((
                    UnusableKind::DateOrder,
                    format!(
                        "holds dates such as {:?}, which may begin with the day or the month; say which",
                        survey.dates.example.as_deref().unwrap_or_default()
                    ),
                )),
            },
            Dates::None if are_codes => Ok(Reading::Text),
            Dates::None => check_mixed(survey).map(|()| Reading::Text),
        }
    }
}

fn not_finite(row: usize, value: f64) -> (UnusableKind, String) {
    (
        UnusableKind::NotFinite,
        format!(
            "is {value} in row {}, but every input must be a finite 32-bit number: repair or drop that row",
            row + 1
        ),
    )
}

/// Refuses numbers that a few odd cells would turn into categories.
fn check_mixed(survey: &Survey) -> Result<(), (UnusableKind, String)> {
    let numbers = &survey.numbers;
    let n_numbers = numbers.n_point.max(numbers.n_comma);
    let is_at_least = |share: f64| n_numbers as f64 >= share * numbers.n_cells as f64;
    let has_marks = numbers.n_plain < n_numbers && is_at_least(HALF);
    let is_number = is_at_least(MOSTLY) && survey.texts.len() > FEW_CATEGORIES;
    if n_numbers == 0 || !(has_marks || is_number) {
        return Ok(());
    }
    let problem = match &numbers.first_text {
        Some((row, text)) => format!(
            "holds numbers, but also texts such as {text:?} in row {} ({} of {} cells); say that they mean missing, or \
             that the column is text",
            row + 1,
            numbers.n_texts,
            numbers.n_cells
        ),
        None => format!(
            "holds numbers with decimal points and with decimal commas, such as {:?}; write them alike",
            numbers.example.as_deref().unwrap_or_default()
        ),
    };
    Err((UnusableKind::Mixed, problem))
}

/// Refuses texts that name the rows instead of describing them; `is_wanted` if the user wants them as texts.
fn check_categories(
    survey: &Survey,
    is_wanted: bool,
    options: &ReadOptions,
) -> Result<(), (UnusableKind, String)> {
    let n_texts = survey.texts.len();
    if n_texts > options.max_categories {
        let (row, text) = survey.last_text.clone().unwrap_or_default();
        return Err((
            UnusableKind::Identifier,
            format!(
                "holds texts with more than {} distinct values (row {}: {text:?}), which looks like an identifier or \
                 free text",
                options.max_categories,
                row + 1,
            ),
        ));
    }
    let n_cells = survey.numbers.n_cells;
    if !is_wanted && n_texts > FEW_CATEGORIES && n_texts as f64 >= NEARLY_ALL * n_cells as f64 {
        return Err((
            UnusableKind::Identifier,
            format!(
                "holds another text in nearly every row ({n_texts} in {n_cells}), as an identifier does"
            ),
        ));
    }
    Ok(())
}

/// Which numbers and dates were written in a way of their own.
fn remarks_on_numbers(
    file: &Path,
    columns: &[String],
    used: &[usize],
    readings: &[Reading],
    surveys: &[Survey],
) -> Vec<Caveat> {
    let named = |wanted: &dyn Fn(usize) -> Option<String>| -> Vec<String> {
        let found = used.iter().filter_map(|&column| {
            wanted(column).map(|example| format!("{:?} ({example})", columns[column]))
        });
        found.collect()
    };
    let example = |column: usize, mark: DecimalMark| -> Option<String> {
        let numbers = &surveys[column].numbers;
        let is_read = readings[column] == Reading::Number(mark) && numbers.n_cells > 0;
        let is_plain = numbers.n_plain == numbers.n_cells
            && (mark == DecimalMark::Point || numbers.marks() != Marks::AmbiguousPoint);
        (is_read && !is_plain).then(|| numbers.example.clone().unwrap_or_default())
    };
    let commas = named(&|column| example(column, DecimalMark::Comma));
    let points = named(&|column| example(column, DecimalMark::Point));
    let dates = named(&|column| match readings[column] {
        Reading::Date(_) => {
            let survey = &surveys[column];
            let example = survey.dates.example.clone().unwrap_or_else(|| "a date".into());
            Some(match (survey.has_date(), survey.has_time()) {
                (true, true) => format!("{example}: days and hours"),
                (true, false) => format!("{example}: days"),
                (false, _) => format!("{example}: hours"),
            })
        }
        _ => None,
    });
    let mut notes = Vec::new();
    if !commas.is_empty() {
        notes.push(Caveat::note(
            "decimal-comma",
            format!("Numbers with a decimal comma in {file:?}: {}.", shown(&commas)),
        ));
    }
    if !points.is_empty() {
        notes.push(Caveat::note(
            "number-format",
            format!(
                "Numbers with separated thousands or a unit in {file:?}, read without them: {}.",
                shown(&points)
            ),
        ));
    }
    if !dates.is_empty() {
        notes.push(Caveat::note(
            "dates",
            format!(
                "Dates became numbers, the days since 1970-01-01 and the hour of the day: {}.",
                shown(&dates)
            ),
        ));
    }
    notes
}

/// Words for missing cells that are values here.
fn remarks_on_words(
    columns: &[String],
    used: &[usize],
    readings: &[Reading],
    surveys: &[Survey],
) -> Option<Caveat> {
    let found: Vec<String> = used
        .iter()
        .filter(|&&column| readings[column] == Reading::Text && !surveys[column].words.is_empty())
        .map(|&column| {
            let words: Vec<String> = surveys[column]
                .words
                .iter()
                .map(|(word, count)| format!("{word:?} in {count} cells"))
                .collect();
            format!("{:?} ({})", columns[column], words.join(", "))
        })
        .collect();
    (!found.is_empty()).then(|| {
        Caveat::note(
            "words-as-values",
            format!(
                "In columns of texts, words such as None and NA are values like any other: {}. Name them as missing \
                 values if they mean that nothing is known.",
                shown(&found)
            ),
        )
    })
}

fn shown(words: &[String]) -> String {
    let more = words.len().saturating_sub(SHOWN);
    let text = words[..words.len() - more].join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// The mean of a column's numbers.
pub(super) fn mean_number(survey: &Survey, mark: DecimalMark) -> f64 {
    if survey.n_typed > 0 {
        survey.sum_typed / survey.n_typed as f64
    } else {
        survey.numbers.mean(mark)
    }
}

/// The mean of a column's dates.
pub(super) fn mean_moment(survey: &Survey, order: DateOrder) -> Moment {
    match survey.n_moments {
        0 => survey.dates.mean(order),
        n => Moment {
            days: survey.sum_moments.days / n as f64,
            hour: survey.sum_moments.hour / n as f64,
        },
    }
}
