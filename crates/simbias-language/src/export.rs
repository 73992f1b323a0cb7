//! A GGUF model written as Hugging Face's programs expect it: their names, their order of rows, `config.json` and
//! `tokenizer.json`.

use std::collections::HashMap;

use serde_json::{Value, json};
use simbias_data::checkpoint::{Checkpoint, Format};
use simbias_nn::decoder::{Decoder, Norm, Pairs, Positions, Projection};
use simbias_spectra::prune::Export;

use crate::{LanguageError, LanguageModel};

type Rename = Box<dyn Fn(&str) -> String>;
type RowOrder = Box<dyn Fn(&str) -> Option<Vec<usize>>>;

/// New names, orders of rows and files; nothing when the checkpoint stays as it is.
#[derive(Default)]
pub(crate) struct Dress(Option<Parts>);

struct Parts {
    rename: Rename,
    row_order: RowOrder,
    files: Vec<(String, Vec<u8>)>,
}

impl Dress {
    /// For any checkpoint: that of its model if it is a GGUF file of a known family.
    pub(crate) fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Self, LanguageError> {
        if checkpoint.format() != Format::Gguf {
            return Ok(Self::default());
        }
        match LanguageModel::new(checkpoint.clone(), &simbias_nn::cpu()) {
            Ok(model) => Self::of(&model),
            // Something else than a language model that runs here: names stay.
            Err(_) => Ok(Self::default()),
        }
    }

    /// For a model; tensors beside those of the decoder, such as factors of frequencies, keep everything as it is.
    pub(crate) fn of(model: &LanguageModel) -> Result<Self, LanguageError> {
        let checkpoint = model.checkpoint();
        if checkpoint.format() != Format::Gguf {
            return Ok(Self::default());
        }
        let names = model.names_as_hugging_face();
        let is_whole = checkpoint.tensors().iter().all(|tensor| names.contains_key(&tensor.name));
        let (true, Some(mut config)) = (is_whole, config(model)) else {
            return Ok(Self::default());
        };
        for (role, id) in special_tokens(checkpoint) {
            config[format!("{role}_token_id")] = id.into();
        }
        let mut files = vec![("config.json".to_string(), pretty(&config))];
        // A checkpoint without it is still one that loads.
        if let Some(text) = model.tokenizer().ok().and_then(|tokenizer| tokenizer.to_json()) {
            files.push(("tokenizer.json".into(), text.into_bytes()));
            files.push(("tokenizer_config.json".into(), pretty(&tokenizer_config(checkpoint))));
        }
        let orders = row_orders(model);
        let rename = move |name: &str| names.get(name).cloned().unwrap_or_else(|| name.into());
        let row_order = move |name: &str| orders.get(name).cloned();
        let (rename, row_order): (Rename, RowOrder) = (Box::new(rename), Box::new(row_order));
        Ok(Self(Some(Parts { rename, row_order, files })))
    }

    pub(crate) fn export(&self) -> Export<'_> {
        match &self.0 {
            Some(Parts { rename, row_order, files }) => {
                Export { rename, row_order, files: files.clone() }
            }
            None => Export::default(),
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

/// What transformers needs to know; `None` for what its configuration cannot say.
fn config(model: &LanguageModel) -> Option<Value> {
    let decoder = model.decoder();
    let Norm::Rms { epsilon } = decoder.norm else { return None };
    let Positions::Rotary { frequencies, .. } = &decoder.positions else { return None };
    // θ from the second of the frequencies θ^(-2i/d); another law cannot be written.
    let second = *frequencies.get(1)?;
    let base = second.powf(-(decoder.head_width as f64) / 2.0);
    let law = Decoder::rotary_frequencies(base, decoder.head_width);
    let is_plain =
        frequencies.iter().zip(&law).all(|(found, law)| (found / law - 1.0).abs() < 1e-6);
    if !is_plain {
        return None;
    }
    let (kind, class) = match decoder.biases.attention {
        true => ("qwen2", "Qwen2ForCausalLM"),
        false => ("llama", "LlamaForCausalLM"),
    };
    Some(json!({
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
    }))
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
