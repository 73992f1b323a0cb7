//! Random crops and flips of image batches.

use rand::RngExt;
use simbias_nn::{ImageDims, Network};
use simbias_stats::Seed;
use simbias_train::{Batch, PrepareBatch, TrainError};

/// Mean level of CIFAR-100's training images, by channel.
pub(super) const CHANNEL_MEANS: [f32; 3] = [0.5071, 0.4867, 0.4408];
/// Deviation of the levels.
pub(super) const CHANNEL_DEVIATIONS: [f32; 3] = [0.2675, 0.2565, 0.2761];
/// Pixels by which images are padded on every side before they are cut.
const PADDING: usize = 4;

/// Pads normalised images with black, cuts a window of the old size at random and mirrors it half of the time, as
/// torchvision's `RandomCrop(32, padding=4)` and `RandomHorizontalFlip`.
pub(super) struct CropAndFlip {
    /// Shape of a row, three channels.
    pub(super) image: ImageDims,
}

impl PrepareBatch for CropAndFlip {
    fn prepare(&mut self, _: &Network, batch: &mut Batch, seed: Seed) -> Result<(), TrainError> {
        let mut stream = seed.stream();
        for mut row in batch.rows.rows_mut() {
            let offset = [(); 2].map(|()| stream.random_range(0..=2 * PADDING));
            let is_mirrored = stream.random_bool(0.5);
            let moved = cut(&row.to_vec(), self.image, offset, is_mirrored);
            row.iter_mut().zip(moved).for_each(|(value, moved)| *value = moved);
        }
        Ok(())
    }
}

/// The window whose upper left corner lies at `offset` (down, right) of the padded image.
fn cut(pixels: &[f32], image: ImageDims, [down, right]: [usize; 2], is_mirrored: bool) -> Vec<f32> {
    let ImageDims { channels, height, width } = image;
    let mut moved = Vec::with_capacity(pixels.len());
    for channel in 0..channels {
        let black = -CHANNEL_MEANS[channel] / CHANNEL_DEVIATIONS[channel];
        for row in 0..height {
            for column in 0..width {
                let column = if is_mirrored { width - 1 - column } else { column };
                let from_row = (row + down).checked_sub(PADDING).filter(|&row| row < height);
                let from_column =
                    (column + right).checked_sub(PADDING).filter(|&column| column < width);
                moved.push(match (from_row, from_column) {
                    (Some(row), Some(column)) => pixels[(channel * height + row) * width + column],
                    _ => black,
                });
            }
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: ImageDims = ImageDims { channels: 3, height: 6, width: 5 };

    fn pixels() -> Vec<f32> {
        (0..90).map(|index| index as f32).collect()
    }

    #[test]
    fn the_middle_window_is_the_image_itself() {
        assert_eq!(cut(&pixels(), IMAGE, [PADDING, PADDING], false), pixels());
    }

    #[test]
    fn a_mirrored_image_runs_backwards() {
        let mirrored = cut(&pixels(), IMAGE, [PADDING, PADDING], true);
        assert_eq!(mirrored[..5], [4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(mirrored[30..35], [34.0, 33.0, 32.0, 31.0, 30.0]);
    }

    #[test]
    fn windows_beyond_the_edge_are_black() {
        let moved = cut(&pixels(), IMAGE, [PADDING + 1, PADDING - 2], false);
        let black = -CHANNEL_MEANS[0] / CHANNEL_DEVIATIONS[0];
        // One row down, two columns to the left.
        assert_eq!(moved[..5], [black, black, 5.0, 6.0, 7.0]);
        assert_eq!(moved[25..30], [black; 5]);
        let black = -CHANNEL_MEANS[2] / CHANNEL_DEVIATIONS[2];
        assert_eq!(moved[60..65], [black, black, 65.0, 66.0, 67.0]);
    }
}
