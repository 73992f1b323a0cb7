//! From text to the tokens of a model: its `tokenizer.json`, or the vocabulary inside a GGUF file.

mod metadata;

use std::path::Path;

use simbias_checkpoint::Checkpoint;

use crate::LanguageError;

/// Turns text into token numbers.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: Inner,
    source: String,
    /// What every text begins with.
    first: Option<u32>,
}

#[derive(Clone, Debug)]
enum Inner {
    Merging(Box<tokenizers::Tokenizer>),
    /// A byte is a token, for networks of this program.
    Bytes,
}

/// Tokens of a text, and the byte at which each ends.
pub(crate) struct Encoded {
    pub(crate) tokens: Vec<u32>,
    pub(crate) ends: Vec<usize>,
}

impl Tokenizer {
    /// Every byte is a token.
    pub fn bytes() -> Self {
        Self { inner: Inner::Bytes, source: "bytes".into(), first: None }
    }

    /// A `tokenizer.json` of Hugging Face.
    ///
    /// # Errors
    /// Files that cannot be read or understood.
    pub fn open(file: &Path) -> Result<Self, LanguageError> {
        let tokenizer = tokenizers::Tokenizer::from_file(file)
            .map_err(|error| failure(file, format!("invalid tokenizer.json: {error}")))?;
        let empty = tokenizer.encode("", true).map_err(|error| failure(file, error.to_string()))?;
        // Two tokens would be those of a classifier, around its text.
        let first = match empty.get_ids() {
            &[first] => Some(first),
            _ => None,
        };
        let source = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { inner: Inner::Merging(Box::new(tokenizer)), source, first })
    }

    /// The tokenizer of `checkpoint`: the `tokenizer.json` beside it, or a GGUF file's own vocabulary.
    ///
    /// # Errors
    /// No tokenizer, or one of an unsupported kind.
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Self, LanguageError> {
        let path = checkpoint.path();
        let beside = if path.is_dir() {
            path.join("tokenizer.json")
        } else {
            path.with_file_name("tokenizer.json")
        };
        if has_key(checkpoint, "tokenizer.ggml.model") {
            return metadata::of_metadata(checkpoint);
        }
        if beside.is_file() {
            return Self::open(&beside);
        }
        Err(failure(&beside, "is missing, so text cannot be turned into tokens".into()))
    }

    /// Where it comes from, for reports.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The token that every text begins with, if there is one.
    pub fn first_token(&self) -> Option<u32> {
        self.first
    }

    /// As a `tokenizer.json`; `None` for bytes.
    pub(crate) fn to_json(&self) -> Option<String> {
        match &self.inner {
            Inner::Merging(tokenizer) => tokenizer.to_string(true).ok(),
            Inner::Bytes => None,
        }
    }

    /// Token numbers of `text`.
    ///
    /// # Errors
    /// Texts that the tokenizer refuses.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, LanguageError> {
        Ok(self.encode_with_ends(text)?.tokens)
    }

    pub(crate) fn encode_with_ends(&self, text: &str) -> Result<Encoded, LanguageError> {
        let mut encoded = match &self.inner {
            Inner::Bytes => Encoded {
                tokens: text.bytes().map(u32::from).collect(),
                ends: (1..=text.len()).collect(),
            },
            Inner::Merging(tokenizer) => {
                let encoding = tokenizer
                    .encode(text, false)
                    .map_err(|error| failure(Path::new(&self.source), error.to_string()))?;
                Encoded {
                    tokens: encoding.get_ids().to_vec(),
                    ends: encoding.get_offsets().iter().map(|&(_, end)| end).collect(),
                }
            }
        };
        if let Some(first) = self.first {
            encoded.tokens.insert(0, first);
            encoded.ends.insert(0, 0);
        }
        Ok(encoded)
    }
}

fn failure(path: &Path, problem: String) -> LanguageError {
    LanguageError::Tokenizer { path: path.into(), problem }
}

fn has_key(checkpoint: &Checkpoint, key: &str) -> bool {
    checkpoint.metadata().iter().any(|(name, _)| name == key)
}
