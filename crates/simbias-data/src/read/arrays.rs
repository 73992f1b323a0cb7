//! Turns files of arrays into data sets: which array is the input, which holds labels, which is the test part.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};

use simbias_checkpoint::{ArrayInfo, ArrayValues, NamedArray, file_stem};

use super::{
    Features, LabelSource, Missing, Part, ReadOptions,
    array::ArrayStore,
    image_rows::{unit, zeroed_rows},
    labels::{RawLabels, row_weights, task_of, weights_note},
    options::{is_label_name, kept_rows},
    read_array,
};
use crate::{DataError, Dataset, Layout, Stratum};

/// Reads `store`; arrays named `x_train`, `x_test`, … make parts.
pub(super) fn read(
    store: &dyn ArrayStore,
    options: &ReadOptions,
) -> Result<Vec<(Option<Part>, Dataset)>, DataError> {
    let everything: Vec<Choice> = store
        .infos()
        .iter()
        .enumerate()
        .map(|(index, info)| Choice { name: info.name.clone(), index })
        .collect();
    let mut by_part: [Vec<Choice>; 3] = Default::default();
    for (index, info) in store.infos().iter().enumerate() {
        if let Some((part, name)) = Part::of_name(&info.name) {
            let name = if name.is_empty() { "x".into() } else { name };
            by_part[part as usize].push(Choice { name, index });
        }
    }
    let comes_in_parts = by_part.iter().filter(|group| group.len() >= 2).count() >= 2;
    if !comes_in_parts {
        return Ok(vec![(None, read_group(store, &everything, options)?)]);
    }
    let mut parts = Vec::new();
    for (part, group) in [Part::Train, Part::Validation, Part::Test].into_iter().zip(&by_part) {
        if !group.is_empty() {
            parts.push((Some(part), read_group(store, group, options)?));
        }
    }
    Ok(parts)
}

/// An array under the name by which it is chosen.
struct Choice {
    name: String,
    index: usize,
}

fn is_input_name(name: &str) -> bool {
    const USUAL: [&str; 6] = ["x", "data", "features", "inputs", "input", "arr_0"];
    USUAL.contains(&name.to_lowercase().as_str())
}

fn read_group(
    store: &dyn ArrayStore,
    group: &[Choice],
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let file = store.file();
    let names: Vec<String> = group.iter().map(|choice| choice.name.clone()).collect();
    let find = |role: &'static str, name: &str| {
        group
            .iter()
            .find(|choice| choice.name == name || store.infos()[choice.index].name == name)
            .map(|choice| choice.index)
            .ok_or_else(|| DataError::no_such_name(file, role, name, &names))
    };
    let (label_index, labels) = match &options.labels {
        Some(LabelSource::File(path)) => (None, RawLabels::of_array(read_array(path)?, path)?),
        Some(LabelSource::Named(name)) => {
            let index = find("label array", name)?;
            (Some(index), RawLabels::of_array(store.load(index)?, file)?)
        }
        None => match group.iter().find(|choice| is_label_name(&choice.name)) {
            Some(choice) => {
                (Some(choice.index), RawLabels::of_array(store.load(choice.index)?, file)?)
            }
            None => match partner(file).filter(|_| group.len() == 1) {
                Some(path) => (None, RawLabels::of_array(read_array(&path)?, &path)?),
                None => return Err(DataError::NoLabels { file: file.into(), available: names }),
            },
        },
    };
    let mut strata = Vec::new();
    let mut reserved: Vec<usize> = label_index.into_iter().collect();
    for name in &options.strata {
        let index = find("stratum array", name)?;
        strata.push((name.clone(), RawLabels::of_array(store.load(index)?, file)?));
        reserved.push(index);
    }
    let weights = match &options.weights {
        Some(name) => {
            let index = find("weight array", name)?;
            reserved.push(index);
            Some((name.as_str(), RawLabels::of_array(store.load(index)?, file)?))
        }
        None => None,
    };
    let inputs = match &options.features {
        Features::Only(wanted) => {
            wanted.iter().map(|name| find("input array", name)).collect::<Result<Vec<_>, _>>()?
        }
        Features::AllBut(unwanted) => {
            for name in unwanted {
                reserved.push(find("array to leave out", name)?);
            }
            group
                .iter()
                .map(|choice| choice.index)
                .filter(|index| !reserved.contains(index))
                .collect()
        }
        Features::All => guess_inputs(store, group, &reserved, labels.len()),
    };
    if inputs.is_empty() {
        return Err(DataError::option(
            file,
            format!("no input array is left beside labels and strata; it has {}", names.join(", ")),
        ));
    }
    assemble(store, file_stem(file), &inputs, labels, strata, weights, options)
}

/// The array with a usual input name, else all arrays with one row per label.
fn guess_inputs(
    store: &dyn ArrayStore,
    group: &[Choice],
    reserved: &[usize],
    n_labels: usize,
) -> Vec<usize> {
    let free: Vec<&Choice> =
        group.iter().filter(|choice| !reserved.contains(&choice.index)).collect();
    let usual: Vec<usize> = free
        .iter()
        .filter(|choice| is_input_name(&choice.name))
        .map(|choice| choice.index)
        .collect();
    if usual.len() == 1 {
        return usual;
    }
    let has_rows = |choice: &&Choice| store.infos()[choice.index].shape.first() == Some(&n_labels);
    let fitting: Vec<usize> =
        free.iter().copied().filter(has_rows).map(|choice| choice.index).collect();
    // Nothing fits: keep the arrays, so that the message can name both counts.
    if fitting.is_empty() { free.iter().map(|choice| choice.index).collect() } else { fitting }
}

/// The label file beside `x.npy`, by its name.
fn partner(file: &Path) -> Option<PathBuf> {
    const PAIRS: [(&str, &str); 8] = [
        ("images", "labels"),
        ("data", "labels"),
        ("data", "target"),
        ("features", "labels"),
        ("inputs", "labels"),
        ("inputs", "targets"),
        ("x", "y"),
        ("X", "y"),
    ];
    let stem = file_stem(file);
    let name = file.file_name()?.to_str()?;
    let words: Vec<&str> = stem.split('_').collect();
    PAIRS.iter().find_map(|&(input, label)| {
        let position = words.iter().position(|&word| word == input)?;
        let mut renamed = words.clone();
        renamed[position] = label;
        let path = file.with_file_name(renamed.join("_") + &name[stem.len()..]);
        path.is_file().then_some(path)
    })
}

/// Fills one row per example from the arrays `inputs` of `store`, side by side.
///
/// 8-bit arrays of more than two axes are images and become `[0, 1]`; arrays `[n, height, width, 1 or 3]` are
/// turned to channels first.
pub(super) fn assemble(
    store: &dyn ArrayStore,
    name: String,
    inputs: &[usize],
    labels: RawLabels,
    strata: Vec<(String, RawLabels)>,
    weights: Option<(&str, RawLabels)>,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let file = store.file();
    let infos: Vec<&ArrayInfo> = inputs.iter().map(|&index| &store.infos()[index]).collect();
    let n_rows = infos[0].shape.first().copied().unwrap_or(1);
    for info in &infos {
        let found = info.shape.first().copied().unwrap_or(1);
        if found != n_rows {
            return Err(DataError::option(
                file,
                format!(
                    "{:?} has {n_rows} rows but {:?} has {found}; leave one of them out",
                    infos[0].name, info.name
                ),
            ));
        }
    }
    let counts = strata.iter().map(|(_, stratum)| stratum.len()).chain([labels.len()]);
    for count in counts.chain(weights.iter().map(|(_, weights)| weights.len())) {
        if count != n_rows {
            return Err(DataError::LabelCount { file: file.into(), rows: n_rows, labels: count });
        }
    }
    let kept = kept_rows(n_rows, options.max_rows);
    if kept.len() < 2 {
        return Err(DataError::TooFewRows { file: file.into(), found: kept.len() });
    }
    let (rows, layout) = match inputs {
        &[index] => {
            let (rows, shape) = rows_of(file, store.load(index)?, &kept)?;
            (rows, Layout::array(shape))
        }
        _ => side_by_side(store, inputs, &kept)?,
    };
    if layout.n_features() == 0 {
        return Err(DataError::option(file, "the input arrays hold no value in a row"));
    }
    if options.missing == Missing::Keep {
        check_not_infinite(file, &rows, &layout, &kept)?;
    } else {
        check_finite(file, &rows, &layout, &kept)?;
    }
    let strata: Vec<Stratum> =
        strata.into_iter().map(|(name, raw)| raw.select(&kept).into_stratum(&name)).collect();
    let mut notes = Vec::new();
    let labels = labels.select(&kept);
    let task = task_of(&[&labels], file, options, &mut notes)?;
    let target = labels.into_target(file, &ReadOptions { task, ..options.clone() })?;
    let weights = match weights {
        Some((name, raw)) => {
            notes.push(weights_note());
            Some(row_weights(file, name, &raw.select(&kept))?)
        }
        None => None,
    };
    Ok(Dataset { name, rows, layout, target, strata, weights, notes })
}

/// One array at a time, so that at most one is held beside the rows.
fn side_by_side(
    store: &dyn ArrayStore,
    inputs: &[usize],
    kept: &[usize],
) -> Result<(Array2<f32>, Layout), DataError> {
    let file = store.file();
    // Saturates: shapes are checked against the file only when an array is loaded.
    let n_values = |index: usize| {
        let lengths = store.infos()[index].shape.iter().skip(1);
        lengths.fold(1_usize, |product, &length| product.saturating_mul(length))
    };
    let n_features = inputs.iter().fold(0_usize, |sum, &index| sum.saturating_add(n_values(index)));
    let mut rows: Option<Array2<f32>> = None;
    let mut named_shapes = Vec::new();
    let mut offset = 0;
    for &index in inputs {
        // Loading comes first: it checks the header against the file before anything large is allocated.
        let (part, shape) = rows_of(file, store.load(index)?, kept)?;
        let all = match &mut rows {
            Some(all) => all,
            None => rows.insert(zeroed_rows(file, kept.len(), n_features)?),
        };
        let width = part.ncols();
        all.slice_mut(ndarray::s![.., offset..offset + width]).assign(&part);
        named_shapes.push((store.infos()[index].name.clone(), shape));
        offset += width;
    }
    Ok((rows.unwrap_or_default(), Layout::named_tensors(named_shapes)))
}

/// The kept rows of one array, and the shape of an example.
fn rows_of(
    file: &Path,
    array: NamedArray,
    kept: &[usize],
) -> Result<(Array2<f32>, Vec<usize>), DataError> {
    let n_rows = array.n_rows();
    let shape: Vec<usize> = array.shape.get(1..).unwrap_or(&[]).to_vec();
    let n_values: usize = shape.iter().product();
    let is_bytes = matches!(array.values, ArrayValues::U8(_));
    let rows = match array.values {
        ArrayValues::U8(bytes) if shape.len() >= 2 => {
            let mut rows = zeroed_rows(file, kept.len(), n_values)?;
            for (mut row, &source) in rows.rows_mut().into_iter().zip(kept) {
                let levels = &bytes[source * n_values..(source + 1) * n_values];
                row.iter_mut().zip(levels).for_each(|(value, &byte)| *value = unit(byte));
            }
            rows
        }
        ArrayValues::Texts(_) => {
            return Err(DataError::option(
                file,
                format!(
                    "array {:?} holds texts, which cannot be model input; leave it out or use it as a stratum",
                    array.name
                ),
            ));
        }
        values => {
            let array = NamedArray { values, ..array };
            let values = array.into_f32().expect("texts were refused above");
            let all = Array2::from_shape_vec((n_rows, n_values), values)
                .expect("readers give as many values as the shape holds");
            if kept.len() == n_rows { all } else { all.select(ndarray::Axis(0), kept) }
        }
    };
    Ok(match *shape.as_slice() {
        [] => (rows, vec![1]),
        [height, width] if is_bytes => (rows, vec![1, height, width]),
        [height, width, channels @ (1 | 3)] if !matches!(height, 1 | 3) => {
            (channels_first(rows, height * width, channels), vec![channels, height, width])
        }
        _ => (rows, shape),
    })
}

/// Turns every row from `[pixel, channel]` to `[channel, pixel]`.
fn channels_first(mut rows: Array2<f32>, n_pixels: usize, n_channels: usize) -> Array2<f32> {
    if n_channels == 1 {
        return rows;
    }
    for mut row in rows.rows_mut() {
        let old = row.to_vec();
        let pixels =
            ArrayView2::from_shape((n_pixels, n_channels), &old).expect("a row is one image");
        for (value, &level) in row.iter_mut().zip(pixels.t().iter()) {
            *value = level;
        }
    }
    rows
}

/// Names the first value that is not finite; `kept` are the source rows.
pub(super) fn check_finite(
    file: &Path,
    rows: &Array2<f32>,
    layout: &Layout,
    kept: &[usize],
) -> Result<(), DataError> {
    refuse_values(file, rows, layout, kept, |value| !value.is_finite())
}

/// The same where NaN stands for a missing value.
fn check_not_infinite(
    file: &Path,
    rows: &Array2<f32>,
    layout: &Layout,
    kept: &[usize],
) -> Result<(), DataError> {
    refuse_values(file, rows, layout, kept, f32::is_infinite)
}

fn refuse_values(
    file: &Path,
    rows: &Array2<f32>,
    layout: &Layout,
    kept: &[usize],
    is_refused: impl Fn(f32) -> bool,
) -> Result<(), DataError> {
    for (row, values) in rows.rows().into_iter().enumerate() {
        if let Some(column) = values.iter().position(|&value| is_refused(value)) {
            return Err(DataError::NotFinite {
                file: file.into(),
                row: kept[row] + 1,
                column: layout.column_name(column),
                value: f64::from(values[column]),
            });
        }
    }
    Ok(())
}
