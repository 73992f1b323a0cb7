//! Rows as the model is shown them.

use simbias_data::Dataset;
use simbias_data::transform::Transform;
use simbias_report::{Image, Images};

use crate::block::BlockSet;
use crate::randomize::{Side, randomized_rows};

/// Example rows: the original, the block from another row, and everything else from another row.
pub fn example_images(
    data: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    donors: &[u32],
    n_rows: usize,
) -> Option<Images> {
    let shape = data.layout.image_shape()?;
    if shape.channels != 1 && shape.channels != 3 {
        return None;
    }
    let rows: Vec<u32> = (0..n_rows.min(data.n_rows()) as u32).collect();
    // The first rows together with their donors, so that only these are transformed.
    let mut together = rows.clone();
    together.extend(rows.iter().map(|&row| donors[row as usize]));
    let few = data.select(&together);
    let n = rows.len() as u32;
    let local: Vec<u32> = (0..2 * n).map(|row| if row < n { row + n } else { row }).collect();
    let (low, high) = few
        .rows
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    let picture = |caption: String, values: &[f32]| {
        Image::from_planes(caption, shape.width, shape.height, shape.channels, values, [low, high])
            .ok()
    };
    let mut images = Images::new("examples", "Rows with a block from another row")
        .caption("What the model is shown when a block is randomized.");
    for row in 0..n as usize {
        images = images.image(picture("original".into(), &few.rows.row(row).to_vec())?);
        for block in blocks.blocks().iter().take(4) {
            let changed =
                randomized_rows(few.rows.view(), transform, &block.columns, &local, Side::Block);
            let caption = format!("{} from another row", block.name);
            images = images.image(picture(caption, &changed.row(row).to_vec())?);
        }
    }
    Some(images)
}
