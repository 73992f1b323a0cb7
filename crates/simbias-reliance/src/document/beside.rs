//! What was found beside the user's blocks, in the words of a report.

use serde::Serialize;
use simbias_data::read::GIVEAWAY;
use simbias_report::{Caveat, Cell, Column, Element, PictureGrid, Section, Severity, Table};

use super::heat_map::HeatMapDocument;
use super::reliance::{optional, verdict_cell};
use super::screen::screen_section;
use super::{plain_summary, reliance_section};
use crate::beside::{Beside, Inside};
use crate::heat_map::HeatMap;
use crate::measure::{CLASS_ORDER, REVERSED};
use crate::outcome::RelianceOutcome;
use crate::screen::{ScreenDocument, WholeModel};

/// Sentences about whole images in the summary.
const MOST_SENTENCES: usize = 2;

/// [`Beside`] in a result.
#[derive(Serialize)]
pub struct BesideDocument<'a> {
    /// Single columns, with their alarms.
    screen: Option<ScreenDocument<'a>>,
    /// Whole images by frequency and colour.
    whole_images: Option<&'a RelianceOutcome>,
    /// Members of the leading block.
    inside: Option<InsideDocument<'a>>,
    /// Where in images the skill lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    heat_map: Option<HeatMapDocument<'a>>,
}

#[derive(Serialize)]
struct InsideDocument<'a> {
    block: &'a str,
    reliance: &'a RelianceOutcome,
}

impl Beside {
    /// What stands in a result, beside a model measured as `base`.
    pub fn document(&self, base: &RelianceOutcome) -> BesideDocument<'_> {
        BesideDocument {
            screen: self.screen.as_ref().map(|screen| screen.document(model_of(base))),
            whole_images: self.whole_images.as_ref().map(|measured| &measured.outcome),
            inside: self
                .inside
                .as_ref()
                .map(|inside| InsideDocument { block: &inside.block, reliance: &inside.outcome }),
            heat_map: self.heat_map.as_ref().map(HeatMap::document),
        }
    }

    /// The alarms, which come before everything else in a summary.
    pub fn alarms(&self, base: &RelianceOutcome) -> Vec<String> {
        let screen = self.screen.as_ref();
        let mut alarms =
            screen.map_or_else(Vec::new, |screen| screen.alarm_sentences(model_of(base)));
        alarms.extend(giveaways(&base.caveats));
        alarms
    }

    /// What else belongs into a summary.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::from_iter(self.heat_map.as_ref().map(HeatMap::sentence));
        if let Some(inside) = &self.inside {
            sentences.extend(inside_sentence(inside));
        }
        if let Some(measured) = &self.whole_images
            && measured.outcome.has_signal()
        {
            let found = plain_summary(&measured.outcome).into_iter().skip(1).take(MOST_SENTENCES);
            sentences.extend(found.map(|sentence| {
                let sentence = sentence
                    .strip_prefix("It ")
                    .map(|rest| format!("it {rest}"))
                    .unwrap_or(sentence);
                format!("By frequency and colour of whole images: {sentence}")
            }));
        }
        sentences
    }

    /// The heat map over pictures, which leads a report about images.
    pub fn map_section(&self) -> Option<Section> {
        self.heat_map.as_ref().map(HeatMap::section)
    }

    /// The heat map as the picture of a report, if some part of the picture is shown to be needed.
    pub fn lead_picture(&self) -> Option<PictureGrid> {
        self.heat_map.as_ref().filter(|map| !map.shown().is_empty()).map(HeatMap::lead)
    }

    /// The other sections of a report.
    pub fn sections(&self, base: &RelianceOutcome) -> Vec<Section> {
        let mut sections = Vec::new();
        if let Some(inside) = &self.inside {
            sections.push(inside_section(inside));
        }
        if let Some(measured) = &self.whole_images {
            let section = reliance_section(&measured.outcome);
            sections.push(renamed(section, "whole-images", "Whole images by frequency and colour"));
        }
        if let Some(screen) = &self.screen {
            sections.push(screen_section(screen, model_of(base)));
        }
        sections
    }
}

/// The model that columns are compared with. If its outputs are in another order than the classes, its metric says nothing.
fn model_of(base: &RelianceOutcome) -> WholeModel<'_> {
    let is = |kind: &str| base.caveats.iter().any(|caveat| caveat.kind == kind);
    if is(CLASS_ORDER) || is(REVERSED) {
        WholeModel::Unknown
    } else if base.has_signal() {
        WholeModel::Skilled(&base.standard.metric)
    } else {
        WholeModel::Unskilled(&base.standard.metric)
    }
}

/// Remarks about the data that belong to the top of a report: something beside the inputs tells the target.
const FIRST: [&str; 2] = [GIVEAWAY, "missing-tells-label"];

/// What such remarks among `notes` say.
pub fn giveaways<'a>(notes: impl IntoIterator<Item = &'a Caveat>) -> Vec<String> {
    let tells = |note: &&Caveat| {
        let is_first = FIRST.contains(&note.kind.as_str());
        is_first || (note.kind == "dropped-rows" && note.severity == Severity::Warning)
    };
    notes.into_iter().filter(tells).map(|note| note.message.clone()).collect()
}

/// The member that matters most, with how much of the block it is.
fn inside_sentence(inside: &Inside) -> Option<String> {
    let outcome = &inside.outcome;
    let drop = |index: usize| outcome.blocks[index].drop.value;
    let most = (0..outcome.blocks.len()).max_by(|&a, &b| drop(a).total_cmp(&drop(b)))?;
    let most = &outcome.blocks[most];
    let is_shown = most.necessity.as_ref().is_some_and(|necessity| necessity.low > 0.0);
    is_shown.then(|| {
        format!(
            "Within {:?} it needs {:?} most: without that column the {} falls to {:.3}.",
            inside.block,
            most.name,
            outcome.metric.title(),
            most.randomized.metric.value
        )
    })
}

fn inside_section(inside: &Inside) -> Section {
    let metric = inside.outcome.metric.title();
    let mut table = Table::new("inside", "Columns of the leading block")
        .caption("One column at a time is taken from other rows; columns that stand in for each other look unneeded.")
        .column(Column::new("column"))
        .column(Column::new("verdict"))
        .column(Column::new("necessity"))
        .column(Column::new("sufficiency"))
        .column(Column::new(format!("{metric} without it")))
        .column(Column::new(format!("{metric} with it alone")));
    let mut blocks: Vec<_> = inside.outcome.blocks.iter().collect();
    blocks.sort_by(|a, b| b.drop.value.total_cmp(&a.drop.value));
    for block in blocks {
        table = table.row([
            Cell::from(block.name.as_str()),
            verdict_cell(block),
            optional(block.necessity.as_ref()),
            optional(block.sufficiency.as_ref()),
            Cell::from(block.randomized.metric.clone()),
            optional(block.complement.as_ref().map(|found| &found.metric)),
        ]);
    }
    Section::new("inside", format!("Inside {:?}", inside.block)).table(table)
}

/// A section under another name, with its tables and charts, so that a report can hold two of a kind.
fn renamed(mut section: Section, id: &str, title: &str) -> Section {
    section.id = id.into();
    section.title = title.into();
    for element in &mut section.elements {
        let own = match element {
            Element::Table(table) => &mut table.id,
            Element::Chart(chart) => &mut chart.id,
            Element::Charts(charts) => &mut charts.id,
            Element::Pictures(grid) => &mut grid.id,
            Element::Text(_) | Element::Images(_) | Element::Caveat(_) => continue,
        };
        *own = format!("{id}-{own}");
    }
    section
}
