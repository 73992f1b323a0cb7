//! The embedded runtime: tract, in pure Rust.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayView2;
use tract_onnx::prelude::*;

use crate::file::ModelFile;
use crate::input::{Element, InputBinding, Packed};
use crate::{OnnxError, lower, trees};

/// Most prepared batch sizes that are kept.
const MOST_PLANS: usize = 8;

/// A lowered graph, prepared for every batch size that is met.
pub(crate) struct Embedded {
    file: ModelFile,
    folder: Option<String>,
    plans: Mutex<BTreeMap<usize, Arc<TypedRunnableModel>>>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Embedded").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Lowers a graph that was reduced to its scores.
    ///
    /// # Errors
    /// Operators that the runtime lacks, inputs that it does not take.
    pub(crate) fn new(
        mut file: ModelFile,
        folder: Option<&str>,
        inputs: &[InputBinding],
    ) -> Result<Self, OnnxError> {
        if let Some(texts) = inputs.iter().find(|input| input.element == Element::Text) {
            let message = format!("its input {:?} takes texts", texts.input);
            return Err(OnnxError::Prepare { message });
        }
        lower::text_labels(&mut file);
        lower::feature_extractors(&mut file);
        let has = |elements: &[Element]| inputs.iter().any(|i| elements.contains(&i.element));
        if has(&[Element::I64, Element::I32, Element::Bool]) {
            lower::whole_numbers(&mut file);
        }
        lower::scalers(&mut file);
        lower::imputers(&mut file);
        if has(&[Element::F64, Element::F16]) {
            lower::gemms(&mut file);
        }
        file.check_operators()?;
        Ok(Self { file, folder: folder.map(Into::into), plans: Mutex::default() })
    }

    /// The scores of `rows` with their shape; `batch` is at least the number of rows.
    ///
    /// # Errors
    /// What the runtime says.
    pub(crate) fn run(
        &self,
        inputs: &[InputBinding],
        rows: ArrayView2<'_, f32>,
        batch: usize,
    ) -> Result<(Vec<usize>, Vec<f32>), String> {
        let plan = self.plan(inputs, batch)?;
        let packed = inputs
            .iter()
            .map(|input| Ok((input, input.pack(rows, batch)?)))
            .collect::<Result<Vec<_>, String>>()?;
        guarded(|| {
            let mut values: TVec<TValue> = tvec!();
            for (input, packed) in packed {
                let Packed::Numbers(numbers) = packed else {
                    return Err(TractError::msg("texts cannot be fed"));
                };
                let tensor = Tensor::from_shape(&input.batch_shape(batch), &numbers)?;
                values
                    .push(tensor.cast_to_dt(datum_type(input.element))?.into_owned().into_tvalue());
            }
            let outputs = plan.run(values)?;
            let scores = outputs[0].cast_to::<f32>()?;
            let values = scores.to_plain_array_view::<f32>()?.iter().copied().collect();
            Ok((scores.shape().to_vec(), values))
        })
    }

    /// The graph for one batch size. Sizes beyond the first few replace one another, so that a result depends on
    /// nothing but its rows.
    fn plan(
        &self,
        inputs: &[InputBinding],
        batch: usize,
    ) -> Result<Arc<TypedRunnableModel>, String> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&batch) {
            return Ok(plan.clone());
        }
        let plan = prepare(&self.file, self.folder.as_deref(), inputs, batch)?;
        if plans.len() >= MOST_PLANS {
            // Full batches are the largest and come most often.
            plans.pop_first();
        }
        plans.insert(batch, plan.clone());
        Ok(plan)
    }
}

fn datum_type(element: Element) -> DatumType {
    match element {
        Element::F32 | Element::Text => f32::datum_type(),
        Element::F64 => f64::datum_type(),
        Element::F16 => f16::datum_type(),
        Element::I64 => i64::datum_type(),
        Element::I32 => i32::datum_type(),
        Element::Bool => bool::datum_type(),
    }
}

/// Fixes every shape, optimises the graph and plans its execution.
fn prepare(
    file: &ModelFile,
    folder: Option<&str>,
    inputs: &[InputBinding],
    batch: usize,
) -> Result<Arc<TypedRunnableModel>, String> {
    guarded(|| {
        let mut proto = file.proto.clone();
        proto.graph = Some(file.graph.clone());
        let mut onnx = tract_onnx::onnx();
        trees::register(&mut onnx);
        let parsed = onnx.parse(&proto, folder)?;
        let mut model = parsed.model;
        for (index, outlet) in model.input_outlets()?.to_vec().into_iter().enumerate() {
            let name = model.node(outlet.node).name.clone();
            let Some(input) = inputs.iter().find(|input| input.input == name) else {
                return Err(TractError::msg(format!("nothing feeds the input {name:?}")));
            };
            let kind = datum_type(input.element);
            model.set_input_fact(index, InferenceFact::dt_shape(kind, input.batch_shape(batch)))?;
        }
        let order: Vec<OutletId> = inputs
            .iter()
            .map(|input| Ok(OutletId::new(model.node_id_by_name(&input.input)?, 0)))
            .collect::<TractResult<_>>()?;
        model.set_input_outlets(&order)?;
        model.into_optimized()?.into_runnable()
    })
}

/// Calls the runtime; a panic becomes a message like any other error.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    crate::message::guarded(|| work().map_err(|error| format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use simbias_data::Layout;

    use super::*;
    use crate::{OutputMeaning, input, output};

    #[test]
    fn d25_batches_are_never_filled_up() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/exports/tree_ok.onnx");
        let mut file = ModelFile::decode(&std::fs::read(path).unwrap()).unwrap();
        let (inputs, batch) = input::bind(&file.inputs(), &Layout::array(vec![4])).unwrap();
        assert_eq!(batch, None);
        output::reduce_to(&mut file, "output_probability", OutputMeaning::Detect);
        let engine = Embedded::new(file, None, &inputs).unwrap();
        for n_rows in [3, 72, 3] {
            let (shape, _) =
                engine.run(&inputs, Array2::zeros((n_rows, 4)).view(), n_rows).unwrap();
            assert_eq!(shape, [n_rows, 2]);
        }
        let prepared: Vec<usize> = engine.plans.lock().unwrap().keys().copied().collect();
        assert_eq!(prepared, [3, 72]);
    }
}
