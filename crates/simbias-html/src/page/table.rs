//! Tables that are sorted, filtered and widened.

use simbias_report::{Cell, Column, Table};

use super::Page;
use super::cell::cell;
use crate::escape::html;

/// Rows beyond which a table scrolls by itself.
const LONG_TABLE: usize = 30;
/// Rows beyond which a table can be filtered.
const FILTERED: usize = 12;
/// Letters of a text that stays on one line.
const SHORT_TEXT: usize = 16;
/// Letters of a text that gets a wide column.
const LONG_TEXT: usize = 60;

impl Page {
    pub(super) fn table(&mut self, table: &Table) {
        let button = self.csv_button();
        let heading = self.panel(&table.id, &table.title, &button);
        self.caption(&table.caption);
        self.table_tools(table);
        let class = if table.rows.len() > LONG_TABLE { "scroll long" } else { "scroll" };
        self.push(&format!(
            "<div class=\"{class}\" role=\"region\" aria-labelledby=\"{heading}\" tabindex=\"0\">\
             <table>\n<thead><tr>"
        ));
        let numeric: Vec<bool> = (0..table.columns.len())
            .map(|column| {
                let mut values = table.rows.iter().filter_map(|row| row.get(column));
                values.any(|cell| cell.value().is_some())
            })
            .collect();
        for (column, &numeric) in table.columns.iter().zip(&numeric) {
            self.column_head(column, numeric);
        }
        self.push("</tr></thead>\n<tbody>\n");
        for row in &table.rows {
            self.push("<tr>");
            for (index, (column, &numeric)) in table.columns.iter().zip(&numeric).enumerate() {
                let value = row.get(index).unwrap_or(&Cell::Empty);
                self.field(value, index == 0, numeric, column.detail);
            }
            self.push("</tr>\n");
        }
        self.push("</tbody>\n</table></div>\n");
        self.meanings(&table.columns);
        self.push("</figure>\n");
    }

    /// A filter for long tables, a switch for wide ones.
    fn table_tools(&mut self, table: &Table) {
        let n_details = table.columns.iter().filter(|column| column.detail).count();
        let has_filter = table.rows.len() > FILTERED;
        if !has_filter && n_details == 0 {
            return;
        }
        self.push("<div class=\"table-tools\">");
        if has_filter {
            self.push(&format!(
                "<label><span class=\"unseen\">Filter the rows</span><input type=\"search\" data-filter \
                 placeholder=\"Filter {} rows\"></label><output></output>",
                table.rows.len()
            ));
        }
        if n_details > 0 {
            let n_columns = table.columns.len();
            self.push(&format!(
                "<span class=\"presets\" role=\"group\" aria-label=\"Columns\">\
                 <button type=\"button\" class=\"quiet\" data-columns=\"main\" aria-pressed=\"true\">Main columns</button>\
                 <button type=\"button\" class=\"quiet\" data-columns=\"all\" aria-pressed=\"false\">All {n_columns}</button></span>"
            ));
        }
        self.push("</div>\n");
    }

    fn column_head(&mut self, column: &Column, numeric: bool) {
        let unit = if column.unit.is_empty() {
            String::new()
        } else {
            format!(" <span class=\"unit\">{}</span>", html(&column.unit))
        };
        let help = if column.help.is_empty() {
            String::new()
        } else {
            format!(" title=\"{}\"", html(&column.help))
        };
        self.push(&format!(
            "<th scope=\"col\"{class}{help}><button type=\"button\" data-sort>{name}{unit}\
             <span class=\"arrow\" aria-hidden=\"true\"></span></button></th>",
            class = classes([("num", numeric), ("detail", column.detail)]),
            name = html(&column.name),
        ));
    }

    fn field(&mut self, value: &Cell, is_first: bool, numeric: bool, detail: bool) {
        let (tag, close) = if is_first { ("th scope=\"row\"", "th") } else { ("td", "td") };
        let letters = match value {
            Cell::Text(text) if !is_first && !numeric => text.chars().count(),
            _ => SHORT_TEXT + 1,
        };
        let class = classes([
            ("num", numeric),
            ("short", letters <= SHORT_TEXT),
            ("wide", letters >= LONG_TEXT),
            ("detail", detail),
        ]);
        // Seven digits are enough to sort by.
        let key = value.value().map_or_else(String::new, |value| {
            let value = value as f32;
            let value = if value.is_finite() {
                value.to_string()
            } else {
                value.to_string().to_lowercase()
            };
            format!(" data-v=\"{value}\"")
        });
        self.push(&format!("<{tag}{class}{key}>{}</{close}>", cell(value)));
    }

    fn meanings(&mut self, columns: &[Column]) {
        if columns.iter().all(|column| column.help.is_empty()) {
            return;
        }
        self.push("<details class=\"columns\"><summary>What the columns mean</summary><dl>");
        for column in columns.iter().filter(|column| !column.help.is_empty()) {
            let entry =
                format!("<dt>{}</dt><dd>{}</dd>", html(&column.heading()), html(&column.help));
            self.push(&entry);
        }
        self.push("</dl></details>\n");
    }
}

/// The class attribute of the names that hold; empty without any.
fn classes<const N: usize>(names: [(&str, bool); N]) -> String {
    let held: Vec<&str> =
        names.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect();
    if held.is_empty() { String::new() } else { format!(" class=\"{}\"", held.join(" ")) }
}
