//! The vocabulary of a result: reports, tables, charts, caveats and verdicts; and [`Progress`] on the way there.
//!
//! A tool describes its answer as a [`Report`], a plain value without layout. Renderers turn the value
//! into terminal text or a page; [`Report::to_json`] writes it in the versioned wire form
//! [`Schema::NAME`]. Numbers keep their uncertainty ([`Estimate`]) until the moment they are shown.
//!
//! ```
//! use simbias_report::{Cell, Chart, Column, Estimate, ForestChart, KeyFigure, Report, Section, Table};
//!
//! let reliance = Estimate::new(0.512, 0.498, 0.526).n(30).varied("permutations");
//! let table = Table::new("reliance", "Reliance by block")
//!     .column(Column::new("block"))
//!     .column(Column::new("AUC").help("area under the ROC curve after permuting the block"))
//!     .row([Cell::from("top half"), Cell::from(reliance.clone())]);
//! let forest = ForestChart::new().item("top half", reliance.clone()).reference(0.5, "chance");
//! let chart = Chart::new("reliance-forest", "Reliance by block", forest).x("AUC");
//! let report = Report::new("Audit of digits")
//!     .headline("The network looks at the top half only.")
//!     .picture(chart.clone())
//!     .next_step("Show it digits whose halves disagree, and measure again.")
//!     .key_figure(KeyFigure::new("AUC without the top half", reliance))
//!     .section(Section::new("reliance", "What the network relies on").table(table).chart(chart));
//! assert_eq!(report.csv_files().len(), 3);
//! ```

mod answer;
mod caveat;
mod cell;
mod chart;
mod charts;
mod csv;
mod estimate;
pub mod format;
mod images;
mod interval;
mod next_step;
mod picture_grid;
mod progress;
mod provenance;
mod real;
mod report;
mod table;
mod verdict;

pub use answer::{Answer, AnswerFile, write_json};
pub use caveat::{Caveat, Severity};
pub use cell::{Cell, Tone};
pub use chart::{
    Axis, AxisScale, Band, BarSeries, BarsChart, Chart, ChartKind, ColourScale, Corners,
    DensityChart, DensitySeries, ForestChart, ForestItem, Heatmap, HeatmapMark, HistogramChart,
    HistogramSeries, LineSeries, LinesChart, ReferenceLine, ScatterChart, ScatterPoint, Ticks,
};
pub use charts::Charts;
pub use estimate::Estimate;
pub use images::{Image, ImageError, Images};
pub use interval::Interval;
pub use next_step::NextStep;
pub use picture_grid::{Overlay, PictureGrid, PictureRow, Region};
pub use progress::{Interrupted, Part, Piece, Progress, SideBySide, Silent, Steps, StopOnly};
pub use provenance::{InputFingerprint, Provenance, Settings};
pub use report::{Element, KeyFigure, Report, ReportError, Schema, Section};
pub use table::{Column, Table};
pub use verdict::Verdict;
