//! Comma-separated text as in RFC 4180.

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
            let field = field.as_ref();
            if field.contains([',', '"', '\n', '\r']) {
                self.0.push('"');
                self.0.push_str(&field.replace('"', "\"\""));
                self.0.push('"');
            } else {
                self.0.push_str(field);
            }
        }
        self.0.push('\n');
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
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
        assert_eq!(text.finish(), "plain,\"a,b\"\n\"say \"\"hi\"\"\",\"two\nlines\"\n");
    }
}
