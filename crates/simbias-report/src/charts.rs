//! Many charts in the place of one.

use serde::{Deserialize, Serialize};

use crate::Chart;
use crate::csv::{CsvText, records};

/// Charts of the same kind of thing, such as one for each layer. A page shows one at a time, chosen by its title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charts {
    /// Name for links and files, such as `spectra`.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What to see in the charts; may be empty.
    pub caption: String,
    /// What is chosen, in one word: `layer`.
    pub choice: String,
    /// The charts; the first one is shown first.
    pub items: Vec<Chart>,
}

impl Charts {
    /// No charts yet; `choice` is what is chosen.
    pub fn new(id: impl Into<String>, title: impl Into<String>, choice: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            caption: String::new(),
            choice: choice.into(),
            items: Vec::new(),
        }
    }

    /// Says what to see.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds charts.
    #[must_use]
    pub fn charts(mut self, charts: impl IntoIterator<Item = Chart>) -> Self {
        self.items.extend(charts);
        self
    }

    /// The data of all charts in one file whose first column is the choice. The charts are of one kind, so that
    /// their columns agree; those with other columns than the first are left out.
    pub fn to_csv(&self) -> String {
        let mut text = CsvText::default();
        let mut columns = None;
        for chart in &self.items {
            let csv = chart.to_csv();
            let mut records = records(&csv);
            let header = records.next().map(str::to_owned);
            if columns.is_none() {
                text.record_behind(&self.choice, header.as_deref().unwrap_or_default());
                columns = Some(header);
            } else if columns != Some(header) {
                continue;
            }
            for record in records {
                text.record_behind(&chart.title, record);
            }
        }
        text.finish()
    }
}
