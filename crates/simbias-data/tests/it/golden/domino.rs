//! `domino.safetensors`: two image sets joined with recorded permutations. Exact.

use simbias_data::synth::domino::{PairingDraws, combine};
use simbias_data::{ClassLabels, Dataset, ImageShape, Layout, Target};
use simbias_golden::Tensors;

use super::GOLDEN;

#[test]
fn combined_images_agree() {
    let golden = GOLDEN.tensors("domino.safetensors");
    let top = image_set(&golden, "xm", "ym");
    let bottom = image_set(&golden, "xc", "yc");
    let cases = golden.prefixes(".x");
    assert!(!cases.is_empty());
    for case in cases {
        let mut permutations = (0..).map(|call| golden.indices(&format!("{case}.perm{call}")));
        // One permutation per randomized half, then the final order.
        let mut next = |recorded: bool| recorded.then(|| permutations.next().unwrap());
        let draws = PairingDraws {
            top: next(case.contains("first") || case.contains("both")),
            bottom: next(case.contains("second") || case.contains("both")),
            order: next(true),
        };
        let domino = combine(&top, &bottom, &draws).unwrap();

        let images = golden.array(&format!("{case}.x"));
        let found: Vec<f64> = domino.dataset.rows.iter().map(|&value| f64::from(value)).collect();
        assert_eq!(domino.dataset.n_rows(), images.shape()[0], "{case}");
        assert_eq!(found, images.into_raw_vec_and_offset().0, "{case}");
        let labels = &domino.dataset.class_labels().unwrap().indices;
        assert_eq!(*labels, golden.indices(&format!("{case}.y")), "{case}");
    }
}

fn image_set(golden: &Tensors, images: &str, labels: &str) -> Dataset {
    let values = golden.array(images);
    let &[n_rows, channels, height, width] = values.shape() else { panic!("{images}: no images") };
    let shape = ImageShape { channels, height, width };
    let rows =
        values.mapv(|value| value as f32).into_shape_with_order((n_rows, shape.n_features()));
    Dataset::new(
        images,
        rows.unwrap(),
        Layout::image(shape),
        Target::Classes(ClassLabels {
            indices: golden.indices(labels),
            names: vec!["0".into(), "1".into()],
        }),
    )
}
