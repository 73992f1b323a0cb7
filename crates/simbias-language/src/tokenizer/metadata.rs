//! Tokenizers as GGUF files describe them: byte-level merges (`gpt2`) and SentencePiece's pieces with scores (`llama`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use simbias_checkpoint::{Checkpoint, MetadataValue};
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{self, Prepend, Replace};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior,
    decoders,
};

use super::{Inner, Tokenizer, failure};
use crate::LanguageError;

/// Kinds of tokens in GGUF (`enum llama_token_type`).
const NORMAL: u64 = 1;
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;
/// What SentencePiece writes for a blank.
const BLANK: &str = "\u{2581}";

/// Words, numbers of up to three digits, punctuation with line ends, blanks: how LLaMA 3 cuts text before merging.
const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The same with single digits: Qwen 2.
const QWEN_2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The tokenizer that the metadata of a GGUF file describe.
pub(super) fn of_metadata(checkpoint: &Checkpoint) -> Result<Tokenizer, LanguageError> {
    let metadata = Metadata { checkpoint, file: checkpoint.path().into() };
    let tokens = metadata.texts("tokenizer.ggml.tokens")?;
    let kind = metadata.text("tokenizer.ggml.model").unwrap_or_default();
    let (mut tokenizer, source, begins_by_default) = match kind {
        "gpt2" => {
            let cut = metadata.text("tokenizer.ggml.pre").unwrap_or("default");
            (byte_level(&metadata, &tokens, cut)?, format!("GGUF metadata ({cut})"), false)
        }
        "llama" => {
            (sentence_pieces(&metadata, &tokens)?, "GGUF metadata (SentencePiece)".into(), true)
        }
        other => {
            return Err(metadata.failure(format!(
                "its tokenizer is of kind {other:?}; byte-level merges (\"gpt2\") and SentencePiece (\"llama\") are \
                 read from GGUF; give the model's tokenizer.json"
            )));
        }
    };
    let kinds = metadata.list("tokenizer.ggml.token_type");
    let marked = |wanted: u64, special: bool| -> Vec<AddedToken> {
        let of_kind = tokens.iter().zip(kinds).filter(|(_, kind)| kind.as_u64() == Some(wanted));
        of_kind.map(|(token, _)| AddedToken::from(*token, special).normalized(false)).collect()
    };
    tokenizer.add_special_tokens(&marked(CONTROL, true));
    tokenizer.add_tokens(&marked(USER_DEFINED, false));
    let wants_first = metadata.flag("tokenizer.ggml.add_bos_token").unwrap_or(begins_by_default);
    let first = metadata.number("tokenizer.ggml.bos_token_id").filter(|_| wants_first);
    // For readers of a tokenizer.json; here the token is put in front by hand. A template cannot express names that
    // mean something else in it.
    if let Some((first, token)) = first.and_then(|first| Some((first, tokens.get(first as usize)?)))
        && !token.starts_with('$')
        && let Ok(template) = TemplateProcessing::builder().try_single(format!("{token} $A"))
        && let Ok(before) = template.special_tokens(vec![((*token).to_string(), first)]).build()
    {
        tokenizer.with_post_processor(Some(before));
    }
    Ok(Tokenizer { inner: Inner::Merging(Box::new(tokenizer)), source, first })
}

struct Metadata<'a> {
    checkpoint: &'a Checkpoint,
    file: PathBuf,
}

impl<'a> Metadata<'a> {
    fn failure(&self, problem: String) -> LanguageError {
        failure(Path::new(&self.file), problem)
    }

    fn find(&self, key: &str) -> Option<&'a MetadataValue> {
        let found = self.checkpoint.metadata().iter().find(|(name, _)| name == key)?;
        Some(&found.1)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.find(key).and_then(MetadataValue::as_str)
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.find(key).and_then(MetadataValue::as_u64).and_then(|id| u32::try_from(id).ok())
    }

    fn flag(&self, key: &str) -> Option<bool> {
        match self.find(key) {
            Some(MetadataValue::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// Empty when there is none.
    fn list(&self, key: &str) -> &'a [MetadataValue] {
        self.find(key).and_then(MetadataValue::as_list).unwrap_or(&[])
    }

    fn texts(&self, key: &str) -> Result<Vec<&'a str>, LanguageError> {
        let list = self.find(key).and_then(MetadataValue::as_list);
        let texts = list.and_then(|list| list.iter().map(MetadataValue::as_str).collect());
        texts.ok_or_else(|| self.failure(format!("{key} is not a list of texts")))
    }
}

fn numbered(tokens: &[&str]) -> HashMap<String, u32> {
    tokens.iter().zip(0..).map(|(token, index)| ((*token).to_string(), index)).collect()
}

/// Merges of letters that stand for bytes.
fn byte_level(
    metadata: &Metadata<'_>,
    tokens: &[&str],
    cut: &str,
) -> Result<tokenizers::Tokenizer, LanguageError> {
    let merges = metadata
        .texts("tokenizer.ggml.merges")?
        .into_iter()
        .map(|merge| {
            let (left, right) = merge.split_once(' ').ok_or_else(|| {
                metadata.failure(format!("merge {merge:?} does not have two parts"))
            })?;
            Ok((left.to_string(), right.to_string()))
        })
        .collect::<Result<Vec<_>, LanguageError>>()?;
    let (before, ignores_merges) = pre_tokenizer(cut).ok_or_else(|| {
        metadata.failure(format!(
            "its tokenizer cuts text by the rule {cut:?}, which is unknown; give the model's tokenizer.json"
        ))
    })?;
    let model = BPE::builder()
        .vocab_and_merges(numbered(tokens).into_iter().collect::<Vocab>(), merges)
        .ignore_merges(ignores_merges)
        .build()
        .map_err(|error| metadata.failure(format!("its merges do not fit its tokens: {error}")))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(before));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    Ok(tokenizer)
}

/// Pieces with scores: the pair whose union has the highest score is merged first, text in no piece becomes bytes. The
/// same as merges in the order of scores.
fn sentence_pieces(
    metadata: &Metadata<'_>,
    tokens: &[&str],
) -> Result<tokenizers::Tokenizer, LanguageError> {
    let scores: Option<Vec<f64>> =
        metadata.list("tokenizer.ggml.scores").iter().map(MetadataValue::as_f64).collect();
    let scores = scores.filter(|scores| scores.len() == tokens.len()).ok_or_else(|| {
        metadata.failure("tokenizer.ggml.scores is not a list of one number per token".into())
    })?;
    let kinds = metadata.list("tokenizer.ggml.token_type");
    let is_piece = |index: usize| {
        let kind = kinds.get(index).and_then(MetadataValue::as_u64).unwrap_or(NORMAL);
        kind == NORMAL || kind == USER_DEFINED
    };
    let vocabulary = numbered(tokens);
    let mut merges: Vec<(f64, &str, &str)> = Vec::new();
    for (index, (&piece, &score)) in tokens.iter().zip(&scores).enumerate() {
        if !is_piece(index) {
            continue;
        }
        let mut parts: Vec<(&str, &str)> = piece
            .char_indices()
            .skip(1)
            .map(|(at, _)| piece.split_at(at))
            .filter(|(left, right)| {
                vocabulary.contains_key(*left) && vocabulary.contains_key(*right)
            })
            .collect();
        parts.sort_by_key(|(left, right)| (vocabulary[*left], vocabulary[*right]));
        merges.extend(parts.into_iter().map(|(left, right)| (score, left, right)));
    }
    let letters = |text: &str| std::cmp::Reverse(text.chars().count());
    merges.sort_by(|(score, left, right), (other, other_left, other_right)| {
        other.total_cmp(score).then_with(|| {
            (letters(left), letters(right)).cmp(&(letters(other_left), letters(other_right)))
        })
    });
    let merges =
        merges.into_iter().map(|(_, left, right)| (left.to_string(), right.to_string())).collect();
    let unknown = metadata.number("tokenizer.ggml.unknown_token_id").unwrap_or(0);
    let unknown = tokens.get(unknown as usize).copied().unwrap_or_default();
    let unfit = |error: tokenizers::Error| {
        metadata.failure(format!("its scores do not fit its tokens: {error}"))
    };
    let model = BPE::builder()
        .vocab_and_merges(vocabulary.into_iter().collect::<Vocab>(), merges)
        .unk_token(unknown.to_string())
        .fuse_unk(true)
        .byte_fallback(true)
        .build()
        .map_err(unfit)?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    let has_prefix = metadata.flag("tokenizer.ggml.add_space_prefix").unwrap_or(true);
    let prefix = has_prefix.then(|| NormalizerWrapper::Prepend(Prepend::new(BLANK.to_string())));
    let blanks = NormalizerWrapper::Replace(Replace::new(" ", BLANK).map_err(unfit)?);
    let steps = prefix.into_iter().chain([blanks]).collect();
    tokenizer.with_normalizer(Some(NormalizerWrapper::Sequence(normalizers::Sequence::new(steps))));
    let mut back = vec![
        DecoderWrapper::Replace(Replace::new(BLANK, " ").map_err(unfit)?),
        DecoderWrapper::ByteFallback(ByteFallback::new()),
        DecoderWrapper::Fuse(Fuse::new()),
    ];
    if has_prefix {
        back.push(DecoderWrapper::Strip(Strip::new(' ', 1, 0)));
    }
    let back = decoders::sequence::Sequence::new(back);
    tokenizer.with_decoder(Some(DecoderWrapper::Sequence(back)));
    Ok(tokenizer)
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
