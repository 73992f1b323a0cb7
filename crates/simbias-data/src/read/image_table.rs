//! Tables of images: one column holds paths or encoded bytes, others hold labels and strata.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use simbias_checkpoint::file_stem;

use super::{
    Features, Missing, ReadOptions,
    csv::TextTable,
    dialect::{Delimiter, TextForm},
    image_rows::{self, EncodedImages, ImageFiles},
    labels::{task_of, weights_note},
    options::kept_rows,
    table::{
        Aside, Cell, GatheredColumns, Roles, Survey, TableSource, check_distinct, check_missing,
        decide, survey,
    },
};
use crate::{DataError, Dataset, Layout};
use simbias_report::Caveat;

/// One line of a list of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelsTable {
    /// Names of the columns; `path`, `label`, `column3`, … when the file names none.
    pub columns: Vec<String>,
    /// The cells, line by line.
    pub rows: Vec<Vec<String>>,
}

/// Encoded images in memory.
struct ImageBytes {
    file: PathBuf,
    images: Vec<Vec<u8>>,
    rows: Vec<usize>,
}

impl EncodedImages for ImageBytes {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn name(&self, row: usize) -> PathBuf {
        self.file.join(format!("row {}", self.rows[row] + 1))
    }

    fn bytes(&self, row: usize) -> Result<Cow<'_, [u8]>, DataError> {
        Ok(Cow::Borrowed(&self.images[row]))
    }
}

/// Reads a list of images from memory: cells between commas, semicolons, tabs or blanks, header optional.
///
/// `is_image` says whether a cell is the path of an image; the first line is a header if none of its cells is.
/// `file` is for messages.
///
/// # Errors
/// Files that are not text, lines of different lengths, no path in the first two lines.
pub fn parse_labels_table(
    file: &Path,
    bytes: &[u8],
    is_image: &dyn Fn(&str) -> bool,
) -> Result<LabelsTable, DataError> {
    let Some((table, _)) = open(file, bytes, is_image)? else {
        return Err(DataError::option(
            file,
            "no cell of its first two lines is the path of an image beside it; check where the images are",
        ));
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    let n_columns = table.columns().len();
    table.visit(&vec![true; n_columns], &mut |row, _, cell| {
        rows.resize_with(row + 1, || Vec::with_capacity(n_columns));
        if let Cell::Raw(text) = cell {
            rows[row].push(text.into());
        }
        Ok(())
    })?;
    Ok(LabelsTable { columns: table.columns().to_vec(), rows })
}

/// The table and its column of paths, if it has one.
fn open<'a>(
    file: &Path,
    bytes: &'a [u8],
    is_image: &dyn Fn(&str) -> bool,
) -> Result<Option<(TextTable<'a>, usize)>, DataError> {
    let delimiters =
        [b',', b'\t', b';'].map(Delimiter::Byte).into_iter().chain([Delimiter::Blanks]);
    for delimiter in delimiters {
        let Ok(table) = TextTable::with_delimiter(file, bytes, delimiter, true) else { continue };
        let in_first_line = table.columns().iter().position(|cell| is_image(cell));
        if let Some(column) = in_first_line {
            let mut table = TextTable::with_delimiter(file, bytes, delimiter, false)?;
            table.rename(column, "path");
            let label = (0..table.columns().len()).find(|&other| other != column);
            if let Some(label) = label {
                table.rename(label, "label");
            }
            return Ok(Some((table, column)));
        }
        if table.columns().len() < 2 {
            continue;
        }
        // A wrong delimiter may also show in lines of unequal length, such as blanks in names of columns.
        let Ok(first_row) = table.first_row() else { continue };
        if let Some(column) = first_row.iter().position(|cell| is_image(cell)) {
            return Ok(Some((table, column)));
        }
    }
    Ok(None)
}

/// Reads a text table as a list of images, if it is one.
pub(super) fn read_if_list(
    path: &Path,
    bytes: &[u8],
    options: &ReadOptions,
) -> Result<Option<Dataset>, DataError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let is_image = |cell: &str| !cell.is_empty() && folder.join(cell).is_file();
    let (table, column) = match &options.image_column {
        None => match open(path, bytes, &is_image)? {
            Some(found) => found,
            None => return Ok(None),
        },
        Some(name) => {
            let table = match open(path, bytes, &is_image)? {
                Some((table, _)) => table,
                None => TextTable::new(path, bytes, TextForm::of(options))?,
            };
            let column = table.columns().iter().position(|column| column == name);
            let column = column.ok_or_else(|| {
                DataError::no_such_name(path, "image column", name, table.columns())
            })?;
            (table, column)
        }
    };
    let rows = choose_rows(&table, column, options)?;
    let mut paths = Vec::with_capacity(rows.kept.len());
    let wanted = only(column, table.columns().len());
    let mut next = rows.kept.iter().peekable();
    table.visit(&wanted, &mut |row, _, cell| {
        if next.next_if(|&&kept| kept == row).is_some()
            && let Cell::Raw(text) = cell
        {
            paths.push(folder.join(text));
        }
        Ok(())
    })?;
    finish(&table, rows, &ImageFiles(paths), file_stem(path), options).map(Some)
}

/// Reads a table whose column `column` holds encoded images.
pub(super) fn read_bytes(
    table: &dyn TableSource,
    column: usize,
    name: String,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let rows = choose_rows(table, column, options)?;
    let mut images = Vec::with_capacity(rows.kept.len());
    let wanted = only(column, table.columns().len());
    let mut next = rows.kept.iter().peekable();
    table.visit(&wanted, &mut |row, _, cell| {
        if next.next_if(|&&kept| kept == row).is_some()
            && let Cell::Bytes(bytes) = cell
        {
            images.push(bytes.to_vec());
        }
        Ok(())
    })?;
    let images = ImageBytes { file: table.file().into(), images, rows: rows.kept.clone() };
    finish(table, rows, &images, name, options)
}

fn only(column: usize, n_columns: usize) -> Vec<bool> {
    (0..n_columns).map(|other| other == column).collect()
}

/// Rows to read, their labels, strata and weights, and what was decided about them.
struct ChosenRows {
    kept: Vec<usize>,
    aside: Aside,
    notes: Vec<Caveat>,
}

fn choose_rows(
    table: &dyn TableSource,
    image_column: usize,
    options: &ReadOptions,
) -> Result<ChosenRows, DataError> {
    let (file, columns) = (table.file(), table.columns());
    check_distinct(file, columns)?;
    image_rows::check_image_size(file, options.image_size)?;
    if let Features::Only(names) = &options.features
        && names.iter().any(|name| *name != columns[image_column])
    {
        return Err(DataError::option(
            file,
            "the input of a table of images is its image column; name no other input column",
        ));
    }
    let roles = Roles::new(
        table,
        &ReadOptions { features: Features::All, ..options.clone() },
        &[image_column],
    )?;
    let roles = Roles { features: Vec::new(), ..roles };
    let mut surveys = vec![Survey::default(); columns.len()];
    let surveyed = survey(table, &roles, options, &mut surveys)?;
    let decided = decide(table, &roles, &surveys, surveyed.n_rows, options)?;
    let (meaning, n_rows) = (&decided.meaning, surveyed.n_rows);
    let mut notes = decided.notes;
    let mut has_image = vec![false; n_rows];
    table.visit(&only(image_column, columns.len()), &mut |row, _, cell| {
        if let Some(has_image) = has_image.get_mut(row) {
            *has_image = !matches!(cell, Cell::Missing | Cell::Raw("") | Cell::Text(""));
        }
        Ok(())
    })?;
    // Images cannot be filled in: only leaving out helps.
    let strict = match options.missing {
        Missing::Drop => options.clone(),
        _ => ReadOptions { missing: Missing::Error, ..options.clone() },
    };
    if let (Some(row), Missing::Error) =
        (has_image.iter().position(|has_image| !has_image), strict.missing)
    {
        return Err(DataError::MissingValue {
            file: file.into(),
            row: row + 1,
            column: columns[image_column].clone(),
            columns: Vec::new(),
        });
    }
    let used = roles.all();
    let files = [surveyed];
    check_missing(table, &files, meaning, roles.label, &used, &strict)?;
    let usable: Vec<usize> =
        (0..n_rows).filter(|&row| has_image[row] && !files[0].lacks(meaning, row, &used)).collect();
    if usable.len() < n_rows {
        notes.push(Caveat::caution(
            "dropped-rows",
            format!("{} of {n_rows} rows with missing cells were left out.", n_rows - usable.len()),
        ));
    }
    let kept: Vec<usize> =
        kept_rows(usable.len(), options.max_rows).into_iter().map(|row| usable[row]).collect();
    if kept.len() < 2 {
        return Err(DataError::TooFewRows { file: file.into(), found: kept.len() });
    }
    let mut gathered = GatheredColumns::new(&roles, meaning);
    let mut is_kept = vec![false; n_rows];
    kept.iter().for_each(|&row| is_kept[row] = true);
    table.visit(&roles.wanted(columns.len()), &mut |row, column, cell| {
        if is_kept[row] {
            gathered.push(column, cell);
        }
        Ok(())
    })?;
    let aside = gathered.finish(table, options, n_rows, &kept)?;
    Ok(ChosenRows { kept, aside, notes })
}

fn finish(
    table: &dyn TableSource,
    chosen: ChosenRows,
    images: &dyn EncodedImages,
    name: String,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let ChosenRows { aside: Aside { labels, strata, weights }, mut notes, .. } = chosen;
    let task = task_of(&[&labels], table.file(), options, &mut notes)?;
    let target = labels.into_target(table.file(), &ReadOptions { task, ..options.clone() })?;
    if weights.is_some() {
        notes.push(weights_note());
    }
    let (rows, shape) = image_rows::decode_rows(images, options.image_size)?;
    Ok(Dataset { name, rows, layout: Layout::image(shape), target, strata, weights, notes })
}
