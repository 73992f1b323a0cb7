//! Blocks for users who have not named any.

use std::collections::BTreeMap;

use ndarray::Array2;
use simbias_data::{Dataset, ImageShape, Target};

use crate::{Block, BlockSet, RelianceError};

/// Maximum number of columns that are clustered by correlation.
const MOST_COLUMNS: usize = 4096;
/// Blocks of a table of more columns than that.
const N_RANGES: usize = 16;
/// Rows that correlations are computed from.
const MOST_ROWS: usize = 10_000;

/// Blocks for data without any: a 3×3 grid for images, the named tensors of several inputs, clusters of
/// correlated columns for tables. Tables of more than 4096 columns are cut into ranges of neighbouring columns.
///
/// # Errors
/// Images smaller than 3×3.
pub fn propose_blocks(data: &Dataset) -> Result<BlockSet, RelianceError> {
    let n_features = data.n_features();
    if let Some(shape) = data.layout.image_shape() {
        return BlockSet::partition(grid(shape, 3, 3, "")?, n_features);
    }
    if data.layout.tensors().len() > 1 {
        let blocks = data.layout.tensors().iter().map(|tensor| {
            Block::new(&tensor.name, tensor.offset..tensor.offset + tensor.n_features())
        });
        return BlockSet::partition(blocks.collect(), n_features);
    }
    if n_features > MOST_COLUMNS {
        return BlockSet::partition(ranges(data), n_features);
    }
    BlockSet::partition(correlation_clusters(data, 0.7)?, n_features)
}

/// Neighbouring columns in [`N_RANGES`] blocks of nearly equal size; columns of one source stay together.
fn ranges(data: &Dataset) -> Vec<Block> {
    let groups = one_hot_groups(data);
    let n_ranges = N_RANGES.min(groups.len());
    (0..n_ranges)
        .map(|range| {
            let start = range * groups.len() / n_ranges;
            let end = (range + 1) * groups.len() / n_ranges;
            let columns = groups[start..end].iter().flat_map(|group| &group.columns);
            let columns = columns.map(|&column| column as usize);
            Block::new(format!("{} to {}", groups[start].name, groups[end - 1].name), columns)
        })
        .collect()
}

/// An image cut into `n_rows` × `n_columns` rectangles over all channels; sides differ by one pixel at most.
pub(crate) fn grid(
    shape: ImageShape,
    n_rows: usize,
    n_columns: usize,
    name: &str,
) -> Result<Vec<Block>, RelianceError> {
    if n_rows == 0 || n_columns == 0 || n_rows > shape.height || n_columns > shape.width {
        return Err(RelianceError::BadSelection {
            block: name.into(),
            problem: format!(
                "a grid of {n_rows}x{n_columns} does not fit an image of {}x{} pixels",
                shape.height, shape.width
            ),
        });
    }
    let mut blocks = Vec::new();
    for row in 0..n_rows {
        for column in 0..n_columns {
            let rows = row * shape.height / n_rows..(row + 1) * shape.height / n_rows;
            let columns = column * shape.width / n_columns..(column + 1) * shape.width / n_columns;
            let mut members = Vec::new();
            for channel in 0..shape.channels {
                for pixel_row in rows.clone() {
                    members.extend(
                        columns.clone().map(|pixel| shape.column(channel, pixel_row, pixel)),
                    );
                }
            }
            blocks.push(Block::new(place(name, (row, n_rows), (column, n_columns)), members));
        }
    }
    Ok(blocks)
}

/// Where a rectangle of a grid lies: "lower right" in a grid of up to 3×3, otherwise its row and column.
fn place(name: &str, (row, n_rows): (usize, usize), (column, n_columns): (usize, usize)) -> String {
    let vertical: &[&str] = match n_rows {
        1 => &[""],
        2 => &["upper", "lower"],
        3 => &["upper", "middle", "lower"],
        _ => &[],
    };
    let horizontal: &[&str] = match n_columns {
        1 => &[""],
        2 => &["left", "right"],
        3 => &["left", "middle", "right"],
        _ => &[],
    };
    let place = match (vertical.get(row), horizontal.get(column)) {
        (Some(&""), Some(&"")) => "whole image".into(),
        (Some(&"middle"), Some(&"middle")) => "centre".into(),
        (Some(&""), Some(&side)) | (Some(&side), Some(&"")) => format!("{side} part"),
        (Some(vertical), Some(horizontal)) => format!("{vertical} {horizontal}"),
        _ => format!("row {} of {n_rows}, column {} of {n_columns}", row + 1, column + 1),
    };
    if name.is_empty() { place } else { format!("{name} {place}") }
}

/// Clusters of columns that are correlated within the classes: every two of a cluster have a |correlation| of at least
/// `threshold` (complete linkage), so that no chain of neighbours joins columns that have little in common. One-hot columns
/// of one source are one column here.
///
/// Columns that only follow the target are not alike: correlations are those of what remains when the mean of its class is
/// taken from every value, or, for numbers, the straight line over the target.
pub(crate) fn correlation_clusters(
    data: &Dataset,
    threshold: f64,
) -> Result<Vec<Block>, RelianceError> {
    let bad =
        |problem: String| RelianceError::BadSelection { block: "auto-correlation".into(), problem };
    if !(0.0..=1.0).contains(&threshold) {
        return Err(bad(format!("threshold {threshold} is not between 0 and 1")));
    }
    let groups = one_hot_groups(data);
    if data.n_features() > MOST_COLUMNS {
        return Err(bad(format!(
            "{} columns are too many to cluster (at most {MOST_COLUMNS}); name blocks yourself",
            data.n_features()
        )));
    }
    let between = similarities(&groups, &correlations_within_classes(data));
    let clusters = complete_linkage(between, threshold);
    Ok(clusters.iter().map(|members| cluster_block(&groups, members)).collect())
}

/// Largest |correlation| between the columns of any two groups, `[n_groups, n_groups]`.
fn similarities(groups: &[Block], correlations: &Array2<f64>) -> Array2<f64> {
    let n = groups.len();
    let mut between = Array2::zeros((n, n));
    for a in 0..n {
        for b in a + 1..n {
            let pairs = groups[a].columns.iter().flat_map(|&i| {
                groups[b].columns.iter().map(move |&j| correlations[[i as usize, j as usize]])
            });
            let largest = pairs.fold(0.0, f64::max);
            between[[a, b]] = largest;
            between[[b, a]] = largest;
        }
    }
    between
}

/// Clusters whose members are all at least `threshold` alike: the two most similar clusters are joined, a joined one being
/// as similar to the others as its less similar half, until none are similar enough. Every cluster in ascending order, by
/// first members.
fn complete_linkage(mut similarity: Array2<f64>, threshold: f64) -> Vec<Vec<usize>> {
    let n = similarity.nrows();
    let mut clusters: Vec<Vec<usize>> = (0..n).map(|own| vec![own]).collect();
    // The most similar later cluster of every cluster, the first of equals.
    let nearest = |similarity: &Array2<f64>, clusters: &[Vec<usize>], own: usize| {
        (own + 1..n)
            .filter(|&other| !clusters[other].is_empty())
            .map(|other| (similarity[[own, other]], other))
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
    };
    let mut best: Vec<Option<(f64, usize)>> =
        (0..n).map(|own| nearest(&similarity, &clusters, own)).collect();
    loop {
        let closest = (0..n)
            .filter(|&own| !clusters[own].is_empty())
            .filter_map(|own| best[own].map(|(similarity, other)| (similarity, own, other)))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((similar, first, second)) = closest.filter(|found| found.0 >= threshold) else {
            break;
        };
        debug_assert!(similar >= threshold);
        let joined = std::mem::take(&mut clusters[second]);
        clusters[first].extend(joined);
        for other in 0..n {
            let least = similarity[[first, other]].min(similarity[[second, other]]);
            similarity[[first, other]] = least;
            similarity[[other, first]] = least;
        }
        for own in 0..n {
            let is_stale = best[own].is_some_and(|(_, other)| other == first || other == second);
            if !clusters[own].is_empty() && (own == first || is_stale) {
                best[own] = nearest(&similarity, &clusters, own);
            }
        }
    }
    clusters.retain(|members| !members.is_empty());
    clusters.iter_mut().for_each(|members| members.sort_unstable());
    clusters
}

/// The block of some groups, named after what their names have in common, or else the first of them, and their number.
fn cluster_block(groups: &[Block], members: &[usize]) -> Block {
    let names: Vec<&str> = members.iter().map(|&own| groups[own].name.as_str()).collect();
    let name = match names.as_slice() {
        [only] => (*only).to_string(),
        [first, ..] => {
            // A stem that others share tells nothing about the cluster.
            let others = (0..groups.len()).filter(|own| !members.contains(own));
            let is_own =
                |stem: &String| others.clone().all(|own| !groups[own].name.starts_with(stem));
            match common_stem(&names).filter(is_own) {
                Some(stem) => format!("{stem}… ({} columns)", names.len()),
                None => format!("{first} + {}", names.len() - 1),
            }
        }
        [] => unreachable!("a cluster has a member"),
    };
    let columns =
        members.iter().flat_map(|&own| groups[own].columns.iter().map(|&column| column as usize));
    Block::new(name, columns)
}

/// What all names begin with, if that is a word: at least three letters up to a separator or a digit.
fn common_stem(names: &[&str]) -> Option<String> {
    let first = *names.first()?;
    let shared = first
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8())
        .take_while(|&end| names.iter().all(|name| name.get(..end) == Some(&first[..end])))
        .last()?;
    let shared = &first[..shared];
    let is_break = |letter: char| !letter.is_alphabetic();
    let ends_word = names.iter().all(|name| name[shared.len()..].starts_with(is_break));
    let stem = match shared.rfind(is_break) {
        _ if ends_word => shared,
        Some(at) => &shared[..at],
        None => return None,
    };
    let stem = stem.trim_end_matches(is_break);
    (stem.chars().count() >= 3).then(|| stem.to_string())
}

/// |correlation| of all columns after the class means, or the line over the target, are taken away.
fn correlations_within_classes(data: &Dataset) -> Array2<f64> {
    let stride = data.n_rows().div_ceil(MOST_ROWS).max(1);
    let rows: Vec<usize> = (0..data.n_rows()).step_by(stride).collect();
    let mut values = data.rows.select(ndarray::Axis(0), &rows).mapv(f64::from);
    match &data.target {
        Target::Classes(labels) => {
            let classes: Vec<usize> =
                rows.iter().map(|&row| labels.indices[row] as usize).collect();
            for mut column in values.columns_mut() {
                let mut sums = vec![(0.0, 0.0); labels.n_classes()];
                for (value, &class) in column.iter().zip(&classes) {
                    sums[class].0 += value;
                    sums[class].1 += 1.0;
                }
                for (value, &class) in column.iter_mut().zip(&classes) {
                    *value -= sums[class].0 / sums[class].1;
                }
            }
        }
        Target::Values(target) => {
            let mean = rows.iter().map(|&row| target[row]).sum::<f64>() / rows.len() as f64;
            let target: Vec<f64> = rows.iter().map(|&row| target[row] - mean).collect();
            let spread = target.iter().map(|y| y * y).sum::<f64>();
            for mut column in values.columns_mut() {
                let mean = column.sum() / column.len() as f64;
                let product: f64 = column.iter().zip(&target).map(|(x, y)| x * y).sum();
                let slope = if spread > 0.0 { product / spread } else { 0.0 };
                for (value, y) in column.iter_mut().zip(&target) {
                    *value -= mean + slope * y;
                }
            }
        }
    }
    for (mut column, original) in values.columns_mut().into_iter().zip(data.rows.columns()) {
        let norm = column.mapv(|value| value * value).sum().sqrt();
        let scale = rows.iter().map(|&row| f64::from(original[row]).powi(2)).sum::<f64>().sqrt();
        // What is left of a column that the target determines is rounding.
        if norm > 1e-6 * scale {
            column.mapv_inplace(|value| value / norm);
        } else {
            column.fill(0.0);
        }
    }
    values.t().dot(&values).mapv(f64::abs)
}

/// The column of the user's table that a column stems from: one categorical column becomes several, `source=value`.
pub(crate) fn source_name(data: &Dataset, column: usize) -> String {
    let of_group = data.layout.column_groups().iter().find(|group| group.columns.contains(&column));
    of_group.map_or_else(
        || {
            let name = data.layout.column_name(column);
            name.split_once('=').map_or(name.clone(), |(source, _)| source.to_string())
        },
        |group| group.name.clone(),
    )
}

/// One block per column; columns called `source=value` of one source together.
pub(crate) fn one_hot_groups(data: &Dataset) -> Vec<Block> {
    let mut order: Vec<String> = Vec::new();
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for column in 0..data.n_features() {
        let source = source_name(data, column);
        if !groups.contains_key(&source) {
            order.push(source.clone());
        }
        groups.entry(source).or_default().push(column);
    }
    order
        .into_iter()
        .map(|source| {
            let columns = groups.remove(&source).unwrap_or_default();
            Block::new(source, columns)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use simbias_data::{Layout, Target};

    use super::*;

    #[test]
    fn correlated_columns_and_one_hot_columns_go_together() {
        let data = Dataset::new(
            "t",
            array![
                [1.0, 2.1, 0.0, 1.0, 0.0],
                [2.0, 3.9, 1.0, 0.0, 1.0],
                [3.0, 6.2, 0.0, 0.0, 1.0],
                [4.0, 7.9, 1.0, 1.0, 0.0]
            ],
            Layout::table(["size", "area", "noise", "sex=f", "sex=m"].map(String::from).to_vec()),
            Target::Values(vec![0.0, 1.0, 1.0, 0.0]),
        );
        let blocks = correlation_clusters(&data, 0.7).unwrap();
        assert_eq!(
            blocks,
            [Block::new("size + 1", [0, 1]), Block::new("noise", [2]), Block::new("sex", [3, 4])]
        );
    }

    #[test]
    fn a_grid_is_a_partition() {
        let shape = ImageShape { channels: 2, height: 7, width: 5 };
        let blocks = grid(shape, 3, 2, "").unwrap();
        let set = BlockSet::partition(blocks, shape.n_features()).unwrap();
        assert!(!set.rest_added());
        assert_eq!(set.blocks().len(), 6);
        assert!(grid(shape, 8, 1, "").is_err());
    }
}
