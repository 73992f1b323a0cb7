//! Tables of named columns, whatever their format: first surveyed, then filled into rows.
//!
//! Both passes stream the cells, so that only the rows, labels and strata are held in memory.

mod cell;
mod date;
mod encoding;
mod gathered;
mod index;
mod meaning;
mod missingness;
mod number;
mod roles;
mod survey;

use std::path::Path;

use simbias_report::Caveat;

use encoding::{FeaturePlan, plan, write_feature};

use super::{
    Missing, ReadOptions, giveaway,
    image_rows::zeroed_rows,
    labels::{RawLabels, task_of, weights_note},
    options::keeps,
};
use crate::{DataError, Dataset, Layout};

pub(super) use cell::Cell;
pub(super) use date::Moment;
pub(super) use gathered::{Aside, GatheredColumns};
pub(super) use meaning::{Meaning, decide};
pub(super) use roles::{Roles, check_distinct};
pub(super) use survey::{FileSurvey, Survey, check_missing, survey};

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
    /// Whether the file gives a column no name.
    fn is_unnamed(&self, _column: usize) -> bool {
        false
    }
    /// Whether the file is of a kind that is written where the decimal mark is a comma.
    fn suggests_comma(&self) -> bool {
        false
    }
    /// What opening the file decided.
    fn notes(&self) -> &[Caveat] {
        &[]
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
    let mut surveys = vec![Survey::default(); columns.len()];
    let mut file_surveys: Vec<Vec<FileSurvey>> = Vec::new();
    for group in groups {
        let surveyed = group.iter().map(|&source| survey(source, &roles, options, &mut surveys));
        file_surveys.push(surveyed.collect::<Result<_, _>>()?);
    }
    let n_rows = file_surveys.iter().flatten().map(|file| file.n_rows).sum();
    let decided = decide(first, &roles, &surveys, n_rows, options)?;
    let mut notes = decided.notes;
    let roles = Roles { features: decided.features, ..roles };
    if roles.features.is_empty() {
        return Err(DataError::option(
            first.file(),
            "no input column is left beside labels and strata, since the others cannot be used",
        ));
    }
    let used = roles.all();
    for (group, files) in groups.iter().zip(&file_surveys) {
        check_missing(group[0], files, &decided.meaning, roles.label, &used, options)?;
    }
    let has_missing = |column: usize| {
        file_surveys
            .iter()
            .flatten()
            .any(|file| (0..file.n_rows).any(|row| file.is_missing(&decided.meaning, row, column)))
    };
    let (plans, layout) =
        plan(columns, &roles.features, &surveys, &decided.meaning, options, has_missing);
    if options.labels_file().is_some() && groups.len() > 1 {
        return Err(DataError::option(
            first.file(),
            "a label file does not fit a source of several parts; read one part at a time",
        ));
    }
    let table = Table { roles: &roles, meaning: &decided.meaning, plans: &plans, layout: &layout };
    let filled: Vec<Filled> = groups
        .iter()
        .zip(&file_surveys)
        .map(|(group, files)| table.fill(group, files, options))
        .collect::<Result<_, _>>()?;
    let labels: Vec<&RawLabels> = filled.iter().map(|part| &part.aside.labels).collect();
    let task = task_of(&labels, first.file(), options, &mut notes)?;
    let options = ReadOptions { task, ..options.clone() };
    let parts = groups.iter().zip(filled).zip(names);
    parts
        .map(|((group, filled), name)| {
            table.finish(group[0].file(), name, filled, &options, notes.clone())
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
    let decided = decide(source, &roles, &surveys, n_rows, options)?;
    let used = Roles { features: decided.features, ..roles }.all();
    let lacking: Vec<bool> =
        (0..n_rows).map(|row| found.lacks(&decided.meaning, row, &used)).collect();
    Ok((kept_sources(&lacking, options), n_rows))
}

/// What the first pass decided.
struct Table<'t> {
    roles: &'t Roles,
    meaning: &'t Meaning,
    plans: &'t [FeaturePlan],
    layout: &'t Layout,
}

/// The rows of one part.
struct Filled {
    rows: ndarray::Array2<f32>,
    aside: Aside,
    /// Rows of the source before any was left out.
    n_rows: usize,
    /// Labels of all rows that have one, and which of these rows lack a cell; when such rows are left out.
    labelled: Option<(RawLabels, Vec<bool>)>,
    /// Columns with missing cells, and in which of the labelled or kept rows.
    missing: Vec<(String, Vec<bool>)>,
    n_dropped: usize,
    /// The label column and the rows without a label, when such rows are left out.
    unlabelled: Option<(String, usize)>,
}

impl Table<'_> {
    fn fill(
        &self,
        group: &[&dyn TableSource],
        file_surveys: &[FileSurvey],
        options: &ReadOptions,
    ) -> Result<Filled, DataError> {
        let (roles, meaning) = (self.roles, self.meaning);
        let file = group[0].file();
        let columns = group[0].columns();
        let drops = options.missing == Missing::Drop;
        let used = roles.all();
        let lacking: Vec<bool> = file_surveys
            .iter()
            .flat_map(|survey| (0..survey.n_rows).map(|row| survey.lacks(meaning, row, &used)))
            .collect();
        let n_rows = lacking.len();
        let sources = kept_sources(&lacking, options);
        if sources.len() < 2 {
            return Err(DataError::TooFewRows { file: file.into(), found: sources.len() });
        }
        let mut rows = zeroed_rows(file, sources.len(), self.layout.n_features())?;
        let mut gathered = GatheredColumns::new(roles, meaning);
        // All labels, to tell whose rows are left out.
        let mut all_labels = drops.then(|| GatheredColumns::new(roles, meaning));
        let mut plan_of: Vec<Option<&FeaturePlan>> = vec![None; columns.len()];
        for (&column, plan) in roles.features.iter().zip(self.plans) {
            plan_of[column] = Some(plan);
        }
        let wanted = roles.wanted(columns.len());
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
                if let Some(labels) = all_labels.as_mut().filter(|_| Some(column) == roles.label) {
                    labels.push(column, cell);
                }
                let Some(out) = destinations.get(row).copied().flatten() else { return Ok(()) };
                if let Some(plan) = plan_of[column] {
                    write_feature(&mut rows, out, plan, meaning, cell);
                }
                gathered.push(column, cell);
                Ok(())
            })?;
            first_row += survey.n_rows;
        }
        let aside = gathered.finish(group[0], options, n_rows, &sources)?;
        let is_missing = |row: usize, column: usize| {
            let mut row = row;
            let survey = file_surveys.iter().find(|survey| {
                let is_here = row < survey.n_rows;
                row -= if is_here { 0 } else { survey.n_rows };
                is_here
            });
            survey.is_some_and(|survey| survey.is_missing(meaning, row, column))
        };
        let has_label = |&row: &usize| roles.label.is_none_or(|label| !is_missing(row, label));
        let labelled: Vec<usize> =
            if drops { (0..n_rows).filter(has_label).collect() } else { Vec::new() };
        let compared: &[usize] = if drops { &labelled } else { &sources };
        let missing = used.iter().filter_map(|&column| {
            let rows: Vec<bool> = compared.iter().map(|&row| is_missing(row, column)).collect();
            rows.contains(&true).then(|| (columns[column].clone(), rows))
        });
        let missing = missing.collect();
        let labelled = match all_labels {
            Some(labels) => {
                let everything: Vec<usize> = (0..n_rows).collect();
                let all = labels.label(group[0], options, n_rows, &everything)?;
                let lacks = labelled.iter().map(|&row| lacking[row]).collect();
                Some((all.select(&labelled), lacks))
            }
            None => None,
        };
        let n_dropped = lacking.iter().filter(|&&lacks| drops && lacks).count();
        let n_unlabelled = if drops { n_rows - compared.len() } else { 0 };
        let label = roles.label.map(|label| columns[label].clone());
        let unlabelled = label.filter(|_| n_unlabelled > 0).map(|name| (name, n_unlabelled));
        Ok(Filled { rows, aside, n_rows, labelled, missing, n_dropped, unlabelled })
    }

    /// The data set of one part, with what its missing cells say.
    fn finish(
        &self,
        file: &Path,
        name: &str,
        filled: Filled,
        options: &ReadOptions,
        mut notes: Vec<Caveat>,
    ) -> Result<Dataset, DataError> {
        let Aside { labels, strata, weights } = filled.aside;
        let target = labels.into_target(file, options)?;
        if let (Some((labels, lacks)), true) = (filled.labelled, filled.n_dropped > 0) {
            let all = labels.into_target(file, options)?;
            let mut counts: Vec<(String, usize)> = filled
                .missing
                .iter()
                .map(|(name, rows)| {
                    (name.clone(), rows.iter().filter(|&&is_missing| is_missing).count())
                })
                .collect();
            counts.extend(filled.unlabelled);
            notes.push(missingness::dropped_rows(
                filled.n_dropped,
                filled.n_rows,
                &counts,
                &lacks,
                &all,
            ));
        } else {
            let telling = filled.missing.iter();
            notes.extend(
                telling.filter_map(|(name, rows)| missingness::telling_column(name, rows, &target)),
            );
        }
        notes.extend(giveaway::order(&target));
        if weights.is_some() {
            notes.push(weights_note());
        }
        Ok(Dataset {
            name: name.into(),
            rows: filled.rows,
            layout: self.layout.clone(),
            target,
            strata,
            weights,
            notes,
        })
    }
}

/// The rows to keep, counted through all files of a group; `lacking` says which of them lack a cell.
fn kept_sources(lacking: &[bool], options: &ReadOptions) -> Vec<usize> {
    let drops = options.missing == Missing::Drop;
    let usable: Vec<usize> = (0..lacking.len()).filter(|&row| !(drops && lacking[row])).collect();
    let n_kept = options.max_rows.map_or(usable.len(), |most| most.min(usable.len()));
    let kept = usable.iter().enumerate().filter(|(place, _)| keeps(*place, usable.len(), n_kept));
    kept.map(|(_, &row)| row).collect()
}
