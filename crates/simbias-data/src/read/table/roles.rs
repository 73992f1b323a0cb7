//! Which columns of a table are labels, strata, weights and inputs.

use std::path::Path;

use super::TableSource;
use crate::{
    DataError,
    read::{Features, LabelSource, ReadOptions, options::is_label_name},
};

/// Which columns are labels, strata, weights and inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::read) struct Roles {
    pub(in crate::read) label: Option<usize>,
    pub(in crate::read) strata: Vec<usize>,
    pub(in crate::read) weights: Option<usize>,
    pub(in crate::read) features: Vec<usize>,
    /// Whether the user named every input.
    pub(in crate::read) are_named: bool,
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
        let weights =
            options.weights.as_ref().map(|name| find("weight column", name)).transpose()?;
        for name in &options.as_text {
            find("text column", name)?;
        }
        for name in &options.keep {
            find("column to keep", name)?;
        }
        if weights.is_some() && weights == label {
            return Err(DataError::option(file, "the labels cannot be the weights as well"));
        }
        let reserved = |column: usize| {
            Some(column) == label
                || Some(column) == weights
                || strata.contains(&column)
                || taken.contains(&column)
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
                    .collect()
            }
            Features::All => (0..columns.len()).filter(|&column| !reserved(column)).collect(),
        };
        if let Some(&both) = features.iter().find(|&&column| Some(column) == label) {
            return Err(DataError::option(
                file,
                format!("column {:?} cannot be label and input at once", columns[both]),
            ));
        }
        let are_named = matches!(options.features, Features::Only(_));
        Ok(Self { label, strata, weights, features, are_named })
    }

    /// All columns in use, in the order of the file.
    pub(in crate::read) fn all(&self) -> Vec<usize> {
        let columns = self.features.iter().chain(&self.strata).chain(&self.label);
        let mut all: Vec<usize> = columns.chain(&self.weights).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(in crate::read) fn wanted(&self, n_columns: usize) -> Vec<bool> {
        let mut wanted = vec![false; n_columns];
        for column in self.all() {
            wanted[column] = true;
        }
        wanted
    }
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
