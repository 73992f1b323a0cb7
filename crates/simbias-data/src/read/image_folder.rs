//! Folders of images: the class is the name of the subfolder, or is given by a table beside the images.

use std::{
    fs,
    path::{Path, PathBuf},
};

use simbias_checkpoint::{FileError, file_stem};
use simbias_report::Caveat;

use super::{
    LabelSource, Part, ReadOptions, giveaway,
    image_rows::{self, ImageFiles},
    labels::{RawLabels, sort_names},
    options::kept_rows,
};
use crate::{ClassLabels, DataError, Dataset, Layout, Target};

const EXTENSIONS: [&str; 13] =
    ["png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff", "gif", "pgm", "ppm", "pbm", "pnm", "pam"];

/// Whether the name of `path` has the ending of an image.
pub(super) fn is_image(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| EXTENSIONS.contains(&extension.to_lowercase().as_str()))
}

/// Entries of a folder sorted by path, hidden ones left out: folders, then files.
pub(super) fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
    let io = FileError::io(folder, "list");
    let mut folders = Vec::new();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_none_or(|name| name.starts_with('.')) {
            continue;
        }
        if path.is_dir() { folders.push(path) } else { files.push(path) }
    }
    folders.sort();
    files.sort();
    Ok((folders, files))
}

/// All images in `folder` and below.
fn images_below(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let (folders, files) = entries(folder)?;
    let mut images: Vec<PathBuf> = files.into_iter().filter(|file| is_image(file)).collect();
    for inner in folders {
        images.extend(images_below(&inner)?);
    }
    Ok(images)
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The table of labels in a folder, if there is one with a usual name.
pub(super) fn table_of_folder(files: &[PathBuf]) -> Option<&PathBuf> {
    const USUAL: [&str; 4] = ["labels", "metadata", "annotations", "index"];
    files.iter().find(|file| {
        let name = name_of(file).to_lowercase();
        let is_text = [".csv", ".tsv", ".txt"].iter().any(|extension| name.ends_with(extension));
        is_text && USUAL.contains(&file_stem(file).to_lowercase().as_str())
    })
}

/// Subfolders named after parts, if there are at least two.
pub(super) fn part_folders(folders: &[PathBuf]) -> Vec<(Part, PathBuf)> {
    let mut parts: Vec<(Part, PathBuf)> = folders
        .iter()
        .filter_map(|folder| {
            let (part, rest) = Part::of_name(&name_of(folder))?;
            rest.is_empty().then(|| (part, folder.clone()))
        })
        .collect();
    parts.sort();
    let is_whole = parts.len() >= 2 && parts.windows(2).all(|pair| pair[0].0 != pair[1].0);
    if is_whole { parts } else { Vec::new() }
}

/// Remarks about files whose type, size or aspect tells the class.
fn file_notes(images: &ImageFiles, target: &Target) -> Result<Vec<Caveat>, DataError> {
    let types: Vec<String> = images
        .0
        .iter()
        .map(|path| path.extension().unwrap_or_default().to_string_lossy().to_lowercase())
        .collect();
    let shapes = image_rows::shapes(images)?;
    let sizes: Vec<String> =
        shapes.iter().map(|shape| format!("{}×{}", shape.height, shape.width)).collect();
    let aspects: Vec<String> = shapes
        .iter()
        .map(|shape| format!("{:.2}", shape.width as f64 / shape.height.max(1) as f64))
        .collect();
    let of_size = giveaway::category("size of the image files", &sizes, target)
        .or_else(|| giveaway::category("aspect of the image files", &aspects, target));
    Ok(giveaway::category("file type", &types, target).into_iter().chain(of_size).collect())
}

/// Reads a folder whose subfolders are the classes.
pub(super) fn read(folder: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    image_rows::check_image_size(folder, options.image_size)?;
    if let Some(LabelSource::Named(name)) = &options.labels {
        return Err(DataError::option(
            folder,
            format!("the class of an image folder is its subfolder; there is no column {name:?}"),
        ));
    }
    if let Some(LabelSource::File(file)) = &options.labels {
        return Err(DataError::option(
            folder,
            format!("to label images by a table, give the table {file:?} itself as the data"),
        ));
    }
    if let Some(name) = options.strata.first() {
        return Err(DataError::option(
            folder,
            format!(
                "an image folder has no stratum {name:?}; list images, labels and strata in a table"
            ),
        ));
    }
    let (mut folders, _) = entries(folder)?;
    sort_names(&mut folders, |folder| {
        folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    });
    let mut paths = Vec::new();
    let mut indices = Vec::new();
    let mut names = Vec::new();
    for class in &folders {
        let images = images_below(class)?;
        if !images.is_empty() {
            indices.extend(std::iter::repeat_n(names.len() as u32, images.len()));
            names.push(name_of(class));
            paths.extend(images);
        }
    }
    if names.is_empty() {
        return Err(DataError::Unrecognised {
            path: folder.into(),
            problem: "holds no subfolder with images (expected one subfolder per class)".into(),
        });
    }
    let kept = kept_rows(paths.len(), options.max_rows);
    if kept.len() < 2 {
        return Err(DataError::TooFewRows { file: folder.into(), found: kept.len() });
    }
    let labels = RawLabels::Named(ClassLabels { indices, names }).select(&kept);
    let target = labels.into_target(folder, options)?;
    let images = ImageFiles(kept.iter().map(|&row| paths[row].clone()).collect());
    let (rows, shape) = image_rows::decode_rows(&images, options.image_size)?;
    let notes = file_notes(&images, &target)?;
    Ok(Dataset {
        name: name_of(folder),
        rows,
        layout: Layout::image(shape),
        target,
        strata: Vec::new(),
        weights: None,
        notes,
    })
}
