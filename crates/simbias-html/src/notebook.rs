//! The report as a fragment for a notebook cell.

use std::fmt::Write;

use simbias_report::{Cell, Element, Images, KeyFigure, NextStep, Report, Table, Verdict, format};

use crate::escape::html;
use crate::{figure, picture, picture_grid};

/// Bytes that a fragment may take: notebooks are kept in version control.
const LARGEST: usize = 100_000;
/// Rows of the table that is shown.
const ROWS: usize = 8;
/// Columns of the table that is shown.
const COLUMNS: usize = 6;
/// Pictures that are shown.
const PICTURES: usize = 6;
/// Letters of a text in a table's cell.
const LETTERS: usize = 60;

/// The first screen of the report and its first table, shortened, as an HTML fragment for a notebook cell.
///
/// It needs no script and no network, holds its styles in its elements, follows the notebook's light or dark theme
/// and takes at most 100 kB. Everything else is in the page of [`render_html`](crate::render_html).
pub fn notebook(report: &Report) -> String {
    let mut parts = vec![head(report)];
    parts.extend(report.first_picture().map(picture_markup));
    if !report.next_steps.is_empty() {
        parts.push(next_steps(&report.next_steps));
    }
    parts.extend(first_table(report).map(table_markup));
    let mut fragment = String::from(
        "<div style=\"font:14px/1.5 system-ui,sans-serif;max-width:860px;text-align:left\">\n",
    );
    let mut left_out = 0;
    for part in parts {
        if fragment.len() + part.len() + 200 > LARGEST {
            left_out += 1;
        } else {
            fragment.push_str(&part);
        }
    }
    if left_out > 0 {
        fragment.push_str("<p style=\"opacity:.75\">More is in the report's page, which has no limit of size.</p>\n");
    }
    fragment.push_str("</div>\n");
    fragment
}

fn head(report: &Report) -> String {
    let mut markup = format!(
        "<p style=\"margin:0;opacity:.75\">{}</p>\n<p style=\"margin:.1em 0 .6em;font-size:1.3em;line-height:1.35;\
         font-weight:600\">{}</p>\n",
        html(&report.title),
        html(report.first_sentence())
    );
    if !report.key_figures.is_empty() {
        markup.push_str(
            "<div style=\"display:flex;flex-wrap:wrap;gap:.6em 2.2em;margin:.4em 0 .8em\">\n",
        );
        report.first_figures().iter().for_each(|figure| markup.push_str(&key_figure(figure)));
        markup.push_str("</div>\n");
    }
    markup
}

fn key_figure(figure: &KeyFigure) -> String {
    let (value, interval) = match &figure.value {
        Cell::Estimate(estimate) => {
            let text = format::estimate(estimate);
            let (value, interval) = text.split_once(' ').unwrap_or((&text, ""));
            (value.to_owned(), interval.to_owned())
        }
        other => (other.display(), String::new()),
    };
    format!(
        "<div><div style=\"opacity:.75;font-size:.87em\">{}</div><div style=\"font-size:1.5em;font-weight:600;\
         line-height:1.25\">{}</div><div style=\"opacity:.75;font-size:.87em;max-width:17em\">{} {}</div></div>\n",
        html(&figure.label),
        html(&value),
        html(&interval),
        html(&figure.note)
    )
}

fn picture_markup(element: &Element) -> String {
    match element {
        Element::Chart(chart) => {
            titled(&chart.title, &chart.caption, &figure::drawing(chart, figure::BESIDE))
        }
        Element::Charts(charts) => charts.items.first().map_or_else(String::new, |chart| {
            titled(&chart.title, &charts.caption, &figure::drawing(chart, figure::BESIDE))
        }),
        Element::Images(images) => titled(&images.title, &images.caption, &gallery(images)),
        Element::Pictures(grid) => {
            titled(&grid.title, &grid.caption, &picture_grid::first_row(grid))
        }
        Element::Table(table) => table_markup(table),
        Element::Text(text) => format!("<p>{}</p>\n", html(text)),
        Element::Caveat(caveat) => format!("<p>{}</p>\n", html(&caveat.message)),
    }
}

fn titled(title: &str, caption: &str, content: &str) -> String {
    format!(
        "<div style=\"max-width:620px\"><div style=\"font-weight:600\">{}</div><div style=\"opacity:.75;\
         font-size:.87em;margin-bottom:.4em\">{}</div>\n{content}</div>\n",
        html(title),
        html(caption)
    )
}

fn gallery(images: &Images) -> String {
    let mut markup = String::from("<div style=\"display:flex;flex-wrap:wrap;gap:.7em\">\n");
    for image in images.items.iter().take(PICTURES) {
        let caption = html(image.caption());
        let (width, height) = picture::shown_size(image);
        writeln!(
            markup,
            "<div style=\"max-width:12em\"><img alt=\"{caption}\" src=\"{}\" width=\"{width}\" height=\"{height}\" \
             style=\"image-rendering:pixelated;max-width:100%;height:auto\"><div style=\"font-size:.8em;\
             opacity:.75\">{caption}</div></div>",
            picture::data_uri(image),
        )
        .expect("a string takes everything");
    }
    markup.push_str("</div>\n");
    markup
}

fn next_steps(steps: &[NextStep]) -> String {
    let mut markup = String::from(
        "<div style=\"font-weight:600;margin-top:.8em\">What to do next</div>\n<ol style=\"margin:.2em 0 .8em;\
         padding-left:1.4em\">\n",
    );
    for step in steps {
        markup.push_str(&format!("<li>{}", html(&step.text)));
        if !step.code.is_empty() {
            markup.push_str(&format!(
                "<details><summary style=\"cursor:pointer;opacity:.75\">Code to copy</summary>\
                 <pre style=\"overflow:auto;max-height:18em;background:rgba(128,128,128,.12);padding:.6em\">{}</pre>\
                 </details>",
                html(&step.code)
            ));
        }
        markup.push_str("</li>\n");
    }
    markup.push_str("</ol>\n");
    markup
}

/// The overview's table, else the first one of the sections.
fn first_table(report: &Report) -> Option<&Table> {
    let overview = report.overview.iter();
    let elements = overview.chain(&report.sections).flat_map(|section| &section.elements);
    elements.into_iter().find_map(|element| match element {
        Element::Table(table) if !table.rows.is_empty() => Some(table),
        _ => None,
    })
}

fn table_markup(table: &Table) -> String {
    let shown: Vec<usize> = (0..table.columns.len())
        .filter(|&index| !table.columns[index].detail)
        .take(COLUMNS)
        .collect();
    let cell_style = "padding:.25em .7em;border-bottom:1px solid rgba(128,128,128,.25)";
    let align = |column: usize| {
        let mut cells = table.rows.iter().filter_map(|row| row.get(column));
        if cells.any(|cell| cell.value().is_some()) { "right" } else { "left" }
    };
    let mut markup = format!(
        "<div style=\"font-weight:600;margin-top:.6em\">{}</div>\n<div style=\"overflow-x:auto\"><table \
         style=\"border-collapse:collapse;font-size:.93em\">\n<tr>",
        html(&table.title)
    );
    for &column in &shown {
        markup.push_str(&format!(
            "<th style=\"{cell_style};text-align:{}\">{}</th>",
            align(column),
            html(&table.columns[column].heading())
        ));
    }
    markup.push_str("</tr>\n");
    for row in table.rows.iter().take(ROWS) {
        markup.push_str("<tr>");
        for &column in &shown {
            let cell = row.get(column).unwrap_or(&Cell::Empty);
            markup.push_str(&format!(
                "<td style=\"{cell_style};text-align:{}\">{}</td>",
                align(column),
                cell_markup(cell)
            ));
        }
        markup.push_str("</tr>\n");
    }
    markup.push_str("</table></div>\n");
    let (rows, columns) = (table.rows.len(), table.columns.len());
    if rows > ROWS || columns > shown.len() {
        markup.push_str(&format!(
            "<div style=\"opacity:.75;font-size:.87em\">{} of {rows} rows, {} of {columns} columns</div>\n",
            rows.min(ROWS),
            shown.len()
        ));
    }
    markup
}

fn cell_markup(cell: &Cell) -> String {
    let text = cell.display();
    let text = match text.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text,
    };
    match cell {
        Cell::Tag { .. } | Cell::Verdict(_) => {
            let sign = match cell {
                Cell::Verdict(Verdict::Holds) => "✓ ",
                Cell::Verdict(Verdict::DoesNotHold) => "✗ ",
                Cell::Verdict(Verdict::Inconclusive) => "≈ ",
                _ => "",
            };
            format!("<b>{sign}{}</b>", html(&text))
        }
        _ => html(&text),
    }
}
