//! Block definitions as users write them: a TOML text, or a short form on the command line.

mod coordinates;
mod glob;
mod indices;
mod resolver;
mod short_form;
mod spec;

use ndarray::Array2;
use serde::Deserialize;
use simbias_data::Dataset;
use simbias_data::transform::Transform;

use crate::{BlockSet, RelianceError, View};
use resolver::Resolver;
use spec::{BlockSpec, TransformSpec};

/// Reads the matrices and masks that a definition names; rows of any source, shape `[n, m]`.
pub type MatrixLoader<'a> = &'a dyn Fn(&str) -> Result<Array2<f64>, String>;

/// Blocks with the transform in whose coordinates they select.
pub struct ResolvedBlocks {
    /// The blocks.
    pub blocks: BlockSet,
    /// The transform; the identity by default.
    pub transform: Box<dyn Transform + Send>,
    /// Whole images by frequency and colour, where the blocks were proposed.
    pub whole_images: Option<View>,
    /// Decisions made on the way, in sentences for the report.
    pub notes: Vec<String>,
}

/// A block definition, not yet applied to data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlocksFile {
    /// Coordinates in which all blocks select.
    #[serde(default)]
    transform: Option<TransformSpec>,
    /// The blocks in order.
    #[serde(default, rename = "block")]
    blocks: Vec<BlockSpec>,
}

impl BlocksFile {
    /// Reads a definition in TOML; see the crate's documentation of block kinds.
    ///
    /// # Errors
    /// Text that is not TOML, unknown kinds or fields, no block.
    pub fn from_toml(text: &str) -> Result<Self, RelianceError> {
        let file: Self = toml::from_str(text)
            .map_err(|error| RelianceError::BlockFile { problem: error.to_string() })?;
        if file.blocks.is_empty() {
            return Err(RelianceError::NoBlocks);
        }
        Ok(file)
    }

    /// Applies the definition to data: every selection becomes coordinates, checked against the data's shape.
    ///
    /// # Errors
    /// Unknown columns, regions outside the image, masks of another shape, matrices that do not fit,
    /// overlaps unless `allow_overlap`, kinds that need an image or named tensors where there are none.
    pub fn resolve(
        &self,
        data: &Dataset,
        allow_overlap: bool,
        load: MatrixLoader<'_>,
    ) -> Result<ResolvedBlocks, RelianceError> {
        let mut notes = Vec::new();
        let transform = self.transform(data, load, &mut notes)?;
        let resolver = Resolver { data, transform: &transform, load };
        let mut blocks = Vec::new();
        for spec in &self.blocks {
            blocks.extend(resolver.resolve(spec)?);
        }
        let n = transform.transform().n_coefficients();
        let blocks = if allow_overlap {
            BlockSet::overlapping(blocks, n)?
        } else {
            BlockSet::partition(blocks, n)?
        };
        Ok(ResolvedBlocks { blocks, transform: transform.boxed(), whole_images: None, notes })
    }
}

#[cfg(test)]
mod tests {
    use simbias_data::{ClassLabels, ImageShape, Layout, Target};

    use super::*;
    use crate::Block;

    fn image_data(channels: usize, height: usize, width: usize) -> Dataset {
        let shape = ImageShape { channels, height, width };
        Dataset::new(
            "test",
            Array2::zeros((2, shape.n_features())),
            Layout::image(shape),
            Target::Classes(ClassLabels {
                indices: vec![0, 1],
                names: vec!["a".into(), "b".into()],
            }),
        )
    }

    fn no_files(name: &str) -> Result<Array2<f64>, String> {
        Err(format!("no file {name:?}"))
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let text = "[[block]]\nname = \"linear\"\nkind = \"columns\"\nindex = [0]\n\
                    [[block]]\nname = \"slabs\"\nkind = \"columns\"\nindex = \"1..4\"\n";
        let mut data = image_data(1, 1, 4);
        data.layout = Layout::table(vec!["a".into(), "b".into(), "c".into(), "d".into()]);
        let found = BlocksFile::from_toml(text).unwrap().resolve(&data, false, &no_files).unwrap();
        assert_eq!(found.blocks.blocks(), [Block::new("linear", [0]), Block::new("slabs", 1..4)]);
        assert!(found.transform.is_identity());
    }

    #[test]
    fn a_region_outside_the_image_names_the_valid_range() {
        let text = "[[block]]\nname = \"top\"\nkind = \"region\"\nrows = [0, 9]\n";
        let error = BlocksFile::from_toml(text)
            .unwrap()
            .resolve(&image_data(1, 8, 8), false, &no_files)
            .err()
            .unwrap();
        assert!(error.to_string().contains("rows 0..8"), "{error}");
    }

    #[test]
    fn a_mask_of_another_shape_is_refused() {
        let text = "[[block]]\nname = \"m\"\nkind = \"mask\"\nfile = \"m.npy\"\n";
        let load = |_: &str| Ok(Array2::ones((3, 3)));
        let error = BlocksFile::from_toml(text)
            .unwrap()
            .resolve(&image_data(1, 8, 8), false, &load)
            .err()
            .unwrap();
        assert!(error.to_string().contains("[3, 3]") && error.to_string().contains("[8, 8]"));
    }

    #[test]
    fn short_forms() {
        let data = image_data(3, 6, 6);
        let grid = BlocksFile::from_short_form("grid:3x2").unwrap();
        assert_eq!(grid.resolve(&data, false, &no_files).unwrap().blocks.blocks().len(), 6);
        let bands = BlocksFile::from_short_form("bands:3").unwrap();
        let bands = bands.resolve(&data, false, &no_files).unwrap();
        let total: usize = bands.blocks.blocks().iter().map(|block| block.columns.len()).sum();
        assert_eq!(total, bands.transform.n_coefficients());
        let logo = BlocksFile::from_short_form("region:logo=0..2,4..;top = ..1,0..2").unwrap();
        let logo = logo.resolve(&data, false, &no_files).unwrap();
        assert_eq!(logo.blocks.blocks()[0].columns.len(), 3 * 2 * 2);
        assert_eq!(logo.blocks.blocks()[1].columns.len(), 3 * 2);
        for wrong in ["gird:3x3", "region:", "region:logo", "region:logo=3", "region:=0..1,0..1"] {
            assert!(BlocksFile::from_short_form(wrong).is_err(), "{wrong}");
        }
        let outside = BlocksFile::from_short_form("region:logo=0..2,4..9").unwrap();
        let problem = outside.resolve(&data, false, &no_files).err().unwrap().to_string();
        assert!(problem.contains("columns 4..9") && problem.contains("0..6"), "{problem}");
    }
}
