//! Label and stratum columns, gathered cell by cell.

use super::{Cell, Roles, TableSource};
use crate::{
    ClassLabels, DataError, Stratum,
    read::{
        ReadOptions,
        labels::{RawLabels, TextCodes},
        read_array,
    },
};

/// The label and the strata of a table's rows.
pub(in crate::read) struct GatheredColumns<'r> {
    roles: &'r Roles,
    label: Option<Gathered>,
    strata: Vec<Gathered>,
}

impl<'r> GatheredColumns<'r> {
    /// Nothing gathered yet; `is_text` says whether a column holds texts.
    pub(in crate::read) fn new(roles: &'r Roles, is_text: impl Fn(usize) -> bool) -> Self {
        let gathered = |&column: &usize| Gathered::new(is_text(column));
        let label = roles.label.as_ref().map(gathered);
        Self { roles, label, strata: roles.strata.iter().map(gathered).collect() }
    }

    /// The next kept cell of a column; ignored unless the column is label or stratum.
    pub(in crate::read) fn push(&mut self, column: usize, cell: Cell<'_>) {
        if let (true, Some(label)) = (self.roles.label == Some(column), &mut self.label) {
            label.push(cell);
        }
        for (stratum, &wanted) in self.strata.iter_mut().zip(&self.roles.strata) {
            if wanted == column {
                stratum.push(cell);
            }
        }
    }

    /// Labels and strata of the `kept` rows of `n_rows`. Labels come from a separate file if no
    /// column holds them.
    pub(in crate::read) fn finish(
        self,
        source: &dyn TableSource,
        options: &ReadOptions,
        n_rows: usize,
        kept: &[usize],
    ) -> Result<(RawLabels, Vec<Stratum>), DataError> {
        let file = source.file();
        let labels = match (self.label, options.labels_file()) {
            (Some(gathered), _) => {
                gathered.into_labels(self.roles.label.and_then(|column| source.class_names(column)))
            }
            (None, Some(path)) => {
                let labels = RawLabels::of_array(read_array(path)?, path)?;
                if labels.len() != n_rows {
                    return Err(DataError::LabelCount {
                        file: file.into(),
                        rows: n_rows,
                        labels: labels.len(),
                    });
                }
                labels.select(kept)
            }
            (None, None) => unreachable!("roles without a label column come with a label file"),
        };
        let strata = self.strata.into_iter().zip(&self.roles.strata).map(|(gathered, &column)| {
            let raw = gathered.into_labels(source.class_names(column));
            raw.into_stratum(&source.columns()[column])
        });
        Ok((labels, strata.collect()))
    }
}

/// Cells of a label or stratum column.
enum Gathered {
    Numbers(Vec<f64>),
    Texts(TextCodes),
}

impl Gathered {
    fn new(is_text: bool) -> Self {
        if is_text { Self::Texts(TextCodes::default()) } else { Self::Numbers(Vec::new()) }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell.read()) {
            (Self::Texts(texts), Cell::Missing) => texts.push("(missing)"),
            (Self::Texts(texts), _) => texts.push(&cell.text()),
            (Self::Numbers(numbers), Cell::Number(value)) => numbers.push(value),
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
