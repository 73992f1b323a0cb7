//! Trees from the attributes of `TreeEnsembleClassifier` and `TreeEnsembleRegressor`.

use std::collections::{BTreeSet, HashMap};

use tract_onnx::pb::NodeProto;

use super::{Aggregate, Node, Outputs, PostTransform, Test, Trees};
use crate::file::{attribute, numbers_of};

/// Most outputs: an index beyond it is a damaged file.
const MOST_OUTPUTS: i64 = 1 << 20;

impl Trees {
    /// The ensemble that a node describes.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn of_node(node: &NodeProto) -> Result<Self, String> {
        let is_classifier = node.op_type == "TreeEnsembleClassifier";
        let votes = Votes::of(node, if is_classifier { "class" } else { "target" })?;
        let aggregate = match text(node, "aggregate_function") {
            _ if is_classifier => Aggregate::Sum,
            None | Some("SUM") => Aggregate::Sum,
            Some("AVERAGE") => Aggregate::Average,
            Some("MIN") => Aggregate::Least,
            Some("MAX") => Aggregate::Largest,
            Some(other) => return Err(format!("trees joined by {other:?}")),
        };
        let post_transform = match text(node, "post_transform") {
            None | Some("NONE") => PostTransform::None,
            Some("LOGISTIC") => PostTransform::Logistic,
            Some("SOFTMAX") => PostTransform::Softmax,
            Some("SOFTMAX_ZERO") => PostTransform::SoftmaxZero,
            Some(other) => return Err(format!("the post-transform {other:?} of trees")),
        };
        let base = floats(node, "base_values")?;
        let n_named = match is_classifier {
            true => ints(node, "classlabels_int64s").len().max(
                attribute(node, "classlabels_strings").map_or(0, |labels| labels.strings.len()),
            ),
            false => attribute(node, "n_targets").map_or(1, |n| usize::try_from(n.i).unwrap_or(0)),
        };
        let highest = votes.outputs.iter().copied().max().unwrap_or(0);
        let mut n_voted = n_named.max(highest + 1);
        let voted: BTreeSet<usize> = votes.outputs.iter().copied().collect();
        let mut outputs = Outputs::Each;
        if is_classifier && n_named == 2 && voted.len() == 1 && voted.contains(&0) {
            n_voted = 1;
            outputs = match base.len() {
                2 => Outputs::Margin,
                _ => Outputs::SecondClass {
                    votes_are_shares: votes.weights.iter().all(|&weight| weight >= 0.0),
                },
            };
        }
        let mut trees = Self {
            nodes: Vec::new(),
            roots: Vec::new(),
            weights: Vec::new(),
            n_voted,
            base,
            aggregate,
            post_transform,
            outputs,
            n_features: 0,
        };
        trees.fill(node, votes)?;
        Ok(trees)
    }

    /// Reads the nodes and hangs the votes on their leaves.
    fn fill(&mut self, node: &NodeProto, votes: Votes) -> Result<(), String> {
        let tree_ids = ints(node, "nodes_treeids");
        let node_ids = ints(node, "nodes_nodeids");
        let n_nodes = tree_ids.len();
        let modes = attribute(node, "nodes_modes").map_or(&[][..], |modes| &modes.strings);
        let features = ints(node, "nodes_featureids");
        let thresholds = floats(node, "nodes_values")?;
        let trues = ints(node, "nodes_truenodeids");
        let falses = ints(node, "nodes_falsenodeids");
        let missing = ints(node, "nodes_missing_value_tracks_true");
        let lengths = [
            node_ids.len(),
            modes.len(),
            features.len(),
            thresholds.len(),
            trues.len(),
            falses.len(),
        ];
        if n_nodes == 0 || lengths.iter().any(|&length| length != n_nodes) {
            return Err("the lists of the trees' nodes differ in length".into());
        }
        let mut index_of = HashMap::with_capacity(n_nodes);
        for (index, id) in tree_ids.iter().copied().zip(node_ids.iter().copied()).enumerate() {
            if index_of.insert(id, index).is_some() {
                return Err(format!("tree {} has two nodes {}", id.0, id.1));
            }
        }
        let mut votes_of: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n_nodes];
        for ((id, output), weight) in votes.nodes.iter().zip(&votes.outputs).zip(&votes.weights) {
            let &index =
                index_of.get(id).ok_or_else(|| format!("tree {} has no node {}", id.0, id.1))?;
            votes_of[index].push((*output, *weight));
        }
        let mut n_parents = vec![0_u32; n_nodes];
        for index in 0..n_nodes {
            let mode = std::str::from_utf8(&modes[index]).unwrap_or("?");
            let test = match mode {
                "LEAF" => None,
                "BRANCH_LEQ" => Some(Test::LessOrEqual),
                "BRANCH_LT" => Some(Test::Less),
                "BRANCH_GTE" => Some(Test::GreaterOrEqual),
                "BRANCH_GT" => Some(Test::Greater),
                "BRANCH_EQ" => Some(Test::Equal),
                "BRANCH_NEQ" => Some(Test::NotEqual),
                other => return Err(format!("nodes of trees of the kind {other:?}")),
            };
            let Some(test) = test else {
                let start = self.weights.len();
                self.weights.append(&mut votes_of[index]);
                self.nodes.push(Node::Leaf { start, end: self.weights.len() });
                continue;
            };
            let child = |id: i64| {
                index_of
                    .get(&(tree_ids[index], id))
                    .copied()
                    .ok_or_else(|| format!("tree {} has no node {id}", tree_ids[index]))
            };
            let (if_true, if_false) = (child(trues[index])?, child(falses[index])?);
            n_parents[if_true] += 1;
            n_parents[if_false] += 1;
            let feature = usize::try_from(features[index])
                .ok()
                .filter(|&feature| feature < MOST_OUTPUTS as usize)
                .ok_or_else(|| format!("a tree reads feature {}", features[index]))?;
            self.n_features = self.n_features.max(feature + 1);
            self.nodes.push(Node::Branch {
                feature,
                test,
                threshold: thresholds[index],
                missing_is_true: missing.get(index).is_some_and(|&flag| flag != 0),
                if_true,
                if_false,
            });
        }
        let mut trees_seen = BTreeSet::new();
        for index in 0..n_nodes {
            if n_parents[index] == 0 && trees_seen.insert(tree_ids[index]) {
                self.roots.push(index);
            }
        }
        // With at most one parent each and a root without any, what a root reaches is a tree.
        let n_trees = tree_ids.iter().collect::<BTreeSet<_>>().len();
        if n_parents.iter().any(|&n| n > 1) || self.roots.len() != n_trees {
            return Err("the nodes of a tree do not form a tree".into());
        }
        Ok(())
    }
}

/// What the leaves vote for.
struct Votes {
    /// Tree and node.
    nodes: Vec<(i64, i64)>,
    outputs: Vec<usize>,
    weights: Vec<f64>,
}

impl Votes {
    /// Reads the attributes that begin with `prefix`.
    fn of(node: &NodeProto, prefix: &str) -> Result<Self, String> {
        let list = |name: &str| ints(node, &format!("{prefix}_{name}"));
        let nodes: Vec<(i64, i64)> =
            list("treeids").iter().copied().zip(list("nodeids").iter().copied()).collect();
        let outputs = list("ids")
            .iter()
            .map(|&id| usize::try_from(id).ok().filter(|_| id < MOST_OUTPUTS))
            .collect::<Option<Vec<usize>>>()
            .ok_or("a leaf votes for an output that does not exist")?;
        let weights = floats(node, &format!("{prefix}_weights"))?;
        if nodes.len() != outputs.len() || nodes.len() != weights.len() {
            return Err("the lists of the leaves' votes differ in length".into());
        }
        Ok(Self { nodes, outputs, weights })
    }
}

fn ints<'a>(node: &'a NodeProto, name: &str) -> &'a [i64] {
    attribute(node, name).map_or(&[], |attribute| &attribute.ints)
}

/// An attribute of floats, in single precision or, as `NAME_as_tensor`, in double precision.
fn floats(node: &NodeProto, name: &str) -> Result<Vec<f64>, String> {
    let tensor = attribute(node, &format!("{name}_as_tensor")).and_then(|list| list.t.as_ref());
    if let Some(tensor) = tensor {
        return numbers_of(tensor).ok_or_else(|| format!("{name}_as_tensor holds no numbers"));
    }
    let floats = attribute(node, name).map_or(&[][..], |attribute| &attribute.floats);
    Ok(floats.iter().map(|&value| f64::from(value)).collect())
}

fn text<'a>(node: &'a NodeProto, name: &str) -> Option<&'a str> {
    attribute(node, name).map(|attribute| std::str::from_utf8(&attribute.s).unwrap_or("?"))
}
