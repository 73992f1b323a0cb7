//! The first pass: what the columns hold and which rows lack a cell.

use std::collections::BTreeSet;

use super::{Cell, Roles, TableSource};
use crate::{
    DataError,
    read::{Missing, ReadOptions},
};

/// What the first pass learns about one column.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    pub(super) n_numbers: usize,
    pub(super) sum: f64,
    pub(super) has_text: bool,
    /// Distinct texts, at most one more than allowed.
    pub(super) texts: BTreeSet<String>,
}

/// What the first pass learns about one file.
pub(super) struct FileSurvey {
    pub(super) n_rows: usize,
    /// Rows with a missing cell in a column in use.
    pub(super) missing: Vec<bool>,
}

pub(super) fn survey(
    source: &dyn TableSource,
    roles: &Roles,
    options: &ReadOptions,
    surveys: &mut [Survey],
) -> Result<FileSurvey, DataError> {
    let columns = source.columns();
    let wanted = roles.wanted(columns.len());
    let mut is_feature = vec![false; columns.len()];
    for &column in &roles.features {
        is_feature[column] = true;
    }
    let mut missing: Vec<bool> = Vec::new();
    let mut first_missing: Option<(usize, usize)> = None;
    let n_rows = source.visit(&wanted, &mut |row, column, cell| {
        let survey = &mut surveys[column];
        let meaning = cell.read();
        match meaning {
            Cell::Missing => {
                if missing.len() <= row {
                    missing.resize(row + 1, false);
                }
                missing[row] = true;
                let must_stop = options.missing == Missing::Error
                    || (options.missing == Missing::Mean && roles.label == Some(column));
                if must_stop && first_missing.is_none_or(|(first, _)| row < first) {
                    first_missing = Some((row, column));
                }
            }
            Cell::Number(value) => {
                if is_feature[column] && !(value as f32).is_finite() {
                    return Err(DataError::NotFinite {
                        file: source.file().into(),
                        row: row + 1,
                        column: columns[column].clone(),
                        value,
                    });
                }
                survey.n_numbers += 1;
                survey.sum += value;
            }
            Cell::Bytes(_) => {
                return Err(DataError::option(
                    source.file(),
                    format!("column {:?} holds bytes; leave it out", columns[column]),
                ));
            }
            Cell::Text(_) | Cell::Raw(_) => survey.has_text = true,
        }
        let may_be_category = matches!(cell, Cell::Raw(_) | Cell::Text(_));
        if is_feature[column] && may_be_category && !matches!(meaning, Cell::Missing) {
            let text = cell.text();
            if survey.texts.len() <= options.max_categories && !survey.texts.contains(&*text) {
                survey.texts.insert(text.into_owned());
            }
            if survey.has_text && survey.texts.len() > options.max_categories {
                return Err(DataError::option(
                    source.file(),
                    format!(
                        "column {:?} holds texts with more than {} distinct values (row {}: {:?}), which looks like \
                         an identifier or free text; leave it out or allow more categories",
                        columns[column],
                        options.max_categories,
                        row + 1,
                        shortened(&cell.text()),
                    ),
                ));
            }
        }
        Ok(())
    })?;
    if let Some((row, column)) = first_missing {
        return Err(DataError::MissingValue {
            file: source.file().into(),
            row: row + 1,
            column: columns[column].clone(),
        });
    }
    missing.resize(n_rows, false);
    Ok(FileSurvey { n_rows, missing })
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
