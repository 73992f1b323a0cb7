//! Joining two image sets of two classes each, top and bottom.

use ndarray::{Array2, s};
use simbias_stats::Seed;

use super::super::SynthError;
use super::Domino;
use super::images::{class_labels, image_mut, image_shape};
use crate::{ClassLabels, Dataset, ImageShape, Layout, Target};

/// Which half still tells the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pairing {
    /// Both: images of the same class are joined.
    ByClass,
    /// Only the lower one: upper images are dealt out regardless of their class.
    RandomTop,
    /// Only the upper one.
    RandomBottom,
    /// Neither.
    RandomBoth,
}

/// The random part of [`combine`]; can be supplied to repeat a known one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingDraws {
    /// Order in which upper images are dealt out, a permutation of all of them: the first half
    /// goes to class 0, the rest to class 1. `None` keeps their own classes.
    pub top: Option<Vec<u32>>,
    /// The same for the lower images.
    pub bottom: Option<Vec<u32>>,
    /// Final order of the dominoes, a permutation of them: the result's row `i` is number
    /// `order[i]` of the list that starts with class 1. `None` keeps that list.
    pub order: Option<Vec<u32>>,
}

/// Joins two sets of two classes with all draws made from `seed`.
///
/// # Errors
///
/// As [`combine`].
pub fn combine_at_random(
    top: &Dataset,
    bottom: &Dataset,
    pairing: Pairing,
    seed: Seed,
) -> Result<Domino, SynthError> {
    let deal = |random: bool, purpose, dataset: &Dataset| {
        random.then(|| seed.child(purpose, 0).permutation(dataset.n_rows()))
    };
    let random_top = matches!(pairing, Pairing::RandomTop | Pairing::RandomBoth);
    let random_bottom = matches!(pairing, Pairing::RandomBottom | Pairing::RandomBoth);
    let top_order = deal(random_top, "synth/domino/top", top);
    let bottom_order = deal(random_bottom, "synth/domino/bottom", bottom);
    let n_pairs = pairs(top, bottom, top_order.as_deref(), bottom_order.as_deref())?.len();
    let order = Some(seed.child("synth/domino/order", 0).permutation(n_pairs));
    combine(top, bottom, &PairingDraws { top: top_order, bottom: bottom_order, order })
}

/// Joins two sets of two classes, the first set on top.
///
/// Images are paired in their order (or in the order they are dealt out), each class cut to the
/// smallest of the four groups, so both classes have the same number of rows. The label follows the half
/// that keeps its own classes. Dealing out a half is the official code's way to randomize it; it
/// equals a block permutation up to the cut.
///
/// # Errors
///
/// When a set has no images or not exactly two classes, when channels or widths differ, or when a
/// supplied list is not a permutation of its length.
pub fn combine(
    top: &Dataset,
    bottom: &Dataset,
    draws: &PairingDraws,
) -> Result<Domino, SynthError> {
    let (top_shape, bottom_shape) = (image_shape(top)?, image_shape(bottom)?);
    if (top_shape.channels, top_shape.width) != (bottom_shape.channels, bottom_shape.width) {
        let shape = |shape: ImageShape| [shape.channels, shape.height, shape.width];
        return Err(SynthError::ShapeMismatch {
            top: top.name.clone(),
            top_shape: shape(top_shape),
            bottom: bottom.name.clone(),
            bottom_shape: shape(bottom_shape),
        });
    }
    let mut pairs = pairs(top, bottom, draws.top.as_deref(), draws.bottom.as_deref())?;
    if let Some(order) = &draws.order {
        check_permutation("final order", order, pairs.len())?;
        pairs = order.iter().map(|&index| pairs[index as usize]).collect();
    }

    let shape = ImageShape { height: top_shape.height + bottom_shape.height, ..top_shape };
    let mut rows = Array2::<f32>::zeros((pairs.len(), shape.n_features()));
    for (mut row, pair) in rows.rows_mut().into_iter().zip(&pairs) {
        let row = row.as_slice_mut().expect("rows of a new array are contiguous");
        let mut image = image_mut(row, shape);
        for (half, dataset, index, half_shape) in [
            (s![.., ..top_shape.height, ..], top, pair.top, top_shape),
            (s![.., top_shape.height.., ..], bottom, pair.bottom, bottom_shape),
        ] {
            let source = dataset.rows.row(index as usize);
            let source =
                source.to_shape((half_shape.channels, half_shape.height, half_shape.width));
            image.slice_mut(half).assign(&source.expect("a row has as many values as its image"));
        }
    }
    let (top_names, bottom_names) = (&class_labels(top)?.names, &class_labels(bottom)?.names);
    let names = (0..2)
        .map(|class| match (&draws.top, &draws.bottom) {
            (None, None) => format!("{}+{}", top_names[class], bottom_names[class]),
            (Some(_), None) => bottom_names[class].clone(),
            (None, Some(_)) => top_names[class].clone(),
            (Some(_), Some(_)) => class.to_string(),
        })
        .collect();
    let indices = pairs.iter().map(|pair| pair.class).collect();
    let dataset = Dataset::new(
        format!("{}-on-{}", top.name, bottom.name),
        rows,
        Layout::image(shape),
        Target::Classes(ClassLabels { indices, names }),
    );
    Ok(Domino { dataset, top_height: top_shape.height })
}

#[derive(Clone, Copy)]
struct Pair {
    class: u32,
    top: u32,
    bottom: u32,
}

/// All pairs of class 1, then all of class 0.
fn pairs(
    top: &Dataset,
    bottom: &Dataset,
    top_order: Option<&[u32]>,
    bottom_order: Option<&[u32]>,
) -> Result<Vec<Pair>, SynthError> {
    let top = groups("order of the upper images", top, top_order)?;
    let bottom = groups("order of the lower images", bottom, bottom_order)?;
    let n_each = top.iter().chain(&bottom).map(Vec::len).min().unwrap_or(0);
    Ok([1_u32, 0]
        .into_iter()
        .flat_map(|class| {
            let rows = top[class as usize].iter().zip(&bottom[class as usize]).take(n_each);
            rows.map(move |(&top, &bottom)| Pair { class, top, bottom })
        })
        .collect())
}

/// Rows that serve class 0 and class 1: their own, or the two parts of a dealt-out order.
fn groups(
    what: &'static str,
    dataset: &Dataset,
    order: Option<&[u32]>,
) -> Result<[Vec<u32>; 2], SynthError> {
    let labels = class_labels(dataset)?;
    let counts = labels.counts();
    if counts.len() != 2 || counts.contains(&0) {
        let counted: Vec<String> = labels
            .names
            .iter()
            .zip(&counts)
            .map(|(name, count)| format!("{name} ({count} rows)"))
            .collect();
        return Err(SynthError::WrongSource {
            dataset: dataset.name.clone(),
            found: format!("classes {}", counted.join(", ")),
            needed: "two classes with rows; choose two of them".into(),
        });
    }
    if let Some(order) = order {
        check_permutation(what, order, dataset.n_rows())?;
        let (zero, one) = order.split_at(order.len() / 2);
        return Ok([zero.to_vec(), one.to_vec()]);
    }
    Ok([0, 1].map(|class| {
        (0..dataset.n_rows() as u32).filter(|&row| labels.indices[row as usize] == class).collect()
    }))
}

fn check_permutation(what: &'static str, order: &[u32], n: usize) -> Result<(), SynthError> {
    let mut seen = vec![false; n];
    let fits = order.len() == n
        && order.iter().all(|&index| {
            seen.get_mut(index as usize).is_some_and(|seen| !std::mem::replace(seen, true))
        });
    if fits { Ok(()) } else { Err(SynthError::NotAPermutation { what, expected: n }) }
}
