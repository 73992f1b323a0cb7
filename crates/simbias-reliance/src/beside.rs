//! What is looked at beside the user's blocks: single columns without a model, whole images by frequency and colour, where
//! in images the skill lies, and the members of the block that leads.

use simbias_data::transform::{Fft2, Identity, Transform};
use simbias_data::{Dataset, Scorer};
use simbias_report::{Part, Progress};
use simbias_stats::Seed;

use crate::RelianceError;
use crate::block::{Block, BlockSet};
use crate::blocks_file::ResolvedBlocks;
use crate::heat_map::{HeatMap, heat_map};
use crate::journal::{Forgetful, Journal, JournalPart};
use crate::measure::{Measurement, RelianceOptions, measure_resumably};
use crate::outcome::{BlockOutcome, RelianceOutcome};
use crate::propose::one_hot_groups;
use crate::screen::Screen;
use crate::verdict::BlockVerdict;

/// Largest number of columns of a leading block that are measured one by one.
const MOST_MEMBERS: usize = 40;
/// Donor maps for them.
const MEMBER_REPEATS: usize = 10;
/// Shares of all this that are done when single columns are screened, and when whole images are measured.
const SCREENED: f64 = 0.05;
const VIEWED: f64 = 0.4;
/// Cycles per pixel at the corner of the spectrum.
const HIGHEST: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// Rings of frequency, the coarsest first.
const RINGS: [&str; 4] = ["coarsest shapes", "coarse shapes", "fine details", "finest details"];

/// Blocks in coordinates of their own.
pub struct View {
    /// The blocks.
    pub blocks: BlockSet,
    /// The coordinates.
    pub transform: Box<dyn Transform + Send>,
}

impl View {
    /// Whole images by mean brightness (or colour) and four rings of frequency; `None` for other data, and for images too
    /// small to have them.
    pub fn of_whole_images(data: &Dataset) -> Option<Self> {
        let shape = data.layout.image_shape()?;
        let transform = Fft2::new(shape).ok()?;
        let frequencies = transform.frequencies();
        let mean = if shape.channels == 3 { "mean colour" } else { "mean brightness" };
        let place = |frequency: f64| match frequency {
            0.0 => 0,
            _ => 1 + ((frequency / HIGHEST * RINGS.len() as f64) as usize).min(RINGS.len() - 1),
        };
        let names = std::iter::once(mean).chain(RINGS);
        let blocks: Vec<Block> = names
            .enumerate()
            .map(|(wanted, name)| {
                let inside = |&coordinate: &usize| place(frequencies[coordinate]) == wanted;
                Block::new(name, (0..frequencies.len()).filter(inside))
            })
            .collect();
        let blocks = BlockSet::partition(blocks, frequencies.len()).ok()?;
        Some(Self { blocks, transform: Box::new(transform) })
    }
}

/// The members of the leading block, each measured by itself.
#[derive(Clone, Debug)]
pub struct Inside {
    /// The leading block.
    pub block: String,
    /// Reliance on each of its columns.
    pub outcome: RelianceOutcome,
}

/// What was found beside the user's blocks.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Single columns, or single properties of images.
    pub screen: Option<Screen>,
    /// Whole images by frequency and colour.
    pub whole_images: Option<Measurement>,
    /// Members of the leading block.
    pub inside: Option<Inside>,
    /// Where in images the skill lies.
    pub heat_map: Option<HeatMap>,
}

impl Beside {
    /// Looks at all of it for one model: `data`, the blocks and `measured`, which is what [`measure`](crate::measure) found
    /// for them.
    ///
    /// # Errors
    /// As [`measure`](crate::measure) and [`Screen::of`]; too few rows for a screen are not an error.
    pub fn look(
        scorer: &dyn Scorer,
        data: &Dataset,
        resolved: &ResolvedBlocks,
        measured: &RelianceOutcome,
        options: &RelianceOptions,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Self, RelianceError> {
        Self::look_resumably(scorer, data, resolved, measured, options, seed, progress, &Forgetful)
    }

    /// As [`look`](Self::look), with finished work from and to `journal`.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    #[expect(clippy::too_many_arguments, reason = "those of `look`, and the journal")]
    pub fn look_resumably(
        scorer: &dyn Scorer,
        data: &Dataset,
        resolved: &ResolvedBlocks,
        measured: &RelianceOutcome,
        options: &RelianceOptions,
        seed: Seed,
        progress: &dyn Progress,
        journal: &dyn Journal,
    ) -> Result<Self, RelianceError> {
        let screening = Part::new(progress, (0.0, SCREENED));
        let screen = (data.n_rows() >= Screen::LEAST_ROWS)
            .then(|| Screen::of(data, options.metric, options.level, seed, &screening))
            .transpose()?;
        let viewed = if resolved.whole_images.is_some() { VIEWED } else { SCREENED };
        let viewing = Part::new(progress, (SCREENED, viewed));
        let whole_images = resolved
            .whole_images
            .as_ref()
            .map(|View { blocks, transform }| {
                let part = JournalPart::new(journal, "whole images");
                let transform = &**transform;
                measure_resumably(scorer, data, blocks, transform, options, seed, &viewing, &part)
            })
            .transpose()?;
        let rest = Part::new(progress, (viewed, 1.0));
        let map = JournalPart::new(journal, "heat map");
        let heat_map = heat_map(scorer, data, measured, options, seed, &rest, &map)?;
        let inside = if resolved.transform.is_identity() {
            let blocks = &resolved.blocks;
            let part = JournalPart::new(journal, "inside");
            inside_resumably(scorer, data, blocks, measured, options, seed, &rest, &part)?
        } else {
            None
        };
        Ok(Self { screen, whole_images, inside, heat_map })
    }
}

/// The block that the model needs most, if it needs any.
fn leading(outcome: &RelianceOutcome) -> Option<&BlockOutcome> {
    let leads = |block: &&BlockOutcome| {
        matches!(
            block.verdict,
            Some(BlockVerdict::Exclusive | BlockVerdict::Dominant | BlockVerdict::Shared)
        )
    };
    let blocks = outcome.blocks.iter().filter(leads);
    blocks.max_by(|a, b| a.drop.value.total_cmp(&b.drop.value))
}

/// Measures the columns of the leading block of `outcome` one by one; `None` if no block leads, or the leading one is not
/// made of 2 to 40 columns of a table.
///
/// # Errors
/// As [`measure`](crate::measure).
pub fn inside_the_leading_block(
    scorer: &dyn Scorer,
    data: &Dataset,
    blocks: &BlockSet,
    outcome: &RelianceOutcome,
    options: &RelianceOptions,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Option<Inside>, RelianceError> {
    inside_resumably(scorer, data, blocks, outcome, options, seed, progress, &Forgetful)
}

#[expect(clippy::too_many_arguments, reason = "those of `measure`, the outcome and the journal")]
fn inside_resumably(
    scorer: &dyn Scorer,
    data: &Dataset,
    blocks: &BlockSet,
    outcome: &RelianceOutcome,
    options: &RelianceOptions,
    seed: Seed,
    progress: &dyn Progress,
    journal: &dyn Journal,
) -> Result<Option<Inside>, RelianceError> {
    let found = leading(outcome).filter(|block| (2..=MOST_MEMBERS).contains(&block.members.len()));
    let Some(block) = found.and_then(|found| blocks.find(&found.name)) else { return Ok(None) };
    let members = one_hot_groups(data)
        .into_iter()
        .filter(|group| group.columns.iter().all(|column| block.columns.contains(column)));
    let members = BlockSet::overlapping(members.collect(), data.n_features())?;
    let options = RelianceOptions {
        repeats: options.repeats.min(MEMBER_REPEATS),
        pairs: false,
        conflict: false,
        manifold: false,
        ..options.clone()
    };
    let identity = Identity::new(data.n_features());
    let found =
        measure_resumably(scorer, data, &members, &identity, &options, seed, progress, journal)?;
    Ok(Some(Inside { block: block.name.clone(), outcome: found.outcome }))
}
