//! Where in the picture the model looks: the map over the mean image and over examples.

use serde::Serialize;
use simbias_data::ImageShape;
use simbias_report::{
    Cell, Column, Image, Interval, Overlay, PictureGrid, Region, Section, Table, Tone, format,
};

use crate::heat_map::{HeatCell, HeatMap};

/// Pictures beside one another on the first screen.
const LEAD_PICTURES: usize = 3;
/// A map whose strongest cell costs less than this share of the skill does not say what the whole picture is worth.
const LITTLE: f64 = 0.25;
/// Cells that a sentence names.
const MOST_NAMED: usize = 3;

/// A [`HeatMap`] in a result.
#[derive(Serialize)]
pub(super) struct HeatMapDocument<'a> {
    quantity: &'static str,
    height: usize,
    width: usize,
    repeats: usize,
    n_measured: usize,
    most_cells: usize,
    n_candidates: usize,
    /// Coverage of all intervals together.
    level: f64,
    cells: Vec<HeatCellDocument<'a>>,
}

#[derive(Serialize)]
struct HeatCellDocument<'a> {
    place: &'a str,
    rows: [usize; 2],
    columns: [usize; 2],
    necessity: Interval,
    /// Coverage of this interval alone.
    level: f64,
    shown: bool,
    parts_stand_in: bool,
}

impl HeatMap {
    pub(super) fn document(&self) -> HeatMapDocument<'_> {
        HeatMapDocument {
            quantity: "necessity",
            height: self.shape.height,
            width: self.shape.width,
            repeats: self.repeats,
            n_measured: self.n_measured,
            most_cells: self.most_cells,
            n_candidates: self.n_candidates,
            level: self.level,
            cells: self.cells.iter().map(Into::into).collect(),
        }
    }

    /// The map in a sentence or two.
    pub(super) fn sentence(&self) -> String {
        let shown = self.shown();
        let Some(first) = shown.first() else {
            return format!(
                "The heat map is empty: none of the {} parts into which it divides the picture is shown to be needed by \
                 itself. A region across their borders can still matter: name it as a block to see.",
                self.cells.len()
            );
        };
        let others = &shown[1..];
        let also = match others {
            [] => String::new(),
            _ => {
                let mut named: Vec<String> = Vec::new();
                for cell in others {
                    let words = format!("the {}", cell.place);
                    if cell.place != first.place && !named.contains(&words) {
                        named.push(words);
                    }
                }
                match named.as_slice() {
                    [] => String::new(),
                    _ => {
                        named.truncate(MOST_NAMED);
                        format!(" It also needs {}.", named.join(", "))
                    }
                }
            }
        };
        format!(
            "The model looks most at the {} ({}): when only these pixels come from another picture, it loses {} of its \
             skill (at least {}).{also}",
            first.place,
            pixels(first),
            percent(first.necessity.value),
            percent(first.necessity.low),
        )
    }

    /// The map over pictures, and its cells in a table.
    pub(super) fn section(&self) -> Section {
        let n_shown = self.shown().len();
        let colours = if n_shown == 0 {
            "No cell is coloured, because none is shown to be needed by itself. Parts that can replace each other look \
             unneeded one by one; try larger blocks."
                .to_string()
        } else {
            "The stronger the colour, the more of the model's skill is lost when only these pixels come from another \
             picture. Cells without colour are not shown to be needed."
                .to_string()
        };
        Section::new("heat-map", "Where in the picture the model looks")
            .pictures(self.grid(&colours))
            .text(format!(
                "How it was made: a coarse grid first, then cells that are shown to be needed were divided again and again, {} \
                 cells in all of at most {}, with {} donor maps each. Which cells were divided was chosen on these same rows, \
                 so the map is a search and not a test of a plan made before. Its intervals allow for that: together they hold \
                 for all {} cells that the search could have come to ({} %). To test a region you have in mind, name it as a \
                 block.",
                self.n_measured,
                self.most_cells,
                self.repeats,
                format::count(self.n_candidates as u64),
                format::number(100.0 * self.level, 0),
            ))
            .table(self.table())
    }

    /// The map over the mean image and examples alone.
    pub(super) fn lead(&self) -> PictureGrid {
        let most = self.shown().iter().map(|cell| cell.necessity.value).fold(0.0, f64::max);
        let few = if most < LITTLE {
            " Each part by itself costs little, because others can replace it; larger blocks may cost more."
        } else {
            ""
        };
        let mut grid = self.grid(&format!(
            "The stronger the colour, the more of the model's skill is lost when only these pixels come from another \
             picture: {} at most.{few}",
            percent(most),
        ));
        grid.id = "lead".into();
        grid.title = "Where in the picture the model looks".into();
        grid.rows.truncate(1);
        // The mean image, and one picture of each of the first classes.
        let labels = self.backdrop.examples.iter().map(|example| example.label.as_str());
        let mut seen = Vec::new();
        let mut is_first = vec![true];
        is_first.extend(labels.map(|label| {
            let is_new = !seen.contains(&label);
            seen.push(label);
            is_new
        }));
        for row in &mut grid.rows {
            row.label.clear();
            let mut firsts = is_first.iter().copied();
            row.pictures.retain(|_| firsts.next().unwrap_or(false));
            row.pictures.truncate(LEAD_PICTURES);
        }
        grid
    }

    fn grid(&self, colours: &str) -> PictureGrid {
        let regions = self.cells.iter().map(|cell| Region {
            name: format!("{} ({})", cell.place, pixels(cell)),
            rows: cell.rows,
            columns: cell.columns,
            value: cell.necessity.clone(),
            is_shown: cell.is_shown,
        });
        let overlay = Overlay { quantity: "necessity".into(), regions: regions.collect() };
        let mean = &self.backdrop.mean;
        let examples = &self.backdrop.examples;
        let of_mean = range(mean.iter());
        let of_examples = range(examples.iter().flat_map(|example| &example.values));
        let mut pictures = Vec::from_iter(picture("mean image", self.shape, mean, of_mean));
        pictures.extend(examples.iter().filter_map(|example| {
            let caption = format!("{}, row {}", example.label, example.row);
            picture(&caption, self.shape, &example.values, of_examples)
        }));
        PictureGrid::new("heat-map-pictures", "Heat map of the picture")
            .caption(colours)
            .overlay(overlay)
            .overlaid_row("With the map", pictures.clone())
            .row("The same pictures without it", pictures)
    }

    fn table(&self) -> Table {
        let mut table = Table::new("heat-map", "Cells of the heat map")
            .caption("Pixel ranges begin with the first number and end before the second one.")
            .column(Column::new("place"))
            .column(Column::new("rows"))
            .column(Column::new("columns"))
            .column(Column::new("necessity").help(
                "share of the skill that is lost when only these pixels come from other pictures; all intervals hold together",
            ))
            .column(Column::new("needed").help("the interval lies above zero"))
            .column(Column::new("parts").help(
                "\"stand in\": its parts were measured too, and carry less than half of it one by one",
            ));
        let mut cells: Vec<&HeatCell> = self.cells.iter().collect();
        cells.sort_by(|a, b| {
            let order = b.is_shown.cmp(&a.is_shown);
            order.then(b.necessity.value.total_cmp(&a.necessity.value))
        });
        for cell in cells {
            let needed = if cell.is_shown {
                Cell::Tag { text: "shown".into(), tone: Tone::Accent }
            } else {
                Cell::Tag { text: "not shown".into(), tone: Tone::Neutral }
            };
            table = table.row([
                Cell::from(cell.place.as_str()),
                Cell::from(span(cell.rows)),
                Cell::from(span(cell.columns)),
                Cell::from(cell.necessity.clone()),
                needed,
                if cell.is_only_whole { Cell::from("stand in") } else { Cell::Empty },
            ]);
        }
        table
    }
}

impl<'a> From<&'a HeatCell> for HeatCellDocument<'a> {
    fn from(cell: &'a HeatCell) -> Self {
        Self {
            place: &cell.place,
            rows: cell.rows,
            columns: cell.columns,
            necessity: (&cell.necessity).into(),
            level: cell.necessity.level,
            shown: cell.is_shown,
            parts_stand_in: cell.is_only_whole,
        }
    }
}

fn span([from, to]: [usize; 2]) -> String {
    format!("{from}..{to}")
}

fn pixels(cell: &HeatCell) -> String {
    format!("pixel rows {}, columns {}", span(cell.rows), span(cell.columns))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share.clamp(0.0, 1.0))
}

/// Smallest and largest value, black and white of a picture.
pub(super) fn range<'a>(values: impl Iterator<Item = &'a f32>) -> [f32; 2] {
    let (low, high) = values
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    if high > low { [low, high] } else { [low, low + 1.0] }
}

/// An image as a picture: grey or RGB; the mean over channels where there is another number of them.
pub(super) fn picture(
    caption: &str,
    shape: ImageShape,
    values: &[f32],
    range: [f32; 2],
) -> Option<Image> {
    let ImageShape { channels, height, width } = shape;
    if channels == 1 || channels == 3 {
        return Image::from_planes(caption, width, height, channels, values, range).ok();
    }
    let area = height * width;
    let mean: Vec<f32> = (0..area)
        .map(|pixel| {
            let sum: f32 = (0..channels).map(|channel| values[channel * area + pixel]).sum();
            sum / channels as f32
        })
        .collect();
    Image::from_planes(caption, width, height, 1, &mean, range).ok()
}
