//! Bringing two image sets to a common form.

use ndarray::{Array2, ArrayView3, ArrayViewMut3, Axis, s};

use super::super::SynthError;
use crate::{ClassLabels, Dataset, ImageShape, Layout, Target};

/// The shape of a data set's images, or why it has none.
pub(super) fn image_shape(dataset: &Dataset) -> Result<ImageShape, SynthError> {
    dataset.layout.image_shape().ok_or_else(|| SynthError::WrongSource {
        dataset: dataset.name.clone(),
        found: format!("a row has {} columns that are not an image", dataset.n_features()),
        needed: "images of shape [channels, height, width]".into(),
    })
}

/// The class labels of a data set, or why it has none.
pub(super) fn class_labels(dataset: &Dataset) -> Result<&ClassLabels, SynthError> {
    dataset.class_labels().ok_or_else(|| SynthError::WrongSource {
        dataset: dataset.name.clone(),
        found: "the target is a number".into(),
        needed: "class labels".into(),
    })
}

/// Rows of the classes of the given names.
pub(super) fn rows_of_classes<S: AsRef<str>>(
    dataset: &Dataset,
    names: &[S],
) -> Result<Vec<u32>, SynthError> {
    let labels = class_labels(dataset)?;
    let mut wanted = vec![false; labels.n_classes()];
    for name in names {
        let class = labels.names.iter().position(|known| known == name.as_ref());
        let Some(class) = class else {
            return Err(SynthError::WrongSource {
                dataset: dataset.name.clone(),
                found: format!("classes {}", labels.names.join(", ")),
                needed: format!("a class {:?}", name.as_ref()),
            });
        };
        wanted[class] = true;
    }
    let rows: Vec<u32> = (0..labels.indices.len() as u32)
        .filter(|&row| wanted[labels.indices[row as usize] as usize])
        .collect();
    if rows.is_empty() {
        return Err(SynthError::WrongSource {
            dataset: dataset.name.clone(),
            found: "no rows".into(),
            needed: format!(
                "rows of the classes {}",
                names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
            ),
        });
    }
    Ok(rows)
}

/// The rows of some classes as a set of two classes: class 0 has the classes named in `zero`, class 1 those in
/// `one`; rows keep their original order.
///
/// # Errors
///
/// When a class does not exist, has no rows or is named on both sides.
pub fn two_classes<S: AsRef<str>>(
    dataset: &Dataset,
    zero: &[S],
    one: &[S],
) -> Result<Dataset, SynthError> {
    let mut labelled: Vec<(u32, u32)> = Vec::new();
    for (class, names) in [(0, zero), (1, one)] {
        labelled.extend(rows_of_classes(dataset, names)?.into_iter().map(|row| (row, class)));
    }
    labelled.sort_unstable();
    if labelled.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(SynthError::WrongSource {
            dataset: dataset.name.clone(),
            found: "a class named on both sides".into(),
            needed: "every class on one side only".into(),
        });
    }
    let rows: Vec<u32> = labelled.iter().map(|&(row, _)| row).collect();
    let side = |names: &[S]| names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("/");
    let mut selected = dataset.select(&rows);
    selected.target = Target::Classes(ClassLabels {
        indices: labelled.into_iter().map(|(_, class)| class).collect(),
        names: vec![side(zero), side(one)],
    });
    Ok(selected)
}

/// Zero-pads every image around its centre to the shape's height and width, and copies a single
/// channel to all channels of the shape (as MNIST 28×28 becomes 3×32×32 beside CIFAR).
///
/// An odd rest goes below and to the right.
///
/// # Errors
///
/// When the images are larger than the shape or have another number of channels, not 1.
pub fn fit_images(dataset: &Dataset, shape: ImageShape) -> Result<Dataset, SynthError> {
    let from = image_shape(dataset)?;
    let channels_fit = from.channels == shape.channels || from.channels == 1;
    if !channels_fit || from.height > shape.height || from.width > shape.width {
        return Err(SynthError::WrongSource {
            dataset: dataset.name.clone(),
            found: format!("images of {from:?}"),
            needed: format!("at most {shape:?}, with as many channels or one"),
        });
    }
    let mut rows = Array2::<f32>::zeros((dataset.n_rows(), shape.n_features()));
    for (source, mut target) in dataset.rows.rows().into_iter().zip(rows.rows_mut()) {
        let source = source.to_shape((from.channels, from.height, from.width));
        let source = source.expect("a row has as many values as its image");
        let target = target.as_slice_mut().expect("rows of a new array are contiguous");
        paste_centred(source.view(), image_mut(target, shape));
    }
    Ok(with_images(dataset, rows, shape))
}

/// Halves height and width; a pixel becomes the mean of 2×2.
///
/// # Errors
///
/// When height or width is odd.
pub fn mean_pool_2x2(dataset: &Dataset) -> Result<Dataset, SynthError> {
    let from = image_shape(dataset)?;
    if !from.height.is_multiple_of(2) || !from.width.is_multiple_of(2) {
        return Err(SynthError::WrongSource {
            dataset: dataset.name.clone(),
            found: format!("images of {from:?}"),
            needed: "even height and width".into(),
        });
    }
    let shape = ImageShape { height: from.height / 2, width: from.width / 2, ..from };
    let mut rows = Array2::<f32>::zeros((dataset.n_rows(), shape.n_features()));
    for (source, mut target) in dataset.rows.rows().into_iter().zip(rows.rows_mut()) {
        for channel in 0..shape.channels {
            for row in 0..shape.height {
                for column in 0..shape.width {
                    let pixel = |down, right| {
                        source[from.column(channel, 2 * row + down, 2 * column + right)]
                    };
                    let sum = pixel(0, 0) + pixel(0, 1) + pixel(1, 0) + pixel(1, 1);
                    target[shape.column(channel, row, column)] = 0.25 * sum;
                }
            }
        }
    }
    Ok(with_images(dataset, rows, shape))
}

/// A flat row as the image it is.
pub(super) fn image_mut(row: &mut [f32], shape: ImageShape) -> ArrayViewMut3<'_, f32> {
    ArrayViewMut3::from_shape((shape.channels, shape.height, shape.width), row)
        .expect("a row has as many values as its image")
}

/// Writes `source` into the centre of `target`; a single channel goes to all.
pub(super) fn paste_centred(source: ArrayView3<'_, f32>, mut target: ArrayViewMut3<'_, f32>) {
    let (_, height, width) = source.dim();
    let (channels, target_height, target_width) = target.dim();
    let (top, left) = ((target_height - height) / 2, (target_width - width) / 2);
    for channel in 0..channels {
        let from = source.index_axis(Axis(0), channel.min(source.len_of(Axis(0)) - 1));
        target.slice_mut(s![channel, top..top + height, left..left + width]).assign(&from);
    }
}

fn with_images(dataset: &Dataset, rows: Array2<f32>, shape: ImageShape) -> Dataset {
    Dataset {
        name: dataset.name.clone(),
        rows,
        layout: Layout::image(shape),
        target: dataset.target.clone(),
        strata: dataset.strata.clone(),
        weights: dataset.weights.clone(),
        notes: dataset.notes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> Dataset {
        let rows = Array2::from_shape_fn((3, 8), |(row, column)| (10 * row + column) as f32);
        Dataset::new(
            "small",
            rows,
            Layout::image(ImageShape { channels: 1, height: 2, width: 4 }),
            Target::Classes(ClassLabels {
                indices: vec![2, 0, 1],
                names: vec!["a".into(), "b".into(), "c".into()],
            }),
        )
    }

    #[test]
    fn pooling_takes_the_mean_of_four() {
        let pooled = mean_pool_2x2(&images()).unwrap();
        assert_eq!(pooled.rows.row(0).to_vec(), [2.5, 4.5]);
        assert!(mean_pool_2x2(&pooled).is_err());
    }

    #[test]
    fn fitting_centres_and_copies_channels() {
        let shape = ImageShape { channels: 2, height: 4, width: 5 };
        let fitted = fit_images(&images(), shape).unwrap();
        let row = fitted.rows.row(1);
        for channel in 0..2 {
            assert_eq!(row[shape.column(channel, 1, 0)], 10.0);
            assert_eq!(row[shape.column(channel, 2, 3)], 17.0);
            assert_eq!(row[shape.column(channel, 0, 0)], 0.0);
            assert_eq!(row[shape.column(channel, 2, 4)], 0.0);
        }
        assert!(fit_images(&fitted, ImageShape { channels: 3, ..shape }).is_err());
        assert!(fit_images(&fitted, ImageShape { height: 3, ..shape }).is_err());
    }

    #[test]
    fn classes_are_chosen_by_name() {
        let two = two_classes(&images(), &["c"], &["a"]).unwrap();
        let labels = two.class_labels().unwrap();
        assert_eq!((labels.indices.as_slice(), two.rows[[1, 0]]), ([0, 1].as_slice(), 10.0));
        assert!(two_classes(&images(), &["c"], &["c"]).is_err());
        assert!(two_classes(&images(), &["c"], &["d"]).is_err());
    }
}
