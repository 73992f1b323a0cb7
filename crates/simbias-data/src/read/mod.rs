//! Readers for common file formats, behind two functions: [`read_dataset`] and [`read_splits`]. Both also take tables and
//! arrays in memory ([`Source`]).
//!
//! | source | inputs | labels |
//! |---|---|---|
//! | IDX (`.gz`), or a folder of IDX pairs | images `[1, height, width]` | the partner file |
//! | CIFAR-10 or CIFAR-100 binary file or folder | images `[3, 32, 32]` | the record's label bytes |
//! | folder of class folders (also in `train/`, `test/`) | images | name of the subfolder |
//! | table of image paths (`labels.csv`) | images | a column |
//! | `.npy`, `.npz`, `.safetensors` | one array, or several as named tensors | another array, or a file |
//! | `.csv`, `.tsv`, `.parquet` | numeric columns, texts one-hot | a column |
//! | Parquet with image bytes | images | a column, with the class names of Hugging Face |
//!
//! 8-bit images become `[0, 1]`, channels first. All values are checked to be finite; missing cells are NaN under
//! [`Missing::Keep`] only. What reading decides is in [`Dataset::notes`].

mod array;
mod arrays;
mod cifar;
mod column;
mod content;
mod csv;
mod dialect;
mod foreign;
mod giveaway;
mod idx;
mod image_folder;
mod image_rows;
mod image_table;
mod labels;
mod matrix;
mod options;
mod parquet;
mod parquet_matrix;
mod safetensors;
mod source;
mod source_table;
mod table;
mod text;

use std::path::{Path, PathBuf};

pub use array::{read_array, split_location};
pub use cifar::{CifarKind, parse_cifar};
pub use column::Column;
pub use csv::{parse_csv, parse_matrix};
pub use dialect::Delimiter;
pub use giveaway::GIVEAWAY;
pub use idx::{IdxArray, parse_idx, parse_idx_pair};
pub use image_rows::{DecodedImage, decode_image};
pub use image_table::{LabelsTable, parse_labels_table};
pub use matrix::MatrixFile;
pub use options::{
    DateOrder, DecimalMark, Features, LabelSource, MISSING_WORDS, Missing, Part, PartChoice,
    ReadOptions, Task,
};
pub use parquet::parse_parquet;
pub use safetensors::parse_safetensors;
pub use source::{ColumnValues, MemoryArrays, MemoryTable, Source};
pub use source_table::{SourceTable, read_source_table};

pub use simbias_checkpoint::{ArrayValues, NamedArray, parse_npy, parse_npz};
use simbias_checkpoint::{NPY_MAGIC, NpzFile, file_stem};

use self::{content::Content, dialect::TextForm, table::TableSource};
use crate::{
    DataError, Dataset, SplitDataset, SplitOptions, TestSplit, TrainSplit, ValidationSplit,
};

/// A data set with the part that its files say it is.
type Named = (Option<Part>, Dataset);

/// Reads `source`, a path or what lies in memory, as one data set; a source of several parts is joined in the order
/// train, validation, test, unless `options.parts` chooses one.
///
/// # Errors
/// See [`DataError`]; nothing is returned half-read.
pub fn read_dataset<'a>(
    source: impl Into<Source<'a>>,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let source = source.into();
    let parts: Vec<Named> = read_parts(source, options)?;
    let name = match parts.as_slice() {
        [(_, only)] => only.name.clone(),
        _ => file_stem(source.name()),
    };
    let parts = parts.into_iter().map(|(_, dataset)| dataset).collect();
    let joined = Dataset::concatenate(parts).map(|dataset| Dataset { name, ..dataset });
    joined.ok_or_else(|| DataError::Unrecognised {
        path: source.name().into(),
        problem: "holds parts of different layouts".into(),
    })
}

/// Reads `source` and splits it: by the source's own files where it has a train and a test part, by fraction
/// otherwise. A missing validation part is cut from the training part.
///
/// # Errors
/// See [`DataError`].
pub fn read_splits<'a>(
    source: impl Into<Source<'a>>,
    options: &ReadOptions,
    split: &SplitOptions,
) -> Result<SplitDataset, DataError> {
    let source = source.into();
    let mut parts = read_parts(source, options)?;
    let mut take = |wanted: Part| {
        let position = parts.iter().position(|(part, _)| *part == Some(wanted))?;
        Some(parts.remove(position).1)
    };
    match (take(Part::Train), take(Part::Validation), take(Part::Test)) {
        (Some(train), Some(validation), Some(test)) => Ok(SplitDataset {
            train: TrainSplit(train),
            validation: ValidationSplit(validation),
            test: TestSplit(test),
        }),
        (Some(train), None, Some(test)) => split.cut_validation(train, test),
        (Some(train), Some(validation), None) => split.cut_test(train, validation),
        (train, validation, test) => {
            let rest = parts.into_iter().map(|(_, dataset)| dataset);
            let all = [train, validation, test].into_iter().flatten().chain(rest).collect();
            let whole = Dataset::concatenate(all).ok_or_else(|| DataError::Unrecognised {
                path: source.name().into(),
                problem: "holds parts of different layouts".into(),
            })?;
            split.by_fraction(&whole)
        }
    }
}

fn read_parts(source: Source<'_>, options: &ReadOptions) -> Result<Vec<Named>, DataError> {
    let path = source.name();
    let mut parts = match source {
        Source::Path(path) if path.is_dir() => read_folder(path, options)?,
        Source::Path(path) => read_file(path, options)?,
        Source::Arrays(arrays) => arrays::read(arrays, options)?,
        Source::Tables(tables) => read_memory_tables(tables, options)?,
    };
    if let PartChoice::Prefer(wanted) = options.parts
        && parts.iter().any(|(part, _)| *part == Some(wanted))
    {
        parts.retain(|(part, _)| *part == Some(wanted));
    }
    if let PartChoice::Only(wanted) = options.parts {
        let available: Vec<String> = parts
            .iter()
            .map(|(part, _)| part.map_or("unnamed".into(), |part| part.name().to_string()))
            .collect();
        parts.retain(|(part, _)| *part == Some(wanted));
        if parts.is_empty() {
            return Err(DataError::no_such_name(path, "part", wanted.name(), &available));
        }
    }
    parts.sort_by_key(|(part, _)| *part);
    let mut datasets: Vec<&mut Dataset> = parts.iter_mut().map(|(_, dataset)| dataset).collect();
    labels::unify(path, &mut datasets)?;
    if let (Some(name), true) =
        (&options.weights, datasets.iter().any(|dataset| dataset.weights.is_none()))
    {
        return Err(DataError::option(
            path,
            format!("this kind of source has no column of weights {name:?}"),
        ));
    }
    if let Some(classes) = &options.classes {
        for dataset in datasets {
            *dataset = dataset.with_classes(classes)?;
        }
    }
    Ok(parts)
}

/// File formats, by first bytes, then by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Idx,
    Npy,
    Npz,
    Safetensors,
    Parquet,
    Text,
    Cifar,
}

fn format_of(path: &Path, bytes: &[u8]) -> Result<Format, DataError> {
    let name =
        path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if bytes.is_empty() {
        return Err(DataError::Unrecognised { path: path.into(), problem: "is empty".into() });
    }
    Ok(match extension {
        "csv" | "tsv" | "txt" | "tab" | "psv" | "dat" | "data" => Format::Text,
        "npy" => Format::Npy,
        "npz" => Format::Npz,
        "safetensors" => Format::Safetensors,
        "parquet" => Format::Parquet,
        "bin" => Format::Cifar,
        _ if bytes.starts_with(NPY_MAGIC) => Format::Npy,
        _ if bytes.starts_with(b"PK\x03\x04") => Format::Npz,
        _ if bytes.starts_with(b"PAR1") => Format::Parquet,
        _ if idx::looks_like_idx(bytes) || name.contains("idx") => Format::Idx,
        _ => {
            return Err(DataError::Unrecognised {
                path: path.into(),
                problem: format!(
                    "has an unknown ending and begins with {:02x?}",
                    &bytes[..bytes.len().min(8)]
                ),
            });
        }
    })
}

fn read_file(path: &Path, options: &ReadOptions) -> Result<Vec<Named>, DataError> {
    let bytes = content::open(path)?;
    let whole = |dataset: Dataset| vec![(None, dataset)];
    match format_of(path, &bytes)? {
        Format::Idx => idx::read(path, options).map(whole),
        Format::Cifar => cifar::read(path, options).map(whole),
        Format::Npy => arrays::read(&array::NpyStore::new(path, &bytes)?, options),
        Format::Npz => arrays::read(&NpzFile::parse(path, &bytes)?, options),
        Format::Safetensors => {
            arrays::read(&safetensors::SafetensorsStore::new(path, &bytes)?, options)
        }
        Format::Parquet => {
            let table = parquet::ParquetTable::new(path, bytes)?;
            parquet::read(vec![vec![table]], options).map(|mut parts| whole(parts.remove(0)))
        }
        Format::Text => match image_table::read_if_list(path, &bytes, options)? {
            Some(dataset) => Ok(whole(dataset)),
            None => csv::parse_csv(path, &bytes, options).map(whole),
        },
    }
}

fn read_memory_tables(
    tables: &[MemoryTable],
    options: &ReadOptions,
) -> Result<Vec<Named>, DataError> {
    let groups: Vec<Vec<&dyn TableSource>> =
        tables.iter().map(|table| vec![table as &dyn TableSource]).collect();
    let names: Vec<String> = tables.iter().map(|table| file_stem(table.file())).collect();
    let datasets = table::read(&groups, &names, options)?;
    Ok(tables.iter().map(MemoryTable::part).zip(datasets).collect())
}

fn read_folder(path: &Path, options: &ReadOptions) -> Result<Vec<Named>, DataError> {
    let (folders, files) = image_folder::entries(path)?;
    let pairs = idx::files_of_folder(&files);
    if !pairs.is_empty() {
        return pairs
            .into_iter()
            .filter(|(part, _)| is_chosen(*part, options))
            .map(|(part, file)| idx::read(&file, options).map(|dataset| (part, dataset)))
            .collect();
    }
    let batches = cifar::files_of_folder(&files);
    if !batches.is_empty() {
        return batches
            .into_iter()
            .filter(|(part, _)| is_chosen(Some(*part), options))
            .map(|(part, files)| {
                cifar::read_files(&files, options).map(|dataset| (Some(part), dataset))
            })
            .collect();
    }
    let parts = image_folder::part_folders(&folders);
    if !parts.is_empty() {
        let mut read = Vec::new();
        for (part, folder) in parts.into_iter().filter(|(part, _)| is_chosen(Some(*part), options))
        {
            let whole =
                read_folder(&folder, &ReadOptions { parts: PartChoice::All, ..options.clone() })?;
            read.extend(whole.into_iter().map(|(_, dataset)| (Some(part), dataset)));
        }
        return Ok(read);
    }
    if let Some(table) = image_folder::table_of_folder(&files) {
        let bytes = content::open(table)?;
        if let Some(dataset) = image_table::read_if_list(table, &bytes, options)? {
            return Ok(vec![(None, dataset)]);
        }
    }
    if let Some(parts) = read_table_files(path, &files, options)? {
        return Ok(parts);
    }
    let data = path.join("data");
    if folders.contains(&data) && !image_folder::entries(&data)?.1.is_empty() {
        return read_folder(&data, options);
    }
    image_folder::read(path, options).map(|dataset| vec![(None, dataset)])
}

fn is_chosen(part: Option<Part>, options: &ReadOptions) -> bool {
    match options.parts {
        // The parts of a source are known only after all of it was read.
        PartChoice::All | PartChoice::Prefer(_) => true,
        PartChoice::Only(wanted) => part == Some(wanted),
    }
}

/// Tables of one format whose names say their part, such as `train.csv` or `test-00000-of-00002.parquet`.
fn read_table_files(
    folder: &Path,
    files: &[PathBuf],
    options: &ReadOptions,
) -> Result<Option<Vec<Named>>, DataError> {
    let has_ending = |file: &PathBuf, endings: &[&str]| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| endings.contains(&extension))
    };
    let is_parquet = files.iter().any(|file| has_ending(file, &["parquet"]));
    let endings: &[&str] = if is_parquet { &["parquet"] } else { &["csv", "tsv"] };
    let tables: Vec<&PathBuf> = files.iter().filter(|file| has_ending(file, endings)).collect();
    if tables.is_empty() {
        return Ok(None);
    }
    let part_of = |file: &Path| Part::of_name(&file_stem(file)).map(|(part, _)| part);
    let is_named = tables.iter().all(|file| part_of(file).is_some());
    if !is_named && tables.len() > 1 && !is_parquet {
        return Err(DataError::option(
            folder,
            format!(
                "it holds {} tables whose names do not say train or test; give one of them",
                tables.len()
            ),
        ));
    }
    let mut groups: Vec<(Option<Part>, Vec<&PathBuf>)> = Vec::new();
    for file in tables {
        let part = if is_named { part_of(file) } else { None };
        match groups.iter_mut().find(|(other, _)| *other == part) {
            Some((_, group)) => group.push(file),
            None => groups.push((part, vec![file])),
        }
    }
    let parts: Vec<Option<Part>> = groups.iter().map(|(part, _)| *part).collect();
    let contents: Vec<Vec<(&PathBuf, Content)>> = groups
        .iter()
        .map(|(_, files)| files.iter().map(|&file| Ok((file, content::open(file)?))).collect())
        .collect::<Result<_, DataError>>()?;
    let datasets = if is_parquet {
        let tables = contents
            .into_iter()
            .map(|group| {
                let open = |(file, content): (&PathBuf, Content)| {
                    parquet::ParquetTable::new(file, content)
                };
                group.into_iter().map(open).collect()
            })
            .collect::<Result<_, _>>()?;
        parquet::read(tables, options)?
    } else {
        let tables: Vec<Vec<csv::TextTable<'_>>> = contents
            .iter()
            .map(|group| {
                group
                    .iter()
                    .map(|(file, bytes)| csv::TextTable::new(file, bytes, TextForm::of(options)))
                    .collect()
            })
            .collect::<Result<_, _>>()?;
        let names: Vec<String> = tables.iter().map(|group| file_stem(group[0].file())).collect();
        let groups: Vec<Vec<&dyn TableSource>> = tables
            .iter()
            .map(|group| group.iter().map(|table| table as &dyn TableSource).collect())
            .collect();
        table::read(&groups, &names, options)?
    };
    Ok(Some(parts.into_iter().zip(datasets).collect()))
}
