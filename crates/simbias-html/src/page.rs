//! The page: one HTML file that needs nothing else.

mod cell;
mod elements;
mod first_screen;
mod packed;
mod provenance;
mod table;

use std::collections::BTreeSet;

use simbias_report::{Caveat, Element, Report, Section, Severity};

use crate::escape::html;
use packed::Packed;

const STYLE: &str = include_str!("../assets/page.css");
const PICTURES_STYLE: &str = include_str!("../assets/pictures.css");
const SCRIPT: &str = include_str!("../assets/page.js");

/// The report as one self-contained HTML file.
///
/// It asks the network for nothing, and all that is seen at first is drawn without its script. All text is escaped;
/// the data of every table and chart is inside and can be saved as CSV, under the names of [`Report::csv_files`].
pub fn render_html(report: &Report) -> String {
    let mut page = Page::new(report);
    page.body(report);
    page.finish(report)
}

/// A page under construction.
struct Page {
    body: String,
    /// What the script gives out when it is asked for.
    packed: Packed,
    /// How many of the CSV files are in use.
    files_used: usize,
    /// Element ids in use.
    taken: BTreeSet<String>,
}

impl Page {
    fn new(report: &Report) -> Self {
        Self {
            body: String::new(),
            packed: Packed::new(report.csv_files()),
            files_used: 0,
            taken: ["main", "top", "provenance", "caveats", "findings", "data"]
                .map(String::from)
                .into(),
        }
    }

    fn finish(self, report: &Report) -> String {
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
        page.push_str("<script type=\"text/plain\" id=\"data\">");
        page.push_str(&self.packed.finish());
        page.push_str(&format!("</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"));
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
        self.push("<main id=\"main\">\n");
        self.first_screen(report);
        self.findings(report);
        self.doubts(&report.caveats);
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
        let title = html(&section.title);
        if section.folded {
            self.push(&format!(
                "<section class=\"chapter\" aria-labelledby=\"{anchor}-h\"><details id=\"{anchor}\">\
                 <summary><h2 id=\"{anchor}-h\">{title}</h2></summary>\n"
            ));
        } else {
            self.push(&format!(
                "<section class=\"chapter\" id=\"{anchor}\" aria-labelledby=\"{anchor}-h\">\n\
                 <h2 id=\"{anchor}-h\">{title}</h2>\n"
            ));
        }
        for paragraph in &section.prose {
            self.push(&format!("<p class=\"prose\">{}</p>\n", html(paragraph)));
        }
        section.elements.iter().for_each(|element| self.element(element));
        self.push(if section.folded { "</details></section>\n" } else { "</section>\n" });
    }

    fn element(&mut self, element: &Element) {
        match element {
            Element::Text(text) => self.push(&format!("<p class=\"prose\">{}</p>\n", html(text))),
            Element::Table(table) => self.table(table),
            Element::Chart(chart) => self.chart(chart),
            Element::Charts(charts) => self.charts(charts),
            Element::Images(images) => self.images(images),
            Element::Pictures(grid) => self.pictures(grid),
            Element::Caveat(caveat) => self.caveat(caveat),
        }
    }
}
