//! Texts as tokens, and windows of them.

use std::path::{Path, PathBuf};

use rand::RngExt;
use simbias_checkpoint::{ArrayValues, FileError, parse_npy};
use simbias_stats::Seed;

use crate::{LanguageError, LanguageModel, Tokenizer};

/// A text as token numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Where it comes from.
    pub path: PathBuf,
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// Byte of the text at which each token ends; unknown for token files.
    pub(crate) ends: Option<Vec<usize>>,
    /// How text became tokens, in words.
    tokens_by: String,
}

/// Which windows of a text a method looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Calibration {
    /// Windows.
    pub n_sequences: usize,
    /// Tokens of a window.
    pub length: usize,
}

impl Text {
    /// Reads a UTF-8 text, or the tokens of an `.npy` file of whole numbers, for `model`.
    ///
    /// # Errors
    /// Files that cannot be read, tokens that the model does not have.
    pub fn read(
        path: &Path,
        model: &LanguageModel,
        tokenizer: Option<&Tokenizer>,
    ) -> Result<Self, LanguageError> {
        let text = if path.extension().is_some_and(|extension| extension == "npy") {
            let (path, tokens) = (path.into(), read_tokens(path)?);
            Self { path, tokens, ends: None, tokens_by: "given as numbers".into() }
        } else {
            let bytes = std::fs::read(path).map_err(|error| failure(path, error.to_string()))?;
            let text = String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                failure(path, format!("is not UTF-8 text: byte {at} is invalid; convert it first"))
            })?;
            let own;
            let tokenizer = match tokenizer {
                Some(tokenizer) => tokenizer,
                None => {
                    own = model.tokenizer()?;
                    &own
                }
            };
            Self::encode(path, &text, tokenizer)?
        };
        text.check(model)?;
        Ok(text)
    }

    /// The tokens of `text`, which is called `path` in messages.
    ///
    /// # Errors
    /// Texts that the tokenizer refuses.
    pub fn encode(path: &Path, text: &str, tokenizer: &Tokenizer) -> Result<Self, LanguageError> {
        let encoded = tokenizer.encode_with_ends(text)?;
        let tokens_by = match tokenizer.first_token() {
            Some(first) => format!("{}, the text begins with token {first}", tokenizer.source()),
            None => format!("{}, nothing added before the text", tokenizer.source()),
        };
        Ok(Self { path: path.into(), tokens: encoded.tokens, ends: Some(encoded.ends), tokens_by })
    }

    /// Where the tokens came from and what the text begins with, for reports.
    pub fn tokens_by(&self) -> &str {
        &self.tokens_by
    }

    fn check(&self, model: &LanguageModel) -> Result<(), LanguageError> {
        let vocabulary = model.decoder().vocabulary;
        let outside = self.tokens.iter().position(|&token| token as usize >= vocabulary);
        match outside {
            Some(at) => Err(failure(
                &self.path,
                format!(
                    "token {at} is number {}, but the model has {vocabulary} tokens; was it made with another \
                     tokenizer?",
                    self.tokens[at]
                ),
            )),
            None => Ok(()),
        }
    }

    /// Windows at random places, each place from a stream of its own.
    ///
    /// # Errors
    /// Texts shorter than a window.
    pub fn windows(
        &self,
        calibration: Calibration,
        seed: Seed,
    ) -> Result<Vec<Vec<u32>>, LanguageError> {
        let Calibration { n_sequences, length } = calibration;
        if n_sequences == 0 || length < 2 {
            let problem = "there must be at least one sequence of at least two tokens".into();
            return Err(LanguageError::Option { option: "calibration", problem });
        }
        let n = self.tokens.len();
        let Some(last) = n.checked_sub(length) else {
            return Err(failure(
                &self.path,
                format!(
                    "has {n} tokens, fewer than one sequence of {length}; give a longer text or shorter sequences"
                ),
            ));
        };
        Ok((0..n_sequences)
            .map(|index| {
                let mut stream = seed.child("language/calibration", index as u64).stream();
                let first = stream.random_range(0..=last);
                self.tokens[first..first + length].to_vec()
            })
            .collect())
    }

    /// Bytes of the text that the tokens `first + 1 ..= last` stand for.
    pub(crate) fn n_bytes(&self, first: usize, last: usize) -> Option<usize> {
        let ends = self.ends.as_ref()?;
        Some(ends[last].saturating_sub(ends[first]))
    }
}

fn failure(path: &Path, problem: String) -> LanguageError {
    LanguageError::Text { path: path.into(), problem }
}

/// The whole numbers of an `.npy` file, whatever its shape.
fn read_tokens(path: &Path) -> Result<Vec<u32>, LanguageError> {
    let bytes = std::fs::read(path).map_err(|error| failure(path, error.to_string()))?;
    let array = parse_npy(path, &bytes).map_err(|error| match error {
        FileError::Malformed { problem, hint, .. } => {
            failure(path, format!("is not an .npy file: {problem}; {hint}"))
        }
        other => LanguageError::Checkpoint(other.into()),
    })?;
    let kind = match array.values {
        ArrayValues::U8(values) => return Ok(values.into_iter().map(u32::from).collect()),
        ArrayValues::I64(values) => {
            return values
                .into_iter()
                .enumerate()
                .map(|(at, value)| {
                    u32::try_from(value).map_err(|_| {
                        failure(path, format!("number {at} is {value}, which is not a token"))
                    })
                })
                .collect();
        }
        ArrayValues::F32(_) | ArrayValues::F64(_) => "floating-point numbers",
        ArrayValues::Bool(_) => "truth values",
        ArrayValues::Texts(_) => "texts",
    };
    Err(failure(path, format!("holds {kind} instead of whole numbers")))
}
