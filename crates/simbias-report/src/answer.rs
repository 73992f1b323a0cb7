//! A finished answer for any caller: a command line, Python, a web page.

use std::io::{self, Write};

use serde::Serialize;

use crate::Report;

/// What a tool found, in all the forms in which it is kept.
///
/// A tool implements this for its result; the caller shows the report, passes the result on, or keeps everything in
/// the directory of a run.
pub trait Answer {
    /// Name and version of the result's form, such as `simbias.audit/1`; the result has it under its key `schema`.
    fn schema(&self) -> &str;

    /// The answer for people. It has no provenance yet; the caller adds it.
    fn report(&self) -> Report;

    /// Writes the answer for programs with [`write_json`]. Results are written as they are, never as a tree of values,
    /// because those of large models would not fit into memory twice.
    ///
    /// # Errors
    /// Errors of `out`.
    fn write_result(&self, out: &mut dyn Write) -> io::Result<()>;

    /// Files that belong to the answer beside its report and its result.
    fn files(&self) -> Vec<AnswerFile<'_>> {
        Vec::new()
    }

    /// The result as text, as [`write_result`](Self::write_result) writes it.
    fn result_json(&self) -> String {
        let mut bytes = Vec::new();
        let written = self.write_result(&mut bytes);
        match written.map(|()| String::from_utf8(bytes)) {
            Ok(Ok(text)) => text,
            _ => unreachable!("a result has string keys only and is written to memory"),
        }
    }
}

/// Writes `value` as JSON, indented, with a final newline: the form of every result on disk and on standard output.
///
/// # Errors
/// Errors of `out`.
pub fn write_json<T: Serialize + ?Sized>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}

type Fill<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

/// A file of an answer, written on demand.
pub struct AnswerFile<'a> {
    name: String,
    fill: Fill<'a>,
}

impl<'a> AnswerFile<'a> {
    /// The file `name`, a path inside the answer's directory with `/` between its parts; `fill` writes its content.
    pub fn new(
        name: impl Into<String>,
        fill: impl Fn(&mut dyn Write) -> io::Result<()> + 'a,
    ) -> Self {
        Self { name: name.into(), fill: Box::new(fill) }
    }

    /// The file `name` with `value` as JSON.
    pub fn json<T: Serialize + ?Sized>(name: impl Into<String>, value: &'a T) -> Self {
        Self::new(name, move |out| write_json(out, value))
    }

    /// Where the file lies inside the answer's directory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the content.
    ///
    /// # Errors
    /// Errors of `out`, and content that has no form on disk.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        (self.fill)(out)
    }
}

impl std::fmt::Debug for AnswerFile<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AnswerFile").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Found {
        schema: &'static str,
        lines: Vec<f64>,
    }

    impl Answer for Found {
        fn schema(&self) -> &str {
            self.schema
        }

        fn report(&self) -> Report {
            Report::new("Lines")
        }

        fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
            write_json(out, self)
        }

        fn files(&self) -> Vec<AnswerFile<'_>> {
            vec![
                AnswerFile::json("lines.json", &self.lines),
                AnswerFile::new("n.txt", |out| write!(out, "{}", self.lines.len())),
            ]
        }
    }

    #[test]
    fn an_answer_is_met_without_its_type() {
        let found = Found { schema: "simbias.test/1", lines: vec![0.5] };
        let answer: &dyn Answer = &found;
        let result = "{\n  \"schema\": \"simbias.test/1\",\n  \"lines\": [\n    0.5\n  ]\n}\n";
        assert_eq!(answer.result_json(), result);
        let contents = answer.files().into_iter().map(|file| {
            let mut bytes = Vec::new();
            file.write(&mut bytes).unwrap();
            (file.name().to_string(), String::from_utf8(bytes).unwrap())
        });
        let expected = [("lines.json", "[\n  0.5\n]\n"), ("n.txt", "1")];
        assert!(contents.eq(expected.map(|(name, text)| (name.to_string(), text.to_string()))));
    }
}
