//! One column by itself, from a table or a file of arrays: labels, names of rows.

use std::path::{Path, PathBuf};

use super::array::split_location;
use super::dialect::TextForm;
use super::labels::{RawLabels, TextCodes};
use super::options::is_label_name;
use super::table::{Cell, TableSource};
use super::{content, csv, parquet, read_array};
use crate::{ClassLabels, DataError};

/// A column as it stands in its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    file: PathBuf,
    cells: RawLabels,
}

impl Column {
    /// Reads `FILE` or `FILE::COLUMN`: an array of one number or text for each row, or a column of a CSV or Parquet
    /// table. Without a name the file must have one column, or one with a usual name of labels.
    ///
    /// # Errors
    /// Missing or damaged files, several columns and no name, and cells without a value.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let (file, name) = split_location(path);
        let bytes = content::open(&file)?;
        let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let is_text_table = matches!(ending.as_deref(), Some("csv" | "tsv"));
        let cells = if bytes.starts_with(b"PAR1") {
            let table = parquet::ParquetTable::new(&file, bytes)?;
            cells_of(&table, name.as_deref())?
        } else if is_text_table && (name.is_some() || has_several_columns(&file, &bytes)?) {
            cells_of(&csv::TextTable::new(&file, &bytes, TextForm::default())?, name.as_deref())?
        } else {
            drop(bytes);
            RawLabels::of_array(read_array(path)?, &file)?
        };
        Ok(Self { file, cells })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cells as texts.
    pub fn into_texts(self) -> Vec<String> {
        match self.cells {
            RawLabels::Numbers(values) => values.iter().map(f64::to_string).collect(),
            RawLabels::Texts(texts) => named(&texts.codes, &texts.values),
            RawLabels::Named(labels) => named(&labels.indices, &labels.names),
        }
    }

    /// The cells as groups: one for each different number or text, in their order.
    pub fn into_groups(self) -> ClassLabels {
        let groups = self.cells.into_stratum("");
        ClassLabels { indices: groups.indices, names: groups.values }
    }

    /// The cells as classes, of which a network has `n_classes`. Whole numbers are the positions of classes themselves;
    /// texts stand for the classes in the order of `names`, or in alphabetical order if there are as many different
    /// ones as classes.
    ///
    /// # Errors
    /// Numbers that are no position, texts that are not in `names`, and other numbers of different texts.
    pub fn into_classes(
        self,
        n_classes: usize,
        names: Option<&[String]>,
    ) -> Result<ClassLabels, DataError> {
        let Self { file, cells } = self;
        let (indices, found) = match cells {
            RawLabels::Numbers(values) => {
                return positions(&file, &values, n_classes, names);
            }
            RawLabels::Texts(TextCodes { codes, values, .. }) => (codes, values),
            RawLabels::Named(ClassLabels { indices, names }) => (indices, names),
        };
        let names = match names {
            Some(names) => names.to_vec(),
            None => {
                let mut names = found.clone();
                names.sort_unstable();
                names
            }
        };
        if names.len() != n_classes {
            return Err(DataError::option(
                &file,
                format!(
                    "the labels have {} names, but the network has {n_classes} outputs; give the classes in the order \
                     of the outputs",
                    names.len()
                ),
            ));
        }
        let place_of = |name: &String| names.iter().position(|other| other == name);
        let places: Option<Vec<u32>> =
            found.iter().map(|name| place_of(name).map(|place| place as u32)).collect();
        let Some(places) = places else {
            let stranger = found.iter().find(|&name| place_of(name).is_none());
            let stranger = stranger.map_or("", String::as_str);
            return Err(DataError::no_such_name(&file, "class", stranger, &names));
        };
        let indices = indices.iter().map(|&code| places[code as usize]).collect();
        Ok(ClassLabels { indices, names })
    }
}

fn named(codes: &[u32], values: &[String]) -> Vec<String> {
    codes.iter().map(|&code| values[code as usize].clone()).collect()
}

/// Numbers that are positions of classes.
fn positions(
    file: &Path,
    values: &[f64],
    n_classes: usize,
    names: Option<&[String]>,
) -> Result<ClassLabels, DataError> {
    let is_position = |value: f64| value.fract() == 0.0 && value >= 0.0 && value < n_classes as f64;
    if let Some(row) = values.iter().position(|&value| !is_position(value)) {
        let value = values[row];
        return Err(DataError::option(
            file,
            if value.fract() == 0.0 {
                format!(
                    "label {value} of row {row}, counted from 0, is not one of the {n_classes} classes, which are \
                     counted from 0 to {}; give the outputs of all classes, or count labels from 0",
                    n_classes.saturating_sub(1)
                )
            } else {
                format!(
                    "label {value} of row {row}, counted from 0, is not a class: a label is the number of one class; \
                     values to predict, and several classes for a row, have no slow and fast examples within a class"
                )
            },
        ));
    }
    if let Some(names) = names.filter(|names| names.len() != n_classes) {
        return Err(DataError::option(
            file,
            format!("{} names for the {n_classes} outputs of the network", names.len()),
        ));
    }
    Ok(ClassLabels {
        indices: values.iter().map(|&value| value as u32).collect(),
        names: names.map_or_else(
            || (0..n_classes).map(|class| class.to_string()).collect(),
            <[String]>::to_vec,
        ),
    })
}

fn has_several_columns(file: &Path, bytes: &[u8]) -> Result<bool, DataError> {
    Ok(csv::TextTable::new(file, bytes, TextForm::default())?.columns().len() > 1)
}

fn cells_of(table: &dyn TableSource, name: Option<&str>) -> Result<RawLabels, DataError> {
    let (file, names) = (table.file(), table.columns());
    let column = match name {
        Some(name) => names
            .iter()
            .position(|other| other == name)
            .ok_or_else(|| DataError::no_such_name(file, "column", name, names))?,
        None if names.len() == 1 => 0,
        None => names
            .iter()
            .position(|name| is_label_name(name))
            .ok_or_else(|| DataError::NoLabels { file: file.into(), available: names.to_vec() })?,
    };
    let mut wanted = vec![false; names.len()];
    wanted[column] = true;
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    table.visit(&wanted, &mut |row, column, cell| {
        match cell {
            Cell::Number(value) => numbers.push(value),
            Cell::Raw(text) | Cell::Text(text) if !text.is_empty() => texts.push(text.to_string()),
            Cell::Moment(moment) => texts.push(moment.iso()),
            Cell::Raw(_) | Cell::Text(_) | Cell::Missing | Cell::Bytes(_) => {
                return Err(DataError::option(
                    file,
                    format!(
                        "row {row}, counted from 0, of column {:?} holds no value",
                        names[column]
                    ),
                ));
            }
        }
        Ok(())
    })?;
    if let Some(names) = table.class_names(column)
        && numbers.iter().all(|&value| value >= 0.0 && value < names.len() as f64)
    {
        let indices = numbers.iter().map(|&value| value as u32).collect();
        return Ok(RawLabels::Named(ClassLabels { indices, names: names.to_vec() }));
    }
    if numbers.is_empty() {
        let parsed: Result<Vec<f64>, _> = texts.iter().map(|text| text.parse::<f64>()).collect();
        return Ok(match parsed {
            Ok(numbers) => RawLabels::Numbers(numbers),
            Err(_) => RawLabels::Texts(texts.into_iter().collect()),
        });
    }
    Ok(RawLabels::Numbers(numbers))
}
