//! Tables of named columns, whatever their format: first surveyed, then filled into rows.
//!
//! Both passes stream the cells, so that only the rows, labels and strata are held in memory.

mod cell;
mod encoding;
mod gathered;
mod roles;
mod survey;

use std::path::Path;

use encoding::{FeaturePlan, plan, write_feature};
use survey::{FileSurvey, Survey, survey};

use super::{Missing, ReadOptions, image_rows::zeroed_rows, options::keeps};
use crate::{DataError, Dataset, Layout};

pub(super) use cell::Cell;
pub(super) use gathered::GatheredColumns;
pub(super) use roles::{Roles, check_distinct};

/// A visitor of cells: row, column, cell.
pub(super) type Visit<'v> = dyn FnMut(usize, usize, Cell<'_>) -> Result<(), DataError> + 'v;

/// A file of columns.
pub(super) trait TableSource {
    fn file(&self) -> &Path;
    fn columns(&self) -> &[String];
    /// Why a column cannot be an input, if it cannot.
    fn unreadable(&self, _column: usize) -> Option<&str> {
        None
    }
    /// Class names that the file itself gives for a column of indices.
    fn class_names(&self, _column: usize) -> Option<&[String]> {
        None
    }
    /// Visits every cell of the wanted columns, each column from the first row on; returns the number of rows.
    fn visit(&self, wanted: &[bool], visit: &mut Visit<'_>) -> Result<usize, DataError>;
}

/// Reads groups of files (one group per part) into one data set each; inputs are encoded alike in all.
pub(super) fn read(
    groups: &[Vec<&dyn TableSource>],
    names: &[String],
    options: &ReadOptions,
) -> Result<Vec<Dataset>, DataError> {
    let first = groups[0][0];
    let columns = first.columns();
    let roles = Roles::new(first, options, &[])?;
    for source in groups.iter().flatten() {
        check_distinct(source.file(), source.columns())?;
        if source.columns() != columns {
            return Err(DataError::option(
                source.file(),
                format!(
                    "its columns differ from those of {:?}; the files of one source need the same columns in \
                     the same order",
                    first.file()
                ),
            ));
        }
    }
    if roles.features.is_empty() {
        return Err(DataError::option(
            first.file(),
            format!(
                "no input column is left beside labels and strata; it has {}",
                columns.join(", ")
            ),
        ));
    }
    for &column in &roles.features {
        if let Some(problem) = first.unreadable(column) {
            return Err(DataError::option(
                first.file(),
                format!("column {:?} {problem}; leave it out", columns[column]),
            ));
        }
    }
    let mut surveys = vec![Survey::default(); columns.len()];
    let mut file_surveys: Vec<Vec<FileSurvey>> = Vec::new();
    for group in groups {
        let surveyed = group.iter().map(|&source| survey(source, &roles, options, &mut surveys));
        file_surveys.push(surveyed.collect::<Result<_, _>>()?);
    }
    let (plans, layout) = plan(columns, &roles, &surveys);
    if options.labels_file().is_some() && groups.len() > 1 {
        return Err(DataError::option(
            first.file(),
            "a label file does not fit a source of several parts; read one part at a time",
        ));
    }
    groups
        .iter()
        .zip(&file_surveys)
        .zip(names)
        .map(|((group, file_surveys), name)| {
            fill(group, file_surveys, &surveys, &roles, &plans, &layout, name, options)
        })
        .collect()
}

/// The rows of one file that [`read`] takes, and the number of its rows.
pub(super) fn rows_in_use(
    source: &dyn TableSource,
    options: &ReadOptions,
) -> Result<(Vec<usize>, usize), DataError> {
    let roles = Roles::new(source, options, &[])?;
    let mut surveys = vec![Survey::default(); source.columns().len()];
    let found = survey(source, &roles, options, &mut surveys)?;
    let n_rows = found.n_rows;
    let drops = options.missing == Missing::Drop;
    let n_usable = match drops {
        true => found.missing.iter().filter(|&&missing| !missing).count(),
        false => n_rows,
    };
    let n_kept = options.max_rows.map_or(n_usable, |most| most.min(n_usable));
    Ok((kept_sources(&[found], drops, n_usable, n_kept), n_rows))
}

#[expect(clippy::too_many_arguments, reason = "the two passes' findings, each used once")]
fn fill(
    group: &[&dyn TableSource],
    file_surveys: &[FileSurvey],
    surveys: &[Survey],
    roles: &Roles,
    plans: &[FeaturePlan],
    layout: &Layout,
    name: &str,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let file = group[0].file();
    let columns = group[0].columns();
    let drops = options.missing == Missing::Drop;
    let usable = |survey: &FileSurvey| -> usize {
        if drops {
            survey.missing.iter().filter(|&&missing| !missing).count()
        } else {
            survey.n_rows
        }
    };
    let n_usable: usize = file_surveys.iter().map(usable).sum();
    let n_kept = options.max_rows.map_or(n_usable, |most| most.min(n_usable));
    if n_kept < 2 {
        return Err(DataError::TooFewRows { file: file.into(), found: n_kept });
    }
    let mut rows = zeroed_rows(file, n_kept, layout.n_features())?;
    let mut gathered = GatheredColumns::new(roles, |column| surveys[column].has_text);
    let mut plan_of: Vec<Option<&FeaturePlan>> = vec![None; columns.len()];
    for (&column, plan) in roles.features.iter().zip(plans) {
        plan_of[column] = Some(plan);
    }
    let wanted = roles.wanted(columns.len());
    let sources = kept_sources(file_surveys, drops, n_usable, n_kept);
    let mut first_row = 0;
    let mut n_filled = 0;
    for (&source, survey) in group.iter().zip(file_surveys) {
        let mut destinations: Vec<Option<usize>> = vec![None; survey.n_rows];
        while let Some(&kept) =
            sources.get(n_filled).filter(|&&kept| kept < first_row + survey.n_rows)
        {
            destinations[kept - first_row] = Some(n_filled);
            n_filled += 1;
        }
        source.visit(&wanted, &mut |row, column, cell| {
            let Some(out) = destinations.get(row).copied().flatten() else { return Ok(()) };
            if let Some(plan) = plan_of[column] {
                write_feature(&mut rows, out, plan, cell);
            }
            gathered.push(column, cell);
            Ok(())
        })?;
        first_row += survey.n_rows;
    }
    let n_rows = file_surveys.iter().map(|survey| survey.n_rows).sum();
    let (labels, strata) = gathered.finish(group[0], options, n_rows, &sources)?;
    Ok(Dataset {
        name: name.into(),
        rows,
        layout: layout.clone(),
        target: labels.into_target(file, options)?,
        strata,
    })
}

/// The rows to keep, counted through all files of a group.
fn kept_sources(
    file_surveys: &[FileSurvey],
    drops: bool,
    n_usable: usize,
    n_kept: usize,
) -> Vec<usize> {
    file_surveys
        .iter()
        .flat_map(|survey| &survey.missing)
        .enumerate()
        .filter(|(_, missing)| !(drops && **missing))
        .enumerate()
        .filter(|(usable, _)| keeps(*usable, n_usable, n_kept))
        .map(|(_, (source, _))| source)
        .collect()
}
