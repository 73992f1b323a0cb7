//! Rows as the model is shown them.

use simbias_data::transform::Transform;
use simbias_data::{Dataset, ImageShape, Target};
use simbias_report::{Image, PictureGrid};

use super::heat_map::{picture, range};
use crate::block::{Block, BlockSet};
use crate::measure::{BlockSample, ScoreSamples};
use crate::metric::Predictions;
use crate::outcome::{BlockOutcome, RelianceOutcome};
use crate::randomize::{Side, randomized_rows};
use crate::verdict::BlockVerdict;

/// Blocks shown, the most needed first.
const MOST_BLOCKS: usize = 2;
/// Classes shown.
const MOST_CLASSES: usize = 4;
/// Images of each class where there are two classes, and of a numeric target.
const N_IMAGES: usize = 2;

/// Images of every class, whole, without each of the blocks that matter most, and with nothing but such a block; what is
/// missing comes from the image that `donors` name. With the `samples` of the measurement over the same donors, captions say
/// what the model made of it. `None` for data that are not images.
pub fn block_examples(
    data: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    donors: &[u32],
    outcome: &RelianceOutcome,
    samples: Option<&ScoreSamples>,
) -> Option<PictureGrid> {
    let shape = data.layout.image_shape()?;
    let chosen: Vec<&Block> =
        leading(outcome).into_iter().filter_map(|found| blocks.find(&found.name)).collect();
    let rows = rows_of_every_class(data, donors);
    if chosen.is_empty() || rows.is_empty() {
        return None;
    }
    // The rows together with their donors, so that only these are transformed.
    let n = rows.len() as u32;
    let together: Vec<u32> =
        rows.iter().copied().chain(rows.iter().map(|&row| donors[row as usize])).collect();
    let few = data.select(&together);
    let local: Vec<u32> = (0..2 * n).map(|row| if row < n { row + n } else { row }).collect();
    let changed: Vec<(&Block, ndarray::Array2<f32>, ndarray::Array2<f32>)> = chosen
        .into_iter()
        .map(|block| {
            let on = |side: Side| {
                randomized_rows(few.rows.view(), transform, &block.columns, &local, side)
            };
            (block, on(Side::Block), on(Side::Complement))
        })
        .collect();
    let shown = Shown { data, shape, range: range(few.rows.iter()) };
    let mut grid = PictureGrid::new("examples", "With and without the blocks that matter").caption(
        "The same picture as it is, with the block taken from another picture, and with everything but the block taken \
         from that other picture.",
    );
    for (index, &row) in rows.iter().enumerate() {
        let whole = samples.map(|samples| &samples.standard);
        let own = few.rows.row(index).to_vec();
        let mut pictures = Vec::from_iter(shown.picture("as it is".into(), &own, whole, row));
        for (block, without, alone) in &changed {
            let sample: Option<&BlockSample> = samples
                .and_then(|samples| samples.blocks.iter().find(|sample| sample.0 == block.name));
            let without = without.row(index).to_vec();
            let caption = format!("{} from another picture", block.name);
            let scores = sample.map(|sample| &sample.1);
            pictures.extend(shown.picture(caption, &without, scores, row));
            let alone = alone.row(index).to_vec();
            let caption = format!("only {} kept", block.name);
            let scores = sample.and_then(|sample| sample.2.as_ref());
            pictures.extend(shown.picture(caption, &alone, scores, row));
        }
        grid = grid.row(format!("{}, row {row}", shown.truth(row)), pictures);
    }
    Some(grid)
}

/// The blocks that the model is shown to need, or else the one whose loss costs it most.
fn leading(outcome: &RelianceOutcome) -> Vec<&BlockOutcome> {
    let mut blocks: Vec<&BlockOutcome> = outcome.blocks.iter().collect();
    blocks.sort_by(|a, b| b.drop.value.total_cmp(&a.drop.value));
    let is_needed = |block: &&BlockOutcome| {
        matches!(
            block.verdict,
            Some(BlockVerdict::Exclusive | BlockVerdict::Dominant | BlockVerdict::Shared)
        )
    };
    let needed: Vec<&BlockOutcome> =
        blocks.iter().copied().filter(is_needed).take(MOST_BLOCKS).collect();
    if needed.is_empty() { blocks.into_iter().take(1).collect() } else { needed }
}

/// The first rows of every class; those whose donor is of another class come first, because there the exchange matters.
fn rows_of_every_class(data: &Dataset, donors: &[u32]) -> Vec<u32> {
    let Target::Classes(labels) = &data.target else {
        return (0..data.n_rows().min(N_IMAGES) as u32).collect();
    };
    let each = if labels.n_classes() == 2 { N_IMAGES } else { 1 };
    let class = |row: u32| labels.indices[row as usize];
    (0..labels.n_classes().min(MOST_CLASSES) as u32)
        .flat_map(|wanted| {
            let mut rows: Vec<u32> =
                (0..data.n_rows() as u32).filter(|&row| class(row) == wanted).collect();
            rows.sort_by_key(|&row| class(donors[row as usize]) == wanted);
            rows.truncate(each);
            rows
        })
        .collect()
}

/// How rows are shown.
struct Shown<'a> {
    data: &'a Dataset,
    shape: ImageShape,
    range: [f32; 2],
}

impl Shown<'_> {
    fn picture(
        &self,
        caption: String,
        values: &[f32],
        scores: Option<&Predictions>,
        row: u32,
    ) -> Option<Image> {
        let caption = match scores {
            Some(scores) => format!("{caption}: {}", self.prediction(scores, row as usize)),
            None => caption,
        };
        picture(&caption, self.shape, values, self.range)
    }

    fn prediction(&self, scores: &Predictions, row: usize) -> String {
        match (scores, self.data.class_labels()) {
            (Predictions::Values(values), _) => format!("predicted {:.3}", values[row]),
            (_, Some(labels)) => {
                let class = scores.predicted(row) as usize;
                format!("predicted {:?}", labels.names.get(class).map_or("?", String::as_str))
            }
            (_, None) => format!("predicted class {}", scores.predicted(row)),
        }
    }

    fn truth(&self, row: u32) -> String {
        match &self.data.target {
            Target::Values(values) => format!("target {:.3}", values[row as usize]),
            Target::Classes(labels) => {
                format!("class {:?}", labels.names[labels.indices[row as usize] as usize])
            }
        }
    }
}
