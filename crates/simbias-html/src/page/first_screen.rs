//! What is seen without scrolling: one sentence, one picture, three figures, what to do next.

use simbias_report::{Caveat, Cell, Element, KeyFigure, NextStep, Report, Severity};

use super::Page;
use super::cell::{card_estimate, cell};
use crate::escape::html;
use crate::figure::{BESIDE, NARROW};

impl Page {
    pub(super) fn first_screen(&mut self, report: &Report) {
        self.push("<header class=\"hero\" id=\"top\">\n");
        self.push(&format!("<h1>{}</h1>\n", html(&report.title)));
        if !report.subtitle.is_empty() {
            self.push(&format!("<p class=\"subtitle\">{}</p>\n", html(&report.subtitle)));
        }
        let sentence = report.first_sentence();
        if !sentence.is_empty() {
            let class =
                if sentence.chars().count() > 180 { "headline long-line" } else { "headline" };
            self.push(&format!("<p class=\"{class}\">{}</p>\n", html(sentence)));
        }
        self.push("</header>\n<div class=\"first\">\n");
        if let Some(picture) = report.first_picture() {
            self.push("<div class=\"lead\">\n");
            // A picture of the sections is drawn there with its data; here only its drawing is repeated.
            let is_own = report.picture.is_some();
            match picture {
                Element::Chart(chart) => self.lead_chart(chart, is_own),
                other => self.element(other),
            }
            self.push("</div>\n");
        }
        if !report.key_figures.is_empty() {
            self.push("<dl class=\"cards\" aria-label=\"Key figures\">\n");
            report.first_figures().iter().for_each(|figure| self.key_figure(figure));
            self.push("</dl>\n");
        }
        if !report.next_steps.is_empty() {
            self.next_steps(&report.next_steps);
        }
        self.push("</div>\n");
    }

    fn lead_chart(&mut self, chart: &simbias_report::Chart, is_own: bool) {
        let buttons = if is_own { self.chart_buttons() } else { String::new() };
        self.panel(&chart.id, &chart.title, &buttons);
        self.caption(&chart.caption);
        self.drawings(chart, [BESIDE, NARROW]);
        self.push("</figure>\n");
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

    fn next_steps(&mut self, steps: &[NextStep]) {
        self.push("<section class=\"next\" aria-label=\"What to do next\">\n<h2>What to do next</h2>\n<ol>\n");
        for step in steps {
            self.push(&format!("<li><p>{}</p>", html(&step.text)));
            if !step.code.is_empty() {
                self.push(&format!(
                    "<details class=\"code\"><summary>Code to copy</summary>\
                     <div><button type=\"button\" class=\"quiet\" data-copy>Copy</button>\
                     <pre><code>{}</code></pre></div></details>",
                    html(&step.code)
                ));
            }
            self.push("</li>\n");
        }
        self.push("</ol>\n</section>\n");
    }

    /// What the first screen leaves out: further findings and figures.
    pub(super) fn findings(&mut self, report: &Report) {
        let findings = report.further_findings();
        let figures = &report.key_figures[report.first_figures().len()..];
        if findings.is_empty() && figures.is_empty() {
            return;
        }
        let count = counted(findings.len(), "further finding");
        let heading = if findings.is_empty() { "Further figures".into() } else { count };
        self.push(&format!(
            "<details class=\"fold\" id=\"findings\"><summary>{heading}</summary>\n"
        ));
        if !findings.is_empty() {
            self.push("<ul>\n");
            for sentence in findings {
                self.push(&format!("<li>{}</li>\n", html(sentence)));
            }
            self.push("</ul>\n");
        }
        if !figures.is_empty() {
            self.push("<dl class=\"cards\" aria-label=\"Further figures\">\n");
            figures.iter().for_each(|figure| self.key_figure(figure));
            self.push("</dl>\n");
        }
        self.push("</details>\n");
    }

    /// Doubts about the whole: warnings in view, the others folded.
    pub(super) fn doubts(&mut self, caveats: &[Caveat]) {
        let (warnings, others): (Vec<&Caveat>, Vec<&Caveat>) =
            caveats.iter().partition(|caveat| caveat.severity == Severity::Warning);
        if caveats.is_empty() {
            return;
        }
        self.push("<section id=\"caveats\" aria-label=\"Caveats\">\n");
        warnings.into_iter().for_each(|caveat| self.caveat(caveat));
        if !others.is_empty() {
            let n_cautions =
                others.iter().filter(|caveat| caveat.severity == Severity::Caution).count();
            let counts = [(n_cautions, "caution"), (others.len() - n_cautions, "note")];
            let words: Vec<String> = counts
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, word)| counted(count, word))
                .collect();
            self.push(&format!(
                "<details class=\"fold\"><summary>{}</summary>\n",
                words.join(" and ")
            ));
            others.into_iter().for_each(|caveat| self.caveat(caveat));
            self.push("</details>\n");
        }
        self.push("</section>\n");
    }
}

/// A number of things: `1 note`, `3 notes`.
fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
