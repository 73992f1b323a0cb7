//! Lines of terminal text: width, colour, and what the terminal can show.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A role of text, coloured where colours are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Faint,
    Accent,
    Good,
    Caution,
    Bad,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Accent => "36",
            Self::Good => "32",
            Self::Caution => "33",
            Self::Bad => "31",
        }
    }
}

/// Text under construction.
pub(crate) struct Canvas {
    text: String,
    width: usize,
    colour: bool,
}

impl Canvas {
    pub(crate) const fn new(width: usize, colour: bool) -> Self {
        Self { text: String::new(), width, colour }
    }

    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// `rich` where the terminal shows it, else `plain`.
    pub(crate) const fn pick(&self, rich: char, plain: char) -> char {
        if self.colour { rich } else { plain }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// The lines that `draw` would add.
    pub(crate) fn lines_of(&self, draw: impl FnOnce(&mut Self)) -> Vec<String> {
        let mut apart = Self::new(self.width, self.colour);
        draw(&mut apart);
        apart.text.lines().map(String::from).collect()
    }

    /// `text` in the colour of its role.
    pub(crate) fn ink(&self, text: &str, ink: Ink) -> String {
        if self.colour && ink != Ink::Plain && !text.trim().is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", ink.code())
        } else {
            text.into()
        }
    }

    /// One line; spaces at its end are dropped.
    pub(crate) fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// An empty line, never two in a row.
    pub(crate) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(crate) fn rule(&mut self, rich: char, plain: char) {
        let rule: String = std::iter::repeat_n(self.pick(rich, plain), self.width).collect();
        let rule = self.ink(&rule, Ink::Faint);
        self.line(&rule);
    }

    /// Wrapped text, indented by `indent`.
    pub(crate) fn paragraph(&mut self, text: &str, indent: usize, ink: Ink) {
        let text = self.plain(text);
        for line in wrap(&text, self.width.saturating_sub(indent).max(10)) {
            let line = format!("{:indent$}{}", "", self.ink(&line, ink));
            self.line(&line);
        }
    }

    /// Wrapped text behind a bullet.
    pub(crate) fn bullet(&mut self, text: &str) {
        let bullet = format!(" {} ", self.pick('•', '*'));
        self.lead(&bullet, Ink::Accent, text);
    }

    /// Wrapped text behind a leading word, with nothing below the word.
    pub(crate) fn lead(&mut self, word: &str, ink: Ink, text: &str) {
        self.lead_at_most(word, ink, text, usize::MAX);
    }

    /// The same in at most `most` lines, with two dots where something is missing; returns whether it is.
    pub(crate) fn lead_at_most(&mut self, word: &str, ink: Ink, text: &str, most: usize) -> bool {
        let (indent, text) = (width(word), self.plain(text));
        let columns = self.width.saturating_sub(indent).max(10);
        let mut lines = wrap(&text, columns);
        let is_cut = lines.len() > most;
        lines.truncate(most);
        if let Some(last) = lines.last_mut().filter(|_| is_cut) {
            // Longer than a line, so that the dots come.
            *last = cut(&format!("{last}{}", " ".repeat(columns)), columns.min(width(last) + 2));
        }
        for (index, line) in lines.iter().enumerate() {
            let start = if index == 0 { self.ink(word, ink) } else { " ".repeat(indent) };
            self.line(&format!("{start}{line}"));
        }
        is_cut
    }

    /// A label, padded to `column` columns, and its value.
    pub(crate) fn pair(&mut self, label: &str, column: usize, value: &str, ink: Ink) {
        let value = self.plain(value);
        let label = self.plain(label);
        let lines = wrap(&label, column.max(10));
        let last = lines.len() - 1;
        for (index, line) in lines.iter().enumerate() {
            let line = pad(line, column, false);
            if index == last {
                let value = self.ink(&value, if ink == Ink::Plain { Ink::Strong } else { ink });
                self.line(&format!("  {line}  {value}"));
            } else {
                self.line(&format!("  {line}"));
            }
        }
    }

    /// The report's words as this terminal may show them: no control characters, and own symbols in
    /// ASCII where colours are off.
    pub(crate) fn plain(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for symbol in text.chars() {
            match symbol {
                '\n' | '\t' => clean.push(' '),
                _ if symbol.is_control() => clean.push(if self.colour { '\u{fffd}' } else { '?' }),
                '–' if !self.colour => clean.push('-'),
                '∞' if !self.colour => clean.push_str("inf"),
                '·' if !self.colour => clean.push('|'),
                _ => clean.push(symbol),
            }
        }
        clean
    }
}

/// `text` padded with spaces to `columns`.
pub(crate) fn pad(text: &str, columns: usize, right: bool) -> String {
    let space = " ".repeat(columns.saturating_sub(width(text)));
    if right { format!("{space}{text}") } else { format!("{text}{space}") }
}

/// `text` cut to `columns`, with two dots where something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.into();
    }
    let mut kept = String::new();
    for symbol in text.chars() {
        if width(&kept) + symbol.width().unwrap_or(0) + 2 > columns {
            break;
        }
        kept.push(symbol);
    }
    kept.push_str("..");
    kept
}

/// `text` in lines of at most `columns`, broken between words, and inside words that are too long.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for symbol in word.chars() {
            if width(&line) + symbol.width().unwrap_or(0) > columns && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(symbol);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}
