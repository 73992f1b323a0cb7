//! Ensembles of decision trees, all nodes of all trees in one array.
//!
//! The runtime's own operator knows only some ensembles of classes and walks them through generic tensors; forests
//! of scikit-learn, XGBoost and LightGBM are common enough to be run as they should.

mod operator;
mod parse;

use ndarray::{Array2, ArrayView2};

pub(crate) use operator::register;

/// How a node compares its feature with its threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Test {
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    Equal,
    NotEqual,
}

impl Test {
    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::LessOrEqual => value <= threshold,
            Self::Less => value < threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Greater => value > threshold,
            Self::Equal => value == threshold,
            Self::NotEqual => value != threshold,
        }
    }
}

/// A node; children are indices into all nodes.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Branch {
        feature: usize,
        test: Test,
        threshold: f64,
        /// Where rows go whose feature is missing: the comparison is false unless this is set.
        missing_is_true: bool,
        if_true: usize,
        if_false: usize,
    },
    /// A range of `Trees::weights`.
    Leaf { start: usize, end: usize },
}

/// How the trees' votes for one output are joined.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Aggregate {
    Sum,
    Average,
    Least,
    Largest,
}

/// What happens to the joined votes at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PostTransform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
}

/// The meaning of the outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outputs {
    /// One number for each target, or one score for each class.
    Each,
    /// Two classes of which the trees score only the second one.
    SecondClass {
        /// Votes are shares of rows, so that the first class gets the rest; margins otherwise, of which it gets the
        /// negative.
        votes_are_shares: bool,
    },
    /// Two classes of which the trees score only one, with a base value for each.
    Margin,
}

/// An ensemble of trees.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trees {
    nodes: Vec<Node>,
    /// First node of every tree.
    roots: Vec<usize>,
    /// Output and vote, grouped by leaf.
    weights: Vec<(usize, f64)>,
    /// Number of outputs before the rules of `outputs`.
    n_voted: usize,
    base: Vec<f64>,
    aggregate: Aggregate,
    post_transform: PostTransform,
    outputs: Outputs,
    /// Features that the nodes read: the highest one and one more.
    n_features: usize,
}

impl Trees {
    /// Columns of the scores.
    fn n_outputs(&self) -> usize {
        match self.outputs {
            Outputs::Each => self.n_voted,
            Outputs::SecondClass { .. } | Outputs::Margin => 2,
        }
    }

    /// Scores of `rows`, shape `[n_rows, n_features]` → `[n_rows, n_outputs]`.
    ///
    /// # Panics
    /// Never for rows with at least `n_features` columns.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut scores = Array2::zeros((rows.nrows(), self.n_outputs()));
        let mut votes = vec![0.0; self.n_voted];
        let mut row_values: Vec<f64> = Vec::with_capacity(rows.ncols());
        for (row, mut out) in rows.rows().into_iter().zip(scores.rows_mut()) {
            row_values.clear();
            row_values.extend(row.iter().map(|&value| f64::from(value)));
            self.vote(&row_values, &mut votes);
            let mut found = self.finished(&votes);
            // A softmax of one score leaves it as it is.
            let softens = !matches!(self.outputs, Outputs::SecondClass { .. });
            if softens || self.post_transform == PostTransform::Logistic {
                self.post_transform.apply(&mut found);
            }
            for (out, value) in out.iter_mut().zip(found) {
                *out = value as f32;
            }
        }
        scores
    }

    /// The joined votes of all trees for one row.
    fn vote(&self, row: &[f64], votes: &mut [f64]) {
        let start = match self.aggregate {
            Aggregate::Sum | Aggregate::Average => 0.0,
            Aggregate::Least => f64::INFINITY,
            Aggregate::Largest => f64::NEG_INFINITY,
        };
        votes.fill(start);
        for &root in &self.roots {
            for &(output, weight) in self.leaf(root, row) {
                let vote = &mut votes[output];
                *vote = match self.aggregate {
                    Aggregate::Sum | Aggregate::Average => *vote + weight,
                    Aggregate::Least => vote.min(weight),
                    Aggregate::Largest => vote.max(weight),
                };
            }
        }
        for vote in votes.iter_mut() {
            if self.aggregate == Aggregate::Average {
                *vote /= self.roots.len() as f64;
            }
            // No tree voted for this output.
            if vote.is_infinite() {
                *vote = 0.0;
            }
        }
    }

    /// The votes of the leaf that a row reaches from `node`. Nodes form no cycles, as the parser has checked.
    fn leaf(&self, mut node: usize, row: &[f64]) -> &[(usize, f64)] {
        loop {
            match &self.nodes[node] {
                Node::Leaf { start, end } => return &self.weights[*start..*end],
                Node::Branch { feature, test, threshold, missing_is_true, if_true, if_false } => {
                    let value = row[*feature];
                    let goes =
                        test.holds(value, *threshold) || (*missing_is_true && value.is_nan());
                    node = if goes { *if_true } else { *if_false };
                }
            }
        }
    }

    /// Votes with base values, one for each output; what ONNX Runtime does where the standard is silent about two
    /// classes.
    fn finished(&self, votes: &[f64]) -> Vec<f64> {
        let base = |index: usize| self.base.get(index).copied().unwrap_or(0.0);
        match self.outputs {
            Outputs::Each => {
                votes.iter().enumerate().map(|(index, vote)| vote + base(index)).collect()
            }
            Outputs::SecondClass { votes_are_shares } => {
                let second = votes[0] + base(0);
                let is_margin = !votes_are_shares || self.post_transform == PostTransform::Logistic;
                vec![if is_margin { -second } else { 1.0 - second }, second]
            }
            Outputs::Margin => {
                let second = votes[0] + base(1);
                vec![-second, second]
            }
        }
    }
}

impl PostTransform {
    fn apply(self, scores: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Logistic => {
                for score in scores {
                    *score = 1.0 / (1.0 + (-*score).exp());
                }
            }
            Self::Softmax | Self::SoftmaxZero => {
                const ZERO: f64 = 1e-7;
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for score in scores.iter_mut() {
                    let keeps_zero = self == Self::SoftmaxZero && score.abs() <= ZERO;
                    *score = if keeps_zero {
                        *score * (-largest).exp()
                    } else {
                        (*score - largest).exp()
                    };
                }
                let sum: f64 = scores.iter().sum();
                for score in scores {
                    *score /= sum;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of the given depth that halves `[0, 1)` of one feature at every level; leaves vote for their class.
    fn trees(n_trees: usize, depth: usize) -> Trees {
        let mut trees = Trees {
            nodes: Vec::new(),
            roots: Vec::new(),
            weights: Vec::new(),
            n_voted: 3,
            base: Vec::new(),
            aggregate: Aggregate::Sum,
            post_transform: PostTransform::None,
            outputs: Outputs::Each,
            n_features: 13,
        };
        for tree in 0..n_trees {
            let first = trees.nodes.len();
            trees.roots.push(first);
            for place in 0..(1 << (depth + 1)) - 1_usize {
                let start = trees.weights.len();
                let is_leaf = place >= (1 << depth) - 1;
                trees.nodes.push(if is_leaf {
                    trees.weights.push((place % 3, 1.0 / n_trees as f64));
                    Node::Leaf { start, end: start + 1 }
                } else {
                    Node::Branch {
                        feature: (tree + place) % 13,
                        test: Test::LessOrEqual,
                        threshold: 0.5,
                        missing_is_true: tree % 2 == 0,
                        if_true: first + 2 * place + 1,
                        if_false: first + 2 * place + 2,
                    }
                });
            }
        }
        trees
    }

    #[test]
    fn d25_a_hundred_trees_score_260_passes_quickly() {
        let trees = trees(100, 7);
        let rows = Array2::from_shape_fn((72, 13), |(row, column)| {
            ((row * 31 + column * 17) % 10) as f32 / 10.0
        });
        let start = std::time::Instant::now();
        let mut total = 0.0;
        for _ in 0..260 {
            total += trees.score(rows.view()).sum();
        }
        assert!((total / (260.0 * 72.0) - 1.0).abs() < 1e-4, "every row has all votes");
        assert!(start.elapsed().as_secs_f64() < 3.0, "{:?}", start.elapsed());
    }

    #[test]
    fn missing_values_go_where_the_node_says() {
        let mut trees = trees(1, 1);
        let missing = ndarray::Array2::from_elem((1, 13), f32::NAN);
        // Nodes 1 and 2 are leaves for the classes 1 and 2.
        assert_eq!(trees.score(missing.view()), ndarray::array![[0.0, 1.0, 0.0]]);
        if let Node::Branch { missing_is_true, .. } = &mut trees.nodes[0] {
            *missing_is_true = false;
        }
        assert_eq!(trees.score(missing.view()), ndarray::array![[0.0, 0.0, 1.0]]);
    }

    #[test]
    fn one_score_of_two_classes_becomes_two() {
        let one = |post_transform, outputs, base: &[f64]| {
            let mut trees = trees(1, 1);
            trees.weights = vec![(0, 0.25), (0, 0.75)];
            (trees.n_voted, trees.base) = (1, base.to_vec());
            (trees.post_transform, trees.outputs) = (post_transform, outputs);
            trees.score(ndarray::Array2::zeros((1, 13)).view()).into_raw_vec_and_offset().0
        };
        let shares = Outputs::SecondClass { votes_are_shares: true };
        let margins = Outputs::SecondClass { votes_are_shares: false };
        assert_eq!(one(PostTransform::None, shares, &[]), [0.75, 0.25]);
        assert_eq!(one(PostTransform::None, margins, &[]), [-0.25, 0.25]);
        assert_eq!(one(PostTransform::None, margins, &[0.5]), [-0.75, 0.75]);
        assert_eq!(one(PostTransform::None, Outputs::Margin, &[9.0, 0.5]), [-0.75, 0.75]);
        let second = 1.0 / (1.0 + (-0.75_f32).exp());
        let found = one(PostTransform::Logistic, margins, &[0.5]);
        assert!((found[1] - second).abs() < 1e-6 && (found[0] + found[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn votes_are_joined_as_the_file_says() {
        let joined = |aggregate| {
            let mut trees = trees(2, 0);
            trees.weights = vec![(0, 2.0), (0, 6.0)];
            (trees.aggregate, trees.base) = (aggregate, vec![1.0]);
            trees.score(ndarray::Array2::zeros((1, 13)).view())[[0, 0]]
        };
        assert_eq!(joined(Aggregate::Sum), 9.0);
        assert_eq!(joined(Aggregate::Average), 5.0);
        assert_eq!(joined(Aggregate::Least), 3.0);
        assert_eq!(joined(Aggregate::Largest), 7.0);
    }
}
