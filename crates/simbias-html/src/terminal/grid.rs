//! Tables in columns, or as records where columns do not fit.

use simbias_report::{Cell, Table};

use super::canvas::{self, Canvas, Ink};

/// Columns between two columns.
const GAP: usize = 2;
/// A column of words is not squeezed below this.
const NARROWEST: usize = 10;

/// A column of words in one line is not cut below this.
const NARROWEST_LINE: usize = 18;

/// A table's words as this terminal may show them.
struct Words {
    headings: Vec<String>,
    rows: Vec<Vec<(String, Ink)>>,
    /// Which columns hold numbers.
    numeric: Vec<bool>,
}

impl Words {
    /// Without the columns that are empty in every row.
    fn of_filled(canvas: &Canvas, table: &Table) -> Self {
        let is_filled = |column: usize| {
            let mut cells = table.rows.iter().filter_map(|row| row.get(column));
            cells.any(|cell| *cell != Cell::Empty)
        };
        Self::of(canvas, table, is_filled)
    }

    /// Of the columns that `is_shown`; details are for those who ask, and in files and pages.
    fn of(canvas: &Canvas, table: &Table, is_shown: impl Fn(usize) -> bool) -> Self {
        let all = 0..table.columns.len();
        let shown: Vec<usize> =
            all.filter(|&column| !table.columns[column].detail && is_shown(column)).collect();
        let headings =
            shown.iter().map(|&column| canvas.plain(&table.columns[column].heading())).collect();
        let rows = table.rows.iter().map(|row| {
            let cells = shown.iter().map(|&column| {
                let (text, ink) = super::cell(row.get(column).unwrap_or(&Cell::Empty));
                (canvas.plain(&text), ink)
            });
            cells.collect()
        });
        let rows = rows.collect();
        let numeric = shown.iter().map(|&column| {
            let mut cells = table.rows.iter().filter_map(|row| row.get(column));
            cells.any(|cell| cell.value().is_some())
        });
        let numeric = numeric.collect();
        Self { headings, rows, numeric }
    }
}

pub(crate) fn draw(canvas: &mut Canvas, table: &Table) {
    if table.rows.is_empty() {
        canvas.paragraph("(no rows)", 2, Ink::Faint);
        return;
    }
    let Words { headings, rows, numeric } = Words::of(canvas, table, |_| true);
    match fit(canvas.width(), headings.len(), NARROWEST, &headings, &rows, &numeric) {
        Some(widths) => columns(canvas, &headings, &rows, &numeric, &widths),
        None => records(canvas, &headings, &rows),
    }
}

/// A table with one line for each row: the leading columns that fit and are not empty, long words cut.
pub(crate) struct OneLiners {
    /// Lines of the heading and its rule.
    pub(crate) heading: Vec<String>,
    /// A line for each row.
    pub(crate) rows: Vec<String>,
    /// Columns that did not fit.
    pub(crate) n_left_out: usize,
}

/// `table` with one line for each row.
pub(crate) fn one_liners(canvas: &Canvas, table: &Table) -> OneLiners {
    let Words { headings, mut rows, numeric } = Words::of_filled(canvas, table);
    let fitting = (1..=headings.len()).rev().find_map(|n_columns| {
        fit(canvas.width(), n_columns, NARROWEST_LINE, &headings, &rows, &numeric)
    });
    // A single column of numbers wider than the terminal is cut like words.
    let widths = fitting.unwrap_or_else(|| vec![canvas.width()]);
    for cells in &mut rows {
        for ((text, _), &width) in cells.iter_mut().zip(&widths) {
            *text = canvas::cut(text, width);
        }
    }
    let n_shown = widths.len();
    let lines = |draw: &dyn Fn(&mut Canvas)| canvas.lines_of(draw);
    let heading = lines(&|canvas| {
        columns(canvas, &headings[..n_shown], &[], &numeric[..n_shown], &widths);
    });
    let rows = rows.iter().map(|cells| {
        let drawn = lines(&|canvas| row(canvas, &cells[..n_shown], &numeric, &widths, false));
        drawn.into_iter().next().unwrap_or_default()
    });
    OneLiners { heading, rows: rows.collect(), n_left_out: headings.len() - n_shown }
}

/// Widths of the first `n_columns` columns, words squeezed where needed, but not below `narrowest`; `None` when it cannot
/// be done.
fn fit(
    width: usize,
    n_columns: usize,
    narrowest: usize,
    headings: &[String],
    rows: &[Vec<(String, Ink)>],
    numeric: &[bool],
) -> Option<Vec<usize>> {
    let mut widths: Vec<usize> = (0..n_columns)
        .map(|column| {
            let widest = rows.iter().map(|row| canvas::width(&row[column].0)).max().unwrap_or(0);
            let heading = canvas::width(&headings[column]);
            // A long heading over short numbers is wrapped between its words.
            let word = headings[column].split_whitespace().map(canvas::width).max().unwrap_or(0);
            widest.max(if numeric[column] { word.max(heading.min(12)) } else { heading })
        })
        .collect();
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let widest = (0..widths.len())
            .filter(|&column| !numeric[column] && widths[column] > narrowest)
            .max_by_key(|&column| widths[column])?;
        widths[widest] -= 1;
    }
    Some(widths)
}

fn columns(
    canvas: &mut Canvas,
    headings: &[String],
    rows: &[Vec<(String, Ink)>],
    numeric: &[bool],
    widths: &[usize],
) {
    let heading: Vec<(String, Ink)> =
        headings.iter().map(|text| (text.clone(), Ink::Strong)).collect();
    row(canvas, &heading, numeric, widths, true);
    let dash = canvas.pick('─', '-');
    let rules: Vec<String> =
        widths.iter().map(|&width| std::iter::repeat_n(dash, width).collect()).collect();
    let rule = canvas.ink(&rules.join(&" ".repeat(GAP)), Ink::Faint);
    canvas.line(&rule);
    for cells in rows {
        row(canvas, cells, numeric, widths, false);
    }
}

/// One row, as many lines as its longest cell; headings stand on their rule.
fn row(
    canvas: &mut Canvas,
    cells: &[(String, Ink)],
    numeric: &[bool],
    widths: &[usize],
    heading: bool,
) {
    let wrapped: Vec<Vec<String>> =
        cells.iter().zip(widths).map(|((text, _), &width)| canvas::wrap(text, width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(1);
    for line in 0..height {
        let mut text = String::new();
        for (column, lines) in wrapped.iter().enumerate() {
            let above = if heading { height - lines.len() } else { 0 };
            let part =
                line.checked_sub(above).and_then(|at| lines.get(at)).map_or("", String::as_str);
            if column > 0 {
                text.push_str(&" ".repeat(GAP));
            }
            // Padding first: colour codes have no width.
            let padded = canvas::pad(part, widths[column], numeric[column]);
            text.push_str(&canvas.ink(&padded, cells[column].1));
        }
        canvas.line(&text);
    }
}

/// Each row as a block of `heading  value` lines.
fn records(canvas: &mut Canvas, headings: &[String], rows: &[Vec<(String, Ink)>]) {
    let widest = headings.iter().map(|heading| canvas::width(heading)).max().unwrap_or(0);
    let column = widest.min(canvas.width() / 2);
    for cells in rows {
        if let Some((first, _)) = cells.first() {
            canvas.paragraph(first, 0, Ink::Strong);
        }
        for (heading, (text, _)) in headings.iter().zip(cells).skip(1) {
            let heading = canvas::pad(&canvas::cut(heading, column), column, false);
            canvas.lead(&format!("  {heading}  "), Ink::Faint, text);
        }
    }
}
