//! A GGUF model written as Hugging Face's programs expect it: their names, their order of rows, `config.json` and
//! `tokenizer.json`.

use std::collections::HashMap;

use serde_json::{Value, json};
use simbias_checkpoint::{Checkpoint, Format};
use simbias_nn::decoder::{Decoder, Norm, Pairs, Positions, Projection};
use simbias_spectra::prune::Export;

use crate::family::{LLAMA_3_STRETCH, stretched};
use crate::{LanguageError, LanguageModel, Tokenizer};

/// Factors of rotary frequencies, which `config.json` states as a law.
const FREQUENCY_FACTORS: &str = "rope_freqs.weight";

type Rename = Box<dyn Fn(&str) -> Option<String>>;
type RowOrder = Box<dyn Fn(&str) -> Option<Vec<usize>>>;

/// How a checkpoint is converted.
pub(crate) enum Dress {
    /// It already has the form that others read.
    Unchanged,
    /// It stays a checkpoint with GGUF's names, for this reason.
    Kept(String),
    /// New names, orders of rows and files.
    HuggingFace(Parts),
}

pub(crate) struct Parts {
    rename: Rename,
    row_order: RowOrder,
    files: Vec<(String, Vec<u8>)>,
    remark: Option<String>,
}

impl Dress {
    /// For any checkpoint: that of its model if it is a GGUF file of a known family.
    pub(crate) fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Self, LanguageError> {
        if checkpoint.format() != Format::Gguf {
            return Ok(Self::Unchanged);
        }
        match LanguageModel::new(checkpoint.clone(), &simbias_nn::cpu()) {
            Ok(model) => Self::of(&model),
            Err(_) => Ok(Self::Kept("it is not a language model that simbias can run".into())),
        }
    }

    /// For a model.
    pub(crate) fn of(model: &LanguageModel) -> Result<Self, LanguageError> {
        let checkpoint = model.checkpoint();
        if checkpoint.format() != Format::Gguf {
            return Ok(Self::Unchanged);
        }
        let names = model.names_as_hugging_face();
        let is_known = |name: &str| names.contains_key(name) || name == FREQUENCY_FACTORS;
        if let Some(tensor) = checkpoint.tensors().iter().find(|tensor| !is_known(&tensor.name)) {
            return Ok(Self::Kept(format!("tensor {:?} has no counterpart", tensor.name)));
        }
        let Some(mut config) = config(model) else {
            return Ok(Self::Kept("its rotary embedding follows no known law".into()));
        };
        for (role, id) in special_tokens(checkpoint) {
            config[format!("{role}_token_id")] = id.into();
        }
        let mut files = vec![("config.json".to_string(), pretty(&config))];
        // A checkpoint without it still loads.
        let tokenizer = model.tokenizer();
        let text = tokenizer.as_ref().ok().and_then(Tokenizer::to_json);
        let remark = match (text, tokenizer) {
            (Some(text), _) => {
                files.push(("tokenizer.json".into(), text.into_bytes()));
                files.push(("tokenizer_config.json".into(), pretty(&tokenizer_config(checkpoint))));
                None
            }
            (None, Err(error)) => Some(format!("No tokenizer.json was written: {error}.")),
            (None, Ok(_)) => None,
        };
        let orders = row_orders(model);
        let rename = move |name: &str| names.get(name).cloned();
        let row_order = move |name: &str| orders.get(name).cloned();
        let (rename, row_order): (Rename, RowOrder) = (Box::new(rename), Box::new(row_order));
        Ok(Self::HuggingFace(Parts { rename, row_order, files, remark }))
    }

    pub(crate) fn export(&self) -> Export<'_> {
        match self {
            Self::HuggingFace(Parts { rename, row_order, files, remark }) => {
                Export { rename, row_order, files: files.clone(), remark: remark.clone() }
            }
            Self::Kept(reason) => Export {
                remark: Some(format!(
                    "The checkpoint keeps the names and the order of rows of the GGUF file, which other programs do not \
                     load: {reason}."
                )),
                ..Export::default()
            },
            Self::Unchanged => Export::default(),
        }
    }
}

/// Numbers of the special tokens by role.
fn special_tokens(checkpoint: &Checkpoint) -> Vec<(&'static str, u64)> {
    let find = |key: &str| {
        let found = checkpoint.metadata().iter().find(|(name, _)| name == key)?;
        found.1.as_u64()
    };
    [("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown")]
        .into_iter()
        .filter_map(|(role, key)| Some((role, find(&format!("tokenizer.ggml.{key}_token_id"))?)))
        .collect()
}

fn tokenizer_config(checkpoint: &Checkpoint) -> Value {
    let mut config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": false,
    });
    let metadata = checkpoint.metadata();
    let tokens = metadata.iter().find(|(name, _)| name == "tokenizer.ggml.tokens");
    let tokens = tokens.and_then(|(_, value)| value.as_list()).unwrap_or(&[]);
    for (role, id) in special_tokens(checkpoint) {
        if let Some(token) = tokens.get(id as usize).and_then(|token| token.as_str()) {
            config[format!("{role}_token")] = token.into();
        }
    }
    if let Some((_, template)) = metadata.iter().find(|(name, _)| name == "tokenizer.chat_template")
        && let Some(template) = template.as_str()
    {
        config["chat_template"] = template.into();
    }
    config
}

fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// What transformers needs to know; `None` for what its configuration cannot express.
fn config(model: &LanguageModel) -> Option<Value> {
    let decoder = model.decoder();
    let Norm::Rms { epsilon } = decoder.norm else { return None };
    let Positions::Rotary { frequencies, .. } = &decoder.positions else { return None };
    let (base, scaling) = law_of(frequencies, decoder.head_width)?;
    let (kind, class) = match decoder.biases.attention {
        true => ("qwen2", "Qwen2ForCausalLM"),
        false => ("llama", "LlamaForCausalLM"),
    };
    let mut config = json!({
        "architectures": [class],
        "model_type": kind,
        "vocab_size": decoder.vocabulary,
        "hidden_size": decoder.width,
        "intermediate_size": decoder.inner,
        "num_hidden_layers": decoder.n_blocks,
        "num_attention_heads": decoder.n_heads,
        "num_key_value_heads": decoder.n_key_heads,
        "head_dim": decoder.head_width,
        "hidden_act": "silu",
        "max_position_embeddings": decoder.context,
        "rms_norm_eps": epsilon,
        "rope_theta": (base * 1e6).round() / 1e6,
        "tie_word_embeddings": decoder.ties_head,
        "torch_dtype": "float32",
    });
    if let Some(scaling) = scaling {
        config["rope_scaling"] = scaling;
    }
    Some(config)
}

/// θ and `rope_scaling` of these rotary frequencies: those of θ^(-2i/d), all turned slower, or LLaMA 3.1's.
fn law_of(frequencies: &[f64], head_width: usize) -> Option<(f64, Option<Value>)> {
    let (&first, &second) = (frequencies.first()?, frequencies.get(1)?);
    let base = (first / second).powf(head_width as f64 / 2.0);
    let plain = Decoder::rotary_frequencies(base, head_width);
    // GGUF holds factors in 32 bits.
    let follows = |law: &[f64]| {
        frequencies.iter().zip(law).all(|(found, law)| (found / law - 1.0).abs() < 1e-6)
    };
    if follows(&plain) {
        return Some((base, None));
    }
    let factor = 1.0 / first;
    if follows(&plain.iter().map(|frequency| frequency / factor).collect::<Vec<f64>>()) {
        return Some((base, Some(json!({"rope_type": "linear", "factor": factor}))));
    }
    let slowest = plain.last()? / frequencies.last()?;
    let (low, high, original) = LLAMA_3_STRETCH;
    let factor = [slowest.round(), 8.0, 32.0]
        .into_iter()
        .find(|&factor| follows(&stretched(&plain, factor, low, high, original)))?;
    let scaling = json!({
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": low,
        "high_freq_factor": high,
        "original_max_position_embeddings": original as u64,
    });
    Some((base, Some(scaling)))
}

/// Rows of queries and keys from neighbours to halves: row `half · width/2 + i` of a head was row `2i + half`.
fn row_orders(model: &LanguageModel) -> HashMap<String, Vec<usize>> {
    let decoder = model.decoder();
    let Positions::Rotary { pairs: Pairs::Neighbours, .. } = decoder.positions else {
        return HashMap::new();
    };
    let half = decoder.head_width / 2;
    let order = |n_heads: usize| -> Vec<usize> {
        (0..n_heads)
            .flat_map(|head| {
                (0..2).flat_map(move |part| (0..half).map(move |i| head * 2 * half + 2 * i + part))
            })
            .collect()
    };
    (0..decoder.n_blocks)
        .flat_map(|block| model.maps(block))
        .filter_map(|map| match map.projections[0] {
            Projection::Query => Some((map.name, order(decoder.n_heads))),
            Projection::Key => Some((map.name, order(decoder.n_key_heads))),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_of_frequencies_are_recognised() {
        let plain = Decoder::rotary_frequencies(500_000.0, 128);
        let (base, scaling) = law_of(&plain, 128).unwrap();
        assert!((base / 500_000.0 - 1.0).abs() < 1e-9 && scaling.is_none());
        let slower: Vec<f64> = plain.iter().map(|frequency| frequency / 2.5).collect();
        let (base, scaling) = law_of(&slower, 128).unwrap();
        assert!((base / 500_000.0 - 1.0).abs() < 1e-9);
        assert!((scaling.unwrap()["factor"].as_f64().unwrap() - 2.5).abs() < 1e-12);
        for factor in [8.0, 32.0] {
            let (low, high, original) = LLAMA_3_STRETCH;
            let found: Vec<f64> = stretched(&plain, factor, low, high, original)
                .iter()
                .zip(&plain)
                .map(|(law, plain)| plain / f64::from((plain / law) as f32))
                .collect();
            let (_, scaling) = law_of(&found, 128).unwrap();
            let scaling = scaling.unwrap();
            assert_eq!(
                (&scaling["rope_type"], &scaling["factor"]),
                (&json!("llama3"), &json!(factor))
            );
        }
        let mut bent = plain;
        bent[40] *= 1.1;
        assert!(law_of(&bent, 128).is_none());
    }
}
