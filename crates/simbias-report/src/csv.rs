//! Comma-separated text as in RFC 4180.

use std::borrow::Cow;

use crate::format;

/// Text under construction, one record per line.
#[derive(Default)]
pub(crate) struct CsvText(String);

impl CsvText {
    /// A text that opens with its column names.
    pub(crate) fn with_header<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut text = Self::default();
        text.record(names);
        text
    }

    /// Adds one record; fields are quoted only where they must be.
    pub(crate) fn record<S: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = S>) {
        for (index, field) in fields.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.0.push_str(&quoted(field.as_ref()));
        }
        self.0.push('\n');
    }

    /// Adds a record of another text behind a first field.
    pub(crate) fn record_behind(&mut self, first: &str, record: &str) {
        self.0.push_str(&quoted(first));
        self.0.push(',');
        self.0.push_str(record);
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// The field as it stands in a record.
fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

/// The records of a text, each with its line end.
pub(crate) fn records(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split_inclusive(move |symbol| {
        is_quoted ^= symbol == '"';
        symbol == '\n' && !is_quoted
    })
}

/// The two fields of an interval, empty without one.
pub(crate) fn ends(interval: Option<[f64; 2]>) -> [String; 2] {
    interval.map_or_else(Default::default, |interval| interval.map(format::shortest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_special_fields_are_quoted() {
        let mut text = CsvText::with_header(["plain", "a,b"]);
        text.record(["say \"hi\"", "two\nlines"]);
        let text = text.finish();
        assert_eq!(text, "plain,\"a,b\"\n\"say \"\"hi\"\"\",\"two\nlines\"\n");
        assert_eq!(records(&text).count(), 2, "a line end inside a field ends no record");
    }
}
