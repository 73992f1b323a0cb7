//! A small stack pruned by the official code with three methods, calibrated block by block.

use std::collections::BTreeMap;

use serde_json::Value;
use simbias_checkpoint::{Checkpoint, Numbers};
use simbias_spectra::prune::{
    InputStatistics, Pattern, SparseGptOptions, WeightMatrix, magnitude, sparsegpt, wanda,
};

use super::{GOLDEN, assert_absolute};

/// "SparseGPT weights: absolute 2e-4, mask agreement >= 99.5 %".
const WEIGHT_ABSOLUTE: f64 = 2e-4;
const MASK_AGREEMENT: f64 = 0.995;
/// Layers of a block, in the order of the file.
const PARTS: [&str; 5] = ["q", "k", "o", "up", "down"];

struct Stack {
    checkpoint: Checkpoint,
    expected: Value,
}

impl Stack {
    fn open() -> Self {
        Self {
            checkpoint: Checkpoint::open(&GOLDEN.path("prune_stack.safetensors")).unwrap(),
            expected: GOLDEN.json::<Value>("prune_expected.json")["prune"].clone(),
        }
    }

    fn layers(&self) -> Vec<String> {
        let names = self.expected["layer_order"].as_array().unwrap();
        names.iter().map(|name| name.as_str().unwrap().to_string()).collect()
    }

    fn count(&self, key: &str) -> usize {
        self.expected[key].as_u64().unwrap() as usize
    }

    fn matrix(&self, name: &str) -> WeightMatrix {
        let (index, info) = self.checkpoint.find(name).unwrap_or_else(|| panic!("{name}"));
        let values = self.checkpoint.read(index).unwrap().into_f32();
        let (n_rows, n_cols) = (info.shape[0], info.shape[1]);
        WeightMatrix { layer: name.into(), n_rows, n_cols, values }
    }

    fn dense(&self) -> BTreeMap<String, WeightMatrix> {
        self.layers()
            .into_iter()
            .map(|name| (name.clone(), self.matrix(&format!("dense.model.layers.{name}"))))
            .collect()
    }

    /// Embedded tokens, one list of rows per sequence.
    fn embedded(&self) -> Vec<Vec<f32>> {
        let embedding = self.matrix("dense.model.embed_tokens.weight");
        let ids = self.input_ids();
        ids.chunks(self.count("seqlen"))
            .map(|sequence| {
                sequence
                    .iter()
                    .flat_map(|&id| {
                        embedding.values[id * embedding.n_cols..][..embedding.n_cols].to_vec()
                    })
                    .collect()
            })
            .collect()
    }

    /// Whole numbers, which a checkpoint does not read: they are taken from the file itself.
    fn input_ids(&self) -> Vec<usize> {
        let tokens = GOLDEN.tensors("prune_stack.safetensors").values("input_ids");
        tokens.into_iter().map(|token| token as usize).collect()
    }

    /// Prunes block by block: statistics of all layers of a block from the dense block on pruned inputs.
    fn pruned(
        &self,
        prune: &dyn Fn(&str, &mut WeightMatrix, &InputStatistics),
    ) -> BTreeMap<String, WeightMatrix> {
        let mut weights = self.dense();
        let mut sequences = self.embedded();
        let n_blocks = weights.len() / PARTS.len();
        for block in 0..n_blocks {
            let name = |part: &str| format!("{block}.{part}.weight");
            let mut statistics: BTreeMap<String, InputStatistics> = PARTS
                .iter()
                .map(|part| (name(part), InputStatistics::new(weights[&name(part)].n_cols, true)))
                .collect();
            for x in &sequences {
                run_block(x, &weights, block, &mut |part, inputs| {
                    statistics.get_mut(&name(part)).unwrap().add_sequence(inputs);
                });
            }
            for part in PARTS {
                let name = name(part);
                prune(&name, weights.get_mut(&name).unwrap(), &statistics[&name]);
            }
            for x in &mut sequences {
                *x = run_block(x, &weights, block, &mut |_, _| {});
            }
        }
        weights
    }

    /// Patterns of a tag by layer.
    fn pattern(&self, tag: &str, layer: &str) -> Pattern {
        if let Some(share) = tag.strip_prefix("uniform") {
            return Pattern::Share(share.parse().unwrap());
        }
        if let Some((zeros, of)) = tag.split_once("of") {
            return Pattern::Groups { zeros: zeros.parse().unwrap(), of: of.parse().unwrap() };
        }
        assert_eq!(tag, "layerwise");
        let index = self.layers().iter().position(|name| name == layer).unwrap();
        Pattern::Share(self.expected["ratios"][index].as_f64().unwrap())
    }

    /// `method.tag` of all stored results.
    fn cases(&self, method: &str) -> Vec<String> {
        let mut tags: Vec<String> = self
            .checkpoint
            .tensors()
            .iter()
            .filter_map(|tensor| {
                let rest = tensor.name.strip_prefix(method)?.strip_prefix('.')?;
                let layer =
                    self.layers().into_iter().find(|layer| rest.ends_with(layer.as_str()))?;
                Some(rest.strip_suffix(&layer)?.trim_end_matches('.').to_string())
            })
            .collect();
        tags.sort();
        tags.dedup();
        assert!(!tags.is_empty());
        tags
    }
}

/// `x Wᵀ` for rows of `x`.
fn apply(x: &[f32], weights: &WeightMatrix) -> Vec<f32> {
    let mut outputs = Vec::with_capacity(x.len() / weights.n_cols * weights.n_rows);
    for row in x.chunks_exact(weights.n_cols) {
        for weight in weights.values.chunks_exact(weights.n_cols) {
            let sum: f64 = row.iter().zip(weight).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
            outputs.push(sum as f32);
        }
    }
    outputs
}

/// `x += o(q(x)·sigmoid(k(x)))`, `x += down(gelu(up(x)))`; `see` gets the inputs of every layer.
fn run_block(
    x: &[f32],
    weights: &BTreeMap<String, WeightMatrix>,
    block: usize,
    see: &mut dyn FnMut(&str, &[f32]),
) -> Vec<f32> {
    let layer = |part: &str| &weights[&format!("{block}.{part}.weight")];
    see("q", x);
    see("k", x);
    let (q, k) = (apply(x, layer("q")), apply(x, layer("k")));
    let gated: Vec<f32> = q.iter().zip(&k).map(|(q, k)| q / (1.0 + (-k).exp())).collect();
    see("o", &gated);
    let attended = apply(&gated, layer("o"));
    let x: Vec<f32> = x.iter().zip(&attended).map(|(x, y)| x + y).collect();
    see("up", &x);
    let hidden: Vec<f32> = apply(&x, layer("up")).into_iter().map(gelu).collect();
    see("down", &hidden);
    let added = apply(&hidden, layer("down"));
    x.iter().zip(&added).map(|(x, y)| x + y).collect()
}

/// Exact, by the error function's series (Abramowitz and Stegun 7.1.6) where it converges fast.
fn gelu(x: f32) -> f32 {
    let z = f64::from(x) / 2.0_f64.sqrt();
    let (mut term, mut sum, mut n) = (z, z, 0.0);
    if z.abs() < 6.0 {
        while term.abs() > 1e-17 * sum.abs() {
            n += 1.0;
            term *= 2.0 * z * z / (2.0 * n + 1.0);
            sum += term;
        }
    }
    let erf = if z.abs() < 6.0 {
        2.0 / std::f64::consts::PI.sqrt() * (-z * z).exp() * sum
    } else {
        z.signum()
    };
    (0.5 * f64::from(x) * (1.0 + erf)) as f32
}

/// Share of weights that are zero in both or in neither.
fn agreement(found: &WeightMatrix, expected: &WeightMatrix) -> f64 {
    let same = found
        .values
        .iter()
        .zip(&expected.values)
        .filter(|(found, expected)| (**found == 0.0) == (**expected == 0.0))
        .count();
    same as f64 / found.values.len() as f64
}

fn check(
    method: &str,
    prune: &dyn Fn(&mut WeightMatrix, &InputStatistics, Pattern),
    masks_are_exact: bool,
) {
    let stack = Stack::open();
    for tag in stack.cases(method) {
        let pruned = stack.pruned(&|layer, weights, statistics| {
            prune(weights, statistics, stack.pattern(&tag, layer));
        });
        for (index, layer) in stack.layers().iter().enumerate() {
            let what = format!("{method} {tag} {layer}");
            let (found, expected) =
                (&pruned[layer], stack.matrix(&format!("{method}.{tag}.{layer}")));
            let agreement = agreement(found, &expected);
            if masks_are_exact {
                assert_eq!(agreement, 1.0, "{what}");
                assert_eq!(found.values, expected.values, "{what}");
            } else {
                assert!(agreement >= MASK_AGREEMENT, "{what}: {agreement}");
                for (&found, &expected) in found.values.iter().zip(&expected.values) {
                    // A weight on the other side of a threshold differs by itself.
                    if (found == 0.0) == (expected == 0.0) {
                        assert_absolute(&what, found.into(), expected.into(), WEIGHT_ABSOLUTE);
                    }
                }
            }
            let zeros = &stack.expected[format!("{method}.{tag}")]["zero_fraction"];
            if let Some(expected) = zeros.get(index).and_then(Value::as_f64) {
                // Stored as 32-bit shares.
                assert_absolute(&what, found.zero_share(), expected, 1e-6);
            }
        }
    }
}

#[test]
fn magnitude_masks() {
    check("magnitude", &|weights, _, pattern| magnitude(weights, pattern).unwrap(), true);
}

#[test]
fn wanda_masks() {
    check(
        "wanda",
        &|weights, statistics, pattern| wanda(weights, statistics, pattern).unwrap(),
        true,
    );
}

#[test]
fn sparsegpt_weights() {
    check(
        "sparsegpt",
        &|weights, statistics, pattern| {
            let damping =
                sparsegpt(weights, statistics, pattern, SparseGptOptions::default()).unwrap();
            assert_eq!(
                damping,
                SparseGptOptions::default().damping,
                "no more damping than official"
            );
        },
        false,
    );
}

#[test]
fn the_file_holds_floats_only_where_weights_are() {
    // The reader of the stack relies on it.
    let stack = Stack::open();
    let (index, _) = stack.checkpoint.find("dense.model.embed_tokens.weight").unwrap();
    assert!(matches!(stack.checkpoint.read(index).unwrap(), Numbers::F32(_)));
}
