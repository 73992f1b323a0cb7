//! Which columns of a table are labels, strata and inputs.

use std::path::Path;

use super::TableSource;
use crate::{
    DataError,
    read::{Features, LabelSource, ReadOptions, options::is_label_name},
};

/// Which columns are labels, strata and inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::read) struct Roles {
    pub(in crate::read) label: Option<usize>,
    pub(in crate::read) strata: Vec<usize>,
    pub(in crate::read) features: Vec<usize>,
}

impl Roles {
    /// Resolves the names in `options` against the columns of `source`; columns in `taken` are not inputs.
    pub(in crate::read) fn new(
        source: &dyn TableSource,
        options: &ReadOptions,
        taken: &[usize],
    ) -> Result<Self, DataError> {
        let (file, columns) = (source.file(), source.columns());
        let find = |role: &'static str, name: &str| {
            columns
                .iter()
                .position(|column| column == name)
                .ok_or_else(|| DataError::no_such_name(file, role, name, columns))
        };
        let label = match &options.labels {
            Some(LabelSource::Named(name)) => Some(find("label column", name)?),
            Some(LabelSource::File(_)) => None,
            None => {
                let usual = |&column: &usize| is_label_name(&columns[column]);
                let guess = (0..columns.len()).find(usual);
                Some(guess.ok_or_else(|| DataError::NoLabels {
                    file: file.into(),
                    available: columns.to_vec(),
                })?)
            }
        };
        let strata = options
            .strata
            .iter()
            .map(|name| find("stratum column", name))
            .collect::<Result<Vec<_>, _>>()?;
        let reserved = |column: usize| {
            Some(column) == label || strata.contains(&column) || taken.contains(&column)
        };
        let features = match &options.features {
            Features::Only(wanted) => wanted
                .iter()
                .map(|name| find("input column", name))
                .collect::<Result<Vec<_>, _>>()?,
            Features::AllBut(unwanted) => {
                let unwanted = unwanted
                    .iter()
                    .map(|name| find("column to leave out", name))
                    .collect::<Result<Vec<_>, _>>()?;
                (0..columns.len())
                    .filter(|column| !reserved(*column) && !unwanted.contains(column))
                    .filter(|&column| !is_row_index(columns, column))
                    .collect()
            }
            Features::All => (0..columns.len())
                .filter(|&column| !reserved(column) && !is_row_index(columns, column))
                .collect(),
        };
        if let Some(&both) = features.iter().find(|&&column| Some(column) == label) {
            return Err(DataError::option(
                file,
                format!("column {:?} cannot be label and input at once", columns[both]),
            ));
        }
        Ok(Self { label, strata, features })
    }

    pub(in crate::read) fn wanted(&self, n_columns: usize) -> Vec<bool> {
        let mut wanted = vec![false; n_columns];
        for &column in self.features.iter().chain(&self.strata).chain(&self.label) {
            wanted[column] = true;
        }
        wanted
    }
}

/// The row index that pandas writes: an unnamed first column. As an input it would leak the order of the rows.
fn is_row_index(columns: &[String], column: usize) -> bool {
    (column == 0 && columns[0].is_empty()) || columns[column].starts_with("__index_level_")
}

/// Refuses two columns of the same name.
pub(in crate::read) fn check_distinct(file: &Path, columns: &[String]) -> Result<(), DataError> {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|&left, &right| columns[left].cmp(&columns[right]));
    match order.windows(2).find(|pair| columns[pair[0]] == columns[pair[1]]) {
        Some(pair) => Err(DataError::DuplicateColumn {
            file: file.into(),
            name: columns[pair[0]].clone(),
            first: pair[0] + 1,
            second: pair[1] + 1,
        }),
        None => Ok(()),
    }
}
