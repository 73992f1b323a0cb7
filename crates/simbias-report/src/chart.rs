//! Charts as data: what is drawn, without how.

use serde::{Deserialize, Serialize};

use crate::csv::CsvText;
use crate::table::interval_fields;
use crate::{Estimate, format, real};

/// How an axis spaces its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AxisScale {
    /// Equal steps are equal differences.
    #[default]
    Linear,
    /// Equal steps are equal ratios; values at or below zero are left out.
    Log,
    /// Linear, with ticks in percent of one.
    Percent,
}

/// One axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What is measured; empty for no title.
    pub title: String,
    /// Unit; empty for pure numbers.
    pub unit: String,
    /// Spacing of values.
    pub scale: AxisScale,
    /// Ends of the axis in the data's own numbers, also on a log scale; fitted to the data when absent.
    #[serde(with = "real")]
    pub range: Option<[f64; 2]>,
}

impl Axis {
    /// A linear axis fitted to the data.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// States the unit.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Equal steps become equal ratios.
    #[must_use]
    pub fn log(mut self) -> Self {
        self.scale = AxisScale::Log;
        self
    }

    /// Ticks in percent of one.
    #[must_use]
    pub fn percent(mut self) -> Self {
        self.scale = AxisScale::Percent;
        self
    }

    /// Fixes the ends.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some([low, high]);
        self
    }

    /// Title and unit: `time (s)`.
    pub fn heading(&self) -> String {
        match (self.title.as_str(), self.unit.as_str()) {
            (title, "") => title.into(),
            ("", unit) => unit.into(),
            (title, unit) => format!("{title} ({unit})"),
        }
    }
}

impl From<&str> for Axis {
    fn from(title: &str) -> Self {
        Self::new(title)
    }
}

/// A value worth a line across the chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceLine {
    /// Where the line stands.
    #[serde(with = "real")]
    pub value: f64,
    /// What it means, such as "chance"; may be empty.
    pub label: String,
}

impl ReferenceLine {
    /// A labelled line.
    pub fn new(value: f64, label: impl Into<String>) -> Self {
        Self { value, label: label.into() }
    }
}

/// One line of a forest plot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForestItem {
    /// Name of the line.
    pub label: String,
    /// Colour group and legend entry; empty for the only group.
    pub group: String,
    /// Point and whiskers.
    pub estimate: Estimate,
}

/// Estimates with whiskers, one a line, from top to bottom, over a shared x axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForestChart {
    /// The lines; items that share a label share a line.
    pub items: Vec<ForestItem>,
    /// Vertical lines.
    pub references: Vec<ReferenceLine>,
}

impl ForestChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    #[must_use]
    pub fn item(self, label: impl Into<String>, estimate: Estimate) -> Self {
        self.item_in("", label, estimate)
    }

    /// Adds a line, or a second estimate on the line of the same label, in a colour group.
    #[must_use]
    pub fn item_in(
        mut self,
        group: impl Into<String>,
        label: impl Into<String>,
        estimate: Estimate,
    ) -> Self {
        self.items.push(ForestItem { label: label.into(), group: group.into(), estimate });
        self
    }

    /// Adds a vertical line.
    #[must_use]
    pub fn reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.references.push(ReferenceLine::new(value, label));
        self
    }
}

/// One point of a scatter plot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScatterPoint {
    /// Horizontal position.
    #[serde(with = "real")]
    pub x: f64,
    /// Vertical position.
    #[serde(with = "real")]
    pub y: f64,
    /// Ends of the horizontal whisker, as positions.
    #[serde(with = "real", default)]
    pub x_interval: Option<[f64; 2]>,
    /// Ends of the vertical whisker, as positions.
    #[serde(with = "real", default)]
    pub y_interval: Option<[f64; 2]>,
    /// Area of the dot in relation to the others; equal dots when absent.
    #[serde(with = "real", default)]
    pub size: Option<f64>,
    /// Name shown on hover, and beside the point when `highlight` is set; may be empty.
    pub label: String,
    /// Colour group and legend entry; empty for the only group.
    pub group: String,
    /// Whether the point carries its label in view.
    pub highlight: bool,
}

impl ScatterPoint {
    /// A plain point.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, ..Self::default() }
    }

    /// A point with whiskers both ways.
    pub fn between(x: &Estimate, y: &Estimate) -> Self {
        let interval =
            |estimate: &Estimate| estimate.has_interval().then_some([estimate.low, estimate.high]);
        Self {
            x: x.value,
            y: y.value,
            x_interval: interval(x),
            y_interval: interval(y),
            ..Self::default()
        }
    }

    /// Names the point.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Puts the point into a colour group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// Sets the area of the dot in relation to the others.
    #[must_use]
    pub fn size(mut self, size: f64) -> Self {
        self.size = Some(size);
        self
    }

    /// Shows the label beside the point.
    #[must_use]
    pub fn highlight(mut self) -> Self {
        self.highlight = true;
        self
    }
}

/// Words in the corners of a scatter plot, naming its regions; empty ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corners {
    /// Top left.
    pub top_left: String,
    /// Top right.
    pub top_right: String,
    /// Bottom left.
    pub bottom_left: String,
    /// Bottom right.
    pub bottom_right: String,
}

/// Points in a plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScatterChart {
    /// The points.
    pub points: Vec<ScatterPoint>,
    /// Vertical lines, at values of x.
    pub x_references: Vec<ReferenceLine>,
    /// Horizontal lines, at values of y.
    pub y_references: Vec<ReferenceLine>,
    /// Whether to draw the line of equal x and y.
    pub diagonal: bool,
    /// Names of the regions.
    pub corners: Corners,
}

impl ScatterChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a point.
    #[must_use]
    pub fn point(mut self, point: ScatterPoint) -> Self {
        self.points.push(point);
        self
    }

    /// Adds points.
    #[must_use]
    pub fn points(mut self, points: impl IntoIterator<Item = ScatterPoint>) -> Self {
        self.points.extend(points);
        self
    }

    /// Adds a vertical line.
    #[must_use]
    pub fn x_reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.x_references.push(ReferenceLine::new(value, label));
        self
    }

    /// Adds a horizontal line.
    #[must_use]
    pub fn y_reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.y_references.push(ReferenceLine::new(value, label));
        self
    }

    /// Draws the line of equal x and y.
    #[must_use]
    pub fn diagonal(mut self) -> Self {
        self.diagonal = true;
        self
    }

    /// Names the regions.
    #[must_use]
    pub fn corners(mut self, corners: Corners) -> Self {
        self.corners = corners;
        self
    }
}

/// A shaded range around a line, one pair of ends a point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Lower ends.
    #[serde(with = "real")]
    pub low: Vec<f64>,
    /// Upper ends.
    #[serde(with = "real")]
    pub high: Vec<f64>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LineSeries {
    /// Legend entry.
    pub name: String,
    /// Horizontal positions.
    #[serde(with = "real")]
    pub x: Vec<f64>,
    /// Vertical positions, as many.
    #[serde(with = "real")]
    pub y: Vec<f64>,
    /// Range around the line, as many.
    #[serde(default)]
    pub band: Option<Band>,
    /// Whether the line is dashed, for what is not measured.
    pub dashed: bool,
}

impl LineSeries {
    /// A line through points.
    pub fn new(name: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self { name: name.into(), x, y, ..Self::default() }
    }

    /// A line through estimates, their intervals as the band.
    pub fn through(name: impl Into<String>, x: Vec<f64>, estimates: &[Estimate]) -> Self {
        let pick = |part: fn(&Estimate) -> f64| estimates.iter().map(part).collect::<Vec<_>>();
        Self::new(name, x, pick(|estimate| estimate.value))
            .band(pick(|estimate| estimate.low), pick(|estimate| estimate.high))
    }

    /// Adds a range around the line.
    #[must_use]
    pub fn band(mut self, low: Vec<f64>, high: Vec<f64>) -> Self {
        self.band = Some(Band { low, high });
        self
    }

    /// Dashes the line.
    #[must_use]
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }
}

/// Lines over a shared x axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinesChart {
    /// The lines.
    pub series: Vec<LineSeries>,
    /// Vertical lines, at values of x.
    pub x_references: Vec<ReferenceLine>,
    /// Horizontal lines, at values of y.
    pub y_references: Vec<ReferenceLine>,
}

impl LinesChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    #[must_use]
    pub fn series(mut self, series: LineSeries) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a vertical line.
    #[must_use]
    pub fn x_reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.x_references.push(ReferenceLine::new(value, label));
        self
    }

    /// Adds a horizontal line.
    #[must_use]
    pub fn y_reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.y_references.push(ReferenceLine::new(value, label));
        self
    }
}

/// One smooth distribution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DensitySeries {
    /// Legend entry.
    pub name: String,
    /// Where the density is given, ascending.
    #[serde(with = "real")]
    pub x: Vec<f64>,
    /// Density there, as many.
    #[serde(with = "real")]
    pub density: Vec<f64>,
}

/// Filled densities on top of each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DensityChart {
    /// The distributions.
    pub series: Vec<DensitySeries>,
    /// Vertical lines.
    pub references: Vec<ReferenceLine>,
}

impl DensityChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a distribution.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, x: Vec<f64>, density: Vec<f64>) -> Self {
        self.series.push(DensitySeries { name: name.into(), x, density });
        self
    }

    /// Adds a vertical line.
    #[must_use]
    pub fn reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.references.push(ReferenceLine::new(value, label));
        self
    }
}

/// One counted distribution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramSeries {
    /// Legend entry.
    pub name: String,
    /// Ends of the bins, ascending, one more than `counts`.
    #[serde(with = "real")]
    pub edges: Vec<f64>,
    /// How many values fell into each bin.
    pub counts: Vec<u64>,
}

impl HistogramSeries {
    /// Counts finite `values` in `bins` bins of equal width from `low` to `high`; values outside are left out.
    ///
    /// # Panics
    /// When there is no bin or `low < high` is false.
    pub fn counting(
        name: impl Into<String>,
        values: impl IntoIterator<Item = f64>,
        [low, high]: [f64; 2],
        bins: usize,
    ) -> Self {
        assert!(bins > 0 && low < high, "a histogram needs bins and a range");
        let width = (high - low) / bins as f64;
        let edges = (0..=bins).map(|edge| low + width * edge as f64).collect();
        let mut counts = vec![0; bins];
        for value in values.into_iter().filter(|value| (low..=high).contains(value)) {
            counts[(((value - low) / width) as usize).min(bins - 1)] += 1;
        }
        Self { name: name.into(), edges, counts }
    }
}

/// Histograms on top of each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramChart {
    /// The distributions.
    pub series: Vec<HistogramSeries>,
    /// Vertical lines.
    pub references: Vec<ReferenceLine>,
}

impl HistogramChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a distribution.
    #[must_use]
    pub fn series(mut self, series: HistogramSeries) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a vertical line.
    #[must_use]
    pub fn reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.references.push(ReferenceLine::new(value, label));
        self
    }
}

/// Positions of rows or columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ticks {
    /// Named positions.
    Labels(Vec<String>),
    /// Numeric positions.
    Values(#[serde(with = "real")] Vec<f64>),
}

impl Ticks {
    /// Positions named by words.
    pub fn labels<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Self {
        Self::Labels(labels.into_iter().map(Into::into).collect())
    }

    /// How many positions.
    pub const fn len(&self) -> usize {
        match self {
            Self::Labels(labels) => labels.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there is no position.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Position `index` as words; empty when out of range.
    pub fn text(&self, index: usize) -> String {
        match self {
            Self::Labels(labels) => labels.get(index).cloned().unwrap_or_default(),
            Self::Values(values) => {
                values.get(index).map_or_else(String::new, |&v| format::shortest(v))
            }
        }
    }
}

/// How values become colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourScale {
    /// From little to much.
    #[default]
    Sequential,
    /// Two hues on both sides of `centre`.
    Diverging {
        /// The neutral value.
        #[serde(with = "real")]
        centre: f64,
    },
}

/// A matrix as colours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heatmap {
    /// Columns from left to right.
    pub x: Ticks,
    /// Rows from top to bottom when labelled, from bottom to top when numeric.
    pub y: Ticks,
    /// `values[row][column]`; NaN is left blank.
    #[serde(with = "real")]
    pub values: Vec<Vec<f64>>,
    /// What the values are; title of the colour bar.
    pub quantity: String,
    /// How values become colours.
    pub scale: ColourScale,
    /// Ends of the colour scale; fitted to the data when absent.
    #[serde(with = "real", default)]
    pub range: Option<[f64; 2]>,
    /// Whether each field carries its number.
    pub numbers: bool,
}

impl Heatmap {
    /// A sequential map of `values[row][column]`; numbers are shown when there are at most 100 fields.
    ///
    /// # Panics
    /// When `values` is not as long as `y` or a row is not as long as `x`.
    pub fn new(x: Ticks, y: Ticks, values: Vec<Vec<f64>>) -> Self {
        assert!(
            values.len() == y.len() && values.iter().all(|row| row.len() == x.len()),
            "a heatmap needs one row for each y and one value for each x"
        );
        let numbers = x.len() * y.len() <= 100;
        let (quantity, scale, range) = (String::new(), ColourScale::Sequential, None);
        Self { x, y, values, quantity, scale, range, numbers }
    }

    /// Says what the values are.
    #[must_use]
    pub fn quantity(mut self, quantity: impl Into<String>) -> Self {
        self.quantity = quantity.into();
        self
    }

    /// Two hues on both sides of `centre`.
    #[must_use]
    pub fn diverging(mut self, centre: f64) -> Self {
        self.scale = ColourScale::Diverging { centre };
        self
    }

    /// Fixes the ends of the colour scale.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some([low, high]);
        self
    }
}

/// One colour of bars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BarSeries {
    /// Legend entry.
    pub name: String,
    /// One bar a category.
    pub bars: Vec<Estimate>,
}

/// Bars side by side in each category.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BarsChart {
    /// Groups of bars from left to right.
    pub categories: Vec<String>,
    /// Colours; each with one bar a category.
    pub series: Vec<BarSeries>,
    /// Horizontal lines.
    pub references: Vec<ReferenceLine>,
}

impl BarsChart {
    /// A chart without bars.
    pub fn new<S: Into<String>>(categories: impl IntoIterator<Item = S>) -> Self {
        Self { categories: categories.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Adds bars with whiskers, one a category.
    ///
    /// # Panics
    /// When there is not one bar a category.
    #[must_use]
    pub fn series(
        mut self,
        name: impl Into<String>,
        bars: impl IntoIterator<Item = Estimate>,
    ) -> Self {
        let bars: Vec<Estimate> = bars.into_iter().collect();
        assert_eq!(bars.len(), self.categories.len(), "one bar a category");
        self.series.push(BarSeries { name: name.into(), bars });
        self
    }

    /// Adds bars without whiskers, one a category.
    ///
    /// # Panics
    /// When there is not one bar a category.
    #[must_use]
    pub fn values(self, name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        self.series(name, values.into_iter().map(Estimate::without_interval))
    }

    /// Adds a horizontal line.
    #[must_use]
    pub fn reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.references.push(ReferenceLine::new(value, label));
        self
    }
}

/// What a chart shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    /// Estimates with whiskers.
    Forest(ForestChart),
    /// Points in a plane.
    Scatter(ScatterChart),
    /// Lines over a shared x axis.
    Lines(LinesChart),
    /// Smooth distributions.
    Density(DensityChart),
    /// Counted distributions.
    Histogram(HistogramChart),
    /// A matrix as colours.
    Heatmap(Heatmap),
    /// Bars side by side.
    Bars(BarsChart),
}

macro_rules! kinds_from {
    ($($variant:ident($kind:ty)),+) => {$(
        impl From<$kind> for ChartKind {
            fn from(kind: $kind) -> Self {
                Self::$variant(kind)
            }
        }
    )+};
}

kinds_from!(
    Forest(ForestChart),
    Scatter(ScatterChart),
    Lines(LinesChart),
    Density(DensityChart),
    Histogram(HistogramChart),
    Heatmap(Heatmap),
    Bars(BarsChart)
);

/// A figure with its axes and words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Name for links and files, such as `reliance-forest`.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What to see in the chart; may be empty.
    pub caption: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub kind: ChartKind,
}

impl Chart {
    /// A chart with plain axes.
    pub fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        kind: impl Into<ChartKind>,
    ) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            caption: String::new(),
            x: Axis::default(),
            y: Axis::default(),
            kind: kind.into(),
        }
    }

    /// Says what to see.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Sets the horizontal axis; a string is its title.
    #[must_use]
    pub fn x(mut self, axis: impl Into<Axis>) -> Self {
        self.x = axis.into();
        self
    }

    /// Sets the vertical axis; a string is its title.
    #[must_use]
    pub fn y(mut self, axis: impl Into<Axis>) -> Self {
        self.y = axis.into();
        self
    }

    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            ChartKind::Forest(forest) => forest.items.is_empty(),
            ChartKind::Scatter(scatter) => scatter.points.is_empty(),
            ChartKind::Lines(lines) => lines.series.iter().all(|series| series.x.is_empty()),
            ChartKind::Density(density) => density.series.iter().all(|series| series.x.is_empty()),
            ChartKind::Histogram(histogram) => {
                histogram.series.iter().all(|series| series.counts.is_empty())
            }
            ChartKind::Heatmap(heatmap) => heatmap.x.is_empty() || heatmap.y.is_empty(),
            ChartKind::Bars(bars) => bars.categories.is_empty() || bars.series.is_empty(),
        }
    }

    /// The chart's data in full precision, one record a mark.
    pub fn to_csv(&self) -> String {
        let (x, y) = (heading_or(&self.x, "x"), heading_or(&self.y, "y"));
        match &self.kind {
            ChartKind::Forest(forest) => forest.to_csv(&heading_or(&self.x, "value")),
            ChartKind::Scatter(scatter) => scatter.to_csv(&x, &y),
            ChartKind::Lines(lines) => lines.to_csv(&x, &y),
            ChartKind::Density(density) => density.to_csv(&x),
            ChartKind::Histogram(histogram) => histogram.to_csv(),
            ChartKind::Heatmap(heatmap) => heatmap.to_csv(&x, &y),
            ChartKind::Bars(bars) => bars.to_csv(&heading_or(&self.y, "value")),
        }
    }
}

fn heading_or(axis: &Axis, fallback: &str) -> String {
    let heading = axis.heading();
    if heading.is_empty() { fallback.into() } else { heading }
}

fn ends(interval: Option<[f64; 2]>) -> [String; 2] {
    interval.map_or_else(Default::default, |interval| interval.map(format::shortest))
}

impl ForestChart {
    fn to_csv(&self, value: &str) -> String {
        let mut csv =
            CsvText::with_header(["label", "group", value, "low", "high", "n", "level", "varied"]);
        for ForestItem { label, group, estimate } in &self.items {
            let [low, high, n] = interval_fields(estimate);
            let (value, level) =
                (format::shortest(estimate.value), format::shortest(estimate.level));
            csv.record([label, group, &value, &low, &high, &n, &level, &estimate.varied]);
        }
        csv.finish()
    }
}

impl ScatterChart {
    fn to_csv(&self, x: &str, y: &str) -> String {
        let mut csv = CsvText::with_header([
            "label", "group", x, y, "x low", "x high", "y low", "y high", "size",
        ]);
        for point in &self.points {
            let ([x_low, x_high], [y_low, y_high]) =
                (ends(point.x_interval), ends(point.y_interval));
            csv.record([
                &point.label,
                &point.group,
                &format::shortest(point.x),
                &format::shortest(point.y),
                &x_low,
                &x_high,
                &y_low,
                &y_high,
                &point.size.map_or_else(String::new, format::shortest),
            ]);
        }
        csv.finish()
    }
}

impl LinesChart {
    fn to_csv(&self, x: &str, y: &str) -> String {
        let mut csv = CsvText::with_header(["series", x, y, "low", "high"]);
        for series in &self.series {
            for (index, (&x, &y)) in series.x.iter().zip(&series.y).enumerate() {
                let interval = series
                    .band
                    .as_ref()
                    .and_then(|band| Some([*band.low.get(index)?, *band.high.get(index)?]));
                let [low, high] = ends(interval);
                csv.record([&series.name, &format::shortest(x), &format::shortest(y), &low, &high]);
            }
        }
        csv.finish()
    }
}

impl DensityChart {
    fn to_csv(&self, x: &str) -> String {
        let mut csv = CsvText::with_header(["series", x, "density"]);
        for series in &self.series {
            for (&x, &density) in series.x.iter().zip(&series.density) {
                csv.record([&series.name, &format::shortest(x), &format::shortest(density)]);
            }
        }
        csv.finish()
    }
}

impl HistogramChart {
    fn to_csv(&self) -> String {
        let mut csv = CsvText::with_header(["series", "from", "to", "count"]);
        for series in &self.series {
            for (edges, count) in series.edges.windows(2).zip(&series.counts) {
                let (from, to) = (format::shortest(edges[0]), format::shortest(edges[1]));
                csv.record([&series.name, &from, &to, &count.to_string()]);
            }
        }
        csv.finish()
    }
}

impl Heatmap {
    fn to_csv(&self, x: &str, y: &str) -> String {
        let quantity = if self.quantity.is_empty() { "value" } else { &self.quantity };
        let mut csv = CsvText::with_header([y, x, quantity]);
        for (row, values) in self.values.iter().enumerate() {
            for (column, &value) in values.iter().enumerate() {
                csv.record([&self.y.text(row), &self.x.text(column), &format::shortest(value)]);
            }
        }
        csv.finish()
    }
}

impl BarsChart {
    fn to_csv(&self, value: &str) -> String {
        let mut csv = CsvText::with_header(["category", "series", value, "low", "high", "n"]);
        for series in &self.series {
            for (category, estimate) in self.categories.iter().zip(&series.bars) {
                let [low, high, n] = interval_fields(estimate);
                let value = format::shortest(estimate.value);
                csv.record([category, &series.name, &value, &low, &high, &n]);
            }
        }
        csv.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_bins_close_on_the_right_at_the_end_only() {
        let values = [0.0, 0.24, 0.25, 0.5, 1.0, 1.1, f64::NAN];
        let series = HistogramSeries::counting("x", values, [0.0, 1.0], 4);
        assert_eq!(series.edges, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(series.counts, [2, 1, 1, 1]);
    }
}
