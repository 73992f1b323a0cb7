//! Which decoder a checkpoint holds, and under which names: Hugging Face's configuration or GGUF metadata.

use std::path::Path;

use serde_json::Value;
use simbias_checkpoint::{Checkpoint, Format, MetadataValue};
use simbias_nn::decoder::{Biases, Decoder, FeedForward, Norm, Pairs, Positions, Projection};

use crate::LanguageError;
use crate::model::OWN_MODEL_TYPE;

const KNOWN: &str = "LLaMA, Mistral, Qwen2 and GPT-2 can be run, from Hugging Face files with their config.json or \
                     (except GPT-2) from GGUF; statistics of other models can be given with --statistics";
/// A longer context is taken as a mistake in the configuration.
const LONGEST_CONTEXT: usize = 1 << 24;

/// A stored matrix of a block, which may hold several of its maps one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMap {
    /// Name of the tensor, which is also the layer's name in a scan.
    pub name: String,
    /// Name of its bias.
    pub bias: Option<String>,
    /// The maps in the order of its outputs.
    pub projections: Vec<Projection>,
    /// Whether inputs are stored as rows, as GPT-2 does.
    pub transposed: bool,
}

/// Names of a model's tensors.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) embedding: String,
    pub(crate) positions: Option<String>,
    pub(crate) final_norm: String,
    /// `None` when the embedding is the head.
    pub(crate) head: Option<String>,
    block: String,
    attention_norm: &'static str,
    feed_forward_norm: &'static str,
    maps: Vec<(&'static str, Vec<Projection>)>,
    transposed: bool,
}

impl Names {
    fn in_block(&self, block: usize, name: &str) -> String {
        format!("{}{block}.{name}", self.block)
    }

    pub(crate) fn attention_norm(&self, block: usize) -> String {
        self.in_block(block, self.attention_norm)
    }

    pub(crate) fn feed_forward_norm(&self, block: usize) -> String {
        self.in_block(block, self.feed_forward_norm)
    }

    pub(crate) fn maps(&self, decoder: &Decoder, block: usize) -> Vec<StoredMap> {
        self.maps
            .iter()
            .map(|(name, projections)| {
                let stem = self.in_block(block, name);
                let has_bias = decoder.has_bias(projections[0]);
                StoredMap {
                    name: format!("{stem}.weight"),
                    bias: has_bias.then(|| format!("{stem}.bias")),
                    projections: projections.clone(),
                    transposed: self.transposed,
                }
            })
            .collect()
    }

    pub(crate) fn llama(prefix: &str, head: Option<String>) -> Self {
        Self {
            embedding: format!("{prefix}embed_tokens.weight"),
            positions: None,
            final_norm: format!("{prefix}norm"),
            head,
            block: format!("{prefix}layers."),
            attention_norm: "input_layernorm",
            feed_forward_norm: "post_attention_layernorm",
            maps: Projection::ALL.iter().map(|map| (map.name(), vec![*map])).collect(),
            transposed: false,
        }
    }

    fn gguf(has_head: bool) -> Self {
        let names = [
            (Projection::Query, "attn_q"),
            (Projection::Key, "attn_k"),
            (Projection::Value, "attn_v"),
            (Projection::Output, "attn_output"),
            (Projection::Gate, "ffn_gate"),
            (Projection::Up, "ffn_up"),
            (Projection::Down, "ffn_down"),
        ];
        Self {
            embedding: "token_embd.weight".into(),
            positions: None,
            final_norm: "output_norm".into(),
            head: has_head.then(|| "output.weight".into()),
            block: "blk.".into(),
            attention_norm: "attn_norm",
            feed_forward_norm: "ffn_norm",
            maps: names.into_iter().map(|(map, name)| (name, vec![map])).collect(),
            transposed: false,
        }
    }

    fn gpt2(prefix: &str, head: Option<String>) -> Self {
        Self {
            embedding: format!("{prefix}wte.weight"),
            positions: Some(format!("{prefix}wpe.weight")),
            final_norm: format!("{prefix}ln_f"),
            head,
            block: format!("{prefix}h."),
            attention_norm: "ln_1",
            feed_forward_norm: "ln_2",
            maps: vec![
                ("attn.c_attn", vec![Projection::Query, Projection::Key, Projection::Value]),
                ("attn.c_proj", vec![Projection::Output]),
                ("mlp.c_fc", vec![Projection::Up]),
                ("mlp.c_proj", vec![Projection::Down]),
            ],
            transposed: true,
        }
    }
}

/// The decoder of a checkpoint and its names.
pub(crate) fn recognise(checkpoint: &Checkpoint) -> Result<(Decoder, Names), LanguageError> {
    let found = match (checkpoint.format(), checkpoint.config()) {
        (Format::Gguf, _) => of_gguf(&Gguf { checkpoint })?,
        (_, Some(config)) => {
            let config = Config { path: checkpoint.path(), json: config };
            match config.text("model_type") {
                Some("llama" | "mistral" | "qwen2") => of_llama(checkpoint, &config)?,
                Some("gpt2") => of_gpt2(checkpoint, &config)?,
                Some(OWN_MODEL_TYPE) => of_own(checkpoint, &config)?,
                Some(other) => {
                    return Err(config.unsupported(format!("a model of type {other:?}")));
                }
                None => return Err(config.unsupported("config.json names no model_type".into())),
            }
        }
        (_, None) => {
            return Err(LanguageError::Unsupported {
                path: checkpoint.path().into(),
                problem: "no config.json beside the weights, so it is unknown how to run them"
                    .into(),
                expected: KNOWN,
            });
        }
    };
    let (decoder, names) = found;
    decoder.check()?;
    let n_tensors = checkpoint.tensors().len();
    if decoder.n_blocks > n_tensors {
        return Err(LanguageError::Tensor {
            path: checkpoint.path().into(),
            problem: format!(
                "its configuration requires {} blocks, but it has {n_tensors} tensors in all",
                decoder.n_blocks
            ),
        });
    }
    Ok((decoder, names))
}

/// A `config.json`.
struct Config<'a> {
    path: &'a Path,
    json: &'a Value,
}

impl Config<'_> {
    fn unsupported(&self, problem: String) -> LanguageError {
        LanguageError::Unsupported { path: self.path.into(), problem, expected: KNOWN }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.json.get(key)?.as_str()
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.json.get(key)?.as_bool()
    }

    /// A positive number, or `usual` where the key is missing.
    fn positive(&self, key: &str, usual: f64) -> Result<f64, LanguageError> {
        match self.json.get(key).filter(|value| !value.is_null()) {
            None => Ok(usual),
            Some(value) => value.as_f64().filter(|number| *number > 0.0).ok_or_else(|| {
                self.unsupported(format!(
                    "config.json gives {value} as {key}; expected a positive number"
                ))
            }),
        }
    }

    fn count(&self, key: &str) -> Option<usize> {
        let count = self.json.get(key)?.as_u64()?;
        usize::try_from(count).ok().filter(|&count| count > 0 && count <= LONGEST_CONTEXT)
    }

    fn needed(&self, key: &str) -> Result<usize, LanguageError> {
        self.count(key)
            .ok_or_else(|| self.unsupported(format!("{key} in config.json is missing or invalid")))
    }

    /// Frequencies of the rotary embedding, with the changes that longer contexts need.
    fn frequencies(&self, head_width: usize) -> Result<Vec<f64>, LanguageError> {
        let parameters = self.json.get("rope_parameters").or_else(|| self.json.get("rope_scaling"));
        let parameters = parameters.filter(|value| value.is_object());
        let number = |key: &str| parameters.and_then(|p| p.get(key)?.as_f64());
        let of_parameters = number("rope_theta").filter(|&base| base > 0.0).unwrap_or(1e4);
        let base = self.positive("rope_theta", of_parameters)?;
        let plain = Decoder::rotary_frequencies(base, head_width);
        let kind = parameters.and_then(|p| p.get("rope_type").or_else(|| p.get("type"))?.as_str());
        match kind.unwrap_or("default") {
            "default" => Ok(plain),
            "linear" => {
                let factor = number("factor").filter(|&factor| factor > 0.0).unwrap_or(1.0);
                Ok(plain.into_iter().map(|frequency| frequency / factor).collect())
            }
            "llama3" => {
                let get = |key, default| number(key).filter(|&x| x > 0.0).unwrap_or(default);
                let (low, high, original) = LLAMA_3_STRETCH;
                Ok(stretched(
                    &plain,
                    get("factor", 8.0),
                    get("low_freq_factor", low),
                    get("high_freq_factor", high),
                    get("original_max_position_embeddings", original),
                ))
            }
            other => {
                Err(self
                    .unsupported(format!("a rotary embedding of type {other:?} in config.json")))
            }
        }
    }
}

/// Low and high factor and the original context of LLaMA 3.1's change.
pub(crate) const LLAMA_3_STRETCH: (f64, f64, f64) = (1.0, 4.0, 8192.0);

/// LLaMA 3.1's change: waves longer than the original context turn `factor` times slower, short ones stay, and those in
/// between are blended.
pub(crate) fn stretched(
    plain: &[f64],
    factor: f64,
    low: f64,
    high: f64,
    original: f64,
) -> Vec<f64> {
    plain
        .iter()
        .map(|frequency| {
            let wave = std::f64::consts::TAU / frequency;
            if wave < original / high {
                *frequency
            } else if wave > original / low {
                frequency / factor
            } else {
                let blend = (original / wave - low) / (high - low);
                (1.0 - blend) * frequency / factor + blend * frequency
            }
        })
        .collect()
}

/// The prefix of the name `marker` in the checkpoint.
fn prefix_of<'a>(checkpoint: &Checkpoint, marker: &str, prefixes: &[&'a str]) -> Option<&'a str> {
    prefixes.iter().find(|prefix| checkpoint.find(&format!("{prefix}{marker}")).is_some()).copied()
}

fn head_of(checkpoint: &Checkpoint, is_tied: bool) -> Option<String> {
    let name = "lm_head.weight";
    (!is_tied && checkpoint.find(name).is_some()).then(|| name.to_string())
}

fn of_llama(
    checkpoint: &Checkpoint,
    config: &Config<'_>,
) -> Result<(Decoder, Names), LanguageError> {
    match config.text("hidden_act").unwrap_or("silu") {
        "silu" | "swish" => {}
        other => return Err(config.unsupported(format!("the activation {other:?}"))),
    }
    let (width, n_heads) = (config.needed("hidden_size")?, config.needed("num_attention_heads")?);
    let head_width = config.count("head_dim").unwrap_or(width / n_heads);
    let is_qwen = config.text("model_type") == Some("qwen2");
    let mut context = config.count("max_position_embeddings").unwrap_or(2048);
    let uses_window = !is_qwen || config.flag("use_sliding_window").unwrap_or(false);
    // Within the window, windowed attention is plain attention.
    if let Some(window) = config.count("sliding_window").filter(|_| uses_window) {
        context = context.min(window);
    }
    let is_tied = config.flag("tie_word_embeddings").unwrap_or(false);
    let prefix =
        prefix_of(checkpoint, "embed_tokens.weight", &["model.", "", "language_model.model."])
            .ok_or_else(|| {
                config.unsupported("no tensor named model.embed_tokens.weight".into())
            })?;
    let head = head_of(checkpoint, is_tied);
    let decoder = Decoder {
        vocabulary: config.needed("vocab_size")?,
        context,
        width,
        n_blocks: config.needed("num_hidden_layers")?,
        n_heads,
        n_key_heads: config.count("num_key_value_heads").unwrap_or(n_heads),
        head_width,
        inner: config.needed("intermediate_size")?,
        norm: Norm::Rms { epsilon: config.positive("rms_norm_eps", 1e-6)? },
        positions: Positions::Rotary {
            frequencies: config.frequencies(head_width)?,
            pairs: Pairs::Halves,
        },
        feed_forward: FeedForward::GatedSilu,
        biases: Biases {
            attention: is_qwen || config.flag("attention_bias").unwrap_or(false),
            output: config.flag("attention_bias").unwrap_or(false),
            feed_forward: config.flag("mlp_bias").unwrap_or(false),
        },
        ties_head: head.is_none(),
    };
    Ok((decoder, Names::llama(prefix, head)))
}

fn of_gpt2(
    checkpoint: &Checkpoint,
    config: &Config<'_>,
) -> Result<(Decoder, Names), LanguageError> {
    let feed_forward = match config.text("activation_function").unwrap_or("gelu_new") {
        "gelu_new" | "gelu_pytorch_tanh" => FeedForward::GeluTanh,
        "gelu" => FeedForward::Gelu,
        other => return Err(config.unsupported(format!("the activation {other:?}"))),
    };
    let (width, n_heads) = (config.needed("n_embd")?, config.needed("n_head")?);
    let context = config.needed("n_positions")?;
    let prefix = prefix_of(checkpoint, "wte.weight", &["transformer.", ""])
        .ok_or_else(|| config.unsupported("no tensor named wte.weight".into()))?;
    let is_tied = config.flag("tie_word_embeddings").unwrap_or(true);
    let head = head_of(checkpoint, is_tied);
    let decoder = Decoder {
        vocabulary: config.needed("vocab_size")?,
        context,
        width,
        n_blocks: config.needed("n_layer")?,
        n_heads,
        n_key_heads: n_heads,
        head_width: width / n_heads,
        inner: config.count("n_inner").unwrap_or(4 * width),
        norm: Norm::Layer { epsilon: config.positive("layer_norm_epsilon", 1e-5)? },
        positions: Positions::Learned { n_positions: context },
        feed_forward,
        biases: Biases { attention: true, output: true, feed_forward: true },
        ties_head: head.is_none(),
    };
    Ok((decoder, Names::gpt2(prefix, head)))
}

/// A network of `simbias-nn` with its architecture under `decoder` in config.json.
fn of_own(checkpoint: &Checkpoint, config: &Config<'_>) -> Result<(Decoder, Names), LanguageError> {
    let plain = config.json.get("decoder").cloned().unwrap_or_default();
    let decoder: Decoder = serde_json::from_value(plain)
        .map_err(|error| config.unsupported(format!("config.json: decoder: {error}")))?;
    // Before anything is computed from its sizes.
    decoder.check()?;
    let head = head_of(checkpoint, decoder.ties_head);
    let mut names = Names::llama("model.", head);
    if let Positions::Learned { .. } = decoder.positions {
        names.positions = Some("model.embed_positions.weight".into());
    }
    let kept: Vec<Projection> = decoder.projections().iter().map(|(map, _)| *map).collect();
    names.maps.retain(|(_, maps)| kept.contains(&maps[0]));
    Ok((decoder, names))
}

/// GGUF metadata of one architecture.
struct Gguf<'a> {
    checkpoint: &'a Checkpoint,
}

impl Gguf<'_> {
    fn find(&self, key: &str) -> Option<&MetadataValue> {
        let found = self.checkpoint.metadata().iter().find(|(name, _)| name == key)?;
        Some(&found.1)
    }

    fn unsupported(&self, problem: String) -> LanguageError {
        LanguageError::Unsupported { path: self.checkpoint.path().into(), problem, expected: KNOWN }
    }

    fn count(&self, key: &str) -> Option<usize> {
        let count = usize::try_from(self.find(key)?.as_u64()?).ok()?;
        (count > 0 && count <= LONGEST_CONTEXT).then_some(count)
    }

    fn needed(&self, key: &str) -> Result<usize, LanguageError> {
        self.count(key)
            .ok_or_else(|| self.unsupported(format!("{key} in its metadata is missing or invalid")))
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.find(key)?.as_f64().filter(|number| number.is_finite())
    }
}

fn of_gguf(gguf: &Gguf<'_>) -> Result<(Decoder, Names), LanguageError> {
    let kind = gguf.find("general.architecture").and_then(MetadataValue::as_str);
    let kind = kind.unwrap_or_default().to_string();
    let (pairs, attention_bias) = match kind.as_str() {
        "llama" => (Pairs::Neighbours, false),
        "qwen2" => (Pairs::Halves, true),
        other => return Err(gguf.unsupported(format!("a GGUF model of architecture {other:?}"))),
    };
    let key = |name: &str| format!("{kind}.{name}");
    if gguf.count(&key("expert_count")).is_some() {
        return Err(gguf.unsupported("a mixture of experts".into()));
    }
    let width = gguf.needed(&key("embedding_length"))?;
    let n_heads = gguf.needed(&key("attention.head_count"))?;
    let head_width = gguf.count(&key("attention.key_length")).unwrap_or(width / n_heads);
    if gguf.count(&key("rope.dimension_count")).is_some_and(|turned| turned != head_width) {
        return Err(gguf.unsupported("a rotary embedding of a part of every head".into()));
    }
    let base = gguf.number(&key("rope.freq_base")).unwrap_or(1e4);
    let mut frequencies = Decoder::rotary_frequencies(base, head_width);
    match gguf.find(&key("rope.scaling.type")).and_then(MetadataValue::as_str) {
        None | Some("none") => {}
        Some("linear") => {
            let factor = gguf.number(&key("rope.scaling.factor")).filter(|&factor| factor > 0.0);
            frequencies.iter_mut().for_each(|frequency| *frequency /= factor.unwrap_or(1.0));
        }
        Some(other) => {
            return Err(gguf.unsupported(format!("a rotary embedding scaled by {other:?}")));
        }
    }
    if let Some((index, factors)) = gguf.checkpoint.find("rope_freqs.weight") {
        if factors.n_elements() != frequencies.len() {
            return Err(gguf.unsupported(format!(
                "rope_freqs.weight has {} numbers for {} frequencies",
                factors.n_elements(),
                frequencies.len()
            )));
        }
        let factors = gguf.checkpoint.read(index)?.into_f32();
        for (frequency, factor) in frequencies.iter_mut().zip(factors) {
            *frequency /= f64::from(factor);
        }
    }
    let vocabulary = match gguf.checkpoint.find("token_embd.weight") {
        Some((_, tensor)) if tensor.shape.len() == 2 => tensor.shape[0],
        _ => return Err(gguf.unsupported("the matrix token_embd.weight is missing".into())),
    };
    let has_head = gguf.checkpoint.find("output.weight").is_some();
    let epsilon = gguf.number(&key("attention.layer_norm_rms_epsilon")).unwrap_or(1e-5);
    let decoder = Decoder {
        vocabulary,
        context: gguf.count(&key("context_length")).unwrap_or(2048),
        width,
        n_blocks: gguf.needed(&key("block_count"))?,
        n_heads,
        n_key_heads: gguf.count(&key("attention.head_count_kv")).unwrap_or(n_heads),
        head_width,
        inner: gguf.needed(&key("feed_forward_length"))?,
        norm: Norm::Rms { epsilon },
        positions: Positions::Rotary { frequencies, pairs },
        feed_forward: FeedForward::GatedSilu,
        biases: Biases { attention: attention_bias, ..Biases::default() },
        ties_head: !has_head,
    };
    Ok((decoder, Names::gguf(has_head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_waves_are_stretched_and_short_ones_kept() {
        // Waves of 2π, 2π·1000 and one between; original context 1000, low 1, high 4.
        let found = stretched(&[1.0, 1e-3, 1e-2], 8.0, 1.0, 4.0, 1000.0);
        assert_eq!(found[0], 1.0);
        assert_eq!(found[1], 1e-3 / 8.0);
        let blend = (1000.0 / (std::f64::consts::TAU * 100.0) - 1.0) / 3.0;
        let expected = (1.0 - blend) * 1e-2 / 8.0 + blend * 1e-2;
        assert!((found[2] - expected).abs() < 1e-15);
    }
}
