//! Pictures in labelled rows, with values of rectangles laid over them.

use serde::{Deserialize, Serialize};

use crate::{Estimate, Image};

/// A rectangle of a picture and its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Where it is, in words.
    pub name: String,
    /// First pixel row, and the one after the last.
    pub rows: [usize; 2],
    /// First pixel column, and the one after the last.
    pub columns: [usize; 2],
    /// Its value.
    pub value: Estimate,
    /// Whether the value is shown to be above zero; only then is the rectangle coloured.
    pub is_shown: bool,
}

/// Values of rectangles, to be laid over pictures of one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    /// What the values are, such as "necessity".
    pub quantity: String,
    /// The rectangles, which do not overlap.
    pub regions: Vec<Region>,
}

impl Overlay {
    /// The largest value shown; 0 if none is.
    pub fn largest(&self) -> f64 {
        self.regions
            .iter()
            .filter(|region| region.is_shown)
            .fold(0.0, |largest, region| region.value.value.max(largest))
    }

    /// How strongly a rectangle is coloured, in `[0, 1]`: its value as a share of the largest one.
    pub fn strength(&self, region: &Region) -> f64 {
        if region.is_shown { (region.value.value / self.largest()).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Pictures that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureRow {
    /// What they have in common, such as their class; may be empty.
    pub label: String,
    /// The pictures, each with its caption.
    pub pictures: Vec<Image>,
    /// Whether the grid's overlay lies on them.
    pub is_overlaid: bool,
}

/// Rows of pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureGrid {
    /// Name for links, such as `heat-map`.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What to see; may be empty.
    pub caption: String,
    /// The rows in order.
    pub rows: Vec<PictureRow>,
    /// What lies on the pictures of overlaid rows, which then all have one size.
    pub overlay: Option<Overlay>,
}

impl PictureGrid {
    /// A grid without rows.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            caption: String::new(),
            rows: Vec::new(),
            overlay: None,
        }
    }

    /// Says what to see.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a row of plain pictures.
    #[must_use]
    pub fn row(mut self, label: impl Into<String>, pictures: Vec<Image>) -> Self {
        self.rows.push(PictureRow { label: label.into(), pictures, is_overlaid: false });
        self
    }

    /// Adds a row of pictures under the overlay.
    #[must_use]
    pub fn overlaid_row(mut self, label: impl Into<String>, pictures: Vec<Image>) -> Self {
        self.rows.push(PictureRow { label: label.into(), pictures, is_overlaid: true });
        self
    }

    /// Sets what lies on overlaid rows.
    #[must_use]
    pub fn overlay(mut self, overlay: Overlay) -> Self {
        self.overlay = Some(overlay);
        self
    }

    /// All pictures in order.
    pub fn pictures(&self) -> impl Iterator<Item = &Image> {
        self.rows.iter().flat_map(|row| &row.pictures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_is_relative_to_the_largest_value_shown() {
        let region = |value: f64, is_shown: bool| Region {
            name: String::new(),
            rows: [0, 1],
            columns: [0, 1],
            value: Estimate::new(value, value - 0.1, value + 0.1),
            is_shown,
        };
        let regions = vec![region(0.2, true), region(0.4, true), region(0.9, false)];
        let overlay = Overlay { quantity: "necessity".into(), regions };
        assert_eq!(overlay.largest(), 0.4);
        let strengths: Vec<f64> = overlay.regions.iter().map(|r| overlay.strength(r)).collect();
        assert_eq!(strengths, [0.5, 1.0, 0.0]);
    }
}
