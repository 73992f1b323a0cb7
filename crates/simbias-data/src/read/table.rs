//! Tables of named columns, whatever their format: first surveyed, then filled into rows.
//!
//! Both passes stream the cells, so that beside the rows only labels and strata are held.

use std::{collections::BTreeSet, path::Path};

use ndarray::Array2;

use super::{
    Features, LabelSource, Missing, ReadOptions,
    image_rows::zeroed_rows,
    labels::{RawLabels, TextCodes},
    options::{is_label_name, keeps},
    read_array,
};
use crate::{ClassLabels, ColumnGroup, DataError, Dataset, Layout};

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Missing,
    Number(f64),
    Text(&'a str),
    /// As written in a text file: what it is depends on the rest of its column.
    Raw(&'a str),
    /// An encoded image.
    Bytes(&'a [u8]),
}

impl<'a> Cell<'a> {
    /// A raw cell with its meaning: missing, number or text.
    pub(super) fn read(self) -> Self {
        match self {
            Self::Raw(raw) if is_missing(raw) => Self::Missing,
            Self::Raw(raw) => raw.parse().map_or(Self::Text(raw), Self::Number),
            Self::Number(value) if value.is_nan() => Self::Missing,
            other => other,
        }
    }

    /// The text as it goes into a name.
    fn text(self) -> std::borrow::Cow<'a, str> {
        match self {
            Self::Raw(text) | Self::Text(text) => text.into(),
            Self::Number(value) => value.to_string().into(),
            Self::Missing | Self::Bytes(_) => "".into(),
        }
    }
}

fn is_missing(raw: &str) -> bool {
    matches!(
        raw,
        "" | "NA" | "N/A" | "na" | "n/a" | "NaN" | "nan" | "NAN" | "null" | "NULL" | "None" | "?"
    )
}

/// A visitor of cells: row, column, cell.
pub(super) type Visit<'v> = dyn FnMut(usize, usize, Cell<'_>) -> Result<(), DataError> + 'v;

/// A file of columns.
pub(super) trait TableSource {
    fn file(&self) -> &Path;
    fn columns(&self) -> &[String];
    /// Why a column cannot be an input, if so.
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

/// Which columns are labels, strata and inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roles {
    pub(super) label: Option<usize>,
    pub(super) strata: Vec<usize>,
    pub(super) features: Vec<usize>,
}

impl Roles {
    /// Resolves the names in `options` against the columns of `source`; columns in `taken` are no inputs.
    pub(super) fn new(
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

    pub(super) fn wanted(&self, n_columns: usize) -> Vec<bool> {
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

/// Refuses two columns of one name.
pub(super) fn check_distinct(file: &Path, columns: &[String]) -> Result<(), DataError> {
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

/// What the first pass learns about one column.
#[derive(Clone, Debug, Default)]
struct Survey {
    n_numbers: usize,
    sum: f64,
    has_text: bool,
    /// Distinct texts, one more than allowed at most.
    texts: BTreeSet<String>,
}

/// What the first pass learns about one file.
struct FileSurvey {
    n_rows: usize,
    /// Rows with a missing cell in a column in use.
    missing: Vec<bool>,
}

/// How one column becomes inputs.
enum Encoding {
    /// One input; missing cells become the mean.
    Number { mean: f32 },
    /// One input a text.
    OneHot { texts: Vec<String> },
}

struct FeaturePlan {
    /// First input.
    offset: usize,
    encoding: Encoding,
}

/// Reads groups of files (one group a part) into one data set each; inputs are encoded alike in all.
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

fn survey(
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

fn plan(columns: &[String], roles: &Roles, surveys: &[Survey]) -> (Vec<FeaturePlan>, Layout) {
    let mut plans = Vec::new();
    let mut input_names = Vec::new();
    let mut groups = Vec::new();
    for &column in &roles.features {
        let (name, survey) = (&columns[column], &surveys[column]);
        let offset = input_names.len();
        let encoding = if survey.has_text {
            let texts: Vec<String> = survey.texts.iter().cloned().collect();
            input_names.extend(texts.iter().map(|text| format!("{name}={text}")));
            Encoding::OneHot { texts }
        } else {
            input_names.push(if name.is_empty() {
                format!("column {}", column + 1)
            } else {
                name.clone()
            });
            Encoding::Number { mean: (survey.sum / survey.n_numbers.max(1) as f64) as f32 }
        };
        groups.push(ColumnGroup { name: name.clone(), columns: offset..input_names.len() });
        plans.push(FeaturePlan { offset, encoding });
    }
    (plans, Layout::table_with_groups(input_names, groups))
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
    let is_text = |column: usize| surveys[column].has_text;
    let mut label = roles.label.map(|column| Gathered::new(is_text(column)));
    let mut strata: Vec<Gathered> =
        roles.strata.iter().map(|&column| Gathered::new(is_text(column))).collect();
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
            if let (true, Some(label)) = (roles.label == Some(column), &mut label) {
                label.push(cell);
            }
            for (stratum, &wanted) in strata.iter_mut().zip(&roles.strata) {
                if wanted == column {
                    stratum.push(cell);
                }
            }
            Ok(())
        })?;
        first_row += survey.n_rows;
    }
    let raw_labels = match (label, options.labels_file()) {
        (Some(gathered), _) => {
            let column = roles.label.expect("a label was gathered from it");
            gathered.into_labels(group[0].class_names(column))
        }
        (None, Some(path)) => {
            let labels = read_array(path)?.into_labels(path)?;
            let n_rows = file_surveys.iter().map(|survey| survey.n_rows).sum();
            if labels.len() != n_rows {
                return Err(DataError::LabelCount {
                    file: file.into(),
                    rows: n_rows,
                    labels: labels.len(),
                });
            }
            labels.select(&sources)
        }
        (None, None) => unreachable!("roles without a label column come with a label file"),
    };
    let strata = strata
        .into_iter()
        .zip(&roles.strata)
        .map(|(gathered, &column)| {
            gathered.into_labels(group[0].class_names(column)).into_stratum(&columns[column])
        })
        .collect();
    Ok(Dataset {
        name: name.into(),
        rows,
        layout: layout.clone(),
        target: raw_labels.into_target(file, options)?,
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

fn write_feature(rows: &mut Array2<f32>, row: usize, plan: &FeaturePlan, cell: Cell<'_>) {
    match (&plan.encoding, cell.read()) {
        (Encoding::Number { .. }, Cell::Number(value)) => rows[[row, plan.offset]] = value as f32,
        (Encoding::Number { mean }, _) => rows[[row, plan.offset]] = *mean,
        (Encoding::OneHot { .. }, Cell::Missing) => {}
        (Encoding::OneHot { texts }, _) => {
            let text = cell.text();
            if let Ok(category) = texts.binary_search_by(|other| other.as_str().cmp(&text)) {
                rows[[row, plan.offset + category]] = 1.0;
            }
        }
    }
}

/// Cells of a label or stratum column.
pub(super) enum Gathered {
    Numbers(Vec<f64>),
    Texts(TextCodes),
}

impl Gathered {
    pub(super) fn new(is_text: bool) -> Self {
        if is_text { Self::Texts(TextCodes::default()) } else { Self::Numbers(Vec::new()) }
    }

    pub(super) fn push(&mut self, cell: Cell<'_>) {
        match (self, cell.read()) {
            (Self::Texts(texts), Cell::Missing) => texts.push("(missing)"),
            (Self::Texts(texts), _) => texts.push(&cell.text()),
            (Self::Numbers(numbers), Cell::Number(value)) => numbers.push(value),
            (Self::Numbers(numbers), _) => numbers.push(f64::NAN),
        }
    }

    /// With the names that the file gives, if every number is an index into them.
    pub(super) fn into_labels(self, class_names: Option<&[String]>) -> RawLabels {
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
