//! The page: one HTML file that needs nothing else.

use std::collections::BTreeSet;
use std::fmt::Write;

use plotly::Plot;
use serde_json::Value;
use simbias_report::{
    Caveat, Cell, Chart, Element, Estimate, Images, KeyFigure, PictureGrid, Provenance, Report,
    Section, Severity, Table, Tone, Verdict, format,
};

use crate::escape::{html, json_in_script};
use crate::{figure, picture, picture_grid};

const STYLE: &str = include_str!("../assets/page.css");
const PICTURES_STYLE: &str = include_str!("../assets/pictures.css");
const SCRIPT: &str = include_str!("../assets/page.js");
/// Rows beyond which a table scrolls by itself.
const LONG_TABLE: usize = 30;
/// Letters of a text that stays on one line.
const SHORT_TEXT: usize = 16;
/// Letters of a text that gets a wide column.
const LONG_TEXT: usize = 60;

/// The report as one self-contained HTML file.
///
/// It asks the network for nothing. All text is escaped; the data of every table and chart is inside
/// and can be saved as CSV, under the names of [`Report::csv_files`].
pub fn render_html(report: &Report) -> String {
    let mut page = Page::new(report);
    page.body(report);
    page.finish(report)
}

/// A page under construction.
struct Page {
    body: String,
    /// Drawings as JSON, in the order of their elements.
    figures: Vec<String>,
    /// CSV files, in the order of tables and charts.
    files: Vec<(String, String)>,
    /// How many of them are in use.
    files_used: usize,
    /// Element ids in use.
    taken: BTreeSet<String>,
}

impl Page {
    fn new(report: &Report) -> Self {
        Self {
            body: String::new(),
            figures: Vec::new(),
            files: report.csv_files(),
            files_used: 0,
            taken: ["main", "top", "provenance", "caveats", "data"].map(String::from).into(),
        }
    }

    /// Large parts are moved into the page one by one, so that they are not in memory twice.
    fn finish(self, report: &Report) -> String {
        let library = if self.figures.is_empty() { String::new() } else { chart_library() };
        let title = html(&report.title);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"generator\" content=\"simbias\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{title}</title>\n<style>\n{STYLE}{PICTURES_STYLE}</style>\n</head>\n<body>\n"
        );
        page.push_str(&self.body);
        drop(self.body);
        page.push_str("<script type=\"application/json\" id=\"data\">{\"figures\":[");
        for (index, figure) in self.figures.into_iter().enumerate() {
            page.push_str(if index > 0 { "," } else { "" });
            page.push_str(&figure);
        }
        page.push_str("],\"files\":[");
        for (index, file) in self.files.into_iter().enumerate() {
            page.push_str(if index > 0 { "," } else { "" });
            page.push_str(&json_in_script(&file));
        }
        page.push_str("]}</script>\n");
        page.push_str(&library);
        page.push_str(&format!("\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"));
        page
    }

    fn push(&mut self, markup: &str) {
        self.body.push_str(markup);
    }

    /// An element id made from `wanted` that is not in use yet.
    fn anchor(&mut self, wanted: &str) -> String {
        let slug: String = wanted
            .chars()
            .map(
                |symbol| {
                    if symbol.is_ascii_alphanumeric() { symbol.to_ascii_lowercase() } else { '-' }
                },
            )
            .collect();
        let slug = format!("s-{slug}");
        let mut name = slug.clone();
        let mut copy = 1;
        while !self.taken.insert(name.clone()) {
            copy += 1;
            name = format!("{slug}-{copy}");
        }
        name
    }

    fn body(&mut self, report: &Report) {
        let anchors: Vec<String> =
            report.sections.iter().map(|section| self.anchor(&section.id)).collect();
        self.push(
            "<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header class=\"bar\">\
             <a class=\"brand\" href=\"#top\"><span aria-hidden=\"true\" class=\"mark\"></span>simbias</a>\
             <button type=\"button\" class=\"quiet\" id=\"theme\" aria-label=\"Switch between light and dark\">\
             <span aria-hidden=\"true\">◐</span> Theme</button></header>\n<div class=\"frame\">\n",
        );
        self.contents(report, &anchors);
        self.push("<main id=\"main\">\n<header class=\"hero\" id=\"top\">\n");
        self.push(&format!("<h1>{}</h1>\n", html(&report.title)));
        if !report.subtitle.is_empty() {
            self.push(&format!("<p class=\"subtitle\">{}</p>\n", html(&report.subtitle)));
        }
        self.push("</header>\n");
        if !report.summary.is_empty() {
            self.push(
                "<section class=\"summary\" aria-label=\"Summary\">\n<h2>In short</h2>\n<ul>\n",
            );
            for sentence in &report.summary {
                self.push(&format!("<li>{}</li>\n", html(sentence)));
            }
            self.push("</ul>\n</section>\n");
        }
        if !report.key_figures.is_empty() {
            self.push("<dl class=\"cards\" aria-label=\"Key figures\">\n");
            report.key_figures.iter().for_each(|figure| self.key_figure(figure));
            self.push("</dl>\n");
        }
        if !report.caveats.is_empty() {
            self.push("<section id=\"caveats\" aria-label=\"Caveats\">\n");
            report.caveats.iter().for_each(|caveat| self.caveat(caveat));
            self.push("</section>\n");
        }
        for (section, anchor) in report.sections.iter().zip(&anchors) {
            self.section(section, anchor);
        }
        if let Some(provenance) = &report.provenance {
            self.provenance(provenance);
        }
        self.push("</main>\n</div>\n");
    }

    fn contents(&mut self, report: &Report, anchors: &[String]) {
        self.push("<nav class=\"contents\" aria-label=\"Contents\">\n<p>Contents</p>\n<ol>\n");
        for (section, anchor) in report.sections.iter().zip(anchors) {
            self.push(&format!("<li><a href=\"#{anchor}\">{}</a></li>\n", html(&section.title)));
        }
        if report.provenance.is_some() {
            self.push("<li><a href=\"#provenance\">How this was made</a></li>\n");
        }
        self.push("</ol>\n</nav>\n");
    }

    fn key_figure(&mut self, figure: &KeyFigure) {
        let (value, detail) = match &figure.value {
            Cell::Estimate(estimate) => card_estimate(estimate),
            value => (cell(value), String::new()),
        };
        self.push(&format!(
            "<div class=\"card\"><dt>{}</dt><dd class=\"figure\">{value}</dd>",
            html(&figure.label)
        ));
        for (class, text) in [("detail", &detail), ("note", &html(&figure.note))] {
            if !text.is_empty() {
                self.push(&format!("<dd class=\"{class}\">{text}</dd>"));
            }
        }
        self.push("</div>\n");
    }

    fn caveat(&mut self, caveat: &Caveat) {
        let (class, word) = match caveat.severity {
            Severity::Note => ("info", "Note"),
            Severity::Caution => ("caution", "Caution"),
            Severity::Warning => ("warning", "Warning"),
        };
        self.push(&format!(
            "<aside class=\"caveat {class}\" data-kind=\"{}\"><strong>{word}</strong><p>{}</p></aside>\n",
            html(&caveat.kind),
            html(&caveat.message)
        ));
    }

    fn section(&mut self, section: &Section, anchor: &str) {
        self.push(&format!(
            "<section class=\"chapter\" id=\"{anchor}\" aria-labelledby=\"{anchor}-h\">\n\
             <h2 id=\"{anchor}-h\">{}</h2>\n",
            html(&section.title)
        ));
        for paragraph in &section.prose {
            self.push(&format!("<p class=\"prose\">{}</p>\n", html(paragraph)));
        }
        for element in &section.elements {
            match element {
                Element::Text(text) => {
                    self.push(&format!("<p class=\"prose\">{}</p>\n", html(text)))
                }
                Element::Table(table) => self.table(table),
                Element::Chart(chart) => self.chart(chart),
                Element::Images(images) => self.images(images),
                Element::Pictures(grid) => self.pictures(grid),
                Element::Caveat(caveat) => self.caveat(caveat),
            }
        }
        self.push("</section>\n");
    }

    /// Opens a panel with its heading and buttons; gives the heading's id.
    fn panel(&mut self, id: &str, title: &str, buttons: &str) -> String {
        let anchor = self.anchor(id);
        self.push(&format!(
            "<figure class=\"panel\" id=\"{anchor}\" aria-labelledby=\"{anchor}-h\">\n\
             <div class=\"head\"><h3 id=\"{anchor}-h\">{}</h3><div class=\"tools\">{buttons}</div></div>\n",
            html(title)
        ));
        format!("{anchor}-h")
    }

    fn caption(&mut self, caption: &str) {
        if !caption.is_empty() {
            self.push(&format!("<figcaption>{}</figcaption>\n", html(caption)));
        }
    }

    /// The button that saves the next CSV file.
    fn csv_button(&mut self) -> String {
        let index = self.files_used;
        self.files_used += 1;
        let name = html(&self.files[index].0);
        format!(
            "<button type=\"button\" class=\"quiet\" data-csv=\"{index}\" \
             aria-label=\"Save data as {name}\" title=\"{name}\">CSV</button>"
        )
    }

    fn table(&mut self, table: &Table) {
        let button = self.csv_button();
        let heading = self.panel(&table.id, &table.title, &button);
        self.caption(&table.caption);
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
                class = if numeric { " class=\"num\"" } else { "" },
                name = html(&column.name),
            ));
        }
        self.push("</tr></thead>\n<tbody>\n");
        for row in &table.rows {
            self.push("<tr>");
            for (index, &numeric) in numeric.iter().enumerate() {
                let value = row.get(index).unwrap_or(&Cell::Empty);
                let tag = if index == 0 { "th scope=\"row\"" } else { "td" };
                let close = if index == 0 { "th" } else { "td" };
                let class = match value {
                    _ if numeric => " class=\"num\"",
                    Cell::Text(text) if index > 0 => match text.chars().count() {
                        ..=SHORT_TEXT => " class=\"short\"",
                        LONG_TEXT.. => " class=\"wide\"",
                        _ => "",
                    },
                    _ => "",
                };
                let key = value.value().map_or_else(String::new, |value| {
                    format!(" data-v=\"{}\"", format::shortest(value))
                });
                self.push(&format!("<{tag}{class}{key}>{}</{close}>", cell(value)));
            }
            self.push("</tr>\n");
        }
        self.push("</tbody>\n</table></div>\n");
        if table.columns.iter().any(|column| !column.help.is_empty()) {
            self.push("<details class=\"columns\"><summary>What the columns mean</summary><dl>");
            for column in table.columns.iter().filter(|column| !column.help.is_empty()) {
                let entry =
                    format!("<dt>{}</dt><dd>{}</dd>", html(&column.heading()), html(&column.help));
                self.push(&entry);
            }
            self.push("</dl></details>\n");
        }
        self.push("</figure>\n");
    }

    fn chart(&mut self, chart: &Chart) {
        let csv = self.csv_button();
        if chart.is_empty() {
            self.panel(&chart.id, &chart.title, &csv);
            self.caption(&chart.caption);
            self.push("<p class=\"nothing\">There is nothing to draw.</p>\n</figure>\n");
            return;
        }
        let index = self.figures.len();
        let buttons = format!(
            "<button type=\"button\" class=\"quiet\" data-png=\"{index}\" \
             aria-label=\"Save chart as PNG\">PNG</button>{csv}"
        );
        let heading = self.panel(&chart.id, &chart.title, &buttons);
        self.caption(&chart.caption);
        let drawing = figure::figure(chart);
        if !drawing.legend.is_empty() {
            self.push("<div class=\"legend\" role=\"group\" aria-label=\"Legend; press to hide or show\">");
            for (entry, item) in drawing.legend.iter().enumerate() {
                let name = if item.name.is_empty() { "other" } else { &item.name };
                let sign = item.sign.map_or_else(String::new, |sign| format!("{sign} "));
                self.push(&format!(
                    "<button type=\"button\" aria-pressed=\"true\" data-figure=\"{index}\" data-group=\"g{entry}\">\
                     <span class=\"swatch s{}\" aria-hidden=\"true\"></span>{sign}{}</button>",
                    item.colour,
                    html(name)
                ));
            }
            self.push("</div>\n");
        }
        self.push(&format!(
            "<div class=\"plot\" data-figure=\"{index}\" role=\"img\" aria-labelledby=\"{heading}\" \
             style=\"height:{}px\"><noscript>Charts need JavaScript; the data is in the tables.</noscript></div>\n\
             </figure>\n",
            drawing.height
        ));
        self.figures.push(json_in_script(&drawing.spec));
    }

    fn images(&mut self, images: &Images) {
        self.panel(&images.id, &images.title, "");
        self.caption(&images.caption);
        self.push("<div class=\"gallery\">\n");
        for image in &images.items {
            // Small pictures are enlarged by a whole factor, so that their pixels stay square.
            let factor = 112_usize.div_ceil(image.width().max(image.height()));
            let caption = html(image.caption());
            self.push(&format!(
                "<figure><img alt=\"{caption}\" src=\"{}\" width=\"{}\" height=\"{}\">\
                 <figcaption>{caption}</figcaption></figure>\n",
                picture::data_uri(image),
                image.width() * factor,
                image.height() * factor,
            ));
        }
        self.push("</div>\n</figure>\n");
    }

    fn pictures(&mut self, grid: &PictureGrid) {
        self.panel(&grid.id, &grid.title, "");
        self.caption(&grid.caption);
        self.push(&picture_grid::markup(grid));
        self.push("</figure>\n");
    }

    fn provenance(&mut self, provenance: &Provenance) {
        let facts = [
            ("Started", provenance.started.clone()),
            ("Version", provenance.version.clone()),
            ("Device", provenance.device.clone()),
            ("Threads", provenance.threads.to_string()),
            ("Seed", provenance.seed.to_string()),
            ("Wall time", format::duration(provenance.wall_seconds)),
            ("CPU time", format::duration(provenance.cpu_seconds)),
        ];
        self.push(
            "<footer id=\"provenance\"><details><summary>How this was made</summary>\n\
             <p class=\"prose\">The same command on the same inputs gives the same figures.</p>\n",
        );
        self.push(&format!(
            "<pre><code>{}</code></pre>\n<dl class=\"facts\">",
            html(&provenance.command)
        ));
        for (name, value) in &facts {
            let entry = format!("<div><dt>{name}</dt><dd>{}</dd></div>", html(value));
            self.push(&entry);
        }
        self.push("</dl>\n");
        if !provenance.inputs.is_empty() {
            let rows: Vec<_> =
                provenance.inputs.iter().map(|i| (i.name.clone(), i.fingerprint.clone())).collect();
            self.pairs("Inputs", &rows);
        }
        if !provenance.settings.is_empty() {
            let rows: Vec<_> = provenance
                .settings
                .iter()
                .map(|(name, value)| (name.clone(), setting(value)))
                .collect();
            self.pairs("Settings", &rows);
        }
        self.push("</details></footer>\n");
    }

    fn pairs(&mut self, title: &str, rows: &[(String, String)]) {
        let mut markup =
            format!("<h3>{title}</h3><div class=\"scroll\"><table class=\"plain\"><tbody>");
        for (name, value) in rows {
            let (name, value) = (html(name), html(value));
            write!(markup, "<tr><th scope=\"row\">{name}</th><td><code>{value}</code></td></tr>")
                .expect("a string takes everything");
        }
        markup.push_str("</tbody></table></div>\n");
        self.push(&markup);
    }
}

/// The chart library's script element, once; its companion for formulas is left out.
fn chart_library() -> String {
    const END: &str = "</script>";
    let scripts = Plot::offline_js_sources();
    let end = scripts.find(END).map_or(scripts.len(), |start| start + END.len());
    scripts[..end].to_owned()
}

fn setting(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A cell's markup.
fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => format!("<span class=\"absent\">{}</span>", format::ABSENT),
        Cell::Verdict(verdict) => verdict_badge(*verdict),
        Cell::Tag { text, tone } => {
            let class = match tone {
                Tone::Neutral => "neutral",
                Tone::Accent => "accent",
                Tone::Good => "good",
                Tone::Caution => "caution",
                Tone::Bad => "bad",
            };
            format!("<span class=\"badge {class}\">{}</span>", html(text))
        }
        Cell::Estimate(estimate) => {
            let (value, interval) = split_estimate(estimate);
            format!(
                "<span title=\"{}\">{value} <span class=\"interval\">{interval}</span></span>",
                html(&estimate.basis())
            )
        }
        other => html(&other.display()),
    }
}

fn verdict_badge(verdict: Verdict) -> String {
    let (class, sign) = match verdict {
        Verdict::Holds => ("good", "✓"),
        Verdict::Inconclusive => ("caution", "≈"),
        Verdict::DoesNotHold => ("bad", "✗"),
        Verdict::NotRun => ("neutral", "○"),
    };
    format!(
        "<span class=\"badge {class}\"><span aria-hidden=\"true\">{sign}</span> {verdict}</span>"
    )
}

/// Value and interval of an estimate, apart: `0.512` and `[0.498, 0.526]`.
fn split_estimate(estimate: &Estimate) -> (String, String) {
    let text = format::estimate(estimate);
    match text.split_once(' ') {
        Some((value, interval)) => (value.into(), interval.into()),
        None => (text, String::new()),
    }
}

/// A card's big number and the small print below it.
fn card_estimate(estimate: &Estimate) -> (String, String) {
    let (value, interval) = split_estimate(estimate);
    let basis = html(&estimate.basis());
    let detail = match (interval.is_empty(), basis.is_empty()) {
        (true, _) => basis,
        (false, true) => interval,
        (false, false) => format!("<span class=\"interval\">{interval}</span> {basis}"),
    };
    (value, detail)
}
