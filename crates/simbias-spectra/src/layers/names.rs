//! What the name of a tensor says.

use serde::{Deserialize, Serialize};
use simbias_checkpoint::Format;

/// Containers of numbered blocks in the usual checkpoints; a number at the end of the container's own name does not
/// matter (`layer1.0`).
pub const BLOCK_CONTAINERS: [&str; 9] =
    ["layers", "h", "blocks", "layer", "blk", "block", "resblocks", "stages", "encoder_layer"];

/// What a matrix does in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Queries of attention.
    Query,
    /// Keys of attention.
    Key,
    /// Values of attention.
    Value,
    /// Queries, keys and values in one matrix.
    FusedQkv,
    /// Output of attention.
    Output,
    /// Gate of a gated feed-forward layer.
    Gate,
    /// First matrix of a feed-forward layer.
    Up,
    /// Last matrix of a feed-forward layer.
    Down,
    /// Convolution.
    Conv,
    /// Any other matrix.
    Linear,
    /// Token, position or type embedding.
    Embedding,
    /// Language-model head.
    Head,
    /// Chooses experts.
    Router,
}

impl Role {
    /// Word in tables and charts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Key => "key",
            Self::Value => "value",
            Self::FusedQkv => "query-key-value",
            Self::Output => "output",
            Self::Gate => "gate",
            Self::Up => "up",
            Self::Down => "down",
            Self::Conv => "conv",
            Self::Linear => "linear",
            Self::Embedding => "embedding",
            Self::Head => "head",
            Self::Router => "router",
        }
    }
}

/// Whether a tensor of two or more axes is a weight by its name.
pub(super) fn is_weight_name(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    last.ends_with("weight")
        || last == "kernel"
        || last.ends_with("_proj")
        || last.starts_with("w") && last[1..].chars().all(|letter| letter.is_ascii_digit())
}

/// Endings of the segment before `.weight` (or of the whole name) that mark a role, first match wins.
const SEGMENTS: [(Role, &[&str]); 9] = [
    (Role::Query, &["q_proj", "query", "attn_q", "wq", "q_lin", "to_q"]),
    (Role::Key, &["k_proj", "key", "attn_k", "wk", "k_lin", "to_k"]),
    (Role::Value, &["v_proj", "value", "attn_v", "wv", "v_lin", "to_v"]),
    (
        Role::FusedQkv,
        &[
            "c_attn",
            "qkv",
            "query_key_value",
            "attn_qkv",
            "in_proj",
            "in_proj_weight",
            "Wqkv",
            "qkv_proj",
            "to_qkv",
        ],
    ),
    (Role::Output, &["o_proj", "out_proj", "attn_output", "attn_out", "wo", "out_lin", "to_out"]),
    (Role::Gate, &["gate_proj", "ffn_gate", "ffn_gate_exps", "w1"]),
    (
        Role::Up,
        &[
            "up_proj",
            "ffn_up",
            "ffn_up_exps",
            "fc1",
            "c_fc",
            "w3",
            "dense_h_to_4h",
            "fc_in",
            "lin1",
            "wi",
            "gate_up_proj",
        ],
    ),
    (
        Role::Down,
        &["down_proj", "ffn_down", "ffn_down_exps", "fc2", "w2", "dense_4h_to_h", "fc_out", "lin2"],
    ),
    (Role::Router, &["router", "ffn_gate_inp"]),
];

const EMBEDDINGS: [&str; 9] = [
    "embed_tokens",
    "wte",
    "wpe",
    "word_embeddings",
    "position_embeddings",
    "token_type_embeddings",
    "token_embd",
    "position_embd",
    "shared",
];

/// Role by name.
pub(super) fn role_of(name: &str, format: Format) -> Role {
    let segments: Vec<&str> = name.split(['.', '/']).collect();
    let named = match segments.as_slice() {
        [.., parent, "weight" | "kernel"] => parent,
        [.., last] => last,
        [] => return Role::Linear,
    };
    let has = |part: &str| segments.contains(&part);
    if EMBEDDINGS.contains(named) || named.ends_with("embeddings") || named.starts_with("embed") {
        let is_output = matches!(*named, "embed_out");
        return if is_output { Role::Head } else { Role::Embedding };
    }
    if *named == "lm_head" || (format == Format::Gguf && name == "output.weight") {
        return Role::Head;
    }
    for (role, endings) in SEGMENTS {
        if endings.contains(named) {
            return role;
        }
    }
    match *named {
        // The router of Mixtral and its kin is a plain `gate` beside the experts.
        "gate" => Role::Router,
        // GPT-2 calls both outputs `c_proj`, BERT all of them `dense`.
        "c_proj" if has("mlp") => Role::Down,
        "c_proj" => Role::Output,
        "dense" if has("attention") || has("self_attention") => Role::Output,
        "dense" if has("intermediate") => Role::Up,
        "dense" if has("output") => Role::Down,
        _ => Role::Linear,
    }
}

/// Layers that GPT-2 stores with inputs as rows.
pub(super) fn is_conv1d_name(name: &str) -> bool {
    name.split('.').any(|segment| matches!(segment, "c_attn" | "c_proj" | "c_fc"))
}

/// One half of a LoRA pair.
pub(super) struct LoraName {
    pub(super) is_a: bool,
    pub(super) partner: String,
    pub(super) stem: String,
}

pub(super) fn lora_pair(name: &str) -> Option<LoraName> {
    for (half, other) in [("lora_A", "lora_B"), ("lora_B", "lora_A")] {
        if let Some((stem, _)) = name.split_once(&format!(".{half}.")) {
            let partner = name.replacen(half, other, 1);
            return Some(LoraName { is_a: half == "lora_A", partner, stem: stem.into() });
        }
    }
    None
}

/// The innermost numbered block that a tensor lies in: `model.layers.3` of `model.layers.3.mlp.up_proj.weight`.
///
/// The rule of the usual expression `(.*\.(layers|h|blocks|layer)\.(\d+))\.`, with the names in `containers`.
pub fn block_of(name: &str, containers: &[String]) -> Option<String> {
    let segments: Vec<&str> = name.split('.').collect();
    let is_container = |segment: &str| {
        let stem = segment.trim_end_matches(|letter: char| letter.is_ascii_digit());
        containers.iter().any(|container| container == stem)
    };
    let is_number =
        |segment: &str| !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
    (1..segments.len().saturating_sub(1))
        .rev()
        .find(|&index| is_number(segments[index]) && is_container(segments[index - 1]))
        .map(|index| segments[..=index].join("."))
}
