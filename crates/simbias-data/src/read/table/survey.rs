//! The first pass: what the columns hold and which cells are missing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Cell, Meaning, Roles, TableSource,
    date::{DateSurvey, Moment},
    index::Counter,
    meaning::{Look, Reading, look},
    number::NumberSurvey,
};
use crate::{
    DataError,
    read::{Missing, ReadOptions},
};

/// What the first pass learns about one column.
#[derive(Clone, Debug, Default)]
pub(in crate::read) struct Survey {
    /// Numbers of a file with types.
    pub(super) n_typed: usize,
    pub(super) sum_typed: f64,
    pub(super) not_finite: Option<(usize, f64)>,
    /// Dates of a file with types.
    pub(super) n_moments: usize,
    pub(super) sum_moments: Moment,
    has_typed_time: bool,
    /// Whether the texts come from a file with types.
    pub(super) are_typed_texts: bool,
    pub(super) numbers: NumberSurvey,
    pub(super) dates: DateSurvey,
    pub(super) has_bytes: bool,
    /// Distinct texts, at most one more than allowed, and the last one that was new.
    pub(super) texts: BTreeSet<String>,
    pub(super) last_text: Option<(usize, String)>,
    /// Words that mean missing among numbers, and how often they occur.
    pub(super) words: BTreeMap<String, usize>,
    pub(super) counter: Counter,
}

impl Survey {
    pub(super) fn has_date(&self) -> bool {
        self.n_moments > 0 || self.dates.has_date()
    }

    pub(super) fn has_time(&self) -> bool {
        self.has_typed_time || self.dates.has_time()
    }
}

/// One bit per row, set where a cell is missing.
#[derive(Clone, Debug, Default)]
struct Rows(Vec<u64>);

impl Rows {
    fn set(&mut self, row: usize) {
        if self.0.len() <= row / 64 {
            self.0.resize(row / 64 + 1, 0);
        }
        self.0[row / 64] |= 1 << (row % 64);
    }

    fn has(&self, row: usize) -> bool {
        self.0.get(row / 64).is_some_and(|bits| bits >> (row % 64) & 1 == 1)
    }
}

/// What the first pass learns about one file.
pub(in crate::read) struct FileSurvey {
    pub(in crate::read) n_rows: usize,
    /// Empty cells of every column, and those with a word that means missing among numbers.
    empty: Vec<Rows>,
    words: Vec<Rows>,
}

impl FileSurvey {
    /// Whether the cell is missing.
    pub(in crate::read) fn is_missing(&self, meaning: &Meaning, row: usize, column: usize) -> bool {
        let counts = meaning.reading(column) != Reading::Text;
        self.empty[column].has(row) || (counts && self.words[column].has(row))
    }

    /// Whether the row lacks a cell of `columns`.
    pub(in crate::read) fn lacks(&self, meaning: &Meaning, row: usize, columns: &[usize]) -> bool {
        columns.iter().any(|&column| self.is_missing(meaning, row, column))
    }
}

/// Surveys one file; `surveys` collect what all files of a source hold.
pub(in crate::read) fn survey(
    source: &dyn TableSource,
    roles: &Roles,
    options: &ReadOptions,
    surveys: &mut [Survey],
) -> Result<FileSurvey, DataError> {
    let n_columns = source.columns().len();
    let mut wanted = roles.wanted(n_columns);
    for (column, is_wanted) in wanted.iter_mut().enumerate() {
        *is_wanted &= source.unreadable(column).is_none();
    }
    let mut empty = vec![Rows::default(); n_columns];
    let mut words = vec![Rows::default(); n_columns];
    let n_rows = source.visit(&wanted, &mut |row, column, cell| {
        let survey = &mut surveys[column];
        let text = match cell {
            Cell::Missing => {
                empty[column].set(row);
                survey.counter.add(row, None);
                return Ok(());
            }
            Cell::Number(value) if value.is_nan() => {
                empty[column].set(row);
                survey.counter.add(row, None);
                return Ok(());
            }
            Cell::Number(value) => {
                survey.n_typed += 1;
                survey.sum_typed += value;
                survey.counter.add(row, Some(value));
                if !(value as f32).is_finite() && survey.not_finite.is_none() {
                    survey.not_finite = Some((row, value));
                }
                return Ok(());
            }
            Cell::Moment(moment) => {
                survey.n_moments += 1;
                survey.sum_moments.days += moment.days;
                survey.sum_moments.hour += moment.hour;
                survey.has_typed_time |= moment.hour != 0.0;
                survey.counter.add(row, None);
                return Ok(());
            }
            Cell::Bytes(_) => {
                survey.has_bytes = true;
                return Ok(());
            }
            Cell::Text(text) => {
                survey.are_typed_texts = true;
                text
            }
            Cell::Raw(text) => text,
        };
        let is_typed = matches!(cell, Cell::Text(_));
        match look(options.missing_values.as_deref(), text) {
            // A file with types says itself what is missing.
            Look::Missing if !(is_typed && text.is_empty()) => {
                empty[column].set(row);
                survey.counter.add(row, None);
                return Ok(());
            }
            Look::Word => {
                words[column].set(row);
                survey.counter.add(row, None);
                match survey.words.get_mut(text) {
                    Some(count) => *count += 1,
                    None => {
                        survey.words.insert(text.into(), 1);
                    }
                }
                return Ok(());
            }
            _ => {}
        }
        survey.numbers.add(row, text);
        survey.dates.add(text);
        survey.counter.add(row, text.parse().ok());
        if survey.texts.len() <= options.max_categories && !survey.texts.contains(text) {
            survey.texts.insert(text.into());
            survey.last_text = Some((row, text.chars().take(40).collect()));
        }
        Ok(())
    })?;
    Ok(FileSurvey { n_rows, empty, words })
}

/// Refuses missing cells where the options want none; names the first one and every column that has some.
pub(in crate::read) fn check_missing(
    source: &dyn TableSource,
    files: &[FileSurvey],
    meaning: &Meaning,
    label: Option<usize>,
    used: &[usize],
    options: &ReadOptions,
) -> Result<(), DataError> {
    let checked: Vec<usize> = match options.missing {
        Missing::Drop => return Ok(()),
        Missing::Error => used.to_vec(),
        Missing::Mean | Missing::Keep | Missing::Indicate => label.into_iter().collect(),
    };
    let mut first: Option<(usize, usize)> = None;
    let mut counts: Vec<(String, usize)> = Vec::new();
    for &column in &checked {
        let mut n_missing = 0;
        let mut before = 0;
        for file in files {
            for row in (0..file.n_rows).filter(|&row| file.is_missing(meaning, row, column)) {
                n_missing += 1;
                if first.is_none_or(|(earliest, _)| before + row < earliest) {
                    first = Some((before + row, column));
                }
            }
            before += file.n_rows;
        }
        if n_missing > 0 {
            counts.push((source.columns()[column].clone(), n_missing));
        }
    }
    match first {
        Some((row, column)) => Err(DataError::MissingValue {
            file: source.file().into(),
            row: row + 1,
            column: source.columns()[column].clone(),
            columns: counts,
        }),
        None => Ok(()),
    }
}
