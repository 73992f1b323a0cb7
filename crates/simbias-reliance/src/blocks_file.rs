//! Block definitions as people write them: a TOML text, or a short form on the command line.

use std::collections::BTreeMap;

use ndarray::Array2;
use serde::Deserialize;
use simbias_data::transform::{
    Dct2, Fft2, Identity, InverseOrigin, LinearTransform, RadialBand, Transform,
};
use simbias_data::{Dataset, ImageShape};

use crate::propose::{correlation_clusters, grid};
use crate::{Block, BlockSet, RelianceError};

/// Reads the matrices and masks that a definition names; rows of any source, shape `[n, m]`.
pub type MatrixLoader<'a> = &'a dyn Fn(&str) -> Result<Array2<f64>, String>;

/// Blocks with the transform in whose coordinates they select.
pub struct ResolvedBlocks {
    /// The blocks.
    pub blocks: BlockSet,
    /// The transform; the identity unless asked for.
    pub transform: Box<dyn Transform + Send>,
    /// What was decided on the way, in sentences for the report.
    pub notes: Vec<String>,
}

/// A block definition that has not met data yet.
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

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum TransformSpec {
    Identity,
    Linear { matrix: String, inverse: Option<String> },
    Fft2,
    Dct2,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum BlockSpec {
    /// Columns by index, by name or glob, or one-hot groups by prefix.
    Columns {
        name: String,
        #[serde(default)]
        index: Option<Indices>,
        #[serde(default)]
        names: Vec<String>,
        #[serde(default)]
        prefix: Option<String>,
    },
    /// A rectangle of an image.
    Region {
        name: String,
        #[serde(default)]
        rows: Option<[usize; 2]>,
        #[serde(default)]
        cols: Option<[usize; 2]>,
        #[serde(default)]
        channels: Option<Channels>,
    },
    /// An image cut into `rows` × `cols` rectangles.
    Grid {
        #[serde(default = "grid_name")]
        name: String,
        rows: usize,
        cols: usize,
    },
    /// Non-zero entries of an array of the image's or row's shape; several values give several blocks.
    Mask { name: String, file: String },
    /// A radial band of spatial frequency, in cycles per pixel.
    Band { name: String, low: f64, high: f64 },
    /// `n` bands of equal width.
    Bands {
        #[serde(default = "band_name")]
        name: String,
        n: usize,
    },
    /// Coordinates of `z = x · Wᵀ`.
    Linear { name: String, matrix: String, coordinates: Indices },
    /// All values of some named input tensors.
    Modality { name: String, tensors: Vec<String> },
    /// Columns clustered by absolute correlation.
    AutoCorrelation {
        #[serde(default = "default_correlation")]
        threshold: f64,
    },
    /// Every column a block of its own; one-hot columns of one source stay together.
    EachColumn,
}

fn grid_name() -> String {
    "cell".into()
}

fn band_name() -> String {
    "band".into()
}

fn default_correlation() -> f64 {
    0.7
}

/// Indices as a list, or as half-open ranges: `"1..50"`, `"0, 4..8"`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Indices {
    List(Vec<usize>),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Channels {
    List(Vec<usize>),
    Text(String),
}

impl Indices {
    fn resolve(&self, block: &str) -> Result<Vec<usize>, RelianceError> {
        match self {
            Self::List(indices) => Ok(indices.clone()),
            Self::Text(text) => parse_ranges(text)
                .map_err(|problem| RelianceError::BadSelection { block: block.into(), problem }),
        }
    }
}

/// Most indices that one range may name; more is a slip of the pen.
const MOST_INDICES: usize = 1 << 28;

fn parse_ranges(text: &str) -> Result<Vec<usize>, String> {
    let bad = |part: &str| {
        format!("{part:?} is neither an index nor a half-open range such as \"1..50\"")
    };
    let mut indices = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once("..") {
            Some((low, high)) => {
                let low: usize = low.trim().parse().map_err(|_| bad(part))?;
                let high: usize = high.trim().parse().map_err(|_| bad(part))?;
                if high <= low || high > MOST_INDICES {
                    return Err(format!("range {part:?} is empty or too long"));
                }
                indices.extend(low..high);
            }
            None => indices.push(part.parse().map_err(|_| bad(part))?),
        }
    }
    Ok(indices)
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

    /// Reads a short form: `grid:3x3`, `bands:4`, `correlation:0.7`, `columns`,
    /// or `NAME=0,3..7;NAME=8..` as named index lists.
    ///
    /// # Errors
    /// Anything else, with the forms that are known.
    pub fn from_short_form(text: &str) -> Result<Self, RelianceError> {
        let bad = |problem: String| RelianceError::BlockFile { problem };
        let one = |block: BlockSpec| Ok(Self { transform: None, blocks: vec![block] });
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "grid" => {
                let parsed = rest.split_once('x').and_then(|(rows, cols)| {
                    Some((rows.trim().parse().ok()?, cols.trim().parse().ok()?))
                });
                let (rows, cols) = parsed
                    .ok_or_else(|| bad(format!("{text:?}: write the grid as grid:ROWSxCOLUMNS")))?;
                one(BlockSpec::Grid { name: grid_name(), rows, cols })
            }
            "bands" => {
                let n = rest
                    .trim()
                    .parse()
                    .map_err(|_| bad(format!("{text:?}: write bands:NUMBER")))?;
                one(BlockSpec::Bands { name: band_name(), n })
            }
            "correlation" => {
                let threshold = if rest.is_empty() {
                    default_correlation()
                } else {
                    rest.trim()
                        .parse()
                        .map_err(|_| bad(format!("{text:?}: write correlation:THRESHOLD")))?
                };
                one(BlockSpec::AutoCorrelation { threshold })
            }
            "columns" if rest.is_empty() => one(BlockSpec::EachColumn),
            _ if text.contains('=') => {
                let mut blocks = Vec::new();
                for part in text.split(';').filter(|part| !part.trim().is_empty()) {
                    let (name, indices) = part
                        .split_once('=')
                        .ok_or_else(|| bad(format!("{part:?}: write NAME=INDICES")))?;
                    blocks.push(BlockSpec::Columns {
                        name: name.trim().into(),
                        index: Some(Indices::Text(indices.into())),
                        names: Vec::new(),
                        prefix: None,
                    });
                }
                Ok(Self { transform: None, blocks })
            }
            _ => Err(bad(format!(
                "{text:?} is neither an existing file nor one of grid:3x3, bands:4, correlation:0.7, \
                 columns, name=0,3..7;other=8..12"
            ))),
        }
    }

    /// Meets the data: every selection becomes coordinates, checked against the data's shape.
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
        Ok(ResolvedBlocks { blocks, transform: transform.boxed(), notes })
    }

    fn transform(
        &self,
        data: &Dataset,
        load: MatrixLoader<'_>,
        notes: &mut Vec<String>,
    ) -> Result<AnyTransform, RelianceError> {
        let bad = |problem: String| RelianceError::Transform { problem };
        let has_band = self
            .blocks
            .iter()
            .any(|block| matches!(block, BlockSpec::Band { .. } | BlockSpec::Bands { .. }));
        let mut matrices: Vec<&String> = self
            .blocks
            .iter()
            .filter_map(|block| match block {
                BlockSpec::Linear { matrix, .. } => Some(matrix),
                _ => None,
            })
            .collect();
        matrices.dedup();
        let implied = match (has_band, matrices.as_slice()) {
            (true, []) => Some(TransformSpec::Fft2),
            (false, [one]) => Some(TransformSpec::Linear { matrix: (*one).clone(), inverse: None }),
            (false, []) => None,
            _ => {
                return Err(bad(
                    "blocks of one measurement share one transform; measure bands and different matrices \
                     in runs of their own"
                        .into(),
                ));
            }
        };
        let spec = match (&self.transform, implied) {
            (Some(named), Some(implied)) if *named != implied => {
                let both_frequencies = has_band && *named == TransformSpec::Dct2;
                if !both_frequencies {
                    return Err(bad("[transform] and the blocks' own transform differ".into()));
                }
                named.clone()
            }
            (Some(named), _) => named.clone(),
            (None, Some(implied)) => implied,
            (None, None) => TransformSpec::Identity,
        };
        let image = || {
            data.layout.image_shape().ok_or_else(|| {
                bad("frequencies need images of shape [channels, height, width]".into())
            })
        };
        match spec {
            TransformSpec::Identity => Ok(AnyTransform::Identity(Identity::new(data.n_features()))),
            TransformSpec::Fft2 => {
                Fft2::new(image()?).map(AnyTransform::Fft2).map_err(|error| bad(error.to_string()))
            }
            TransformSpec::Dct2 => {
                Dct2::new(image()?).map(AnyTransform::Dct2).map_err(|error| bad(error.to_string()))
            }
            TransformSpec::Linear { matrix, inverse } => {
                let load = |name: &str| load(name).map_err(bad);
                let forward = load(&matrix)?;
                if forward.nrows() != data.n_features() {
                    return Err(bad(format!(
                        "matrix {matrix:?} is for {} features, the data have {}",
                        forward.nrows(),
                        data.n_features()
                    )));
                }
                let transform = match inverse {
                    Some(inverse) => {
                        LinearTransform::with_inverse(forward.view(), load(&inverse)?.view())
                    }
                    None => LinearTransform::new(forward.view()),
                }
                .map_err(|error| bad(format!("matrix {matrix:?}: {error}")))?;
                if let InverseOrigin::Computed { condition } = transform.inverse_origin() {
                    notes.push(format!(
                        "Matrix {matrix:?} is not orthogonal (condition number {condition:.1}), so blocks \
                         overlap in the rows; its inverse was computed."
                    ));
                }
                Ok(AnyTransform::Linear(transform))
            }
        }
    }
}

/// The transforms that a definition can name, kept apart because bands ask them for frequencies.
enum AnyTransform {
    Identity(Identity),
    Linear(LinearTransform),
    Fft2(Fft2),
    Dct2(Dct2),
}

impl AnyTransform {
    fn transform(&self) -> &dyn Transform {
        match self {
            Self::Identity(transform) => transform,
            Self::Linear(transform) => transform,
            Self::Fft2(transform) => transform,
            Self::Dct2(transform) => transform,
        }
    }

    fn boxed(self) -> Box<dyn Transform + Send> {
        match self {
            Self::Identity(transform) => Box::new(transform),
            Self::Linear(transform) => Box::new(transform),
            Self::Fft2(transform) => Box::new(transform),
            Self::Dct2(transform) => Box::new(transform),
        }
    }
}

struct Resolver<'a> {
    data: &'a Dataset,
    transform: &'a AnyTransform,
    load: MatrixLoader<'a>,
}

impl Resolver<'_> {
    fn resolve(&self, spec: &BlockSpec) -> Result<Vec<Block>, RelianceError> {
        match spec {
            BlockSpec::Columns { name, index, names, prefix } => {
                let mut columns = match index {
                    Some(index) => index.resolve(name)?,
                    None => Vec::new(),
                };
                for pattern in names {
                    columns.extend(self.matching(name, pattern)?);
                }
                if let Some(prefix) = prefix {
                    columns.extend(self.matching(name, &format!("{prefix}*"))?);
                }
                Ok(vec![Block::new(name, columns)])
            }
            BlockSpec::Region { name, rows, cols, channels } => {
                self.region(name, *rows, *cols, channels.as_ref()).map(|block| vec![block])
            }
            BlockSpec::Grid { name, rows, cols } => grid(self.image(name)?, *rows, *cols, name),
            BlockSpec::Mask { name, file } => self.mask(name, file),
            BlockSpec::Band { name, low, high } => {
                self.band(name, RadialBand { low: *low, high: *high }).map(|block| vec![block])
            }
            BlockSpec::Bands { name, n } => {
                if *n == 0 {
                    return Err(RelianceError::BadSelection {
                        block: name.clone(),
                        problem: "0 bands select nothing; use 2 or more".into(),
                    });
                }
                RadialBand::partition(*n)
                    .into_iter()
                    .map(|band| {
                        let label = format!("{name} {:.2}–{:.2}", band.low, band.high);
                        self.band(&label, band)
                    })
                    .collect()
            }
            BlockSpec::Linear { name, coordinates, .. } => {
                Ok(vec![Block::new(name, coordinates.resolve(name)?)])
            }
            BlockSpec::Modality { name, tensors } => self.modality(name, tensors),
            BlockSpec::AutoCorrelation { threshold } => {
                self.untransformed("auto-correlation")?;
                correlation_clusters(self.data, *threshold)
            }
            BlockSpec::EachColumn => {
                self.untransformed("columns")?;
                Ok(one_hot_groups(self.data))
            }
        }
    }

    fn untransformed(&self, block: &str) -> Result<(), RelianceError> {
        if self.transform.transform().is_identity() {
            return Ok(());
        }
        Err(RelianceError::BadSelection {
            block: block.into(),
            problem:
                "this kind selects input columns, but a transform is set; name coordinates by index"
                    .into(),
        })
    }

    fn image(&self, block: &str) -> Result<ImageShape, RelianceError> {
        self.untransformed(block)?;
        self.data.layout.image_shape().ok_or_else(|| RelianceError::BadSelection {
            block: block.into(),
            problem: "the data are not images of shape [channels, height, width]".into(),
        })
    }

    fn matching(&self, block: &str, pattern: &str) -> Result<Vec<usize>, RelianceError> {
        self.untransformed(block)?;
        let names: Vec<String> =
            (0..self.data.n_features()).map(|c| self.data.layout.column_name(c)).collect();
        let found: Vec<usize> =
            (0..names.len()).filter(|&column| glob_matches(pattern, &names[column])).collect();
        if found.is_empty() {
            let mut shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
            if names.len() > shown.len() {
                shown.push("…");
            }
            return Err(RelianceError::UnknownColumn {
                block: block.into(),
                pattern: pattern.into(),
                available: shown.join(", "),
            });
        }
        Ok(found)
    }

    fn region(
        &self,
        name: &str,
        rows: Option<[usize; 2]>,
        cols: Option<[usize; 2]>,
        channels: Option<&Channels>,
    ) -> Result<Block, RelianceError> {
        let shape = self.image(name)?;
        let bad = |problem: String| RelianceError::BadSelection { block: name.into(), problem };
        let range = |given: Option<[usize; 2]>, what: &str, length: usize| {
            let [low, high] = given.unwrap_or([0, length]);
            if low >= high || high > length {
                return Err(bad(format!(
                    "{what} [{low}, {high}] is not inside the image; valid are half-open ranges in [0, {length}]"
                )));
            }
            Ok(low..high)
        };
        let (rows, cols) = (range(rows, "rows", shape.height)?, range(cols, "cols", shape.width)?);
        let channels = match channels {
            None => (0..shape.channels).collect(),
            Some(Channels::Text(text)) if text == "all" => (0..shape.channels).collect(),
            Some(Channels::Text(text)) => {
                return Err(bad(format!("channels {text:?} is neither \"all\" nor a list")));
            }
            Some(Channels::List(list)) => {
                if let Some(channel) = list.iter().find(|&&channel| channel >= shape.channels) {
                    return Err(bad(format!(
                        "channel {channel} is out of range; valid are 0..{}",
                        shape.channels
                    )));
                }
                list.clone()
            }
        };
        let mut columns = Vec::new();
        for channel in channels {
            for row in rows.clone() {
                columns.extend(cols.clone().map(|col| shape.column(channel, row, col)));
            }
        }
        Ok(Block::new(name, columns))
    }

    fn mask(&self, name: &str, file: &str) -> Result<Vec<Block>, RelianceError> {
        let bad = |problem: String| RelianceError::BadSelection { block: name.into(), problem };
        let mask = (self.load)(file).map_err(bad)?;
        let n = self.transform.transform().n_coefficients();
        let repeats = match self.data.layout.image_shape() {
            _ if mask.len() == n => 1,
            Some(shape)
                if self.transform.transform().is_identity()
                    && mask.dim() == (shape.height, shape.width) =>
            {
                shape.channels
            }
            _ => {
                return Err(bad(format!(
                    "mask {file:?} has shape {:?}; expected {n} entries{}",
                    mask.shape(),
                    match self.data.layout.image_shape() {
                        Some(shape) => format!(" or [{}, {}]", shape.height, shape.width),
                        None => String::new(),
                    }
                )));
            }
        };
        let mut groups: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (index, &value) in mask.iter().enumerate() {
            if value.fract() != 0.0 || value.abs() > 1e9 {
                return Err(bad(format!(
                    "mask {file:?}: entry {index} is {value}; a mask holds whole numbers, 0 outside"
                )));
            }
            if value != 0.0 {
                let group = groups.entry(value as i64).or_default();
                group.extend((0..repeats).map(|channel| channel * mask.len() + index));
            }
        }
        if groups.is_empty() {
            return Err(RelianceError::EmptyBlock { block: name.into() });
        }
        let single = groups.len() == 1;
        Ok(groups
            .into_iter()
            .map(|(value, columns)| {
                let label = if single { name.to_string() } else { format!("{name} {value}") };
                Block::new(label, columns)
            })
            .collect())
    }

    fn band(&self, name: &str, band: RadialBand) -> Result<Block, RelianceError> {
        let columns = match self.transform {
            AnyTransform::Fft2(transform) => transform.band_columns(band),
            AnyTransform::Dct2(transform) => transform.band_columns(band),
            _ => {
                return Err(RelianceError::BadSelection {
                    block: name.into(),
                    problem: "bands need the transform fft2 or dct2".into(),
                });
            }
        };
        let columns = columns.map_err(|error| RelianceError::BadSelection {
            block: name.into(),
            problem: error.to_string(),
        })?;
        Ok(Block::new(name, columns))
    }

    fn modality(&self, name: &str, tensors: &[String]) -> Result<Vec<Block>, RelianceError> {
        self.untransformed(name)?;
        let mut columns = Vec::new();
        for tensor in tensors {
            let found = self.data.layout.tensors().iter().find(|spec| spec.name == *tensor);
            let spec = found.ok_or_else(|| {
                let known: Vec<&str> =
                    self.data.layout.tensors().iter().map(|spec| spec.name.as_str()).collect();
                RelianceError::BadSelection {
                    block: name.into(),
                    problem: format!("no input tensor {tensor:?}; there are {}", known.join(", ")),
                }
            })?;
            columns.extend(spec.offset..spec.offset + spec.n_features());
        }
        Ok(vec![Block::new(name, columns)])
    }
}

/// One block a column; columns called `source=value` of one source together.
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

/// `*` stands for any run of characters, `?` for one.
fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // reached[j]: the pattern so far matches the first j characters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for symbol in pattern {
        let mut next = vec![false; text.len() + 1];
        if symbol == '*' {
            let mut any = false;
            for (j, next) in next.iter_mut().enumerate() {
                any |= reached[j];
                *next = any;
            }
        } else {
            for j in 1..=text.len() {
                next[j] = reached[j - 1] && (symbol == '?' || symbol == text[j - 1]);
            }
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use simbias_data::{ClassLabels, Layout, Target};

    use super::*;

    fn image_data(channels: usize, height: usize, width: usize) -> Dataset {
        let shape = ImageShape { channels, height, width };
        Dataset {
            name: "test".into(),
            rows: Array2::zeros((2, shape.n_features())),
            layout: Layout::image(shape),
            target: Target::Classes(ClassLabels {
                indices: vec![0, 1],
                names: vec!["a".into(), "b".into()],
            }),
            strata: Vec::new(),
        }
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
        assert!(error.to_string().contains("[0, 8]"), "{error}");
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
        assert!(BlocksFile::from_short_form("gird:3x3").is_err());
    }

    #[test]
    fn globs() {
        assert!(glob_matches("colour=*", "colour=red"));
        assert!(glob_matches("a?c*", "abcde"));
        assert!(!glob_matches("a?c", "abcd"));
    }
}
