//! From text to the tokens of a model: its `tokenizer.json`, or the vocabulary inside a GGUF file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use simbias_data::checkpoint::{Checkpoint, MetadataValue};
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, PreTokenizerWrapper, SplitDelimiterBehavior};

use crate::LanguageError;

/// Kinds of tokens in GGUF (`enum llama_token_type`).
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;

/// Words, numbers of up to three digits, punctuation with line ends, blanks: how LLaMA 3 cuts text before merging.
const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The same with single digits: Qwen 2.
const QWEN_2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

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
    /// A byte is a token; for networks of this program.
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
            .map_err(|error| failure(file, format!("no tokenizer.json: {error}")))?;
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
    /// No tokenizer, or one of a kind that is not read.
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Self, LanguageError> {
        let path = checkpoint.path();
        let beside = if path.is_dir() {
            path.join("tokenizer.json")
        } else {
            path.with_file_name("tokenizer.json")
        };
        if has_key(checkpoint, "tokenizer.ggml.model") {
            return of_metadata(checkpoint);
        }
        if beside.is_file() {
            return Self::open(&beside);
        }
        Err(failure(&beside, "is not there, so that text cannot be turned into tokens".into()))
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

/// Byte-level pair merging as GGUF files describe it.
fn of_metadata(checkpoint: &Checkpoint) -> Result<Tokenizer, LanguageError> {
    let file: PathBuf = checkpoint.path().into();
    let find = |key: &str| -> Option<&MetadataValue> {
        let found = checkpoint.metadata().iter().find(|(name, _)| name == key)?;
        Some(&found.1)
    };
    let kind = find("tokenizer.ggml.model").and_then(MetadataValue::as_str).unwrap_or_default();
    if kind != "gpt2" {
        return Err(failure(
            &file,
            format!(
                "its tokenizer is of kind {kind:?}; only byte-level merges (\"gpt2\") are read from GGUF, give the \
                 model's tokenizer.json"
            ),
        ));
    }
    let texts = |key: &str| -> Result<Vec<&str>, LanguageError> {
        let list = find(key).and_then(MetadataValue::as_list);
        let texts = list.and_then(|list| list.iter().map(MetadataValue::as_str).collect());
        texts.ok_or_else(|| failure(&file, format!("{key} is no list of texts")))
    };
    let tokens = texts("tokenizer.ggml.tokens")?;
    let merges = texts("tokenizer.ggml.merges")?
        .into_iter()
        .map(|merge| {
            let (left, right) = merge
                .split_once(' ')
                .ok_or_else(|| failure(&file, format!("merge {merge:?} has no two parts")))?;
            Ok((left.to_string(), right.to_string()))
        })
        .collect::<Result<Vec<_>, LanguageError>>()?;
    let vocabulary: HashMap<String, u32> =
        tokens.iter().zip(0..).map(|(token, index)| ((*token).to_string(), index)).collect();
    let cut = find("tokenizer.ggml.pre").and_then(MetadataValue::as_str).unwrap_or("default");
    let (before, ignores_merges) = pre_tokenizer(cut).ok_or_else(|| {
        failure(
            &file,
            format!(
                "its tokenizer cuts text by the rule {cut:?}, which is not known here; give the model's tokenizer.json"
            ),
        )
    })?;
    let model = BPE::builder()
        .vocab_and_merges(
            vocabulary.into_iter().collect::<tokenizers::models::bpe::Vocab>(),
            merges,
        )
        .ignore_merges(ignores_merges)
        .build()
        .map_err(|error| failure(&file, format!("its merges do not fit its tokens: {error}")))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(before));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    let kinds = find("tokenizer.ggml.token_type").and_then(MetadataValue::as_list).unwrap_or(&[]);
    let marked = |wanted: u64, special: bool| -> Vec<AddedToken> {
        let of_kind = tokens.iter().zip(kinds).filter(|(_, kind)| kind.as_u64() == Some(wanted));
        of_kind.map(|(token, _)| AddedToken::from(*token, special)).collect()
    };
    tokenizer.add_special_tokens(&marked(CONTROL, true));
    tokenizer.add_tokens(&marked(USER_DEFINED, false));
    let wants_first =
        matches!(find("tokenizer.ggml.add_bos_token"), Some(MetadataValue::Bool(true)));
    let first = find("tokenizer.ggml.bos_token_id").and_then(MetadataValue::as_u64);
    let first = first.filter(|_| wants_first).and_then(|first| u32::try_from(first).ok());
    // For whoever reads it from a tokenizer.json; here the token is put in front by hand.
    if let Some((first, token)) = first.and_then(|first| Some((first, tokens.get(first as usize)?)))
    {
        let before = TemplateProcessing::builder()
            .try_single(format!("{token} $A"))
            .map_err(|error| failure(&file, format!("begin token {token:?}: {error}")))?
            .special_tokens(vec![((*token).to_string(), first)])
            .build()
            .map_err(|error| failure(&file, format!("begin token {token:?}: {error}")))?;
        tokenizer.with_post_processor(Some(before));
    }
    let source = format!("GGUF metadata ({cut})");
    Ok(Tokenizer { inner: Inner::Merging(Box::new(tokenizer)), source, first })
}

/// How text is cut before merging, by llama.cpp's name of the rule, and whether whole words win over merges.
fn pre_tokenizer(rule: &str) -> Option<(PreTokenizerWrapper, bool)> {
    let gpt2 = || PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, true, true));
    let by_expression = |expression: &str| -> Option<PreTokenizerWrapper> {
        let pattern = SplitPattern::Regex(expression.into());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).ok()?;
        let bytes = ByteLevel::new(false, true, false);
        Some(PreTokenizerWrapper::Sequence(Sequence::new(vec![
            PreTokenizerWrapper::Split(split),
            PreTokenizerWrapper::ByteLevel(bytes),
        ])))
    };
    Some(match rule {
        "default" | "gpt-2" | "gpt2" | "phi-2" | "jina-es" | "jina-de" => (gpt2(), false),
        "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" => {
            let digits = PreTokenizerWrapper::Digits(Digits::new(true));
            (PreTokenizerWrapper::Sequence(Sequence::new(vec![digits, gpt2()])), false)
        }
        "llama-bpe" | "llama3" | "llama-v3" => (by_expression(LLAMA_3)?, true),
        "qwen2" | "deepseek-r1-qwen" => (by_expression(QWEN_2)?, false),
        _ => return None,
    })
}
