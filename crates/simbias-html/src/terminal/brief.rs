//! The report in a fixed number of lines: what to know at once, and what was left out.

use simbias_report::{Caveat, Element, KeyFigure, Report, Severity, Table};

use super::canvas::{self, Canvas, Ink};
use super::grid::{OneLiners, one_liners};

/// Fewest lines in which a report says anything.
const FEWEST_LINES: usize = 12;
/// Most lines of one sentence, and of one doubt.
const SENTENCE_LINES: usize = 3;
const DOUBT_LINES: usize = 2;

/// A report in few lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// The text, a line break after every line.
    pub text: String,
    /// What is missing of the report's opening and of its leading table, such as "8 rows, 2 notes"; `None` if nothing is.
    pub left_out: Option<String>,
}

/// Entries of one kind, in the order of their importance; each is one line or a few.
#[derive(Default)]
struct Part {
    /// Lines above the first entry.
    heading: Vec<String>,
    entries: Vec<Vec<String>>,
    /// Which entries lack their end.
    cut: Vec<bool>,
    /// Entries that are shown before other parts get more.
    least: usize,
    shown: usize,
}

/// Text behind a word.
struct Wrapped<'a> {
    word: String,
    ink: Ink,
    text: &'a str,
    most_lines: usize,
}

impl Part {
    /// An entry for each text.
    fn of<'a>(canvas: &Canvas, texts: impl Iterator<Item = Wrapped<'a>>) -> Self {
        let mut part = Self::default();
        for Wrapped { word, ink, text, most_lines } in texts {
            let mut is_cut = false;
            part.entries.push(canvas.lines_of(|canvas| {
                is_cut = canvas.lead_at_most(&word, ink, text, most_lines);
            }));
            part.cut.push(is_cut);
        }
        part
    }

    /// Shows one more entry if `room` lines are enough for it.
    fn grow(&mut self, room: &mut usize) -> bool {
        let Some(next) = self.entries.get(self.shown) else { return false };
        let heading = if self.shown == 0 { self.heading.len() } else { 0 };
        let Some(left) = room.checked_sub(heading + next.len()) else { return false };
        *room = left;
        self.shown += 1;
        true
    }

    fn shows_a_cut_entry(&self) -> bool {
        self.cut.iter().take(self.shown).any(|&is_cut| is_cut)
    }

    fn n_hidden(&self) -> usize {
        self.entries.len() - self.shown
    }
}

/// The report in at most `most_lines` lines (at least 12) of at most `width` columns (at least 40): its first sentences,
/// figures, warnings and cautions, and the first rows of its overview, or of its first table if it has none.
///
/// Colours and symbols are as in [`render_terminal`](crate::render_terminal).
pub fn render_brief(report: &Report, width: usize, colour: bool, most_lines: usize) -> Brief {
    let mut canvas = Canvas::new(width.max(40), colour);
    let (rows, n_columns_left_out) = rows(&canvas, report);
    let mut parts = [
        sentences(&canvas, &report.summary),
        figures(&canvas, &report.key_figures),
        doubts(&canvas, &report.caveats),
        rows,
    ];
    let one_line = |text: &str| canvas::cut(&canvas.plain(text), canvas.width());
    let (title, subtitle) = (one_line(&report.title), one_line(&report.subtitle));
    // Titles and rule, and a blank line before each part but the sentences.
    let n_opening = if subtitle.is_empty() { 2 } else { 3 };
    let n_apart = parts[1..].iter().filter(|part| !part.entries.is_empty()).count();
    let mut room = most_lines.max(FEWEST_LINES) - n_opening - n_apart;
    for part in &mut parts {
        while part.shown < part.least && part.grow(&mut room) {}
    }
    // The table first: it is the evidence.
    while [3, 0, 1, 2].into_iter().fold(false, |grew, part| parts[part].grow(&mut room) | grew) {}

    canvas.paragraph(&title, 0, Ink::Strong);
    if !subtitle.is_empty() {
        canvas.paragraph(&subtitle, 0, Ink::Faint);
    }
    canvas.rule('━', '=');
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| part.shown > 0) {
        if index > 0 {
            canvas.blank();
        }
        let entries = part.entries[..part.shown].iter().flatten();
        part.heading.iter().chain(entries).for_each(|line| canvas.line(line));
    }
    let n_notes = report.caveats.len() - parts[2].entries.len();
    let [sentences, figures, doubts, rows] = parts.each_ref().map(Part::n_hidden);
    let counts = [
        (sentences, "sentence"),
        (figures, "figure"),
        (doubts, "caution"),
        (n_notes, "note"),
        (rows, "row"),
        (n_columns_left_out, "column"),
    ];
    let counted = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    });
    let is_cut = parts.iter().any(Part::shows_a_cut_entry);
    let ends = is_cut.then(|| "ends of sentences".to_string());
    let left_out: Vec<String> = counted.chain(ends).collect();
    Brief { text: canvas.finish(), left_out: (!left_out.is_empty()).then(|| left_out.join(", ")) }
}

/// The answer.
fn sentences(canvas: &Canvas, summary: &[String]) -> Part {
    let bullet = format!(" {} ", canvas.pick('•', '*'));
    let entries = summary.iter().map(|sentence| {
        let (word, ink) = (bullet.clone(), Ink::Accent);
        Wrapped { word, ink, text: sentence, most_lines: SENTENCE_LINES }
    });
    Part { least: 3, ..Part::of(canvas, entries) }
}

/// Warnings, then cautions; notes are counted only.
fn doubts(canvas: &Canvas, caveats: &[Caveat]) -> Part {
    let mut doubts: Vec<&Caveat> =
        caveats.iter().filter(|caveat| caveat.severity > Severity::Note).collect();
    doubts.sort_by_key(|caveat| std::cmp::Reverse(caveat.severity));
    let entries = doubts.into_iter().map(|doubt| {
        let (word, ink) = super::severity(doubt.severity);
        Wrapped { word, ink, text: &doubt.message, most_lines: DOUBT_LINES }
    });
    Part { least: 1, ..Part::of(canvas, entries) }
}

/// A line for each figure.
fn figures(canvas: &Canvas, figures: &[KeyFigure]) -> Part {
    let labels = figures.iter().map(|figure| canvas::width(&canvas.plain(&figure.label)));
    let column = labels.max().unwrap_or(0).min(canvas.width() / 2);
    let entries = figures.iter().map(|figure| {
        let label = canvas::cut(&canvas.plain(&figure.label), column);
        let (value, ink) = super::cell(&figure.value);
        let value = canvas::cut(&value, canvas.width().saturating_sub(column + 4));
        canvas.lines_of(|canvas| canvas.pair(&label, column, &value, ink))
    });
    Part { entries: entries.collect(), least: 3, ..Part::default() }
}

/// The rows of the leading table, and how many of its columns do not fit.
fn rows(canvas: &Canvas, report: &Report) -> (Part, usize) {
    let Some(table) = leading_table(report) else { return Default::default() };
    let OneLiners { heading, rows, n_left_out } = one_liners(canvas, table);
    let title = canvas::cut(&canvas.plain(&table.title), canvas.width());
    let title = canvas.lines_of(|canvas| canvas.paragraph(&title, 0, Ink::Accent));
    let entries = rows.into_iter().map(|row| vec![row]).collect();
    (
        Part {
            heading: title.into_iter().chain(heading).collect(),
            entries,
            least: 4,
            ..Part::default()
        },
        n_left_out,
    )
}

fn leading_table(report: &Report) -> Option<&Table> {
    report.overview.iter().chain(&report.sections).flat_map(|section| &section.elements).find_map(
        |element| match element {
            Element::Table(table) if !table.rows.is_empty() => Some(table),
            _ => None,
        },
    )
}
