//! Which tensors of a checkpoint are weight matrices, and how each is to be read.
//!
//! Every tensor ends up either as a [`Layer`] or as a [`SkippedTensor`] with its reason; nothing is dropped silently.

mod names;
mod order;
mod view;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use simbias_checkpoint::{Checkpoint, Element, TensorInfo};

pub use self::names::{BLOCK_CONTAINERS, Role, block_of};
use self::names::{is_conv1d_name, is_weight_name, lora_pair, role_of};
pub(crate) use self::view::{LayerNumbers, View};

/// Layers with a shorter side get no recommendation: it would say little.
const SHORTEST_SIDE: usize = 8;
/// Configuration keys that count experts.
const EXPERT_KEYS: [&str; 5] =
    ["num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "expert_count"];

/// How tensors are told apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerOptions {
    /// Whether a fused query-key-value matrix is cut into its three parts, which needs head counts.
    pub split_fused: bool,
    /// Names whose number marks a block, such as `layers` in `model.layers.3.mlp`.
    pub block_containers: Vec<String>,
}

impl Default for LayerOptions {
    /// Fused matrices stay whole, as other tools treat them.
    fn default() -> Self {
        Self { split_fused: false, block_containers: BLOCK_CONTAINERS.map(String::from).to_vec() }
    }
}

/// A weight matrix, or the matrices of a convolution kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Name of the tensor, with the part where a tensor holds several matrices.
    pub name: String,
    /// Names of the stored tensors behind it.
    pub tensors: Vec<String>,
    /// What it does in the network, as far as the name says.
    pub role: Role,
    /// The block it belongs to, such as `model.layers.3`.
    pub block: Option<String>,
    /// Rows (outputs) and columns (inputs) of one matrix.
    pub shape: (usize, usize),
    /// Number of matrices: kernel positions of a convolution, else 1.
    pub n_matrices: usize,
    /// Number of weights.
    pub n_weights: usize,
    /// Stored type.
    pub element: Element,
    /// Why it gets no learning rate or sparsity of its own; `None` when it does.
    pub not_recommended: Option<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
    pub(crate) view: View,
}

impl Layer {
    /// Longer side over shorter side, `Q ≥ 1`.
    pub fn aspect_ratio(&self) -> f64 {
        let (rows, cols) = self.shape;
        rows.max(cols) as f64 / rows.min(cols).max(1) as f64
    }

    /// Index of the tensor in the checkpoint; of a LoRA pair, that of `B`.
    pub fn tensor_index(&self) -> usize {
        self.view.tensor()
    }

    /// Whether the layer is one whole two-dimensional tensor stored with outputs as rows or, for the Conv1D
    /// of GPT-2, as columns (then `true`); `None` for parts, kernels and pairs.
    pub fn whole_matrix(&self) -> Option<bool> {
        match self.view {
            View::Whole { transposed, .. } => Some(transposed),
            _ => None,
        }
    }
}

/// A tensor that is not a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkippedTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Why it was left out.
    pub reason: String,
}

/// All layers of a checkpoint, and all other tensors with reasons. Layers come in the order of its tensors; where these
/// were sorted by letters, layers are sorted by the numbers in their names.
pub fn layers_of(
    checkpoint: &Checkpoint,
    options: &LayerOptions,
) -> (Vec<Layer>, Vec<SkippedTensor>) {
    let mut finder = Finder {
        checkpoint,
        options,
        conv1d_is_transposed: conv1d_is_transposed(checkpoint),
        names_tell: checkpoint
            .tensors()
            .iter()
            .any(|tensor| tensor.shape.len() > 1 && is_weight_name(&tensor.name)),
        n_experts: EXPERT_KEYS.iter().find_map(|key| checkpoint.config_count(key)),
        ties_head: checkpoint
            .config()
            .and_then(|config| config.get("tie_word_embeddings"))
            .and_then(Value::as_bool)
            .unwrap_or(false),
        layers: Vec::new(),
        skipped: Vec::new(),
    };
    for index in 0..checkpoint.tensors().len() {
        finder.look_at(index);
    }
    (order::in_network_order(finder.layers), finder.skipped)
}

struct Finder<'a> {
    checkpoint: &'a Checkpoint,
    options: &'a LayerOptions,
    conv1d_is_transposed: bool,
    /// Whether names mark weights; an export without such names is taken as weights throughout.
    names_tell: bool,
    n_experts: Option<usize>,
    ties_head: bool,
    layers: Vec<Layer>,
    skipped: Vec<SkippedTensor>,
}

impl Finder<'_> {
    fn skip(&mut self, tensor: &TensorInfo, reason: impl Into<String>) {
        self.skipped.push(SkippedTensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            reason: reason.into(),
        });
    }

    fn look_at(&mut self, index: usize) {
        let tensor = &self.checkpoint.tensors()[index];
        let n_axes = tensor.shape.len();
        if n_axes < 2 {
            self.skip(tensor, "a vector or a number, not a matrix");
        } else if tensor.element.piece().is_none() {
            let reason = match tensor.element {
                Element::Other("I32" | "U32" | "U8" | "I8") => {
                    "whole numbers, perhaps packed quantised weights: restore them to floats first"
                }
                _ => "not stored as floats",
            };
            self.skip(tensor, format!("{reason} ({})", tensor.element.name()));
        } else if tensor.shape.contains(&0) {
            self.skip(tensor, "empty");
        } else if self.names_tell && !is_weight_name(&tensor.name) {
            self.skip(
                tensor,
                "its name does not end in \"weight\" or \"kernel\": a buffer or a bias",
            );
        } else if let Some(first) = self.same_numbers(index) {
            self.skip(tensor, format!("tied: the same numbers as {first:?}"));
        } else if let Some(pair) = lora_pair(&tensor.name) {
            self.add_lora(index, &pair);
        } else {
            match n_axes {
                2 => self.add_matrix(index),
                3 if self.n_experts == Some(tensor.shape[0]) => self.add_experts(index),
                3..=5 => self.add_kernel(index),
                _ => self.skip(tensor, format!("{n_axes} axes; kernels have at most 5")),
            }
        }
    }

    /// The tensor before this one that holds the same stored numbers.
    fn same_numbers(&self, index: usize) -> Option<String> {
        let tensors = self.checkpoint.tensors();
        let tensor = &tensors[index];
        if let Some(first) = tensors[..index].iter().find(|other| other.is_same_storage(tensor)) {
            return Some(first.name.clone());
        }
        let is_head = role_of(&tensor.name, self.checkpoint.format()) == Role::Head;
        let embedding = tensors.iter().find(|other| {
            role_of(&other.name, self.checkpoint.format()) == Role::Embedding
                && other.shape == tensor.shape
        })?;
        (is_head && self.ties_head).then(|| embedding.name.clone())
    }

    fn layer(&self, index: usize, shape: (usize, usize), n_matrices: usize, view: View) -> Layer {
        let tensor = &self.checkpoint.tensors()[index];
        let role = role_of(&tensor.name, self.checkpoint.format());
        let block = block_of(&tensor.name, &self.options.block_containers);
        let not_recommended = match role {
            Role::Embedding | Role::Head | Role::Router => Some(format!("{} layer", role.name())),
            _ if shape.0.min(shape.1) < SHORTEST_SIDE => {
                Some(format!("its shorter side is below {SHORTEST_SIDE}"))
            }
            _ => None,
        };
        let mut notes = Vec::new();
        if tensor.element.is_quantised() {
            notes.push(format!(
                "restored from {}, so not the trained weights",
                tensor.element.name()
            ));
        }
        Layer {
            name: tensor.name.clone(),
            tensors: vec![tensor.name.clone()],
            role,
            block,
            shape,
            n_matrices,
            n_weights: shape.0 * shape.1 * n_matrices,
            element: tensor.element,
            not_recommended,
            notes,
            view,
        }
    }

    fn add_matrix(&mut self, index: usize) {
        let tensor = &self.checkpoint.tensors()[index];
        let transposed = is_conv1d_name(&tensor.name) && self.conv1d_is_transposed;
        let [first, second] = [tensor.shape[0], tensor.shape[1]];
        let shape = if transposed { (second, first) } else { (first, second) };
        let mut layer = self.layer(index, shape, 1, View::Whole { tensor: index, transposed });
        if transposed {
            layer.notes.push("stored with inputs as rows, read transposed".into());
        }
        if layer.role == Role::FusedQkv {
            if self.options.split_fused {
                match self.fused_parts(&tensor.name, shape.0) {
                    Ok(parts) => {
                        self.add_fused(&layer, index, transposed, &parts);
                        return;
                    }
                    Err(reason) => layer.notes.push(format!("fused, not split: {reason}")),
                }
            } else {
                layer.notes.push("query, key and value in one matrix".into());
            }
        }
        self.layers.push(layer);
    }

    /// Rows of query, key and value.
    fn fused_parts(&self, name: &str, n_rows: usize) -> Result<[usize; 3], &'static str> {
        if name.contains("query_key_value") {
            return Err("its heads are interleaved");
        }
        let count = |keys: &[&str]| keys.iter().find_map(|key| self.checkpoint.config_count(key));
        let heads = count(&["num_attention_heads", "n_head", "num_heads", "attention.head_count"])
            .ok_or("no head count in the configuration")?;
        let key_heads = count(&["num_key_value_heads", "attention.head_count_kv"]).unwrap_or(heads);
        let n_heads = heads + 2 * key_heads;
        if !n_rows.is_multiple_of(n_heads) {
            return Err("its rows are not a multiple of the heads");
        }
        let head = n_rows / n_heads;
        Ok([heads * head, key_heads * head, key_heads * head])
    }

    fn add_fused(&mut self, whole: &Layer, tensor: usize, transposed: bool, parts: &[usize; 3]) {
        let roles = [Role::Query, Role::Key, Role::Value];
        let mut first = 0;
        for (&n_rows, role) in parts.iter().zip(roles) {
            let shape = (n_rows, whole.shape.1);
            self.layers.push(Layer {
                name: format!("{}[{}]", whole.name, role.name()),
                role,
                shape,
                n_weights: shape.0 * shape.1,
                view: View::Rows { tensor, transposed, first },
                ..whole.clone()
            });
            first += n_rows;
        }
    }

    fn add_experts(&mut self, index: usize) {
        let shape = &self.checkpoint.tensors()[index].shape;
        let (n_experts, shape) = (shape[0], (shape[1], shape[2]));
        for expert in 0..n_experts {
            let mut layer = self.layer(index, shape, 1, View::Expert { tensor: index, expert });
            layer.name = format!("{}[{expert}]", layer.name);
            self.layers.push(layer);
        }
    }

    fn add_kernel(&mut self, index: usize) {
        let shape = &self.checkpoint.tensors()[index].shape;
        let n_positions = shape[2..].iter().product();
        let mut layer =
            self.layer(index, (shape[0], shape[1]), n_positions, View::Kernel { tensor: index });
        if layer.role == Role::Linear {
            layer.role = Role::Conv;
        }
        if shape[1] == 1 {
            layer.not_recommended =
                Some("a depthwise kernel, whose matrices have one column".into());
        }
        self.layers.push(layer);
    }

    /// `name_of_b` is the partner; the pair becomes one layer, listed at `A`.
    fn add_lora(&mut self, index: usize, pair: &names::LoraName) {
        let tensor = &self.checkpoint.tensors()[index];
        let names::LoraName { is_a: true, partner, stem } = pair else {
            let has_a = self.checkpoint.find(&pair.partner).is_some();
            if !has_a {
                self.skip(tensor, format!("one half of a LoRA pair without {:?}", pair.partner));
            }
            return;
        };
        let Some((b_index, b)) = self.checkpoint.find(partner) else {
            self.skip(tensor, format!("one half of a LoRA pair without {partner:?}"));
            return;
        };
        let fits = tensor.shape.len() == 2 && b.shape.len() == 2 && b.shape[1] == tensor.shape[0];
        if !fits {
            let reason = format!("its LoRA partner has shape {:?}", b.shape);
            self.skip(tensor, reason);
            return;
        }
        let rank = tensor.shape[0];
        let shape = (b.shape[0], tensor.shape[1]);
        let scale = self.lora_scale(rank);
        let view = View::Lora { a: index, b: b_index, scale: scale.unwrap_or(1.0) };
        let mut layer = self.layer(index, shape, 1, view);
        layer.name = format!("{stem}[B·A]");
        layer.tensors.push(b.name.clone());
        layer.n_weights = tensor.n_elements() + b.n_elements();
        layer.not_recommended = Some("a low-rank update".into());
        layer.notes.push(match scale {
            Some(scale) => format!("update of rank {rank}, scaled by {scale}"),
            None => format!("update of rank {rank}, scale unknown and taken as 1"),
        });
        self.layers.push(layer);
    }

    fn lora_scale(&self, rank: usize) -> Option<f64> {
        let config = self.checkpoint.config()?;
        let alpha = config.get("lora_alpha")?.as_f64()?;
        let is_rank_stabilised = config.get("use_rslora").and_then(Value::as_bool).unwrap_or(false);
        let rank = rank as f64;
        Some(alpha / if is_rank_stabilised { rank.sqrt() } else { rank })
    }
}

/// GPT-2's Conv1D stores inputs as rows, while other programs use Linear under the same layer names: the fused matrix,
/// three times as long one way, tells which.
fn conv1d_is_transposed(checkpoint: &Checkpoint) -> bool {
    checkpoint
        .tensors()
        .iter()
        .filter(|tensor| tensor.name.contains("c_attn") || tensor.name.contains("c_fc"))
        .find(|tensor| tensor.shape.len() == 2 && tensor.shape[0] != tensor.shape[1])
        .is_none_or(|tensor| tensor.shape[1] > tensor.shape[0])
}
