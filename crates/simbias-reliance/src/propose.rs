//! Blocks for users who have not named any.

use std::collections::BTreeMap;

use ndarray::Array2;
use simbias_data::{Dataset, ImageShape};

use crate::{Block, BlockSet, RelianceError};

/// Maximum number of columns that are clustered by correlation.
const MOST_COLUMNS: usize = 4096;
/// Rows that correlations are computed from.
const MOST_ROWS: usize = 10_000;

/// Blocks for data without any: a 3×3 grid for images, the named tensors of several inputs, clusters of
/// correlated columns for tables.
///
/// # Errors
/// Images smaller than 3×3, tables of more than 4096 columns.
pub fn propose_blocks(data: &Dataset) -> Result<BlockSet, RelianceError> {
    let n_features = data.n_features();
    if let Some(shape) = data.layout.image_shape() {
        return BlockSet::partition(grid(shape, 3, 3, "cell")?, n_features);
    }
    if data.layout.tensors().len() > 1 {
        let blocks = data.layout.tensors().iter().map(|tensor| {
            Block::new(&tensor.name, tensor.offset..tensor.offset + tensor.n_features())
        });
        return BlockSet::partition(blocks.collect(), n_features);
    }
    BlockSet::partition(correlation_clusters(data, 0.7)?, n_features)
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
            blocks.push(Block::new(format!("{name} {},{}", row + 1, column + 1), members));
        }
    }
    Ok(blocks)
}

/// Clusters of columns joined by |correlation| ≥ `threshold` (single linkage); one-hot columns of one source
/// are one column here. A cluster is named after its first member and the number of others.
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
    let correlations = absolute_correlations(data);
    let mut cluster: Vec<usize> = (0..groups.len()).collect();
    for a in 0..groups.len() {
        for b in a + 1..groups.len() {
            let joined = groups[a].columns.iter().any(|&i| {
                groups[b]
                    .columns
                    .iter()
                    .any(|&j| correlations[[i as usize, j as usize]] >= threshold)
            });
            if joined && cluster[a] != cluster[b] {
                let (from, to) = (cluster[a].max(cluster[b]), cluster[a].min(cluster[b]));
                cluster.iter_mut().filter(|own| **own == from).for_each(|own| *own = to);
            }
        }
    }
    let mut blocks = Vec::new();
    for first in 0..groups.len() {
        let members: Vec<&Block> = (0..groups.len())
            .filter(|&own| cluster[own] == first)
            .map(|own| &groups[own])
            .collect();
        let Some(head) = members.first() else { continue };
        let name = match members.len() {
            1 => head.name.clone(),
            n => format!("{} and {} more", head.name, n - 1),
        };
        let columns = members.iter().flat_map(|block| block.columns.iter().map(|&c| c as usize));
        blocks.push(Block::new(name, columns));
    }
    Ok(blocks)
}

fn absolute_correlations(data: &Dataset) -> Array2<f64> {
    let stride = data.n_rows().div_ceil(MOST_ROWS).max(1);
    let rows: Vec<usize> = (0..data.n_rows()).step_by(stride).collect();
    let mut values = data.rows.select(ndarray::Axis(0), &rows).mapv(f64::from);
    for mut column in values.columns_mut() {
        let mean = column.sum() / column.len() as f64;
        column.mapv_inplace(|value| value - mean);
        let norm = column.mapv(|value| value * value).sum().sqrt();
        if norm > 0.0 {
            column.mapv_inplace(|value| value / norm);
        }
    }
    values.t().dot(&values).mapv(f64::abs)
}

/// One block per column; columns called `source=value` of one source together.
pub(crate) fn one_hot_groups(data: &Dataset) -> Vec<Block> {
    let mut order: Vec<String> = Vec::new();
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for column in 0..data.n_features() {
        let name = data.layout.column_name(column);
        let source = name.split_once('=').map_or(name.clone(), |(source, _)| source.to_string());
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
        let data = Dataset {
            name: "t".into(),
            rows: array![
                [1.0, 2.1, 0.0, 1.0, 0.0],
                [2.0, 3.9, 1.0, 0.0, 1.0],
                [3.0, 6.2, 0.0, 0.0, 1.0],
                [4.0, 7.9, 1.0, 1.0, 0.0]
            ],
            layout: Layout::table(
                ["size", "area", "noise", "sex=f", "sex=m"].map(String::from).to_vec(),
            ),
            target: Target::Values(vec![0.0, 1.0, 2.0, 3.0]),
            strata: Vec::new(),
            weights: None,
            notes: Vec::new(),
        };
        let blocks = correlation_clusters(&data, 0.7).unwrap();
        assert_eq!(
            blocks,
            [
                Block::new("size and 1 more", [0, 1]),
                Block::new("noise", [2]),
                Block::new("sex", [3, 4])
            ]
        );
    }

    #[test]
    fn a_grid_is_a_partition() {
        let shape = ImageShape { channels: 2, height: 7, width: 5 };
        let blocks = grid(shape, 3, 2, "cell").unwrap();
        let set = BlockSet::partition(blocks, shape.n_features()).unwrap();
        assert!(!set.rest_added());
        assert_eq!(set.blocks().len(), 6);
        assert!(grid(shape, 8, 1, "cell").is_err());
    }
}
