//! How much of every layer to prune: from exponents, from outliers, and the controls that belong beside them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use simbias_report::{Progress, Steps};
use simbias_spectra::fit::TailRule;
use simbias_spectra::prune::{Pattern, outlier_share};
use simbias_spectra::{
    ExponentKind, LayerTable, ScanOptions, SparsityOptions, allocate, owl_ratios, scan,
};
use simbias_stats::{Seed, mean};

use crate::family::StoredMap;
use crate::hidden::{Hidden, n_batches};
use crate::perplexity::read_block;
use crate::prune::{Patterns, observe_block};
use crate::{LanguageError, LanguageModel};

/// OWL's outliers are scores above this multiple of the mean.
const OWL_TIMES: f64 = 5.0;
/// OWL's half width of ratios.
const OWL_LAMBDA: f64 = 0.08;

/// What decides how much each block loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allocation {
    /// All the same.
    Uniform,
    /// Exponents of whole matrices (AlphaPruning).
    Alpha,
    /// Exponents of windows of one shape (FARMS).
    Farms,
    /// Outliers among Wanda's scores (OWL); needs calibration data.
    Owl,
    /// Control: exponents dealt to the blocks at random.
    Permuted,
    /// Control: exponents with their order reversed.
    Reversed,
    /// Control: the first block as the best trained one, all others alike.
    FirstBlock,
}

impl Allocation {
    /// Every allocation.
    pub const ALL: [Self; 7] = [
        Self::Uniform,
        Self::Alpha,
        Self::Farms,
        Self::Owl,
        Self::Permuted,
        Self::Reversed,
        Self::FirstBlock,
    ];

    /// Word on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Alpha => "alpha",
            Self::Farms => "farms",
            Self::Owl => "owl",
            Self::Permuted => "permuted",
            Self::Reversed => "reversed",
            Self::FirstBlock => "first-block",
        }
    }

    /// Whether it shows what the others owe to chance or to the first block.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Permuted | Self::Reversed | Self::FirstBlock)
    }
}

/// What blocks scored; larger is pruned more.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockScores {
    /// Mean exponent of whole matrices, by block.
    pub alpha: Vec<f64>,
    /// Mean exponent of windows, by block.
    pub farms: Vec<f64>,
    /// Share of outliers, by block, when it was measured.
    pub outliers: Option<Vec<f64>>,
}

impl BlockScores {
    /// Block means over the layers of `table`, a scan of the model's own layers, that `wanted` names. A block without
    /// such a layer scores NaN and takes no part.
    ///
    /// # Errors
    /// A block none of whose wanted layers has an exponent.
    pub fn from_table(
        model: &LanguageModel,
        table: &LayerTable,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Self, LanguageError> {
        let of = |kind: ExponentKind| -> Result<Vec<f64>, LanguageError> {
            (0..model.decoder().n_blocks)
                .map(|block| {
                    let maps: Vec<_> =
                        model.maps(block).into_iter().filter(|map| wanted(&map.name)).collect();
                    if maps.is_empty() {
                        return Ok(f64::NAN);
                    }
                    let scores: Vec<f64> =
                        maps.iter().filter_map(|map| table.layer(&map.name)?.score(kind)).collect();
                    if scores.is_empty() {
                        let problem = format!("no layer of block {block} has an exponent");
                        return Err(LanguageError::Option { option: "allocation", problem });
                    }
                    Ok(mean(&scores))
                })
                .collect()
        };
        Ok(Self {
            alpha: of(ExponentKind::Plain)?,
            farms: of(ExponentKind::Windows)?,
            outliers: None,
        })
    }
}

/// Scans the matrices inside the blocks of `model`.
///
/// # Errors
/// As [`scan`], and an interrupt: scores of some blocks alone are useless.
pub fn scan_blocks(
    model: &LanguageModel,
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<LayerTable, LanguageError> {
    let names = model.layer_names();
    let wanted = |name: &str| names.iter().any(|own| own == name);
    let table = scan(model.checkpoint(), options, &wanted, progress)?;
    progress.keep_going()?;
    Ok(table)
}

/// How blocks are scanned for their scores: the median rule, nothing else, on `n_threads` threads.
pub(crate) fn usual_scan(n_threads: Option<usize>) -> ScanOptions {
    ScanOptions { rules: vec![TailRule::Median], bulk: false, n_threads, ..ScanOptions::default() }
}

/// Scans the blocks of `model` and scores them by the layers that `wanted` names, on `n_threads` threads (all when not
/// given).
///
/// # Errors
/// As [`scan_blocks`] and [`BlockScores::from_table`].
pub fn score_blocks(
    model: &LanguageModel,
    wanted: &dyn Fn(&str) -> bool,
    n_threads: Option<usize>,
    progress: &dyn Progress,
) -> Result<BlockScores, LanguageError> {
    let table = scan_blocks(model, &usual_scan(n_threads), progress)?;
    BlockScores::from_table(model, &table, wanted)
}

/// Share of every block's Wanda scores above five times the block's mean, seen with the dense model.
///
/// # Errors
/// As [`prune_blocks`](crate::prune::prune_blocks).
pub fn outlier_shares(
    model: &LanguageModel,
    calibration: &[Vec<u32>],
    progress: &dyn Progress,
) -> Result<Vec<f64>, LanguageError> {
    let n_blocks = model.decoder().n_blocks;
    let length = calibration.first().map_or(1, Vec::len);
    let mut steps = Steps::new(progress, 2 * n_blocks * n_batches(calibration.len(), length));
    let mut hidden = Hidden::embed(model, calibration)?;
    let mut shares = Vec::with_capacity(n_blocks);
    for block in 0..n_blocks {
        steps.name(format!("outliers of block {} of {n_blocks}", block + 1));
        let matrices = read_block(model, block)?;
        let statistics = observe_block(model, block, &matrices, &hidden, false, &mut steps)?;
        let maps = model.maps(block);
        let scored: Vec<_> = maps
            .iter()
            .zip(&matrices)
            .map(|(map, matrix)| (matrix, &statistics[&map.projections[0].input()]))
            .collect();
        shares.push(outlier_share(&scored, OWL_TIMES)?);
        let weights = model.block(block, &matrices)?;
        hidden.advance(model, &weights, &mut steps)?;
    }
    Ok(shares)
}

/// How shares are dealt to blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deal {
    /// Share of the weights inside the blocks that go.
    pub target: f64,
    /// Half the width of the range of scores.
    pub epsilon: f64,
    /// Whose exponents the controls permute and reverse.
    pub controlled: ExponentKind,
    /// Of the permutation.
    pub seed: Seed,
}

/// Ratios of the layers that `wanted` names, those of a block alike, so that the target is met over them.
///
/// # Errors
/// Targets and epsilons out of range, outliers that were not measured.
pub fn block_ratios(
    model: &LanguageModel,
    scores: &BlockScores,
    allocation: Allocation,
    wanted: &dyn Fn(&str) -> bool,
    deal: &Deal,
) -> Result<Patterns, LanguageError> {
    let Deal { target, epsilon, controlled, seed } = *deal;
    let exponents = match controlled {
        ExponentKind::Plain => &scores.alpha,
        ExponentKind::Windows => &scores.farms,
    };
    let shapes: BTreeMap<_, _> = model.decoder().projections().into_iter().collect();
    let n_weights_of = |map: &StoredMap| -> usize {
        map.projections.iter().map(|map| shapes[map][0] * shapes[map][1]).sum()
    };
    // Blocks that lose something, with the weights that they have to lose.
    let (blocks, n_weights): (Vec<usize>, Vec<usize>) = (0..model.decoder().n_blocks)
        .map(|block| {
            let maps = model.maps(block);
            (block, maps.iter().filter(|map| wanted(&map.name)).map(n_weights_of).sum::<usize>())
        })
        .filter(|&(_, n)| n > 0)
        .unzip();
    let of_blocks = |all: &[f64]| -> Vec<f64> { blocks.iter().map(|&block| all[block]).collect() };
    let largest = SparsityOptions::new(target).largest_ratio;
    let by_score = |scores: &[f64], epsilon: f64| {
        Ok::<_, LanguageError>(allocate(scores, &n_weights, target, epsilon, largest)?.ratios)
    };
    let ratios = match allocation {
        Allocation::Uniform => by_score(&vec![0.0; blocks.len()], 0.0)?,
        Allocation::Alpha => by_score(&of_blocks(&scores.alpha), epsilon)?,
        Allocation::Farms => by_score(&of_blocks(&scores.farms), epsilon)?,
        Allocation::Owl => {
            let outliers = scores.outliers.as_ref().ok_or_else(|| LanguageError::Option {
                option: "allocation",
                problem: "owl needs calibration data".into(),
            })?;
            // Checks the target as well.
            by_score(&vec![0.0; blocks.len()], 0.0)?;
            owl_ratios(&of_blocks(outliers), target, OWL_LAMBDA)
        }
        Allocation::Permuted => {
            let order = seed.child("language/permuted-blocks", 0).permutation(blocks.len());
            let own = of_blocks(exponents);
            let dealt: Vec<f64> = order.iter().map(|&place| own[place as usize]).collect();
            by_score(&dealt, epsilon)?
        }
        Allocation::Reversed => {
            let reversed: Vec<f64> = of_blocks(exponents).iter().map(|score| -score).collect();
            by_score(&reversed, epsilon)?
        }
        Allocation::FirstBlock => {
            let first: Vec<f64> = (0..blocks.len()).map(|place| f64::from(place > 0)).collect();
            by_score(&first, epsilon)?
        }
    };
    Ok(blocks
        .iter()
        .zip(ratios)
        .flat_map(|(&block, ratio)| {
            let maps = model.maps(block).into_iter().filter(|map| wanted(&map.name));
            maps.map(move |map| (map.name, Pattern::Share(ratio)))
        })
        .collect())
}

/// The same pattern for every layer inside the blocks.
pub fn same_everywhere(model: &LanguageModel, pattern: Pattern) -> Patterns {
    model.layer_names().into_iter().map(|name| (name, pattern)).collect()
}

/// Ratios from a file: `sparsities.json` of `simbias spectrum sparsity`, or a CSV with the columns `layer` and `ratio`.
///
/// # Errors
/// Files of another form, ratios outside `[0, 1)`.
pub fn read_ratios(path: &Path) -> Result<Patterns, LanguageError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| LanguageError::Text { path: path.into(), problem: error.to_string() })?;
    parse_ratios(&text, path)
}

/// [`read_ratios`] of a text that is called `path` in messages.
///
/// # Errors
/// As [`read_ratios`].
pub fn parse_ratios(text: &str, path: &Path) -> Result<Patterns, LanguageError> {
    let failure = |problem: String| LanguageError::Text { path: path.into(), problem };
    let ratios: BTreeMap<String, f64> = if text.trim_start().starts_with('{') {
        #[derive(Deserialize)]
        struct File {
            layers: Vec<Layer>,
        }
        #[derive(Deserialize)]
        struct Layer {
            layer: String,
            ratio: f64,
        }
        let file: File = serde_json::from_str(text)
            .map_err(|error| failure(format!("is not a list of sparsities: {error}")))?;
        file.layers.into_iter().map(|layer| (layer.layer, layer.ratio)).collect()
    } else {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let header: Vec<&str> = lines
            .next()
            .map(|(_, line)| line.split(',').map(str::trim).collect())
            .unwrap_or_default();
        let column = |name: &str| header.iter().position(|found| *found == name);
        let (Some(layer), Some(ratio)) = (column("layer"), column("ratio")) else {
            return Err(failure("is not a CSV with the columns layer and ratio".into()));
        };
        lines
            .map(|(index, line)| {
                let cells: Vec<&str> = line.split(',').map(str::trim).collect();
                let number = cells.get(ratio).and_then(|cell| cell.parse::<f64>().ok());
                match (cells.get(layer), number) {
                    (Some(layer), Some(number)) => Ok(((*layer).to_string(), number)),
                    _ => {
                        Err(failure(format!("line {} has no layer and ratio: {line:?}", index + 1)))
                    }
                }
            })
            .collect::<Result<_, LanguageError>>()?
    };
    if ratios.is_empty() {
        return Err(failure("names no layer".into()));
    }
    ratios
        .into_iter()
        .map(|(layer, ratio)| {
            if (0.0..1.0).contains(&ratio) {
                Ok((layer, Pattern::Share(ratio)))
            } else {
                Err(failure(format!(
                    "layer {layer:?} has the ratio {ratio}; it must be at least 0 and below 1"
                )))
            }
        })
        .collect()
}
