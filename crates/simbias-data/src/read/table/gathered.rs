//! Label, stratum and weight columns, gathered cell by cell.

use super::{Cell, Meaning, Roles, TableSource, meaning::Reading};
use crate::{
    ClassLabels, DataError, Stratum,
    read::{
        ReadOptions,
        labels::{RawLabels, TextCodes, row_weights},
        read_array,
    },
};

/// The label, the strata and the weights of a table's rows.
pub(in crate::read) struct GatheredColumns<'r> {
    roles: &'r Roles,
    meaning: &'r Meaning,
    label: Option<Gathered>,
    strata: Vec<Gathered>,
    weights: Option<Gathered>,
}

/// What was gathered.
pub(in crate::read) struct Aside {
    pub(in crate::read) labels: RawLabels,
    pub(in crate::read) strata: Vec<Stratum>,
    pub(in crate::read) weights: Option<Vec<f32>>,
}

impl<'r> GatheredColumns<'r> {
    /// Nothing gathered yet.
    pub(in crate::read) fn new(roles: &'r Roles, meaning: &'r Meaning) -> Self {
        let gathered = |&column: &usize| Gathered::new(meaning.reading(column));
        let label = roles.label.as_ref().map(gathered);
        let strata = roles.strata.iter().map(gathered).collect();
        Self { roles, meaning, label, strata, weights: roles.weights.as_ref().map(gathered) }
    }

    /// The next kept cell of a column; ignored unless the column is label, stratum or weight.
    pub(in crate::read) fn push(&mut self, column: usize, cell: Cell<'_>) {
        if let (true, Some(label)) = (self.roles.label == Some(column), &mut self.label) {
            label.push(self.meaning.read(column, cell));
        }
        for (stratum, &wanted) in self.strata.iter_mut().zip(&self.roles.strata) {
            if wanted == column {
                stratum.push(self.meaning.read(column, cell));
            }
        }
        if let (true, Some(weights)) = (self.roles.weights == Some(column), &mut self.weights) {
            weights.push(self.meaning.read(column, cell));
        }
    }

    /// The labels alone.
    pub(in crate::read) fn label(
        self,
        source: &dyn TableSource,
        options: &ReadOptions,
        n_rows: usize,
        kept: &[usize],
    ) -> Result<RawLabels, DataError> {
        let file = source.file();
        match (self.label, options.labels_file()) {
            (Some(gathered), _) => Ok(gathered
                .into_labels(self.roles.label.and_then(|column| source.class_names(column)))),
            (None, Some(path)) => {
                let labels = RawLabels::of_array(read_array(path)?, path)?;
                if labels.len() != n_rows {
                    return Err(DataError::LabelCount {
                        file: file.into(),
                        rows: n_rows,
                        labels: labels.len(),
                    });
                }
                Ok(labels.select(kept))
            }
            (None, None) => unreachable!("roles without a label column come with a label file"),
        }
    }

    /// Labels, strata and weights of the `kept` rows of `n_rows`. Labels come from a separate file if no column holds
    /// them.
    pub(in crate::read) fn finish(
        self,
        source: &dyn TableSource,
        options: &ReadOptions,
        n_rows: usize,
        kept: &[usize],
    ) -> Result<Aside, DataError> {
        let (file, roles) = (source.file(), self.roles);
        let (strata, weights) = (self.strata, self.weights);
        let labels = Self { strata: Vec::new(), weights: None, ..self };
        let labels = labels.label(source, options, n_rows, kept)?;
        let strata = strata.into_iter().zip(&roles.strata).map(|(gathered, &column)| {
            let raw = gathered.into_labels(source.class_names(column));
            raw.into_stratum(&source.columns()[column])
        });
        let weights = match (weights, roles.weights) {
            (Some(gathered), Some(column)) => {
                let raw = gathered.into_labels(None);
                Some(row_weights(file, &source.columns()[column], &raw)?)
            }
            _ => None,
        };
        Ok(Aside { labels, strata: strata.collect(), weights })
    }
}

/// Cells of a label, stratum or weight column.
enum Gathered {
    Numbers(Vec<f64>),
    Texts(TextCodes),
}

impl Gathered {
    fn new(reading: Reading) -> Self {
        match reading {
            Reading::Text => Self::Texts(TextCodes::default()),
            Reading::Number(_) | Reading::Date(_) => Self::Numbers(Vec::new()),
        }
    }

    /// Adds a cell whose meaning is known.
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Texts(texts), Cell::Missing) => texts.push("(missing)"),
            (Self::Texts(texts), _) => texts.push(&cell.text()),
            (Self::Numbers(numbers), Cell::Number(value)) => numbers.push(value),
            (Self::Numbers(numbers), Cell::Moment(moment)) => {
                numbers.push(moment.days + moment.hour / 24.0);
            }
            (Self::Numbers(numbers), _) => numbers.push(f64::NAN),
        }
    }

    /// With the names that the file gives, if every number is an index into them.
    fn into_labels(self, class_names: Option<&[String]>) -> RawLabels {
        let numbers = match self {
            Self::Texts(texts) => return RawLabels::Texts(texts),
            Self::Numbers(numbers) => numbers,
        };
        let Some(names) = class_names else { return RawLabels::Numbers(numbers) };
        let is_index =
            |&value: &f64| value.fract() == 0.0 && (0.0..names.len() as f64).contains(&value);
        if !numbers.iter().all(is_index) {
            return RawLabels::Numbers(numbers);
        }
        RawLabels::Named(ClassLabels {
            indices: numbers.iter().map(|&value| value as u32).collect(),
            names: names.to_vec(),
        })
    }
}
