//! Ensembles of trees as operators of the embedded runtime.

use std::sync::Arc;

use ndarray::Ix2;
use tract_hir::internal::*;
use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::Trees;

/// Replaces the runtime's own operators by ours.
pub(crate) fn register(onnx: &mut Onnx) {
    onnx.op_register.insert("TreeEnsembleClassifier", classifier);
    onnx.op_register.insert("TreeEnsembleRegressor", regressor);
}

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

fn classifier(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    build(node, true)
}

fn regressor(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    build(node, false)
}

fn build(node: &NodeProto, has_labels: bool) -> Built {
    let trees = Trees::of_node(node).map_err(TractError::msg)?;
    Ok((expand(Unfolded { trees: Arc::new(trees), has_labels }), vec![]))
}

/// The node as the file has it: a classifier writes labels, which nobody reads, before the scores.
#[derive(Clone, Debug)]
struct Unfolded {
    trees: Arc<Trees>,
    has_labels: bool,
}

impl Expansion for Unfolded {
    fn name(&self) -> StaticName {
        "Trees".into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(if self.has_labels { 2 } else { 1 })
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        let Some(scores) = outputs.last() else { bail!("trees without an output") };
        solver.equals(&scores.datum_type, f32::datum_type())?;
        solver.equals(&scores.rank, 2)?;
        solver.equals(&scores.shape[0], &inputs[0].shape[0])?;
        solver.equals(&scores.shape[1], self.trees.n_outputs().to_dim())?;
        if let [labels, _] = outputs {
            solver.equals(&labels.datum_type, i64::datum_type())?;
            solver.equals(&labels.rank, 1)?;
            solver.equals(&labels.shape[0], &inputs[0].shape[0])?;
        }
        Ok(())
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let input = model.wire_node(
            format!("{prefix}.f32"),
            tract_core::ops::cast::cast(f32::datum_type()),
            inputs,
        )?;
        let op = Scored { trees: self.trees.clone(), has_labels: self.has_labels };
        model.wire_node(prefix, op, &input)
    }
}

/// The operator that runs: rows to scores.
#[derive(Clone, Debug, PartialEq)]
struct Scored {
    trees: Arc<Trees>,
    has_labels: bool,
}

// Thresholds are never NaN in an ensemble that equals itself; nothing is lost if two of those count as different.
impl Eq for Scored {}

impl Op for Scored {
    fn name(&self) -> StaticName {
        "Trees".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Scored {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let rows = input.to_plain_array_view::<f32>()?.into_dimensionality::<Ix2>()?;
        if rows.ncols() < self.trees.n_features {
            bail!("trees read {} features, rows have {}", self.trees.n_features, rows.ncols());
        }
        let scores = self.trees.score(rows);
        let (n_rows, n_outputs) = scores.dim();
        let (values, _) = scores.into_raw_vec_and_offset();
        let scores = Tensor::from_shape(&[n_rows, n_outputs], &values)?.into_tvalue();
        if self.has_labels {
            let labels = Tensor::from_shape(&[n_rows], &vec![0_i64; n_rows])?.into_tvalue();
            Ok(tvec!(labels, scores))
        } else {
            Ok(tvec!(scores))
        }
    }
}

impl TypedOp for Scored {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let n_rows = inputs[0].shape[0].clone();
        let scores = f32::fact([n_rows.clone(), self.trees.n_outputs().to_dim()]);
        Ok(if self.has_labels { tvec!(i64::fact([n_rows]), scores) } else { tvec!(scores) })
    }

    as_op!();
}
