//! The report as terminal text.

mod brief;
mod canvas;
mod drawing;
mod grid;
mod picture_grid;

use simbias_report::{
    Caveat, Cell, Chart, Charts, Element, Images, Provenance, Report, Section, Severity, Table,
    Tone, Verdict, format,
};

pub use brief::{Brief, render_brief};
use canvas::{Canvas, Ink};

/// The whole report as text of at most `width` columns (at least 40), the answer first. [`render_brief`] keeps to a
/// number of lines.
///
/// With `colour`, ANSI colours and line-drawing symbols are used; without, the renderer adds plain ASCII
/// only, so that the text survives pipes, logs and old terminals. Control characters in the report's own
/// words are replaced, so that no label can steer the terminal.
pub fn render_terminal(report: &Report, width: usize, colour: bool) -> String {
    let mut canvas = Canvas::new(width.max(40), colour);
    head(&mut canvas, report);
    report.sections.iter().for_each(|section| chapter(&mut canvas, section));
    if let Some(provenance) = &report.provenance {
        origin(&mut canvas, provenance);
    }
    canvas.finish()
}

fn head(canvas: &mut Canvas, report: &Report) {
    canvas.paragraph(&report.title, 0, Ink::Strong);
    if !report.subtitle.is_empty() {
        canvas.paragraph(&report.subtitle, 0, Ink::Faint);
    }
    canvas.rule('━', '=');
    if !report.headline.is_empty() {
        canvas.paragraph(&report.headline, 0, Ink::Strong);
    }
    let findings =
        if report.headline.is_empty() { &report.summary } else { report.further_findings() };
    for sentence in findings {
        canvas.bullet(sentence);
    }
    if !report.key_figures.is_empty() {
        canvas.blank();
        let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let figures = &report.key_figures;
        let labels = longest(&mut figures.iter().map(|figure| canvas::width(&figure.label)));
        let values =
            longest(&mut figures.iter().map(|figure| canvas::width(&figure.value.display())));
        let column =
            labels.min(canvas.width() / 2).min(canvas.width().saturating_sub(values + 4)).max(12);
        for figure in &report.key_figures {
            let (value, ink) = cell(&figure.value);
            canvas.pair(&figure.label, column, &value, ink);
            let basis = match &figure.value {
                Cell::Estimate(estimate) => estimate.basis(),
                _ => String::new(),
            };
            for small in [&figure.note, &basis].into_iter().filter(|text| !text.is_empty()) {
                canvas.paragraph(small, column + 4, Ink::Faint);
            }
        }
    }
    if !report.caveats.is_empty() {
        canvas.blank();
        report.caveats.iter().for_each(|doubt| caveat(canvas, doubt));
    }
    if !report.next_steps.is_empty() {
        canvas.blank();
        canvas.paragraph("What to do next", 0, Ink::Accent);
        report.next_steps.iter().for_each(|step| canvas.bullet(&step.text));
    }
}

fn chapter(canvas: &mut Canvas, section: &Section) {
    canvas.blank();
    canvas.paragraph(&section.title, 0, Ink::Strong);
    canvas.rule('─', '-');
    for paragraph in &section.prose {
        canvas.paragraph(paragraph, 0, Ink::Plain);
    }
    for element in &section.elements {
        canvas.blank();
        match element {
            Element::Text(text) => canvas.paragraph(text, 0, Ink::Plain),
            Element::Table(table) => framed_table(canvas, table),
            Element::Chart(chart) => figure(canvas, chart),
            Element::Charts(charts) => choice(canvas, charts),
            Element::Images(images) => gallery(canvas, images),
            Element::Pictures(grid) => picture_grid::draw(canvas, grid),
            Element::Caveat(doubt) => caveat(canvas, doubt),
        }
    }
}

fn caveat(canvas: &mut Canvas, caveat: &Caveat) {
    let (word, ink) = severity(caveat.severity);
    canvas.lead(&word, ink, &caveat.message);
}

/// The word before a doubt, and its colour.
fn severity(severity: Severity) -> (String, Ink) {
    let ink = match severity {
        Severity::Note => Ink::Accent,
        Severity::Caution => Ink::Caution,
        Severity::Warning => Ink::Bad,
    };
    (format!("{}: ", severity.word()), ink)
}

fn heading(canvas: &mut Canvas, title: &str, caption: &str) {
    canvas.paragraph(title, 0, Ink::Accent);
    if !caption.is_empty() {
        canvas.paragraph(caption, 0, Ink::Faint);
    }
}

fn framed_table(canvas: &mut Canvas, table: &Table) {
    heading(canvas, &table.title, &table.caption);
    grid::draw(canvas, table);
}

fn figure(canvas: &mut Canvas, chart: &Chart) {
    heading(canvas, &chart.title, &chart.caption);
    drawing::draw(canvas, chart);
}

fn choice(canvas: &mut Canvas, charts: &Charts) {
    heading(canvas, &charts.title, &charts.caption);
    let words =
        format!("{} charts in the page, one for each {}", charts.items.len(), charts.choice);
    canvas.paragraph(&words, 2, Ink::Faint);
}

fn gallery(canvas: &mut Canvas, images: &Images) {
    heading(canvas, &images.title, &images.caption);
    let captions: Vec<&str> = images.items.iter().map(|image| image.caption()).collect();
    let words = if captions.len() == 1 { "picture" } else { "pictures" };
    let list = format!("{} {words} in the page: {}", captions.len(), captions.join("; "));
    canvas.paragraph(&list, 2, Ink::Faint);
}

fn origin(canvas: &mut Canvas, provenance: &Provenance) {
    canvas.blank();
    canvas.rule('─', '-');
    let facts = format!(
        "{} · seed {} · {} · {} threads · {} wall, {} CPU · simbias {} · {}",
        provenance.command,
        provenance.seed,
        provenance.device,
        provenance.threads,
        format::duration(provenance.wall_seconds),
        format::duration(provenance.cpu_seconds),
        provenance.version,
        provenance.started,
    );
    canvas.paragraph(&facts, 0, Ink::Faint);
}

/// A cell's words and colour.
fn cell(cell: &Cell) -> (String, Ink) {
    let ink = match cell {
        Cell::Verdict(Verdict::Holds) | Cell::Tag { tone: Tone::Good, .. } => Ink::Good,
        Cell::Verdict(Verdict::Inconclusive) | Cell::Tag { tone: Tone::Caution, .. } => {
            Ink::Caution
        }
        Cell::Verdict(Verdict::DoesNotHold) | Cell::Tag { tone: Tone::Bad, .. } => Ink::Bad,
        Cell::Verdict(Verdict::NotRun) | Cell::Empty => Ink::Faint,
        Cell::Tag { tone: Tone::Accent, .. } => Ink::Accent,
        _ => Ink::Plain,
    };
    (cell.display(), ink)
}
