//! The pictures that a heat map is laid over.

use ndarray::Axis;
use simbias_data::{Dataset, Target};

/// Classes of which examples are kept, at most.
const MOST_CLASSES: usize = 6;
/// Classes up to which there are two examples of each.
const FEW_CLASSES: usize = 3;
/// Examples of a numeric target.
const N_VALUES: usize = 4;

/// The mean image and a few images of each class, `[channels, height, width]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Backdrop {
    /// Mean over all rows.
    pub mean: Vec<f32>,
    /// Images in the order of their classes.
    pub examples: Vec<Example>,
}

/// One image.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Its class or value, in words.
    pub label: String,
    /// Its row in the data.
    pub row: usize,
    /// Its pixels.
    pub values: Vec<f32>,
}

impl Backdrop {
    /// The mean of `data`, and the first images of each class.
    pub(super) fn of(data: &Dataset) -> Self {
        let mean = data.rows.mapv(f64::from).mean_axis(Axis(0)).unwrap_or_default();
        Self {
            mean: mean.iter().map(|&value| value as f32).collect(),
            examples: example_rows(&data.target)
                .into_iter()
                .map(|(label, row)| Example { label, row, values: data.rows.row(row).to_vec() })
                .collect(),
        }
    }
}

fn example_rows(target: &Target) -> Vec<(String, usize)> {
    match target {
        Target::Values(values) => values
            .iter()
            .enumerate()
            .take(N_VALUES)
            .map(|(row, value)| (format!("target {value:.3}"), row))
            .collect(),
        Target::Classes(labels) => {
            let each = if labels.n_classes() <= FEW_CLASSES { 2 } else { 1 };
            let of_class = |class: usize| {
                let rows = labels.indices.iter().enumerate();
                rows.filter(move |(_, index)| **index as usize == class).map(|(row, _)| row)
            };
            (0..labels.n_classes().min(MOST_CLASSES))
                .flat_map(|class| {
                    let name = format!("class {:?}", labels.names[class]);
                    of_class(class).take(each).map(move |row| (name.clone(), row))
                })
                .collect()
        }
    }
}
