//! How a text table is written: what separates its cells, what encloses them, and what its first line is.

use super::ReadOptions;

/// What separates the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// One ASCII character.
    Byte(u8),
    /// Runs of blanks and tabs.
    Blanks,
}

/// What a user says about a text table.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextForm {
    pub(super) has_header: bool,
    /// `None` looks at the first lines.
    pub(super) delimiter: Option<Delimiter>,
}

impl Default for TextForm {
    fn default() -> Self {
        Self { has_header: true, delimiter: None }
    }
}

impl TextForm {
    pub(super) fn of(options: &ReadOptions) -> Self {
        Self { has_header: options.has_header, delimiter: options.delimiter }
    }
}

/// What separates and what encloses the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: Delimiter,
    /// Encloses cells in which the delimiter is a letter like any other.
    pub(super) quote: u8,
}

/// Lines that must agree on the dialect.
const LINES_LOOKED_AT: usize = 30;

impl Dialect {
    /// Cells in double quotes.
    pub(super) const fn usual(delimiter: Delimiter) -> Self {
        Self { delimiter, quote: b'"' }
    }

    /// The dialect of a text, and the bytes to skip: a first line `sep=;`, as spreadsheets write it, says the delimiter.
    pub(super) fn of(text: &str, known: Option<Delimiter>) -> (Self, usize) {
        let first_line = text.split('\n').next().unwrap_or_default();
        let told = first_line.trim_end().strip_prefix("sep=").map(str::as_bytes);
        let (told, skipped) = match told {
            Some(&[byte]) if text.len() > first_line.len() => {
                (Some(Delimiter::Byte(byte)), first_line.len() + 1)
            }
            _ => (None, 0),
        };
        let lines: Vec<&str> = text[skipped..]
            .lines()
            .filter(|line| !line.trim().is_empty())
            .take(LINES_LOOKED_AT)
            .collect();
        let with = |quote| {
            let delimiter = known.or(told).unwrap_or_else(|| delimiter_of(&lines, quote));
            Self { delimiter, quote }
        };
        let single = with(b'\'');
        let dialect = if single.encloses_cells(&lines) { single } else { with(b'"') };
        (dialect, skipped)
    }

    /// Whether the quotation mark stands around cells: all of the first line, or one or more of every other line; and
    /// nowhere at one end of a cell only, as an apostrophe does.
    fn encloses_cells(self, lines: &[&str]) -> bool {
        let mut all_of_first = false;
        let mut some_of_each = lines.len() > 1;
        let mark = char::from(self.quote);
        for (number, line) in lines.iter().enumerate() {
            let cells = self.cells_with_quotes(line);
            let is_enclosed =
                |cell: &&&str| cell.len() > 1 && cell.starts_with(mark) && cell.ends_with(mark);
            let is_half = |cell: &&str| {
                (cell.starts_with(mark) || cell.ends_with(mark)) && !is_enclosed(&cell)
            };
            if cells.iter().any(is_half) {
                return false;
            }
            let n_enclosed = cells.iter().filter(is_enclosed).count();
            if number == 0 {
                all_of_first = n_enclosed == cells.len();
            } else {
                some_of_each &= n_enclosed > 0;
            }
        }
        all_of_first || some_of_each
    }

    /// The cells of a line, with the quotation marks around them.
    fn cells_with_quotes(self, line: &str) -> Vec<&str> {
        let delimiter = match self.delimiter {
            Delimiter::Byte(byte) => byte,
            Delimiter::Blanks => b' ',
        };
        let mut is_quoted = false;
        let outside = |letter: char| {
            is_quoted ^= letter == char::from(self.quote);
            letter == char::from(delimiter) && !is_quoted
        };
        let cells = line.split(outside).map(str::trim);
        cells.filter(|cell| self.delimiter != Delimiter::Blanks || !cell.is_empty()).collect()
    }
}

/// The cells of a line; blanks within quotes are part of a cell.
pub(super) fn cells_between_blanks(line: &str, quote: u8) -> Vec<&str> {
    let mark = char::from(quote);
    let mut cells = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let quoted = rest.strip_prefix(mark).and_then(|inner| {
            let end = inner.find(mark)?;
            let after = &inner[end + 1..];
            let is_whole = after.is_empty() || after.starts_with(char::is_whitespace);
            is_whole.then_some((&inner[..end], after))
        });
        let (cell, after) = match quoted {
            Some(found) => found,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        cells.push(cell);
        rest = after.trim_start();
    }
    cells
}

/// The first of tab, semicolon, bar and comma that all lines hold equally often: a comma may also be a decimal mark,
/// hence last. Blanks where a line of numbers has nothing else. Else the most frequent one of the first line.
fn delimiter_of(lines: &[&str], quote: u8) -> Delimiter {
    const BY_CERTAINTY: [u8; 4] = *b"\t;|,";
    let first = lines.first().copied().unwrap_or_default();
    let agrees = |counts: &[usize], least: usize| match counts {
        // The header may lack the name of the column with the names of the rows.
        [header, row, rest @ ..] => {
            *header >= least
                && (row == header || *row == header + 1)
                && rest.iter().all(|count| count == row)
        }
        [header] => *header >= least,
        [] => false,
    };
    let agreed = BY_CERTAINTY.into_iter().find(|&delimiter| {
        let counts: Vec<usize> =
            lines.iter().map(|line| count_outside_quotes(line, delimiter, quote)).collect();
        agrees(&counts, 1)
    });
    if let (Some(delimiter), true) = (agreed, lines.len() > 1) {
        return Delimiter::Byte(delimiter);
    }
    let most_frequent = BY_CERTAINTY
        .into_iter()
        .max_by_key(|&delimiter| count_outside_quotes(first, delimiter, quote))
        .filter(|&delimiter| count_outside_quotes(first, delimiter, quote) > 0);
    if let Some(delimiter) = most_frequent {
        return Delimiter::Byte(delimiter);
    }
    let cells: Vec<Vec<&str>> =
        lines.iter().map(|line| cells_between_blanks(line, quote)).collect();
    let counts: Vec<usize> = cells.iter().map(Vec::len).collect();
    let has_number =
        |line: &Vec<&str>| line.iter().any(|cell| cell.replace(',', ".").parse::<f64>().is_ok());
    if lines.len() > 1 && agrees(&counts, 2) && cells[1..].iter().all(has_number) {
        return Delimiter::Blanks;
    }
    Delimiter::Byte(b',')
}

fn count_outside_quotes(line: &str, delimiter: u8, quote: u8) -> usize {
    let mut is_quoted = false;
    let counts = |&&byte: &&u8| {
        is_quoted ^= byte == quote;
        byte == delimiter && !is_quoted
    };
    line.as_bytes().iter().filter(counts).count()
}

/// A first line that counts the table and names its classes, as scikit-learn packs its data:
/// `150,4,setosa,versicolor,virginica` before 150 lines of 4 numbers and the index of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CountingLine {
    pub(super) n_rows: usize,
    pub(super) n_inputs: usize,
    /// Names of the classes; may be empty.
    pub(super) classes: Vec<String>,
}

impl CountingLine {
    /// The counts that `first` gives, if a table with lines of `n_columns` cells after it has them.
    pub(super) fn of(first: &[String], n_columns: usize, text: &str) -> Option<Self> {
        let [n_rows, n_inputs, classes @ ..] = first else { return None };
        let (n_rows, n_inputs) = (n_rows.parse().ok()?, n_inputs.parse().ok()?);
        let are_names = classes.iter().all(|name| !name.is_empty() && name.parse::<f64>().is_err());
        let n_lines = || text.lines().filter(|line| !line.trim().is_empty()).count();
        let fits = are_names && n_inputs + 1 == n_columns && n_rows > 1 && n_rows + 1 == n_lines();
        fits.then(|| Self { n_rows, n_inputs, classes: classes.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (u8, Delimiter) {
        let (Dialect { delimiter, quote }, _) = Dialect::of(text, None);
        (quote, delimiter)
    }

    #[test]
    fn single_quotes_count_where_they_enclose_cells() {
        let comma = Delimiter::Byte(b',');
        assert_eq!(of("'a','b, c'\n'1','x'\n"), (b'\'', comma));
        assert_eq!(of("'a','b'\n1,2\n3,4\n"), (b'\'', comma));
        assert_eq!(of("a,b\n1,'x, y'\n2,'z'\n"), (b'\'', comma));
        assert_eq!(of("a b\n1 'x y'\n2 'z'\n"), (b'\'', Delimiter::Blanks));
        for text in [
            "a,b\n1,'tis\n2,'z'\n",
            "a,b\n1,rock 'n' roll\n2,x\n",
            "a,b\n1,'x'\n2,x\n",
            "a,b\n1,\"it's\"\n2,x\n",
            "a,b\n1,ends'\n2,'z'\n",
        ] {
            assert_eq!(of(text), (b'"', comma), "{text}");
        }
    }

    #[test]
    fn a_known_delimiter_is_taken() {
        let (dialect, _) = Dialect::of("a;b,c\n1;2,5\n", Some(Delimiter::Byte(b',')));
        assert_eq!(dialect, Dialect::usual(Delimiter::Byte(b',')));
    }

    #[test]
    fn a_line_that_counts_must_be_right() {
        let first = |line: &str| line.split(',').map(String::from).collect::<Vec<_>>();
        let found = CountingLine::of(&first("2,1,a,b"), 2, "2,1,a,b\n0.5,0\n0.7,1\n").unwrap();
        assert_eq!(found.classes, ["a", "b"]);
        assert_eq!(CountingLine::of(&first("3,1,a,b"), 2, "3,1,a,b\n0.5,0\n0.7,1\n"), None);
        assert_eq!(CountingLine::of(&first("2,2,a,b"), 2, "2,2,a,b\n0.5,0\n0.7,1\n"), None);
        assert_eq!(CountingLine::of(&first("2,1,5"), 2, "2,1,5\n0.5,0\n0.7,1\n"), None);
    }
}
