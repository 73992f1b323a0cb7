//! Named groups of coordinates that are randomized together.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use simbias_data::Dataset;

use crate::RelianceError;
use crate::propose::source_name;

/// A named group of coordinates of the (transformed) row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Name for reports, unique within its set.
    pub name: String,
    /// Coordinates after the transform, ascending and without repeats, never empty.
    pub columns: Vec<u32>,
}

impl Block {
    /// A block of the given coordinates; order and repeats do not matter.
    pub fn new(name: impl Into<String>, columns: impl IntoIterator<Item = usize>) -> Self {
        let columns: BTreeSet<u32> = columns.into_iter().map(|column| column as u32).collect();
        Self { name: name.into(), columns: columns.into_iter().collect() }
    }

    /// The columns of the block by name, where its coordinates are the columns of a table; the columns of one categorical
    /// source go by the name of the source.
    pub fn members(&self, data: &Dataset) -> Vec<String> {
        let mut members: Vec<String> = Vec::new();
        for &column in &self.columns {
            let source = source_name(data, column as usize);
            if !members.contains(&source) {
                members.push(source);
            }
        }
        members
    }
}

/// Name of the block that collects the coordinates no other block claims.
pub const REST: &str = "rest";

/// The blocks of one measurement over rows of `n_features` coordinates, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSet {
    blocks: Vec<Block>,
    n_features: usize,
    rest_added: bool,
}

impl BlockSet {
    /// A partition: blocks may not overlap; coordinates that none claims become the block [`REST`].
    ///
    /// # Errors
    /// An empty block, a repeated name, a coordinate out of range, two blocks that share a coordinate.
    pub fn partition(blocks: Vec<Block>, n_features: usize) -> Result<Self, RelianceError> {
        check(&blocks, n_features)?;
        let mut owner: Vec<Option<usize>> = vec![None; n_features];
        for (index, block) in blocks.iter().enumerate() {
            for &column in &block.columns {
                if let Some(first) = owner[column as usize].replace(index) {
                    return Err(RelianceError::Overlap {
                        first: blocks[first].name.clone(),
                        second: block.name.clone(),
                        column: column as usize,
                    });
                }
            }
        }
        let uncovered: Vec<usize> =
            (0..n_features).filter(|&column| owner[column].is_none()).collect();
        let mut blocks = blocks;
        let rest_added = !uncovered.is_empty();
        if rest_added {
            if blocks.iter().any(|block| block.name == REST) {
                return Err(RelianceError::ReservedName { name: REST.into() });
            }
            blocks.push(Block::new(REST, uncovered));
        }
        Ok(Self { blocks, n_features, rest_added })
    }

    /// Blocks that may share coordinates; nothing is added.
    ///
    /// # Errors
    /// An empty block, a repeated name, a coordinate out of range.
    pub fn overlapping(blocks: Vec<Block>, n_features: usize) -> Result<Self, RelianceError> {
        check(&blocks, n_features)?;
        Ok(Self { blocks, n_features, rest_added: false })
    }

    /// The blocks in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Number of coordinates of a row.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Whether [`REST`] was added for coordinates that no block claimed.
    pub fn rest_added(&self) -> bool {
        self.rest_added
    }

    /// Coordinates outside `block`, ascending.
    pub fn complement(&self, block: &Block) -> Vec<u32> {
        let mut inside = vec![false; self.n_features];
        for &column in &block.columns {
            inside[column as usize] = true;
        }
        (0..self.n_features as u32).filter(|&column| !inside[column as usize]).collect()
    }

    /// The block called `name`.
    pub fn find(&self, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.name == name)
    }
}

fn check(blocks: &[Block], n_features: usize) -> Result<(), RelianceError> {
    if blocks.is_empty() {
        return Err(RelianceError::NoBlocks);
    }
    let mut names = BTreeSet::new();
    for block in blocks {
        if block.columns.is_empty() {
            return Err(RelianceError::EmptyBlock { block: block.name.clone() });
        }
        if !names.insert(block.name.as_str()) {
            return Err(RelianceError::RepeatedName { name: block.name.clone() });
        }
        if let Some(&column) = block.columns.iter().find(|&&column| column as usize >= n_features) {
            return Err(RelianceError::ColumnOutOfRange {
                block: block.name.clone(),
                column: column as usize,
                n_features,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncovered_coordinates_become_the_rest() {
        let set = BlockSet::partition(vec![Block::new("a", [2, 0])], 4).unwrap();
        assert!(set.rest_added());
        assert_eq!(set.blocks()[1], Block::new(REST, [1, 3]));
        assert_eq!(set.complement(&set.blocks()[0]), vec![1, 3]);
    }

    #[test]
    fn overlaps_need_to_be_asked_for() {
        let blocks = vec![Block::new("a", [0, 1]), Block::new("b", [1, 2])];
        let error = BlockSet::partition(blocks.clone(), 3).unwrap_err();
        assert!(matches!(error, RelianceError::Overlap { column: 1, .. }), "{error}");
        assert_eq!(BlockSet::overlapping(blocks, 3).unwrap().blocks().len(), 2);
    }

    #[test]
    fn out_of_range_names_the_valid_range() {
        let error = BlockSet::partition(vec![Block::new("a", [7])], 3).unwrap_err();
        assert!(error.to_string().contains("0..3"), "{error}");
    }
}
