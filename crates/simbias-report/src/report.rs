//! The report: an answer with its evidence.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Caveat, Cell, Chart, Charts, Images, NextStep, PictureGrid, Provenance, Table};

/// The wire form's name and version; reading a version of another major number is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schema;

impl Schema {
    /// What is written. The major number changes whenever an old report would be misunderstood, the minor one
    /// whenever a report may hold something new.
    pub const NAME: &str = "simbias.report/1.1";
    /// Versions that are read besides it.
    const EARLIER: [&str; 1] = ["simbias.report/1"];
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::NAME)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = String::deserialize(deserializer)?;
        if found == Self::NAME || Self::EARLIER.contains(&found.as_str()) {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom(format_args!(
                "schema is {found:?}; this version reads {:?}",
                Self::NAME
            )))
        }
    }
}

/// A text that is not a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Not JSON, not a report, or another version.
    #[error("not a report in the form {:?}: {source}", Schema::NAME)]
    Json {
        /// What the parser says.
        #[from]
        source: serde_json::Error,
    },
}

/// A figure for the top of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyFigure {
    /// What is measured.
    pub label: String,
    /// The figure.
    pub value: Cell,
    /// How to read it; may be empty.
    pub note: String,
}

impl KeyFigure {
    /// A figure without a note.
    pub fn new(label: impl Into<String>, value: impl Into<Cell>) -> Self {
        Self { label: label.into(), value: value.into(), note: String::new() }
    }

    /// Says how to read it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// One piece of a section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// A paragraph.
    Text(String),
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Box<Chart>),
    /// Charts of which one is shown at a time.
    Charts(Charts),
    /// Pictures.
    Images(Images),
    /// Rows of pictures, with values laid over them.
    Pictures(PictureGrid),
    /// A doubt about the evidence beside it.
    Caveat(Caveat),
}

impl From<Table> for Element {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<Chart> for Element {
    fn from(chart: Chart) -> Self {
        Self::Chart(Box::new(chart))
    }
}

impl From<Charts> for Element {
    fn from(charts: Charts) -> Self {
        Self::Charts(charts)
    }
}

impl From<PictureGrid> for Element {
    fn from(grid: PictureGrid) -> Self {
        Self::Pictures(grid)
    }
}

impl From<Images> for Element {
    fn from(images: Images) -> Self {
        Self::Images(images)
    }
}

/// One question and its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Name for links.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Whether a page shows only the heading until the reader asks for more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folded: bool,
    /// Paragraphs that open the section.
    pub prose: Vec<String>,
    /// Evidence, in reading order.
    pub elements: Vec<Element>,
}

impl Section {
    /// An empty section.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            folded: false,
            prose: Vec::new(),
            elements: Vec::new(),
        }
    }

    /// Shows only the heading until the reader asks for more.
    #[must_use]
    pub fn folded(mut self) -> Self {
        self.folded = true;
        self
    }

    /// Adds an opening paragraph.
    #[must_use]
    pub fn prose(mut self, paragraph: impl Into<String>) -> Self {
        self.prose.push(paragraph.into());
        self
    }

    /// Adds a paragraph between the evidence.
    #[must_use]
    pub fn text(self, paragraph: impl Into<String>) -> Self {
        self.element(Element::Text(paragraph.into()))
    }

    /// Adds a table.
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.element(table.into())
    }

    /// Adds a chart.
    #[must_use]
    pub fn chart(self, chart: Chart) -> Self {
        self.element(chart.into())
    }

    /// Adds charts of which one is shown at a time.
    #[must_use]
    pub fn charts(self, charts: Charts) -> Self {
        self.element(charts.into())
    }

    /// Adds pictures.
    #[must_use]
    pub fn images(self, images: Images) -> Self {
        self.element(images.into())
    }

    /// Adds rows of pictures.
    #[must_use]
    pub fn pictures(self, grid: PictureGrid) -> Self {
        self.element(Element::Pictures(grid))
    }

    /// Adds a doubt.
    #[must_use]
    pub fn caveat(self, caveat: Caveat) -> Self {
        self.element(Element::Caveat(caveat))
    }

    /// Adds any piece of evidence.
    #[must_use]
    pub fn element(mut self, element: Element) -> Self {
        self.elements.push(element);
        self
    }
}

/// An answer: in one sentence, one picture and key figures, with what to do next and with its evidence.
///
/// The first screen of every renderer is made of [`first_sentence`](Self::first_sentence),
/// [`first_picture`](Self::first_picture), [`first_figures`](Self::first_figures) and `next_steps`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The wire form's name.
    pub schema: Schema,
    /// Heading.
    pub title: String,
    /// One line under the heading; may be empty.
    pub subtitle: String,
    /// The answer in one sentence that needs no knowledge of the method; empty when the summary's first does it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub headline: String,
    /// The answer as one picture, usually a chart; without it, the first chart of the sections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Element>,
    /// What to do next, the most useful first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_steps: Vec<NextStep>,
    /// The findings in plain language, a sentence or two each.
    pub summary: Vec<String>,
    /// The figures to remember, the most important first.
    pub key_figures: Vec<KeyFigure>,
    /// What a terminal shows in place of all sections; without it, it shows them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<Section>,
    /// The evidence.
    pub sections: Vec<Section>,
    /// Doubts about the whole.
    pub caveats: Vec<Caveat>,
    /// Where the result came from; absent for results without a run.
    pub provenance: Option<Provenance>,
}

impl Report {
    /// An empty report.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            schema: Schema,
            title: title.into(),
            subtitle: String::new(),
            headline: String::new(),
            picture: None,
            next_steps: Vec::new(),
            summary: Vec::new(),
            key_figures: Vec::new(),
            overview: None,
            sections: Vec::new(),
            caveats: Vec::new(),
            provenance: None,
        }
    }

    /// Sets the line under the heading.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Says the answer in one sentence.
    #[must_use]
    pub fn headline(mut self, sentence: impl Into<String>) -> Self {
        self.headline = sentence.into();
        self
    }

    /// Shows the answer as one picture.
    #[must_use]
    pub fn picture(mut self, picture: impl Into<Element>) -> Self {
        self.picture = Some(picture.into());
        self
    }

    /// Adds something to do next.
    #[must_use]
    pub fn next_step(mut self, step: impl Into<NextStep>) -> Self {
        self.next_steps.push(step.into());
        self
    }

    /// Adds a sentence or two to the findings.
    #[must_use]
    pub fn summarise(mut self, sentence: impl Into<String>) -> Self {
        self.summary.push(sentence.into());
        self
    }

    /// Adds a figure to remember.
    #[must_use]
    pub fn key_figure(mut self, figure: KeyFigure) -> Self {
        self.key_figures.push(figure);
        self
    }

    /// Sets what a terminal shows in place of all sections.
    #[must_use]
    pub fn overview(mut self, section: Section) -> Self {
        self.overview = Some(section);
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Adds a doubt about the whole.
    #[must_use]
    pub fn caveat(mut self, caveat: Caveat) -> Self {
        self.caveats.push(caveat);
        self
    }

    /// Says where the result came from.
    #[must_use]
    pub fn provenance(mut self, provenance: Provenance) -> Self {
        self.provenance = Some(provenance);
        self
    }

    /// The sentence of the first screen: the headline, else the first finding, else nothing.
    pub fn first_sentence(&self) -> &str {
        if self.headline.is_empty() {
            self.summary.first().map_or("", String::as_str)
        } else {
            &self.headline
        }
    }

    /// The findings below the first screen: all that [`first_sentence`](Self::first_sentence) does not say.
    pub fn further_findings(&self) -> &[String] {
        let said = self.summary.first().is_some_and(|first| first == self.first_sentence());
        &self.summary[usize::from(said)..]
    }

    /// The picture of the first screen: the report's own, else the first chart with marks of its sections.
    pub fn first_picture(&self) -> Option<&Element> {
        let drawn =
            |element: &&Element| matches!(element, Element::Chart(chart) if !chart.is_empty());
        self.picture
            .as_ref()
            .or_else(|| self.sections.iter().flat_map(|section| &section.elements).find(drawn))
    }

    /// The figures of the first screen: at most three.
    pub fn first_figures(&self) -> &[KeyFigure] {
        &self.key_figures[..self.key_figures.len().min(3)]
    }

    /// The report in its wire form, indented, with a final newline.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self)
            .expect("a report has string keys only and writes to memory");
        json.push('\n');
        json
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// When the text is not JSON, not a report, or of another version.
    pub fn from_json(json: &str) -> Result<Self, ReportError> {
        Ok(serde_json::from_str(json)?)
    }

    /// The data of every table and chart, in reading order, as pairs of file name and content; charts of which
    /// one is shown at a time share a file.
    ///
    /// A name is the element's id reduced to letters, digits and dashes; repeated names get `-2`, `-3`, ….
    pub fn csv_files(&self) -> Vec<(String, String)> {
        let mut taken = BTreeSet::new();
        let mut files = Vec::new();
        let evidence = self.sections.iter().flat_map(|section| &section.elements);
        for element in self.picture.iter().chain(evidence) {
            let (id, content) = match element {
                Element::Table(table) => (&table.id, table.to_csv()),
                Element::Chart(chart) => (&chart.id, chart.to_csv()),
                Element::Charts(charts) => (&charts.id, charts.to_csv()),
                Element::Text(_)
                | Element::Images(_)
                | Element::Pictures(_)
                | Element::Caveat(_) => continue,
            };
            files.push((format!("{}.csv", free_slug(id, &mut taken)), content));
        }
        files
    }
}

/// A name for files and links that is not in `taken` yet; adds it there.
fn free_slug(id: &str, taken: &mut BTreeSet<String>) -> String {
    let words: Vec<&str> = id
        .split(|symbol: char| !symbol.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    let slug = if words.is_empty() { "data".into() } else { words.join("-").to_lowercase() };
    let mut name = slug.clone();
    let mut copy = 1;
    while !taken.insert(name.clone()) {
        copy += 1;
        name = format!("{slug}-{copy}");
    }
    name
}
