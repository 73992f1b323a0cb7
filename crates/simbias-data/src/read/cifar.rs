//! CIFAR-10 and CIFAR-100 in their binary version: each record is label bytes, then 3 × 32 × 32 levels.
//!
//! Source of the format: A. Krizhevsky, the CIFAR page's "binary version" section.

use std::path::{Path, PathBuf};

use simbias_checkpoint::file_stem;

use super::{
    LabelSource, Part, ReadOptions, content, image_rows::unit, image_rows::zeroed_rows,
    labels::RawLabels, options::kept_rows,
};
use crate::{ClassLabels, DataError, Dataset, ImageShape, Layout};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const N_LEVELS: usize = 3 * 32 * 32;
const N_COARSE: usize = 20;

/// Which of the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CifarKind {
    /// One label byte of 0 to 9.
    Cifar10,
    /// A coarse label byte of 0 to 19, then a fine one of 0 to 99.
    Cifar100,
}

impl CifarKind {
    fn n_label_bytes(self) -> usize {
        match self {
            Self::Cifar10 => 1,
            Self::Cifar100 => 2,
        }
    }

    /// Number of classes; fine ones for CIFAR-100.
    pub fn n_classes(self) -> usize {
        match self {
            Self::Cifar10 => 10,
            Self::Cifar100 => 100,
        }
    }

    /// Guessed from the file's name, then from its length and labels.
    fn of_file(file: &Path, bytes: &[u8]) -> Self {
        let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase());
        match name.as_deref() {
            Some("train.bin" | "test.bin") => return Self::Cifar100,
            Some(name) if name.starts_with("data_batch") || name == "test_batch.bin" => {
                return Self::Cifar10;
            }
            _ => {}
        }
        if check(file, bytes, Self::Cifar10).is_err() && check(file, bytes, Self::Cifar100).is_ok()
        {
            Self::Cifar100
        } else {
            Self::Cifar10
        }
    }
}

/// Names of the classes, from the text files beside the data.
#[derive(Clone, Debug, Default)]
struct ClassNames {
    fine: Option<Vec<String>>,
    coarse: Option<Vec<String>>,
}

impl ClassNames {
    /// Lists that are missing or of another length are ignored: names are optional.
    fn beside(folder: &Path, kind: CifarKind) -> Self {
        let list = |name: &str, n_names: usize| {
            let text = std::fs::read_to_string(folder.join(name)).ok()?;
            let names: Vec<String> = text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(Into::into)
                .collect();
            (names.len() == n_names).then_some(names)
        };
        match kind {
            CifarKind::Cifar10 => Self { fine: list("batches.meta.txt", 10), coarse: None },
            CifarKind::Cifar100 => Self {
                fine: list("fine_label_names.txt", 100),
                coarse: list("coarse_label_names.txt", N_COARSE),
            },
        }
    }
}

fn numbered(n_classes: usize) -> Vec<String> {
    (0..n_classes).map(|class| class.to_string()).collect()
}

/// Reads one binary file from memory; levels become `[0, 1]`. `file` is for messages and the name.
///
/// CIFAR-100 takes the fine labels, or the coarse ones if `options.labels` names `coarse`; `coarse` may also be a
/// stratum.
///
/// # Errors
/// A length that is not a multiple of the record, label bytes out of range, fewer than two records.
pub fn parse_cifar(
    file: &Path,
    bytes: &[u8],
    kind: CifarKind,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    assemble(&[(file, bytes)], kind, &ClassNames::default(), options)
}

/// Checks length and labels; returns the number of records.
fn check(file: &Path, bytes: &[u8], kind: CifarKind) -> Result<usize, DataError> {
    let malformed = |problem: String| {
        DataError::malformed(
            file,
            "CIFAR binary",
            problem,
            "fetch the binary (not the Python) version again",
        )
    };
    let record = kind.n_label_bytes() + N_LEVELS;
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        return Err(malformed(format!(
            "{} bytes are not a whole number of {record}-byte records",
            bytes.len()
        )));
    }
    for (row, record) in bytes.chunks_exact(record).enumerate() {
        let label = usize::from(record[kind.n_label_bytes() - 1]);
        let coarse = if kind == CifarKind::Cifar100 { usize::from(record[0]) } else { 0 };
        if label >= kind.n_classes() || coarse >= N_COARSE {
            return Err(malformed(format!(
                "label byte {label} of record {} is out of range",
                row + 1
            )));
        }
    }
    Ok(bytes.len() / record)
}

fn assemble(
    files: &[(&Path, &[u8])],
    kind: CifarKind,
    names: &ClassNames,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let first_file = files[0].0;
    let mut n_records = 0;
    for (file, bytes) in files {
        n_records += check(file, bytes, kind)?;
    }
    let available = match kind {
        CifarKind::Cifar10 => vec!["label".to_string()],
        CifarKind::Cifar100 => vec!["fine".to_string(), "coarse".into()],
    };
    let label_name = match &options.labels {
        None => available[0].clone(),
        Some(LabelSource::Named(name)) if available.contains(name) => name.clone(),
        Some(LabelSource::Named(name)) => {
            return Err(DataError::no_such_name(first_file, "label", name, &available));
        }
        Some(LabelSource::File(_)) => {
            return Err(DataError::option(
                first_file,
                "CIFAR files carry their own labels; leave the label file out",
            ));
        }
    };
    if let Some(name) = options.strata.iter().find(|name| !available.contains(name)) {
        return Err(DataError::no_such_name(first_file, "stratum", name, &available));
    }
    let record_len = kind.n_label_bytes() + N_LEVELS;
    let records: Vec<&[u8]> =
        files.iter().flat_map(|(_, bytes)| bytes.chunks_exact(record_len)).collect();
    let kept = kept_rows(n_records, options.max_rows);
    if kept.len() < 2 {
        return Err(DataError::TooFewRows { file: first_file.into(), found: kept.len() });
    }
    let mut rows = zeroed_rows(first_file, kept.len(), N_LEVELS)?;
    for (mut row, &record) in rows.rows_mut().into_iter().zip(&kept) {
        for (value, &byte) in row.iter_mut().zip(&records[record][kind.n_label_bytes()..]) {
            *value = unit(byte);
        }
    }
    let labelled = |name: &str| {
        let is_coarse = name == "coarse";
        let position = if is_coarse { 0 } else { kind.n_label_bytes() - 1 };
        let n_classes = if is_coarse { N_COARSE } else { kind.n_classes() };
        let known = if is_coarse { &names.coarse } else { &names.fine };
        RawLabels::Named(ClassLabels {
            indices: kept.iter().map(|&record| u32::from(records[record][position])).collect(),
            names: known.clone().unwrap_or_else(|| numbered(n_classes)),
        })
    };
    Ok(Dataset {
        name: file_stem(first_file),
        rows,
        layout: Layout::image(SHAPE),
        target: labelled(&label_name).into_target(first_file, options)?,
        strata: options.strata.iter().map(|name| labelled(name).into_stratum(name)).collect(),
        weights: None,
        notes: Vec::new(),
    })
}

/// Reads one binary file.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    let bytes = content::open(path)?;
    let kind = CifarKind::of_file(path, &bytes);
    let folder = path.parent().unwrap_or(Path::new("."));
    assemble(&[(path, &bytes)], kind, &ClassNames::beside(folder, kind), options)
}

/// Reads the files of one part of a CIFAR folder.
pub(super) fn read_files(files: &[PathBuf], options: &ReadOptions) -> Result<Dataset, DataError> {
    let contents = files.iter().map(|file| content::open(file)).collect::<Result<Vec<_>, _>>()?;
    let kind = CifarKind::of_file(&files[0], &contents[0]);
    let folder = files[0].parent().unwrap_or(Path::new("."));
    let pairs: Vec<(&Path, &[u8])> =
        files.iter().zip(&contents).map(|(file, bytes)| (file.as_path(), &**bytes)).collect();
    assemble(&pairs, kind, &ClassNames::beside(folder, kind), options)
}

/// The binary files of a folder by part; empty if it is not a CIFAR folder.
pub(super) fn files_of_folder(files: &[PathBuf]) -> Vec<(Part, Vec<PathBuf>)> {
    let part_of = |file: &PathBuf| {
        let name = file.file_name()?.to_str()?.to_lowercase();
        match name.as_str() {
            "test_batch.bin" | "test.bin" => Some(Part::Test),
            "train.bin" => Some(Part::Train),
            _ if name.starts_with("data_batch") && name.ends_with(".bin") => Some(Part::Train),
            _ => None,
        }
    };
    [Part::Train, Part::Test]
        .into_iter()
        .map(|part| {
            (part, files.iter().filter(|file| part_of(file) == Some(part)).cloned().collect())
        })
        .filter(|(_, files): &(Part, Vec<PathBuf>)| !files.is_empty())
        .collect()
}
