//! Tables.

use serde::{Deserialize, Serialize};

use crate::csv::CsvText;
use crate::{Cell, Estimate, format};

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// What the column means, in one sentence; empty when the name says it.
    pub help: String,
    /// Unit of the values; empty for pure numbers and words.
    pub unit: String,
    /// Whether the column is shown only to readers who ask for all columns; files have it always.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detail: bool,
}

impl Column {
    /// A column without help or unit.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), help: String::new(), unit: String::new(), detail: false }
    }

    /// Explains the column.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// States the unit.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Shows the column only to readers who ask for all columns.
    #[must_use]
    pub fn detail(mut self) -> Self {
        self.detail = true;
        self
    }

    /// Name and unit: `time (s)`.
    pub fn heading(&self) -> String {
        if self.unit.is_empty() {
            self.name.clone()
        } else {
            format!("{} ({})", self.name, self.unit)
        }
    }
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// Rows of cells under named columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Name for links and files, such as `reliance-by-block`.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What to see in the table; may be empty.
    pub caption: String,
    /// Columns from left to right.
    pub columns: Vec<Column>,
    /// Rows; each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            caption: String::new(),
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Says what to see.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, column: impl Into<Column>) -> Self {
        self.columns.push(column.into());
        self
    }

    /// Adds several columns.
    #[must_use]
    pub fn columns<C: Into<Column>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.columns.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When the row is not as long as the columns given so far.
    #[must_use]
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.push(cells);
        self
    }

    /// Adds a row in place, for loops.
    ///
    /// # Panics
    /// When the row is not as long as the columns given so far.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells: Vec<Cell> = cells.into_iter().collect();
        assert_eq!(
            cells.len(),
            self.columns.len(),
            "a row of table {:?} must have one cell per column",
            self.id
        );
        self.rows.push(cells);
    }

    /// The table in full precision; an estimate takes the columns value, low, high and n.
    pub fn to_csv(&self) -> String {
        let holds_estimates: Vec<bool> = (0..self.columns.len())
            .map(|column| {
                self.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Estimate(_))))
            })
            .collect();
        let mut header = Vec::new();
        for (column, &wide) in self.columns.iter().zip(&holds_estimates) {
            let heading = column.heading();
            if wide {
                header.extend(["low", "high", "n"].map(|part| format!("{heading} {part}")));
                header.insert(header.len() - 3, heading);
            } else {
                header.push(heading);
            }
        }
        let mut csv = CsvText::with_header(header);
        for row in &self.rows {
            let mut record = Vec::new();
            for (column, &wide) in holds_estimates.iter().enumerate() {
                let cell = row.get(column).unwrap_or(&Cell::Empty);
                record.push(cell.raw());
                match cell {
                    Cell::Estimate(estimate) => record.extend(interval_fields(estimate)),
                    _ if wide => record.extend([const { String::new() }; 3]),
                    _ => {}
                }
            }
            csv.record(record);
        }
        csv.finish()
    }
}

/// Low, high and n of an estimate as fields; what is unknown stays empty.
pub(crate) fn interval_fields(estimate: &Estimate) -> [String; 3] {
    let end = |value: f64| if value.is_nan() { String::new() } else { format::shortest(value) };
    let n = if estimate.n == 0 { String::new() } else { estimate.n.to_string() };
    [end(estimate.low), end(estimate.high), n]
}
